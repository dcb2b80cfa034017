"""What a notebook of the graded coursework needs: the data that it carries.

A student's notebook holds the student's own data as one string, so that it runs in Colab and in
Jupyter with nothing but this package beside it. How the data are made, and from which truth, is
not here: that is the instructor's part, in the folder `coursework` of the repository.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

LARGEST = 5_000_000
"""So many bytes may the data of one notebook have."""


def pack(data: Mapping[str, Any]) -> str:
    """`data` as one string of letters.

    data: names with tables (a DataFrame, columns of numbers or words), numbers, words, or lists of
    them. Raises TypeError for anything else, and ValueError for a number that is not finite.

    >>> data = unpack(pack({"runs": pd.DataFrame({"x": [1, 2], "loss": [3.5, 3.25]}), "C": 1e9}))
    >>> data["runs"].loss.sum(), data["C"]
    (np.float64(6.75), 1000000000.0)
    """
    plain = {
        name: {"table": {str(key): part[key].tolist() for key in part}}
        if isinstance(part, pd.DataFrame)
        else {"value": part}
        for name, part in data.items()
    }
    text = json.dumps(plain, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str) -> dict[str, Any]:
    """The data that `pack` made `text` of: tables as DataFrames, the rest as it was.

    Raises ValueError if letters of the string are missing or were changed.
    """
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        reader = zlib.decompressobj()
        plain = json.loads(reader.decompress(raw, LARGEST))
        if reader.unconsumed_tail or not reader.eof:
            raise ValueError("cut off")
        return {
            name: pd.DataFrame(part["table"]) if "table" in part else part["value"]
            for name, part in plain.items()
        }
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            "the data of this notebook are damaged: take a fresh copy of it, as it was handed "
            "out, and paste your answers into that"
        ) from None
