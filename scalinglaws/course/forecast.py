"""The reader's own predictions: kept before the run, scored after it.

A forecast is a value and an interval, written down before the answer is known. The record holds
all forecasts of a reader over the whole book; from it comes the calibration: how often the
intervals held the answer, against how often they claimed they would.

The record is a small file, `forecasts.json`, in the folder named by the environment variable
SCALINGLAWS_HOME, or else in `.scalinglaws` in the home folder. A forecast that is changed after
its answer was seen is kept, but marked, and does not count.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from numbers import Real
from pathlib import Path

from scipy.stats import binomtest

from ..estimate import Estimate


@dataclass(frozen=True)
class Forecast:
    """A value and an interval for one question, and the answer once it is known."""

    key: str
    """Chapter and question, as in "1.bigger-model"."""
    value: float
    low: float
    high: float
    level: float = 0.8
    """The share of such intervals that should hold the answer."""
    unit: str = ""
    who: str = "you"
    answer: float | None = None
    counts: bool = True
    """False if the answer was already known when the forecast was made."""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key.strip():
            raise ValueError("key must be a name such as '1.bigger-model'")
        for name in ("value", "low", "high"):
            hint = ": write your forecast down first"
            object.__setattr__(self, name, _finite(getattr(self, name), name, hint))
        if not self.low <= self.value <= self.high or self.low == self.high:
            raise ValueError(
                "the interval must have a width and hold the value: low <= value <= high, got "
                f"{self.low:g}, {self.value:g}, {self.high:g}"
            )
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1 (0.8 for 80 %), got {self.level}")
        if self.answer is not None:
            object.__setattr__(self, "answer", _finite(self.answer, "answer"))

    @property
    def hit(self) -> bool | None:
        """Did the interval hold the answer? None before the answer is known."""
        return None if self.answer is None else self.low <= self.answer <= self.high

    @property
    def score(self) -> float | None:
        """Interval score, in units of the value: the width, and a penalty for a miss.

        (high - low) + 2 / (1 - level) times the distance by which the answer fell outside; lower
        is better, and stating one's honest interval is the best strategy (Gneiting & Raftery
        2007, section 6.2). None before the answer is known.
        """
        if self.answer is None:
            return None
        outside = max(self.low - self.answer, self.answer - self.high, 0.0)
        return (self.high - self.low) + 2 / (1 - self.level) * outside

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        lines = [
            f"{self.key}, {self.who}: {self.value:.4g}{unit} "
            f"({self.level:.0%} interval {self.low:.4g} to {self.high:.4g})"
        ]
        if self.answer is None:
            lines.append("  kept; the answer is not in yet")
        else:
            off = f", {abs(self.value / self.answer - 1):.1%} off the value" if self.answer else ""
            verdict = "inside" if self.hit else "outside"
            lines.append(f"  answer {self.answer:.4g}{unit}: {verdict} the interval{off}")
            lines.append(f"  interval score {self.score:.3g} (lower is better)")
        if not self.counts:
            lines.append("  made when the answer was known: does not count")
        return "\n".join(lines)


@dataclass(frozen=True)
class Calibration:
    """How often intervals held the answer, against how often they said they would."""

    scored: int
    hits: int
    expected: float
    """Number of hits that the stated levels promise."""
    low: float
    high: float
    """95 % interval (Wilson) of the true share of hits."""

    def __str__(self) -> str:
        if not self.scored:
            return "No forecast has been scored yet."
        return (
            f"{self.hits} of {self.scored} intervals held the answer; their levels promise "
            f"{self.expected:.1f}.\nTrue share of hits, 95% interval: "
            f"{self.low:.0%} to {self.high:.0%}."
        )


def predict(
    key: str,
    value: float | Estimate,
    low: float | None = None,
    high: float | None = None,
    *,
    level: float = 0.8,
    unit: str = "",
    who: str = "you",
) -> Forecast:
    """Write a forecast down, before the run. Returns it; printing it shows what was kept.

    `value` is a number with `low` and `high`, or a fit's `Estimate`, which brings its own
    interval and level. Until the answer is in, the same call with other numbers replaces the
    forecast; afterwards it is kept as a new one that does not count. Raises ValueError or
    TypeError if the numbers are missing or do not make an interval.
    """
    if isinstance(value, Estimate):
        if low is not None or high is not None:
            raise ValueError("a fit's prediction brings its own interval: leave low and high out")
        value, low, high, level = value.value, value.low, value.high, value.level
    if low is None or high is None:
        raise ValueError("a forecast needs an interval: give low and high as well as value")
    made = Forecast(key, value, low, high, level, unit, who)
    record = load()
    same = [f for f in record if (f.key, f.who) == (made.key, made.who)]
    if any(f.key == made.key and f.answer is not None for f in record):
        made = replace(made, counts=False)
    record = [f for f in record if f not in same or f.answer is not None]
    _save([*record, made])
    return made


def score(key: str, answer: float) -> list[Forecast]:
    """Score every open forecast of `key` against the answer; returns them.

    Raises KeyError if nothing was predicted under this key, TypeError or ValueError if the answer
    is not a finite number.
    """
    answer = _finite(answer, "answer")
    record = load()
    if not any(f.key == key for f in record):
        known = ", ".join(sorted({f.key for f in record})) or "none yet"
        raise KeyError(f"no forecast named {key!r}: call predict first (known: {known})")
    open_ = [f for f in record if f.key == key and f.answer is None]
    scored = {id(f): replace(f, answer=answer) for f in open_}
    _save([scored.get(id(f), f) for f in record])
    # Scoring a second time, with nothing open, shows the last forecast of each forecaster.
    last = {f.who: f for f in record if f.key == key}
    return list(scored.values()) or list(last.values())


def calibration(who: str = "you") -> Calibration:
    """The record of one forecaster so far, over all chapters."""
    scored = [f for f in load() if f.who == who and f.answer is not None and f.counts]
    hits = sum(bool(f.hit) for f in scored)
    if not scored:
        return Calibration(0, 0, 0.0, 0.0, 1.0)
    interval = binomtest(hits, len(scored)).proportion_ci(0.95, method="wilson")
    return Calibration(len(scored), hits, sum(f.level for f in scored), interval.low, interval.high)


def path() -> Path:
    """Where the record is kept."""
    home = os.environ.get("SCALINGLAWS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".scalinglaws") / "forecasts.json"


def load() -> list[Forecast]:
    """All forecasts so far, oldest first. Raises ValueError if the file is damaged."""
    file = path()
    if not file.exists():
        return []
    try:
        return [Forecast(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"the record of forecasts cannot be read ({error}). It is the file {file}: mend it, "
            "or move it away to start a new record."
        ) from error


def _finite(number: Real, name: str, hint: str = "") -> float:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a number, got {number!r}{hint}")
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number}")
    return float(number)


def _save(record: list[Forecast]) -> None:
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(f) for f in record], indent=1)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as part:
        part.write(text)
    os.replace(name, file)  # a reader sees the old record or the new one, never half of one
