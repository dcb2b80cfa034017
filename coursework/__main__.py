"""The commands of an instructor: `build` before the term, `grade` after the deadline.

`bet` makes the capstone of a class and `settle` scores it. `figures` writes the figures of the
chapters to a folder, for slides.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scalinglaws.course.challenge import TIERS

from . import bet, export, figures, grading, key, masters, points, release, sandbox
from .sandbox import Limits


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m coursework", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    course = argparse.ArgumentParser(add_help=False)
    course.add_argument(
        "--course",
        type=Path,
        default=Path("_course"),
        help="the folder of your course: key, release, grades (default: _course). Keep it private",
    )
    common = argparse.ArgumentParser(add_help=False, parents=[course])
    common.add_argument(
        "--students", type=Path, required=True, help="a CSV with a column id (name, email, ...)"
    )
    common.add_argument("--set", action="append", choices=masters.names(), help="default: all")

    commands.add_parser("build", parents=[common], help="make every student's notebook")
    grade = commands.add_parser("grade", parents=[common], help="grade a folder of submissions")
    grade.add_argument(
        "--submissions",
        type=Path,
        required=True,
        help="the unpacked download of Canvas or Moodle, or one folder a student; with several "
        "sets, one folder a set within it",
    )
    grade.add_argument("--workers", type=int, default=1, help="so many at a time (default: 1)")
    grade.add_argument(
        "--seconds", type=float, default=600, help="of computing, for a notebook (default: 600)"
    )
    grade.add_argument(
        "--cell-seconds", type=float, default=60, help="of computing, for a cell (default: 60)"
    )
    grade.add_argument(
        "--idle-seconds", type=float, default=60, help="asleep, for a notebook (default: 60)"
    )
    grade.add_argument("--memory-mb", type=int, default=2048, help="for a process (default: 2048)")
    grade.add_argument("--anew", action="store_true", help="grade again what did not change")
    grade.add_argument(
        "--no-sandbox", action="store_true", help="grade without protection from students' code"
    )
    size = argparse.ArgumentParser(add_help=False, parents=[course])
    size.add_argument(
        "--tier", choices=TIERS, default="standard", help="how large a bet (default: standard)"
    )
    size.add_argument("--workers", type=int, help="processes that train (default: one a core)")
    size.add_argument("--device", help="where to train, such as cuda (default: what there is)")
    made = commands.add_parser(
        "bet", parents=[size], help="make the capstone: train its truth, write its notebook"
    )
    made.add_argument(
        "--background", action="store_true", help="train in a process that outlives this one"
    )
    made.add_argument(
        "--progress", action="store_true", help="show it even where no terminal is, as in a log"
    )
    settled = commands.add_parser("settle", parents=[size], help="check and score a class's bets")
    settled.add_argument(
        "--submissions", type=Path, required=True, help="a folder with the ledgers (*.jsonl)"
    )
    settled.add_argument(
        "--students",
        type=Path,
        help="a CSV with a column id: nobody hands in for another, and who is missing is named",
    )
    settled.add_argument(
        "--spots", type=int, default=2, help="runs of each ledger to train again (default: 2)"
    )
    slides = commands.add_parser("figures", help="write the figures of the chapters, for slides")
    slides.add_argument("--to", type=Path, required=True, help="a folder")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run a command. The exit code is 2 if it cannot be done as it stands."""
    given = parser().parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"coursework: {error}", file=sys.stderr)
        return 2


def build(given: argparse.Namespace) -> int:
    """Make every student's notebook, and a zip of each set for a learning platform."""
    people = key.roster(given.students)
    names = given.set or masters.names()
    for path in release.build(given.course, names, people):
        print(f"{path}: {len(people)} notebooks")
    print(f"The key of the course is {given.course / key.FILE}. Keep a copy where no student can.")
    return 0


def grade(given: argparse.Namespace) -> int:
    """Grade submissions, and write grades, feedback and the sheet for written answers."""
    shut = not given.no_sandbox
    if shut and not sandbox.works():
        raise ValueError(sandbox.UNPROTECTED)
    if not given.submissions.is_dir():
        raise ValueError(f"{given.submissions} is no folder")
    people = key.roster(given.students)
    limits = Limits(
        given.cell_seconds, given.seconds, given.idle_seconds, memory_mb=given.memory_mb
    )
    for name in given.set or masters.names():
        folder = given.submissions / name
        if not folder.is_dir():
            if given.set is None or len(given.set) > 1:
                print(f"{name}: no folder of this name in {given.submissions}")
                continue
            folder = given.submissions
        one_set(given, name, folder, people, limits, shut)
    return 0


