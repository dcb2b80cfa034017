"""What hidden tests use: questions to the student's notebook, and answers that say what went wrong.

A hidden test is plain Python in a cell of the master. It runs in the grader's process, never in the
student's, with these names at hand: `truth` (what the student's world knows), `ask("alpha")` (a
value of the notebook), `call("price", 0.3, 2)` (what a function of the notebook returns), and the
helpers below. It passes if no assertion fails; the message of the one that fails is the feedback.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Real
from typing import Any, Protocol

import numpy as np

Slips = Sequence[tuple[float, str]]


class Refused(AssertionError):
    """The notebook gave no answer: the message says why."""


class Asked(Protocol):
    """A notebook that can be asked: in a sandbox, or in this process."""

    def run(self, source: str) -> dict[str, Any]: ...
    def ask(self, expression: str) -> dict[str, Any]: ...
    def call(self, function: str, arguments: list[Any]) -> dict[str, Any]: ...


def array(values: Any) -> dict[str, Any]:
    """An argument that the student's function gets as a numpy array."""
    return {"array": np.asarray(values).tolist()}


def table(values: Any) -> dict[str, Any]:
    """An argument that the student's function gets as a DataFrame."""
    return {"table": {str(key): np.asarray(values[key]).tolist() for key in values}}


def answer(reply: dict[str, Any], what: str) -> Any:
    """The value in a reply. Raises Refused if there is none."""
    if reply.get("error") is not None:
        error = str(reply["error"])
        missing = re.fullmatch(r"NameError: name '(\w+)' is not defined.*", error, re.S)
        if missing or "NotImplementedError" in error:
            raise Refused(f"{what}: there is no answer yet ({error})")
        raise Refused(f"{what}: {error}")
    return reply.get("value")


def number(value: Any, name: str) -> float:
    """`value` as a finite number, or a message that it is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    assert isinstance(value, Real) and not isinstance(value, bool), (
        f"{name} should be one number, not {short(value)}"
    )
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    assert math.isfinite(found), f"{name} should be a finite number, not {value}"
    return found


def numbers(value: Any, name: str, count: int | None = None) -> list[float]:
    """`value` as a list of finite numbers, of this length."""
    assert isinstance(value, list), f"{name} should be a list or an array, not {short(value)}"
    assert count is None or len(value) == count, (
        f"{name} should hold {count} numbers, not {len(value)}"
    )
    return [number(one, f"{name}[{i}]") for i, one in enumerate(value)]


def interval(value: Any, name: str) -> tuple[float, float]:
    """`value` as (low, high) with low below high. An Estimate will do."""
    if isinstance(value, dict) and {"low", "high"} <= set(value):
        value = [value["low"], value["high"]]
    low, high = numbers(value, name, 2)
    assert low < high, f"{name}: the lower end comes first, and lies below the upper one"
    return low, high


def near(
    value: Any,
    right: float,
    name: str,
    *,
    share: float = 0.0,
    by: float = 0.0,
    slips: Slips = (),
    otherwise: str = "",
) -> None:
    """Pass if `value` lies within `by`, or within this share of it, of the right one.

    `slips` are wrong answers that many come to, with what is said to each: the one that the answer
    lies next to is named, if it lies as near to that as it would have to lie to the right one.
    """
    found = number(value, name)

    def miss(target: float) -> float:
        room = max(by, share * abs(target), 1e-12)
        return abs(found - target) / room

    if miss(right) <= 1:
        return
    closest = min(slips, key=lambda slip: miss(slip[0]), default=None)
    if closest is not None and miss(closest[0]) <= 1:
        raise AssertionError(f"{name}: {closest[1]}")
    side = "too large" if found > right else "too small"
    raise AssertionError(f"{name} is {side}, at {found:.4g}. {otherwise}".strip())


def apart(right: float, *others: float, share: float = 0.0, by: float = 0.0) -> bool:
    """Whether wrong answers lie so far from the right one that no test takes one for the other."""
    return all(abs(right - other) > 2.5 * max(by, share * abs(right)) for other in others)


def short(value: Any) -> str:
    """`value` in few letters, for a message."""
    told = repr(value)
    return told if len(told) <= 60 else told[:57] + "..."
