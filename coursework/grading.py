"""Marks for one submission, and for a folder of them.

A submission is walked through cell by cell. Cells that students may not change (data and tests) are
taken from the release, whatever the submission has in their place. The student's cells run in a
process of their own (`sandbox.py`). At each tested cell the hidden tests of the master run here, in
the grader's process, and ask that process for values; so a notebook that patches, prints or deletes
whatever it can reach changes nothing but its own answers. Nothing that it returns is code: replies
are JSON.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import os
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from scalinglaws.course import assignment

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
    """Of submission, master, key and limits together: if it is the same, nothing is graded anew."""
    data: str = ""
    """The print of the data that came with the notebook, if they are not the student's own."""

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
    """The cells of a submitted notebook. Raises Unreadable."""
    return cells_of(opened(path))


def opened(path: Path) -> bytes:
    """The bytes of a submitted file. Raises Unreadable.

    No link is followed, and nothing but a plain file of a sensible size is opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise Unreadable(f"the file cannot be opened ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise Unreadable("this is no plain file")
        if told.st_size > LARGEST:
            raise Unreadable(f"the file has {told.st_size / 1e6:.0f} MB, more than a notebook has")
        try:
            return file.read(LARGEST + 1)
        except OSError as error:
            raise Unreadable(f"the file cannot be read ({error.strerror})") from None


def cells_of(raw: bytes) -> list[dict[str, Any]]:
    """The cells in the bytes of a notebook. Raises Unreadable."""
    if raw.startswith(b"PK"):
        raise Unreadable("the file is a zip: unpack it, and hand in the notebook that is in it")
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
                "source": whole(source),
                "name": name if isinstance(name, str) else "",
            }
        )
    return found


def whole(text: str) -> str:
    """`text` with a question mark for what is no letter, so that it can be stored and hashed.

    JSON may hold halves of a letter (lone surrogates), which no file can hold.
    """
    return text.encode("utf-8", "replace").decode()


def matched(master: Master, cells: list[dict[str, Any]]) -> list[tuple[masters.Cell | None, str]]:
    """The cells to run, in order, each with the cell of the master that it is.

    A cell is known by its nbgrader id, or, where an editor has dropped the ids, by its first line.
    A known cell counts once. Tests and data that were deleted are put back: the data in front, the
    tests at the end. Text that stands between a question and the next, beside the cell for the
    answer, belongs to the answer.
    """
    known = master.named()
    by_line = {first(cell.released): name for name, cell in known.items() if cell.code}
    headings = {first(cell.source) for cell in master.cells if not cell.code and not cell.name}
    before: dict[str, str] = {}
    last = ""
    for cell in master.cells:
        if cell.written:
            before[last] = cell.name
        last = first(cell.source)
    found: list[tuple[masters.Cell | None, str]] = []
    texts: dict[str, list[str]] = {name: [] for name, cell in known.items() if cell.written}
    seen: set[str] = set()
    line_before = answering = ""
    for cell in cells:
        line = first(cell["source"])
        name = cell["name"]
        if name not in known or known[name].code != cell["code"]:
            name = by_line.get(line, "") if cell["code"] else before.get(line_before, "")
        line_before = line
        heading = name not in known and not cell["code"] and line in headings
        if heading:
            answering = before.get(line, "")
        elif name in known and (name not in seen or name in texts):
            answering = name if name in texts else ""
        if name in known and name not in seen:
            seen.add(name)
            found.append((known[name], cell["source"]))
        elif cell["code"]:
            found.append((None, cell["source"]))
        if answering and not cell["code"] and not heading:
            texts[answering].append(cell["source"].strip())
    left = [cell for name, cell in known.items() if name not in seen]
    front = [(cell, cell.released) for cell in left if cell.name == masters.DATA]
    found = [*front, *found, *((cell, "") for cell in left if cell.name != masters.DATA)]
    return [
        (cell, together(texts[cell.name]) if cell is not None and cell.written else source)
        for cell, source in found
    ]


def together(texts: list[str]) -> str:
    """One text of several: what stands there twice and what was handed out are left out."""
    return "\n\n".join(text for text in dict.fromkeys(texts) if text not in ("", masters.TEXT_STUB))


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
    return None if error is None else whole(str(error))


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
        why = str(error)[:1000] or "the answer is not right"
    except Ended as error:
        why = f"not tested: {error}"
    except Exception as error:  # an answer of a form that the test did not think of
        why = f"the answer could not be judged ({type(error).__name__}: {error})"
    else:
        return Mark(cell.name, cell.points, cell.points, "right")
    return Mark(cell.name, 0.0, cell.points, whole(why))


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
    passed: tuple[Path, ...] = ()
    """Other files of this student, which were passed over."""


def print_of_data(cells: list[dict[str, Any]]) -> str:
    """The print of the data that a notebook came with, as in `World.digest`; empty if it has none.

    Data in which letters are missing have none either: they are replaced before anything runs.
    """
    for cell in cells:
        packed = cell["source"].partition('assignment.unpack("""')[2].partition('"""')[0]
        if not cell["code"] or not packed:
            continue
        try:
            raw = base64.b64decode("".join(packed.split()), validate=True)
            text = zlib.decompressobj().decompress(raw, assignment.LARGEST)
        except (binascii.Error, zlib.error, ValueError):
            return ""
        return hashlib.sha256(text).hexdigest()[:16]
    return ""


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
    data = print_of_data(cells)
    if data and data != world.digest:
        graded.data = data
        graded.notes.append(
            "the data in this notebook were not yours: it was run with yours in their place"
        )
    if why:
        graded.notes.insert(0, why)
    if printed > 1_000_000:
        graded.notes.append(f"it printed {printed / 1e6:.0f} MB, which nobody will read")
    return graded


def digest_of(path: Path, secret: bytes, name: str, limits: Limits) -> str:
    """What a grade depends on: the file, the master, the tests and worlds, the key, the limits."""
    told = hashlib.sha256(secret)
    told.update(json.dumps(asdict(limits), sort_keys=True).encode())
    files = [masters.SOURCE / name / f"{name}.ipynb", *HERE.glob("*.py"), *HERE.glob("worlds/*.py")]
    for file in sorted(files):
        told.update(file.read_bytes())
    told.update(raw_of(path))
    return told.hexdigest()


def raw_of(path: Path) -> bytes:
    """The bytes of a submission; why there are none, if it cannot be read."""
    try:
        return opened(path)
    except Unreadable as error:
        return str(error).encode()


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

    A run that was stopped goes on where it was. Written answers are open until `points.apply`.
    """
    master, secret = masters.load(name), key.secret(folder)
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(workers):
        slots.put(slot)

    def one(submission: Submission) -> Graded:
        student = submission.student.id
        digest = digest_of(submission.path, secret, name, limits)
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
        store(folder, made)
        return made

    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, submission) for submission in submissions]
        try:
            return [done.result() for done in as_completed(waiting)]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def found(folder: Path, name: str, people: Iterable[Person]) -> tuple[list[Submission], list[Path]]:
    """The submissions in a folder, each with its student, and the files that belong to nobody.

    Of several files of a student the first of `ranked` is graded.
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
            mine.setdefault(owners[0].id, []).append(relative)
        else:
            nobody.append(path)
    by_id = {person.id: person for person in people}
    submissions = []
    for one, paths in mine.items():
        best, *rest = [folder / path for path in ranked(paths, name)]
        submissions.append(Submission(by_id[one], best, tuple(rest)))
    return submissions, nobody


CANVAS = re.compile(r"[^_]+_(?:late_)?(\d+)_\d+_")
"""How Canvas begins the name of a file: the student's name, their number, the submission's."""
MOODLE = "_assignsubmission_"
"""What Moodle puts behind a student's name and number."""


