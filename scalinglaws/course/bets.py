"""Bets on larger runs: ways of extrapolating, a race between them, and a band from their record.

A table of runs is one of `scalinglaws.runs`, with two more columns: `budget`, the compute that runs
of several sizes share, and `excess`, the share by which a loss lies above the lowest of its budget
(`prepared` adds both). A forecaster takes such a table and gives a law, which is asked for the
losses of other runs by a table of their `params`, `tokens` and `flops`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from scipy.stats import norm as normal
from scipy.stats import t as student

from .. import plot
from ..estimate import Estimate
from ..fit import ChinchillaFit, Scatter, fit_chinchilla, fit_isoflop, fit_power_law
from ..runs import finished
from ..runs.table import REGISTERED
from .verdict import Outcome

Law = Callable[[pd.DataFrame], np.ndarray]
"""Losses of runs, given their table."""
Forecaster = Callable[[pd.DataFrame], Law]
"""A law, given the runs to fit it to."""

_DATA = Path(__file__).parents[1] / "runs" / "data"

NEAR = 0.1
"""Excess up to which a run is near the best of its budget."""


def prepared(table: pd.DataFrame) -> pd.DataFrame:
    """The finished runs, each with its `budget` (FLOPs, two digits) and its `excess` (a share).

    >>> from scalinglaws import reference
    >>> runs = prepared(reference("isoflop"))
    >>> f"{runs['budget'].max():.1e}", float(runs["excess"].min())
    ('2.5e+12', 0.0)
    """
    runs = finished(table).copy()
    runs["budget"] = [float(f"{flops:.1e}") for flops in runs["flops"]]
    best = runs.groupby("budget")["loss"].transform("min")
    return runs.assign(excess=runs["loss"] / best - 1)


def near_best(runs: pd.DataFrame, budgets: int | None = None) -> pd.DataFrame:
    """The runs within 10 % of the best of their budget, of all or so many of the largest budgets.

    >>> from scalinglaws import reference
    >>> len(near_best(prepared(reference("isoflop")), 3))
    34
    """
    kept = np.unique(runs["budget"])
    kept = kept if budgets is None else kept[-budgets:]
    return runs[runs["budget"].isin(kept) & (runs["excess"] < NEAR)]


def _columns(runs: pd.DataFrame, *names: str) -> list[np.ndarray]:
    return [runs[name].to_numpy(float) for name in names]


# --------------------------------------------------------------------------------- the joined law


@dataclass(frozen=True)
class JoinedLaw:
    """L = E + (s^(1/gamma) + d^(1/gamma))^gamma, with s = s0 (N/N0)^-alpha, d = d0 (D/D0)^-beta.

    gamma = 1 is the surface of Hoffmann et al. (2022); E = 0 and gamma = beta is the law of Kaplan
    et al. (2020), section 4.1. Losses in nats per token.

    >>> law = JoinedLaw(E=0.9, s=0.4, alpha=0.3, d=0.4, beta=0.3, gamma=0.5, N0=1e5, D0=1e6)
    >>> float(law(1e5, 1e6).round(3))
    1.466
    """

    E: float
    s: float
    alpha: float
    d: float
    beta: float
    gamma: float
    N0: float
    D0: float

    def __call__(self, N: np.ndarray | float, D: np.ndarray | float) -> np.ndarray:
        """Loss of models with `N` parameters that read `D` tokens, arrays of one shape."""
        theta = (self.E, np.log(self.s), self.alpha, np.log(self.d), self.beta, self.gamma)
        N, D = np.asarray(N, float), np.asarray(D, float)
        return np.exp(_log_joined(theta, np.log(N / self.N0), np.log(D / self.D0)))


_LOW = (0, -9, 0.01, -9, 0.01, 0.05)
_HIGH = (1.4, 9, 2, 9, 2, 3)
_STARTS = tuple((E, 0, 0.2, 0, 0.2, gamma) for E in (0.2, 0.8) for gamma in (0.3, 1))


def _log_joined(theta: tuple[float, ...], n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """ln L at ln(N / N0) and ln(D / D0)."""
    E, log_s, alpha, log_d, beta, gamma = theta
    small, little = log_s - alpha * n, log_d - beta * d
    return np.log(E + np.exp(gamma * np.logaddexp(small / gamma, little / gamma)))


def fit_joined(
    N: np.ndarray,
    D: np.ndarray,
    L: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    start: JoinedLaw | None = None,
) -> JoinedLaw:
    """The joined law through losses `L`, least in the soft L1 loss of ln L (scale .005).

    `N`, `D`, `L` and, if it is no number, `weight` have shape (runs,). Tries four starts and keeps
    the best, or goes from `start` alone, a fit to the same runs. Constants are measured from the
    middle of the data. Raises ValueError for fewer than six runs, one for each parameter.

    >>> true = JoinedLaw(0.9, 0.4, 0.3, 0.4, 0.35, 0.5, 1e5, 1e6)
    >>> sizes, texts = np.geomspace(1e4, 1e6, 5), np.geomspace(1e5, 1e7, 5)
    >>> N, D = (x.ravel() for x in np.meshgrid(sizes, texts))
    >>> fit = fit_joined(N, D, true(N, D))
    >>> print(f"{fit.E:.3f} {fit.alpha:.3f} {fit.beta:.3f} {fit.gamma:.3f}")
    0.900 0.300 0.350 0.500
    """
    n, d, log_L = (np.log(np.asarray(x, float)) for x in (N, D, L))
    if len(log_L) < len(_LOW):
        raise ValueError(f"the joined law has 6 parameters, so it takes 6 runs, got {len(log_L)}")
    middle = n.mean(), d.mean()
    starts = _STARTS
    if start is not None:
        near = (start.E, np.log(start.s), start.alpha, np.log(start.d), start.beta, start.gamma)
        starts = (tuple(np.clip(near, np.add(_LOW, 1e-3), np.subtract(_HIGH, 1e-3))),)

    def residuals(theta: tuple[float, ...]) -> np.ndarray:
        return np.sqrt(weight) * (_log_joined(theta, n - middle[0], d - middle[1]) - log_L)

    fits = [
        least_squares(residuals, theta, bounds=(_LOW, _HIGH), loss="soft_l1", f_scale=0.005)
        for theta in starts
    ]
    E, log_s, alpha, log_d, beta, gamma = map(float, min(fits, key=lambda fit: fit.cost).x)
    N0, D0 = map(float, np.exp(middle))
    return JoinedLaw(E, float(np.exp(log_s)), alpha, float(np.exp(log_d)), beta, gamma, N0, D0)


def redraw_joined(runs: pd.DataFrame, count: int = 60, seed: int = 8) -> Iterator[JoinedLaw]:
    """Refits with random weights on the trunks, the runs of one width and seed (Rubin 1981).

    >>> from scalinglaws import reference
    >>> len([*redraw_joined(prepared(reference("isoflop")), count=2)])
    2
    """
    N, D, L = _columns(runs, "params", "tokens", "loss")
    best = fit_joined(N, D, L)
    trunk = pd.factorize(runs["width"] * 10 + runs["seed"])[0]
    rng = np.random.default_rng(seed)
    for _ in range(count):
        weight = rng.standard_exponential(trunk.max() + 1)[trunk]
        yield fit_joined(N, D, L, weight=weight, start=best)


def resampled_half(runs: pd.DataFrame, at: pd.DataFrame, count: int = 40) -> np.ndarray:
    """Half width in % of the 95 % band that resampling the trunks promises, shape of `at`.

    The spread of the refits and the scatter of the runs about the law, added in squares.

    >>> from scalinglaws import reference
    >>> runs = near_best(prepared(reference("isoflop")), 3)
    >>> resampled_half(runs, runs, count=3).shape
    (34,)
    """
    N, D, L = _columns(runs, "params", "tokens", "loss")
    law = fit_joined(N, D, L)
    scatter = np.var(100 * np.log(L / law(N, D)), ddof=6)
    asked = _columns(at, "params", "tokens")
    again = [100 * np.log(drawn(*asked)) for drawn in redraw_joined(runs, count)]
    return float(normal.ppf(0.975)) * np.sqrt(np.var(again, axis=0) + scatter)


# ---------------------------------------------------------------------------- shapes, diets, races


def joined(runs: pd.DataFrame) -> Law:
    """The joined law, as a forecaster.

    >>> from scalinglaws import reference
    >>> runs = prepared(reference("isoflop"))
    >>> bool(abs(joined(runs)(runs) / runs["loss"] - 1).median() < 0.01)
    True
    """
    law = fit_joined(*_columns(runs, "params", "tokens", "loss"))
    return lambda at: law(*_columns(at, "params", "tokens"))


def surface(runs: pd.DataFrame) -> Law:
    """The surface of Hoffmann et al. (2022), as a forecaster.

    >>> from scalinglaws import reference
    >>> runs = prepared(reference("isoflop"))
    >>> bool(abs(surface(runs)(runs) / runs["loss"] - 1).median() < 0.03)
    True
    """
    law = fit_chinchilla(*_columns(runs, "params", "tokens", "loss"), bootstrap=100).law
    return lambda at: np.asarray(law(*_columns(at, "params", "tokens")))


def frontier(runs: pd.DataFrame) -> Law:
    """A power law with a floor through the best losses, and a cubic for being off the best size.

    >>> from scalinglaws import reference
    >>> runs = near_best(prepared(reference("isoflop")))
    >>> bool(abs(frontier(runs)(runs) / runs["loss"] - 1).median() < 0.01)
    True
    """
    return _along_the_best(runs, floor=True)


def _along_the_best(runs: pd.DataFrame, floor: bool) -> Law:
    N, D, L, C = _columns(runs, "params", "tokens", "loss", "flops")
    best = fit_isoflop(N, D, L, flops=C, bootstrap=100)
    line = fit_power_law(best.C, best.L, floor=floor, bootstrap=100).law
    bowl = np.polyfit(np.log(N / best.N_opt(C)), np.log(L / line(C)), 3)

    def law(at: pd.DataFrame) -> np.ndarray:
        N, C = _columns(at, "params", "flops")
        return line(C) * np.exp(np.polyval(bowl, np.log(N / best.N_opt(C))))

    return law


def straight(runs: pd.DataFrame) -> Law:
    """A power law without a floor through the best losses: a rival that knows nothing of floors.

    As `frontier` does, it takes a cubic for being off the best size.

    >>> from scalinglaws import reference
    >>> runs = near_best(prepared(reference("isoflop")), 3)
    >>> bool(abs(straight(runs)(runs) / runs["loss"] - 1).median() < 0.01)
    True
    """
    return _along_the_best(runs, floor=False)


def paraboloid(runs: pd.DataFrame) -> Law:
    """A quadratic of ln L in ln N and ln D by least squares: a rival that is no law at all.

    >>> from scalinglaws import reference
    >>> runs = near_best(prepared(reference("isoflop")), 3)
    >>> bool(abs(paraboloid(runs)(runs) / runs["loss"] - 1).median() < 0.01)
    True
    """
    middle = np.log(runs[["params", "tokens"]].to_numpy(float)).mean(axis=0)

    def terms(at: pd.DataFrame) -> np.ndarray:
        n, d = (np.log(at[["params", "tokens"]].to_numpy(float)) - middle).T
        return np.column_stack([n**0, n, d, n * n, n * d, d * d])

    log_L = np.log(runs["loss"].to_numpy(float))
    weights = np.linalg.lstsq(terms(runs), log_L, rcond=None)[0]
    return lambda at: np.exp(terms(at) @ weights)


SHAPES: Mapping[str, Forecaster] = {"surface": surface, "frontier": frontier, "joined": joined}
"""The forms that race."""

DIETS: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "all runs": lambda runs: runs,
    "near the best": near_best,
    "... of 5 budgets": lambda runs: near_best(runs, 5),
    "... of 3 budgets": lambda runs: near_best(runs, 3),
}
"""Which of the runs below a threshold each form is fitted to."""


def plain(name: str) -> str:
    """A shape or a diet as a page names it.

    >>> plain("joined"), plain("... of 3 budgets"), plain("all runs")
    ('joined law', '3 budgets', 'all runs')
    """
    return "joined law" if name == "joined" else name.removeprefix("... of ")


def entrants() -> dict[tuple[str, str], Forecaster]:
    """All pairs of a shape and a diet that a fit can be made of: three points fix no floor.

    >>> len(entrants())
    11
    """

    def entrant(shape: str, diet: str) -> Forecaster:
        return lambda runs: SHAPES[shape](DIETS[diet](runs))

    pairs = ((shape, diet) for shape in SHAPES for diet in DIETS)
    return {p: entrant(*p) for p in pairs if p != ("frontier", "... of 3 budgets")}


YARDSTICKS: Mapping[tuple[str, str], Forecaster] = {
    ("straight line", "... of 3 budgets"): lambda runs: straight(near_best(runs, 3)),
    ("paraboloid", "... of 3 budgets"): lambda runs: paraboloid(near_best(runs, 3)),
}
"""Two rivals that were never entered, to measure the entrants by."""


def lowest(fit: ChinchillaFit, at: pd.DataFrame, level: float = 0.95) -> Estimate:
    """The lowest loss that a surface forecasts among runs (`params`, `tokens`), with its interval.

    >>> from scalinglaws import reference
    >>> runs = prepared(reference("isoflop"))
    >>> fit = fit_chinchilla(*_columns(runs, "params", "tokens", "loss"), bootstrap=100)
    >>> print(f"{lowest(fit, runs.tail(3)).value:.1f}")
    1.5
    """
    asked = zip(*_columns(at, "params", "tokens"), strict=True)
    offers = [fit.predict(N, D, level=level) for N, D in asked]
    return min(offers, key=lambda offer: offer.value)


def misses(runs: pd.DataFrame, law: Law) -> np.ndarray:
    """By how many per cent (of logarithms) the losses lie above those of the law, shape (runs,).

    >>> table = pd.DataFrame({"loss": [1.01, 1.0]})
    >>> misses(table, lambda runs: np.ones(len(runs))).round(2).tolist()
    [1.0, 0.0]
    """
    return 100 * np.log(runs["loss"].to_numpy(float) / law(runs))


def race(
    runs: pd.DataFrame,
    forecasters: Mapping[tuple[str, str], Forecaster] | None = None,
    first: int = 4,
) -> pd.DataFrame:
    """Every forecaster at every threshold: fitted at or below it, asked for the runs above it.

    The thresholds are the budgets from number `first` (from 0) to the last but one, and the targets
    the runs above that are near the best of their budget. Gives a row for each target with
    `shape`, `diet`, `threshold` (FLOPs), `factor` (its budget by the threshold) and `miss` (%).

    >>> from scalinglaws import reference
    >>> table = race(prepared(reference("isoflop")), {("joined", "near the best"):
    ...              lambda runs: joined(near_best(runs))}, first=8)
    >>> table["threshold"].nunique(), len(table)
    (2, 36)
    """
    forecasters = entrants() if forecasters is None else forecasters
    budgets, rows = np.unique(runs["budget"]), []
    for threshold in budgets[first:-1]:
        below = runs[runs["budget"] <= threshold]
        beyond = near_best(runs[runs["budget"] > threshold])
        for (shape, diet), forecaster in forecasters.items():
            rows.append(
                pd.DataFrame(
                    {
                        "shape": shape,
                        "diet": diet,
                        "threshold": threshold,
                        "factor": beyond["budget"] / threshold,
                        "miss": misses(beyond, forecaster(below)),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def frontier_slopes(runs: pd.DataFrame, budgets: int = 4) -> pd.DataFrame:
    """The exponent of the frontier for every so many neighbouring budgets, each fitted alone.

    Columns `C` (the middle, FLOPs), `slope` (positive where loss falls), `low` and `high` (95 %).

    >>> from scalinglaws import reference
    >>> table = frontier_slopes(prepared(reference("isoflop")))
    >>> len(table), bool((table["low"] < table["slope"]).all())
    (8, True)
    """
    N, D, L, C = _columns(runs, "params", "tokens", "loss", "flops")
    best, rows = fit_isoflop(N, D, L, flops=C), []
    for i in range(len(best.C) - budgets + 1):
        near = slice(i, i + budgets)
        part = fit_power_law(best.C[near], best.L[near])
        middle = float(np.exp(np.log(best.C[near]).mean()))
        low, high = part.interval("alpha")
        rows.append({"C": middle, "slope": part.law.alpha, "low": low, "high": high})
    return pd.DataFrame(rows)


def three_slopes(
    runs: pd.DataFrame, scatter: Scatter, budgets: int = 4, draws: int = 1000
) -> np.ndarray:
    """The exponent of the frontier over the first, the middle and the last budgets, (3, 1 + draws).

    At each budget a parabola in ln N goes through the runs near the best, and a straight line
    through its minima gives the exponent, over so many `budgets` each. The first column is as
    measured; the others have noise of `scatter` between seeds added, drawn for whole trunks (the
    runs of one width and seed).

    >>> from scalinglaws import reference
    >>> from scalinglaws.fit import Scatter
    >>> runs = prepared(reference("isoflop"))
    >>> first, middle, last = three_slopes(runs, Scatter.known(0.003), draws=100)
    >>> bool(middle[0] > max(first[0], last[0])), first.shape
    (True, (101,))
    """
    near = near_best(runs)
    trunk = near.groupby(["width", "seed"]).ngroup()
    log_L = np.log(near["loss"].to_numpy(float)) + np.vstack(
        [np.zeros(len(near)), scatter.draw(near["tokens"], trunk, 0, draws=draws)]
    )
    known, lowest = np.unique(near["budget"]), []
    for budget in known:
        at = (near["budget"] == budget).to_numpy()
        n = np.log(near["params"].to_numpy(float)[at])
        square, slope, height = np.polyfit(n - n.mean(), log_L[:, at].T, 2)
        lowest.append(height - slope**2 / (4 * square))
    begin = (0, (len(known) - budgets + 1) // 2, len(known) - budgets)
    return -np.array(
        [np.polyfit(np.log(known[i : i + budgets]), lowest[i : i + budgets], 1)[0] for i in begin]
    )


def buy(
    runs: pd.DataFrame,
    shopping: Callable[[pd.DataFrame, int], pd.DataFrame],
    first: int = 5,
    ahead: int = 2,
) -> pd.DataFrame:
    """Try a shopping list at several purses: fit the joined law to what it buys, forecast beyond.

    `shopping(within, seed)` gets the runs within reach of a purse, all seeds, and gives those it
    buys. The purses reach the budgets from number `first` (from 0), and the target is the runs near
    the best `ahead` budgets further up. A row for each purse and each of two seeds: `reach`
    (FLOPs), `runs`, `price` (in units of `reach`) and `miss` (mean over the target, %).

    >>> from scalinglaws import reference
    >>> runs = prepared(reference("isoflop"))
    >>> tried = buy(runs, lambda within, seed: within[within["seed"] == seed], first=8)
    >>> len(tried), bool(tried["miss"].abs().max() < 5)
    (2, True)
    """
    budgets, rows = np.unique(runs["budget"]), []
    for reach, beyond in zip(budgets[first:-ahead], budgets[first + ahead :], strict=True):
        target, before = near_best(runs[runs["budget"] == beyond]), None
        for seed in (0, 1):
            bought = shopping(runs[runs["budget"] <= reach], seed)
            if before is None or not bought.index.equals(before):  # else the same fit again
                miss = float(misses(target, joined(bought)).mean())
            before = bought.index
            price = float(bought["flops"].sum() / reach)
            rows.append({"reach": reach, "runs": len(bought), "price": price, "miss": miss})
    return pd.DataFrame(rows)


def rms(values: ArrayLike) -> float:
    """Root mean square.

    >>> rms([3, -4]).__round__(3)
    3.536
    """
    return float(np.sqrt(np.mean(np.square(np.asarray(values, float)))))


# ----------------------------------------------------------------------------- a band from a record


@dataclass(frozen=True)
class Band:
    """How far forecasts miss at a factor f in compute beyond the runs of their fit.

    `noise` is the spread at no distance, `drift` what each e-fold of compute adds; both in per cent
    of the loss. `thresholds` says from how many places the drift is known.

    >>> band = Band(noise=0.3, drift=0.6, thresholds=6)
    >>> print(f"{band.half(1):.2f} {band.half(10):.2f}")
    0.59 3.43
    """

    noise: float
    drift: float
    thresholds: int

    def half(self, factor: np.ndarray | float, level: float = 0.95) -> np.ndarray:
        """Half width in per cent at these factors, in their shape.

        The noise takes the quantile of a normal, the drift that of Student's t with as many
        degrees of freedom as there were thresholds, and the two add in squares.
        """
        at = (1 + level) / 2
        drift = student.ppf(at, self.thresholds) * self.drift * np.log(factor)
        return np.hypot(normal.ppf(at) * self.noise, drift)

    def covers(self, miss: ArrayLike, factor: ArrayLike, level: float = 0.95) -> np.ndarray:
        """Whether the band holds each miss (%), shape (forecasts,).

        >>> Band(0.3, 0.6, 6).covers(np.array([3.0, -4.0]), np.array([10.0, 10.0])).tolist()
        [True, False]
        """
        return np.abs(np.asarray(miss, float)) <= self.half(np.asarray(factor, float), level)


def fit_band(miss: ArrayLike, factor: ArrayLike, threshold: ArrayLike) -> Band:
    """The band of a record of misses (%), all of shape (forecasts,).

    The misses of one threshold share one law and so one error, which grows with ln f. At each
    threshold a line through the origin is fitted to miss against ln f. The drift is the root mean
    square of the slopes, each threshold counted once however many runs it was asked for, about
    zero and not about their mean: a bias counts as error. The noise is what the lines leave over.
    Raises ValueError for fewer than two thresholds.

    >>> rng = np.random.default_rng(0)
    >>> threshold = np.repeat(np.arange(400), 5)
    >>> factor = np.tile([2.5, 6, 16, 40, 100], 400)
    >>> slope = rng.normal(0, 0.6, 400)[threshold]
    >>> band = fit_band(slope * np.log(factor) + rng.normal(0, 0.3, 2000), factor, threshold)
    >>> print(f"noise {band.noise:.2f}, drift {band.drift:.2f}")
    noise 0.30, drift 0.59
    """
    miss, e_folds = np.asarray(miss, float), np.log(np.asarray(factor, float))
    names, of = np.unique(np.asarray(threshold), return_inverse=True)
    if len(names) < 2:
        raise ValueError("a band needs misses at two thresholds or more")
    slopes = np.bincount(of, miss * e_folds) / np.bincount(of, e_folds**2)
    left = miss - slopes[of] * e_folds
    noise = np.sqrt(np.sum(left**2) / max(1, len(miss) - len(names)))
    return Band(float(noise), float(np.sqrt(np.mean(slopes**2))), len(names))


World = Literal["independent", "neighbours alike", "wandering slope"]
"""How the errors of laws at a row of thresholds hang together, see `simulated_coverage`."""


def simulated_coverage(
    record: pd.DataFrame,
    world: World,
    at: Sequence[float] = (1, 3.2, 10.4, 32),
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Share of new misses that `fit_band` holds at the factors `at`, where the truth is known.

    Misses are drawn in the place of those of the record (columns `miss`, `factor`, `threshold`),
    with its noise and its drift, and a band is fitted to them. Then one more threshold follows,
    one step above the last, whose misses the band has not seen. In the world "independent" each
    threshold has an error per e-fold of its own. With "neighbours alike" it shares .7 of it with
    the threshold before. With a "wandering slope" the local exponent takes a random step at each
    budget, so that the error grows faster than ln f; the size of the steps is the drift.

    >>> rng = np.random.default_rng(1)
    >>> record = pd.DataFrame({"threshold": np.repeat(np.arange(6), 20),
    ...                        "factor": np.tile(2.5 ** np.arange(1, 5), 30),
    ...                        "miss": rng.normal(0, 1, 120)})
    >>> simulated_coverage(record, "independent", draws=300).shape
    (4,)
    """
    rng, band = np.random.default_rng(seed), fit_band(*(record[name] for name in _RECORD))
    names, of = np.unique(record["threshold"], return_inverse=True)
    e_folds, asked = np.log(record["factor"].to_numpy(float)), np.log(np.asarray(at, float))
    one_more = np.full(len(asked), len(names))
    held = np.zeros(len(asked))
    for _ in range(draws):
        drift = rng.normal(0, band.drift, 40)
        if world == "neighbours alike":
            for i in range(1, len(names) + 1):
                drift[i] = 0.7 * drift[i - 1] + np.sqrt(1 - 0.7**2) * drift[i]
        error = _wandered if world == "wandering slope" else _straight
        drawn = error(drift, of, e_folds) + rng.normal(0, band.noise, len(of))
        fitted = fit_band(drawn, record["factor"], of)
        new = error(drift, one_more, asked) + rng.normal(0, band.noise, len(asked))
        held += fitted.covers(new, np.exp(asked), level)
    return held / draws


