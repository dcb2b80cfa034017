"""The forecasts that were committed before their runs: how they were made, and in which order."""

from __future__ import annotations

import doctest
import hashlib
import shutil
import subprocess
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from scalinglaws.course import bets
from scalinglaws.fit import Scatter
from scalinglaws.runs import preregistered, reference
from tests.unit.test_reference import studies

ROOT = Path(__file__).parents[2]
JSON = ROOT / "scalinglaws" / "runs" / "data" / "preregistered.json"
RESULTS = JSON.with_suffix(".csv")
REGISTERED = "5e7ab6a"
PRIMARY = {"by": "joined", "fitted to": "... of 3 budgets", "band": "record"}


FAR = JSON.with_name("preregistered-far.json")
REGISTERED_FAR = "d9fb781"


def primary(table: pd.DataFrame) -> pd.DataFrame:
    return table[np.logical_and.reduce([table[name] == value for name, value in PRIMARY.items()])]


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_the_examples_run() -> None:
    with matplotlib.rc_context():  # whatever style a test before this one has left
        matplotlib.rcdefaults()
        assert doctest.testmod(bets, extraglobs={"np": np}).failed == 0


def test_the_hash_is_the_one_that_was_committed_with_the_method() -> None:
    digest = hashlib.sha256(JSON.read_bytes()).hexdigest()
    assert bets.registered()[2] == digest
    assert digest in (ROOT / "studies" / "preregistration.md").read_text(encoding="utf-8")


def test_so_is_that_of_the_second_set() -> None:
    digest = hashlib.sha256(FAR.read_bytes()).hexdigest()
    assert bets.registered("preregistered-far")[2] == digest
    assert digest in (ROOT / "studies" / "preregistration.md").read_text(encoding="utf-8")


def test_another_set_is_refused() -> None:
    for act in (bets.registered, preregistered):
        with pytest.raises(ValueError, match="must be one of preregistered, preregistered-far"):
            act("sealed")


def test_what_became_of_the_claims_is_said_under_the_names_of_each_set() -> None:
    for study, prefix in (("preregistered", "8.sealed"), ("preregistered-far", "8.far")):
        forecasts, rules, _ = bets.registered(study)
        found = bets.outcomes(bets.scored(forecasts, preregistered(study)), prefix)
        assert sorted(found) == sorted(rules)


def test_the_registered_forecast_follows_from_the_shipped_runs() -> None:
    forecasts = primary(bets.registered()[0])
    ours = bets.prepared(reference("isoflop"))
    again = bets.joined(bets.near_best(ours, 3))(forecasts)
    np.testing.assert_allclose(again, forecasts["value"], rtol=1e-3)
    winner = {("joined", "..."): lambda runs: bets.joined(bets.near_best(runs, 3))}
    record = bets.race(ours, winner)
    half = bets.fit_band(record["miss"], record["factor"], record["threshold"]).half(
        forecasts["factor"]
    )
    claimed = 100 * np.log(forecasts["high"] / forecasts["value"])
    np.testing.assert_allclose(half, claimed, atol=0.03)


@pytest.mark.parametrize("study", ["preregistered", "preregistered-far"])
def test_the_registered_runs_are_those_of_the_study(study: str) -> None:
    planned = studies.SEALED[study].runs
    forecasts = primary(bets.registered(study)[0])
    assert list(forecasts["tokens"]) == [run.tokens for run in planned]
    assert list(forecasts["width"]) == [run.model.width for run in planned]
    trained = preregistered(study)
    assert [*zip(trained["width"], trained["tokens"], strict=True)] == [
        (run.model.width, run.tokens) for run in planned
    ]


@pytest.fixture
def commits() -> tuple[str, str]:
    """The commits that brought the forecasts and the first losses, where the history has them."""
    if not shutil.which("git") or git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("no history here")
    if not git("rev-parse", "--verify", "--quiet", f"{REGISTERED}^{{commit}}"):
        pytest.skip("a history without the commit of the forecasts, as in a copy")
    first = git("log", "--diff-filter=A", "--format=%H", "--", str(RESULTS)).split()
    return git("rev-parse", REGISTERED), first[-1]


def test_the_forecasts_were_committed_before_the_results(commits: tuple[str, str]) -> None:
    before, after = commits
    assert before != after
    assert before in git("rev-list", after).split()
    assert not git("ls-tree", "--name-only", before, "--", str(RESULTS))


def test_so_were_those_of_the_second_set(commits: tuple[str, str]) -> None:
    results = FAR.with_suffix(".csv")
    first = git("log", "--diff-filter=A", "--format=%H", "--", str(results)).split()
    if not first:
        pytest.skip("the results are not committed yet")
    before = git("rev-parse", REGISTERED_FAR)
    assert before in git("rev-list", first[-1]).split()
    assert not git("ls-tree", "--name-only", before, "--", str(results))
    assert git("log", "--format=%H", "--", str(FAR)).split() == [before]


def test_the_forecasts_were_never_changed(commits: tuple[str, str]) -> None:
    made = git("log", "--format=%H", "--", str(JSON)).split()
    assert made == [commits[0]]


