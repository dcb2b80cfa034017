"""The world of the first problem set: a ladder with a floor, a cutoff to choose, three series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.stats import t

from coursework.marking import apart
from scalinglaws import PowerLaw, fit_power_law

from .tools import bend, rounded, slope

FAR = 1e9
"""The size of the model whose loss is to be foretold."""
NAMES = ("amber", "birch", "cedar")
STRAIGHT = 0.01
"""A bend as small as this does not matter."""


def make(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A student's data and their truth."""
    while True:
        ladder, law = _ladder(rng)
        told = _read_ladder(ladder, law)
        early, cut = _early(rng)
        if told and cut:
            break
    series, verdicts = _series(rng)
    return {"ladder": ladder, "early": early, **series}, {**told, **cut, "verdicts": verdicts}


def _ladder(rng: np.random.Generator) -> tuple[pd.DataFrame, PowerLaw]:
    alpha, E = rng.uniform(0.24, 0.42), rng.uniform(1.2, 2.0)
    law = PowerLaw(A=rng.uniform(2.2, 3.4) * 1e4**alpha, alpha=alpha, E=E)
    sizes = np.repeat(np.round(np.geomspace(1e4, 1e7, 8)), 4)
    noise = rng.normal(0, 0.003, len(sizes))
    loss = rounded(law(sizes) * np.exp(noise))
    seeds = np.tile(np.arange(4), 8)
    return pd.DataFrame({"params": sizes.astype(int), "seed": seeds, "loss": loss}), law


def _read_ladder(ladder: pd.DataFrame, law: PowerLaw) -> dict[str, Any] | None:
    """What the ladder says; None if the floor hardly shows in it."""
    groups = ladder.groupby("params").loss
    x, mean, sd = groups.mean().index.to_numpy(float), groups.mean().to_numpy(), groups.std()
    fit = fit_power_law(x, mean, floor=True, bootstrap=500)
    line = slope(x, mean)
    low, high = fit.interval("alpha")
    wide = high - low
    far = fit.predict(FAR, level=0.8)
    line_far = float(np.exp(np.polyval(np.polyfit(np.log(x), np.log(mean), 1), np.log(FAR))))
    room = max(0.35 * wide, 0.02)
    clear = apart(fit.law.alpha, line, by=room) and apart(far.value, line_far, share=0.04)
    if not (fit.status.converged and clear and wide < 0.15 and low < law.alpha < high):
        return None
    return {
        "params": x.tolist(),
        "mean": mean.tolist(),
        "sd": sd.tolist(),
        "alpha": fit.law.alpha,
        "E": fit.law.E,
        "line": line,
        "room": room,
        "interval": (low, high),
        "narrow": _too_narrow(x, mean),
        "far": (far.value, far.low, far.high),
        "line_far": line_far,
        "law": (law.A, law.alpha, law.E),
    }


def _too_narrow(x: np.ndarray, mean: np.ndarray) -> list[tuple[float, float, str]]:
    """Intervals of alpha that hold less than they should, with the slip that leads to each.

    A right bootstrap may be as narrow, so that only the ends themselves give a slip away.
    """
    u, v = np.log(x / 1e5), np.log(mean)
    found = []

    def add(middle: float, reach: float, slip: str) -> None:
        found.append((float(middle - reach), float(middle + reach), slip))

    def law(u: np.ndarray, E: float, A: float, alpha: float) -> np.ndarray:
        return E + A * np.exp(-alpha * u)

    def log_law(u: np.ndarray, E: float, A: float, alpha: float) -> np.ndarray:
        return np.log(np.maximum(law(u, E, A, alpha), 1e-9))

    fit = fit_power_law(x, mean, floor=True)
    start = (fit.law.E, fit.law.A * 1e5**-fit.law.alpha, fit.law.alpha)
    for form, values in ((law, mean), (log_law, v)):
        (E, _, alpha), covariance = curve_fit(form, u, values, p0=start)
        add(alpha, np.sqrt(covariance[2, 2]), "one")
        (slope, _), covariance = np.polyfit(u, np.log(mean - E), 1, cov=True)
        for factor in (t.ppf(0.975, len(u) - 2), 1.96):
            add(-slope, factor * np.sqrt(covariance[0, 0]), "known")
    low, high = fit.interval("alpha", level=0.68)
    add((low + high) / 2, (high - low) / 2, "one")
    low, high = fit_power_law(x, mean, floor=fit.law.E).interval("alpha")
    add((low + high) / 2, (high - low) / 2, "known")
    return found


def _early(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, float] | None]:
    """Runs of which the shortest were still warming up, and one that looks bad and counts."""
    alpha = rng.uniform(0.07, 0.14)
    x = np.round(np.geomspace(3e4, 6e7, 11))
    steps = np.round(np.geomspace(200, 40_000, 11) * rng.uniform(0.8, 1.2, 11))
    warmup = np.full(11, 300.0)
    share = warmup / steps
    keep = share < 0.25
    loss = rng.uniform(8, 11) * x**-alpha * np.exp(rng.normal(0, 0.004, 11))
    loss = loss * np.where(keep, 1.0, 1 + 0.25 * share.clip(0.25, 1.5))
    odd = int(np.flatnonzero(keep)[-2])
    loss[odd] *= rng.choice([1.035, 1.045])
    table = pd.DataFrame(
        {"params": x.astype(int), "steps": steps.astype(int), "warmup": 300, "loss": rounded(loss)}
    )
    kept, every = slope(x[keep], table.loss[keep]), slope(x, table.loss)
    rest = keep & (np.arange(11) != odd)
    dropped = slope(x[rest], table.loss[rest])
    margin = np.abs(share - 0.25).min() > 0.02 and 5 <= keep.sum() <= 9
    if not (margin and apart(kept, every, dropped, share=0.02)):
        return table, None
    return table, {"kept": kept, "every": every, "without_odd": dropped}


def _series(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Three series in a random order: one straight, one bent, one that leaves it open."""
    kinds = [str(kind) for kind in rng.permutation(["straight", "bent", "open"])]
    found = {}
    for name, kind in zip(NAMES, kinds, strict=True):
        while kind != _verdict(table := _drawn(rng, kind), margin=0.25):
            pass
        found[name] = table
    return found, dict(zip(NAMES, kinds, strict=True))


def _drawn(rng: np.random.Generator, kind: str) -> pd.DataFrame:
    alpha = rng.uniform(0.08, 0.2)
    decades = 1.2 if kind == "open" else 3.5
    x = np.geomspace(1e5, 1e5 * 10**decades, 9)
    u = np.log(x / x[0])
    curve = rng.uniform(0.006, 0.012) if kind == "bent" else 0.0
    scatter = 0.012 if kind == "open" else 0.003
    y = rng.uniform(4, 7) * np.exp(-alpha * u + curve * u**2 + rng.normal(0, scatter, 9))
    return pd.DataFrame({"params": np.round(x).astype(int), "loss": rounded(y)})


def _verdict(table: pd.DataFrame, margin: float) -> str | None:
    """The verdict by the rule of the problem set, if it is a clear one."""
    q, low, high = bend(table.params, table.loss)
    half = high - q
    if abs(q) > (1 + margin) * half:
        return "bent"
    if abs(q) > (1 - margin) * half:
        return None
    reach = max(-low, high)
    if reach < STRAIGHT * (1 - margin):
        return "straight"
    return "open" if reach > STRAIGHT * (1 + margin) else None
