"""The flow: who handed in what, marks that are kept, written answers, tables and feedback."""

from __future__ import annotations

import csv
import os
import unicodedata
from pathlib import Path

import pytest
from classroom import blank, bytes_of, hand_in, lost, marked, solved, with_cell
from hostile import without_ids

from coursework import __main__ as command
from coursework import export, grading, key, masters, points, release, runner, sandbox, tables
from coursework.grading import Graded, Mark, Unreadable
from coursework.key import Person
from coursework.sandbox import Limits

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
    assert [path.name for path in found[0].passed] == ["old.txt"]
    assert [path.name for path in nobody] == ["unknown.ipynb"]


def owners(name: str, *people: Person) -> list[str]:
    """The ids of those to whom a file may belong."""
    return [one.id for one in grading.owners_of(Path(name), list(people))]


def test_a_name_that_a_student_chose_takes_nobodys_place():
    cy = Person("cy", "Cy", "", "103")
    for name in (
        "Cy_9_assignsubmission_file_/ada/power-laws.ipynb",
        "cy/ada/power-laws.ipynb",
        "cy_103_7_ada.ipynb",
        "Cy_9_assignsubmission_file_ada.ipynb",
    ):
        assert owners(name, ADA, cy) == ["cy"]
    for name in (
        "Stranger_9_assignsubmission_file_/ada/power-laws.ipynb",
        "Stranger_9_assignsubmission_file_ada_.ipynb",
        "stranger_999_7_ada_.ipynb",
    ):
        assert owners(name, ADA, cy) == []
    assert owners("stranger_999_7_bo_power-laws-9.ipynb", Person("bo")) == []


def test_names_with_accents_are_known_in_either_form():
    joerg = Person("00123", "Jörg Müller")
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Jörg MÜLLER_5_assignsubmission_file_")
        assert owners(f"{name}/x.ipynb", joerg) == owners(f"{name}x.ipynb", joerg) == ["00123"]


def test_of_several_copies_the_latest_is_graded():
    names = (
        "ada/power-laws.ipynb",
        "ada/power-laws (1).ipynb",
        "ada/power-laws-2.ipynb",
        "ada/power-laws-Copy10.ipynb",
        "ada/old/power-laws-11.ipynb",
        "ada/zz.ipynb",
        "ada/power-laws-99.txt",
    )
    found = grading.ranked([Path(name) for name in names], SET)
    assert [path.as_posix() for path in found] == [names[i] for i in (3, 2, 1, 0, 4, 5, 6)]


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


@pytest.mark.parametrize("edit", [lambda notebook: notebook, without_ids])
def test_text_beside_the_cell_for_the_answer_belongs_to_it(edit):
    notebook = edit(blank(SET))
    place = max(
        i for i, cell in enumerate(notebook["cells"]) if "YOUR ANSWER" in str(cell["source"])
    )
    for text in ("## 11. My own heading\nbelow", "above"):
        cell = {"cell_type": "markdown", "metadata": {}, "source": text}
        notebook["cells"].insert(place + (text != "above"), cell)
    marks = {mark.question: mark for mark in marked(SET, notebook).marks}
    assert marks["w2"].written == "above\n\n## 11. My own heading\nbelow"
    assert marks["w1"].said == "not answered"


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


def of(student: str, notebook: dict | None = None) -> Graded:
    """A student's marks for the tests of the sheet: only the texts are looked at."""
    graded = marked(SET, notebook or blank(SET))
    graded.student = student
    if notebook is None:
        graded.marks[-2:] = [
            Mark("w1", None, 12.0, written=f"{student} on R2"),
            Mark("w2", None, 8.0, written="the same"),
        ]
    return graded


def filled_in(folder, change, delimiter=",", encoding="utf-8"):
    """Change the rows of the sheet as somebody does in a spreadsheet; what could not be used."""
    path = export.sheet_path(folder, SET)
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        change(row)
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return export.read_sheet(folder, SET)


