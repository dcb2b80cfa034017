"""Ladders with several seeds, and the search for the best pair of rates."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from scalinglaws import Run, TransformerConfig
from scalinglaws.course import instrument
from scalinglaws.course.instrument import Bench, Tuned, tune

SEEDS = {8: 3, 16: 1}


def rung(width: int, blocks: float = 1.0, ends: float = 1.0) -> Run:
    return Run(TransformerConfig(width), tokens=2048, lr=blocks, ends_lr=ends)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose runs cost nothing: least loss at blocks 4 and ends 0.5, at every width."""
    trained: list[Run] = []

    def sweep(runs: Iterable[Run], corpus: object) -> pd.DataFrame:
        done = list(runs)
        assert not set(done) & set(trained), "a run was trained twice"
        trained.extend(done)
        return pd.DataFrame({"loss": [loss(run) for run in done]})

    monkeypatch.setattr(instrument, "sweep", sweep)
    return Bench(None, SEEDS)  # type: ignore[arg-type]


def loss(run: Run) -> float:
    off = math.log2(run.lr / 4) ** 2 + math.log2(run.ends_lr / 0.5) ** 2  # type: ignore[operator]
    return math.exp(0.01 * off + 1e-4 * run.seed)


def test_a_ladder_has_a_row_for_each_run_and_trains_it_once(bench: Bench) -> None:
    one, two = bench([rung(8), rung(16)], [rung(8, 2.0), rung(16, 2.0)])
    assert one.shape == (2, 3) and np.isnan(one).tolist() == [[False] * 3, [False, True, True]]
    assert one[0, 1] == loss(Run(**{**vars(rung(8)), "seed": 9})) and (two[:, 0] < one[:, 0]).all()
    assert np.array_equal(bench([rung(8), rung(16)])[0], one, equal_nan=True)
    with pytest.raises(ValueError, match="same length"):
        bench([rung(8)], [rung(8), rung(16)])


def test_the_search_ends_where_four_neighbours_do_worse(bench: Bench) -> None:
    found = tune(bench, rung, {8: 2, 16: 1})
    assert found == dict.fromkeys((8, 16), Tuned(4.0, 0.5, pytest.approx(math.expm1(0.01))))
