"""The scatter between seeds: what is fitted, what is drawn, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws import Scatter, finished, fit_scatter, reference

TRUTH = Scatter.known(0.01, power=0.5, floor=0.002, share=0.8)
N, D, SEED = (
    v.ravel() for v in np.meshgrid([1e3, 4e3, 2e4, 1e5], np.geomspace(1e4, 1e7, 10), range(3))
)
TRUNK = np.column_stack([N, SEED])


def simulated(seed: int = 0) -> np.ndarray:
    return 3 * np.exp(TRUTH.draw(D, TRUNK, seed)[0])


class TestTheFit:
    def test_finds_what_the_noise_was_drawn_from(self) -> None:
        found = [
            fit_scatter(N, D, simulated(seed), groups=TRUNK, bootstrap=100) for seed in range(40)
        ]
        for tokens in (1e4, 1e5, 1e7):
            off = np.array([fit.sd(tokens) for fit in found]) / TRUTH.sd(tokens)
            assert abs(np.median(off) - 1) < 0.1
        assert abs(np.mean([fit.share for fit in found]) - TRUTH.share) < 0.05

    def test_the_order_of_the_runs_does_not_matter(self) -> None:
        order = np.random.default_rng(1).permutation(len(N))
        loss = simulated()
        one = fit_scatter(N, D, loss, groups=TRUNK, bootstrap=100)
        other = fit_scatter(N[order], D[order], loss[order], groups=TRUNK[order], bootstrap=100)
        for name in one.names:
            assert one.value(name) == pytest.approx(other.value(name), rel=1e-9)

    def test_a_constant_scatter_needs_no_groups(self) -> None:
        loss = np.exp(0.01 * np.random.default_rng(3).standard_normal(len(N)))
        fit = fit_scatter(N, D, loss, bootstrap=200)
        assert fit.share == 0
        assert fit.sd(1e5) == pytest.approx(0.01, rel=0.3)

    def test_runs_without_a_twin_are_left_out(self) -> None:
        alone = np.append(D, 5e5)
        fit = fit_scatter(np.append(N, 7e3), alone, np.append(simulated(), 9.0), bootstrap=100)
        assert (fit.runs, fit.settings) == (120, 40)
        assert fit.sd(1e5) == fit_scatter(N, D, simulated(), bootstrap=100).sd(1e5)

    def test_intervals_hold_the_truth(self) -> None:
        held = []
        for seed in range(100):
            fit = fit_scatter(N, D, simulated(seed), groups=TRUNK, bootstrap=200)
            low, high = fit.band([1e4, 1e5, 1e7])
            sizes = TRUTH.sd([1e4, 1e5, 1e7])
            held.append([*(low < sizes) & (sizes < high), TRUTH.share in fit.estimate("share")])
        assert (np.mean(held, axis=0) >= 0.85).all() and np.mean(held) > 0.9

    def test_the_reference_sweep_scatters_less_the_longer_it_trains(self) -> None:
        runs = finished(reference("isoflop"))
        fit = fit_scatter(
            runs["params"], runs["tokens"], runs["loss"], groups=runs[["width", "seed"]]
        )
        assert fit.sd(1e4) > 2.5 * np.asarray(fit.sd(1e6))
        assert fit.interval("power")[0] > 0.1
        assert fit.interval("share")[0] > 0.3
        assert "settings" in str(fit) and max(map(len, str(fit).splitlines())) < 65


class TestTheNoise:
    def test_runs_of_one_trunk_share_the_more_the_closer_their_lengths(self) -> None:
        tokens = [4e5, 1e5, 2e5, 2e5]
        noise = TRUTH.draw(tokens, ["a", "a", "a", "b"], 0, draws=20_000)
        np.testing.assert_allclose(noise.std(axis=0), TRUTH.sd(tokens), rtol=0.03)
        wanted = np.array([[1, 0.64, 0.8, 0], [0.64, 1, 0.8, 0], [0.8, 0.8, 1, 0], [0, 0, 0, 1]])
        np.testing.assert_allclose(np.corrcoef(noise.T), wanted, atol=0.03)

    def test_without_groups_all_are_independent(self) -> None:
        noise = TRUTH.draw([1e5, 1e5], draws=20_000)
        assert abs(np.corrcoef(noise.T)[0, 1]) < 0.03

    def test_the_doubt_of_the_fit_widens_what_is_drawn(self) -> None:
        fit = fit_scatter(N[:36], D[:36], simulated()[:36], bootstrap=500)
        sure = fit.draw(np.full(50, 1e5), draws=500, sure=True).std(axis=1)
        doubted = fit.draw(np.full(50, 1e5), draws=500).std(axis=1)
        assert doubted.std() > 1.3 * sure.std()

    def test_a_seed_gives_the_same_noise_again(self) -> None:
        np.testing.assert_array_equal(TRUTH.draw(D, TRUNK, 5), TRUTH.draw(D, TRUNK, 5))


class TestWhatIsRefused:
    def test_too_few_seeds(self) -> None:
        with pytest.raises(ValueError, match="8 runs or more beyond the first"):
            fit_scatter(N[::3], D[::3], simulated()[::3])

    def test_two_seeds_of_one_trunk(self) -> None:
        with pytest.raises(ValueError, match="share a trunk"):
            fit_scatter(N, D, simulated(), groups=N)

    def test_a_setting_of_several_lengths(self) -> None:
        with pytest.raises(ValueError, match="same tokens"):
            fit_scatter(N, D, simulated(), settings=N)

    def test_a_label_too_few(self) -> None:
        with pytest.raises(ValueError, match="one label for each"):
            fit_scatter(N, D, simulated(), groups=SEED[1:])

    @pytest.mark.parametrize("wrong", [{"scale": 0}, {"scale": 1, "share": 1.5}, {"scale": -1}])
    def test_parameters_that_are_none(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError):
            Scatter.known(**wrong)
