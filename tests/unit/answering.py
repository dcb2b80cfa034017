"""What the tests of the exercises share."""

from __future__ import annotations

from typing import Any

from scalinglaws.course import check


def refused(exercise: str, value: Any, *given: Any, saying: str) -> None:
    """Assert that `value` is not accepted, and that the message says why."""
    feedback = check.answer(exercise, value, *given)
    assert feedback.ok is False
    assert saying in feedback.message
