"""Train tiny language models in bulk, fit their scaling laws, bet on bigger ones.

The parts, each importing only from those before it: `_checks` (what is validated everywhere),
`estimate` (a value with its interval), `text` (where tokens come from), `learners` (what can be
trained), `runs` (tables of runs, and the store that keeps them), `training` (one run, a stack of
them, a sweep), `metrics` (marks for what a model can do), `laws` (formulas that own their
parameters), `fit` (laws from runs, with intervals), `plan` (what to train with a budget), `plot`
(shared figures), `figures` (of a fit with its runs), `report` (from a table of runs to an answer),
`cli` (the command line), `course` (forecasts, exercises: what only the course needs).

The names in `__all__` can be imported from here: `from scalinglaws import fit_power_law`. Each is
loaded when it is first used, so that fits need no torch. The command line is
`python -m scalinglaws fit RUNS.csv` and `python -m scalinglaws plan`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from .estimate import Estimate, across, mean_of, wilson
    from .fit import (  # type: ignore[no-redef]  # the module of `compare` has the same name
        Factorial,
        Scatter,
        compare,
        fit_best_run,
        fit_chinchilla,
        fit_curve,
        fit_data_constrained,
        fit_envelope,
        fit_isoflop,
        fit_kaplan,
        fit_power_law,
        fit_scatter,
        fit_sigmoid,
        local_slopes,
        mean_over_seeds,
    )
    from .laws import ChinchillaLaw, DataConstrainedLaw, KaplanLaw, PowerLaw
    from .learners import LSTMConfig, MLPConfig, NgramConfig, TransformerConfig
    from .metrics import marks, sample
    from .runs import finished, measurements, read_table, reference, write_table
    from .text import Corpus, from_documents, python_source
    from .training import Run, repeat, sweep, train  # type: ignore[no-redef]  # as above

_HOME = {
    "estimate": ("Estimate", "across", "mean_of", "wilson"),
    "text": ("Corpus", "from_documents", "python_source"),
    "learners": ("LSTMConfig", "MLPConfig", "NgramConfig", "TransformerConfig"),
    "runs": ("finished", "measurements", "read_table", "reference", "write_table"),
    "training": ("Run", "repeat", "sweep", "train"),
    "metrics": ("marks", "sample"),
    "laws": ("ChinchillaLaw", "DataConstrainedLaw", "KaplanLaw", "PowerLaw"),
    "fit": (
        "Factorial",
        "Scatter",
        "compare",
        "fit_best_run",
        "fit_chinchilla",
        "fit_curve",
        "fit_data_constrained",
        "fit_envelope",
        "fit_isoflop",
        "fit_kaplan",
        "fit_power_law",
        "fit_scatter",
        "fit_sigmoid",
        "local_slopes",
        "mean_over_seeds",
    ),
}
_PARTS = (*_HOME, "plan", "plot", "figures", "report", "cli", "course")
_WHERE = {name: part for part, names in _HOME.items() for name in names}

__all__ = [
    "ChinchillaLaw",
    "Corpus",
    "DataConstrainedLaw",
    "Estimate",
    "Factorial",
    "KaplanLaw",
    "LSTMConfig",
    "MLPConfig",
    "NgramConfig",
    "PowerLaw",
    "Run",
    "Scatter",
    "TransformerConfig",
    "across",
    "compare",
    "finished",
    "fit_best_run",
    "fit_chinchilla",
    "fit_curve",
    "fit_data_constrained",
    "fit_envelope",
    "fit_isoflop",
    "fit_kaplan",
    "fit_power_law",
    "fit_scatter",
    "fit_sigmoid",
    "from_documents",
    "local_slopes",
    "marks",
    "mean_of",
    "mean_over_seeds",
    "measurements",
    "python_source",
    "read_table",
    "reference",
    "repeat",
    "sample",
    "sweep",
    "train",
    "wilson",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """The public name or part `name`, loaded now that somebody asks for it."""
    if name in _WHERE:
        value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    elif name in _PARTS:
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PARTS})
