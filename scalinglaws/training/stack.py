"""Training: the data order, the schedule, the optimisers, the evaluation.

A `Run` says everything that determines a result; `train` turns it into a `Trained`, which holds
the model, its validation loss with the noise of the measurement, and the row that goes into a
table of runs.

Runs that share a shape are trained together, in two ways that leave each result as it would be
alone. Lockstep: runs that differ in seed, learning rate or data are computed as one stack, which
spares a small model most of its waiting. Branching: runs that differ in their number of tokens
share the trunk, where the learning rate is constant, and branch off where their cooldown begins.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.adamw import adamw
from tqdm import tqdm

from .. import __version__
from ..learners.transformer import ModelConfig, Transformer
from ..text.corpora import Corpus, decode, encode

Progress = Callable[[int, float], None]
"""Called now and then during a run with the tokens seen so far and the training loss."""

EVALUATION_TOKENS = 2**17
_FIRST_BATCH = 128  # tokens
_HALF_FROM = 256
"""Width from which a CUDA card computes in bfloat16: chosen, not measured."""


@dataclass(frozen=True)
class Run:
    """All that determines one training run, given a corpus.

    Losses are in nats per token. What is left out is filled in: `replace(run, model=...)` keeps
    the learning rate of the old model unless it says `lr=None` too.
    """

    model: ModelConfig
    tokens: int
    """Training tokens, counted with repetition; rounded down to whole contexts."""
    seed: int = 0
    """Fixes the initial weights, the order of the data, and which tokens `unique_tokens` are."""
    batch: int | None = None
    """Sequences of `model.context` tokens per step; None lets it grow (`batch_sizes`)."""
    lr: float | None = None
    """Peak learning rate of the blocks; None takes `default_lr`. The rate of embeddings and head
    is 0.03 sqrt(32 / width), times the factor by which `lr` departs from its default."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    warmup: int = 2048
    """Tokens over which the rate rises from zero, or all before the cooldown if those are fewer."""
    cooldown: float = 0.3
    """Share of the tokens over which the rate falls to zero at the end."""
    unique_tokens: int | None = None
    """Train on only this many tokens, a random sample of the corpus, repeated as often as needed;
    None uses the whole corpus."""

    def __post_init__(self) -> None:
        if not isinstance(self.model, ModelConfig):
            raise TypeError(f"model must be a ModelConfig, got {type(self.model).__name__}")
        for name in ("tokens", "batch", "unique_tokens", "warmup"):
            value = getattr(self, name)
            if value is None and name in ("batch", "unique_tokens"):
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or value != value // 1:
                raise ValueError(f"{name} must be a whole number, got {value!r}")
            object.__setattr__(self, name, int(value))
            least = 0 if name == "warmup" else 1
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral) or self.seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))
        for name in ("lr", "cooldown"):
            value = getattr(self, name)
            if value is None and name == "lr":
                continue
            if isinstance(value, bool) or not isinstance(value, Real):
                raise ValueError(f"{name} must be a number, got {value!r}")
            object.__setattr__(self, name, float(value))
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(f"optimizer must be 'adamw' or 'muon', got {self.optimizer!r}")
        if self.lr is not None and not (self.lr > 0 and math.isfinite(self.lr)):
            raise ValueError(f"lr must be a positive number, got {self.lr}")
        if not 0 <= self.cooldown <= 1:
            raise ValueError(f"cooldown is a share of the tokens, from 0 to 1; got {self.cooldown}")
        if self.lr is None:
            object.__setattr__(self, "lr", default_lr(self.model.width, self.optimizer))
        least = (self.batch or _FIRST_BATCH // self.model.context or 1) * self.model.context
        if self.tokens < least:
            raise ValueError(f"tokens must cover one step of {least}, got {self.tokens}")
        object.__setattr__(self, "tokens", self.tokens - self.tokens % self.model.context)
        if self.unique_tokens is not None and self.unique_tokens <= self.model.context:
            raise ValueError(
                f"unique_tokens must be more than one context of {self.model.context}, "
                f"got {self.unique_tokens}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps; the last may be a small one."""
        return len(batch_sizes(self))

    @property
    def flops(self) -> int:
        """Training FLOPs of the run: head and attention counted, embeddings free.

        All of them, also those of a trunk that other runs share.
        """
        return self.tokens * self.model.flops_per_token("total")


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


def default_lr(width: int, optimizer: str = "adamw") -> float:
    """Peak learning rate of the blocks: 0.15 / width for AdamW, 0.01 sqrt(32 / width) for Muon.

    The rule goes through the best rates of scans at widths 8 to 64 on `python_source`, at about
    12 tokens per parameter. Chapter 4 repeats such a scan.
    """
    return 0.15 / width if optimizer == "adamw" else 0.01 * (32 / width) ** 0.5


def _ends_lr(width: int) -> float:
    """Peak learning rate of embeddings and head, for a run at the default rate."""
    return 0.03 * (32 / width) ** 0.5


def schedule(seen: np.ndarray, run: Run) -> np.ndarray:
    """Learning-rate multiplier after so many tokens: a rise, a constant, a linear fall to zero."""
    constant = run.tokens * (1 - run.cooldown)
    rise = seen / max(1, min(run.warmup, constant))
    fall = (run.tokens - seen) / max(1, run.cooldown * run.tokens)
    return np.clip(np.minimum(rise, fall), 0, 1)


def windows_of(corpus: Corpus, run: Run) -> np.ndarray:
    """The windows that a run may read, shape (windows, context + 1).

    With `unique_tokens` they are a random sample of the corpus's windows, so that a small ration
    is a small corpus of the same kind and not a few of its files. The run's seed sets the sample;
    for one seed, a larger ration holds the smaller ones.
    """
    windows = corpus.windows("train", run.model.context)
    if run.unique_tokens is None:
        return windows
    sample = np.random.default_rng([run.seed, 1]).permutation(len(windows))
    return windows[sample[: max(1, run.unique_tokens // run.model.context)]]


def data_order(windows: int, run: Run, sequences: int) -> np.ndarray:
    """Numbers of the first `sequences` of so many windows that the run reads, in order.

    Every epoch goes through all windows in a fresh order set by the seed, so none is read twice
    before all were read once.
    """
    rng = np.random.default_rng(run.seed)
    epochs = [rng.permutation(windows) for _ in range(-(-sequences // windows))]
    return np.concatenate(epochs)[:sequences].astype(np.int32)


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one CPU thread inside, and as many as before afterwards.

    Models of this size leave a second thread nothing but waiting, and on a busy machine that
    waiting can take ten times as long as the work.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
@torch.no_grad()
def evaluate(
    model: Transformer, corpus: Corpus, limit: int = EVALUATION_TOKENS
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss in nats per scored token on evenly spaced windows, and its standard error.

    Both have shape (stack,). The windows are the same for every model of one context length, so
    two models' losses share most of this error and their difference is known better than either.
    """
    context = model.config.context
    windows = corpus.windows("val", context)
    count = max(1, min(len(windows), limit // context))
    chosen = windows[np.linspace(0, len(windows) - 1, count).round().astype(int)]
    keep = _scored(corpus, model.head.device)
    means = []
    for part in np.array_split(chosen, max(1, count // 64)):
        x = torch.from_numpy(part.astype(np.int64)).to(model.head.device)
        x = x.expand(model.stack, *x.shape)
        means.append(_losses(model, x, keep).mean(-1).cpu().double())
    per_window = torch.cat(means, dim=1).numpy()
    spread = per_window.std(1, ddof=1) if count > 1 else np.full(model.stack, math.nan)
    return per_window.mean(1), spread / math.sqrt(count)


def _scored(corpus: Corpus, device: torch.device) -> Tensor | None:
    return None if corpus.scored is None else torch.tensor(corpus.scored, device=device)


def _losses(model: Transformer, windows: Tensor, keep: Tensor | None) -> Tensor:
    """Losses of the scored tokens, shape (stack, batch, scored)."""
    targets = windows[..., 1:] if keep is None else windows[..., 1:][..., keep]
    with half_precision(windows.device, model.config.width):
        return token_losses(model(windows[..., :-1], keep), targets)


def half_precision(device: torch.device, width: int) -> torch.autocast:
    """bfloat16 for the matrix products of models from width 256 on, where a CUDA card has it.

    Weights, norms, softmax, losses and the optimiser's state stay in float32, as they do for
    narrower models throughout: their products are too small to gain from it.
    """
    able = device.type == "cuda" and width >= _HALF_FROM and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """-ln p of each target; logits (..., vocab_size), targets (...) -> (...)."""
    flat = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


def squares(w: Tensor) -> Tensor:
    """The square matrices in a block's way in (stack, d, 7 d) or out (stack, 5 d, d): a view."""
    d = min(w.shape[1:])
    return w.unflatten(2, (-1, d)).transpose(1, 2) if w.shape[1] == d else w.unflatten(1, (-1, d))


def orthogonalize(g: Tensor, iterations: int = 5) -> Tensor:
    """The nearest matrix with all singular values near 1, for each matrix of a stack.

    Newton-Schulz iteration with the quintic of Muon (Jordan et al. 2024); g: (..., d, d).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        xx = x @ x.mT
        x = a * x + (b * xx + c * xx @ xx) @ x
    return x


class Optimizer:
    """AdamW without decay (Loshchilov & Hutter 2019), each model of a stack with its own rate.

    With `muon`, the blocks' updates are momentum made orthogonal (Jordan et al. 2024) instead.
    `model` is a stack trained as `runs`, one each. A `deepcopy` of model and optimizer together
    goes on by itself.
    """

    betas, momentum = (0.9, 0.95), 0.95

    def __init__(self, model: Transformer, runs: Sequence[Run]) -> None:
        width, kind = model.config.width, runs[0].optimizer
        lr = torch.tensor([run.lr for run in runs], device=model.head.device)[:, None, None]
        ends_lr = _ends_lr(width) * lr / default_lr(width, kind)
        blocks = [(w, lr) for w in (*model.way_in, *model.way_out)]
        ends = [(w, ends_lr) for w in (model.embedding, model.position, model.head)]
        by_muon, by_adamw = (blocks, ends) if kind == "muon" else ([], ends + blocks)
        self.muon = [(w, lr, torch.zeros_like(w)) for w, lr in by_muon]
        self.adamw = [(w, lr, torch.zeros_like(w)) for w, lr in by_adamw]
        self.means, self.squares = ([torch.zeros_like(w) for w, _ in by_adamw] for _ in range(2))
        self.steps = [torch.zeros((), device=lr.device) for _ in by_adamw]
        self.fused = lr.device.type in ("cpu", "cuda")

    @torch.no_grad()
    def step(self, multiplier: float) -> None:
        """Move every weight along its gradient, and forget the gradient."""
        moves = [move.zero_() for _, _, move in self.adamw]
        adamw(  # a weight of zero shows how far AdamW moves; each model then goes at its own rate
            moves,
            [w.grad for w, _, _ in self.adamw],
            self.means,
            self.squares,
            max_exp_avg_sqs=[],
            state_steps=self.steps,
            lr=1.0,
            beta1=self.betas[0],
            beta2=self.betas[1],
            eps=1e-8,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
            fused=self.fused,
        )
        for w, lr, move in self.adamw:
            w.addcmul_(move, lr, value=multiplier)
            w.grad = None
        for w, lr, mean in self.muon:
            mean.lerp_(w.grad, 1 - self.momentum)
            towards = orthogonalize(squares(w.grad.lerp(mean, self.momentum)))
            squares(w).addcmul_(towards, lr[..., None], value=-multiplier)
            w.grad = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run left behind."""

    run: Run
    model: Transformer
    """On the CPU, in evaluation mode."""
    loss: float
    """Validation loss in nats per token; NaN if the run diverged."""
    loss_std: float
    """Standard error of `loss` from measuring on a finite number of validation windows."""
    curve_tokens: np.ndarray
    curve_loss: np.ndarray
    """Training loss, averaged since the entry before, after `curve_tokens` tokens."""
    status: Literal["ok", "diverged"]
    seconds: float
    device: str
    corpus: str
    """Fingerprint of the corpus."""

    def row(self) -> dict[str, Any]:
        """The run as a row for the table of runs."""
        run, config = self.run, self.run.model
        return {
            "width": config.width,
            "depth": config.depth,
            "heads": config.heads,
            "context": config.context,
            "shift": config.shift,
            "params": config.params("with_head"),
            "params_non_embedding": config.params("non_embedding"),
            "params_total": config.params("total"),
            "tokens": run.tokens,
            "unique_tokens": run.unique_tokens,
            "flops": run.flops,
            "loss": self.loss,
            "loss_std": self.loss_std,
            "seed": run.seed,
            "lr": run.lr,
            "batch": run.batch,
            "warmup": run.warmup,
            "cooldown": run.cooldown,
            "optimizer": run.optimizer,
            "status": self.status,
            "corpus": self.corpus,
            "version": __version__,
            "device": self.device,
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        config = self.run.model
        head = (
            f"width {config.width}: {config.params('with_head'):,} params, "
            f"{self.run.tokens:,} tokens, {self.run.flops:.1e} FLOPs"
        )
        if self.status != "ok":
            return f"{head}\n  {self.status}"
        return f"{head}\n  loss {self.loss:.3f} ± {self.loss_std:.3f} nats per token"


def pick_device(device: str | None = None) -> torch.device:
    """The device to train on: the one named, else a CUDA card if there is one, else the CPU."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device {device!r} cannot be used on this machine ({str(error).splitlines()[0]}); "
            "leave device out to take what there is, or say 'cpu'"
        ) from error
    return chosen


def lockstep(runs: Iterable[Run], most: int | None = None) -> list[list[Run]]:
    """Sort runs into groups that `train_together` can take.

    Within a group, models share a shape, batch, warm-up and optimiser; there are at most `most`
    of them (by default as many as pay on one CPU thread), each with the same budgets.
    """
    if most is not None and most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    lanes: dict[tuple, list[Run]] = {}
    for run in runs:
        lanes.setdefault((*_shape(run), *_lane(run)), []).append(run)
    stacks: dict[tuple, list[list[Run]]] = {}
    for key, lane in lanes.items():
        budgets = tuple(sorted((run.tokens, run.cooldown) for run in lane))
        stacks.setdefault((key[: len(_shape(lane[0]))], budgets), []).append(lane)
    groups = []
    for (shape, _), members in stacks.items():
        size = most or max(1, min(16, 256 // shape[0].width))
        parts = math.ceil(len(members) / size)
        groups += [[run for lane in members[i::parts] for run in lane] for i in range(parts)]
    return groups


def _shape(run: Run) -> tuple:
    """What runs of one stack share."""
    return run.model, run.batch, run.warmup, run.optimizer


def _lane(run: Run) -> tuple:
    """What tells the models of one stack apart."""
    return run.seed, run.lr, run.unique_tokens


def _budget(run: Run) -> tuple[int, float]:
    """What tells the branches of one model apart."""
    return run.tokens, run.cooldown


class _Branch(NamedTuple):
    """The steps to one budget: sequences and rate of each."""

    budget: tuple[int, float]
    sizes: np.ndarray
    rates: np.ndarray
    shared: int
    """How many of the first steps are also those of every later branch: the trunk."""


def _branches(group: Sequence[Run]) -> list[_Branch]:
    """The branches of a group in the order in which they leave the trunk."""
    runs = sorted({_budget(run): run for run in group}.values(), key=_cooldown_at)
    branches: list[_Branch] = []
    for run in reversed(runs):
        sizes = batch_sizes(run)
        rates = schedule((np.cumsum(sizes) - sizes / 2) * run.model.context, run)
        shared = len(sizes)
        if branches:
            last, next_ = branches[-1], branches[0]
            least = min(len(sizes), len(last.sizes))
            differ = (sizes[:least] != last.sizes[:least]) | (rates[:least] != last.rates[:least])
            shared = min(next_.shared, int(differ.argmax()) if differ.any() else least)
        branches.insert(0, _Branch(_budget(run), sizes, rates, shared))
    return branches


def _cooldown_at(run: Run) -> float:
    """Tokens after which the cooldown begins."""
    return run.tokens * (1 - run.cooldown)


def workload(group: Sequence[Run]) -> tuple[int, int]:
    """Tokens and steps that each model of a group takes, a shared trunk counted once."""
    branches = _branches(group)
    starts = [0] + [branch.shared for branch in branches[:-1]]
    sequences = sum(int(b.sizes[start:].sum()) for b, start in zip(branches, starts, strict=True))
    steps = sum(len(b.sizes) - start for b, start in zip(branches, starts, strict=True))
    return sequences * group[0].model.context, steps


def train(
    run: Run,
    corpus: Corpus,
    *,
    device: str | None = None,
    progress: bool | Progress = False,
) -> Trained:
    """Train one model as `run` says and measure its validation loss.

    `progress=True` draws a progress bar in FLOPs; a function is called instead about a hundred
    times a run with the tokens seen and the training loss. On a CPU one thread is used, and the
    same run on the same machine gives the same bits. A run whose loss stops being a number ends
    there, with status "diverged".
    """
    if not (isinstance(progress, bool) or callable(progress)):
        raise TypeError(f"progress must be True, False or a function, got {progress!r}")
    if progress is True:
        with tqdm(total=run.flops, unit="FLOP", unit_scale=True, desc="training") as bar:
            (trained,) = train_together([run], corpus, device=device, progress=bar.update)
            bar.update(bar.total - bar.n)
            return trained
    return train_together([run], corpus, device=device, curve=progress or None)[0]


@one_thread()
def train_together(
    runs: Sequence[Run],
    corpus: Corpus,
    *,
    device: str | None = None,
    progress: Callable[[float], object] | None = None,
    curve: Progress | None = None,
    each: Callable[[Trained], object] | None = None,
) -> list[Trained]:
    """Train runs of one group (see `lockstep`) as one computation; results in the order given.

    Each run has the loss that it would have alone, up to rounding. `progress` is called with the
    FLOPs done since it was called last, `each` with every result as soon as it is there. Raises
    ValueError if the runs do not fit together or do not fit the corpus.
    """
    runs = list(runs)
    for run in runs:
        _fits(run, corpus)
    lanes = {_lane(run): run for run in runs}
    budgets = {_budget(run) for run in runs}
    wanted = {(_lane(run), _budget(run)): run for run in runs}
    if len({_shape(run) for run in runs}) != 1 or len(wanted) != len(lanes) * len(budgets):
        raise ValueError("these runs cannot be trained together: sort them with lockstep() first")
    if len(wanted) < len(runs):
        raise ValueError("the same run stands there twice")
    start = time.perf_counter()
    trunk = _Stack(list(lanes.values()), max(budgets)[0], corpus, device, progress, curve)
    done: dict[Run, Trained] = {}
    for branch in _branches(runs):
        trunk.advance(branch, branch.shared)
        stack = trunk.copy() if branch.shared < len(branch.sizes) else trunk
        stack.advance(branch, len(branch.sizes))
        members = [wanted[lane, branch.budget] for lane in lanes]
        for trained in stack.measure(branch, members, corpus, start):
            done[trained.run] = trained
            if each is not None:
                each(trained)
        start = time.perf_counter()
    return [done[run] for run in runs]


def _fits(run: Run, corpus: Corpus) -> None:
    if run.model.vocab_size < corpus.vocab_size:
        raise ValueError(
            f"the corpus has {corpus.vocab_size} different tokens, the model only "
            f"{run.model.vocab_size}: give ModelConfig vocab_size={corpus.vocab_size}"
        )
    if run.unique_tokens is not None and run.unique_tokens > corpus.train.size:
        raise ValueError(
            f"unique_tokens is {run.unique_tokens:,}, but {corpus.name} has only "
            f"{corpus.train.size:,} training tokens"
        )
    for part in ("train", "val"):
        corpus.windows(part, run.model.context)  # says what is wrong if there are none


class _Stack:
    """Models in training: weights, optimiser, and how far they have come."""

    def __init__(
        self,
        runs: list[Run],
        tokens: int,
        corpus: Corpus,
        device: str | None,
        progress: Callable[[float], object] | None,
        curve: Progress | None,
    ) -> None:
        self.progress, self.report = progress, curve
        self.device = pick_device(device)
        self.model = Transformer(runs[0].model, [run.seed for run in runs]).to(self.device)
        self.optimizer = Optimizer(self.model, runs)
        self.keep = _scored(corpus, self.device)
        self.windows = [windows_of(corpus, run) for run in runs]
        longest = tokens // runs[0].model.context
        self.order = np.stack(
            [data_order(len(w), run, longest) for w, run in zip(self.windows, runs, strict=True)]
        )
        self.sequences = 0
        self.losses = np.empty((0, len(runs)))  # of each step so far
        self.lost = False

    def copy(self) -> _Stack:
        twin = copy(self)
        twin.model, twin.optimizer = deepcopy((self.model, self.optimizer))
        return twin

    def advance(self, branch: _Branch, until: int) -> None:
        """Train on along the branch, up to this number of steps."""
        every = _every(branch)
        since: list[Tensor] = []
        for step in range(len(self.losses), until):
            since.append(self._step(int(branch.sizes[step]), float(branch.rates[step])))
            if (step + 1) % every == 0 or step + 1 == until:
                self._record(torch.stack(since).cpu().double().numpy(), branch.sizes)
                since.clear()
            if self.lost:
                return

    def _step(self, size: int, rate: float) -> Tensor:
        here = slice(self.sequences, self.sequences + size)
        batch = np.stack([w[o[here]] for w, o in zip(self.windows, self.order, strict=True)])
        batch = torch.from_numpy(batch.astype(np.int64)).to(self.device, non_blocking=True)
        loss = _losses(self.model, batch, self.keep).mean(dim=(1, 2))
        loss.sum().backward()
        self.optimizer.step(rate)
        self.sequences += size
        return loss.detach()

    def _record(self, losses: np.ndarray, sizes: np.ndarray) -> None:
        before = int(sizes[: len(self.losses)].sum())
        self.losses = np.concatenate([self.losses, losses])
        self.lost = not np.isfinite(losses[-1]).any()
        context = self.model.config.context
        if self.progress:
            per_token = self.model.stack * self.model.config.flops_per_token("total")
            self.progress((self.sequences - before) * context * per_token)
        if self.report:
            self.report(self.sequences * context, float(losses.mean(0)[0]))

    def measure(
        self, branch: _Branch, runs: list[Run], corpus: Corpus, start: float
    ) -> list[Trained]:
        """The results of `runs`, one for each model of the stack, at the end of the branch."""
        values, noise = evaluate(self.model, corpus)
        every, steps = _every(branch), len(self.losses)
        places = range(0, steps, every)
        curve = np.array([self.losses[place : place + every].mean(0) for place in places])
        ends = np.cumsum(branch.sizes)[[min(place + every, steps) - 1 for place in places]]
        # A run that ends worse than it began, at the loss of pure guessing, has diverged. The
        # validation loss alone does not say so: it also rises when few data are repeated often.
        kept = (curve[-1] <= self.losses[0]) & np.isfinite(values)
        seconds = (time.perf_counter() - start) / len(runs)
        return [
            Trained(
                run=run,
                model=self.model.one(lane).cpu().eval().requires_grad_(False),
                loss=float(values[lane]) if kept[lane] else math.nan,
                loss_std=float(noise[lane]) if kept[lane] else math.nan,
                curve_tokens=ends * self.model.config.context,
                curve_loss=curve[:, lane],
                status="ok" if kept[lane] else "diverged",
                seconds=seconds,
                device=self.device.type,
                corpus=corpus.fingerprint,
            )
            for lane, run in enumerate(runs)
        ]


def _every(branch: _Branch) -> int:
    """Steps between two entries of the training curve, which has about a hundred."""
    return max(1, len(branch.sizes) // 100)


@one_thread()
@torch.no_grad()
def sample(
    model: Transformer,
    prompt: str = "def ",
    tokens: int = 200,
    *,
    temperature: float = 0.8,
    seed: int = 0,
) -> str:
    """`prompt` and the text that the model writes after it, one token at a time.

    Each token is drawn from the model's probabilities, sharpened if `temperature` is below 1.
    """
    if not prompt:
        raise ValueError("prompt must hold at least one character")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    if tokens < 0:
        raise ValueError(f"tokens must be at least 0, got {tokens}")
    rng = torch.Generator().manual_seed(seed)
    text = torch.from_numpy(encode(prompt).astype(np.int64))
    for _ in range(tokens):
        logits = model(text[None, -model.config.context :])[0, -1] / temperature
        drawn = torch.multinomial(logits.softmax(-1), 1, generator=rng)
        text = torch.cat([text, drawn])
    return decode(text.numpy())
