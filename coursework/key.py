"""The course's key, and what follows from it: each student's data and the truth behind them.

The data of a student are drawn with a seed that is a keyed hash (HMAC-SHA-256) of the problem set
and the student's id under the course's secret. Who has the secret can make data and truth anew at
any time; who has a student's id, or another student's data, cannot.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import zlib
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from scalinglaws.course import assignment

from . import tables

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
FILE = "course.key"
EXAMPLE = b"example"
"""The secret behind the data with which a master runs. Everybody may know it."""


@dataclass(frozen=True)
class World:
    """What one student gets, and what only the instructor knows."""

    packed: str
    """The data, as the notebook holds them."""
    truth: dict[str, Any]
    """What the tests compare with, worked out from the data and from the law that made them."""

    @property
    def digest(self) -> str:
        """Sixteen letters that differ where the data differ."""
        text = zlib.decompress(base64.b64decode(self.packed))
        return hashlib.sha256(text).hexdigest()[:16]


@dataclass(frozen=True)
class Person:
    """A student of the roster."""

    id: str
    name: str = ""
    email: str = ""
    canvas_id: str = ""
    login: str = ""
    section: str = ""


def secret(folder: Path, *, make: bool = False) -> bytes:
    """The course's secret, from `course.key` in its folder.

    With `make` it is made where there is none, readable by its owner only. Raises ValueError if
    there is none or if it is not one.
    """
    path = folder / FILE
    if not path.exists():
        if not make:
            raise ValueError(f"{path} is not there: build the release first, or bring its key here")
        folder.mkdir(parents=True, exist_ok=True)
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    text = path.read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{path} does not hold a key: 64 letters from 0 to 9 and a to f")
    return bytes.fromhex(text)


def seed(secret: bytes, name: str, student: str) -> int:
    """The seed of a student's data for a problem set."""
    told = hmac.new(secret, f"{name}/{student}".encode(), hashlib.sha256).digest()
    return int.from_bytes(told[:16], "big")


def world(secret: bytes, name: str, student: str) -> World:
    """The data of a student for a problem set, and their truth."""
    return _world(name, seed(secret, name, student))


@cache
def _world(name: str, seed: int) -> World:
    made = import_module(f"coursework.worlds.{name.replace('-', '_')}")
    data, truth = made.make(np.random.default_rng(seed))
    return World(assignment.pack(data), truth)


def example(name: str) -> dict[str, Any]:
    """The data of nobody: with these a master runs in an author's own Jupyter."""
    return assignment.unpack(world(EXAMPLE, name, "example").packed)


def roster(path: Path) -> list[Person]:
    """The students of a course, from a table with a column `id`, and others named as in `Person`.

    Commas, semicolons and tabs will do, and letters of any size in the names of columns. Raises
    ValueError if an id is missing, stands there twice, or cannot be the name of a folder.
    """
    rows = tables.read(path)
    if not rows or "id" not in rows[0][1]:
        raise ValueError(
            f"{path} needs a first line with the names of columns, one of them id, and a line for "
            "each student"
        )
    people, seen = [], set()
    for line, row in rows:
        fields = {key: row.get(key, "") for key in Person.__dataclass_fields__}
        person = Person(**fields)
        if not ID.fullmatch(person.id):
            raise ValueError(
                f"{path}, line {line}: an id has letters, digits, '.', '_', '@' and '-', begins "
                f"with a letter or digit, and is at most 64 long; got {person.id!r}"
            )
        if person.id.lower() in seen:
            raise ValueError(f"{path}, line {line}: the id {person.id!r} stands there twice")
        seen.add(person.id.lower())
        people.append(person)
    return people
