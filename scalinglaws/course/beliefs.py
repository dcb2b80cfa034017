"""Stories about beliefs, taken apart: kinds of stories, probes, and the rules that explain answers.

A total hides what a model does, since most stories can be answered without minds. Here every test
falls into kinds, and beside the models stand the rules of `FalseBelief.shortcuts`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

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
    ['missed both', 'missed one', 'saw both']
    """
    if test in (TRAINED, "new names"):
        return stories.kinds(prompts)
    place = stories.believed_place(prompts)
    if test == "told later":
        return np.where(place == "first", "not told", "told")
    return np.select([place == "first", place == "between"], ["missed both", "missed one"],
                     "saw both")  # fmt: skip


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
