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
    return Limits(3 * seconds, 8 * seconds, patience=patience, idle_seconds=20, memory_mb=700)


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


def test_memory_in_files_without_a_name_counts(monkeypatch):
    needs_sandbox()
    with sandbox.Box(Limits()) as box:
        assert box.ask("6 * 7")["value"] == 42
        monkeypatch.setattr(sandbox, "addresses", lambda limits: 200 * 2**20)
        with pytest.raises(sandbox.Ended, match="more memory"):
            box.run(
                "import os\nheld = [os.memfd_create('x') for _ in range(6)]\n"
                "for one in held: os.write(one, bytes(40 * 2**20))\nwhile True: pass"
            )


FILL = """
import os

def fill(place):
    written = 0
    try:
        for i in range(4):
            with open(f"{place}/fill{i}", "wb", buffering=0) as file:
                for _ in range(4):
                    written += file.write(bytes(2**20))
    except OSError:
        pass
    return written

def put_away(place):
    for i in range(4):
        try:
            os.remove(f"{place}/fill{i}")
        except OSError:
            pass
"""


def test_the_limit_of_the_disk_holds_everywhere():
    needs_sandbox()
    with sandbox.Box(Limits(disk_mb=4)) as box:
        assert box.run(FILL)["error"] is None
        places = ("/tmp", "/dev/shm", "/", "/dev", "/box", "/usr", "/proc")
        written = {place: box.call("fill", [place])["value"] for place in places}
        assert all(written[place] == 0 for place in places[2:]), written
        assert all(2**20 < written[place] <= 2**22 for place in places[:2]), written
        for place in places:
            box.call("put_away", [place])
        assert box.run("import multiprocessing as mp; mp.Lock(); open('/dev/null', 'w').write('x')")


def test_sleepers_and_those_who_let_others_compute_are_ended():
    needs_sandbox()
    with sandbox.Box(Limits(idle_seconds=2)) as box:
        assert box.ask("6 * 7")["value"] == 42
        with pytest.raises(sandbox.Ended, match="slept for more than 2 seconds"):
            box.run("import time\ntime.sleep(1000)")
    others = (
        "import os\nfor _ in 'abcd':\n if not os.fork():\n  while 1: pass\n"
        "for _ in 'abcd': os.wait()"
    )
    told = "computed for more than 1 seconds in all"
    with (
        sandbox.Box(Limits(seconds=1, idle_seconds=100, patience=1000)) as box,
        pytest.raises(sandbox.Ended, match=told),
    ):
        box.run(others)


def test_a_python_below_tmp_is_seen_in_the_box() -> None:
    command = sandbox.wrapped(disk_mb=1)
    bound = [place for place, word in enumerate(command) if word == "--ro-bind"]
    python = [place for place in bound if Path(command[place + 1]) in sandbox.python_folders()]
    tmp = command.index("/tmp")
    assert command[tmp - 1] == "--tmpfs"
    assert python and tmp < min(python)
