"""The world of the third problem set: exams over size and seeds, two skills, a test in kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from coursework.marking import apart
from scalinglaws import wilson
from scalinglaws.metrics import crossing, sharpness

from .tools import rounded, shuffled

SKILLS = ("maple", "olive")
KINDS = ("true belief", "false belief", "two moves", "told", "empty box", "no move")
SUDDEN = 0.5
"""A change is sudden if a larger share of it than this falls within one doubling."""


def make(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A student's data and their truth."""
    exam, told = _until(rng, _exam)
    lottery, drawn = _until(rng, _lottery)
    skills, verdicts = _skills(rng)
    stories, score = _until(rng, _stories)
    data = {"exam": exam, "lottery": lottery, "stories": stories, **skills}
    return data, {**told, **drawn, **score, "verdicts": verdicts}


def _until(rng: np.random.Generator, draw: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Draw until the data tell the right answer from the classic mistakes."""
    while True:
        table, told = draw(rng)
        if told is not None:
            return table, told


def _exam(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """One size, eight seeds, 300 questions each: the seeds differ more than the questions do."""
    centre = rng.uniform(0.35, 0.65)
    chance = 1 / (1 + np.exp(-rng.normal(np.log(centre / (1 - centre)), 0.5, 8)))
    right = rng.binomial(300, chance)
    share = right / 300
    mean, error = share.mean(), share.std(ddof=1) / np.sqrt(8)
    reach = float(t.ppf(0.975, 7) * error)
    pooled = wilson(int(right.sum()), 2400)
    told = {
        "mean": float(mean),
        "reach": reach,
        "reach_normal": float(1.96 * error),
        "reach_pooled": (pooled.high - pooled.low) / 2,
    }
    table = pd.DataFrame({"seed": np.arange(8), "questions": 300, "right": right})
    return table, told if reach > 3 * told["reach_pooled"] else None


def _lottery(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """An ability that a run has or has not, over nine sizes and ten seeds."""
    sizes = np.round(1e4 * 2.0 ** np.arange(9)).astype(int)
    middle = rng.uniform(3.2, 5.2)
    chance = 1 / (1 + np.exp(-1.4 * (np.arange(9) - middle)))
    has = rng.random((9, 10)) < chance[:, None]
    score = np.where(has, rng.uniform(0.86, 0.99, has.shape), rng.uniform(0.02, 0.2, has.shape))
    order = rng.permutation(10)
    rows = [(sizes[i], s, score[i, s]) for i in range(9) for s in order]
    table = pd.DataFrame(rows, columns=["params", "seed", "score"])
    table["score"] = rounded(table.score, 4)
    share = has.mean(1)
    steady = (np.diff(share) >= 0).all() and 0 in share and 1 in share
    middle_found = crossing(sizes, share)
    first = table[table.seed == 0].sort_values("params")
    one = crossing(first.params, first.score)
    mixed = int(((share > 0) & (share < 1)).sum())
    told = {"sizes": sizes.tolist(), "share": share.tolist(), "threshold": float(middle_found)}
    clear = steady and mixed >= 3 and np.isfinite(one) and abs(np.log2(one / middle_found)) > 0.5
    return shuffled(rng, table), {**told, "one_seed": float(one)} if clear else None


def _skills(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Two skills whose exact match jumps; beneath one the log loss jumps too."""
    kinds = [str(kind) for kind in rng.permutation(["mark", "model"])]
    found = {}
    for name, kind in zip(SKILLS, kinds, strict=True):
        while not _clear(table := _skill(rng, kind), kind):
            pass
        found[name] = table
    return found, dict(zip(SKILLS, kinds, strict=True))


def _skill(rng: np.random.Generator, kind: str) -> pd.DataFrame:
    N = np.round(1e5 * 2.0 ** (np.arange(17) / 2)).astype(int)
    u = np.arange(17) / 2
    if kind == "mark":
        loss = rng.uniform(0.9, 1.3) * 2.0 ** (-rng.uniform(0.75, 1.0) * u)
        exact = np.exp(-rng.integers(10, 20) * loss)
    else:
        at, rise = rng.uniform(3, 5), 1 / (1 + np.exp(-9 * (u - rng.uniform(3.2, 4.8))))
        loss = rng.uniform(1.2, 1.6) * (1 - 0.93 * rise) * 2.0 ** (-0.02 * u)
        exact = np.exp(-8 * np.maximum(loss - 0.05, 0.01)) * (1 + 0.0 * at)
    noisy = np.clip(exact + rng.normal(0, 0.004, 17), 0, 1)
    loss = loss * np.exp(rng.normal(0, 0.01, 17))
    return pd.DataFrame({"params": N, "exact": rounded(noisy, 4), "log_loss": rounded(loss, 5)})


def _clear(table: pd.DataFrame, kind: str) -> bool:
    exact, loss = (sharpness(table.params, table[name]) for name in ("exact", "log_loss"))
    if kind == "mark":
        return exact < 0.9 and loss < SUDDEN - 0.07 and table.exact.iloc[-1] > 0.5
    return bool(exact > SUDDEN + 0.07 and loss > SUDDEN + 0.07)


def _stories(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """A test whose easy kinds are frequent."""
    share = np.array([0.95, 0.25, 0.35, 0.8, 0.9, 0.97]) + rng.uniform(-0.12, 0.03, 6)
    n = np.array([400, 60, 50, 120, 90, 280]) + rng.integers(-20, 20, 6)
    order = rng.permutation(6)
    right = rng.binomial(n, share)
    table = pd.DataFrame({"kind": KINDS, "n": n, "right": right})
    table = table.iloc[order].reset_index(drop=True)
    balanced, pooled = float((right / n).mean()), float(right.sum() / n.sum())
    told = {"balanced": balanced, "pooled": pooled}
    return table, told if apart(balanced, pooled, share=0.05) else None
