"""The exercises of chapter 1."""

from __future__ import annotations

import math
from typing import Any

from ...fit import PowerLawFit
from .fits import ASK
from .kinds import Entry, Exercise, Judged, Reply, Slip, not_a_number, number


def loss_down_a_tenth(fit: PowerLawFit) -> Exercise:
    """By what factor compute must grow to take a tenth off the loss, by the reader's fit."""
    alpha = fit.law.alpha
    return Exercise(
        truth=(1 / 0.9) ** (1 / alpha),
        right="Each further tenth costs this factor again.",
        slips=(
            Slip(10 ** (1 / alpha), "That divides the loss by ten; a tenth off leaves 0.9 of it."),
            Slip(1.1 ** (1 / alpha), "Close, but a tenth off means dividing by 1/0.9, not by 1.1."),
            Slip(
                (1 / 0.9) ** alpha, "The exponent stands the wrong way up: solve for C, not for L."
            ),
            Slip(0.9 ** (1 / alpha), "That is below 1, so it is less compute: turn it over."),
        ),
    )


def cost_of_a_bigger_model(width: int, tokens_per_param: float) -> Exercise:
    """The FLOPs of a run at this width and ratio of tokens to parameters."""
    from ...learners import TransformerConfig

    config = TransformerConfig(width=width)
    tokens = tokens_per_param * config.params("with_head")
    return Exercise(
        truth=tokens * config.flops_per_token("total"),
        right="Twice the width costs well over ten times as much, since N and D both grow.",
        slips=(
            Slip(
                tokens * config.flops_per_token("with_head"),
                "You left out the attention scores: use flops_per_token('total').",
            ),
            Slip(
                tokens_per_param * config.params("total") * config.flops_per_token("total"),
                "The ladder counts tokens per parameter of blocks and head, without embeddings.",
            ),
            Slip(config.flops_per_token("total"), "That is the cost of one token: multiply by D."),
            Slip(
                tokens * config.flops_per_token("total") / 3,
                "That is the forward pass alone; the backward pass costs twice as much again.",
            ),
        ),
        tolerance=0.005,
    )


def another_diet(fit: PowerLawFit) -> Judged:
    """A fit of the ladder on another number of tokens per parameter; `fit` is the chapter's."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        if len(value.x) == len(fit.x) and abs(value.x / fit.x - 1).max() < 1e-6:
            return False, "These are the runs from the chapter: give the models another diet first."
        low, high = value.interval("alpha")
        base_low, base_high = fit.interval("alpha")
        apart = low > base_high or high < base_low
        return True, (
            f"Your diet gives alpha between {low:.3f} and {high:.3f}, the chapter's between "
            f"{base_low:.3f} and {base_high:.3f}: they {'do not overlap' if apart else 'overlap'}, "
            f"so your runs {'tell' if apart else 'do not tell'} the two exponents apart."
        )

    return Judged(reply)


def size_without_reading(fit: PowerLawFit) -> Judged:
    """The loss of a starved model over that of the line; `fit` is the line."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if given <= 0:
            return False, "A loss divided by a loss is above 0."
        if given > math.log(128) / fit.law(1e15):
            return (
                False,
                "No trained model is that bad: did you divide by the loss at another compute?",
            )
        if given < 1:
            return False, (
                "Below the line with so little to read would be a surprise: the line must be taken "
                "at the compute of this run, starved.run.flops, not at that of the bigger model."
            )
        return True, f"The starved model lies {given - 1:.0%} above the line: size alone is waste."

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "1.1": loss_down_a_tenth,
    "1.2": cost_of_a_bigger_model,
    "1.3": another_diet,
    "1.4": size_without_reading,
}
