"""A Sphinx extension for what a page weighs, and for how its code is shown.

The theme loads an icon font of 800 KB for a dozen icons, and some thirty style sheets and scripts
before the first line of text. Here the built pages get one style sheet and one deferred script, and
icons drawn in the style sheet (`icons.css`). Code that only imports or draws is folded. Besides,
the site gets what a site has: canonical addresses, a picture for links, a map, a page for 404.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from itertools import pairwise
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from sphinx.application import Sphinx
from stamp import site_address

LINK = re.compile(r'[ \t]*<link\b[^>]*?\bhref="(?P<path>[^"?]+)[^"]*"[^>]*>\n?')
SCRIPT = re.compile(r'[ \t]*<script\b[^>]*?\bsrc="(?P<path>[^"?]+)[^"]*"[^>]*></script>\n?')
BLOCKING = re.compile(r"<script src=")
IMAGE = re.compile(r'<img\b(?P<rest>[^>]*?\bsrc="(?P<path>[^"]+)"[^>]*?)/?>')
FIGURE = re.compile(
    r'(?:<a class="[^"]*image-reference"[^>]*>\s*)?'
    r'(?P<image><img alt="(?P<alt>[^"]+)"[^>]*?src="[^"]*_images/[^"]+\.png"[^>]*>)(?:\s*</a>)?'
)
SET_SIZE = re.compile(r' ?style="width: [\d.]+px; height: [\d.]+px;"')
IMPORT = re.compile(r"@import\s+[\"']([^\"']+)[\"'];")
URL = re.compile(r"url\(\s*(['\"]?)(?!data:|https?:|#)([^'\")]+)\1\s*\)")
HINTS = re.compile(
    r"[ \t]*<script>(?:let toggle|var togglebuttonSelector|DOCUMENTATION_OPTIONS\.pagename)"
    r"[^<]*</script>\n?"
)
UNUSED = ("fontawesome", "thebe", "togglebutton", "design-tabs")
"""Parts of the theme that no page of this book needs: icons are our own, nothing is toggled."""
SEARCHES = "search-sections.js"
ALONE = ("mathjax/", "searchtools.js", "language_data.js", "searchindex.js", SEARCHES, "bets.js")
"""Scripts that only some pages load."""
DRAWS = re.compile(r"\bplt\.(?:subplots|show|figure)\(")
IMPORTS = re.compile(r"(?:from [\w.]+ )?import |find_spec\(")
FOLDED = "hide-input"
TO_FILL_IN = re.compile(
    r"(?:into the next cell )?in (?:the )?place of (?:the three )?`None`(?:, as in `[^`]*`)?"
)
"""Where the text before a bet sends the reader; on the site a card asks instead."""
SENTENCE = re.compile(r"(?<=[a-z\d)])\. (?=[A-Z])")
ENOUGH = 5
"""Words that the first sentence of a caption has, or the second stands there too."""
THEME = re.compile(r'(<html\b[^>]*\bdata-theme=)"auto"')
"""Where JavaScript chooses the theme, which comes from the reader's system. Without it, light."""
SHARP = 150
"""A figure of more dots an inch than this has two a pixel, see `scalinglaws.plot.use_style`."""
MAP = re.compile(r"\b(?:heat|attention) maps?\b", re.IGNORECASE)
"""Said of figures with words on coloured cells: in the dark they are inverted, no more."""
SMALLEST, READABLE = 8 / 72, 9
"""The smallest words of a figure, in inches, and the pixels that they keep on a phone."""


def is_folded(source: str) -> bool:
    """Whether the site folds a cell of this code: it draws, or it only sets up the page."""
    return bool(DRAWS.search(source) or IMPORTS.match(source))


def ask_below(cells: list[dict[str, Any]]) -> None:
    """Let the text before a bet send its reader to the card below, not into the code."""
    for cell, following in pairwise(cells):
        if cell["cell_type"] == "markdown" and "predict(" in "".join(following["source"]):
            cell["source"] = TO_FILL_IN.sub("below", "".join(cell["source"]))


