"""The table of runs: its columns, reading and writing it as plain CSV, and what it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS: dict[str, str] = {
    "width": "channels of the model (d_model)",
    "depth": "number of blocks",
    "context": "tokens the model sees at once",
    "params": "parameters of blocks and output head",
    "params_non_embedding": "parameters of the blocks alone",
    "params_total": "all parameters, embeddings included",
    "tokens": "training tokens, counted with repetition",
    "unique_tokens": "different training tokens, empty if none was repeated",
    "flops": "training FLOPs: head and attention counted, embeddings free",
    "loss": "validation loss, nats per token",
    "loss_std": "standard error of the loss from a finite validation set",
    "seed": "fixes initial weights and data order",
    "lr": "peak learning rate of the blocks",
    "batch": "sequences per step",
    "optimizer": "adamw or muon",
    "status": "ok, diverged, or failed with the reason",
    "corpus": "fingerprint of the corpus",
    "device": "cpu, cuda or mps",
    "seconds": "wall-clock time of the run",
}
"""What each column holds."""

REQUIRED = ("params", "tokens", "loss")
_TEXT = ("optimizer", "status", "corpus", "device")
_POSITIVE = ("params", "params_non_embedding", "params_total", "tokens", "flops", "loss")


def validate(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, if it can be trusted; otherwise a ValueError that says what to mend.

    Needs the columns `REQUIRED`; every number that is there must be a positive, finite number,
    except in rows whose `status` is not "ok", which may lack a loss.
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
    ok = table["status"].eq("ok") if "status" in table.columns else pd.Series(True, table.index)
    for name in _POSITIVE:
        if name not in table.columns:
            continue
        numbers = pd.to_numeric(table.loc[ok, name], errors="coerce").to_numpy(dtype=float)
        bad = ~(np.isfinite(numbers) & (numbers > 0))
        if bad.any():
            first = table.loc[ok, name][bad]
            raise ValueError(
                f"column {name!r} must hold positive numbers; {int(bad.sum())} rows do not "
                f"(the first is row {first.index[0]}: {first.iloc[0]})"
            )
    return table


def finished(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that may enter a fit: those with status "ok". Raises ValueError if none is left."""
    validate(table)
    if "status" not in table.columns:
        return table
    kept = table[table["status"] == "ok"]
    if kept.empty:
        reasons = ", ".join(sorted(set(map(str, table["status"]))))
        raise ValueError(f"no run finished: their status is {reasons}")
    return kept


def write(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table as CSV, after checking it."""
    validate(table).to_csv(path, index=False)


def read(path: str | Path) -> pd.DataFrame:
    """Read a table of runs from CSV and check it. Raises FileNotFoundError or ValueError."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would otherwise lose their last fields.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str), index_col=False)
    except (
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"{path} is not a CSV table: {error}") from error
    return validate(table)
