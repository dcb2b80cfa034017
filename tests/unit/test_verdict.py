"""What the book claimed and what came out: `scalinglaws.course.verdict`."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from scalinglaws.course import forecast
from scalinglaws.course.verdict import Verdict, expect, load, path, record
from scalinglaws.estimate import Estimate

KEY = "3.cutoff"
CLAIM = "The exponent of the loss is that of the facts."
RULE = "the 95% interval of the slope over D = 1e3 to 1e6 lies outside 0.37 to 0.45"
RULE_IN_LINES = "the 95% interval of the slope over D = 1e3 to 1e6\n    lies outside 0.37 to 0.45"
SLOPE = Estimate(0.412, 0.4, 0.424)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an empty record of verdicts."""
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    return tmp_path / "verdicts.json"


class TestLifeOfAVerdict:
    def test_the_rule_is_kept_before_the_run_and_the_outcome_after_it(self, file: Path) -> None:
        made = expect(KEY, CLAIM, RULE)
        assert (made.outcome, made.value, made.chapter) == ("open", None, 3)
        assert path() == file and load() == [made]
        done = record(KEY, "held", SLOPE, "fig-cutoff")
        assert load() == [done]
        assert (done.claim, done.rule, done.outcome) == (CLAIM, RULE, "held")
        assert (done.value, done.figure, done.beforehand) == (SLOPE, "fig-cutoff", True)

    def test_an_outcome_without_a_rule_is_refused(self, file: Path) -> None:
        with pytest.raises(KeyError, match=r"3\.cutoff.*call expect before the run.*none yet"):
            record(KEY, "held")
        assert not file.exists()
        expect(KEY, CLAIM, RULE)
        with pytest.raises(KeyError, match=r"known: 3\.cutoff"):
            record("3.cut", "held")

    @pytest.mark.parametrize("outcome", ["Held", "true", "", None, True])
    def test_an_outcome_that_is_none_of_the_three_is_refused(self, outcome: Any) -> None:
        made = expect(KEY, CLAIM, RULE)
        with pytest.raises(ValueError, match="outcome must be one of 'held', 'failed', 'open'"):
            record(KEY, outcome)
        assert load() == [made]

    def test_running_a_chapter_again_changes_nothing_but_what_came_out(self) -> None:
        for value in (0.41, 0.42):
            expect(KEY, CLAIM, RULE)
            record(KEY, "held", value)
        (only,) = load()
        assert only.value is not None and only.value.value == 0.42 and not only.value.known
        assert expect(KEY, CLAIM, RULE) == only
        assert only.beforehand

    def test_before_the_run_the_rule_may_be_mended(self) -> None:
        expect(KEY, CLAIM, RULE)
        expect("1.first", CLAIM, RULE)
        mended = expect(KEY, CLAIM, "the slope is above 0.45")
        assert [v.key for v in load()] == [KEY, "1.first"] and load()[0] == mended
        assert mended.beforehand

    def test_after_it_a_changed_rule_forgets_the_outcome_and_says_so_for_good(self) -> None:
        expect(KEY, CLAIM, RULE)
        record(KEY, "failed", SLOPE)
        changed = expect(KEY, CLAIM, "the slope is above 0.45")
        assert (changed.outcome, changed.value, changed.beforehand) == ("open", None, False)
        assert not expect(KEY, CLAIM, "the slope is above 0.5").beforehand
        assert "the rule was changed after an outcome was known" in str(record(KEY, "held"))

    def test_a_rule_by_somebody_who_had_seen_such_runs_says_so(self) -> None:
        made = expect(KEY, CLAIM, RULE, seen=True)
        assert (made.seen, made.beforehand) == (True, False)
        said = str(record(KEY, "held", SLOPE))
        assert said.endswith("the rule was written after such runs had been seen")
        assert "was changed" not in said
        assert expect(KEY, CLAIM, RULE, seen=True).outcome == "held"
        assert load()[0].seen and not load()[0].beforehand

    def test_the_confession_cannot_be_taken_back(self) -> None:
        expect(KEY, CLAIM, RULE, seen=True)
        assert not expect(KEY, CLAIM, RULE).beforehand
        expect("1.first", CLAIM, RULE)
        assert not expect("1.first", CLAIM, RULE, seen=True).beforehand

    def test_an_entry_from_before_there_were_confessions_can_be_read(self, file: Path) -> None:
        expect(KEY, CLAIM, RULE)
        (entry,) = json.loads(file.read_text())
        del entry["seen"]
        file.write_text(json.dumps([entry]))
        assert load() == [Verdict(KEY, CLAIM, RULE)]


