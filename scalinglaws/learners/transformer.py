"""The transformer: its config, attention, MLP, block and model, to be read from top to bottom.

It departs from the transformer of the scaling-law papers in a few ways that make models of a few
thousand parameters train well in seconds: attention and MLP run side by side, the norms have no
parameters, the MLP uses a squared ReLU, and (`shift=True`) a quarter of each block's input comes
from the token before and a quarter from the one before that.

To try another block, derive from `Block`, name it in a `Transformer` of your own, and build that
in a config of your own with another `kind`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import _checks as checks
from .base import Count, Group, Learner, LearnerConfig, check_count, lanes_of_width

# ---------------------------------------------------------------------------------------- config


@dataclass(frozen=True)
class TransformerConfig(LearnerConfig):
    """The shape of a transformer. `width` is d_model, `depth` the number of blocks.

    >>> config = TransformerConfig(width=32)
    >>> [config.params(count) for count in ("non_embedding", "with_head", "total")]
    [24576, 28672, 33792]
    >>> config.flops_per_token() - 6 * config.params("with_head")  # attention alone
    24576
    """

    kind: ClassVar[str] = "transformer"

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
            object.__setattr__(self, name, checks.whole(getattr(self, name), name, 1))
        if self.width % 2:
            raise ValueError(f"width must be a multiple of 2, got {self.width}")
        heads = _default_heads(self.width) if self.heads is None else self.heads
        try:
            heads = checks.whole(heads, "heads", 1, self.width)
            fits = self.width % heads == 0
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"heads must divide width: {self.width} channels cannot be shared out evenly "
                f"among {heads!r} heads"
            )
        object.__setattr__(self, "heads", heads)

    def build(self, seeds: Sequence[int]) -> Transformer:
        """A stack of transformers, one for each seed."""
        return Transformer(self, seeds)

    def params(self, count: Count = "total") -> int:
        """Number of parameters N.

        "non_embedding": the blocks only, 12 depth width^2 (Kaplan et al. 2020, section 2.1). In
        each block 3 width^2 make query, key and value, width^2 write attention back, 4 width^2
        make the hidden layer of the MLP and 4 width^2 write it back. "with_head": the blocks and
        the output head; "total": all, with the token and position embeddings (Hoffmann et al.
        2022, appendix F).
        """
        check_count(count)
        blocks = 12 * self.depth * self.width**2
        head = self.width * self.vocab_size
        embeddings = (self.vocab_size + self.context) * self.width
        return {
            "non_embedding": blocks,
            "with_head": blocks + head,
            "total": blocks + head + embeddings,
        }[count]

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: forward pass and twice that for the backward pass.

        Term by term (Kaplan et al. 2020, section 2.1):

        - Forward, each weight takes part in one multiplication and one addition for each token:
          2 N FLOPs.
        - Backward, it takes part in two products of that size, one for its own gradient and one
          for that of its input: 4 N. Together 6 N for a token, 6 N D for D tokens.
        - Attention multiplies no weights there, but tokens with tokens: each token's query with
          `context` keys of `width` channels, and as many weights with values. That is 2 times
          2 context width forward, three times that with the backward pass, in each block:
          12 depth context width. (The scores of later tokens are computed and thrown away.)
        - An embedding is a look-up and costs no multiplication.

        "non_embedding": 6 per parameter of the blocks, the 6ND of Kaplan et al. (2020);
        "with_head": 6 per parameter of blocks and head; "total": that and the attention.
        """
        flops = 6 * self.params("with_head" if count == "total" else count)
        if count == "total":
            flops += 12 * self.depth * self.context * self.width
        return flops

    def default_lr(self, optimizer: str = "adamw") -> float:
        """The rule `default_lr` at this width."""
        return default_lr(self.width, optimizer)

    def lanes(self, card: bool = False) -> int:
        """How many models of this shape pay as one stack, on a CPU thread or on a GPU."""
        return lanes_of_width(self.width, card)

    @property
    def half_precision(self) -> bool:
        """From width 1,024 on: chosen, not measured."""
        return self.width >= 1024


@dataclass(frozen=True)
class BfloatTransformerConfig(TransformerConfig):
    """The same transformer, trained in bfloat16 at any width, on a CPU too.

    Its matrix products are rounded to 8 bits of precision, those of Muon among them; weights,
    norms, losses, the optimiser's state and the measuring of the loss stay in float32. On a CPU
    with instructions for bfloat16 (AVX512_BF16 or AMX) such a product takes half the time from
    about width 32 on; without them it takes longer than in float32.
    """

    kind: ClassVar[str] = "transformer in bfloat16"

    @property
    def half_precision(self) -> bool:
        """At any width."""
        return True

    @property
    def half_precision_on_cpu(self) -> bool:
        """On a CPU as well."""
        return True


