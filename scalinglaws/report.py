"""The fit of a table of runs from end to end: which runs, which law, which answers, which doubts.

`analyse` does what `python -m scalinglaws fit` prints; a `Report` can be read, drawn and turned
into JSON, and `Reports` are those of several experiments side by side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ._checks import above_zero
from .estimate import Estimate, ends
from .fit import (
    AllocationFit,
    ChinchillaFit,
    PowerLawFit,
    Status,
    StatusKind,
    budgets_of,
    fit_best_run,
    fit_chinchilla,
    fit_envelope,
    fit_isoflop,
    fit_power_law,
)
from .plan import Plan, compute_optimal
from .runs.doubts import RATIO, inseparable, lengths_of_sizes
from .runs.files import listed
from .runs.measured import Measurements
from .runs.shapes import step_column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("parametric", "isoflop", "envelope", "best-run", "power")
AXES = ("flops", "params", "tokens")
MAX_RUNS = 2000
"""More runs than this are thinned before a fit: beyond, only the time grows."""

EXACT = 1e-6
"""Losses that lie this close to a law (in ln L) were not measured."""
OUTLYING = 15.0
"""So many times the usual scatter no noise reaches."""

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

    @property
    def main(self) -> dict[str, Estimate]:
        """What one compares between laws: the exponents, or those of the one quantity, and E."""
        names = ("alpha", "E") if self.method == "power" else ("E",)
        known = {name: self.parameters[name] for name in names if name in self.parameters}
        return {**(self.exponents or {}), **known}

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
        """A figure of the runs, the law with its band, the residuals, and what was left out."""
        from . import figures

        return figures.of_fit(
            self.fit, self.runs, [budget for budget, _ in self.plans], self.x, self.predictions,
            self.notes,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reports:
    """One report for each value of a column: several experiments side by side."""

    by: str
    """The column."""
    each: dict[str, Report]
    """The report of each value, in the order of the table."""
    failed: dict[str, str]
    """Why the runs with a value could not be fitted."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all, each with the value that it is about."""
        found = [f"{self.by} = {value}: {text}" for value, report in self.each.items()
                 for text in report.warnings]  # fmt: skip
        found += [f"{self.by} = {value}: not fitted: {why}" for value, why in self.failed.items()]
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """The JSON of each report under its value."""
        return {
            "by": self.by,
            "fits": {value: report.as_json() for value, report in self.each.items()},
            "failed": dict(self.failed),
            "warnings": list(self.warnings),
        }

    def __str__(self) -> str:
        lines = [*self._table(), ""]
        for value, report in self.each.items():
            lines += [
                f"{self.by} = {value}",
                *(f"  {line}".rstrip() for line in str(report).splitlines()),
                "",
            ]
        lines += [f"{self.by} = {value}: not fitted: {why}" for value, why in self.failed.items()]
        return "\n".join(lines).rstrip()

    def _table(self) -> list[str]:
        """The quantities that one compares, a line for each value."""
        names = [
            n for n in ("a", "b", "alpha", "E") if all(n in r.main for r in self.each.values())
        ]
        rows = [[self.by, "runs", *names]]
        for value, report in self.each.items():
            found = (report.main[name] for name in names)
            rows.append([value, str(len(report.runs)), *map(_short, found)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
                for row in rows]  # fmt: skip


def _short(value: Estimate) -> str:
    found = _json(value) or {}
    if found["low"] is None or found["high"] is None:
        return f"{value.value:.4g}"
    return "{:.4g} ({} to {})".format(value.value, *ends(found["low"], found["high"]))


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


@dataclass(frozen=True)
class _Question:
    """What is asked of the runs. Raises ValueError where that makes no sense."""

    method: str
    x: str
    floor: str | float
    huber: float
    k: float
    bootstrap: int
    seed: int
    budgets: Sequence[float]
    max_runs: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}; got {self.method!r}")
        if self.x not in AXES:
            raise ValueError(f"x must be one of {', '.join(AXES)}; got {self.x!r}")
        most = self.max_runs
        if isinstance(most, bool) or not isinstance(most, int) or most < 10:
            raise ValueError(f"max_runs must be a whole number of at least 10, got {most!r}")
        try:
            given = [above_zero(budget, "a budget") for budget in self.budgets]
        except TypeError:
            raise ValueError(
                f"budgets must be a list of FLOPs, as in [1e21], got {self.budgets!r}"
            ) from None
        object.__setattr__(self, "budgets", tuple(given))
        if self.budgets and self.method == "power" and self.x != "flops":
            raise ValueError("a budget in FLOPs needs a law in FLOPs: --x flops, or another method")

    @property
    def how(self) -> dict[str, Any]:
        """What all fits take."""
        return {"bootstrap": self.bootstrap, "seed": self.seed}

    @property
    def needs(self) -> tuple[str, ...]:
        """Which of params, tokens and flops the method needs."""
        return (self.x,) if self.method == "power" else ("params", "tokens")


