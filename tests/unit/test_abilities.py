"""Abilities over size, and a look into a transformer's heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch

from scalinglaws.course.abilities import head_scores, learn, mean_sharpness, passes
from scalinglaws.learners import Transformer, TransformerConfig
from scalinglaws.learners.look import attention_maps, without_head
from scalinglaws.metrics import rise_factor, sharpness
from scalinglaws.runs import abilities
from scalinglaws.text import FewShot, Induction, Memorise

SHAPE = TransformerConfig(width=8, context=11, vocab_size=6)


def disturbed(shape: TransformerConfig = SHAPE, seeds: Sequence[int] = (0,)) -> Transformer:
    """A model whose blocks do something."""
    model = shape.build(seeds)
    rng = torch.Generator().manual_seed(1)
    for weight in model.parameters():
        weight.data += 0.5 * torch.randn(weight.shape, generator=rng)
    return model


def tokens(n: int = 3, stack: int = 1) -> torch.Tensor:
    rng = torch.Generator().manual_seed(2)
    return torch.randint(0, 6, (stack, n, 11), generator=rng)


class TestLook:
    def test_maps_are_what_the_blocks_attend_with(self) -> None:
        model, x = disturbed(seeds=(0, 1)), tokens(stack=2)
        maps = attention_maps(model, x)
        assert maps.shape == (2, 2, 3, 2, 11, 11)
        assert maps.sum(-1).allclose(torch.ones(()))
        assert (maps.triu(1) == 0).all()
        # A later token changes no earlier row.
        later = x.clone()
        later[:, :, -1] = (later[:, :, -1] + 1) % 6
        assert attention_maps(model, later)[..., :-1, :].allclose(maps[..., :-1, :])

    def test_a_model_without_all_heads_passes_nothing_on(self) -> None:
        model, x = disturbed(TransformerConfig(8, context=11, vocab_size=6, shift=False)), tokens()
        for block in range(2):
            for head in range(2):
                model = without_head(model, block, head)
        moved = x.clone()
        moved[:, :, 0] = (moved[:, :, 0] + 1) % 6  # only attention could tell
        assert model(moved)[:, :, 1:].allclose(model(x)[:, :, 1:], atol=1e-6)

    def test_the_model_itself_stays(self) -> None:
        model, x = disturbed(), tokens()
        before = model(x)
        changed = without_head(model, 0, 1)
        assert model(x).equal(before) and not changed(x).allclose(before)

    @pytest.mark.parametrize("place", [(2, 0), (0, 2), (-1, 0)])
    def test_a_head_that_is_not_there(self, place: tuple[int, int]) -> None:
        with pytest.raises(IndexError, match="2 blocks of 2 heads"):
            without_head(disturbed(), *place)

    def test_only_a_transformer_attends(self) -> None:
        with pytest.raises(TypeError, match="only a transformer"):
            attention_maps(torch.nn.Linear(1, 1), tokens())

    def test_where_an_even_head_looks(self) -> None:
        task = Induction(4, 4, symbols=6, length=12)
        model = TransformerConfig(8, context=11, vocab_size=6).build([0])
        for block in model.blocks:
            block.way_in.data[:, :, :16] = 0  # queries and keys: all tokens alike
        back, copies, behind = head_scores(model, task, task.make(5, seed=0))
        asked = np.arange(4, 11)
        assert back == pytest.approx(np.mean(1 / (asked + 1)))
        assert copies == pytest.approx(np.mean([at // 4 / (at + 1) for at in asked]))
        assert behind == pytest.approx(np.mean([(at + 1) // 4 / (at + 1) for at in asked]))


class TestTables:
    def test_what_ships(self) -> None:
        table = abilities()
        assert {"addition", "few-shot", "list-256", "repetition"} == set(table["ability"])
        assert not table.duplicated(["ability", "condition", "width", "seed"]).any()
        equal = table[table["condition"] == "steps"]
        assert (equal.groupby("ability")["steps"].nunique() == 1).all()
        assert (equal.groupby(["ability", "width"]).size() == 8).all()
        marks = ["exact_match", "token_accuracy", "edit_distance", "answer_probability"]
        assert table[marks].stack().between(0, 1).all()
        compute = table[table["condition"] == "compute"]
        spread = compute.groupby("ability")["flops"].agg(["min", "max"])
        assert (spread["max"] < 1.01 * spread["min"]).all()

    def test_models_are_trained_and_marked(self) -> None:
        for task in (FewShot(pairs=3), Memorise(keys=8, digits=2)):
            table = learn(task, [6], [4, 8], seeds=2, items=30, batch=4, shift=True)
            assert table["steps"].tolist() == [4, 4, 8, 8]
            assert (table["params"] == 24 * 36).all()
            assert table["log_loss"].between(0.5, 6).all()

    def test_the_size_that_passes(self) -> None:
        table = pd.DataFrame(
            {"params": [1, 4] * 3, "seed": [0, 0, 1, 1, 2, 2], "exact_match": [0, 1, 0, 0, 0, 0]}
        )
        found = passes(table, "params", 0.3)
        assert 1 < found.value < 4 and found.high == np.inf
        with pytest.raises(ValueError, match="lack a row"):
            passes(table.iloc[1:], "params", 0.3)

    def test_the_mean_of_a_lottery_is_gentle(self) -> None:
        sizes = 2.0 ** np.arange(8)
        table = pd.concat(
            pd.DataFrame({"size": sizes, "seed": k, "share": (np.arange(8) > k).astype(float)})
            for k in range(7)
        )
        drawn = mean_sharpness(table, "size", "share", draws=20)
        assert drawn.shape == (21,) and drawn[0] == pytest.approx(1 / 7)
        assert sharpness(sizes, sizes > 4) == 1

    def test_a_factor_needs_both_ends(self) -> None:
        assert rise_factor([1, 2, 4, 8], [0.0, 0.2, 0.95, 1]) == 4
        assert rise_factor([1, 2], [0.95, 0.0]) == np.inf
        with pytest.raises(ValueError, match="one shape"):
            rise_factor([1, 2], [0.5])
