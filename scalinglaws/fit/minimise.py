"""The minimiser behind the fits of surfaces and curves: many weighted robust fits at once.

Every bootstrap draw is the same fit with other weights, so all of them are computed as the rows of
one array. The loss of a residual r = log y - log f is Huber's: r^2 / 2 below `delta` and
delta (|r| - delta / 2) above, so that an outlier pulls no harder than a point at `delta`. The
losses of the points are summed, not averaged: an average makes the numbers so small that a
minimiser with a fixed tolerance stops early, which happened to Hoffmann et al. (2022) as
Besiroglu et al. (2024) found.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Curve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""theta (rows, p) -> log f (rows, points) and its derivatives (rows, p, points)."""

CHUNK = 64
"""Rows that are worked on together: few enough to stay within a processor's cache."""


def huber_cost(r: np.ndarray, weights: np.ndarray, delta: float) -> np.ndarray:
    """Summed Huber loss of residuals r (rows, points) -> (rows,); infinite where r is not."""
    with np.errstate(invalid="ignore"):
        size = np.abs(r)
        inner = np.minimum(size, delta)
        cost = np.einsum("rn,rn->r", weights, inner * (size - 0.5 * inner))
    return np.where(np.isfinite(cost), cost, np.inf)


def rounded(residuals: np.ndarray, delta: float) -> float:
    """The `delta` for resampled fits: at least so large that some 25 residuals lie within it.

    With few runs and a small `delta` the cost is almost the sum of absolute residuals. It has a
    kink at every run, so that resampled fits jump from run to run and scatter more than the fit
    itself does: with 35 runs the intervals came out up to 1.3 times too wide. Rounding the kinks
    mends that (Horowitz 1998, for medians); the rounding fades as the runs get more.
    """
    sizes = np.unique(np.abs(residuals))
    return max(delta, float(sizes[min(25, math.ceil(0.75 * len(sizes))) - 1]))


def minimise(
    curve: Curve,
    theta: np.ndarray,
    log_y: np.ndarray,
    weights: np.ndarray,
    *,
    delta: float,
    lower: np.ndarray,
    upper: np.ndarray,
    steps: int = 200,
    tolerance: float = 1e-9,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimise the summed Huber loss from each start: theta (rows, p), the cost, and if it settled.

    log_y and weights have shape (rows, points) or (1, points). `lower` and `upper` (p,) bound the
    parameters. A row has settled when a step gains less than `tolerance` of its cost.

    Each step solves B s = gradient, where B is the curvature of the points within `delta` plus a
    share mu of the bound on the curvature of those beyond. With mu = 1 this is iteratively
    reweighted least squares, which never goes uphill by much but crawls where most points lie
    beyond `delta`; mu near 0 is Newton's method. mu falls while steps succeed.
    """
    rows = len(theta)
    log_y, weights = (np.broadcast_to(a, (rows, a.shape[-1])) for a in (log_y, weights))
    parts = [
        _minimise(curve, theta[i : i + CHUNK], log_y[i : i + CHUNK], weights[i : i + CHUNK],
                  delta, lower, upper, steps, tolerance)
        for i in range(0, rows, CHUNK)
    ]  # fmt: skip
    found, cost, settled = zip(*parts, strict=True)
    return np.concatenate(found), np.concatenate(cost), np.concatenate(settled)


def _minimise(
    curve: Curve,
    theta: np.ndarray,
    log_y: np.ndarray,
    weights: np.ndarray,
    delta: float,
    lower: np.ndarray,
    upper: np.ndarray,
    steps: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    theta = np.clip(theta, lower, upper)
    settled = np.zeros(len(theta), dtype=bool)
    with np.errstate(all="ignore"):
        log_f, J = curve(theta)
        r = log_y - log_f
        cost = huber_cost(r, weights, delta)
        result, final = theta.copy(), cost.copy()
        rows = np.flatnonzero(np.isfinite(cost))
        theta, log_y, weights, r, J, cost = (a[rows] for a in (theta, log_y, weights, r, J, cost))
        damping, quiet = np.ones(len(rows)), np.zeros(len(rows), dtype=int)
        for _ in range(steps):
            if not len(rows):
                break
            size = np.abs(r)
            inside = size < delta
            pull = weights * np.where(inside, 1.0, delta / size)
            mu = np.minimum(1.0, damping)[:, None]
            curvature = np.where(inside, pull, mu * pull)
            gradient = np.matmul(J, (pull * r)[..., None])[..., 0]
            B = np.matmul(J * curvature[:, None], J.swapaxes(1, 2))
            diagonal = np.einsum("rii->ri", B)
            ridge = 1e-12 + 1e-3 * np.maximum(0.0, damping - 1.0)
            held = ((theta <= lower) & (gradient < 0)) | ((theta >= upper) & (gradient > 0))
            step = _solve(B, gradient, ridge[:, None] * diagonal, held)
            trial = np.clip(theta + step, lower, upper)
            log_f, J_trial = curve(trial)
            r_trial = log_y - log_f
            cost_trial = huber_cost(r_trial, weights, delta)
            better = cost_trial < cost
            gain = np.where(better, cost - cost_trial, 0.0)
            small = (gain <= tolerance * cost) & (better | (damping > 1e4))
            quiet = np.where(small, quiet + 1, np.where(better, 0, quiet))
            theta[better], r[better], J[better] = trial[better], r_trial[better], J_trial[better]
            cost[better] = cost_trial[better]
            damping = np.where(better, np.maximum(damping / 4, 1e-6), damping * 6)
            over = (quiet >= 2) | (damping > 1e9) | (cost == 0)
            if over.any():
                result[rows[over]], final[rows[over]] = theta[over], cost[over]
                settled[rows[over]] = True
                left = ~over
                rows, theta, log_y, weights, r, J, cost, damping, quiet = (
                    a[left] for a in (rows, theta, log_y, weights, r, J, cost, damping, quiet)
                )
        result[rows], final[rows] = theta, cost
    return result, final, settled


def aicc(squares: float, points: int, parameters: int) -> float:
    """Akaike's criterion with the correction for few points (Hurvich and Tsai 1989).

    n ln (squares / n) + 2 p n / (n - p - 1) for a least-squares fit of p parameters to n points;
    infinite unless n > p + 1, where it does not exist. Squares below 1e-30 are rounding.
    """
    if points <= parameters + 1:
        return math.inf
    correction = 2 * parameters * points / (points - parameters - 1)
    return points * math.log(max(squares, 1e-30) / points) + correction


def _solve(B: np.ndarray, g: np.ndarray, ridge: np.ndarray, held: np.ndarray) -> np.ndarray:
    """s with (B + ridge) s = g, for each row; 0 in the directions that are `held`."""
    p = B.shape[-1]
    B, g = B.copy(), np.where(held, 0.0, g)
    index = np.arange(p)
    B[:, index, index] += ridge
    blocked = held[:, :, None] | held[:, None, :]
    B[blocked] = 0.0
    B[:, index, index] += np.where(held, 1.0, 0.0)
    # Scale to a unit diagonal: parameters differ in size by many orders of magnitude.
    scale = 1 / np.sqrt(np.maximum(B[:, index, index], 1e-300))
    B = B * scale[:, :, None] * scale[:, None, :]
    B[:, index, index] += 1e-13
    try:
        s = np.linalg.solve(B, (g * scale)[..., None])[..., 0] * scale
    except np.linalg.LinAlgError:
        s = g * scale**2
    return np.where(np.isfinite(s), s, 0.0)
