"""Languages of which the truth is known: how little loss there can be, and how fast it can fall.

`KnownEntropy` has facts of every rarity and a learner whose expected loss can be computed for any
number of examples. `Markov` writes letters with an exactly known entropy rate. `ZipfSkills` mixes
skills of which each is learnt or not. A law fitted to models trained on one of them can be held
against what is true, which no text from the world allows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
from scipy.special import entr, gammaln, logsumexp
from scipy.stats import binom

from .corpora import Corpus
from .task import (
    DIGITS,
    LOWER,
    UPPER,
    Task,
    Vocabulary,
    count_of,
    digits_of,
    generator,
    number_from,
    places_needed,
    real_number,
    whole_number,
)


def zipf(count: int, alpha: float) -> np.ndarray:
    """Probabilities of ranks 1 to `count`, proportional to rank^-(1 + alpha). Shape (count,)."""
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
        whole_number(self, "keys", 2, 10_000_000)
        real_number(self, "alpha", 0.01, 10)
        whole_number(self, "values", 2, len(LOWER))
        real_number(self, "noise", 0, 0.5)
        whole_number(self, "base", 2, len(DIGITS + UPPER))
        generator(self.seed)

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
        wrong = self.noise / self.values
        if wrong == 0:
            return 0.0
        log_ratio = math.log(self.right / wrong)
        others = self.values - 1
        doubt = 0.0
        for misses in range(seen + 1):
            weight = binom.pmf(misses, seen, others * wrong)
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


@dataclass(frozen=True)
class Markov:
    """Letters of which each depends on the `order` before it, with a known entropy rate.

    For each run of `order` letters the probabilities of the next are drawn from a symmetric
    Dirichlet distribution with the parameter `concentration` (small: few letters can follow), and
    mixed with one part in a hundred of the uniform distribution, so that every text is possible.
    The last of the `letters` is the space. The text starts as if it had gone on for ever, and has
    no examples: train on it with any context. Losses are in nats per letter.
    """

    letters: int = 27
    order: int = 2
    concentration: float = 0.1
    seed: int = 0

    _UNIFORM: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        whole_number(self, "letters", 2, len(LOWER) + 1)
        whole_number(self, "order", 1, 20)
        real_number(self, "concentration", 0.001, 1000)
        generator(self.seed)
        if self.letters ** (self.order + 1) > 2_000_000:
            raise ValueError(
                f"{self.letters} letters of order {self.order} need a table of "
                f"{self.letters ** (self.order + 1):,} probabilities, and 2 million is the most: "
                "take fewer letters or a lower order"
            )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The text of each token: the letters, then the space."""
        return Vocabulary((*LOWER[: self.letters - 1], " "))

    @cached_property
    def table(self) -> np.ndarray:
        """Probability of each letter after each run. Shape (letters,) * (order + 1)."""
        rng = generator(self.seed)
        runs = self.letters**self.order
        rows = rng.dirichlet(np.full(self.letters, self.concentration), runs)
        rows = (1 - self._UNIFORM) * rows + self._UNIFORM / self.letters
        return rows.reshape((self.letters,) * (self.order + 1))

    @cached_property
    def stationary(self) -> np.ndarray:
        """Share of each run in an endless text. Shape (letters,) * order.

        Raises RuntimeError if 100,000 steps from the uniform distribution do not settle.
        """
        share = np.full((self.letters,) * self.order, float(self.letters) ** -self.order)
        for _ in range(100_000):
            new = (share[..., None] * self.table).sum(axis=0)
            new /= new.sum()
            if np.abs(new - share).sum() < 1e-13:
                return new
            share = new
        raise RuntimeError(f"{self} settles too slowly: take another seed or more concentration")

    @cached_property
    def conditional_entropies(self) -> np.ndarray:
        """Entropy of a letter when the last 0, 1, ..., `order` letters are known, in nats.

        Shape (order + 1,). The last one is the entropy rate: letters further back do not help.
        """
        joint = self.stationary[..., None] * self.table
        blocks = [0.0]  # entropy of 0, 1, ... letters in a row
        for length in range(1, self.order + 2):
            blocks.append(float(entr(joint.sum(axis=tuple(range(self.order + 1 - length)))).sum()))
        return np.diff(blocks)

    @property
    def entropy_rate(self) -> float:
        """The least loss per letter that any model can reach on this text."""
        return float(self.conditional_entropies[-1])

    def best_loss(self, context: int) -> float:
        """The least mean loss on windows of `context` predictions.

        The first letter of a window is given and the second is predicted from it alone, so this
        is a little more than the entropy rate. Raises ValueError if `context` is below 1.
        """
        known = np.minimum(np.arange(1, count_of(context, "context") + 1), self.order)
        return float(self.conditional_entropies[known].mean())

    def surprisal(self, tokens: np.ndarray) -> np.ndarray:
        """Loss of the true probabilities on each letter of a text but the first `order`.

        `tokens` has shape (n,), the result (n - order,). Its mean is what the best model would
        score on exactly this text; it strays from `entropy_rate` as much as the text is short.
        Raises ValueError if the text is not longer than `order` or holds other tokens.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 1 or tokens.size <= self.order:
            raise ValueError(f"a text of more than {self.order} tokens is needed: {tokens.shape}")
        if not 0 <= int(tokens.min()) <= int(tokens.max()) < self.letters:
            raise ValueError(f"token numbers go from 0 to {self.letters - 1} here")
        runs = np.lib.stride_tricks.sliding_window_view(tokens, self.order + 1)
        return -np.log(self.table[tuple(runs.T)])

    def make(self, n: int, seed: int) -> np.ndarray:
        """A text of `n` letters, a uint8 array of shape (n,). A longer one begins the same way."""
        return self._text(count_of(n, "n"), generator(seed))

    def _text(self, n: int, rng: np.random.Generator) -> np.ndarray:
        bounds = self.stationary.cumsum()[:-1]
        state = int(np.searchsorted(bounds, rng.random(), side="right"))
        text = digits_of(np.array([state]), self.letters, self.order)[0].tolist()
        rows = self.table.reshape(-1, self.letters)[:, :-1].cumsum(axis=1).tolist()
        forget = self.letters ** (self.order - 1)
        for u in rng.random(max(n - self.order, 0)).tolist():
            letter = bisect_right(rows[state], u)
            text.append(letter)
            state = state % forget * self.letters + letter
        return np.array(text[:n], dtype=np.uint8)

    def corpus(self, train: int, val: int, seed: int = 0, *, context: int | None = None) -> Corpus:
        """A corpus of two texts, of `train` and of `val` letters, drawn independently.

        Its `best_loss` is that of windows with this `context` if one is given, else the entropy
        rate. The texts share only what chance repeats.
        """
        parts = {"train": count_of(train, "train"), "val": count_of(val, "val")}
        texts = [self._text(n, generator(seed, i)) for i, n in enumerate(parts.values())]
        return Corpus(
            name=str(self),
            train=texts[0],
            val=texts[1],
            vocab_size=self.letters,
            vocabulary=self.vocabulary.symbols,
            best_loss=self.entropy_rate if context is None else self.best_loss(context),
        )

    def encode(self, text: str) -> np.ndarray:
        """Tokens of a text, a uint8 array of shape (tokens,)."""
        return self.vocabulary.encode(text)

    def render(self, tokens: np.ndarray) -> str:
        """The text of an array of tokens of shape (tokens,)."""
        return self.vocabulary.render(tokens)


@dataclass(frozen=True)
class ZipfSkills(Task):
    """Many small skills, some needed often and most rarely: "[17]0110=1".

    An example names a skill, shows some bits and asks for the value of that skill's own random
    function of them. The skill of rank k comes up with probability proportional to
    k^-(1 + alpha). A function is a random table of as many ones as zeros, or, with `parity`, the
    parity of so many of the bits (the multitask sparse parity of Michaud et al. 2023). If a skill
    is either mastered or a coin toss, the loss is what `loss_after_skills` says, a sum over skills
    not yet mastered. All inputs of a skill may come up in both parts of a corpus: of D examples a
    skill gets D * p(k), against 2^bits inputs.
    """

    skills: int = 100
    alpha: float = 0.5
    bits: int = 4
    parity: int | None = None
    seed: int = 0

    held_out: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole_number(self, "skills", 2, 253)
        real_number(self, "alpha", 0.01, 10)
        whole_number(self, "bits", 1, 16)
        if self.parity is not None:
            whole_number(self, "parity", 1, self.bits)
        generator(self.seed)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(("0", "1", "=", *(f"[{k}]" for k in range(1, self.skills + 1))))

    @property
    def prompt_length(self) -> int:
        return self.bits + 2

    @property
    def example_length(self) -> int:
        return self.bits + 3

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Probability of each skill, the most frequent first. Shape (skills,)."""
        return zipf(self.skills, self.alpha)

    @cached_property
    def table(self) -> np.ndarray:
        """Value of each skill for each input, read as a binary number. Shape (skills, 2^bits)."""
        rng = generator(self.seed)
        inputs = 2**self.bits
        if self.parity is None:
            balanced = np.arange(inputs, dtype=np.uint8) % 2
            return rng.permuted(np.tile(balanced, (self.skills, 1)), axis=1)
        chosen = rng.random((self.skills, self.bits)).argsort(axis=1) < self.parity
        bits = digits_of(np.arange(inputs), 2, self.bits)
        return (chosen.astype(int) @ bits.T % 2).astype(np.uint8)

    @property
    def chance(self) -> float:
        return 0.5

    @property
    def size_exponent(self) -> float:
        """Exponent of the loss with the number of skills mastered, if there are many: alpha."""
        return self.alpha

    @property
    def data_exponent(self) -> float:
        """Exponent of the loss with the number of examples: alpha / (1 + alpha).

        If a skill needs a fixed number of examples of its own; true of infinitely many skills.
        """
        return self.alpha / (1 + self.alpha)

    def loss_after_skills(self, mastered: np.ndarray | int) -> np.ndarray:
        """Loss in nats if the so many most frequent skills are mastered. Exact; same shape.

        Raises ValueError if `mastered` is not from 0 to `skills`.
        """
        n = np.asarray(mastered)
        if not np.issubdtype(n.dtype, np.integer) or ((n < 0) | (n > self.skills)).any():
            raise ValueError(f"mastered must be whole numbers from 0 to {self.skills}: {n}")
        return math.log(2) * np.append(self.frequencies[::-1].cumsum()[::-1], 0.0)[n]

    def loss_after_examples(self, examples: np.ndarray | float, needed: int = 1) -> np.ndarray:
        """Expected loss in nats if a skill is mastered once seen `needed` times. Exact.

        `examples` may be an array, and the result has its shape. Raises ValueError if it holds
        anything but whole numbers of at least 0.
        """
        examples = np.asarray(examples, dtype=float)
        if not ((examples >= 0) & (examples == np.floor(examples))).all():
            raise ValueError(f"examples must be whole numbers of at least 0, got {examples}")
        unmastered = binom.cdf(
            count_of(needed, "needed") - 1, examples[..., None], self.frequencies
        )
        return math.log(2) * unmastered @ self.frequencies

    def skill_of(self, tokens: np.ndarray) -> np.ndarray:
        """Rank of each example's skill, from 1. Takes examples or prompts; shape (n,)."""
        return np.atleast_2d(np.asarray(tokens))[:, 0].astype(int) - 2

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        skill = rng.choice(self.skills, n, p=self.frequencies)[:, None]
        bits = rng.integers(0, 2, (n, self.bits))
        return np.concatenate([skill + 3, bits, np.full((n, 1), 2)], axis=1)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        skill, bits = self.skill_of(prompts) - 1, prompts[:, 1:-1]
        if (skill < 0).any() or (bits > 1).any():
            raise ValueError("a prompt is a skill, bits and '='")
        return self.table[skill, number_from(bits, 2)][:, None]