def fold(app: Sphinx, page: str, source: list[str]) -> None:
    """Tag the code cells of a chapter that the site folds, and send its bets to their cards."""
    if not source[0].lstrip().startswith("{"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and is_folded("".join(cell["source"])):
            cell["metadata"].setdefault("tags", []).append(FOLDED)
    ask_below(notebook["cells"])
    source[0] = json.dumps(notebook)


def moved(css: str, path: str) -> str:
    """Return the style sheet at `path` in the site so that it can stand in `_static`."""
    folder = path.rpartition("/")[0]

    def one(found: re.Match[str]) -> str:
        target = relpath(normpath(f"{folder}/{found[2]}"), "_static")
        return f'url("{target}")'

    return URL.sub(one, css)


def caption(alt: str) -> str:
    """Return the first sentence of a figure's description, with the next if it says little."""
    said = SENTENCE.split(alt)
    return ". ".join(said[: 1 if len(said[0].split()) >= ENOUGH else 2]).rstrip(".") + "."


class Numbered:
    """Puts a number and the beginning of its description under each figure of a chapter."""

    def __init__(self, page: Path) -> None:
        chapter = re.match(r"(\d\d)-", page.name)
        self.chapter = int(chapter[1]) if chapter else None
        self.count = 0

    def __call__(self, found: re.Match[str]) -> str:
        """Return the tag of an image, without the link to itself, in a frame that can scroll."""
        frame = f'<span class="figure-frame">{found["image"]}</span>'
        if self.chapter is None:
            return frame
        self.count += 1
        kind = " map" if MAP.search(found["alt"]) else ""
        return (
            f'<figure class="numbered{kind}" id="figure-{self.chapter}-{self.count}">'
            f"{frame}<figcaption>"
            f"<b>Figure {self.chapter}.{self.count}</b> {caption(found['alt'])}"
            "</figcaption></figure>"
        )


class Site:
    """The built pages, and what they share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages = {
            path: path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*.html"))
            if "_static" not in path.parts
        }
        self.css: list[str] = []
        self.js: list[str] = []
        for path, html in self.pages.items():
            self.gather(self.css, (self.inside(path, p) for p in style_sheets(html)))
            self.gather(self.js, (self.inside(path, p) for p in scripts(html)))

    def inside(self, page: Path, path: str) -> str:
        """Return a page's link to a file of the site as that file's path in the site."""
        return normpath((page.parent.relative_to(self.folder) / path).as_posix())

    @staticmethod
    def gather(known: list[str], paths: Iterable[str]) -> None:
        """Add the paths that are new, in the order in which a page has them."""
        place = 0
        for path in paths:
            if path in known:
                place = known.index(path) + 1
            else:
                known.insert(place, path)
                place += 1

    def write(self, name: str, text: str) -> str:
        """Write a file that all pages share; return its name with a mark of its content."""
        (self.folder / "_static" / name).write_text(text, encoding="utf-8")
        return f"_static/{name}?v={sha256(text.encode()).hexdigest()[:8]}"

    def bundle(self) -> tuple[str, str]:
        """Write one style sheet and one script for all pages; return their addresses."""
        css = "\n".join(self.sheet(path) for path in self.css)
        # A first statement keeps one file's "use strict" from holding for all.
        js = ";\n" + "\n;\n".join((self.folder / path).read_text("utf-8") for path in self.js)
        js = re.sub(r"^//# sourceMappingURL=.*$", "", js, flags=re.MULTILINE)
        return self.write("site.css", css), self.write("site.js", js)

    def sheet(self, path: str) -> str:
        """Return a style sheet with those that it imports."""
        folder = path.rpartition("/")[0]
        css = moved((self.folder / path).read_text("utf-8"), path)
        return IMPORT.sub(lambda found: self.sheet(normpath(f"{folder}/{found[1]}")), css)

    def slim(self) -> None:
        """Let every page load the shared style sheet and script, and figures as they come near."""
        css, js = self.bundle()
        for path, html in self.pages.items():
            up = relpath(".", path.parent.relative_to(self.folder).as_posix())
            up = "" if up == "." else f"{up}/"
            if style_sheets(html):
                html = LINK.sub(without(style_sheets(html), preloads=True), html)
                html = SCRIPT.sub(without(scripts(html)), HINTS.sub("", html))
                html = BLOCKING.sub("<script defer src=", html)
                head = (
                    f'<link rel="stylesheet" href="{up}{css}">\n'
                    f'<script defer src="{up}{js}"></script>\n'
                )
                html = html.replace("<title>", f"{head}<title>", 1)
            html = IMAGE.sub(lambda found, page=path: self.image(page, found), html)
            html = FIGURE.sub(Numbered(path), THEME.sub(r'\1"light"', html, count=1))
            path.write_text(html, encoding="utf-8")

    def image(self, page: Path, found: re.Match[str]) -> str:
        """Return the tag of a figure with its size, to be loaded when it comes near."""
        file = page.parent / found["path"]
        size = ""
        if "_images" in file.parts and file.suffix == ".png" and "width=" not in found["rest"]:
            with Image.open(file) as image:
                inch = image.info.get("dpi", (72,))[0]
                dots = 2 if inch > SHARP else 1
                across, down = (round(side / dots) for side in image.size)
                readable = min(across, image.width / inch * READABLE / SMALLEST)
            size = (
                f' width="{across}" height="{down}" loading="lazy"'
                f' style="--readable: {readable:.0f}px"'
            )
        return f"<img{SET_SIZE.sub('', found['rest']).rstrip()}{size}>"


def is_shared(path: str) -> bool:
    """Whether a script or style sheet goes into the one that all pages share."""
    outside = urlsplit(path).netloc
    return not outside and not any(part in path for part in (*ALONE, *UNUSED))


def style_sheets(html: str) -> list[str]:
    """Return the style sheets of a page that can be joined into one."""
    links = (found for found in LINK.finditer(html) if 'rel="stylesheet"' in found[0])
    return [found["path"] for found in links if is_shared(found["path"])]


def scripts(html: str) -> list[str]:
    """Return the scripts of a page that can be joined into one."""
    return [found["path"] for found in SCRIPT.finditer(html) if is_shared(found["path"])]


def without(joined: list[str], preloads: bool = False) -> Any:
    """Return what a tag becomes: nothing if all pages share its file or none needs it."""

    def one(found: re.Match[str]) -> str:
        gone = found["path"] in joined or any(part in found["path"] for part in UNUSED)
        return "" if gone or (preloads and 'rel="preload"' in found[0]) else found[0]

    return one


def described(context: dict[str, Any]) -> str:
    """Return what the page's meta description says."""
    found = re.search(r'<meta name="description" content="([^"]*)"', context.get("metatags", ""))
    return found[1] if found else ""


def share(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object | None
) -> None:
    """Say what a link to the page shows elsewhere."""
    title = escape(re.sub(r"<[^>]+>", "", context.get("title") or app.config.html_title))
    picture = f"{app.config.html_baseurl}_static/the-bet.png"
    context["metatags"] = context.get("metatags", "") + (
        f'<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{described(context)}">\n'
        f'<meta property="og:type" content="article">\n'
        f'<meta property="og:site_name" content="{escape(app.config.html_title)}">\n'
        f'<meta property="og:url" content="{app.config.html_baseurl}{page}.html">\n'
        f'<meta property="og:image" content="{picture}">\n'
        f'<meta name="twitter:card" content="summary_large_image">\n'
    )


def search_sections(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object | None
) -> None:
    """Let the page of search, and no other, say in which sections words stand."""
    if page == "search":
        app.add_js_file(SEARCHES)


def extra_pages(app: Sphinx, pages: Iterable[str]) -> None:
    """Write the map of the site, the page for what is not there, and the root page."""
    base, title = app.config.html_baseurl, escape(app.config.html_title)
    out = Path(app.outdir)
    entries = "".join(f"<url><loc>{base}{page}</loc></url>\n" for page in pages)
    (out / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )
    plain = (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<style>:root{color-scheme:light dark}body{font:1.1rem/1.6 system-ui,sans-serif;"
        "max-width:34rem;margin:15vh auto;padding:0 1.2rem}</style>\n"
    )
    root = urlsplit(base).path
    first = f"{app.config.root_doc}.html"
    (out / "404.html").write_text(
        f"{plain}<title>Not here: {title}</title>\n<main><h1>This page is not here</h1>\n"
        f'<p>It may have moved. <a href="{root}{first}">The front page</a> lists all chapters, '
        f'and <a href="{root}search.html">search</a> finds words in them.</p></main>\n</html>\n',
        encoding="utf-8",
    )
    (out / "index.html").write_text(
        f'{plain}<meta http-equiv="refresh" content="0; url={first}">\n'
        f'<link rel="canonical" href="{base}{first}">\n<title>{title}</title>\n'
        f'<main><h1>{title}</h1>\n<p><a href="{first}">Open the book</a></p></main>\n</html>\n',
        encoding="utf-8",
    )


def finish(app: Sphinx, error: Exception | None) -> None:
    """Make the built pages light, and add those that Sphinx does not write."""
    if error is not None or app.builder.format != "html":
        return
    site = Site(Path(app.outdir))
    site.slim()
    pages = (path.relative_to(site.folder).as_posix() for path in site.pages)
    extra_pages(app, [page for page in pages if page.startswith("book/")])


def set_address(app: Sphinx, config: Any) -> None:
    """Give the pages the canonical address of the book."""
    if not config.html_baseurl:
        config.html_baseurl = site_address(config.html_theme_options["repository_url"]) + "/"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.connect("config-inited", set_address)
    app.connect("source-read", fold)
    app.connect("html-page-context", share, priority=600)
    app.connect("html-page-context", search_sections)
    app.connect("build-finished", finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
