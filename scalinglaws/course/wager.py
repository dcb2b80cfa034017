"""Chapter 15: joules, prices, and limits: published figures with their dates, and what follows.

Tables: `models` (real models), `published` (ranges of what nobody knows exactly). `Meter` measures
or estimates the energy of what runs inside it. `Range` is a log-normal guess that is made of two
ends; `futures`, `first`, `leader` and `tornado` carry such guesses through a model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.stats import norm

from .. import _checks as checks
from .. import plot
from ..laws import ChinchillaLaw

_DATA = Path(__file__).parent / "data"
_POWERCAP = Path("/sys/class/powercap")
_NUMBERS = ("params", "active_params", "tokens", "flops", "hours", "chip_hours", "megawatts",
            "mwh_chips", "usd", "usd_cloud")  # fmt: skip
JOULES_PER_KWH = 3.6e6


def models() -> pd.DataFrame:
    """Eighteen language models: size, tokens, FLOPs, hours, power, cost, each with its source.

    One row a model, in the order of publication. flops: training FLOPs. hours: length of the run.
    megawatts: of the whole site; mwh_chips: energy of the chips alone. usd: cost with the hardware
    amortised, in dollars of 2023 (Epoch AI). usd_cloud: at rented prices. year: the date as a
    decimal. basis: how sure the FLOPs are. source, as_of, url: where a row is from, and when that
    stood there. What is not known is NaN. Rows of Epoch AI: CC BY 4.0.

    >>> table = models().set_index("model")
    >>> float(table.loc["Llama 3.1 405B", "flops"])
    3.8e+25
    >>> bool(table[["source", "as_of", "url"]].notna().all(axis=None))
    True
    """
    table = pd.read_csv(_DATA / "models.csv", parse_dates=["date"])
    table[list(_NUMBERS)] = table[list(_NUMBERS)].astype(float)
    table["year"] = table["date"].dt.year + (table["date"].dt.day_of_year - 1) / 365.25
    return table


@dataclass(frozen=True)
class Range:
    """A positive number that nobody knows exactly, as a log-normal distribution.

    It lies between `low` and `high` with probability `level`; the median is their geometric mean.
    Raises ValueError unless 0 < low < high and 0 < level < 1.

    >>> guess = Range(1, 100, level=0.8)
    >>> round(guess.median, 9), round(float(guess.quantile(0.9)), 9)
    (10.0, 100.0)
    """

    low: float
    high: float
    level: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(f"a range needs 0 < low < high, got {self.low} and {self.high}")
        checks.level(self.level)

    @property
    def median(self) -> float:
        """The value that is as often too high as too low."""
        return math.sqrt(self.low * self.high)

    @property
    def ends(self) -> np.ndarray:
        """Median, low and high, as a forecast takes them."""
        return np.array([self.median, self.low, self.high])

    def quantile(self, share: float | np.ndarray) -> np.ndarray:
        """The value below which the true one lies with probability `share`."""
        wide = math.log(self.high / self.low) / (2 * norm.ppf((1 + self.level) / 2))
        return self.median * np.exp(wide * norm.ppf(share))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.level:.0%}: {self.low:.3g} to {self.high:.3g})"


def published(key: str) -> Range:
    """A published range by its key; `sources` has them all with dates. KeyError if unknown.

    >>> print(published("cost_growth"))
    2.41 (90%: 2 to 2.9)
    """
    table = sources()
    if key not in table.index:
        raise KeyError(f"no published range named {key!r} (known: {', '.join(table.index)})")
    low, high, level = (float(each) for each in table.loc[key, ["low", "high", "level"]].to_numpy())
    return Range(low, high, 0.8 if math.isnan(level) else level)


def sources() -> pd.DataFrame:
    """All published ranges, by key: low, high, level, unit, what, source, as_of, url.

    >>> sources().loc["gigawatts", "unit"]
    'GW'
    """
    return pd.read_csv(_DATA / "ranges.csv").set_index("key")


@dataclass
class Meter:
    """Time and energy of what runs inside its `with`.

    Where Linux shows the processor's own counter (RAPL) and lets us read it, `joules` is what the
    processor drew meanwhile, whatever else ran on it. Elsewhere it is `watts` times `cpu_seconds`,
    the seconds of this process on one core, and `measured` is False. `watts` is then an assumption:
    10 W for a busy core with its share of memory, supply and cooling; 3 to 30 W are reasonable.

    >>> with Meter(watts=10) as meter:
    ...     total = sum(range(1000))
    >>> meter.seconds > 0, meter.joules >= 0
    (True, True)
    """

    watts: float = 10.0
    folder: Path = _POWERCAP
    seconds: float = field(default=math.nan, init=False)
    cpu_seconds: float = field(default=math.nan, init=False)
    joules: float = field(default=math.nan, init=False)
    measured: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        checks.above_zero(self.watts, "watts")

    def __enter__(self) -> Meter:
        self._counters = _counters(self.folder)
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._start[0]
        self.cpu_seconds = time.process_time() - self._start[1]
        after = _counters(self.folder)
        drawn = 0.0
        for name, (before, most) in self._counters.items():
            now = after[name][0] if name in after else before
            drawn += (now - before) % most if most > 0 else now - before
        self.measured = drawn > 0
        self.joules = drawn / 1e6 if self.measured else self.watts * self.cpu_seconds

    def __str__(self) -> str:
        how = "measured" if self.measured else f"estimated at {self.watts:g} W a core"
        return f"{self.joules:.3g} J ({how}) in {self.cpu_seconds:.3g} s of processor"


def _counters(folder: Path) -> dict[str, tuple[float, float]]:
    """Microjoules so far, and where the count starts anew, of each processor that may be read."""
    found = {}
    for place in sorted(folder.glob("*-rapl:*")) if folder.is_dir() else ():
        if place.name.count(":") != 1:
            continue  # a part of a processor, counted in it
        try:
            now = float((place / "energy_uj").read_text())
            most = float((place / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        found[place.name] = (now, most)
    return found


def drawn(
    ranges: Mapping[str, Range], draws: int = 20_000, correlation: float = 0.0, seed: int = 0
) -> dict[str, np.ndarray]:
    """Draws of each range, shape (draws,). `correlation` is between the normals of any two.

    Raises ValueError unless 0 <= correlation < 1 and draws is at least 1.

    >>> found = drawn({"a": Range(1, 4), "b": Range(10, 40)}, correlation=0.5)
    >>> bool(abs(np.corrcoef(np.log(found["a"]), np.log(found["b"]))[0, 1] - 0.5) < 0.02)
    True
    """
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation must be from 0 to below 1, got {correlation}")
    draws = checks.whole(draws, "draws", 1)
    rng = np.random.default_rng(checks.seed(seed))
    shared = rng.standard_normal(draws)
    own = rng.standard_normal((len(ranges), draws))
    z = math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own
    return {
        name: each.quantile(norm.cdf(row))
        for (name, each), row in zip(ranges.items(), z, strict=True)
    }


Model = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""From draws of the inputs to the FLOPs that each limit allows."""


