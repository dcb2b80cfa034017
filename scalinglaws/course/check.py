"""Instant feedback on the exercises.

`answer("1.1", 4.2, ...)` says whether 4.2 is right and, if it is not, which step probably went
wrong. Where an exercise is about the reader's own runs, the right answer is worked out from them,
so they are handed over as well. The exercises themselves stand in `exercises/`, one file a chapter.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from typing import Any

from . import exercises
from .exercises.kinds import Entry, Task


@dataclass(frozen=True)
class Feedback:
    """Whether an answer is right, and what to look at if it is not."""

    exercise: str
    ok: bool | None
    """None as long as there is no answer."""
    message: str

    def __str__(self) -> str:
        mark = {True: "Right", False: "Not yet", None: "Open"}[self.ok]
        return textwrap.fill(f"{self.exercise} {mark}. {self.message}", 74)

    __repr__ = __str__


def answer(exercise: str, value: Any, *given: Any) -> Feedback:
    """Feedback on `value` as the answer to an exercise; `given` is what the exercise names.

    `None` counts as not answered yet. Raises KeyError for an exercise that does not exist, and
    TypeError if what the exercise needs was not handed over.
    """
    _entry(exercise)
    if value is None:
        return Feedback(exercise, None, "Put your answer in place of None and run the cell again.")
    ok, message = task(exercise, *given).reply(value)
    return Feedback(exercise, ok, message)


def task(exercise: str, *given: Any) -> Task:
    """The exercise as data: its truth, its slips, and what is said to each.

    Raises KeyError for an exercise that does not exist, and TypeError if what it needs was not
    handed over.
    """
    entry, needed = _entry(exercise), needs(exercise)
    if len(given) != len(needed):
        raise TypeError(
            f"exercise {exercise} needs {', '.join(needed) or 'nothing'} besides the answer, "
            f"got {len(given)} things: hand over what its cell names"
        )
    return entry(*given) if callable(entry) else entry


def needs(exercise: str) -> list[str]:
    """What an exercise must be handed besides the answer. Raises KeyError if there is none such."""
    entry = _entry(exercise)
    return list(signature(entry).parameters) if callable(entry) else []


def names() -> list[str]:
    """All exercises, in the order of the book."""
    return [name for chapter in _chapters() for name in _exercises(chapter)]


def _chapters() -> list[int]:
    """The chapters that have exercises."""
    files = (module.name for module in iter_modules(exercises.__path__))
    return sorted(
        int(match[1]) for name in files if (match := re.fullmatch(r"chapter_(\d+)", name))
    )


def _exercises(chapter: int) -> dict[str, Entry]:
    """The exercises of a chapter, whose file is loaded if it was not yet."""
    found: dict[str, Entry] = import_module(f"{exercises.__name__}.chapter_{chapter:02}").EXERCISES
    return found


def _entry(exercise: str) -> Entry:
    match = re.fullmatch(r"([1-9]\d*)\.\d+", exercise) if isinstance(exercise, str) else None
    if match and int(match[1]) in _chapters():
        found = _exercises(int(match[1])).get(exercise)
        if found is not None:
            return found
    raise KeyError(f"there is no exercise {exercise!r}; there are {', '.join(names())}")
