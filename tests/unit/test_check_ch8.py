"""Feedback on the exercises of chapter 8: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import pytest
from answering import refused

from scalinglaws.course import check

Q = 1.2
FORECAST, MEASURED = 1.30, 1.31
COSTS = [2.5**i for i in range(10)]
LOWER = sum(COSTS[:7]) / sum(COSTS)


GIVEN: dict[str, tuple[float, ...]] = {
    "8.1": (Q,),
    "8.2": (),
    "8.3": (),
    "8.4": (FORECAST, MEASURED, Q),
}


@pytest.mark.parametrize("exercise", GIVEN)
def test_no_answer_leaves_an_exercise_open(exercise: str) -> None:
    assert check.answer(exercise, None, *GIVEN[exercise]).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", GIVEN)
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, *GIVEN[exercise], saying="one finite number")


@pytest.mark.parametrize("q", [0.7, 1.2, 2.5])
def test_how_far_to_bet_gives_the_width_asked_for(q: float) -> None:
    factor = next(f for f in (1 + i / 1000 for i in range(2_000_000)) if q * math.log(f) >= 5)
    assert check.answer("8.1", factor, q).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (5 / Q, "ln f"),
        (10 ** (5 / Q), "base is e"),
        (math.exp(10 / Q), "do not double"),
        (math.exp(2.5 / Q), "do not halve"),
        (math.exp(0.05 / Q), "in per cent"),
        (math.exp(Q / 5), "wrong way up"),
        (20.0, "Too small"),
    ],
)
def test_how_far_to_bet_slips(value: float, saying: str) -> None:
    refused("8.1", value, Q, saying=saying)


def test_cost_of_lower_rungs() -> None:
    assert check.answer("8.2", LOWER).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (100 * LOWER, "per cent"),
        (1 - LOWER, "three largest cost"),
        (7 / 10, "counts runs"),
        (sum(COSTS[:7]) / sum(COSTS[7:]), "ratio to the three"),
        (0.3, "Too large"),
    ],
)
def test_cost_of_lower_rungs_slips(value: float, saying: str) -> None:
    refused("8.2", value, saying=saying)


def test_two_penalties() -> None:
    assert check.answer("8.3", 0.9 + math.hypot(0.4, 0.4)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1.7, "the surface"),
        (math.hypot(0.4, 0.4), "add E"),
        (1.3, "one penalty"),
        (0.9 + (2 * 0.4**0.5) ** 2, "other way round"),
        (0.9 + 0.32, "around the sum"),
        (math.hypot(0.4, 0.4) - 0.4, "the gain"),
    ],
)
def test_two_penalties_slips(value: float, saying: str) -> None:
    refused("8.3", value, saying=saying)


def test_one_budget_fewer() -> None:
    feedback = check.answer("8.4", 1.29, FORECAST, MEASURED, Q)
    assert feedback.ok
    assert "-0.8 %" in feedback.message
    assert "1.5 % above" in feedback.message
    assert "3.9 % holds" in feedback.message
    assert "does not hold" in check.answer("8.4", 1.20, FORECAST, MEASURED, Q).message


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (FORECAST, "chapter's forecast"),
        (MEASURED, "was measured"),
        (2.5, "far off"),
        (0.3, "far off"),
    ],
)
def test_one_budget_fewer_slips(value: float, saying: str) -> None:
    refused("8.4", value, FORECAST, MEASURED, Q, saying=saying)
