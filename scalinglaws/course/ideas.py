"""Ideas over scale: what each is worth in compute, and hand-made learners beside learned ones.

An idea is judged by two sets of runs, those without it (the base) and those with it. The runs are
those of the studies that come with the package; `PAIRS` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .. import plot
from ..fit.multiplier import Frontier, Multiplier, compute_multiplier, fit_frontier
from ..learners import NgramConfig
from ..runs import finished, reference
from .verdict import Outcome

How = Literal["parabola", "lowest"]

PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "token shift": (("no-shift", "far-no-shift"), ("isoflop", "far-adamw")),
    "LSTM to transformer": (("lstm",), ("isoflop", "far-adamw")),
    "better LSTM to transformer": (("lstm-ends",), ("isoflop", "far-adamw")),
    "MLP to transformer": (("mlp",), ("isoflop", "far-adamw")),
    "AdamW to Muon": (("isoflop", "far-adamw"), ("muon", "far-muon")),
    "no misprints": (("misprints",), ("isoflop", "far-adamw")),
    "no foreign half": (("foreign",), ("isoflop", "far-adamw")),
}
"""Each idea with the studies of its base and its own."""

_CLEAN: tuple[str, ...] = ("isoflop", "muon", "rates", "no-shift", "lstm", "mlp")
_CLEAN += ("far-adamw", "far-muon", "far-no-shift", "ladder")

SMALLEST = 1.4e9
"""FLOPs below which the idea's side is left out: there the smallest models are the best."""

_USUAL: dict[str, Callable[[float, str], float]] = {
    "transformer": lambda w, o: 0.15 / w if o == "adamw" else 0.01 * (32 / w) ** 0.5,
    "lstm": lambda w, o: 0.15 * w**-0.85 if o == "adamw" else 0.01 * (32 / w) ** 0.5,
    "mlp": lambda w, o: 0.018 * (32 / w) ** 0.32 if o == "adamw" else 0.01 * (32 / w) ** 0.5,
}
"""The learning rate that each learner takes by default, as its config says it."""


def runs_of(names: Iterable[str], tuned: bool = False) -> pd.DataFrame:
    """The finished runs of these studies, with the factor on the default rate as `rate`.

    Without `tuned`, those at the default rate; with it, at each budget and size those at the rate
    with the lowest mean loss, if others were tried there.

    >>> len(runs_of(["muon"]))
    62
    """
    tables = [reference(name) for name in names]
    if tuned and tables[0]["study"].iloc[0] in ("isoflop", "muon"):
        more = reference("rates")
        tables.append(more[more["optimizer"] == tables[0]["optimizer"].iloc[0]])
    runs = finished(pd.concat(tables, ignore_index=True)).copy()
    usual = [_USUAL[k](w, o) for k, w, o in zip(runs["learner"], runs["width"].astype(float),
                                                runs["optimizer"], strict=True)]  # fmt: skip
    runs["rate"] = (runs["lr"] / np.array(usual)).round(3)
    if not tuned:
        return runs[runs["rate"] == 1]
    runs["budget"] = [float(f"{flops:.1e}") for flops in runs["flops"]]
    cell = ["budget", "width"]
    mean = runs.groupby([*cell, "rate"])["loss"].mean()
    best = mean.groupby(cell).idxmin()
    kept = [rate == best[b, w][2] for b, w, rate in runs[[*cell, "rate"]].to_numpy()]
    return runs[kept]


def frontier(runs: pd.DataFrame, how: How = "parabola") -> Frontier:
    """The least loss at each budget, with draws from the scatter between seeds.

    >>> frontier(runs_of(["muon"])).L.round(2)
    array([2.44, 2.11, 1.84, 1.71, 1.61])
    """
    columns = [runs[name].to_numpy(float) for name in ("params", "tokens", "loss")]
    trunk = ["width", "seed", *(["rate"] if "rate" in runs else [])]
    return fit_frontier(
        *columns, flops=runs["flops"].to_numpy(float), groups=runs[trunk].astype(float), how=how
    )


