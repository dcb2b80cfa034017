"""Tables of runs as others write them: spreadsheets, logs, other people's column names.

`measurements` finds the columns that a fit needs, reads the numbers in the ways people write them,
leaves out what cannot enter a fit, and keeps a note of everything it understood, derived or left
out. What could be read in two ways is refused, never guessed.
"""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

ROLES = ("params", "tokens", "loss", "flops", "seed", "run", "status", "diverged")
PF_DAY = 1e15 * 86_400
"""FLOPs in a petaFLOP/s-day, the unit of Kaplan et al. (2020)."""

_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    # Each row of names is looked for only if nothing in the rows before it was found.
    "params": (
        ("params", "n", "nparams", "numparams", "numberofparams", "parameters", "nparameters",
         "numparameters", "numberofparameters", "parametercount", "paramcount", "modelparams",
         "modelparameters", "modelsize", "size", "sizes", "modelsizes"),
        ("paramstotal", "totalparams", "totalparameters", "parameterstotal",
         "nonembeddingparams", "paramsnonembedding", "nonembeddingparameters",
         "parametersnonembedding", "paramsnoembedding", "nonembparams", "nnonembedding",
         "nnonemb", "activeparams", "activeparameters"),
    ),
    "tokens": (
        ("tokens", "d", "ntokens", "numtokens", "numberoftokens", "trainingtokens", "traintokens",
         "tokenstrained", "tokensseen", "trainedtokens", "totaltokens", "tokencount", "datasetsize",
         "datasettokens", "trainingdata", "data", "datasize"),
    ),
    "loss": (
        ("loss", "l", "finalloss", "valloss", "validationloss", "evalloss", "testloss",
         "finalvalloss", "finalvalidationloss", "finalevalloss", "heldoutloss", "pretrainingloss",
         "crossentropy", "crossentropyloss", "valcrossentropy", "lossnats"),
        ("trainloss", "trainingloss", "finaltrainloss", "finaltrainingloss", "smoothedloss",
         "smoothedtrainloss"),
    ),
    "flops": (
        ("flops", "flop", "c", "compute", "trainingflop", "trainingflops", "trainflop",
         "trainflops", "totalflops", "totalflop", "trainingcompute", "traincompute", "budget",
         "computebudget", "flopsbudget", "flopbudget", "flopcount", "nflops"),
    ),
    "seed": (("seed", "randomseed", "rngseed", "trainseed"),),
    "run": (("run", "runid", "runname"),),
    "status": (("status", "state", "outcome"),),
    "diverged": (("diverged", "isdiverged", "hasdiverged", "failed", "crashed"),),
}  # fmt: skip
_WHICH = {"nonemb": "without embeddings", "noemb": "without embeddings", "total": "in total",
          "active": "active in a mixture of experts"}  # fmt: skip
_FINE = frozenset(
    ("ok", "okay", "done", "finished", "finish", "complete", "completed", "success", "successful",
     "succeeded", "converged", "true", "yes", "1")
)  # fmt: skip
_YES, _NO = frozenset(("true", "yes", "y", "1", "1.0")), frozenset(("false", "no", "n", "0", "0.0"))
_NO_VALUE = frozenset(("", "-", "--", "–", "—", "?", "n/a", "na", "nan", "none", "null", "#n/a",
                       "#value!", "#div/0!", "#num!", "#ref!", "<na>"))  # fmt: skip

_INFINITE = frozenset(("inf", "-inf", "+inf", "infinity", "∞"))
_QUICK = re.compile(r"(\d+(?:\.\d+)?)\s?([kKmMbBgGtT])")
_PREFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21,
           "y": 1e24}  # fmt: skip
_WORDS = {"thousand": 1e3, "thousands": 1e3, "million": 1e6, "millions": 1e6, "mio": 1e6,
          "mn": 1e6, "billion": 1e9, "billions": 1e9, "bn": 1e9, "trillion": 1e12,
          "trillions": 1e12, "kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12, "peta": 1e15,
          "exa": 1e18, "zetta": 1e21, "yotta": 1e24}  # fmt: skip
