"""Approach 2: where the loss is lowest on each FLOP budget, and how that place moves with it.

Near its minimum the loss at a budget follows a parabola in ln N; far from it, it does not. So each
parabola is fitted to a window of sizes around its own vertex, and how wide the windows are is
decided by the noise: `_minima` holds that rule, and the bootstrap repeats it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f as f_distribution

from .._checks import positive
from .allocation import (
    AllocationFit,
    Parabola,
    lines_through,
    mean_over_repeats,
    runs_of,
    widened_by_scatter,
)
from .bootstrap import checked_bootstrap, noise_sizes
from .minimise import aicc
from .result import CONVERGED, not_identifiable
from .scatter import Scatter, beyond_noise, given_noise

BUDGET_STEP = 0.1
"""Runs whose FLOPs differ by less than this share belong to one budget."""
FACTORS = (5.0, 10.0, 20.0, 40.0, math.inf)
"""The windows that are tried: sizes within such a factor of the minimum, up to all of them."""
LEAST = 5
"""A window holds at least this many sizes (all, where a budget has fewer)."""
AGREE = 0.05
"""A wider window is kept unless noise alone would misfit it as badly in fewer cases than this."""
CENTRES = 5
"""Parabolas fitted, at most, until the window rests on the vertex of its own."""
ROUNDING = 1e-7
"""Misfits below this share of the loss are rounding."""
DEGREE = 8
"""Of the smooth surface in ln N, at most."""


def budgets_of(flops: ArrayLike) -> np.ndarray:
    """Number 0, 1, ... of the FLOP budget that each run belongs to, from small to large.

    Runs belong together if their FLOPs follow one another within 10 %. Raises ValueError if that
    chains runs together that lie more than 30 % apart: then they were not made on budgets.
    """
    C = np.log(positive(flops, "flops"))
    order = np.argsort(C, kind="stable")
    label = np.empty(len(C), dtype=int)
    label[order] = np.concatenate([[0], np.cumsum(np.diff(C[order]) > math.log1p(BUDGET_STEP))])
    for number in range(label.max() + 1):
        low, high = C[label == number].min(), C[label == number].max()
        if high - low > math.log(1.3):
            raise ValueError(
                f"the runs do not lie on separate FLOP budgets: from {math.exp(low):.3g} to "
                f"{math.exp(high):.3g} FLOPs there is no gap of 10 %. Use the envelope or the "
                "parametric fit, which need no budgets"
            )
    return label


def fit_isoflop(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike | None = None,
    k: float = 6.0,
    within: float | None = None,
    scatter: Scatter | None = None,
    groups: ArrayLike | None = None,
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The minimum of a parabola at each FLOP budget (Hoffmann et al. 2022, approach 2).

    At each budget a parabola in ln N is fitted to the loss, seeds averaged first; its vertex is
    the best N, and a straight line in log-log through the vertices gives the exponents.

    Far from the minimum the loss follows no parabola, and a sweep may span decades. So the
    parabola is fitted to the sizes within a factor of 5 of its vertex, and to at least the 5
    nearest: the window starts at the lowest loss and is moved to the vertex, 5 fits at most. Wider
    windows (factors of 10, 20 and 40, and all sizes; one for all budgets) are taken in turn as
    long as the sizes they add lie on the parabolas as closely as the noise within the factor of 5
    allows, by an F-test at 5 %. Each of the `curves` tells by `used` which sizes it was fitted to.
    `within` sets the factor instead; infinity takes all sizes, as Hoffmann et al. did.

    A budget is refused, and `refused` says why, if it has fewer than 3 sizes, if its parabola
    opens downwards, or if the vertex lies outside its sizes.

    Loss may be in any unit, and params and tokens counted in any way: a, b and the optimum hold
    for this way of counting. `flops` defaults to k N D; where the runs' FLOPs are known better,
    give them.

    Intervals: a smooth surface through the runs stands in for the truth, noise of the size of the
    pooled residuals is added to it at the runs, and the procedure is repeated, choice of the
    windows included; by as much as it errs there, it may err here. Where the vertices scatter
    about the line by more than that explains, the draws are widened by as much. And by as much as
    the vertices miss the minima of the surface on average, all of them may lie too low or too
    high.

    `scatter` is the noise between seeds, from `fit_scatter`, and takes the place of the residuals'
    where it is given; it is made larger where they exceed it. Runs with the same label in `groups`
    branch from one trunk and share their luck. With groups alone the scatter is fitted to the
    seeds of these runs.

    Raises ValueError on bad values, if the runs do not lie on budgets, and if fewer than 3 budgets
    are left.

    >>> import numpy as np
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as truth
    >>> C = np.geomspace(1e19, 1e21, 5).repeat(5)
    >>> N = truth.N_opt(C) * np.tile(np.geomspace(0.5, 2, 5), 5)
    >>> noise = np.exp(0.0005 * np.cos(7 * np.arange(25)))
    >>> fit = fit_isoflop(N, C / 6 / N, truth(N, C / 6 / N) * noise, bootstrap=100)
    >>> len(fit.C), str(fit.status), fit.refused
    (5, 'converged', ())
    >>> truth.a in fit.estimate("a")
    True
    >>> truth.N_opt(1e22) in fit.optimum(1e22).N
    True
    """
    rng = checked_bootstrap(bootstrap, seed)
    factors = FACTORS if within is None else (_checked_within(within),)
    runs = runs_of(params, tokens, loss, flops, k)
    given = given_noise(scatter, groups, runs, seed)
    budgets, few = _budgets(factors, *runs)
    kept, curves, refused, factor = _parabolas(budgets, few)
    log_C = np.log([curve.C for curve in curves])
    log_N = np.log([curve.vertex for curve in curves])
    point = _both_lines(kept, log_N[None])[0]
    truth = _stand_in(kept, curves, factor, log_N - point[0] - point[1] * log_C)
    if given is None:
        again = _measured_anew(kept, truth, noise_sizes(*_noise(curves), bootstrap, rng), rng)
    else:
        means = _means(kept, runs[0], runs[3])
        noise = given.draw(runs[1], groups, rng, draws=bootstrap)
        noise *= _beyond(curves, means, np.asarray(given.sd(runs[1])))
        made = [L * (np.exp(noise) @ mean) for L, mean in zip(truth.L, means, strict=True)]
        again = _minima(kept, made).log_N
    draws = point + _both_lines(kept, truth.log_N[None]) - _both_lines(kept, again)
    lost = np.isnan(draws).any(1)
    if np.mean(lost) > 0.5:
        raise ValueError(
            "the minima are lost in the noise: in most bootstrap draws fewer than 3 budgets keep "
            "one. Give more runs around each minimum"
        )
    minima = log_N + again - truth.log_N
    draws = widened_by_scatter(draws[~lost], point, log_C, log_N, minima)
    return AllocationFit(
        method="isoflop",
        C=np.exp(log_C),
        N=np.exp(log_N),
        D=np.exp(_tokens(kept, log_N[None])[0]),
        L=np.array([float(curve(curve.vertex)) for curve in curves]),
        minima=minima,
        curves=tuple(curves),
        refused=tuple(refused),
        status=CONVERGED if np.mean(lost) < 0.025 else not_identifiable("minima"),
        _point=point,
        _theta=_shifted(draws, truth.missed, rng),
        _seed=seed,
    )


