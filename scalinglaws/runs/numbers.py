"""Numbers as other people write them: "6.9B", "1.234.567,8", "3 × 10^8", "70 000 000".

A parser of texts that knows nothing of tables. What a comma or a dot means is told by all the texts
of a column together (`decimal_signs`, `decimal_comma`); `parse` then reads one text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

PREFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21,
          "y": 1e24}  # fmt: skip
"""What one letter before a unit multiplies by; b is a billion."""
WORDS = {"thousand": 1e3, "thousands": 1e3, "million": 1e6, "millions": 1e6, "mio": 1e6,
         "mn": 1e6, "billion": 1e9, "billions": 1e9, "bn": 1e9, "trillion": 1e12,
         "trillions": 1e12, "kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12, "peta": 1e15,
         "exa": 1e18, "zetta": 1e21, "yotta": 1e24}  # fmt: skip
"""The same for words."""
NO_VALUE = frozenset(("", "-", "--", "–", "—", "?", "n/a", "na", "nan", "none", "null", "#n/a",
                      "#value!", "#div/0!", "#num!", "#ref!", "<na>"))  # fmt: skip
"""What people write, in lower case, where there is no number."""
INFINITE = frozenset(("inf", "-inf", "+inf", "infinity", "∞"))

_QUICK = re.compile(r"(\d+(?:\.\d+)?)\s?([kKmMbBgGtT])")
_UNIT = re.compile(r"\s*(?:params?|parameters?|tokens?|toks?|flops?|nats?|nats?/token)$", re.I)
_SUFFIX = re.compile(r"(?<=[\d.,])\s*(k|m|b|g|t|thousand|million|mio|billion|bn|trillion)$", re.I)
_POWER = re.compile(r"\s*[x×*·⋅]\s*10\s*(?:\^|\*\*)\s*\{?([+-]?\d+)\}?$", re.I)
_BARE_POWER = re.compile(r"^10\s*(?:\^|\*\*)\s*\{?([+-]?\d+)\}?$")
_GAPS = re.compile(r"(?<=\d)[ \u00a0\u2007\u2009\u202f_'’](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"^[+-]?(\d[\d.,]*|[.,]\d+)(e[+-]?\d+)?$", re.I)
_MARKS = re.compile(
    r"^\s*=(?=[\"\d.+-])|</?(?:b|i|u|em|strong)>|^\s*[*_$~≈≃]+\s*(?=[\d.,+-])|(?<=[\d.])\s*[*_$†‡§]+\s*$"
    r"|(?<=\d)\s*(?:±|\+/-|\\pm)\s*[\d.,]+\s*$|(?<=\d)\s*\(\s*±?\s*[\d.,]+\s*\)\s*$"
)
"""What stands around numbers: bold and footnotes of Markdown, LaTeX and HTML, a spread after ± or
in brackets, the sign of a formula that spreadsheets write to keep a text."""
_LATEX = re.compile(r"\\(?:textbf|textit|mathbf|bf|underline|emph)\s*\{([^{}]*)\}")
_UNDECIDED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


class Undecided(ValueError):
    """A number whose comma may be a decimal sign or separate thousands; its text is the message."""


@dataclass(frozen=True)
class Number:
    """What a text stands for, and how it was understood."""

    value: float
    """NaN where the text is no number."""
    suffix: bool = False
    """Whether it had a suffix, like the B of 70B."""
    gaps: bool = False
    """Whether spaces or the like between thousands were closed."""
    marks: bool = False
    """Whether marks around it were ignored, as in "**3.364**" or "3.36 ± 0.01"."""
    signs: tuple[tuple[str, str, str], ...] = ()
    """Each comma or dot that is no plain decimal dot: the sign, "decimal" or "thousands", and the
    digits it stood in."""


def number_like(text: str) -> bool:
    """Whether a text looks like a number rather than a name."""
    text = _unmarked(text.strip()).strip().strip("\"'")
    if _PLAIN.match(text) or (text[:1].isdigit() and _SUFFIX.search(text)):
        return True
    return text[:1].isdigit() and not math.isnan(parse(text, False).value)


def undecided(text: str) -> bool:
    """Whether the one sign of a number may be a decimal sign or separate thousands: "1,500"."""
    return bool(_UNDECIDED.fullmatch(_digits(text)))


def decimal_signs(texts: Iterable[str], *, below_thousand: bool = False) -> frozenset[str]:
    """The decimal signs that texts show beyond doubt: of "," and ".", none, one or both.

    below_thousand: no number here reaches 1,000, as no loss in nats per token does, so that
    "2,345" and "2.345" tell as well.
    """
    found: set[str] = set()
    for text in texts:
        digits = _digits(text)
        found |= _shown(digits)
        if below_thousand and _UNDECIDED.fullmatch(digits):
            found.add("," if "," in digits else ".")
    return frozenset(found)


def decimal_comma(own: Set[str], others: Set[str], usual: str | None = None) -> bool | None:
    """Whether a comma is the decimal sign of a column; None if nothing tells.

    `own` are the signs that the column shows (at most one), `others` those of all columns, and
    `usual` is the sign that goes with the kind of file: a semicolon between fields says ",".
    """
    if own:
        return own == {","}
    if len(others) == 1:
        return others == {","}
    return True if not others and usual == "," else None


def parse(text: str, comma: bool | None = None) -> Number:
    """The number that a text stands for. `comma`: whether a comma is the decimal sign.

    Raises Undecided if that is not known and matters.
    """
    quick = _QUICK.fullmatch(text)
    if quick and ("." not in text or not comma):
        return Number(float(quick[1]) * PREFIX[quick[2].lower()], suffix=True)
    marks = _unmarked(text) != text
    body, factor, suffix = _clean(text)
    gaps = bool(_GAPS.search(text))
    if not _PLAIN.match(body):
        return Number(factor if suffix and body == "" else math.nan, gaps=gaps)
    mantissa, mark, exponent = re.split(r"([eE]|$)", body, maxsplit=1)
    signs: tuple[tuple[str, str, str], ...] = ()
    if "," in mantissa or "." in mantissa:
        if "," in mantissa and comma is None:
            raise Undecided(mantissa)
        thousands, point = (".", ",") if comma else (",", ".")
        if not _well_grouped(mantissa, thousands, point):
            return Number(math.nan, gaps=gaps)
        signs = tuple(
            (sign, what, mantissa)
            for sign, what in ((point, "decimal"), (thousands, "thousands"))
            if sign in mantissa and (sign, what) != (".", "decimal")
        )
        mantissa = mantissa.replace(thousands, "").replace(point, ".")
    try:
        return Number(float(mantissa + mark + exponent) * factor, suffix, gaps, marks, signs)
    except (ValueError, OverflowError):
        return Number(math.nan, gaps=gaps)


def _well_grouped(mantissa: str, thousands: str, point: str) -> bool:
    """Whether thousands stand in groups of three, and only before a single decimal sign."""
    whole, *rest = mantissa.split(point)
    first, *groups = whole.split(thousands)
    if groups and not (1 <= len(first.lstrip("+-")) <= 3 and all(len(g) == 3 for g in groups)):
        return False
    return len(rest) < 2 and not any(thousands in part for part in rest)


def _digits(text: str) -> str:
    """A text's digits and signs, without unit and suffix."""
    quick = _QUICK.fullmatch(text)
    return quick[1] if quick else _clean(text)[0]


