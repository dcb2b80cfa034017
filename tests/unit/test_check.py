"""Feedback on the exercises, and what holds for all of them: `scalinglaws.course.check`."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answering import GIVEN, given, refused, task

from scalinglaws.course import check
from scalinglaws.course.exercises.kinds import Exercise, Interval, Judged, Slip

NONSENSE: list[Any] = ["4.2", "much", math.nan, math.inf, -math.inf, True, np.bool_(True), [4.2]]
NONSENSE += [{}, 1j, np.ones(3), ..., 10**400, (1.0, math.inf), (math.nan, 1.0), ("a", "b")]
NONSENSE += ["12", (1.0,), (1.0, 2.0, 3.0)]
SAID_TO_NONSENSE = (
    "one finite number",
    "pair of numbers",
    "finite numbers",
    "Hand over the fit",
    "Hand over the dictionary",
    "Write your judgement",
    "Write five or six sentences",
    "a plan as in",
    "a list of widths",
    "a dictionary of losses",
    "tuple of the four",
    "of the four names once",
    "five numbers",
    "four numbers",
    "Shares lie between",
    "a function of the runs",
    "0 to 4",
    "three differences",
    "four numbers",
    "your text",
    "a few sentences more",
)


class TestAnswer:
    def test_what_is_shown_says_how_it_stands(self) -> None:
        assert str(check.Feedback("1.1", True, "So it is.")) == "1.1 Right. So it is."
        assert repr(check.Feedback("1.1", False, "Too large.")) == "1.1 Not yet. Too large."
        assert str(check.answer("1.1", None)).startswith("1.1 Open. Put your answer")

    @pytest.mark.parametrize("exercise", ["9.9", "0.1", "01.1", "99.1", "1", "", 1.1, None])
    def test_an_exercise_that_does_not_exist_is_refused(self, exercise: Any) -> None:
        for value in (1.0, None):
            with pytest.raises(KeyError, match=r"there is no exercise .*1\.1, 1\.2.*, 12\.5"):
                check.answer(exercise, value)

    def test_what_an_exercise_needs_must_be_handed_over(self) -> None:
        with pytest.raises(TypeError, match=r"exercise 1\.1 needs fit besides the answer, got 0"):
            check.answer("1.1", 4.2)
        with pytest.raises(TypeError, match=r"8\.1 needs band besides .* got 2"):
            check.answer("8.1", 4.2, 1.3, 1.4)
        with pytest.raises(TypeError, match=r"exercise 2\.1 needs nothing besides .* got 1"):
            check.answer("2.1", 4.2, 1.3)

    def test_nothing_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        check.answer("1.1", 4.2, *given("1.1"))
        assert capsys.readouterr() == ("", "")


class TestRegister:
    def test_exercises_come_in_the_order_of_the_book(self) -> None:
        places = [tuple(map(int, name.split("."))) for name in check.names()]
        assert places == sorted(places)
        book = Path(__file__).parents[2] / "book"
        chapters = {int(path.name[:2]) for path in book.glob("[0-9][0-9]-*.ipynb")}
        assert {chapter for chapter, _ in places} == chapters
        assert all((chapter, number - 1) in places for chapter, number in places if number > 1)

    def test_what_these_tests_hand_over_is_what_is_needed(self) -> None:
        assert {name for name in check.names() if check.needs(name)} == set(GIVEN)

    def test_a_chapter_is_loaded_when_asked_for_and_none_of_them_needs_torch(self) -> None:
        script = """
import json, sys
from scalinglaws.course import check
def loaded():
    chapters = [int(m[-2:]) for m in sorted(sys.modules) if "exercises.chapter_" in m]
    return chapters, [m for m in ("scipy", "torch") if m in sys.modules]
