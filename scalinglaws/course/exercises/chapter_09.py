"""The exercises of chapter 9."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, pair

two_digits_unknown = Exercise(
    truth=2 * math.log(10) / 5,
    right="Its exact match is one in a hundred, for the same reason.",
    slips=(
        Slip(2 * math.log(10), "That is the loss of the whole answer: divide by its five digits."),
        Slip(2 * math.log(10) / 4, "A sum of two four-digit numbers is written with five digits."),
        Slip(3 * math.log(10) / 5, "Those are the digits it knows; they cost nothing."),
        Slip(2 * math.log2(10) / 5, "That is in bits: take the natural logarithm."),
        Slip(2 / 5, "That counts the unknown digits in units of ln 10: multiply."),
        Slip(0.01, "That is its exact match: the loss is asked for."),
    ),
    tolerance=0.005,
)


def crossing(x: Any, y: np.ndarray) -> float:
    """`metrics.crossing` at one half, which loads more than an exercise should."""
    at, there = np.asarray(x, dtype=float), np.flatnonzero(y >= 0.5)
    if not len(there):
        return math.inf
    i = int(there[0])
    ends = slice(max(0, i - 1), i + 1)
    return float(np.exp(np.interp(0.5, y[ends], np.log(at[ends]))))


def kinder_examiner(steps: Any, written: Any, right: Any) -> Exercise:
    """Where an examiner who looks at the first digit alone sees half right.

    steps (checkpoints,), written (checkpoints, problems, digits), right (problems, digits).
    """
    hits = np.asarray(written) == np.asarray(right)
    ones, whole = hits[..., 0].mean(1), hits.all(-1).mean(1)
    strict = crossing(steps, whole)
    late = "not on this ladder" if math.isinf(strict) else f"at step {strict:.0f}"
    return Exercise(
        truth=crossing(steps, ones),
        right=f"All four digits are right half of the time {late}: the mark moves the place.",
        slips=(
            Slip(strict, "That asks for all four digits: take written[..., 0]."),
            Slip(crossing(steps, hits.mean((1, 2))), "That is the share of all digits."),
            Slip(crossing(steps, hits[..., -1].mean(1)), "That is the last digit, the thousands."),
            Slip(crossing(steps, hits[..., 1].mean(1)), "Those are the tens: count from 0."),
        ),
        tolerance=0.01,
    )


def another_rule(got: Any) -> Judged:
    """A bet (low, high) on a share, and what was measured; `got` is None before the run."""

    def reply(value: Any) -> Reply:
        ends = pair(value)
        if ends is None:
            return False, "Bet with a pair of numbers, (low, high)."
        low, high = ends
        if not 0 <= low < high <= 1:
            return False, "Shares lie between 0 and 1, and the lower end comes first."
        if high - low > 0.6:
            return False, "An interval that wide says next to nothing: dare more."
        if got is None:
            return False, "Now run the cell again, so that the models are trained."
        if low <= got <= high:
            return True, f"Your interval holds the answer, {got:.3f}. Next: labels=5."
        side = "above" if got > high else "below"
        return True, (
            f"The answer, {got:.3f}, lies {side} your interval. What had you not thought of?"
        )

    return Judged(reply)


five_seeds_agree = Exercise(
    truth=0.6**5 + 0.4**5,
    right="So at such a size most sets of five seeds contain both kinds.",
    slips=(
        Slip(0.6**5, "They also agree if none of them finds it."),
        Slip(0.4**5, "They also agree if all of them find it."),
        Slip(1 - 0.6**5 - 0.4**5, "That is how likely they are to disagree."),
        Slip(1 - 0.4**5, "That is how likely at least one finds it."),
        Slip(0.6**5 * 0.4**5, "Either all or none: add the two chances."),
    ),
)

POINTS = {
    "the gap between the sizes": ("gap", "far apart", "ladder", "between the last", "factor"),
    "one run of each size": ("seed", "one run", "single run", "repeat"),
    "the mark": ("exact match", "mark", "score", "credit", "metric", "log loss"),
    "how many questions": ("200", "question", "interval", "wilson", "zero"),
    "length of training, prompt or level": ("training", "steps", "prompt", "level", "threshold"),
    "what a prediction would have been": ("predict", "forecast", "extrapolat", "foreseen"),
}
"""What a report in exercise 9.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "9.1": two_digits_unknown,
    "9.2": kinder_examiner,
    "9.3": another_rule,
    "9.4": five_seeds_agree,
    "9.5": judgement(POINTS),
}
