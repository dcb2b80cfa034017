"""What all tasks with a known right answer share: their vocabulary, their examples, their marks.

Every task writes examples of one length: a prompt, then what a model has to write after it. The
task knows the right continuation of every prompt, so an answer is marked without a model to judge
it, and it knows what a guesser and, where there are any, a few shortcuts would score. Only the
continuation counts in the loss.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .. import _checks as checks
from .corpora import Corpus

HELD_OUT = 0.1
"""Share of all prompts that `Task.corpus` keeps for validation."""

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()

_ROWS = 4096  # drawn at a time; fixed, so that a longer corpus begins with the shorter one
_DRAWS = 200  # of so many rows without one of the wanted part: there is none


def generator(seed: Any, *stream: int) -> np.random.Generator:
    """The random numbers of `seed`; each further number gives a stream of its own.

    Raises ValueError if `seed` is not a whole number of at least 0.
    """
    return np.random.default_rng([checks.seed(seed), *stream])


def digits_of(numbers: np.ndarray, base: int, length: int) -> np.ndarray:
    """Digits of whole numbers, the highest place first. Shape (n,) to (n, length)."""
    powers = base ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return np.asarray(numbers, dtype=np.int64)[:, None] // powers % base


def number_from(digits: np.ndarray, base: int) -> np.ndarray:
    """The numbers that `digits_of` wrote. Shape (n, length) to (n,)."""
    powers = base ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    return digits.astype(np.int64) @ powers


def places_needed(count: int, base: int) -> int:
    """How many digits in `base` it takes to write the numbers from 0 to `count` - 1."""
    return len(np.base_repr(count - 1, base))


def require(fine: np.ndarray | np.bool_, complaint: str) -> None:
    """Raise ValueError with the complaint about the first example that is not fine."""
    if not fine.all():
        raise ValueError(f"example {int(np.flatnonzero(~fine)[0])}: {complaint}")


@dataclass(frozen=True)
class Vocabulary:
    """The text of each token. Texts follow each other without anything in between.

    A word brings the space before it along; at the very start that space is not shown.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.symbols) <= 256:
            raise ValueError(
                f"a vocabulary holds 1 to 256 tokens, because a token is one byte; this one has "
                f"{len(self.symbols)}: ask for fewer words, keys or elements"
            )
        if len({s.removeprefix(" ") or s for s in self.symbols} - {""}) < len(self.symbols):
            raise ValueError("every token needs a text of its own, also without its first space")

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def number(self) -> dict[str, int]:
        """The token of each text."""
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.symbols, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))

    def encode(self, text: str) -> np.ndarray:
        """Tokens of a text, a uint8 array of shape (tokens,); the longest text that fits wins.

        Raises TypeError if `text` is no string and ValueError where no token fits.
        """
        if not isinstance(text, str):
            raise TypeError(f"encode takes a string, got {type(text).__name__}")
        if text and not self._pattern.match(text):
            text = f" {text}"
        tokens, at = [], 0
        while at < len(text):
            found = self._pattern.match(text, at)
            if found is None:
                raise ValueError(f"no token of this vocabulary begins {text[at : at + 20]!r}")
            tokens.append(self.number[found.group()])
            at = found.end()
        return np.array(tokens, dtype=np.uint8)

    def render(self, tokens: np.ndarray) -> str:
        """The text of an array of tokens of shape (tokens,).

        Raises ValueError if the array has another shape or holds a token that does not exist.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 1:
            raise ValueError(f"render takes one example, of shape (tokens,); got {tokens.shape}")
        if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(self):
            raise ValueError(f"render takes token numbers from 0 to {len(self) - 1}")
        text = "".join(self.symbols[token] for token in tokens.tolist())
        begins_with_word = tokens.size > 0 and len(self.symbols[tokens[0]]) > 1
        return text.removeprefix(" ") if begins_with_word else text


class Task(ABC):
    """What all tasks share. A task is a frozen dataclass; equal fields give equal examples.

    To write a task of your own, say `vocabulary`, `prompt_length`, `example_length`, `chance`,
    `_prompts` and `_answers`; and `_targets` with `scored`, where a model is to predict something
    else than the next token.
    """

    held_out: ClassVar[bool] = True
    """Does `corpus` keep the prompts of the validation part out of training?"""

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """The text of each token."""

    @property
    @abstractmethod
    def prompt_length(self) -> int:
        """Tokens that are given."""

    @property
    @abstractmethod
    def example_length(self) -> int:
        """Tokens of the prompt and the continuation; a model needs a context of one less."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """Exact-match rate of the best guess that does not read the prompt."""

    @abstractmethod
    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Random prompts of shape (n, prompt_length)."""

    @abstractmethod
    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        """Right continuations of shape (n, example_length - prompt_length)."""

    def _targets(self, examples: np.ndarray) -> np.ndarray | None:
        """What is to be predicted in the place of each token, of the same shape as the examples.

        None: the token itself. `scored` says which of these predictions count.
        """
        return None

    @property
    def answer_length(self) -> int:
        """Tokens at the end that are the answer; what stands before them is working."""
        return self.example_length - self.prompt_length

    @property
    def best_loss(self) -> float:
        """Least achievable mean loss in nats per scored token: 0 where the answer is certain."""
        return 0.0

    @property
    def scored(self) -> tuple[bool, ...]:
        """Which of the example_length - 1 predictions count in the loss: the continuation."""
        given = self.prompt_length - 1
        return (False,) * given + (True,) * (self.example_length - 1 - given)

    @property
    def shortcuts(self) -> Mapping[str, float]:
        """Exact-match rates of rules that solve a part of the task, by name. Exact, not measured.

        Rates are shares of the distribution that `make` draws from.
        """
        return {}

    def shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        """Answers of shape (n, answer_length) that the shortcut `name` gives to prompts.

        Raises ValueError if the task has no shortcut of that name.
        """
        if name not in self.shortcuts:
            known = ", ".join(map(repr, self.shortcuts)) or "none"
            raise ValueError(f"no shortcut {name!r} here; known: {known}")
        return self._shortcut(name, self._checked(prompts, self.prompt_length)).astype(np.uint8)

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def make(self, n: int, seed: int) -> np.ndarray:
        """`n` random examples, a uint8 array of shape (n, example_length).

        Prompts are drawn independently, so one may come up twice. Raises ValueError if `n`
        is not a whole number of at least 1 or `seed` not one of at least 0.
        """
        rng = generator(seed)
        return self._examples(self._prompts(checks.whole(n, "n", 1), rng), rng)

    def _examples(self, prompts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.concatenate([prompts, self._answers(prompts)], axis=1).astype(np.uint8)

    def corpus(self, train: int, val: int, seed: int = 0) -> Corpus:
        """A corpus of `train` examples to train on and `val` to measure on.

        Where `held_out` says so, a hash of each prompt and of `seed` decides whether it is one of
        the tenth of all prompts that only the validation part may show: no prompt is in both.
        With the same seed the validation part does not depend on `train`, and a longer training
        part begins with the shorter one. Raises RuntimeError if the task has too few different
        prompts for one of the parts.
        """
        parts = {
            name: self._part(checks.whole(size, name, 1), name == "val", seed)
            for name, size in (("train", train), ("val", val))
        }
        return self._as_corpus(**parts)

    def _as_corpus(self, train: np.ndarray, val: np.ndarray) -> Corpus:
        return Corpus(
            name=str(self),
            train=train.ravel(),
            val=val.ravel(),
            vocab_size=len(self.vocabulary),
            vocabulary=self.vocabulary.symbols,
            example_length=self.example_length,
            scored=self.scored,
            best_loss=self.best_loss,
            train_targets=self._flat_targets(train),
            val_targets=self._flat_targets(val),
        )

    def _flat_targets(self, examples: np.ndarray) -> np.ndarray | None:
        targets = self._targets(examples)
        if targets is None:
            return None
        return self._checked(targets, self.example_length).astype(np.uint8).ravel()

    def _part(self, n: int, is_val: bool, seed: int) -> np.ndarray:
        rng = generator(seed, int(is_val))
        rows, have, fruitless = [], 0, 0
        while have < n:
            prompts = self._prompts(_ROWS, rng).astype(np.uint8)
            if self.held_out:
                prompts = prompts[self._is_val(prompts, seed) == is_val]
            fruitless = 0 if len(prompts) else fruitless + 1
            if fruitless == _DRAWS:
                raise RuntimeError(
                    f"{self} has so few different prompts that seed {seed} leaves none for the "
                    f"{'validation' if is_val else 'training'} part: make the task bigger"
                )
            if len(prompts):
                rows.append(self._examples(prompts, rng))
                have += len(prompts)
        return np.concatenate(rows)[:n]

    def _is_val(self, prompts: np.ndarray, seed: int) -> np.ndarray:
        """Whether each prompt belongs to the validation part. Shape (n,)."""
        weights = generator(seed, 2).integers(0, 2**63, prompts.shape[1], dtype=np.uint64)
        place = (prompts.astype(np.uint64) + np.uint64(1)) @ (weights * np.uint64(2) + np.uint64(1))
        for _ in range(2):  # spread every bit over all others
            place ^= place >> np.uint64(32)
            place *= np.uint64(0xD6E8FEB86659FD93)
        place ^= place >> np.uint64(32)
        return place < np.uint64(int(HELD_OUT * 2**64))

    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """The right continuation of each prompt.

        `prompts` has shape (n, prompt_length) or (prompt_length,); the result is a uint8 array of
        shape (n, example_length - prompt_length). Raises ValueError for another shape, a token
        that does not exist, or a prompt that asks nothing.
        """
        return self._answers(self._checked(prompts, self.prompt_length)).astype(np.uint8)

    def check(self, tokens: np.ndarray) -> np.ndarray:
        """Whether each example ends in the right answer, all of it. Shape (n,), bool.

        `tokens` are whole examples, of shape (n, example_length) or (example_length,), in which
        the prompt is given and the rest is what a model wrote. Working before the answer is not
        marked here (`token_accuracy` does). Raises ValueError as `solve` does.
        """
        tokens = self._checked(tokens, self.example_length)
        right = self._answers(tokens[:, : self.prompt_length])
        last = self.answer_length
        return (tokens[:, -last:] == right[:, -last:]).all(axis=1)

    def token_accuracy(self, tokens: np.ndarray) -> np.ndarray:
        """Share of each example's continuation that is right, token by token. Shape (n,).

        Takes and raises what `check` does.
        """
        tokens = self._checked(tokens, self.example_length)
        right = self._answers(tokens[:, : self.prompt_length])
        return (tokens[:, self.prompt_length :] == right).mean(axis=1)

    def encode(self, text: str) -> np.ndarray:
        """Tokens of a text written as `render` writes it. Shape (tokens,), uint8."""
        return self.vocabulary.encode(text)

    def render(self, tokens: np.ndarray) -> str:
        """The text of one example or a piece of one, of shape (tokens,)."""
        return self.vocabulary.render(tokens)

    def _checked(self, tokens: np.ndarray, length: int) -> np.ndarray:
        tokens = np.atleast_2d(np.asarray(tokens))
        if tokens.ndim != 2 or tokens.shape[1] != length:
            raise ValueError(
                f"{self} takes arrays of shape (n, {length}) here, got {tokens.shape}: "
                f"{self.prompt_length} tokens of prompt, {self.example_length} in all"
            )
        if not np.issubdtype(tokens.dtype, np.integer):
            raise ValueError(f"tokens must be whole numbers, got an array of {tokens.dtype}")
        if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(self.vocabulary):
            raise ValueError(f"token numbers go from 0 to {len(self.vocabulary) - 1} here")
        return tokens
