"""Arithmetic: sums of long numbers, and all pairs of residues under one operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from .. import _checks as checks
from .corpora import Corpus
from .task import DIGITS, Task, Vocabulary, generator, require


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
        checks.field(self, "digits", checks.whole, 1, 18)

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
        require(((a < 10) & (b < 10)).all(axis=1), "both numbers must be written in digits")
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
class ShortSums(Addition):
    """Sums in a form with room for longer ones: "00047+00285=233000".

    Each number has 1 to `known` digits of its own, all lengths with equal chance, and zeros in the
    other places of the form. The digits stand in the last places or, if `anywhere`, at any place,
    the same for both numbers: "34700+28500".

    >>> task = ShortSums(digits=5, known=3)
    >>> task.render(task.make(1, seed=9)[0])
    '00921+00679=006100'
    """

    known: int = 3
    anywhere: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.field(self, "known", checks.whole, 1, min(self.digits, 5))

    @cached_property
    def chance(self) -> float:
        from scipy.signal import fftconvolve  # here, because scipy.signal takes a while to load

        lengths = np.arange(1, self.known + 1)
        values = np.arange(10**self.known)
        number = (values[:, None] < 10**lengths) @ (10.0**-lengths) / self.known
        total = np.convolve(number, number) if self.known < 4 else fftconvolve(number, number)
        places = 10 ** np.arange(self.digits - self.known + 1 if self.anywhere else 1)
        sums = np.multiply.outer(places, np.arange(len(total))).ravel()
        which = np.unique(sums, return_inverse=True)[1].reshape(-1)
        return float(np.bincount(which, np.tile(total, len(places))).max() / len(places))

    @property
    def shortcuts(self) -> Mapping[str, float]:
        lengths = np.arange(1, self.known + 1)
        shared = np.minimum.outer(lengths, lengths)
        return {"no carry": float(np.mean(0.55**shared))}

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        prompts, d = super()._prompts(n, rng), self.digits
        place = np.arange(d)[::-1]
        low = self.anywhere * rng.integers(0, d - self.known + 1, n)
        for start in (0, d + 1):
            top = low + rng.integers(1, self.known + 1, n)
            empty = (place < low[:, None]) | (place >= top[:, None])
            prompts[:, start : start + d][empty] = 0
        return prompts


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
        checks.field(self, "modulus", checks.whole, 2, 254)
        checks.field(self, "train_share", checks.within, 0, 1)
        checks.field(self, "seed", checks.seed)
        if self.operation not in self._SIGNS:
            raise ValueError(
                f"operation must be one of {', '.join(self._SIGNS)}; got {self.operation!r}"
            )
        if self.operation == "divide":
            from sympy import isprime  # here, because sympy takes half a second to load

            if not isprime(self.modulus):
                raise ValueError(f"division needs a prime modulus, and {self.modulus} is not prime")
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
            size = len(rows) if size is None else checks.whole(size, ("train", "val")[i], 1)
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
        require((a < self.modulus) & (b < self.modulus), "both numbers must be residues")
        results = self._table[a, b]
        require(results >= 0, "division by 0 has no answer")
        return results[:, None]

    def _is_val(self, prompts: np.ndarray, seed: int) -> np.ndarray:
        return self._val_table[prompts[:, 0], prompts[:, 2]]
