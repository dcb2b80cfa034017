"""What approaches 1 and 2 share: the power laws of the best split, and their result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from .._checks import one_positive, positive
from ..estimate import Estimate
from ..laws import PowerLaw, Value, log_power, plain
from .inputs import checked_k, equally_long
from .minimise import aicc
from .result import LARGEST, FitResult, Optimum

NAMES = ("k_N", "a", "k_D", "b")
_UNITS = {
    "isoflop": "budgets",
    "envelope": "sizes on the envelope",
    "best run": "FLOP values",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class AllocationFit(FitResult):
    """The best N and D of each budget, and the power laws N_opt = k_N C^a and D_opt = k_D C^b."""

    method: str
    """"isoflop", "envelope" or "best run"."""
    C: np.ndarray
    """The budgets in FLOPs, shape (budgets,)."""
    N: np.ndarray
    D: np.ndarray
    L: np.ndarray
    """The best parameters, tokens and loss of each."""
    minima: np.ndarray
    """Bootstrap draws of ln N at each budget, shape (bootstrap, budgets); NaN: no minimum. None are
    kept by `fit_best_run`."""
    curves: tuple[Parabola, ...]
    """The parabola of each budget; its `used` tells which sizes it was fitted to (approach 2)."""
    refused: tuple[str, ...]
    """What was left out, and why."""
    _point: np.ndarray
    """ln k_N, a, ln k_D and b, shape (4,)."""

    @property
    def names(self) -> tuple[str, ...]:
        """k_N, a, k_D and b."""
        return NAMES

    @property
    def _logs(self) -> tuple[str, ...]:
        return ("k_N", "k_D")

    def _value(self, name: str) -> float:
        return float(getattr(self, name))

    @property
    def k_N(self) -> float:
        """N_opt / C^a."""
        return math.exp(self._point[0])

    @property
    def a(self) -> float:
        """Exponent of N_opt ~ C^a."""
        return float(self._point[1])

    @property
    def k_D(self) -> float:
        """D_opt / C^b."""
        return math.exp(self._point[2])

    @property
    def b(self) -> float:
        """Exponent of D_opt ~ C^b."""
        return float(self._point[3])

    @property
    def residuals(self) -> np.ndarray:
        """ln of each budget's best N, minus ln of the power law."""
        return np.log(self.N) - np.log(self.N_opt(self.C))

    def N_opt(self, C: ArrayLike) -> Value:
        """Compute-optimal number of parameters for C FLOPs."""
        return plain(np.exp(_log_line(self._point[0], self.a, np.log(positive(C, "C")))))

    def D_opt(self, C: ArrayLike) -> Value:
        """Compute-optimal number of tokens for C FLOPs."""
        return plain(np.exp(_log_line(self._point[2], self.b, np.log(positive(C, "C")))))

    def tokens_per_param(self, C: ArrayLike) -> Value:
        """D_opt / N_opt for C FLOPs."""
        return plain(np.asarray(self.D_opt(C)) / self.N_opt(C))

    def _log_draws(self, log_C: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Draws of ln N_opt and ln D_opt, shape (bootstrap, budgets)."""
        log_k_N, a, log_k_D, b = self._theta.T[:, :, None]
        return _log_line(log_k_N, a, log_C), _log_line(log_k_D, b, log_C)

    def band(
        self, C: ArrayLike, level: float = 0.95, *, of: str = "N"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge of N_opt, or (`of="D"`) of D_opt, at each of the FLOPs C."""
        C = np.atleast_1d(positive(C, "C"))
        if of not in ("N", "D"):
            raise ValueError(f'of must be "N" or "D", got {of!r}')
        log_N, log_D = self._log_draws(np.log(C).ravel())
        low, high = self._between(level, C.shape, lambda: log_N if of == "N" else log_D)
        return np.exp(low), np.exp(high)

    def optimum(self, C: float, level: float = 0.95) -> Optimum:
        """The compute-optimal N, D and tokens per parameter for C FLOPs, with intervals."""
        C = one_positive(C, "C")
        log_N, log_D = self._log_draws(np.array([math.log(C)]))

        def around(best: Callable[[float], Value], log_draws: np.ndarray) -> Estimate:
            low, high = np.exp(self._between(level, (1,), lambda: log_draws))
            return self._around(lambda: best(C), (low.item(), high.item()), level)

        return Optimum(
            C=float(C),
            N=around(self.N_opt, log_N),
            D=around(self.D_opt, log_D),
            tokens_per_param=around(self.tokens_per_param, log_D - log_N),
            L=None,
        )

    def as_law(self) -> PowerLaw:
        """N_opt as a power law of C (its alpha is minus a)."""
        return PowerLaw(self.k_N, -self.a)

    def __str__(self) -> str:
        head = f"N_opt = {self.k_N:.4g} C^{self.a:.4g}, D_opt = {self.k_D:.4g} C^{self.b:.4g}"
        unit = _UNITS[self.method]
        rest = [sizes_used(self.curves)] if self.curves else []
        rest += [f"left out: {reason}" for reason in self.refused]
        return "\n".join(
            [
                head,
                f"  from {len(self.C)} {unit}, {self.status}",
                *self._lines(("a", "b")),
                *(f"  {line}" for line in rest),
            ]
        )


def _log_line(log_k: ArrayLike, exponent: ArrayLike, log_C: ArrayLike) -> np.ndarray:
    """ln (k C^exponent)."""
    return log_power(log_k, -np.asarray(exponent), log_C)


@dataclass(frozen=True, eq=False)
class Parabola:
    """L = c0 + c1 t + c2 t^2 with t = ln N - center, fitted to runs of one budget."""

    C: float
    N: np.ndarray
    L: np.ndarray
    D: np.ndarray
    """All sizes of the budget from small to large, the loss and the tokens of each, (sizes,)."""
    coefficients: tuple[float, float, float]
    center: float
    used: np.ndarray
    """Which of the sizes the parabola was fitted to, booleans of shape (sizes,)."""

    def __call__(self, N: ArrayLike) -> Value:
        """L at N (same shape)."""
        t = np.log(positive(N, "N")) - self.center
        return plain(np.polynomial.polynomial.polyval(t, self.coefficients))

    @property
    def vertex(self) -> float:
        """The N of the minimum, or of the maximum of an inverted parabola."""
        _, c1, c2 = self.coefficients
        with np.errstate(all="ignore"):
            place = self.center - float(np.divide(c1, 2 * c2))
        return math.exp(min(max(place, -LARGEST), LARGEST))

    @property
    def has_no_minimum(self) -> str:
        """Why there is no minimum among the sizes; nothing where there is one."""
        first, last = self.N[0], self.N[-1]
        near = self.N[self.used]
        shape = f"fitted to the {len(near)} sizes from {near[0]:.3g} to {near[-1]:.3g}"
        if self.coefficients[2] <= 0:
            return f"the parabola opens downwards, {shape}; {self._lowest}"
        if not first <= self.vertex <= last:
            return (
                f"the minimum at {self.vertex:.3g} params lies outside the sizes from {first:.3g} "
                f"to {last:.3g}, by the parabola {shape}; {self._lowest}"
            )
        return ""

    @property
    def _lowest(self) -> str:
        """Where the measured loss is lowest, in words."""
        place = int(self.L.argmin())
        ends = {0: ", the smallest", len(self.L) - 1: ", the largest"}
        return f"the loss is lowest at {self.N[place]:.3g}{ends.get(place, '')}"

    @property
    def squares(self) -> float:
        """Summed squares of the residuals at the sizes used, in shares of the loss."""
        N, L = self.N[self.used], self.L[self.used]
        return float(np.sum(((L - self(N)) / L) ** 2))


def sizes_used(curves: Sequence[Parabola]) -> str:
    """How many sizes the parabolas were fitted to, and how far these lie from the minima."""
    used = [int(curve.used.sum()) for curve in curves]
    total = sum(len(curve.N) for curve in curves)
    each = f"{min(used)} to {max(used)}" if min(used) < max(used) else f"{used[0]}"
    reach = max(
        math.exp(np.abs(np.log(curve.N[curve.used] / curve.vertex)).max()) for curve in curves
    )
    share = f"all {total}" if sum(used) == total else f"{sum(used)} of {total}"
    return f"parabolas fitted to {share} sizes, {each} a budget, within x{reach:.2g} of the minima"


def runs_of(
    params: ArrayLike, tokens: ArrayLike, loss: ArrayLike, flops: ArrayLike | None, k: float
) -> tuple[np.ndarray, ...]:
    """N, D, L and C as arrays. Raises ValueError if they are not equally long."""
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    if flops is None:
        with np.errstate(over="ignore", under="ignore"):
            C = checked_k(k) * N * D
        if not (np.isfinite(C) & (C > 0)).all():
            raise ValueError(f"C = k N D with k = {k:g} lies beyond what numbers can hold")
    else:
        C = positive(flops, "flops")
    if C.shape != N.shape:
        raise ValueError(f"flops must hold one number for each of the {len(N)} runs")
    return N, D, L, C


def mean_over_repeats(
    key: np.ndarray, *values: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The different keys, and the mean of each value over the rows that share one."""
    unique, place = np.unique(key, return_inverse=True)
    count = np.bincount(place.ravel())
    return unique, tuple(np.bincount(place.ravel(), v) / count for v in values)


def smooth_surface(N: np.ndarray, C: np.ndarray, L: np.ndarray) -> np.ndarray:
    """ln L at the runs (ln N, ln C) by a smooth surface through all of them, shape (runs,).

    A polynomial of the total degree that Akaike's corrected criterion finds best (its coefficients
    are counted, the size of the noise is not). As the truth of
    simulated runs it is better than curves fitted to a few runs each: these carry the noise of
    the measurement, and noise added to noise overstates the scatter of minima.
    """
    x, y = ((v - v.mean()) / max(np.ptp(v) / 2, 1e-9) for v in (N, C))
    best, least = L, math.inf
    for degree in range(2, 7):
        powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        if len(L) < len(powers) + 4:
            break
        X = np.column_stack([x**i * y**j for i, j in powers])
        smooth = X @ np.linalg.lstsq(X, L, rcond=None)[0]
        score = aicc(float(np.sum((L - smooth) ** 2)), len(L), len(powers))
        if score < least:
            best, least = smooth, score
    return best


def lines_through(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Intercept and slope of y against x for each row; NaN are left out, 3 points are needed.

    x and y have the shape (rows, points), or (1, points) or (points,) where all rows share them;
    the result has the shape (rows, 2).
    """
    seen = ~np.isnan(x + y)
    count = seen.sum(1)
    x, y = np.where(seen, x, 0.0), np.where(seen, y, 0.0)
    with np.errstate(all="ignore"):
        mean_x, mean_y = x.sum(1) / count, y.sum(1) / count
        dx = np.where(seen, x - mean_x[:, None], 0.0)
        slope = (dx * y).sum(1) / (dx**2).sum(1)
    slope = np.where(count >= 3, slope, np.nan)
    return np.column_stack([mean_y - slope * mean_x, slope])


def widened_by_scatter(
    draws: np.ndarray,
    point: np.ndarray,
    log_C: np.ndarray,
    log_N: np.ndarray,
    minima: np.ndarray,
) -> np.ndarray:
    """The draws, widened where the minima miss the line by more than 95 % of noise would.

    draws (rows, 4) about point (4,); log_N (budgets,) are the minima at log_C, and `minima`
    (rows, budgets) their draws, which say how far noise alone moves each.
    """
    low, high = np.nanquantile(minima, (0.159, 0.841), axis=0)
    variance = ((high - low) / 2) ** 2
    residual = log_N - point[0] - point[1] * log_C
    freedom = len(log_C) - 2
    with np.errstate(all="ignore"):
        surplus = float(np.sum(residual**2 / variance))
    usual = float(chi2.ppf(0.95, freedom))
    if not math.isfinite(surplus) or surplus <= usual:
        return draws
    return point + (draws - point) * math.sqrt(surplus / usual)
