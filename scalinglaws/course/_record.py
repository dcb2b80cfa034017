"""Small files of JSON in the reader's home folder: what was predicted, and what came of it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


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
