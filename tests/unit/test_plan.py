"""Decisions from a law: `scalinglaws.plan`, against cases worked out by hand and published ones."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalinglaws.fit import ChinchillaFit, Status, StatusKind, fit_chinchilla, fit_isoflop
from scalinglaws.laws import CHINCHILLA, CHINCHILLA_REFIT, ChinchillaLaw
from scalinglaws.plan import (
    PUBLISHED,
    Assumptions,
    compute_optimal,
    cost,
    flops_of,
    outside,
    reaching,
    with_inference,
)

UNROUNDED = ChinchillaLaw(E=1.6934, A=406.4, alpha=0.33917, B=410.7, beta=0.28491)
"""Hoffmann et al. (2022) with the digits of their source text."""
EVEN = ChinchillaLaw(E=1.0, A=100.0, alpha=0.5, B=100.0, beta=0.5)
LAWS = pytest.mark.parametrize("law", [CHINCHILLA, CHINCHILLA_REFIT, UNROUNDED, EVEN])


@pytest.fixture(scope="module")
def sweep() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """IsoFLOP runs from 1e18 to 1e21 FLOPs on the refit of Chinchilla, with 0.3 % of noise."""
    C = np.repeat(np.geomspace(1e18, 1e21, 6), 8)
    N = CHINCHILLA_REFIT.N_opt(C) * np.tile(np.geomspace(0.25, 4, 8), 6)
    noise = np.exp(0.003 * np.random.default_rng(2).standard_normal(len(N)))
    return N, C / 6 / N, CHINCHILLA_REFIT(N, C / 6 / N) * noise


@pytest.fixture(scope="module")
def fit(sweep: tuple[np.ndarray, ...]) -> ChinchillaFit:
    return fit_chinchilla(*sweep, bootstrap=300)


class TestComputeOptimal:
    def test_gophers_budget_by_the_refit(self) -> None:
        plan = compute_optimal(CHINCHILLA_REFIT, 5.76e23)
        assert plan.params.value == pytest.approx(72e9, rel=0.01)
        assert plan.tokens.value == pytest.approx(1.33e12, rel=0.01)
        assert plan.tokens_per_param.value == pytest.approx(18, rel=0.03)
        assert not plan.params.known and math.isfinite(plan.params.value)

    def test_a_case_worked_out_by_hand(self) -> None:
        # A = B and alpha = beta: N = D = sqrt(C / 6), L = 1 + 200 / sqrt(N).
        plan = compute_optimal(EVEN, 6e16)
        assert (plan.params.value, plan.tokens.value) == pytest.approx((1e8, 1e8))
        assert plan.loss.value == pytest.approx(1.02)
        assert compute_optimal(EVEN, 6e16, k=600).params.value == pytest.approx(1e7)

    def test_a_fit_gives_intervals_that_hold_the_truth(self, fit: ChinchillaFit) -> None:
        plan = compute_optimal(fit, 1e21)
        truth = compute_optimal(CHINCHILLA_REFIT, 1e21)
        for name in ("params", "tokens", "tokens_per_param", "loss"):
            mine, true = getattr(plan, name), getattr(truth, name).value
            assert mine.low < true < mine.high
        assert plan.notes == ()

    def test_approach_two_gives_no_loss(self, sweep: tuple[np.ndarray, ...]) -> None:
        fit = fit_isoflop(*sweep, bootstrap=300)
        plan = compute_optimal(fit, 1e20)
        assert plan.loss is None
        assert plan.params.low < CHINCHILLA_REFIT.N_opt(1e20) < plan.params.high
        with pytest.raises(ValueError, match="no loss to plan for"):
            reaching(fit, 2.5)

    def test_it_says_how_far_it_extrapolates(self, fit: ChinchillaFit) -> None:
        assert compute_optimal(fit, 1e22).notes[0].startswith("extrapolated: 10 times the most")
        far = compute_optimal(fit, 1.2e24).notes
        assert "1.2e+24 FLOPs are 1.2e+03 times the most measured (1e+21)" in far[0]
        assert any("params are" in note for note in far)
        assert "0.1 of the fewest" in compute_optimal(fit, 1e17).notes[0]

    def test_a_doubtful_fit_is_said_to_be(self, fit: ChinchillaFit) -> None:
        doubtful = dataclasses.replace(fit, status=Status(StatusKind.NOT_IDENTIFIABLE, "E"))
        plan = compute_optimal(doubtful, 1e20)
        assert plan.doubt == "the fit behind this plan says: E not identifiable"
        assert plan.doubt in plan.notes and plan.params.known
        assert compute_optimal(fit, 1e20).doubt is None

    @pytest.mark.parametrize("flops", [0, -1, math.nan, math.inf, "1e20", True, None])
    def test_a_budget_is_a_positive_number(self, flops: Any) -> None:
        with pytest.raises(ValueError, match="flops must be a finite number above 0"):
            compute_optimal(EVEN, flops)

    def test_a_fit_has_its_own_count_of_flops(self, fit: ChinchillaFit) -> None:
        with pytest.raises(ValueError, match="the fit counts C = 6 N D"):
            compute_optimal(fit, 1e20, k=8)


class TestReaching:
    @LAWS
    def test_it_is_the_inverse_of_the_best_loss(self, law: ChinchillaLaw) -> None:
        plan = reaching(law, float(law.L_opt(1e22)))
        assert plan.training_flops.value == pytest.approx(1e22, rel=1e-9)
        assert plan.params.value == pytest.approx(law.N_opt(1e22))

    @pytest.mark.parametrize("loss", [1.0, 1.8172])
    def test_nothing_reaches_the_floor(self, loss: float) -> None:
        with pytest.raises(ValueError, match=r"at or below the floor E = 1\.817"):
            reaching(CHINCHILLA_REFIT, loss)

    def test_where_the_floor_may_lie_above_there_is_no_interval(self, fit: ChinchillaFit) -> None:
        low, high = fit.interval("E")
        assert low < fit.law.E < high
        plan = reaching(fit, fit.law.E + 0.05 * (high - fit.law.E))
        assert not plan.params.known and math.isfinite(plan.params.value)
        assert "of the bootstrap draws no model reaches this loss" in plan.notes[0]

    def test_a_loss_above_all_has_no_meaning(self) -> None:
        assert "less than one parameter" in reaching(EVEN, 1e4).notes[0]


class TestWithInference:
    @LAWS
    @pytest.mark.parametrize("served", [1e9, 2e12, 1e15])
    def test_no_other_size_is_cheaper(self, law: ChinchillaLaw, served: float) -> None:
        plan = with_inference(law, served, flops=1e22)
        loss = float(law.L_opt(1e22))

        def total(log_n: float) -> float:
            N = math.exp(log_n)
            return 6 * N * float(law.tokens_for(loss, N)) + 2 * N * served

        least = ((loss - law.E) / law.A) ** (-1 / law.alpha)
        best = minimize_scalar(
            total,
            bounds=(math.log(least * 1.0001), math.log(plan.instead_of[0] * 2)),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert plan.params.value == pytest.approx(math.exp(best.x), rel=1e-3)
        both = plan.training_flops.value + plan.inference_flops.value
        assert both == pytest.approx(best.fun, rel=1e-6)
        N, D = plan.instead_of
        assert plan.saving.value == pytest.approx(1 - both / (6 * N * D + 2 * N * served))
        assert law(plan.params.value, plan.tokens.value) == pytest.approx(loss)

    def test_the_example_of_sardana(self) -> None:
        """The quality of a 13B model of Chinchilla's recipe, and two trillion tokens to serve."""
        flops = 6 * (13e9 / UNROUNDED.G) ** (1 / UNROUNDED.a)
        plan = with_inference(UNROUNDED, 2e12, flops=flops)
        assert plan.instead_of[0] == pytest.approx(13e9)
        assert plan.params.value == pytest.approx(7e9, rel=0.03)
        assert plan.saving.value == pytest.approx(0.17, abs=0.01)

    @LAWS
    def test_more_demand_asks_for_a_smaller_model_trained_longer(self, law: ChinchillaLaw) -> None:
        plans = [with_inference(law, served, flops=1e22) for served in np.geomspace(1e8, 1e16, 9)]
        params = [plan.params.value for plan in plans]
        tokens = [plan.tokens.value for plan in plans]
        assert params == sorted(params, reverse=True) and tokens == sorted(tokens)
        assert params[0] == pytest.approx(law.N_opt(1e22), rel=0.01)

    def test_without_demand_it_is_the_compute_optimal_model(self) -> None:
        plan = with_inference(CHINCHILLA_REFIT, 0, flops=1e22)
        assert plan.params.value == pytest.approx(CHINCHILLA_REFIT.N_opt(1e22))
        assert plan.saving is None and plan.inference_flops is None

    def test_a_fit_gives_intervals(self, fit: ChinchillaFit) -> None:
        plan = with_inference(fit, 1e12, loss=2.5)
        truth = with_inference(CHINCHILLA_REFIT, 1e12, loss=2.5)
        for name in ("params", "tokens", "training_flops", "inference_flops", "saving"):
            mine, true = getattr(plan, name), getattr(truth, name).value
            assert mine.low < true < mine.high
        assert plan.loss.value == 2.5 and not plan.loss.known

    def test_its_intervals_are_those_of_the_drawn_laws(self, fit: ChinchillaFit) -> None:
        plan = with_inference(fit, 1e12, loss=2.5)
        rows = fit.draws[list(ChinchillaLaw.names())].to_numpy()
        drawn = [with_inference(ChinchillaLaw(*map(float, row)), 1e12, loss=2.5) for row in rows]
        for name in ("params", "tokens", "saving"):
            ends = np.quantile([getattr(one, name).value for one in drawn], (0.025, 0.975))
            found = getattr(plan, name)
            assert (found.low, found.high) == pytest.approx(tuple(ends)) and found.level == 0.95

    @pytest.mark.parametrize("how", [{}, {"loss": 2.5, "flops": 1e20}])
    def test_the_quality_is_given_once(self, how: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="one of the two"):
            with_inference(EVEN, 1e12, **how)


