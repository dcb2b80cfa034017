"""A class of thirty, with every hostile submission that we know. `make class` runs it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hostile import CASES
from test_hostile import LIMITS, check, graded_class, needs_sandbox


@pytest.mark.timeout(3000)
def test_a_class_of_thirty(tmp_path):
    needs_sandbox()
    cases = list(CASES)
    # One of them sleeps until the time on the clock is over.
    limits = replace(LIMITS, patience=60)
    marks = graded_class(tmp_path, cases, 30 - len(cases), limits)
    assert len(marks) == 30
    check(marks, cases)
