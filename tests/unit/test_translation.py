"""Few texts in both languages: `scalinglaws.text.translation`."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws.text import Translation


def meaning(task: Translation, sentence: list[str], language: str) -> tuple[str, ...]:
    """Subject adjective, subject, verb, object adjective, object, in the words of A."""
    if language == "B:":
        back = {b: a for a, b in task.dictionary.items()}
        first, of_first, second, of_second, verb = (back[word] for word in sentence)
        return of_first, first, verb, of_second, second
    return tuple(sentence)


def read(task: Translation, examples: np.ndarray) -> list[tuple[str, str, tuple, tuple]]:
    told = []
    for example in examples:
        words = task.render(example).split()
        source, goal = words[0], words[6]
        one, two = (meaning(task, part, tag) for part, tag in (
            (words[1:6], source), (words[7:], goal)))  # fmt: skip
        told.append((source, goal, one, two))
    return told


class TestTranslation:
    def test_training_shows_few_pairs_and_much_text_of_one_language(self) -> None:
        task = Translation(pairs=30, alone=0.8)
        corpus = task.corpus(3_000, 300)
        train = read(task, corpus.train.reshape(-1, 12))
        val = read(task, corpus.val.reshape(-1, 12))
        assert all(one == two for _, _, one, two in train + val)
        pairs = [one for source, goal, one, _ in train if source != goal]
        single = [one for source, goal, one, _ in train if source == goal]
        assert len(pairs) == pytest.approx(600, abs=90)
        assert len(set(pairs)) == 30 and len(set(single)) > 2_000
        assert {(source, goal) for source, goal, *_ in val} == {("B:", "A:")}
        assert not {one for *_, one, _ in val} & {one for *_, one, _ in train}

    def test_both_directions_are_shown(self) -> None:
        train = read(task := Translation(alone=0.0), task.corpus(400, 1).train.reshape(-1, 12))
        assert {(s, g) for s, g, *_ in train} == {("A:", "B:"), ("B:", "A:")}

    def test_the_shared_meanings_are_those_of_the_corpus(self) -> None:
        task = Translation(pairs=20, alone=0.0)
        a = {bytes(x.astype(np.uint8)) for x in task.shared()}
        rows = task.corpus(2_000, 1).train.reshape(-1, 12)
        rows = rows[rows[:, 0] == 2 * 28]  # from A
        assert {bytes(row[1:6]) for row in rows} == a

    @pytest.mark.parametrize(
        ("fields", "saying"),
        [
            ({"alone": 1.5}, "a share"),
            ({"pairs": 0}, "say alone=1"),
            ({"nouns": 90}, "more than the 100"),
            ({"pairs": 70_000}, "only 73728 meanings"),
        ],
    )
    def test_what_cannot_be_is_refused(self, fields: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            Translation(**fields)

    def test_a_sentence_must_be_in_the_language_of_its_tag(self) -> None:
        task = Translation()
        prompt = task.make(1, seed=0)[:, :7]
        prompt[0, 0] = 2 * 28
        with pytest.raises(ValueError, match="language of its tag"):
            task.solve(prompt)


def test_languages_with_too_few_meanings_are_refused() -> None:
    tiny = {"nouns": 1, "adjectives": 1, "verbs": 1}
    with pytest.raises(ValueError, match="give the languages more words"):
        Translation(pairs=0, alone=1, **tiny).corpus(10, 5)
    with pytest.raises(ValueError, match="only 2 meanings"):
        Translation(pairs=9, **tiny | {"verbs": 2}).shared()
