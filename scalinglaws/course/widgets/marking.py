"""The marking machine (chapter 10): the same answers of the same models, marked as you like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ... import metrics
from ...text import Memorise
from .base import Explorer, needs, one_of, rounded, written

MARKS = {
    "exact_match": "exact match",
    "token_accuracy": "token accuracy",
    "edit_distance": "edit distance",
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
    "answer_probability": "answer probability",
}
LIST = "list, this page's models"
AXES = ("logarithmic", "plain")
LEVELS = 91**2 - 1
"""A mark is written on the page as one of so many steps between the least and the largest."""


class MarkingMachine(Explorer):
    """Marks against size, as they depend on what is marked, how, and on how many questions.

    `memory` is a table of `abilities.learn` on the list `task`, with the columns width, params,
    seed and trained; `pages` are its examples, shape (questions, example_length); `abilities` is a
    table as `runs.abilities`, of one condition, of which lists are left out. Values: `task` (the
    list or an ability), `mark` (a key of `MARKS`), `digits` (so many first digits of an answer of
    the list are marked), `questions` (so many first ones of the list are asked) and `axis` (of the
    size). Raises ValueError if a size lacks a seed that another has.
    """

    name = "marking"

    def __init__(
        self,
        memory: pd.DataFrame,
        task: Memorise,
        pages: np.ndarray,
        abilities: pd.DataFrame,
        *,
        questions: tuple[int, ...] = (16,),
    ) -> None:
        needs(memory, "models of the list", "params", "seed", "trained")
        needs(abilities, "abilities", "ability", "params", "seed", *MARKS)
        length, given = task.answer_length, task.prompt_length
        self.digits = (*(n for n in (1, 2, 5) if n < length), length)
        self.questions = (*(n for n in questions if n < len(pages)), len(pages))
        right, rows = pages[:, given:], []
        for _, run in memory.iterrows():
            model = run["trained"].model
            got = metrics.answers(model, task, pages[:, :given])[0]
            log_p = metrics.log_probabilities(model, pages, given)[0]
            rows += [
                {"params": run["params"], "seed": run["seed"], "digits": k, "questions": n, **marks}
                for k in self.digits
                for n in self.questions
                for marks in [_marked(got[:n, :k], log_p[:n, :k], right[:n, :k])]
            ]
        listed = pd.DataFrame(rows)
        self._tables: dict[tuple[Any, ...], pd.DataFrame] = {
            (LIST, k, n): part.drop(columns=["digits", "questions"])
            for (k, n), part in listed.groupby(["digits", "questions"])
        }
        abilities = abilities[~abilities["ability"].str.startswith("list")]
        self.tasks = (LIST, *abilities["ability"].unique())
        for name, part in abilities.groupby("ability"):
            self._tables[name, 0, 0] = part[["params", "seed", *MARKS]]
        data: dict[str, Any] = {
            "marks": MARKS,
            "digits": self.digits,
            "questions": self.questions,
            "tasks": {name: self._packed(name) for name in self.tasks},
        }
        super().__init__(
            label="Explorer: choose what is marked and how, and see the same models drawn anew",
            still=(
                "An explorer stands here where scripts run: choose how many digits must be right, "
                "the mark and the number of questions, and see the same models drawn anew."
            ),
            data=data,
            values={
                "task": LIST,
                "mark": "exact_match",
                "digits": length,
                "questions": len(pages),
                "axis": AXES[0],
            },
            checks={
                "task": one_of(*self.tasks),
                "mark": one_of(*MARKS),
                "digits": one_of(*self.digits),
                "questions": one_of(*self.questions),
                "axis": one_of(*AXES),
            },
        )

    def _wide(self, task: str, mark: str, digits: int, questions: int) -> pd.DataFrame:
        """A mark, a row for each size and a column for each seed."""
        key = (task, digits, questions) if task == LIST else (task, 0, 0)
        wide = self._tables[key].pivot(index="params", columns="seed", values=mark)
        if wide.isna().any(axis=None):
            raise ValueError(f"{task}: some seeds lack a row at some size")
        return wide.astype(float)

    def _packed(self, task: str) -> dict[str, Any]:
        """Sizes, seeds, and each mark by (digits, questions, sizes, seeds) in two characters."""
        digits = self.digits if task == LIST else (0,)
        questions = self.questions if task == LIST else (0,)
        said: dict[str, Any] = {"marks": {}}
        for mark in MARKS:
            tables = [self._wide(task, mark, k, n) for k in digits for n in questions]
            values = np.stack([table.to_numpy() for table in tables])
            low, high = float(f"{values.min():.6g}"), float(f"{values.max():.6g}")
            share = (values - low) / (high - low or 1.0)
            steps = np.rint(share * LEVELS).clip(0, LEVELS).astype(int)
            pairs = np.stack(np.divmod(steps, 91), axis=-1)
            said["marks"][mark] = [low, high, written(pairs)]
            said["params"] = rounded(tables[0].index.to_numpy(float), 6)
            said["seeds"] = tables[0].shape[1]
        return said

    def curve(self) -> pd.DataFrame:
        """The chosen mark: a row for each number of parameters, a column for each seed."""
        values = self.values
        return self._wide(values["task"], values["mark"], values["digits"], values["questions"])

    def sharpness(self) -> np.ndarray:
        """`metrics.sharpness` of the chosen mark for each seed, shape (seeds,)."""
        wide = self.curve()
        return np.array([metrics.sharpness(wide.index, wide[seed]) for seed in wide])


def _marked(got: np.ndarray, log_p: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """The six marks of these answers, (questions, digits), as means over the questions."""
    found = {
        "exact_match": metrics.exact_match(got, right),
        "token_accuracy": metrics.token_accuracy(got, right),
        "edit_distance": metrics.edit_distance(got, right) / right.shape[1],
        "log_loss": metrics.log_loss(log_p, right),
        "brier": metrics.brier(log_p, right),
        "answer_probability": metrics.answer_probability(log_p, right),
    }
    return {name: float(np.mean(values)) for name, values in found.items()}
