"""Translation from one made-up language into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .task import Task, Vocabulary, generator, require


@dataclass(frozen=True)
class Cipher(Task):
    """Sentences of one made-up language and their translation into another.

    A clause has a subject, a verb, an object and one adjective, for either noun with equal chance.
    The first language says subject, verb, object and puts the adjective before its noun; the
    second says subject, object, verb and puts it after. Every word has one translation, drawn by
    `seed` with the words themselves. `clauses` clauses are joined by a word for "and". All
    sentences are equally likely. The shortcut translates word by word and keeps the order, which
    never gives a right sentence and yet a quarter of the right tokens in a clause.
    """

    nouns: int = 16
    verbs: int = 8
    adjectives: int = 8
    clauses: int = 1
    seed: int = 0

    _ORDERS: ClassVar[np.ndarray] = np.array([[1, 0, 3, 2], [0, 3, 2, 1]])

    def __post_init__(self) -> None:
        for name in ("nouns", "verbs", "adjectives"):
            checks.field(self, name, checks.whole, 1, 120)
        checks.field(self, "clauses", checks.whole, 1, 20)
        checks.field(self, "seed", checks.seed)
        if self._words > 127:
            raise ValueError(
                f"{self.nouns} nouns, {self.verbs} verbs and {self.adjectives} adjectives are more "
                "than the 126 words that fit into a vocabulary of 256 tokens"
            )

    @property
    def _words(self) -> int:
        """Words of each language, with the one for "and", which comes last."""
        return self.nouns + self.verbs + self.adjectives + 1

    @cached_property
    def vocabulary(self) -> Vocabulary:
        rng = generator(self.seed)
        words = []
        for consonants, vowels in (("bdgklmnp", "aiu"), ("fhrstvwz", "eo")):
            syllables = [c + v for c in consonants for v in vowels]
            all_words = [f" {a}{b}" for a in syllables for b in syllables]
            words += [all_words[i] for i in rng.permutation(len(all_words))[: self._words]]
        return Vocabulary((*words, " ="))

    @property
    def dictionary(self) -> dict[str, str]:
        """The translation of each word of the first language."""
        words = [word.strip() for word in self.vocabulary.symbols]
        return dict(zip(words[: self._words], words[self._words : -1], strict=True))

    @property
    def prompt_length(self) -> int:
        return 5 * self.clauses

    @property
    def example_length(self) -> int:
        return 10 * self.clauses - 1

    @property
    def chance(self) -> float:
        return (2 * self.nouns**2 * self.verbs * self.adjectives) ** -float(self.clauses)

    @property
    def shortcuts(self) -> Mapping[str, float]:
        return {"word by word": 0.0}

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        shape = (n, self.clauses)
        first, second = rng.integers(0, self.nouns, (2, *shape))
        verb = self.nouns + rng.integers(0, self.verbs, shape)
        adjective = self.nouns + self.verbs + rng.integers(0, self.adjectives, shape)
        of_subject = rng.integers(0, 2, (*shape, 1)) == 0
        clauses = np.where(
            of_subject,
            np.stack([adjective, first, verb, second], axis=2),
            np.stack([first, verb, adjective, second], axis=2),
        )
        joints = np.full((*shape, 1), self._words - 1)
        joints[:, -1] = 2 * self._words
        return np.concatenate([clauses, joints], axis=2).reshape(n, -1)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        clauses = prompts.reshape(len(prompts), self.clauses, 5)
        order = self._ORDERS[(clauses[:, :, 0] < self.nouns).astype(int)]
        order = np.concatenate([order, np.full((*order.shape[:2], 1), 4)], axis=2)
        return self._translated(np.take_along_axis(clauses, order, axis=2))

    def _translated(self, clauses: np.ndarray) -> np.ndarray:
        words = clauses.reshape(len(clauses), -1)[:, :-1].astype(int)
        require((words < self._words).all(axis=1), "the prompt must be in the first language")
        return words + self._words

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        return self._translated(prompts)
