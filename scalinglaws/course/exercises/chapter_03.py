"""The exercises of chapter 3."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...fit import PowerLawFit
from ...text import KnownEntropy
from .fits import ASK
from .kinds import Entry, Exercise, Judged, Reply, Slip

zipf_from_the_law = Exercise(
    truth=0.25 / (1 - 0.25),
    right="The frequencies fall as rank^-4/3: a world in which rare facts matter much.",
    slips=(
        Slip(0.25, "That would be the exponent in size; in examples it is alpha / (1 + alpha)."),
        Slip(0.25 / (1 + 0.25), "You went from alpha to beta once more: solve for alpha."),
        Slip((1 - 0.25) / 0.25, "That is 1 / alpha: turn it over."),
        Slip(1 / (1 - 0.25), "That is 1 + alpha, the power of the rank: take off the 1."),
    ),
)

price_of_dimension = Exercise(
    truth=10 ** (8 / 4),
    right="Each further tenth of the error costs this factor again.",
    slips=(
        Slip(10 ** (8 / 2), "That is the nearest neighbour; straight pieces have 4 / d."),
        Slip(10 ** (4 / 8), "The exponent stands the wrong way up: solve for D, not for L."),
        Slip(10 ** (1 / 8), "That is how much finer a grid is with ten times the examples."),
        Slip(float(10**8), "That makes the distance h ten times smaller, which is far more."),
        Slip(2 ** (8 / 4), "That halves the squared error; it should fall to a tenth."),
    ),
)


def how_far_is_the_end(D: Any) -> Exercise:
    """The exponent of the ideal learner in a world that ends, at `D` examples."""
    world = KnownEntropy(keys=10_000, alpha=0.7, base=36)
    D = np.asarray(D, dtype=float)
    losses = world.expected_loss(D)

    def exponent(y: np.ndarray, x: np.ndarray = D) -> float:
        return -float(np.polyfit(np.log(x), np.log(y), 1)[0])

    excess = losses - world.best_loss
    truth, endless = exponent(excess), world.data_exponent
    later = exponent(world.expected_loss(15 * D) - world.best_loss)
    wide = KnownEntropy(keys=10_000, alpha=1.0, base=36)
    other = exponent(wide.expected_loss(D) - wide.best_loss)
    return Exercise(
        truth=truth,
        right=f"The end of the world accounts for {truth - endless:.3f} of the exponent.",
        slips=(
            Slip(
                endless, "That is the exponent of endless facts: fit the loss of the ideal learner."
            ),
            Slip(exponent(losses), "Subtract the floor, world.best_loss, before you fit."),
            Slip(later, "These are the transformers' numbers of examples: divide them by 15."),
            Slip(other, "That is the world with alpha = 1: take worlds[0.7]."),
            Slip(
                -truth, "The slope is negative, but in L = A x^-beta the minus is already written."
            ),
        ),
        tolerance=0.005,
    )


def a_steeper_world(fit: PowerLawFit) -> Judged:
    """A fit in the world with alpha = 1.5; `fit` is that of the world with alpha = 1."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        if len(value.x) != len(fit.x) or not np.allclose(value.x, fit.x):
            return False, "Fit the settled sizes, D_live[settled], as the chapter does."
        if np.allclose(value.y, fit.y):
            return False, "This is the world with alpha = 1: run study in the steeper one."
        if value.has_floor:
            return False, "Subtract the known floor and fit without one: floor=False."
        if value.y.min() > fit.y.max():
            return False, "These losses still hold the floor: subtract best_loss before you fit."
        if value.y.min() > fit.y.min():
            return False, (
                "With a larger alpha less is left to learn than in the world with alpha = 1; yours "
                "has more left: is its alpha 1.5?"
            )
        low, high = value.interval("alpha")
        theory = 1.5 / 2.5
        verdict = "holds" if low <= theory <= high else "does not hold"
        return True, (
            f"The exponent is {value.law.alpha:.3f}, with an interval from {low:.3f} to "
            f"{high:.3f}: it {verdict} the {theory:.1f} of the theory."
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "3.1": zipf_from_the_law,
    "3.2": price_of_dimension,
    "3.3": how_far_is_the_end,
    "3.4": a_steeper_world,
}
