"""Laws and fits: `scalinglaws.fit`. How often intervals hold the truth is tested in
`tests/statistical`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import least_squares

from scalinglaws.estimate import Estimate
from scalinglaws.fit import PowerLaw, fit_power_law, mean_over_seeds

STRAIGHT = PowerLaw(A=30.0, alpha=0.15)
BENT = PowerLaw(A=20.0, alpha=0.25, E=1.5)
LADDER = np.geomspace(1e9, 1e11, 6)
WIDE = np.geomspace(1e4, 1e9, 10)
FLOORS = pytest.mark.parametrize("floor", [False, True, 1.0])


def measure(law: PowerLaw, x: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Losses that scatter around a law by the share `sigma`."""
    return law(x) * np.exp(sigma * np.random.default_rng(seed).standard_normal(len(x)))


class TestPowerLaw:
    def test_it_is_e_plus_a_x_to_the_minus_alpha(self) -> None:
        assert PowerLaw(A=6.0, alpha=0.5, E=1.0)(4.0) == pytest.approx(4.0, rel=1e-15)
        assert PowerLaw(A=6.0, alpha=0.5, E=1.0)(1.0) == pytest.approx(7.0, rel=1e-15)
        assert type(PowerLaw(A=6.0, alpha=0.5)(4)) is float

    def test_it_keeps_the_shape_of_x(self) -> None:
        x = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
        assert BENT(x).shape == (2, 3)
        assert BENT(x)[1, 2] == BENT(32.0)
        assert BENT([1, 2]).tolist() == [BENT(1), BENT(2)]

    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            BENT.E = 2.0

    def test_the_form_of_kaplan_is_the_same_law(self) -> None:
        law = PowerLaw.from_scale(8.8e13, 0.076)
        assert law(8.8e13) == pytest.approx(1)
        assert law(1e9) == pytest.approx((8.8e13 / 1e9) ** 0.076)
        assert PowerLaw.from_scale(10.0, 0.5, E=2.0)(10.0) == pytest.approx(3)

    @given(st.floats(1e-3, 1e3), st.floats(0.05, 2), st.floats(0, 10), st.floats(1e-3, 1e6))
    def test_the_inverse_leads_back(self, A: float, alpha: float, E: float, x: float) -> None:
        law = PowerLaw(A, alpha, E)
        above = law(x) - E
        # Close to the floor the difference that the inverse needs has lost its digits.
        if above > 1e-6 * law(x):
            assert law.inverse(law(x)) == pytest.approx(x, rel=1e-6)

    def test_the_inverse_takes_many_losses(self) -> None:
        x = np.array([[1e5, 1e6], [1e7, 1e8]])
        np.testing.assert_allclose(BENT.inverse(BENT(x)), x, rtol=1e-9)
        assert type(BENT.inverse(2.0)) is float

    @pytest.mark.parametrize("loss", [1.5, 1.0, 0, -1, math.nan, [2.0, 1.5]])
    def test_no_x_reaches_the_floor(self, loss: Any) -> None:
        with pytest.raises(ValueError, match=r"at or below the floor E = 1\.5"):
            BENT.inverse(loss)

    def test_dividing_the_loss_takes_the_factor_that_it_says(self) -> None:
        factor = BENT.factor_to_divide(2)
        assert factor == 2 ** (1 / 0.25) == 16
        assert BENT(16e5) - BENT.E == pytest.approx((BENT(1e5) - BENT.E) / 2)

    @pytest.mark.parametrize("divisor", [0, -2, math.nan])
    def test_only_positive_divisors_make_sense(self, divisor: float) -> None:
        with pytest.raises(ValueError, match="divisor must be above 0"):
            BENT.factor_to_divide(divisor)

    def test_a_flat_law_has_no_inverse(self) -> None:
        flat = PowerLaw(A=2.0, alpha=0.0)
        with pytest.raises(ValueError, match="flat"):
            flat.inverse(1.0)
        with pytest.raises(ValueError, match="flat"):
            flat.factor_to_divide(2)

    @pytest.mark.parametrize(
        ("A", "alpha", "E", "message"),
        [
            (0, 1, 0, "A must be a positive number"),
            (-1, 1, 0, "A must be a positive number"),
            (math.nan, 1, 0, "A must be a positive number"),
            (math.inf, 1, 0, "A must be a positive number"),
            (1, math.nan, 0, "alpha must be a finite number"),
            (1, math.inf, 0, "alpha must be a finite number"),
            (1, 1, -0.1, "the floor E must be 0 or above"),
            (1, 1, math.nan, "the floor E must be 0 or above"),
        ],
    )
    def test_a_law_that_cannot_be_is_refused(
        self, A: float, alpha: float, E: float, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            PowerLaw(A, alpha, E)

    @pytest.mark.parametrize("scale", [0, -1, math.nan])
    def test_the_scale_must_be_positive(self, scale: float) -> None:
        with pytest.raises(ValueError, match="scale must be above 0"):
            PowerLaw.from_scale(scale, 0.1)

    @pytest.mark.parametrize("x", [0, -1, math.nan, math.inf, [1, 0], "many"])
    def test_x_must_be_positive(self, x: Any) -> None:
        with pytest.raises(ValueError, match="x must"):
            BENT(x)

    def test_it_can_be_read(self) -> None:
        assert str(PowerLaw(2.5, 0.05)) == "L(x) = 2.5 x^-0.05"
        assert str(PowerLaw(406.4, 0.34, 1.69)) == "L(x) = 1.69 + 406.4 x^-0.34"
        assert str(PowerLaw(2.5, -0.05)) == "L(x) = 2.5 x^0.05"
        assert str(PowerLaw(2.5, 0.0)) == "L(x) = 2.5 x^0"


class TestExactData:
    """Without noise the fit must return the law itself."""

    @settings(deadline=None)  # machines with other work to do
    @given(st.floats(0.1, 1e3), st.floats(-2, 2), st.floats(1e-6, 1e20), st.floats(1, 6))
    def test_a_straight_law(self, A: float, alpha: float, start: float, decades: float) -> None:
        law = PowerLaw(A, alpha)
        x = np.geomspace(start, start * 10**decades, 6)
        fit = fit_power_law(x, law(x), bootstrap=100)
        assert fit.law.alpha == pytest.approx(alpha, abs=1e-9)
        np.testing.assert_allclose(fit.law(x), law(x), rtol=1e-9)
        assert fit.law.E == 0 and fit.status.converged
        assert fit.sigma < 1e-9

    @pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.34, 0.7, 1.0])
    @pytest.mark.parametrize("E", [0.3, 1.69, 5.0])
    @pytest.mark.parametrize("points", [4, 6, 30])
    def test_a_law_with_a_floor(self, alpha: float, E: float, points: int) -> None:
        x = np.geomspace(1e4, 1e9, points)
        law = PowerLaw(1e4**alpha * 2, alpha, E)
        fit = fit_power_law(x, law(x), floor=True, bootstrap=100)
        assert fit.law.alpha == pytest.approx(alpha, rel=1e-4)
        assert pytest.approx(E, rel=1e-3) == fit.law.E
        assert pytest.approx(law.A, rel=1e-3) == fit.law.A
        assert fit.status.converged

    @pytest.mark.parametrize("E", [1.5, 1.0, 0.3])
    def test_a_floor_that_is_given(self, E: float) -> None:
        law = PowerLaw(20.0, 0.25, E)
        fit = fit_power_law(WIDE, law(WIDE), floor=E, bootstrap=100)
        assert fit.law.E == E and set(fit.draws["E"]) == {E}
        assert fit.law.alpha == pytest.approx(0.25, rel=1e-6)
        assert pytest.approx(20.0, rel=1e-6) == fit.law.A

    def test_a_floor_of_zero_is_no_floor(self) -> None:
        y = measure(STRAIGHT, LADDER, 0.01)
        assert fit_power_law(LADDER, y, floor=0.0).law == fit_power_law(LADDER, y).law

    def test_a_truth_value_of_numpy_is_no_floor_of_one(self) -> None:
        y = measure(BENT, WIDE, 0.01)
        given_by_numpy = fit_power_law(WIDE, y, floor=np.bool_(True), bootstrap=100)
        assert given_by_numpy.law == fit_power_law(WIDE, y, floor=True, bootstrap=100).law


