"""The fit of a table of runs from end to end: which runs, which law, which answers, which doubts.

`analyse` does what `python -m scalinglaws fit` prints; a `Report` can be read, drawn and turned
into JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import plot
from .estimate import Estimate
from .fit import (
    AllocationFit,
    ChinchillaFit,
    PowerLawFit,
    Status,
    StatusKind,
    budgets_of,
    fit_chinchilla,
    fit_envelope,
    fit_isoflop,
    fit_power_law,
)
from .plan import Plan, compute_optimal
from .runs.read import Measurements

METHODS = ("parametric", "isoflop", "envelope", "power")
AXES = ("flops", "params", "tokens")
MAX_RUNS = 2000
"""More runs than this are thinned before a fit: beyond, only the time grows."""

Fit = ChinchillaFit | AllocationFit | PowerLawFit


@dataclass(frozen=True, eq=False)
class Report:
    """A fit with the runs it was made from and everything there is to say about it."""

    method: str
    fit: Fit
    runs: Measurements
    """The runs that entered the fit."""
    read: int
    """How many usable runs the table held, before thinning."""
    parameters: dict[str, Estimate]
    exponents: dict[str, Estimate] | None
    """a and b of N_opt ~ C^a and D_opt ~ C^b; None for a power law of one quantity."""
    plans: tuple[tuple[float, Plan], ...]
    predictions: tuple[tuple[float, Estimate], ...]
    """For a power law in FLOPs: the loss of a new run at each budget."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    x: str | None = None
    bootstrap: int = 0
    seed: int = 0

    @property
    def status(self) -> str:
        """The status of the fit."""
        return str(self.fit.status)

    def as_json(self) -> dict[str, Any]:
        """Everything but the arrays, in types that JSON knows; what is not finite becomes None."""
        spread = self.fit.residuals
        law = str(self.fit).splitlines()[0]
        found: dict[str, Any] = {
            "method": self.method,
            "law": law,
            "status": self.status,
            "runs": len(self.runs),
            "runs_usable": self.read,
            "excluded": dict(self.runs.excluded),
            "level": 0.95,
            "bootstrap": self.bootstrap,
            "seed": self.seed,
            "parameters": {name: _json(value) for name, value in self.parameters.items()},
            "exponents": None
            if self.exponents is None
            else {name: _json(value) for name, value in self.exponents.items()},
            "median_absolute_residual": _finite(float(np.median(np.abs(spread)))),
            "optimum": [
                {"flops": budget, **plan_json(plan, costs=False)} for budget, plan in self.plans
            ],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }
        if self.method == "power":
            found["x"] = self.x
            found["predictions"] = [
                {self.x: at, "loss": _json(value)} for at, value in self.predictions
            ]
        return found

    def __str__(self) -> str:
        lines = [str(self.fit)]
        for budget, plan in self.plans:
            lines += ["", f"compute-optimal for {budget:.4g} FLOPs"]
            lines += [f"  {line}" for line in str(replace(plan, notes=())).splitlines()]
        for at, value in self.predictions:
            lines += ["", f"loss at {at:.4g} {self.x}: {value}"]
        if self.notes:
            lines += ["", *(f"note: {note}" for note in self.notes)]
        return "\n".join(lines)

    def figure(self) -> Figure:
        """A figure of the runs and the fit: one panel for a power law, two for other methods."""
        with plt.rc_context(plot.STYLE):
            if isinstance(self.fit, PowerLawFit):
                return _power_figure(self)
            if isinstance(self.fit, ChinchillaFit):
                return _surface_figure(self.fit, self.runs)
            return _allocation_figure(self.fit, self.runs, [b for b, _ in self.plans])


