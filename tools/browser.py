"""Serve the built book on this machine and open it in a browser without a window."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, Error, Page, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no page reaches another machine
)
WIDTHS = (1280, 390)
HEIGHTS = {1280: 900, 390: 844}
THEMES = ("light", "dark")
ALL_SKIPPED = """localStorage.setItem("scalinglaws.bets",
  JSON.stringify({version: 1, bets: {}, skipped: ["*"], seen: []}))"""
"""What a browser that skips every bet has kept: run first, it opens all that bets fold away."""


READY = "() => window.MathJax?.startup?.promise?.then(() => true) ?? true"
"""Formulas are drawn."""
EAGER = "() => { for (const image of document.images) image.loading = 'eager'; }"
ALL_THERE = "() => [...document.images].every((image) => image.complete)"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve `folder` on a free port of the loopback interface; yields the address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(QuietHandler, directory=str(folder.resolve()))
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium, or playwright's own where the system has none.

    Raises:
        RuntimeError: if neither can be started; the message says what to install.
    """
    reasons = []
    found = (shutil.which(name) for name in BROWSERS)
    for path in [*filter(None, found), None]:
        try:
            return playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error as error:
            reasons.append(f"{path or 'playwright'}: {error.message.splitlines()[0]}")
    raise RuntimeError(
        "no browser: install chromium with the system's package manager, or run "
        "'python -m playwright install chromium' (" + "; ".join(reasons) + ")"
    )


def shown(page: Page, url: str) -> None:
    """Open a page, and wait until its formulas are drawn and all its figures are there."""
    page.goto(url, wait_until="networkidle")
    page.evaluate(READY)
    page.evaluate(EAGER)
    page.wait_for_function(ALL_THERE)


def arguments(description: str) -> argparse.Namespace:
    """Read the command line of a tool that makes files of the built pages: outdir, site, only."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--site", type=Path, default=Path("_build/html"))
    parser.add_argument("--only", default="", help="pages whose path contains this")
    options = parser.parse_args()
    if not options.site.is_dir():
        raise SystemExit(f"{options.site} is not there: run 'make book' first")
    return options


def page_paths(site: Path) -> list[str]:
    """Return the pages of the built book, relative to its folder: chapters, parts, search."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.glob("book/*.html"))
    return [*pages, "search.html", "genindex.html"]
