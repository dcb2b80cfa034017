"""The exercises of chapter 6."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fit import AllocationFit, fit_isoflop
from ...laws import CHINCHILLA, CHINCHILLA_REFIT, ChinchillaLaw
from .kinds import Entry, Exercise, Judged, Reply, Slip

share_of_a_budget = Exercise(
    truth=100.0 ** (0.30 / (0.40 + 0.30)),
    right="The tokens grow by the rest of the factor, and so by more.",
    slips=(
        Slip(
            100.0 ** (0.40 / (0.40 + 0.30)),
            "That is the factor of the tokens: a = beta / (alpha + beta), b is the other.",
        ),
        Slip(100.0**0.5, "That would hold if alpha and beta were equal."),
        Slip(0.30 / (0.40 + 0.30), "That is the exponent a: raise 100 to this power."),
        Slip(100.0**0.30, "beta says how loss falls with tokens; a = beta / (alpha + beta)."),
        Slip(100.0**0.40, "alpha says how loss falls with size; a = beta / (alpha + beta)."),
        Slip(10 ** (0.30 / (0.40 + 0.30)), "That is for ten times the budget, not a hundred."),
    ),
)


def _share_needed(law: ChinchillaLaw, N: float) -> float:
    """The least FLOPs for the loss of N parameters on 300e9 tokens, as a share of 6 N D."""
    return float(law.flops_for(law(N, 300e9))) / (6 * N * 300e9)


_NEEDED = _share_needed(CHINCHILLA_REFIT, 175e9)

discount = Exercise(
    truth=_NEEDED,
    right="The rest went into size that had too little to read.",
    slips=(
        Slip(1 / _NEEDED, "That is how many times too dear it was: turn it over."),
        Slip(1 - _NEEDED, "That is the share that was wasted; asked is the one needed."),
        Slip(
            _share_needed(CHINCHILLA, 175e9),
            "Those are the constants as first printed: take laws.CHINCHILLA_REFIT.",
        ),
        Slip(
            _NEEDED * 175 / 280,
            "That is the share of Gopher's cost: divide by GPT-3's.",
        ),
        Slip(
            _share_needed(CHINCHILLA_REFIT, 280e9),
            "That is Gopher's discount, as in the chapter; take GPT-3's 175 billion.",
        ),
        Slip(6 * _NEEDED, "The cost is 6 N D: a factor of 6 is missing."),
    ),
    tolerance=0.01,
)


def other_dice(wide: AllocationFit) -> Judged:
    """Approach 2 on the runs of one seed; `wide` is that on the runs of all."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, AllocationFit) or value.method != "isoflop":
            return False, "Hand over the fit itself, as fit_isoflop returns it."
        same_budgets = len(value.C) == len(wide.C) and np.allclose(value.C, wide.C, rtol=0.05)
        if not same_budgets:
            return False, (
                f"This fit has {len(value.C)} budgets, the chapter's {len(wide.C)}: take all "
                "reference runs with seed 0, and hand flops=one['flops'] to the fit."
            )
        if any(len(a.N) != len(b.N) for a, b in zip(value.curves, wide.curves, strict=True)):
            return False, "Some budgets have other sizes than in the chapter: choose by seed alone."
        if not np.allclose(value.N, wide.N, rtol=0.3):
            return False, "The best sizes are far off: is N the column 'params'?"
        if np.allclose(value.L, wide.L, rtol=1e-9):
            return False, "These are the runs of all seeds: keep those with seed 0 alone."
        low, high = wide.interval("a")
        own_low, own_high = value.interval("a")
        inside = "inside" if low <= value.a <= high else "outside"
        return True, (
            f"a = {value.a:.4f} ({own_low:.4f} to {own_high:.4f}) from one seed lies {inside} the "
            f"interval of all seeds, {low:.4f} to {high:.4f}."
        )

    return Judged(reply)


def off_centre() -> Exercise:
    """By what factor approach 2 is off where the sizes lie to one side. It needs four fits."""
    law = CHINCHILLA_REFIT

    def factor(low: float, high: float) -> float:
        C = np.repeat(np.geomspace(6e18, 3e21, 9), 8)
        N = law.N_opt(C) * np.tile(np.geomspace(low, high, 8), 9)
        D = C / (6 * N)
        fit = fit_isoflop(N, D, law(N, D), within=math.inf, bootstrap=100)
        return float(fit.N_opt(1e21) / law.N_opt(1e21))

    off = factor(1 / 2, 32)
    return Exercise(
        truth=off,
        right=f"Too large by {off - 1:.1%} at every budget, so a is right and the advice is not.",
        slips=(
            Slip(
                1.0,
                "The windows find the valley: one parabola over all sizes takes within=np.inf.",
            ),
            Slip(1 / off, "Turn it over: the fitted size, divided by the true one."),
            Slip(off - 1, "That is how far it is off; give the ratio of fitted to true."),
            Slip(factor(1 / 8, 8), "Those sizes are centred; take half to 32 times the best."),
            Slip(factor(1 / 32, 2), "You went to the other side: half to 32 times the best."),
        ),
        tolerance=0.004,
    )


EXERCISES: dict[str, Entry] = {
    "6.1": share_of_a_budget,
    "6.2": discount,
    "6.3": other_dice,
    "6.4": off_centre,
}
