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
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from .._checks import positive
from ..estimate import Estimate
from ..laws import PowerLaw, log_power
from .bootstrap import checked_bootstrap, noise_sizes
from .inputs import equally_long
from .result import (
    CONVERGED,
    LARGEST,
    FitResult,
    Status,
    floor_at_zero,
    not_identifiable,
    tails,
)
from .scatter import Scatter, beyond_noise, given_noise

Floor = bool | float


@dataclass(frozen=True, eq=False, kw_only=True)
class PowerLawFit(FitResult):
    """A fitted power law and how far to trust it.

    Its status is "converged", "floor at zero", or "floor not identifiable" where more than 2.5 %
    of the draws have no floor.
    """

    law: PowerLaw
    x: np.ndarray
    y: np.ndarray
    residuals: np.ndarray
    """log y minus log L(x): near 0.01 means one per cent of the loss."""
    sigma: float
    """Standard deviation of the residuals, corrected for the number of fitted parameters."""
    noise: np.ndarray
    """The residual standard deviation that goes with each draw, shape (bootstrap,)."""
    _line: np.ndarray | None = None
    """Draws of (log A, alpha, noise) of the law without a floor, where zero is in question."""

    @property
    def names(self) -> tuple[str, ...]:
        """A, alpha and E."""
        return PowerLaw.names()

    @property
    def _logs(self) -> tuple[str, ...]:
        return PowerLaw.logs

    def _value(self, name: str) -> float:
        return float(getattr(self.law, name))

    @property
    def has_floor(self) -> bool:
        """Whether the law or any of the draws has a floor above zero."""
        return bool(self.law.E > 0 or self._theta[:, 2].any())

    def _line_counts(self, level: float) -> np.ndarray | None:
        """Draws of the law without a floor, if E = 0 lies within its interval."""
        if self._line is None or np.mean(self._theta[:, 2] == 0) <= tails(level)[0]:
            return None
        return self._line

    def interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """The central interval of a parameter.

        Where E = 0 lies within its interval, those of A and alpha also cover those of the law
        without a floor. Raises ValueError if there is no parameter of this name, and unless
        0 < level < 1.
        """
        low, high = super().interval(name, level)
        line = self._line_counts(level)
        if line is None or name == "E":
            return low, high
        log_A, alpha = line[:, 0], line[:, 1]
        bare = np.exp(np.clip(log_A, -LARGEST, LARGEST)) if name == "A" else alpha
        least, most = self._between(level, (), lambda: bare)
        return float(np.minimum(low, least)), float(np.maximum(high, most))

    def band(
        self, x: ArrayLike, level: float = 0.95, *, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each x: of the law, or (`new=True`) of a new measurement."""
        x = np.atleast_1d(positive(x, "x"))
        if x.ndim > 1:
            raise ValueError(f"x must be one number or a list of numbers, got shape {x.shape}")

        def curves(theta: np.ndarray, noise: np.ndarray) -> np.ndarray:
            found = PowerLaw.value(theta, x, largest=600.0)
            if not new:
                return found
            rng = np.random.default_rng([self._seed, 1])
            return found * _scatter(rng, noise[:, None], 1)

        low, high = self._between(level, x.shape, lambda: curves(self._theta, self.noise))
        line = self._line_counts(level)
        if line is None:
            return low, high
        least, most = self._between(level, x.shape, lambda: curves(line[:, :2], line[:, 2]))
        return np.minimum(low, least), np.maximum(high, most)

    def predict(self, x: float, level: float = 0.95) -> Estimate:
        """What a new measurement at x will give: the law's value and an interval.

        The interval holds the doubt about the law and the noise of one new point. It trusts that
        the law goes on; it does not know where it might break.
        """
        if np.ndim(x) != 0:
            raise ValueError("predict takes one x; for many use band(x, new=True)")
        low, high = self.band(x, level, new=True)
        return self._around(lambda: self.law(x), (low[0], high[0]), level)

    def __str__(self) -> str:
        lines = [f"{self.law}", f"  from {len(self.x)} points, {self.status}"]
        for name in ("alpha", "A", "E")[: 3 if self.has_floor else 2]:
            lines.append(f"  {name:<5} = {self.value(name):.4g}   {self._told(name)}")
        lines.append(f"  scatter around the law: {100 * self.sigma:.2g} % of the loss")
        return "\n".join(lines)


def fit_power_law(
    x: ArrayLike,
    y: ArrayLike,
    *,
    floor: Floor = False,
    scatter: Scatter | None = None,
    tokens: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> PowerLawFit:
    """Fit L(x) = E + A x^-alpha to measured losses y at x, by least squares on log L.

    `floor=False` fits a straight line in log-log (E = 0), `floor=True` fits E as well, and a
    number holds E at that value. Where the bootstrap cannot tell the floor from zero, the
    intervals also cover those of the law without a floor.

    x is what the law is to be in (params, tokens or FLOPs, counted as you count them); y may have
    any unit, nats per token or bits per byte, and E and A come out in it. A law fitted with one
    way of counting does not hold in another.

    Several measurements at one x (seeds) should be averaged first (`mean_over_seeds`): they share
    whatever keeps the law from being exact there.

    `scatter` is the noise between seeds, from `fit_scatter`, at runs of so many `tokens` (by
    default x). Where it is given it takes the place of the residuals' in the intervals, made larger
    where they exceed it, and runs at one x need not be averaged; those with the same label in
    `groups` branch from one trunk. A new measurement scatters as the run with the largest x.

    Raises ValueError if values are missing, not
    finite or not positive, or if there are too few different x for the parameters.

    >>> import numpy as np
    >>> x = np.geomspace(1e4, 1e9, 8)
    >>> noise = np.exp(0.002 * np.cos(7 * np.arange(8)))
    >>> fit = fit_power_law(x, (1.5 + 20 * x**-0.25) * noise, floor=True, bootstrap=100)
    >>> print(fit.law, "|", fit.status)
    L(x) = 1.502 + 20.47 x^-0.2521 | converged
    >>> low, high = fit.interval("alpha")
    >>> low < 0.25 < high
    True
    >>> 1.5 + 20 * 1e10**-0.25 in fit.predict(1e10)
    True
    """
    x, y = equally_long(x=x, y=y)
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
        try:
            floor = float(floor)
        except OverflowError:
            floor = math.inf
        if not 0 <= floor < y.min():
            raise ValueError(
                f"a fixed floor must lie between 0 and the lowest loss {y.min():.4g}, got {floor}"
            )
    rng = checked_bootstrap(bootstrap, seed)
    runs = None if scatter is None else _Runs.of(scatter, x, y, tokens, groups)
    if runs is None and (tokens is not None or groups is not None):
        raise ValueError("tokens and groups say where a scatter stands: give it as well")

    ((log_A, alpha, E),) = _fit(x, y[None], floor)
    if not abs(log_A) < LARGEST:
        raise ValueError("no power law could be fitted to these points")
    law = PowerLaw(math.exp(log_A), float(alpha), float(E))
    mean = np.asarray(law(x))
    residuals = np.log(y) - np.log(mean)
    freedom = len(x) - (fitted if floor is not True or E > 0 else 2)
    sigma = math.sqrt(float(residuals @ residuals) / freedom)
    noise, draws = _again(x, mean, residuals, freedom, floor, bootstrap, rng, runs)
    line = None
    if floor is True and np.any(draws[:, 2] == 0):
        line = _line_draws(x, y, bootstrap, np.random.default_rng([seed, 2]), runs)
    return PowerLawFit(
        law=law,
        x=x,
        y=y,
        residuals=residuals,
        sigma=sigma,
        noise=noise,
        status=_status(float(E), draws) if floor is True else CONVERGED,
        _theta=draws,
        _line=line,
        _seed=seed,
    )


def _status(E: float, draws: np.ndarray) -> Status:
    if E == 0:
        return floor_at_zero("floor")
    if np.mean(draws[:, 2] == 0) > 0.025:
        return not_identifiable("floor")
    return CONVERGED


@dataclass(frozen=True, eq=False)
class _Runs:
    """The noise of runs, where it is known: its scatter, their tokens and their trunks."""

    scatter: Scatter
    tokens: np.ndarray
    groups: ArrayLike | None
    last: int
    """The place of the run with the largest x."""

    @classmethod
    def of(
        cls,
        scatter: Scatter,
        x: np.ndarray,
        y: np.ndarray,
        tokens: ArrayLike | None,
        groups: ArrayLike | None,
    ) -> _Runs:
        """Raises ValueError if scatter is none, and on tokens that are not one for each x."""
        D = x if tokens is None else equally_long(x=x, tokens=tokens)[1]
        given_noise(scatter, groups, (x, D, y), 0)
        return cls(scatter, D, groups, int(x.argmax()))

    def noise(
        self, residuals: np.ndarray, freedom: int, bootstrap: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The size of a new measurement's noise (bootstrap,), and noise (bootstrap, runs)."""
        sizes = np.asarray(self.scatter.sd(self.tokens))
        beyond = beyond_noise(residuals, sizes, freedom)
        drawn = self.scatter.draw(self.tokens, self.groups, rng, draws=bootstrap)
        return np.full(bootstrap, beyond * sizes[self.last]), beyond * drawn


def _again(
    x: np.ndarray,
    mean: np.ndarray,
    residuals: np.ndarray,
    freedom: int,
    floor: Floor,
    bootstrap: int,
    rng: np.random.Generator,
    runs: _Runs | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The parametric bootstrap about a law: noise (bootstrap,) and fits (bootstrap, 3)."""
    if runs is None:
        sigma = math.sqrt(float(residuals @ residuals) / freedom)
        noise = noise_sizes(sigma, freedom, bootstrap, rng)
        y = mean * _scatter(rng, noise[:, None], len(x))
    else:
        noise, departures = runs.noise(residuals, freedom, bootstrap, rng)
        y = mean * np.exp(np.clip(departures, -20, 20))
    if floor is not True:
        y = np.maximum(y, floor * (1 + 1e-9))
    return noise, _fit(x, y, floor)


def _line_draws(
    x: np.ndarray, y: np.ndarray, bootstrap: int, rng: np.random.Generator, runs: _Runs | None
) -> np.ndarray:
    """Bootstrap draws of the law without a floor: (log A, alpha, noise), shape (bootstrap, 3)."""
    theta = _fit(x, y[None], False)[:, :2]
    mean = PowerLaw.value(theta, x)[0]
    noise, draws = _again(x, mean, np.log(y / mean), len(x) - 2, False, bootstrap, rng, runs)
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
    """For each alpha of a grid the law is linear in E and A; the best start is then polished.

    Where the floor ends at exactly 0, or gains nothing, the straight line is taken as it is.
    """
    lowest = y.min(1)
    weights = y**-2.0
    best = _fit_line(u, y, 0.0)
    best_cost = _cost(u, y, best)
    for alpha in np.geomspace(0.01, 5.0, 60):
        g = _unit(alpha, u)
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
    no_floor = (polished[:, 2] == 0) | (_cost(u, y, polished) >= _cost(u, y, line))
    polished[no_floor] = line[no_floor]
    return polished


def _unit(alpha: np.ndarray | float, u: np.ndarray) -> np.ndarray:
    """The law without its floor for A = 1: for given alpha the law is linear in E and A."""
    return np.exp(log_power(0.0, alpha, u))


def _cost(u: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    A, alpha, E = theta.T[:, :, None]
    with np.errstate(all="ignore"):
        r = np.log(y) - np.log(E + A * _unit(alpha, u))
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
        power = A * _unit(alpha, u)
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
