"""The exercises of chapter 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .fits import ASK
from .kinds import Entry, Exercise, Interval, Judged, Pair, Reply, Slip

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


def hold_out_two(C: Any, L: Any) -> Judged:
    """A straight line through all models but the two largest; `C` and `L` hold all seven."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK

        def made_from(x: Any, y: Any) -> bool:
            return len(value.x) == len(x) and all(
                math.isclose(a, b, rel_tol=1e-6)
                for a, b in [*zip(value.x, x, strict=True), *zip(value.y, y, strict=True)]
            )

        if made_from(C, L):
            return False, "This fit has seen all the models: leave out the two largest."
        if made_from(C[:-1], L[:-1]):
            return (
                False,
                "That holds out one model, as the chapter does; leave out the next as well.",
            )
        if made_from(C[2:], L[2:]):
            return False, "These are the five largest: hold out the large ones, not the small ones."
        if not made_from(C[:-2], L[:-2]):
            return False, "This fit was made from other points: take C and L without the last two."
        if value.has_floor:
            return False, "This fit has a floor: the exercise asks for a straight line."
        told = []
        for name, x, y in (("second largest", C[-2], L[-2]), ("largest", C[-1], L[-1])):
            forecast = value.predict(float(x), level=0.8)
            told.append(f"{name}: {forecast}, {'hit' if y in forecast else 'missed'} by {y:.4g}")
        return True, "The forecasts for the two that it has not seen: " + "; ".join(told) + "."

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


EXERCISES: dict[str, Entry] = {
    "2.1": exponent_of_two_points,
    "2.2": where_the_slope_is_halved,
    "2.3": hold_out_two,
    "2.4": interval_of_a_price,
}
