"""The world of the fourth problem set: a ration of text, an idea, three forecasters, a market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from coursework.marking import apart
from scalinglaws import PowerLaw, fit_power_law, wilson

from .tools import rounded

FORECASTERS = ("heron", "lapwing", "plover")


def make(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A student's data and their truth."""
    wall, told = _until(rng, _wall)
    idea, worth = _until(rng, _idea)
    forecasts, verdicts = _forecasters(rng)
    year, when = _until(rng, _year)
    market = _market(rng)
    data = {**wall, "idea": idea, "forecasts": forecasts, "text": year, "market": market}
    return data, {**told, **worth, **when, "verdicts": verdicts, "market": market}


def _until(rng: np.random.Generator, draw: Any) -> tuple[Any, dict[str, Any]]:
    """Draw until the data tell the right answer from the classic mistakes."""
    while True:
        made, told = draw(rng)
        if told is not None:
            return made, told


def worth(unique: Any, epochs: Any, R_star: float) -> Any:
    """Fresh tokens that a ration is worth after so many passes (Muennighoff et al. 2023)."""
    return unique * (1 + R_star * (1 - np.exp(-(np.asarray(epochs, float) - 1) / R_star)))


def _wall(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any] | None]:
    beta, R_star = rng.uniform(0.22, 0.34), rng.uniform(4, 16)
    law = PowerLaw(A=rng.uniform(2.0, 3.0) * 1e6**beta, alpha=beta, E=rng.uniform(1.2, 1.8))
    tokens = np.round(np.geomspace(1e6, 1e9, 10))
    fresh = rounded(law(tokens) * np.exp(rng.normal(0, 0.001, 10)))
    unique = round(rng.uniform(3e6, 8e6))
    epochs = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
    loss = rounded(law(worth(unique, epochs, R_star)) * np.exp(rng.normal(0, 0.001, 12)))
    tables = {
        "fresh": pd.DataFrame({"tokens": tokens.astype(int), "loss": fresh}),
        "repeated": pd.DataFrame({"epochs": epochs, "loss": loss}),
        "unique": unique,
    }
    fit = fit_power_law(tokens, fresh, floor=True, bootstrap=100).law

    def found(shift: int) -> float:
        def squares(log_R: float) -> float:
            value = fit(worth(unique, epochs + shift, float(np.exp(log_R))))
            return float(np.sum((np.log(loss) - np.log(value)) ** 2))

        return float(np.exp(minimize_scalar(squares, bounds=(-1, 5), method="bounded").x))

    right, late = found(0), found(1)
    told = {"R_star": right, "R_late": late, "beta": fit.alpha, "E": fit.E}
    clear = apart(right, late, share=0.025) and abs(right / R_star - 1) < 0.15
    return tables, told if clear else None


