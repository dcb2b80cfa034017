"""The store of a sweep: one SQLite file that keeps every finished run, whatever ends the sweep.

Each run is one row, found by a key made of all that determines it and of the corpus. What came
later to a run (another learner than the transformer, a setting) enters the key only where it
departs from what was before, so that a run has the key that it always had. Rows are
written in transactions, so a process that is killed leaves a whole file behind, and several
processes of one machine may write to one store at the same time. (Processes of several machines
may not: SQLite cannot lock a file for them. A sweep on a cluster writes from the process that
calls it, and from there alone.) Every row carries a checksum, and a file that is damaged is
refused rather than read in part.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from .table import FORMERLY, table_of

SCHEMA = 1
"""Version of the layout of the file; kept in it as `user_version`."""

_APPLICATION = 0x5CA11A35  # says that an SQLite file is a store of runs
_PATIENCE = 60  # seconds to wait for another process that is writing
_NOT_A_NUMBER = (
    *("loss", "loss_std", "seconds"),
    *("params", "params_non_embedding", "params_total"),
)
_FIRST_LEARNER = "transformer"
_LATER = {"weight_decay": 0.0, "dropout": 0.0, "ends_lr": None}
"""Settings that runs did not have at first, and what was the case without them."""
_CREATE = """
CREATE TABLE runs (
    key TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    row TEXT NOT NULL,
    status TEXT NOT NULL,
    version TEXT NOT NULL,
    written TEXT NOT NULL,
    checksum TEXT NOT NULL
)
"""
# A run that is finished stays as it is, whoever comes later; one that failed is replaced.
_WRITE = """
INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    run = excluded.run, row = excluded.row, status = excluded.status,
    version = excluded.version, written = excluded.written, checksum = excluded.checksum
