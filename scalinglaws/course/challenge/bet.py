"""What a student calls: train within the budget, look, commit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ... import _checks as checks
from ...runs.table import table_of
from ...training import Run, cost, sweep
from ...training.run import row_of
from .. import _record
from ..forecast import Forecast
from . import ledger
from .ledger import Entry, LedgerError
from .setting import (
    SEEDS,
    Setting,
    at_target,
    check_run,
    described,
    digest,
    first_seed,
    run_from,
    unpacked,
)

LEAST = 0.9
"""So much of the target must a run cost at least that is bet on: a run that one can afford is no
bet."""


class OverBudget(ValueError):
    """What was asked for costs more than is left; nothing was trained or charged."""


@dataclass(frozen=True)
class Commitment:
    """A configuration and the loss that it is expected to have. It cannot be taken back."""

    student: str
    run: Run
    value: float
    low: float
    high: float
    level: float
    spent: int
    """FLOPs of the budget that were spent before."""
    count: int
    """Entries in the ledger before this one, and the hash of the last of them."""
    head: str

    @property
    def forecast(self) -> Forecast:
        """The prediction, as it is scored: in nats per token."""
        key = f"bet.{digest(described(replace(self.run, seed=0)))[:8]}"
        return Forecast(key, self.value, self.low, self.high, self.level, who=self.student)

    def __str__(self) -> str:
        return _record.wrapped(
            f"{self.student} bets on {told(self.run)}",
            f"  loss {self.value:.4g} nats per token ({self.level:.0%} interval {self.low:.4g} "
            f"to {self.high:.4g}), after {self.spent:.3g} FLOPs in {self.count} entries",
        )


def told(run: Run) -> str:
    """A run in a line."""
    shape = run.model.shape()
    params = run.model.params("with_head")
    return (
        f"width {shape['width']}, depth {shape['depth']} (N = {params:,}), D = {run.tokens:,}, "
        f"{run.optimizer}, rate {run.lr:.3g}, cooldown {run.cooldown:g}"
    )


@dataclass(frozen=True)
class Bet:
    """A student's bet: the setting, who they are, and where their ledger is.

    It holds nothing else. What was spent and found is read from the ledger each time.
    """

    setting: Setting
    student: str
    path: Path

    @property
    def owner(self) -> str:
        """The name of this ledger in this machine's memory."""
        return f"{self.setting.id}/{self.student}"

    @property
    def entries(self) -> list[Entry]:
        """The ledger. Raises LedgerError if it was changed, has gone back, or is another's."""
        entries = ledger.read(self.path)
        ledger.check_memory(self.owner, entries)
        check_owner(entries, self.setting, self.student)
        return entries

    @property
    def spent(self) -> int:
        """FLOPs spent so far."""
        return spent(self.entries)

    @property
    def left(self) -> int:
        """FLOPs left to spend."""
        return self.setting.budget - self.spent

    @property
    def receipt(self) -> str:
        """A short text that says how far the ledger has come; give it to your instructor."""
        return str(ledger.receipt(self.entries))

    @property
    def commitment(self) -> Commitment | None:
        """What was committed to, if anything was."""
        return commitment(self.entries)

    def run(self, width: int, tokens: float, *, depth: int = 2, seed: int = 0, **rest: Any) -> Run:
        """A run of this bet: a transformer of this width that reads so many tokens.

        `seed` counts your own seeds, from 0 to 999. `rest` are the other settings of a `Run`: lr,
        optimizer, cooldown, batch, warmup, weight_decay, dropout, ends_lr. Raises ValueError if
        there is no such run here.
        """
        seed = first_seed(self.setting, self.student) + checks.whole(seed, "seed", 0, SEEDS - 1)
        run = Run(self.setting.model(width, depth), tokens=int(tokens), seed=seed, **rest)
        check_run(self.setting, run)
        return run

    def big(self, width: int, *, depth: int = 2, **rest: Any) -> Run:
        """A run to bet on: of this width, with as many tokens as the target pays for.

        Raises ValueError if there is no such run here.
        """
        run = at_target(self.setting, width, depth, **rest)
        check_run(self.setting, run)
        return run

    def cost(self, runs: Iterable[Run]) -> tuple[int, float]:
        """FLOPs that training these runs would be charged, and about how many seconds of one core.

        Runs that the ledger holds already cost nothing.
        """
        known = begun(self.entries)
        new = [run for run in _listed(runs) if run not in known]
        return sum(run.flops for run in new), cost(new)[1] if new else 0.0

    def train(
        self,
        runs: Run | Iterable[Run],
        *,
        workers: int | None = None,
        device: str | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Train runs, charge them, and return their rows in the table of runs.

        A run that is in the ledger costs nothing more: its row is given back, or, if it was cut
        off, it is trained to its end. Everything that is asked for is charged before it begins, or
        nothing is: raises OverBudget, which says what is left, ValueError for runs that are not of
        this bet, and LedgerError as `entries` does, or if you have committed.
        """
        asked = _listed(runs)
        for run in asked:
            check_run(self.setting, run)
            check_seed(self.setting, self.student, run)

        def charge(entries: list[Entry]) -> list[tuple[str, dict[str, Any]]]:
            check_owner(entries, self.setting, self.student)
            new = [run for run in asked if run not in begun(entries)]
            if new and commitment(entries) is not None:
                raise LedgerError("you have committed: nothing more can be trained in this bet")
            used = spent(entries)
            _check_budget(self.setting, new, used)
            bodies = []
            for run in new:
                used += run.flops
                bodies.append({"run": described(run), "flops": run.flops, "spent": used})
            return [("begun", {**body, "time": _now()}) for body in bodies]

        entries = ledger.add(self.path, self.owner, charge)
        done = results(entries)
        missing = [run for run in asked if run not in done]
        if missing:
            table = sweep(
                missing,
                self.setting.corpus(),
                store=self.path.with_suffix(".sqlite"),
                workers=workers,
                device=device,
                progress=progress,
            )
            rows: list[dict[Any, Any]] = table.to_dict("records")
            found = dict(zip(missing, rows, strict=True))
            entries = ledger.add(self.path, self.owner, lambda have: _new_results(have, found))
            _complain(found)
        return self._table(entries, asked)

    def runs(self) -> pd.DataFrame:
        """All runs of the ledger that came to an end, as a table of runs."""
        entries = self.entries
        return self._table(entries, list(results(entries)))

    def commit(self, run: Run, value: float, low: float, high: float) -> Commitment:
        """Bet on a run: its loss, in nats per token, with an interval of the setting's level.

        This can be done once, and ends the training. Raises ValueError if the run costs more than
        the target or the numbers are no interval of losses, LedgerError if you have committed.
        """
        run = replace(run, seed=0)
        check_big(self.setting, run)
        level = self.setting.level

        def enter(entries: list[Entry]) -> list[tuple[str, dict[str, Any]]]:
            check_owner(entries, self.setting, self.student)
            if commitment(entries) is not None:
                raise LedgerError("you have committed before, and a bet is made once")
            at = ledger.receipt(entries)
            made = Commitment(
                self.student, run, value, low, high, level, spent(entries), at.count, at.head
            )
            forecast = made.forecast  # says what is wrong with the numbers
            check_losses(self.setting, forecast)
            body = {
                "student": self.student,
                "run": described(run),
                **{name: getattr(forecast, name) for name in ("value", "low", "high", "level")},
                "spent": made.spent,
                "count": made.count,
                "head": made.head,
                "time": _now(),
            }
            return [("committed", body)]

        made = commitment(ledger.add(self.path, self.owner, enter))
        assert made is not None
        return made

    def _table(self, entries: Sequence[Entry], runs: Sequence[Run]) -> pd.DataFrame:
        found, corpus = results(entries), self.setting.fingerprint
        rows = []
        for run in runs:
            row = found.get(run, {"status": "failed: not finished"})
            numbers: dict[str, Any] = {
                key: math.nan if row.get(key) is None else row[key]
                for key in ("loss", "loss_std", "seconds")
            }
            rows.append(row_of(run, corpus, row["status"], **numbers))
        return table_of(rows)

    def __str__(self) -> str:
        entries = self.entries
        used, done = spent(entries), results(entries)
        lines = [str(self.setting)]
        lines.append(
            f"  {self.student}: {used:.3g} FLOPs spent in {len(begun(entries))} runs, "
            f"{self.setting.budget - used:.3g} left; {len(done)} runs came to an end"
        )
        lines.append(f"  receipt {ledger.receipt(entries)}")
        made = commitment(entries)
        return _record.wrapped(*lines) + (f"\n{made}" if made else "")


def start(setting: Setting | str, student: str, path: str | Path | None = None) -> Bet:
    """Begin a bet, or go on with it: opens the ledger of this student.

    `setting` is the string that your notebook holds. `path` is the ledger, by default
    `bet-<student>.jsonl` in the current folder; beside it stands a file of the same name, ending
    in .sqlite, with runs that were cut off. Raises ValueError if the name is no name, LedgerError
    if the ledger was changed, has gone back, or is another's.
    """
    setting = unpacked(setting) if isinstance(setting, str) else setting
    check_name(student)
    bet = Bet(setting, student, Path(path or f"bet-{student}.jsonl").expanduser())
    if bet.path.suffix in (".sqlite", ".lock"):
        raise ValueError(f"a ledger ends in .jsonl, and beside it stands another file {bet.path}")

    def open_it(entries: list[Entry]) -> list[tuple[str, dict[str, Any]]]:
        if entries:
            check_owner(entries, setting, student)
            return []
        body = {
            "bet": setting.id,
            "truth": setting.truth,
            "student": student,
            "budget": setting.budget,
            "time": _now(),
        }
        return [("opened", body)]

    ledger.add(bet.path, bet.owner, open_it)
    return bet


# ------------------------------------------------------------- what a ledger says; all of it pure


def begun(entries: Iterable[Entry]) -> dict[Run, int]:
    """The runs that were charged, each with the number of its entry."""
    return {run_from(e.body["run"]): e.number for e in entries if e.kind == "begun"}


def spent(entries: Iterable[Entry]) -> int:
    """The FLOPs that were charged."""
    return sum(e.body["flops"] for e in entries if e.kind == "begun")


def results(entries: Iterable[Entry]) -> dict[Run, dict[str, Any]]:
    """What came out, of each run that came to an end: loss, loss_std, status, seconds, device."""
    entries = list(entries)
    number = {at: run for run, at in begun(entries).items()}
    return {number[e.body["of"]]: e.body for e in entries if e.kind == "ended"}


def commitment(entries: Iterable[Entry]) -> Commitment | None:
    """What was committed to, if anything was."""
    for e in entries:
        if e.kind == "committed":
            rest = {k: v for k, v in e.body.items() if k not in ("run", "time")}
            return Commitment(run=run_from(e.body["run"]), **rest)
    return None


def check_name(student: str) -> None:
    """Raise ValueError unless this can be a student's id."""
    plain = isinstance(student, str) and 0 < len(student) <= 64 and student[0].isalnum()
    if not plain or not all(c.isascii() and (c.isalnum() or c in "._@-") for c in student):
        raise ValueError(
            "your id has letters, digits, '.', '_', '@' and '-', begins with a letter or digit, "
            f"and is at most 64 long; got {student!r}"
        )


def check_owner(entries: Sequence[Entry], setting: Setting, student: str) -> None:
    """Raise LedgerError unless these entries are of this bet and this student."""
    if not entries or entries[0].kind != "opened":
        raise LedgerError("there is no ledger here yet: begin with challenge.start(...)")
    first = entries[0].body
    if first.get("bet") != setting.id:
        raise LedgerError(f"this is a ledger of the bet {first.get('bet')}, not of {setting.id}")
    if first.get("truth") != setting.truth:
        raise LedgerError("this ledger was opened with another truth's hash")
    if first.get("student") != student:
        raise LedgerError(f"this is the ledger of {first.get('student')!r}, not of {student!r}")


def check_seed(setting: Setting, student: str, run: Run) -> None:
    """Raise ValueError unless the run has one of this student's seeds."""
    first = first_seed(setting, student)
    if not first <= run.seed < first + SEEDS:
        raise ValueError(
            f"the run has the seed {run.seed}, which is none of {student}'s: make runs by "
            "bet.run(width, tokens, seed=0), which counts your own seeds"
        )


def check_big(setting: Setting, run: Run) -> None:
    """Raise ValueError unless one may bet on this run."""
    check_run(setting, run)
    if run.flops > setting.target:
        raise ValueError(
            f"this run takes {run.flops:.4g} FLOPs, and the bet is on one of at most "
            f"{setting.target:.4g}: bet.big(width) takes as many tokens as that pays for"
        )
    one_more = run.flops + run.model.context * run.model.flops_per_token("total")
    if run.flops < LEAST * setting.target and one_more <= setting.target:
        raise ValueError(
            f"this run takes {run.flops:.4g} FLOPs, and the bet is on one of at least "
            f"{LEAST * setting.target:.4g}: bet.big(width) takes as many tokens as the target "
            "pays for"
        )


def check_losses(setting: Setting, forecast: Forecast) -> None:
    """Raise ValueError if the interval leaves what a loss can be here."""
    guessing = math.log(len(setting.language.vocabulary))
    if forecast.low < 0 or forecast.high > 2 * guessing:
        raise ValueError(
            f"the interval goes from {forecast.low:.4g} to {forecast.high:.4g} nats per token, and "
            f"a loss lies above 0. Whoever guesses has {guessing:.4g} here, and an interval that "
            "ends beyond twice that foretells nothing"
        )


def _check_budget(setting: Setting, new: Sequence[Run], used: int) -> None:
    asked, left = sum(run.flops for run in new), setting.budget - used
    if asked <= left:
        return
    smallest = min(new, key=lambda run: run.flops)
    each = smallest.model.flops_per_token("total")
    width = smallest.model.shape()["width"]
    raise OverBudget(
        f"{len(new)} new run{'s' * (len(new) > 1)} would cost {asked:.4g} FLOPs, and "
        f"{left:.4g} of {setting.budget:.4g} are left. Nothing was trained or charged. What is "
        f"left pays for {left // each:,} tokens at width {width}"
    )


def _new_results(
    have: Sequence[Entry], found: Mapping[Run, dict[Any, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Entries for what came out, but for runs that failed, which may be tried again."""
    numbers, done = begun(have), results(have)
    bodies = []
    for run, row in found.items():
        if run in done or str(row["status"]).startswith("failed"):
            continue
        plain = {
            key: None if math.isnan(row[key]) else float(row[key])
            for key in ("loss", "loss_std", "seconds")
        }
        at = {"of": numbers[run], "status": str(row["status"]), "device": str(row["device"])}
        bodies.append({**at, **plain, "time": _now()})
    return [("ended", body) for body in bodies]


def _complain(found: Mapping[Run, dict[Any, Any]]) -> None:
    failed = [row["status"] for row in found.values() if str(row["status"]).startswith("failed")]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(found)} runs were not finished ({failed[0]}). They are paid "
            "for: ask for them again, and they are trained without another charge"
        )


def _listed(runs: Run | Iterable[Run]) -> list[Run]:
    found = [runs] if isinstance(runs, Run) else list(runs)
    if len(set(found)) < len(found):
        raise ValueError("the same run stands there twice: give each its own seed")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
