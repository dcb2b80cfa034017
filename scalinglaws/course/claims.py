"""The claims of the scaling debate, each with the verdicts that test it, and how they are scored.

A claim names the verdicts (see `verdict`) that speak for it where they held, and those that speak
against it where they held. Most speak the other way where they failed; a few say nothing then, as
where failing means that an effect was not found. The score follows by a rule from what is recorded,
and from nothing else: a verdict that no chapter has recorded counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .. import plot
from ..estimate import Estimate, wilson
from . import _record
from .forecast import Forecast
from .verdict import Verdict

Side = Literal["for", "against", "open", "missing"]
Score = Literal["supported", "qualified", "open", "against", "no verdict recorded"]
Part = Literal["loss", "abilities", "sufficiency"]
Mark = tuple[str, Side, bool]
SCORES: tuple[Score, ...] = get_args(Score)
DECIDED: tuple[Side, ...] = ("for", "against")

RULE = (
    "A test speaks for or against a claim by whether its verdict held or failed, and for neither "
    "if it is open or missing, or failed where failing shows nothing. If no verdict is recorded, "
    "the page says so. If fewer than half of the tests, or fewer than two, are decided, the claim "
    "is open. If all decided tests speak for it, or all against, and the rule of one of them at "
    "least was stated beforehand, it is supported, or against. Otherwise it is qualified: because "
    "its tests are mixed, or because all their rules came late."
)
"""How `score` judges a claim."""


@dataclass(frozen=True)
class Claim:
    """A claim, where it is tested, and which verdicts test it."""

    name: str
    part: Part
    """Which of the three questions of chapter 1 it belongs to."""
    chapter: int
    """Where most of it is tested."""
    held_for: tuple[str, ...] = ()
    """Keys of verdicts that speak for the claim if they held, and against it if they failed."""
    held_against: tuple[str, ...] = ()
    """Keys of verdicts that speak against it if they held, and for it if they failed."""
    one_way: tuple[str, ...] = ()
    """Those of these keys whose failing shows nothing: such a verdict speaks only if it held."""

    @property
    def keys(self) -> tuple[str, ...]:
        """All verdicts that test it."""
        return self.held_for + self.held_against


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "Loss against compute is a straight line on log axes",
        "loss", 2, ("1.straight",), ("8.bend",), ("8.bend",),
    ),
    Claim(
        "Small series show which law they follow, and how surely",
        "loss", 2,
        ("2.line-bands", "2.floor-bands", "2.one-decade", "2.seven-floor", "3.floor"),
    ),
    Claim(
        "Theory can name an exponent beforehand",
        "loss", 3, ("3.finite-world", "3.spectrum", "3.dimension"),
    ),
    Claim(
        "An exponent does not hang on the recipe",
        "loss", 4, (), ("1.diet", "4.rate", "4.shift", "4.recipes"), ("1.diet",),
    ),
    Claim(
        "A law through small runs forecasts the next size, ration or budget",
        "loss", 5, ("1.line", "1.next-rung", "5.size", "5.data", "5.compute", "5.joint"),
    ),
    Claim(
        "Shape hardly matters",
        "loss", 5, ("5.shape",),
    ),
    Claim(
        "Most of a larger budget belongs in a larger model, as 2020 had it",
        "loss", 6, (), ("6.kaplan",),
    ),
    Claim(
        "One power law gives the best size, one surface the loss",
        "loss", 6, ("6.straight", "6.surface"),
    ),
    Claim(
        "An average in place of a sum explains Chinchilla's printed fit",
        "loss", 6, ("6.average",),
    ),
    Claim(
        "Named habits account for the gap between the two papers",
        "loss", 7,
        ("5.habits", "5.habits-large", "5.its-exponent", "7.counting", "7.cooldown",
         "7.steps-add-up"), (), ("7.steps-add-up",),
    ),
    Claim(
        "One habit, counting, makes most of the gap between our imitations",
        "loss", 7, ("7.counting-most", "7.counting-most-later"),
    ),
    Claim(
        "The race winner's band, from its misses, holds far beyond the fit",
        "loss", 8, ("8.sealed-band", "8.far-band"),
    ),
    Claim(
        "A race tells beforehand which form is best",
        "loss", 8, ("8.sealed-form", "8.far-form"),
    ),
    Claim(
        "Runs nearer to the target mend a forecast",
        "loss", 8, ("8.sealed-climb", "8.far-climb"),
    ),
    Claim(
        "Abilities appear suddenly",
        "abilities", 9,
        ("9.time", "9.size", "9.two-kinds", "9.few-size", "9.few-kinds"), ("11.grows",),
    ),
    Claim(
        "Models learn new tasks from examples in their context",
        "abilities", 9, ("9.few-shot", "9.maps"),
    ),
    Claim(
        "The suddenness lies in the score",
        "abilities", 10,
        ("10.power", "10.list", "10.credit", "10.gpt3"),
        ("9.loss", "10.addition", "10.repetition", "10.few-shot"),
    ),
    Claim(
        "Seeds and circuits explain the jumps that remain",
        "abilities", 10, ("10.lottery", "10.depth", "10.circuit"),
    ),
    Claim(
        "Written steps add power",
        "abilities", 11, ("11.chain", "11.supervision"), ("11.small",), ("11.small",),
    ),
    Claim(
        "More tries stand in for a larger model",
        "abilities", 11, ("11.tries",), ("11.reread",),
    ),
    Claim(
        "Text of one language alone teaches translation, more so at size",
        "abilities", 11, ("11.alone", "11.both"),
    ),
    Claim(
        "Who passes the exam has learned the rule",
        "abilities", 12,
        ("12.five-digits", "12.false-belief", "12.best-rule"), ("12.last-three",),
        ("12.last-three",),
    ),
    Claim(
        "Varied data mend what size and working do not",
        "abilities", 12, ("12.variety", "12.told-later"), ("12.repairs",),
    ),
    Claim(
        "Learning overtakes knowledge that was built in",
        "sufficiency", 13, ("13.overtaken", "13.passes"),
    ),
    Claim(
        "It can be said beforehand which ideas gain with scale",
        "sufficiency", 13,
        ("13.shift", "13.lstm", "13.mlp", "13.muon", "13.misprints", "13.half"),
    ),
    Claim(
        "One constant says what a repeated token is worth",
        "sufficiency", 14, ("14.constant",), ("14.larger",), ("14.larger",),
    ),
    Claim(
        "Cures push the wall of data back",
        "sufficiency", 14, ("14.decay", "14.fade", "14.ensemble"), (), ("14.ensemble",),
    ),
    Claim(
        "Text that a model wrote stands in for text",
        "sufficiency", 14, ("14.student", "14.collapse"), ("14.teacher",), ("14.student",),
    ),
    Claim(
        "What a step down the line costs can be foretold",
        "sufficiency", 15, ("15.price", "15.serving", "15.pace"),
    ),
    Claim(
        "Energy or money ends the line before text does",
        "sufficiency", 15, ("15.first",), (), ("15.first",),
    ),
)  # fmt: skip
"""The claims, in the order of the book. Each verdict tests one of them at most."""

ASIDE: dict[str, str] = {
    "11.slips": "says how steps fail, not whether they add power",
    "11.pairs": "says what pairs do without the other text",
    "11.code": "is an exam passed; chapter 12 goes beyond exams",
    "13.knowledge": "sets knowledge against counting, which cannot learn",
    "15.doubt": "says which doubt is larger, not how large it is",
    "15.feasible": "says that some limit binds, not which",
}
"""Verdicts that test none of the claims, and why."""

CHANGED: tuple[str, ...] = (
    "1.diet", "5.its-exponent", "7.counting-most", "7.counting-most-later", "7.steps-add-up",
    "8.bend", "11.code", "11.pairs", "11.small", "12.last-three", "13.knowledge", "14.collapse",
    "14.decay", "14.ensemble", "14.larger", "14.student", "14.teacher", "15.doubt", "15.feasible",
    "15.first",
)  # fmt: skip
"""Verdicts whose tie was changed when the outcomes were known: set aside, moved to another claim,
or made to speak only if they held."""

TWINS: tuple[tuple[str, str], ...] = (
    ("8.sealed-band", "8.far-band"), ("8.sealed-form", "8.far-form"),
    ("8.sealed-climb", "8.far-climb"),
)  # fmt: skip
"""Verdicts that ask one question of two sets of runs and share a law: for chance, one trial."""


@dataclass(frozen=True)
class Scored:
    """A claim and what its tests say. Prints itself in a line or two."""

    claim: Claim
    marks: tuple[Mark, ...]
    """For each test its key, the side it speaks on, and whether its rule was stated beforehand."""

    def count(self, side: Side) -> int:
        """How many tests speak on this side."""
        return sum(mark[1] == side for mark in self.marks)

    @property
    def score(self) -> Score:
        """What follows by `RULE`."""
        return _judged(self.marks)

    @property
    def told(self) -> str:
        """The score in words; a qualified one says why: mixed, or late for rules that came late."""
        if self.score != "qualified":
            return "none recorded" if self.score == "no verdict recorded" else self.score
        sides = [side for side in DECIDED if self.count(side)]
        return "qualified: mixed" if len(sides) > 1 else f"qualified: all {sides[0]}, late"

    def __str__(self) -> str:
        counts = ((self.count(side), side) for side in get_args(Side))
        told = ", ".join(f"{n} {side}" for n, side in counts if n) or "no test assigned"
        return _record.wrapped(f"{self.score}: {self.claim.name} ({told})")


def score(sides: Iterable[Side], share: float = 1.0, *, beforehand: bool = True) -> Score:
    """What a claim's tests say of it, by `RULE`.

    With a `share` below 1 so large a part of the decided tests is enough in place of all.
    `beforehand` says whether the rule of a decided test was stated beforehand; without one,
    agreement is only "qualified". Raises ValueError unless 1/2 < share <= 1.

    >>> score(["for", "for", "open"]), score(["for", "against", "missing"])
    ('supported', 'qualified')
    >>> score(["for", "for", "open"], beforehand=False)
    'qualified'
    >>> score(["for", "open", "open"]), score(["missing"]), score([])
    ('open', 'no verdict recorded', 'no verdict recorded')
    >>> score(["for", "for", "against"], share=2 / 3)
    'supported'
    """
    if not 0.5 < share <= 1:
        raise ValueError(f"share must be above 1/2 and at most 1, got {share}")
    sides = list(sides)
    pro, con = sides.count("for"), sides.count("against")
    if len(sides) == sides.count("missing"):
        return "no verdict recorded"
    if pro + con < max(2.0, len(sides) / 2):
        return "open"
    enough = share * (pro + con) - 1e-9
    if not beforehand or max(pro, con) < enough:
        return "qualified"
    return "supported" if pro >= enough else "against"


def _judged(marks: Sequence[Mark], share: float = 1.0, *, late: bool = False) -> Score:
    """`score` of the marks of a claim; with `late` rules that came late are enough."""
    early = any(told and side in DECIDED for _, side, told in marks)
    return score([mark[1] for mark in marks], share, beforehand=early or late)


def scored(
    verdicts: Iterable[Verdict], *, beforehand: bool = False, both_ways: bool = False
) -> list[Scored]:
    """Each of `CLAIMS` with what these verdicts say of it.

    With `beforehand` only tests whose rule was stated beforehand count; the others are left out,
    not counted as missing. With `both_ways` the tests that speak only where they held also speak
    where they failed.

    >>> told = scored([Verdict("8.sealed-form", "c", "r", "failed"),
    ...                Verdict("8.far-form", "c", "r", "failed")])
    >>> [(one.claim.chapter, one.score) for one in told if one.count("against")]
    [(8, 'against')]
    """
    known = {verdict.key: verdict for verdict in verdicts}
    found = []
    for claim in CLAIMS:
        marks: list[Mark] = []
        for key in claim.keys:
            at = known.get(key)
            if at is None:
                marks.append((key, "missing", True))
            elif at.beforehand or not beforehand:
                good = (at.outcome == "held") == (key in claim.held_for)
                silent = at.outcome == "failed" and key in claim.one_way and not both_ways
                side: Side = "for" if good else "against"
                if silent or at.outcome == "open":
                    side = "open"
                marks.append((key, side, at.beforehand))
        found.append(Scored(claim, tuple(marks)))
    return found


def unassigned(verdicts: Iterable[Verdict]) -> list[str]:
    """Keys of verdicts, those of the last chapter apart, that test no claim and are not `ASIDE`.

    >>> unassigned([Verdict("1.straight", "c", "r"), Verdict("1.new", "c", "r")])
    ['1.new']
    """
    known = {key for claim in CLAIMS for key in claim.keys} | set(ASIDE)
    return [v.key for v in verdicts if v.key not in known and v.chapter < 16]


def varied(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """The scores by other rules: a row for each claim that has a verdict, indexed by its name.

    Columns: `rule` (by `RULE`), `2/3` of the decided tests in place of all, `late` (rules that came
    late are enough), `both` (tests speak where they failed, too), `early` (only rules stated
    beforehand), and `out`: how many scores come out when each recorded test in turn is left out.

    >>> varied([Verdict("8.sealed-form", "c", "r", "failed")])["rule"].tolist()
    ['open']
    """
    strict, both = scored(verdicts, beforehand=True), scored(verdicts, both_ways=True)
    rows = {}
    for i, one in enumerate(scored(verdicts)):
        if one.score == "no verdict recorded":
            continue
        out = {
            replace(one, marks=(*one.marks[:j], *one.marks[j + 1 :])).score
            for j, mark in enumerate(one.marks)
            if mark[1] != "missing"
        } | {one.score}
        rows[one.claim.name] = {
            "rule": one.score,
            "2/3": _judged(one.marks, 2 / 3),
            "late": _judged(one.marks, late=True),
            "both": both[i].score,
            "early": strict[i].score,
            "out": len(out),
        }
    columns = ["rule", "2/3", "late", "both", "early", "out"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def by_chance(found: Sequence[Scored], draws: int = 2000, seed: int = 16) -> pd.DataFrame:
    """How many claims would get each score if the decided verdicts were dealt out at random.

    What is decided stays decided, and as many trials speak for a claim as really do, but which is
    drawn. Each test is a trial, except that `TWINS` that agree are dealt as one. A row for each of
    `SCORES`: `found`, and the `mean`, `low` and `high` (95 %) of the draws.

    >>> told = scored([Verdict("8.sealed-form", "c", "r", "failed"),
    ...                Verdict("8.far-form", "c", "r", "failed")])
    >>> by_chance(told).loc["against"].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    where = {m[0]: (i, j) for i, one in enumerate(found) for j, m in enumerate(one.marks)
             if m[1] in DECIDED}  # fmt: skip
    sides = {key: found[i].marks[j][1] for key, (i, j) in where.items()}
    twins = [pair for pair in TWINS if sides.get(pair[0]) == sides.get(pair[1], "missing")]
    single = {*where} - {key for pair in twins for key in pair}
    trials = [*twins, *((key,) for key in where if key in single)]
    rng = np.random.default_rng(seed)
    counts = np.zeros((draws, len(SCORES)))
    for row in counts:
        dealt = [list(one.marks) for one in found]
        for trial, at in zip(trials, rng.permutation(len(trials)), strict=True):
            for key in trial:
                i, j = where[key]
                dealt[i][j] = (key, sides[trials[at][0]], found[i].marks[j][2])
        for marks in dealt:
            row[SCORES.index(_judged(marks))] += 1
    low, high = np.quantile(counts, (0.025, 0.975), axis=0)
    real = [float(sum(one.score == name for one in found)) for name in SCORES]
    return pd.DataFrame(
        {"found": real, "mean": counts.mean(axis=0), "low": low, "high": high}, index=list(SCORES)
    )


