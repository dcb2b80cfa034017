"""The dial that makes laws (chapter 4): one learning rate for all widths, or a rule, and alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ...estimate import Estimate
from ...learners.transformer import default_lr
from .base import Explorer, needs, one_of, rounded, within

RANGES = ("all widths", "no smallest", "no largest")


class Dial(Explorer):
    """Loss against learning rate for each width, and the line L(C) that a choice of rates makes.

    `runs` is a scan as `reference("lr")`: columns width, params, tokens, flops, lr and loss, each
    width at one number of tokens and at three rates or more. Widths that read fewer tokens than
    they have parameters are left out. A bowl is a parabola of ln loss in ln rate, and the scatter
    about all bowls is the noise. Values: `recipe` ("the rule" or "one rate"), `rate` (that of the
    blocks; the ends' rate is changed by the same factor) and `range` (one of `RANGES`). Raises
    ValueError if fewer than four widths are left, or on a width with too few rates.

    >>> from scalinglaws import finished, reference
    >>> dial = Dial(finished(reference("lr")))
    >>> dial["recipe"] = "one rate"
    >>> dial["rate"] = 0.15 / 64
    >>> dial.difference().low > 0
    True
    """

    name = "dial"

    def __init__(self, runs: pd.DataFrame) -> None:
        needs(runs, "a scan of rates", "width", "params", "tokens", "flops", "lr", "loss")
        runs = runs[runs["tokens"] >= runs["params"]]
        self.widths = [int(width) for width in np.unique(runs["width"])]
        if len(self.widths) < 4:
            raise ValueError(f"a scan of four widths or more is needed, got {self.widths}")
        self.rule = np.array([default_lr(width) for width in self.widths])
        scans = [runs[runs["width"] == width] for width in self.widths]
        self.C = np.array([float(scan["flops"].mean()) for scan in scans])
        fits = [self._fitted(scan, rule) for scan, rule in zip(scans, self.rule, strict=True)]
        self._bowls = np.array([bowl for bowl, *_ in fits])
        self._free = sum(free for *_, free in fits)
        noise = sum(squares for _, _, squares, _ in fits) / self._free
        self._doubt = noise * np.array([inverse for _, inverse, *_ in fits])
        measured = [scan.assign(y=np.log(scan["loss"])).groupby("lr")["y"].mean() for scan in scans]
        low, high = float(self.rule.min()), float(self.rule.max())
        data: dict[str, Any] = {
            "widths": self.widths,
            "C": rounded(self.C, 6),
            "rule": rounded(self.rule, 6),
            "lr": [rounded(means.index, 4) for means in measured],
            "L": [rounded(np.exp(means), 5) for means in measured],
            "bowls": rounded(self._bowls, 7),
            "doubt": [rounded(one[np.triu_indices(3)], 5) for one in self._doubt],
            "t": rounded(float(student.ppf(0.975, self._free)), 6),
        }
        super().__init__(
            label="Explorer: one learning rate for all widths or a rule, and the line it makes",
            still=(
                "An explorer stands here where scripts run: choose one learning rate for all "
                "widths, or the rule, and see the line through the losses and its exponent."
            ),
            data=data,
            values={"recipe": "the rule", "rate": float(self.rule[-1]), "range": RANGES[0]},
            checks={
                "recipe": one_of("the rule", "one rate"),
                "rate": within(low, high),
                "range": one_of(*RANGES),
            },
        )

    @staticmethod
    def _fitted(scan: pd.DataFrame, rule: float) -> tuple[np.ndarray, np.ndarray, float, int]:
        """Bowl (square, slope, level), (X'X)^-1, sum of squares left, and degrees of freedom."""
        x, y = np.log(scan["lr"].to_numpy(float) / rule), np.log(scan["loss"].to_numpy(float))
        if len(np.unique(x)) < 3 or len(x) < 4:
            raise ValueError("each width needs four runs or more, at three rates or more")
        X = np.vander(x, 3)
        bowl = np.linalg.lstsq(X, y, rcond=None)[0]
        return bowl, np.linalg.inv(X.T @ X), float(((y - X @ bowl) ** 2).sum()), len(x) - 3

    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Widths on the line (a mask), (x^2, x, 1) at the chosen rates and at the rule's."""
        on = np.ones(len(self.widths), bool)
        if self["range"] != RANGES[0]:
            on[0 if self["range"] == RANGES[1] else -1] = False
        x = np.zeros(len(self.rule))
        if self["recipe"] == "one rate":
            x = np.log(self["rate"] / self.rule)
        return on, np.vander(x, 3), np.vander(0 * x, 3)

    def losses(self) -> np.ndarray:
        """The loss of each width at its rate, by its bowl, shape (widths,)."""
        return np.asarray(np.exp((self._places()[1] * self._bowls).sum(axis=1)))

    def _slope(self, at: np.ndarray, on: np.ndarray) -> Estimate:
        u = np.log(self.C[on]) - np.log(self.C[on]).mean()
        w, at = -u / (u @ u), at[on]
        value = float(w @ (at * self._bowls[on]).sum(axis=1))
        variance = float(w**2 @ np.einsum("ij,ijk,ik->i", at, self._doubt[on], at))
        far = float(student.ppf(0.975, self._free)) * variance**0.5
        return Estimate(value, value - far, value + far)

    def exponent(self) -> Estimate:
        """alpha of the line through the losses, with its interval from the scatter of the runs."""
        on, at, _ = self._places()
        return self._slope(at, on)

    def difference(self) -> Estimate:
        """alpha less that by the rule, run by run the same models, with its interval."""
        on, at, rule = self._places()
        return self._slope(at - rule, on)

    def price(self) -> float:
        """By which factor compute must grow to halve the loss, by the line."""
        return float(2 ** (1 / self.exponent().value))
