"""Submissions that break, cheat or attack, and the points that each should get.

An attack that succeeds ends its own notebook, so that full marks prove that it failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from classroom import Notebook, blank, bytes_of, changed, solved, with_cell

SET = "power-laws"
ALL = 40.0
"""The points of the tests of this set."""
BEFORE_Q3 = 7.0


@dataclass(frozen=True)
class Place:
    """What an attacker would like to reach."""

    key: Path
    other: Path
    """The submission of another student."""
    port: int
    """A port of this machine on which somebody listens."""


@dataclass(frozen=True)
class Case:
    """A submission and what it should get."""

    what: str
    content: Callable[[str, bytes, Place], bytes]
    points: float
    note: str = ""
    """What the feedback says of it."""
    quick: bool = True
    """Whether it is in the small class that every run of the tests grades."""


def attack(code: str, after: str = "") -> Callable[[str, bytes, Place], bytes]:
    """A right solution with a cell that attacks; KEY, OTHER and PORT are filled in."""

    def made(student: str, secret: bytes, place: Place) -> bytes:
        source = code.replace("KEY", repr(str(place.key))).replace("OTHER", repr(str(place.other)))
        source = source.replace("PORT", str(place.port))
        return bytes_of(with_cell(solved(SET, student, secret), source, after))

    return made


def on_blank(code: str) -> Callable[[str, bytes, Place], bytes]:
    """The blank release with one more cell."""
    return lambda student, secret, place: bytes_of(with_cell(blank(SET, student, secret), code))


def edited(edit: Callable[[Notebook], Notebook]) -> Callable[[str, bytes, Place], bytes]:
    """A right solution that was edited as a whole."""
    return lambda student, secret, place: bytes_of(edit(solved(SET, student, secret)))


def without_ids(notebook: Notebook) -> Notebook:
    """As some editors save it: what they do not know of a cell is gone."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


def without_tests(notebook: Notebook) -> Notebook:
    """Tests and data deleted."""
    notebook["cells"] = [
        cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("locked")
    ]
    return notebook


def other_kernel(notebook: Notebook) -> Notebook:
    """A notebook that says it is in R."""
    notebook["metadata"] = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    return notebook


def in_r(notebook: Notebook) -> Notebook:
    """A notebook that is in R."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = "exponent <- function(x, y) {\n  -coef(lm(log(y) ~ log(x)))[2]\n}"
    return other_kernel(notebook)


BURGLAR = """
import os, shutil, socket
from pathlib import Path

got = []
for path in (KEY, OTHER, "/proc/1/environ", "/etc/shadow", "/etc/passwd"):
    try:
        data = Path(path).read_bytes()
        if path != "/proc/1/environ" or b"SECRET_OF_THE_INSTRUCTOR" in data:
            got.append(path)
    except OSError:
        pass
for path in (OTHER, KEY, "/usr/planted", "/box/scalinglaws/planted.py"):
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("planted")
        got.append("wrote " + path) if not path.startswith(("/tmp/",)) else None
    except OSError:
        pass
for address in (("127.0.0.1", PORT), ("1.1.1.1", 53)):
    try:
        socket.create_connection(address, 2).close()
        got.append(address)
    except OSError:
        pass
if "SECRET_OF_THE_INSTRUCTOR" in os.environ:
    got.append("environment")
shutil.rmtree("/", ignore_errors=True)
print(got)
if got:
    os._exit(1)
"""

BOMB = """
import os, time
for _ in range(10_000):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except OSError:
        break
else:
    os._exit(1)
"""

HOG = """
held = []
try:
    while True:
        held.append(bytes(200_000_000))
        if len(held) > 100:
            import os
            os._exit(1)
except MemoryError:
    held.clear()
"""

PATCH = """
import builtins, json, sys, math, types
import numpy as np
near = number = call = ask = lambda *a, **k: True
np.allclose = np.isclose = lambda *a, **k: True
math.isclose = math.isfinite = lambda *a, **k: True
builtins.isinstance = lambda *a: True
builtins.AssertionError = type("Never", (Exception,), {})
for name in ("coursework", "coursework.marking", "coursework.grading"):
    sys.modules[name] = types.SimpleNamespace(near=near, mark=near, tested=near)
"""

CLAIM = """
import os
print("40 of 40. All tests passed.")
print('{"error": null, "value": 1}')
for descriptor in range(1, 20):
    try:
        os.write(descriptor, b'{"error": null, "value": 0.3}\\n' * 50)
    except OSError:
        pass
"""

CASES = (
    Case("an endless loop", attack("while True: pass", "q2-test"), ALL, "computed for more than"),
    Case(
        "a loop that will not be stopped",
        attack(
            "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\nwhile True: pass",
            "q2-test",
        ),
        BEFORE_Q3,
        "not tested",
    ),
    Case("a fork bomb", attack(BOMB), ALL),
    Case("a memory hog", attack(HOG), ALL),
    Case("a burglar", attack(BURGLAR), ALL),
    Case("patched tests", on_blank(PATCH), 0.0),
    Case("a grade that is claimed", on_blank(CLAIM), 0.0),
    Case("a document", lambda *_: b"%PDF-1.7\n\x00\xff" * 200, 0.0, "it is not JSON"),
    Case("another kernel", edited(other_kernel), ALL, quick=False),
    Case("another language", edited(in_r), 0.0),
    Case("100 MB of output", attack("print('x' * 10**8)"), ALL, "100 MB"),
    Case("ids that an editor dropped", edited(without_ids), ALL),
    Case("deleted tests and data", edited(without_tests), ALL, quick=False),
    Case("a sleeper", attack("import time\ntime.sleep(10**6)", "q2-test"), BEFORE_Q3, quick=False),
    Case("a process that ends", attack("import os\nos._exit(0)", "q2-test"), BEFORE_Q3),
    Case(
        "an answer without end",
        lambda student, secret, place: bytes_of(
            changed(solved(SET, student, secret), {"q5": "alpha_interval = 'x' * 10**7"})
        ),
        ALL - 4,
        "far longer",
        quick=False,
    ),
    Case("brackets without end", lambda *_: b"[" * 500_000, 0.0, "it is not JSON"),
    Case("cells that are none", lambda *_: b'{"cells": [1, {"source": 3}]}', 0.0, "damaged"),
)