def make_bet(given: argparse.Namespace) -> int:
    """Train the truth of a class, and write the notebook that students get."""
    how = {"workers": given.workers, "device": given.device}
    progress = given.progress or sys.stderr.isatty()
    if given.background:
        options = [f"--{name}={value}" for name, value in how.items() if value is not None]
        options += [f"--course={given.course}", f"--tier={given.tier}"]
        log = bet.in_background(given.course, given.tier, options)
        print(f"The training goes on by itself; its progress is written to {log}.")
        print("If the machine goes down, give the same command again.")
        return 0
    notebook, sealed = bet.make(given.course, given.tier, progress=progress, **how)
    print(f"{notebook}: for every student, the same")
    print(f"{sealed}: the truth, to be opened after the bet")
    return 0


def settle_bet(given: argparse.Namespace) -> int:
    """Check the ledgers of a class, train what was bet on, and write table and page."""
    if not given.submissions.is_dir():
        raise ValueError(f"{given.submissions} is no folder")
    how = {"workers": given.workers, "device": given.device}
    handed = bet.settle(
        given.course,
        given.tier,
        given.submissions,
        people=key.roster(given.students) if given.students else (),
        spots=given.spots,
        progress=sys.stderr.isatty(),
        **how,
    )
    settled = sum(one.outcome is not None for one in handed)
    print(f"the bet: {len(handed)} ledgers, {settled} bets settled")
    for one in handed:
        if one.refused:
            print(shown(f"  {one.student} refused: {one.refused}"))
        elif one.outcome is None:
            print(f"  {one.student} has not committed yet")
        else:
            print(f"  {one.student}: {one.outcome.total:.4f}")
    print(f"Table and page: {given.course / 'grades' / f'the-bet-{given.tier}.html'}, .csv")
    return 0


def draw(given: argparse.Namespace) -> int:
    """Write the figures of the chapters."""
    print(f"{given.to}: {len(figures.export(given.to))} figures, described in figures.md")
    return 0


def one_set(
    given: argparse.Namespace,
    name: str,
    folder: Path,
    people: list[key.Person],
    limits: Limits,
    shut: bool,
) -> None:
    """Grade one set and write everything that follows from it."""
    master, course = masters.load(name), given.course
    problems = export.read_sheet(course, name)
    submissions, nobody = grading.found(folder, name, people)
    secret = key.secret(course)
    made = {one.student.id: key.world(secret, name, one.student.id).digest for one in submissions}
    release.check(course, name, made)
    graded = grading.grade_all(
        course, name, submissions, limits=limits, shut=shut, workers=given.workers, anew=given.anew
    )
    new = {one.student for one in graded}
    kept = (grading.stored(course, name, one.id) for one in people if one.id not in new)
    graded += [one for one in kept if one is not None]
    points.apply(graded, points.given(course, name))
    for one in graded:
        grading.store(course, one)
    by_student = {one.student: one for one in graded}
    left = export.write_sheet(course, master, graded)
    for one in graded:
        export.feedback(course, master, one)
    grades = course / "grades"
    unclaimed = grading.unclaimed(course, name, folder, nobody)
    for write, platform in ((export.canvas, "canvas"), (export.moodle, "moodle")):
        write(grades / f"{name}-{platform}.csv", master, people, by_student, sure=not unclaimed)
    print(f"{name}: {len(graded)} of {len(people)} students handed in; {left} texts to be read")
    handed = release.handed_out(course, name)
    told = []
    for one in submissions:
        others = ", ".join(path.relative_to(folder).as_posix() for path in one.passed)
        if others:
            chosen = one.path.relative_to(folder).as_posix()
            told.append(f"{one.student.id}: graded {chosen}, passed over {others}")
    for one in graded:
        if one.notes and one.tested == 0:
            told.append(f"{one.student} got nothing: {one.notes[0]}")
        if one.data:
            whose = f"the data of {handed[one.data]}" if one.data in handed else "changed data"
            told.append(f"{one.student} handed in a notebook with {whose}: ask how that came")
    told += problems
    told += [f"nobody's: {path.relative_to(folder)}" for path in nobody]
    earlier = [path for path in unclaimed if folder.absolute() not in path.parents]
    told += [f"nobody's since an earlier run: {path}" for path in earlier]
    if unclaimed and len(graded) < len(people):
        told.append("Who handed in nothing has an empty cell, not 0, while files are nobody's.")
    if left:
        told.append(f"Fill in the points in {export.sheet_path(course, name)}, then grade again.")
        told.append("Until then the tables for your platform hold the points of the tests alone.")
    for line in told:
        print(f"  {shown(line)}")


def shown(text: str) -> str:
    """Text as a terminal may get it: in one line, without what would command the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


COMMANDS = {
    "build": build,
    "grade": grade,
    "bet": make_bet,
    "settle": settle_bet,
    "figures": draw,
}


if __name__ == "__main__":
    sys.exit(main())