_UNIT = re.compile(r"\s*(?:params?|parameters?|tokens?|toks?|flops?|nats?|nats?/token)$", re.I)
_SUFFIX = re.compile(r"(?<=[\d.,])\s*(k|m|b|g|t|thousand|million|mio|billion|bn|trillion)$", re.I)
_POWER = re.compile(r"\s*[x×*·⋅]\s*10\s*(?:\^|\*\*)\s*\{?([+-]?\d+)\}?$", re.I)
_BARE_POWER = re.compile(r"^10\s*(?:\^|\*\*)\s*\{?([+-]?\d+)\}?$")
_SPACES = re.compile(r"(?<=\d)[ \u00a0\u2007\u2009\u202f_'’](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"^[+-]?(\d[\d.,]*|[.,]\d+)(e[+-]?\d+)?$", re.I)
_UNDECIDED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
"""A number whose one sign may be a decimal sign or separate thousands."""
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Measurements:
    """Runs that may enter a fit, as arrays of equal length, and how they were come by."""

    loss: np.ndarray
    """Nats per token."""
    params: np.ndarray | None
    tokens: np.ndarray | None
    flops: np.ndarray | None
    """None where the table neither has them nor allows to derive them as C = 6 N D."""
    seed: np.ndarray | None
    """Seeds as text, where the table has them."""
    run: np.ndarray | None
    """Number of the training run, where the table has a column of runs with several rows each."""
    notes: tuple[str, ...]
    """What was recognised, derived and left out, one sentence each."""
    excluded: Mapping[str, int]
    """How many rows were left out, by reason."""
    flops_given: bool
    """True if the FLOPs come from the table, False if they are 6 N D."""
    rows: np.ndarray
    """Where each run stood: its line in the file, or its place 0, 1, ... in the DataFrame."""

    def __len__(self) -> int:
        return len(self.loss)

    def take(self, chosen: np.ndarray, note: str = "") -> Measurements:
        """Those runs that `chosen` (booleans or places) selects, and one more note."""
        arrays = {
            name: None if getattr(self, name) is None else getattr(self, name)[chosen]
            for name in ("loss", "params", "tokens", "flops", "seed", "run", "rows")
        }
        return replace(self, **arrays, notes=self.notes + ((note,) if note else ()))


@dataclass
class _Table:
    """A table as text (or numbers) with its own names and the places of its rows."""

    frame: pd.DataFrame
    names: list[str]
    place: str
    """What a row's number is called: "line" or "row"."""
    rows: np.ndarray
    notes: list[str] = field(default_factory=list)
    decimal: str | None = None
    """"," where the way the file is separated says that a comma is the decimal sign."""


def measurements(
    table: pd.DataFrame | str | Path,
    *,
    drop_worst: int = 0,
    columns: Mapping[str, str | None] | None = None,
) -> Measurements:
    """The runs of a table, or of a CSV file, that may enter a fit.

    Columns are recognised by many names ("N", "Model Size", "n_params", "Params (M)", ...). Where
    two claim the same role, `columns` says which to use, as in {"loss": "val_loss"}; None ignores
    a role. Of params, tokens and FLOPs one may be missing and is then derived from C = 6 N D.

    Left out, counted and noted are rows that did not finish, rows without a positive number in
    each column used, exact duplicates, and the `drop_worst` highest losses. Raises
    FileNotFoundError, and ValueError if the table cannot be understood, if it can be understood in
    two ways, if more than half of its rows are bad, or if nothing is left.
    """
    if isinstance(drop_worst, bool) or not isinstance(drop_worst, (int, np.integer)):
        raise ValueError(f"drop_worst must be a whole number, got {drop_worst!r}")
    if drop_worst < 0:
        raise ValueError(f"drop_worst must be 0 or more, got {drop_worst}")
    if isinstance(table, pd.DataFrame):
        names = [str(name).strip() for name in table.columns]
        frame = table.set_axis(range(len(names)), axis=1).reset_index(drop=True)
        read = _Table(frame, names, "row", np.arange(len(table)))
    else:
        read = _read(Path(table))
    notes = read.notes
    used = _recognised(read.names, columns or {}, notes)
    if "loss" not in used:
        raise ValueError(_no_column("loss", read.names))
    if not used.keys() & {"params", "tokens", "flops"}:
        raise ValueError(_no_column("parameters, tokens or FLOPs", read.names))
    blank = _blank(read.frame)
    frame, rows = read.frame[~blank], read.rows[~blank]
    if not len(frame):
        raise ValueError("the table has no rows below its header")

    for role in ("params", "tokens", "flops"):
        if role in used and _blank(frame[[used[role][0]]]).all():
            notes.append(f"column {read.names[used.pop(role)[0]]!r} is empty and was ignored")
    if not used.keys() & {"params", "tokens", "flops"}:
        raise ValueError("the columns of params, tokens and FLOPs are empty")

    excluded = {"not finished": 0, "bad values": 0, "duplicates": 0, "worst": 0}
    fine = _finished(frame, rows, used, read, excluded, notes)
    frame, rows = frame[fine], rows[fine]
    numbers = _numbers(frame, used, read, notes)
    good = _good(numbers, frame, rows, used, read, excluded, notes)
    frame, rows = frame[good], rows[good]
    numbers = {role: values[good] for role, values in numbers.items()}
    new = _first_of_each(numbers, frame, used, read, rows, excluded, notes)
    frame, rows = frame[new], rows[new]
    numbers = {role: values[new] for role, values in numbers.items()}

    given = "flops" in numbers
    _derive(numbers, notes)
    seed = _text(frame[used["seed"][0]]) if "seed" in used else None
    run = None
    if "run" in used:
        codes, labels = pd.factorize(_text(frame[used["run"][0]]))
        if len(labels) < len(codes):
            run = codes
            notes.append(
                f"column {read.names[used['run'][0]]!r} names {len(labels)} runs with "
                "several rows each: they are drawn together in the bootstrap of the parametric fit"
            )
    found = Measurements(
        loss=numbers["loss"],
        params=numbers.get("params"),
        tokens=numbers.get("tokens"),
        flops=numbers.get("flops"),
        seed=seed,
        run=run,
        notes=(),
        excluded=excluded,
        flops_given=given,
        rows=rows,
    )
    if drop_worst:
        found = _without_worst(found, drop_worst, notes)
    return replace(found, notes=tuple(notes))


def _no_column(what: str, names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20]) or "none"
    hint = ""
    if what == "loss" and any("bit" in n.lower() or "bpb" in n.lower() or "ppl" in n.lower()
                              or "perplexity" in n.lower() for n in names):  # fmt: skip
        hint = ". A loss must be in nats per token: convert bits and perplexities first"
    return (
        f"no column for {what} was recognised among {shown}{hint}. Rename it, or say which it is "
        "(in Python columns={'loss': 'its name'}, on the command line --column loss='its name')"
    )


