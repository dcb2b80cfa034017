"""Tables of runs: the schema, the store of finished runs, the shipped ones, and those of others."""

from .doubts import Doubt
from .read import PF_DAY, Measurements, measurements
from .table import (
    COLUMNS,
    abilities,
    digitised,
    finished,
    preregistered,
    read_table,
    reference,
    sealed,
    table_of,
    validate,
    write_table,
)

__all__ = [
    "COLUMNS",
    "PF_DAY",
    "Doubt",
    "Measurements",
    "abilities",
    "digitised",
    "finished",
    "measurements",
    "preregistered",
    "read_table",
    "reference",
    "sealed",
    "table_of",
    "validate",
    "write_table",
]
