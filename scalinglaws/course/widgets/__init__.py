"""Explorers: figures of the book that answer their reader, on the site and beside a kernel."""

from .ask import AskTheModel
from .base import Explorer
from .data_wall import DataWall
from .dial import Dial
from .floor import FloorAndRange
from .how_far import HowFar
from .marking import MarkingMachine
from .plan_run import PlanARun
from .switchboard import Switchboard
from .valley import Valley

__all__ = [
    "AskTheModel",
    "DataWall",
    "Dial",
    "Explorer",
    "FloorAndRange",
    "HowFar",
    "MarkingMachine",
    "PlanARun",
    "Switchboard",
    "Valley",
]
