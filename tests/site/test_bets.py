"""The bets on the pages: what they fold, how they are placed, and that Python agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from book_bets import bet, placed, questions
from browser import THEMES
from house import ROOT
from playwright.sync_api import Browser, Page
from test_browser import OVERFLOW, SERIOUS, settle, visit

from scalinglaws.course import forecast

SCRIPT = ROOT / "book" / "_static" / "bets.js"
CHAPTER = "book/01-the-bet.html"
CARD = "#bet-1-bigger-model"
SHOWN = "() => document.querySelector('article').innerText"


def fill(page: Page, card: str, low: float | str, value: float | str, high: float | str) -> None:
    for name, number in (("From", low), ("Value", value), ("To", high)):
        page.locator(card).get_by_label(name, exact=True).fill(str(number))


def kept(page: Page) -> dict[str, dict[str, float]]:
    return json.loads(page.evaluate("localStorage['scalinglaws.bets']"))["bets"]


def test_the_script_is_small() -> None:
    assert SCRIPT.stat().st_size < 25_000


def test_every_forecast_of_the_chapters_has_a_bet(site: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in site.glob("book/*.html")]
    found = [key for key in questions() if sum(f'data-bet="{key}"' in p for p in pages) == 1]
    assert found == list(questions())
    assert all(sum(f'data-bet-told="{key}"' in p for p in pages) == 1 for key in found)
    assert not any(
        "no forecast of yours yet" in placed(p)[0].split("<span data-bet=")[0]
        for p in pages
        if placed(p)[1]
    )


def test_every_axis_holds_the_answer_and_what_the_laws_say() -> None:
    for key in questions():
        lo, hi = bet(key)["axis"]
        assert all(
            lo <= x <= hi for x in (bet(key)["answer"], *(f["value"] for f in bet(key)["laws"]))
        )


def test_a_bet_by_keyboard_opens_the_page_and_survives(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/{CHAPTER}", 390, script="") as seen:
        page, told = seen.page, "The answer is 1.553"
        before = page.evaluate(SHOWN)
        assert "1.55" not in before.split("Which loss will")[-1]
        assert "What the line says" not in before
        page.locator(CARD).get_by_label("Value", exact=True).focus()
        page.keyboard.type("1,6")
        page.keyboard.press("Enter")
        assert "Still empty" in page.locator(f"{CARD} [role=status]").inner_text()
        page.keyboard.press("Tab")
        fill(page, CARD, 1.5, 1.6, 1.7)
        upper = page.get_by_role("slider", name="Upper end of your range")
        upper.focus()
        page.keyboard.press("ArrowRight")
        assert float(upper.get_attribute("aria-valuenow")) > 1.7
        fill(page, CARD, "1,500", "1,6", "1,700")  # decimal commas, as some keyboards have them
        page.get_by_label("To", exact=True).press("Enter")
        assert told in page.evaluate(SHOWN)
        page.reload()
        assert told in page.evaluate(SHOWN)
        made = forecast.Forecast(
            "1.bigger-model", 1.6, 1.5, 1.7, answer=bet("1.bigger-model")["answer"]
        )
        assert f"score {made.score:.3g}" in page.locator(".bet-you").inner_text()
        page.get_by_role("button", name="Bet anew").click()
        fill(page, CARD, 1.5, 1.55, 1.6)
        page.get_by_role("button", name="Commit").click()
        assert kept(page)["1.bigger-model"] == {
            "low": 1.5,
            "value": 1.6,
            "high": 1.7,
            "counts": True,
        }
        page.get_by_text("Later you said 1.55").wait_for()
        assert not seen.complaints


def test_a_bet_by_mouse_a_skip_and_a_reset(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/{CHAPTER}", script="") as seen:
        page = seen.page
        track = page.locator(f"{CARD} .bet-track")
        track.click(position={"x": 200, "y": 25})
        value = page.get_by_role("slider", name="Your value")
        placed_at = float(value.get_attribute("aria-valuenow"))
        value.hover()
        page.mouse.down()
        page.mouse.move(*(lambda b: (b["x"] + 300, b["y"] + 20))(track.bounding_box()), steps=3)
        page.mouse.up()
        assert float(value.get_attribute("aria-valuenow")) > placed_at
        page.get_by_role("button", name="Commit").click()
        assert kept(page)["1.bigger-model"]["value"] > placed_at
        page.goto(f"{address}/book/index.html")
        page.get_by_text("1 of 33 bets placed.").wait_for()
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("button", name="Really delete").click()
        assert kept(page) == {}
        page.goto(f"{address}/book/05-kaplan-three-laws.html#verdict")
        page.get_by_role("button", name="Skip all on this page").click()
        assert "Further reading" in page.evaluate(SHOWN)
        assert not page.locator("[data-bet-folded]").count()
        assert not seen.complaints


def test_scores_and_calibration_agree_with_python(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        forecast.Forecast(key, law["value"], law["low"], law["high"], law["level"], who=law["who"],
                          answer=bet(key)["answer"])
        for key in questions() for law in bet(key)["laws"]
    ]  # fmt: skip
    made.append(forecast.Forecast("9.a", 2.0, 1.5, 2.0, answer=2.5))
    context = browser.new_context()
    page = context.new_page()
    page.add_script_tag(path=SCRIPT)
    rows = [
        {k: getattr(f, k) for k in ("key", "value", "low", "high", "level", "answer")} for f in made
    ]
    scores, offs, calibration = page.evaluate(
        "rows => (b => [rows.map(b.score), rows.map(b.off), b.calibrated(rows)])(scalinglawsBets)",
        rows,
    )
    context.close()
    assert scores == pytest.approx([f.score for f in made])
    assert offs == pytest.approx([f.off for f in made])
    expected = forecast.calibrated(made)
    assert calibration == pytest.approx({k: getattr(expected, k) for k in calibration})


def test_python_reads_what_the_page_exports(
    browser: Browser, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"version": 1, "skipped": [], "seen": ["12.five-digits", "15.flops"], "bets": {
        "12.five-digits": {"value": 50, "low": 40, "high": 60, "counts": True},
        "15.flops": {"value": 1e26, "low": 1e25, "high": 1e27, "counts": False}}}  # fmt: skip
    script = f"localStorage['scalinglaws.bets'] = JSON.stringify({json.dumps(state)})"
    with visit(browser, f"{address}/book/index.html", script=script) as seen:
        with seen.page.expect_download() as waiting:
            seen.page.get_by_role("button", name="Export").click()
        waiting.value.save_as(tmp_path / "forecasts.json")
        assert "0 of 1 ranges held" in seen.page.locator(".bet-board").inner_text()
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    first, second = forecast.load()
    assert first.score == pytest.approx(420)
    assert (first.hit, second.hit, second.counts) == (False, True, False)
    assert forecast.calibration().scored == 1


@pytest.mark.parametrize("theme", THEMES)
def test_cards_are_without_barriers_and_fit(browser: Browser, address: str, theme: str) -> None:
    with visit(browser, f"{address}/{CHAPTER}", 390, theme, script="") as seen:
        page = seen.page
        page.set_viewport_size({"width": 360, "height": 800})
        settle(page, theme)
        for step in range(2):
            assert page.evaluate(OVERFLOW) == []
            found = Axe().run(
                page, context={"include": [[".bet-card"]]}, options={"preload": False}
            )
            assert [v["id"] for v in found.response["violations"] if v["impact"] in SERIOUS] == []
            if not step:
                fill(page, CARD, 1.5, 1.6, 1.7)
                page.get_by_role("button", name="Commit").click()


def test_without_javascript_the_page_reads_as_printed(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}", wait_until="domcontentloaded")
    assert page.get_by_text("no forecast of yours yet").is_visible()
    assert page.get_by_text("the answer is 1.553").is_visible()
    assert page.locator(".bet-card:visible").count() == 0
    context.close()
