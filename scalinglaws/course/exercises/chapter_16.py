"""The exercises of chapter 16."""

from __future__ import annotations

import math
from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, number

hits_in_a_row = Exercise(
    truth=14,
    right="Fourteen hits without a miss, on questions that do not depend on each other.",
    slips=(
        Slip(13, "0.8^13 is still above 0.05."),
        Slip(math.log(0.05) / math.log(0.8), "Right, but hits come whole: round up."),
        Slip(math.log(0.95) / math.log(0.8), "Set 0.8^n to 0.05, not to 0.95."),
        Slip(math.log10(0.05) / math.log(0.8), "Take the same logarithm twice."),
        Slip(0.05 / 0.8, "A run of hits multiplies: take logarithms."),
        Slip(4, "That is 0.5^n: the intervals claim 80 %, not a half."),
    ),
    tolerance=0.001,
)

claims_by_coin = Exercise(
    truth=1.3125,
    right="So many verdicts without a doubt come from coins alone.",
    slips=(
        Slip(0.65625, "That counts only those supported: all tests against is unmixed as well."),
        Slip(2.6875, "Those are the mixed ones, scored qualified."),
        Slip(0.328125, "That is the share; asked is the number of claims."),
        Slip(2**-12, "That is one outcome of all twelve tests; add up the claims one by one."),
        Slip(2.625, "A factor of two too many: two outcomes of 2^d are unmixed, 2 * 2^-d."),
    ),
    tolerance=0.001,
)


def your_last_bet(factor: float) -> Judged:
    """A forecast of a run of the reader's own, and the same stretched by the book's `factor`."""

    def reply(value: Any) -> Reply:
        try:
            given = [number(one) for one in value]
        except TypeError:
            given = []
        if len(given) != 4 or any(one is None or one <= 0 for one in given):
            return False, "Hand over four numbers above 0: (value, low, high, measured)."
        middle, low, high, measured = (float(one) for one in given if one is not None)
        if not low < middle < high:
            return False, "The interval must hold the value, and have a width on either side."
        if not 0.3 < measured < 4:
            return False, "Give the measured loss in nats per token."
        if (high - low) / middle > 0.5:
            return False, "So wide an interval cannot fail: it spans half of the value."
        half = high - middle if measured > middle else middle - low
        off = abs(measured - middle) / half
        told = f"The answer lies {off:.2f} half widths off: "
        told += "your interval holds it" if off <= 1 else "your interval does not hold it"
        told += f", and stretched by {factor:.1f} it {'does' if off <= factor else 'does not'}. "
        return True, told + "It is one trial; write down beforehand how many more you would need."

    return Judged(reply)


POINTS = {
    "which of the three questions": ("loss", "abilit", "sufficien"),
    "a number, with what it is a number of": tuple("0123456789"),
    "that hits can depend on each other": ("one trial", "depend", "same law", "one side"),
    "the sizes at which it was measured": ("small", "scale", "size", "flops", "far"),
    "what would change your mind": ("would change", "if ", "refute", "unless"),
    "the strongest evidence on the other side": ("other side", "against", "strongest", "missed"),
}
"""What a judgement of exercise 16.4 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "16.1": hits_in_a_row,
    "16.2": claims_by_coin,
    "16.3": your_last_bet,
    "16.4": judgement(POINTS),
}
