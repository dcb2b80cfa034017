"""Where tokens come from.

A corpus is two arrays of token numbers, one to train on and one to measure the loss on, with a
fingerprint that says whether two machines trained on the same bytes. `python_source` reads real
text that is already on every machine that runs this course, so nothing has to be downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import platform
import re
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

END_OF_FILE = 0
"""The token that stands after each document."""

UNKNOWN = 26
"""The token for any character outside ASCII (its ASCII name is "substitute")."""

PACKAGES = ("torch", "numpy", "sympy", "networkx", "matplotlib")

_ARRAYS = ("train", "val", "train_targets", "val_targets")

_VALIDATION_SHARE = 0.04  # of the files
_LEFT_OUT_FOLDERS = re.compile(
    r"(^|/)(config-[^/]*|tests?|testing|_?generated|benchmarks?|examples?|_vendor|third_party|site-packages"
    r"|__pycache__|encodings|idlelib|lib2to3|ensurepip|distutils|turtledemo|pydoc_data|tkinter)(/|$)"
)
_LEFT_OUT_FILES = re.compile(
    r"(^|/)(test_.*|.*_tests?|conftest|version|_?_?version_*|__config__|_sysconfig.*|sitecustomize"
    r"|usercustomize|_distutils_hack|pylab)\.py$"
)
_SAYS_GENERATED = re.compile(
    r"(auto-?generated|generated (by|from|using|with)|do not (edit|modify))", re.IGNORECASE
)


@dataclass(frozen=True)
class Source:
    """One place that a corpus was read from, and what was taken from it."""

    name: str
    version: str
    folder: str
    files: int
    tokens: int
    left_out: int
    """Files passed over: tests, generated tables, duplicates, not text."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tokens to train on and tokens to measure the loss on.

    `train` and `val` are read-only `uint8` arrays of shape (tokens,), every value below
    `vocab_size`. No document is in both. Two corpora are equal if their fingerprints are.

    >>> tokens = np.array([0, 1, 1, 0, 2], dtype=np.uint8)
    >>> corpus = Corpus("by hand", train=tokens, val=tokens[::-1], vocab_size=3)
    >>> corpus.windows("train", context=2)
    array([[0, 1, 1],
           [1, 0, 2]], dtype=uint8)
    """

    name: str
    train: np.ndarray
    val: np.ndarray
    vocab_size: int
    sources: tuple[Source, ...] = ()
    missing: tuple[str, ...] = ()
    """Names of sources that were looked for and not found on this machine."""
    vocabulary: tuple[str, ...] = ()
    """How each token is shown; empty for text, where `decode` does it."""
    example_length: int | None = None
    """The tokens are examples of this length, one after the other, each read on its own; None for
    running text, which may be cut anywhere."""
    scored: tuple[bool, ...] | None = None
    """Which of the example_length - 1 predicted tokens count in the loss; None counts all."""
    best_loss: float | None = None
    """The lowest achievable loss in nats per scored token, where it is known."""
    train_targets: np.ndarray | None = None
    """What is to be predicted in the place of each token of `train`, of the same shape and type;
    None: the token itself."""
    val_targets: np.ndarray | None = None
    """The same for `val`. Both are given, or neither."""

    def __post_init__(self) -> None:
        if self.example_length is not None and self.example_length < 2:
            raise ValueError(
                f"example_length must be at least 2, a token and one to predict; "
                f"got {self.example_length}"
            )
        if (self.train_targets is None) != (self.val_targets is None):
            raise ValueError("give both train_targets and val_targets, or neither")
        for name in _ARRAYS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, self._tokens(name))
        for part in ("train", "val"):
            tokens, targets = getattr(self, part), getattr(self, f"{part}_targets")
            if self.example_length and tokens.size % self.example_length:
                raise ValueError(
                    f"{part} holds {tokens.size} tokens, not a whole number of examples of "
                    f"{self.example_length}"
                )
            if targets is not None and targets.size != tokens.size:
                raise ValueError(
                    f"{part}_targets holds {targets.size} tokens and {part} {tokens.size}: each "
                    "token needs one target in its place"
                )
        if self.vocabulary and len(self.vocabulary) != self.vocab_size:
            raise ValueError(
                f"vocabulary names {len(self.vocabulary)} tokens, vocab_size is {self.vocab_size}"
            )
        if self.scored is not None:
            if self.example_length is None or len(self.scored) != self.example_length - 1:
                raise ValueError(
                    "scored needs one entry for each of example_length - 1 predictions"
                )
            if not any(self.scored):
                raise ValueError("scored leaves no token to count in the loss")

    def _tokens(self, name: str) -> np.ndarray:
        """The array `name`, read-only. Raises ValueError if it holds no tokens."""
        tokens = np.asarray(getattr(self, name))
        if tokens.ndim != 1 or tokens.dtype != np.uint8:
            raise ValueError(
                f"{name} must be a one-dimensional uint8 array of token numbers, "
                f"got shape {tokens.shape} and type {tokens.dtype}"
            )
        if tokens.size == 0:
            raise ValueError(f"{name} is empty: a corpus needs tokens in both parts")
        if int(tokens.max()) >= self.vocab_size:
            raise ValueError(
                f"{name} holds token {int(tokens.max())}, but vocab_size is {self.vocab_size}: "
                "tokens are numbered from 0 to vocab_size - 1"
            )
        return _read_only(tokens)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # What comes out of a pickle or a deep copy can be written to, so the tokens are closed
        # again, and the fingerprint is taken anew.
        self.__dict__.update(state)
        self.__dict__.pop("fingerprint", None)
        for name in _ARRAYS:
            if getattr(self, name) is not None:
                getattr(self, name).flags.writeable = False

    def windows(self, part: Literal["train", "val"], context: int) -> np.ndarray:
        """What a model reads at a time: a view of shape (windows, context + 1).

        Running text is cut into windows that overlap by the one token that both predict and are
        given; examples are taken whole, and need a context of example_length - 1. Raises
        ValueError for another context, and if a part is shorter than one window.
        """
        return self._cut(part, getattr(self, part), context)

    def targets(self, part: Literal["train", "val"], context: int) -> np.ndarray | None:
        """What is to be predicted in the place of each token of `windows`, of the same shape.

        A model reads all tokens of a window but the last, and after each of them it predicts the
        target in the place of the next; nothing predicts the first. None if these targets are the
        tokens themselves. Raises ValueError as `windows` does.
        """
        targets = getattr(self, f"{part}_targets")
        return None if targets is None else self._cut(part, targets, context)

    def _cut(self, part: str, tokens: np.ndarray, context: int) -> np.ndarray:
        if self.example_length is not None:
            if context != self.example_length - 1:
                raise ValueError(
                    f"{self.name} has examples of {self.example_length} tokens, so the model's "
                    f"context must be {self.example_length - 1}, not {context}"
                )
            return tokens.reshape(-1, self.example_length)
        if tokens.size <= context:
            raise ValueError(
                f"the {part} part of {self.name} is shorter than one context: {tokens.size} "
                f"tokens, context {context}"
            )
        return np.lib.stride_tricks.sliding_window_view(tokens, context + 1)[::context]

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change with any token, any target and what is scored."""
        digest = hashlib.sha256()
        for part in (self.train, self.val):
            digest.update(part.size.to_bytes(8, "little"))
            digest.update(part.tobytes())
        if self.example_length is not None:
            scored = self.scored or [True] * (self.example_length - 1)
            digest.update(bytes(map(bool, scored)))
        if self.train_targets is not None and self.val_targets is not None:
            digest.update(b"targets" + self.train_targets.tobytes() + self.val_targets.tobytes())
        return digest.hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Corpus) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __str__(self) -> str:
        lines = [
            f"{self.name}, fingerprint {self.fingerprint}",
            f"  {self.train.size:,} tokens to train on, {self.val.size:,} to measure on",
        ]
        for s in self.sources:
            lines.append(
                f"  {s.name + ' ' + s.version:<18} {s.files:>5} files {s.tokens:>11,} tokens"
                f"  ({s.left_out} files left out)"
            )
        if self.train_targets is not None:
            lines.append("  with targets other than the next token")
        if self.missing:
            lines.append(f"  not found on this machine: {', '.join(self.missing)}")
        return "\n".join(lines)

    __repr__ = __str__


