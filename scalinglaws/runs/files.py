"""Files of runs as tables of texts: delimited text, JSON, JSON lines, parquet.

`read_file` tells the kinds apart by what is in the file. A text file's separator and header are
found by where names of params, tokens, loss and FLOPs stand above numbers. Other programs' exports
and wide tables are brought into one row a measurement by `scalinglaws.runs.shapes`.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from . import numbers
from .columns import QUANTITIES, claims, roles_in, wide_heads

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_HEAD = 30
"""How many rows may stand above the header."""
_BREAKS = 20
"""A cell with more line breaks than this is a quote that was never closed."""
_LOG = "log_history"
_COMPRESSED = (b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd")
"""How files of gzip, xz, bzip2 and zstd begin."""
_SHOWN = 5


def texts(column: pd.Series) -> np.ndarray:
    """A column as texts without spaces around; missing values are empty."""
    filled = column.astype(object).where(column.notna(), "")
    return filled.astype(str).str.strip().to_numpy(dtype=object)


def listed(place: str, rows: Sequence[int] | np.ndarray) -> str:
    """ "line 4" or "lines 4, 7, 9, ...", five at most."""
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    if len(rows) == 1:
        return f"{place} {shown}"
    return f"{place}s {shown}" + (", ..." if len(rows) > _SHOWN else "")


@dataclass(frozen=True)
class Table:
    """A table as texts (or numbers) with its own names and the places of its rows."""

    frame: pd.DataFrame
    """Columns 0, 1, ..."""
    names: tuple[str, ...]
    rows: np.ndarray
    """The number of each row: its line in the file, or its place in the DataFrame."""
    place: str = "row"
    """What such a number is called."""
    notes: tuple[str, ...] = ()
    decimal: str | None = None
    """"," where the way the file is separated says that a comma is the decimal sign."""

    def column(self, name: str) -> pd.Series:
        """A column by its name. Raises ValueError if there is none, or more than one."""
        found = [i for i, known in enumerate(self.names) if known == name.strip()]
        if len(found) != 1:
            shown = ", ".join(map(repr, self.names))
            many = "is more than one" if found else "is no"
            raise ValueError(f"there {many} column {name!r}; there are {shown}")
        return self.frame[found[0]]

    @property
    def named(self) -> pd.DataFrame:
        """The rows under the table's own names."""
        return self.frame.set_axis(list(self.names), axis=1)

    def noting(self, notes: Iterable[str]) -> Table:
        """The same table with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def take(self, chosen: np.ndarray) -> Table:
        """The chosen rows (booleans)."""
        return replace(self, frame=self.frame[chosen], rows=self.rows[chosen])


def table_from(frame: pd.DataFrame) -> Table:
    """A DataFrame as a table; an index that has a name becomes a column."""
    if frame.index.name is not None and frame.index.name not in frame.columns:
        frame = frame.reset_index()
    names = tuple(str(name).strip() for name in frame.columns)
    plain = frame.set_axis(range(len(names)), axis=1).reset_index(drop=True)
    return Table(plain, names, np.arange(len(frame)))


def stacked(tables: Sequence[Table], origins: Sequence[str]) -> Table:
    """Several tables below each other, with a column `file` that says where a row is from."""
    frames = []
    for table, origin in zip(tables, origins, strict=True):
        if len(set(table.names)) < len(table.names):
            raise ValueError(f"{origin} has two columns of one name: rename one of them")
        frames.append(table.frame.set_axis(list(table.names), axis=1).assign(file=origin))
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    decimals = {table.decimal for table in tables}
    decimal = decimals.pop() if len(decimals) == 1 else None
    joined = table_from(pd.concat(frames, ignore_index=True))
    return replace(joined, notes=notes, decimal=decimal)


def read_file(path: Path) -> Table:
    """The table in a file. Raises FileNotFoundError, and ValueError if it cannot be understood."""
    path = path.expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a table")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if raw[:4] == b"PAR1":
        return _parquet(raw, path)
    text, notes = _decoded(raw, path)
    table = _json(text, path) if text.lstrip()[:1] in ("{", "[") else None
    table = table or _delimited(text, path)
    return replace(table, notes=notes + table.notes)


def _parquet(raw: bytes, path: Path) -> Table:
    if not importlib.util.find_spec("pyarrow"):
        raise ValueError(
            f"{path} is a parquet file, and reading it needs pyarrow: "
            "pip install 'scalinglaws[parquet]', or save the table as CSV"
        )
    return table_from(pd.read_parquet(io.BytesIO(raw)))


def _decoded(raw: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and what had to be supposed for it."""
    if raw[:4] == b"PK\x03\x04":
        raise ValueError(f"{path} is a spreadsheet or an archive: save the sheet as CSV first")
    if raw.startswith(_COMPRESSED):
        raise ValueError(f"{path} is compressed: unpack it first")
    if raw[:1] == b"\x80" and raw[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        raise ValueError(
            f"{path} is a pickle of Python, which may run any code when it is opened: if you trust "
            "it, save its table as CSV first (pandas.read_pickle, then to_csv)"
        )
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16"), ()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file") from None
    if b"\0" in raw:
        raise ValueError(f"{path} is not a text file")
    if not raw.strip():
        raise ValueError(f"{path} is empty")
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        # Detectors of encodings guess wrong on so few letters outside of ASCII as a table has.
        supposed = ("the file is not UTF-8; it was read as Windows-1252",)
        return raw.decode("cp1252", errors="replace"), supposed


