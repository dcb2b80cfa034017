"""Each right answer once more, by another way than the answer key takes: a search, a count, a fit.

The key solves on paper; here the question itself is put to the computer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answering import FEW, given, task
from scipy.optimize import brentq, minimize_scalar

from scalinglaws.course import check
from scalinglaws.course.claims import score
from scalinglaws.course.exercises.kinds import Judged
from scalinglaws.course.wall import wall_years
from scalinglaws.fit import PowerLaw, fit_power_law
from scalinglaws.laws import (
    CHINCHILLA_REFIT,
    KAPLAN_JOINT,
    KAPLAN_PARAMS,
    KAPLAN_TOKENS,
    MUENNIGHOFF,
    ChinchillaLaw,
)
from scalinglaws.learners import TransformerConfig
from scalinglaws.plan import Assumptions, cost
from scalinglaws.text import KnownEntropy

Way = Callable[..., Any]
TRUTHS: dict[str, Way] = {}


def truth(exercise: str) -> Callable[[Way], Way]:
    def enter(way: Way) -> Way:
        TRUTHS[exercise] = way
        return way

    return enter


def between(low: float, high: float, gap: Callable[[float], float]) -> float:
    """Where `gap` is zero, between two places of different sign; searched on a log scale."""
    return math.exp(brentq(lambda u: gap(math.exp(u)), math.log(low), math.log(high), xtol=1e-12))


def first(enough: Callable[[int], bool]) -> int:
    return next(n for n in itertools.count(1) if enough(n))


@truth("1.1")
def _(fit: Any) -> tuple[float, float]:
    prices = [
        float(PowerLaw(A=3.0, alpha=alpha).inverse(2.7)) for alpha in fit.interval("alpha", 0.95)
    ]
    return min(prices), max(prices)


@truth("1.4")
def _(ends: dict[str, float]) -> float:
    logs = np.log([*ends.values()])
    return float(100 * np.expm1(logs.max() - logs.min()))


@truth("2.1")
def _() -> float:
    return between(1e-3, 1.0, lambda alpha: PowerLaw(A=4.0, alpha=alpha)(8) - 3.6)


@truth("2.2")
def _() -> float:
    law, step = PowerLaw(A=406.4, alpha=0.34, E=1.69), math.exp(1e-4)

    def slope(N: float) -> float:
        return -math.log(law(N * step) / law(N / step)) / 2e-4

    return between(1e3, 1e12, lambda N: slope(N) - law.alpha / 2)


@truth("2.4")
def _(fit: Any) -> tuple[float, float]:
    pairs = zip(fit.draws["A"], fit.draws["alpha"], strict=True)
    prices = [float(PowerLaw(A=A, alpha=alpha).inverse(1.5)) for A, alpha in pairs]
    return middle(prices)


def middle(values: Any) -> tuple[float, float]:
    """What 95 % of the values lie between, from their ranks."""
    ranked = sorted(map(float, values))

    def at(share: float) -> float:
        below = math.floor(place := share * (len(ranked) - 1))
        return ranked[below] + (place - below) * (ranked[below + 1] - ranked[below])

    return at(0.025), at(0.975)


@truth("3.1")
def _() -> float:
    return between(0.1, 1.0, lambda alpha: KnownEntropy(alpha=alpha).data_exponent - 0.25)


@truth("3.2")
def _(ideal: np.ndarray) -> float:
    world = KnownEntropy(keys=10_000, alpha=0.7, base=36)
    excess = world.expected_loss(FEW / 14.68) - world.best_loss
    return fit_power_law(FEW / 14.68, excess, bootstrap=100).law.alpha


@truth("4.1")
def _() -> float:
    return -math.log2(math.exp(-2.9)) / 4.2


@truth("4.2")
def _() -> float:
    def share(width: int) -> float:
        config = TransformerConfig(width=width)
        return config.flops_per_token("non_embedding") / config.flops_per_token("total")

    return next(width for width in range(8, 400, 4) if share(width) > 0.9 - 1e-9)


@truth("4.3")
def _(sd: float) -> float:
    return first(lambda n: math.sqrt(sd**2 / n + sd**2 / n) <= 0.005 / 2)


@truth("5.1")
def _() -> float:
    return float(KAPLAN_PARAMS.inverse(0.95 * KAPLAN_PARAMS(1e6)) / 1e6)


@truth("5.2")
def _() -> float:
    def excess(N: float, D: float) -> float:
        return float(KAPLAN_JOINT(N, D) / KAPLAN_JOINT.of_params()(N))

    before = excess(1e8, 1e10)
    return between(1.0, 1e4, lambda more: excess(100 * 1e8, more * 1e10) - before)


@truth("5.3")
def _() -> float:
    line = PowerLaw(A=2.57, alpha=0.048)
    return between(1.0, 1e9, lambda C: math.log(line(C) / KAPLAN_TOKENS(2e10 * C**0.27)))


@truth("6.1")
def _() -> float:
    law = ChinchillaLaw(E=1, A=100, alpha=0.4, B=100, beta=0.3)
    return float(law.N_opt(1e20) / law.N_opt(1e18))


@truth("6.2")
def _() -> float:
    law, cost = CHINCHILLA_REFIT, 6 * 175e9 * 300e9

    def best(C: float) -> float:
        found = minimize_scalar(lambda u: float(law(math.exp(u), C / 6 / math.exp(u))), (20, 26))
        return float(found.fun)

    return between(1e22, cost, lambda C: best(C) - law(175e9, 300e9)) / cost


@truth("6.4")
def _() -> float:
    law, C = CHINCHILLA_REFIT, 1e21
    N = law.N_opt(C) * np.geomspace(1 / 2, 32, 8)
    square, line, _ = np.polyfit(np.log(N / law.N_opt(C)), law(N, C / (6 * N)), 2)
    return math.exp(-line / (2 * square))


@truth("7.1")
def _() -> float:
    first, second = (
        PowerLaw(A=1.0, alpha=-growth)(1e24) / PowerLaw(A=1.0, alpha=-growth)(1e20)
        for growth in (0.73, 0.50)
    )
    return float(first / second)


@truth("7.2")
def _() -> float:
    return between(1e3, 1e12, lambda N: 47491 * N ** (1 / 3) - N)


@truth("7.3")
def _() -> float:
    return between(1e3, 1e12, lambda N: 20 * N / (512 * 1024) - 3000)


@truth("8.1")
def _(band: Any) -> float:
    return between(1.0, 1e4, lambda f: float(band.half(f)) - 5)


@truth("8.4")
def _() -> float:
    one_error_for_all = 1.2815515655446004  # 80 % of a normal lie within so many deviations
    return math.erf(one_error_for_all / math.sqrt(2))


@truth("9.1")
def _() -> float:
    guess, sure = np.full(10, 0.1), np.eye(10)[3]
    return float(np.mean([-math.log(p[3]) for p in (guess, guess, sure, sure, sure)]))


@truth("9.2")
def _(steps: Any, *_: Any) -> float:
    return between(100, 200, lambda n: 0.6 * math.log(n / 100) / math.log(2) - 0.5)


@truth("9.4")
def _() -> float:
    outcomes = itertools.product([True, False], repeat=5)
    return sum(
        math.prod(0.6 if found else 0.4 for found in seeds)
        for seeds in outcomes
        if len(set(seeds)) == 1
    )


@truth("10.1")
def _() -> float:
    return first(lambda n: 1 - 0.999**n >= 0.95)


@truth("10.2")
def _() -> float:
    N = np.geomspace(1, 1e4, 100_000)
    return float((np.exp(-100 / (2 * N)) - np.exp(-100 / N)).max())


@truth("10.3")
def _(em: float, p: float) -> float:
    return between(0.1, 100.0, lambda n: p**n - em)


@truth("10.4")
def _(steps: Any, losses: Any) -> float:
    return math.log(0.5 / 0.05) / math.log(3.0 / 0.01)  # the steepest doubling, and all of it


@truth("11.1")
def _() -> float:
    drawn = list(itertools.combinations([True] * 3 + [False] * 7, 4))
    return sum(map(any, drawn)) / len(drawn)


@truth("11.2")
def _(handed: Any, right: Any) -> float:
    solved = sum(any(tries) for seed in right for tries in seed)
    return 100 * (solved - sum(map(sum, handed))) / 10


@truth("11.4")
def _() -> float:
    small, large = (
        TransformerConfig(width, heads=4, context=27, vocab_size=27).flops_per_token() * 27
        for width in (16, 32)
    )

    def total(training: float, per_question: float, questions: float) -> float:
        return 64_000 * training + questions * per_question / 3

    return between(
        1.0, 1e9, lambda asked: total(large, large, asked) - total(small, 16 * small, asked)
    )


@truth("12.1")
def _(right: Any, n: Any) -> float:
    return float(np.mean([right[kind] for kind in n]))


@truth("12.2")
def _() -> float:
    return float(sum(10**5 - a for a in range(10**5)) / 10**10)  # how many b go with each a


@truth("14.1")
def _() -> float:
    worth = MUENNIGHOFF.tokens_worth
    return between(1.0, 50.0, lambda n: worth(n + 1e-4, 1) - worth(n, 1) - 5e-5)


@truth("14.2")
def _() -> float:
    plain, cured = (
        wall_years((1e14, 1e14), demand=1e13, growth=(0.38, 0.38), factor=f)[0] for f in (1, 5.17)
    )
    return float(cured - plain)


@truth("13.1")
def _() -> float:
    return between(1e9, 1e20, lambda C: (C / 1e9) ** 0.1 / 4 - 1)


@truth("13.2")
def _() -> float:
    low, high = (math.prod([10**s] * 4) for s in (-0.10, 0.02))
    return high / low


@truth("16.1")
def _() -> float:
    return next(n for n in range(1, 100) if 0.8**n < 0.05)


@truth("16.2")
def _() -> float:
    tosses = [itertools.product(("for", "against"), repeat=d) for d in (2, 2, 3, 5)]
    scores = [[score(sides) for sides in claim] for claim in tosses]
    return sum(1 - claim.count("qualified") / len(claim) for claim in scores)


@truth("15.1")
def _() -> float:
    price = Assumptions(price_per_gpu_hour=2.95, price_date="2026-05-20", utilisation=0.4)
    return between(1e18, 1e26, lambda flops: (cost(flops, price).money or 0) - 50_000)


@truth("15.2")
def _() -> float:
    N, D = 405e9, 15.6e12
    return between(1e10, 1e18, lambda served: 2 * N * served - 6 * N * D)


@truth("15.3")
def _() -> float:
    best = minimize_scalar(lambda u: math.exp(-u) + 0.1 * math.exp(1.5 * u), (-5, 5)).x
    return math.exp(-best) / (math.exp(-best) + 0.1 * math.exp(1.5 * best))


@pytest.mark.parametrize("exercise", TRUTHS)
def test_the_key_agrees(exercise: str) -> None:
    found = TRUTHS[exercise](*given(exercise))
    assert check.answer(exercise, found, *given(exercise)).ok
    assert found == pytest.approx(task(exercise).truth, rel=5e-4)


def test_every_exercise_with_one_answer_is_here() -> None:
    assert {*TRUTHS} == {n for n in check.names() if not isinstance(task(n), Judged)}
