"""Feedback on the exercises of chapter 10: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check

EM, P = 0.1, 0.4
STEPS = np.array([10.0, 20.0, 40.0, 80.0, 160.0])
LOSSES = np.array([3.0, 2.5, 0.5, 0.05, 0.01])
GIVEN: dict[str, tuple[Any, ...]] = {
    "10.1": (),
    "10.2": (),
    "10.3": (EM, P),
    "10.4": (STEPS, LOSSES),
}


@pytest.mark.parametrize("exercise", GIVEN)
def test_no_answer_leaves_an_exercise_open(exercise: str) -> None:
    assert check.answer(exercise, None, *GIVEN[exercise]).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", GIVEN)
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, *GIVEN[exercise], saying="one finite number")


def test_enough_questions() -> None:
    fewest = next(n for n in range(1, 10_000) if 1 - 0.999**n >= 0.95)
    assert check.answer("10.1", fewest).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1000, "more than a third"),
        (math.log(0.95) / math.log(0.999), "set 0.999^n to 0.05"),
        (950, "do not add up"),
        (math.log10(0.05) / math.log(0.999), "same logarithm"),
        (5000, "Too large"),
    ],
)
def test_enough_questions_slips(value: float, saying: str) -> None:
    refused("10.1", value, *GIVEN["10.1"], saying=saying)


@pytest.mark.parametrize("scale", [1.0, 10.0, 1000.0])
def test_how_sharp_a_power_by_search(scale: float) -> None:
    n = np.geomspace(scale / 50, scale * 50, 100_000)
    rise = np.exp(-scale / (2 * n)) - np.exp(-scale / n)
    assert check.answer("10.2", float(rise.max())).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (0.5, "subtract exp(-s)"),
        (1 / math.e, "a doubling is a step"),
        (math.log(2) / math.e, "maximise the difference"),
        (math.exp(-0.5) - math.exp(-1), "maximise over s"),
        (2 * math.log(2), "the rise there"),
        (0.9, "Too large"),
    ],
)
def test_how_sharp_a_power_slips(value: float, saying: str) -> None:
    refused("10.2", value, *GIVEN["10.2"], saying=saying)


def test_as_if_fewer() -> None:
    n = math.log(EM) / math.log(P)
    assert pytest.approx(EM) == P**n
    assert check.answer("10.3", n, EM, P).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (math.log(P) / math.log(EM), "Upside down"),
        (10, "how many there are"),
        (EM / P, "take logarithms"),
        (math.log(EM / P), "Divide the logarithms"),
    ],
)
def test_as_if_fewer_slips(value: float, saying: str) -> None:
    refused("10.3", value, *GIVEN["10.3"], saying=saying)


def test_another_scale() -> None:
    # From 0.5 to 0.05, and from 3 to 0.01 in all.
    right = math.log(0.5 / 0.05) / math.log(3.0 / 0.01)
    feedback = check.answer("10.4", right, *GIVEN["10.4"])
    assert feedback.ok
    assert f"{2.0 / 2.99:.2f}" in feedback.message


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (2.0 / 2.99, "take its logarithm"),
        (
            (math.exp(-0.5) - math.exp(-2.5)) / (math.exp(-0.01) - math.exp(-3.0)),
            "a probability",
        ),
        (0.05, "Too small"),
    ],
)
def test_another_scale_slips(value: float, saying: str) -> None:
    refused("10.4", value, *GIVEN["10.4"], saying=saying)
