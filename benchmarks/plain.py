"""The loop that one would write first: one model at a time, PyTorch's own modules and AdamW.

This is what the engine of the package is measured against. `PlainTransformer` has the package's
shapes; with `shift=True` it also computes the same function, so that speeds can be compared, and
without it it is the plain pre-norm decoder of the textbooks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalinglaws.learners import TransformerConfig, shift
from scalinglaws.text import Corpus
from scalinglaws.training import EVALUATION_TOKENS


class PlainBlock(nn.Module):
    """Attention, then MLP, each on its own norm; or both side by side with `shift`."""

    def __init__(self, config: TransformerConfig, use_shift: bool) -> None:
        super().__init__()
        d, self.heads, self.use_shift = config.width, config.heads, use_shift
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.up, self.down = nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)

    def attend(self, h: Tensor) -> Tensor:
        batch, time, d = h.shape
        q, k, v = self.qkv(h).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, d))

    def forward(self, x: Tensor) -> Tensor:
        if self.use_shift:
            h = shift(self.norm1(x))
            return x + self.attend(h) + self.down(F.relu(self.up(h)).square())
        x = x + self.attend(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class PlainTransformer(nn.Module):
    """tokens (batch, time) -> logits (batch, time, vocab_size)."""

    def __init__(self, config: TransformerConfig, use_shift: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.vocab_size, config.width)
        self.position = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(PlainBlock(config, use_shift) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocab_size, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.position(
            torch.arange(tokens.shape[1], device=tokens.device)
        )
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def plain_steps(
    config: TransformerConfig, corpus: Corpus, batch: int, device: str
) -> Callable[[], None]:
    """A function that takes one training step of such a loop on this device, batches sent to it
    from the CPU."""
    torch.manual_seed(0)
    model = PlainTransformer(config, use_shift=True).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
    windows = corpus.windows("train", config.context)
    draw = np.random.default_rng(0)

    def step() -> None:
        part = windows[draw.integers(len(windows), size=batch)].astype(np.int64)
        x = torch.from_numpy(part).to(device)
        loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def plain_train(
    config: TransformerConfig,
    corpus: Corpus,
    tokens: int,
    *,
    batch: int,
    lr: float,
    seed: int = 0,
    use_shift: bool = False,
) -> tuple[float, float]:
    """Validation loss and seconds of one run: AdamW, warm-up of 2 %, cosine to a tenth."""
    torch.manual_seed(seed)
    model = PlainTransformer(config, use_shift)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.1)
    windows = corpus.windows("train", config.context)
    order = np.random.default_rng(seed).permutation(len(windows))
    steps = tokens // (batch * config.context)
    start = time.perf_counter()
    for step in range(steps):
        part = windows[order[step * batch : (step + 1) * batch]].astype(np.int64)
        x = torch.from_numpy(part)
        progress = step / steps
        cosine = 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = lr * min((step + 1) / max(1, 0.02 * steps), cosine)
        loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    held_out = corpus.windows("val", config.context)
    count = min(len(held_out), EVALUATION_TOKENS // config.context)  # on the windows of `evaluate`
    chosen = held_out[np.linspace(0, len(held_out) - 1, count).round().astype(int)]
    with torch.no_grad():
        x = torch.from_numpy(chosen.astype(np.int64))
        loss = F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    return float(loss), seconds
