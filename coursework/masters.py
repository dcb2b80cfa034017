"""Masters: the notebooks from which releases are made and by which submissions are marked.

A master is a notebook as nbgrader (https://nbgrader.readthedocs.io) keeps it, in nbgrader's folders
(`source/<set>/<set>.ipynb`), with solutions between `### BEGIN SOLUTION` and `### END SOLUTION` and
tests that students do not see between `### BEGIN HIDDEN TESTS` and `### END HIDDEN TESTS`. The
release that is made here is the one that `nbgrader generate_assignment` would make, but for the
data, which differ from student to student.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("source")
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
DATA = "data"
"""The cell with the student's data has this name."""
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION[^\n]*$", re.M | re.S)
HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS\n(.*?)^[ \t]*### END HIDDEN TESTS[^\n]*$", re.M | re.S
)


@dataclass(frozen=True)
class Cell:
    """A cell of a master."""

    name: str
    """Its nbgrader id; empty for a cell that nbgrader does not know."""
    code: bool
    source: str
    points: float
    locked: bool
    solution: bool
    label: str = ""
    """What people call it: its question's heading, and which part of the question it is."""

    @property
    def tested(self) -> bool:
        """Whether tests mark it."""
        return self.code and self.points > 0

    @property
    def written(self) -> bool:
        """Whether a person marks it, by a rubric."""
        return not self.code and self.points > 0

    @property
    def hidden(self) -> str:
        """The tests that students do not see."""
        return "\n".join(match[1] for match in HIDDEN.finditer(self.source))

    @property
    def released(self) -> str:
        """What students get of it."""
        return without_hidden(without_solution(self)).rstrip("\n") if self.name else self.source


@dataclass(frozen=True)
class Master:
    """A problem set."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    notebook: dict[str, Any]

    @property
    def points(self) -> float:
        """The most that can be had."""
        return sum(cell.points for cell in self.cells)

    def named(self) -> dict[str, Cell]:
        """The cells that nbgrader knows, by their ids."""
        return {cell.name: cell for cell in self.cells if cell.name}

    def release(self, packed: str) -> dict[str, Any]:
        """The notebook of a student with these data."""
        made = copy.deepcopy(self.notebook)
        for raw, cell in zip(made["cells"], self.cells, strict=True):
            text = data_cell(packed) if cell.name == DATA else cell.released
            raw["source"] = text.splitlines(keepends=True)
            if cell.code:
                raw["outputs"], raw["execution_count"] = [], None
        return made

    def solved(self, packed: str) -> dict[str, Any]:
        """The notebook of a student who hands in the reference solution."""
        made = self.release(packed)
        for raw, cell in zip(made["cells"], self.cells, strict=True):
            if cell.solution:
                raw["source"] = without_hidden(cell.source).splitlines(keepends=True)
        return made


def names() -> list[str]:
    """The problem sets, in the order of the course."""
    found = [path.parent.name for path in SOURCE.glob("*/*.ipynb")]
    order = ["power-laws", "kaplan-and-chinchilla", "emergence-and-marks", "walls-and-planning"]
    return sorted(found, key=lambda name: (order.index(name) if name in order else 99, name))


@cache
def load(name: str) -> Master:
    """The master of a problem set. Raises ValueError if there is none or it is no master."""
    path = SOURCE / name / f"{name}.ipynb"
    if name not in names():
        raise ValueError(f"there is no problem set {name!r}; there are {', '.join(names())}")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = tuple(_labelled([_cell(raw) for raw in notebook["cells"]]))
    known = [cell.name for cell in cells if cell.name]
    if len(known) != len(set(known)) or DATA not in known:
        raise ValueError(f"{path}: ids must differ, and one cell must be called {DATA!r}")
    for cell in cells:
        left = without_hidden(without_solution(cell)) if cell.name else cell.source
        if re.search(r"### (BEGIN|END) ", left):
            raise ValueError(f"{path}: cell {cell.name!r} has half of a pair of BEGIN and END")
        if cell.tested and not cell.hidden.strip():
            raise ValueError(f"{path}: cell {cell.name!r} has points and no hidden tests")
    heading = re.search(r"^# (.+)$", cells[0].source, re.M)
    return Master(name, heading[1] if heading else name, cells, notebook)


def _cell(raw: dict[str, Any]) -> Cell:
    told = raw["metadata"].get("nbgrader", {})
    return Cell(
        name=told.get("grade_id", ""),
        code=raw["cell_type"] == "code",
        source="".join(raw["source"]),
        points=float(told.get("points", 0)) if told.get("grade") else 0.0,
        locked=bool(told.get("locked")),
        solution=bool(told.get("solution")),
    )


def _labelled(cells: list[Cell]) -> list[Cell]:
    heading, labelled = "", []
    for cell in cells:
        found = re.match(r"## (.+)", cell.source) if not cell.code else None
        heading = found[1] if found else heading
        part = re.match(r"# Test of question \d+, (.+): leave", cell.source)
        label = f"{heading} ({part[1]})" if part else heading
        labelled.append(dataclasses.replace(cell, label=label))
    return labelled


def data_cell(packed: str) -> str:
    """The cell that holds a student's data."""
    lines = [packed[i : i + 96] for i in range(0, len(packed), 96)]
    body = "\n".join(lines)
    return (
        "# Your data: leave this cell as it is.\n"
        "from scalinglaws.course import assignment\n\n"
        f'data = assignment.unpack("""\n{body}\n""")'
    )


def without_solution(cell: Cell) -> str:
    """The source of a cell with a stub in place of each solution."""
    if not cell.solution:
        return cell.source
    if not cell.code:
        return TEXT_STUB

    def stub(match: re.Match[str]) -> str:
        return "\n".join(match[1] + line for line in STUB.split("\n"))

    return SOLUTION.sub(stub, cell.source)


def without_hidden(source: str) -> str:
    """The source of a cell without the tests that students do not see."""
    return HIDDEN.sub("", source)