def owners_of(path: Path, people: list[Person]) -> list[Person]:
    """The students to whom a file may belong, by its folders and its name; one if it is clear.

    Names that a platform gives stand outside, those that a student chose within. So of the folders
    the outermost that names anybody counts, by an id or, as in Moodle, by a name at its beginning;
    and within a folder of Moodle's nothing else does. Then counts the name of the file: the number
    of Canvas in its place, an id, a name at its beginning, and last an id between underscores.
    """
    for part in map(plain, path.parts[:-1]):
        owners = [one for one in people if plain(one.id) == part]
        owners = owners or [one for one in people if begins(part, one)]
        if owners or MOODLE in part:
            return owners
    stem = plain(path.stem)
    canvas = CANVAS.match(stem)
    if canvas:
        return [one for one in people if plain(one.canvas_id or one.id) == canvas[1]]
    ways = (
        lambda one: plain(one.id) == stem,
        lambda one: begins(stem, one),
        lambda one: MOODLE not in stem and plain(one.id) in stem.split("_"),
    )
    for way in ways:
        owners = [one for one in people if way(one)]
        if owners:
            return owners
    return []


def plain(text: str) -> str:
    """A name in small letters, and those with accents in one form: the zips of a Mac have two."""
    return unicodedata.normalize("NFC", text).casefold()


def begins(part: str, one: Person) -> bool:
    """Whether a name begins with the student's, as Moodle's do."""
    return bool(one.name) and part.startswith(f"{plain(one.name)}_")


AGAIN = re.compile(r"(?:-copy|-| ?\()(\d{1,9})\)?$")
"""How Canvas, browsers and Jupyter end the name of a later copy."""


def ranked(paths: list[Path], name: str) -> list[Path]:
    """A student's files, the one to grade first.

    Notebooks come before anything else, those named as the set before others, those further outside
    before those in folders of the student's own, and later copies before earlier ones.
    """

    def rank(path: Path) -> tuple[bool, bool, int, int, list[tuple[int, str]]]:
        stem = path.stem.lower()
        copy = AGAIN.search(stem)
        parts = re.split(r"(\d+)", str(path))
        natural = [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
        return (
            path.suffix.lower() == ".ipynb",
            name in stem,
            -len(path.parts),
            int(copy[1]) if copy else 0,
            natural,
        )

    return sorted(paths, key=rank, reverse=True)


def unclaimed(course: Path, name: str, folder: Path, nobody: Iterable[Path]) -> list[Path]:
    """The files that are nobody's: those of this run, and those of earlier ones in other folders.

    Who grades one student again, in a folder with nothing else, must not forget the others' files.
    """
    path = course / "marks" / f"{name}-nobodys.json"
    before = json.loads(path.read_text()) if path.exists() else []
    kept = {Path(one) for one in before if os.path.lexists(one)}
    kept = {one for one in kept if folder.absolute() not in one.parents}
    found = sorted(kept | {one.absolute() for one in nobody})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([str(one) for one in found], indent=1))
    return found
