"""What is handed out holds no answers, is what nbgrader would make, and can be made again."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import pytest
from classroom import SECRET, blank, world

from coursework import __main__ as command
from coursework import key, masters, release
from coursework.key import Person

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


def test_nbgrader_makes_the_same_release(tmp_path):
    pytest.importorskip("nbgrader")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    name = SETS[0]
    shutil.copytree(masters.SOURCE / name, tmp_path / "source" / name)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.course_id = "tests"
    told = NbGraderAPI(config=config).generate_assignment(name)
    assert told["success"], told
    theirs = json.loads((tmp_path / "release" / name / f"{name}.ipynb").read_text())
    for cell, ours in zip(theirs["cells"], masters.load(name).cells, strict=True):
        if ours.name != masters.DATA:
            assert "".join(cell["source"]).strip() == ours.released.strip()


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


def test_another_key_overwrites_no_release(tmp_path):
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
