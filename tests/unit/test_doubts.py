"""What a table of runs calls for, and the choices among its runs.

Tables are simulated from a known law; what a choice should keep is worked out with pandas alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scalinglaws.laws import CHINCHILLA_REFIT as LAW
from scalinglaws.report import Reports, analyse
from scalinglaws.runs import Measurements, measurements

BUDGETS = np.geomspace(1e18, 1e21, 7)


def sweep(
    sizes: np.ndarray, seed: int = 0, drift: float = 0.0, lower: float = 0.0, noise: float = 0.003
) -> pd.DataFrame:
    """Runs at 7 budgets, at these multiples of the best size, that drift with the budget."""
    C = np.repeat(BUDGETS, len(sizes))
    N = LAW.N_opt(C) * np.tile(sizes, len(BUDGETS)) * (C / 3e19) ** drift
    D = C / 6 / N
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(N)))
    return pd.DataFrame({"params": N, "tokens": D, "loss": (LAW(N, D) - lower) * scatter})


def one() -> pd.DataFrame:
    return sweep(np.geomspace(0.2, 5, 7))


def two() -> pd.DataFrame:
    """The same law for two data sets, the loss of one lower by 0.25 and its sizes others."""
    other = sweep(np.geomspace(0.5, 2, 5), 1, 0.25, 0.25)
    return pd.concat([one().assign(dataset="C4"), other.assign(dataset="The Pile")])


def kinds(found: Measurements) -> list[str]:
    return [doubt.kind for doubt in found.doubts]


def doubt(found: Measurements, kind: str) -> str:
    (text,) = [doubt.text for doubt in found.doubts if doubt.kind == kind]
    return text


def holds(report: Any, name: str, truth: float) -> bool:
    low, high = report.fit.interval(name)
    return bool(low < truth < high)


# Units


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (lambda t: t.assign(params=t.params / 1e6), ["--unit params=M"]),
        (lambda t: t.assign(params=t.params / 1e9), ["--unit params=B"]),
        (lambda t: t.assign(tokens=t.tokens / 1e9), ["--unit tokens=B"]),
        (lambda t: t.assign(params=t.params / 1e6, tokens=t.tokens / 1e9),
         ["--unit params=M", "--unit tokens=B"]),
        (lambda t: t.assign(params=t.params / 1e6, flops=6 * t.params * t.tokens),
         ["--unit params=M"]),
        (lambda t: t.assign(flops=6 * t.params * t.tokens / 1e9), ["--unit flops=GFLOPs"]),
        (lambda t: t.assign(params=t.params / 1e6, flops=6 * t.params * t.tokens).drop(
            columns="tokens"), ["--unit params=M"]),
        (lambda t: t.assign(flops=6 * t.params * t.tokens / 8.64e19).drop(columns="tokens"),
         ["--unit flops=PF-days"]),
        (lambda t: t.rename(columns={"params": "params (M)"}), ["--unit params=1"]),
    ],
)  # fmt: skip
def test_sizes_in_another_unit_are_refused_and_the_unit_is_named(
    change: Callable[[pd.DataFrame], pd.DataFrame], mend: list[str]
) -> None:
    table = change(one())
    found = measurements(table)
    (stop,) = found.doubts
    assert stop.kind == "units" and stop.fatal
    for part in mend:
        assert part in stop.text
    with pytest.raises(ValueError, match="--unit"):
        analyse(found, bootstrap=100)
    stated = dict(part.removeprefix("--unit ").split("=") for part in mend)
    mended = measurements(table, units=stated)
    assert mended.params is not None and mended.tokens is not None
    assert mended.doubts == ()
    np.testing.assert_allclose(mended.params, one()["params"])
    np.testing.assert_allclose(mended.tokens, one()["tokens"])


def test_sizes_that_are_meant_are_believed() -> None:
    found = measurements(one().assign(params=one().params / 1e6), units={"params": "1"})
    assert found.doubts == ()
    assert analyse(found, bootstrap=100).warnings == ()


@pytest.mark.parametrize("ratio", [0.05, 20.0, 2000.0, 5e4])
def test_sizes_that_people_train_are_not_doubted(ratio: float) -> None:
    N = np.geomspace(1e7, 1e10, 20)
    assert measurements(pd.DataFrame({"params": N, "tokens": ratio * N, "loss": 3.0})).doubts == ()


# Several experiments in one table


def test_two_experiments_in_one_table_are_noticed_and_can_be_taken_apart() -> None:
    pooled = measurements(two())
    text = doubt(pooled, "mixed")
    assert "column 'dataset' (C4, The Pile)" in text and "--by dataset" in text
    report = analyse(pooled, "isoflop", bootstrap=300)
    assert text in report.warnings
    assert abs(report.exponents["a"].value - LAW.a) > 0.05  # type: ignore[index]  # isoflop has them
    apart = analyse(pooled, bootstrap=300, by="dataset")
    assert list(apart.each) == ["C4", "The Pile"] and apart.failed == {}
    for value, count in (("C4", 49), ("The Pile", 35)):
        assert len(apart.each[value].runs) == count
        alone = analyse(measurements(two(), where={"dataset": value}), bootstrap=300)
        assert str(alone.fit) == str(apart.each[value].fit)
        assert not any("explains" in warning for warning in alone.warnings)
    assert holds(apart.each["C4"], "a", LAW.a)


def test_experiments_side_by_side_in_text_and_json() -> None:
    few = pd.concat([two(), one().head(3).assign(dataset="tiny")])
    found = analyse(measurements(few, by="dataset"), "isoflop", by="dataset", bootstrap=200)
    assert isinstance(found, Reports)
    lines = str(found).splitlines()
    assert lines[0].split() == ["dataset", "runs", "a", "b"]
    assert lines[1].startswith("C4        49    0.5") and lines[2].startswith("The Pile  35    ")
    assert "dataset = tiny: not fitted: only 0 budgets" in lines[-1]
    json = found.as_json()
    assert json["by"] == "dataset" and set(json["fits"]) == {"C4", "The Pile"}
    assert json["fits"]["C4"]["runs"] == 49 and set(json["failed"]) == {"tiny"}
    assert any(text.startswith("dataset = tiny: not fitted") for text in json["warnings"])


def test_runs_kept_apart_are_not_fitted_together() -> None:
    with pytest.raises(ValueError, match=r"analyse\(runs, by='dataset'\)"):
        analyse(measurements(two(), by="dataset"))
    with pytest.raises(ValueError, match="is no column 'size'"):
        measurements(two(), by="size")
    with pytest.raises(ValueError, match="for no value of 'params'"):
        analyse(measurements(two()), by="params")


@pytest.mark.parametrize(
    "labels",
    [
        lambda t: pd.cut(t.params, 5, labels=list("abcde")).astype(str),  # a name for size
        lambda t: pd.qcut(t.tokens, 4, labels=list("abcd")).astype(str),
        lambda t: [f"run {i}" for i in range(len(t))],
        lambda t: np.random.default_rng(0).choice(["x", "y"], len(t)),
        lambda t: "the same",
        lambda t: np.arange(len(t)) % 7,  # the place within a budget: what the law explains
    ],
)
def test_a_column_that_explains_nothing_is_no_experiment(labels: Any) -> None:
    table = one()
    assert kinds(measurements(table.assign(other=labels(table)))) == []


def test_a_name_for_size_is_no_experiment_even_where_the_law_breaks() -> None:
    table = one()
    small = table["params"] < table["params"].median()
    table["loss"] *= np.where(small, 1.05, 1.0)
    assert kinds(measurements(table.assign(family=np.where(small, "tiny", "large")))) == []
    mixed = table.assign(family=np.where(np.arange(49) % 2, "tiny", "large"))
    mixed["loss"] = one()["loss"] * np.where(np.arange(49) % 2, 1.05, 1.0)
    assert kinds(measurements(mixed)) == ["mixed"]


def test_a_loss_in_words_gives_way_to_one_in_numbers() -> None:
    table = one().rename(columns={"loss": "val_loss"}).assign(loss="see notes")
    assert measurements(table).roles["loss"] == "val_loss"


def test_a_column_of_words_is_no_quantity() -> None:
    """Data sets in a column "data", letters above names."""
    table = two().rename(columns={"dataset": "data"}).assign(c="x", n="y")
    found = measurements(table)
    assert found.roles == {"params": "params", "tokens": "tokens", "loss": "loss"}
    assert "column 'data' (C4, The Pile)" in doubt(found, "mixed")
    with pytest.raises(ValueError, match="no row holds usable numbers"):
        measurements(one().assign(tokens="many"))


def test_few_false_alarms() -> None:
    """Random labels on noise: 60 tables of three columns give next to none."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = sweep(np.geomspace(0.25, 4, 5), seed, noise=0.01)
        for name in "abc":
            table[name] = rng.choice(["u", "v", "w"], len(table))
        alarms += "mixed" in kinds(measurements(table))
    assert alarms <= 1


