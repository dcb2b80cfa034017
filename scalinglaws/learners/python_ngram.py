"""An n-gram that knows Python: counts, and what a programmer would tell it about the language.

Five predictors look at the same window, and a mixture weighs what they say:

- the n-gram of `NgramConfig`, over the last characters;
- syntax: counts after the kinds of the last tokens (each keyword and operator a kind of its own,
  all names one kind, all numbers one) and the letters so far of the token that is being written;
- indentation: at the beginning of a line, counts after the indentation of the line before, what
  that line ended with, and whether it left its block (return, raise, break ...);
- names in scope: the names that stand earlier in the window and begin with the letters so far;
- the words of the language: keywords and built-in names that begin with them.

What the weights depend on is also knowledge: how long a history the n-gram has met, how many names
fit, and whether a line, a name or something else is being written. The weights are fitted by
expectation maximisation (Jelinek & Mercer 1980) to an eighth of the windows, counted without; then
all windows are counted.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from .base import Count, Counter, LearnerConfig, check_count
from .ngram import (
    NgramConfig,
    Order,
    counted,
    longest_met,
    mix,
    probabilities,
    shared_out,
    tallied,
)

_PARTS = 8
"""One in so many windows is held out to fit the weights."""
_MOST_HELD_OUT = 1024
_ROUNDS = 30
_PRIOR = 30.0
"""Places' worth of trust in the weights over all situations, within one of them."""
_KEYS = 2**54
"""Keys of contexts stay below this, so that a character fits beside them."""


