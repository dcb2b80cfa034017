"""What students get: one notebook each, with their own data in it.

`release/<set>/<student>/<set>.ipynb` is the notebook, which opens in Jupyter and in Colab (File,
Upload notebook) with nothing beside it. `release/<set>.zip` holds the notebooks of the whole class,
one folder a student, for a learning platform.
"""

from __future__ import annotations

import json
import platform
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy

from . import key, masters
from .key import Person

FIRST_DATE = (2020, 1, 1, 0, 0, 0)
"""Zips name this date, so that the same release is the same file."""


def build(folder: Path, names: Sequence[str], people: Sequence[Person]) -> list[Path]:
    """Make the release of these problem sets for these students; the zips that were written.

    The secret is made on the first call, and never again in its place. What was released before is
    made again, the same to the byte; students who are new get theirs. Raises ValueError, before
    anything is written, where a student's data would differ from those that were handed out, as
    with another key.
    """
    secret = key.secret(folder, make=not (folder / "handed-out").exists())
    digests = {
        name: {one.id: key.world(secret, name, one.id).digest for one in people} for name in names
    }
    for name in names:
        check(folder, name, digests[name])
    written = []
    for name in names:
        master = masters.load(name)
        place = folder / "release" / name
        for person in people:
            world = key.world(secret, name, person.id)
            path = place / person.id / f"{name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(master.release(world.packed), indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        remember(folder, name, digests[name])
        written.append(zipped(place))
    return written


def zipped(place: Path) -> Path:
    """Pack the notebooks under a folder into a zip beside it."""
    path = place.with_suffix(".zip")
    fresh = path.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for notebook in sorted(place.glob("*/*.ipynb")):
            told = zipfile.ZipInfo(notebook.relative_to(place).as_posix(), FIRST_DATE)
            told.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(told, notebook.read_bytes())
    shutil.move(fresh, path)
    return path


def remember(folder: Path, name: str, digests: dict[str, str]) -> None:
    """Note what was handed out, and with which versions.

    Raises ValueError where a student's data would differ from those handed out before.
    """
    path = folder / "handed-out" / f"{name}.json"
    told = {"python": platform.python_version(), "numpy": numpy.__version__, "data": {}}
    if path.exists():
        told = json.loads(path.read_text())
    check(folder, name, digests)
    told["data"].update(digests)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def handed_out(folder: Path, name: str) -> dict[str, str]:
    """The students to whom data were handed out, each under the print of their data."""
    path = folder / "handed-out" / f"{name}.json"
    if not path.exists():
        return {}
    return {digest: student for student, digest in json.loads(path.read_text())["data"].items()}


def check(folder: Path, name: str, digests: dict[str, str]) -> None:
    """Raise ValueError where data made now differ from those that were handed out."""
    path = folder / "handed-out" / f"{name}.json"
    if not path.exists():
        return
    told = json.loads(path.read_text())
    changed = [one for one, digest in digests.items() if told["data"].get(one, digest) != digest]
    if changed:
        raise ValueError(
            f"{name}: the data of {', '.join(changed[:3])} made now are not those handed out. They "
            f"were made with Python {told['python']}, numpy {told['numpy']} and another state of "
            "this folder: grade with those."
        )
