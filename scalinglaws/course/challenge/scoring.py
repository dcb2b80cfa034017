"""Is a ledger in order, are its losses true, and how good was the bet?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import _checks as checks
from ...training import Run, sweep
from .. import _record
from ..forecast import Forecast
from . import ledger
from .bet import (
    Bet,
    Commitment,
    check_big,
    check_losses,
    check_name,
    check_owner,
    check_seed,
    commitment,
    results,
    spent,
    told,
)
from .ledger import Entry, LedgerError, Receipt
from .setting import Setting, check_run, run_from
from .truth import Truth, outcomes, unseal

TOLERANCE = 0.03
"""Nats per token by which a run trained again may differ: another processor rounds otherwise, and
over thousands of steps that comes to as much as another seed."""


@dataclass(frozen=True)
class Standing:
    """What a ledger that is in order says."""

    student: str
    runs: int
    spent: int
    receipt: Receipt
    commitment: Commitment | None


@dataclass(frozen=True)
class Spot:
    """A run of a ledger that was trained again. The loss of one that diverged is infinite."""

    run: Run
    told: float
    found: float

    @property
    def agrees(self) -> bool:
        """Whether the two losses are the same, as far as rounding goes."""
        if math.isinf(self.told) or math.isinf(self.found):
            return self.told == self.found
        return abs(self.told - self.found) <= TOLERANCE

    def __str__(self) -> str:
        verdict = "agree" if self.agrees else "do NOT agree"
        return f"{told(self.run)}: told {self.told:.4f}, found {self.found:.4f}, {verdict}"


@dataclass(frozen=True)
class Outcome:
    """A bet that is settled. Losses in nats per token."""

    commitment: Commitment
    loss: float
    """Of the run that was bet on."""
    best: float
    """Of the best run that is known at the target."""

    @property
    def forecast(self) -> Forecast:
        """The prediction with its answer."""
        return replace(self.commitment.forecast, answer=self.loss)

    @property
    def score(self) -> float:
        """Interval score of the prediction (`Forecast.score`): lower is better, and it is proper,
        so that one's honest interval has the best score to be expected."""
        score = self.forecast.score
        assert score is not None
        return score

    @property
    def regret(self) -> float:
        """By how much the run that was bet on lies above the best that is known; at least 0."""
        return max(0.0, self.loss - self.best)

    @property
    def total(self) -> float:
        """Score and regret together: the lower, the better the bet."""
        return self.score + self.regret

    def __str__(self) -> str:
        held = "held" if self.forecast.hit else "did not hold"
        c = self.commitment
        return _record.wrapped(
            f"{c.student}: {told(c.run)}",
            f"  foretold {c.value:.4g} ({c.level:.0%} interval {c.low:.4g} to {c.high:.4g}), "
            f"came out {self.loss:.4g}: the interval {held} it",
            f"  interval score {self.score:.4g} + regret {self.regret:.4g} = {self.total:.4g} "
            "nats (lower is better)",
        )


def checked(setting: Setting, entries: Sequence[Entry], earlier: Receipt | None = None) -> Standing:
    """What the ledger of a student says, if it is in order.

    `entries` come from `ledger.read`, which has checked the chain. `earlier` is the last receipt
    that is known of this student. Raises LedgerError if the ledger has gone back behind it, is of
    another bet, charges too little, or holds runs of somebody else.
    """
    try:
        return _checked(setting, entries, earlier)
    except LedgerError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LedgerError(f"an entry is not as the package writes it: {error}") from None


