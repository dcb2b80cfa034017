"""The store of finished runs: `scalinglaws.runs.store`."""

from __future__ import annotations

import math
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scalinglaws import runs
from scalinglaws.learners import LSTMConfig, MLPConfig, TransformerConfig
from scalinglaws.runs import store
from scalinglaws.runs.store import Entry, StoreError
from scalinglaws.training import Run
from scalinglaws.training.run import row_of

ROOT = Path(__file__).parents[2]
RUN = Run(TransformerConfig(8, context=8), tokens=4_000)
PAGE = 4096

# A store knows a run by its fields alone, so a process that writes need not load torch.
WRITER = """
import sys
from dataclasses import dataclass
from scalinglaws.runs import store

@dataclass(frozen=True)
class Model:
    kind = "transformer"
    width: int = 8

@dataclass(frozen=True)
class Run:
    seed: int
    model: Model = Model()

assert "torch" not in sys.modules
path = store.create(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for seed in range(100):
    row = {"seed": seed, "loss": 1.5, "status": "ok", "corpus": "c0ffee", "version": "1"}
    store.write(path, [store.entry(Run(seed), row)])
    print(seed, flush=True)
"""


class Other(LSTMConfig):
    """The same fields, another learner."""

    kind = "other"


def an_entry(seed: int, status: str = "ok", loss: float = 1.5, run: Run = RUN) -> Entry:
    run = replace(run, seed=seed)
    return store.entry(run, row_of(run, "c0ffee", status, loss=loss, device="cpu"))


