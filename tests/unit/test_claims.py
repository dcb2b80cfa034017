"""The claims of the book: which verdicts test them, and what is made of these."""

from __future__ import annotations

import doctest
from collections import Counter

import nbformat
import pytest
from matplotlib.figure import Figure

from scalinglaws.course import _record, claims, forecast, verdict
from scalinglaws.course.forecast import Forecast
from scalinglaws.course.verdict import Verdict

KEYS = [key for claim in claims.CLAIMS for key in claim.keys]


def verdicts(*, beforehand: bool = True, **outcomes: str) -> list[Verdict]:
    """Verdicts of these outcomes, for the tests of "Theory can name an exponent beforehand"."""
    return [
        Verdict(f"3.{key.replace('_', '-')}", "c", "r", outcome, beforehand=beforehand)
        for key, outcome in outcomes.items()
    ]


def theory(found: list[claims.Scored]) -> claims.Scored:
    """The claim with three tests that speak for it where they held."""
    return next(one for one in found if one.claim.chapter == 3)


def test_each_verdict_tests_one_claim_at_most() -> None:
    assert max(Counter(KEYS).values()) == 1
    assert not {*KEYS} & {*claims.ASIDE}


def test_every_verdict_of_the_book_tests_a_claim_or_is_left_aside() -> None:
    shipped = _record.shipped("verdicts", verdict._read, 15)
    assert claims.unassigned(shipped) == []
    recorded = {found.key for found in shipped}
    assert {*KEYS, *claims.ASIDE} <= recorded


def test_what_is_said_of_ties_names_ties() -> None:
    known = {*KEYS, *claims.ASIDE}
    assert {*claims.CHANGED} <= known
    assert {key for pair in claims.TWINS for key in pair} <= {*KEYS}
    for claim in claims.CLAIMS:
        assert {*claim.one_way} <= {*claim.keys}, claim.name


def test_claims_stand_in_the_order_of_the_chapters() -> None:
    chapters = [claim.chapter for claim in claims.CLAIMS]
    assert chapters == sorted(chapters)


@pytest.mark.parametrize(
    ("sides", "score"),
    [
        (["for"], "open"),
        (["for", "for"], "supported"),
        (["against", "against", "open", "missing"], "against"),
        (["for", "for", "open", "open", "missing"], "open"),
        (["for", "for", "for", "against"], "qualified"),
        (["open", "missing"], "open"),
        (["missing", "missing"], "no verdict recorded"),
    ],
)
def test_the_rule(sides: list[claims.Side], score: str) -> None:
    assert claims.score(sides) == score


@pytest.mark.parametrize("share", [0.5, 1.1])
def test_a_share_that_decides_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 1/2"):
        claims.score(["for"], share)


def test_what_held_speaks_for_or_against() -> None:
    found = theory(claims.scored(verdicts(finite_world="held", spectrum="failed")))
    assert [mark[1] for mark in found.marks] == ["for", "against", "missing"]
    assert str(found) == (
        "qualified: Theory can name an exponent beforehand (1 for, 1\n  against, 1 missing)"
    )
    kaplan = [Verdict("6.kaplan", "c", "r", "held")]
    assert [one.count("against") for one in claims.scored(kaplan) if one.claim.chapter == 6] == [
        1, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "outcome, side", [("held", "against"), ("failed", "open"), ("open", "open")]
)
def test_some_speak_only_where_they_held(outcome: verdict.Outcome, side: str) -> None:
    bend = [Verdict("8.bend", "c", "r", outcome)]
    assert dict(mark[:2] for mark in claims.scored(bend)[0].marks)["8.bend"] == side
    both = claims.scored(bend, both_ways=True)[0].count("for")
    assert both == (outcome == "failed")


def test_rules_that_came_late_settle_nothing() -> None:
    late = verdicts(finite_world="held", spectrum="held", beforehand=False)
    assert theory(claims.scored(late)).told == "qualified: all for, late"
    assert claims.varied(late).iloc[0]["late"] == "supported"
    one = verdicts(dimension="held")
    assert theory(claims.scored(late + one)).told == "supported"
    undecided = verdicts(dimension="open")  # a rule stated beforehand that decided nothing
    assert theory(claims.scored(late + undecided)).score == "qualified"
    mixed = verdicts(finite_world="held", spectrum="failed")
    assert theory(claims.scored(mixed)).told == "qualified: mixed"


def test_rules_written_afterwards_may_be_left_out() -> None:
    late = verdicts(finite_world="held", spectrum="held", beforehand=False)
    early = verdicts(dimension="failed")
    assert theory(claims.scored(late + early)).score == "qualified"
    left = theory(claims.scored(late + early, beforehand=True))
    assert [mark[0] for mark in left.marks] == ["3.dimension"] and left.score == "open"
    assert claims.varied(late + early).iloc[0].tolist() == [
        "qualified", "supported", "qualified", "qualified", "open", 1,
    ]  # fmt: skip