# Reading a file


def _read(path: Path) -> _Table:
    """A text file of rows: its separator, its header and its fields, all as text."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a table")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    notes: list[str] = []
    text = _decoded(raw, path, notes)
    head = text[:200_000].splitlines()[:30]
    separator, header = _layout(head, path)
    names = [name.strip() for name in _fields(head[header], separator)]
    while names and not names[-1]:
        names.pop()
    if sum(_number_like(name) for name in names) > len(names) / 2:
        raise ValueError(f"{path} has no header: its first row must name the columns")
    label = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}[separator]
    if separator != ",":
        notes.append(f"the fields are separated by {label}")
    if any(line.strip() for line in head[:header]):
        notes.append(f"line {header + 1} was taken for the header; what stands above it is ignored")
    # One more than any row seen so far has, so that a longer row further down is noticed.
    width = 1 + max(len(_fields(line, separator)) for line in head[header:])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=r"\s+" if separator == " " else separator,
                header=None,
                names=range(max(width, len(names) + 1)),
                index_col=False,
                skiprows=header + 1,
                skip_blank_lines=False,
                skipinitialspace=True,
                dtype=str,
                keep_default_na=False,
                low_memory=False,
            )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} has no rows below its header") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        if match := re.search(r"Expected \d+ fields in line (\d+), saw (\d+)", str(error)):
            raise ValueError(_too_wide(path, int(match[1]), len(names))) from None
        raise ValueError(f"{path} is not a CSV table: {error}") from None
    surplus = frame.iloc[:, len(names) :]
    over = ~_blank(surplus)
    if over.any():
        line = header + 2 + int(np.argmax(over))
        raise ValueError(_too_wide(path, line, len(names)))
    frame = frame.iloc[:, : len(names)].fillna("")
    decimal = "," if separator == ";" else None
    rows = np.arange(len(frame)) + header + 2
    return _Table(frame, names, "line", rows, notes, decimal)


def _too_wide(path: Path, line: int, columns: int) -> str:
    return (
        f"{path}, line {line}: more fields than the header has columns ({columns}). A decimal or "
        "thousands comma in a file separated by commas must stand in quotes"
    )


def _decoded(raw: bytes, path: Path, notes: list[str]) -> str:
    if raw[:4] == b"PK\x03\x04":
        raise ValueError(f"{path} is a spreadsheet or an archive: save the sheet as CSV first")
    if raw[:2] == b"\x1f\x8b":
        raise ValueError(f"{path} is compressed: unpack it first")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file") from None
    if b"\0" in raw:
        raise ValueError(f"{path} is not a text file")
    if not raw.strip():
        raise ValueError(f"{path} is empty")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("the file is not UTF-8; it was read as Windows-1252")
        return raw.decode("cp1252", errors="replace")


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def _layout(head: list[str], path: Path) -> tuple[str, int]:
    """The separator and the number of the header line: where most roles are recognised."""
    best: tuple[int, int, str, int] | None = None
    for separator in (",", ";", "\t", "|", " "):
        for number, line in enumerate(head):
            names = _fields(line, separator)
            roles = sum(1 for role in ROLES[:4] if _claims(role, names)[0])
            if best is None or roles > best[0]:
                best = (roles, len(names), separator, number)
    if best is not None and best[0] >= 2:
        return best[2], best[3]
    first = next((i for i, line in enumerate(head) if line.strip()), None)
    if first is None:
        raise ValueError(f"{path} is empty")
    widths = [(len(_fields(head[first], s)), -i, s) for i, s in enumerate((",", ";", "\t", "|"))]
    return max(widths)[2], first


def _blank(frame: pd.DataFrame) -> np.ndarray:
    """Which rows hold nothing at all."""
    blank = np.ones(len(frame), dtype=bool)
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            blank &= column.isna().to_numpy()
        elif blank.any():
            blank[blank] = _empty(column[blank])
    return blank


def _empty(column: pd.Series) -> np.ndarray:
    """Which texts of a column are missing or nothing but spaces."""
    empty = np.array((column.isna() | column.eq("")).fillna(False), dtype=bool)
    rest = np.flatnonzero(~empty)
    if len(rest):
        head = column.iloc[rest].astype(str)
        empty[rest] = head.str.isspace().to_numpy(dtype=bool)
    return empty


# Recognising columns


def _bare(name: str) -> str:
    """A column's name without unit, case, spaces and underscores."""
    # A unit in brackets goes; a ratio, like "tokens (per param)", is another quantity and stays.
    name = re.sub(
        r"[(\[](.*?)[)\]]",
        lambda m: m[0] if re.search(r"(?i)per\b|/(?!s?-?.?days?|tok)", m[1]) else " ",
        name,
    )
    name = re.sub(r"(?i)[\s_]+in[\s_]+.*$", "", name)
    name = re.sub(
        r"(?i)[\s_]+(?:pf-?_?days?|millions?|billions?|trillions?|thousands?|[MBT])$", "", name
    )
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _scale(name: str, role: str) -> tuple[float, str]:
    """The factor that a unit in the column's name asks for, and the unit."""
    units = re.findall(r"[(\[](.*?)[)\]]", name)
    units += re.findall(r"(?i)[\s_]in[\s_]+(.*)$", name)
    units += re.findall(r"(?i)[\s_](pf-?_?days?|millions?|billions?|trillions?|thousands?)$", name)
    units += re.findall(r"(?i)[\s_]([MBT])$", name) if role != "loss" else []
    lower = name.lower()
    if role == "flops":
        units += re.findall(r"(?:^|[^a-z])((?:exa|zetta|yotta|[ezy])flops?)(?:$|[^a-z])", lower)
    for unit in units:
        raw = unit.strip()
        text = re.sub(r"[\s_]+", " ", raw.lower()).strip()
        if not text:
            continue
        if re.fullmatch(r"(pf(lop(s|/s)?)?|petaflops?(/s)?)[- /]?days?", text):
            return PF_DAY, raw
        if role == "loss" and re.search(r"\bbits?\b|\bbpb\b|\bbpc\b|perplex|\bppl\b|%", text):
            raise ValueError(
                f"column {name!r} is not in nats per token: convert it first (bits per token "
                "times ln 2 are nats per token; a perplexity's logarithm is)"
            )
        if role == "loss":
            continue
        if match := re.fullmatch(
            r"(?:[x×*·] ?)?(?:1e\+?(\d+)|10 ?(?:\^|\*\*) ?(\d+))(?: \w+)?", text
        ):
            return 10.0 ** int(match[1] or match[2]), raw
        words = text.split()
        if words[0] in _WORDS:
            return _WORDS[words[0]], raw
        flops = re.fullmatch(r"([kmgtpezy]|kilo|mega|giga|tera|peta|exa|zetta|yotta)flops?", text)
        if flops and role == "flops":
            return {**_PREFIX, **_WORDS}[flops[1]], raw
        if words[0] in ("k", "m", "b", "g", "t") and (role != "flops" or words[0] in "kmbt"):
            return _PREFIX[words[0]], raw
    return 1.0, ""


