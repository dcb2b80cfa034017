"""Floor and range (chapter 2): a line through eight runs of a law with a floor, and its band."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import t as student

from ...laws import PowerLaw
from .base import Explorer, one_of, rounded, within, written

RUNS, SERIES, BEYOND = 8, 200, 10.0
"""Runs of a series, how many series there are, and how far beyond the last run is asked."""
REACH = 4.0
"""The noise is drawn once for all, cut at so many standard deviations."""
LEVELS = 91**2 - 1


class FloorAndRange(Explorer):
    """Eight runs from L = E + (1 - E) x^-alpha with noise, the line through them, and the truth.

    Values: `alpha`, `floor` (E, a share of the first loss), `noise` (in per cent of the loss),
    `decades` (the range of x), `series` (which of 200 draws of the noise is shown) and `truth`
    (whether the law and the count over all series are uncovered).

    >>> explorer = FloorAndRange()
    >>> explorer["floor"] = 0
    >>> holds, shows, silent = explorer.tally()
    >>> 180 <= holds <= 200  # 95 % of them, where the law is a line
    True
    """

    name = "floor"

    def __init__(self) -> None:
        drawn = np.random.default_rng(2).standard_normal((SERIES, RUNS))
        steps = np.rint((drawn / REACH + 1) / 2 * LEVELS).clip(0, LEVELS).astype(int)
        self.noise = REACH * (2 * steps / LEVELS - 1)
        data: dict[str, Any] = {
            "noise": written(np.stack(np.divmod(steps, 91), axis=-1)),
            "reach": REACH,
            "runs": RUNS,
            "beyond": BEYOND,
            "t": rounded(student.ppf(0.975, [RUNS - 2, RUNS - 3]), 8),
        }
        super().__init__(
            label="Explorer: a law with a floor, eight noisy runs, and the band of a straight line",
            still=(
                "An explorer stands here where scripts run: choose a law, its floor, the noise and "
                "the range of the runs, and see how often the band of a line holds the law."
            ),
            data=data,
            values={
                "alpha": 0.15,
                "floor": 0.4,
                "noise": 1.0,
                "decades": 1.5,
                "series": 0,
                "truth": False,
            },
            checks={
                "alpha": within(0.02, 0.6),
                "floor": within(0, 0.7),
                "noise": within(0.1, 5),
                "decades": within(0.5, 4),
                "series": one_of(*range(SERIES)),
                "truth": one_of(False, True),
            },
        )

    @property
    def law(self) -> PowerLaw:
        """The law that the runs come from."""
        return PowerLaw(A=1 - self["floor"], alpha=self["alpha"], E=self["floor"])

    def x(self) -> np.ndarray:
        """Where the runs lie, shape (8,)."""
        return np.geomspace(1, 10 ** self["decades"], RUNS)

    def losses(self) -> np.ndarray:
        """Losses of all series, shape (200, 8)."""
        return np.asarray(self.law(self.x()) * np.exp(self["noise"] / 100 * self.noise))

    def tally(self) -> tuple[int, int, int]:
        """In how many of 200 series the band holds the law, the bend shows, and neither.

        The band is the 95 % one of the line for the law ten times beyond the last run. The bend
        shows where the 95 % interval of the square term of a parabola leaves out zero.
        """
        x, Y = self.x(), np.log(self.losses()).T
        u = np.log(x) - np.log(x).mean()
        far = np.log(BEYOND * x[-1]) - np.log(x).mean()
        line, left, *_ = np.polyfit(u, Y, 1, full=True)
        half = student.ppf(0.975, RUNS - 2) * np.sqrt(left / (RUNS - 2))
        place = 1 / RUNS + far**2 / (u @ u)
        miss = line[0] * far + line[1] - np.log(self.law(BEYOND * x[-1]))
        holds = np.abs(miss) < half * np.sqrt(place)
        rest = np.polyfit(u, Y, 2, full=True)[1]
        bend = np.sqrt((left / rest - 1) * (RUNS - 3)) > student.ppf(0.975, RUNS - 3)
        return int(holds.sum()), int(bend.sum()), int((~holds & ~bend).sum())
