"""How the package is built: which part may import which, and what no part may do."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import scalinglaws

PACKAGE = Path(scalinglaws.__file__).parent
ORDER = (
    "_checks",
    "estimate",
    "text",
    "learners",
    "runs",
    "training",
    "metrics",
    "laws",
    "fit",
    "plan",
    "plot",
    "report",
    "cli",
    "course",
    "__main__",
)
"""A part imports only from those before it."""

FILES = sorted(PACKAGE.rglob("*.py"))
files = pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())


def part_of(file: Path) -> str:
    """The part that a file belongs to: "widgets" for widgets/__init__.py."""
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_parts(source: str, file: Path) -> Iterator[str]:
    """The parts of this package that a source text imports, at its top or within functions."""
    inside = ["scalinglaws", *file.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1] if node.level else []
            start = base + (node.module.split(".") if node.module else [])
            names = [[*start, alias.name] for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == "scalinglaws" and len(name) > 1)


@files
def test_a_part_imports_only_those_before_it(file: Path) -> None:
    part = part_of(file)
    if part == "__init__":
        allowed: set[str] = set()
    else:
        assert part in ORDER, f"{part} has no place in the order"
        allowed = (
            {*ORDER[: ORDER.index(part)], part}
            if file.parent != PACKAGE
            else set(ORDER[: ORDER.index(part)])
        )
    found = {name for name in imported_parts(file.read_text("utf-8"), file) if name in ORDER}
    assert found <= allowed, f"{part} may not import {', '.join(sorted(found - allowed))}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from .fit import PowerLaw", ["fit"]),
        ("from . import fit, plot", ["fit", "plot"]),
        ("import scalinglaws.course.check", ["course"]),
        ("from scalinglaws import training", ["training"]),
        ("from scalinglaws.runs import read", ["runs"]),
        ("def f():\n    from .training import Run", ["training"]),
        ("import json\nfrom numpy import plot", []),
    ],
)
def test_the_test_above_sees_every_way_to_import(source: str, found: list[str]) -> None:
    assert list(imported_parts(source, PACKAGE / "laws.py")) == found


@files
def test_nothing_prints_but_the_command_line(file: Path) -> None:
    if file == PACKAGE / "cli.py":
        return
    calls = [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "display")
    ]
    assert not calls, f"{file.name} prints on lines {calls}"


def dotted(file: Path) -> str:
    """The name under which a file is imported."""
    names = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(names).removesuffix(".__init__")


def test_importing_every_part_shows_nothing_and_warns_of_nothing() -> None:
    parts = ", ".join(map(dotted, FILES))
    told = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", f"import {parts}"],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout, told.stderr) == ("", "")


def modules() -> list[ModuleType]:
    return [importlib.import_module(dotted(file)) for file in FILES]


def public_things() -> Iterator[tuple[str, object]]:
    """Every public class and function of the package, and every public method of its own."""
    for module in modules():
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            if name.startswith("_") or not own or not callable(thing):
                continue
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                for method, found in vars(thing).items():
                    kinds = (property, cached_property, classmethod, staticmethod, FunctionType)
                    if isinstance(found, kinds) and not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}", getattr(thing, method)


THINGS = dict(public_things())


def description(name: str) -> str | None:
    """What is written about a thing; a method may be described where a base class has it."""
    thing, last = THINGS[name], name.split(".")[-1]
    owner = THINGS.get(name.removesuffix(f".{last}"))
    if not inspect.isclass(owner):
        return thing.__doc__
    docs = (getattr(vars(base).get(last), "__doc__", None) for base in owner.__mro__)
    return next(filter(None, docs), None)


def test_there_is_something_to_look_at() -> None:
    assert {"scalinglaws.fit.power.fit_power_law", "scalinglaws.laws.PowerLaw.inverse"} <= set(
        THINGS
    )
    assert len(THINGS) > 50


@pytest.mark.parametrize("name", sorted(THINGS))
def test_what_is_public_is_described(name: str) -> None:
    doc = description(name)
    made_by_dataclass = name.split(".")[-1] + "("
    assert doc and not doc.startswith(made_by_dataclass)


@pytest.mark.parametrize("name", sorted(THINGS))
def test_what_is_public_has_types(name: str) -> None:
    thing = THINGS[name]
    function = thing.__init__ if inspect.isclass(thing) else thing
    function = getattr(function, "fget", None) or getattr(function, "func", function)
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return
    signature = inspect.signature(function)
    bare = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
    ]
    assert not bare, f"{name} has parameters without a type: {', '.join(bare)}"
    assert signature.return_annotation is not signature.empty, f"{name} returns what?"


@files
def test_every_module_says_what_it_is_for(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text("utf-8")))


def test_the_overview_names_every_part() -> None:
    parts = {part_of(file) for file in FILES} - {"__init__", "__main__"}
    missing = {part for part in parts if f"`{part}`" not in scalinglaws.__doc__}
    assert not missing