def multiplier(
    idea: str, how: How = "parabola", tuned: bool = False, budgets: slice = slice(None)
) -> Multiplier:
    """The compute multiplier of one of `PAIRS`; `budgets` chooses among those of the result.

    >>> multiplier("AdamW to Muon").M.round(1).tolist()[:4]
    [1.1, 1.2, 1.2, 1.3]
    """
    base, own = (runs_of(names, tuned) for names in PAIRS[idea])
    found = compute_multiplier(frontier(base, how), frontier(own[own["flops"] > SMALLEST], how))
    return Multiplier(found.C[budgets], found.M[budgets], found.draws[:, budgets])


def at_edge(idea: str) -> np.ndarray:
    """Where a multiplier rests on a budget whose best size is the smallest or largest tried.

    One value for each C of `multiplier(idea)`, for the idea's own side and for the two budgets of
    the base between which it is read off. A best size at the edge leaves a loss too high.

    >>> at_edge("AdamW to Muon").shape == multiplier("AdamW to Muon").C.shape
    True
    """
    base, own = (frontier(runs_of(names)) for names in PAIRS[idea])
    found = multiplier(idea)
    right = np.searchsorted(base.C, found.C * found.M).clip(1, len(base.C) - 1)
    inside = base.bracketed[right] & base.bracketed[right - 1]
    own_at = np.abs(np.log(own.C[:, None] / found.C)).argmin(axis=0)
    return np.asarray(~(inside & own.bracketed[own_at]))


def past_edge(names: Iterable[str]) -> dict[float, float]:
    """By which share a parabola would lower the least loss, at budgets with the best at an edge.

    Where the best of the sizes tried is the smallest or the largest, a better one may lie beyond.
    The parabola in ln N goes through the three sizes at that edge; its lowest point is looked for
    beyond the edge, as far as the next size lies on the other side. Each budget's FLOPs come with
    that share of the loss.

    >>> past_edge(["muon"])
    {}
    """
    runs = runs_of(names).copy()
    runs["budget"] = [float(f"{flops:.1e}") for flops in runs["flops"]]
    lower = {}
    for _, here in runs.groupby("budget"):
        mean = np.log(here["loss"]).groupby(here["params"].astype(float)).mean()
        best = int(mean.to_numpy().argmin())
        if 0 < best < len(mean) - 1:
            continue
        near = mean.iloc[:3] if best == 0 else mean.iloc[-3:][::-1]
        u = np.log(near.index.to_numpy() / near.index[0])
        a, b, _ = np.polyfit(u, near.to_numpy(), 2)
        beyond = np.linspace(0.0, -u[1], 200)
        lower[float(here["budget"].iloc[0])] = float(-np.expm1((a * beyond**2 + b * beyond).min()))
    return lower


def told(found: Mapping[str, Multiplier]) -> pd.DataFrame:
    """A table of multipliers: a row for each idea, at the smallest and largest budget, and slope.

    >>> told({"AdamW to Muon": multiplier("AdamW to Muon", budgets=slice(4))})["trend"].tolist()
    ['grows']
    """
    rows = {}
    for idea, each in found.items():
        ends, slope = each.estimates(), each.slope()
        rows[idea] = {
            "from": f"{each.C[0]:.1e}",
            "M": f"{ends[0].value:.2f}",
            "to": f"{each.C[-1]:.1e}",
            "M ": f"{ends[-1].value:.2f}",
            "slope": f"{slope.value:+.3f}",
            "95 %": f"{slope.low:+.3f} to {slope.high:+.3f}",
            "trend": each.trend(),
        }
    return pd.DataFrame(rows).T


