"""Figures of a fit with the runs behind it: `of_fit` draws any of them."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import plot
from .estimate import Estimate
from .fit import AllocationFit, ChinchillaFit, PowerLawFit
from .runs.measured import Measurements


def _shades(count: int) -> np.ndarray:
    return plt.get_cmap("viridis")(np.linspace(0.0, 0.85, max(count, 2)))[:count]


def of_fit(
    fit: ChinchillaFit | AllocationFit | PowerLawFit,
    runs: Measurements,
    budgets: Sequence[float] = (),
    x: str | None = None,
    predictions: Sequence[tuple[float, Estimate]] = (),
) -> Figure:
    """A figure of the runs and the fit: one panel for a power law, two for other methods.

    budgets: FLOPs that the best split is drawn out to. x and predictions: for a power law, the
    quantity ("flops", "params" or "tokens") and the losses foretold at values of it.
    """
    with plt.rc_context(plot.STYLE):
        if isinstance(fit, PowerLawFit):
            return _power_figure(fit, x or "flops", predictions)
        if isinstance(fit, ChinchillaFit):
            return _surface_figure(fit)
        return _allocation_figure(fit, runs, budgets)


def _power_figure(
    fit: PowerLawFit, x: str, predictions: Sequence[tuple[float, Estimate]]
) -> Figure:
    fig, ax = plt.subplots()
    ends = [fit.x.min(), fit.x.max(), *(at for at, _ in predictions)]
    plot.law(ax, fit, [min(ends), max(ends)])
    plot.measured(ax, fit.x, fit.y)
    for at, value in predictions:
        ax.plot(at, value.value, "o", mfc="none", mec=plot.RED, ms=10)
        plot.say(ax, at, value.value, "predicted", color=plot.RED, dx=-10, ha="right", dy=-12)
    plot.log_axes(ax)
    ax.set(xlabel=_AXIS[x], ylabel="loss, nats per token", title=str(fit.law))
    return fig


_AXIS = {"flops": "training FLOPs", "params": "parameters", "tokens": "training tokens"}


def _surface_figure(fit: ChinchillaFit) -> Figure:
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


def _allocation_figure(fit: AllocationFit, runs: Measurements, budgets: Sequence[float]) -> Figure:
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4))
    if fit.method == "isoflop":
        _parabolas(left, fit)
    else:
        _curves(left, fit, runs)
    grid = np.geomspace(min([fit.C.min(), *budgets]), max([fit.C.max(), *budgets]), 120)
    inside = (grid >= fit.C.min() * 0.999) & (grid <= fit.C.max() * 1.001)
    for colour, name, points in ((plot.BLUE, "N", fit.N), (plot.ORANGE, "D", fit.D)):
        line = np.asarray(fit.N_opt(grid) if name == "N" else fit.D_opt(grid))
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
        near = curve.N[curve.used]
        grid = np.geomspace(near.min(), near.max(), 80)
        ax.plot(grid, curve(grid), color=colour, lw=1.2)
        ax.plot(curve.N[~curve.used], curve.L[~curve.used], "o", mfc="none", mec=colour, ms=4)
        ax.plot(curve.N[curve.used], curve.L[curve.used], "o", color=colour, ms=4.5, mec="white",
                mew=0.5)  # fmt: skip
        ax.plot(curve.vertex, curve(curve.vertex), "D", color=plot.RED, ms=6, mec="white")
        plot.say(ax, grid[-1], float(curve(grid[-1])), f"{curve.C:.1e}", color=colour, dx=5)
    plot.log_axes(ax, y=False)
    ax.margins(x=0.16)
    ax.set(xlabel="parameters", ylabel="loss, nats per token",
           title="Budgets in FLOPs and their minima")  # fmt: skip


def _curves(ax: Axes, fit: AllocationFit, runs: Measurements) -> None:
    C, N = runs.flops, runs.params
    assert C is not None and N is not None
    sizes = np.unique(N)
    shades = _shades(len(sizes))
    for size, colour in zip(sizes, shades, strict=True):
        here = size == N
        order = np.argsort(C[here])
        ax.plot(C[here][order], runs.loss[here][order], "-o", color=colour, lw=1, ms=2.5)
    for number in (0, len(sizes) - 1):
        here = np.flatnonzero(sizes[number] == N)
        end = here[np.argmin(C[here])]
        plot.say(ax, C[end], runs.loss[end], f"{sizes[number]:.2g}", color=shades[number], dx=6,
                 dy=8)  # fmt: skip
    ax.plot(fit.C, fit.L, "D", color=plot.RED, ms=6, mec="white", zorder=4)
    plot.log_axes(ax)
    ax.set(xlabel="training FLOPs", ylabel="loss, nats per token",
           title="Curves by parameters, and where each is best")  # fmt: skip
