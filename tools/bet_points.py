"""Find the measured points that bets carry on, in the chapters' own outputs.

Usage: python tools/bet_points.py

A card shows its bet in a plot where the page has shown points before it. Each function below reads
them off what stands above the cell that asks (its outputs, or the numbers that its code plots), so
that a plot can show nothing that answers the bet. `scalinglaws/course/cards/points.json` keeps them
for the book and for a card beside a kernel; `tools/notebooks.py` writes it after it has run
chapters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from house import ROOT

Points = tuple[list[float], list[float], float]
"""x and y of the points, and where on the other axis the bet will lie."""

BOOK = ROOT / "book"
CARDS = ROOT / "scalinglaws" / "course" / "cards"
STORED = CARDS / "points.json"
NUMBER = r"([-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?)"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def number(text: str) -> float:
    """Return a number as the chapters print it, with or without commas."""
    return float(text.replace(",", ""))


def rows(pattern: str, text: str, least: int = 2) -> list[list[float]]:
    """Return the numbers of all matches, a row a match.

    Raises:
        ValueError: if there are fewer than `least`.
    """
    found = [[number(part) for part in m.groups()] for m in re.finditer(pattern, text, re.M)]
    if len(found) < least:
        raise ValueError(f"only {len(found)} matches of {pattern!r} stand above the bet")
    return found


def one(pattern: str, text: str) -> float:
    """Return the number in the only group of a pattern, where it is first found.

    Raises:
        ValueError: if it is not found.
    """
    return rows(pattern, text, 1)[0][0]


def chapter_1(text: str) -> Points:
    """The table of six sizes, and the compute of the next."""
    table = rows(rf"^\d+ +\d+ +\d+ +{NUMBER} +{NUMBER} +\S+ +\S+$", text, 4)
    return *columns(table), one(rf"^width 64 needs {NUMBER} FLOPs", text)


def cerebras(text: str) -> Points:
    """The six models that the code plots, in PF-days as on the figure."""
    day = one(rf"^PF_DAY = {NUMBER}", text)
    C, L = (
        [number(part) for part in listed.split(", ")]
        for listed in re.findall(r"^[CL] = np\.array\(\[([\d., e]+)\]\)", text, re.M)
    )
    return [float(f"{c / day:.4g}") for c in C], L, one(rf"^C_13B = {NUMBER} / PF_DAY", text) / day


def best_sizes(text: str) -> Points:
    """Best sizes at seven budgets, and the largest budget of the reference sweep."""
    return *columns(rows(rf"^ +{NUMBER} +{NUMBER} +\d+\.\d$", text, 5)), 2.5e12


def budgets(text: str) -> tuple[list[float], list[float]]:
    """The lowest loss at each budget of the reference sweep, as the chapter's explorer draws it."""
    C, L = (
        [float(part) for part in re.findall(rf'"{name}":\[(.*?)\]', text)[0].split(",")]
        for name in ("C", "best")
    )
    return C, L


def envelope(text: str) -> Points:
    """Those budgets, and that of the envelope."""
    return *budgets(text), one(rf"at_budget\({NUMBER}, width\)", text)


def sealed(text: str) -> Points:
    """Those budgets and the opened envelope, and the budget of the sealed run."""
    C, L = budgets(text)
    opened = rows(rf"^\d+ +\S+ +\S+ +\S+ +{NUMBER} +\d+ +\S+$", text)
    at = one(rf"at_budget\({NUMBER}, width\)", text)
    return (
        [*C, at],
        [*L, min(row[0] for row in opened)],
        8e13,
    )


def learned_by_heart(text: str) -> Points:
    """The share of numbers exactly right, by parameters; the bet is where it is a half."""
    return *columns(rows(rf"^{NUMBER} +(0\.\d+) +0\.\d+ +\d\.\d+$", text, 4)), 0.5


def three_digits(text: str) -> Points:
    """Sums of three digits by three models; the bet is about five."""
    shares = rows(rf"^seed \d: {NUMBER}%", text, 3)
    return [3.0] * len(shares), [row[0] for row in shares], 5.0


