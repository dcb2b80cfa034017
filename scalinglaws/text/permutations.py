"""Permutations and other elements of a group, carried out one after another."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import _checks as checks
from .task import Task, Vocabulary, number_from, require


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
        checks.field(self, "length", checks.whole, 2, 1000)
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
        require((elements < len(self.elements)).all(axis=1), "'=' may only stand at the end")
        products = np.empty((len(prompts), self.length - 1), dtype=int)
        so_far = elements[:, 0]
        for i in range(1, self.length):
            so_far = products[:, i - 1] = self.table[so_far, elements[:, i]]
        return products if self.steps else products[:, -1:]
