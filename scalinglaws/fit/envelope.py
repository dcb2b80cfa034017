"""Approach 1 in our variant: the lower envelope of the training curves, a point for each size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from .allocation import (
    AllocationFit,
    lines_through,
    mean_over_repeats,
    runs_of,
    smooth_surface,
    widened_by_scatter,
)
from .bootstrap import checked_bootstrap, noise_sizes
from .minimise import aicc
from .result import CONVERGED, not_identifiable
from .scatter import Scatter, beyond_noise, given_noise

SAME_END = 0.02
"""Curves whose ends differ by less than this (in ln C) end together: tokens are rounded, and the
last point of the longest would otherwise be a turn of its own."""


def fit_envelope(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike | None = None,
    k: float = 6.0,
    scatter: Scatter | None = None,
    groups: ArrayLike | None = None,
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The lower envelope of the training curves: a variant of approach 1 of Hoffmann et al. (2022).

    The runs of one size, seeds averaged, make a curve of loss against FLOPs, smoothed by a
    polynomial in log-log of the degree, up to 6, that Akaike's criterion finds best for all. Each
    size that takes its turn as the lowest, between a smaller and a larger one, gives one point:
    its N, and the middle (in log C) of the stretch on which it is best. A straight line in log-log
    through these points gives a and b. (`fit_best_run` takes the best run at each of many FLOP
    values instead, as the paper did.) A size whose stretch is cut off by the end of a curve is
    refused, and `refused` says so.

    Intervals: a smooth surface through all runs stands in for the truth, noise of the size of the
    pooled residuals is added to it at the runs, and the envelope is found again; by as much as it
    errs there, it may err here. Where the points scatter about the line by more than that
    explains, the draws are widened by as much.

    `scatter` is the noise between seeds, from `fit_scatter`, and takes the place of the residuals'
    where it is given; it is made larger where they exceed it. Runs with the same label in `groups`
    branch from one trunk and share their luck. With groups alone the scatter is fitted to the
    seeds of these runs.

    Loss may be in any unit, and params and tokens counted in any way: a, b and the optimum hold
    for this way of counting. `flops` defaults to k N D. Raises ValueError on bad values, if there
    are not enough points to judge the noise by, and if fewer than 3 sizes are left.

    >>> import numpy as np
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as truth
    >>> N = np.geomspace(1e8, 1e10, 10).repeat(12)
    >>> D = np.tile(np.geomspace(1e9, 5e11, 12), 10)
    >>> noise = np.exp(0.0005 * np.cos(7 * np.arange(120)))
    >>> fit = fit_envelope(N, D, truth(N, D) * noise, bootstrap=100)
    >>> print(fit.status)
    converged
    >>> abs(fit.a - truth.a) < 0.02
    True
    """
    rng = checked_bootstrap(bootstrap, seed)
    runs = runs_of(params, tokens, loss, flops, k)
    given = given_noise(scatter, groups, runs, seed)
    measured, curves, refused = curves_of(*runs)
    turns = _Turns(curves)
    middles, cut = turns.middles(turns.heights(curves))
    refused += [_why_refused(curves, int(number)) for number in np.flatnonzero(cut[0])]
    kept = np.flatnonzero(~np.isnan(middles[0]))
    if len(kept) < 3:
        raise ValueError(
            f"only {len(kept)} sizes take their turn on the envelope between two others, and 3 "
            "are needed to fit a power law. " + " ".join(f"{reason}." for reason in refused)
        )
    middle = middles[0, kept]
    winners = [curves[i] for i in kept]
    log_N = np.array([curve.N for curve in winners])
    log_D = np.array([curve.tokens_at(C) for curve, C in zip(winners, middle, strict=True)])
    log_L = np.array([curve.loss_at(C) for curve, C in zip(winners, middle, strict=True)])
    noise = noise_on(measured, curves, given, groups, runs, bootstrap, rng)
    truths = smooth_curves(measured, curves)
    truth, _ = turns.middles(turns.heights(truths))
    if np.isnan(truth[0, kept]).any():
        truths, truth = curves, middles
    drawn = _drawn_middles(turns, truths, noise, rng)
    point = np.concatenate([lines_through(middle, y[None])[0] for y in (log_N, log_D)])
    draws = point + _both_lines(curves, truth) - _both_lines(curves, drawn)
    lost = np.isnan(draws).any(1)
    draws = draws[~lost]
    if len(draws) < 0.5 * bootstrap:
        raise ValueError(
            "the envelope is lost in the noise: in most bootstrap draws fewer than 3 sizes take "
            "their turn. Give longer or more curves"
        )
    # The sizes are given and the middles err; along the line that is as if the sizes erred.
    minima = log_N + (drawn[:, kept] - truth[0, kept]) * point[1]
    return AllocationFit(
        method="envelope",
        C=np.exp(middle),
        N=np.exp(log_N),
        D=np.exp(log_D),
        L=np.exp(log_L),
        minima=minima,
        curves=(),
        refused=tuple(refused),
        status=CONVERGED if np.mean(lost) < 0.025 else not_identifiable("envelope"),
        _point=point,
        _theta=widened_by_scatter(draws, point, middle, log_N, minima),
        _seed=seed,
    )


