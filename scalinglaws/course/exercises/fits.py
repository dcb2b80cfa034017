"""What the exercises about the reader's own fits have in common."""

from __future__ import annotations

from ...fit import PowerLawFit

ASK = "Hand over the fit itself, as fit_power_law returns it."


def comparison(own: PowerLawFit, other: PowerLawFit) -> str:
    """On which side of another exponent one's own came out, and whether the intervals overlap."""
    (low, high), (least, most) = own.interval("alpha"), other.interval("alpha")
    side = "larger" if own.law.alpha > other.law.alpha else "smaller"
    overlap = "overlap" if low <= most and least <= high else "do not overlap"
    return f"it comes out {side}, and the intervals {overlap}."