class TestAgainstScipy:
    def test_the_line_is_that_of_linregress(self) -> None:
        for seed in range(20):
            y = measure(STRAIGHT, LADDER, 0.02, seed)
            fit = fit_power_law(LADDER, y, bootstrap=100)
            line = stats.linregress(np.log(LADDER), np.log(y))
            assert fit.law.alpha == pytest.approx(-line.slope, rel=1e-9)
            assert math.log(fit.law.A) == pytest.approx(line.intercept, rel=1e-9)

    @pytest.mark.parametrize("points", [3, 4, 6, 20])
    def test_intervals_of_the_line_are_the_t_intervals(self, points: int) -> None:
        x = np.geomspace(1e9, 1e11, points)
        y = measure(STRAIGHT, x, 0.006, seed=1)
        fit = fit_power_law(x, y, bootstrap=100_000)
        line = stats.linregress(np.log(x), np.log(y))
        for level in (0.8, 0.95):
            low, high = fit.interval("alpha", level)
            half = stats.t.ppf((1 + level) / 2, points - 2) * line.stderr
            assert (high - low) / 2 == pytest.approx(half, rel=0.03)
            assert (high + low) / 2 == pytest.approx(-line.slope, abs=0.03 * half)
            spread = stats.t.ppf((1 + level) / 2, points - 2) * line.intercept_stderr
            low, high = np.log(fit.interval("A", level))
            assert (high - low) / 2 == pytest.approx(spread, rel=0.03)

    def test_predictions_of_the_line_are_those_of_the_textbook(self) -> None:
        y = measure(STRAIGHT, LADDER, 0.006, seed=1)
        fit = fit_power_law(LADDER, y, bootstrap=100_000)
        u, v = np.log(LADDER), np.log(y)
        line = stats.linregress(u, v)
        s = math.sqrt(((v - line.intercept - line.slope * u) ** 2).sum() / 4)
        at = math.log(1e13)
        far = (at - u.mean()) ** 2 / ((u - u.mean()) ** 2).sum()
        for new, extra in ((False, 0), (True, 1)):
            half = stats.t.ppf(0.975, 4) * s * math.sqrt(extra + 1 / 6 + far)
            low, high = np.log(np.ravel(fit.band(1e13, new=new)))
            assert (high - low) / 2 == pytest.approx(half, rel=0.03)
        assert fit.sigma == pytest.approx(s, rel=1e-9)

    def test_a_fit_with_floor_is_never_worse_than_the_best_of_many_starts(self) -> None:
        """50 random laws and ranges, wherever the law falls by ten times the noise or more."""
        rng = np.random.default_rng(0)
        tried = 0
        while tried < 50:
            start, decades = 10 ** rng.uniform(2, 8), rng.uniform(1.5, 6)
            x = np.sort(start * 10 ** rng.uniform(0, decades, int(rng.integers(5, 31))))
            alpha = rng.uniform(0.05, 0.7)
            law = PowerLaw(start**alpha * 10 ** rng.uniform(-0.5, 0.7), alpha, rng.uniform(0, 3))
            sigma = 10 ** rng.uniform(-3, -1.5)
            if math.log(law(x[0]) / law(x[-1])) < 10 * sigma:
                continue
            tried += 1
            y = law(x) * np.exp(sigma * rng.standard_normal(len(x)))
            fit = fit_power_law(x, y, floor=True, bootstrap=100)
            ours = float(fit.residuals @ fit.residuals)
            assert ours <= lowest_cost(x, y) * (1 + 1e-6), f"worse than scipy for {law}"

    def test_a_fit_with_a_given_floor_is_that_of_scipy(self) -> None:
        for seed in range(10):
            y = measure(BENT, WIDE, 0.01, seed)
            fit = fit_power_law(WIDE, y, floor=1.2, bootstrap=100)
            u = np.log(WIDE)
            found = least_squares(
                lambda p, u=u, y=y: np.log(y) - np.log(1.2 + np.exp(p[0] - p[1] * u)), [2, 0.2]
            )
            assert float(fit.residuals @ fit.residuals) <= 2 * found.cost * (1 + 1e-9)
            assert fit.law.alpha == pytest.approx(found.x[1], rel=1e-4)


