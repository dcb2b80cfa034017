"""The exercises of chapter 4."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .fits import comparison
from .kinds import Entry, Exercise, Judged, Reply, Slip

bits_per_byte = Exercise(
    truth=2.9 / math.log(2) / 4.2,
    right="In this unit models with different tokens can be compared, on the same text.",
    slips=(
        Slip(2.9 / math.log(2), "Those are bits per token; a token stands for 4.2 bytes."),
        Slip(2.9 / 4.2, "Those are nats per byte: one bit is ln 2 nats."),
        Slip(
            2.9 / math.log(2) * 4.2,
            "A token is more than a byte, so a byte takes fewer bits: divide.",
        ),
        Slip(
            2.9 * math.log(2) / 4.2,
            "There are more bits than nats, as a bit is the smaller unit: divide by ln 2.",
        ),
        Slip(2.9 / math.log(10) / 4.2, "A bit is ln 2 nats; you divided by ln 10."),
    ),
    tolerance=0.01,
)

where_blocks_are_most = Exercise(
    truth=96.0,
    right="Below this width, leave head and attention out only if you must.",
    slips=(
        Slip(48.0, "You left out the head or the attention: both count, and cost the same here."),
        Slip(
            160 / 3,
            "The other parts are a tenth of all FLOPs, not a tenth of those of the blocks: "
            "solve 1 / (1 + r) = 0.9 for r.",
        ),
        Slip(
            320 / 3,
            "The other parts are a tenth of all FLOPs, so a ninth of those of the blocks: "
            "solve 1 / (1 + r) = 0.9 for r.",
        ),
        Slip(192.0, "Count the blocks once more: depth is 2, so V / 12nd is 128 / 24d."),
        Slip(32 / 27, "There the blocks make up a tenth; they should make up nine."),
    ),
    tolerance=0.01,
)


def seeds_for_a_difference(sd: float) -> Exercise:
    """How many seeds tell two recipes apart that differ by 0.005, where seeds scatter by `sd`."""
    exact = 2 * (sd / 0.0025) ** 2
    seeds, too_few = math.ceil(exact), math.floor(exact)
    nearly = "Nearly: seeds come whole, and one too few does not reach the goal. Round up."
    slips = [Slip(exact, nearly), Slip(too_few, nearly)]
    taken = {seeds, too_few}
    for wrong, saying in (
        (exact / 2, "Both means scatter: the variance of a difference is the sum of the two."),
        (exact / 4, "The standard error should be half of the difference, 0.0025 nats."),
        (exact / 8, "The standard error should be half the difference; and both means scatter."),
        (2 * exact, "That counts the seeds of both recipes together: how many does each need?"),
        (math.sqrt(exact), "That is the root of it: the error falls with the root of n."),
        (2 * sd / 0.0025, "The error falls with the root of n: the ratio must be squared."),
    ):
        slips.append(Slip(wrong, saying))
        if math.ceil(wrong) not in taken:
            slips.append(Slip(math.ceil(wrong), saying))
            taken.add(math.ceil(wrong))
    return Exercise(
        truth=seeds,
        right=f"That makes {2 * seeds} runs for one comparison of two recipes.",
        slips=tuple(slips),
        tolerance=0,
        slip_tolerance=0.005,
    )


def tuned_on_the_smallest(by_rule: PowerLawFit, fixed: PowerLawFit) -> Judged:
    """A fit of the ladder at the rate of its smallest model, beside two other ladders."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, "Hand over the fit itself, the first of the two things ladder returns."
        if len(value.x) != len(by_rule.x) or not np.allclose(value.x, by_rule.x):
            return False, "The ladder should have the same five widths as the other two."
        if np.allclose(value.y, by_rule.y):
            return False, "This is the ladder in which each width has its own rate."
        if np.allclose(value.y, fixed.y):
            return False, "This is the ladder at the rate of width 32: take that of width 8."
        if not math.isclose(value.y[0], by_rule.y[0]):
            return False, (
                "At the rate that the rule gives to width 8, the smallest model must have the loss "
                "that it has in the rule's ladder; yours has another."
            )
        low, high = value.interval("alpha")
        rule_low, rule_high = by_rule.interval("alpha")
        return True, (
            f"alpha lies between {low:.4f} and {high:.4f}, by the rule between {rule_low:.4f} and "
            f"{rule_high:.4f}: {comparison(value, by_rule)}"
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "4.1": bits_per_byte,
    "4.2": where_blocks_are_most,
    "4.3": seeds_for_a_difference,
    "4.4": tuned_on_the_smallest,
}
