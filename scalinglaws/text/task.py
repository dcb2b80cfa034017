"""Tasks with a known right answer: arithmetic, permutations, recall, translation, minds of others.

Every task writes examples of one length: a prompt, then what a model has to write after it. The
task knows the right continuation of every prompt, so an answer is marked without a model to judge
it, and it knows what a guesser and, where there are any, a few shortcuts would score. Only the
continuation counts in the loss.
"""

from __future__ import annotations

import itertools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np

from .corpora import Corpus

HELD_OUT = 0.1
"""Share of all prompts that `Task.corpus` keeps for validation."""

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()

_ROWS = 4096  # drawn at a time; fixed, so that a longer corpus begins with the shorter one
_DRAWS = 200  # of so many rows without one of the wanted part: there is none


def whole_number(owner: Any, name: str, least: int, most: int) -> None:
    """Turn the field `name` of a frozen dataclass into an int.

    Raises ValueError if it is no whole number from `least` to `most`.
    """
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must lie from {least} to {most}, got {value}")
    object.__setattr__(owner, name, int(value))


def real_number(owner: Any, name: str, least: float, below: float) -> None:
    """Turn the field `name` of a frozen dataclass into a float.

    Raises ValueError if it is no number from `least` up to, but not including, `below`.
    """
    value = getattr(owner, name)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, got {value!r}")
    if not least <= value < below:
        raise ValueError(f"{name} must be at least {least} and below {below}, got {value}")
    object.__setattr__(owner, name, float(value))


def count_of(value: Any, name: str) -> int:
    """`value` as an int; ValueError if it is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)


def generator(seed: Any, *stream: int) -> np.random.Generator:
    """The random numbers of `seed`; each further number gives a stream of its own.

    Raises ValueError if `seed` is not a whole number of at least 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
    return np.random.default_rng([int(seed), *stream])


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
    places = 1
    while base**places < count:
        places += 1
    return places


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
    `_prompts` and `_answers`.
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
        return self._examples(self._prompts(count_of(n, "n"), rng), rng)

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
            name: self._part(count_of(size, name), name == "val", seed)
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
        )

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


def _require(fine: np.ndarray, complaint: str) -> None:
    if not fine.all():
        raise ValueError(f"example {int(np.flatnonzero(~fine)[0])}: {complaint}")


