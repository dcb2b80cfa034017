"""The shared figures: `scalinglaws.plot`."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from scalinglaws import plot
from scalinglaws.estimate import Estimate
from scalinglaws.fit import (
    Factorial,
    PowerLaw,
    PowerLawFit,
    fit_envelope,
    fit_isoflop,
    fit_power_law,
)
from scalinglaws.laws import CHINCHILLA_REFIT

X = np.geomspace(1e9, 1e11, 6)
LAW = PowerLaw(A=30.0, alpha=0.15)


@pytest.fixture
def ax() -> Iterator[Axes]:
    """Axes of a figure in the style of the book; drawing it must give no warning."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        plot.use_style()
        figure, axes = plt.subplots()
        yield axes
        figure.canvas.draw()
        plt.close(figure)


@pytest.fixture(scope="module")
def fit() -> PowerLawFit:
    y = LAW(X) * np.exp(0.01 * np.random.default_rng(0).standard_normal(6))
    return fit_power_law(X, y)


def tick_labels(ax: Axes, axis: str) -> list[str]:
    ax.figure.canvas.draw()
    low, high = sorted(getattr(ax, f"get_{axis}lim")())
    ticks = getattr(ax, f"get_{axis}ticks")()
    labels = getattr(ax, f"get_{axis}ticklabels")()
    shown = zip(ticks, labels, strict=True)
    return [label.get_text() for tick, label in shown if low <= tick <= high and label.get_text()]


