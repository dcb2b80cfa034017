"""The n-gram: counts of how often a token followed the few before it, smoothed and mixed.

The probabilities are those of modified interpolated Kneser-Ney (Chen & Goodman 1999, section 3):
for a history h of n - 1 tokens and the token w after it

    p_n(w | h) = (c(h w) - d(c(h w))) / c(h) + g(h) p_{n-1}(w | h'),

where c counts, h' is h without its first token, g(h) is what makes the sum over w one, and the
discount d takes one of three values, for counts of 1, of 2 and of more, which follow from how many
n-grams occurred once to four times. At the highest order c(h w) is the number of times that w came
after h. Below it is the number of different tokens that h w came after: a token that is frequent,
but after one history only, is no good guess after others. At the bottom stands 1 / vocab_size.

Like every learner here it sees each window on its own. Where a window has just begun, the history
is shorter than the order asks for; then that shorter order is the highest one, and the beginning
of a window counts as one more token that the n-gram came after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from .. import _checks as checks
from .base import Count, Counter, LearnerConfig, check_count

_NUMBERS = 2**30
"""So many different strings at most are numbered where longer ones are built on them."""


def _fit(vocab_size: int, room: int) -> int:
    """How many tokens, packed into one integer, stay below this."""
    return next(n for n in range(63, -1, -1) if vocab_size**n <= room)


@dataclass(frozen=True)
class NgramConfig(LearnerConfig):
    """The shape of an n-gram: `order` tokens, the predicted one and the order - 1 before it.

    How many parameters it has is known once it has counted.

    >>> from scalinglaws import Run, from_documents, train
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> trained = train(Run(NgramConfig(order=3), tokens=1_536), notes)
    >>> trained.model.params()
    469
    """

    kind: ClassVar[str] = "ngram"
    by_gradient: ClassVar[bool] = False

    order: int = 9
    context: int = 32
    """Tokens that are read at once; no history reaches back over the beginning of a window."""
    vocab_size: int = 128

    def __post_init__(self) -> None:
        for name in ("order", "context", "vocab_size"):
            object.__setattr__(self, name, checks.whole(getattr(self, name), name, 1))
        if self.order > self.context + 1:
            raise ValueError(
                f"order must be at most {self.context + 1}, the context and the predicted token; "
                f"got {self.order}"
            )
        most = _fit(self.vocab_size, 2**63) + _fit(self.vocab_size, 2**63 // _NUMBERS)
        if self.order > most:
            raise ValueError(
                f"strings of {self.order} tokens out of {self.vocab_size} cannot be numbered: with "
                f"this vocab_size the order may be at most {most}"
            )

    def build(self, seeds: Sequence[int]) -> Ngram:
        """A stack of n-grams that have counted nothing yet; the seeds make no difference."""
        return Ngram(self, len(seeds))

    def params(self, count: Count = "total") -> int:
        """Raises ValueError: only the trained model knows, since counting makes the parameters."""
        check_count(count)
        raise ValueError(
            "an n-gram has as many parameters as it met different n-grams: ask the trained model, "
            "as in train(run, corpus).model.params()"
        )

    def flops_per_token(self, count: Count = "total") -> int:
        """FLOPs to train on one token: `order`, one addition to a count for each order.

        There is no backward pass and nothing is multiplied. Sorting and searching, which take
        nearly all the time, are no arithmetic with parameters and are left out, as the movement of
        memory is for the other learners.
        """
        check_count(count)
        return self.order

    def lanes(self, card: bool = False) -> int:
        """One: nothing is gained by counting for several at once."""
        return 1

    def seconds_per_token(self) -> float:
        """A tenth of a microsecond for each order, to sort and to count."""
        return 1e-7 * self.order

    def shape(self) -> dict[str, Any]:
        """Its window: the tokens that it looks back over."""
        return {"window": self.order - 1}


class Order(NamedTuple):
    """The n-grams of one order, sorted by history, then token."""

    histories: np.ndarray
    """Different histories, each as one integer (see `numbered`), ascending; shape (histories,)."""
    starts: np.ndarray
    """Where the n-grams of each history begin, and the end of all; shape (histories + 1,)."""
    tokens: np.ndarray
    """The token after the history; shape (n-grams,)."""
    as_highest: Shares
    """From how often each n-gram came."""
    below: Shares | None
    """From how many different tokens it came after; None at the highest order."""


class Shares(NamedTuple):
    """How the probability after each history is shared out."""

    discounted: np.ndarray
    """(c - d(c)) / c(h) of each n-gram."""
    passed_on: np.ndarray
    """g(h) of each history: what goes to the lower order."""


class Ngram(Counter):
    """A stack of n-gram models of one shape, each of which counts for itself."""

    config: NgramConfig

    def __init__(self, config: NgramConfig, stack: int = 1) -> None:
        super().__init__(config, stack)
        self.orders: list[list[Order]] = [[] for _ in range(stack)]
        """Of each model of the stack, from order 1 up; empty before it has counted."""

    def count(self, tokens: Tensor, targets: Tensor, keep: Tensor | None) -> None:
        """Learn from all windows: tokens and targets (stack, windows, time)."""
        places = np.arange(tokens.shape[2]) if keep is None else np.flatnonzero(keep.cpu().numpy())
        self.orders = [
            counted(one.cpu().numpy(), wanted.cpu().numpy(), places, self.config)
            for one, wanted in zip(tokens, targets, strict=True)
        ]

    def params(self, count: Count = "total") -> int:
        """Stored counts of the first model: one for each n-gram of each order, two below the top.

        The two are how often it came and how many tokens it came after. Raises ValueError if
        nothing was counted yet.
        """
        check_count(count)
        if not self.orders[0]:
            raise ValueError("this n-gram has counted nothing yet, so it has no parameters")
        return sum(len(o.tokens) * (1 if o.below is None else 2) for o in self.orders[0])

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        """ln p of every token: (stack, batch, time) -> (stack, batch, time or kept, vocab_size)."""
        stack, batch, time = tokens.shape
        places = np.arange(time) if keep is None else np.flatnonzero(keep.cpu().numpy())
        p = [
            probabilities(orders, one.cpu().numpy(), places, self.config)
            for orders, one in zip(self.orders, tokens, strict=True)
        ]
        found = torch.from_numpy(np.log(np.stack(p)))
        return found.view(stack, batch, len(places), self.config.vocab_size).to(tokens.device)

    def one(self, number: int) -> Self:
        """The model at this place of the stack, as a stack of its own; the counts are shared."""
        alone = type(self)(self.config)
        alone.orders = [self.orders[number]]
        return alone


def packed(tokens: np.ndarray, places: np.ndarray, length: int, vocab_size: int) -> np.ndarray:
    """The last `length` tokens up to each place, as one integer; (n, time) -> (n, places)."""
    packed = np.zeros((len(tokens), len(places)), dtype=np.int64)
    for back in range(length - 1, -1, -1):
        packed = packed * vocab_size + tokens[:, places - back]
    return packed


def numbered(
    orders: list[Order], tokens: np.ndarray, places: np.ndarray, length: int, vocab_size: int
) -> np.ndarray:
    """The last `length` tokens up to each place as `Order.histories` has them.

    A history that fits into one integer with the token after it is packed. A longer one is the
    number of its end, the longest history that fits, with what stands before that packed on top;
    it is -1 if its end was not met.
    """
    near = _fit(vocab_size, 2**63) - 1
    if length <= near:
        return packed(tokens, places, length, vocab_size)
    ends = orders[near].histories
    wanted = packed(tokens, places, near, vocab_size)
    row = np.minimum(np.searchsorted(ends, wanted), len(ends) - 1)
    before = packed(tokens, places - near, length - near, vocab_size)
    return np.where(ends[row] == wanted, before * len(ends) + row, -1)


def counted(
    tokens: np.ndarray, targets: np.ndarray, places: np.ndarray, c: NgramConfig
) -> list[Order]:
    """The orders from 1 up; tokens and targets (windows, time), counted at these places."""
    orders: list[Order] = []
    longer: np.ndarray | None = None  # the n-grams of the order above
    v, most = c.vocab_size, _fit(c.vocab_size, 2**63)
    fitting = np.zeros(0, dtype=np.int64)  # the n-grams on which longer ones are built
    if c.order > most:
        there = places[places + 1 >= most - 1]
        fitting, _ = tallied(packed(tokens, there, most - 1, v) * v + targets[:, there])
        if len(fitting) > _NUMBERS:
            raise ValueError(
                f"{len(fitting)} different strings of {most} tokens are too many to build longer "
                f"ones on: count fewer tokens, or with an order of at most {most}"
            )
    heads, head_of = np.unique(fitting // v, return_inverse=True)
    for order in range(c.order, 0, -1):
        length = order - 1
        # At place t a window holds t + 1 tokens of history.
        there = places[places + 1 >= length]
        grams = packed(tokens, there, min(length, most - 1), v) * v + targets[:, there]
        if order > most:
            before = packed(tokens, there - (most - 1), order - most, v)
            grams = before * len(fitting) + np.searchsorted(fitting, grams)
        keys, often = tallied(grams)
        after = None
        if longer is not None:
            # Each longer n-gram is one more token that its own end came after. So is a beginning.
            after = np.zeros(len(keys), dtype=np.int64)
            room = v**order if order < most else v ** (order - most) * len(fitting)
            ends, times = tallied(longer % room)
            after[np.searchsorted(keys, fitting[ends] if order == most else ends)] = times
            first, _ = tallied(grams[:, there + 1 == length])
            after[np.searchsorted(keys, first)] += 1
        histories, last = keys // v, keys % v
        if order > most:
            before, number = np.divmod(keys, len(fitting))
            histories, last = before * len(heads) + head_of[number], fitting[number] % v
        starts = np.flatnonzero(np.diff(histories, prepend=-1, append=-1))
        orders.append(
            Order(
                histories[starts[:-1]],
                starts,
                last.astype(np.int16),
                shared_out(often, starts),
                None if after is None else shared_out(after, starts),
            )
        )
        longer = keys
    return orders[::-1]


def tallied(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values in ascending order, and how often each is there."""
    values = np.sort(values, axis=None)
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    return values[starts], np.diff(starts, append=len(values))


