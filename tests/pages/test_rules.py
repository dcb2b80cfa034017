"""Each rule of the pages lets a good chapter pass and catches one that breaks it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pages
import pytest
from house import Book, is_chapter
from nbformat.v4 import new_code_cell, new_output
from pages import Chapter
from sample import ALT, NAME, figure, make_chapter, png

Break = Callable[[Chapter], None]


def cells(chapter: Chapter) -> list:
    """Return the cells of a chapter."""
    return chapter.nb["cells"]


def swap(number: int, old: str, new: str) -> Break:
    """Return a change of the text of the cell at `number`, counted from 0."""

    def change(chapter: Chapter) -> None:
        assert old in cells(chapter)[number]["source"]
        cells(chapter)[number]["source"] = cells(chapter)[number]["source"].replace(old, new)

    return change


def add(number: int, text: str) -> Break:
    """Return a change that adds a paragraph to the cell at `number`, counted from 0."""

    def change(chapter: Chapter) -> None:
        cells(chapter)[number]["source"] += "\n\n" + text

    return change


def output(**fields: object) -> Break:
    """Return a change that gives the forecast cell one more output."""
    return lambda chapter: cells(chapter)[3]["outputs"].append(new_output(**fields))


def alt(text: str) -> Break:
    """Return a change of the figure's description."""
    return lambda chapter: cells(chapter)[5]["metadata"]["mystnb"]["image"].update(alt=text)


def second_figure(chapter: Chapter) -> None:
    """Give another cell a figure with the same description."""
    cells(chapter)[3]["outputs"] = [figure(png())]
    cells(chapter)[3]["metadata"] = {"mystnb": {"image": {"alt": ALT}}}


def large_figure(chapter: Chapter) -> None:
    """Store a figure of random dots, which no PNG can make small."""
    data = png() + os.urandom(pages.FIGURE_BYTES)
    cells(chapter)[5]["outputs"] = [figure(data)]


def no_cell_runs(chapter: Chapter) -> None:
    """Forget in which order the cells ran."""
    cells(chapter)[5]["execution_count"] = None


def swap_sections(chapter: Chapter) -> None:
    """Put the summary before the section on limits."""
    cells(chapter)[6], cells(chapter)[7] = cells(chapter)[7], cells(chapter)[6]


def twin(chapter: Chapter) -> None:
    """Put a text version beside the notebook."""
    chapter.path.with_suffix(".md").write_text("# A sample\n", encoding="utf-8")


def same_ids(chapter: Chapter) -> None:
    """Give two cells the same id."""
    cells(chapter)[1]["id"] = cells(chapter)[0]["id"]


def five_more(chapter: Chapter) -> None:
    """Have too many exercises."""
    cells(chapter)[8]["source"] += "\n\n" + "\n\n".join(
        f"**1.{n} More** (easy, 1 min)" for n in range(4, 9)
    )


