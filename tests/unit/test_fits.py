"""The fits of surfaces, of the best allocation, and of curves.

`fit_power_law` is tested in `test_fit.py`; how often intervals hold the truth, in
`tests/statistical`.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

from scalinglaws.estimate import Estimate
from scalinglaws.fit import (
    CURVES,
    AllocationFit,
    ChinchillaFit,
    FitResult,
    LawFit,
    Status,
    StatusKind,
    budgets_of,
    compare,
    fit_chinchilla,
    fit_curve,
    fit_data_constrained,
    fit_envelope,
    fit_isoflop,
    fit_kaplan,
    fit_power_law,
    fit_sigmoid,
)
from scalinglaws.fit.allocation import widened_by_scatter
from scalinglaws.fit.bootstrap import (
    cluster_weights,
    clusters_of,
    noise_sizes,
    offset,
    resampled_residuals,
    widened,
)
from scalinglaws.fit.chinchilla import _LOWER, _UPPER, _Surface
from scalinglaws.fit.minimise import aicc, huber_cost, minimise, rounded
from scalinglaws.laws import (
    CHINCHILLA_REFIT,
    KAPLAN_JOINT,
    MUENNIGHOFF,
    BrokenPowerLaw,
    ChinchillaLaw,
    ExponentialLaw,
    LogarithmicLaw,
    PowerLaw,
    Sigmoid,
)

TRUTH = CHINCHILLA_REFIT
NAMES = ("E", "A", "alpha", "B", "beta")
Runs = tuple[np.ndarray, np.ndarray, np.ndarray]


def runs(law: Any = TRUTH, n: int = 60, sigma: float = 0.01, seed: int = 0) -> Runs:
    """N, D and L of scattered runs."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.8, 10.2, n), 10 ** rng.uniform(9.7, 11.7, n)
    return N, D, law(N, D) * np.exp(sigma * rng.standard_normal(n))


def on_budgets(sigma: float = 0.002, seed: int = 0, reach: float = 3.0) -> Runs:
    """Runs of seven sizes around the optimum at each of six budgets."""
    rng = np.random.default_rng(seed)
    C = np.geomspace(6e18, 3e21, 6).repeat(7)
    N = TRUTH.N_opt(C) * np.tile(np.geomspace(1 / reach, reach, 7), 6)
    D = C / (6 * N)
    return N, D, TRUTH(N, D) * np.exp(sigma * rng.standard_normal(len(N)))


def along_curves(sigma: float = 0.002, seed: int = 0) -> Runs:
    """Twelve training curves with twelve points each."""
    rng = np.random.default_rng(seed)
    N = np.geomspace(7e7, 1.6e10, 12).repeat(12)
    D = np.tile(np.geomspace(1e9, 5e11, 12), 12)
    return N, D, TRUTH(N, D) * np.exp(sigma * rng.standard_normal(len(N)))


