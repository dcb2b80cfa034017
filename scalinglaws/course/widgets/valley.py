"""The valley (chapter 6): spend a budget on a size of your choice, and choose what is fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ...estimate import Estimate
from ...fit import AllocationFit, fit_chinchilla, fit_isoflop
from .base import Explorer, one_of, rounded, within

WINDOWS = {"near the best": None, "all": math.inf}
"""Which sizes enter the parabola of a budget, and what `fit_isoflop` is given for it."""
LEAST = 3
"""A line is drawn through at least so many budgets."""


def doubt(fit: AllocationFit) -> np.ndarray:
    """Covariance of ln N of the minima over the draws of `fit_isoflop`, (budgets, budgets).

    The standard deviations are half the middle 68 % of the draws, which a few lost minima do not
    move.
    """
    low, high = np.nanquantile(fit.minima, (0.159, 0.841), axis=0)
    sd = (high - low) / 2
    alike = pd.DataFrame(fit.minima).corr().to_numpy()
    return np.outer(sd, sd) * alike


def exponent(
    C: Any, N: Any, covariance: Any, chosen: Sequence[int], level: float = 0.95
) -> Estimate:
    """The slope of ln N against ln C over the chosen budgets, with its interval.

    C and N have shape (budgets,), the covariance of ln N (budgets, budgets). The interval is that
    of a straight line through minima with this noise, widened, as in `fit_isoflop`, where they
    miss the line by more than 95 % of noise would. Raises ValueError for fewer than 3 budgets.
    """
    if len(chosen) < LEAST:
        raise ValueError(f"a line needs {LEAST} budgets, and {len(chosen)} are chosen")
    here = list(chosen)
    x, y = np.log(np.asarray(C, float)[here]), np.log(np.asarray(N, float)[here])
    noise = np.asarray(covariance, float)[np.ix_(here, here)]
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    a = float(weights @ y)
    left = y - y.mean() - a * (x - x.mean())
    surplus = (left**2 / np.diag(noise)).sum() / chi2.ppf(0.95, len(here) - 2)
    sd = math.sqrt(weights @ noise @ weights * max(1.0, surplus))
    far = NormalDist().inv_cdf(0.5 + level / 2) * sd
    return Estimate(a, a - far, a + far, level)


class Valley(Explorer):
    """Loss against size at each budget of a sweep, and the exponent of the best size.

    `runs` has the columns params, tokens, loss, flops, width and seed, as `reference("isoflop")`.
    Values: `budget` (its number, 0 for the smallest), `times` (the size as a multiple of the best
    one), `sizes` (a key of `WINDOWS`) and `fitted` (the numbers of the budgets in the line).

    >>> from scalinglaws import finished, reference
    >>> valley = Valley(finished(reference("isoflop")), bootstrap=200)
    >>> valley["times"] = 1.5
    >>> 0.005 < valley.price() < 0.02
    True
    >>> valley["fitted"] = range(6)
    >>> round(valley.exponent().value, 2)
    0.53
    """

    name = "valley"

    def __init__(self, runs: pd.DataFrame, *, bootstrap: int = 500) -> None:
        what = [runs[name].to_numpy(float) for name in ("params", "tokens", "loss")]
        known = {"flops": runs["flops"], "groups": runs[["width", "seed"]]}
        self.fits = {
            name: fit_isoflop(*what, **known, within=window, bootstrap=bootstrap)
            for name, window in WINDOWS.items()
        }
        self.surface = fit_chinchilla(*what, groups=known["groups"], bootstrap=100).law
        first, *_ = self.fits.values()
        if any(len(fit.C) != len(first.C) for fit in self.fits.values()):
            raise ValueError(
                "a budget has a minimum only in some windows: leave it out of the runs"
            )
        places = range(len(first.C))
        law = self.surface
        data = {
            "C": rounded(first.C, 4),
            "budgets": [
                {"N": rounded(c.N, 6), "D": rounded(c.D, 6), "L": rounded(c.L)}
                for c in first.curves
            ],
            "law": rounded([law.E, law.A, law.alpha, law.B, law.beta], 6),
            "fits": {name: self._packed(fit) for name, fit in self.fits.items()},
            "usual": rounded(chi2.ppf(0.95, np.arange(1, len(first.C) - 1))),
        }
        middle = len(first.C) // 2
        super().__init__(
            label="Explorer: choose a budget and a size, and which budgets the line is fitted to",
            still=(
                f"An explorer stands here where scripts run: {len(first.C)} budgets, the loss at "
                "each size, and the exponent a of the best size for the budgets that you choose."
            ),
            data=data,
            values={"budget": middle, "times": 1.5, "sizes": "near the best", "fitted": [*places]},
            checks={
                "budget": one_of(*places),
                "times": within(0.05, 20),
                "sizes": one_of(*WINDOWS),
                "fitted": lambda value: _budgets(value, len(places)),
            },
        )

    @staticmethod
    def _packed(fit: AllocationFit) -> dict[str, Any]:
        noise = doubt(fit)
        return {
            "curves": [rounded([*c.coefficients, c.center], 6) for c in fit.curves],
            "used": ["".join("01"[int(one)] for one in c.used) for c in fit.curves],
            "noise": [rounded(row[: i + 1], 4) for i, row in enumerate(noise)],
        }

    @property
    def fit(self) -> AllocationFit:
        """The fit with the sizes that are chosen."""
        return self.fits[self["sizes"]]

    def price(self) -> float:
        """What the chosen size costs against the best one at the chosen budget, in nats."""
        curve = self.fit.curves[self["budget"]]
        return float(curve(self["times"] * curve.vertex) - curve(curve.vertex))

    def exponent(self, level: float = 0.95) -> Estimate:
        """The exponent a over the chosen budgets, by the chosen sizes."""
        fit = self.fit
        return exponent(fit.C, fit.N, doubt(fit), self["fitted"], level)


def _budgets(value: Any, budgets: int) -> list[int]:
    """The numbers of budgets, each once and rising. Raises ValueError if there are too few."""
    chosen = sorted({int(one) for one in value})
    if len(chosen) < LEAST or chosen[0] < 0 or chosen[-1] >= budgets:
        raise ValueError(
            f"at least {LEAST} numbers of budgets from 0 to {budgets - 1}, not {value!r}"
        )
    return chosen
