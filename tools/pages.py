"""The rules that a page of the book must keep, each as a function that returns what it found.

A rule takes a page and returns messages; an empty list means that the page keeps the rule.
"""

from __future__ import annotations

import ast
import base64
import re
import unicodedata
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import nbformat.v4
from house import FIGURE_BYTES, Book, colab_link, setup_cell
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors.index import slugify
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pybtex.database import Entry as BibEntry
from pybtex.database import parse_file

WORDS = (1500, 3500)
CODE_LINES = 25
NOTEBOOK_BYTES = 1_000_000
ALT_LENGTH = 40
EXERCISES = (3, 5)
SECTIONS = ("Where this breaks", "Summary", "Check yourself", "Exercises", "Further reading")
QUESTIONS, ANSWERS = 3, 3
PROMISE = re.compile(r"Runs in (?:about )?(\d+(?:\.5)?) min(?:utes?)? on 2 cores")
PRIVATE = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|[A-Z]:\\Users\\)[\w.-]*")
PREDICTED = re.compile(r"(?<![\w.])(?:forecast\.)?predict\(")
SCORED = re.compile(r"(?<![\w.])(?:forecast\.)?score\(")
EXERCISE = re.compile(r"^\*\*(?P<number>\d+\.\d+) (?P<title>[^*]+)\*\*(?P<effort>.*)", re.MULTILINE)
EFFORT = re.compile(r"^ \((?:easy|medium|hard), (?:about )?\d+ min(?:utes?)?\)")
MEASURED = re.compile(r"(?<![\w.^-])[-−]?\d+\.\d+\s*(?:\$\s*)?(?:nats?|bits?)\b")
DIRECTIVE = re.compile(r"^\s*(?::{3,}|\+\+\+|\([\w-]+\)=\s*$)", re.MULTILINE)
ROLE = re.compile(r"\{[A-Za-z][\w:+.-]*\}$")
NAME = r"[A-Z][\w'’-]*[a-zà-ÿ]"
CITATION = re.compile(
    rf"(?P<name>{NAME})"
    rf"(?P<others>,? et al\.?|(?:, {NAME})*,? (?:and|&) {NAME})?"
    r",? \(?(?P<year>(?:19|20)\d\d)[a-z]?\)?(?![\d-])"
)


def markdown_parser() -> MarkdownIt:
    """Return a parser for the Markdown that all readers of a notebook show."""
    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_digits=False)


@dataclass(frozen=True)
class Work:
    """A work in references.bib: its authors' names, the words of its title, and its year."""

    key: str
    names: frozenset[str]
    title: frozenset[str]
    year: str


@dataclass(frozen=True)
class Link:
    """A link in Markdown: its text and its target, and the number of its cell, counted from 1."""

    text: str
    target: str
    cell: int


@dataclass(frozen=True)
class Bibliography:
    """The works of references.bib, by the addresses that may stand for each."""

    works: dict[str, Work]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name by which some work may be cited."""
        return frozenset().union(*(work.names for work in self.works.values()))

    def find(self, url: str) -> Work | None:
        """Return the work at `url`, if it stands in references.bib."""
        return self.works.get(plain_address(url))


@dataclass(frozen=True)
class Chapter:
    """A notebook, be it chapter or appendix, with what the rules need to know about the book."""

    path: Path
    nb: NotebookNode
    book: Book
    bibliography: Bibliography

    @cached_property
    def markdown(self) -> tuple[tuple[int, str], ...]:
        """Number and text of each Markdown cell, counted from 1 over all cells."""
        cells = enumerate(self.nb["cells"], start=1)
        return tuple((n, cell["source"]) for n, cell in cells if cell["cell_type"] == "markdown")

    @cached_property
    def code(self) -> tuple[tuple[int, NotebookNode], ...]:
        """Number and cell of each code cell, counted from 1 over all cells."""
        cells = enumerate(self.nb["cells"], start=1)
        return tuple((n, cell) for n, cell in cells if cell["cell_type"] == "code")

    @cached_property
    def text(self) -> str:
        """The Markdown of all cells."""
        return "\n\n".join(source for _, source in self.markdown)


def fold(name: str) -> str:
    """Return a name in lower case without accents, ä and ae both as a, for comparison."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(c for c in plain if not unicodedata.combining(c) and c.isalnum()).lower()
    return letters.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def plain_address(url: str) -> str:
    """Return `url` without scheme, www, version of an arXiv paper, fragment and final slash."""
    parts = urlsplit(url.strip())
    host = parts.netloc.lower().removeprefix("www.").removeprefix("dx.")
    path = unquote(parts.path).rstrip("/")
    if host == "arxiv.org":
        path = re.sub(r"v\d+$", "", path)
    return (host + path).lower()


