"""The standard error of a measured loss is what the loss varies by between validation sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalinglaws.learners import Transformer, TransformerConfig
from scalinglaws.text import Corpus
from scalinglaws.training import Run, evaluate, train

LETTERS = 16


@pytest.fixture(scope="module")
def language() -> Corpus:
    """A Markov chain: each letter depends on the one before, so far windows are independent."""
    rng = np.random.default_rng(0)
    follow = rng.dirichlet(np.full(LETTERS, 0.3), size=LETTERS).cumsum(1)
    draws = rng.random(1_000_000)
    tokens = np.zeros(draws.size, dtype=np.uint8)
    for i in range(1, draws.size):
        tokens[i] = min(np.searchsorted(follow[tokens[i - 1]], draws[i]), LETTERS - 1)
    return Corpus("a Markov chain", tokens[:200_000], tokens[200_000:], LETTERS)


@pytest.fixture(scope="module")
def model(language: Corpus) -> Transformer:
    config = TransformerConfig(width=8, context=8, vocab_size=LETTERS)
    return train(Run(config, tokens=50_000), language).model


def part_of(language: Corpus, tokens: np.ndarray) -> Corpus:
    return replace(language, val=tokens)


def test_the_standard_error_is_the_spread_between_validation_sets(
    language: Corpus, model: Transformer
) -> None:
    parts = [part_of(language, part) for part in np.array_split(language.val, 200)]
    losses, errors = np.array([evaluate(model, part) for part in parts])[..., 0].T
    # The spread of 200 values is known to 5 %.
    assert losses.std(ddof=1) == pytest.approx(errors.mean(), rel=0.15)


def test_more_validation_tokens_make_it_smaller_by_the_root(
    language: Corpus, model: Transformer
) -> None:
    _, few = evaluate(model, language, limit=20_000)
    _, many = evaluate(model, language, limit=320_000)
    assert few / many == pytest.approx(4, rel=0.1)
