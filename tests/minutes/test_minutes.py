"""Every chapter runs within the minutes that it promises.

The notebooks run as tests of their own, before this file; `conftest.py` adds up what their cells
take. The promise is made for two idle cores, and the allowance below is for machines that are
slower than ours or have something else to do.
"""

from __future__ import annotations

from pathlib import Path

import pages
import pytest
from house import ROOT, Book

ALLOWANCE = 2.0
"""How many times the promised minutes a chapter may take here."""

BOOK = Book(ROOT)
LIBRARY = pages.read_bibliography(ROOT / "book" / "references.bib")
CHAPTERS = tuple(pages.read_chapter(path, BOOK, LIBRARY) for path in BOOK.notebooks)


def late(seconds: float, promised: float) -> str:
    """What is wrong with a chapter that took so long; empty if nothing is."""
    allowed = 60 * promised * ALLOWANCE
    if seconds <= allowed:
        return ""
    return f"took {seconds:.0f} s; it promises {promised:g} min, and {allowed:.0f} s are allowed"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_the_chapter_ran_in_the_minutes_that_it_promises(
    chapter: pages.Chapter, seconds_of_notebooks: dict[Path, float]
) -> None:
    if chapter.path not in seconds_of_notebooks:
        pytest.skip("the chapter did not run in this session")
    promised = pages.minutes_promised(chapter)
    assert promised, "the chapter promises nothing"
    found = late(seconds_of_notebooks[chapter.path], promised)
    assert not found, found


def test_the_whole_book_promises_at_most_half_an_hour() -> None:
    assert sum(pages.minutes_promised(chapter) or 0 for chapter in CHAPTERS) <= 30


def test_a_late_chapter_is_noticed() -> None:
    assert late(241, 2) and not late(239, 2)
