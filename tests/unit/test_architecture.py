"""How the package is built: which part may import which, and what no part may do.

Each rule is a function from source texts, or from modules, to a list of offences. It is held
against the package, and against a broken text that shows that it can fail.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType, ModuleType

import networkx as nx
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
    "figures",
    "report",
    "cli",
    "course",
    "__main__",
)
"""A part, a file or a folder, imports only from those before it."""

SOURCES = {
    file.relative_to(PACKAGE).as_posix(): file.read_text("utf-8")
    for file in sorted(PACKAGE.rglob("*.py"))
}
"""The text of each file of the package."""

parsed = cache(ast.parse)


def part_of(path: str) -> str:
    """The part that a file belongs to: "text" for text/task.py."""
    return path.removesuffix(".py").split("/")[0]


def module_of(path: str) -> str:
    """The name under which a file is imported: "text.task", "text" for text/__init__.py."""
    return path.removesuffix(".py").removesuffix("__init__").strip("/").replace("/", ".")


def statements(path: str, source: str) -> Iterator[ast.AST]:
    """All nodes of a source text, those within functions too.

    The front page of the package imports for type checkers alone what it loads lazily, so what
    it says to them is left out.
    """
    left = [parsed(source)]
    while left:
        node = left.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            is_for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if not (path == "__init__.py" and is_for_types):
                left.append(child)


def imports(path: str, source: str) -> Iterator[list[str]]:
    """What a file imports from this package, as the names from the package on."""
    inside = ["scalinglaws", *path.split("/")[:-1]]
    for node in statements(path, source):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level + 1] if node.level else []
            start = base + (node.module.split(".") if node.module else [])
            names = [[*start, alias.name] for alias in node.names]
        else:
            continue
        yield from (name[1:] for name in names if name[0] == "scalinglaws" and len(name) > 1)


def imports_out_of_order(sources: Mapping[str, str]) -> list[str]:
    """A part imports only those before it, in the files of a folder as well."""
    offences = []
    for path, source in sources.items():
        part = part_of(path)
        if part not in (*ORDER, "__init__"):
            offences.append(f"{path}: {part} has no place in the order")
            continue
        before = ORDER[: ORDER.index(part)] if part in ORDER else ()
        allowed = {*before, part} if "/" in path else set(before)
        found = {names[0] for names in imports(path, source)} & set(ORDER)
        offences += [f"{path} may not import {name}" for name in sorted(found - allowed)]
    return offences


def circles(sources: Mapping[str, str]) -> list[str]:
    """No file imports itself by way of others."""
    modules = {module_of(path) for path in sources}
    graph = nx.DiGraph()
    for path, source in sources.items():
        for names in imports(path, source):
            starts = (".".join(names[:length]) for length in range(len(names), -1, -1))
            imported = next(start for start in starts if start in modules or not start)
            if imported != module_of(path):
                graph.add_edge(module_of(path), imported)
    found = []
    for circle in nx.simple_cycles(graph):
        first = circle.index(min(circle))
        found.append(" -> ".join([*circle[first:], *circle[:first], circle[first]]))
    return sorted(found)


def printing(sources: Mapping[str, str]) -> list[str]:
    """Nothing prints but the command line, and nothing shows itself but the card of a bet."""
    return [
        f"{path} prints on line {node.lineno}"
        for path, source in sources.items()
        for node in ast.walk(parsed(source))
        if path not in ("cli.py", "course/cards/__init__.py")
        and isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "display")
    ]


def without_a_purpose(sources: Mapping[str, str]) -> list[str]:
    """Every module says what it is for."""
    return [path for path, source in sources.items() if not ast.get_docstring(parsed(source))]


def missing_in_overview(sources: Mapping[str, str], overview: str) -> list[str]:
    """The overview of the package names every part."""
    parts = {part_of(path) for path in sources} - {"__init__", "__main__"}
    return sorted(part for part in parts if f"`{part}`" not in overview)


def public_things(modules: Iterable[ModuleType]) -> Iterator[tuple[str, object, type | None]]:
    """Every public class and function, and every public method with its class."""
    for module in modules:
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            if name.startswith("_") or not own:
                continue
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module.__name__}.{name}", thing, None
            if inspect.isclass(thing):
                for method, found in vars(thing).items():
                    kinds = (property, cached_property, classmethod, staticmethod, FunctionType)
                    if isinstance(found, kinds) and not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}", getattr(thing, method), thing


def description(name: str, thing: object, owner: type | None) -> str | None:
    """What is written about a thing; a method may be described where a base class has it."""
    if owner is None:
        return thing.__doc__
    last = name.split(".")[-1]
    docs = (getattr(vars(base).get(last), "__doc__", None) for base in owner.__mro__)
    return next(filter(None, docs), None)


def undescribed(modules: Iterable[ModuleType]) -> list[str]:
    """What is public is described, in words and not by the signature that dataclasses write."""
    offences = []
    for name, thing, owner in public_things(modules):
        doc = description(name, thing, owner)
        if not doc or doc.startswith(f"{name.split('.')[-1]}("):
            offences.append(name)
    return offences


def untyped(modules: Iterable[ModuleType]) -> list[str]:
    """What is public says the types of its parameters and of what it returns."""
    offences = []
    for name, thing, _ in public_things(modules):
        function = thing.__init__ if inspect.isclass(thing) else thing
        function = getattr(function, "fget", None) or getattr(function, "func", function)
        function = getattr(function, "__func__", function)
        made_by_enum = inspect.isclass(thing) and issubclass(thing, Enum)
        if not inspect.isfunction(function) or made_by_enum:
            continue
        signature = inspect.signature(function)
        offences += [
            f"{name}: {parameter.name} has no type"
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
        ]
        if signature.return_annotation is signature.empty:
            offences.append(f"{name} returns what?")
    return offences


def told_by(code: str) -> str:
    """All that a fresh process shows when it runs `code`; a FutureWarning ends it."""
    ran = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
    )
    return ran.stdout + ran.stderr


def loads(module: str, code: str) -> bool:
    """Whether a fresh process that runs `code` has loaded `module` by the end."""
    told = told_by(f"{code}\nimport sys; print({module!r} in sys.modules)")
    assert told in ("True\n", "False\n"), told
    return told == "True\n"


@pytest.fixture(scope="module")
def modules() -> list[ModuleType]:
    return [importlib.import_module(f".{module_of(path)}", "scalinglaws") for path in SOURCES]


class TestThePackage:
    def test_a_part_imports_only_those_before_it(self) -> None:
        assert not imports_out_of_order(SOURCES)
        assert {part_of(path) for path in SOURCES} == {*ORDER, "__init__"}, "no part is gone"

    def test_no_imports_go_in_circles(self) -> None:
        assert not circles(SOURCES)

    def test_nothing_prints_but_the_command_line(self) -> None:
        assert not printing(SOURCES)

    def test_every_module_says_what_it_is_for(self) -> None:
        assert not without_a_purpose(SOURCES)

    def test_the_overview_names_every_part(self) -> None:
        assert not missing_in_overview(SOURCES, scalinglaws.__doc__)

    def test_what_is_public_is_described(self, modules: list[ModuleType]) -> None:
        assert not undescribed(modules)

    def test_what_is_public_has_types(self, modules: list[ModuleType]) -> None:
        assert not untyped(modules)

    def test_importing_every_part_shows_nothing_and_warns_of_nothing(self) -> None:
        names = (f"scalinglaws.{module_of(path)}".rstrip(".") for path in SOURCES)
        assert told_by(f"import {', '.join(names)}") == ""

    def test_fits_need_no_torch(self) -> None:
        assert not loads("torch", "import scalinglaws, scalinglaws.runs, scalinglaws.fit")


def written(source: str) -> list[ModuleType]:
    """A module with this text."""
    module = ModuleType("scalinglaws.broken")
    exec(compile(source, "broken.py", "exec", dont_inherit=True), vars(module))
    return [module]


class TestTheRules:
    """Each rule above fails where it is broken."""

    @pytest.mark.parametrize(
        ("source", "found"),
        [
            ("from .fit import PowerLaw", [["fit", "PowerLaw"]]),
            ("from . import fit, plot", [["fit"], ["plot"]]),
            ("import scalinglaws.course.check", [["course", "check"]]),
            ("from scalinglaws import training", [["training"]]),
            ("from scalinglaws.runs import read", [["runs", "read"]]),
            ("def f():\n    from .training import Run", [["training", "Run"]]),
            ("if TYPE_CHECKING:\n    from .training import Run", [["training", "Run"]]),
            ("import json\nfrom numpy import plot", []),
        ],
    )
    def test_every_way_to_import_is_seen(self, source: str, found: list[list[str]]) -> None:
        assert list(imports("laws.py", source)) == found

    def test_dots_count_from_the_folder(self) -> None:
        source = "from .power import fit\nfrom ..laws import PowerLaw\nfrom . import curves"
        found = [["fit", "power", "fit"], ["laws", "PowerLaw"], ["fit", "curves"]]
        assert sorted(imports("fit/result.py", source)) == sorted(found)

    @pytest.mark.parametrize(
        ("rule", "sources", "offences"),
        [
            (
                imports_out_of_order,
                {"laws.py": "from .fit import power", "fit/power.py": "from ..laws import F"},
                ["laws.py may not import fit"],
            ),
            (
                imports_out_of_order,
                {"text/a.py": "from .b import c\nfrom ..training import Run"},
                ["text/a.py may not import training"],
            ),
            (
                imports_out_of_order,
                {"laws.py": "from . import laws"},
                ["laws.py may not import laws"],
            ),
            (
                imports_out_of_order,
                {"__init__.py": "from .fit import power"},
                ["__init__.py may not import fit"],
            ),
            (
                imports_out_of_order,
                {"__init__.py": "if TYPE_CHECKING:\n    from .fit import power"},
                [],
            ),
            (imports_out_of_order, {"new/a.py": ""}, ["new/a.py: new has no place in the order"]),
            (
                circles,
                {"fit/a.py": "from .b import f", "fit/b.py": "def f():\n    from . import a"},
                ["fit.a -> fit.b -> fit.a"],
            ),
            (
                circles,
                {"fit/__init__.py": "from .a import f", "fit/a.py": "from ..fit import g"},
                ["fit -> fit.a -> fit"],
            ),
            (
                circles,
                {"fit/__init__.py": "from .a import f", "fit/a.py": "from ..laws import g"},
                [],
            ),
            (printing, {"laws.py": "x = 1\nprint(x)"}, ["laws.py prints on line 2"]),
            (printing, {"cli.py": "print()"}, []),
            (without_a_purpose, {"laws.py": "x = 1", "plan.py": '"""Plans."""'}, ["laws.py"]),
        ],
    )
    def test_a_broken_text_is_noticed(
        self,
        rule: Callable[[Mapping[str, str]], list[str]],
        sources: dict[str, str],
        offences: list[str],
    ) -> None:
        assert rule(sources) == offences

    def test_a_part_missing_in_the_overview_is_noticed(self) -> None:
        sources = {"laws.py": "", "fit/power.py": "", "fit/__init__.py": "", "__main__.py": ""}
        assert missing_in_overview(sources, "`laws` are fitted.") == ["fit"]

    def test_what_is_not_described_is_noticed(self) -> None:
        source = (
            "from dataclasses import dataclass\n"
            "def bare(): ...\n"
            "def fine(): 'Does this.'\n"
            "def _private(): ...\n"
            "@dataclass\n"
            "class Made:\n"
            "    x: int\n"
            "    def method(self): ...\n"
            "class Heir(Base):\n"
            "    def told(self): ...\n"
        )
        base = "class Base:\n    'A base.'\n    def told(self): 'Tells.'\n"
        names = [
            name.removeprefix("scalinglaws.broken.") for name in undescribed(written(base + source))
        ]
        assert names == ["bare", "Made", "Made.method", "Heir"]

    def test_what_has_no_types_is_noticed(self) -> None:
        source = (
            "def f(x: int, y): ...\n"
            "class A:\n"
            "    @property\n"
            "    def p(self): ...\n"
            "    @classmethod\n"
            "    def c(cls, z) -> int: ...\n"
            "    def fine(self, x: int) -> int: ...\n"
        )
        assert untyped(written(source)) == [
            "scalinglaws.broken.f: y has no type",
            "scalinglaws.broken.f returns what?",
            "scalinglaws.broken.A.p returns what?",
            "scalinglaws.broken.A.c: z has no type",
        ]

    @pytest.mark.parametrize(
        "code", ["print('hello')", "import warnings; warnings.warn('old', FutureWarning)", "1 / 0"]
    )
    def test_what_shows_or_warns_is_noticed(self, code: str) -> None:
        assert told_by(code)

    def test_what_shows_nothing_is_fine(self) -> None:
        assert not told_by("import json")

    def test_what_is_loaded_is_noticed(self) -> None:
        assert loads("wave", "import wave") and not loads("wave", "import json")

    def test_there_is_something_to_look_at(self, modules: list[ModuleType]) -> None:
        names = {name for name, _, _ in public_things(modules)}
        assert {"scalinglaws.fit.power.fit_power_law", "scalinglaws.laws.PowerLaw.inverse"} <= names
        assert len(names) > 200 and len(SOURCES) > 25
        assert sum(len(list(imports(*item))) for item in SOURCES.items()) > 100
