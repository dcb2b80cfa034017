"""Training: one run, a stack of them, or a whole sweep on all cores."""

from .stack import (
    EVALUATION_TOKENS,
    Optimizer,
    Run,
    Trained,
    batch_sizes,
    default_lr,
    evaluate,
    lockstep,
    one_thread,
    pick_device,
    sample,
    schedule,
    token_losses,
    train,
    train_together,
    workload,
)
from .sweep import WrongCorpus, repeat, sweep

__all__ = [
    "EVALUATION_TOKENS",
    "Optimizer",
    "Run",
    "Trained",
    "WrongCorpus",
    "batch_sizes",
    "default_lr",
    "evaluate",
    "lockstep",
    "one_thread",
    "pick_device",
    "repeat",
    "sample",
    "schedule",
    "sweep",
    "token_losses",
    "train",
    "train_together",
    "workload",
]
