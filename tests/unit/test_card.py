"""Steps as a card takes them, tried on the CPU: `scalinglaws.training.card` and its place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from scalinglaws.learners import LSTMConfig, MLPConfig, TransformerConfig
from scalinglaws.text import Corpus
from scalinglaws.training import Run, card, repeat, stack, sweep, train, train_together
from scalinglaws.training.card import Steps, text_on

TINY = TransformerConfig(width=8, context=8)
sweeping = sys.modules["scalinglaws.training.sweep"]


def like_a_card(monkeypatch: pytest.MonkeyPatch, replayed: bool) -> None:
    """Train on the CPU as on a card; what would be recorded is kept and carried out again."""
    monkeypatch.setattr(stack, "on_card", lambda device: True)
    monkeypatch.setattr(card, "records", lambda device: replayed)
    monkeypatch.setattr(Steps, "_recorded", lambda self, act: SimpleNamespace(replay=act))


def letters(targets: bool) -> Corpus:
    """Three letters and the one that follows the last; with targets, only that counts, twice."""
    rng = np.random.default_rng(0)
    rows = rng.integers(16, size=(400, 4), dtype=np.uint8)
    rows[:, 3] = (rows[:, 2] + 1) % 16
    parts = {"train": rows[:300].ravel(), "val": rows[300:].ravel()}
    if targets:
        parts |= {f"{part}_targets": (tokens + 1) % 16 for part, tokens in list(parts.items())}
    return Corpus("letters", **parts, vocab_size=16, example_length=4, scored=(False, True, True))


SHORT = TransformerConfig(width=8, context=3, vocab_size=16)
CASES: dict[str, Callable[[], list[Run]]] = {
    "branches": lambda: [Run(TINY, tokens=n, seed=s) for n in (2_000, 3_000) for s in (0, 1)],
    "muon, rates and decay": lambda: [
        Run(TINY, 2_000, optimizer="muon", lr=lr, weight_decay=0.5) for lr in (0.01, 0.02)
    ],
    "rations, a fixed batch": lambda: [
        Run(TINY, 2_000, batch=3, unique_tokens=unique) for unique in (None, 500)
    ],
    "dropout": lambda: repeat([Run(TINY, 2_000, dropout=0.2)], 2),
    "mlp": lambda: repeat([Run(MLPConfig(width=8, context=8, window=4), 2_000)], 2),
    "lstm": lambda: repeat([Run(LSTMConfig(width=8, context=8), 2_000)], 2),
}


class TestSteps:
    @pytest.mark.parametrize("replayed", [False, True])
    @pytest.mark.parametrize("case", CASES)
    def test_they_lead_where_those_of_a_cpu_lead(
        self, corpus: Corpus, case: str, replayed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = CASES[case]()
        usual = train_together(runs, corpus)
        like_a_card(monkeypatch, replayed)
        for a, b in zip(usual, train_together(runs, corpus), strict=True):
            assert b.loss == pytest.approx(a.loss, abs=2e-5)
            assert np.array_equal(a.curve_tokens, b.curve_tokens)
            np.testing.assert_allclose(b.curve_loss, a.curve_loss, atol=2e-4)

    @pytest.mark.parametrize("targets", [False, True])
    def test_so_they_do_where_only_some_tokens_count(
        self, targets: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, corpus = Run(SHORT, tokens=3_000), letters(targets)
        usual = train(run, corpus)
        like_a_card(monkeypatch, True)
        assert train(run, corpus).loss == pytest.approx(usual.loss, abs=2e-5)

    def test_a_size_is_recorded_once_after_it_was_launched_twice(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[int] = []

        def recorded(self: Steps, act: Callable[[], Any]) -> Any:
            made.append(1)
            return SimpleNamespace(replay=act)

        monkeypatch.setattr(stack, "on_card", lambda device: True)
        monkeypatch.setattr(card, "records", lambda device: True)
        monkeypatch.setattr(Steps, "_recorded", recorded)
        train(Run(TINY, tokens=8 * 43, batch=4), corpus)  # ten steps of four and one of three
        assert len(made) == 1

    def test_dropout_is_never_recorded(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stack, "on_card", lambda device: True)
        monkeypatch.setattr(card, "records", lambda device: True)
        monkeypatch.setattr(Steps, "_recorded", None)
        train(Run(TINY, tokens=1_000, dropout=0.1), corpus)

    def test_a_learner_may_say_that_its_steps_cannot_be_recorded(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        like_a_card(monkeypatch, True)
        monkeypatch.setattr(Steps, "_recorded", None)
        monkeypatch.setattr(TransformerConfig, "replayable", False)
        train(Run(TINY, tokens=1_000), corpus)

    def test_why_recording_failed_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def complain() -> None:
            raise RuntimeError("capture invalidated")

        graph = SimpleNamespace(capture_begin=lambda **_: None, capture_end=complain)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)

        def ask() -> None:
            raise ValueError("a number was asked for")

        with pytest.raises(ValueError, match="a number was asked for"):
            Steps._recorded(SimpleNamespace(graphs={}), ask)  # type: ignore[arg-type]

    def test_the_text_is_sent_once(self, corpus: Corpus) -> None:
        place = torch.device("cpu")
        assert text_on(corpus, 8, place) is text_on(corpus, 8, place)
        assert text_on(corpus, 8, place).tokens.shape == corpus.windows("train", 8).shape

    def test_a_run_that_stops_being_a_number_ends_as_diverged(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        like_a_card(monkeypatch, True)
        assert train(Run(TINY, tokens=4_000, lr=1e6), corpus).status == "diverged"


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `sweep` think that the CPU is a card."""
    monkeypatch.setattr(stack, "on_card", lambda device: True)
    place = SimpleNamespace(type="cuda")
    monkeypatch.setattr(sweeping, "pick_device", lambda device=None: place)
    together = sweeping.train_together
    monkeypatch.setattr(
        sweeping,
        "train_together",
        lambda runs, corpus, device, **rest: together(runs, corpus, device="cpu", **rest),
    )


class TestSweep:
    def test_has_the_rows_of_a_cpu(self, corpus: Corpus, pretended: None, tmp_path: Any) -> None:
        runs = repeat([Run(TransformerConfig(w, context=8), 2_000) for w in (8, 12, 16)], 2)
        usual = sweep(runs, corpus, workers=1, device=None, progress=False)
        again = sweep(runs, corpus, store=tmp_path / "runs.sqlite", progress=False)
        np.testing.assert_allclose(again["loss"], usual["loss"], atol=2e-5)
        kept = sweep(runs, corpus, store=tmp_path / "runs.sqlite", progress=False)
        assert kept["loss"].tolist() == again["loss"].tolist(), "trained once, then read"

    def test_a_stack_that_is_too_large_for_the_card_is_halved(
        self, corpus: Corpus, pretended: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        together = sweeping.train_together

        def small_card(runs: list[Run], *args: Any, **rest: Any) -> Any:
            sizes.append(len(runs))
            if len(runs) > 2:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return together(runs, *args, **rest)

        monkeypatch.setattr(sweeping, "train_together", small_card)
        runs = repeat([Run(TINY, tokens=1_000)], 7)
        table = sweep(runs, corpus, progress=False)
        assert table["status"].eq("ok").all()
        assert sorted(sizes) == [1, 2, 2, 2, 3, 4, 7]

    def test_one_run_that_is_too_large_fails_alone(
        self, corpus: Corpus, pretended: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        together = sweeping.train_together

        def small_card(runs: list[Run], *args: Any, **rest: Any) -> Any:
            if runs[0].model.width > 8:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return together(runs, *args, **rest)

        monkeypatch.setattr(sweeping, "train_together", small_card)
        wide = Run(replace(TINY, width=16), tokens=1_000)
        table = sweep([Run(TINY, tokens=1_000), wide], corpus, progress=False)
        assert table["status"].str.contains("out of memory").tolist() == [False, True]

    def test_one_run_for_which_others_left_no_room_is_tried_again_alone(
        self, corpus: Corpus, pretended: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[int] = []
        together = sweeping.train_together

        def crowded(runs: list[Run], *args: Any, **rest: Any) -> Any:
            tried.append(runs[0].model.width)
            if tried.count(16) == 1 and runs[0].model.width == 16:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return together(runs, *args, **rest)

        monkeypatch.setattr(sweeping, "train_together", crowded)
        runs = [Run(replace(TINY, width=width), tokens=1_000) for width in (8, 16)]
        assert sweep(runs, corpus, progress=False)["status"].eq("ok").all()
        assert tried.count(16) == 2

    def test_what_is_finished_is_kept_when_the_sweep_is_cut_off(
        self, corpus: Corpus, pretended: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        from scalinglaws.runs import store

        together = sweeping.train_together

        def interrupted(runs: list[Run], *args: Any, **rest: Any) -> Any:
            if runs[0].model.width > 8:
                raise KeyboardInterrupt
            return together(runs, *args, **rest)

        monkeypatch.setattr(sweeping, "train_together", interrupted)
        monkeypatch.setattr(sweeping, "_AT_ONCE", 1)
        long, wide = Run(TINY, tokens=20_000), Run(replace(TINY, width=16), tokens=1_000)
        with pytest.raises(KeyboardInterrupt):
            sweep([long, wide], corpus, store=tmp_path / "runs.sqlite", progress=False)
        assert len(store.load(tmp_path / "runs.sqlite")) == 1
