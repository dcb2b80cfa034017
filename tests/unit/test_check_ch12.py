"""Feedback on the exercises of chapter 12: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.metrics import wilson

WORKING, ANYWHERE = 0.0, 0.8


GIVEN: dict[str, tuple[float, ...]] = {
    "12.1": (),
    "12.2": (),
    "12.3": (),
    "12.4": (WORKING, ANYWHERE),
}


@pytest.mark.parametrize("exercise", GIVEN)
def test_no_answer_leaves_an_exercise_open(exercise: str) -> None:
    assert check.answer(exercise, None, *GIVEN[exercise]).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", GIVEN)
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, *GIVEN[exercise], saying="one finite number")


def test_luck_in_four_columns() -> None:
    sums = [a + b for a, b in itertools.product(range(10), repeat=2)]
    starts = sum(s > 9 for s in sums) / 100
    passes = sum(s == 9 for s in sums) / 100
    assert check.answer("12.1", starts * passes**3).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (0.045, "in per cent"),
        (1e-4, "lowest column starts"),
        (4.5e-5, "Three columns"),
        (0.45**4, "by themselves"),
        (5.5e-4, "do not carry"),
        (5e-4, "Not half"),
        (3e-4, "Too small"),
    ],
)
def test_luck_in_four_columns_slips(value: float, saying: str) -> None:
    refused("12.1", value, saying=saying)


def test_right_for_no_reason_by_counting_a_shorter_form() -> None:
    small = sum(a + b < 100 for a, b in itertools.product(range(100), repeat=2)) / 100**2
    assert small == pytest.approx((100 + 1) / 200)
    assert check.answer("12.2", (1e5 + 1) / 2e5).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (50, "in per cent"),
        (0.55, "one column alone"),
        (0.45, "columns that carry"),
        (0.1, "only ever 0 or 1"),
        (0.55**5, "lower columns may carry"),
        (0.7, "Too large"),
    ],
)
def test_right_for_no_reason_slips(value: float, saying: str) -> None:
    refused("12.2", value, saying=saying)


def test_how_perfect_is_perfect_agrees_with_the_interval() -> None:
    n = next(n for n in range(3000, 5000) if wilson(n, n).low >= 0.999)
    assert check.answer("12.3", n).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1.96 * 999, "squared"),
        (3000, "rule of three"),
        (1.96**2 * 99, "one in a hundred"),
        (1.96**2, "Solve"),
        (10_000, "Too large"),
    ],
)
def test_how_perfect_is_perfect_slips(value: float, saying: str) -> None:
    refused("12.3", value, saying=saying)


@pytest.mark.parametrize(("value", "saying"), [(0.9, "With more"), (0.6, "With no more")])
def test_two_repairs_are_set_beside_each_alone(value: float, saying: str) -> None:
    feedback = check.answer("12.4", value, WORKING, ANYWHERE)
    assert feedback.ok
    assert saying in feedback.message


@pytest.mark.parametrize(
    ("value", "saying"), [(90, "between 0 and 1"), (-0.1, "between 0 and 1"), (0.0, "no better")]
)
def test_two_repairs_slips(value: float, saying: str) -> None:
    refused("12.4", value, WORKING, ANYWHERE, saying=saying)
