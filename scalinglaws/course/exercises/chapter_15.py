"""The exercises of chapter 15."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement

_HOURS = 50_000 / 2.95
_USEFUL = 989.4e12 * 0.40

a_budget_in_flops = Exercise(
    truth=_HOURS * 3600 * _USEFUL,
    right="About a twenty-fourth of what Chinchilla took.",
    slips=(
        Slip(_HOURS * 3600 * 989.4e12, "That is the peak; a run gets 40 % of it."),
        Slip(_HOURS * _USEFUL, "A GPU-hour has 3,600 seconds."),
        Slip(_HOURS * 3600 * 2 * _USEFUL, "1,978.9 TFLOP/s is for sparse matrices: take 989.4."),
        Slip(50_000 * 2.95 * 3600 * _USEFUL, "Divide the money by the price."),
    ),
    tolerance=0.01,
)

served_as_much_as_trained = Exercise(
    truth=3 * 15.6e12,
    right="Three times what it read in training, whatever its size.",
    slips=(
        Slip(15.6e12, "A token served takes a third of the FLOPs of a token trained on."),
        Slip(15.6e12 / 3, "The other way round: serving is cheaper by token, so more are needed."),
        Slip(6 * 15.6e12, "2 N for a token served against 6 N for one trained on."),
        Slip(3 * 405e9, "Tokens, not parameters: N cancels."),
    ),
    tolerance=0.005,
)

how_to_share_it_out = Exercise(
    truth=1.5 / 2.5,
    right="With p = 1 half and half; with p = 2 two thirds go to training.",
    slips=(
        Slip(0.4, "That is the share of thinking."),
        Slip(0.5, "Half and half holds for p = 1 only: set the derivative to zero."),
        Slip(1.5, "That is training over thinking; asked is the share of all."),
        Slip(2 / 3, "That is the share for p = 2."),
    ),
    tolerance=0.005,
)

_LEAST = 0.5


def another_first_limit(limits: Any, ranges: Mapping[str, Any]) -> Judged:
    """A future in which data binds first: which ranges the reader changes, and to what."""

    def reply(value: Any) -> Reply:
        from .. import wager

        if not isinstance(value, Mapping) or not value:
            return False, "Hand over the dictionary of the ranges that you change, and to what."
        unknown = [name for name in value if name not in ranges]
        if unknown:
            return False, f"No input is called {unknown[0]!r}: they are {', '.join(ranges)}."
        if not all(isinstance(each, wager.Range) for each in value.values()):
            return False, "Each value must be a range, as wager.Range(low, high)."
        table = wager.futures(limits, {**ranges, **value})
        shares = wager.first(table)
        told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        middle = f"the run of 2030 has {table.min(axis=1).median():.1e} FLOPs"
        if shares["data"] <= _LEAST:
            return False, f"First to bind: {told}. Data should be first in more than half."
        changed = f"{len(value)} range{'s' * (len(value) > 1)} changed"
        return True, f"First to bind: {told}; {middle}, with {changed}. Who would believe it?"

    return Judged(reply)


POINTS = {
    "what the line measures": ("compute", "flop"),
    "what it misses (algorithms, distillation, inference)": (
        "algorithm", "distil", "inference", "efficien", "test-time", "multiplier",
    ),
    "how many models it catches, and when": ("how many", "number of", "count", "dozens", "hundred"),
    "whether it can be checked": ("verif", "measur", "report", "check", "estimate", "disclos"),
    "what could stand in its place": ("instead", "alternative", "relative", "revenue", "capabilit"),
}  # fmt: skip
"""What a judgement of exercise 15.5 may weigh, and words by which one knows."""

EXERCISES: dict[str, Entry] = {
    "15.1": a_budget_in_flops,
    "15.2": served_as_much_as_trained,
    "15.3": how_to_share_it_out,
    "15.4": another_first_limit,
    "15.5": judgement(POINTS),
}
