"""Stories about who knows what: where will somebody look who did not see a thing moved?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .task import Task, Vocabulary, generator, require

# fmt: off
_NAMES = ("Anna", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gita", "Hugo",
          "Ines", "Jon", "Kaya", "Leo", "Mira", "Nils", "Olga", "Paul")
_OBJECTS = ("ball", "book", "cake", "coin", "doll", "hat",
            "key", "letter", "map", "ring", "spoon", "toy")
_PLACES = ("bag", "barrel", "basket", "box", "chest", "crate",
           "drawer", "jar", "pot", "sack", "tin", "trunk")
_WORDS = (" are here", ".", " puts", " in", " leaves for", " returns from", " the yard",
          " moves it to", " tells", " hums", " a song",
          " Where", " will", " look", " is", " now", " was", " first", "?")


# fmt: on


@dataclass(frozen=True)
class FalseBelief(Task):
    """Stories in which somebody may have missed that a thing was moved, and a question.

    "Ben Anna Cleo are here. Cleo puts the ball in the box. Anna leaves for the yard. Ben moves it
    to the jar. Cleo hums a song. Anna returns from the yard. Where will Anna look? the box"

    Three people are there; one goes out and returns, another moves the thing, once, and the third
    hums or is told by the mover where it is. People believe what they last saw or were told, and
    see nothing while they are out. Stories are of six kinds, with `SHARES`: *false* (the one who
    was out is asked about), *true* (the same, but the move came before the leaving or after the
    return), *other* (one of the two who saw it is asked about), *told* (like false, but the mover
    told them before they returned), *reality* and *memory* (where is the thing now, where was it
    first). The answer is the first place in exactly half of the distribution and the last place
    in the other half, so neither rule on its own beats a coin; `shortcuts` has what others score.

    Three probes ask for more than the stories that a corpus shows (`probe`). "new names": the
    last `new_names` names, which otherwise are only the third person's and never asked about,
    go out and move things. "two moves": the thing is moved twice, to three places in all. "told
    later": the one who was out is told after the return (or, in half of the stories, somebody
    else is).
    """

    names: int = 8
    new_names: int = 4
    objects: int = 8
    places: int = 8
    varied: bool = False
    """Take a third of the stories from the first two probes; `SHARES` and `shortcuts` are those of
    the other two thirds."""

    SHARES: ClassVar[Mapping[str, float]] = {
        "false": 0.3,
        "true": 0.2,
        "other": 0.1,
        "told": 0.1,
        "reality": 0.1,
        "memory": 0.2,
    }
    PROBES: ClassVar[tuple[str, ...]] = ("new names", "two moves", "told later")

    _SOLVES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "first place": ("false", "memory"),
        "last place": ("true", "other", "told", "reality"),
        "no minds": ("true", "other", "told", "reality", "memory"),
        "who left": ("false", "other", "reality", "memory"),
        "was moved unseen": ("false", "true", "reality", "memory"),
        "told nothing": ("false", "true", "other", "reality", "memory"),
    }
    _EVENTS: ClassVar[int] = 11  # where the four events begin, each of four tokens
    _QUESTION: ClassVar[int] = 27

    def __post_init__(self) -> None:
        checks.field(self, "names", checks.whole, 3, len(_NAMES))
        checks.field(self, "new_names", checks.whole, 2, len(_NAMES))
        checks.field(self, "objects", checks.whole, 1, len(_OBJECTS))
        checks.field(self, "places", checks.whole, 3, len(_PLACES))
        if self.names + self.new_names > len(_NAMES):
            raise ValueError(f"names and new_names may be {len(_NAMES)} together")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        names = _NAMES[: self.names + self.new_names]
        things = _OBJECTS[: self.objects] + _PLACES[: self.places]
        return Vocabulary((*(f" {x}" for x in names), *(f" the {x}" for x in things), *_WORDS))

    @property
    def _first_object(self) -> int:
        return self.names + self.new_names

    @property
    def _first_place(self) -> int:
        return self._first_object + self.objects

    @property
    def prompt_length(self) -> int:
        return self._QUESTION + 5

    @property
    def example_length(self) -> int:
        return self.prompt_length + 1

    @property
    def chance(self) -> float:
        return 1 / self.places

    @property
    def shortcuts(self) -> Mapping[str, float]:
        """What rules score that do not keep track of what people saw.

        "first place" and "last place": always that. "no minds": the last place unless asked for
        the first. "who left": the same, but whoever left believes in the first place. "was moved
        unseen": the same, but if the thing was moved while one was out, all people do. "told
        nothing": the whole truth except that being told changes nothing.
        """
        return {
            name: round(sum(self.SHARES[kind] for kind in kinds), 12)
            for name, kinds in self._SOLVES.items()
        }

    def probe_shares(self, probe: str) -> Mapping[str, float]:
        """Exact-match rates of shortcuts on a probe, where they are known, as in `shortcuts`."""
        self._check_probe(probe)
        if probe == "new names":
            return self.shortcuts
        share = 1 / 3 if probe == "two moves" else 1 / 2
        rates = {"first place": share, "last place": share, "no minds": share, "who left": share}
        return rates if probe == "two moves" else {**rates, "told nothing": 0.5}

    def probe(self, probe: str, n: int, seed: int) -> np.ndarray:
        """`n` stories of the probe named, a uint8 array of shape (n, example_length).

        Raises ValueError if `probe` is not one of `PROBES`.
        """
        self._check_probe(probe)
        rng = generator(seed)
        return self._examples(self._stories(checks.whole(n, "n", 1), rng, probe), rng)

    def _check_probe(self, probe: str) -> None:
        if probe not in self.PROBES:
            raise ValueError(f"probe must be one of {', '.join(self.PROBES)}; got {probe!r}")

    def kinds(self, tokens: np.ndarray) -> np.ndarray:
        """The kind of each story of `make`, one of the keys of `SHARES`. Shape (n,).

        Takes whole examples or prompts.
        """
        tokens = np.atleast_2d(np.asarray(tokens))
        prompts = self._checked(tokens[:, : self.prompt_length], self.prompt_length)
        asks, asked, left, unseen, told = self._read(prompts)
        about_leaver = (asks == "will") & (asked == left)
        return np.select(
            [asks == "was", asks == "is", ~about_leaver, ~unseen, told],
            ["memory", "reality", "other", "true", "told"],
            default="false",
        )

    def believed_place(self, prompts: np.ndarray) -> np.ndarray:
        """Which place the answer is: "first", "between" or "last" in the story. Shape (n,)."""
        prompts = self._checked(prompts, self.prompt_length)
        answer = self._answers(prompts)[:, 0]
        last = self._shortcut("last place", prompts)[:, 0]
        return np.select([answer == prompts[:, 9], answer == last], ["first", "last"], "between")

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        prompts = self._stories(n, rng)
        if self.varied:
            part = rng.integers(0, 6, n)
            for number, name in enumerate(self.PROBES[:2]):
                here = part == number
                prompts[here] = self._stories(int(here.sum()), rng, name)
        return prompts

    def _stories(self, n: int, rng: np.random.Generator, probe: str | None = None) -> np.ndarray:
        """Prompts of shape (n, prompt_length)."""
        word = self.vocabulary.number
        rows = np.arange(n)

        old = rng.random((n, self.names)).argsort(axis=1)
        new = self.names + rng.random((n, self.new_names)).argsort(axis=1)
        leaver, mover = (new if probe == "new names" else old).T[:2]
        third_is_new = rng.random(n) < self.new_names / (self.names + self.new_names)
        # With new names as leaver and mover, any of the old ones is left for the third.
        third_is_new &= probe != "new names"
        third = np.where(third_is_new, new[:, 0], old[:, 2])
        people = np.stack([leaver, mover, third], axis=1)
        people_in_order = rng.permuted(people, axis=1)
        putter = people[rows, rng.integers(0, 3, n)]
        thing = self._first_object + rng.integers(0, self.objects, n)
        first, last, between = (
            self._first_place + rng.random((n, self.places)).argsort(axis=1)[:, :3].T
        )

        kind, order = self._plots(n, rng, probe)
        # What each letter of a plot stands for, as (who, does, what).
        yard = np.full(n, word[" the yard"])
        scenes = {
            "L": (leaver, " leaves for", yard),
            "R": (leaver, " returns from", yard),
            "M": (mover, " moves it to", last),
            "m": (mover, " moves it to", between),
            "H": (third, " hums", np.full(n, word[" a song"])),
            "T": (mover, " tells", leaver),
            "t": (mover, " tells", third),
        }
        prompts = np.full((n, self.prompt_length), word["."])
        prompts[:, :3] = people_in_order
        prompts[:, 3] = word[" are here"]
        prompts[:, 5] = putter
        prompts[:, 6] = word[" puts"]
        prompts[:, 7] = thing
        prompts[:, 8] = word[" in"]
        prompts[:, 9] = first
        for event in range(4):
            at = self._EVENTS + 4 * event
            for letter, (who, does, what) in scenes.items():
                here = order[:, event] == letter
                prompts[here, at] = who[here]
                prompts[here, at + 1] = word[does]
                prompts[here, at + 2] = what[here]

        at_third = (rng.integers(0, 2, n) == 1) & ~third_is_new
        asked = np.where(kind == "other", np.where(at_third, third, mover), leaver)
        asks = prompts[:, self._QUESTION :]
        asks[:, 0] = word[" Where"]
        asks[:, 1], asks[:, 2], asks[:, 3] = word[" will"], asked, word[" look"]
        for name, verb, adverb in (("reality", " is", " now"), ("memory", " was", " first")):
            here = kind == name
            asks[here, 1], asks[here, 2], asks[here, 3] = word[verb], thing[here], word[adverb]
        asks[:, 4] = word["?"]
        return prompts

    def _plots(
        self, n: int, rng: np.random.Generator, probe: str | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Kind of each story, shape (n,), and its events as letters, shape (n, 4)."""

        def with_filler(*orders: str) -> list[str]:
            return [o[:i] + filler + o[i:] for o in orders for i in range(4) for filler in "Ht"]

        unseen, seen = with_filler("LMR"), with_filler("LRM", "MLR")
        if probe == "two moves":
            groups = [["LmMR"], ["mLMR"], ["LmRM", "LRmM", "mLRM", "mMLR"]]
            kind = np.full(n, "false")
        elif probe == "told later":
            groups = [["LMRT"], ["LMRt"]]
            kind = np.full(n, "false")
        else:
            kind = rng.choice(list(self.SHARES), n, p=list(self.SHARES.values()))
            groups = []
        plots = np.empty(n, dtype="<U4")
        if groups:
            group = rng.integers(0, len(groups), n)
            chosen = [(group == i, orders) for i, orders in enumerate(groups)]
        else:
            either = rng.integers(0, 2, n) == 1  # the question alone decides, not the order
            free = np.isin(kind, ["reality", "memory"])
            chosen = [
                (np.isin(kind, ["false", "other"]) | (free & either), unseen),
                ((kind == "true") | (free & ~either), seen),
                (kind == "told", ["LMTR"]),
            ]
        for here, orders in chosen:
            plots[here] = rng.choice(orders, int(here.sum()))
        return kind, plots.view("<U1").reshape(n, 4)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        return self._believed(prompts, telling=True)

    def _believed(self, prompts: np.ndarray, telling: bool) -> np.ndarray:
        """Follow who is where and believes what through the story. Shape (n, 1)."""
        word = self.vocabulary.number
        people = prompts[:, :3]
        n = len(prompts)
        first = prompts[:, 9]
        place = first.copy()
        belief = np.repeat(first[:, None], 3, axis=1)
        present = np.ones((n, 3), dtype=bool)
        for at in range(self._EVENTS, self._QUESTION, 4):
            who = prompts[:, at, None] == people
            require(who.sum(axis=1) == 1, "whoever does something must be one of the three people")
            does, what = prompts[:, at + 1, None], prompts[:, at + 2, None]
            present &= ~(who & (does == word[" leaves for"]))
            present |= who & (does == word[" returns from"])
            moves = does == word[" moves it to"]
            belief = np.where(moves & present, what, belief)
            place = np.where(moves[:, 0], what[:, 0], place)
            if telling:
                told = (does == word[" tells"]) & (what == people)
                known = np.where(who, belief, 0).sum(axis=1, keepdims=True)
                belief = np.where(told, known, belief)
        asks, asked, *_ = self._read(prompts)
        is_asked = asked[:, None] == people
        require((asks != "will") | is_asked.any(axis=1), "one of the three must be asked about")
        believed = np.where(is_asked, belief, 0).sum(axis=1)
        return np.select([asks == "was", asks == "is"], [first, place], believed)[:, None]

    def _read(self, prompts: np.ndarray) -> tuple[np.ndarray, ...]:
        """How the question begins and about whom, who left, whether the thing was moved while
        they were out, and whether they were told. Shape (n,) each."""
        word = self.vocabulary.number
        verbs = prompts[:, self._EVENTS + 1 : self._QUESTION : 4]
        does = {name: verbs == word[name] for name in (" leaves for", " returns from", " tells")}
        moves = verbs == word[" moves it to"]
        goes = does[" leaves for"].argmax(axis=1)
        comes = does[" returns from"].argmax(axis=1)
        event = np.arange(4)
        unseen = (moves & (event > goes[:, None]) & (event < comes[:, None])).any(axis=1)
        left = prompts[np.arange(len(prompts)), self._EVENTS + 4 * goes]
        listeners = prompts[:, self._EVENTS + 2 : self._QUESTION : 4]
        told = (does[" tells"] & (listeners == left[:, None])).any(axis=1)
        question = prompts[:, self._QUESTION + 1]
        asks = np.select([question == word[" was"], question == word[" is"]], ["was", "is"], "will")
        return asks, prompts[:, self._QUESTION + 2], left, unseen, told

    def _shortcut(self, name: str, prompts: np.ndarray) -> np.ndarray:
        if name == "told nothing":
            return self._believed(prompts, telling=False)
        word = self.vocabulary.number
        verbs = prompts[:, self._EVENTS + 1 : self._QUESTION : 4]
        targets = prompts[:, self._EVENTS + 2 : self._QUESTION : 4]
        moves = verbs == word[" moves it to"]
        newest = 3 - moves[:, ::-1].argmax(axis=1)
        first, last = prompts[:, 9], targets[np.arange(len(prompts)), newest]
        asks, asked, left, unseen, _ = self._read(prompts)
        takes_first = {
            "first place": np.full(len(prompts), True),
            "last place": np.full(len(prompts), False),
            "no minds": asks == "was",
            "who left": (asks == "was") | ((asks == "will") & (asked == left)),
            "was moved unseen": (asks == "was") | ((asks == "will") & unseen),
        }[name]
        return np.where(takes_first, first, last)[:, None]
