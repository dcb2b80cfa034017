"""The exercises of chapter 10."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kinds import Entry, Exercise, Slip, judgement

enough_questions = Exercise(
    truth=math.log(1 - 0.95) / math.log(1 - 1e-3),
    right="Three divided by the rate is a good rule of thumb.",
    slips=(
        Slip(1 / 1e-3, "With 1,000 questions all are wrong more than a third of the time."),
        Slip(
            math.log(0.95) / math.log(1 - 1e-3),
            "That leaves 95 % for no right answer at all: set 0.999^n to 0.05.",
        ),
        Slip(0.95 / 1e-3, "Hits do not add up like that: some exams have two, others none."),
        Slip(math.log10(1 - 0.95) / math.log(1 - 1e-3), "Take the same logarithm twice."),
    ),
    tolerance=0.005,
)

how_sharp_a_power = Exercise(
    truth=0.25,
    right="A quarter at most, for answers of any length.",
    slips=(
        Slip(0.5, "That is exp(-s/2) at the best place: subtract exp(-s) there."),
        Slip(1 / math.e, "That is the slope at s = 1, per factor of e: a doubling is a step."),
        Slip(
            math.log(2) / math.e,
            "That takes the steepest slope for a whole doubling: maximise the difference.",
        ),
        Slip(
            math.exp(-0.5) - math.exp(-1), "That is the rise from s = 1: maximise over s = L c / N."
        ),
        Slip(2 * math.log(2), "That is the best s; asked is the rise there."),
    ),
    tolerance=0.005,
)


def as_if_fewer(em: float, p: float) -> Exercise:
    """How many independent tokens explain an exact match `em` at a token accuracy `p`."""
    return Exercise(
        truth=math.log(em) / math.log(p),
        right="So many independent tokens would explain both marks.",
        slips=(
            Slip(math.log(p) / math.log(em), "Upside down: solve p^n = em for n."),
            Slip(10, "That is how many there are; here it is how many would explain em."),
            Slip(em / p, "A power, not a product: take logarithms of both."),
            Slip(math.log(em / p), "Divide the logarithms, not the numbers."),
        ),
    )


def another_scale(steps: Any, losses: Any) -> Exercise:
    """The sharpness of the logarithm of the loss over a run."""
    u, loss = np.log2(np.asarray(steps, dtype=float)), np.asarray(losses, dtype=float)

    def sharpness(m: np.ndarray) -> float:
        start = np.linspace(u[0], u[-1] - 1, 400)
        step = np.interp(start + 1, u, m) - np.interp(start, u, m)
        return float(np.abs(step).max() / np.ptp(m))

    own, log = sharpness(loss), sharpness(np.log(loss))
    return Exercise(
        truth=log,
        right=f"The loss itself has {own:.2f}: the scale is part of the mark.",
        slips=(
            Slip(own, "That is the loss itself: take its logarithm first."),
            Slip(sharpness(np.exp(-loss)), "That is exp(-loss), a probability: take np.log(loss)."),
        ),
        tolerance=0.01,
    )


POINTS = {
    "what the loss says": ("log loss", "bend", "smooth"),
    "marks without credit for parts": ("exact match", "credit", "token accuracy", "mark"),
    "how fine the ladder is": ("ladder", "between", "five sizes", "sizes in", "gap", "checkpoint"),
    "seeds": ("seed", "second run", "another run", "repeat", "lottery"),
    "a yardstick": ("yardstick", "by heart", "rote", "baseline", "compare"),
    "a look inside": ("inside", "ablat", "head", "circuit", "attention"),
}
"""What a judgement of exercise 10.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "10.1": enough_questions,
    "10.2": how_sharp_a_power,
    "10.3": as_if_fewer,
    "10.4": another_scale,
    "10.5": judgement(POINTS),
}