def shared_out(counts: np.ndarray, starts: np.ndarray) -> Shares:
    """Counts (n-grams,) made probabilities; `starts` says where each history's n-grams begin."""
    if not len(counts):
        return Shares(np.zeros(0), np.zeros(0))
    discounts = np.array([0.0, *_discounts(counts)])[np.minimum(counts, 3)]
    total = np.add.reduceat(counts, starts[:-1])
    passed_on = np.add.reduceat(discounts, starts[:-1]) / total
    return Shares((counts - discounts) / np.repeat(total, np.diff(starts)), passed_on)


def _discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """What is taken from counts of 1, of 2 and of more (Chen & Goodman 1999, equation 17).

    Where no n-gram occurred once, or twice, or three or four times, there is no estimate: then
    half of the count, at most 1.5. So something is always left for what was not met.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6)
    if min(n[1], n[2], n[3], n[4]) == 0:
        return 0.5, 1.0, 1.5
    y = n[1] / (n[1] + 2 * n[2])
    first, second, more = (i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3))
    return _within(first, 1), _within(second, 2), _within(more, 3)


def _within(discount: float, count: int) -> float:
    """The discount, if it leaves something of the count and takes something; else half of it."""
    return float(discount) if 0 < discount < count else count / 2


def probabilities(
    orders: list[Order], tokens: np.ndarray, places: np.ndarray, c: NgramConfig
) -> np.ndarray:
    """p of every token after each place; tokens (n, time) -> (n, places, vocab_size)."""
    n = len(tokens)
    p = np.full((n, len(places), c.vocab_size), 1 / c.vocab_size)
    for length, order in enumerate(orders):  # of the history
        here = np.flatnonzero(places + 1 >= length)
        if not len(here) or not len(order.histories):
            continue
        wanted = numbered(orders, tokens, places[here], length, c.vocab_size)
        row = np.minimum(np.searchsorted(order.histories, wanted), len(order.histories) - 1)
        met = order.histories[row] == wanted
        highest = (length == len(orders) - 1) | (places[here] + 1 == length)
        for shares, columns in ((order.as_highest, highest), (order.below, ~highest)):
            if shares is not None and columns.any():
                mix(p, order, shares, row, met & columns, here)
    return p


def longest_met(
    orders: list[Order], tokens: np.ndarray, places: np.ndarray, c: NgramConfig
) -> np.ndarray:
    """Tokens in the longest history at each place that was met; tokens (n, time) -> (n, places)."""
    longest = np.zeros((len(tokens), len(places)), dtype=np.int64)
    for length, order in enumerate(orders):
        here = np.flatnonzero(places + 1 >= length)
        if not length or not len(here) or not len(order.histories):
            continue
        wanted = numbered(orders, tokens, places[here], length, c.vocab_size)
        row = np.minimum(np.searchsorted(order.histories, wanted), len(order.histories) - 1)
        longest[:, here] = np.where(order.histories[row] == wanted, length, longest[:, here])
    return longest


def mix(
    p: np.ndarray,
    order: Order,
    shares: Shares,
    row: np.ndarray,
    met: np.ndarray,
    here: np.ndarray,
) -> None:
    """Put this order above the lower ones in `p`, where its history was met."""
    if len(order.histories) == 1 and met.all() and len(here) == p.shape[1]:  # the empty one
        p *= shares.passed_on[0]
        p[..., order.tokens] += shares.discounted
        return
    places = np.arange(p.shape[0] * p.shape[1]).reshape(p.shape[:2])[:, here][met]
    found = row[met]
    first = order.starts[found]
    many = order.starts[found + 1] - first
    flat = p.reshape(-1, p.shape[2])
    passed_on = np.ones((len(flat), 1))
    passed_on[places, 0] = shares.passed_on[found]
    flat *= passed_on
    # The n-grams of all these histories, end to end.
    before = np.cumsum(many) - many
    entries = np.repeat(first - before, many) + np.arange(many.sum())
    where = np.repeat(places * p.shape[2], many) + order.tokens[entries]
    p.reshape(-1)[where] += shares.discounted[entries]
