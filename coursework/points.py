"""Points that a person gave to written answers, in a file to which lines are only ever added.

They belong to a student, a question and the print of a text. So they are there again when a text
comes back after another was handed in by mistake, and when all stored marks are deleted. Of several
lines about the same text the last counts; the earlier ones say what was changed, and when.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .grading import Graded

Answer = tuple[str, str, str]
"""A student, a question, and the print of a text."""


@dataclass(frozen=True)
class Given:
    """What a person gave to a text."""

    points: float | None
    """None where only a comment was written so far."""
    comment: str = ""


def print_of(text: str) -> str:
    """Twelve letters and digits that tell one text from another.

    The first is a letter, or a spreadsheet would take some of them for numbers.
    """
    told = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
    return "t" + told[:11]


def path_of(folder: Path, name: str) -> Path:
    """Where the points for a set are kept."""
    return folder / "written" / f"{name}-points.jsonl"


def given(folder: Path, name: str) -> dict[Answer, Given]:
    """All that was given for a set. Raises ValueError for a line that cannot be read."""
    path = path_of(folder, name)
    found: dict[Answer, Given] = {}
    if not path.exists():
        return found
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            answer = (told["student"], told["question"], told["text"])
            found[answer] = Given(told["points"], told["comment"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{path}, line {number}, cannot be read. It holds points that a person gave: mend "
                "it by the lines beside it, or delete it and give them again"
            ) from None
    return found


def give(folder: Path, name: str, answer: Answer, what: Given) -> None:
    """Add a line."""
    path = path_of(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    student, question, text = answer
    line = {
        "student": student,
        "question": question,
        "text": text,
        "points": what.points,
        "comment": what.comment,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with path.open("ab") as file:
        file.write((json.dumps(line) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def apply(all: Iterable[Graded], found: dict[Answer, Given]) -> None:
    """Put what was given into marks. A text to which nothing was given is open."""
    for graded in all:
        for mark in graded.marks:
            if mark.written:
                answer = (graded.student, mark.question, print_of(mark.written))
                told = found.get(answer, Given(None))
                mark.points, mark.said = told.points, told.comment
