"""What can be trained."""

from .base import Count, Counter, Group, Learner, LearnerConfig
from .lstm import LSTM, LSTMConfig
from .mlp import MLP, MLPConfig
from .ngram import Ngram, NgramConfig
from .python_ngram import PythonNgram, PythonNgramConfig
from .transformer import BfloatTransformerConfig, Block, Transformer, TransformerConfig, norm, shift

__all__ = [
    "LSTM",
    "MLP",
    "BfloatTransformerConfig",
    "Block",
    "Count",
    "Counter",
    "Group",
    "LSTMConfig",
    "Learner",
    "LearnerConfig",
    "MLPConfig",
    "Ngram",
    "NgramConfig",
    "PythonNgram",
    "PythonNgramConfig",
    "Transformer",
    "TransformerConfig",
    "norm",
    "shift",
]