def _clean(text: str) -> tuple[str, float, bool]:
    """A text without quotes, units, gaps between thousands and suffix; the suffix's factor."""
    body = _unmarked(text.strip()).strip().strip("\"'").replace("\u2212", "-").strip()
    body = _UNIT.sub("", body) if body[:1].isdigit() or body[:1] in ".,+-" else body
    body = _GAPS.sub("", body)
    if match := _BARE_POWER.match(body):
        return "1", _ten(match[1]), False
    if match := _POWER.search(body):
        return body[: match.start()], _ten(match[1]), False
    if match := _SUFFIX.search(body):
        word = match[1].lower()
        factor = WORDS.get(word) or PREFIX[word]
        return body[: match.start()].strip(), factor, True
    return body, 1.0, False


def _unmarked(text: str) -> str:
    """A text without marks around the number in it."""
    while (plain := _MARKS.sub("", _LATEX.sub(r"\1", text))) != text:
        text = plain
    return text


def _ten(exponent: str) -> float:
    return 10.0 ** int(exponent) if abs(int(exponent)) < 300 else math.nan


def _shown(digits: str) -> set[str]:
    """Which decimal sign a number shows beyond doubt: {","}, {"."} or nothing."""
    match = _PLAIN.match(digits)
    if not match:
        return set()
    text = match[1]
    commas, dots = text.count(","), text.count(".")
    if commas and dots:
        return {max(",.", key=text.rfind)}
    if commas > 1:
        return {"."}
    if dots > 1:
        return {","}
    if not commas and not dots:
        return set()
    sign = "," if commas else "."
    whole, part = text.split(sign)
    if len(part) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0") or match[2]:
        return {sign}
    return set()