def _idea(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Two recipes over seven budgets and four seeds, of which seed 0 misleads."""
    C = np.geomspace(1e15, 1e18, 7)
    alpha, slope = rng.uniform(0.06, 0.1), rng.uniform(-0.12, -0.05)
    base = 6.5 * (C / 1e15) ** -alpha
    M = rng.uniform(2.0, 3.5) * (C / 1e15) ** slope
    better = 6.5 * (M * C / 1e15) ** -alpha
    rows = []
    for seed in range(4):
        for recipe, line in (("base", base), ("idea", better)):
            noise = np.exp(rng.normal(0, 0.012, 7))
            rows += [(recipe, c, seed, y) for c, y in zip(C, line * noise, strict=True)]
    table = pd.DataFrame(rows, columns=["recipe", "flops", "seed", "loss"])
    table["flops"], table["loss"] = rounded(table.flops), rounded(table.loss)

    def at(part: pd.DataFrame, flops: float) -> tuple[float, float]:
        lines = {}
        for recipe, runs in part.groupby("recipe"):
            mean = runs.groupby("flops").loss.mean()
            lines[recipe] = np.polyfit(np.log(mean.index), np.log(mean), 1)
        loss = np.polyval(lines["idea"], np.log(flops))
        needed = (loss - lines["base"][1]) / lines["base"][0]
        steep = lines["idea"][0] / lines["base"][0] - 1
        return float(np.exp(needed) / flops), float(steep)

    (near_, s), (far, _) = at(table, 1e18), at(table, 1e21)
    one, _ = at(table[table.seed == 0], 1e18)
    told = {"M": near_, "M_far": far, "M_slope": s, "M_one": one}
    clear = apart(near_, one, share=0.06) and s < -0.02 and near_ > 1.1
    return table, told if clear else None


def _forecasters(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, str]]:
    """Three forecasters of sixty events: too narrow, too wide, and one that fits."""
    kinds = [str(kind) for kind in rng.permutation(["too narrow", "too wide", "fits"])]
    rows: list[tuple[str, float, float, float]] = []
    for name, kind in zip(FORECASTERS, kinds, strict=True):
        wide = {"too narrow": 0.45, "too wide": 2.2, "fits": 1.0}[kind]
        while True:
            truth = rng.uniform(2, 4, 60)
            sd = rng.uniform(0.03, 0.1, 60)
            value = truth + rng.normal(0, 1, 60) * sd
            low, high = value - 1.2816 * wide * sd, value + 1.2816 * wide * sd
            if _judged(int(((low <= truth) & (truth <= high)).sum())) == kind:
                break
        rows += [(name, *row) for row in zip(low, high, truth, strict=True)]
    table = pd.DataFrame(rows, columns=["who", "low", "high", "came_out"])
    for column in ("low", "high", "came_out"):
        table[column] = rounded(table[column], 6)
    return table, dict(zip(FORECASTERS, kinds, strict=True))


def _judged(hits: int) -> str | None:
    """The verdict on 80 % intervals by Wilson's interval of the share of hits, if it is clear."""
    told = wilson(hits, 60)
    if told.high < 0.77:
        return "too narrow"
    if told.low > 0.81:
        return "too wide"
    return "fits" if told.low < 0.77 and told.high > 0.83 else None


def _year(rng: np.random.Generator) -> tuple[dict[str, float], dict[str, Any] | None]:
    """Text and growth as ranges: the year in which a training set needs all of it."""
    given = {
        "start": 2026.0,
        "used": float(rounded([rng.uniform(13.0, 13.5)], 4)[0]),
        "stock": float(rounded([rng.uniform(14.3, 14.9)], 4)[0]),
        "stock_sd": float(rounded([rng.uniform(0.2, 0.35)], 3)[0]),
        "growth": float(rounded([rng.uniform(0.25, 0.4)], 3)[0]),
        "growth_sd": float(rounded([rng.uniform(0.06, 0.1)], 3)[0]),
    }
    draws = np.random.default_rng(0)
    stock = draws.normal(given["stock"], given["stock_sd"], 100_000)
    growth = draws.normal(given["growth"], given["growth_sd"], 100_000)
    kept = growth > 0.02
    years = given["start"] + (stock[kept] - given["used"]) / growth[kept]
    low, middle, high = (float(q) for q in np.quantile(years, [0.1, 0.5, 0.9]))
    plain = given["start"] + (given["stock"] - given["used"]) / given["growth"]
    natural = given["start"] + (given["stock"] - given["used"]) * np.log(10) / given["growth"]
    told = {"years": (low, middle, high), "plain": plain, "natural": float(natural)}
    return given, told if float(years.mean()) - middle > 0.15 else None


def _market(rng: np.random.Generator) -> dict[str, float]:
    return {
        "dollars_per_hour": float(rounded([rng.uniform(1.8, 4.0)], 3)[0]),
        "peak_flops": float(rng.choice([312e12, 989.4e12])),
        "utilisation": float(rounded([rng.uniform(0.3, 0.45)], 2)[0]),
        "watts": float(rounded([rng.uniform(600, 1400)], 3)[0]),
    }
