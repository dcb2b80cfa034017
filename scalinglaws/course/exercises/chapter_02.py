"""The exercises of chapter 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .kinds import Entry, Exercise, Interval, Judged, Pair, Reply, Slip, pair

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


def run_that_decides(C: Any, L: Any) -> Judged:
    """One more run beyond the six whose mean losses `L` at `C` FLOPs are handed over."""
    u, v = np.log(np.asarray(C, float)), np.log(np.asarray(L, float))
    budget, scatter = 3e11, 0.006
    line, parabola = np.polyfit(u, v, 1), np.polyfit(u, v, 2)

    def reply(value: Any) -> Reply:
        given = pair(value)
        if given is None:
            return False, "The answer is a pair of numbers, (flops, loss)."
        flops, loss = given
        if not (math.isfinite(flops) and math.isfinite(loss)) or loss <= 0 or flops <= 1e6:
            return False, "The pair is (flops, loss), in this order, two finite numbers above 0."
        if flops > budget:
            return False, f"That costs {flops:.3g} FLOPs, more than the budget of 3e11."
        if flops <= max(C):
            return False, "Within the six the two forms hardly differ: go beyond the largest."
        said = [math.exp(np.polyval(form, math.log(flops))) for form in (line, parabola)]
        apart = abs(math.log(said[0] / said[1])) / scatter
        if apart < 3:
            return False, (
                f"There the two lie only {apart:.1f} times the scatter between seeds apart: go "
                "further out."
            )
        if not 0.5 < loss / said[0] < 2:
            return False, "That is no loss of such a model: hand in nats per token, after training."
        errors = [abs(math.log(loss / one)) for one in said]
        winner = "line" if errors[0] < errors[1] else "parabola"
        off = " and ".join(f"{error / scatter:.1f}" for error in errors)
        return True, (
            f"The line said {said[0]:.3f}, the parabola {said[1]:.3f}, {apart:.1f} times the "
            f"scatter apart; your run is {off} times the scatter off. Nearer: the {winner}."
        )

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


def referee(value: Any) -> Reply:
    """Which points a judgement weighs: there are many good ones, and no program can mark them."""
    if not isinstance(value, str):
        return False, "Write your judgement as text between quotes."
    if len(value.split()) < 40:
        return False, "Write five or six sentences: what is established, what is open, what next."
    text = value.lower()
    weighed = [point for point, words in POINTS.items() if any(word in text for word in words)]
    missing = [point for point in POINTS if point not in weighed]
    told = f"You weigh {len(weighed)} of {len(POINTS)} points"
    if missing:
        told += "; not named: " + ", ".join(missing)
    return True, told + ". Now compare with the model answer."


EXERCISES: dict[str, Entry] = {
    "2.1": exponent_of_two_points,
    "2.2": where_the_slope_is_halved,
    "2.3": run_that_decides,
    "2.4": interval_of_a_price,
    "2.5": Judged(referee),
}
