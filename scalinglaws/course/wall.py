"""Chapter 14: rations of text, text that models write, what repetition is worth, and the stock.

A **ration** is a small corpus: a random sample of the windows of a large one. A table of runs on
rations is one of `scalinglaws.runs`, in which `unique_tokens` is the ration and is missing where a
run read fresh text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .. import _checks as checks
from .. import plot
from ..estimate import Estimate
from ..learners.base import Learner
from ..text.corpora import Corpus
from ..training.stack import one_thread

_TOGETHER = 4096
"""Windows that are written at once."""


def ration(corpus: Corpus, tokens: int, *, context: int = 32, seed: int = 0) -> Corpus:
    """A small corpus of the same kind: so many tokens of `corpus`, as windows taken at random.

    They are the windows that a run with this seed and `unique_tokens` reads. Here they are a corpus
    of their own, so that models with other seeds can read the same. The validation part stays as it
    is. Raises ValueError if `tokens` are fewer than one window, or more than there are.

    >>> from scalinglaws import from_documents
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> small = ration(notes, 320)
    >>> small.train.size, small.example_length, small.val.size
    (330, 33, 99)
    """
    tokens = checks.whole(tokens, "tokens", context)
    windows = corpus.windows("train", context)
    if tokens // context > len(windows):
        raise ValueError(f"{corpus.name} has only {len(windows) * context:,} tokens, not {tokens}")
    order = np.random.default_rng([checks.seed(seed), 1]).permutation(len(windows))
    return with_windows(corpus, windows[order[: tokens // context]], f"ration {seed}")


def with_windows(corpus: Corpus, windows: np.ndarray, name: str = "windows") -> Corpus:
    """A corpus that trains on `windows` (n, context + 1) and measures on the text of `corpus`.

    Raises ValueError if `windows` has another shape or holds other tokens than the corpus, and for
    a corpus of which only some tokens count or which names its targets.

    >>> from scalinglaws import from_documents
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> with_windows(notes, np.zeros((4, 33), dtype=np.uint8)).train.size
    132
    """
    windows = np.asarray(windows)
    if windows.ndim != 2:
        raise ValueError(f"windows must have the axes (windows, tokens), got {windows.shape}")
    if corpus.scored is not None or corpus.train_targets is not None:
        raise ValueError(f"{corpus.name} is no running text: of its windows not every token counts")
    least, most = windows.min(initial=0), windows.max(initial=0)
    if windows.dtype.kind not in "iu" or not 0 <= least <= most < corpus.vocab_size:
        raise ValueError(f"windows must hold whole numbers from 0 to {corpus.vocab_size - 1}")
    length = windows.shape[1]
    return Corpus(
        name=f"{name} of {corpus.name}",
        train=windows.astype(np.uint8).ravel(),
        val=np.ascontiguousarray(corpus.windows("val", length - 1)).ravel(),
        vocab_size=corpus.vocab_size,
        example_length=length,
    )


@one_thread()
@torch.no_grad()
def write(model: Learner, windows: int, *, firsts: ArrayLike, seed: int = 0) -> np.ndarray:
    """Windows that a single model writes, shape (windows, context + 1).

    No model predicts the first token of a window, so it is drawn from `firsts`, the first tokens of
    real windows. The others are drawn from the model's probabilities as they are, one after the
    other. Raises ValueError if the model is a stack of several.

    >>> from scalinglaws import Run, from_documents, train
    >>> from scalinglaws.learners import NgramConfig
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> model = train(Run(NgramConfig(order=5), tokens=1_536), notes).model
    >>> write(model, 5, firsts=[84]).shape
    (5, 33)
    """
    if model.stack != 1:
        raise ValueError(f"write takes a single model, got a stack of {model.stack}")
    windows = checks.whole(windows, "windows", 1)
    chance = np.random.default_rng(checks.seed(seed))
    rng = torch.Generator().manual_seed(int(chance.integers(2**31)))
    begun = chance.choice(np.asarray(firsts, dtype=np.int64), windows)
    parts = []
    for first in range(0, windows, _TOGETHER):
        text = torch.from_numpy(begun[first : first + _TOGETHER])[None, :, None]
        for place in range(model.config.context):
            last = torch.arange(place + 1) == place
            p = model(text, last)[0, :, 0].double().softmax(-1)
            drawn = torch.multinomial(p, 1, generator=rng)
            text = torch.cat([text, drawn[None]], dim=2)
        parts.append(text[0].numpy().astype(np.uint8))
    return np.concatenate(parts)


# ------------------------------------------------------------------------- what repetition is worth


def early_stops(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column `stopped`: the least loss of that model and ration so far.

    Whoever reads a ration for D tokens may as well stop sooner. So a run stands for the best of the
    runs of the same width, ration, decay, dropout and seed that read as much or less. Columns are
    those of a table of runs; runs without a loss are left out, and `epochs`, tokens over ration
    (1 for fresh text), is added.

    >>> from scalinglaws import reference
    >>> runs = early_stops(reference("data"))
    >>> bool((runs["stopped"] <= runs["loss"]).all())
    True
    """
    table = runs[runs["loss"].notna()].copy()
    table["ration"] = table["unique_tokens"].astype("Float64").fillna(math.inf).astype(float)
    table["epochs"] = np.maximum(1.0, table["tokens"] / table["ration"])
    for name in ("weight_decay", "dropout"):
        if name not in table:
            table[name] = 0.0
    table = table.sort_values("tokens", kind="stable")
    same = ["width", "ration", "weight_decay", "dropout", "seed"]
    table["stopped"] = table.groupby(same)["loss"].cummin()
    return table


