"""Facts of every rarity, with the loss that an ideal learner has after any number of examples.

A law fitted to models trained on such a language can be held against what is true, which no text
from the world allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
from scipy.special import entr, gammaln, logsumexp

from .. import _checks as checks
from .task import (
    DIGITS,
    LOWER,
    UPPER,
    Task,
    Vocabulary,
    digits_of,
    generator,
    number_from,
    places_needed,
)


def zipf(count: int, alpha: float) -> np.ndarray:
    """Probabilities of ranks 1 to `count`, proportional to rank^-(1 + alpha). Shape (count,)."""
    # scipy.stats.zipfian differs in the last bits, which would change what is drawn.
    weights = np.arange(1, count + 1, dtype=float) ** -(1 + alpha)
    return weights / weights.sum()


@dataclass(frozen=True)
class KnownEntropy(Task):
    """Facts that are worth knowing in proportion to how often they come up: "04817=g".

    There are `keys` facts, each a key, written as a number in base `base`, and one of `values`
    letters. The fact of rank k comes up with probability proportional to k^-(1 + alpha). With
    probability `noise` the letter shown is drawn anew, uniformly from all letters, the right one
    among them; so the right letter stands there with probability 1 - noise + noise / values and
    each other with noise / values. Values, and which number is which rank, are drawn by `seed`, so
    neither tells anything about another fact. Only the letter counts in the loss.

    The same facts come up in training and validation: what is measured is how many are known, as
    in Hutter (2021), whose learner is that of `expected_loss` without noise. Losses are in nats
    per letter.
    """

    keys: int = 10_000
    alpha: float = 0.5
    values: int = 16
    noise: float = 0.1
    base: int = 10
    seed: int = 0

    held_out: ClassVar[bool] = False
    _MOST_WAYS: ClassVar[int] = 30_000
    _KNOWN: ClassVar[float] = 1e-9  # nats left to learn about a fact; less counts as none

    def __post_init__(self) -> None:
        checks.field(self, "keys", checks.whole, 2, 10_000_000)
        checks.field(self, "alpha", checks.within, 0.01, 10)
        checks.field(self, "values", checks.whole, 2, len(LOWER))
        checks.field(self, "noise", checks.within, 0, 0.5)
        checks.field(self, "base", checks.whole, 2, len(DIGITS + UPPER))
        checks.field(self, "seed", checks.seed)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((*(DIGITS + UPPER)[: self.base], *LOWER[: self.values], "="))

    @property
    def prompt_length(self) -> int:
        return places_needed(self.keys, self.base) + 1

    @property
    def example_length(self) -> int:
        return self.prompt_length + 1

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Probability of each fact, the most frequent first. Shape (keys,)."""
        return zipf(self.keys, self.alpha)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The number that each rank's key is written as. Shape (keys,)."""
        return generator(self.seed, 0).permutation(self.keys)

    @cached_property
    def facts(self) -> np.ndarray:
        """The right value of each rank, from 0 to `values` - 1. Shape (keys,)."""
        return generator(self.seed, 1).integers(0, self.values, self.keys)

    @property
    def right(self) -> float:
        """Probability that the letter shown is the right one."""
        return 1 - self.noise + self.noise / self.values

    @property
    def best_loss(self) -> float:
        """Entropy of the letter, given the key and all facts."""
        wrong = self.noise / self.values
        return float(entr(self.right) + (self.values - 1) * entr(wrong))

    @property
    def key_entropy(self) -> float:
        """Entropy of the key, in nats per example."""
        return float(entr(self.frequencies).sum())

    @property
    def chance(self) -> float:
        """Share of the facts that come up whose value is the most frequent one."""
        return float(np.bincount(self.facts, self.frequencies).max())

    @property
    def data_exponent(self) -> float:
        """Exponent with which the loss above `best_loss` falls with the number of examples.

        It is alpha / (1 + alpha): after D examples the facts with D * p(k) below 1 are unseen,
        which begin at rank D^(1 / (1 + alpha)) and make up rank^-alpha of all that comes up. True
        of infinitely many facts and many examples; compare with `expected_loss`.
        """
        return self.alpha / (1 + self.alpha)

    @property
    def size_exponent(self) -> float:
        """Exponent of the loss above `best_loss` with the number of facts known: alpha."""
        return self.alpha

    def missing_mass(self, examples: np.ndarray | float) -> np.ndarray:
        """Probability that the next fact was in none of so many examples. Exact; same shape."""
        return self._average(examples, np.array([1.0]))

    def expected_loss(self, examples: np.ndarray | float) -> np.ndarray:
        """Expected loss of an ideal learner without generalisation, after so many examples.

        It keeps a table of how often each key came with each letter, knows `noise` and that all
        letters are equally likely before, and predicts by Bayes' rule; no learner that treats
        facts as unrelated does better. Computed from the finite number of facts; exact to 1e-8
        nats for noise up to 0.3 and to 1e-5 for more. `examples` counts examples, not tokens,
        need not be whole and may be an array; the result has its shape. Raises ValueError if it
        is negative.
        """
        return self.best_loss + self._average(examples, self.learning_curve)

    def loss_of_table(self, facts: np.ndarray | int) -> np.ndarray:
        """Loss of one who knows the so many most frequent facts and guesses at the others.

        Raises ValueError if `facts` is not from 0 to `keys`.
        """
        known = np.asarray(facts)
        if not np.issubdtype(known.dtype, np.integer) or ((known < 0) | (known > self.keys)).any():
            raise ValueError(f"facts must be whole numbers from 0 to {self.keys}, got {facts!r}")
        tail = np.append(self.frequencies[::-1].cumsum()[::-1], 0.0)
        return self.best_loss + self.learning_curve[0] * tail[known]

    @cached_property
    def learning_curve(self) -> np.ndarray:
        """Loss above `best_loss` on a fact that was seen 0, 1, 2, ... times. Shape (times,).

        The learner's doubt about the right value, the entropy of its belief, falls by this much
        with the next sighting. The array ends where nothing is left to learn.
        """
        doubts = [math.log(self.values)]
        while doubts[-1] > 0 and len(_splits(len(doubts), self.values - 1)[1]) < self._MOST_WAYS:
            doubt = self._doubt(len(doubts))
            doubts.append(doubt if doubt > self._KNOWN else 0.0)
        return -np.diff(doubts)

    def _doubt(self, seen: int) -> float:
        """Mean entropy of the belief about a fact seen so many times, in nats.

        It is the mean of log(sum over v of r^(c_v - c_0)), with c_v the times that value v was
        shown, c_0 those of the right value and r how much more likely the right one is than
        another. The wrong ones are equally likely, so it is enough to go through the ways to
        split their number into counts.
        """
        from scipy.stats import binom  # here, because scipy.stats takes a while to load

        wrong = self.noise / self.values
        if wrong == 0:
            return 0.0
        log_ratio = math.log(self.right / wrong)
        others = self.values - 1
        doubt = 0.0
        for misses, weight in enumerate(binom.pmf(np.arange(seen + 1), seen, others * wrong)):
            if weight < 1e-13:
                continue
            counts, shares = _splits(misses, others)
            excess = np.concatenate(
                [np.zeros((len(counts), 1)), (counts.astype(float) - (seen - misses)) * log_ratio],
                axis=1,
            )
            doubt += weight * float(shares @ logsumexp(excess, axis=1))
        return doubt

    def _average(self, examples: np.ndarray | float, by_times_seen: np.ndarray) -> np.ndarray:
        """Mean over the next fact of what depends on how often it was seen."""
        examples = np.asarray(examples, dtype=float)
        if not (examples >= 0).all():
            raise ValueError(f"examples must be at least 0, got {examples}")
        p = self.frequencies
        odds = p / (1 - p)
        averages = np.empty(examples.size)
        for i, count in enumerate(examples.flat):
            probability = p * np.exp(count * np.log1p(-p))  # that it is next and was not seen
            total = by_times_seen[0] * probability.sum()
            for times, value in enumerate(by_times_seen[1:], start=1):
                probability *= odds * max(count - times + 1, 0) / times
                total += value * probability.sum()
            averages[i] = total
        return averages.reshape(examples.shape)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        ranks = np.searchsorted(self._cumulative, rng.random(n), side="right")
        numbers = digits_of(self.numbers[ranks], self.base, self.prompt_length - 1)
        equals = np.full((n, 1), self.vocabulary.number["="])
        return np.concatenate([numbers, equals], axis=1)

    @cached_property
    def _cumulative(self) -> np.ndarray:
        return self.frequencies[:-1].cumsum()

    @cached_property
    def _ranks(self) -> np.ndarray:
        return self.numbers.argsort()

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        digits = prompts[:, :-1]
        numbers = number_from(digits, self.base)
        if (digits >= self.base).any() or (numbers >= self.keys).any():
            raise ValueError(f"a key is a number below {self.keys}, written in base {self.base}")
        return self.base + self.facts[self._ranks[numbers], None]

    def _examples(self, prompts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        examples = super()._examples(prompts, rng)
        noisy = rng.random(len(prompts)) < self.noise
        anything = self.base + rng.integers(0, self.values, len(prompts))
        examples[:, -1] = np.where(noisy, anything, examples[:, -1])
        return examples


@lru_cache(maxsize=64)
def _splits(total: int, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Ways in which `total` throws can fall into `places` equally likely places, order aside.

    Returns the counts, of shape (ways, places) and falling in each row, and the ways'
    probabilities, of shape (ways,).
    """

    def fill(left: int, most: int, room: int) -> Iterator[tuple[int, ...]]:
        if left == 0:
            yield ()
        elif room:
            for part in range(min(left, most), (left - 1) // room, -1):
                for rest in fill(left - part, part, room - 1):
                    yield (part, *rest)

    counts = np.array([way + (0,) * (places - len(way)) for way in fill(total, total, places)])
    equal = np.stack([(counts == size).sum(axis=1) for size in range(total + 1)], axis=1)
    log_ways = gammaln(total + 1) - gammaln(counts + 1).sum(axis=1)
    log_orders = gammaln(places + 1) - gammaln(equal + 1).sum(axis=1)
    return counts.astype(np.int16), np.exp(log_ways + log_orders - total * math.log(places))
