"""A process of its own for a student's code, shut in as far as the machine can.

With bubblewrap (https://github.com/containers/bubblewrap, in every Linux distribution) the code
sees Python, the package, an empty folder in memory, and nothing else: no network, no other
process, no file of the instructor's or of another student's. Limits hold for time, memory,
processes, the size of files, and what is printed. Without bubblewrap the limits of a process hold
as far as the system has them, and nothing keeps the code from the network or from files.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import scalinglaws

RUNNER = Path(__file__).with_name("runner.py")
PACKAGE = Path(scalinglaws.__file__).parent
FIRST_USER = 61_000
"""Where the grader is root, the code runs as this user or one of those after it."""
MOST_REPLY = 4_000_000
RESERVED_MB = 2048
"""Addresses that libraries set aside and never use, which a limit of addresses has to allow."""
KEPT = 20_000
"""So many letters of what a notebook printed are kept."""

UNPROTECTED = """\
There is no bubblewrap here (0.8 or newer) that works, so students' code would run with your
rights: it could read the key and other submissions, change or delete your files, and use the
network. Only time and, on Linux, memory would be limited. On Debian and Ubuntu: sudo apt install
bubblewrap; if it is there, the system may forbid user namespaces (see the instructor's guide).
To grade all the same, code that you trust, add --no-sandbox."""


class Ended(Exception):
    """The student's process is gone; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Seconds are those of the processor, of all processes of a notebook together. On the clock
    `patience` times as many may pass, so that a busy machine makes nobody too slow. Code that
    neither computes nor waits to compute, as a sleeper does, is ended long before that.
    """

    cell_seconds: float = 60.0
    seconds: float = 600.0
    idle_seconds: float = 60.0
    """In all, while the grader waits for it."""
    patience: float = 10.0
    memory_mb: int = 2048
    """Of one process, beside the addresses that libraries reserve. All processes together may hold
    as much as the addresses of one."""
    processes: int = 32
    disk_mb: int = 64
    """For each of the two folders in memory into which it can write, /tmp and /dev/shm."""


class Box:
    """A student's notebook in a process of its own; speaks as `runner.Student` does."""

    def __init__(self, limits: Limits, *, shut: bool = True, slot: int = 0):
        self.limits = limits
        self.why: str | None = None
        self.printed = 0
        self._asked = False
        self._kept = bytearray()
        self._buffer = bytearray()
        self._folder = None if shut else tempfile.TemporaryDirectory(prefix="coursework-")
        root = shut and os.geteuid() == 0
        settings = {
            "user": FIRST_USER + slot if root else None,
            "cpu_seconds": limits.seconds,
            "memory": addresses(limits),
            "file": limits.disk_mb * 2**20,
            "processes": limits.processes if shut else 4096,
            "package": "/box" if shut else str(PACKAGE.parent),
            "cell_seconds": limits.cell_seconds,
        }
        told = json.dumps(settings)
        if self._folder is None:
            command = [*wrapped(limits.disk_mb), sys.executable, "-I", "-B", "/box/runner.py", told]
        else:
            command = [sys.executable, "-I", "-B", str(RUNNER), told]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/" if self._folder is None else self._folder.name,
            env=environment("/tmp" if self._folder is None else self._folder.name),
            start_new_session=True,
        )
        self._end = time.monotonic() + limits.seconds * limits.patience
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell. Raises Ended if the process ended over it."""
        return self._request("run", source)

    def ask(self, expression: str) -> dict[str, Any]:
        """The value of an expression. Raises Ended if the process is gone."""
        return self._request("ask", expression)

    def call(self, function: str, arguments: list[Any]) -> dict[str, Any]:
        """What a function returns. Raises Ended if the process is gone."""
        return self._request("call", function, arguments)

    @property
    def output(self) -> str:
        """The beginning of what the notebook printed."""
        return bytes(self._kept).decode(errors="replace")

    def kill(self, why: str) -> None:
        """End the process and all that it started."""
        self.why = self.why or why
        self._process.kill()

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill("done")
        self._process.wait()
        self._reader.join(2)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:  # what was not sent has nobody to read it any more
                    continue
        if self._folder is not None:
            shutil.rmtree(self._folder.name, ignore_errors=True)

    def _request(self, do: str, *given: Any) -> dict[str, Any]:
        if self.why is not None:
            raise Ended(self.why)
        assert self._process.stdin is not None
        allowed = self.limits.cell_seconds * self.limits.patience
        end = min(self._end, time.monotonic() + allowed)
        try:
            line = json.dumps({"do": do, "with": given}) + "\n"
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except OSError:
            raise Ended(self._ended()) from None
        self._asked = True
        try:
            reply = self._line(end)
        finally:
            self._asked = False
        try:
            read = json.loads(reply)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("error"), str | None):
            self.kill("the notebook wrote into the grader's own channel")
            raise Ended(str(self.why))
        return read

    def _line(self, end: float) -> bytes:
        """The next line of the replies; kills the process if there is none in time."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            ready = select.select([pipe], [], [], max(left, 0))[0]
            if not ready:
                over = "the notebook" if end == self._end else "a cell"
                self.kill(f"the time on the clock for {over} was over")
                raise Ended(str(self.why))
            part = os.read(pipe, 65536)
            if not part:
                raise Ended(self._ended())
            self._buffer += part
            if len(self._buffer) > MOST_REPLY:
                self.kill("an answer was far too long")
                raise Ended(str(self.why))
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    def _ended(self) -> str:
        """Why a process that nobody killed is gone."""
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.why = self.why or "the notebook ended its own process"
        return self.why

    def _drain(self) -> None:
        """Read what is printed, keep the beginning, and let the rest go."""
        pipe = self._process.stderr
        assert pipe is not None
        with pipe:
            while part := os.read(pipe.fileno(), 1 << 20):
                self.printed += len(part)
                self._kept += part[: KEPT - len(self._kept)]

    def _watch(self) -> None:
        """End a submission that sleeps, is over its time, or whose processes hold too much."""
        limits = self.limits
        computed: dict[int, float] = {}
        idle, before = 0.0, time.monotonic()
        while self._process.poll() is None:
            processes = list(family(self._process.pid))
            computed |= {pid: seconds(pid) for pid in processes}
            now = time.monotonic()
            if TOLD and self._asked and not any(wants(pid) for pid in processes):
                idle += now - before
            before = now
            if now > self._end + 5:
                self.kill("the time on the clock for the notebook was over")
            if sum(computed.values()) > 1.1 * limits.seconds + 0.5:
                self.kill(f"its processes computed for more than {limits.seconds:g} seconds in all")
            if idle > limits.idle_seconds:
                self.kill(f"it slept for more than {limits.idle_seconds:g} seconds in all")
            held = sum(memory(pid) for pid in processes) + nameless(processes)
            if held > addresses(limits):
                self.kill("its processes took more memory than they may")
            time.sleep(0.2)