def best_decay(runs: pd.DataFrame) -> pd.DataFrame:
    """Of a table from `early_stops`, the runs with the best decay for their width, ration, length.

    The best is the one whose `stopped`, averaged over seeds, is least; all seeds then have it.

    >>> from scalinglaws import reference
    >>> runs = early_stops(reference("data"))
    >>> len(best_decay(runs)) == len(runs)  # one decay only
    True
    """
    keys = ["width", "ration", "tokens"]
    mean = runs.groupby([*keys, "weight_decay"], as_index=False)["stopped"].mean()
    chosen = mean.loc[mean.groupby(keys)["stopped"].idxmin(), [*keys, "weight_decay"]]
    return runs.merge(chosen, on=[*keys, "weight_decay"])


def worth(loss: ArrayLike, fresh: pd.DataFrame) -> np.ndarray:
    """How many fresh tokens take the same model to each loss, by the runs on fresh text.

    `fresh` are runs of one width with the columns tokens and loss. Their mean over seeds is
    interpolated between lengths, log tokens against loss; NaN where a loss lies outside.

    >>> fresh = pd.DataFrame({"tokens": [1e4, 1e5, 1e6], "loss": [3.0, 2.0, 1.5]})
    >>> worth([2.0, 1.75, 1.4], fresh).round()
    array([100000., 316228.,     nan])
    """
    mean = fresh.groupby("tokens")["loss"].mean().sort_index()
    falling = np.minimum.accumulate(mean.to_numpy())
    found = np.interp(
        -np.asarray(loss, dtype=float),
        -falling,
        np.log(mean.index.to_numpy(dtype=float)),
        left=math.nan,
        right=math.nan,
    )
    return np.asarray(np.exp(found))


def reuse(runs: pd.DataFrame, fresh: pd.DataFrame | None = None) -> pd.DataFrame:
    """Of a table from `early_stops`, the repeated runs with `reuse`: fresh tokens' worth / ration.

    Reading a ration 16 times may do as much as 5 rations of fresh text read once; its effective
    reuse is then 5 (Yan et al. 2025). The measure is set by runs of the same width on fresh text,
    those in `fresh` or else in `runs`, each length with the decay that is best for it.

    >>> runs = pd.DataFrame({"width": 8, "seed": 0, "tokens": [100, 200, 400, 400],
    ...                      "unique_tokens": pd.array([None, None, None, 100], dtype="Int64"),
    ...                      "loss": [3.0, 2.5, 2.0, 2.5]})
    >>> reuse(early_stops(runs))["reuse"].round(6).tolist()
    [2.0]
    """
    measure = runs if fresh is None else fresh
    measure = best_decay(measure[np.isinf(measure["ration"])])
    repeated = runs[np.isfinite(runs["ration"]) & (runs["tokens"] >= runs["ration"])]
    parts = [
        at.assign(reuse=worth(at["stopped"], measure[measure["width"] == width]) / at["ration"])
        for width, at in repeated.groupby("width")
    ]
    return pd.concat(parts, ignore_index=True)