def _read_only(tokens: np.ndarray) -> np.ndarray:
    """The same tokens in an array that nobody can write to: a copy if somebody could."""
    base: Any = tokens
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        base = base.base
    tokens = tokens.copy() if isinstance(base, np.ndarray) else tokens
    tokens.flags.writeable = False
    return tokens


def encode(text: str) -> np.ndarray:
    """One token per character: its ASCII code, or `UNKNOWN` outside ASCII. Shape (len(text),)."""
    if not isinstance(text, str):
        raise TypeError(f"encode takes a string, got {type(text).__name__}")
    codes = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    return np.where(codes < 128, codes, UNKNOWN).astype(np.uint8)


def decode(tokens: np.ndarray) -> str:
    """The text of an array of token numbers below 128; the end of a file shows as `\u2400`.

    Raises ValueError if a token is not below 128.
    """
    tokens = np.asarray(tokens)
    if tokens.size and (int(tokens.min()) < 0 or int(tokens.max()) > 127):
        raise ValueError("decode takes token numbers from 0 to 127")
    text = tokens.astype(np.uint8).tobytes().decode("ascii")
    return text.replace("\x00", "\u2400").replace("\x1a", "\ufffd")


def from_documents(
    documents: Mapping[str, str], name: str, validation_share: float = _VALIDATION_SHARE
) -> Corpus:
    """A corpus from texts of your own: a mapping from each document's name to its text.

    Documents are put in the order of a hash of their names, so the order does not depend on the
    machine; the documents whose hash falls into the first `validation_share` of the range are
    the validation set. A text that occurs twice is kept once, in the validation set if it is
    there. Raises ValueError if no document is left for one of the two parts, and TypeError if
    `documents` is not a mapping from names to texts.

    >>> print(from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes"))
    notes, fingerprint 7374849bc5e1
      1,571 tokens to train on, 119 to measure on
    """
    if not isinstance(documents, Mapping):
        raise TypeError(
            "documents must map each document's name to its text, as in {'a.txt': '...'}; got "
            f"{type(documents).__name__}"
        )
    for key, text in documents.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise TypeError(f"names and texts must be strings; document {key!r} is not")
    if not 0 < validation_share < 1:
        raise ValueError(f"validation_share must lie between 0 and 1, got {validation_share}")
    parts, _ = _split(documents, validation_share)
    for part, texts in parts.items():
        if not texts:
            raise ValueError(
                f"no document fell into the {part} part: give more documents than {len(documents)} "
                f"or another validation_share than {validation_share}"
            )
    return Corpus(name=name, train=_join(parts["train"]), val=_join(parts["val"]), vocab_size=128)