def lowest_cost(x: np.ndarray, y: np.ndarray) -> float:
    """The least sum of squares that scipy reaches from twelve starts."""
    u = np.log(x) - np.log(x).mean()

    def residuals(p: np.ndarray) -> np.ndarray:
        return np.log(y) - np.log(p[2] + np.exp(p[0] - p[1] * u))

    costs = []
    for alpha in (0.05, 0.2, 0.5, 1.0):
        for share in (0.0, 0.6, 0.95):
            E = share * y.min()
            found = least_squares(
                residuals,
                [np.log(y - E).mean(), alpha, E],
                bounds=([-50, -5, 0], [50, 10, np.inf]),
                x_scale=[1, 0.1, 1],
                ftol=1e-10,
                xtol=1e-10,
                gtol=1e-10,
            )
            costs.append(2 * found.cost)
    return min(costs)


class TestInvariance:
    """What may not matter: the units of x and of y, the order of the points."""

    @pytest.mark.parametrize("factor", [1e-6, 1e9, 1e15])
    @FLOORS
    def test_units_of_x(self, floor: bool | float, factor: float) -> None:
        y = measure(BENT, WIDE, 0.01)
        fit = fit_power_law(WIDE, y, floor=floor, bootstrap=200)
        other = fit_power_law(factor * WIDE, y, floor=floor, bootstrap=200)
        assert other.law.alpha == pytest.approx(fit.law.alpha, rel=1e-6)
        assert pytest.approx(fit.law.E, rel=1e-6) == other.law.E
        assert pytest.approx(fit.law.A * factor**fit.law.alpha, rel=1e-5) == other.law.A
        assert other.interval("alpha") == pytest.approx(fit.interval("alpha"), rel=1e-4)
        assert other.predict(1e10 * factor).high == pytest.approx(fit.predict(1e10).high, rel=1e-5)

    @pytest.mark.parametrize("factor", [1e-3, 1 / math.log(2), 1e6])
    @FLOORS
    def test_units_of_y(self, floor: bool | float, factor: float) -> None:
        y = measure(BENT, WIDE, 0.01)
        scaled = floor if isinstance(floor, bool) else factor * floor
        fit = fit_power_law(WIDE, y, floor=floor, bootstrap=200)
        other = fit_power_law(WIDE, factor * y, floor=scaled, bootstrap=200)
        assert other.law.alpha == pytest.approx(fit.law.alpha, rel=1e-5)
        assert pytest.approx(factor * fit.law.E, rel=1e-5) == other.law.E
        assert pytest.approx(factor * fit.law.A, rel=1e-4) == other.law.A
        assert other.sigma == pytest.approx(fit.sigma, rel=1e-6)

    @FLOORS
    def test_order_of_the_points(self, floor: bool | float) -> None:
        y = measure(BENT, WIDE, 0.01)
        mixed = np.random.default_rng(1).permutation(len(WIDE))
        fit = fit_power_law(WIDE, y, floor=floor, bootstrap=100)
        other = fit_power_law(WIDE[mixed], y[mixed], floor=floor, bootstrap=100)
        assert other.law.alpha == pytest.approx(fit.law.alpha, rel=1e-6)
        np.testing.assert_allclose(other.residuals, fit.residuals[mixed], atol=1e-6)

    def test_lists_and_arrays_are_the_same(self) -> None:
        y = measure(STRAIGHT, LADDER, 0.01)
        from_lists = fit_power_law(LADDER.tolist(), y.tolist())
        assert from_lists.law == fit_power_law(LADDER, y).law


