"""A Sphinx extension that lets a reader of the built pages bet, as `forecast.predict` does.

A chapter prints a line for every forecast that its reader has not made. Here these lines, and the
lines that tell the answers, are marked in the built page, and what the bets need (question, axis,
unit, answer, the laws' own forecasts, the points that the page has shown before) is put beside them
as JSON. `bets.js` makes cards of it. Without JavaScript the page stays as it is.
"""

from __future__ import annotations

import html
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "scalinglaws" / "course" / "record"
CARDS = ROOT / "scalinglaws" / "course" / "cards"
QUESTIONS = CARDS / "questions.json"
BOARD = '<div class="bet-board"'
ASKED = re.compile(
    r"(?<=[\n>])(\d+\.[\w-]+): no\s+forecast\s+of\s+yours\s+yet\..*?without\s+you\.\n", re.S
)
TOLD = re.compile(
    r"(?<=[\n>])(\d+\.[\w-]+): the\s+answer\s+is\s+([^;<]*?);\s+you\s+made\s+no\s+forecast\n", re.S
)
MISSED = re.compile(r"(?<=[\n>])  missed: (\d+\.[\w-]+), .*\n(?:    .*\n)*")
TELLS = re.compile(r'data-bet-tells="([^"]+)"')
NONE_YET = re.compile(
    r"(?<=[\n>])(?:You: none scored yet|No forecast has been scored yet\.)\n"
    r"(</pre></div>\n</div>\n)?"
)
PLAIN_BOARD = (
    '<div class="bet-board"><p>With JavaScript, your bets on these pages and how well your '
    "intervals are calibrated stand here.</p></div>\n"
)
FRONT = '<div class="bet-front"></div>'
FIRST = "1.bigger-model"
WAIT = (
    "\n<script>(d=>{d.classList.add('bets-wait');"
    "addEventListener('load',()=>d.classList.remove('bets-wait'))})"
    "(document.documentElement)</script>\n"
)


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return the question and the axis of every bet, by key, and the plot of those with points."""
    points = json.loads((CARDS / "points.json").read_text(encoding="utf-8"))
    return {
        key: {**asked, "plot": {**asked["plot"], **points[key]}} if "plot" in asked else asked
        for key, asked in json.loads(QUESTIONS.read_text(encoding="utf-8")).items()
    }


@cache
def laws() -> dict[str, list[dict[str, Any]]]:
    """Return the forecasts that laws made when the book was last run, by key."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(RECORD.glob("[0-9][0-9].json")):
        for made in json.loads(file.read_text(encoding="utf-8"))["forecasts"]:
            if made["who"] != "you" and made["answer"] is not None:
                found.setdefault(made["key"], []).append(made)
    return found


