"""The reader's own predictions: `scalinglaws.course.forecast`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from scalinglaws.course.forecast import (
    Calibration,
    Forecast,
    answered,
    calibration,
    load,
    path,
    predict,
    score,
    so_far,
)
from scalinglaws.estimate import Estimate, wilson

KEY = "1.bigger-model"


class TestLifeOfAForecast:
    pytestmark = pytest.mark.usefixtures("record")

    def test_it_is_kept_until_the_answer_comes(self) -> None:
        made = predict(KEY, 2.0, 1.8, 2.2, unit="nats")
        assert load() == [made]
        assert made.answer is None and made.hit is None and made.score is None
        (scored,) = score(KEY, 2.1)
        assert load() == [scored]
        assert (scored.value, scored.answer, scored.hit, scored.counts) == (2.0, 2.1, True, True)

    def test_while_it_is_open_it_can_be_replaced(self) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        predict("2.other", 5, 4, 6)
        better = predict(KEY, 1.9, 1.7, 2.1)
        assert [f for f in load() if f.key == KEY] == [better]
        assert better.counts and len(load()) == 2

    def test_after_the_answer_a_new_one_is_kept_but_does_not_count(self) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        score(KEY, 3.0)
        wiser = predict(KEY, 3.0, 2.9, 3.1)
        assert not wiser.counts
        score(KEY, 3.0)
        assert [f.counts for f in load()] == [True, False]
        assert (calibration().scored, calibration().hits) == (1, 0)

    def test_the_answer_is_known_to_every_forecaster(self) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        score(KEY, 2.1)
        assert not predict(KEY, 2.1, 2.0, 2.2, who="a friend").counts
        assert predict("2.other", 1, 0, 2, who="a friend").counts

    def test_running_a_chapter_again_changes_no_score(self) -> None:
        for _ in range(3):
            predict(KEY, 2.0, 1.8, 2.2)
            score(KEY, 2.1)
        assert calibration().scored == 1

    def test_forecasters_are_scored_together_and_judged_apart(self) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        predict(KEY, Estimate(2.5, 2.4, 2.6, level=0.95), who="the line")
        scored = score(KEY, 2.1)
        assert [(f.who, f.hit) for f in scored] == [("you", True), ("the line", False)]
        assert (calibration().hits, calibration("the line").hits) == (1, 0)
        assert calibration("nobody").scored == 0

    def test_scoring_again_shows_the_last_and_keeps_the_first_answer(self) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        first = score(KEY, 2.1)
        assert score(KEY, 9.9) == first == load()

    def test_a_prediction_of_a_fit_brings_its_interval_and_level(self) -> None:
        made = predict(KEY, Estimate(2.5, 2.4, 2.6, level=0.95))
        assert (made.value, made.low, made.high, made.level) == (2.5, 2.4, 2.6, 0.95)
        with pytest.raises(ValueError, match="brings its own interval"):
            predict(KEY, Estimate(2.5, 2.4, 2.6, level=0.95), 2.0, 3.0)

    def test_numbers_of_numpy_are_numbers(self) -> None:
        made = predict(KEY, np.int64(2), np.float32(1), np.float64(3))
        score(KEY, np.float32(2.5))
        assert load()[0].answer == 2.5
        assert all(type(v) is float for v in (made.value, made.low, made.high))

    def test_the_answer_to_nothing_is_refused_and_the_known_keys_are_named(self) -> None:
        with pytest.raises(KeyError, match="none yet"):
            score(KEY, 2.0)
        predict(KEY, 2.0, 1.8, 2.2)
        with pytest.raises(KeyError, match=f"known: {KEY}"):
            score("1.biger-model", 2.0)

    @pytest.mark.parametrize("answer", [math.nan, math.inf])
    def test_the_answer_must_be_finite(self, answer: float) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        with pytest.raises(ValueError, match="answer must be a finite number"):
            score(KEY, answer)
        assert load()[0].answer is None

    @pytest.mark.parametrize("answer", [None, "2.0", True, [2.0]])
    def test_the_answer_must_be_a_number(self, answer: Any) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        with pytest.raises(TypeError, match="answer must be a number"):
            score(KEY, answer)
        assert load()[0].answer is None


class TestRefusals:
    pytestmark = pytest.mark.usefixtures("record")

    @pytest.fixture(autouse=True)
    def nothing_is_kept(self, record: Path) -> Any:
        yield
        assert not record.exists()

    @pytest.mark.parametrize("value", [None, ..., "2.0", True, [2.0]])
    def test_a_value_that_was_not_filled_in(self, value: Any) -> None:
        with pytest.raises(TypeError, match="write your forecast down first"):
            predict(KEY, value, 1.8, 2.2)
        with pytest.raises((TypeError, ValueError), match=r"write your forecast|needs an interval"):
            predict(KEY, 2.0, value, 2.2)

    @pytest.mark.parametrize(("low", "high"), [(None, 2.2), (1.8, None), (None, None)])
    def test_a_missing_end(self, low: float | None, high: float | None) -> None:
        with pytest.raises(ValueError, match="needs an interval: give low and high"):
            predict(KEY, 2.0, low, high)

    @pytest.mark.parametrize(("low", "high"), [(2.2, 1.8), (2.0, 2.0), (2.1, 2.2), (1.8, 1.9)])
    def test_what_is_no_interval_around_the_value(self, low: float, high: float) -> None:
        with pytest.raises(ValueError, match="low <= value <= high"):
            predict(KEY, 2.0, low, high)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_numbers_that_are_not_finite(self, bad: float) -> None:
        with pytest.raises(ValueError, match="must be a finite number"):
            predict(KEY, bad, 1.8, 2.2)
        with pytest.raises(ValueError, match="high must be a finite number"):
            predict(KEY, 2.0, 1.8, bad)

    @pytest.mark.parametrize("level", [0, 1, 80, -0.5, math.nan])
    def test_a_level_outside_0_to_1(self, level: float) -> None:
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            predict(KEY, 2.0, 1.8, 2.2, level=level)

    @pytest.mark.parametrize("key", ["", "  ", None, 1.1])
    def test_a_key_that_is_no_name(self, key: Any) -> None:
        with pytest.raises(ValueError, match="key must be a name"):
            predict(key, 2.0, 1.8, 2.2)


class TestScore:
    @pytest.mark.parametrize(
        ("answer", "level", "expected"),
        [
            (2.0, 0.8, 4),  # inside: the width alone
            (1.0, 0.8, 4),  # on the edge
            (5.0, 0.8, 4),
            (6.0, 0.8, 4 + 10 * 1),  # 2 / 0.2 times the distance of 1
            (0.5, 0.8, 4 + 10 * 0.5),
            (6.0, 0.5, 4 + 4 * 1),
            (6.0, 0.95, 4 + 40 * 1),
        ],
    )
    def test_cases_worked_out_by_hand(self, answer: float, level: float, expected: float) -> None:
        forecast = Forecast(KEY, 2.0, 1.0, 5.0, level=level, answer=answer)
        assert forecast.score == pytest.approx(expected)
        assert forecast.hit == (1 <= answer <= 5)

    @given(st.floats(-3, 3), st.floats(0.1, 6), st.floats(0.5, 0.95))
    def test_no_interval_scores_better_on_average_than_the_true_one(
        self, low: float, width: float, level: float
    ) -> None:
        """The score is proper: where answers follow a normal distribution, the interval between
        its quantiles has the lowest mean score."""
        answers = norm.ppf((np.arange(400) + 0.5) / 400)

        def mean_score(low: float, high: float) -> float:
            scores = [Forecast(KEY, low, low, high, level, answer=a).score for a in answers]
            return float(np.mean(scores))

        true_low, true_high = norm.interval(level)
        assert mean_score(true_low, true_high) <= mean_score(low, low + width) + 1e-3

    def test_it_can_be_read(self) -> None:
        open_ = Forecast(KEY, 2.0, 1.0, 5.0, unit="nats")
        assert "2 nats" in str(open_) and "80%" in str(open_) and "not in yet" in str(open_)
        hit = Forecast(KEY, 2.0, 1.0, 5.0, answer=2.5)
        assert "inside" in str(hit) and "20.0%" in str(hit)
        miss = Forecast(KEY, 2.0, 1.0, 5.0, answer=6.0, counts=False)
        assert "outside" in str(miss) and "score 14" in str(miss) and "not count" in str(miss)
        zero = Forecast(KEY, 2.0, -1.0, 5.0, answer=0.0)
        assert "inside" in str(zero) and "%" not in str(zero).split("answer 0")[1]


class TestCalibration:
    pytestmark = pytest.mark.usefixtures("record")

    def test_without_forecasts_there_is_nothing_to_say(self) -> None:
        assert calibration() == Calibration(0, 0, 0.0, 0.0, 1.0)
        assert str(calibration()) == "No forecast has been scored yet."

    def test_it_counts_hits_against_what_the_levels_promise(self) -> None:
        for i, (level, answer) in enumerate([(0.8, 2.0), (0.8, 9.0), (0.5, 2.0), (0.9, 2.0)]):
            predict(f"{i}.question", 2.0, 1.0, 3.0, level=level)
            score(f"{i}.question", answer)
        predict("9.open", 2.0, 1.0, 3.0)
        got = calibration()
        assert (got.scored, got.hits) == (4, 3)
        assert got.expected == pytest.approx(0.8 + 0.8 + 0.5 + 0.9)
        assert "3 of 4" in str(got) and "3.0" in str(got)

    def test_the_interval_is_that_of_wilson(self) -> None:
        for i in range(10):
            predict(f"{i}.question", 2.0, 1.0, 3.0)
            score(f"{i}.question", 2.0 if i < 8 else 9.0)
        z, n, p = 1.959964, 10, 0.8
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        got = calibration()
        assert (got.low, got.high) == pytest.approx((middle - half, middle + half), abs=1e-6)


class TestFile:
    def test_it_stands_in_the_folder_named(self, record: Path) -> None:
        assert path() == record and not record.exists()
        predict(KEY, 2.0, 1.8, 2.2)
        assert json.loads(record.read_text())[0]["key"] == KEY

    def test_the_folder_is_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path / "new" / "folder"))
        predict(KEY, 2.0, 1.8, 2.2)
        assert (tmp_path / "new" / "folder" / "forecasts.json").exists()

    def test_without_a_name_it_is_in_the_home_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SCALINGLAWS_HOME")
        assert path() == Path.home() / ".scalinglaws" / "forecasts.json"

    def test_a_tilde_is_the_home_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SCALINGLAWS_HOME", "~/laws")
        assert path() == Path.home() / "laws" / "forecasts.json"

    def test_looking_makes_no_file(self, record: Path) -> None:
        assert load() == [] and calibration().scored == 0
        assert list(record.parent.iterdir()) == []

    def test_every_bit_survives(self, record: Path) -> None:
        made = predict("é ü 中", 1 / 3, 0.1, 2 / 3, level=0.7, unit="µnats", who="Zoë")
        assert load() == [made]

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "null",
            "5",
            '"text"',
            "[1]",
            "[null]",
            '{"key": "a"}',
            '[{"key": "a"}]',
            '[{"key": "a", "value": 1, "low": 0, "high": 2, "more": 1}]',
            '[{"key": "a", "value": NaN, "low": 0, "high": 2}]',
            '[{"key": "a", "value": 1, "low": 3, "high": 2}]',
            '[{"key": "a", "value": 1, "low": 0, "high": 2, "answer": "x"}]',
            '[{"key": "a", "value": 1, "low": 0, "high": 2, "answer": NaN}]',
        ],
    )
    def test_a_damaged_file_is_named_and_left_as_it_is(self, record: Path, content: str) -> None:
        record.write_text(content)
        for use in (load, calibration, lambda: predict(KEY, 2.0, 1.8, 2.2), lambda: score(KEY, 2)):
            with pytest.raises(ValueError, match=r"cannot be read .* mend it") as error:
                use()
            assert str(record) in str(error.value)
        assert record.read_text() == content

    def test_bytes_that_are_no_text_are_damage_too(self, record: Path) -> None:
        record.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ValueError, match="cannot be read"):
            load()

    def test_a_write_that_is_cut_off_leaves_the_old_record(
        self, record: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = predict(KEY, 2.0, 1.8, 2.2)

        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            with pytest.raises(OSError, match="disk is full"):
                predict("2.other", 2.0, 1.8, 2.2)
        assert load() == [first]

    def test_no_half_written_file_stays_behind(self, record: Path) -> None:
        for i in range(5):
            predict(f"{i}.question", 2.0, 1.8, 2.2)
        assert [file.name for file in record.parent.iterdir()] == ["forecasts.json"]


class TestNoForecast:
    """The reader was asked and gave nothing: nobody bets in their name."""

    def test_an_empty_call_keeps_nothing_and_says_what_to_do(self, record: Path) -> None:
        said = str(predict(KEY, value=None, low=None, high=None, unit="nats"))
        assert "no forecast of yours yet" in said and "None" in said
        assert not record.exists()

    def test_what_it_says_fits_a_phone(self, record: Path) -> None:
        asked = str(predict("12.a-question-of-some-length", unit="bits per character of the text"))
        (told,) = score("12.a-question-of-some-length", 2.1)
        lines = [*asked.splitlines(), *str(told).splitlines()]
        assert max(map(len, lines)) <= 64 and len(lines) > 4

    def test_the_answer_is_told_all_the_same_and_the_laws_are_scored(self, record: Path) -> None:
        predict(KEY, unit="nats")
        predict(KEY, 2.0, 1.8, 2.2, who="the line")
        mine, line = score(KEY, 2.1)
        assert str(mine) == f"{KEY}: the answer is 2.1 nats; you made no forecast"
        assert line.who == "the line" and line.hit
        assert calibration().scored == 0

    def test_without_a_law_the_answer_alone_is_told(self, record: Path) -> None:
        predict(KEY)
        (only,) = score(KEY, 2.1)
        assert "2.1" in str(only)

    def test_a_forecast_that_was_made_is_shown_instead(self, record: Path) -> None:
        predict(KEY, 2.0, 1.8, 2.2)
        assert predict(KEY).value == 2.0
        (only,) = score(KEY, 2.1)
        assert only.hit

    def test_only_the_reader_may_leave_it_empty(self, record: Path) -> None:
        with pytest.raises(ValueError, match="needs an interval"):
            predict(KEY, who="the line")


class TestSoFar:
    """The record over the chapters: the reader's own, and that of the laws."""

    @pytest.fixture
    def shipped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "shipped"
        folder.mkdir()
        monkeypatch.setattr("scalinglaws.course._record.SHIPPED", folder)
        for chapter, answer in ((1, 2.1), (2, 3.0), (4, 2.1)):
            made = Forecast(f"{chapter}.x", 2.0, 1.8, 2.2, who="the line", answer=answer)
            text = json.dumps({"forecasts": [asdict(made)]})
            (folder / f"{chapter:02}.json").write_text(text)

    @pytest.mark.usefixtures("record", "shipped")
    def test_it_grows_from_chapter_to_chapter_and_names_the_misses(self) -> None:
        assert (so_far(1).laws.scored, so_far(1).laws.hits) == (1, 1)
        assert (so_far(3).laws.scored, so_far(3).laws.hits) == (2, 1)
        assert "missed: 2.x, the line: 1.8 to 2.2, answer 3" in str(so_far(3))
        assert so_far(4).laws.scored == 3

    @pytest.mark.usefixtures("record", "shipped")
    def test_runs_of_ones_own_take_the_place_of_the_stored_ones(self) -> None:
        predict("2.x", 2.0, 1.8, 2.2, who="the line")
        predict("2.x", 3.0, 2.9, 3.1)
        score("2.x", 2.05)
        assert so_far(3).laws.hits == 2 and not so_far(3).missed
        assert (so_far(3).you.scored, so_far(3).you.hits) == (1, 0)
        assert so_far(1).you.scored == 0

    @pytest.mark.usefixtures("record", "shipped")
    def test_what_was_made_when_the_answer_was_known_is_no_miss(self) -> None:
        predict("1.x", 2.0, 1.8, 2.2, who="the line")
        score("1.x", 2.1)
        predict("1.x", 5.0, 4.9, 5.1, who="a late law")
        score("1.x", 2.1)
        assert so_far(1).laws.scored == 1 and not so_far(1).missed

    @pytest.mark.usefixtures("record", "shipped")
    def test_an_answer_is_the_readers_own_or_else_the_books(self) -> None:
        assert answered("2.x") == 3.0
        predict("2.x", 2.0, 1.8, 2.2)
        assert answered("2.x") == 3.0
        score("2.x", 2.05)
        assert answered("2.x") == 2.05
        with pytest.raises(KeyError, match="has been scored"):
            answered("3.x")

    @pytest.mark.usefixtures("record", "shipped")
    def test_forecasts_of_one_question_are_one_trial(self) -> None:
        for who in ("the line", "b", "c"):
            predict("1.x", 2.0, 1.0, 3.0 if who == "b" else 2.2, who=who)
        score("1.x", 2.5)
        laws = so_far(1).laws
        assert (laws.scored, laws.hits, laws.questions) == (3, 1, 1)
        assert "1 of 3 intervals held the answer, on 1 question;" in " ".join(str(laws).split())
        predict("1.y", 2.0, 1.0, 3.0)
        score("1.y", 2.5)
        alone, one = so_far(1).you, wilson(1, 1)
        assert (alone.low, alone.high) == pytest.approx((one.low, one.high), abs=1e-6)
        assert laws.low < one.low < laws.high < 1
        assert "question" not in str(alone)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (2.2, "10.0% off the answer"),
        (20.0, "the value is 10 times too large"),
        (0.5, "the value is 4 times too small"),
        (0.0, "the value is zero"),
        (-1.0, "the value has the wrong sign"),
    ],
)
def test_the_distance_reads_well_at_any_size(value: float, told: str) -> None:
    said = str(Forecast(KEY, value, value - 1, value + 1, answer=2.0))
    assert told in " ".join(said.split())
