"""Tables of runs as others write them: spreadsheets, logs, other people's column names.

`measurements` finds the columns that a fit needs, reads the numbers in the ways people write them,
leaves out what cannot enter a fit, and keeps a note of everything it understood, derived or left
out. What could be read in two ways is refused, never guessed. What the whole table calls for (a
unit that was not said, several experiments in one) stands in `Measurements.doubts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from .. import _checks as checks
from . import numbers
from .columns import PF_DAY, QUANTITIES, ROLES, Column, bare, recognised, to_nats
from .files import Table, listed, read_file, stacked, table_from, texts
from .measured import TOGETHER, Measurements, Wanted, matching, named, said_of
from .shapes import equal_steps, reshaped, step_column, with_sizes, with_tokens

__all__ = ["PF_DAY", "ROLES", "Measurements", "measurements"]

_FINE = frozenset(
    ("ok", "okay", "done", "finished", "finish", "complete", "completed", "success", "successful",
     "succeeded", "converged", "true", "yes")
)  # fmt: skip
_YES, _NO = frozenset(("true", "yes", "y", "1", "1.0")), frozenset(("false", "no", "n", "0", "0.0"))
_CODES = ("exitcode", "returncode")
"""Names of columns in which 0 means success."""
_SHOWN = 5
_LOOK = 200

Source = pd.DataFrame | str | Path | Mapping[str, Sequence[object]]
"""A table, a file, or columns by name."""


@dataclass(frozen=True)
class _Kept:
    """Which rows stay after a step (booleans), and what to say about it."""

    rows: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """How many rows the step left out."""
        return int((~self.rows).sum())


def measurements(
    table: Source | Sequence[str | Path],
    *,
    drop_worst: int = 0,
    columns: Mapping[str, str | None] | None = None,
    units: Mapping[str, str] | None = None,
    tokens_per_byte: float | None = None,
    tokens_per_step: float | None = None,
    where: Mapping[str, Wanted] | None = None,
    by: str | None = None,
    best_of: str | Sequence[str] | None = None,
    last: bool = False,
) -> Measurements:
    """The runs of a table, of a file or of several files, that may enter a fit.

    Files are delimited text, JSON, lines of JSON, or parquet; wide tables (sizes in rows, budgets
    or tokens in columns) and the exports of Weights & Biases, TensorBoard and Hugging Face trainers
    are brought into one row a measurement.

    Columns are recognised by many names ("N", "Model Size", "n_params", "Params (M)", ...). Where
    two claim the same role, `columns` says which to use, as in {"loss": "val_loss"}; None ignores
    a role. `units` gives units that the names do not, as in {"params": "M", "loss": "bits/token"}.
    Of params, tokens and FLOPs one may be missing and is then derived from C = 6 N D;
    `tokens_per_step` makes tokens of a column of steps. Perplexities and bits per token become
    nats per token; losses per byte or character do with `tokens_per_byte`, the tokens that one of
    them makes on average.

    where: only rows with these values, as in {"dataset": "C4"}. by: a column whose values are kept
    apart. last: one row a run, its last. best_of: at each size and length, the best value of a
    column (or of several together), like a learning rate.

    Left out, counted and noted are rows that did not finish, rows without a positive number in
    each column used, exact duplicates, and the `drop_worst` highest losses. Raises
    FileNotFoundError, and ValueError if the table cannot be understood, if it can be understood in
    two ways, if more than half of its rows are bad, or if nothing is left.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"N": ["70e6", "160M"], "D": ["2e9", "4B"], "loss": [3.52, 3.1]})
    >>> runs = measurements(table)
    >>> runs.params, runs.flops  # the FLOPs by C = 6 N D
    (array([7.0e+07, 1.6e+08]), array([8.40e+17, 3.84e+18]))
    >>> runs.notes[0]
    "column 'N' was taken as params"
    """
    drop_worst = checks.whole(drop_worst, "drop_worst")
    for name, value in (("byte", tokens_per_byte), ("step", tokens_per_step)):
        if value is not None:
            checks.above_zero(value, f"tokens_per_{name}")
    read = with_tokens(with_sizes(reshaped(_source(table))), tokens_per_step)
    known = recognised(read.names, columns, units, _wordy(read))
    _complete(known.columns, read.names)
    read = read.take(~_blank(read.frame)).noting(known.notes)
    if not len(read.frame):
        raise ValueError("the table has no rows below its header")
    if where is not None and not (isinstance(where, Mapping) and not where):
        chosen = matching(read.named, where)
        said = said_of(where, int(chosen.sum()), len(chosen))
        read = read.take(chosen).noting([said])
    if tokens_per_step is not None:
        equal_steps(read)
    used, notes = _not_empty(known.columns, read)
    read, values, excluded = _usable(read.noting(notes), used, tokens_per_byte)
    values, derived, notes = _derived(values)
    run, about_runs = _runs(read, used, None if derived == "params" else values.get("params"))
    found = Measurements(
        loss=values["loss"],
        params=values.get("params"),
        tokens=values.get("tokens"),
        flops=values.get("flops"),
        seed=texts(read.frame[used["seed"].place]) if "seed" in used else None,
        run=run,
        notes=(*read.notes, *notes, *about_runs),
        excluded={**excluded, "worst": 0},
        flops_given="flops" in used,
        rows=read.rows,
        place=read.place,
        derived=derived,
        units_stated=frozenset(units or {}),
        roles={role: column.name for role, column in used.items()},
        scales={role: column.factor for role, column in used.items() if column.factor != 1},
        ends="run" in used and run is None,
        table=read.named,
    )
    return _chosen(found, by, last, best_of, drop_worst)


def _usable(
    read: Table, used: Mapping[str, Column], tokens_per_byte: float | None
) -> tuple[Table, dict[str, np.ndarray], dict[str, int]]:
    """The rows that may enter a fit, their numbers, and how many were left out for which reason."""
    finished = _finished(read, used)
    read = read.take(finished.rows)
    values, said = _numbers(read, used)
    values, converted = _in_nats(values, used, tokens_per_byte)
    good = _good(values, read, used)
    values = {role: array[good.rows] for role, array in values.items()}
    read = read.take(good.rows)
    new = _first_of_each(values, read, used)
    values = {role: array[new.rows] for role, array in values.items()}
    notes = (*finished.notes, *said, *converted, *good.notes, *new.notes)
    lost = {"not finished": finished.lost, "bad values": good.lost, "duplicates": new.lost}
    return read.take(new.rows).noting(notes), values, lost


def _source(table: Source | Sequence[str | Path]) -> Table:
    """The table that was given, or is in the file or files that were named."""
    if isinstance(table, pd.DataFrame):
        return table_from(table)
    if isinstance(table, (str, Path)):
        return read_file(Path(table))
    if isinstance(table, Mapping):
        try:
            return table_from(pd.DataFrame(dict(table)))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"a table must map names to columns of equal length: {error}"
            ) from None
    if isinstance(table, Sequence) and table and all(isinstance(p, (str, Path)) for p in table):
        paths = [Path(path) for path in table]
        return _of_files(paths) if len(paths) > 1 else read_file(paths[0])
    if isinstance(table, Sequence) and table and all(isinstance(r, Mapping) for r in table):
        return table_from(pd.DataFrame(list(table)))
    raise ValueError(
        "a table must be a DataFrame, the path of a file, several paths, or columns by name; got "
        f"{type(table).__name__}"
    )


def _of_files(paths: Sequence[Path]) -> Table:
    """The tables in several files below each other. Logs of one run each are told apart."""
    tables = [reshaped(read_file(path)) for path in paths]
    same = len({path.stem for path in paths}) < len(paths)
    origins = [path.resolve().parent.name if same else path.stem for path in paths]
    joined = stacked(tables, origins)
    if step_column(joined.names) is not None and "run" not in joined.names:
        names = tuple("run" if name == "file" else name for name in joined.names)
        joined = replace(joined, names=names)
    return joined


def _wordy(read: Table) -> frozenset[int]:
    """The places of columns that hold words: texts, and no number among the first of them."""
    found = set()
    for place in range(len(read.names)):
        column = read.frame[place]
        if not pd.api.types.is_numeric_dtype(column):
            cells = [
                text for text in texts(column.head(_LOOK)) if text.lower() not in numbers.NO_VALUE
            ]
            if cells and not any(map(numbers.number_like, cells)):
                found.add(place)
    return frozenset(found)


def _complete(used: Mapping[str, Column], names: Sequence[str]) -> None:
    """Raises ValueError if there is no loss, or nothing that it may depend on."""
    if "loss" not in used:
        raise ValueError(_no_column("loss", names))
    if not used.keys() & {"params", "tokens", "flops"}:
        raise ValueError(_no_column("parameters, tokens or FLOPs", names))


def _no_column(what: str, names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20]) or "none"
    hint = ""
    lower = [name.lower() for name in names]
    if what == "loss" and {"metric", "value"} <= set(lower):
        hint = (
            ". If 'metric' names what 'value' is, choose one of them: "
            "--where metric=loss --column loss=value"
        )
    elif what == "loss" and (similar := [name for name in names if "loss" in name.lower()]):
        hint = f". Perhaps it is {similar[0]!r}"
    elif what != "loss" and step_column(names) is not None:
        hint = (
            ". A column of steps makes tokens with --tokens-per-step (sequences per step times "
            "their length), and params are read from names of runs or files like 'gpt-70M'"
        )
    if logs := [n for n in names if re.match(r"(?i)(?:log(?:10|2|e)?|ln)[\s_(]", n)]:
        hint += f". Logarithms, as in {logs[0]!r}, are not read: give the numbers themselves"
    if any(re.search(r"\b[kmgt]i?b\b|bytes", name.replace("_", " ")) for name in lower):
        hint += ". A size in bytes is not a number of parameters"
    return (
        f"no column for {what} was recognised among {shown}{hint}. Rename it, or say which it is "
        "(in Python columns={'loss': 'its name'}, on the command line --column loss='its name')"
    )


# Rows


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


def _not_empty(
    columns: Mapping[str, Column], read: Table
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """The columns that hold anything; a loss must. Raises ValueError if nothing is left."""
    empty = {
        role for role in ("params", "tokens", "flops")
        if role in columns and _blank(read.frame[[columns[role].place]]).all()
    }  # fmt: skip
    used = {role: column for role, column in columns.items() if role not in empty}
    if not used.keys() & {"params", "tokens", "flops"}:
        raise ValueError("the columns of params, tokens and FLOPs are empty")
    return used, tuple(
        f"column {columns[role].name!r} is empty and was ignored"
        for role in ("params", "tokens", "flops")
        if role in empty
    )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _finished(read: Table, used: Mapping[str, Column]) -> _Kept:
    """The rows of runs that finished, by the columns of a status and of runs that diverged."""
    notes: list[str] = []
    fine = np.ones(len(read.frame), dtype=bool)
    if "status" in used:
        text = pd.Series(texts(read.frame[used["status"].place])).str.lower()
        empty = text.isin(numbers.NO_VALUE).to_numpy()
        good = text.isin(_FINE).to_numpy() | _fine_by_number(
            text[~empty], used["status"].name, text
        )
        if empty.any() and not empty.all():
            notes.append(f"kept: {_rows(int(empty.sum()))} without a status")
        stopped = ~good & ~empty
        if stopped.any():
            counts = text[stopped].str.slice(0, 40).value_counts()
            reasons = ", ".join(f"{n} {what!r}" for what, n in counts.head(_SHOWN).items())
            notes.append(
                f"left out: {_rows(int(stopped.sum()))} that did not finish by their status "
                f"({reasons}; {listed(read.place, read.rows[stopped])})"
            )
        fine &= ~stopped
    if "diverged" in used:
        column = used["diverged"]
        stopped = _marked(read, column) & fine
        if stopped.any():
            notes.append(
                f"left out: {_rows(int(stopped.sum()))} marked in column {column.name!r} "
                f"({listed(read.place, read.rows[stopped])})"
            )
        fine &= ~stopped
    if not fine.any():
        ignore = " or ".join(f"--column {r}=none" for r in ("status", "diverged") if r in used)
        raise ValueError(
            f"no run finished: all {_rows(len(fine))} say that they did not "
            f"({'; '.join(notes)}). If their losses count all the same, ignore what they "
            f"say: {ignore}"
        )
    return _Kept(fine, tuple(notes))


def _fine_by_number(said: pd.Series, name: str, text: pd.Series) -> np.ndarray:
    """Which rows finished where a status is a number. Raises ValueError where nobody can tell."""
    number = pd.to_numeric(text, errors="coerce")
    if bare(name) in _CODES:
        return (number == 0).to_numpy()
    values = set(pd.to_numeric(said, errors="coerce"))
    if values == {0.0, 1.0}:
        raise ValueError(
            f"column {name!r} holds 0 and 1, and whether 0 or 1 means that a run finished is not "
            f"said: choose with --where {name}=0 or --where {name}=1 (in Python "
            f"where={{{name!r}: 0}}), or ignore the column, --column status=none"
        )
    if len(values) == 1 and values <= {0.0, 1.0}:
        return number.notna().to_numpy()
    return np.zeros(len(text), dtype=bool)


def _marked(read: Table, column: Column) -> np.ndarray:
    """Which rows say yes. Raises ValueError where a row says neither yes nor no."""
    text = pd.Series(texts(read.frame[column.place])).str.lower()
    odd = ~text.isin(_YES | _NO | numbers.NO_VALUE).to_numpy()
    if odd.any():
        raise ValueError(
            f"column {column.name!r} must say yes or no; {listed(read.place, read.rows[odd])}: "
            f"{text[odd].iloc[0]!r}"
        )
    return text.isin(_YES).to_numpy()


# Numbers


def _numbers(
    read: Table, used: Mapping[str, Column]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The columns of numbers as floats (NaN where there is none), and how they were read."""
    columns = {role: read.frame[used[role].place] for role in QUANTITIES if role in used}
    for role, column in columns.items():
        if pd.api.types.is_bool_dtype(column):
            raise ValueError(f"column {used[role].name!r} holds yes and no, not {role}")
    plain = {
        role: pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        for role, column in columns.items()
    }
    hard = {
        role: texts(column[np.isnan(plain[role])])
        for role, column in columns.items()
        if not pd.api.types.is_numeric_dtype(column)
    }
    nats = not used["loss"].measure.startswith("perplexity")
    loose = [role for role in hard if role != "loss" and not used[role].unit_said]
    doubtful = loose if nats or "loss" not in hard else [*loose, "loss"]
    if not any(map(len, hard.values())) and not any(
        _may_be_thousands(columns[role]) for role in doubtful
    ):
        return {role: values * used[role].factor for role, values in plain.items()}, ()
    dotted = {role: _dotted(columns[role][~np.isnan(plain[role])]) for role in hard}
    signs = {role: _signs(role == "loss" and nats, hard[role], dotted[role]) for role in hard}
    all_signs = frozenset().union(*signs.values())
    read_as: list[tuple[str, numbers.Number, str]] = []
    values = dict(plain)
    for role in hard:
        name = used[role].name
        if len(signs[role]) == 2 and (any("," in text for text in hard[role]) or len(dotted[role])):
            raise ValueError(
                f"column {name!r} uses both the comma and the dot as decimal sign: mend the table"
            )
        comma = numbers.decimal_comma(signs[role], all_signs, read.decimal)
        if role in loose and len(dotted[role]) and not signs[role] and comma is not True:
            counts = frozenset().union(*(signs[other] for other in loose))
            comma = _thousands(counts, str(dotted[role][0]), name, role)
        if role == "loss" and not nats and not all_signs:
            comma = _of_perplexities(texts(columns[role]), comma, name)
        # Dots that pandas took for decimal signs separate thousands here.
        whole = comma is True and len(dotted[role]) > 0
        chosen = np.ones(len(plain[role]), dtype=bool) if whole else np.isnan(plain[role])
        codes, different = pd.factorize(texts(columns[role][chosen]))
        parsed = [_parsed(text, comma, name) for text in different]
        read_as += [(name, number, text) for number, text in zip(parsed, different, strict=True)]
        if len(parsed):
            values[role] = plain[role].copy()
            values[role][chosen] = np.array([number.value for number in parsed])[codes]
    scaled = {role: array * used[role].factor for role, array in values.items()}
    return scaled, tuple(_how(read_as))