def _default_heads(width: int) -> int:
    heads = max(2, width // 16)
    while width % heads:
        heads -= 1
    return heads


def default_lr(width: int, optimizer: str = "adamw") -> float:
    """Peak learning rate of the blocks: 0.15 / width for AdamW, 0.01 sqrt(32 / width) for Muon.

    The rule goes through the best rates of scans at widths 8 to 64 on `python_source`, at about
    12 tokens per parameter. Chapter 4 repeats such a scan.
    """
    return 0.15 / width if optimizer == "adamw" else 0.01 * (32 / width) ** 0.5


def ends_lr(width: int) -> float:
    """Peak learning rate of embeddings and head, for a run at the default rate."""
    return 0.03 * (32 / width) ** 0.5


# ----------------------------------------------------------------------------------------- parts


def norm(x: Tensor) -> Tensor:
    """Each token's channels, centred and scaled to variance 1 (no parameters)."""
    return F.layer_norm(x, x.shape[-1:])


def shift(x: Tensor) -> Tensor:
    """A quarter of the channels from one token back, a quarter from two; x: (..., time, width)."""
    quarter = x.shape[-1] // 4
    now, one, two = x.split([x.shape[-1] - 2 * quarter, quarter, quarter], dim=-1)
    one = F.pad(one[..., :-1, :], (0, 0, 1, 0))
    two = F.pad(two[..., :-2, :], (0, 0, min(2, x.shape[-2]), 0))
    return torch.cat([now, one, two], dim=-1)


def attention(qkv: Tensor) -> Tensor:
    """Causal attention: each token averages the values of those before it and its own.

    qkv (texts, time, 3, heads, channels) -> (texts, time, heads * channels).
    """
    # By hand, since full training steps take .90 to 1.05 times what they take with torch's
    # scaled_dot_product_attention, and every step can be read here.
    texts, time, _, heads, each = qkv.shape
    q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, texts * heads, time, each)
    later = qkv.new_full((time, time), -math.inf).triu(1)
    weights = torch.baddbmm(later, q, k.mT, alpha=each**-0.5).softmax(-1)
    return torch.bmm(weights, v).view(texts, heads, time, each).transpose(1, 2).flatten(2)


def mlp(hidden: Tensor) -> Tensor:
    """What the hidden layer of the MLP passes on: the square of what is positive."""
    return F.relu(hidden).square()


# ----------------------------------------------------------------------------------------- block


class Block(nn.Module):
    """One block of each model of a stack: attention and MLP, side by side on one norm.

    It is two matrices for each model. The way in, (stack, width, 7 width), makes query, key and
    value (3 width) and the hidden layer of the MLP (4 width). The way out, (stack, 5 width,
    width), writes attention (width) and MLP (4 width) back. At the start it is zero, so that a
    block adds nothing. Two large products are quicker than the six that they stand for.
    """

    def __init__(self, config: TransformerConfig, way_in: Tensor) -> None:
        super().__init__()
        self.config = config
        stack, width, _ = way_in.shape
        self.way_in = nn.Parameter(way_in)
        self.way_out = nn.Parameter(torch.zeros(stack, 5 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """What the block adds to x; both (stack, batch, time, width)."""
        stack, batch, time, d = x.shape
        h = norm(x)
        h = shift(h) if self.config.shift else h
        qkv, up = torch.bmm(h.flatten(1, 2), self.way_in).split([3 * d, 4 * d], dim=-1)
        mixed = attention(qkv.view(stack * batch, time, 3, self.config.heads, -1))
        change = torch.cat([mixed.reshape(stack, -1, d), mlp(up)], dim=-1)
        return torch.bmm(change, self.way_out).view_as(x)


def squares(w: Tensor) -> Tensor:
    """The square matrices in a block's way in (stack, d, 7 d) or out (stack, 5 d, d): a view."""
    d = min(w.shape[1:])
    return w.unflatten(2, (-1, d)).transpose(1, 2) if w.shape[1] == d else w.unflatten(1, (-1, d))


# ----------------------------------------------------------------------------------------- model


class Transformer(Learner):
    """A stack of decoder-only transformers of one shape, computed together.

    Every parameter has the model's number in the stack as its first axis, and no number passes
    from one model to another. `seeds` gives each its starting weights; one seed makes a stack of
    one.
    """

    config: TransformerConfig
    block: ClassVar[type[Block]] = Block

    def __init__(self, config: TransformerConfig, seeds: int | Sequence[int] = 0) -> None:
        seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        super().__init__(config, len(seeds))
        starts = [_start(config, torch.Generator().manual_seed(seed)) for seed in seeds]
        embedding, position, ways_in = (torch.stack(part) for part in zip(*starts, strict=True))
        self.embedding = nn.Parameter(embedding)  # (stack, vocab_size, width)
        self.position = nn.Parameter(position)  # (stack, context, width)
        self.blocks = nn.ModuleList(
            self.block(config, way_in.contiguous()) for way_in in ways_in.unbind(1)
        )
        self.head = nn.Parameter(torch.zeros(len(seeds), config.width, config.vocab_size))

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time or kept, vocab_size)."""
        x = look_up(self.embedding, tokens) + self.position[:, None, : tokens.shape[2]]
        for block in self.blocks:
            x = x + self.drop(block(x))
        x = norm(x) if keep is None else norm(x[:, :, keep])
        return torch.bmm(x.flatten(1, 2), self.head).view(*x.shape[:3], -1)

    def groups(self) -> list[Group]:
        """The blocks, which Muon may take; the embeddings, which do not decay; the head."""
        rate = ends_lr(self.config.width)
        blocks = [w for block in self.blocks for w in block.parameters()]
        return [
            Group([self.embedding, self.position], lr=rate, decays=False),
            Group([self.head], lr=rate),
            Group(blocks, matrices=squares),
        ]


def look_up(embedding: Tensor, tokens: Tensor) -> Tensor:
    """Each token's row in its model's table.

    embedding (stack, vocab_size, width), tokens (stack, ...) -> (stack, ..., width).
    """
    stack, vocab_size, _ = embedding.shape
    place = torch.arange(stack, device=tokens.device)[:, None, None] * vocab_size
    return F.embedding(tokens + place, embedding.flatten(0, 1))


def _start(c: TransformerConfig, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Starting weights of one model: embedding, position, the way into each block."""
    embedding = torch.randn(c.vocab_size, c.width, generator=rng)
    position = 0.1 * torch.randn(c.context, c.width, generator=rng)
    blocks = c.width**-0.5 * torch.randn(c.depth, 12, c.width, c.width, generator=rng)
    way_in = blocks[:, :7].reshape(c.depth, 7 * c.width, c.width).mT.contiguous()
    return embedding, position, way_in
