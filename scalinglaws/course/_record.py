"""Small files of JSON in the reader's home folder: what was predicted, and what came of it."""

from __future__ import annotations

import json
import os
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SHIPPED = Path(__file__).with_name("record")
"""What each chapter recorded when the book was last run: one file a chapter, 01.json and so on."""

LINE = 64
"""Characters to a line of what is printed: as many as a phone shows."""


def wrapped(*lines: str) -> str:
    """Lines for print, none longer than a phone shows; what is carried over stands further in."""
    return "\n".join(
        textwrap.fill(
            line,
            LINE,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    )


def path(name: str) -> Path:
    """Where the record of this name is kept: SCALINGLAWS_HOME, or .scalinglaws in the home."""
    home = os.environ.get("SCALINGLAWS_HOME")
    folder = Path(home).expanduser() if home else Path.home() / ".scalinglaws"
    return folder / f"{name}.json"


def load(name: str, make: Callable[[dict[str, Any]], T]) -> list[T]:
    """All entries so far, oldest first, each built by `make`. Raises ValueError if damaged."""
    file = path(name)
    if not file.exists():
        return []
    try:
        return [make(entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"the record of {name} cannot be read ({error}). It is the file {file}: mend it, "
            "or move it away to start a new record."
        ) from error


def shipped(name: str, make: Callable[[dict[str, Any]], T], through: int) -> list[T]:
    """The entries that came out when the book was last run, of the chapters up to `through`."""
    found: list[T] = []
    for file in sorted(SHIPPED.glob("[0-9][0-9].json")):
        if int(file.stem) <= through:
            entries = json.loads(file.read_text(encoding="utf-8")).get(name, [])
            found += [make(entry) for entry in entries]
    return found


def chapter_of(key: str) -> int:
    """The chapter of a key such as "3.cutoff"; 0 for one that names none."""
    number = key.partition(".")[0]
    return int(number) if number.isdecimal() else 0


def save(name: str, entries: list[dict[str, Any]]) -> None:
    """Replace the record. A reader of the file sees the old one or the new one, never a half."""
    file = path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(entries, indent=1)
    handle, part = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(part, file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
