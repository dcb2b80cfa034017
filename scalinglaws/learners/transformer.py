"""The language model: a decoder-only transformer, and exact counts of its size and cost.

It departs from the transformer of the scaling-law papers in a few ways that make models of a few
thousand parameters train well in seconds: attention and MLP run side by side, the norms have no
parameters, the MLP uses a squared ReLU, and (`shift=True`) a quarter of each block's input comes
from the token before and a quarter from the one before that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Count = Literal["non_embedding", "with_head", "total"]


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a transformer. `width` is d_model, `depth` the number of blocks."""

    width: int
    depth: int = 2
    heads: int | None = None
    """Attention heads; by default one per 16 channels, at least 2."""
    context: int = 32
    """Tokens that the model sees at once."""
    vocab_size: int = 128
    shift: bool = True
    """Mix each block's input with the two tokens before (no parameters)."""

    def __post_init__(self) -> None:
        for name in ("width", "depth", "context", "vocab_size"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
            object.__setattr__(self, name, int(value))
        if self.width % 4:
            raise ValueError(f"width must be a multiple of 4, got {self.width}")
        if self.heads is None:
            default = max(2, self.width // 16)
            while self.width % default:
                default -= 1
            object.__setattr__(self, "heads", default)
        whole = isinstance(self.heads, Integral) and not isinstance(self.heads, bool)
        if not whole or self.heads < 1 or self.width % self.heads:
            raise ValueError(
                f"heads must divide width: {self.width} channels cannot be shared out evenly "
                f"among {self.heads!r} heads"
            )
        object.__setattr__(self, "heads", int(self.heads))

    def params(self, count: Count = "total") -> int:
        """Number of parameters N.

        "non_embedding": the blocks only, 12 depth width^2 (Kaplan et al. 2020, section 2.1);
        "with_head": the blocks and the output head; "total": all, with the token and position
        embeddings (Hoffmann et al. 2022, appendix F).
        """
        blocks = 12 * self.depth * self.width**2
        head = self.width * self.vocab_size
        embeddings = (self.vocab_size + self.context) * self.width
        sizes = {
            "non_embedding": blocks,
            "with_head": blocks + head,
            "total": blocks + head + embeddings,
        }
        if count not in sizes:
            raise ValueError(f"count must be one of {', '.join(sizes)}; got {count!r}")
        return sizes[count]

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: forward pass and twice that for the backward pass.

        "non_embedding": 6 per parameter of the blocks, the 6ND of Kaplan et al. (2020);
        "with_head": 6 per parameter of blocks and head; "total": that and the attention scores and
        mixes, 12 depth context width. An embedding is a look-up and costs no multiplication.
        """
        if count not in ("non_embedding", "with_head", "total"):
            raise ValueError(f"count must be non_embedding, with_head or total; got {count!r}")
        flops = 6 * self.params("non_embedding" if count == "non_embedding" else "with_head")
        if count == "total":
            flops += 12 * self.depth * self.context * self.width
        return flops


def norm(x: Tensor) -> Tensor:
    """Each token's channels, centred and scaled to variance 1 (no parameters)."""
    return F.layer_norm(x, x.shape[-1:])


def shift(x: Tensor) -> Tensor:
    """A quarter of the channels from one token back, a quarter from two; x: (..., time, width)."""
    half, quarter = x.shape[-1] // 2, x.shape[-1] // 4
    now, one, two = x.split([half, quarter, quarter], dim=-1)
    one = F.pad(one[..., :-1, :], (0, 0, 1, 0))
    two = F.pad(two[..., :-2, :], (0, 0, min(2, x.shape[-2]), 0))
    return torch.cat([now, one, two], dim=-1)


class Transformer(nn.Module):
    """A stack of decoder-only transformers of one shape, computed together.

    Every parameter has the model's number in the stack as its first axis, and no number passes
    from one model to another. `seeds` gives each its starting weights; one seed makes a stack of
    one.
    """

    def __init__(self, config: ModelConfig, seeds: int | Sequence[int] = 0) -> None:
        super().__init__()
        self.config = c = config
        seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        starts = [_start(c, torch.Generator().manual_seed(seed)) for seed in seeds]
        embedding, position, way_in = (torch.stack(part) for part in zip(*starts, strict=True))
        self.embedding = nn.Parameter(embedding)  # (stack, vocab_size, width)
        self.position = nn.Parameter(position)  # (stack, context, width)
        # Each block is two matrices. The way in, (stack, width, 7 width), makes query, key and
        # value, and the hidden layer of the MLP; the way out, (stack, 5 width, width), writes
        # attention and MLP back. At the start it is zero, so that a block adds nothing.
        self.way_in = nn.ParameterList(w.contiguous() for w in way_in.unbind(1))
        self.way_out = nn.ParameterList(
            torch.zeros(len(seeds), 5 * c.width, c.width) for _ in range(c.depth)
        )
        self.head = nn.Parameter(torch.zeros(len(seeds), c.width, c.vocab_size))

    @property
    def stack(self) -> int:
        """How many models are computed together."""
        return len(self.head)

    def one(self, number: int) -> Transformer:
        """The model at this place of the stack, as a stack of its own."""
        alone = Transformer(self.config)
        weights = {name: w[number : number + 1] for name, w in self.state_dict().items()}
        alone.load_state_dict(weights)
        return alone.to(self.head.device)

    def forward(self, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time, vocab_size).

        A single model may leave the first axis out. `keep` (time,) of booleans limits the logits
        to these positions.
        """
        if tokens.dim() == 2:
            return self(tokens[None], keep)[0]
        if tokens.dim() != 3:
            raise ValueError(
                f"tokens must have the axes (stack, batch, time), got shape {tuple(tokens.shape)}"
            )
        (stack, batch, time), d = tokens.shape, self.config.width
        vocab_size = self.config.vocab_size
        if stack != self.stack:
            raise ValueError(f"the stack has {self.stack} models, the tokens are for {stack}")
        if time > self.config.context:
            raise ValueError(f"the model sees {self.config.context} tokens at once, got {time}")
        if tokens.device.type == "cpu" and not 0 <= tokens.min() <= tokens.max() < vocab_size:
            raise ValueError(f"tokens must be numbers from 0 to {vocab_size - 1}")
        place = torch.arange(stack, device=tokens.device)[:, None, None] * vocab_size
        x = (
            F.embedding(tokens + place, self.embedding.flatten(0, 1))
            + self.position[:, None, :time]
        )
        for w_in, w_out in zip(self.way_in, self.way_out, strict=True):
            h = norm(x)
            h = shift(h) if self.config.shift else h
            qkv, up = torch.bmm(h.flatten(1, 2), w_in).split([3 * d, 4 * d], dim=-1)
            mixed = self.attend(qkv.view(stack * batch, time, 3, self.config.heads, -1))
            change = torch.cat([mixed.reshape(stack, -1, d), F.relu(up).square()], dim=-1)
            x = x + torch.bmm(change, w_out).view_as(x)
        x = norm(x) if keep is None else norm(x[:, :, keep])
        return torch.bmm(x.flatten(1, 2), self.head).view(*x.shape[:3], -1)

    @staticmethod
    def attend(qkv: Tensor) -> Tensor:
        """Causal attention: each token averages the values of those before it and its own."""
        stack, time, _, heads, each = qkv.shape
        q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, stack * heads, time, each)
        later = qkv.new_full((time, time), -math.inf).triu(1)
        weights = torch.baddbmm(later, q, k.mT, alpha=each**-0.5).softmax(-1)
        return torch.bmm(weights, v).view(stack, heads, time, each).transpose(1, 2).flatten(2)


def _start(c: ModelConfig, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Starting weights of one model: embedding, position, the way into each block."""
    embedding = torch.randn(c.vocab_size, c.width, generator=rng)
    position = 0.1 * torch.randn(c.context, c.width, generator=rng)
    blocks = c.width**-0.5 * torch.randn(c.depth, 12, c.width, c.width, generator=rng)
    way_in = blocks[:, :7].reshape(c.depth, 7 * c.width, c.width).mT.contiguous()
    return embedding, position, way_in
