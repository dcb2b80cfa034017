"""What the reference sweep trains: its studies, each a list of runs on one corpus.

No run stands in two studies, so the studies can be put into one table and still be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from typing import Any

import pandas as pd

from scalinglaws.learners import (
    LearnerConfig,
    LSTMConfig,
    MLPConfig,
    NgramConfig,
    PythonNgramConfig,
    TransformerConfig,
)
from scalinglaws.learners.transformer import ends_lr
from scalinglaws.text import Corpus, KnownEntropy, foreign, misprinted, python_source
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
    config.kind: config
    for config in (TransformerConfig, MLPConfig, LSTMConfig, NgramConfig, PythonNgramConfig)
}


def run_of(row: Mapping[str, Any], corpus: Corpus) -> Run:
    """The run that a row of the table of runs came from.

    Of a multi-layer perceptron the table does not hold the channels of the embedding: it gets the
    usual ones. Raises KeyError if the learner is none of the package's.
    """
    config = LEARNERS[row["learner"]]
    said = {name: value for name, value in row.items() if not pd.isna(value)}
    if config in (NgramConfig, PythonNgramConfig):
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
"""The same for the studies that go from the conventions of 2020 to those of 2022."""

ALL: dict[float, Sequence[int]] = {
    3e9: (4, 8, 12, 16, 24),
    7.5e9: (8, 12, 16, 24, 32),
    1.9e10: (12, 16, 24, 32, 48),
    4.7e10: (16, 24, 32, 48, 64),
}
"""Budgets of the factorial, head and attention counted: the first of `KAPLAN`, with the widths
around the best ones."""

BLOCKS: dict[float, Sequence[int]] = {
    1.6e9: (4, 8, 12, 16, 24),
    4.2e9: (8, 12, 16, 24, 32),
    1.15e10: (8, 12, 16, 24, 32),
    3.1e10: (12, 16, 24, 32, 48),
}
"""Budgets of 6 N D FLOPs with the parameters of the blocks as N, and widths trained at each. The
best model of each budget costs about what that of `ALL` in the same place does."""

FIXED: Mapping[str, Any] = {"lr": default_lr(16), "batch": 64}
"""One rate for all widths and a large batch, as in 2020."""

WARMUP = 2**14
"""Tokens of the warm-up that is the same for all in the factorial. The 65,536 of `kaplan` are more
than the wide models read on its small budgets, where no size is best then but the smallest."""

MOST_WARMUP = 0.7
"""Share of a run that its warm-up may take in the factorial, with a cooldown or without."""

TOKENS = {8: 2**15, 16: 2**17, 32: 2**18, 64: 2**19, 128: 2**18}
"""Tokens at which learning rates and batches are scanned, by width."""

MOST_FOR_DATA = 1e12
"""FLOPs of the largest run on repeated data."""

WALL: Mapping[int, tuple[int, Sequence[float]]] = {
    16: (22, (0, 0.03, 0.1, 0.3, 1)),
    32: (22, (0, 0.1, 0.3, 1, 3)),
    64: (22, (0, 0.3, 1, 3, 10)),
    128: (22, (0, 0.3, 1, 3, 10)),
    192: (21, (0, 0.3, 1, 3, 10)),
}
"""Largest power of two of tokens, and the decays, of each width before the wall of data."""

RATIONS = (2**14, 2**16, 2**18)
"""Different tokens of which the runs before the wall may read."""

SHAPES = {
    2**17: ((1, 44), (2, 32), (4, 24), (8, 16)),
    2**18: ((1, 92), (2, 64), (4, 44), (8, 32)),
}
"""Depths and widths with about the same number of parameters in their blocks, by tokens."""


@lru_cache(maxsize=1)
def known_entropy() -> Corpus:
    """Facts with noise, of which the least possible loss is known exactly."""
    return KnownEntropy(keys=30_000).corpus(train=1_000_000, val=100_000)


MISPRINTS = 0.1
"""Share of the characters that a misprint replaces in the studies of dirty text."""

FOREIGN = 0.5
"""Share of the documents that are in a foreign language there."""


@lru_cache(maxsize=1)
def misprints() -> Corpus:
    """Python source with misprints in what is trained on."""
    return misprinted(python_source(), MISPRINTS)


@lru_cache(maxsize=1)
def half_foreign() -> Corpus:
    """Python source of which half of the training documents are in a foreign language."""
    return foreign(python_source(), FOREIGN)


IDEAS: dict[float, Sequence[int]] = {
    1.5e9: (8, 12, 16, 24),
    1e10: (12, 16, 24, 32),
    6e10: (16, 24, 32, 48),
    4e11: (32, 48, 64, 96),
    2.5e12: (48, 64, 96, 128),
}
"""Budgets of `ISOFLOP` at which ideas are tried, with widths around the best of the default."""

LSTMS: dict[float, Sequence[int]] = {
    1.5e9: (8, 12, 16, 24),
    1e10: (12, 16, 24, 40),
    6e10: (16, 24, 40, 56),
    4e11: (40, 56, 80, 112),
    2.5e12: (80, 112, 160),
}
"""The same for LSTMs of two layers."""

MLPS: dict[float, Sequence[int]] = {
    1.5e9: (16, 32, 64),
    1e10: (32, 64, 128),
    6e10: (64, 128, 256),
    4e11: (128, 256, 512),
    2.5e12: (256, 512, 1024),
}
"""The same for MLPs over eight characters."""

LARGE: dict[float, Sequence[int]] = {
    2.5e12: (64, 96, 128),
    7.5e12: (64, 96, 128),
}
"""The budgets of ideas that are also tried far up, on a GPU."""

TRIED_AT = 6e10
"""The budget at which the learning rates of all ideas are tried."""

RATES = (0.6, 1.7)
"""Factors on the default rates there."""


def idea(
    budgets: Mapping[float, Sequence[int]],
    model: Callable[[int], LearnerConfig],
    **options: Any,
) -> list[Run]:
    """An idea at its budgets: three seeds up to 1e11 FLOPs, two above, and two more rates once."""

    def run(flops: float, width: int) -> Run:
        config = model(width)
        return Run(config, round(flops / config.flops_per_token()), **options)

    at = {flops: [run(flops, width) for width in widths] for flops, widths in budgets.items()}
    seeds = {flops: 3 if flops < 1e11 else 2 for flops in at}
    usual = [r for flops, runs in at.items() for r in repeat(runs, seeds[flops])]
    return usual + other_rates(at.get(TRIED_AT, []), 3)


def other_rates(runs: Iterable[Run], seeds: int) -> list[Run]:
    """The runs at the other rates, with each seed."""
    tried = [replace(run, lr=run.lr * factor) for run in runs if run.lr for factor in RATES]
    return repeat(tried, seeds) if tried else []


def far_up(budgets: Mapping[float, Sequence[int]], shift: bool, **options: Any) -> list[Run]:
    """Transformers at the large budgets, three seeds at each of three rates."""
    runs = []
    for flops, widths in budgets.items():
        for width in widths:
            model = TransformerConfig(width, shift=shift)
            one = Run(model, round(flops / model.flops_per_token()), **options)
            runs += repeat([one], 3) + other_rates([one], 3)
    return runs


def counted() -> list[Run]:
    """N-grams of several orders and two windows, from 2^12 characters to nearly all there are."""
    runs = []
    for power in range(12, 27):
        for context in (32, 128):
            for order in (5, 7, 9) if power % 2 == 0 else (9,):
                one = Run(NgramConfig(order=order, context=context), 2**power)
                runs += repeat([one], 3 if power < 21 else 1)
    runs += [Run(NgramConfig(order=12), 2**power) for power in range(14, 25, 2)]
    for power in range(12, 25, 2):
        for context in (32, 128):
            one = Run(PythonNgramConfig(context=context), 2**power)
            runs += repeat([one], 3 if power < 19 else 1)
    return runs


def ladder_of_data() -> list[Run]:
    """Wide models with Muon, in windows of 32 and 128: ever more text once, and rations of it."""
    model = TransformerConfig(width=256)
    lanes: list[tuple[int | None, float]] = [(None, 0.0)]
    lanes += [(unique, decay) for unique in (2**18, 2**20) for decay in (0.0, 0.3, 1.0)]
    lanes += [(2**22, 0.0), (2**22, 0.3)]
    rations = [
        Run(model, 2**power, optimizer="muon", batch=32, unique_tokens=unique, weight_decay=decay)
        for unique, decay in lanes
        for power in (20, 22, 23)
    ]
    farther = TransformerConfig(width=256, context=128)
    rations += [
        Run(farther, 2**power, optimizer="muon", batch=8, unique_tokens=unique, weight_decay=decay)
        for unique, decay in ((None, 0.0), (2**20, 0.3), (2**20, 1.0))
        for power in (20, 22, 23)
    ]
    wider = [
        Run(TransformerConfig(width=384), 2**power, optimizer="muon", batch=64)
        for power in (22, 24)
    ]
    return rations + wider


def isoflop(budgets: Mapping[float, Sequence[int]], seeds: int, **options: object) -> list[Run]:
    """Every width at every budget, with each seed."""
    runs = (at_budget(c, width, **options) for c, widths in budgets.items() for width in widths)
    return repeat(runs, seeds)


def scaled_warmup(run: Run) -> Run:
    """The run with a warm-up of one token for every four parameters."""
    return replace(run, warmup=run.model.params("with_head") // 4)


def at_blocks_budget(flops: float, width: int, **options: object) -> Run:
    """A run for which 6 N D is about so many FLOPs, with the parameters of the blocks as N."""
    model = TransformerConfig(width=width)
    return Run(model, round(flops / (6 * model.params("non_embedding"))), **options)


def factorial() -> list[Run]:
    """Warm-up by cooldown by rate and batch, each cell on budgets of two ways of counting.

    A warm-up takes at most `MOST_WARMUP` of its run: what a cooldown leaves, and as much without
    one, so that the two runs of a pair differ in the cooldown alone. Where that binds for both
    warm-ups, one run serves both cells.
    """
    grid = [at_budget(c, width) for c, widths in ALL.items() for width in widths]
    grid += [at_blocks_budget(c, width) for c, widths in BLOCKS.items() for width in widths]
    runs = []
    for run in repeat(grid, 2):
        for warmup in (WARMUP, scaled_warmup(run).warmup):
            one = replace(run, warmup=min(warmup, round(MOST_WARMUP * run.tokens)))
            for tuned in (one, replace(one, lr=FIXED["lr"], batch=FIXED["batch"])):
                runs += [replace(tuned, cooldown=0), tuned]
    return list(dict.fromkeys(runs))


def data_limited(unique: int, width: int) -> list[Run]:
    """So many different tokens, read 1, 2, 4, ... 32 times, as far as that is cheap enough."""
    runs = (
        Run(TransformerConfig(width=width), unique * epochs, unique_tokens=unique)
        for epochs in (1, 2, 4, 8, 16, 32)
    )
    return [run for run in runs if run.flops <= MOST_FOR_DATA]


def wall(width: int) -> list[Run]:
    """Every ration with every decay, read for ever longer, and fresh text with the weak decays.

    All share their numbers of tokens, so that they are trained as one stack. Where a run has fewer
    tokens than its ration, it reads each once.
    """
    largest, decays = WALL[width]
    lanes = [(unique, decay) for unique in RATIONS for decay in decays]
    lanes += [(None, decay) for decay in decays[:3]]
    return [
        Run(
            TransformerConfig(width=width),
            2**power,
            unique_tokens=unique,
            weight_decay=decay,
        )
        for unique, decay in lanes
        for power in range(14, largest + 1)
    ]


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
    kaplan = isoflop(KAPLAN, 2, **FIXED, warmup=2**16, cooldown=0)
    warmed = [scaled_warmup(run) for run in kaplan]
    cooled = [replace(run, cooldown=0.3) for run in warmed]
    tuned = isoflop(KAPLAN, 2)
    walked = {*warmed, *cooled, *tuned}
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
            cooled,
            "as kaplan-warmup, but each run with a cooldown of its own, which takes its share from "
            "the warm-up where a run is short",
        ),
        "kaplan-tuned": Study(
            tuned,
            "the default recipe at the budgets of kaplan: against kaplan-cooldown, learning rate, "
            "batch and warm-up (2,048 tokens) all change",
        ),
        "factorial": Study(
            [run for run in factorial() if run not in walked],
            "warm-up (16,384 tokens, or one for every four parameters; at most 70 % of a run) by "
            "cooldown (none, or the last 30 %) by rate and batch (those of kaplan, or of the "
            "default recipe), at budgets of kaplan and at budgets of 6 N D that count the "
            "blocks alone: all runs of the eight cells that the studies above do not hold",
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
        "wall": Study(
            [
                replace(run, seed=seed)
                for width in WALL
                for run in wall(width)
                for seed in (10, 11, 12)
            ],
            "few different tokens, repeated up to 256 times, with weight decays from none to far "
            "more than usual, beside fresh text; other seeds, and so other tokens, than in data",
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
        "no-shift": Study(
            idea({c: IDEAS[c] for c in IDEAS if c < 1e12}, partial(TransformerConfig, shift=False)),
            "isoflop without token shift",
        ),
        "lstm": Study(
            idea(LSTMS, partial(LSTMConfig, depth=2)), "isoflop with LSTMs of two layers"
        ),
        "lstm-ends": Study(
            [
                replace(run, ends_lr=ends_lr(run.model.width))
                for run in idea(LSTMS, partial(LSTMConfig, depth=2))
                if run.flops < 2e10 and run.seed < 2
            ],
            "lstm, but embedding and head with the rate that those of the transformer have",
        ),
        "mlp": Study(idea(MLPS, MLPConfig), "isoflop with MLPs over eight characters"),
        "misprints": Study(
            idea(IDEAS, TransformerConfig),
            "isoflop on text of which a tenth of the characters is replaced by others; the losses "
            "are those on clean text",
            misprints,
        ),
        "foreign": Study(
            idea(IDEAS, TransformerConfig),
            "isoflop on text of which half the documents are in a cipher; the losses are those on "
            "clean text",
            half_foreign,
        ),
        "rates": Study(
            [
                run
                for optimizer in ("adamw", "muon")
                for run in other_rates(
                    (at_budget(TRIED_AT, w, optimizer=optimizer) for w in IDEAS[TRIED_AT]), 3
                )
            ],
            "isoflop and muon at one budget, with other learning rates",
        ),
        "far-adamw": Study(
            far_up({c: LARGE[c] for c in LARGE if c > 5e12}, True),
            "the default recipe above the budgets of isoflop, at three rates",
        ),
        "far-muon": Study(
            far_up(LARGE, True, optimizer="muon"), "Muon above its budgets, at three rates"
        ),
        "far-no-shift": Study(
            far_up(LARGE, False), "no token shift above its budgets, at three rates"
        ),
        "ngram": Study(
            counted(),
            "n-grams of orders 5, 7 and 9, and one that knows Python, in windows of 32 and 128 "
            "characters; in those of 32 also of order 12",
        ),
        "ladder": Study(
            ladder_of_data(),
            "wide models with Muon on ever more text, read once or a ration of it many times",
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
    "preregistered-far": Study(
        [at_budget(4e14, width) for width in (256, 384)]
        + [at_budget(1e15, width) for width in (384, 512)],
        "a second set of such runs, for a GPU: 160 and 400 times the compute of any run that a "
        "fit may use",
    ),
    "isoflop-far": Study(
        [at_budget(8e12, width) for width in (48, 96, 128, 192)]
        + [at_budget(8e13, width) for width in (96, 512)]
        + [at_budget(4e14, width) for width in (512, 768)]
        + [at_budget(1e15, width) for width in (320, 768)],
        "what the registered runs leave out of whole budgets of 8e12 to 1e15 FLOPs, trained after "
        "them on a GPU",
    ),
}
"""Runs that enter no fit."""

IDEAS_TABLE = (
    *("no-shift", "lstm", "mlp", "misprints", "foreign", "rates"),
    *("far-adamw", "far-muon", "far-no-shift", "ngram", "ladder", "lstm-ends"),
)
ELSEWHERE = dict.fromkeys(IDEAS_TABLE, "ideas.csv") | {"wall": "wall.csv"}
"""Files of the studies that do not stand in `reference.csv`."""
