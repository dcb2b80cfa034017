"""What each of several choices does to a result, when all combinations of them were tried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks as checks
from ..estimate import Estimate

Levels = tuple[int, ...]
"""For each factor 0, as it was, or 1, changed."""


@dataclass(frozen=True, eq=False)
class Factorial:
    """A result under every combination of factors with two levels each (Fisher 1935; Yates 1937).

    `draws` holds, for each combination, the result and then bootstrap draws of it, in the unit of
    the result. Draws of the same place belong together: noise that combinations share cancels in
    their differences.

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 0.01, (4, 1000))
    >>> a = [0.9, 0.7, 0.6, 0.5]
    >>> cells = [(0, 0), (0, 1), (1, 0), (1, 1)]
    >>> draws = {c: np.append(v, v + e) for c, v, e in zip(cells, a, noise)}
    >>> walks = Factorial(("warm-up", "rate"), draws)
    >>> [float(round(step[0], 2)) for step in walks.steps("rate").values()]
    [-0.2, -0.1]
    >>> print(walks.effect("rate"))
    -0.15 (95% interval -0.1676 to -0.1306)
    >>> print(walks.effect("warm-up", "rate"))
    0.1 (95% interval 0.06251 to 0.1425)
    """

    factors: tuple[str, ...]
    """Names of the factors."""
    draws: Mapping[Levels, np.ndarray]
    """By the level of each factor: the result and its draws, shape (1 + bootstrap,) each."""

    def __post_init__(self) -> None:
        factors = tuple(self.factors)
        if not factors or len(set(factors)) != len(factors):
            raise ValueError(f"factors must be one or more different names, got {factors}")
        cells = {tuple(levels): np.asarray(v, float) for levels, v in self.draws.items()}
        wanted = set(product((0, 1), repeat=len(factors)))
        if set(cells) != wanted:
            lacking = ", ".join(map(str, sorted(wanted - set(cells)))) or "none"
            raise ValueError(
                f"draws must hold each of the {len(wanted)} combinations of levels 0 and 1, and "
                f"nothing else; lacking: {lacking}"
            )
        shapes = {v.shape for v in cells.values()}
        if len(shapes) > 1 or len(next(iter(shapes))) != 1 or next(iter(shapes))[0] < 2:
            raise ValueError(
                "each combination needs the result and as many draws of it as the others, shape "
                f"(1 + bootstrap,); got shapes {', '.join(map(str, sorted(shapes)))}"
            )
        object.__setattr__(self, "factors", factors)
        object.__setattr__(self, "draws", cells)

    def _place(self, factor: str) -> int:
        if factor not in self.factors:
            raise KeyError(f"no factor named {factor!r}; there are {', '.join(self.factors)}")
        return self.factors.index(factor)

    def steps(self, factor: str) -> dict[Levels, np.ndarray]:
        """What changing one factor adds, by the levels of the others, shape (1 + bootstrap,) each.

        The keys hold 0 in the factor's own place. Raises KeyError if there is no such factor.
        """
        i = self._place(factor)
        return {
            cell: self.draws[(*cell[:i], 1, *cell[i + 1 :])] - before
            for cell, before in self.draws.items()
            if cell[i] == 0
        }

    def contrast(self, *factors: str) -> np.ndarray:
        """The draws of an effect, shape (1 + bootstrap,): see `effect`."""
        if not factors or len(set(factors)) != len(factors):
            raise ValueError(f"name one or more different factors, got {factors}")
        places = [self._place(factor) for factor in factors]
        signs = {cell: (-1) ** sum(1 - cell[i] for i in places) for cell in self.draws}
        share = 2 ** (len(self.factors) - len(factors))
        total: np.ndarray = sum(signs[c] * v for c, v in self.draws.items()) / share
        return total

    def effect(self, *factors: str, level: float = 0.95) -> Estimate:
        """The main effect of one factor, or the interaction of several, with its interval.

        A main effect is the change that the factor makes, averaged over all levels of the others.
        The interaction of two is how much larger the step of one is once the other is changed,
        averaged over the rest; zero means that their steps add up. Raises KeyError for an unknown
        factor, ValueError unless 0 < level < 1.
        """
        return summary(self.contrast(*factors), level)

    def interactions(self) -> Iterator[tuple[str, str]]:
        """All pairs of factors."""
        return combinations(self.factors, 2)

    def share(self, factor: str) -> np.ndarray:
        """The step of one factor averaged over all orders of walking, shape (1 + bootstrap,).

        An order changes one factor after the other from all 0 to all 1. The averages of all
        factors add up to the whole way (Shapley 1953).
        """
        steps, k = self.steps(factor), len(self.factors)
        total = np.zeros_like(next(iter(steps.values())))
        for cell, step in steps.items():
            done = sum(cell)
            total += step * math.factorial(done) * math.factorial(k - 1 - done) / math.factorial(k)
        return total

    def walk(self, order: Sequence[str]) -> list[np.ndarray]:
        """The result at the start and after each step of one order, shape (1 + bootstrap,) each.

        Raises ValueError unless the order names each factor once.
        """
        if sorted(order) != sorted(self.factors):
            raise ValueError(f"an order names each of {self.factors} once, got {tuple(order)}")
        cell = [0] * len(self.factors)
        way = [self.draws[tuple(cell)]]
        for factor in order:
            cell[self._place(factor)] = 1
            way.append(self.draws[tuple(cell)])
        return way

    def orders(self) -> Iterator[tuple[str, ...]]:
        """All orders in which the factors can be changed."""
        return permutations(self.factors)


def summary(draws: ArrayLike, level: float = 0.95) -> Estimate:
    """The first of these numbers with the interval that the others span.

    `draws`: the value as measured and then its bootstrap draws, shape (1 + bootstrap,).

    >>> print(summary([0.5, *np.linspace(0.4, 0.6, 101)]))
    0.5 (95% interval 0.405 to 0.595)
    """
    values = np.asarray(draws, float)
    tail = (1 - checks.level(level)) / 2
    low, high = np.nanquantile(values[1:], (tail, 1 - tail))
    return Estimate(float(values[0]), float(low), float(high), level)
