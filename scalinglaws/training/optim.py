"""The optimisers: AdamW and Muon for a stack of models, each with a rate of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from ..learners.base import Learner
from .run import Run


def orthogonalize(g: Tensor, iterations: int = 5, half: bool = False) -> Tensor:
    """The nearest matrix with all singular values near 1, for each matrix of a stack.

    Newton-Schulz iteration with the quintic of Muon (Jordan et al. 2024), in bfloat16 if `half`;
    g: (..., rows, columns).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    if half:  # fused, which rounds otherwise: in float32 that would change what runs gave so far
        x = x.bfloat16().flatten(0, -3)
        for _ in range(iterations):
            xx = torch.bmm(x, x.mT)
            x = torch.baddbmm(x, torch.baddbmm(xx, xx, xx, beta=b, alpha=c), x, beta=a)
        return x.view_as(g).to(g.dtype)
    for _ in range(iterations):
        xx = x @ x.mT
        x = a * x + (b * xx + c * xx @ xx) @ x
    return x


@dataclass(frozen=True, eq=False)
class _Moved:
    """A weight and how it is moved."""

    weight: Tensor
    lr: Tensor
    """Peak rate of each model, of a shape that spreads over the weight."""
    state: Tensor
    """AdamW's move, zero between steps, or Muon's momentum."""


class Optimizer:
    """AdamW (Loshchilov & Hutter 2019), each model of a stack with its own rate and decay.

    With `muon`, the updates of the matrices that the learner lends it are momentum made orthogonal
    (Jordan et al. 2024) instead. The decay is decoupled from the gradient: in each step all weights
    that decay lose the run's current rate times `Run.weight_decay` of their size, the head as well,
    whose own rate is another. `model` is a stack trained as `runs`, one each. A `deepcopy` of model
    and optimizer together goes on by itself.
    """

    betas, momentum = (0.9, 0.95), 0.95

    def __init__(self, model: Learner, runs: Sequence[Run]) -> None:
        kind = runs[0].optimizer
        lr = torch.tensor([run.lr for run in runs], device=model.device)
        decay = torch.tensor([run.weight_decay for run in runs], device=model.device)
        decays = any(run.weight_decay for run in runs)
        default = runs[0].model.default_lr(kind)
        if default is None:
            raise TypeError(f"a {runs[0].model.kind} has no learning rate: it learns by counting")
        self.muon: list[tuple[_Moved, Callable[[Tensor], Tensor]]] = []
        self.adamw: list[_Moved] = []
        self.decaying: list[tuple[Tensor, Tensor]] = []
        """Weights, and what a step at the peak rate takes of each."""
        for group in model.groups():
            own = lr if group.lr is None else _ends(group.lr * lr / default, runs)
            for w in group.weights:
                spread = own.view(-1, *[1] * (w.dim() - 1))
                if decays and group.decays:
                    self.decaying.append((w, (lr * decay).view_as(spread)))
                moved = _Moved(w, spread, torch.zeros_like(w))
                if kind == "muon" and group.matrices is not None:
                    self.muon.append((moved, group.matrices))
                else:
                    self.adamw.append(moved)
        self.means, self.squares = (
            [torch.zeros_like(m.weight) for m in self.adamw] for _ in range(2)
        )
        self.steps = [torch.zeros((), device=lr.device) for _ in self.adamw]
        self.half = lr.device.type == "cpu" and runs[0].model.half_precision_on_cpu
        self.fused, self.card = lr.device.type in ("cpu", "cuda"), lr.device.type == "cuda"

    @torch.no_grad()
    def step(self, multiplier: float | Tensor) -> None:
        """Move every weight along its gradient, and forget the gradient.

        `multiplier` is the schedule's, a number, or a tensor () that lies with the weights.
        """
        for weight, decay in self.decaying:
            weight.mul_(1 - multiplier * decay)
        adamw(  # a weight of zero shows how far AdamW moves; each model then goes at its own rate
            [moved.state.zero_() for moved in self.adamw],
            [_gradient(moved.weight) for moved in self.adamw],
            self.means,
            self.squares,
            max_exp_avg_sqs=[],
            state_steps=self.steps,
            lr=1.0,
            beta1=self.betas[0],
            beta2=self.betas[1],
            eps=1e-8,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
            fused=self.fused,
            capturable=self.card,
        )
        for moved in self.adamw:
            _along(moved.weight, moved.state, moved.lr, multiplier)
            moved.weight.grad = None
        for moved, matrices in self.muon:
            gradient = _gradient(moved.weight)
            moved.state.lerp_(gradient, 1 - self.momentum)
            mixed = gradient.lerp(moved.state, self.momentum)
            towards = orthogonalize(matrices(mixed), half=self.half)
            w = matrices(moved.weight)
            _along(w, towards, moved.lr.view(-1, *[1] * (w.dim() - 1)), -multiplier)
            moved.weight.grad = None


def _along(weight: Tensor, move: Tensor, lr: Tensor, multiplier: float | Tensor) -> None:
    """Move the weight by multiplier lr move."""
    if isinstance(multiplier, Tensor):
        weight.addcmul_(move, lr * multiplier)
    else:
        weight.addcmul_(move, lr, value=multiplier)


def _ends(rates: Tensor, runs: Sequence[Run]) -> Tensor:
    """The rates of these weights, or `Run.ends_lr` in the place of those of runs that name it."""
    named = torch.tensor([run.ends_lr or math.nan for run in runs], device=rates.device)
    return torch.where(named.isnan(), rates, named.to(rates.dtype))


def _gradient(weight: Tensor) -> Tensor:
    if weight.grad is None:
        raise RuntimeError("a weight has no gradient: does the learner use all its parameters?")
    return weight.grad