def plan_json(plan: Plan, *, costs: bool = True) -> dict[str, Any]:
    """A plan in types that JSON knows; what is not finite becomes None."""
    found: dict[str, Any] = {
        name: _json(getattr(plan, name))
        for name in ("params", "tokens", "tokens_per_param", "loss", "training_flops")
    }
    if plan.inference_flops is not None and plan.instead_of is not None:
        found |= {
            "inference_tokens": plan.inference_tokens,
            "inference_flops": _json(plan.inference_flops),
            "instead_of": {"params": plan.instead_of[0], "tokens": plan.instead_of[1]},
            "saving": _json(plan.saving),
        }
    if costs:
        for name, cost in (("cost", plan.cost), ("inference_cost", plan.inference_cost)):
            if cost is not None:
                found[name] = {
                    key: _finite(value) if isinstance(value, float) else value
                    for key, value in vars(cost).items()
                    if key != "assumptions"
                }
        if plan.cost is not None:
            found["assumptions"] = dict(vars(plan.cost.assumptions))
    found["notes"] = list(plan.notes)
    return found


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _json(value: Estimate | None) -> dict[str, float | None] | None:
    if value is None:
        return None
    return {name: _finite(getattr(value, name)) for name in ("value", "low", "high")}


def analyse(
    runs: Measurements,
    method: str = "parametric",
    *,
    x: str = "flops",
    floor: str | float = "auto",
    huber: float = 1e-3,
    k: float = 6.0,
    bootstrap: int = 4000,
    seed: int = 0,
    budgets: Sequence[float] = (),
    max_runs: int = MAX_RUNS,
) -> Report:
    """Fit a law to runs and answer for budgets in FLOPs.

    method: "parametric" (approach 3, L(N, D)), "isoflop" (approach 2), "envelope" (approach 1) or
    "power" (loss against `x`: "flops", "params" or "tokens"). `floor` (power only) is "auto" (a
    floor if it can be identified), "none" or a number. `huber` and `k` are those of
    `fit_chinchilla`. More than `max_runs` runs are thinned at random, which the notes say.

    Raises ValueError if the runs lack what the method needs or cannot be fitted.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if x not in AXES:
        raise ValueError(f"x must be one of {', '.join(AXES)}; got {x!r}")
    if isinstance(max_runs, bool) or not isinstance(max_runs, int) or max_runs < 10:
        raise ValueError(f"max_runs must be a whole number of at least 10, got {max_runs!r}")
    if budgets and method == "power" and x != "flops":
        raise ValueError("a budget in FLOPs needs a law in FLOPs: --x flops, or another method")
    needed = (x,) if method == "power" else ("params", "tokens")
    for name in needed:
        if getattr(runs, name) is None:
            raise ValueError(
                f"the {method} method needs {name}, and the table neither has them nor two of "
                "params, tokens and FLOPs to derive them from"
            )
    warnings, read = _plausible(runs), len(runs)
    if len(runs) > max_runs:
        chosen = np.sort(np.random.default_rng(seed).choice(len(runs), max_runs, replace=False))
        runs = runs.take(
            chosen,
            f"of {read} runs {max_runs}, drawn at random with seed {seed}, enter the fit: its "
            "intervals are those of as many runs, a little too wide rather than too narrow",
        )
    notes: list[str] = []
    how: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed}
    fit: Fit
    if method == "power":
        fit = _power(runs, x, floor, notes, how)
        names: tuple[str, ...] = ("A", "alpha", "E")
    elif method == "parametric":
        fit = fit_chinchilla(
            runs.params, runs.tokens, runs.loss, groups=runs.run, huber=huber, k=k, **how
        )
        names = fit.names
        below = int(np.sum(runs.loss <= fit.law.E))
        if below:
            warnings.append(
                f"{below} of {len(runs)} losses lie at or below the fitted floor {fit.law.E:.4g}: "
                "outliers, or the law does not hold"
            )
        notes.append(f"budgets are counted as C = {k:g} N D")
    else:
        fitted = fit_isoflop if method == "isoflop" else fit_envelope
        fit = fitted(
            runs.params,
            runs.tokens,
            runs.loss,
            flops=runs.flops if runs.flops_given else None,
            k=k,
            **how,
        )
        names = ("k_N", "a", "k_D", "b")
        notes += [f"left out of the fit: {reason}" for reason in fit.refused]
        counted = "as in the table" if runs.flops_given else f"as C = {k:g} N D"
        notes.append(f"budgets are counted {counted}")
    if not fit.status.converged:
        warnings.append(f"{fit.status}: {_meaning(fit.status)}")
    if not isinstance(fit, AllocationFit):
        warnings += _explained(np.log(runs.loss if method != "power" else fit.y), fit.residuals)
    parameters = {name: fit.estimate(name) for name in names}
    plans: list[tuple[float, Plan]] = []
    predictions: list[tuple[float, Estimate]] = []
    for budget in budgets:
        if isinstance(fit, PowerLawFit):
            predictions.append((float(budget), fit.predict(budget)))
            if budget > 100 * fit.x.max():
                warnings.append(
                    f"{budget:.3g} FLOPs are {budget / fit.x.max():,.3g} times the most measured: "
                    "the interval trusts that the law goes on, which nothing here shows"
                )
        else:
            best = compute_optimal(fit, budget)
            plans.append((float(budget), best))
            warnings += [n for n in best.notes if n not in warnings and n != best.doubt]
    exponents = None
    if not isinstance(fit, PowerLawFit):
        exponents = {name: fit.estimate(name) for name in ("a", "b")}
        for name, value in exponents.items():
            if value.known and not 0 < value.value < 1:
                warnings.append(
                    f"{name} = {value.value:.3g} lies outside 0 to 1: with more compute the best "
                    "model would shrink, or the best data; look at the figure before using it"
                )
    elif fit.law.alpha <= 0:
        warnings.append(f"the loss does not fall with {x}: alpha = {fit.law.alpha:.3g}")
    return Report(
        method=method,
        fit=fit,
        runs=runs,
        read=read,
        parameters=parameters,
        exponents=exponents,
        plans=tuple(plans),
        predictions=tuple(predictions),
        warnings=tuple(warnings),
        notes=(*runs.notes, *notes),
        x=x if method == "power" else None,
        bootstrap=bootstrap,
        seed=seed,
    )


def _plausible(runs: Measurements) -> list[str]:
    """What looks like another unit than it should be."""
    if np.ptp(runs.loss) == 0:
        raise ValueError(f"all {len(runs)} losses are {runs.loss[0]:.4g}: there is nothing to fit")
    said: list[str] = []
    for name, least in (("params", 3000), ("tokens", 1e5), ("flops", 1e9)):
        values = getattr(runs, name)
        if values is not None and values.max() < least:
            said.append(
                f"all {name} are below {least:g}: if they are in other units, say so in the "
                f"column's name, as in '{name} (M)' for millions"
            )
    if np.median(runs.loss) > 15:
        said.append(
            f"the median loss is {np.median(runs.loss):.4g}: more than any guess costs in nats per "
            "token with a usual vocabulary. Is it a perplexity, or in other units?"
        )
    return said


def _explained(log_loss: np.ndarray, residuals: np.ndarray) -> list[str]:
    """A warning if the law is hardly better than one number for all losses."""
    spread = float(np.abs(log_loss - np.median(log_loss)).sum())
    share = 1 - float(np.abs(residuals).sum()) / spread if spread else 0.0
    if share > 0.3:
        return []
    return [
        f"the law removes only {max(0.0, share):.0%} of the differences between the losses: these "
        "runs show no scaling law, or noise that hides it"
    ]


def _meaning(status: Status) -> str:
    if status.about_floor:
        return (
            "these runs do not tell the floor; do not read it as the entropy of the text, and do "
            "not trust losses far beyond the runs"
        )
    if status.kind is StatusKind.BOUND_HIT:
        return (
            "the search ended at the edge of what is possible, so these runs do not determine the "
            "law: do not use its numbers"
        )
    if status.kind is StatusKind.NOT_IDENTIFIABLE:
        return "these runs do not tell this quantity; runs over a wider range would"
    return "treat every number with suspicion"


def _power(
    runs: Measurements, x: str, floor: str | float, notes: list[str], how: dict[str, Any]
) -> PowerLawFit:
    """A power law of the loss in one quantity, through the best runs at each of its values."""
    at, loss = _best_at_each(runs, x, notes)
    if floor not in ("auto", "none"):
        try:
            return fit_power_law(at, loss, floor=float(floor), **how)
        except TypeError:
            raise ValueError(f"floor must be auto, none or a number, got {floor!r}") from None
    if floor == "auto" and len(at) > 3:
        fit = fit_power_law(at, loss, floor=True, **how)
        if fit.status.converged:
            notes.append("the floor is fitted: these runs tell it from zero")
            return fit
        notes.append(f"no floor is fitted: {fit.status} with these runs")
    elif floor == "auto":
        notes.append("no floor is fitted: too few points")
    return fit_power_law(at, loss, floor=False, **how)


def _best_at_each(runs: Measurements, x: str, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """One loss for each value of x, seeds averaged.

    L(N) supposes ample data, so at each N the runs with the most tokens count; L(D) an ample
    model, so at each D those with the most params; L(C) the best split, so at each budget the
    lowest loss. Without separate budgets the runs that no cheaper run beats are taken.
    """
    values = getattr(runs, x)
    other = {"params": runs.tokens, "tokens": runs.params, "flops": runs.params}[x]
    key = values if other is None else np.column_stack([values, other])
    different, place = np.unique(key, axis=0, return_inverse=True)
    count = np.bincount(place.ravel())
    mean = np.bincount(place.ravel(), runs.loss) / count
    if count.max() > 1:
        notes.append(f"{len(runs)} runs at {len(mean)} different places: repeats were averaged")
    if other is None:
        return different, mean
    at, second = different.T
    if x != "flops":
        last = np.r_[at[1:] != at[:-1], True]  # sorted by x, then by the other
        if not last.all():
            most = "tokens" if x == "params" else "params"
            notes.append(
                f"at each of {int(last.sum())} {x} only the runs with the most {most} enter the "
                f"fit ({int((~last).sum())} others do not)"
            )
        if len(np.unique(second[last])) > 1:
            what = "tokens" if x == "params" else "params"
            notes.append(
                f"those have different {what} ({second[last].min():.3g} to "
                f"{second[last].max():.3g}): part of what the law shows is theirs"
            )
        return at[last], mean[last]
    try:
        label = budgets_of(at)
    except ValueError:
        order = np.lexsort((mean, at))
        lowest = np.minimum.accumulate(mean[order])
        front = order[np.r_[True, lowest[1:] < lowest[:-1]]]
        notes.append(
            f"the runs lie on no separate budgets: the {len(front)} that no cheaper run beats "
            "enter the fit, so lucky runs count for more than they should"
        )
        return at[front], mean[front]
    best = np.array([np.flatnonzero(label == i)[mean[label == i].argmin()]
                     for i in range(label.max() + 1)])  # fmt: skip
    if len(best) < len(mean):
        notes.append(f"at each of {len(best)} budgets the lowest loss enters the fit")
    return at[best], mean[best]


# Figures


def _shades(count: int) -> np.ndarray:
    return plt.get_cmap("viridis")(np.linspace(0.0, 0.85, max(count, 2)))[:count]


def _power_figure(report: Report) -> Figure:
    fit = report.fit
    fig, ax = plt.subplots()
    ends = [fit.x.min(), fit.x.max(), *(at for at, _ in report.predictions)]
    plot.law(ax, fit, [min(ends), max(ends)])
    plot.measured(ax, fit.x, fit.y)
    for at, value in report.predictions:
        ax.plot(at, value.value, "o", mfc="none", mec=plot.RED, ms=10)
        plot.say(ax, at, value.value, "predicted", color=plot.RED, dx=-10, ha="right", dy=-12)
    plot.log_axes(ax)
    ax.set(xlabel=_AXIS[report.x or "flops"], ylabel="loss, nats per token", title=str(fit.law))
    return fig


_AXIS = {"flops": "training FLOPs", "params": "parameters", "tokens": "training tokens"}


def _surface_figure(fit: ChinchillaFit, runs: Measurements) -> Figure:
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4))
    C = fit.k * fit.N * fit.D
    colours = left.scatter(
        C, fit.L, c=np.log10(fit.N), cmap="viridis", s=22, edgecolors="white", linewidths=0.4,
        zorder=3,
    )  # fmt: skip
    grid = np.geomspace(C.min(), C.max(), 100)
    if fit.status.usable:
        left.plot(grid, fit.law.L_opt(grid, fit.k), color=plot.RED, zorder=4)
        plot.say(left, grid[45], float(fit.law.L_opt(grid[45], fit.k)), "best split",
                 color=plot.RED, dx=-8, dy=-12, ha="right")  # fmt: skip
    plot.log_axes(left)
    left.set(xlabel=f"C = {fit.k:g} N D, training FLOPs", ylabel="loss, nats per token",
             title=f"{len(fit.L)} runs")  # fmt: skip
    bar = fig.colorbar(colours, ax=left, label="log10 of parameters")
    bar.outline.set_visible(False)
    right.axhline(0, color=plot.GREY, lw=1)
    right.scatter(
        fit.law(fit.N, fit.D), 100 * fit.residuals, c=np.log10(fit.N), cmap="viridis", s=22,
        edgecolors="white", linewidths=0.4, zorder=3,
    )  # fmt: skip
    right.set(xlabel="loss by the law", ylabel="measured minus law, %", title=_short(fit))
    return fig


def _short(fit: ChinchillaFit) -> str:
    if not fit.status.usable:
        return str(fit.status)
    low, high = fit.interval("a")
    return f"a = {fit.a:.3f} ({low:.3f} to {high:.3f}), E = {fit.law.E:.3g}"


def _allocation_figure(fit: AllocationFit, runs: Measurements, budgets: list[float]) -> Figure:
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4))
    if fit.method == "isoflop":
        _parabolas(left, fit)
    else:
        _curves(left, fit, runs)
    grid = np.geomspace(min([fit.C.min(), *budgets]), max([fit.C.max(), *budgets]), 120)
    inside = (grid >= fit.C.min() * 0.999) & (grid <= fit.C.max() * 1.001)
    for colour, name, points in ((plot.BLUE, "N", fit.N), (plot.ORANGE, "D", fit.D)):
        line = fit.N_opt(grid) if name == "N" else fit.D_opt(grid)
        right.fill_between(grid, *fit.band(grid, of=name), color=colour, alpha=0.15, lw=0)
        right.plot(grid, line, "--", color=colour, lw=1.3)
        right.plot(grid[inside], line[inside], color=colour)
        right.plot(fit.C, points, "o", color=colour, mec="white", mew=0.7)
        value = {"N": fit.a, "D": fit.b}[name]
        low, high = fit.interval({"N": "a", "D": "b"}[name])
        exponent = {"N": "a", "D": "b"}[name]
        plot.say(right, grid[8], float(line[8]),
                 f"{name}: {exponent} = {value:.3f} ({low:.3f} to {high:.3f})",
                 color=colour, dx=6, dy=-14)  # fmt: skip
    plot.log_axes(right)
    right.set(xlabel="training FLOPs", ylabel="best parameters N and tokens D",
              title=f"{len(fit.C)} points, {fit.status}")  # fmt: skip
    return fig


def _parabolas(ax: Axes, fit: AllocationFit) -> None:
    for curve, colour in zip(fit.curves, _shades(len(fit.curves)), strict=True):
        grid = np.geomspace(curve.N.min(), curve.N.max(), 80)
        ax.plot(grid, curve(grid), color=colour, lw=1.2)
        ax.plot(curve.N, curve.L, "o", color=colour, ms=4.5, mec="white", mew=0.5)
        ax.plot(curve.vertex, curve(curve.vertex), "D", color=plot.RED, ms=6, mec="white")
        plot.say(ax, grid[-1], float(curve(grid[-1])), f"{curve.C:.1e}", color=colour, dx=5)
    plot.log_axes(ax, y=False)
    ax.margins(x=0.16)
    ax.set(xlabel="parameters", ylabel="loss, nats per token",
           title="Budgets in FLOPs and their minima")  # fmt: skip


def _curves(ax: Axes, fit: AllocationFit, runs: Measurements) -> None:
    C = runs.flops
    sizes = np.unique(runs.params)
    shades = _shades(len(sizes))
    for size, colour in zip(sizes, shades, strict=True):
        here = runs.params == size
        order = np.argsort(C[here])
        ax.plot(C[here][order], runs.loss[here][order], "-o", color=colour, lw=1, ms=2.5)
    for number in (0, len(sizes) - 1):
        here = np.flatnonzero(runs.params == sizes[number])
        end = here[np.argmin(C[here])]
        plot.say(ax, C[end], runs.loss[end], f"{sizes[number]:.2g}", color=shades[number], dx=6,
                 dy=8)  # fmt: skip
    ax.plot(fit.C, fit.L, "D", color=plot.RED, ms=6, mec="white", zorder=4)
    plot.log_axes(ax)
    ax.set(xlabel="training FLOPs", ylabel="loss, nats per token",
           title="Curves by parameters, and where each is best")  # fmt: skip
