"""Local slopes: the values, their intervals, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws import Scatter, fit_isoflop, local_slopes
from scalinglaws.laws import CHINCHILLA_REFIT as LAW

X = np.geomspace(1e4, 1e8, 5)
NOISE = Scatter.known(0.01)


def test_a_power_law_has_one_slope_and_a_bent_one_has_not() -> None:
    straight = local_slopes(X, 5 * X**-0.2, scatter=NOISE)
    np.testing.assert_allclose(straight.values, -0.2)
    assert 0 in straight.bend()
    bent = local_slopes(X, 1.5 + 20 * X**-0.25, scatter=NOISE)
    assert 0 not in bent.bend()
    assert bent.bend().value == pytest.approx(bent.values[-1] - bent.values[0])


def test_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    held = []
    for seed in range(300):
        y = 5 * X**-0.2 * np.exp(NOISE.draw(X, rng=rng)[0])
        found = local_slopes(X, y, scatter=NOISE, bootstrap=300, seed=seed)
        held.append([*(-0.2 in one for one in found.estimates()), 0 in found.bend()])
    assert 0.92 <= np.mean(held) <= 0.98


def test_runs_at_one_x_are_averaged() -> None:
    one = local_slopes(X, X**-0.1, scatter=NOISE, bootstrap=4000)
    four = local_slopes(np.repeat(X, 4), np.repeat(X, 4) ** -0.1, scatter=NOISE, bootstrap=4000)
    np.testing.assert_allclose(four.draws.std(axis=0), one.draws.std(axis=0) / 2, rtol=0.05)


def test_a_trunk_in_common_takes_its_luck_out_of_the_slope() -> None:
    shared = Scatter.known(0.01, share=0.9)
    apart = local_slopes(X, X**-0.1, scatter=shared)
    joined = local_slopes(X, X**-0.1, scatter=shared, groups=["trunk"] * 5)
    assert (joined.draws.std(axis=0) < 0.9 * apart.draws.std(axis=0)).all()


def test_the_minima_of_parabolas_bring_their_draws() -> None:
    C = np.geomspace(1e19, 1e21, 5).repeat(6)
    N = LAW.N_opt(C) * np.tile(np.geomspace(0.4, 2.5, 6), 5)
    loss = LAW(N, C / 6 / N) * np.exp(0.002 * np.random.default_rng(0).standard_normal(30))
    fit = fit_isoflop(N, C / 6 / N, loss, bootstrap=400)
    found = local_slopes(fit.C[::-1], fit.N[::-1], draws=fit.minima[:, ::-1], span=2)
    assert found.table().shape == (3, 5)
    assert (found.table()["low"] < LAW.a).all() and (found.table()["high"] > LAW.a).all()
    assert "last less first" in str(found)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "either draws"),
        ({"scatter": NOISE, "draws": np.zeros((100, 5))}, "either draws"),
        ({"draws": np.zeros((100, 4))}, "shape"),
        ({"scatter": NOISE, "span": 4}, "6 different x"),
        ({"scatter": NOISE, "tokens": [1e5]}, "equal length"),
    ],
)
def test_what_is_refused(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        local_slopes(X, X**-0.1, **given)  # type: ignore[arg-type]
