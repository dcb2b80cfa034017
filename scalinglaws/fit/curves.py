"""Fits of the other laws, all by one method, and the comparison of laws by extrapolation.

Each law is described by how its parameters are searched: on which scale, between which bounds and
from which starts. `minimise` does the rest, with derivatives by differences.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .. import laws
from ..laws import Law, positive
from .chinchilla import fit_chinchilla
from .minimise import minimise, rounded
from .power import mean_over_seeds
from .result import (
    Fitted,
    Prediction,
    checked_bootstrap,
    cluster_weights,
    equally_long,
    tails,
    widened,
)

_SQUARES = 1e6
"""A Huber delta beyond all residuals: least squares."""

Formula = Callable[[np.ndarray, tuple[np.ndarray, ...]], np.ndarray]


@dataclass(frozen=True)
class _Space:
    """How a law is searched for."""

    kind: type[Law]
    names: tuple[str, ...]
    logs: tuple[bool, ...]
    """Which parameters are searched on a logarithmic scale."""
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    """Bounds on the scale of the search."""
    formula: Formula
    """theta (rows, p), data -> log of the law (rows, points); or the law itself (sigmoid)."""

    def law(self, theta: np.ndarray, **fixed: float) -> Law:
        """The law at one place of the search."""
        return self.kind(
            **dict(zip(self.names, self.natural(theta[None])[0], strict=True)), **fixed
        )

    def natural(self, theta: np.ndarray) -> np.ndarray:
        """Parameters (rows, p) as the law names them."""
        return np.where(self.logs, np.exp(np.where(self.logs, theta, 0.0)), theta)

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
        weights: np.ndarray,
        delta: float,
    ) -> tuple[np.ndarray, float, bool]:
        """The best of fits to one set of data from all starts."""
        how = {"delta": delta, "lower": np.array(self.lower), "upper": np.array(self.upper)}
        curve = self.curve(data)
        rough, cost, _ = minimise(
            curve, starts, target[None], weights[None], steps=40, tolerance=1e-6, **how
        )
        best = rough[np.argsort(cost)[:6]]
        theta, cost, settled = minimise(
            curve, best, target[None], weights[None], steps=1000, tolerance=1e-12, **how
        )
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

    def status(self, theta: np.ndarray, draws: np.ndarray, settled: bool) -> str:
        """ "converged", or what is wrong with the fit."""
        if not settled:
            return "not converged"
        for name, value, low, high in zip(self.names, theta, self.lower, self.upper, strict=True):
            if value <= low or value >= high:
                return "E at zero" if name == "E" else f"bound hit: {name}"
        for i, name in enumerate(self.names):
            edge = (draws[:, i] <= self.lower[i]) | (draws[:, i] >= self.upper[i])
            if np.mean(edge) > 0.025:
                return f"{name} not identifiable"
        return "converged"


@dataclass(frozen=True, eq=False)
class LawFit(Fitted):
    """A fitted law with its intervals; `x` holds the inputs that the law is called with."""

    law: Any
    x: tuple[np.ndarray, ...]
    y: np.ndarray
    residuals: np.ndarray
    """log y minus log of the law; for a sigmoid, accuracy minus the law."""
    draws: np.ndarray
    """Bootstrap draws of the parameters in `names`, shape (bootstrap, parameters)."""
    names: tuple[str, ...]
    status: str
    _space: _Space
    _theta: np.ndarray
    _noise: np.ndarray | None
    """The residual standard deviation of each draw; None: draw from the residuals."""
    _seed: int = 0

    def _draw(self, parameter: str) -> np.ndarray:
        if parameter not in self.names:
            raise ValueError(f"parameter must be one of {', '.join(self.names)}; got {parameter!r}")
        return self.draws[:, self.names.index(parameter)]

    @property
    def covariance(self) -> np.ndarray:
        """Covariance over the draws, of the logarithm where a parameter is searched so."""
        return np.cov(self._theta.T)

    def band(
        self, *x: ArrayLike, level: float = 0.95, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each x: of the law, or (`new=True`) of a new measurement."""
        data = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=float)) for v in x))
        curves = self._space.formula(self._theta, tuple(v.ravel() for v in data))
        if new:
            rng = np.random.default_rng([self._seed, 1])
            if self._noise is None:
                widen = math.sqrt(len(self.y) / max(1, len(self.y) - len(self.names)))
                curves = curves + widen * rng.choice(self.residuals, curves.shape)
            else:
                curves = curves + self._noise[:, None] * rng.standard_normal(curves.shape)
        low, high = np.quantile(curves, tails(level), axis=0)
        if not isinstance(self.law, laws.Sigmoid):
            low, high = np.exp(low), np.exp(high)
        return low.reshape(data[0].shape), high.reshape(data[0].shape)

    def predict(self, *x: float, level: float = 0.95) -> Prediction:
        """What a new measurement at x will give: the law's value and an interval."""
        low, high = self.band(*x, level=level, new=True)
        return Prediction(float(self.law(*x)), low.item(), high.item(), level)

    def __str__(self) -> str:
        head = [str(self.law), f"  from {len(self.y)} points, {self.status}"]
        return "\n".join([*head, *self._lines(self.names)])


