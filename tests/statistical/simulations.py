"""Simulated sweeps: how often the intervals of the fits hold the truth.

    python tests/statistical/simulations.py                 # the settings below, 400 sweeps each
    python tests/statistical/simulations.py --only "approach 1" --repeats 1000
    python tests/statistical/simulations.py --store _build/coverage.csv --resume

Each setting is written to the file of `--store` as soon as it is done, and `--resume` leaves out
what the file holds already.

Sweeps are drawn from a known law, each is fitted, and for each quantity it is counted how often
its 95 % interval holds what was true. Beside that share the table gives

- `bias`: the median estimate minus the truth, in units of the estimates' spread,
- `off`: the mean estimate minus the truth, as it is (for scales in the logarithm),
- `width`: the median width of the interval, in units of the interval that would hold 95 % of the
  estimates. About 1 is right; well above 1 says nothing for its width.

With 400 sweeps a share of 95 % has a standard error of 1.1 points, so that 92 to 98 % is 2.75 of
them to either side: of 170 right intervals about one falls outside by chance. The intervals rest on
200 to 400 bootstrap draws here, which costs them a few tenths of a point against the 4,000 of use.

The tests in this folder run some of these settings with fewer sweeps, by the same code.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from scalinglaws import fit
from scalinglaws.laws import (
    CHINCHILLA_REFIT,
    KAPLAN_JOINT,
    MUENNIGHOFF,
    BrokenPowerLaw,
    ChinchillaLaw,
    ExponentialLaw,
    LogarithmicLaw,
    PowerLaw,
    Sigmoid,
)

TRUTH = CHINCHILLA_REFIT
LOGS = {"A", "B", "N_opt", "L(10x)", "Nc", "Dc", "R_D", "R_N", "scale", "slope", "d", "f", "law"}
"""Quantities whose estimates scatter evenly on a logarithmic scale."""

Rng = np.random.Generator
Case = tuple[float, float, float, float]
"""truth, estimate, lower and upper end of the interval"""


@dataclass(frozen=True)
class Setting:
    """An experiment to repeat: `once` simulates a sweep and fits it."""

    name: str
    once: Callable[[Rng, int], tuple[str, dict[str, Case]]]
    """rng, seed of the fit -> the fit's status, and one case for each quantity"""


