"""Save pictures of every page, wide and narrow, light and dark, to look at.

Usage: python tools/screenshots.py OUTDIR [--site _build/html] [--only index]
"""

from __future__ import annotations

from pathlib import Path

from browser import (
    ALL_SKIPPED,
    HEIGHTS,
    THEMES,
    WIDTHS,
    arguments,
    launch,
    page_paths,
    serve,
    shown,
)
from playwright.sync_api import sync_playwright


def save_pictures(site: Path, out: Path, only: str = "") -> list[Path]:
    """Write NAME-WIDTH-THEME.png (whole page) and NAME-WIDTH-THEME-top.png; return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    saved = []
    with serve(site) as address, sync_playwright() as playwright:
        browser = launch(playwright)
        for width in WIDTHS:
            for theme in THEMES:
                size = {"width": width, "height": HEIGHTS[width]}
                context = browser.new_context(viewport=size, color_scheme=theme)
                context.add_init_script(ALL_SKIPPED)
                page = context.new_page()
                for path in page_paths(site):
                    if only not in path:
                        continue
                    shown(page, f"{address}/{path}")
                    name = f"{Path(path).stem}-{width}-{theme}"
                    for suffix, whole in (("-top", False), ("", True)):
                        target = out / f"{name}{suffix}.png"
                        page.screenshot(path=target, full_page=whole)
                        saved.append(target)
                context.close()
        browser.close()
    return saved


def main() -> None:
    """Read the command line and save the pictures."""
    options = arguments(__doc__.splitlines()[0])
    for path in save_pictures(options.site, options.outdir, options.only):
        print(path)


if __name__ == "__main__":
    main()
