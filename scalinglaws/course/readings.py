"""Ways of reading the exponent a of the best size, N_opt ~ C^a, that go through draws of noise.

Each takes logarithms of losses of shape (draws, runs), the measured ones first, and gives the
exponent in every draw, so that what several tables of runs share cancels in their differences.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ..estimate import Estimate
from ..fit.factorial import summary


def by_bowls(
    N: ArrayLike, C: ArrayLike, log_L: ArrayLike, *, keep: int | None = None, degree: int = 2
) -> np.ndarray:
    """The exponent from a curve in ln N at each budget and a line through the minima, (draws,).

    `N` (parameters) and `C` (the true budget, FLOPs) have shape (runs,), `log_L` (draws, runs).
    Losses are fitted by a polynomial of `degree` 2 or 3, through all sizes of a budget or through
    the `keep` of least mean loss in the first draw. A budget counts in those draws in which its
    curve has a minimum that lies at most a factor of e outside its sizes; without two such budgets
    the exponent is NaN. Raises ValueError for another degree.

    >>> C = np.repeat([1e9, 1e10, 1e11], 5)
    >>> N = np.sqrt(C) * np.tile([0.25, 0.5, 1, 2, 4], 3)
    >>> L = 2 + 0.1 * np.log(N / C**0.5) ** 2
    >>> by_bowls(N, C, np.log([L, L])).round(6).tolist()
    [0.5, 0.5]
    """
    if degree not in (2, 3):
        raise ValueError(f"degree must be 2 or 3, got {degree}")
    n, budget = np.log(np.asarray(N, float)), np.asarray(C, float)
    losses = np.exp(np.asarray(log_L, float))
    budgets = np.unique(budget)
    best = np.array([_lowest(n[budget == c], losses[:, budget == c], keep, degree)
                     for c in budgets])  # fmt: skip
    known = ~np.isnan(best)
    x = np.log(budgets)[:, None]
    x = np.where(known, x - np.sum(x * known, axis=0) / np.maximum(1, known.sum(axis=0)), 0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(x * np.where(known, best, 0.0), axis=0) / np.sum(x * x, axis=0))


def _lowest(n: np.ndarray, losses: np.ndarray, keep: int | None, degree: int) -> np.ndarray:
    """ln N at the minimum of a curve through one budget, NaN where it has none, (draws,)."""
    sizes = np.unique(n)
    least = np.argsort([losses[0, n == size].mean() for size in sizes])[:keep]
    used, middle = np.isin(n, sizes[least]), n.mean()
    fitted = np.polyfit(n[used] - middle, losses[:, used].T, degree)
    cubic, square, slope = (fitted[0] if degree == 3 else 0.0), fitted[-3], fitted[-2]
    with np.errstate(all="ignore"):  # no minimum: NaN, or infinite where a parabola bends down
        best = middle - slope / (square + np.sqrt(square**2 - 3 * cubic * slope))
    inside = (best > n.min() - 1) & (best < n.max() + 1)
    return np.where(inside, best, np.nan)


def by_surface(N: ArrayLike, D: ArrayLike, log_L: ArrayLike) -> np.ndarray:
    """The exponent of one paraboloid through all losses, (draws,).

    ln L = c0 + c1 x + c2 y + c3 x^2 + c4 x y + c5 y^2 in x = ln N and y = ln D. Where x + y is
    fixed, the slope in x vanishes on a line of exponent (2 c5 - c4) / 2 (c3 - c4 + c5). `N` and
    `D` (parameters, tokens) have shape (runs,), `log_L` (draws, runs).

    >>> x, y = (z.ravel() for z in np.meshgrid([0, 1, 2], [0, 1, 2]))
    >>> log_L = 1 - 0.1 * (x + y) + 0.05 * (x - 0.6 * (x + y)) ** 2
    >>> by_surface(np.exp(x), np.exp(y), [log_L]).round(6).tolist()
    [0.6]
    """
    x, y = np.log(np.asarray(N, float)), np.log(np.asarray(D, float))
    x, y = x - x.mean(), y - y.mean()
    terms = np.column_stack([x**0, x, y, x * x, x * y, y * y])
    c = np.linalg.lstsq(terms, np.asarray(log_L, float).T, rcond=None)[0]
    return np.asarray((2 * c[5] - c[4]) / (2 * (c[3] - c[4] + c[5])))


def spanned(readings: Iterable[ArrayLike], level: float = 0.95) -> Estimate:
    """The mean of several readings, with an interval from the lowest end of theirs to the highest.

    Each reading is a value and then its draws. The interval lies on one side of a number only if
    that of each reading does. Raises ValueError without a reading.

    >>> one, two = np.linspace(0.4, 0.6, 101), np.linspace(0.5, 0.7, 101)
    >>> print(spanned([[0.5, *one], [0.6, *two]]))
    0.55 (95% interval 0.405 to 0.695)
    """
    each = [summary(reading, level) for reading in readings]
    if not each:
        raise ValueError("at least one reading is needed")
    value = float(np.mean([one.value for one in each]))
    return Estimate(value, min(one.low for one in each), max(one.high for one in each), level)