def _claims(role: str, names: list[str]) -> tuple[list[int], list[int]]:
    """Which columns claim a role, and which would have if those had not."""
    bare = [_bare(name) for name in names]
    if role == "flops":
        bare = [
            re.sub(r"(?:exa|zetta|yotta|^[ezy])(flops?)$", r"\1", name)
            for name in bare
        ]  # fmt: skip
    found: list[int] = []
    other: list[int] = []
    for wanted in _NAMES[role]:
        here = [i for i, name in enumerate(bare) if name in wanted]
        if found:
            other += here
        else:
            found = here
    return found, other


def _recognised(
    names: list[str], columns: Mapping[str, str | None], notes: list[str]
) -> dict[str, tuple[int, float]]:
    """The column and the factor of each role. Raises ValueError where two claim the same."""
    if unknown := set(columns) - set(ROLES):
        raise ValueError(f"there is no role {min(unknown)!r}; there are {', '.join(ROLES)}")
    used: dict[str, tuple[int, float]] = {}
    taken: dict[int, str] = {}
    for role in ROLES:
        if role in columns:
            name = columns[role]
            if name is None:
                continue
            found = [i for i, n in enumerate(names) if n == name.strip()]
            if not found:
                shown = ", ".join(map(repr, names))
                raise ValueError(f"there is no column {name!r} for {role}; there are {shown}")
            other: list[int] = []
        else:
            found, other = _claims(role, names)
            exact = [i for i in found if names[i].lower() == role]
            if len(found) > 1 and len(exact) == 1 and role in ("seed", "run", "status"):
                found = exact
        if len(found) > 1:
            both = " and ".join(repr(names[i]) for i in found)
            raise ValueError(
                f"columns {both} both claim to be {role}. Rename or remove one, or say which (in "
                f"Python columns={{{role!r}: {names[found[0]]!r}}}, on the command line "
                f"--column {role}={names[found[0]]!r})"
            )
        if not found:
            continue
        (i,) = found
        if i in taken:
            raise ValueError(f"column {names[i]!r} is asked to be both {taken[i]} and {role}")
        taken[i] = role
        factor, unit = _scale(names[i], role) if role in ROLES[:4] else (1.0, "")
        used[role] = i, factor
        if role in ("seed", "run", "diverged") and role not in columns:
            continue
        if names[i] != role or factor != 1:
            note = f"column {names[i]!r} was taken as {role}"
            if factor != 1:
                note += f", in units of {factor:.4g} ({unit})"
            notes.append(note)
        bare = _bare(names[i])
        if role == "params":
            counted = next((text for key, text in _WHICH.items() if key in bare), None)
            if counted:
                notes.append(f"parameters are counted {counted}; so is everything fitted to them")
        if role == "loss" and "train" in bare and "pretrain" not in bare:
            notes.append("the loss is a training loss: it may lie below that on unseen text")
        for j in other:
            notes.append(f"column {names[j]!r} was not used, since {names[i]!r} is the {role}")
    return used


