"""Numeric exercises on the built pages: the replies are those of `check.answer`."""

from __future__ import annotations

from pathlib import Path

import pytest
from book_exercises import exercise, numeric
from browser import ALL_SKIPPED
from playwright.sync_api import Browser

from scalinglaws.course import check

PAGE = "book/05-kaplan-three-laws.html"
NUMERIC = {name: task for name in check.names() if (task := numeric(name))}


def test_most_chapters_have_a_field(site: Path) -> None:
    marked = {
        path.name[:2]
        for path in site.glob("book/[0-9][0-9]-*.html")
        if 'data-exercise="' in path.read_text("utf-8")
    }
    assert marked == {f"{int(name.split('.')[0]):02}" for name in NUMERIC}
    assert len(marked) >= 12


def test_no_answer_stands_in_the_page_to_be_read(site: Path) -> None:
    text = (site / PAGE).read_text("utf-8")
    assert NUMERIC["5.1"].slips[0].saying not in text


def test_the_page_replies_as_python_does(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}/{PAGE}")
    page.wait_for_function("() => window.scalinglawsExercises")
    said = page.evaluate(
        "asked => asked.map(([task, given]) => scalinglawsExercises.reply(task, given))",
        [
            [exercise(task), given]
            for task in NUMERIC.values()
            for given in tried(task.truth, [slip.value for slip in task.slips])
        ],
    )
    expected = [
        list(task.reply(given))
        for task in NUMERIC.values()
        for given in tried(task.truth, [slip.value for slip in task.slips])
    ]
    assert said == expected
    read = "texts => texts.map(scalinglawsExercises.read).map(x => Number.isNaN(x) ? null : x)"
    texts = {"1,200": 1200, "0,25": 0.25, "3e26": 3e26, " −4.5 ": -4.5, "12 %": 0.12, "": None}
    texts |= {"1.2.3": None, "ten": None, "1,234,567.5": 1234567.5, "5,": None}
    assert page.evaluate(read, list(texts)) == pytest.approx(list(texts.values()), nan_ok=True)
    page.close()


def tried(truth: float, slips: list[float]) -> list[float]:
    """Return answers of every kind."""
    return [truth, truth * 1.5, truth / 1.5, truth * 1000, truth / 1000, -truth, 0.0, *slips]


@pytest.mark.parametrize("width", [390, 1280])
def test_an_exercise_is_answered_by_keyboard(browser: Browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.add_init_script(ALL_SKIPPED)
    page.goto(f"{address}/{PAGE}")
    field = page.get_by_label("Your answer to 5.1")
    field.focus()
    page.keyboard.type(str(NUMERIC["5.1"].slips[0].value))
    page.keyboard.press("Enter")
    reply = page.locator(".exercise").first.get_by_role("status")
    assert reply.inner_text() == f"Not yet. {NUMERIC['5.1'].slips[0].saying}"
    field.fill(str(NUMERIC["5.1"].truth))
    page.keyboard.press("Enter")
    assert reply.inner_text().startswith("Right.")
    field.fill("many")
    page.keyboard.press("Enter")
    assert "one number" in reply.inner_text()
    page.close()
