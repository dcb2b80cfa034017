"""Abilities over size and training time: models of several widths, trained and marked.

Used by chapters 9 and 10, so that both train and mark in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from ..estimate import Estimate
from ..learners import Transformer, TransformerConfig
from ..learners.look import attention_maps, without_head
from ..metrics import crossing, graded, log_loss, log_probabilities, marks, sharpness
from ..text import FewShot, Induction, Memorise, Task
from ..training import Run, Trained, train_together


def learn(
    task: Task,
    widths: Iterable[int],
    steps: Sequence[int],
    seeds: int,
    *,
    items: int = 400,
    batch: int = 64,
    cooldown: float = 0.0,
    optimizer: Literal["adamw", "muon"] = "muon",
    heads: int = 2,
    depth: int = 2,
    shift: bool = False,
) -> pd.DataFrame:
    """Train models of all widths with so many seeds, and mark each after so many steps.

    Without a cooldown the shorter runs are the first part of the longest, so that they cost
    nothing beside it. The exam are the first `items` examples of the task's validation part. One
    row for each width, number of steps and seed: its parameters (of the blocks), FLOPs, validation
    loss with its standard error, the six marks of `scalinglaws.metrics.marks` as means over the
    exam (of `FewShot`: those of `few_shot_marks`), how many answers are all right, and the trained
    model itself.

    >>> from scalinglaws.text import Addition
    >>> table = learn(Addition(digits=1), [8], [5, 10], seeds=2, items=20)
    >>> table[["width", "params", "steps", "seed"]].values.tolist()
    [[8, 1536, 5, 0], [8, 1536, 5, 1], [8, 1536, 10, 0], [8, 1536, 10, 1]]
    """
    by_heart = isinstance(task, Memorise)
    sizes = (40 * task.keys, task.keys) if isinstance(task, Memorise) else (100_000, 2_000)
    corpus = task.corpus(*sizes)
    exam = corpus.val.reshape(-1, task.example_length)[: None if by_heart else items]
    rows = []
    for width in widths:
        shape = TransformerConfig(
            width,
            depth=depth,
            heads=heads,
            context=task.example_length - 1,
            vocab_size=len(task.vocabulary),
            shift=shift,
        )
        runs = [
            Run(shape, n * batch * shape.context, seed, batch=batch, optimizer=optimizer,
                cooldown=cooldown)
            for n in steps for seed in range(seeds)
        ]  # fmt: skip
        rows += [_row(task, trained, exam) for trained in train_together(runs, corpus)]
    return pd.DataFrame(rows)


def _row(task: Task, trained: Trained, exam: np.ndarray) -> dict[str, Any]:
    run = trained.run
    found = (
        few_shot_marks(task, trained, exam)
        if isinstance(task, FewShot)
        else {
            name: float(mean[0]) for name, mean in marks(trained.model, task, exam).means().items()
        }
    )
    return {
        "width": run.model.shape()["width"],
        "params": run.model.params("non_embedding"),
        "steps": run.steps,
        "compute": run.flops,
        "seed": run.seed,
        "loss": trained.loss,
        "loss_std": trained.loss_std,
        "right": round(found["exact_match"] * len(exam)),
        **found,
        "trained": trained,
    }


def few_shot_marks(task: FewShot, trained: Trained, examples: np.ndarray) -> dict[str, float]:
    """The six marks of a model on those labels of `examples` that follow from pairs before them.

    Exact match: all of these labels of a prompt are right. Each is the mean over the examples,
    uint8 (n, example_length) as `FewShot.make` gives.
    """
    log_p = log_probabilities(trained.model, examples, 1)[:, :, ::2]
    found = graded(log_p, task.labels_in(examples), task.determined(examples))
    return {name: float(mean[0]) for name, mean in found.means().items()}


def by_shot(task: FewShot, trained: Trained, examples: np.ndarray) -> np.ndarray:
    """Share of the labels right after 0, 1, ... pairs, shape (pairs,); examples as `make` gives."""
    log_p = log_probabilities(trained.model, examples, 1)[0, :, ::2]
    return np.asarray((log_p.argmax(-1) == task.labels_in(examples)).mean(0))


def passes(table: pd.DataFrame, x: str, level: float, mark: str = "exact_match") -> Estimate:
    """Where the mean over the seeds of a mark first passes a level, with its 95 % interval.

    `table` has the columns x (size or steps), "seed" and the mark, one row of each pair. The
    interval comes from drawing the seeds again with replacement, 500 times; inf stands for no
    point of the ladder that passes. Raises ValueError if some pair of x and seed is missing.

    >>> table = pd.DataFrame({"steps": [1, 100] * 2, "seed": [0, 0, 1, 1],
    ...                       "exact_match": [0, 1, 0, 1]})
    >>> print(passes(table, "steps", 0.5))
    10 (95% interval 10 to 10)
    """
    wide = table.pivot(index=x, columns="seed", values=mark)
    at, shares = wide.index.to_numpy(float), wide.to_numpy(float)
    if not np.isfinite(shares).all():
        raise ValueError(f"some seeds lack a row at some value of {x!r}")
    seeds = shares.shape[1]
    pick = np.random.default_rng(0).integers(0, seeds, (500, seeds))
    again = [crossing(at, shares[:, p].mean(1), level) for p in pick]
    low, high = np.quantile(again, (0.025, 0.975), method="inverted_cdf")
    return Estimate(crossing(at, shares.mean(1), level), float(low), float(high))


def mean_sharpness(table: pd.DataFrame, x: str, mark: str, draws: int = 500) -> np.ndarray:
    """Sharpness of the mean over the seeds, and of as many means of seeds drawn again.

    `table` has the columns x, "seed" and the mark. Seeds are drawn with replacement at each x by
    itself, since runs of one seed at two sizes have nothing in common but the number. Shape
    (1 + draws,), the mean as measured first.

    >>> table = pd.DataFrame({"size": [1, 2, 4] * 2, "seed": [0] * 3 + [1] * 3,
    ...                       "share": [0, 1, 1, 0, 0, 1]})
    >>> mean_sharpness(table, "size", "share", draws=2).shape
    (3,)
    """
    wide = table.pivot(index=x, columns="seed", values=mark)
    at, values = wide.index.to_numpy(float), wide.to_numpy(float)
    pick = np.random.default_rng(0).integers(0, values.shape[1], (draws, *values.shape))
    means = np.take_along_axis(values[None], pick, axis=2).mean(2)
    return np.array([sharpness(at, mean) for mean in (values.mean(1), *means)])


def head_scores(
    model: Transformer, task: Induction, examples: np.ndarray, *, shown: bool = False
) -> np.ndarray:
    """Where each head looks in a run that repeats, shape (3, blocks, heads).

    The share of its attention that goes to the token just before; to all earlier copies of the
    present token; to all tokens right behind those copies, each of which is what comes next. Means
    over the places from which the task asks for an answer, or, if `shown`, over those before them
    from the second on, and over `examples`, uint8 (n, example_length) as `make` gives. The model is
    a single one.

    >>> task = Induction(shortest=2, longest=3, symbols=4, length=8)
    >>> model = TransformerConfig(width=8, context=7, vocab_size=4).build([0])
    >>> head_scores(model, task, task.make(10, seed=0)).shape
    (3, 2, 2)
    """
    seen = torch.from_numpy(examples[:, :-1].astype(np.int64))
    time = seen.shape[1]
    maps = attention_maps(model, seen[None])[:, 0]  # (blocks, n, heads, time, time)
    period = torch.from_numpy((examples[:, :1] == examples[:, 1:]).argmax(1) + 1)
    back = torch.arange(time)[:, None] - torch.arange(time)[None]  # how far it looks back
    copies = (back > 0) & (back % period[:, None, None] == 0)
    behind = (back > 0) & ((back + 1) % period[:, None, None] == 0)
    last = task.prompt_length - 1
    places = torch.arange(1, last) if shown else torch.arange(last, time)
    found = []
    for wanted in ((back == 1).expand_as(copies), copies, behind):
        share = (maps * wanted[None, :, None]).sum(-1)[..., places]
        found.append(share.mean((1, 3)).numpy())
    return np.stack(found)


def without_each_head(model: Transformer, task: Task, examples: np.ndarray) -> np.ndarray:
    """Log loss of a single model without each of its heads in turn, shape (blocks, heads).

    In nats per token of the answer, mean over `examples`, uint8 (n, example_length).

    >>> task = Induction(shortest=2, longest=3, symbols=4, length=8)
    >>> model = TransformerConfig(width=8, context=7, vocab_size=4).build([0])
    >>> without_each_head(model, task, task.make(10, seed=0)).round(3).tolist()
    [[1.386, 1.386], [1.386, 1.386]]
    """
    start = task.prompt_length
    config = model.config
    lost = np.empty((config.depth, config.heads or 1))
    for block in range(lost.shape[0]):
        for head in range(lost.shape[1]):
            log_p = log_probabilities(without_head(model, block, head), examples, start)
            lost[block, head] = log_loss(log_p, examples[:, start:]).mean()
    return lost
