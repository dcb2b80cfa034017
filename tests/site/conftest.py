"""Build the book once for all tests of the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import Build, build_book, copy_project


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build a copy of the project, without what git ignores."""
    return build_book(copy_project(tmp_path_factory.mktemp("book")))


@pytest.fixture(scope="session")
def site(build: Build) -> Path:
    """Return the folder of the built pages."""
    assert (build.html / "index.html").is_file(), build.printed[-3000:]
    return build.html
