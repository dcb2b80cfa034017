"""Ideas over scale, as chapter 13 reads them from the shipped studies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scalinglaws.course import ideas
from scalinglaws.fit import Multiplier
from scalinglaws.learners import LSTMConfig, MLPConfig, TransformerConfig
from scalinglaws.runs import reference


@pytest.mark.parametrize("width", [8, 96, 512])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_usual_rates_are_those_of_the_configs(width: int, optimizer: str) -> None:
    for config in (TransformerConfig, LSTMConfig, MLPConfig):
        usual = ideas._USUAL[config.kind](float(width), optimizer)
        assert usual == pytest.approx(config(width).default_lr(optimizer))


@pytest.mark.parametrize("idea", ideas.PAIRS)
def test_every_idea_has_runs_on_both_sides(idea: str) -> None:
    found = ideas.multiplier(idea)
    assert len(found.C) >= 2 and (found.M > 0.5).all() and (found.M < 20).all()


def test_the_rate_is_the_usual_one_unless_it_is_tuned() -> None:
    assert set(ideas.runs_of(["far-muon"])["rate"]) == {1.0}
    tuned = ideas.runs_of(["mlp"], tuned=True)
    at = tuned[tuned["budget"] == 6e10]
    assert set(at["rate"]) == {0.6}, "there it was better at every width"
    assert tuned.groupby(["budget", "width"])["rate"].nunique().max() == 1


@pytest.mark.parametrize(
    ("slope", "noise", "expected", "outcome"),
    [
        (0.1, 1e-3, "grows", "held"),
        (0.1, 1e-3, "fades", "failed"),
        (0.0, 1e-3, "holds", "held"),
        (0.0, 1.0, "holds", "open"),
    ],
)
def test_a_claim_about_a_trend(slope: float, noise: float, expected: str, outcome: str) -> None:
    C = np.geomspace(1e9, 1e12, 4)
    log_M = slope * np.log(C / C[0])
    draws = log_M + noise * np.random.default_rng(0).standard_normal((500, 4))
    assert ideas.outcome(Multiplier(C, np.exp(log_M), draws), expected) == outcome


def test_a_curve_has_the_noise_of_its_seeds() -> None:
    table = pd.DataFrame({"tokens": [64, 64, 128], "loss": [2.0, 2.1, 1.5]})
    found = ideas.curve(table)
    sd = np.log(2.1 / 2.0) / np.sqrt(2)
    assert found.draws.std(0) == pytest.approx([sd / np.sqrt(2), sd], rel=0.1)


def test_rations_have_the_best_decay_and_say_what_was_read() -> None:
    found = ideas.rations()
    assert (found["ration"] * found["passes"]).to_numpy() == pytest.approx(found["tokens"])
    assert not found.duplicated(["context", "width", "ration", "passes"]).any()
    least = reference("ladder").groupby(["context", "width", "tokens"])["loss"].min()
    best = found.groupby(["context", "width", "tokens"])["loss"].min()
    assert best.to_numpy() == pytest.approx(least.to_numpy())