@dataclass(frozen=True)
class _Made:
    """A fit, the names of its parameters, and what to say about it."""

    fit: Fit
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@overload
def analyse(
    runs: Measurements,
    method: str = ...,
    *,
    by: None = None,
    x: str = ...,
    floor: str | float = ...,
    huber: float = ...,
    k: float = ...,
    bootstrap: int = ...,
    seed: int = ...,
    budgets: Sequence[float] = ...,
    max_runs: int = ...,
) -> Report: ...


@overload
def analyse(
    runs: Measurements,
    method: str = ...,
    *,
    by: str,
    x: str = ...,
    floor: str | float = ...,
    huber: float = ...,
    k: float = ...,
    bootstrap: int = ...,
    seed: int = ...,
    budgets: Sequence[float] = ...,
    max_runs: int = ...,
) -> Reports: ...


def analyse(
    runs: Measurements,
    method: str = "parametric",
    *,
    by: str | None = None,
    x: str = "flops",
    floor: str | float = "auto",
    huber: float = 1e-3,
    k: float = 6.0,
    bootstrap: int = 4000,
    seed: int = 0,
    budgets: Sequence[float] = (),
    max_runs: int = MAX_RUNS,
) -> Report | Reports:
    """Fit a law to runs and answer for budgets in FLOPs.

    method: "parametric" (approach 3, L(N, D)), "isoflop" (approach 2), "envelope" (our variant of
    approach 1), "best-run" (approach 1 as published) or "power" (loss against `x`: "flops",
    "params" or "tokens"). `by` names a column of the table: one law is fitted for each of its
    values. `floor` (power only) is "auto" (a floor if it can be identified), "none" or a number.
    `huber` and `k` are those of `fit_chinchilla`. More than `max_runs` runs are thinned at random,
    which the notes say.

    Raises ValueError if the runs lack what the method needs or cannot be fitted, and if their sizes
    are impossible, as they are in another unit than the table says.
    """
    if not isinstance(runs, Measurements):
        raise ValueError(
            "analyse takes the runs that measurements(table) gives, as in "
            f"analyse(measurements('runs.csv')); got {type(runs).__name__}"
        )
    question = _Question(method, x, floor, huber, k, bootstrap, seed, budgets, max_runs)
    if by is not None:
        return _of_each(runs if runs.by == by else runs.apart(by), question)
    if runs.by is not None:
        raise ValueError(f"these runs are kept apart by {runs.by!r}: analyse(runs, by={runs.by!r})")
    return _answer(runs, question)


def _of_each(runs: Measurements, question: _Question) -> Reports:
    """One report for each value of the column by which the runs are kept apart."""
    each: dict[str, Report] = {}
    failed: dict[str, str] = {}
    for value, part in runs.split().items():
        try:
            each[value] = _answer(part, question)
        except ValueError as error:
            failed[value] = str(error)
    if not each:
        raise ValueError(
            f"for no value of {runs.by!r} the runs could be fitted: "
            + "; ".join(f"{value!r}: {why}" for value, why in failed.items())
        )
    return Reports(str(runs.by), each, failed)