# Rows


def _text(column: pd.Series) -> np.ndarray:
    filled = column.astype(object).where(column.notna(), "")
    return filled.astype(str).str.strip().to_numpy(dtype=object)


def _list(rows: np.ndarray, read: _Table) -> str:
    """ "line 4" or "lines 4, 7, 9, ... (12 in all)"."""
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    if len(rows) == 1:
        return f"{read.place} {shown}"
    return f"{read.place}s {shown}" + (", ..." if len(rows) > _SHOWN else "")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _finished(
    frame: pd.DataFrame,
    rows: np.ndarray,
    used: Mapping[str, tuple[int, float]],
    read: _Table,
    excluded: dict[str, int],
    notes: list[str],
) -> np.ndarray:
    """Which rows are of runs that finished."""
    fine = np.ones(len(frame), dtype=bool)
    if "status" in used:
        text = pd.Series(_text(frame[used["status"][0]])).str.lower()
        empty = text.isin(_NO_VALUE).to_numpy()
        if empty.any() and not empty.all():
            notes.append(f"kept: {_rows(int(empty.sum()))} without a status")
        stopped = ~text.isin(_FINE).to_numpy() & ~empty
        if stopped.any():
            counts = text[stopped].str.slice(0, 40).value_counts()
            reasons = ", ".join(f"{n} {what!r}" for what, n in counts.head(_SHOWN).items())
            notes.append(
                f"left out: {_rows(int(stopped.sum()))} that did not finish by their status "
                f"({reasons}; {_list(rows[stopped], read)})"
            )
        fine &= ~stopped
    if "diverged" in used:
        i = used["diverged"][0]
        text = pd.Series(_text(frame[i])).str.lower()
        odd = ~text.isin(_YES | _NO | _NO_VALUE).to_numpy()
        if odd.any():
            raise ValueError(
                f"column {read.names[i]!r} must say yes or no; {_list(rows[odd], read)}: "
                f"{text[odd].iloc[0]!r}"
            )
        stopped = text.isin(_YES).to_numpy() & fine
        if stopped.any():
            notes.append(
                f"left out: {_rows(int(stopped.sum()))} marked in column {read.names[i]!r} "
                f"({_list(rows[stopped], read)})"
            )
        fine &= ~stopped
    excluded["not finished"] = int((~fine).sum())
    if not fine.any():
        raise ValueError(f"no run finished: all {_rows(len(frame))} say that they did not")
    return fine


