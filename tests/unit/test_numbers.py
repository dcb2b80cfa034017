"""Numbers as other people write them: `scalinglaws.runs.numbers`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalinglaws.runs import numbers

PLAIN = {
    "15": 15.0, "-3": -3.0, "1.5e3": 1500.0, "1E5": 1e5, "+2.5": 2.5, ".5": 0.5, "−4": -4.0,
    "70M": 70e6, "70 M": 70e6, "6.9B": 6.9e9, "2 billion": 2e9, "1.4T": 1.4e12, "125 k": 125e3,
    "3 mio": 3e6, "10^6": 1e6, "10**6": 1e6, "3 × 10^8": 3e8, "3x10^{8}": 3e8, "1.2·10^9": 1.2e9,
    "2e9 tokens": 2e9, "70M params": 70e6, "3.1 nats/token": 3.1, "1e18 FLOPs": 1e18,
    "70 000 000": 7e7, "1_000_000": 1e6, "1'000": 1000.0, "2\u202f000": 2000.0, "'7": 7.0,
    '"7"': 7.0,
}  # fmt: skip
MARKED = {
    "**3.364**": 3.364, "*3.364*": 3.364, "__3.364__": 3.364, "<b>3.36</b>": 3.36,
    "\\textbf{3.36}": 3.36, "$3.36$": 3.36, "3.36†": 3.36, "3.36*": 3.36, "~70M": 70e6,
    "≈ 70M": 70e6, "3.36 ± 0.01": 3.36, "3.36 +/- 0.01": 3.36, '="3.36"': 3.36, "=3.36": 3.36,
    "$\\mathbf{3.36}$": 3.36,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [*PLAIN.items(), *MARKED.items()])
def test_a_number_is_read_as_people_write_it(text: str, value: float) -> None:
    found = numbers.parse(text)
    assert found.value == pytest.approx(value, rel=1e-15)
    assert found.marks == (text in MARKED)


@pytest.mark.parametrize(
    "text", ["", "x", "nan", "3.1.2", "70X", "1.2.3,4", "about 3", "3 of 4", "12,34,567", "10^999"]
)
def test_what_is_no_number_is_nan(text: str) -> None:
    assert math.isnan(numbers.parse(text, comma=False).value)


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [
        ("1,5", True, 1.5),
        ("1.234.567,8", True, 1234567.8),
        ("1,234,567.8", False, 1234567.8),
        ("1.500", True, 1500.0),
        ("1.500", False, 1.5),
        ("1,500", True, 1.5),
        ("1,500", False, 1500.0),
        ("1.500M", True, 1.5e9),
        ("1.500M", False, 1.5e6),
        ("0,5", False, math.nan),
    ],
)
def test_the_decimal_sign_decides(text: str, comma: bool, value: float) -> None:
    assert numbers.parse(text, comma).value == pytest.approx(value, nan_ok=True)


def test_a_comma_that_nobody_explains_is_not_read() -> None:
    with pytest.raises(numbers.Undecided, match="1,500"):
        numbers.parse("1,500")
    assert numbers.parse("1.500").value == 1.5


@pytest.mark.parametrize(
    ("texts", "signs"),
    [
        (["1,5"], {","}),
        (["1.5"], {"."}),
        (["1,234,567"], {"."}),
        (["1.234.567"], {","}),
        (["1,234.5"], {"."}),
        (["1,500", "2.500", "7"], set()),
        (["0,500"], {","}),
        (["1234,567"], {","}),
        (["1234.567"], {"."}),
        (["1,5M"], {","}),
        (["1,5", "2.25"], {",", "."}),
        (["x", ""], set()),
    ],
)
def test_texts_show_which_sign_is_decimal(texts: list[str], signs: set[str]) -> None:
    assert numbers.decimal_signs(texts) == signs


def test_what_stays_below_a_thousand_shows_more() -> None:
    assert numbers.decimal_signs(["3,512"], below_thousand=True) == {","}
    assert numbers.decimal_signs(["3.512"], below_thousand=True) == {"."}


def test_a_semicolon_says_decimal_comma_where_nothing_else_tells() -> None:
    none: frozenset[str] = frozenset()
    assert numbers.decimal_comma(none, none, ",") is True
    assert numbers.decimal_comma(none, none, None) is None
    assert numbers.decimal_comma(none, {"."}, ",") is False
    assert numbers.decimal_comma({"."}, {".", ","}, ",") is False
    assert numbers.decimal_comma(none, {",", "."}, ",") is None
    assert numbers.decimal_comma({","}, {".", ","}) is True


def test_it_says_how_it_read() -> None:
    assert numbers.parse("70B").suffix and not numbers.parse("70").suffix
    assert numbers.parse("70 000").gaps and not numbers.parse("70000").gaps
    assert numbers.parse("1.234,5", True).signs == (
        (",", "decimal", "1.234,5"),
        (".", "thousands", "1.234,5"),
    )
    assert numbers.parse("1.5").signs == ()


@given(st.integers(0, 10**15), st.sampled_from(" _'\u202f"))
def test_grouped_thousands_come_back(value: int, gap: str) -> None:
    assert numbers.parse(f"{value:,}".replace(",", gap)).value == value
    assert numbers.parse(f"{value:,}", False).value == value
    assert numbers.parse(f"{value:,}".replace(",", "."), True).value == value


@given(st.floats(1e-3, 1e15))
def test_every_float_comes_back(value: float) -> None:
    assert numbers.parse(repr(value)).value == value
    assert numbers.parse(f"**{value!r}**").value == value


@pytest.mark.parametrize("text", ["1", "1e9", "70M", "3 × 10^8", "**3.1**", "1,5", '="4"'])
def test_a_number_looks_like_one(text: str) -> None:
    assert numbers.number_like(text)


@pytest.mark.parametrize("text", ["params", "N", "", "gpt-70M", "loss @ 2B", "x1"])
def test_a_name_does_not(text: str) -> None:
    assert not numbers.number_like(text)
