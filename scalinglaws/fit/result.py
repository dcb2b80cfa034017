"""What the results of all fits share: intervals, predictions, and how to draw from the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..laws import positive


@dataclass(frozen=True)
class Prediction:
    """A value with an interval that should hold the truth in a share `level` of the cases."""

    value: float
    low: float
    high: float
    level: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.level:.0%} interval {self.low:.4g} to {self.high:.4g})"


class Fitted:
    """A law with the bootstrap draws that its intervals come from."""

    def _draw(self, parameter: str) -> np.ndarray:
        """The bootstrap draws of a parameter."""
        raise NotImplementedError

    def interval(self, parameter: str, level: float = 0.95) -> tuple[float, float]:
        """The central interval of a parameter. Raises ValueError if there is none of this name.

        Both ends are NaN where the fit itself is no answer: its status is "not converged", or
        "bound hit", which is what losses give that follow no law of this form.
        """
        draws, ends = self._draw(parameter), tails(level)
        if self.status.startswith(("not converged", "bound hit")):
            return math.nan, math.nan
        low, high = np.quantile(draws, ends)
        return float(low), float(high)

    def value(self, parameter: str) -> float:
        """The fitted value of a parameter, by the name that `interval` knows it by."""
        return float(getattr(self.law if hasattr(self.law, parameter) else self, parameter))

    def _lines(self, names: Iterable[str]) -> list[str]:
        """One line per parameter with its 95 % interval."""
        lines = []
        for name in names:
            low, high = self.interval(name)
            known = math.isfinite(low)
            told = f"95% interval {low:.4g} to {high:.4g}" if known else "not known from these runs"
            lines.append(f"  {name:<7} = {self.value(name):<8.4g} {told}")
        return lines


def tails(level: float) -> tuple[float, float]:
    """The two quantiles that enclose the central share `level`."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1 (0.95 for 95 %), got {level!r}")
    return (1 - level) / 2, (1 + level) / 2


def checked_bootstrap(bootstrap: Any, seed: Any) -> np.random.Generator:
    """The generator of a fit's draws. Raises ValueError on a bad number of them or a bad seed."""
    if isinstance(bootstrap, bool) or not isinstance(bootstrap, Integral) or bootstrap < 100:
        raise ValueError(
            f"bootstrap must be at least 100, a whole number, to give intervals; got {bootstrap!r}"
        )
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
    return np.random.default_rng(seed)


def clusters_of(*keys: ArrayLike) -> np.ndarray:
    """Number 0, 1, ... of the cluster of each run: runs that agree in all keys share one."""
    columns = [np.unique(np.asarray(key), return_inverse=True)[1] for key in keys]
    return np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel()


def equally_long(**values: ArrayLike) -> tuple[np.ndarray, ...]:
    """Lists of positive numbers as arrays. Raises ValueError if they are not, or not as long."""
    arrays = tuple(positive(value, name) for name, value in values.items())
    if arrays[0].ndim != 1 or len({array.shape for array in arrays}) != 1:
        *most, last = values
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(
            f"{', '.join(most)} and {last} must be lists of equal length, got shapes {shapes}"
        )
    return arrays


def cluster_weights(
    settings: Sequence[np.ndarray],
    groups: ArrayLike | None,
    bootstrap: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """How often each run enters each draw, shape (bootstrap, runs), and the number of clusters.

    A cluster is drawn as a whole: runs with the same label in `groups`, or, without groups, runs
    that agree in all `settings` (seeds of one N and D).

    Weights are drawn from a flat Dirichlet distribution (Rubin's Bayesian bootstrap), the smooth
    sibling of drawing with replacement: no draw is left without some region of the data.
    """
    labels = (
        clusters_of(*settings) if groups is None else clusters_of(_labels(groups, len(settings[0])))
    )
    count = int(labels.max()) + 1
    if count < 8:
        raise ValueError(
            f"the runs fall into {count} independent groups only; at least 8 are needed to judge "
            "how well the law is known"
        )
    share = rng.standard_exponential((bootstrap, count))
    share *= count / share.sum(1, keepdims=True)
    return share[:, labels], count


def widened(theta: np.ndarray, draws: np.ndarray, clusters: int) -> np.ndarray:
    """Draws (rows, p) about theta, made wider by sqrt(n / (n - p)) for n clusters.

    A fit of p parameters follows its few data more closely than the truth does, and so do the
    fits to resampled data.
    """
    parameters = draws.shape[1]
    return theta + math.sqrt(clusters / max(1.0, clusters - parameters)) * (draws - theta)


def _labels(groups: ArrayLike, runs: int) -> np.ndarray:
    labels = np.asarray(groups)
    if labels.shape != (runs,):
        raise ValueError(f"groups must hold one label for each of the {runs} runs")
    return labels


def resampled_residuals(
    residuals: np.ndarray, shape: tuple[int, int], parameters: int, seed: int
) -> np.ndarray:
    """Factors by which new measurements scatter around a law, drawn from what the old ones did."""
    rng = np.random.default_rng([seed, 1])
    freedom = len(residuals) / max(1, len(residuals) - parameters)
    return np.exp(np.sqrt(freedom) * rng.choice(residuals, shape))
