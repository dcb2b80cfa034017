"""What is validated everywhere: whole numbers, real numbers, seeds, levels, arrays of positives.

Each check returns the value in its plain Python or numpy form, or raises an error that names what
was given and what it should have been.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _float(value: Any) -> float:
    """A real number as a float; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: Any, name: str, least: float = 0, most: float = math.inf) -> int:
    """`value` as an int. Raises ValueError unless it is a whole number from `least` to `most`."""
    if not _is_whole(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if most < math.inf and not least <= value <= most:
        raise ValueError(f"{name} must lie from {least} to {most}, got {value}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def real(value: Any, name: str) -> float:
    """`value` as a float. Raises ValueError unless it is a finite number."""
    if not _is_real(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
    number = _float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number}")
    return number


def within(value: Any, name: str, least: float, below: float) -> float:
    """`value` as a float. Raises ValueError unless it is a number and least <= value < below."""
    number = real(value, name)
    if not least <= number < below:
        raise ValueError(f"{name} must be at least {least} and below {below}, got {value}")
    return number


def above_zero(value: Any, name: str) -> float:
    """`value` as a float. Raises ValueError unless it is a finite number above 0."""
    if not _is_real(value):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    number = _float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {number}")
    return number


def seed(value: Any, name: str = "seed") -> int:
    """`value` as an int. Raises ValueError unless it is a whole number of at least 0."""
    if not _is_whole(value) or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")
    return int(value)


def level(value: Any) -> float:
    """The level of an interval as a float. Raises ValueError unless 0 < level < 1."""
    if not _is_real(value) or not 0 < value < 1:
        raise ValueError(f"level must lie between 0 and 1 (0.95 for 95 %), got {value!r}")
    return float(value)


def positive(values: ArrayLike, name: str) -> np.ndarray:
    """`values` as floats. Raises ValueError unless all are there, finite and above 0."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            array = np.ma.filled(values.astype(float), np.nan)
        else:
            array = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold numbers only: {error}") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        example = array[bad].flat[0] if array.ndim else array
        raise ValueError(
            f"{name} must be finite and above 0; {int(bad.sum())} of {array.size} values are not "
            f"(the first is {example}). Leave out runs that failed or diverged."
        )
    return array


def one_positive(value: ArrayLike, name: str) -> float:
    """`value` as a float. Raises ValueError unless it is one number, finite and above 0."""
    array = positive(value, name)
    if array.size != 1:
        raise ValueError(f"{name} must be one number, got {array.size}")
    return float(array.item())


def field(owner: Any, name: str, check: Callable[..., Any], *bounds: float) -> None:
    """Put the field `name` of a frozen dataclass into the plain form that `check` returns.

    `check` is one of the functions above; it gets the value, the name and the bounds.
    """
    object.__setattr__(owner, name, check(getattr(owner, name), name, *bounds))
