"""Feedback on the exercises of chapter 6: the right answer, each likely slip, and nonsense."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from answering import refused

from scalinglaws.course import check
from scalinglaws.fit import AllocationFit, fit_isoflop
from scalinglaws.laws import CHINCHILLA, CHINCHILLA_REFIT, ChinchillaLaw

LAW = ChinchillaLaw(E=0.7, A=4.8, alpha=0.21, B=9.6, beta=0.21)


def runs(seeds: int, budgets: int = 5) -> tuple[np.ndarray, ...]:
    """Params, tokens, noisy losses and seeds of runs on budgets, six sizes each."""
    C = np.repeat(np.geomspace(1e9, 1e12, 7)[:budgets], 6)
    N = LAW.N_opt(C) * np.tile(np.geomspace(1 / 6, 6, 6), budgets)
    N, C, seed = (np.tile(v, seeds) for v in (N, C, np.zeros(len(C))))
    seed = np.repeat(np.arange(seeds), len(N) // seeds)
    D = C / (6 * N)
    noise = np.random.default_rng(0).standard_normal(len(N))
    return N, D, LAW(N, D) * np.exp(0.003 * noise), seed


def fitted(keep: np.ndarray | None = None, **options: Any) -> AllocationFit:
    """Approach 2 on the runs that `keep` chooses."""
    N, D, L, seed = runs(3, **options)
    keep = seed >= 0 if keep is None else keep
    return fit_isoflop(N[keep], D[keep], L[keep], bootstrap=400)


@pytest.fixture(scope="module")
def wide() -> AllocationFit:
    return fitted()


def test_no_answer_leaves_an_exercise_open(wide: AllocationFit) -> None:
    for exercise, given in (("6.1", ()), ("6.2", ()), ("6.3", (wide,)), ("6.4", ())):
        assert check.answer(exercise, None, *given).ok is None


@pytest.mark.parametrize("value", ["two", True, math.nan, math.inf, [1, 2]])
@pytest.mark.parametrize("exercise", ["6.1", "6.2", "6.4"])
def test_a_number_is_asked_for(exercise: str, value: Any) -> None:
    refused(exercise, value, saying="one finite number")


def test_share_of_a_budget() -> None:
    law = ChinchillaLaw(E=1, A=100, alpha=0.4, B=100, beta=0.3)
    right = law.N_opt(1e20) / law.N_opt(1e18)
    assert check.answer("6.1", right).ok
    assert check.answer("6.1", 7.2).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (100 ** (4 / 7), "the factor of the tokens"),
        (10, "if alpha and beta were equal"),
        (3 / 7, "That is the exponent a"),
        (100**0.3, "beta says how loss falls"),
        (100**0.4, "alpha says how loss falls"),
        (10 ** (3 / 7), "ten times the budget"),
        (50, "Too large"),
        (2, "Too small"),
    ],
)
def test_share_of_a_budget_slips(value: float, saying: str) -> None:
    refused("6.1", value, saying=saying)


def discount(law: ChinchillaLaw, N: float, D: float) -> float:
    return law.flops_for(law(N, D)) / (6 * N * D)


def test_discount() -> None:
    right = discount(CHINCHILLA_REFIT, 175e9, 300e9)
    assert check.answer("6.2", right).ok
    N, D = CHINCHILLA_REFIT.N_opt(right * 6 * 175e9 * 300e9), 0.0
    D = right * 175e9 * 300e9 / N
    assert CHINCHILLA_REFIT(N, D) == pytest.approx(CHINCHILLA_REFIT(175e9, 300e9))


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1 / discount(CHINCHILLA_REFIT, 175e9, 300e9), "turn it over"),
        (1 - discount(CHINCHILLA_REFIT, 175e9, 300e9), "the share that was wasted"),
        (discount(CHINCHILLA, 175e9, 300e9), "as first printed"),
        (discount(CHINCHILLA_REFIT, 175e9, 300e9) * 175 / 280, "share of Gopher's cost"),
        (discount(CHINCHILLA_REFIT, 280e9, 300e9), "Gopher's discount"),
        (discount(CHINCHILLA_REFIT, 175e9, 300e9) * 6, "a factor of 6"),
        (0.9, "Too large"),
        (0.2, "Too small"),
    ],
)
def test_discount_slips(value: float, saying: str) -> None:
    refused("6.2", value, saying=saying)


def test_other_dice(wide: AllocationFit) -> None:
    one = fitted(runs(3)[3] == 0)
    feedback = check.answer("6.3", one, wide)
    low, high = wide.interval("a")
    assert feedback.ok
    assert f"a = {one.a:.4f}" in feedback.message
    assert ("inside" in feedback.message) == (low <= one.a <= high)
    far = fit_isoflop(*(v[:30] for v in runs(1)[:3]), bootstrap=400)
    narrow = AllocationFit(**{**vars(wide), "draws": wide.draws * 0 + far.a + 1})
    assert "outside" in check.answer("6.3", one, narrow).message


def test_other_dice_slips(wide: AllocationFit) -> None:
    N, D, L, seed = runs(3)
    refused("6.3", 0.49, wide, saying="Hand over the fit")
    refused("6.3", wide, wide, saying="runs of all seeds")
    refused("6.3", fitted(budgets=4), wide, saying="4 budgets, the chapter's 5")
    some = (seed == 0) & (np.arange(len(N)) % 6 != 0)
    refused("6.3", fitted(some), wide, saying="choose by seed alone")
    one = seed == 0
    other = fit_isoflop(3 * N[one], D[one] / 3, L[one], bootstrap=400)
    refused("6.3", other, wide, saying="is N the column 'params'")


def off_centre(low: float, high: float) -> float:
    """Fitted size over the true one, with sizes from low to high times the best."""
    C = np.repeat(np.geomspace(6e18, 3e21, 9), 8)
    N = CHINCHILLA_REFIT.N_opt(C) * np.tile(np.geomspace(low, high, 8), 9)
    fit = fit_isoflop(N, C / (6 * N), CHINCHILLA_REFIT(N, C / (6 * N)), bootstrap=100)
    assert fit.a == pytest.approx(CHINCHILLA_REFIT.a)
    return fit.N_opt(1e21) / CHINCHILLA_REFIT.N_opt(1e21)


def test_off_centre() -> None:
    assert check.answer("6.4", off_centre(1 / 2, 32)).ok


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        (1 / off_centre(1 / 2, 32), "Turn it over"),
        (off_centre(1 / 2, 32) - 1, "the ratio of fitted to true"),
        (off_centre(1 / 8, 8), "Those sizes are centred"),
        (off_centre(1 / 32, 2), "the other side"),
        (1.5, "Too large"),
    ],
)
def test_off_centre_slips(value: float, saying: str) -> None:
    refused("6.4", value, saying=saying)
