"""Feedback on the exercises of chapter 4: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.fit import PowerLaw, PowerLawFit, fit_power_law
from scalinglaws.learners import ModelConfig

SD = 0.0103
COMPUTE = np.array([2.75e8, 9.78e8, 2.52e9, 1.01e10, 2.82e10])
LAW = PowerLaw(A=9.8, alpha=0.066)
NOISE = np.array([-0.003, 0.004, 0.002, -0.004, 0.001])


def ladder(handicap: np.ndarray) -> PowerLawFit:
    """Five runs whose losses lie above a law by these shares."""
    return fit_power_law(COMPUTE, LAW(COMPUTE) * (1 + handicap) * np.exp(NOISE))


@pytest.fixture(scope="module")
def by_rule() -> PowerLawFit:
    return ladder(np.zeros(5))


@pytest.fixture(scope="module")
def fixed() -> PowerLawFit:
    """At the rate of the widest: the small models are held back."""
    return ladder(np.array([0.08, 0.03, 0.015, 0.003, 0.0]))


@pytest.fixture(scope="module")
def narrow() -> PowerLawFit:
    """At the rate of the narrowest: the large models are held back."""
    return ladder(np.array([0.0, 0.003, 0.008, 0.015, 0.03]))


def test_no_answer_leaves_an_exercise_open(by_rule: PowerLawFit, fixed: PowerLawFit) -> None:
    for exercise, given in (("4.1", ()), ("4.2", ()), ("4.3", (SD,)), ("4.4", (by_rule, fixed))):
        assert check.answer(exercise, None, *given).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize(("exercise", "given"), [("4.1", ()), ("4.2", ()), ("4.3", (SD,))])
def test_a_number_is_asked_for(exercise: str, given: tuple, value: Any) -> None:
    refused(exercise, value, *given, saying="one finite number")


def test_bits_per_byte() -> None:
    right = 2.9 / np.log(2) / 4.2
    assert check.answer("4.1", right).ok
    assert check.answer("4.1", float(f"{right:.2f}")).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (2.9 / math.log(2), "bits per token"),
        (2.9 / 4.2, "nats per byte"),
        (2.9 / math.log(2) * 4.2, "divide"),
        (2.9 * math.log(2) / 4.2, "divide by ln 2"),
        (math.log10(math.e) * 2.9 / 4.2, "ln 10"),
        (2.5, "Too large"),
        (0.8, "Too small"),
    ],
)
def test_bits_per_byte_slips(value: float, saying: str) -> None:
    refused("4.1", value, saying=saying)


def test_where_the_blocks_are_nine_tenths() -> None:
    """The width that the check expects is the one that the package's own count gives."""
    config = ModelConfig(width=96)
    share = config.flops_per_token("non_embedding") / config.flops_per_token("total")
    assert share == pytest.approx(0.9)
    assert check.answer("4.2", 96).ok


def test_where_the_blocks_are_nine_tenths_slips() -> None:
    without_attention = ModelConfig(width=48)
    blocks = without_attention.flops_per_token("non_embedding")
    assert blocks / without_attention.flops_per_token("with_head") == pytest.approx(0.9)
    refused("4.2", 48, saying="left out the head or the attention")
    refused("4.2", 32 / 3 / 0.2, saying="a tenth of all FLOPs, not a tenth of those of the blocks")
    refused("4.2", 32 / 3 / 0.1, saying="a ninth of those of the blocks")
    refused("4.2", 192, saying="depth is 2")
    refused("4.2", 32 / 3 / 9, saying="they should make up nine")
    refused("4.2", 70, saying="Too small")


def test_seeds_for_a_difference() -> None:
    seeds = math.ceil(2 * (SD / 0.0025) ** 2)
    assert math.sqrt(2 * SD**2 / seeds) <= 0.0025 < math.sqrt(2 * SD**2 / (seeds - 1))
    assert check.answer("4.3", seeds, SD).ok
    assert check.answer("4.3", np.float64(seeds), SD).ok
    assert check.answer("4.3", seeds, 2 * SD).ok is False


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (2 * (SD / 0.0025) ** 2, "seeds come whole"),
        (math.floor(2 * (SD / 0.0025) ** 2), "Round up"),
        ((SD / 0.0025) ** 2, "the sum of the two"),
        (math.ceil((SD / 0.0025) ** 2), "the sum of the two"),
        (2 * (SD / 0.005) ** 2, "half of the difference"),
        ((SD / 0.005) ** 2, "both means scatter"),
        (4 * (SD / 0.0025) ** 2, "how many does each need"),
        (math.sqrt(2) * SD / 0.0025, "the root of it"),
        (2 * SD / 0.0025, "must be squared"),
        (1000, "Too many"),
        (2, "Too few"),
    ],
)
def test_seeds_slips(value: float, saying: str) -> None:
    refused("4.3", value, SD, saying=saying)


def test_tuned_on_the_smallest(
    by_rule: PowerLawFit, fixed: PowerLawFit, narrow: PowerLawFit
) -> None:
    feedback = check.answer("4.4", narrow, by_rule, fixed)
    assert feedback.ok
    assert "smaller" in feedback.message
    low, high = narrow.interval("alpha")
    assert f"between {low:.4f} and {high:.4f}" in feedback.message


def test_tuned_on_the_smallest_says_whether_the_intervals_overlap(
    by_rule: PowerLawFit, fixed: PowerLawFit
) -> None:
    slight = ladder(np.array([0.0, 0.0, 0.0, 0.0, 0.001]))
    strong = ladder(np.array([0.0, 0.05, 0.1, 0.15, 0.2]))
    assert "the intervals overlap" in check.answer("4.4", slight, by_rule, fixed).message
    assert "do not overlap" in check.answer("4.4", strong, by_rule, fixed).message


def test_tuned_on_the_smallest_slips(by_rule: PowerLawFit, fixed: PowerLawFit) -> None:
    given = (by_rule, fixed)
    refused("4.4", 0.06, *given, saying="Hand over the fit")
    refused("4.4", (by_rule, None), *given, saying="the first of the two things")
    refused("4.4", fit_power_law(COMPUTE[:4], by_rule.y[:4]), *given, saying="same five widths")
    refused("4.4", by_rule, *given, saying="each width has its own rate")
    refused("4.4", fixed, *given, saying="take that of width 8")
    other = ladder(np.array([0.02, 0.01, 0.0, 0.01, 0.02]))
    refused("4.4", other, *given, saying="the smallest model must have the loss")