def knowledge(text: str) -> Points:
    """The worth of knowing Python, by characters read."""
    table = rows(rf"^ +{NUMBER} characters: knowledge is worth a factor {NUMBER} ", text, 3)
    return *columns(table), 2.0 ** one(r"^far = 2\*\*(\d+)$", text)


def shift(text: str) -> Points:
    """The multiplier of token shift, by budget; the bet is a thousand times beyond."""
    table = columns(rows(rf"^{NUMBER} FLOPs: token shift saves a factor {NUMBER} ", text))
    return *table, 1000 * table[0][-1]


def readings(text: str) -> Points:
    """What the published law says of 1 to 64 readings."""
    table = rows(rf"^read +{NUMBER} times: worth +{NUMBER} fresh", text, 4)
    return *columns(table), table[-1][0]


def records(column: int) -> Callable[[str], Points]:
    """Dates of large runs, and their FLOPs or their costs; the bet is about July 2025."""

    def found(text: str) -> Points:
        row = rf"^([A-Z][a-z]{{2}}) (\d{{4}})  (?:\S+ ?\S*?) +{NUMBER}(?: +{NUMBER})?$"
        table = [
            (round(int(year) + (MONTHS.index(month) + 0.5) / 12, 2), *numbers)
            for month, year, *numbers in re.findall(row, text, re.M)
        ]
        kept = [(year, number(values[column])) for year, *values in table if values[column]]
        return [x for x, _ in kept], [y for _, y in kept], 2025.54

    return found


def columns(table: list[list[float]]) -> tuple[list[float], list[float]]:
    """Return the first two columns of a table of rows."""
    return [row[0] for row in table], [row[1] for row in table]


POINTS: dict[str, Callable[[str], Points]] = {
    "1.bigger-model": chapter_1,
    "2.cerebras-13b": cerebras,
    "6.best-size": best_sizes,
    "8.envelope": envelope,
    "8.sealed": sealed,
    "10.a": learned_by_heart,
    "12.five-digits": three_digits,
    "13.a": knowledge,
    "13.b": shift,
    "14.worth": readings,
    "15.flops": records(0),
    "15.dollars": records(1),
}


def above(key: str, folder: Path = BOOK) -> str:
    """Return code and outputs of the cells above the one that asks for a bet.

    Raises:
        ValueError: if no cell of the chapter asks for it.
    """
    chapter = int(key.partition(".")[0])
    path = next(folder.glob(f"{chapter:02d}-*.ipynb"))
    parts: list[str] = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        outputs = [
            "".join(text)
            for output in cell["outputs"]
            for kind, text in {"text": output.get("text", ""), **output.get("data", {})}.items()
            if kind.startswith("text")
        ]
        if any(f"{key}: no forecast" in " ".join(text.split()) for text in outputs):
            said = "\n".join(outputs).partition(f"{key}: no")[0]
            return "\n".join([*parts, "".join(cell["source"]), said])
        parts += ["".join(cell["source"]), *outputs]
    raise ValueError(f"no cell of {path.name} asks for {key}")


def short(x: float) -> float:
    """Return a number to six figures, whole where it is whole."""
    x = float(f"{x:.6g}")
    return int(x) if x.is_integer() else x


def found(folder: Path = BOOK) -> dict[str, dict]:
    """Return the points of every bet that has some, by key.

    Raises:
        ValueError: if a chapter no longer shows them; the message names the bet.
    """
    made = {}
    for key, read in POINTS.items():
        try:
            x, y, at = read(above(key, folder))
        except (ValueError, IndexError) as error:
            raise ValueError(f"{key}: no points above it any more ({error})") from error
        made[key] = {"x": [*map(short, x)], "y": [*map(short, y)], "at": short(at)}
    return made


def written(points: dict[str, dict]) -> str:
    """Return the points as the text of their file, a bet a line."""
    lines = (f" {json.dumps(key)}: {json.dumps(of)}" for key, of in points.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def refresh() -> bool:
    """Write the points anew; tell whether that changed anything."""
    text = written(found())
    changed = not STORED.exists() or STORED.read_text(encoding="utf-8") != text
    if changed:
        STORED.write_text(text, encoding="utf-8")
    return changed


if __name__ == "__main__":
    print("changed" if refresh() else "unchanged")
