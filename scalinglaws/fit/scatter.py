"""How far runs scatter that differ in their seed alone: less the longer they are trained.

One model of the noise for all fits. The standard deviation of the log loss between seeds falls with
the tokens as a power law that ends at a floor, and runs that branch from one trunk share a part of
their luck: the more, the closer their lengths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from .. import _checks as checks
from .._checks import positive
from ..laws import Value, plain
from .bootstrap import checked_bootstrap, clusters_of, labels_of
from .inputs import equally_long
from .result import CONVERGED, FitResult

NAMES = ("scale", "power", "floor", "share")
LEAST = 8
"""Degrees of freedom between seeds that a fit needs: runs beyond the first of each setting."""
_POWERS = np.linspace(0.0, 1.5, 76)
_RATIOS = np.concatenate([[0.0], np.geomspace(0.03, 30.0, 46)])
_SHARES = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, eq=False, kw_only=True)
class Scatter(FitResult):
    """The scatter of ln loss between seeds: sqrt(floor^2 + (scale (D / tokens0)^-power)^2).

    It is a share of the loss: 0.01 is one per cent. Two runs of one trunk, one of which has twice
    the tokens, share the part `share` of it (their correlation); with a quarter of the tokens it
    is `share` squared, and so on. Without a trunk in common runs are independent.
    """

    scale: float
    power: float
    floor: float
    share: float
    tokens0: float
    """The tokens at which the falling part is `scale`."""
    runs: int = 0
    settings: int = 0
    """Runs that the fit rests on, and how many settings they repeat."""

    @classmethod
    def known(
        cls,
        scale: float,
        power: float = 0.0,
        floor: float = 0.0,
        share: float = 0.0,
        tokens0: float = 1e5,
    ) -> Scatter:
        """A scatter without doubt, to simulate with or where somebody else measured it.

        Raises ValueError unless scale and tokens0 are above 0, power and floor not negative, and
        share from 0 to 1.

        >>> Scatter.known(0.01, power=0.5).sd([1e5, 4e5])
        array([0.01 , 0.005])
        """
        values = (
            checks.above_zero(scale, "scale"),
            checks.within(power, "power", 0, math.inf),
            checks.within(floor, "floor", 0, math.inf),
            checks.within(share, "share", 0, math.nextafter(1, 2)),
        )
        return cls(
            scale=values[0],
            power=values[1],
            floor=values[2],
            share=values[3],
            tokens0=checks.above_zero(tokens0, "tokens0"),
            status=CONVERGED,
            _theta=np.array([values]),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """scale, power, floor and share."""
        return NAMES

    @property
    def _logs(self) -> tuple[str, ...]:
        return ()

    def _value(self, name: str) -> float:
        return float(getattr(self, name))

    def sd(self, tokens: ArrayLike) -> Value:
        """Standard deviation of ln loss between runs of so many tokens (same shape)."""
        theta = np.array([self.scale, self.power, self.floor])
        return plain(_sd(theta, np.log(positive(tokens, "tokens") / self.tokens0)))

    def band(self, tokens: ArrayLike, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge of `sd` at each of the tokens."""
        t = np.log(np.atleast_1d(positive(tokens, "tokens")) / self.tokens0)
        sizes = _sd(self._theta[:, :3].T[..., None], t.ravel())
        return self._between(level, t.shape, lambda: sizes)

    def draw(
        self,
        tokens: ArrayLike,
        groups: ArrayLike | None = None,
        rng: np.random.Generator | int = 0,
        *,
        draws: int = 1,
        sure: bool = False,
    ) -> np.ndarray:
        """Noise of ln loss at runs of so many tokens (runs,), drawn anew: shape (draws, runs).

        Runs with the same label in `groups` branch from one trunk and share a part of it; without
        groups all are independent. Each draw takes parameters of its own from the bootstrap of
        this fit, so that its doubt counts; `sure` takes the fitted ones instead. Raises ValueError
        on values that are not positive, and unless there is one label for each run.

        >>> import numpy as np
        >>> noise = Scatter.known(0.01, share=0.8).draw([1e5, 2e5], ["a", "a"], draws=4000)
        >>> noise.shape, noise.std(axis=0).round(3).tolist()
        ((4000, 2), [0.01, 0.01])
        >>> round(float(np.corrcoef(noise.T)[0, 1]), 1)
        0.8
        """
        D = np.atleast_1d(positive(tokens, "tokens"))
        draws = checks.whole(draws, "draws", 1)
        rng = np.random.default_rng(rng)
        theta = np.array([[self.scale, self.power, self.floor, self.share]])
        if not sure:
            theta = self._theta[rng.integers(len(self._theta), size=draws)]
        sizes = _sd(theta[:, :3].T[..., None], np.log(D / self.tokens0))
        z = rng.standard_normal((draws, len(D)))
        if groups is not None:
            z = _shared(z, np.log2(D), clusters_of(labels_of(groups, len(D))), theta[:, 3])
        return sizes * z

    def __str__(self) -> str:
        falling = f"{self.scale:.2g} (D/{self.tokens0:.0e})^-{self.power:.2g}"
        lines = [f"sd of ln loss = sqrt({self.floor:.2g}^2 + ({falling})^2)"]
        if self.runs:
            lines.append(f"  from {self.runs} runs of {self.settings} settings")
            lines += self._lines(NAMES)
        return "\n".join(lines)


