"""Frontiers, compute multipliers and where two curves cross."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scalinglaws.fit import Frontier, Scatter, compute_multiplier, crossing, fit_frontier
from scalinglaws.laws import ChinchillaLaw

C = np.geomspace(1e9, 1e13, 9)
LAW = ChinchillaLaw(E=0.5, A=20.0, B=60.0, alpha=0.35, beta=0.35)


def sweep(seeds: int, sd: float, law: ChinchillaLaw = LAW) -> tuple[np.ndarray, ...]:
    """N, D, L, C and seed of runs of seven sizes around the best of each budget."""
    rng = np.random.default_rng(1)
    around = np.geomspace(0.1, 10, 7)
    rows = [
        (n, c / (6 * n), law(n, c / (6 * n)) * math.exp(sd * rng.standard_normal()), c, seed)
        for c in C
        for n in around * float(law.N_opt(c, 6))
        for seed in range(seeds)
    ]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def line(L0: float, a: float, sd: float = 0.0, at: np.ndarray = C, seed: int = 0) -> Frontier:
    """A frontier along a power law, with noise of its own."""
    rng = np.random.default_rng(seed)
    log_L = math.log(L0) - a * np.log(at / at[0])
    noise = sd * rng.standard_normal((500, len(at)))
    return Frontier(at, np.exp(log_L + noise[0]), log_L + noise[0] + noise, at > 0)


def test_a_frontier_finds_the_least_loss_of_each_budget() -> None:
    N, D, L, flops, _ = sweep(1, 0.0)
    sure = Scatter.known(1e-6)
    found = fit_frontier(N, D, L, flops=flops, scatter=sure)
    assert pytest.approx(C) == found.C and found.bracketed.all()
    assert pytest.approx(LAW.L_opt(C, 6), rel=2e-3) == found.L
    lowest = fit_frontier(N, D, L, flops=flops, scatter=sure, how="lowest")
    assert (lowest.L >= found.L).all()
    assert found.needed(found.L[3]) == pytest.approx(C[3])
    assert np.isnan(found.needed([0.1, 1e3])).all()


def test_the_interval_of_a_frontier_comes_from_the_seeds() -> None:
    N, D, L, flops, seed = sweep(3, 0.005)
    found = fit_frontier(N, D, L, flops=flops, groups=np.column_stack([N, seed]))
    held = [truth in one for truth, one in zip(LAW.L_opt(C, 6), found.estimates(), strict=True)]
    assert np.mean(held) > 0.6
    wide = np.log([one.high / one.low for one in found.estimates()])
    assert (wide > 0.004).all() and (wide < 0.03).all()


def test_the_best_size_at_an_end_is_told_and_taken_as_it_is() -> None:
    N, D, L, flops, _ = sweep(1, 0.0)
    small = float(LAW.N_opt(C[4], 6)) / 5 > N
    kept = small | (flops != C[4])
    found = fit_frontier(N[kept], D[kept], L[kept], flops=flops[kept], scatter=Scatter.known(1e-6))
    assert not found.bracketed[4] and found.bracketed[[0, 1, 2, 3, 5]].all()
    assert found.L[4] == pytest.approx(L[small & (flops == C[4])].min())


@pytest.mark.parametrize(
    ("a", "sd", "trend"),
    [
        (0.055, 1e-4, "grows"),
        (0.05, 1e-4, "holds"),
        (0.045, 1e-4, "fades"),
        (0.05, 0.02, "undecided"),
    ],
)
def test_the_slope_is_the_ratio_of_the_exponents(a: float, sd: float, trend: str) -> None:
    found = compute_multiplier(line(3, 0.05, sd), line(2.8, a, sd, seed=1), reach=1e4)
    assert len(found.C) == len(C)
    slope = found.slope()
    assert abs(slope.value - (a / 0.05 - 1)) < max(0.01, 10 * sd)
    assert slope.low < slope.value < slope.high and found.trend() == trend
    change = found.change()
    assert change.low < change.value < change.high


def test_a_shift_is_the_same_everywhere_and_losses_beyond_the_base_are_left_out() -> None:
    base, idea = line(3, 0.05), line(3 * 10**-0.05, 0.05)  # ten times the compute
    found = compute_multiplier(base, idea)
    assert pytest.approx(np.full(len(found.M), 10.0)) == found.M
    assert pytest.approx(C[:-2]) == found.C, "the last two would need more than the base has"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="hardly overlap"):
        compute_multiplier(line(3, 0.05), line(0.3, 0.05))
    rising = line(3, -0.05)
    with pytest.raises(ValueError, match="must fall"):
        compute_multiplier(rising, line(3, 0.05))
    N, D, L, flops, _ = sweep(1, 0.0)
    with pytest.raises(ValueError, match="give the scatter"):
        fit_frontier(N, D, L, flops=flops)
    with pytest.raises(ValueError, match="'parabola' or 'lowest'"):
        fit_frontier(N, D, L, flops=flops, scatter=Scatter.known(0.1), how="best")  # type: ignore[arg-type]


class TestCrossing:
    X = (1.0, 10.0, 100.0, 1000.0)

    def test_between_two_points_it_is_where_the_lines_meet(self) -> None:
        found = crossing(self.X, [4, 3, 2, 1], [5, 3.5, 1.5, 0.5])
        assert found.value == pytest.approx(10**1.5)

    def test_it_must_stay_below(self) -> None:
        found = crossing(self.X, [4, 3, 2, 1], [3, 3.5, 1.5, 0.5])
        assert found.value > 10

    def test_none_and_all(self) -> None:
        assert math.isnan(crossing(self.X, [4, 3, 2, 1], [5, 4, 3, 2]).value)
        assert crossing(self.X, [4, 3, 2, 1], [3, 2, 1, 0.5]).value == 1

    def test_seeds_that_disagree_make_it_wide(self) -> None:
        first = [[4, 3, 2, 1], [4.2, 3.1, 2.1, 1.1]]
        found = crossing(self.X, first, [[5, 3.6, 1.5, 0.5], [5, 2.9, 1.4, 0.4]])
        assert found.low < found.value <= found.high

    def test_bad_values(self) -> None:
        with pytest.raises(ValueError, match="ascend"):
            crossing([1, 1], [2, 1], [2, 1])


def test_frontiers_of_one_seed_are_compared_as_independent() -> None:
    C = np.array([1e9, 1e10, 1e11])
    noise = 0.01 * np.random.default_rng(0).standard_normal((2000, 3))
    side = Frontier(C, 3 * (C / 1e9) ** -0.05, np.log(3 * (C / 1e9) ** -0.05) + noise, noise[0] > 9)
    found = compute_multiplier(side, side, reach=10)
    spread = np.log([each.high / each.low for each in found.estimates()])
    exact = 2 * 1.96 * 0.01 * 2**0.5 / 0.05  # two independent errors, over the slope
    assert spread[1] == pytest.approx(exact, rel=0.15)