def _checked_within(within: Any) -> float:
    """The factor of the windows. Raises ValueError unless it is a number above 1."""
    try:
        factor = float(within) if isinstance(within, Real) else math.nan
    except OverflowError:
        factor = math.inf
    if not factor > 1:
        raise ValueError(f"within must be a factor above 1, math.inf for all sizes; got {within!r}")
    return factor


def _parabolas(
    budgets: list[_Budget], few: list[tuple[float, str]]
) -> tuple[list[_Budget], list[Parabola], list[str], int]:
    """The budgets with a minimum, their parabolas, what was refused, and the windows' place.

    `few` are the budgets with too few sizes, and what is said of them. Raises ValueError if fewer
    than 3 budgets have a minimum.
    """
    kept, curves, refused, factor = [], [], list(few), 0
    if budgets:
        found = _minima(budgets, [budget.L[None] for budget in budgets])
        factor = int(found.factor[0])
        for budget, window in zip(budgets, found.window[0], strict=True):
            curve = budget.parabola(int(window))
            if reason := curve.has_no_minimum:
                refused.append((budget.C, reason))
            else:
                kept.append(budget)
                curves.append(curve)
    told = [f"budget {C:.3g}: {reason}" for C, reason in sorted(refused)]
    if len(kept) < 3:
        raise ValueError(
            f"only {len(kept)} budgets have a minimum, and 3 are needed to fit a power law. "
            + (" ".join(f"{reason}." for reason in told) or "Give runs at more budgets.")
        )
    return kept, curves, told, factor


