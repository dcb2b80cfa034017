"""How fast this machine trains: tokens per second and share of its own matrix-multiply peak.

    python benchmarks/run.py [--seconds 3] [--csv FILE]

Peak and training are measured in turn in one run and on one thread, since machines differ and
drift: quote the share, not the speed. The table goes to the screen and, with --csv, to a file.
"""

from __future__ import annotations

import argparse
import platform
import time

import numpy as np
import pandas as pd
import torch

from scalinglaws.corpora import Corpus
from scalinglaws.model import ModelConfig
from scalinglaws.train import Run, one_thread, train

WIDTHS = (8, 16, 32, 64, 128)


@one_thread()
def matmul_peak(size: int = 1024, seconds: float = 0.5) -> float:
    """FLOPs per second of a square float32 matrix product on one thread."""
    a = torch.randn(size, size)
    a @ a
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        a @ a
        count += 1
    return 2 * size**3 * count / (time.perf_counter() - start)


def noise(tokens: int = 2**22) -> Corpus:
    """Random tokens: training on them costs what training on text costs."""
    rng = np.random.default_rng(0)
    draw = rng.integers(0, 128, tokens, dtype=np.uint8)
    return Corpus("noise", draw[: -(2**14)], draw[-(2**14) :], vocab_size=128)


def measure(width: int, corpus: Corpus, seconds: float) -> dict[str, float]:
    """Train a model of this width for about so long; speeds of it and of the peak beside it."""
    model = ModelConfig(width=width)
    short = train(Run(model, tokens=2**14, batch=8), corpus)
    tokens = int(2**14 * max(1.0, seconds / short.seconds))
    peak = matmul_peak()
    trained = train(Run(model, tokens=tokens, batch=8), corpus)
    peak = (peak + matmul_peak()) / 2
    speed = trained.run.tokens / trained.seconds
    flops = trained.run.flops / trained.seconds
    return {
        "width": width,
        "params": model.params("with_head"),
        "tokens per second": speed,
        "GFLOP/s": flops / 1e9,
        "peak GFLOP/s": peak / 1e9,
        "share of peak": flops / peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of training for each width")
    parser.add_argument("--csv", help="write the table to this file as well")
    options = parser.parse_args()
    if options.seconds <= 0:
        parser.error("--seconds must be above 0")
    print(
        f"{platform.processor() or platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, one thread, "
        "8 sequences of 32 tokens per step"
    )
    corpus = noise()
    table = pd.DataFrame([measure(width, corpus, options.seconds) for width in WIDTHS])
    formats = {"tokens per second": "{:,.0f}", "share of peak": "{:.1%}"}
    shown = table.assign(**{name: table[name].map(f.format) for name, f in formats.items()})
    print(shown.to_string(index=False, float_format="{:.1f}".format))
    if options.csv:
        table.to_csv(options.csv, index=False)


if __name__ == "__main__":
    main()
