"""The MLP over the last few tokens: the neural language model of Bengio et al. (2003).

It looks each of the last `window` tokens up in a table, joins the vectors end to end and sends
them through hidden layers. It has no way to see further back, however long the context is. In
place of their tanh stands the GELU, with which width 128 ends .03 nats lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import _checks as checks
from .base import Count, Group, Learner, LearnerConfig, check_count, lanes_of_width, start
from .transformer import look_up


@dataclass(frozen=True)
class MLPConfig(LearnerConfig):
    """The shape of an MLP. `width` is the number of units in each hidden layer.

    >>> config = MLPConfig(width=32, window=4)
    >>> [config.params(count) for count in ("non_embedding", "with_head", "total")]
    [2080, 6176, 8224]
    >>> config.flops_per_token()
    36864
    """

    kind: ClassVar[str] = "mlp"

    width: int
    depth: int = 1
    """Hidden layers."""
    window: int = 8
    """Tokens that it looks back over, the one before the predicted token among them."""
    embedding: int = 16
    """Channels that stand for a token."""
    context: int = 32
    """Tokens that are read at once; the window moves along them."""
    vocab_size: int = 128

    def __post_init__(self) -> None:
        for name in ("width", "depth", "window", "embedding", "context", "vocab_size"):
            object.__setattr__(self, name, checks.whole(getattr(self, name), name, 1))

    def build(self, seeds: Sequence[int]) -> MLP:
        """A stack of MLPs, one for each seed."""
        return MLP(self, seeds)

    def params(self, count: Count = "total") -> int:
        """Number of parameters N.

        "non_embedding": the hidden layers, window embedding width + (depth - 1) width^2, and
        their biases; "with_head": these and the output head; "total": all, with the embedding.
        """
        check_count(count)
        hidden = self._multiplying() + self.depth * self.width
        head = self.width * self.vocab_size
        return {
            "non_embedding": hidden,
            "with_head": hidden + head,
            "total": hidden + head + self.vocab_size * self.embedding,
        }[count]

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: 6 per weight that is multiplied (see `LearnerConfig`).

        Biases and the embedding multiply nothing. "non_embedding" counts the hidden layers, the
        other two the head as well.
        """
        check_count(count)
        head = self.width * self.vocab_size
        return 6 * (self._multiplying() + (0 if count == "non_embedding" else head))

    def default_lr(self, optimizer: str = "adamw") -> float:
        """Peak learning rate: 0.018 (32 / width)^0.32 for AdamW, the transformer's for Muon.

        The rule for AdamW joins the rates that worked at widths 32 to 1024 on `python_source`,
        .018 to .006. That for Muon was not scanned.
        """
        if optimizer == "adamw":
            return 0.018 * (32 / self.width) ** 0.32
        return 0.01 * (32 / self.width) ** 0.5

    def lanes(self, card: bool = False) -> int:
        """How many models of this shape pay as one stack, on a CPU thread or on a GPU."""
        return lanes_of_width(self.width, card)

    def _multiplying(self) -> int:
        """Weights of the hidden layers, without biases."""
        return self.window * self.embedding * self.width + (self.depth - 1) * self.width**2


class MLP(Learner):
    """A stack of MLPs of one shape, computed together. `seeds` gives each its starting weights."""

    config: MLPConfig

    def __init__(self, config: MLPConfig, seeds: int | Sequence[int] = 0) -> None:
        seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        super().__init__(config, len(seeds))
        c, stack = config, len(seeds)
        inputs = [c.window * c.embedding] + [c.width] * (c.depth - 1)
        starts = []
        for seed in seeds:
            rng = torch.Generator().manual_seed(seed)
            embedding = torch.randn(c.vocab_size, c.embedding, generator=rng)
            starts.append([embedding, *(start((fan, c.width), fan, rng) for fan in inputs)])
        embedding, *layers = (torch.stack(part) for part in zip(*starts, strict=True))
        self.embedding = nn.Parameter(embedding)  # (stack, vocab_size, embedding)
        self.layers = nn.ParameterList(layers)  # each (stack, inputs, width)
        self.biases = nn.ParameterList(torch.zeros(stack, 1, c.width) for _ in inputs)
        self.head = nn.Parameter(torch.zeros(stack, c.width, c.vocab_size))

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time or kept, vocab_size)."""
        x = look_up(self.embedding, tokens)
        # Before the first token there is nothing, a vector of zeros.
        x = F.pad(x, (0, 0, self.config.window - 1, 0)).unfold(2, self.config.window, 1).mT
        x = (x if keep is None else x[:, :, keep]).flatten(3)  # (stack, batch, time, inputs)
        places = x.shape[:3]
        h = x.flatten(1, 2)
        for weights, bias in zip(self.layers, self.biases, strict=True):
            h = self.drop(F.gelu(torch.baddbmm(bias, h, weights)))
        return torch.bmm(h, self.head).view(*places, -1)

    def groups(self) -> list[Group]:
        """The hidden layers, which Muon may take; embedding and biases, which do not decay."""
        return [
            Group([self.embedding, *self.biases], decays=False),
            Group([self.head]),
            Group(list(self.layers), matrices=lambda w: w),
        ]