def addresses(entry: BibEntry) -> Iterator[str]:
    """Yield the addresses under which a work may be cited: its page, DOI and arXiv page."""
    fields = entry.fields
    if "url" in fields:
        yield fields["url"].replace("\\", "")
    if "doi" in fields:
        yield "https://doi.org/" + fields["doi"]
    if "eprint" in fields:
        yield "https://arxiv.org/abs/" + fields["eprint"]


def read_bibliography(path: Path) -> Bibliography:
    """Read references.bib."""
    works: dict[str, Work] = {}
    for key, entry in parse_file(path, bib_format="bibtex").entries.items():
        names = {re.sub(r"\d.*$", "", key)}
        for person in entry.persons.get("author", []):
            last = " ".join(
                person.rich_last_names[i].render_as("text")
                for i in range(len(person.rich_last_names))
            )
            names |= {last, *last.split(), *last.split("-")}
            names |= {str(name) for name in person.first_names}
        title = re.findall(r"[A-Z]\w+", entry.fields.get("title", ""))
        work = Work(
            key,
            frozenset(fold(name) for name in names if len(name) > 1),
            frozenset(map(fold, title)),
            entry.fields.get("year", ""),
        )
        works |= {plain_address(url): work for url in addresses(entry)}
    return Bibliography(works)


def read_chapter(path: Path, book: Book, bibliography: Bibliography) -> Chapter:
    """Read the notebook at `path` as it is stored."""
    nb = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))
    return Chapter(path, nb, book, bibliography)


def inline_tokens(source: str) -> list[Token]:
    """Return the inline tokens of a Markdown text: paragraphs, headings, table cells."""
    return [token for token in markdown_parser().parse(source) if token.type == "inline"]


def links_in(source: str, cell: int = 0) -> list[Link]:
    """Return the links of a Markdown text, images left out."""
    found = []
    for token in inline_tokens(source):
        text, target = "", None
        for child in token.children or []:
            if child.type == "link_open":
                text, target = "", str(child.attrGet("href"))
            elif child.type == "link_close" and target is not None:
                found.append(Link(" ".join(text.split()), target, cell))
                target = None
            elif target is not None:
                text += " " if child.type == "softbreak" else child.content
    return found


def unlinked_text(token: Token) -> str:
    """Return the words of an inline token that stand in no link, formula or code."""
    words, depth = [], 0
    for child in token.children or []:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "softbreak":
            words.append(" ")
        elif child.type == "text":
            words.append(child.content if depth == 0 else " [link] ")
    return "".join(words)


