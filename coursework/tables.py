"""Tables that people and their spreadsheets write: rosters, and sheets filled in by hand.

A spreadsheet saves a CSV as its country does: with semicolons or tabs, with marks of its own in
front, in letters of Windows. All of these are read. Nothing that is written can be run as a
formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table that say anything, each with its line.

    The names of columns come in small letters, and no value has blanks around it. Commas,
    semicolons and tabs are told apart by the first line. Raises ValueError for a row with more
    values than there are columns, as where a name with a comma in it has no quotes.
    """
    text = decoded(path.read_bytes())
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=head.count))
    names = [name.strip().lower() for name in next(reader, [])]
    found = []
    for values in reader:
        kept = [uncell(value.strip()) for value in values]
        if not any(kept):
            continue
        if any(kept[len(names) :]):
            raise ValueError(
                f"{path}, line {reader.line_num}: there are more values than columns. A value "
                f'with a comma in it needs quotes: "Lovelace, Ada"'
            )
        kept += [""] * (len(names) - len(kept))
        found.append((reader.line_num, dict(zip(names, kept, strict=False))))
    return found


def decoded(raw: bytes) -> str:
    """The text of a file: UTF-8 where it is that, else as Windows of western Europe has it."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def cell(text: object) -> str:
    """`text` as a spreadsheet shows it: what would be read as a formula gets an apostrophe."""
    told = str(text)
    return "'" + told if told[:1] in FORMULA else told


def uncell(text: str) -> str:
    """`text` without the apostrophe that `cell` has put there."""
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV that a spreadsheet opens without running anything in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file).writerows([cell(one) for one in row] for row in rows)
