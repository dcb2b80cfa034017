"""The capstone for a class: its own truth, the notebook that is handed out, and the settling.

`_course/bet/<tier>/` is private: it holds the runs at the target (`runs.sqlite`, so that a training
that was cut off goes on) and the truth under its seal. `_course/release/the-bet/<tier>/` is what
students get: a notebook with the setting and the hash of the truth.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scalinglaws.course import challenge
from scalinglaws.course.challenge import ledger
from scalinglaws.course.challenge.ledger import Entry, LedgerError, Receipt
from scalinglaws.course.challenge.setting import SEEDS

from . import board, grading, key

NOTEBOOK = Path(__file__).with_name("capstone") / "the-bet.ipynb"
PLACE = "the setting of your class stands here"
"""The text in the master's cell that the setting takes the place of."""


@dataclass(frozen=True)
class Handed:
    """What one student handed in, and what became of it."""

    student: str
    file: str
    refused: str = ""
    """Why it does not count; empty if it does."""
    standing: challenge.Standing | None = None
    spots: tuple[challenge.scoring.Spot, ...] = ()
    outcome: challenge.Outcome | None = None


# -------------------------------------------------------------------------------------- beforehand


def folder(course: Path, tier: str) -> Path:
    """The private folder of a bet."""
    return course / "bet" / tier


def seeds(secret: bytes, tier: str) -> tuple[int, int, str]:
    """The seed of the setting, the seed of the runs at the target, and the salt of the truth."""
    seed = key.seed(secret, "bet", f"seed/{tier}") % SEEDS
    salt = hmac.new(secret, f"bet/salt/{tier}".encode(), hashlib.sha256).hexdigest()
    return key.seed(secret, "bet", f"setting/{tier}"), seed, salt


def make(course: Path, tier: str, **how: Any) -> tuple[Path, Path]:
    """Train the truth of a class, or go on with it; the notebook to hand out, and the seal.

    `how` goes to `sweep`. What was made before is made again, the same to the byte. Raises
    ValueError if another process is at it.
    """
    secret = key.secret(course, make=True)
    place = folder(course, tier)
    place.mkdir(parents=True, exist_ok=True)
    with alone(place):
        setting_seed, seed, salt = seeds(secret, tier)
        setting = challenge.draw(tier, setting_seed)
        truth = challenge.train_truth(setting, seed, salt, place / "runs.sqlite", **how)
        setting = replace(setting, truth=truth.digest)
        told = challenge.packed(setting)
        sealed = place / "truth.sealed"
        if sealed.exists() and (place / "setting.txt").read_text() != told:
            raise ValueError(
                f"{place} holds a bet that was made by another version: settle it with that one, "
                "or name another folder as the course"
            )
        (place / "setting.txt").write_text(told)
        sealed.write_text(challenge.seal(truth))
    return release(course, tier, told), sealed


