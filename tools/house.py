"""Where things stand in the book, read from `_config.yml` and `_toc.yml`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "https://github.com/OWNER/scaling-laws-from-scratch"
FIGURE_BYTES = 150_000
ADDRESS = re.compile(r"https://github\.com/(?P<owner>[A-Za-z0-9-]+)/(?P<repo>[A-Za-z0-9._-]+)")


@dataclass(frozen=True)
class Entry:
    """One page of the table of contents: its path without ending, and its title there."""

    path: str
    title: str


@dataclass(frozen=True)
class Book:
    """The book under `root`, which holds `_config.yml` and `_toc.yml`."""

    root: Path

    @cached_property
    def url(self) -> str:
        """The address of the repository."""
        config = yaml.safe_load((self.root / "_config.yml").read_text(encoding="utf-8"))
        return config["repository"]["url"]

    @cached_property
    def branch(self) -> str:
        """The branch that Colab and Binder open."""
        config = yaml.safe_load((self.root / "_config.yml").read_text(encoding="utf-8"))
        return config["repository"]["branch"]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every page of the table of contents, the root page first."""
        toc = yaml.safe_load((self.root / "_toc.yml").read_text(encoding="utf-8"))
        found = [Entry(toc["root"], "")]
        for part in toc["parts"]:
            found += [Entry(page["file"], page.get("title", "")) for page in part["chapters"]]
        return tuple(found)

    @cached_property
    def notebooks(self) -> tuple[Path, ...]:
        """Every notebook in `book/`: the chapters in their order, then the appendices."""
        return tuple(sorted((self.root / "book").glob("*.ipynb")))

    @cached_property
    def chapters(self) -> tuple[Path, ...]:
        """The notebooks that are chapters."""
        return tuple(path for path in self.notebooks if is_chapter(path))

    @cached_property
    def appendices(self) -> tuple[Path, ...]:
        """The notebooks that are appendices: for use, without forecast and exercises."""
        return tuple(path for path in self.notebooks if not is_chapter(path))

    @cached_property
    def pages(self) -> tuple[Path, ...]:
        """The pages that are plain Markdown."""
        return tuple(sorted((self.root / "book").glob("*.md")))


def is_chapter(path: Path) -> bool:
    """Tell whether a notebook is a chapter, whose name begins with its number, or an appendix."""
    return re.match(r"\d\d-", path.name) is not None


def check_address(url: str) -> tuple[str, str]:
    """Return owner and name of the repository at `url`.

    Raises:
        ValueError: if `url` is not of the form https://github.com/owner/repo.
    """
    if url.endswith("/"):
        raise ValueError(f"{url}: leave out the slash at the end")
    if url.endswith(".git"):
        raise ValueError(f"{url}: leave out .git at the end")
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise ValueError(f"{url}: expected https://github.com/owner/repo")
    return match["owner"], match["repo"]


def setup_cell(url: str) -> str:
    """Return the first code cell of every chapter for a repository at `url`."""
    return (
        "from importlib.util import find_spec\n"
        'if find_spec("scalinglaws") is None:\n'
        f"    %pip install -q git+{url}"
    )


def colab_link(url: str, branch: str, name: str) -> str:
    """Return the Markdown link that opens `book/name` in Colab."""
    owner, repo = check_address(url)
    target = f"https://colab.research.google.com/github/{owner}/{repo}/blob/{branch}/book/{name}"
    return f"[Open in Colab]({target})"


def project_files(root: Path = ROOT) -> list[str]:
    """Return the files that belong to the project: tracked, or new and not ignored."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in set(listed.split("\0")) if name and (root / name).is_file())