def choices(idea: str) -> pd.DataFrame:
    """The slope of an idea's multiplier under other choices: estimator, range, rate.

    "lowest size" takes the lowest loss measured in place of a parabola, "no smallest" and "no
    largest" leave out a budget, "best rate" takes the best of three rates where they were tried.

    >>> choices("AdamW to Muon").index.tolist()[:2]
    ['as above', 'lowest size']
    """
    ways: dict[str, Multiplier] = {
        "as above": multiplier(idea),
        "lowest size": multiplier(idea, how="lowest"),
        "no smallest": multiplier(idea, budgets=slice(1, None)),
        "no largest": multiplier(idea, budgets=slice(None, -1)),
        "best rate": multiplier(idea, tuned=True),
    }
    slopes = {name: way.slope() for name, way in ways.items()}
    return pd.DataFrame(
        {name: {"slope": s.value, "low": s.low, "high": s.high} for name, s in slopes.items()}
    ).T


def draw_multipliers(ax: Axes, found: Mapping[str, Multiplier]) -> None:
    """Multipliers against compute, each idea named at its last point, with its intervals.

    Those of `PAIRS` that rest on a best size at the edge of the sizes tried are hollow.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> draw_multipliers(ax, {"Muon": multiplier("AdamW to Muon")})
    >>> ax.texts[0].get_text()
    'Muon'
    >>> plt.close(figure)
    """
    colors = (plot.RED, plot.BLUE, plot.GREEN, plot.PURPLE, plot.ORANGE, plot.SKY, plot.GREY)
    for color, (idea, each) in zip(colors, found.items(), strict=False):
        ends = each.estimates()
        error = [[e.value - e.low for e in ends], [e.high - e.value for e in ends]]
        ax.plot(each.C, each.M, color=color, lw=1)
        plot.measured(ax, each.C, each.M, error, color=color)
        if idea in PAIRS:
            edge = at_edge(idea)[: len(each.C)]
            ax.plot(each.C[edge], each.M[edge], "o", mfc="white", mec=color, ms=6, zorder=5)
        near = [m.M[-1] for m in found.values() if m is not each and m.C[-1] == each.C[-1]]
        apart = [np.log(each.M[-1] / m) for m in near if abs(np.log(each.M[-1] / m)) < 0.15]
        dy = 0.0 if not apart else 8.0 if apart[0] > 0 else -8.0
        plot.say(ax, each.C[-1], each.M[-1], idea, color=color, dy=dy)
    ax.axhline(1, color=plot.GREY, lw=0.8)
    ax.set(xlabel="training compute with the idea (FLOPs)", ylabel="compute multiplier $M$")
    plot.log_axes(ax)


def outcome(found: Multiplier, expected: str) -> Outcome:
    """How a claim about the trend of a multiplier came out: open where it is undecided.

    >>> outcome(multiplier("AdamW to Muon", budgets=slice(4)), "fades")
    'failed'
    """
    trend = found.trend()
    return "open" if trend == "undecided" else "held" if trend == expected else "failed"


# ------------------------------------------------------------------ hand-made and learned, by data


def curve(runs: pd.DataFrame, seed: int = 0) -> Frontier:
    """Loss against characters read, seeds averaged, as a `Frontier` whose C are the characters.

    The scatter between seeds is pooled over all characters at which there are several, and is
    supposed to be the same where there is one.

    >>> table = pd.DataFrame({"tokens": [64, 64, 128, 128], "loss": [2.0, 2.2, 1.5, 1.5]})
    >>> curve(table).L.round(2).tolist()
    [2.1, 1.5]
    """
    groups = np.log(runs["loss"]).groupby(runs["tokens"])
    mean, count = groups.mean(), groups.size().to_numpy()
    spread = groups.var(ddof=1).dropna()
    sd = float(np.sqrt(spread.mean())) if len(spread) else 0.0
    noise = np.random.default_rng(seed).standard_normal((2000, len(mean))) * sd / np.sqrt(count)
    at = mean.index.to_numpy(float)
    level = mean.to_numpy(float)
    return Frontier(at, np.exp(level), level + noise, np.ones(len(at), dtype=bool))