def hindsight(
    verdicts: Iterable[Verdict], draws: int = 4000, seed: int = 16
) -> tuple[Estimate, Estimate, Estimate]:
    """Do rules that were written afterwards hold more often than those stated beforehand?

    Of the decided verdicts, the share held where the rule was written afterwards, the share where
    it was stated beforehand (both with Wilson's interval), and the first less the second, with the
    95 % interval over chapters drawn anew, all verdicts of one together. Raises ValueError unless
    there are verdicts of both kinds.

    >>> made = [Verdict(f"{n}.a", "c", "r", "held", beforehand=n > 2) for n in (1, 2, 3, 4)]
    >>> print(hindsight(made)[2])
    0 (95% interval 0 to 0)
    """
    decided = [v for v in verdicts if v.outcome != "open"]
    chapters = sorted({v.chapter for v in decided})
    counts = np.zeros((len(chapters), 2, 2))  # chapter, afterwards or beforehand, (held, all)
    for v in decided:
        counts[chapters.index(v.chapter), int(v.beforehand)] += (v.outcome == "held", 1)
    whole = counts.sum(axis=0)
    if not whole[:, 1].all():
        raise ValueError("there must be decided verdicts of both kinds")
    picks = np.random.default_rng(seed).integers(len(chapters), size=(draws, len(chapters)))
    drawn = counts[picks].sum(axis=1)
    drawn = drawn[drawn[:, :, 1].all(axis=1)]
    low, high = np.quantile(np.subtract(*(drawn[:, i, 0] / drawn[:, i, 1] for i in (0, 1))),
                            (0.025, 0.975))  # fmt: skip
    late, early = (wilson(int(held), int(of)) for held, of in whole)
    return late, early, Estimate(late.value - early.value, float(low), float(high))


