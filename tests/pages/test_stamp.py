"""`make stamp` writes the address of the repository wherever it is named, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from house import PLACEHOLDER, ROOT, Book, check_address
from stamp import site_address, stamp, stamp_text, stamped_files

NEW = "https://github.com/Some-One/my.book_2"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of every file that names the address."""
    for path in [*stamped_files(ROOT), ROOT / "_toc.yml"]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def read(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file under `folder`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_stamping_twice_changes_nothing_more(copy: Path) -> None:
    changed = stamp(copy, NEW)
    assert copy / "_config.yml" in changed
    assert Book(copy).url == NEW
    assert stamp(copy, NEW) == []


def test_stamping_back_restores_every_byte(copy: Path) -> None:
    before = read(copy)
    old = Book(copy).url
    stamp(copy, NEW)
    assert read(copy) != before
    stamp(copy, old)
    assert read(copy) == before


def test_no_file_names_the_old_address_afterwards(copy: Path) -> None:
    old = Book(copy).url
    stamp(copy, NEW)
    named = [name for name, content in read(copy).items() if old.encode() in content]
    assert named == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%pip install -q git+https://github.com/a/b\\n", f"%pip install -q git+{NEW}\\n"),
        (
            "https://mybinder.org/v2/gh/a/b/main",
            "https://mybinder.org/v2/gh/Some-One/my.book_2/main",
        ),
        (f"Clone {PLACEHOLDER}.", f"Clone {NEW}."),
        (f"{PLACEHOLDER}/issues", f"{NEW}/issues"),
        (f"{PLACEHOLDER}-other", f"{PLACEHOLDER}-other"),
        ("https://github.com/karpathy/nanochat", "https://github.com/karpathy/nanochat"),
        ("https://owner.github.io/scaling-laws-from-scratch/", f"{site_address(NEW)}/"),
    ],
)
def test_what_is_stamped(text: str, expected: str) -> None:
    assert stamp_text(text, "page.md", PLACEHOLDER, NEW) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/me/repo",
        "https://github.com/me/repo/",
        "https://github.com/me/repo.git",
        "https://github.com/me",
        "https://github.com/me/repo/tree/main",
        "https://example.org/me/repo",
        "github.com/me/repo",
        "",
    ],
)
def test_a_wrong_address_is_refused(url: str, copy: Path) -> None:
    before = read(copy)
    with pytest.raises(ValueError, match=r"leave out|expected"):
        stamp(copy, url)
    assert read(copy) == before


def test_owner_and_name_are_read() -> None:
    assert check_address(NEW) == ("Some-One", "my.book_2")
