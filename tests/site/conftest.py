"""Build the book once for all tests of the site."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import launch, serve
from building import Build, build_book, copy_project
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build a copy of the project, without what git ignores."""
    return build_book(copy_project(tmp_path_factory.mktemp("book")))


@pytest.fixture(scope="session")
def site(build: Build) -> Path:
    """Return the folder of the built pages."""
    assert (build.html / "index.html").is_file(), build.printed[-3000:]
    return build.html


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start a browser; without one the tests are skipped, or fail where one is required."""
    with sync_playwright() as playwright:
        try:
            started = launch(playwright)
        except RuntimeError as error:
            if os.environ.get("SCALINGLAWS_REQUIRE_BROWSER") == "1":
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield started
        started.close()


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Serve the built site on this machine."""
    with serve(site) as served:
        yield served
