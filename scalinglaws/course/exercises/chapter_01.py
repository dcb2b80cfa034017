"""The exercises of chapter 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .fits import ASK
from .kinds import Entry, Exercise, Judged, Reply, Slip, not_a_number, number

DRAWS = 4000
"""Differences of two exponents that an interval is taken from."""


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


def another_diet(fit: PowerLawFit) -> Judged:
    """A fit of the ladder on another number of tokens per parameter; `fit` is the chapter's."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        if len(value.x) == len(fit.x) and abs(value.x / fit.x - 1).max() < 1e-6:
            return False, "These are the runs from the chapter: give the models another diet first."
        # Fits with one seed share the noise of their draws, so the draws are paired anew.
        rng = np.random.default_rng(0)
        theirs, ours = (rng.choice(one.draws["alpha"], DRAWS) for one in (value, fit))
        low, high = np.quantile(theirs - ours, (0.025, 0.975))
        apart = low > 0 or high < 0
        (least, most), (base_low, base_high) = value.interval("alpha"), fit.interval("alpha")
        overlap = least <= base_high and base_low <= most
        return True, (
            f"Your diet's alpha minus the chapter's lies between {low:+.3f} and {high:+.3f}, which "
            f"{'leaves out' if apart else 'holds'} zero: your runs "
            f"{'tell' if apart else 'do not tell'} the two exponents apart. Their own intervals "
            f"{'overlap' if overlap else 'do not overlap'}."
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


def spread_of_the_readings(ends: Mapping[str, float]) -> Exercise:
    """How far the highest forecast lies above the lowest, in per cent; `ends` holds them all."""
    forecasts = [float(end) for end in dict(ends).values()]
    low, high = min(forecasts), max(forecasts)
    return Exercise(
        truth=100 * (high / low - 1),
        right="Now the words: may a report that shows only one of these readings hide the rest?",
        slips=(
            Slip(high / low - 1, "That is the share; the answer is asked for in per cent."),
            Slip(100 * high / low, "That is the ratio in per cent: take off the 100."),
            Slip(high - low, "That is the difference in nats: divide it by the lowest forecast."),
            Slip(100 * (1 - low / high), "That is how far the lowest lies below the highest."),
        ),
    )


EXERCISES: dict[str, Entry] = {
    "1.1": loss_down_a_tenth,
    "1.2": another_diet,
    "1.3": size_without_reading,
    "1.4": spread_of_the_readings,
}
