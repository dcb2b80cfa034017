"""The engine against the plain loop on this machine: throughput, and time to a given loss.

    python benchmarks/run.py [--only throughput|sweep] [--seconds 2] [--csv FOLDER]

All that is compared is measured in turn within one run, since machines differ and drift: quote
the ratios, not the speeds. Expect about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from plain import plain_train

from scalinglaws.corpora import Corpus, python_source
from scalinglaws.model import ModelConfig
from scalinglaws.sweep import sweep
from scalinglaws.train import Run, lockstep, one_thread, train_together

WIDTHS = (8, 16, 32, 64, 192)
SWEEP_WIDTHS, SEEDS, TOKENS_PER_PARAM = (8, 12, 16, 24, 32, 48), 5, 12
BATCH = 4


def noise(tokens: int = 2**21) -> Corpus:
    """Random tokens: training on them costs what training on text costs."""
    draw = np.random.default_rng(0).integers(0, 128, tokens, dtype=np.uint8)
    return Corpus("noise", draw[: -(2**12)], draw[-(2**12) :], vocab_size=128)


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
    corpus, model = noise(), ModelConfig(width=width)
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
    corpus, model, tokens = noise(), ModelConfig(width=width), 2**13
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
            flops = ModelConfig(width=width).flops_per_token()
            rows.append(
                {
                    "width": width,
                    "params": ModelConfig(width=width).params("with_head"),
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


def time_to_loss(cores: int) -> pd.DataFrame:
    """A sweep of 30 runs by the plain loop, and the shortest of ours that reaches its losses."""
    corpus = python_source()
    models = [ModelConfig(width=width) for width in SWEEP_WIDTHS]
    tokens = {m: TOKENS_PER_PARAM * m.params("with_head") for m in models}

    def plain_sweep(batch: int, lr: float, seeds: int) -> tuple[dict[int, float], float]:
        losses, seconds = {}, 0.0
        for model in models:
            done = [
                plain_train(model, corpus, tokens[model], batch=batch, lr=lr, seed=seed)
                for seed in range(seeds)
            ]
            losses[model.width] = float(np.mean([loss for loss, _ in done]))
            seconds += sum(spent for _, spent in done)
        return losses, seconds

    torch.set_num_threads(1)
    # The plain loop gets its best learning rate and batch, at no cost in time.
    trials = {(b, lr): plain_sweep(b, lr, 1)[0] for b in (8, 16) for lr in (0.003, 0.006, 0.012)}
    batch, lr = min(trials, key=lambda key: float(np.mean(list(trials[key].values()))))
    target, plain_seconds = plain_sweep(batch, lr, SEEDS)
    rows = [{"sweep": f"plain loop, batch {batch}, lr {lr}", "seconds": plain_seconds, **target}]
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1):
        runs = [
            Run(m, tokens=int(share * tokens[m]), seed=seed)
            for m in models
            for seed in range(SEEDS)
        ]
        start = time.perf_counter()
        table = sweep(runs, python_source, workers=cores)
        spent = time.perf_counter() - start
        losses = table.groupby("width")["loss"].mean().to_dict()
        rows.append({"sweep": f"package, {share:.3g} of the tokens", "seconds": spent, **losses})
        if all(losses[width] <= target[width] for width in SWEEP_WIDTHS):
            break
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format))
    reached = all(rows[-1][width] <= target[width] for width in SWEEP_WIDTHS)
    verdict = f"{plain_seconds / spent:.1f} times sooner" if reached else "not reached"
    print(f"the plain loop's losses at every width: {verdict}")
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("throughput", "sweep"))
    parser.add_argument("--seconds", type=float, default=2.0, help="per measurement of speed")
    parser.add_argument("--csv", type=Path, help="write the tables into this folder as well")
    options = parser.parse_args()
    if options.seconds <= 0:
        parser.error("--seconds must be above 0")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{platform.machine()}, {platform.system()}, {cores} cores, Python "
        f"{platform.python_version()}, torch {torch.__version__}, "
        f"{BATCH} sequences of 32 tokens per step"
    )
    tables = {}
    if options.only != "sweep":
        tables["throughput"] = throughput(options.seconds, cores)
    if options.only != "throughput":
        tables["sweep"] = time_to_loss(cores)
    if options.csv:
        options.csv.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(options.csv / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
