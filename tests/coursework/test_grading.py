"""The flow: who handed in what, marks that are kept, written answers, tables and feedback."""

from __future__ import annotations

import csv
import os

import pytest
from classroom import blank, bytes_of, hand_in, lost, marked, solved, with_cell
from hostile import without_ids

from coursework import __main__ as command
from coursework import export, grading, key, masters, runner, sandbox
from coursework.grading import Graded, Mark, Unreadable
from coursework.key import Person

SET = "power-laws"
ADA, BO = Person("ada", "Ada Lovelace", "ada@x.edu", "101"), Person("bo", "=Bo", "", "102")


def test_files_find_their_students(tmp_path):
    names = (
        "ada/x.ipynb",
        "lovelaceada_101_7_power-laws.ipynb",
        "Ada Lovelace_55_assignsubmission_file/bo.ipynb",
        "nested/deep/ada/bo.ipynb",
        "LATE_bo_9.ipynb",
        "unknown.ipynb",
    )
    owners = [grading.owners_of(tmp_path.__class__(name), [ADA, BO]) for name in names]
    assert [[one.id for one in found] for found in owners] == [
        ["ada"], ["ada"], ["ada"], ["ada"], ["bo"], [],
    ]  # fmt: skip
    for name in ("ada/old.txt", "ada/power-laws.ipynb", "unknown.ipynb", ".hidden/ada.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found, nobody = grading.found(tmp_path, SET, [ADA, BO])
    assert [(one.student.id, one.path.name) for one in found] == [("ada", "power-laws.ipynb")]
    assert [path.name for path in nobody] == ["unknown.ipynb"]


def test_links_pipes_and_huge_files_are_not_read(tmp_path):
    whole = hand_in(tmp_path, "bo", b"{}")
    (tmp_path / "link.ipynb").symlink_to(whole)
    os.mkfifo(tmp_path / "pipe.ipynb")
    with (tmp_path / "huge.ipynb").open("wb") as file:
        file.truncate(grading.LARGEST + 1)
    for name, told in (("link", "cannot be opened"), ("pipe", "no plain file"), ("huge", "MB")):
        with pytest.raises(Unreadable, match=told):
            grading.read(tmp_path / f"{name}.ipynb")


def test_a_cell_that_is_there_twice_counts_once():
    notebook = solved(SET)
    twice = [cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader")]
    notebook["cells"] += twice
    graded = marked(SET, notebook)
    assert lost(graded) == set()
    assert len(graded.marks) == len({mark.question for mark in graded.marks})


def test_cells_are_known_without_their_ids():
    graded = marked(SET, without_ids(solved(SET)))
    assert lost(graded) == set()
    assert all(mark.written for mark in graded.marks if mark.points is None)
    assert sum(mark.points is None for mark in graded.marks) == 2


def test_magics_of_notebooks_run_or_are_left_out():
    student = runner.Student()
    for source in (
        "%matplotlib inline\nx = 7 \\\n % 4",
        "if True:\n    !ls\ny = 1",
        "%%time\nz = 2",
    ):
        assert student.run(source)["error"] is None
    assert [student.ask(name)["value"] for name in "xyz"] == [3, 1, 2]
    assert student.run("%%bash\nrm -rf /")["error"] is None
    assert "SyntaxError" in student.run("x <- 3 4")["error"]


def test_answers_are_plain_data_or_refused():
    student = runner.Student()
    student.run("import numpy as np, pandas as pd\nclass Odd: pass")
    assert student.ask("pd.DataFrame({'a': np.arange(2)})")["value"] == {"a": [0, 1]}
    assert student.ask("(np.float32(1.5), {1}, None)")["value"] == [1.5, [1], None]
    for odd in ("Odd()", "[[[[[[[[[[1]]]]]]]]]]", "'x' * 2_000_000", "1 / 0", "exit()"):
        assert student.ask(odd)["error"]


def test_an_error_of_a_cell_stands_in_the_feedback(tmp_path):
    notebook = with_cell(solved(SET), "raise RuntimeError('<script>alert(1)</script>')")
    graded = marked(SET, notebook)
    graded.student = "ada"
    assert lost(graded) == set() and "RuntimeError" in graded.notes[0]
    page = export.feedback(tmp_path, masters.load(SET), graded).read_text()
    assert "&lt;script&gt;" in page and "<script>" not in page


def test_written_answers_are_marked_in_a_sheet_and_kept(tmp_path):
    master = masters.load(SET)
    graded = marked(SET, solved(SET))
    graded.student = "ada"
    grading.store(tmp_path, graded)
    assert export.write_sheet(tmp_path, master, [graded]) == 2
    path = export.sheet_path(tmp_path, SET)
    rows = list(csv.reader(path.open()))
    rows[1][3:5] = ["11,5", "clear"]
    rows[2][3] = "99"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    problems = export.read_sheet(tmp_path, SET)
    assert len(problems) == 1 and "points go from 0 to 8" in problems[0]
    kept = grading.stored(tmp_path, SET, "ada")
    assert kept is not None and kept.total == 40 + 11.5 and not kept.complete
    anew = marked(SET, solved(SET))
    grading.keep_written(kept, anew)
    assert anew.total == 51.5
    changed = marked(SET, solved(SET))
    for mark in changed.marks:
        mark.written = mark.written and mark.written + " More."
    grading.keep_written(kept, changed)
    assert changed.total == 40


def test_tables_for_canvas_and_moodle(tmp_path):
    master = masters.load(SET)
    graded = Graded("ada", SET, [Mark("q1-test", 3.0, 3.0), Mark("w1", None, 12.0, written="x")])
    export.canvas(tmp_path / "c.csv", master, [ADA, BO], {"ada": graded})
    rows = list(csv.reader((tmp_path / "c.csv").open()))
    assert rows[0][:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert rows[1][0].strip() == "Points Possible" and rows[1][5] == "60"
    assert rows[2] == ["Ada Lovelace", "101", "ada", "", "", "3"] and rows[3][0] == "'=Bo"
    export.moodle(tmp_path / "m.csv", master, [ADA, BO], {"ada": graded})
    rows = list(csv.reader((tmp_path / "m.csv").open()))
    assert rows[1][:3] == ["ada", "ada@x.edu", "3"] and "w1: not marked yet" in rows[1][3]
    assert rows[2][2:] == ["0", "nothing was handed in"]


@pytest.mark.timeout(300)
def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    people = [Person("ada"), Person("bo"), Person("cy")]
    secret = key.secret(tmp_path, make=True)
    for one in people:
        hand_in(tmp_path / "in", one.id, bytes_of(blank(SET, one.id, secret)))
    found, _ = grading.found(tmp_path / "in", SET, people)
    seen = []

    def stopping(master, world, path, **_):
        seen.append(path.parent.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return Graded("", SET, [Mark("q1-test", 1.0, 3.0)])

    monkeypatch.setattr(grading, "grade", stopping)
    with pytest.raises(KeyboardInterrupt):
        grading.grade_all(tmp_path, SET, found)
    made = grading.grade_all(tmp_path, SET, found)
    assert len(made) == 3 and len(seen) == 4
    assert [seen.count(one) for one in seen[:2]] == [1, 2], "only what was not finished is anew"
    hand_in(tmp_path / "in", seen[0], bytes_of(solved(SET, seen[0], secret)))
    before = len(seen)
    grading.grade_all(tmp_path, SET, found)
    assert seen[before:] == [seen[0]]


def test_without_a_sandbox_it_refuses_until_told(tmp_path, monkeypatch, capsys):
    roster = tmp_path / "r.csv"
    roster.write_text("id\nada\n")
    key.secret(tmp_path / "c", make=True)
    hand_in(tmp_path / "in", "ada", b"no notebook")
    given = ["grade", "--course", str(tmp_path / "c"), "--students", str(roster), "--set", SET]
    given += ["--submissions", str(tmp_path / "in")]
    monkeypatch.setattr(sandbox, "works", lambda: False)
    assert command.main(given) == 2
    told = capsys.readouterr().err
    assert "read the key" in told and "--no-sandbox" in told
    assert command.main([*given, "--no-sandbox"]) == 0
    assert "1 of 1 students handed in" in capsys.readouterr().out
    (tmp_path / "later").mkdir()
    given[-1] = str(tmp_path / "later")
    assert command.main([*given, "--no-sandbox"]) == 0
    assert "1 of 1 students handed in" in capsys.readouterr().out, "marks are kept"
    assert (tmp_path / "c" / "feedback" / SET / "ada.html").exists()
    assert (tmp_path / "c" / "grades" / f"{SET}-moodle.csv").exists()
