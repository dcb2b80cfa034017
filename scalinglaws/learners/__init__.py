"""What can be trained."""

from .transformer import ModelConfig, Transformer, norm, shift

__all__ = ["ModelConfig", "Transformer", "norm", "shift"]