PIPED = "print(open('/home/me/data.csv').read())"
BROKEN: tuple[tuple[str, str, Break], ...] = (
    ("plain_markdown_only", "directive", add(4, "```{note}\nMind.\n```")),
    ("plain_markdown_only", "colon fence", add(4, ":::{note}\nMind.\n:::")),
    ("plain_markdown_only", "role", add(4, "See {cite}`kaplan2020`.")),
    ("plain_markdown_only", "target", add(4, "(my-target)=\n")),
    ("figures_described", "no alt", lambda c: cells(c)[5]["metadata"].clear()),
    ("figures_described", "short alt", alt("A plot.")),
    ("figures_described", "file name", alt("0123456789abcdef0123456789abcdef0123456789abcdef.png")),
    ("figures_described", "copied alt", second_figure),
    ("citations_linked", "bare", add(4, "Kaplan et al. (2020) say so.")),
    ("citations_linked", "bare known name", add(4, "So says Kaplan 2020.")),
    ("citations_linked", "unknown", add(4, "See [Nobody et al. 2020](https://example.org/x).")),
    ("citations_linked", "unknown paper", add(4, "See [it](https://arxiv.org/abs/1706.03762).")),
    ("citations_linked", "wrong paper", swap(4, "Hägele et al., 2024", "Kaplan et al., 2024")),
    ("citations_linked", "wrong year", swap(4, "McCandlish 2020", "McCandlish 2021")),
    ("links_lead_somewhere", "planned chapter", add(4, "See [later](09-later.ipynb).")),
    ("links_lead_somewhere", "html", add(4, "See [this](01-sample.html).")),
    ("links_lead_somewhere", "heading", add(4, "See [this](#no-such-heading).")),
    ("links_lead_somewhere", "heading elsewhere", add(4, f"See [this]({NAME}#nowhere).")),
    ("opening", "no title", swap(0, "# 1. A sample", "A sample")),
    ("opening", "two titles", add(4, "# Another title")),
    ("opening", "no claim", swap(0, "A claim in one line.\n\n", "")),
    ("opening", "Colab", swap(0, "someone", "somebody")),
    ("opening", "learn", swap(1, "You will learn", "You may learn")),
    ("opening", "need", swap(1, "You need", "You want")),
    ("opening", "promise", swap(1, "Runs in 2 min on 2 cores", "Runs fast")),
    ("title_in_contents", "other title", swap(0, "# 1. A sample", "# 1. Another sample")),
    ("setup_first", "other address", swap(2, "someone", "somebody")),
    ("setup_first", "output", lambda c: cells(c)[2]["outputs"].append(figure(png()))),
    ("setup_first", "no code", lambda c: c.nb.update(cells=cells(c)[:2])),
    ("forecast_made", "none", swap(3, "forecast.predict", "law.predict")),
    ("forecasts_empty", "in the reader's name", swap(3, "value=None", "value=2.0")),
    ("forecast_made", "not scored", swap(5, "forecast.score", "show")),
    ("sections_in_order", "missing", swap(6, "Where this breaks", "Limits")),
    ("sections_in_order", "order", swap_sections),
    ("sections_in_order", "empty", swap(7, "It falls.", "")),
    ("questions_complete", "too few", swap(7, "**1.c** Where", "Where")),
    ("questions_complete", "none right", swap(7, "**Right.**", "**No.**")),
    ("questions_complete", "two right", swap(7, "**No.**", "**Right.**")),
    ("questions_complete", "not explained", swap(7, "**No.** Because.", "")),
    ("summaries_plain", "TeX", swap(7, "<summary>Up<", "<summary>$\\alpha$<")),
    ("summaries_plain", "Markdown", swap(7, "<summary>Up<", "<summary>*Up*<")),
    ("exercises_complete", "too many", five_more),
    ("exercises_complete", "too few", swap(8, "**1.3 A", "**A")),
    ("exercises_complete", "number", swap(8, "**1.3 A", "**1.4 A")),
    ("exercises_complete", "difficulty", swap(8, "(easy, 5 minutes)", "(5 minutes)")),
    ("exercises_complete", "minutes", swap(8, "(easy, 5 minutes)", "(easy)")),
    ("exercises_complete", "check", swap(8, 'check.answer("1.2"', 'check.answer("1.1"')),
    ("exercises_complete", "solution", swap(8, "<details>", "")),
    (
        "answers_handed_over",
        "another answer",
        lambda c: cells(c)[3].update(source='answer_1 = None\ncheck.answer("1.1", answer_2)'),
    ),
    ("length_of_prose", "short", swap(4, "The loss falls as the model grows", "")),
    ("length_of_prose", "long", add(4, "word " * 3000)),
    ("cells_short", "long", lambda c: cells(c)[5].update(source="x = 1\n" * 26)),
    ("outputs_complete", "not run", no_cell_runs),
    ("outputs_complete", "empty", lambda c: cells(c).append(new_code_cell(""))),
    ("outputs_complete", "error", output(output_type="error", ename="E", evalue="e", traceback=[])),
    ("outputs_complete", "stderr", output(output_type="stream", name="stderr", text="Warning")),
    ("sizes_bearable", "figure", large_figure),
    ("sizes_bearable", "notebook", output(output_type="stream", text="x" * 1_000_000)),
    ("progress_is_text", "auto", swap(3, "forecast", "from tqdm.auto import tqdm\nforecast")),
    ("progress_is_text", "state", lambda c: c.nb["metadata"].update(widgets={})),
    ("no_private_paths", "source", lambda c: cells(c)[5].update(source=PIPED)),
    ("no_private_paths", "output", output(output_type="stream", text="saved to /tmp/x1/runs.csv")),
    ("no_twin", "twin", twin),
    ("no_twin", "metadata", lambda c: c.nb["metadata"].update(jupytext={"formats": "ipynb,md"})),
    ("cells_named", "ids", same_ids),
    ("cells_named", "invalid", lambda c: cells(c)[0].update(cell_type="prose")),
    ("no_measured_number_in_prose", "nats", add(4, "The loss is 2.134 nats.")),
    ("no_measured_number_in_prose", "formula", add(4, "The loss is $2.13$ bits per byte.")),
)


