"""What a trained model can do: the text it writes, its answers to a task, the ways to mark them.

One set of answers looks sudden or gradual depending on how it is marked, so the marks here are
kept apart and each is defined where it stands. `marks` gives all of them at once.

All functions take tokens with the examples along the first axis and the tokens of the answer along
the last. Where a model computes, `model` may be a stack; results then begin with its axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from . import _checks as checks
from .estimate import Estimate, wilson
from .learners.base import Learner
from .text.corpora import decode, encode
from .text.task import Task
from .training.stack import one_thread

__all__ = [
    "Marks",
    "answer_probability",
    "answers",
    "brier",
    "crossing",
    "edit_distance",
    "exact_match",
    "graded",
    "log_loss",
    "log_probabilities",
    "marks",
    "rise_factor",
    "sample",
    "sharpness",
    "token_accuracy",
    "tries",
    "wilson",
]

_ROWS = 256
"""Examples that are computed together."""


def _written(
    text: Tensor,
    tokens: int,
    logits: Callable[[Tensor], Tensor],
    temperature: float,
    rng: torch.Generator,
) -> Tensor:
    """`text` (stack, n, length) and so many tokens more, one after the other.

    `logits` gives those of the next token, (stack, n, vocab_size), for the text so far. At
    temperature 0 the likeliest token is taken, else one is drawn from p^(1/temperature).
    """
    for _ in range(tokens):
        last = logits(text)
        if temperature == 0:
            drawn = last.argmax(-1)
        else:
            p = (last / temperature).softmax(-1)
            drawn = torch.multinomial(p.flatten(0, 1), 1, generator=rng).view(p.shape[:2])
        text = torch.cat([text, drawn[..., None]], dim=2)
    return text


@one_thread()
@torch.no_grad()
def sample(
    model: Learner,
    prompt: str = "def ",
    tokens: int = 200,
    *,
    temperature: float = 0.8,
    seed: int = 0,
) -> str:
    """`prompt` and the text that a single model writes after it, one token at a time.

    Each token is drawn from the model's probabilities, sharpened if `temperature` is below 1. Of a
    prompt longer than the context, the model sees the end. Raises ValueError if the prompt is
    empty, `temperature` is not above 0, `tokens` is no whole number, or the model is a stack of
    several.

    >>> from scalinglaws import Run, TransformerConfig, from_documents, train
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> trained = train(Run(TransformerConfig(width=8), tokens=4_096), notes)
    >>> text = sample(trained.model, "This ", tokens=20)
    >>> len(text), text.startswith("This ")
    (25, True)
    """
    if not prompt:
        raise ValueError("prompt must hold at least one character")
    temperature = checks.above_zero(temperature, "temperature")
    tokens = checks.whole(tokens, "tokens", 0)
    rng = torch.Generator().manual_seed(checks.seed(seed))
    text = torch.from_numpy(encode(prompt).astype(np.int64))

    def logits(seen: Tensor) -> Tensor:
        return model(seen[:, :, -model.config.context :])[:, :, -1]

    return decode(_written(text[None, None], tokens, logits, temperature, rng)[0, 0].numpy())


@one_thread()
@torch.no_grad()
def answers(
    model: Learner,
    task: Task,
    prompts: np.ndarray,
    *,
    temperature: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """What the model writes after each prompt, token by token.

    `prompts` (n, any length) may be longer or shorter than the task's own; the continuation has
    as many tokens as the task's. At temperature 0 the likeliest token is taken, else one is drawn
    from p^(1/temperature). Returns uint8 of shape (stack, n, continuation). Raises ValueError if
    the prompt and its continuation do not fit the model's context.
    """
    length = task.example_length - task.prompt_length
    text = _tokens(prompts)
    temperature = checks.real(temperature, "temperature")
    if temperature < 0:
        raise ValueError(f"temperature must be 0 or above, got {temperature}")
    if text.shape[1] + length - 1 > model.config.context:
        raise ValueError(
            f"prompts of {text.shape[1]} tokens and answers of {length} need a context of "
            f"{text.shape[1] + length - 1}; the model's is {model.config.context}"
        )
    device = model.device
    rng = torch.Generator(device=device).manual_seed(checks.seed(seed))

    def logits(seen: Tensor) -> Tensor:
        last = torch.zeros(seen.shape[2], dtype=torch.bool, device=device)
        last[-1] = True
        return model(seen, last)[:, :, 0, : len(task.vocabulary)].float()

    written = []
    for part in text.split(_ROWS):
        x = part.to(device).expand(model.stack, *part.shape)
        whole = _written(x, length, logits, temperature, rng)
        written.append(whole[:, :, text.shape[1] :].cpu().numpy().astype(np.uint8))
    return np.concatenate(written, axis=1)


@one_thread()
@torch.no_grad()
def tries(
    model: Learner,
    task: Task,
    prompts: np.ndarray,
    k: int,
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """`k` independent answers of a single model to each prompt, drawn from p^(1/temperature).

    As if `answers` were asked k times, but a beginning that several tries share is computed once,
    which pays where answers are short. prompts (n, any length). Returns uint8 of shape (n, k,
    continuation). Raises ValueError if `temperature` is not above 0 or the model is a stack.
    """
    if model.stack != 1:
        raise ValueError(f"tries are those of one model, not of a stack of {model.stack}")
    temperature, k = checks.above_zero(temperature, "temperature"), checks.whole(k, "k", 1)
    prompts, rng = np.atleast_2d(prompts), np.random.default_rng(checks.seed(seed))
    size = len(task.vocabulary)
    whose = np.repeat(np.arange(len(prompts)), k)
    written = np.empty((len(whose), 0), dtype=np.int64)
    for _ in range(task.example_length - task.prompt_length):
        begun, which = np.unique(np.column_stack([whose, written]), axis=0, return_inverse=True)
        text = np.concatenate([prompts[begun[:, 0]].astype(np.int64), begun[:, 1:]], axis=1)
        last = torch.zeros(text.shape[1], dtype=torch.bool, device=model.device)
        last[-1] = True
        parts = [
            (model(part[None].to(model.device), last)[0, :, 0, :size].double() / temperature)
            .softmax(-1)
            .cpu()
            .numpy()
            for part in torch.from_numpy(text).split(_ROWS)
        ]
        below = np.concatenate(parts).cumsum(axis=1)[which.reshape(-1)]
        drawn = (below < rng.random((len(whose), 1)) * below[:, -1:]).sum(axis=1)
        written = np.column_stack([written, np.minimum(drawn, size - 1)])
    return written.reshape(len(prompts), k, -1).astype(np.uint8)


@one_thread()
@torch.no_grad()
def log_probabilities(model: Learner, examples: np.ndarray, given: int) -> np.ndarray:
    """ln p of every token at each place after the first `given`, the tokens before being right.

    `examples` (n, length) are whole: prompt and right answer. Returns float64 of shape
    (stack, n, length - given, vocab_size): what the model believes before each token of the answer.
    """
    text = _tokens(examples)
    if not 1 <= given < text.shape[1]:
        raise ValueError(f"given must lie from 1 to {text.shape[1] - 1}, got {given}")
    device = model.device
    keep = torch.arange(text.shape[1] - 1, device=device) >= given - 1
    parts = []
    for part in text.split(_ROWS):
        x = part[:, :-1].to(device).expand(model.stack, len(part), text.shape[1] - 1)
        parts.append(model(x, keep).double().log_softmax(-1).cpu().numpy())
    return np.concatenate(parts, axis=1)


def _tokens(values: np.ndarray) -> Tensor:
    values = np.atleast_2d(np.asarray(values))
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.integer) or not values.size:
        raise ValueError(
            f"tokens must be whole numbers of shape (n, length), got {values.dtype} of shape "
            f"{values.shape}"
        )
    return torch.from_numpy(values.astype(np.int64))


def _pair(written: ArrayLike, right: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    written, right = np.asarray(written), np.asarray(right)
    if written.shape[-2:] != right.shape[-2:] or written.ndim < 2:
        raise ValueError(
            "written and right must both be (..., n, length), got shapes "
            f"{written.shape} and {right.shape}"
        )
    return written, right


def exact_match(written: ArrayLike, right: ArrayLike) -> np.ndarray:
    """Whether all tokens of each answer are right. (..., n, length) -> bool (..., n)."""
    written, right = _pair(written, right)
    return (written == right).all(-1)


def token_accuracy(written: ArrayLike, right: ArrayLike) -> np.ndarray:
    """Share of the tokens of each answer that are right in their place. -> (..., n)."""
    written, right = _pair(written, right)
    return (written == right).mean(-1)


def edit_distance(written: ArrayLike, right: ArrayLike) -> np.ndarray:
    """Fewest insertions, deletions and replacements that mend each answer. -> whole (..., n).

    Levenshtein's distance: unlike `token_accuracy` it forgives a shift of all later tokens.
    """
    written, right = _pair(written, right)
    length = right.shape[-1]
    row = np.broadcast_to(
        np.arange(length + 1), (*np.broadcast(written, right).shape[:-1], length + 1)
    )
    for i in range(written.shape[-1]):
        mended = np.empty_like(row)
        mended[..., 0] = i + 1
        for j in range(length):
            replaced = row[..., j] + (written[..., i] != right[..., j])
            either = np.minimum(row[..., j + 1], mended[..., j]) + 1
            mended[..., j + 1] = np.minimum(replaced, either)
        row = mended
    return row[..., -1]


def log_loss(log_p: np.ndarray, right: ArrayLike) -> np.ndarray:
    """-ln p of the right answer, mean over its tokens, in nats. -> (..., n).

    log_p: (..., n, length, vocab_size), as `log_probabilities` returns it.
    """
    return -_of_right(log_p, right).mean(-1)


def answer_probability(log_p: np.ndarray, right: ArrayLike) -> np.ndarray:
    """Probability of the whole right answer: the product over its tokens. -> (..., n).

    It is the exact-match rate to expect of an answer drawn at temperature 1.
    """
    return np.exp(_of_right(log_p, right).sum(-1))


def brier(log_p: np.ndarray, right: ArrayLike) -> np.ndarray:
    """Brier score: squared distance of the probabilities from the truth, mean over tokens.

    0 is perfect, 2 certain and wrong; guessing evenly among v tokens scores 1 - 1 / v. -> (..., n).
    """
    p = np.exp(log_p)
    p_right = np.exp(_of_right(log_p, right))
    return ((p**2).sum(-1) - 2 * p_right + 1).mean(-1)


def _of_right(log_p: np.ndarray, right: ArrayLike) -> np.ndarray:
    log_p, right = np.asarray(log_p), np.asarray(right).astype(np.int64)
    if log_p.ndim < 3 or log_p.shape[-3:-1] != right.shape[-2:]:
        raise ValueError(
            f"log_p must be (..., n, length, vocab_size) and right (..., n, length), got shapes "
            f"{log_p.shape} and {right.shape}"
        )
    right = np.broadcast_to(right, log_p.shape[:-1])
    return np.take_along_axis(log_p, right[..., None], -1)[..., 0]


@dataclass(frozen=True, eq=False)
class Marks:
    """The same examples marked in every way; each mark has shape (stack, n), one per example."""

    exact_match: np.ndarray
    """All tokens of the answer right, written without help (greedy)."""
    token_accuracy: np.ndarray
    """Share of its tokens right in their place."""
    edit_distance: np.ndarray
    """Edits that would mend it, divided by its length."""
    log_loss: np.ndarray
    """-ln p per token of the right answer, the tokens before being right."""
    brier: np.ndarray
    """Brier score per token, likewise."""
    answer_probability: np.ndarray
    """Probability of the whole right answer."""

    def share(self, number: int = 0, level: float = 0.95) -> Estimate:
        """Exact-match rate of one model of the stack, with Wilson's interval."""
        right = self.exact_match[number]
        return wilson(int(right.sum()), len(right), level)

    def means(self) -> dict[str, np.ndarray]:
        """The mean of each mark over the examples, shape (stack,)."""
        names = self.__dataclass_fields__
        return {name: getattr(self, name).mean(1) for name in names}


