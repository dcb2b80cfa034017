"""Text made dirty on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws.text import Memorise, foreign, from_documents, misprinted
from scalinglaws.text.corpora import END_OF_FILE, Corpus


@pytest.fixture(scope="module")
def notes() -> Corpus:
    return from_documents(
        {f"note {i}": f"This is the note of number {i}.\n" * 3 for i in range(400)}, "notes"
    )


def test_so_many_characters_are_replaced_and_no_end_of_a_file(notes: Corpus) -> None:
    dirty = misprinted(notes, 0.2)
    changed = dirty.train != notes.train
    same = sum(np.mean(notes.train == c) ** 2 for c in np.unique(notes.train))
    assert changed.mean() == pytest.approx(0.2 * (1 - same), abs=0.02)
    ends = notes.train == END_OF_FILE
    assert not changed[ends].any() and not (dirty.train[~ends] == END_OF_FILE).any()
    assert (dirty.val == notes.val).all() and dirty != notes and "20%" in dirty.name


def test_half_of_the_documents_are_foreign_each_in_the_same_cipher(notes: Corpus) -> None:
    mixed = foreign(notes, 0.5)
    number = np.cumsum(notes.train == END_OF_FILE) - (notes.train == END_OF_FILE)
    changed = np.bincount(number, mixed.train != notes.train) > 0
    assert changed.mean() == pytest.approx(0.5, abs=0.1)
    there = changed[number]
    pairs = set(zip(notes.train[there].tolist(), mixed.train[there].tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert (mixed.val == notes.val).all()


def test_a_seed_fixes_the_dirt_and_no_dirt_is_none(notes: Corpus) -> None:
    for make in (misprinted, foreign):
        assert make(notes, 0.3, seed=1) == make(notes, 0.3, seed=1) != make(notes, 0.3, seed=2)
        assert (make(notes, 0).train == notes.train).all()


def test_what_cannot_be_made_dirty_is_refused(notes: Corpus) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        misprinted(notes, 1.5)
    with pytest.raises(ValueError, match="no running text"):
        foreign(Memorise(keys=8, digits=2).corpus(train=64, val=8), 0.5)


def test_only_characters_are_spoilt() -> None:
    numbers = Corpus("numbers", np.zeros(100, np.uint8), np.zeros(100, np.uint8), vocab_size=8)
    for act in (misprinted, foreign):
        with pytest.raises(ValueError, match="are no characters"):
            act(numbers, 0.5)
