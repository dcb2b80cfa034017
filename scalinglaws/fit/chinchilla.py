"""Approach 3: a whole surface L(N, D) at once, by a robust fit to every run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from .._checks import one_positive, positive
from ..estimate import Estimate
from ..laws import ChinchillaLaw, Value, log_power
from .bootstrap import checked_bootstrap, cluster_weights, offset, resampled_residuals, widened
from .inputs import checked_huber, checked_k, equally_long
from .minimise import CHUNK, minimise, rounded
from .result import (
    CONVERGED,
    NOT_CONVERGED,
    FitResult,
    Optimum,
    Status,
    bound_hit,
    floor_at_zero,
    not_identifiable,
)
from .scatter import Scatter, noise_about

NAMES = ChinchillaLaw.names()
_EXPONENTS = (1e-3, 4.0)
_LOWER = np.array([0.0, -40.0, _EXPONENTS[0], -40.0, _EXPONENTS[0]])
_UPPER = np.array([np.inf, 40.0, _EXPONENTS[1], 40.0, _EXPONENTS[1]])
_FEW = 12
"""Fewer independent units than this hardly tell their own scatter: intervals of 95 % from the draws
alone held 75 to 85 % in simulations of 8 runs with 0.3 % noise, so the draws are widened by as much
as Student's t is wider than the normal distribution, and it is said."""
_FADING = 18, 24
"""So many units are still widened in full, since 93 % were held in simulations of 12 to 20 runs and
95 % so; from there the widening fades, to none where it was not needed."""
_STRETCH = np.array([0.3, 1.0, 0.2, 1.0, 0.2])
"""How far (E, log A, alpha, log B, beta) reach, for places around one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ChinchillaFit(FitResult):
    """A fitted Chinchilla law, its bootstrap draws, and the best split of a budget with intervals.

    Budgets are counted as C = k N D. Besides E, A, alpha, B and beta the exponents a and b of
    N_opt ~ C^a and D_opt ~ C^b have intervals.
    """

    law: ChinchillaLaw
    N: np.ndarray
    D: np.ndarray
    L: np.ndarray
    residuals: np.ndarray
    """log L minus log of the law: near 0.01 means one per cent of the loss."""
    huber: float
    k: float
    clusters: int
    """Independent units that the bootstrap drew from."""

    @property
    def names(self) -> tuple[str, ...]:
        """E, A, alpha, B and beta."""
        return NAMES

    @property
    def derived(self) -> tuple[str, ...]:
        """a and b."""
        return ("a", "b")

    @property
    def _logs(self) -> tuple[str, ...]:
        return ChinchillaLaw.logs

    def _value(self, name: str) -> float:
        return float(getattr(self.law, name))

    def _drawn(self, name: str) -> np.ndarray:
        if name not in self.derived:
            return super()._drawn(name)
        a, b = ChinchillaLaw.exponents(self._theta[:, 2], self._theta[:, 4])
        return a if name == "a" else b

    @property
    def a(self) -> float:
        """Exponent of N_opt ~ C^a."""
        return self.law.a

    @property
    def b(self) -> float:
        """Exponent of D_opt ~ C^b."""
        return self.law.b

    def optimum(self, C: float, level: float = 0.95) -> Optimum:
        """The compute-optimal N, D, tokens per parameter and loss for C FLOPs, with intervals."""
        C = one_positive(C, "C")
        law, k, theta = self.law, self.k, self._theta
        log_N, log_D = ChinchillaLaw.log_optimum(theta, np.array([math.log(C / k)]))

        def loss() -> np.ndarray:
            E, size, data = ChinchillaLaw.terms(theta, log_N, log_D)
            return E + size + data

        def around(best: Callable[..., Value], draws: Callable[[], np.ndarray]) -> Estimate:
            low, high = self._between(level, (1,), draws)
            return self._around(lambda: best(C, k), (low.item(), high.item()), level)

        return Optimum(
            C=float(C),
            N=around(law.N_opt, lambda: np.exp(log_N)),
            D=around(law.D_opt, lambda: np.exp(log_D)),
            tokens_per_param=around(law.tokens_per_param, lambda: np.exp(log_D - log_N)),
            L=around(law.L_opt, loss),
        )

    def band(
        self, N: ArrayLike, D: ArrayLike, level: float = 0.95, *, new: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge at each (N, D): of the law, or (`new=True`) of a new measurement."""
        N, D = np.broadcast_arrays(np.atleast_1d(positive(N, "N")), positive(D, "D"))

        def curves() -> np.ndarray:
            found = ChinchillaLaw.value(self._theta, N.ravel(), D.ravel())
            if new:
                off = resampled_residuals(self.residuals, found.shape, len(NAMES), self._seed)
                found = found * np.exp(off)
            return found

        return self._between(level, N.shape, curves)

    def predict(self, N: float, D: float, level: float = 0.95) -> Estimate:
        """What a new run with N parameters and D tokens will give.

        The interval holds the doubt about the law and the scatter of single runs around it. It
        trusts that the law goes on; it does not know where it might break.
        """
        N, D = one_positive(N, "N"), one_positive(D, "D")
        low, high = self.band(N, D, level, new=True)
        return self._around(lambda: self.law(N, D), (low.item(), high.item()), level)

    @property
    def few(self) -> str:
        """What to say of the intervals where too few units are behind them; "" where enough."""
        if self.clusters >= _FEW:
            return ""
        return (
            f"only {self.clusters} independent runs for five parameters: they hardly tell their "
            f"own scatter, so the intervals were made {_student(self.clusters):.2g} times wider, "
            f"and are rough; {_FEW} or more tell it better"
        )

    def __str__(self) -> str:
        scatter = 100 * float(np.median(np.abs(self.residuals)))
        return "\n".join(
            [
                str(self.law),
                f"  from {len(self.N)} runs, {self.status}",
                *self._lines((*self.names, *self.derived)),
                f"  half of the runs lie within {scatter:.2g} % of the law",
            ]
        )