def repeated(n: int = 150, sigma: float = 0.003, seed: int = 0) -> tuple[np.ndarray, ...]:
    """N, D, U and L of runs of which most repeat their data."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7, 9.7, n), 10 ** rng.uniform(8.5, 11, n)
    U = D / np.where(rng.random(n) < 0.4, 1.0, 10 ** rng.uniform(0.2, 2, n))
    return N, D, U, MUENNIGHOFF(N, D, U) * np.exp(sigma * rng.standard_normal(n))


def kaplan_runs(n: int = 60, sigma: float = 0.005, seed: int = 0) -> Runs:
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(5, 9, n), 10 ** rng.uniform(7, 10.5, n)
    return N, D, KAPLAN_JOINT(N, D) * np.exp(sigma * rng.standard_normal(n))


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@cache
def noisy() -> ChinchillaFit:
    """One fit that many tests look at."""
    return fit_chinchilla(*runs(), bootstrap=400)


@cache
def noisy_isoflop() -> AllocationFit:
    return fit_isoflop(*on_budgets(), bootstrap=400)


@cache
def noisy_envelope() -> AllocationFit:
    return fit_envelope(*along_curves(), bootstrap=400)


class TestChinchilla:
    @pytest.mark.parametrize(
        "law",
        [
            TRUTH,
            ChinchillaLaw(1.69, 406.4, 0.34, 410.7, 0.28),
            ChinchillaLaw(0.5, 30.0, 0.2, 5000.0, 0.5),
            ChinchillaLaw(1.0, 2000.0, 0.6, 200.0, 0.25),
        ],
    )
    @pytest.mark.parametrize("n", [10, 35, 240])
    def test_exact_data_give_the_law_back(self, law: ChinchillaLaw, n: int) -> None:
        N, D, L = runs(law, n, sigma=0)
        fit = fit_chinchilla(N, D, L, bootstrap=100)
        np.testing.assert_allclose(fit.law(N, D), L, rtol=1e-6)
        for name in NAMES:
            rough = 0.02 if name in "AB" else 0.005
            assert getattr(fit.law, name) == pytest.approx(getattr(law, name), rel=rough)
        assert np.abs(fit.residuals).max() < 1e-6

    def test_what_it_holds_fits_together(self) -> None:
        fit, (N, D, L) = noisy(), runs()
        np.testing.assert_allclose(np.exp(fit.residuals) * fit.law(N, D), L)
        assert fit.draws.shape == (400, 5) and fit.covariance.shape == (5, 5)
        assert np.linalg.eigvalsh(fit.covariance).min() > 0
        assert fit.status.converged and fit.clusters == 60
        assert fit.a + fit.b == pytest.approx(1)
        assert fit.interval("E", 0.8) == pytest.approx(
            np.quantile(fit.draws["E"], [0.1, 0.9]), rel=1e-12
        )
        low, high = fit.interval("A")
        assert (math.log(low), math.log(high)) == pytest.approx(
            np.quantile(np.log(fit.draws["A"]), [0.025, 0.975]), rel=1e-3
        )
        assert fit.interval("a")[0] == pytest.approx(1 - fit.interval("b")[1])

    def test_the_optimum_is_that_of_the_law_and_of_the_draws(self) -> None:
        fit = noisy()
        best = fit.optimum(1e22)
        assert best.N.value == fit.law.N_opt(1e22) and best.L.value == fit.law.L_opt(1e22)
        assert best.N.value in best.N and best.D.value in best.D and best.L.value in best.L
        assert best.N.low * best.D.high == pytest.approx(1e22 / 6, rel=0.02)
        sizes = [ChinchillaLaw(**row).N_opt(1e22) for row in fit.draws.to_dict("records")]
        assert (best.N.low, best.N.high) == pytest.approx(np.quantile(sizes, [0.025, 0.975]))
        text = str(best)
        assert "compute-optimal for 1e+22 FLOPs" in text and "tokens per param" in text

    def test_a_prediction_is_the_band_at_one_place(self) -> None:
        fit = noisy()
        low, high = fit.band(1e11, 1e12, new=True)
        assert fit.predict(1e11, 1e12) == Estimate(
            float(fit.law(1e11, 1e12)), low[0], high[0], 0.95
        )
        assert width(fit.band(1e11, 1e12)) < width((low, high))
        low, high = fit.band([[1e9], [1e10]], [1e10, 1e11, 1e12], 0.5)
        assert low.shape == high.shape == (2, 3) and np.all(low < high)

    def test_far_from_the_data_the_band_is_wider(self) -> None:
        low, high = noisy().band([1e9, 1e11, 1e13], [1e11, 1e13, 1e15])
        assert np.all(np.diff(np.log(high / low)) > 0)

    def test_the_seed_alone_sets_the_draws(self) -> None:
        data = runs(n=30)
        first, again, other = (fit_chinchilla(*data, bootstrap=100, seed=s) for s in (0, 0, 1))
        assert np.array_equal(first.draws, again.draws)
        assert first.predict(1e11, 1e12) == again.predict(1e11, 1e12)
        assert first.law == other.law and not np.array_equal(first.draws, other.draws)

    def test_the_order_of_the_runs_does_not_matter(self) -> None:
        N, D, L = runs()
        mixed = np.random.default_rng(1).permutation(60)
        other = fit_chinchilla(N[mixed], D[mixed], L[mixed], bootstrap=100)
        for name in NAMES:
            assert getattr(other.law, name) == pytest.approx(getattr(noisy().law, name), rel=1e-5)

    @pytest.mark.parametrize(("n", "d", "y"), [(1e-6, 1e-9, 1 / math.log(2)), (1e6, 1e3, 1e-3)])
    def test_units_do_not_matter(self, n: float, d: float, y: float) -> None:
        N, D, L = runs()
        law = noisy().law
        other = fit_chinchilla(n * N, d * D, y * L, bootstrap=100).law
        assert pytest.approx(y * law.E, rel=1e-4) == other.E
        assert other.alpha == pytest.approx(law.alpha, rel=1e-4)
        assert other.beta == pytest.approx(law.beta, rel=1e-4)
        assert pytest.approx(y * law.A * n**law.alpha, rel=1e-3) == other.A
        assert pytest.approx(y * law.B * d**law.beta, rel=1e-3) == other.B

    def test_every_run_twice_is_the_same_law_with_the_same_doubt(self) -> None:
        """Sums, not means: twice the data doubles the cost and moves nothing."""
        N, D, L = (np.concatenate([v, v]) for v in runs())
        twice = fit_chinchilla(N, D, L, bootstrap=400)
        for name in NAMES:
            assert getattr(twice.law, name) == pytest.approx(getattr(noisy().law, name), rel=1e-5)
        assert twice.clusters == 60
        assert width(twice.interval("alpha")) == pytest.approx(
            width(noisy().interval("alpha")), rel=1e-3
        )

    @pytest.mark.parametrize("scale", [1 / 240, 1e-6, 1e6])
    def test_a_cost_divided_by_the_number_of_runs_has_the_same_optimum(self, scale: float) -> None:
        """What Hoffmann et al. met: with averages their optimiser stopped before the optimum."""
        N, D, L = runs(n=240)
        surface = _Surface(N, D, L)
        summed, cost, settled = surface.search(np.ones((1, 240)), 1e-3)
        scaled, small, also = surface.search(np.full((1, 240), scale), 1e-3)
        assert settled[0] and also[0]
        assert small[0] == pytest.approx(scale * cost[0], rel=1e-9)
        np.testing.assert_allclose(scaled, summed, rtol=1e-4)

    def test_outliers_hardly_move_the_fit(self) -> None:
        N, D, L = runs(n=120, sigma=0.004)
        spoilt = L.copy()
        spoilt[::20] *= 1.5
        clean = fit_chinchilla(N, D, L, bootstrap=200)
        robust = fit_chinchilla(N, D, spoilt, bootstrap=200)
        squares = fit_chinchilla(N, D, spoilt, bootstrap=200, huber=1e3)
        for name in ("E", "alpha", "beta"):
            low, high = clean.interval(name)
            assert low < getattr(robust.law, name) < high
        off = [abs(f.law.L_opt(1e21) / clean.law.L_opt(1e21) - 1) for f in (robust, squares)]
        assert off[0] < 0.003 < off[1]
        assert set(np.argsort(robust.residuals)[-6:]) == set(range(0, 120, 20))

    def test_more_runs_know_more(self) -> None:
        few, many = (fit_chinchilla(*runs(n=n), bootstrap=200) for n in (40, 640))
        for name in ("E", "alpha", "beta", "a"):
            assert width(many.interval(name)) < 0.5 * width(few.interval(name))

    def test_it_can_be_read(self) -> None:
        text = str(noisy())
        assert text.startswith("L(N, D) = ") and "from 60 runs, converged" in text
        assert text.count("95% interval") == 7
        assert "half of the runs lie within" in text

    def test_k_counts_the_flops(self) -> None:
        data = runs()
        six, three = (fit_chinchilla(*data, k=k, bootstrap=100) for k in (6, 3))
        assert six.law == three.law
        assert three.optimum(1e21).N.value == pytest.approx(six.optimum(2e21).N.value)


class TestChinchillaStatus:
    def test_without_a_floor_it_is_at_zero(self) -> None:
        law = ChinchillaLaw(0.0, 30.0, 0.12, 40.0, 0.13)
        found = {
            str(fit_chinchilla(*runs(law, 40, 0.01, s), bootstrap=100).status) for s in range(6)
        }
        assert found <= {"E at zero", "E not identifiable"} and "E at zero" in found

    def test_a_short_range_does_not_tell_the_floor(self) -> None:
        rng = np.random.default_rng(0)
        N, D = 10 ** rng.uniform(9, 9.5, 40), 10 ** rng.uniform(10, 10.5, 40)
        L = TRUTH(N, D) * np.exp(0.01 * rng.standard_normal(40))
        fit = fit_chinchilla(N, D, L, bootstrap=200)
        assert not fit.status.converged

    def test_a_size_that_is_worth_nothing_is_owned_up_to(self) -> None:
        N, D, _ = runs()
        for seed in range(3):
            scatter = np.exp(0.01 * np.random.default_rng(seed).standard_normal(60))
            fit = fit_chinchilla(N, D, (1.8 + 2000 * D**-0.36) * scatter, bootstrap=200)
            assert not fit.status.converged

    def test_bounds_hold_in_every_draw(self) -> None:
        law = ChinchillaLaw(0.0, 30.0, 0.12, 40.0, 0.13)
        fit = fit_chinchilla(*runs(law, 30, 0.03), bootstrap=200)
        assert np.isfinite(fit.draws.to_numpy()).all() and fit.draws["E"].min() >= 0
        exponents = fit.draws[["alpha", "beta"]].to_numpy()
        assert exponents.min() >= _LOWER[2] and exponents.max() <= _UPPER[2]


class TestClusters:
    def test_seeds_are_drawn_together(self) -> None:
        N, D, _ = runs(n=40)
        rng = np.random.default_rng(0)
        N, D = N.repeat(3), D.repeat(3)
        shared = np.repeat(0.01 * rng.standard_normal(40), 3)
        L = TRUTH(N, D) * np.exp(shared)
        fit = fit_chinchilla(N, D, L, bootstrap=400)
        assert fit.clusters == 40
        alone = fit_chinchilla(N, D, L, bootstrap=400, groups=np.arange(120))
        assert alone.clusters == 120 and alone.law == fit.law
        assert width(alone.interval("alpha")) < 0.75 * width(fit.interval("alpha"))

    def test_checkpoints_of_a_run_are_drawn_together(self) -> None:
        N, D, L = along_curves(0.005)
        by_run = fit_chinchilla(N, D, L, groups=N, bootstrap=200)
        assert by_run.clusters == 12
        assert by_run.law == fit_chinchilla(N, D, L, bootstrap=200).law

    def test_labels_may_be_words(self) -> None:
        N, D, L = runs(n=40)
        words = [f"run {i % 10}" for i in range(40)]
        numbers = [i % 10 for i in range(40)]
        one, other = (fit_chinchilla(N, D, L, groups=g, bootstrap=100) for g in (words, numbers))
        assert np.array_equal(one.draws, other.draws)

    def test_weights_sum_to_the_number_of_runs_and_agree_within_clusters(self) -> None:
        N = np.arange(1.0, 13).repeat(2)
        weights, count = cluster_weights((N, N), None, 500, np.random.default_rng(0))
        assert count == 12 and weights.shape == (500, 24)
        np.testing.assert_allclose(weights.sum(1), 24)
        assert np.array_equal(weights[:, ::2], weights[:, 1::2])
        assert weights.min() >= 0 and weights.mean() == pytest.approx(1)

    def test_runs_with_other_data_are_clusters_of_their_own(self) -> None:
        N, D, U = np.full(16, 1e6), np.full(16, 1e8), np.geomspace(1e6, 1e8, 16)
        weights, count = cluster_weights((N, D, U), None, 100, np.random.default_rng(0))
        assert count == 16 and len(np.unique(weights[0])) == 16

    def test_clusters_are_runs_that_agree_in_all(self) -> None:
        assert len(set(clusters_of([1, 1, 2, 2], [1, 2, 1, 1]).tolist())) == 3

    @pytest.mark.parametrize("groups", [[1, 2], np.zeros((59, 2)), 3])
    def test_groups_of_the_wrong_length(self, groups: Any) -> None:
        with pytest.raises(ValueError, match="one label for each of the 60 runs"):
            fit_chinchilla(*runs(), groups=groups, bootstrap=100)

    def test_too_few_groups(self) -> None:
        with pytest.raises(ValueError, match="fall into 5 independent groups only"):
            fit_chinchilla(*runs(), groups=np.arange(60) % 5, bootstrap=100)


class TestMinimiser:
    def test_the_huber_loss_is_summed(self) -> None:
        cost = huber_cost(np.array([[0.5, -3.0, 1.0]]), np.ones((1, 3)), 1.0)
        assert cost[0] == pytest.approx(0.125 + 2.5 + 0.5)
        assert huber_cost(np.array([[math.nan]]), np.ones((1, 1)), 1.0)[0] == math.inf

    def test_bounds_are_kept(self) -> None:
        def curve(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return theta.repeat(3, axis=1), np.ones((len(theta), 1, 3))

        z = np.array([[1.0, 2.0, 3.0]])
        for upper, expected in ((10.0, 2.0), (1.5, 1.5)):
            theta, _, settled = minimise(
                curve, np.zeros((2, 1)), z, np.ones((1, 3)), delta=10.0,
                lower=np.array([0.0]), upper=np.array([upper]),
            )  # fmt: skip
            np.testing.assert_allclose(theta, expected, rtol=1e-6)
            assert settled.all()

    def test_the_profile_of_given_exponents_is_the_weighted_linear_fit(self) -> None:
        N, D, L = runs()
        surface = _Surface(N, D, L)
        theta, cost = surface._profile(np.ones((1, 60)), np.array([0.3]), np.array([0.4]))
        y = np.exp(surface.z)
        X = np.column_stack([np.ones(60), np.exp(-0.3 * surface.u), np.exp(-0.4 * surface.v)])
        found, squares, *_ = np.linalg.lstsq(X / y[:, None], np.ones(60), rcond=None)
        E, log_A, _, log_B, _ = theta[0, 0, 0]
        assert [E, math.exp(log_A), math.exp(log_B)] == pytest.approx(found, rel=1e-6)
        assert cost[0, 0, 0] == pytest.approx(squares[0], rel=1e-6)


class TestRounding:
    def test_some_25_residuals_lie_within(self) -> None:
        residuals = np.random.default_rng(0).standard_normal(200)
        assert np.sum(np.abs(residuals) <= rounded(residuals, 1e-3)) == 25

    def test_of_few_runs_three_quarters(self) -> None:
        residuals = np.array([1.0, -2, 3, -4, 5, -6, 7, -8])
        assert rounded(residuals, 1e-3) == 6

    def test_a_larger_delta_stays(self) -> None:
        assert rounded(np.array([0.1, -0.2, 0.3]), 0.5) == 0.5

    def test_runs_that_are_repeated_do_not_count_twice(self) -> None:
        residuals = np.random.default_rng(0).standard_normal(40)
        assert rounded(np.tile(residuals, 3), 1e-3) == rounded(residuals, 1e-3)

    def test_intervals_from_few_runs_are_not_needlessly_wide(self) -> None:
        """Of a median of 35, which is the plainest sum of absolute residuals."""
        rng = np.random.default_rng(1)
        ratios = []
        for _ in range(60):
            y = rng.standard_normal(35)
            weights = rng.exponential(size=(300, 35))

            def level(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
                return np.repeat(theta, 35, axis=1), np.ones((len(theta), 1, 35))

            def scatter(delta: float, y: np.ndarray = y, w: np.ndarray = weights) -> float:
                ends = np.array([-9.0]), np.array([9.0])
                start = np.full((300, 1), np.median(y))
                found, _, _ = minimise(
                    level, start, y[None], w, delta=delta, lower=ends[0], upper=ends[1]
                )
                return float(found.std())

            plain, round_ = scatter(1e-3), scatter(rounded(y - np.median(y), 1e-3))
            ratios.append(round_ / plain)
        assert 0.7 < np.mean(ratios) < 0.95


class TestOffset:
    """Draws of a rounded fit are moved to the fit where the two are of different things."""

    draws = np.random.default_rng(0).standard_normal((4000, 5))

    def moved(self, apart: float) -> np.ndarray:
        theta = np.zeros(5)
        return offset(theta, theta - apart / math.sqrt(5), self.draws, lambda rows: rows)

    def test_noise_moves_nothing(self) -> None:
        assert not self.moved(1.5).any()

    def test_a_long_way_is_gone_nearly_to_its_end(self) -> None:
        assert np.linalg.norm(self.moved(8.0)) == pytest.approx(8 * (1 - 3 / 64), rel=0.02)

    def test_what_is_told_lies_within_its_interval(self) -> None:
        """Along one axis 2 standard deviations lie outside, and no more than that is mended."""
        theta, at = np.zeros(5), np.array([-2.2, 0, 0, 0, 0])
        shift = offset(theta, at, self.draws + at, lambda rows: rows)
        low, high = np.quantile((self.draws + at + shift)[:, 0], (0.025, 0.975))
        assert low <= 0 <= high and 0.3 < shift[0] < 1.7

    @pytest.mark.parametrize("seed", range(3))
    def test_a_pooled_sweep_of_learning_rates_holds_its_own_answers(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        C = np.geomspace(1e18, 1e20, 5).repeat(7)
        N = CHINCHILLA_REFIT.N_opt(C) * np.tile(np.geomspace(0.25, 4, 7), 5)
        D = C / 6 / N
        L = CHINCHILLA_REFIT(N, D) * np.exp(0.003 * rng.standard_normal(35))
        away = [np.log10(rate / (3e-3 * (N / 1e8) ** -0.4)) for rate in (1e-4, 3e-4, 1e-3, 3e-3)]
        pooled = np.concatenate([L * (1 + 0.04 * off**2) for off in away])
        fit = fit_chinchilla(np.tile(N, 4), np.tile(D, 4), pooled, bootstrap=400, seed=seed)
        best = fit.optimum(1e22)
        assert best.L is not None
        told = [fit.estimate(name) for name in (*fit.names, "a", "b")]
        for each in (*told, best.N, best.D, best.L, fit.predict(1e9, 2e10)):
            assert each.low <= each.value <= each.high


class TestIsoflop:
    def test_exact_parabolas_give_their_law_back(self) -> None:
        C = np.geomspace(1e18, 1e21, 5).repeat(5)
        t = np.tile(np.linspace(-1, 1, 5), 5)
        N = 0.5 * C**0.45 * np.exp(t)
        fit = fit_isoflop(N, C / (6 * N), 3 - 0.01 * np.log(C) + 0.1 * t**2, bootstrap=100)
        assert fit.a == pytest.approx(0.45, abs=1e-6) and fit.b == pytest.approx(0.55, abs=1e-6)
        assert math.log(fit.k_N) == pytest.approx(math.log(0.5), abs=1e-4)
        np.testing.assert_allclose(fit.N, 0.5 * fit.C**0.45, rtol=1e-6)
        np.testing.assert_allclose(fit.D, fit.C / (6 * fit.N), rtol=1e-6)
        assert fit.status.converged and fit.refused == ()

    def test_a_narrow_sweep_of_the_surface_gives_its_optimum(self) -> None:
        fit = fit_isoflop(*on_budgets(0, reach=1.3), bootstrap=100)
        np.testing.assert_allclose(fit.N, TRUTH.N_opt(fit.C), rtol=0.01)
        assert fit.a == pytest.approx(TRUTH.a, abs=0.002)

    def test_what_it_holds_fits_together(self) -> None:
        fit = noisy_isoflop()
        assert fit.method == "isoflop" and len(fit.curves) == len(fit.C) == 6
        assert fit.draws.shape == (400, 4) and fit.covariance.shape == (4, 4)
        assert fit.minima.shape == (400, 6) and fit.residuals.shape == (6,)
        np.testing.assert_allclose(np.log(fit.N / fit.N_opt(fit.C)), fit.residuals)
        assert fit.a + fit.b == pytest.approx(1, abs=1e-6)
        assert fit.as_law()(1e22) == pytest.approx(fit.N_opt(1e22))
        for curve, N, L in zip(fit.curves, fit.N, fit.L, strict=True):
            assert curve.vertex == pytest.approx(N) and curve(N) == pytest.approx(L)
            around = curve(N * np.array([0.9, 1.1]))
            assert around.min() > L
        best = fit.optimum(1e23)
        assert best.N.value == fit.N_opt(1e23) in best.N and best.L is None
        assert best.tokens_per_param.value == pytest.approx(fit.tokens_per_param(1e23))
        low, high = fit.interval("k_N")
        assert low < fit.k_N < high
        assert "from 6 budgets, converged" in str(fit) and str(fit).count("95% interval") == 2

    def test_seeds_are_averaged_first(self) -> None:
        N, D, L = on_budgets()
        both = fit_isoflop(
            np.tile(N, 2), np.tile(D, 2), np.concatenate([L * 1.01, L * 0.99]), bootstrap=100
        )
        assert both.a == pytest.approx(noisy_isoflop().a, rel=1e-9)

    def test_flops_that_are_given_make_the_budgets(self) -> None:
        N, D, L = on_budgets()
        fit = fit_isoflop(N, D, L, flops=7 * N * D, bootstrap=100)
        np.testing.assert_allclose(fit.C, noisy_isoflop().C * 7 / 6)

    def test_a_parabola_upside_down_is_refused(self) -> None:
        N, D, L = on_budgets()
        L[:7] = 2 * L[:7].mean() - L[:7]
        fit = fit_isoflop(N, D, L, bootstrap=100)
        assert len(fit.C) == 5
        (reason,) = fit.refused
        sizes = "fitted to the 7 sizes from 6.73e+07 to 6.05e+08"
        assert reason.startswith(f"budget 6e+18: the parabola opens downwards, {sizes}; ")
        assert reason.endswith("the loss is lowest at 6.05e+08, the largest")
        assert reason in str(fit)

    def test_a_minimum_outside_the_sizes_is_refused(self) -> None:
        N, D, L = on_budgets()
        N[:7], D[:7] = N[:7] * 30, D[:7] / 30
        L[:7] = TRUTH(N[:7], D[:7])
        fit = fit_isoflop(N, D, L, bootstrap=100)
        assert len(fit.C) == 5 and "lies outside the sizes from" in fit.refused[0]

    def test_two_sizes_are_refused(self) -> None:
        N, D, L = (np.delete(v, range(5)) for v in on_budgets())
        fit = fit_isoflop(N, D, L, bootstrap=100)
        assert fit.refused == ("budget 6e+18: only 2 sizes, a parabola needs 3",)

    def test_too_few_minima(self) -> None:
        N, D, L = on_budgets()
        L = 2 * L.mean() - L
        with pytest.raises(ValueError, match=r"only 0 budgets have a minimum.*opens downwards"):
            fit_isoflop(N, D, L, bootstrap=100)
        N, D, L = (v[:14] for v in on_budgets())
        with pytest.raises(ValueError, match=r"only 2 budgets have a minimum.*more budgets"):
            fit_isoflop(N, D, L, bootstrap=100)

    def test_three_sizes_everywhere_leave_nothing_to_judge_by(self) -> None:
        N, D, L = (v.reshape(6, 7)[:, [0, 3, 6]].ravel() for v in on_budgets(0))
        with pytest.raises(ValueError, match="every budget has exactly 3 sizes"):
            fit_isoflop(N, D, L, bootstrap=100)

    def test_runs_that_lie_on_no_budgets(self) -> None:
        with pytest.raises(ValueError, match=r"do not lie on separate FLOP budgets.*gap of 10 %"):
            fit_isoflop(*runs(n=240), bootstrap=100)

    def test_budgets_are_numbered_from_small_to_large(self) -> None:
        assert budgets_of([1e20, 1e18, 1.05e18, 1e19]).tolist() == [2, 0, 0, 1]

    def test_minima_lost_in_the_noise(self) -> None:
        found = []
        for seed in range(20):
            try:
                found.append(str(fit_isoflop(*on_budgets(0.05, seed), bootstrap=200).status))
            except ValueError as error:
                assert "lost in the noise" in str(error) or "have a minimum" in str(error)
                found.append("refused")
        assert "refused" in found and found.count("converged") <= 3


class TestEnvelope:
    def test_fine_exact_curves_give_the_truth(self) -> None:
        N = np.geomspace(7e7, 1.6e10, 16).repeat(40)
        D = np.tile(np.geomspace(1e9, 5e11, 40), 16)
        fit = fit_envelope(N, D, TRUTH(N, D), bootstrap=100)
        assert fit.a == pytest.approx(TRUTH.a, abs=0.01)
        np.testing.assert_allclose(fit.N, TRUTH.N_opt(fit.C), rtol=0.1)

    def test_what_it_holds_fits_together(self) -> None:
        fit = noisy_envelope()
        assert fit.method == "envelope" and fit.curves == ()
        assert fit.draws.shape[1] == 4 and fit.covariance.shape == (4, 4)
        assert set(np.round(np.log(fit.N), 6)) <= set(np.round(np.log(along_curves()[0]), 6))
        assert fit.interval("a")[0] < fit.a < fit.interval("a")[1]
        assert "sizes on the envelope" in str(fit)
        assert np.all(np.diff(fit.C) > 0)

    def test_sizes_whose_turn_is_cut_off_are_refused(self) -> None:
        assert any("the last size on its side" in reason for reason in noisy_envelope().refused)

    def test_one_point_is_no_curve(self) -> None:
        N, D, L = (np.append(v, x) for v, x in zip(along_curves(), (5e10, 1e11, 2.2), strict=True))
        fit = fit_envelope(N, D, L, bootstrap=100)
        assert "5e+10 params: one point is no curve" in fit.refused

    def test_too_few_curves(self) -> None:
        N, D, L = (v[:48] for v in along_curves())
        with pytest.raises(ValueError, match="at least 5 sizes, got 4"):
            fit_envelope(N, D, L, bootstrap=100)

    def test_curves_of_two_points_cannot_be_judged(self) -> None:
        N, D, L = along_curves(0)
        ends = (np.arange(len(N)) % 12 == 0) | (np.arange(len(N)) % 12 == 11)
        with pytest.raises(ValueError, match="too few points to judge their noise"):
            fit_envelope(N[ends], D[ends], L[ends], bootstrap=100)

    def test_curves_that_never_cross(self) -> None:
        N, D, _ = along_curves(0)
        L = 2 + 1e9 * D**-1.0 + 0.05 * np.log(N)  # the smallest is always the best
        with pytest.raises(ValueError, match="take their turn on the envelope"):
            fit_envelope(N, D, L, bootstrap=100)


ALLOCATIONS: list[tuple[Callable[..., AllocationFit], Callable[..., Runs]]] = [
    (fit_isoflop, on_budgets),
    (fit_envelope, along_curves),
]
allocations = pytest.mark.parametrize(("method", "data"), ALLOCATIONS, ids=["isoflop", "envelope"])


@allocations
class TestBothAllocations:
    def test_the_order_of_the_runs_does_not_matter(self, method: Any, data: Any) -> None:
        N, D, L = data()
        mixed = np.random.default_rng(1).permutation(len(N))
        one = method(N, D, L, bootstrap=100)
        other = method(N[mixed], D[mixed], L[mixed], bootstrap=100)
        assert other.a == pytest.approx(one.a, abs=1e-6)
        assert other.interval("a") == pytest.approx(one.interval("a"), abs=1e-6)

    def test_units_do_not_matter(self, method: Any, data: Any) -> None:
        N, D, L = data()
        one, other = (
            method(N, D, L, bootstrap=100),
            method(N * 1e-6, D * 1e-9, 2 * L, bootstrap=100),
        )
        assert other.a == pytest.approx(one.a, abs=1e-6)
        assert other.b == pytest.approx(one.b, abs=1e-6)
        assert other.N_opt(1e5) == pytest.approx(one.N_opt(1e20) * 1e-6, rel=1e-4)
        assert other.D_opt(1e5) == pytest.approx(one.D_opt(1e20) * 1e-9, rel=1e-4)

    def test_the_seed_alone_sets_the_draws(self, method: Any, data: Any) -> None:
        first, again, other = (method(*data(), bootstrap=100, seed=s) for s in (0, 0, 1))
        assert np.array_equal(first.draws, again.draws)
        assert first.a == other.a and not np.array_equal(first.draws, other.draws)

    def test_noise_widens_the_interval(self, method: Any, data: Any) -> None:
        quiet, loud = (method(*data(sigma), bootstrap=200) for sigma in (0.0005, 0.004))
        assert width(quiet.interval("a")) < 0.7 * width(loud.interval("a"))

    def test_an_unknown_parameter(self, method: Any, data: Any) -> None:
        with pytest.raises(ValueError, match="one of k_N, a, k_D, b"):
            method(*data(), bootstrap=100).interval("alpha")

    def test_flops_of_the_wrong_length(self, method: Any, data: Any) -> None:
        with pytest.raises(ValueError, match="flops must hold one number for each"):
            method(*data(), flops=[1e20, 1e21], bootstrap=100)


class TestTheThreeApproachesAgree:
    @pytest.mark.parametrize("seed", range(5))
    def test_on_the_same_curves(self, seed: int) -> None:
        data = along_curves(0.002, seed)
        first, third = fit_envelope(*data, bootstrap=400), fit_chinchilla(*data, bootstrap=400)
        assert first.a == pytest.approx(third.a, abs=0.05)
        (a, b), (c, d) = first.interval("a"), third.interval("a")
        assert a < d and c < b, "the intervals overlap"

    @pytest.mark.parametrize("seed", range(5))
    def test_on_the_same_budgets(self, seed: int) -> None:
        data = on_budgets(0.002, seed)
        second, third = fit_isoflop(*data, bootstrap=400), fit_chinchilla(*data, bootstrap=400)
        assert second.a == pytest.approx(third.a, abs=0.05)
        (a, b), (c, d) = second.interval("a"), third.interval("a")
        assert a < d and c < b, "the intervals overlap"


X = np.geomspace(1e4, 1e9, 16)
CURVE_LAWS = {
    "power law": PowerLaw(30.0, 0.15),
    "power law with floor": PowerLaw(20.0, 0.25, 1.5),
    "exponential": ExponentialLaw(2.0, 1e7, 1.5),
    "logarithm": LogarithmicLaw(8.0, 0.25),
    "broken power law": BrokenPowerLaw(20.0, 0.1, 0.3, 1e6, 0.5, 1.0),
}


def measured(kind: str, sigma: float = 0.005, seed: int = 0) -> np.ndarray:
    return CURVE_LAWS[kind](X) * np.exp(sigma * np.random.default_rng(seed).standard_normal(16))


class TestCurves:
    def test_every_law_is_tried_here(self) -> None:
        assert set(CURVE_LAWS) == set(CURVES)

    @pytest.mark.parametrize("kind", CURVES)
    def test_exact_data_give_the_law_back(self, kind: str) -> None:
        law = CURVE_LAWS[kind]
        fit = fit_curve(kind, X, law(X), bootstrap=100)
        np.testing.assert_allclose(fit.law(X), law(X), rtol=1e-5)
        if kind != "broken power law":  # its bend may be told in more than one way
            for name in fit.names:
                assert getattr(fit.law, name) == pytest.approx(getattr(law, name), rel=1e-3)

    @pytest.mark.parametrize("kind", CURVES)
    def test_what_it_holds_fits_together(self, kind: str) -> None:
        y = measured(kind)
        fit = fit_curve(kind, X, y, bootstrap=100)
        np.testing.assert_allclose(np.exp(fit.residuals) * fit.law(X), y)
        p = len(fit.names)
        assert fit.draws.shape == (100, p) and fit.covariance.shape == (p, p)
        assert str(fit).count("95% interval") == p and "from 16 points" in str(fit)
        low, high = fit.band(X)
        assert np.all((low <= fit.law(X)) & (fit.law(X) <= high))
        prediction = fit.predict(1e10, level=0.8)
        edges = fit.band(1e10, level=0.8, new=True)
        assert (prediction.low, prediction.high) == (edges[0][0], edges[1][0])
        again = fit_curve(kind, X, y, bootstrap=100)
        assert np.array_equal(again.draws, fit.draws)

    def test_a_power_law_is_that_of_fit_power_law(self) -> None:
        for kind, floor in (("power law", False), ("power law with floor", True)):
            y = measured(kind)
            ours = fit_curve(kind, X, y, bootstrap=2000)
            other = fit_power_law(X, y, floor=floor, bootstrap=2000)
            for name in ours.names:
                assert getattr(ours.law, name) == pytest.approx(getattr(other.law, name), rel=1e-4)
                assert width(ours.interval(name)) == pytest.approx(
                    width(other.interval(name)), rel=0.15
                )

    def test_repeated_x_are_averaged_first(self) -> None:
        y = measured("power law")
        twice = fit_curve("power law", np.tile(X, 2), np.append(1.01 * y, 0.99 * y), bootstrap=100)
        assert twice.law.alpha == pytest.approx(
            fit_curve("power law", X, y, bootstrap=100).law.alpha, rel=1e-6
        )

    def test_refusals(self) -> None:
        y = measured("power law")
        with pytest.raises(ValueError, match=r"kind must be one of power law, .*; got 'parabola'"):
            fit_curve("parabola", X, y)
        with pytest.raises(ValueError, match="has 6 parameters and needs at least 8 different x"):
            fit_curve("broken power law", X[:7], y[:7])
        with pytest.raises(ValueError, match="finite and above 0"):
            fit_curve("power law", X, -y)
        with pytest.raises(ValueError, match="one of A, alpha; got 'E'"):
            fit_curve("power law", X, y, bootstrap=100).interval("E")


class TestCompare:
    @pytest.mark.parametrize("kind", ["power law", "power law with floor", "logarithm"])
    def test_the_law_that_made_the_data_extrapolates_best(self, kind: str) -> None:
        simple = [name for name in CURVES if name != "broken power law"]  # which is slow
        for seed in range(3):
            found = compare(X, measured(kind, 0.002, seed), kinds=simple).table["held_out"]
            assert found[kind] <= 1.5 * found.min()

    def test_the_table(self) -> None:
        found = compare(X, measured("power law with floor"))
        assert set(found.table.index) | {r.split(":")[0] for r in found.left_out} == set(CURVES)
        assert found.best == found.table.index[0]
        assert found.table["held_out"].is_monotonic_increasing
        assert (found.errors["x"] > found.errors["fitted_to"]).all()
        assert found.errors["error"].abs().max() <= 3
        for law, rows in found.errors.groupby("law"):
            assert found.table.loc[law, "held_out"] == pytest.approx(
                math.sqrt((rows["error"] ** 2).mean())
            )
        assert "held_out" in str(found) and "%" in str(found)

    def test_refusals(self) -> None:
        y = measured("power law")
        with pytest.raises(ValueError, match=r"kinds must be some of .*; got line"):
            compare(X, y, kinds=["line"])
        with pytest.raises(ValueError, match="least must lie between 3 and 15"):
            compare(X, y, least=16)
        with pytest.raises(ValueError, match="no law has few enough parameters"):
            compare(X, y, kinds=["broken power law"], least=4)

    def test_laws_with_too_many_parameters_are_named(self) -> None:
        found = compare(X, measured("power law"), least=4)
        assert any("broken power law: 6 parameters" in reason for reason in found.left_out)


class TestSigmoid:
    LAW = Sigmoid(2.2, 4.0, 0.25, 1.0)
    L = np.linspace(1.5, 3.2, 12)

    def test_exact_data_give_the_law_back(self) -> None:
        fit = fit_sigmoid(self.L, self.LAW(self.L), low=0.25, bootstrap=100)
        assert fit.law.midpoint == pytest.approx(2.2) and fit.law.slope == pytest.approx(4.0)
        assert (fit.law.low, fit.law.high) == (0.25, 1.0) and fit.status.converged

    def test_noise(self) -> None:
        y = self.LAW(self.L) + 0.02 * np.random.default_rng(0).standard_normal(12)
        fit = fit_sigmoid(self.L, np.clip(y, 0, 1), low=0.25, bootstrap=300)
        np.testing.assert_allclose(fit.residuals, np.clip(y, 0, 1) - fit.law(self.L))
        assert fit.interval("midpoint")[0] < 2.2 < fit.interval("midpoint")[1]
        low, high = fit.band(self.L)
        assert np.all((low >= 0.25) & (high <= 1) & (low < high))
        assert fit.covariance.shape == (2, 2)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"accuracy": [50.0, 60, 70, 80]}, "between 0 and 1 .not in per cent"),
            ({"accuracy": [0.5, 0.6, math.nan, 0.8]}, "between 0 and 1"),
            ({"accuracy": [0.5, 0.6]}, "two lists of equal length"),
            ({"loss": [2.0, 2.0, 3.0, 3.0]}, "at least 4 different losses are needed, got 2"),
            ({"loss": [2.0, 0.0, 3.0, 3.0]}, "loss must be finite and above 0"),
            ({"low": 0.9, "high": 0.5}, "0 <= low < high <= 1"),
            ({"bootstrap": 3}, "bootstrap must be at least 100"),
        ],
    )
    def test_refusals(self, change: dict[str, Any], message: str) -> None:
        good = {"loss": [2.0, 2.5, 3.0, 3.5], "accuracy": [0.9, 0.6, 0.4, 0.3]}
        with pytest.raises(ValueError, match=message):
            fit_sigmoid(**{**good, **change})


class TestOtherSurfaces:
    def test_exact_data_give_the_law_of_kaplan_back(self) -> None:
        N, D, L = kaplan_runs(sigma=0)
        fit = fit_kaplan(N, D, L, bootstrap=100)
        np.testing.assert_allclose(fit.law(N, D), L, rtol=1e-6)
        assert fit.law.alpha_N == pytest.approx(0.076, rel=1e-3)
        assert fit.law.alpha_D == pytest.approx(0.103, rel=1e-3)

    def test_exact_data_give_the_law_of_repetition_back(self) -> None:
        N, D, U, L = repeated(sigma=0)
        fit = fit_data_constrained(N, D, U, L, bootstrap=100)
        np.testing.assert_allclose(fit.law(N, D, U), L, rtol=1e-5)
        assert pytest.approx(15.39, rel=0.01) == fit.law.R_D
        assert pytest.approx(5.31, rel=0.02) == fit.law.R_N

    @pytest.mark.parametrize(
        ("method", "data"),
        [(fit_kaplan, kaplan_runs), (fit_data_constrained, repeated)],
    )
    def test_what_they_hold_fits_together(
        self, method: Callable[..., LawFit], data: Callable[..., tuple[np.ndarray, ...]]
    ) -> None:
        *x, L = data()
        fit = method(*x, L, bootstrap=100)
        p = len(fit.names)
        np.testing.assert_allclose(np.exp(fit.residuals) * fit.law(*x), L)
        assert fit.draws.shape == (100, p) and fit.covariance.shape == (p, p)
        assert str(fit).count("95% interval") == p
        low, high = fit.band(*(v[:4] for v in x))
        assert low.shape == (4,) and np.all(low < high)
        place = [float(v[0]) for v in x]
        prediction = fit.predict(*place)
        assert prediction.value == pytest.approx(fit.law(*place)) and prediction.value in prediction
        mixed = np.random.default_rng(1).permutation(len(L))
        other = method(*(v[mixed] for v in x), L[mixed], bootstrap=100)
        np.testing.assert_allclose(other.law(*x), fit.law(*x), rtol=1e-4)

    def test_repetition_must_have_happened(self) -> None:
        N, D, _, L = repeated()
        with pytest.raises(ValueError, match=r"no run sees its data more than 1\.5 times"):
            fit_data_constrained(N, D, D, L)

    def test_too_few_runs(self) -> None:
        N, D, U, L = (v[:9] for v in repeated())
        with pytest.raises(ValueError, match=r"7 parameters need at least 10 runs.*got 9"):
            fit_data_constrained(N, D, U, L)
        with pytest.raises(ValueError, match=r"4 parameters need at least 8 runs.*got 7"):
            fit_kaplan(N[:7], D[:7], L[:7])

    def test_lists_of_different_length(self) -> None:
        N, D, L = kaplan_runs()
        with pytest.raises(
            ValueError, match="params, tokens and loss must be lists of equal length"
        ):
            fit_kaplan(N, D, L[:-1])

    @pytest.mark.parametrize("method", [fit_kaplan, fit_chinchilla])
    @pytest.mark.parametrize("huber", [0, -1, math.nan])
    def test_huber_must_be_positive(self, method: Callable[..., Any], huber: float) -> None:
        with pytest.raises(ValueError, match="huber must be above 0"):
            method(*runs(), huber=huber)


SURFACES = (fit_chinchilla, fit_isoflop, fit_envelope, fit_kaplan)


@pytest.mark.parametrize("method", SURFACES)
class TestRefusals:
    @pytest.mark.parametrize("bad", [math.nan, math.inf, 0, -1, "much", None])
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_values_that_cannot_be(self, method: Callable[..., Any], place: int, bad: Any) -> None:
        columns = [list(v) for v in runs(n=20)]
        columns[place][3] = bad
        name = ("params", "tokens", "loss")[place]
        with pytest.raises(ValueError, match=f"{name} must (be finite and above 0|hold numbers)"):
            method(*columns)

    def test_lists_of_unequal_length(self, method: Callable[..., Any]) -> None:
        N, D, L = runs(n=20)
        with pytest.raises(ValueError, match="equal length"):
            method(N, D, L[:-1])
        with pytest.raises(ValueError, match="equal length"):
            method(N[:, None], D[:, None], L[:, None])

    @pytest.mark.parametrize("option", [{"bootstrap": 99}, {"bootstrap": 1e3}, {"seed": -1}])
    def test_bad_options(self, method: Callable[..., Any], option: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(option))):
            method(*runs(n=20), **option)


class TestChinchillaRefusals:
    def test_too_few_runs(self) -> None:
        with pytest.raises(ValueError, match=r"at least 8 runs with different.*got 7"):
            fit_chinchilla(*runs(n=7))
        N, D, L = (np.tile(v, 3) for v in runs(n=7))
        with pytest.raises(ValueError, match=r"at least 8 runs with different.*got 7"):
            fit_chinchilla(N, D, L)
        with pytest.raises(ValueError, match="got 0"):
            fit_chinchilla([], [], [])

    @pytest.mark.parametrize(("place", "name"), [(0, "params"), (1, "tokens")])
    @pytest.mark.parametrize("values", [1, 2])
    def test_one_or_two_sizes(self, place: int, name: str, values: int) -> None:
        columns = list(runs(n=20))
        columns[place] = 1e9 * (1.0 + np.arange(20) % values)
        with pytest.raises(ValueError, match=f"only {values} different {name}"):
            fit_chinchilla(*columns)

    @pytest.mark.parametrize("k", [0, -6, math.nan, math.inf, "six"])
    def test_k_must_be_positive(self, k: Any) -> None:
        with pytest.raises(ValueError, match="k must be a positive number of FLOPs"):
            fit_chinchilla(*runs(), k=k)

    def test_huber_in_words(self) -> None:
        with pytest.raises(ValueError, match="huber must be above 0, got 'small'"):
            fit_chinchilla(*runs(), huber="small")

    def test_an_unknown_parameter_or_level(self) -> None:
        with pytest.raises(ValueError, match="one of E, A, alpha, B, beta, a, b; got 'gamma'"):
            noisy().interval("gamma")
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            noisy().optimum(1e22, level=95)
        with pytest.raises(ValueError, match="C must be finite and above 0"):
            noisy().optimum(0)


# ------------------------------------------------------------------ what all results share


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "text", "converged", "usable", "about_floor"),
        [
            (Status(StatusKind.CONVERGED), "converged", True, True, False),
            (Status(StatusKind.NOT_CONVERGED), "not converged", False, False, False),
            (Status(StatusKind.BOUND_HIT, "alpha"), "bound hit: alpha", False, False, False),
            (Status(StatusKind.FLOOR_AT_ZERO, "E"), "E at zero", False, True, True),
            (Status(StatusKind.FLOOR_AT_ZERO, "floor"), "floor at zero", False, True, True),
            (Status(StatusKind.NOT_IDENTIFIABLE, "E"), "E not identifiable", False, True, True),
            (Status(StatusKind.NOT_IDENTIFIABLE, "minima"), "minima not identifiable", False, True,
             False),
        ],
    )  # fmt: skip
    def test_it_is_data_and_reads_as_it_always_did(
        self, status: Status, text: str, converged: bool, usable: bool, about_floor: bool
    ) -> None:
        assert str(status) == f"{status}" == text
        assert (status.converged, status.usable) == (converged, usable)
        assert status.about_floor is about_floor


@cache
def sharing() -> dict[str, FitResult]:
    """One fit of each kind."""
    y = measured("power law with floor")
    accuracy = TestSigmoid.LAW(TestSigmoid.L) + 0.01 * np.cos(7 * np.arange(12))
    return {
        "chinchilla": noisy(),
        "isoflop": noisy_isoflop(),
        "envelope": noisy_envelope(),
        "power": fit_power_law(X, y, floor=True, bootstrap=200),
        "curve": fit_curve("power law with floor", X, y, bootstrap=200),
        "sigmoid": fit_sigmoid(TestSigmoid.L, accuracy, low=0.25, bootstrap=200),
        "kaplan": fit_kaplan(*kaplan_runs(), bootstrap=200),
        "repeated": fit_data_constrained(*repeated(), bootstrap=100),
    }


NAMED = {
    "chinchilla": (NAMES, {"A", "B"}),
    "isoflop": (("k_N", "a", "k_D", "b"), {"k_N", "k_D"}),
    "envelope": (("k_N", "a", "k_D", "b"), {"k_N", "k_D"}),
    "power": (("A", "alpha", "E"), {"A"}),
    "curve": (("A", "alpha", "E"), {"A"}),
    "sigmoid": (("midpoint", "slope"), {"slope"}),
    "kaplan": (("Nc", "alpha_N", "Dc", "alpha_D"), {"Nc", "alpha_N", "Dc", "alpha_D"}),
    "repeated": ((*NAMES, "R_D", "R_N"), {"A", "B", "R_D", "R_N"}),
}
"""Columns of the draws, and which parameters enter the covariance as logarithms."""


@pytest.mark.parametrize("kind", NAMED)
class TestEveryResult:
    def test_draws_have_a_column_for_each_parameter_in_its_own_unit(self, kind: str) -> None:
        fit, (names, _) = sharing()[kind], NAMED[kind]
        assert tuple(fit.draws.columns) == fit.names == names
        for name in names:
            middle = float(fit.draws[name].median())
            low, high = fit.interval(name, 0.99)
            assert low <= middle <= high
            assert low <= fit.value(name) <= high
            ends = np.quantile(fit.draws[name], [0.025, 0.975])
            low, high = fit.interval(name)
            assert low <= ends[0] * (1 + 1e-9) and high >= ends[1] * (1 - 1e-9)

    def test_the_draws_that_are_handed_out_are_a_copy(self, kind: str) -> None:
        fit, name = sharing()[kind], NAMED[kind][0][0]
        before = fit.interval(name)
        draws = fit.draws
        draws.iloc[:, :] = 0.0
        assert fit.interval(name) == before

    def test_the_covariance_says_what_it_is_of(self, kind: str) -> None:
        fit, (names, logs) = sharing()[kind], NAMED[kind]
        labels = [f"log {name}" if name in logs else name for name in names]
        assert list(fit.covariance.index) == list(fit.covariance.columns) == labels
        drawn = np.column_stack(
            [np.log(fit.draws[n]) if n in logs else fit.draws[n] for n in names]
        )
        np.testing.assert_allclose(fit.covariance, np.cov(drawn.T), rtol=1e-6, atol=1e-12)

    def test_an_estimate_is_the_value_with_its_interval(self, kind: str) -> None:
        fit = sharing()[kind]
        for name in (*fit.names, *fit.derived):
            told = fit.estimate(name, 0.8)
            assert (told.value, told.level) == (fit.value(name), 0.8)
            assert (told.low, told.high) == fit.interval(name, 0.8)

    def test_the_summary_has_a_row_for_each(self, kind: str) -> None:
        fit = sharing()[kind]
        table = fit.summary()
        assert list(table.columns) == ["value", "low", "high"]
        assert table.index.name == "parameter"
        assert tuple(table.index) == (*fit.names, *fit.derived)
        for name, row in table.iterrows():
            assert (row["value"], row["low"], row["high"]) == (fit.value(name), *fit.interval(name))
        narrow, wide = fit.summary(0.5), fit.summary(0.9)
        assert ((wide["high"] - wide["low"]) >= (narrow["high"] - narrow["low"])).all()

    def test_unknown_names_and_levels_are_refused(self, kind: str) -> None:
        fit = sharing()[kind]
        for ask in (fit.interval, fit.estimate, fit.value):
            with pytest.raises(ValueError, match=f"parameter must be one of {fit.names[0]}"):
                ask("nonsense")
        for ask in (fit.interval, fit.estimate):
            with pytest.raises(ValueError, match="level must lie between 0 and 1"):
                ask(fit.names[0], 95)

    @pytest.mark.parametrize(
        "status", [Status(StatusKind.NOT_CONVERGED), Status(StatusKind.BOUND_HIT, "x")], ids=str
    )
    def test_a_fit_that_is_no_answer_keeps_silent(self, kind: str, status: Status) -> None:
        good = sharing()[kind]
        bad = dataclasses.replace(good, status=status)
        for name in (*bad.names, *bad.derived):
            assert np.isnan(bad.interval(name)).all()
            assert math.isnan(bad.estimate(name).value)
            assert str(bad.estimate(name)) == "not known from these runs"
            assert bad.value(name) == good.value(name)
        assert "nan" not in str(bad) and "95% interval" not in str(bad)
        assert bad.summary().isna().all().all() and bad.covariance.isna().all().all()
        assert bad.draws.equals(good.draws)
        for read in readings(bad):
            assert np.isnan(np.asarray(read(), dtype=float)).all()
        for read in readings(good):
            assert np.isfinite(np.asarray(read(), dtype=float)).all()
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            bad.interval(bad.names[0], 0)


def readings(fit: Any) -> list[Callable[[], Any]]:
    """All that can be read from a fit beside its parameters: predictions, bands, optima."""

    def of(estimate: Estimate) -> tuple[float, float, float]:
        return estimate.value, estimate.low, estimate.high

    if isinstance(fit, AllocationFit):
        best = fit.optimum(1e21)
        return [
            lambda: fit.band([1e20, 1e21]),
            lambda: fit.band([1e20, 1e21], of="D"),
            *(lambda e=e: of(e) for e in (best.N, best.D, best.tokens_per_param)),
        ]
    inputs = {"chinchilla": 2, "kaplan": 2, "repeated": 3}
    (kind,) = (name for name, one in sharing().items() if type(one) is type(fit)
               and one.names == fit.names)  # fmt: skip
    place = [2.2] if kind == "sigmoid" else [1e8, 1e9, 1e9][: inputs.get(kind, 1)]
    found: list[Callable[[], Any]] = [
        lambda: fit.band(*place),
        lambda: fit.band(*place, new=True),
        lambda: of(fit.predict(*place)),
    ]
    if isinstance(fit, ChinchillaFit):
        best = fit.optimum(1e21)
        found += [lambda e=e: of(e) for e in (best.N, best.D, best.tokens_per_param, best.L)]
    return found


class TestNoise:
    """Losses that follow no law."""

    @pytest.mark.parametrize("seed", range(6))
    def test_nothing_can_be_read_and_nothing_overflows(self, seed: int) -> None:
        N, D, _ = runs(n=40, seed=seed)
        L = np.exp(1 + 0.3 * np.random.default_rng(seed).standard_normal(40))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit = fit_chinchilla(N, D, L, bootstrap=100)
            best, made = fit.optimum(1e22), fit.predict(1e11, 1e12)
            low, high = fit.band([1e9, 1e10], 1e12)
            text = f"{fit}\n{best}\n{made}\n{fit.summary()}"
        assert "to nan" not in text
        if fit.status.usable:
            return
        for one in (best.N, best.D, best.tokens_per_param, best.L, made):
            assert one is not None and math.isnan(one.value) and not one.known
        assert np.isnan(low).all() and low.shape == (2,) and np.isnan(high).all()
        assert str(best).count("not known from these runs") == 4

    def test_some_of_these_are_no_answer(self) -> None:
        """Without this the test above could pass by never looking."""
        broken = 0
        for seed in range(3):
            N, D, _ = runs(n=40, seed=seed)
            L = np.exp(1 + 0.3 * np.random.default_rng(seed).standard_normal(40))
            broken += not fit_chinchilla(N, D, L, bootstrap=100).status.usable
        assert broken >= 2

    def test_a_curve_at_its_bound_predicts_nothing(self) -> None:
        accuracy = np.random.default_rng(0).random(12)
        fit = fit_sigmoid(TestSigmoid.L, accuracy, bootstrap=200)
        assert fit.status == Status(StatusKind.BOUND_HIT, "slope")
        assert math.isnan(fit.predict(2.0).value) and not fit.predict(2.0).known
        assert math.isfinite(fit.value("slope")) and "not known from these runs" in str(fit)


class TestDrawingAnew:
    def test_draws_are_widened_for_the_parameters_that_were_fitted(self) -> None:
        theta, draws = np.array([1.0, 2.0]), np.array([[2.0, 2.0], [0.0, 4.0]])
        wider = widened(theta, draws, 8)
        np.testing.assert_allclose(wider - theta, math.sqrt(8 / 6) * (draws - theta))
        np.testing.assert_allclose(widened(theta, draws, 2) - theta, math.sqrt(2) * (draws - theta))

    def test_a_surface_is_as_uncertain_as_widening_says(self) -> None:
        """Nine clusters, five parameters: draws reach 1.5 times as far, and by Student's t."""
        N, D, L = (np.repeat(v, 3) for v in runs(n=9))
        L = L * np.exp(0.002 * np.cos(7 * np.arange(27)))
        fit = fit_chinchilla(N, D, L, bootstrap=200)
        surface = _Surface(N, D, L)
        theta, *_ = surface.search(np.ones((1, 27)), 1e-3)
        weights, count = cluster_weights((N, D), None, 200, np.random.default_rng(0))
        residuals = surface.z - surface.curve(theta)[0][0]
        again = surface.search_near(theta[0], weights, rounded(residuals, 1e-3))
        student = 2.7764451052 / 1.9599639845  # 97.5 % of t, four degrees of freedom, and normal
        wide = np.clip(theta + 1.5 * student * (again - theta), _LOWER, _UPPER)
        assert count == 9 and fit.clusters == 9
        np.testing.assert_allclose(fit.draws["beta"], wide[:, 4], rtol=1e-6)

    def test_other_surfaces_are_widened_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = kaplan_runs(n=16)
        wide = fit_kaplan(*data, bootstrap=100).covariance
        monkeypatch.setattr("scalinglaws.fit.surfaces.widened", lambda theta, draws, _: draws)
        np.testing.assert_allclose(wide, 16 / 12 * fit_kaplan(*data, bootstrap=100).covariance)

    def test_new_measurements_scatter_as_the_residuals_do_and_a_little_more(self) -> None:
        residuals = np.array([0.01, -0.02, 0.03, -0.01, 0.0, 0.02, -0.03, 0.01])
        drawn = resampled_residuals(residuals, (50, 20), 5, seed=3)
        by = math.sqrt(8 / 3)
        assert drawn.shape == (50, 20)
        assert set(np.round(drawn.ravel(), 9)) == set(np.round(by * residuals, 9))
        assert np.array_equal(drawn, resampled_residuals(residuals, (50, 20), 5, seed=3))

    def test_scatter_beyond_the_noise_widens_the_lines(self) -> None:
        log_C = np.linspace(0, 4, 5)
        point = np.array([1.0, 0.5, 0.0, 0.5])
        rng = np.random.default_rng(0)
        draws = point + 0.01 * rng.standard_normal((400, 4))
        on_line = 1.0 + 0.5 * log_C
        minima = on_line + 0.1 * rng.standard_normal((400, 5))
        assert np.array_equal(widened_by_scatter(draws, point, log_C, on_line, minima), draws)
        off = on_line + np.array([0.5, -0.5, 0.0, -0.5, 0.5])
        wider = widened_by_scatter(draws, point, log_C, off, minima)
        low, high = np.quantile(minima, (0.159, 0.841), axis=0)
        surplus = np.sum((off - on_line) ** 2 / ((high - low) / 2) ** 2)
        by = math.sqrt(surplus / stats.chi2.ppf(0.95, 3))
        assert by > 2
        np.testing.assert_allclose(wider - point, by * (draws - point))

    @pytest.mark.parametrize("approach", ["isoflop", "envelope"])
    def test_both_allocations_widen_by_it(
        self, approach: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if approach == "isoflop":  # the minima of every other budget lie to one side
            method, (N, D, _) = fit_isoflop, on_budgets()
            off = np.exp(0.4 * (-1.0) ** np.arange(6)).repeat(7)
            L = TRUTH(N * off, D / off)
        else:  # some sizes are trained better than others
            method, (N, D, L) = fit_envelope, along_curves(0.0)
            L = L * np.exp(0.004 * np.cos(2.5 * np.arange(12))).repeat(12)
        L = L * np.exp(0.0005 * np.random.default_rng(0).standard_normal(len(L)))
        wide = width(method(N, D, L, bootstrap=200).interval("a"))
        monkeypatch.setattr(
            f"scalinglaws.fit.{approach}.widened_by_scatter", lambda draws, *_: draws
        )
        assert wide > 1.2 * width(method(N, D, L, bootstrap=200).interval("a"))

    def test_the_noise_is_as_uncertain_as_its_freedom_says(self) -> None:
        sizes = noise_sizes(0.02, 5, 100_000, np.random.default_rng(0))
        assert sizes.shape == (100_000,)
        # (sigma / size)^2 freedom is chi-squared.
        assert stats.kstest((0.02 / sizes) ** 2 * 5, stats.chi2(5).cdf).pvalue > 0.01


class TestInputsOfABand:
    def test_as_many_as_the_law_takes(self) -> None:
        for kind, told in (("kaplan", "N, D"), ("repeated", "N, D, U"), ("curve", "x")):
            with pytest.raises(ValueError, match=f"the law takes {told}; got 4 inputs"):
                sharing()[kind].band(1.0, 1.0, 1.0, 1.0)

    @pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf])
    def test_above_zero(self, bad: float) -> None:
        with pytest.raises(ValueError, match="D must be finite and above 0"):
            sharing()["kaplan"].band(1e8, bad)

    def test_of_an_allocation(self) -> None:
        fit = noisy_isoflop()
        C = np.array([1e20, 1e22])
        for of, best in (("N", fit.N_opt(C)), ("D", fit.D_opt(C))):
            low, high = fit.band(C, of=of)
            assert np.all((low < best) & (best < high))
        narrow = fit.band(C, 0.5)
        assert np.all((fit.band(C)[0] < narrow[0]) & (narrow[1] < fit.band(C)[1]))
        best = fit.optimum(1e22)
        assert (best.N.low, best.N.high) == pytest.approx([edge[1] for edge in fit.band(C)])
        with pytest.raises(ValueError, match='of must be "N" or "D"'):
            fit.band(C, of="L")


class TestAICc:
    def test_by_hand(self) -> None:
        assert aicc(2.0, 10, 3) == pytest.approx(10 * math.log(0.2) + 6 + 2 * 3 * 4 / 6)

    def test_without_freedom_there_is_none(self) -> None:
        assert aicc(1.0, 5, 4) == math.inf and math.isfinite(aicc(1.0, 6, 4))

    def test_exact_data_are_held_at_rounding(self) -> None:
        assert aicc(0.0, 10, 3) == aicc(1e-31, 10, 3)


def test_few_fresh_sizes_do_not_stop_the_law_of_repetition() -> None:
    """Fresh runs of one size alone cannot give the starts; all runs can."""
    N, D, U, _ = repeated(60)
    U = np.where(D <= 1.05 * U, D / 3, U)
    N = np.append(N, np.full(9, 1e8))
    fresh = np.geomspace(1e9, 1e11, 9)
    D, U = np.append(D, fresh), np.append(U, fresh)
    fit = fit_data_constrained(N, D, U, MUENNIGHOFF(N, D, U), bootstrap=100)
    assert pytest.approx(15.39, rel=0.02) == fit.law.R_D
