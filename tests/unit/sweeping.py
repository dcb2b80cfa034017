"""Runs and a corpus for the processes that tests of sweeps start, with little else to import."""

from __future__ import annotations

import numpy as np

from scalinglaws.learners import TransformerConfig
from scalinglaws.text import Corpus
from scalinglaws.training import Run

TINY = TransformerConfig(width=8, context=8)


def plan(huge: int = 0) -> list[Run]:
    """Twelve runs that cannot be trained together, and if asked one more that takes minutes."""
    small = [Run(TINY, tokens=10_000, warmup=warmup) for warmup in range(1, 13)]
    return [*small, Run(TINY, tokens=huge)] if huge else small


def small_corpus() -> Corpus:
    """The same corpus in every process."""
    tokens = (np.arange(20_000) % 7).astype(np.uint8)
    return Corpus("count", tokens, tokens[:2_000], 128)
