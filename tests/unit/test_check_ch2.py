"""Feedback on the exercises of chapter 2: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.fit import PowerLaw, PowerLawFit, fit_power_law

PF_DAY = 8.64e19
LAW = PowerLaw(A=2.0, alpha=0.05)
NOISE = np.array([0.012, -0.011, 0.006, 0.004, -0.013, 0.009, -0.007])


@pytest.fixture(scope="module")
def series() -> tuple[np.ndarray, np.ndarray]:
    """Compute in PF-days and loss of seven runs."""
    C = np.geomspace(0.03, 300, 7)
    return C, LAW(C) * np.exp(NOISE)


@pytest.fixture(scope="module")
def fit(series: tuple[np.ndarray, np.ndarray]) -> PowerLawFit:
    """A straight line through the seven runs, with compute in FLOPs."""
    C, L = series
    return fit_power_law(C * PF_DAY, L)


def test_no_answer_leaves_an_exercise_open(series: tuple, fit: PowerLawFit) -> None:
    for exercise, given in (("2.1", ()), ("2.2", ()), ("2.3", series), ("2.4", (fit,))):
        assert check.answer(exercise, None, *given).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", ["2.1", "2.2"])
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_exponent_of_two_points() -> None:
    right = np.log(4.0 / 3.6) / np.log(8)
    assert check.answer("2.1", right).ok
    assert check.answer("2.1", float(f"{right:.3f}")).ok
    assert PowerLaw(A=4.0, alpha=right)(8) == pytest.approx(3.6)


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (-math.log(4 / 3.6) / math.log(8), "the minus is already written"),
        (math.log(8) / math.log(4 / 3.6), "1 / alpha"),
        (math.log(4 / 3.6) / 8, "logarithm of 8"),
        (0.4 / math.log(8), "not the difference"),
        (math.log10(4 / 3.6) / math.log(8), "different bases"),
        (math.log(4 / 3.6) / math.log10(8), "different bases"),
        (0.07, "Too large."),
        (0.04, "Too small."),
        (5.0, "factor of ten"),
    ],
)
def test_slips_with_the_exponent(value: float, saying: str) -> None:
    refused("2.1", value, saying=saying)


def test_where_the_slope_is_halved() -> None:
    law = PowerLaw(A=406.4, alpha=0.34, E=1.69)
    N = law.inverse(2 * law.E)
    assert check.answer("2.2", N).ok
    step = 1e-4
    slope = -math.log(law(N * math.exp(step)) / law(N * math.exp(-step))) / (2 * step)
    assert slope == pytest.approx(law.alpha / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        ((2 * 406.4 / 1.69) ** (1 / 0.34), "half the floor"),
        ((406.4 / (2 * 1.69)) ** (1 / 0.34), "three times the floor"),
        (406.4 ** (1 / 0.34), "above the floor is 1"),
        ((406.4 / 1.69) ** 0.34, "wrong way up"),
        (406.4 / 1.69, "take the root"),
        (2 ** (1 / 0.34), "not the slope"),
    ],
)
def test_slips_with_the_slope(value: float, saying: str) -> None:
    refused("2.2", value, saying=saying)


def test_hold_out_two(series: tuple[np.ndarray, np.ndarray]) -> None:
    C, L = series
    fit = fit_power_law(C[:5], L[:5])
    feedback = check.answer("2.3", fit, C, L)
    assert feedback.ok
    assert str(fit.predict(C[5], level=0.8)) in feedback.message
    assert str(fit.predict(C[6], level=0.8)) in feedback.message
    assert feedback.message.count("hit by") == 2
    shuffled = fit_power_law(C[:5], L[:5][::-1])
    refused("2.3", shuffled, C, L, saying="other points")


def test_a_miss_is_called_a_miss(series: tuple[np.ndarray, np.ndarray]) -> None:
    C, L = series
    elsewhere = np.append(L[:5], (1.0, 3.0))
    feedback = check.answer("2.3", fit_power_law(C[:5], L[:5]), C, elsewhere)
    assert feedback.ok
    assert feedback.message.count("missed by") == 2


@pytest.mark.parametrize(
    ("points", "floor", "saying"),
    [
        (slice(0, 7), False, "has seen all"),
        (slice(0, 6), False, "leave out the next as well"),
        (slice(2, 7), False, "five largest"),
        (slice(0, 4), False, "other points"),
        (slice(0, 5), 0.5, "has a floor"),
        (slice(0, 5), True, "has a floor"),
    ],
)
def test_slips_with_what_is_held_out(
    points: slice, floor: bool | float, saying: str, series: tuple[np.ndarray, np.ndarray]
) -> None:
    C, L = series
    refused("2.3", fit_power_law(C[points], L[points], floor=floor), C, L, saying=saying)


def test_other_units_are_other_points(series: tuple[np.ndarray, np.ndarray]) -> None:
    C, L = series
    refused("2.3", fit_power_law(C[:5] * PF_DAY, L[:5]), C, L, saying="other points")


@pytest.mark.parametrize("value", [1.7, "fit", LAW])
def test_a_fit_is_asked_for(value: Any, series: tuple[np.ndarray, np.ndarray]) -> None:
    refused("2.3", value, *series, saying="the fit itself")


def prices(fit: PowerLawFit, *at: float) -> tuple[float, ...]:
    """Quantiles of the compute that a loss of 1.5 takes, over the plausible laws."""
    A, alpha, _ = fit.draws.T
    return tuple(np.quantile((1.5 / A) ** (-1 / alpha), at))


def test_interval_of_a_price(fit: PowerLawFit, series: tuple[np.ndarray, np.ndarray]) -> None:
    right = prices(fit, 0.025, 0.975)
    assert right[0] < fit.law.inverse(1.5) < right[1]
    assert check.answer("2.4", right, fit).ok
    assert check.answer("2.4", np.array(right), fit).ok
    other = fit_power_law(series[0] * PF_DAY, series[1], seed=7)
    assert check.answer("2.4", prices(other, 0.025, 0.975), fit).ok


def test_slips_with_the_price(fit: PowerLawFit) -> None:
    low, high = prices(fit, 0.025, 0.975)
    (A_low, A_high), (slow, fast) = fit.interval("A"), fit.interval("alpha")
    corners = (1.5 / A_low) ** (-1 / fast), (1.5 / A_high) ** (-1 / slow)
    one_A = tuple((1.5 / fit.law.A) ** (-1 / alpha) for alpha in (fast, slow))
    for value, saying in (
        ((high, low), "The lower end comes first"),
        (corners, "draw by draw"),
        (one_A, "held A"),
        (prices(fit, 0.1, 0.9), "80% interval"),
        (prices(fit, 0.05, 0.95), "90% interval"),
        ((low / PF_DAY, high / PF_DAY), "PF-days"),
        ((low / 30, high * 30), "Too wide"),
        (prices(fit, 0.4, 0.6), "Too narrow"),
        ((low * 50, high * 50), "wrong place"),
    ):
        refused("2.4", value, fit, saying=saying)


@pytest.mark.parametrize("value", [1e22, "cheap", (1e22,), (1e21, 1e22, 1e23), ("a", "b")])
def test_a_pair_is_asked_for(value: Any, fit: PowerLawFit) -> None:
    refused("2.4", value, fit, saying="a pair")


@pytest.mark.parametrize("value", [(0, 1e22), (-1e22, 1e22), (1e22, math.inf), (math.nan, 1e22)])
def test_ends_must_make_sense(value: Any, fit: PowerLawFit) -> None:
    refused("2.4", value, fit, saying="finite numbers")


def test_what_an_exercise_needs_must_be_handed_over(fit: PowerLawFit) -> None:
    with pytest.raises(TypeError):
        check.answer("2.3", fit)
    with pytest.raises(TypeError):
        check.answer("2.4", (1e22, 1e23))