def marks(model: Learner, task: Task, examples: np.ndarray) -> Marks:
    """Mark the model's answers to the prompts of `examples` (n, example_length), as `make` gives.

    Only the answer is marked; working that stands before it has to be written by the model, but
    is not compared. Log loss (in nats per token), Brier score and probability are of the right
    working and answer.

    >>> from scalinglaws import Run, TransformerConfig, train
    >>> from scalinglaws.text import KnownEntropy
    >>> task = KnownEntropy(keys=8, noise=0)  # eight facts to learn by heart
    >>> corpus = task.corpus(train=2_000, val=200)
    >>> model = TransformerConfig(8, context=task.example_length - 1, vocab_size=corpus.vocab_size)
    >>> trained = train(Run(model, tokens=8_192), corpus)
    >>> found = marks(trained.model, task, task.make(100, seed=1))
    >>> found.exact_match.shape, found.share().n
    ((1, 100), 100)
    >>> bool(found.means()["log_loss"][0] < np.log(corpus.vocab_size))
    True
    """
    examples = np.atleast_2d(examples)
    if examples.shape[1] != task.example_length:
        raise ValueError(
            f"{task} has examples of {task.example_length} tokens, got {examples.shape}"
        )
    start, last = task.prompt_length, task.answer_length
    written = answers(model, task, examples[:, :start])[..., -last:]
    right = examples[:, -last:]
    log_p = log_probabilities(model, examples, start)
    return Marks(
        exact_match=exact_match(written, right),
        token_accuracy=token_accuracy(written, right),
        edit_distance=edit_distance(written, right) / last,
        log_loss=log_loss(log_p, examples[:, start:]),
        brier=brier(log_p, examples[:, start:]),
        answer_probability=answer_probability(log_p, examples[:, start:]),
    )


