"""Laws of one quantity: least squares on the logarithm of the loss, or on the accuracy.

Intervals come from a parametric bootstrap, as those of `fit_power_law`.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike

from .. import laws
from .._checks import positive
from .bootstrap import checked_bootstrap, noise_sizes
from .inputs import mean_over_seeds, same_length
from .search import LawFit, Space

SQUARES = 1e6
"""A Huber delta beyond all residuals: least squares."""

_INF = math.inf
SPACES = {
    "power law": Space(laws.PowerLaw, (-600, -2), (600, 5)),
    "power law with floor": Space(laws.PowerLaw, (-600, 1e-3, 0), (600, 5, _INF)),
    "exponential": Space(laws.ExponentialLaw, (-60, -100, 0), (60, 300, _INF)),
    "logarithm": Space(laws.LogarithmicLaw, (-_INF, -_INF), (_INF, _INF)),
    "broken power law": Space(
        laws.BrokenPowerLaw,
        (-600, -2, -4, -100, math.log(0.05), 0),
        (600, 5, 4, 300, math.log(3), _INF),
    ),
}
CURVES = tuple(SPACES)
"""The names of the laws that `fit_curve` and `compare` know."""


def starts_of(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where the search for a law of one quantity begins, shape (starts, parameters)."""
    u, low, high = np.log(x), float(y.min()), float(y.max())
    slope, intercept = np.polyfit(u, np.log(y), 1)
    floors = low * np.array([0.0, 0.3, 0.6, 0.8, 0.9, 0.97])

    def above(E: float) -> tuple[float, float]:
        slope, intercept = np.polyfit(u, np.log(y - E), 1)
        return intercept, -slope

    if kind == "power law":
        return np.array([[intercept, -slope]])
    if kind == "power law with floor":
        return np.array([[*above(E), E] for E in floors])
    if kind == "logarithm":
        b, a = np.polyfit(u, y, 1)
        return np.array([[a, -b]])
    if kind == "exponential":
        scales = np.linspace(u[0] - 1, u[-1] + 2, 8)
        drop = max(high - low, 1e-9 * high)
        return np.array(
            [[math.log(max(high - E, drop)), s, E] for s in scales for E in floors[[0, 3, 5]]]
        )
    breaks = np.quantile(u, (0.2, 0.4, 0.6, 0.8))
    widths = np.log((0.3, 1.0))
    starts = []
    for E, d, f, bend in itertools.product(floors[[0, 2, 4]], breaks, widths, (-0.5, 0.5, 1.5)):
        A, alpha = above(E)
        c0 = alpha / (1 + bend / 2)
        starts.append([A + (c0 - alpha) * (d + u[0]) / 2, c0, bend * c0, d, f, E])
    return np.array(starts)


def fit_curve(
    kind: str, x: ArrayLike, y: ArrayLike, *, bootstrap: int = 1000, seed: int = 0
) -> LawFit:
    """Fit one of `CURVES` to losses y at x, by least squares on log L.

    Several measurements at one x are averaged first. The unit of y is that of the law's E and A,
    and x is counted as you count it. Intervals come from a parametric bootstrap, as for
    `fit_power_law`, which does the same faster for power laws. Raises ValueError for an unknown
    kind, for values that are not positive numbers, and if there are not at least two different x
    more than the law has parameters.

    >>> import numpy as np
    >>> x = np.geomspace(1e4, 1e9, 12)
    >>> noise = np.exp(0.002 * np.cos(7 * np.arange(12)))
    >>> fit = fit_curve("logarithm", x, (8 - 0.25 * np.log(x)) * noise, bootstrap=100)
    >>> print(fit.law, "|", fit.status)
    L(x) = 7.998 - 0.2498 ln x | converged
    >>> 0.25 in fit.estimate("B")
    True
    """
    if kind not in SPACES:
        raise ValueError(f"kind must be one of {', '.join(CURVES)}; got {kind!r}")
    rng = checked_bootstrap(bootstrap, seed)
    x, y, _ = mean_over_seeds(np.asarray(x), np.asarray(y))
    space = SPACES[kind]
    if len(x) < len(space.names) + 2:
        raise ValueError(
            f"a {kind} has {len(space.names)} parameters and needs at least "
            f"{len(space.names) + 2} different x; got {len(x)}"
        )
    return _fit_points(space, starts_of(kind, x, y), x, np.log(y), y, bootstrap, rng, seed)


