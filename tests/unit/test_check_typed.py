"""What a reader would type, and what is said to it: each exercise with one answer, each slip.

The numbers are written out, to four digits. They do not come from the answer key, so a truth, a
tolerance or a diagnosis that goes astray there is noticed here.
"""

from __future__ import annotations

from typing import Any

import pytest
from answering import task

from scalinglaws.course import check
from scalinglaws.course.exercises.kinds import Judged

TYPED: dict[str, tuple[tuple[Any, Any, Any, Any], dict[Any, str]]] = {
    "1.1": (
        ((3.667, 3.783), (3.671, 3.784), (3.674, 3.782), (3.672, 3.788)),
        {
            (2.221e12, 4.249e12): "divides the loss by ten",
            (3.244, 3.332): "not by 1.1",
            (0.2643, 0.2723): "turn each factor over",
            (5208, 6332): "half the loss",
            (3.7, 3.76): "80%",
        },
    ),
    "1.4": (
        (6.03, 6.05, 6.28, 6.3),
        {
            0.06164: "asked for in per cent",
            106.2: "take off the 100",
            0.09: "difference in nats",
            5.806: "below the highest",
        },
    ),
    "2.1": (
        (0.04925, 0.04991, 0.05143, 0.05209),
        {
            -0.05067: "the minus is already written",
            19.74: "1 / alpha",
            0.01317: "logarithm of 8",
            0.1924: "not the difference",
            0.022: "different bases",
            0.1167: "different bases",
        },
    ),
    "2.2": (
        (9_367_000, 9_695_000, 1.045e7, 1.078e7),
        {
            7.736e7: "half the floor",
            1_311_000: "three times the floor",
            4.714e7: "above the floor is 1",
            6.45: "wrong way up",
            240.5: "take the root",
            7.68: "not the slope",
        },
    ),
    "2.4": (
        ((1.62e22, 3.62e22), (1.70e22, 3.62e22), (1.79e22, 3.80e22), (1.79e22, 4.01e22)),
        {
            (6.768e19, 2.346e25): "ends of two intervals",
            (1.226e21, 9.666e23): "held A",
            (2.065e22, 3.141e22): "80%",
            (1.938e22, 3.409e22): "90%",
            (207.2, 419.5): "PF-days",
        },
    ),
    "3.1": (
        (0.324, 0.3283, 0.3383, 0.3427),
        {
            0.25: "exponent in size",
            0.2: "solve for alpha",
            3: "turn it over",
            1.333: "take off the 1",
        },
    ),
    "3.2": (
        (0.4147, 0.4152, 0.4189, 0.4193),
        {
            0.4118: "endless facts",
            0.09679: "Subtract",
            0.4308: "divide them by f",
            0.4997: "take the pilot's",
            -0.417: "minus is already written",
        },
    ),
    "4.1": (
        (0.9822, 0.9887, 1.004, 1.01),
        {
            4.184: "bits per token",
            0.6905: "nats per byte",
            17.57: "fewer bits: divide",
            0.4786: "divide by ln 2",
            0.2999: "divided by ln 10",
        },
    ),
    "4.2": (
        (94.66, 95.28, 96.72, 97.34),
        {
            48: "left out the head or the attention",
            53.33: "a tenth of all FLOPs, not a tenth of those of the blocks",
            106.7: "a ninth of those of the blocks",
            192: "depth is 2",
            1.185: "they should make up nine",
        },
    ),
    "4.3": (
        (33, 34, 34, 35),
        {
            33.95: "seeds come whole",
            33: "seeds come whole",
            16.97: "the sum of the two",
            17: "the sum of the two",
            8.487: "half of the difference",
            9: "half of the difference",
            4.244: "both means scatter",
            5: "both means scatter",
            67.9: "how many does each need",
            68: "how many does each need",
            5.827: "the root of it",
            6: "the root of it",
            8.24: "must be squared",
        },
    ),
    "5.1": (
        (1.936, 1.949, 1.979, 1.991),
        {
            1.315e17: "leaves 5 %",
            0.5092: "smaller model",
            1.004: "wrong way up",
            1.9: "1.05",
            1.716: "exponent of data",
            2.79: "exponent of compute",
        },
    ),
    "5.2": (
        (29.07, 29.46, 30.35, 30.74),
        {
            39.81: "mixes two fits",
            513.5: "wrong way up",
            1.419: "not on N^alpha_N",
            4.638: "eight times",
            100: "In proportion",
        },
    ),
    "5.3": (
        (5466, 5577, 5834, 5945),
        {
            8.649: "ln C",
            3.756: "base 10",
            11_190: "of the chapter",
            4.93e23: "PF-days",
        },
    ),
    "6.1": (
        (6.995, 7.089, 7.305, 7.398),
        {
            13.89: "the factor of the tokens",
            10: "if alpha and beta were equal",
            0.4286: "That is the exponent a",
            3.981: "beta says how loss falls",
            6.31: "alpha says how loss falls",
            2.683: "ten times the budget",
        },
    ),
    "6.2": (
        (0.5996, 0.6035, 0.6126, 0.6166),
        {
            1.645: "turn it over",
            0.3919: "the share that was wasted",
            0.3359: "as first printed",
            0.38: "share of Gopher's cost",
            0.497: "Gopher's discount",
            3.648: "a factor of 6",
        },
    ),
    "6.4": (
        (1.08, 1.083, 1.089, 1.092),
        {
            0.9208: "Turn it over",
            0.08605: "the ratio of fitted to true",
            0.9902: "Those sizes are centred",
            0.9333: "the other side",
            0.9994: "within=np.inf",
        },
    ),
    "7.1": (
        (8.085, 8.193, 8.442, 8.551),
        {
            0.1202: "below 1",
            831.8: "second's growth",
            100: "ratio is asked",
            1.46: "ratio of the exponents",
            1.698: "ten times the budget",
        },
    ),
    "7.2": (
        (1.006e7, 1.019e7, 1.05e7, 1.064e7),
        {
            2.07e7: "total",
            1311: "not 2/3",
            1.071e14: "not N^(1/3)",
            2.255e9: "not N^(1/2)",
            3_659_000: "twice the blocks",
            2.927e7: "third of the model",
            47_490: "raise it",
        },
    ),
    "7.3": (
        (7.644e7, 7.746e7, 7.982e7, 8.085e7),
        {
            1.573e9: "in tokens",
            3.146e10: "divide by 20",
            76_800: "are sequences",
            153_600: "512 sequences",
            26_210: "single step",
        },
    ),
    "8.1": (
        (124.2, 125.9, 129.7, 131.4),
        {
            4.851: "take the exponential",
            70_890: "base is e",
            165.4: "take off the noise",
            33.33: "add in squares",
            426.6: "Student's t",
            228_400: "their quantiles",
            24_110: "do not double",
        },
    ),
    "8.4": (
        (0.7944, 0.797, 0.803, 0.8056),
        {
            0.4096: "one error decides all",
            0.8145: "not the true one",
            0.95: "is what is claimed",
            0.9984: "at least one hit",
            80: "between 0 and 1",
        },
    ),
    "9.1": (
        (0.9146, 0.9176, 0.9245, 0.9275),
        {
            4.605: "whole answer",
            1.151: "with five digits",
            1.382: "digits it knows",
            1.329: "in bits",
            0.4: "in units of ln 10",
            0.01: "exact match",
        },
    ),
    "9.2": (
        (176.3, 176.5, 179.8, 180.1),
        {
            864: "all four digits",
            375.6: "share of all digits",
            317.5: "the thousands",
            475.7: "count from 0",
        },
    ),
    "9.4": (
        (0.08554, 0.08668, 0.08932, 0.09046),
        {
            0.07776: "none of them finds",
            0.01024: "all of them find",
            0.912: "disagree",
            0.9898: "at least one",
            0.0007963: "add the two",
        },
    ),
    "10.1": (
        (2973, 2983, 3005, 3015),
        {
            1000: "more than a third",
            51.27: "set 0.999^n to 0.05",
            950: "do not add up",
            1300: "same logarithm",
        },
    ),
    "10.2": (
        (0.2482, 0.2491, 0.2509, 0.2517),
        {
            0.5: "subtract exp(-s)",
            0.3679: "a doubling is a step",
            0.255: "maximise the difference",
            0.2387: "maximise over s",
            1.386: "the rise there",
        },
    ),
    "10.3": (
        (2.443, 2.475, 2.551, 2.583),
        {
            0.3979: "Upside down",
            10: "how many there are",
            0.25: "take logarithms",
            -1.386: "Divide the logarithms",
        },
    ),
    "10.4": (
        (0.398, 0.4007, 0.4067, 0.4093),
        {
            0.6689: "take its logarithm",
            0.5578: "a probability",
        },
    ),
    "11.1": (
        (0.831, 0.8321, 0.8346, 0.8357),
        {
            0.7599: "with replacement",
            0.1667: "without a right answer",
            0.3: "pass@1",
            83.33: "per cent",
        },
    ),
    "11.2": (
        (29.6, 29.75, 30.25, 30.4),
        {
            0.3: "give points",
            50: "what the oracle scores",
            -30: "other way round",
        },
    ),
    "11.4": (
        (37_200, 37_300, 38_750, 38_850),
        {
            12_680: "three passes",
            53_360: "trained as well",
            29_760: "answer too",
            2.63e-5: "wrong way up",
            9_122: "that is asked 16 times",
        },
    ),
    "12.1": (
        (69.84, 69.88, 70.12, 70.16),
        {
            77: "the total",
            0.7: "a share",
            40: "worst kind",
        },
    ),
    "12.2": (
        (0.4965, 0.4981, 0.5019, 0.5035),
        {
            50: "in per cent",
            0.55: "one column alone",
            0.45: "columns that carry",
            0.1: "only ever 0 or 1",
            0.05033: "lower columns may carry",
        },
    ),
    "14.1": (
        (11.539, 11.562, 11.774, 11.797),
        {
            10.67: "Those are the repetitions",
            16.39: "not all of it",
            15.39: "half is R_D ln 2",
            8.695: "Half of the constant",
            5.633: "natural logarithm",
        },
    ),
    "14.2": (
        (1.857, 1.8607, 1.8947, 1.8985),
        {
            4.324: "take log10",
            0.7135: "orders of magnitude gained",
            1.9646: "adds up in the exponent",
            2.1553: "divides again",
            0.27113: "Divide by the growth",
        },
    ),
    "13.1": (
        (1.0275e15, 1.0277e15, 1.0698e15, 1.0701e15),
        {
            4e9: "pays the factor once",
            1.149e9: "Upside down",
            4e10: "not proportional",
            1.049e6: "factor in C",
            2.354e26: "logarithm of the 4",
        },
    ),
    "13.2": (
        (2.958, 2.961, 3.08, 3.082),
        {
            0.48: "That adds",
            1.616: "four e-folds",
            47.86: "only the ratio",
            2.089: "0.12 apart",
            0.3311: "Upside down",
        },
    ),
    "16.1": (
        (13.985, 13.987, 14.013, 14.015),
        {
            13: "still above 0.05",
            13.43: "round up",
            0.2299: "not to 0.95",
            5.83: "same logarithm twice",
            0.0625: "take logarithms",
            4: "not a half",
        },
    ),
    "16.2": (
        (1.311, 1.3113, 1.3137, 1.314),
        {
            0.65625: "only those supported",
            2.6875: "mixed ones",
            0.328125: "number of claims",
            0.00024414: "one outcome",
            2.625: "factor of two",
        },
    ),
    "15.1": (
        (2.385e22, 2.393e22, 2.438e22, 2.446e22),
        {
            6.037e22: "a run gets 40 %",
            6.708e18: "3,600 seconds",
            4.83e22: "sparse",
            2.101e23: "Divide the money",
        },
    ),
    "15.2": (
        (4.655e13, 4.658e13, 4.702e13, 4.706e13),
        {
            1.56e13: "a third of the FLOPs",
            5.2e12: "The other way round",
            9.36e13: "against 6 N",
            1.215e12: "not parameters",
        },
    ),
    "15.3": (
        (0.5965, 0.5975, 0.6025, 0.6035),
        {
            0.4: "share of thinking",
            0.5: "Half and half",
            1.5: "over thinking",
            0.6667: "for p = 2",
        },
    ),
}
"""By exercise: the last that is too small, the smallest and the largest that count as right, the
first that is too large; and each wrong answer with words that only its own diagnosis has."""


@pytest.mark.parametrize("exercise", TYPED)
def test_what_is_typed_is_answered(exercise: str) -> None:
    made = task(exercise)
    edges, slips = TYPED[exercise]
    assert [made.reply(value)[0] for value in edges] == [False, True, True, False]
    sayings = {slip.saying for slip in made.slips}
    told = set()
    for value, words in slips.items():
        ok, message = made.reply(value)
        assert ok is False, value
        assert [saying for saying in sayings if words in saying] == [message], value
        told.add(message)
    assert told == sayings and len(slips) == len(made.slips), "type every slip"


def test_every_exercise_with_one_answer_is_here() -> None:
    assert {name for name in check.names() if not isinstance(task(name), Judged)} == {*TYPED}
