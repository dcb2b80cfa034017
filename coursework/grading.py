"""Marks for one submission, and for a folder of them.

A submission is walked through cell by cell. Cells that students may not change (data and tests) are
taken from the release, whatever the submission has in their place. The student's cells run in a
process of their own (`sandbox.py`). At each tested cell the hidden tests of the master run here, in
the grader's process, and ask that process for values; so a notebook that patches, prints or deletes
whatever it can reach changes nothing but its own answers. Nothing that it returns is code: replies
are JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from . import key, marking, masters, runner
from .key import Person, World
from .masters import Master
from .sandbox import Box, Ended, Limits

LARGEST = 20_000_000
"""A notebook may have so many bytes; one with figures has perhaps one million."""
HERE = Path(__file__).parent


@dataclass
class Mark:
    """What one question got."""

    question: str
    points: float | None
    """None for a written answer that nobody has marked yet."""
    most: float
    said: str = ""
    written: str = ""
    """The student's text, for a written answer."""


@dataclass
class Graded:
    """What one submission got."""

    student: str
    set: str
    marks: list[Mark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What happened besides: errors of cells, limits, a notebook that cannot be read."""
    digest: str = ""
    """Of submission, master and key together: the same means that nothing has to be graded anew."""

    @property
    def tested(self) -> float:
        """The points of the tests."""
        return sum(mark.points or 0 for mark in self.marks if not mark.written)

    @property
    def complete(self) -> bool:
        """Whether every written answer has its points."""
        return all(mark.points is not None for mark in self.marks)

    @property
    def total(self) -> float:
        """All points that were given so far."""
        return sum(mark.points or 0 for mark in self.marks)


class Unreadable(Exception):
    """The file is no notebook that can be graded; the message says why."""


def read(path: Path) -> list[dict[str, Any]]:
    """The cells of a submitted notebook. Raises Unreadable.

    No link is followed, and nothing but a plain file of a sensible size is opened.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise Unreadable(f"the file cannot be opened ({error.strerror})") from None
    with os.fdopen(opened, "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise Unreadable("this is no plain file")
        if told.st_size > LARGEST:
            raise Unreadable(f"the file has {told.st_size / 1e6:.0f} MB, more than a notebook has")
        raw = file.read(LARGEST + 1)
    return cells_of(raw)


def cells_of(raw: bytes) -> list[dict[str, Any]]:
    """The cells in the bytes of a notebook. Raises Unreadable."""
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("the file is no notebook (.ipynb): it is not JSON") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise Unreadable("the file is no notebook of format 4: it has no cells")
    found = []
    for cell in cells:
        source = cell.get("source", "") if isinstance(cell, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise Unreadable("the notebook is damaged: a cell has no text")
        told = cell.get("metadata")
        told = told.get("nbgrader") if isinstance(told, dict) else None
        name = told.get("grade_id") if isinstance(told, dict) else None
        found.append(
            {
                "code": cell.get("cell_type") == "code",
                "source": source,
                "name": name if isinstance(name, str) else "",
            }
        )
    return found


def matched(master: Master, cells: list[dict[str, Any]]) -> list[tuple[masters.Cell | None, str]]:
    """The cells to run, in order, each with the cell of the master that it is.

    A cell is known by its nbgrader id, or, where an editor has dropped the ids, by its first line.
    A known cell counts once. Tests and data that were deleted are put back: the data in front, the
    tests at the end.
    """
    known = master.named()
    by_line = {first(cell.released): name for name, cell in known.items() if cell.code}
    before: dict[str, str] = {}
    last = ""
    for cell in master.cells:
        if cell.written:
            before[last] = cell.name
        last = first(cell.source)
    found: list[tuple[masters.Cell | None, str]] = []
    seen: set[str] = set()
    line_before = ""
    for cell in cells:
        line = first(cell["source"])
        name = cell["name"]
        if name not in known or known[name].code != cell["code"]:
            name = by_line.get(line, "") if cell["code"] else before.get(line_before, "")
        line_before = line
        if name in known and name not in seen:
            seen.add(name)
            found.append((known[name], cell["source"]))
        elif cell["code"]:
            found.append((None, cell["source"]))
    left = [cell for name, cell in known.items() if name not in seen]
    front = [(cell, cell.released) for cell in left if cell.name == masters.DATA]
    return [*front, *found, *((cell, "") for cell in left if cell.name != masters.DATA)]


def first(source: str) -> str:
    """The first line of a cell that says anything."""
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def mark(
    master: Master, world: World, cells: list[dict[str, Any]], student: marking.Asked
) -> Graded:
    """The marks of a notebook that runs in the process `student`."""
    graded = Graded("", master.name)
    given = {}
    for cell, source in matched(master, cells):
        if cell is not None and cell.written:
            given[cell.name] = written(cell, source)
            continue
        if cell is not None and cell.locked:
            source = masters.data_cell(world.packed) if cell.name == masters.DATA else cell.released
        elif cell is not None and not cell.code:
            continue
        error = tried(student, source)
        name = cell.name if cell is not None else ""
        if cell is not None and cell.tested:
            given[name] = tested(cell, world, student)
        elif error and "NotImplementedError" not in error:
            where = f"cell {name!r}" if name else "a cell of your own"
            graded.notes.append(f"{where} stopped: {error}"[:500])
    graded.marks = [given[cell.name] for cell in master.cells if cell.points]
    graded.notes = graded.notes[:40]
    return graded


def tried(student: marking.Asked, source: str) -> str | None:
    """Run a cell; the error that it ends with, if any."""
    try:
        error = student.run(source)["error"]
    except Ended as ended:
        return str(ended)
    return None if error is None else str(error)


def tested(cell: masters.Cell, world: World, student: marking.Asked) -> Mark:
    """What the hidden tests of a cell give: all of its points, or none and the reason."""

    def ask(expression: str) -> Any:
        return marking.answer(student.ask(expression), expression)

    def call(function: str, *arguments: Any) -> Any:
        return marking.answer(student.call(function, list(arguments)), f"{function}(...)")

    names = {"ask": ask, "call": call, "truth": dict(world.truth), **tools()}
    try:
        exec(compile(cell.hidden, f"<hidden tests of {cell.name}>", "exec"), names)
    except AssertionError as error:
        return Mark(cell.name, 0.0, cell.points, str(error)[:1000] or "the answer is not right")
    except Ended as error:
        return Mark(cell.name, 0.0, cell.points, f"not tested: {error}")
    except Exception as error:  # an answer of a form that the test did not think of
        kind = type(error).__name__
        return Mark(
            cell.name, 0.0, cell.points, f"the answer could not be judged ({kind}: {error})"
        )
    return Mark(cell.name, cell.points, cell.points, "right")


def tools() -> dict[str, Any]:
    """What hidden tests may use besides."""
    named = ("array", "table", "number", "numbers", "interval", "near", "short")
    return {"math": math, "np": np, **{name: getattr(marking, name) for name in named}}


def in_kernel(names: dict[str, Any], set: str) -> None:
    """Give a kernel what hidden tests use, so that a master runs in Jupyter from top to bottom.

    names: the kernel's `globals()`. Without any protection, of course: for authors of masters.
    """
    here = runner.Student(600)
    here.names = names
    world = key.world(key.EXAMPLE, set, "example")

    def ask(expression: str) -> Any:
        return marking.answer(here.ask(expression), expression)

    def call(function: str, *arguments: Any) -> Any:
        return marking.answer(here.call(function, list(arguments)), f"{function}(...)")

    names.update({"ask": ask, "call": call, "truth": world.truth})
    names.update({name: tool for name, tool in tools().items() if name not in ("math", "np")})


def written(cell: masters.Cell, source: str) -> Mark:
    """A written answer: nothing for an empty one, else open until a person has read it."""
    text = source.strip()
    if not text or text == masters.TEXT_STUB:
        return Mark(cell.name, 0.0, cell.points, "not answered")
    return Mark(cell.name, None, cell.points, written=text[:20_000])


def unmarked(master: Master, why: str) -> Graded:
    """The marks of a submission that could not be graded at all."""
    marks = [Mark(cell.name, 0.0, cell.points, why) for cell in master.cells if cell.points]
    return Graded("", master.name, marks, [why])


@dataclass(frozen=True)
class Submission:
    """A file that a student handed in."""

    student: Person
    path: Path


def grade(
    master: Master,
    world: World,
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    shut: bool = True,
    slot: int = 0,
) -> Graded:
    """The marks of a submitted file. Never raises for what the file holds.

    Raises OSError if its process does not even start, which is no fault of the student's.
    """
    try:
        cells = read(path)
    except Unreadable as error:
        return unmarked(master, str(error))
    with Box(limits, shut=shut, slot=slot) as box:
        try:
            ready = box.ask("6 * 7").get("value") == 42
        except Ended:
            ready = False
        if not ready:
            raise OSError(f"the process for {path} did not start: {box.output[-300:]}")
        graded = mark(master, world, cells, box)
        why, printed = box.why, box.printed
    if why:
        graded.notes.insert(0, why)
    if printed > 1_000_000:
        graded.notes.append(f"it printed {printed / 1e6:.0f} MB, which nobody will read")
    return graded


def digest_of(path: Path, secret: bytes, name: str) -> str:
    """What a grade depends on: the file, the master, the tests and worlds, the key."""
    told = hashlib.sha256(secret)
    files = [masters.SOURCE / name / f"{name}.ipynb", *HERE.glob("*.py"), *HERE.glob("worlds/*.py")]
    for file in sorted(files):
        told.update(file.read_bytes())
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        told.update(b"no file")
    else:
        told.update(path.read_bytes())
    return told.hexdigest()


def stored(folder: Path, name: str, student: str) -> Graded | None:
    """The marks of a student that are kept already; None if there are none."""
    path = folder / "marks" / name / f"{student}.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Graded(**{**told, "marks": [Mark(**one) for one in told["marks"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def store(folder: Path, graded: Graded) -> None:
    """Keep the marks of a student; whoever stops this leaves the old ones or the new ones."""
    path = folder / "marks" / graded.set / f"{graded.student}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(graded), indent=1), encoding="utf-8")
    os.replace(fresh, path)


def grade_all(
    folder: Path,
    name: str,
    submissions: Iterable[Submission],
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    shut: bool = True,
    workers: int = 1,
    anew: bool = False,
) -> list[Graded]:
    """Grade every submission that has not been graded as it stands, and keep each at once.

    A run that was stopped goes on where it was. Points that a person gave stay with the answer that
    they were given for.
    """
    master, secret = masters.load(name), key.secret(folder)
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(workers):
        slots.put(slot)

    def one(submission: Submission) -> Graded:
        student = submission.student.id
        digest = digest_of(submission.path, secret, name)
        before = stored(folder, name, student)
        if before is not None and before.digest == digest and not anew:
            return before
        slot = slots.get()
        try:
            world = key.world(secret, name, student)
            made = grade(master, world, submission.path, limits=limits, shut=shut, slot=slot)
        finally:
            slots.put(slot)
        made.student, made.digest = student, digest
        if before is not None:
            keep_written(before, made)
        store(folder, made)
        return made

    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, submission) for submission in submissions]
        try:
            return [done.result() for done in as_completed(waiting)]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def keep_written(before: Graded, made: Graded) -> None:
    """Carry over the points that a person gave to a text that has not changed."""
    old = {mark.question: mark for mark in before.marks if mark.written and mark.points is not None}
    for fresh in made.marks:
        former = old.get(fresh.question)
        if former is not None and former.written == fresh.written:
            fresh.points, fresh.said = former.points, former.said


def found(folder: Path, name: str, people: Iterable[Person]) -> tuple[list[Submission], list[Path]]:
    """The submissions in a folder, each with its student, and the files that belong to nobody.

    A file belongs to the student whose id is the name of one of its folders (ours, nbgrader's), or
    whose name begins the name of a folder (Moodle), or whose id is the name of the file, or whose
    `canvas_id` stands in its name between underscores (Canvas), or whose id does: the first of
    these that names anybody counts, since a student chooses only the end of a file's name. Of
    several files of a student `best` takes one.
    """
    people = list(people)
    mine: dict[str, list[Path]] = {}
    nobody = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_dir() and not path.is_symlink():
            continue
        if any(part.startswith((".", "__MACOSX")) for part in relative.parts):
            continue
        owners = owners_of(relative, people)
        if len(owners) == 1:
            mine.setdefault(owners[0].id, []).append(path)
        else:
            nobody.append(path)
    by_id = {person.id: person for person in people}
    return [Submission(by_id[one], best(paths, name)) for one, paths in mine.items()], nobody


def owners_of(path: Path, people: list[Person]) -> list[Person]:
    """The students to whom a file may belong, by its folders and its name; one if it is clear."""
    folders, stem = [part.lower() for part in path.parts[:-1]], path.stem.lower()
    words = stem.split("_")
    ways = (
        lambda one: one.id.lower() in folders,
        lambda one: one.name and any(part.startswith(f"{one.name.lower()}_") for part in folders),
        lambda one: one.id.lower() == stem,
        lambda one: one.canvas_id and one.canvas_id.lower() in words[1:3],
        lambda one: one.id.lower() in words,
    )
    for way in ways:
        owners = [one for one in people if way(one)]
        if owners:
            return owners
    return []


def best(paths: list[Path], name: str) -> Path:
    """Of a student's files the one to grade: a notebook named as the set, else any notebook."""
    return max(paths, key=lambda path: (path.suffix == ".ipynb", name in path.name, str(path)))


def finite(points: float, most: float) -> bool:
    """Whether a person may give these points."""
    return math.isfinite(points) and 0 <= points <= most
