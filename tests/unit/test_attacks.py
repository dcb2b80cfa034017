"""Tables and arguments with which a new user got a wrong answer in silence, or a raw error.

Tables are simulated from a known law; what is printed is checked against it or worked out by hand.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from scalinglaws.estimate import Estimate
from scalinglaws.fit import (
    ChinchillaFit,
    bootstrap,
    chinchilla,
    fit_best_run,
    fit_chinchilla,
    fit_envelope,
    fit_isoflop,
    fit_power_law,
)
from scalinglaws.laws import CHINCHILLA_REFIT as LAW
from scalinglaws.plan import compute_optimal, reaching, with_inference
from scalinglaws.report import analyse
from scalinglaws.runs import Measurements, doubts, measurements

SIZES, LENGTHS = np.geomspace(5e7, 5e9, 6), np.geomspace(2e9, 2e11, 6)
SHARES = np.array([0.25, 0.5, 0.75, 1.0])


def grid(noise: float = 0.003) -> pd.DataFrame:
    N, D = (v.ravel() for v in np.meshgrid(SIZES, LENGTHS))
    scatter = np.exp(noise * np.random.default_rng(0).standard_normal(len(N)))
    return pd.DataFrame({"params": N, "tokens": D, "loss": LAW(N, D) * scatter})


def log() -> pd.DataFrame:
    """Three trainings of each size, four rows each, with higher losses on the way."""
    rows = [
        (f"{N:.2g} on {end:.0e}", N, end * share, LAW(N, end * share) + 0.1 * (1 - share))
        for N in SIZES
        for end in (2e9, 2e10, 2e11)
        for share in SHARES
    ]
    table = pd.DataFrame(rows, columns=["experiment", "params", "tokens", "loss"])
    luck = np.random.default_rng(1).uniform(0, 0.3, 18).repeat(4)
    return table.assign(loss=table["loss"] + luck)


def texts(found: Measurements) -> str:
    return " | ".join(f"{doubt.kind}: {doubt.text}" for doubt in found.doubts)


def said(table: Any, **how: Any) -> str:
    return " | ".join(analyse(measurements(table), bootstrap=100, **how).warnings)


@pytest.fixture(scope="module")
def fit() -> ChinchillaFit:
    table = grid()
    return fit_chinchilla(table["params"], table["tokens"], table["loss"], bootstrap=100)


# Runs


def test_the_last_row_of_a_size_with_several_trainings_is_doubted() -> None:
    ends = measurements(log().drop(columns="experiment"), last=True)
    assert len(ends) == 6 and "lengths of 6 sizes are not those of one training" in texts(ends)
    with pytest.raises(ValueError, match="no column names the runs"):
        analyse(ends, bootstrap=100)
    known = measurements(log(), columns={"run": "experiment"}, last=True)
    assert len(known) == 18 and "names the runs" not in texts(known)
    twice = log().drop(columns="experiment").assign(tokens=np.tile(LENGTHS[:4], 18))
    with pytest.raises(ValueError, match="several rows at one length"):
        measurements(twice, last=True)


@pytest.mark.parametrize(
    "length",
    [np.arange(100, 2100, 100), np.r_[np.arange(100, 2100, 100), 2050], 2.0 ** np.arange(12),
     np.r_[2 ** np.arange(10), np.arange(1000, 9000, 1000)]],
)  # fmt: skip
def test_lengths_of_one_log(length: np.ndarray) -> None:
    one = grid()[:6].merge(pd.DataFrame({"tokens": 1e6 * length}), how="cross", suffixes=("x", ""))
    assert texts(measurements(one.drop(columns="tokensx"), last=True)) == ""


def test_a_name_of_runs_is_not_offered_as_experiments() -> None:
    found = texts(measurements(log()))
    assert "--column run=experiment" in found and "--by" not in found
    few = grid().assign(kind=np.resize(["a", "b", "c", "d", "e", "f", "g"], 36))
    few["loss"] *= 1 + 0.1 * (few["kind"].map(ord) - ord("a"))
    assert "--by kind" in texts(measurements(few))


def test_names_that_runs_of_several_sizes_share() -> None:
    table = log().assign(run="baseline")
    found = measurements(table)
    assert found.run is not None and len(np.unique(found.run)) == 6
    assert len(measurements(table, last=True)) == 6


def test_two_experiments_in_ten_rows() -> None:
    N = np.geomspace(1e6, 1e8, 5)
    both = [pd.DataFrame({"params": N, "loss": A * N**-0.08, "model": name})
            for name, A in (("lstm", 12.0), ("transformer", 9.0))]  # fmt: skip
    assert "--by model" in texts(measurements(pd.concat(both)))


@pytest.mark.parametrize(
    ("name", "rate"),
    [("lr_max", 1), ("muon_lr", 1), ("log2_lr", 1), ("eta", 1), ("lr0", 1), ("peakLR", 1),
     ("learning_rate_peak", 1), ("lr (1e-3)", 1), ("delta", 0), ("lrn", 0), ("meta", 0)],
)  # fmt: skip
def test_names_of_learning_rates(name: str, rate: int) -> None:
    swept = pd.concat([grid().assign(**{name: 10.0**-i, "loss": grid()["loss"] * (1 + 0.02 * i)})
                       for i in range(1, 5)])  # fmt: skip
    assert ("tuned:" in texts(measurements(swept))) == bool(rate)


# Units


@pytest.mark.parametrize(
    ("column", "factor", "message"),
    [
        ("params", 1e-6, "3 of 36 runs .rows 0, 1, 2. have"),
        ("tokens", 1e-9, "tokens per parameter, the others 40"),
        ("flops", 1e-15, "FLOPs per N D, the others 6"),
    ],
)
def test_another_unit_in_some_rows_is_refused(column: str, factor: float, message: str) -> None:
    table = grid().assign(flops=6 * grid()["params"] * grid()["tokens"])
    table.loc[:2, column] *= factor
    with pytest.raises(ValueError, match=message):
        analyse(measurements(table), bootstrap=100)
    meant = analyse(measurements(table, units={column: "1"}), bootstrap=100)
    assert any("another unit" in text for text in meant.warnings)


@pytest.mark.parametrize("column", ["params", "tokens"])
def test_thousands_are_suggested(column: str) -> None:
    table = grid().assign(**{column: grid()[column] / 1000})
    assert f"--unit {column}=k" in texts(measurements(table))
    mended = measurements(table, units={column: "k"})
    np.testing.assert_allclose(getattr(mended, column), grid()[column])
    assert texts(mended) == ""


def test_billions_of_both() -> None:
    table = grid().assign(params=grid()["params"] / 1e9, tokens=grid()["tokens"] / 1e9)
    found = texts(measurements(table))
    assert "--unit params=B" in found and "--unit tokens=B" in found


DOTTED = {
    "thousands in both": ("83.330,1.300.000,3.9\n120.000,2.600.000,3.7\n", 83330.0),
    "thousands beyond doubt": ("1.083.330,1.300.000,3.9\n120.000,2.600.000,3.7\n", 1083330.0),
}


@pytest.mark.parametrize("how", DOTTED)
def test_dots_between_thousands(how: str, tmp_path: Path) -> None:
    rows, first = DOTTED[how]
    file = tmp_path / "runs.csv"
    file.write_text("params,tokens,loss\n" + rows)
    found = measurements(file)
    assert found.params is not None and found.params.tolist() == [first, 120000.0]
    assert any("dot was read as thousands" in note for note in found.notes)


def test_a_dot_that_may_be_either_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    rows = ("83.330", 1300000, 3.9), ("120.000", 2600000, 3.7)
    file.write_text("params,tokens,loss\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    with pytest.raises(ValueError, match=r"'83\.330' in column 'params' can be read in two ways"):
        measurements(file)
    assert measurements(file, units={"params": "k"}).params.tolist() == [83330.0, 120000.0]  # type: ignore[union-attr]
    file.write_text("params (M),tokens,loss\n83.330,1300000000,3.9\n120.5,2600000000,3.7\n")
    assert measurements(file).params.tolist() == [83.33e6, 120.5e6]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda L: L / 10, "less than language models reach"),
        (lambda L: np.exp(L) / 1.5, "seldom have in nats per token"),
        (lambda L: np.exp(L), "more than any guess costs"),
        (lambda L: np.where(np.arange(36) < 3, np.exp(L), L), "3 of 36 losses lie from 2"),
        (lambda L: np.where(np.arange(36) == 7, 1.4 * L, L), "off the law, by up to 4"),
        (lambda L: L, ""),
    ],
)
def test_losses_that_are_none(change: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    found = said(grid().assign(loss=change(grid()["loss"].to_numpy())))
    assert message in found if message else found == ""


def test_flops_of_another_count_and_one_budget() -> None:
    table = grid()
    assert "--k 1.5" in said(table.assign(flops=1.5 * table["params"] * table["tokens"]))
    N = np.geomspace(1e8, 1e9, 12)
    one = pd.DataFrame({"params": N, "tokens": 1e20 / 6 / N, "loss": LAW(N, 1e20 / 6 / N)})
    assert doubts.inseparable(measurements(one).sizes) < -0.99
    assert doubts.inseparable(measurements(table).sizes) == 0


def test_spreads_in_brackets_copies_and_a_column_of_one_step(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    grid().assign(loss=[f"{L:.4f} (0.01)" for L in grid()["loss"]]).to_csv(file, index=False)
    np.testing.assert_allclose(measurements(file).loss, grid()["loss"], atol=6e-5)
    copies = pd.concat([grid(), grid()]).assign(id=range(72))
    assert any("36 rows have exactly the sizes" in n for n in measurements(copies).notes)
    named = grid().assign(Name=[f"run {i}" for i in range(36)], step=1000)
    assert texts(measurements(named)) == ""


@pytest.mark.parametrize("sign", [",", "."])
def test_perplexities_in_thousands(sign: str, tmp_path: Path) -> None:
    file, perplexity = tmp_path / "runs.csv", np.exp(grid()["loss"] * 2.1).round()
    assert (perplexity > 1000).any() and (perplexity < 1000).any()
    shown = [f"{value:,.0f}".replace(",", sign) for value in perplexity]
    sizes = grid()[["params", "tokens"]].map(lambda v: f"{v:.0f}")
    sizes.assign(ppl=shown).to_csv(file, index=False)
    with pytest.raises(ValueError, match=r"column 'ppl' can be read in two ways, as a decimal"):
        measurements(file)
    telling = sizes.map(lambda v: f"{int(v):,}".replace(",", sign)).assign(ppl=shown)
    telling.to_csv(file, index=False)
    np.testing.assert_allclose(measurements(file).loss, np.log(perplexity))
    file.write_text("params,tokens,ppl\n1e7,2e9,15.312\n4e7,2e9,14.221\n")
    np.testing.assert_allclose(np.exp(measurements(file).loss), [15.312, 14.221])
    file.write_text('params,tokens,loss\n1e7,2e9,"3,456"\n4e7,2e9,"3,221"\n')
    np.testing.assert_allclose(measurements(file).loss, [3.456, 3.221])


def test_a_stated_unit_speaks_for_itself_alone() -> None:
    table = grid().assign(params=grid()["params"] / 1e6, tokens=grid()["tokens"] / 1e3)
    assert "--unit tokens=k" in texts(measurements(table, units={"params": "M"}))
    table["tokens"] *= 1e-6
    with pytest.raises(ValueError, match="all tokens are below 20000"):
        analyse(measurements(table, units={"params": "M"}), bootstrap=100)
    assert texts(measurements(table, units={"params": "M", "tokens": "B"})) == ""
    rows = grid()
    rows.loc[:2, "params"] *= 1e-6
    with pytest.raises(ValueError, match="--unit params=1 "):
        analyse(measurements(rows, units={"tokens": "1"}), bootstrap=100)


def test_what_is_stated_as_it_is_is_believed() -> None:
    hours = grid().assign(tokens=grid()["tokens"] / 2e8)
    assert "--unit tokens=1" in texts(measurements(hours))
    found = measurements(hours, units={"tokens": "1"})
    assert texts(found) == "" and not analyse(found, bootstrap=100).warnings
    small = grid().assign(params=grid()["params"] / 1e4, tokens=grid()["tokens"] / 4e6)
    assert said(small).startswith("all tokens are below 100000")
    assert not analyse(measurements(small, units={"tokens": "1"}), bootstrap=100).warnings


@pytest.mark.parametrize("factor", [0.03, 6.0])
def test_losses_of_speech_and_pictures(factor: float) -> None:
    table = grid().assign(loss=factor * grid()["loss"])
    assert "=nats/token if it is right" in said(table)
    found = measurements(table, units={"loss": "nats/token"})
    assert not analyse(found, bootstrap=100).warnings


def test_petaflop_days_name_flops() -> None:
    N, D = grid()["params"], grid()["tokens"]
    table = grid().assign(**{"PF-days": 6 * N * D / 8.64e19}).drop(columns="tokens")
    np.testing.assert_allclose(measurements(table).tokens, D)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_a_few_rows_in_thousands_of_tokens(factor: float) -> None:
    table = grid()
    table["tokens"] = np.tile([4e9, 8e9, 16e9], 12)
    table["loss"] = LAW(table["params"], table["tokens"]) * (grid()["loss"] / LAW(
        grid()["params"], grid()["tokens"]))  # fmt: skip
    assert texts(measurements(table)) == ""
    table.loc[[0, 7, 20], "tokens"] *= factor
    assert "3 of 36 runs (rows 0, 7, 20) have tokens beyond a gap" in texts(measurements(table))
    assert "--unit tokens=1 (in" in texts(measurements(table))


def test_a_floor_at_zero_may_be_rows_of_another_kind() -> None:
    table = grid()
    table.loc[:2, "tokens"] /= 1e3
    assert "E at zero: no text has a loss of zero" in said(table)


# What differs between runs


def repeated(noise: float, **columns: Sequence[float]) -> pd.DataFrame:
    """Three runs at each place, which differ in columns that do nothing."""
    times = range(3)
    each = [grid(0).assign(**{name: values[i] for name, values in columns.items()}) for i in times]
    table = pd.concat(each, ignore_index=True)
    luck = np.random.default_rng(2).standard_normal(len(table))
    return table.assign(loss=table["loss"] * np.exp(noise * luck))


def test_settings_that_do_nothing_are_not_tuned() -> None:
    table = repeated(0.006, lr=[1e-3, 8e-4, 1.2e-3])
    assert texts(measurements(table)) == ""
    shift = np.log(table["lr"] / 1e-3) + 0.1 * np.log(table["params"] / 5e8)
    assert "tuned: column 'lr'" in texts(
        measurements(table.assign(loss=table["loss"] * (1 + 0.3 * shift**2)))
    )
    hours = repeated(0.003, eta=[3, 5, 7])
    hours["loss"] *= 1 + 0.01 * (hours["eta"] - 3)
    assert "tuned" not in texts(measurements(hours))


def test_noisy_seeds_are_seen_as_seeds() -> None:
    found = texts(measurements(repeated(0.04, seed=[1, 2, 3])))
    assert "repeats" in found and "only column 'seed' differs" in found
    assert "no column tells" in texts(measurements(repeated(0.04)))


def test_a_numbering_of_repeats_is_no_name_of_runs() -> None:
    table = repeated(0.003, run=[1, 2, 3])
    found = measurements(table)
    assert "--column run=none" in " ".join(found.notes) and "--column run=none" in texts(found)
    mended = measurements(table, columns={"run": None})
    assert mended.run is None and texts(mended) == ""
    lengths = pd.DataFrame({"tokens": 1e8 * np.arange(1, 21)})
    logs = grid()[:6].drop(columns="tokens").merge(lengths, how="cross")
    assert "--column run='its name'" in texts(measurements(logs))


@pytest.mark.parametrize("column", ["loss", "perplexity", "train_loss"])
def test_outcomes_part_no_runs(column: str) -> None:
    table = grid().assign(perplexity=np.exp(grid()["loss"]), train_loss=grid()["loss"])
    for how in ({"by": column}, {"best_of": column}):
        with pytest.raises(ValueError, match="holds an outcome of the runs"):
            measurements(table, **how)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="holds an outcome of the runs"):
        analyse(measurements(table), by=column)


# Intervals


def test_intervals_without_a_width_are_not_shown_as_certain(fit: ChinchillaFit) -> None:
    exact = analyse(measurements(grid(noise=0)), bootstrap=100)
    assert any("computed, or smoothed, and not measured" in text for text in exact.warnings)
    assert "alpha   = 0.3478   no interval: 0.3478" in str(exact.fit)
    assert str(Estimate(0.5, 0.50001, 0.50002)) == "0.5 (95% interval 0.50001 to 0.50002)"
    assert str(Estimate(0.5, 0.4, 0.6)) == "0.5 (95% interval 0.4 to 0.6)"
    assert "no interval" not in str(fit)


def test_few_runs_widen_by_students_t(monkeypatch: pytest.MonkeyPatch) -> None:
    few = grid().iloc[[0, 3, 5, 8, 13, 20, 26, 30]]
    runs = few["params"], few["tokens"], few["loss"]
    wide = fit_chinchilla(*runs, bootstrap=200)
    monkeypatch.setattr(chinchilla, "_FADING", (0, 0.5))
    plain = fit_chinchilla(*runs, bootstrap=200)
    middle = plain.value("alpha")
    ratio = (wide.draws["alpha"] - middle) / (plain.draws["alpha"] - middle)
    inside = (wide.draws["alpha"] > 0.0011) & (wide.draws["alpha"] < 3.99)
    np.testing.assert_allclose(ratio[inside], t.ppf(0.975, 3) / norm.ppf(0.975), rtol=1e-9)
    assert wide.law == plain.law and bootstrap.widened is chinchilla.widened
    monkeypatch.undo()
    factor = [float(chinchilla._student(count)) for count in (12, 18, 21, 24, 30, 200)]
    full = t.ppf(0.975, [7, 13, 16]) / norm.ppf(0.975)
    np.testing.assert_allclose(factor, [full[0], full[1], (1 + full[2]) / 2, 1, 1, 1])


# Raw errors

ODD = [None, "x", [], {}, object, 1j, np.array([[1e21, 1e22]]), 10**400, float("nan"), -1, 1e308]


def refused(call: Callable[[Any], Any], value: Any) -> None:
    """Assert that there is an answer or a ValueError, and no warning of numpy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            call(value)
        except (ValueError, FileNotFoundError) as error:
            assert str(error)


