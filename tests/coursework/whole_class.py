"""A class of thirty, with every hostile submission that we know. `make class` runs it."""

from __future__ import annotations

import pytest
from hostile import CASES
from test_hostile import check, graded_class, needs_sandbox


@pytest.mark.timeout(3000)
def test_a_class_of_thirty(tmp_path):
    needs_sandbox()
    cases = list(CASES)
    marks = graded_class(tmp_path, cases, honest=30 - len(cases))
    assert len(marks) == 30
    check(marks, cases)