def release(course: Path, tier: str, told: str) -> Path:
    """Write the notebook that students get."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    lines = "\n".join(told[i : i + 96] for i in range(0, len(told), 96))
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if PLACE in text:
            cell["source"] = text.replace(PLACE, lines).splitlines(keepends=True)
    path = course / "release" / "the-bet" / tier / "the-bet.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def in_background(course: Path, tier: str, arguments: Sequence[str]) -> Path:
    """Do the same in a process of its own that outlives this one; its log."""
    place = folder(course, tier)
    place.mkdir(parents=True, exist_ok=True)
    with alone(place):
        pass
    log = place / "log.txt"
    with open(log, "ab") as out:
        subprocess.Popen(
            [sys.executable, "-m", "coursework", "bet", "--progress", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return log


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Keep a second process from the same work. Raises ValueError if there is one."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is damaged by two, they only do the work twice
        yield
        return
    with open(place / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(
                f"another process is training this bet; if it writes a log, it is "
                f"{place / 'log.txt'}"
            ) from None
        yield


# -------------------------------------------------------------------------------------- afterwards


def settle(
    course: Path,
    tier: str,
    submissions: Path,
    *,
    people: Sequence[key.Person] = (),
    spots: int = 2,
    **how: Any,
) -> list[Handed]:
    """Check what was handed in, train what was bet on, and write table and page of the class.

    Every ledger that is in order leaves a receipt, and none may go back behind it later. So the
    same command serves for a look in the middle of the term. `people` are those of the course, if
    known: then nobody hands in for another, and who is missing is named. `how` goes to `sweep`.
    Raises ValueError if the truth was not made or is not that of the setting.
    """
    if spots < 0:
        raise ValueError(f"spots must be at least 0, got {spots}")
    place = folder(course, tier)
    if not (place / "truth.sealed").exists():
        raise ValueError(f"there is no bet of the tier {tier} in {course}: make it first")
    setting = challenge.unpacked((place / "setting.txt").read_text())
    truth = challenge.unseal((place / "truth.sealed").read_text(), setting)
    known = receipts(place)
    handed = [
        looked_at(setting, student, files, known.get(student))
        for student, files in by_student(submissions, people).items()
    ]
    there = {one.student for one in handed}
    handed += [
        Handed(one.id, "", refused="no ledger of this student was handed in")
        for one in people
        if one.id not in there
    ]
    write_receipts(place, known, handed)
    secret = key.secret(course)
    handed = [_spotted(setting, secret, one, spots, place, how) for one in handed]
    fine = [one for one in handed if not one.refused and one.standing and one.standing.commitment]
    made = [one.standing.commitment for one in fine if one.standing and one.standing.commitment]
    found = challenge.settled(setting, truth, made, place / "runs.sqlite", **how)
    for one, outcome in zip(fine, found, strict=True):
        failed = "" if outcome else "the run that was bet on could not be trained"
        handed[handed.index(one)] = replace(one, outcome=outcome, refused=failed)
    handed.sort(key=_order)
    out = course / "grades"
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / f"the-bet-{tier}.csv", handed)
    (out / f"the-bet-{tier}.html").write_text(
        board.page(setting, truth, [one.outcome for one in handed if one.outcome], handed),
        encoding="utf-8",
    )
    return handed


def by_student(submissions: Path, people: Sequence[key.Person] = ()) -> dict[str, list[Path]]:
    """The ledgers in a folder and the folders in it, by the student that each names.

    A file that is no ledger, or lies where `people` say that another hands in, stands under its
    own path.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(submissions.rglob("*")):
        relative = path.relative_to(submissions)
        if any(part.startswith((".", "__MACOSX")) for part in relative.parts):
            continue  # what Jupyter and macOS leave
        if ".jsonl" not in path.name.lower() or path.is_symlink() or not path.is_file():
            continue
        name = relative.as_posix().encode("utf-8", "backslashreplace").decode()
        try:
            student = str(_read(path)[0].body["student"])
            same = (one.id for one in people if one.id.lower() == student.lower())
            student = next(same, student)
            if not _belongs(relative, student, people):
                student = name  # whose it is must show in the name of the file or the folder
        except (LedgerError, IndexError, KeyError):
            student = name
        found.setdefault(student, []).append(path)
    return found


def _belongs(relative: Path, student: str, people: Sequence[key.Person]) -> bool:
    """Whether folder and name of a file say that it is this student's."""
    if people:
        owners = {one.id for one in grading.owners_of(relative, list(people))}
        if owners:
            return student in owners
        if student not in {one.id for one in people}:
            return False
    whole = rf"(?<![^\W_]){re.escape(student.lower())}(?![^\W_])"
    return bool(student and re.search(whole, relative.as_posix().lower()))


def _read(path: Path) -> list[Entry]:
    """The ledger as it was handed in: the last line counts though its end is gone or doubled.

    On the way through editors and platforms a file loses or gains empty lines at its end.
    """
    try:
        if path.stat().st_size > ledger.LARGEST:
            return ledger.read(path)  # which says so
        lines = path.read_bytes().rstrip(b"\r\n").split(b"\n")
        if len(lines) == 1:
            return ledger.parsed(lines) if lines[0] else []
        try:
            return ledger.parsed(lines)
        except LedgerError:
            return ledger.parsed(lines[:-1])  # a kill cut the last one in half
    except OSError as error:
        raise LedgerError(f"the file cannot be read: {error.strerror}") from None


