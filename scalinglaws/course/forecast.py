"""The reader's own predictions: kept before the run, scored after it.

A forecast is a value and an interval, written down before the answer is known. The record holds
all forecasts of a reader over the whole book; from it comes the calibration: how often the
intervals held the answer, against how often they claimed they would.

The record is a small file, `forecasts.json`, in the folder named by the environment variable
SCALINGLAWS_HOME, or else in `.scalinglaws` in the home folder. A forecast that is changed after
its answer was seen is kept, but marked, and does not count. The pages of the book keep a record of
the same form in the browser; `read_in` takes in what they export.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from .. import _checks as checks
from ..estimate import Estimate
from . import _record, cards

_asked: dict[str, str] = {}
"""Questions for which the reader was asked and gave no forecast, and the unit of each."""
_told: set[str] = set()
"""Questions whose answers were told, whether or not a forecast was there to be scored."""


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
        object.__setattr__(self, "level", checks.level(self.level))
        if self.answer is not None:
            object.__setattr__(self, "answer", _finite(self.answer, "answer"))

    @property
    def hit(self) -> bool | None:
        """Did the interval hold the answer? None before the answer is known."""
        return None if self.answer is None else self.low <= self.answer <= self.high

    @property
    def off(self) -> float | None:
        """How far the answer lies from the value, in half widths of the interval on that side.

        Above 0 if the answer is larger, and from -1 to 1 if the interval holds it; infinite if it
        lies on a side where the interval has no width. None before the answer is known.

        >>> Forecast("1.a", 2.0, 1.5, 2.1, answer=1.75).off
        -0.5
        """
        if self.answer is None:
            return None
        gap = self.answer - self.value
        half = self.high - self.value if gap > 0 else self.value - self.low
        return gap / half if half else math.copysign(math.inf, gap) if gap else 0.0

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

    def stretched(self, by: float) -> Forecast:
        """The same forecast with both sides of its interval longer by this factor.

        Raises ValueError unless the factor is above 0.

        >>> wider = Forecast("1.a", 2.0, 1.5, 2.1).stretched(2)
        >>> wider.low, wider.high
        (1.0, 2.2)
        """
        by = float(checks.positive(by, "by"))
        return replace(
            self,
            low=self.value - by * (self.value - self.low),
            high=self.value + by * (self.high - self.value),
        )

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        lines = [
            f"{self.key}, {self.who}: {self.value:.4g}{unit} "
            f"({self.level:.0%} interval {self.low:.4g} to {self.high:.4g})"
        ]
        if self.answer is None:
            lines.append("  kept; the answer is not in yet")
        else:
            off = f", {_distance(self.value / self.answer)}" if self.answer else ""
            verdict = "inside" if self.hit else "outside"
            lines.append(f"  answer {self.answer:.4g}{unit}: {verdict} the interval{off}")
            lines.append(f"  interval score {self.score:.3g} (lower is better)")
        if not self.counts:
            lines.append("  made when the answer was known: does not count")
        return _record.wrapped(*lines)


def _distance(ratio: float) -> str:
    """How far a value lies from the answer, for value / answer, in words that stay readable."""
    if 0.5 <= ratio <= 2:
        return f"{abs(ratio - 1):.1%} off the answer"
    if ratio > 2:
        return f"the value is {ratio:.3g} times too large"
    if ratio > 0:
        return f"the value is {1 / ratio:.3g} times too small"
    return "the value is zero" if ratio == 0 else "the value has the wrong sign"


@dataclass(frozen=True)
class NoForecast:
    """The place of a forecast that the reader has not made: nobody bets in their name."""

    key: str
    unit: str = ""
    answer: float | None = None

    def __str__(self) -> str:
        if self.answer is None:
            return _record.wrapped(
                f"{self.key}: no forecast of yours yet. Put your value and the two ends of your "
                "interval in the place of None, and run this cell again; left as it is, the page "
                "goes on without you."
            )
        unit = f" {self.unit}" if self.unit else ""
        return _record.wrapped(
            f"{self.key}: the answer is {self.answer:.4g}{unit}; you made no forecast"
        )


@dataclass(frozen=True)
class Calibration:
    """How often intervals held the answer, against how often they said they would."""

    scored: int
    hits: int
    expected: float
    """Number of hits that the stated levels promise."""
    low: float
    high: float
    """95 % interval (Wilson) of the true share of hits. Several forecasts of one question hit or
    miss together, so they count as one trial with a shared outcome."""
    questions: int = 0
    """How many different questions the forecasts were about: the number of trials."""

    def __str__(self) -> str:
        if not self.scored:
            return "No forecast has been scored yet."
        trials = ""
        if self.questions < self.scored:
            trials = f", on {self.questions} question{'s' * (self.questions > 1)}"
        return (
            f"{self.hits} of {self.scored} intervals held the answer{trials}; their levels "
            f"promise {self.expected:.1f}.\nTrue share of hits, 95% interval: "
            f"{self.low:.0%} to {self.high:.0%}."
        )


@dataclass(frozen=True)
class SoFar:
    """How the reader and the laws have done over the chapters up to one of them."""

    chapter: int
    you: Calibration
    laws: Calibration
    missed: tuple[Forecast, ...]
    """The forecasts of laws whose intervals did not hold the answer."""

    def __str__(self) -> str:
        yours = str(self.you) if self.you.scored else "none scored yet"
        laws = str(self.laws) if self.laws.scored else "none scored yet"
        lines = [f"Forecasts up to chapter {self.chapter}"]
        lines += f"You: {yours}\nThe laws: {laws}".splitlines()
        lines += [
            f"  missed: {f.key}, {f.who}: {f.low:.4g} to {f.high:.4g}, answer {f.answer:.4g}"
            for f in self.missed
        ]
        return _record.wrapped(*lines)


def predict(
    key: str,
    value: float | Estimate | None = None,
    low: float | None = None,
    high: float | None = None,
    *,
    level: float = 0.8,
    unit: str = "",
    who: str = "you",
) -> Forecast | NoForecast:
    """Write a forecast down, before the run. Returns it; printing it shows what was kept.

    `value` is a number with `low` and `high`, or a fit's `Estimate`, which brings its own
    interval and level. With `value`, `low` and `high` all None nothing is kept, and what is
    returned says how to fill them in; in a notebook with somebody before it the card of the
    question is shown too, as by `card`. Until the answer is in, the same call with other numbers
    replaces the forecast; afterwards it is kept as a new one that does not count. Raises ValueError
    or TypeError if only some of the numbers are there, or if they do not make an interval.
    """
    if who == "you" and value is None and low is None and high is None:
        if not isinstance(key, str) or not key.strip():
            raise ValueError("key must be a name such as '1.bigger-model'")
        mine = [f for f in load() if (f.key, f.who) == (key, who)]
        _asked[key] = unit
        if cards.attended():
            cards.show(lambda: card(key, unit))
        return mine[-1] if mine else NoForecast(key, unit)
    if isinstance(value, Estimate):
        if low is not None or high is not None:
            raise ValueError("a fit's prediction brings its own interval: leave low and high out")
        if not value.known:
            raise ValueError(f"a forecast needs an interval, and this has none: {value}")
        low, high, level, value = value.low, value.high, value.level, value.value
    if low is None or high is None:
        raise ValueError("a forecast needs an interval: give low and high as well as value")
    made = Forecast(key, value, low, high, level, unit, who)  # type: ignore[arg-type] # checked
    record = load()
    same = [f for f in record if (f.key, f.who) == (made.key, made.who)]
    known = {f.who for f in record if f.key == key and f.answer is not None}
    if who != "you":  # what the reader has read in from elsewhere was no run of this record
        known.discard("you")
    if known or key in _told:
        made = replace(made, counts=False)
    record = [f for f in record if f not in same or f.answer is not None]
    _save([*record, made])
    return made


def card(key: str, unit: str = "") -> Any:
    """The card of a question, on which a value and an interval are dragged, beside a kernel.

    What the reader commits on it is kept as by `predict`, and until then nothing is. The question
    is one of the book's, and where the chapter has shown measured points before it, the bet is
    placed in their plot. Raises KeyError for another key, ImportError if anywidget is missing.
    """

    def kept(made: Forecast) -> dict[str, Any]:
        told = made.answer is not None or key in _told
        shown = {name: getattr(made, name) for name in ("value", "low", "high", "level", "counts")}
        return shown | {"answered": told}

    def keep(said: dict[str, float]) -> dict[str, Any]:
        try:
            made = predict(key, said["value"], said["low"], said["high"], unit=unit)
        except (ValueError, TypeError, OSError) as error:
            return {"wrong": str(error)}
        assert isinstance(made, Forecast)
        return kept(made)

    mine = [f for f in load() if (f.key, f.who) == (key, "you")]
    return cards.widget(key, unit, kept(mine[-1]) if mine else {}, keep)


def read_in(file: str | Path) -> list[Forecast]:
    """Take the reader's forecasts from another record, as the book's pages export it.

    Returns those that were taken: of several on one question the last. A question on which this
    record has a forecast of the reader keeps it, and those of laws stay where they are. Raises
    ValueError if the file holds no forecasts, OSError if it cannot be read.
    """
    try:
        found = [_read(entry) for entry in json.loads(Path(file).read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} holds no forecasts: {error}") from error
    record = load()
    mine = {f.key for f in record if f.who == "you"}
    last = {f.key: f for f in found if f.who == "you" and f.key not in mine}
    taken = list(last.values())
    _save([*record, *taken])
    return taken


def score(key: str, answer: float) -> list[Forecast | NoForecast]:
    """Score every open forecast of `key` against the answer; returns them.

    If the reader was asked and made none, the first of the list says so, with the answer.

    Raises KeyError if nothing was predicted under this key, TypeError or ValueError if the answer
    is not a finite number.
    """
    answer = _finite(answer, "answer")
    record = load()
    mine = any((f.key, f.who) == (key, "you") for f in record)
    without: list[Forecast | NoForecast] = []
    if key in _asked and not mine:
        without = [NoForecast(key, _asked[key], answer)]
    if not without and not any(f.key == key for f in record):
        known = ", ".join(sorted({f.key for f in record})) or "none yet"
        raise KeyError(f"no forecast named {key!r}: call predict first (known: {known})")
    _told.add(key)
    open_ = [f for f in record if f.key == key and f.answer is None]
    scored = {id(f): replace(f, answer=answer) for f in open_}
    _save([scored.get(id(f), f) for f in record])
    # Scoring a second time, with nothing open, shows the last forecast of each forecaster.
    last = {f.who: f for f in record if f.key == key}
    return without + (list(scored.values()) or list(last.values()))


def calibration(who: str = "you") -> Calibration:
    """The record of one forecaster so far, over all chapters."""
    return calibrated([f for f in load() if f.who == who])


def answered(key: str) -> float:
    """The answer to a question that was scored in an earlier chapter, in the unit of its forecasts.

    It is the reader's own where their record has one, and otherwise the one that came out when the
    book was last run. Raises KeyError if nothing under this key has been scored.

    >>> 1.3 < answered("1.bigger-model") < 1.8  # nats per token, of width 64
    True
    """
    mine = {f.key: f.answer for f in load() if f.answer is not None}
    if key in mine:
        return mine[key]
    known = {
        f.key: f.answer
        for f in _record.shipped("forecasts", _read, _record.chapter_of(key))
        if f.answer is not None
    }
    if key not in known:
        raise KeyError(f"no forecast named {key!r} has been scored")
    return known[key]


def laws(chapter: int = 99) -> list[Forecast]:
    """The forecasts of laws over the chapters up to this one, in the order of the chapters.

    Those of the reader's own runs, and for chapters that the reader has not run those that came
    out when the book was last run.

    >>> [f.who for f in laws(1)]
    ['the line', 'the parabola']
    """
    known = {(f.key, f.who): f for f in _record.shipped("forecasts", _read, chapter)}
    known |= {
        (f.key, f.who): f
        for f in load()
        if 1 <= _record.chapter_of(f.key) <= chapter and f.who != "you" and f.answer is not None
    }
    return sorted(known.values(), key=lambda f: _record.chapter_of(f.key))


def stretch(forecasts: list[Forecast], draws: int = 2000, seed: int = 16) -> Estimate:
    """By what factor all intervals must grow about their values to keep what they promise.

    The least factor with which as many intervals hold their answers as their levels add up to;
    below 1 if they were too wide. Its 95 % interval draws the questions anew, all forecasts of one
    together. Forecasts without an answer, and those that do not count, are left out. Raises
    ValueError if none is left.

    >>> asked = [Forecast(f"1.{n}", 0.0, -1.0, 1.0, answer=n / 4) for n in range(1, 11)]
    >>> stretch(asked).value  # the eighth of ten answers lies at 2 half widths
    2.0
    """
    judged = [f for f in forecasts if f.answer is not None and f.counts]
    if not judged:
        raise ValueError("there is no forecast with an answer that counts")
    questions = sorted({f.key for f in judged})
    groups = [[(abs(f.off or 0.0), f.level) for f in judged if f.key == q] for q in questions]

    def least(chosen: Iterable[int]) -> float:
        rows = [row for i in chosen for row in groups[i]]
        promised = sum(level for _, level in rows)
        return sorted(off for off, _ in rows)[max(math.ceil(promised - 1e-9), 1) - 1]

    picks = np.random.default_rng(seed).integers(len(groups), size=(draws, len(groups)))
    low, high = np.quantile([least(pick) for pick in picks], (0.025, 0.975))
    return Estimate(least(range(len(groups))), float(low), float(high))


def so_far(chapter: int) -> SoFar:
    """How the reader and the laws have done over the chapters up to this one.

    The laws' forecasts are those of the reader's own runs, and for chapters that the reader has
    not run those that came out when the book was last run.
    """
    judged = laws(chapter)
    missed = tuple(f for f in judged if f.counts and f.hit is False)
    yours = [f for f in load() if f.who == "you" and 1 <= _record.chapter_of(f.key) <= chapter]
    return SoFar(chapter, calibrated(yours), calibrated(judged), missed)


def calibrated(forecasts: list[Forecast]) -> Calibration:
    """How often these intervals held their answers; forecasts of one key are one trial.

    Those without an answer, and those that do not count, are left out.

    >>> print(calibrated([Forecast("1.a", 2.0, 1.5, 2.1, answer=1.75)]))
    1 of 1 intervals held the answer; their levels promise 0.8.
    True share of hits, 95% interval: 21% to 100%.
    """
    scored = [f for f in forecasts if f.answer is not None and f.counts]
    hits = sum(bool(f.hit) for f in scored)
    if not scored:
        return Calibration(0, 0, 0.0, 0.0, 1.0)
    questions = len({f.key for f in scored})
    low, high = _wilson(hits / len(scored), questions)
    expected = sum(f.level for f in scored)
    return Calibration(len(scored), hits, expected, low, high, questions)


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval for a share over n trials, which may have been hit in part.

    `estimate.wilson` asks for whole hits; where there are, the two agree.
    """
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def path() -> Path:
    """Where the record is kept."""
    return _record.path("forecasts")


def load() -> list[Forecast]:
    """All forecasts so far, oldest first. Raises ValueError if the file is damaged."""
    return _record.load("forecasts", _read)


def _read(entry: dict[str, Any]) -> Forecast:
    return Forecast(**entry)


def _finite(number: Any, name: str, hint: str = "") -> float:
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a number, got {number!r}{hint}")
    return checks.real(number, name)


def _save(record: list[Forecast]) -> None:
    _record.save("forecasts", [asdict(forecast) for forecast in record])
