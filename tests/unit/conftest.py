"""What the unit tests share: a corpus that a tiny model learns at once, a record, a small disk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scalinglaws.learners import TransformerConfig
from scalinglaws.text import Corpus, from_documents
from scalinglaws.training import Run

SENTENCES = "the cat sat on the mat. a dog ran to the log.\n" * 40


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """A few sentences over and over, shifted against each other so that no two texts agree."""
    documents = {f"text {i}": SENTENCES[7 * i :] for i in range(50)}
    return from_documents(documents, "sentences", validation_share=0.2)


@pytest.fixture(scope="session")
def tiny() -> TransformerConfig:
    return TransformerConfig(width=8, context=8)


@pytest.fixture(scope="session")
def short_run(tiny: TransformerConfig) -> Run:
    return Run(tiny, tokens=8_000)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an empty record of forecasts."""
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    monkeypatch.setattr("scalinglaws.course.forecast._asked", {})
    monkeypatch.setattr("scalinglaws.course.forecast._told", set())
    return tmp_path / "forecasts.json"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(autouse=True)
def as_many_threads_as_before() -> Iterator[None]:
    """Nothing in the package may leave torch with another number of threads."""
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before
