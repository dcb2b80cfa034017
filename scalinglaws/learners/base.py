"""The seam: what anything must offer so that it can be trained, measured and put into a table.

A learner is two things. Its config, a frozen dataclass derived from `LearnerConfig`, says all that
determines its shape, and answers for its size and cost. Its model, a module derived from
`Learner`, computes. A `Run` holds a config; `train` and `sweep` take any. To add a learner, define
both; `tests/unit/test_learners.py` adds one in about thirty lines.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

Count = Literal["non_embedding", "with_head", "total"]
COUNTS: tuple[Count, ...] = ("non_embedding", "with_head", "total")
"""Ways to count parameters: without embeddings and head, without embeddings, all."""

_SHAPE = ("width", "depth", "heads", "shift", "window")


class LearnerConfig(ABC):
    """The shape of a learner: derive a frozen dataclass from it, with these two fields at least.

    All that changes a result must be a field, since runs are told apart, grouped and found again
    in a store by the fields.
    """

    kind: ClassVar[str]
    """A short name, in the table of runs and in the key of a store. A learner that computes
    something else from the same fields needs another."""
    by_gradient: ClassVar[bool] = True
    """Whether it learns by gradient. If not, its model has a `count` instead of weights to move,
    and the settings of a run that concern the gradient have no meaning."""
    context: int
    """Tokens that the learner sees at once."""
    vocab_size: int

    @abstractmethod
    def build(self, seeds: Sequence[int]) -> Learner:
        """A stack of models of this shape, one for each seed, which sets its starting weights."""

    @abstractmethod
    def params(self, count: Count = "total") -> int:
        """Number of parameters N. Raises ValueError if `count` is none of `COUNTS`."""

    @abstractmethod
    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token. Raises ValueError if `count` is none of `COUNTS`.

        Where this is 6 N: a weight that is multiplied costs one multiplication and one addition
        for each token on the way forward. On the way back it takes part in two products of the
        same size, one for the gradient of the weight and one for that of what came in. That makes
        2 + 4 = 6 FLOPs for each weight and token, so C = 6 N D for D tokens (Kaplan et al. 2020,
        section 2.1). What multiplies no weight is left out: a look-up in an embedding, norms,
        activations, the optimiser's step, which does not grow with the batch.
        """

    def default_lr(self, optimizer: str = "adamw") -> float | None:
        """Peak learning rate that a run takes if it names none; None if there is no rate."""
        return 0.01 if self.by_gradient else None

    def lanes(self, card: bool = False) -> int:
        """How many models of this shape pay as one stack, on a CPU thread or on a GPU."""
        return 64 if card else 16

    def seconds_per_token(self) -> float:
        """About how long one CPU thread trains on a token; it serves to share work out evenly.

        Fitted by eye to transformers of width 8 to 128 in stacks of 1 to 8.
        """
        return 1.3e-6 + 2e-11 * self.flops_per_token("total")

    @property
    def half_precision(self) -> bool:
        """Whether its matrix products are large enough to gain from bfloat16 on a GPU."""
        return False

    @property
    def half_precision_on_cpu(self) -> bool:
        """Whether it is trained in bfloat16 on a CPU as well: only if its `kind` says so."""
        return False

    @property
    def replayable(self) -> bool:
        """Whether a training step may be recorded on a CUDA card and replayed.

        It may if the forward pass asks nothing of the CPU: no `.item()`, no shape and no branch
        that hangs on the values of a tensor.
        """
        return True

    def shape(self) -> dict[str, Any]:
        """What it has of the table's columns width, depth, heads, shift and window."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in _SHAPE}  # type: ignore[arg-type]  # derived classes are dataclasses


def check_count(count: str) -> None:
    """Raises ValueError unless `count` is one of `COUNTS`."""
    if count not in COUNTS:
        raise ValueError(f"count must be one of {', '.join(COUNTS)}; got {count!r}")


def lanes_of_width(width: int, card: bool) -> int:
    """Models of this width that pay as one stack: many if narrow, one at a time if wide."""
    return max(1, min(64, 4096 // width)) if card else max(1, min(16, 256 // width))


@dataclass(frozen=True)
class Group:
    """Weights that the optimiser treats alike."""

    weights: Sequence[nn.Parameter]
    """Each with the model's number in the stack as its first axis."""
    lr: float | None = None
    """Peak rate in a run at its default rate, and changed by the factor by which the run's rate
    departs from its default; None takes the run's rate itself."""
    matrices: Callable[[Tensor], Tensor] | None = None
    """How Muon sees one of these weights: a view (stack, ..., rows, columns) of the matrices that
    it makes orthogonal. None if Muon leaves them to AdamW."""
    decays: bool = True
    """Whether `Run.weight_decay` makes them smaller."""


