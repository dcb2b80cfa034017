"""The factorial of chapter 7: its true budgets, its trainings, and seven readings of each exponent.

A training is named by its rules, three switches that stand at 0 for the rule of 2020 and at 1 for
that of 2022: warm-up, cooldown, rate and batch. The fourth choice, the count, needs no training: it
says which parameters are N, and with that on which budgets runs must lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ..estimate import Estimate
from ..fit import AllocationFit, Factorial, Scatter, fit_isoflop, fit_scatter
from ..fit.factorial import summary
from ..learners import TransformerConfig
from ..runs import finished, reference
from .readings import by_bowls, by_surface

Count = Literal["non_embedding", "total"]
"""What N counts: the blocks alone, or everything."""

NAMES = ("counting", "warm-up", "cooldown", "rate and batch")
"""The four choices."""

PARAMS: dict[Count, str] = {"non_embedding": "params_non_embedding", "total": "params_total"}
"""The column of parameters by each count."""

BUDGETS: dict[Count, dict[float, tuple[int, ...]]] = {
    "non_embedding": {
        1.6e9: (4, 8, 12, 16, 24),
        4.2e9: (8, 12, 16, 24, 32),
        1.15e10: (8, 12, 16, 24, 32),
        3.1e10: (12, 16, 24, 32, 48),
    },
    "total": {
        3e9: (4, 8, 12, 16, 24),
        7.5e9: (8, 12, 16, 24, 32),
        1.9e10: (12, 16, 24, 32, 48),
        4.7e10: (16, 24, 32, 48, 64),
    },
}
"""For each count its budgets (FLOPs) and the widths that are trained at each."""

READINGS = ("parabolas", "parabolas, four sizes", "paraboloid", "paraboloid, within 5",
            "paraboloid, within 3", "paraboloid, one ladder", "paraboloid, no width 4")  # fmt: skip
"""The seven ways of reading an exponent, see `Trainings.read`."""

STUDIES = ("kaplan-warmup", "kaplan-cooldown", "kaplan-tuned", "factorial")
"""The studies whose runs make the factorial."""

WARM_UP, DRAWS = 2**14, 500


def ladder(count: Count) -> dict[tuple[int, int], float]:
    """The runs of a count: the true budget in FLOPs of each (width, tokens).

    At a budget C a model that costs c FLOPs a token reads C / c tokens.

    >>> len(ladder("total")), max(ladder("non_embedding").values())
    (20, 31000000000.0)
    """
    return {
        (width, round(C / TransformerConfig(width).flops_per_token(count)) // 32 * 32): C
        for C, widths in BUDGETS[count].items()
        for width in widths
    }


def true_budget(table: pd.DataFrame, count: Count) -> np.ndarray:
    """The true budget of each run by a count (FLOPs), NaN for runs of no ladder, shape (runs,).

    >>> true_budget(pd.DataFrame({"width": [4], "tokens": [32]}), "total").tolist()
    [nan]
    """
    known = ladder(count)
    return np.array(
        [known.get(run, np.nan) for run in zip(table["width"], table["tokens"], strict=True)]
    )


def again(fit: AllocationFit, level: float = 0.8) -> Estimate:
    """The exponent of new runs by the same rules with other seeds.

    Their noise is their own, so the interval is the square root of two times as wide.
    """
    draws = fit.a + np.sqrt(2) * (fit.draws["a"] - fit.a)
    return summary([fit.a, *draws], level)


@dataclass(frozen=True)
class Trainings:
    """The runs of all eight trainings, and how they scatter between seeds.

    Runs at one rate for all sizes scatter otherwise than tuned ones, so each kind has a scatter of
    its own, from all its pairs of seeds. Runs that branch off one trunk share luck.
    """

    runs: pd.DataFrame
    """Finished runs, indexed 0, 1, 2, ..."""
    trunk: pd.Series
    """The trunk of each run."""
    scatters: tuple[Scatter, Scatter]
    """Between seeds, of untuned and of tuned runs."""

    @classmethod
    def shipped(cls) -> Trainings:
        """The runs of the package.

        >>> trained = Trainings.shipped()
        >>> len(trained.of(0, 0, 0)), len(trained.of(1, 1, 1))
        (80, 84)
        """
        runs = finished(pd.concat(map(reference, STUDIES), ignore_index=True))
        kept = runs.fillna({"batch": 0})
        start = ["width", "warmup", "lr", "batch"]
        trunk = kept.groupby([*start, "seed"]).ngroup()
        twins = kept.groupby([*start, "cooldown", "tokens"]).ngroup()
        found = []
        for rows in (runs[runs["batch"].notna()], runs[runs["batch"].isna()]):
            at = rows.index
            sizes, texts, losses = rows["params"], rows["tokens"], rows["loss"]
            found.append(fit_scatter(sizes, texts, losses, settings=twins[at], groups=trunk[at]))
        return cls(runs, trunk, (found[0], found[1]))

    def of(self, warm_up: int, cooldown: int, tuned: int) -> pd.DataFrame:
        """The runs of one training, each switch 0 for the rule of 2020 and 1 for that of 2022."""
        longest = (1 - self.runs["cooldown"]) * self.runs["tokens"]
        wanted = self.runs["params"] / 4 if warm_up else WARM_UP
        took = np.minimum(self.runs["warmup"], longest)
        same = abs(took - np.minimum(wanted, 0.7 * self.runs["tokens"])) < 1
        cooled = (self.runs["cooldown"] > 0) == bool(cooldown)
        return self.runs[same & cooled & (self.runs["batch"].isna() == bool(tuned))]

    def parabolas(self, table: pd.DataFrame, count: Count) -> AllocationFit:
        """The exponent as in chapter 6, on the true budgets of a count.

        A parabola in ln N at each budget and a line through the lowest points. The intervals hold
        the scatter between seeds and that of the lowest points about the line.
        """
        C = true_budget(table, count)
        rows, C = table[C > 0], C[C > 0]
        tuned = int(rows["batch"].isna().all())
        return fit_isoflop(
            rows[PARAMS[count]], rows["tokens"], rows["loss"], flops=C, bootstrap=1000,
            scatter=self.scatters[tuned], groups=rows[["width", "seed"]],
        )  # fmt: skip

    def twins(self, tuned: int) -> float:
        """How far the luck of a seed is the same for a run with a cooldown and its twin without.

        The twins share the trunk and the text, and differ from the start of the cooldown on: the
        correlation of what they deviate from the mean over seeds, in units of the scatter.

        >>> trained = Trainings.shipped()
        >>> 0 < trained.twins(1) < trained.twins(0) < 1
        True
        """
        rows = self.runs[self.runs["batch"].isna() == bool(tuned)].fillna({"batch": 0})
        setting = ["width", "warmup", "lr", "batch", "tokens"]
        luck = np.log(rows["loss"]) / self.scatters[tuned].sd(rows["tokens"])
        luck -= luck.groupby([rows[name] for name in [*setting, "cooldown"]]).transform("mean")
        cooled = np.where(rows["cooldown"] > 0, "with", "without")
        pairs = luck.groupby([*(rows[name] for name in [*setting, "seed"]), cooled]).mean()
        both = pairs[pairs != 0].unstack().dropna()
        return float(np.clip(np.corrcoef(both["with"], both["without"])[0, 1], 0, 1))

    def noisy(self) -> np.ndarray:
        """Logarithms of the losses as measured and with noise of seeds, (1 + draws, runs).

        The noise is drawn once for all runs, so that what trainings share cancels. Of the noise of
        a run with a cooldown and its twin without a part is common (`twins`).
        """
        log_L = np.tile(np.log(self.runs["loss"].to_numpy(float)), (1 + DRAWS, 1))
        tuned = self.runs["batch"].isna()
        branch = 2 * self.trunk + (self.runs["cooldown"] > 0)
        for kind, rows in enumerate((self.runs[~tuned], self.runs[tuned])):
            common = self.twins(kind)
            for part, groups, seed in ((common, self.trunk, kind), (1 - common, branch, 2 + kind)):
                log_L[1:, rows.index] += np.sqrt(part) * self.scatters[kind].draw(
                    rows["tokens"], groups[rows.index], seed, draws=DRAWS
                )
        return log_L

    def read(
        self, log_L: np.ndarray, rules: tuple[int, int, int], count: Count, part: slice
    ) -> dict[str, np.ndarray]:
        """The exponent of one training by each reading, over a part of the budgets, (1 + draws,).

        "parabolas" fits a parabola to the five sizes of each budget, "four sizes" to the four of
        least loss. "paraboloid" fits one quadratic to the runs of both ladders, "within 5" and
        "within 3" to those within that factor of the best size, "one ladder" to the ladder of the
        count alone, "no width 4" to both without the smallest model.
        """
        table = self.of(*rules)
        best = self.parabolas(table, "total").N_opt(table["flops"].to_numpy(float))
        N, D = table[PARAMS[count]].to_numpy(float), table["tokens"].to_numpy(float)
        L, C = log_L[:, table.index], {one: true_budget(table, one) for one in BUDGETS}
        on = {one: np.isin(C[one], list(BUDGETS[one])[part]) for one in BUDGETS}
        own, both = on[count], on["non_embedding"] | on["total"]
        off = np.exp(abs(np.log(table["params_total"].to_numpy(float) / best)))
        wide = (table["width"] > 4).to_numpy()
        each = (both, both & (off < 5), both & (off < 3), own, both & wide)
        found = {name: by_bowls(N[own], C[count][own], L[:, own], keep=keep)
                 for name, keep in zip(READINGS, (None, 4), strict=False)}  # fmt: skip
        for name, of in zip(READINGS[2:], each, strict=True):
            found[name] = by_surface(N[of], D[of], L[:, of])
        return found

    def factorial(self, part: slice = slice(None)) -> dict[str, Factorial]:
        """The factorial of `NAMES` by each of `READINGS`, over some budgets."""
        log_L = self.noisy()
        found = {
            (k, *rules): self.read(log_L, rules, count, part)
            for rules in np.ndindex(2, 2, 2)
            for k, count in enumerate(BUDGETS)
        }
        return {way: Factorial(NAMES, {at: a[way] for at, a in found.items()}) for way in READINGS}
