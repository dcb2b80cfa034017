"""The exercises of chapter 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .fits import ASK
from .kinds import Entry, Exercise, Interval, Judged, Reply, Slip, number

DRAWS = 4000
"""Differences of two exponents that an interval is taken from."""
LN_128 = math.log(128)
CLEAR = 0.01
"""A rise of the loss, as a share, that the luck of one seed does not make: three seed errors."""


def loss_down_a_tenth(fit: PowerLawFit) -> Interval:
    """By what factor compute must grow to take a tenth off the loss: the reader's 95 % interval."""
    draws = fit.draws["alpha"].to_numpy()

    def ends(factor: np.ndarray, level: float = 0.95) -> tuple[float, float]:
        low, high = np.quantile(factor, ((1 - level) / 2, (1 + level) / 2))
        return float(low), float(high)

    return Interval(
        truth=ends(0.9 ** (-1 / draws)),
        right=(
            "For so small a gain the doubt stays small too. In the price of half the loss, on the "
            "page, the same doubt about alpha is raised to a power of more than six."
        ),
        slips=(
            Slip(ends(10 ** (1 / draws)), "That divides the loss by ten; a tenth off leaves 0.9."),
            Slip(ends(1.1 ** (1 / draws)), "A tenth off means dividing by 1/0.9, not by 1.1."),
            Slip(ends(0.9 ** (1 / draws)), "Below 1 it is less compute: turn each factor over."),
            Slip(ends(2 ** (1 / draws)), "That is the price of half the loss, from the page."),
            Slip(ends(0.9 ** (-1 / draws), 0.8), "Those are the ends of the 80% interval."),
        ),
        slack=0.03,
    )


def another_diet(fit: PowerLawFit) -> Judged:
    """A fit of the ladder on another number of tokens per parameter; `fit` is the chapter's."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        same_length = len(value.x) == len(fit.x)
        shares = value.x / fit.x if same_length else np.ones(1)
        if same_length and abs(shares - 1).max() < 1e-6:
            return False, "These are the runs from the chapter: give the models another diet first."
        if same_length and shares.max() > 1.05 * shares.min():
            return False, (
                f"Your runs cost {shares.min():.2g} to {shares.max():.2g} times those of the page: "
                "keep the six widths, and give each the same number of tokens per parameter."
            )
        # Fits with one seed share the noise of their draws, so the draws are paired anew.
        rng = np.random.default_rng(0)
        theirs, ours = (rng.choice(one.draws["alpha"], DRAWS) for one in (value, fit))
        low, high = np.quantile(theirs - ours, (0.025, 0.975))
        apart = low > 0 or high < 0
        (least, most), (base_low, base_high) = value.interval("alpha"), fit.interval("alpha")
        overlap = least <= base_high and base_low <= most
        return True, (
            f"Your diet's alpha minus the chapter's lies between {low:+.3f} and {high:+.3f}, which "
            f"{'leaves out' if apart else 'holds'} zero: your runs "
            f"{'tell' if apart else 'do not tell'} the two exponents apart. Their own intervals "
            f"{'overlap' if overlap else 'do not overlap'}. Your ladder misses its line by "
            f"{value.sigma:.2%}, the chapter's by {fit.sigma:.2%}."
        )

    return Judged(reply)


def same_bill(base: float) -> Judged:
    """Losses by width for the compute of width 32, whose loss on the ladder is `base`.

    The loss must rise by CLEAR at both ends: a valley has two walls.
    """

    def reply(value: Any) -> Reply:
        try:
            losses = {int(width): number(loss) for width, loss in sorted(dict(value).items())}
        except (TypeError, ValueError):
            losses = {}
        if not losses:
            return (
                False,
                "Hand over the dictionary {width: loss} of the losses you measured.",
            )
        found = {width: loss for width, loss in losses.items() if loss is not None}
        if len(found) < len(losses) or not all(0 < loss < LN_128 for loss in found.values()):
            return False, "A loss in nats lies between 0 and that of guessing, ln 128."
        below, above = ([w for w in found if w < 32], [w for w in found if w > 32])
        if not below or not above:
            side = "narrower" if not below else "wider"
            return False, f"Train a model that is {side} than 32 as well: a valley has two sides."
        found[32] = base
        best = min(found, key=lambda width: found[width])
        if best in (min(found), max(found)):
            further = "narrower" if best == min(found) else "wider"
            return False, (
                f"The lowest loss lies at the edge, width {best}: the best may lie further out. "
                f"Train a {further} one, and check that each run has the FLOPs of width 32."
            )
        worst = {w: found[w] / found[best] - 1 for w in (min(found), max(found))}
        flat = [width for width, more in worst.items() if more < CLEAR]
        if flat:
            told = " and ".join(f"width {w} costs {worst[w]:.1%} more" for w in flat)
            return False, (
                f"A wall is missing: {told}, less than the 1 % that counts as clearly and that the "
                "luck of the seeds does not make. Go further out on that side."
            )
        told = ", ".join(f"width {w} costs {100 * more:.1f} % more" for w, more in worst.items())
        return True, (
            f"The lowest of your losses is at width {best}; {told}. For one bill there is a best "
            "size, and a bigger model that reads too little is a worse one."
        )

    return Judged(reply)


def spread_of_the_readings(ends: Mapping[str, float]) -> Exercise:
    """How far the highest forecast lies above the lowest, in per cent; `ends` holds them all."""
    forecasts = [float(end) for end in dict(ends).values()]
    low, high = min(forecasts), max(forecasts)
    return Exercise(
        truth=100 * (high / low - 1),
        right="Now the words: may a report that shows only one of these readings hide the rest?",
        slips=(
            Slip(high / low - 1, "That is the share; the answer is asked for in per cent."),
            Slip(100 * high / low, "That is the ratio in per cent: take off the 100."),
            Slip(high - low, "That is the difference in nats: divide it by the lowest forecast."),
            Slip(100 * (1 - low / high), "That is how far the lowest lies below the highest."),
        ),
    )


EXERCISES: dict[str, Entry] = {
    "1.1": loss_down_a_tenth,
    "1.2": another_diet,
    "1.3": same_bill,
    "1.4": spread_of_the_readings,
}
