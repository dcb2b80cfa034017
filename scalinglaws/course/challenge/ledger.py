"""The account of a bet: a file to which entries are added and in which none is ever changed.

An entry is a line of JSON that carries the hash of the one before. It is on the disk before what it
announces begins, so a run that is killed has been charged, and can be trained to its end without
another charge. A line that a kill cut in half announces nothing yet, and is dropped.

The file alone cannot show that lines are missing at its end. So this machine remembers, in the
folder of `scalinglaws.course._record`, how far each ledger had come, and refuses one that has gone
back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import _record
from .setting import digest

START = "0" * 64
"""What stands in the place of the hash before the first entry."""
LARGEST = 5_000_000
"""So many bytes may a ledger have."""
KINDS = ("opened", "begun", "ended", "committed")


class LedgerError(ValueError):
    """A ledger that was changed, cut, put back or is somebody else's."""


@dataclass(frozen=True)
class Entry:
    """One line of a ledger."""

    number: int
    """Counted from 0."""
    kind: str
    """opened, begun, ended or committed."""
    body: dict[str, Any]
    before: str
    """The hash of the entry before."""
    hash: str


@dataclass(frozen=True)
class Receipt:
    """How far a ledger had come: enough to notice later that it went back."""

    count: int
    head: str
    """The hash of the last entry."""

    def __str__(self) -> str:
        return f"{self.count}-{self.head[:16]}"


def chained(entries: Sequence[Entry], kind: str, body: dict[str, Any]) -> Entry:
    """The entry that would come next."""
    before = entries[-1].hash if entries else START
    number = len(entries)
    return Entry(number, kind, body, before, _hash(number, kind, body, before))


def receipt(entries: Sequence[Entry]) -> Receipt:
    """How far these entries go."""
    return Receipt(len(entries), entries[-1].hash if entries else START)


def read(path: Path) -> list[Entry]:
    """The entries of a ledger, oldest first; none if there is no file.

    Raises LedgerError where the chain is broken: an entry was changed, left out, put in, or stands
    there twice.
    """
    return parsed(_whole_lines(path))


def parsed(lines: Sequence[bytes]) -> list[Entry]:
    """The entries in these lines. Raises LedgerError as `read` does."""
    entries: list[Entry] = []
    for number, line in enumerate(lines):
        try:
            entry = Entry(**json.loads(line))
            right = chained(entries, entry.kind, entry.body)
            fine = entry == right and entry.kind in KINDS and isinstance(entry.body, dict)
        except (ValueError, TypeError, RecursionError):
            fine = False
        if not fine:
            raise LedgerError(
                f"line {number + 1} of this ledger does not follow from the line before: it was "
                "changed, or lines were put in or left out. A ledger is written by bet.train and "
                "bet.commit alone; put back the file as it was"
            )
        entries.append(entry)
    return entries


def extends(entries: Sequence[Entry], earlier: Receipt) -> bool:
    """Whether these entries go on from where the receipt was given."""
    if len(entries) < earlier.count:
        return False
    return earlier.count == 0 or entries[earlier.count - 1].hash == earlier.head


def add(
    path: Path,
    owner: str,
    make: Callable[[list[Entry]], list[tuple[str, dict[str, Any]]]],
) -> list[Entry]:
    """Add the entries that `make` asks for, given those that are there; all entries afterwards.

    Nobody else adds any meanwhile. When this returns, they are on the disk. `owner` names the
    ledger in this machine's memory. Raises LedgerError as `read` does, and if the ledger has gone
    back; whatever `make` raises leaves the ledger as it was.
    """
    with _alone(path):
        entries = read(path)
        check_memory(owner, entries)
        old = len(entries)
        for kind, body in make(list(entries)):
            entries.append(chained(entries, kind, body))
        if len(entries) > old:
            _write(path, entries[old:])
            _remember(owner, receipt(entries))
        return entries


def check_memory(owner: str, entries: Sequence[Entry]) -> None:
    """Raise LedgerError if these entries do not go on from what this machine remembers."""
    known = _memory().get(owner)
    if known is not None and not extends(entries, known):
        have = f"has {len(entries)}" if entries else "is not there"
        raise LedgerError(
            f"this ledger has gone back: on this machine it had {known.count} entries (receipt "
            f"{known}), and the file {have} or is another one. Put back the latest file. If it is "
            "lost, tell your instructor: what was spent stays spent"
        )


def _hash(number: int, kind: str, body: dict[str, Any], before: str) -> str:
    return digest([number, kind, body, before])


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    if path.stat().st_size > LARGEST:
        raise LedgerError(f"{path.name} has more than {LARGEST:,} bytes, so it is no ledger")
    return path.read_bytes().split(b"\n")[:-1]  # behind the last newline: nothing, or half a line


def _write(path: Path, entries: Sequence[Entry]) -> None:
    """Put entries behind the last whole line, on the disk itself."""
    lines = "".join(json.dumps(asdict(entry), allow_nan=False) + "\n" for entry in entries)
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab", buffering=0) as file:
        whole = sum(len(line) + 1 for line in _whole_lines(path))
        file.truncate(whole)
        try:
            left = lines.encode()
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(whole)  # a full disk: all of them or none
            raise
    if new and os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the file's name, too
        finally:
            os.close(folder)


def _memory() -> dict[str, Receipt]:
    def make(told: dict[str, Any]) -> tuple[str, Receipt]:
        return str(told["owner"]), Receipt(int(told["count"]), str(told["head"]))

    return dict(_record.load("bets", make))


def _remember(owner: str, reached: Receipt) -> None:
    with _alone(_record.path("bets")):  # another bet may be under way in this home
        known = {**_memory(), owner: reached}
        _record.save("bets", [{"owner": name, **asdict(at)} for name, at in known.items()])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes of this machine from adding to the ledger (not on Windows)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "a") as file:  # "a" spoils nothing of that name
        fcntl.flock(file, fcntl.LOCK_EX)  # a kill gives it back
        yield
