"""The table of runs: its columns, reading and writing it as plain CSV, and what it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COLUMNS: dict[str, str] = {
    "learner": "transformer, mlp, lstm, ngram or the kind of another learner",
    "width": "channels of a transformer (d_model), units of a hidden layer; else empty",
    "depth": "number of blocks or hidden layers, if the learner has them",
    "heads": "attention heads, if the learner has them",
    "context": "tokens the model sees at once",
    "shift": "True if blocks see the two tokens before (token shift); empty without blocks",
    "window": "tokens the learner looks back over, if those are fewer than the context",
    "params": "parameters without embeddings: blocks or hidden layers, and output head",
    "params_non_embedding": "parameters of blocks or hidden layers alone",
    "params_total": "all parameters, embeddings included; for an ngram its stored counts",
    "tokens": "training tokens, counted with repetition",
    "unique_tokens": "different training tokens, empty if none was repeated",
    "flops": "training FLOPs: head and attention counted, embeddings free",
    "loss": "validation loss, nats per token; empty unless the status is ok",
    "loss_std": "standard error of the loss from a finite validation set",
    "seed": "fixes initial weights and data order",
    "lr": "peak learning rate, of a transformer's blocks; empty for a learner that counts",
    "ends_lr": "peak rate of embeddings and head; empty where it follows lr",
    "batch": "sequences per step, empty if it grows during the run",
    "warmup": "tokens over which the rate rises from zero; empty for a learner that counts",
    "cooldown": "share of the tokens over which the rate falls to zero at the end; likewise",
    "weight_decay": "decoupled decay of blocks and head, as a multiple of the rate; likewise",
    "dropout": "share of the outputs of blocks or hidden layers dropped in training; likewise",
    "optimizer": "adamw or muon; likewise",
    "status": "ok, diverged, or failed with the reason",
    "corpus": "fingerprint of the corpus",
    "version": "version of this package that trained the run",
    "device": "cpu, cuda or mps",
    "seconds": "wall-clock time of the run",
}
"""What each column holds."""

FORMERLY: dict[str, Any] = {
    "learner": "transformer",
    "window": None,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "ends_lr": None,
}
"""What was the case for a run whose row is from before these columns."""

_DATA = Path(__file__).parent / "data"

REQUIRED = ("params", "tokens", "loss")
_TEXT = ("learner", "optimizer", "status", "corpus", "version", "device")
_POSITIVE = ("params", "params_non_embedding", "params_total", "tokens", "flops", "loss")
_REAL = ("loss", "loss_std", "lr", "ends_lr", "cooldown", "weight_decay", "dropout", "seconds")
_WHOLE_OR_EMPTY = ("unique_tokens", "batch", "window")
_WHOLE_IF_THERE = ("width", "depth", "heads", "warmup")
# What it takes for pandas to read a number to its last bit; from version 3 on it always does.
_EXACT: dict[str, Any] = (
    {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
)
_NUMBERS = tuple(name for name in COLUMNS if name not in _TEXT)


def table_of(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A table of runs with the columns `COLUMNS`, from one mapping of column to value per run."""
    return _typed(pd.DataFrame(list(rows), columns=list(COLUMNS)))


def validate(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, if it can be trusted; otherwise a ValueError that says what to mend.

    Needs the columns `REQUIRED`. Rows whose `status` is not "ok" may lack any number; in the
    others sizes, FLOPs and loss must be there, finite and positive, and every other number that
    is there finite and not negative.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"a table of runs is a pandas DataFrame, got {type(table).__name__}")
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        raise ValueError(
            f"the table of runs lacks the columns {', '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns)) or 'none'}"
        )
    if table.columns.has_duplicates:
        twice = table.columns[table.columns.duplicated()]
        raise ValueError(f"the table of runs has two columns {', '.join(map(str, twice))}")
    if table.empty:
        raise ValueError("the table of runs has no rows")
    fine = table["status"].eq("ok") if "status" in table.columns else pd.Series(True, table.index)
    ok = fine.to_numpy(dtype=bool, na_value=False)
    for name in _NUMBERS:
        if name not in table.columns:
            continue
        given = table[name][ok]
        numbers = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        if name in _POSITIVE:
            bad, wanted = ~(np.isfinite(numbers) & (numbers > 0)), "positive numbers"
        else:
            good = np.isfinite(numbers) & (numbers >= 0)
            bad, wanted = ~(good | given.isna().to_numpy()), "numbers that are not negative"
        if bad.any():
            first = given[bad]
            raise ValueError(
                f"column {name!r} must hold {wanted}; {int(bad.sum())} rows do not "
                f"(the first is row {first.index[0]}: {first.iloc[0]})"
            )
    return table


