"""The exercises of chapter 7."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kinds import Entry, Exercise, Interval, Pair, Slip

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


def paired(blocks: Any, everything: Any) -> Interval:
    """The 95 % interval of a change, from draws of both exponents (entry 0 is no draw)."""
    first, then = (np.asarray(a, dtype=float) for a in (blocks, everything))

    def ends(change: np.ndarray, share: float = 0.95) -> Pair:
        a, b = np.quantile(change[1:], ((1 - share) / 2, (1 + share) / 2))
        return float(a), float(b)

    truth = ends(then - first)
    (a_low, a_high), (b_low, b_high) = ends(first), ends(then)
    unpaired = b_low - a_high, b_high - a_low
    factor = (unpaired[1] - unpaired[0]) / (truth[1] - truth[0])
    certain = "does not hold" if truth[0] * truth[1] > 0 else "holds"
    return Interval(
        truth=truth,
        right=(
            f"It {certain} zero. From the ends of the two intervals it would be {factor:.2g} "
            "times as wide."
        ),
        slips=(
            Slip((-truth[1], -truth[0]), "The sign is turned: from the blocks to all parameters."),
            Slip((truth[1], truth[0]), "The lower end comes first."),
            Slip(
                unpaired,
                "Those are the ends of two intervals subtracted: subtract draw by draw.",
            ),
            Slip(
                (b_low - a_low, b_high - a_high),
                "Subtract draw by draw, then take the quantiles.",
            ),
            Slip(ends(then - first, 0.8), "That is the 80% interval: cut off 2.5 % at each end."),
            Slip(ends(then - first, 0.9), "That is the 90% interval: cut off 2.5 % at each end."),
            Slip(
                (a_low, a_high),
                "That is the exponent with the blocks counted; asked is the change.",
            ),
            Slip((b_low, b_high), "That is the exponent with all counted; asked is the change."),
        ),
        slack=0.05,
        otherwise="Take everything - blocks, leave out entry 0, and take its quantiles.",
    )


EXERCISES: dict[str, Entry] = {
    "7.1": two_budgets_later,
    "7.2": half_a_table,
    "7.3": all_warm_up,
    "7.4": paired,
}
