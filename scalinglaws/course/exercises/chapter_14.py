"""The exercises of chapter 14."""

from __future__ import annotations

import math
from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, not_a_number, number

half_a_reading = Exercise(
    truth=1 + 15.39 * math.log(2),
    right="By the published law; with a constant of 3 it would be about three readings.",
    slips=(
        Slip(15.39 * math.log(2), "Those are the repetitions; the first reading counts as well."),
        Slip(1 + 15.39, "There a reading is worth 1/e; take ln 2 of the constant, not all of it."),
        Slip(15.39, "There a repetition is worth 1/e; half is R_D ln 2, and one reading more."),
        Slip(1 + 15.39 / 2, "Half of the constant is not half of the worth: solve exp(-R/R_D)."),
        Slip(1 + 15.39 * math.log10(2), "The law has e in it: take the natural logarithm."),
    ),
    tolerance=0.01,
)

years_for_a_factor = Exercise(
    truth=math.log10(5.17) / 0.38,
    right="Less than two years: what grows is the demand, and a cure is one factor.",
    slips=(
        Slip(math.log(5.17) / 0.38, "0.38 counts orders of magnitude: take log10."),
        Slip(math.log10(5.17), "Those are the orders of magnitude gained; divide by their growth."),
        Slip(5.17 * 0.38, "A growth adds up in the exponent: take the logarithm of the factor."),
        Slip(
            5.17 / 10**0.38, "Each year divides again: ask how often 2.4 goes into 5.17 as a power."
        ),
        Slip(math.log10(5.17) * 0.38, "Divide by the growth: slower growth means more years."),
    ),
    tolerance=0.01,
)


def own_cure(stop: float) -> Judged:
    """A cured loss of width 16 on the ration of the chapter; `stop`: the best stop without cure."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if not 1.5 < given < 4:
            return False, "Give the mean loss over the three rations, in nats per token."
        gain = stop - given
        if gain < 0:
            return False, (
                f"{-gain:.3f} nats worse than the best stop: a narrow model wants less decay than "
                "a wide one, and the more decay, the more readings it can use."
            )
        if gain < 0.02:
            return False, f"Better than the best stop by {gain:.3f} nats; 0.02 can be had."
        return True, (
            f"Better than the best stop by {gain:.3f} nats. You chose by the loss that you report: "
            "a fresh ration would say how much of it is luck."
        )

    return Judged(reply)


POINTS = {
    "that the constant moves": ("constant", "r_d", "4 epochs", "four epochs", "four readings"),
    "against which baseline": ("baseline", "best stop", "early stop", "weak decay", "compared"),
    "how many years a factor buys": ("year", "growth", "grows", "2.4"),
    "the size of the rations and models": ("scale", "small", "size", "billion", "larger"),
    "that counting was better": ("count", "kneser", "n-gram", "ngram"),
    "who taught the writer of synthetic text": (
        "teacher",
        "student",
        "synthetic",
        "wrote",
        "written",
    ),
}
"""What a judgement of exercise 14.4 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "14.1": half_a_reading,
    "14.2": years_for_a_factor,
    "14.3": own_cure,
    "14.4": judgement(POINTS),
}