def finished(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that may enter a fit: those with status "ok".

    `attrs["left_out"]` of the result is the number of rows that diverged or failed and were left
    out. Raises ValueError if none is left.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"params": [1e4, 4e4], "tokens": 1e6, "loss": [2.9, np.nan]})
    >>> kept = finished(table.assign(status=["ok", "diverged"]))
    >>> len(kept), kept.attrs["left_out"]
    (1, 1)
    """
    validate(table)
    if "status" in table.columns:
        kept = table[table["status"].eq("ok").to_numpy(dtype=bool, na_value=False)]
    else:
        kept = table.copy(deep=False)
    if kept.empty:
        reasons = ", ".join(sorted(set(map(str, table["status"]))))
        raise ValueError(f"no run finished: their status is {reasons}")
    kept.attrs = {**table.attrs, "left_out": len(table) - len(kept)}
    return kept


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table as CSV, after checking it. What is missing becomes an empty field.

    Raises ValueError if the table cannot be trusted, as `read_table` does.

    >>> import io
    >>> import pandas as pd
    >>> file = io.StringIO()
    >>> write_table(pd.DataFrame({"params": [10_000], "tokens": [2e5], "loss": [2.9]}), file)
    >>> print(file.getvalue())
    params,tokens,loss
    10000,200000.0,2.9
    """
    validate(table).to_csv(path, index=False)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table of runs from CSV and check it. Raises FileNotFoundError or ValueError.

    A table from `sweep` comes back as it was, to the last bit and with the same types. `COLUMNS`
    says what each column holds: `params` counts blocks and output head, `loss` is in nats per
    token.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.csv")
    ...     _ = path.write_text("params,tokens,loss\\n10000,200000,2.9\\n40000,800000,2.4\\n")
    ...     table = read_table(path)
    >>> table["loss"].tolist()
    [2.9, 2.4]
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would otherwise lose their last fields.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            names = pd.read_csv(path, nrows=0, index_col=False).columns
            # A text column may say "nan" or "None" and mean it; a number cannot.
            empty = {name: ["", "nan", "NaN", "NA"] if name in _NUMBERS else [""] for name in names}
            table = pd.read_csv(
                path,
                dtype=dict.fromkeys(_TEXT, str),
                index_col=False,
                keep_default_na=False,
                na_values=empty,
                **_EXACT,
            )
    except (
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"{path} is not a CSV table: {error}") from error
    return _typed(validate(table))


def reference(study: str | None = None) -> pd.DataFrame:
    """The runs that come with the package: those of one study, or the sweep of part 2.

    The sweep is all studies of `reference.csv`. The larger ones of part 4, on ideas and on the wall
    of data, stand in `ideas.csv` and `wall.csv`, and "isoflop-far" in a file of its own; they are
    got by their names alone.

    Has the columns `COLUMNS` and, in front of them, `study`; `params` counts blocks and output
    head, `loss` is in nats per token. No run stands in two studies. Runs that diverged are among
    them: `finished` leaves them out. What each study is, and how a row can be trained again, is
    said in `data/PROVENANCE.md`, beside this module. Raises ValueError if there is no such study.

    >>> from scalinglaws import finished
    >>> scan = reference("lr")
    >>> sorted(set(scan["width"]))
    [8, 16, 32, 64, 128]
    >>> bool(finished(scan)["loss"].notna().all())
    True
    """
    table = _shipped("reference.csv")
    if study is None:
        return table
    names = list(table["study"].unique())
    for file in OTHERS:
        if study not in names and (_DATA / file).exists():
            table = _shipped(file)
            names += list(table["study"].unique())
    if study not in names:
        raise ValueError(f"there is no study {study!r}; there are {', '.join(names)}")
    return table[table["study"] == study].reset_index(drop=True)


