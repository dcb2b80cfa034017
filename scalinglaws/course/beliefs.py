"""Stories about beliefs, taken apart: kinds of stories, probes, and the rules that explain answers.

A total hides what a model does, since most stories can be answered without minds. Here every test
falls into kinds, and beside the models stand the rules of `FalseBelief.shortcuts`. Two figures
show such a table: `heat_map` all of it, `spread` a few rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from .. import plot
from ..text import FalseBelief

TRAINED = "as trained"


def exams(stories: FalseBelief, n: int = 1000, seed: int = 8) -> dict[str, np.ndarray]:
    """Prompts of each test, (n, prompt_length) each: held-out stories as trained, and the probes.

    >>> tests = exams(FalseBelief(), n=50)
    >>> list(tests), tests["new names"].shape
    (['as trained', 'new names', 'two moves', 'told later'], (50, 32))
    """
    plain = FalseBelief(stories.names, stories.new_names, stories.objects, stories.places)
    held = plain.corpus(1, n).val.reshape(n, -1)
    tests = {TRAINED: held} | {name: plain.probe(name, n, seed) for name in plain.PROBES}
    return {name: examples[:, : plain.prompt_length] for name, examples in tests.items()}


def kind_of(stories: FalseBelief, test: str, prompts: np.ndarray) -> np.ndarray:
    """The kind of each story of a test, (n,).

    Stories as trained and with new names have the six kinds of `FalseBelief.kinds`. Those with two
    moves are told apart by the place believed in. Those with late news are "told" if the one asked
    about was told after the return, else "not told".

    >>> tests = exams(FalseBelief(), n=200)
    >>> sorted(set(kind_of(FalseBelief(), "two moves", tests["two moves"]).tolist()))
    ['missed both', 'missed last', 'saw last']
    """
    if test in (TRAINED, "new names"):
        return stories.kinds(prompts)
    place = stories.believed_place(prompts)
    if test == "told later":
        return np.where(place == "first", "not told", "told")
    return np.select([place == "first", place == "between"], ["missed both", "missed last"],
                     "saw last")  # fmt: skip


def taken_apart(
    stories: FalseBelief,
    tests: Mapping[str, np.ndarray],
    says: Mapping[str, Mapping[str, np.ndarray]],
) -> pd.DataFrame:
    """Per cent right by test and kind: a column for each model and for each rule.

    says: by model and test, what the model answered, (n, 1). The column "n" counts the stories of
    a kind; a row "all" closes each test.

    >>> stories = FalseBelief()
    >>> tests = exams(stories, n=400)
    >>> perfect = {"truth": {name: stories.solve(prompts) for name, prompts in tests.items()}}
    >>> table = taken_apart(stories, tests, perfect)
    >>> table.loc[("new names", "false"), ["truth", "no minds", "who left"]].tolist()
    [100.0, 0.0, 100.0]
    """
    rows = {}
    for test, prompts in tests.items():
        truth, kinds = stories.solve(prompts), kind_of(stories, test, prompts)
        given = {model: answers[test] for model, answers in says.items()}
        given |= {rule: stories.shortcut(rule, prompts) for rule in stories.shortcuts}
        right = {name: (answer == truth)[:, 0] for name, answer in given.items()}
        order = list(stories.SHARES) if test in (TRAINED, "new names") else sorted(set(kinds))
        for kind in (*order, "all"):
            here = np.ones(len(kinds), dtype=bool) if kind == "all" else kinds == kind
            rows[test, kind] = {"n": int(here.sum())} | {
                name: 100 * float(hits[here].mean()) for name, hits in right.items()
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def agreement(
    stories: FalseBelief, prompts: np.ndarray, says: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Per cent of the stories in which a model answers as a rule does: models by rules.

    says: what each model answered to the prompts, (n, 1).

    >>> stories = FalseBelief()
    >>> prompts = exams(stories, n=200)["told later"]
    >>> agreement(stories, prompts, {"rule": stories.shortcut("no minds", prompts)}).shape
    (1, 7)
    """
    rules = {"the truth": stories.solve(prompts)}
    rules |= {rule: stories.shortcut(rule, prompts) for rule in stories.shortcuts}
    return pd.DataFrame(
        {
            rule: {model: 100 * float((answer == written).mean()) for model, answer in says.items()}
            for rule, written in rules.items()
        }
    )


