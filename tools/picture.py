"""The picture of the README: the last figure of chapter 1, as the stored notebook shows it."""

from __future__ import annotations

import base64
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "book" / "01-the-bet.ipynb"
PICTURE = ROOT / "book" / "_static" / "the-bet.png"


def last_figure(notebook: Path) -> bytes:
    """The PNG of the notebook's last figure. Raises ValueError if it holds none."""
    figures = [
        output.data["image/png"]
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    if not figures:
        raise ValueError(f"{notebook.name} holds no figure: run `make notebooks` first")
    return base64.b64decode(figures[-1])


if __name__ == "__main__":
    PICTURE.write_bytes(last_figure(NOTEBOOK))
