"""Rations, text that models write, what repetition is worth, and the year of the wall."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pandas as pd
import pytest

from scalinglaws import Run, TransformerConfig, from_documents, reference, train
from scalinglaws.course import wall
from scalinglaws.learners import NgramConfig
from scalinglaws.text import Addition, Corpus
from scalinglaws.training.run import ration_of


@pytest.fixture(scope="module")
def notes() -> Corpus:
    return from_documents({f"note {i}": f"This is note {i}." for i in range(200)}, "notes")


def test_the_examples_run() -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    tried = doctest.testmod(wall, optionflags=options, extraglobs={"np": np, "pd": pd})
    assert tried.attempted > 20 and not tried.failed


def test_a_ration_holds_the_windows_that_a_run_of_its_seed_reads(notes: Corpus) -> None:
    small = wall.ration(notes, 320, seed=4)
    run = Run(TransformerConfig(8), tokens=640, seed=4, unique_tokens=320)
    windows = notes.windows("train", 32)
    read = windows[ration_of(len(windows), run)]
    assert np.array_equal(small.windows("train", 32), read)
    assert np.array_equal(small.windows("val", 32), notes.windows("val", 32))
    assert wall.ration(notes, 320, seed=5) != small
    with pytest.raises(ValueError, match="only"):
        wall.ration(notes, 10**6)


def test_a_loss_on_a_ration_is_measured_on_the_text_of_the_corpus(notes: Corpus) -> None:
    run = Run(TransformerConfig(8), tokens=1_280, seed=4)
    by_corpus = train(Run(run.model, 1_280, seed=4, unique_tokens=320), notes)
    assert train(run, wall.ration(notes, 320, seed=4)).loss == pytest.approx(by_corpus.loss)


def test_what_a_model_writes_is_like_what_it_read(notes: Corpus) -> None:
    ngram = train(Run(NgramConfig(order=6), tokens=2_880), notes).model
    firsts = notes.windows("train", 32)[:, 0]
    written = wall.write(ngram, 50, firsts=firsts, seed=1)
    assert written.shape == (50, 33) and set(written[:, 0]) <= set(firsts)
    assert np.isin(written, notes.train).mean() > 0.9
    assert np.array_equal(written, wall.write(ngram, 50, firsts=firsts, seed=1))
    assert not np.array_equal(written, wall.write(ngram, 50, firsts=firsts, seed=2))
    again = train(Run(NgramConfig(order=6), tokens=1_600), wall.with_windows(notes, written))
    assert again.loss < 0.5 * math.log(128)


def test_a_transformer_writes_too_but_not_a_stack(notes: Corpus) -> None:
    model = TransformerConfig(8).build([0])
    assert wall.write(model, 3, firsts=[10]).shape == (3, 33)
    with pytest.raises(ValueError, match="stack of 2"):
        wall.write(TransformerConfig(8).build([0, 1]), 3, firsts=[10])


def table(**columns: object) -> pd.DataFrame:
    usual = {"width": 8, "seed": 0, "weight_decay": 0.0, "dropout": 0.0, "unique_tokens": pd.NA}
    return pd.DataFrame(usual | columns)


def test_a_run_stands_for_the_best_stop_so_far() -> None:
    runs = table(tokens=[100, 400, 200], loss=[3.0, 2.5, 2.0], unique_tokens=[100, 100, 100])
    stops = wall.early_stops(runs)
    assert stops["stopped"].tolist() == [3.0, 2.0, 2.0]
    assert stops["epochs"].tolist() == [1, 2, 4]
    other = wall.early_stops(runs.assign(weight_decay=[0.0, 1.0, 1.0]))
    assert other["stopped"].tolist() == [3.0, 2.0, 2.0]
    lost = wall.early_stops(runs.assign(loss=[3.0, 2.5, math.nan]))
    assert lost["stopped"].tolist() == [3.0, 2.5]


def test_all_seeds_get_the_decay_that_is_best_in_the_mean() -> None:
    runs = table(
        tokens=100,
        unique_tokens=50,
        seed=[0, 1, 0, 1],
        weight_decay=[0.0, 0.0, 1.0, 1.0],
        loss=[2.0, 3.0, 2.2, 2.2],
    )
    chosen = wall.best_decay(wall.early_stops(runs))
    assert chosen["weight_decay"].tolist() == [1.0, 1.0] and chosen["loss"].tolist() == [2.2, 2.2]


def test_reuse_of_a_world_where_it_is_known() -> None:
    def loss(tokens: np.ndarray) -> np.ndarray:
        return 1 + 10 * tokens**-0.25

    lengths = 2.0 ** np.arange(10, 20)
    fresh = table(tokens=lengths, loss=loss(lengths))
    read = 1024 * np.array([1, 2, 4, 8])
    repeated = table(tokens=read, unique_tokens=1024, loss=loss(1024 * np.array([1, 2, 3, 3.5])))
    found = wall.reuse(wall.early_stops(pd.concat([fresh, repeated])))
    assert found["reuse"].to_numpy() == pytest.approx([1, 2, 3, 3.5], rel=0.02)


def test_reuse_in_the_shipped_runs_is_near_one_for_the_first_reading() -> None:
    data, fresh = reference("data"), reference("isoflop")
    both = wall.early_stops(pd.concat([data, fresh[fresh["width"].isin([16, 32, 64])]]))
    found = wall.reuse(both[both["width"].isin([16, 32, 64])])
    first = found[found["epochs"] == 1]["reuse"].dropna()
    assert len(first) > 5 and 0.8 < first.median() < 1.2


def test_years_follow_the_formula() -> None:
    exact = wall.wall_years((1e15, 1e15), demand=1e13, growth=(0.4, 0.4))
    assert exact == pytest.approx(2029.0)
    ten = wall.wall_years((1e15, 1e15), demand=1e13, growth=(0.4, 0.4), factor=10)
    assert ten == pytest.approx(2031.5)
    wide = wall.wall_years((1e14, 1e15), demand=1e13, growth=(0.4, 0.4))
    low, high = np.quantile(wide, (0.05, 0.95))
    assert (low, high) == pytest.approx((2026.5, 2029.0), abs=0.1)
    with pytest.raises(ValueError, match="stock"):
        wall.wall_years((1e15, 1e14), demand=1e13, growth=(0.4, 0.4))


def test_a_corpus_of_which_not_every_token_counts_is_refused() -> None:
    sums = Addition(digits=2).corpus(train=1_000, val=200)
    with pytest.raises(ValueError, match="not every token counts"):
        wall.ration(sums, 320, context=sums.example_length - 1)


@pytest.mark.parametrize("wrong", [256, -1, 0.5, math.nan])
def test_windows_hold_tokens_of_the_corpus(wrong: float, corpus: Corpus) -> None:
    windows = np.full((4, 9), 65) + wrong if wrong != -1 else np.full((4, 9), -1)
    with pytest.raises(ValueError, match="whole numbers from 0 to 127"):
        wall.with_windows(corpus, windows)