class TestRefusals:
    @pytest.mark.parametrize("key", ["cutoff", "3", "3.", ".cutoff", "03.cutoff", "3.a b", "", 3.1])
    def test_a_key_without_chapter_or_name(self, key: Any, file: Path) -> None:
        with pytest.raises(ValueError, match=r"key must be chapter and name, as in '3\.cutoff'"):
            expect(key, CLAIM, RULE)
        assert not file.exists()

    @pytest.mark.parametrize("text", ["", "  ", None, 1])
    def test_a_claim_or_rule_that_says_nothing(self, text: Any, file: Path) -> None:
        with pytest.raises(ValueError, match="claim must be a sentence"):
            expect(KEY, text, RULE)
        with pytest.raises(ValueError, match="rule must be a sentence"):
            expect(KEY, CLAIM, text)
        assert not file.exists()

    @pytest.mark.parametrize("value", ["0.4", True, math.nan, math.inf, (0.4, 0.5)])
    def test_a_value_that_is_no_number(self, value: Any) -> None:
        made = expect(KEY, CLAIM, RULE)
        with pytest.raises(ValueError, match="value must be a"):
            record(KEY, "held", value)
        assert load() == [made]


def test_it_can_be_read() -> None:
    assert str(expect(KEY, CLAIM, RULE)) == (
        f"3.cutoff: open\n  predicted: {CLAIM}\n  refuted if: {RULE_IN_LINES}\n"
        "  came out: nothing that decides it yet"
    )
    assert str(record(KEY, "held", SLOPE, "fig-cutoff")) == (
        f"3.cutoff: held\n  predicted: {CLAIM}\n  refuted if: {RULE_IN_LINES}\n"
        "  came out: 0.412 (95% interval 0.4 to 0.424)\n  figure: fig-cutoff"
    )
    assert str(record(KEY, "failed")).splitlines()[0] == "3.cutoff: failed"
    assert "came out" not in str(record(KEY, "failed"))
    assert "0.41\n" in str(record(KEY, "open", 0.41)) + "\n"


def test_no_line_is_longer_than_a_phone_shows() -> None:
    made = str(expect("3.long", f"{CLAIM} " * 5, f"{RULE} " * 5))
    assert max(map(len, made.splitlines())) <= 64 and made.split().count("0.37") == 5


class TestFile:
    def test_it_stands_beside_the_forecasts_and_touches_them_not(self, file: Path) -> None:
        made = forecast.predict(KEY, 2.0, 1.8, 2.2)
        expect(KEY, CLAIM, RULE)
        assert forecast.load() == [made] and forecast.path().parent == file.parent
        assert sorted(f.name for f in file.parent.iterdir()) == ["forecasts.json", "verdicts.json"]

    def test_looking_makes_no_file(self, file: Path) -> None:
        assert load() == [] and not file.exists()

    @pytest.mark.parametrize(
        "value", [None, SLOPE, Estimate(0.5, 0.4, 0.6, 0.8, 100), Estimate(0.0, 0.0, 1 / 3)]
    )
    def test_every_bit_survives(self, value: Estimate | None) -> None:
        expect(KEY, "é ü 中", "µ > 1")
        assert record(KEY, "failed", value) == load()[0]

    @pytest.mark.parametrize(
        "change",
        [
            {"outcome": "perhaps"},
            {"key": "cutoff"},
            {"rule": ""},
            {"value": 0.4},
            {"value": {"value": 0.4, "more": 1}},
            {"value": {"value": "much"}},
            {"more": 1},
        ],
    )
    def test_a_damaged_entry_is_named_and_left_as_it_is(self, file: Path, change: Any) -> None:
        expect(KEY, CLAIM, RULE)
        (entry,) = json.loads(file.read_text())
        file.write_text(content := json.dumps([{**entry, **change}]))
        for use in (load, lambda: expect(KEY, CLAIM, RULE), lambda: record(KEY, "held")):
            with pytest.raises(ValueError, match=r"record of verdicts cannot be read .* mend it"):
                use()
        assert file.read_text() == content

    @pytest.mark.parametrize("content", ["", "{", "5", "[1]", '[{"key": "3.cutoff"}]'])
    def test_a_damaged_file_is_named(self, file: Path, content: str) -> None:
        file.write_text(content)
        with pytest.raises(ValueError, match=r"record of verdicts cannot be read") as error:
            load()
        assert str(file) in str(error.value)

    def test_a_write_that_is_cut_off_leaves_the_old_record_and_nothing_else(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = expect(KEY, CLAIM, RULE)

        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            with pytest.raises(OSError, match="disk is full"):
                record(KEY, "held")
        assert load() == [made] and list(file.parent.iterdir()) == [file]


def test_a_verdict_by_hand_is_checked_too() -> None:
    assert Verdict("16.book", CLAIM, RULE).chapter == 16
    with pytest.raises(ValueError, match="value must be an Estimate"):
        Verdict(KEY, CLAIM, RULE, value=0.4)  # type: ignore[arg-type]