def counted(window: int, learner: str = "ngram", order: int = 9) -> pd.DataFrame:
    """The shipped runs of a learner that counts, in windows of so many characters.

    >>> sorted(set(counted(32)["context"]))
    [32]
    """
    runs = finished(reference("ngram"))
    chosen = (runs["context"] == window) & (runs["learner"] == learner)
    return runs[chosen & (runs["window"] == order - 1)]


def read_once(window: int = 32) -> pd.DataFrame:
    """All shipped runs of learners by gradient that read clean text once, in this window.

    >>> set(read_once()["context"])
    {32}
    """
    runs = finished(pd.concat(map(reference, _CLEAN), ignore_index=True))
    return runs[runs["unique_tokens"].isna() & (runs["context"] == window)]


def _kinds(runs: pd.DataFrame) -> pd.Series:
    """In words which kind of learner made each run."""
    plain = runs["shift"].astype("string").fillna("").str.lower() == "false"
    muon = runs["optimizer"] == "muon"
    kind = runs["learner"].astype(str).replace({"mlp": "MLP", "lstm": "LSTM"})
    kind += np.where(plain, ", no shift", np.where(muon, ", Muon", ""))
    return kind.rename("learner")


def knowledge(window: int) -> tuple[Multiplier, np.ndarray]:
    """What knowing Python is worth to a counter: a factor in text, and nats at equal text.

    Both at the numbers of characters that stand in the multiplier's C.

    >>> factor, nats = knowledge(128)
    >>> bool((factor.M > 1).all() and (nats > 0).all() and len(nats) == len(factor.C))
    True
    """
    plain, knows = (curve(counted(window, kind)) for kind in ("ngram", "python-ngram"))
    factor = compute_multiplier(plain, knows)
    loss = [np.exp(np.interp(np.log(factor.C), np.log(c.C), np.log(c.L))) for c in (plain, knows)]
    return factor, loss[0] - loss[1]


def closest(window: int = 32) -> pd.DataFrame:
    """How close each kind of learner that reads once comes to the n-gram on as much text.

    A row for each kind: the number of runs, the largest FLOPs among them, and of the run whose loss
    is the least above (or the most below) that of the n-gram of order 9 on as many characters: its
    width, its characters as a power of two, and that gap in nats.

    >>> closest()["gap"].idxmin()
    'transformer, Muon'
    """
    runs = read_once(window)
    grams = curve(counted(window))
    tokens = np.log(runs["tokens"].to_numpy(float))
    runs["gap"] = runs["loss"] - np.exp(np.interp(tokens, np.log(grams.C), np.log(grams.L)))
    groups = runs.groupby(_kinds(runs))
    best = runs.loc[groups["gap"].idxmin().to_numpy()]
    best.index = groups["gap"].idxmin().index
    return pd.DataFrame(
        {
            "runs": groups.size(),
            "FLOPs up to": [f"{each:.0e}" for each in groups["flops"].max()],
            "width": best["width"],
            "characters": [f"2^{power:.1f}" for power in np.log2(best["tokens"].astype(float))],
            "gap": best["gap"].round(3),
        }
    ).sort_values("gap", ascending=False)


def lowest_within(runs: pd.DataFrame, characters: Collection[float]) -> pd.DataFrame:
    """For each number of characters the run with the lowest loss that read no more than these.

    >>> lowest_within(read_once(), [2**18])["width"].tolist()
    [128]
    """
    rows = []
    for most in characters:
        within = runs[runs["tokens"] <= 1.001 * most]
        rows.append(within.iloc[int(within["loss"].to_numpy().argmin())].rename(most))
    return pd.DataFrame(rows)


def rations() -> pd.DataFrame:
    """The shipped ladder: wide models, by window, ration and passes, at the best decay tried.

    `passes` is how often the ration was read, `ration` how many different characters it has.

    >>> {"ration", "passes"} <= set(rations().columns)
    True
    """
    runs = finished(reference("ladder"))
    ration = runs["unique_tokens"].fillna(runs["tokens"]).astype(float)
    runs["ration"] = np.minimum(ration, runs["tokens"])
    runs["passes"] = (runs["tokens"] / runs["ration"]).round().astype(int)
    best = runs.groupby(["context", "width", "ration", "passes"])["loss"].idxmin()
    return runs.loc[best].reset_index(drop=True)


