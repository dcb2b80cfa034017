"""The exercises of chapter 8."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ...runs import reference
from ..bets import Band, buy, fit_joined, prepared, rms
from .kinds import Entry, Exercise, Judged, Reply, Slip, number


def how_far_to_bet(band: Band) -> Exercise:
    """How far beyond the runs a band stays within 5 %, at 95 %."""
    t, wide = 2.447, 1.96 * band.noise
    e_fold = t * band.drift
    truth = math.exp(math.sqrt(25 - wide**2) / e_fold)
    return Exercise(
        truth=truth,
        right="Halve the tolerance and, far out, the factor becomes about its square root.",
        slips=(
            Slip(math.log(truth), "That is ln f: take the exponential."),
            Slip(10 ** math.log(truth), "The drift is per e-fold, so the base is e, not 10."),
            Slip(math.exp(5 / e_fold), "At f = 1 the band has a width too: take off the noise."),
            Slip(math.exp((5 - wide) / e_fold), "Noise and drift add in squares."),
            Slip(
                math.exp(math.sqrt(25 - wide**2) / (1.96 * band.drift)),
                "For the drift take Student's t with six degrees of freedom, 2.447.",
            ),
            Slip(
                math.exp(math.sqrt(25 - band.noise**2) / band.drift),
                "Noise and drift are spreads: multiply them by their quantiles.",
            ),
            Slip(
                math.exp(math.sqrt(100 - wide**2) / e_fold),
                "± 5 % is the half width, as h is: do not double it.",
            ),
        ),
    )


def other_runs(runs: pd.DataFrame) -> Judged:
    """A shopping list of the reader's own, tried at every purse."""

    def reply(value: Any) -> Reply:
        if not callable(value):
            return False, "Hand over a function of the runs within reach and a seed."
        try:
            tried = buy(runs, value)
        except Exception as error:
            return False, f"At one of the purses it failed: {error}"
        price, miss = float(tried["price"].max()), rms(tried["miss"])
        paid = f"It costs {tried['price'].mean():.1f} of the largest budget"
        if price > 10.5:
            return False, f"{paid}, at one purse {price:.1f}: at most ten are allowed."
        plain = rms(buy(runs, _top_three)["miss"])
        found = f"{paid} and misses by {miss:.2f} %, top three by {plain:.2f} %."
        if miss >= plain:
            return False, f"{found} Where is the form wrong, and which runs lie there?"
        return True, found

    return Judged(reply)


def _top_three(runs: pd.DataFrame, seed: int) -> pd.DataFrame:
    largest = sorted(set(runs["budget"]))[-3:]
    return runs[(runs["seed"] == seed) & runs["budget"].isin(largest)]


def _registered(value: Any) -> Reply:
    """A forecast of the reader's own and what came of it: (width, value, low, high, measured)."""
    try:
        given = [number(part) for part in value]
    except TypeError:
        given = []
    if len(given) != 5 or None in given:
        return False, "Hand over five numbers: (width, value, low, high, measured)."
    width, guess, low, high, measured = (float(part) for part in given if part is not None)
    if not 24 <= width <= 96:
        return False, "Choose a width from 24 to 96."
    if not 0 < low < guess < high:
        return False, "The interval must hold the value: low < value < high."
    ours = prepared(reference("isoflop"))
    beside = ours[(ours["budget"] == 4e11) & (ours["width"] == width)]
    near = ours[ours["budget"] > 1e11]
    law = fit_joined(*(near[c].to_numpy(float) for c in ("params", "tokens", "loss")))
    from ...learners import TransformerConfig  # late: it needs torch

    model = TransformerConfig(width=int(width))
    expected = float(law(model.params("with_head"), 4e11 / model.flops_per_token()))
    if not beside.empty:
        expected = float(beside["loss"].mean())
    if abs(math.log(measured / expected)) > 0.03:
        return False, "No run of this width and budget comes out there: check the FLOPs."
    if abs(guess / measured - 1) < 1e-4:
        return False, "A forecast as near as that was made afterwards."
    miss = 100 * math.log(measured / guess)
    held = "holds" if low <= measured <= high else "does not hold"
    wide = 50 * math.log(high / low)
    return True, (
        f"Measured {abs(miss):.1f} % {'above' if miss > 0 else 'below'} the forecast; your "
        f"interval of ± {wide:.1f} % {held} it. One run is one trial."
    )


your_own_run = Judged(_registered)

four_hits = Exercise(
    truth=0.8,
    right="Errors that come together are one trial: four hits are as likely as one.",
    slips=(
        Slip(0.8**4, "That is four separate trials: here one error decides all four."),
        Slip(0.95**4, "Four separate trials at the level that is claimed, not the true one."),
        Slip(0.95, "95 % is what is claimed: the true share is 80 %."),
        Slip(1 - 0.2**4, "That is at least one hit in four separate trials."),
        Slip(80, "Give the probability between 0 and 1."),
    ),
    tolerance=0.005,
)


EXERCISES: dict[str, Entry] = {
    "8.1": how_far_to_bet,
    "8.2": other_runs,
    "8.3": your_own_run,
    "8.4": four_hits,
}
