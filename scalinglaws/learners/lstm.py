"""The recurrent network with gates: the LSTM of Hochreiter & Schmidhuber (1997).

It reads one token after the other and carries what it needs in a state of `width` numbers and
as many memory cells. The state is empty at the start of each window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .. import _checks as checks
from .base import Count, Group, Learner, LearnerConfig, check_count, lanes_of_width, start
from .transformer import look_up


@dataclass(frozen=True)
class LSTMConfig(LearnerConfig):
    """The shape of an LSTM. `width` is the number of units in each layer, and of the embedding.

    >>> config = LSTMConfig(width=32)
    >>> [config.params(count) for count in ("non_embedding", "with_head", "total")]
    [8448, 12544, 16640]
    >>> config.flops_per_token()
    73728
    """

    kind: ClassVar[str] = "lstm"

    width: int
    depth: int = 1
    """Layers, each reading the states of the one below."""
    context: int = 32
    """Tokens that are read at once; the state begins empty with each window."""
    vocab_size: int = 128

    def __post_init__(self) -> None:
        for name in ("width", "depth", "context", "vocab_size"):
            object.__setattr__(self, name, checks.whole(getattr(self, name), name, 1))

    def build(self, seeds: Sequence[int]) -> LSTM:
        """A stack of LSTMs, one for each seed."""
        return LSTM(self, seeds)

    def params(self, count: Count = "total") -> int:
        """Number of parameters N.

        "non_embedding": the layers, 8 depth width^2 weights (four gates, each from input and
        state) and 8 depth width biases (torch keeps two for each gate); "with_head": these and
        the output head; "total": all, with the embedding.
        """
        check_count(count)
        layers = 8 * self.depth * (self.width**2 + self.width)
        head = self.width * self.vocab_size
        return {
            "non_embedding": layers,
            "with_head": layers + head,
            "total": layers + 2 * head,
        }[count]

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: 6 per weight that is multiplied (see `LearnerConfig`).

        Biases and the embedding multiply nothing. "non_embedding" counts the layers, the other
        two the head as well.
        """
        check_count(count)
        head = self.width * self.vocab_size
        return 6 * (8 * self.depth * self.width**2 + (0 if count == "non_embedding" else head))

    def default_lr(self, optimizer: str = "adamw") -> float:
        """Peak learning rate: 0.15 width^-0.85 for AdamW, the transformer's for Muon.

        The rule for AdamW joins the rates that worked on `python_source` to within 12 %: one
        layer of 24, 48, 96, 128, 160 at .010, .006, .0035, .0028, .0022, and two of 20, 36, 64,
        96, 112 at .012, .007, .004, .0028, .0025. That for Muon was not scanned.
        """
        return 0.15 * self.width**-0.85 if optimizer == "adamw" else 0.01 * (32 / self.width) ** 0.5

    def lanes(self, card: bool = False) -> int:
        """How many models of this shape pay as one stack, on a CPU thread or on a GPU."""
        return lanes_of_width(self.width, card)

    def seconds_per_token(self) -> float:
        """Some 12 microseconds more than for other learners: time passes step by step."""
        return super().seconds_per_token() + 1.2e-5


class LSTM(Learner):
    """A stack of LSTMs of one shape. `seeds` gives each its starting weights.

    The layers are torch's own, called for one model of the stack after the other: from width 24 on
    that is quicker than a loop over time for the whole stack, by 1.7 times at 48 and 2.5 at 160.
    """

    config: LSTMConfig

    def __init__(self, config: LSTMConfig, seeds: int | Sequence[int] = 0) -> None:
        seeds = [seeds] if isinstance(seeds, int) else list(seeds)
        super().__init__(config, len(seeds))
        starts = [_start(config, torch.Generator().manual_seed(seed)) for seed in seeds]
        embedding, inputs, states = (torch.stack(part) for part in zip(*starts, strict=True))
        stack, width = len(seeds), config.width
        self.embedding = nn.Parameter(embedding)  # (stack, vocab_size, width)
        self.from_input = nn.ParameterList(w.contiguous() for w in inputs.unbind(1))
        self.from_state = nn.ParameterList(w.contiguous() for w in states.unbind(1))
        # Each (stack, 4 width, width): input gate, forget gate, candidate, output gate.
        bias = torch.zeros(stack, 2, 4 * width)
        bias[:, 0, width : 2 * width] = 1  # at first nothing is forgotten (Gers et al. 2000)
        self.biases = nn.ParameterList(bias.clone() for _ in range(config.depth))
        self.head = nn.Parameter(torch.zeros(stack, width, config.vocab_size))
        # Torch's module is there for what it computes; its weights are lent to it in each call.
        self._layer = [nn.LSTM(width, width, batch_first=True, device="meta")]

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time or kept, vocab_size)."""
        x = look_up(self.embedding, tokens)
        for layer in zip(self.from_input, self.from_state, self.biases, strict=True):
            of_each = zip(x, *layer, strict=True)
            x = self.drop(torch.stack([self._run(*weights) for weights in of_each]))
        x = x if keep is None else x[:, :, keep]
        return torch.bmm(x.flatten(1, 2), self.head).view(*x.shape[:3], -1)

    def _run(self, x: Tensor, from_input: Tensor, from_state: Tensor, bias: Tensor) -> Tensor:
        """One layer of one model: x (batch, time, width) -> its states, of the same shape."""
        weights = {
            "weight_ih_l0": from_input,
            "weight_hh_l0": from_state,
            "bias_ih_l0": bias[0],
            "bias_hh_l0": bias[1],
        }
        states, _ = functional_call(self._layer[0], weights, (x,))
        return states

    def groups(self) -> list[Group]:
        """The layers, of whose gates Muon may take each; embedding and biases do not decay.

        Embedding and head take the rate of the layers, unless the run names one for the ends.
        """
        rate = self.config.default_lr()
        return [
            Group([*self.biases], decays=False),
            Group([self.embedding], rate, decays=False),
            Group([self.head], rate),
            Group(
                [*self.from_input, *self.from_state],
                matrices=lambda w: w.unflatten(1, (4, -1)),
            ),
        ]


def _start(c: LSTMConfig, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Starting weights of one model: embedding, and those of each layer from input and state."""
    embedding = torch.randn(c.vocab_size, c.width, generator=rng)
    inputs, states = (start((c.depth, 4 * c.width, c.width), c.width, rng) for _ in range(2))
    return embedding, inputs, states
