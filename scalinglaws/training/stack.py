"""Training of one run, or of a stack of runs as one computation, and the measuring of its loss.

`train` turns a `Run` into a `Trained`, which holds the model, its validation loss with the noise
of the measurement, and the row that goes into a table of runs. Any learner is trained in the same
way: by gradient, or, if its config says so, by counting what the run reads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from .. import _checks as checks
from ..learners.base import Counter, Learner, LearnerConfig, Masks
from ..text.corpora import Corpus
from .card import Batch, Steps, own_stream
from .optim import Optimizer
from .run import (
    Branch,
    Run,
    Windows,
    branches_of,
    budget_of,
    check_fit,
    lane_of,
    parameters,
    reading_order,
    row_of,
    shape_of,
    windows_in,
)

Progress = Callable[[int, float], None]
"""Called now and then during a run with the tokens seen so far and the training loss."""

EVALUATION_TOKENS = 2**17


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
    model: Learner, corpus: Corpus, limit: int = EVALUATION_TOKENS
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss in nats per scored token on evenly spaced windows, and its standard error.

    Both have shape (stack,). The windows are the same for every model of one context length, so
    two models' losses share most of this error and their difference is known better than either.
    """
    device = model.device
    keep = _scored(corpus, device)
    means = []
    training = model.training
    model.eval()
    for part in _measured_on(corpus, model.config.context, limit, _at_once(model)):
        means.append(_losses(model, _for_all(part, model), keep).mean(-1).cpu().double())
    model.train(training)
    return _mean_and_error(torch.cat(means, dim=1).numpy())


@one_thread()
@torch.no_grad()
def evaluate_ensemble(
    models: Learner | Sequence[Learner],
    corpus: Corpus,
    limit: int = EVALUATION_TOKENS,
    *,
    weights: Sequence[float] | None = None,
) -> tuple[float, float]:
    """Loss of the mean of several models' probabilities, and its standard error.

    Every model of every stack has the same share in the mean, whatever learner it is; `weights`
    gives each entry of `models` a share of its own, which the models of its stack divide among
    them. The loss is in nats per scored token, on the windows of `evaluate`. By Jensen's
    inequality it is at most the mean of the models' losses. Raises ValueError if vocabulary or
    context differ, or the weights are not one positive number for each entry.
    """
    members = [models] if isinstance(models, Learner) else list(models)
    shares = _shares(members, weights)
    keep = _scored(corpus, torch.device("cpu"))
    training = [model.training for model in members]
    per_window = []
    for model in members:
        model.eval()
    for part in _measured_on(corpus, members[0].config.context, limit, 64):
        log_p = []
        for model, share in zip(members, shares, strict=True):
            kept = None if keep is None else keep.to(model.device)
            losses = _losses(model, _for_all(part, model), kept)
            log_p.append(math.log(share) - losses.cpu().double())
        per_window.append(-torch.cat(log_p).logsumexp(0).mean(-1))
    for model, before in zip(members, training, strict=True):
        model.train(before)
    loss, error = _mean_and_error(torch.cat(per_window)[None].numpy())
    return float(loss[0]), float(error[0])


def _shares(members: list[Learner], weights: Sequence[float] | None) -> list[float]:
    """The share of each model of each stack in the mean."""
    if not members:
        raise ValueError("models is empty: there is nothing to average")
    for what in ("vocab_size", "context"):
        values = {getattr(model.config, what) for model in members}
        if len(values) > 1:
            raise ValueError(
                f"the models of an ensemble must have one {what}, got {sorted(values)}"
            )
    if weights is None:
        return [1 / sum(model.stack for model in members)] * len(members)
    given = checks.positive(weights, "weights")
    if given.shape != (len(members),):
        raise ValueError(f"weights must be {len(members)} numbers, one for each entry of models")
    return [
        float(weight / given.sum() / model.stack)
        for weight, model in zip(given, members, strict=True)
    ]