def _dotted(plain: pd.Series) -> np.ndarray:
    """The different plain numbers of a column that have a dot, as texts."""
    shown = plain.astype(str).str.strip()
    return np.asarray(pd.unique(shown[shown.str.contains(".", regex=False)]), dtype=object)


def _signs(nats: bool, hard: np.ndarray, dotted: np.ndarray) -> frozenset[str]:
    """The decimal signs that a column shows.

    nats: whether these are losses. None reaches 1,000 nats per token, so that a loss of "2,345" or
    "2.345" tells as well; a perplexity does.
    """
    found = numbers.decimal_signs(pd.unique(hard), below_thousand=nats)
    if len(dotted) and (nats or not all(map(numbers.undecided, dotted))):
        found |= {"."}
    return found


def _may_be_thousands(column: pd.Series) -> bool:
    """Whether all dots of a column of plain numbers may separate thousands, as in 500.000."""
    shown = _dotted(column)
    return bool(len(shown)) and all(map(numbers.undecided, shown))


def _thousands(counts: frozenset[str], example: str, name: str, role: str) -> bool:
    """Whether the dot of a count like "500.000" separates thousands, as other counts show.

    Raises ValueError where they do not: there are no halves of parameters, so it does, or the
    count is in a unit that nobody said.
    """
    if len(counts) != 1:
        raise ValueError(
            f"{example!r} in column {name!r} can be read in two ways, with a dot between thousands "
            "or in a unit like millions that is not said: write it without the dot, or say the "
            f"unit, --unit {role}=M (in Python units={{{role!r}: 'M'}}; --unit {role}=1 if it is "
            "right as it is)"
        )
    return counts == {","}