def graded(log_p: np.ndarray, right: ArrayLike, counted: ArrayLike | None = None) -> Marks:
    """Marks of answers that are given one token at a time, each after the right ones before it.

    As where the prompt itself goes on to tell what had been right (`FewShot`). log_p (stack, n,
    length, vocab_size) as `log_probabilities` returns it, right (n, length), counted (n, length):
    which tokens are marked, by default all. The written token is the likeliest one. Examples in
    which nothing counts are left out, so a mark has shape (stack, examples that count). An edit is
    a replacement here. Raises ValueError if nothing counts or shapes do not fit.

    >>> log_p = np.log([[[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]]])  # one model, one example
    >>> found = graded(log_p, [[0, 1, 1]])
    >>> found.exact_match.tolist(), found.token_accuracy.round(2).tolist()
    ([[False]], [[0.67]])
    >>> found = graded(log_p, [[0, 1, 1]], counted=[[True, True, False]])
    >>> found.exact_match.tolist(), found.answer_probability.round(2).tolist()
    ([[True]], [[0.72]])
    """
    of_right, right = _of_right(log_p, right), np.asarray(right)
    every = np.ones(right.shape, dtype=bool)
    counts = every if counted is None else np.asarray(counted, dtype=bool)
    if counts.shape != right.shape:
        raise ValueError(f"counted must be of shape {right.shape}, got {counts.shape}")
    some = counts.any(axis=1)
    if not some.any():
        raise ValueError("counted leaves no token to be marked")
    counts = counts[some]
    log_p, of_right, right = np.asarray(log_p)[:, some], of_right[:, some], right[some]
    hit = log_p.argmax(-1) == right

    def mean(values: np.ndarray) -> np.ndarray:
        return (values * counts).sum(-1) / counts.sum(-1)

    squared = (np.exp(log_p) ** 2).sum(-1) - 2 * np.exp(of_right) + 1
    return Marks(
        exact_match=(hit | ~counts).all(-1),
        token_accuracy=mean(hit),
        edit_distance=mean(~hit),
        log_loss=mean(-of_right),
        brier=mean(squared),
        answer_probability=np.exp((of_right * counts).sum(-1)),
    )