def _answer(runs: Measurements, question: _Question) -> Report:
    """One law for all runs, and what it says."""
    for name in question.needs:
        if getattr(runs, name) is None:
            hint = ""
            if name != "params" and step_column(list(map(str, runs.table.columns))) is not None:
                hint = (
                    ". Its column of steps makes tokens with --tokens-per-step X (in Python "
                    "tokens_per_step), X being the tokens of one step"
                )
            raise ValueError(
                f"the {question.method} method needs {name}, and the table neither has them nor "
                f"two of params, tokens and FLOPs to derive them from{hint or _similar(runs, name)}"
            )
    warnings = [*_doubted(runs, question), *_plausible(runs)]
    read = len(runs)
    runs = _thinned(runs, question)
    try:
        made = _made(runs, question)
    except ValueError as error:
        raise ValueError(f"{error}. {runs.merged}" if runs.merged else str(error)) from None
    fit = made.fit
    warnings += made.warnings
    if not fit.status.converged:
        warnings.append(f"{fit.status}: {_meaning(fit.status)}")
    if isinstance(fit, PowerLawFit):
        warnings += [*_explained(np.log(fit.y), fit.residuals), *_exact(fit.residuals)]
    elif isinstance(fit, ChinchillaFit):
        warnings += _explained(np.log(runs.loss), fit.residuals)
        warnings += [*_off(runs, fit.residuals), *_exact(fit.residuals)]
    predictions, plans, far = _answers(fit, question.budgets)
    warnings += dict.fromkeys(far)
    exponents = None
    if not isinstance(fit, PowerLawFit):
        exponents = {name: fit.estimate(name) for name in ("a", "b")}
    return Report(
        method=question.method,
        fit=fit,
        runs=runs,
        read=read,
        parameters={name: fit.estimate(name) for name in made.names},
        exponents=exponents,
        plans=plans,
        predictions=predictions,
        warnings=(*warnings, *_odd_exponents(fit, exponents, question.x)),
        notes=(*runs.notes, *made.notes),
        x=question.x if question.method == "power" else None,
        bootstrap=question.bootstrap,
        seed=question.seed,
    )


def _similar(runs: Measurements, role: str) -> str:
    """A hint at columns whose names speak of a role and were not recognised."""
    part = {"params": "param", "tokens": "tok", "flops": "flop"}[role]
    names = [
        name for name in map(str, runs.table.columns)
        if part in name.lower() and name not in runs.roles.values()
        and not re.search(r"(?i)uniq|per|ratio|/s|second|tokeni", name.replace("hyperparam", ""))
    ]  # fmt: skip
    if not names:
        return ""
    shown = ", ".join(map(repr, names[:3]))
    return f". Perhaps they are in {shown}: --column {role}={names[0]!r}"


def _doubted(runs: Measurements, question: _Question) -> list[str]:
    """What speaks against one law for these runs. Raises ValueError where it would be wrong."""
    for doubt in runs.doubts:
        if doubt.fatal:
            raise ValueError(doubt.text)
    curves = question.method in ("envelope", "best-run") or (
        question.method == "power" and question.x == "params"
    )
    return [d.text for d in runs.doubts if not (curves and d.kind == "checkpoints")]


def _thinned(runs: Measurements, question: _Question) -> Measurements:
    """At most `max_runs` of the runs, drawn at random."""
    read, most, seed = len(runs), question.max_runs, question.seed
    if read <= most:
        return runs
    chosen = np.sort(np.random.default_rng(seed).choice(read, most, replace=False))
    return runs.take(
        chosen,
        f"of {read} runs {most}, drawn at random with seed {seed}, enter the fit: its "
        "intervals are those of as many runs, a little too wide rather than too narrow",
    )


def _made(runs: Measurements, question: _Question) -> _Made:
    """The fit that the method asks for."""
    if question.method == "power":
        return _power(runs, question)
    if question.method == "parametric":
        return _surface(runs, question)
    return _allocation(runs, question)