class TestStatus:
    def test_a_straight_law_has_its_floor_at_zero_or_none_that_can_be_told(self) -> None:
        fits = [
            fit_power_law(WIDE, measure(STRAIGHT, WIDE, 0.005, s), floor=True, bootstrap=200)
            for s in range(20)
        ]
        statuses = [str(fit.status) for fit in fits]
        assert statuses.count("converged") <= 2
        assert 4 <= statuses.count("floor at zero") <= 16

    def test_a_floor_at_zero_is_the_straight_line(self) -> None:
        y = STRAIGHT(WIDE) * np.exp(-0.003 * np.linspace(-1, 1, 10) ** 2)  # bends downwards
        fit = fit_power_law(WIDE, y, floor=True)
        straight = fit_power_law(WIDE, y)
        assert str(fit.status) == "floor at zero" and fit.law.E == 0
        assert fit.law == straight.law and fit.sigma == straight.sigma

    def test_a_short_range_does_not_tell_the_floor(self) -> None:
        short = np.geomspace(1e4, 1e5, 10)
        fit = fit_power_law(short, measure(BENT, short, 0.01), floor=True)
        low, high = fit.interval("E")
        assert str(fit.status) in ("floor not identifiable", "floor at zero")
        assert fit.status.about_floor and fit.status.usable and not fit.status.converged
        assert low == 0 and high > 1

    def test_a_wide_range_does(self) -> None:
        fit = fit_power_law(WIDE, measure(BENT, WIDE, 0.01), floor=True)
        low, high = fit.interval("E")
        assert fit.status.converged
        assert 1.3 < low < 1.5 < high < 1.7


