"""The data wall (chapter 14): how readings of one ration lose their worth, by the fitted law."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ...fit.surfaces import LawFit
from ...laws import MUENNIGHOFF, DataConstrainedLaw
from .base import Explorer, needs, one_of, rounded, within

PUBLISHED = "published constants"
"""The surface of the first fit, with R_D and R_N of Muennighoff et al. (2023)."""
MOST = 64
"""Readings, at most."""


class DataWall(Explorer):
    """What further readings of a ration are worth, by a law of repeated data and by the runs.

    `fits` holds for each name a fit of `fit_data_constrained` and the runs that are shown beside
    it, a table of `wall.early_stops`. Values: `fit` (one of the names, or `PUBLISHED`), `width` and
    `ration` (of those runs), and `readings`. Raises ValueError if a fit is no answer, or if the
    tables share no width or ration.

    >>> from scalinglaws import fit_data_constrained, reference
    >>> from scalinglaws.course.wall import early_stops
    >>> few = "weight_decay == 0 and width < 100 and seed == 10"
    >>> runs = early_stops(reference("wall").query(few))
    >>> fit = fit_data_constrained(runs["params"], runs["tokens"], np.minimum(
    ...     runs["ration"], runs["tokens"]), runs["stopped"], bootstrap=100)
    >>> wall = DataWall({"no decay": (fit, runs)})
    >>> wall["readings"] = 4
    >>> 1 < wall.reuse() < wall.tokens_worth() < 4
    True
    """

    name = "data_wall"

    def __init__(self, fits: Mapping[str, tuple[LawFit, pd.DataFrame]]) -> None:
        if not fits or any(not fit.status.usable for fit, _ in fits.values()):
            raise ValueError("at least one fit is needed, and each must be an answer")
        for name, (_, runs) in fits.items():
            needs(runs, name, "width", "ration", "params", "tokens", "epochs", "stopped",
                  "weight_decay")  # fmt: skip
        tables = {name: runs[runs["epochs"] <= MOST] for name, (_, runs) in fits.items()}
        repeated = [runs[np.isfinite(runs["ration"])] for runs in tables.values()]
        widths = sorted(set.intersection(*(set(runs["width"]) for runs in repeated)))
        rations = sorted(set.intersection(*(set(runs["ration"]) for runs in repeated)))
        if not widths or not rations:
            raise ValueError("the tables share no width or no ration")
        first = next(iter(fits))
        self.laws: dict[str, DataConstrainedLaw] = {
            name: self._law(fit) for name, (fit, _) in fits.items()
        }
        self.laws[PUBLISHED] = replace(self.laws[first], R_D=MUENNIGHOFF.R_D, R_N=MUENNIGHOFF.R_N)
        said = {}
        for name, law in self.laws.items():
            ends = fits[name][0].interval("R_D") if name in fits else (law.R_D, law.R_D)
            said[name] = {
                "law": rounded([getattr(law, each) for each in law.names()], 8),
                "R_D": rounded(list(ends)),
                "like": name if name in fits else first,
            }
        shown = {
            name: [[self._shown(table, w, u) for u in (*rations, math.inf)] for w in widths]
            for name, table in tables.items()
        }
        params = repeated[0].groupby("width")["params"].first()
        self._params = {int(width): float(params[width]) for width in widths}
        super().__init__(
            label="Explorer: a ration of text read again and again, and what each reading is worth",
            still=(
                "An explorer stands here where scripts run: choose a model, its ration of text and "
                "how often it is read, and see what the readings are worth in fresh text."
            ),
            data={
                "fits": said,
                "runs": shown,
                "widths": [int(width) for width in widths],
                "params": rounded(list(self._params.values()), 8),
                "rations": [int(ration) for ration in rations],
                "most": MOST,
            },
            values={
                "fit": first,
                "width": int(widths[len(widths) // 2]),
                "ration": int(rations[0]),
                "readings": 4.0,
            },
            checks={
                "fit": one_of(*self.laws),
                "width": one_of(*map(int, widths)),
                "ration": one_of(*map(int, rations)),
                "readings": within(1, MOST),
            },
        )

    @staticmethod
    def _law(fit: LawFit) -> DataConstrainedLaw:
        if not isinstance(fit.law, DataConstrainedLaw):
            raise ValueError(f"a fit of the law of repeated data is needed, not of {fit.law}")
        return fit.law

    @staticmethod
    def _shown(table: pd.DataFrame, width: int, ration: float) -> list[list[float]]:
        """Tokens and mean stopped loss of the runs of a width on a ration, by tokens."""
        runs = table[(table["width"] == width) & (table["ration"] == ration)]
        if math.isinf(ration):  # of fresh text, the decay that is best for each length
            least = runs.groupby(["tokens", "weight_decay"])["stopped"].mean().groupby("tokens")
            means = least.min()
        else:
            means = runs.groupby("tokens")["stopped"].mean()
        pairs = zip(means.index.to_numpy(int), means, strict=True)
        return [[int(tokens), *rounded([loss], 4)] for tokens, loss in pairs]

    @property
    def law(self) -> DataConstrainedLaw:
        """The law that is chosen."""
        return self.laws[self["fit"]]

    def loss(self) -> float:
        """The loss after the chosen readings, by the law."""
        U = float(self["ration"])
        return float(self.law(self._params[self["width"]], U * self["readings"], U))

    def tokens_worth(self) -> float:
        """D' / U: what the readings are worth in rations of fresh text, by the law's first half."""
        U = float(self["ration"])
        return float(self.law.tokens_worth(U * self["readings"], U)) / U

    def reuse(self) -> float:
        """Rations of fresh text that take the same model to the same loss, by the whole law.

        On fresh text the law discounts surplus parameters too, less so the more text there is.
        """
        law, N, U = self.law, self._params[self["width"]], float(self["ration"])
        loss = self.loss()
        low, high = 0.0, math.log(MOST)
        for _ in range(50):  # bisect ln of the reuse: the loss falls with fresh text
            middle = (low + high) / 2
            D = U * math.exp(middle)
            low, high = (middle, high) if law(N, D, D) > loss else (low, middle)
        return math.exp((low + high) / 2)
