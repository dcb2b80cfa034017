"""Feedback on the exercises of chapter 11: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.learners import ModelConfig

EXERCISES = ("11.1", "11.2", "11.3", "11.4")


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_answer_leaves_an_exercise_open(exercise: str) -> None:
    assert check.answer(exercise, None).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_pass_at_4_counts_the_draws() -> None:
    draws = list(itertools.combinations([True] * 3 + [False] * 7, 4))
    assert check.answer("11.1", sum(map(any, draws)) / len(draws)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1 - 0.7**4, "with replacement"),
        (1 / 6, "without a right answer"),
        (0.3, "pass@1"),
        (500 / 6, "per cent"),
        (0.95, "Too large"),
    ],
)
def test_pass_at_4_names_the_slip(value: float, saying: str) -> None:
    refused("11.1", value, saying=saying)


def test_the_guesser_needs_the_first_number_that_is_enough() -> None:
    enough = next(k for k in itertools.count(1) if 1 - (5 / 6) ** k >= 0.95)
    assert check.answer("11.2", enough).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (16.43, "round up"),
        (16, "One try fewer"),
        (1.672, "misses with 5/6"),
        (5.7, "do not add up"),
        (18, "Too large"),
    ],
)
def test_the_guesser_names_the_slip(value: float, saying: str) -> None:
    refused("11.2", value, saying=saying)


def test_a_leaky_check_levels_off_where_counting_says() -> None:
    # Of 90 tries 27 are right and 63 wrong, of which 7 pass.
    assert check.answer("11.3", 27 / 34).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (34 / 90, "how often a try passes"),
        (7 / 34, "is wrong"),
        (8 / 9, "is stopped"),
        (0.3 / (0.3 + 1 / 9), "not of all"),
        (2700 / 34, "per cent"),
    ],
)
def test_a_leaky_check_names_the_slip(value: float, saying: str) -> None:
    refused("11.3", value, saying=saying)


def test_the_larger_model_pays_where_the_totals_meet() -> None:
    small, large = (
        ModelConfig(w, context=20, vocab_size=14).flops_per_token() * 20 for w in (8, 32)
    )

    def total(training: float, per_question: float, questions: float) -> float:
        return 19_200 * training + questions * per_question / 3

    low, high = 0.0, 1e9
    for _ in range(100):
        middle = (low + high) / 2
        dearer = total(large, large, middle) > total(small, 32 * small, middle)
        low, high = (middle, high) if dearer else (low, middle)
    assert check.answer("11.4", low).ok
    refused("11.4", low / 3, saying="three passes")
    refused("11.4", 1 / low, "wrong way up")
    refused("11.4", 57_600 * large / (32 * small - large), "trained as well")
    refused("11.4", 57_600 * (large - small) / (32 * small), "answer too")
    refused("11.4", 57_600 * (large - small) / (31 * large), "that is asked 32 times")
