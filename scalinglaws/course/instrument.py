"""Ladders of runs, measured with several seeds, and the search for the best pair of rates.

The bench of chapter 4: what a change of recipe does to an exponent is asked of such ladders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..text.corpora import Corpus
from ..training import Run, sweep


class Bench:
    """Trains ladders on one text, each run once with each of its seeds, and keeps every loss.

    `seeds` says how many seeds a model of each width gets.
    """

    def __init__(self, corpus: Corpus, seeds: Mapping[int, int]) -> None:
        self.corpus = corpus
        self.seeds = dict(seeds)
        self.known: dict[Run, float] = {}

    def __call__(
        self, *ladders: Sequence[Run], seeds: Mapping[int, int] | None = None, first: int = 8
    ) -> list[np.ndarray]:
        """Losses of each ladder, of shape (runs, most seeds), NaN beyond the seeds of a run.

        All ladders have one length. `seeds` stands in for the bench's own; `first` is the seed to
        begin with. Raises ValueError for no ladder or unequal ones, KeyError for a width without
        seeds.
        """
        if len({len(rungs) for rungs in ladders}) != 1:
            raise ValueError("at least one ladder is needed, and all must have the same length")
        number: Mapping[Any, int] = self.seeds if seeds is None else seeds
        runs = [
            [replace(run, seed=first + i) for i in range(number[getattr(run.model, "width", 0)])]
            for rungs in ladders
            for run in rungs
        ]
        new = list(dict.fromkeys(run for row in runs for run in row if run not in self.known))
        if new:
            self.known.update(zip(new, sweep(new, self.corpus)["loss"], strict=True))
        losses = np.full((len(runs), max(map(len, runs))), np.nan)
        for row, same in zip(losses, runs, strict=True):
            row[: len(same)] = [self.known[run] for run in same]
        return np.split(losses, len(ladders))


@dataclass(frozen=True)
class Tuned:
    """Where a search for two rates ended."""

    blocks: float
    """The best rate of the blocks, as a multiple of where the search began."""
    ends: float
    """The same for the ends."""
    above: float
    """Loss of the best of the four neighbours over that of the best pair, less one."""


def tune(
    measure: Bench, run: Callable[[int, float, float], Run], seeds: Mapping[int, int]
) -> dict[int, Tuned]:
    """The best rates at each width of `seeds`, by steps of a factor of two from the multiples 1, 1.

    `run(width, blocks, ends)` gives the run at these multiples. At each width the present pair and
    its four neighbours (one rate doubled or halved) are trained with seeds from 0 on, and the
    search moves to the best of the five until that is the present one.
    """
    moves = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    best = dict.fromkeys(seeds, (0, 0))
    while True:
        tried = [(w, (b + i, e + j)) for w, (b, e) in best.items() for i, j in moves]
        (losses,) = measure([run(w, 2.0**b, 2.0**e) for w, (b, e) in tried], seeds=seeds, first=0)
        mean = dict(zip(tried, np.nanmean(np.log(losses), axis=1), strict=True))
        near = {w: {pair: mean[w, pair] for at, pair in tried if at == w} for w in best}
        lowest = {w: min(pairs, key=lambda pair: pairs[pair]) for w, pairs in near.items()}
        if lowest == best:
            break
        best = lowest
    second = {w: sorted(pairs.values())[1] - min(pairs.values()) for w, pairs in near.items()}
    return {w: Tuned(2.0**b, 2.0**e, float(np.expm1(second[w]))) for w, (b, e) in best.items()}
