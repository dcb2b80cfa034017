"""The switchboard (chapter 7): count, recipe and budgets, and the exponent that they make."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from ...estimate import Estimate
from ...fit import AllocationFit
from ...fit.allocation import lines_through, widened_by_scatter
from .base import Explorer, one_of, rounded

SWITCHES = {
    "count": ("the blocks", "all parameters"),
    "warmup": ("fixed", "grows with size"),
    "cooldown": ("none", "last 30 %"),
    "rate": ("one for all", "tuned"),
}
"""Each choice, by the rules of 2020 and of 2022."""
WINDOWS = {"all four": (0, 4), "first three": (0, 3), "last three": (1, 4)}


class Switchboard(Explorer):
    """The best size at each budget for each of sixteen ways to train and to count, and a.

    `fits` holds a fit of `fit_isoflop` with four budgets for each combination of 0 (2020) and 1
    (2022) in the order of `SWITCHES`. Values: one of its two words for each switch, and `budgets`
    (a key of `WINDOWS`). Raises ValueError if a combination lacks, or has other than four budgets.
    """

    name = "switchboard"

    def __init__(self, fits: Mapping[tuple[int, ...], AllocationFit]) -> None:
        self.fits = {tuple(map(int, at)): fit for at, fit in fits.items()}
        if set(self.fits) != set(product((0, 1), repeat=len(SWITCHES))):
            raise ValueError(f"a fit is needed for each combination of {', '.join(SWITCHES)}")
        if any(len(fit.C) != 4 for fit in self.fits.values()):
            raise ValueError("each fit needs four budgets with a minimum each")
        data: dict[str, Any] = {
            "switches": SWITCHES,
            "windows": WINDOWS,
            "counts": [self._shared(count) for count in (0, 1)],
            "cells": {
                "".join(map(str, at)): {
                    "L": rounded([curve.L for curve in fit.curves], 4),
                    "bowls": rounded([[*c.coefficients, c.center] for c in fit.curves], 6),
                    "a": [
                        rounded([each.value, each.low, each.high], 4)
                        for each in (self._exponent(fit, window) for window in WINDOWS)
                    ],
                    "sure": fit.status.converged,
                }
                for at, fit in self.fits.items()
            },
        }
        super().__init__(
            label="Explorer: switch the count and the recipe, and see the exponent",
            still=(
                "An explorer stands here where scripts run: switch what is counted, how the models "
                "are trained and which budgets count, and see the best sizes and the exponent a."
            ),
            data=data,
            values={**{name: words[0] for name, words in SWITCHES.items()}, "budgets": "all four"},
            checks={
                **{name: one_of(*words) for name, words in SWITCHES.items()},
                "budgets": one_of(*WINDOWS),
            },
        )

    def _shared(self, count: int) -> dict[str, Any]:
        """Budgets and sizes, which are the same for all recipes under one count."""
        first, *others = [fit for at, fit in self.fits.items() if at[0] == count]
        sizes = [rounded(curve.N, 4) for curve in first.curves]
        for fit in others:
            if not np.allclose(fit.C, first.C, rtol=1e-3) or sizes != [
                rounded(curve.N, 4) for curve in fit.curves
            ]:
                raise ValueError("all recipes need the same budgets and sizes under one count")
        return {"C": rounded(first.C, 4), "N": sizes}

    @staticmethod
    def _exponent(fit: AllocationFit, window: str) -> Estimate:
        """a over the budgets of a window, with the draws of the fit; all four have its own."""
        if window == "all four":
            return fit.estimate("a")
        cut = slice(*WINDOWS[window])
        log_C, log_N = np.log(fit.C)[cut], np.log(fit.N)[cut]
        point = lines_through(log_C[None], log_N[None])[0]
        draws = lines_through(log_C[None], fit.minima[:, cut])
        draws = widened_by_scatter(draws, point, log_C, log_N, fit.minima[:, cut])[:, 1]
        low, high = (float(end) for end in np.nanquantile(draws, (0.025, 0.975)))
        return Estimate(float(point[1]), low, high)

    @property
    def fit(self) -> AllocationFit:
        """The fit of the chosen combination."""
        return self.fits[tuple(words.index(self[name]) for name, words in SWITCHES.items())]

    def exponent(self) -> Estimate:
        """The exponent a over the chosen budgets, with its 95 % interval."""
        return self._exponent(self.fit, self["budgets"])

    def best_sizes(self) -> np.ndarray:
        """The best number of parameters at each of the four budgets, shape (4,)."""
        return self.fit.N
