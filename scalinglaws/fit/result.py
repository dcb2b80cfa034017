"""What the results of all fits share: status, named draws, intervals, and when to say nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from .. import _checks as checks
from ..estimate import Estimate, ends

LARGEST = 700.0
"""Logarithms are held within plus and minus this; e^709 is the largest float."""
_FINITE = 1e300


class StatusKind(Enum):
    """How a fit ended."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged"
    BOUND_HIT = "bound hit"
    FLOOR_AT_ZERO = "at zero"
    NOT_IDENTIFIABLE = "not identifiable"


@dataclass(frozen=True)
class Status:
    """How a fit ended, and which quantity stands in the way if it is not plainly converged."""

    kind: StatusKind
    parameter: str | None = None
    """A parameter by its name; "floor", "minima" or "envelope"; None if it is about the whole."""

    @property
    def converged(self) -> bool:
        """Whether there is nothing to say against the fit."""
        return self.kind is StatusKind.CONVERGED

    @property
    def usable(self) -> bool:
        """Whether the fit is an answer at all.

        It is none if the search did not settle or ended at a bound, which is what losses give that
        follow no law of this form.
        """
        return self.kind not in (StatusKind.NOT_CONVERGED, StatusKind.BOUND_HIT)

    @property
    def about_floor(self) -> bool:
        """Whether the floor is what these runs do not tell."""
        return self.parameter in ("E", "floor")

    def __str__(self) -> str:
        if self.parameter is None:
            return self.kind.value
        if self.kind is StatusKind.BOUND_HIT:
            return f"{self.kind.value}: {self.parameter}"
        return f"{self.parameter} {self.kind.value}"


CONVERGED = Status(StatusKind.CONVERGED)
NOT_CONVERGED = Status(StatusKind.NOT_CONVERGED)


def bound_hit(parameter: str) -> Status:
    """The search ended at a bound of this parameter."""
    return Status(StatusKind.BOUND_HIT, parameter)


def floor_at_zero(parameter: str) -> Status:
    """The best floor is none."""
    return Status(StatusKind.FLOOR_AT_ZERO, parameter)


def not_identifiable(parameter: str) -> Status:
    """More than 2.5 % of the draws lose this quantity or end at a bound of it."""
    return Status(StatusKind.NOT_IDENTIFIABLE, parameter)


def tails(level: float) -> tuple[float, float]:
    """The two quantiles that enclose the central share `level`."""
    level = checks.level(level)
    return (1 - level) / 2, (1 + level) / 2


@dataclass(frozen=True, eq=False, kw_only=True)
class FitResult:
    """A law with a status and the bootstrap draws that its intervals come from.

    Where the status is not usable the fit is no answer, and cannot be read as one: intervals,
    bands, predictions and optima are NaN and print as "not known from these runs". The law that
    the search ended at stays in `law` and `value`, the draws in `draws`, for who wants to see why.
    """

    status: Status
    _theta: np.ndarray
    """Bootstrap draws of `names`, shape (bootstrap, p); of the logarithm for those in `_logs`."""
    _seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The fitted parameters, as the law names them."""
        raise NotImplementedError

    @property
    def derived(self) -> tuple[str, ...]:
        """What else has an interval, because it follows from the parameters."""
        return ()

    @property
    def _logs(self) -> tuple[str, ...]:
        """Which of `names` are held as logarithms."""
        raise NotImplementedError

    @property
    def draws(self) -> pd.DataFrame:
        """Bootstrap draws: one row per draw, one column per parameter, as the law names them."""
        return pd.DataFrame({name: self._drawn(name) for name in self.names})

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance over the bootstrap draws, labelled with what it is the covariance of.

        Parameters that a fit searches on a logarithmic scale enter as logarithms ("log A").
        """
        labels = [f"log {name}" if name in self._logs else name for name in self.names]
        found = np.cov(self._theta.T)
        if not self.status.usable:
            found = np.full_like(found, math.nan)
        return pd.DataFrame(found, index=labels, columns=labels)

    def _drawn(self, name: str) -> np.ndarray:
        """The bootstrap draws of one quantity, in its natural unit."""
        column = self._theta[:, self.names.index(name)]
        return np.exp(np.clip(column, -LARGEST, LARGEST)) if name in self._logs else column

    def _value(self, name: str) -> float:
        raise NotImplementedError

    def _known(self, name: str) -> str:
        names = (*self.names, *self.derived)
        if name not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}; got {name!r}")
        return name

    def value(self, name: str) -> float:
        """The fitted value of a parameter, even where the fit is no answer.

        Raises ValueError if there is no parameter of this name.
        """
        return float(self._value(self._known(name)))

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """The central interval of a parameter; NaN at both ends where the fit is no answer.

        Raises ValueError if there is no parameter of this name, and unless 0 < level < 1.
        """
        self._known(name)
        low, high = self._between(level, (), lambda: self._drawn(name))
        return float(low), float(high)

    def estimate(self, name: str, level: float = 0.95) -> Estimate:
        """A parameter with its interval; unknown where the fit is no answer."""
        return self._around(lambda: self.value(name), self.interval(name, level), level)

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """One row per parameter: value, and lower and upper end of its interval."""
        names = (*self.names, *self.derived)
        told = [self.estimate(name, level) for name in names]
        rows = [(one.value, one.low, one.high) for one in told]
        index = pd.Index(names, name="parameter")
        return pd.DataFrame(rows, index=index, columns=["value", "low", "high"])

    def _between(
        self, level: float, shape: tuple[int, ...], draws: Callable[[], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge of the draws that are computed, along their first axis.

        This is where a fit that is no answer keeps silent: both edges, of this shape, are NaN.
        """
        edges = tails(level)
        if not self.status.usable:
            return np.full(shape, math.nan), np.full(shape, math.nan)
        with np.errstate(over="ignore"):
            low, high = np.quantile(np.minimum(draws(), _FINITE), edges, axis=0)
        return low.reshape(shape), high.reshape(shape)

    def _around(self, value: Callable[[], Any], edges: tuple[Any, Any], level: float) -> Estimate:
        """The value that is computed with these edges; unknown where the fit is no answer."""
        if not self.status.usable:
            return Estimate.unknown(level)
        with np.errstate(over="ignore"):
            return Estimate(float(value()), float(edges[0]), float(edges[1]), level)

    def _lines(self, names: Iterable[str]) -> list[str]:
        """One line per parameter with its 95 % interval."""
        return [f"  {name:<7} = {self.value(name):<8.4g} {self._told(name)}" for name in names]

    def _told(self, name: str) -> str:
        """The 95 % interval of a parameter in words."""
        low, high = self.interval(name)
        if not self.status.usable:
            return "not known from these runs"
        first, last = ends(low, high)
        if first == last:
            return f"no interval: {first} in every draw"
        return f"95% interval {first} to {last}"


@dataclass(frozen=True)
class Optimum:
    """The best use of C training FLOPs: parameters, tokens, their ratio, and the loss."""

    C: float
    N: Estimate
    D: Estimate
    tokens_per_param: Estimate
    L: Estimate | None

    def __str__(self) -> str:
        lines = [
            f"compute-optimal for {self.C:.3g} FLOPs",
            f"  params            {self.N}",
            f"  tokens            {self.D}",
            f"  tokens per param  {self.tokens_per_param}",
        ]
        return "\n".join(lines + ([] if self.L is None else [f"  loss              {self.L}"]))