BROKEN = Status(StatusKind.BOUND_HIT, "beta")


class TestBehindAFitThatIsNoAnswer:
    @pytest.fixture
    def broken(self, fit: ChinchillaFit) -> ChinchillaFit:
        return dataclasses.replace(fit, status=BROKEN)

    @pytest.mark.parametrize("ask", [
        lambda fit: compute_optimal(fit, 1e20),
        lambda fit: reaching(fit, 2.6),
        lambda fit: with_inference(fit, 1e12, loss=2.6),
        lambda fit: with_inference(fit, 1e12, flops=1e20),
    ], ids=["optimal", "reaching", "serving at a loss", "serving at a budget"])  # fmt: skip
    def test_the_plan_is_not_known_and_says_why(self, broken: ChinchillaFit, ask: Any) -> None:
        plan = ask(broken)
        for name in ("params", "tokens", "tokens_per_param"):
            assert math.isnan(getattr(plan, name).value) and not getattr(plan, name).known
        assert plan.doubt in plan.notes
        assert "bound hit: beta; it is no answer" in plan.doubt
        assert plan.instead_of is None
        text = str(plan.priced())
        assert text.count("not known from these runs") >= 3
        assert "nan" not in text and "None" not in text

    def test_serving_costs_are_not_known_either(self, broken: ChinchillaFit) -> None:
        plan = with_inference(broken, 1e12, loss=2.6).priced()
        assert plan.cost is None and plan.inference_cost is None
        assert math.isnan(plan.saving.value) and plan.loss.value == 2.6

    def test_an_allocation_that_is_no_answer(self, sweep: tuple[np.ndarray, ...]) -> None:
        fit = dataclasses.replace(fit_isoflop(*sweep, bootstrap=100), status=BROKEN)
        plan = compute_optimal(fit, 1e20)
        assert math.isnan(plan.params.value) and plan.doubt in plan.notes


