"""Growing an ability over width: the runs, both cores, the marks of tries, and the figure.

Chapters 11 and 12 train small models of several widths and seeds on tasks of `scalinglaws.text`.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import t as student

from .. import plot
from ..estimate import Estimate, wilson
from ..learners import TransformerConfig
from ..learners.base import Learner
from ..metrics import answers, exact_match
from ..text import Corpus, Task
from ..training import Run, train_together

Name = TypeVar("Name", bound=Hashable)


def lanes(
    task: Task,
    width: int,
    steps: int,
    seeds: int = 3,
    *,
    depth: int = 2,
    shift: bool = False,
    batch: int = 64,
) -> list[Run]:
    """Runs of `batch` examples a step, by Muon, one for each seed: a stack for `train_all`.

    The models have four heads, or two at width 4, where four would hold one channel each.

    >>> from scalinglaws.text import Addition
    >>> runs = lanes(Addition(2), width=8, steps=100, seeds=2, batch=32)
    >>> [run.seed for run in runs], runs[0].steps, runs[0].batch, runs[0].model.context
    ([0, 1], 100, 32, 8)
    """
    model = TransformerConfig(
        width,
        depth,
        heads=4 if width > 4 else 2,
        context=task.example_length - 1,
        vocab_size=len(task.vocabulary),
        shift=shift,
    )
    tokens = batch * steps * model.context
    return [Run(model, tokens, seed, batch=batch, optimizer="muon") for seed in range(seeds)]


def train_all(
    plans: Mapping[Name, tuple[Task, Sequence[Run]]],
    *,
    examples: int = 64_000,
    workers: int | None = None,
) -> dict[Name, list[Learner]]:
    """Train each stack of runs on `examples` of its task, in so many processes at a time.

    By default two, or one where only one core may be used.

    A plan is a task and runs that go together, as `lanes` makes them. A stack that costs more than
    all the others together is trained in two parts, whatever the number of processes. Returns the
    models by name, in the order of the runs. With one worker everything stays in this process.

    >>> from scalinglaws.text import Addition
    >>> task = Addition(1)
    >>> models = train_all({"sums": (task, lanes(task, 4, 2))}, examples=200, workers=1)
    >>> len(models["sums"])
    3
    """
    corpora: dict[Task, Corpus] = {}
    for task, _ in plans.values():
        if task not in corpora:
            corpora[task] = task.corpus(examples, 200)
    cost = {name: sum(run.flops for run in runs) for name, (_, runs) in plans.items()}
    dearest = sorted(plans, key=lambda name: -cost[name])
    jobs: list[tuple[Name, Sequence[Run], Corpus]] = []
    for name in dearest:
        task, runs = plans[name]
        parts = [runs]
        if len(plans) > 1 and 2 * cost[name] > sum(cost.values()) and len(runs) > 1:
            middle = (len(runs) + 1) // 2  # else one process would outlast all the others
            parts = [runs[:middle], runs[middle:]]
        jobs += [(name, part, corpora[task]) for part in parts]
    if workers == 1:
        trained = [train_together(part, corpus) for _, part, corpus in jobs]
    else:
        pool = _pool(workers)
        try:
            waiting = [pool.submit(train_together, part, corpus) for _, part, corpus in jobs]
            trained = [each.result() for each in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _pool.cache_clear()
            raise
    found: dict[Name, list[Learner]] = {name: [] for name in plans}
    for (name, *_), part in zip(jobs, trained, strict=True):
        found[name] += [run.model for run in part]
    return found


@cache
def _pool(workers: int) -> ProcessPoolExecutor:
    """Processes that stay for the next call: starting one takes seconds."""
    return ProcessPoolExecutor(workers, get_context("spawn"))


def shares(models: Sequence[Learner], task: Task, prompts: np.ndarray) -> list[Estimate]:
    """Exact match of each model on prompts (n, any length), with Wilson's interval.

    Only the answer is marked, not the working before it.

    >>> from scalinglaws.text import Addition
    >>> task = Addition(1)
    >>> model = lanes(task, 4, 1)[0].model.build([0])
    >>> shares([model], task, task.make(20, seed=0)[:, : task.prompt_length])[0].n
    20
    """
    last = task.answer_length
    right = task.solve(prompts)[:, -last:]
    hits = [exact_match(answers(m, task, prompts)[0][:, -last:], right) for m in models]
    return [wilson(int(hit.sum()), len(hit)) for hit in hits]


def distinct(prompts: np.ndarray) -> np.ndarray:
    """The prompts without those that came before, in their order.

    >>> distinct(np.array([[1, 2], [0, 3], [1, 2]])).tolist()
    [[1, 2], [0, 3]]
    """
    first = np.unique(prompts, axis=0, return_index=True)[1]
    return prompts[np.sort(first)]


def cores() -> int:
    """Cores that this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def first_passing(passes: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    """Whether the first of k tries that passes a test is right; False where none passes.

    passes, right: (n, tries), bool. Returns (n,).

    >>> passes = np.array([[False, True, True], [False, False, True]])
    >>> right = np.array([[False, False, True], [False, False, True]])
    >>> first_passing(passes, right, 2).tolist(), first_passing(passes, right, 3).tolist()
    ([False, False], [False, True])
    """
    chosen = passes[:, :k].argmax(axis=1)
    return right[np.arange(len(right)), chosen] & passes[:, :k].any(axis=1)


def contrast(*terms: tuple[float, Sequence[float]], level: float = 0.95) -> Estimate:
    """A weighted sum of the means of independent groups, with Welch's interval (Welch 1947).

    terms: a weight and the values of a group, such as its seeds; `(1, a), (-1, b)` is the
    difference of two means, and groups may scatter differently. Raises ValueError if a group has
    fewer than two values.

    >>> print(contrast((1, [60, 62, 64]), (-1, [50, 51, 52])))
    11 (95% interval 6.845 to 15.16)
    """
    groups = [np.asarray(values, dtype=float) for _, values in terms]
    if min(map(len, groups)) < 2:
        raise ValueError("each group needs two values or more")
    weights = [weight for weight, _ in terms]
    value = sum(w * g.mean() for w, g in zip(weights, groups, strict=True))
    parts = [w**2 * g.var(ddof=1) / len(g) for w, g in zip(weights, groups, strict=True)]
    if not sum(parts):
        return Estimate(float(value), float(value), float(value), level)
    free = sum(parts) ** 2 / sum(v**2 / (len(g) - 1) for v, g in zip(parts, groups, strict=True))
    reach = float(student.ppf((1 + level) / 2, free)) * float(np.sqrt(sum(parts)))
    return Estimate(float(value), float(value) - reach, float(value) + reach, level)


def ladder(
    ax: Axes, found: Mapping[int, Sequence[float]], *, color: str = plot.BLUE, label: str = ""
) -> None:
    """A value against width: a dot for each seed, a line through the means, its name at the end.

    found: width to the values of its seeds, in per cent or points.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> ladder(ax, {8: [10, 20], 16: [50, 60]}, label="chain")
    >>> ax.lines[-1].get_ydata().tolist()
    [15.0, 55.0]
    >>> plt.close(figure)
    """
    widths = sorted(found)
    for width in widths:
        ax.plot([width] * len(found[width]), found[width], "o", color=color, ms=4, alpha=0.45,
                mew=0)  # fmt: skip
    means = [float(np.mean(found[width])) for width in widths]
    ax.plot(widths, means, "-", color=color, lw=1.6)
    ax.set_xscale("log", base=2)
    drawn = np.concatenate([np.asarray(line.get_xdata(), dtype=float) for line in ax.lines])
    shown = np.unique(drawn)
    ax.set_xticks(shown, [f"{width:g}" for width in shown])
    ax.minorticks_off()
    ax.set_xlabel("width")
    if label:
        plot.say(ax, widths[-1], means[-1], label, color=color, dx=7)


def shop(
    ax: Axes,
    price: Sequence[float],
    found: Sequence[Sequence[float]],
    greedy: float,
    *,
    color: str = plot.BLUE,
    label: str = "",
) -> None:
    """What more and more tries buy: a thin line for each seed, dots for their mean.

    price: FLOPs of each number of tries; found: for each, the values of the seeds; greedy: the
    value of one greedy answer, drawn as a star at the price of one try; label: for the legend.

    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> shop(ax, [1e5, 2e5], [[10, 12], [20, 24]], 15, label="width 8")
    >>> ax.get_xscale(), len(ax.lines)
    ('log', 4)
    >>> plt.close(figure)
    """
    values = np.asarray(found, dtype=float)
    for seed in values.T:
        ax.plot(price, seed, color=color, lw=0.7, alpha=0.5)
    ax.plot(price, values.mean(axis=1), "o-", color=color, ms=4, label=label)
    ax.plot(price[0], greedy, "*", color=color, ms=13, mec="white", zorder=4)
    ax.set_xscale("log")
