"""Recall from the prompt and from training: `scalinglaws.text.recall`."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from marking import prompts_of

from scalinglaws.text import Induction, Memorise


class TestInduction:
    def test_runs_repeat_with_every_period(self) -> None:
        task = Induction()
        periods = Counter()
        for example in task.make(4500, seed=0):
            text = task.render(example)
            period = text.index(text[0], 1)
            assert len(set(text[:period])) == period
            assert all(text[i] == text[i - period] for i in range(period, len(text)))
            periods[period] += 1
        assert set(periods) == set(range(4, 13))
        assert all(abs(count - 500) < 110 for count in periods.values())

    def test_the_prompt_shows_the_period_and_no_more(self) -> None:
        task = Induction(shortest=12)
        prompts = prompts_of(task, task.make(100, seed=0))
        assert (prompts[:, 0] == prompts[:, -1]).all()
        assert all(len(set(row)) == 12 for row in prompts.tolist())

    def test_a_fixed_period_falls_to_the_shortcut(self) -> None:
        assert Induction(period=7).shortcuts == {"fixed distance": 1.0}
        assert Induction(4, 12).shortcuts["fixed distance"] == pytest.approx(3 / 9)
        assert Induction(7, 12).shortcuts["fixed distance"] == pytest.approx(1 / 6)

    @pytest.mark.parametrize(("shortest", "longest", "length"), [(2, 3, 6), (2, 4, 6), (3, 4, 9)])
    def test_chance_against_all_examples(self, shortest: int, longest: int, length: int) -> None:
        task = Induction(shortest, longest, symbols=4, length=length)
        shares: Counter = Counter()
        for period in range(shortest, longest + 1):
            runs = list(itertools.permutations(range(4), period))
            for run in runs:
                text = (run * length)[:length]
                share = 1 / len(runs) / (longest - shortest + 1)
                shares[text[task.prompt_length :]] += share
        assert task.chance == pytest.approx(max(shares.values()))

    def test_a_prompt_without_a_period(self) -> None:
        task = Induction(2, 3, symbols=5, length=6)
        with pytest.raises(ValueError, match="no period shows"):
            task.solve(task.encode("abcd"))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"longest": 27}, "longest must lie from 2 to 26"),
            ({"shortest": 13}, "shortest must lie from 2 to 12"),
            ({"length": 13}, "length must lie from 14"),
            ({"period": 3}, "period must lie from 4 to 12"),
            ({"period": "fixed"}, "period must be a whole number"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            Induction(**arguments)


class TestMemorise:
    def test_a_key_keeps_its_number(self) -> None:
        task = Memorise(keys=700, digits=4)
        facts = dict(task.render(row).split("=") for row in task.make(5000, seed=0))
        assert len(facts) == 700
        assert all(
            facts[key] == number
            for key, number in (task.render(row).split("=") for row in task.make(5000, seed=1))
        )

    def test_the_tasks_own_seed_draws_the_table(self) -> None:
        keys = Memorise(seed=0).make(10, seed=0)
        assert not Memorise(seed=1).check(keys).any()

    def test_numbers_are_those_of_the_table(self) -> None:
        task = Memorise(keys=30, digits=3)
        for row in task.make(30, seed=0):
            key, number = task.render(row).split("=")
            place = "abcdefghijklmnopqrstuvwxyz".index
            digits = task.table[26 * place(key[0]) + place(key[1])]
            assert number == "".join(map(str, digits))
        assert len(np.unique(task.table, axis=0)) > 20

    def test_one_pass_shows_each_key_once(self) -> None:
        task = Memorise(keys=256)
        corpus = task.corpus(1024, 256)
        assert len(np.unique(corpus.val.reshape(256, -1), axis=0)) == 256
        counts = np.unique(corpus.train.reshape(1024, -1), axis=0, return_counts=True)[1]
        assert counts.tolist() == [4] * 256

    def test_chance_counts_equal_numbers(self) -> None:
        task = Memorise(keys=50, digits=1)
        numbers = Counter(task.table[:, 0].tolist())
        assert task.chance == max(numbers.values()) / 50

    def test_unknown_keys(self) -> None:
        task = Memorise(keys=20)
        with pytest.raises(ValueError, match="no such key"):
            task.solve(task.encode("z="))
        with pytest.raises(ValueError, match="written in letters"):
            task.solve(task.encode("1="))