def contrast_on_white(colour: str) -> float:
    """Contrast ratio as WCAG 2 defines it."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
    return 1.05 / (np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05)


class TestStyle:
    def test_importing_leaves_the_style_of_others_alone(self) -> None:
        # In a process of its own, for other tests may have asked for the style in this one.
        told = (
            "import matplotlib as mpl; before = dict(mpl.rcParams)\n"
            "from scalinglaws import plot; assert plot.STYLE\n"
            "assert dict(mpl.rcParams) == before"
        )
        subprocess.run([sys.executable, "-c", told], check=True)

    def test_it_is_in_force_when_asked_for(self, ax: Axes) -> None:
        assert to_hex(ax.figure.get_facecolor()) == "#ffffff"
        assert not ax.spines["top"].get_visible() and not ax.spines["right"].get_visible()
        assert ax.figure.get_size_inches().tolist() == list(plot.STYLE["figure.figsize"])

    @pytest.mark.parametrize("colour", [plot.BLUE, plot.RED, plot.GREEN])
    def test_points_and_lines_stand_out_from_white(self, colour: str) -> None:
        assert contrast_on_white(colour) >= 3

    @pytest.mark.parametrize("colour", ["#222222", "#555555", plot.GREY, plot.BLUE])
    def test_text_can_be_read_on_white(self, colour: str) -> None:
        assert contrast_on_white(colour) >= 4.5


class TestLogAxes:
    def test_a_long_axis_has_powers_of_ten(self, ax: Axes) -> None:
        ax.plot([1e6, 1e12], [1e-3, 1e3])
        assert plot.log_axes(ax) is ax
        assert ax.get_xscale() == ax.get_yscale() == "log"
        assert r"$\mathdefault{10^{8}}$" in tick_labels(ax, "x")

    def test_a_short_axis_has_plain_numbers(self, ax: Axes) -> None:
        ax.plot([1e6, 1e12], [1.6, 4.2])
        plot.log_axes(ax)
        labels = tick_labels(ax, "y")
        assert {"2", "3", "4"} <= set(labels)
        assert all(float(label) > 0 for label in labels)
        assert 3 <= len(labels) <= 10

    def test_one_axis_alone(self, ax: Axes) -> None:
        ax.plot([1e6, 1e12], [1.6, 4.2])
        plot.log_axes(ax, y=False)
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")

    def test_small_ticks_have_no_labels(self, ax: Axes) -> None:
        ax.plot([1e9, 5e10], [1, 2])
        plot.log_axes(ax)
        ax.figure.canvas.draw()
        assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))


class TestMeasured:
    def test_every_point_is_drawn(self, ax: Axes) -> None:
        plot.measured(ax, X, LAW(X), color=plot.RED, label="runs")
        (line,) = ax.lines
        assert line.get_xdata().tolist() == X.tolist()
        assert line.get_ydata().tolist() == LAW(X).tolist()
        assert line.get_linestyle() == "None" and line.get_marker() == "o"
        assert line.get_color() == plot.RED
        assert ax.get_legend_handles_labels()[1] == ["runs"]

    def test_the_errors_have_their_size(self, ax: Axes) -> None:
        error = 0.1 * LAW(X)
        plot.measured(ax, X, LAW(X), error)
        (bars,) = ax.containers
        (sticks,) = bars.lines[2]
        heights = [segment[1, 1] - segment[0, 1] for segment in sticks.get_segments()]
        np.testing.assert_allclose(heights, 2 * error)

    def test_a_bar_shorter_than_its_open_dot_lies_above_it(self, ax: Axes) -> None:
        plot.measured(ax, X, LAW(X), 0.001 * LAW(X), hollow=True, label="runs")
        (dots,), (bars,) = ax.lines, ax.containers
        (sticks,) = bars.lines[2]
        assert dots.get_markerfacecolor() == "white" and sticks.get_zorder() > dots.get_zorder()
        assert len(sticks.get_segments()) == len(X)
        assert ax.get_legend_handles_labels()[1] == ["runs"]


class TestLaw:
    def test_it_is_dashed_where_there_are_no_points(self, ax: Axes, fit: PowerLawFit) -> None:
        plot.law(ax, fit, [1e8, 1e13])
        dashed, solid = ax.lines
        assert (dashed.get_linestyle(), solid.get_linestyle()) == ("--", "-")
        assert dashed.get_xdata()[[0, -1]] == pytest.approx([1e8, 1e13])
        inside = solid.get_xdata()
        assert X.min() * 0.99 <= inside.min() and inside.max() <= X.max() * 1.01
        assert inside.min() < X.min() * 1.1 and inside.max() > X.max() / 1.1

    def test_it_follows_the_law(self, ax: Axes, fit: PowerLawFit) -> None:
        plot.law(ax, fit, [1e8, 1e13])
        for line in ax.lines:
            np.testing.assert_allclose(line.get_ydata(), fit.law(line.get_xdata()))

    def test_the_shade_is_the_interval_of_a_new_measurement(
        self, ax: Axes, fit: PowerLawFit
    ) -> None:
        plot.law(ax, fit, [1e9, 1e13], level=0.8)
        (shade,) = ax.collections
        edge = shade.get_paths()[0].vertices
        low, high = fit.band(1e13, 0.8, new=True)
        end = edge[np.isclose(edge[:, 0], 1e13), 1]
        assert (end.min(), end.max()) == pytest.approx((low[0], high[0]))

    def test_the_shade_can_be_left_out(self, ax: Axes, fit: PowerLawFit) -> None:
        plot.law(ax, fit, X, band=False)
        assert not ax.collections

    def test_a_law_without_points_is_solid_and_bare(self, ax: Axes) -> None:
        plot.law(ax, LAW, X)
        assert not ax.collections
        assert len(ax.lines[1].get_xdata()) == len(ax.lines[0].get_xdata())

    def test_the_measured_range_can_be_given(self, ax: Axes) -> None:
        plot.law(ax, LAW, [1e9, 1e13], measured_x=[1e9, 1e10])
        assert ax.lines[1].get_xdata().max() <= 1.01e10

    def test_one_label_for_both_parts(self, ax: Axes, fit: PowerLawFit) -> None:
        plot.law(ax, fit, [1e8, 1e13], label="the line")
        assert ax.get_legend_handles_labels()[1] == ["the line"]


class TestSay:
    def test_the_label_stands_beside_its_point(self, ax: Axes) -> None:
        plot.say(ax, 0.5, 0.5, "a word", dx=12, dy=-3, color=plot.RED)
        (text,) = ax.texts
        assert text.get_text() == "a word" and text.get_color() == plot.INK[plot.RED]
        assert text.xy == (0.5, 0.5) and text.get_position() == (12, -3)
        assert text.get_horizontalalignment() == "left"

    def test_the_label_may_have_a_colour_of_a_colour_map(self, ax: Axes) -> None:
        plot.say(ax, 0.5, 0.5, "a word", color=plt.cm.viridis(np.array([0.5]))[0])
        assert to_hex(ax.texts[0].get_color()) == to_hex(plt.cm.viridis(0.5))


class TestIntervals:
    ROWS = ((Estimate(1, 0, 3), Estimate(2, 1, 4)), (Estimate(5, 4, 6), Estimate(6, 5, 9)))

    def test_each_estimate_is_drawn_in_its_row(self, ax: Axes) -> None:
        plot.interval_rows(ax, ["first", "second"], self.ROWS, ["with", "without"])
        bars = [line for line in ax.lines if len(line.get_xdata()) == 2]
        ends = {(round(float(line.get_ydata()[0])), *line.get_xdata()) for line in bars}
        assert ends == {(y, e.low, e.high) for y, row in enumerate(self.ROWS) for e in row}
        assert tick_labels(ax, "y") == ["first", "second"]
        assert ax.get_ylim()[0] > ax.get_ylim()[1]
        legend = ax.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["with", "without"]

    def test_a_single_series_needs_no_key(self, ax: Axes) -> None:
        plot.interval_rows(ax, ["first", "second"], [row[:1] for row in self.ROWS], ["with"])
        assert ax.get_legend() is None

    @pytest.mark.parametrize(
        ("names", "labels"), [(["first"], ["a", "b"]), (["first", "second"], ["a"])]
    )
    def test_what_does_not_fit_is_refused(
        self, ax: Axes, names: list[str], labels: list[str]
    ) -> None:
        with pytest.raises(ValueError, match="one row for each name"):
            plot.interval_rows(ax, names, self.ROWS, labels)

    def test_more_than_can_be_told_apart_is_refused(self, ax: Axes) -> None:
        with pytest.raises(ValueError, match="from 1 to 3 labels"):
            plot.interval_rows(ax, ["first"], [[Estimate(1, 0, 2)] * 4], list("abcd"))


class TestIntervalsAgainstANull:
    @pytest.fixture
    def rows(self) -> dict[str, Estimate]:
        return {"a": Estimate(1.0, 0.5, 1.5), "b": Estimate(0.2, -0.1, 0.5), "c": Estimate(2.0)}

    def test_the_first_stands_at_the_top_with_its_name(
        self, ax: Axes, rows: dict[str, Estimate]
    ) -> None:
        plot.intervals(ax, rows)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
        assert ax.transData.transform((0, 0))[1] > ax.transData.transform((0, 2))[1]
        assert list(ax.lines[0].get_xdata()) == [0.5, 1.5]

    def test_grey_where_the_null_is_held_hollow_where_nothing_is_known(
        self, ax: Axes, rows: dict[str, Estimate]
    ) -> None:
        plot.intervals(ax, rows, null=0)
        _, bar, dot, other, _, hollow = ax.lines
        assert {to_hex(line.get_color()) for line in (bar, dot)} == {plot.BLUE.lower()}
        assert to_hex(other.get_color()) == plot.GREY
        assert hollow.get_markerfacecolor() == "white"
        assert dot.get_markerfacecolor() != "white"


class TestSteps:
    def test_each_factor_has_a_row_with_all_its_steps_and_their_mean(self, ax: Axes) -> None:
        noise = np.append(0, np.random.default_rng(0).normal(0, 0.01, 200))
        a = {(0, 0): 0.9, (0, 1): 0.7, (1, 0): 0.8, (1, 1): 0.5}
        walk = Factorial(("count", "rate"), {cell: v + noise for cell, v in a.items()})
        plot.steps(ax, walk, color=plot.ORANGE, shift=0.1, label="parabolas")
        drawn = [line for line in ax.get_lines() if line.get_marker() == "|"]
        strokes = [line for line in drawn if line.get_markersize() == 13]
        for row, (line, steps) in enumerate(
            zip(strokes, [(-0.1, -0.2), (-0.2, -0.3)], strict=True)
        ):
            assert sorted(line.get_xdata()) == pytest.approx(sorted(steps))
            assert set(line.get_ydata()) == {row + 0.1}
            assert to_hex(line.get_color()) == plot.ORANGE.lower()
        dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
        assert [line.get_xdata()[0] for line in dots] == pytest.approx([-0.15, -0.25])
        assert tick_labels(ax, "y") == ["count", "rate"]
        low, high = ax.get_ylim()
        assert low > high, "the first row is on top"
        assert "parabolas" in [text.get_text() for text in ax.texts]


class TestValleys:
    def test_each_budget_has_its_bar_below_the_valley(self, ax: Axes) -> None:
        C = np.geomspace(1e19, 1e21, 4).repeat(7)
        N = CHINCHILLA_REFIT.N_opt(C) * np.tile(np.geomspace(1 / 30, 30, 7), 4)
        noise = np.exp(0.0005 * np.cos(7 * np.arange(28)))
        fit = fit_isoflop(
            N, C / 6 / N, CHINCHILLA_REFIT(N, C / 6 / N) * noise, within=8.0, bootstrap=100
        )
        plot.valleys(ax, fit)
        assert [text.get_text() for text in ax.texts] == [f"{C:.2g}" for C in fit.C]
        bars = [line for line in ax.lines if line.get_marker() == "|"]
        for bar, curve in zip(bars[:: len(bars) // 4], fit.curves, strict=True):
            assert bar.get_ydata()[0] < curve(curve.vertex)
        hollow = [line for line in ax.lines if str(line.get_markerfacecolor()) == "none"]
        assert sum(len(line.get_xdata()) for line in hollow) == 8

    def test_a_fit_without_parabolas_is_refused(self, ax: Axes) -> None:
        N = np.geomspace(1e8, 1e10, 16).repeat(12)
        D = np.tile(np.geomspace(1e9, 5e11, 12), 16)
        noise = np.exp(0.0005 * np.cos(7 * np.arange(192)))
        fit = fit_envelope(N, D, CHINCHILLA_REFIT(N, D) * noise, bootstrap=100)
        with pytest.raises(ValueError, match="a fit by envelope has no parabolas"):
            plot.valleys(ax, fit)
