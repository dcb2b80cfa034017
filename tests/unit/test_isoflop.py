"""Approach 2 on wide sweeps: windows, what they leave out, and what is said of it."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from scalinglaws import figures
from scalinglaws.fit import AllocationFit, fit_isoflop
from scalinglaws.fit.isoflop import FACTORS, _windows
from scalinglaws.laws import CHINCHILLA_REFIT, ChinchillaLaw
from scalinglaws.runs import measurements

TRUTH = CHINCHILLA_REFIT
STEEP = ChinchillaLaw(E=1.7, A=0.6 * 1e9**0.18, alpha=0.18, B=0.225 * (1e20 / 6e9) ** 0.48,
                      beta=0.48)  # fmt: skip
"""a = .727: the best sizes grow fast, and the valley is far from symmetric."""
C = np.geomspace(1.25e16, 1.28e19, 7)
Runs = tuple[np.ndarray, np.ndarray, np.ndarray]


def sweep(
    law: ChinchillaLaw,
    sizes: int = 11,
    decades: float = 2.2,
    drift: float = 0.0,
    sigma: float = 0.0,
    seed: int = 0,
    lift: float = 1.0,
) -> Runs:
    """N, D and L on seven budgets; the sizes move against the best ones by C^drift."""
    rng = np.random.default_rng(seed)
    middle = lift * law.N_opt(C) * (C / np.sqrt(C[0] * C[-1])) ** drift
    span = 10 ** (decades * np.linspace(-0.5, 0.5, sizes))
    N = np.outer(middle, span).ravel()
    D = C.repeat(sizes) / (6 * N)
    return N, D, law(N, D) * np.exp(sigma * rng.standard_normal(len(N)))


def used(fit: AllocationFit) -> list[int]:
    return [int(curve.used.sum()) for curve in fit.curves]


class TestWindows:
    def test_sizes_within_the_factor_or_the_five_nearest(self) -> None:
        t = np.sort(np.random.default_rng(0).uniform(0, 9, 13))
        for factor in FACTORS:
            edges, windows = _windows(t, factor)
            assert len(windows) == len(edges) + 1 and np.all(np.diff(edges) > 0)
            for middle in np.random.default_rng(1).uniform(-1, 10, 300):
                low, high = windows[np.searchsorted(edges, middle)]
                within = np.abs(t - middle) <= math.log(factor)
                if within.sum() < 5:
                    within = np.abs(t - middle) <= np.sort(np.abs(t - middle))[4]
                assert np.flatnonzero(within).tolist() == list(range(low, high))

    def test_four_sizes_are_one_window(self) -> None:
        for factor in FACTORS:
            assert {*map(tuple, _windows(np.arange(4.0), factor)[1])} == {(0, 4)}

    def test_exact_losses_are_fitted_near_the_minimum_alone(self) -> None:
        """Without noise the skew of the valley shows, and wider windows are turned down."""
        fit = fit_isoflop(*sweep(STEEP, sizes=16, decades=3.2), bootstrap=100)
        assert max(used(fit)) <= 7
        for curve in fit.curves:
            near = curve.N[curve.used]
            assert near.max() / near.min() < 5.01**2
            assert np.all(np.diff(np.flatnonzero(curve.used)) == 1)
            assert near[0] < curve.vertex < near[-1]
            close = np.abs(np.log(curve.N / curve.vertex)) <= math.log(5)
            assert close.sum() >= 5 and curve.used.tolist() == close.tolist()

    def test_an_arm_that_bends_away_moves_no_vertex(self) -> None:
        """The same runs, those far to the right worse by a half: nothing changes but them."""
        N, D, L = sweep(TRUTH, sizes=15, decades=3.0)
        far = np.tile(np.arange(15) > 11, len(C))
        plain, bent = (fit_isoflop(N, D, loss, bootstrap=100) for loss in
                       (L, np.where(far, 1.5 * L, L)))  # fmt: skip
        np.testing.assert_array_equal(plain.N, bent.N)
        assert not any(curve.used[12:].any() for curve in bent.curves)
        everywhere = fit_isoflop(N, D, np.where(far, 1.5 * L, L), within=math.inf, bootstrap=100)
        assert np.abs(np.log(everywhere.N / bent.N)).min() > 0.2

    def test_true_parabolas_are_fitted_to_all_sizes(self) -> None:
        sizes = np.tile(np.linspace(-3, 3, 11), len(C))
        each = C.repeat(11)
        N = 0.5 * each**0.45 * np.exp(sizes)
        noise = np.exp(0.002 * np.random.default_rng(1).standard_normal(len(N)))
        L = (3 + 0.1 * sizes**2) * noise
        fit = fit_isoflop(N, each / (6 * N), L, bootstrap=100)
        assert used(fit) == [11] * 7  # which noise denies to one sweep in twenty
        assert fit.a == pytest.approx(0.45, abs=0.01)
        assert fit.a == fit_isoflop(N, each / (6 * N), L, within=math.inf, bootstrap=100).a

    def test_a_window_that_is_asked_for(self) -> None:
        data = sweep(TRUTH, sizes=15, decades=3.0)
        assert used(fit_isoflop(*data, within=math.inf, bootstrap=100)) == [15] * 7
        assert used(fit_isoflop(*data, within=2.3, bootstrap=100)) == [5] * 7
        for bad in (1, 0.5, math.nan, "5"):
            with pytest.raises(ValueError, match="within must be a factor above 1"):
                fit_isoflop(*data, within=bad, bootstrap=100)


class TestWideSweeps:
    @pytest.mark.parametrize("drift", [-0.3, 0.3])
    @pytest.mark.parametrize("law", [TRUTH, STEEP], ids=["a=.513", "a=.727"])
    def test_sizes_that_drift_against_the_best_ones(self, law: ChinchillaLaw, drift: float) -> None:
        data = sweep(law, drift=drift)
        fit = fit_isoflop(*data, bootstrap=100)
        assert len(fit.C) == 7 and abs(fit.a - law.a) < 0.002
        np.testing.assert_allclose(fit.N, law.N_opt(fit.C), rtol=0.1)

    def test_by_how_much_vertices_miss_the_minima_is_told(self) -> None:
        """In a skewed valley all vertices lie too low, which leaves a right and N_opt not."""
        fit = fit_isoflop(*sweep(STEEP), bootstrap=400)
        below = np.log(fit.N / STEEP.N_opt(fit.C))
        assert below.max() < -0.03 and abs(fit.a - STEEP.a) < 0.002
        best = fit.optimum(1e20)
        assert STEEP.N_opt(1e20) in best.N and STEEP.D_opt(1e20) in best.D
        assert best.N.high / best.N.low < 1.6

    def test_one_parabola_through_all_sizes_goes_astray_where_the_windows_do_not(self) -> None:
        """The sizes lie above the best ones, and slide further from them with the budget."""
        data = sweep(TRUTH, 15, 3.0, drift=0.3, lift=5.0)
        assert abs(fit_isoflop(*data, bootstrap=100).a - TRUTH.a) < 0.002
        assert fit_isoflop(*data, within=math.inf, bootstrap=100).a > TRUTH.a + 0.05

    def test_noise_decides_how_wide(self) -> None:
        """Where noise hides the skew, more sizes serve, and their minima scatter less."""
        quiet, loud = (
            [fit_isoflop(*sweep(TRUTH, 15, 3.0, sigma=s, seed=i), bootstrap=100) for i in range(8)]
            for s in (0.0005, 0.01)
        )
        assert np.mean([used(fit) for fit in loud]) > 1.15 * np.mean([used(fit) for fit in quiet])
        narrow = [
            fit_isoflop(*sweep(TRUTH, 15, 3.0, sigma=0.01, seed=i), within=5, bootstrap=100)
            for i in range(8)
        ]
        spread, of_narrow = (np.std([fit.a for fit in fits]) for fits in (loud, narrow))
        assert spread < of_narrow

    def test_losses_at_the_ceiling_do_not_end_it(self) -> None:
        """Sizes too large to have learned anything, all at the loss of guessing."""
        N, D, L = sweep(TRUTH, sizes=16, decades=3.2, sigma=0.002)
        ceiling = np.quantile(L, 0.8)
        fit = fit_isoflop(N, D, np.minimum(L, ceiling), bootstrap=200)
        assert fit.status.converged and not fit.refused
        assert abs(fit.a - TRUTH.a) < 0.02 and TRUTH.a in fit.estimate("a")


class TestWhatIsSaid:
    def test_the_sizes_used(self) -> None:
        fit = fit_isoflop(*sweep(STEEP, sizes=16, decades=3.2), bootstrap=100)
        each = used(fit)
        of = f"{min(each)} to {max(each)}" if min(each) < max(each) else f"{each[0]}"
        reach = max(np.abs(np.log(c.N[c.used] / c.vertex)).max() for c in fit.curves)
        assert (
            f"  parabolas fitted to {sum(each)} of 112 sizes, {of} a budget, within "
            f"x{math.exp(reach):.2g} of the minima" in str(fit).split("\n")
        )
        assert "fitted to all 112 sizes, 16 a budget," in str(
            fit_isoflop(*sweep(STEEP, 16, 3.2), within=math.inf, bootstrap=100)
        )

    def test_a_refusal_says_where_the_loss_was_lowest(self) -> None:
        """The smallest budget was searched among sizes that are all too large."""
        N, D, L = sweep(TRUTH, sizes=9, decades=1.5)
        N[:9], D[:9] = N[:9] * 20, D[:9] / 20
        L[:9] = TRUTH(N[:9], D[:9])
        (reason,) = fit_isoflop(N, D, L, bootstrap=100).refused
        first, last = f"{N[0]:.3g}", f"{N[8]:.3g}"
        assert f"lies outside the sizes from {first} to {last}, by the parabola" in reason
        assert f"fitted to the 5 sizes from {first} to {N[4]:.3g}" in reason
        assert reason.endswith(f"the loss is lowest at {first}, the smallest")

    def test_a_minimum_between_sizes_is_not_refused_for_the_far_arm(self) -> None:
        """Most sizes are too large to have learned much, and bend one parabola through all."""
        N, D, L = sweep(TRUTH, 15, 3.6, drift=0.15, lift=20.0)
        L = np.minimum(L, np.quantile(L, 0.7))
        lowest = L.reshape(7, 15).argmin(axis=1)
        assert lowest.min() > 0 and lowest.max() < 14
        fit = fit_isoflop(N, D, L, bootstrap=100)
        assert fit.refused == () and abs(fit.a - TRUTH.a) < 0.002
        with pytest.raises(ValueError, match="only 1 budgets have a minimum"):
            fit_isoflop(N, D, L, within=math.inf, bootstrap=100)

    def test_a_parabola_that_is_nearly_a_line_is_refused_quietly(self) -> None:
        """Its vertex lies beyond all numbers."""
        N, D, L = sweep(TRUTH, sizes=7, decades=1.0)
        L[:7] = 4 - 1e-3 * np.log(N[:7]) + 1e-13 * np.log(N[:7]) ** 2
        fit = fit_isoflop(N, D, L, bootstrap=100)
        assert len(fit.refused) == 1 and len(fit.C) == 6

    def test_sizes_left_out_are_drawn_hollow(self) -> None:
        N, D, L = sweep(STEEP, sizes=16, decades=3.2)
        fit = fit_isoflop(N, D, L, bootstrap=100)
        runs = measurements(pd.DataFrame({"params": N, "tokens": D, "loss": L}))
        panel = figures.of_fit(fit, runs).axes[0]
        drawn = [line for line in panel.lines if line.get_marker() == "o"]
        hollow = [line for line in drawn if to_rgba(line.get_markerfacecolor())[3] == 0]
        filled = [line for line in drawn if line not in hollow]
        assert sum(len(line.get_xdata()) for line in filled) == sum(used(fit))
        assert sum(len(line.get_xdata()) for line in hollow) == 112 - sum(used(fit))
        edges = {to_rgba(line.get_markeredgecolor()) for line in hollow}
        assert edges == {to_rgba(line.get_markerfacecolor()) for line in filled}
        plt.close("all")
