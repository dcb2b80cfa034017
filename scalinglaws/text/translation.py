"""Translation between two made-up languages that share meanings, but no word and no order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .corpora import Corpus
from .task import Task, Vocabulary, generator, require

_BLOCK = 4096
"""Examples that are drawn together."""

_PATIENCE = 100
"""Rounds of drawing until a part counts as empty."""

_SYLLABLES = (("bdgklmnp", "aiu"), ("fhrstvwz", "eo"))


@dataclass(frozen=True)
class Translation(Task):
    """Two languages, few sentences in both, and as much text in each alone as one likes.

    A meaning is a noun with an adjective, a verb, and another noun with another adjective.
    Language A says adjective noun verb adjective noun, language B noun adjective noun adjective
    verb; no word is shared. An example is a tag for a language, a sentence in it, a second tag,
    and the same meaning in the language of that tag:

    "A: adjective noun verb adjective noun B: noun adjective noun adjective verb"

    A tenth of all meanings is for validation and stands in no training example of any kind. Of
    the others, `pairs`, drawn by `seed`, are the only ones that training shows in both languages
    side by side, in either direction. A share `alone` of the training examples is text of one
    language: a sentence and the same sentence again, of any meaning of the training part. The
    validation part, and `make`, ask for translations from B to A.

    The shortcut translates word by word and keeps the order, which is never right.

    >>> task = Translation(pairs=100)
    >>> corpus = task.corpus(train=10_000, val=500)
    >>> example = corpus.val[: task.example_length]
    >>> task.render(example)  # doctest: +SKIP
    'B: sevo weto reho vezo feto A: pudu nipi kabu bula kimu'
    >>> bool(task.check(example)[0]), task.meanings
    (True, 73728)
    """

    pairs: int = 100
    alone: float = 0.5
    nouns: int = 12
    adjectives: int = 8
    verbs: int = 8
    seed: int = 0

    _ORDERS: ClassVar[np.ndarray] = np.array([[0, 1, 2, 3, 4], [1, 0, 4, 3, 2]])

    def __post_init__(self) -> None:
        for name in ("nouns", "adjectives", "verbs"):
            checks.field(self, name, checks.whole, 1, 100)
        checks.field(self, "pairs", checks.whole, 0, 10_000_000)
        checks.field(self, "seed", checks.seed)
        object.__setattr__(self, "alone", checks.real(self.alone, "alone"))
        if not 0 <= self.alone <= 1:
            raise ValueError(f"alone is a share, from 0 to 1; got {self.alone}")
        if self.pairs == 0 and self.alone < 1:
            raise ValueError("without pairs all of the text is of one language: say alone=1")
        if self._words > 100:
            raise ValueError(f"{self._words} words are more than the 100 that each language has")
        if self.pairs > 0.8 * self.meanings:
            raise ValueError(f"there are only {self.meanings} meanings, a tenth of them held out")

    @property
    def _words(self) -> int:
        return self.nouns + self.adjectives + self.verbs

    @property
    def meanings(self) -> int:
        """How many different meanings a sentence can have."""
        return self.nouns**2 * self.adjectives**2 * self.verbs

    @cached_property
    def vocabulary(self) -> Vocabulary:
        rng, words = generator(self.seed), []
        for consonants, vowels in _SYLLABLES:
            syllables = [c + v for c in consonants for v in vowels]
            every = [f" {a}{b}" for a in syllables for b in syllables]
            words += [every[i] for i in rng.permutation(len(every))[: self._words]]
        return Vocabulary((*words, " A:", " B:"))

    @property
    def dictionary(self) -> dict[str, str]:
        """The word of language B for each word of language A."""
        words = [word.strip() for word in self.vocabulary.symbols]
        return dict(zip(words[: self._words], words[self._words : -2], strict=True))

    @property
    def prompt_length(self) -> int:
        return 7

    @property
    def example_length(self) -> int:
        return 12

    @property
    def chance(self) -> float:
        return 1 / self.meanings

    @property
    def shortcuts(self) -> Mapping[str, float]:
        return {"word by word": 0.0}

    def sentences(self, meanings: np.ndarray, language: int) -> np.ndarray:
        """The sentence for each meaning in language A (0) or B (1). (n, 5) to (n, 5).

        A meaning is its words in the order of language A, numbered from 0 over all words.
        """
        return meanings[:, self._ORDERS[language]] + language * self._words

    def _drawn(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Random meanings, (n, 5)."""
        nouns = rng.integers(0, self.nouns, (n, 2))
        adjectives = self.nouns + rng.integers(0, self.adjectives, (n, 2))
        verbs = self.nouns + self.adjectives + rng.integers(0, self.verbs, n)
        return np.stack(
            [adjectives[:, 0], nouns[:, 0], verbs, adjectives[:, 1], nouns[:, 1]], axis=1
        )

    def _chosen(self, n: int, rng: np.random.Generator, is_val: bool, seed: int) -> np.ndarray:
        """Random meanings of one part, (n, 5)."""
        found: list[np.ndarray] = []
        while sum(map(len, found)) < n:
            if len(found) == _PATIENCE and not sum(map(len, found)):
                raise ValueError("no meaning falls into this part: give the languages more words")
            drawn = self._drawn(4096, rng)
            found.append(drawn[self._is_val(drawn, seed) == is_val])
        return np.concatenate(found)[:n]

    def _asked(self, meanings: np.ndarray, source: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Whole examples: each meaning in the language `source`, then in `goal`. (n, 12)."""
        both = np.stack([self.sentences(meanings, language) for language in (0, 1)])
        rows, tags = np.arange(len(meanings)), 2 * self._words
        return np.concatenate(
            [
                (tags + source)[:, None], both[source, rows],
                (tags + goal)[:, None], both[goal, rows],
            ],
            axis=1,
        ).astype(np.uint8)  # fmt: skip

    def shared(self, seed: int = 0) -> np.ndarray:
        """The meanings that training shows in both languages side by side, (pairs, 5)."""
        rng, found = generator(self.seed, 3), np.zeros((0, 5), dtype=int)
        for _ in range(_PATIENCE):
            if len(found) >= self.pairs:
                break
            new = np.concatenate([found, self._chosen(4096, rng, False, seed)])
            first = np.unique(new, axis=0, return_index=True)[1]
            found = new[np.sort(first)]
        if len(found) < self.pairs:
            raise ValueError(f"there are only {len(found)} meanings to pair, not {self.pairs}")
        return found[: self.pairs]

    def _part(self, n: int, is_val: bool, seed: int) -> np.ndarray:
        rng = generator(seed, int(is_val))
        shared = None if is_val or not self.pairs else self.shared(seed)
        blocks = [self._block(rng, is_val, seed, shared) for _ in range(-(-n // _BLOCK))]
        return np.concatenate(blocks)[:n]

    def _block(
        self, rng: np.random.Generator, is_val: bool, seed: int, shared: np.ndarray | None
    ) -> np.ndarray:
        """So many examples that a longer corpus begins with the shorter one."""
        if is_val:
            ones = np.ones(_BLOCK, dtype=int)
            return self._asked(self._chosen(_BLOCK, rng, True, seed), ones, 1 - ones)
        meanings, source = self._chosen(_BLOCK, rng, False, seed), rng.integers(0, 2, _BLOCK)
        pair = rng.random(_BLOCK) >= self.alone
        if shared is not None:
            meanings[pair] = shared[rng.integers(0, self.pairs, int(pair.sum()))]
        return self._asked(meanings, source, np.where(pair, 1 - source, source))

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        ones = np.ones(n, dtype=int)
        return self._asked(self._drawn(n, rng), ones, 1 - ones)[:, : self.prompt_length]

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        tags, prompts = 2 * self._words, prompts.astype(int)
        source, goal = prompts[:, 0] - tags, prompts[:, 6] - tags
        require((source >= 0) & (goal >= 0), "a tag stands before each of the two sentences")
        inverse = np.argsort(self._ORDERS, axis=1)
        words = prompts[:, 1:6] - source[:, None] * self._words
        require(
            ((words >= 0) & (words < self._words)).all(axis=1),
            "the sentence must be in the language of its tag",
        )
        meanings = np.take_along_axis(words, inverse[source], axis=1)
        return np.take_along_axis(meanings, self._ORDERS[goal], axis=1) + (
            goal[:, None] * self._words
        )

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        source, goal = prompts[:, 0].astype(int), prompts[:, 6].astype(int)
        return prompts[:, 1:6].astype(int) + ((goal - source) * self._words)[:, None]

    def corpus(self, train: int, val: int, seed: int = 0) -> Corpus:
        """A corpus of `train` examples as described, and `val` translations from B to A."""
        return super().corpus(train, val, seed)