def _number_like(text: str) -> bool:
    return bool(_PLAIN.match(text.strip())) or (
        text.strip()[:1].isdigit() and bool(_SUFFIX.search(text.strip()))
    )


def _numbers(
    frame: pd.DataFrame,
    used: Mapping[str, tuple[int, float]],
    read: _Table,
    notes: list[str],
) -> dict[str, np.ndarray]:
    """The columns of numbers as floats; NaN where there is none."""
    roles = [role for role in ROLES[:4] if role in used]
    hard: dict[str, np.ndarray] = {}
    numbers: dict[str, np.ndarray] = {}
    for role in roles:
        column = frame[used[role][0]]
        if pd.api.types.is_bool_dtype(column):
            raise ValueError(f"column {read.names[used[role][0]]!r} holds yes and no, not {role}")
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        numbers[role] = values.copy()
        if not pd.api.types.is_numeric_dtype(column):
            hard[role] = np.flatnonzero(np.isnan(values))
    style = _Style(read.decimal)
    texts = {role: _text(frame[used[role][0]].iloc[places]) for role, places in hard.items()}
    if any(map(len, texts.values())):
        for role in hard:
            plain = frame[used[role][0]][~np.isnan(numbers[role])].astype(str).str.strip()
            dotted = plain[plain.str.contains(".", regex=False)]
            style.learn(role, pd.unique(texts[role]), dotted)
    suffixed: list[tuple[str, str]] = []
    for role, places in hard.items():
        name = read.names[used[role][0]]
        if role in style.dotted and style.comma_is_decimal(role, name):
            # Dots that pandas took for decimal signs separate thousands here.
            places = np.arange(len(frame))
            texts[role] = _text(frame[used[role][0]])
        codes, different = pd.factorize(texts[role])
        known = np.empty(len(different))
        for i, text in enumerate(different):
            known[i], suffix = style.value(text, role, name)
            if suffix and not any(name == column for column, _ in suffixed):
                suffixed.append((name, text))
        if len(places):
            numbers[role][places] = known[codes]
    if suffixed:
        shown = ", ".join(f"{name!r} as in {text!r}" for name, text in suffixed)
        notes.append(f"suffixes were read as thousands, millions and so on in column {shown}")
    notes.extend(style.notes)
    for role in roles:
        numbers[role] = numbers[role] * used[role][1]
    return numbers