states = [loaded()]
check.answer("9.1", 1)
states.append(loaded())
check.names()
states.append(loaded())
print(json.dumps(states))
"""
        told = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        everything = [sorted({int(name.split(".")[0]) for name in check.names()}), ["scipy"]]
        assert json.loads(told.stdout) == [[[], []], [[9], []], everything]

    def test_an_exercise_that_needs_nothing_can_be_written_into_a_page(self) -> None:
        bare = {name for name in check.names() if not check.needs(name)}
        plain = {name for name in bare if not isinstance(task(name), Judged)}
        assert len(plain) >= 20
        assert {"2.5", "4.5", "12.5"} <= bare - plain, "judgements are no numbers"
        for name in plain:
            data = asdict(task(name))
            assert json.loads(json.dumps(data, allow_nan=False)) == {
                **data,
                "slips": list(data["slips"]),
            }


@pytest.mark.parametrize("exercise", check.names())
def test_an_exercise_replies_as_it_should(exercise: str) -> None:
    made = task(exercise)
    assert check.answer(exercise, None, *given(exercise)).ok is None
    for value in NONSENSE:
        ok, message = made.reply(value)
        assert ok is False and any(words in message for words in SAID_TO_NONSENSE), value
    if isinstance(made, Judged):
        return
    assert made.reply(made.truth) == (True, made.right)
    for slip in made.slips:
        assert made.reply(slip.value) == (False, slip.saying)
    beyond = edges(made) if isinstance(made, Exercise) else ends(made)
    for inside, outside in beyond:
        assert made.reply(inside) == (True, made.right)
        ok, message = made.reply(outside)
        assert ok is False and message != made.right
    for text in (made.right, *(slip.saying for slip in made.slips)):
        assert text.endswith((".", "?")), text


def edges(exercise: Exercise) -> list[tuple[float, float]]:
    """Just inside the tolerance and just outside it, below the truth and above."""
    truth, tolerance = exercise.truth, exercise.tolerance
    near, far = 0.99 * tolerance, 1.01 * tolerance + 1e-9
    return [
        (truth * (1 - near), truth * (1 - far)),
        (truth / (1 - near), truth / (1 - far)),
    ]


def ends(exercise: Interval) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The same for an interval, with one end moved outwards and the other left where it is."""
    low, high = exercise.truth
    found = []
    for share in (0.99 * exercise.slack, 1.01 * exercise.slack):
        if exercise.log:
            found.append(((low * (low / high) ** share, high), (low, high * (high / low) ** share)))
        else:
            step = share * (high - low)
            found.append(((low - step, high), (low, high + step)))
    return list(zip(*found, strict=True))


class TestKinds:
    """What an exercise says to an answer that is neither right nor one of its slips."""

    ONE = Exercise(10.0, "So it is.", (Slip(8.0, "Eight."), Slip(8.1, "A little more.")), 0.02)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (11, "Too large."),
            (9, "Too small."),
            (0, "Too small."),
            (-10, "Too small."),
            (101, "Too large by more than a factor of ten: check exponents and units."),
            (0.99, "Too small by more than a factor of ten: check exponents and units."),
            (8.05, "Eight."),
            (np.float32(8.2), "A little more."),
        ],
    )
    def test_a_number(self, value: float, message: str) -> None:
        assert self.ONE.reply(value) == (False, message)

    def test_a_slip_may_be_known_by_a_tolerance_of_its_own(self) -> None:
        whole = Exercise(34, "So many.", (Slip(33.9, "Round up."),), 0, slip_tolerance=0.01)
        assert whole.reply(np.int64(34)) == (True, "So many.")
        assert whole.reply(34.1) == (False, "Round up.")
        assert whole.reply(35) == (False, "Too large.")

    def test_a_truth_of_zero(self) -> None:
        assert Exercise(0.0, "Nothing.", ()).reply(0) == (True, "Nothing.")
        assert "Too small" in Exercise(0.0, "Nothing.", ()).reply(-1)[1]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ((10.0, 1.0), "The lower end comes first"),
            ((0.0, 1.0), "finite numbers above 0"),
            ((0.1, 100.0), "Too wide, by a factor of 3 in orders of magnitude"),
            ((3.0, 5.0), "Too narrow: it spans 22% of the orders of magnitude"),
            ((10.0, 100.0), "in the wrong place"),
        ],
    )
    def test_an_interval(self, value: tuple[float, float], words: str) -> None:
        ok, message = Interval((1.0, 10.0), "So it is.", (), 0.1, log=True).reply(value)
        assert ok is False and words in message

    def test_an_interval_on_a_plain_scale_may_be_negative(self) -> None:
        interval = Interval((-1.0, 1.0), "So it is.", (), 0.1, otherwise="Elsewhere.")
        assert interval.reply([np.float64(-1.1), 1]) == (True, "So it is.")
        assert interval.reply((3, 4)) == (False, "Elsewhere.")
        assert "4 in width" in Interval((-1.0, 1.0), "So it is.", (), 0.1).reply((-4, 4))[1]


def test_refused_notices_what_is_accepted_and_what_is_not_said() -> None:
    refused("2.1", 1.0, saying="factor of ten")
    with pytest.raises(AssertionError):
        refused("2.1", 0.0507, saying="Two points")
    with pytest.raises(AssertionError):
        refused("2.1", 1.0, saying="something else")
