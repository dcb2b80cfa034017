"""The factorial of chapter 7: its ladders, its trainings, and how each is read."""

from __future__ import annotations

import doctest
from itertools import product

import numpy as np
import pytest

from scalinglaws import TransformerConfig
from scalinglaws.course import disagreement
from scalinglaws.course.disagreement import BUDGETS, READINGS, Trainings, again, ladder, true_budget


@pytest.fixture(scope="module")
def trained() -> Trainings:
    return Trainings.shipped()


def test_the_examples_run() -> None:
    assert doctest.testmod(disagreement).failed == 0


@pytest.mark.parametrize("count", BUDGETS)
def test_a_ladder_spends_its_budgets(count: str) -> None:
    for (width, tokens), C in ladder(count).items():
        assert tokens * TransformerConfig(width).flops_per_token(count) == pytest.approx(
            C, rel=0.03
        )


def test_each_training_has_both_ladders_with_two_seeds_or_more(trained: Trainings) -> None:
    for rules in product((0, 1), repeat=3):
        table = trained.of(*rules)
        assert (table["batch"].isna() == bool(rules[2])).all()
        for count in BUDGETS:
            rows = table[true_budget(table, count) > 0]
            assert rows.groupby(["width", "tokens"])["seed"].nunique().min() >= 2
            assert len(rows.groupby(["width", "tokens"])) == len(ladder(count))


def test_a_forecast_of_new_runs_is_wider_by_the_root_of_two(trained: Trainings) -> None:
    fit = trained.parabolas(trained.of(1, 1, 1), "total")
    low, high = np.quantile(fit.draws["a"], (0.1, 0.9))
    wider = again(fit)
    assert wider.value == fit.a
    assert wider.high - wider.low == pytest.approx(np.sqrt(2) * (high - low))


def test_the_parabolas_read_what_the_fit_of_chapter_6_reads(trained: Trainings) -> None:
    log_L = np.log(trained.runs["loss"].to_numpy(float))[None]
    found = trained.read(log_L, (1, 1, 1), "total", slice(None))
    assert {*READINGS} == {*found}
    fit = trained.parabolas(trained.of(1, 1, 1), "total")
    assert found["parabolas"][0] == pytest.approx(fit.a, abs=0.01)
