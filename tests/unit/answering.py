"""What the tests of the exercises share: what each exercise is handed, and how to be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from scalinglaws.course import check
from scalinglaws.course.bets import Band, prepared
from scalinglaws.course.wager import Range
from scalinglaws.estimate import Estimate
from scalinglaws.fit import Factorial, PowerLaw, PowerLawFit, fit_power_law
from scalinglaws.runs import reference
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
BASE_L[3:, 2:] = np.nan
"""Chapter 4: losses of the ladder by the rule, five widths with four seeds or two."""


def differences(*ends: tuple[float, float]) -> list[Estimate]:
    """Chapter 4: a difference of exponents over each of three ranges."""
    return [Estimate((low + high) / 2, low, high) for low, high in ends]


PLAN = {1e9: (4, 8, 12, 16, 24), 6e9: (8, 12, 16, 24, 32, 48), 4e10: (12, 16, 24, 32, 40, 48)}
"""Chapter 6: budgets in FLOPs, with the widths trained at each."""
BETTER_PLAN = {
    1e9: (4, 8, 12, 16, 24, 32) * 6,
    6e9: (8, 16, 24, 48, 64) * 2,
    4e10: (8, 12, 24, 48, 80) * 2,
}


def walked() -> Factorial:
    """Chapter 7: an exponent under all rules; counting does less once the warm-up is short."""
    names = ("counting", "warm-up", "cooldown", "rate and batch")
    return Factorial(
        names,
        {
            (c, w, k, r): np.full(
                3, 0.9 - 0.2 * c - 0.1 * w - 0.1 * r + 0.12 * c * w + 0.02 * c * k
            )
            for c, w, k, r in product((0, 1), repeat=4)
        },
    )


def eighteen() -> tuple[list[float]]:
    """Chapter 2: the compute of the runs of chapter 1, three of each width."""
    each = [660602880, 2346319872, 6039797760, 12887654400, 24291311616, 67645734912]
    return ([float(flops) for flops in each for _ in range(3)],)


def tried() -> tuple[np.ndarray, np.ndarray]:
    """Two seeds, five questions, three tries: what was handed in, and what each try was worth."""
    right = np.zeros((2, 5, 3), dtype=bool)
    right[0, :4, 2] = right[1, 0, 0] = True
    handed = np.zeros((2, 5), dtype=bool)
    handed[0, :2] = True
    return handed, right


def written() -> tuple[list[float], np.ndarray, np.ndarray]:
    """Chapter 9: answers of four digits to 100 problems at five checkpoints, all zeros right.

    So many of each digit are right: the ones first, then the thousands, the tens, the hundreds.
    """
    right = np.zeros((100, 4), dtype=int)
    wrong = np.ones((5, 100, 4), dtype=int)
    for digit, shares in enumerate(
        ((0, 60, 100, 100, 100), (0, 10, 40, 80, 100), (0, 0, 10, 45, 90), (0, 30, 60, 100, 100))
    ):
        for checkpoint, share in enumerate(shares):
            wrong[checkpoint, :share, digit] = 0
    return [100.0, 200, 400, 800, 1600], wrong, right


RANGES = {"power": Range(1e28, 1e29), "data": Range(1e29, 1e31)}
"""Chapter 15: two limits of the largest run, in FLOPs."""


def LIMITS(x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Chapter 15: the limits are the inputs."""
    return {"power": x["power"], "data": x["data"]}


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
    "5.4": lambda: (Estimate(1.75, 1.70, 1.80), Estimate(1.80, 1.77, 1.83)),
    "6.3": lambda: (PLAN,),
    "7.4": lambda: (walked(),),
    "8.1": lambda: (Band(0.8, 0.4, 6),),
    "8.2": lambda: (prepared(reference("isoflop")),),
    "9.2": written,
    "9.3": lambda: (0.8,),
    "10.3": lambda: (0.1, 0.4),
    "10.4": lambda: ([10.0, 20, 40, 80, 160], [3.0, 2.5, 0.5, 0.05, 0.01]),
    "11.2": tried,
    "11.3": lambda: (30.0,),
    "12.1": lambda: (
        {"false": 40.0, "true": 90.0, "told": 80.0},
        {"false": 2, "true": 5, "told": 3},
    ),
    "12.3": lambda: ([36.0, 39.0, 96.0],),
    "12.4": lambda: (0.0, 0.8),
    "14.3": lambda: (2.34,),
    "16.3": lambda: (2.8,),
    "15.4": lambda: (LIMITS, RANGES),
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