def published_reuse(
    ration_per_parameter: ArrayLike,
    readings: float,
    surface: tuple[float, float, float, float] = (521.0, 1488.0, 0.353, 0.353),
    params: ArrayLike = 1.0,
) -> np.ndarray:
    """Effective reuse by the whole law of Muennighoff et al. (2023), R_D = 15.39 and R_N = 5.31.

    `surface` are A, B and the exponents of N and D; those of the paper are equal, so that `params`
    does not matter. Fresh text that takes a model of the same size to the same loss is asked for,
    and with more of it the discount on surplus parameters is smaller too.

    >>> published_reuse([0.02, 2.0, 200.0], 8).round(2)
    array([2.98, 4.07, 6.62])
    """
    A, B, alpha, beta = surface
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))

    def reducible(N: np.ndarray, U: np.ndarray, R: float) -> np.ndarray:
        suits = np.minimum(N, (U * G) ** (beta / alpha) * G)
        size = suits * (1 + 5.31 * -np.expm1(-(N / suits - 1) / 5.31))
        text = U * (1 + 15.39 * -math.expm1(-R / 15.39))
        return np.asarray(A / size**alpha + B / text**beta)

    ratio = np.asarray(ration_per_parameter, dtype=float)
    scale = 1e9 if alpha == beta else 1.0  # any size does where the exponents are equal
    N = np.asarray(params, dtype=float) * scale + 0 * ratio
    reached = reducible(N, ratio * N, readings - 1)
    low, high = np.zeros_like(N), np.full_like(N, math.log(1e4))
    for _ in range(60):  # bisect ln of the reuse: the loss falls with fresh text
        middle = (low + high) / 2
        short = reducible(N, ratio * N * np.exp(middle), 0) > reached
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.exp((low + high) / 2))


def slope_over_seeds(
    table: pd.DataFrame, x: str, y: str, within: Sequence[str], seed: str = "seed"
) -> Estimate:
    """The exponent of y in x, averaged over what is held fixed, with a 95 % interval over seeds.

    For each seed and each setting of the columns `within` a straight line is laid through ln y
    against ln x; the slopes are averaged over the settings, and the interval is Student's over the
    seeds. Rows without a y are left out. Raises ValueError with fewer than two seeds.

    >>> x = np.tile([1.0, 2.0, 4.0], 2)
    >>> table = pd.DataFrame({"x": x, "y": 3 * x**0.5, "w": 1, "seed": np.repeat([0, 1], 3)})
    >>> round(slope_over_seeds(table, "x", "y", ["w"]).value, 6)
    0.5
    """
    per_seed = []
    for _, runs in table.dropna(subset=[y]).groupby(seed):
        slopes = [
            np.polyfit(np.log(at[x].to_numpy(float)), np.log(at[y].to_numpy(float)), 1)[0]
            for _, at in runs.groupby(list(within))
            if at[x].nunique() > 1
        ]
        per_seed.append(float(np.mean(slopes)))
    return mean_over(per_seed)


def plane_over_seeds(
    table: pd.DataFrame, y: str = "reuse", x: tuple[str, str] = ("ration", "params")
) -> tuple[Estimate, Estimate, Estimate]:
    """The exponents of y in two columns, fitted together, and their sum, as means over seeds.

    If the sum is zero, y depends on the ratio of the two alone. Rows without a y are left out; the
    intervals are Student's over the seeds. Raises ValueError with fewer than two seeds.

    >>> u, n = np.meshgrid([1e4, 1e5, 1e6], [1e3, 1e4])
    >>> one = pd.DataFrame({"ration": u.ravel(), "params": n.ravel()})
    >>> one["reuse"] = (one["ration"] / one["params"]) ** 0.2
    >>> two = pd.concat([one.assign(seed=0), one.assign(seed=1)])
    >>> [round(found.value, 6) + 0.0 for found in plane_over_seeds(two)]
    [0.2, -0.2, 0.0]
    """
    found = []
    for _, runs in table.dropna(subset=[y]).groupby("seed"):
        logs = np.log(runs[[*x, y]].to_numpy(dtype=float))
        design = np.column_stack([logs[:, :2], np.ones(len(logs))])
        (first, second, _), *_ = np.linalg.lstsq(design, logs[:, 2], rcond=None)
        found.append((first, second, first + second))
    first, second, both = (mean_over(values) for values in zip(*found, strict=True))
    return first, second, both


def mean_over(values: ArrayLike) -> Estimate:
    """The mean of independent values with its 95 % interval, by Student's distribution.

    Raises ValueError with fewer than two values.

    >>> print(mean_over([1.0, 2.0, 3.0]))
    2 (95% interval -0.4841 to 4.484)
    """
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    if x.size < 2:
        raise ValueError(f"an interval needs at least two values, got {x.size}")
    half = float(t.ppf(0.975, x.size - 1)) * float(x.std(ddof=1)) / math.sqrt(x.size)
    return Estimate(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half)


