"""The exercises of chapter 12."""

from __future__ import annotations

from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, not_a_number, number

luck_in_four_columns = Exercise(
    truth=0.45 * 0.1**3,
    right="About one sum in two thousand: a test of that size holds one.",
    slips=(
        Slip(100 * 0.45 * 0.1**3, "That is in per cent: give the share, between 0 and 1."),
        Slip(0.1**4, "The lowest column starts the carry: it needs 10 or more, not a nine."),
        Slip(0.45 * 0.1**4, "Three columns hand the carry on: the lowest one starts it."),
        Slip(
            0.45**4,
            "That is four columns that each carry by themselves; in a chain three add up to nine.",
        ),
        Slip(0.55 * 0.1**3, "0.55 is the share of columns that do not carry."),
        Slip(0.5 * 0.1**3, "Not half: count the pairs of digits that add up to 10 or more."),
    ),
)

right_for_no_reason = Exercise(
    truth=(1e5 + 1) / 2e5,
    right="Writing zero everywhere earns that much, whatever the sum.",
    slips=(
        Slip(100 * (1e5 + 1) / 2e5, "That is in per cent: give the share, between 0 and 1."),
        Slip(0.55, "That is one column alone; a carry may come into it from the right."),
        Slip(0.45, "That is the share of columns that carry; asked is no carry, out of all five."),
        Slip(0.1, "The sixth digit is only ever 0 or 1: it is not one of ten."),
        Slip(0.55**5, "The lower columns may carry, as long as the highest does not."),
    ),
    tolerance=0.005,
)

how_perfect_is_perfect = Exercise(
    truth=1.96**2 * (1 / 0.001 - 1),
    right="Nearly four thousand sums without a slip, and only about this distribution.",
    slips=(
        Slip(1.96 * (1 / 0.001 - 1), "z enters squared."),
        Slip(1.96 / 0.001, "z enters squared."),
        Slip(3 / 0.001, "That is the rule of three, from another interval; take the one given."),
        Slip(1.96**2 * 99, "That is one in a hundred: p is 0.001."),
        Slip(1.96**2, "Solve z^2 / (n + z^2) = 0.001 for n."),
    ),
    tolerance=0.002,
)


def two_repairs_at_once(working: float, anywhere: float) -> Judged:
    """The exact match of models with both repairs; `working`, `anywhere`: with either alone."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if not 0 <= given <= 1:
            return False, "A share lies between 0 and 1: give the share, not the percentage."
        if given < working + 0.1:
            return False, (
                "That is no better than working alone: the task must have anywhere=True and "
                "scratchpad=True, and its own model's answers are to be marked by that task."
            )
        return True, (
            f"Both repairs give {given:.0%}, working alone {working:.0%}, any place alone "
            f"{anywhere:.0%}. With {'more' if given > anywhere else 'no more'} than variety alone "
            "gave, mind the spread over seeds before you credit the working."
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "12.1": luck_in_four_columns,
    "12.2": right_for_no_reason,
    "12.3": how_perfect_is_perfect,
    "12.4": two_repairs_at_once,
}
