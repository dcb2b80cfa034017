"""The exercises of chapter 8."""

from __future__ import annotations

import math
from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, not_a_number, number


def how_far_to_bet(q: float) -> Exercise:
    """How far beyond the runs a forecast holds to 5 %, if it errs by `q` per cent per e-fold."""
    half = 5.0
    return Exercise(
        truth=math.exp(half / q),
        right="Halve the tolerance and the factor becomes its square root.",
        slips=(
            Slip(half / q, "That is ln f: take the exponential."),
            Slip(10 ** (half / q), "q is per e-fold, so the base is e, not 10."),
            Slip(math.exp(2 * half / q), "± 5 % is the half width, as q is: do not double it."),
            Slip(math.exp(half / 2 / q), "± 5 % is the half width, as q is: do not halve it."),
            Slip(math.exp(half / 100 / q), "q is in per cent, so take 5 and not 0.05."),
            Slip(math.exp(q / half), "The fraction stands the wrong way up: solve q ln f = 5."),
        ),
    )


_SHARE = (2.5**7 - 1) / (2.5**10 - 1)

cost_of_lower_rungs = Exercise(
    truth=_SHARE,
    right="The thresholds of the race cost no more than that.",
    slips=(
        Slip(100 * _SHARE, "That is in per cent: give the share, between 0 and 1."),
        Slip(1 - _SHARE, "That is what the three largest cost."),
        Slip(7 / 10, "That counts runs: weigh each by its FLOPs."),
        Slip(
            (2.5**7 - 1) / (2.5**10 - 2.5**7),
            "That is the ratio to the three largest: the share is of all ten.",
        ),
    ),
    tolerance=0.01,
)

_LOSS = 0.9 + (0.4 ** (1 / 0.5) + 0.4 ** (1 / 0.5)) ** 0.5

two_penalties = Exercise(
    truth=_LOSS,
    right="Less than the sum of the penalties, and more than the larger of them.",
    slips=(
        Slip(0.9 + 0.4 + 0.4, "That is gamma = 1, the surface."),
        Slip(_LOSS - 0.9, "That is the part above the floor: add E."),
        Slip(
            0.9 + 0.4,
            "That is the limit of gamma going to 0, or one penalty taken away.",
        ),
        Slip(
            0.9 + (0.4**0.5 + 0.4**0.5) ** (1 / 0.5),
            "Inside stands 1 / gamma, outside gamma: you have them the other way round.",
        ),
        Slip(0.9 + 0.4**2 + 0.4**2, "The power around the sum is missing."),
        Slip(_LOSS - (0.9 + 0.4), "That is the gain; the answer is the loss before it."),
    ),
    tolerance=0.002,
)


def one_budget_fewer(forecast: float, measured: float, q: float) -> Judged:
    """A forecast made without the top budget, beside the chapter's and what was measured."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if math.isclose(given, forecast, rel_tol=1e-6):
            return (
                False,
                "This is the chapter's forecast: leave out the runs of the top budget first.",
            )
        if math.isclose(given, measured, rel_tol=1e-6):
            return False, "This is what was measured: the forecast is asked for."
        if not 0.8 < given / forecast < 1.25:
            return False, "No forecast of the best model from these runs lies as far off as that."
        half = q * math.log(2.6e13 / 1e12)
        off = 100 * math.log(measured / given)
        holds = "holds" if abs(off) <= half else "does not hold"
        return True, (
            f"One budget fewer moves the forecast by {100 * math.log(given / forecast):+.1f} %. "
            f"The measured loss lies {abs(off):.1f} % {'above' if off > 0 else 'below'} it, and "
            f"the interval of ± {half:.1f} % {holds} it."
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "8.1": how_far_to_bet,
    "8.2": cost_of_lower_rungs,
    "8.3": two_penalties,
    "8.4": one_budget_fewer,
}
