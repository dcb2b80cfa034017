"""The language of invented words: the same everywhere, of every rarity, with habits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from scalinglaws.text import Invented


def test_the_text_is_the_same_everywhere_and_its_parts_differ():
    language = Invented(words=300, seed=5)
    made = language.corpus(20_000, 5_000)
    assert made.fingerprint == "4d65c9ebeb92"  # on every machine, or bets could not be settled
    assert made == Invented(words=300, seed=5).corpus(20_000, 5_000)
    assert (made.train[:5_000] != made.val).mean() > 0.5
    assert (made.train.size, made.val.size) == (20_000, 5_000)


def test_words_are_those_of_the_lexicon_and_rare_as_asked():
    language = Invented(words=200, alpha=0.5, habit=0.0, seed=1)
    assert len(set(language.lexicon)) == 200
    words = language.render(language.corpus(400_000, 10).train).split()
    # Streams follow each other without a space only at the very end of the text.
    assert set(words[:-1]) <= set(language.lexicon)
    counts = np.array([words.count(word) for word in language.lexicon[:4]])
    assert counts / counts[0] == pytest.approx(np.arange(1, 5) ** -1.5, rel=0.1)


def test_a_word_brings_those_along_that_it_prefers():
    language = Invented(words=200, habit=0.9, followers=3, seed=2)
    words = language.render(language.corpus(100_000, 10).train).split()
    rank = {word: at for at, word in enumerate(language.lexicon)}
    pairs = [(rank[a], rank[b]) for a, b in pairwise(words[:-1])]
    kept = np.mean([b in language.habits[a] for a, b in pairs])
    assert 0.88 < kept < 0.95  # the habit, and what comes up anyway


@pytest.mark.parametrize("wrong", [{"words": 1}, {"habit": 1.0}, {"vowels": 0}, {"seed": -1}])
def test_what_is_no_language_is_refused(wrong):
    with pytest.raises(ValueError):
        Invented(**wrong)