@pytest.mark.parametrize("value", ODD, ids=lambda v: repr(v)[:12])
def test_odd_arguments_get_an_answer_or_a_clear_error(value: Any, fit: ChinchillaFit) -> None:
    table = grid()
    N, D, L = (table[name].to_numpy() for name in table)
    runs, power = measurements(table), fit_power_law(N, L, bootstrap=100)
    for call in (
        lambda v: analyse(v),
        lambda v: analyse(runs, bootstrap=100, k=v),
        lambda v: analyse(runs, "power", bootstrap=100, floor=v),
        lambda v: analyse(runs, "power", bootstrap=100, budgets=v),
        lambda v: fit.optimum(v),
        lambda v: fit.predict(v, 1e10),
        lambda v: fit.predict(1e9, v),
        lambda v: power.predict(v),
        lambda v: compute_optimal(v, 1e21),
        lambda v: compute_optimal(fit, v),
        lambda v: compute_optimal(LAW, 1e21, k=v),
        lambda v: reaching(fit, v),
        lambda v: reaching(v, 3.0),
        lambda v: with_inference(LAW, v, loss=2.5),
        lambda v: fit_chinchilla(v, D, L),
        lambda v: fit_chinchilla(N, D, L, huber=v, bootstrap=100),
        lambda v: fit_isoflop(N, D, L, k=v),
        lambda v: fit_isoflop(N, D, L, within=v),
        lambda v: fit_envelope(N, D, L, k=v, bootstrap=100),
        lambda v: fit_best_run(N, D, v, bootstrap=100),
        lambda v: measurements(v),
        lambda v: measurements(table, where=v),
        lambda v: measurements(table, where={"loss": v}),
        lambda v: measurements(table, best_of=v),
        lambda v: runs.where(v),
        lambda v: runs.best_of(v),
        lambda v: runs.take(v),
    ):
        refused(call, value)


def test_numbers_that_nothing_holds() -> None:
    N, D, L = (grid()[name].to_numpy() for name in grid())
    wide = np.geomspace(1, 1e300, 36)
    for call in (
        lambda v: fit_chinchilla(v, D, L),
        lambda v: fit_power_law(v, L, floor=True),
        lambda v: fit_power_law(N, L / v, floor=True),
        lambda v: analyse(measurements({"params": v, "tokens": D, "loss": L}), bootstrap=100),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError):
                call(wide)
