"""The slope of a curve in log-log from each point to the next: whether one power law will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .. import _checks as checks
from ..estimate import Estimate
from .bootstrap import checked_bootstrap
from .inputs import equally_long
from .result import tails
from .scatter import Scatter


@dataclass(frozen=True, eq=False)
class LocalSlopes:
    """d ln y / d ln x between points, each with an interval, and how far they bend.

    Of a loss that falls as x^-alpha the slopes are -alpha; of N_opt ~ C^a they are a.
    """

    low: np.ndarray
    high: np.ndarray
    """The x that each slope runs from and to, shape (slopes,)."""
    values: np.ndarray
    """The slopes, shape (slopes,)."""
    draws: np.ndarray
    """Draws of them, shape (draws, slopes); NaN where a draw has no point."""

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """Each slope with its interval."""
        return [_around(*pair, level) for pair in zip(self.values, self.draws.T, strict=True)]

    def bend(self, level: float = 0.95) -> Estimate:
        """The last slope less the first; an interval without 0 refutes a single power law.

        Neighbouring slopes share a point and err in opposite directions, so whether two intervals
        overlap says nothing: this is the interval of the difference.
        """
        return _around(
            self.values[-1] - self.values[0], self.draws[:, -1] - self.draws[:, 0], level
        )

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per slope: from, to, slope, and both ends of its interval (low, high)."""
        told = [(one.value, one.low, one.high) for one in self.estimates(level)]
        table = pd.DataFrame(told, columns=["slope", "low", "high"])
        table.insert(0, "to", self.high)
        table.insert(0, "from", self.low)
        return table

    def __str__(self) -> str:
        lines = [
            f"{low:.3g} to {high:.3g}: {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
            for low, high, one in zip(self.low, self.high, self.estimates(), strict=True)
        ]
        one = self.bend()
        lines.append(f"last less first: {one.value:.3f} ({one.low:.3f} to {one.high:.3f})")
        return "\n".join(lines)


def local_slopes(
    x: ArrayLike,
    y: ArrayLike,
    *,
    draws: ArrayLike | None = None,
    scatter: Scatter | None = None,
    tokens: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    span: int = 1,
    bootstrap: int = 2000,
    seed: int = 0,
) -> LocalSlopes:
    """The slopes d ln y / d ln x from each x to the one `span` places further, with intervals.

    What y may be instead is said in one of two ways. `draws` holds draws of ln y, shape (draws,
    points), such as `AllocationFit.minima` for N at each budget (NaN where there is none). Or y
    are the losses of runs: `scatter` is their noise, `tokens` (by default x) how long each was
    trained, `groups` which branch from one trunk; runs at one x are averaged (in ln y).

    A power law has one slope. A slope over a wide range hides it if it has not, so print these
    beside it. Raises ValueError on bad values, unless exactly one of `draws` and `scatter` is
    given, if there are draws and two points at one x, and with fewer than span + 2 different x.

    >>> import numpy as np
    >>> from scalinglaws import Scatter
    >>> x = np.array([1e4, 1e5, 1e6])
    >>> print(local_slopes(x, 10 * x**-0.1, scatter=Scatter.known(0.01)))
    1e+04 to 1e+05: -0.100 (-0.112 to -0.088)
    1e+05 to 1e+06: -0.100 (-0.112 to -0.088)
    last less first: 0.000 (-0.021 to 0.020)
    """
    x, y = equally_long(x=x, y=y)
    span = checks.whole(span, "span", 1)
    rng = checked_bootstrap(bootstrap, seed)
    if (draws is None) == (scatter is None):
        raise ValueError("give either draws of ln y or the scatter of runs")
    different, place = np.unique(x, return_inverse=True)
    if len(different) < span + 2:
        raise ValueError(f"{span + 2} different x are needed, got {len(different)}")
    if scatter is not None:
        given = x if tokens is None else equally_long(x=x, tokens=tokens)[1]
        made = np.log(y) + scatter.draw(given, groups, rng, draws=bootstrap)
    else:
        made = np.asarray(draws, dtype=float)
        if made.ndim != 2 or made.shape[1] != len(x):
            raise ValueError(f"draws must have the shape (draws, {len(x)}), got {made.shape}")
        if len(different) < len(x):
            raise ValueError("with draws there may be one point at each x")

    def slopes(log_y: np.ndarray) -> np.ndarray:
        level = np.stack([log_y[:, place == i].mean(axis=1) for i in range(len(different))], axis=1)
        return (level[:, span:] - level[:, :-span]) / np.log(different[span:] / different[:-span])

    return LocalSlopes(
        low=different[:-span],
        high=different[span:],
        values=slopes(np.log(y)[None])[0],
        draws=slopes(made),
    )


def _around(value: float, draws: np.ndarray, level: float) -> Estimate:
    low, high = np.nanquantile(draws, tails(level))
    return Estimate(float(value), float(low), float(high), level)
