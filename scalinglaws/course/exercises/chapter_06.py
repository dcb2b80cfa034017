"""The exercises of chapter 6."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._checks import real, whole
from ...fit import Scatter, fit_isoflop
from ...laws import CHINCHILLA, CHINCHILLA_REFIT, ChinchillaLaw
from .kinds import Entry, Exercise, Judged, Reply, Slip, judgement

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


LIKE_OURS = ChinchillaLaw(E=0.712, A=4.75, alpha=0.2138, B=9.59, beta=0.2134)
"""The surface that exercise 6.3 takes for the truth: about that of the reference sweep."""
LIKE_SEEDS = Scatter.known(0.0038, power=0.46, floor=0.0025, share=0.77)
"""The scatter between seeds that it assumes: about that of the reference sweep."""
GOOD_PLAN = 0.7
"""The share of the chapter's doubt about a that a good plan leaves."""
MOST_RUNS = 100
"""As many runs as a plan may have."""


def doubt_of_a_plan(plan: Mapping[float, Sequence[int]]) -> tuple[float, float]:
    """FLOPs of a plan, and the width of the 95 % interval of a that approach 2 makes of it.

    plan: budgets in FLOPs with their widths, where a width that stands there twice has two seeds.
    """
    N, D, C, trunks = [], [], [], []
    for budget, widths in plan.items():
        for place, width in enumerate(widths):
            params = 24 * width**2 + 128 * width  # blocks and head, as in chapter 4
            N.append(params)
            D.append(budget / (6 * params + 768 * width))
            C.append(budget)
            trunks.append((width, list(widths[:place]).count(width)))
    loss = LIKE_OURS(N, D)
    fit = fit_isoflop(
        N, D, loss, flops=C, scatter=LIKE_SEEDS, groups=np.array(trunks), bootstrap=1000
    )
    low, high = fit.interval("a")
    return float(sum(C)), high - low


def plan_of_a_sweep(plan: Mapping[float, Sequence[int]]) -> Judged:
    """A sweep that costs no more than `plan` with two seeds, and pins a down better."""
    twice = {budget: tuple(widths) * 2 for budget, widths in plan.items()}
    first, last = min(plan), max(plan)
    cost, doubt = doubt_of_a_plan(twice)

    def reply(value: Any) -> Reply:
        try:
            given = {real(C, "a budget"): tuple(value[C]) for C in value}
            widths = [whole(width, "a width", 4) for part in given.values() for width in part]
        except (TypeError, ValueError, KeyError, IndexError, OverflowError):
            given, widths = {}, []
        if not given:
            return False, "The answer is a plan as in the chapter: {budget: (width, width, ...)}."
        if any(width % 4 or width > 192 for width in widths):
            return False, "Widths are multiples of 4, from 4 to 192."
        if not first * 0.999 <= min(given) <= max(given) <= last * 1.001:
            return False, f"Budgets lie from {first:g} to {last:g} FLOPs: more range is no design."
        if len(widths) > MOST_RUNS:
            return False, f"That is {len(widths)} runs, more than {MOST_RUNS}."
        try:
            mine, error = doubt_of_a_plan(given)
        except ValueError as problem:
            return False, f"Approach 2 refuses it: {problem}"
        told = f"It costs {mine / cost:.2f} times the chapter's sweep, for {error / doubt:.2f} "
        told += "times its interval"
        if mine > cost * 1.001:
            return False, told + ": too dear. Which budget pays for most of it?"
        if error > GOOD_PLAN * doubt:
            return False, (
                f"{told}: {GOOD_PLAN:g} can be had. A line is held at its ends, small budgets are "
                "cheap, and a valley is held by its slopes."
            )
        return True, told + "."

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


POINTS = {
    "whether the optimiser arrived": ("optimi", "converge", "stopp", "start", "minimum"),
    "which runs were let in": ("range", "left out", "leave out", "leaving out", "subset", "cut"),
    "the form of the law": ("form", "residual", "misfit", "curv"),
    "the other approaches": ("approach", "parabola", "envelope", "isoflop", "method"),
    "what the interval holds": ("interval", "uncertain", "bootstrap", "resampl", "error bar"),
    "that the points were read off a figure": ("digiti", "read off", "figure", "reconstruct"),
}
"""What a judgement of exercise 6.5 may weigh, and words by which one knows."""


EXERCISES: dict[str, Entry] = {
    "6.1": share_of_a_budget,
    "6.2": discount,
    "6.3": plan_of_a_sweep,
    "6.4": off_centre,
    "6.5": judgement(POINTS),
}
