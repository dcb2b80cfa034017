"""Approach 1 as it was published: `scalinglaws.fit.fit_best_run`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from scalinglaws.cli import main
from scalinglaws.fit import fit_best_run, fit_envelope
from scalinglaws.laws import CHINCHILLA_REFIT as TRUTH

N = np.geomspace(1e8, 1e10, 16).repeat(12)
D = np.tile(np.geomspace(1e9, 5e11, 12), 16)
NOISE = np.exp(0.003 * np.random.default_rng(0).standard_normal(len(N)))


def by_hand(values: int) -> tuple[float, float]:
    """a and b through the best of all sizes at each FLOP value, the law itself as the curves."""
    sizes, tokens = np.unique(N), np.unique(D)
    starts, ends = 6 * sizes * tokens[0], 6 * sizes * tokens[-1]
    points = []
    for C in np.geomspace(np.sort(starts)[1], np.sort(ends)[-2], values):
        reached = [n for n, s, e in zip(sizes, starts, ends, strict=True) if s <= C <= e]
        best = min(reached, key=lambda n: TRUTH(n, C / (6 * n)))
        if best in (sizes[0], sizes[-1]):
            continue
        points.append((math.log(C), math.log(best), math.log(C / (6 * best))))
    log_C, log_N, log_D = np.array(points).T
    return np.polyfit(log_C, log_N, 1)[0], np.polyfit(log_C, log_D, 1)[0]


def test_it_takes_the_best_size_at_each_flop_value() -> None:
    fit = fit_best_run(N, D, TRUTH(N, D), values=300, bootstrap=100)
    a, b = by_hand(300)
    assert fit.a == pytest.approx(a, abs=0.004) and fit.b == pytest.approx(b, abs=0.004)
    assert 200 < len(fit.C) < 300
    assert set(np.round(np.log(fit.N), 9)) <= set(np.round(np.log(N), 9))


def test_the_interval_holds_the_truth_and_has_a_width() -> None:
    fit = fit_best_run(N, D, TRUTH(N, D) * NOISE, bootstrap=300)
    estimate = fit.estimate("a")
    assert TRUTH.a in estimate
    assert 0.01 < estimate.high - estimate.low < 0.1


def test_it_says_what_it_is_and_stands_beside_the_variant() -> None:
    fit = fit_best_run(N, D, TRUTH(N, D) * NOISE, bootstrap=100)
    variant = fit_envelope(N, D, TRUTH(N, D) * NOISE, bootstrap=100)
    assert (fit.method, variant.method) == ("best run", "envelope")
    assert f"from {len(fit.C)} FLOP values" in str(fit)
    assert fit.a == pytest.approx(variant.a, abs=0.05)


def test_the_same_seed_gives_the_same_draws() -> None:
    one, two = (fit_best_run(N, D, TRUTH(N, D) * NOISE, bootstrap=100, seed=3) for _ in range(2))
    assert one.draws.equals(two.draws)
    other = fit_best_run(N, D, TRUTH(N, D) * NOISE, bootstrap=100, seed=4)
    assert not one.draws.equals(other.draws) and other.a == one.a


def test_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 5 sizes, got 4"):
        fit_best_run(N[:48], D[:48], TRUTH(N, D)[:48])
    with pytest.raises(ValueError, match="values must be at least 10"):
        fit_best_run(N, D, TRUTH(N, D), values=9)
    size, C = np.geomspace(1e8, 1e9, 5).repeat(12), np.tile(np.geomspace(1e18, 1e20, 12), 5)
    with pytest.raises(ValueError, match="only 0 sizes between the smallest and the"):
        fit_best_run(size, C / (6 * size), size**0.1 * C**-0.05)


def test_the_command_line_knows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "runs.csv"
    rows = zip(N, D, TRUTH(N, D) * NOISE, strict=True)
    table.write_text("params,tokens,loss\n" + "".join(f"{n},{d},{loss}\n" for n, d, loss in rows))
    picture = tmp_path / "fit.png"
    arguments = ["--method", "best-run", "--bootstrap", "100", "--plot", str(picture)]
    assert main(["fit", str(table), *arguments]) == 0
    told = capsys.readouterr().out
    assert "FLOP values" in told and "a " in told
    assert picture.stat().st_size > 10_000


def test_stairs_of_few_placesare_less_sure() -> None:
    """The noise is next to nothing: what is left are the steps between the sizes."""
    widths = []
    for sizes in (6, 8, 14):
        inside = []
        for seed in range(6):
            rng = np.random.default_rng([sizes, seed])
            places = np.geomspace(5e7, 2e9, sizes) * np.exp(rng.uniform(-0.2, 0.2, sizes))
            N, D = (
                v.ravel() for v in np.meshgrid(places, np.geomspace(4e8, 3e11, 12), indexing="ij")
            )
            L = TRUTH(N, D) * np.exp(0.001 * rng.standard_normal(len(N)))
            low, high = fit_best_run(N, D, L, bootstrap=100, seed=seed).interval("a")
            inside.append(low <= TRUTH.a <= high)
            widths.append((sizes, high - low))
        assert sum(inside) >= 5
    mean = {n: np.mean([w for m, w in widths if m == n]) for n in (6, 8, 14)}
    assert mean[6] > 1.5 * mean[8] > 2 * mean[14]