def writer(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store.create(tmp_path / "runs.sqlite")


@pytest.fixture
def filled(path: Path) -> Path:
    store.write(path, [an_entry(seed, "ok" if seed % 5 else "failed: no") for seed in range(120)])
    return path


class TestKey:
    @pytest.mark.parametrize(
        "change",
        [
            {"tokens": 4_008},
            {"seed": 1},
            {"batch": 3},
            {"lr": 0.123},
            {"optimizer": "muon", "lr": RUN.lr},
            {"warmup": 1},
            {"cooldown": 0.25},
            {"unique_tokens": 100},
            {"weight_decay": 0.1},
            {"dropout": 0.1},
            {"ends_lr": 0.01},
            {"model": replace(RUN.model, width=12), "lr": RUN.lr},
            {"model": replace(RUN.model, depth=3)},
            {"model": replace(RUN.model, heads=1)},
            {"model": replace(RUN.model, context=9)},
            {"model": replace(RUN.model, vocab_size=129)},
            {"model": replace(RUN.model, shift=False)},
        ],
        ids=lambda change: str(next(reversed(change))),
    )
    def test_everything_that_determines_a_run_changes_it(self, change: dict[str, Any]) -> None:
        assert store.key(replace(RUN, **change), "c0ffee") != store.key(RUN, "c0ffee")

    def test_no_field_was_forgotten_in_the_test_above(self) -> None:
        marks = type(self).test_everything_that_determines_a_run_changes_it.pytestmark
        changed = {name for change in marks[0].args[1] for name in change}
        shapes = [change["model"] for change in marks[0].args[1] if "model" in change]
        assert changed == {field.name for field in fields(Run)}
        for field in fields(TransformerConfig):
            assert any(getattr(s, field.name) != getattr(RUN.model, field.name) for s in shapes)

    def test_the_kind_of_learner_changes_it(self) -> None:
        same = [Run(config, 1_000, lr=0.01) for config in (MLPConfig(8), LSTMConfig(8))]
        alike = [replace(LSTMConfig(8), **{"width": 8}), Other(8)]
        assert len({store.key(Run(config, 1_000), "c") for config in alike}) == 2
        assert len({store.key(run, "c") for run in same}) == 2

    def test_the_corpus_changes_it(self) -> None:
        assert store.key(RUN, "c0ffee") != store.key(RUN, "beef")

    def test_it_is_the_same_on_every_day_and_machine(self) -> None:
        run = Run(TransformerConfig(8, context=8), tokens=4_000, lr=0.5)
        assert store.key(run, "c0ffee") == "97cb7987425172ed1dc8fc2b3b6e36a3"
        assert store.key(replace(run, lr=0.5), "c0ffee") == store.key(run, "c0ffee")


class TestStoresFromBefore:
    """A store written when there was one learner, without decay and dropout: 0.4.0 and before."""

    FILE = Path(__file__).parent / "data" / "before-learners.sqlite"
    CORPUS = "4d49ee195e1f"
    SMALL = TransformerConfig(width=8, context=8)
    OTHER = TransformerConfig(12, depth=1, heads=3, context=5, vocab_size=130, shift=False)
    RUNS = (
        Run(SMALL, tokens=1_000),
        Run(SMALL, tokens=1_000, seed=1, optimizer="muon", batch=4),
        Run(OTHER, 2_000, unique_tokens=500, lr=0.01, warmup=10, cooldown=0.5),
        Run(SMALL, tokens=4_000, lr=1e38),
        Run(SMALL, 1_000, unique_tokens=10**9),
    )

    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        return Path(shutil.copy(self.FILE, tmp_path))

    def test_their_runs_are_recognised(self, old: Path) -> None:
        table = store.load(old)
        assert {*table["corpus"]} == {self.CORPUS}
        status = {e.key: e.status.split(":")[0] for e in store.entries(old)}
        found = [status[store.key(run, self.CORPUS)] for run in self.RUNS]
        assert found == ["ok", "ok", "ok", "diverged", "failed"]

    def test_their_rows_say_what_was_the_case(self, old: Path) -> None:
        table = store.load(old)
        assert list(table.columns) == [*runs.COLUMNS, "written"]
        assert {*table["learner"]} == {"transformer"}
        assert {*table["weight_decay"]} == {*table["dropout"]} == {0.0}
        assert table["window"].isna().all()
        assert runs.finished(table)["loss"].between(0.1, 2.3).all()

    def test_the_keys_are_the_same_to_the_letter(self) -> None:
        assert [store.key(run, "c0ffee") for run in self.RUNS] == [
            "f409698ac1f5f0c05ad07c5a6fc19a59",
            "7be649fe3bd7986396f0610aee1ad227",
            "c6b3de950d8861d1b8cd809f3491e113",
            "1abf960090e6e1829727e4fb7160d381",
            "0d0a354760585a25b475ae13d9382bd4",
        ]


class TestRows:
    def test_they_come_back_as_they_were(self, path: Path) -> None:
        kept = [an_entry(3), an_entry(1, "diverged", math.nan), an_entry(2, "failed: 'why', ü\n")]
        store.write(path, kept)
        assert store.entries(path) == kept
        first, second, third = store.load(path).to_dict("records")
        assert (first["loss"], first["status"], first["seed"]) == (1.5, "ok", 3)
        assert math.isnan(second["loss"]) and second["status"] == "diverged"
        assert third["status"] == "failed: 'why', ü\n"

    def test_the_table_is_one_of_runs(self, filled: Path) -> None:
        table = store.load(filled)
        assert list(table.columns) == [*runs.COLUMNS, "written"]
        assert runs.finished(table).attrs["left_out"] == 24
        assert pd.to_datetime(table["written"]).dt.tz is not None
        assert table["unique_tokens"].dtype == "Int64"

    def test_every_bit_of_a_loss_survives(self, path: Path) -> None:
        rng = random.Random(0)
        losses = [rng.lognormvariate(0, 1) for _ in range(200)]
        store.write(path, [an_entry(i, loss=loss) for i, loss in enumerate(losses)])
        assert store.load(path)["loss"].tolist() == losses

    def test_a_finished_run_is_not_written_over_and_a_failed_one_is(self, path: Path) -> None:
        store.write(path, [an_entry(0, loss=1.0), an_entry(1, "diverged", math.nan)])
        store.write(path, [an_entry(2, "failed: once", math.nan)])
        store.write(path, [an_entry(seed, loss=2.0) for seed in range(3)])
        store.write(path, [an_entry(seed, "failed: twice", math.nan) for seed in range(4)])
        table = store.load(path)
        assert table["status"].tolist() == ["ok", "diverged", "ok", "failed: twice"]
        assert table["loss"].tolist()[::2] == [1.0, 2.0]

    def test_only_finished_runs_need_no_repetition(self, path: Path) -> None:
        both = [an_entry(0), an_entry(1, "diverged", math.nan)]
        store.write(path, [*both, an_entry(2, "failed: no", math.nan)])
        assert list(store.finished(path)) == [entry.key for entry in both]

    def test_all_are_written_or_none(self, path: Path) -> None:
        with pytest.raises(sqlite3.IntegrityError):
            store.write(path, [an_entry(0), replace(an_entry(1), status=None)])
        assert store.entries(path) == []

    def test_an_empty_store_is_an_empty_table(self, path: Path) -> None:
        assert len(store.load(path)) == 0
        assert list(store.load(path).columns) == [*runs.COLUMNS, "written"]


class TestFile:
    @pytest.mark.parametrize("name", ["runs.sqlite", "a b?c#d%20.sqlite", "läufe"])
    def test_any_name_will_do(self, tmp_path: Path, name: str) -> None:
        path = store.create(str(tmp_path / name))
        store.write(str(path), [an_entry(0)])
        assert len(store.load(str(path))) == 1
        assert [file.name for file in tmp_path.iterdir()] == [name]

    def test_a_tilde_is_the_home_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert store.create("~/runs.sqlite") == tmp_path / "runs.sqlite"
        store.write("~/runs.sqlite", [an_entry(0)])
        assert len(store.load("~/runs.sqlite")) == 1

    def test_making_it_again_changes_nothing(self, filled: Path) -> None:
        before = filled.read_bytes()
        store.create(filled)
        assert filled.read_bytes() == before

    def test_it_waits_for_whoever_writes_and_lets_others_read(self, filled: Path) -> None:
        with closing(sqlite3.connect(filled)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            db.isolation_level = None
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM runs")
            assert len(store.load(filled)) == 120
            db.execute("ROLLBACK")

    def test_a_missing_folder_and_a_missing_file_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
            store.create(tmp_path / "nowhere" / "runs.sqlite")
        with pytest.raises(FileNotFoundError, match=r"no store .*runs\.sqlite"):
            store.load(tmp_path / "runs.sqlite")

    def test_a_lost_file_is_not_made_anew(self, path: Path) -> None:
        path.unlink()
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            store.write(path, [an_entry(0)])
        assert not path.exists()

    @pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may all")
    def test_a_folder_one_may_not_write_to_can_be_read(self, filled: Path) -> None:
        filled.parent.chmod(0o500)
        try:
            assert len(store.load(filled)) == 120
            with pytest.raises(StoreError, match="cannot be made"):
                store.create(filled.with_name("new.sqlite"))
        finally:
            filled.parent.chmod(0o700)


class TestDamage:
    """A damaged file is refused by name, with what to do; nothing is lost in silence."""

    def refused(self, path: Path, match: str | None = None) -> None:
        before = path.read_bytes()
        for act in (store.entries, store.load, store.finished):
            with pytest.raises(StoreError, match=match) as caught:
                act(path)
            assert str(path) in str(caught.value) and ".recover" in str(caught.value)
            assert len(str(caught.value)) < 500
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "it is empty"),
            (b"seed,loss\n0,1.5\n", "not a database"),
            (b"\0" * 3 * PAGE, "not a database"),
        ],
    )
    def test_another_file(self, path: Path, content: bytes, reason: str) -> None:
        path.write_bytes(content)
        self.refused(path, reason)

    def test_the_store_of_another_program(self, tmp_path: Path) -> None:
        path = tmp_path / "other.sqlite"
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE runs (key TEXT)")
        self.refused(path, "not marked as a store of runs")
        with pytest.raises(StoreError, match="not marked"):
            store.write(path, [an_entry(0)])

    def test_a_newer_layout(self, filled: Path) -> None:
        with closing(sqlite3.connect(filled)) as db:
            db.execute("PRAGMA user_version = 2")
        with pytest.raises(StoreError, match="made by a newer version of scalinglaws"):
            store.load(filled)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="is not a file"):
            store.load(tmp_path)

    def test_the_header(self, filled: Path) -> None:
        content = filled.read_bytes()
        filled.write_bytes(b"\xff" * 100 + content[100:])
        self.refused(filled, "not a database")

    def test_a_page_in_the_middle(self, filled: Path) -> None:
        content = filled.read_bytes()
        assert len(content) > 8 * PAGE
        for fill in (b"\0", b"\xff"):
            filled.write_bytes(content[: 5 * PAGE] + fill * PAGE + content[6 * PAGE :])
            self.refused(filled)

    def test_a_file_cut_short(self, filled: Path) -> None:
        content = filled.read_bytes()
        filled.write_bytes(content[: len(content) // 2])
        self.refused(filled)

    def test_a_digit_of_a_loss(self, filled: Path) -> None:
        content = filled.read_bytes()
        place = content.index(b'"loss": 1.5') + len(b'"loss": ')
        filled.write_bytes(content[:place] + b"2" + content[place + 1 :])
        self.refused(filled, "checksum")

    def test_a_page_that_was_never_written(self, path: Path) -> None:
        """A disk may lose a write: the page is whole, but lacks the latest rows."""
        store.write(path, [an_entry(seed) for seed in range(100)])
        before, after, tried = b"", path.read_bytes(), 0
        while len(before) != len(after):  # until a row fits on a page that is there
            before = after
            store.write(path, [an_entry(len(store.entries(path)))])
            after = path.read_bytes()
        for start in range(PAGE, len(after), PAGE):
            old = before[start : start + PAGE]
            if old != after[start : start + PAGE]:
                path.write_bytes(after[:start] + old + after[start + PAGE :])
                self.refused(path)
                tried += 1
        assert tried == 2  # one of the table, one of its index

    def test_whatever_bytes_change_the_rows_are_right_or_refused(self, filled: Path) -> None:
        good, content, rng = store.load(filled), filled.read_bytes(), random.Random(0)
        refused = 0
        for trial in range(200):  # the head of the file byte by byte, then anywhere
            start = trial if trial < 100 else rng.randrange(100, len(content))
            bad = rng.randbytes(rng.choice([1, 1, 20, 3000]))
            filled.write_bytes(content[:start] + bad + content[start + len(bad) :])
            try:
                pd.testing.assert_frame_equal(store.load(filled), good)
            except StoreError:
                refused += 1
            for log in ("-wal", "-shm"):
                Path(f"{filled}{log}").unlink(missing_ok=True)
        assert refused > 100


@pytest.mark.timeout(60)
def test_two_processes_write_at_once_and_a_third_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    processes = [writer(path) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        *others, victim = processes
        told = [victim.stdout.readline() for _ in range(10)]
        victim.kill()
        for process in others:
            process.communicate(timeout=40)
            assert process.returncode == 0
        assert told[-1] == "9\n"
        assert store.load(path)["seed"].tolist() == list(range(100))
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.timeout(60)
def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    process = writer(path)
    process.stdin.write("go\n")
    process.stdin.flush()
    for line in process.stdout:
        if line == "40\n":
            process.kill()
            break
    process.communicate()
    seeds = store.load(path)["seed"].tolist()
    assert seeds == list(range(len(seeds))) and len(seeds) > 40
    store.write(path, [an_entry(1000)])
    assert store.load(path)["seed"].tolist() == [*seeds, 1000]


class TestFullDisk:
    def fill(self, folder: Path) -> None:
        with pytest.raises(OSError), (folder / "filling").open("wb", buffering=0) as file:
            while file.write(b"x" * 512):
                pass

    def test_it_is_told_and_nothing_is_lost(self, small_disk: Path) -> None:
        path = store.create(small_disk / "runs.sqlite")
        seed = 0
        with pytest.raises(sqlite3.OperationalError, match="full"):
            while True:
                store.write(path, [an_entry(seed)])
                seed += 1
        assert store.load(path)["seed"].tolist() == list(range(seed)) and seed > 50

    def test_a_store_can_be_read_where_nothing_can_be_written(self, small_disk: Path) -> None:
        path = store.create(small_disk / "runs.sqlite")
        store.write(path, [an_entry(0)])
        self.fill(small_disk)
        assert len(store.load(path)) == 1
        with pytest.raises(sqlite3.OperationalError):
            store.write(path, [an_entry(seed) for seed in range(100)])
        with pytest.raises((sqlite3.OperationalError, StoreError)):
            store.create(small_disk / "new.sqlite")
        (small_disk / "filling").unlink()
        assert [file.name for file in small_disk.iterdir() if "sqlite-" not in file.name] == [
            "runs.sqlite"
        ]
        store.write(path, [an_entry(1)])
        assert len(store.load(path)) == 2