def _at_once(model: Learner) -> int:
    """Windows that are measured at once: on a card as many as keep it busy, on a CPU as many as its
    cache holds."""
    return 16 if model.device.type == "cpu" else max(64, 4096 // model.stack)


def _measured_on(corpus: Corpus, context: int, limit: int, at_once: int) -> Iterator[Windows]:
    """The windows to measure on, evenly spaced, in parts of about `at_once`."""
    windows = windows_in(corpus, "val", context)
    total = len(windows.tokens)
    count = max(1, min(total, limit // context))
    chosen = np.linspace(0, total - 1, count).round().astype(int)
    for part in np.array_split(chosen, max(1, count // at_once)):
        yield windows.at(part)


def _batch(read: Sequence[Windows], device: torch.device) -> Batch:
    """The windows of each model, as tensors."""

    def sent(of_each: list[np.ndarray]) -> Tensor:
        together = torch.from_numpy(np.stack(of_each).astype(np.int64))
        return together.to(device, non_blocking=True)

    tokens = sent([windows.tokens for windows in read])
    if read[0].targets is read[0].tokens:
        return Batch(tokens, tokens)
    return Batch(tokens, sent([windows.targets for windows in read]))


def _for_all(windows: Windows, model: Learner) -> Batch:
    """The same windows for each model of the stack."""
    tokens, targets = _batch([windows], model.device)
    return Batch(tokens.expand(model.stack, -1, -1), targets.expand(model.stack, -1, -1))


def _mean_and_error(per_window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over the windows; (stack, windows) -> (stack,) each."""
    stack, count = per_window.shape
    spread = per_window.std(1, ddof=1) if count > 1 else np.full(stack, math.nan)
    return per_window.mean(1), spread / math.sqrt(count)


def _scored(corpus: Corpus, device: torch.device) -> Tensor | None:
    """The places that count; as numbers, since booleans would have to be counted on the CPU."""
    if corpus.scored is None:
        return None
    return torch.tensor(corpus.scored).nonzero().squeeze(1).to(device)


def _losses(model: Learner, batch: Batch, keep: Tensor | None) -> Tensor:
    """Losses of the scored tokens, shape (stack, batch, scored)."""
    tokens, targets = batch
    wanted = targets[..., 1:] if keep is None else targets[..., 1:][..., keep]
    with half_precision(tokens.device, model.config, model.training):
        return token_losses(model(tokens[..., :-1], keep), wanted)


def half_precision(
    device: torch.device, config: LearnerConfig, training: bool = True
) -> torch.autocast:
    """bfloat16 for the matrix products of large models, where a CUDA card has it.

    Weights, norms, softmax, losses and the optimiser's state stay in float32, as they do for
    smaller models throughout: their products are too small to gain from it. On a CPU only
    learners that ask for it train in bfloat16, and they are measured in float32 all the same.
    """
    if device.type == "cpu":
        able = config.half_precision_on_cpu and training
    else:
        able = device.type == "cuda" and config.half_precision and _has_bfloat16(device)
    # Each weight is cast once in a step, so there is nothing that a cache of casts would save.
    return torch.autocast(device.type, torch.bfloat16, enabled=able, cache_enabled=False)


def _has_bfloat16(device: torch.device) -> bool:
    """Whether the card computes in bfloat16: older ones, such as a T4, only go through the motions,
    and torch says of them too that they support it."""
    return torch.cuda.get_device_capability(device)[0] >= 8


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """-ln p of each target; logits (..., vocab_size), targets (...) -> (...)."""
    flat = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run left behind."""

    run: Run
    model: Learner
    """On the CPU, in evaluation mode."""
    loss: float
    """Validation loss in nats per token; NaN if the run diverged."""
    loss_std: float
    """Standard error of `loss` from measuring on a finite number of validation windows."""
    curve_tokens: np.ndarray
    curve_loss: np.ndarray
    """Training loss, averaged since the entry before, after `curve_tokens` tokens. Both are empty
    for a learner that counts."""
    status: Literal["ok", "diverged"]
    seconds: float
    device: str
    corpus: str
    """Fingerprint of the corpus."""

    def row(self) -> dict[str, Any]:
        """The run as a row for the table of runs."""
        return row_of(
            self.run,
            self.corpus,
            self.status,
            loss=self.loss,
            loss_std=self.loss_std,
            params=parameters(self.model),
            device=self.device,
            seconds=self.seconds,
        )

    def __str__(self) -> str:
        config = self.run.model
        size = f"width {config.shape()['width']}" if "width" in config.shape() else config.kind
        head = (
            f"{size}: {self.model.params('with_head'):,} params, "
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


def described(device: torch.device) -> str:
    """The kind of device, and whether products of float32 are rounded to TF32 on it."""
    rounded = device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32
    return f"{device.type} TF32" if rounded else device.type


def on_card(device: torch.device) -> bool:
    """Whether steps are taken as `Steps` does, with all that they need on the device."""
    return device.type != "cpu"


def train(
    run: Run,
    corpus: Corpus,
    *,
    device: str | None = None,
    progress: bool | Progress = False,
) -> Trained:
    """Train one model as `run` says and measure its validation loss.

    `progress=True` draws a progress bar in FLOPs; a function is called instead about a hundred
    times a run with the tokens seen and the training loss (for a learner that counts, once, with
    NaN). On a CPU one thread is used, and the same run on the same machine gives the same bits. A
    run whose loss stops being a number ends there, with status "diverged". Raises TypeError or
    ValueError if the run does not fit the corpus.

    The result has, among other things, `loss` and its standard error `loss_std` in nats per token,
    the trained `model`, the training curve (`curve_tokens`, `curve_loss`) and `row()`, the run as a
    row for the table of runs.

    >>> from scalinglaws import Run, TransformerConfig, from_documents
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> trained = train(Run(TransformerConfig(width=8), tokens=4_096), notes)
    >>> bool(trained.loss < np.log(128))  # what guessing among 128 characters costs
    True
    >>> trained.status, trained.row()["params"], int(trained.curve_tokens[-1])
    ('ok', 2560, 4096)
    """
    if not (isinstance(progress, bool) or callable(progress)):
        raise TypeError(f"progress must be True, False or a function, got {progress!r}")
    check_fit(run, corpus)
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
        check_fit(run, corpus)
    lanes = {lane_of(run): run for run in runs}
    budgets = {budget_of(run) for run in runs}
    wanted = {(lane_of(run), budget_of(run)): run for run in runs}
    if len({shape_of(run) for run in runs}) != 1 or len(wanted) != len(lanes) * len(budgets):
        raise ValueError("these runs cannot be trained together: sort them with lockstep() first")
    if len(wanted) < len(runs):
        raise ValueError("the same run stands there twice")
    if not runs[0].model.by_gradient:
        return [_counted(run, corpus, progress, curve, each) for run in runs]
    start = time.perf_counter()
    branches = branches_of(runs)
    done: dict[Run, Trained] = {}
    place = pick_device(device)
    with own_stream(place):
        trunk = _Stack(list(lanes.values()), branches, corpus, place, progress, curve)
        for branch in branches:
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


def _counted(
    run: Run,
    corpus: Corpus,
    progress: Callable[[float], object] | None,
    curve: Progress | None,
    each: Callable[[Trained], object] | None,
) -> Trained:
    """The result of a run whose learner counts what the run reads, in the same windows."""
    start = time.perf_counter()
    model = run.model.build([run.seed])
    if not isinstance(model, Counter):
        raise TypeError(
            f"{type(run.model).__name__} says that it learns without gradients, so its model must "
            f"be a Counter, which {type(model).__name__} is not"
        )
    windows = windows_in(corpus, "train", run.model.context)
    order = reading_order(len(windows.tokens), run, run.tokens // run.model.context)
    order = np.unique(order)  # to read a window again says nothing new about how often it comes
    read = _batch([windows.at(order)], model.device)
    keep = _scored(corpus, model.device)
    model.count(read.tokens[..., :-1], read.targets[..., 1:], keep)
    if progress:
        progress(run.flops)
    if curve:
        curve(run.tokens, math.nan)
    loss, noise = evaluate(model, corpus)
    trained = Trained(
        run=run,
        model=model.eval(),
        loss=float(loss[0]),
        loss_std=float(noise[0]),
        curve_tokens=np.zeros(0, dtype=int),
        curve_loss=np.zeros(0),
        status="ok",
        seconds=time.perf_counter() - start,
        device=model.device.type,
        corpus=corpus.fingerprint,
    )
    if each is not None:
        each(trained)
    return trained


class _Stack:
    """Models in training: weights, optimiser, and how far they have come."""

    def __init__(
        self,
        runs: list[Run],
        branches: Sequence[Branch],
        corpus: Corpus,
        device: torch.device,
        progress: Callable[[float], object] | None,
        curve: Progress | None,
    ) -> None:
        self.progress, self.report = progress, curve
        self.device = device
        seeds = [run.seed for run in runs]
        context = runs[0].model.context
        self.model = runs[0].model.build(seeds).to(self.device)
        if runs[0].dropout:
            self.model.masks = Masks(runs[0].dropout, seeds, self.device)
        self.optimizer = Optimizer(self.model, runs)
        self.keep = _scored(corpus, self.device)
        self.windows = windows_in(corpus, "train", context)
        longest = max(int(branch.sizes.sum()) for branch in branches)
        self.order = np.stack(
            [reading_order(len(self.windows.tokens), run, longest) for run in runs]
        )
        self.card: Steps | None = None
        if on_card(self.device):
            most = max(len(branch.sizes) for branch in branches)
            self.card = Steps(corpus, context, self.order, most, self.device)
            # Dropout draws anew on the CPU in each step.
            self.card.replays &= self.model.masks is None and runs[0].model.replayable
        self.sequences = 0
        self.losses = np.empty((0, len(runs)))  # of each step so far
        self.lost = False

    def copy(self) -> _Stack:
        twin = copy(self)
        twin.model, twin.optimizer = deepcopy((self.model, self.optimizer))
        twin.card = None if self.card is None else self.card.copy()
        return twin

    def advance(self, branch: Branch, until: int) -> None:
        """Train on along the branch, up to this number of steps."""
        every = _every(branch)
        if self.card is not None:
            self.card.follow(branch.rates)
        since: list[Tensor] = []
        for step in range(len(self.losses), until):
            since += self._step(int(branch.sizes[step]), float(branch.rates[step]))
            if (step + 1) % every == 0 or step + 1 == until:
                if self.card is not None:
                    new = self.card.losses_since(len(self.losses), step + 1)
                else:
                    new = torch.stack(since).double().numpy()
                self._record(new, branch.sizes)
                since.clear()
            if self.lost:
                return

    def _step(self, size: int, rate: float) -> list[Tensor]:
        """One step; the loss of each model unless the card keeps it."""
        if self.model.masks is not None:
            self.model.masks.begin(self.sequences)
        here = slice(self.sequences, self.sequences + size)
        self.sequences += size
        if self.card is not None:
            self.card.take(size, self._move)
            return []
        read = [self.windows.at(numbers) for numbers in self.order[:, here]]
        return [self._move(_batch(read, self.device), rate)]

    def _move(self, batch: Batch, rate: float | Tensor) -> Tensor:
        """Move the weights and return the loss of each model, (stack,)."""
        loss = _losses(self.model, batch, self.keep).mean(dim=(1, 2))
        loss.sum().backward()
        self.optimizer.step(rate)
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
        self, branch: Branch, runs: list[Run], corpus: Corpus, start: float
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
                device=described(self.device),
                corpus=corpus.fingerprint,
            )
            for lane, run in enumerate(runs)
        ]


def _every(branch: Branch) -> int:
    """Steps between two entries of the training curve, which has about a hundred."""
    return max(1, len(branch.sizes) // 100)
