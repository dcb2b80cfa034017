"""Training: one run, a stack of them, or a whole sweep on all cores."""

from ..learners.transformer import default_lr
from .optim import Optimizer
from .run import Run, batch_sizes, lockstep, schedule, workload
from .stack import (
    EVALUATION_TOKENS,
    Trained,
    evaluate,
    evaluate_ensemble,
    one_thread,
    pick_device,
    token_losses,
    train,
    train_together,
)
from .sweep import WrongCorpus, cost, repeat, sweep

__all__ = [
    "EVALUATION_TOKENS",
    "Optimizer",
    "Run",
    "Trained",
    "WrongCorpus",
    "batch_sizes",
    "cost",
    "default_lr",
    "evaluate",
    "evaluate_ensemble",
    "lockstep",
    "one_thread",
    "pick_device",
    "repeat",
    "schedule",
    "sweep",
    "token_losses",
    "train",
    "train_together",
    "workload",
]
