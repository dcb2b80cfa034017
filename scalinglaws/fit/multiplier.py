"""What an idea is worth in compute, and whether that grows, holds or fades with scale.

If a recipe reaches with C FLOPs the loss for which another needs M C, its compute multiplier over
the other is M. A multiplier that is the same at every scale shifts the line of loss against compute
sideways; one that grows as a power of the compute gives the line another slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks as checks
from ..estimate import Estimate
from .bootstrap import checked_bootstrap
from .inputs import equally_long
from .isoflop import budgets_of
from .result import tails
from .scatter import Scatter, given_noise

HOLDS = 0.02
"""A slope d ln M / d ln C known to be nearer to 0 than this is a shift: M changes by less than 5 %
in each decade of compute."""


def _estimates(values: np.ndarray, draws: np.ndarray, level: float) -> list[Estimate]:
    """Each value with the interval of its draws, which are logarithms."""
    low, high = np.exp(np.quantile(draws, tails(level), axis=0))
    return [Estimate(*each, level) for each in zip(values, low, high, strict=True)]


@dataclass(frozen=True, eq=False)
class Frontier:
    """The least loss that each budget buys, over the sizes that were tried."""

    C: np.ndarray
    """FLOPs, ascending, shape (budgets,)."""
    L: np.ndarray
    """The least loss at each, shape (budgets,)."""
    draws: np.ndarray
    """Draws of ln L, shape (draws, budgets)."""
    bracketed: np.ndarray
    """Whether sizes on both sides of the best were tried, shape (budgets,)."""

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """The least losses with their intervals."""
        return _estimates(self.L, self.draws, level)

    def needed(self, loss: ArrayLike) -> np.ndarray:
        """FLOPs for each loss, on straight lines in log-log; NaN beyond both ends."""
        wanted = np.log(np.atleast_1d(checks.positive(loss, "loss")))
        log_L = np.log(self.L)
        found = np.exp(_needed(log_L[None], np.log(self.C), wanted[None])[0])
        return np.where((wanted <= log_L.max()) & (wanted >= log_L.min()), found, np.nan)


def fit_frontier(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike,
    groups: ArrayLike | None = None,
    scatter: Scatter | None = None,
    how: Literal["parabola", "lowest"] = "parabola",
    bootstrap: int = 2000,
    seed: int = 0,
) -> Frontier:
    """The least loss of each budget of compute, from runs of several sizes at each.

    Seeds are averaged (in ln L). "parabola" takes the vertex of the parabola in ln N through the
    lowest mean and its two neighbours, or the lowest mean where it has only one; "lowest" takes the
    lowest mean always, which is a little high where the sizes lie far apart. The draws add noise
    to every run and begin anew from the means: `scatter` is the noise between seeds, or else, with
    `groups` alone (the label of the trunk that a run branched from), it is fitted to these runs.

    Raises ValueError on bad values, without scatter and groups, and if the runs do not lie on
    separate budgets.

    >>> import numpy as np
    >>> from scalinglaws import Scatter
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as law
    >>> C, N = (v.ravel() for v in np.meshgrid([1e18, 1e19, 1e20], np.geomspace(3e7, 3e9, 17)))
    >>> D = C / (6 * N)
    >>> found = fit_frontier(N, D, law(N, D), flops=C, scatter=Scatter.known(0.001))
    >>> bool(np.allclose(found.L, law.L_opt(found.C, 6), rtol=1e-3)), found.bracketed.all().item()
    (True, True)
    """
    N, D, L, C = equally_long(params=params, tokens=tokens, loss=loss, flops=flops)
    rng = checked_bootstrap(bootstrap, seed)
    if how not in ("parabola", "lowest"):
        raise ValueError(f"how must be 'parabola' or 'lowest', got {how!r}")
    noise = given_noise(scatter, groups, (N, D, L), seed)
    if noise is None:
        raise ValueError("give the scatter between seeds, or the groups to fit it with")
    label = budgets_of(C)
    drawn = np.log(L) + noise.draw(D, groups, rng, draws=bootstrap)
    told = np.concatenate([np.log(L)[None], drawn])
    at, lowest, inside = [], [], []
    for budget in range(label.max() + 1):
        here = label == budget
        sizes, place = np.unique(N[here], return_inverse=True)
        mean = np.stack([told[:, here][:, place == i].mean(1) for i in range(len(sizes))], axis=1)
        best = int(mean[0].argmin())
        bracketed = 0 < best < len(sizes) - 1
        if bracketed and how == "parabola":
            near = slice(best - 1, best + 2)
            lowest.append(_vertex(np.log(sizes[near]), mean[:, near]))
        else:
            lowest.append(mean[:, best])
        inside.append(bracketed)
        at.append(np.exp(np.log(C[here]).mean()))
    found = np.stack(lowest, axis=1)
    return Frontier(np.array(at), np.exp(found[0]), found[1:], np.array(inside))


def _vertex(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The least value between the outer x of the parabolas through three points, y (rows, 3)."""
    u = x - x[1]
    a, b, c = np.linalg.solve(np.column_stack([u**2, u, np.ones(3)]), y.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(a > 0, np.clip(-b / (2 * a), u[0], u[2]), 0.0)
    return a * turn**2 + b * turn + c


@dataclass(frozen=True, eq=False)
class Multiplier:
    """How many times the compute one recipe needs to do what another does, at each scale."""

    C: np.ndarray
    """FLOPs of the better-known side, the idea, ascending; shape (budgets,)."""
    M: np.ndarray
    """What the other recipe needs for the same loss, over C; shape (budgets,)."""
    draws: np.ndarray
    """Draws of ln M, shape (draws, budgets)."""

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """The multiplier at each budget with its interval."""
        return _estimates(self.M, self.draws, level)

    def slope(self, level: float = 0.95) -> Estimate:
        """d ln M / d ln C: a straight line through all budgets, with the interval of the draws.

        For two power laws it is the idea's exponent over the other's, less 1.
        """
        u = np.log(self.C) - np.log(self.C).mean()
        slopes = np.concatenate([np.log(self.M)[None], self.draws]) @ u / (u @ u)
        low, high = np.quantile(slopes[1:], tails(level))
        return Estimate(float(slopes[0]), float(low), float(high), level)

    def change(self, level: float = 0.95) -> Estimate:
        """M at the largest budget over M at the smallest."""
        low, high = np.exp(np.quantile(self.draws[:, -1] - self.draws[:, 0], tails(level)))
        return Estimate(float(self.M[-1] / self.M[0]), float(low), float(high), level)

    def trend(self) -> Literal["grows", "holds", "fades", "undecided"]:
        """What the 95 % interval of the slope says.

        "holds" if all of it lies within `HOLDS` of 0; else "grows" if it lies above 0, "fades" if
        it lies below, "undecided" if it has 0 inside.
        """
        slope = self.slope()
        if slope.low > -HOLDS and slope.high < HOLDS:
            return "holds"
        return "grows" if slope.low > 0 else "fades" if slope.high < 0 else "undecided"


def compute_multiplier(base: Frontier, idea: Frontier, *, reach: float = 1.5) -> Multiplier:
    """The compute multiplier of an idea over a base, at the budgets of the idea.

    At each of them the base's compute for the same loss is read off straight lines between its
    budgets in log-log. Losses beyond its ends are read off the outermost line as far as a factor
    `reach` in compute, and left out beyond that. The draws of both sides are paired at random, as
    independent ones: frontiers of one seed share their random numbers, which would cancel. Raises
    ValueError if fewer than two budgets are left, or the base's loss does not fall.

    >>> import numpy as np
    >>> C = np.array([1e18, 1e19, 1e20, 1e21])
    >>> sure = np.zeros((100, 4))
    >>> base, idea = (Frontier(C, L, np.log(L) + sure, sure[0] == 0) for L in (
    ...     3 * (C / 1e18) ** -0.05, 3 * (C / 1e18) ** -0.055))
    >>> found = compute_multiplier(base, idea, reach=10)
    >>> found.M.round(2), round(found.slope().value, 3), found.trend()
    (array([1.  , 1.26, 1.58, 2.  ]), 0.1, 'grows')
    """
    reach = checks.above_zero(reach, "reach")
    if len(base.C) < 2:
        raise ValueError("the base needs two budgets or more")
    if (np.diff(base.L) >= 0).any():
        raise ValueError("the loss of the base must fall from each budget to the next")
    log_C = np.log(base.C)
    least, most = log_C[0] - math.log(reach), log_C[-1] + math.log(reach)
    wanted = np.log(idea.L)
    needed = _needed(np.log(base.L)[None], log_C, wanted[None])[0]
    kept = (needed >= least) & (needed <= most)
    if kept.sum() < 2:
        raise ValueError("the losses of the two hardly overlap: fewer than two budgets are left")
    count = min(len(base.draws), len(idea.draws))
    shuffled = np.random.default_rng(0).permutation(len(idea.draws))[:count]
    drawn = _needed(base.draws[:count], log_C, idea.draws[shuffled])
    at = np.log(idea.C)
    return Multiplier(idea.C[kept], np.exp(needed - at)[kept], (drawn - at)[:, kept])


def _needed(log_L: np.ndarray, log_C: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """ln C for each wanted ln L; log_L (rows, budgets), wanted (rows, losses)."""
    found = np.empty_like(wanted)
    for row, (levels, losses) in enumerate(zip(log_L, wanted, strict=True)):
        falling = np.minimum.accumulate(levels) - 1e-9 * np.arange(len(levels))
        place = np.clip(np.searchsorted(-falling, -losses) - 1, 0, len(falling) - 2)
        step = (log_C[place + 1] - log_C[place]) / (falling[place + 1] - falling[place])
        found[row] = log_C[place] + (losses - falling[place]) * step
    return found


def crossing(
    x: ArrayLike, first: ArrayLike, second: ArrayLike, draws: int = 2000, seed: int = 0
) -> Estimate:
    """Where `second` falls below `first` and stays there, with the spread over the seeds.

    x (points,) ascending; first and second (seeds, points), a row for each seed, or (points,).
    Between points both are straight in ln x. The value is that of the means; the draws pick seeds
    at random, with replacement, for each curve as a whole. The value is NaN if the second is not
    below at the last point, and the first x if it is below everywhere; an end of the interval is
    infinite where so many draws do not cross. Raises ValueError on bad values.

    >>> print(crossing([1, 10, 100], [2.0, 1.5, 1.0], [2.4, 1.6, 0.7]))
    17.78 (95% interval 17.78 to 17.78)
    >>> print(crossing([1, 10, 100], [2.0, 1.5, 1.0], [2.4, 1.6, 1.1]).value)
    nan
    """
    x = checks.positive(x, "x")
    one, two = (np.atleast_2d(checks.positive(y, name)) for y, name in (
        (first, "first"), (second, "second")))  # fmt: skip
    if one.shape[1:] != x.shape or two.shape[1:] != x.shape or (np.diff(x) <= 0).any():
        raise ValueError("x must ascend, and first and second have one value for each x")
    rng = checked_bootstrap(draws, seed)
    value = _last_crossing(np.log(x), one.mean(0) - two.mean(0))
    found = [
        _last_crossing(
            np.log(x),
            one[rng.integers(len(one), size=len(one))].mean(0)
            - two[rng.integers(len(two), size=len(two))].mean(0),
        )
        for _ in range(draws)
    ]
    ends = np.exp(np.where(np.isnan(found), np.inf, found))
    low, high = np.quantile(ends, tails(0.95), method="inverted_cdf")
    return Estimate(float(np.exp(value)), float(low), float(high))


def _last_crossing(t: np.ndarray, ahead: np.ndarray) -> float:
    """The t after which `ahead` stays above 0; NaN if it ends below."""
    if ahead[-1] <= 0:
        return math.nan
    behind = np.flatnonzero(ahead <= 0)
    if not len(behind):
        return float(t[0])
    i = int(behind[-1])
    share = -ahead[i] / (ahead[i + 1] - ahead[i])
    return float(t[i] + share * (t[i + 1] - t[i]))
