"""Feedback on the exercises of chapter 3: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.fit import PowerLaw, PowerLawFit, fit_power_law
from scalinglaws.text import KnownEntropy

D = np.round(2.0 ** np.arange(13, 17.1, 0.5))
IDEAL_D = D / 15
NOISE = 0.03 * np.random.default_rng(0).standard_normal(len(D))


def excess(alpha: float, A: float = 7.0, x: np.ndarray = D, floor: float = 0.0) -> PowerLawFit:
    """Losses above a floor by a law with this exponent, with some scatter."""
    return fit_power_law(x, floor + PowerLaw(A, alpha)(x) * np.exp(NOISE[: len(x)]))


@pytest.fixture(scope="module")
def chapter() -> PowerLawFit:
    """The world with alpha = 1."""
    return excess(0.5)


@pytest.fixture(scope="module")
def ideal() -> dict[float, np.ndarray]:
    """Losses of the ideal learner above the floor, by alpha of the world."""
    worlds = {alpha: KnownEntropy(keys=10_000, alpha=alpha, base=36) for alpha in (0.7, 1.0)}
    return {a: w.expected_loss(IDEAL_D) - w.best_loss for a, w in worlds.items()}


def slope(x: np.ndarray, y: np.ndarray) -> float:
    return fit_power_law(x, y, bootstrap=100).law.alpha


def test_no_answer_leaves_an_exercise_open(chapter: PowerLawFit) -> None:
    for exercise, given in (("3.1", ()), ("3.2", ()), ("3.3", (IDEAL_D,)), ("3.4", (chapter,))):
        assert check.answer(exercise, None, *given).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize(("exercise", "given"), [("3.1", ()), ("3.2", ()), ("3.3", (IDEAL_D,))])
def test_a_number_is_asked_for(exercise: str, given: tuple, value: Any) -> None:
    refused(exercise, value, *given, saying="one finite number")


def test_back_to_zipf() -> None:
    assert check.answer("3.1", 1 / 3).ok
    assert check.answer("3.1", 0.33).ok
    assert KnownEntropy(alpha=1 / 3).data_exponent == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (0.25, "exponent in size"),
        (0.2, "solve for alpha"),
        (3.0, "turn it over"),
        (4 / 3, "take off the 1"),
        (0.5, "Too large"),
        (0.1, "Too small"),
    ],
)
def test_back_to_zipf_slips(value: float, saying: str) -> None:
    refused("3.1", value, saying=saying)


def test_price_of_dimension() -> None:
    assert check.answer("3.2", 100).ok
    law = PowerLaw(A=1.0, alpha=4 / 8)
    assert check.answer("3.2", law.factor_to_divide(10)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (10**4, "nearest neighbour"),
        (10**0.5, "wrong way up"),
        (10**0.125, "how much finer"),
        (10**8, "ten times smaller"),
        (4, "should fall to a tenth"),
        (200, "Too large"),
        (50, "Too small"),
    ],
)
def test_price_of_dimension_slips(value: float, saying: str) -> None:
    refused("3.2", value, saying=saying)


def test_how_far_is_the_end(ideal: dict[float, np.ndarray]) -> None:
    right = slope(IDEAL_D, ideal[0.7])
    feedback = check.answer("3.3", right, IDEAL_D)
    assert feedback.ok
    assert f"accounts for {right - 0.7 / 1.7:.3f}" in feedback.message


def test_how_far_is_the_end_slips(ideal: dict[float, np.ndarray]) -> None:
    world = KnownEntropy(keys=10_000, alpha=0.7, base=36)
    right = slope(IDEAL_D, ideal[0.7])
    refused("3.3", 0.7 / 1.7, IDEAL_D, saying="endless facts")
    refused("3.3", slope(IDEAL_D, world.expected_loss(IDEAL_D)), IDEAL_D, saying="Subtract")
    later = slope(D, world.expected_loss(D) - world.best_loss)
    refused("3.3", later, IDEAL_D, saying="divide them by 15")
    refused("3.3", slope(IDEAL_D, ideal[1.0]), IDEAL_D, saying="take worlds[0.7]")
    refused("3.3", -right, IDEAL_D, saying="minus is already written")
    refused("3.3", 0.6, IDEAL_D, saying="Too large")
    refused("3.3", 0.3, IDEAL_D, saying="Too small")


@pytest.mark.parametrize(("exponent", "verdict"), [(0.6, "holds"), (0.4, "does not hold")])
def test_a_steeper_world(chapter: PowerLawFit, exponent: float, verdict: str) -> None:
    steep = excess(exponent, A=7.0 if exponent == 0.6 else 0.9)
    feedback = check.answer("3.4", steep, chapter)
    assert feedback.ok
    assert f"it {verdict} the 0.6" in feedback.message


def test_a_steeper_world_slips(chapter: PowerLawFit) -> None:
    refused("3.4", 0.6, chapter, saying="Hand over the fit")
    refused("3.4", excess(0.6, x=D[1:]), chapter, saying="Fit the settled sizes")
    refused("3.4", excess(0.6, x=D * 4), chapter, saying="Fit the settled sizes")
    refused("3.4", chapter, chapter, saying="the world with alpha = 1")
    y = 0.565 + PowerLaw(7.0, 0.6)(D)
    refused("3.4", fit_power_law(D, y, floor=True), chapter, saying="floor=False")
    refused("3.4", excess(0.6, floor=0.565), chapter, saying="still hold the floor")
    refused("3.4", excess(0.41), chapter, saying="is its alpha 1.5?")