def _of_perplexities(shown: np.ndarray, comma: bool | None, name: str) -> bool | None:
    """Whether a comma is the decimal sign of perplexities, where nothing in the table tells.

    `comma` is what the kind of file says. Raises ValueError where some have a sign before three
    digits and others are whole, as 1.681 and 597 are: decimals would have been written for all.
    """
    different = [str(text) for text in pd.unique(shown)]
    odd = [text for text in different if numbers.undecided(text)]
    if not odd:
        return comma
    if any(re.fullmatch(r"\d{1,3}", text.strip()) for text in different):
        raise ValueError(
            f"{odd[0]!r} in column {name!r} can be read in two ways, as a decimal or as "
            "thousands, since others there are whole numbers: write it without the sign, or all "
            "with as many decimals"
        )
    return False if all("." in text for text in odd) else comma


def _parsed(text: str, comma: bool | None, name: str) -> numbers.Number:
    try:
        return numbers.parse(text, comma)
    except numbers.Undecided as error:
        raise ValueError(
            f"{str(error)!r} in column {name!r} can be read in two ways, as a decimal or as "
            "a thousands comma, and nothing else in the table tells which: write it "
            "without, or with a decimal dot"
        ) from None


def _how(read_as: Iterable[tuple[str, numbers.Number, str]]) -> Iterable[str]:
    """How texts were read as numbers: one sentence for each way, with its first example."""
    suffixed: dict[str, str] = {}
    said: dict[object, str] = {}
    for name, number, text in read_as:
        if number.suffix:
            suffixed.setdefault(name, text)
        if number.gaps:
            said.setdefault("gaps", f"gaps between thousands were closed, as in {text!r}")
        if number.marks:
            said.setdefault("marks", f"marks around numbers were ignored, as in {text!r}")
        for sign, what, digits in number.signs:
            called = {",": "comma", ".": "dot"}[sign]
            said.setdefault(
                (sign, what), f"a {called} was read as {what} sign, as in {digits!r}"
            )  # fmt: skip
    if suffixed:
        shown = ", ".join(f"{name!r} as in {text!r}" for name, text in suffixed.items())
        yield f"suffixes were read as thousands, millions and so on in column {shown}"
    yield from said.values()


