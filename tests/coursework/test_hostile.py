"""A class with broken and hostile submissions is graded to the end, with the right marks."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from classroom import bytes_of, hand_in, solved, world
from hostile import ALL, CASES, SET, Case, Place

from coursework import grading, key, masters, sandbox
from coursework.key import Person
from coursework.sandbox import Limits

WANTED = "SCALINGLAWS_REQUIRE_SANDBOX"


def needs_sandbox() -> None:
    """Skip where bubblewrap is not there, unless it was promised."""
    if not sandbox.works():
        if os.environ.get(WANTED):
            pytest.fail("bubblewrap does not work here, and the sandbox is required")
        pytest.skip(
            "bubblewrap is missing (apt install bubblewrap) or can make no sandbox here, "
            "as in a container without user namespaces"
        )


def limits(patience: float) -> Limits:
    """Limits for this machine: multiples of what an honest notebook computes on it.

    An endless loop costs no more than it has to where that is little, and nobody is too slow where
    it is much. The patience is for a machine that is busy with other things.
    """
    with sandbox.Box(Limits()) as box:
        grading.mark(masters.load(SET), world(SET), grading.cells_of(bytes_of(solved(SET))), box)
        seconds = box.ask("__import__('time').process_time()")["value"]
    return Limits(3 * seconds, 8 * seconds, patience=patience, memory_mb=700)


def graded_class(
    folder: Path, cases: list[Case], honest: int, limits: Limits
) -> dict[str, grading.Graded]:
    """Grade a class of these cases and so many honest students; what each got."""
    course, handed_in = folder / "course", folder / "handed-in"
    secret = key.secret(course, make=True)
    people = [Person(f"s{i:02}") for i in range(len(cases) + honest)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        victim = hand_in(handed_in, people[-1].id, bytes_of(solved(SET, people[-1].id, secret)))
        place = Place(course / key.FILE, victim, server.getsockname()[1])
        for person, case in zip(people, cases, strict=False):
            hand_in(handed_in, person.id, case.content(person.id, secret, place))
        for person in people[len(cases) : -1]:
            hand_in(handed_in, person.id, bytes_of(solved(SET, person.id, secret)))
        before = victim.read_bytes()
        found, nobody = grading.found(handed_in, SET, people)
        os.environ["SECRET_OF_THE_INSTRUCTOR"] = "1"
        try:
            made = grading.grade_all(course, SET, found, limits=limits, workers=2)
        finally:
            del os.environ["SECRET_OF_THE_INSTRUCTOR"]
    assert nobody == [] and victim.read_bytes() == before
    assert key.secret(course) == secret
    return {one.student: one for one in made}


def check(marks: dict[str, grading.Graded], cases: list[Case]) -> None:
    """Everybody got what they should."""
    wrong = []
    for i, graded in sorted(marks.items()):
        place = int(i[1:])
        case = cases[place] if place < len(cases) else Case("an honest student", bytes, ALL)
        told = [mark.said for mark in graded.marks if not mark.written]
        if graded.tested != case.points or case.note not in "\n".join([*graded.notes, *told]):
            wrong.append((case.what, graded.tested, graded.notes, told))
    assert not wrong, wrong


@pytest.mark.timeout(1800)
def test_a_small_class(tmp_path):
    needs_sandbox()
    cases = [case for case in CASES if case.quick]
    marks = graded_class(tmp_path, cases, 1, limits(200))
    assert len(marks) == len(cases) + 1
    check(marks, cases)


def test_processes_that_hold_too_much_together_are_ended(monkeypatch):
    needs_sandbox()
    with sandbox.Box(Limits()) as box:
        assert box.ask("6 * 7")["value"] == 42
        monkeypatch.setattr(sandbox, "memory", lambda pid: 10**12)
        with pytest.raises(sandbox.Ended, match="more memory"):
            box.run("while True: pass")
