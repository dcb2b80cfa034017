"""The path of a reader who opens a chapter in Colab: setup cell first, then the rest."""

from __future__ import annotations

import time
from pathlib import Path

import pages
import pytest
from bare import Bare, make_bare, make_origin
from house import ROOT, Book
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

BOOK = Book(ROOT)
LIBRARY = pages.read_bibliography(ROOT / "book" / "references.bib")
CHAPTERS = [pages.read_chapter(path, BOOK, LIBRARY) for path in BOOK.notebooks]
# Chapters whose setup cells are the same take the same path: one of each is run.
SETUP = {c.code[0][1]["source"]: c for c in reversed(CHAPTERS) if c.code}
WHERE = "import scalinglaws; print(scalinglaws.__file__)"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """Make an environment with what Colab brings."""
    origin = make_origin(tmp_path_factory.mktemp("origin"))
    folder = tmp_path_factory.mktemp("bare")
    return make_bare(folder, origin, BOOK.url, tmp_path_factory.mktemp("home"))


@pytest.fixture
def clean(bare: Bare) -> Bare:
    """Return the environment without the package."""
    bare.remove("scalinglaws")
    return bare


def test_without_the_setup_cell_the_package_is_missing(clean: Bare, tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError, match="No module named 'scalinglaws'"):
        clean.run(new_notebook(cells=[new_code_cell(WHERE)]), tmp_path)


@pytest.mark.parametrize("setup", SETUP, ids=[chapter.path.stem for chapter in SETUP.values()])
def test_the_setup_cell_installs_the_package_and_nothing_else(
    setup: str, clean: Bare, tmp_path: Path
) -> None:
    before = clean.state()
    assert {"numpy", "torch"} <= before.keys()
    assert "scalinglaws" not in before
    versions = "import numpy, torch; print(numpy.__version__, torch.__version__)"
    nb = new_notebook(cells=[new_code_cell(source) for source in (setup, WHERE, versions)])
    clean.run(nb, tmp_path)
    after = clean.state()
    assert str(clean.folder) in nb["cells"][1]["outputs"][0]["text"]
    assert nb["cells"][2]["outputs"][0]["text"].split() == [
        before["numpy"][0],
        before["torch"][0],
    ]
    assert after.keys() - before.keys() == {"scalinglaws"}
    assert {name: after[name] for name in before} == before
    assert list(tmp_path.iterdir()) == []

    again = new_notebook(cells=[new_code_cell(setup)])
    clean.run(again, tmp_path)
    assert again["cells"][0]["outputs"] == []
    assert clean.state() == after


def test_the_first_chapter_runs_in_the_time_it_promises(clean: Bare, tmp_path: Path) -> None:
    chapter = CHAPTERS[0]
    nb = new_notebook(cells=[new_code_cell(cell["source"]) for _, cell in chapter.code])
    start = time.perf_counter()
    clean.run(nb, tmp_path)
    minutes = (time.perf_counter() - start) / 60
    assert [cell["execution_count"] for cell in nb["cells"]] == [*range(1, len(nb["cells"]) + 1)]
    assert minutes <= pages.minutes_promised(chapter)