def _noise(curves: list[Parabola]) -> tuple[float, int]:
    """The pooled standard deviation of the residuals in shares of the loss, and its freedom.

    In shares, since noise goes with the loss; at the sizes used, since beyond them the parabola is
    wrong. Raises ValueError if no parabola was fitted to more sizes than it has coefficients.
    """
    freedom = sum(int(curve.used.sum()) - 3 for curve in curves)
    if freedom == 0:
        raise ValueError(
            "every budget has exactly 3 sizes, so nothing is left to judge the noise by: give at "
            "least one budget a fourth size"
        )
    return math.sqrt(sum(curve.squares for curve in curves) / freedom), freedom


def _measured_anew(
    budgets: list[_Budget], truth: _StandIn, noise: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """ln N of the minima (draws, budgets) where noise of these sizes (draws,) is added."""
    made = [L * (1 + noise[:, None] * rng.standard_normal((len(noise), len(L)))) for L in truth.L]
    return _minima(budgets, made).log_N


def _means(budgets: list[_Budget], N: np.ndarray, C: np.ndarray) -> list[np.ndarray]:
    """For each budget the matrix (runs, sizes) that averages what runs have over its sizes."""
    label, found = budgets_of(C), {}
    for number in range(label.max() + 1):
        here = label == number
        found[math.exp(float(np.log(C[here]).mean()))] = here
    means = []
    for budget in budgets:
        mean = (found[budget.C][:, None] & (N[:, None] == budget.N)).astype(float)
        means.append(mean / mean.sum(axis=0))
    return means


def _beyond(curves: list[Parabola], means: list[np.ndarray], sd: np.ndarray) -> float:
    """The factor by which the parabolas' residuals exceed noise of size sd (runs,)."""
    left, sizes = [], []
    for curve, mean in zip(curves, means, strict=True):
        left.append((curve.L / curve(curve.N) - 1)[curve.used])
        sizes.append(np.sqrt(sd**2 @ mean**2)[curve.used])
    freedom = sum(len(part) - 3 for part in left)
    return beyond_noise(np.concatenate(left), np.concatenate(sizes), freedom)


def _shifted(draws: np.ndarray, missed: float, rng: np.random.Generator) -> np.ndarray:
    """The draws (rows, 4) of both lines, moved up and down together by about `missed` in ln N.

    The same for all budgets, so that the slopes stay; N D stays too.
    """
    shift = missed * rng.standard_normal(len(draws))
    return draws + shift[:, None] * np.array([1.0, 0.0, -1.0, 0.0])


def _both_lines(budgets: list[_Budget], log_N: np.ndarray) -> np.ndarray:
    """Intercept and slope of ln N and of ln D against ln C, for minima ln N (rows, budgets)."""
    log_C = np.log([budget.C for budget in budgets])
    log_D = _tokens(budgets, log_N)
    return np.column_stack([lines_through(log_C, log_N), lines_through(log_C, log_D)])


def _tokens(budgets: list[_Budget], log_N: np.ndarray) -> np.ndarray:
    """ln D at these ln N (rows, budgets), between and beyond the sizes that were trained."""
    made = []
    for budget, at in zip(budgets, log_N.T, strict=True):
        x, y = budget.log_N, np.log(budget.D)
        # Within a budget ln D falls by about as much as ln N rises: interpolate what is left.
        made.append(np.interp(at, x, x + y) - at)
    return np.stack(made, axis=1)


# ------------------------------------------------------------------ windows


@dataclass(frozen=True, eq=False)
class _Budget:
    """One budget, and the parabolas on all the windows that its sizes can fall into."""

    C: float
    N: np.ndarray
    L: np.ndarray
    D: np.ndarray
    """The sizes from small to large, the mean loss and the tokens of each, shape (sizes,)."""
    edges: tuple[np.ndarray, ...]
    """For each factor that is tried, the ln N of a centre at which the window changes, rising."""
    between: tuple[np.ndarray, ...]
    """For each factor, the number of the window below, between and above its edges."""
    inside: np.ndarray
    """Which sizes each window holds, shape (windows, sizes)."""
    solve: np.ndarray
    """Takes losses to the coefficients on each window, shape (windows, 3, sizes)."""

    @classmethod
    def of(
        cls, C: float, N: np.ndarray, L: np.ndarray, D: np.ndarray, factors: Sequence[float]
    ) -> _Budget:
        """The budget of these sizes, which rise, for windows of these factors."""
        log_N = np.log(N)
        tables = [_windows(log_N, factor) for factor in factors]
        sides, number = np.unique(
            np.concatenate([sides for _, sides in tables]), axis=0, return_inverse=True
        )
        ends = np.cumsum([len(sides) for _, sides in tables])[:-1]
        places = np.arange(len(N))
        inside = (places >= sides[:, :1]) & (places < sides[:, 1:])
        X = np.vander(log_N - log_N.mean(), 3, increasing=True)
        solve = np.linalg.pinv(inside[:, :, None] * X)
        edges = tuple(edge for edge, _ in tables)
        return cls(C, N, L, D, edges, tuple(np.split(number.ravel(), ends)), inside, solve)

    @property
    def log_N(self) -> np.ndarray:
        """ln N of the sizes."""
        return np.log(self.N)

    @property
    def center(self) -> float:
        """The ln N that parabolas are written about."""
        return float(self.log_N.mean())

    def parabola(self, window: int) -> Parabola:
        """The parabola through the measured losses on the window of this number."""
        c0, c1, c2 = map(float, self.solve[window] @ self.L)
        used = self.inside[window]
        return Parabola(self.C, self.N, self.L, self.D, (c0, c1, c2), self.center, used)

    def resting(self, L: np.ndarray, factor: int) -> _Resting:
        """Parabolas through losses L (rows, sizes) on windows that are moved to their vertices.

        The windows are those of the factor at this place. A window whose parabola has
        no minimum among the sizes stays where it is.
        """
        log_N, center, row = self.log_N, self.center, np.arange(len(L))
        needed, place = np.unique(self.between[factor], return_inverse=True)
        c = np.einsum("wks,rs->krw", self.solve[needed], L, optimize=True)
        with np.errstate(all="ignore"):
            vertex = center - c[1] / (2 * c[2])
        found = (c[2] > 0) & (vertex >= log_N[0]) & (vertex <= log_N[-1])
        middle = log_N[L.argmin(1)]
        chosen = place[np.searchsorted(self.edges[factor], middle)]
        for _ in range(CENTRES - 1):
            middle = np.where(found[row, chosen], vertex[row, chosen], middle)
            moved = place[np.searchsorted(self.edges[factor], middle)]
            if np.array_equal(moved, chosen):
                break
            chosen = moved
        window = needed[chosen]
        c0, c1, c2 = c[:, row, chosen, None]
        t = log_N - center
        left = np.where(self.inside[window], (L - c0 - (c1 + c2 * t) * t) / L, 0.0)
        return _Resting(
            log_N=np.where(found[row, chosen], vertex[row, chosen], np.nan),
            window=window,
            squares=np.sum(left**2, axis=1),
            freedom=self.inside[window].sum(axis=1) - 3,
        )


@dataclass(frozen=True, eq=False)
class _Resting:
    """Parabolas at one budget, one for each row of losses; all of shape (rows,)."""

    log_N: np.ndarray
    """ln N of the minimum; NaN: none among the sizes."""
    window: np.ndarray
    """The number of the window."""
    squares: np.ndarray
    """Summed squares of the residuals in the window, in shares of the loss."""
    freedom: np.ndarray
    """Sizes in the window, less the three coefficients."""


@dataclass(frozen=True, eq=False)
class _Minima:
    """The minima of all budgets, for each row of losses."""

    log_N: np.ndarray
    """ln N of the minimum, shape (rows, budgets); NaN: none among the sizes."""
    window: np.ndarray
    """The number of the window that it was found on, shape (rows, budgets)."""
    factor: np.ndarray
    """The place of the factor that was chosen, shape (rows,)."""


def _budgets(
    factors: Sequence[float], N: np.ndarray, D: np.ndarray, L: np.ndarray, C: np.ndarray
) -> tuple[list[_Budget], list[tuple[float, str]]]:
    """The budgets with enough sizes, and of those without the FLOPs and what is said of them."""
    label = budgets_of(C)
    budgets: list[_Budget] = []
    few: list[tuple[float, str]] = []
    for number in range(label.max() + 1):
        here = label == number
        budget = math.exp(float(np.log(C[here]).mean()))
        sizes, (height, log_D) = mean_over_repeats(N[here], L[here], np.log(D[here]))
        if len(sizes) < 3:
            few.append((budget, f"only {len(sizes)} sizes, a parabola needs 3"))
        else:
            budgets.append(_Budget.of(budget, sizes, height, np.exp(log_D), factors))
    return budgets, few


def _windows(t: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """The windows that sizes at t = ln N fall into while the centre moves along t.

    A window holds the sizes within the factor of the centre, or the LEAST nearest if these are
    more. Returns the places at which it changes, rising, and the window between each two of them,
    from this size up to, and without, that: shape (places + 1, 2).
    """
    least = min(LEAST, len(t))
    if math.isinf(factor):
        return np.empty(0), np.array([[0, len(t)]])
    reach = math.log(factor)
    edges = np.unique(np.concatenate([t - reach, t + reach, (t[:-least] + t[least:]) / 2]))
    middle = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    low, high = np.searchsorted(t, middle - reach), np.searchsorted(t, middle + reach)
    first = np.arange(len(t) - least + 1)
    ends = np.stack([t[first], t[first + least - 1]])
    nearest = np.abs(ends[:, None] - middle[:, None]).max(axis=0).argmin(axis=1)
    few = high - low < least
    low, high = np.where(few, nearest, low), np.where(few, nearest + least, high)
    return edges, np.column_stack([low, high])


def _minima(budgets: list[_Budget], L: Sequence[np.ndarray], factor: int | None = None) -> _Minima:
    """The minima on the widest windows that the noise allows, for losses (rows, sizes) each.

    The factors are tried one after the other: the first is taken for granted, and the first whose
    windows misfit ends it. With the place of a `factor`, that one is taken.
    """
    rows = len(L[0])
    chosen, agreed = np.zeros(rows, dtype=int), np.ones(rows, dtype=bool)
    log_N = np.empty((rows, len(budgets)))
    window = np.empty((rows, len(budgets)), dtype=int)
    first: tuple[np.ndarray, np.ndarray] | None = None
    for place in range(len(budgets[0].edges)) if factor is None else [factor]:
        fits = [budget.resting(part, place) for budget, part in zip(budgets, L, strict=True)]
        squares = np.sum([fit.squares for fit in fits], axis=0)
        freedom = np.sum([fit.freedom for fit in fits], axis=0)
        first = first or (squares, freedom)
        agreed &= _as_noise_allows(squares, freedom, *first)
        if not agreed.any():
            break
        chosen[agreed] = place
        log_N[agreed] = np.column_stack([fit.log_N for fit in fits])[agreed]
        window[agreed] = np.column_stack([fit.window for fit in fits])[agreed]
    return _Minima(log_N, window, chosen)


def _as_noise_allows(
    squares: np.ndarray, freedom: np.ndarray, near: np.ndarray, near_freedom: np.ndarray
) -> np.ndarray:
    """Whether the sizes that a wider window adds misfit no worse than those near the minimum.

    All of shape (rows,): the summed squares of the wider windows and of the narrow ones, with the
    freedom of each. True where nothing is added.
    """
    added = freedom - near_freedom
    noise = np.maximum(near / np.maximum(near_freedom, 1), ROUNDING**2)
    ratio = (squares - near) / np.maximum(added, 1) / noise
    chance = f_distribution.sf(ratio, np.maximum(added, 1), np.maximum(near_freedom, 1))
    return (added <= 0) | (chance > AGREE)


# ------------------------------------------------------------------ what stands in for the truth

Surface = Callable[[np.ndarray, float], np.ndarray]
"""ln L at places x (points,) of a budget ln C; x is ln N less the line through the minima."""


@dataclass(frozen=True, eq=False)
class _StandIn:
    """Smooth losses at the runs, to which noise is added."""

    L: list[np.ndarray]
    """The losses of each budget, shape (sizes,) each."""
    log_N: np.ndarray
    """ln N of the minima that the procedure finds without noise, shape (budgets,)."""
    missed: float
    """How much larger ln N is at the minima of the surface than at these, on average."""


def _stand_in(
    budgets: list[_Budget], curves: list[Parabola], factor: int, residual: np.ndarray
) -> _StandIn:
    """A smooth surface at the runs; the parabolas where it has not all of their minima.

    Two surfaces: at the sizes that the parabolas were fitted to and the next ones, one through
    these alone, which arms far from the minima cannot bend; elsewhere one through all runs, which
    only the choice of the windows sees. residual: ln N of each minimum less the line, (budgets,).
    """
    log_C = np.log([curve.C for curve in curves])
    vertex = np.log([curve.vertex for curve in curves])
    place = [budget.log_N - at for budget, at in zip(budgets, vertex - residual, strict=True)]
    near = [np.convolve(curve.used, np.ones(3), "same") > 0 for curve in curves]
    log_L = [np.log(curve.L) for curve in curves]
    inner = _surface(place, log_C, log_L, near)
    outer = _surface(place, log_C, log_L, [np.ones_like(part) for part in near])
    if inner is not None and outer is not None:
        with np.errstate(over="ignore"):
            L = [
                np.exp(np.where(close, inner(x, y), outer(x, y)))
                for x, y, close in zip(place, log_C, near, strict=True)
            ]
        found = _minima(budgets, [part[None] for part in L], factor).log_N[0]
        if not np.isnan(found).any():
            lowest = [
                _lowest(inner, x[curve.used], y)
                for x, y, curve in zip(place, log_C, curves, strict=True)
            ]
            return _StandIn(L, found, float(np.mean(lowest - (found - vertex + residual))))
    L = [np.where(curve.used, curve(curve.N), curve.L) for curve in curves]
    return _StandIn(L, vertex, 0.0)


def _surface(
    place: list[np.ndarray],
    log_C: np.ndarray,
    log_L: list[np.ndarray],
    which: list[np.ndarray],
) -> Surface | None:
    """A polynomial through `which` of the runs; None if they are too few.

    Of degree up to DEGREE in the place, with coefficients that are constant, linear or quadratic
    in ln C: what Akaike's corrected criterion finds best. As the truth of simulated runs it is
    better than curves fitted to a few runs each: these carry the noise of the measurement, and
    noise added to noise overstates the scatter of minima.
    """
    x = np.concatenate([part[m] for part, m in zip(place, which, strict=True)])
    y = np.concatenate([np.full(m.sum(), c) for c, m in zip(log_C, which, strict=True)])
    z = np.concatenate([part[m] for part, m in zip(log_L, which, strict=True)])
    middle, reach = zip(*(((v.max() + v.min()) / 2, np.ptp(v) / 2) for v in (x, y)), strict=True)

    def terms(x: np.ndarray, y: np.ndarray, powers: list[tuple[int, int]]) -> np.ndarray:
        u = np.vander((x - middle[0]) / reach[0], DEGREE + 1, increasing=True)
        v = np.vander((y - middle[1]) / reach[1], 4, increasing=True)
        return np.stack([u[:, i] * v[:, j] for i, j in powers], axis=1)

    best, least = None, math.inf
    for powers in _powers():
        if len(z) < len(powers) + 4:
            continue
        X = terms(x, y, powers)
        solved = np.linalg.lstsq(X, z, rcond=None)[0]
        score = aicc(float(np.sum((z - X @ solved) ** 2)), len(z), len(powers))
        if score < least:
            best, least = (powers, solved), score
    if best is None:
        return None
    chosen, solved = best
    return lambda x, y: terms(x, np.full(len(x), y), chosen) @ solved


def _powers() -> list[list[tuple[int, int]]]:
    """The terms of each surface that is tried: powers of the place and of ln C."""
    return [
        [
            (i, j)
            for i in range(degree + 1)
            for j in range(degree + 1 - i)
            if j <= (bend if i else 3)
        ]
        for degree in range(2, DEGREE + 1)
        for bend in (1, 2)
    ]


def _lowest(surface: Surface, place: np.ndarray, log_C: float) -> float:
    """Where a surface is lowest at a budget, between the first and the last of these places."""
    grid = np.linspace(place[0], place[-1], 201)
    height = surface(grid, log_C)
    low = int(height[1:-1].argmin()) + 1
    left, here, right = height[low - 1 : low + 2]
    bend = left - 2 * here + right
    shift = (left - right) / (2 * bend) if bend > 0 else 0.0
    return float(grid[low] + max(-1.0, min(1.0, shift)) * (grid[1] - grid[0]))
