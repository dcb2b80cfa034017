"""The exercises of chapter 12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, not_a_number, number


def all_kinds_alike(right: Mapping[str, float], n: Mapping[str, int]) -> Exercise:
    """The mean over kinds of the per cent right, each kind counting the same.

    right: per cent by kind; n: stories by kind.
    """
    kinds = list(n)
    alike = sum(right[kind] for kind in kinds) / len(kinds)
    total = sum(right[kind] * n[kind] for kind in kinds) / sum(n.values())
    return Exercise(
        truth=alike,
        right="Another weighing of the same answers, and another score.",
        slips=(
            Slip(total, "That is the total, in which each story counts the same."),
            Slip(alike / 100, "That is a share: give per cent."),
            Slip(min(right[kind] for kind in kinds), "That is the worst kind alone."),
        ),
        tolerance=0.002,
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


def another_seed(known: Sequence[float]) -> Judged:
    """Stories of false belief with new names, right by a further seed; `known`: by the others."""

    def reply(value: Any) -> Reply:
        given = number(value)
        if given is None:
            return False, not_a_number(value)
        if not 0 <= given <= 100:
            return False, "A share in per cent lies between 0 and 100."
        if 0 < given < 1:
            return False, "That looks like a share: give per cent."
        low, high = min(known), max(known)
        place = "outside" if not low <= given <= high else "within"
        return True, (
            f"{given:.0f} % lies {place} the range of the other seeds, {low:.0f} to {high:.0f} %. "
            "If all are drawn alike, a further one falls outside the range of n others two times "
            "in n + 1."
        )

    return Judged(reply)


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


POINTS = {
    "false belief on its own": ("false belief", "false-belief", "on their own", "by kind"),
    "a simple rule": ("rule", "shortcut", "baseline", "heuristic"),
    "a change of surface": ("name", "surface", "paraphras", "changed", "altered", "perturb"),
    "what training held": ("training", "contamin", "seen", "memor", "leak"),
    "the spread": ("seed", "interval", "spread", "tasks are few", "sample", "40"),
    "control stories": ("control", "true belief", "told"),
}
"""What a judgement of exercise 12.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "12.1": all_kinds_alike,
    "12.2": right_for_no_reason,
    "12.3": another_seed,
    "12.4": two_repairs_at_once,
    "12.5": judgement(POINTS),
}
