"""The exercises of chapter 13."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement, number

used_up = Exercise(
    truth=1e9 * 4 ** (1 / 0.1),
    right="A small slope takes six decades to use up a factor of four.",
    slips=(
        Slip(4e9, "That pays the factor once; the learner gains it at the rate of C^0.1."),
        Slip(1e9 * 4**0.1, "Upside down: solve (C/1e9)^0.1 = 4 for C."),
        Slip(1e9 * 4 / 0.1, "The gain is a power of C, not proportional to it."),
        Slip(4 ** (1 / 0.1), "That is the factor in C: it begins at 1e9 FLOPs."),
        Slip(1e9 * math.exp(4 / 0.1), "M grows as a power, so take the logarithm of the 4 too."),
    ),
)

four_decades_up = Exercise(
    truth=1e4 ** (0.02 + 0.10),
    right="A narrow interval of a slope is a wide one of a multiplier far away.",
    slips=(
        Slip(4 * 0.12, "That adds: the slope is that of ln M, so M changes by a factor."),
        Slip(math.exp(4 * 0.12), "That takes four e-folds: a decade is a factor of 10 in C."),
        Slip(1e14**0.12, "M is 3 at 1e10: only the ratio of the two C counts."),
        Slip(1e4**0.08, "The ends are -0.10 and +0.02: they lie 0.12 apart."),
        Slip(1e4**-0.12, "Upside down: the larger end over the smaller."),
    ),
)

LEAST, MOST = 0.02, 0.5
"""Shares of misprints that the exercise asks for."""


def _own_dirt(value: Any) -> Reply:
    """What misprints cost the reader's n-gram: (share, clean, dirty, guess)."""
    try:
        given = [number(part) for part in value]
    except TypeError:
        given = []
    if len(given) != 4 or None in given:
        return False, "Hand over four numbers: (share, clean, dirty, guess)."
    share, clean, dirty, guess = (float(part) for part in given if part is not None)
    if not LEAST <= share <= MOST:
        return False, f"Choose a share of misprints from {LEAST:g} to {MOST:g}."
    if guess < 1:
        return False, "The guess is a factor of 1 or more: how many times as much text is needed."
    from ..ideas import counted, curve  # late: it reads the shipped runs

    grams = curve(counted(32))
    expected = float(np.exp(np.interp(16, np.log2(grams.C), np.log(grams.L))))
    if abs(clean - expected) > 0.1:
        return False, "The clean loss is not that of 2^16 characters in windows of 32."
    if dirty < clean - math.log(1 - share) / 2:
        return False, "So many misprints cost more: was the dirty corpus handed to train?"
    worth = float(grams.needed(dirty)[0])
    if math.isnan(worth):
        least = 2**16 / grams.C[0]
        return True, f"They cost a factor of more than {least:.0f}; you guessed {guess:g}."
    factor = 2**16 / worth
    off = max(factor / guess, guess / factor)
    return True, f"They cost a factor of {factor:.1f}; your guess of {guess:g} is {off:.1f}x off."


own_dirt = Judged(_own_dirt)

trick_to_bet_on = judgement(
    {
        "whether the baseline was tuned": ("baseline", "tun", "default"),
        "the slope, not the size at one scale": ("slope", "trend", "grow", "fade", "shrink"),
        "several budgets or sizes": ("budget", "sizes", "scales", "decades", "ladder"),
        "the noise between seeds": ("seed", "noise", "interval"),
        "how far the bet reaches": ("extrapol", "1e21", "10^21", "nine", "billion", "decades"),
        "what would make you refuse": ("refus", "reject", "decline", "stop"),
    }
)


EXERCISES: dict[str, Entry] = {
    "13.1": used_up,
    "13.2": four_decades_up,
    "13.3": own_dirt,
    "13.4": trick_to_bet_on,
}
