"""Explorers on a bare page without a kernel and a network: they answer, and agree with Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from browser import serve
from playwright.sync_api import Browser, Page
from test_browser import OVERFLOW, SERIOUS

from scalinglaws import finished, reference
from scalinglaws.course import bets
from scalinglaws.course.growing import lanes
from scalinglaws.course.widgets import AskTheModel, Explorer, HowFar, Valley
from scalinglaws.course.widgets.valley import WINDOWS
from scalinglaws.text import ShortSums

PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<title>Explorer</title><body style="margin:4px"><main>{}</main>"""
LIMIT = {"valley": 25_000, "how_far": 25_000, "ask": 40_000}


@pytest.fixture(scope="module")
def explorers() -> dict[str, Explorer]:
    """One explorer of each kind."""
    runs, one = bets.prepared(reference("isoflop")), ("joined", "... of 3 budgets")
    race = bets.race(runs, {one: bets.entrants()[one]})
    task = ShortSums(digits=5, known=3)
    model = lanes(task, 32, 1)[0].model.build([3])
    torch.manual_seed(0)
    for weights in model.parameters():
        weights.data += 0.2 * torch.randn_like(weights)
    return {
        "valley": Valley(finished(reference("isoflop")), bootstrap=200),
        "how_far": HowFar(runs, race, race.assign(band=1.5)),
        "ask": AskTheModel(model, task),
    }


@pytest.fixture(scope="module")
def page(
    browser: Browser, explorers: dict[str, Explorer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A narrow page with all of them, and one of them twice."""
    folder: Path = tmp_path_factory.mktemp("explorers")
    shown = [explorer.html() for explorer in explorers.values()] + [explorers["valley"].html()]
    (folder / "index.html").write_text(PAGE.format("".join(shown)), encoding="utf-8")
    with serve(folder) as address:
        opened = browser.new_page(viewport={"width": 360, "height": 800})
        opened.route(re.compile("^(?!" + address + "|blob:|data:)"), lambda route: route.abort())
        opened.wrong = []
        opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
        opened.on("console", lambda message: opened.wrong.append(message.text))
        opened.goto(address)
        opened.wait_for_function("() => document.querySelectorAll('.said').length === 4")
        yield opened
        opened.close()


def numbers(text: str) -> list[float]:
    """The numbers in a sentence."""
    return [float(n.replace(",", "")) for n in re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)]


def test_a_page_of_them_is_sound(page: Page, explorers: dict[str, Explorer]) -> None:
    assert page.evaluate(OVERFLOW) == []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.wait_for_function("t => !!document.querySelector('.slx[data-dark]') === t",
                               arg=theme == "dark")  # fmt: skip
        found = Axe().run(page, options={"preload": False}).response["violations"]
        assert [v["id"] for v in found if v["impact"] in SERIOUS] == []
    ids = page.evaluate("() => [...document.querySelectorAll('[id^=explorer]')].map((e) => e.id)")
    assert len(set(ids)) == 4
    assert page.wrong == []
    for name, explorer in explorers.items():
        assert len(explorer.html().encode()) < LIMIT[name], name


def test_valley_agrees_with_its_python(page: Page, explorers: dict[str, Explorer]) -> None:
    valley, at = explorers["valley"], page.locator(".slx").first
    assert isinstance(valley, Valley)
    for sizes in WINDOWS:
        for budget, part, fitted in ((2, "lower half", range(6)), (9, "upper half", range(5, 11))):
            at.get_by_label("Parabola through").select_option(sizes)
            at.get_by_label("Budget", exact=True).fill(str(budget))
            at.get_by_role("button", name=part).click()
            valley["sizes"], valley["budget"], valley["fitted"] = sizes, budget, fitted
            a = valley.exponent()
            said = numbers(at.locator(".said").inner_text())
            assert said[1] == valley["times"] == 1.5
            assert said[4] == pytest.approx(valley.price(), abs=2e-4)
            assert said[6] == pytest.approx(a.value, abs=1.5e-3)
            assert said[8:] == pytest.approx([a.low, a.high], abs=1.5e-3)
    before = at.locator(".said").inner_text()
    at.get_by_label("Your size N").press("ArrowRight")
    after = at.locator(".said").inner_text()
    assert after != before
    at.locator("svg").first.click(position={"x": 100, "y": 100})
    assert at.locator(".said").inner_text() != after


def test_how_far_counts_as_python_does(page: Page, explorers: dict[str, Explorer]) -> None:
    far, at = explorers["how_far"], page.locator(".slx").nth(1)
    assert isinstance(far, HowFar)
    assert "Decide" in at.locator(".said").inner_text() and at.locator(".opened").count() == 0
    for band in ("record", "resampling"):
        at.get_by_label("Band of 95 %").select_option(band)
        for reach, ahead in ((4, 3), (8, 1)):
            at.get_by_label("Fitted up to").fill(str(reach))
            at.get_by_label("Open", exact=True).fill(str(ahead))
            far["band"], far["reach"], far["ahead"] = band, reach, ahead
            assert (
                "In the band: {} of {} runs".format(*far.tally())
                in at.locator(".said").inner_text()
            )
            assert at.locator(".opened").count() == ahead


def test_the_page_computes_the_model_as_torch_does(
    page: Page, explorers: dict[str, Explorer]
) -> None:
    ask, at = explorers["ask"], page.locator(".slx").nth(2)
    assert isinstance(ask, AskTheModel)
    for a, b in ((347, 285), (90817, 24685)):
        at.get_by_label("First number").fill(str(a))
        at.get_by_label("Second number").fill(str(b))
        ask["a"], ask["b"] = a, b
        found = at.evaluate("node => node.parentElement.found")
        assert np.allclose(found, ask.probabilities(), atol=1e-4)
    at.get_by_role("button", name="New, 3 digits").click()
    assert len(at.get_by_label("First number").input_value()) == 3


def test_values_are_checked(explorers: dict[str, Explorer]) -> None:
    valley = explorers["valley"]
    with pytest.raises(KeyError, match="this explorer has budget"):
        valley["size"] = 3
    for name, bad in (("times", 0), ("budget", 11), ("fitted", [0, 1]), ("sizes", "some")):
        with pytest.raises(ValueError):
            valley[name] = bad
    for bad in (-1, 100_000, 2.5, "7"):
        with pytest.raises(ValueError):
            explorers["ask"]["a"] = bad


def test_a_page_may_hold_any_text() -> None:
    odd = Explorer('a "label"', "</script><!-- & </div>", {"x": "</script><!--"}, {"v": 1}, {})
    odd.name = "valley"
    html = odd.html()
    assert html.count("</script>") == 1 and "<!--" not in html and "</div>" in html