def test_the_chapter_names_both_commits(commits: tuple[str, str]) -> None:
    page = (ROOT / "book" / "08-bet-on-a-bigger-model.ipynb").read_text(encoding="utf-8")
    for commit in commits:
        assert commit[:7] in page


def test_a_band_needs_several_thresholds() -> None:
    with pytest.raises(ValueError, match="two thresholds"):
        bets.fit_band([1.0, 2.0], [2.5, 6.0], [1, 1])


def test_a_band_counts_thresholds_and_not_runs() -> None:
    few = bets.fit_band([1.0, 1.0, -3.0, -3.0], np.e * np.ones(4), [1, 1, 2, 2])
    many = bets.fit_band([1.0] * 50 + [-3.0] * 2, np.e * np.ones(52), [1] * 50 + [2] * 2)
    assert few.drift == pytest.approx(many.drift) == pytest.approx(np.sqrt(5))


@pytest.mark.parametrize("world", ["independent", "neighbours alike", "wandering slope"])
def test_the_band_holds_what_it_claims_where_the_truth_is_known(world: bets.World) -> None:
    rng = np.random.default_rng(4)
    threshold = np.repeat(np.arange(6), 40)
    factor = np.tile(2.5 ** np.repeat(np.arange(1, 5), 10), 6)
    miss = rng.normal(0, 0.4, 6)[threshold] * np.log(factor) + rng.normal(0, 0.8, 240)
    record = pd.DataFrame({"miss": miss, "factor": factor, "threshold": threshold})
    held = bets.simulated_coverage(record, world, draws=1500)
    assert (held > 0.90).all() and (held < 0.99).all()


def test_outcomes_follow_the_rules() -> None:
    forecasts, rules, _ = bets.registered()
    right = primary(forecasts).assign(loss=lambda table: table["value"])
    made = bets.outcomes(bets.scored(forecasts, right))
    assert {*made} == {*rules}
    assert made["8.sealed-band"] == ("held", 1.0)
    assert made["8.sealed-form"][0] == "held" and made["8.sealed-climb"][0] == "failed"
    one = right.iloc[:3].assign(loss=lambda table: table["value"])
    assert {made[0] for made in bets.outcomes(bets.scored(forecasts, one)).values()} == {"open"}
    off = right.assign(loss=right["high"] * 1.01)
    assert bets.outcomes(bets.scored(forecasts, off.iloc[:1]))["8.sealed-band"] == ("failed", 0.0)


def test_what_is_said_of_the_runs_follows_from_them() -> None:
    forecasts, _, _ = bets.registered()
    right = primary(forecasts).assign(loss=lambda table: table["value"])
    table = bets.scored(forecasts, right)
    assert bets.in_words(table) == (
        "6 of 6 registered runs trained, 6 of 6 inside the winner's 95 % band"
    )
    assert bets.rivals(table).endswith("nearer than the winner: nobody")
    assert "runs trained: 4; bands that hold them all:" in bets.rivals(table)
    small = bets.scored(forecasts, right.iloc[:2])
    assert bets.rivals(small) == "no run at 8.0e+13 FLOPs is trained"
    off = bets.scored(forecasts, right.assign(loss=right["value"] * 1.3))
    assert "0 of 6 inside" in bets.in_words(off)
    assert "nearer than the winner: nobody" not in bets.rivals(off)


def test_a_bend_is_found_where_there_is_one() -> None:
    width, C = (x.ravel() for x in np.meshgrid([1, 2, 3, 4, 5], 10.0 ** np.arange(5, 16)))
    N = np.sqrt(C) * 2.0 ** (width - 3)
    bent = 0.05 + 0.02 * np.exp(-((np.log10(C) - 10) ** 2) / 4)
    runs = pd.DataFrame({"width": width, "seed": 0, "tokens": C / N, "params": N, "budget": C})
    for slope, found in ((bent, True), (0.05 + 0 * C, False)):
        fall = np.exp(-np.cumsum(slope[::5]) * np.log(10))  # one slope for each budget
        runs["loss"] = np.repeat(fall, 5) * np.exp(0.01 * (width - 3) ** 2)
        runs["excess"] = runs["loss"] / runs.groupby("budget")["loss"].transform("min") - 1
        first, middle, last = bets.three_slopes(runs, Scatter.known(1e-4), draws=50)
        assert bool((middle > np.maximum(first, last)).all()) == found
        assert first.shape == (51,)


def test_the_same_purchase_is_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(runs: pd.DataFrame) -> bets.Law:
        made.append(len(runs))
        return lambda at: np.full(len(at), 2.0)

    monkeypatch.setattr(bets, "joined", counted)
    ours = bets.prepared(reference("isoflop"))
    every = bets.buy(ours, lambda runs, seed: runs, first=8, ahead=1)
    assert len(made) == 2 and len(every) == 4
    bets.buy(ours, lambda runs, seed: runs[runs["seed"] == seed], first=8, ahead=1)
    assert len(made) == 6