def sheet(folder, *all: Graded) -> None:
    """Store marks and write the sheet, with the points that were given."""
    for graded in all:
        grading.store(folder, graded)
    points.apply(all, points.given(folder, SET))
    export.write_sheet(folder, masters.load(SET), all)


def test_written_answers_are_marked_in_a_sheet_and_kept(tmp_path):
    master = masters.load(SET)
    graded = of("ada", solved(SET))
    grading.store(tmp_path, graded)
    assert export.write_sheet(tmp_path, master, [graded]) == 2

    def change(row):
        row.update({"points": "11,5", "comment": "clear"} if row["question"] == "w1" else {})

    assert filled_in(tmp_path, change) == []
    given = points.given(tmp_path, SET)
    points.apply([graded], given)
    assert graded.total == 40 + 11.5 and not graded.complete
    anew, changed = of("ada", solved(SET)), of("ada", solved(SET))
    for mark in changed.marks:
        mark.written = mark.written and mark.written + " More."
    points.apply([anew, changed], given)
    assert anew.total == 51.5 and changed.total == 40
    sheet(tmp_path, anew)
    assert filled_in(tmp_path, lambda row: None) == []
    assert len(points.path_of(tmp_path, SET).read_text().splitlines()) == 1, "nothing was changed"


def test_a_sheet_from_any_spreadsheet_is_read(tmp_path):
    sheet(tmp_path, of("00124"), of("00125"), of("3e5"))
    assert all(row["text"][0] == "t" for _, row in tables.read(export.sheet_path(tmp_path, SET)))

    def change(row):
        row["student"] = {"00124": "124", "00125": "125", "3e5": "3.00E+05"}[row["student"]]
        row.update(points="7,5", comment="-1: schön")

    problems = filled_in(tmp_path, change, ";", "cp1252")
    given = points.given(tmp_path, SET)
    for student in ("00124", "00125", "3e5"):
        answer = (student, "w1", points.print_of(f"{student} on R2"))
        assert given[answer] == points.Given(7.5, "-1: schön")
    told = [one for one in problems if "no such answer" in one]
    assert len(told) == 1 and len(given) == 5, "3.00E+05 might be any who wrote the same"


def test_work_in_a_sheet_that_cannot_be_used_is_kept(tmp_path):
    sheet(tmp_path, of("ada"))

    def change(row):
        row.update({"points": "99"} if row["question"] == "w1" else {}, comment="a long comment")

    problems = filled_in(tmp_path, change)
    assert len(problems) == 2 and "points go from 0 to 12, not '99'" in problems[0]
    kept = next(export.sheet_path(tmp_path, SET).parent.glob("*-kept-*.csv"))
    assert str(kept) in problems[1] and "99" in kept.read_text()
    again = of("ada")
    sheet(tmp_path, again)
    assert [mark.said for mark in again.marks[-2:]] == ["", "a long comment"]
    assert again.marks[-1].points is None, "a comment waits for its points"
    page = export.feedback(tmp_path, masters.load(SET), again).read_text()
    assert "a long comment" not in page and "to be read" in page
    assert filled_in(tmp_path, lambda row: row.update(points="8")) == []
    told = filled_in(tmp_path, lambda row: row.update(points=""))
    assert len(told) == 3 and "the 8 given before stay" in told[0]
    path = export.sheet_path(tmp_path, SET)
    path.write_text("question;points\nw1;3\n")
    with pytest.raises(ValueError, match="needs the columns"):
        export.read_sheet(tmp_path, SET)


