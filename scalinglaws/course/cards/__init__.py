"""The card on which a bet is placed: the questions of the book, and the card beside a kernel.

On the pages of the book and in a notebook it is the same script. `questions.json` has a question
and an axis for every forecast of the chapters, and `points.json` the measured points that some of
them carry on, as they stand in the outputs of the chapters (`tools/bet_points.py` reads them off).
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Question and axis of every bet by key, and the plot of those that carry on points.

    >>> questions()["1.bigger-model"]["question"]
    'Which loss will the model of width 64 reach?'
    """
    asked = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))
    points = json.loads((HERE / "points.json").read_text(encoding="utf-8"))
    return {
        key: {**one, "plot": {**one["plot"], **points[key]}} if "plot" in one else one
        for key, one in asked.items()
    }


def attended() -> bool:
    """Is there somebody at the front end that runs this cell?

    JupyterLab, VS Code and Colab tell the kernel that their user can be asked; nbclient, nbconvert,
    nbval and papermill, which run notebooks by themselves, tell it that nobody can.

    >>> attended()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def widget(
    key: str, unit: str, kept: dict[str, Any], keep: Callable[[dict[str, float]], dict[str, Any]]
) -> Any:
    """The card for this question as an anywidget.

    `kept` is the bet that the record has, or empty. `keep` is called with the `value`, `low` and
    `high` that the reader commits; what it returns is shown as kept, or as `wrong`. Raises KeyError
    for a key without a question, ImportError without anywidget.
    """
    if key not in questions():
        raise KeyError(f"no card for {key!r}: the book asks no such question")
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ImportError(
            "a card needs anywidget: run 'pip install anywidget', or give predict your numbers"
        ) from error
    if "google.colab" in sys.modules:  # Colab draws widgets of others only where it is asked to
        importlib.import_module("google.colab.output").enable_custom_widget_manager()
    script = (HERE / "bets.js").read_text(encoding="utf-8")
    traits = {name: traitlets.Dict().tag(sync=True) for name in ("bet", "kept", "said")}
    look = {
        "_esm": script + "export default bets;\n",
        "_css": (HERE / "bets.css").read_text(encoding="utf-8"),
        "__repr__": lambda self: f"BetCard({key!r})",
        "__module__": __name__,
    }
    made = type("BetCard", (anywidget.AnyWidget,), {**look, **traits})(
        bet={**questions()[key], "key": key, "unit": unit}, kept=kept, said={}
    )

    def hear(change: dict[str, Any]) -> None:
        said = {name: change["new"].get(name) for name in ("value", "low", "high")}
        made.kept = keep(said)

    made.observe(hear, "said")
    return made


def show(make: Callable[[], Any]) -> None:
    """Show in the notebook the card that `make` makes, if there is one and anywidget is there."""
    from IPython.display import display

    with suppress(KeyError, ImportError):
        display(make())
