"""Tasks that are new in every prompt, to be learnt from the examples in it: `FewShot`."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import _checks as checks
from .task import _ROWS, UPPER, Task, Vocabulary, generator, require

_SYLLABLES = [f" {a}{b}" for a in "bdfghklmnprstvz" for b in "aeiou"]


@dataclass(frozen=True)
class FewShot(Task):
    """Pairs of a word and its label, where what the labels mean is new each time: "ba C do A".

    The words fall into `classes` of equal size, always the same, which nothing in the prompt names
    (`class_of`). A prompt gives each class a label of its own by a map drawn for this prompt alone;
    the pairs that are shown tell it, one class after the other. Only labels count in the loss, all
    of them, and none can be known by heart: that of a class not shown yet has to be guessed among
    the labels not used yet. `predictive` says exactly what can be known after each pair.

    A share `held_out_maps` of all maps is for validation and for `make`: tasks that training never
    showed. Of the others, training uses the first `maps`, or all. With few maps a learner can know
    them by heart and be right in training without being able to learn a task; see Raventos et al.
    (2023) on linear regression.

    >>> task = FewShot(pairs=3)
    >>> text = task.render(task.make(1, seed=0)[0])
    >>> len(text.split()), len(task.training_maps), len(task.new_maps)
    (6, 1344, 336)
    """

    words: int = 32
    classes: int = 4
    labels: int = 8
    pairs: int = 10
    maps: int | None = None
    """Maps from classes to labels that training uses; None: all that are not held out."""
    held_out_maps: float = 0.2
    seed: int = 0
    """Draws which map is which."""

    def __post_init__(self) -> None:
        checks.field(self, "words", checks.whole, 2, len(_SYLLABLES))
        checks.field(self, "classes", checks.whole, 2, min(self.words, 6))
        checks.field(self, "labels", checks.whole, self.classes, 10)
        checks.field(self, "pairs", checks.whole, 1, 100)
        checks.field(self, "held_out_maps", checks.within, 0, 1)
        checks.field(self, "seed", checks.seed)
        if self.words % self.classes:
            raise ValueError(
                f"words must fall into classes of equal size, got {self.words} in {self.classes}"
            )
        most = len(self._all_maps) - self._held_out
        if not self._held_out or not most:
            raise ValueError(
                f"held_out_maps must leave maps on both sides, got {self.held_out_maps} of "
                f"{len(self._all_maps)}"
            )
        if self.maps is not None:
            checks.field(self, "maps", checks.whole, 1, most)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((*_SYLLABLES[: self.words], *(f" {c}" for c in UPPER[: self.labels])))

    @property
    def prompt_length(self) -> int:
        return 2 * self.pairs - 1

    @property
    def example_length(self) -> int:
        return 2 * self.pairs

    @property
    def scored(self) -> tuple[bool, ...]:
        """The labels: every second prediction."""
        return tuple(place % 2 == 0 for place in range(self.example_length - 1))

    @property
    def chance(self) -> float:
        return 1 / self.labels

    @property
    def best_loss(self) -> float:
        """Entropy of a label given the pairs before it, mean over the pairs, in nats per label.

        Of somebody who knows the classes and holds every map to be as likely as any other.
        """
        total = 0.0
        for shown in range(self.pairs):
            for seen, share in self._seen(shown).items():
                total += share * (1 - seen / self.classes) * math.log(self.labels - seen)
        return total / self.pairs

    @property
    def best_accuracy(self) -> np.ndarray:
        """Share of labels that can be right after 0, 1, ... pairs, by the best guess, (pairs,).

        Of the same judge as `best_loss`.
        """
        return np.array([
            sum(
                share * (seen + (self.classes - seen) / (self.labels - seen)) / self.classes
                for seen, share in self._seen(shown).items()
            )
            for shown in range(self.pairs)
        ])  # fmt: skip

    def _seen(self, shown: int) -> dict[int, float]:
        """How likely so many different classes have come up in `shown` pairs."""
        likely = {0: 1.0}
        for _ in range(shown):
            after: dict[int, float] = {}
            for seen, share in likely.items():
                again = seen / self.classes
                after[seen] = after.get(seen, 0.0) + share * again
                after[seen + 1] = after.get(seen + 1, 0.0) + share * (1 - again)
            likely = after
        return {seen: share for seen, share in likely.items() if share}

    @cached_property
    def class_of(self) -> np.ndarray:
        """The class of each word, shape (words,)."""
        return np.arange(self.words) % self.classes

    @cached_property
    def _all_maps(self) -> np.ndarray:
        every = np.array(list(itertools.permutations(range(self.labels), self.classes)))
        return every[generator(self.seed, 3).permutation(len(every))]

    @property
    def _held_out(self) -> int:
        return round(self.held_out_maps * len(self._all_maps))

    @property
    def new_maps(self) -> np.ndarray:
        """The maps that training never shows: the label of each class, shape (maps, classes)."""
        return self._all_maps[: self._held_out]

    @property
    def training_maps(self) -> np.ndarray:
        """The maps that training uses, shape (maps, classes)."""
        return self._all_maps[self._held_out :][: self.maps]

    def make(self, n: int, seed: int, *, new: bool = True) -> np.ndarray:
        """`n` random examples, uint8 (n, example_length), of new maps or of those of training.

        Raises ValueError as `Task.make` does.
        """
        maps = self.new_maps if new else self.training_maps
        return self._drawn(checks.whole(n, "n", 1), maps, generator(seed))

    def _drawn(self, n: int, maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        words = rng.integers(0, self.words, (n, self.pairs))
        chosen = maps[rng.integers(0, len(maps), n)]
        labels = np.take_along_axis(chosen, self.class_of[words], axis=1)
        return np.stack([words, self.words + labels], axis=2).reshape(n, -1).astype(np.uint8)

    def _part(self, n: int, is_val: bool, seed: int) -> np.ndarray:
        rng = generator(seed, int(is_val))
        maps = self.new_maps if is_val else self.training_maps
        parts = [self._drawn(_ROWS, maps, rng) for _ in range(-(-n // _ROWS))]
        return np.concatenate(parts)[:n]

    def labels_in(self, examples: np.ndarray) -> np.ndarray:
        """The tokens of all labels, shape (n, pairs), of examples (n, example_length)."""
        return self._split(self._checked(examples, self.example_length))[1] + self.words

    def determined(self, examples: np.ndarray) -> np.ndarray:
        """Whether each label follows from the pairs before it, bool (n, pairs).

        It does if a word of the same class stood there. Takes and raises what `check` does.
        """
        classes, _ = self._split(self._checked(examples, self.example_length))
        same = classes[:, :, None] == classes[:, None, :]
        return np.tril(same, -1).any(axis=2)

    def most_shown(self, examples: np.ndarray) -> np.ndarray:
        """The token of the label that came up most often so far, before each label (n, pairs).

        What one would say who copies from the prompt and reads no word; of several labels that came
        up as often, the first of the vocabulary. Takes and raises what `check` does.
        """
        _, labels = self._split(self._checked(examples, self.example_length))
        shown = np.eye(self.labels)[labels]
        before = np.cumsum(shown, axis=1) - shown
        return self.words + before.argmax(axis=2)

    def predictive(self, examples: np.ndarray, maps: np.ndarray | None = None) -> np.ndarray:
        """Probability of each label given the pairs before, shape (n, pairs, labels).

        Of a judge by Bayes' rule, who knows the classes and holds each of `maps` (maps, classes)
        to be as likely as any other and no other to be possible; by default all maps. Where none of
        them agrees with all pairs so far, those that agree with the most are taken. With
        `training_maps` this is what the best learner of the training text would say.
        """
        given = self._all_maps if maps is None else np.asarray(maps)
        classes, labels = self._split(self._checked(examples, self.example_length))
        means = np.eye(self.labels)[given]  # (maps, classes, labels)
        agree = np.zeros((len(classes), len(given)))
        told = np.empty((*classes.shape, self.labels))
        for pair in range(self.pairs):
            likely = agree == agree.max(axis=1, keepdims=True)
            likely = likely / likely.sum(axis=1, keepdims=True)
            for one in range(self.classes):
                rows = classes[:, pair] == one
                told[rows, pair] = likely[rows] @ means[:, one]
            agree += labels[:, pair, None] == given[:, classes[:, pair]].T
        return told

    def _split(self, examples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The class of each word and the number of each label, both (n, pairs)."""
        words, labels = examples[:, ::2].astype(int), examples[:, 1::2].astype(int) - self.words
        require((words < self.words).all(axis=1), "a word must stand at every first place")
        require((labels >= 0).all(axis=1), "a label must stand at every second place")
        return self.class_of[words], labels

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._drawn(n, self.training_maps, rng)[:, :-1]

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        """The likeliest last label; the first of several that are as likely."""
        whole = np.concatenate([prompts, np.full((len(prompts), 1), self.words)], axis=1)
        return self.words + self.predictive(whole)[:, -1:].argmax(axis=2)