@pytest.mark.parametrize("rule", pages.RULES, ids=lambda rule: rule.__name__)
def test_a_good_chapter_passes(rule: Callable, tmp_path: Path) -> None:
    assert rule(make_chapter(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name, _, change in BROKEN],
    ids=[f"{name}-{what.replace(' ', '-')}" for name, what, _ in BROKEN],
)
def test_a_broken_chapter_is_caught(name: str, change: Break, tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    change(chapter)
    assert getattr(pages, name)(chapter) != []


def test_every_rule_is_tested() -> None:
    assert {name for name, _, _ in BROKEN} == {rule.__name__ for rule in pages.RULES}


def plain_appendix(chapter: Chapter) -> None:
    """Make an appendix of a chapter: no forecast, no closing sections, no exercises."""
    chapter.nb["cells"] = [*cells(chapter)[:3], cells(chapter)[4], cells(chapter)[5]]
    cells(chapter)[3]["source"] = cells(chapter)[3]["source"].split("\n\nThe loss falls")[0]
    cells(chapter)[4]["source"] = "plot()"
    cells(chapter)[4]["execution_count"] = 2


@pytest.mark.parametrize("rule", pages.APPENDIX_RULES, ids=lambda rule: rule.__name__)
def test_an_appendix_needs_no_forecast_and_no_exercises(rule: Callable, tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    plain_appendix(chapter)
    assert rule(chapter) == []
    missing = [rule.__name__ for rule in pages.RULES if rule(chapter)]
    assert {*missing} == {rule.__name__ for rule in pages.SKELETON}


def test_an_appendix_keeps_all_other_rules() -> None:
    names = {rule.__name__ for rule in pages.APPENDIX_RULES}
    assert {"opening", "setup_first", "figures_described", "citations_linked", "cells_short",
            "outputs_complete", "no_measured_number_in_prose"} <= names  # fmt: skip


def test_a_name_without_a_number_is_that_of_an_appendix(tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    appendix = tmp_path / "book" / "fit-your-own.ipynb"
    appendix.write_bytes(chapter.path.read_bytes())
    book = Book(tmp_path)
    assert book.chapters == (chapter.path,) and book.appendices == (appendix,)
    assert book.notebooks == (chapter.path, appendix)
    assert is_chapter(chapter.path) and not is_chapter(appendix)
    assert not is_chapter(Path("2-more.ipynb"))


def test_a_cited_loss_may_stand_in_prose(tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    add(4, "[Kaplan 2020](https://arxiv.org/abs/2001.08361) found 1.7 nats.")(chapter)
    assert pages.no_measured_number_in_prose(chapter) == []


def test_contents_name_every_page_once(tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    assert pages.contents_complete(chapter.book) == []
    (tmp_path / "book" / "extra.md").write_text("# Extra\n", encoding="utf-8")
    chapter.path.unlink()
    found = pages.contents_complete(Book(tmp_path))
    assert found == [
        "book/01-sample is in _toc.yml, but there is no such page",
        "book/extra is not in _toc.yml",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (NAME, "02-other.ipynb", "no row"),
        ("1. A sample", "1. Another", "is not called"),
        ("| 2 |", "| 7 |", "promises 2 min"),
    ],
)
def test_the_table_names_every_chapter(old: str, new: str, message: str, tmp_path: Path) -> None:
    chapter = make_chapter(tmp_path)
    source = (tmp_path / "book" / "index.md").read_text(encoding="utf-8")
    folder = tmp_path / "book"
    assert pages.table_complete(source, folder, (chapter,), "index.md") == []
    found = pages.table_complete(source.replace(old, new), folder, (chapter,), "index.md")
    assert len(found) == 1
    assert message in found[0]
