"""The command line, `python -m scalinglaws`, and the report behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image as image
import numpy as np
import pandas as pd
import pytest

from scalinglaws import cli
from scalinglaws.cli import main
from scalinglaws.fit import PowerLaw
from scalinglaws.laws import CHINCHILLA_REFIT as LAW
from scalinglaws.report import analyse
from scalinglaws.runs import measurements

FAST = ["--bootstrap", "300"]


def table(N: np.ndarray, D: np.ndarray, noise: float = 0.003, seed: int = 0) -> pd.DataFrame:
    """Runs on the refit of Chinchilla."""
    scatter = np.exp(noise * np.random.default_rng(seed).standard_normal(len(N)))
    return pd.DataFrame({"params": N, "tokens": D, "loss": LAW(N, D) * scatter})


def isoflop(**how: Any) -> pd.DataFrame:
    """Runs on seven budgets from 1e18 to 1e21 FLOPs."""
    C = np.repeat(np.geomspace(1e18, 1e21, 7), 9)
    N = LAW.N_opt(C) * np.tile(np.geomspace(0.25, 4, 9), 7)
    return table(N, C / 6 / N, **how)


def curves() -> pd.DataFrame:
    """Training curves of ten sizes."""
    N = np.repeat(np.geomspace(3e7, 1e10, 10), 30)
    return table(N, N * np.tile(np.geomspace(2, 600, 30), 10), noise=0.001)


@pytest.fixture
def runs(tmp_path: Path) -> str:
    path = tmp_path / "runs.csv"
    isoflop().to_csv(path, index=False)
    return str(path)


def saved(tmp_path: Path, frame: pd.DataFrame) -> str:
    path = tmp_path / "saved.csv"
    frame.to_csv(path, index=False)
    return str(path)


class Answer:
    """What a command gave back."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        self.code = main(argv)
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> dict[str, Any]:
        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is no JSON")

        assert self.code == 0, self.err
        return json.loads(self.out, parse_constant=refuse)


def refused(answer: Answer, *said: str) -> None:
    """The answer is one clear line on stderr and the exit code 2."""
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "error: " in answer.err and "Traceback" not in answer.err
    for part in said:
        assert part in answer.err


def holds(found: dict[str, float], truth: float) -> bool:
    return found["low"] < truth < found["high"] and found["low"] < found["value"] < found["high"]


