"""The exercises of chapter 5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...fit import PowerLawFit
from .fits import ASK, comparison
from .kinds import Entry, Exercise, Judged, Reply, Slip

five_per_cent_by_size = Exercise(
    truth=0.95 ** (-1 / 0.076),
    right="About twice the size for a twentieth of the loss.",
    slips=(
        Slip(0.05 ** (-1 / 0.076), "That leaves 5 % of the loss; taking 5 % off leaves 95 %."),
        Slip(0.95 ** (1 / 0.076), "That is below 1, so it is a smaller model: turn it over."),
        Slip(0.95**-0.076, "The exponent stands the wrong way up: solve for N, not for L."),
        Slip(1.05 ** (1 / 0.076), "Close, but 5 % off means dividing by 1/0.95, not by 1.05."),
        Slip(0.95 ** (-1 / 0.095), "That is the exponent of data; the question is about size."),
        Slip(0.95 ** (-1 / 0.050), "That is the exponent of compute; the question is about size."),
    ),
    tolerance=0.01,
)

text_for_a_larger_model = Exercise(
    truth=100 ** (0.076 / 0.103),
    right="Less than the factor in size: by this law data may grow more slowly than models.",
    slips=(
        Slip(100 ** (0.076 / 0.095), "That mixes two fits: take alpha_D from the joint one."),
        Slip(100 ** (0.103 / 0.076), "The ratio stands the wrong way up: D goes as N^(aN/aD)."),
        Slip(100**0.076, "The excess depends on N^(alpha_N / alpha_D) / D, not on N^alpha_N / D."),
        Slip(8 ** (0.076 / 0.103), "That is for a model eight times larger; here it is 100."),
        Slip(100.0, "In proportion would keep D / N; the excess asks for less than that."),
    ),
)


def _log_crossing(A: float, alpha: float) -> float:
    """ln C, in PF-days, where A C^-alpha meets (D_c / D)^0.095 on the D = 2e10 C^0.27 tokens."""
    gap = math.log(A) - 0.095 * math.log(5.4e13 / 2e10)
    return gap / (alpha - 0.27 * 0.095)


a_sensitive_crossing = Exercise(
    truth=math.exp(_log_crossing(2.57, 0.048)),
    right="GPT-3 itself was trained with 3,640 PF-days, so the crossing was near.",
    slips=(
        Slip(_log_crossing(2.57, 0.048), "That is ln C: take the exponential."),
        Slip(
            _log_crossing(2.57, 0.048) / math.log(10),
            "That is the logarithm of C to base 10: raise 10 to it.",
        ),
        Slip(
            math.exp(_log_crossing(3.1e8**0.050, 0.050)),
            "That is the crossing of the chapter: put the line of GPT-3 in its place.",
        ),
        Slip(
            math.exp(_log_crossing(2.57, 0.048)) * 8.64e19,
            "That is in FLOPs: the question asks for PF-days.",
        ),
    ),
    tolerance=0.03,
)


def size_by_another_count(fit: PowerLawFit) -> Judged:
    """A fit of the same losses with all parameters counted; `fit` counts those of the blocks."""

    def reply(value: Any) -> Reply:
        if not isinstance(value, PowerLawFit):
            return False, ASK
        if len(value.y) != len(fit.y) or not np.allclose(np.sort(value.y), np.sort(fit.y)):
            return False, "The losses should be the same six, each model's after all its tokens."
        sizes, blocks = np.sort(value.x), np.sort(fit.x)
        if np.allclose(sizes, blocks):
            return False, "This is the chapter's own fit: count the other parameters as well."
        widths = np.sqrt(blocks / 24)  # two layers of twelve d x d matrices
        if np.allclose(sizes, blocks + 128 * widths):
            return False, "That counts blocks and head; add the embeddings, as params_total does."
        if not np.allclose(sizes, blocks + (128 + 128 + 32) * widths):
            return False, "These are not the models' parameters: take the column params_total."
        low, high = value.interval("alpha")
        other_low, other_high = fit.interval("alpha")
        return True, (
            f"With all parameters alpha lies between {low:.3f} and {high:.3f}, with the blocks "
            f"alone between {other_low:.3f} and {other_high:.3f}: {comparison(value, fit)}"
        )

    return Judged(reply)


EXERCISES: dict[str, Entry] = {
    "5.1": five_per_cent_by_size,
    "5.2": text_for_a_larger_model,
    "5.3": a_sensitive_crossing,
    "5.4": size_by_another_count,
}