def _straight(drift: np.ndarray, threshold: np.ndarray, e_folds: np.ndarray) -> np.ndarray:
    """Errors of laws that drift off by their own rate."""
    return drift[threshold] * e_folds


def _wandered(drift: np.ndarray, threshold: np.ndarray, e_folds: np.ndarray) -> np.ndarray:
    """Errors of laws whose slope stays while the true one takes a step at each budget."""
    step, ahead = np.log(2.5), np.arange(20)
    budgets = np.clip(e_folds[:, None] / step - ahead, 0, None)
    return step * np.sum(drift[np.add.outer(threshold, ahead)] * budgets, axis=1)


def left_out(record: pd.DataFrame, level: float = 0.95) -> pd.Series:
    """Whether each miss of a record is held by the band of all the other thresholds.

    >>> record = pd.DataFrame({"miss": [1.0, 2.0, 1.5, 9.0], "factor": [2.5, 6.0, 2.5, 2.5],
    ...                        "threshold": [1, 1, 2, 3]})
    >>> left_out(record).tolist()
    [True, True, True, False]
    """
    parts = []
    for threshold, rows in record.groupby("threshold"):
        rest = record[record["threshold"] != threshold]
        band = fit_band(*(rest[name] for name in _RECORD))
        parts.append(pd.Series(band.covers(rows["miss"], rows["factor"], level), rows.index))
    return pd.concat(parts).loc[record.index]