OTHERS = ("ideas.csv", "wall.csv", "isoflop-far.csv")
"""Tables of studies that `reference` gives by name only."""

REGISTERED = ("preregistered", "preregistered-far")
"""Studies whose forecasts were committed first."""


def sealed() -> pd.DataFrame:
    """The largest runs that come with the package, ten and more times beyond all of `reference`.

    They are there to hold predictions against. They enter no fit of ours but one registered
    variant of chapter 8, made after they had been opened there: look at them only once your
    forecast is written down. The columns are those of `reference`.
    """
    return _shipped("sealed.csv")


def preregistered(study: str = "preregistered") -> pd.DataFrame:
    """Runs whose forecasts were committed before they were trained, as many as are trained so far.

    "preregistered" are the first six, "preregistered-far" four larger ones for a GPU. They enter no
    fit. The forecasts are those of `course.bets.registered`; how both were made is said in
    `studies/preregistration.md`. The columns are those of `reference`. Raises ValueError for
    another name.

    >>> sorted(set(preregistered()["study"])) in ([], ["preregistered"])
    True
    """
    if study not in REGISTERED:
        raise ValueError(f"study must be one of {', '.join(REGISTERED)}; got {study!r}")
    file = f"{study}.csv"
    if (_DATA / file).exists():
        return _shipped(file)
    return _shipped("sealed.csv").iloc[:0]


def digitised() -> pd.DataFrame:
    """245 runs of the Chinchilla paper, with columns params, flops and loss (nats per token).

    They are the points of figure 4 of Hoffmann et al. (2022, arXiv 2203.15556), which prints no
    table, as Besiroglu, Erdil, Barnett and You (2024, arXiv 2404.10102) read them off and published
    them. Cite both. Tokens follow as D = C / (6 N); `measurements(digitised())` has them. The
    replication leaves out the five highest losses before it fits.

    >>> len(digitised())
    245
    """
    return pd.read_csv(_DATA / "hoffmann-digitised.csv")


def abilities() -> pd.DataFrame:
    """How abilities come with size: up to 13 widths, 8 seeds, every mark.

    One row for each run of `studies/abilities_size.py` that was trained (`abilities-size.md` beside
    the table says which). `ability` is the task; `condition` is "steps" where all widths took the
    same number of steps, "compute" where all took the same FLOPs: those of width 24, whose runs
    stand under both. `params` counts the blocks, `flops` all (see `Run.flops`); `loss` is in nats
    per scored token; the marks are those of `scalinglaws.metrics.Marks`, means over the exam.

    >>> table = abilities()
    >>> sorted(set(table["condition"]))
    ['compute', 'steps']
    """
    table = pd.read_csv(_DATA / "abilities-size.csv")
    both = set(table[table["condition"] == "compute"]["ability"])
    twice = table[
        (table["condition"] == "steps") & (table["width"] == 24) & table["ability"].isin(both)
    ]
    whole = pd.concat([table, twice.assign(condition="compute")])
    order = ["ability", "condition", "width", "seed"]
    return whole.sort_values(order).reset_index(drop=True)


def _shipped(file: str) -> pd.DataFrame:
    """A table of the package, with the columns that came after it was written."""
    table = read_table(_DATA / file)
    known = table.to_dict("series") | {k: v for k, v in FORMERLY.items() if k not in table.columns}
    whole = pd.DataFrame(known, index=table.index, columns=["study", *COLUMNS])
    return _typed(whole)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with whole numbers where whole numbers belong, even beside empty fields."""
    for name in _WHOLE_OR_EMPTY:
        if name in table.columns:
            try:
                table[name] = pd.to_numeric(table[name]).astype("Int64")
            except (TypeError, ValueError) as error:
                raise ValueError(f"column {name!r} must hold whole numbers or nothing") from error
    for name in _WHOLE_IF_THERE:
        if name in table.columns and table[name].isna().any():
            # Somebody else's table may say a width of 12.5, and keeps it.
            with suppress(TypeError, ValueError):
                table[name] = pd.to_numeric(table[name]).astype("Int64")
    if "shift" in table.columns and table["shift"].isna().any():
        with suppress(TypeError, ValueError):
            table["shift"] = table["shift"].astype("boolean")
    for name in _REAL:
        if name in table.columns:
            table[name] = table[name].astype(float)
    return table
