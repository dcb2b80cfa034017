"""Laws on trial, and the best size along true budgets: the modules of chapters 5 and 6."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest

from scalinglaws import Estimate, Scatter, TransformerConfig
from scalinglaws.course import best_size, forecast, trials, verdict
from scalinglaws.course.trials import Trial


def test_examples() -> None:
    for module in (trials, best_size):
        assert doctest.testmod(module).failed == 0


def trial(*measured: float) -> Trial:
    """Forecasts of 2.0, from 1.9 to 2.1, of these losses."""
    return Trial("a way", (Estimate(2.0, 1.9, 2.1),) * len(measured), measured)


@pytest.mark.parametrize(
    ("ways", "outcome"),
    [([(2.0,), (2.05,)], "held"), ([(2.0, 2.2), (1.8,)], "failed"), ([(2.0,), (2.2,)], "open")],
)
def test_ways_are_judged_together(ways: list[tuple[float, ...]], outcome: str) -> None:
    assert trials.judged([trial(*measured) for measured in ways]) == outcome


def test_without_a_trial_there_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="at least one"):
        trials.judged([])


def test_a_verdict_shows_the_miss_that_is_surest(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    wide = Trial("wide", (Estimate(2.0, 1.0, 3.0),), (2.4,), widened=2.0)
    verdict.expect("5.x", "a claim", "a rule")
    assert trials.enter("5.x", [wide, trial(2.2)], who="a law") == "open"
    (kept,) = verdict.load()
    assert kept.value is not None and kept.value.value == pytest.approx(0.1)
    assert forecast.load()[0].answer == 2.4
    assert "widened 2.0 times" in str(wide) and "outside" in str(trial(2.2))


def test_early_stopping_drops_what_still_gains() -> None:
    runs = pd.DataFrame(
        {"params_non_embedding": 10, "unique_tokens": [4] * 3 + [8] * 2,
         "tokens": [8, 16, 32, 16, 32], "loss": [2.0, 1.8, 1.9, 2.0, 1.8]}
    )  # fmt: skip
    (row,) = trials.early_stopped(runs).itertuples()
    assert (row.D, row.L, row.read, row.turned) == (4, 1.8, 8, True)
    assert trials.early_stopped(runs, passes=4).empty


def test_curves_are_read_off_at_budgets() -> None:
    D = np.array([1e4, 1e5, 1e6])
    runs = pd.DataFrame({"params_non_embedding": 100.0, "seed": 0, "tokens": D,
                         "flops": 1000 * D, "loss": D**-0.1})  # fmt: skip
    found = trials.at_budgets(runs, np.array([1e6, 3e7, 1e10]))
    assert found["C"].tolist() == [3e7]  # the others lie outside
    assert found["L"][0] == pytest.approx(3e4**-0.1)
    assert trials.at_budgets(runs, count="6ND")["C"].tolist() == pytest.approx(list(600 * D))


def test_a_target_that_is_not_reached() -> None:
    found = trials.tokens_to_reach(1.0, [1e4, 1e5, 1e6], [2.5, 2.0, 1.6], Scatter.known(0.01))
    assert np.isnan(found).all()


def test_the_counts_behind_the_true_budgets() -> None:
    model = TransformerConfig(width=48)
    N = model.params("non_embedding") + 128 * 48
    assert model.params("non_embedding") == 24 * 48**2
    assert model.flops_per_token() == pytest.approx(6 * N + 768 * 48, rel=0.02)
