"""The built pages in a real browser: wide and narrow, light and dark, without a network."""

from __future__ import annotations

import gzip
import os
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import ALL_SKIPPED, HEIGHTS, THEMES, WIDTHS, page_paths, serve
from building import read
from PIL import Image
from playwright.sync_api import Browser, Page, Request, TimeoutError

from scalinglaws.plot import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY

SERIOUS = ("serious", "critical")
PAGE_BYTES, PAGE_REQUESTS = 800_000, 25
KINDS = (
    "is light to load",
    "loads nothing from elsewhere",
    "no complaint in the console",
    "fits the width",
    "keeps the shape of its figures",
    "scrolls by keyboard",
    "formulas are drawn",
    "follows the reader's theme",
    "no serious barrier",
)
DRAWN = "() => window.MathJax?.startup?.promise?.then(() => true) ?? true"
OVERFLOW = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .filter((e) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      const style = getComputedStyle(p);
      if (p !== e && style.overflowX !== "visible") return false;
      if (style.position === "fixed" || style.visibility === "hidden") return false;
    }
    return true;
  })
  .slice(0, 5)
  .map((e) => `${e.tagName}.${e.className}`)"""
EVERY = "SCALINGLAWS_EVERY_PAGE"
HELD = (
    "span.math, div.math", "article table", "article img", "article details", "article dl",
    "[data-bet]", "script.widget, .widget-frame, [id^=explorer]", "article a",
)  # fmt: skip
"""What pages hold, as selectors: formulas, tables, figures, solutions, descriptions, bets, ..."""
SQUEEZED = """() => [...document.querySelectorAll("article img")]
  .filter((e) => e.naturalWidth > 0 && e.clientWidth > 0)
  .filter((e) => {
    const edge = parseFloat(getComputedStyle(e).paddingTop);  // in the dark: paper around it
    const shown = (e.clientWidth - 2 * edge) / (e.clientHeight - 2 * edge);
    const shape = (e.naturalWidth / e.naturalHeight) / shown;
    return shape < 0.97 || shape > 1.03;
  })
  .map((e) => e.src)"""
AT_ONCE = "*, *::before, *::after { transition: none !important; }"
"""A change of theme without the moments in between."""
WITHOUT = """(what) => document.querySelectorAll(what).forEach((e) => { e.textContent = ""; })"""
FORMULA_FONT = """() => [...document.fonts]
  .filter((f) => f.family.startsWith("MJX") && f.status === "loaded").length"""
UNREACHABLE = """() => [...document.querySelectorAll("article *")]
  .filter((e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX))
  .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
  .filter((e) => e.tabIndex < 0)
  .map((e) => `${e.tagName}.${e.className}`)"""
REACHABLE = f"() => !({UNREACHABLE})().length"
BEHEADED = """() => [...document.querySelectorAll("div.math")]
  .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
  .filter((e) => e.firstElementChild.getBoundingClientRect().left + e.scrollLeft
    < e.getBoundingClientRect().left - 1)
  .map((e) => e.textContent.slice(0, 60))"""
"""Formulas that are wider than the page, and whose beginning no scrolling brings back."""


@dataclass
class Visit:
    """A page that was opened, and what happened while it loaded."""

    page: Page
    elsewhere: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visit(
    browser: Browser, url: str, width: int = 1280, theme: str = "light", script: str = ALL_SKIPPED
) -> Iterator[Visit]:
    """Open `url`; every request that leaves this machine is noted, and the browser refuses it.

    Bets are skipped, so that the whole page is open, unless another `script` runs first.
    """
    own = url.split("/", 3)[2]
    size = {"width": width, "height": HEIGHTS[width]}
    context = browser.new_context(viewport=size, color_scheme=theme)
    context.add_init_script(script or "0")
    page = context.new_page()
    page.set_default_timeout(90_000)  # a busy machine takes its time
    seen = Visit(page)

    def judge(request: Request) -> None:
        own_files = request.url.startswith((f"http://{own}/", "data:", "blob:"))
        (seen.loaded if own_files else seen.elsewhere).append(request.url)

    page.on("request", judge)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            seen.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on(
        "response",
        lambda answer: (
            seen.complaints.append(f"{answer.status} {answer.url}")
            if answer.status >= 400
            else None
        ),
    )
    try:
        opened(seen, url)
        yield seen
    finally:
        context.close()


def opened(seen: Visit, url: str, until: str = "networkidle") -> None:
    """Go to a page of the same site, and forget what happened on the one before."""
    seen.elsewhere.clear()
    seen.loaded.clear()
    seen.complaints.clear()
    seen.page.goto(url, wait_until=until)
    seen.page.evaluate(DRAWN)


def formulas(path: Path) -> int:
    """Return the number of formulas in the source of a built page."""
    return len(read(path).select("span.math, div.math"))


def kinds_of_tokens(path: Path) -> int:
    """Return how many kinds of tokens the code of a built page has: each has its colour."""
    html = read(path)
    return len({kind for token in html.select("pre span") for kind in token.get("class", [])})


def look(seen: Visit, theme: str, expected: int) -> dict[str, list[str]]:
    """Return what is wrong with an open page, by kind; `expected` is its number of formulas."""
    page = seen.page
    drawn = page.locator("mjx-container").count()
    wrong = {kind: [] for kind in KINDS}
    wrong["loads nothing from elsewhere"] += seen.elsewhere
    wrong["no complaint in the console"] += seen.complaints
    wrong["fits the width"] += page.evaluate(OVERFLOW)
    wrong["keeps the shape of its figures"] += page.evaluate(SQUEEZED)
    if page.evaluate("() => document.documentElement.scrollWidth - innerWidth") > 0:
        wrong["fits the width"].append("the page scrolls sideways")
    wrong["scrolls by keyboard"] += page.evaluate(UNREACHABLE)
    wrong["formulas are drawn"] += page.evaluate(BEHEADED)
    if drawn < expected:
        wrong["formulas are drawn"].append(f"{drawn} of {expected} formulas drawn")
    if page.locator("mjx-merror").count():
        wrong["formulas are drawn"].append("a formula that MathJax cannot read")
    if page.locator("mjx-assistive-mml math").count() < drawn:
        wrong["formulas are drawn"].append("a formula that a screen reader cannot read")
    if page.locator("mjx-container[tabindex]").count():
        wrong["formulas are drawn"].append("a formula is a stop of the Tab key")
    if expected and not page.evaluate(FORMULA_FONT):
        wrong["formulas are drawn"].append("no font of MathJax was loaded")
    if page.locator("html").get_attribute("data-theme") != theme:
        wrong["follows the reader's theme"].append("another theme")
    return wrong


def barriers(page: Page) -> list[str]:
    """Return the serious barriers of an open page."""
    # Without `preload`, which asks for style sheets again and complains of those it does not find.
    options = {"preload": False, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response
    return [
        f"{barrier['id']}: {[node['html'][:160] for node in barrier['nodes'][:3]]}"
        for barrier in found["violations"]
        if barrier["impact"] in SERIOUS
    ]


def show(page: Page, width: int, theme: str) -> None:
    """Show a page at this width in this theme."""
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=theme)
    settle(page, theme)
    with suppress(TimeoutError):  # what became too wide is reachable a moment later
        page.wait_for_function(REACHABLE, timeout=2_000)


def settle(page: Page, theme: str) -> None:
    """Wait a moment for the page to follow a change of theme; `look` says if it does not."""
    follows = "theme => document.documentElement.dataset.theme === theme"
    with suppress(TimeoutError):
        page.wait_for_function(follows, arg=theme, timeout=3_000)


def weight(site: Path, loaded: list[str]) -> list[str]:
    """Return what is too much in what a page loaded, its files zipped as servers send them."""
    files = [site / urlsplit(url).path.lstrip("/") for url in loaded if url.startswith("http")]
    small = (".png", ".woff", ".woff2")
    size = sum(
        len(data if file.suffix in small else gzip.compress(data))
        for file, data in ((file, file.read_bytes()) for file in files)
    )
    found = [f"{size} bytes, more than {PAGE_BYTES}"] if size > PAGE_BYTES else []
    return found + ([f"{len(files)} requests"] if len(files) > PAGE_REQUESTS else [])


@pytest.fixture(scope="module")
def wrong(browser: Browser, address: str, site: Path) -> dict[str, list[str]]:
    """Look at pages at every width and in every theme; return what is wrong.

    These are all pages where `make test` asks for them, else those of `telling`.
    A page is opened once, as on a phone, and then widened. To look for barriers takes longer than
    all else, and the longer the more there is on a page. So code, whose colours are the same
    everywhere, is judged on one page, at every width and in every theme, and formulas on another.
    The other pages are judged without them, in the dark when wide and in the light when narrow.
    """
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    colourful, learned, *_ = telling(site)
    paths = page_paths(site) if os.environ.get(EVERY) == "1" else telling(site)
    with visit(browser, f"{address}/{paths[0]}", min(WIDTHS)) as seen:
        for path in paths:
            expected = formulas(site / path)
            show(seen.page, min(WIDTHS), THEMES[0])
            opened(seen, f"{address}/{path}", "load")
            found["is light to load"] += [f"{path}: {m}" for m in weight(site, seen.loaded)]
            seen.page.add_style_tag(content=AT_ONCE)
            for width, theme in product(sorted(WIDTHS), THEMES):
                show(seen.page, width, theme)
                for kind, messages in look(seen, theme, expected).items():
                    found[kind] += [f"{path}, {width} px, {theme}: {m}" for m in messages]
            if path != colourful:
                seen.page.evaluate(WITHOUT, "article pre")
            if path != learned:
                seen.page.evaluate(WITHOUT, "mjx-container")
            judged = [(max(WIDTHS), "dark"), (min(WIDTHS), "light")]
            for width, theme in product(WIDTHS, THEMES) if path == colourful else judged:
                show(seen.page, width, theme)
                found["no serious barrier"] += [
                    f"{path}, {width} px, {theme}: {m}" for m in barriers(seen.page)
                ]
    return found


def telling(site: Path) -> list[str]:
    """Return few pages with all that a page may hold: the most of each kind of thing, no copies.

    The first has the most kinds of tokens in its code, the second the most formulas.
    """
    paths = page_paths(site)
    most = [max(paths, key=lambda path: kinds_of_tokens(site / path))]
    for what in HELD:
        most.append(max(paths, key=lambda path: len(read(site / path).select(what))))
    return [*dict.fromkeys([*most, "book/index.html", "search.html", "genindex.html"])]


def test_few_pages_hold_all_that_a_page_may_hold(site: Path) -> None:
    found = telling(site)
    assert len(found) <= len(page_paths(site)) / 2
    for what in HELD:
        assert any(read(site / path).select(what) for path in found), what


@pytest.mark.parametrize("kind", KINDS)
def test_every_page(kind: str, wrong: dict[str, list[str]]) -> None:
    assert not wrong[kind], "\n".join(wrong[kind])


def test_there_are_formulas_to_draw(site: Path) -> None:
    assert sum(formulas(site / path) for path in page_paths(site)) > 0


def test_weight_counts_zipped_bytes_and_requests(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_bytes(b"x" * 10_000_000)
    (tmp_path / "a.png").write_bytes(b"x" * 1_000_000)
    assert weight(tmp_path, ["http://here/a.css?v=1"]) == []
    assert len(weight(tmp_path, ["http://here/a.png"])) == 1
    assert weight(tmp_path, ["http://here/a.css"] * 26) == ["26 requests"]


def test_all_code_is_shown_on_demand_and_stays_so(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/01-the-bet.html") as seen:
        page = seen.page
        folds = page.locator("details.hide")
        assert folds.count() > 2
        assert not folds.first.evaluate("fold => fold.open")
        page.locator(".code-switch button").click()
        page.reload(wait_until="networkidle")
        assert all(folds.evaluate_all("all => all.map(fold => fold.open)"))
        page.locator(".code-switch button").press("Enter")
        assert not any(folds.evaluate_all("all => all.map(fold => fold.open)"))


def test_print_opens_solutions_and_is_light(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/01-the-bet.html", theme="dark") as seen:
        page = seen.page
        solutions = page.locator("article details:not(.hide)")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert all(solutions.evaluate_all("all => all.map(one => one.open)"))
        assert page.locator("html").get_attribute("data-theme") == "light"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_first_bet_can_be_placed_on_the_front_page(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/index.html", 390, script="") as seen:
        page = seen.page
        assert page.locator(".bet-front circle").count() > 3
        assert page.locator("article").get_by_text("Who it is for").is_visible()
        for name, value in {"low": "1.4", "value": "1.5", "high": "1.6"}.items():
            page.locator(f"#bet-1-bigger-model-{name}").fill(value)
        page.get_by_role("button", name="Commit").click()
        assert page.locator(".bet-front .bet-kept").is_visible()
        assert "The answer is" not in page.locator("article").inner_text()
        page.get_by_role("link", name="Go to the answer").click()
        page.wait_for_url("**/01-the-bet.html#told-1-bigger-model")
        assert "1.5" in page.locator("#bet-1-bigger-model .bet-kept").inner_text()


def test_a_bad_page_is_noticed(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        '<title>Bad</title><body><img src="https://example.org/pixel.png">'
        '<div style="width:2000px">wide</div><script>throw Error("broken")</script>'
        '<div class="math" style="display:flex;flex-direction:row-reverse;overflow-x:auto">'
        '<p style="flex:none;width:900px">begins out of sight</p></div>',
        encoding="utf-8",
    )
    with serve(tmp_path) as served, visit(browser, f"{served}/bad.html", 390) as seen:
        assert seen.elsewhere == ["https://example.org/pixel.png"]
        assert any("broken" in complaint for complaint in seen.complaints)
        wrong = look(seen, "light", expected=1)
        wrong["no serious barrier"] = barriers(seen.page)
        assert wrong["fits the width"][0] == "DIV."
        assert "begins out of sight" in wrong["formulas are drawn"]
        assert wrong["follows the reader's theme"]
        assert any(
            "document-title" in m or "html-has-lang" in m for m in wrong["no serious barrier"]
        )


def test_search_finds_a_word(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/search.html?q=exponent") as seen:
        results = seen.page.locator("ul.search li a")
        results.first.wait_for(timeout=10_000)
        assert results.count() > 0
        assert seen.elsewhere == []
    with visit(browser, f"{address}/search.html?q=xyzzyplugh") as seen:
        seen.page.wait_for_timeout(1_000)
        assert seen.page.locator("ul.search li a").count() == 0


def only_here(page: Path) -> tuple[str, str]:
    """Return a word of the prose that only one section of a page holds, and its id."""
    article = read(page).select_one("article")
    words = re.findall(r"[a-z]+", article.get_text().lower())
    for section in article.select("section section[id]"):
        prose = " ".join(p.get_text() for p in section.find_all("p", recursive=False))
        for word in re.findall(r"\b[a-z]{8,}\b", prose):
            if sum(each.startswith(word[:5]) for each in words) == 1:
                return word, section["id"]
    raise LookupError(f"{page.name} has no such word")


def test_search_leads_to_the_section(browser: Browser, address: str, site: Path) -> None:
    path = next(site.glob("book/14-*.html"))
    word, section = only_here(path)
    with visit(browser, f"{address}/search.html?q={word}") as seen:
        page = seen.page
        hit = page.locator(f'.search-sections a[href$="/{path.name}#{section}"]')
        hit.wait_for(timeout=30_000)
        said = hit.locator("xpath=..").locator(".context").inner_text()
        assert word in said and 20 < len(said) < 400
        assert hit.inner_text() == read(path).find(id=section).find("h2").get_text().rstrip("#")
        assert page.locator(f'.search-sections a[href*="/{path.name}#"]').count() == 1
        assert seen.elsewhere == [] and seen.complaints == []
        hit.click()
        page.wait_for_url(f"**/{path.name}*#{section}", wait_until="commit")


def test_the_reader_can_switch_to_the_dark(browser: Browser, address: str) -> None:
    background = "() => getComputedStyle(document.body).backgroundColor"
    with visit(browser, f"{address}/book/index.html") as seen:
        light = seen.page.evaluate(background)
        for _ in range(3):
            seen.page.locator("button.theme-switch-button:visible").first.click()
            if seen.page.locator("html").get_attribute("data-theme") == "dark":
                break
        assert seen.page.locator("html").get_attribute("data-theme") == "dark"
        assert seen.page.evaluate(background) != light


INKS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, *INK.values(), "#222222", "#555555", "black")
"""What figures are drawn and written in, see `scalinglaws.plot`."""
SIDE = 40
PICTURE = """(png) => {
  const cell = document.querySelector(".cell_output"), image = new Image();
  image.src = png;
  cell.replaceChildren(image);
  cell.scrollIntoView();
  return image.decode();
}"""


def luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance, as WCAG defines it, of a colour of three numbers to 255."""
    parts = [part / 255 for part in colour[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_figures_in_the_dark_keep_their_contrast(browser: Browser, address: str) -> None:
    swatches = Image.new("RGB", (SIDE * (len(INKS) + 1), SIDE), "white")
    for place, ink in enumerate(INKS):
        swatches.paste(ink, (SIDE * place, 0, SIDE * (place + 1), SIDE))
    kept = BytesIO()
    swatches.save(kept, "png")
    png = f"data:image/png;base64,{b64encode(kept.getvalue()).decode()}"
    with visit(browser, f"{address}/book/01-the-bet.html", theme="dark") as seen:
        seen.page.evaluate(PICTURE, png)
        image = seen.page.locator(".cell_output img").first
        shown = Image.open(BytesIO(image.screenshot())).convert("RGB")
        edge = (shown.width - swatches.width) // 2
        at = [shown.getpixel((edge + SIDE * n + SIDE // 2, shown.height // 2))
              for n in range(len(INKS) + 1)]  # fmt: skip
        *inks, ground = at
        assert contrast(ground, shown.getpixel((1, 1))) < 1.03  # no box around the figure
        told = {
            ink: round(contrast(found, ground), 1) for ink, found in zip(INKS, inks, strict=True)
        }
        assert min(told.values()) >= 4.5, told
        seen.page.emulate_media(media="print")
        assert image.evaluate("image => getComputedStyle(image).filter") == "none"


COLOURS = """(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]
  .map((colour) => colour.match(/[\\d.]+/g).map(Number))"""


def test_the_way_back_to_the_top_is_readable_and_in_nobodys_way(
    browser: Browser, address: str
) -> None:
    with visit(browser, f"{address}/book/01-the-bet.html") as seen:
        button = seen.page.locator("#pst-back-to-top")
        seen.page.add_style_tag(content=AT_ONCE)
        seen.page.set_viewport_size({"width": 900, "height": 900})  # wide screens do without
        for theme in THEMES:
            seen.page.emulate_media(color_scheme=theme)
            settle(seen.page, theme)
            button.evaluate("e => { e.style.display = 'block'; }")  # as the theme does
            assert button.is_visible()
            assert contrast(*button.evaluate(COLOURS)) >= 4.5
        show(seen.page, min(WIDTHS), "light")
        assert not button.is_visible()


def test_without_javascript_the_page_has_its_colours(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/book/index.html")
    # A page without JavaScript is asked by what it looks like.
    ground = Image.open(BytesIO(page.screenshot())).convert("RGB").getpixel((700, 20))
    plot = Image.open(BytesIO(page.locator(".bet-sketch").screenshot())).convert("RGB")
    colours = [colour for _, colour in plot.getcolors(10_000)]
    context.close()
    assert ground == (0xFF, 0xFE, 0xFB)
    assert (0xA8, 0x48, 0x0F) in colours  # the line at which the next model lies


def test_words_of_a_figure_can_be_read_on_a_phone(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/06-chinchilla.html", 390) as seen:
        page = seen.page
        frame = page.locator(".figure-frame").first
        frame.scroll_into_view_if_needed()
        page.wait_for_function(REACHABLE, timeout=30_000)
        assert frame.evaluate("e => e.tabIndex === 0 && e.hasAttribute('data-more')")
        assert "Wide figure" in frame.get_attribute("aria-label")
        assert frame.locator("img").evaluate("image => image.clientWidth") > 550
        frame.focus()
        frame.press("ArrowRight")
        page.wait_for_function("() => document.querySelector('.figure-frame').scrollLeft > 0")


def test_the_first_tab_leads_to_the_text(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/index.html") as seen:
        seen.page.keyboard.press("Tab")
        focused = seen.page.evaluate("() => document.activeElement.textContent.trim()")
        assert "main content" in focused.lower()


def test_print_shows_the_text_alone(browser: Browser, address: str) -> None:
    with visit(browser, f"{address}/book/index.html") as seen:
        seen.page.emulate_media(media="print")
        assert not seen.page.locator(".bd-sidebar-primary").is_visible()
        assert seen.page.locator("h1:visible").count() == 1
        assert seen.page.locator("article p").first.is_visible()
