"""Other surfaces than Chinchilla's: the joint law of Kaplan et al., and that of repeated data."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike

from .. import laws
from .bootstrap import checked_bootstrap, cluster_weights, offset, widened
from .chinchilla import fit_chinchilla
from .inputs import checked_huber, equally_long
from .minimise import rounded
from .scatter import Scatter, noise_about
from .search import LawFit, Space

_KAPLAN = Space(
    laws.KaplanLaw,
    (-50, math.log(1e-3), -50, math.log(1e-3)),
    (500, math.log(4), 500, math.log(4)),
)
_DATA_CONSTRAINED = Space(
    laws.DataConstrainedLaw,
    (0, -40, 1e-2, -40, 1e-2, math.log(1e-2), math.log(1e-2)),
    (math.inf, 80, 4, 80, 4, math.log(1e4), math.log(1e4)),
)


def _surface(
    space: Space,
    starts: np.ndarray,
    data: tuple[np.ndarray, ...],
    L: np.ndarray,
    scatter: Scatter | None,
    groups: ArrayLike | None,
    huber: float,
    bootstrap: int,
    rng: np.random.Generator,
    seed: int,
) -> LawFit:
    """A robust fit to all runs, with a bootstrap over clusters of them."""
    target = np.log(L)
    theta, _, settled = space.search(starts, data, target, huber)
    made = space.formula(theta[None], data)
    residuals = target - made[0]
    delta = rounded(residuals, huber)
    if scatter is None:
        weights, clusters = cluster_weights(data, groups, bootstrap, rng)
        draws = space.again(theta, data, target[None], weights, delta)
        if delta > huber:
            again = space.again(theta, data, target[None], np.ones_like(weights[:1]), delta)
            draws += offset(theta, again[0], draws, lambda rows: rows)
        draws = np.clip(widened(theta, draws, clusters), space.lower, space.upper)
    else:
        runs = (data[0], data[1], L)
        noise, _ = noise_about(scatter, groups, runs, residuals, len(theta), bootstrap, rng)
        draws = space.again(theta, data, made + noise, np.ones((1, len(L))), delta)
    return LawFit(
        law=space.law(theta),
        x=data,
        y=L,
        residuals=residuals,
        status=space.status(theta, draws, settled),
        _space=space,
        _noise=None,
        _theta=draws,
        _seed=seed,
    )


def fit_kaplan(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    scatter: Scatter | None = None,
    groups: ArrayLike | None = None,
    huber: float = 1e-3,
    bootstrap: int = 1000,
    seed: int = 0,
) -> LawFit:
    """Fit the joint L(N, D) of Kaplan et al. (2020, equation 1.5) to losses stopped early.

    Robust, with intervals by resampling runs or by `scatter`, as `fit_chinchilla`. Loss, params
    and tokens may be in any unit and counted in any way (Kaplan et al. leave the embeddings out);
    the law holds for that alone. It has no floor: with N and D without end the loss goes to 0.
    Raises ValueError on values that are not positive numbers and if there are fewer than 8
    different (N, D).

    >>> import numpy as np
    >>> from scalinglaws.laws import KAPLAN_JOINT as truth
    >>> N, D = (v.ravel() for v in np.meshgrid(np.geomspace(1e5, 1e9, 5), [1e7, 3e8, 1e10]))
    >>> noise = np.exp(0.003 * np.cos(7 * np.arange(15)))
    >>> fit = fit_kaplan(N, D, truth(N, D) * noise, bootstrap=100)
    >>> print(fit.status)
    converged
    >>> truth.alpha_N in fit.estimate("alpha_N"), truth.alpha_D in fit.estimate("alpha_D")
    (True, True)
    """
    huber = checked_huber(huber)
    rng = checked_bootstrap(bootstrap, seed)
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    _enough(N, D, 4)
    starts = []
    for a_N, a_D in itertools.product((0.05, 0.1, 0.2, 0.4), repeat=2):
        for share in (0.3, 0.7):
            Nc = math.log(N.max()) + math.log(share * L.min()) / a_N
            Dc = math.log(D.max()) + math.log((1 - share) * L.min()) / a_D
            starts.append([Nc, math.log(a_N), Dc, math.log(a_D)])
    return _surface(
        _KAPLAN, np.array(starts), (N, D), L, scatter, groups, huber, bootstrap, rng, seed
    )


def fit_data_constrained(
    params: ArrayLike,
    tokens: ArrayLike,
    unique_tokens: ArrayLike,
    loss: ArrayLike,
    *,
    scatter: Scatter | None = None,
    groups: ArrayLike | None = None,
    huber: float = 1e-3,
    bootstrap: int = 1000,
    seed: int = 0,
) -> LawFit:
    """Fit the law of repeated data (Muennighoff et al. 2023) to runs of which some repeat theirs.

    `unique_tokens` is the number of different tokens of each run, at most `tokens`. Robust, with
    intervals by resampling runs or by `scatter`, as `fit_chinchilla`, which gives the starts. Loss,
    params and tokens may be in any unit and counted in any way; the law holds for that alone.
    Raises ValueError on bad values and if no run repeats its data.

    >>> import numpy as np
    >>> from scalinglaws.laws import MUENNIGHOFF as truth
    >>> sizes, lengths = np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 9)
    >>> N, D = (v.ravel() for v in np.meshgrid(sizes, lengths))
    >>> U = D / np.resize([1.0, 3.0, 10.0, 30.0, 1.0], 36)
    >>> noise = np.exp(0.002 * np.cos(7 * np.arange(36)))
    >>> fit = fit_data_constrained(N, D, U, truth(N, D, U) * noise, bootstrap=100)
    >>> print(fit.status)
    converged
    >>> truth.R_D in fit.estimate("R_D")
    True
    """
    huber = checked_huber(huber)
    rng = checked_bootstrap(bootstrap, seed)
    N, D, U, L = equally_long(params=params, tokens=tokens, unique_tokens=unique_tokens, loss=loss)
    U = np.minimum(U, D)
    _enough(N, D, 7)
    if not np.any(D > 1.5 * U):
        raise ValueError(
            "no run sees its data more than 1.5 times, so what repetition is worth cannot be told"
        )
    fresh = D <= 1.05 * U
    chosen = fresh if _tells_a_surface(N[fresh], D[fresh]) else np.ones(len(N), bool)
    law = fit_chinchilla(N[chosen], D[chosen], L[chosen], bootstrap=100, huber=huber).law
    start = [law.E, math.log(law.A), law.alpha, math.log(law.B), law.beta]
    starts = np.array(
        [[*start, math.log(R_D), math.log(R_N)] for R_D in (1, 5, 25) for R_N in (1, 5, 50)]
    )
    return _surface(
        _DATA_CONSTRAINED, starts, (N, D, U), L, scatter, groups, huber, bootstrap, rng, seed
    )


def _enough(N: np.ndarray, D: np.ndarray, parameters: int) -> None:
    different = len(set(zip(N, D, strict=True)))
    if different < max(8, parameters + 3):
        raise ValueError(
            f"{parameters} parameters need at least {max(8, parameters + 3)} runs with different "
            f"(params, tokens); got {different}"
        )


def _tells_a_surface(N: np.ndarray, D: np.ndarray) -> bool:
    """Whether `fit_chinchilla` takes these runs."""
    different = len(set(zip(N, D, strict=True)))
    return different >= 8 and min(len(np.unique(N)), len(np.unique(D))) >= 3
