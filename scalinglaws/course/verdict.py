"""What the book claimed, what would have refuted it, and what came out.

A claim and the rule that would refute it are written down before the run, by `expect`; what came
out is entered after it, by `record`. The last chapter collects them all. They stand in
`verdicts.json`, beside the forecasts (see `forecast`).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from .. import _checks as checks
from ..estimate import Estimate
from . import _record

Outcome = Literal["held", "failed", "open"]


@dataclass(frozen=True)
class Verdict:
    """A claim, the rule that would refute it, and how it came out. Prints itself in words."""

    key: str
    """Chapter and claim, as in "3.cutoff"."""
    claim: str
    """What is predicted, in a sentence."""
    rule: str
    """What would refute it: quantity, range, threshold. Stated before the run."""
    outcome: Outcome = "open"
    """"open" before the run, and where the run could not decide."""
    value: Estimate | None = None
    """The quantity that the rule is about, as measured."""
    figure: str = ""
    """The anchor of the figure that shows it, if there is one."""
    beforehand: bool = True
    """False if the rule was changed after an outcome had been recorded, or written by somebody who
    had seen such runs."""
    seen: bool = False
    """Whether whoever wrote the rule had seen runs like those that it judges."""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not re.fullmatch(r"[1-9]\d*\.\S+", self.key):
            raise ValueError(f"key must be chapter and name, as in '3.cutoff', got {self.key!r}")
        for name in ("claim", "rule"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{name} must be a sentence, got {text!r}")
        if self.outcome not in get_args(Outcome):
            known = ", ".join(map(repr, get_args(Outcome)))
            raise ValueError(f"outcome must be one of {known}; got {self.outcome!r}")
        if self.value is not None and not isinstance(self.value, Estimate):
            raise ValueError(f"value must be an Estimate or None, got {self.value!r}")

    @property
    def chapter(self) -> int:
        """The chapter that the claim stands in."""
        return _record.chapter_of(self.key)

    def __str__(self) -> str:
        lines = [f"{self.key}: {self.outcome}", f"  predicted: {self.claim}"]
        lines.append(f"  refuted if: {self.rule}")
        if self.value is not None:
            lines.append(f"  came out: {self.value}")
        elif self.outcome == "open":
            lines.append("  came out: nothing that decides it yet")
        if self.figure:
            lines.append(f"  figure: {self.figure}")
        if self.seen:
            lines.append("  the rule was written after such runs had been seen")
        elif not self.beforehand:
            lines.append("  the rule was changed after an outcome was known")
        return _record.wrapped(*lines)


def expect(key: str, claim: str, rule: str, *, seen: bool = False) -> Verdict:
    """Write down, before the run, what is claimed and what would refute it. Returns the verdict.

    `seen=True` confesses that whoever wrote the rule had seen runs like those that it judges, as
    when a chapter's rule is changed after the chapter has been run. Such a rule does not count as
    stated beforehand, and the verdict says so.

    The same call again changes nothing. With another claim or rule it replaces what was written;
    if an outcome was recorded by then, that is forgotten, and the verdict says so from then on.
    Raises ValueError if the key, the claim or the rule is missing or malformed.
    """
    made = Verdict(key, claim, rule, beforehand=not seen, seen=seen)
    known = {verdict.key: verdict for verdict in load()}
    old = known.get(key)
    if old and (old.claim, old.rule, old.seen) == (claim, rule, seen):
        return old
    if old and not (old.beforehand and old.outcome == "open"):
        made = replace(made, beforehand=False)
    return _keep(known, made)


def record(
    key: str, outcome: Outcome, value: Estimate | float | None = None, figure: str = ""
) -> Verdict:
    """Enter what came out, in place of what was entered before. Returns the verdict.

    `value` is the quantity that the rule is about, with its interval; a number alone has none.
    Raises KeyError if the rule was not written down by `expect`, ValueError if the outcome is not
    "held", "failed" or "open" (for a run that cannot decide), or the value no number.
    """
    known = {verdict.key: verdict for verdict in load()}
    if key not in known:
        names = ", ".join(known) or "none yet"
        raise KeyError(f"no claim named {key!r}: call expect before the run (known: {names})")
    if value is not None and not isinstance(value, Estimate):
        value = Estimate(checks.real(value, "value"))
    return _keep(known, replace(known[key], outcome=outcome, value=value, figure=figure))


def load() -> list[Verdict]:
    """All verdicts so far, oldest first. Raises ValueError if the file is damaged."""
    return _record.load("verdicts", _read)


def collected(through: int = 99) -> list[Verdict]:
    """The verdicts of the chapters up to `through`: the reader's own, else those of the book.

    A verdict that the reader's own run has recorded takes the place of the one that came out when
    the book was last run. In the order of the chapters.
    """
    found = {verdict.key: verdict for verdict in _record.shipped("verdicts", _read, through)}
    found |= {v.key: v for v in load() if v.chapter <= through and v.outcome != "open"}
    return sorted(found.values(), key=lambda verdict: verdict.chapter)


def path() -> Path:
    """Where the verdicts are kept."""
    return _record.path("verdicts")


def _read(entry: dict[str, Any]) -> Verdict:
    value = None if entry["value"] is None else Estimate(**entry["value"])
    str(value)  # fails on what is no number
    return Verdict(**{**entry, "value": value})


def _keep(known: dict[str, Verdict], made: Verdict) -> Verdict:
    _record.save("verdicts", [asdict(v) for v in {**known, made.key: made}.values()])
    return made
