"""The exercises of chapter 2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..._checks import whole
from ...fit import PowerLawFit
from .kinds import Entry, Exercise, Interval, Judged, Pair, Reply, Slip, judgement

exponent_of_two_points = Exercise(
    truth=math.log(4.0 / 3.6) / math.log(8.0),
    right="Two points fix the line, and leave nothing to judge it by.",
    slips=(
        Slip(
            -math.log(4.0 / 3.6) / math.log(8.0),
            "The slope is negative, but in L = A x^-alpha the minus is already written.",
        ),
        Slip(
            math.log(8.0) / math.log(4.0 / 3.6),
            "That is 1 / alpha: the logarithm of the factor in x belongs below.",
        ),
        Slip(math.log(4.0 / 3.6) / 8.0, "Divide by the logarithm of 8, not by 8."),
        Slip(
            (4.0 - 3.6) / math.log(8.0),
            "A power law is about factors: take the ratio 4.0 / 3.6, not the difference.",
        ),
        Slip(
            math.log10(4.0 / 3.6) / math.log(8.0),
            "The two logarithms have different bases; any base will do, but the same one.",
        ),
        Slip(
            math.log(4.0 / 3.6) / math.log10(8.0),
            "The two logarithms have different bases; any base will do, but the same one.",
        ),
    ),
)

where_the_slope_is_halved = Exercise(
    truth=(406.4 / 1.69) ** (1 / 0.34),
    right="There the part above the floor is as large as the floor itself.",
    slips=(
        Slip(
            (2 * 406.4 / 1.69) ** (1 / 0.34),
            "There the part above the floor is half the floor; the slope asks for half of L.",
        ),
        Slip(
            (406.4 / (2 * 1.69)) ** (1 / 0.34),
            "There L is three times the floor: solve L - E = L / 2 for L first.",
        ),
        Slip(406.4 ** (1 / 0.34), "There the part above the floor is 1; where does it equal E?"),
        Slip(
            (406.4 / 1.69) ** 0.34, "The exponent stands the wrong way up: solve for N, not for L."
        ),
        Slip(406.4 / 1.69, "That is N^alpha: take the root, by raising it to the power 1 / alpha."),
        Slip(2 ** (1 / 0.34), "That factor in N halves the part above the floor, not the slope."),
    ),
    tolerance=0.05,
)


NOISE = 0.006
"""Scatter of one run's loss, as a share of it, that exercise 2.3 assumes."""

GOOD_LADDER = 0.7
"""The share of the eighteen runs' doubt about the bend that a good ladder leaves."""

MOST_RUNS = 24
"""As many runs as a ladder of exercise 2.3 may have."""


def doubt_of_a_bend(flops: ArrayLike) -> float:
    """Standard error of the bend that runs of this compute give, by least squares."""
    u = np.log(np.asarray(flops, float))
    powers = np.vander(u - u.mean(), 3)
    return float(2 * math.log(10) * NOISE * math.sqrt(np.linalg.inv(powers.T @ powers)[0, 0]))


def ladder_for_a_bend(before: Sequence[float]) -> Judged:
    """Widths for runs that cost no more than the runs of compute `before`, and show a bend better.

    `before` is the compute of the eighteen runs of the chapter, in FLOPs.
    """
    old = np.asarray(before, float)
    budget, doubt = float(old.sum()), doubt_of_a_bend(old)

    def reply(value: Any) -> Reply:
        try:
            widths = [whole(width, "a width", 8) for width in value]
        except (TypeError, ValueError):
            widths = []
        if not widths:
            return False, "The answer is a list of widths, one for each run, such as [8, 8, 16]."
        if any(width % 4 or width > 64 for width in widths):
            return False, "Widths are multiples of 4, from 8 to 64."
        if len(widths) > MOST_RUNS:
            return False, f"That is {len(widths)} runs, more than {MOST_RUNS}."
        if len(set(widths)) < 3:
            return False, "Two widths are always joined by a line: a bend needs a third."
        from ...learners import TransformerConfig  # which loads torch
        from ...training import Run

        models = [TransformerConfig(width=width) for width in widths]
        flops = [Run(model, tokens=12 * model.params("with_head")).flops for model in models]
        cost, error = sum(flops) / budget, doubt_of_a_bend(flops) / doubt
        told = f"It costs {cost:.2f} times the eighteen runs, for {error:.2f} times their doubt"
        if cost > 1:
            return False, told + ": too dear. Which run pays for most of it?"
        if error > GOOD_LADDER:
            return False, (
                f"{told}: {GOOD_LADDER:g} can be had. A parabola is held at its two ends and in "
                "the middle, and small runs are cheap."
            )
        return True, told + "."

    return Judged(reply)


def interval_of_a_price(fit: PowerLawFit) -> Interval:
    """What a loss of 1.5 costs in FLOPs: the 95 % interval, from the draws of `fit`."""
    A, alpha, E = fit.draws[["A", "alpha", "E"]].to_numpy().T
    price = ((1.5 - E) / A) ** (-1 / alpha)

    def between(low: float, high: float) -> Pair:
        a, b = np.quantile(price, (low, high))
        return float(a), float(b)

    def at(A: float, alpha: float) -> float:
        return (1.5 / A) ** (-1 / alpha)

    truth = between(0.025, 0.975)
    (A_low, A_high), (slow, fast) = fit.interval("A"), fit.interval("alpha")
    return Interval(
        truth=truth,
        right=(
            f"The ends differ by a factor of {truth[1] / truth[0]:.2g}: that is what the runs tell."
        ),
        slips=(
            Slip(
                (at(A_low, fast), at(A_high, slow)),
                "You combined the ends of two intervals; A and alpha go together, draw by draw.",
            ),
            Slip(
                (at(fit.law.A, fast), at(fit.law.A, slow)),
                "You held A at its best value; each draw brings an A of its own.",
            ),
            Slip(
                between(0.1, 0.9),
                "That is the 80% interval: cut 2.5 % off at each end, not 10 %.",
            ),
            Slip(
                between(0.05, 0.95),
                "That is the 90% interval: cut 2.5 % off at each end, not 5 %.",
            ),
            Slip(
                (truth[0] / 8.64e19, truth[1] / 8.64e19),
                "That is in PF-days: the question asks for FLOPs.",
            ),
        ),
        slack=0.1,
        log=True,
    )


POINTS = {
    "the range": ("decade", "range", "factor of ten"),
    "other forms, such as a floor": ("floor", "logarithm", "normal", "exponential", "impostor"),
    "the noise": ("noise", "scatter", "seed"),
    "the interval that is missing": ("interval", "uncertain", "band", "error"),
    "what R^2 measures": ("r^2", "r2", "r-squared", "r squared", "r²"),
    "a run held out": ("held out", "held-out", "hold out", "holding out", "larger run", "new run"),
}
"""What a judgement of exercise 2.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "2.1": exponent_of_two_points,
    "2.2": where_the_slope_is_halved,
    "2.3": ladder_for_a_bend,
    "2.4": interval_of_a_price,
    "2.5": judgement(POINTS),
}
