"""Scaling laws: each is a frozen dataclass that owns its parameters, its formula and its inverses.

N is a number of parameters, D a number of training tokens, C a number of training FLOPs, L a loss.
The unit of loss, and what N, D and C count, are for the data to say: a law that was fitted to
losses in nats per token has its E in nats per token, and a law fitted with one way of counting
parameters does not hold in another.

Every formula stands once, as the static or class method `value`. It takes many laws at once: theta
of shape (rows, p) with one law per row, and inputs of shape (points,), which gives (rows, points).
theta has the parameters in the order of the fields; those named in `logs` as natural logarithms,
so that nothing overflows where A is as large as e^100. A law that is called, the search of a fit,
and the bands over its bootstrap draws all use it.

Budgets are counted as C = k N D, with k = 6 unless you say so. A token meets each parameter of a
matrix in one multiplication and one addition: 2 FLOPs forward. The backward pass does as much twice
more, once for the gradient of what went into the matrix and once for that of the matrix itself: 4
FLOPs. That makes 6 for each parameter and token, without the arithmetic of attention and softmax
(Kaplan et al. 2020, section 2.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ._checks import positive

Value = np.ndarray | float


def plain(value: np.ndarray) -> Value:
    """A float where there is one number only, else the array."""
    return float(value) if np.ndim(value) == 0 else value


def log_power(log_A: ArrayLike, alpha: ArrayLike, log_x: ArrayLike) -> np.ndarray:
    """ln (A x^-alpha): the straight line that a power law is on logarithmic axes."""
    return np.asarray(log_A - alpha * log_x)  # type: ignore[operator]  # arrays, or numbers


@dataclass(frozen=True)
class Law:
    """What all laws share. A law is called with what it depends on and returns the loss."""

    logs: ClassVar[tuple[str, ...]] = ()
    """Parameters that the formula takes as logarithms."""
    inputs: ClassVar[tuple[str, ...]] = ("x",)
    """What the law is called with."""
    settings: ClassVar[tuple[str, ...]] = ()
    """Fields that are no columns of theta but keywords of the formula."""
    in_shares: ClassVar[bool] = True
    """Whether measurements scatter by shares of the value, so that fits compare logarithms."""
    value: ClassVar[Callable[..., np.ndarray]]
    """theta (rows, p), inputs (points,) -> the law, shape (rows, points)."""
    _any_sign: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
            if name in self._any_sign:
                continue
            if name == "E" and value < 0:
                raise ValueError(f"E must be 0 or above, got {value}")
            if name != "E" and value <= 0:
                raise ValueError(f"{name} must be above 0, got {value}")

    @property
    def parameters(self) -> dict[str, float]:
        """Names and values of the law's parameters."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The columns of theta."""
        return tuple(field.name for field in fields(cls) if field.name not in cls.settings)

    @property
    def theta(self) -> np.ndarray:
        """The parameters as the formula takes them, shape (1, p)."""
        values = [(name, getattr(self, name)) for name in self.names()]
        return np.array([[math.log(v) if name in self.logs else v for name, v in values]])

    @classmethod
    def log_value(cls, theta: np.ndarray, *inputs: np.ndarray, **settings: float) -> np.ndarray:
        """The logarithm of `value`, shape (rows, points); that of 1e-300 where it is below."""
        return np.log(np.maximum(cls.value(theta, *inputs, **settings), 1e-300))

    @classmethod
    def natural(cls, theta: np.ndarray) -> np.ndarray:
        """theta (rows, p) without logarithms. theta may lack the last columns."""
        logs = [name in cls.logs for name in cls.names()][: theta.shape[1]]
        return np.where(logs, np.exp(np.where(logs, theta, 0.0)), theta)

    def _at(self, *inputs: np.ndarray) -> Value:
        """The law at inputs that are broadcast against each other."""
        same = np.broadcast_arrays(*inputs)
        settings = {name: getattr(self, name) for name in self.settings}
        flat = type(self).value(self.theta, *(part.ravel() for part in same), **settings)
        return plain(flat[0].reshape(same[0].shape))


