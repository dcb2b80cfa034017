"""Skills of every rarity: `scalinglaws.text.zipf_skills`."""

from __future__ import annotations

import time
from dataclasses import replace
from math import log

import numpy as np
import pytest

from scalinglaws.text import KnownEntropy, ZipfSkills


class TestZipfSkills:
    def test_skills_come_up_with_their_frequencies(self) -> None:
        language = ZipfSkills(skills=10, alpha=1.0)
        ranks = language.skill_of(language.make(50_000, seed=0))
        assert np.bincount(ranks)[1:] / 50_000 == pytest.approx(language.frequencies, abs=0.01)

    @pytest.mark.parametrize("parity", [None, 2])
    def test_a_skill_is_a_function(self, parity: int | None) -> None:
        language = ZipfSkills(skills=20, bits=4, parity=parity)
        seen: dict[str, str] = {}
        for row in language.make(5000, seed=0):
            prompt, answer = language.render(row).split("=")
            assert seen.setdefault(prompt, answer) == answer
        assert language.table.shape == (20, 16)
        assert (language.table.sum(axis=1) == 8).all(), "as many ones as zeros"

    def test_parities_are_of_the_stated_number_of_bits(self) -> None:
        language = ZipfSkills(skills=50, bits=6, parity=3)
        for row in language.table:
            flips = [i for i in range(6) if row[1 << i] != row[0]]
            assert len(flips) == 3 and row[0] == 0
            for value in range(64):
                assert row[value] == sum(value >> i & 1 for i in flips) % 2

    def test_loss_after_skills_by_hand(self) -> None:
        language = ZipfSkills(skills=3, alpha=1.0)
        losses = language.loss_after_skills([0, 1, 2, 3])
        assert losses == pytest.approx(log(2) * np.array([49, 13, 4, 0]) / 49)
        with pytest.raises(ValueError, match="from 0 to 3"):
            language.loss_after_skills(4)

    @pytest.mark.parametrize("needed", [1, 5])
    def test_loss_after_examples_against_a_simulation(self, needed: int) -> None:
        language = ZipfSkills(skills=40)
        losses = [
            log(2)
            * language.frequencies[
                np.bincount(language.skill_of(language.make(150, seed)), minlength=41)[1:] < needed
            ].sum()
            for seed in range(400)
        ]
        expected = float(language.loss_after_examples(150, needed))
        assert expected == pytest.approx(np.mean(losses), abs=4 * np.std(losses) / 20)

    def test_one_example_needed_is_the_missing_mass(self) -> None:
        skills, facts = ZipfSkills(skills=200), KnownEntropy(keys=200)
        examples = np.array([0, 7, 1000])
        expected = log(2) * facts.missing_mass(examples)
        assert skills.loss_after_examples(examples) == pytest.approx(expected)
        assert (skills.data_exponent, skills.size_exponent) == (
            facts.data_exponent,
            facts.size_exponent,
        )

    def test_a_corpus(self) -> None:
        language = ZipfSkills()
        corpus = language.corpus(1000, 100)
        assert corpus.best_loss == 0 and sum(corpus.scored) == 1
        assert language.check(corpus.train.reshape(1000, -1)).all()
        wrong = corpus.val.reshape(100, -1).copy()
        wrong[:, -1] ^= 1
        assert not language.check(wrong).any()

    def test_text_and_seeds(self) -> None:
        language = ZipfSkills(skills=150, bits=7)
        examples = language.make(50, seed=0)
        for row in examples:
            assert np.array_equal(language.encode(language.render(row)), row)
        assert np.array_equal(examples, replace(language).make(50, seed=0))
        assert not np.array_equal(examples, language.make(50, seed=1))
        assert not np.array_equal(language.table, replace(language, seed=1).table)

    def test_chance(self) -> None:
        assert ZipfSkills().make(40_000, seed=0)[:, -1].mean() == pytest.approx(0.5, abs=0.01)

    def test_a_million_tokens_take_a_moment(self) -> None:
        start = time.process_time()
        ZipfSkills().corpus(142_857, 1000)
        assert time.process_time() - start < 3

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"skills": 254}, "skills must lie from 2 to 253"),
            ({"bits": 17}, "bits must lie from 1 to 16"),
            ({"parity": 5}, "parity must lie from 1 to 4"),
            ({"alpha": "half"}, "alpha must be a number"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            ZipfSkills(**arguments)

    def test_strange_prompts(self) -> None:
        language = ZipfSkills()
        with pytest.raises(ValueError, match="a skill, bits and"):
            language.solve(np.array([0, 1, 1, 1, 1, 2]))
        with pytest.raises(ValueError, match="whole numbers"):
            language.loss_after_examples(2.5)