@dataclass
class Outcome:
    """What came of repeating a setting."""

    name: str
    cases: dict[str, list[Case]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def coverage(self, quantity: str) -> float:
        """The share of intervals that hold the truth."""
        truth, _, low, high = np.array(self.cases[quantity]).T
        return float(np.mean((low <= truth) & (truth <= high)))

    def table(self) -> pd.DataFrame:
        """One row per quantity: coverage, bias and width."""
        rows = []
        for quantity, cases in self.cases.items():
            truth, value, low, high = np.array(cases).T
            if quantity in LOGS:
                with np.errstate(divide="ignore"):
                    truth, value, low, high = np.log([truth, value, low, high])
            error = value - truth
            lowest, highest = np.quantile(error, (0.025, 0.975))
            spread = (highest - lowest) / 3.92
            rows.append(
                {
                    "setting": self.name,
                    "quantity": quantity,
                    "sweeps": len(cases),
                    "coverage": self.coverage(quantity),
                    "bias": float(np.median(error)) / spread,
                    "off": float(np.mean(error)),
                    "width": float(np.median(high - low)) / (highest - lowest),
                }
            )
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        cells = [
            f"{row.quantity} {100 * row.coverage:.1f}% ({row.bias:+.2f}, {row.width:.2f})"
            for row in self.table().itertuples()
        ]
        states = ", ".join(f"{n} {s}" for s, n in self.statuses.most_common())
        lost = sum(self.refused.values())
        tail = f"; refused {lost}" if lost else ""
        return f"{self.name}\n   {'  '.join(cells)}\n   {states}{tail}; {self.seconds:.0f} s"


def repeat(setting: Setting, repeats: int, seed: int = 0) -> Outcome:
    """Repeat a setting. Data and draws depend on `seed` and the number of the repeat only."""
    outcome = Outcome(setting.name)
    start = time.process_time()
    for number in range(repeats):
        rng = np.random.default_rng([seed, number])
        try:
            status, cases = setting.once(rng, number)
        except ValueError as error:
            outcome.refused[str(error)] += 1
            continue
        outcome.statuses[status] += 1
        for quantity, case in cases.items():
            outcome.cases.setdefault(quantity, []).append(case)
    outcome.seconds = time.process_time() - start
    return outcome


# ------------------------------------------------------------------ noise


def noise(rng: Rng, kind: str, sigma: float, size: int) -> np.ndarray:
    """Departures of log L: of normal size `sigma`, with the tails that `kind` names."""
    z = rng.standard_normal(size)
    if kind == "t3":
        z = rng.standard_t(3, size)
    elif kind == "outliers":
        z = np.where(rng.random(size) < 0.05, 10 * z, z)
    elif kind == "failures":  # runs that went wrong end too high, never too low
        z = np.where(rng.random(size) < 0.05, 10 * np.abs(z), z)
    return sigma * z


# ------------------------------------------------------------------ approach 3

RANGES = {"wide": ((7.8, 10.2), (9.7, 11.7)), "narrow": ((8.4, 9.8), (9.9, 11.3))}
"""Decimal logarithms of the sizes and of the tokens."""


def surface_cases(result: fit.ChinchillaFit, law: ChinchillaLaw, C: float) -> dict[str, Case]:
    """The cases of a fitted surface; C is the budget of the optimum."""
    cases: dict[str, Case] = {}
    for name in ("E", "A", "alpha", "B", "beta"):
        cases[name] = (getattr(law, name), getattr(result.law, name), *result.interval(name))
    cases["a"] = (law.a, result.a, *result.interval("a"))
    best = result.optimum(C)
    cases["N_opt"] = (float(law.N_opt(C)), best.N.value, best.N.low, best.N.high)
    cases["L(10x)"] = (float(law.L_opt(C)), best.L.value, best.L.low, best.L.high)
    return cases


def parametric(
    runs: int,
    sigma: float,
    kind: str = "normal",
    reach: str = "wide",
    seeds: int = 1,
    checkpoints: int = 1,
    bootstrap: int = 500,
    law: ChinchillaLaw = TRUTH,
) -> Setting:
    """Approach 3. With seeds or checkpoints, half of the variance is shared within a cluster."""
    (n0, n1), (d0, d1) = RANGES[reach]

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        each = seeds * checkpoints
        places = runs // each
        N = np.repeat(10 ** rng.uniform(n0, n1, places), each)
        log_D = rng.uniform(d0, d1, places)
        D = np.repeat(10**log_D, each)
        groups = None
        if checkpoints > 1:
            D = D * np.tile(np.geomspace(0.25, 1, checkpoints), places)
            groups = np.repeat(np.arange(places), each)
        off = noise(rng, kind, sigma, len(N))
        if each > 1:
            off = np.sqrt(0.5) * (off + np.repeat(noise(rng, kind, sigma, places), each))
        L = law(N, D) * np.exp(off)
        result = fit.fit_chinchilla(N, D, L, groups=groups, bootstrap=bootstrap, seed=seed)
        return str(result.status), surface_cases(result, law, 10 * 6 * float((N * D).max()))

    name = f"approach 3, {runs} runs, {100 * sigma:.1f} % {kind}, {reach}"
    name += f", {seeds} seeds" if seeds > 1 else ""
    name += f", {checkpoints} checkpoints each" if checkpoints > 1 else ""
    return Setting(name, once)


# ------------------------------------------------------------------ approaches 1 and 2


def isoflop_sweep(
    rng: Rng, sizes: int, budgets: int, sigma: float, kind: str, reach: float
) -> tuple[np.ndarray, ...]:
    """N, D, L on FLOP budgets, the sizes spaced around a place near each optimum."""
    C = np.geomspace(6e18, 3e21, budgets).repeat(sizes)
    off = np.tile(np.linspace(-1, 1, sizes), budgets) * np.log(reach)
    off = off + rng.uniform(-0.3, 0.3, budgets).repeat(sizes)  # nobody knows the optimum before
    N = TRUTH.N_opt(C) * np.exp(off)
    D = C / (6 * N)
    return N, D, TRUTH(N, D) * np.exp(noise(rng, kind, sigma, len(N)))


def allocation_cases(
    result: fit.AllocationFit, C: float, law: ChinchillaLaw = TRUTH
) -> dict[str, Case]:
    """The cases of approach 1 or 2."""
    best = result.optimum(C)
    return {
        "a": (law.a, result.a, *result.interval("a")),
        "N_opt": (float(law.N_opt(C)), best.N.value, best.N.low, best.N.high),
    }


def isoflop(
    sizes: int, budgets: int, sigma: float, kind: str = "normal", reach: float = 3.0
) -> Setting:
    """Approach 2."""

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D, L = isoflop_sweep(rng, sizes, budgets, sigma, kind, reach)
        result = fit.fit_isoflop(N, D, L, bootstrap=400, seed=seed)
        return str(result.status), allocation_cases(result, 3e22)

    return Setting(
        f"approach 2, {sizes} sizes x {budgets} budgets, {100 * sigma:.1f} % {kind}, x{reach:g}",
        once,
    )


WIDE_LAWS = {
    "a=.452": ChinchillaLaw(E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28),
    "a=.513": TRUTH,
    "a=.727": ChinchillaLaw(
        E=1.7, A=0.6 * 1e9**0.18, alpha=0.18, B=0.225 * (1e20 / 6e9) ** 0.48, beta=0.48
    ),
}
CEILING = 10.8
"""The loss of guessing among 50,000 tokens: untrained models do no worse."""


@dataclass(frozen=True)
class Design:
    """Where the sizes of a wide sweep lie at each budget."""

    decades: float
    sizes: int
    drift: float = 0.0
    """Their middle moves against the best size by C^drift."""
    fixed: bool = False
    """The same sizes at all budgets."""


DESIGNS = {
    "narrow": Design(0.95, 7),
    "centred": Design(2.0, 11),
    "wide": Design(3.0, 15),
    "fixed grid": Design(3.2, 16, fixed=True),
    "too fast": Design(2.2, 11, 0.3),
    "too slow": Design(2.2, 11, -0.3),
    "narrow, too fast": Design(1.3, 8, 0.15),
}
WIDE_BUDGETS = {"small": np.geomspace(1.25e16, 1.28e19, 7), "large": np.geomspace(6e18, 3e21, 6)}


def wide_sweep(
    rng: Rng, law: ChinchillaLaw, design: Design, C: np.ndarray, sigma: float, capped: bool
) -> tuple[np.ndarray, ...]:
    """N, D, L of a sweep over up to three decades of sizes at each of the budgets C."""
    middle = np.sqrt(C[0] * C[-1])
    if design.fixed:
        centre = law.N_opt(middle) * np.exp(rng.uniform(-0.15, 0.15)) * np.ones(len(C))
    else:
        centre = law.N_opt(C) * (C / middle) ** design.drift
        centre = centre * np.exp(rng.uniform(-0.3, 0.3, len(C)))
    N = np.outer(centre, 10 ** (design.decades * np.linspace(-0.5, 0.5, design.sizes))).ravel()
    D = C.repeat(design.sizes) / (6 * N)
    L = np.minimum(law(N, D), CEILING) if capped else law(N, D)
    return N, D, L * np.exp(noise(rng, "normal", sigma, len(N)))


def wide_isoflop(
    of: str, design: str, sigma: float, budgets: str = "small", capped: bool = False
) -> Setting:
    """Approach 2 on wide sweeps, of which many arms follow no parabola."""
    law, C = WIDE_LAWS[of], WIDE_BUDGETS[budgets]

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D, L = wide_sweep(rng, law, DESIGNS[design], C, sigma, capped)
        result = fit.fit_isoflop(N, D, L, bootstrap=400, seed=seed)
        return str(result.status), allocation_cases(result, 10 * float(C[-1]), law)

    ceiling = ", capped" if capped else ""
    return Setting(
        f"approach 2, {of}{ceiling}, {budgets} budgets, {design}, {100 * sigma:.1f} %", once
    )


def curves_sweep(
    rng: Rng, sizes: int, points: int, sigma: float, kind: str
) -> tuple[np.ndarray, ...]:
    """N, D, L along training curves of several sizes."""
    N = np.geomspace(7e7, 1.6e10, sizes).repeat(points)
    D = np.tile(np.geomspace(1e9, 5e11, points), sizes)
    return N, D, TRUTH(N, D) * np.exp(noise(rng, kind, sigma, len(N)))


def envelope(sizes: int, points: int, sigma: float, kind: str = "normal") -> Setting:
    """Our variant of approach 1."""

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D, L = curves_sweep(rng, sizes, points, sigma, kind)
        result = fit.fit_envelope(N, D, L, bootstrap=300, seed=seed)
        return str(result.status), allocation_cases(result, 10 * 6 * float((N * D).max()))

    return Setting(
        f"approach 1, {sizes} curves of {points} points, {100 * sigma:.1f} % {kind}", once
    )


def best_run(sizes: int, points: int, sigma: float, kind: str = "normal") -> Setting:
    """Approach 1 as published."""

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D, L = curves_sweep(rng, sizes, points, sigma, kind)
        result = fit.fit_best_run(N, D, L, bootstrap=200, seed=seed)
        return str(result.status), allocation_cases(result, 10 * 6 * float((N * D).max()))

    return Setting(f"best run, {sizes} curves of {points} points, {100 * sigma:.1f} % {kind}", once)


# ------------------------------------------------------------------ laws of one quantity

STRAIGHT = PowerLaw(A=30.0, alpha=0.15)
BENT = PowerLaw(A=20.0, alpha=0.25, E=1.5)


def one_case(law: PowerLaw, result: fit.PowerLawFit | fit.LawFit, far: float) -> dict[str, Case]:
    """The parameters, and the law ten times beyond the data."""
    cases = {
        n: (getattr(law, n), result.value(n), *result.interval(n))
        for n in result.names
        if n != "E" or result.draws["E"].any()
    }
    low, high = result.band(far)
    cases["law"] = (float(law(far)), float(result.law(far)), float(low[0]), float(high[0]))
    return cases


def power(
    law: PowerLaw, points: int, sigma: float, floor: bool | float = True, decades: float = 5
) -> Setting:
    """`fit_power_law`."""
    x = np.geomspace(1e4, 10 ** (4 + decades), points)

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        y = law(x) * np.exp(sigma * rng.standard_normal(points))
        result = fit.fit_power_law(x, y, floor=floor, bootstrap=300, seed=seed)
        return str(result.status), one_case(law, result, 10 * x[-1])

    kind = f"fitted with floor {floor}"
    return Setting(
        f"fit_power_law, {'floor' if law.E else 'no floor'}, {points} points over {decades:g} "
        f"decades, {100 * sigma:.1f} %, {kind}",
        once,
    )


CURVE_TRUTHS = {
    "power law": (STRAIGHT, 10),
    "power law with floor": (BENT, 10),
    "exponential": (ExponentialLaw(2.0, 2e8, 1.5), 12),
    "logarithm": (LogarithmicLaw(8.0, 0.25), 10),
    "broken power law": (BrokenPowerLaw(20.0, 0.1, 0.3, 1e6, 0.5, 1.0), 40),
}


def curve(kind: str, sigma: float) -> Setting:
    """`fit_curve`."""
    law, points = CURVE_TRUTHS[kind]
    x = np.geomspace(1e4, 1e9, points)

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        y = law(x) * np.exp(sigma * rng.standard_normal(points))
        result = fit.fit_curve(kind, x, y, bootstrap=400, seed=seed)
        return str(result.status), one_case(law, result, 10 * x[-1])

    return Setting(f"fit_curve, {kind}, {points} points, {100 * sigma:.1f} %", once)


def sigmoid(points: int, sigma: float) -> Setting:
    """`fit_sigmoid`."""
    law = Sigmoid(2.2, 4.0, 0.25, 1.0)
    L = np.linspace(1.5, 3.2, points)

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        y = np.clip(law(L) + sigma * rng.standard_normal(points), 0, 1)
        result = fit.fit_sigmoid(L, y, low=0.25, bootstrap=400, seed=seed)
        cases = {
            n: (getattr(law, n), getattr(result.law, n), *result.interval(n))
            for n in ("midpoint", "slope")
        }
        return str(result.status), cases

    return Setting(f"fit_sigmoid, {points} points, {100 * sigma:.1f} points of accuracy", once)


def kaplan(runs: int, sigma: float) -> Setting:
    """`fit_kaplan`."""
    law = KAPLAN_JOINT

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D = 10 ** rng.uniform(5, 9, runs), 10 ** rng.uniform(7, 10.5, runs)
        L = law(N, D) * np.exp(noise(rng, "normal", sigma, runs))
        result = fit.fit_kaplan(N, D, L, bootstrap=300, seed=seed)
        cases = {
            n: (getattr(law, n), getattr(result.law, n), *result.interval(n)) for n in result.names
        }
        return str(result.status), cases

    return Setting(f"fit_kaplan, {runs} runs, {100 * sigma:.1f} %", once)


def data_constrained(runs: int, sigma: float) -> Setting:
    """`fit_data_constrained`."""
    law = MUENNIGHOFF

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D = 10 ** rng.uniform(7, 9.7, runs), 10 ** rng.uniform(8.5, 11, runs)
        U = D / np.where(rng.random(runs) < 0.4, 1.0, 10 ** rng.uniform(0.2, 2, runs))
        L = law(N, D, U) * np.exp(noise(rng, "normal", sigma, runs))
        result = fit.fit_data_constrained(N, D, U, L, bootstrap=300, seed=seed)
        cases = {
            n: (getattr(law, n), getattr(result.law, n), *result.interval(n)) for n in result.names
        }
        return str(result.status), cases

    return Setting(f"fit_data_constrained, {runs} runs, {100 * sigma:.1f} %", once)


# ------------------------------------------------------------------ noise that is given


SCATTER = fit.Scatter.known(0.003, power=0.3, floor=0.001, share=0.8, tokens0=1e10)
"""The noise between seeds of the settings below: falling, and shared along a trunk."""


def trunk_sweep(
    rng: Rng, grid: np.ndarray, C: np.ndarray, each: int, seeds: int
) -> tuple[np.ndarray, ...]:
    """N, D, L and trunks of sweeps over a grid of sizes, `each` of them at each of the budgets."""
    nearest = np.abs(np.log(grid / TRUTH.N_opt(C)[:, None])).argsort(axis=1)[:, :each]
    N = np.repeat(grid[nearest].ravel(), seeds)
    D = C.repeat(each * seeds) / (6 * N)
    trunk = np.column_stack([N, np.tile(np.arange(seeds), len(N) // seeds)])
    return N, D, TRUTH(N, D) * np.exp(SCATTER.draw(D, trunk, rng)[0]), trunk


def with_trunks(approach: str, own: bool = False) -> Setting:
    """A fit that is given the scatter and the trunks, or (own) finds it from its own seeds."""
    method = {"1": fit.fit_envelope, "best run": fit.fit_best_run, "2": fit.fit_isoflop}
    seeds = 3 if own else 1

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        if approach == "2":
            grid = 1e8 * 1.5 ** (np.arange(22) + rng.uniform(-0.5, 0.5))
            N, D, L, trunk = trunk_sweep(rng, grid, np.geomspace(6e18, 3e21, 7), 7, seeds)
        else:
            N, D = (v.repeat(seeds) for v in curves_sweep(rng, 12, 12, 0.0, "normal")[:2])
            trunk = np.column_stack([N, np.tile(np.arange(seeds), len(N) // seeds)])
            L = TRUTH(N, D) * np.exp(SCATTER.draw(D, trunk, rng)[0])
        given = {} if own else {"scatter": SCATTER}
        if approach == "3":
            result = fit.fit_chinchilla(N, D, L, groups=trunk, bootstrap=300, seed=seed, **given)
            return str(result.status), surface_cases(result, TRUTH, 10 * 6 * float((N * D).max()))
        result = method[approach](N, D, L, groups=trunk, bootstrap=500, seed=seed, **given)
        return str(result.status), allocation_cases(result, 3e22)

    noise = "own seeds" if own else "given noise"
    return Setting(f"approach {approach}, trunks, {noise}", once)


def slopes_with_trunks() -> Setting:
    """`fit_power_law` and `local_slopes` of the runs of one trunk."""
    x = np.geomspace(1e9, 1e12, 8)

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        L = STRAIGHT(x) * np.exp(SCATTER.draw(x, np.zeros(8), rng)[0])
        given = {"scatter": SCATTER, "groups": np.zeros(8), "bootstrap": 500, "seed": seed}
        law = fit.fit_power_law(x, L, **given)
        found = fit.local_slopes(x, L, span=2, **given)
        first, bend = found.estimates()[0], found.bend()
        return str(law.status), {
            "alpha": (STRAIGHT.alpha, law.law.alpha, *law.interval("alpha")),
            "local slope": (-STRAIGHT.alpha, first.value, first.low, first.high),
            "bend": (0.0, bend.value, bend.low, bend.high),
        }

    return Setting("fit_power_law and local slopes, one trunk, given noise", once)


def seed_scatter() -> Setting:
    """`fit_scatter` on three seeds of a sweep."""
    C = np.geomspace(6e18, 3e21, 8)

    def once(rng: Rng, seed: int) -> tuple[str, dict[str, Case]]:
        N, D, L, trunk = trunk_sweep(rng, 1e8 * 1.5 ** np.arange(22), C, 6, 3)
        found = fit.fit_scatter(N, D, L, groups=trunk, bootstrap=400, seed=seed)
        low, high = found.band([3e9, 3e11])
        short, long = (float(np.log(v)) for v in found.sd([3e9, 3e11]))
        truth = np.log(SCATTER.sd([3e9, 3e11]))
        return str(found.status), {
            "sd, short": (truth[0], short, *np.log([low[0], high[0]])),
            "sd, long": (truth[1], long, *np.log([low[1], high[1]])),
            "share": (SCATTER.share, found.share, *found.interval("share")),
        }

    return Setting("fit_scatter, 48 settings of 3 seeds", once)


NOISES = (0.001, 0.003, 0.01)
WIDE = [
    wide_isoflop(of, design, sigma, budgets, capped)
    for budgets, capped in (("small", True), ("large", False))
    for of in WIDE_LAWS
    for design in DESIGNS
    for sigma in NOISES
]
"""All laws, designs and noises: 126 settings."""
WIDE_THIRD = [
    wide_isoflop(of, design, NOISES[(i + j + shift) % 3], budgets, capped)
    for shift, (budgets, capped) in enumerate((("small", True), ("large", False)))
    for i, of in enumerate(WIDE_LAWS)
    for j, design in enumerate(DESIGNS)
]
"""A third of them: each law with each design, and the noises in turn (a Latin square)."""

SETTINGS = [
    *(best_run(s, p, x) for s, p, x in ((12, 12, 0.004), (16, 30, 0.002), (16, 30, 0.01))),
    *(isoflop(s, b, sigma) for s, b in ((5, 5), (7, 6), (9, 7)) for sigma in (0.002, 0.01)),
    isoflop(7, 6, 0.004, "t3"),
    isoflop(7, 6, 0.004, "outliers"),
    *WIDE_THIRD,
    *(envelope(s, p, x) for s, p in ((8, 12), (16, 30)) for x in (0.002, 0.01)),
    envelope(12, 12, 0.004, "t3"),
    *(power(STRAIGHT, n, s) for n, s in ((6, 0.02), (10, 0.005), (30, 0.02))),
    *(power(BENT, n, s) for n, s in ((6, 0.005), (10, 0.02), (30, 0.005))),
    power(BENT, 10, 0.01, decades=2),
    power(PowerLaw(4.7, 0.15), 8, 0.005, decades=2),
    power(STRAIGHT, 10, 0.005, floor=False),
    *(curve(kind, 0.005) for kind in CURVE_TRUTHS),
    sigmoid(12, 0.02),
    kaplan(80, 0.01),
    data_constrained(200, 0.005),
    *(with_trunks(approach, own) for approach in ("1", "2", "3") for own in (False, True)),
    slopes_with_trunks(),
    seed_scatter(),
    *(parametric(240, s) for s in (0.004, 0.01)),
    *(parametric(60, s) for s in (0.004, 0.01, 0.03)),
    *(parametric(35, s) for s in (0.004, 0.01, 0.03)),
    parametric(240, 0.01, "failures"),
    parametric(60, 0.01, "t3"),
    parametric(35, 0.01, "outliers"),
    *(parametric(n, 0.004, reach="narrow") for n in (240, 60)),
    parametric(35, 0.01, reach="narrow"),
    parametric(90, 0.01, seeds=3),
    parametric(120, 0.01, checkpoints=5),
]


def _one(task: tuple[bool, int, int, int]) -> Outcome:
    every_wide, number, repeats, seed = task
    return repeat((WIDE if every_wide else SETTINGS)[number], repeats, seed)


def stored(path: Path, repeats: int, seed: int) -> pd.DataFrame:
    """The rows of a file of outcomes that were made with as many sweeps and this seed."""
    table = pd.read_csv(path)
    return table[(table["repeats"] == repeats) & (table["seed"] == seed)]


def rows_of(outcome: Outcome, repeats: int, seed: int) -> pd.DataFrame:
    """The rows that are stored of an outcome: its table, or one that says that all were refused."""
    table = outcome.table()
    if table.empty:
        table = pd.DataFrame({"setting": [outcome.name], "quantity": ["none"], "sweeps": [0]})
    return table.round({"coverage": 4, "bias": 3, "off": 5, "width": 3}).assign(
        refused=sum(outcome.refused.values()),
        seconds=round(outcome.seconds),
        repeats=repeats,
        seed=seed,
    )


def print_outside(table: pd.DataFrame) -> None:
    """Which quantities are held by less than 92 or by more than 98 % of the intervals."""
    outside = table[~table["coverage"].between(0.92, 0.98)]
    share = f"{len(table) - len(outside)} of {len(table)}"
    error = 100 * np.sqrt(0.05 * 0.95 / table["sweeps"].median())
    print(f"\n{share} shares lie in 92 to 98 % (standard error of one: {error:.1f} points).")
    if len(outside):
        columns = ["setting", "quantity", "sweeps", "coverage", "bias", "width"]
        print(outside[columns].to_string(index=False, float_format="{:.3f}".format))


def main() -> None:
    """Run the settings that were asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="settings whose name contains this")
    parser.add_argument("--every-wide", action="store_true", help="all 126 wide settings, not 42")
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--store", type=Path, default=None, help="a CSV file, written as it goes")
    parser.add_argument("--resume", action="store_true", help="leave out what --store holds")
    options = parser.parse_args()
    path: Path | None = options.store
    done = pd.DataFrame(columns=["setting"])
    if path is not None and options.resume and path.exists():
        done = stored(path, options.repeats, options.seed)
    elif path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    tables = [done]
    tasks = [
        (options.every_wide, number, options.repeats, options.seed)
        for number, setting in enumerate(WIDE if options.every_wide else SETTINGS)
        if options.only in setting.name and setting.name not in set(done["setting"])
    ]
    with ProcessPoolExecutor(options.workers) as pool:
        for outcome in pool.map(_one, tasks):
            print(outcome, flush=True)
            tables.append(rows_of(outcome, options.repeats, options.seed))
            if path is not None:
                new = not path.exists()
                tables[-1].to_csv(path, mode="a", header=new, index=False, lineterminator="\n")
    print_outside(pd.concat(tables))


if __name__ == "__main__":
    sys.exit(main())
