"""Chapter 15: dated tables, ranges, the meter of joules, and futures."""

from __future__ import annotations

import doctest
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglaws import plan
from scalinglaws.course import wager
from scalinglaws.course.wager import Meter, Range
from scalinglaws.laws import CHINCHILLA_REFIT


def test_the_examples_run() -> None:
    tried = doctest.testmod(wager)
    assert tried.attempted > 25 and not tried.failed


def test_every_row_has_a_source_a_date_and_an_address() -> None:
    for table in (wager.models(), wager.sources()):
        assert table[["source", "as_of", "url"]].notna().all(axis=None)
        assert table["url"].str.startswith("https://").all()
        assert table["as_of"].astype(str).str.match(r"20\d\d(-\d\d)?(-\d\d)?$").all()


def test_the_models_agree_with_themselves() -> None:
    table = wager.models()
    assert len(table) == 18 and table["date"].is_monotonic_increasing
    reckoned = 6 * table["active_params"] * table["tokens"]
    told = table["flops"][reckoned.notna()]
    assert (told / reckoned.dropna()).between(0.9, 1.35).all()  # Gopher counts more than 6 N D
    both = table.dropna(subset=["hours", "chip_hours"])
    chips = both["chips"].str.split().str[0].astype(float)
    assert (both["chip_hours"] / both["hours"] / chips).between(0.85, 1.15).all()


def test_the_ranges_are_ranges() -> None:
    for key in wager.sources().index:
        each = wager.published(key)
        assert each.low < each.median < each.high
        assert each.quantile(0.5) == pytest.approx(each.median)
    with pytest.raises(KeyError, match="no published range named 'luck'"):
        wager.published("luck")


def test_a_range_holds_what_its_level_says() -> None:
    each = Range(2, 50, 0.9)
    values = wager.drawn({"x": each}, draws=40_000)["x"]
    assert np.mean((values > 2) & (values < 50)) == pytest.approx(0.9, abs=0.01)
    assert list(each.ends) == [each.median, 2, 50]
    for low, high, level in ((0, 1, 0.8), (2, 2, 0.8), (1, 2, 1.0)):
        with pytest.raises(ValueError):
            Range(low, high, level)


def counter(folder: Path, name: str, now: float, most: float = 1000.0) -> None:
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "energy_uj").write_text(f"{now}\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")


def test_joules_are_read_where_the_machine_tells(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", 900)
    counter(tmp_path, "intel-rapl:1", 100)
    counter(tmp_path, "intel-rapl:0:0", 5)  # a part of the first
    with Meter(folder=tmp_path) as meter:
        counter(tmp_path, "intel-rapl:0", 200)  # began anew after 1000
        counter(tmp_path, "intel-rapl:1", 400)
        counter(tmp_path, "intel-rapl:0:0", 500)
    assert meter.measured and meter.joules == pytest.approx(600e-6)
    assert "measured" in str(meter)


def test_joules_are_estimated_elsewhere(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with Meter(watts=20, folder=folder) as meter:
            sum(range(50_000))
        assert not meter.measured
        assert meter.joules == pytest.approx(20 * meter.cpu_seconds)
        assert "estimated at 20 W" in str(meter)
    with pytest.raises(ValueError):
        Meter(watts=0)


def test_a_counter_that_may_not_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    with Meter(folder=tmp_path) as meter:
        pass
    assert not meter.measured


def limits(x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"power": x["a"] * x["b"], "money": x["c"]}


RANGES = {"a": Range(1, 2), "b": Range(1, 100), "c": Range(1e6, 1e7)}


def test_the_lowest_limit_binds_and_its_inputs_matter() -> None:
    table = wager.futures(limits, RANGES, draws=5000)
    assert dict(wager.first(table)) == {"power": 1.0, "money": 0.0}
    swing = wager.tornado(limits, RANGES)
    assert list(swing.index) == ["b", "a", "c"]
    assert swing.loc["c", "low"] == swing.loc["c", "high"]
    assert swing.loc["b", "high"] / swing.loc["b", "low"] == pytest.approx(100, rel=1e-6)


def test_what_cannot_be_told_apart_is_named_together() -> None:
    assert wager.leader({"a": 50.0, "b": 30.0, "c": 20.0}) == "a"
    assert wager.leader({"a": 36.0, "b": 45.0, "c": 19.0}) == "b or a"
    assert wager.leader({"a": 36.0, "b": 45.0}, margin=9) == "b"  # at the margin itself: apart
    for shares, margin in (({}, 10.0), ({"a": 1.0}, 0.0)):
        with pytest.raises(ValueError):
            wager.leader(shares, margin)


def test_the_demand_that_a_model_tells_of_asks_for_that_model() -> None:
    best = plan.with_inference(CHINCHILLA_REFIT, 2e12, flops=1e23)
    model = best.params.value, best.tokens.value
    assert wager.implied_demand(CHINCHILLA_REFIT, *model) == pytest.approx(2e12, rel=1e-6)
    assert wager.implied_demand(CHINCHILLA_REFIT, 175e9, 300e9) < 0


def test_draws_that_move_together() -> None:
    found = np.log(list(wager.drawn(RANGES, 20_000, 0.7).values()))
    assert np.corrcoef(found)[np.triu_indices(3, 1)] == pytest.approx([0.7] * 3, abs=0.02)
    for bad in (-0.1, 1.0):
        with pytest.raises(ValueError, match="correlation"):
            wager.drawn(RANGES, correlation=bad)


def test_a_line_of_records_leaves_out_what_is_none() -> None:
    past = pd.DataFrame({"year": [0.0, 1, 2, 3, 4], "flops": [1.0, 10, 5, 1000, 11_000]})
    value, low, high = wager.record_growth(past, 5.0)
    assert low < value < high and value == pytest.approx(1e5, rel=0.3)
    lower = wager.record_growth(past.drop(index=2), 5.0)
    assert lower == pytest.approx((value, low, high))
    assert wager.record_growth(past, 5.0, level=0.95)[2] > high
    with pytest.raises(ValueError, match="3 records"):
        wager.record_growth(past[:2], 5.0)
    assert math.isfinite(high)


def test_a_limit_that_is_missing_is_no_lowest_one() -> None:
    for table in (pd.DataFrame({"power": [1.0], "money": [math.nan]}), pd.DataFrame({"a": []})):
        with pytest.raises(ValueError, match="a number for each limit"):
            wager.first(table)
    with pytest.raises(ValueError, match="0 < low < high"):
        Range(1, math.inf)
