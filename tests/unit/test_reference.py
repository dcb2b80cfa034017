"""The runs that come with the package, and the scripts that make and export them."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from scalinglaws import runs
from scalinglaws.learners import LSTMConfig, MLPConfig, NgramConfig, TransformerConfig
from scalinglaws.runs import store
from scalinglaws.text import Corpus
from scalinglaws.training import Run, default_lr, train
from scalinglaws.training.run import row_of

SCRIPTS = Path(__file__).parents[2] / "studies"


def script(name: str) -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(SCRIPTS))


studies = script("studies")
sweep = script("sweep")
export = script("export")
WHAT_IS_SAID = ["width", "depth", "tokens", "seed", "lr", "batch", "optimizer", "warmup"]
WHAT_IS_SAID += ["cooldown", "unique_tokens", "corpus", "learner", "shift", "context", "window"]
WHAT_IS_SAID += ["weight_decay", "dropout"]
FAR_UP = {"far-adamw", "far-muon", "far-no-shift", "ladder"}
"""Studies of ideas beyond the budgets of the reference runs that forecasts are made from."""
ONE_SEED = {"batch", "ladder"}


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return runs.reference()


@pytest.fixture(scope="module")
def sealed() -> pd.DataFrame:
    return runs.sealed()


# The tables


def test_the_digitised_runs_are_those_of_the_figure() -> None:
    table = runs.digitised()
    assert list(table.columns) == ["params", "flops", "loss"] and len(table) == 245
    assert table["params"].between(5e7, 2e10).all() and table["flops"].between(1e18, 2e22).all()
    tokens = table["flops"] / (6 * table["params"])
    worst, fewest = table["loss"].nlargest(5).index, (tokens / table["params"]).nsmallest(5).index
    assert {*worst} == {*fewest}, "what hoffmann-digitised.md says of the five left out"
    first = runs.digitised()
    first.loc[:, "loss"] = 0.0
    assert (runs.digitised()["loss"] > 2).all()


def test_the_columns_are_those_of_a_table_of_runs_and_the_study(reference: pd.DataFrame) -> None:
    assert list(reference.columns) == ["study", *runs.COLUMNS]
    assert reference["unique_tokens"].dtype == reference["batch"].dtype == "Int64"


def test_there_are_hundreds_of_runs_over_five_decades_of_compute(reference: pd.DataFrame) -> None:
    assert len(runs.finished(reference)) >= 400
    assert math.log10(reference["flops"].max() / reference["flops"].min()) >= 4.99


def test_both_optimisers_both_schedules_and_both_kinds_of_corpus_are_there(
    reference: pd.DataFrame,
) -> None:
    assert {*reference["optimizer"]} == {"adamw", "muon"}
    assert {0.0, 0.3} <= {*reference["cooldown"]}
    assert reference["corpus"].nunique() >= 2


def test_every_study_is_there_and_has_several_seeds(reference: pd.DataFrame) -> None:
    here = [name for name in studies.STUDIES if name not in studies.ELSEWHERE]
    assert list(reference["study"].unique()) == here
    for name in studies.ELSEWHERE:
        assert len(runs.reference(name)) == len(studies.STUDIES[name].runs)
    for name, rows in reference.groupby("study"):
        assert rows["seed"].nunique() >= (1 if name in ONE_SEED else 2), name


def test_no_run_stands_in_the_tables_twice(reference: pd.DataFrame, sealed: pd.DataFrame) -> None:
    both = pd.concat([reference, sealed])
    assert not both.duplicated(WHAT_IS_SAID).any()


def test_no_run_failed_and_few_diverged(reference: pd.DataFrame, sealed: pd.DataFrame) -> None:
    assert {*reference["status"]} <= {"ok", "diverged"}
    assert (reference["status"] == "ok").mean() > 0.97
    assert {*sealed["status"]} == {"ok"}


def test_sealed_runs_lie_ten_times_beyond_all_others(
    reference: pd.DataFrame, sealed: pd.DataFrame
) -> None:
    fitted = reference[~reference["study"].isin(FAR_UP)]
    assert sealed["flops"].min() >= 10 * fitted["flops"].max()
    assert {*sealed["study"]} == {"sealed"}
    assert not {"sealed"} & {*reference["study"]}


def test_the_best_width_of_every_budget_lies_between_others() -> None:
    rows = runs.finished(runs.reference("isoflop"))
    budgets = np.array(list(studies.ISOFLOP))
    nearest = np.abs(np.log(rows["flops"].to_numpy()[:, None] / budgets)).argmin(axis=1)
    means = rows.groupby([budgets[nearest], "width"])["loss"].mean()
    assert {*means.index.get_level_values(0)} == {*budgets}
    for budget, curve in means.groupby(level=0):
        widths = curve.droplevel(0)
        assert widths.index.min() < widths.idxmin() < widths.index.max(), budget


def test_no_loss_lies_below_what_is_possible(reference: pd.DataFrame) -> None:
    rows = runs.finished(reference)
    rows = rows[rows["study"] == "entropy"]
    least = studies.known_entropy().best_loss
    assert (rows["loss"] > least - 4 * rows["loss_std"]).all()
    assert rows["loss"].min() < least + 0.15


def test_the_counts_agree_with_those_of_the_models(reference: pd.DataFrame) -> None:
    for study, rows in reference.groupby("study"):
        row = rows.iloc[-1]
        corpus = studies.STUDIES[study].corpus()
        run = studies.run_of(row, corpus)
        assert run.flops == row["flops"], study
        if run.model.by_gradient:
            assert run.model.params("with_head") == row["params"], study


@pytest.mark.parametrize(
    "run",
    [
        Run(TransformerConfig(12, depth=3, heads=1, shift=False), 2_000, batch=3, ends_lr=0.1),
        Run(MLPConfig(8, depth=2, window=5), 2_000, seed=3, optimizer="muon", dropout=0.1),
        Run(LSTMConfig(8, depth=2), 2_000, weight_decay=0.5, unique_tokens=900, warmup=10),
        Run(NgramConfig(order=4), 2_000, seed=3),
    ],
    ids=lambda run: run.model.kind,
)
def test_a_row_tells_its_run_whatever_the_learner(run: Run, corpus: Corpus) -> None:
    others = [Run(TransformerConfig(8), 1_000), Run(NgramConfig(), 1_000)]
    table = runs.table_of(
        row_of(each, corpus.fingerprint, "ok", loss=1.0) for each in (run, *others)
    )
    assert studies.run_of(table.iloc[0], corpus) == run


def test_an_unknown_study_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no study 'isoflops'; there are isoflop, floor"):
        runs.reference("isoflops")


def test_one_study_is_a_part_of_the_whole(reference: pd.DataFrame) -> None:
    part = runs.reference("lr")
    whole = reference[reference["study"] == "lr"].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, whole)


def test_columns_that_came_later_say_what_was_the_case(
    reference: pd.DataFrame, sealed: pd.DataFrame
) -> None:
    for table in (reference, sealed):
        assert {*table["learner"]} == {"transformer"} and table["window"].isna().all()
        assert {*table["weight_decay"]} == {*table["dropout"]} == {0.0}


def test_the_tables_are_small() -> None:
    folder = Path(runs.__file__).parent / "data"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1.2e6


# Training again


def cheapest(study: str) -> pd.Series:
    rows = runs.finished(runs.reference(study))
    return rows.loc[rows["flops"].idxmin()]


@pytest.mark.parametrize("study", ["isoflop", "kaplan", "entropy", "muon"])
def test_a_row_can_be_trained_again(study: str) -> None:
    row, corpus = cheapest(study), studies.STUDIES[study].corpus()
    again = train(studies.run_of(row, corpus), corpus, device="cpu")
    # Other versions of the packages whose source is read make another corpus.
    tolerance = 1e-3 if corpus.fingerprint == row["corpus"] else 0.1
    assert again.loss == pytest.approx(row["loss"], abs=tolerance)


def test_the_corpus_of_known_entropy_is_the_same_everywhere() -> None:
    assert studies.known_entropy().fingerprint == cheapest("entropy")["corpus"]


# The scripts


def test_no_run_stands_in_two_studies() -> None:
    everything = studies.STUDIES | studies.SEALED
    planned = [(run, s.corpus) for s in everything.values() for run in s.runs]
    assert len(set(planned)) == len(planned) > 800


def test_the_factorial_has_every_combination_on_both_ladders() -> None:
    grid = studies.factorial()
    there = {
        (run.model.width, run.tokens, run.seed, run.warmup, run.cooldown, run.batch) for run in grid
    }
    budgets = [studies.at_budget(c, w) for c, widths in studies.ALL.items() for w in widths]
    budgets += [
        studies.at_blocks_budget(c, w) for c, widths in studies.BLOCKS.items() for w in widths
    ]
    for run in budgets:
        longest = round(studies.MOST_WARMUP * run.tokens)
        for warmup in (studies.WARMUP, studies.scaled_warmup(run).warmup):
            for cooldown, batch, seed in product((0, 0.3), (None, 64), (0, 1)):
                settings = (seed, min(warmup, longest), cooldown, batch)
                assert (run.model.width, run.tokens, *settings) in there
    assert {*studies.STUDIES["factorial"].runs} < {*grid}
    for run in grid:  # a cooldown takes nothing from the warm-up
        assert run.warmup <= round(studies.MOST_WARMUP * run.tokens)


def test_the_steps_from_kaplan_change_one_convention_at_a_time() -> None:
    steps = [
        studies.STUDIES[name].runs
        for name in ("kaplan", "kaplan-warmup", "kaplan-cooldown", "kaplan-tuned")
    ]
    for before, warmed, cooled, tuned in zip(*steps, strict=True):
        assert warmed == replace(before, warmup=warmed.warmup)
        assert cooled == replace(warmed, cooldown=0.3)
        assert tuned == Run(before.model, before.tokens, seed=before.seed)
    assert {run.lr for run in steps[0]} == {default_lr(16)}
    assert {run.batch for run in steps[0]} == {64}


@pytest.fixture
def three(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Make the sweep one of two small studies, of two runs and of one; its runs."""
    planned = [
        Run(TransformerConfig(width=8, context=8), tokens=1024, seed=seed) for seed in range(2)
    ]
    large = replace(planned[0], tokens=16_384)
    for module in (sweep, export):
        monkeypatch.setattr(
            module, "STUDIES", {"small": studies.Study(planned, "two runs", lambda: corpus)}
        )
        monkeypatch.setattr(
            module, "SEALED", {"sealed": studies.Study([large], "one run", lambda: corpus)}
        )
    return [*planned, large]


