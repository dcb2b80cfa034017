"""A Sphinx extension for what the book needs beyond Jupyter Book's own settings.

It serves MathJax from the site itself, gives every page a description that search engines can show,
and leaves out scripts that the book has no use for.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_SCRIPT = "mathjax/tex-chtml.js"
# The package holds every form of MathJax, 24 MB; a reader's browser asks for these only.
MATHJAX_PARTS = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions", "a11y")
SPEECH_RULES = ("base.json", "en.json")
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


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the parts of MathJax that the pages load into the built site."""
    if error is not None or app.builder.format != "html":
        return
    source = mathjax_folder()
    target = Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        origin, copy = source / part, target / part
        if origin.is_dir():
            skip = ignore_patterns("all-packages.js")
            copytree(origin, copy, dirs_exist_ok=True, ignore=skip)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(origin.read_bytes())
    rules = target / "sre" / "mathmaps"
    rules.mkdir(parents=True, exist_ok=True)
    for name in SPEECH_RULES:
        (rules / name).write_bytes((source / "sre" / "mathmaps" / name).read_bytes())


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


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.config.mathjax_path = MATHJAX_SCRIPT
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
