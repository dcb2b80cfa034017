"""Grades written down: for Canvas and Moodle, for each student, and for who marks the texts."""

from __future__ import annotations

import csv
import hashlib
import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from .grading import Graded, store, stored
from .key import Person
from .masters import Master

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid "
    "#ccc}pre{white-space:pre-wrap;background:#f4f4f4;padding:.8rem}"
)


def cell(text: object) -> str:
    """`text` as a spreadsheet shows it: what would be read as a formula gets an apostrophe."""
    told = str(text)
    return "'" + told if told[:1] in ("=", "+", "-", "@", "\t", "\r") else told


def points(value: float) -> str:
    """Points without needless decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def canvas(path: Path, master: Master, people: Iterable[Person], all: dict[str, Graded]) -> None:
    """A table for Canvas: Grades, Import. The column makes the assignment, or updates it."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", master.title]]
    rows.append(["    Points Possible", "", "", "", "", points(master.points)])
    for one in people:
        graded = all.get(one.id)
        told = points(graded.total) if graded else "0"
        rows.append([one.name or one.id, one.canvas_id, one.id, one.login, one.section, told])
    table(path, rows)


def moodle(path: Path, master: Master, people: Iterable[Person], all: dict[str, Graded]) -> None:
    """A table for Moodle: Grades, Import, CSV. Map "ID number" or the address, and both columns."""
    rows = [["ID number", "Email address", master.title, f"{master.title} (feedback)"]]
    for one in people:
        graded = all.get(one.id)
        told = points(graded.total) if graded else "0"
        rows.append([one.id, one.email, told, summary(graded)])
    table(path, rows)


def summary(graded: Graded | None) -> str:
    """A student's feedback in one line."""
    if graded is None:
        return "nothing was handed in"
    told = [
        f"{mark.question}: {points(mark.points)} of {points(mark.most)}"
        if mark.points is not None
        else f"{mark.question}: not marked yet"
        for mark in graded.marks
    ]
    return "; ".join(told)


def table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV that a spreadsheet opens without running anything in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([cell(one) for one in row] for row in rows)


def feedback(folder: Path, master: Master, graded: Graded) -> Path:
    """A page for one student: what each question got, and why."""
    rows = []
    for mark in graded.marks:
        got = "open" if mark.points is None else points(mark.points)
        rows.append(
            f"<tr><th>{escape(mark.question)}</th><td>{got} of {points(mark.most)}</td>"
            f"<td>{escape(mark.said or ('to be read' if mark.points is None else ''))}</td></tr>"
        )
    notes = "".join(f"<li>{escape(note)}</li>" for note in graded.notes)
    body = f"<h1>{escape(master.title)}</h1><p>Student: {escape(graded.student)}. "
    open_ = "" if graded.complete else " Written answers are still to be read."
    body += f"Points: {points(graded.total)} of {points(master.points)}.{open_}</p>"
    body += f"<table>{''.join(rows)}</table>"
    body += f"<h2>Notes</h2><ul>{notes}</ul>" if notes else ""
    return page(folder / "feedback" / master.name / f"{graded.student}.html", master.title, body)


def escape(text: str) -> str:
    """Text as HTML shows it."""
    return html.escape(text, quote=True)


def page(path: Path, title: str, body: str) -> Path:
    """Write a page that needs nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"<meta charset='utf-8'><title>{escape(title)}</title><style>{STYLE}</style>"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
    policy += "style-src 'unsafe-inline'\">"
    path.write_text(f"<!doctype html><html lang='en'>{policy}{head}{body}</html>", encoding="utf-8")
    return path


SHEET = ("question", "student", "most", "points", "comment", "text")


def sheet_path(folder: Path, name: str) -> Path:
    """Where the sheet for the written answers of a set lies."""
    return folder / "written" / f"{name}.csv"


def print_of(text: str) -> str:
    """Eight letters that tell one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def write_sheet(folder: Path, master: Master, all: Iterable[Graded]) -> int:
    """The sheet in which points for written answers are filled in, and a page to read them on.

    The answers stand question by question beside the master's model answer and rubric, without
    names. Returns how many are still open.
    """
    rows: list[Sequence[object]] = [SHEET]
    parts, left = [], 0
    everybody = sorted(all, key=lambda one: print_of(one.student))
    for question in (cell for cell in master.cells if cell.written):
        parts.append(f"<h2>{escape(question.name)}</h2><h3>Rubric</h3>")
        parts.append(f"<pre>{escape(question.source)}</pre>")
        for graded in everybody:
            for mark in graded.marks:
                if mark.question != question.name or not mark.written:
                    continue
                given = "" if mark.points is None else points(mark.points)
                left += mark.points is None
                said = "" if mark.points is None else mark.said
                kept = [mark.question, graded.student, points(mark.most), given, said]
                rows.append([*kept, print_of(mark.written)])
                parts.append(f"<h3>{print_of(mark.written)}</h3><pre>{escape(mark.written)}</pre>")
    table(sheet_path(folder, master.name), rows)
    page(folder / "written" / f"{master.name}.html", master.title, "".join(parts))
    return left


def read_sheet(folder: Path, name: str) -> list[str]:
    """Put the points of the filled-in sheet into the marks; what could not be used is returned.

    A row counts for the text for which it was made, and for no later one.
    """
    path = sheet_path(folder, name)
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    problems = []
    for line, row in enumerate(rows, start=2):
        told = (row.get("points") or "").strip()
        if not told:
            continue
        graded = stored(folder, name, (row.get("student") or "").strip())
        marks = (
            [one for one in graded.marks if one.question == row.get("question")] if graded else []
        )
        if graded is None or not marks or print_of(marks[0].written) != row.get("text"):
            problems.append(f"{path.name}, line {line}: no such answer; it may have been replaced")
            continue
        try:
            value = float(told.replace(",", "."))
        except ValueError:
            value = math.nan
        if not 0 <= value <= marks[0].most:
            problems.append(
                f"{path.name}, line {line}: points go from 0 to {points(marks[0].most)}, "
                f"not {told!r}"
            )
            continue
        marks[0].points, marks[0].said = value, (row.get("comment") or "").strip()
        store(folder, graded)
    return problems