@dataclass(frozen=True)
class PowerLaw(Law):
    """L(x) = E + A x^-alpha: a power law in x with an irreducible floor E (0: none).

    >>> law = PowerLaw(A=20.0, alpha=0.25, E=1.5)
    >>> round(law(1e4), 6)
    3.5
    >>> round(law.inverse(3.5))
    10000
    >>> law.factor_to_divide(2)  # so many times more x halve what is above the floor
    16.0
    """

    A: float
    alpha: float
    E: float = 0.0
    logs = ("A",)

    def __post_init__(self) -> None:
        if not (self.A > 0 and math.isfinite(self.A)):
            raise ValueError(f"A must be a positive number, got {self.A}")
        if not math.isfinite(self.alpha):
            raise ValueError(f"alpha must be a finite number, got {self.alpha}")
        if not (self.E >= 0 and math.isfinite(self.E)):
            raise ValueError(f"the floor E must be 0 or above, got {self.E}")

    @classmethod
    def from_scale(cls, scale: float, alpha: float, E: float = 0.0) -> PowerLaw:
        """The law written as L(x) = E + (scale / x)^alpha, as Kaplan et al. (2020) write it."""
        if not scale > 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        return cls(A=scale**alpha, alpha=alpha, E=E)

    @staticmethod
    def value(theta: np.ndarray, x: np.ndarray, *, largest: float = math.inf) -> np.ndarray:
        """The law for rows (ln A, alpha, E), or (ln A, alpha) of laws without a floor.

        ln (A x^-alpha) is held within plus and minus `largest`.
        """
        power = log_power(theta[:, 0, None], theta[:, 1, None], np.log(x))
        if largest < math.inf:
            power = np.clip(power, -largest, largest)
        return (theta[:, 2, None] if theta.shape[1] > 2 else 0.0) + np.exp(power)

    @classmethod
    def log_value(cls, theta: np.ndarray, *inputs: np.ndarray, **settings: float) -> np.ndarray:
        """The logarithm of `value`: a straight line where the rows have no floor."""
        if theta.shape[1] == 2:
            return log_power(theta[:, 0, None], theta[:, 1, None], np.log(inputs[0]))
        return super().log_value(theta, *inputs, **settings)

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape). Raises ValueError unless every x is above 0."""
        return self._at(positive(x, "x"))

    def inverse(self, loss: ArrayLike) -> Value:
        """The x at which the law reaches `loss`. Raises ValueError at or below the floor."""
        loss = np.asarray(loss, dtype=float)
        if np.any(~(loss > self.E)):
            raise ValueError(f"no x reaches a loss at or below the floor E = {self.E:.4g}")
        if self.alpha == 0:
            raise ValueError("the law is flat (alpha = 0): it has no inverse")
        return plain(((loss - self.E) / self.A) ** (-1 / self.alpha))

    def factor_to_divide(self, divisor: float) -> float:
        """How many times more x divides the part of the loss above the floor by `divisor`."""
        if not divisor > 0:
            raise ValueError(f"divisor must be above 0, got {divisor}")
        if self.alpha == 0:
            raise ValueError("the law is flat (alpha = 0): no amount of x divides the loss")
        return divisor ** (1 / self.alpha)

    def __str__(self) -> str:
        floor = f"{self.E:.4g} + " if self.E else ""
        return f"L(x) = {floor}{self.A:.4g} x^{0.0 - self.alpha:.4g}"


@dataclass(frozen=True)
class ExponentialLaw(Law):
    """L(x) = E + A exp(-x / scale): what a loss would do that approaches its floor soon."""

    A: float
    scale: float
    E: float = 0.0
    logs = ("A", "scale")

    @staticmethod
    def value(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The law for rows (ln A, ln scale, E)."""
        log_A, log_scale, E = theta.T[:, :, None]
        return E + np.exp(log_A - x / np.exp(log_scale))

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        return self._at(positive(x, "x"))

    def inverse(self, loss: ArrayLike) -> Value:
        """The x at which the law reaches `loss`. Raises ValueError where it never does."""
        loss = np.asarray(loss, dtype=float)
        if np.any(~((loss > self.E) & (loss < self.E + self.A))):
            raise ValueError(
                f"the loss must lie between the floor {self.E:.4g} and {self.E + self.A:.4g}"
            )
        return plain(-self.scale * np.log((loss - self.E) / self.A))

    def __str__(self) -> str:
        return f"L(x) = {self.E:.4g} + {self.A:.4g} exp(-x / {self.scale:.4g})"


