"""Transformers that learn the facts of a `KnownEntropy` world, and its ideal learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..fit.power import fit_power_law
from ..learners import TransformerConfig
from ..text import KnownEntropy, digits_of
from ..training import Run, lockstep, one_thread, train_together


@one_thread()
@torch.no_grad()
def loss_by_fact(world: KnownEntropy, model: Any) -> np.ndarray:
    """Expected loss of a trained `model` on each fact, (facts,), in nats, most frequent first.

    The expectation is over the noise of the world: -sum q ln p over its true probabilities q.
    """
    places, base = world.prompt_length - 1, world.base
    equals = np.full((world.keys, 1), world.vocabulary.number["="])
    prompts = np.hstack([digits_of(world.numbers, base, places), equals])
    logits = model(torch.from_numpy(prompts)[None])[0, :, -1]
    letters = logits.log_softmax(-1)[:, base : base + world.values].numpy()
    q = np.full(letters.shape, world.noise / world.values)
    q[np.arange(world.keys), world.facts] = world.right
    return np.asarray(-(q * letters).sum(axis=1))


def study(
    world: KnownEntropy, seed: int, sizes: Sequence[int], models: int = 2, batch: int = 64
) -> np.ndarray:
    """Loss on each fact after each number of examples, (sizes, models, facts), in nats.

    Transformers of width 32 read one stream of examples, `batch` to a step, by Muon at its default
    rate; the seeds are `seed` and those after it.
    """
    context = world.example_length - 1
    corpus = world.corpus(train=2**17, val=2**10)
    config = TransformerConfig(width=32, context=context, vocab_size=corpus.vocab_size)
    runs = [
        Run(config, int(D) * context, seed=seed + j, batch=batch, optimizer="muon")
        for D in sizes
        for j in range(models)
    ]
    done = {
        trained.run: loss_by_fact(world, trained.model)
        for group in lockstep(runs)
        for trained in train_together(group, corpus)
    }
    return np.array([done[run] for run in runs]).reshape(-1, models, world.keys)


def above_floor(world: KnownEntropy, losses: np.ndarray) -> np.ndarray:
    """Loss above the world's floor at each size, (sizes,), of `losses` (sizes, models, facts).

    The mean over the models, and over facts weighted by how often each comes up.
    """
    return np.asarray((losses @ world.frequencies).mean(axis=1) - world.best_loss)


def slowness(world: KnownEntropy, excess: ArrayLike, D: ArrayLike) -> np.ndarray:
    """How many examples a learner needs for each one of the ideal learner's, at each size.

    `excess` is its loss above the floor after `D` examples.

    >>> world = KnownEntropy(keys=1000, alpha=0.7)
    >>> slowness(world, world.expected_loss(np.array([200.0])) - world.best_loss, [3000]).round(2)
    array([15.])
    """
    grid = np.geomspace(10, 2e5, 200)
    ideal = world.expected_loss(grid) - world.best_loss
    ideals = np.exp(
        np.interp(-np.log(np.asarray(excess)), -np.log(np.maximum(ideal, 1e-300)), np.log(grid))
    )
    return np.asarray(np.asarray(D, float) / ideals)


def ideal_slope(world: KnownEntropy, D: ArrayLike, needed: ArrayLike) -> float:
    """Exponent over sizes `D` of a learner as good as the ideal one after `needed` examples.

    >>> world = KnownEntropy(keys=1000, alpha=0.7)
    >>> D = np.array([2048, 4096, 8192, 16384])
    >>> 0.3 < ideal_slope(world, D, D / 15) < 0.7
    True
    """
    ideal = world.expected_loss(np.asarray(needed, float)) - world.best_loss
    return float(fit_power_law(D, ideal, bootstrap=200).law.alpha)
