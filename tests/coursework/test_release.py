"""What is handed out holds no answers, is what nbgrader would make, and can be made again."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from classroom import SECRET, blank, changed, world
from mistakes import MISTAKES

from coursework import __main__ as command
from coursework import grading, key, masters, release, runner
from coursework.key import Person
from scalinglaws.course import assignment

SETS = masters.names()


@pytest.mark.parametrize("name", SETS)
def test_nothing_of_solutions_tests_or_truth_is_handed_out(name):
    master = masters.load(name)
    text = json.dumps(blank(name), ensure_ascii=False)
    marks = r"(BEGIN|END) (SOLUTION|HIDDEN)|truth\W{1,2}\[|coursework\."
    assert not re.search(marks, text)
    assert "Rubric" not in text and "Model answer" not in text
    secrets = [line for cell in master.cells for line in cell.hidden.splitlines()]
    for cell in master.cells:
        if cell.solution:
            shown = set(cell.released.splitlines())
            secrets += [line for line in cell.source.splitlines() if line not in shown]
    long = {line.strip() for line in secrets if len(line.strip()) > 25}
    assert len(long) > 40
    assert [line for line in long if json.dumps(line, ensure_ascii=False)[1:-1] in text] == []
    for value in world(name).truth.values():
        assert not isinstance(value, float) or repr(value) not in text


@pytest.mark.parametrize("name", SETS)
def test_masters_are_those_of_nbgrader(name):
    master = masters.load(name)
    for raw in master.notebook["cells"]:
        told = raw["metadata"].get("nbgrader")
        if told is not None:
            assert set(told) - {"points"} == {
                "grade", "grade_id", "locked", "schema_version", "solution", "task",
            }  # fmt: skip
            assert told["schema_version"] == 3 and ("points" in told) == told["grade"]
        assert not raw.get("outputs")
    tests = [cell for cell in master.cells if cell.tested]
    assert len(tests) >= 8 and len([cell for cell in master.cells if cell.written]) == 2
    assert all(cell.locked and cell.released.startswith("# Test of question") for cell in tests)
    lines = [cell.released.splitlines()[0] for cell in master.cells if cell.name and cell.code]
    known = [line for line in lines if line != masters.STUB.splitlines()[0]]
    assert len(known) == len(set(known)), "first lines tell cells apart where ids are lost"


def nbgrader_with(folder, name, monkeypatch):
    """nbgrader, with its own release of one of our masters in a folder; skips where it is not."""
    pytest.importorskip("nbgrader")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # It calls its own commands and Jupyter's by their names.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    shutil.copytree(masters.SOURCE / name, folder / "source" / name)
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.course_id = "tests"
    config.Execute.timeout = config.Execute.iopub_timeout = 600
    api = NbGraderAPI(config=config)
    told = api.generate_assignment(name)
    assert told["success"], told
    return api


@pytest.mark.timeout(300)
def test_nbgrader_makes_the_same_release(tmp_path, monkeypatch):
    name = SETS[0]
    nbgrader_with(tmp_path, name, monkeypatch)
    theirs = json.loads((tmp_path / "release" / name / f"{name}.ipynb").read_text())
    for cell, ours in zip(theirs["cells"], masters.load(name).cells, strict=True):
        if ours.name != masters.DATA:
            assert "".join(cell["source"]).strip() == ours.released.strip()


@pytest.mark.timeout(1200)
def test_nbgrader_gives_the_same_points(tmp_path, monkeypatch):
    """nbgrader knows one set of data for all, that of the master: so both grade with these."""
    name = SETS[0]
    api = nbgrader_with(tmp_path, name, monkeypatch)
    world, master = key.world(key.EXAMPLE, name, "example"), masters.load(name)
    right = master.solved(world.packed)
    wrong = {}
    for mistake in MISTAKES[name][1::2]:
        wrong |= mistake.cells
    handed_in = {
        "blank": master.release(world.packed),
        "right": right,
        "wrong": changed(right, wrong),
    }
    ours, theirs = {}, {}
    for student, notebook in handed_in.items():
        path = tmp_path / "submitted" / student / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook))
        graded = grading.mark(master, world, grading.read(path), runner.Student(300))
        ours[student] = {mark.question: mark.points for mark in graded.marks}
        told = api.autograde(name, student)
        assert told["success"], told
        with api.gradebook as book:
            grades = book.find_submission(name, student).notebooks[0].grades
            theirs[student] = {one.name: one.auto_score for one in grades}
    assert theirs == ours


def test_the_release_is_one_notebook_a_student_and_a_zip_of_all(tmp_path, capsys):
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name\nada,Ada\nbo,Bo\n")
    given = ["--course", str(tmp_path / "c"), "--students", str(roster), "--set", "power-laws"]
    assert command.main(["build", *given]) == 0
    zipped = tmp_path / "c" / "release" / "power-laws.zip"
    first = zipped.read_bytes()
    assert zipfile.ZipFile(zipped).namelist() == ["ada/power-laws.ipynb", "bo/power-laws.ipynb"]
    assert (tmp_path / "c" / key.FILE).stat().st_mode & 0o077 == 0
    roster.write_text("id,name\nada,Ada\nbo,Bo\ncy,Cy\n")
    assert command.main(["build", *given]) == 0
    roster.write_text("id\n../../etc\n")
    assert command.main(["build", *given]) == 2
    assert "an id has letters" in capsys.readouterr().err
    with zipfile.ZipFile(zipped) as later:
        assert len(later.namelist()) == 3 and zipped.read_bytes() != first


def test_data_that_would_change_are_noticed(tmp_path):
    told = {"ada": "0" * 16}
    release.remember(tmp_path, "power-laws", told)
    release.check(tmp_path, "power-laws", told)
    with pytest.raises(ValueError, match="not those handed out"):
        release.check(tmp_path, "power-laws", {"ada": "1" * 16})


def test_another_key_overwrites_no_release(tmp_path, monkeypatch):
    def quick(secret, name, student):
        return key.World(assignment.pack({"x": secret.hex()}), {})

    monkeypatch.setattr(key, "world", quick)
    people, place = [Person("ada")], tmp_path / "release" / "power-laws"
    release.build(tmp_path, ["power-laws"], people)
    before = (place / "ada" / "power-laws.ipynb").read_bytes()
    (tmp_path / key.FILE).write_text("0" * 64)
    with pytest.raises(ValueError, match="not those handed out"):
        release.build(tmp_path, ["power-laws"], people)
    assert (place / "ada" / "power-laws.ipynb").read_bytes() == before
    (tmp_path / key.FILE).unlink()
    with pytest.raises(ValueError, match="bring its key here"):
        release.build(tmp_path, ["power-laws"], people)


@pytest.mark.parametrize(
    "raw",
    [
        "id;Name\nzoe;Zoë\n".encode("cp1252"),
        "\ufeffID, name\n\nzoe, Zoë\n,\n".encode(),
        "id\tname\nzoe\tZoë\n".encode("utf-16"),
    ],
)
def test_a_roster_from_any_spreadsheet_is_read(tmp_path, raw):
    (tmp_path / "r.csv").write_bytes(raw)
    assert key.roster(tmp_path / "r.csv") == [Person("zoe", "Zoë")]


def test_a_roster_and_a_key_that_cannot_be_used_are_refused(tmp_path):
    path = tmp_path / "r.csv"
    for text, told in (
        ("name\nA\n", "needs a first line"),
        ("id\na\nA\n", "stands there twice"),
        ("id,name\na,Müller, Jörg\n", "line 2: there are more values than columns"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=told):
            key.roster(path)
    with pytest.raises(ValueError, match="build the release first"):
        key.secret(tmp_path)
    (tmp_path / key.FILE).write_text("secret")
    with pytest.raises(ValueError, match="does not hold a key"):
        key.secret(tmp_path)


def test_seeds_hang_on_secret_set_and_student():
    seeds = {
        key.seed(secret, name, one.id)
        for secret in (SECRET, b"other" * 8)
        for name in SETS
        for one in (Person("ada"), Person("bo"))
    }
    assert len(seeds) == 16
