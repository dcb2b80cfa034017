"""Graded coursework: problem sets with data of each student's own, and the grading of them.

This folder is the instructor's and no part of the package that students install. Begin with the
page `book/instructors-guide.md`, or with `python -m coursework --help`.

`source/` holds the masters, in the format and the folders of nbgrader. `worlds/` makes the data of
a student and knows the truth behind them. `masters.py` reads the masters, `release.py` makes what
students get, `sandbox.py` and `runner.py` run what they hand in, `grading.py` marks it, `points.py`
keeps what a person gives, `export.py` writes it all down, in tables of `tables.py`.

All of it is public: solutions and hidden tests are secret from nobody who looks here. Only the key
of a course is, and with it the truth behind each student's data.
"""
