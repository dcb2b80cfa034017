"""Write the address of the repository wherever the project names it.

Usage: python tools/stamp.py https://github.com/owner/repo

`_config.yml` (repository.url) is the source; this command changes it, and with it the setup cells,
links and metadata. Running it twice changes nothing the second time.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from house import PLACEHOLDER, ROOT, Book, check_address

OWNER_REPO = r"[A-Za-z0-9-]+/[A-Za-z0-9._-]*[A-Za-z0-9_-]"
END = r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
# The places whose meaning is known, whatever repository they name now.
PLACES = (
    re.compile(rf"(?P<before>git\+https://github\.com/){OWNER_REPO}"),
    re.compile(rf"(?P<before>colab\.research\.google\.com/github/){OWNER_REPO}(?=/blob/)"),
    re.compile(rf"(?P<before>mybinder\.org/v2/gh/){OWNER_REPO}"),
)
KEYS = {
    "_config.yml": r"^  url: ",
    "CITATION.cff": r"^(?:repository-code|url): [\"']?",
    "pyproject.toml": r"^(?:Homepage|Repository|Source|Issues) = \"",
}


def stamped_files(root: Path) -> list[Path]:
    """Return the files that may name the repository."""
    named = ["_config.yml", "README.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml"]
    files = [root / name for name in named]
    files += sorted((root / "book").glob("*.ipynb")) + sorted((root / "book").glob("*.md"))
    files += sorted((root / "coursework" / "source").glob("*/*.ipynb"))
    files += sorted((root / "coursework" / "capstone").glob("*.ipynb"))
    return [path for path in files if path.is_file()]


def site_address(url: str) -> str:
    """Return the address at which GitHub Pages serves the book of the repository at `url`."""
    owner, repo = check_address(url)
    return f"https://{owner.lower()}.github.io/{repo}"


def stamp_text(text: str, name: str, old: str, new: str) -> str:
    """Return the text of the file `name` with the repository's address set to `new`.

    Places whose meaning is known (setup cells, Colab and Binder links, metadata) are set whatever
    they name; other links are changed where they name `old` or the placeholder.
    """
    slug = "/".join(check_address(new))
    for place in PLACES:
        text = place.sub(lambda match: match["before"] + slug, text)
    if name in KEYS:
        key = re.compile(rf"(?P<before>{KEYS[name]}https://github\.com/){OWNER_REPO}", re.MULTILINE)
        text = key.sub(lambda match: match["before"] + slug, text)
    for former in {old, PLACEHOLDER}:
        text = re.sub(re.escape(former) + END, new, text)
        owner, repo = check_address(former)
        for host in {owner, owner.lower()}:
            pages = f"https://{host}.github.io/{repo}"
            text = re.sub(re.escape(pages) + END, site_address(new), text)
    return text


def stamp(root: Path, new: str) -> list[Path]:
    """Stamp `new` into the files under `root`; return the files that changed.

    Raises:
        ValueError: if `new` is not the address of a repository; nothing is written then.
    """
    check_address(new)
    old = Book(root).url
    changed = []
    for path in stamped_files(root):
        before = path.read_bytes().decode("utf-8")
        after = stamp_text(before, path.name, old, new)
        if after != before:
            path.write_bytes(after.encode("utf-8"))
            changed.append(path)
    return changed


def main(arguments: list[str]) -> None:
    """Stamp the address given on the command line."""
    if len(arguments) != 1:
        raise SystemExit("usage: python tools/stamp.py https://github.com/owner/repo")
    try:
        changed = stamp(ROOT, arguments[0])
    except ValueError as error:
        raise SystemExit(f"stamp: {error}") from None
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed; the book's address is {arguments[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
