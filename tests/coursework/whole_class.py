"""A class of thirty, with every hostile submission that we know. `make class` runs it."""

from __future__ import annotations

import pytest
from hostile import CASES
from test_hostile import check, graded_class, limits, needs_sandbox


@pytest.mark.timeout(3000)
def test_a_class_of_thirty(tmp_path):
    needs_sandbox()
    cases = list(CASES)
    # One of them sleeps until the time on the clock is over.
    marks = graded_class(tmp_path, cases, 30 - len(cases), limits(20))
    assert len(marks) == 30
    check(marks, cases)