def draw_best_decays(ax: Axes, chosen: pd.DataFrame) -> None:
    """The decay with the lowest loss against the width, one line for each ration.

    `chosen` is a table from `best_decay`. A decay of zero stands at the lower edge.

    >>> import matplotlib.pyplot as plt
    >>> from scalinglaws import reference
    >>> figure, ax = plt.subplots()
    >>> draw_best_decays(ax, best_decay(early_stops(reference("data"))))
    >>> len(ax.lines)  # as many as there are rations
    6
    >>> plt.close(figure)
    """
    limited = chosen[np.isfinite(chosen["ration"])]
    mean = limited.groupby(["ration", "width", "tokens", "weight_decay"])["stopped"].mean()
    table = mean.reset_index()
    best = table.loc[table.groupby(["ration", "width"])["stopped"].idxmin()]
    least = best["weight_decay"][best["weight_decay"] > 0].min() / 3
    lowest = 0.01 if math.isnan(least) else least
    for place, (size, runs) in enumerate(best.groupby("ration")):
        color = f"C{place}"
        aside = 1.05 ** (place - 1)  # so that equal decays do not hide one another
        decay = np.maximum(runs["weight_decay"], lowest) * aside
        ax.plot(runs["width"], decay, "o-", color=color)
        plot.say(ax, runs["width"].iloc[-1], decay.iloc[-1], f"$2^{{{math.log2(size):.0f}}}$",
                 color=color, dy=13 * (1 - place))  # fmt: skip
    ax.set(xlabel="width", ylabel="best weight decay", title="Best decay, by ration")
    ax.margins(x=0.15)
    plot.log_axes(ax)
    widths = sorted(set(best["width"].astype(int)))
    ax.set_xticks(widths, [str(width) for width in widths])
    ax.minorticks_off()


def draw_reuse(ax: Axes, runs: pd.DataFrame, others: pd.DataFrame) -> None:
    """Mean reuse of each width and ration against the ration per parameter.

    Circles with a colour for each width are `runs`, grey crosses `others`; both are tables from
    `reuse`, as a rule of one number of readings.

    >>> import matplotlib.pyplot as plt
    >>> table = pd.DataFrame({"width": [8, 8, 16], "ration": [1e4, 1e5, 1e4], "reuse": [3, 4, 2],
    ...                       "params": [1e3, 1e3, 5e3]})
    >>> figure, ax = plt.subplots()
    >>> draw_reuse(ax, table, table)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['width 8', 'width 16', 'older study']
    >>> plt.close(figure)
    """

    def means(table: pd.DataFrame) -> pd.DataFrame:
        return table.groupby(["width", "ration"])[["params", "reuse"]].mean().reset_index()

    for number, (width, one) in enumerate(means(runs).groupby("width")):
        ax.plot(one["ration"] / one["params"], one["reuse"], "o", color=f"C{number}", ms=8,
                mec="white", label=f"width {width}", zorder=3)  # fmt: skip
    older = means(others)
    ax.plot(older["ration"] / older["params"], older["reuse"], "x", color=plot.GREY,
            label="older study")  # fmt: skip
    ax.set(xlabel="ration per parameter $U/N$")
    ax.legend(loc="lower right", fontsize=9)
    plot.log_axes(ax, y=False)


# ---------------------------------------------------------------------------------------- the stock


def wall_years(
    stock: tuple[float, float],
    *,
    demand: float,
    growth: tuple[float, float],
    since: float = 2024.0,
    factor: float = 1.0,
    draws: int = 20_000,
    seed: int = 0,
) -> np.ndarray:
    """Years in which the largest training run would read the whole stock, shape (draws,).

    `stock` is a 90 % interval in tokens, taken as that of a lognormal quantity. `demand` is what
    the largest run read in the year `since`, and `growth` a 90 % interval for how much that grows,
    in orders of magnitude a year, taken as normal and held above 0.02. `factor` multiplies the
    stock, for text that is used better. Raises ValueError unless all are positive and intervals
    have their lower end first.

    >>> years = wall_years((1e14, 1e15), demand=15e12, growth=(0.38, 0.38))
    >>> round(float(np.median(years)), 1)  # log10(316e12 / 15e12) / 0.38 years after 2024
    2027.5
    """
    for name, (low, high) in (("stock", stock), ("growth", growth)):
        if not 0 < low <= high:
            raise ValueError(f"{name} must be (low, high) with 0 < low <= high")
    demand, factor = checks.above_zero(demand, "demand"), checks.above_zero(factor, "factor")
    rng = np.random.default_rng(checks.seed(seed))
    a, b = np.log10(stock)
    z = 1.6448536
    tokens = rng.normal((a + b) / 2, (b - a) / (2 * z), checks.whole(draws, "draws", 1))
    pace = rng.normal(sum(growth) / 2, (growth[1] - growth[0]) / (2 * z), draws)
    left = tokens + math.log10(factor) - math.log10(demand)
    return np.asarray(since + left / np.maximum(pace, 0.02))