def python_source() -> Corpus:
    """Real text without a download: the Python source of the packages this course runs on.

    Reads `PACKAGES` and the standard library. Left out are tests, generated files and tables,
    files that say they are generated, and every second copy of a file. Whole files go to the
    training or the validation part, and files are put in the order of a hash of their path, so
    two machines with the same versions get the same tokens (compare their fingerprints). The
    result is kept for the rest of the session. Raises RuntimeError if nothing was found.

    >>> corpus = python_source()
    >>> corpus.name, corpus.vocab_size
    ('python source', 128)
    """
    return _python_source()


@lru_cache(maxsize=1)
def _python_source() -> Corpus:
    documents: dict[str, str] = {}
    found: list[tuple[str, str, Path, list[str], int]] = []
    missing: list[str] = []
    for name in ("python", *PACKAGES):
        folder = _folder_of(name)
        if folder is None:
            missing.append(name)
            continue
        texts, left_out = _read_folder(folder)
        documents.update({f"{name}/{path}": text for path, text in texts.items()})
        version = (
            platform.python_version() if name == "python" else importlib.metadata.version(name)
        )
        found.append((name, version, folder, [f"{name}/{path}" for path in texts], left_out))
    parts, kept = _split(documents, _VALIDATION_SHARE)
    if not parts["train"] or not parts["val"]:
        raise RuntimeError(
            "python_source found no Python files to read. It looks for the source of "
            f"{', '.join(PACKAGES)} and the standard library; none had .py files here "
            "(some distributions ship only compiled files). Use from_documents with texts of "
            "your own instead."
        )
    sources = tuple(
        Source(
            name=name,
            version=version,
            folder=str(folder),
            files=sum(path in kept for path in paths),
            tokens=sum(len(documents[path]) + 1 for path in paths if path in kept),
            left_out=left_out + sum(path not in kept for path in paths),
        )
        for name, version, folder, paths, left_out in found
    )
    return Corpus(
        name="python source",
        train=_join(parts["train"]),
        val=_join(parts["val"]),
        vocab_size=128,
        sources=sources,
        missing=tuple(missing),
    )