def futures(
    model: Model, ranges: Mapping[str, Range], draws: int = 20_000, correlation: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The FLOPs that each limit allows, a column a limit and a row a draw of the inputs.

    >>> def model(x): return {"power": 3 * x["watts"], "money": x["dollars"]}
    >>> table = futures(model, {"watts": Range(1, 2), "dollars": Range(5, 9)}, draws=100)
    >>> table.shape, list(table)
    ((100, 2), ['power', 'money'])
    """
    return pd.DataFrame(dict(model(drawn(ranges, draws, correlation, seed))))


def first(table: pd.DataFrame) -> pd.Series:
    """In which share of the futures each limit is the lowest.

    Raises ValueError if there are no futures or a limit is missing in one.

    >>> first(pd.DataFrame({"power": [1.0, 1.0, 3.0, 1.0], "money": [2.0, 2.0, 2.0, 2.0]}))
    power    0.75
    money    0.25
    dtype: float64
    """
    if table.empty or table.isna().any(axis=None):
        raise ValueError("each future needs a number for each limit")
    lowest = table.to_numpy().argmin(axis=1)
    share = np.bincount(lowest, minlength=table.shape[1]) / len(table)
    return pd.Series(share, index=table.columns)


def leader(shares: Mapping[str, float], margin: float = 10.0) -> str:
    """Which of several shares is the largest, or which are too near it to be told apart.

    All that lie less than `margin` below the largest are named, the largest first. Raises
    ValueError without shares, or if the margin is not above zero.

    >>> leader({"power": 43.0, "data": 13.0, "spending": 31.0})
    'power'
    >>> leader({"power": 36.0, "data": 11.0, "spending": 45.0})
    'spending or power'
    """
    checks.above_zero(margin, "margin")
    if not shares:
        raise ValueError("there are no shares to compare")
    most = max(shares.values())
    near = [name for name, share in shares.items() if most - share < margin]
    return " or ".join(sorted(near, key=lambda name: -shares[name]))


def implied_demand(law: ChinchillaLaw, params: ArrayLike, tokens: ArrayLike) -> np.ndarray:
    """The tokens for which models of these sizes and lengths would be the cheapest to serve.

    params and tokens: any shapes that broadcast. Solves the condition of Sardana et al. (2023) for
    the tokens served. Zero or less: larger than any demand asks for.

    >>> from scalinglaws.laws import CHINCHILLA_REFIT as law
    >>> round(float(implied_demand(law, law.N_opt(1e23), law.D_opt(1e23))) / 1e9, 3) + 0.0
    0.0
    """
    N, D = np.asarray(params, float), np.asarray(tokens, float)
    gain = law.alpha * law.A * N**-law.alpha / (law.beta * law.B * D**-law.beta)
    return 3 * D * (gain - 1)


def tornado(
    model: Model, ranges: Mapping[str, Range], draws: int = 4000, correlation: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """What each input does to the lowest limit: its median with the input at its 10 % and 90 %.

    All other inputs are drawn anew in both cases, with the same random numbers. Columns low and
    high, in the unit of the model; rows from the widest swing to the narrowest.

    >>> def model(x): return {"power": x["gigawatts"] * x["efficiency"]}
    >>> ranges = {"efficiency": Range(1, 2), "gigawatts": Range(1, 100)}
    >>> table = tornado(model, ranges)
    >>> list(table.index)
    ['gigawatts', 'efficiency']
    """
    base = drawn(ranges, draws, correlation, seed)
    rows = {}
    for name, each in ranges.items():
        ends = []
        for share in (0.1, 0.9):
            fixed = {**base, name: np.full(draws, float(each.quantile(share)))}
            limits = np.stack([np.asarray(limit, float) for limit in model(fixed).values()])
            ends.append(float(np.median(limits.min(axis=0))))
        rows[name] = sorted(ends)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high"])
    swing = table["high"] / table["low"]
    return table.loc[swing.sort_values(ascending=False, kind="stable").index]


def draw_tornado(ax: Axes, table: pd.DataFrame, middle: float) -> None:
    """A `tornado` as bars about the median of all draws, the widest on top, on a log axis.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> draw_tornado(ax, pd.DataFrame({"low": [1.0], "high": [4.0]}, index=["power"]), 2.0)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['power']
    >>> plt.close(figure)
    """
    rows = np.arange(len(table))
    ax.barh(rows, table["high"] - table["low"], left=table["low"], height=0.55, color=plot.SKY,
            edgecolor=plot.BLUE, linewidth=0.8)  # fmt: skip
    ax.axvline(middle, color=plot.GREY, lw=1, ls="--")
    ax.set_xlim(table["low"].min() / 1.1, table["high"].max() * 1.1)
    plot.log_axes(ax, y=False)
    ax.set_yticks(rows, [str(name).replace("_", " ") for name in table.index])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def record_growth(
    before: pd.DataFrame, year: float, column: str = "flops", level: float = 0.8
) -> tuple[float, float, float]:
    """The record of `column` in a later `year`, from a line through the logs of the records before.

    A record is a row that exceeds all earlier ones. Value, low and high of an interval of
    prediction (Student's t). Raises ValueError with fewer than three records.

    >>> past = pd.DataFrame({"year": [2020.0, 2021, 2022, 2023], "flops": [1.0, 4.5, 15.0, 66.0]})
    >>> value, low, high = record_growth(past, 2024.0)
    >>> low < 256 < high
    True
    """
    from scipy.stats import t

    table = before.dropna(subset=[column]).sort_values("year")
    table = table[table[column] > table[column].cummax().shift(fill_value=0)]
    if len(table) < 3:
        raise ValueError(f"a line with an interval needs 3 records or more, got {len(table)}")
    x, y = table["year"].to_numpy(float), np.log(table[column].to_numpy(float))
    slope, start = np.polyfit(x, y, 1)
    rest = y - slope * x - start
    free = len(x) - 2
    wide = 1 + 1 / len(x) + (year - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = t.ppf((1 + level) / 2, free) * math.sqrt((rest**2).sum() / free * wide)
    middle = slope * year + start
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


_NAMED = {
    "GPT-3": (7, 0, "left"), "PaLM": (7, 0, "left"), "GPT-4": (-7, 0, "right"),
    "Falcon-180B": (0, -13, "center"), "Llama 3.1 405B": (7, 0, "left"),
    "DeepSeek-V3": (0, -13, "center"),
    "Grok 4": (5, -11, "left"), "Apertus 70B": (7, 0, "left"), "Olmo 3 32B": (7, 0, "left"),
    "nanochat d24": (-7, 0, "right"), "Nemotron-4 340B": (7, -2, "left"),
}  # fmt: skip
"""Where the name of a model stands in the figure of all: points to the right, up, and its side."""


def draw_models(ax: Axes, table: pd.DataFrame) -> None:
    """Training FLOPs against the date: filled for closed weights, rings for open ones.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> draw_models(ax, models())
    >>> len(ax.lines), len(ax.texts) > 5
    (2, True)
    >>> plt.close(figure)
    """
    for kept, face in (("no", plot.BLUE), ("yes", "white")):
        rows = table[table["open_weights"] == kept]
        ax.plot(rows["year"], rows["flops"], "o", mfc=face, mec=plot.BLUE, ls="none", zorder=3)
    for _, row in table.iterrows():
        if row["model"] in _NAMED:
            dx, dy, side = _NAMED[row["model"]]
            plot.say(ax, row["year"], row["flops"], row["model"], dx=dx, dy=dy, ha=side)


def draw_joules(ax: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Energy (column kwh) against FLOPs: the first table in red, the second blue, others as rings.

    Columns kwh_low and kwh_high, where a table has them, are drawn as bars. Dotted lines are equal
    FLOPs per joule.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> one = pd.DataFrame({"flops": [1e9, 1e10], "kwh": [1e-6, 1e-5]})
    >>> draw_joules(ax, {"yours": one, "whole sites": one * 1e12})
    >>> [text.get_text() for text in ax.texts][-2:]
    ['yours', 'whole sites']
    >>> plt.close(figure)
    """
    for gain, power in ((1e8, 8), (1e10, 10), (1e12, 12)):
        flops = np.array([1e8, 1e28])
        ax.plot(flops, flops / gain / JOULES_PER_KWH, ":", color=plot.GREY, lw=1, zorder=1)
        plot.say(ax, 1e18, 1e18 / gain / JOULES_PER_KWH, f"$10^{{{power}}}$", color=plot.GREY,
                 dx=-2, dy=5, ha="right")  # fmt: skip
    colors = [plot.RED, plot.BLUE]
    for place, (name, table) in enumerate(tables.items()):
        color = colors[min(place, 1)]
        face = color if place < 2 else "white"
        if "kwh_low" in table:
            ax.vlines(table["flops"], table["kwh_low"], table["kwh_high"], color=color, lw=1)
        ax.plot(table["flops"], table["kwh"], "o", mfc=face, mec=color, ls="none", zorder=3)
        row = table.sort_values("flops").iloc[-1 if place == 0 else 0]
        dx, dy, side = ((-4, 13, "center"), (-8, 6, "right"), (9, -9, "left"))[min(place, 2)]
        plot.say(ax, row["flops"], row["kwh"], name, color=color, dx=dx, dy=dy, ha=side)
