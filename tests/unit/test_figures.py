"""What the figures of a fit show: `scalinglaws.figures`, behind `--plot`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure

from scalinglaws.fit import PowerLaw
from scalinglaws.laws import CHINCHILLA_REFIT as LAW
from scalinglaws.report import Report, analyse
from scalinglaws.runs import measurements

METHODS = ("parametric", "isoflop", "envelope", "power")


def table(method: str) -> pd.DataFrame:
    """Runs on the refit of Chinchilla, as the method wants them."""
    if method == "envelope":
        N = np.repeat(np.geomspace(3e7, 1e10, 8), 20)
        D = N * np.tile(np.geomspace(2, 600, 20), 8)
    else:
        C = np.repeat(np.geomspace(1e18, 1e21, 6), 7)
        N = LAW.N_opt(C) * np.tile(np.geomspace(0.25, 4, 7), 6)
        D = C / 6 / N
    scatter = np.exp(0.001 * np.random.default_rng(0).standard_normal(len(N)))
    return pd.DataFrame({"params": N, "tokens": D, "loss": LAW(N, D) * scatter})


def report(method: str, worst: int = 0, **how: Any) -> Report:
    runs = measurements(table(method), drop_worst=worst)
    return analyse(runs, method, bootstrap=100, **how)


@pytest.fixture(params=METHODS)
def answer(request: pytest.FixtureRequest) -> Report:
    """A fit by each method, with three runs left out and a budget beyond the runs."""
    return report(request.param, worst=3, budgets=[1e22])


@pytest.fixture
def figure(answer: Report) -> Iterator[Figure]:
    found = answer.figure()
    yield found
    plt.close(found)


def left_out(ax: Axes) -> list[tuple[float, float]]:
    """The points that are marked as left out."""
    return [
        (float(x), float(y))
        for line in ax.lines
        if line.get_gid() == "left out"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def caption(figure: Figure) -> str:
    return " ".join(figure.get_supxlabel().split())


def reach(ax: Axes) -> float:
    """How far to the right a band goes."""
    bands = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    assert bands, "no band"
    return max(float(path.vertices[:, 0].max()) for band in bands for path in band.get_paths())


def test_what_was_left_out_is_hollow_and_named(figure: Figure, answer: Report) -> None:
    aside = answer.runs.aside
    assert aside is not None and len(aside) == 3
    shown = {round(y, 9) for _, y in left_out(figure.axes[0])}
    assert {round(float(loss), 9) for loss in aside.loss} <= shown
    for ax in figure.axes:
        for line in ax.lines:
            if line.get_gid() == "left out":
                assert line.get_markerfacecolor() == "none"
    assert "Left out: the 3 highest losses" in caption(figure)
    assert "Hollow points do not enter the fit." in caption(figure)


def test_the_band_reaches_to_the_budget(figure: Figure) -> None:
    panel = next(ax for ax in figure.axes if "FLOPs" in ax.get_xlabel() or not ax.get_xlabel())
    panel = next((ax for ax in figure.axes if ax.get_ylabel() == "best N and D"), panel)
    assert reach(panel) == pytest.approx(1e22)


def test_the_band_of_a_surface_ends_at_the_interval_of_the_budget() -> None:
    answer = report("parametric", budgets=[1e22])
    found = answer.figure()
    (band,) = [c for c in found.axes[0].collections if isinstance(c, FillBetweenPolyCollection)]
    edge = band.get_paths()[0].vertices
    end = edge[np.isclose(edge[:, 0], 1e22), 1]
    loss = answer.plans[0][1].loss
    assert loss is not None
    assert (end.min(), end.max()) == pytest.approx((loss.low, loss.high))
    plt.close(found)


def test_a_short_axis_of_ratios_has_labels() -> None:
    runs = measurements(table("parametric"))
    assert runs.tokens is not None and runs.params is not None
    near = np.abs(np.log(runs.tokens / runs.params / 20)) < 1.7
    found = analyse(runs.take(near), bootstrap=100).figure()
    found.canvas.draw()
    panel = next(ax for ax in found.axes if ax.get_xlabel() == "tokens per parameter")
    low, high = panel.get_xlim()
    shown = [at for at in panel.get_xticks() if low <= at <= high]
    assert high < 200 * low and len(shown) >= 4
    plt.close(found)


def test_there_is_a_panel_of_residuals(figure: Figure, answer: Report) -> None:
    (panel,) = [ax for ax in figure.axes if "%" in ax.get_ylabel()]
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in panel.lines]
    drawn += [np.asarray(c.get_offsets())[:, 1] for c in panel.collections]
    wanted = np.sort(100 * answer.fit.residuals)
    assert any(len(y) == len(wanted) and np.allclose(np.sort(y), wanted) for y in drawn)


@pytest.mark.parametrize("method", ["parametric", "isoflop"])
def test_nothing_left_out_is_no_line_below(method: str) -> None:
    found = report(method).figure()
    assert caption(found) == "" and not any(left_out(ax) for ax in found.axes)
    plt.close(found)


def test_runs_that_do_not_enter_a_power_law_are_hollow() -> None:
    """Six budgets of seven sizes: the best of each enters."""
    answer = report("power")
    found = answer.figure()
    assert len(left_out(found.axes[0])) == 42 - 6
    assert "At each of 6 budgets the lowest loss enters the fit" in caption(found)
    plt.close(found)


def test_a_run_far_off_stands_at_the_edge_with_its_distance() -> None:
    runs = table("parametric")
    runs.loc[4, "loss"] *= 2
    answer = analyse(measurements(runs, drop_worst=1), bootstrap=100)
    found = answer.figure()
    panel = next(ax for ax in found.axes if "%" in ax.get_ylabel())
    low, high = panel.get_ylim()
    ((_, y),) = left_out(panel)
    assert low < y < high < 5
    assert any(text.get_text() == "+69 %" for text in panel.texts)
    plt.close(found)


def test_a_long_line_below_is_cut() -> None:
    answer = report("parametric")
    noted = [f"left out: {'word ' * 300}"]
    from scalinglaws.figures import of_fit

    found = of_fit(answer.fit, answer.runs, notes=noted)
    lines = found.get_supxlabel().splitlines()
    assert len(lines) == 4 and lines[-1].endswith("...")
    plt.close(found)


def test_a_fit_that_is_no_answer_shows_its_status_and_no_law() -> None:
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(18, 23, 40)), np.exp(rng.uniform(22, 26, 40))
    loss = PowerLaw(A=1.0, alpha=-0.05)(N)
    answer = analyse(measurements({"params": N, "tokens": D, "loss": loss}), bootstrap=100)
    assert not answer.fit.status.usable
    found = answer.figure()
    assert str(answer.fit.status) in [ax.get_title(loc="left") for ax in found.axes]
    assert not any(isinstance(c, FillBetweenPolyCollection) for c in found.axes[0].collections)
    plt.close(found)
