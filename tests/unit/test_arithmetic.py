"""Arithmetic: `scalinglaws.text.arithmetic`, held against Python's own."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from scalinglaws.text import Addition, ModularArithmetic


class TestAddition:
    @pytest.mark.parametrize("reverse", [True, False])
    @pytest.mark.parametrize("digits", [1, 3, 12])
    def test_sums_are_right(self, digits: int, reverse: bool) -> None:
        task = Addition(digits, reverse)
        for example in task.make(300, seed=0):
            a, b, total = re.split(r"[+=]", task.render(example))
            assert len(a) == len(b) == digits and len(total) == digits + 1
            assert int(a) + int(b) == int(total[::-1] if reverse else total)

    def test_the_scratchpad_carries(self) -> None:
        task = Addition(3, scratchpad=True)
        solved = task.solve(task.encode("347+285="))
        assert task.render(solved[0]) == "12,13,06:2360"
        solved = Addition(3, reverse=False, scratchpad=True).solve(task.encode("999+001="))
        assert task.render(solved[0]) == "10,10,10:1000"

    def test_chance_is_the_most_frequent_sum(self) -> None:
        sums = Counter(a + b for a in range(100) for b in range(100))
        assert Addition(2).chance == pytest.approx(max(sums.values()) / 10_000)

    def test_forgetting_to_carry(self) -> None:
        right = sum(
            a % 10 + b % 10 < 10 and a // 10 + b // 10 < 10
            for a, b in itertools.product(range(100), repeat=2)
        )
        assert Addition(2).shortcuts["no carry"] == pytest.approx(right / 10_000)

    def test_a_prompt_needs_two_numbers(self) -> None:
        task = Addition(2)
        with pytest.raises(ValueError, match="example 0: both numbers"):
            task.solve(task.encode("1=+34="))


class TestModularArithmetic:
    @pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide"])
    def test_results_are_right(self, operation: str) -> None:
        task = ModularArithmetic(13, operation)
        for example in np.concatenate(task.split()):
            a, sign, b, _, c = task.render(example).split()
            expected = f"{c} * {b} - {a}" if sign == "/" else f"{a} {sign} {b} - {c}"
            assert eval(expected) % 13 == 0

    @pytest.mark.parametrize("operation", ["add", "divide"])
    def test_the_split_is_a_partition(self, operation: str) -> None:
        task = ModularArithmetic(11, operation, train_share=0.3)
        pairs = 11 * (10 if operation == "divide" else 11)
        train, val = task.split()
        assert len(train) == round(0.3 * pairs) and len(train) + len(val) == pairs
        assert len(np.unique(np.concatenate([train, val]), axis=0)) == pairs
        for corpus in (task.corpus(), task.corpus(seed=8)):
            for part, rows in ((corpus.train, train), (corpus.val, val)):
                assert np.array_equal(
                    np.unique(part.reshape(-1, 5), axis=0), np.unique(rows, axis=0)
                )
                assert part.size == rows.size
        assert task.corpus() != task.corpus(seed=8)

    def test_the_tasks_own_seed_draws_the_split(self) -> None:
        splits = [ModularArithmetic(11, seed=seed).split()[0] for seed in (0, 0, 1)]
        assert np.array_equal(splits[0], splits[1])
        assert not np.array_equal(splits[0], splits[2])

    def test_several_passes(self) -> None:
        task = ModularArithmetic(5, train_share=0.4)
        counts = np.unique(task.corpus(25).train.reshape(-1, 5), axis=0, return_counts=True)[1]
        assert sorted(counts) == [2] * 5 + [3] * 5

    @pytest.mark.parametrize("operation", ["add", "multiply", "divide"])
    def test_chance_is_the_most_frequent_result(self, operation: str) -> None:
        task = ModularArithmetic(7, operation)
        results = Counter(np.concatenate(task.split())[:, -1].tolist())
        assert task.chance == pytest.approx(max(results.values()) / results.total())

    def test_division_by_zero(self) -> None:
        task = ModularArithmetic(7, "divide")
        with pytest.raises(ValueError, match="division by 0"):
            task.solve(task.encode("3 / 0 ="))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"modulus": 1}, "modulus must lie from 2"),
            ({"modulus": 300}, "to 254, got 300"),
            ({"operation": "power"}, "operation must be one of add"),
            ({"operation": "divide", "modulus": 91}, "91 is not prime"),
            ({"train_share": 1.0}, "below 1"),
            ({"train_share": 0.0}, "leaves one part"),
            ({"train_share": "half"}, "must be a number"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            ModularArithmetic(**arguments)
