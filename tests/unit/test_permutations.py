"""Elements of a group: `scalinglaws.text.permutations`, held against moving things about."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws.text import Composition


class TestComposition:
    @pytest.mark.parametrize("group", ["S2", "S3", "S4", "S5"])
    def test_products_move_things_from_left_to_right(self, group: str) -> None:
        direct, stepwise = Composition(group, 6), Composition(group, 6, steps=True)
        examples = direct.make(200, seed=0)
        steps = stepwise.make(200, seed=0)
        for example, worked in zip(examples, steps, strict=True):
            *moves, _, answer = direct.render(example).split()
            things, partial = list("12345")[: len(moves[0])], []
            for move in moves:
                things = [things[int(place) - 1] for place in move]
                partial.append("".join(things))
            assert answer == partial[-1]
            assert stepwise.render(worked).split("= ")[1].split() == partial[1:]

    def test_cyclic_groups_add(self) -> None:
        task = Composition("C10", 4, steps=True)
        assert task.render(task.solve(task.encode("7 8 9 5 ="))[0]) == "5 4 9"

    @pytest.mark.parametrize("group", ["S3", "S4", "C9"])
    def test_the_table_is_a_group(self, group: str) -> None:
        table = Composition(group).table
        size = len(table)
        everything = np.arange(size)
        assert np.array_equal(table[0], everything) and np.array_equal(table[:, 0], everything)
        assert all(np.array_equal(np.sort(row), everything) for row in (*table, *table.T))
        a, b, c = np.random.default_rng(0).integers(0, size, (3, 500))
        assert np.array_equal(table[table[a, b], c], table[a, table[b, c]])

    @pytest.mark.parametrize("group", ["S6", "C1", "C201", "A5", "S", 3])
    def test_unknown_groups(self, group: object) -> None:
        with pytest.raises(ValueError, match="one of S2 to S5 or C2 to C200"):
            Composition(group)
