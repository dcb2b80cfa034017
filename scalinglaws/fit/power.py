"""Power laws of one quantity, with or without a floor.

Intervals come from a parametric bootstrap: the data are drawn again and again from the fitted law
with noise of the size that the residuals show (itself drawn, since a handful of points does not
pin it down), and the law is fitted anew each time. For a straight line in log-log this repeats the
textbook t-intervals; with a floor it also follows the curvature that those miss.

A floor cannot be below zero, and where zero cannot be ruled out a bootstrap of the fit with a
floor alone is too sure of itself: its draws pile up at E = 0 instead of scattering about it. There
the law without a floor is as good an answer, so the intervals also cover all of what that law's
own bootstrap gives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..laws import PowerLaw, positive
from .result import Prediction, checked_bootstrap, tails

Floor = bool | float
_LARGEST = 700.0  # of log A; e^709 is the largest float


@dataclass(frozen=True, eq=False)
class PowerLawFit:
    """A fitted power law and how far to trust it."""

    law: PowerLaw
    x: np.ndarray
    y: np.ndarray
    residuals: np.ndarray
    """log y minus log L(x): near 0.01 means one per cent of the loss."""
    sigma: float
    """Standard deviation of the residuals, corrected for the number of fitted parameters."""
    draws: np.ndarray
    """Bootstrap draws of (A, alpha, E), shape (bootstrap, 3)."""
    noise: np.ndarray
    """The residual standard deviation that goes with each draw, shape (bootstrap,)."""
    status: Literal["converged", "floor at zero", "floor not identifiable"]
    _log_A: np.ndarray
    """log A of each draw; A itself can leave the range of floats where alpha is large."""
    _line: np.ndarray | None = None
    """Draws of (log A, alpha, noise) of the law without a floor, where zero is in question."""
    _seed: int = 0

    def _without_floor(self, level: float) -> bool:
        """Whether E = 0 lies within its interval, so that the law without a floor counts too."""
        return self._line is not None and np.mean(self.draws[:, 2] == 0) > tails(level)[0]

    def interval(
        self, parameter: Literal["A", "alpha", "E"], level: float = 0.95
    ) -> tuple[float, float]:
        """The central interval of a parameter."""
        names = ("A", "alpha", "E")
        if parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}; got {parameter!r}")
        low, high = np.quantile(self.draws[:, names.index(parameter)], tails(level))
        if self._without_floor(level) and parameter != "E":
            log_A, alpha, _ = self._line.T
            line = np.exp(np.clip(log_A, -_LARGEST, _LARGEST)) if parameter == "A" else alpha
            least, most = np.quantile(line, tails(level))
            low, high = min(low, least), max(high, most)
        return float(low), float(high)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of (log A, alpha, E) over the bootstrap draws, shape (3, 3)."""
        return np.cov(np.column_stack([self._log_A, self.draws[:, 1:]]).T)

    def band(
        self, x: ArrayLike, level: float = 0.95, *, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each x: of the law, or (`new=True`) of a new measurement."""
        x = np.atleast_1d(positive(x, "x"))
        if x.ndim > 1:
            raise ValueError(f"x must be one number or a list of numbers, got shape {x.shape}")
        ends = tails(level)
        _, alpha, E = self.draws.T
        laws = [(self._log_A, alpha, E, self.noise)]
        if self._without_floor(level):
            log_A, alpha, noise = self._line.T
            laws.append((log_A, alpha, np.zeros(len(alpha)), noise))
        edges = []
        for log_A, alpha, E, noise in laws:
            power = log_A[:, None] - alpha[:, None] * np.log(x)
            curves = E[:, None] + np.exp(np.clip(power, -600, 600))
            if new:
                rng = np.random.default_rng([self._seed, 1])
                curves = curves * _scatter(rng, noise[:, None], 1)
            edges.append(np.quantile(curves, ends, axis=0))
        return np.min(edges, axis=0)[0], np.max(edges, axis=0)[1]

    def predict(self, x: float, level: float = 0.95) -> Prediction:
        """What a new measurement at x will give: the law's value and an interval.

        The interval holds the doubt about the law and the noise of one new point. It trusts that
        the law goes on; it does not know where it might break.
        """
        if np.ndim(x) != 0:
            raise ValueError("predict takes one x; for many use band(x, new=True)")
        low, high = self.band(x, level, new=True)
        return Prediction(float(self.law(x)), float(low[0]), float(high[0]), level)

    def __str__(self) -> str:
        lines = [f"{self.law}", f"  from {len(self.x)} points, {self.status}"]
        for name in ("alpha", "A", "E")[: 3 if self.law.E or self.draws[:, 2].any() else 2]:
            low, high = self.interval(name)
            lines.append(
                f"  {name:<5} = {getattr(self.law, name):.4g}   "
                f"95% interval {low:.4g} to {high:.4g}"
            )
        lines.append(f"  scatter around the law: {100 * self.sigma:.2g} % of the loss")
        return "\n".join(lines)


def fit_power_law(
    x: ArrayLike,
    y: ArrayLike,
    *,
    floor: Floor = False,
    bootstrap: int = 2000,
    seed: int = 0,
) -> PowerLawFit:
    """Fit L(x) = E + A x^-alpha to measured losses y at x, by least squares on log L.

    `floor=False` fits a straight line in log-log (E = 0), `floor=True` fits E as well, and a
    number holds E at that value. Where the bootstrap cannot tell the floor from zero, the
    intervals also cover those of the law without a floor.

    Several measurements at one x (seeds) should be averaged first: they share whatever keeps the
    law from being exact there. Raises ValueError if values are missing, not finite or not
    positive, or if there are too few different x for the parameters.
    """
    x, y = positive(x, "x"), positive(y, "y")
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be two lists of equal length, got shapes {x.shape} and {y.shape}"
        )
    floor = bool(floor) if isinstance(floor, np.bool_) else floor
    if not isinstance(floor, Real):
        raise ValueError(f"floor must be True, False or a number, got {floor!r}")
    fitted = 3 if floor is True else 2
    different = len(np.unique(x))
    if different < fitted + 1:
        raise ValueError(
            f"{fitted} parameters need at least {fitted + 1} different x to leave something to "
            f"judge the fit by; got {different}"
        )
    if floor is not True and floor is not False:
        floor = float(floor)
        if not 0 <= floor < y.min():
            raise ValueError(
                f"a fixed floor must lie between 0 and the lowest loss {y.min():.4g}, got {floor}"
            )
    rng = checked_bootstrap(bootstrap, seed)

    ((log_A, alpha, E),) = _fit(x, y[None], floor)
    if not abs(log_A) < _LARGEST:
        raise ValueError("no power law could be fitted to these points")
    law = PowerLaw(math.exp(log_A), float(alpha), float(E))
    residuals = np.log(y) - np.log(law(x))
    freedom = len(x) - (fitted if floor is not True or E > 0 else 2)
    sigma = math.sqrt(float(residuals @ residuals) / freedom)

    noise = sigma * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))
    again = law(x) * _scatter(rng, noise[:, None], len(x))
    if floor is not True:
        again = np.maximum(again, floor * (1 + 1e-9))
    draws = _fit(x, again, floor)
    log_As = draws[:, 0].copy()
    draws[:, 0] = np.exp(np.clip(log_As, -_LARGEST, _LARGEST))
    status: Literal["converged", "floor at zero", "floor not identifiable"] = "converged"
    if floor is True:
        if E == 0:
            status = "floor at zero"
        elif np.mean(draws[:, 2] == 0) > 0.025:
            status = "floor not identifiable"
    line = None
    if floor is True and np.any(draws[:, 2] == 0):
        line = _line_draws(x, y, bootstrap, np.random.default_rng([seed, 2]))
    return PowerLawFit(law, x, y, residuals, sigma, draws, noise, status, log_As, line, seed)


def _line_draws(
    x: np.ndarray, y: np.ndarray, bootstrap: int, rng: np.random.Generator
) -> np.ndarray:
    """Bootstrap draws of the law without a floor: (log A, alpha, noise), shape (bootstrap, 3)."""
    ((log_A, alpha, _),) = _fit(x, y[None], False)
    mean = np.exp(log_A - alpha * np.log(x))
    residuals = np.log(y / mean)
    freedom = len(x) - 2
    sigma = math.sqrt(float(residuals @ residuals) / freedom)
    noise = sigma * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))
    draws = _fit(x, mean * _scatter(rng, noise[:, None], len(x)), False)
    return np.column_stack([draws[:, :2], noise])


def _scatter(rng: np.random.Generator, noise: np.ndarray, points: int) -> np.ndarray:
    """Factors by which measurements scatter around a law, shape (rows, points).

    With one residual to judge the noise by, the bootstrap now and then draws noise that has no
    bound; e^20 is beyond any loss and still leaves the fits within the range of floats.
    """
    z = noise * rng.standard_normal((len(noise), points))
    return np.exp(np.clip(z, -20, 20))


def _fit(x: np.ndarray, y: np.ndarray, floor: Floor) -> np.ndarray:
    """(log A, alpha, E) for every row of y, shape (rows, points) -> (rows, 3)."""
    center = math.exp(float(np.log(x).mean()))
    u = np.log(x / center)
    theta = _fit_with_floor(u, y) if floor is True else _fit_line(u, y, float(floor))
    at_center = np.maximum(theta[:, 0], np.finfo(float).tiny)
    theta[:, 0] = np.log(at_center) + theta[:, 1] * math.log(center)
    return theta


def _fit_line(u: np.ndarray, y: np.ndarray, floor: float) -> np.ndarray:
    """Least squares on log(y - floor) for floor 0, and on log y by Gauss-Newton otherwise."""
    z = np.log(y - floor)
    alpha = -(z @ u) / (u @ u)
    theta = np.column_stack([np.exp(z.mean(1)), alpha, np.full(len(y), floor)])
    return theta if floor == 0 else _polish(u, y, theta, free_floor=False)


def _fit_with_floor(u: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each alpha of a grid the law is linear in E and A; the best start is then polished."""
    lowest = y.min(1)
    weights = y**-2.0
    best = _fit_line(u, y, 0.0)
    best_cost = _cost(u, y, best)
    for alpha in np.geomspace(0.01, 5.0, 60):
        g = np.exp(-alpha * u)
        s0, s1, s2 = weights.sum(1), weights @ g, weights @ g**2
        t0, t1 = (weights * y).sum(1), (weights * y) @ g
        determinant = s0 * s2 - s1**2
        with np.errstate(divide="ignore", invalid="ignore"):
            E = (t0 * s2 - t1 * s1) / determinant
            A = (s0 * t1 - s1 * t0) / determinant
        possible = (A > 0) & (E > 0) & (lowest > E)
        if not possible.any():
            continue
        theta = np.column_stack([A, np.full(len(y), alpha), E])
        cost = np.where(possible, _cost(u, y, np.where(possible[:, None], theta, best)), np.inf)
        better = cost < best_cost
        best[better], best_cost[better] = theta[better], cost[better]
    polished = _polish(u, y, best, free_floor=True)
    line = _fit_line(u, y, 0.0)
    no_gain = _cost(u, y, polished) >= _cost(u, y, line)
    polished[no_gain] = line[no_gain]
    return polished


def _cost(u: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    A, alpha, E = theta.T[:, :, None]
    with np.errstate(all="ignore"):
        r = np.log(y) - np.log(E + A * np.exp(-alpha * u))
    return np.where(np.isfinite(r).all(1), (r**2).sum(1), np.inf)


def _polish(
    u: np.ndarray, y: np.ndarray, theta: np.ndarray, *, free_floor: bool, steps: int = 40
) -> np.ndarray:
    """Levenberg-Marquardt on log residuals for all rows at once, in (log A, alpha, E), E >= 0."""
    theta = theta.copy()
    cost = _cost(u, y, theta)
    damping = np.full(len(y), 1e-3)
    for _ in range(steps):
        A, alpha, E = theta.T[:, :, None]
        power = A * np.exp(-alpha * u)
        value = E + power
        r = np.log(y) - np.log(value)
        columns = [power / value, -u * power / value]
        if free_floor:
            columns.append(1 / value)
        J = np.stack(columns, axis=-1)
        JJ, Jr = np.einsum("rni,rnj->rij", J, J), np.einsum("rni,rn->ri", J, r)
        diagonal = np.einsum("rii->ri", JJ)
        JJ = JJ + np.eye(J.shape[-1]) * (damping[:, None] * diagonal + 1e-15)[:, None, :]
        move = np.linalg.solve(JJ, Jr[..., None])[..., 0]
        trial = theta.copy()
        trial[:, 0] *= np.exp(np.clip(move[:, 0], -5, 5))
        trial[:, 1] += np.clip(move[:, 1], -1, 1)
        if free_floor:
            trial[:, 2] = np.clip(theta[:, 2] + move[:, 2], 0, None)
        trial_cost = _cost(u, y, trial)
        better = trial_cost < cost
        theta[better], cost[better] = trial[better], trial_cost[better]
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-12, 1e8)
    return theta


def mean_over_seeds(
    x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different x, the mean of y at each, and the standard error of that mean (NaN for one)."""
    x, y = positive(x, "x"), positive(y, "y")
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be two lists of equal length, got shapes {x.shape} and {y.shape}"
        )
    sizes = np.unique(x)
    groups = [y[x == size] for size in sizes]
    error = [g.std(ddof=1) / math.sqrt(len(g)) if len(g) > 1 else math.nan for g in groups]
    return sizes, np.array([g.mean() for g in groups]), np.array(error)
