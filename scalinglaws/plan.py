"""Decisions from a law: what to train with a budget, what it costs, and what serving adds.

Every function takes a law (`scalinglaws.laws`) or a fit of one (`scalinglaws.fit`); from a fit the
answers have 95 % intervals. N is parameters, D training tokens, C = k N D training FLOPs with
k = 6 unless said, which `scalinglaws.laws` derives. What a law counts as a parameter and a token,
and the unit of its loss, are for its data to say.

A fit that is no answer (its search did not settle, or ended at a bound) gives a plan whose numbers
are NaN, and a note that says why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._checks import above_zero
from .estimate import Estimate
from .fit import AllocationFit, ChinchillaFit, Status
from .laws import CHINCHILLA, CHINCHILLA_REFIT, ChinchillaLaw, root

Source = ChinchillaLaw | ChinchillaFit | AllocationFit
LEVEL = 0.95
FAR = 100.0
"""A plan for this many times the FLOPs of the largest run measured is called far."""


@dataclass(frozen=True)
class Published:
    """A published law and the range of the runs behind it."""

    law: ChinchillaLaw
    source: str
    params: tuple[float, float]
    tokens: tuple[float, float]


_RANGE = {"params": (70e6, 16e9), "tokens": (5e9, 500e9)}  # Hoffmann et al. (2022), abstract
PUBLISHED = {
    "chinchilla": Published(CHINCHILLA, "Hoffmann et al. (2022), as printed", **_RANGE),
    "chinchilla-refit": Published(
        CHINCHILLA_REFIT, "Besiroglu et al. (2024), refit of Hoffmann et al. (2022)", **_RANGE
    ),
}
"""Laws that the command line knows by name."""


@dataclass(frozen=True)
class Assumptions:
    """What a FLOP costs. The defaults describe training in bf16 on one kind of GPU.

    peak_flops: FLOP/s of one GPU; 989.4e12 is the H100 SXM in bf16 without sparsity (NVIDIA's data
        sheet, as of 2023; twice as much is printed for 2:4 sparse matrices).
    utilisation: share of the peak that training reaches; 38 to 43 % were reported for Llama 3 405B
        (Llama Team 2024).
    watts_per_gpu: electric power per GPU with its share of server, network and cooling; 1,700 W
        for an H100 of 700 W (Sevilla et al. 2024).
    price_per_gpu_hour, price_date: what a GPU-hour costs and when it did ("2026-03"). Prices halve
        and double within a year, so there is no default, and none is taken without its date.
    carbon_per_kwh: kg of CO2 equivalents per kWh of the electricity used.

    Raises ValueError on values that are not positive, and on a price without a date.
    """

    peak_flops: float = 989.4e12
    utilisation: float = 0.40
    watts_per_gpu: float = 1700.0
    price_per_gpu_hour: float | None = None
    price_date: str | None = None
    carbon_per_kwh: float | None = None

    def __post_init__(self) -> None:
        for name in ("peak_flops", "utilisation", "watts_per_gpu"):
            above_zero(getattr(self, name), name)
        for name in ("price_per_gpu_hour", "carbon_per_kwh"):
            if getattr(self, name) is not None:
                above_zero(getattr(self, name), name)
        if self.utilisation > 1:
            raise ValueError(
                f"utilisation is a share of the peak, at most 1, got {self.utilisation} "
                "(0.4 for 40 %)"
            )
        if (self.price_per_gpu_hour is None) != (self.price_date is None):
            raise ValueError("a price needs its date, and a date its price: give both or neither")
        if self.price_date is not None and not re.fullmatch(
            r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", self.price_date
        ):
            raise ValueError(
                f"the date of the price must look like 2026, 2026-03 or 2026-03-15, "
                f"got {self.price_date!r}"
            )

    @property
    def flops_per_gpu_hour(self) -> float:
        """Useful FLOPs of one GPU in one hour."""
        return self.peak_flops * self.utilisation * 3600

    def __str__(self) -> str:
        lines = (
            f"{self.peak_flops / 1e12:.4g} TFLOP/s at {self.utilisation:.0%}, "
            f"{self.watts_per_gpu:.4g} W per GPU with overhead"
        )
        if self.price_per_gpu_hour is not None:
            lines += f", {self.price_per_gpu_hour:.4g} per GPU-hour ({self.price_date})"
        if self.carbon_per_kwh is not None:
            lines += f", {self.carbon_per_kwh:.4g} kg CO2e per kWh"
        return lines


@dataclass(frozen=True)
class Cost:
    """What a number of FLOPs takes. Money is in the currency of the price."""

    flops: float
    gpu_hours: float
    kwh: float
    money: float | None
    carbon_kg: float | None
    assumptions: Assumptions

    def __str__(self) -> str:
        lines = [f"{self.gpu_hours:,.4g} GPU-hours", f"{self.kwh:,.4g} kWh"]
        if self.money is not None:
            lines.append(f"{self.money:,.4g} in money ({self.assumptions.price_date})")
        if self.carbon_kg is not None:
            lines.append(f"{self.carbon_kg:,.4g} kg CO2e")
        return ", ".join(lines)


def cost(flops: float, assumptions: Assumptions | None = None) -> Cost:
    """GPU-hours, energy and, where assumed, money and carbon of training with `flops` FLOPs."""
    flops = above_zero(flops, "flops")
    assumptions = assumptions or Assumptions()
    hours = flops / assumptions.flops_per_gpu_hour
    kwh = hours * assumptions.watts_per_gpu / 1000
    price, carbon = assumptions.price_per_gpu_hour, assumptions.carbon_per_kwh
    return Cost(
        flops=flops,
        gpu_hours=hours,
        kwh=kwh,
        money=None if price is None else hours * price,
        carbon_kg=None if carbon is None else kwh * carbon,
        assumptions=assumptions,
    )


def flops_of(
    assumptions: Assumptions, *, gpu_hours: float | None = None, money: float | None = None
) -> float:
    """The FLOPs that this many GPU-hours, or this much money, buy: the inverse of `cost`."""
    if (gpu_hours is None) == (money is None):
        raise ValueError("give GPU-hours or money, one of the two")
    if money is not None:
        if assumptions.price_per_gpu_hour is None:
            raise ValueError("a budget in money needs the price of a GPU-hour and its date")
        gpu_hours = above_zero(money, "money") / assumptions.price_per_gpu_hour
    return above_zero(gpu_hours, "gpu_hours") * assumptions.flops_per_gpu_hour


@dataclass(frozen=True)
class Plan:
    """What to train: parameters and tokens, and what follows from them."""

    params: Estimate
    tokens: Estimate
    tokens_per_param: Estimate
    loss: Estimate | None
    """Expected loss; None where the source (approach 1 or 2) says nothing about it."""
    training_flops: Estimate
    inference_tokens: float = 0.0
    """Tokens that the model will read and write in its life."""
    inference_flops: Estimate | None = None
    instead_of: tuple[float, float] | None = None
    """The N and D that would be cheapest to train to the same loss."""
    saving: Estimate | None = None
    """Share of the FLOPs of training and inference together that this saves against those."""
    cost: Cost | None = None
    """Of the training."""
    inference_cost: Cost | None = None
    notes: tuple[str, ...] = ()
    doubt: str | None = None
    """The one of the notes that is about the fit itself; None where there is nothing to say."""

    def priced(self, assumptions: Assumptions | None = None) -> Plan:
        """The same plan with its costs. Inference is priced at the same utilisation.

        A plan that a fit could not give has no costs either.
        """
        served = self.inference_flops
        if math.isnan(self.training_flops.value):
            return self
        return replace(
            self,
            cost=cost(self.training_flops.value, assumptions),
            inference_cost=None if served is None else cost(served.value, assumptions),
        )

    def __str__(self) -> str:
        lines = [
            f"params            {self.params}",
            f"tokens            {self.tokens}",
            f"tokens per param  {self.tokens_per_param}",
        ]
        if self.loss is not None:
            lines.append(f"loss              {self.loss}")
        lines.append(f"training FLOPs    {self.training_flops}")
        if self.inference_flops is not None:
            lines.append(
                f"inference FLOPs   {self.inference_flops} for {self.inference_tokens:.4g} tokens"
            )
        if self.instead_of is not None and self.saving is not None:
            N, D = self.instead_of
            lines += [
                f"instead of        {N:.4g} params and {D:.4g} tokens, the cheapest to train",
                f"saving            {_percent(self.saving)} of all FLOPs",
            ]
        if self.cost is not None:
            lines.append(f"training costs    {self.cost}")
            if self.inference_cost is not None:
                lines.append(f"inference costs   {self.inference_cost}")
            lines.append(f"assumed           {self.cost.assumptions}")
        return "\n".join(lines + [f"note: {note}" for note in self.notes])


def _percent(share: Estimate) -> str:
    if math.isnan(share.value):
        return str(share)
    text = f"{100 * share.value:.3g} %"
    if share.known:
        text += f" ({share.level:.0%} interval {100 * share.low:.3g} to {100 * share.high:.3g} %)"
    return text


def _k(source: Source, k: float | None) -> float:
    if not isinstance(source, ChinchillaLaw | ChinchillaFit | AllocationFit):
        raise ValueError(
            "a plan needs a law L(N, D) or a fit of approaches 1 to 3 (ChinchillaLaw, "
            f"fit_chinchilla, fit_isoflop, ...); got {type(source).__name__}"
        )
    if isinstance(source, ChinchillaFit):
        if k is not None and k != source.k:
            raise ValueError(f"the fit counts C = {source.k:g} N D; k cannot be another")
        return source.k
    return 6.0 if k is None else above_zero(k, "k")


def compute_optimal(source: Source, flops: float, *, k: float | None = None) -> Plan:
    """The N and D with the lowest loss for `flops` training FLOPs (Hoffmann et al. 2022).

    For a Chinchilla law N_opt = G (C / k)^a and D_opt = (C / k)^b / G in closed form; approaches 1
    and 2 give the power laws that they fitted. `k` may be given for a law; a fit has its own.

    >>> from scalinglaws.laws import CHINCHILLA_REFIT
    >>> plan = compute_optimal(CHINCHILLA_REFIT, 5.76e23)
    >>> print(plan)
    params            7.225e+10
    tokens            1.329e+12
    tokens per param  18.39
    loss              1.974
    training FLOPs    5.76e+23
    """
    C = above_zero(flops, "flops")
    k = _k(source, k)
    if isinstance(source, ChinchillaLaw):
        with np.errstate(all="ignore"):
            parts = (source.N_opt(C, k), source.D_opt(C, k), source.tokens_per_param(C, k))
            loss: Estimate | None = Estimate(float(source.L_opt(C, k)))
        if not all(math.isfinite(float(part)) for part in parts):
            raise ValueError(f"the best split of {C:.3g} FLOPs lies beyond what numbers can hold")
        N, D, ratio = (Estimate(float(part)) for part in parts)
    else:
        best = source.optimum(C, LEVEL)
        N, D, ratio, loss = best.N, best.D, best.tokens_per_param, best.L
    return _noted(Plan(N, D, ratio, loss, Estimate(C)), source, C)


def reaching(source: Source, loss: float, *, k: float | None = None) -> Plan:
    """The N and D that reach `loss` with the fewest training FLOPs.

    Raises ValueError if the loss lies at or below the law's floor, which nothing reaches.
    """
    return with_inference(source, 0.0, loss=loss, k=k)


def with_inference(
    source: Source,
    inference_tokens: float,
    *,
    loss: float | None = None,
    flops: float | None = None,
    k: float | None = None,
) -> Plan:
    """The N and D that reach a loss with the fewest FLOPs of training and serving together.

    Minimises k N D + (k / 3) N D_inference at a given loss (Sardana et al. 2023): a forward pass
    takes a third of what forward and backward take together, so 6 and 2 for the usual k. The more
    tokens are served, the smaller and the longer trained is the best model. The quality is given
    as a loss, or as that of the compute-optimal model of `flops` training FLOPs.

    Intervals hold the doubt about the law. Raises ValueError on a loss at or below the floor, and
    on a source without a loss (approaches 1 and 2).
    """
    if isinstance(source, AllocationFit):
        raise ValueError(
            "approaches 1 and 2 give the best split of a budget, but no loss to plan for: fit with "
            "the parametric method"
        )
    if (loss is None) == (flops is None):
        raise ValueError("give the quality as a loss or as training FLOPs, one of the two")
    loss = None if loss is None else above_zero(loss, "loss")
    flops = None if flops is None else above_zero(flops, "flops")
    served = 0.0 if inference_tokens == 0 else above_zero(inference_tokens, "inference_tokens")
    task = _Task(served, loss, flops, _k(source, k))
    found, notes = _estimates(source, task)
    if loss is not None:
        found["loss"] = Estimate(loss)
    if flops is not None and not served:
        found["training_flops"] = Estimate(flops)
    instead_of: tuple[float, float] | None = None
    if served and not math.isnan(found["params"].value):
        cheapest = _cheapest(_law_of(source), replace(task, served=0.0))
        instead_of = cheapest.params, cheapest.tokens
        if flops is not None:
            times = found["training_flops"].value / flops
            notes.insert(
                0,
                f"the quality is that of the compute-optimal model of {flops:.4g} training FLOPs; "
                f"this one takes {times:.3g} times as many to train",
            )
    plan = Plan(
        found["params"],
        found["tokens"],
        found["tokens_per_param"],
        found["loss"],
        found["training_flops"],
        inference_tokens=served,
        inference_flops=found["inference_flops"] if served else None,
        instead_of=instead_of,
        saving=found["saving"] if served else None,
        notes=tuple(notes),
    )
    return _noted(plan, source, plan.training_flops.value)


@dataclass(frozen=True)
class _Task:
    """What a model is to do: tokens to serve, and a quality, as a loss or as training FLOPs."""

    served: float
    loss: float | None
    flops: float | None
    k: float

    def above_floor(self, law: ChinchillaLaw) -> float:
        """What a law leaves of the loss for size and data to remove.

        Raises ValueError if the loss lies at or below the floor.
        """
        loss = self.loss
        if loss is None:
            assert self.flops is not None  # one of the two is given
            loss = float(law.L_opt(self.flops, self.k))
        if not loss > law.E:
            raise ValueError(f"no model reaches a loss at or below the floor E = {law.E:.4g}")
        return loss - law.E


class _Cheapest(NamedTuple):
    """The cheapest model for a task."""

    params: float
    tokens: float
    tokens_per_param: float
    training_flops: float
    inference_flops: float
    saving: float
    loss: float


def _cheapest(law: ChinchillaLaw, task: _Task) -> _Cheapest:
    """The cheapest model for a task by a law.

    With s the share of the size in what the loss has above the floor, N and D follow from s, and
    the derivative of the total FLOPs vanishes where 1 + D_inference / (3 D) equals
    alpha s / (beta (1 - s)). The left side falls with s and the right side rises: there is one s.
    Raises ValueError if the loss lies at or below the floor.
    """
    rest, served, k = task.above_floor(law), task.served, task.k

    def log_N(t: float) -> float:
        return (math.log(law.A / rest) - _log_sigmoid(t)) / law.alpha

    def log_D(t: float) -> float:
        return (math.log(law.B / rest) - _log_sigmoid(-t)) / law.beta

    def falling(t: float) -> float:
        # In logs, with t = ln(s / (1 - s)), so that nothing overflows.
        demand = math.log(served / 3) - log_D(t)
        return float(np.logaddexp(0.0, demand)) - math.log(law.alpha / law.beta) - t

    unserved = math.log(law.beta / law.alpha)
    try:
        with np.errstate(all="ignore"):
            t = root(falling, unserved, below=False) if served else unserved
        N, D = math.exp(log_N(t)), math.exp(log_D(t))
    except OverflowError:
        raise ValueError("the model lies beyond what numbers can hold") from None
    if not (N > 0 and D > 0):
        raise ValueError(f"a loss of {rest + law.E:.4g} needs no model at all: ask for a lower one")
    N0, D0 = math.exp(log_N(unserved)), math.exp(log_D(unserved))
    total = k * N * (D + served / 3)
    usual = k * N0 * (D0 + served / 3)
    if not math.isfinite(total + usual):
        raise ValueError("the model lies beyond what numbers can hold")
    return _Cheapest(
        params=N,
        tokens=D,
        tokens_per_param=D / N,
        training_flops=k * N * D,
        inference_flops=k * N * served / 3,
        saving=1 - total / usual,
        loss=law.E + rest,
    )


def _log_sigmoid(t: float) -> float:
    return -float(np.logaddexp(0.0, -t))


def _law_of(source: ChinchillaLaw | ChinchillaFit) -> ChinchillaLaw:
    return source.law if isinstance(source, ChinchillaFit) else source


def _estimates(
    source: ChinchillaLaw | ChinchillaFit, task: _Task
) -> tuple[dict[str, Estimate], list[str]]:
    """Every quantity of the cheapest model, with its interval from a fit, and what to say of it.

    Raises ValueError if the loss lies at or below the floor of the law, but not if the fit is no
    answer: then all is unknown.
    """
    if isinstance(source, ChinchillaFit) and not source.status.usable:
        return {name: Estimate.unknown(LEVEL) for name in _Cheapest._fields}, []
    point = _cheapest(_law_of(source), task)._asdict()
    if isinstance(source, ChinchillaLaw):
        return {name: Estimate(value) for name, value in point.items()}, []
    drawn = list(_drawn(source, task))
    lost = 1 - len(drawn) / len(source.draws)
    if lost > (1 - LEVEL) / 2:
        note = (
            f"in {lost:.0%} of the bootstrap draws no model reaches this loss at all: there "
            "is no upper limit, and no interval is given"
        )
        return {name: Estimate(value) for name, value in point.items()}, [note]
    lows, highs = np.quantile(np.array(drawn), ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    ends = zip(point.items(), map(float, lows), map(float, highs), strict=True)
    return {name: Estimate(value, low, high) for (name, value), low, high in ends}, []


def _drawn(fit: ChinchillaFit, task: _Task) -> Iterator[_Cheapest]:
    """The cheapest model by each bootstrap draw of the law that reaches the loss at all."""
    for row in fit.draws[list(ChinchillaLaw.names())].to_numpy():
        try:
            yield _cheapest(ChinchillaLaw(*map(float, row)), task)
        except (ValueError, OverflowError):
            continue


def _noted(plan: Plan, source: Source, flops: float) -> Plan:
    """The plan with notes on where it leaves the runs behind the law, and on the fit's status."""
    if isinstance(source, ChinchillaLaw):
        return replace(plan, notes=(*plan.notes, *_too_small(plan)))
    notes = list(_too_small(plan))
    if isinstance(source, ChinchillaFit):
        measured = source.k * source.N * source.D
        notes += outside("params", plan.params.value, source.N)
        notes += outside("tokens", plan.tokens.value, source.D)
    else:
        measured = source.C
    doubt = _doubt(source.status)
    notes += [] if doubt is None else [doubt]
    return replace(plan, notes=(*plan.notes, *_far(flops, measured), *notes), doubt=doubt)