class _Style:
    """Whether a comma or a dot is the decimal sign: told by each column, or else by the file."""

    def __init__(self, decimal: str | None) -> None:
        self.hint = decimal
        self.evidence: dict[str, set[str]] = {}
        self.dotted: set[str] = set()
        self.notes: list[str] = []
        self._said: set[str] = set()

    def learn(self, role: str, texts: np.ndarray, dotted: pd.Series) -> None:
        """Take in the texts of a column that are no plain numbers, and the plain ones with a dot.

        No loss reaches 1,000 nats per token, so a loss of "2,345" or "2.345" tells as well.
        """
        found = self.evidence.setdefault(role, set())
        for text in texts:
            quick = _QUICK.fullmatch(text)
            body = quick[1] if quick else _clean(text)[0]
            found |= _evidence(body)
            if role == "loss" and _UNDECIDED.fullmatch(body):
                found.add("," if "," in body else ".")
        if len(dotted):
            self.dotted.add(role)
            if role == "loss" or not dotted.str.fullmatch(_UNDECIDED).all():
                found.add(".")

    def comma_is_decimal(self, role: str, name: str) -> bool | None:
        """True, False, or None where nothing tells."""
        own = self.evidence.get(role, set())
        if len(own) == 2:
            raise ValueError(
                f"column {name!r} uses both the comma and the dot as decimal sign: mend the table"
            )
        if own:
            return own == {","}
        others = set().union(*self.evidence.values()) if self.evidence else set()
        if len(others) == 1:
            return others == {","}
        if not others and self.hint == ",":
            return True
        return None

    def value(self, text: str, role: str, name: str) -> tuple[float, bool]:
        """The number a text stands for (NaN: none), and whether it had a suffix like B."""
        quick = _QUICK.fullmatch(text)
        if quick and ("." not in text or not self.comma_is_decimal(role, name)):
            return float(quick[1]) * _PREFIX[quick[2].lower()], True
        body, factor, suffix = _clean(text)
        if _SPACES.search(text) and "gap" not in self._said:
            self._said.add("gap")
            self.notes.append(f"gaps between thousands were closed, as in {text!r}")
        if not _PLAIN.match(body):
            return (factor if suffix and body == "" else math.nan), False
        mantissa, mark, exponent = re.match(r"^([^eE]*)([eE]?)(.*)$", body).groups()
        if "," in mantissa or mantissa.count(".") > 1 or "." in mantissa:
            decimal = self.comma_is_decimal(role, name)
            if "," in mantissa and decimal is None:
                raise ValueError(
                    f"{mantissa!r} in column {name!r} can be read in two ways, as a decimal or as "
                    "a thousands comma, and nothing else in the table tells which: write it "
                    "without, or with a decimal dot"
                )
            thousands, point = (".", ",") if decimal else (",", ".")
            groups = mantissa.split(point)[0].split(thousands)
            if len(groups) > 1 and not (
                1 <= len(groups[0].lstrip("+-")) <= 3 and all(len(g) == 3 for g in groups[1:])
            ):
                return math.nan, False
            if mantissa.count(point) > 1 or thousands in mantissa.split(point)[-1] * (
                point in mantissa
            ):
                return math.nan, False
            self._say(point, thousands, mantissa)
            mantissa = mantissa.replace(thousands, "").replace(point, ".")
        try:
            return float(mantissa + mark + exponent) * factor, suffix
        except (ValueError, OverflowError):
            return math.nan, False

    def _say(self, point: str, thousands: str, text: str) -> None:
        names = {",": "comma", ".": "dot"}
        for sign, what in ((point, "decimal"), (thousands, "thousands")):
            plain = sign == "." and what == "decimal"
            if sign in text and not plain and (key := sign + what) not in self._said:
                self._said.add(key)
                self.notes.append(f"a {names[sign]} was read as {what} sign, as in {text!r}")


def _clean(text: str) -> tuple[str, float, bool]:
    """A text without quotes, units, spaces between thousands and suffix; the suffix's factor."""
    body = text.strip().strip("\"'").replace("\u2212", "-").strip()
    body = _UNIT.sub("", body) if body[:1].isdigit() or body[:1] in ".,+-" else body
    body = _SPACES.sub("", body)
    if match := _BARE_POWER.match(body):
        return "1", _ten(match[1]), False
    if match := _POWER.search(body):
        return body[: match.start()], _ten(match[1]), False
    if match := _SUFFIX.search(body):
        word = match[1].lower()
        factor = _WORDS.get(word) or _PREFIX[word]
        return body[: match.start()].strip(), factor, True
    return body, 1.0, False


def _ten(exponent: str) -> float:
    return 10.0 ** int(exponent) if abs(int(exponent)) < 300 else math.nan


def _evidence(body: str) -> set[str]:
    """Which decimal sign a number shows beyond doubt: {","}, {"."} or nothing."""
    match = _PLAIN.match(body)
    if not match:
        return set()
    text = match[1]
    commas, dots = text.count(","), text.count(".")
    if commas and dots:
        return {max(",.", key=text.rfind)}
    if commas > 1:
        return {"."}
    if dots > 1:
        return {","}
    if not commas and not dots:
        return set()
    sign = "," if commas else "."
    whole, part = text.split(sign)
    if len(part) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0") or match[2]:
        return {sign}
    return set()