def sharpness(x: ArrayLike, m: ArrayLike) -> float:
    """Largest share of the whole change of a mark that falls within one doubling of x.

    x (points,) rising and above 0: size or training time; m (points,) the mark there. Between the
    points the mark is interpolated on a logarithmic axis, so steps of more than a doubling hide
    how sharp a jump is: one of K doublings gives 1 / K at most. A change spread evenly over K
    doublings has 1 / K, a step within a fine ladder 1. NaN if the mark does not change. Raises
    ValueError unless x rises, is positive and spans a doubling, and both are finite.

    >>> x = 2.0 ** np.arange(8)
    >>> round(sharpness(x, np.log(x)), 2), round(sharpness(x, x**-0.5), 2)
    (0.14, 0.32)
    """
    x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
    if x.ndim != 1 or x.shape != m.shape or not (np.isfinite(x) & np.isfinite(m)).all():
        raise ValueError(f"x and m must be finite, of one shape (points,), got {x} and {m}")
    if len(x) < 2 or x[0] <= 0 or (np.diff(x) <= 0).any() or x[-1] < 2 * x[0]:
        raise ValueError(f"x must be above 0, rise, and span a doubling, got {x}")
    if np.ptp(m) == 0:
        return math.nan
    u = np.log2(x)
    # The largest step ends or begins at a measured point, or is found between two such.
    start = np.unique(np.concatenate([u, u - 1]).clip(u[0], u[-1] - 1))
    step = np.interp(start + 1, u, m) - np.interp(start, u, m)
    return float(np.abs(step).max() / np.ptp(m))


