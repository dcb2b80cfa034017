"""Figures of a fit with the runs behind it: `of_fit` draws any of them.

Each shows the runs, the law with its 95 % band, what the law leaves of the losses, and, as hollow
points and in a line below, what was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from . import plot
from .estimate import Estimate
from .fit import AllocationFit, ChinchillaFit, PowerLawFit
from .runs.measured import Measurements

_AXIS = {"flops": "training FLOPs", "params": "parameters", "tokens": "training tokens"}
_LOSS = "loss, nats per token"
_TOLD = ("left out:", "kept:", "at each of", "the runs lie", "of ")
"""How notes begin that say which runs the fit did not see."""
_REFUSED = "left out of the fit:"
_WIDTH = 140
_LINES = 4


def of_fit(
    fit: ChinchillaFit | AllocationFit | PowerLawFit,
    runs: Measurements,
    budgets: Sequence[float] = (),
    x: str | None = None,
    predictions: Sequence[tuple[float, Estimate]] = (),
    notes: Sequence[str] = (),
) -> Figure:
    """A figure of the runs, the law with its 95 % band, the residuals, and what was left out.

    budgets: FLOPs that the law is drawn out to. x and predictions: for a power law, the quantity
    ("flops", "params" or "tokens") and the losses foretold at values of it. notes: of the report;
    those that say what was left out are written below.
    """
    with plt.rc_context(plot.STYLE):
        if isinstance(fit, PowerLawFit):
            figure = _power_figure(fit, runs, x or "flops", predictions)
        elif isinstance(fit, ChinchillaFit):
            figure = _surface_figure(fit, runs, budgets)
        else:
            figure = _allocation_figure(fit, runs, budgets)
        _caption(figure, notes)
        return figure


def _caption(figure: Figure, notes: Sequence[str]) -> None:
    """What was left out, below the figure."""
    said = [note for note in notes if note.startswith(_TOLD)]
    refused = [note.removeprefix(_REFUSED).strip() for note in notes if note.startswith(_REFUSED)]
    if len(refused) > 2:
        refused = [f"{len(refused)} more, which the notes name with the reasons"]
    said += [f"{_REFUSED} {reason}" for reason in refused]
    hollow = any(line.get_gid() == "left out" for ax in figure.axes for line in ax.lines)
    said += ["hollow points do not enter the fit"] if hollow else []
    if not said:
        return
    text = ". ".join(part[0].upper() + part[1:] for part in said) + "."
    width = int(_WIDTH * figure.get_figwidth() / 10.5)
    lines = wrap(text, width)
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1][: width - 4] + " ..."]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9.5, color=plot.GREY)


# What the figures share


def _shades(count: int) -> np.ndarray:
    return plt.get_cmap("viridis")(np.linspace(0.0, 0.8, max(count, 2)))[:count]


def _hollow(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Runs that do not enter the fit."""
    if len(x):
        ax.plot(x, y, "o", mfc="none", mec=plot.GREY, mew=1.1, ms=5, zorder=2, gid="left out")


def _residuals(ax: Axes, x: np.ndarray, percent: np.ndarray, **how: object) -> None:
    ax.axhline(0, color=plot.GREY, lw=1)
    if how:
        ax.scatter(x, percent, s=22, edgecolors="white", linewidths=0.4, zorder=3, **how)  # type: ignore[arg-type]  # colours and their scale
    else:
        ax.plot(x, percent, "o", color=plot.BLUE, mec="white", mew=0.7, zorder=3)
    ax.set_ylabel("measured minus law, %")


def _far(ax: Axes, x: np.ndarray, percent: np.ndarray, fitted: np.ndarray) -> None:
    """Residuals of runs left out: hollow, and at the edge with a number where they are far off."""
    limit = 1.25 * float(np.abs(fitted).max()) if len(fitted) else np.inf
    near = np.abs(percent) <= limit
    _hollow(ax, x[near], percent[near])
    if near.all():
        return
    ax.set_ylim(-1.15 * limit, 1.15 * limit)
    for sign, marker in ((1, "^"), (-1, "v")):
        beyond = ~near & (np.sign(percent) == sign)
        if not beyond.any():
            continue
        y = sign * 1.06 * limit
        ax.plot(x[beyond], np.full(int(beyond.sum()), y), marker, mfc="none", mec=plot.GREY,
                mew=1.1, ms=6, ls="none", gid="left out")  # fmt: skip
        ends = percent[beyond][np.argsort(np.abs(percent[beyond]))][[0, -1]]
        told = " to ".join(dict.fromkeys(f"{end:+.0f}" for end in ends))
        plot.say(ax, x[beyond].max(), y, f"{told} %", color=plot.GREY, dx=9)


def _line(
    ax: Axes,
    grid: np.ndarray,
    line: np.ndarray,
    band: tuple[np.ndarray, np.ndarray],
    measured: np.ndarray,
    color: str,
) -> None:
    """A law with its band, dashed where nothing was measured."""
    inside = (grid >= measured.min() * 0.999) & (grid <= measured.max() * 1.001)
    ax.fill_between(grid, *band, color=color, alpha=0.16, lw=0, zorder=3.5)
    ax.plot(grid, line, "--", color=color, lw=1.3, zorder=4)
    ax.plot(grid[inside], line[inside], color=color, zorder=4)


