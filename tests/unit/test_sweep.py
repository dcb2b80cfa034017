"""Many runs: `scalinglaws.sweep`."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

import scalinglaws.sweep as module
from scalinglaws import runs
from scalinglaws.corpora import Corpus
from scalinglaws.model import ModelConfig
from scalinglaws.sweep import repeat, sweep
from scalinglaws.train import Run, train

ROOT = Path(__file__).parents[2]
TINY = ModelConfig(width=8, context=8)
GOOD = Run(TINY, tokens=4_000)
LARGE = Run(ModelConfig(width=16, context=8), tokens=8_000)
TOO_LONG = Run(TINY, tokens=4_000, unique_tokens=10**9)
BURST = Run(TINY, tokens=4_000, lr=1e12)
MIXED = [GOOD, TOO_LONG, LARGE, BURST, replace(GOOD, seed=1)]

LONG_SWEEP = """
from scalinglaws.corpora import Corpus
from scalinglaws.model import ModelConfig
from scalinglaws.sweep import sweep
from scalinglaws.train import Run
import numpy as np

if __name__ == "__main__":
    tokens = np.random.default_rng(0).integers(0, 128, 100_000).astype(np.uint8)
    corpus = Corpus("noise", tokens, tokens, 128)
    runs = [Run(ModelConfig(8, context=8), tokens=2 * 10**7, seed=seed) for seed in range(6)]
    sweep(runs, corpus, workers=2)
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


@pytest.fixture(scope="module")
def alone(corpus: Corpus) -> pd.DataFrame:
    return sweep(MIXED, corpus, workers=1, progress=False)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setattr(module, "tqdm", Bar)
    return Bar.made


def test_two_workers_give_the_same_bits_as_one_and_the_bar_is_filled(
    corpus: Corpus, alone: pd.DataFrame, bars: list[Bar]
) -> None:
    together = sweep(MIXED, corpus, workers=2)
    pd.testing.assert_frame_equal(
        together.drop(columns="seconds"), alone.drop(columns="seconds"), check_exact=True
    )
    (bar,) = bars
    assert bar.n == bar.options["total"] == sum(run.flops for run in MIXED)
    assert bar.path == sorted(bar.path)


def test_rows_stand_in_the_order_given(alone: pd.DataFrame) -> None:
    assert alone["width"].tolist() == [8, 8, 16, 8, 8]
    assert alone["seed"].tolist() == [0, 0, 0, 0, 1]


def test_a_row_is_that_of_the_run_by_itself(corpus: Corpus, alone: pd.DataFrame) -> None:
    row = train(GOOD, corpus).row()
    del row["seconds"], row["unique_tokens"]
    assert alone.loc[0, list(row)].to_dict() == row


def test_a_run_that_fails_leaves_its_reason_and_the_others_go_on(alone: pd.DataFrame) -> None:
    ok, failed, _, burst, _ = alone["status"]
    assert ok == "ok" and burst == "diverged"
    assert failed.startswith("failed: ValueError: unique_tokens is 1,000,000,000")
    assert alone["loss"].isna().tolist() == [False, True, False, True, False]


def test_the_table_is_one_that_fits_accept(alone: pd.DataFrame) -> None:
    assert list(alone.columns) == list(runs.COLUMNS)
    assert runs.finished(alone).index.tolist() == [0, 2, 4]


def test_one_worker_fills_the_bar_step_by_step(corpus: Corpus, bars: list[Bar]) -> None:
    sweep(MIXED, corpus, workers=1)
    (bar,) = bars
    assert bar.n == bar.options["total"] == sum(run.flops for run in MIXED)
    assert bar.path == sorted(bar.path) and len(bar.path) > 50
    assert not bar.options["disable"]


def test_the_bar_can_be_left_out(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], bars: list[Bar]
) -> None:
    sweep([replace(GOOD, tokens=1_000)], corpus, workers=1, progress=False)
    assert bars[0].options["disable"]
    assert capsys.readouterr() == ("", "")


def test_there_are_never_more_workers_than_runs(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a single run needs no other process")

    monkeypatch.setattr(module, "_in_processes", refuse)
    assert len(sweep([replace(GOOD, tokens=1_000)], corpus, workers=8, progress=False)) == 1


class TestRefusals:
    def test_no_runs(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="runs is empty"):
            sweep([], corpus)

    def test_the_same_run_twice(self, corpus: Corpus) -> None:
        same = replace(GOOD, lr=GOOD.lr, batch=GOOD.batch)
        with pytest.raises(ValueError, match="the same run stands in runs twice"):
            sweep([GOOD, LARGE, same], corpus)

    def test_something_else_than_runs(self, corpus: Corpus) -> None:
        with pytest.raises(TypeError, match="must hold Run objects, got ModelConfig"):
            sweep([TINY], corpus)

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

    @pytest.mark.parametrize("seeds", [0, -1])
    def test_no_seeds_are_refused(self, seeds: int) -> None:
        with pytest.raises(ValueError, match="seeds must be at least 1"):
            repeat([GOOD], seeds)


@pytest.mark.timeout(120)
@pytest.mark.skipif(os.name != "posix", reason="signals and process groups of POSIX")
@pytest.mark.parametrize("how", ["interrupt", "kill"])
def test_no_worker_trains_on_when_the_sweep_is_cut_off(tmp_path: Path, how: str) -> None:
    """Ctrl-C in a terminal or a notebook, and a kernel that is restarted in mid-sweep."""
    script = tmp_path / "long_sweep.py"
    script.write_text(LONG_SWEEP)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        # The bar leaves zero when a worker has trained for a while.
        told = b""
        while not re.search(rb"\d[KMG]?FLOP/s", told) and process.poll() is None:
            told += os.read(process.stderr.fileno(), 4096)
        process.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGKILL)
        process.wait(timeout=10)
        deadline = time.monotonic() + 5
        while group_lives(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not group_lives(process.pid)
        assert (b"KeyboardInterrupt" in process.stderr.read()) == (how == "interrupt")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        process.stderr.close()


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
