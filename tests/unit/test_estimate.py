"""The interval type: `scalinglaws.estimate`, and the checks: `scalinglaws._checks`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalinglaws import _checks as checks
from scalinglaws.estimate import Estimate, across, mean_of, wilson


def test_an_estimate_prints_its_value_and_its_interval() -> None:
    assert str(Estimate(0.51234, 0.4, 0.6)) == "0.5123 (95% interval 0.4 to 0.6)"
    assert str(Estimate(2.0)) == "2"
    assert str(wilson(3, 10, 0.8)) == "30.0% (80% interval 15.4% to 50.3%, n = 10)"


def test_what_a_fit_does_not_know_cannot_be_read() -> None:
    unknown = Estimate.unknown(0.8)
    assert math.isnan(unknown.value) and not unknown.known and unknown.level == 0.8
    assert str(unknown) == "not known from these runs"
    assert 0.0 not in unknown


def test_the_mean_of_draws_has_the_interval_of_student() -> None:
    found = mean_of([1.0, 2.0, 3.0], 0.9)
    assert found.value == 2.0 and found.level == 0.9
    wide = 2.919986 / math.sqrt(3)  # the 95 % point of t with 2 degrees of freedom
    assert (found.low, found.high) == pytest.approx((2 - wide, 2 + wide), abs=1e-5)
    same = mean_of([0.5, 0.5])
    assert (same.low, same.high) == (0.5, 0.5)


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).standard_normal((1000, 4))
    assert 930 <= sum(0.0 in mean_of(row) for row in draws) <= 970


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [[1.0, 2.0], [3.0, 4.0]], 1.0])
def test_a_mean_needs_two_finite_draws(values: Any) -> None:
    with pytest.raises(ValueError, match="at least two finite numbers"):
        mean_of(values)


def test_an_interval_is_known_only_if_both_ends_are() -> None:
    assert Estimate(1.0, 0.5, 2.0).known
    assert not Estimate(1.0, low=0.5).known and not Estimate(1.0, high=2.0).known
    assert not Estimate(1.0, 0.5, math.inf).known
    assert str(Estimate(1.0, low=0.5)) == "1"


def test_an_interval_holds_its_ends() -> None:
    interval = Estimate(1.0, 0.5, 2.0)
    assert 0.5 in interval and 2.0 in interval
    assert 0.49 not in interval and 2.01 not in interval


@pytest.mark.parametrize(
    ("check", "value", "saying"),
    [
        (lambda v: checks.whole(v, "n"), 1.5, "n must be a whole number, got 1.5"),
        (lambda v: checks.whole(v, "n"), True, "n must be a whole number, got True"),
        (lambda v: checks.whole(v, "n", 1), 0, "n must be at least 1, got 0"),
        (lambda v: checks.whole(v, "n", 1, 3), 4, "n must lie from 1 to 3, got 4"),
        (lambda v: checks.real(v, "x"), "3", "x must be a number, got '3'"),
        (lambda v: checks.real(v, "x"), math.inf, "x must be a finite number, got inf"),
        (lambda v: checks.above_zero(v, "x"), 0, "x must be a finite number above 0, got 0"),
        (checks.seed, -1, "seed must be a whole number of at least 0, got -1"),
        (checks.level, 95, "level must lie between 0 and 1"),
        (checks.level, 0, "level must lie between 0 and 1"),
        (checks.level, 1, "level must lie between 0 and 1"),
        (lambda v: checks.positive(v, "N"), [1, 0, 2], "1 of 3 values are not"),
        (lambda v: checks.positive(v, "N"), ["a"], "N must hold numbers only"),
        (lambda v: checks.positive(v, "N"), np.ma.array([1.0, 2.0], mask=[0, 1]), "1 of 2"),
    ],
)
def test_bad_values_are_refused(check: Callable[[Any], Any], value: Any, saying: str) -> None:
    with pytest.raises(ValueError, match=saying):
        check(value)


def test_good_values_come_back_plain() -> None:
    assert type(checks.whole(np.int64(3), "n")) is int
    assert type(checks.real(np.float32(0.5), "x")) is float
    assert type(checks.seed(np.uint8(7))) is int
    assert checks.positive([1, 2], "N").dtype == float


class TestAcross:
    def test_methods_that_agree_keep_their_interval(self) -> None:
        same = across([Estimate(1.0, 0.9, 1.1)] * 3)
        assert (same.low, same.high) == pytest.approx((0.9, 1.1))

    def test_intervals_of_other_levels_count_by_their_error(self) -> None:
        wide, narrow = Estimate(1.0, 0.9, 1.1, 0.95), Estimate(1.0, 0.9347, 1.0653, 0.8)
        assert across([wide, narrow]).high == pytest.approx(1.1, abs=1e-3)

    def test_it_is_the_wider_the_more_the_methods_differ(self) -> None:
        ends = [
            across([Estimate(1 + d, 0.9 + d, 1.1 + d) for d in (-apart, 0.0, apart)]).high
            for apart in (0.01, 0.1, 0.5)
        ]
        assert ends == sorted(ends) and ends[-1] > 2

    @pytest.mark.parametrize(
        ("m", "bias", "error"), [(2, 0.3, 1.0), (3, 1.0, 1.0), (3, 3.0, 1.0), (8, 3.0, 1.0)]
    )
    def test_it_holds_a_truth_that_the_methods_miss_as_they_miss_one_another(
        self, m: int, bias: float, error: float
    ) -> None:
        """All methods share the noise of the data; each has a bias of its own, like the truth."""
        rng = np.random.default_rng(0)
        held = 0
        for _ in range(1000):
            truth = bias * rng.standard_normal()
            values = bias * rng.standard_normal(m) + error * rng.standard_normal()
            found = [Estimate(v, v - 1.96 * error, v + 1.96 * error) for v in values]
            held += truth in across(found)
        assert 0.92 <= held / 1000 <= 0.985

    def test_logarithms_make_an_interval_of_factors(self) -> None:
        found = across({"a": Estimate(10, 5, 20), "b": Estimate(40, 20, 80)}, log=True)
        assert found.value == pytest.approx(20)
        assert found.high / found.value == pytest.approx(found.value / found.low)

    @pytest.mark.parametrize(
        "few", [[Estimate(1, 0, 2)], [Estimate(1, 0, 2), Estimate(1)], [Estimate.unknown()] * 2]
    )
    def test_what_has_no_spread_is_refused(self, few: list[Estimate]) -> None:
        with pytest.raises(ValueError):
            across(few)

    def test_logarithms_of_what_is_not_above_zero(self) -> None:
        with pytest.raises(ValueError, match="above 0"):
            across([Estimate(1, -1, 2), Estimate(1, 0.5, 2)], log=True)
