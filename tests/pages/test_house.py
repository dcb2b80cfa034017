"""Style, settings, versions and workflows of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path

import picture
import pytest
import yaml
from house import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BIN = Path(sys.executable).parent
PINS = [
    Requirement(line.split("#")[0])
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line.split("#")[0].strip()
]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`; a program of the environment needs no path."""
    program = BIN / command[0]
    first = str(program) if program.exists() else command[0]
    return subprocess.run(
        [first, *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", [("check", "."), ("format", "--check", ".")], ids=" ".join)
def test_code_and_notebooks_have_the_style_of_the_project(command: tuple[str, ...]) -> None:
    done = run("ruff", *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def f() -> int:\n    return 'two'\n", encoding="utf-8")
    settings = str(ROOT / "pyproject.toml")
    done = run("mypy", "--config-file", settings, str(tmp_path / "wrong.py"), folder=tmp_path)
    assert done.returncode != 0
    assert "Incompatible return value" in done.stdout


def test_every_pin_is_exact_and_installed() -> None:
    for pin in PINS:
        assert [s.operator for s in pin.specifier] == ["=="], pin
        if pin.marker is None or pin.marker.evaluate():
            assert version(pin.name) in pin.specifier or version(pin.name).startswith(
                f"{next(iter(pin.specifier)).version}+"
            ), pin


def test_every_pin_stands_once() -> None:
    names = [canonicalize_name(pin.name) for pin in PINS]
    assert len({*names}) == len(names)


def test_what_the_package_needs_is_pinned_within_its_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in PINS}
    for text in project["dependencies"]:
        needed = Requirement(text)
        assert pinned[canonicalize_name(needed.name)] in needed.specifier
        assert all(s.operator in (">=", "!=") for s in needed.specifier), "Colab keeps its own"


def test_binder_installs_what_the_package_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    binder = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8"))
    listed = {re.split(r"[=<>]", str(entry))[0] for entry in binder["dependencies"]}
    other = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
    needed = {Requirement(text).name for text in project["dependencies"]}
    assert {other.get(name, name) for name in needed} <= listed


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_valid(path: Path) -> None:
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))
    assert done.returncode == 0, done.stdout


def test_an_invalid_workflow_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs:\n  a:\n    runs: 1\n", encoding="utf-8")
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(broken))
    assert done.returncode != 0


def test_workflows_are_safe() -> None:
    assert WORKFLOWS
    done = run("zizmor", "--offline", "--no-progress", str(ROOT / ".github"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unsafe_workflow_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "unsafe.yml").write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@main\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n",
        encoding="utf-8",
    )
    done = run("zizmor", "--offline", "--no-progress", str(tmp_path / ".github"))
    assert done.returncode != 0


def test_the_citation_is_valid() -> None:
    schema = ("--builtin-schema", "vendor.citation-file-format")
    assert run("check-jsonschema", *schema, "CITATION.cff").returncode == 0


@pytest.mark.parametrize("name", [".ci/run", ".ci/colab", ".binder/postBuild"])
def test_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    assert run("bash", "-n", name).returncode == 0


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """Return a folder with the Makefile and no environment."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def fake_python(folder: Path, body: str) -> str:
    """Write a program that stands in for Python; return its path."""
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 1", "needs Python 3.11 or newer"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
    ],
    ids=["old", "without-venv"],
)
def test_make_says_what_is_wrong_with_a_python(body: str, message: str, makefile: Path) -> None:
    done = run("make", "venv", f"PYTHON={fake_python(makefile, body)}", folder=makefile)
    assert done.returncode != 0
    assert message in done.stdout
    assert not (makefile / ".venv").exists()


def test_make_without_a_python_says_so(makefile: Path) -> None:
    done = run("make", "venv", "PYTHON=", folder=makefile)
    assert done.returncode != 0
    assert "No Python 3.11 or newer" in done.stdout


def test_make_help_names_every_command() -> None:
    listed = run("make", "help").stdout
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert all(f"make {command} " in listed for command in commands)


def test_readme_and_welcome_page_show_the_same_table() -> None:
    def table(page: str) -> list[str]:
        """The table of chapters; a page may have others."""
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
        (start,) = [n for n, line in enumerate(lines) if line.startswith("| Chapter |")]
        rows = takewhile(lambda line: line.startswith("|"), lines[start:])
        return [line.replace("](book/", "](") for line in rows]

    assert table("README.md") == table("book/index.md")
    assert len(table("README.md")) > 10


def test_readme_shows_the_last_figure_of_chapter_1() -> None:
    assert picture.PICTURE.read_bytes() == picture.last_figure(picture.NOTEBOOK), (
        "the picture of the README is not the figure of chapter 1: run tools/picture.py"
    )
