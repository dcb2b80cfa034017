"""Fits that return a law with everything that is needed to judge it.

Each result holds the law (`scalinglaws.laws`), the residuals, the bootstrap draws that its
intervals come from, their covariance, and a status that says whether to trust it. One quantity:
`fit_power_law`, `fit_curve`, `compare`, `fit_sigmoid`. Surfaces L(N, D): `fit_chinchilla`
(approach 3), `fit_kaplan`, `fit_data_constrained`. The best split of a budget: `fit_isoflop`
(approach 2), `fit_envelope` (approach 1).
"""

from ..laws import PowerLaw
from .chinchilla import ChinchillaFit, Optimum, fit_chinchilla
from .curves import (
    CURVES,
    Comparison,
    LawFit,
    compare,
    fit_curve,
    fit_data_constrained,
    fit_kaplan,
    fit_sigmoid,
)
from .isoflop import AllocationFit, Parabola, budgets_of, fit_envelope, fit_isoflop
from .power import PowerLawFit, fit_power_law, mean_over_seeds
from .result import Prediction

__all__ = [
    "CURVES",
    "AllocationFit",
    "ChinchillaFit",
    "Comparison",
    "LawFit",
    "Optimum",
    "Parabola",
    "PowerLaw",
    "PowerLawFit",
    "Prediction",
    "budgets_of",
    "compare",
    "fit_chinchilla",
    "fit_curve",
    "fit_data_constrained",
    "fit_envelope",
    "fit_isoflop",
    "fit_kaplan",
    "fit_power_law",
    "fit_sigmoid",
    "mean_over_seeds",
]
