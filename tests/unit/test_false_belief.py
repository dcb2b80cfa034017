"""Who knows what: `scalinglaws.text.false_belief`, held against a reader of the text."""

from __future__ import annotations

import re

import numpy as np
import pytest
from marking import hits, prompts_of, rate

from scalinglaws.text import FalseBelief


def believed(story: str) -> str:
    """The answer to a story, from its text alone."""
    *told, question = re.split(r"(?<=[.?]) ", story.rsplit("?", 1)[0] + "?")
    people = told[0].removesuffix(" are here.").split()
    first = now = re.search(r"in (the \w+)\.", told[1])[1]
    belief = dict.fromkeys(people, first)
    away = set()
    for sentence in told[2:]:
        who, does, *rest = sentence.removesuffix(".").split()
        match does:
            case "leaves":
                away.add(who)
            case "returns":
                away.discard(who)
            case "moves":
                now = " ".join(rest[-2:])
                belief |= {person: now for person in people if person not in away}
            case "tells":
                belief[rest[0]] = belief[who]
    if asked := re.match(r"Where will (\w+) look", question):
        return belief[asked[1]]
    return first if question.startswith("Where was") else now


class TestFalseBelief:
    task = FalseBelief()
    stories = task.make(20_000, seed=0)

    def test_a_story(self) -> None:
        story = (
            "Ben Anna Cleo are here. Cleo puts the ball in the box. Anna leaves for the yard. "
            "Ben moves it to the jar. Cleo hums a song. Anna returns from the yard. "
        )
        for question, answer in (
            ("Where will Anna look?", "the box"),
            ("Where will Ben look?", "the jar"),
            ("Where will Cleo look?", "the jar"),
            ("Where is the ball now?", "the jar"),
            ("Where was the ball first?", "the box"),
        ):
            assert (
                self.task.render(self.task.solve(self.task.encode(story + question))[0]) == answer
            )
            assert believed(f"{story}{question} ") == answer

    @pytest.mark.parametrize("probe", [None, *FalseBelief.PROBES])
    def test_a_second_reader_agrees(self, probe: str | None) -> None:
        stories = self.stories[:1500] if probe is None else self.task.probe(probe, 500, seed=1)
        for tokens in stories:
            story = self.task.render(tokens)
            assert story.rsplit("? ", 1)[1] == believed(story)

    def test_kinds_come_in_the_stated_shares(self) -> None:
        kinds = self.task.kinds(self.stories)
        assert sum(FalseBelief.SHARES.values()) == pytest.approx(1)
        for kind, share in FalseBelief.SHARES.items():
            assert (kinds == kind).mean() == pytest.approx(share, abs=0.015)

    @pytest.mark.parametrize("name", FalseBelief().shortcuts)
    def test_a_shortcut_solves_some_kinds_and_fails_at_the_others(self, name: str) -> None:
        right = hits(self.task, name, self.stories)
        kinds = self.task.kinds(self.stories)
        solved = [kind for kind in FalseBelief.SHARES if right[kinds == kind].all()]
        failed = [kind for kind in FalseBelief.SHARES if not right[kinds == kind].any()]
        assert len(solved) + len(failed) == len(FalseBelief.SHARES)
        share = sum(FalseBelief.SHARES[kind] for kind in solved)
        assert self.task.shortcuts[name] == pytest.approx(share) and failed

    def test_first_and_last_place_split_the_stories(self) -> None:
        first, last = (hits(self.task, f"{x} place", self.stories) for x in ("first", "last"))
        assert (first != last).all()
        assert self.task.shortcuts["first place"] == self.task.shortcuts["last place"] == 0.5

    def test_the_same_events_come_with_different_answers(self) -> None:
        """Neither which sentences a story has nor its kind of question gives the answer away."""
        kinds = self.task.kinds(self.stories)
        prompts = prompts_of(self.task, self.stories)
        events = prompts[:, 12:27:4]
        will_look = self.task.encode(" will look")[0]
        for first, last in (("false", "other"), ("false", "true"), ("memory", "reality")):
            a, b = (
                {row.tobytes() for row in np.sort(events[kinds == kind], axis=1)}
                for kind in (first, last)
            )
            assert a & b
        asks_will = prompts[:, 28] == will_look
        assert asks_will[np.isin(kinds, ["false", "true", "other", "told"])].all()
        assert not asks_will[np.isin(kinds, ["memory", "reality"])].any()

    @pytest.mark.parametrize("part", ["train", "val"])
    def test_new_names_stay_in_the_background(self, part: str) -> None:
        corpus = self.task.corpus(5000, 1000)
        prompts = prompts_of(self.task, getattr(corpus, part))
        new = [self.task.encode(name)[0] for name in ("Ines", "Jon", "Kaya", "Leo")]
        goes_or_moves = self.task.encode(" leaves for moves it to returns from")
        asked = prompts[:, 29][prompts[:, 28] == self.task.encode(" will")[0]]
        assert np.isin(prompts[:, :3], new).any(), "they are there,"
        assert not np.isin(asked, new).any(), "not asked about,"
        for at in range(11, 27, 4):
            acting = np.isin(prompts[:, at + 1], goes_or_moves)
            assert not np.isin(prompts[acting, at], new).any(), "and neither leave nor move things"
        probe = self.task.probe("new names", 500, seed=0)
        left = self.task.encode(" leaves for")[0]
        leavers = probe[:, 11:27:4][probe[:, 12:27:4] == left]
        assert np.isin(leavers, new).all()

    def test_probes_are_new(self) -> None:
        word = self.task.vocabulary.number
        verbs = {
            probe: self.task.probe(probe, 2000, seed=0)[:, 12:27:4] for probe in FalseBelief.PROBES
        }
        moves = {name: (v == word[" moves it to"]).sum(axis=1) for name, v in verbs.items()}
        assert (moves["two moves"] == 2).all() and (moves["told later"] == 1).all()
        assert (verbs["told later"][:, 3] == word[" tells"]).all()
        kinds = self.task.kinds(self.stories)
        told = self.stories[kinds == "told"][:, 12:27:4]
        assert (told[:, 2] == word[" tells"]).all() and (told[:, 3] != word[" tells"]).all()
        assert ((self.stories[:, 12:27:4] == word[" moves it to"]).sum(axis=1) == 1).all()

    @pytest.mark.parametrize("probe", FalseBelief.PROBES)
    def test_shortcuts_on_probes(self, probe: str) -> None:
        stories = self.task.probe(probe, 40_000, seed=2)
        for name, share in self.task.probe_shares(probe).items():
            assert rate(self.task, name, stories) == pytest.approx(share, abs=0.012)

    def test_three_answers_of_two_moves_are_equally_frequent(self) -> None:
        stories = self.task.probe("two moves", 9000, seed=0)
        first = hits(self.task, "first place", stories)
        last = hits(self.task, "last place", stories)
        assert not (first & last).any()
        assert (~first & ~last).mean() == pytest.approx(1 / 3, abs=0.02)

    def test_probes_are_determined_by_seed(self) -> None:
        a, b, c = (self.task.probe("two moves", 20, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(a, b) and not np.array_equal(a, c)

    def test_unknown_probe(self) -> None:
        with pytest.raises(ValueError, match="probe must be one of new names, two moves"):
            self.task.probe("three moves", 1, seed=0)
        with pytest.raises(ValueError, match="probe must be"):
            self.task.probe_shares("")

    def test_strangers_are_refused(self) -> None:
        story = self.task.render(prompts_of(self.task, self.stories)[0])
        names = re.findall("Anna|Ben|Cleo|Dan|Eva|Finn|Gita|Hugo|Ines|Jon|Kaya|Leo", story)
        absent = next(x for x in ("Anna", "Ben", "Cleo", "Dan") if x not in names)
        changed = re.sub(r"\w+ (leaves|moves)", rf"{absent} \1", story)
        with pytest.raises(ValueError, match="one of the three people"):
            self.task.solve(self.task.encode(changed))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"names": 2}, "names must lie from 3"),
            ({"names": 10, "new_names": 8}, "may be 16 together"),
            ({"places": 2}, "places must lie from 3"),
            ({"objects": 0}, "objects must lie from 1"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            FalseBelief(**arguments)
