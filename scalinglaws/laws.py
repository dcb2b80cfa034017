"""Scaling laws: each is a frozen dataclass that owns its parameters, evaluates and inverts itself.

N is a number of parameters, D a number of training tokens, C a number of training FLOPs, L a loss
in nats per token. What N and C count is for the data to say: a law fitted with one convention
does not hold in another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

Value = np.ndarray | float


def positive(values: ArrayLike, name: str) -> np.ndarray:
    """`values` as floats. Raises ValueError unless all are there, finite and above 0."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = values.astype(float).filled(np.nan)
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers only: {error}") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        example = array[bad].flat[0] if array.ndim else array
        raise ValueError(
            f"{name} must be finite and above 0; {int(bad.sum())} of {array.size} values are not "
            f"(the first is {example}). Leave out runs that failed or diverged."
        )
    return array


def plain(value: np.ndarray) -> Value:
    """A float where there is one number only, else the array."""
    return float(value) if np.ndim(value) == 0 else value


class Law:
    """What all laws share. A law is called with what it depends on and returns the loss."""

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            least, strict = (0, False) if name == "E" else (0, True)
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
            if name in self._any_sign:
                continue
            if value < least or (strict and value == least):
                wanted = "above 0" if strict else "0 or above"
                raise ValueError(f"{name} must be {wanted}, got {value}")

    _any_sign: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, float]:
        """Names and values of the law's parameters."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class PowerLaw(Law):
    """L(x) = E + A x^-alpha: a power law in x with an irreducible floor E (0: none)."""

    A: float
    alpha: float
    E: float = 0.0

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

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape). Raises ValueError unless every x is above 0."""
        x = positive(x, "x")
        value = self.E + self.A * x**-self.alpha
        return float(value) if value.ndim == 0 else value

    def inverse(self, loss: ArrayLike) -> Value:
        """The x at which the law reaches `loss`. Raises ValueError at or below the floor."""
        loss = np.asarray(loss, dtype=float)
        if np.any(~(loss > self.E)):
            raise ValueError(f"no x reaches a loss at or below the floor E = {self.E:.4g}")
        if self.alpha == 0:
            raise ValueError("the law is flat (alpha = 0): it has no inverse")
        x = ((loss - self.E) / self.A) ** (-1 / self.alpha)
        return float(x) if x.ndim == 0 else x

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

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        return plain(self.E + self.A * np.exp(-positive(x, "x") / self.scale))

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

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        return plain(self.A - self.B * np.log(positive(x, "x")))

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
    _any_sign = ("c0", "c1")

    def __call__(self, x: ArrayLike) -> Value:
        """L at x (same shape)."""
        x = positive(x, "x")
        bend = self.c1 * self.f * np.logaddexp(0, (np.log(x) - math.log(self.d)) / self.f)
        return plain(self.E + self.A * np.exp(-self.c0 * np.log(x) - bend))

    def inverse(self, loss: float) -> float:
        """The x at which the law reaches `loss`, if it falls throughout.

        Raises ValueError at or below the floor, or if the law does not fall everywhere.
        """
        if not loss > self.E:
            raise ValueError(f"no x reaches a loss at or below the floor E = {self.E:.4g}")
        if not (self.c0 > 0 and self.c0 + self.c1 > 0):
            raise ValueError("the law does not fall everywhere: it has no single inverse")
        return math.exp(_root(lambda u: float(self(math.exp(u))) - loss, math.log(self.d)))

    def __str__(self) -> str:
        return (
            f"L(x) = {self.E:.4g} + {self.A:.4g} x^-{self.c0:.4g} "
            f"(1 + (x / {self.d:.4g})^{1 / self.f:.4g})^-{self.c1 * self.f:.4g}"
        )


def _root(falling: Callable[[float], float], start: float) -> float:
    """Where a falling function of one number passes zero."""
    from scipy.optimize import brentq

    step = 1.0
    while falling(start - step) < 0 or falling(start + step) > 0:
        step *= 2
        if step > 500:
            raise ValueError("the loss lies beyond what numbers can hold")
    return float(brentq(falling, start - step, start + step, xtol=1e-12))


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
    _any_sign = ("midpoint", "low", "high")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"0 <= low < high <= 1 must hold, got {self.low} and {self.high}")

    def __call__(self, loss: ArrayLike) -> Value:
        """Accuracy at a loss (same shape)."""
        t = self.slope * (np.asarray(loss, dtype=float) - self.midpoint)
        return plain(self.low + (self.high - self.low) * np.exp(-np.logaddexp(0, t)))

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

    With ample data it is (Nc / N)^alpha_N, with an ample model (Dc / D)^alpha_D.
    """

    Nc: float
    alpha_N: float
    Dc: float
    alpha_D: float

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Value:
        """L at N and D, which are broadcast against each other."""
        N, D = positive(N, "N"), positive(D, "D")
        return plain(((self.Nc / N) ** (self.alpha_N / self.alpha_D) + self.Dc / D) ** self.alpha_D)

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
    data cost. For a budget of C = k N D FLOPs it owns the best split: N_opt = G (C / k)^a and
    D_opt = (C / k)^b / G, with a = beta / (alpha + beta) and b = 1 - a. k is 6 unless you say so.
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Value:
        """L at N and D, which are broadcast against each other."""
        N, D = positive(N, "N"), positive(D, "D")
        return plain(self.E + self.A * N**-self.alpha + self.B * D**-self.beta)

    @property
    def a(self) -> float:
        """Exponent of N_opt ~ C^a."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> float:
        """Exponent of D_opt ~ C^b."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def G(self) -> float:
        """N_opt / (C / k)^a."""
        return float(np.exp(self._log_G))

    @property
    def _log_G(self) -> float:
        log_ratio = math.log(self.alpha * self.A) - math.log(self.beta * self.B)
        return log_ratio / (self.alpha + self.beta)

    def N_opt(self, C: ArrayLike, k: float = 6.0) -> Value:
        """Compute-optimal number of parameters for C FLOPs."""
        return plain(np.exp(self._log_G + self.a * np.log(positive(C, "C") / k)))

    def D_opt(self, C: ArrayLike, k: float = 6.0) -> Value:
        """Compute-optimal number of tokens for C FLOPs."""
        return plain(np.exp(-self._log_G + self.b * np.log(positive(C, "C") / k)))

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
    tokens, with R_N (Muennighoff et al. 2023, section 3.1).
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    R_D: float
    R_N: float

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
        N, law = positive(N, "N"), self.fresh
        log_fitting = law._log_G + law.a / law.b * (np.log(positive(U, "U")) + law._log_G)
        return plain(_worth(N, np.minimum(np.exp(np.minimum(log_fitting, 700)), N), self.R_N))

    def __call__(self, N: ArrayLike, D: ArrayLike, U: ArrayLike) -> Value:
        """L at N parameters and D tokens of which U are different."""
        D, U = positive(D, "D"), positive(U, "U")
        return self.fresh(self.params_worth(N, np.minimum(U, D)), self.tokens_worth(D, U))

    def __str__(self) -> str:
        worth = str(self.fresh).replace("N", "N'").replace("D", "D'")
        return f"{worth} with R_D = {self.R_D:.4g}, R_N = {self.R_N:.4g}"


def _worth(amount: np.ndarray, base: np.ndarray, scale: float) -> np.ndarray:
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
