"""What the tests of the exercises share: what each exercise is handed, and how to be refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from scalinglaws.course import check
from scalinglaws.estimate import Estimate
from scalinglaws.fit import AllocationFit, PowerLaw, PowerLawFit, fit_isoflop, fit_power_law
from scalinglaws.laws import ChinchillaLaw
from scalinglaws.learners import TransformerConfig
from scalinglaws.text import KnownEntropy

PF_DAY = 8.64e19


def refused(exercise: str, value: Any, *given: Any, saying: str) -> None:
    """Assert that `value` is not accepted, and that the message says why."""
    feedback = check.answer(exercise, value, *given)
    assert feedback.ok is False
    assert saying in feedback.message


def by_compute(alpha: float = 0.08, x: np.ndarray | None = None, seed: int = 0) -> PowerLawFit:
    """Chapter 1: loss against compute in FLOPs, six models, 0.4 % of noise."""
    x = np.geomspace(1e8, 1e11, 6) if x is None else x
    noise = 0.004 * np.random.default_rng(seed).standard_normal(len(x))
    return fit_power_law(x, PowerLaw(15.0, alpha)(x) * np.exp(noise))


def seven() -> tuple[np.ndarray, np.ndarray]:
    """Chapter 2: compute in PF-days, and the loss of seven runs."""
    C = np.geomspace(0.03, 300, 7)
    noise = np.array([0.012, -0.011, 0.006, 0.004, -0.013, 0.009, -0.007])
    return C, PowerLaw(A=2.0, alpha=0.05)(C) * np.exp(noise)


def by_price() -> PowerLawFit:
    """Chapter 2: a straight line through the seven runs, with compute in FLOPs."""
    C, L = seven()
    return fit_power_law(C * PF_DAY, L)


EXAMPLES = np.array([2048, 2896, 4096, 5793, 8192, 11585, 16384, 23170, 32768, 46341, 65536])
"""Chapter 3: how many examples the transformers of the pilot read."""
FEW = EXAMPLES[[0, 2, 4, 6]]
"""Chapter 3: how many those of a draw read."""
MINE = KnownEntropy(keys=3_000, alpha=0.3, base=36, seed=61)
"""Chapter 3: a world that the chapter did not run."""
PREDICTED = 0.3212
"""What an ideal learner, slower by a constant factor, makes of it: an exponent over all sizes."""


def excess(
    beta: float = PREDICTED,
    *,
    scatter: float = 0.03,
    x: np.ndarray = FEW,
    above: float = 0.0,
    scale: float = 0.9,
) -> PowerLawFit:
    """Chapter 3: losses above the floor with about this exponent, from `scale` nats down."""
    noise = scatter * np.cos(2 * np.arange(len(x)))
    return fit_power_law(x, above + PowerLaw(scale * 2048**beta, beta)(x) * np.exp(noise))


def analyses() -> tuple[np.ndarray, np.ndarray]:
    """Chapter 3: sizes, and four ways to fit them: places, exponent, ends of its interval."""
    rows = [(0, 11, 0.53, 0.47, 0.59), (1, 10, 0.50, 0.47, 0.53), (4, 11, 0.45, 0.42, 0.47)]
    return EXAMPLES, np.array([*rows, (2, 9, 0.51, 0.46, 0.56)])


BASE_L = 3.9 - 0.25 * np.arange(5)[:, None] + 0.01 * np.cos(np.arange(20)).reshape(5, 4)
"""Chapter 4: losses of the ladder by the rule, five widths with four seeds each."""


def differences(*ends: tuple[float, float]) -> list[Estimate]:
    """Chapter 4: a difference of exponents over each of three ranges."""
    return [Estimate((low + high) / 2, low, high) for low, high in ends]


SIZE_LOSSES = np.array([2.25, 2.08, 1.96, 1.81, 1.72, 1.62])


def by_size(count: Any = "non_embedding", loss: np.ndarray = SIZE_LOSSES) -> PowerLawFit:
    """Chapter 5: loss against parameters, counted in one way or another."""
    sizes = [TransformerConfig(width=width).params(count) for width in (8, 12, 16, 24, 32, 48)]
    return fit_power_law(sizes, loss, bootstrap=300)


def on_budgets(budgets: int = 5) -> tuple[np.ndarray, ...]:
    """Chapter 6: params, tokens, losses and seeds of runs on budgets, six sizes, three seeds."""
    law = ChinchillaLaw(E=0.7, A=4.8, alpha=0.21, B=9.6, beta=0.21)
    C = np.repeat(np.geomspace(1e9, 1e12, 7)[:budgets], 6)
    N = law.N_opt(C) * np.tile(np.geomspace(1 / 6, 6, 6), budgets)
    N, C = np.tile(N, 3), np.tile(C, 3)
    D = C / (6 * N)
    noise = 0.003 * np.random.default_rng(0).standard_normal(len(N))
    return N, D, law(N, D) * np.exp(noise), np.repeat(np.arange(3), len(N) // 3)


def allocation(*, seed: int | None = None, budgets: int = 5, grow: float = 1.0) -> AllocationFit:
    """Chapter 6: approach 2, on the runs of all seeds or of one; sizes can be told wrongly."""
    N, D, L, seeds = on_budgets(budgets)
    keep = seeds >= 0 if seed is None else seeds == seed
    return fit_isoflop(grow * N[keep], D[keep] / grow, L[keep], bootstrap=400)


def counted() -> tuple[np.ndarray, np.ndarray]:
    """Chapter 7: draws of an exponent, counting the blocks and counting everything."""
    draws = np.random.default_rng(0).standard_normal((2, 501))
    blocks = 0.53 + 0.03 * draws[0]
    return blocks, blocks - 0.09 + 0.01 * draws[1]


def eighteen() -> tuple[list[float]]:
    """Chapter 2: the compute of the runs of chapter 1, three of each width."""
    each = [660602880, 2346319872, 6039797760, 12887654400, 24291311616, 67645734912]
    return ([float(flops) for flops in each for _ in range(3)],)


GIVEN: dict[str, Callable[[], tuple[Any, ...]]] = {
    "1.1": lambda: (by_compute(),),
    "1.2": lambda: (by_compute(),),
    "1.3": lambda: (1.85,),
    "1.4": lambda: ({"line": 1.55, "other line": 1.53, "parabola": 1.46},),
    "2.3": eighteen,
    "2.4": lambda: (by_price(),),
    "3.2": lambda: (FEW / 14.68,),
    "3.3": lambda: (MINE, PREDICTED),
    "3.4": analyses,
    "4.3": lambda: (0.0103,),
    "4.4": lambda: (BASE_L, BASE_L + 0.02),
    "5.4": lambda: (by_size(),),
    "6.3": lambda: (allocation(),),
    "7.4": counted,
    "8.1": lambda: (1.2,),
    "8.4": lambda: (1.30, 1.31, 1.2),
    "10.3": lambda: (0.1, 0.4),
    "10.4": lambda: ([10.0, 20, 40, 80, 160], [3.0, 2.5, 0.5, 0.05, 0.01]),
    "12.4": lambda: (0.0, 0.8),
}
"""What the cell of an exercise hands over, where it hands over anything."""


@cache
def given(exercise: str) -> tuple[Any, ...]:
    """What an exercise is handed in these tests."""
    return GIVEN[exercise]() if exercise in GIVEN else ()


@cache
def task(exercise: str) -> Any:
    """An exercise as data, made from what it is handed in these tests."""
    return check.task(exercise, *given(exercise))
