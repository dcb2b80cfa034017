"""Explorers: figures of the book that answer their reader, on the site and beside a kernel."""

from .ask import AskTheModel
from .base import Explorer
from .how_far import HowFar
from .valley import Valley

__all__ = ["AskTheModel", "Explorer", "HowFar", "Valley"]
