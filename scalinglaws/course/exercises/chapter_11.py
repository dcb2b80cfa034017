"""The exercises of chapter 11."""

from __future__ import annotations

import math

from .kinds import Entry, Exercise, Slip

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

_TRIES = math.log(0.05) / math.log(5 / 6)

the_oracle_and_the_guesser = Exercise(
    truth=math.ceil(_TRIES),
    right="So many throws of a die look like a model that is right 95 times in 100.",
    slips=(
        Slip(_TRIES, "Tries are whole: round up."),
        Slip(math.floor(_TRIES), "One try fewer than needed: round up."),
        Slip(math.log(0.05) / math.log(1 / 6), "A throw misses with 5/6, not with 1/6."),
        Slip(6 * 0.95, "The chances of several throws do not add up: they may hit twice."),
    ),
    tolerance=1e-3,
)

_PASSES = 0.3 + (1 - 0.3) * (1 / 9)

a_leaky_check = Exercise(
    truth=0.3 / _PASSES,
    right="Asking longer does not help: this is where the check levels off.",
    slips=(
        Slip(_PASSES, "That is how often a try passes: how many of those are right?"),
        Slip(1 - 0.3 / _PASSES, "That is how often the answer that passes is wrong."),
        Slip(
            1 - 1 / 9,
            "That is how often a wrong try is stopped: weigh it by how many are wrong.",
        ),
        Slip(
            0.3 / (0.3 + 1 / 9),
            "The leak lets through a ninth of the wrong tries, not of all.",
        ),
        Slip(100 * 0.3 / _PASSES, "That is in per cent: give a number between 0 and 1."),
    ),
    tolerance=0.003,
)


def when_to_buy_the_larger_model() -> Exercise:
    """After how many questions width 32, asked once, costs less than width 8, asked 32 times."""
    from ...learners import TransformerConfig

    small, large = (
        20 * TransformerConfig(width, context=20, vocab_size=14).flops_per_token() / 3
        for width in (8, 32)
    )
    saved = 32 * small - large
    questions = 3 * 19_200 * (large - small) / saved
    return Exercise(
        truth=questions,
        right="From there on the larger model is the cheaper one, whatever else it does better.",
        slips=(
            Slip(questions / 3, "Training on an example costs three passes forward, not one."),
            Slip(3 * 19_200 * large / saved, "The smaller model had to be trained as well."),
            Slip(
                3 * 19_200 * (large - small) / (32 * small),
                "The larger model has to answer too: subtract its pass from what is saved.",
            ),
            Slip(1 / questions, "That is the wrong way up: FLOPs by FLOPs per question."),
            Slip(
                3 * 19_200 * (large - small) / (32 * large - large),
                "It is the smaller model that is asked 32 times.",
            ),
        ),
    )


EXERCISES: dict[str, Entry] = {
    "11.1": an_honest_pass_at_4,
    "11.2": the_oracle_and_the_guesser,
    "11.3": a_leaky_check,
    "11.4": when_to_buy_the_larger_model,
}