def addresses(limits: Limits) -> int:
    """So many bytes of addresses may one process ask for."""
    return (limits.memory_mb + RESERVED_MB) * 2**20


def environment(home: str) -> dict[str, str]:
    """What the process gets of the environment: nothing of the instructor's."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": home,
        "SCALINGLAWS_HOME": home,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def wrapped(disk_mb: int) -> list[str]:
    """The command of bubblewrap up to the one that runs within."""
    # The process gets a PATH of its own, and bubblewrap would be looked for there.
    command = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "box"]
    if os.geteuid() == 0:
        # Limits on processes do not hold for root: the runner becomes another user first.
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--disable-userns"]
    command += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    # Before Python's folders, which may lie in /tmp.
    command += ["--perms", "1777", "--size", str(disk_mb * 2**20), "--tmpfs", "/tmp"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    for path in python_folders():
        for parent in list(path.parents)[-2::-1]:
            command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(path), str(path)]
    command += ["--perms", "0755", "--dir", "/box"]
    command += ["--ro-bind", str(PACKAGE), "/box/scalinglaws", "--ro-bind", str(RUNNER)]
    command += ["/box/runner.py", "--chdir", "/tmp"]
    command += ["--perms", "1777", "--size", str(disk_mb * 2**20), "--tmpfs", "/dev/shm"]
    for path in fonts():
        command += ["--ro-bind", str(path), f"/tmp/{path.name}"]
    # These two have no size, and where the grader is no root their owner is the student's code.
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/"]


@cache
def fonts() -> tuple[Path, ...]:
    """What matplotlib found out about this machine's fonts.

    Without it every notebook would look through all fonts anew, for seconds.
    """
    import matplotlib.font_manager

    folder = Path(tempfile.mkdtemp(prefix="coursework-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        made = folder / path.name
        made.write_bytes(path.read_bytes())
        made.chmod(0o644)
    return tuple(folder.iterdir())


def python_folders() -> list[Path]:
    """Where this Python and its packages lie, outside of /usr.

    Only the folders of Python itself: in an environment within the repository that is the
    environment, not the repository.
    """
    found = []
    executable = Path(sys.executable)
    places = [Path(sys.prefix), Path(sys.base_prefix), executable.resolve().parent.parent]
    for path in dict.fromkeys(places):
        if path != Path("/usr") and path.is_dir() and len(path.parts) > 2:
            found.append(path)
    return found


@cache
def works() -> bool:
    """Whether bubblewrap is here and can shut a process in."""
    if not sys.platform.startswith("linux") or shutil.which("bwrap") is None:
        return False
    try:
        with Box(Limits(cell_seconds=20, seconds=30, memory_mb=512, disk_mb=1)) as box:
            return box.ask("6 * 7").get("value") == 42
    except (Ended, OSError):
        return False


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it, as far as the system tells."""
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def memory(pid: int) -> int:
    """The bytes of memory that a process holds; 0 if the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def nameless(processes: Iterable[int]) -> int:
    """The bytes of files without a name, which lie in memory, that any of the processes has open.

    No process counts them as its own. What it has mapped and closed again is not found.
    """
    found: dict[tuple[int, int], int] = {}
    for pid in processes:
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                told = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(told.st_mode) and told.st_nlink == 0:
                found[told.st_dev, told.st_ino] = told.st_blocks * 512
    return sum(found.values())


TICKS = os.sysconf("SC_CLK_TCK")
TOLD = Path("/proc/self/stat").exists()
"""Whether the system tells what processes do."""


def seconds(pid: int) -> float:
    """The seconds that a process has computed; 0 if the system does not tell."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / TICKS
    except (OSError, IndexError, ValueError):
        return 0.0


def wants(pid: int) -> bool:
    """Whether a thread of the process computes, or waits only for a processor to do so."""
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if path.read_text().rpartition(")")[2].split()[0] == "R":
                return True
        except (OSError, IndexError):
            continue
    return False
