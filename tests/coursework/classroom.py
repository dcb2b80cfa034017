"""What the tests of the coursework share: students, what they hand in, and what that should get."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from coursework import grading, key, masters, runner
from coursework.grading import Graded
from coursework.masters import Master

SECRET = b"tests" * 8
Notebook = dict[str, Any]


def world(name: str, student: str = "ada") -> key.World:
    """The data and the truth of a student of the tests."""
    return key.world(SECRET, name, student)


def solved(name: str, student: str = "ada", secret: bytes = SECRET) -> Notebook:
    """The notebook of a student who hands in the reference solution."""
    return masters.load(name).solved(key.world(secret, name, student).packed)


def blank(name: str, student: str = "ada", secret: bytes = SECRET) -> Notebook:
    """The notebook of a student who hands in what was handed out."""
    return masters.load(name).release(key.world(secret, name, student).packed)


def changed(notebook: Notebook, cells: dict[str, str]) -> Notebook:
    """The notebook with other code in these cells."""
    made = copy.deepcopy(notebook)
    for raw in made["cells"]:
        name = raw["metadata"].get("nbgrader", {}).get("grade_id")
        if name in cells:
            raw["source"] = cells[name]
    return made


def with_cell(notebook: Notebook, source: str, after: str = "") -> Notebook:
    """The notebook with one more cell, behind the cell of this id or in front of all."""
    made = copy.deepcopy(notebook)
    ids = [raw["metadata"].get("nbgrader", {}).get("grade_id", "") for raw in made["cells"]]
    place = ids.index(after) + 1 if after else 0
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    made["cells"].insert(place, cell)
    return made


def bytes_of(notebook: Notebook) -> bytes:
    """The file of a notebook."""
    return json.dumps(notebook).encode()


def marked(name: str, notebook: Notebook, student: str = "ada") -> Graded:
    """The marks of a notebook that runs in this process: for code of our own only."""
    return copy.deepcopy(_marked(name, bytes_of(notebook), student))


@cache
def _marked(name: str, content: bytes, student: str) -> Graded:
    cells = grading.cells_of(content)
    return grading.mark(masters.load(name), world(name, student), cells, runner.Student(300))


def lost(graded: Graded) -> set[str]:
    """The tested questions that did not get all of their points."""
    return {m.question for m in graded.marks if m.points is not None and m.points < m.most}


def said(graded: Graded) -> str:
    """All that the feedback says."""
    return "\n".join(mark.said for mark in graded.marks)


def by_tests(master: Master) -> float:
    """The points that tests give."""
    return sum(cell.points for cell in master.cells if cell.tested)


def hand_in(folder: Path, student: str, content: bytes, name: str = "power-laws") -> Path:
    """Put a file where a learning platform would."""
    path = folder / student / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
