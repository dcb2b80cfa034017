"""The exercises of chapter 7."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...fit import Factorial
from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement

two_budgets_later = Exercise(
    truth=10_000 ** (0.73 - 0.50),
    right="And it reads less text by the same factor, as both spend the same budget.",
    slips=(
        Slip(10_000 ** (0.50 - 0.73), "That is below 1: divide the first model by the second."),
        Slip(10_000**0.73, "That is how much the first model grew; divide by the second's growth."),
        Slip(10_000**0.50, "That is how much the second model grew; the ratio is asked."),
        Slip(0.73 / 0.50, "That is the ratio of the exponents: raise 10,000 to each first."),
        Slip(10 ** (0.73 - 0.50), "That is for ten times the budget, not 10,000 times."),
    ),
)

half_a_table = Exercise(
    truth=47491**1.5,
    right="Below that size most of a model is table, and the count of the blocks misleads most.",
    slips=(
        Slip(2 * 47491**1.5, "That is the total: asked is N, the blocks alone."),
        Slip(47491 ** (2 / 3), "N^(2/3) = 47491: raise to the power 3/2, not 2/3."),
        Slip(47491**3, "N / N^(1/3) is N^(2/3), not N^(1/3)."),
        Slip(47491**2, "N / N^(1/3) is N^(2/3), not N^(1/2)."),
        Slip((47491 / 2) ** 1.5, "There the tables are twice the blocks: half means as many."),
        Slip((2 * 47491) ** 1.5, "There the tables are half of the blocks, a third of the model."),
        Slip(47491, "That is N^(2/3): raise it to the power 3/2."),
    ),
)

all_warm_up = Exercise(
    truth=3000 * 512 * 1024 / 20,
    right="A smaller model on this diet never reaches its full rate.",
    slips=(
        Slip(
            3000 * 512 * 1024,
            "That is the warm-up in tokens; each parameter comes with 20 of them.",
        ),
        Slip(3000 * 512 * 1024 * 20, "The run has 20 N tokens, so divide by 20."),
        Slip(3000 * 512 / 20, "Those are sequences: each has 1,024 tokens."),
        Slip(3000 * 1024 / 20, "A step has 512 sequences, not one."),
        Slip(512 * 1024 / 20, "That is a single step; the warm-up has 3,000."),
    ),
)


def another_order(walk: Factorial) -> Judged:
    """The order of the steps in which counting moves the exponent least, one of several."""

    def moved(order: Sequence[str]) -> float:
        way, place = walk.walk(order), list(order).index("counting")
        return float(way[place + 1][0] - way[place][0])

    found = sorted((moved(order) for order in walk.orders()), key=abs)
    least, most = found[0], found[-1]

    def reply(value: Any) -> Reply:
        names = ", ".join(f'"{name}"' for name in walk.factors)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return False, f"The answer is a tuple of the four names: {names}."
        if sorted(map(str, value)) != sorted(walk.factors):
            return False, f"Give each of the four names once: {names}."
        mine = moved([str(name) for name in value])
        if math.isclose(mine, least, abs_tol=1e-9):
            return True, (
                f"Counting moves the exponent by {mine:+.3f} here, and by {most:+.3f} in the order "
                "in which it looks largest. The runs are the same."
            )
        if math.isclose(mine, most, abs_tol=1e-9):
            return False, f"Here counting looks largest, {mine:+.3f}: asked is the opposite."
        return False, (
            f"In this order counting moves the exponent by {mine:+.3f}; there is one with less. "
            "Only which steps come before it matters, not their order: eight cases."
        )

    return Judged(reply)


POINTS = {
    "the order of the steps": ("order", "interact", "add up", "combination", "factorial"),
    "the range of budgets": ("range", "budget", "decade", "larger", "scale"),
    "the method that read the exponents": ("method", "estimator", "parabola", "surface"),
    "what the interval holds": ("interval", "uncertain", "seed", "noise", "scatter"),
    "that the imitation is not the study": ("imitat", "caricature", "not kaplan", "original"),
    "which parameters are counted": ("count", "embedding", "head", "convention"),
}
"""What a judgement of exercise 7.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "7.1": two_budgets_later,
    "7.2": half_a_table,
    "7.3": all_warm_up,
    "7.4": another_order,
    "7.5": judgement(POINTS),
}
