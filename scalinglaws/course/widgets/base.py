"""What all explorers share: their page, their values, and their life beside a kernel.

An explorer is JavaScript that computes and draws by itself. Shown in a notebook with a kernel and
anywidget it is a widget, and its values are the same on the page and in Python. Everywhere else,
on the book's site above all, the same JavaScript runs from the output, without a network.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
_shown: Counter[str] = Counter()
"""How often a page of this content was made, so that no two on a page have one name."""

PAGE = """<div id="{name}" class="scalinglaws-explorer" role="group" aria-label="{label}">
<p>{still}</p></div>
<script>(() => {{
const el = document.querySelector("#{name}:not([data-alive])");
if (!el) return;
el.dataset.alive = "yes";
const {{ esm, values }} = {payload};
const heard = {{}};
const model = {{
  get: (name) => values[name],
  set: (name, value) => {{
    values[name] = value;
    (heard["change:" + name] || []).forEach((f) => f());
  }},
  save_changes: () => {{}},
  on: (name, f) => (heard[name] ||= []).push(f),
}};
const url = URL.createObjectURL(new Blob([esm], {{ type: "text/javascript" }}));
import(url)
  .then((m) => {{ el.replaceChildren(); m.default.render({{ model, el }}); }})
  .finally(() => URL.revokeObjectURL(url));
}})();</script>"""


@cache
def source(*parts: str) -> str:
    """The JavaScript module of an explorer, made of these files, without comments."""
    text = "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in parts)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


class Explorer:
    """A figure that answers its reader. Its values are read and set as those of a dictionary.

    A subclass gives `name`, the stem of its .js file, and to this constructor what the page is
    told about it (`label`, for screen readers), what stands there where no script runs (`still`),
    the data that it draws, and its values with a check for each: a function that returns the
    value in the form in which the page keeps it, or raises ValueError.
    """

    name: str
    parts: tuple[str, ...] = ("base", "chart")
    """The stems of the .js files that it shares with others."""

    def __init__(
        self,
        label: str,
        still: str,
        data: Mapping[str, Any],
        values: Mapping[str, Any],
        checks: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        self.label, self.still, self.data = label, still, dict(data)
        self._values = dict(values)
        self._checks = dict(checks)
        self._widget: Any = None

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return fill(f"{type(self).__name__}({values})", 64, subsequent_indent="  ")

    @property
    def values(self) -> dict[str, Any]:
        """What the reader has set, by name; beside a kernel, as it stands on the page now."""
        if self._widget is None:
            return dict(self._values)
        return {name: getattr(self._widget, name) for name in self._values}

    def __getitem__(self, name: str) -> Any:
        """One value. Raises KeyError if the explorer has none of this name."""
        return self.values[self._known(name)]

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a value. Raises KeyError for an unknown name, ValueError for a bad value."""
        value = self._checks[self._known(name)](value)
        self._values[name] = value
        if self._widget is not None:
            setattr(self._widget, name, value)

    def _known(self, name: str) -> str:
        if name not in self._values:
            raise KeyError(f"no value {name!r}: this explorer has {', '.join(self._values)}")
        return name

    @property
    def widget(self) -> Any:
        """The explorer as an anywidget, for a notebook with a kernel.

        Raises ImportError if anywidget is not installed; the explorer then works as well, but
        Python does not see what is set on the page.
        """
        if self._widget is None:
            try:
                import anywidget
                import traitlets
            except ImportError as error:
                raise ImportError(
                    "without anywidget the explorer works on the page alone: "
                    "to read its values in Python, run 'pip install anywidget'"
                ) from error
            traits = {key: traitlets.Any().tag(sync=True) for key in ("data", *self._values)}
            kind = type(
                type(self).__name__,
                (anywidget.AnyWidget,),
                {"_esm": source(*self.parts, self.name), **traits},
            )
            self._widget = kind(data=self.data, **self._values)
        return self._widget

    def html(self) -> str:
        """The explorer as HTML that works by itself, on a page without a kernel and a network."""
        payload = {
            "esm": source(*self.parts, self.name),
            "values": {"data": self.data, **self.values},
        }
        text = json.dumps(payload, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
        text = text.replace("</", "<\\/").replace("<!--", "<\\!--")
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        _shown[digest] += 1
        return PAGE.format(
            name=f"explorer-{self.name}-{digest}-{_shown[digest]}",
            label=escape(self.label),
            still=escape(self.still),
            payload=text,
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget where anywidget is installed, and in any case the HTML that needs nothing."""
        bundle: dict[str, Any] = {}
        try:
            shown = self.widget._repr_mimebundle_() or {}
            bundle |= shown[0] if isinstance(shown, tuple) else shown
        except ImportError:
            pass
        return bundle | {"text/plain": repr(self), "text/html": self.html()}


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """A check: the value is one of these."""

    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(map(repr, allowed))}, not {value!r}")
        return value

    return check


def within(low: float, high: float) -> Callable[[Any], float]:
    """A check: a number from low to high."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"a number from {low:g} to {high:g}, not {value!r}")
        if not low <= value <= high:
            raise ValueError(f"from {low:g} to {high:g}, not {value:g}")
        return float(value)

    return check


def rounded(values: Any, digits: int = 5) -> Any:
    """Numbers to so many significant digits, in nested lists: a page need not carry more."""
    if isinstance(values, (int, float)):
        return float(f"{values:.{digits}g}")
    values = values.tolist() if hasattr(values, "tolist") else values
    return [rounded(value, digits) for value in values]


def written(numbers: Any) -> str:
    """Whole numbers from 0 to 90, of any shape, as characters that stand for themselves in JSON.

    >>> written([0, 1, 57, 58, 90])
    '#$]^~'
    """
    codes = [int(number) + 35 for number in np.ravel(numbers)]
    return "".join(chr(code + (code >= ord("\\"))) for code in codes)


def needs(table: pd.DataFrame, what: str, *columns: str) -> None:
    """Raises ValueError, which names them, if a table lacks columns that an explorer draws."""
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise ValueError(
            f"{what}: the table lacks {', '.join(lacking)}; it needs {', '.join(columns)}"
        )