@dataclass(frozen=True)
class Measured:
    """The runs of one size, seeds averaged, along their training: all logarithms."""

    N: float
    C: np.ndarray
    D: np.ndarray
    L: np.ndarray


def _measured(
    N: np.ndarray, D: np.ndarray, L: np.ndarray, C: np.ndarray
) -> tuple[list[Measured], list[str]]:
    """The curve of each size, and what was refused. Raises ValueError on fewer than 5 curves."""
    refused: list[str] = []
    found: list[Measured] = []
    for size in np.unique(N):
        here = size == N
        d, (c, log_L) = mean_over_repeats(np.log(D[here]), np.log(C[here]), np.log(L[here]))
        if len(d) < 2:
            refused.append(f"{size:.3g} params: one point is no curve")
        else:
            found.append(Measured(math.log(size), c, d, log_L))
    if len(found) < 5:
        raise ValueError(
            f"the envelope needs curves (runs with two or more token counts) of at least 5 sizes, "
            f"got {len(found)}"
        )
    return found, refused


def curves_of(
    N: np.ndarray, D: np.ndarray, L: np.ndarray, C: np.ndarray
) -> tuple[list[Measured], list[Curve], list[str]]:
    """The runs of each size, their smoothed curves, and what was refused."""
    measured, refused = _measured(N, D, L, C)
    return measured, _smoothed(measured), refused


def _why_refused(curves: list[Curve], number: int) -> str:
    at_end = number in (0, len(curves) - 1)
    reason = "its turn is cut off by the end of a neighbour's curve"
    return (
        f"{math.exp(curves[number].N):.3g} params: "
        f"{'the last size on its side' if at_end else reason}"
    )


Noise = np.ndarray | list[np.ndarray]
"""The size of the noise in each draw (draws,), or the noise itself: (draws, points) of each curve.
"""


def noise_on(
    measured: list[Measured],
    curves: list[Curve],
    scatter: Scatter | None,
    groups: ArrayLike | None,
    runs: tuple[np.ndarray, ...],
    bootstrap: int,
    rng: np.random.Generator,
) -> Noise:
    """The noise that measuring the curves anew would bring.

    Without a scatter its size is that of the pooled residuals, drawn as its doubt allows.
    """
    if scatter is None:
        freedom = sum(curve.freedom for curve in curves)
        sigma = math.sqrt(sum(curve.squares for curve in curves) / freedom)
        return noise_sizes(sigma, freedom, bootstrap, rng)
    N, D = np.log(runs[0]), np.log(runs[1])
    means = []
    for one in measured:
        mean = ((one.N == N)[:, None] & (D[:, None] == one.D)).astype(float)
        means.append(mean / mean.sum(axis=0))
    left = np.concatenate([one.L - curve.mean for one, curve in zip(measured, curves, strict=True)])
    sd = np.asarray(scatter.sd(runs[1]))
    sizes = np.concatenate([np.sqrt(sd**2 @ mean**2) for mean in means])
    noise = scatter.draw(runs[1], groups, rng, draws=bootstrap)
    noise *= beyond_noise(left, sizes, sum(curve.freedom for curve in curves))
    return [noise @ mean for mean in means]


