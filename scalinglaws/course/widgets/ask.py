"""Ask the model (chapter 12): a trained adder that runs on the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...learners.transformer import Transformer
from ...text import ShortSums
from .base import Explorer, within, written

LEVELS = 45
"""A weight is a whole number from -45 to 45, times the scale of its column."""


def packed(weights: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """A matrix with 91 levels to a weight, one character for each, and what the page makes of it.

    Each column has its own scale, an eighth of a power of two below that of the matrix.
    """
    top = float(f"{max(np.abs(weights).max() / LEVELS * 1.00001, 1e-12):.6g}")
    each = np.maximum(np.abs(weights).max(axis=0) / LEVELS, top / 1024)
    steps = np.floor(8 * np.log2(np.maximum(top / each, 1)))
    scale = top * 2 ** (-steps / 8)
    level = np.clip(np.rint(weights / scale), -LEVELS, LEVELS)
    said = {"n": weights.shape[1], "top": top, "s": written(steps), "w": written(level + LEVELS)}
    return said, level * scale


class AskTheModel(Explorer):
    """Type a sum, and see what a trained model writes: each digit with its probability.

    `model` is a transformer without token shift, trained on `task`; of a stack, the first is
    taken. Its weights are rounded to 91 levels, and `rounded_model` is what runs on the page.
    Values: `a` and `b`, the two numbers. Raises ValueError for another model or task.

    >>> from scalinglaws.course.growing import lanes
    >>> task = ShortSums(digits=5, known=3)
    >>> ask = AskTheModel(lanes(task, 8, 1)[0].model.build([0]), task)
    >>> ask["a"] = 921
    >>> ask.probabilities().shape
    (6, 12)
    """

    name = "ask"
    parts = ("base",)

    def __init__(self, model: Transformer, task: ShortSums) -> None:
        if not isinstance(model, Transformer) or model.config.shift:
            raise ValueError("the page knows transformers without token shift, no other model")
        config = model.config
        if not isinstance(task, ShortSums) or config.vocab_size != len(task.vocabulary):
            raise ValueError(
                "the page knows the task ShortSums, and a model that was trained on it"
            )
        self.task = task
        self.rounded_model = config.build([0])
        matrices = {}
        state = {name: weights[:1].detach().cpu() for name, weights in model.state_dict().items()}
        for name, weights in state.items():
            matrices[name], kept = packed(weights[0].numpy())
            state[name] = torch.tensor(kept[None], dtype=weights.dtype)
        self.rounded_model.load_state_dict(state)
        most = 10**task.digits - 1
        super().__init__(
            label="Explorer: type two numbers, and a trained model writes their sum digit by digit",
            still=(
                "An explorer stands here where scripts run: type two numbers, and a trained model "
                "writes their sum, each digit with its probability."
            ),
            data={
                "digits": task.digits,
                "known": task.known,
                "symbols": "".join(task.vocabulary.symbols),
                "heads": config.heads,
                "depth": config.depth,
                "matrices": matrices,
            },
            values={"a": 347, "b": 285},
            checks={"a": _whole(most), "b": _whole(most)},
        )

    def prompt(self) -> np.ndarray:
        """The tokens of the question, shape (prompt_length,)."""
        values, digits = self.values, self.task.digits
        return self.task.vocabulary.encode(f"{values['a']:0{digits}}+{values['b']:0{digits}}=")

    def probabilities(self) -> np.ndarray:
        """Probability of each symbol at each place of the answer, lowest place first.

        Shape (places, symbols). The model writes the likeliest symbol at each place and reads it
        with the rest.
        """
        tokens, found = [int(one) for one in self.prompt()], []
        for _ in range(self.task.answer_length):
            with torch.no_grad():
                logits = self.rounded_model.logits(torch.tensor([[tokens]]), None)[0, 0, -1]
            found.append(torch.softmax(logits.double(), -1).numpy())
            tokens.append(int(found[-1].argmax()))
        return np.array(found)

    def answer(self) -> str:
        """What the model writes, as one writes a number: highest place first."""
        symbols = self.task.vocabulary.symbols
        return "".join(symbols[i] for i in self.probabilities().argmax(axis=1))[::-1]


def _whole(most: int) -> Any:
    inside = within(0, most)

    def check(value: Any) -> int:
        if isinstance(value, (float, str)) or inside(int(value)) != value:
            raise ValueError(f"a whole number from 0 to {most:,}, not {value!r}")
        return int(value)

    return check
