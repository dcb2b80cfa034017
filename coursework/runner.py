"""Runs the code of one notebook, and answers questions about what it left behind.

This file is the only one of ours that is in the sandbox with a student's code. It needs Python and
nothing else, and it knows no answers: the tests run outside, in the grader's own process, and ask
for values or for what a function of the student's returns. Whatever the code does to this process,
it can change its own answers only.

One line of JSON on standard input is one request, one line on standard output the reply. What the
student's code prints goes to standard error.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import math
import os
import re
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

MOST_LETTERS = 1_000_000
"""So long may an answer be, in letters."""
DROPPED = ("time", "timeit", "capture", "prun")
"""Cell magics without which a cell does the same."""


class TooSlow(BaseException):
    """The time of one cell is over. No Exception, so that `except Exception` lets it pass."""


class Student:
    """A notebook that runs: its names, and what can be asked of them."""

    def __init__(self, seconds: float = 60.0, *, alone: bool = False):
        self.seconds = seconds
        self.alone = alone
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.names["display"] = lambda *things, **_: print(*things)
        quiet = SimpleNamespace(run_line_magic=_nothing, run_cell_magic=_nothing, system=_nothing)
        self.names["get_ipython"] = lambda: quiet

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell. The reply has its error, or None."""
        try:
            with self._limited():
                exec(compiled(source), self.names)
        except BaseException as error:
            return {"error": self._told(error)}
        return {"error": None}

    def ask(self, expression: str) -> dict[str, Any]:
        """The value of an expression in the names of the notebook."""
        return self._answered(lambda: eval(expression, self.names))

    def call(self, function: str, arguments: list[Any]) -> dict[str, Any]:
        """What a function of the notebook returns for these arguments."""
        return self._answered(
            lambda: eval(function, self.names)(*(restored(one) for one in arguments))
        )

    def _answered(self, work: Any) -> dict[str, Any]:
        try:
            with self._limited():
                value = plain(work())
            if len(json.dumps(value)) > MOST_LETTERS:
                raise ValueError("the answer is far longer than any right one")
            return {"error": None, "value": value}
        except BaseException as error:
            return {"error": self._told(error)}

    def _told(self, error: BaseException) -> str:
        if isinstance(error, TooSlow):
            return f"it computed for more than {self.seconds:g} seconds and was stopped"
        try:
            return "".join(traceback.format_exception_only(error)).strip()[-600:]
        except BaseException:
            return "an error that cannot be shown"

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Stop a cell after its seconds of computing; whoever ignores that is ended.

        They are seconds of the processor, so that a busy machine makes nobody's notebook too slow.
        """
        fired = 0

        def stop(*_: Any) -> None:
            nonlocal fired
            fired += 1
            if fired > 3 and self.alone:
                os._exit(1)
            raise TooSlow

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGPROF, stop)
        signal.setitimer(signal.ITIMER_PROF, self.seconds, 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)


def _nothing(*_: Any, **__: Any) -> None:
    """What the magics of IPython do here."""


def compiled(source: str) -> Any:
    """The code of a cell; magics and commands for the shell are left out."""
    try:
        return compile(source, "<cell>", "exec")
    except SyntaxError:
        head = re.match(r"\s*%%(\w+).*\n?", source)
        if head:
            source = source[head.end() :] if head[1] in DROPPED else ""
        lines = [re.sub(r"^(\s*)(%[A-Za-z]|!).*", r"\1pass", line) for line in source.split("\n")]
        return compile("\n".join(lines), "<cell>", "exec")


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON has it: arrays as lists, tables as columns, objects by their fields."""
    if depth > 8:
        raise ValueError("the answer is nested too deeply")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value) if isinstance(value, float) or abs(value) > 2**60 else int(value)
    if isinstance(value, dict):
        return {str(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(part, depth + 1) for part in value]
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return plain(value.to_dict("list"), depth + 1)
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        return plain(value.tolist(), depth + 1)
    names = getattr(type(value), "__dataclass_fields__", None)
    if names:
        return {name: plain(getattr(value, name), depth + 1) for name in names if name[0] != "_"}
    raise TypeError(f"an answer cannot be of the type {type(value).__name__}")


def restored(value: Any) -> Any:
    """An argument as the tests meant it: {"array": [...]} and {"table": {...}} are made anew."""
    if isinstance(value, dict) and set(value) == {"array"}:
        import numpy as np

        return np.array(value["array"])
    if isinstance(value, dict) and set(value) == {"table"}:
        import pandas as pd

        return pd.DataFrame(value["table"])
    return value


def limit(settings: dict[str, Any]) -> None:
    """Give up rights and set the limits of this process and of all that it starts."""
    if settings.get("user") is not None:
        os.setgroups([])
        os.setgid(settings["user"])
        os.setuid(settings["user"])
    wanted = {
        "RLIMIT_CPU": math.ceil(settings["cpu_seconds"]),
        "RLIMIT_AS": settings["memory"],
        "RLIMIT_FSIZE": settings["file"],
        "RLIMIT_NPROC": settings["processes"],
        "RLIMIT_NOFILE": 256,
        "RLIMIT_CORE": 0,
    }
    for name, most in wanted.items():
        # Not every system has, or lets a process lower, each of them.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def main() -> None:
    """Answer requests until there are no more."""
    settings = json.loads(sys.argv[1])
    requests, replies = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    limit(settings)
    sys.path.insert(0, settings["package"])
    student = Student(settings["cell_seconds"], alone=True)
    while line := requests.readline():
        request = json.loads(line)
        reply = getattr(student, request["do"])(*request["with"])
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
