"""Letters of which each depends on the few before it, with an exactly known entropy rate."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import entr

from .. import _checks as checks
from .corpora import Corpus
from .task import LOWER, Vocabulary, digits_of, generator


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
        checks.field(self, "letters", checks.whole, 2, len(LOWER) + 1)
        checks.field(self, "order", checks.whole, 1, 20)
        checks.field(self, "concentration", checks.within, 0.001, 1000)
        checks.field(self, "seed", checks.seed)
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
        known = np.minimum(np.arange(1, checks.whole(context, "context", 1) + 1), self.order)
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
        return self._text(checks.whole(n, "n", 1), generator(seed))

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
        parts = {"train": checks.whole(train, "train", 1), "val": checks.whole(val, "val", 1)}
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
