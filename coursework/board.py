"""The page of a class: who bet what, what came out, and whether the class knew how much it knew.

One HTML file that asks no other server for anything and runs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from scalinglaws.course import challenge, forecast
from scalinglaws.course.challenge.bet import told

if TYPE_CHECKING:
    from .bet import Handed

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --quiet: #5c5c5c;
  --line: #d4d4d4; --hit: #0b5fa5; --miss: #a63a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181b;
  --quiet: #a9a9a9; --line: #3d4147; --hit: #79b8f2; --miss: #f2a06b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
p, caption { max-width: 44rem; } caption { text-align: left; color: var(--quiet); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; font-size: .9rem;
  text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:nth-child(2), td:nth-child(2), th:nth-child(3), td:nth-child(3) { text-align: left; }
.hit { color: var(--hit); } .miss { color: var(--miss); } .quiet { color: var(--quiet); }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 13px; }
.axis { stroke: var(--line); } .best { stroke: var(--quiet); stroke-dasharray: 4 4; }
line.hit, circle.hit { stroke: var(--hit); fill: var(--hit); }
line.miss, circle.miss { stroke: var(--miss); fill: var(--miss); }
.bar { stroke-width: 4; } .came { fill: var(--paper) !important; stroke: var(--ink);
  stroke-width: 2; }
"""
HEADINGS = ("", "student", "bet on", "foretold", "interval", "came out", "held", "score", "regret",
            "total")  # fmt: skip


def page(
    setting: challenge.Setting,
    truth: challenge.Truth,
    outcomes: Sequence[challenge.Outcome],
    handed: Sequence[Handed],
) -> str:
    """The whole page. `outcomes` are the bets that count, in the order of the table."""
    best_run, best = truth.best
    best = min([best, *(one.best for one in outcomes)])
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>The bet {setting.id}</title><style>{STYLE}</style></head><body><main>",
        "<h1>The bet</h1>",
        f"<p>Each could spend {setting.budget:.3g} FLOPs, and foretold the loss of a run of "
        f"{setting.target:.3g}, {setting.factor:.0f} times as large, in nats per token. The best "
        f"loss that is known at the target is {best:.4f}; the instructor's best was "
        f"{escape(told(best_run))}.</p>",
        f"<p>{escape(calibration(outcomes))}</p>" if outcomes else "<p>No bet is settled yet.</p>",
    ]
    if outcomes:
        parts += [picture(outcomes, best), table(outcomes, setting.level)]
    parts += [rest(handed), "</main></body></html>"]
    return "\n".join(part for part in parts if part) + "\n"


def calibration(outcomes: Sequence[challenge.Outcome]) -> str:
    """How many intervals of the class held what came out, and how far that can be trusted.

    >>> calibration([])
    'No bet is settled yet.'
    """
    if not outcomes:
        return "No bet is settled yet."
    found = forecast.calibrated([one.forecast for one in outcomes])
    on = f"{found.questions} different run{'s' * (found.questions > 1)}"
    return (
        f"{found.hits} of {found.scored} intervals held what came out; their levels promise "
        f"{found.expected:.1f}. True share, 95 % interval: {found.low:.0%} to {found.high:.0%}, "
        f"counted as {on}. Even these share one language and one target, so what surprised one "
        "surprised many, and the interval is too narrow rather than too wide."
    )


def table(outcomes: Sequence[challenge.Outcome], level: float) -> str:
    """The bets that count, the best first."""
    rows = []
    for rank, one in enumerate(outcomes, start=1):
        made, held = one.commitment, bool(one.forecast.hit)
        sign = '<span class="hit">yes</span>' if held else '<span class="miss">no</span>'
        shape = made.run.model.shape()
        cells = [
            str(rank),
            escape(made.student),
            escape(
                f"width {shape['width']}, depth {shape['depth']}, {made.run.tokens:,} tokens, "
                f"{made.run.optimizer}"
            ),
            f"{made.value:.4f}",
            f"{made.low:.4f} to {made.high:.4f}",
            f"{one.loss:.4f}",
            sign,
            *(f"{number:.4f}" for number in (one.score, one.regret, one.total)),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADINGS)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Bets">'
        "<table><caption>Score: the interval score, its width plus "
        f"{2 / (1 - level):.0f} times the distance by which it missed. Regret: loss above the best "
        "that is known. Total: both. All in nats per token; lower is better.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def picture(outcomes: Sequence[challenge.Outcome], best: float) -> str:
    """Each interval as a bar, what was foretold as a dot in it, what came out as a ring."""
    numbers = [best]
    for one in outcomes:
        numbers += [one.commitment.low, one.commitment.high, one.loss]
    low, high = _middle_range(numbers, [one.loss for one in outcomes])
    left, right, step = 150, 860, 26
    bottom = 30 + step * len(outcomes)

    def x(value: float) -> float:
        share = (value - low) / (high - low)
        return round(left + (right - left) * min(max(share, -0.02), 1.02), 1)

    marks = [f'<line class="best" x1="{x(best)}" x2="{x(best)}" y1="12" y2="{bottom}"/>']
    for row, one in enumerate(outcomes):
        made, y = one.commitment, 26 + step * row
        kind = "hit" if one.forecast.hit else "miss"
        marks.append(
            f'<text x="{left - 12}" y="{y + 5}" text-anchor="end">{escape(made.student[:18])}'
            f'</text><line class="bar {kind}" x1="{x(made.low)}" x2="{x(made.high)}" y1="{y}" '
            f'y2="{y}"/><circle class="{kind}" cx="{x(made.value)}" cy="{y}" r="5"/>'
            f'<circle class="came" cx="{x(one.loss)}" cy="{y}" r="6"/>'
        )
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (high - low)
        marks.append(
            f'<line class="axis" x1="{x(value)}" x2="{x(value)}" y1="{bottom}" y2="{bottom + 6}"/>'
            f'<text x="{x(value)}" y="{bottom + 22}" text-anchor="middle">{value:.3f}</text>'
        )
    hits = sum(bool(one.forecast.hit) for one in outcomes)
    alt = (
        f"{len(outcomes)} intervals for the loss at the target, of which {hits} hold what came "
        "out. Bars: intervals; dots: what was foretold; rings: what came out; dashed: the best "
        "loss that is known."
    )
    return (
        f'<figure><svg viewBox="0 0 900 {bottom + 30}" role="img" aria-label="{escape(alt)}">'
        f'{"".join(marks)}</svg><figcaption class="quiet">Bars are the intervals, dots what was '
        "foretold, rings what came out; the dashed line is the best loss that is known. Intervals "
        "that reach further are cut at the edge.</figcaption></figure>"
    )


def _middle_range(numbers: Sequence[float], losses: Sequence[float]) -> tuple[float, float]:
    """A range that shows what came out, and of the rest as much as leaves that readable."""
    middle = sorted(losses)[len(losses) // 2]
    reach = max(3 * (max(losses) - min(losses)), 0.15)
    low = max(min(numbers), min(losses) - reach)
    high = min(max(numbers), max(losses) + reach)
    pad = 0.03 * (high - low) or 0.01 * abs(middle) or 0.01
    return low - pad, high + pad


def rest(handed: Sequence[Handed]) -> str:
    """Who is not in the table, and why."""
    lines = []
    for one in handed:
        if one.refused:
            lines.append(f"<li>{escape(one.student)}: refused. {escape(one.refused)}</li>")
        elif one.outcome is None:
            lines.append(f"<li>{escape(one.student)}: no commitment yet</li>")
    return f"<h2>Not in the table</h2><ul>{''.join(lines)}</ul>" if lines else ""