class TestFit:
    def test_the_seed_alone_sets_the_draws(self) -> None:
        y = measure(BENT, WIDE, 0.01)
        first, again, other = (fit_power_law(WIDE, y, floor=True, seed=s) for s in (0, 0, 1))
        assert np.array_equal(first.draws, again.draws)
        assert first.predict(1e12) == again.predict(1e12) == first.predict(1e12)
        assert first.law == other.law and not np.array_equal(first.draws, other.draws)

    def test_what_it_holds_fits_together(self) -> None:
        y = measure(BENT, WIDE, 0.01)
        fit = fit_power_law(WIDE, y, floor=True, bootstrap=300)
        np.testing.assert_allclose(np.exp(fit.residuals) * fit.law(WIDE), y)
        assert fit.sigma == pytest.approx(math.sqrt((fit.residuals**2).sum() / (10 - 3)))
        assert fit.draws.shape == (300, 3) and fit.noise.shape == (300,)
        assert fit.covariance.shape == (3, 3)
        assert np.linalg.eigvalsh(fit.covariance).min() > 0
        low, high = np.quantile(fit.draws["alpha"], [0.1, 0.9])
        assert fit.interval("alpha", 0.8) == pytest.approx((low, high), rel=1e-12)

    def test_intervals_widen_with_the_level_and_the_noise_and_the_distance(self) -> None:
        quiet = fit_power_law(LADDER, measure(STRAIGHT, LADDER, 0.002))
        loud = fit_power_law(LADDER, measure(STRAIGHT, LADDER, 0.02))

        def width(interval: tuple[float, float]) -> float:
            return interval[1] - interval[0]

        assert width(quiet.interval("alpha", 0.8)) < width(quiet.interval("alpha", 0.95))
        assert width(quiet.interval("alpha")) < width(loud.interval("alpha")) / 5
        low, high = quiet.band(np.array([1e10, 1e12, 1e14]))
        assert np.all(np.diff(np.log(high / low)) > 0)

    def test_a_new_measurement_is_less_sure_than_the_law(self) -> None:
        fit = fit_power_law(LADDER, measure(STRAIGHT, LADDER, 0.01))
        low, high = fit.band(LADDER)
        new_low, new_high = fit.band(LADDER, new=True)
        assert np.all(new_low < low) and np.all(high < new_high)

    def test_a_prediction_is_the_band_at_one_place(self) -> None:
        fit = fit_power_law(LADDER, measure(STRAIGHT, LADDER, 0.01))
        low, high = fit.band(1e12, 0.8, new=True)
        assert fit.predict(1e12, 0.8) == Estimate(fit.law(1e12), low[0], high[0], 0.8)

    @pytest.mark.parametrize("seed", range(20))
    @FLOORS
    def test_the_fewest_points_still_give_finite_answers(
        self, floor: bool | float, seed: int
    ) -> None:
        """One residual says next to nothing about the noise: wide intervals, but no overflow."""
        x = np.geomspace(1e18, 1e21, 4 if floor is True else 3)
        law = PowerLaw(1.0 * 1e18**0.1, 0.1, 1.2)
        fit = fit_power_law(x, measure(law, x, 0.02, seed), floor=floor)
        assert np.isfinite(fit.draws.to_numpy()).all()
        assert np.isfinite(fit.band(np.geomspace(1e17, 1e24, 8), new=True)).all()
        assert all(np.isfinite(fit.interval(name)).all() for name in ("A", "alpha", "E"))

    def test_it_can_be_read(self) -> None:
        told = str(fit_power_law(WIDE, measure(BENT, WIDE, 0.01), floor=True))
        assert "from 10 points, converged" in told and "% of the loss" in told
        assert told.count("95% interval") == 3
        straight = str(fit_power_law(LADDER, measure(STRAIGHT, LADDER, 0.01)))
        assert straight.count("95% interval") == 2, "a line has no floor to speak of"


