"""Tables of other shapes, brought to one row a measurement.

Wide tables (sizes in rows, budgets or tokens in columns, losses in the cells), the charts that
Weights & Biases exports (one column a run) and the scalars that TensorBoard exports (one file a
run).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from . import numbers
from .columns import bare, claims, quantity_in, wide_heads
from .files import Table

_CHART = re.compile(r"(.+) - (.+)__(?:MIN|MAX)")
_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?([mMbB])(?![A-Za-z0-9])")
_STEPS = ("step", "steps", "globalstep", "trainerglobalstep", "trainglobalstep", "iteration",
          "iterations", "iter", "iters", "updates", "trainsteps", "trainstep")  # fmt: skip
_PER_STEP = (
    ("tokensperstep", "tokensperbatch", "batchtokens", "batchsizetokens", "globalbatchtokens"),
    ("globalbatchsize", "batchsize", "trainbatchsize", "globaltrainbatchsize", "bs", "batch"),
    ("seqlen", "seqlength", "sequencelength", "maxseqlen", "maxseqlength", "contextlength",
     "contextsize", "ctxlen", "ctx", "blocksize", "context"),
)  # fmt: skip
"""Names of columns whose product is the tokens of one step: the first alone, or the two others."""
_SIZES = {"params": (1e3, 1e14), "tokens": (1e6, 1e15), "flops": (1e12, 1e29)}
"""Where each quantity of a language model lies."""


def reshaped(table: Table) -> Table:
    """The same measurements in one row each; tables that are so already stay as they are."""
    for shape in (_chart, _scalars, _wide):
        found = shape(table)
        if found is not None:
            return found
    return table


def step_column(names: Sequence[str]) -> int | None:
    """The place of the column that counts steps, if there is one."""
    return next((i for i, name in enumerate(names) if bare(name) in _STEPS), None)


# Wide tables


def _wide(table: Table) -> Table | None:
    """A table whose columns are headed by budgets, tokens or sizes."""
    full = [i for i, name in enumerate(table.names)
            if name or not table.frame[i].astype(str).str.strip().eq("").all()]  # fmt: skip
    names = [table.names[i] for i in full]
    heads = wide_heads(names) if len(names) > 3 else None
    if heads is None:
        return None
    frame = table.frame[full].set_axis(range(len(full)), axis=1)
    first = [_parsed(str(text)) for text in frame[0]]
    down, across = _roles(names[0], [role for _, role in heads], first, [v for v, _ in heads])
    cells = frame.drop(columns=0)
    long = pd.DataFrame(
        {
            0: np.repeat(frame[0].to_numpy(dtype=object), len(heads)),
            1: np.tile(np.array([repr(value) for value, _ in heads], dtype=object), len(frame)),
            2: cells.to_numpy(dtype=object).ravel(),
        }
    )
    rows = np.repeat(table.rows, len(heads))
    filled = ~long[2].astype(str).str.strip().str.lower().isin(numbers.NO_VALUE).to_numpy()
    note = (
        f"the table is wide: {down[0]} in its rows, {across[0]} in the names of its columns, and "
        f"{int(filled.sum())} losses in its cells"
    )
    return replace(
        table,
        frame=long[filled].reset_index(drop=True),
        names=(down[1], across[1], "loss"),
        rows=rows[filled],
        notes=(*table.notes, note),
    )


def _parsed(text: str) -> float:
    try:
        return numbers.parse(text.strip(), False).value
    except numbers.Undecided:
        return float("nan")


def _roles(
    corner: str, said: Sequence[str], down: Sequence[float], across: Sequence[float]
) -> tuple[tuple[str, str], tuple[str, str]]:
    """The role and the name of the rows and of the columns of a wide table.

    Told by the corner ("params \\ tokens") and by the columns ("1e18 FLOPs"), or else by the one
    reading under which all sizes are those of language models. Raises ValueError if neither tells.
    """
    parts = re.split(r"\s*(?:\\+|/|\||×|↓|→|\bvs\.?\s|\bby\s|\bx\s)\s*", corner, maxsplit=1)
    known_down = _role_of(parts[0])
    known_across = next(filter(None, said), "") or (_role_of(parts[1]) if parts[1:] else "")
    possible = [
        (a, b)
        for a in _SIZES
        for b in _SIZES
        if a != b and known_down in ("", a) and known_across in ("", b)
        and (bool(known_down and known_across) or _plausible({a: down, b: across}))
    ]  # fmt: skip
    if len(possible) != 1:
        raise ValueError(
            f"the table is wide, and what its rows and columns are is not said: write it into the "
            f"first name, as in 'params \\ tokens' or 'params \\ flops' (now {corner!r})"
        )
    ((a, b),) = possible
    return (a, parts[0] if known_down else a), (b, parts[1] if known_across and parts[1:] else b)


def _role_of(part: str) -> str:
    role = next((role for role in _SIZES if claims(role, [part])[0]), "")
    return role or quantity_in(part)


def _plausible(values: dict[str, Sequence[float]]) -> bool:
    """Whether two quantities, and the third by C = 6 N D, are those of language models."""
    middle = {name: float(np.nanmedian(v)) for name, v in values.items()}
    N, D, C = (middle.get(name) for name in _SIZES)
    if N is None:
        middle["params"] = C / (6 * D)  # type: ignore[operator]  # the two others are there
    elif D is None:
        middle["tokens"] = C / (6 * N)  # type: ignore[operator]  # the two others are there
    inside = all(
        low <= middle[name] <= high for name, (low, high) in _SIZES.items() if name in middle
    )
    return inside and 0.1 <= middle["tokens"] / middle["params"] <= 1e4


# Exports


def _chart(table: Table) -> Table | None:
    """A chart of Weights & Biases: an axis, then "run - metric" with its __MIN and __MAX."""
    if not any(_CHART.fullmatch(name) for name in table.names):
        return None
    series = {
        i: tuple(name.rsplit(" - ", 1))
        for i, name in enumerate(table.names)
        if " - " in name and not _CHART.fullmatch(name)
        and f"{name}__MIN" in table.names and not name.endswith(" - _step")
    }  # fmt: skip
    metrics = sorted({metric for _, metric in series.values()})
    runs = list(dict.fromkeys(run for run, _ in series.values()))
    parts = []
    for run in runs:
        part = pd.DataFrame({"run": run, "x": table.frame[0], "row": table.rows})
        for i, (name, metric) in series.items():
            if name == run:
                part[metric] = table.frame[i]
        measured = [metric for metric in metrics if metric in part]
        blank = part[measured].astype(str).apply(lambda c: c.str.strip()).isin(["", "nan"])
        parts.append(part[~blank.all(axis=1)])
    long = pd.concat(parts, ignore_index=True)
    names = ("run", table.names[0], *metrics)
    frame = long[["run", "x", *metrics]].fillna("").set_axis(range(len(names)), axis=1)
    note = f"a chart of {len(runs)} runs, one column each, was read as one row a measurement"
    return replace(
        table, frame=frame, names=names, rows=long["row"].to_numpy(), notes=(*table.notes, note)
    )


def _scalars(table: Table) -> Table | None:
    """The scalars of a TensorBoard: wall time, step and value of what the file's name says."""
    if {name.lower() for name in table.names[:3]} != {"wall time", "step", "value"}:
        return None
    return replace(
        table,
        names=tuple("loss" if name.lower() == "value" else name for name in table.names),
        notes=(*table.notes, "scalars of a TensorBoard: 'Value' was taken as the loss"),
    )


