"""The page about the package names everything public, and shows what the docstrings say."""

from __future__ import annotations

import re

import pytest
from book_site import as_rst
from house import ROOT

import scalinglaws

PAGE = (ROOT / "book" / "api.md").read_text(encoding="utf-8")


def named(page: str) -> set[str]:
    """The names for which a page shows a description."""
    return set(re.findall(r"^\.\. auto(?:function|class):: ([\w.]+)$", page, re.MULTILINE))


def test_the_page_shows_everything_public() -> None:
    missing = set(scalinglaws.__all__) - named(PAGE)
    assert not missing, f"not on book/api.md: {', '.join(sorted(missing))}"


def test_what_is_missing_is_noticed() -> None:
    assert "fit_isoflop" not in named(PAGE.replace(".. autofunction:: fit_isoflop\n", ""))


@pytest.mark.parametrize(
    ("plain", "rst"),
    [
        (["Fits `x` to *y*."], ["Fits ``x`` to \\*y\\*."]),
        (["The names_ of C = 6 N D."], ["The names\\_ of C = 6 N D."]),
        (["Say:", "", "    a * b"], ["Say::", "", "    a * b"]),
        ([">>> 2 * 3", "6", "", "a * b"], [">>> 2 * 3", "6", "", "a \\* b"]),
        (["Already ``code``."], ["Already ``code``."]),
        (["The model's `loss`, as D' says."], ["The model's ``loss``, as D\\' says."]),
        (['Status "ok".'], ['Status \\"ok\\".']),
        (
            ["low: one", "    end of", "high, top: the *other*"],
            ["``low``", "    one", "    end of", "``high``, ``top``", "    the \\*other\\*"],
        ),
        (["low: one", "high: other"], ["low: one", "high: other"]),
        (["A law.", "    a * b"], ["A law.", "    a * b"]),
    ],
)
def test_a_plain_docstring_becomes_what_sphinx_reads(plain: list[str], rst: list[str]) -> None:
    assert as_rst(plain) == rst
