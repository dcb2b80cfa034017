"""What an exercise is made of: a truth, the slips that lead elsewhere, and what is said to each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Generic, TypeVar

from ... import _checks as checks

Reply = tuple[bool, str]
"""Whether an answer is right, and what is said to it."""
Pair = tuple[float, float]
T = TypeVar("T", float, Pair)


@dataclass(frozen=True)
class Slip(Generic[T]):
    """A wrong answer that many come to, and the step that went wrong on the way."""

    value: T
    saying: str


@dataclass(frozen=True)
class Exercise:
    """An exercise whose answer is one number."""

    truth: float
    right: str
    """What is said to the right answer."""
    slips: tuple[Slip[float], ...]
    """The first that an answer comes near to is named."""
    tolerance: float = 0.02
    """How far an answer may lie from the truth, as a share of the larger of the two."""
    slip_tolerance: float | None = None
    """The same for slips. None: as for the truth."""

    def reply(self, value: Any) -> Reply:
        """Whether `value` is right, and if not, which slip it looks like."""
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if math.isclose(given, self.truth, rel_tol=self.tolerance):
            return True, self.right
        near = self.tolerance if self.slip_tolerance is None else self.slip_tolerance
        for slip in self.slips:
            if math.isclose(given, slip.value, rel_tol=near):
                return False, slip.saying
        side = "large" if given > self.truth else "small"
        factor = given / self.truth if self.truth else math.inf
        if factor > 0 and not 0.1 < factor < 10:
            return False, f"Too {side} by more than a factor of ten: check exponents and units."
        return False, f"Too {side}."


@dataclass(frozen=True)
class Interval:
    """An exercise whose answer is an interval, (low, high)."""

    truth: Pair
    right: str
    slips: tuple[Slip[Pair], ...]
    slack: float
    """How far each end may lie from that of the truth, or of a slip, as a share of its width."""
    log: bool = False
    """Measure widths and distances between logarithms; both ends must be above 0."""
    otherwise: str = ""
    """What is said to any other interval. Without it: how its width compares with the true one."""

    def reply(self, value: Any) -> Reply:
        """Whether `value` is the interval, and if not, which slip it looks like."""
        ends = pair(value)
        if ends is None:
            return False, "The answer is a pair of numbers, (low, high)."
        if not all(math.isfinite(end) and (end > 0 or not self.log) for end in ends):
            return False, f"Both ends must be finite numbers{' above 0' if self.log else ''}."
        if self._near(ends, self.truth):
            return True, self.right
        for slip in self.slips:
            if self._near(ends, slip.value):
                return False, slip.saying
        if ends[0] >= ends[1]:
            return False, "The lower end comes first, and must lie below the upper one."
        if self.otherwise:
            return False, self.otherwise
        wide = self._width(ends) / self._width(self.truth)
        unit = "orders of magnitude" if self.log else "width"
        if wide > 1.1:
            return False, f"Too wide, by a factor of {wide:.2g} in {unit}."
        if wide < 0.9:
            return False, f"Too narrow: it spans {wide:.0%} of the {unit} that it should."
        return (
            False,
            "As wide as it should be, but in the wrong place: check the formula and units.",
        )

    def _scale(self, end: float) -> float:
        return math.log(end) if self.log else end

    def _width(self, ends: Pair) -> float:
        return self._scale(ends[1]) - self._scale(ends[0])

    def _near(self, ends: Pair, target: Pair) -> bool:
        slack = self.slack * abs(self._width(target))
        pairs = zip(ends, target, strict=True)
        return all(abs(self._scale(a) - self._scale(b)) <= slack for a, b in pairs)


@dataclass(frozen=True)
class Judged:
    """An exercise about the reader's own result: there is no one truth, only what speaks for it."""

    reply: Callable[[Any], Reply]


def judgement(points: Mapping[str, Sequence[str]]) -> Judged:
    """A written judgement: told is which of `points` it weighs, by any of the words of each.

    There are many good judgements, and no program can mark them.
    """

    def reply(value: Any) -> Reply:
        if not isinstance(value, str):
            return False, "Write your judgement as text between quotes."
        if len(value.split()) < 40:
            return False, (
                "Write five or six sentences: what is established, what is open, what next."
            )
        text = value.lower()
        missing = [point for point, words in points.items() if not any(w in text for w in words)]
        told = f"You weigh {len(points) - len(missing)} of {len(points)} points"
        if missing:
            told += "; not named: " + ", ".join(missing)
        return True, told + ". Now compare with the model answer."

    return Judged(reply)


Task = Exercise | Interval | Judged
Entry = Task | Callable[..., Task]
"""An exercise, or a function that makes it from what its cell hands over."""


def number(value: Any) -> float | None:
    """`value` as a float; None unless it is one finite number."""
    try:
        return checks.real(value, "the answer")
    except (ValueError, OverflowError):  # a whole number may be too large for a float
        return None


def not_a_number(value: Any) -> str:
    """What is said to an answer that should be one number and is not."""
    return f"The answer is one finite number, not {value!r}."


def pair(value: Any) -> Pair | None:
    """`value` as two floats; None unless it is two numbers."""
    try:
        low, high = value
    except (TypeError, ValueError):
        return None
    if not all(isinstance(end, Real) and not isinstance(end, bool) for end in (low, high)):
        return None
    return float(low), float(high)
