"""The engine against the plain loop on this machine: throughput, and time to a given loss.

    python benchmarks/run.py [--only throughput|sweep|isoflop] [--seconds 2] [--csv FOLDER]

All that is compared is measured in turn within one run, since machines differ and drift: quote
the ratios, not the speeds. Expect about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from plain import plain_train

from scalinglaws.learners import BfloatTransformerConfig, TransformerConfig
from scalinglaws.text import Corpus, python_source
from scalinglaws.training import Run, lockstep, one_thread, sweep, train_together

WIDTHS = (8, 16, 32, 64, 192)
SWEEP_WIDTHS, SEEDS, TOKENS_PER_PARAM = (8, 12, 16, 24, 32, 64), 5, 12
SHARES = (0.06, 0.08, 0.1, 0.12, 0.14, 0.17, 0.2, 0.25, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 1)
WIDEST_SHARES = (0.25, 0.27, 0.29, 0.32, 0.36, 0.4)
PLAIN_RATES = (0.006, 0.012, 0.024)  # halved or doubled further where the best is at an edge
BATCH = 4
WIDEST: dict[str, Any] = {
    "optimizer": "muon",
    "batch": 16,
    "lr": 0.02,
    "ends_lr": 0.03,
    "cooldown": 0.7,
}


def noise(tokens: int = 2**21) -> Corpus:
    """Random tokens: training on them costs what training on text costs."""
    draw = np.random.default_rng(0).integers(0, 128, tokens, dtype=np.uint8)
    return Corpus("noise", draw[:-512], draw[-512:], vocab_size=128)


@one_thread()
def matmul_peak(size: int = 1024, seconds: float = 0.3) -> float:
    """FLOPs per second of a square float32 matrix product on one thread."""
    a = torch.randn(size, size)
    a @ a
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        a @ a
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - start)


def stack_speed(width: int, seconds: float) -> tuple[float, float]:
    """Tokens per second, summed over a stack on one thread; and the peak beside it."""
    corpus, model = noise(), TransformerConfig(width=width)
    seeds = range(16)
    size = len(lockstep([Run(model, tokens=2**12, seed=seed) for seed in seeds])[0])
    tokens = 2**13
    while True:
        group = [Run(model, tokens=tokens, seed=seed, batch=BATCH) for seed in range(size)]
        start = time.perf_counter()
        train_together(group, corpus)
        spent = time.perf_counter() - start
        if spent >= seconds or tokens >= 2**20:
            return size * tokens / spent, matmul_peak()
        tokens = int(tokens * min(16, max(2, 1.2 * seconds / spent)))


def plain_speed(width: int, seconds: float, threads: int) -> float:
    """Tokens per second of the plain loop with the same shapes, batch and optimiser."""
    torch.set_num_threads(threads)
    corpus, model, tokens = noise(), TransformerConfig(width=width), 2**13
    while True:
        _, spent = plain_train(model, corpus, tokens, batch=BATCH, lr=1e-3, use_shift=True)
        if spent >= seconds or tokens >= 2**20:
            return tokens / spent
        tokens = int(tokens * min(16, max(2, 1.2 * seconds / spent)))


def throughput(seconds: float, cores: int) -> pd.DataFrame:
    """One row per width: speeds, the share of the peak, and the two ratios."""
    rows = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        list(pool.map(stack_speed, [8] * cores, [0.2] * cores))  # start the workers
        for width in WIDTHS:
            plain = [plain_speed(width, seconds, threads) for threads in sorted({1, cores})]
            alone, _ = stack_speed(width, seconds)
            together = list(pool.map(stack_speed, [width] * cores, [seconds] * cores))
            all_cores = sum(speed for speed, _ in together)
            peak = sum(peak for _, peak in together)
            flops = TransformerConfig(width=width).flops_per_token()
            rows.append(
                {
                    "width": width,
                    "params": TransformerConfig(width=width).params("with_head"),
                    "plain, tokens/s": max(plain),
                    "stack, 1 thread": alone,
                    "stacks, all cores": all_cores,
                    "share of peak": all_cores * flops / peak,
                    "ratio, 1 thread": alone / plain[0],
                    "ratio, machine": all_cores / max(plain),
                }
            )
            print(pd.DataFrame(rows[-1:]).to_string(index=False, float_format="{:,.2f}".format))
    return pd.DataFrame(rows)


def best_rate(loss: Callable[[float], float]) -> float:
    """The rate with the lowest loss on a grid of factors of two; it lies inside the grid."""
    losses = {rate: loss(rate) for rate in PLAIN_RATES}
    while (best := min(losses, key=losses.get)) in (min(losses), max(losses)):
        further = 2 * best if best == max(losses) else best / 2
        losses[further] = loss(further)
    return best


def from_cold() -> None:
    """End the server that workers are forked from, so that a sweep has to start it anew."""
    if hasattr(forkserver, "_forkserver"):  # not on Windows
        forkserver._forkserver._stop()


@one_thread()
def has_bfloat16() -> bool:
    """Whether this CPU multiplies matrices faster in bfloat16."""

    def seconds(dtype: torch.dtype) -> float:
        a = torch.randn(1024, 1024).to(dtype)
        a @ a
        start = time.perf_counter()
        for _ in range(5):
            a @ a
        return time.perf_counter() - start

    return seconds(torch.bfloat16) < 0.8 * seconds(torch.float32)


def our_run(width: int, tokens: int, seed: int, half: bool) -> Run:
    """A run of our recipe: the default, but for the widest model, where that leaves most to gain.

    The settings there were sought on seed 1000: optimiser, batch, rates of blocks and ends,
    warm-up, cooldown and decay.
    """
    if width < max(SWEEP_WIDTHS):
        return Run(TransformerConfig(width), tokens=tokens, seed=seed)
    model = (BfloatTransformerConfig if half else TransformerConfig)(width)
    return Run(model, tokens=tokens, seed=seed, **WIDEST)


def time_to_loss(cores: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A sweep of 30 runs by the plain loop, and ours that end at its losses or below.

    Returns a row for each width and precision, and one with what was gained for each precision:
    all in float32, and, where the CPU is faster in it, the widest model in bfloat16.
    """
    corpus = python_source()
    models = {width: TransformerConfig(width=width) for width in SWEEP_WIDTHS}
    tokens = {w: TOKENS_PER_PARAM * m.params("with_head") for w, m in models.items()}

    def plain(width: int, lr: float, seed: int) -> tuple[float, float]:
        return plain_train(models[width], corpus, tokens[width], batch=8, lr=lr, seed=seed)

    def our_sweep(shares: dict[int, tuple[float, ...]], half: bool) -> tuple[pd.DataFrame, float]:
        runs = [
            our_run(width, int(share * tokens[width]), seed, half)
            for width in SWEEP_WIDTHS
            for share in shares[width]
            for seed in range(SEEDS)
        ]
        from_cold()
        start = time.perf_counter()
        table = sweep(runs, corpus, workers=cores, progress=False)
        spent = time.perf_counter() - start
        table["share"] = [share for w in SWEEP_WIDTHS for share in shares[w] for _ in range(SEEDS)]
        return table, spent

    torch.set_num_threads(1)
    # Finding the plain loop's best rate at each width, and our shortest runs, is not on the clock.
    rate = {w: best_rate(lambda lr, w=w: plain(w, lr, SEEDS)[0]) for w in SWEEP_WIDTHS}
    done = {w: [plain(w, rate[w], seed) for seed in range(SEEDS)] for w in SWEEP_WIDTHS}
    target = pd.Series({w: float(np.mean([loss for loss, _ in done[w]])) for w in SWEEP_WIDTHS})
    seconds = pd.Series({w: sum(spent for _, spent in done[w]) for w in SWEEP_WIDTHS})
    plain_seconds = seconds.sum()
    results, gained = [], []
    for half in sorted({False, has_bfloat16()}):
        tried = dict.fromkeys(SWEEP_WIDTHS, SHARES) | {max(SWEEP_WIDTHS): WIDEST_SHARES}
        trial, _ = our_sweep(tried, half)
        reached = trial.groupby(["width", "share"])["loss"].mean().unstack().le(target, axis=0)
        if not reached.any(axis=1).all():
            print("the plain loop's losses were not reached at every width")
            continue
        table, spent = our_sweep({w: (row.idxmax(),) for w, row in reached.iterrows()}, half)
        shares = table.groupby("width")["share"].first()
        precision = "bfloat16" if half else "float32"
        result = pd.DataFrame(
            {
                "precision": precision,
                "plain rate": pd.Series(rate),
                "plain loss": target,
                "our loss": table.groupby("width")["loss"].mean(),
                "share of its tokens": shares,
            }
        )
        print(result.to_string(float_format="{:.3f}".format))
        recipe = plain_seconds / (seconds * shares).sum()
        print(
            f"plain loop (batch 8): {plain_seconds:.1f} s; ours, {precision}: {spent:.1f} s; "
            f"{plain_seconds / spent:.1f} times sooner: {recipe:.1f} times by the recipe, which "
            f"needs fewer tokens, and {plain_seconds / spent / recipe:.1f} times by the engine"
        )
        results.append(result.rename_axis("width").reset_index())
        gained.append(
            {
                "precision": precision,
                "plain, seconds": plain_seconds,
                "ours, seconds": spent,
                "times sooner": plain_seconds / spent,
                "by the recipe": recipe,
                "by the engine": plain_seconds / spent / recipe,
            }
        )
    return pd.concat(results) if results else pd.DataFrame(), pd.DataFrame(gained)


