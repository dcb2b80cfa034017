"""The problem sets: what is right gets all points, what is wrong loses what it should."""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import pytest
from classroom import blank, by_tests, changed, lost, marked, said, solved, world
from mistakes import MISTAKES

from coursework import grading, masters, runner
from scalinglaws.course import assignment

SETS = masters.names()


@pytest.fixture(autouse=True)
def no_figures():
    matplotlib.use("Agg")
    yield
    plt.close("all")


def test_there_are_four_sets_with_five_mistakes_each():
    assert set(SETS) == set(MISTAKES)
    assert all(len(found) >= 5 for found in MISTAKES.values())


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("student", ["ada", "bo"])
def test_the_reference_gets_every_point(name, student):
    graded = marked(name, solved(name, student), student)
    assert lost(graded) == set(), said(graded)
    assert graded.notes == []
    assert graded.tested == by_tests(masters.load(name))
    written = [mark for mark in graded.marks if mark.written]
    assert len(written) == 2 and all(mark.points is None for mark in written)
    for mark in written:
        mark.points = mark.most
    assert graded.total == masters.load(name).points


@pytest.mark.parametrize("name", SETS)
def test_the_introduction_says_what_each_question_gives(name):
    master = masters.load(name)
    given: dict[str, float] = {}
    for cell in master.cells:
        if cell.points:
            number = cell.label.partition(".")[0]
            given[number] = given.get(number, 0) + cell.points
    *first, last = (f"{most:g}" for most in given.values())
    told = f"Questions 1 to {len(given)} give {', '.join(first)} and {last} points, "
    assert told + f"{master.points:g} in all." in master.cells[0].source


@pytest.mark.parametrize("name", SETS)
def test_what_was_handed_out_gets_nothing(name):
    graded = marked(name, blank(name))
    assert graded.total == 0 and graded.complete


@pytest.mark.parametrize("name", SETS)
def test_two_students_have_other_data_and_other_truths(name):
    ada, bo = world(name), world(name, "bo")
    assert ada.digest != bo.digest
    numbers = {key: value for key, value in ada.truth.items() if isinstance(value, float)}
    same = {key for key, value in numbers.items() if bo.truth[key] == value}
    assert len(numbers) >= 4 and same <= {"room"}
    assert assignment.pack(assignment.unpack(ada.packed)) == ada.packed


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        pytest.param(name, one, id=f"{name}: {one.what}")
        for name, found in MISTAKES.items()
        for one in found
    ],
)
def test_a_mistake_loses_its_points_and_is_named(name, mistake):
    graded = marked(name, changed(solved(name), mistake.cells))
    assert lost(graded) == mistake.lost, said(graded)
    assert mistake.said in said(graded)


def test_right_intervals_of_any_kind_pass_and_slips_are_known_by_their_ends():
    truth = world("power-laws").truth
    cell = masters.load("power-laws").named()["q5-test"]
    middle, wide = truth["alpha"], truth["interval"][1] - truth["interval"][0]

    def told(low, high):
        student = runner.Student()
        student.names["alpha_interval"] = (low, high)
        return grading.tested(cell, world("power-laws"), student).said

    for share in (0.3, 0.34, 0.45, 0.6, 1.0, 2.0, 3.0):
        low, high = middle - share * wide / 2, middle + share * wide / 2
        assert told(low + 0.03 * wide, high + 0.03 * wide) == "right", share
    said = {"one": "one standard error", "known": "takes the floor for known"}
    for low, high, slip in truth["narrow"]:
        assert said[slip] in told(low, high)
    assert "narrower" in told(middle - 0.05 * wide, middle + 0.05 * wide)


def test_the_numbers_of_another_student_are_wrong():
    truth = world("power-laws", "bo").truth
    low, high = truth["interval"]
    copied = {
        "q4": f"alpha, E = {truth['alpha']!r}, {truth['E']!r}",
        "q5": f"alpha_interval = ({low!r}, {high!r})",
        "q6": f"forecast = {truth['far']!r}",
        "q9": f"verdicts = {truth['verdicts']!r}",
    }
    assert {"q4-test", "q6-test"} <= lost(
        marked("power-laws", changed(solved("power-laws"), copied))
    )