# JSON


def _json(text: str, path: Path) -> Table | None:
    """The table in JSON or in lines of JSON; None if the text is neither."""
    try:
        records, place = _records_of(json.loads(text), path), "record"
        rows = np.arange(1, len(records) + 1)
    except json.JSONDecodeError:
        lines = _json_lines(text, path)
        if lines is None:
            return None
        records, place = list(lines.values()), "line"
        rows = np.array(list(lines))
    frame = pd.json_normalize(records, sep=".").infer_objects()
    return replace(table_from(frame), rows=rows, place=place)


def _json_lines(text: str, path: Path) -> dict[int, dict[str, Any]] | None:
    """The record on each line that is not blank; None if the first is none, and not meant to be."""
    found: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if not found and not line.startswith("{"):
                return None
            raise ValueError(f"{path}, line {number}: no JSON ({error})") from None
        if not isinstance(record, dict):
            raise ValueError(f"{path}, line {number}: no record with named values")
        found[number] = record
    return found


def _records_of(found: Any, path: Path) -> list[dict[str, Any]]:
    """The records in what JSON held: a list, columns, records by name, or a list within."""
    if isinstance(found, dict):
        found = _records_in(found, path)
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise ValueError(f"{path} is JSON, but no list of records with named values")
    if not found:
        raise ValueError(f"{path} holds no records")
    return found


def _records_in(found: dict[str, Any], path: Path) -> Any:
    """The records in an object of JSON: a trainer's state, columns, runs by name, or a list."""
    if isinstance(found.get(_LOG), list):
        return _trainer_records(found, path)
    if {"columns", "data"} <= found.keys():
        return [dict(zip(found["columns"], row, strict=False)) for row in found["data"]]
    parts = [part for part in found.values() if isinstance(part, (list, dict))]
    if roles_in(list(found)) >= 2 and len(parts) == len(found):
        return pd.DataFrame(found).to_dict("records")
    if found and all(isinstance(part, dict) for part in found.values()):
        return [{"run": name, **record} for name, record in found.items()]
    lists = {
        name: part for name, part in found.items()
        if isinstance(part, list) and part and all(isinstance(record, dict) for record in part)
    }  # fmt: skip
    if len(lists) != 1:
        return [found]
    (records,) = lists.values()
    shared = {key: part for key, part in found.items() if not isinstance(part, list)}
    return [{**shared, **record} for record in records]