def _forecast(ax: Axes, at: float, value: Estimate, last: bool) -> None:
    """A loss foretold, with its interval."""
    if not value.known:
        return
    error = [[value.value - value.low], [value.high - value.value]]
    ax.errorbar(at, value.value, yerr=error, fmt="o", mfc="white", mec=plot.RED, color=plot.RED,
                ms=7, capsize=3, zorder=5)  # fmt: skip
    if last:
        plot.say(ax, at, value.value, "predicted", color=plot.RED, dx=-4, ha="right", dy=16)


# Power laws


def _power_figure(
    fit: PowerLawFit, runs: Measurements, x: str, predictions: Sequence[tuple[float, Estimate]]
) -> Figure:
    figure, (ax, below) = plt.subplots(
        2, 1, figsize=(7.2, 5.6), sharex=True, height_ratios=(2.6, 1)
    )
    ends = [fit.x.min(), fit.x.max(), *(at for at, _ in predictions)]
    plot.law(ax, fit, [min(ends), max(ends)])
    plot.measured(ax, fit.x, fit.y)
    at, loss = _others(fit, runs, x)
    _hollow(ax, at, loss)
    for number, (where, value) in enumerate(predictions, start=1):
        _forecast(ax, where, value, number == len(predictions))
    plot.log_axes(ax)
    ax.set(ylabel=_LOSS, title=str(fit.law).replace("x", _SYMBOL[x]))
    percent = 100 * fit.residuals
    _residuals(below, fit.x, percent)
    below.set(xlabel=_AXIS[x], ylabel="off the law, %")
    return figure


_SYMBOL = {"flops": "C", "params": "N", "tokens": "D"}


def _others(fit: PowerLawFit, runs: Measurements, x: str) -> tuple[np.ndarray, np.ndarray]:
    """The runs that do not enter a power law, those put aside among them."""
    at = getattr(runs, x)
    inside = set(zip(fit.x, fit.y, strict=True))
    out = np.array([pair not in inside for pair in zip(at, runs.loss, strict=True)], dtype=bool)
    at, loss = at[out], runs.loss[out]
    if runs.aside is not None:
        at = np.concatenate([at, getattr(runs.aside, x)])
        loss = np.concatenate([loss, runs.aside.loss])
    return at, loss


# Surfaces


def _surface_figure(fit: ChinchillaFit, runs: Measurements, budgets: Sequence[float]) -> Figure:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.6))
    C = fit.k * fit.N * fit.D
    colours = {"c": fit.N, "cmap": ListedColormap(_shades(256)), "norm": LogNorm()}
    shown = left.scatter(C, fit.L, s=22, edgecolors="white", linewidths=0.4, zorder=3, **colours)
    percent = 100 * fit.residuals
    if fit.status.usable:
        grid = np.geomspace(min([C.min(), *budgets]), max([C.max(), *budgets]), 60)
        best = [fit.optimum(float(budget)).L for budget in grid]
        band = np.array([(one.low, one.high) for one in best if one is not None]).T
        _line(left, grid, np.asarray(fit.law.L_opt(grid, fit.k)), (band[0], band[1]), C, plot.RED)
        plot.say(left, grid[20], float(fit.law.L_opt(grid[20], fit.k)), "best split",
                 color=plot.RED, dx=-8, dy=-14, ha="right")  # fmt: skip
        for budget in budgets:
            loss = fit.optimum(budget).L
            if loss is not None:
                _forecast(left, budget, loss, False)
    _residuals(right, fit.D / fit.N, percent, **colours)
    if runs.aside is not None and runs.aside.params is not None and runs.aside.tokens is not None:
        N, D, L = runs.aside.params, runs.aside.tokens, runs.aside.loss
        _hollow(left, fit.k * N * D, L)
        _far(right, D / N, 100 * np.log(L / np.asarray(fit.law(N, D))), percent)
    plot.log_axes(left)
    _ratios(right)
    left.set(xlabel=f"C = {fit.k:g} N D, training FLOPs", ylabel=_LOSS,
             title=f"{len(fit.L)} runs, and the best that a budget gives")  # fmt: skip
    right.set(xlabel="tokens per parameter", title=_short(fit))
    bar = figure.colorbar(shown, ax=right, label="parameters")
    bar.outline.set_visible(False)
    return figure


def _ratios(ax: Axes) -> None:
    """A logarithmic axis of tokens per parameter, with labels also where it is short."""
    plot.log_axes(ax, y=False)
    low, high = ax.get_xlim()
    if high < 200 * low:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _short(fit: ChinchillaFit) -> str:
    if not fit.status.usable:
        return str(fit.status)
    low, high = fit.interval("a")
    return f"a = {fit.a:.3f} ({low:.3f} to {high:.3f}), E = {fit.law.E:.3g}"