def looked_at(
    setting: challenge.Setting, student: str, files: Sequence[Path], earlier: Receipt | None
) -> Handed:
    """The ledger of one student, checked; of several files the longest counts."""
    try:
        pairs = sorted(((_read(file), file) for file in files), key=lambda pair: len(pair[0]))
        longest, file = pairs[-1]
        if not all(ledger.extends(longest, ledger.receipt(entries)) for entries, _ in pairs[:-1]):
            where = ", ".join(f"{one.parent.name}/{one.name}" for one in files)
            raise LedgerError(
                "two ledgers of this student were handed in, and neither goes on from the other "
                f"({where}). If one came from somebody else, take it away or name the class by "
                "STUDENTS=roster.csv"
            )
        standing = challenge.checked(setting, longest, earlier)
        if standing.student.lower() != student.lower():
            raise LedgerError(
                f"the ledger is of {standing.student!r}, and neither its name nor its folder says "
                "so"
            )
    except LedgerError as error:
        return Handed(student, str(files[-1]), refused=str(error))
    return Handed(student, str(file), standing=standing)


def _spotted(
    setting: challenge.Setting,
    secret: bytes,
    one: Handed,
    count: int,
    place: Path,
    how: dict[str, Any],
) -> Handed:
    """The same with some runs trained again; refused if their losses are not those told."""
    if one.refused or one.standing is None or count == 0:
        return one
    entries = _read(Path(one.file))
    seed = key.seed(secret, "bet/spots", f"{one.student}/{one.standing.receipt.head}")
    spots = challenge.spot_check(setting, entries, count, seed, store=place / "spots.sqlite", **how)
    wrong = [str(spot) for spot in spots if not spot.agrees]
    told = f"a run that was trained again came to another loss: {wrong[0]}" if wrong else ""
    return replace(one, spots=tuple(spots), refused=told)


def receipts(place: Path) -> dict[str, Receipt]:
    """How far each student's ledger had come when it was last looked at."""
    path = place / "receipts.json"
    if not path.exists():
        return {}
    try:
        told = json.loads(path.read_text())
        return {student: Receipt(**at) for student, at in told.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"the receipts in {path} cannot be read ({error}): mend it") from None


def write_receipts(place: Path, known: dict[str, Receipt], handed: Sequence[Handed]) -> None:
    """Note how far the ledgers have come that are in order."""
    new = {one.student: one.standing.receipt for one in handed if one.standing}
    told = {student: asdict(at) for student, at in sorted({**known, **new}.items())}
    fresh = place / "receipts.new"
    fresh.write_text(json.dumps(told, indent=1) + "\n")
    fresh.replace(place / "receipts.json")


def _order(one: Handed) -> tuple[int, float, str]:
    if one.outcome is None:
        return (2 if one.refused else 1), 0.0, one.student
    return 0, one.outcome.total, one.student


COLUMNS: dict[str, Callable[[Handed], Any]] = {
    "id": lambda one: one.student,
    "refused": lambda one: one.refused,
    "receipt": lambda one: one.standing and one.standing.receipt,
    "runs": lambda one: one.standing and one.standing.runs,
    "spent": lambda one: one.standing and one.standing.spent,
    "checked": lambda one: f"{sum(s.agrees for s in one.spots)} of {len(one.spots)}",
    "width": lambda one: one.outcome and one.outcome.commitment.run.model.shape()["width"],
    "depth": lambda one: one.outcome and one.outcome.commitment.run.model.shape()["depth"],
    "tokens": lambda one: one.outcome and one.outcome.commitment.run.tokens,
    "value": lambda one: one.outcome and one.outcome.commitment.value,
    "low": lambda one: one.outcome and one.outcome.commitment.low,
    "high": lambda one: one.outcome and one.outcome.commitment.high,
    "loss": lambda one: one.outcome and one.outcome.loss,
    "held": lambda one: one.outcome and one.outcome.forecast.hit,
    "score": lambda one: one.outcome and one.outcome.score,
    "regret": lambda one: one.outcome and one.outcome.regret,
    "total": lambda one: one.outcome and one.outcome.total,
}


def write_table(path: Path, handed: Sequence[Handed]) -> None:
    """The class as a table, a row a student, the best bet first."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in handed:
            cells = [get(one) for get in COLUMNS.values()]
            writer.writerow(["" if cell is None else _safe(cell) for cell in cells])


def _safe(cell: Any) -> Any:
    """Text that no spreadsheet takes for a formula."""
    if isinstance(cell, float):
        return f"{cell:.5f}"
    text = str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