def _trainer_records(state: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The evaluations that the `trainer_state.json` of a Hugging Face trainer logged.

    Without an evaluation, the training losses. FLOPs are known for the end alone and grow with the
    steps; tokens are there if the trainer counted them.
    """
    log = [entry for entry in state[_LOG] if isinstance(entry, dict) and "step" in entry]
    loss = "eval_loss" if any("eval_loss" in entry for entry in log) else "loss"
    seen = {entry["step"]: entry["num_input_tokens_seen"] for entry in log
            if "num_input_tokens_seen" in entry}  # fmt: skip
    total, last = state.get("total_flos"), state.get("global_step")
    records = []
    for entry in log:
        if loss not in entry:
            continue
        record = {"run": path.resolve().parent.name, "step": entry["step"]}
        record["loss" if loss == "eval_loss" else "train_loss"] = entry[loss]
        if entry["step"] in seen:
            record["tokens"] = seen[entry["step"]]
        if total and last:
            record["total_flos"] = total * entry["step"] / last
        records.append(record)
    if not records:
        raise ValueError(f"{path} is the state of a trainer without a logged loss")
    return records


# Delimited text


class _Row(NamedTuple):
    """A row of a text file, and the line that it begins on."""

    line: int
    fields: list[str]

    @property
    def plain(self) -> bool:
        """Whether it begins with a digit: then it holds data, and needs no second look."""
        return bool(self.fields) and self.fields[0][:1].isdigit()

    @property
    def blank(self) -> bool:
        """Whether it holds nothing, or only the rule below the header of a Markdown table."""
        return not any(field.strip(" -:=\t") for field in self.fields)


def _rows_of(text: str, separator: str) -> Iterator[_Row]:
    if separator == " ":
        for number, line in enumerate(text.splitlines(), 1):
            fields = line.split()
            if fields[:1] in (["#"], ["%"]):
                fields[:2] = ["".join(fields[:2])]
            yield _Row(number, fields)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    begins = 1
    for fields in reader:
        yield _Row(begins, fields)
        begins = reader.line_num + 1


def _delimited(text: str, path: Path) -> Table:
    """A text file of rows: its separator, its header and its fields, all as text."""
    separator, header = _layout(text, path)
    rows = _checked_rows(text, separator, path)
    names = _names(rows[header].fields)
    if sum(map(numbers.number_like, names)) > len(names) / 2 and not _is_wide(names):
        raise ValueError(f"{path} has no header: its first row must name the columns")
    notes = [] if separator == "," else [f"the fields are separated by {_SEPARATORS[separator]}"]
    if any(not row.blank for row in rows[:header]):
        line = rows[header].line
        notes.append(f"line {line} was taken for the header; what stands above it is ignored")
    sections, repeated = _sections(rows[:header], rows[header + 1 :], names, path)
    body, comments = _body(sections, len(names), _claimed(names), path)
    if not body:
        raise ValueError("the table has no rows below its header")
    if repeated:
        notes.append(f"the header is repeated on {listed('line', repeated)}")
    if comments:
        notes.append(f"comments were left out ({listed('line', comments)})")
    if len(sections) > 1:
        names.append("table")
        notes.append(
            f"there are {len(sections)} tables below each other: column 'table' tells them apart"
        )
    columns = zip(*(row.fields for row in body), strict=True)
    frame = pd.DataFrame({i: np.array(column, dtype=object) for i, column in enumerate(columns)})
    lines = np.array([row.line for row in body])
    decimal = "," if separator == ";" else None
    return Table(frame, tuple(names), lines, "line", tuple(notes), decimal)


def _body(
    sections: Sequence[_Section], width: int, places: Sequence[int], path: Path
) -> tuple[list[_Row], list[int]]:
    """The rows of all sections, `width` fields each and that of the table, if there are several.

    Also the lines of comments, which are left out like blank rows. Raises ValueError on a row with
    more fields.
    """
    body: list[_Row] = []
    comments: list[int] = []
    for number, section in enumerate(sections, 1):
        extra = [section.title or str(number)] if len(sections) > 1 else []
        for row in section.rows:
            if row.plain and len(row.fields) == width and not extra:
                body.append(row)
                continue
            if row.blank:
                continue
            if _is_comment(row, places):
                comments.append(row.line)
                continue
            if any(field.strip() for field in row.fields[width:]):
                raise ValueError(_too_wide(path, row.line, width))
            missing = [""] * (width - len(row.fields))
            body.append(_Row(row.line, row.fields[:width] + missing + extra))
    return body, comments


def _checked_rows(text: str, separator: str, path: Path) -> list[_Row]:
    try:
        rows = list(_rows_of(text, separator))
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV table: {error}") from None
    ends = [*(row.line for row in rows[1:]), text.count("\n") + 2]
    for row, end in zip(rows, ends, strict=False):
        if end - row.line > _BREAKS and any(field.count("\n") > _BREAKS for field in row.fields):
            raise ValueError(f"{path}, line {row.line}: a quote is opened and never closed")
    return rows


def _names(fields: Iterable[str]) -> list[str]:
    """The names in a header: without line breaks, without the sign of a comment, without a tail."""
    names = [" ".join(name.split()) for name in fields]
    while names and not names[-1]:
        names.pop()
    if names and names[0].startswith(("#", "%")):
        names[0] = names[0].lstrip("#% ") or names[0]
    return names


def _too_wide(path: Path, line: int, columns: int) -> str:
    return (
        f"{path}, line {line}: more fields than the header has columns ({columns}). A decimal or "
        "thousands comma in a file separated by commas must stand in quotes"
    )


@dataclass(frozen=True)
class _Header:
    """A row that may be the header: where it stands, and what speaks for it."""

    separator: str
    place: int
    above_numbers: bool
    roles: int


def _layout(text: str, path: Path) -> tuple[str, int]:
    """The separator and the place of the header: where most roles are named above numbers."""
    head = text[:200_000]
    found = [header for separator in _SEPARATORS for header in _headers(head, separator)]
    if found:
        best = max(found, key=lambda header: (header.above_numbers, header.roles))
        same = [h for h in found if h.separator == best.separator and h.above_numbers]
        return best.separator, (same or [best])[0].place
    lines = head.splitlines()[:_HEAD]
    start = next((i for i, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise ValueError(f"{path} is empty")
    widths = [(lines[start].count(s), -i, s) for i, s in enumerate((",", ";", "\t", "|"))]
    return max(widths)[2], start


def _headers(head: str, separator: str) -> Iterator[_Header]:
    """The rows that may be headers, in the order of the file."""
    try:
        rows = list(islice(_rows_of(head, separator), _HEAD + 10))
    except csv.Error:
        return
    for place, row in enumerate(rows[:_HEAD]):
        names = _names(row.fields)
        roles = roles_in(names)
        wide = roles < 2 and _is_wide(names)
        above = (roles >= 2 or wide) and _above_numbers(names, rows[place + 1 :])
        if above or (roles >= 2 and separator != " "):  # words of a sentence name no columns
            yield _Header(separator, place, above, roles)


def _above_numbers(names: Sequence[str], rows: Sequence[_Row]) -> bool:
    """Whether the columns that have a role, or all of a wide table, hold numbers from here on."""
    places = _claimed(names) or list(range(len(names)))
    following = list(islice((row for row in rows if not row.blank), 5))
    shares = [_share_of_numbers(row, places) for row in following]
    return bool(shares) and shares[0] > 0 and sum(shares) > len(shares) / 2


def _share_of_numbers(row: _Row, places: Sequence[int]) -> float:
    """The share of numbers among the cells at some places, leaving out those without a value."""
    cells = [row.fields[i].strip() if i < len(row.fields) else "no cell" for i in places]
    cells = [cell for cell in cells if cell.lower() not in numbers.NO_VALUE]
    return sum(map(numbers.number_like, cells)) / max(1, len(cells))


def _is_wide(names: Sequence[str]) -> bool:
    """Whether names are those of a wide table, in Markdown perhaps, where the first is empty."""
    return any(
        len(n) > 3 and wide_heads(n) is not None for n in (names, names[names[:1] == [""] :])
    )


def _claimed(names: Sequence[str]) -> list[int]:
    return sorted({i for role in QUANTITIES for i in claims(role, names)[0]})


@dataclass(frozen=True)
class _Section:
    """The rows of one of the tables in a file, and its title if it has one."""

    title: str
    rows: list[_Row]


def _sections(
    above: Sequence[_Row], rows: Sequence[_Row], names: Sequence[str], path: Path
) -> tuple[list[_Section], list[int]]:
    """The tables below each other in a file, and the lines on which a header is only repeated.

    Raises ValueError if the columns of a second table are not those of the first.
    """
    places = _claimed(names)
    sections = [_Section(_title(above[-1:]), [])]
    repeated: list[int] = []
    for place, row in enumerate(rows):
        if row.plain or not _names_columns(row, places):
            sections[-1].rows.append(row)
        elif _names(row.fields) != list(names):
            raise ValueError(
                f"{path} holds two tables: line {row.line} names other columns than the header. "
                "Save each table in a file of its own"
            )
        elif place and (rows[place - 1].blank or _title(rows[place - 1 : place])):
            if title := _title(rows[place - 1 : place]):
                sections[-1].rows.pop()
            sections.append(_Section(title, []))
        else:
            repeated.append(row.line)
    return sections, repeated


def _title(rows: Sequence[_Row]) -> str:
    """The one text in a row that has nothing else: the title of what follows."""
    texts = [field.strip() for row in rows for field in row.fields if field.strip(" -:=\t")]
    return texts[0] if len(texts) == 1 and not numbers.number_like(texts[0]) else ""


def _names_columns(row: _Row, places: Sequence[int]) -> bool:
    """Whether a row below the header is a header again. Few rows need the second, slower look."""
    cells = [row.fields[i].strip() for i in places if i < len(row.fields)]
    if not cells or not all(cell[:1].isalpha() for cell in cells):
        return False
    return roles_in(_names(row.fields)) >= 2


def _is_comment(row: _Row, places: Sequence[int]) -> bool:
    """Whether a row begins like a comment and holds no number where numbers stand."""
    if not row.fields or not row.fields[0].lstrip().startswith(("#", "//")):
        return False
    return not any(numbers.number_like(row.fields[i]) for i in places if i < len(row.fields))
