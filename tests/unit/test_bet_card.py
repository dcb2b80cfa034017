"""The card of a bet beside a kernel, and records that pass between the pages and Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import bet_points
import pytest
import traitlets
from jupyter_client.manager import start_new_kernel

from scalinglaws.course import cards, forecast

KEY = "1.bigger-model"


@pytest.fixture
def anywidget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for anywidget: its traits without a page."""
    module = ModuleType("anywidget")
    module.AnyWidget = traitlets.HasTraits  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "anywidget", module)


@pytest.mark.usefixtures("record", "anywidget")
class TestCard:
    def test_what_is_committed_on_it_is_a_forecast(self) -> None:
        card = forecast.card(KEY, unit="nats")
        assert card.kept == {} and forecast.load() == []
        assert repr(card) == "BetCard('1.bigger-model')"  # by which tools/notebooks.py knows it
        card.said = {"value": 1.6, "low": 1.5, "high": 1.7, "time": 1}
        assert forecast.load() == [forecast.Forecast(KEY, 1.6, 1.5, 1.7, unit="nats")]
        assert card.kept["value"] == 1.6 and not card.kept["answered"]
        card.said = {"value": 1.55, "low": 1.5, "high": 1.7, "time": 2}
        assert [f.value for f in forecast.load()] == [1.55]
        assert forecast.score(KEY, 1.58)[0].hit
        assert forecast.card(KEY).kept["answered"]

    def test_a_bet_that_is_none_is_answered_in_words(self) -> None:
        card = forecast.card(KEY)
        card.said = {"value": 1.6, "low": 1.7, "high": 1.5, "time": 1}
        assert "low <= value <= high" in card.kept["wrong"] and forecast.load() == []

    def test_a_bet_after_the_answer_does_not_count(self) -> None:
        forecast.predict("9.size")
        forecast.score("9.size", 8)
        card = forecast.card("9.size")
        card.said = {"value": 8, "low": 4, "high": 12, "time": 1}
        assert not card.kept["counts"] and not forecast.load()[0].counts

    def test_a_question_of_nobody_has_none(self) -> None:
        with pytest.raises(KeyError, match="no such question"):
            forecast.card("99.nothing")

    def test_colab_is_asked_to_draw_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        output, asked = ModuleType("google.colab.output"), []
        output.enable_custom_widget_manager = lambda: asked.append(1)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
        monkeypatch.setitem(sys.modules, "google.colab.output", output)
        forecast.card(KEY)
        assert asked


def test_without_anywidget_it_says_what_to_do(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match="pip install anywidget"):
        forecast.card(KEY)


RUN = """
import sys, types, traitlets
module = types.ModuleType("anywidget")
module.AnyWidget = type("AnyWidget", (traitlets.HasTraits,), {
    "_repr_mimebundle_": lambda self, **_: {"text/plain": "a card", "application/x": 1}})
sys.modules["anywidget"] = module
from scalinglaws.course import forecast
print(forecast.predict("1.bigger-model", value=None, low=None, high=None))
"""


def test_it_is_shown_to_a_reader_and_not_to_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    manager, client = start_new_kernel(cwd=str(tmp_path))
    try:
        shown: dict[bool, list[dict[str, Any]]] = {}
        for reader in (False, True):
            shown[reader] = heard = []
            client.execute_interactive(
                RUN, allow_stdin=reader, timeout=60, output_hook=lambda m, h=heard: h.append(m)
            )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    kinds = {reader: [m["header"]["msg_type"] for m in of] for reader, of in shown.items()}
    assert "display_data" not in kinds[False] and kinds[True].count("display_data") == 1
    for of in shown.values():
        said = "".join(m["content"]["text"] for m in of if m["header"]["msg_type"] == "stream")
        assert "no forecast of yours yet" in said
    assert not (tmp_path / "forecasts.json").exists()


def test_a_record_is_read_in_without_loss(record: Path, tmp_path: Path) -> None:
    mine = forecast.predict(KEY, 1.6, 1.5, 1.7)
    entry = {"key": KEY, "value": 2.0, "low": 1.0, "high": 3.0, "answer": 1.55}
    other = {**entry, "key": "9.size", "counts": False}
    law = {**entry, "key": "2.bends-seen", "who": "a law"}
    file = tmp_path / "from the page.json"
    file.write_text(json.dumps([entry, {**other, "value": 2.5}, other, law]), encoding="utf-8")
    (taken,) = forecast.read_in(file)
    assert (taken.key, taken.value, taken.counts) == ("9.size", 2.0, False)
    assert forecast.load() == [mine, taken]
    assert forecast.read_in(file) == []
    file.write_text('{"bets": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="no forecasts"):
        forecast.read_in(file)


def test_a_bet_read_in_with_its_answer_lets_a_law_count(record: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    entry = {"key": KEY, "value": 2.0, "low": 1.0, "high": 3.0, "answer": 1.55}
    file.write_text(json.dumps([entry]), encoding="utf-8")
    forecast.read_in(file)
    assert forecast.predict(KEY, 1.6, 1.5, 1.7, who="the line").counts
    assert not forecast.predict(KEY, 1.6, 1.5, 1.7).counts


class TestPoints:
    def test_as_many_bets_as_can_have_a_plot(self) -> None:
        keys = [key for key, asked in cards.questions().items() if "plot" in asked]
        assert keys == list(bet_points.POINTS)
        assert len(keys) >= 12 and len({key.partition(".")[0] for key in keys}) >= 9

    def test_they_are_those_above_the_bet(self) -> None:
        stored = bet_points.STORED.read_text(encoding="utf-8")
        assert stored == bet_points.written(bet_points.found()), "run python tools/bet_points.py"

    @pytest.mark.parametrize("key", bet_points.POINTS)
    def test_no_point_stands_where_the_bet_is_answered(self, key: str) -> None:
        plot = cards.questions()[key]["plot"]
        answer = forecast.answered(key) if key not in ("12.five-digits",) else 0.0
        on, off = ("x", "y") if plot.get("across") else ("y", "x")
        for along, aside in zip(plot[on], plot[off], strict=True):
            assert aside != plot["at"] or abs(along / (answer or 1) - 1) > 0.05

    def test_what_the_cell_itself_prints_below_is_not_read(self) -> None:
        text = bet_points.above("6.best-size")
        assert "budget C  best size N" in text and "6.best-size: the answer" not in text
        with pytest.raises(ValueError, match="no cell"):
            bet_points.above("6.nothing")
        with pytest.raises(ValueError, match="above the bet"):
            bet_points.chapter_1("no table")
