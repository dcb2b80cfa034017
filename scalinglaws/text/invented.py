"""A language of invented words: text without end, the same to the letter on every machine.

Real text differs between two installations and ends. This has the parts of it that matter to a law
of scaling: letters that make syllables, words of every rarity, and words that prefer some others
after them, which are more facts than a small model can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import _checks as checks
from .corpora import Corpus
from .known_entropy import zipf
from .task import LOWER, Vocabulary, generator

_STREAMS = 4096  # texts that are written side by side
_AT_ONCE = 2**18  # words that are spelt at once


@dataclass(frozen=True)
class Invented:
    """Invented words in a row, of which each may bring the next along.

    There are `words` words, each spelt with one to four syllables of its own language. The word of
    rank k comes up with probability proportional to k^-(1 + alpha). After each word stands, with
    probability `habit`, one of the `followers` words that this word prefers, again some more than
    others; else any word, by its frequency. Spelling, frequencies and habits are drawn by `seed`.
    Losses are in nats per letter; the space counts as one.

    >>> language = Invented(words=500, seed=1)
    >>> text = language.corpus(train=40, val=40).train
    >>> language.render(text)[:20] == language.render(language.corpus(40, 40).train)[:20]
    True
    """

    words: int = 5000
    alpha: float = 0.1
    habit: float = 0.7
    followers: int = 8
    consonants: int = 14
    vowels: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        checks.field(self, "words", checks.whole, 2, 60_000)
        checks.field(self, "alpha", checks.within, 0.01, 10)
        checks.field(self, "habit", checks.within, 0, 1)
        checks.field(self, "followers", checks.whole, 1, 1000)
        checks.field(self, "consonants", checks.whole, 6, 20)
        checks.field(self, "vowels", checks.whole, 3, 6)
        checks.field(self, "seed", checks.seed)

    @property
    def vocabulary(self) -> Vocabulary:
        """The text of each token: consonants and vowels, then the space."""
        return Vocabulary((*LOWER[: self.consonants + self.vowels], " "))

    @cached_property
    def lexicon(self) -> tuple[str, ...]:
        """The words, the most frequent first. Short ones tend to stand in front."""
        rng = generator(self.seed, 0)
        letters = list(LOWER[: self.consonants + self.vowels])
        sounds = [letters[i] for i in rng.permutation(len(letters))]
        vowels, consonants = sounds[: self.vowels], sounds[self.vowels :]
        found: dict[str, float] = {}
        while len(found) < self.words:
            syllables = 1 + int(rng.integers(0, 2)) + int(rng.integers(0, 3))
            word = ""
            for draw in rng.integers(0, 2**30, syllables).tolist():
                word += consonants[draw % len(consonants)] + vowels[draw // 64 % len(vowels)]
                word += consonants[draw // 4096 % len(consonants)] if draw // 2**20 % 4 == 0 else ""
            found.setdefault(word, len(word) + 4 * rng.random())
        return tuple(sorted(found, key=found.__getitem__))

    @cached_property
    def habits(self) -> np.ndarray:
        """The words that each word prefers after it, by rank. Shape (words, followers)."""
        rng = generator(self.seed, 1)
        return self._any(rng.random((self.words, self.followers)))

    def corpus(self, train: int, val: int) -> Corpus:
        """A corpus of two texts of this language, of `train` and of `val` letters.

        The texts are drawn independently and share only what the language repeats.
        """
        parts = (checks.whole(train, "train", 1), checks.whole(val, "val", 1))
        texts = [self._text(n, generator(self.seed, 2 + i)) for i, n in enumerate(parts)]
        symbols = self.vocabulary.symbols
        return Corpus(
            name=f"an invented language of {self.words:,} words",
            train=texts[0],
            val=texts[1],
            vocab_size=len(symbols),
            vocabulary=symbols,
        )

    def render(self, tokens: np.ndarray) -> str:
        """The text of an array of tokens of shape (tokens,)."""
        return self.vocabulary.render(tokens)

    @cached_property
    def _bounds(self) -> np.ndarray:
        return zipf(self.words, self.alpha)[:-1].cumsum()

    def _any(self, draws: np.ndarray) -> np.ndarray:
        """Words by their frequency, given numbers from 0 to 1; the same shape."""
        return np.searchsorted(self._bounds, draws, side="right")

    def _text(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """So many letters, of many short texts one after the other. Shape (n,), uint8."""
        streams = int(np.clip(n // _STREAMS, 1, _STREAMS))
        spelt, length = self._spelt
        favours = zipf(self.followers, 1.0)[:-1].cumsum()
        word = self._any(rng.random(streams))
        rows, letters = [word.astype(np.uint16)], int(length[word].sum())
        while letters < n:
            which, kept, other = rng.random((3, streams))
            favourite = np.searchsorted(favours, which, side="right")
            word = np.where(kept < self.habit, self.habits[word, favourite], self._any(other))
            rows.append(word.astype(np.uint16))
            letters += int(length[word].sum())
        said = np.stack(rows, axis=1).ravel()
        places = np.arange(spelt.shape[1])
        parts = []
        for start in range(0, len(said), _AT_ONCE):
            some = said[start : start + _AT_ONCE]
            parts.append(spelt[some][places < length[some, None]])
        return np.concatenate(parts)[:n]

    @cached_property
    def _spelt(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of each word with the space after it, (words, longest), and how many."""
        number = self.vocabulary.number
        length = np.array([len(word) + 1 for word in self.lexicon])
        spelt = np.full((self.words, int(length.max())), number[" "], dtype=np.uint8)
        for row, word in enumerate(self.lexicon):
            spelt[row, : len(word)] = [number[letter] for letter in word]
        return spelt, length
