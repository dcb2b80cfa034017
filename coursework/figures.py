"""The figures of the chapters, for slides: as files, with captions and credit."""

from __future__ import annotations

import base64
import json
from pathlib import Path

BOOK = Path(__file__).parent.parent / "book"
CREDIT = "Scaling Laws from Scratch, CC BY 4.0"


def export(folder: Path) -> list[Path]:
    """Write every stored figure of the chapters to `folder`, and a list with what each shows.

    A file is named after its chapter and its place in it. `figures.md` has, for each, the heading
    under which it stands and the description that the book gives to who cannot see it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written, lines = [], ["# Figures", "", f"Credit: {CREDIT}", ""]
    for page in sorted(BOOK.glob("[0-9][0-9]-*.ipynb")):
        heading, count = page.stem, 0
        for cell in json.loads(page.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                titles = [line for line in cell["source"] if line.startswith("#")]
                heading = titles[-1].strip("# \n") if titles else heading
            for output in cell.get("outputs", []):
                if "image/png" not in output.get("data", {}):
                    continue
                count += 1
                path = folder / f"{page.stem[:2]}-{count:02}.png"
                path.write_bytes(base64.b64decode(output["data"]["image/png"]))
                told = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                lines += [
                    f"## {path.name}",
                    "",
                    f"Chapter {page.stem[:2]}, {heading}.",
                    "",
                    told,
                    "",
                ]
                written.append(path)
    (folder / "figures.md").write_text("\n".join(lines), encoding="utf-8")
    return written
