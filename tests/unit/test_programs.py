"""Programs found from examples: `scalinglaws.text.programs`, held against another machine."""

from __future__ import annotations

import numpy as np
import pytest

from scalinglaws.text import Programs

TASK = Programs()


def another_machine(listing: str, registers: str) -> str:
    """Run three lines of code, as `listing` writes them, by Python itself."""
    at = dict(zip("abc", map(int, registers), strict=True))
    for line in listing.splitlines():
        name, text = line.split(" = ")
        for letter in "abc":
            text = text.replace(f"2{letter}", f"2 * {letter}").replace(
                f"3{letter}", f"3 * {letter}"
            )
        if text.startswith("|"):
            text = f"abs({text.strip('|')})"
        at[name] = eval(text, {"max": max, "min": min, "abs": abs}, at) % 10
    return "".join(str(at[letter]) for letter in "abc")


class TestPrograms:
    def test_another_machine_agrees(self) -> None:
        for example in TASK.make(200, seed=0):
            shown = [pair.split(">") for pair in TASK.pairs(example[:25]).split()]
            code = TASK.listing(example[25:])
            assert [another_machine(code, given) for given, _ in shown] == [o for _, o in shown]
            assert len({given for given, _ in shown}) == 4

    def test_functions_and_what_is_held_out(self) -> None:
        assert len(np.unique(TASK._functions)) == 4_078
        corpus = TASK.corpus(5_000, 500)
        train, val = (part.reshape(-1, 28)[:, 25:] for part in (corpus.train, corpus.val))
        places = [set(TASK._functions[TASK._places(part)]) for part in (train, val)]
        assert not places[0] & places[1]
        assert TASK._is_val_program.mean() == pytest.approx(0.2, abs=0.01)

    def test_the_truth_passes_and_is_the_same(self) -> None:
        examples = TASK.make(300, seed=1)
        prompts, program = examples[:, :25], examples[:, 25:]
        assert TASK.passes(prompts, program).all() and TASK.same(program, program).all()
        assert TASK.check(examples).all()
        several = np.stack([program, program[:, ::-1]], axis=1)
        assert TASK.passes(prompts, several).shape == (300, 2)
        assert TASK.passes(prompts, several)[:, 0].all()
        assert 0 < TASK.same(several, program)[:, 1].mean() < 0.2

    def test_what_is_no_program_never_passes(self) -> None:
        example = TASK.make(1, seed=2)
        broken = example[:, 25:].copy()
        broken[0, 1] = 5
        assert not TASK.passes(example[:, :25], broken).any()
        assert not TASK.same(broken, example[:, 25:]).any()
        with pytest.raises(ValueError, match="three statements"):
            TASK.run(broken[0], np.zeros((1, 3), dtype=int))

    def test_searching_all_programs(self) -> None:
        examples = TASK.make(100, seed=3)
        prompts, program = examples[:, :25], examples[:, 25:]
        fits = TASK.consistent(prompts)
        assert fits[np.arange(100), TASK._places(program)].all()
        assert TASK.passes(prompts, TASK.solve(prompts)).all()
        ceiling = TASK.ceiling(prompts, program)
        alone = fits.sum(1) == 1
        assert (ceiling[alone] == 1).all() and 0.8 < ceiling.mean() < 1

    def test_chance_is_that_of_a_blind_draw(self) -> None:
        rng = np.random.default_rng(0)
        count = np.bincount(TASK._functions)
        blind = count[TASK._functions[rng.integers(0, 4096, 100_000)]] / 4096
        assert TASK.chance == pytest.approx(blind.mean(), rel=0.01)

    def test_no_program_for_impossible_outputs(self) -> None:
        prompt = TASK.encode("000123000456111222333444=")
        with pytest.raises(ValueError, match="no program"):
            TASK.solve(prompt)
