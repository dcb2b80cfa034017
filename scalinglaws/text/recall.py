"""Recall of what stood before: in the prompt (`Induction`) or in training (`Memorise`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

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
    require,
)


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
        checks.field(self, "symbols", checks.whole, 2, len(LOWER + UPPER))
        checks.field(self, "longest", checks.whole, 2, self.symbols)
        checks.field(self, "shortest", checks.whole, 2, self.longest)
        checks.field(self, "length", checks.whole, self.longest + 2, 10_000)
        if self.period != "random":
            checks.field(self, "period", checks.whole, self.shortest, self.longest)

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
        require(returned.any(axis=1), "no period shows: the first letter does not return")
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
        checks.field(self, "keys", checks.whole, 2, 1_000_000)
        checks.field(self, "digits", checks.whole, 1, 100)
        checks.field(self, "seed", checks.seed)

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
        require(((letters >= 0) & (letters < 26)).all(axis=1), "a key is written in letters")
        keys = number_from(letters, len(LOWER))
        require(keys < self.keys, "there is no such key")
        return self.table[keys]
