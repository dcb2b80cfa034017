"""The test of the bend, the bands of lines, and whether a bend goes on."""

from __future__ import annotations

import doctest

import numpy as np

from scalinglaws.course import bends
from scalinglaws.course.bends import bent, next_slope


def test_the_examples_run() -> None:
    assert doctest.testmod(bends, extraglobs={"np": np}).failed == 0


def test_a_line_raises_few_false_alarms_and_a_bend_has_its_sign() -> None:
    x, rng = np.geomspace(1, 30, 8), np.random.default_rng(1)
    noise = 0.01 * rng.standard_normal((8, 4000))
    assert 0.04 < np.mean(bent(x, -0.1 * np.log(x)[:, None] + noise) != 0) < 0.06
    assert np.all(bent(x, np.log(0.5 + 0.5 / x)[:, None] + 0.1 * noise) == -1)


def test_a_bend_that_stops_is_seen() -> None:
    x = np.geomspace(1, 100, 7)
    parabola = np.exp(-0.02 * np.log(x) ** 2 - 0.1 * np.log(x))
    noise = 1 + 1e-4 * np.random.default_rng(2).standard_normal((6, 5))
    goes_on = next_slope(x, parabola[:6, None] * noise, parabola[6])
    assert goes_on.low < 0 < goes_on.high
    assert next_slope(x, parabola[:6, None] * noise, 1.01 * parabola[6]).high < 0
