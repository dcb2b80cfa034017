"""The book builds without a warning, and its pages hang together."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from book_look import Site, ask_below, caption, is_folded, moved
from book_site import MATHJAX_SCRIPT, shorten
from browser import page_paths
from building import Build, anchors, build_book, copy_project, read
from house import ROOT, Book
from stamp import site_address

SITE_BYTES = 25_000_000
LINKS = (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"))


def pages(site: Path) -> list[Path]:
    """Return every page of the site that a reader opens."""
    return [site / path for path in page_paths(site)]


def local_targets(page: Path) -> Iterator[str]:
    """Yield what a page links to or loads from its own site."""
    for tag, attribute in LINKS:
        for element in read(page).find_all(tag, attrs={attribute: True}):
            target = element[attribute]
            parts = urlsplit(target)
            if not parts.scheme and not parts.netloc and target not in ("", "#"):
                yield target


def dead_links(page: Path, site: Path) -> list[str]:
    """Return the links of a page that lead to no file or no element of the site."""
    found = []
    for target in local_targets(page):
        parts = urlsplit(target)
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if not file.is_file():
            found.append(f"{page.relative_to(site)}: {target}")
        elif parts.fragment and file.suffix == ".html":
            anchor = unquote(parts.fragment)
            if anchor not in anchors(file) and anchor != "top":
                found.append(f"{page.relative_to(site)}: {target}: no such anchor")
    return found


def third_parties(page: Path) -> list[str]:
    """Return what a page would load from elsewhere when it is opened."""
    found = []
    for tag, attribute in (("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href")):
        for element in read(page).find_all(tag, attrs={attribute: True}):
            passive = tag == "link" and not {"stylesheet", "preload", "icon", "preconnect"} & {
                *element.get("rel", [])
            }
            if urlsplit(element[attribute]).netloc and not passive:
                found.append(element[attribute])
    return found


def test_the_build_has_no_warning(build: Build) -> None:
    assert build.status == 0, build.printed[-3000:]
    assert "WARNING" not in build.printed
    assert "build succeeded" in build.printed


def test_a_warning_fails_the_build(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    for notebook in (folder / "book").glob("*.ipynb"):
        notebook.unlink()
    shutil.copy(ROOT / "book" / "part-2.md", folder / "book" / "index.md")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/index\n", encoding="utf-8")
    with (folder / "book" / "index.md").open("a", encoding="utf-8") as page:
        page.write("\n\nSee [nothing](nowhere.md) and {cite}`nobody1900`.\n")
    broken = build_book(folder)
    assert broken.status != 0
    assert "WARNING" in broken.printed


def test_every_page_of_the_contents_is_built(site: Path) -> None:
    missing = [e.path for e in Book(ROOT).entries if not (site / f"{e.path}.html").is_file()]
    assert missing == []


def test_every_link_and_anchor_resolves(site: Path) -> None:
    assert [dead for page in pages(site) for dead in dead_links(page, site)] == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<a href="gone.html">x</a><a href="#gone">y</a><p id="here">', "utf-8")
    assert len(dead_links(page, tmp_path)) == 2


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    assert {page.name: found for page in pages(site) if (found := third_parties(page))} == {}


def test_a_third_party_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<script src="https://cdn.example.org/x.js"></script>', "utf-8")
    assert third_parties(page) == ["https://cdn.example.org/x.js"]


def test_every_page_has_a_title_a_language_and_a_description(site: Path) -> None:
    titles, descriptions = {}, {}
    for page in pages(site):
        html = read(page)
        assert html.html["lang"] == "en", page.name
        titles[page.name] = html.title.get_text(strip=True)
        meta = html.find_all("meta", attrs={"name": "description"})
        assert len(meta) == 1, page.name
        descriptions[page.name] = meta[0]["content"].strip()
    assert len({*titles.values()}) == len(titles), titles
    assert all(descriptions.values())
    assert len({*descriptions.values()}) == len(descriptions), descriptions


def test_every_image_has_a_description(site: Path) -> None:
    for page in pages(site):
        for image in read(page).find_all("img"):
            assert image.get("alt") is not None, f"{page.name}: {image['src']}"
        for image in read(page).select("article img"):
            assert len(image["alt"]) >= 40, f"{page.name}: {image['alt']!r}"


def test_notebooks_open_in_colab_and_binder(site: Path) -> None:
    book = Book(ROOT)
    slug = book.url.removeprefix("https://github.com/")
    for notebook in book.notebooks:
        links = {a["href"] for a in read(site / "book" / f"{notebook.stem}.html").find_all("a")}
        colab = f"https://colab.research.google.com/github/{slug}/blob/{book.branch}/book/{notebook.name}"
        binder = f"https://mybinder.org/v2/gh/{slug}/{book.branch}"
        assert colab in links
        assert any(link.startswith(binder) and notebook.name in link for link in links)


def test_nothing_stands_before_the_text_of_a_page(site: Path) -> None:
    for page in pages(site):
        head = read(page).head
        blocking = [s["src"] for s in head.find_all("script", src=True) if not s.has_attr("defer")]
        assert blocking == [], page.name
        assert len(head.select("link[rel=stylesheet]")) == 1, page.name
        assert "fontawesome" not in str(head), page.name


def test_a_page_says_what_it_is_elsewhere(site: Path) -> None:
    base = site_address(Book(ROOT).url)
    for page in sorted((site / "book").glob("*.html")):
        head = read(page).head
        assert head.find("link", rel="canonical")["href"] == f"{base}/book/{page.name}"
        shared = {m["property"]: m["content"] for m in head.find_all("meta", property=True)}
        assert shared["og:url"] == f"{base}/book/{page.name}"
        assert shared["og:title"] and shared["og:description"]
        assert (site / shared["og:image"].removeprefix(f"{base}/")).is_file()
    listed = (site / "sitemap.xml").read_text("utf-8")
    assert f"{base}/book/01-the-bet.html" in listed
    assert f"{urlsplit(base).path}/book/index.html" in (site / "404.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("source", "folded"),
    [
        ("import numpy as np\nx = 1", True),
        ("from scalinglaws import Run", True),
        ("fig, ax = plt.subplots()\nplt.show()", True),
        ("runs = sweep(ladder, corpus)", False),
        ("# import nothing\nimportant = 1", False),
        ("important = 1", False),
    ],
)
def test_code_that_draws_or_imports_is_folded(source: str, folded: bool) -> None:
    assert is_folded(source) is folded


def test_figures_of_a_chapter_are_numbered_and_sized(site: Path) -> None:
    html = read(next(site.glob("book/05-*.html")))
    figures = html.select("figure.numbered")
    assert [figure["id"] for figure in figures] == [
        f"figure-5-{n + 1}" for n in range(len(figures))
    ]
    assert len(figures) == len(html.select('article img[src*="_images/"]')) > 3
    for figure in figures:
        caption = figure.figcaption.get_text()
        assert caption.startswith(f"Figure {figure['id'][7:].replace('-', '.')} ")
        assert figure.img["alt"].startswith(caption.split(" ", 2)[2].rstrip("."))
        assert 300 < int(figure.img["width"]) < 1000
        assert figure.figcaption.find_parent("a") is None
        assert re.fullmatch(r"--readable: [3-8]\d\dpx", figure.img["style"])


@pytest.mark.parametrize(
    ("alt", "said"),
    [
        ("Two panels. Above, the loss. Below, its slope.", "Two panels. Above, the loss."),
        ("Loss against compute, on logarithmic axes. It falls.",
         "Loss against compute, on logarithmic axes."),
        ("Two lines.", "Two lines."),
    ],
)  # fmt: skip
def test_a_caption_says_something(alt: str, said: str) -> None:
    assert caption(alt) == said


def test_text_before_a_bet_sends_to_its_card(site: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["Write it into the next cell in place of `None`, ",
                                             "as in `value=2`, now."]},
        {"cell_type": "code", "source": ["forecast.predict('1.a', value=None)"]},
        {"cell_type": "markdown", "source": "Put 3 in the place of `None`."},
        {"cell_type": "code", "source": "x = None"},
    ]  # fmt: skip
    ask_below(cells)
    assert cells[0]["source"] == "Write it below, now."
    assert cells[2]["source"] == "Put 3 in the place of `None`."
    for page in pages(site):
        prose = "\n".join(p.get_text() for p in read(page).select("article p"))
        assert not re.search(r"place of (?:the three )?None", prose), page.name


def test_heat_maps_are_told_from_other_figures(site: Path) -> None:
    maps = [figure["id"] for page in pages(site) for figure in read(page).select("figure.map")]
    assert {each.split("-")[1] for each in maps} == {"10", "12"}


def test_addresses_in_a_style_sheet_move_with_it() -> None:
    css = 'a{b:url("../img/x.svg")} c{d:url(data:image/png;base64,AA)} e{f:url(y.png)}'
    assert moved(css, "_static/styles/z.css") == (
        'a{b:url("img/x.svg")} c{d:url(data:image/png;base64,AA)} e{f:url("styles/y.png")}'
    )


def test_shared_files_keep_the_order_of_every_page() -> None:
    known: list[str] = []
    for page in (["a", "c"], ["a", "b", "c"], ["a", "c", "d"]):
        Site.gather(known, page)
    assert known == ["a", "b", "c", "d"]


def test_mathjax_comes_without_its_menu(site: Path) -> None:
    script = (site / "_static" / MATHJAX_SCRIPT).read_bytes()
    assert len(gzip.compress(script)) < 170_000  # with it, 262,000
    assert b"contextmenu" not in script.lower()
    for page in pages(site):
        assert "menuOptions" not in page.read_text("utf-8"), page.name


def test_the_site_is_small(site: Path) -> None:
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert size < SITE_BYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Short.", "Short."),
        ("two\n  lines", "two lines"),
        ("word " * 60, "word " * 38 + "word…"),
    ],
)
def test_descriptions_are_cut_at_a_word(text: str, expected: str) -> None:
    assert shorten(text, 200) == expected.strip()
    assert len(shorten(text, 200)) <= 200
