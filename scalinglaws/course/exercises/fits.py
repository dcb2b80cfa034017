"""What the exercises about the reader's own fits have in common."""

from __future__ import annotations

import numpy as np

from ...fit import PowerLawFit

ASK = "Hand over the fit itself, as fit_power_law returns it."


def draws(fit: PowerLawFit, parameter: str) -> np.ndarray:
    """The bootstrap draws of A, alpha or E, one number a draw."""
    return fit.draws[:, ("A", "alpha", "E").index(parameter)]


def has_floor(fit: PowerLawFit) -> bool:
    """Whether the fit was allowed a floor above 0."""
    return fit.law.E > 0 or bool(draws(fit, "E").any())


def comparison(own: PowerLawFit, other: PowerLawFit) -> str:
    """On which side of another exponent one's own came out, and whether the intervals overlap."""
    (low, high), (least, most) = own.interval("alpha"), other.interval("alpha")
    side = "larger" if own.law.alpha > other.law.alpha else "smaller"
    overlap = "overlap" if low <= most and least <= high else "do not overlap"
    return f"it comes out {side}, and the intervals {overlap}."
