"""Intervals hold the truth as often as they say.

A hundred data sets or more are drawn from a known law, each is fitted, and it is counted how often
the intervals hold what was true. The bounds allow for the number of data sets: an interval whose
true coverage lies between 92 and 98 % fails one of these about once in a thousand. All seeds are
fixed, so a test that passes once passes always. `make coverage` does the same with more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from scalinglaws.fit import PowerLaw, fit_power_law

STRAIGHT = PowerLaw(A=30.0, alpha=0.15)
BENT = PowerLaw(A=20.0, alpha=0.25, E=1.5)


@dataclass(frozen=True)
class Setting:
    """An experiment to be repeated: the true law, where it is measured, with which noise."""

    law: PowerLaw
    x: np.ndarray
    sigma: float
    floor: bool | float
    repeats: int

    def measure(self, rng: np.random.Generator, x: np.ndarray | float) -> np.ndarray | float:
        return self.law(x) * np.exp(self.sigma * rng.standard_normal(np.shape(x)))


SETTINGS = {
    "line of 3": Setting(STRAIGHT, np.geomspace(1e9, 1e11, 3), 0.006, False, 300),
    "line of 6": Setting(STRAIGHT, np.geomspace(1e9, 1e11, 6), 0.006, False, 300),
    "line of 20": Setting(STRAIGHT, np.geomspace(1e9, 1e11, 20), 0.006, False, 300),
    "floor, 10 points": Setting(BENT, np.geomspace(1e4, 1e9, 10), 0.01, True, 120),
    "floor, 30 points": Setting(BENT, np.geomspace(1e4, 1e9, 30), 0.01, True, 120),
    "floor, much noise": Setting(BENT, np.geomspace(1e4, 1e9, 10), 0.03, True, 120),
    "floor given": Setting(BENT, np.geomspace(1e4, 1e9, 10), 0.01, 1.5, 120),
}


def right(share: float, n: int, low: float = 0.92, high: float = 0.98) -> bool:
    """Whether a true coverage between these can have given this share of n data sets."""
    return binom.ppf(0.001, n, low) / n <= share <= binom.ppf(0.999, n, high) / n


@pytest.fixture(scope="module", params=SETTINGS.values(), ids=SETTINGS.keys())
def shares(request: pytest.FixtureRequest) -> dict[str, float]:
    """The share of data sets for which each interval held the truth."""
    setting: Setting = request.param
    rng = np.random.default_rng(0)
    far = 10 * setting.x.max()
    held: Counter[str] = Counter()
    for seed in range(setting.repeats):
        y = setting.measure(rng, setting.x)
        fit = fit_power_law(setting.x, y, floor=setting.floor, bootstrap=200, seed=seed)
        for name in ("A", "alpha", "E"):
            low, high = fit.interval(name)
            held[name] += low <= getattr(setting.law, name) <= high
        for level in (0.8, 0.95):
            held[f"new at {level}"] += setting.measure(rng, far) in fit.predict(far, level)
        low, high = fit.band(far)
        held["law"] += bool(low[0] <= setting.law(far) <= high[0])
    return {"n": setting.repeats} | {name: held[name] / setting.repeats for name in held}


@pytest.mark.parametrize("name", ["A", "alpha"])
def test_intervals_of_the_parameters(shares: dict[str, float], name: str) -> None:
    assert right(shares[name], shares["n"])


def test_intervals_of_the_floor(shares: dict[str, float]) -> None:
    # Where the floor is held fixed at the truth, every interval holds it.
    assert right(shares["E"], shares["n"]) or shares["E"] == 1


def test_the_band_of_the_law_ten_times_beyond_the_data(shares: dict[str, float]) -> None:
    assert right(shares["law"], shares["n"])


def test_forecasts_ten_times_beyond_the_data(shares: dict[str, float]) -> None:
    assert right(shares["new at 0.95"], shares["n"])
    assert right(shares["new at 0.8"], shares["n"], 0.77, 0.83)


class TestWhereTheFloorCannotBeTold:
    """At the edge of what a floor can be, the law without a floor is covered as well."""

    def test_a_law_without_floor_is_seldom_given_one(self) -> None:
        setting = Setting(STRAIGHT, np.geomspace(1e4, 1e9, 10), 0.005, True, 200)
        rng = np.random.default_rng(0)
        statuses: Counter[str] = Counter()
        held = forecasts = 0
        for seed in range(setting.repeats):
            y = setting.measure(rng, setting.x)
            fit = fit_power_law(setting.x, y, floor=True, bootstrap=200, seed=seed)
            statuses[str(fit.status)] += 1
            low, high = fit.interval("alpha")
            held += low <= STRAIGHT.alpha <= high
            forecasts += setting.measure(rng, 1e10) in fit.predict(1e10)
        assert statuses["converged"] / setting.repeats < 0.05
        assert 0.4 < statuses["floor at zero"] / setting.repeats < 0.6
        assert right(held / setting.repeats, setting.repeats)
        assert right(forecasts / setting.repeats, setting.repeats)

    def test_a_short_range_is_owned_up_to(self) -> None:
        x = np.geomspace(1e4, 1e5, 10)
        rng = np.random.default_rng(0)
        owned = held = 0
        for seed in range(120):
            y = BENT(x) * np.exp(0.01 * rng.standard_normal(10))
            fit = fit_power_law(x, y, floor=True, bootstrap=200, seed=seed)
            low, high = fit.interval("E")
            owned += not fit.status.converged
            held += low <= BENT.E <= high
        assert owned / 120 > 0.7
        assert held / 120 > 0.9


def test_estimates_are_right_on_average() -> None:
    x = np.geomspace(1e4, 1e9, 30)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        y = BENT(x) * np.exp(0.005 * rng.standard_normal(30))
        law = fit_power_law(x, y, floor=True, bootstrap=100).law
        found.append((law.alpha, law.E))
    mean, error = np.mean(found, 0), np.std(found, 0) / np.sqrt(len(found))
    np.testing.assert_array_less(np.abs(mean - (BENT.alpha, BENT.E)), 4 * error)
