"""Does a series of losses bend, does the bend go on, and do the bands of lines hold?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..estimate import Estimate


def bent(x: ArrayLike, log_y: ArrayLike) -> np.ndarray:
    """The test of the bend: 1 where the local slope grows with x, -1 where it shrinks, else 0.

    `log_y` has a series in each column, (runs, series). A parabola in ln x is fitted to each, and
    its bend shows if its 95 % interval by Student's t leaves out zero.

    >>> x = np.array([1.0, 2, 4, 8, 16])
    >>> noise = 1e-3 * np.array([1, -2, 0, 2, -1])
    >>> bent(x, np.column_stack([-0.1 * np.log(x) ** 2 + noise, -np.log(x) + noise])).tolist()
    [1.0, 0.0]
    """
    u, n = np.log(np.asarray(x, float)), len(np.asarray(x))
    Y = np.asarray(log_y, float)
    parabola, left = np.polyfit(u, Y, 2, full=True)[:2]
    line_left = np.polyfit(u, Y, 1, full=True)[1]  # sums of squares left over
    t = np.sqrt((line_left / left - 1) * (n - 3))  # the bend over its standard error
    return np.asarray(np.where(t > stats.t.ppf(0.975, n - 3), -np.sign(parabola[0]), 0.0))


def line_bands(
    law: Callable[[np.ndarray], np.ndarray],
    x: ArrayLike,
    noise: float = 0.01,
    *,
    rng: np.random.Generator,
    repeats: int = 2000,
    beyond: float = 10,
) -> tuple[float, float, float]:
    """What becomes of the 95 % band of a line when the truth is `law` at `x` with relative `noise`.

    Shares of the series in which the band holds the law at `beyond` times the last x, in which the
    bend shows, and in which neither does.

    >>> straight = lambda x: x**-0.1
    >>> rng = np.random.default_rng(0)
    >>> holds, shows, silent = line_bands(straight, np.geomspace(1, 100, 8), rng=rng)
    >>> 0.93 < holds < 0.97, 0.03 < shows < 0.07, silent < 0.07
    (True, True, True)
    """
    x = np.asarray(x, float)
    u, at, n = np.log(x), np.log(beyond * x[-1]), len(x)
    Y = np.log(law(x))[:, None] + noise * rng.standard_normal((n, repeats))
    line, left = np.polyfit(u, Y, 1, full=True)[:2]
    half = stats.t.ppf(0.975, n - 2) * np.sqrt(left / (n - 2))
    place = 1 / n + (at - u.mean()) ** 2 / (n * u.var())
    holds = abs(at * line[0] + line[1] - np.log(law(np.exp(at)))) < half * np.sqrt(place)
    shows = bent(x, Y) != 0
    return float(holds.mean()), float(shows.mean()), float((~holds & ~shows).mean())


def next_slope(
    x: ArrayLike,
    losses: ArrayLike,
    next_loss: float,
    points: slice = slice(None),
    weights: ArrayLike | None = None,
) -> Estimate:
    """Slope -d ln L / d ln x from the last run to the next, less what a parabola expects.

    `x` has the compute of the runs and of the next one, (runs + 1,); `losses` has shape
    (runs, seeds), and a parabola is fitted to each seed, through those `points` alone and with
    `weights` for all runs. `next_loss` is a mean of two seeds, whose scatter is taken for that of
    the last run. The mean over seeds with its 95 % interval.

    >>> x = np.array([1.0, 2, 4, 8, 16])
    >>> noise = 1 + 1e-3 * np.random.default_rng(0).standard_normal((4, 6))
    >>> off = next_slope(x, x[:4, None] ** -0.1 * noise, 16**-0.1)
    >>> off.low < 0 < off.high
    True
    """
    L = np.log(np.asarray(losses, float))
    seeds = L.shape[1]
    u = np.log(np.asarray(x, float) / np.asarray(x, float)[-1])
    w = np.ones(len(L)) if weights is None else np.asarray(weights, float)
    fits = np.polyfit(u[:-1][points], L[points], 2, w=w[points])
    awaited = fits[0] * u[-2] + fits[1]  # slope of each parabola's chord over the step, negative
    d = (L[-1] - np.log(next_loss)) / -u[-2] + awaited
    spread = np.std(L[-1], ddof=1)
    half = stats.t.ppf(0.975, seeds - 1) * np.sqrt(
        d.var(ddof=1) / seeds + spread**2 / 2 / u[-2] ** 2
    )
    return Estimate(float(d.mean()), float(d.mean() - half), float(d.mean() + half))
