"""What the reference sweep trains: its studies, each a list of runs on one corpus.

No run stands in two studies, so the studies can be put into one table and still be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from scalinglaws.learners import (
    LearnerConfig,
    LSTMConfig,
    MLPConfig,
    NgramConfig,
    TransformerConfig,
)
from scalinglaws.text import Corpus, KnownEntropy, python_source
from scalinglaws.training import Run, default_lr, repeat


@dataclass(frozen=True)
class Study:
    """Runs that answer one question."""

    runs: Sequence[Run]
    about: str
    corpus: Callable[[], Corpus] = python_source


def at_budget(flops: float, width: int, **options: object) -> Run:
    """A run of the default recipe, or of `options`, that takes about so many FLOPs."""
    model = TransformerConfig(width=width)
    return Run(model, round(flops / model.flops_per_token()), **options)


LEARNERS: Mapping[str, type[LearnerConfig]] = {
    config.kind: config for config in (TransformerConfig, MLPConfig, LSTMConfig, NgramConfig)
}


def run_of(row: Mapping[str, Any], corpus: Corpus) -> Run:
    """The run that a row of the table of runs came from.

    Of a multi-layer perceptron the table does not hold the channels of the embedding: it gets the
    usual ones. Raises KeyError if the learner is none of the package's.
    """
    config = LEARNERS[row["learner"]]
    said = {name: value for name, value in row.items() if not pd.isna(value)}
    if config is NgramConfig:
        said["order"] = int(said["window"]) + 1
    shape = {f.name: int(said[f.name]) for f in fields(config) if f.name in said}
    if "shift" in shape:
        shape["shift"] = bool(shape["shift"])
    model = config(**shape | {"vocab_size": corpus.vocab_size})
    settings = {f.name for f in fields(Run)} - {"model"}
    return Run(model, **{name: value for name, value in said.items() if name in settings})


ISOFLOP: dict[float, Sequence[int]] = {
    2.5e8: (4, 8, 12, 16),
    6e8: (4, 8, 12, 16, 24),
    1.5e9: (4, 8, 12, 16, 24, 32),
    4e9: (8, 12, 16, 24, 32, 48),
    1e10: (8, 12, 16, 24, 32, 48),
    2.5e10: (12, 16, 24, 32, 48, 64),
    6e10: (12, 16, 24, 32, 48, 64, 96),
    1.5e11: (16, 24, 32, 48, 64, 96),
    4e11: (24, 32, 48, 64, 96, 128),
    1e12: (24, 32, 48, 64, 96, 128),
    2.5e12: (32, 48, 64, 96, 128, 192),
}
"""Budgets in FLOPs, and the widths trained at each: around the best one on both sides."""


KAPLAN: dict[float, Sequence[int]] = {
    3e9: (4, 8, 12, 16, 24),
    7.5e9: (4, 8, 12, 16, 24, 32),
    1.9e10: (8, 12, 16, 24, 32, 48),
    4.7e10: (8, 12, 16, 24, 32, 48, 64),
    1.2e11: (12, 16, 24, 32, 48, 64, 96),
    3e11: (16, 24, 32, 48, 64, 96, 128),
}
"""The same for the four studies that go from the conventions of 2020 to those of 2022."""

TOKENS = {8: 2**15, 16: 2**17, 32: 2**18, 64: 2**19, 128: 2**18}
"""Tokens at which learning rates and batches are scanned, by width."""

MOST_FOR_DATA = 1e12
"""FLOPs of the largest run on repeated data."""

SHAPES = {
    2**17: ((1, 44), (2, 32), (4, 24), (8, 16)),
    2**18: ((1, 92), (2, 64), (4, 44), (8, 32)),
}
"""Depths and widths with about the same number of parameters in their blocks, by tokens."""


@lru_cache(maxsize=1)
def known_entropy() -> Corpus:
    """Facts with noise, of which the least possible loss is known exactly."""
    return KnownEntropy(keys=30_000).corpus(train=1_000_000, val=100_000)


def isoflop(budgets: Mapping[float, Sequence[int]], seeds: int, **options: object) -> list[Run]:
    """Every width at every budget, with each seed."""
    runs = (at_budget(c, width, **options) for c, widths in budgets.items() for width in widths)
    return repeat(runs, seeds)


def scaled_warmup(run: Run) -> Run:
    """The run with a warm-up of one token for every four parameters."""
    return replace(run, warmup=run.model.params("with_head") // 4)


def data_limited(unique: int, width: int) -> list[Run]:
    """So many different tokens, read 1, 2, 4, ... 32 times, as far as that is cheap enough."""
    runs = (
        Run(TransformerConfig(width=width), unique * epochs, unique_tokens=unique)
        for epochs in (1, 2, 4, 8, 16, 32)
    )
    return [run for run in runs if run.flops <= MOST_FOR_DATA]


def lr_scan(width: int, factors: Iterable[float], **options: object) -> list[Run]:
    """Runs whose learning rate is the rule's times each factor."""
    base = Run(TransformerConfig(width=width), TOKENS[width], **options)
    return [replace(base, lr=base.lr * factor) for factor in factors]


