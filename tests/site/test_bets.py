"""The bets on the pages: what they fold, how they are placed, and that Python agrees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from book_bets import bet, placed, questions
from browser import ALL_SKIPPED, THEMES
from playwright.sync_api import Browser, Page
from test_browser import OVERFLOW, SERIOUS, settle, visit

from scalinglaws.course import cards, forecast

SCRIPT = cards.HERE / "bets.js"
CHAPTER = "book/01-the-bet.html"
CARD = "#bet-1-bigger-model"
SHOWN = "() => document.querySelector('article').innerText"


def fill(page: Page, card: str, low: float | str, value: float | str, high: float | str) -> None:
    for name, number in (("From", low), ("Value", value), ("To", high)):
        page.locator(card).get_by_label(name, exact=True).fill(str(number))


def at(page: Page, name: str) -> float:
    return float(page.get_by_role("slider", name=name).get_attribute("aria-valuenow"))


def drag(page: Page, name: str, across: float, down: float) -> None:
    """Take a handle by the mouse and move it."""
    handle = page.get_by_role("slider", name=name)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=3)
    page.mouse.up()


def kept(page: Page) -> dict[str, dict[str, float]]:
    return json.loads(page.evaluate("localStorage['scalinglaws.bets']"))["bets"]


def test_the_script_is_small() -> None:
    assert SCRIPT.stat().st_size <= 38_000


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
        page.locator(f"{CARD} .bet-track").click(position={"x": 200, "y": 225})
        drag(page, "Your value", 0, -60)
        page.get_by_role("button", name="Commit").click()
        assert kept(page)["1.bigger-model"]["value"] > 1.3
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


def test_a_page_holds_back_what_tells_another_pages_bets(browser: Browser, address: str) -> None:
    state = {"version": 1, "bets": {}, "skipped": ["2.cerebras-13b", "2.bends-seen"], "seen": []}
    script = f"localStorage['scalinglaws.bets'] ||= JSON.stringify({json.dumps(state)})"
    with visit(browser, f"{address}/book/02-power-laws.html", 390, script=script) as seen:
        page = seen.page
        missed, told = "missed: 1.bigger-model", "width 64 came in where the straight line"
        before = page.evaluate(SHOWN)
        assert missed not in before and told not in before and "none scored yet" not in before
        assert "forecasts width 64" not in before and "failed Eight runs" in before
        page.get_by_role("button", name="Show it").first.click()
        after = page.evaluate(SHOWN)
        assert missed in after and told in after and not page.locator(".bet-held").count()
        page.goto(f"{address}/{CHAPTER}")
        page.get_by_text("this bet will not count").wait_for()
        assert not seen.complaints


def test_search_and_contents_tell_nothing_behind_a_bet(
    browser: Browser, address: str, site: Path
) -> None:
    with visit(browser, f"{address}/{CHAPTER}", script="") as seen:
        page = seen.page
        link = page.locator(".bd-toc-nav a[href='#what-bends-the-six-points']")
        assert link.count() and not link.is_visible()
        assert page.locator(".bd-toc-nav a[href='#your-prediction']").is_visible()
        quoted = """([html, anchor]) => Search.makeSearchSummary(html, new Set(["bend"]), anchor)
          .textContent"""
        html = (site / CHAPTER).read_text(encoding="utf-8")
        page.goto(f"{address}/search.html")
        assert "opens after a bet" in page.evaluate(quoted, [html, "#what-bends-the-six-points"])
        assert "bends" not in page.evaluate(quoted, [html, ""])
        page.evaluate(ALL_SKIPPED)
        assert "bends" in page.evaluate(quoted, [html, ""])


def test_the_front_page_scores_a_bet_when_its_answer_was_seen(
    browser: Browser, address: str
) -> None:
    with visit(browser, f"{address}/book/index.html", script="") as seen:
        page = seen.page
        fill(page, ".bet-front", 1.5, 1.6, 1.7)
        page.reload()  # a bet begun is kept
        page.get_by_role("button", name="Commit").click()
        board = page.locator(".bet-board")
        board.get_by_text("1 of 33 bets placed").wait_for()
        assert "held" not in board.inner_text() and not board.locator(".bet-strip").count()
        page.goto(f"{address}/{CHAPTER}")
        page.get_by_text("Your range held the answer").wait_for()
        page.goto(f"{address}/book/index.html")
        board.get_by_text("1 of 1 ranges held the answer").wait_for()
        page.get_by_role("button", name="Reset").click()
        board.get_by_text("new bets will not count").wait_for()
        board.get_by_role("button", name="Cancel").click()
        assert kept(page)


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


def test_a_bet_is_dragged_in_the_plot_of_the_points(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/{CHAPTER}", 390, script="") as seen:
        page, track = seen.page, seen.page.locator(f"{CARD} .bet-track")
        points = page.get_by_role("img", name="loss (nats per token) against training compute")
        assert "1.85 at 6.765e10" in points.get_attribute("aria-label")
        assert points.locator("circle").count() == 6
        track.click(position={"x": 30, "y": 150})  # anywhere: the bet stays on the dashed line
        frame, value = (
            one.bounding_box() for one in (track, page.get_by_role("slider", name="Your value"))
        )
        line = points.locator(".bet-here").bounding_box()
        assert abs(value["x"] + value["width"] / 2 - line["x"]) < 2
        assert abs(value["y"] + value["height"] / 2 - frame["y"] - 150) < 4
        before = [at(page, name) for name in ("Lower", "Your value", "Upper")]
        drag(page, "Upper end", 40, -30)
        after = [at(page, name) for name in ("Lower", "Your value", "Upper")]
        assert before[:2] == after[:2] and after[2] > before[2]
        drag(page, "Your value", 0, 25)
        assert at(page, "Your value") < before[1] and at(page, "Upper") < after[2]
        page.keyboard.press("ArrowUp")
        page.keyboard.press("PageDown")
        said = page.locator(f"{CARD} [role=status]").inner_text()
        assert said.startswith(f"{at(page, 'Your value'):g} nats per token; with 80")
        value = page.get_by_role("slider", name="Your value")
        assert value.get_attribute("aria-orientation") == "vertical"
        assert value.get_attribute("aria-valuetext").endswith(" nats per token")
        fill(page, CARD, 1, 4, 5)  # beyond the axis: points and bet are drawn on a longer one
        top = page.get_by_role("slider", name="Upper").bounding_box()
        assert top["y"] + top["height"] >= frame["y"]
        assert points.locator("circle").count() == 6
        assert not seen.complaints


def test_a_finger_drags_along_the_line_and_scrolls_beside_it(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 760}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    lane = page.locator(f"{CARD} .bet-lane")
    lane.scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)

    def stroke(x: float, y: float, by: float) -> None:
        for step in range(6):
            touch.send("Input.dispatchTouchEvent", {
                "type": "touchMove" if step else "touchStart",
                "touchPoints": [{"x": x, "y": y + by * step / 5}]})  # fmt: skip
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    box, scrolled = lane.bounding_box(), page.evaluate("scrollY")
    stroke(box["x"] + box["width"] / 2, box["y"] + 60, 90)
    page.get_by_role("slider", name="Your value").wait_for()
    value, low = at(page, "Your value"), page.evaluate("scrollY")
    assert low == scrolled
    share = 1 - 150 / box["height"]
    assert 1.2 * (2.8 / 1.2) ** share == pytest.approx(value, rel=0.08)
    track = page.locator(f"{CARD} .bet-track").bounding_box()
    stroke(track["x"] + 60, track["y"] + 150, -120)
    page.wait_for_function(f"scrollY > {scrolled + 20}")
    assert at(page, "Your value") == value
    context.close()


def test_every_plot_fits_and_shows_its_points(browser: Browser, site: Path) -> None:
    bets = {key: bet(key) for key in questions() if "plot" in questions()[key]}
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.set_content('<main style="padding:0 12px"></main>')
    page.add_style_tag(path=cards.HERE / "bets.css")
    page.add_script_tag(path=SCRIPT)
    counts = page.evaluate(
        """bets => Object.entries(bets).map(([key, bet]) => {
          const card = scalinglawsBets.card(key, bet);
          card.className += " bet-live";
          delete card.dataset.key;  // nothing after it is folded
          document.querySelector("main").append(card);
          scalinglawsBets.renew();
          const frame = card.querySelector(".bet-track").getBoundingClientRect();
          const dots = [...card.querySelectorAll("circle")].map(one => one.getBoundingClientRect());
          const inside = one => one.left > frame.left - 6 && one.right < frame.right + 6
            && one.top > frame.top - 6 && one.bottom < frame.bottom + 6;
          return [key, frame.height > 200 && dots.filter(inside).length];
        })""",
        bets,
    )
    assert dict(counts) == {key: len(one["plot"]["x"]) for key, one in bets.items()}
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()


def test_the_book_can_be_read_without_bets_and_with_them_again(
    browser: Browser, address: str
) -> None:
    with visit(browser, f"{address}/{CHAPTER}", script="") as seen:
        page = seen.page
        page.get_by_role("button", name="Read the book without bets").click()
        page.get_by_text("the answer is 1.553").wait_for()
        assert not page.locator("[data-bet-folded]").count()
        other = f"{address}/book/14-the-wall-of-data.html"
        page.goto(other)
        assert not page.locator("[data-bet-folded]").count()
        page.goto(f"{address}/book/index.html")
        board = page.locator(".bet-board")
        board.get_by_text("You read without bets").wait_for()
        board.get_by_role("button", name="Bet from here on").click()
        board.get_by_role("button", name="Read the book without bets").wait_for()
        page.goto(other)  # it has been seen
        assert not page.locator("[data-bet-folded]").count()
        page.goto(f"{address}/book/09-sudden-abilities.html")
        assert page.locator("[data-bet-folded]").count()
        assert not seen.complaints


def test_the_page_brings_in_what_python_kept(
    browser: Browser, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    forecast.predict("1.bigger-model", 1.6, 1.5, 1.7, level=0.9)
    forecast.predict("1.bigger-model", 1.55, 1.5, 1.6, who="the line")
    forecast.predict("9.size", 16, 8, 24)
    state = {"version": 1, "bets": {"9.size": {"value": 8, "low": 4, "high": 9, "counts": True}}}
    script = "localStorage['scalinglaws.bets'] ||= " + json.dumps(json.dumps(state))
    with visit(browser, f"{address}/book/index.html", script=script) as seen:
        page = seen.page
        page.get_by_label("forecasts.json").set_input_files(forecast.path())
        page.get_by_text("1 of 3 forecasts brought in").wait_for()
        page.get_by_text("2 of 33 bets placed.").wait_for()
        mine = {"value": 1.6, "low": 1.5, "high": 1.7, "counts": True, "level": 0.9}
        assert kept(page) == {"1.bigger-model": mine, **state["bets"]}
        page.goto(f"{address}/{CHAPTER}")
        assert "1.6 (1.5 to 1.7), 90" in page.locator(".bet-you").inner_text()
        page.goto(f"{address}/book/index.html")
        bad = tmp_path / "bad.json"
        bad.write_text("{}", encoding="utf-8")
        page.get_by_label("forecasts.json").set_input_files(bad)
        page.get_by_text("This is no forecasts.json.").wait_for()
        assert not seen.complaints


def test_beside_a_kernel_the_card_tells_python_and_shows_what_it_kept(browser: Browser) -> None:
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.set_content("<main></main>")
    asked = {**cards.questions()["1.bigger-model"], "key": "1.bigger-model", "unit": "nats"}
    page.evaluate(
        """async ([source, bet]) => {
          const values = { bet, kept: {}, said: {} }, heard = {};
          window.model = {
            get: name => values[name], save_changes: () => {},
            set: (name, value) => { values[name] = value; heard["change:" + name]?.(); },
            on: (name, act) => { heard[name] = act; },
          };
          const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
          (await import(url)).default.render({ model, el: document.querySelector("main") });
        }""",
        [SCRIPT.read_text(encoding="utf-8") + "export default bets;\n", asked],
    )
    card = "main .bet-card"
    assert not page.get_by_role("button", name="Skip").count()
    assert not page.get_by_role("button", name="without bets").count()
    fill(page, card, 1.5, 1.6, 1.7)
    page.get_by_role("button", name="Commit").click()
    said = page.evaluate("model.get('said')")
    assert {name: said[name] for name in ("low", "value", "high")} == {
        "low": 1.5, "value": 1.6, "high": 1.7}  # fmt: skip
    page.evaluate("model.set('kept', { wrong: 'the record is damaged' })")
    page.get_by_text("the record is damaged").wait_for()
    page.evaluate("model.set('kept', { value: 1.6, low: 1.5, high: 1.7, counts: true })")
    page.get_by_text("and with 80").wait_for()
    page.get_by_role("button", name="Change it").click()
    fill(page, card, 1.5, 1.55, 1.7)
    page.get_by_role("button", name="Commit").click()
    assert page.evaluate("model.get('said').value") == 1.55
    assert wrong == []
    page.close()