def call(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
    module.main()


def test_sweep_and_export_make_the_tables_that_the_package_reads(
    three: list[Run],
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept, data = tmp_path / "kept.sqlite", tmp_path / "data"
    call(sweep, monkeypatch, "--store", kept, "--workers", 1, "--dry-run")
    assert not kept.exists()
    assert "2 runs,    2 missing" in capsys.readouterr().out

    call(sweep, monkeypatch, "--store", kept, "--workers", 1)
    monkeypatch.setattr("scalinglaws.runs.table._DATA", data)
    call(export, monkeypatch, "--store", kept, "--to", data)
    table = runs.reference("small")
    assert list(table["seed"]) == [0, 1]
    assert [studies.run_of(row, corpus) for _, row in table.iterrows()] == [
        replace(run, model=replace(run.model, vocab_size=corpus.vocab_size)) for run in three[:2]
    ]
    assert list(table["loss"]) == pytest.approx(
        [train(run, corpus, device="cpu").loss for run in three[:2]], abs=1e-4
    )
    assert not (data / "sealed.csv").exists()

    call(sweep, monkeypatch, "--store", kept, "--workers", 1, "--sealed")
    call(export, monkeypatch, "--store", kept, "--to", data)
    assert list(runs.sealed()["tokens"]) == [16_384]
    assert len(runs.reference()) == 2
    note = (data / "PROVENANCE.md").read_text(encoding="utf-8")
    assert "| small | 2 | 2 |" in note
    assert "| sealed | 1 | 1 |" in note
    assert corpus.fingerprint in note


def test_export_keeps_the_studies_of_which_a_store_holds_nothing(
    three: list[Run], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, data = tmp_path / "1.sqlite", tmp_path / "2.sqlite", tmp_path / "data"
    call(sweep, monkeypatch, "--store", first, "--workers", 1)
    call(export, monkeypatch, "--store", first, "--to", data)
    before = (data / "reference.csv").read_text()
    other = studies.Study([replace(three[0], seed=7)], "one run more", lambda: corpus)
    for module in (sweep, export):
        monkeypatch.setattr(module, "STUDIES", {"other": other, **module.STUDIES})
    call(sweep, monkeypatch, "--store", second, "--workers", 1, "--study", "other")
    call(export, monkeypatch, "--store", second, "--to", data)
    monkeypatch.setattr("scalinglaws.runs.table._DATA", data)
    assert list(runs.reference()["study"]) == ["other", "small", "small"]
    after = (data / "reference.csv").read_text().splitlines()
    assert [after[0], *after[2:]] == before.splitlines(), "standing rows stay as they are"
    assert "| small | 2 | 2 |" in (data / "PROVENANCE.md").read_text(encoding="utf-8")


def test_a_store_of_sealed_runs_alone_leaves_the_other_tables_and_their_note(
    three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, data = tmp_path / "kept.sqlite", tmp_path / "data"
    call(sweep, monkeypatch, "--store", kept, "--workers", 1, "--sealed")
    call(export, monkeypatch, "--store", kept, "--to", data)
    assert sorted(file.name for file in data.iterdir()) == ["sealed.csv", "sealed.md"]


def test_without_their_table_no_registered_run_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: pd.DataFrame
) -> None:
    folder = Path(runs.__file__).parent / "data"
    (tmp_path / "sealed.csv").write_bytes((folder / "sealed.csv").read_bytes())
    monkeypatch.setattr("scalinglaws.runs.table._DATA", tmp_path)
    assert runs.preregistered().empty
    assert list(runs.preregistered().columns) == list(sealed.columns)


def test_sweep_trains_only_what_is_missing_and_cheap_enough(
    three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.sqlite"
    words = ("--store", kept, "--workers", 1, "--study", "small", "sealed")
    call(sweep, monkeypatch, *words, "--most-flops", three[0].flops)
    first = store.entries(kept)
    assert len(first) == 2
    call(sweep, monkeypatch, *words)
    assert store.entries(kept)[:2] == first
    assert len(store.entries(kept)) == 3


def test_the_estimate_counts_a_shared_trunk_once() -> None:
    model = TransformerConfig(width=32)
    runs = [Run(model, 2**17), Run(model, 2**18)]
    together, _ = sweep.cost(runs)
    assert max(run.flops for run in runs) < together < sum(run.flops for run in runs)


def test_a_study_begins_with_its_cheap_runs() -> None:
    study = studies.STUDIES["isoflop"]
    parts = list(sweep.stages(study, math.inf))
    assert sorted(run.flops for part in parts for run in part) == sorted(
        run.flops for run in study.runs
    )
    assert max(run.flops for run in parts[0]) < min(run.flops for run in parts[1])