def drawn_heights(
    curves: list[Curve], grid: np.ndarray, noise: Noise, rng: np.random.Generator, rows: int
) -> Iterator[np.ndarray]:
    """ln L of the curves measured anew, (draws, sizes, grid), about so many draws at a time."""
    if isinstance(noise, np.ndarray):
        for part in np.array_split(noise, max(1, len(noise) // rows)):
            yield np.stack([curve.drawn(grid, part, rng) for curve in curves], axis=1)
        return
    for place in np.array_split(np.arange(len(noise[0])), max(1, len(noise[0]) // rows)):
        pairs = zip(curves, noise, strict=True)
        yield np.stack([curve.departing(grid, own[place]) for curve, own in pairs], axis=1)


def _drawn_middles(
    turns: _Turns, truths: list[Curve], noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """ln C in the middle of each curve's turn when the truth is measured anew, (draws, sizes)."""
    heights = drawn_heights(truths, turns.grid, noise, rng, 100)
    return np.concatenate([turns.middles(height)[0] for height in heights])


def _both_lines(curves: list[Curve], middles: np.ndarray) -> np.ndarray:
    """Intercept and slope of ln N and of ln D against ln C, for middles (draws, sizes)."""
    sizes = np.array([curve.N for curve in curves])
    tokens = [np.interp(middles[:, i], curve.C, curve.D) for i, curve in enumerate(curves)]
    return np.column_stack(
        [lines_through(middles, sizes[None]), lines_through(middles, np.stack(tokens, axis=1))]
    )


def _smoothed(measured: list[Measured]) -> list[Curve]:
    """Curves of one degree: that with the least corrected Akaike criterion over all of them.

    The criterion counts all coefficients and, as one more, the size of the noise.
    """
    points = sum(len(runs.C) for runs in measured)
    best, least = None, math.inf
    for degree in range(1, 7):
        curves = [Curve(runs, degree) for runs in measured]
        freedom = sum(curve.freedom for curve in curves)
        if freedom < 2:
            continue
        score = aicc(sum(curve.squares for curve in curves), points, points - freedom + 1)
        if best is None or score < least:
            best, least = curves, score
    if best is None:
        raise ValueError("the curves have too few points to judge their noise by: give more each")
    return best


def smooth_curves(measured: list[Measured], curves: list[Curve]) -> list[Curve]:
    """The curves of a smooth surface through all runs, smoothed like the given ones."""
    counts = [len(runs.C) for runs in measured]
    L = smooth_surface(
        np.repeat([runs.N for runs in measured], counts),
        np.concatenate([runs.C for runs in measured]),
        np.concatenate([runs.L for runs in measured]),
    )
    parts = np.split(L, np.cumsum(counts)[:-1])
    return [
        Curve(replace(runs, L=part), curve.degree)
        for runs, part, curve in zip(measured, parts, curves, strict=True)
    ]


class Curve:
    """The smoothed training curve of one size: ln L against ln C."""

    def __init__(self, runs: Measured, degree: int) -> None:
        self.N, self.C, self.D = runs.N, runs.C, runs.D
        C, L = runs.C, runs.L
        degree = min(degree, max(1, len(C) // 2))
        self.center, self.reach = (C[0] + C[-1]) / 2, max(C[-1] - C[0], 1e-9) / 2
        self.degree = degree
        X = self._powers(C)
        self.solve = np.linalg.pinv(X)
        self.mean = X @ (self.solve @ L)
        self.squares = float(np.sum((L - self.mean) ** 2))
        self.freedom = len(C) - degree - 1
        self.coefficients = self.solve @ L

    def _powers(self, at: np.ndarray) -> np.ndarray:
        t = (at - self.center) / self.reach
        return np.vander(t, self.degree + 1, increasing=True)

    def smooth(self, grid: np.ndarray) -> np.ndarray:
        """ln L on the grid; NaN beyond the ends of the curve."""
        value = self._powers(grid) @ self.coefficients
        return np.where(self.covers(grid), value, np.nan)

    def tokens_at(self, log_C: float) -> float:
        """ln D where the curve has used e^log_C FLOPs."""
        return float(np.interp(log_C, self.C, self.D))

    def loss_at(self, log_C: float) -> float:
        """ln L there."""
        return float(self.smooth(np.array([log_C]))[0])

    def covers(self, grid: np.ndarray) -> np.ndarray:
        """Where the grid lies between the ends of the curve."""
        return (grid >= self.C[0] - SAME_END) & (grid <= self.C[-1] + SAME_END)

    def drawn(self, grid: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The curve measured anew, once for each size of the noise, shape (draws, grid)."""
        return self.departing(
            grid, noise[:, None] * rng.standard_normal((len(noise), len(self.mean)))
        )

    def departing(self, grid: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The curve with this noise (draws, points) at its points, shape (draws, grid)."""
        value = ((self.mean + noise) @ self.solve.T) @ self._powers(grid).T
        return np.where(self.covers(grid), value, np.nan)


class _Turns:
    """Where each curve takes its turn as the lowest, on a grid over all of their FLOPs."""

    def __init__(self, curves: list[Curve]) -> None:
        grid = np.linspace(min(c.C[0] for c in curves), max(c.C[-1] for c in curves), 400)
        self.grid = grid
        covered = np.stack([curve.covers(grid) for curve in curves])
        between = np.zeros_like(covered)
        between[1:-1] = covered[:-2] & covered[2:]
        # What was measured ends there: a turn that lasts so long is cut off.
        between[:, 1:-1] &= between[:, :-2] & between[:, 2:]
        between[:, [0, -1]] = False
        self.covered, self.between = covered, between

    def heights(self, curves: list[Curve]) -> np.ndarray:
        """ln L of smoothed curves on the grid, shape (1, sizes, grid)."""
        return np.stack([curve.smooth(self.grid) for curve in curves])[None]

    def middles(self, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln C in the middle of each curve's turn, and whether the turn is cut off.

        height: ln L, shape (draws, sizes, grid); both results have shape (draws, sizes). A turn
        that is cut off by the end of one of the two neighbouring curves does not count: its
        middle is NaN, as is that of a curve without a turn.
        """
        filled = np.where(np.isnan(height), np.inf, height)
        winner = filled.argmin(1)
        found = np.full(height.shape[:2], np.nan)
        cut = np.zeros(height.shape[:2], dtype=bool)
        any_curve = self.covered.any(0)
        for number in range(height.shape[1]):
            won = (winner == number) & any_curve
            cut[:, number] = (won & ~self.between[number]).any(1)
            count = won.sum(1)
            whole = ~cut[:, number] & (count > 0)
            with np.errstate(all="ignore"):
                found[:, number] = np.where(whole, won @ self.grid / count, np.nan)
        return found, cut