_RECORD = ("miss", "factor", "threshold")


# --------------------------------------------------------------------------- what was written down


def registered(
    study: str = "preregistered",
) -> tuple[pd.DataFrame, dict[str, tuple[str, str]], str]:
    """The forecasts that were committed before their runs, the rules, and the file's SHA-256.

    "preregistered" is the first set of runs, "preregistered-far" the second (see
    `runs.preregistered`). Raises ValueError for another name.

    The table has a row for each run and forecaster: `order` (in which the runs are trained),
    `budget`, `width`, `params`, `tokens`, `flops`, `by`, `fitted to`, `factor`, `band`, and
    `value`, `low` and `high` (95 %, nats per token). The rules give, by its key, each claim and
    what would refute it. How the file was made, and how to check that it came first, is said in
    `studies/preregistration.md`.

    >>> forecasts, rules, digest = registered()
    >>> len(digest), bool((forecasts["low"] < forecasts["high"]).all())
    (64, True)
    """
    if study not in REGISTERED:
        raise ValueError(f"study must be one of {', '.join(REGISTERED)}; got {study!r}")
    text = (_DATA / f"{study}.json").read_bytes()
    content = json.loads(text)
    rules = {key: (said["claim"], said["refuted if"]) for key, said in content["claims"].items()}
    return pd.DataFrame(content["forecasts"]), rules, hashlib.sha256(text).hexdigest()