def _surface(runs: Measurements, question: _Question) -> _Made:
    """Approach 3."""
    N, D = _there(runs.params), _there(runs.tokens)
    fit = fit_chinchilla(
        N, D, runs.loss, groups=runs.run, huber=question.huber, k=question.k, **question.how
    )
    below = int(np.sum(runs.loss <= fit.law.E))
    warnings = (
        f"{below} of {len(runs)} losses lie at or below the fitted floor {fit.law.E:.4g}: "
        "outliers, or the law does not hold",
    )
    notes = [f"budgets are counted as C = {question.k:g} N D"]
    lengths = lengths_of_sizes(runs.sizes)
    known = runs.ends or any(doubt.kind == "checkpoints" for doubt in runs.doubts)
    if lengths >= 3 and not known:
        notes.append(
            f"a size has {lengths:g} lengths in the median: their losses were taken as those of "
            "runs that end there. Of checkpoints --last keeps the ends"
        )
    said = list(warnings) if below else []
    if runs.flops_given and runs.flops is not None:
        counted = float(np.median(runs.flops / (N * D)))
        if not 0.6 * question.k <= counted <= 1.6 * question.k:
            said.append(
                f"the FLOPs of the table are {counted:.3g} N D in the median, and budgets here are "
                f"counted as {question.k:g} N D: --k {counted:.2g} (in Python k={counted:.2g}) "
                "counts as the table does, if its params and FLOPs belong together (those of a "
                "mixture of experts are of the active ones)"
            )
    if fit.few:
        said.append(fit.few)
    if (together := inseparable(runs.sizes)) < 0:
        said.append(
            f"tokens fall as params rise (correlation {together:.3f} of their logarithms): these "
            "runs share one budget, and how the best size grows with the budget cannot be told "
            "from one. Do not rely on alpha, beta, a and b; runs at 3 budgets or more would tell"
        )
    elif together:
        said.append(
            f"tokens rise with params (correlation {together:.3f} of their logarithms), so that "
            "these runs hardly tell what each is worth: do not rely on alpha, beta, a and b. "
            "Sizes at several lengths each would tell; --method power fits the loss against FLOPs"
        )
    return _Made(fit, fit.names, tuple(notes), tuple(said))


def _allocation(runs: Measurements, question: _Question) -> _Made:
    """Approach 1 or 2."""
    N, D = _there(runs.params), _there(runs.tokens)
    flops = runs.flops if runs.flops_given else None
    fitted = {"isoflop": fit_isoflop, "envelope": fit_envelope, "best-run": fit_best_run}[
        question.method
    ]
    fit = fitted(N, D, runs.loss, flops=flops, k=question.k, **question.how)
    counted = "as in the table" if runs.flops_given else f"as C = {question.k:g} N D"
    C = question.k * N * D if flops is None else flops
    place = np.column_stack([budgets_of(C) if question.method == "isoflop" else C, N])
    different = len(np.unique(place, axis=0))
    notes = [f"left out of the fit: {reason}" for reason in fit.refused]
    if different < len(runs):
        notes.append(f"{len(runs)} runs at {different} different places: repeats were averaged")
    return _Made(fit, ("k_N", "a", "k_D", "b"), (*notes, f"budgets are counted {counted}"))


def _there(values: np.ndarray | None) -> np.ndarray:
    """Values that have been seen to be there."""
    assert values is not None
    return values


def _answers(
    fit: Fit, budgets: Sequence[float]
) -> tuple[tuple[tuple[float, Estimate], ...], tuple[tuple[float, Plan], ...], list[str]]:
    """The loss (power law) or the best split of each budget, and what to warn of."""
    plans: list[tuple[float, Plan]] = []
    predictions: list[tuple[float, Estimate]] = []
    warnings: list[str] = []
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
            warnings += [note for note in best.notes if note != best.doubt]
            warnings += odd_ratio(best)
    return tuple(predictions), tuple(plans), warnings


