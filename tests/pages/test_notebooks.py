"""`make notebooks` runs chapters cleanly and writes them in one normal form."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import nbformat
import notebooks
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import ChapterError, is_progress, normalise, refresh, small_png, strip_png
from PIL import Image
from sample import figure, png

BAR = "\r  0%|          | 0/3 [00:00<?, ?it/s]\r100%|██████████| 3/3 [00:00<00:00, 4096.00it/s]\n"


def code(source: str, *outputs: NotebookNode) -> NotebookNode:
    """Return a notebook of one code cell."""
    return new_notebook(cells=[new_code_cell(source, outputs=list(outputs))])


def save(folder: Path, *sources: str) -> Path:
    """Write a notebook with a title and these code cells under `folder`; return its path."""
    path = folder / "01-small.ipynb"
    cells = [new_markdown_cell("# Small"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_notes_leave_a_png() -> None:
    assert strip_png(png(note=b"some program, version 3")) == png()


def test_what_is_no_png_is_refused() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        strip_png(b"GIF89a")


def test_a_large_figure_is_stored_with_few_colours() -> None:
    x, y = np.meshgrid(np.arange(600), np.arange(400))
    dots = np.random.default_rng(0).integers(0, 12, size=(400, 600))
    pixels = np.stack([x % 256, y % 256, dots], axis=-1).astype(np.uint8)
    large = BytesIO()
    Image.fromarray(pixels).save(large, format="PNG")
    small = small_png(large.getvalue())
    assert len(small) < len(large.getvalue()) / 2
    assert small_png(small) == small
    shown = np.asarray(Image.open(BytesIO(small)).convert("RGB")).astype(int)
    assert shown.shape == pixels.shape
    assert np.abs(shown - pixels).mean() < 12


def test_a_small_figure_keeps_its_pixels() -> None:
    assert small_png(png()) == png()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BAR, True),
        ("runs:  50%|#####     | 2/4 [00:01<00:01,  1.5it/s]", True),
        ("12it [00:03,  3.9it/s]", True),
        ("UserWarning: something is off", False),
        (BAR + "UserWarning: something is off\n", False),
    ],
)
def test_progress_bars_are_told_from_warnings(text: str, expected: bool) -> None:
    assert is_progress(text) is expected


def test_progress_bars_are_dropped() -> None:
    nb = normalise(code("run()", new_output("stream", name="stderr", text=BAR)), "01.ipynb")
    assert nb["cells"][0]["outputs"] == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (new_output("stream", name="stderr", text="UserWarning: off"), "cell 1: on stderr"),
        (new_output("error", ename="KeyError", evalue="'x'", traceback=[]), "cell 1: KeyError"),
        (
            new_output("execute_result", data={"text/plain": "<Line2D at 0x7f0012345678>"}),
            "cell 1: shows an object's address",
        ),
    ],
)
def test_an_unclean_output_is_an_error(output: NotebookNode, message: str) -> None:
    with pytest.raises(ChapterError, match=message):
        normalise(code("run()", output), "01.ipynb")


def test_the_card_of_a_bet_is_not_stored() -> None:
    card = {"text/plain": "BetCard(bet={})", "application/vnd.jupyter.widget-view+json": {}}
    said = new_output("stream", name="stdout", text="no forecast of yours yet")
    nb = normalise(code("predict()", new_output("display_data", data=card), said), "01.ipynb")
    assert nb["cells"][0]["outputs"] == [said]


def test_the_normal_form_holds_no_times_versions_or_states() -> None:
    nb = code("plot()", figure(png(note=b"version 3")))
    nb["metadata"] = {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}}
    nb["cells"][0]["metadata"] = {"execution": {"iopub.execute_input": "today"}, "tags": ["keep"]}
    nb["cells"][0]["execution_count"] = 17
    normal = normalise(nb, "01.ipynb")
    assert normal["metadata"]["language_info"] == {"name": "python"}
    assert "widgets" not in normal["metadata"]
    cell = normal["cells"][0]
    assert cell["metadata"] == {"tags": ["keep"]}
    assert cell["execution_count"] == 1
    assert cell["id"] == nb["cells"][0]["id"]
    assert base64.b64decode(cell["outputs"][0]["data"]["image/png"]) == png()
    assert notebooks.to_text(normalise(normal, "01.ipynb")) == notebooks.to_text(normal)


def test_a_second_run_changes_no_byte(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        "from tqdm import tqdm\nfor i in tqdm(range(3)): print(i)",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    )
    assert refresh(path).changed
    first = path.read_bytes()
    assert not refresh(path).changed
    assert path.read_bytes() == first
    assert notebooks.is_normal(path)


def test_each_chapter_starts_with_an_empty_record_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.txt").write_text("an old forecast", encoding="utf-8")
    monkeypatch.setenv("SCALINGLAWS_HOME", str(tmp_path))
    path = save(
        tmp_path, "import os\nprint(os.listdir(os.environ['SCALINGLAWS_HOME']), os.listdir())"
    )
    refresh(path)
    nb = nbformat.read(path, as_version=4)
    assert nb["cells"][1]["outputs"][0]["text"] == "[] []\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "01-small.ipynb, cell 3: .*ZeroDivisionError"),
        ("import warnings\nwarnings.warn('odd')", "01-small.ipynb, cell 3: on stderr: .*odd"),
        ("import os\nos._exit(1)", "01-small.ipynb: the kernel died"),
    ],
    ids=["error", "warning", "death"],
)
def test_a_failing_chapter_is_named_and_left_alone(
    source: str, message: str, tmp_path: Path
) -> None:
    path = save(tmp_path, "x = 1", source)
    before = path.read_bytes()
    with pytest.raises(ChapterError, match=f"(?s){message}"):
        refresh(path)
    assert path.read_bytes() == before


def test_the_record_of_a_chapter_goes_into_the_package_without_the_readers_own(
    tmp_path: Path,
) -> None:
    entries = [{"key": "1.x", "who": "you"}, {"key": "1.x", "who": "the line"}]
    (tmp_path / "forecasts.json").write_text(json.dumps(entries))
    record = notebooks.recorded(tmp_path)
    assert record == {"forecasts": [entries[1]], "verdicts": []}
    assert notebooks.keep_record(record, "01", tmp_path / "record")
    assert not notebooks.keep_record(record, "01", tmp_path / "record")
    assert json.loads((tmp_path / "record" / "01.json").read_text()) == record


def test_the_record_that_a_chapter_shows_follows_the_chapters_before_it() -> None:
    old = new_output("stream", name="stdout", text="a fit\nForecasts up to chapter 7\nYou: none\n")
    nb = code("print(fit)\nprint(forecast.so_far(chapter=7))", old)
    shown = notebooks.with_record(nb, lambda chapter: f"Forecasts up to chapter {chapter}\nnew")
    assert shown["cells"][0]["outputs"][0]["text"] == "a fit\nForecasts up to chapter 7\nnew\n"
    assert nb["cells"][0]["outputs"][0]["text"].endswith("none\n")
    other = code("print(fit)", old)
    assert notebooks.with_record(other, str) == other