def _good(
    numbers: Mapping[str, np.ndarray],
    frame: pd.DataFrame,
    rows: np.ndarray,
    used: Mapping[str, tuple[int, float]],
    read: _Table,
    excluded: dict[str, int],
    notes: list[str],
) -> np.ndarray:
    """Which rows hold a positive number in every column. Says of the others what is wrong."""
    good = np.ones(len(frame), dtype=bool)
    said: list[str] = []
    for role, values in numbers.items():
        wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if not len(wrong):
            continue
        good[wrong] = False
        here, at = values[wrong], rows[wrong]
        written = _text(frame[used[role][0]].iloc[wrong])
        text = pd.Series(written, dtype=object).str.lower()
        none = text.isin(_NO_VALUE).to_numpy()
        infinite = np.isinf(here) | text.isin(_INFINITE).to_numpy()
        kinds = {
            "missing": none,
            "infinite": infinite,
            "zero": here == 0,
            "negative": (here < 0) & ~infinite,
            "not a number": np.isnan(here) & ~none & ~infinite,
        }
        for kind, chosen in kinds.items():
            if chosen.any():
                example = "" if kind == "missing" else f", e.g. {written[chosen][0]!r}"
                said.append(
                    f"{_rows(int(chosen.sum()))} with {role} {kind} in column "
                    f"{read.names[used[role][0]]!r} ({_list(at[chosen], read)}{example})"
                )
    bad = int((~good).sum())
    excluded["bad values"] = bad
    if not good.any():
        raise ValueError(f"no row holds usable numbers: {'; '.join(said)}")
    if bad > len(frame) / 2:
        raise ValueError(
            f"more than half of the rows ({bad} of {len(frame)}) hold no usable numbers: "
            f"{'; '.join(said)}. Mend the table, or leave a column out that is not needed (on the "
            "command line --column flops=none)"
        )
    notes.extend(f"left out: {what}" for what in said)
    return good


def _first_of_each(
    numbers: Mapping[str, np.ndarray],
    frame: pd.DataFrame,
    used: Mapping[str, tuple[int, float]],
    read: _Table,
    rows: np.ndarray,
    excluded: dict[str, int],
    notes: list[str],
) -> np.ndarray:
    """Which rows are no copies of an earlier one, in all columns that do not number the rows."""
    keys = pd.DataFrame(dict(numbers), index=frame.index)
    taken = {used[role][0] for role in numbers}
    repeated = keys.duplicated(keep=False).to_numpy()
    new = np.ones(len(frame), dtype=bool)
    if repeated.any():
        part = keys[repeated].copy()
        for i, name in enumerate(read.names):
            counter = re.fullmatch(r"(?i)|unnamed.*|index|idx|row|#|no\.?", name)
            if i not in taken and not counter:
                part[f"column {i}"] = _text(frame.loc[repeated, i])
        new[repeated] = ~part.duplicated().to_numpy()
    copies = int((~new).sum())
    excluded["duplicates"] = copies
    if copies:
        notes.append(
            f"left out: {_rows(copies)} that repeat an earlier one in every column "
            f"({_list(rows[~new], read)})"
        )
    return new


def _derive(numbers: dict[str, np.ndarray], notes: list[str]) -> None:
    """The one of params, tokens and FLOPs that is missing, by C = 6 N D."""
    N, D, C = (numbers.get(name) for name in ("params", "tokens", "flops"))
    with np.errstate(over="ignore", under="ignore"):
        if N is not None and D is not None and C is None:
            numbers["flops"] = 6 * N * D
            notes.append("FLOPs were derived as C = 6 N D")
        elif N is not None and C is not None and D is None:
            numbers["tokens"] = C / (6 * N)
            notes.append("tokens were derived as D = C / (6 N)")
        elif D is not None and C is not None and N is None:
            numbers["params"] = C / (6 * D)
            notes.append("params were derived as N = C / (6 D)")
        elif N is not None and D is not None and C is not None:
            ratio = C / (N * D)
            low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
            if not 5.7 <= middle <= 6.3 or high > 1.1 * low:
                notes.append(
                    f"the FLOPs of the table are {middle:.3g} N D in the median (5 % to 95 %: "
                    f"{low:.3g} to {high:.3g})"
                    + (": check the units" if not 1 <= middle <= 60 else "")
                )


def _without_worst(found: Measurements, count: int, notes: list[str]) -> Measurements:
    """Without the highest losses; of equal ones the first in the table go first."""
    if count >= len(found):
        raise ValueError(f"cannot leave out the {count} highest losses of {len(found)} runs")
    order = np.argsort(-found.loss, kind="stable")
    worst, kept = order[:count], np.sort(order[count:])
    notes.append(
        f"left out: the {count} highest losses, from {found.loss[worst].min():.4g} to "
        f"{found.loss[worst].max():.4g}, as asked"
    )
    return replace(found.take(kept), excluded={**found.excluded, "worst": count})


def summary(found: Measurements) -> Iterator[str]:
    """What was kept, in one sentence each: runs, and the range of each quantity."""
    yield f"{len(found)} runs"
    for name in ("params", "tokens", "flops", "loss"):
        values = getattr(found, name)
        if values is not None:
            yield f"{name} {values.min():.3g} to {values.max():.3g}"