@dataclass(frozen=True)
class LogarithmicLaw(Law):
    """L(x) = A - B ln x: the same step down for every factor in x, and below zero in the end."""

    A: float
    B: float
    _any_sign = ("A", "B")

    @staticmethod
    def value(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The law for rows (A, B)."""
        A, B = theta.T[:, :, None]
        return A - B * np.log(x)

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        return self._at(positive(x, "x"))

    def inverse(self, loss: ArrayLike) -> Value:
        """The x at which the law reaches `loss`. Raises ValueError if the law is flat."""
        if self.B == 0:
            raise ValueError("the law is flat (B = 0): it has no inverse")
        return plain(np.exp((self.A - np.asarray(loss, dtype=float)) / self.B))

    def __str__(self) -> str:
        return f"L(x) = {self.A:.4g} - {self.B:.4g} ln x"


@dataclass(frozen=True)
class BrokenPowerLaw(Law):
    """L(x) = E + A x^-c0 (1 + (x / d)^(1 / f))^(-c1 f): one smooth break at x = d.

    Far below d the exponent is c0, far above it c0 + c1; f says how wide the bend is (in units of
    ln x). The form of Caballero et al. (2022) with one break.
    """

    A: float
    c0: float
    c1: float
    d: float
    f: float
    E: float = 0.0
    logs = ("A", "d", "f")
    _any_sign = ("c0", "c1")

    @staticmethod
    def value(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The law for rows (ln A, c0, c1, ln d, ln f, E)."""
        log_A, c0, c1, log_d, log_f, E = theta.T[:, :, None]
        u, f = np.log(x), np.exp(log_f)
        bend = c1 * f * np.logaddexp(0, (u - log_d) / f)
        return E + np.exp(log_power(log_A, c0, u) - bend)

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        return self._at(positive(x, "x"))

    def inverse(self, loss: float) -> float:
        """The x at which the law reaches `loss`, if it falls throughout.

        Raises ValueError at or below the floor, or if the law does not fall everywhere.
        """
        if not loss > self.E:
            raise ValueError(f"no x reaches a loss at or below the floor E = {self.E:.4g}")
        if not (self.c0 > 0 and self.c0 + self.c1 > 0):
            raise ValueError("the law does not fall everywhere: it has no single inverse")
        return math.exp(root(lambda u: float(self(math.exp(u))) - loss, math.log(self.d)))

    def __str__(self) -> str:
        return (
            f"L(x) = {self.E:.4g} + {self.A:.4g} x^-{self.c0:.4g} "
            f"(1 + (x / {self.d:.4g})^{1 / self.f:.4g})^-{self.c1 * self.f:.4g}"
        )


def root(falling: Callable[[float], float], start: float, *, below: bool = True) -> float:
    """Where a falling function of one number passes zero.

    It is looked for on both sides of `start`, or (`below=False`) above it only. Raises ValueError
    if it is farther than e^500 away.
    """
    from scipy.optimize import brentq

    step = 1.0
    while (below and falling(start - step) < 0) or falling(start + step) > 0:
        step *= 2
        if step > 500:
            raise ValueError("the loss lies beyond what numbers can hold")
    return float(brentq(falling, start - step if below else start, start + step, xtol=1e-12))


@dataclass(frozen=True)
class Sigmoid(Law):
    """accuracy(L) = low + (high - low) / (1 + exp(slope (L - midpoint))).

    What a task's accuracy does as the loss falls: chance level `low` at high loss, `high` at low
    loss, and half of the way at `midpoint`.
    """

    midpoint: float
    slope: float
    low: float = 0.0
    high: float = 1.0
    logs = ("slope",)
    inputs = ("loss",)
    settings = ("low", "high")
    in_shares = False
    _any_sign = ("midpoint", "low", "high")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"0 <= low < high <= 1 must hold, got {self.low} and {self.high}")

    @staticmethod
    def value(
        theta: np.ndarray, loss: np.ndarray, *, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        """The accuracy for rows (midpoint, ln slope)."""
        midpoint, log_slope = theta.T[:, :, None]
        t = np.exp(log_slope) * (loss - midpoint)
        return low + (high - low) * np.exp(-np.logaddexp(0, t))

    def __call__(self, loss: ArrayLike) -> Value:
        """Accuracy at a loss (same shape)."""
        return self._at(np.asarray(loss, dtype=float))

    def inverse(self, accuracy: ArrayLike) -> Value:
        """The loss at which the task reaches `accuracy`. Raises ValueError where it never does."""
        accuracy = np.asarray(accuracy, dtype=float)
        if np.any(~((accuracy > self.low) & (accuracy < self.high))):
            raise ValueError(f"accuracy must lie between {self.low:.4g} and {self.high:.4g}")
        odds = (self.high - accuracy) / (accuracy - self.low)
        return plain(self.midpoint + np.log(odds) / self.slope)

    def __str__(self) -> str:
        return (
            f"accuracy(L) = {self.low:.4g} + {self.high - self.low:.4g} "
            f"/ (1 + exp({self.slope:.4g} (L - {self.midpoint:.4g})))"
        )


@dataclass(frozen=True)
class KaplanLaw(Law):
    """L(N, D) = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D (Kaplan et al. 2020, section 4).

    With ample data it is (Nc / N)^alpha_N, with an ample model (Dc / D)^alpha_D. There is no
    floor. In the paper N counts parameters without embeddings, and losses are in nats per token.

    >>> law = KaplanLaw(Nc=6.4e13, alpha_N=0.076, Dc=1.8e13, alpha_D=0.103)  # their table 2
    >>> round(law(1e9, 2e10), 3), round(law.of_params()(1e9), 3)
    (2.374, 2.319)
    >>> D = law.tokens_for(2.4, N=1e9)
    >>> round(law(1e9, D), 6)
    2.4
    """

    Nc: float
    alpha_N: float
    Dc: float
    alpha_D: float
    logs = ("Nc", "alpha_N", "Dc", "alpha_D")
    inputs = ("N", "D")

    @staticmethod
    def value(theta: np.ndarray, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """The law for rows (ln Nc, ln alpha_N, ln Dc, ln alpha_D)."""
        return np.exp(KaplanLaw.log_value(theta, N, D))

    @classmethod
    def log_value(cls, theta: np.ndarray, *inputs: np.ndarray, **settings: float) -> np.ndarray:
        """The logarithm of the law for the same rows."""
        N, D = inputs
        log_Nc, log_alpha_N, log_Dc, log_alpha_D = theta.T[:, :, None]
        alpha_N, alpha_D = np.exp(log_alpha_N), np.exp(log_alpha_D)
        size = alpha_N / alpha_D * (log_Nc - np.log(N))
        return alpha_D * np.logaddexp(size, log_Dc - np.log(D))

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Value:
        """L at N and D, which are broadcast against each other."""
        return self._at(positive(N, "N"), positive(D, "D"))

    def of_params(self) -> PowerLaw:
        """L(N) with ample data."""
        return PowerLaw.from_scale(self.Nc, self.alpha_N)

    def of_tokens(self) -> PowerLaw:
        """L(D) with an ample model, stopped early."""
        return PowerLaw.from_scale(self.Dc, self.alpha_D)

    def tokens_for(self, loss: ArrayLike, N: ArrayLike) -> Value:
        """The D at which N parameters reach `loss`. Raises ValueError where they never do."""
        loss, N = positive(loss, "loss"), positive(N, "N")
        rest = loss ** (1 / self.alpha_D) - (self.Nc / N) ** (self.alpha_N / self.alpha_D)
        if np.any(~(rest > 0)):
            raise ValueError("a model of this size does not reach this loss with any data")
        return plain(self.Dc / rest)

    def __str__(self) -> str:
        return (
            f"L(N, D) = (({self.Nc:.4g} / N)^{self.alpha_N / self.alpha_D:.4g} "
            f"+ {self.Dc:.4g} / D)^{self.alpha_D:.4g}"
        )


@dataclass(frozen=True)
class ChinchillaLaw(Law):
    """L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022, section 3.3).

    E is what no model can remove, the second term what the size costs, the third what the finite
    data cost. The best split of a budget C = k N D follows in three lines:

    1. With D = C / (k N) the loss depends on N alone: L = E + A N^-alpha + B (C / k)^-beta N^beta.
    2. At the minimum dL / d ln N = 0, so alpha A N^-alpha = beta B D^-beta: one per cent more
       parameters gain as much as one per cent fewer tokens cost.
    3. With D put in, N^(alpha + beta) = alpha A / (beta B) (C / k)^beta, so N_opt = G (C / k)^a
       and D_opt = (C / k)^b / G, with a = beta / (alpha + beta), b = 1 - a and
       G = (alpha A / (beta B))^(1 / (alpha + beta)).

    k is 6 unless you say so; the head of `scalinglaws.laws` says where 6 comes from.

    >>> law = ChinchillaLaw(E=1.0, A=100.0, alpha=0.5, B=100.0, beta=0.5)
    >>> round(law(1e8, 1e8), 6)
    1.02
    >>> round(law.N_opt(6e16)), round(law.D_opt(6e16)), round(law.L_opt(6e16), 6)
    (100000000, 100000000, 1.02)
    >>> law.a, law.b, law.G
    (0.5, 0.5, 1.0)
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    logs = ("A", "B")
    inputs = ("N", "D")

    @staticmethod
    def terms(
        theta: np.ndarray, log_N: np.ndarray, log_D: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E (rows, 1) and what size and data cost, for rows (E, ln A, alpha, ln B, beta).

        ln N and ln D have the shape (points,), or (rows, points) where each row has its own; so
        have the last two results.
        """
        E, log_A, alpha, log_B, beta = theta.T[:, :, None]
        return E, np.exp(log_power(log_A, alpha, log_N)), np.exp(log_power(log_B, beta, log_D))

    @classmethod
    def value(cls, theta: np.ndarray, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """The law for the same rows: the sum of the three terms."""
        E, size, data = cls.terms(theta, np.log(N), np.log(D))
        return E + size + data

    @classmethod
    def log_value_and_slopes(
        cls, theta: np.ndarray, log_N: np.ndarray, log_D: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """ln L (rows, points) and its derivatives by theta (rows, 5, points), for a minimiser."""
        E, size, data = cls.terms(theta, log_N, log_D)
        f = E + size + data
        J = np.empty((len(theta), 5, f.shape[1]))
        np.divide(1.0, f, out=J[:, 0])
        np.multiply(size, J[:, 0], out=J[:, 1])
        np.multiply(J[:, 1], -log_N, out=J[:, 2])
        np.multiply(data, J[:, 0], out=J[:, 3])
        np.multiply(J[:, 3], -log_D, out=J[:, 4])
        return np.log(f), J

    @staticmethod
    def exponents(alpha: Any, beta: Any) -> tuple[Any, Any]:
        """a and b of N_opt ~ C^a and D_opt ~ C^b."""
        return beta / (alpha + beta), alpha / (alpha + beta)

    @classmethod
    def log_optimum(cls, theta: np.ndarray, log_ND: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """ln N_opt and ln D_opt (rows, points) where ln (N D) = ln (C / k) is given (points,)."""
        alpha, beta = theta.T[[2, 4], :, None]
        log_N = cls._log_G_of(theta)[:, None] + cls.exponents(alpha, beta)[0] * log_ND
        return log_N, log_ND - log_N

    @staticmethod
    def _log_G_of(theta: np.ndarray) -> np.ndarray:
        """ln G of each row (E, ln A, alpha, ln B, beta, ...), shape (rows,)."""
        log_A, alpha, log_B, beta = theta.T[1:5]
        return (np.log(alpha) + log_A - np.log(beta) - log_B) / (alpha + beta)

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Value:
        """L at N and D, which are broadcast against each other."""
        return self._at(positive(N, "N"), positive(D, "D"))

    @property
    def a(self) -> float:
        """Exponent of N_opt ~ C^a."""
        return float(self.exponents(self.alpha, self.beta)[0])

    @property
    def b(self) -> float:
        """Exponent of D_opt ~ C^b."""
        return float(self.exponents(self.alpha, self.beta)[1])

    @property
    def G(self) -> float:
        """N_opt / (C / k)^a."""
        return float(np.exp(self._log_G_of(self.theta)[0]))

    def _optimum(self, C: ArrayLike, k: float) -> tuple[np.ndarray, np.ndarray]:
        log_ND = np.log(positive(C, "C") / k)
        log_N, log_D = self.log_optimum(self.theta, log_ND.ravel())
        return log_N[0].reshape(log_ND.shape), log_D[0].reshape(log_ND.shape)

    def N_opt(self, C: ArrayLike, k: float = 6.0) -> Value:
        """Compute-optimal number of parameters for C FLOPs."""
        return plain(np.exp(self._optimum(C, k)[0]))

    def D_opt(self, C: ArrayLike, k: float = 6.0) -> Value:
        """Compute-optimal number of tokens for C FLOPs."""
        return plain(np.exp(self._optimum(C, k)[1]))

    def tokens_per_param(self, C: ArrayLike, k: float = 6.0) -> Value:
        """D_opt / N_opt for C FLOPs."""
        return plain(np.asarray(self.D_opt(C, k)) / self.N_opt(C, k))

    def L_opt(self, C: ArrayLike, k: float = 6.0) -> Value:
        """Lowest loss for C FLOPs."""
        return self(self.N_opt(C, k), self.D_opt(C, k))

    def frontier(self, k: float = 6.0) -> PowerLaw:
        """L_opt as a power law of C: floor E, exponent alpha beta / (alpha + beta)."""
        exponent = self.alpha * self.a
        return PowerLaw((float(self.L_opt(k, k)) - self.E) * k**exponent, exponent, self.E)

    def flops_for(self, loss: ArrayLike, k: float = 6.0) -> Value:
        """Least FLOPs that reach `loss`. Raises ValueError at or below the floor."""
        return self.frontier(k).inverse(loss)

    def tokens_for(self, loss: ArrayLike, N: ArrayLike) -> Value:
        """The D at which N parameters reach `loss`. Raises ValueError where they never do."""
        rest = np.asarray(loss, dtype=float) - self.E - self.A * positive(N, "N") ** -self.alpha
        if np.any(~(rest > 0)):
            raise ValueError("a model of this size does not reach this loss with any data")
        return plain((self.B / rest) ** (1 / self.beta))

    def params_for(self, loss: ArrayLike, D: ArrayLike) -> Value:
        """The N at which D tokens suffice for `loss`. Raises ValueError where they never do."""
        rest = np.asarray(loss, dtype=float) - self.E - self.B * positive(D, "D") ** -self.beta
        if np.any(~(rest > 0)):
            raise ValueError("this amount of data does not suffice for this loss with any model")
        return plain((self.A / rest) ** (1 / self.alpha))

    def __str__(self) -> str:
        return (
            f"L(N, D) = {self.E:.4g} + {self.A:.4g} / N^{self.alpha:.4g} "
            f"+ {self.B:.4g} / D^{self.beta:.4g}"
        )


@dataclass(frozen=True)
class DataConstrainedLaw(Law):
    """A Chinchilla law in which repeated tokens and surplus parameters count for less and less.

    Of D training tokens U are different. Repeated R = D / U - 1 times, they are worth
    D' = U + U R_D (1 - exp(-R / R_D)) fresh ones; likewise parameters beyond those that suit U
    tokens, with R_N (Muennighoff et al. 2023, section 3.1). N and the loss have the count and the
    unit of the runs that the law was fitted to.

    >>> law = DataConstrainedLaw(E=1.0, A=100.0, alpha=0.5, B=100.0, beta=0.5, R_D=15.0, R_N=5.0)
    >>> law.tokens_worth([1e9, 4e9, 40e9], U=1e9).round(-7) / 1e9  # 1, 4 and 40 epochs
    array([ 1.  ,  3.72, 14.89])
    >>> law.fresh(1e9, 4e9) < law(1e9, 4e9, U=1e9) < law.fresh(1e9, 1e9)
    True
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    R_D: float
    R_N: float
    logs = ("A", "B", "R_D", "R_N")
    inputs = ("N", "D", "U")

    @staticmethod
    def value(theta: np.ndarray, N: np.ndarray, D: np.ndarray, U: np.ndarray) -> np.ndarray:
        """The law for rows (E, ln A, alpha, ln B, beta, ln R_D, ln R_N)."""
        U = np.minimum(U, D)
        R_D, R_N = np.exp(theta.T[5:7, :, None])
        worth_N = _worth(N, np.minimum(DataConstrainedLaw._fitting(theta, U), N), R_N)
        worth_D = _worth(D, U, R_D)
        E, size, data = ChinchillaLaw.terms(theta[:, :5], np.log(worth_N), np.log(worth_D))
        return E + size + data

    @staticmethod
    def _fitting(theta: np.ndarray, U: np.ndarray) -> np.ndarray:
        """The size for which U tokens are the best choice, shape (rows, points)."""
        alpha, beta = theta.T[[2, 4], :, None]
        log_G = ChinchillaLaw._log_G_of(theta)[:, None]
        return np.exp(np.clip(log_G + beta / alpha * (np.log(U) + log_G), -600, 600))

    @property
    def fresh(self) -> ChinchillaLaw:
        """The law for data that are never repeated."""
        return ChinchillaLaw(self.E, self.A, self.alpha, self.B, self.beta)

    def tokens_worth(self, D: ArrayLike, U: ArrayLike) -> Value:
        """D': how many fresh tokens D tokens are worth of which U are different."""
        D, U = positive(D, "D"), positive(U, "U")
        return plain(_worth(D, np.minimum(U, D), self.R_D))

    def params_worth(self, N: ArrayLike, U: ArrayLike) -> Value:
        """N': what N parameters are worth with U different tokens."""
        N, U = np.broadcast_arrays(positive(N, "N"), positive(U, "U"))
        fitting = self._fitting(self.theta, U.ravel())[0].reshape(U.shape)
        return plain(_worth(N, np.minimum(fitting, N), self.R_N))

    def __call__(self, N: ArrayLike, D: ArrayLike, U: ArrayLike) -> Value:
        """L at N parameters and D tokens of which U are different."""
        return self._at(positive(N, "N"), positive(D, "D"), positive(U, "U"))

    def __str__(self) -> str:
        worth = str(self.fresh).replace("N", "N'").replace("D", "D'")
        return f"{worth} with R_D = {self.R_D:.4g}, R_N = {self.R_N:.4g}"


def _worth(amount: np.ndarray, base: np.ndarray, scale: Value) -> np.ndarray:
    """base + base scale (1 - exp(-R / scale)) with R = amount / base - 1."""
    return base - base * scale * np.expm1(-(amount / base - 1) / scale)


KAPLAN_PARAMS = PowerLaw.from_scale(8.8e13, 0.076)
"""L(N) of Kaplan et al. (2020), equation 1.1: non-embedding parameters, WebText2."""
KAPLAN_TOKENS = PowerLaw.from_scale(5.4e13, 0.095)
"""L(D) of Kaplan et al. (2020), equation 1.2."""
KAPLAN_JOINT = KaplanLaw(Nc=6.4e13, alpha_N=0.076, Dc=1.8e13, alpha_D=0.103)
"""L(N, D) of Kaplan et al. (2020), table 2."""
CHINCHILLA = ChinchillaLaw(E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28)
"""As printed by Hoffmann et al. (2022), with rounding that moves the optimum: prefer the next."""
CHINCHILLA_REFIT = ChinchillaLaw(E=1.8172, A=482.01, alpha=0.3478, B=2085.43, beta=0.3658)
"""The refit of Besiroglu et al. (2024) to the same runs."""
MUENNIGHOFF = DataConstrainedLaw(1.87, 521.0, 0.3527, 1488.0, 0.3527, R_D=15.39, R_N=5.31)
"""The data-constrained law of Muennighoff et al. (2023)."""