def fit_chinchilla(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    scatter: Scatter | None = None,
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
    run, those with the same label (say, checkpoints of one training run). If the noise between
    seeds is given as `scatter`, it is added to the law at the runs instead, larger where the
    residuals exceed it, and `groups` says which runs share it. That is the one noise for all fits,
    but it trusts the form of the law more than resampling does.

    The loss may have any unit (nats per token, bits per byte): E, A and B come out in it. Params
    may be counted in any way (with or without embeddings, say), and so may tokens: the law holds
    for this way of counting and for no other. `k` is the number of FLOPs per parameter and token
    that the budget C = k N D is counted with; `scalinglaws.laws` derives the usual 6.

    Raises ValueError on values that are not positive numbers, and if there are fewer than 8
    different (N, D), 3 different N or 3 different D.

    >>> import numpy as np
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as truth
    >>> N, D = (v.ravel() for v in np.meshgrid(np.geomspace(1e8, 1e10, 5), [1e10, 6e10, 3e11]))
    >>> noise = np.exp(0.003 * np.cos(7 * np.arange(15)))
    >>> fit = fit_chinchilla(N, D, truth(N, D) * noise, bootstrap=100)
    >>> print(fit.status)
    converged
    >>> truth.a in fit.estimate("a")
    True
    >>> truth.N_opt(1e22) in fit.optimum(1e22).N
    True
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
    huber, k = checked_huber(huber), checked_k(k)
    rng = checked_bootstrap(bootstrap, seed)

    surface = _Surface(N, D, L)
    theta, _, settled = surface.search(np.ones((1, len(L))), huber)
    residuals = surface.z - surface.curve(theta)[0][0]
    delta = rounded(residuals, huber)
    if scatter is None:
        weights, clusters = cluster_weights((N, D), groups, bootstrap, rng)
        draws = surface.search_near(theta[0], weights, delta)
        if delta > huber:
            again = surface.search_near(theta[0], np.ones_like(weights[:1]), delta)
            draws += offset(theta[0], again[0], draws, _told)
        draws = widened(theta, draws, clusters)
        if clusters < _FADING[1]:
            draws = theta + _student(clusters) * (draws - theta)
        draws = np.clip(draws, _LOWER, _UPPER)
    else:
        noise, clusters = noise_about(scatter, groups, (N, D, L), residuals, 5, bootstrap, rng)
        draws = surface.measured_anew(theta[0], noise, delta)
    return ChinchillaFit(
        law=surface.law(theta[0]),
        N=N,
        D=D,
        L=L,
        residuals=residuals,
        status=_status(theta[0], draws, bool(settled[0])),
        huber=huber,
        k=k,
        clusters=clusters,
        _theta=surface.unscaled(draws),
        _seed=seed,
    )


def _told(theta: np.ndarray) -> np.ndarray:
    """What a fit is asked for: its parameters and the exponent a, theta (rows, 5) -> (rows, 6)."""
    a, _ = ChinchillaLaw.exponents(theta[:, 2], theta[:, 4])
    return np.column_stack([theta, a])


def _student(clusters: int) -> float:
    """How much wider the draws of so many clusters are made.

    As much as Student's t is wider than the normal distribution, at 95 %; less where it fades.
    """
    full = float(stdtrit(max(1, clusters - len(NAMES)), 0.975) / ndtri(0.975))
    return 1 + (full - 1) * float(np.interp(clusters, _FADING, (1, 0)))


def _status(theta: np.ndarray, draws: np.ndarray, settled: bool) -> Status:
    if not settled:
        return NOT_CONVERGED
    for name, value, low, high in zip(NAMES, theta, _LOWER, _UPPER, strict=True):
        if name != "E" and (value <= low or value >= high):
            return bound_hit(name)
    if theta[0] <= 0:
        return floor_at_zero("E")
    if np.mean(draws[:, 0] <= 0) > 0.025:
        return not_identifiable("E")
    for name, column in (("alpha", 2), ("beta", 4)):
        edge = (draws[:, column] <= _EXPONENTS[0]) | (draws[:, column] >= _EXPONENTS[1])
        if np.mean(edge) > 0.025:
            return not_identifiable(name)
    return CONVERGED


class _Surface:
    """The data in units of their geometric means, where all parameters are of order one."""

    def __init__(self, N: np.ndarray, D: np.ndarray, L: np.ndarray) -> None:
        self.centers = [float(np.log(v).mean()) for v in (N, D, L)]
        self.u, self.v, self.z = (
            np.log(a) - c for a, c in zip((N, D, L), self.centers, strict=True)
        )

    def curve(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log of the law and its derivatives, for `minimise`."""
        return ChinchillaLaw.log_value_and_slopes(theta, self.u, self.v)

    def _polish(
        self,
        theta: np.ndarray,
        weights: np.ndarray,
        delta: float,
        *,
        steps: int = 200,
        tolerance: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return minimise(
            self.curve, theta, self.z[None], weights, delta=delta, lower=_LOWER, upper=_UPPER,
            steps=steps, tolerance=tolerance,
        )  # fmt: skip

    def search(
        self, weights: np.ndarray, delta: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best fit to all runs, for weights (1, runs): theta (1, 5), its cost, if it settled.

        Every local minimum of a fine grid is polished roughly, which tells those worth a full
        search. With few runs the valley of the best has ridges where the law passes through runs,
        so it is entered again and again from places around it.
        """
        rough, cost, _ = self._polish(
            self._minima(weights), weights, delta, steps=80, tolerance=1e-7
        )
        best = rough[np.argsort(cost)[:24]]
        rng = np.random.default_rng(0)
        for reach in (0.0, 0.3, 0.03):
            around = best + reach * rng.standard_normal(best.shape) * _STRETCH
            starts = np.concatenate([best[:1], around])
            theta, cost, settled = self._polish(starts, weights, delta, steps=1000, tolerance=1e-13)
            first = int(np.argmin(cost))
            best = np.repeat(theta[first : first + 1], 24, axis=0)
        lowest = slice(first, first + 1)
        return theta[lowest], cost[lowest], settled[lowest]

    def search_near(self, near: np.ndarray, weights: np.ndarray, delta: float) -> np.ndarray:
        """The fit for each row of resampled weights (rows, runs), near a fit to all runs (5,).

        Polished are `near` itself and the best place of a coarse grid, in which runs far off the
        fit count for less; the better of the two is taken.
        """
        log_f, _ = self.curve(near[None])
        r = self.z[None] - log_f
        usual = float(np.median(np.abs(r))) * 1.4826 + 1e-12
        pull = np.minimum(1.0, 1.345 * usual / np.maximum(np.abs(r), 1e-300))
        starts = np.concatenate(
            [self._best(weights[i : i + CHUNK] * pull) for i in range(0, len(weights), CHUNK)]
        )
        from_grid, grid_cost, _ = self._polish(starts, weights, delta, tolerance=1e-7)
        repeated = np.repeat(near[None], len(weights), axis=0)
        from_near, near_cost, _ = self._polish(repeated, weights, delta, tolerance=1e-7)
        return np.where((near_cost <= grid_cost)[:, None], from_near, from_grid)

    def measured_anew(self, theta: np.ndarray, noise: np.ndarray, delta: float) -> np.ndarray:
        """The fit to the law theta (5,) with each row of noise (rows, runs), from theta."""
        targets = self.curve(theta[None])[0] + noise
        starts, ones = np.repeat(theta[None], len(noise), axis=0), np.ones((1, len(self.z)))
        return minimise(
            self.curve, starts, targets, ones, delta=delta, lower=_LOWER, upper=_UPPER,
            tolerance=1e-7,
        )[0]  # fmt: skip

    def _profile(
        self, weights: np.ndarray, alphas: np.ndarray, betas: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """For every pair of exponents the best E, A, B >= 0 and their relative squared error.

        Returns theta (rows, alphas, betas, 5) and the cost (rows, alphas, betas). Weighted least
        squares of f / L - 1, a linear problem whose moments are matrix products.
        """
        y = np.exp(self.z)
        w = weights / y**2
        p = np.exp(log_power(0.0, alphas[:, None], self.u))
        q = np.exp(log_power(0.0, betas[:, None], self.v))
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
