"""One training run: the data order, the schedule, the optimiser, the evaluation.

A `Run` says everything that determines a result; `train` turns it into a `Trained`, which holds
the model, its validation loss with the noise of the measurement, and the row that goes into a
table of runs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from .corpora import Corpus, decode, encode
from .model import ModelConfig, Transformer

Progress = Callable[[int, float], None]
"""Called now and then during a run with the tokens seen so far and the training loss."""

EVALUATION_TOKENS = 2**17
_EMBEDDING_LR = 0.03


@dataclass(frozen=True)
class Run:
    """All that determines one training run, given a corpus.

    Losses are in nats per token; `tokens` are training tokens, counted with repetition.
    """

    model: ModelConfig
    tokens: int
    seed: int = 0
    """Fixes the initial weights and the order of the data."""
    batch: int | None = None
    """Sequences of `model.context` tokens per step; None takes `default_batch`."""
    lr: float | None = None
    """Peak learning rate of the blocks; None takes `default_lr`. Embeddings and head learn at
    0.03, and faster or slower with `lr` when that departs from the default."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    warmup: float = 0.02
    """Share of the steps over which the rate rises from zero."""
    cooldown: float = 0.3
    """Share of the steps over which the rate falls to zero at the end."""
    unique_tokens: int | None = None
    """Train on only this many tokens, repeated as often as needed; None uses the whole corpus."""

    def __post_init__(self) -> None:
        if not isinstance(self.model, ModelConfig):
            raise TypeError(f"model must be a ModelConfig, got {type(self.model).__name__}")
        for name in ("tokens", "batch", "unique_tokens"):
            value = getattr(self, name)
            if value is None and name != "tokens":
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or value != value // 1:
                raise ValueError(f"{name} must be a whole number, got {value!r}")
            object.__setattr__(self, name, int(value))
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral) or self.seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))
        for name in ("lr", "warmup", "cooldown"):
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
        for name in ("warmup", "cooldown"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name} is a share of the steps, from 0 to 1; got {getattr(self, name)}"
                )
        if self.warmup + self.cooldown > 1:
            raise ValueError(
                f"warmup and cooldown overlap: {self.warmup} + {self.cooldown} is over 1"
            )
        if self.batch is None:
            object.__setattr__(self, "batch", default_batch(self.tokens, self.model.context))
        if self.lr is None:
            object.__setattr__(self, "lr", default_lr(self.model.width, self.optimizer))
        if self.tokens < self.batch * self.model.context:
            raise ValueError(
                f"tokens must cover one step at least: {self.batch} sequences of "
                f"{self.model.context} are {self.batch * self.model.context}, got {self.tokens}"
            )
        if self.unique_tokens is not None and self.unique_tokens <= self.model.context:
            raise ValueError(
                f"unique_tokens must be more than one context of {self.model.context}, "
                f"got {self.unique_tokens}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps: as many whole batches as fit into `tokens`."""
        return self.tokens // (self.batch * self.model.context)

    @property
    def flops(self) -> int:
        """Training FLOPs of the run: head and attention counted, embeddings free."""
        return self.tokens * self.model.flops_per_token("total")


def default_batch(tokens: int, context: int) -> int:
    """Sequences per step: 128 tokens a step in short runs, growing with the root of the length.

    Tiny models want tiny batches: with large ones they run out of steps, not of data.
    """
    tokens_per_step = 128 * max(1.0, (tokens / 2**18) ** 0.5)
    return max(1, 2 ** round(math.log2(tokens_per_step / context)))


def default_lr(width: int, optimizer: str = "adamw") -> float:
    """Peak learning rate of the blocks: it falls as width grows.

    Read off scans at widths 8 to 64 on `python_source`; at each, half or twice the rate was worse
    by less than the noise between seeds or by more than that, never better by more.
    """
    return 0.05 * width ** (-2 / 3) if optimizer == "adamw" else 0.01 * (32 / width) ** 0.5


def schedule(step: int, steps: int, warmup: float, cooldown: float) -> float:
    """Learning-rate multiplier for `step` of 0 to `steps` - 1: rise, constant, linear fall."""
    rise = (step + 1) / max(1.0, warmup * steps)
    fall = (steps - step) / max(1.0, cooldown * steps)
    return min(1.0, rise, fall)


def batches(tokens: np.ndarray, run: Run) -> Iterator[Tensor]:
    """The run's batches in order, each of shape (batch, context + 1).

    The training tokens are cut into windows that do not overlap; every epoch goes through them
    in a fresh order set by the seed, so no token is seen twice before all were seen once.
    """
    length = run.model.context
    if run.unique_tokens is not None:
        if run.unique_tokens > tokens.size:
            raise ValueError(
                f"unique_tokens is {run.unique_tokens:,}, but the corpus has only {tokens.size:,}"
            )
        tokens = tokens[: run.unique_tokens]
    windows = np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[::length]
    rng = np.random.default_rng(run.seed)
    queue = np.empty(0, dtype=np.int64)
    for _ in range(run.steps):
        while queue.size < run.batch:
            queue = np.concatenate([queue, rng.permutation(len(windows))])
        yield torch.from_numpy(windows[queue[: run.batch]].astype(np.int64))
        queue = queue[run.batch :]


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
    model: Transformer, tokens: np.ndarray, limit: int = EVALUATION_TOKENS
) -> tuple[float, float]:
    """Mean loss in nats per token on evenly spaced windows of `tokens`, and its standard error.

    The windows are the same for every model of one context length, so two models' losses share
    most of this error and their difference is known better than either.
    """
    length = model.config.context
    if tokens.size <= length:
        raise ValueError(f"evaluation needs more than {length} tokens, got {tokens.size}")
    windows = np.lib.stride_tricks.sliding_window_view(tokens, length + 1)[::length]
    count = max(1, min(len(windows), limit // length))
    chosen = windows[np.linspace(0, len(windows) - 1, count).round().astype(int)]
    device = model.head.device
    means = []
    for part in np.array_split(chosen, max(1, count // 256)):
        x = torch.from_numpy(part.astype(np.int64)).to(device)
        logits = model(x[:, :-1])
        losses = F.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten(), reduction="none")
        means.append(losses.view(len(part), length).mean(1).double().cpu())
    per_window = torch.cat(means).numpy()
    noise = per_window.std(ddof=1) / math.sqrt(count) if count > 1 else math.nan
    return float(per_window.mean()), float(noise)


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


class Muon(torch.optim.Optimizer):
    """Momentum with its update made orthogonal (Jordan et al. 2024), for stacks of matrices."""

    def __init__(self, params: list[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter against its gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonalize(p.grad.lerp(m, group["momentum"]))
                p.add_(update, alpha=-group["lr"])


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
            "context": config.context,
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
            "optimizer": run.optimizer,
            "status": self.status,
            "corpus": self.corpus,
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


@one_thread()
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
    if corpus.train.size <= run.model.context or corpus.val.size <= run.model.context:
        raise ValueError(
            f"the corpus is shorter than one context of {run.model.context} tokens: "
            f"{corpus.train.size} to train on, {corpus.val.size} to measure on"
        )
    if progress is True:
        with tqdm(total=run.flops, unit="FLOP", unit_scale=True, desc="training") as bar:
            per_token = run.model.flops_per_token("total")
            return train(
                run,
                corpus,
                device=device,
                progress=lambda tokens, loss: bar.update(tokens * per_token - bar.n),
            )

    where = pick_device(device)
    model = Transformer(run.model, seed=run.seed).to(where)
    optimizers = _optimizers(model, run)
    groups = [(g, g["lr"]) for o in optimizers for g in o.param_groups]
    every = max(1, run.steps // 100)
    curve: list[tuple[int, float]] = []
    since: list[Tensor] = []
    status: Literal["ok", "diverged"] = "ok"
    start = time.perf_counter()
    for step, batch in enumerate(batches(corpus.train, run)):
        batch = batch.to(where, non_blocking=True)
        for group, lr in groups:
            group["lr"] = lr * schedule(step, run.steps, run.warmup, run.cooldown)
        logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        model.zero_grad(set_to_none=True)
        since.append(loss.detach())
        if (step + 1) % every == 0 or step + 1 == run.steps:
            mean = float(torch.stack(since).mean())
            since.clear()
            curve.append(((step + 1) * run.batch * run.model.context, mean))
            if not math.isfinite(mean):
                status = "diverged"
                break
            if callable(progress):
                progress(*curve[-1])
    model = model.eval().requires_grad_(False)
    loss_value, noise = evaluate(model, corpus.val) if status == "ok" else (math.nan, math.nan)
    if not math.isfinite(loss_value):
        status, loss_value, noise = "diverged", math.nan, math.nan
    tokens, losses = zip(*curve, strict=True)
    return Trained(
        run=run,
        model=model.cpu(),
        loss=loss_value,
        loss_std=noise,
        curve_tokens=np.array(tokens),
        curve_loss=np.array(losses),
        status=status,
        seconds=time.perf_counter() - start,
        device=where.type,
        corpus=corpus.fingerprint,
    )


def _optimizers(model: Transformer, run: Run) -> list[torch.optim.Optimizer]:
    ends = [model.embedding, model.position, model.head]
    scale = run.lr / default_lr(run.model.width, run.optimizer)
    groups = [{"params": ends, "lr": _EMBEDDING_LR * scale}]
    if run.optimizer == "adamw":
        groups.append({"params": [model.blocks], "lr": run.lr})
    fused = model.head.device.type in ("cpu", "cuda")
    adamw = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.0, fused=fused)
    return [adamw] if run.optimizer == "adamw" else [adamw, Muon([model.blocks], lr=run.lr)]


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
