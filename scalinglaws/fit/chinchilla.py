"""Approach 3: a whole surface L(N, D) at once, by a robust fit to every run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..laws import ChinchillaLaw, Value, positive
from .minimise import CHUNK, minimise, rounded
from .result import (
    Fitted,
    Prediction,
    checked_bootstrap,
    cluster_weights,
    equally_long,
    resampled_residuals,
    tails,
    widened,
)

NAMES = ("E", "A", "alpha", "B", "beta")
_EXPONENTS = (1e-3, 4.0)
_LOWER = np.array([0.0, -40.0, _EXPONENTS[0], -40.0, _EXPONENTS[0]])
_UPPER = np.array([np.inf, 40.0, _EXPONENTS[1], 40.0, _EXPONENTS[1]])
_STRETCH = np.array([0.3, 1.0, 0.2, 1.0, 0.2])
"""How far (E, log A, alpha, log B, beta) reach, for places around one."""


@dataclass(frozen=True, eq=False)
class ChinchillaFit(Fitted):
    """A fitted Chinchilla law, its bootstrap draws, and the best split of a budget with intervals.

    `N_opt`, `D_opt`, `a`, `b` and `tokens_per_param` are those of the law with C = k N D.
    """

    law: ChinchillaLaw
    N: np.ndarray
    D: np.ndarray
    L: np.ndarray
    residuals: np.ndarray
    """log L minus log of the law: near 0.01 means one per cent of the loss."""
    draws: np.ndarray
    """Bootstrap draws of (E, log A, alpha, log B, beta), shape (bootstrap, 5)."""
    status: str
    """"converged", or what is wrong: a bound that was hit, a parameter that is not identifiable."""
    huber: float
    k: float
    clusters: int
    """Independent units that the bootstrap drew from."""
    _seed: int = 0

    names = NAMES

    def _draw(self, parameter: str) -> np.ndarray:
        E, log_A, alpha, log_B, beta = self.draws.T
        values = {
            "E": lambda: E,
            "A": lambda: np.exp(log_A),
            "alpha": lambda: alpha,
            "B": lambda: np.exp(log_B),
            "beta": lambda: beta,
            "a": lambda: beta / (alpha + beta),
            "b": lambda: alpha / (alpha + beta),
        }
        if parameter not in values:
            raise ValueError(f"parameter must be one of {', '.join(values)}; got {parameter!r}")
        return values[parameter]()

    @property
    def a(self) -> float:
        """Exponent of N_opt ~ C^a."""
        return self.law.a

    @property
    def b(self) -> float:
        """Exponent of D_opt ~ C^b."""
        return self.law.b

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of (E, log A, alpha, log B, beta) over the bootstrap draws, shape (5, 5)."""
        return np.cov(self.draws.T)

    def _log_N_opt(self, C: float) -> np.ndarray:
        _, log_A, alpha, log_B, beta = self.draws.T
        log_G = (np.log(alpha) + log_A - np.log(beta) - log_B) / (alpha + beta)
        return log_G + beta / (alpha + beta) * math.log(C / self.k)

    def optimum(self, C: float, level: float = 0.95) -> Optimum:
        """The compute-optimal N, D, tokens per parameter and loss for C FLOPs, with intervals."""
        (C,) = np.atleast_1d(positive(C, "C"))
        log_N = self._log_N_opt(C)
        log_D = math.log(C / self.k) - log_N
        E, log_A, alpha, log_B, beta = self.draws.T
        loss = E + np.exp(log_A - alpha * log_N) + np.exp(log_B - beta * log_D)
        law, k = self.law, self.k

        def around(value: Value, draws: np.ndarray) -> Prediction:
            low, high = np.quantile(draws, tails(level))
            return Prediction(float(value), float(low), float(high), level)

        return Optimum(
            C=float(C),
            N=around(law.N_opt(C, k), np.exp(log_N)),
            D=around(law.D_opt(C, k), np.exp(log_D)),
            tokens_per_param=around(law.tokens_per_param(C, k), np.exp(log_D - log_N)),
            L=around(law.L_opt(C, k), loss),
        )

    def band(
        self, N: ArrayLike, D: ArrayLike, level: float = 0.95, *, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each (N, D): of the law, or (`new=True`) of a new measurement."""
        N, D = np.broadcast_arrays(np.atleast_1d(positive(N, "N")), positive(D, "D"))
        E, log_A, alpha, log_B, beta = self.draws.T[:, :, None]
        flat_N, flat_D = np.log(N).ravel(), np.log(D).ravel()
        curves = E + np.exp(log_A - alpha * flat_N) + np.exp(log_B - beta * flat_D)
        if new:
            curves = curves * resampled_residuals(self.residuals, curves.shape, 5, self._seed)
        low, high = np.quantile(curves, tails(level), axis=0)
        return low.reshape(N.shape), high.reshape(N.shape)

    def predict(self, N: float, D: float, level: float = 0.95) -> Prediction:
        """What a new run with N parameters and D tokens will give.

        The interval holds the doubt about the law and the scatter of single runs around it. It
        trusts that the law goes on; it does not know where it might break.
        """
        low, high = self.band(N, D, level, new=True)
        return Prediction(float(self.law(N, D)), low.item(), high.item(), level)

    def __str__(self) -> str:
        scatter = 100 * float(np.median(np.abs(self.residuals)))
        return "\n".join(
            [
                str(self.law),
                f"  from {len(self.N)} runs, {self.status}",
                *self._lines((*NAMES, "a", "b")),
                f"  half of the runs lie within {scatter:.2g} % of the law",
            ]
        )


@dataclass(frozen=True)
class Optimum:
    """The best use of C training FLOPs: parameters, tokens, their ratio, and the loss."""

    C: float
    N: Prediction
    D: Prediction
    tokens_per_param: Prediction
    L: Prediction | None

    def __str__(self) -> str:
        lines = [
            f"compute-optimal for {self.C:.3g} FLOPs",
            f"  params            {self.N}",
            f"  tokens            {self.D}",
            f"  tokens per param  {self.tokens_per_param}",
        ]
        return "\n".join(lines + ([] if self.L is None else [f"  loss              {self.L}"]))


def fit_chinchilla(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    huber: float = 1e-3,
    k: float = 6.0,
    bootstrap: int = 4000,
    seed: int = 0,
) -> ChinchillaFit:
    """Fit L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022, approach 3).

    Minimises the sum over runs of Huber's loss, with `huber` as its delta, of log L minus the log
    of the law. For given exponents the law is linear in E, A and B, so the search is one over two
    numbers; the best places of a grid are then polished in all five.

    The intervals come from `bootstrap` fits to resampled runs. Runs that are not independent are
    drawn together: those with the same N and D (seeds), or, if `groups` gives a label for each
    run, those with the same label (say, checkpoints of one training run).

    `k` is the number of FLOPs per parameter and token that the budget C = k N D is counted with.
    Raises ValueError on values that are not positive numbers, and if there are fewer than 8
    different (N, D), 3 different N or 3 different D.
    """
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    different = len(set(zip(N, D, strict=True)))
    if different < 8:
        raise ValueError(
            "five parameters need at least 8 runs with different (params, tokens) to leave "
            f"something to judge the fit by; got {different}"
        )
    for name, values in (("params", N), ("tokens", D)):
        if len(np.unique(values)) < 3:
            raise ValueError(
                f"the runs have only {len(np.unique(values))} different {name}: what {name} are "
                "worth cannot be told from them; at least 3 are needed"
            )
    if not isinstance(huber, Real) or not huber > 0:
        raise ValueError(f"huber must be above 0, got {huber!r}")
    if not isinstance(k, Real) or not (k > 0 and math.isfinite(k)):
        raise ValueError(f"k must be a positive number of FLOPs, got {k!r}")
    rng = checked_bootstrap(bootstrap, seed)

    surface = _Surface(N, D, L)
    theta, _, settled = surface.search(np.ones((1, len(L))), huber, thorough=True)
    weights, clusters = cluster_weights((N, D), groups, bootstrap, rng)
    residuals = surface.z - surface.curve(theta)[0][0]
    draws, _, _ = surface.search(weights, rounded(residuals, huber), near=theta[0])
    draws = np.clip(widened(theta, draws, clusters), _LOWER, _UPPER)
    law = surface.law(theta[0])
    fitted = surface.unscaled(draws)
    return ChinchillaFit(
        law=law,
        N=N,
        D=D,
        L=L,
        residuals=residuals,
        draws=fitted,
        status=_status(theta[0], draws, bool(settled[0])),
        huber=float(huber),
        k=float(k),
        clusters=clusters,
        _seed=seed,
    )


def _status(theta: np.ndarray, draws: np.ndarray, settled: bool) -> str:
    if not settled:
        return "not converged"
    for name, value, low, high in zip(NAMES, theta, _LOWER, _UPPER, strict=True):
        if name != "E" and (value <= low or value >= high):
            return f"bound hit: {name}"
    if theta[0] <= 0:
        return "E at zero"
    if np.mean(draws[:, 0] <= 0) > 0.025:
        return "E not identifiable"
    for name, column in (("alpha", 2), ("beta", 4)):
        edge = (draws[:, column] <= _EXPONENTS[0]) | (draws[:, column] >= _EXPONENTS[1])
        if np.mean(edge) > 0.025:
            return f"{name} not identifiable"
    return "converged"


class _Surface:
    """The data in units of their geometric means, where all parameters are of order one."""

    def __init__(self, N: np.ndarray, D: np.ndarray, L: np.ndarray) -> None:
        self.centers = [float(np.log(v).mean()) for v in (N, D, L)]
        self.u, self.v, self.z = (
            np.log(a) - c for a, c in zip((N, D, L), self.centers, strict=True)
        )

    def curve(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log of the law and its derivatives, for `minimise`."""
        E, log_A, alpha, log_B, beta = theta.T[:, :, None]
        size, data = np.exp(log_A - alpha * self.u), np.exp(log_B - beta * self.v)
        f = E + size + data
        J = np.empty((len(theta), 5, len(self.u)))
        np.divide(1.0, f, out=J[:, 0])
        np.multiply(size, J[:, 0], out=J[:, 1])
        np.multiply(J[:, 1], -self.u, out=J[:, 2])
        np.multiply(data, J[:, 0], out=J[:, 3])
        np.multiply(J[:, 3], -self.v, out=J[:, 4])
        return np.log(f), J

    def search(
        self,
        weights: np.ndarray,
        delta: float,
        *,
        thorough: bool = False,
        near: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best fit for each row of weights; also its cost and whether it settled.

        `thorough` polishes every local minimum of a fine grid, by least squares and by the
        absolute residuals; otherwise the grid's best and `near` are polished, and the better wins.
        """
        z = self.z[None]

        def polish(theta: np.ndarray, w: np.ndarray, **how: float) -> tuple[np.ndarray, ...]:
            return minimise(self.curve, theta, z, w, delta=delta, lower=_LOWER, upper=_UPPER, **how)

        if thorough:
            starts = self._minima(weights)
            # A rough polish of all tells those worth a full one. With few runs the valley of the
            # best has ridges where the law passes through runs, so it is entered again and again
            # from places around it.
            rough, cost, _ = polish(starts, weights, steps=80, tolerance=1e-7)
            best = rough[np.argsort(cost)[:24]]
            rng = np.random.default_rng(0)
            for reach in (0.0, 0.3, 0.03):
                around = best + reach * rng.standard_normal(best.shape) * _STRETCH
                theta, cost, settled = polish(
                    np.concatenate([best[:1], around]), weights, steps=1000, tolerance=1e-13
                )
                first = int(np.argmin(cost))
                best = np.repeat(theta[first : first + 1], 24, axis=0)
            return theta[first : first + 1], cost[first : first + 1], settled[first : first + 1]
        log_f, _ = self.curve(near[None])
        r = z - log_f
        usual = float(np.median(np.abs(r))) * 1.4826 + 1e-12
        pull = np.minimum(1.0, 1.345 * usual / np.maximum(np.abs(r), 1e-300))
        starts = np.concatenate(
            [self._best(weights[i : i + CHUNK] * pull) for i in range(0, len(weights), CHUNK)]
        )
        from_grid = polish(starts, weights, tolerance=1e-7)
        from_near = polish(np.repeat(near[None], len(weights), axis=0), weights, tolerance=1e-7)
        nearer = from_near[1] <= from_grid[1]
        return tuple(
            np.where(nearer.reshape(-1, *[1] * (a.ndim - 1)), b, a)
            for a, b in zip(from_grid, from_near, strict=True)
        )

    def _profile(
        self, weights: np.ndarray, alphas: np.ndarray, betas: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """For every pair of exponents the best E, A, B >= 0 and their relative squared error.

        Returns theta (rows, alphas, betas, 5) and the cost (rows, alphas, betas). Weighted least
        squares of f / L - 1, a linear problem whose moments are matrix products.
        """
        y = np.exp(self.z)
        w = weights / y**2
        p, q = np.exp(-np.outer(alphas, self.u)), np.exp(-np.outer(betas, self.v))
        s1, sy, syy = w.sum(1)[:, None, None], (w @ y)[:, None, None], (w @ y**2)[:, None, None]
        sp, spp, spy = ((w @ m.T)[:, :, None] for m in (p, p**2, p * y))
        sq, sqq, sqy = ((w @ m.T)[:, None, :] for m in (q, q**2, q * y))
        cross = (p[:, None] * q[None]).reshape(-1, len(y))
        spq = (w @ cross.T).reshape(len(w), len(alphas), len(betas))
        # Remove the constant, then solve for A and B; where E comes out negative, hold it at 0.
        cpp, cqq, cpq = spp - sp**2 / s1, sqq - sq**2 / s1, spq - sp * sq / s1
        cpy, cqy = spy - sp * sy / s1, sqy - sq * sy / s1
        with np.errstate(all="ignore"):
            det = cpp * cqq - cpq**2
            A, B = (cpy * cqq - cqy * cpq) / det, (cqy * cpp - cpy * cpq) / det
            E = (sy - A * sp - B * sq) / s1
            bare = spp * sqq - spq**2
            A0, B0 = (spy * sqq - sqy * spq) / bare, (sqy * spp - spy * spq) / bare
            low = E < 0
            A, B, E = np.where(low, A0, A), np.where(low, B0, B), np.where(low, 0.0, E)
            cost = syy - 2 * (E * sy + A * spy + B * sqy) + (
                E**2 * s1 + A**2 * spp + B**2 * sqq
                + 2 * (E * A * sp + E * B * sq + A * B * spq)
            )  # fmt: skip
            possible = (A > 0) & (B > 0) & np.isfinite(cost) & (det > 0)
            logs = np.log(np.where(possible, A, 1.0)), np.log(np.where(possible, B, 1.0))
        cost = np.where(possible, np.maximum(cost, 0.0), np.inf)
        shape = cost.shape
        theta = np.stack(
            [E, logs[0], np.broadcast_to(alphas[:, None], shape), logs[1],
             np.broadcast_to(betas, shape)], axis=-1,
        )  # fmt: skip
        return theta, cost

    def _best(self, weights: np.ndarray) -> np.ndarray:
        """The best place of a coarse grid for each row of weights."""
        grid = np.geomspace(0.03, 2.5, 18)
        theta, cost = self._profile(weights, grid, grid)
        flat = cost.reshape(len(cost), -1)
        best = flat.argmin(1)
        found = theta.reshape(len(theta), -1, 5)[np.arange(len(theta)), best]
        found[~np.isfinite(flat.min(1))] = self._plain_start()
        return found

    def _minima(self, weights: np.ndarray) -> np.ndarray:
        """All local minima of a fine grid and a spread of its other places, shape (starts, 5)."""
        grid = np.geomspace(0.01, 3.0, 40)
        theta, cost = (a[0] for a in self._profile(weights, grid, grid))
        padded = np.pad(cost, 1, constant_values=np.inf)
        around = [
            padded[1 + i : 1 + i + len(grid), 1 + j : 1 + j + len(grid)]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        lowest = np.isfinite(cost) & (cost <= np.min(around, axis=0))
        spread = np.zeros_like(lowest)
        spread[2::5, 2::5] = True
        chosen = theta[(lowest | spread) & np.isfinite(cost)]
        order = np.argsort(cost[(lowest | spread) & np.isfinite(cost)])
        return np.concatenate([chosen[order], self._plain_start()[None]])

    def _plain_start(self) -> np.ndarray:
        third = math.log(1 / 3)
        return np.array([1 / 3, third, 0.3, third, 0.3])

    def unscaled(self, theta: np.ndarray) -> np.ndarray:
        """(E, log A, alpha, log B, beta) in the units of the data, shape (rows, 5)."""
        n, d, y = self.centers
        E, log_A, alpha, log_B, beta = theta.T
        return np.column_stack(
            [E * math.exp(y), log_A + y + alpha * n, alpha, log_B + y + beta * d, beta]
        )

    def law(self, theta: np.ndarray) -> ChinchillaLaw:
        """The law with these parameters."""
        E, log_A, alpha, log_B, beta = map(float, self.unscaled(theta[None])[0])
        return ChinchillaLaw(E, math.exp(log_A), alpha, math.exp(log_B), beta)
