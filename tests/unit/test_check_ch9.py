"""Feedback on the exercises of chapter 9: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.metrics import wilson

LN10 = math.log(10)
WAY = (50 - 11.9) / (55.5 - 11.9)
EXERCISES = ("9.1", "9.2", "9.3", "9.4")


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_answer_leaves_an_exercise_open(exercise: str) -> None:
    assert check.answer(exercise, None).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2], np.ones(3)])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_two_unknown_digits_cost_what_a_guess_costs() -> None:
    guess, sure = np.full(10, 0.1), np.eye(10)[3]
    costs = [-math.log(p[3]) for p in (guess, guess, sure, sure, sure)]
    assert check.answer("9.1", float(np.mean(costs))).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (2 * LN10, "whole answer"),
        (LN10 / 2, "with five digits"),
        (3 * LN10 / 5, "digits it knows"),
        (2 * math.log2(10) / 5, "in bits"),
        (0.4, "in units of ln 10"),
        (0.01, "exact match"),
        (0.8, "Too small"),
    ],
)
def test_slips_with_two_unknown_digits(value: float, saying: str) -> None:
    refused("9.1", value, saying=saying)


def test_questions_needed_are_the_fewest_by_the_interval_of_the_package() -> None:
    fewest = next(n for n in range(3000, 5000) if wilson(0, n).high < 0.001)
    assert check.answer("9.2", fewest).ok
    refused("9.2", fewest - 1, saying="smallest whole n")
    refused("9.2", fewest + 1, saying="smallest whole n")
    refused("9.2", fewest - 0.3, saying="smallest whole n")


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (3000, "rule of three"),
        (1000, "one right answer is expected"),
        (2703, "one-sided"),
        (1958, "squared"),
        (384_140, "0.1 % is 0.001"),
        (5000, "Too large"),
    ],
)
def test_slips_with_questions_needed(value: float, saying: str) -> None:
    refused("9.2", value, saying=saying)


def test_size_that_passes_half_is_read_on_the_logarithmic_axis() -> None:
    size = math.exp(np.interp(50, [11.9, 55.5], np.log([6.7, 13])))
    assert check.answer("9.3", size).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (6.7 + 6.3 * WAY, "take logarithms"),
        (6.7 * (13 / 6.7) ** (1 - WAY), "far end"),
        (11.95e9, "in billions"),
        ((6.7 * 13) ** 0.5, "half-way"),
        (6.7 * 10 ** (WAY * math.log(13 / 6.7)), "power of ten"),
        (13.0, "Too large"),
    ],
)
def test_slips_with_the_size_that_passes_half(value: float, saying: str) -> None:
    refused("9.3", value, saying=saying)


def test_agreement_of_five_seeds_counts_all_outcomes() -> None:
    chance = 0.0
    for outcome in range(2**5):
        found = [bool(outcome >> seed & 1) for seed in range(5)]
        if all(found) or not any(found):
            chance += math.prod(0.6 if one else 0.4 for one in found)
    assert check.answer("9.4", chance).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (0.6**5, "none of them finds"),
        (0.4**5, "all of them find"),
        (1 - 0.6**5 - 0.4**5, "disagree"),
        (1 - 0.4**5, "at least one"),
        (0.6**5 * 0.4**5, "add the two"),
        (0.2, "Too large"),
    ],
)
def test_slips_with_five_seeds(value: float, saying: str) -> None:
    refused("9.4", value, saying=saying)