# ------------------------------------------------------------------ laws of one quantity


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-300))


def _exponential(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    A, scale, E = theta.T[:, :, None]
    return _log(E + np.exp(A - data[0] / np.exp(scale)))


def _logarithmic(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    A, B = theta.T[:, :, None]
    return _log(A - B * np.log(data[0]))


def _broken(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    A, c0, c1, d, f, E = theta.T[:, :, None]
    u, width = np.log(data[0]), np.exp(f)
    return _log(E + np.exp(A - c0 * u - c1 * width * np.logaddexp(0, (u - d) / width)))


def _power(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    A, alpha, E = theta.T[:, :, None]
    return _log(E + np.exp(A - alpha * np.log(data[0])))


def _bare_power(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    A, alpha = theta.T[:, :, None]
    return A - alpha * np.log(data[0])


_INF = math.inf
_CURVES = {
    "power law": _Space(
        laws.PowerLaw, ("A", "alpha"), (True, False), (-600, -2), (600, 5), _bare_power
    ),
    "power law with floor": _Space(
        laws.PowerLaw, ("A", "alpha", "E"), (True, False, False),
        (-600, 1e-3, 0), (600, 5, _INF), _power,
    ),
    "exponential": _Space(
        laws.ExponentialLaw, ("A", "scale", "E"), (True, True, False),
        (-60, -100, 0), (60, 300, _INF), _exponential,
    ),
    "logarithm": _Space(
        laws.LogarithmicLaw, ("A", "B"), (False, False), (-_INF, -_INF), (_INF, _INF), _logarithmic
    ),
    "broken power law": _Space(
        laws.BrokenPowerLaw, ("A", "c0", "c1", "d", "f", "E"),
        (True, False, False, True, True, False),
        (-600, -2, -4, -100, math.log(0.05), 0), (600, 5, 4, 300, math.log(3), _INF), _broken,
    ),
}  # fmt: skip
CURVES = tuple(_CURVES)
"""The names of the laws that `fit_curve` and `compare` know."""


def _starts(kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
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

    Several measurements at one x are averaged first. Intervals come from a parametric bootstrap,
    as for `fit_power_law`, which does the same faster for power laws. Raises ValueError for an
    unknown kind, for values that are not positive numbers, and if there are not at least two
    different x more than the law has parameters.
    """
    if kind not in _CURVES:
        raise ValueError(f"kind must be one of {', '.join(CURVES)}; got {kind!r}")
    rng = checked_bootstrap(bootstrap, seed)
    x, y, _ = mean_over_seeds(np.asarray(x), np.asarray(y))
    space = _CURVES[kind]
    if len(x) < len(space.names) + 2:
        raise ValueError(
            f"a {kind} has {len(space.names)} parameters and needs at least "
            f"{len(space.names) + 2} different x; got {len(x)}"
        )
    return _fit_points(space, _starts(kind, x, y), x, np.log(y), y, bootstrap, rng, seed)


def _fit_points(
    space: _Space,
    starts: np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
    y: np.ndarray,
    bootstrap: int,
    rng: np.random.Generator,
    seed: int,
    **fixed: float,
) -> LawFit:
    """Least squares of the formula on the target, with a parametric bootstrap.

    The target is what the formula returns: log y, or y itself. `fixed` are parameters of the law
    that are not fitted.
    """
    data, ones = (x,), np.ones(len(x))
    theta, cost, settled = space.search(starts, data, target, ones, _SQUARES)
    mean = space.formula(theta[None], data)[0]
    freedom = len(x) - len(space.names)
    noise = math.sqrt(2 * cost / freedom) * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))
    again = mean + noise[:, None] * rng.standard_normal((bootstrap, len(x)))
    draws = space.again(theta, data, again, ones[None], _SQUARES)
    return LawFit(
        law=space.law(theta, **fixed),
        x=data,
        y=y,
        residuals=target - mean,
        draws=space.natural(draws),
        names=space.names,
        status=space.status(theta, draws, settled),
        _space=space,
        _theta=draws,
        _noise=noise,
        _seed=seed,
    )


# ------------------------------------------------------------------ comparison


@dataclass(frozen=True, eq=False)
class Comparison:
    """How well several laws extrapolate, and how well they fit.

    `table` has one row per law, the best extrapolation first: its number of parameters; `held_out`,
    the root mean square of log measured minus log predicted over all points beyond the fits;
    `farthest`, the same at the largest factor beyond a fit; `in_sample`, the scatter of the fit to
    all points; and `AICc`, the corrected Akaike criterion of that fit. `errors` has one row for
    each law, cut and point beyond the cut; an error counts as at most 3 (a factor of 20), which is
    what a law gets that predicts a loss below zero.
    """

    table: pd.DataFrame
    errors: pd.DataFrame
    left_out: tuple[str, ...]
    """Laws that could not be compared, and why."""

    @property
    def best(self) -> str:
        """The law with the least error beyond what it was fitted to."""
        return str(self.table.index[0])

    def __str__(self) -> str:
        shown = self.table.copy()
        for name in ("held_out", "farthest", "in_sample"):
            shown[name] = [f"{100 * value:.2f} %" for value in shown[name]]
        shown["AICc"] = [f"{value:.1f}" for value in shown["AICc"]]
        return "\n".join([shown.to_string(), *(f"left out: {reason}" for reason in self.left_out)])


def compare(
    x: ArrayLike, y: ArrayLike, *, kinds: Sequence[str] = CURVES, least: int | None = None
) -> Comparison:
    """Fit each law to the smallest x only and see how far off it is at the larger ones.

    The cut goes through all places that leave at least `least` different x below it (by default
    as many as the law with the most parameters needs, or half of the points if those are fewer,
    and laws that need more are left out) and one above. A law that fits well and extrapolates
    badly is found out so, which a criterion computed on the fitted points alone cannot do.
    """
    unknown = set(kinds) - set(CURVES)
    if unknown or not kinds:
        raise ValueError(f"kinds must be some of {', '.join(CURVES)}; got {', '.join(kinds)}")
    x, y, _ = mean_over_seeds(np.asarray(x), np.asarray(y))
    most = max(2, (len(x) + 1) // 2)
    if least is None:
        least = min(max(len(_CURVES[kind].names) for kind in kinds) + 1, most)
    if not 3 <= least < len(x):
        raise ValueError(
            f"least must lie between 3 and {len(x) - 1}, one below the number of different x; "
            f"got {least}"
        )
    left_out, rows, errors = [], [], []
    for kind in kinds:
        space = _CURVES[kind]
        p = len(space.names)
        if p >= least:
            left_out.append(f"{kind}: {p} parameters, but the shortest fit has {least} points")
            continue
        for cut in range(least, len(x)):
            theta, _, _ = _point(space, kind, x[:cut], y[:cut])
            beyond = np.log(y[cut:]) - space.formula(theta[None], (x[cut:],))[0]
            errors += [
                {"law": kind, "fitted_to": x[cut - 1], "x": far, "factor": far / x[cut - 1],
                 "error": float(np.clip(error, -3, 3))}
                for far, error in zip(x[cut:], beyond, strict=True)
            ]  # fmt: skip
        _, cost, _ = _point(space, kind, x, y)
        n, free = len(x), p + 1
        correction = 2 * free * n / (n - free - 1) if n > free + 1 else math.inf
        rows.append(
            {"law": kind, "parameters": p, "in_sample": math.sqrt(2 * cost / max(1, n - p)),
             "AICc": n * math.log(max(2 * cost, 1e-300) / n) + correction}
        )  # fmt: skip
    if not rows:
        raise ValueError("no law has few enough parameters for these points: give more points")
    long = pd.DataFrame(errors)
    squares = long.assign(square=long["error"] ** 2)
    table = pd.DataFrame(rows).set_index("law")
    table["held_out"] = np.sqrt(squares.groupby("law")["square"].mean())
    far = squares[squares["factor"] >= squares["factor"].max() * (1 - 1e-9)]
    table["farthest"] = np.sqrt(far.groupby("law")["square"].mean())
    order = ["parameters", "held_out", "farthest", "in_sample", "AICc"]
    return Comparison(table[order].sort_values("held_out"), long, tuple(left_out))


def _point(
    space: _Space, kind: str, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, float, bool]:
    return space.search(_starts(kind, x, y), (x,), np.log(y), np.ones(len(x)), _SQUARES)


# ------------------------------------------------------------------ accuracy from loss


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

    `low` is the accuracy of guessing, `high` that of a perfect model. Intervals come from a
    parametric bootstrap with noise of the size of the residuals. Raises ValueError if there are
    fewer than 4 points or an accuracy is not between 0 and 1.
    """
    rng = checked_bootstrap(bootstrap, seed)
    L, y = positive(loss, "loss"), np.asarray(accuracy, dtype=float)
    if L.ndim != 1 or L.shape != y.shape:
        raise ValueError("loss and accuracy must be two lists of equal length")
    if not np.all((y >= 0) & (y <= 1)):
        raise ValueError("accuracy must lie between 0 and 1 (not in per cent)")
    if not 0 <= low < high <= 1:
        raise ValueError(f"0 <= low < high <= 1 must hold, got {low} and {high}")
    if len(np.unique(L)) < 4:
        raise ValueError(f"at least 4 different losses are needed, got {len(np.unique(L))}")

    def formula(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
        midpoint, slope = theta.T[:, :, None]
        return low + (high - low) * np.exp(-np.logaddexp(0, np.exp(slope) * (data[0] - midpoint)))

    reach = max(float(np.ptp(L)), 1e-9)
    space = _Space(
        laws.Sigmoid, ("midpoint", "slope"), (False, True),
        (L.min() - 3 * reach, math.log(0.1 / reach)), (L.max() + 3 * reach, math.log(1e3 / reach)),
        formula,
    )  # fmt: skip
    starts = np.array(
        [[m, math.log(s / reach)] for m in np.linspace(L.min(), L.max(), 9) for s in (3, 10, 40)]
    )
    return _fit_points(space, starts, L, y, y, bootstrap, rng, seed, low=low, high=high)


# ------------------------------------------------------------------ other surfaces


def _kaplan(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    Nc, alpha_N, Dc, alpha_D = theta.T[:, :, None]
    a_N, a_D = np.exp(alpha_N), np.exp(alpha_D)
    size = a_N / a_D * (Nc - np.log(data[0]))
    return a_D * np.logaddexp(size, Dc - np.log(data[1]))


_KAPLAN = _Space(
    laws.KaplanLaw, ("Nc", "alpha_N", "Dc", "alpha_D"), (True,) * 4,
    (-50, math.log(1e-3), -50, math.log(1e-3)), (500, math.log(4), 500, math.log(4)), _kaplan,
)  # fmt: skip


def _data_constrained(theta: np.ndarray, data: tuple[np.ndarray, ...]) -> np.ndarray:
    E, log_A, alpha, log_B, beta, log_RD, log_RN = theta.T[:, :, None]
    N, D, U = data
    U = np.minimum(U, D)
    log_G = (np.log(alpha) + log_A - np.log(beta) - log_B) / (alpha + beta)
    fitting = np.exp(np.clip(log_G + beta / alpha * (np.log(U) + log_G), -600, 600))
    base = np.minimum(fitting, N)
    worth_N = base - base * np.exp(log_RN) * np.expm1(-(N / base - 1) / np.exp(log_RN))
    worth_D = U - U * np.exp(log_RD) * np.expm1(-(D / U - 1) / np.exp(log_RD))
    return _log(
        E + np.exp(log_A - alpha * np.log(worth_N)) + np.exp(log_B - beta * np.log(worth_D))
    )


_DATA_CONSTRAINED = _Space(
    laws.DataConstrainedLaw, ("E", "A", "alpha", "B", "beta", "R_D", "R_N"),
    (False, True, False, True, False, True, True),
    (0, -40, 1e-2, -40, 1e-2, math.log(1e-2), math.log(1e-2)),
    (_INF, 80, 4, 80, 4, math.log(1e4), math.log(1e4)), _data_constrained,
)  # fmt: skip


def _surface(
    space: _Space,
    starts: np.ndarray,
    data: tuple[np.ndarray, ...],
    L: np.ndarray,
    groups: ArrayLike | None,
    huber: float,
    bootstrap: int,
    rng: np.random.Generator,
    seed: int,
) -> LawFit:
    target, ones = np.log(L), np.ones(len(L))
    if not huber > 0:
        raise ValueError(f"huber must be above 0, got {huber!r}")
    theta, _, settled = space.search(starts, data, target, ones, huber)
    weights, clusters = cluster_weights(data, groups, bootstrap, rng)
    residuals = target - space.formula(theta[None], data)[0]
    draws = space.again(theta, data, target[None], weights, rounded(residuals, huber))
    draws = np.clip(widened(theta, draws, clusters), space.lower, space.upper)
    return LawFit(
        law=space.law(theta),
        x=data,
        y=L,
        residuals=residuals,
        draws=space.natural(draws),
        names=space.names,
        status=space.status(theta, draws, settled),
        _space=space,
        _theta=draws,
        _noise=None,
        _seed=seed,
    )


def fit_kaplan(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    huber: float = 1e-3,
    bootstrap: int = 1000,
    seed: int = 0,
) -> LawFit:
    """Fit the joint L(N, D) of Kaplan et al. (2020, equation 1.5) to losses stopped early.

    Robust, with intervals by resampling runs, as `fit_chinchilla`. Raises ValueError on values
    that are not positive numbers and if there are fewer than 8 different (N, D).
    """
    rng = checked_bootstrap(bootstrap, seed)
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    _enough(N, D, 4)
    starts = []
    for a_N, a_D in itertools.product((0.05, 0.1, 0.2, 0.4), repeat=2):
        for share in (0.3, 0.7):
            Nc = math.log(N.max()) + math.log(share * L.min()) / a_N
            Dc = math.log(D.max()) + math.log((1 - share) * L.min()) / a_D
            starts.append([Nc, math.log(a_N), Dc, math.log(a_D)])
    return _surface(_KAPLAN, np.array(starts), (N, D), L, groups, huber, bootstrap, rng, seed)


def fit_data_constrained(
    params: ArrayLike,
    tokens: ArrayLike,
    unique_tokens: ArrayLike,
    loss: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    huber: float = 1e-3,
    bootstrap: int = 1000,
    seed: int = 0,
) -> LawFit:
    """Fit the law of repeated data (Muennighoff et al. 2023) to runs of which some repeat theirs.

    `unique_tokens` is the number of different tokens of each run, at most `tokens`. Robust, with
    intervals by resampling runs, as `fit_chinchilla`, which gives the starts. Raises ValueError on
    bad values and if no run repeats its data.
    """
    rng = checked_bootstrap(bootstrap, seed)
    N, D, U, L = equally_long(params=params, tokens=tokens, unique_tokens=unique_tokens, loss=loss)
    U = np.minimum(U, D)
    _enough(N, D, 7)
    if not np.any(D > 1.5 * U):
        raise ValueError(
            "no run sees its data more than 1.5 times, so what repetition is worth cannot be told"
        )
    fresh = D <= 1.05 * U
    chosen = fresh if len(set(zip(N[fresh], D[fresh], strict=True))) >= 8 else np.ones(len(N), bool)
    law = fit_chinchilla(N[chosen], D[chosen], L[chosen], bootstrap=100, huber=huber).law
    start = [law.E, math.log(law.A), law.alpha, math.log(law.B), law.beta]
    starts = np.array(
        [[*start, math.log(R_D), math.log(R_N)] for R_D in (1, 5, 25) for R_N in (1, 5, 50)]
    )
    return _surface(_DATA_CONSTRAINED, starts, (N, D, U), L, groups, huber, bootstrap, rng, seed)


def _enough(N: np.ndarray, D: np.ndarray, parameters: int) -> None:
    different = len(set(zip(N, D, strict=True)))
    if different < max(8, parameters + 3):
        raise ValueError(
            f"{parameters} parameters need at least {max(8, parameters + 3)} runs with different "
            f"(params, tokens); got {different}"
        )