def odd_ratio(plan: Plan) -> tuple[str, ...]:
    """A warning if a plan has so many or few tokens per parameter as nobody trains."""
    ratio = plan.tokens_per_param.value
    if not ratio > 0 or RATIO[0] <= ratio <= RATIO[1]:
        return ()
    return (f"{ratio:.3g} tokens per parameter are far from usual training: check the units",)


def _odd_exponents(fit: Fit, exponents: dict[str, Estimate] | None, x: str) -> list[str]:
    """Warnings of exponents with which nothing can be planned."""
    if isinstance(fit, PowerLawFit):
        falls = fit.law.alpha > 0
        return [] if falls else [f"the loss does not fall with {x}: alpha = {fit.law.alpha:.3g}"]
    return [
        f"{name} = {value.value:.3g} lies outside 0 to 1: with more compute the best "
        "model would shrink, or the best data; look at the figure before using it"
        for name, value in (exponents or {}).items()
        if value.known and not 0 < value.value < 1
    ]


def _plausible(runs: Measurements) -> list[str]:
    """What looks like another unit than it should be."""
    if np.ptp(runs.loss) == 0:
        raise ValueError(f"all {len(runs)} losses are {runs.loss[0]:.4g}: there is nothing to fit")
    said: list[str] = []
    for name, least in (("params", 3000), ("tokens", 1e5), ("flops", 1e9)):
        values = getattr(runs, name)
        if values is not None and values.max() < least and name not in runs.units_stated:
            said.append(
                f"all {name} are below {least:g}: if they are in other units, say so in the "
                f"column's name, as in '{name} (M)' for millions"
            )
    return [*said, *_losses(runs)]


def _losses(runs: Measurements) -> list[str]:
    """What looks like losses in another unit than nats per token, in all rows or in some."""
    loss, said = runs.loss, "column 'loss'"
    middle = float(np.median(loss))
    if "loss" in runs.roles:
        said = f"column {runs.roles['loss']!r}"
    mend = (
        "--unit loss=perplexity, or =bits/token, =bits/byte, =nats/byte if it is one of these (in "
        "Python units={'loss': 'perplexity'}); =nats/token if it is right as it is"
    )
    if "loss" in runs.units_stated:
        return _odd_losses(runs, max(15.0, 20 * middle))
    if middle > 15:
        return [
            f"the median loss is {middle:.4g}: more than any guess costs in nats per token with a "
            f"usual vocabulary. Is it a perplexity, or in other units? {mend}"
        ]
    if middle > 7:
        return [
            f"the median loss is {middle:.4g}, which trained language models seldom have in nats "
            f"per token. Is it a perplexity ({said})? {mend}"
        ]
    if middle < 0.5:
        return [
            f"the median loss is {middle:.3g}, less than language models reach in nats per token. "
            f"Is it in other units, or no loss ({said})? {mend}"
        ]
    return _odd_losses(runs, 15.0)


def _odd_losses(runs: Measurements, most: float) -> list[str]:
    """Losses above `most`, or far below all others, which may be in another unit."""
    loss, middle = runs.loss, float(np.median(runs.loss))
    high, low = loss > most, loss < middle / 20
    if high.any() or low.any():
        odd = high if high.any() else low
        return [
            f"{int(odd.sum())} of {len(loss)} losses lie from {loss[odd].min():.3g} to "
            f"{loss[odd].max():.3g} ({listed(runs.place, runs.rows[odd])}), the median at "
            f"{middle:.3g}: are they in another unit, or of runs that diverged? Bring all to nats "
            "per token, or leave them out (--drop-worst, --where)"
        ]
    return []


def _off(runs: Measurements, residuals: np.ndarray) -> list[str]:
    """Runs that lie so far off the law that noise cannot have put them there."""
    size = np.abs(residuals)
    usual = 1.4826 * float(np.median(size))
    explained = any(doubt.kind in ("checkpoints", "mixed", "tuned") for doubt in runs.doubts)
    if len(size) != len(runs) or usual < EXACT or explained:
        return []
    odd = size > max(OUTLYING * usual, 0.03)
    if not odd.any():
        return []
    worst = float(np.abs(np.expm1(residuals[size.argmax()])))
    return [
        f"{int(odd.sum())} of {len(size)} losses lie {OUTLYING:g} times the usual scatter or more "
        f"off the law, by up to {worst:.0%} ({listed(runs.place, runs.rows[odd])}): another unit "
        "in these rows, another experiment, or runs that failed? The fit gives them little weight"
    ]


