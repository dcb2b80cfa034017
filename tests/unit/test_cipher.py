"""Translation: `scalinglaws.text.cipher`, held against a second translator."""

from __future__ import annotations

import numpy as np
import pytest
from marking import answers_of, prompts_of

from scalinglaws.text import Cipher


class TestCipher:
    def test_a_second_translator_agrees(self) -> None:
        task = Cipher(clauses=2)
        vocabulary = [word.strip() for word in task.vocabulary.symbols]
        nouns = set(vocabulary[: task.nouns])
        joint = vocabulary[task._words - 1]
        for example in task.make(300, seed=0):
            source, target = task.render(example).split(" = ")
            translated = []
            for clause in source.split(f" {joint} "):
                words = clause.split()
                if words[0] in nouns:
                    subject, verb, adjective, thing = words
                    order = [subject, thing, adjective, verb]
                else:
                    adjective, subject, verb, thing = words
                    order = [subject, adjective, thing, verb]
                translated.append(" ".join(task.dictionary[word] for word in order))
            assert target == f" {task.dictionary[joint]} ".join(translated)

    def test_the_languages_share_no_word(self) -> None:
        words = Cipher(nouns=60, verbs=30, adjectives=30).dictionary
        assert len(words) == len(set(words.values())) == 121
        assert not set(words) & set(words.values())

    def test_the_seed_draws_the_words(self) -> None:
        assert Cipher(seed=0).dictionary == Cipher(seed=0).dictionary != Cipher(seed=1).dictionary

    def test_word_by_word_gets_a_quarter_of_the_tokens(self) -> None:
        task = Cipher()
        examples = task.make(20_000, seed=1)
        examples[:, task.prompt_length :] = task.shortcut(
            "word by word", prompts_of(task, examples)
        )
        assert not task.check(examples).any()
        assert task.token_accuracy(examples).mean() == pytest.approx(0.25, abs=0.01)

    def test_chance_against_all_sentences(self) -> None:
        task = Cipher(nouns=2, verbs=1, adjectives=2)
        answers = np.unique(answers_of(task, task.make(4000, seed=0)), axis=0)
        assert task.chance == pytest.approx(1 / len(answers))

    def test_only_the_first_language_is_translated(self) -> None:
        task = Cipher(nouns=2, verbs=1, adjectives=1)
        backwards = task.make(1, seed=0)[:, ::-1][:, : task.prompt_length]
        with pytest.raises(ValueError, match="first language"):
            task.solve(backwards)

    def test_too_many_words(self) -> None:
        with pytest.raises(ValueError, match="more than the 126 words"):
            Cipher(nouns=100, verbs=20, adjectives=7)
