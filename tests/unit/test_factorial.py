"""What each choice does to a result, over all combinations of choices."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from scalinglaws import Factorial
from scalinglaws.fit.factorial import summary

NAMES = ("count", "warm-up", "rate")
NOISE = np.random.default_rng(0).normal(0, 0.01, (8, 400))


def made(result: object) -> Factorial:
    """A factorial of three factors whose results come from a function of the levels."""
    cells = product((0, 1), repeat=3)
    return Factorial(
        NAMES,
        {c: result(*c) + np.append(0, e) for c, e in zip(cells, NOISE, strict=True)},  # type: ignore[operator]
    )


additive = made(lambda c, w, r: 0.9 - 0.2 * c - 0.1 * w + 0.05 * r)
acting = made(lambda c, w, r: 0.9 - 0.2 * c - 0.1 * w + 0.08 * c * w)


def test_steps_that_add_up_are_the_main_effects_and_nothing_interacts() -> None:
    for name, step in zip(NAMES, (-0.2, -0.1, 0.05), strict=True):
        assert additive.effect(name).value == pytest.approx(step)
        assert additive.share(name)[0] == pytest.approx(step)
        assert [s[0] for s in additive.steps(name).values()] == pytest.approx([step] * 4)
    for pair in additive.interactions():
        assert additive.effect(*pair).value == pytest.approx(0)
        assert 0 in additive.effect(*pair)


def test_an_interaction_is_how_much_a_step_grows_once_the_other_is_taken() -> None:
    assert acting.effect("count", "warm-up").value == pytest.approx(0.08)
    assert acting.effect("warm-up", "count").value == pytest.approx(0.08)
    assert acting.effect("count").value == pytest.approx(-0.16)
    assert acting.effect("count", "warm-up", "rate").value == pytest.approx(0)
    assert 0 not in acting.effect("count", "warm-up")


def test_shares_are_the_steps_averaged_over_all_orders_and_add_up() -> None:
    noisy = made(lambda c, w, r: 0.9 - 0.3 * c * w - 0.1 * w * r + 0.05 * c)
    whole = noisy.draws[1, 1, 1] - noisy.draws[0, 0, 0]
    np.testing.assert_allclose(sum(noisy.share(name) for name in NAMES), whole)
    orders = list(noisy.orders())
    assert sorted(orders) == sorted(permutations(NAMES))
    for name in NAMES:
        steps = [np.diff(noisy.walk(o), axis=0)[o.index(name)] for o in orders]
        np.testing.assert_allclose(noisy.share(name), np.mean(steps, axis=0))


def test_a_walk_goes_from_one_end_to_the_other() -> None:
    way = acting.walk(("warm-up", "rate", "count"))
    assert [round(float(a[0]), 3) for a in way] == [0.9, 0.8, 0.8, 0.68]


def test_noise_that_cells_share_cancels() -> None:
    luck = np.append(0, NOISE[0])
    paired = Factorial(("x",), {(0,): 1 + luck, (1,): 0.5 + luck})
    assert paired.effect("x").high - paired.effect("x").low < 1e-9


def test_an_interval_has_its_level() -> None:
    found = summary([0.0, *np.linspace(-1, 1, 1001)], level=0.8)
    assert (found.low, found.high, found.level) == (pytest.approx(-0.8), pytest.approx(0.8), 0.8)


@pytest.mark.parametrize(
    ("factors", "draws", "told"),
    [
        ((), {}, "different names"),
        (("x", "x"), {}, "different names"),
        (("x",), {(0,): np.ones(3)}, r"lacking: \(1,\)"),
        (("x",), {(0,): np.ones(3), (1,): np.ones(4)}, "shape"),
        (("x",), {(0,): np.ones(1), (1,): np.ones(1)}, "shape"),
        (("x",), {(0,): np.ones((2, 2)), (1,): np.ones((2, 2))}, "shape"),
    ],
)
def test_what_is_no_factorial_is_refused(factors: tuple, draws: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Factorial(factors, draws)


def test_unknown_factors_and_orders_are_refused() -> None:
    with pytest.raises(KeyError, match="no factor named 'seed'"):
        acting.effect("seed")
    with pytest.raises(ValueError, match="different factors"):
        acting.effect("rate", "rate")
    with pytest.raises(ValueError, match="each of"):
        acting.walk(("rate", "count"))