# Best splits


def _allocation_figure(fit: AllocationFit, runs: Measurements, budgets: Sequence[float]) -> Figure:
    figure = plt.figure(figsize=(10.5, 5.2))
    axes = figure.subplot_mosaic([["runs", "best"], ["runs", "off"]], height_ratios=(2.6, 1))
    left, right, below = axes["runs"], axes["best"], axes["off"]
    below.sharex(right)
    if fit.method == "isoflop":
        _parabolas(left, fit, runs)
    else:
        _curves(left, fit, runs)
    grid = np.geomspace(min([fit.C.min(), *budgets]), max([fit.C.max(), *budgets]), 120)
    for place, (colour, name, points) in enumerate(
        ((plot.ORANGE, "D", fit.D), (plot.BLUE, "N", fit.N))
    ):
        law = fit.N_opt if name == "N" else fit.D_opt
        line = np.asarray(law(grid))
        _line(right, grid, line, fit.band(grid, of=name), fit.C, colour)
        right.plot(fit.C, points, "o", color=colour, mec="white", mew=0.7, zorder=5)
        exponent = {"N": "a", "D": "b"}[name]
        low, high = fit.interval(exponent)
        right.text(0.03, 0.96 - 0.1 * place, f"{name}: {exponent} = {fit.value(exponent):.3f} "
                   f"({low:.3f} to {high:.3f})", color=_INK[colour], va="top",
                   transform=right.transAxes, fontsize=10)  # fmt: skip
        off = 100 * np.log(points / np.asarray(law(fit.C)))
        below.plot(fit.C, off, "o", color=colour, mec="white", mew=0.7, zorder=3)
    plot.log_axes(right)
    low, high = right.get_ylim()
    right.set_ylim(low, high * (high / low) ** 0.25)
    below.axhline(0, color=plot.GREY, lw=1)
    below.set(xlabel="training FLOPs", ylabel="off the line, %")
    right.set(ylabel="best N and D", title=f"{len(fit.C)} points, {fit.status}")
    right.tick_params(labelbottom=False)
    return figure


_INK = {plot.ORANGE: "#946600", plot.BLUE: plot.BLUE}
"""Colours of labels: orange is too light for text on white."""


def _parabolas(ax: Axes, fit: AllocationFit, runs: Measurements) -> None:
    used: set[tuple[float, float]] = set()
    for curve, colour in zip(fit.curves, _shades(len(fit.curves)), strict=True):
        near = curve.N[curve.used]
        grid = np.geomspace(near.min(), near.max(), 80)
        ax.plot(grid, curve(grid), color=colour, lw=1.2)
        ax.plot(curve.N[~curve.used], curve.L[~curve.used], "o", mfc="none", mec=colour, ms=4)
        ax.plot(curve.N[curve.used], curve.L[curve.used], "o", color=colour, ms=4.5, mec="white",
                mew=0.5)  # fmt: skip
        ax.plot(curve.vertex, curve(curve.vertex), "D", color=plot.RED, ms=6, mec="white")
        plot.say(ax, grid[-1], float(curve(grid[-1])), f"{curve.C:.1e}", color=colour, dx=5)
        used |= set(zip(curve.N, curve.L, strict=True))
    for some in (runs, runs.aside):
        if some is not None and some.params is not None:
            pairs = zip(some.params, some.loss, strict=True)
            out = np.array([pair not in used for pair in pairs], dtype=bool)
            _hollow(ax, some.params[out], some.loss[out])
    plot.log_axes(ax, y=False)
    ax.margins(x=0.16)
    ax.set(xlabel="parameters", ylabel=_LOSS, title="Budgets in FLOPs and their minima")


def _curves(ax: Axes, fit: AllocationFit, runs: Measurements) -> None:
    C, N = runs.flops, runs.params
    assert C is not None and N is not None
    sizes = np.unique(N)
    shades = _shades(len(sizes))
    for size, colour in zip(sizes, shades, strict=True):
        here = size == N
        if here.sum() < 2:
            _hollow(ax, C[here], runs.loss[here])
            continue
        order = np.argsort(C[here])
        ax.plot(C[here][order], runs.loss[here][order], "-o", color=colour, lw=1, ms=2.5)
    if runs.aside is not None and runs.aside.flops is not None:
        _hollow(ax, runs.aside.flops, runs.aside.loss)
    for number in (0, len(sizes) - 1):
        here = np.flatnonzero(sizes[number] == N)
        end = here[np.argmin(C[here])]
        plot.say(ax, C[end], runs.loss[end], f"{sizes[number]:.2g}", color=shades[number], dx=6,
                 dy=8)  # fmt: skip
    ax.plot(fit.C, fit.L, "D", color=plot.RED, ms=6, mec="white", zorder=4)
    plot.log_axes(ax)
    ax.set(xlabel="training FLOPs", ylabel=_LOSS,
           title="Curves by parameters, and where each is best")  # fmt: skip
