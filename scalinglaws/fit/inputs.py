"""What the fits ask of their data before they begin."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import positive

EXTREME = 1e-100
"""Smaller numbers than this, and larger ones than its inverse, overflow when they are squared."""


def equally_long(**values: ArrayLike) -> tuple[np.ndarray, ...]:
    """Lists of positive numbers as arrays. Raises ValueError if they are not, or not as long."""
    arrays = {name: positive(value, name) for name, value in values.items()}
    same_length(**arrays)
    for name, array in arrays.items():
        if array.size and not (array.min() >= EXTREME and array.max() <= 1 / EXTREME):
            raise ValueError(
                f"{name} reach from {array.min():.3g} to {array.max():.3g}: a fit holds numbers "
                f"from {EXTREME:g} to {1 / EXTREME:g}; use another unit"
            )
    return tuple(arrays.values())


def same_length(**arrays: np.ndarray) -> None:
    """Raises ValueError unless the arrays have one dimension and one length."""
    shapes = [array.shape for array in arrays.values()]
    if len(shapes[0]) != 1 or len(set(shapes)) != 1:
        number = "two lists" if len(shapes) == 2 else "lists"
        raise ValueError(
            f"{_listed(arrays)} must be {number} of equal length, got shapes "
            f"{_listed(map(str, shapes))}"
        )


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}"


def checked_huber(huber: Any) -> float:
    """The delta of Huber's loss as a float. Raises ValueError unless it is a number above 0."""
    try:
        number = float(huber) if isinstance(huber, Real) else math.nan
    except OverflowError:
        number = math.inf
    if not number > 0:
        raise ValueError(f"huber must be above 0, got {huber!r}")
    return number


def checked_k(k: Any) -> float:
    """FLOPs per parameter and token. Raises ValueError unless k is a finite number above 0."""
    try:
        number = float(k) if isinstance(k, Real) else math.nan
    except OverflowError:
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"k must be a positive number of FLOPs, got {k!r}")
    return number


def mean_over_seeds(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different x, the mean of y at each, and the standard error of that mean (NaN for one).

    >>> mean_over_seeds([1.0, 2.0, 2.0], [3.0, 4.0, 5.0])
    (array([1., 2.]), array([3. , 4.5]), array([nan, 0.5]))
    """
    x, y = equally_long(x=x, y=y)
    sizes = np.unique(x)
    groups = [y[x == size] for size in sizes]
    error = [g.std(ddof=1) / math.sqrt(len(g)) if len(g) > 1 else math.nan for g in groups]
    return sizes, np.array([g.mean() for g in groups]), np.array(error)
