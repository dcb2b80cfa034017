"""Fits that return a law with everything that is needed to judge it.

Each result is a `FitResult`: the law (`scalinglaws.laws`), the residuals, the bootstrap draws that
its intervals come from (one column per parameter), their covariance, a summary, and a `Status` that
says whether to trust it. A fit that is no answer (its search did not settle, or ended at a bound)
keeps silent: its intervals and predictions are NaN.

One quantity: `fit_power_law`, `fit_curve`, `compare`, `fit_sigmoid`. Surfaces L(N, D):
`fit_chinchilla` (approach 3), `fit_kaplan`, `fit_data_constrained`. The best split of a budget:
`fit_isoflop` (approach 2), `fit_best_run` (approach 1), `fit_envelope` (our variant of approach 1).
The noise that all of them can be given: `fit_scatter`. Whether one power law will do:
`local_slopes`. What several choices do to a result: `Factorial`.
What an idea is worth in compute: `fit_frontier`, `compute_multiplier`.
"""

from ..estimate import Estimate
from ..laws import PowerLaw
from .allocation import AllocationFit, Parabola
from .best_run import fit_best_run
from .chinchilla import ChinchillaFit, fit_chinchilla
from .compare import Comparison, compare
from .curves import CURVES, fit_curve, fit_sigmoid
from .envelope import fit_envelope
from .factorial import Factorial
from .inputs import mean_over_seeds
from .isoflop import budgets_of, fit_isoflop
from .multiplier import Frontier, Multiplier, compute_multiplier, crossing, fit_frontier
from .power import PowerLawFit, fit_power_law
from .result import FitResult, Optimum, Status, StatusKind
from .scatter import Scatter, fit_scatter
from .search import LawFit
from .slopes import LocalSlopes, local_slopes
from .surfaces import fit_data_constrained, fit_kaplan

__all__ = [
    "CURVES",
    "AllocationFit",
    "ChinchillaFit",
    "Comparison",
    "Estimate",
    "Factorial",
    "FitResult",
    "Frontier",
    "LawFit",
    "LocalSlopes",
    "Multiplier",
    "Optimum",
    "Parabola",
    "PowerLaw",
    "PowerLawFit",
    "Scatter",
    "Status",
    "StatusKind",
    "budgets_of",
    "compare",
    "compute_multiplier",
    "crossing",
    "fit_best_run",
    "fit_chinchilla",
    "fit_curve",
    "fit_data_constrained",
    "fit_envelope",
    "fit_frontier",
    "fit_isoflop",
    "fit_kaplan",
    "fit_power_law",
    "fit_scatter",
    "fit_sigmoid",
    "local_slopes",
    "mean_over_seeds",
]