class TestCost:
    def test_hours_energy_money_carbon_by_hand(self) -> None:
        machine = Assumptions(
            peak_flops=1e15, utilisation=0.5, watts_per_gpu=1000, price_per_gpu_hour=2.0,
            price_date="2026-03", carbon_per_kwh=0.4,
        )  # fmt: skip
        found = cost(1.8e21, machine)
        assert found.gpu_hours == pytest.approx(1000)
        assert found.kwh == pytest.approx(1000)
        assert found.money == pytest.approx(2000)
        assert found.carbon_kg == pytest.approx(400)
        assert flops_of(machine, gpu_hours=1000) == pytest.approx(1.8e21)
        assert flops_of(machine, money=2000) == pytest.approx(1.8e21)

    def test_llama_3_405b(self) -> None:
        """30.84 million GPU-hours at 700 W are 21.6 GWh, of the GPUs alone."""
        machine = Assumptions(watts_per_gpu=700)
        found = cost(flops_of(machine, gpu_hours=30.84e6), machine)
        assert found.gpu_hours == pytest.approx(30.84e6)
        assert found.kwh == pytest.approx(21.6e6, rel=0.001)
        # 3.8e25 FLOPs at 40 % of the peak would have taken a little less.
        assert cost(3.8e25).gpu_hours == pytest.approx(26.7e6, rel=0.01)

    def test_there_is_no_price_without_a_date(self) -> None:
        assert cost(1e20).money is None and cost(1e20).carbon_kg is None
        for half in ({"price_per_gpu_hour": 2.0}, {"price_date": "2026"}):
            with pytest.raises(ValueError, match="a price needs its date"):
                Assumptions(**half)
        with pytest.raises(ValueError, match="needs the price"):
            flops_of(Assumptions(), money=5)
        for date in ("March", "2026-13", "26-03", "2026-03-40"):
            with pytest.raises(ValueError, match="must look like 2026"):
                Assumptions(price_per_gpu_hour=2.0, price_date=date)

    @pytest.mark.parametrize(
        "wrong",
        [{"utilisation": 40}, {"utilisation": 0}, {"peak_flops": -1}, {"watts_per_gpu": "x"}],
    )
    def test_assumptions_must_be_possible(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Assumptions(**wrong)

    def test_hours_or_money(self) -> None:
        with pytest.raises(ValueError, match="one of the two"):
            flops_of(Assumptions())


def test_a_plan_prints_itself() -> None:
    plan = with_inference(CHINCHILLA_REFIT, 2e12, flops=1e22)
    text = str(plan.priced(Assumptions(price_per_gpu_hour=2.0, price_date="2026-03")))
    for said in ("params", "tokens per param", "saving", "GPU-hours", "in money (2026-03)",
                 "989.4 TFLOP/s at 40%", "note: the quality is that of"):  # fmt: skip
        assert said in text
    assert "GPU-hours" not in str(plan)


def test_what_lies_outside_is_said() -> None:
    assert outside("params", 5.0, (1.0, 10.0)) == ()
    assert outside("params", 20.0, [1.0, 10.0]) == ("20 params are 2 times the most measured (10)",)
    assert outside("tokens", 0.5, (1.0, 10.0)) == ("0.5 tokens are 0.5 of the least measured (1)",)
    assert all(known.params[0] < known.params[1] for known in PUBLISHED.values())
