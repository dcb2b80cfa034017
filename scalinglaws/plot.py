"""The figures that several chapters share.

Colours are those of Okabe and Ito, which remain distinct to colour-blind readers. Figures have a
white ground, so that they read the same on a light page, a dark page and paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.typing import ColorType
from numpy.typing import ArrayLike

from .estimate import Estimate, wilson
from .fit import AllocationFit, Factorial, PowerLaw, PowerLawFit
from .fit.factorial import summary

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
GREY = "#6b6b6b"
INK = {
    ORANGE: "#946000",
    GREEN: "#007a59",
    RED: "#b34700",
    PURPLE: "#a04f7c",
    SKY: "#1d76a8",
}
"""What a word is written in beside a line of that colour: contrast of 4.5 on white and inverted."""

STYLE: dict[Any, Any] = {
    "figure.figsize": (7.2, 4.2),
    "figure.dpi": 120,
    "savefig.dpi": 120,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222",
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY]),
    "axes.grid": True,
    "axes.grid.which": "major",
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "legend.frameon": False,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
}


def use_style() -> None:
    """Give all figures that follow the look of the book, sharp on any screen in a notebook."""
    plt.rcParams.update(STYLE)
    if "inline" in plt.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


def log_axes(ax: Axes, x: bool = True, y: bool = True) -> Axes:
    """Logarithmic axes with plain tick labels: 10^9 on a long axis, 1.5, 2, 3 on a short one."""
    for axis, wanted in ((ax.xaxis, x), (ax.yaxis, y)):
        if not wanted:
            continue
        (ax.set_xscale if axis is ax.xaxis else ax.set_yscale)("log")
        low, high = sorted(axis.get_view_interval())
        decades = np.log10(high / low) if low > 0 else 9
        if decades < 1.2:
            axis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)))
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.set_minor_formatter(NullFormatter())
    return ax


def measured(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    error: ArrayLike | None = None,
    *,
    color: str = BLUE,
    label: str | None = None,
    marker: str = "o",
    hollow: bool = False,
) -> None:
    """Measured points, each with its standard error where it has one.

    Where errors are smaller than a dot, `hollow` draws open dots with the bars inside them.

    >>> figure, ax = plt.subplots()
    >>> measured(ax, [1e9, 1e10], [2.5, 2.2], [0.02, 0.01], hollow=True)
    >>> ax.lines[0].get_markerfacecolor()
    'white'
    >>> plt.close(figure)
    """
    if hollow:
        ax.plot(x, y, marker, color=color, label=label, ms=11, mfc="white", mew=1.2, zorder=3)
        ax.errorbar(x, y, yerr=error, fmt="none", ecolor=color, elinewidth=1.6, zorder=4)
        return
    ax.errorbar(
        x, y, yerr=error, fmt=marker, color=color, label=label, capsize=2.5, elinewidth=1.2,
        markeredgecolor="white", markeredgewidth=0.7, zorder=3,
    )  # fmt: skip


def shares(
    ax: Axes,
    x: ArrayLike,
    right: ArrayLike,
    n: int,
    *,
    color: str = BLUE,
) -> None:
    """Shares right / n with Wilson's 95 % intervals, joined by a thin line; x, right (points,).

    >>> figure, ax = plt.subplots()
    >>> shares(ax, [1, 2, 4], [0, 10, 20], 20)
    >>> ax.lines[0].get_ydata().tolist()
    [0.0, 0.5, 1.0]
    >>> plt.close(figure)
    """
    found = [wilson(int(k), n) for k in np.asarray(right)]
    value = np.array([each.value for each in found])
    ends = np.array([[each.low, each.high] for each in found]).T
    ax.plot(x, value, color=color, lw=1)
    measured(ax, x, value, np.abs(ends - value), color=color)


def by_seed(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    color: str | Sequence[str] = BLUE,
    mean: bool = True,
) -> None:
    """The column y over the column x of a table: a thin line of points for each seed, no two alike
    if `color` names several, and the mean over the seeds dashed.

    >>> table = pd.DataFrame({"steps": [1, 2] * 2, "seed": [0, 0, 1, 1], "share": [0, 1, 0, 0]})
    >>> figure, ax = plt.subplots()
    >>> by_seed(ax, table, "steps", "share")
    >>> [line.get_ydata().tolist() for line in ax.lines]
    [[0, 1], [0, 0], [0.0, 0.5]]
    >>> plt.close(figure)
    """
    colors = [color] if isinstance(color, str) else list(color)
    for number, (_, run) in enumerate(table.sort_values(x).groupby("seed")):
        ax.plot(run[x].to_numpy(), run[y].to_numpy(), "o-", ms=3, lw=0.9, alpha=0.75,
                color=colors[number % len(colors)])  # fmt: skip
    if mean:
        middle = table.groupby(x)[y].mean()
        ax.plot(middle.index.to_numpy(), middle.to_numpy(), "--", lw=1.8, color="#222222")


def valleys(ax: Axes, fit: AllocationFit, level: float = 0.95) -> None:
    """The losses at each budget, the parabola through them, and its minimum with an interval.

    Hollow sizes lie outside the parabola's window. The red bar below a valley is the interval of
    the best size, its tick the vertex. Each budget is named in FLOPs at its largest size. Raises
    ValueError if the fit has no parabolas, as that of another approach.
    """
    if not fit.curves:
        raise ValueError(f"a fit by {fit.method} has no parabolas: give one of fit_isoflop")
    tails = (0.5 - level / 2, 0.5 + level / 2)
    low, high = np.exp(np.nanquantile(fit.minima, tails, axis=0))
    losses = np.concatenate([curve.L for curve in fit.curves])
    below = 0.025 * float(np.ptp(losses))
    colors = plt.get_cmap("viridis")(np.linspace(0.0, 0.75, len(fit.curves)))
    for curve, color, left, right in zip(fit.curves, colors, low, high, strict=True):
        near, vertex = curve.N[curve.used], curve.vertex
        grid = np.geomspace(near[0], near[-1], 80)
        ax.plot(grid, curve(grid), color=color, lw=1.2)
        ax.plot(curve.N[~curve.used], curve.L[~curve.used], "o", mfc="none", mec=color, ms=5)
        ax.plot(near, curve.L[curve.used], "o", color=color, ms=5.5, mec="white", mew=0.6)
        at = float(curve(vertex)) - below
        ax.errorbar(vertex, at, xerr=[[vertex - left], [right - vertex]], fmt="|", ms=7, mew=1.6,
                    color=RED, capsize=3, elinewidth=1.8, zorder=4)  # fmt: skip
        say(ax, curve.N[-1], curve.L[-1], f"{curve.C:.2g}", color=color, dx=8)
    ax.margins(x=0.12)
    log_axes(ax, y=False)
    ax.set(xlabel="parameters $N$", ylabel="loss $L$ (nats per token)")


def law(
    ax: Axes,
    fit: PowerLawFit | PowerLaw,
    x: Sequence[float] | np.ndarray,
    *,
    measured_x: Sequence[float] | np.ndarray | None = None,
    color: str = BLUE,
    label: str | None = None,
    level: float = 0.95,
    band: bool = True,
) -> None:
    """A law over the range of `x`: solid where there are points, dashed where it extrapolates.

    Given a fit, the shaded band is the interval for a new measurement. `measured_x` says where
    there are points; by default those that the fit was made from.
    """
    x = np.asarray(x, dtype=float)
    grid = np.geomspace(x.min(), x.max(), 200)
    curve = fit.law if isinstance(fit, PowerLawFit) else fit
    if measured_x is None:
        measured_x = fit.x if isinstance(fit, PowerLawFit) else x
    low, high = float(np.min(measured_x)), float(np.max(measured_x))
    inside = (grid >= low * 0.999) & (grid <= high * 1.001)
    ax.plot(grid, curve(grid), "--", color=color, lw=1.3, zorder=2)
    ax.plot(grid[inside], curve(grid[inside]), "-", color=color, label=label, zorder=2)
    if band and isinstance(fit, PowerLawFit):
        ax.fill_between(
            grid, *fit.band(grid, level, new=True), color=color, alpha=0.13, lw=0, zorder=1
        )


def intervals(
    ax: Axes,
    rows: Mapping[str, Estimate],
    *,
    null: float | None = None,
    color: str = BLUE,
) -> None:
    """Estimates below one another, first at the top: a dot and a bar for each, its name beside it.

    Given `null`, a dotted line stands there, and those whose interval holds it are grey. A value
    without an interval is a hollow dot.
    """
    if null is not None:
        ax.axvline(null, color=GREY, ls=":")
    for row, each in enumerate(rows.values()):
        shade = GREY if null is not None and null in each else color
        if each.known:
            ax.plot([each.low, each.high], [row, row], color=shade, lw=2)
        ax.plot(each.value, row, "o", color=shade, mfc=shade if each.known else "white")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)


def interval_rows(
    ax: Axes,
    names: Sequence[str],
    rows: Sequence[Sequence[Estimate]],
    labels: Sequence[str],
    *,
    colors: Sequence[str] = (BLUE, GREEN, PURPLE),
    ms: float = 6,
) -> None:
    """Values with their intervals, row by row from the top, named on the left.

    rows holds for each of `names` as many estimates as there are `labels`, drawn one below the
    other, each with a colour and a marker of its own; the labels stand above the axes. `ms` is the
    size of the markers in points. Raises ValueError if the numbers of names, rows, labels and
    colours do not fit.

    >>> figure, ax = plt.subplots()
    >>> rows = [[Estimate(0.07, 0.06, 0.08)], [Estimate(0.04)]]
    >>> interval_rows(ax, ["on", "off"], rows, ["slope"])
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['on', 'off']
    >>> plt.close(figure)
    """
    each = len(labels)
    if len(names) != len(rows) or any(len(row) != each for row in rows):
        raise ValueError("there must be one row for each name, with one estimate for each label")
    if not 1 <= each <= len(colors):
        raise ValueError(f"from 1 to {len(colors)} labels can be told apart, got {each}")
    markers = ("o", "s", "^", "D", "v")
    for place, label in enumerate(labels):
        color, marker = colors[place], markers[place % len(markers)]
        for y, row in enumerate(rows):
            at = y + 0.24 * (place - (each - 1) / 2)
            ax.plot([row[place].low, row[place].high], [at, at], color=color, lw=1.6)
            ax.plot(row[place].value, at, marker, color=color, ms=ms, mec="white", mew=0.7,
                    label=label if y == 0 else None)  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    if each > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=each, borderaxespad=0.2,
                  handletextpad=0.1, columnspacing=1.2, fontsize=9.5)  # fmt: skip


def steps(
    ax: Axes,
    factorial: Factorial,
    *,
    means: Mapping[str, Estimate] | None = None,
    color: str = BLUE,
    shift: float = 0.0,
    label: str = "",
) -> None:
    """How far each factor moves a result, in every order of changing one after the other.

    A row for each factor, the first on top. Small strokes: its steps, one for each setting of the
    others. The dot: their mean over all orders with its interval, that of `means` if given, else
    that of `Factorial.share` (95 %). `shift` moves all rows down by as much; `label` stands at the
    end of the first row.
    """
    rows = np.arange(len(factorial.factors))
    for row, factor in enumerate(factorial.factors):
        found = [step[0] for step in factorial.steps(factor).values()]
        mean = means[factor] if means else summary(factorial.share(factor))
        at = row + shift
        ax.plot(found, np.full(len(found), at), "|", color=color, ms=13, mew=1.6, alpha=0.55)
        ax.errorbar(
            mean.value, at, xerr=[[mean.value - mean.low], [mean.high - mean.value]], fmt="o",
            color=color, capsize=2.5, elinewidth=1.2, markeredgecolor="white",
            markeredgewidth=0.7, ms=8, zorder=3,
        )  # fmt: skip
        if label and row == 0:
            say(ax, max(*found, mean.high), at, label, color=color)
    ax.axvline(0, color=GREY, lw=0.8, zorder=0)
    ax.set_yticks(rows, factorial.factors)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)


def say(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    *,
    color: ColorType = "#222222",
    dx: float = 8,
    dy: float = 0,
    ha: str = "left",
) -> None:
    """A label beside the thing it names, `dx`, `dy` points away from (x, y).

    A colour of the book that is too light to read as text is darkened.
    """
    ax.annotate(
        text, (x, y), xytext=(dx, dy), textcoords="offset points",
        color=INK.get(color, color) if isinstance(color, str) else color,
        ha=ha, va="center", fontsize=10,
    )  # fmt: skip
