"""The language model: a decoder-only transformer, and exact counts of its size and cost.

It departs from the transformer of the scaling-law papers in a few ways that make models of a few
thousand parameters train well in seconds: attention and MLP run side by side, the norms have no
parameters, the MLP uses a squared ReLU, and (`shift=True`) a quarter of each block's input comes
from the token before and a quarter from the one before that.
"""

from __future__ import annotations

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
    """A quarter of the channels from one token back, a quarter from two.

    x: (batch, time, width), and so is what returns.
    """
    half, quarter = x.shape[-1] // 2, x.shape[-1] // 4
    now, one, two = x.split([half, quarter, quarter], dim=-1)
    one = F.pad(one[:, :-1], (0, 0, 1, 0))
    two = F.pad(two[:, :-2], (0, 0, 2, 0)) if x.shape[1] > 1 else torch.zeros_like(two)
    return torch.cat([now, one, two], dim=-1)


class Transformer(nn.Module):
    """A decoder-only transformer: tokens (batch, time) -> logits (batch, time, vocab_size)."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        c, d = config, config.width
        rng = torch.Generator().manual_seed(seed)

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=rng) * std)

        self.embedding = normal(c.vocab_size, d, std=1.0)
        self.position = normal(c.context, d, std=0.1)
        # Each block is twelve square matrices: query, key, value, four that fan out to the
        # MLP's hidden layer; then one that writes attention back and four that write the MLP.
        self.blocks = normal(c.depth, 12, d, d, std=d**-0.5)
        self.head = nn.Parameter(torch.zeros(d, c.vocab_size))
        with torch.no_grad():
            self.blocks[:, 7:] = 0  # at the start a block adds nothing

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits for the token after each one. Raises ValueError beyond the context."""
        d, time = self.config.width, tokens.shape[1]
        if time > self.config.context:
            raise ValueError(f"the model sees {self.config.context} tokens at once, got {time}")
        x = self.embedding[tokens] + self.position[:time]
        for block in self.blocks:
            w_in, w_out = block[:7].reshape(7 * d, d), block[7:].reshape(5 * d, d)
            h = norm(x)
            h = shift(h) if self.config.shift else h
            q, k, v, up = F.linear(h, w_in).split([d, d, d, 4 * d], dim=-1)
            mixed = self.attend(q, k, v)
            x = x + torch.cat([mixed, F.relu(up).square()], dim=-1) @ w_out
        return norm(x) @ self.head

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention: each token averages the values of those before it and its own."""
        batch, time, d = q.shape

        def split(x: Tensor) -> Tensor:
            return x.view(batch, time, self.config.heads, -1).transpose(1, 2)

        mixed = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=True)
        return mixed.transpose(1, 2).reshape(batch, time, d)