def _folder_of(name: str) -> Path | None:
    if name == "python":
        return Path(sysconfig.get_path("stdlib"))
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _read_folder(folder: Path) -> tuple[dict[str, str], int]:
    """The texts under `folder` by relative path, and how many files were passed over."""
    texts, left_out = {}, 0
    for file in folder.rglob("*.py"):
        path = file.relative_to(folder).as_posix()
        if path.startswith(("site-packages/", "dist-packages/")):
            continue
        text = _read(file) if _is_wanted(path) else None
        if text is None or _is_table(text):
            left_out += 1
        else:
            texts[path] = text
    return texts, left_out


def _is_wanted(path: str) -> bool:
    return not (_LEFT_OUT_FOLDERS.search(path) or _LEFT_OUT_FILES.search(path))


def _read(file: Path) -> str | None:
    try:
        text = file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    text = text.replace("\r\n", "\n").strip("\n")
    return text + "\n" if text else None


def _is_table(text: str) -> bool:
    """Does this text hold data or generated code rather than writing?"""
    lines = text.count("\n") + 1
    digits = sum(map(text.count, "0123456789"))
    return (
        bool(_SAYS_GENERATED.search(text[:2000]))
        or digits > 0.15 * len(text)
        or len(text) > 120 * lines
    )


def _split(
    documents: Mapping[str, str], validation_share: float
) -> tuple[dict[str, list[str]], set[str]]:
    """Documents in hash order by part, without second copies, and the names of those kept."""
    place = {name: hashlib.sha256(_bytes(name)).digest()[:8] for name in documents}
    bound = int(validation_share * 2**64).to_bytes(8, "big")
    parts: dict[str, list[str]] = {"val": [], "train": []}
    seen: set[bytes] = set()
    kept: set[str] = set()
    # In the order of the hash the validation part comes first, so a text that both parts
    # would hold stays out of training.
    for name in sorted(documents, key=place.__getitem__):
        key = hashlib.sha256(_bytes("".join(documents[name].split()))).digest()
        if key in seen:
            continue
        seen.add(key)
        kept.add(name)
        parts["val" if place[name] < bound else "train"].append(documents[name])
    return parts, kept


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


def _join(texts: list[str]) -> np.ndarray:
    end = np.array([END_OF_FILE], dtype=np.uint8)
    tokens = np.concatenate([piece for text in texts for piece in (encode(text), end)])
    tokens.flags.writeable = False
    return tokens
