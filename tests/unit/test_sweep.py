"""Many runs: `scalinglaws.training`."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sweeping import TINY, plan, small_corpus

from scalinglaws import runs
from scalinglaws.course import growing
from scalinglaws.learners import LSTMConfig, MLPConfig, NgramConfig, TransformerConfig
from scalinglaws.runs import store
from scalinglaws.text import Corpus, python_source
from scalinglaws.training import Run, WrongCorpus, cost, lockstep, repeat, sweep, train
from scalinglaws.training import stack as training
from scalinglaws.training.run import row_of

module = sys.modules["scalinglaws.training.sweep"]

ROOT = Path(__file__).parents[2]
GOOD = Run(TINY, tokens=4_000)
LARGE = Run(TransformerConfig(width=16, context=8), tokens=8_000)
TOO_LONG = Run(TINY, tokens=4_000, unique_tokens=10**9)
BURST = Run(TINY, tokens=4_000, lr=1e12)
MIXED = [GOOD, TOO_LONG, LARGE, BURST, replace(GOOD, seed=1)]
SHORT = [replace(run, tokens=1_000) for run in repeat([GOOD, LARGE], seeds=2)]
BUDGETS = [
    Run(TINY, tokens=tokens, seed=seed, warmup=128)
    for tokens in (500, 900, 2_000)
    for seed in (0, 1)
]

SCRIPT = """
import signal
import sys
from scalinglaws.training import sweep
from sweeping import plan, small_corpus

if __name__ == "__main__":
    # A process started in the background of a shell inherits a Ctrl-C that is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    store, workers, huge = sys.argv[1:]
    table = sweep(plan(int(huge)), small_corpus, workers=int(workers), store=store)
    print(",".join(table["status"]))
"""


class Bar:
    """Stands in for the progress bar, and keeps what it was told."""

    made: ClassVar[list[Bar]] = []

    def __init__(self, **options: Any) -> None:
        self.options, self.n, self.path = options, 0, [0]
        self.made.append(self)

    def update(self, more: int) -> None:
        self.n += more
        self.path.append(self.n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Unsendable(Corpus):
    def __reduce__(self) -> str:
        raise AssertionError("the corpus itself was sent to a worker")


def unsendable_corpus() -> Corpus:
    tokens = small_corpus()
    return Unsendable(tokens.name, tokens.train, tokens.val, tokens.vocab_size)


class Deadly:
    """A corpus that ends the process that unpacks it."""

    def __call__(self) -> Corpus:
        return small_corpus()

    def __reduce__(self) -> tuple[Callable, tuple[int]]:
        return os._exit, (3,)


class Doomed(TransformerConfig):
    """A model during whose training the worker is killed, as the system does to free memory."""

    def params(self, count: str = "total") -> int:
        if multiprocessing.parent_process() and Path(os.environ["SENTENCE"]).exists():
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return super().params(count)


@pytest.fixture(autouse=True)
def no_workers_of_others() -> None:
    """The chapters' `train_all` keeps its two processes; they are none of a sweep's."""
    growing._pool.cache_clear()
    for child in multiprocessing.active_children():
        child.terminate()
        child.join()


def assert_no_worker_is_left() -> None:
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows, apart from how long they took, to the rounding of float32 in training."""
    drop = ["seconds", "device"]
    pd.testing.assert_frame_equal(
        got.drop(columns=drop), expected.drop(columns=drop), rtol=1e-3, check_exact=False
    )


@pytest.fixture(scope="module")
def alone(corpus: Corpus) -> pd.DataFrame:
    return sweep(MIXED, corpus, workers=1, progress=False)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setattr(module, "tqdm", Bar)
    return Bar.made


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """All runs whose training began in this process."""
    began: list[Run] = []
    original = module.train_together

    def counted(group: list[Run], *args: Any, **options: Any) -> list[Any]:
        began.extend(group)
        return original(group, *args, **options)

    monkeypatch.setattr(module, "train_together", counted)
    return began


@pytest.fixture
def flops_done(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """FLOPs of every step that was really computed in this process."""
    done: list[float] = []
    original = training._Stack._step

    def counted(self: Any, size: int, rate: float) -> Any:
        config = self.model.config
        per_token = config.flops_per_token("total")
        done.append(size * config.context * per_token * self.model.stack)
        return original(self, size, rate)

    monkeypatch.setattr(training._Stack, "_step", counted)
    return done


class TestRows:
    def test_two_workers_give_the_same_as_one_and_move_the_bar(
        self, corpus: Corpus, alone: pd.DataFrame, bars: list[Bar]
    ) -> None:
        same(sweep(MIXED, corpus, workers=2), alone)
        (bar,) = bars
        assert bar.n == bar.options["total"] == sum(run.flops for run in MIXED)
        assert bar.path == sorted(bar.path)

    def test_they_stand_in_the_order_given(self, alone: pd.DataFrame) -> None:
        assert alone["width"].tolist() == [8, 8, 16, 8, 8]
        assert alone["seed"].tolist() == [0, 0, 0, 0, 1]

    def test_a_row_is_that_of_the_run_by_itself(self, corpus: Corpus, alone: pd.DataFrame) -> None:
        same(alone.iloc[[0]], runs.table_of([train(GOOD, corpus).row()]))

    def test_a_run_that_fails_leaves_its_reason_and_the_others_go_on(
        self, alone: pd.DataFrame
    ) -> None:
        ok, failed, _, burst, _ = alone["status"]
        assert ok == "ok" and burst == "diverged"
        assert failed.startswith("failed: ValueError: unique_tokens is 1,000,000,000")
        assert alone["loss"].isna().tolist() == [False, True, False, True, False]

    def test_the_table_is_one_that_fits_accept(self, alone: pd.DataFrame) -> None:
        assert list(alone.columns) == list(runs.COLUMNS)
        assert runs.finished(alone).index.tolist() == [0, 2, 4]

    def test_it_survives_a_file(self, alone: pd.DataFrame, tmp_path: Path) -> None:
        runs.write_table(alone, tmp_path / "runs.csv")
        again = runs.read_table(tmp_path / "runs.csv")
        pd.testing.assert_frame_equal(again, alone, check_exact=True)

    def test_budgets_that_share_a_trunk_come_out_as_if_alone(self, corpus: Corpus) -> None:
        table = sweep(BUDGETS, corpus, workers=1, progress=False)
        same(table, runs.table_of(train(run, corpus).row() for run in BUDGETS))

    @pytest.mark.parametrize("bad", [0, 3, 5])
    def test_one_bad_run_of_a_group_is_found(
        self, corpus: Corpus, bad: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = module.train_together

        def fail(group: list[Run], *args: Any, **options: Any) -> list[Any]:
            if BUDGETS[bad] in group:
                raise MemoryError("too\nlarge")
            return original(group, *args, **options)

        monkeypatch.setattr(module, "train_together", fail)
        status = sweep(BUDGETS, corpus, workers=1, progress=False)["status"].tolist()
        assert status.pop(bad) == "failed: MemoryError: too large"
        assert status == ["ok"] * 5


class TestProgress:
    def test_the_bar_counts_exactly_what_is_computed(
        self, corpus: Corpus, bars: list[Bar], flops_done: list[float]
    ) -> None:
        plans = [
            BUDGETS,
            [replace(run, cooldown=0.0, tokens=run.tokens // 8 * 8, batch=1) for run in BUDGETS],
            [replace(run, cooldown=1.0) for run in BUDGETS],
            [replace(run, cooldown=c) for run in BUDGETS for c in (0.1, 0.5)],
            SHORT,
        ]
        for wanted in plans:
            flops_done.clear()
            sweep(wanted, corpus, workers=1)
            assert bars[-1].n == bars[-1].options["total"] == sum(flops_done)
        assert bars[0].n < sum(run.flops for run in BUDGETS)

    def test_it_moves_within_runs_and_never_back(self, corpus: Corpus, bars: list[Bar]) -> None:
        sweep(MIXED, corpus, workers=1)
        (bar,) = bars
        assert bar.path == sorted(bar.path)
        assert len(set(bar.path)) > 50
        assert bar.n == bar.options["total"] == sum(run.flops for run in MIXED)
        assert not bar.options["disable"]

    def test_only_what_is_missing_counts(
        self, corpus: Corpus, bars: list[Bar], flops_done: list[float], tmp_path: Path
    ) -> None:
        sweep(BUDGETS[:3], corpus, workers=1, store=tmp_path / "s")
        flops_done.clear()
        sweep(BUDGETS, corpus, workers=1, store=tmp_path / "s")
        assert bars[1].n == bars[1].options["total"] == sum(flops_done)
        assert bars[1].options["desc"] == "3 missing runs"

    def test_it_can_be_left_out(
        self, corpus: Corpus, capsys: pytest.CaptureFixture[str], bars: list[Bar]
    ) -> None:
        sweep([replace(GOOD, tokens=1_000)], corpus, workers=1, progress=False)
        assert bars[0].options["disable"]
        assert capsys.readouterr() == ("", "")


class TestSharingOut:
    LADDER: ClassVar = repeat(
        [Run(TransformerConfig(w), tokens=12 * w * w * 40) for w in (8, 16, 32, 48)], 3
    )

    @pytest.mark.parametrize("workers", [1, 2, 3, 4])
    @pytest.mark.parametrize("plan", ["ladder", "one shape", "budgets"])
    def test_no_core_idles_long(self, plan: str, workers: int) -> None:
        wanted = {
            "ladder": self.LADDER,
            "one shape": repeat([Run(TINY, tokens=2**20)], 12),
            "budgets": [
                Run(
                    TransformerConfig(w),
                    tokens=int(flops / TransformerConfig(w).flops_per_token()),
                    seed=seed,
                )
                for w in (8, 16, 24, 32)
                for flops in (1e10, 3e10, 9e10)
                for seed in range(3)
            ],
        }[plan]
        groups = module._share_out(wanted, workers)
        assert sorted(hash(run) for group in groups for run in group) == sorted(map(hash, wanted))
        assert all(len(lockstep(group)) == 1 for group in groups)
        busy = sum(map(module._seconds, groups)) / workers
        assert module._makespan(groups, workers) < 1.2 * busy
        assert module._makespan(groups, workers) <= module._makespan(lockstep(wanted), workers)

    def test_only_as_many_groups_are_cut_as_that_takes(self) -> None:
        shapes = [TransformerConfig(32, context=context) for context in (16, 20, 24, 28, 32)]
        wanted = repeat([Run(shape, tokens=2**19) for shape in shapes], seeds=5)
        whole = lockstep(wanted)
        groups = module._share_out(wanted, 2)
        assert len(whole) < len(groups) < 2 * len(whole)
        assert module._makespan(groups, 2) < 1.1 * sum(map(module._seconds, whole)) / 2

    def test_one_worker_gets_groups_as_large_as_pay(self) -> None:
        assert module._share_out(self.LADDER, 1) == lockstep(self.LADDER)

    def test_the_largest_groups_come_first(self, corpus: Corpus, trained: list[Run]) -> None:
        sweep(
            [GOOD, replace(LARGE, tokens=9_000), replace(GOOD, tokens=5_000, warmup=1)],
            corpus,
            workers=1,
            progress=False,
        )
        assert [run.tokens for run in trained] == [9_000, 5_000, 4_000]

    def test_there_are_never_more_workers_than_groups(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_in_processes", None)
        assert len(sweep([replace(GOOD, tokens=1_000)], corpus, workers=8, progress=False)) == 1

    def test_a_card_takes_large_groups_one_after_another(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[tuple[int, int, str]] = []

        def fake(group: list[Run], corpus: Corpus, *, device: str, **_: Any) -> list[Any]:
            seen.append((group[0].model.width, len(group), device))
            row = row_of(group[0], "c", "ok", loss=1.0, device=device)
            return [SimpleNamespace(row=lambda: row)] * len(group)

        card = SimpleNamespace(type="cuda")
        monkeypatch.setattr(module, "pick_device", lambda device=None: card)
        monkeypatch.setattr(module, "train_together", fake)
        wanted = repeat([Run(TransformerConfig(w), tokens=10_000) for w in (16, 512)], seeds=100)
        assert len(sweep(wanted, corpus, progress=False)) == 200
        seen.sort(key=lambda group: -group[0])
        assert seen == [(512, 8, "cuda")] * 9 + [(512, 7, "cuda")] * 4 + [(16, 50, "cuda")] * 2


class TestRefusals:
    def test_no_runs(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="runs is empty"):
            sweep([], corpus)

    def test_the_same_run_twice(self, corpus: Corpus) -> None:
        again = replace(GOOD, lr=GOOD.lr, batch=GOOD.batch)
        with pytest.raises(ValueError, match="the same run stands in runs twice"):
            sweep([GOOD, LARGE, again], corpus)

    def test_something_else_than_runs(self, corpus: Corpus) -> None:
        with pytest.raises(TypeError, match="must hold Run objects, got TransformerConfig"):
            sweep([TINY], corpus)

    @pytest.mark.parametrize("corpus", ["text", lambda: "text"])
    def test_something_else_than_a_corpus(self, corpus: Any) -> None:
        with pytest.raises(TypeError, match="corpus must be a Corpus or return one, got str"):
            sweep([GOOD], corpus)

    def test_one_run_alone_and_what_holds_no_runs(self, corpus: Corpus) -> None:
        for act in (lambda runs: sweep(runs, corpus), lambda runs: repeat(runs, 2), cost):
            with pytest.raises(TypeError, match=r"got a single Run: write \[run\]"):
                act(GOOD)
            with pytest.raises(TypeError, match="must be a list of Run objects, got int"):
                act(3)
            with pytest.raises(TypeError, match="must hold Run objects, got str"):
                act("runs")

    @pytest.mark.parametrize("workers", [0, -1])
    def test_no_workers(self, corpus: Corpus, workers: int) -> None:
        with pytest.raises(ValueError, match="workers must be at least 1"):
            sweep([GOOD], corpus, workers=workers)

    def test_a_device_that_is_not_there_fails_at_once(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="cannot be used on this machine"):
            sweep([GOOD], corpus, device="cuda:99", progress=False)


class TestRepeat:
    def test_each_run_comes_with_each_seed(self) -> None:
        got = repeat([GOOD, LARGE], seeds=3)
        assert [run.seed for run in got] == [0, 1, 2, 0, 1, 2]
        assert [run.model.width for run in got] == [8, 8, 8, 16, 16, 16]
        assert len(set(got)) == 6

    @pytest.mark.parametrize("seeds", [0, -1, "3", 1.5, None])
    def test_no_seeds_are_refused(self, seeds: Any) -> None:
        with pytest.raises(ValueError, match=r"seeds must be (at least 1|a whole number)"):
            repeat([GOOD], seeds)


class TestMixedLearners:
    RUNS: ClassVar = [
        Run(config, tokens, seed=seed)
        for config in (
            TINY,
            MLPConfig(8, context=8),
            LSTMConfig(8, context=8),
            NgramConfig(order=3, context=8),
        )
        for tokens in (500, 1_000)
        for seed in (0, 1)
    ]

    def test_they_share_a_sweep_and_a_store(
        self, corpus: Corpus, tmp_path: Path, trained: list[Run], bars: list[Bar]
    ) -> None:
        path = tmp_path / "s"
        sweep(self.RUNS[::3], corpus, workers=1, store=path)
        trained.clear()
        table = sweep(self.RUNS, corpus, workers=1, store=path)
        assert {*trained} == {*self.RUNS} - {*self.RUNS[::3]}
        assert bars[1].n == bars[1].options["total"]
        assert table["status"].tolist() == ["ok"] * 16
        assert table["learner"].tolist() == [
            kind for kind in ("transformer", "mlp", "lstm", "ngram") for _ in range(4)
        ]
        for run, loss in zip(self.RUNS, table["loss"], strict=True):
            assert loss == pytest.approx(train(run, corpus).loss, abs=1e-4)
        trained.clear()
        again = sweep(self.RUNS, corpus, workers=1, store=path)
        assert not trained
        pd.testing.assert_frame_equal(again, table, check_exact=True)

    def test_the_table_has_the_types_of_one_learner_as_far_as_can_be_and_survives_a_file(
        self, corpus: Corpus, tmp_path: Path
    ) -> None:
        table = sweep(self.RUNS[::4], corpus, workers=1, progress=False)
        assert table["width"].tolist() == [8, 8, 8, pd.NA]
        assert table["window"].tolist() == [pd.NA, 8, pd.NA, 2]
        assert table["heads"].tolist() == [2, pd.NA, pd.NA, pd.NA]
        assert table["shift"].tolist() == [True, pd.NA, pd.NA, pd.NA]
        assert table["params"].dtype == "int64" and (table["params_total"] > 0).all()
        runs.write_table(table, tmp_path / "runs.csv")
        again = runs.read_table(tmp_path / "runs.csv")
        pd.testing.assert_frame_equal(again, table, check_exact=True)

    def test_one_that_fails_before_it_has_counted_has_no_params(self, corpus: Corpus) -> None:
        wrong = Run(NgramConfig(order=3, context=8), 500, unique_tokens=10**9)
        table = sweep([GOOD, wrong], corpus, workers=1, progress=False)
        assert table["status"][1].startswith("failed") and math.isnan(table["params"][1])

    def test_a_sweep_in_which_all_fail_says_why(self, corpus: Corpus) -> None:
        wrong = [replace(TOO_LONG, seed=seed) for seed in range(2)]
        with pytest.warns(UserWarning, match="no run .* was trained.*first of 2 failed.*unique_t"):
            sweep(wrong, corpus, workers=1, progress=False)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sweep([GOOD, *wrong], corpus, workers=1, progress=False)


class TestStore:
    def test_starting_again_trains_only_what_is_missing(
        self, corpus: Corpus, trained: list[Run], tmp_path: Path
    ) -> None:
        path = tmp_path / "runs.sqlite"
        first = sweep(SHORT[:3], corpus, workers=1, store=path, progress=False)
        assert set(trained) == set(SHORT[:3])
        trained.clear()
        both = sweep(SHORT[::-1], corpus, workers=1, store=str(path), progress=False)
        assert trained == SHORT[3:]
        pd.testing.assert_frame_equal(
            both.iloc[:0:-1].reset_index(drop=True), first, check_exact=True
        )
        trained.clear()
        again = sweep(SHORT[::-1], corpus, store=path)
        assert not trained
        pd.testing.assert_frame_equal(again, both, check_exact=True)
        assert len(store.load(path)) == 4

    def test_nothing_is_started_when_nothing_is_missing(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bars: list[Bar]
    ) -> None:
        sweep(SHORT, corpus, workers=1, store=tmp_path / "s", progress=False)
        monkeypatch.setattr(module, "_in_processes", None)
        sweep(SHORT, corpus, workers=2, store=tmp_path / "s")
        assert len(bars) == 1

    def test_a_diverged_run_is_finished_and_a_failed_one_is_tried_again(
        self, corpus: Corpus, trained: list[Run], tmp_path: Path
    ) -> None:
        path = tmp_path / "runs.sqlite"
        first = sweep(MIXED, corpus, workers=1, store=path, progress=False)
        kept = store.load(path).set_index("seed").sort_index(kind="stable")
        assert sorted(kept["status"]) == sorted(first["status"])
        trained.clear()
        again = sweep(MIXED, corpus, workers=1, store=path, progress=False)
        assert trained == [TOO_LONG]
        pd.testing.assert_frame_equal(again, first, check_exact=True)
        assert len(store.load(path)) == len(MIXED)

    def test_another_corpus_has_its_own_rows(
        self, corpus: Corpus, trained: list[Run], tmp_path: Path
    ) -> None:
        path = tmp_path / "runs.sqlite"
        for one in (corpus, small_corpus):
            sweep(SHORT[:1], one, workers=1, store=path, progress=False)
        assert len(trained) == len(store.load(path)) == 2

    def test_rows_of_another_version_are_told_of(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sweep(SHORT[:1], corpus, workers=1, store=tmp_path / "s", progress=False)
        monkeypatch.setattr(module, "__version__", "9.9.9")
        with pytest.warns(UserWarning, match=r"trained by scalinglaws \d.*this is 9\.9\.9"):
            sweep(SHORT[:1], corpus, workers=1, store=tmp_path / "s", progress=False)

    def test_rows_are_written_as_soon_as_a_group_ends(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, original, counts = tmp_path / "s", module.train_together, []

        def interrupted(*args: Any, **options: Any) -> list[Any]:
            counts.append(len(store.load(path)))
            if len(counts) == 2:
                raise KeyboardInterrupt
            return original(*args, **options)

        monkeypatch.setattr(module, "train_together", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sweep(SHORT, corpus, workers=1, store=path, progress=False)
        assert counts == [0, 2] and len(store.load(path)) == 2

    def test_a_branch_is_written_before_its_group_ends(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, original, counts = tmp_path / "s", training._Stack.measure, []

        def interrupted(*args: Any) -> list[Any]:
            counts.append(len(store.load(path)))
            if len(counts) == 3:
                raise KeyboardInterrupt
            return original(*args)

        monkeypatch.setattr(training._Stack, "measure", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sweep(BUDGETS, corpus, workers=1, store=path, progress=False)
        assert counts == [0, 2, 4]
        assert store.load(path)["tokens"].tolist() == [500 // 8 * 8] * 2 + [900 // 8 * 8] * 2

    def test_a_damaged_store_is_refused_before_anything_is_trained(
        self, corpus: Corpus, trained: list[Run], tmp_path: Path
    ) -> None:
        path = tmp_path / "runs.sqlite"
        sweep(SHORT, corpus, workers=1, store=path, progress=False)
        trained.clear()
        content = path.read_bytes()
        for bad in (b"", b"\xff" * 100 + content[100:], content[: len(content) // 2]):
            path.write_bytes(bad)
            with pytest.raises(store.StoreError, match=r"runs\.sqlite .*another file"):
                sweep(SHORT, corpus, workers=1, store=path, progress=False)
            assert path.read_bytes() == bad
        assert not trained

    def test_a_missing_folder_is_named(self, corpus: Corpus, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no folder"):
            sweep(SHORT, corpus, store=tmp_path / "no" / "s")


class TestFullDisk:
    """The sweep goes on, says so once, tries again, and returns every row."""

    GROUPS: ClassVar = [replace(GOOD, tokens=500, warmup=w) for w in range(1, 6)]

    @pytest.mark.parametrize("recovers", [True, False])
    def test_rows_that_could_not_be_written_are_tried_again(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recovers: bool
    ) -> None:
        path, original, tries = tmp_path / "s", store.write, []

        def full(path: Path, new: list[store.Entry]) -> None:
            tries.append(len(new))
            if 2 <= len(tries) <= 3 or (not recovers and len(tries) > 1):
                raise sqlite3.OperationalError("database or disk is full")
            original(path, new)

        monkeypatch.setattr(store, "write", full)
        with pytest.warns(UserWarning) as told:
            table = sweep(self.GROUPS, corpus, workers=1, store=path, progress=False)
        (warning,) = told
        assert "disk is full" in str(warning.message) and str(path) in str(warning.message)
        assert table["status"].tolist() == ["ok"] * 5
        assert tries == ([1, 1, 2, 3, 1] if recovers else [1, 1, 2, 3, 4])
        assert len(store.load(path)) == (5 if recovers else 1)

    def test_a_store_that_cannot_be_made_yet_is_made_later(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, original, tries = tmp_path / "s", store.create, []

        def full(path: Path) -> Path:
            tries.append(path)
            if len(tries) <= 3:
                raise sqlite3.OperationalError("database or disk is full")
            return original(path)

        monkeypatch.setattr(store, "create", full)
        with pytest.warns(UserWarning) as told:
            table = sweep(self.GROUPS, corpus, workers=1, store=path, progress=False)
        assert len(told) == 1 and len(tries) == 4
        assert len(table) == len(store.load(path)) == 5

    def test_a_store_that_is_lost_on_the_way_is_told_of(
        self, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, original = tmp_path / "s", module.train_together

        def losing(*args: Any, **options: Any) -> list[Any]:
            path.unlink(missing_ok=True)
            return original(*args, **options)

        monkeypatch.setattr(module, "train_together", losing)
        with pytest.warns(UserWarning, match="unable to open database file") as told:
            table = sweep(self.GROUPS, corpus, workers=1, store=path, progress=False)
        assert len(told) == 1 and len(table) == 5 and not path.exists()

    def test_a_disk_that_is_really_full(self, corpus: Corpus, small_disk: Path) -> None:
        path, filling = small_disk / "s", small_disk / "filling"
        sweep(self.GROUPS[:1], corpus, workers=1, store=path, progress=False)
        with pytest.raises(OSError), filling.open("wb", buffering=0) as file:
            while file.write(b"x" * 512):
                pass
        with pytest.warns(UserWarning) as told:
            table = sweep(self.GROUPS, corpus, workers=1, store=path, progress=False)
        assert len(told) == 1 and table["status"].tolist() == ["ok"] * 5
        with pytest.warns(UserWarning) as told:
            table = sweep(self.GROUPS, corpus, workers=1, store=small_disk / "t", progress=False)
        assert len(told) == 1 and table["status"].tolist() == ["ok"] * 5
        filling.unlink()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sweep(self.GROUPS, corpus, workers=1, store=path, progress=False)
        assert len(store.load(path)) == 5


class TestCorpusFunction:
    @pytest.fixture(autouse=True)
    def as_outside_linux(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_start_method", lambda: "spawn")

    def test_workers_call_it_themselves_and_move_the_bar_within_runs(self, bars: list[Bar]) -> None:
        wanted = [replace(GOOD, tokens=120_000, warmup=warmup) for warmup in (1, 2)]
        table = sweep(wanted, unsendable_corpus, workers=2)
        assert table["status"].tolist() == ["ok"] * 2
        assert set(table["corpus"]) == {small_corpus().fingerprint}
        (bar,) = bars
        assert bar.path == sorted(bar.path) and len(set(bar.path)) > 4
        assert bar.n == bar.options["total"]

    def test_one_that_workers_cannot_import_is_called_here(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[object] = []
        monkeypatch.setattr(module, "_in_processes", lambda _, corpus, *rest: sent.append(corpus))
        monkeypatch.setattr(module._Kept, "table", lambda _: None)
        here = small_corpus()
        in_notebook = eval("lambda: here", {"__name__": "__main__", "here": here})
        for function in (small_corpus, python_source, lambda: here, in_notebook):
            sweep(SHORT, function, workers=2, progress=False)
        assert sent == [small_corpus, python_source, here, here]

    @pytest.mark.skipif(sys.platform != "linux", reason="workers are spawned elsewhere")
    def test_on_linux_it_is_called_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        sent: list[object] = []
        monkeypatch.setattr(module, "_in_processes", lambda _, corpus, *rest: sent.append(corpus))
        monkeypatch.setattr(module._Kept, "table", lambda _: None)
        sweep(SHORT, small_corpus, workers=2, progress=False)
        assert sent == [small_corpus()]


class Slurm(ThreadPoolExecutor):
    """The adapter of the docstring, around jobs that only have a result."""

    def submit(self, task: Callable, *args: Any) -> Future:
        return super().submit(lambda: self.job(task, *args).result())

    @staticmethod
    def job(task: Callable, *args: Any) -> SimpleNamespace:
        return SimpleNamespace(result=lambda: task(*args))


@contextlib.contextmanager
def dask_executor() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 2}
    with distributed.Client(dashboard_address=None, **options) as client:
        yield client.get_executor()


class TestExecutors:
    @pytest.mark.parametrize(
        "make",
        [
            partial(ThreadPoolExecutor, 2),
            partial(ProcessPoolExecutor, 2, multiprocessing.get_context("spawn")),
            partial(Slurm, 2),
            dask_executor,
        ],
        ids=["threads", "processes", "slurm", "dask"],
    )
    def test_the_rows_are_the_same_and_kept(
        self, make: Callable, tmp_path: Path, bars: list[Bar]
    ) -> None:
        expected = sweep(MIXED, small_corpus, workers=1, progress=False)
        with make() as executor:
            table = sweep(MIXED, small_corpus, executor=executor, workers=2, store=tmp_path / "s")
        same(table, expected)
        assert len(store.load(tmp_path / "s")) == len(MIXED)
        assert bars[1].n == bars[1].options["total"] and len(set(bars[1].path)) > 2
        assert bars[1].path == sorted(bars[1].path)
        assert set(table["device"][table["status"] == "ok"]) == {training.pick_device().type}

    def test_a_corpus_may_be_sent(self, corpus: Corpus) -> None:
        with ThreadPoolExecutor(1) as executor:
            table = sweep(SHORT, corpus, executor=executor, progress=False)
        assert table["status"].tolist() == ["ok"] * 4

    def test_other_tokens_on_a_worker_are_an_error(self) -> None:
        def differs() -> Corpus:
            here = threading.current_thread() is threading.main_thread()
            return Corpus("x", *[np.full(1_000, 9 if here else 8, np.uint8)] * 2, 128)

        with ThreadPoolExecutor(1) as executor, pytest.raises(WrongCorpus):
            sweep(SHORT, differs, executor=executor, progress=False)

    def test_a_worker_calls_the_function_once(self) -> None:
        calls: list[int] = []

        def counted() -> Corpus:
            calls.append(1)
            return Corpus("x", *[np.full(1_000, 5, np.uint8)] * 2, 128)

        with ThreadPoolExecutor(1) as executor:
            sweep(SHORT, counted, executor=executor, progress=False)
        assert len(lockstep(SHORT)) == 2 == len(calls)  # once here, once there

    def test_a_corpus_that_a_worker_cannot_read_fails_its_runs(self) -> None:
        def fails() -> Corpus:
            if threading.current_thread() is not threading.main_thread():
                raise ImportError("no source here")
            return Corpus("x", *[np.full(1_000, 7, np.uint8)] * 2, 128)

        with ThreadPoolExecutor(1) as executor:
            table = sweep(SHORT, fails, executor=executor, progress=False)
        assert table["status"].tolist() == ["failed: ImportError: no source here"] * 4

    def test_a_group_whose_worker_is_lost_fails_and_is_tried_again(self, tmp_path: Path) -> None:
        class Lossy(ThreadPoolExecutor):
            def submit(self, task: Callable, group: list[Run], *args: Any) -> Future:
                if group[0].model.width == 16:
                    future: Future = Future()
                    future.set_exception(BrokenExecutor("the node went away"))
                    return future
                return super().submit(task, group, *args)

        with Lossy(1) as executor:
            table = sweep(
                SHORT, small_corpus, executor=executor, store=tmp_path / "s", progress=False
            )
        lost = "failed: BrokenExecutor: the node went away"
        assert table["status"].tolist() == ["ok", "ok", lost, lost]
        assert table["device"].tolist()[2:] == ["unknown"] * 2
        with ThreadPoolExecutor(1) as executor:
            table = sweep(
                SHORT, small_corpus, executor=executor, store=tmp_path / "s", progress=False
            )
        assert table["status"].tolist() == ["ok"] * 4

    def test_one_that_is_broken_fails_every_run_and_says_so(self) -> None:
        class Broken(ThreadPoolExecutor):
            def submit(self, *_: Any) -> Future:
                raise BrokenExecutor("gone")

        with Broken(1) as executor:
            table = sweep(SHORT, small_corpus, executor=executor, progress=False)
        assert table["status"].tolist() == ["failed: BrokenExecutor: gone"] * 4

    def test_what_it_cancels_has_failed(self) -> None:
        class Cancelling(ThreadPoolExecutor):
            def submit(self, *_: Any) -> Future:
                future: Future = Future()
                future.cancel()
                future.set_running_or_notify_cancel()
                return future

        with Cancelling(1) as executor:
            table = sweep(SHORT, small_corpus, executor=executor, progress=False)
        assert table["status"].tolist() == ["failed: CancelledError:"] * 4

    def test_one_that_returns_no_futures_is_refused(self) -> None:
        executor = SimpleNamespace(submit=lambda *_: "job 1")
        with pytest.raises(TypeError, match=r"must return a concurrent\.futures\.Future, got str"):
            sweep(SHORT, small_corpus, executor=executor, progress=False)

    def test_an_interrupt_cancels_what_waits_and_keeps_what_is_done(self, tmp_path: Path) -> None:
        futures: list[Future] = []

        class Slow(ThreadPoolExecutor):
            def submit(self, task: Callable, *args: Any) -> Future:
                futures.append(super().submit(task, *args) if not futures else Future())
                if len(futures) == 3:
                    futures[0].result()
                    raise KeyboardInterrupt
                return futures[-1]

        with Slow(1) as executor, pytest.raises(KeyboardInterrupt):
            more = [*SHORT, replace(SHORT[0], warmup=1)]
            sweep(more, small_corpus, executor=executor, store=tmp_path / "s", progress=False)
        assert len(store.load(tmp_path / "s")) == 2
        assert futures[1].cancelled()


@pytest.mark.timeout(120)
class TestKilledWorkers:
    def test_only_the_runs_of_its_group_are_lost_and_only_until_the_next_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, sentence = tmp_path / "s", tmp_path / "sentence"
        monkeypatch.setenv("SENTENCE", str(sentence))
        doomed = [Run(Doomed(8, context=8), tokens=2_000, seed=seed, warmup=9) for seed in (0, 1)]
        sentence.touch()
        table = sweep([*doomed, *SHORT], small_corpus, workers=2, store=path, progress=False)
        lost = "failed: BrokenExecutor: the worker process was killed; out of memory?"
        assert table["status"].tolist() == [lost, lost, "ok", "ok", "ok", "ok"]
        assert_no_worker_is_left()
        sentence.unlink()
        again = sweep([*doomed, *SHORT], small_corpus, workers=2, store=path, progress=False)
        assert again["status"].tolist() == ["ok"] * 6 == store.load(path)["status"].tolist()
        pd.testing.assert_frame_equal(again.iloc[2:], table.iloc[2:], check_exact=True)

    def test_what_a_killed_worker_had_finished_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, sentence = tmp_path / "s", tmp_path / "sentence"
        monkeypatch.setenv("SENTENCE", str(sentence))
        wanted = [Run(Doomed(8, context=8), tokens=tokens) for tokens in (3_000, 400_000)]
        original = module._Kept.add

        def judged(self: Any, runs: list[Run], rows: list[Any]) -> None:
            original(self, runs, rows)
            if wanted[0] in runs:
                sentence.touch()

        monkeypatch.setattr(module._Kept, "add", judged)
        table = sweep([*wanted, *SHORT], small_corpus, workers=2, store=path, progress=False)
        assert [text.split(":")[0] for text in table["status"]] == ["ok", "failed", *["ok"] * 4]
        assert sorted(store.load(path)["status"]) == sorted(table["status"])

    def test_workers_that_cannot_begin_end_the_sweep(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_TRIES", 2)  # to wait for two imports of torch, not three
        monkeypatch.setattr(module, "_start_method", lambda: "spawn")
        with pytest.raises(RuntimeError, match=r"die before they begin.*__name__"):
            sweep(SHORT, Deadly(), workers=2, progress=False)
        assert_no_worker_is_left()

    def test_one_that_dies_while_the_corpus_is_sent_is_one_that_cannot_begin(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A corpus that is larger than a pipe holds, and a script without the usual guard."""

        def submit(*_: Any) -> Future:
            raise BrokenPipeError

        monkeypatch.setattr(module.ProcessPoolExecutor, "submit", submit)
        with pytest.raises(RuntimeError, match=r"die before they begin.*__name__"):
            sweep(SHORT, small_corpus, workers=2, progress=False)


def start(path: Path, *arguments: object) -> subprocess.Popen[bytes]:
    script = path.with_suffix(".py")
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), str(path), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(120)
@pytest.mark.skipif(os.name != "posix", reason="signals and process groups of POSIX")
@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_cut_off_a_sweep_leaves_no_worker_and_keeps_what_is_finished(
    tmp_path: Path, how: str, trained: list[Run]
) -> None:
    """Ctrl-C in a terminal or a notebook, and a kernel that is restarted in mid-sweep."""
    path = tmp_path / "runs.sqlite"
    process = start(path, 2, 3 * 10**7)
    try:
        while process.poll() is None and (not path.exists() or len(store.load(path)) < 3):
            time.sleep(0.05)
        if how == "interrupt":
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        else:
            process.kill()
        process.wait(timeout=30)
        deadline = time.monotonic() + 30
        while group_lives(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not group_lives(process.pid)
        assert process.stderr.read().count(b"KeyboardInterrupt") == (how == "interrupt")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
    kept = len(store.load(path))
    assert 3 <= kept <= 12
    table = sweep(plan(), small_corpus, workers=1, store=path, progress=False)
    assert len(trained) == 12 - kept
    assert table["status"].tolist() == ["ok"] * 12 == store.load(path)["status"].tolist()


@pytest.mark.timeout(120)
def test_two_sweeps_may_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    both = [start(path, 1, 0) for _ in range(2)]
    for process in both:
        out, error = process.communicate(timeout=100)
        assert process.returncode == 0, error
        assert out.strip() == b",".join([b"ok"] * 12)
        assert b"Warning" not in error
    assert sorted(store.load(path)["warmup"]) == list(range(1, 13))