WHERE runs.status NOT IN ('ok', 'diverged')
"""


class StoreError(ValueError):
    """A file that is no store of runs, is damaged, or cannot be opened."""


@dataclass(frozen=True)
class Entry:
    """One run as it stands in the store."""

    key: str
    run: str
    """All that determines the run, as JSON."""
    row: str
    """Its row for the table of runs, as JSON."""
    status: str
    version: str
    written: str
    """When it was written: UTC, ISO 8601."""
    checksum: str = ""

    def sealed(self) -> Entry:
        """The entry with the checksum that belongs to it."""
        content = json.dumps(astuple(self)[:-1], default=repr).encode()
        return replace(self, checksum=hashlib.sha256(content).hexdigest()[:32])

    def values(self) -> dict[str, Any]:
        """The row for the table of runs."""
        row = FORMERLY | json.loads(self.row)
        return {k: math.nan if v is None and k in _NOT_A_NUMBER else v for k, v in row.items()}


def key(run: Any, corpus: str) -> str:
    """What names a run in a store: a hash of all its fields, the kind of its learner, the corpus.

    `run` is a `Run`, `corpus` a fingerprint.
    """
    return hashlib.sha256(_described(run, corpus).encode()).hexdigest()[:32]


def entry(run: Any, row: dict[str, Any]) -> Entry:
    """The entry of a run whose row for the table of runs is `row`."""
    plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
    return Entry(
        key=key(run, row["corpus"]),
        run=_described(run, row["corpus"]),
        row=json.dumps(plain, allow_nan=False),
        status=row["status"],
        version=row["version"],
        written=datetime.now(UTC).isoformat(timespec="seconds"),
    ).sealed()


def create(path: str | Path) -> Path:
    """Make an empty store, unless there is a file already; its path.

    Raises FileNotFoundError if the folder is missing, StoreError if one may not write there, and
    sqlite3.OperationalError or OSError if there is no room.
    """
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} for the store {path.name}")
    if path.exists():
        return path
    # Whoever sees a store sees a whole one: it is made under another name and then given its own.
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")
            db.execute(_CREATE)
            db.execute("PRAGMA journal_mode = WAL")
        _publish(draft, path)
    except sqlite3.OperationalError as error:
        if _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise StoreError(f"the store {path} cannot be made: {error}") from error
        raise
    finally:
        for leftover in ("", "-wal", "-shm", "-journal"):
            Path(f"{draft}{leftover}").unlink(missing_ok=True)
    return path


def write(path: str | Path, new: Sequence[Entry]) -> None:
    """Add entries, all or none. A finished run that is there already stays as it is.

    Raises sqlite3.Error if the file cannot be written: a full disk, for one.
    """
    path = Path(path).expanduser()
    address = f"{path.absolute().as_uri()}?mode=rw"  # a lost file is not made anew
    with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as db:
        db.isolation_level = None
        db.execute("BEGIN IMMEDIATE")
        try:
            _check_kind(db, path)
            db.executemany(_WRITE, [astuple(e) for e in new])
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise


def entries(path: str | Path) -> list[Entry]:
    """All entries, in the order in which their runs first came in.

    Raises FileNotFoundError if there is no file, and StoreError if it is not a store, was made by
    a newer version of this package, or is damaged anywhere: it never leaves out a row.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no store {path}")
    if not path.is_file():
        raise StoreError(f"{path} is not a file; a store of runs is one SQLite file")
    if path.stat().st_size == 0:
        raise _damaged(path, "it is empty")
    try:
        with _reading(path) as db:
            _check_kind(db, path)
            faults = [text for (text,) in db.execute("PRAGMA integrity_check(1)")]
            found = [
                Entry(*values)
                for values in db.execute(
                    "SELECT key, run, row, status, version, written, checksum "
                    "FROM runs NOT INDEXED ORDER BY rowid"
                )
            ]
    except sqlite3.OperationalError as error:
        if _code(error) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT):
            raise _damaged(path, error) from error
        raise StoreError(
            f"the store {path} cannot be opened: {error}. Is the disk full, or the file not "
            "yours to read?"
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    if faults != ["ok"]:
        raise _damaged(path, faults[0])
    for number, e in enumerate(found, start=1):
        if e.sealed() != e:
            raise _damaged(path, f"row {number} does not agree with its checksum")
    return found


def finished(path: str | Path) -> dict[str, dict[str, Any]]:
    """The rows of all runs that need not be trained again, by key: those ok, those diverged."""
    return {e.key: e.values() for e in entries(path) if e.status in ("ok", "diverged")}


def load(path: str | Path) -> pd.DataFrame:
    """All rows of a store as a table of runs, failed ones too, each with when it was `written`.

    Raises as `entries` does.
    """
    found = entries(path)
    return table_of(e.values() for e in found).assign(written=[e.written for e in found])


def _described(run: Any, corpus: str) -> str:
    told = {k: v for k, v in asdict(run).items() if k not in _LATER or v != _LATER[k]}
    if run.model.kind != _FIRST_LEARNER:
        told["model"]["kind"] = run.model.kind
    return json.dumps({**told, "corpus": corpus}, sort_keys=True)


def _publish(draft: Path, path: Path) -> None:
    with suppress(FileExistsError):  # another sweep was faster
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if not path.exists():
                os.replace(draft, path)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to read with, also where nothing can be written beside the file."""
    address = path.absolute().as_uri()
    with closing(sqlite3.connect(f"{address}?mode=rw", uri=True, timeout=_PATIENCE)) as db:
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            log = Path(f"{path}-wal")
            unwritable = (
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_IOERR,
                sqlite3.SQLITE_FULL,
            )
            if _code(error) not in unwritable or (log.exists() and log.stat().st_size):
                raise
        else:
            yield db
            return
    with closing(sqlite3.connect(f"{address}?immutable=1", uri=True)) as db:
        yield db


def _check_kind(db: sqlite3.Connection, path: str | Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (schema,) = db.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise _damaged(path, "it is an SQLite file, but not marked as a store of runs")
    if schema > SCHEMA:
        raise StoreError(
            f"the store {path} was made by a newer version of scalinglaws (layout {schema}, this "
            f"one knows {SCHEMA}): update the package"
        )
    if schema != SCHEMA:
        raise _damaged(path, f"its layout {schema} was never in use")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of the error."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _damaged(path: str | Path, reason: object) -> StoreError:
    reason = " ".join(str(reason).split())[:100]
    return StoreError(
        f"{path} is no store of runs, or a damaged one ({reason}). It was left as it is. Put a "
        f"copy in its place, or read what is left with `sqlite3 {Path(path).name} .recover`, or "
        "name another file as the store to begin anew."
    )