def _exact(residuals: np.ndarray) -> list[str]:
    """A warning if the losses lie on the law as no measured ones do."""
    scatter = float(np.median(np.abs(residuals)))
    if scatter >= EXACT:
        return []
    return [
        f"half of the losses lie within {100 * scatter:.1g} % of the law: these were computed, or "
        "smoothed, and not measured. Without noise the intervals have hardly a width, and say "
        "nothing of how well measured runs would tell the law"
    ]


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
    if status.kind is StatusKind.FLOOR_AT_ZERO:
        return (
            "no text has a loss of zero, so these runs do not tell the floor, or some of them are "
            "in other units or of another experiment: look at the figure, and do not trust losses "
            "far beyond the runs"
        )
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


def _power(runs: Measurements, question: _Question) -> _Made:
    """A power law of the loss in one quantity, through the best runs at each of its values."""
    at, loss, notes = _best_at_each(runs, question.x)
    names, how, floor = ("A", "alpha", "E"), question.how, question.floor
    if floor not in ("auto", "none"):
        try:
            number = float(floor)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"floor must be auto, none or a number, got {floor!r}") from None
        return _Made(fit_power_law(at, loss, floor=number, **how), names, tuple(notes))
    if floor == "auto" and len(at) > 3:
        fit = fit_power_law(at, loss, floor=True, **how)
        if fit.status.converged:
            told = "the floor is fitted: these runs tell it from zero"
            return _Made(fit, names, (*notes, told))
        notes.append(f"no floor is fitted: {fit.status} with these runs")
    elif floor == "auto":
        notes.append("no floor is fitted: too few points")
    return _Made(fit_power_law(at, loss, floor=False, **how), names, tuple(notes))


def _best_at_each(runs: Measurements, x: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One loss for each value of x, seeds averaged, and what to say about the choice.

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
    notes = []
    if count.max() > 1:
        notes.append(f"{len(runs)} runs at {len(mean)} different places: repeats were averaged")
    if other is None:
        return different, mean, notes
    at, second = different.T
    chosen, said = _lowest(at, mean) if x == "flops" else _most(at, second, x)
    return at[chosen], mean[chosen], notes + said


def _most(at: np.ndarray, second: np.ndarray, x: str) -> tuple[np.ndarray, list[str]]:
    """At each size the longest training, or at each length the largest model."""
    last = np.r_[at[1:] != at[:-1], True]  # sorted by x, then by the other
    other = "tokens" if x == "params" else "params"
    notes = []
    if not last.all():
        notes.append(
            f"at each of {int(last.sum())} {x} only the runs with the most {other} enter the "
            f"fit ({int((~last).sum())} others do not)"
        )
    if len(np.unique(second[last])) > 1:
        notes.append(
            f"those have different {other} ({second[last].min():.3g} to "
            f"{second[last].max():.3g}): part of what the law shows is theirs"
        )
    return np.flatnonzero(last), notes


def _lowest(at: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """At each budget the lowest loss; without budgets, the runs that no cheaper run beats."""
    try:
        label = budgets_of(at)
    except ValueError:
        order = np.lexsort((mean, at))
        lowest = np.minimum.accumulate(mean[order])
        front = order[np.r_[True, lowest[1:] < lowest[:-1]]]
        return front, [
            f"the runs lie on no separate budgets: the {len(front)} that no cheaper run beats "
            "enter the fit, so lucky runs count for more than they should"
        ]
    best = np.array([np.flatnonzero(label == i)[mean[label == i].argmin()]
                     for i in range(label.max() + 1)])  # fmt: skip
    few = len(best) < len(mean)
    return best, [f"at each of {len(best)} budgets the lowest loss enters the fit"] if few else []