def crossing(x: ArrayLike, y: ArrayLike, level: float = 0.5) -> float:
    """Where y first reaches the level, interpolated in log x; inf if it never does.

    x (points,) rising and above 0, y (points,). If the first point is there already, it is the
    answer. Raises ValueError if shapes differ.

    >>> crossing([1, 100], [0, 1]), crossing([1, 100], [0, 0.4])
    (10.0, inf)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"x and y must be of one shape (points,), got {x.shape} and {y.shape}")
    there = np.flatnonzero(y >= level)
    if not len(there):
        return math.inf
    i = int(there[0])
    if not i:
        return float(x[0])
    pair = slice(i - 1, i + 1)
    return float(np.exp(np.interp(level, y[pair], np.log(x[pair]))))


def rise_factor(x: ArrayLike, share: ArrayLike, low: float = 0.1, high: float = 0.9) -> float:
    """Least factor in x between a point whose share is below `low` and a later one above `high`.

    x (points,) above 0, share (points,). It knows the measured points alone, so it is no smaller
    than a step of their ladder; inf if no such pair of points is there. Raises ValueError if shapes
    differ.

    >>> rise_factor([100, 200, 400, 800], [0.0, 0.05, 0.5, 0.95])
    4.0
    """
    x, share = np.asarray(x, dtype=float), np.asarray(share, dtype=float)
    if x.ndim != 1 or x.shape != share.shape:
        raise ValueError(f"x and share must be of one shape (points,), got {x.shape}")
    factors = x[None, :] / x[:, None]
    fits = (share[:, None] < low) & (share[None, :] > high) & (factors > 1)
    return float(factors[fits].min(initial=math.inf))