class TestRefusals:
    @pytest.mark.parametrize("bad", [math.nan, math.inf, 0, -1, None, "much"])
    @pytest.mark.parametrize("side", ["x", "y"])
    def test_a_value_that_cannot_be(self, side: str, bad: Any) -> None:
        values = {"x": list(LADDER), "y": list(STRAIGHT(LADDER))}
        values[side][2] = bad
        with pytest.raises(ValueError, match=f"{side} must (be finite and above 0|hold numbers)"):
            fit_power_law(**values)

    def test_how_many_values_are_bad_is_told(self) -> None:
        with pytest.raises(ValueError, match=r"2 of 6 values are not \(the first is nan"):
            fit_power_law(LADDER, [3, math.nan, 2, 0, 2, 2])

    @pytest.mark.parametrize(
        ("x", "y"),
        [
            (LADDER, STRAIGHT(LADDER)[:-1]),
            (LADDER[None], STRAIGHT(LADDER)[None]),
            (LADDER.reshape(2, 3), STRAIGHT(LADDER)),
            (1.0, 2.0),
            (LADDER, 2.0),
        ],
    )
    def test_what_is_no_pair_of_lists(self, x: Any, y: Any) -> None:
        with pytest.raises(ValueError, match="two lists of equal length"):
            fit_power_law(x, y)

    @pytest.mark.parametrize(
        ("x", "floor", "needed"),
        [
            ([], False, 3),
            ([1, 2], False, 3),
            ([5, 5, 5, 5], False, 3),
            ([1, 1, 2, 2, 2], 0.5, 3),
            ([1, 2, 3], True, 4),
            ([1, 2, 3, 3, 3, 3], True, 4),
        ],
    )
    def test_too_few_different_x(self, x: list[float], floor: bool | float, needed: int) -> None:
        with pytest.raises(ValueError, match=f"need at least {needed} different x"):
            fit_power_law(x, [1.0] * len(x), floor=floor)

    @pytest.mark.parametrize("floor", [-0.1, 100, math.nan, math.inf])
    def test_a_floor_outside_the_losses(self, floor: float) -> None:
        with pytest.raises(ValueError, match="a fixed floor must lie between 0 and the lowest"):
            fit_power_law(LADDER, STRAIGHT(LADDER), floor=floor)

    def test_a_floor_at_the_lowest_loss(self) -> None:
        y = STRAIGHT(LADDER)
        with pytest.raises(ValueError, match="a fixed floor"):
            fit_power_law(LADDER, y, floor=float(y.min()))

    @pytest.mark.parametrize("bootstrap", [0, 1, 99])
    def test_too_few_draws(self, bootstrap: int) -> None:
        with pytest.raises(ValueError, match="bootstrap must be at least 100"):
            fit_power_law(LADDER, STRAIGHT(LADDER), bootstrap=bootstrap)

    @pytest.mark.parametrize("level", [0, 1, -0.5, 95, math.nan])
    def test_a_level_outside_0_to_1(self, level: float) -> None:
        fit = fit_power_law(LADDER, STRAIGHT(LADDER), bootstrap=100)
        for ask in (
            lambda: fit.interval("alpha", level),
            lambda: fit.predict(1e12, level),
            lambda: fit.band(1e12, level),
        ):
            with pytest.raises(ValueError, match="level must lie between 0 and 1"):
                ask()

    @pytest.mark.parametrize("name", ["beta", "", None, "a"])
    def test_an_unknown_parameter(self, name: Any) -> None:
        fit = fit_power_law(LADDER, STRAIGHT(LADDER), bootstrap=100)
        with pytest.raises(ValueError, match="one of A, alpha, E"):
            fit.interval(name)

    def test_predictions_at_places_that_cannot_be(self) -> None:
        fit = fit_power_law(LADDER, STRAIGHT(LADDER), bootstrap=100)
        with pytest.raises(ValueError, match="predict takes one x"):
            fit.predict([1e12, 1e13])
        for x in (0, -1, math.nan):
            with pytest.raises(ValueError, match="x must be finite and above 0"):
                fit.predict(x)
        with pytest.raises(ValueError, match=r"got shape \(2, 2\)"):
            fit.band(np.ones((2, 2)))


