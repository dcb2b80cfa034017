"""How laws other than Chinchilla's are searched for, and what such a fit returns.

Each law is described by which of its parameters are searched, and between which bounds; from which
starts is for the fit of that law to say. `minimise` does the rest, with derivatives by differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import positive
from ..estimate import Estimate
from ..laws import Law
from .bootstrap import resampled_residuals
from .minimise import minimise
from .result import (
    CONVERGED,
    LARGEST,
    NOT_CONVERGED,
    FitResult,
    Status,
    bound_hit,
    floor_at_zero,
    not_identifiable,
)


@dataclass(frozen=True)
class Space:
    """Where a law is searched for."""

    kind: type[Law]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    """Bounds of theta, the parameters as the law's formula takes them."""
    settings: Mapping[str, float] = field(default_factory=dict)
    """What the law is held at."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that are searched: the first ones of the law."""
        return self.kind.names()[: len(self.lower)]

    def formula(self, theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
        """What is compared with the data, shape (rows, points): the law's logarithm, or the law."""
        formula = self.kind.log_value if self.kind.in_shares else self.kind.value
        return formula(theta, *data, **self.settings)

    def law(self, theta: np.ndarray) -> Law:
        """The law at one place of the search."""
        values = map(float, self.kind.natural(theta[None])[0])
        return self.kind(**dict(zip(self.names, values, strict=True)), **self.settings)

    def curve(
        self, data: tuple[np.ndarray, ...]
    ) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """The function that `minimise` wants, with central differences as derivatives."""

        def both(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            J = np.empty((*theta.shape, len(data[0])))
            for i in range(theta.shape[1]):
                step = 1e-6 * np.maximum(1.0, np.abs(theta[:, i]))
                up, down = theta.copy(), theta.copy()
                up[:, i] += step
                down[:, i] -= step
                gap = (self.formula(up, data) - self.formula(down, data)) / (2 * step[:, None])
                J[:, i] = gap
            return self.formula(theta, data), J

        return both

    def search(
        self,
        starts: np.ndarray,
        data: tuple[np.ndarray, ...],
        target: np.ndarray,
        delta: float,
    ) -> tuple[np.ndarray, float, bool]:
        """The best of fits to one set of data from all starts: theta (p,), cost, if it settled."""
        curve, ones = self.curve(data), np.ones((1, len(target)))
        lower, upper = np.array(self.lower), np.array(self.upper)
        rough, cost, _ = minimise(
            curve, starts, target[None], ones, delta=delta, lower=lower, upper=upper,
            steps=40, tolerance=1e-6,
        )  # fmt: skip
        best = rough[np.argsort(cost)[:6]]
        theta, cost, settled = minimise(
            curve, best, target[None], ones, delta=delta, lower=lower, upper=upper,
            steps=1000, tolerance=1e-12,
        )  # fmt: skip
        first = int(np.argmin(cost))
        return theta[first], float(cost[first]), bool(settled[first])

    def again(
        self,
        theta: np.ndarray,
        data: tuple[np.ndarray, ...],
        targets: np.ndarray,
        weights: np.ndarray,
        delta: float,
    ) -> np.ndarray:
        """The fit to every row of targets or weights, from theta."""
        rows = max(len(targets), len(weights))
        found, _, _ = minimise(
            self.curve(data), np.repeat(theta[None], rows, axis=0), targets, weights, delta=delta,
            lower=np.array(self.lower), upper=np.array(self.upper), tolerance=1e-7,
        )  # fmt: skip
        return found

    def status(self, theta: np.ndarray, draws: np.ndarray, settled: bool) -> Status:
        """How the search ended, judged by its place, its draws, and whether it settled."""
        if not settled:
            return NOT_CONVERGED
        for name, value, low, high in zip(self.names, theta, self.lower, self.upper, strict=True):
            if value <= low or value >= high:
                return floor_at_zero(name) if name == "E" else bound_hit(name)
        for i, name in enumerate(self.names):
            edge = (draws[:, i] <= self.lower[i]) | (draws[:, i] >= self.upper[i])
            if np.mean(edge) > 0.025:
                return not_identifiable(name)
        return CONVERGED


@dataclass(frozen=True, eq=False, kw_only=True)
class LawFit(FitResult):
    """A fitted law with its intervals; `x` holds the inputs that the law is called with."""

    law: Any
    x: tuple[np.ndarray, ...]
    y: np.ndarray
    residuals: np.ndarray
    """log y minus log of the law; for a sigmoid, accuracy minus the law."""
    _space: Space
    _noise: np.ndarray | None
    """The residual standard deviation of each draw; None: draw from the residuals."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that were fitted."""
        return self._space.names

    @property
    def _logs(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in self._space.kind.logs)

    def _value(self, name: str) -> float:
        return float(getattr(self.law, name))

    def band(
        self, *x: ArrayLike, level: float = 0.95, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each x: of the law, or (`new=True`) of a new measurement.

        Takes as many inputs as the law, broadcast against each other. Raises ValueError on another
        number of inputs, and unless they are above 0.
        """
        wanted, in_shares = self._space.kind.inputs, self._space.kind.in_shares
        if len(x) != len(wanted):
            raise ValueError(f"the law takes {', '.join(wanted)}; got {len(x)} inputs")
        arrays = (np.atleast_1d(positive(v, name)) for v, name in zip(x, wanted, strict=True))
        data = np.broadcast_arrays(*arrays)

        def curves() -> np.ndarray:
            found = self._space.formula(self._theta, tuple(v.ravel() for v in data))
            if not new:
                return found
            if self._noise is None:
                names = len(self.names)
                return found + resampled_residuals(self.residuals, found.shape, names, self._seed)
            rng = np.random.default_rng([self._seed, 1])
            return found + self._noise[:, None] * rng.standard_normal(found.shape)

        low, high = self._between(level, data[0].shape, curves)
        if in_shares:
            low, high = np.exp(np.minimum(low, LARGEST)), np.exp(np.minimum(high, LARGEST))
        return low, high

    def predict(self, *x: float, level: float = 0.95) -> Estimate:
        """What a new measurement at x will give: the law's value and an interval."""
        if any(np.size(one) != 1 for one in x):
            raise ValueError("predict takes one number for each input; for many use band")
        low, high = self.band(*x, level=level, new=True)
        return self._around(lambda: self.law(*x), (low.item(), high.item()), level)

    def __str__(self) -> str:
        head = [str(self.law), f"  from {len(self.y)} points, {self.status}"]
        return "\n".join([*head, *self._lines(self.names)])
