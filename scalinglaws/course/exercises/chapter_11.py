"""The exercises of chapter 11."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, not_a_number, number

_NONE = math.comb(7, 4) / math.comb(10, 4)

an_honest_pass_at_4 = Exercise(
    truth=1 - _NONE,
    right="Averaged over all ways to draw four of the ten, so nothing depends on their order.",
    slips=(
        Slip(1 - 0.7**4, "That draws with replacement: a try cannot be drawn twice."),
        Slip(_NONE, "That is the share of draws without a right answer."),
        Slip(0.3, "That is pass@1."),
        Slip(100 * (1 - _NONE), "That is in per cent: give a number between 0 and 1."),
    ),
    tolerance=0.002,
)


def what_the_test_costs(handed: ArrayLike, right: ArrayLike) -> Exercise:
    """Points that a test without errors would add to what is handed in.

    handed: whether what was handed in is right, (seeds, questions). right: whether each try is,
    (seeds, questions, tries).
    """
    had, oracle = float(np.asarray(handed).mean()), float(np.asarray(right).any(axis=-1).mean())
    return Exercise(
        truth=100 * (oracle - had),
        right="So much is lost because a wrong program passed before a right one, or instead.",
        slips=(
            Slip(oracle - had, "That is a share: give points, that is, per cent."),
            Slip(100 * oracle, "That is what the oracle scores: subtract what was handed in."),
            Slip(100 * (had - oracle), "The other way round: the oracle cannot score less."),
        ),
        tolerance=0.01,
    )


def depth_in_place_of_steps(gain: float) -> Judged:
    """What steps gain at depth 4; `gain`: what they gained at depth 2, both in points."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if not -100 <= given <= 100:
            return False, "A gain in points lies between -100 and 100."
        if 0 < abs(given) < 1:
            return False, "That looks like a share: give points, that is, per cent."
        more = "more" if given > gain else "less"
        return True, (
            f"Steps gain {given:+.1f} points at four layers and {gain:+.1f} at two, {more}. Look "
            "at the direct answers too: where depth lifts them, it does some of the work of steps."
        )

    return Judged(reply)


def when_to_buy_the_larger_model() -> Exercise:
    """After how many questions width 32, asked once, costs less than width 16, asked 16 times."""
    from ...learners import TransformerConfig

    small, large = (
        27 * TransformerConfig(width, heads=4, context=27, vocab_size=27).flops_per_token() / 3
        for width in (16, 32)
    )
    saved, trained = 16 * small - large, 3 * 64_000
    questions = trained * (large - small) / saved
    return Exercise(
        truth=questions,
        right="From there on the larger model is the cheaper one, whatever else it does better.",
        slips=(
            Slip(questions / 3, "Training on an example costs three passes forward, not one."),
            Slip(trained * large / saved, "The smaller model had to be trained as well."),
            Slip(
                trained * (large - small) / (16 * small),
                "The larger model has to answer too: subtract its pass from what is saved.",
            ),
            Slip(1 / questions, "That is the wrong way up: FLOPs by FLOPs per question."),
            Slip(
                trained * (large - small) / (16 * large - large),
                "It is the smaller model that is asked 16 times.",
            ),
        ),
    )


POINTS = {
    "supervision": ("supervis", "targets", "taught", "training signal", "labels"),
    "equal compute": ("compute", "flops", "cost", "tokens"),
    "size": ("size", "smaller", "width", "scale", "parameter"),
    "other tries": ("tries", "sampl", "vote", "best of", "pass@", "attempt"),
    "whether the steps are used": ("faithful", "used", "read back", "corrupt", "causal", "shuffle"),
    "the exam": ("held out", "held-out", "contamin", "memor", "seen in training", "leak"),
}
"""What a judgement of exercise 11.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "11.1": an_honest_pass_at_4,
    "11.2": what_the_test_costs,
    "11.3": depth_in_place_of_steps,
    "11.4": when_to_buy_the_larger_model,
    "11.5": judgement(POINTS),
}
