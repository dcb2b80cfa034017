"""Feedback on the exercises of chapter 7: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check

DRAWS = np.random.default_rng(0).standard_normal((2, 501))
BLOCKS = 0.53 + 0.03 * DRAWS[0]
EVERYTHING = BLOCKS - 0.09 + 0.01 * DRAWS[1]
CHANGE = np.quantile((EVERYTHING - BLOCKS)[1:], (0.025, 0.975))


def test_no_answer_leaves_an_exercise_open() -> None:
    for exercise in ("7.1", "7.2", "7.3"):
        assert check.answer(exercise, None).ok is None
    assert check.answer("7.4", None, BLOCKS, EVERYTHING).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", ["7.1", "7.2", "7.3"])
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_two_budgets_later() -> None:
    assert check.answer("7.1", 1e4**0.73 / 1e4**0.50).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1e4**-0.23, "below 1"),
        (1e4**0.73, "second's growth"),
        (100.0, "ratio is asked"),
        (1.46, "ratio of the exponents"),
        (10**0.23, "ten times the budget"),
        (5.0, "Too small"),
    ],
)
def test_two_budgets_later_slips(value: float, saying: str) -> None:
    refused("7.1", value, saying=saying)


def test_half_a_table_is_where_the_tables_are_as_large_as_the_blocks() -> None:
    N = 47491**1.5
    assert check.answer("7.2", N).ok
    assert pytest.approx(N) == 47491 * N ** (1 / 3)


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (2 * 47491**1.5, "total"),
        (47491 ** (2 / 3), "3/2"),
        (47491.0**3, "N^(1/3)"),
        (47491.0**2, "N^(1/2)"),
        ((47491 / 2) ** 1.5, "twice the blocks"),
        ((47491 * 2) ** 1.5, "third of the model"),
        (47491, "raise it"),
        (1e3, "factor of ten"),
    ],
)
def test_half_a_table_slips(value: float, saying: str) -> None:
    refused("7.2", value, saying=saying)


def test_all_warm_up() -> None:
    N = 3000 * 512 * 1024 / 20
    assert check.answer("7.3", N).ok
    assert check.answer("7.3", round(N)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (3000 * 512 * 1024, "in tokens"),
        (3000 * 512 * 1024 * 20, "divide by 20"),
        (3000 * 512 / 20, "sequences"),
        (3000 * 1024 / 20, "512"),
        (512 * 1024 / 20, "single step"),
        (5e7, "Too small"),
    ],
)
def test_all_warm_up_slips(value: float, saying: str) -> None:
    refused("7.3", value, saying=saying)


def test_paired() -> None:
    feedback = check.answer("7.4", CHANGE, BLOCKS, EVERYTHING)
    assert feedback.ok
    assert "does not hold zero" in feedback.message
    assert check.answer("7.4", list(CHANGE), list(BLOCKS), list(EVERYTHING)).ok


def test_paired_slips() -> None:
    def interval(a: np.ndarray, share: float = 0.95) -> np.ndarray:
        return np.quantile(a[1:], ((1 - share) / 2, (1 + share) / 2))

    first, then = interval(BLOCKS), interval(EVERYTHING)
    for value, saying in (
        (0.1, "pair of numbers"),
        ((0, math.inf), "finite"),
        (-CHANGE[::-1], "sign"),
        (CHANGE[::-1], "lower end"),
        (then - first[::-1], "draw by draw"),
        (interval(EVERYTHING - BLOCKS, 0.8), "80%"),
        (interval(EVERYTHING - BLOCKS, 0.9), "90%"),
        (first, "blocks counted"),
        (then, "all counted"),
        ((5, 6), "entry 0"),
    ):
        refused("7.4", value, BLOCKS, EVERYTHING, saying=saying)
