"""Copy the project and build its book, as `make book` does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup
from house import ROOT, project_files


@dataclass(frozen=True)
class Build:
    """What came out of a build: the folder of pages, the exit status, and what was printed."""

    html: Path
    status: int
    printed: str


@cache
def read(path: Path) -> BeautifulSoup:
    """Return the parsed page at `path`, parsed once for all tests of the site."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the ids of all elements of a page."""
    return frozenset(element["id"] for element in read(path).find_all(id=True))


def copy_project(target: Path) -> Path:
    """Copy the files that belong to the project to `target`; return it."""
    for name in project_files(ROOT):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    return target


def build_book(folder: Path) -> Build:
    """Build the book in `folder` the way `make book` does."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    command = [program, "build", str(folder), "--all", "-W", "-n", "--keep-going"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Build(folder / "_build" / "html", done.returncode, done.stdout + done.stderr)
