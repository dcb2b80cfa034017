"""A small chapter that keeps every rule, for the tests to break in one way at a time."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import nbformat
from house import Book, colab_link, setup_cell
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pages import Bibliography, Chapter, read_bibliography

URL = "https://github.com/someone/some-book"
NAME = "01-sample.ipynb"
ALT = "Nine dots that fall along a straight line when both axes are logarithmic."
BIB = """
@article{kaplan2020,
  author = {Kaplan, Jared and McCandlish, Sam},
  title = {Scaling Laws},
  year = {2020},
  url = {https://arxiv.org/abs/2001.08361}
}
@article{hagele2024,
  author = {H{\\"a}gele, Alexander and Jaggi, Martin},
  title = {Beyond Fixed Durations},
  year = {2024},
  url = {https://arxiv.org/abs/2405.18392}
}
"""
EXERCISE = """**1.{n} A thought** (easy, 5 minutes). Work it out, then ask
`check.answer("1.{n}", 2)`.

<details>
<summary>Solution</summary>

The answer is $2$.

</details>"""


def png(width: int = 2, height: int = 2, note: bytes = b"") -> bytes:
    """Return a grey PNG, with `note` as the name of the program that wrote it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    text = chunk(b"tEXt", b"Software\0" + note) if note else b""
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def figure(data: bytes) -> NotebookNode:
    """Return the output that shows a PNG."""
    content = {"image/png": base64.b64encode(data).decode(), "text/plain": "<Figure>"}
    return new_output("display_data", data=content)


def notebook() -> NotebookNode:
    """Return the notebook of the sample chapter."""
    prose = "The loss falls as the model grows and nobody has to believe it. " * 120
    cells = [
        new_markdown_cell(
            f"# 1. A sample\n\nA claim in one line.\n\n{colab_link(URL, 'main', NAME)}"
        ),
        new_markdown_cell(
            "**You will learn** a rule.\n\n**You need** nothing.\n\n**Runs in 2 min on 2 cores.**"
        ),
        new_code_cell(setup_cell(URL)),
        new_code_cell("forecast.predict('1.loss', value=None, low=None, high=None)"),
        new_markdown_cell(
            "## A law\n\nAfter [Kaplan and McCandlish 2020](https://arxiv.org/abs/2001.08361) the "
            f"loss is $L = 2$, and [Hägele et al., 2024](https://arxiv.org/abs/2405.18392v2) went "
            f"on. In March 2022 it was so too. See [the law](#a-law).\n\n{prose}"
        ),
        new_code_cell(
            "plot()\nforecast.score('1.loss', 2.0)", metadata={"mystnb": {"image": {"alt": ALT}}}
        ),
        new_markdown_cell("## Where this breaks\n\nIn the limit."),
        new_markdown_cell("## Summary\n\nIt falls." + questions()),
        new_markdown_cell(
            "## Exercises\n\n" + "\n\n".join(EXERCISE.format(n=n) for n in (1, 2, 3))
        ),
        new_markdown_cell("## Further reading\n\nThe paper above."),
    ]
    count = 0
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{number:02d}"
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
    cells[5]["outputs"] = [figure(png())]
    return new_notebook(cells=cells)


def bibliography(folder: Path) -> Bibliography:
    """Return the sample's references, read from a file under `folder`."""
    path = folder / "references.bib"
    path.write_text(BIB, encoding="utf-8")
    return read_bibliography(path)


def questions() -> str:
    """Return a section of three questions, each with three answers to open."""
    answers = "".join(
        f"\n\n<details><summary>{said}</summary>\n\n**{mark}.** Because.\n\n</details>"
        for said, mark in (("Up", "No"), ("Down", "Right"), ("Neither", "No"))
    )
    asked = "".join(f"\n\n**1.{letter}** Where does it go?{answers}" for letter in "abc")
    return "\n\n## Check yourself" + asked


def make_book(folder: Path) -> Book:
    """Write the settings of a book with the sample as its only chapter under `folder`."""
    (folder / "book").mkdir(exist_ok=True)
    (folder / "_config.yml").write_text(
        f"repository:\n  url: {URL}\n  branch: main\n", encoding="utf-8"
    )
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n  - caption: One\n    chapters:\n"
        '      - file: book/01-sample\n        title: "1. A sample"\n',
        encoding="utf-8",
    )
    (folder / "book" / "index.md").write_text(
        f"# Index\n\n| Chapter | Minutes |\n|---|---|\n| [1. A sample]({NAME}) | 2 |\n",
        encoding="utf-8",
    )
    return Book(folder)


def make_chapter(folder: Path) -> Chapter:
    """Write the sample chapter and its book under `folder`; return the chapter."""
    book = make_book(folder)
    path = folder / "book" / NAME
    nb = notebook()
    nbformat.write(nb, path)
    return Chapter(path, nb, book, bibliography(folder))
