"""Train tiny language models in bulk, fit their scaling laws, bet on bigger ones.

The parts, each importing only from those before it: `_checks` (what is validated everywhere),
`estimate` (a value with its interval),
`text` (where tokens come from), `learners` (what can be trained), `runs` (tables of runs, and the
store that keeps them), `training` (one run, a stack of them, a sweep), `metrics` (marks for what a
model can do), `laws` (formulas that own their parameters), `fit` (laws from runs, with intervals),
`plan` (what to train with a budget), `plot` (shared figures), `report` (from a table of runs to an
answer), `cli` (the command line), `course` (forecasts, exercises: what only the course needs).
"""

__version__ = "0.1.0"