def _in_nats(
    values: Mapping[str, np.ndarray], used: Mapping[str, Column], tokens_per_byte: float | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The same numbers with the loss in nats per token."""
    column = used["loss"]
    factor, log, said = to_nats(column.measure, tokens_per_byte, column.name)
    loss = values["loss"]
    if log:
        loss = np.log(np.where(loss > 0, loss, np.nan))
    return {**values, "loss": loss * factor}, (said,) if said else ()


# What may enter a fit


def _good(values: Mapping[str, np.ndarray], read: Table, used: Mapping[str, Column]) -> _Kept:
    """The rows that hold a positive number in every column. Says of the others what is wrong."""
    good = np.ones(len(read.frame), dtype=bool)
    said: list[str] = []
    for role, array in values.items():
        wrong = ~(np.isfinite(array) & (array > 0))
        if wrong.any():
            good &= ~wrong
            said += _wrong(role, array[wrong], read.take(wrong), used[role])
    bad = int((~good).sum())
    if not good.any():
        raise ValueError(f"no row holds usable numbers: {'; '.join(said)}")
    if bad > len(good) / 2:
        raise ValueError(
            f"more than half of the rows ({bad} of {len(good)}) hold no usable numbers: "
            f"{'; '.join(said)}. Mend the table, or leave a column out that is not needed (on the "
            "command line --column flops=none)"
        )
    return _Kept(good, tuple(f"left out: {what}" for what in said))


def _wrong(role: str, here: np.ndarray, read: Table, column: Column) -> Iterable[str]:
    """What is wrong with numbers that are not positive: one sentence for each kind."""
    written = texts(read.frame[column.place])
    text = pd.Series(written, dtype=object).str.lower()
    none = text.isin(numbers.NO_VALUE).to_numpy()
    infinite = np.isinf(here) | text.isin(numbers.INFINITE).to_numpy()
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
            yield (
                f"{_rows(int(chosen.sum()))} with {role} {kind} in column "
                f"{column.name!r} ({listed(read.place, read.rows[chosen])}{example})"
            )


def _first_of_each(
    values: Mapping[str, np.ndarray], read: Table, used: Mapping[str, Column]
) -> _Kept:
    """The rows that are no copies of an earlier one, in all columns that do not number the rows."""
    keys = pd.DataFrame(dict(values), index=read.frame.index)
    taken = {used[role].place for role in values}
    repeated = keys.duplicated(keep=False).to_numpy()
    new = np.ones(len(read.frame), dtype=bool)
    if repeated.any():
        part = keys[repeated].copy()
        for i, name in enumerate(read.names):
            counter = re.fullmatch(r"(?i)|unnamed.*|index|idx|row|#|no\.?", name)
            if i not in taken and not counter:
                part[f"column {i}"] = texts(read.frame.loc[repeated, i])
        new[repeated] = ~part.duplicated().to_numpy()
    copies = int((~new).sum())
    said = (
        f"left out: {_rows(copies)} that repeat an earlier one in every column "
        f"({listed(read.place, read.rows[~new])})"
    )
    notes = [said] if copies else []
    if twins := int(keys[new].duplicated().sum()):
        notes.append(
            f"{_rows(twins)} have exactly the sizes and the loss of another row and differ in "
            "other columns only: if they are copies, leave them out"
        )
    return _Kept(new, tuple(notes))


def _derived(
    values: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], str | None, tuple[str, ...]]:
    """The numbers with the one of params, tokens and FLOPs that is missing, by C = 6 N D.

    Also which one that is, and what to say.
    """
    N, D, C = (values.get(name) for name in ("params", "tokens", "flops"))
    with np.errstate(over="ignore", under="ignore"):
        if N is not None and D is not None and C is None:
            return {**values, "flops": 6 * N * D}, "flops", ("FLOPs were derived as C = 6 N D",)
        if N is not None and C is not None and D is None:
            said = "tokens were derived as D = C / (6 N)"
            return {**values, "tokens": C / (6 * N)}, "tokens", (said,)
        if D is not None and C is not None and N is None:
            said = "params were derived as N = C / (6 D)"
            return {**values, "params": C / (6 * D)}, "params", (said,)
        if N is None or D is None or C is None:
            return dict(values), None, ()
        ratio = C / (N * D)
    low, middle, high = np.quantile(ratio, (0.05, 0.5, 0.95))
    if 5.7 <= middle <= 6.3 and high <= 1.1 * low:
        return dict(values), None, ()
    said = (
        f"the FLOPs of the table are {middle:.3g} N D in the median (5 % to 95 %: "
        f"{low:.3g} to {high:.3g})" + (": check the units" if not 1 <= middle <= 60 else "")
    )
    return dict(values), None, (said,)


def _runs(
    read: Table, used: Mapping[str, Column], params: np.ndarray | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The number of each row's run, if the table names runs with several rows each.

    A run has one size: rows of one name and several sizes are of as many runs.
    """
    if "run" not in used:
        return None, ()
    codes, labels = pd.factorize(texts(read.frame[used["run"].place]))
    name, notes = used["run"].name, []
    if params is not None:
        size = np.unique(np.round(np.log(params), 6), return_inverse=True)[1].ravel()
        both = np.unique(np.column_stack([codes, size]), axis=0, return_inverse=True)[1].ravel()
        if (count := int(both.max()) + 1) > len(labels):
            notes.append(
                f"column {name!r} has {len(labels)} names for runs of several sizes: those of "
                f"one name and size were taken for one run, {count} in all; if they only number "
                "repeats, say so: --column run=none (in Python columns={'run': None})"
            )
            codes = pd.factorize(both)[0]
    count = int(codes.max()) + 1
    if count == len(codes):
        return None, tuple(notes)
    return codes, (*notes, f"column {name!r} names {count} runs with " + TOGETHER)


def _chosen(
    found: Measurements,
    by: str | None,
    last: bool,
    best_of: str | Sequence[str] | None,
    drop_worst: int,
) -> Measurements:
    """The runs that a user wants of those that may enter a fit."""
    if by is not None:
        named(found.table, by)
        found = found.apart(by)
    if last:
        found = found.last()
    if best_of is not None and not (isinstance(best_of, Sequence) and not best_of):
        found = found.best_of(best_of)
    return _without_worst(found, drop_worst) if drop_worst else found


def _without_worst(found: Measurements, count: int) -> Measurements:
    """Without the highest losses; of equal ones the first in the table go first."""
    if count >= len(found):
        raise ValueError(f"cannot leave out the {count} highest losses of {len(found)} runs")
    order = np.argsort(-found.loss, kind="stable")
    worst, kept = order[:count], np.ones(len(found), dtype=bool)
    kept[worst] = False
    said = (
        f"left out: the {count} highest losses, from {found.loss[worst].min():.4g} to "
        f"{found.loss[worst].max():.4g}, as asked"
    )
    return replace(found.keep(kept, said), excluded={**found.excluded, "worst": count})
