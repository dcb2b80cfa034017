"""How far dare you (chapter 8): fit to the runs up to a budget, forecast those above, and look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm as normal
from scipy.stats import t as student

from ..bets import fit_band, near_best, plain
from .base import Explorer, one_of, rounded

SHOWN = (
    ("surface", "all runs"),
    ("frontier", "all runs"),
    ("frontier", "... of 5 budgets"),
    ("joined", "all runs"),
    ("joined", "... of 3 budgets"),
)
"""The entrants of the race that the explorer shows, as far as they took part."""


class HowFar(Explorer):
    """The race of chapter 8, one forecast at a time: its law, its band, and what came out.

    `runs` is a table of `bets.prepared`, `race` that of `bets.race` on these runs, and `won` the
    rows of one entrant with the half width in % of its 95 % band from resampling in `band`.
    Values: `entrant` (its number), `reach` (the number of the largest budget in the fit, from 0),
    `ahead` (so many budgets further up are opened) and `band` ("record" or "resampling").

    >>> from scalinglaws import reference
    >>> from scalinglaws.course import bets
    >>> runs = bets.prepared(reference("isoflop"))
    >>> one = ("joined", "... of 3 budgets")
    >>> race = bets.race(runs, {one: bets.entrants()[one]}, first=7)
    >>> explorer = HowFar(runs, race, race.assign(band=1.0))
    >>> explorer["ahead"] = 2
    >>> explorer.tally()
    (22, 22)
    """

    name = "how_far"

    def __init__(self, runs: pd.DataFrame, race: pd.DataFrame, won: pd.DataFrame) -> None:
        self.budgets = np.unique(runs["budget"])
        first = int(np.searchsorted(self.budgets, race["threshold"].min()))
        self._first, self._race = first, race
        by = {pair: rows for pair, rows in race.groupby(["shape", "diet"])}
        self.entrants = [pair for pair in SHOWN if pair in by]
        winner = (won["shape"].iloc[0], won["diet"].iloc[0])
        resampled = [float(half) for half in won["band"]]
        targets = near_best(runs[runs["budget"] > self.budgets[first]])
        lowest = runs.groupby(["budget", "width"])["loss"].mean().groupby("budget")
        data: dict[str, Any] = {
            "C": rounded(self.budgets, 3),
            "best": rounded(lowest.min(), 4),
            "first": first,
            "of": [int(np.searchsorted(self.budgets, c)) for c in targets["budget"]],
            "isBest": "".join(
                "01"[int(width == lowest.idxmin()[budget][1])]
                for budget, width in zip(targets["budget"], targets["width"], strict=True)
            ),
            "entrants": [
                {
                    "name": f"{plain(shape)}, {plain(diet)}",
                    "miss": [
                        [round(10 * float(miss)) for miss in rows["miss"]]  # tenths of a per cent
                        for _, rows in by[shape, diet].groupby("threshold")
                    ],
                    "record": self._bands(by[shape, diet]),
                }
                for shape, diet in self.entrants
            ],
        }
        place = self.entrants.index(winner)
        data["entrants"][place]["resampling"] = [
            rounded([resampled[i] for i in np.flatnonzero((won["threshold"] == c).to_numpy())], 2)
            for c in self.budgets[first:-1]
        ]
        super().__init__(
            label="Explorer: choose a law and the budgets of its fit, then open the runs beyond",
            still=(
                "An explorer stands here where scripts run: the forecasts of a law for the budgets "
                "above those of its fit, its band, and the runs that were trained there."
            ),
            data=data,
            values={"entrant": place, "reach": first, "ahead": 0, "band": "record"},
            checks={
                "entrant": one_of(*range(len(self.entrants))),
                "reach": one_of(*range(first, len(self.budgets) - 1)),
                "ahead": one_of(*range(len(self.budgets) - first)),
                "band": one_of("record", "resampling"),
            },
        )

    def _bands(self, rows: pd.DataFrame) -> list[list[float]]:
        """For each threshold, noise and drift of the band from the others, times the quantiles."""
        made = []
        for threshold in np.unique(rows["threshold"]):
            rest = rows[rows["threshold"] != threshold]
            if rest["threshold"].nunique() < 2:
                rest = rows
            band = fit_band(rest["miss"], rest["factor"], rest["threshold"])
            drift = float(student.ppf(0.975, band.thresholds)) * band.drift
            made.append(rounded([float(normal.ppf(0.975)) * band.noise, drift], 4))
        return made

    def tally(self) -> tuple[int, int]:
        """How many of the runs that are opened lie in the band, and of how many.

        From the misses as the page has them, to a tenth of a per cent.
        """
        data, values = self.data, self.values
        entrant, at = data["entrants"][values["entrant"]], values["reach"] - self._first
        of = [i for i in data["of"] if i > values["reach"]]
        if values["band"] == "resampling" and "resampling" in entrant:
            half = entrant["resampling"][at]
        else:
            noise, drift = entrant["record"][at]
            reach = self.budgets[values["reach"]]
            half = [float(np.hypot(noise, drift * np.log(self.budgets[i] / reach))) for i in of]
        opened = [i <= values["reach"] + values["ahead"] for i in of]
        held = [abs(m) / 10 <= h for m, h in zip(entrant["miss"][at], half, strict=True)]
        inside = [h for h, o in zip(held, opened, strict=True) if o]
        return sum(inside), len(inside)
