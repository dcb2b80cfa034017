"""Feedback on the exercises of chapter 5: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused
from scipy.optimize import brentq

from scalinglaws.course import check
from scalinglaws.fit import PowerLaw, PowerLawFit, fit_power_law
from scalinglaws.laws import KAPLAN_JOINT, KAPLAN_PARAMS, KAPLAN_TOKENS
from scalinglaws.learners import ModelConfig

WIDTHS = (8, 12, 16, 24, 32, 48)
LOSS = np.array([2.25, 2.08, 1.96, 1.81, 1.72, 1.62])


def by_count(count: Any, loss: np.ndarray = LOSS) -> PowerLawFit:
    return fit_power_law([ModelConfig(width=w).params(count) for w in WIDTHS], loss, bootstrap=300)


@pytest.fixture(scope="module")
def fit() -> PowerLawFit:
    return by_count("non_embedding")


def test_no_answer_leaves_an_exercise_open(fit: PowerLawFit) -> None:
    for exercise, given in (("5.1", ()), ("5.2", ()), ("5.3", ()), ("5.4", (fit,))):
        assert check.answer(exercise, None, *given).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", ["5.1", "5.2", "5.3"])
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_five_per_cent_by_size() -> None:
    assert check.answer("5.1", 0.95 ** (-1 / 0.076)).ok
    assert check.answer("5.1", KAPLAN_PARAMS.factor_to_divide(1 / 0.95)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (0.05 ** (-1 / 0.076), "leaves 5 %"),
        (0.95 ** (1 / 0.076), "smaller model"),
        (0.95**-0.076, "wrong way up"),
        (1.05 ** (1 / 0.076), "1.05"),
        (0.95 ** (-1 / 0.095), "exponent of data"),
        (0.95 ** (-1 / 0.050), "exponent of compute"),
        (5.0, "Too large"),
    ],
)
def test_five_per_cent_by_size_slips(value: float, saying: str) -> None:
    refused("5.1", value, saying=saying)


def test_text_for_a_larger_model_keeps_the_excess() -> None:
    law, N, D = KAPLAN_JOINT, 1e8, 1e10
    factor = 100 ** (law.alpha_N / law.alpha_D)
    assert check.answer("5.2", factor).ok
    before, after = (law(n, d) / law.of_params()(n) for n, d in ((N, D), (100 * N, factor * D)))
    assert after == pytest.approx(before)


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (100 ** (0.076 / 0.095), "mixes two fits"),
        (100 ** (0.103 / 0.076), "wrong way up"),
        (100**0.076, "not on N^alpha_N"),
        (8 ** (0.076 / 0.103), "eight times"),
        (100, "In proportion"),
    ],
)
def test_text_for_a_larger_model_slips(value: float, saying: str) -> None:
    refused("5.2", value, saying=saying)


def crossing(line: PowerLaw) -> float:
    """Where a frontier, in PF-days, meets the least loss on the text that goes with it."""

    def gap(u: float) -> float:
        C = math.exp(u)
        return math.log(line(C) / KAPLAN_TOKENS(2e10 * C**0.27))

    return math.exp(brentq(gap, 0, 30))


def test_a_sensitive_crossing() -> None:
    assert check.answer("5.3", crossing(PowerLaw(2.57, 0.048))).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (math.log(crossing(PowerLaw(2.57, 0.048))), "ln C"),
        (math.log10(crossing(PowerLaw(2.57, 0.048))), "base 10"),
        (crossing(PowerLaw.from_scale(3.1e8, 0.050)), "of the chapter"),
        (crossing(PowerLaw(2.57, 0.048)) * 8.64e19, "PF-days"),
    ],
)
def test_a_sensitive_crossing_slips(value: float, saying: str) -> None:
    refused("5.3", value, saying=saying)


def test_size_by_another_count(fit: PowerLawFit) -> None:
    feedback = check.answer("5.4", by_count("total"), fit)
    assert feedback.ok
    assert "larger" in feedback.message


def test_size_by_another_count_slips(fit: PowerLawFit) -> None:
    refused("5.4", 0.1, fit, saying="fit itself")
    refused("5.4", fit, fit, saying="own fit")
    refused("5.4", by_count("with_head"), fit, saying="add the embeddings")
    refused("5.4", by_count("total", 1.1 * LOSS), fit, saying="the same six")
    other = fit_power_law(np.geomspace(1e3, 1e5, 6), LOSS, bootstrap=300)
    refused("5.4", other, fit, saying="params_total")
