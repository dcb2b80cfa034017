"""The exercises of chapter 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fit import PowerLawFit
from ...text import KnownEntropy
from .fits import ASK
from .kinds import Entry, Exercise, Judged, Reply, Slip, number, pair

SIZES = 2.0 ** np.arange(11, 15)
"""How many examples the transformers of one draw of a world read."""
SLOWNESS = 14.68
"""How many of them, by the pilot, serve a transformer as well as one serves the ideal learner."""

zipf_from_the_law = Exercise(
    truth=0.25 / (1 - 0.25),
    right="The frequencies fall as rank^-4/3: a world in which rare facts matter much.",
    slips=(
        Slip(0.25, "That would be the exponent in size; in examples it is alpha / (1 + alpha)."),
        Slip(0.25 / (1 + 0.25), "You went from alpha to beta once more: solve for alpha."),
        Slip((1 - 0.25) / 0.25, "That is 1 / alpha: turn it over."),
        Slip(1 / (1 - 0.25), "That is 1 + alpha, the power of the rank: take off the 1."),
    ),
)


def how_far_is_the_end(D: Any) -> Exercise:
    """The exponent of the ideal learner in a world that ends, at `D` examples."""
    world = KnownEntropy(keys=10_000, alpha=0.7, base=36)
    D = np.asarray(D, dtype=float)
    losses = world.expected_loss(D)

    def exponent(y: np.ndarray) -> float:
        return -float(np.polyfit(np.log(D), np.log(y), 1)[0])

    truth, endless = exponent(losses - world.best_loss), world.data_exponent
    undivided = exponent(world.expected_loss(SLOWNESS * D) - world.best_loss)
    wide = KnownEntropy(keys=10_000, alpha=1.0, base=36)
    other = exponent(wide.expected_loss(D) - wide.best_loss)
    return Exercise(
        truth=truth,
        right=f"The end of the world accounts for {truth - endless:.3f} of the exponent.",
        slips=(
            Slip(
                endless, "That is the exponent of endless facts: fit the loss of the ideal learner."
            ),
            Slip(exponent(losses), "Subtract the floor, pilot.best_loss, before you fit."),
            Slip(undivided, "These are the transformers' numbers of examples: divide them by f."),
            Slip(other, "That is a world with alpha = 1: take the pilot's, alpha = 0.7."),
            Slip(
                -truth, "The slope is negative, but in L = A x^-beta the minus is already written."
            ),
        ),
        tolerance=0.005,
    )


TOLERANCE = 0.05
"""How far from the prediction the chapter's rule lets an exponent lie."""


def a_third_round(mine: Any, predicted: Any) -> Judged:
    """The exponent of transformers in a world of the reader's, beside what was predicted of it."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        if fault := _fault_of_world(mine):
            return False, fault
        if len(value.x) != len(SIZES) or not np.allclose(value.x, SIZES):
            return False, "No size may be left out: fit the losses at all of D_few."
        if value.has_floor:
            return False, "The floor is known here: subtract it and fit without one, floor=False."
        ideal = mine.expected_loss(SIZES / SLOWNESS) - mine.best_loss
        guessing = mine.expected_loss(0) - mine.best_loss
        if value.y.max() >= guessing + 1 or (value.y - ideal).min() > mine.best_loss / 2:
            return False, "These losses still hold the floor: subtract best_loss before you fit."
        theory = -float(np.polyfit(np.log(SIZES), np.log(ideal), 1)[0])
        expected = number(predicted)
        if expected is None or abs(expected - theory) > 0.03:
            return False, "Predict with ideal_slope and the constant factor f, at all of D_few."
        measured, (low, high) = value.law.alpha, value.interval("alpha")
        if abs(measured - expected) <= TOLERANCE:
            outcome = "the theory held"
        elif low > expected + TOLERANCE or high < expected - TOLERANCE:
            outcome = "the theory failed"
        else:
            outcome = "the matter is open"
        return True, (
            f"You predicted {expected:.3f} and measured {measured:.3f} ({low:.3f} to {high:.3f}): "
            f"by the rule {outcome} here."
        )

    return Judged(reply)


def _fault_of_world(mine: Any) -> str:
    """What is wrong with the reader's world; empty if nothing is."""
    if not isinstance(mine, KnownEntropy):
        return "The world, mine, should be a KnownEntropy."
    if not 0.1 <= mine.alpha <= 1.2:
        return f"Choose alpha from 0.1 to 1.2; your world has {mine.alpha:g}."
    if not 1_297 <= mine.keys <= 40_000:
        return f"Choose from 1,297 to 40,000 keys; your world has {mine.keys:,}."
    if mine.base != 36:
        return f"Write the keys in base 36, as the chapter does; your world has base {mine.base}."
    if mine.seed <= 60:
        return f"Choose a seed above 60, so that the facts are new; your world has {mine.seed}."
    return ""


THEORY = 0.5
"""The exponent of endless facts with alpha = 1, a world that the pilot's models were never in."""


def the_best_forgery(sizes: Any, paths: Any) -> Judged:
    """First and last size of the narrowest interval that holds the exponent of another world.

    `paths` has a row for each analysis: first size and one more than the last, as places in
    `sizes`, the exponent and the ends of its interval.
    """
    sizes, paths = np.asarray(sizes), np.asarray(paths, dtype=float)
    firsts, lasts = paths[:, 0].astype(int), paths[:, 1].astype(int) - 1
    low, high = paths[:, 3], paths[:, 4]
    holds = (low <= THEORY) & (high >= THEORY)
    best = int(np.argmin(np.where(holds, high - low, np.inf)))

    def reply(value: Any) -> Reply:
        ends = pair(value)
        if ends is None or not np.isfinite(ends).all():
            return False, "The answer is a pair of numbers: first and last size kept, in examples."
        same = np.isclose(sizes[firsts], ends[0]) & np.isclose(sizes[lasts], ends[1])
        if not same.any():
            return False, (
                "None of the 28 analyses keeps these. Give numbers of examples, D_live[first] and "
                "D_live[last - 1]: in `paths`, last is one more than the last place kept."
            )
        mine = int(np.argmax(same))
        told = f"{low[mine]:.3f} to {high[mine]:.3f}"
        if not holds[mine]:
            return False, f"That interval, {told}, does not hold {THEORY:.3f}."
        if mine != best:
            return False, f"That interval, {told}, holds {THEORY:.3f}, but a narrower one does too."
        return True, (
            f"Kept from {ends[0]:,.0f} to {ends[1]:,.0f} examples the exponent is "
            f"{paths[mine, 2]:.3f} ({told}): precise, and about another world. One of "
            f"{int(holds.sum())} analyses that would have passed. Now referee it."
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "3.1": zipf_from_the_law,
    "3.2": how_far_is_the_end,
    "3.3": a_third_round,
    "3.4": the_best_forgery,
}