_RIGHT = LinearSegmentedColormap.from_list("right", ["#f0a050", "#ffffff", "#7db4e0"])


def heat_map(ax: Axes, table: pd.DataFrame, groups: Mapping[str, Mapping[str, str]]) -> None:
    """A table of `taken_apart` as coloured cells: a row for each kind of story, under its test.

    groups: by heading, columns of the table and how each is named above its cells.

    >>> import matplotlib.pyplot as plt
    >>> stories = FalseBelief()
    >>> table = taken_apart(stories, exams(stories, n=50), {})
    >>> figure, ax = plt.subplots()
    >>> heat_map(ax, table, {"rules": {name: name for name in stories.shortcuts}})
    >>> len(ax.get_xticks()), len(ax.get_yticks())
    (6, 21)
    >>> plt.close(figure)
    """
    y, last = 0.0, ""
    here: list[float] = []
    for test, _ in table.index:
        y += 1 if test == last else 2
        if test != last:
            ax.text(-0.6, y - 1, test, ha="left", va="center", fontsize=9, fontweight="bold")
        here.append(y)
        last = test
    x = 0.0
    places: list[float] = []
    names: list[str] = []
    for heading, columns in groups.items():
        ax.annotate(heading, (x + (len(columns) - 1) / 2, 0.4), (0, 26), ha="center", fontsize=9,
                    textcoords="offset points", fontweight="bold")  # fmt: skip
        for column, name in columns.items():
            for y, value in zip(here, table[column], strict=True):
                ax.add_patch(Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, color=_RIGHT(value / 100)))
                ax.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=8)
            places.append(x)
            names.append(name)
            x += 1
        x += 0.4
    counts = [f"{kind} ({n:.0f})" for (_, kind), n in zip(table.index, table["n"], strict=True)]
    ax.set_xticks(places, names, fontsize=7.2)
    ax.set_yticks(here, counts, fontsize=8.5)
    ax.set(xlim=(-0.6, x - 0.8), ylim=(here[-1] + 0.6, 0.4))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def spread(
    ax: Axes,
    table: pd.DataFrame,
    rows: Mapping[str, tuple[str, str]],
    groups: Mapping[str, Sequence[str]],
    rules: Sequence[str] = (),
) -> None:
    """Rows of a table of `taken_apart` side by side: a dot for each model, a colour a group.

    rows: by label, test and kind; groups: by name, columns of the table. A grey line marks the
    best of `rules` in each row.

    >>> import matplotlib.pyplot as plt
    >>> stories = FalseBelief()
    >>> table = taken_apart(stories, exams(stories, n=50), {})
    >>> figure, ax = plt.subplots()
    >>> spread(ax, table, {"all": ("new names", "all")}, {"rules": list(stories.shortcuts)})
    >>> len(ax.lines)
    1
    >>> plt.close(figure)
    """
    middle = (len(groups) - 1) / 2
    for place, row in enumerate(rows.values()):
        if rules:
            best = table.loc[row, list(rules)].max()
            ax.hlines(best, place - 0.38, place + 0.38, color=plot.GREY, lw=1.8,
                      label="_" * (place > 0) + "best rule")  # fmt: skip
        for number, (name, columns) in enumerate(groups.items()):
            x = place + 0.24 * (number - middle) + 0.05 * (np.arange(len(columns)) - 1)
            ax.plot(x, table.loc[row, list(columns)].astype(float), "o", ms=6, alpha=0.85, mew=0,
                    color=(plot.BLUE, plot.ORANGE, plot.GREEN)[number % 3],
                    label="_" * (place > 0) + name)  # fmt: skip
    ax.set_xticks(range(len(rows)), list(rows))
    ax.set(ylim=(-4, 104), xlim=(-0.5, len(rows) - 0.5))
    ax.grid(False, axis="x")
