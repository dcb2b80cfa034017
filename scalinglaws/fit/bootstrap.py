"""How the fits draw anew: clusters of runs, residuals, and noise of a size that is itself drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks as checks


def checked_bootstrap(bootstrap: Any, seed: Any) -> np.random.Generator:
    """The generator of a fit's draws. Raises ValueError on a bad number of them or a bad seed."""
    if isinstance(bootstrap, bool) or not isinstance(bootstrap, Integral) or bootstrap < 100:
        raise ValueError(
            f"bootstrap must be at least 100, a whole number, to give intervals; got {bootstrap!r}"
        )
    return np.random.default_rng(checks.seed(seed))


def clusters_of(*keys: ArrayLike) -> np.ndarray:
    """Number 0, 1, ... of the cluster of each run: runs that agree in all keys share one."""
    columns = [np.unique(np.asarray(key), return_inverse=True)[1] for key in keys]
    return np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel()


def cluster_weights(
    settings: Sequence[np.ndarray],
    groups: ArrayLike | None,
    bootstrap: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, int]:
    """How often each run enters each draw, shape (bootstrap, runs), and the number of clusters.

    A cluster is drawn as a whole: runs with the same label in `groups`, or, without groups, runs
    that agree in all `settings` (seeds of one N and D).

    Weights are drawn from a flat Dirichlet distribution (Rubin's Bayesian bootstrap), the smooth
    sibling of drawing with replacement: no draw is left without some region of the data.
    """
    runs = len(settings[0])
    labels = clusters_of(*settings) if groups is None else clusters_of(labels_of(groups, runs))
    count = int(labels.max()) + 1
    if count < 8:
        raise ValueError(
            f"the runs fall into {count} independent groups only; at least 8 are needed to judge "
            "how well the law is known"
        )
    share = rng.standard_exponential((bootstrap, count))
    share *= count / share.sum(1, keepdims=True)
    return share[:, labels], count


def labels_of(groups: ArrayLike, runs: int) -> np.ndarray:
    """One label for each run, shape (runs,).

    `groups` holds a label for each run, or a row of several columns (width and seed, say) that
    make it together. Raises ValueError if there are not as many as runs.
    """
    labels = np.asarray(groups)
    if labels.ndim == 2 and len(labels) == runs and labels.shape[1]:
        return clusters_of(*labels.T)
    if labels.shape != (runs,):
        raise ValueError(f"groups must hold one label for each of the {runs} runs")
    return labels


def offset(
    theta: np.ndarray,
    rounded: np.ndarray,
    draws: np.ndarray,
    quantities: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """What moves draws (rows, p) of a rounded fit towards the fit itself, shape (p,).

    `theta` and `rounded` (p,) are the fit to all runs and the same with the rounded kinks that the
    draws have. Where the residuals are even, the two differ by noise alone, which is less than the
    scatter of the draws, and nothing is to be moved: to move all draws cost 35 runs 7 points of
    coverage. Where they are skewed, as when badly tuned runs are pooled with good ones, the rounded
    fit lies elsewhere, and an interval from its draws would not hold the fit that it is given for.

    So the difference is shrunk as James and Stein (1961) do, by 1 - (p - 2) / m^2, where m is its
    length in standard deviations of the draws: nothing is left of one below sqrt(p - 2), and nearly
    all of a large one. Then, by tenths, it is made as much longer as the fit needs to lie within
    the middle 95 % of the draws in all `quantities`, which take theta (rows, p) to (rows, q).
    """
    apart = theta - rounded
    inverse = np.linalg.pinv(np.cov(draws.T), rcond=1e-10, hermitian=True)
    length = max(float(apart @ inverse @ apart), 1e-300)
    least = max(0.0, 1 - (len(theta) - 2) / length)
    (value,) = quantities(theta[None])
    for share in (least, *np.arange(0.1, 1.01, 0.1)):
        if share >= least:
            low, high = np.quantile(quantities(draws + share * apart), (0.025, 0.975), axis=0)
            if ((low <= value) & (value <= high)).all():
                return np.asarray(share * apart)
    return np.asarray(least * apart)


def widened(theta: np.ndarray, draws: np.ndarray, clusters: int) -> np.ndarray:
    """Draws (rows, p) about theta, made wider by sqrt(n / (n - p)) for n clusters.

    A fit of p parameters follows its few data more closely than the truth does, and so do the
    fits to resampled data.
    """
    parameters = draws.shape[1]
    return theta + math.sqrt(clusters / max(1.0, clusters - parameters)) * (draws - theta)


def noise_sizes(sigma: float, freedom: int, bootstrap: int, rng: np.random.Generator) -> np.ndarray:
    """The standard deviation of the noise in each draw of a parametric bootstrap, (bootstrap,).

    `sigma` was judged by residuals with so many degrees of freedom, and a handful of them does not
    pin it down: what it may truly be follows sigma sqrt(freedom / chi-squared).
    """
    return sigma * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))


def resampled_residuals(
    residuals: np.ndarray, shape: tuple[int, ...], parameters: int, seed: int
) -> np.ndarray:
    """How new measurements scatter around a fit, drawn from what the old ones did.

    Made larger by sqrt(n / (n - p)), since the fit of p parameters follows its n data.
    """
    rng = np.random.default_rng([seed, 1])
    freedom = len(residuals) / max(1, len(residuals) - parameters)
    return math.sqrt(freedom) * rng.choice(residuals, shape)
