"""The comparison of laws of one quantity by how well they extrapolate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .curves import CURVES, SPACES, SQUARES, starts_of
from .inputs import mean_over_seeds
from .minimise import aicc


@dataclass(frozen=True, eq=False)
class Comparison:
    """How well several laws extrapolate, and how well they fit.

    `table` has one row per law, the best extrapolation first: its number of parameters; `held_out`,
    the root mean square of log measured minus log predicted over all points beyond the fits;
    `farthest`, the same at the largest factor beyond a fit; `in_sample`, the scatter of the fit to
    all points; and `AICc`, the corrected Akaike criterion of that fit, which counts the size of the
    noise as one parameter more. `errors` has one row for
    each law, cut and point beyond the cut; an error counts as at most 3 (a factor of 20), which is
    what a law gets that predicts a loss below zero.
    """

    table: pd.DataFrame
    errors: pd.DataFrame
    left_out: tuple[str, ...]
    """Laws that could not be compared, and why."""

    @property
    def best(self) -> str:
        """The law with the least error beyond what it was fitted to."""
        return str(self.table.index[0])

    def __str__(self) -> str:
        shown = self.table.copy()
        for name in ("held_out", "farthest", "in_sample"):
            shown[name] = [f"{100 * value:.2f} %" for value in shown[name]]
        shown["AICc"] = [f"{value:.1f}" for value in shown["AICc"]]
        return "\n".join([shown.to_string(), *(f"left out: {reason}" for reason in self.left_out)])


def compare(
    x: ArrayLike, y: ArrayLike, *, kinds: Sequence[str] = CURVES, least: int | None = None
) -> Comparison:
    """Fit each law to the smallest x only and see how far off it is at the larger ones.

    The cut goes through all places that leave at least `least` different x below it (by default
    as many as the law with the most parameters needs, or half of the points if those are fewer,
    and laws that need more are left out) and one above. A law that fits well and extrapolates
    badly is found out so, which a criterion computed on the fitted points alone cannot do.

    Losses may have any unit; errors are shares of the loss. Raises ValueError on values that are
    not positive numbers, for unknown kinds, and where no law has few enough parameters.

    >>> import numpy as np
    >>> x = np.geomspace(1e4, 1e9, 12)
    >>> loss = (1.5 + 20 * x**-0.25) * np.exp(0.002 * np.cos(7 * np.arange(12)))
    >>> found = compare(x, loss, kinds=("power law", "power law with floor", "logarithm"))
    >>> found.best
    'power law with floor'
    >>> list(found.table.columns)
    ['parameters', 'held_out', 'farthest', 'in_sample', 'AICc']
    """
    unknown = set(kinds) - set(CURVES)
    if unknown or not kinds:
        raise ValueError(f"kinds must be some of {', '.join(CURVES)}; got {', '.join(kinds)}")
    x, y, _ = mean_over_seeds(np.asarray(x), np.asarray(y))
    most = max(2, (len(x) + 1) // 2)
    if least is None:
        least = min(max(len(SPACES[kind].names) for kind in kinds) + 1, most)
    if not 3 <= least < len(x):
        raise ValueError(
            f"least must lie between 3 and {len(x) - 1}, one below the number of different x; "
            f"got {least}"
        )
    left_out, rows, errors = [], [], []
    for kind in kinds:
        space = SPACES[kind]
        p = len(space.names)
        if p >= least:
            left_out.append(f"{kind}: {p} parameters, but the shortest fit has {least} points")
            continue
        for cut in range(least, len(x)):
            theta, _ = _point(kind, x[:cut], y[:cut])
            beyond = np.log(y[cut:]) - space.formula(theta[None], (x[cut:],))[0]
            errors += [
                {"law": kind, "fitted_to": x[cut - 1], "x": far, "factor": far / x[cut - 1],
                 "error": float(np.clip(error, -3, 3))}
                for far, error in zip(x[cut:], beyond, strict=True)
            ]  # fmt: skip
        _, cost = _point(kind, x, y)
        n = len(x)
        rows.append(
            {"law": kind, "parameters": p, "in_sample": math.sqrt(2 * cost / max(1, n - p)),
             "AICc": aicc(2 * cost, n, p + 1)}  # the size of the noise counts as one more
        )  # fmt: skip
    if not rows:
        raise ValueError("no law has few enough parameters for these points: give more points")
    long = pd.DataFrame(errors)
    squares = long.assign(square=long["error"] ** 2)
    table = pd.DataFrame(rows).set_index("law")
    table["held_out"] = np.sqrt(squares.groupby("law")["square"].mean())
    far = squares[squares["factor"] >= squares["factor"].max() * (1 - 1e-9)]
    table["farthest"] = np.sqrt(far.groupby("law")["square"].mean())
    order = ["parameters", "held_out", "farthest", "in_sample", "AICc"]
    return Comparison(table[order].sort_values("held_out"), long, tuple(left_out))


def _point(kind: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """The least-squares fit of a law: theta (p,) and its cost, half the sum of squares."""
    theta, cost, _ = SPACES[kind].search(starts_of(kind, x, y), (x,), np.log(y), SQUARES)
    return theta, cost
