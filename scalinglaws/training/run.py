"""What is trained: a `Run`, its batches, its schedule and its data; and which runs go together.

Runs that share a shape are trained together, in two ways that leave each result as it would be
alone. Lockstep: runs that differ in seed, learning rate, decay or data are computed as one stack,
which spares a small model most of its waiting. Branching: runs that differ in their number of
tokens share the trunk, where the learning rate is constant, and branch off where their cooldown
begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from .. import __version__
from .. import _checks as checks
from ..learners.base import LearnerConfig
from ..text.corpora import Corpus

_FIRST_BATCH = 128  # tokens


@dataclass(frozen=True)
class Run:
    """All that determines one training run, given a corpus.

    Losses are in nats per token. What is left out is filled in: `replace(run, model=...)` keeps
    the learning rate of the old model unless it says `lr=None` too. A learner that counts has no
    gradient: for it, rates, a batch, another optimiser, decay and dropout are refused, and the
    schedule (warmup, cooldown) has no meaning.

    >>> from dataclasses import replace
    >>> from scalinglaws import TransformerConfig
    >>> model = TransformerConfig(width=8)
    >>> run = Run(model, tokens=20 * model.params("with_head"))
    >>> run.tokens, run.steps, f"{run.flops:.2e}", run.lr
    (51200, 400, '1.10e+09', 0.01875)
    >>> replace(run, seed=1) == run
    False
    """

    model: LearnerConfig
    """What is trained: a `TransformerConfig` or the config of another learner."""
    tokens: int
    """Training tokens, counted with repetition; rounded down to whole contexts."""
    seed: int = 0
    """Fixes the initial weights, the order of the data, which tokens `unique_tokens` are, and what
    dropout drops."""
    batch: int | None = None
    """Sequences of `model.context` tokens per step; None lets it grow (`batch_sizes`)."""
    lr: float | None = None
    """Peak learning rate; None takes the model's `default_lr`. For a transformer it is that of the
    blocks: the rate of embeddings and head is 0.03 sqrt(32 / width), times the factor by which
    `lr` departs from its default."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    warmup: int = 2048
    """Tokens over which the rate rises from zero, or all before the cooldown if those are fewer."""
    cooldown: float = 0.3
    """Share of the tokens over which the rate falls to zero at the end."""
    unique_tokens: int | None = None
    """Train on only this many tokens, a random sample of the corpus, repeated as often as needed;
    None uses the whole corpus."""
    weight_decay: float = 0.0
    """Decoupled decay (Loshchilov & Hutter 2019): in each step, weights of blocks and head lose the
    current rate, which is `lr` times the schedule, times this of their size; embeddings do not."""
    dropout: float = 0.0
    """Share of the numbers that each block or hidden layer puts out that is set to zero in
    training (Srivastava et al. 2014). What is dropped follows from the seed and the step, so a run
    drops the same alone and in a stack. Nothing is dropped where the loss is measured."""
    ends_lr: float | None = None
    """Peak rate of those weights to which the learner gives a rate of their own: embeddings and
    head of a transformer or an LSTM. None lets it follow `lr`, for a transformer as said there. A
    learner that gives none (MLP) takes no notice of it."""

    def __post_init__(self) -> None:
        if not isinstance(self.model, LearnerConfig):
            raise TypeError(
                "model must be the config of a learner, such as TransformerConfig(width=16), got "
                f"{type(self.model).__name__}"
            )
        given = {
            "tokens": _whole(self.tokens, "tokens", 1),
            "seed": checks.seed(self.seed),
            "batch": None if self.batch is None else _whole(self.batch, "batch", 1),
            "lr": None if self.lr is None else checks.above_zero(self.lr, "lr"),
            "warmup": _whole(self.warmup, "warmup", 0),
            "cooldown": checks.real(self.cooldown, "cooldown"),
            "unique_tokens": None
            if self.unique_tokens is None
            else _whole(self.unique_tokens, "unique_tokens", 1),
            "weight_decay": checks.real(self.weight_decay, "weight_decay"),
            "dropout": checks.real(self.dropout, "dropout"),
            "ends_lr": None if self.ends_lr is None else checks.above_zero(self.ends_lr, "ends_lr"),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(f"optimizer must be 'adamw' or 'muon', got {self.optimizer!r}")
        if not 0 <= self.cooldown <= 1:
            raise ValueError(f"cooldown is a share of the tokens, from 0 to 1; got {self.cooldown}")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must be at least 0, got {self.weight_decay}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a share, at least 0 and below 1; got {self.dropout}")
        if not self.model.by_gradient:
            self._check_counting()
        elif self.lr is None:
            object.__setattr__(self, "lr", self.model.default_lr(self.optimizer))
        least = (self.batch or _FIRST_BATCH // self.model.context or 1) * self.model.context
        if self.tokens < least:
            raise ValueError(f"tokens must cover one step of {least}, got {self.tokens}")
        object.__setattr__(self, "tokens", self.tokens - self.tokens % self.model.context)
        if self.unique_tokens is not None and self.unique_tokens <= self.model.context:
            raise ValueError(
                f"unique_tokens must be more than one context of {self.model.context}, "
                f"got {self.unique_tokens}"
            )

    def _check_counting(self) -> None:
        usual: dict[str, Any] = {
            "batch": None,
            "lr": None,
            "optimizer": "adamw",
            "weight_decay": 0.0,
            "dropout": 0.0,
            "ends_lr": None,
        }
        for name, value in usual.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"a {self.model.kind} learns by counting, not by gradient: leave out {name}"
                )

    @property
    def steps(self) -> int:
        """Optimiser steps, of which the last may be a small one; 0 for a learner that counts."""
        return len(batch_sizes(self)) if self.model.by_gradient else 0

    @property
    def flops(self) -> int:
        """Training FLOPs of the run: head and attention counted, embeddings free.

        All of them, also those of a trunk that other runs share.
        """
        return self.tokens * self.model.flops_per_token("total")


def _whole(value: Any, name: str, least: int) -> int:
    """A whole number, which may be written as 1e6."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return checks.whole(value, name, least)


def row_of(
    run: Run,
    corpus: str,
    status: str,
    *,
    loss: float = math.nan,
    loss_std: float = math.nan,
    params: Mapping[str, int] | None = None,
    device: str = "unknown",
    seconds: float = math.nan,
) -> dict[str, Any]:
    """The run as a row for the table of runs; `corpus` is a fingerprint.

    `params` are the counts of a learner whose config does not know them.
    """
    config, counted = run.model, not run.model.by_gradient
    if params is None:
        params = {} if counted else parameters(config)
    shape = config.shape()
    return {
        "learner": config.kind,
        "width": shape.get("width"),
        "depth": shape.get("depth"),
        "heads": shape.get("heads"),
        "context": config.context,
        "shift": shape.get("shift"),
        "window": shape.get("window"),
        "params": params.get("with_head", math.nan),
        "params_non_embedding": params.get("non_embedding", math.nan),
        "params_total": params.get("total", math.nan),
        "tokens": run.tokens,
        "unique_tokens": run.unique_tokens,
        "flops": run.flops,
        "loss": loss,
        "loss_std": loss_std,
        "seed": run.seed,
        "lr": run.lr,
        "ends_lr": run.ends_lr,
        "batch": run.batch,
        "warmup": None if counted else run.warmup,
        "cooldown": None if counted else run.cooldown,
        "weight_decay": None if counted else run.weight_decay,
        "dropout": None if counted else run.dropout,
        "optimizer": None if counted else run.optimizer,
        "status": status,
        "corpus": corpus,
        "version": __version__,
        "device": device,
        "seconds": seconds,
    }


def parameters(source: Any) -> dict[str, int]:
    """The three counts of parameters of a config or a model."""
    return {count: source.params(count) for count in ("non_embedding", "with_head", "total")}


# ------------------------------------------------------------------------------ schedule and data


def batch_sizes(run: Run) -> np.ndarray:
    """Sequences in each step of the run, shape (steps,); together they hold its tokens.

    By default 128 tokens a step at first, and twice as many each time the tokens seen have grown
    fourfold from 2^18 on. Tiny models want tiny batches: with large ones they run out of steps,
    not of data. The size depends only on the tokens seen so far, so a longer run begins as a
    shorter one does. The last step takes what is left.
    """
    left, context = run.tokens // run.model.context, run.model.context
    if run.batch is not None:
        sizes = [run.batch] * (left // run.batch)
        return np.array(sizes + [left % run.batch] * (left % run.batch > 0))
    sizes, seen = [], 0
    while left > 0:
        doublings = max(0, math.floor(math.log2(max(1, seen * context) / 2**16) / 2))
        size = min(left, max(1, (_FIRST_BATCH << doublings) // context))
        sizes.append(size)
        seen, left = seen + size, left - size
    return np.array(sizes)


def schedule(seen: np.ndarray, run: Run) -> np.ndarray:
    """Learning-rate multiplier after so many tokens: a rise, a constant, a linear fall to zero."""
    constant = run.tokens * (1 - run.cooldown)
    rise = seen / max(1, min(run.warmup, constant))
    fall = (run.tokens - seen) / max(1, run.cooldown * run.tokens)
    return np.clip(np.minimum(rise, fall), 0, 1)


class Windows(NamedTuple):
    """What a model reads and what it is to predict, both (windows, context + 1).

    A model reads all tokens of a window but the last. After each of them it predicts the target
    in the place of the next.
    """

    tokens: np.ndarray
    targets: np.ndarray

    def at(self, numbers: np.ndarray) -> Windows:
        """Those with these numbers."""
        tokens = self.tokens[numbers]
        same = self.targets is self.tokens
        return Windows(tokens, tokens if same else self.targets[numbers])


def windows_in(corpus: Corpus, part: Literal["train", "val"], context: int) -> Windows:
    """All windows of one part of the corpus, with the targets that it names or the next tokens."""
    tokens, targets = corpus.windows(part, context), corpus.targets(part, context)
    return Windows(tokens, tokens if targets is None else targets)


def data_order(windows: int, run: Run, sequences: int) -> np.ndarray:
    """Numbers of the first `sequences` of so many windows that the run reads, in order.

    Every epoch goes through all windows in a fresh order set by the seed, so none is read twice
    before all were read once.
    """
    rng = np.random.default_rng(run.seed)
    epochs = [rng.permutation(windows) for _ in range(-(-sequences // windows))]
    return np.concatenate(epochs)[:sequences].astype(np.int32)


def ration_of(windows: int, run: Run) -> np.ndarray:
    """Which of so many windows of the corpus the run may read, as numbers.

    With `unique_tokens` they are a random sample, so that a small ration is a small corpus of the
    same kind and not a few of its files. The run's seed sets the sample; for one seed, a larger
    ration holds the smaller ones.
    """
    if run.unique_tokens is None:
        return np.arange(windows, dtype=np.int32)
    sample = np.random.default_rng([run.seed, 1]).permutation(windows).astype(np.int32)
    return sample[: max(1, run.unique_tokens // run.model.context)]


def reading_order(windows: int, run: Run, sequences: int) -> np.ndarray:
    """Numbers, among so many windows of the corpus, of the first `sequences` that the run reads."""
    ration = ration_of(windows, run)
    return ration[data_order(len(ration), run, sequences)]


def check_fit(run: Run, corpus: Corpus) -> None:
    """Raises TypeError or ValueError unless the run can be trained on the corpus."""
    if not isinstance(run, Run):
        hint = ": for several runs there is sweep()" if isinstance(run, list | tuple) else ""
        raise TypeError(f"run must be a Run, got {type(run).__name__}{hint}")
    if not isinstance(corpus, Corpus):
        raise TypeError(f"corpus must be a Corpus, got {type(corpus).__name__}")
    if run.model.vocab_size < corpus.vocab_size:
        raise ValueError(
            f"the corpus has {corpus.vocab_size} different tokens, the model only "
            f"{run.model.vocab_size}: give {type(run.model).__name__} "
            f"vocab_size={corpus.vocab_size}"
        )
    if run.unique_tokens is not None and run.unique_tokens > corpus.train.size:
        raise ValueError(
            f"unique_tokens is {run.unique_tokens:,}, but {corpus.name} has only "
            f"{corpus.train.size:,} training tokens"
        )
    for part in ("train", "val"):
        corpus.windows(part, run.model.context)  # says what is wrong if there are none


# --------------------------------------------------------------------------------- groups of runs


def lockstep(runs: Iterable[Run], most: int | None = None) -> list[list[Run]]:
    """Sort runs into groups that `train_together` can take.

    Within a group, models share a shape, batch, warm-up, optimiser and dropout; there are at most
    `most` of them (by default as many as pay on one CPU thread), each with the same budgets.
    """
    if most is not None and most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    lanes: dict[tuple, list[Run]] = {}
    for run in runs:
        lanes.setdefault((shape_of(run), lane_of(run)), []).append(run)
    stacks: dict[tuple, list[list[Run]]] = {}
    for (shape, _), lane in lanes.items():
        budgets = tuple(sorted(map(budget_of, lane)))
        stacks.setdefault((shape, budgets), []).append(lane)
    groups = []
    for (shape, _), members in stacks.items():
        size = most or shape[0].lanes()
        parts = math.ceil(len(members) / size)
        groups += [[run for lane in members[i::parts] for run in lane] for i in range(parts)]
    return groups


def shape_of(run: Run) -> tuple:
    """What runs of one stack share."""
    return run.model, run.batch, run.warmup, run.optimizer, run.dropout


def lane_of(run: Run) -> tuple:
    """What tells the models of one stack apart."""
    return run.seed, run.lr, run.ends_lr, run.unique_tokens, run.weight_decay


def budget_of(run: Run) -> tuple[int, float]:
    """What tells the branches of one model apart."""
    return run.tokens, run.cooldown


class Branch(NamedTuple):
    """The steps to one budget: sequences and rate of each."""

    budget: tuple[int, float]
    sizes: np.ndarray
    rates: np.ndarray
    shared: int
    """How many of the first steps are also those of every later branch: the trunk."""


def branches_of(group: Sequence[Run]) -> list[Branch]:
    """The branches of a group in the order in which they leave the trunk."""
    runs = sorted({budget_of(run): run for run in group}.values(), key=_cooldown_at)
    branches: list[Branch] = []
    for run in reversed(runs):
        sizes = batch_sizes(run)
        rates = schedule((np.cumsum(sizes) - sizes / 2) * run.model.context, run)
        shared = len(sizes)
        if branches:
            last, next_ = branches[-1], branches[0]
            least = min(len(sizes), len(last.sizes))
            differ = (sizes[:least] != last.sizes[:least]) | (rates[:least] != last.rates[:least])
            shared = min(next_.shared, int(differ.argmax()) if differ.any() else least)
        branches.insert(0, Branch(budget_of(run), sizes, rates, shared))
    return branches


def _cooldown_at(run: Run) -> float:
    """Tokens after which the cooldown begins."""
    return run.tokens * (1 - run.cooldown)


def workload(group: Sequence[Run]) -> tuple[int, int]:
    """Tokens and steps that each model of a group takes, a shared trunk counted once.

    A model that counts takes no step, and counts anew for each budget.
    """
    if not group[0].model.by_gradient:
        return sum(tokens for tokens, _ in {budget_of(run) for run in group}), 0
    branches = branches_of(group)
    starts = [0] + [branch.shared for branch in branches[:-1]]
    sequences = sum(int(b.sizes[start:].sum()) for b, start in zip(branches, starts, strict=True))
    steps = sum(len(b.sizes) - start for b, start in zip(branches, starts, strict=True))
    return sequences * group[0].model.context, steps
