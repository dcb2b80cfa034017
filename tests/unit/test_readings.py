"""The exponent as it is read from bowls and from a surface, draw by draw."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from scalinglaws.course import readings
from scalinglaws.course.readings import by_bowls, by_surface, spanned


def bowls(
    a: float = 0.7, tilt: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, texts, budgets and log losses of three bowls whose minima follow N ~ C^a."""
    C = np.repeat([1e9, 1e10, 1e11], 5)
    off = np.tile([-1.2, -0.6, 0.0, 0.6, 1.2], 3)
    best = 1e4 * (C / 1e10) ** a
    N = best * np.exp(off)
    L = 2 * (C / 1e10) ** -0.05 + 0.1 * off**2 + tilt * off**3
    return N, C / 6 / N, C, np.log(L)


def test_the_examples_run() -> None:
    assert doctest.testmod(readings, extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize("how", [{}, {"keep": 4}, {"keep": 3}, {"degree": 3}])
def test_bowls_give_the_exponent_of_their_minima(how: dict[str, int]) -> None:
    N, _, C, log_L = bowls()
    np.testing.assert_allclose(by_bowls(N, C, [log_L, log_L], **how), 0.7, rtol=1e-6)


def test_a_cubic_follows_a_lopsided_bowl_where_a_parabola_does_not() -> None:
    N, _, C, log_L = bowls(tilt=0.02)
    lopsided = log_L + np.where(C == 1e9, 0.02 * (np.log(N / 1e4 / (C / 1e10) ** 0.7)) ** 3, 0)
    assert abs(by_bowls(N, C, [log_L], degree=3)[0] - 0.7) < 1e-6
    assert abs(by_bowls(N, C, [lopsided])[0] - 0.7) > 1e-3


def test_a_budget_without_a_minimum_is_left_out_of_its_draws_alone() -> None:
    N, _, C, log_L = bowls()
    bent = np.where(C == 1e10, -log_L, log_L)
    np.testing.assert_allclose(by_bowls(N, C, [log_L, bent]), 0.7, rtol=1e-6)
    hopeless = np.where(C > 1e9, -log_L, log_L)
    assert np.isnan(by_bowls(N, C, [log_L, hopeless])).tolist() == [False, True]


def test_a_surface_gives_the_exponent_of_its_valley() -> None:
    N, D, _, _ = bowls()
    x, y = np.log(N), np.log(D)
    log_L = 1 - 0.05 * (x + y) + 0.02 * (x - 0.7 * (x + y)) ** 2
    np.testing.assert_allclose(by_surface(N, D, [log_L, log_L]), 0.7, rtol=1e-5)


def test_an_interval_of_several_readings_spans_them_all() -> None:
    near, far = np.linspace(-0.1, 0.1, 201), np.linspace(0.3, 0.5, 201)
    found = spanned([[0.0, *near], [0.4, *far]], level=0.9)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(-0.09), pytest.approx(0.49))
    with pytest.raises(ValueError, match="at least one"):
        spanned([])


def test_only_parabolas_and_cubics_are_known() -> None:
    N, _, C, log_L = bowls()
    with pytest.raises(ValueError, match="degree"):
        by_bowls(N, C, [log_L], degree=4)