def isoflop(cores: int, seeds: int = 1) -> pd.DataFrame:
    """Five FLOP budgets with six widths each: seconds, and the best width of each budget."""
    widths = (8, 12, 16, 24, 32, 48, 64, 96)
    first = {6e9: 0, 1.5e10: 1, 4e10: 1, 1e11: 2, 2.5e11: 2}
    plan = [
        (budget, Run(model, tokens=int(budget / model.flops_per_token()), seed=seed))
        for budget, start in first.items()
        for model in (TransformerConfig(width=width) for width in widths[start : start + 6])
        for seed in range(seeds)
    ]
    start = time.perf_counter()
    table = sweep([run for _, run in plan], python_source, workers=cores)
    spent = time.perf_counter() - start
    table["budget"] = [budget for budget, _ in plan]
    losses = table.pivot_table(index="width", columns="budget", values="loss")
    print(losses.to_string(float_format="{:.3f}".format, na_rep=""))
    best = losses.idxmin()
    interior = [0 < list(losses[b].dropna().index).index(best[b]) < 5 for b in losses]
    print(f"{len(plan)} runs in {spent:.0f} s; minima interior: {sum(interior)} of {len(interior)}")
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("throughput", "sweep", "isoflop"))
    parser.add_argument("--seconds", type=float, default=2.0, help="per measurement of speed")
    parser.add_argument("--csv", type=Path, help="write the tables into this folder as well")
    options = parser.parse_args()
    if options.seconds <= 0:
        parser.error("--seconds must be above 0")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = (
        f"{platform.machine()}, {platform.system()}, {cores} cores, Python "
        f"{platform.python_version()}, torch {torch.__version__}, "
        f"{BATCH} sequences of 32 tokens per step"
    )
    print(machine)
    tables = {}
    if options.only in (None, "isoflop"):
        tables["isoflop"] = isoflop(cores)
    if options.only in (None, "throughput"):
        tables["throughput"] = throughput(options.seconds, cores)
    if options.only in (None, "sweep"):
        tables["sweep"], tables["to_loss"] = time_to_loss(cores)
    if options.csv:
        options.csv.mkdir(parents=True, exist_ok=True)
        (options.csv / "machine.txt").write_text(machine + "\n", encoding="utf-8")
        for name, table in tables.items():
            table.to_csv(options.csv / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
