"""The exercises of chapter 4."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ...estimate import Estimate
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


MATERIAL = 0.005
"""The chapter's rule: a smaller difference of exponents is no difference."""


def a_dial_of_your_own(base_L: Any, losses: Any) -> Judged:
    """What a dial does to the exponent; `base_L` are the losses of the chapter's own ladder.

    They have a row for each width, NaN beyond its seeds.
    """
    base = np.asarray(base_L, dtype=float)
    trained = np.isfinite(base)

    def reply(value: Any) -> Reply:
        try:
            found = list(value)
        except TypeError:
            found = []
        if len(found) != 3 or not all(isinstance(each, Estimate) for each in found):
            return False, "Hand over what differences returns: three differences."
        try:
            L = np.asarray(losses, dtype=float)
        except (TypeError, ValueError):
            L = np.zeros(0)
        if L.shape != base.shape:
            return False, "Hand over the five rows that measure returns, with the chapter's seeds."
        if not (L[trained] <= math.log(128)).all():
            return False, "A run failed or diverged."
        if np.array_equal(L[trained], base[trained]):
            return False, "This is the chapter's own ladder: no dial was turned."
        if not all(each.known for each in found):
            return False, "One has no interval: take the three as differences returns them."
        ranges = ("all widths", "without the smallest", "without the largest")
        told = "; ".join(
            f"{name} {each.value:+.4f} ({each.low:+.4f} to {each.high:+.4f})"
            for name, each in zip(ranges, found, strict=True)
        )
        return True, f"The difference: {told}. {_moved(found)} Was its rate inside a scan?"

    return Judged(reply)


def _moved(found: list[Estimate]) -> str:
    """What the chapter's rule says to the differences over its three ranges."""
    if all(each.low > MATERIAL or each.high < -MATERIAL for each in found):
        return "It moves the exponent."
    if all(max(-each.low, each.high) < MATERIAL for each in found):
        return "It does not."
    return "Open."


def _letter_of_a_referee(value: Any) -> Reply:
    if not isinstance(value, str):
        return False, "Hand over your text, between triple quotes."
    if len(value.split()) < 40:
        return False, "A referee needs a few sentences more."
    if not re.search(r"\brates?\b|\b(un|re)?-?tun(e|ed|es|ing)\b", value, re.IGNORECASE):
        return False, "Compare how the two ladders were trained: what else differs?"
    if not re.search(r"\bseed|\bscan", value, re.IGNORECASE):
        return False, "Which runs would you ask for?"
    return True, "Compare with the model answer."


EXERCISES: dict[str, Entry] = {
    "4.1": bits_per_byte,
    "4.2": where_blocks_are_most,
    "4.3": seeds_for_a_difference,
    "4.4": a_dial_of_your_own,
    "4.5": Judged(_letter_of_a_referee),
}
