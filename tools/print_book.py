"""Print the built book: a PDF of every chapter, and one of the whole book.

Usage: python tools/print_book.py OUTDIR [--site _build/html] [--only 05]

Solutions are open, code that only imports or draws is left out, and the theme is the light one.
"""

from __future__ import annotations

from pathlib import Path

from browser import ALL_SKIPPED, arguments, launch, serve, shown
from house import ROOT, Book
from playwright.sync_api import sync_playwright
from pypdf import PdfWriter

FOOT = (
    '<p style="font:8px sans-serif;width:100%;text-align:center;color:#666">'
    '<span class="title"></span>, page <span class="pageNumber"></span></p>'
)
MARGINS = {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}


def print_pages(site: Path, out: Path, only: str = "") -> list[Path]:
    """Write NAME.pdf for every page of the contents whose path has `only` in it."""
    out.mkdir(parents=True, exist_ok=True)
    saved = []
    paths = [entry.path for entry in Book(ROOT).entries if only in entry.path]
    with serve(site) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 900, "height": 1200})
        page.add_init_script(ALL_SKIPPED)
        for path in paths:
            shown(page, f"{address}/{path}.html")
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            target = out / f"{Path(path).stem}.pdf"
            page.pdf(
                path=target, format="A4", margin=MARGINS, print_background=True, tagged=True,
                outline=True, scale=0.72, display_header_footer=True, header_template="<p></p>",
                footer_template=FOOT,
            )  # fmt: skip
            saved.append(target)
        browser.close()
    return saved


def bind(parts: list[Path], target: Path, title: str) -> None:
    """Join PDFs into one, with an outline entry for each."""
    book = PdfWriter()
    for part in parts:
        book.append(part, outline_item=part.stem)
    book.add_metadata({"/Title": title})
    book.write(target)


def main() -> None:
    """Read the command line and print."""
    options = arguments(__doc__.splitlines()[0])
    parts = print_pages(options.site, options.outdir, options.only)
    if not options.only:
        bind(parts, options.outdir / "scaling-laws-from-scratch.pdf", "Scaling Laws from Scratch")
    print(f"{len(parts)} pages of the book, in {options.outdir}")


if __name__ == "__main__":
    main()