def with_sizes(table: Table) -> Table:
    """The table with a column of params from the names of its runs or files ("gpt-70M"), if so.

    Only where nothing else tells the params, and every name holds exactly one size.
    """
    both = claims("tokens", table.names)[0] and claims("flops", table.names)[0]
    if both or claims("params", table.names)[0]:
        return table
    for name in ("run", "file", "Name", "name", "model", "Model"):
        if table.names.count(name) != 1:
            continue
        texts = table.column(name).astype(str)
        found = {text: _SIZE.findall(text) for text in texts.unique()}
        if found and all(len(sizes) == 1 for sizes in found.values()):
            sizes = {text: "".join(match[0]) for text, match in found.items()}
            example = next(iter(found))
            frame = table.frame.assign(**{"new": texts.map(sizes)})
            return replace(
                table,
                frame=frame.set_axis(range(len(table.names) + 1), axis=1),
                names=(*table.names, "params"),
                notes=(*table.notes, f"params were read from column {name!r}, as "
                       f"{sizes[example]} in {example!r}"),
            )  # fmt: skip
    return table


def with_tokens(table: Table, tokens_per_step: float | None) -> Table:
    """The table with a column of tokens, steps times `tokens_per_step`, if that is given."""
    if tokens_per_step is None:
        return table
    place = step_column(table.names)
    if place is None:
        raise ValueError("tokens per step are given, but no column of steps was recognised")
    if claims("tokens", table.names)[0]:
        raise ValueError("tokens per step are given, but the table has tokens")
    steps = pd.to_numeric(table.frame[place], errors="coerce")
    frame = table.frame.assign(**{"new": steps * tokens_per_step})
    return replace(
        table,
        frame=frame.set_axis(range(len(table.names) + 1), axis=1),
        names=(*table.names, "tokens"),
        notes=(*table.notes, f"tokens are {tokens_per_step:g} times column {table.names[place]!r}"),
    )


def equal_steps(table: Table) -> None:
    """Raises ValueError if columns of batch or sequence length say that steps differ in tokens."""
    known = [bare(name) for name in table.names]
    places = [[i for i, name in enumerate(known) if name in names] for names in _PER_STEP]
    told = (places[0] or [*places[1][:1], *places[2][:1]])[:2]
    if not told:
        return
    product = np.ones(len(table.frame))
    for place in told:
        product = product * pd.to_numeric(table.frame[place], errors="coerce").to_numpy(dtype=float)
    product = product[np.isfinite(product)]
    if len(product) and np.ptp(product) > 1e-6 * product.max():
        shown = " and ".join(repr(table.names[place]) for place in told)
        raise ValueError(
            f"one number of tokens per step is given, but {shown} differ between the rows, and so "
            "do the tokens of a step: add a column 'tokens' (steps x sequences per step x their "
            f"length), or choose rows that agree, --where {table.names[told[0]]}=..."
        )
