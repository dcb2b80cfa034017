"""Approach 2: where the loss is lowest on each FLOP budget, and how that place moves with it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .._checks import positive
from .allocation import (
    AllocationFit,
    Parabola,
    lines_through,
    mean_over_repeats,
    runs_of,
    smooth_surface,
    widened_by_scatter,
)
from .bootstrap import checked_bootstrap, noise_sizes
from .result import CONVERGED, not_identifiable

BUDGET_STEP = 0.1
"""Runs whose FLOPs differ by less than this share belong to one budget."""


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
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The minimum of a parabola at each FLOP budget (Hoffmann et al. 2022, approach 2).

    At each budget a parabola in ln N is fitted to the loss, seeds averaged first; its vertex is
    the best N, and a straight line in log-log through the vertices gives the exponents. A budget
    is refused, and `refused` says why, if it has fewer than 3 sizes, if its parabola opens
    downwards, or if the vertex lies outside its sizes.

    Loss may be in any unit, and params and tokens counted in any way: a, b and the optimum hold
    for this way of counting. `flops` defaults to k N D; where the runs' FLOPs are known better,
    give them.

    Intervals: a smooth surface through all runs stands in for the truth, noise of the size of the
    pooled residuals is added to it at the runs, and the procedure is repeated; by as much as it
    errs there, it may err here. Where the vertices scatter about the line by more than that
    explains, the draws are widened by as much. Raises ValueError on bad values, if the runs do not
    lie on budgets, and if fewer than 3 budgets are left.

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
    runs = runs_of(params, tokens, loss, flops, k)
    kept, refused, sigma, freedom = _parabolas(*runs)
    noise = noise_sizes(sigma, freedom, bootstrap, rng)
    log_C = np.log([curve.C for curve in kept])
    log_N = np.log([curve.vertex for curve in kept])
    minima = np.stack([_vertices(curve, noise, rng) for curve in kept], axis=1)
    point = _both_lines(kept, log_C, log_N[None])[0]
    draws = _redrawn(point, _smooth_parabolas(kept), log_C, noise, rng)
    lost = np.isnan(draws).any(1)
    draws = draws[~lost]
    if len(draws) < 0.5 * bootstrap:
        raise ValueError(
            "the minima are lost in the noise: in most bootstrap draws fewer than 3 budgets keep "
            "one. Give more runs around each minimum"
        )
    return AllocationFit(
        method="isoflop",
        C=np.exp(log_C),
        N=np.array([curve.vertex for curve in kept]),
        D=np.exp([float(_tokens(curve, np.log([curve.vertex]))[0]) for curve in kept]),
        L=np.array([float(curve(curve.vertex)) for curve in kept]),
        minima=minima,
        curves=tuple(kept),
        refused=tuple(refused),
        status=CONVERGED if np.mean(lost) < 0.025 else not_identifiable("minima"),
        _point=point,
        _theta=widened_by_scatter(draws, point, log_C, log_N, minima),
        _seed=seed,
    )


def _parabolas(
    N: np.ndarray, D: np.ndarray, L: np.ndarray, C: np.ndarray
) -> tuple[list[Parabola], list[str], float, int]:
    """The parabolas that have a minimum, what was refused, and the noise with its freedom.

    The noise is the pooled standard deviation of the residuals in shares of the loss, since noise
    goes with it. Raises ValueError if fewer than 3 budgets have a minimum, and if no budget has
    more sizes than a parabola has coefficients.
    """
    label = budgets_of(C)
    refused: list[str] = []
    kept: list[Parabola] = []
    squares, freedom = 0.0, 0
    for number in range(label.max() + 1):
        here = label == number
        budget = math.exp(float(np.log(C[here]).mean()))
        sizes, (height, log_D) = mean_over_repeats(N[here], L[here], np.log(D[here]))
        if len(sizes) < 3:
            refused.append(f"budget {budget:.3g}: only {len(sizes)} sizes, a parabola needs 3")
            continue
        curve = Parabola.through(budget, sizes, np.exp(log_D), height)
        if reason := curve.has_no_minimum:
            refused.append(f"budget {budget:.3g}: {reason}")
            continue
        kept.append(curve)
        squares += curve.squares
        freedom += len(sizes) - 3
    if len(kept) < 3:
        raise ValueError(
            f"only {len(kept)} budgets have a minimum, and 3 are needed to fit a power law. "
            + (" ".join(f"{reason}." for reason in refused) or "Give runs at more budgets.")
        )
    if freedom == 0:
        raise ValueError(
            "every budget has exactly 3 sizes, so nothing is left to judge the noise by: give at "
            "least one budget a fourth size"
        )
    return kept, refused, math.sqrt(squares / freedom), freedom


def _redrawn(
    point: np.ndarray,
    truths: list[Parabola],
    log_C: np.ndarray,
    noise: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The lines (4,) moved by as much as they miss those of a truth measured anew, (draws, 4)."""
    truth = np.log([[curve.vertex for curve in truths]])
    found = np.stack([_vertices(curve, noise, rng) for curve in truths], axis=1)
    return point + _both_lines(truths, log_C, truth) - _both_lines(truths, log_C, found)


def _smooth_parabolas(curves: list[Parabola]) -> list[Parabola]:
    """The parabolas of a smooth surface at the same runs; the given ones where it has no minima."""
    counts = [len(curve.N) for curve in curves]
    L = smooth_surface(
        np.log(np.concatenate([curve.N for curve in curves])),
        np.repeat(np.log([curve.C for curve in curves]), counts),
        np.log(np.concatenate([curve.L for curve in curves])),
    )
    made = []
    for curve, part in zip(curves, np.split(np.exp(L), np.cumsum(counts)[:-1]), strict=True):
        smooth = Parabola.through(curve.C, curve.N, curve.D, part)
        if smooth.has_no_minimum:
            return curves
        made.append(smooth)
    return made


def _both_lines(curves: list[Parabola], log_C: np.ndarray, log_N: np.ndarray) -> np.ndarray:
    """Intercept and slope of ln N and of ln D against ln C, for minima ln N (rows, curves)."""
    log_D = np.stack([_tokens(curve, log_N[:, i]) for i, curve in enumerate(curves)], axis=1)
    return np.column_stack([lines_through(log_C, log_N), lines_through(log_C, log_D)])


def _vertices(curve: Parabola, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """ln N of the minimum for each draw of the noise; NaN where there is none among the sizes."""
    t = np.log(curve.N) - curve.center
    X = np.vander(t, 3, increasing=True)
    mean = X @ curve.coefficients
    drawn = mean * (1 + noise[:, None] * rng.standard_normal((len(noise), len(t))))
    c = drawn @ np.linalg.pinv(X).T
    with np.errstate(all="ignore"):
        vertex = -c[:, 1] / (2 * c[:, 2])
    lost = (c[:, 2] <= 0) | (vertex < t[0]) | (vertex > t[-1])
    return np.where(lost, np.nan, vertex + curve.center)


def _tokens(curve: Parabola, log_N: np.ndarray) -> np.ndarray:
    """ln D at these sizes of a budget, between and beyond those that were trained."""
    x, y = np.log(curve.N), np.log(curve.D)
    inside = np.interp(log_N, x, y)
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    inside = np.where(log_N < x[0], y[0] + left * (log_N - x[0]), inside)
    return np.where(log_N > x[-1], y[-1] + right * (log_N - x[-1]), inside)
