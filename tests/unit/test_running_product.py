"""One product in three formats: `scalinglaws.text.running_product`."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws.text import RunningProduct

TASK = RunningProduct(length=6, idle=0.5, formats=("direct", "steps", "targets"))


def carried_out(orders: list[str]) -> list[str]:
    """The things after two orders, three, and so on."""
    things, after = list("123"), []
    for order in orders:
        things = [things[int(place) - 1] for place in order]
        after.append("".join(things))
    return after[1:]


class TestRunningProduct:
    def test_each_format_says_the_same(self) -> None:
        orders = TASK.orders(100, seed=0)
        for name in TASK.formats:
            for example in TASK.written(name, orders):
                switch, *words = TASK.render(example).split()
                results = carried_out(words[:6])
                if switch == "D":
                    assert words[7:] == [results[-1], *["_"] * 4]
                elif switch == "C":
                    assert words[7:] == results
                else:
                    assert words[7:] == ["_"] * 5

    def test_targets_are_the_steps_and_are_not_read(self) -> None:
        corpus = TASK.corpus(500, 50)
        read, wanted = (x.reshape(-1, TASK.example_length) for x in (
            corpus.train, corpus.train_targets))  # fmt: skip
        here = read[:, 0] == TASK.vocabulary.number[" T"]
        assert 100 < here.sum() < 240
        assert np.array_equal(read[~here], wanted[~here])
        assert (read[here][:, TASK.prompt_length :] == TASK.vocabulary.number[" _"]).all()
        for example, told in zip(read[here], wanted[here], strict=True):
            words = TASK.render(example).split()[1:7]
            assert TASK.render(told).split()[8:] == carried_out(words)
        assert RunningProduct().corpus(100, 10).train_targets is None

    def test_held_out_orders_stand_in_no_format(self) -> None:
        corpus = TASK.corpus(4_000, 10)
        train = {bytes(row[1:7]) for row in corpus.train.reshape(-1, TASK.example_length)}
        exam = TASK.exam(300)
        assert len({bytes(row.astype(np.uint8)) for row in exam}) == 300
        assert not train & {bytes(row.astype(np.uint8)) for row in exam}

    def test_shortcut_and_chance_are_what_they_are_said_to_be(self) -> None:
        task = RunningProduct(length=8, idle=0.7)
        orders = task.orders(60_000, seed=1)
        truth = task.products(orders)[:, -1]
        prompts = task.written("direct", orders)[:, : task.prompt_length]
        rate = (task.shortcut("last order", prompts)[:, 0] == truth).mean()
        assert rate == pytest.approx(task.shortcuts["last order"], abs=0.01)
        assert (truth == 0).mean() == pytest.approx(task.chance, abs=0.01)

    def test_the_answer_stands_first_or_last(self) -> None:
        orders = TASK.orders(20, seed=2)
        truth = TASK.products(orders)[:, -1]
        for name in ("direct", "steps"):
            after = TASK.written(name, orders)[:, TASK.prompt_length :]
            assert np.array_equal(TASK.answered(name, after), truth)

    @pytest.mark.parametrize(
        ("fields", "saying"),
        [
            ({"idle": 1.0}, "below 1"),
            ({"formats": ("loud",)}, "some of"),
            ({"formats": ()}, "some"),
        ],
    )
    def test_what_cannot_be_is_refused(self, fields: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            RunningProduct(**fields)
        with pytest.raises(ValueError, match="format must be"):
            TASK.written("loud", TASK.orders(1, seed=0))


def test_no_more_lists_are_asked_for_than_there_are() -> None:
    with pytest.raises(ValueError, match="different lists were found, 30 are asked for"):
        RunningProduct(length=2).exam(30, seed=3)  # by whose numbers most lists are held out
