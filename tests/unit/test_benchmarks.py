"""The scripts behind the claims about speed: every path of `make gpu` on the CPU, and its page."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from scalinglaws.training import stack

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))
gpu = importlib.import_module("gpu")
PARTS = ("right", "streams", "speed", "precision")


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "on_card", stack.on_card)  # which a dry run replaces
        assert gpu.main(["--dry-run", "--out", str(folder)]) == 0
    return folder


def test_a_dry_run_takes_every_path_and_finds_all_right(dry: Path) -> None:
    for name in PARTS:
        assert len(pd.read_csv(dry / f"{name}.csv")), name
    right = pd.read_csv(dry / "right.csv")
    assert right["right"].all()
    assert right["compared"].nunique() >= 12


@pytest.mark.parametrize("name", PARTS)
def test_a_card_was_measured_in_the_same_tables(dry: Path, name: str) -> None:
    for folder in (ROOT / "benchmarks" / "results").iterdir():
        if (folder / "speed.csv").exists():
            measured = pd.read_csv(folder / f"{name}.csv")
            assert list(measured.columns) == list(pd.read_csv(dry / f"{name}.csv").columns)
            assert name != "right" or measured["right"].all()


def test_without_a_card_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        gpu.main(["--device", "cuda:99"])
    assert stopped.value.code == 2
    assert "--dry-run tries all on the CPU" in capsys.readouterr().err


def test_the_page_is_what_the_tables_give() -> None:
    command = [sys.executable, "benchmarks/page.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
