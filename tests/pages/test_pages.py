"""The pages of this book keep the rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pages
import pytest
import stamp
from house import ROOT, Book
from notebooks import is_normal

BOOK = Book(ROOT)
LIBRARY = pages.read_bibliography(ROOT / "book" / "references.bib")
CHAPTERS = tuple(pages.read_chapter(path, BOOK, LIBRARY) for path in BOOK.chapters)
APPENDICES = tuple(pages.read_chapter(path, BOOK, LIBRARY) for path in BOOK.appendices)


def each(notebooks: tuple[pages.Chapter, ...]) -> pytest.MarkDecorator:
    """One test for each of the notebooks."""
    return pytest.mark.parametrize("chapter", notebooks, ids=lambda chapter: chapter.path.stem)


def test_there_are_chapters_and_appendices() -> None:
    assert CHAPTERS and APPENDICES


@each(CHAPTERS)
@pytest.mark.parametrize("rule", pages.RULES, ids=lambda rule: rule.__name__)
def test_chapter_keeps_the_rule(rule: Callable, chapter: pages.Chapter) -> None:
    found = rule(chapter)
    assert not found, "\n".join(found)


@each(APPENDICES)
@pytest.mark.parametrize("rule", pages.APPENDIX_RULES, ids=lambda rule: rule.__name__)
def test_appendix_keeps_the_rule(rule: Callable, chapter: pages.Chapter) -> None:
    found = rule(chapter)
    assert not found, "\n".join(found)


@each(CHAPTERS + APPENDICES)
def test_notebook_is_in_normal_form(chapter: pages.Chapter) -> None:
    assert is_normal(chapter.path), "run 'make notebooks'"


def test_contents_name_every_page() -> None:
    assert pages.contents_complete(BOOK) == []


@pytest.mark.parametrize("path", BOOK.pages, ids=lambda path: path.stem)
def test_links_of_plain_pages_lead_somewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert pages.broken_links(source, path.parent, BOOK) == []


@pytest.mark.parametrize("name", ["book/index.md", "README.md"])
def test_tables_name_every_chapter(name: str) -> None:
    path = ROOT / name
    source = path.read_text(encoding="utf-8")
    assert pages.table_complete(source, path.parent, CHAPTERS, name) == []


def test_every_page_names_the_address_of_config() -> None:
    stale = [
        path.relative_to(ROOT).as_posix()
        for path in stamp.stamped_files(ROOT)
        if stamp.stamp_text(text := path.read_text("utf-8"), path.name, BOOK.url, BOOK.url) != text
    ]
    assert not stale, f"run 'make stamp URL={BOOK.url}'"
