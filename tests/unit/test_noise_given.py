"""Fits that are handed the noise between seeds and the trunks of their runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scalinglaws import (
    Scatter,
    fit_best_run,
    fit_chinchilla,
    fit_envelope,
    fit_isoflop,
    fit_kaplan,
    fit_power_law,
    fit_scatter,
)
from scalinglaws.laws import CHINCHILLA_REFIT as LAW
from scalinglaws.laws import KAPLAN_JOINT

NOISE = Scatter.known(0.002, share=0.9, tokens0=1e10)
GRID = 1e8 * 1.6 ** np.arange(12)
SIZES, SEEDS = np.repeat(GRID, 3 * 12), np.tile([0, 1, 2], 12 * 12)
TOKENS = np.tile(np.geomspace(1e9, 5e11, 12).repeat(3), 12)
TRUNKS = np.column_stack([SIZES, SEEDS])
LOSS = LAW(SIZES, TOKENS) * np.exp(NOISE.draw(TOKENS, TRUNKS, 1)[0])
CURVES = (SIZES, TOKENS, LOSS)
OTHERS = (SIZES, TOKENS, KAPLAN_JOINT(SIZES, TOKENS) * LOSS / LAW(SIZES, TOKENS))

C = np.geomspace(6e18, 3e21, 5)
N = np.concatenate([GRID[np.abs(np.log(GRID / LAW.N_opt(c))).argsort()[:5]] for c in C]).repeat(2)
D = C.repeat(10) / 6 / N
FAMILY = np.column_stack([N, np.tile([0, 1], 25)])
BUDGETS = (N, D, LAW(N, D) * np.exp(NOISE.draw(D, FAMILY, 2)[0]))

Fit = Callable[..., Any]
CASES = [
    (fit_isoflop, BUDGETS, FAMILY, "a"),
    (fit_envelope, CURVES, TRUNKS, "a"),
    (fit_best_run, CURVES, TRUNKS, "a"),
    (fit_chinchilla, CURVES, TRUNKS, "alpha"),
    (fit_kaplan, OTHERS, TRUNKS, "alpha_N"),
]
cases = pytest.mark.parametrize(("fit", "runs", "trunks", "name"), CASES)


def width(result: Any, name: str) -> float:
    low, high = result.interval(name)
    return float(high - low)


@cases
def test_the_answer_stays_and_the_interval_follows_the_noise(
    fit: Fit, runs: tuple[np.ndarray, ...], trunks: np.ndarray, name: str
) -> None:
    plain = fit(*runs, bootstrap=100)
    loud = Scatter.known(0.02, share=0.9, tokens0=1e10)
    quiet = fit(*runs, scatter=NOISE, groups=trunks, bootstrap=200)
    wide = fit(*runs, scatter=loud, groups=trunks, bootstrap=200)
    assert quiet.value(name) == wide.value(name) == plain.value(name)
    assert width(wide, name) > 1.7 * width(quiet, name)


@pytest.mark.parametrize("fit", [fit_isoflop, fit_envelope, fit_best_run])
def test_groups_alone_take_the_scatter_of_these_runs(fit: Fit) -> None:
    runs, trunks = (BUDGETS, FAMILY) if fit is fit_isoflop else (CURVES, TRUNKS)
    own = fit(*runs, groups=trunks, bootstrap=100, seed=3)
    found = fit_scatter(*runs, groups=trunks, seed=3)
    same = fit(*runs, scatter=found, groups=trunks, bootstrap=100, seed=3)
    np.testing.assert_array_equal(own.draws, same.draws)


def test_groups_alone_need_seeds() -> None:
    with pytest.raises(ValueError, match="beyond the first of each setting"):
        fit_isoflop(*(column[::2] for column in BUDGETS), groups=FAMILY[::2])


@cases
def test_a_scatter_that_is_none(
    fit: Fit, runs: tuple[np.ndarray, ...], trunks: np.ndarray, name: str
) -> None:
    with pytest.raises(ValueError, match="scatter must come from"):
        fit(*runs, scatter=0.01)
    with pytest.raises(ValueError, match="one label for each"):
        fit(*runs, scatter=NOISE, groups=trunks[1:])


def test_residuals_that_exceed_the_noise_make_it_larger() -> None:
    tiny = Scatter.known(1e-5)
    true = Scatter.known(0.002)
    assert width(fit_isoflop(*BUDGETS, scatter=tiny, bootstrap=400), "a") > 0.3 * width(
        fit_isoflop(*BUDGETS, scatter=true, bootstrap=400), "a"
    )


class TestPowerLaw:
    x = np.geomspace(1e9, 1e12, 8)
    y = 30 * x**-0.15

    def test_a_trunk_in_common_leaves_the_slope_more_certain(self) -> None:
        apart = fit_power_law(self.x, self.y, scatter=NOISE)
        joined = fit_power_law(self.x, self.y, scatter=NOISE, groups=np.zeros(8))
        assert joined.law == apart.law
        assert width(joined, "A") != width(apart, "A")

    def test_seeds_need_not_be_averaged(self) -> None:
        mean = fit_power_law(self.x, self.y, scatter=NOISE)
        four = fit_power_law(np.repeat(self.x, 4), np.repeat(self.y, 4), scatter=NOISE)
        assert width(four, "alpha") == pytest.approx(width(mean, "alpha") / 2, rel=0.1)

    def test_tokens_say_where_the_scatter_stands(self) -> None:
        falling = Scatter.known(0.01, power=0.5, tokens0=1e9)
        short = fit_power_law(self.x, self.y, scatter=falling, tokens=np.full(8, 1e9))
        long = fit_power_law(self.x, self.y, scatter=falling, tokens=np.full(8, 4e9))
        assert width(short, "alpha") == pytest.approx(2 * width(long, "alpha"), rel=0.1)
        low, high = short.band(1e12, new=True)
        assert np.log(high / low)[0] == pytest.approx(2 * 1.96 * 0.01, rel=0.4)

    def test_groups_without_a_scatter(self) -> None:
        with pytest.raises(ValueError, match="give it as well"):
            fit_power_law(self.x, self.y, groups=np.zeros(8))
