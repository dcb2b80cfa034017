"""What the worlds share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t


def rounded(values: Any, digits: int = 6) -> np.ndarray:
    """Values with so many significant digits."""
    return np.array([float(f"{value:.{digits}g}") for value in np.ravel(values)])


def slope(x: Any, y: Any) -> float:
    """Minus the slope of the straight line through ln y over ln x."""
    return float(-np.polyfit(np.log(x), np.log(y), 1)[0])


def bend(x: Any, y: Any, level: float = 0.95) -> tuple[float, float, float]:
    """The coefficient of (ln x)^2 in a parabola through ln y, and its interval by Student's t."""
    u, v = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    u = u - u.mean()
    M = np.column_stack([np.ones_like(u), u, u**2])
    found, *_ = np.linalg.lstsq(M, v, rcond=None)
    freedom = len(u) - 3
    variance = np.sum((v - M @ found) ** 2) / freedom
    error = np.sqrt(variance * np.linalg.inv(M.T @ M)[2, 2])
    reach = float(t.ppf((1 + level) / 2, freedom) * error)
    return float(found[2]), float(found[2] - reach), float(found[2] + reach)


def shuffled(rng: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table in another order."""
    return table.iloc[rng.permutation(len(table))].reset_index(drop=True)
