"""The exercises of chapter 5."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...estimate import Estimate
from .kinds import Entry, Exercise, Judged, Reply, Slip, number

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


def the_next_ration(line: Estimate, joint: Estimate) -> Judged:
    """Losses of width 48 on twice the largest ration, against two laws' forecasts of the least."""

    def reply(value: Any) -> Reply:
        losses = dict(value) if isinstance(value, Mapping) else {}
        passes = sorted(k for k in losses if isinstance(k, int | np.integer) and int(k) > 0)
        if len(passes) != len(losses) or len(passes) < 3:
            return False, (
                "Hand over a dictionary of losses by how often the ration was read, three or more."
            )
        seen = [number(losses[each]) for each in passes]
        if None in seen:
            return False, "A loss is one finite number: a run failed or diverged."
        told = [float(loss) for loss in seen if loss is not None]
        least = min(told)
        if not abs(math.log(least / line.value)) < 0.15:
            return False, "Far from both forecasts: is it width 48 on 2**17 different tokens?"
        if told[-1] < 0.98 * told[-2]:
            return False, "The last step still gained over two per cent: read it more often."
        if least == told[0] and int(passes[0]) > 2:
            return False, "The least stands first, so the turn may lie before it: begin with 2."
        words = [
            f"the {name} said {law.value:.3f}, {'inside' if least in law else 'outside'}"
            for name, law in (("line", line), ("joint law", joint))
        ]
        return True, f"Stopped early at {least:.3f}; {' and '.join(words)} its interval."

    return Judged(reply)


def _an_exponent_for_the_board(value: Any) -> Reply:
    if not isinstance(value, str):
        return False, "Hand over your text, between triple quotes."
    if len(value.split()) < 40:
        return False, "The board needs a few sentences more."
    if not re.search(r"\b(text|tokens?|data|corpus|overfit\w*)\b", value, re.IGNORECASE):
        return False, "What did the largest model have too little of?"
    if not re.search(r"\bhold|\bheld|\bforecast|\bjoint|\bmore runs?\b|\bslopes?\b", value, re.I):
        return False, "Which runs, or which fit, would you ask for before the decision?"
    return True, "Compare with the model answer."


EXERCISES: dict[str, Entry] = {
    "5.1": five_per_cent_by_size,
    "5.2": text_for_a_larger_model,
    "5.3": a_sensitive_crossing,
    "5.4": the_next_ration,
    "5.5": Judged(_an_exponent_for_the_board),
}