def crossing(window: int, learner: str = "ngram", many: bool = False) -> tuple[float, float, float]:
    """Characters at which the widest learners fall below a counter: (above, crossed, below).

    "above" and "below" are the points next to each other between which it happens, "crossed" is
    where the lines that `draw_by_data` draws through them meet. `many` takes the learners that read
    a ration many times. A learner below the counter at its first point has NaN for the first two.

    >>> [round(float(np.log2(at)), 1) for at in crossing(32)]
    [23.0, 23.0, 24.0]
    """
    grams = curve(counted(window, learner))
    wide = rations()
    wide = wide[(wide["context"] == window) & ((wide["passes"] > 1) == many)]
    line = wide.groupby("ration")["loss"].min()
    at = line.index.to_numpy(float)
    gap = np.log(line.to_numpy(float)) - np.interp(np.log(at), np.log(grams.C), np.log(grams.L))
    if gap[0] <= 0:
        return np.nan, np.nan, float(at[0])
    k = int(np.flatnonzero(gap <= 0)[0])
    share = gap[k - 1] / (gap[k - 1] - gap[k])
    return float(at[k - 1]), float(at[k - 1] * (at[k] / at[k - 1]) ** share), float(at[k])


def crossings() -> pd.DataFrame:
    """Where the widest learners fall below the counters, in powers of two of the characters.

    A row for each window and counter. "read once" and "many passes" give the place where the lines
    of `crossing` meet, in parentheses the measured points on both sides of it, or "by" the first
    point if the learner is below there already. "less text" is how many times less many passes
    need, with its least and largest value between those points.

    >>> crossings().loc["32, n-gram", "less text"]
    '29 (8 to 64)'
    """
    rows = {}
    for window in (32, 128):
        for learner, name in (("ngram", "n-gram"), ("python-ngram", "knows Python")):
            once, many = (np.log2(crossing(window, learner, many=m)) for m in (False, True))
            told = [
                f"{at[1]:.1f} ({at[0]:.0f} to {at[2]:.0f})" if at[0] > 0 else f"by {at[2]:.0f}"
                for at in (once, many)
            ]
            less = 2.0 ** np.array([once[1] - many[1], once[0] - many[2], once[2] - many[0]])
            told.append("" if np.isnan(less[0]) else "{:.0f} ({:.0f} to {:.0f})".format(*less))
            rows[f"{window}, {name}"] = told
    return pd.DataFrame(rows, index=["read once", "many passes", "less text"]).T


def price(counting: float, learning: float) -> pd.DataFrame:
    """What the same loss costs by counting and by learning, in windows of 32.

    A row for each number of characters that the n-gram of order 9 counts: its FLOPs and seconds,
    those of the cheapest learner with Muon that reaches its loss on fresh text, and the ratio of
    the FLOPs. `counting` are the seconds for a character, `learning` those for a FLOP. The learner
    is read off the least loss that each budget buys; beyond the largest budget the cheapest single
    run of the wide models is an upper bound, "at most". Where no run gets there, nothing is told.

    >>> price(9e-7, 2e-11)["ratio"].tolist()[-1]
    'no run gets there'
    """
    grams, least = curve(counted(32)), frontier(runs_of(["muon", "far-muon"]))
    single = rations().query("passes == 1 and context == 32")
    rows = {}
    for D, loss in zip(grams.C, grams.L, strict=True):
        power = round(float(np.log2(D)))
        if power < 14 or power % 2:
            continue
        cost = D * NgramConfig().flops_per_token()
        C, most = float(least.needed(loss)[0]), ""
        if np.isnan(C):
            C, most = float(single[single["loss"] <= loss]["flops"].min()), " at most"
        there = C > 0
        rows[f"2^{power}"] = {
            "counting: FLOPs": f"{cost:.0e}",
            "s": f"{D * counting:.2g}",
            "learning: FLOPs": f"{C:.0e}" if there else "",
            "s ": f"{C * learning:.2g}" if there else "",
            "ratio": f"{C / cost:.0e}{most}" if there else "no run gets there",
        }
    return pd.DataFrame(rows).T