def shapes(tokens: int) -> list[Run]:
    """Deep and narrow to shallow and wide, each at three learning rates."""
    runs = [
        Run(TransformerConfig(width=width, depth=depth), tokens) for depth, width in SHAPES[tokens]
    ]
    return [replace(run, lr=run.lr * factor) for run in runs for factor in (0.5, 1, 2)]


def entropy_ladder(most_flops: float) -> list[Run]:
    """Every width with every number of tokens that together are cheap enough."""
    corpus = known_entropy()
    model = {"context": corpus.example_length - 1, "vocab_size": corpus.vocab_size}
    runs = (
        Run(TransformerConfig(width=width, **model), 2**power)
        for width in (4, 8, 12, 16, 24, 32, 48, 64)
        for power in range(13, 22)
    )
    return [run for run in runs if run.flops <= most_flops]


def _reference() -> dict[str, Study]:
    cheap = {c: widths for c, widths in ISOFLOP.items() if c < 1e11}
    dear = {c: widths for c, widths in ISOFLOP.items() if c > 1e11}
    # In 2020: one rate for all sizes, a large batch, a long warm-up, no decay matched to the run.
    fixed = {"lr": default_lr(16), "batch": 64}
    kaplan = isoflop(KAPLAN, 2, **fixed, warmup=2**16, cooldown=0)
    warmed = [scaled_warmup(run) for run in kaplan]
    muon = {c: ISOFLOP[c] for c in (1.5e9, 1e10, 6e10, 1.5e11, 4e11)}
    batches = [
        run
        for width, factors in ((16, (0.5, 1, 2, 4)), (32, (0.5, 1, 2, 4)), (64, (1, 2)))
        for batch in (1, 2, 4, 8, 16, 32, 64)
        for run in lr_scan(width, factors, batch=batch)
    ]
    return {
        "isoflop": Study(
            isoflop(cheap, 3) + isoflop(dear, 2),
            "budgets of compute, each spent on models of several sizes; the default recipe",
        ),
        "floor": Study(
            isoflop({2.5e7: (4, 8, 12), 1e8: (4, 8, 12)}, 3),
            "the same below the budget at which the smallest model that can be built is the best",
        ),
        "kaplan": Study(
            kaplan,
            "budgets as in 2020: loss read off the trunk (no cooldown), a warm-up of 65,536 "
            "tokens, one learning rate for all widths, 64 sequences a step",
        ),
        "kaplan-warmup": Study(
            warmed, "as kaplan, but a warm-up of one token for every four parameters"
        ),
        "kaplan-cooldown": Study(
            [replace(run, cooldown=0.3) for run in warmed],
            "as kaplan-warmup, but each run with a cooldown of its own",
        ),
        "kaplan-tuned": Study(
            isoflop(KAPLAN, 2),
            "as kaplan-cooldown, but learning rate and batch of the default recipe: isoflop at "
            "the budgets of kaplan",
        ),
        "data": Study(
            repeat(
                (
                    run
                    for unique in (2**14, 2**15, 2**16, 2**17, 2**18, 2**20)
                    for width in (8, 16, 32, 64, 96)
                    for run in data_limited(unique, width)
                ),
                2,
            ),
            "few different tokens, repeated: the early-stopped loss is the least over the "
            "numbers of repeats",
        ),
        "lr": Study(
            repeat((r for width in TOKENS for r in lr_scan(width, (0.25, 0.5, 1, 2, 4))), 2),
            "learning rates around the rule's, at five widths",
        ),
        "entropy": Study(
            repeat(entropy_ladder(4e11), 2),
            "widths by tokens on a language of known entropy",
            known_entropy,
        ),
        "muon": Study(isoflop(muon, 2, optimizer="muon"), "isoflop with Muon for the blocks"),
        "shape": Study(
            repeat((run for tokens in SHAPES for run in shapes(tokens)), 2),
            "depth against width at about equal size of the blocks",
        ),
        "batch": Study(batches, "batches of 1 to 64 sequences at fixed tokens, several rates"),
    }


STUDIES = _reference()
"""What fits may use."""

SEALED = {
    "sealed": Study(
        isoflop({2.6e13: (128, 192)}, 2) + isoflop({2.6e13: (96, 256)}, 1),
        "the largest runs, to hold predictions against: they enter no fit",
    ),
    "preregistered": Study(
        [at_budget(8e12, width) for width in (64, 256)]
        + [at_budget(8e13, width) for width in (192, 384, 256, 128)],
        "runs whose forecasts were committed before they were trained (preregistration.md), in "
        "the order of training",
    ),
}
"""Runs that enter no fit."""
