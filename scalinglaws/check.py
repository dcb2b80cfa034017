"""Instant feedback on the exercises.

`answer("1.1", 4.2, ...)` says whether 4.2 is right and, if it is not, which step probably went
wrong. Where an exercise is about the reader's own runs, the right answer is worked out from them,
so they are handed over as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .fit import PowerLawFit
from .model import ModelConfig


@dataclass(frozen=True)
class Feedback:
    """Whether an answer is right, and what to look at if it is not."""

    exercise: str
    ok: bool | None
    """None as long as there is no answer."""
    message: str

    def __str__(self) -> str:
        mark = {True: "Right", False: "Not yet", None: "Open"}[self.ok]
        return f"{self.exercise} {mark}. {self.message}"

    __repr__ = __str__


_checks: dict[str, Callable[..., tuple[bool, str]]] = {}


def answer(exercise: str, value: Any, *given: Any) -> Feedback:
    """Feedback on `value` as the answer to an exercise; `given` is what the exercise names.

    `None` counts as not answered yet. Raises KeyError for an exercise that does not exist, and
    TypeError if what the exercise needs was not handed over.
    """
    if exercise not in _checks:
        raise KeyError(f"there is no exercise {exercise!r}; there are {', '.join(sorted(_checks))}")
    if value is None:
        return Feedback(exercise, None, "Put your answer in place of None and run the cell again.")
    ok, message = _checks[exercise](value, *given)
    return Feedback(exercise, ok, message)


def _exercise(name: str) -> Callable:
    def register(check: Callable[..., tuple[bool, str]]) -> Callable[..., tuple[bool, str]]:
        _checks[name] = check
        return check

    return register


def _number(
    value: Any, truth: float, right: str, slips: list[tuple[float, str]], tolerance: float = 0.02
) -> tuple[bool, str]:
    """Compare a number with the truth, and with the results of the likely slips."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."

    def near(target: float) -> bool:
        return math.isclose(value, target, rel_tol=tolerance)

    if near(truth):
        return True, right
    for wrong, hint in slips:
        if near(wrong):
            return False, hint
    side = "large" if value > truth else "small"
    factor = value / truth if truth else math.inf
    if factor > 0 and not 0.1 < factor < 10:
        return False, f"Too {side} by more than a factor of ten: check exponents and units."
    return False, f"Too {side}."


@_exercise("1.1")
def _loss_down_a_tenth(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    alpha = fit.law.alpha
    return _number(
        value,
        (1 / 0.9) ** (1 / alpha),
        "Each further tenth costs this factor again.",
        [
            (10 ** (1 / alpha), "That divides the loss by ten; a tenth off leaves 0.9 of it."),
            (1.1 ** (1 / alpha), "Close, but a tenth off means dividing by 1/0.9, not by 1.1."),
            ((1 / 0.9) ** alpha, "The exponent stands the wrong way up: solve for C, not for L."),
            (0.9 ** (1 / alpha), "That is below 1, so it is less compute: turn it over."),
        ],
    )


@_exercise("1.2")
def _cost_of_a_bigger_model(value: Any, width: int, tokens_per_param: float) -> tuple[bool, str]:
    config = ModelConfig(width=width)
    tokens = tokens_per_param * config.params("with_head")
    return _number(
        value,
        tokens * config.flops_per_token("total"),
        "Twice the width costs well over ten times as much, since N and D both grow.",
        [
            (
                tokens * config.flops_per_token("with_head"),
                "You left out the attention scores: use flops_per_token('total').",
            ),
            (
                tokens_per_param * config.params("total") * config.flops_per_token("total"),
                "The ladder counts tokens per parameter of blocks and head, without embeddings.",
            ),
            (config.flops_per_token("total"), "That is the cost of one token: multiply by D."),
            (
                tokens * config.flops_per_token("total") / 3,
                "That is the forward pass alone; the backward pass costs twice as much again.",
            ),
        ],
        tolerance=0.005,
    )


@_exercise("1.3")
def _another_diet(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, as fit_power_law returns it."
    if len(value.x) == len(fit.x) and abs(value.x / fit.x - 1).max() < 1e-6:
        return False, "These are the runs from the chapter: give the models another diet first."
    low, high = value.interval("alpha")
    base_low, base_high = fit.interval("alpha")
    apart = low > base_high or high < base_low
    verdict = (
        "so your runs tell the two exponents apart."
        if apart
        else "so your runs do not tell the two exponents apart."
    )
    return True, (
        f"Your diet gives alpha between {low:.3f} and {high:.3f}, the chapter's between "
        f"{base_low:.3f} and {base_high:.3f}: they {'do not overlap' if apart else 'overlap'}, "
        + verdict
    )


@_exercise("1.4")
def _size_without_reading(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."
    if value <= 0:
        return False, "A loss divided by a loss is above 0."
    if value > math.log(128) / fit.law(1e15):
        return False, "No trained model is that bad: did you divide by the loss at another compute?"
    if value < 1:
        return False, (
            "Below the line with so little to read would be a surprise: the line must be taken "
            "at the compute of this run, starved.run.flops, not at that of the bigger model."
        )
    return True, f"The starved model lies {value - 1:.0%} above the line: size alone is waste."
