"""Approach 1 as Hoffmann et al. (2022) did it: the best run at each of many FLOP values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks as checks
from .allocation import AllocationFit, lines_through, runs_of
from .bootstrap import checked_bootstrap
from .envelope import Curve, curves_of, drawn_heights, noise_on, smooth_curves
from .result import CONVERGED, not_identifiable
from .scatter import Scatter, given_noise


def fit_best_run(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike | None = None,
    k: float = 6.0,
    values: int = 1500,
    scatter: Scatter | None = None,
    groups: ArrayLike | None = None,
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The best run at each of many FLOP values (Hoffmann et al. 2022, section 3.1, approach 1).

    The training curves are those of `fit_envelope`: the runs of one size, seeds averaged, as loss
    against FLOPs, smoothed. At each of `values` FLOP values, evenly spaced in ln C over all that
    at least two sizes have reached, the size with the lowest loss gives a point (C, N, D), and a
    straight line in log-log through all of them gives a and b.

    The points are stairs: a size is the best over a stretch, and counts by its length. Values at
    which the smallest or the largest size is the best are left out, since nothing tells how long
    their stretches would be. With many sizes this and `fit_envelope` agree.

    Intervals: as for `fit_envelope`, by noise on a smooth surface through all runs; `scatter` and
    `groups` are as there. Added is how far the lines move where one of the sizes is missing, since
    stairs of few sizes are coarse. Simulated from a known law with 12 to 16 sizes, a comes out too
    low, by 0.005 where the noise is 0.2 % and by 0.02 where it is 1 %. Loss may be in
    any unit, and params and tokens counted in any way. Raises ValueError on bad values, if there
    are curves of fewer than 5 sizes, and if fewer than 3 sizes between the smallest and the
    largest are ever the best.

    >>> import numpy as np
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as truth
    >>> N = np.geomspace(1e8, 1e10, 16).repeat(12)
    >>> D = np.tile(np.geomspace(1e9, 5e11, 12), 16)
    >>> noise = np.exp(0.0005 * np.cos(7 * np.arange(192)))
    >>> fit = fit_best_run(N, D, truth(N, D) * noise, bootstrap=100)
    >>> len(fit.C) > 1000, abs(fit.a - truth.a) < 0.05
    (True, True)
    """
    rng = checked_bootstrap(bootstrap, seed)
    values = checks.whole(values, "values", 10)
    runs = runs_of(params, tokens, loss, flops, k)
    given = given_noise(scatter, groups, runs, seed)
    measured, curves, refused = curves_of(*runs)
    grid = _values(curves, values)
    height = np.stack([curve.smooth(grid) for curve in curves])
    best = _best(height[None])
    inside = (best[0] > 0) & (best[0] < len(curves) - 1)
    sizes = len(np.unique(best[0, inside]))
    if sizes < 3:
        raise ValueError(
            f"only {sizes} sizes between the smallest and the largest are ever the best, and 3 are "
            "needed to fit a power law: give more sizes, or longer curves"
        )
    stairs = _Stairs(curves, grid)
    point = stairs.lines(best)[0]
    truths = smooth_curves(measured, curves)
    noise = noise_on(measured, curves, given, groups, runs, bootstrap, rng)
    true = stairs.lines(_best(np.stack([curve.smooth(grid) for curve in truths])[None]))
    again = np.concatenate(
        [stairs.lines(_best(height)) for height in drawn_heights(truths, grid, noise, rng, 50)]
    )
    draws = point + true - again + _of_sizes(stairs, height, best, bootstrap, rng)
    log_N, log_D = stairs.points(best)
    lost = np.isnan(draws).any(1)
    return AllocationFit(
        method="best run",
        C=np.exp(grid[inside]),
        N=np.exp(log_N[0, inside]),
        D=np.exp(log_D[0, inside]),
        L=np.exp([curves[best[0, i]].loss_at(grid[i]) for i in np.flatnonzero(inside)]),
        minima=np.empty((0, int(inside.sum()))),
        curves=(),
        refused=tuple(refused),
        status=CONVERGED if np.mean(lost) < 0.025 else not_identifiable("envelope"),
        _point=point,
        _theta=draws[~lost],
        _seed=seed,
    )


def _values(curves: list[Curve], values: int) -> np.ndarray:
    """ln C of the FLOP values: all that the second-shortest start and end of a curve enclose."""
    low = np.sort([curve.C[0] for curve in curves])[1]
    high = np.sort([curve.C[-1] for curve in curves])[-2]
    if not low < high:
        raise ValueError("no FLOP value was reached by two sizes: give longer curves")
    return np.linspace(low, high, values)


def _best(height: np.ndarray) -> np.ndarray:
    """The number of the lowest curve: ln L (draws, sizes, values) -> (draws, values)."""
    return np.where(np.isnan(height), np.inf, height).argmin(axis=1)


def _of_sizes(
    stairs: _Stairs, height: np.ndarray, best: np.ndarray, bootstrap: int, rng: np.random.Generator
) -> np.ndarray:
    """How far the lines may be off since there are only these sizes, (bootstrap, 4).

    As far, in the root mean square, as they move where one of the sizes that are ever the best is
    missing. (The jackknife would have them move more often than that, and was 2 to 5 times too
    wide for 14 to 6 sizes.)
    """
    inner = np.setdiff1d(best, (0, len(height) - 1))
    less = np.repeat(height[None], len(inner), axis=0)
    less[np.arange(len(inner)), inner] = np.nan
    lines = stairs.lines(_best(less))
    lines = lines[~np.isnan(lines).any(1)]
    if len(lines) < 2:
        return np.zeros((bootstrap, 4))
    moved = (lines - lines.mean(0)) / math.sqrt(len(lines))
    return np.asarray(rng.standard_normal((bootstrap, len(lines))) @ moved)


class _Stairs:
    """ln N and ln D of whichever size is the best at each FLOP value, and the lines through."""

    def __init__(self, curves: list[Curve], grid: np.ndarray) -> None:
        self.grid = grid
        self.log_N = np.array([curve.N for curve in curves])
        self.log_D = np.stack([np.interp(grid, curve.C, curve.D) for curve in curves])

    def points(self, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln N and ln D of the best size, both (draws, values)."""
        return self.log_N[best], self.log_D[best, np.arange(len(self.grid))]

    def lines(self, best: np.ndarray) -> np.ndarray:
        """Intercept and slope of ln N and of ln D against ln C, shape (draws, 4)."""
        inside = (best > 0) & (best < len(self.log_N) - 1)
        return np.column_stack(
            [lines_through(self.grid[None], np.where(inside, y, np.nan)) for y in self.points(best)]
        )