def draw_read_once(ax: Axes, live: pd.DataFrame) -> None:
    """Loss against characters, each read once, in windows of 32: counters and learners.

    Lines for counters of four orders; squares for the lowest loss among all shipped learners that
    read no more than so many characters; and the runs of `live`, a table with each kind of learner
    named at its last point.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> draw_read_once(ax, read_once().head(40))
    >>> [text.get_text() for text in ax.texts][:2]
    ['order 5', 'order 7']
    >>> plt.close(figure)
    """
    for order, color in ((5, plot.GREY), (7, plot.SKY), (9, plot.BLUE), (12, plot.GREEN)):
        each = curve(counted(32, order=order))
        ax.plot(each.C, each.L, "o-", color=color, ms=3, lw=1.2)
        below = -12 if order == 12 else 0  # counted less far than the others
        plot.say(ax, each.C[-1], each.L[-1], f"order {order}", color=color, dy=below)
    powers = 2.0 ** np.arange(14, 26, 2)
    best = lowest_within(read_once(), powers)["loss"].to_numpy(float)
    ax.plot(powers, best, "s-", color=plot.RED, ms=5, lw=1.2)
    plot.say(ax, powers[2], best[2], "best reference run", color=plot.RED, dy=5)
    for kind, runs in live.groupby(_kinds(live)):
        mean = runs.groupby("tokens")["loss"].mean()
        ax.plot(mean.index, mean, "^:", color=plot.PURPLE, ms=5, lw=1)
        plot.say(ax, mean.index[-1], mean.iloc[-1], str(kind), color=plot.PURPLE)
    ax.set(xlabel="characters counted or read", ylabel="loss (nats per token)", xlim=(3e3, 5e8))
    plot.log_axes(ax)


def draw_by_data(ax: Axes, window: int) -> None:
    """Loss against characters: both n-grams, and the learners read once and many times.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> draw_by_data(ax, 32)
    >>> ax.get_xlabel()
    'characters counted or read'
    >>> plt.close(figure)
    """
    for learner, color, name, at, ha in (
        ("ngram", plot.BLUE, "n-gram", 1, "left"),
        ("python-ngram", plot.GREEN, "knows Python", 2, "right"),
    ):
        each = curve(counted(window, learner))
        ax.plot(each.C, each.L, "o-", color=color, ms=4, lw=1.2)
        side = 1 if ha == "left" else -1
        plot.say(ax, each.C[at], each.L[at], name, color=color, dx=6 * side, dy=9 * side, ha=ha)
    wide = rations()
    wide = wide[wide["context"] == window]
    once = wide[wide["passes"] == 1].sort_values("tokens")
    widest = once.groupby("tokens")["loss"].min()
    ax.plot(widest.index, widest, "s-", color=plot.RED, ms=5, lw=1.2)
    plot.say(ax, widest.index[0], widest.iloc[0], "read once", color=plot.RED, dy=6)
    many = wide[wide["passes"] > 1].groupby("ration")["loss"].min()
    ax.plot(many.index, many, "D--", color=plot.PURPLE, ms=5, lw=1, mfc="white")
    if len(many):
        plot.say(ax, many.index[0], many.iloc[0], "many passes", color=plot.PURPLE, dx=-4, dy=-11,
                 ha="right")  # fmt: skip
    ax.set(xlabel="characters counted or read", title=f"Windows of {window}", xlim=(1e3, 1.2e8))
    plot.log_axes(ax)
    ax.set_xticks(10.0 ** np.arange(4, 8))
