"""The laws: their values by hand, their inverses, their limits, and what they refuse.

`PowerLaw` is tested in `test_fit.py`, beside the fit of it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalinglaws import laws
from scalinglaws._checks import positive
from scalinglaws.laws import (
    CHINCHILLA,
    CHINCHILLA_REFIT,
    KAPLAN_JOINT,
    KAPLAN_PARAMS,
    KAPLAN_TOKENS,
    MUENNIGHOFF,
    BrokenPowerLaw,
    ChinchillaLaw,
    DataConstrainedLaw,
    ExponentialLaw,
    KaplanLaw,
    LogarithmicLaw,
    PowerLaw,
    Sigmoid,
)

EXPONENTIAL = ExponentialLaw(A=2.0, scale=5.0, E=1.0)
LOGARITHMIC = LogarithmicLaw(A=8.0, B=0.5)
BROKEN = BrokenPowerLaw(A=20.0, c0=0.1, c1=0.2, d=1e6, f=0.5, E=1.0)
SIGMOID = Sigmoid(midpoint=2.0, slope=3.0, low=0.25, high=0.75)
ROUND = ChinchillaLaw(E=1.0, A=2.0, alpha=0.5, B=3.0, beta=1.0)
ALL = (
    PowerLaw(3.0, 0.5, 1.0),
    EXPONENTIAL,
    LOGARITHMIC,
    BROKEN,
    SIGMOID,
    KAPLAN_JOINT,
    ROUND,
    MUENNIGHOFF,
)
all_laws = pytest.mark.parametrize("law", ALL, ids=lambda law: type(law).__name__)
chinchillas = st.builds(
    ChinchillaLaw,
    E=st.floats(0, 3),
    A=st.floats(10, 1e4),
    alpha=st.floats(0.1, 1),
    B=st.floats(10, 1e4),
    beta=st.floats(0.1, 1),
)
budgets = st.floats(1e15, 1e27)


class TestEveryLaw:
    @all_laws
    def test_it_cannot_be_changed(self, law: Any) -> None:
        name = next(iter(law.parameters))
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(law, name, 1.0)

    @all_laws
    def test_its_parameters_make_it_anew(self, law: Any) -> None:
        assert type(law)(**law.parameters) == law

    @all_laws
    def test_it_takes_one_value_or_many(self, law: Any) -> None:
        inputs = {"KaplanLaw": 2, "ChinchillaLaw": 2, "DataConstrainedLaw": 3}
        count = inputs.get(type(law).__name__, 1)
        assert type(law(*[100] * count)) is float
        many = law(*[np.array([[1e2, 1e3], [1e4, 1e5]])] * count)
        assert many.shape == (2, 2)
        assert many[0, 0] == pytest.approx(law(*[100.0] * count), rel=1e-14)

    @all_laws
    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_no_parameter_may_be_infinite_or_missing(self, law: Any, bad: float) -> None:
        for name in law.parameters:
            with pytest.raises(
                ValueError, match=f"{name} must be a (finite|positive) number|floor"
            ):
                dataclasses.replace(law, **{name: bad})

    @all_laws
    def test_what_must_be_positive_is(self, law: Any) -> None:
        free = {*type(law)._any_sign, *(("alpha",) if isinstance(law, PowerLaw) else ())}
        for name in set(law.parameters) - free - {"E"}:
            for bad in (0.0, -1.0):
                with pytest.raises(ValueError, match=f"{name} must be (above 0|a positive)"):
                    dataclasses.replace(law, **{name: bad})

    @all_laws
    def test_a_floor_may_be_zero_and_not_below(self, law: Any) -> None:
        if "E" not in law.parameters:
            return
        assert dataclasses.replace(law, E=0.0).E == 0
        with pytest.raises(ValueError, match="E must be 0 or above"):
            dataclasses.replace(law, E=-0.1)

    @all_laws
    @pytest.mark.parametrize("x", [0, -1, math.nan, math.inf, [1.0, 0.0], "many"])
    def test_inputs_must_be_positive(self, law: Any, x: Any) -> None:
        if isinstance(law, Sigmoid):
            return
        count = {"KaplanLaw": 2, "ChinchillaLaw": 2, "DataConstrainedLaw": 3}
        for place in range(count.get(type(law).__name__, 1)):
            inputs = [1e6] * count.get(type(law).__name__, 1)
            inputs[place] = x
            with pytest.raises(ValueError, match="must"):
                law(*inputs)

    @pytest.mark.parametrize(
        ("law", "printed"),
        [
            (EXPONENTIAL, "L(x) = 1 + 2 exp(-x / 5)"),
            (LOGARITHMIC, "L(x) = 8 - 0.5 ln x"),
            (BROKEN, "L(x) = 1 + 20 x^-0.1 (1 + (x / 1e+06)^2)^-0.1"),
            (SIGMOID, "accuracy(L) = 0.25 + 0.5 / (1 + exp(3 (L - 2)))"),
            (KaplanLaw(8.0, 0.5, 4.0, 0.25), "L(N, D) = ((8 / N)^2 + 4 / D)^0.25"),
            (ROUND, "L(N, D) = 1 + 2 / N^0.5 + 3 / D^1"),
            (
                DataConstrainedLaw(1, 2, 0.5, 3, 1, R_D=15, R_N=5),
                "L(N', D') = 1 + 2 / N'^0.5 + 3 / D'^1 with R_D = 15, R_N = 5",
            ),
        ],
    )
    def test_it_can_be_read(self, law: Any, printed: str) -> None:
        assert str(law) == printed


class TestOneFormula:
    """`value` and `log_value` for many laws at once are what each law says when it is called."""

    @all_laws
    def test_many_laws_at_once(self, law: Any) -> None:
        rng = np.random.default_rng(0)
        rows = law.theta * (1 + 0.01 * rng.random((5, law.theta.shape[1])))
        x = tuple(np.geomspace(2, 1e6, 7) * (1 + i) for i in range(len(law.inputs)))
        settings = {name: getattr(law, name) for name in law.settings}
        values = law.value(rows, *x, **settings)
        assert values.shape == (5, 7)
        natural = law.natural(rows)
        for row, told in zip(natural, values, strict=True):
            one = type(law)(**dict(zip(law.names(), row, strict=True)), **settings)
            np.testing.assert_allclose(one(*x), told, rtol=1e-12)
        logs = law.log_value(rows, *x, **settings)
        np.testing.assert_allclose(np.exp(logs), np.maximum(values, 1e-300), rtol=1e-12)

    @all_laws
    def test_theta_is_the_parameters_with_logarithms_where_it_says(self, law: Any) -> None:
        assert law.theta.shape == (1, len(law.names()))
        for name, held in zip(law.names(), law.theta[0], strict=True):
            value = getattr(law, name)
            assert held == (math.log(value) if name in law.logs else value)
        assert dict(zip(law.names(), law.natural(law.theta)[0], strict=True)) == pytest.approx(
            {name: value for name, value in law.parameters.items() if name in law.names()}
        )

    def test_a_power_law_without_the_column_of_its_floor_is_a_straight_line(self) -> None:
        theta = np.array([[400.0, 0.5], [-400.0, 0.1]])
        x = np.array([1.0, math.e**2])
        np.testing.assert_allclose(
            PowerLaw.log_value(theta, x), [[400, 399], [-400, -400.2]], rtol=1e-15
        )
        zero = np.column_stack([theta, [0.0, 0.0]])
        assert np.array_equal(PowerLaw.value(theta, x), PowerLaw.value(zero, x))

    def test_a_power_law_can_be_held_within_floats(self) -> None:
        theta = np.array([[900.0, 0.0, 1.0]])
        assert PowerLaw.value(theta, np.array([1.0]), largest=600)[0, 0] == math.exp(600) + 1

    def test_the_slopes_of_a_surface_are_its_derivatives(self) -> None:
        rng = np.random.default_rng(0)
        u, v = rng.standard_normal((2, 9))
        theta = np.array([[0.4, -1.0, 0.3, -0.7, 0.5], [0.0, 0.2, 0.6, 0.1, 0.2]])
        log_f, J = ChinchillaLaw.log_value_and_slopes(theta, u, v)
        np.testing.assert_allclose(
            log_f, ChinchillaLaw.log_value(theta, np.exp(u), np.exp(v)), atol=1e-14
        )
        for i in range(5):
            step = np.zeros(5)
            step[i] = 1e-6
            up, down = (ChinchillaLaw.log_value_and_slopes(t, u, v)[0]
                        for t in (theta + step, theta - step))  # fmt: skip
            np.testing.assert_allclose(J[:, i], (up - down) / 2e-6, atol=1e-8)

    def test_the_best_split_of_many_laws(self) -> None:
        theta = np.concatenate([law.theta for law in (CHINCHILLA, CHINCHILLA_REFIT, ROUND)])
        C = np.array([1e18, 1e21, 1e24])
        log_N, log_D = ChinchillaLaw.log_optimum(theta, np.log(C / 6))
        for law, n, d in zip((CHINCHILLA, CHINCHILLA_REFIT, ROUND), log_N, log_D, strict=True):
            np.testing.assert_allclose(np.exp(n), law.N_opt(C))
            np.testing.assert_allclose(np.exp(d), law.D_opt(C))


class TestPositive:
    def test_it_counts_what_is_wrong(self) -> None:
        with pytest.raises(ValueError, match=r"L must .* 2 of 3 values .* first is 0\.0"):
            positive([1, 0, -1], "L")

    def test_a_masked_value_is_a_missing_one(self) -> None:
        with pytest.raises(ValueError, match="1 of 2 values"):
            positive(np.ma.masked_array([1, 2], [False, True]), "L")

    def test_words_are_no_numbers(self) -> None:
        with pytest.raises(ValueError, match="L must hold numbers only"):
            positive(["a"], "L")


class TestCurves:
    def test_an_exponential_by_hand(self) -> None:
        assert EXPONENTIAL(5 * math.log(2)) == pytest.approx(1 + 2 / 2)
        assert EXPONENTIAL(1e6) == 1

    def test_a_logarithm_by_hand(self) -> None:
        assert LOGARITHMIC(1) == 8
        assert LOGARITHMIC(math.exp(4)) == pytest.approx(6)
        assert LOGARITHMIC(1e8) < 0, "it goes below zero in the end"

    def test_a_broken_law_by_hand(self) -> None:
        at_break = 1 + 20 * 1e6**-0.1 * 2 ** (-0.2 * 0.5)
        assert BROKEN(1e6) == pytest.approx(at_break)

    def test_a_broken_law_is_a_power_law_on_either_side(self) -> None:
        def slope(x: float) -> float:
            return math.log((BROKEN(2 * x) - 1) / (BROKEN(x) - 1)) / math.log(2)

        assert slope(1e1) == pytest.approx(-BROKEN.c0, abs=1e-6)
        assert slope(1e12) == pytest.approx(-BROKEN.c0 - BROKEN.c1, abs=1e-6)

    def test_a_broken_law_does_not_overflow(self) -> None:
        sharp = dataclasses.replace(BROKEN, f=1e-3)
        assert np.isfinite(sharp(np.geomspace(1e-30, 1e30, 7))).all()

    @given(st.floats(0.1, 30))
    def test_the_exponential_leads_back(self, x: float) -> None:
        assert EXPONENTIAL.inverse(EXPONENTIAL(x)) == pytest.approx(x, rel=1e-9)

    @given(st.floats(1e-10, 1e10))
    def test_the_logarithm_leads_back(self, x: float) -> None:
        assert LOGARITHMIC.inverse(LOGARITHMIC(x)) == pytest.approx(x, rel=1e-9)

    @settings(deadline=None)  # the first example waits for scipy to be imported
    @given(st.floats(1, 1e12))
    def test_the_broken_law_leads_back(self, x: float) -> None:
        assert BROKEN.inverse(BROKEN(x)) == pytest.approx(x, rel=1e-6)

    def test_inverses_take_many_losses(self) -> None:
        x = np.array([[1.0, 2.0], [3.0, 4.0]])
        np.testing.assert_allclose(EXPONENTIAL.inverse(EXPONENTIAL(x)), x)
        np.testing.assert_allclose(LOGARITHMIC.inverse(LOGARITHMIC(x)), x)

    @pytest.mark.parametrize("loss", [1.0, 0.5, 3.0, 4.0, math.nan])
    def test_what_an_exponential_never_reaches(self, loss: float) -> None:
        with pytest.raises(ValueError, match="must lie between the floor 1 and 3"):
            EXPONENTIAL.inverse(loss)

    def test_a_flat_logarithm_has_no_inverse(self) -> None:
        with pytest.raises(ValueError, match="flat"):
            LogarithmicLaw(1.0, 0.0).inverse(1.0)

    @pytest.mark.parametrize("loss", [1.0, 0.2, math.nan])
    def test_what_a_broken_law_never_reaches(self, loss: float) -> None:
        with pytest.raises(ValueError, match="at or below the floor E = 1"):
            BROKEN.inverse(loss)

    @pytest.mark.parametrize(("c0", "c1"), [(0.1, -0.2), (-0.1, 0.3), (0.0, 0.2), (0.1, -0.1)])
    def test_a_broken_law_that_rises_somewhere_has_no_inverse(self, c0: float, c1: float) -> None:
        with pytest.raises(ValueError, match="does not fall everywhere"):
            dataclasses.replace(BROKEN, c0=c0, c1=c1).inverse(2.0)

    def test_a_root_is_looked_for_on_one_side_or_both(self) -> None:
        assert laws.root(lambda t: 30.0 - t, 0.0) == pytest.approx(30)
        assert laws.root(lambda t: -30.0 - t, 0.0) == pytest.approx(-30)
        assert laws.root(lambda t: 30.0 - t, 0.0, below=False) == pytest.approx(30)
        with pytest.raises(ValueError, match="beyond what numbers can hold"):
            laws.root(lambda t: 1.0, 0.0, below=False)

    def test_a_loss_beyond_all_numbers(self) -> None:
        with pytest.raises(ValueError, match="beyond what numbers can hold"):
            dataclasses.replace(BROKEN, E=0.0).inverse(1e-200)


class TestSigmoid:
    def test_by_hand(self) -> None:
        assert SIGMOID(2.0) == 0.5
        assert SIGMOID(2.0 + math.log(3) / 3) == pytest.approx(0.25 + 0.5 / 4)
        assert SIGMOID(1e4) == 0.25 and SIGMOID(-1e4) == 0.75

    @given(st.floats(0.3, 4))
    def test_the_inverse_leads_back(self, loss: float) -> None:
        assert SIGMOID.inverse(SIGMOID(loss)) == pytest.approx(loss, rel=1e-6)

    @pytest.mark.parametrize("accuracy", [0.25, 0.75, 0.1, 0.9, math.nan])
    def test_what_it_never_reaches(self, accuracy: float) -> None:
        with pytest.raises(ValueError, match=r"between 0\.25 and 0\.75"):
            SIGMOID.inverse(accuracy)

    @pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.6, 0.4), (-0.1, 1.0), (0.0, 1.1)])
    def test_the_ends_must_be_shares_in_order(self, low: float, high: float) -> None:
        with pytest.raises(ValueError, match="0 <= low < high <= 1"):
            Sigmoid(2.0, 3.0, low, high)


class TestKaplan:
    def test_by_hand(self) -> None:
        law = KaplanLaw(Nc=16.0, alpha_N=0.5, Dc=3.0, alpha_D=0.25)
        assert law(16, 1) == pytest.approx((1 + 3) ** 0.25)
        assert law(4, 3) == pytest.approx((4**2 + 1) ** 0.25)

    def test_with_ample_data_or_an_ample_model_it_is_a_power_law(self) -> None:
        x = np.geomspace(1e6, 1e10, 5)
        of_params, of_tokens = KAPLAN_JOINT.of_params(), KAPLAN_JOINT.of_tokens()
        np.testing.assert_allclose(KAPLAN_JOINT(x, 1e40), of_params(x), rtol=1e-9)
        np.testing.assert_allclose(KAPLAN_JOINT(1e60, x), of_tokens(x), rtol=1e-9)

    def test_the_tokens_lead_back_to_the_loss(self) -> None:
        N = np.array([1e7, 1e8, 1e9])
        D = KAPLAN_JOINT.tokens_for(KAPLAN_JOINT(N, 1e9), N)
        np.testing.assert_allclose(D, 1e9, rtol=1e-6)
        assert type(KAPLAN_JOINT.tokens_for(3.5, 1e9)) is float

    def test_no_data_makes_up_for_a_model_that_is_too_small(self) -> None:
        least = KAPLAN_JOINT.of_params()(1e6)
        with pytest.raises(ValueError, match="does not reach this loss with any data"):
            KAPLAN_JOINT.tokens_for(0.999 * least, 1e6)


class TestChinchilla:
    def test_by_hand(self) -> None:
        assert ROUND(4, 3) == 1 + 1 + 1
        assert pytest.approx(2 / 3) == ROUND.a and pytest.approx(1 / 3) == ROUND.b
        # alpha A / N^alpha = beta B / D^beta at the optimum: 1 / sqrt(N) = 3 / D.
        assert ROUND.N_opt(6 * 81) == pytest.approx(9)
        assert ROUND.D_opt(6 * 81) == pytest.approx(9)
        N, D = ROUND.N_opt(600.0), ROUND.D_opt(600.0)
        assert pytest.approx(math.sqrt(N)) == D / 3

    @given(chinchillas, budgets, st.floats(1, 10))
    def test_the_optimum_is_a_minimum(self, law: ChinchillaLaw, C: float, k: float) -> None:
        N, D, best = law.N_opt(C, k), law.D_opt(C, k), law.L_opt(C, k)
        assert k * N * D == pytest.approx(C, rel=1e-9)
        around = N * np.geomspace(1e-6, 1e6, 4001)
        loss = law(around, C / k / around)
        assert best <= loss.min() * (1 + 1e-12)
        assert 1e-2 < around[loss.argmin()] / N < 1e2 or loss.min() > best * (1 - 1e-9)
        assert law.tokens_per_param(C, k) == pytest.approx(D / N)

    @pytest.mark.parametrize("law", [CHINCHILLA, CHINCHILLA_REFIT, ROUND])
    def test_the_optimum_is_where_a_grid_finds_it(self, law: ChinchillaLaw) -> None:
        for C in (1e18, 1e21, 5.76e23):
            grid = law.N_opt(C) * np.geomspace(0.5, 2, 20_001)
            found = grid[law(grid, C / 6 / grid).argmin()]
            assert found == pytest.approx(law.N_opt(C), rel=1e-4)

    @given(chinchillas, budgets)
    def test_the_frontier_is_the_lowest_loss(self, law: ChinchillaLaw, C: float) -> None:
        frontier = law.frontier()
        assert frontier(C) == pytest.approx(law.L_opt(C), rel=1e-9)
        assert frontier.alpha == pytest.approx(law.alpha * law.beta / (law.alpha + law.beta))
        assert frontier.E == law.E

    @given(st.floats(1e15, 1e26), st.floats(1, 10))
    def test_the_flops_lead_back(self, C: float, k: float) -> None:
        law = CHINCHILLA_REFIT
        assert law.flops_for(law.L_opt(C, k), k) == pytest.approx(C, rel=1e-6)

    @given(st.floats(1e6, 1e12), st.floats(1e8, 1e13))
    def test_tokens_and_params_lead_back(self, N: float, D: float) -> None:
        law = CHINCHILLA_REFIT
        assert law.tokens_for(law(N, D), N) == pytest.approx(D, rel=1e-6)
        assert law.params_for(law(N, D), D) == pytest.approx(N, rel=1e-6)

    def test_losses_that_are_out_of_reach(self) -> None:
        law = CHINCHILLA_REFIT
        with pytest.raises(ValueError, match=r"at or below the floor E = 1\.817"):
            law.flops_for(1.8)
        with pytest.raises(ValueError, match="with any data"):
            law.tokens_for(0.999 * law(1e9, 1e40), 1e9)
        with pytest.raises(ValueError, match="with any model"):
            law.params_for(0.999 * law(1e40, 1e11), 1e11)
        with pytest.raises(ValueError, match="with any data"):
            law.tokens_for(math.nan, 1e9)

    def test_many_budgets_at_once(self) -> None:
        C = np.array([[1e20, 1e21], [1e22, 1e23]])
        for method in ("N_opt", "D_opt", "tokens_per_param", "L_opt"):
            values = getattr(CHINCHILLA_REFIT, method)(C)
            assert values.shape == (2, 2)
            assert values[1, 0] == pytest.approx(getattr(CHINCHILLA_REFIT, method)(1e22))
        with pytest.raises(ValueError, match="C must be finite and above 0"):
            CHINCHILLA.N_opt(0)

    def test_huge_coefficients_do_not_overflow_the_optimum(self) -> None:
        law = ChinchillaLaw(1.0, 1e200, 2.0, 1e-200, 2.0)
        assert math.isfinite(law.N_opt(1e21)) and law.N_opt(1e21) > 0


class TestDataConstrained:
    def test_fresh_data_give_the_plain_law(self) -> None:
        U = MUENNIGHOFF.fresh
        N, D = np.geomspace(1e7, 1e10, 5), np.geomspace(1e10, 1e12, 5)
        # Sizes at most those that suit the data: none is surplus.
        N = np.minimum(N, [MUENNIGHOFF.fresh.N_opt(6 * n * d) for n, d in zip(N, D, strict=True)])
        np.testing.assert_allclose(MUENNIGHOFF(N, D, D), U(N, D), rtol=1e-12)
        np.testing.assert_allclose(MUENNIGHOFF.tokens_worth(D, D), D)

    def test_more_different_tokens_than_are_trained_on_change_nothing(self) -> None:
        assert MUENNIGHOFF.tokens_worth(1e9, 1e12) == pytest.approx(1e9)
        assert MUENNIGHOFF(1e8, 1e9, 1e12) == pytest.approx(MUENNIGHOFF(1e8, 1e9, 1e9))

    @pytest.mark.parametrize(("epochs", "per_cent"), [(4, 93), (16, 66), (40, 38)])
    def test_what_a_repeated_token_is_worth_on_average(self, epochs: int, per_cent: int) -> None:
        worth = MUENNIGHOFF.tokens_worth(epochs * 1e9, 1e9)
        assert round(100 * worth / (epochs * 1e9)) == per_cent

    def test_repetition_has_an_end(self) -> None:
        most = 1e9 * (1 + MUENNIGHOFF.R_D)
        assert MUENNIGHOFF.tokens_worth(1e15, 1e9) == pytest.approx(most)

    def test_surplus_parameters_have_an_end(self) -> None:
        U = 1e9
        law = MUENNIGHOFF.fresh
        # The size for which U tokens are the best choice.
        fitting = float(np.exp(np.interp(
            math.log(U),
            np.log(law.D_opt(np.geomspace(1e15, 1e25, 2001))),
            np.log(law.N_opt(np.geomspace(1e15, 1e25, 2001))),
        )))  # fmt: skip
        assert MUENNIGHOFF.params_worth(fitting / 2, U) == pytest.approx(fitting / 2)
        assert MUENNIGHOFF.params_worth(fitting * 1e9, U) == pytest.approx(
            fitting * (1 + MUENNIGHOFF.R_N), rel=1e-3
        )

    def test_the_size_that_suits_the_data_with_two_exponents(self) -> None:
        law = DataConstrainedLaw(1.0, 100.0, 0.4, 300.0, 0.6, R_D=15.0, R_N=5.0)
        N, U = law.fresh.N_opt(1e18), law.fresh.D_opt(1e18)
        assert law.params_worth(N, U) == pytest.approx(N)
        worth = N * (1 + 5 * (1 - math.exp(-1 / 5)))
        assert law.params_worth(2 * N, U) == pytest.approx(worth)
        assert law(2 * N, U, U) == pytest.approx(law.fresh(worth, U))

    @given(st.floats(1e7, 1e11), st.floats(1e9, 1e12), st.floats(1, 1000))
    def test_repeated_data_are_never_better_than_fresh(
        self, N: float, D: float, epochs: float
    ) -> None:
        assert MUENNIGHOFF(N, D, D / epochs) >= MUENNIGHOFF(N, D, D) * (1 - 1e-12)
        assert MUENNIGHOFF.tokens_worth(D, D / epochs) <= D * (1 + 1e-12)


class TestPublished:
    """Constants as their papers print them, and what follows from them."""

    def test_kaplan(self) -> None:
        assert KAPLAN_PARAMS(8.8e13) == pytest.approx(1) and KAPLAN_PARAMS.alpha == 0.076
        assert KAPLAN_TOKENS(5.4e13) == pytest.approx(1) and KAPLAN_TOKENS.alpha == 0.095
        assert KAPLAN_JOINT.parameters == {
            "Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103,
        }  # fmt: skip
        # Eight times the model needs about five times the data.
        assert 8 ** (KAPLAN_JOINT.alpha_N / KAPLAN_JOINT.alpha_D) == pytest.approx(5, rel=0.1)

    def test_hoffmann(self) -> None:
        assert CHINCHILLA.parameters == {
            "E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28,
        }  # fmt: skip
        assert CHINCHILLA.tokens_per_param(5.76e23) == pytest.approx(93, abs=1)
        assert CHINCHILLA.N_opt(5.76e23) == pytest.approx(32e9, rel=0.01)
        assert CHINCHILLA.D_opt(5.76e23) == pytest.approx(2.98e12, rel=0.01)
        assert round(CHINCHILLA.a, 2) == 0.45

    def test_besiroglu(self) -> None:
        assert CHINCHILLA_REFIT.parameters == {
            "E": 1.8172, "A": 482.01, "alpha": 0.3478, "B": 2085.43, "beta": 0.3658,
        }  # fmt: skip
        assert CHINCHILLA_REFIT.a == pytest.approx(0.513, abs=5e-4)
        assert CHINCHILLA_REFIT.N_opt(5.76e23) == pytest.approx(72e9, rel=0.01)
        assert CHINCHILLA_REFIT.D_opt(5.76e23) == pytest.approx(1.33e12, rel=0.01)
        assert round(CHINCHILLA_REFIT.tokens_per_param(5.76e23)) == 18

    def test_muennighoff(self) -> None:
        assert MUENNIGHOFF.parameters == {
            "E": 1.87, "A": 521.0, "alpha": 0.3527, "B": 1488.0, "beta": 0.3527,
            "R_D": 15.39, "R_N": 5.31,
        }  # fmt: skip

    def test_every_published_law_is_described(self) -> None:
        source = laws.__file__
        with open(source, encoding="utf-8") as file:
            text = file.read()
        for name in ("KAPLAN_PARAMS", "KAPLAN_TOKENS", "KAPLAN_JOINT", "CHINCHILLA", "MUENNIGHOFF"):
            assert f"\n{name} = " in text
