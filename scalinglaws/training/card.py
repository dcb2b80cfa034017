"""Training steps on a card: text, order, rates and losses lie there, and steps are replayed.

A step of a small model is some two hundred tiny kernels. Launched one by one from Python, a card
waits for nearly all of them. So on CUDA a step is recorded once for each batch size and then
replayed as one (a CUDA graph, https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/),
for which nothing in it may ask anything of the CPU: where the stack is in its data and in its
schedule is counted on the card as well. Other cards launch the same step in the usual way.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy, deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..text.corpora import Corpus
from .run import windows_in

USUAL_STEPS = 2
"""Steps of a batch size that are launched in the usual way before one is recorded, as they must
be: libraries set themselves up at their first call. They are steps of the run like all others."""

_recording, _sending = threading.Lock(), threading.Lock()


class Batch(NamedTuple):
    """What each model of a stack reads and is to predict, both (stack, batch, context + 1)."""

    tokens: Tensor
    targets: Tensor


Compute = Callable[[Batch, Tensor], Tensor]
"""Takes a batch and the rate's multiplier, moves the weights, returns the loss of each model."""


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Whatever is computed inside has a stream of its own on a CUDA card.

    Recording is not possible on the stream that all share, and groups on streams of their own
    fill a card together that none of them fills alone.
    """
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    with torch.cuda.stream(stream):
        try:
            yield
        finally:
            stream.synchronize()  # what it reads may be given up after this


@lru_cache(maxsize=4)
def text_on(corpus: Corpus, context: int, device: torch.device) -> Batch:
    """All windows of the training text on the device, (windows, context + 1), kept for later."""
    windows = windows_in(corpus, "train", context)

    def sent(tokens: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(tokens)).to(device)

    tokens = sent(windows.tokens)
    same = windows.targets is windows.tokens
    text = Batch(tokens, tokens if same else sent(windows.targets))
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()  # other streams will read it
    return text


def records(device: torch.device) -> bool:
    """Whether steps are recorded and replayed on this device."""
    return device.type == "cuda"


def free_memory() -> None:
    """Give back what the allocator of a CUDA card holds in reserve, unless a step is recorded."""
    if torch.cuda.is_initialized():
        with _recording, suppress(RuntimeError):
            torch.cuda.empty_cache()


class Steps:
    """The steps of one stack on a card.

    `order` (stack, sequences) are the numbers of the windows that each model reads, `most` is the
    number of steps of the longest run.
    """

    def __init__(
        self, corpus: Corpus, context: int, order: np.ndarray, most: int, device: torch.device
    ) -> None:
        with _sending:
            self.text = text_on(corpus, context, device)
        self.order = torch.from_numpy(order).to(device)
        self.rates = torch.zeros(most, device=device)
        self.losses = torch.zeros(most, len(order), device=device)
        self.step = torch.zeros(1, dtype=torch.long, device=device)
        self.sequence = torch.zeros(1, dtype=torch.long, device=device)
        self.replays = records(device)
        """Whether steps may be recorded (see `LearnerConfig.replayable`)."""
        self._forget()

    def _forget(self) -> None:
        self.seen: Counter[int] = Counter()
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def copy(self) -> Steps:
        """The same place in the data and the schedule, for a copy of model and optimiser."""
        twin = copy(self)
        twin.rates, twin.losses, twin.step, twin.sequence = deepcopy(
            (self.rates, self.losses, self.step, self.sequence)
        )
        twin._forget()  # what was recorded moves the weights that it was recorded with
        return twin

    def follow(self, rates: np.ndarray) -> None:
        """Take the rates of a branch."""
        self.rates[: len(rates)] = torch.from_numpy(rates).to(self.rates)

    def take(self, size: int, compute: Compute) -> None:
        """One step on the next `size` sequences."""
        if size in self.graphs:
            self.graphs[size].replay()
            return
        if self.replays and self.seen[size] == USUAL_STEPS:
            self.graphs[size] = self._recorded(lambda: self._one(size, compute))
            self.graphs[size].replay()
            return
        self.seen[size] += 1
        self._one(size, compute)

    def losses_since(self, step: int, until: int) -> np.ndarray:
        """Training loss of each step and model, (steps, stack)."""
        return self.losses[step:until].cpu().double().numpy()

    def _one(self, size: int, compute: Compute) -> None:
        here = self.sequence + torch.arange(size, device=self.sequence.device)
        windows = self.order.index_select(1, here)
        tokens = self.text.tokens[windows].long()
        same = self.text.targets is self.text.tokens
        batch = Batch(tokens, tokens if same else self.text.targets[windows].long())
        loss = compute(batch, self.rates.index_select(0, self.step).squeeze())
        self.losses.index_copy_(0, self.step, loss[None])
        self.step += 1
        self.sequence += size

    def _recorded(self, act: Callable[[], Any]) -> torch.cuda.CUDAGraph:
        """What `act` launches, as a graph; it is not carried out."""
        graph = torch.cuda.CUDAGraph()
        pool = next(iter(self.graphs.values())).pool() if self.graphs else None
        # One at a time, and other threads may go on with what would spoil their own recording.
        with _recording:
            graph.capture_begin(pool=pool, capture_error_mode="thread_local")
            try:
                act()
            except BaseException:
                with suppress(RuntimeError):  # it would hide why recording failed
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph
