"""A long product whose value can be written at once, or step by step: thinking in steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .permutations import Composition
from .task import Task, Vocabulary, require

_FORMATS = ("direct", "steps", "targets")
_SWITCHES = (" D", " C", " T")


@dataclass(frozen=True)
class RunningProduct(Task):
    """Orders of three things carried out one after another, in formats told apart by a switch.

    An example is a switch token, `length` orders, "=", and as many tokens less one. Each order is
    the identity with probability `idle`, else drawn uniformly from all six, so that a product
    often stays as it is. The formats:

    "direct": after "=" stands the whole product, then empty tokens.
    "steps": the product of the first two orders, of the first three, and so on; the last is the
    whole product. Each token written can be read by those after it.
    "targets": the model is asked for the same tokens at the same places as in "steps", but reads
    empty tokens there: it is told as much in training, and gets nothing of what it wrote back.

    Every example is in one of `formats`, drawn with equal chance. The shortcut answers with the
    last order that is not the identity; its rate is for the order drawn, not measured.

    >>> task = RunningProduct(length=5, idle=0.5)
    >>> task.render(task.written("steps", task.orders(1, seed=2))[0])
    'C 123 132 123 123 123 = 132 132 132 132'
    """

    length: int = 16
    idle: float = 0.9
    formats: tuple[str, ...] = ("direct", "steps")

    _GROUP: ClassVar[Composition] = Composition("S3", 2)

    def __post_init__(self) -> None:
        checks.field(self, "length", checks.whole, 2, 200)
        object.__setattr__(self, "idle", checks.real(self.idle, "idle"))
        if not 0 <= self.idle < 1:
            raise ValueError(f"idle is a share, at least 0 and below 1; got {self.idle}")
        object.__setattr__(self, "formats", tuple(self.formats))
        if not self.formats or not set(self.formats) <= set(_FORMATS):
            raise ValueError(f"formats must be some of {', '.join(_FORMATS)}; got {self.formats}")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((*self._GROUP.vocabulary.symbols, *_SWITCHES, " _"))

    @property
    def prompt_length(self) -> int:
        return self.length + 2

    @property
    def example_length(self) -> int:
        return self.prompt_length + self.length - 1

    @property
    def chance(self) -> float:
        """Rate of the commonest product, the identity, as an answer to all."""
        return 1 / 6 + 5 / 6 * self.idle**self.length

    @property
    def shortcuts(self) -> Mapping[str, float]:
        """ "last order": the last one that is not the identity, or the identity if all are."""
        # Among orders that are not the identity, products before the last of them are the
        # identity with the chance that a product of the others is.
        quiet = self.idle + (1 - self.idle) / 6
        length, rate = self.length, 0.0
        for before in range(length):  # so many orders stand before the last that is not idle
            last_here = (1 - quiet) * quiet ** (length - 1 - before)
            rate += last_here * (1 / 6 + 5 / 6 * self.idle**before)
        return {"last order": rate + quiet**length}

    def orders(self, n: int, seed: int) -> np.ndarray:
        """Random orders, as tokens from 0 to 5, (n, length)."""
        return self._orders(checks.whole(n, "n", 1), np.random.default_rng(checks.seed(seed)))

    def _orders(self, n: int, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.integers(0, 6, (n, self.length))
        return np.where(rng.random((n, self.length)) < self.idle, 0, drawn)

    def products(self, orders: np.ndarray) -> np.ndarray:
        """Products of the first two orders, the first three, and so on. To (n, length - 1)."""
        so_far, found = orders[:, 0], []
        for column in orders.T[1:]:
            so_far = self._GROUP.table[so_far, column]
            found.append(so_far)
        return np.stack(found, axis=1)

    def written(self, format: str, orders: np.ndarray) -> np.ndarray:
        """Whole examples of one format, (n, example_length).

        Raises ValueError if there is no such format.
        """
        if format not in _FORMATS:
            raise ValueError(f"format must be one of {', '.join(_FORMATS)}; got {format!r}")
        ends = np.tile([7 + _FORMATS.index(format), 6], (len(orders), 1))
        prompts = np.concatenate([ends[:, :1], orders, ends[:, 1:]], axis=1)
        return np.concatenate([prompts, self._answers(prompts)], axis=1).astype(np.uint8)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        switches = 7 + np.array([_FORMATS.index(name) for name in self.formats])
        return np.concatenate(
            [rng.choice(switches, (n, 1)), self._orders(n, rng), np.full((n, 1), 6)], axis=1
        )

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        orders, format = prompts[:, 1:-1].astype(int), prompts[:, 0].astype(int) - 7
        require((orders < 6).all(axis=1), "between the switch and '=' stand orders alone")
        require((format >= 0) & (format < 3), "the first token is a switch")
        products = self.products(orders)
        written = np.full_like(products, 10)
        written[:, 0] = np.where(format == 0, products[:, -1], 10)
        written[format == 1] = products[format == 1]
        return written

    def _is_val(self, prompts: np.ndarray, seed: int) -> np.ndarray:
        """By the orders alone: in no format does training show what is held out."""
        return super()._is_val(prompts[:, 1:-1], seed)

    def exam(self, n: int, seed: int = 0) -> np.ndarray:
        """`n` different lists of orders that `corpus` with this seed keeps out of training.

        They are drawn as training's are, but each is taken once, so the common ones, with hardly
        any order that does something, count less than in training. (n, length). Raises ValueError
        if there are not so many.
        """
        checks.whole(n, "n", 1)
        rows, fruitless = max(4096, 4 * n), 0
        found = np.zeros((0, self.length), dtype=np.uint8)
        while len(found) < n:
            if fruitless == 3:
                raise ValueError(f"only {len(found)} different lists were found, {n} are asked for")
            new = self._part(rows, True, seed)[:, 1 : self.length + 1]
            first = np.unique(new, axis=0, return_index=True)[1]
            fruitless = fruitless + 1 if len(first) == len(found) else 0
            found, rows = new[np.sort(first)], 2 * rows
        return found[:n].astype(int)

    def _targets(self, examples: np.ndarray) -> np.ndarray | None:
        """In the format "targets" the products are asked for, and empty tokens are read."""
        if "targets" not in self.formats:
            return None
        targets = examples.copy()
        here = examples[:, 0] == 7 + _FORMATS.index("targets")
        orders = examples[here, 1 : self.length + 1].astype(int)
        targets[here, self.prompt_length :] = self.products(orders)
        return targets

    def answered(self, format: str, written: np.ndarray) -> np.ndarray:
        """The answer in what was written after "=", (..., length - 1) to (...)."""
        return np.asarray(written)[..., 0 if format == "direct" else -1]

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        orders = prompts[:, 1:-1].astype(int)
        last = self.length - 1 - (orders[:, ::-1] != 0).argmax(axis=1)
        return orders[np.arange(len(orders)), last][:, None]

    @property
    def answer_length(self) -> int:
        return self.length - 1