def _fit_points(
    space: Space,
    starts: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    y: np.ndarray,
    bootstrap: int,
    rng: np.random.Generator,
    seed: int,
) -> LawFit:
    """Least squares of the formula on the target, with a parametric bootstrap.

    The target is what the formula returns: log y, or y itself.
    """
    data = (x,)
    theta, cost, settled = space.search(starts, data, target, SQUARES)
    mean = space.formula(theta[None], data)[0]
    freedom = len(x) - len(space.names)
    noise = noise_sizes(math.sqrt(2 * cost / freedom), freedom, bootstrap, rng)
    again = mean + noise[:, None] * rng.standard_normal((bootstrap, len(x)))
    draws = space.again(theta, data, again, np.ones((1, len(x))), SQUARES)
    return LawFit(
        law=space.law(theta),
        x=data,
        y=y,
        residuals=target - mean,
        status=space.status(theta, draws, settled),
        _space=space,
        _noise=noise,
        _theta=draws,
        _seed=seed,
    )


def fit_sigmoid(
    loss: ArrayLike,
    accuracy: ArrayLike,
    *,
    low: float = 0.0,
    high: float = 1.0,
    bootstrap: int = 1000,
    seed: int = 0,
) -> LawFit:
    """Fit accuracy(L) = low + (high - low) / (1 + exp(slope (L - midpoint))) by least squares.

    `low` is the accuracy of guessing, `high` that of a perfect model, both shares from 0 to 1. The
    unit of the loss is that of the midpoint, and one over it that of the slope. Intervals come
    from a parametric bootstrap with noise of the size of the residuals. Raises ValueError if there
    are fewer than 4 different losses or an accuracy is not between 0 and 1.

    >>> import numpy as np
    >>> from scalinglaws.laws import Sigmoid
    >>> loss = np.linspace(1.5, 3.2, 12)
    >>> accuracy = Sigmoid(2.2, 4.0, low=0.25)(loss) + 0.004 * np.cos(7 * np.arange(12))
    >>> fit = fit_sigmoid(loss, accuracy, low=0.25, bootstrap=100)
    >>> print(fit.law, "|", fit.status)
    accuracy(L) = 0.25 + 0.75 / (1 + exp(3.989 (L - 2.198))) | converged
    >>> 2.2 in fit.estimate("midpoint")
    True
    """
    rng = checked_bootstrap(bootstrap, seed)
    L, y = positive(loss, "loss"), np.asarray(accuracy, dtype=float)
    same_length(loss=L, accuracy=y)
    if not np.all((y >= 0) & (y <= 1)):
        raise ValueError("accuracy must lie between 0 and 1 (not in per cent)")
    if not 0 <= low < high <= 1:
        raise ValueError(f"0 <= low < high <= 1 must hold, got {low} and {high}")
    if len(np.unique(L)) < 4:
        raise ValueError(f"at least 4 different losses are needed, got {len(np.unique(L))}")

    reach = max(float(np.ptp(L)), 1e-9)
    space = Space(
        laws.Sigmoid,
        (float(L.min()) - 3 * reach, math.log(0.1 / reach)),
        (float(L.max()) + 3 * reach, math.log(1e3 / reach)),
        {"low": low, "high": high},
    )
    starts = np.array(
        [[m, math.log(s / reach)] for m in np.linspace(L.min(), L.max(), 9) for s in (3, 10, 40)]
    )
    return _fit_points(space, starts, L, y, y, bootstrap, rng, seed)
