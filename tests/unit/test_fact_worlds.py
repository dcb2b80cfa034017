"""Transformers that learn facts, beside the ideal learner."""

from __future__ import annotations

import doctest

import numpy as np
import torch

from scalinglaws.course import fact_worlds
from scalinglaws.course.fact_worlds import above_floor, loss_by_fact, slowness, study
from scalinglaws.text import KnownEntropy


def test_the_examples_run() -> None:
    assert doctest.testmod(fact_worlds, extraglobs={"np": np}).failed == 0


def test_a_model_that_knows_the_world_reaches_its_floor() -> None:
    world = KnownEntropy(keys=30, alpha=0.7, seed=1)
    q = np.full((world.keys, world.values), world.noise / world.values)
    q[np.arange(world.keys), world.facts] = world.right

    def model(prompts: torch.Tensor) -> torch.Tensor:
        logits = torch.full((*prompts.shape, len(world.vocabulary)), -1e9)
        logits[0, :, -1, world.base : world.base + world.values] = torch.from_numpy(
            np.log(q)
        ).float()
        return logits

    np.testing.assert_allclose(loss_by_fact(world, model), world.best_loss, rtol=1e-5)


def test_a_study_has_a_row_for_each_size() -> None:
    world = KnownEntropy(keys=30, alpha=0.7, seed=1)
    losses = study(world, 0, [64, 128], models=2, batch=16)
    assert losses.shape == (2, 2, 30) and (losses > 0).all()
    excess = above_floor(world, losses)
    assert excess.shape == (2,) and (slowness(world, excess, [64, 128]) > 1).all()