@cache
def printed_answers(folder: Path) -> dict[str, tuple[float, str, str]]:
    """Return the answer (4 figures), its unit and the page, by key, from the chapters' outputs."""
    found = {}
    for path in sorted(folder.glob("[0-9][0-9]-*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                for key, said in TOLD.findall("\n" + "".join(output.get("text", ""))):
                    number, _, unit = " ".join(said.split()).partition(" ")
                    found[key] = (float(number), unit, path.stem)
    return found


def bet(key: str) -> dict[str, Any]:
    """Return all that the page needs for the bet of this key.

    Raises:
        KeyError: if the key has no question in questions.json, or no chapter prints its answer.
    """
    if key not in questions():
        raise KeyError(f"{key}: give it a question and an axis in {QUESTIONS.name}")
    if key not in printed_answers(ROOT / "book"):
        raise KeyError(f"{key}: no chapter prints its answer (forecast.score after predict)")
    answer, unit, page = printed_answers(ROOT / "book")[key]
    rivals = laws().get(key, [])
    return {
        **questions()[key],
        "unit": unit,
        "page": page,
        "answer": rivals[0]["answer"] if rivals else answer,
        "laws": [{k: f[k] for k in ("who", "value", "low", "high", "level")} for f in rivals],
    }


def placed(body: str) -> tuple[str, list[str]]:
    """Return a page's HTML with its bets and their answers marked, and the keys asked for."""
    keys = [found[1] for found in ASKED.finditer(body)]
    body = ASKED.sub(r'<span data-bet="\1">\g<0></span>', body)
    body = TOLD.sub(r'<span data-bet-told="\1">\g<0></span>', body)
    body = MISSED.sub(tells, body)
    for line, told in claims():
        body = line.sub(rf'<span data-bet-tells="{told}">\g<0></span>', body)
    return NONE_YET.sub(none_yet, body), keys


def tells(found: re.Match[str]) -> str:
    """Mark a line that prints the answer to a bet; some questions were asked of laws alone."""
    if found[1] not in questions():
        return found[0]
    return f'<span data-bet-tells="{found[1]}">{found[0]}</span>'


def none_yet(found: re.Match[str]) -> str:
    """Mark a line that says that Python's record is empty; a board follows where it ends."""
    line, end = found[0].removesuffix(found[1] or ""), found[1]
    return f"<span data-bet-none>{line}</span>" + (end + PLAIN_BOARD if end else "")


@cache
def claims() -> list[tuple[re.Pattern[str], str]]:
    """Return the lines that a list of verdicts prints, each with the bets of the same chapter."""
    found = []
    for file in sorted(RECORD.glob("[0-9][0-9].json")):
        told = " ".join(key for key in questions() if key.startswith(f"{int(file.stem)}."))
        for made in json.loads(file.read_text(encoding="utf-8"))["verdicts"] if told else []:
            words = r"\s+".join(re.escape(html.escape(word)) for word in made["claim"].split())
            found.append((re.compile(rf"(?<=[\n>]){made['outcome']} +{words}\n"), told))
    return found


def first_bet() -> str:
    """Return the drawing of the first bet: the measured models, and where the next will lie."""
    plot = questions()[FIRST]["plot"]
    points, bigger = list(zip(plot["x"], plot["y"], strict=True)), plot["at"]
    low, high = points[0][0] / 2, bigger * 3
    top, bottom = points[0][1] * 1.04, 1.3

    def across(compute: float) -> float:
        return round(58 + 482 * math.log(compute / low) / math.log(high / low), 1)

    def down(loss: float) -> float:
        return round(14 + 196 * math.log(top / loss) / math.log(top / bottom), 1)

    dots = "".join(f'<circle cx="{across(C)}" cy="{down(L)}" r="5"/>' for C, L in points)
    marks = "".join(
        f'<text x="50" y="{down(loss) + 5}" text-anchor="end">{loss:g}</text>'
        f'<path d="M52 {down(loss)}h6"/>'
        for loss in (1.4, 1.6, 1.8, 2, 2.2, 2.5)
    )
    marks += "".join(
        f'<text x="{across(10.0**e)}" y="236" text-anchor="middle">10'
        f'<tspan dy="-6" font-size="11">{e}</tspan></text>'
        f'<path d="M{across(10.0**e)} 210v6"/>'
        for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    )
    x = across(bigger)
    said = ", ".join(f"{L:.2f} at {C:.1e}" for C, L in points)
    label = (
        f"Loss against compute in FLOPs for six models: {said}. The next has {bigger:.1e} FLOPs."
    )
    return (
        f'<svg class="bet-sketch" viewBox="0 0 560 262" role="img" aria-label="{label}">'
        f'<g class="bet-marks">{marks}<path d="M58 14v196h488"/>'
        '<text x="302" y="258" text-anchor="middle">compute in FLOPs</text>'
        '<text x="16" y="112" text-anchor="middle" transform="rotate(-90 16 112)">loss</text></g>'
        f'<path class="bet-next" d="M{x} 30V210"/>'
        f'<text class="bet-what" x="{x}" y="24" text-anchor="middle">?</text>{dots}</svg>\n'
        f'<div class="bet-front" data-bet-front="{FIRST}"></div>\n'
    )


def data(keys: list[str], plots: list[str], told: list[str]) -> str:
    """Return the element that holds the bets of these keys, of some with their plots.

    Of the bets whose answers the page tells besides, it holds the page that asks.
    """
    bets = {key: {"page": bet(key)["page"]} for key in told} | {key: bet(key) for key in keys}
    for key in set(keys) - set(plots):
        bets[key].pop("plot", None)
    text = json.dumps(bets, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="bet-data">{text}</script>\n'


def add_bets(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mark the bets of a page, and give it the script, the style and what they need."""
    body = context.get("body")
    if not body:
        return
    body, keys = placed(body)
    board = BOARD in body
    told = [key for found in TELLS.findall(body) for key in found.split()]
    if not keys and not board and not told:
        return
    body = body.replace(FRONT, first_bet()) if FRONT in body else body
    plots = [*keys, FIRST] if FIRST in body else keys
    context["body"] = body + data(list(questions()) if board else keys, plots, told)
    if keys or told:
        context["metatags"] = context.get("metatags", "") + WAIT
    app.add_js_file("bets.js", loading_method="defer")
    app.add_css_file("bets.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.connect("html-page-context", add_bets)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