class TestMeanOverSeeds:
    def test_it_averages_what_stands_at_one_x(self) -> None:
        x, mean, error = mean_over_seeds([2, 1, 2, 2, 1], [3.0, 5.0, 6.0, 3.0, 7.0])
        assert x.tolist() == [1, 2] and mean.tolist() == [6, 4]
        assert error == pytest.approx([1.0, math.sqrt(3) / math.sqrt(3)])

    def test_one_measurement_has_no_standard_error(self) -> None:
        _, _, error = mean_over_seeds([1, 2, 2], [3, 4, 5])
        assert math.isnan(error[0]) and error[1] == pytest.approx(0.5)

    def test_bad_values_are_refused(self) -> None:
        with pytest.raises(ValueError, match="y must be finite"):
            mean_over_seeds([1, 2], [1, math.nan])
        with pytest.raises(ValueError, match="two lists of equal length"):
            mean_over_seeds([1, 2], [1])


@pytest.mark.parametrize(
    "bad",
    [{"bootstrap": "200"}, {"bootstrap": 200.5}, {"floor": None}, {"floor": "a"}, {"seed": "q"}],
)
def test_bad_options_are_named(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        fit_power_law([1, 2, 4, 8], [4, 3, 2.5, 2.2], **bad)


def test_a_level_in_words_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        fit_power_law([1, 2, 4, 8], [4, 3, 2.5, 2.2]).interval("alpha", "most")