class Learner(nn.Module, ABC):
    """A stack of models of one shape, computed together.

    Every parameter has the model's number in the stack as its first axis, and no number passes
    from one model to another.
    """

    def __init__(self, config: LearnerConfig, stack: int) -> None:
        super().__init__()
        self.config = config
        self.stack = stack
        """How many models are computed together."""
        self.masks: Masks | None = None
        """Dropout, which training with it sets for its time."""

    @abstractmethod
    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time or kept, vocab_size)."""

    def forward(self, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        """tokens (stack, batch, time) -> logits (stack, batch, time, vocab_size).

        A single model may leave the first axis out. `keep` (time,) of booleans limits the logits
        to these positions. Raises ValueError if the tokens do not fit the model.
        """
        if tokens.dim() == 2:
            return self(tokens[None], keep)[0]
        if tokens.dim() != 3:
            raise ValueError(
                f"tokens must have the axes (stack, batch, time), got shape {tuple(tokens.shape)}"
            )
        stack, _, time = tokens.shape
        vocab_size = self.config.vocab_size
        if stack != self.stack:
            raise ValueError(f"the stack has {self.stack} models, the tokens are for {stack}")
        if time > self.config.context:
            raise ValueError(f"the model sees {self.config.context} tokens at once, got {time}")
        if tokens.device.type == "cpu" and not 0 <= tokens.min() <= tokens.max() < vocab_size:
            raise ValueError(f"tokens must be numbers from 0 to {vocab_size - 1}")
        return self.logits(tokens, keep)

    def one(self, number: int) -> Self:
        """The model at this place of the stack, as a stack of its own."""
        alone = self.config.build([0])
        weights = {name: w[number : number + 1] for name, w in self.state_dict().items()}
        alone.load_state_dict(weights)
        assert isinstance(alone, type(self))
        return alone.to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def params(self, count: Count = "total") -> int:
        """Number of parameters of each model, which the config knows, or the trained model only."""
        return self.config.params(count)

    def groups(self) -> list[Group]:
        """All weights, sorted by how the optimiser treats them."""
        return [Group(list(self.parameters()))]

    def drop(self, x: Tensor) -> Tensor:
        """x (stack, ...), with dropout while the model is trained with it."""
        return x if self.masks is None or not self.training else self.masks(x)


class Counter(Learner):
    """A learner without gradients: a stack of models that learn by counting."""

    @abstractmethod
    def count(self, tokens: Tensor, targets: Tensor, keep: Tensor | None) -> None:
        """Learn from all that a run reads, at once, and forget what was known before.

        tokens, targets (stack, windows, time): each window that the run reads, once, however often
        it comes up again. The target at a place is what follows the tokens up to that place.
        `keep` (time,) of booleans names the places that count; None counts all.
        """

    @property
    def device(self) -> torch.device:
        """The CPU: there is nothing that a card would speed up."""
        return torch.device("cpu")


class Masks:
    """Dropout (Srivastava et al. 2014) whose masks are set by each run's seed and the step alone.

    Each model of a stack draws from a generator of its own, which starts afresh with every step.
    So a run drops the same numbers alone and in a stack, and on a branch as on its trunk.
    """

    def __init__(self, rate: float, seeds: Sequence[int], device: torch.device) -> None:
        self.kept = 1 - rate
        self.seeds, self.device = tuple(seeds), device
        self.generators: list[torch.Generator] = []

    def __deepcopy__(self, memo: object) -> Masks:
        """The same: nothing is kept from one step to the next."""
        return self

    def begin(self, step: int) -> None:
        """Make ready for this step."""
        self.generators = [
            torch.Generator(self.device).manual_seed(_mixed(seed, step)) for seed in self.seeds
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """x (stack, ...) with a share of its numbers zero and the others larger to make up."""
        kept = torch.empty_like(x)
        for mask, generator in zip(kept, self.generators, strict=True):
            mask.bernoulli_(self.kept, generator=generator)
        return x * kept.div_(self.kept)


def _mixed(seed: int, step: int) -> int:
    """One 63-bit number for each pair, without a pattern between neighbours (splitmix64)."""
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) % 2**64
    return (z ^ (z >> 31)) >> 1


def start(shape: Sequence[int], fan_in: int, rng: torch.Generator) -> Tensor:
    """Random weights with which a sum over `fan_in` inputs keeps their scale."""
    return torch.randn(*shape, generator=rng) / math.sqrt(fan_in)