def draw_claims(ax: Axes, found: Sequence[Scored]) -> None:
    """A row for each claim: its name, a mark for each test, and its score at the right.

    A blue dot speaks for the claim, a red cross against it, a grey ring is open, a short stroke is
    a test without a verdict. A black edge says that the rule was stated beforehand.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> draw_claims(ax, scored([Verdict("1.straight", "c", "r", "held")]))
    >>> ax.texts[0].get_text(), ax.texts[1].get_text()
    ('Loss against compute is a straight line on log axes', 'open')
    """
    look = {
        "for": ("o", plot.BLUE, plot.BLUE), "against": ("X", plot.RED, plot.RED),
        "open": ("o", "white", plot.GREY), "missing": ("_", plot.GREY, plot.GREY),
    }  # fmt: skip
    colors = {"supported": plot.BLUE, "against": plot.RED, "qualified": "#222222"}
    for y, one in enumerate(found):
        ax.text(-0.4, y - 0.22, one.claim.name, fontsize=9, va="center")
        order = sorted(one.marks, key=lambda mark: get_args(Side).index(mark[1]))
        for x, (_, side, early) in enumerate(order):
            marker, face, edge = look[side]
            edge = "black" if early and side != "missing" else edge
            ax.plot(x, y + 0.2, marker, ms=8.5, mfc=face, mec=edge, mew=1.5)
        color = colors.get(one.score, plot.GREY)
        ax.text(10.6, y + 0.2, one.told, color=color, fontsize=9, va="center", ha="right")
    ax.set(xlim=(-0.6, 10.7), ylim=(len(found) - 0.4, -0.7), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)


