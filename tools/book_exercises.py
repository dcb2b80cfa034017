"""A Sphinx extension that lets a reader of the built pages answer the numeric exercises.

In a notebook `check.answer` replies to an answer. Here the line that it prints for an open exercise
is marked in the built page, and what a reply needs (the truth, the slips, what is said to each) is
put beside it, taken from the same exercise. `exercises.js` makes a field of it. Exercises about the
reader's own runs, and written ones, stay as they are.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from scalinglaws.course import check
from scalinglaws.course.exercises.kinds import Exercise

OPEN = re.compile(
    r"(?<=[\n>])(\d+\.\d+)\s+Open\.\s+Put\s+your\s+answer\s+in\s+place\s+of\s+None\s+"
    r"and\s+run\s+the\s+cell\s+again\.",
)


def numeric(name: str) -> Exercise | None:
    """Return the exercise of this name if its answer is one number that is known beforehand."""
    if check.needs(name):
        return None
    task = check.task(name)
    return task if isinstance(task, Exercise) else None


def exercise(task: Exercise) -> dict[str, Any]:
    """Return what the page needs to reply to an answer."""
    near = task.tolerance if task.slip_tolerance is None else task.slip_tolerance
    return {
        "truth": task.truth,
        "tolerance": task.tolerance,
        "right": task.right,
        "near": near,
        "slips": [{"value": slip.value, "saying": slip.saying} for slip in task.slips],
    }


def data(names: list[str]) -> str:
    """Return the element that holds these exercises, in a form that search and eye pass over."""
    tasks = {name: exercise(task) for name in names if (task := numeric(name))}
    text = base64.b64encode(json.dumps(tasks).encode()).decode()
    return f'<script type="text/plain" id="exercise-data">{text}</script>\n'


def add_exercises(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mark the numeric exercises of a page, and give it what replies need."""
    body = context.get("body") or ""
    names = [found[1] for found in OPEN.finditer(body) if numeric(found[1])]
    if not names:
        return
    marked = OPEN.sub(
        lambda found: (
            f'<span data-exercise="{found[1]}">{found[0]}</span>' if found[1] in names else found[0]
        ),
        body,
    )
    context["body"] = marked + data(names)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    app.connect("html-page-context", add_exercises)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
