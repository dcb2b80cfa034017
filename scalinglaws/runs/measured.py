"""Runs that may enter a fit, as arrays, and the choices among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from . import doubts, numbers
from .columns import claims
from .doubts import Doubt, Sizes
from .files import listed, texts
from .shapes import step_column

_ARRAYS = ("loss", "params", "tokens", "flops", "seed", "run", "group", "rows")
TOGETHER = "several rows each: they are drawn together in the bootstrap of the parametric fit"
"""The end of the note that a column of runs gets."""
_FEW = 8
"""Fewer runs than this do not tell what else differs between them."""
_ENOUGH = 6000
"""So many runs tell whether another column explains the losses."""
Wanted = str | float | Sequence[str | float]
"""A value of a column, or several."""


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
    place: str = "row"
    """What such a number is called."""
    derived: str | None = None
    """Which of params, tokens and flops was derived from the two others."""
    units_stated: frozenset[str] = frozenset()
    """Of which of params, tokens, FLOPs and loss the user has said the unit."""
    by: str | None = None
    """The column whose values are kept apart, and"""
    group: np.ndarray | None = None
    """each run's value in it, as text."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """The name of the column of each role."""
    scales: Mapping[str, float] = field(default_factory=dict)
    """What the unit in the name of a column of params, tokens or FLOPs multiplied it by."""
    ends: bool = False
    """Whether there is but one row of each run, for certain."""
    merged: str = ""
    """Why the last rows of runs may be those of several runs taken for one."""
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    """All columns of the table, as they were, for these runs."""
    aside: Measurements | None = None
    """Runs that could enter a fit and were left out by choice: the worst, or not the best."""

    def __len__(self) -> int:
        return len(self.loss)

    def __str__(self) -> str:
        lines = [f"{len(self)} runs"]
        for name in ("params", "tokens", "flops", "loss"):
            values = getattr(self, name)
            if values is not None:
                lines.append(f"{name} {values.min():.3g} to {values.max():.3g}")
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines + [f"doubt: {doubt.text}" for doubt in self.doubts])

    @property
    def sizes(self) -> Sizes:
        """Params, tokens and FLOPs."""
        return Sizes(self.params, self.tokens, self.flops, self.derived, self.scales)

    @property
    def settings(self) -> pd.DataFrame:
        """The columns of the table that have no role: what else differs between the runs."""
        taken = set(self.roles.values())
        return self.table[[name for name in self.table.columns if name not in taken]]

    @cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """What speaks against one law for all of these runs, each with its mend."""
        with np.errstate(all="ignore"):
            return tuple(self._doubts())

    def _doubts(self) -> list[Doubt]:
        found = [*doubts.units(self.sizes, self.units_stated, self.rows, self.place)]
        if self.merged:
            found.append(Doubt("checkpoints", self.merged))
        if self.by is None and len(self) >= _FEW:
            others = doubts.levels_of(self.settings)
            steps = self._steps_differ()
            if not self.ends:
                found += doubts.checkpoints(self.sizes, self.run, others, steps, self._shared())
            found += doubts.tuned(self.loss, self.sizes, others)
            some = self._some(_ENOUGH)
            mixed = list(doubts.mixed(some.loss, some.sizes, doubts.levels_of(some.settings)))
            known = self.run is not None or self.ends or any(d.kind == "checkpoints" for d in found)
            found += [doubt for doubt in mixed if not (known and doubt.kind == "checkpoints")]
            if not {"tuned", "mixed"} & {doubt.kind for doubt in found}:
                found += doubts.repeats(self.loss, self.sizes, others, self._seeds())
        return found

    def _shared(self) -> bool:
        """Whether runs of several sizes have one name."""
        column = self.roles.get("run")
        if self.run is None or column is None:
            return False
        return self.table[column].nunique() < len(np.unique(self.run))

    def _seeds(self) -> tuple[str, np.ndarray] | None:
        """The name of the column of seeds, and the number of each run's seed."""
        if self.seed is None:
            return None
        return self.roles.get("seed", "seed"), pd.factorize(self.seed)[0]

    def _steps_differ(self) -> bool:
        """Whether a column counts steps, and rows differ in it."""
        step = step_column(list(map(str, self.table.columns)))
        return step is not None and self.table.iloc[:, step].nunique() > 1

    def _some(self, count: int) -> Measurements:
        """At most so many of the runs, spread over the table."""
        step = -(-len(self) // count)
        return self if step <= 1 else self.take(np.arange(0, len(self), step))

    def take(self, chosen: np.ndarray, note: str = "") -> Measurements:
        """Those runs that `chosen` (booleans or places) selects, and one more note."""
        chosen = np.asarray(chosen)
        if chosen.ndim != 1 or (chosen.dtype != bool and not np.issubdtype(chosen.dtype, int)):
            raise ValueError("take needs booleans, one for each run, or places of runs")
        arrays: dict[str, Any] = {
            name: None if getattr(self, name) is None else getattr(self, name)[chosen]
            for name in _ARRAYS
        }
        notes = self.notes + ((note,) if note else ())
        return replace(self, **arrays, table=self.table[chosen] if chosen.dtype == bool
                       else self.table.iloc[chosen], notes=notes)  # fmt: skip

    def keep(self, chosen: np.ndarray, note: str) -> Measurements:
        """Those runs that `chosen` (booleans) selects; the others are put aside."""
        others = replace(self.take(~chosen), aside=None)
        aside = others if self.aside is None else _together(self.aside, others)
        return replace(self.take(chosen, note), aside=aside)

    def where(self, wanted: Mapping[str, Wanted]) -> Measurements:
        """The runs with these values in these columns. Raises ValueError if there are none."""
        chosen = matching(self.table, wanted)
        found = self.take(chosen, said_of(wanted, int(chosen.sum()), len(self)))
        return replace(found, aside=None)

    def apart(self, column: str) -> Measurements:
        """The same runs, those with different values in a column to be kept apart.

        Raises ValueError if there is no such column, or if it holds what came out of the runs.
        """
        self._set_before(column)
        aside = None if self.aside is None else self.aside.apart(column)
        return replace(self, by=column, group=texts(named(self.table, column)), aside=aside)

    def _set_before(self, column: str) -> None:
        """Raises ValueError if a column holds what came out of the runs."""
        named(self.table, column)
        if column == self.roles.get("loss") or claims("loss", [column])[0]:
            raise ValueError(
                f"column {column!r} holds an outcome of the runs, and no law stays true where runs "
                "are parted or chosen by what came out of them. Name a column of what was set "
                "before, like a data set or a learning rate"
            )

    def split(self) -> dict[str, Measurements]:
        """The runs of each value of the column `by`, in the order in which they come."""
        if self.by is None or self.group is None:
            raise ValueError("these runs are not kept apart by any column: use apart(column)")
        others = {} if self.aside is None else self.aside.split()
        return {
            str(value): replace(
                self.take(self.group == value), by=None, group=None, aside=others.get(str(value))
            )
            for value in pd.unique(self.group)
        }

    def best_of(self, columns: str | Sequence[str]) -> Measurements:
        """At each size and length, and in each group, the runs with the best setting.

        The best setting is the combination of values in `columns` with the lowest loss, seeds
        averaged; all its seeds stay, since the luckiest seed is no measurement.
        """
        columns = names_of(columns, "best_of")
        for name in columns:
            self._set_before(name)
        keys = {f"setting {i}": texts(named(self.table, c)) for i, c in enumerate(columns)}
        setting = np.unique(
            np.column_stack([pd.factorize(values)[0] for values in keys.values()]),
            axis=0, return_inverse=True,
        )[1].ravel()  # fmt: skip
        place, near = self._places(setting)
        frame = pd.DataFrame({"place": place, **keys, "loss": self.loss})
        several = pd.Series(setting).groupby(place).nunique() > 1
        mean = frame.groupby(["place", *keys], sort=False)["loss"].transform("mean")
        best = mean.groupby(frame["place"]).transform("min")
        first = frame[mean == best].groupby("place")[list(keys)].transform("first")
        chosen = np.zeros(len(self), dtype=bool)
        same = (frame.loc[first.index, list(keys)] == first).all(axis=1)
        chosen[first.index[same]] = True
        shown = ", ".join(map(repr, columns))
        alone = int((~several).sum())
        if alone == len(several):
            raise ValueError(
                f"no size and length has runs with several values of {shown}: there is no best to "
                "keep"
            )
        said = f" ({alone} of {len(several)} places have one value only)" if alone else ""
        said += "; lengths within 25 % count as one" if near > 0.02 else ""
        return self.keep(
            chosen,
            f"kept: {int(chosen.sum())} of {len(self)} runs, those with the best {shown} at each "
            f"size and length{said}. A best of many is a little lucky",
        )

    def _places(self, setting: np.ndarray) -> tuple[np.ndarray, float]:
        """Number of each run's size, length and group, and how near lengths at one place are."""
        place, near = doubts.cells_for(self.sizes, setting)
        if self.group is None:
            return place, near
        apart = pd.factorize(self.group)[0]
        both = np.column_stack([place, apart])
        return np.unique(both, axis=0, return_inverse=True)[1].ravel(), near

    def last(self) -> Measurements:
        """One row for each run: that with the most tokens (or steps, or FLOPs).

        Without a column of runs, rows belong to one run if they agree in params, seed and all
        settings that are texts or that people tune, which the note says. Raises ValueError where
        those are several runs for certain, since several rows stand at one length.
        """
        run, said = self._identity()
        progress = self._progress()
        merged = self._merged(run, progress) if self.run is None and said else ""
        order = np.lexsort((np.arange(len(self)), progress, run))
        ends = order[np.r_[run[order][1:] != run[order][:-1], True]]
        kept = np.sort(ends)
        found = self.take(kept, f"kept: the last row of each of {len(kept)} runs{said}")
        notes = tuple(note for note in found.notes if not note.endswith(TOGETHER))
        return replace(found, run=None, ends=True, notes=notes, merged=merged)

    def _merged(self, run: np.ndarray, progress: np.ndarray) -> str:
        """Why rows that were taken for one run may be of several; "" where nothing speaks for it.

        Raises ValueError where they are for certain.
        """
        length = progress if self.tokens is None else self.tokens
        odd, twice = [], []
        for number in np.unique(run):
            here = np.flatnonzero(run == number)
            at, tokens = progress[here], length[here]
            order = np.lexsort((tokens, at))
            if (np.diff(at[order]) == 0).any() or (np.diff(tokens[order]) < 0).any():
                twice += list(here[:1])
            elif not doubts.one_course(at[order]):
                odd += list(here[:1])
        if twice:
            where = listed(self.place, self.rows[twice[:1]])
            raise ValueError(
                f"to keep the last row of each run, a column must name the runs: {len(twice)} "
                f"sizes have several rows at one length (the first at {where}), so that "
                "they were trained more than once, and nothing tells their runs apart. Say "
                "which column names them with --column run='its name' (in Python columns={'run': "
                "'its name'}), or add one"
            )
        if odd:
            return (
                f"no column names the runs, and the lengths of {len(odd)} sizes are not those of "
                "one training with a steady log: of several trainings of one size all but the "
                "longest are lost. Say which column names the runs, --column run='its name' (in "
                "Python columns={'run': 'its name'}), or add one"
            )
        return ""

    def _identity(self) -> tuple[np.ndarray, str]:
        """Number of each row's run, and how runs were told apart if the table does not say."""
        if self.run is not None:
            if self.seed is None:
                return self.run, ""
            both = np.column_stack([self.run, pd.factorize(self.seed)[0]])
            return np.unique(both, axis=0, return_inverse=True)[1].ravel(), ""
        if "run" in self.roles:
            return np.arange(len(self)), ""
        if self.params is None:
            raise ValueError(
                "to keep the last row of each run, a column must name the runs: --column "
                "run='its name' (in Python columns={'run': 'its name'})"
            )
        keys = [np.round(np.log(self.params), 9)]
        keys += [
            pd.factorize(values)[0] for values in (self.seed, self.group) if values is not None
        ]
        names = ["params"]
        settings = [each for each in doubts.levels_of(self.settings) if each.setting]
        keys += [each.codes for each in settings]
        names += [each.name for each in settings]
        run = np.unique(np.column_stack(keys), axis=0, return_inverse=True)[1].ravel()
        return run, f"; rows are of one run if they agree in {', '.join(names)}"

    def _progress(self) -> np.ndarray:
        """How far each row's training had come."""
        step = step_column(list(map(str, self.table.columns)))
        if step is not None:
            steps = pd.to_numeric(self.table.iloc[:, step], errors="coerce")
            return np.asarray(steps, dtype=float)
        length = self.tokens if self.tokens is not None else self.flops
        return np.arange(len(self), dtype=float) if length is None else length


def _together(first: Measurements, second: Measurements) -> Measurements:
    """The runs of both, which are of one table."""
    arrays: dict[str, Any] = {
        name: None if getattr(first, name) is None
        else np.concatenate([getattr(first, name), getattr(second, name)])
        for name in _ARRAYS
    }  # fmt: skip
    return replace(first, **arrays, table=pd.concat([first.table, second.table]))


def names_of(columns: object, what: str) -> list[str]:
    """One name of a column or several as a list. Raises ValueError on anything else."""
    if isinstance(columns, str):
        return [columns]
    found = list(columns) if isinstance(columns, Iterable) else []
    if found and all(isinstance(name, str) for name in found):
        return found
    raise ValueError(f"{what} must be the name of a column, or several; got {columns!r}")


def named(table: pd.DataFrame, name: str) -> pd.Series:
    """A column by its name. Raises ValueError if there is none, or more than one."""
    count = list(table.columns).count(name)
    if count != 1:
        shown = ", ".join(map(repr, table.columns))
        raise ValueError(f"there {'is no' if not count else 'is more than one'} column {name!r}; "
                         f"there are {shown}")  # fmt: skip
    return table[name]


def matching(table: pd.DataFrame, wanted: Mapping[str, Wanted]) -> np.ndarray:
    """Which rows have these values. Texts are compared as texts, numbers as numbers."""
    chosen = np.ones(len(table), dtype=bool)
    if not isinstance(wanted, Mapping) or not all(
        np.isscalar(values) or isinstance(values, (Sequence, np.ndarray, set))
        for values in wanted.values()
    ):
        raise ValueError(
            "where must map names of columns to a value or a list of values, as in "
            f"{{'dataset': 'C4'}}; got {wanted!r}"
        )
    for name, values in wanted.items():
        column = texts(named(table, name))
        fits = np.zeros(len(table), dtype=bool)
        for value in _each(values):
            same = column == str(value).strip()
            if not same.any():
                number = _number(str(value))
                different = pd.unique(column)
                equal = [text for text in different if _number(text) == number]
                same = np.isin(column, equal)
            if not same.any():
                shown = ", ".join(map(repr, list(pd.unique(column))[:12]))
                raise ValueError(f"column {name!r} has no value {value!r}; there are {shown}")
            fits |= same
        chosen &= fits
    if not chosen.any():
        raise ValueError(f"no row has {_conditions(wanted)}")
    return chosen


def _number(text: str) -> float:
    try:
        return numbers.parse(text, False).value
    except numbers.Undecided:
        return float("nan")


def _conditions(wanted: Mapping[str, Wanted]) -> str:
    return " and ".join(
        f"{name} = {' or '.join(map(str, _each(values)))}" for name, values in wanted.items()
    )


def _each(values: Wanted) -> list[str | float]:
    if np.isscalar(values):
        return [values]  # type: ignore[list-item]  # a text or a number
    return list(values)  # type: ignore[arg-type]  # no scalar, and seen to be a list


def said_of(wanted: Mapping[str, Wanted], kept: int, count: int) -> str:
    """The note of a choice by values."""
    return f"kept: the {kept} of {count} rows with {_conditions(wanted)}"