# Where


def test_where_chooses_rows_by_text_or_number() -> None:
    table = two().assign(lr=[1e-3, 3e-4] * 42)
    for wanted, expected in (
        ({"dataset": "C4"}, table[table.dataset == "C4"]),
        ({"lr": "1e-3"}, table[table.lr == 1e-3]),
        ({"lr": 0.0003}, table[table.lr == 3e-4]),
        ({"dataset": ["C4", "The Pile"], "lr": 1e-3}, table[table.lr == 1e-3]),
        ({"dataset": "C4", "lr": 1e-3}, table[(table.dataset == "C4") & (table.lr == 1e-3)]),
    ):
        found = measurements(table, where=wanted)
        np.testing.assert_array_equal(found.loss, expected["loss"])
        again = measurements(table).where(wanted)
        np.testing.assert_array_equal(again.loss, expected["loss"])
    assert any("kept: the 49 of 84 rows with dataset = C4" in note
               for note in measurements(table, where={"dataset": "C4"}).notes)  # fmt: skip
    with pytest.raises(ValueError, match="no value 'c4'; there are 'C4', 'The Pile'"):
        measurements(table, where={"dataset": "c4"})
    with pytest.raises(ValueError, match="is no column 'data'"):
        measurements(table, where={"data": "C4"})
    with pytest.raises(ValueError, match="no row has"):
        measurements(one().assign(u=[0] * 48 + [1], v=[1] * 48 + [0]), where={"u": 0, "v": 0})


