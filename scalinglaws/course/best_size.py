"""What chapter 6 needs to find the best size of a budget on our own runs: all along true budgets.

A table of runs is one of `scalinglaws.runs`. Sizes are in parameters, budgets in FLOPs, losses in
nats per token.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.interpolate import Akima1DInterpolator

from ..estimate import Estimate
from ..fit import (
    ChinchillaFit,
    Scatter,
    fit_best_run,
    fit_chinchilla,
    fit_isoflop,
    mean_over_seeds,
)


def parts(
    table: pd.DataFrame, count: str = "params"
) -> tuple[tuple[pd.Series, pd.Series, pd.Series], dict[str, Any]]:
    """What a fit is given: (N, D, L), and by name the runs' FLOPs and their trunks as groups.

    `count` is the column of parameters.
    """
    return (
        (table[count], table["tokens"], table["loss"]),
        {"flops": table["flops"], "groups": table[["width", "seed"]]},
    )


def surface_minima(fit: ChinchillaFit, C: ArrayLike, *, head: bool = True) -> np.ndarray:
    """ln N where a fitted surface is lowest on budgets C (budgets,): shape (1 + draws, budgets).

    The first row is of the fitted law, the others of its bootstrap draws. Not along 6 N D but along
    the true FLOPs of our models of depth 2: at width d the blocks have 24 d^2 parameters and the
    head 128 d, and a token costs 6 N + 768 d. `head` says whether the fit counted the head in N.
    """
    budgets = np.asarray(C, float)
    d = np.geomspace(3, 800, 1200)[:, None]
    both = 24 * d**2 + 128 * d
    u = np.log(both if head else 24 * d**2)
    v = np.log(budgets / (6 * both + 768 * d))
    names = ["A", "alpha", "B", "beta"]
    found = []
    for A, alpha, B, beta in [[fit.value(name) for name in names], *fit.draws[names].to_numpy()]:
        above_E = A * np.exp(-alpha * u) + B * np.exp(-beta * v)
        found.append(u[above_E.argmin(axis=0), 0])
    return np.array(found)


def fit_surface(table: pd.DataFrame, count: str = "params") -> tuple[ChinchillaFit, Estimate]:
    """Approach 3: the surface through all runs, and the exponent a of its minima on their budgets.

    `count` is the column of parameters. The interval resamples whole trunks.
    """
    runs, known = parts(table, count)
    fit = fit_chinchilla(*runs, groups=known["groups"], bootstrap=300)
    C = np.geomspace(table["flops"].min(), table["flops"].max(), 9)
    minima = surface_minima(fit, C, head=count == "params")
    a, *draws = np.polyfit(np.log(C), minima.T, 1)[0]
    low, high = np.quantile(draws, (0.025, 0.975))
    return fit, Estimate(float(a), float(low), float(high))


def three_ways(table: pd.DataFrame, count: str = "params") -> dict[str, Estimate]:
    """The exponent a by each of the three approaches."""
    runs, known = parts(table, count)
    return {
        "1, best run": fit_best_run(*runs, **known).estimate("a"),
        "2, parabolas": fit_isoflop(*runs, **known).estimate("a"),
        "3, surface": fit_surface(table, count)[1],
    }


def lowest_point(table: pd.DataFrame, noise: Scatter, draws: int = 0) -> np.ndarray:
    """ln N at the lowest point of a smooth curve through one budget, which assumes no law.

    The curve is Akima's interpolation of the mean losses over seeds against ln N. With `draws` the
    means get so many draws of noise: shape (1 + draws,), the measured ones first.

    >>> runs = pd.DataFrame({"params": [1e3, 2e3, 4e3, 8e3, 16e3], "tokens": 1e5,
    ...                      "loss": [2.2, 2.05, 2.0, 2.05, 2.2]})
    >>> round(float(np.exp(lowest_point(runs, Scatter.known(0.01))[0])), -2)
    4000.0
    """
    N, L, _ = mean_over_seeds(table["params"], table["loss"])
    _, D, _ = mean_over_seeds(table["params"], table["tokens"])
    seeds = len(table) / len(N)
    u = np.linspace(np.log(N[0]), np.log(N[-1]), 1000)
    rng = np.random.default_rng(1)
    noisy = rng.normal(0, noise.sd(D) / seeds**0.5, (draws, len(L)))
    return np.array(
        [
            u[Akima1DInterpolator(np.log(N), L * np.exp(e))(u).argmin()]
            for e in [np.zeros_like(L), *noisy]
        ]
    )
