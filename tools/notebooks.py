"""Run the notebooks of the book anew, store their outputs, and write them in one normal form.

Usage: python tools/notebooks.py [--only 01] [--check]

Each notebook runs in its own kernel, in its own empty folder and with an empty record of forecasts.
The normal form holds no times, versions or widget state, so that a diff shows what changed; where
the outputs are the same, the file stays the same to the byte. What a chapter recorded (forecasts of
the laws, verdicts) goes into the package, where the chapters after it find it, and so do the points
that bets carry on.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import bet_points
import nbformat
from house import FIGURE_BYTES, ROOT, Book, is_chapter
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

from scalinglaws.course import forecast

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = ("mystnb", "tags")
CORES_PER_CHAPTER = 2
RECORD = ROOT / "scalinglaws" / "course" / "record"
SHOWS_RECORD = re.compile(r"print\(forecast\.so_far\(chapter=(\d+)\)\)$")
RECORD_SHOWN = re.compile(r"^Forecasts up to chapter \d+$", re.MULTILINE)
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_NOTES = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf")
PROGRESS = re.compile(r"^[^|]*\d+%\|[^|]*\| .*$|^.*\d+it \[\d+:\d+, .*\]$")
ADDRESS_IN_MEMORY = re.compile(r" at 0x[0-9a-fA-F]{6,}")


class ChapterError(RuntimeError):
    """A chapter that did not run cleanly; the message names chapter and cell."""


@dataclass(frozen=True)
class Ran:
    """One chapter that ran: seconds it took, and whether its file changed."""

    path: Path
    seconds: float
    changed: bool


def is_progress(text: str) -> bool:
    """Tell whether `text`, written to stderr, is nothing but progress bars."""
    lines = [line.strip() for line in re.split(r"[\r\n]", text.replace("\x1b[A", ""))]
    return all(not line or PROGRESS.match(line) for line in lines)


def strip_png(data: bytes) -> bytes:
    """Return a PNG without its notes: the program's version, dates, camera data.

    Raises:
        ValueError: if `data` is not a PNG.
    """
    if not data.startswith(PNG_SIGNATURE):
        raise ValueError("not a PNG")
    kept, position = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + 12 + length
        if data[position + 4 : position + 8] not in PNG_NOTES:
            kept.append(data[position:end])
        position = end
    return b"".join(kept)


def small_png(data: bytes) -> bytes:
    """Return a PNG without its notes, and with at most 256 colours, fewer if it is too large.

    A figure of lines and labels looks the same with 256 colours, at a third of the size, and hardly
    different with 32. The colours are halved, to 32 at the least, until it is as small as the rule
    of the pages asks.

    Raises:
        ValueError: if `data` is not a PNG.
    """
    data = strip_png(data)
    image = Image.open(BytesIO(data))
    if image.mode == "P":
        return data
    for colours in (256, 128, 64, 32):
        few = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        target = BytesIO()
        few.save(target, format="PNG", optimize=True, dpi=image.info.get("dpi", (72, 72)))
        small = strip_png(target.getvalue())
        if len(small) <= FIGURE_BYTES:
            break
    return min(small, data, key=len)


def normal_outputs(outputs: list[NotebookNode], count: int, where: str) -> list[NotebookNode]:
    """Return a cell's outputs in normal form.

    Raises:
        ChapterError: for an error, a warning on stderr, or an object's address in memory.
    """
    kept: list[NotebookNode] = []
    for output in deepcopy(outputs):
        kind = output["output_type"]
        if kind == "error":
            raise ChapterError(f"{where}: {output['ename']}: {output['evalue']}")
        if kind == "stream":
            if output["name"] == "stderr":
                if is_progress(output["text"]):
                    continue
                raise ChapterError(f"{where}: on stderr: {output['text'].strip()[:500]}")
            if kept and kept[-1]["output_type"] == "stream":
                kept[-1]["text"] += output["text"]
                continue
        else:
            output.pop("transient", None)
            if output["data"].get("text/plain", "").startswith("BetCard("):
                continue  # a card is for whoever sits before the notebook
            if "text/html" in output["data"]:  # the state of a widget is not stored: its HTML is
                output["data"].pop("application/vnd.jupyter.widget-view+json", None)
            if kind == "execute_result":
                output["execution_count"] = count
            if ADDRESS_IN_MEMORY.search(output["data"].get("text/plain", "")):
                raise ChapterError(
                    f"{where}: shows an object's address in memory, which differs from run to run; "
                    "end the cell with a semicolon or show something else"
                )
            if "image/png" in output["data"]:
                png = small_png(base64.b64decode(output["data"]["image/png"]))
                output["data"]["image/png"] = base64.b64encode(png).decode("ascii")
        kept.append(output)
    return kept


def normalise(nb: NotebookNode, name: str) -> NotebookNode:
    """Return a copy of the notebook in normal form; `name` is for messages.

    Raises:
        ChapterError: if an output shows that the chapter did not run cleanly.
    """
    nb = deepcopy(nb)
    nb["nbformat"], nb["nbformat_minor"] = 4, 5
    nb["metadata"] = NotebookNode(
        kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python")
    )
    count = 0
    for number, cell in enumerate(nb["cells"], start=1):
        cell["metadata"] = NotebookNode(
            {key: cell["metadata"][key] for key in CELL_METADATA if key in cell["metadata"]}
        )
        cell["source"] = cell["source"].rstrip()
        cell.setdefault("id", f"cell-{number:02d}")
        cell.pop("attachments", None) if not cell.get("attachments") else None
        if cell["cell_type"] != "code":
            continue
        if not cell["source"]:
            cell["execution_count"], cell["outputs"] = None, []
            continue
        count += 1
        cell["execution_count"] = count
        cell["outputs"] = normal_outputs(cell["outputs"], count, f"{name}, cell {number}")
    return nb


def to_text(nb: NotebookNode) -> str:
    """Return the notebook as the text of its file."""
    return nbformat.writes(nb, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def recorded(home: Path) -> dict[str, list]:
    """Return what a chapter recorded in `home`: its verdicts, and the forecasts of the laws."""
    found = {}
    for name in ("forecasts", "verdicts"):
        file = home / f"{name}.json"
        entries = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        found[name] = [entry for entry in entries if entry.get("who") != "you"]
    return found


def keep_record(record: dict[str, list], chapter: str, folder: Path = RECORD) -> bool:
    """Write what a chapter recorded into the package; tell whether that changed anything."""
    file = folder / f"{chapter}.json"
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    folder.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return True


def execute(nb: NotebookNode, name: str) -> tuple[NotebookNode, dict[str, list]]:
    """Run every cell of a copy of the notebook, in an empty folder; return it, and its record.

    Raises:
        ChapterError: if a cell fails or the kernel dies.
    """
    nb = deepcopy(nb)
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    with TemporaryDirectory() as folder, TemporaryDirectory() as home:
        client = NotebookClient(
            nb,
            timeout=None,
            kernel_name=KERNEL["name"],
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        log = Path(home) / "kernel.log"
        record = Path(home) / "record"
        record.mkdir()
        with log.open("wb") as stderr:
            environment = {**os.environ, "SCALINGLAWS_HOME": str(record)}
            try:
                client.execute(env=environment, stderr=stderr)
            except CellExecutionError as error:
                number = next(
                    number
                    for number, cell in enumerate(nb["cells"], start=1)
                    if any(out["output_type"] == "error" for out in cell.get("outputs", []))
                )
                raise ChapterError(f"{name}, cell {number}: {error}") from None
            except DeadKernelError:
                tail = log.read_text(errors="replace")[-1000:]
                raise ChapterError(f"{name}: the kernel died\n{tail}") from None
        return nb, recorded(record)


def refresh(path: Path) -> Ran:
    """Run the chapter at `path` and write it in normal form, if that changes it.

    Raises:
        ChapterError: if the chapter does not run cleanly; its file is left as it was.
    """
    start = time.perf_counter()
    nb = nbformat.read(path, as_version=4)
    done, record = execute(nb, path.name)
    text = to_text(normalise(done, path.name))
    changed = text.encode("utf-8") != path.read_bytes()
    if changed:
        path.write_bytes(text.encode("utf-8"))
    if path.is_relative_to(ROOT / "book") and is_chapter(path):
        changed = keep_record(record, path.name[:2]) or changed
    return Ran(path, time.perf_counter() - start, changed)


def with_record(nb: NotebookNode, show: Callable[[int], str]) -> NotebookNode:
    """Return a copy of the notebook that shows the record of forecasts as it stands now.

    The record of a chapter holds what the chapters before it recorded, so it changes when one of
    those is run anew. `show` returns what `forecast.so_far` prints for a chapter; it stands at the
    end of the output of the cell that ends with that call.
    """
    nb = deepcopy(nb)
    for cell in nb["cells"]:
        call = SHOWS_RECORD.search(cell["source"]) if cell["cell_type"] == "code" else None
        for output in cell.get("outputs", []) if call else []:
            if output["output_type"] == "stream" and (start := RECORD_SHOWN.search(output["text"])):
                output["text"] = output["text"][: start.start()] + show(int(call[1])) + "\n"
    return nb


def refresh_records(paths: list[Path]) -> None:
    """Bring the record that each chapter shows up to date with what the chapters recorded."""
    with TemporaryDirectory() as home:
        os.environ["SCALINGLAWS_HOME"] = home
        for path in paths:
            nb = nbformat.read(path, as_version=4)
            text = to_text(with_record(nb, lambda chapter: str(forecast.so_far(chapter))))
            if text.encode("utf-8") != path.read_bytes():
                path.write_bytes(text.encode("utf-8"))
                print(f"{path.name}: the record of the chapters before it has changed")


def is_normal(path: Path) -> bool:
    """Tell whether the file at `path` is in normal form already.

    Raises:
        ChapterError: if its stored outputs show that it did not run cleanly.
    """
    nb = nbformat.read(path, as_version=4)
    return to_text(normalise(nb, path.name)).encode("utf-8") == path.read_bytes()


def refresh_all(paths: list[Path]) -> bool:
    """Run the chapters, as many at once as the cores allow; print each; tell whether all ran."""
    fine = True
    at_once = max(1, (os.cpu_count() or 1) // CORES_PER_CHAPTER)
    with ThreadPoolExecutor(at_once) as pool:
        jobs = [(path, pool.submit(refresh, path)) for path in paths]
        for path, job in jobs:
            try:
                ran = job.result()
            except ChapterError as error:
                fine = False
                print(f"{path.name}: FAILED\n{error}", file=sys.stderr)
            else:
                state = "changed" if ran.changed else "unchanged"
                print(f"{path.name}: {ran.seconds:.0f} s, {state}", flush=True)
    return fine


def check_all(paths: list[Path]) -> bool:
    """Print which chapters are not in normal form; tell whether all are."""
    fine = True
    for path in paths:
        try:
            normal = is_normal(path)
        except ChapterError as error:
            normal = False
            print(error, file=sys.stderr)
        if not normal:
            fine = False
            print(f"{path.name}: not in normal form; run 'make notebooks'", file=sys.stderr)
    return fine


def main() -> None:
    """Read the command line; exit with 1 if a chapter failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="notebooks whose file name starts with this")
    parser.add_argument("--check", action="store_true", help="run nothing, check the form")
    options = parser.parse_args()
    paths = [path for path in Book(ROOT).notebooks if path.name.startswith(options.only)]
    if not paths:
        raise SystemExit(f"no notebook starts with {options.only!r}")
    fine = check_all(paths) if options.check else refresh_all(paths)
    if not options.check:
        refresh_records(list(Book(ROOT).notebooks))
        if bet_points.refresh():
            print("points.json: the points behind the bets have changed")
    raise SystemExit(0 if fine else 1)


if __name__ == "__main__":
    main()
