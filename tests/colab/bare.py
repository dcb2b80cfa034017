"""A bare environment with what Colab brings, and a repository to install the package from."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from house import ROOT, project_files
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode
from packaging.requirements import Requirement

# What Google's runtime holds before a notebook installs anything, as far as the book uses it.
BROUGHT = (
    "ipykernel",
    "numpy",
    "torch",
    "scipy",
    "pandas",
    "matplotlib",
    "tqdm",
    "sympy",
    "networkx",
)
STATE = """
import json
from importlib.metadata import distributions
print(json.dumps({
    d.metadata["Name"]: [d.version, (d._path / "RECORD").stat().st_mtime_ns]
    for d in distributions()
}))
"""


@dataclass(frozen=True)
class Bare:
    """A virtual environment in `folder`, and the variables under which its kernels run."""

    folder: Path
    variables: dict[str, str]

    @property
    def python(self) -> Path:
        """The environment's own Python."""
        return self.folder / "bin" / "python"

    def state(self) -> dict[str, list]:
        """Return version and time of installation of everything installed."""
        command = [str(self.python), "-c", STATE]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        return json.loads(done.stdout)

    def remove(self, name: str) -> None:
        """Uninstall a distribution, if it is installed."""
        command = [str(self.python), "-m", "pip", "uninstall", "--quiet", "--yes", name]
        subprocess.run(command, capture_output=True, check=True)

    def run(self, nb: NotebookNode, folder: Path) -> None:
        """Run a notebook in place with a kernel of this environment, in `folder`.

        Raises:
            CellExecutionError: if a cell fails.
        """
        specs = self.folder / "kernels"
        (specs / "bare").mkdir(parents=True, exist_ok=True)
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": "bare", "language": "python"}
        (specs / "bare" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        manager = AsyncKernelManager(
            kernel_name="bare",
            kernel_spec_manager=KernelSpecManager(
                kernel_dirs=[str(specs)], ensure_native_kernel=False
            ),
        )
        client = NotebookClient(
            nb, km=manager, timeout=None, resources={"metadata": {"path": str(folder)}}
        )
        client.execute(env=self.variables, stderr=subprocess.DEVNULL)


def normal(name: str) -> str:
    """Return the name of a distribution in the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(roots: tuple[str, ...]) -> list[Distribution]:
    """Return the installed distributions that `roots` need, themselves included."""
    found: dict[str, Distribution] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if normal(name) in found:
            continue
        found[normal(name)] = here = distribution(name)
        for text in here.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(found.values())


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where that cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_bare(folder: Path, origin: Path, url: str, home: Path) -> Bare:
    """Make an environment in `folder` that holds what Colab brings, and no more.

    The distributions are those of the environment that runs the tests, so nothing is downloaded.
    Git finds the repository of `url` in the folder `origin`.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for brought in needed(BROUGHT):
        for file in brought.files or []:
            source = Path(str(brought.locate_file(file)))
            if ".." not in file.parts and source.is_file():
                link(source, packages / file)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    variables = kept | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{origin}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
        "SCALINGLAWS_HOME": str(home),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    return Bare(folder, variables)


def make_origin(folder: Path) -> Path:
    """Commit the project's files, as they are now, to a new repository in `folder`."""
    for name in project_files(ROOT):
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all", "--force"],
        [*identity, "commit", "--quiet", "--message", "The project as it is now"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder
