"""Grades written down: for Canvas and Moodle, for each student, and for who marks the texts."""

from __future__ import annotations

import html
import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import masters, tables
from .grading import Graded, stored
from .key import Person
from .masters import Master
from .points import Answer, Given, give, given, print_of

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid "
    "#ccc}pre{white-space:pre-wrap;background:#f4f4f4;padding:.8rem}"
)


def points(value: float) -> str:
    """Points without needless decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def canvas(
    path: Path,
    master: Master,
    people: Iterable[Person],
    all: dict[str, Graded],
    *,
    sure: bool = True,
) -> None:
    """A table for Canvas: Grades, Import. The column makes the assignment, or updates it.

    Who handed in nothing gets 0 if that is `sure`, else an empty cell, which changes no grade.
    """
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", master.title]]
    rows.append(["    Points Possible", "", "", "", "", points(master.points)])
    for one in people:
        graded = all.get(one.id)
        told = points(graded.total) if graded else "0" if sure else ""
        rows.append([one.name or one.id, one.canvas_id, one.id, one.login, one.section, told])
    tables.write(path, rows)


def moodle(
    path: Path,
    master: Master,
    people: Iterable[Person],
    all: dict[str, Graded],
    *,
    sure: bool = True,
) -> None:
    """A table for Moodle: Grades, Import, CSV. Map "ID number" or the address, and both columns.

    Who handed in nothing gets what `canvas` says.
    """
    rows = [["ID number", "Email address", master.title, f"{master.title} (feedback)"]]
    for one in people:
        graded = all.get(one.id)
        told = points(graded.total) if graded else "0" if sure else ""
        rows.append([one.id, one.email, told, summary(master, graded, sure)])
    tables.write(path, rows)


def summary(master: Master, graded: Graded | None, sure: bool = True) -> str:
    """A student's feedback in one line."""
    if graded is None:
        return "nothing was handed in" if sure else "nothing was found so far"
    cells = master.named()
    told = [
        f"{cells[mark.question].label}: {points(mark.points)} of {points(mark.most)}"
        if mark.points is not None
        else f"{cells[mark.question].label}: not marked yet"
        for mark in graded.marks
    ]
    return "; ".join(told)


def feedback(folder: Path, master: Master, graded: Graded) -> Path:
    """A page for one student: what each question got, and why."""
    rows, cells = [], master.named()
    for mark in graded.marks:
        got = "open" if mark.points is None else points(mark.points)
        said = "to be read" if mark.points is None else mark.said
        label = escape(cells[mark.question].label)
        rows.append(
            f"<tr><th>{label}</th><td>{got} of {points(mark.most)}</td><td>{escape(said)}</td></tr>"
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
    whole = f"<!doctype html><html lang='en'>{policy}{head}{body}</html>"
    path.write_text(whole, encoding="utf-8", errors="backslashreplace")
    return path


SHEET = ("question", "student", "most", "points", "comment", "text")


def sheet_path(folder: Path, name: str) -> Path:
    """Where the sheet for the written answers of a set lies."""
    return folder / "written" / f"{name}.csv"


def write_sheet(folder: Path, master: Master, all: Iterable[Graded]) -> int:
    """The sheet in which points for written answers are filled in, and a page to read them on.

    The answers stand question by question beside the master's model answer and rubric, without
    names. Returns how many are still open.
    """
    rows: list[Sequence[object]] = [SHEET]
    parts, left = [], 0
    everybody = sorted(all, key=lambda one: print_of(one.student))
    for question in (cell for cell in master.cells if cell.written):
        parts.append(f"<h2>{escape(f'{question.name}: {question.label}')}</h2><h3>Rubric</h3>")
        parts.append(f"<pre>{escape(question.source)}</pre>")
        for graded in everybody:
            for mark in graded.marks:
                if mark.question != question.name or not mark.written:
                    continue
                got = "" if mark.points is None else points(mark.points)
                left += mark.points is None
                kept = [mark.question, graded.student, points(mark.most), got, mark.said]
                rows.append([*kept, print_of(mark.written)])
                words = f"{len(mark.written.split())} words"
                parts.append(
                    f"<h3>{print_of(mark.written)}, {words}</h3><pre>{escape(mark.written)}</pre>"
                )
    tables.write(sheet_path(folder, master.name), rows)
    page(folder / "written" / f"{master.name}.html", master.title, "".join(parts))
    return left


def read_sheet(folder: Path, name: str) -> list[str]:
    """Keep the points of the filled-in sheet; what could not be used is returned.

    A row counts for the text for which it was made, and for no later one. Where anything could not
    be used, the sheet stays under another name, since it is about to be written anew. Raises
    ValueError, before anything is changed, for a sheet whose columns cannot be told.
    """
    path = sheet_path(folder, name)
    if not path.exists():
        return []
    rows, before = tables.read(path), given(folder, name)
    if rows and not set(SHEET) <= set(rows[0][1]):
        raise ValueError(
            f"{path} needs the columns {', '.join(SHEET)}. Nothing was changed: mend its first "
            "line, or delete the file to have it made anew"
        )
    marked = [stored(folder, name, one.stem) for one in (folder / "marks" / name).glob("*.json")]
    everybody = [one for one in marked if one is not None]
    answers = [
        (graded.student, mark.question, print_of(mark.written))
        for graded in everybody
        for mark in graded.marks
        if mark.written
    ]
    students = {one.student for one in everybody}
    most = {cell.name: cell.points for cell in masters.load(name).cells}
    problems = []
    for line, row in rows:
        what = one_row(row, students, answers, most, before)
        if isinstance(what, str):
            problems.append(f"{path.name}, line {line}: {what}")
        elif what is not None:
            give(folder, name, *what)
    if problems:
        kept = path.with_name(f"{name}-kept-{print_of(path.read_bytes().hex())}.csv")
        shutil.copyfile(path, kept)
        problems.append(f"The sheet as it was filled in stays as {kept}.")
    return problems


def one_row(
    row: dict[str, str],
    students: set[str],
    answers: list[Answer],
    most: dict[str, float],
    before: dict[Answer, Given],
) -> tuple[Answer, Given] | str | None:
    """What a row of the sheet gives, why it cannot be used, or None if it says nothing new."""
    told, comment = row["points"], row["comment"]
    answer = answer_of(row, students, [*answers, *before])
    old = before.get(answer, Given(None)) if answer else Given(None)
    if not told and old.points is not None:
        return f"no points; the {points(old.points)} given before stay until there is a number"
    if not told and not comment and not old.comment:
        return None
    if answer is None:
        return "no such answer; it may have been replaced"
    value = None
    if told:
        try:
            value = round(float(told.replace(",", ".")), 2)
        except ValueError:
            value = math.nan
        if not 0 <= value <= most[answer[1]]:
            return f"points go from 0 to {points(most[answer[1]])}, not {told!r}"
    what = Given(value, comment)
    return None if what == old else (answer, what)


def answer_of(row: dict[str, str], students: set[str], answers: list[Answer]) -> Answer | None:
    """The answer to which a row belongs.

    A spreadsheet takes the zeros off the front of an id and makes numbers of others. So where no
    student has the id, the print of the text says whose it is, if only one wrote it.
    """
    student = row["student"]
    alike = {one for one in answers if one[1:] == (row["question"], row["text"])}
    exact = {one for one in alike if one[0] == student}
    if exact or student in students:
        return exact.pop() if exact else None
    bare = {one for one in alike if one[0].lstrip("0") == student.lstrip("0")}
    for found in (bare, alike):
        if len(found) == 1:
            return found.pop()
    return None
