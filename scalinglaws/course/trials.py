"""Laws on trial: forecasts of runs that a law has not seen, and the losses it is fitted to.

A `Trial` is one way of fitting a law, with its forecasts and the losses measured there. Several
ways are judged together: a law held if every way forecasts all losses, failed if none does, and
stays open where the ways disagree. Losses are in nats per token throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..estimate import Estimate
from ..fit import AllocationFit, Scatter, fit_power_law, fit_scatter
from . import forecast, verdict
from .verdict import Outcome


@dataclass(frozen=True)
class Trial:
    """One way of fitting a law, and its forecasts of losses that it has not seen. Prints itself."""

    way: str
    """What was fitted, in a few words."""
    forecasts: tuple[Estimate, ...]
    measured: tuple[float, ...]
    widened: float = 1.0
    """How many times the points miss the law by more than their noise, which widens intervals."""

    @property
    def inside(self) -> bool:
        """Whether every measured loss lies inside its interval."""
        return all(y in made for made, y in zip(self.forecasts, self.measured, strict=True))

    @property
    def misses(self) -> list[Estimate]:
        """By what share each measured loss lies above its forecast, with an interval."""
        return [
            Estimate(y / made.value - 1, y / made.high - 1, y / made.low - 1, made.level)
            for made, y in zip(self.forecasts, self.measured, strict=True)
        ]

    def __str__(self) -> str:
        wide = f" (interval widened {self.widened:.1f} times)" if self.widened > 1.05 else ""
        lines = [f"{self.way}{wide}:"]
        for made, y in zip(self.forecasts, self.measured, strict=True):
            lines.append(
                f"  forecast {made.value:.3f} ({made.low:.3f} to {made.high:.3f}), "
                f"measured {y:.3f}: {'inside' if y in made else 'outside'}"
            )
        return "\n".join(lines)


def line_trials(
    x: ArrayLike,
    y: ArrayLike,
    far: Sequence[tuple[float, float]],
    *,
    tokens: ArrayLike,
    scatter: Scatter,
    name: str = "",
) -> list[Trial]:
    """A power law through all points (x, y), and through all but the smallest, forecasts `far`.

    `far` has the held-out points (x, loss), `tokens` what each fitted run has read; `scatter` is
    the noise between seeds. `name` goes before the words for each way. Raises what `fit_power_law`
    raises.

    >>> x = np.array([1e3, 1e4, 1e5, 1e6])
    >>> made = line_trials(x, 5 * x**-0.1, [(1e7, 5 * 1e7**-0.1)], tokens=x,
    ...                    scatter=Scatter.known(0.01), name="made up")
    >>> [one.way for one in made], judged(made)
    (['made up, all points', 'made up, without the smallest'], 'held')
    """
    x, y, D = (np.asarray(each, float) for each in (x, y, tokens))
    found = []
    for start, words in enumerate(("all points", "without the smallest")):
        fit = fit_power_law(x[start:], y[start:], scatter=scatter, tokens=D[start:])
        found.append(
            Trial(
                f"{name}, {words}" if name else words,
                tuple(fit.predict(at) for at, _ in far),
                tuple(loss for _, loss in far),
                float(fit.noise[0] / scatter.sd(D[-1])),
            )
        )
    return found


def judged(trials: Sequence[Trial]) -> Outcome:
    """Held if every way forecasts all its losses, failed if none does, open if they disagree.

    Raises ValueError without a trial.
    """
    said = {trial.inside for trial in trials}
    if not said:
        raise ValueError("at least one trial is needed")
    return "open" if len(said) > 1 else "held" if said == {True} else "failed"


def enter(key: str, trials: Sequence[Trial], who: str = "") -> Outcome:
    """Record the verdict on the law of this key, with its clearest miss, and return the outcome.

    The clearest miss is the one whose interval lies furthest from zero, or least far across it.
    With `who` the last forecast of the first way is kept and scored as well, under that name.
    Raises KeyError if the rule was not written down by `verdict.expect`.
    """
    if who:
        forecast.predict(key, trials[0].forecasts[-1], who=who)
        forecast.score(key, trials[0].measured[-1])
    misses = [miss for trial in trials for miss in trial.misses]
    clearest = max(misses, key=lambda miss: max(miss.low, -miss.high))
    return verdict.record(key, judged(trials), clearest).outcome


def seed_scatter(table: pd.DataFrame, *same: str) -> Scatter:
    """The noise between seeds in a table of runs; runs of one width and seed share luck.

    Runs that agree in size, tokens and the columns `same` differ in their seed alone.
    """
    return fit_scatter(
        table["params_non_embedding"], table["tokens"], table["loss"],
        groups=table[["width", "seed", *same]], settings=table[["width", "tokens", *same]],
    )  # fmt: skip


def tokens_to_reach(
    target: float, tokens: ArrayLike, losses: ArrayLike, scatter: Scatter
) -> tuple[float, float]:
    """Tokens at which a falling curve of losses reaches a target, and their relative error.

    The curve is taken as straight between its points, in ln L against ln D. Both are NaN where it
    stays above the target.

    >>> found = tokens_to_reach(2.0, [1e4, 1e5, 1e6], [2.5, 2.0, 1.6], Scatter.known(0.01))
    >>> f"{found[0]:.0f} tokens, {found[1]:.0%}"
    '100000 tokens, 10%'
    """
    log_D, up = np.log(np.asarray(tokens, float)), -np.log(np.asarray(losses, float))
    at = -np.log(target)
    if up[-1] < at:
        return float("nan"), float("nan")
    D = float(np.exp(np.interp(at, up, log_D)))
    return D, float(np.interp(at, up, np.gradient(log_D, up)) * scatter.sd(D))


def early_stopped(table: pd.DataFrame, passes: float = 99) -> pd.DataFrame:
    """The least loss over up to so many passes, for each size and ration of a table of runs.

    Columns: `N` (parameters of the blocks), `D` (different tokens), `L`, `read` (passes of the
    longest run) and `turned` (whether a longer run was worse). A ration is dropped where the last
    doubling of the passes still gained more than 2 %, or where there is one run alone.
    """
    some = table[table["tokens"] <= passes * table["unique_tokens"]]
    mean = some.groupby(["params_non_embedding", "unique_tokens", "tokens"])["loss"].mean()
    rows = []
    curves: Iterable[Any] = mean.groupby(level=[0, 1])
    for (N, ration), losses in curves:
        seen, read = losses.to_numpy(), losses.index[-1][-1] / ration
        if len(seen) > 1 and seen[-1] > 0.98 * seen[-2]:
            rows.append((N, ration, seen.min(), read, seen.argmin() < len(seen) - 1))
    return pd.DataFrame(rows, columns=["N", "D", "L", "read", "turned"])


def turn_by_parabola(losses: ArrayLike) -> float:
    """The least of a parabola through three losses at equal steps, or the least of the three.

    >>> round(turn_by_parabola([2.0, 1.0, 2.0]), 6), turn_by_parabola([3.0, 2.0, 1.5])
    (1.0, 1.5)
    """
    seen = np.asarray(losses, float)
    square, slope, start = np.polyfit((0, 1, 2), seen, 2)
    at = -slope / 2 / square
    return float(np.polyval((square, slope, start), at)) if 0 < at < 2 else float(seen.min())


def at_budgets(
    table: pd.DataFrame, budgets: np.ndarray | None = None, count: str = "all"
) -> pd.DataFrame:
    """Losses of each size and seed at common budgets: columns N, D, C, L, seed.

    Without `budgets` (FLOPs) the runs stay where they were trained; with them each curve of loss
    against compute is read off, straight between its runs on logarithmic axes. `count` "6ND" takes
    6 N D with the blocks alone for the compute, "all" the FLOPs with head and attention.
    """
    rows: list[tuple[float, ...]] = []
    curves: Iterable[Any] = table.groupby(["params_non_embedding", "seed"])
    for (N, seed), runs in curves:
        runs = runs.sort_values("tokens")
        D = runs["tokens"].to_numpy(float)
        C = 6 * N * D if count == "6ND" else runs["flops"].to_numpy(float)
        at = C if budgets is None else budgets
        at = at[(C[0] <= at) & (at <= C[-1])]
        L = np.exp(np.interp(np.log(at), np.log(C), np.log(runs["loss"])))
        rows += [(N, c * D[0] / C[0], c, loss, seed) for c, loss in zip(at, L, strict=True)]
    return pd.DataFrame(rows, columns=["N", "D", "C", "L", "seed"])


def difference(one: AllocationFit, other: AllocationFit, draws: int = 900) -> Estimate:
    """By how much the exponent a of one fit exceeds that of another, from independent draws."""
    first, second = one.draws["a"], other.draws["a"]
    n = min(draws, len(first), len(second))
    apart = first.sample(n, random_state=0).to_numpy() - second.iloc[:n].to_numpy()
    low, high = np.quantile(apart, (0.025, 0.975))
    return Estimate(one.a - other.a, float(low), float(high))
