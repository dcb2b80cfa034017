"""The exercises of chapter 9."""

from __future__ import annotations

import math

from .kinds import Entry, Exercise, Slip

two_digits_unknown = Exercise(
    truth=2 * math.log(10) / 5,
    right="Its exact match is one in a hundred, for the same reason.",
    slips=(
        Slip(2 * math.log(10), "That is the loss of the whole answer: divide by its five digits."),
        Slip(2 * math.log(10) / 4, "A sum of two four-digit numbers is written with five digits."),
        Slip(3 * math.log(10) / 5, "Those are the digits it knows; they cost nothing."),
        Slip(2 * math.log2(10) / 5, "That is in bits: take the natural logarithm."),
        Slip(2 / 5, "That counts the unknown digits in units of ln 10: multiply."),
        Slip(0.01, "That is its exact match: the loss is asked for."),
    ),
    tolerance=0.005,
)

questions_without_a_right_answer = Exercise(
    truth=3838,
    right="With fewer questions, nothing right is no proof of inability.",
    slips=(
        Slip(
            1.959964**2 * (1 / 0.001 - 1),
            "Near: asked is the smallest whole n whose upper end lies under 0.1 %.",
        ),
        Slip(3 / 0.001, "That is the rule of three, from another interval. Use Wilson's."),
        Slip(1 / 0.001, "At that n one right answer is expected; its absence proves little."),
        Slip(1.644854**2 * (1 / 0.001 - 1), "That is a one-sided 95 %: take z = 1.96."),
        Slip(1.959964 * (1 / 0.001 - 1), "z stands squared in Wilson's interval."),
        Slip(1.959964**2 * (100 / 0.001 - 1), "0.1 % is 0.001."),
    ),
    tolerance=0,
    slip_tolerance=0.0005,
)

_WAY = (50 - 11.9) / (55.5 - 11.9)

size_that_passes_half = Exercise(
    truth=6.7 * (13 / 6.7) ** _WAY,
    right="The two sizes around it are a factor of 1.9 apart, and so is the honest answer.",
    slips=(
        Slip(6.7 + 6.3 * _WAY, "That is a straight line in the size: take logarithms first."),
        Slip(6.7 * (13 / 6.7) ** (1 - _WAY), "You went from the far end: start at 6.7 billion."),
        Slip(6.7e9 * (13 / 6.7) ** _WAY, "Right, but give it in billions."),
        Slip((6.7 * 13) ** 0.5, "That is half-way between the sizes, not where half is right."),
        Slip(6.7 * 10 ** (_WAY * math.log(13 / 6.7)), "Natural logarithm, but a power of ten."),
    ),
    tolerance=0.005,
)

five_seeds_agree = Exercise(
    truth=0.6**5 + 0.4**5,
    right="So at such a size most sets of five seeds contain both kinds.",
    slips=(
        Slip(0.6**5, "They also agree if none of them finds it."),
        Slip(0.4**5, "They also agree if all of them find it."),
        Slip(1 - 0.6**5 - 0.4**5, "That is how likely they are to disagree."),
        Slip(1 - 0.4**5, "That is how likely at least one finds it."),
        Slip(0.6**5 * 0.4**5, "Either all or none: add the two chances."),
    ),
)

EXERCISES: dict[str, Entry] = {
    "9.1": two_digits_unknown,
    "9.2": questions_without_a_right_answer,
    "9.3": size_that_passes_half,
    "9.4": five_seeds_agree,
}
