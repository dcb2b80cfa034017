"""The world of the second problem set: a grid of runs, and budgets of compute, in two counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coursework.marking import apart
from scalinglaws import ChinchillaLaw, fit_chinchilla

from .tools import rounded

SHAPES = ((64, 2), (96, 3), (160, 4), (256, 5), (384, 8), (640, 10), (1024, 16))
"""Width and depth of the models."""


def counts(width: Any, depth: Any, vocab: float) -> tuple[Any, Any]:
    """Parameters in the blocks, and in all: a tied table of tokens is counted once."""
    blocks = 12 * depth * width**2
    return blocks, blocks + vocab * width


def make(rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """A student's data and their truth."""
    while True:
        law = _law(rng)
        vocab = int(rng.choice([8192, 12288, 16384]))
        budgets, read = _budgets(rng, law, vocab)
        runs, fit = _grid(rng, law, vocab) if read else (budgets, None)
        if fit and read:
            break
    data = {"runs": runs, "budgets": budgets, "vocab": vocab}
    return data, {**fit, **read, "vocab": vocab, "a_true": law.a}


def _law(rng: np.random.Generator) -> ChinchillaLaw:
    """A law whose best models have some twenty tokens per parameter at 1e17 FLOPs."""
    alpha, beta = rng.uniform(0.30, 0.40), rng.uniform(0.26, 0.36)
    C, ratio = 1e17, rng.uniform(12, 30)
    N = (C / 6 / ratio) ** 0.5
    D = ratio * N
    size = rng.uniform(0.5, 0.8)
    return ChinchillaLaw(
        E=rng.uniform(1.5, 2.0),
        A=size * N**alpha,
        alpha=alpha,
        B=size * alpha / beta * D**beta,
        beta=beta,
    )


def _grid(
    rng: np.random.Generator, law: ChinchillaLaw, vocab: int
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Runs of seven shapes and seven lengths, and the surface through them."""
    rows = [(w, d, D) for w, d in SHAPES for D in np.geomspace(3e6, 3e9, 7).round(-3)]
    width, depth, tokens = np.array(rows).T
    blocks, total = counts(width, depth, vocab)
    loss = rounded(law(total, tokens) * np.exp(rng.normal(0, 0.002, len(rows))))
    table = pd.DataFrame(
        {
            "width": width.astype(int),
            "depth": depth.astype(int),
            "tokens": tokens.astype(int),
            "loss": loss,
        }
    )
    fit = fit_chinchilla(total, tokens, loss, bootstrap=100)
    other = fit_chinchilla(blocks, tokens, loss, bootstrap=100)
    found, wrong = fit.law, other.law
    if not (fit.status.usable and apart(found.alpha, wrong.alpha, share=0.08)):
        return table, None
    if abs(found.a - law.a) > 0.02 or not apart(found.a, found.b, by=0.012):
        return table, None
    law_told = {name: float(value) for name, value in found.parameters.items()}
    return table, {"law": law_told, "a_law": found.a, "alpha_blocks": wrong.alpha}


def _budgets(
    rng: np.random.Generator, law: ChinchillaLaw, vocab: int
) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Runs at six budgets, and what parabolas make of their best sizes in both counts."""
    rows = []
    for C in np.geomspace(1e15, 1e18, 6):
        best = float(law.N_opt(C)) * np.exp(rng.uniform(-0.25, 0.25))
        for N in best * np.geomspace(0.22, 4.5, 7):
            # A shape of about this size: depth grows with width as in the grid.
            width = 8 * max(4, round(_width_of(N, vocab) / 8))
            depth = max(1, round(width / 64))
            blocks, total = counts(width, depth, vocab)
            rows.append((C, width, depth, C / 6 / total))
    C, width, depth, tokens = np.array(rows).T
    blocks, total = counts(width, depth, vocab)
    loss = rounded(law(total, tokens) * np.exp(rng.normal(0, 0.001, len(rows))))
    table = pd.DataFrame(
        {
            "flops": rounded(C),
            "width": width.astype(int),
            "depth": depth.astype(int),
            "tokens": rounded(tokens, 9),
            "loss": loss,
        }
    )
    best_total, best_blocks, coarse = [], [], []
    each = sorted(set(table.flops))
    for budget in each:
        rows_of = (table.flops == budget).to_numpy()
        if len(set(total[rows_of])) < 5:
            return table, None
        n = np.log(total[rows_of])
        two, one, _ = np.polyfit(n, np.log(loss[rows_of]), 2)
        vertex = -one / 2 / two
        if two <= 0 or not n.min() < vertex < n.max():
            return table, None
        order = np.argsort(n)
        best_total.append(vertex)
        best_blocks.append(np.interp(vertex, n[order], np.log(blocks[rows_of])[order]))
        coarse.append(n[np.argmin(loss[rows_of])])
    log_C, log_N, log_B = np.log(each), np.array(best_total), np.array(best_blocks)
    log_D = log_C - np.log(6) - log_N
    log_Cb = np.log(6) + log_B + log_D
    a, half, both = (
        float(np.polyfit(x, y, 1)[0]) for x, y in ((log_C, log_N), (log_C, log_B), (log_Cb, log_B))
    )
    grid = float(np.polyfit(log_C, coarse, 1)[0])
    if not (apart(a, grid, 1 - a, by=0.015) and apart(both, half, a, by=0.02)):
        return table, None
    told = {"a": a, "a_grid": grid, "a_blocks": both, "a_half": half}
    return table, {**told, "minima": np.exp(log_N).tolist()}


def _width_of(N: float, vocab: float) -> float:
    """The width of a model of N parameters whose depth is a 64th of it."""
    low, high = 1.0, 1e5
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if 12 * middle**3 / 64 + vocab * middle < N else (low, middle)
    return low