def _checked(setting: Setting, entries: Sequence[Entry], earlier: Receipt | None) -> Standing:
    student = entries[0].body["student"] if entries else ""
    check_name(student)
    check_owner(entries, setting, student)
    if earlier is not None and not ledger.extends(entries, earlier):
        raise LedgerError(
            f"this ledger has gone back: receipt {earlier} is known of it, and it does not go on "
            "from there"
        )
    used, closed = 0, False
    charged: dict[int, Run] = {}
    seen: set[Run] = set()
    ended: set[int] = set()
    for entry in entries[1:]:
        body, where = entry.body, f"entry {entry.number}"
        if closed or entry.kind == "opened":
            raise LedgerError(f"{where}: nothing may follow a commitment, nor a second opening")
        if entry.kind == "begun":
            run = run_from(body["run"])
            check_run(setting, run)
            check_seed(setting, student, run)
            used += run.flops
            if body["flops"] != run.flops or body["spent"] != used or run in seen:
                raise LedgerError(f"{where}: the charge is not that of this run, or a second one")
            if used > setting.budget:
                raise LedgerError(f"{where}: more than the budget was spent")
            charged[entry.number] = run
            seen.add(run)
        elif entry.kind == "ended":
            _check_end(entry, charged, ended)
            ended.add(body["of"])
        elif entry.kind == "committed":
            closed = True
            _check_commitment(setting, student, entries[: entry.number], entry)
    return Standing(
        student, len(results(entries)), used, ledger.receipt(entries), commitment(entries)
    )


def _check_end(entry: Entry, charged: dict[int, Run], ended: set[int]) -> None:
    body = entry.body
    if body["of"] not in charged or body["of"] in ended:
        raise LedgerError(f"entry {entry.number}: a result without a run, or a second one")
    if body["loss"] is not None:
        checks.above_zero(body["loss"], "loss")


def _check_commitment(
    setting: Setting, student: str, before: Sequence[Entry], entry: Entry
) -> None:
    made = commitment([entry])
    assert made is not None
    check_big(setting, made.run)
    at = ledger.receipt(before)
    right = (student, spent(before), at.count, at.head, setting.level)
    if (made.student, made.spent, made.count, made.head, made.level) != right:
        raise LedgerError(f"entry {entry.number}: the commitment does not belong to this ledger")
    check_losses(setting, made.forecast)


def spot_check(
    setting: Setting, entries: Sequence[Entry], count: int = 2, seed: int = 0, **how: Any
) -> list[Spot]:
    """Train so many runs of a ledger again, drawn by a seed that its owner does not know.

    `how` goes to `sweep`. One that is told to have diverged must diverge again.
    """
    done = [
        (run, math.inf if row["loss"] is None else row["loss"])
        for run, row in results(entries).items()
    ]
    rng = np.random.default_rng(checks.seed(seed))
    chosen = [done[i] for i in rng.permutation(len(done))[:count]]
    if not chosen:
        return []
    table = sweep([run for run, _ in chosen], setting.corpus(), **how)
    return [
        Spot(run, loss, float(found) if math.isfinite(found) else math.inf)
        for (run, loss), found in zip(chosen, table["loss"], strict=True)
    ]


def settled(
    setting: Setting, truth: Truth, made: Sequence[Commitment], store: Path, **how: Any
) -> list[Outcome | None]:
    """Train what was bet on, where the truth does not hold it, and score each bet.

    The best run that is known is the best of the truth and of all that was bet on. None stands in
    the place of a bet whose run could not be trained. `how` goes to `sweep`; finished runs are in
    `store`, so this goes on where it was cut off.
    """
    known: dict[Run, float | None] = {
        replace(run, seed=0): loss for run, loss in zip(truth.runs, truth.losses, strict=True)
    }
    runs = list(dict.fromkeys(replace(one.run, seed=0) for one in made))
    missing = [run for run in runs if run not in known]
    if missing:
        known |= dict(
            zip(missing, outcomes(setting, missing, truth.seed, store, **how), strict=True)
        )
    best = min(loss for loss in known.values() if loss is not None)
    found = [known[replace(one.run, seed=0)] for one in made]
    return [
        None if loss is None else Outcome(one, loss, best)
        for one, loss in zip(made, found, strict=True)
    ]


def outcome(bet: Bet, sealed: str | Path, **how: Any) -> Outcome:
    """For one who bets alone: open the seal, train what was bet on, and see.

    `sealed` is the path of the sealed truth. Raises LedgerError unless the ledger holds a
    commitment: the seal is opened after the bet. `how` goes to `sweep`.
    """
    made = bet.commitment
    if made is None:
        raise LedgerError("the seal is opened after the bet: commit first, by bet.commit(...)")
    truth = unseal(Path(sealed).read_text(encoding="ascii"), bet.setting)
    [found] = settled(bet.setting, truth, [made], bet.path.with_suffix(".sqlite"), **how)
    if found is None:
        raise RuntimeError("your run was not trained to its end: give the command again")
    return found