def _too_small(plan: Plan) -> tuple[str, ...]:
    if min(plan.params.value, plan.tokens.value) < 1:
        return ("less than one parameter or token: the law does not hold here",)
    return ()


def _doubt(status: Status) -> str | None:
    """What a plan says of the fit behind it."""
    if status.converged:
        return None
    said = f"the fit behind this plan says: {status}"
    return said if status.usable else f"{said}; it is no answer, so neither is this"


def _far(flops: float, measured: np.ndarray) -> tuple[str, ...]:
    """One sentence if a plan leaves the range of the FLOPs that were measured."""
    least, most = float(np.min(measured)), float(np.max(measured))
    factor = flops / most
    if factor > FAR:
        return (
            f"{flops:.3g} FLOPs are {factor:,.3g} times the most measured ({most:.3g}): the "
            "intervals trust that the law goes on, which nothing here shows",
        )
    if factor > 1.0001:
        return (f"extrapolated: {factor:.3g} times the most FLOPs measured",)
    if flops / least < 0.9999:
        return (f"extrapolated: {flops / least:.3g} of the fewest FLOPs measured",)
    return ()


def outside(name: str, value: float, measured: ArrayLike) -> tuple[str, ...]:
    """One sentence if a value lies outside what was measured; otherwise nothing."""
    low, high = float(np.min(measured)), float(np.max(measured))
    if value > high * 1.0001:
        return (f"{value:.3g} {name} are {value / high:.3g} times the most measured ({high:.3g})",)
    if value < low * 0.9999:
        return (f"{value:.3g} {name} are {value / low:.3g} of the least measured ({low:.3g})",)
    return ()