class TestFit:
    def test_parametric(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        found = Answer(capsys, "fit", runs, "--json", "--budget", "1e21", *FAST).json
        assert found["method"] == "parametric" and found["status"] == "converged"
        assert found["runs"] == 63 and found["level"] == 0.95
        for name, truth in LAW.parameters.items():
            assert holds(found["parameters"][name], truth)
        assert holds(found["exponents"]["a"], LAW.a) and holds(found["exponents"]["b"], LAW.b)
        (best,) = found["optimum"]
        assert best["flops"] == 1e21
        assert holds(best["params"], LAW.N_opt(1e21)) and holds(best["loss"], LAW.L_opt(1e21))
        assert holds(best["tokens_per_param"], LAW.tokens_per_param(1e21))
        assert found["warnings"] == []

    def test_isoflop(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        found = Answer(
            capsys, "fit", runs, "--method", "isoflop", "--json", "--budget", "1e20", *FAST
        ).json
        assert holds(found["exponents"]["a"], LAW.a) and holds(found["exponents"]["b"], LAW.b)
        assert holds(found["optimum"][0]["params"], LAW.N_opt(1e20))
        assert found["optimum"][0]["loss"] is None
        assert set(found["parameters"]) == {"k_N", "a", "k_D", "b"}

    def test_envelope(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = saved(tmp_path, curves())
        found = Answer(capsys, "fit", path, "--method", "envelope", "--json", *FAST).json
        assert holds(found["exponents"]["a"], LAW.a)
        assert any("the last size on its side" in note for note in found["notes"])

    @pytest.mark.parametrize("x", ["flops", "params", "tokens"])
    def test_power(self, x: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        law = PowerLaw(A=60.0, alpha=0.12, E=1.2)
        at = np.geomspace(1e6, 1e12, 14)
        noise = np.exp(0.002 * np.random.default_rng(1).standard_normal(14))
        path = saved(tmp_path, pd.DataFrame({x: at, "loss": law(at) * noise}))
        argv = ["fit", path, "--method", "power", "--x", x, "--json", *FAST]
        found = Answer(capsys, *argv).json
        assert holds(found["parameters"]["alpha"], 0.12) and holds(found["parameters"]["E"], 1.2)
        assert found["exponents"] is None and found["x"] == x
        assert any("the floor is fitted" in note for note in found["notes"])
        assert Answer(capsys, *argv, "--floor", "none").json["parameters"]["E"]["value"] == 0
        held = Answer(capsys, *argv, "--floor", "1.2").json
        assert held["parameters"]["E"]["value"] == 1.2
        if x == "flops":
            (told,) = Answer(capsys, *argv, "--budget", "1e13").json["predictions"]
            assert holds(told["loss"], law(1e13))
        else:
            refused(Answer(capsys, *argv, "--budget", "1e13"), "needs a law in FLOPs")

    def test_a_floor_that_cannot_be_told_is_left_out(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        at = np.geomspace(1e6, 1e8, 7)
        noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(7))
        path = saved(tmp_path, pd.DataFrame({"params": at, "loss": 30 * at**-0.15 * noise}))
        argv = ("fit", path, "--method", "power", "--x", "params", "--json", *FAST)
        found = Answer(capsys, *argv).json
        assert found["parameters"]["E"]["value"] == 0
        assert any("no floor is fitted" in note for note in found["notes"])

    def test_loss_against_params_takes_the_longest_runs(self) -> None:
        frame = curves()
        report = analyse(measurements(frame), "power", x="params", bootstrap=200)
        longest = frame.loc[frame.groupby("params")["tokens"].idxmax()].sort_values("params")
        np.testing.assert_allclose(report.fit.y, longest["loss"])

    def test_the_text_says_it_all(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        answer = Answer(capsys, "fit", runs, "--budget", "1e21", "--budget", "1e25", *FAST)
        for said in ("L(N, D) = ", "95% interval", "compute-optimal for 1e+21 FLOPs",
                     "compute-optimal for 1e+25 FLOPs", "note: FLOPs were derived"):  # fmt: skip
            assert said in answer.out
        assert "warning: 1e+25 FLOPs are 1e+04 times the most measured" in answer.err

    def test_the_seed_decides_the_draws(
        self, runs: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        argv = ("fit", runs, "--json", *FAST)
        first = Answer(capsys, *argv).out
        assert Answer(capsys, *argv).out == first
        assert Answer(capsys, *argv, "--seed", "1").out != first

    def test_the_worst_can_be_left_out(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        found = Answer(capsys, "fit", runs, "--drop-worst", "5", "--json", *FAST).json
        assert found["runs"] == 58 and found["excluded"]["worst"] == 5
        assert any("the 5 highest losses" in note for note in found["notes"])

    @pytest.mark.parametrize("method", ["parametric", "isoflop", "envelope", "power"])
    def test_the_figure_shows_something(
        self, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = saved(tmp_path, curves() if method == "envelope" else isoflop())
        figure = tmp_path / "figure.png"
        argv = ["--method", method, "--plot", str(figure), "--budget", "1e22"]
        assert Answer(capsys, "fit", path, *argv, *FAST).code == 0
        pixels = image.imread(figure)[..., :3]
        assert pixels.shape[1] > 600
        inked = (pixels < 0.95).any(axis=2)
        assert 0.01 < inked.mean() < 0.5
        left, right = np.array_split(inked, 2, axis=1)
        assert left.mean() > 0.005 and right.mean() > 0.005

    def test_many_runs_are_thinned_and_it_is_said(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rng = np.random.default_rng(0)
        N, D = np.exp(rng.uniform(18, 23, 20_000)), np.exp(rng.uniform(22, 26, 20_000))
        path = saved(tmp_path, table(N, D))
        found = Answer(capsys, "fit", path, "--json", "--max-runs", "500", *FAST).json
        assert (found["runs"], found["runs_usable"]) == (500, 20_000)
        assert any("of 20000 runs 500, drawn at random" in note for note in found["notes"])
        assert holds(found["exponents"]["a"], LAW.a)

    def test_a_bad_budget_is_refused_and_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        here = slice(18, 27)
        frame.loc[18:26, "loss"] = 2 * LAW.L_opt(1e19) - frame["loss"][here]
        path = saved(tmp_path, frame)
        found = Answer(capsys, "fit", path, "--method", "isoflop", "--json", *FAST).json
        assert any("the parabola opens downwards" in note for note in found["notes"])
        assert holds(found["exponents"]["a"], LAW.a)

    def test_noise_is_not_called_a_law(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        frame["loss"] = np.random.default_rng(0).uniform(2, 4, len(frame))
        answer = Answer(capsys, "fit", saved(tmp_path, frame), "--json", *FAST)
        assert any("show no scaling law" in warning for warning in answer.json["warnings"])
        assert "warning: " in answer.err

    def test_units_that_are_said_are_believed_and_no_others(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        tiny = frame.assign(params=frame["params"] / 3e8, loss=np.exp(frame["loss"]) * 2)
        tiny["tokens"] /= 1e6
        argv = ("--unit", "params=1", "--unit", "tokens=1")
        answer = Answer(capsys, "fit", saved(tmp_path, tiny), "--json", *argv, *FAST)
        warned = answer.json["warnings"]
        assert not any("params are below" in warning for warning in warned)
        assert any("Is it a perplexity" in warning for warning in warned)

    def test_units_that_are_not_said_are_asked_for(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        path = saved(tmp_path, frame.assign(params=frame["params"] / 1e6))
        for command in (("fit", path), ("plan", "--flops", "1e22", "--from", path)):
            refused(Answer(capsys, *command, *FAST), "nobody trains so", "--unit params=M")
        found = Answer(capsys, "fit", path, "--unit", "params=M", "--json", *FAST).json
        plain = Answer(capsys, "fit", saved(tmp_path, frame), "--json", *FAST).json
        for name in ("a", "b"):
            value = found["exponents"][name]["value"]
            assert value == pytest.approx(plain["exponents"][name]["value"], rel=1e-6)
        argv = ("plan", "--flops", "1e22", "--from", path, "--unit", "params=1", *FAST)
        path = saved(tmp_path, frame.assign(params=frame["params"] / 1e6))
        assert "warning: " in Answer(capsys, *argv).err

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda t: t.head(5), "at least 8 runs with different"),
            (lambda t: t.assign(params=1e9), "only 1 different params"),
            (lambda t: t.assign(loss=2.5), "all 63 losses are 2.5"),
            (lambda t: t.assign(loss="diverged"), "no row holds usable numbers"),
            (lambda t: t.assign(loss=np.nan), "no row holds usable numbers"),
            (lambda t: t.drop(columns="loss"), "no column for loss"),
            (lambda t: t.drop(columns="tokens"), "the parametric method needs tokens"),
            (lambda t: t.assign(N=1.0), "both claim to be params"),
            (lambda t: t.head(0), "no rows below"),
        ],
    )
    def test_a_table_that_cannot_be_fitted(
        self, change: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        refused(Answer(capsys, "fit", saved(tmp_path, change(isoflop())), *FAST), said)

    def test_runs_without_budgets_are_no_isoflop(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = saved(tmp_path, curves())
        refused(Answer(capsys, "fit", path, "--method", "isoflop"), "separate FLOP budgets")

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            (["--budget", "-3"], "'-3' is not a positive number"),
            (["--budget", "nan"], "'nan' is not a positive number"),
            (["--bootstrap", "10"], "at least 100"),
            (["--drop-worst", "-1"], "at least 0"),
            (["--drop-worst", "63"], "cannot leave out the 63"),
            (["--method", "guess"], "invalid choice"),
            (["--floor", "2"], "--floor goes with --method power only"),
            (["--x", "params"], "--x goes with --method power only"),
            (["--method", "power", "--floor", "9"], "must lie between 0 and the lowest loss"),
            (["--plot", "figure.txt"], "makes .png, .svg or .pdf"),
            (["--plot", "no/such/figure.png"], "there is no folder"),
            (["--column", "loss"], "not of the form ROLE=NAME"),
            (["--column", "loss=score"], "there is no column 'score'"),
            (["--unit", "params"], "not of the form ROLE=UNIT"),
            (["--unit", "params=miles"], "the unit 'miles' of params is not known"),
            (["--best-of", "lr"], "is no column 'lr'"),
            (["--tokens-per-byte", "0"], "not a positive number"),
            (["--tokens-per-step", "1M"], "no column of steps"),
            (["--frob"], "unrecognized arguments"),
        ],
    )
    def test_a_question_that_cannot_be_answered(
        self, argv: list[str], said: str, runs: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        refused(Answer(capsys, "fit", runs, *argv), said)

    def test_two_experiments_in_one_table(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lower = isoflop(seed=1)
        lower["loss"] -= 0.25
        both = pd.concat([isoflop().assign(data="C4"), lower.assign(data="Pile")])
        path = saved(tmp_path, both)
        pooled = Answer(capsys, "fit", path, *FAST)
        assert "warning: column 'data' (C4, Pile) explains" in pooled.err
        assert "--by data" in pooled.err
        found = Answer(
            capsys, "fit", path, "--by", "data", "--budget", "1e21", "--json", *FAST
        ).json
        assert list(found["fits"]) == ["C4", "Pile"] and found["warnings"] == []
        for part in found["fits"].values():
            assert holds(part["exponents"]["a"], LAW.a) and part["runs"] == 63
            assert holds(part["optimum"][0]["params"], LAW.N_opt(1e21))
        text = Answer(capsys, "fit", path, "--by", "data", *FAST)
        assert text.out.splitlines()[0].split() == ["data", "runs", "a", "b", "E"] and not text.err
        one = Answer(capsys, "fit", path, "--where", "data=Pile", "--json", *FAST).json
        assert one["parameters"] == found["fits"]["Pile"]["parameters"]
        planned = Answer(
            capsys, "plan", "--flops", "1e21", "--from", path, "--where", "data=C4", "--json", *FAST
        ).json
        assert planned["params"] == found["fits"]["C4"]["optimum"][0]["params"]
        assert "explains" in Answer(capsys, "plan", "--flops", "1e21", "--from", path, *FAST).err
        refused(Answer(capsys, "fit", path, "--by", "data", "--plot", "x.png"), "--where in place")
        refused(Answer(capsys, "fit", path, "--by", "size"), "is no column 'size'")
        refused(Answer(capsys, "fit", path, "--where", "data=Books"), "there are 'C4', 'Pile'")
        refused(Answer(capsys, "fit", path, "--where", "data"), "not of the form COLUMN=VALUE")

    def test_the_best_of_several_rates_and_the_last_of_each_run(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        rates = pd.concat([frame.assign(lr=lr, loss=frame["loss"] * (1 + worse))
                           for lr, worse in ((1e-3, 0.0), (3e-4, 0.04), (3e-3, 0.02))])  # fmt: skip
        path = saved(tmp_path, rates)
        assert "--best-of lr" in Answer(capsys, "fit", path, *FAST).err
        best = Answer(capsys, "fit", path, "--best-of", "lr", "--json", *FAST).json
        runs = [frame.assign(run=[f"r{i}" for i in range(63)], tokens=frame["tokens"] * share,
                             loss=frame["loss"] * (1.2 - 0.2 * share))
                for share in (0.5, 0.75, 1.0)]  # fmt: skip
        path = saved(tmp_path, pd.concat(runs))
        assert "--last" in Answer(capsys, "fit", path, *FAST).err
        last = Answer(capsys, "fit", path, "--last", "--json", *FAST).json
        plain = Answer(capsys, "fit", saved(tmp_path, frame), "--json", *FAST).json
        assert best["parameters"] == last["parameters"] == plain["parameters"]

    def test_a_perplexity_and_bits_per_byte(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = isoflop()
        plain = Answer(capsys, "fit", saved(tmp_path, frame), "--json", *FAST).json["parameters"]
        argv = ("--column", "loss=val_ppl")
        for name, values, more in (
            ("val_ppl", np.exp(frame["loss"]), argv),
            ("val_bpb", frame["loss"] / np.log(2) * 0.25, ("--tokens-per-byte", "0.25")),
        ):
            path = saved(tmp_path, frame.drop(columns="loss").assign(**{name: values}))
            found = Answer(capsys, "fit", path, *more, "--json", *FAST).json["parameters"]
            assert found["alpha"]["value"] == pytest.approx(plain["alpha"]["value"], rel=1e-5)
        refused(Answer(capsys, "fit", path), "--tokens-per-byte")

    def test_several_files(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for part in (0, 1):
            isoflop()[part::2].to_csv(tmp_path / f"part{part}.csv", index=False)
        paths = [str(tmp_path / f"part{part}.csv") for part in (0, 1)]
        found = Answer(capsys, "fit", *paths, "--json", *FAST).json
        assert found["runs"] == 63 and found["input"] == paths

    def test_averages_of_repeats_are_noted(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame = pd.concat([isoflop(seed=s).assign(seed=s) for s in range(2)])
        argv = ("fit", saved(tmp_path, frame), "--method", "isoflop", *FAST)
        assert (
            "note: 126 runs at 63 different places: repeats were averaged"
            in Answer(capsys, *argv).out
        )

    def test_there_must_be_a_file(self, capsys: pytest.CaptureFixture[str]) -> None:
        refused(Answer(capsys, "fit", "nowhere.csv"), "there is no file nowhere.csv")


class TestPlan:
    def test_gophers_budget(self, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ("plan", "--law", "chinchilla-refit", "--flops", "5.76e23", "--json")
        found = Answer(capsys, *argv).json
        assert found["params"] == {
            "value": pytest.approx(72e9, rel=0.01),
            "low": None,
            "high": None,
        }
        assert found["tokens"]["value"] == pytest.approx(1.33e12, rel=0.01)
        assert found["cost"]["gpu_hours"] == pytest.approx(5.76e23 / (989.4e12 * 0.4 * 3600))
        assert found["cost"]["money"] is None
        assert any("times the most measured (1.6e+10)" in note for note in found["notes"])

    def test_money_inference_and_carbon(self, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ["plan", "--law", "chinchilla-refit", "--money", "1e5", "--price", "2"]
        argv += ["--price-date", "2026-03"]
        found = Answer(capsys, *argv, "--inference-tokens", "2T", "--carbon", "0.4", "--json").json
        assert found["inference_tokens"] == 2e12
        assert 0 < found["saving"]["value"] < 1
        assert found["params"]["value"] < found["instead_of"]["params"]
        flops = 1e5 / 2 * 989.4e12 * 0.4 * 3600
        assert found["instead_of"]["params"] == pytest.approx(LAW.N_opt(flops))
        assert found["cost"]["carbon_kg"] == pytest.approx(found["cost"]["kwh"] * 0.4)
        assert found["assumptions"]["price_date"] == "2026-03"

    def test_from_a_table(self, runs: str, capsys: pytest.CaptureFixture[str]) -> None:
        found = Answer(capsys, "plan", "--from", runs, "--loss", "2.4", "--json", *FAST).json
        assert holds(found["training_flops"], LAW.flops_for(2.4))
        found = Answer(
            capsys,
            "plan",
            "--from",
            runs,
            "--method",
            "isoflop",
            "--flops",
            "1e20",
            "--json",
            *FAST,
        ).json
        assert holds(found["params"], LAW.N_opt(1e20)) and found["loss"] is None
        far = Answer(capsys, "plan", "--from", runs, "--flops", "1e25", *FAST)
        assert "note: 1e+25 FLOPs are 1e+04 times the most measured" in far.out

    def test_from_parameters(self, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ("plan", "--parameters", "1,100,.5,100,.5", "--flops", "6e16")
        found = Answer(capsys, *argv, "--json").json
        assert found["params"]["value"] == pytest.approx(1e8)
        text = Answer(capsys, *argv).out
        assert "params            1e+08" in text and "989.4 TFLOP/s at 40%" in text

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            ("--law chinchilla", "one of the arguments"),
            ("--flops 1e20", "one of the arguments"),
            ("--law chinchilla --flops 1e20 --loss 2", "not allowed with"),
            ("--law chinchilla-refit --loss 1.8", "at or below the floor E = 1.817"),
            ("--law chinchilla-refit --loss 1.8 --inference-tokens 1T", "at or below the floor"),
            ("--law chinchilla --money 1e6", "needs the price of a GPU-hour and its date"),
            ("--law chinchilla --money 1e6 --price 2", "a price needs its date"),
            ("--law chinchilla --flops 1e20 --utilisation 40", "0.4 for 40 %"),
            ("--parameters 1,2,3 --flops 1e20", "five numbers are needed"),
            ("--parameters 1,-2,.3,4,.5 --flops 1e20", "A must be above 0"),
            ("--from nowhere.csv --flops 1e20", "there is no file"),
        ],
    )
    def test_a_question_that_cannot_be_answered(
        self, argv: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        refused(Answer(capsys, "plan", *argv.split()), said)


def test_as_a_command(runs: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "scalinglaws"]
    told = subprocess.run(
        [*command, "fit", runs, "--json", *FAST], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout)["runs"] == 63 and told.stderr == ""
    wrong = subprocess.run([*command, "fit", "no.csv"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "") and wrong.stderr.count("\n") == 1


@pytest.mark.parametrize("argv", [["--help"], ["fit", "--help"], ["plan", "--help"]])
def test_there_is_help(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer(capsys, *argv)
    assert answer.code == 0 and "usage: scalinglaws" in answer.out
    assert len(argv) == 1 or "examples:" in answer.out


README = Path(__file__).parents[2] / "README.md"
COMMANDS = [
    line.partition("#")[0].split()[1:]
    for line in README.read_text("utf-8").splitlines()
    if line.startswith("scalinglaws ")
]


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_what_the_readme_says_works(
    argv: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    from_curves = {"envelope", "best-run"} & {*argv}
    (curves() if from_curves else isoflop()).to_csv("runs.csv", index=False)
    answer = Answer(capsys, *argv, "--bootstrap", "300")
    assert answer.code == 0, answer.err
    assert answer.out


def test_the_readme_has_commands() -> None:
    assert {command[0] for command in COMMANDS} == {"fit", "plan"} and len(COMMANDS) >= 5


def test_a_command_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    refused(Answer(capsys), "the following arguments are required")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e21", 1e21), ("70B", 70e9), ("6.9B", 6.9e9), ("2T", 2e12), ("1e21 FLOPs", 1e21)],
)
def test_numbers_of_the_command_line_are_those_of_tables(text: str, value: float) -> None:
    from scalinglaws.cli import _number
    from scalinglaws.runs import numbers

    assert _number(text) == numbers.parse(text).value == pytest.approx(value)


def test_steps_are_pointed_to_where_tokens_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = isoflop()
    steps = frame.assign(steps=(frame["tokens"] / 5e5).round() + 1).drop(columns="tokens")
    path = saved(tmp_path, steps)
    refused(Answer(capsys, "fit", path), "column of steps makes tokens with --tokens-per-step")
    without = saved(tmp_path, steps.drop(columns="steps"))
    answer = Answer(capsys, "fit", without)
    refused(answer, "the parametric method needs tokens")
    assert "steps" not in answer.err


class TestPatience:
    """Long work shows that it goes on, on a terminal and nowhere else."""

    @pytest.fixture
    def restless(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cli, "_EVERY", 0.02)

    def test_a_terminal_is_told_and_the_answer_stays_clean(
        self, runs: str, restless: None, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        answer = Answer(capsys, "fit", runs, "--json", *FAST)
        assert answer.json["runs"] == 63
        assert "fitting 63 runs (parametric), with 300 draws for the intervals: 0 s" in answer.err
        assert answer.err.endswith("\r\x1b[K")
        planned = Answer(capsys, "plan", "--from", runs, "--flops", "1e20", *FAST)
        assert "fitting 63 runs" in planned.err and "fitting" not in planned.out

    def test_a_file_or_pipe_is_not(
        self, runs: str, restless: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert Answer(capsys, "fit", runs, *FAST).err == ""

    def test_short_work_says_nothing(
        self, runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setattr(cli, "_EVERY", 600.0)
        assert Answer(capsys, "fit", runs, *FAST).err == ""


def test_the_command_is_light() -> None:
    """Neither torch nor the figures are loaded to fit a table."""
    code = "import sys, scalinglaws.cli; print({'torch', 'matplotlib.pyplot'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
