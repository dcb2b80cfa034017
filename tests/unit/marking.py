"""What the tests of the tasks share: prompts and answers in an array, marks of a shortcut."""

from __future__ import annotations

import numpy as np

from scalinglaws.text import Task


def prompts_of(task: Task, tokens: np.ndarray) -> np.ndarray:
    return tokens.reshape(-1, task.example_length)[:, : task.prompt_length]


def answers_of(task: Task, examples: np.ndarray) -> np.ndarray:
    return examples[:, -task.answer_length :]


def rate(task: Task, name: str, examples: np.ndarray) -> float:
    """Measured exact-match rate of a shortcut."""
    return hits(task, name, examples).mean()


def hits(task: Task, name: str, examples: np.ndarray) -> np.ndarray:
    given = task.shortcut(name, prompts_of(task, examples))
    assert given.dtype == np.uint8
    return (given == answers_of(task, examples)).all(axis=1)