def test_without_any_record_nothing_is_scored() -> None:
    found = claims.scored([])
    assert {one.score for one in found} == {"no verdict recorded"}
    assert claims.varied([]).empty
    assert claims.by_chance(found, draws=10).loc["no verdict recorded", "mean"] == len(found)
    claims.draw_claims(Figure().subplots(), found)


def test_chance_keeps_what_is_decided_and_how_it_adds_up() -> None:
    dealt = claims.by_chance(
        claims.scored(verdicts(finite_world="held", spectrum="failed", dimension="open")), draws=50
    )
    assert dealt.loc["qualified"].tolist() == [1, 1, 1, 1]


def test_twins_that_agree_are_dealt_as_one() -> None:
    told = [Verdict(f"8.{of}-{name}", "c", "r", outcome) for of in ("sealed", "far")
            for name, outcome in (("band", "held"), ("form", "failed"))]  # fmt: skip
    dealt = claims.by_chance(claims.scored(told), draws=50)
    assert dealt.loc[["supported", "against"], "low"].tolist() == [1, 1]  # never mixed
    told[-1] = Verdict("8.far-form", "c", "r", "held")
    assert claims.by_chance(claims.scored(told), draws=50).loc["qualified", "mean"] > 0


def test_hindsight_needs_rules_of_both_kinds() -> None:
    early = verdicts(spectrum="held", dimension="failed", floor="open")
    late = [Verdict("4.rate", "c", "r", "failed", beforehand=False)]
    after, before, gap = claims.hindsight(early + late)
    assert (after.value, after.n, before.value, before.n) == (0, 1, 0.5, 2)
    assert (gap.value, gap.low, gap.high) == (-0.5, -0.5, -0.5)
    with pytest.raises(ValueError, match="both kinds"):
        claims.hindsight(early)


def test_the_page_lists_the_claims() -> None:
    page = _record.SHIPPED.parents[2] / "book" / "16-the-verdict.ipynb"
    cells = nbformat.read(page, as_version=4)["cells"]
    text = "".join(out.get("text", "") for cell in cells for out in cell.get("outputs", ()))
    listed = [line.partition(" | ")[2] for line in text.splitlines() if " | " in line]
    assert sorted(listed) == sorted(claim.name for claim in claims.CLAIMS)


def asked(*answers: float, key: str = "1.{}") -> list[Forecast]:
    """Forecasts of 0 with the interval from -1 to 1, and what came out."""
    return [Forecast(key.format(n), 0.0, -1.0, 1.0, answer=a) for n, a in enumerate(answers)]


def test_a_stretch_keeps_what_the_levels_promise() -> None:
    found = forecast.stretch(asked(0.1, -0.2, 0.3, -0.4, 3.0))
    assert found.value == 0.4  # four of five
    assert found.low >= 0.1 and found.high == 3.0
    together = forecast.stretch(asked(0.1, 3.0, key="1.same"))
    assert (together.value, together.low, together.high) == (3.0, 3.0, 3.0)


def test_nothing_to_stretch_is_refused() -> None:
    with pytest.raises(ValueError, match="no forecast"):
        forecast.stretch([Forecast("1.a", 0.0, -1.0, 1.0)])


def test_how_far_off_goes_by_the_side_of_the_interval() -> None:
    uneven = {"value": 2.0, "low": 1.0, "high": 2.5}
    assert Forecast("1.a", **uneven).off is None
    assert Forecast("1.a", **uneven, answer=3.0).off == 2
    assert Forecast("1.a", **uneven, answer=0.0).off == -2
    assert Forecast("1.a", 2.0, 1.0, 2.0, answer=3.0).off == float("inf")
    assert Forecast("1.a", 2.0, 1.0, 2.0, answer=2.0).off == 0


def test_marks_beyond_the_edge_are_drawn_at_it() -> None:
    ax = Figure().subplots()
    claims.draw_forecasts(ax, [*asked(0.5, 2.0, 9.0, -9.0), Forecast("2.a", 0.0, -1.0, 1.0)])
    drawn = [(line.get_marker(), line.get_xdata()[0]) for line in ax.lines[:4]]
    assert drawn == [("o", 0.5), ("X", 2.0), (">", 4.0), ("<", -4.0)]


@pytest.mark.parametrize("module", [claims, forecast])
def test_the_examples_run(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_a_stretched_forecast_keeps_the_rest() -> None:
    one = Forecast("1.a", 2.0, 1.0, 2.5, level=0.9, answer=0.5)
    wider = one.stretched(2)
    assert (wider.low, wider.high, wider.level, wider.hit) == (0.0, 3.0, 0.9, True)
    assert one.hit is False
    with pytest.raises(ValueError, match="by must"):
        one.stretched(0)
