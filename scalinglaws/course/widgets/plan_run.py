"""Plan a training run (chapter 15): from money to machines, power, a model and its loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ... import plan
from ...fit import ChinchillaFit
from .base import Explorer, needs, rounded, within

LIMITS = {
    "money": (1e2, 1e10),
    "price": (0.5, 10.0),
    "utilisation": (0.05, 0.6),
    "days": (1.0, 365.0),
}
"""Between which ends each value may be set: money, money a GPU-hour, share of the peak, days."""


class PlanARun(Explorer):
    """What a budget buys: FLOPs, machines, power, N, D and a loss with its interval.

    `fit` is a law fitted to runs, `today` the assumptions about a GPU with its price and date, and
    `models` a table of real models with the columns model, flops, params, active_params and
    tokens. Values: `money`, `price` (of a GPU-hour), `utilisation` and `days`. Raises ValueError
    if `today` has no price, or the fit is no answer.

    >>> from scalinglaws import fit_chinchilla
    >>> from scalinglaws.course import wager
    >>> from scalinglaws.laws import CHINCHILLA_REFIT as law
    >>> N, D = np.meshgrid([1e8, 1e9, 1e10], [1e10, 1e11, 1e12])
    >>> noise = 1 + 0.002 * np.sin(np.arange(9.0))
    >>> fit = fit_chinchilla(N.ravel(), D.ravel(), law(N, D).ravel() * noise, bootstrap=100)
    >>> today = plan.Assumptions(price_per_gpu_hour=3.15, price_date="2026-05")
    >>> planned = PlanARun(fit, today, wager.models())
    >>> planned["money"], planned["days"] = 1e6, 30
    >>> planned.gpus()
    441
    """

    name = "plan_run"

    def __init__(self, fit: ChinchillaFit, today: plan.Assumptions, models: pd.DataFrame) -> None:
        if today.price_per_gpu_hour is None:
            raise ValueError("the plan needs a price of a GPU-hour, and its date")
        if not fit.status.usable:
            raise ValueError(f"the fit is no answer: {fit.status}")
        needs(models, "models", "model", "flops", "params", "active_params", "tokens")
        self.fit, self.today = fit, today
        law, measured = fit.law, fit.k * fit.N * fit.D
        ends = [
            np.log10(
                LIMITS["money"][side] / LIMITS["price"][1 - side]
                * LIMITS["utilisation"][side] * today.peak_flops * 3600
            )
            for side in (0, 1)
        ]  # fmt: skip
        powers = np.arange(math.floor(ends[0] * 4), math.ceil(ends[1] * 4) + 1) / 4
        best = [fit.optimum(float(10**power)) for power in powers]
        losses = [one.L for one in best if one.L is not None]
        dense = models[models["params"] == models["active_params"]]
        data: dict[str, Any] = {
            "law": rounded([law.E, law.A, law.alpha, law.B, law.beta], 8),
            "k": fit.k,
            "first": float(powers[0]),
            "L": [rounded([L.low - L.value, L.high - L.value], 4) for L in losses],
            "N": [rounded(np.log([one.N.low, one.N.high]) - np.log(one.N.value)) for one in best],
            "D": [rounded(np.log([one.D.low, one.D.high]) - np.log(one.D.value)) for one in best],
            "measured": rounded([measured.min(), measured.max()], 4),
            "peak": today.peak_flops,
            "watts": today.watts_per_gpu,
            "date": today.price_date,
            "models": [
                [str(row["model"]), *rounded([row["flops"], row["params"], row["tokens"]], 4)]
                for _, row in dense.iterrows()
            ],
            "limits": LIMITS,
        }
        super().__init__(
            label="Explorer: plan a training run from a budget: machines, power, model and loss",
            still=(
                "An explorer stands here where scripts run: choose a budget, a price, a "
                "utilisation and a number of days, and see the machines, the power, the best "
                "model and its expected loss."
            ),
            data=data,
            values={
                "money": 1e6,
                "price": today.price_per_gpu_hour,
                "utilisation": today.utilisation,
                "days": 30.0,
            },
            checks={name: within(*ends) for name, ends in LIMITS.items()},
        )

    def assumptions(self) -> plan.Assumptions:
        """Those that were handed over, with the chosen price and utilisation."""
        return replace(
            self.today, price_per_gpu_hour=self["price"], utilisation=self["utilisation"]
        )

    def plan(self) -> plan.Plan:
        """The compute-optimal model for the money, with its costs."""
        assumed = self.assumptions()
        flops = plan.flops_of(assumed, money=self["money"])
        return plan.compute_optimal(self.fit, flops).priced(assumed)

    def gpus(self) -> int:
        """So many GPUs are done within the days."""
        hours = self["money"] / self["price"]
        return max(1, math.ceil(hours / (24 * self["days"]) * (1 - 1e-9)))

    def megawatts(self) -> float:
        """The power that these GPUs draw together, with their share of the site."""
        return self.gpus() * self.today.watts_per_gpu / 1e6
