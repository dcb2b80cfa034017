"""Looking inside a transformer: where its heads attend, and what it is without one of them."""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from torch import Tensor

from .transformer import Transformer, look_up, norm, shift


@torch.no_grad()
def attention_maps(model: Transformer, tokens: Tensor) -> Tensor:
    """How much each token attends to each before it, (blocks, stack, batch, heads, time, time).

    tokens: whole numbers of shape (stack, batch, time), as the model takes them. The last two axes
    are the token that looks and the one that is looked at; what a token looks at sums to 1. Raises
    TypeError if the model is no transformer.

    >>> from scalinglaws.learners import TransformerConfig
    >>> model = TransformerConfig(width=8, context=6).build([0])
    >>> maps = attention_maps(model, torch.zeros(1, 3, 6, dtype=torch.long))
    >>> tuple(maps.shape), maps.sum(-1).allclose(torch.ones(()))
    ((2, 1, 3, 2, 6, 6), True)
    """
    if not isinstance(model, Transformer):
        raise TypeError(f"only a transformer attends, got {type(model).__name__}")
    config, time = model.config, tokens.shape[2]
    each = config.width // (config.heads or 1)
    x = look_up(model.embedding, tokens) + model.position[:, None, :time]
    later = torch.full((time, time), -math.inf, device=x.device).triu(1)
    maps = []
    for block in model.blocks:
        h = shift(norm(x)) if config.shift else norm(x)
        way_in = block.get_parameter("way_in")[:, :, : 3 * config.width]
        qkv = torch.bmm(h.flatten(1, 2), way_in).view(*tokens.shape, 3, -1, each)
        q, k, _ = qkv.permute(3, 0, 1, 4, 2, 5)
        maps.append((q @ k.mT * each**-0.5 + later).softmax(-1))
        x = x + block(x)
    return torch.stack(maps)


@torch.no_grad()
def without_head(model: Transformer, block: int, head: int) -> Transformer:
    """The same model in which what one head passes on is not written back.

    Blocks and heads are counted from 0. Raises IndexError if there is no such block or head.

    >>> from scalinglaws.learners import TransformerConfig
    >>> model = TransformerConfig(width=8, context=6).build([0])
    >>> _ = torch.nn.init.ones_(model.blocks[1].way_out)
    >>> int(without_head(model, 1, 0).blocks[1].way_out.sum() - model.blocks[1].way_out.sum())
    -32
    """
    config = model.config
    heads = config.heads or 1
    if not (0 <= block < config.depth and 0 <= head < heads):
        raise IndexError(f"there are {config.depth} blocks of {heads} heads, counted from 0")
    each = config.width // heads
    changed = deepcopy(model)
    changed.blocks[block].get_parameter("way_out")[:, head * each : (head + 1) * each] = 0
    return changed