def draw_forecasts(ax: Axes, forecasts: Sequence[Forecast], edge: float = 4.0) -> None:
    """A row for each question, a mark for each forecast: how many half widths off its answer was.

    Dots lie inside their intervals, between the dashed lines, and crosses outside; those beyond
    `edge` stand at the edge as triangles. Forecasts without an answer are left out.

    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> draw_forecasts(ax, [Forecast("1.a", 2.0, 1.5, 2.5, answer=2.2)])
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['1.a']
    """
    judged = [f for f in forecasts if f.off is not None and f.counts]
    questions = list(dict.fromkeys(f.key for f in judged))
    for f in judged:
        off, y = f.off or 0.0, questions.index(f.key)
        marker = "o" if f.hit else "X" if abs(off) <= edge else ">" if off > 0 else "<"
        color = plot.BLUE if f.hit else plot.RED
        ax.plot(np.clip(off, -edge, edge), y, marker, color=color, ms=8, mec="white", mew=0.7)
    ax.axvline(0, color=plot.GREY, lw=0.8, zorder=0)
    for side in (-1, 1):
        ax.axvline(side, color=plot.GREY, ls="--", lw=1, zorder=0)
    ax.set_yticks(range(len(questions)), questions)
    ax.set(xlim=(-edge - 0.3, edge + 0.3), ylim=(len(questions) - 0.4, -0.6))
    ax.grid(axis="y", visible=True)