def scored(forecasts: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """The forecasts of `registered` with what came out, as far as it has been trained.

    Three more columns: `measured` (nats per token), `miss` (%, positive if measured above) and
    `inside`; all missing for runs that are not among `trained`.

    >>> forecasts, _, _ = registered()
    >>> bool(scored(forecasts, forecasts.iloc[:0].assign(loss=0.0))["inside"].isna().all())
    True
    """
    keys = ["width", "tokens"]
    loss = trained.groupby(keys, as_index=False).agg(measured=("loss", "mean"))
    table = forecasts.merge(loss.astype(dict.fromkeys(keys, int)), on=keys, how="left")
    table["miss"] = 100 * np.log(table["measured"] / table["value"])
    inside = table["measured"].between(table["low"], table["high"])
    return table.assign(inside=inside.astype("boolean").mask(table["measured"].isna()))


def outcomes(
    table: pd.DataFrame, prefix: str = "8.sealed"
) -> dict[str, tuple[Outcome, float | None]]:
    """What became of the registered claims, given the table of `scored`: outcome and value.

    Their keys begin with `prefix`: "8.sealed", or "8.far" for the second set of runs. Of
    "8.sealed-band" the value is the share of trained runs inside the primary band, of
    "8.sealed-form" the primary root mean square miss (%) at the larger budget less that of the
    better rival, of "8.sealed-climb" that with the opened runs less that without. The rules ask for
    two trained runs at the larger budget; until then, a claim that is not refuted is open.

    >>> forecasts, rules, _ = registered()
    >>> made = outcomes(scored(forecasts, forecasts.iloc[:0].assign(loss=0.0)))
    >>> sorted(made) == sorted(rules), made["8.sealed-band"]
    (True, ('open', None))
    """
    done = table[table["measured"].notna()]
    large = done[done["budget"] == table["budget"].max()]
    of = {
        key: rms(rows["miss"]) for key, rows in large.groupby(["by", "fitted to", "band"])
    }  # no key where nothing is trained
    primary = done[(done["by"] == "joined") & (done["fitted to"] == "... of 3 budgets")]
    primary = primary[primary["band"] == "record"]
    enough = large["width"].nunique() >= 2
    share = None if primary.empty else float(primary["inside"].mean())
    first: Outcome = "failed" if share is not None and share < 1 else "held" if enough else "open"
    found: dict[str, tuple[Outcome, float | None]] = {f"{prefix}-band": (first, share)}
    if not enough:
        return found | {f"{prefix}-form": ("open", None), f"{prefix}-climb": ("open", None)}
    mine = of["joined", "... of 3 budgets", "record"]
    rival = min(of["surface", "all runs", "record"], of["frontier", "... of 5 budgets", "record"])
    more = of["joined", "... of 3 budgets, the opened runs too", "record"]
    for key, gap in ((f"{prefix}-form", mine - rival), (f"{prefix}-climb", more - mine)):
        found[key] = ("held" if gap < 0 else "failed", gap)
    return found


def yardsticks(runs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What each of `YARDSTICKS` forecasts for the runs of a table like that of `scored`; no bands.

    >>> from scalinglaws import reference
    >>> forecasts, _, _ = registered()
    >>> known = scored(forecasts, forecasts.assign(loss=1.3))
    >>> len(yardsticks(prepared(reference("isoflop")), known))
    12
    """
    at = table.drop_duplicates(["width", "tokens"])
    nowhere = np.full(len(at), np.nan)
    return pd.concat(
        [_said(at, *name, make(runs)(at), nowhere, "record") for name, make in YARDSTICKS.items()],
        ignore_index=True,
    )


def _said(
    at: pd.DataFrame, by: str, diet: str, value: np.ndarray, half: np.ndarray, band: str
) -> pd.DataFrame:
    """Forecasts with half widths in per cent, and what came of them."""
    loss, low, high = at["measured"], value * np.exp(-half / 100), value * np.exp(half / 100)
    told: dict[str, Any] = {
        "by": by,
        "fitted to": diet,
        "band": band,
        "value": value,
        "low": low,
        "high": high,
    }
    miss = 100 * np.log(loss / value)
    return at.assign(**told, miss=miss, inside=(low <= loss) & (loss <= high))


def in_words(table: pd.DataFrame) -> str:
    """How many of the registered runs are trained and lie inside the winner's band.

    `table` is that of `scored`.

    >>> forecasts, _, _ = registered()
    >>> print(in_words(scored(forecasts, forecasts.iloc[:0].assign(loss=0.0))))
    0 of 6 registered runs trained
    """
    rows = table[(table["by"] == "joined") & (table["fitted to"] == "... of 3 budgets")]
    rows = rows[rows["band"] == "record"]
    done = rows[rows["measured"].notna()]
    told = f"{len(done)} of {len(rows)} registered runs trained"
    if done.empty:
        return told
    return f"{told}, {int(done['inside'].sum())} of {len(done)} inside the winner's 95 % band"


def rivals(table: pd.DataFrame) -> str:
    """Whose bands held the trained runs of the larger budget, and who came nearer than the winner.

    `table` is that of `scored`; entrants that read the opened runs are left out. Two lines.

    >>> forecasts, _, _ = registered()
    >>> rivals(scored(forecasts, forecasts.iloc[:0].assign(loss=0.0)))
    'no run at 8.0e+13 FLOPs is trained'
    """
    budget = table["budget"].max()
    rows = table[(table["budget"] == budget) & table["measured"].notna()]
    rows = rows[(rows["band"] == "record") & ~rows["fitted to"].str.contains("opened")]
    if rows.empty:
        return f"no run at {budget:.1e} FLOPs is trained"
    each = rows.groupby(["by", "fitted to"])
    held, miss = each["inside"].all(), each["miss"].agg(rms)
    nearer = miss[miss < miss["joined", "... of 3 budgets"]].sort_values()
    names = "; ".join(", ".join(map(plain, name)) for name in nearer.index) or "nobody"
    return (
        f"{budget:.1e} FLOPs, runs trained: {rows['width'].nunique()}; bands that hold them all: "
        f"{int(held.sum())} of {len(held)}\n  nearer than the winner: {names}"
    )


# ------------------------------------------------------------------------------------------ figures


def draw_record(
    ax: Axes, record: pd.DataFrame, bands: Mapping[str, Band], narrow: pd.Series
) -> None:
    """Misses by factor, the mean of each threshold as a line, with bands from the record.

    `record` has `miss` (%), `factor` and `threshold` (FLOPs); `bands` are named at their ends, the
    first drawn strongest; `narrow` are half widths (%) of the band from resampling, by factor.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> record = pd.DataFrame({"miss": [1.0, 2.0], "factor": [2.5, 100.0], "threshold": 1e10})
    >>> draw_record(ax, record, {"six": Band(0.8, 0.4, 6)}, pd.Series([1.0, 2.0], [2.5, 100.0]))
    >>> [text.get_text() for text in ax.texts]
    ['six', 'resampling']
    """
    colors = (plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE, "#222222", plot.GREY)
    for i, (threshold, rows) in enumerate(record.groupby("threshold")):
        color, mark = colors[i % len(colors)], "osD^vP"[i % 6]
        ax.plot(rows["factor"], rows["miss"], mark, ms=3, color=color, alpha=0.4, mew=0)
        mean = rows.groupby(rows["factor"].round(1))["miss"].mean()
        ax.plot(mean.index, mean, "-" + mark, ms=5, lw=1.2, color=color, label=f"{threshold:.1e}")
    far = float(record["factor"].max())
    f = np.geomspace(1, far, 50)
    for i, (name, band) in enumerate(bands.items()):
        for side in (-1, 1):
            ax.plot(f, side * band.half(f), ":" if i else "--", color=plot.RED, lw=1 if i else 1.8)
        plot.say(ax, far, -float(band.half(far)), name, color=plot.RED, dx=6)
    ax.fill_between(narrow.index, -narrow, narrow, color=plot.GREY, alpha=0.18, lw=0)
    plot.say(ax, far, 0.5 * float(narrow.iloc[-1]), "resampling", color=plot.GREY, dx=6)
    ax.axhline(0, color=plot.GREY, lw=0.8, zorder=0)
    ax.set_xlim(1, far * 8)
    plot.log_axes(ax, y=False)
    ax.legend(title="threshold (FLOPs)", ncols=2, loc="upper left", fontsize=9)


def draw_race(axes: Sequence[Axes], record: pd.DataFrame) -> None:
    """Root mean square miss by factor, a shape to each of `axes`, a line for each diet.

    The shapes come in the order of `SHAPES`.

    `record` is the table of `race`: `shape`, `diet`, `factor` and `miss` (%).

    >>> from matplotlib.figure import Figure
    >>> record = pd.DataFrame({"shape": ["joined", "surface"], "diet": "all runs",
    ...                        "factor": 2.5, "miss": [1.0, 3.0]})
    >>> axes = Figure().subplots(1, 2)
    >>> draw_race(axes, record)
    >>> [ax.get_title() for ax in axes]
    ['surface', 'joined law']
    """
    colors = dict(zip(DIETS, (plot.RED, plot.ORANGE, plot.GREEN, plot.BLUE), strict=True))
    step = np.round(np.log(record["factor"]) / np.log(2.5))
    by = dict(list(record.groupby("shape")))
    for ax, shape in zip(axes, (shape for shape in SHAPES if shape in by), strict=True):
        rows = by[shape]
        for (diet, color), mark in zip(colors.items(), "osD^", strict=True):
            each = rows[rows["diet"] == diet].groupby(step)
            ax.plot(each["factor"].median(), each["miss"].agg(rms), "-" + mark, color=color,
                    ms=5, lw=1.4, label=plain(diet))  # fmt: skip
        ax.set(title=plain(shape), xlabel="factor beyond the fit")
        plot.log_axes(ax)
        ax.set_yticks([1, 3, 10], ["1", "3", "10"])
        ax.set_yticks([], minor=True)
    axes[0].set_ylabel("root mean square miss (%)")
    axes[0].legend(fontsize=9, loc="lower right")


def draw_rivals(axes: Sequence[Axes], tables: Sequence[pd.DataFrame], reach: float = 14) -> None:
    """How far every forecaster missed, and the band that it claimed, a table to each of `axes`.

    Each table is one of `scored`, of runs at one budget: `budget`, `by`, `fitted to`, `band`,
    `value`, `low`, `high` and `miss` (%). A row for each forecaster, the least root mean square
    miss over all tables on top: a bar for the band, unless `low` is missing, and a mark for each
    run, filled where the band holds it, a ring where not. The axes end at `reach` (%), and bars may
    go on.

    >>> from matplotlib.figure import Figure
    >>> forecasts, _, _ = registered()
    >>> known = scored(forecasts, forecasts.assign(loss=1.3))
    >>> ax = Figure().subplots()
    >>> draw_rivals([ax], [known[known["budget"] == 8e13]])
    >>> "joined law, 3 budgets" in [tick.get_text() for tick in ax.get_yticklabels()]
    True
    """
    every = pd.concat(tables, ignore_index=True)
    name = every["by"].map(plain) + ", " + every["fitted to"].map(plain)
    name += np.where(every["band"] == "record", "", " (" + every["band"] + ")")
    every = every.assign(name=name, half=100 * np.log(every["high"] / every["value"]))
    order = every.groupby("name")["miss"].agg(rms).sort_values().index
    for ax, (budget, rows) in zip(axes, every.groupby("budget"), strict=True):
        for y, row in enumerate(order):
            each = rows[rows["name"] == row]
            if each.empty:
                continue
            half = each["half"].mean()
            if half > 0:
                ax.barh(y, 2 * half, left=-half, height=0.62, color=plot.GREY, alpha=0.3, lw=0)
            held = each["miss"].abs() <= each["half"]
            inside, outside = each["miss"][held], each["miss"][~held]
            color = plot.RED if half > 0 else plot.PURPLE
            ax.plot(inside, np.full(len(inside), y), "o", ms=5, color=plot.BLUE)
            ax.plot(outside, np.full(len(outside), y), "o", ms=5, mew=1.4, mfc="none", color=color)
        ax.axvline(0, color=plot.GREY, lw=0.8, zorder=0)
        ax.set(title=f"{budget:.1e} FLOPs", xlim=(-reach, reach))
        ax.set_yticks(range(len(order)), order)
        ax.set_ylim(len(order) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