def test_where_comes_before_rows_are_judged() -> None:
    table = two()
    table["loss"] = table["loss"].where(table["dataset"] == "C4", "diverged")
    assert len(measurements(table, where={"dataset": "C4"})) == 49
    with pytest.raises(ValueError, match="no row holds usable numbers"):
        measurements(table, where={"dataset": "The Pile"})


# Several settings at one place

RATES = np.array([1e-4, 3e-4, 1e-3, 3e-3, 1e-2])


def rates(seeds: int = 1) -> pd.DataFrame:
    """Five learning rates at each run, the best of which falls with size."""
    rng = np.random.default_rng(0)
    rows = [
        {**run, "lr": lr, "seed": seed,
         "loss": run["loss"] * (1 + 0.03 * np.log(lr / (3e-3 * (run["params"] / 1e8) ** -0.3)) ** 2)
         * np.exp(0.001 * rng.standard_normal())}
        for run in sweep(np.geomspace(0.25, 4, 7), noise=0.001).to_dict("records")
        for lr in RATES for seed in range(seeds)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_several_learning_rates_are_noticed_and_the_best_taken() -> None:
    table = rates()
    found = measurements(table)
    assert kinds(found) == ["tuned"]
    assert "5 values" in doubt(found, "tuned") and "--best-of lr" in doubt(found, "tuned")
    best = measurements(table, best_of="lr")
    expected = table.loc[table.groupby(["params", "tokens"])["loss"].idxmin()].sort_index()
    np.testing.assert_array_equal(best.loss, expected["loss"])
    assert kinds(best) == [] and any("kept: 49 of 245" in note for note in best.notes)
    np.testing.assert_array_equal(found.best_of("lr").loss, best.loss)


def test_the_best_setting_keeps_all_its_seeds() -> None:
    table = rates(seeds=3)
    best = measurements(table, best_of="lr")
    assert len(best) == 3 * 49
    mean = table.groupby(["params", "tokens", "lr"])["loss"].mean()
    winners = mean.loc[mean.groupby(["params", "tokens"]).idxmin()].reset_index()
    kept = best.table[["params", "lr"]].drop_duplicates().sort_values("params")
    expected = winners.sort_values("params")
    np.testing.assert_array_equal(kept["lr"], expected["lr"])


def test_the_luckiest_seed_does_not_choose_the_setting() -> None:
    table = pd.DataFrame({"params": 1e8, "tokens": 2e9, "lr": [1e-3, 1e-3, 3e-3, 3e-3],
                          "seed": [0, 1, 0, 1], "loss": [3.0, 3.3, 3.05, 3.06]})  # fmt: skip
    assert measurements(table, best_of="lr").loss.tolist() == [3.05, 3.06]


def test_the_best_of_two_settings_together_and_within_each_experiment() -> None:
    rng = np.random.default_rng(0)
    table = rates().assign(wd=0.0)
    more = pd.concat(
        [table, table.assign(wd=0.1, loss=table["loss"] * rng.uniform(0.97, 1.03, 245))]
    )
    both = measurements(more, best_of=["lr", "wd"])
    expected = more.groupby(["params", "tokens"])["loss"].min()
    np.testing.assert_array_equal(np.sort(both.loss), np.sort(expected))
    data = more.assign(data=np.where(more["wd"] > 0, "A", "B"))
    apart = measurements(data, best_of="lr", by="data")
    expected = data.groupby(["data", "params", "tokens"])["loss"].min()
    np.testing.assert_array_equal(np.sort(apart.loss), np.sort(expected))


def test_tokens_that_nearly_agree_are_one_length() -> None:
    table = rates()
    table["tokens"] *= 1 + 0.001 * np.tile(np.arange(5), 49)
    assert len(measurements(table, best_of="lr")) == 49
    assert kinds(measurements(table)) == ["tuned"]


def test_one_rate_for_each_size_is_no_sweep() -> None:
    table = one()
    assert kinds(measurements(table.assign(lr=1e-3 * (table.params / 1e8) ** -0.3))) == []
    alike = pd.concat([table.assign(lr=1e-3), table.assign(lr=2e-3)])
    assert kinds(measurements(alike)) == []


# Checkpoints


def log() -> pd.DataFrame:
    """24 runs of 20 checkpoints; before its end a run is up to 5 % worse than the law."""
    rows = [
        {"run": f"{N:.3g} on {D:.3g}", "step": int(1000 * share), "params": N,
         "tokens": D * share, "loss": LAW(N, D * share) * (1.05 - 0.05 * share)}
        for N in np.geomspace(3e7, 3e9, 8) for D in (2e9, 8e9, 3.2e10)
        for share in np.linspace(0.05, 1, 20)
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def test_checkpoints_are_noticed_and_the_last_of_each_run_taken() -> None:
    found = measurements(log())
    assert kinds(found) == ["checkpoints"]
    assert "20 rows" in doubt(found, "checkpoints") and "--last" in doubt(found, "checkpoints")
    ends = measurements(log(), last=True)
    table = log()
    expected = table.loc[table.groupby("run")["tokens"].idxmax()]
    np.testing.assert_array_equal(np.sort(ends.loss), np.sort(expected["loss"]))
    assert kinds(ends) == [] and ends.run is None
    report = analyse(ends, bootstrap=200)
    assert report.fit.value("a") == pytest.approx(LAW.a, abs=1e-4)
    pooled = analyse(found, bootstrap=200)
    assert any("--last" in warning for warning in pooled.warnings)
    assert pooled.fit.value("a") != pytest.approx(LAW.a, abs=1e-3)


def test_curves_are_wanted_where_curves_are_used() -> None:
    curves = log()
    curves = curves[curves["run"].str.endswith("3.2e+10")]
    for method, x in (("power", "params"), ("power", "tokens")):
        report = analyse(measurements(curves), method, x=x, bootstrap=100)
        assert any("--last" in text for text in report.warnings) == (x != "params")


def test_checkpoints_without_names_of_runs() -> None:
    many = log().drop(columns="run")
    assert kinds(measurements(many)) == ["checkpoints"]
    with pytest.raises(ValueError, match="8 sizes have several rows at one length"):
        measurements(many, last=True)
    table = log()[log()["run"].str.endswith("3.2e+10")].drop(columns="run")
    ends = measurements(table, last=True)
    assert len(ends) == 8 and any("agree in params" in note for note in ends.notes)
    data = pd.concat([table.assign(lr=1e-3), table.assign(lr=3e-3, loss=table["loss"] * 1.01)])
    assert len(measurements(data, last=True)) == 16
    nameless = table.drop(columns=["params", "step"]).assign(flops=1e20)
    with pytest.raises(ValueError, match="--column run='its name'"):
        measurements(nameless, columns={"params": None, "flops": None}, last=True)


def test_the_same_sizes_at_many_budgets_are_no_checkpoints() -> None:
    C = np.repeat(np.geomspace(1e17, 1e20, 18), 9)
    N = np.tile(np.geomspace(5e7, 1e9, 9), 18)
    table = pd.DataFrame({"params": N, "tokens": C / 6 / N, "loss": LAW(N, C / 6 / N)})
    assert kinds(measurements(table)) == []


def test_a_run_with_one_row_has_no_checkpoints() -> None:
    table = pd.concat([one().assign(seed=s) for s in range(3)], ignore_index=True)
    ends = log().sort_values("tokens").groupby("run").tail(1)
    assert len(ends) == 24 and kinds(measurements(ends)) == []
    named = table.assign(run=[f"run {i}" for i in range(len(table))])
    assert kinds(measurements(named)) == []
    np.testing.assert_array_equal(measurements(named, last=True).loss, named["loss"])


# Losses in other measures


@pytest.mark.parametrize(
    ("name", "of_nats", "how"),
    [
        ("val_ppl", np.exp, {}),
        ("loss (bits/token)", lambda L: L / np.log(2), {}),
        ("bpb", lambda L: L / np.log(2) / 4, {"tokens_per_byte": 0.25}),
        ("bits per character", lambda L: L / np.log(2) / 5, {"tokens_per_byte": 0.2}),
    ],
)
def test_a_loss_in_another_measure_becomes_nats_per_token(
    name: str, of_nats: Callable[[pd.Series], pd.Series], how: dict[str, float]
) -> None:
    table = one()
    other = table.assign(**{name: of_nats(table["loss"])}).drop(columns="loss")
    found = measurements(other, **how)  # type: ignore[arg-type]  # by name
    np.testing.assert_allclose(found.loss, table["loss"], rtol=1e-14)
    assert any(repr(name) in note and "was taken as loss" not in note for note in found.notes)


def test_the_user_may_say_what_the_loss_is() -> None:
    table = one()
    found = measurements(table.assign(loss=np.exp(table["loss"])), units={"loss": "perplexity"})
    np.testing.assert_allclose(found.loss, table["loss"])
    chosen = table.assign(val_ppl=np.exp(table["loss"] - 0.1))
    np.testing.assert_allclose(
        measurements(chosen, columns={"loss": "val_ppl"}).loss, table["loss"] - 0.1
    )


def test_a_long_table_of_metrics_names_the_way() -> None:
    table = pd.concat([one().rename(columns={"loss": "value"}).assign(metric=m)
                       for m in ("loss", "accuracy")])  # fmt: skip
    with pytest.raises(ValueError, match="--where metric=loss --column loss=value"):
        measurements(table)
    found = measurements(table, where={"metric": "loss"}, columns={"loss": "value"})
    np.testing.assert_array_equal(found.loss, one()["loss"])


def test_what_is_known_of_runs_can_be_printed() -> None:
    text = str(measurements(two()))
    assert text.startswith("84 runs\nparams ") and "note: FLOPs were derived" in text
    assert "doubt: column 'dataset'" in text


# Tables of others, in which the first version saw nothing


def test_losses_at_equal_sizes_that_differ_by_more_than_seeds() -> None:
    """Shares of a data set repeated to one length: N and D are equal, and the loss is not."""
    N = np.repeat([1e5, 8e5, 1e7, 2.5e7], 4)
    share = np.tile([10, 25, 50, 100], 4)
    loss = 2.3 * (N / 1e5) ** -0.07 * (1 + (N / 1e7) * (100 - share) / 100)
    table = pd.DataFrame({"params": N, "tokens": 1e7, "loss": loss, "data_pct": share, "i": 1})
    found = measurements(table)
    assert kinds(found) == ["repeats"]
    assert "differ by 49 %" in doubt(found, "repeats")
    assert "--by data_pct" in doubt(found, "repeats")
    assert "no column tells" in doubt(measurements(table.drop(columns="data_pct")), "repeats")
    assert not kinds(found.where({"data_pct": [100]}))


def test_seeds_are_repeats_that_nobody_doubts() -> None:
    seeds = [one().assign(loss=sweep(np.geomspace(0.2, 5, 7), s).loss, seed=s) for s in range(3)]
    assert not kinds(measurements(pd.concat(seeds)))


def curves(tokens: np.ndarray) -> pd.DataFrame:
    N, D = (v.ravel() for v in np.meshgrid([7e7, 1.6e8, 4.1e8, 1e9, 2.8e9], tokens, indexing="ij"))
    scatter = np.exp(0.002 * np.random.default_rng(0).standard_normal(len(N)))
    return pd.DataFrame({"params": N, "tokens": D, "loss": LAW(N, D) * scatter})


def test_checkpoints_at_equal_distances_need_no_column_of_runs_or_steps() -> None:
    evenly = measurements(curves(np.arange(1, 8) * 1e10))
    assert kinds(evenly) == ["checkpoints"]
    assert len(evenly.last()) == 5 and not kinds(evenly.last())
    report = analyse(evenly, bootstrap=100)
    assert not any("a size has" in note for note in report.notes)


def test_a_grid_of_lengths_is_only_noted() -> None:
    grid = analyse(measurements(curves(np.geomspace(1e10, 1e12, 7))), bootstrap=100)
    assert not grid.runs.doubts
    assert any("a size has 7 lengths" in note and "--last" in note for note in grid.notes)


def test_checkpoints_of_runs_whose_params_are_not_known() -> None:
    step = np.array([100, 300, 1000, 3000])
    parts = [
        pd.DataFrame({"Config": name, "Type": kind, "Step": step, "FLOPs (P)": step * flops,
                      "Loss": 4 * (step * flops) ** -0.05})
        for name, kind, flops in (("S", "base", 0.02), ("S", "new", 0.016), ("M", "base", 0.033),
                                  ("M", "new", 0.02))
    ]  # fmt: skip
    found = measurements(pd.concat(parts))
    assert found.flops is not None and found.flops.max() == pytest.approx(3000 * 0.033e15)
    assert "a run has 4 rows" in doubt(found, "checkpoints")


def test_tokens_in_proportion_to_params_tell_neither() -> None:
    N = np.geomspace(1e7, 1e9, 10)
    table = pd.DataFrame({"params": N, "tokens": 20 * N, "loss": LAW(N, 20 * N)})
    report = analyse(measurements(table), bootstrap=100)
    assert any("tokens rise with params (correlation 1.000" in text for text in report.warnings)
    wide = analyse(measurements(curves(np.geomspace(1e10, 1e12, 4))), bootstrap=100)
    assert not any("tokens rise" in text for text in wide.warnings)


def test_a_missing_quantity_points_at_names_that_sound_like_it() -> None:
    table = curves(np.geomspace(1e10, 1e12, 4)).rename(columns={"params": "params_active_precise"})
    with pytest.raises(ValueError, match="Perhaps they are in 'params_active_precise'"):
        analyse(measurements(table.assign(params_per_layer=1.0)))
    with pytest.raises(ValueError, match=r"to derive them from$"):
        analyse(measurements(table.rename(columns={"params_active_precise": "width"})))


# Tables of others, whose faults the second version passed over


def test_checkpoints_on_a_grid_of_sizes_are_noticed_without_a_column_of_runs() -> None:
    """Sizes on budgets, logged at the same shares: FLOPs derived from them are no budgets."""
    whole = one()
    parts = [whole.assign(tokens=share * whole.tokens) for share in np.linspace(0.1, 1, 10)]
    table = pd.concat(parts, ignore_index=True)
    table["loss"] = LAW(table.params, table.tokens)
    found = measurements(table)
    assert kinds(found) == ["checkpoints"] and "10 rows" in doubt(found, "checkpoints")
    budgets = table.assign(flops=6 * table.params * table.tokens)
    assert kinds(measurements(budgets)) == []


def test_checkpoints_of_runs_of_several_lengths_are_noticed() -> None:
    N, ratio, share = np.meshgrid(np.geomspace(1e8, 3e9, 6), [10, 20, 40, 80],
                                  np.linspace(0.1, 1, 10), indexing="ij")  # fmt: skip
    N, D = N.ravel(), (N * ratio * share).ravel()
    found = measurements(pd.DataFrame({"params": N, "tokens": D, "loss": LAW(N, D)}))
    assert kinds(found) == ["checkpoints"]


def test_one_curve_is_no_law_of_training() -> None:
    D = np.arange(1, 101) * 5e6
    curve = pd.DataFrame({"tokens": D, "loss": LAW(1e8, D)})
    report = analyse(measurements(curve), "power", x="tokens", bootstrap=100)
    assert any("checkpoints of one training: their errors go together" in text
               for text in report.warnings)  # fmt: skip
    lengths = pd.DataFrame({"tokens": np.geomspace(1e9, 1e11, 20)})
    assert kinds(measurements(lengths.assign(loss=LAW(1e8, lengths.tokens)))) == []


def test_data_that_change_with_size_are_noticed() -> None:
    table = one()
    large = table["params"] > table["params"].median()
    table["loss"] *= np.where(large, 0.95, 1.0)
    mixed = measurements(table.assign(data_mix=np.where(large, "pile", "c4")))
    assert "column 'data_mix'" in doubt(mixed, "mixed")
    for small, big in (("d12", "d24"), ("70M", "1.4B"), ("gpt-small", "gpt-large")):
        named = table.assign(family=np.where(large, big, small))
        assert kinds(measurements(named)) == []


@pytest.mark.parametrize(
    "name", ["code_percent", "data_update", "quality_criterion", "epochs", "source"]
)
def test_what_was_varied_is_named_though_its_name_resembles_a_time(name: str) -> None:
    parts = [one().assign(**{name: value}) for value in (0, 50, 100)]
    table = pd.concat(parts, ignore_index=True)
    table["loss"] *= 1 - 0.001 * table[name]
    assert f"column {name!r}" in doubt(measurements(table), "mixed")


@pytest.mark.parametrize("name", ["global_step", "created_at", "trainStep", "wall_time"])
def test_how_far_a_training_had_come_is_no_experiment(name: str) -> None:
    parts = [one().assign(**{name: value}) for value in (0, 50, 100)]
    table = pd.concat(parts, ignore_index=True)
    table["loss"] *= 1 - 0.001 * table[name]
    assert "mixed" not in kinds(measurements(table))


def test_sweeps_whose_runs_end_at_nearly_equal_lengths() -> None:
    table = rates()
    table["tokens"] *= np.exp(0.05 * np.random.default_rng(1).standard_normal(len(table)))
    assert kinds(measurements(table)) == ["tuned"]
    best = measurements(table, best_of="lr")
    expected = table.groupby(np.arange(len(table)) // len(RATES))["loss"].min()
    assert len(best) <= 51 and np.isin(np.round(best.loss, 12), np.round(expected, 12)).mean() > 0.9
    assert any("within 25 %" in note for note in best.notes)


def test_a_sweep_of_which_the_bad_runs_were_stopped_has_no_best() -> None:
    table = pd.concat([one().assign(lr=lr, tokens=one().tokens * share) for lr, share in
                       ((1e-4, 0.25), (3e-4, 0.5), (1e-3, 1.0), (3e-3, 0.35))])  # fmt: skip
    best = 3e-3 * (table.params / 1e8) ** -0.4
    table["loss"] = LAW(table.params, table.tokens) * (1 + 0.04 * np.log10(table.lr / best) ** 2)
    assert "no length has several" in doubt(measurements(table), "tuned")
    with pytest.raises(ValueError, match="no size and length has runs with several values of 'lr'"):
        measurements(table, best_of="lr")


def test_a_sweep_at_a_few_runs_only() -> None:
    table = one().assign(lr=1e-3)
    some = [table.head(14).assign(lr=lr, loss=table.loss.head(14) * worse)
            for lr, worse in ((1e-4, 1.05), (1e-2, 1.08))]  # fmt: skip
    swept = pd.concat([table, *some])
    assert "at 14 of 49" in doubt(measurements(swept), "tuned")
    np.testing.assert_array_equal(measurements(swept, best_of="lr").loss, table["loss"])


def test_few_runs_have_wider_intervals_and_a_warning() -> None:
    few = analyse(measurements(one().iloc[::5]), bootstrap=100)
    assert any("only 10 independent runs" in w and "1.3 times wider" in w for w in few.warnings)
    assert not any("only" in w for w in analyse(measurements(one()), bootstrap=100).warnings)