def fit_scatter(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    settings: ArrayLike | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Scatter:
    """How far ln loss scatters between seeds, as a falling function of the tokens.

    Runs with the same params and tokens, or with the same label in `settings`, differ in their
    seed alone; those without such a twin are left out. The variances within the settings are
    fitted by maximum likelihood, as if each were a multiple of chi-squared on its own.

    `groups` labels the trunks: runs with the same label branch from one training run. It may have
    several columns that make the label together, `table[["width", "seed"]]`. The correlation of
    runs of one trunk is then fitted to the products of their residuals, by least squares. Without
    groups `share` is 0.

    Intervals: scale, power and floor are drawn by their likelihood with a flat prior, where runs of
    one trunk count for as much less as they correlate; share by noise that is drawn from the
    fitted scatter and fitted again. What all seeds
    have in common (the recipe, the validation set) shows in no difference between them and is not
    in it. Raises ValueError on bad values, with fewer than 8 runs beyond the first of each
    setting, and if runs of one setting have different tokens or share a trunk.

    >>> import numpy as np
    >>> from scalinglaws import Scatter
    >>> truth = Scatter.known(0.01, power=0.5, floor=0.002, share=0.8)
    >>> N, D, number = (v.ravel() for v in np.meshgrid([1e3, 4e3, 2e4], np.geomspace(1e4, 1e7, 8),
    ...                                                range(3)))
    >>> trunk = np.column_stack([N, number])
    >>> found = fit_scatter(N, D, 3 * np.exp(truth.draw(D, trunk)[0]), groups=trunk)
    >>> low, high = found.band(1e5)
    >>> bool(low[0] < truth.sd(1e5) < high[0]), truth.share in found.estimate("share")
    (True, True)
    """
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    rng = checked_bootstrap(bootstrap, seed)
    cell = clusters_of(N, D) if settings is None else clusters_of(labels_of(settings, len(D)))
    trunk = None if groups is None else clusters_of(labels_of(groups, len(D)))
    repeated = np.bincount(cell)[cell] > 1
    freedom = int(repeated.sum()) - len(np.unique(cell[repeated]))
    if freedom < LEAST:
        raise ValueError(
            f"the scatter between seeds needs {LEAST} runs or more beyond the first of each "
            f"setting, got {freedom}. Give repeated runs, or a `scatter` fitted to others"
        )
    D, log_L = D[repeated], np.log(L[repeated])
    cell = clusters_of(cell[repeated])
    trunk = None if trunk is None else clusters_of(trunk[repeated])
    order = np.unique(cell, return_index=True)[1]
    if not np.allclose(D, D[order][cell], rtol=1e-6):
        raise ValueError("runs of one setting must have the same tokens")
    if trunk is not None and len(np.unique(np.column_stack([cell, trunk]), axis=0)) < len(cell):
        raise ValueError("runs of one setting share a trunk: give each seed a group of its own")

    tokens0 = 10.0 ** round(float(np.log10(D).mean()))
    seeds = _Seeds(np.log(D / tokens0), cell, trunk)
    theta = seeds.fit(log_L[None])[0]
    found = Scatter(
        scale=float(theta[0]),
        power=float(theta[1]),
        floor=float(theta[2]),
        share=float(theta[3]),
        tokens0=tokens0,
        runs=len(D),
        settings=len(order),
        status=CONVERGED,
        _theta=theta[None],
        _seed=seed,
    )
    draws = np.column_stack([seeds.likely(log_L, found.share, bootstrap, rng), np.zeros(bootstrap)])
    if trunk is not None:
        again = seeds.fit(found.draw(D, trunk, rng, draws=bootstrap, sure=True))[:, 3]
        draws[:, 3] = np.clip(again + 2 * (found.share - np.median(again)), 0, 1)
    return replace(found, _theta=draws)


def given_noise(
    scatter: Any, groups: ArrayLike | None, runs: tuple[np.ndarray, ...], seed: int
) -> Scatter | None:
    """The noise that a fit was handed: that of its own seeds, where it got groups alone.

    None if it got neither. runs: N, D and L first. Raises ValueError if `scatter` is none, or if
    the runs have not the seeds to fit one to.
    """
    if scatter is None:
        return None if groups is None else fit_scatter(*runs[:3], groups=groups, seed=seed)
    if not isinstance(scatter, Scatter):
        raise ValueError(f"scatter must come from fit_scatter or Scatter.known, got {scatter!r}")
    return scatter


def noise_about(
    scatter: Scatter,
    groups: ArrayLike | None,
    runs: tuple[np.ndarray, np.ndarray, np.ndarray],
    residuals: np.ndarray,
    parameters: int,
    bootstrap: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """Noise (bootstrap, runs) about a law of so many parameters, and how many trunks it is of.

    runs: N, D and L; residuals: log L minus log of the law, which make it larger if they exceed it.
    """
    D = runs[1]
    given_noise(scatter, groups, runs, 0)
    noise = scatter.draw(D, groups, rng, draws=bootstrap)
    noise *= beyond_noise(residuals, np.asarray(scatter.sd(D)), len(D) - parameters)
    return noise, len(D) if groups is None else len(np.unique(labels_of(groups, len(D))))


def beyond_noise(residuals: np.ndarray, sd: np.ndarray, freedom: int) -> float:
    """The factor by which residuals are larger than noise of these sizes: 1 or above.

    It is 1 where noise alone makes them as large in more than 5 % of cases, by chi-squared.
    """
    if freedom < 1:
        return 1.0
    surplus = float(np.sum((residuals / sd) ** 2))
    return math.sqrt(surplus / freedom) if surplus > chi2.ppf(0.95, freedom) else 1.0


def _sd(theta: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The standard deviation at t = ln(D / tokens0), for (scale, power, floor) that broadcast."""
    scale, power, floor = theta
    return np.hypot(scale * np.exp(-power * t), floor)


def _shared(z: np.ndarray, t: np.ndarray, trunk: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Independent z (draws, runs) made to correlate by share^|t - t'| within a trunk.

    t: log2 of the tokens, (runs,); share: (draws,) or (1,). Along a trunk each run keeps a part of
    the luck of the run before it, an autoregression of order one on uneven steps.
    """
    order = np.lexsort((t, trunk))
    first = np.concatenate([[True], np.diff(trunk[order]) > 0])
    place = np.arange(len(t)) - np.maximum.accumulate(np.where(first, np.arange(len(t)), 0))
    made = z[:, order]
    steps = np.diff(t[order], prepend=0.0)
    for number in range(1, int(place.max()) + 1):
        here = np.flatnonzero(place == number)
        kept = share[:, None] ** steps[here]
        made[:, here] = kept * made[:, here - 1] + np.sqrt(1 - kept**2) * made[:, here]
    back = np.empty_like(made)
    back[:, order] = made
    return back


class _Seeds:
    """Repeated runs, and the fit of the scatter to their log losses."""

    def __init__(self, t: np.ndarray, cell: np.ndarray, trunk: np.ndarray | None) -> None:
        self.t, self.cell = t, cell
        self.count = np.bincount(cell)
        self.freedom = self.count - 1
        self.total = int(self.freedom.sum())
        place = np.unique(cell, return_index=True)[1]
        power, ratio = (v.ravel() for v in np.meshgrid(_POWERS, _RATIOS, indexing="ij"))
        self.grid = np.column_stack([power, ratio])
        self.height = np.exp(-2 * power[:, None] * t[place]) + ratio[:, None] ** 2
        self.pairs = None if trunk is None else _pairs(t, cell, trunk, self.count)

    def _scores(self, log_L: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For rows of log losses (rows, runs): their residuals about the means of the settings,
        and for each place of the grid the best scale squared and minus twice the likelihood."""
        cells = np.eye(len(self.count))[self.cell]
        left = log_L - (log_L @ cells / self.count)[:, self.cell]
        size = (left**2 @ cells) @ (1 / self.height).T / self.total
        score = self.total * np.log(np.maximum(size, 1e-300)) + np.log(self.height) @ self.freedom
        return left, size, score

    def fit(self, log_L: np.ndarray) -> np.ndarray:
        """(scale, power, floor, share) for each row of log losses (rows, runs)."""
        left, size, score = self._scores(log_L)
        best = score.argmin(axis=1)
        power, ratio = self.grid[best].T
        scale = np.sqrt(size[np.arange(len(best)), best])
        theta = np.column_stack([scale, power, ratio * scale, np.zeros(len(best))])
        if self.pairs is not None:
            sizes = np.maximum(_sd(theta[:, :3].T[..., None], self.t), 1e-150)
            theta[:, 3] = self._share(left / sizes)
        return theta

    def likely(
        self, log_L: np.ndarray, share: float, draws: int, rng: np.random.Generator
    ) -> np.ndarray:
        """(scale, power, floor) drawn by their likelihood for these log losses (runs,).

        Squares of runs of one trunk correlate by the square of what the runs do, so the freedom
        of all together is less than its count.
        """
        _, (size,), (score,) = self._scores(log_L[None])
        freedom = float(self.total)
        if self.pairs is not None:
            _, _, factor, apart = self.pairs
            freedom /= 1 + 2 * float(np.sum((factor * share**apart) ** 2)) / freedom
        weight = np.exp(freedom / self.total * (score.min() - score) / 2)
        place = rng.choice(len(weight), draws, p=weight / weight.sum())
        scale = np.sqrt(size[place] * freedom / rng.chisquare(freedom, draws))
        power, ratio = self.grid[place].T
        return np.column_stack([scale, power, ratio * scale])

    def _share(self, z: np.ndarray) -> np.ndarray:
        """The share for residuals in units of their standard deviation, (rows, runs)."""
        assert self.pairs is not None
        one, other, factor, apart = self.pairs
        if len(one) == 0:
            return np.zeros(len(z))
        expected = factor * _SHARES[:, None] ** apart
        cost = (expected**2).sum(axis=1) - 2 * (z[:, one] * z[:, other]) @ expected.T
        return _SHARES[cost.argmin(axis=1)]


def _pairs(
    t: np.ndarray, cell: np.ndarray, trunk: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of runs of one trunk: both places, what centring leaves, and log2 of their ratio.

    Residuals about the means of two settings correlate less than the runs do: of n and m runs,
    with k trunks in both, 1 - 1/n - 1/m + k / (n m) is left.
    """
    one, other = np.nonzero(np.triu(trunk[:, None] == trunk, 1) & (cell[:, None] != cell))
    there = np.zeros((len(count), int(trunk.max()) + 1))
    there[cell, trunk] = 1
    both = np.einsum("pt,pt->p", there[cell[one]], there[cell[other]])
    n, m = count[cell[one]], count[cell[other]]
    return one, other, 1 - 1 / n - 1 / m + both / (n * m), np.abs(t[one] - t[other]) / math.log(2)
