"""A Sphinx extension for what the book needs beyond Jupyter Book's own settings.

It serves MathJax from the site itself, gives every page a description that search engines can show,
leaves out scripts that the book has no use for, and turns the docstrings of the package, which are
written to be read in a terminal, into what the page about it shows.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_SCRIPT = "mathjax/tex-chtml-light.js"
# The package holds every form of MathJax, 24 MB; a reader's browser asks for these only.
MATHJAX_FOLDERS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")
# What the script is put together from: all of MathJax's own tex-chtml.js but the menu, two fifths
# of its weight. Formulas keep their MathML for those who hear them.
MATHJAX_MODULES = (
    "core",
    "input/tex",
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",
)
DESCRIPTION_LENGTH = 200


def mathjax_folder() -> Path:
    """Return the folder of MathJax files that the package brings.

    Raises:
        RuntimeError: if the package is not installed.
    """
    spec = find_spec(MATHJAX_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{MATHJAX_PACKAGE} is missing: pip install -r requirements.txt")
    return Path(spec.origin).parent / "static" / "mathjax"


def mathjax_script(source: Path) -> str:
    """Return MathJax without its menu, as one script.

    The start comes first, for the modules register with it; it begins only when all of the script
    has run. That they are there is said to the loader, which would fetch them otherwise.
    """
    modules = [(source / f"{name}.js").read_text("utf-8") for name in MATHJAX_MODULES]
    there = f"MathJax.loader.preLoad({', '.join(map(repr, MATHJAX_MODULES))});"
    return "\n".join([(source / "startup.js").read_text("utf-8"), *modules, there]) + "\n"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax, as far as the pages load it, into the built site."""
    if error is not None or app.builder.format != "html":
        return
    source, static = mathjax_folder(), Path(app.outdir) / "_static"
    for part in MATHJAX_FOLDERS:
        skip = ignore_patterns("all-packages.js")
        copytree(source / part, static / "mathjax" / part, dirs_exist_ok=True, ignore=skip)
    (static / MATHJAX_SCRIPT).write_text(mathjax_script(source), encoding="utf-8")


def shorten(text: str, length: int = DESCRIPTION_LENGTH) -> str:
    """Return `text` on one line, cut at a word so that it has at most `length` characters."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    return line[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def first_paragraph(doctree: nodes.document) -> str:
    """Return the text of the first paragraph of a page, empty if it has none."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = paragraph.astext().strip()
        if text:
            return text
    return ""


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put the page's first paragraph into its meta description."""
    text = first_paragraph(doctree) if doctree is not None else ""
    if not text:
        text = f"{context.get('title') or page} of {app.config.html_title}"
    content = shorten(text).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    context["metatags"] = context.get("metatags", "") + (
        f'\n<meta name="description" content="{content}">\n'
    )
    if page == app.config.root_doc:
        context["docstitle"] = ""  # the front page's title is the book's: name it once


def drop_thebe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Take out the scripts for running code in the page, which this book does not offer."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", script) or "")
        and "THEBE" not in str(getattr(script, "attributes", {}).get("body") or "")
    ]


def as_rst(lines: list[str]) -> list[str]:
    """Return the lines of a plain docstring as reStructuredText.

    Text in single backquotes is code, an indented block after a colon is a listing, an example
    that begins with `>>>` stays as it is, and no other character means anything. Where lines that
    begin with a name and a colon go on indented, each is an entry in a list of definitions.
    """
    made: list[str] = []
    example = False
    entries = entry_lines(lines)
    for number, line in enumerate(lines):
        if number in entries:
            entry = ENTRY.fullmatch(line)
            if entry:
                made.append(", ".join(f"``{name}``" for name in entry[1].split(", ")))
            made.append("    " + inline(entry[2] if entry else line.strip()))
            continue
        indented = line.startswith("    ")
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if example or indented:
            made.append(line)
            continue
        text = inline(line)
        following = next((later for later in lines[number + 1 :] if later.strip()), "")
        opens = text.endswith(":") and following.startswith("    ")
        made.append(text + ":" if opens and ">>>" not in following else text)
    return made


ENTRY = re.compile(r"(\w+(?:, \w+)*): (\S.*)")
SPECIAL = re.compile(
    r"""([*|\\"]          # would be marked up, or made a curly quote
    |(?<=\b[A-Z])'(?!\w)  # the prime of D'
    |(?<=\w)_(?!\w))      # would be a link""",
    re.VERBOSE,
)


def inline(line: str) -> str:
    """Return a line of a plain docstring with its code marked and all else as it stands."""
    parts = re.split(r"`+([^`]+)`+", line)
    parts[::2] = [SPECIAL.sub(r"\\\1", part) for part in parts[::2]]
    return "".join(f"``{part}``" if i % 2 else part for i, part in enumerate(parts))


def entry_lines(lines: list[str]) -> set[int]:
    """Return the numbers of the lines in paragraphs of entries `name: what it is`."""
    found: set[int] = set()
    paragraph: list[int] = []
    for number, line in [*enumerate(lines), (len(lines), "")]:
        if line.strip():
            paragraph.append(number)
            continue
        outer = [lines[n] for n in paragraph if not lines[n].startswith("    ")]
        if len(outer) < len(paragraph) and outer[:1] == [lines[paragraph[0]]]:
            found.update(paragraph if all(map(ENTRY.fullmatch, outer)) else ())
        paragraph = []
    return found


def plain_docstring(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Turn a docstring of the package into what Sphinx reads."""
    lines[:] = as_rst(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.config.mathjax_path = MATHJAX_SCRIPT
    app.config.autodoc_member_order = "bysource"
    app.config.autodoc_typehints_format = "short"
    app.config.autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
    app.config.python_use_unqualified_type_names = True
    # Types in signatures are not linked: numpy, torch and pandas have no pages here.
    app.config.nitpick_ignore_regex = [("py:.*", ".*")]
    app.connect("autodoc-process-docstring", plain_docstring)
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