def test_points_outlive_a_wrong_file_and_a_torn_line_is_named(tmp_path):
    sheet(tmp_path, of("ada"))
    filled_in(tmp_path, lambda row: row.update(points="6"))
    broken = grading.unmarked(masters.load(SET), "no notebook")
    broken.student = "ada"
    sheet(tmp_path, broken)
    assert broken.total == 0
    back = of("ada")
    sheet(tmp_path, back)
    assert back.total == 12
    with points.path_of(tmp_path, SET).open("a") as file:
        file.write('{"student": "a')
    with pytest.raises(ValueError, match="line 3, cannot be read"):
        points.given(tmp_path, SET)


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
    assert rows[1][:3] == ["ada", "ada@x.edu", "3"]
    assert "10. The referee: not marked yet" in rows[1][3]
    assert rows[2][2:] == ["0", "nothing was handed in"]
    export.canvas(tmp_path / "c.csv", master, [ADA, BO], {"ada": graded}, sure=False)
    export.moodle(tmp_path / "m.csv", master, [ADA, BO], {"ada": graded}, sure=False)
    assert list(csv.reader((tmp_path / "c.csv").open()))[3][5] == ""
    assert list(csv.reader((tmp_path / "m.csv").open()))[2][2:] == ["", "nothing was found so far"]


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
    grading.grade_all(tmp_path, SET, found, limits=Limits(seconds=900))
    assert len(seen) == before + 4, "another limit may give other marks"


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


def graded_by_command(folder, monkeypatch, contents: dict[str, bytes]) -> list[str]:
    """Arguments that grade these files, in processes without a sandbox's walls."""
    roster = folder / "r.csv"
    roster.write_text("id\n" + "\n".join(sorted(contents)))
    for student, content in contents.items():
        hand_in(folder / "in", student, content)
    return [
        *("grade", "--course", str(folder / "c"), "--students", str(roster), "--set", SET),
        *("--submissions", str(folder / "in"), "--no-sandbox"),
    ]


def test_what_students_write_reaches_no_terminal_and_stops_no_class(tmp_path, monkeypatch, capsys):
    key.secret(tmp_path / "c", make=True)
    evil = Graded("", SET, [Mark("q1-test", 0.0, 3.0)], ["\x1b[2J\nada got nothing: \ud800"])
    monkeypatch.setattr(grading, "grade", lambda *_, **__: evil)
    given = graded_by_command(tmp_path, monkeypatch, {"bo": b"{}"})
    (tmp_path / "in" / "bo" / "power-laws.ipynb").chmod(0)
    os.mkdir(os.fsencode(tmp_path / "in") + b"/J\xf6rg\x1b")
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/J\xf6rg\x1b/x.ipynb")).write_text("{}")
    assert command.main(given) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told and "  bo got nothing: ?[2J?ada got nothing: ?\n" in told
    assert "nobody's: J?rg?/x.ipynb" in told
    (tmp_path / "alone").mkdir()
    given[given.index("--submissions") + 1] = str(tmp_path / "alone")
    assert command.main(given) == 0
    assert "nobody's since an earlier run: " in capsys.readouterr().out


def test_halves_of_letters_are_replaced():
    notebook = with_cell(blank(SET), "raise ValueError('x\\ud800')")
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "w1":
            cell["source"] = "half \ud800"
    graded = marked(SET, notebook)
    assert "x?" in graded.notes[0]
    assert [mark.written for mark in graded.marks if mark.written] == ["half ?"]


class Silent:
    """A box in which nothing runs, and which answers everything with one number."""

    why, printed = None, 0

    def __init__(self, *_, **__): ...

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    def ask(self, *_):
        return {"error": None, "value": 42}

    run = call = ask


def test_the_notebook_of_a_neighbour_is_noticed(tmp_path, monkeypatch, capsys):
    secret = key.secret(tmp_path / "c", make=True)
    people = [Person("ada"), Person("bo")]
    release.build(tmp_path / "c", [SET], people)
    monkeypatch.setattr(grading, "Box", Silent)
    neighbours = blank(SET, "ada", secret)
    given = graded_by_command(
        tmp_path, monkeypatch, {"ada": bytes_of(neighbours), "bo": bytes_of(neighbours)}
    )
    assert command.main(given) == 0
    told = capsys.readouterr().out
    assert "bo handed in a notebook with the data of ada" in told and "ada handed" not in told
    assert "were not yours" in (tmp_path / "c" / "feedback" / SET / "bo.html").read_text()
    assert grading.print_of_data([{"code": True, "source": 'assignment.unpack("""e!"""'}]) == ""
