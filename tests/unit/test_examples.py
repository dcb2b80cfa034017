"""The examples in the descriptions of the package run, and print what they say they print."""

from __future__ import annotations

import doctest
import inspect

import numpy as np
import pytest

import scalinglaws

FUNCTIONS = [name for name in scalinglaws.__all__ if inspect.isfunction(getattr(scalinglaws, name))]
CLASSES = [name for name in scalinglaws.__all__ if inspect.isclass(getattr(scalinglaws, name))]


def examples_of(thing: object, name: str) -> list[doctest.DocTest]:
    """The examples of a public thing, those of its methods included, ready to run."""
    given = {"np": np, name: thing}
    found = doctest.DocTestFinder().find(thing, name, globs=given)
    return [test for test in found if test.examples]


def failures(tests: list[doctest.DocTest]) -> str:
    """What goes wrong when the examples run; empty if nothing does."""
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test, out=told.append)
    return "".join(told)


@pytest.mark.parametrize("name", scalinglaws.__all__)
def test_the_examples_of_what_is_public_run(name: str) -> None:
    told = failures(examples_of(getattr(scalinglaws, name), name))
    assert not told, told


def test_every_public_function_has_an_example() -> None:
    bare = [n for n in FUNCTIONS if not examples_of(getattr(scalinglaws, n), n)]
    assert not bare, f"without an example: {', '.join(bare)}"


def test_every_public_class_is_in_some_example() -> None:
    shown = "".join(
        example.source
        for name in scalinglaws.__all__
        for test in examples_of(getattr(scalinglaws, name), name)
        for example in test.examples
    )
    bare = [name for name in CLASSES if name not in shown]
    assert not bare, f"in no example: {', '.join(bare)}"


def test_a_wrong_example_is_noticed() -> None:
    def wrong() -> int:
        """
        >>> 1 + 1
        3
        """
        return 2

    assert "Expected" in failures(examples_of(wrong, "wrong"))