@dataclass(frozen=True)
class Addition(Task):
    """Sums of two numbers: "347+285=2360", with the answer's lowest digit first if `reverse`.

    With `scratchpad` the columns are added first, from the right, each as the carry that it
    leaves and its digit: "347+285=12,13,06:2360". Both numbers are drawn uniformly from all of
    `digits` digits, leading zeros and all. 3+5 and 5+3 count as two prompts. The one shortcut
    adds each column and forgets to carry.
    """

    digits: int = 3
    reverse: bool = True
    scratchpad: bool = False

    def __post_init__(self) -> None:
        whole_number(self, "digits", 1, 18)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(tuple(DIGITS + "+=" + (",:" if self.scratchpad else "")))

    @property
    def prompt_length(self) -> int:
        return 2 * self.digits + 2

    @property
    def example_length(self) -> int:
        return self.prompt_length + self.answer_length + 3 * self.digits * self.scratchpad

    @property
    def answer_length(self) -> int:
        return self.digits + 1

    @property
    def chance(self) -> float:
        return 10.0**-self.digits

    @property
    def shortcuts(self) -> Mapping[str, float]:
        return {"no carry": 0.55**self.digits}

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        d = self.digits
        prompts = rng.integers(0, 10, (n, self.prompt_length))
        prompts[:, d] = self.vocabulary.number["+"]
        prompts[:, -1] = self.vocabulary.number["="]
        return prompts

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        digit, carry = self._columns(prompts)
        answer = np.concatenate([digit, carry[:, -1:]], axis=1)
        answer = answer if self.reverse else answer[:, ::-1]
        if not self.scratchpad:
            return answer
        mark = np.full_like(digit, self.vocabulary.number[","])
        mark[:, -1] = self.vocabulary.number[":"]
        working = np.stack([carry, digit, mark], axis=2).reshape(len(prompts), -1)
        return np.concatenate([working, answer], axis=1)

    def _columns(self, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Digit and carry of each column from the right, both of shape (n, digits)."""
        d = self.digits
        a, b = prompts[:, :d].astype(int), prompts[:, d + 1 : -1].astype(int)
        _require(((a < 10) & (b < 10)).all(axis=1), "both numbers must be written in digits")
        digit, carry = np.empty_like(a), np.empty_like(a)
        before = np.zeros(len(prompts), dtype=int)
        for column in range(d):
            total = a[:, d - 1 - column] + b[:, d - 1 - column] + before
            digit[:, column] = total % 10
            carry[:, column] = before = total // 10
        return digit, carry

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        d = self.digits
        sums = (prompts[:, :d].astype(int) + prompts[:, d + 1 : -1]) % 10
        answer = np.concatenate([np.zeros((len(prompts), 1), dtype=int), sums], axis=1)
        return answer[:, ::-1] if self.reverse else answer


@dataclass(frozen=True)
class ModularArithmetic(Task):
    """All pairs of residues under one operation: "5 + 9 = 3" for a modulus of 11.

    The task of the grokking experiments (Power et al. 2022): the table is small, a share
    `train_share` of it, drawn by `seed`, is for training and the rest for validation. Both
    orders of a pair are separate entries, so for "add" and "multiply" the mirror image of a
    validation pair may be in training. "divide" multiplies by the inverse, needs a prime modulus
    and leaves out division by 0.
    """

    modulus: int = 97
    operation: Literal["add", "subtract", "multiply", "divide"] = "add"
    train_share: float = 0.5
    seed: int = 0

    _SIGNS: ClassVar[dict[str, str]] = {
        "add": " +",
        "subtract": " -",
        "multiply": " *",
        "divide": " /",
    }

    def __post_init__(self) -> None:
        whole_number(self, "modulus", 2, 254)
        real_number(self, "train_share", 0, 1)
        generator(self.seed)
        if self.operation not in self._SIGNS:
            raise ValueError(
                f"operation must be one of {', '.join(self._SIGNS)}; got {self.operation!r}"
            )
        p = self.modulus
        if self.operation == "divide" and any(p % k == 0 for k in range(2, math.isqrt(p) + 1)):
            raise ValueError(f"division needs a prime modulus, and {p} is not prime")
        if not 1 <= self._train_size < len(self._pairs):
            raise ValueError(
                f"train_share {self.train_share} leaves one part of the {len(self._pairs)} pairs "
                "empty"
            )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        residues = tuple(f" {i}" for i in range(self.modulus))
        return Vocabulary((*residues, self._SIGNS[self.operation], " ="))

    @property
    def prompt_length(self) -> int:
        return 4

    @property
    def example_length(self) -> int:
        return 5

    @property
    def chance(self) -> float:
        answers = self._table[self._pairs[:, 0], self._pairs[:, 1]]
        return float(np.bincount(answers).max() / len(answers))

    @cached_property
    def _pairs(self) -> np.ndarray:
        """All pairs that have an answer, shape (pairs, 2)."""
        least = 1 if self.operation == "divide" else 0
        a, b = np.mgrid[0 : self.modulus, least : self.modulus]
        return np.stack([a.ravel(), b.ravel()], axis=1)

    @cached_property
    def _table(self) -> np.ndarray:
        """The result for each a and b, shape (modulus, modulus); -1 where there is none."""
        p = self.modulus
        a, b = np.mgrid[0:p, 0:p]
        if self.operation == "divide":
            product = a * b % p
            table = np.full((p, p), -1)
            table[product[:, 1:], b[:, 1:]] = a[:, 1:]
            return table
        return {"add": a + b, "subtract": a - b, "multiply": a * b}[self.operation] % p

    @property
    def _train_size(self) -> int:
        return round(self.train_share * len(self._pairs))

    @cached_property
    def _val_table(self) -> np.ndarray:
        """Whether each pair is for validation, shape (modulus, modulus)."""
        order = generator(self.seed).permutation(len(self._pairs))
        chosen = self._pairs[order[self._train_size :]]
        table = np.zeros((self.modulus, self.modulus), dtype=bool)
        table[chosen[:, 0], chosen[:, 1]] = True
        return table

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """All examples: those to train on and those to measure on, of shape (pairs, 5) each."""
        examples = self._examples(self._written(self._pairs), generator(0))
        is_val = self._is_val(examples[:, :4], 0)
        return examples[~is_val], examples[is_val]

    def corpus(self, train: int | None = None, val: int | None = None, seed: int = 0) -> Corpus:
        """The split as a corpus, each pair once, in an order drawn by `seed`.

        With a number for `train` or `val`, that many examples: shuffled passes over the part.
        What belongs to which part is decided by the task's own seed.
        """
        parts = []
        for i, (rows, size) in enumerate(zip(self.split(), (train, val), strict=True)):
            rng = generator(seed, i)
            size = len(rows) if size is None else count_of(size, ("train", "val")[i])
            passes = [rng.permutation(len(rows)) for _ in range(-(-size // len(rows)))]
            parts.append(rows[np.concatenate(passes)[:size]])
        return self._as_corpus(*parts)

    def _written(self, pairs: np.ndarray) -> np.ndarray:
        prompts = np.empty((len(pairs), 4), dtype=int)
        prompts[:, [0, 2]] = pairs
        prompts[:, [1, 3]] = self.modulus, self.modulus + 1
        return prompts

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._written(self._pairs[rng.integers(0, len(self._pairs), n)])

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        a, b = prompts[:, 0], prompts[:, 2]
        _require((a < self.modulus) & (b < self.modulus), "both numbers must be residues")
        results = self._table[a, b]
        _require(results >= 0, "division by 0 has no answer")
        return results[:, None]

    def _is_val(self, prompts: np.ndarray, seed: int) -> np.ndarray:
        return self._val_table[prompts[:, 0], prompts[:, 2]]


@dataclass(frozen=True)
class Composition(Task):
    """Elements of a group, one after another: "213 132 321 = 231".

    `group` is "S2" to "S5", all orders of that many things, or "C2" to "C200", the numbers added
    modulo that number. "231" moves the second thing to the front, the third to the middle, the
    first to the end; the elements are carried out from left to right. With `steps` the product of
    the first two elements is written, then of the first three, and so on to the answer; without,
    the answer alone. Elements are drawn uniformly, which makes every answer equally likely.
    """

    group: str = "S3"
    length: int = 12
    steps: bool = False

    def __post_init__(self) -> None:
        whole_number(self, "length", 2, 1000)
        found = re.fullmatch(r"([SC])(\d+)", self.group) if isinstance(self.group, str) else None
        if found is None or not 2 <= int(found[2]) <= (5 if found[1] == "S" else 200):
            raise ValueError(f"group must be one of S2 to S5 or C2 to C200, got {self.group!r}")

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """How each element is written."""
        size = int(self.group[1:])
        if self.group[0] == "C":
            return tuple(str(i) for i in range(size))
        orders = itertools.permutations(range(1, size + 1))
        return tuple("".join(map(str, order)) for order in orders)

    @cached_property
    def table(self) -> np.ndarray:
        """The element that has the effect of element i, then j. Shape (elements, elements)."""
        size = len(self.elements)
        if self.group[0] == "C":
            return np.add.outer(np.arange(size), np.arange(size)) % size
        orders = np.array([[int(c) - 1 for c in name] for name in self.elements])
        places = len(orders[0])
        both = number_from(orders[:, orders].reshape(-1, places), places)
        codes = number_from(orders, places)  # rise with the element's number
        return np.searchsorted(codes, both).reshape(size, size)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((*(f" {name}" for name in self.elements), " ="))

    @property
    def prompt_length(self) -> int:
        return self.length + 1

    @property
    def example_length(self) -> int:
        return self.prompt_length + (self.length - 1 if self.steps else 1)

    @property
    def answer_length(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        return 1 / len(self.elements)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        prompts = rng.integers(0, len(self.elements), (n, self.prompt_length))
        prompts[:, -1] = len(self.elements)
        return prompts

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        elements = prompts[:, :-1].astype(int)
        _require((elements < len(self.elements)).all(axis=1), "'=' may only stand at the end")
        products = np.empty((len(prompts), self.length - 1), dtype=int)
        so_far = elements[:, 0]
        for i in range(1, self.length):
            so_far = products[:, i - 1] = self.table[so_far, elements[:, i]]
        return products if self.steps else products[:, -1:]


@dataclass(frozen=True)
class Induction(Task):
    """A run of different letters that repeats: "cabecabecabe".

    The period is drawn for each example, uniformly from `shortest` to `longest`, or is the number
    given as `period`. The letters of a run differ, so the first one to return gives the period
    away. The prompt is `longest` + 1 tokens, which shows at least one letter for the second time;
    from there on every token is certain: find the token that stood before, write what followed it.

    A fixed period is a trap: copying from so many places back solves it by position alone, and
    a single layer can do that. With the model's token shift a single layer can solve random
    periods as well, because it is given pairs of tokens; what a second layer adds shows with
    `shift=False`. The shortcut copies from the fixed distance, at most `longest`, that is right
    most often: a distance fits whenever it is a multiple of the period.
    """

    shortest: int = 4
    longest: int = 12
    symbols: int = 26
    length: int = 33
    period: int | Literal["random"] = "random"

    def __post_init__(self) -> None:
        whole_number(self, "symbols", 2, len(LOWER + UPPER))
        whole_number(self, "longest", 2, self.symbols)
        whole_number(self, "shortest", 2, self.longest)
        whole_number(self, "length", self.longest + 2, 10_000)
        if self.period != "random":
            whole_number(self, "period", self.shortest, self.longest)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(tuple((LOWER + UPPER)[: self.symbols]))

    @property
    def prompt_length(self) -> int:
        return self.longest + 1

    @property
    def example_length(self) -> int:
        return self.length

    @property
    def _periods(self) -> np.ndarray:
        if self.period != "random":
            return np.array([self.period])
        return np.arange(self.shortest, self.longest + 1)

    @property
    def chance(self) -> float:
        share = 1 / len(self._periods)
        unrepeated, best = 0.0, 0.0
        for period in self._periods:
            seen = min(self.answer_length, int(period))
            likelihood = share / math.perm(self.symbols, seen)
            if period < self.answer_length:
                best = max(best, likelihood)
            else:  # all such periods can give the same answer
                unrepeated += likelihood
        return max(best, unrepeated)

    @property
    def _best_distance(self) -> int:
        fits = [(distance % self._periods == 0).sum() for distance in range(1, self.longest + 1)]
        return int(np.argmax(fits)) + 1

    @property
    def shortcuts(self) -> Mapping[str, float]:
        fits = self._best_distance % self._periods == 0
        return {"fixed distance": float(fits.mean())}

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        letters = rng.random((n, self.symbols)).argsort(axis=1)
        period = rng.choice(self._periods, n)[:, None]
        return np.take_along_axis(letters, np.arange(self.prompt_length) % period, axis=1)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        returned = prompts[:, 1:] == prompts[:, :1]
        _require(returned.any(axis=1), "no period shows: the first letter does not return")
        return self._continued(prompts, returned.argmax(axis=1)[:, None] + 1)

    def _continued(self, prompts: np.ndarray, period: np.ndarray | int) -> np.ndarray:
        ahead = np.arange(self.prompt_length, self.length)
        # The run that stands at the end of the prompt, over and over.
        start = self.prompt_length - period
        where = np.broadcast_to(
            start + (ahead - self.prompt_length) % period, (len(prompts), len(ahead))
        )
        return np.take_along_axis(prompts, where, axis=1)

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        return self._continued(prompts, self._best_distance)


@dataclass(frozen=True)
class Memorise(Task):
    """Keys with a random number each, to be learnt by heart: "cq=194823".

    The table is drawn by `seed`. No key says anything about another, so the validation part shows
    the same keys: it measures what has been learnt, not what carries over. Examples go through
    all keys in shuffled passes; the first `keys` of them (up to 4096 in a corpus) show each once.
    """

    keys: int = 256
    digits: int = 6
    seed: int = 0

    held_out: ClassVar[bool] = False

    def __post_init__(self) -> None:
        whole_number(self, "keys", 2, 1_000_000)
        whole_number(self, "digits", 1, 100)
        generator(self.seed)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(tuple(DIGITS + LOWER + "="))

    @cached_property
    def table(self) -> np.ndarray:
        """The digits of each key, shape (keys, digits)."""
        return generator(self.seed).integers(0, 10, (self.keys, self.digits), dtype=np.uint8)

    @property
    def prompt_length(self) -> int:
        return places_needed(self.keys, len(LOWER)) + 1

    @property
    def example_length(self) -> int:
        return self.prompt_length + self.digits

    @property
    def chance(self) -> float:
        return float(np.unique(self.table, axis=0, return_counts=True)[1].max() / self.keys)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        passes = [rng.permutation(self.keys) for _ in range(-(-n // self.keys))]
        names = digits_of(np.concatenate(passes)[:n], len(LOWER), self.prompt_length - 1)
        equals = np.full((n, 1), self.vocabulary.number["="])
        return np.concatenate([names + len(DIGITS), equals], axis=1)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        letters = prompts[:, :-1].astype(int) - len(DIGITS)
        _require(((letters >= 0) & (letters < 26)).all(axis=1), "a key is written in letters")
        keys = number_from(letters, len(LOWER))
        _require(keys < self.keys, "there is no such key")
        return self.table[keys]


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
            whole_number(self, name, 1, 120)
        whole_number(self, "clauses", 1, 20)
        generator(self.seed)
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
        _require((words < self._words).all(axis=1), "the prompt must be in the first language")
        return words + self._words

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        return self._translated(prompts)


# fmt: off
_NAMES = ("Anna", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gita", "Hugo",
          "Ines", "Jon", "Kaya", "Leo", "Mira", "Nils", "Olga", "Paul")
_OBJECTS = ("ball", "book", "cake", "coin", "doll", "hat",
            "key", "letter", "map", "ring", "spoon", "toy")
_PLACES = ("bag", "barrel", "basket", "box", "chest", "crate",
           "drawer", "jar", "pot", "sack", "tin", "trunk")
_WORDS = (" are here", ".", " puts", " in", " leaves for", " returns from", " the yard",
          " moves it to", " tells", " hums", " a song",
          " Where", " will", " look", " is", " now", " was", " first", "?")
# fmt: on


@dataclass(frozen=True)
class FalseBelief(Task):
    """Stories in which somebody may have missed that a thing was moved, and a question.

    "Ben Anna Cleo are here. Cleo puts the ball in the box. Anna leaves for the yard. Ben moves it
    to the jar. Cleo hums a song. Anna returns from the yard. Where will Anna look? the box"

    Three people are there; one goes out and returns, another moves the thing, once, and the third
    hums or is told by the mover where it is. People believe what they last saw or were told, and
    see nothing while they are out. Stories are of six kinds, with `SHARES`: *false* (the one who
    was out is asked about), *true* (the same, but the move came before the leaving or after the
    return), *other* (one of the two who saw it is asked about), *told* (like false, but the mover
    told them before they returned), *reality* and *memory* (where is the thing now, where was it
    first). The answer is the first place in exactly half of the distribution and the last place
    in the other half, so neither rule on its own beats a coin; `shortcuts` has what others score.

    Three probes ask for more than the stories that a corpus shows (`probe`). "new names": the
    last `new_names` names, which otherwise are only the third person's and never asked about,
    go out and move things. "two moves": the thing is moved twice, to three places in all. "told
    later": the one who was out is told after the return (or, in half of the stories, somebody
    else is).
    """

    names: int = 8
    new_names: int = 4
    objects: int = 8
    places: int = 8

    SHARES: ClassVar[Mapping[str, float]] = {
        "false": 0.3,
        "true": 0.2,
        "other": 0.1,
        "told": 0.1,
        "reality": 0.1,
        "memory": 0.2,
    }
    PROBES: ClassVar[tuple[str, ...]] = ("new names", "two moves", "told later")

    _SOLVES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "first place": ("false", "memory"),
        "last place": ("true", "other", "told", "reality"),
        "no minds": ("true", "other", "told", "reality", "memory"),
        "who left": ("false", "other", "reality", "memory"),
        "was moved unseen": ("false", "true", "reality", "memory"),
        "told nothing": ("false", "true", "other", "reality", "memory"),
    }
    _EVENTS: ClassVar[int] = 11  # where the four events begin, each of four tokens
    _QUESTION: ClassVar[int] = 27

    def __post_init__(self) -> None:
        whole_number(self, "names", 3, len(_NAMES))
        whole_number(self, "new_names", 2, len(_NAMES))
        whole_number(self, "objects", 1, len(_OBJECTS))
        whole_number(self, "places", 3, len(_PLACES))
        if self.names + self.new_names > len(_NAMES):
            raise ValueError(f"names and new_names may be {len(_NAMES)} together")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        names = _NAMES[: self.names + self.new_names]
        things = _OBJECTS[: self.objects] + _PLACES[: self.places]
        return Vocabulary((*(f" {x}" for x in names), *(f" the {x}" for x in things), *_WORDS))

    @property
    def _first_object(self) -> int:
        return self.names + self.new_names

    @property
    def _first_place(self) -> int:
        return self._first_object + self.objects

    @property
    def prompt_length(self) -> int:
        return self._QUESTION + 5

    @property
    def example_length(self) -> int:
        return self.prompt_length + 1

    @property
    def chance(self) -> float:
        return 1 / self.places

    @property
    def shortcuts(self) -> Mapping[str, float]:
        """What rules score that do not keep track of what people saw.

        "first place" and "last place": always that. "no minds": the last place unless asked for
        the first. "who left": the same, but whoever left believes in the first place. "was moved
        unseen": the same, but if the thing was moved while one was out, all people do. "told
        nothing": the whole truth except that being told changes nothing.
        """
        return {
            name: round(sum(self.SHARES[kind] for kind in kinds), 12)
            for name, kinds in self._SOLVES.items()
        }

    def probe_shares(self, probe: str) -> Mapping[str, float]:
        """Exact-match rates of shortcuts on a probe, where they are known, as in `shortcuts`."""
        self._check_probe(probe)
        if probe == "new names":
            return self.shortcuts
        share = 1 / 3 if probe == "two moves" else 1 / 2
        rates = {"first place": share, "last place": share, "no minds": share, "who left": share}
        return rates if probe == "two moves" else {**rates, "told nothing": 0.5}

    def probe(self, probe: str, n: int, seed: int) -> np.ndarray:
        """`n` stories of the probe named, a uint8 array of shape (n, example_length).

        Raises ValueError if `probe` is not one of `PROBES`.
        """
        self._check_probe(probe)
        rng = generator(seed)
        return self._examples(self._stories(count_of(n, "n"), rng, probe), rng)

    def _check_probe(self, probe: str) -> None:
        if probe not in self.PROBES:
            raise ValueError(f"probe must be one of {', '.join(self.PROBES)}; got {probe!r}")

    def kinds(self, tokens: np.ndarray) -> np.ndarray:
        """The kind of each story of `make`, one of the keys of `SHARES`. Shape (n,).

        Takes whole examples or prompts.
        """
        tokens = np.atleast_2d(np.asarray(tokens))
        prompts = self._checked(tokens[:, : self.prompt_length], self.prompt_length)
        asks, asked, left, unseen, told = self._read(prompts)
        about_leaver = (asks == "will") & (asked == left)
        return np.select(
            [asks == "was", asks == "is", ~about_leaver, ~unseen, told],
            ["memory", "reality", "other", "true", "told"],
            default="false",
        )

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._stories(n, rng)

    def _stories(self, n: int, rng: np.random.Generator, probe: str | None = None) -> np.ndarray:
        """Prompts of shape (n, prompt_length)."""
        word = self.vocabulary.number
        rows = np.arange(n)

        old = rng.random((n, self.names)).argsort(axis=1)
        new = self.names + rng.random((n, self.new_names)).argsort(axis=1)
        leaver, mover = (new if probe == "new names" else old).T[:2]
        third_is_new = rng.random(n) < self.new_names / (self.names + self.new_names)
        # With new names as leaver and mover, any of the old ones is left for the third.
        third_is_new &= probe != "new names"
        third = np.where(third_is_new, new[:, 0], old[:, 2])
        people = np.stack([leaver, mover, third], axis=1)
        people_in_order = rng.permuted(people, axis=1)
        putter = people[rows, rng.integers(0, 3, n)]
        thing = self._first_object + rng.integers(0, self.objects, n)
        first, last, between = (
            self._first_place + rng.random((n, self.places)).argsort(axis=1)[:, :3].T
        )

        kind, order = self._plots(n, rng, probe)
        # What each letter of a plot stands for, as (who, does, what).
        yard = np.full(n, word[" the yard"])
        scenes = {
            "L": (leaver, " leaves for", yard),
            "R": (leaver, " returns from", yard),
            "M": (mover, " moves it to", last),
            "m": (mover, " moves it to", between),
            "H": (third, " hums", np.full(n, word[" a song"])),
            "T": (mover, " tells", leaver),
            "t": (mover, " tells", third),
        }
        prompts = np.full((n, self.prompt_length), word["."])
        prompts[:, :3] = people_in_order
        prompts[:, 3] = word[" are here"]
        prompts[:, 5] = putter
        prompts[:, 6] = word[" puts"]
        prompts[:, 7] = thing
        prompts[:, 8] = word[" in"]
        prompts[:, 9] = first
        for event in range(4):
            at = self._EVENTS + 4 * event
            for letter, (who, does, what) in scenes.items():
                here = order[:, event] == letter
                prompts[here, at] = who[here]
                prompts[here, at + 1] = word[does]
                prompts[here, at + 2] = what[here]

        at_third = (rng.integers(0, 2, n) == 1) & ~third_is_new
        asked = np.where(kind == "other", np.where(at_third, third, mover), leaver)
        asks = prompts[:, self._QUESTION :]
        asks[:, 0] = word[" Where"]
        asks[:, 1], asks[:, 2], asks[:, 3] = word[" will"], asked, word[" look"]
        for name, verb, adverb in (("reality", " is", " now"), ("memory", " was", " first")):
            here = kind == name
            asks[here, 1], asks[here, 2], asks[here, 3] = word[verb], thing[here], word[adverb]
        asks[:, 4] = word["?"]
        return prompts

    def _plots(
        self, n: int, rng: np.random.Generator, probe: str | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Kind of each story, shape (n,), and its events as letters, shape (n, 4)."""

        def with_filler(*orders: str) -> list[str]:
            return [o[:i] + filler + o[i:] for o in orders for i in range(4) for filler in "Ht"]

        unseen, seen = with_filler("LMR"), with_filler("LRM", "MLR")
        if probe == "two moves":
            groups = [["LmMR"], ["mLMR"], ["LmRM", "LRmM", "mLRM", "mMLR"]]
            kind = np.full(n, "false")
        elif probe == "told later":
            groups = [["LMRT"], ["LMRt"]]
            kind = np.full(n, "false")
        else:
            kind = rng.choice(list(self.SHARES), n, p=list(self.SHARES.values()))
            groups = []
        plots = np.empty(n, dtype="<U4")
        if groups:
            group = rng.integers(0, len(groups), n)
            chosen = [(group == i, orders) for i, orders in enumerate(groups)]
        else:
            either = rng.integers(0, 2, n) == 1  # the question alone decides, not the order
            free = np.isin(kind, ["reality", "memory"])
            chosen = [
                (np.isin(kind, ["false", "other"]) | (free & either), unseen),
                ((kind == "true") | (free & ~either), seen),
                (kind == "told", ["LMTR"]),
            ]
        for here, orders in chosen:
            plots[here] = rng.choice(orders, int(here.sum()))
        return kind, plots.view("<U1").reshape(n, 4)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        return self._believed(prompts, telling=True)

    def _believed(self, prompts: np.ndarray, telling: bool) -> np.ndarray:
        """Follow who is where and believes what through the story. Shape (n, 1)."""
        word = self.vocabulary.number
        people = prompts[:, :3]
        n = len(prompts)
        first = prompts[:, 9]
        place = first.copy()
        belief = np.repeat(first[:, None], 3, axis=1)
        present = np.ones((n, 3), dtype=bool)
        for at in range(self._EVENTS, self._QUESTION, 4):
            who = prompts[:, at, None] == people
            _require(who.sum(axis=1) == 1, "whoever does something must be one of the three people")
            does, what = prompts[:, at + 1, None], prompts[:, at + 2, None]
            present &= ~(who & (does == word[" leaves for"]))
            present |= who & (does == word[" returns from"])
            moves = does == word[" moves it to"]
            belief = np.where(moves & present, what, belief)
            place = np.where(moves[:, 0], what[:, 0], place)
            if telling:
                told = (does == word[" tells"]) & (what == people)
                known = np.where(who, belief, 0).sum(axis=1, keepdims=True)
                belief = np.where(told, known, belief)
        asks, asked, *_ = self._read(prompts)
        is_asked = asked[:, None] == people
        _require((asks != "will") | is_asked.any(axis=1), "one of the three must be asked about")
        believed = np.where(is_asked, belief, 0).sum(axis=1)
        return np.select([asks == "was", asks == "is"], [first, place], believed)[:, None]

    def _read(self, prompts: np.ndarray) -> tuple[np.ndarray, ...]:
        """How the question begins and about whom, who left, whether the thing was moved while
        they were out, and whether they were told. Shape (n,) each."""
        word = self.vocabulary.number
        verbs = prompts[:, self._EVENTS + 1 : self._QUESTION : 4]
        does = {name: verbs == word[name] for name in (" leaves for", " returns from", " tells")}
        moves = verbs == word[" moves it to"]
        goes = does[" leaves for"].argmax(axis=1)
        comes = does[" returns from"].argmax(axis=1)
        event = np.arange(4)
        unseen = (moves & (event > goes[:, None]) & (event < comes[:, None])).any(axis=1)
        left = prompts[np.arange(len(prompts)), self._EVENTS + 4 * goes]
        listeners = prompts[:, self._EVENTS + 2 : self._QUESTION : 4]
        told = (does[" tells"] & (listeners == left[:, None])).any(axis=1)
        question = prompts[:, self._QUESTION + 1]
        asks = np.select([question == word[" was"], question == word[" is"]], ["was", "is"], "will")
        return asks, prompts[:, self._QUESTION + 2], left, unseen, told

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        if name == "told nothing":
            return self._believed(prompts, telling=False)
        word = self.vocabulary.number
        verbs = prompts[:, self._EVENTS + 1 : self._QUESTION : 4]
        targets = prompts[:, self._EVENTS + 2 : self._QUESTION : 4]
        moves = verbs == word[" moves it to"]
        newest = 3 - moves[:, ::-1].argmax(axis=1)
        first, last = prompts[:, 9], targets[np.arange(len(prompts)), newest]
        asks, asked, left, unseen, _ = self._read(prompts)
        takes_first = {
            "first place": np.full(len(prompts), True),
            "last place": np.full(len(prompts), False),
            "no minds": asks == "was",
            "who left": (asks == "was") | ((asks == "will") & (asked == left)),
            "was moved unseen": (asks == "was") | ((asks == "will") & unseen),
        }[name]
        return np.where(takes_first, first, last)[:, None]