@dataclass(frozen=True)
class PythonNgramConfig(LearnerConfig):
    """The shape of an n-gram with knowledge of Python. `order` is that of the plain n-gram in it.

    How many parameters it has is known once it has counted.

    >>> from scalinglaws import Run, from_documents, train
    >>> texts = {f"{i}.py": f"def f{i}(a):" + chr(10) + "    return a" for i in range(300)}
    >>> run = Run(PythonNgramConfig(order=3), tokens=4_096)
    >>> bool(train(run, from_documents(texts, "functions")).loss < 0.5)
    True
    """

    kind: ClassVar[str] = "python-ngram"
    by_gradient: ClassVar[bool] = False

    order: int = 9
    context: int = 32
    """Tokens that are read at once; nothing is known of what stands before a window."""
    vocab_size: int = 128

    def __post_init__(self) -> None:
        if self.vocab_size != 128:
            raise ValueError(f"vocab_size must be 128, that of ASCII; got {self.vocab_size}")
        inner = self.plain
        object.__setattr__(self, "order", inner.order)
        object.__setattr__(self, "context", inner.context)

    @property
    def plain(self) -> NgramConfig:
        """The n-gram in it."""
        return NgramConfig(self.order, self.context, self.vocab_size)

    def build(self, seeds: Sequence[int]) -> PythonNgram:
        """A stack of models that have counted nothing yet; the seeds make no difference."""
        return PythonNgram(self, len(seeds))

    def params(self, count: Count = "total") -> int:
        """Raises ValueError: only the trained model knows, since counting makes the parameters."""
        return self.plain.params(count)

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: one addition to a count for each order and each context."""
        return self.plain.flops_per_token(count) + len(_SYNTAX) + _LAYOUTS

    def lanes(self, card: bool = False) -> int:
        """One: nothing is gained by counting for several at once."""
        return 1

    def seconds_per_token(self) -> float:
        """About four times what the plain n-gram takes."""
        return 4 * self.plain.seconds_per_token()

    def shape(self) -> dict[str, Any]:
        """Its window, the tokens that the plain n-gram looks back over."""
        return self.plain.shape()


class PythonNgram(Counter):
    """A stack of n-grams with knowledge of Python, each of which counts for itself."""

    config: PythonNgramConfig

    def __init__(self, config: PythonNgramConfig, stack: int = 1) -> None:
        super().__init__(config, stack)
        self.known: list[_Known | None] = [None] * stack
        """What each model of the stack has learnt; None before it has counted."""

    def count(self, tokens: Tensor, targets: Tensor, keep: Tensor | None) -> None:
        """Learn from all windows: tokens and targets (stack, windows, time)."""
        places = np.arange(tokens.shape[2]) if keep is None else np.flatnonzero(keep.cpu().numpy())
        self.known = [
            _learnt(one.cpu().numpy(), wanted.cpu().numpy(), places, self.config)
            for one, wanted in zip(tokens, targets, strict=True)
        ]

    def params(self, count: Count = "total") -> int:
        """Stored counts of the first model. Raises ValueError if nothing was counted yet."""
        check_count(count)
        if self.known[0] is None:
            raise ValueError("this n-gram has counted nothing yet, so it has no parameters")
        return self.known[0].size()

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """ln p of every token: (stack, batch, time) -> (stack, batch, time or kept, vocab_size)."""
        stack, batch, time = tokens.shape
        places = np.arange(time) if keep is None else np.flatnonzero(keep.cpu().numpy())
        p = []
        for known, one in zip(self.known, tokens, strict=True):
            if known is None:
                p.append(np.full((batch, len(places), self.config.vocab_size), 1 / 128))
                continue
            said, situation = known.says(one.cpu().numpy(), places, self.config)
            p.append(np.einsum("bpk,bpkv->bpv", known.weights[situation], said))
        found = torch.from_numpy(np.log(np.stack(p)))
        return found.view(stack, batch, len(places), self.config.vocab_size).to(tokens.device)

    def one(self, number: int) -> Self:
        """The model at this place of the stack, as a stack of its own; the counts are shared."""
        alone = type(self)(self.config)
        alone.known = [self.known[number]]
        return alone


# --------------------------------------------------------------------------- what is read off text


def _key(word: str) -> int:
    """The number that `_read` gives to this word."""
    h = _EMPTY
    for c in word:
        h = (h * 131 + ord(c)) % _KEYS
    return h


_EMPTY, _SPACE, _NAME, _NUMBER, _MARK = 7, 8, 1, 2, 1000
"""The token being written when there is none, or a space only; kinds of the tokens before."""
_KINDS = 4
"""So many tokens back are seen."""
_SYNTAX = (1, 2, 3, 4)
"""How many of them each context of the syntax takes."""
_LAYOUTS = 2
_WORDS = sorted({*keyword.kwlist, "self", *(n for n in dir(builtins) if not n.startswith("_"))})
_KEYWORDS = np.sort([_key(word) for word in (*keyword.kwlist, "self")])
_LEAVING = np.sort([_key(word) for word in ("return", "raise", "break", "continue", "pass")])
_LETTER = np.array([chr(c).isalnum() or chr(c) == "_" for c in range(128)])
_DIGIT = np.array([chr(c).isdigit() for c in range(128)])


class _Seen(NamedTuple):
    """What a programmer sees at each place of each window; arrays (windows, time)."""

    begins: np.ndarray
    """Where the name that is being written begins; the next place if none is."""
    token: np.ndarray
    """The token that is being written, as a number."""
    kinds: list[np.ndarray]
    """The kinds of the tokens before it, the last one first."""
    spaces: np.ndarray
    """Spaces since the line began; -1 once anything else is written, or if that is not seen."""
    layout: np.ndarray
    """Indentation of the line before, what it ended with, and whether it left its block."""
    indentation: np.ndarray
    """Indentation of the line before; -1 if that is not seen."""


def _read(tokens: np.ndarray) -> _Seen:
    """Read all windows from left to right; tokens (windows, time)."""
    n, time = tokens.shape
    begun, being, spaced, laid, indented = np.empty((5, n, time), dtype=np.int64)
    kinds = [np.empty((n, time), dtype=np.int64) for _ in range(_KINDS)]
    zero = np.zeros(n, dtype=np.int64)
    before = [zero] * _KINDS
    begins, token, last, last_above = zero, zero + _EMPTY, zero, zero
    spaces, indent, above, words = zero - 1, zero - 1, zero - 1, zero + 1
    was_letter = number = leaves = left = np.zeros(n, dtype=bool)
    for t in range(time):
        c = tokens[:, t].astype(np.int64)
        letter, space, line = _LETTER[c], c == ord(" "), (c == ord("\n")) | (c == 0)
        ends, fresh = was_letter & ~letter, letter & ~was_letter
        leaves = leaves | (ends & (words == 0) & _among(token, _LEAVING))
        kind = np.where(_among(token, _KEYWORDS), token, np.where(number, _NUMBER, _NAME))
        before = _pushed(before, kind, ends)
        before = _pushed(before, c + _MARK, ~letter & ~space)
        number = np.where(fresh, _DIGIT[c], number)
        begins = np.where(fresh, t, np.where(letter, begins, t + 1))
        written = (np.where(fresh, _EMPTY, token) * 131 + c) % _KEYS
        token = np.where(letter, written, np.where(space, _SPACE, _EMPTY))
        indent = np.where((spaces >= 0) & ~space & ~line, spaces, indent)
        above, indent = np.where(line, indent, above), np.where(line, -1, indent)
        last = np.where(space | line, last, c)
        last_above, last = np.where(line, last, last_above), np.where(line, 0, last)
        left, leaves = np.where(line, leaves, left), leaves & ~line
        words = np.where(line, 0, words + ends)
        spaces = np.where(line, 0, np.where((spaces >= 0) & space, spaces + 1, -1))
        was_letter = letter
        begun[:, t], being[:, t], spaced[:, t] = begins, token, spaces
        laid[:, t] = (np.minimum(above, 98) + 1) * 256 + last_above * 2 + left
        indented[:, t] = above
        for column, now in zip(kinds, before, strict=True):
            column[:, t] = now
    return _Seen(begun, being, kinds, spaced, laid, indented)


def _among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return known[place] == values


def _pushed(before: list[np.ndarray], kind: np.ndarray, here: np.ndarray) -> list[np.ndarray]:
    older = [kind, *before[:-1]]
    return [np.where(here, new, old) for new, old in zip(older, before, strict=True)]


def _joined(*parts: np.ndarray) -> np.ndarray:
    key = np.zeros_like(parts[0])
    for part in parts:
        key = (key * 1_000_003 + part) % _KEYS
    return key


def _syntax(seen: _Seen) -> list[np.ndarray]:
    """Contexts of the syntax, the short ones first."""
    return [_joined(seen.token, *seen.kinds[:many]) for many in _SYNTAX]


def _layout(seen: _Seen) -> list[np.ndarray]:
    """Contexts of the indentation; -1 where no line begins."""
    short = _joined(seen.spaces, seen.indentation + 1)
    both = (short, _joined(short, seen.layout))
    return [np.where(seen.spaces >= 0, key, -1) for key in both]


# ------------------------------------------------------------------------------------- predictors


def _counts(keys: list[np.ndarray], targets: np.ndarray, size: int) -> list[Order]:
    """Counts of targets after each context, for each of the keys."""
    orders = []
    for key in keys:
        grams, often = tallied((key * size + targets)[key >= 0])
        contexts = grams // size
        starts = np.flatnonzero(np.diff(contexts, prepend=-1, append=-1))
        shares = shared_out(often, starts)
        orders.append(
            Order(contexts[starts[:-1]], starts, (grams % size).astype(np.int16), shares, None)
        )
    return orders


def _after(orders: list[Order], keys: list[np.ndarray], size: int) -> np.ndarray:
    """p of every token after each place, the longer contexts above the shorter."""
    n, places = keys[0].shape
    p = np.full((n, places, size), 1 / size)
    for order, key in zip(orders, keys, strict=True):
        if len(order.histories):
            row = np.minimum(np.searchsorted(order.histories, key), len(order.histories) - 1)
            mix(p, order, order.as_highest, row, order.histories[row] == key, np.arange(places))
    return p


def _names(tokens: np.ndarray, seen: _Seen, size: int) -> tuple[np.ndarray, np.ndarray]:
    """p from the names that stand earlier in the window, and how many fit, (windows, time)."""
    n, time = tokens.shape
    weight = np.zeros((n, time, size))
    starts = (seen.begins == np.arange(time)) & _LETTER[tokens]
    fits = np.zeros((n, time), dtype=bool)  # by where the earlier name begins
    rows, many = np.arange(n), np.zeros((n, time), dtype=np.int64)
    for t in range(time):
        written = t - seen.begins[:, t]  # letters so far, less one
        fits = np.where((written == 0)[:, None], starts & (np.arange(time) < t), fits)
        place = np.arange(time) + written[:, None]  # where the earlier name has this letter
        inside = (written >= 0)[:, None] & (place < seen.begins[:, t][:, None])
        then = np.take_along_axis(tokens, np.clip(place, 0, time - 1), 1)
        fits = fits & inside & (then == tokens[:, t][:, None])
        row, name = np.nonzero(fits)
        follows = tokens[row, place[row, name] + 1]
        np.add.at(weight[:, t], (row, follows), 1.0)
        many[rows, t] = fits.sum(1)
    total = weight.sum(2, keepdims=True)
    return np.where(total > 0, weight / np.maximum(total, 1), 1 / size), many


def _table() -> tuple[np.ndarray, np.ndarray]:
    """The beginnings of the words of the language as numbers, sorted, and p after each."""
    after: dict[int, np.ndarray] = {}
    for word in _WORDS:
        for length in range(1, len(word) + 1):
            p = after.setdefault(_key(word[:length]), np.zeros(128))
            if length < len(word):
                p[ord(word[length])] += 1
            else:
                p[[ord(c) for c in " (:,.)]="]] += 1 / 8
    keys = np.array(sorted(after))
    p = np.array([after[key] for key in keys])
    return keys, p / p.sum(1, keepdims=True)


_BEGINNINGS, _GO_ON = _table()


def _language(seen: _Seen, size: int) -> np.ndarray:
    """p from the words of the language that begin with what is being written."""
    p = np.full((*seen.token.shape, size), 1 / size)
    found = _among(seen.token, _BEGINNINGS)
    p[found] = 0
    p[found, :128] = _GO_ON[np.searchsorted(_BEGINNINGS, seen.token[found])]
    return p


# -------------------------------------------------------------------------------------- the mixture

_PREDICTORS = 5
_MET = (3, 5, 7, 8)
_SITUATIONS = 3 * 3 * (len(_MET) + 1)


@dataclass(frozen=True, eq=False)
class _Known:
    """What a model has learnt."""

    plain: list[Order]
    syntax: list[Order]
    layout: list[Order]
    weights: np.ndarray
    """Of each predictor in each situation, shape (situations, predictors)."""

    def size(self) -> int:
        """Stored counts and weights."""
        plain = sum(len(o.tokens) * (1 if o.below is None else 2) for o in self.plain)
        return plain + sum(len(o.tokens) for o in self.syntax + self.layout) + self.weights.size

    def says(
        self, tokens: np.ndarray, places: np.ndarray, c: PythonNgramConfig
    ) -> tuple[np.ndarray, np.ndarray]:
        """p of every predictor (n, places, predictors, vocab_size), and the situation."""
        seen, size = _read(tokens), c.vocab_size
        names, fit = _names(tokens, seen, size)
        p = np.stack(
            [
                probabilities(self.plain, tokens, places, c.plain),
                _after(self.syntax, _syntax(seen), size)[:, places],
                _after(self.layout, _layout(seen), size)[:, places],
                names[:, places],
                _language(seen, size)[:, places],
            ],
            axis=2,
        )
        met = np.digitize(longest_met(self.plain, tokens, places, c.plain), _MET)
        sure = np.where(fit > 0, 1 + (names.max(2) > 0.99), 0)[:, places]
        doing = np.where(seen.spaces >= 0, 0, np.where(_LETTER[tokens], 1, 2))[:, places]
        return p, (doing * 3 + sure) * (len(_MET) + 1) + met


def _learnt(
    tokens: np.ndarray, targets: np.ndarray, places: np.ndarray, c: PythonNgramConfig
) -> _Known:
    """The weights from an eighth of the windows, then the counts from all."""
    held_out = np.flatnonzero(np.arange(len(tokens)) % _PARTS == 1)[:_MOST_HELD_OUT]
    weights = np.full((_SITUATIONS, _PREDICTORS), 1 / _PREDICTORS)
    if len(held_out):
        rest = np.setdiff1d(np.arange(len(tokens)), held_out)
        part = _counted(tokens[rest], targets[rest], places, c, weights)
        said, situations = [], []
        for some in np.array_split(held_out, -(-len(held_out) // 64)):
            p, situation = part.says(tokens[some], places, c)
            wanted = targets[some][:, places, None, None].astype(np.int64)
            said.append(np.take_along_axis(p, wanted, 3)[..., 0].reshape(-1, _PREDICTORS))
            situations.append(situation.ravel())
        weights = _fitted(np.concatenate(said), np.concatenate(situations))
    return _counted(tokens, targets, places, c, weights)


def _counted(
    tokens: np.ndarray,
    targets: np.ndarray,
    places: np.ndarray,
    c: PythonNgramConfig,
    weights: np.ndarray,
) -> _Known:
    seen = _read(tokens)
    wanted = targets[:, places].astype(np.int64)
    syntax, layout = (
        _counts([key[:, places] for key in keys], wanted, c.vocab_size)
        for keys in (_syntax(seen), _layout(seen))
    )
    return _Known(counted(tokens, targets, places, c.plain), syntax, layout, weights)


def _fitted(said: np.ndarray, situation: np.ndarray) -> np.ndarray:
    """Weights by expectation maximisation; said (places, predictors), situation (places,)."""
    over_all = np.full(_PREDICTORS, 1 / _PREDICTORS)
    for _ in range(_ROUNDS):
        share = said * over_all
        over_all = (share / share.sum(1, keepdims=True)).mean(0)
    weights = np.tile(over_all, (_SITUATIONS, 1))
    often = np.bincount(situation, minlength=_SITUATIONS)[:, None]
    for _ in range(_ROUNDS):
        share = said * weights[situation]
        share /= share.sum(1, keepdims=True)
        total = np.stack([np.bincount(situation, one, _SITUATIONS) for one in share.T], axis=1)
        weights = (total + _PRIOR * over_all) / (often + _PRIOR)
    return weights