def headings(source: str) -> list[tuple[int, str]]:
    """Return level and text of each heading of a Markdown text."""
    tokens = markdown_parser().parse(source)
    return [
        (int(token.tag[1]), tokens[i + 1].content.strip())
        for i, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def anchors(source: str) -> set[str]:
    """Return the anchors of the headings of a Markdown text."""
    return {slugify(text) for _, text in headings(source)}


def page_source(path: Path) -> str:
    """Return the Markdown of a page, be it a notebook or plain Markdown."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    nb = nbformat.v4.reads_json(path.read_text(encoding="utf-8"))
    return "\n\n".join(cell["source"] for cell in nb["cells"] if cell["cell_type"] == "markdown")


def section(text: str, title: str) -> str:
    """Return what stands under the second-level heading `title`, empty if it is missing."""
    match = re.search(rf"^## {re.escape(title)}[^\n]*\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    return match[1] if match else ""


def count_words(source: str) -> int:
    """Return the number of words of prose: no code, formula, HTML or address counts."""
    text = re.sub(r"(?ms)^```.*?^```", " ", source)
    total = 0
    for token in inline_tokens(text):
        words = "".join(
            " " if child.type in ("softbreak", "math_inline", "code_inline") else child.content
            for child in token.children or []
            if child.type in ("text", "softbreak", "math_inline", "code_inline")
        )
        total += sum(1 for word in words.split() if any(c.isalnum() for c in word))
    return total


def images_in(cell: NotebookNode) -> list[tuple[str, int]]:
    """Return kind and size in bytes of each figure among a cell's outputs."""
    found = []
    for output in cell["outputs"]:
        for kind, content in output.get("data", {}).items():
            content = "".join(content)
            if kind in ("image/png", "image/jpeg"):
                found.append((kind, len(base64.b64decode(content))))
            elif kind == "image/svg+xml":
                found.append((kind, len(content.encode("utf-8"))))
    return found


def plain_markdown_only(chapter: Chapter) -> list[str]:
    """Only Markdown that the site, Colab, JupyterLab and GitHub all show."""
    found = []
    for number, source in chapter.markdown:
        tokens = markdown_parser().parse(source)
        for token in tokens:
            if token.type == "fence" and token.info.strip().startswith("{"):
                found.append(f"cell {number}: a MyST directive, {token.info.strip()}")
            if token.type != "inline":
                continue
            for first, second in zip(token.children[:-1], token.children[1:], strict=True):
                if second.type == "code_inline" and first.type == "text":
                    role = ROLE.search(first.content)
                    if role:
                        found.append(f"cell {number}: a MyST role, {role[0]}")
        prose = re.sub(r"(?ms)^(```|~~~).*?^\1", "", source)
        found += [
            f"cell {number}: MyST markup, {match[0].strip()}" for match in DIRECTIVE.finditer(prose)
        ]
    return found


def figures_described(chapter: Chapter) -> list[str]:
    """Every figure has a description of its own for those who do not see it."""
    found, seen = [], {}
    for number, cell in chapter.code:
        if not images_in(cell):
            continue
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        if not alt.strip():
            found.append(f"cell {number}: a figure without metadata mystnb.image.alt")
        elif len(alt.strip()) < ALT_LENGTH or re.search(r"\.(png|svg|jpe?g)\b", alt):
            found.append(f"cell {number}: {alt!r} does not describe the figure")
        elif alt in seen:
            found.append(f"cell {number}: same description as cell {seen[alt]}")
        seen[alt] = number
    return found


def citations_linked(chapter: Chapter) -> list[str]:
    """An author and a year are a link to a work of references.bib, by that author, of that year."""
    found = []
    library = chapter.bibliography
    for number, source in chapter.markdown:
        for link in links_in(source, number):
            work = library.find(link.target)
            cited = CITATION.search(link.text)
            host = urlsplit(link.target).netloc.lower().removeprefix("www.")
            if work is None and (cited or host in ("arxiv.org", "doi.org")):
                found.append(f"cell {number}: {link.target} is not in references.bib")
            elif work and cited and fold(cited["name"]) not in work.names | work.title:
                found.append(f"cell {number}: {link.text!r} links to {work.key}")
            elif work and cited and cited["year"] != work.year:
                found.append(f"cell {number}: {link.text!r}, but {work.key} is of {work.year}")
        for token in inline_tokens(source):
            for cited in CITATION.finditer(unlinked_text(token)):
                if "et al" in (cited["others"] or "") or fold(cited["name"]) in library.names:
                    found.append(f"cell {number}: {cited[0].strip()!r} is not a link")
    return found


def broken_links(source: str, folder: Path, book: Book, cell: str = "") -> list[str]:
    """Return the links to other pages or headings in a Markdown text that lead nowhere."""
    found = []
    listed = {(book.root / entry.path).resolve() for entry in book.entries}
    for link in links_in(source):
        parts = urlsplit(link.target)
        if parts.scheme or parts.netloc:
            continue
        if parts.path.endswith(".html"):
            found.append(f"{cell}{link.target}: link to the source page, not to .html")
            continue
        if not parts.path:
            continue
        target = (folder / unquote(parts.path)).resolve()
        if not target.is_file():
            found.append(f"{cell}{link.target}: no such page")
            continue
        if target.suffix == ".ipynb" and target.with_suffix("") not in listed:
            found.append(f"{cell}{link.target}: not in _toc.yml")
        if parts.fragment and parts.fragment not in anchors(page_source(target)):
            found.append(f"{cell}{link.target}: no such heading")
    return found


def links_lead_somewhere(chapter: Chapter) -> list[str]:
    """Links to chapters, pages and headings lead to something that exists."""
    found = []
    own = anchors(chapter.text)
    for number, source in chapter.markdown:
        found += broken_links(source, chapter.path.parent, chapter.book, f"cell {number}: ")
        found += [
            f"cell {number}: {link.target}: no such heading"
            for link in links_in(source)
            if link.target.startswith("#") and link.target[1:] not in own
        ]
    return found


def opening(chapter: Chapter) -> list[str]:
    """The first cell holds title, claim and Colab link; the promises come before any code."""
    found = []
    first = chapter.nb["cells"][0]
    source = first["source"] if first["cell_type"] == "markdown" else ""
    blocks = [block.strip() for block in source.split("\n\n") if block.strip()]
    if not blocks or not blocks[0].startswith("# "):
        return ["cell 1: starts with no title"]
    if len([level for level, _ in headings(chapter.text) if level == 1]) != 1:
        found.append("more than one title")
    if len(blocks) < 2 or blocks[1].startswith(("[", "#", "**", "- ", "|")):
        found.append("cell 1: no claim below the title")
    link = colab_link(chapter.book.url, chapter.book.branch, chapter.path.name)
    if link not in source:
        found.append(f"cell 1: lacks {link}")
    before = []
    for cell in chapter.nb["cells"]:
        if cell["cell_type"] == "code":
            break
        before.append(cell["source"])
    promises = "\n".join(before)
    found += [
        f"lacks {words!r} before the first code cell"
        for words in ("You will learn", "You need")
        if words not in promises
    ]
    if not PROMISE.search(promises):
        found.append("lacks 'Runs in N min on 2 cores' before the first code cell")
    return found


def minutes_promised(chapter: Chapter) -> float:
    """Return the minutes that a chapter promises to run in.

    Raises:
        ValueError: if it promises nothing.
    """
    match = PROMISE.search(chapter.text)
    if match is None:
        raise ValueError(f"{chapter.path.name} does not say 'Runs in N min on 2 cores'")
    return float(match[1])


def title_in_contents(chapter: Chapter) -> list[str]:
    """The title of the chapter is its title in _toc.yml, up to its number."""
    place = chapter.path.relative_to(chapter.book.root).with_suffix("").as_posix()
    listed = [entry.title for entry in chapter.book.entries if entry.path == place]
    titles = [text for level, text in headings(chapter.text) if level == 1]
    if not listed or not titles:
        return []
    plain = [re.sub(r"^(?:Chapter )?\d+[.:]? ", "", title) for title in (listed[0], titles[0])]
    return [] if plain[0] == plain[1] else [f"{titles[0]!r}, but {listed[0]!r} in _toc.yml"]


def setup_first(chapter: Chapter) -> list[str]:
    """The first code cell is the setup cell, for the address in _config.yml, and says nothing."""
    if not chapter.code:
        return ["no code cell"]
    number, cell = chapter.code[0]
    found = []
    if cell["source"] != setup_cell(chapter.book.url):
        found.append(f"cell {number}: is not the setup cell; run 'make stamp URL=...'")
    if cell["outputs"]:
        found.append(f"cell {number}: the setup cell has outputs: was the package missing?")
    return found


def forecast_made(chapter: Chapter) -> list[str]:
    """The reader writes a prediction down, and a later cell scores it."""
    sources = [cell["source"] for _, cell in chapter.code]
    first = next((i for i, source in enumerate(sources) if PREDICTED.search(source)), None)
    if first is None:
        return ["no code cell calls forecast.predict"]
    if not any(SCORED.search(source) for source in sources[first + 1 :]):
        return ["no later code cell calls forecast.score"]
    return []


def forecasts_empty(chapter: Chapter) -> list[str]:
    """The reader's own forecast comes empty: running a page bets in nobody's name."""
    found = []
    for number, cell in chapter.code:
        if not PREDICTED.search(cell["source"]):
            continue
        for call in ast.walk(ast.parse(cell["source"])):
            if not isinstance(call, ast.Call) or not PREDICTED.match(ast.unparse(call.func) + "("):
                continue
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            numbers = [*call.args[1:4], *(named[n] for n in ("value", "low", "high") if n in named)]
            filled = any(not (isinstance(n, ast.Constant) and n.value is None) for n in numbers)
            if "who" not in named and filled:
                found.append(f"cell {number}: a forecast in the reader's name must be None")
    return found


def sections_in_order(chapter: Chapter) -> list[str]:
    """The closing sections stand in their order, and none of them is empty."""
    titles = [text for level, text in headings(chapter.text) if level == 2]
    found = [f"no section {title!r}" for title in SECTIONS if title not in titles]
    places = [titles.index(title) for title in SECTIONS if title in titles]
    if places != sorted(places):
        found.append("the sections stand in another order than " + ", ".join(SECTIONS))
    found += [
        f"section {title!r} is empty"
        for title in SECTIONS
        if title in titles and not section(chapter.text, title).strip()
    ]
    return found


def exercises(chapter: Chapter) -> list[tuple[str, str, str]]:
    """Return number, effort and text (prose and code) of each exercise of a chapter."""
    cells = [cell["source"] for cell in chapter.nb["cells"]]
    match = re.search(r"^## Exercises[^\n]*\n(.*?)(?=^## |\Z)", "\n\n".join(cells), re.M | re.S)
    text = match[1] if match else ""
    starts = list(EXERCISE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return [
        (start["number"], start["effort"], text[start.start() : end])
        for start, end in zip(starts, ends, strict=False)
    ]


def exercises_complete(chapter: Chapter) -> list[str]:
    """Each exercise is numbered and has difficulty, minutes, a check and a worked solution."""
    found = []
    parts = exercises(chapter)
    if not EXERCISES[0] <= len(parts) <= EXERCISES[1]:
        found.append(f"{len(parts)} exercises, not {EXERCISES[0]} to {EXERCISES[1]}")
    own = int(chapter.path.name[:2])
    for place, (number, effort, text) in enumerate(parts, start=1):
        if number != f"{own}.{place}":
            found.append(f"exercise {number}: should be {own}.{place}")
        if not EFFORT.search(effort):
            found.append(f"exercise {number}: says not how hard and long, as in (easy, 5 minutes)")
        if not re.search(rf"""\bcheck\.answer\(\s*["']{re.escape(number)}["']""", text):
            found.append(f'exercise {number}: lacks check.answer("{number}", ...)')
        if not re.search(r"<details>\s*<summary>.*?</details>", text, re.DOTALL):
            found.append(f"exercise {number}: lacks a solution in <details>")
    return found


def summaries_plain(chapter: Chapter) -> list[str]:
    """What one clicks to open is HTML, in which the site converts neither TeX nor Markdown."""
    return [
        f"cell {number}: {said!r}: write it without {mark[0]}, as in R² or k<sup>2</sup>"
        for number, source in chapter.markdown
        for said in re.findall(r"<summary>(.*?)</summary>", source, re.DOTALL)
        if (mark := re.search(r"[$`*]|\\(?=\w)|\]\(", said))
    ]


def answers_handed_over(chapter: Chapter) -> list[str]:
    """What an exercise's cell leaves to fill in is what it hands to `check.answer`."""
    found = []
    for number, cell in chapter.code:
        filled = re.findall(r"^([\w, ]+) = ", cell["source"], re.MULTILINE)
        empty = [name.strip() for names in filled for name in names.split(",")]
        handed = re.findall(r"check\.answer\([^,]+,\s*(\w+)", cell["source"])
        if empty and handed and not set(handed) <= set(empty):
            found.append(f"cell {number}: asks for {empty[0]} and hands over {handed[0]}")
    return found


def questions_complete(chapter: Chapter) -> list[str]:
    """Each question to check oneself by has answers to open, one of them right, all explained."""
    text = section(chapter.text, "Check yourself")
    questions = re.split(r"^\*\*\d+\.[a-z]\*\* ", text, flags=re.M)[1:]
    found = [] if len(questions) >= QUESTIONS else [f"{len(questions)} questions, not {QUESTIONS}"]
    for place, question in enumerate(questions, start=1):
        said = re.findall(
            r"<details><summary>.+?</summary>\n\n\*\*(Right|No)\.\*\* (.+?)\n\n</details>",
            question,
        )
        right = sum(mark == "Right" for mark, _ in said)
        if len(said) < ANSWERS or len(said) != question.count("<details>") or right != 1:
            found.append(
                f"question {place}: {len(said)} answers that say Right or No and why, {right} of "
                f"them right, not {ANSWERS} and 1"
            )
    return found


def length_of_prose(chapter: Chapter) -> list[str]:
    """The chapter is neither a note nor a book of its own; its questions are not counted."""
    words = sum(count_words(source) for _, source in chapter.markdown)
    words -= count_words(section(chapter.text, "Check yourself"))
    if WORDS[0] <= words <= WORDS[1]:
        return []
    return [f"{words} words of prose, not {WORDS[0]} to {WORDS[1]}"]


def cells_short(chapter: Chapter) -> list[str]:
    """A code cell can be read in one look."""
    return [
        f"cell {number}: {len(lines)} lines, more than {CODE_LINES}"
        for number, cell in chapter.code
        if len(lines := cell["source"].splitlines()) > CODE_LINES
    ]


def outputs_complete(chapter: Chapter) -> list[str]:
    """Every code cell was run, in order, without an error or a warning."""
    found = []
    for place, (number, cell) in enumerate(chapter.code, start=1):
        if not cell["source"].strip():
            found.append(f"cell {number}: empty")
        if cell["execution_count"] != place:
            found.append(f"cell {number}: ran as {cell['execution_count']}, not as {place}")
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                found.append(f"cell {number}: {output['ename']}: {output['evalue']}")
            elif output.get("name") == "stderr":
                found.append(f"cell {number}: writes to stderr")
    return found


def sizes_bearable(chapter: Chapter) -> list[str]:
    """Figures and notebook are small enough for a repository."""
    found = [
        f"cell {number}: a figure of {size} bytes, more than {FIGURE_BYTES}"
        for number, cell in chapter.code
        for _, size in images_in(cell)
        if size > FIGURE_BYTES
    ]
    size = len(nbformat.writes(chapter.nb, version=nbformat.NO_CONVERT).encode("utf-8"))
    if size > NOTEBOOK_BYTES:
        found.append(f"{size} bytes, more than {NOTEBOOK_BYTES}")
    return found


def progress_is_text(chapter: Chapter) -> list[str]:
    """Progress bars are plain text, and no state of widgets is stored."""
    found = [
        f"cell {number}: use 'from tqdm import tqdm'"
        for number, cell in chapter.code
        if re.search(r"tqdm\.(auto|notebook|autonotebook)|\btnrange\b", cell["source"])
    ]
    if "widgets" in chapter.nb["metadata"]:
        found.append("state of widgets is stored in the metadata")
    return found


def no_private_paths(chapter: Chapter) -> list[str]:
    """No path of the machine on which the chapter ran."""
    found = []
    for number, cell in enumerate(chapter.nb["cells"], start=1):
        texts = [cell["source"]]
        for output in cell.get("outputs", []):
            texts += ["".join(output.get("text", ""))]
            texts += ["".join(v) for k, v in output.get("data", {}).items() if "image" not in k]
        found += [f"cell {number}: {match[0]}" for t in texts for match in PRIVATE.finditer(t)]
    return found


def no_twin(chapter: Chapter) -> list[str]:
    """The notebook is the only source of its chapter."""
    twins = [chapter.path.with_suffix(ending) for ending in (".md", ".py", ".Rmd", ".qmd")]
    found = [f"{twin.name} stands beside the notebook" for twin in twins if twin.exists()]
    if "jupytext" in chapter.nb["metadata"]:
        found.append("metadata of jupytext")
    return found


def cells_named(chapter: Chapter) -> list[str]:
    """The notebook is valid, and each cell has an id of its own."""
    ids = [cell.get("id") for cell in chapter.nb["cells"]]
    if None in ids or len(set(ids)) != len(ids):
        return ["cells lack ids of their own"]
    try:
        nbformat.validate(deepcopy(chapter.nb))  # the check itself changes what it is given
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    return []


def no_measured_number_in_prose(chapter: Chapter) -> list[str]:
    """A loss in the prose comes from a cited work, never from a run, whose output shows it."""
    found = []
    for number, source in chapter.markdown:
        prose = re.sub(r"(?ms)^```.*?^```", "", source)
        for paragraph in re.split(r"\n\s*\n", prose):
            cited = any(chapter.bibliography.find(link.target) for link in links_in(paragraph))
            if not cited:
                found += [
                    f"cell {number}: {match[0]!r}: let a cell compute it, or cite its source"
                    for match in MEASURED.finditer(paragraph)
                ]
    return found


RULES: tuple[Callable[[Chapter], list[str]], ...] = (
    plain_markdown_only,
    figures_described,
    citations_linked,
    links_lead_somewhere,
    opening,
    title_in_contents,
    setup_first,
    forecast_made,
    forecasts_empty,
    sections_in_order,
    questions_complete,
    summaries_plain,
    exercises_complete,
    answers_handed_over,
    length_of_prose,
    cells_short,
    outputs_complete,
    sizes_bearable,
    progress_is_text,
    no_private_paths,
    no_twin,
    cells_named,
    no_measured_number_in_prose,
)

SKELETON = frozenset(
    {forecast_made, sections_in_order, questions_complete, exercises_complete, length_of_prose}
)
"""What only a chapter is held to: an appendix is there to be used, not to teach by bets."""
APPENDIX_RULES = tuple(rule for rule in RULES if rule not in SKELETON)


def contents_complete(book: Book) -> list[str]:
    """Every page is in _toc.yml, and every entry of _toc.yml has its page, once."""
    listed = [entry.path for entry in book.entries]
    found = [f"{path} is listed twice" for path in {p for p in listed if listed.count(p) > 1}]
    there = {
        path.relative_to(book.root).with_suffix("").as_posix()
        for path in (*book.notebooks, *book.pages)
    }
    found += [f"{path} is in _toc.yml, but there is no such page" for path in {*listed} - there]
    found += [f"{path} is not in _toc.yml" for path in there - {*listed}]
    return sorted(found)


def table_complete(
    source: str, folder: Path, chapters: tuple[Chapter, ...], name: str
) -> list[str]:
    """Return the chapters that a page's table leaves out, or gives another title or time."""
    rows = [row for row in source.splitlines() if row.startswith("|")]
    found = []
    for chapter in chapters:
        place = chapter.path.relative_to(chapter.book.root).with_suffix("").as_posix()
        title = next((e.title for e in chapter.book.entries if e.path == place), "")
        mine = [
            row
            for row in rows
            for link in links_in(row)
            if (folder / link.target).resolve() == chapter.path.resolve()
        ]
        if not mine:
            found.append(f"{name}: no row of the table links to {chapter.path.name}")
            continue
        if title not in mine[0]:
            found.append(f"{name}: {chapter.path.name} is not called {title!r}")
        minutes = PROMISE.search(chapter.text)
        if minutes and not re.search(rf"\|\s*{re.escape(minutes[1])}(?: min)?\s*\|", mine[0]):
            found.append(f"{name}: {chapter.path.name} promises {minutes[1]} min")
    return found
