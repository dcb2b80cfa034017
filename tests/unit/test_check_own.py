"""Exercises about the reader's own result: what is accepted, and what is said to each fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from answering import (
    EXAMPLES,
    PF_DAY,
    SIZE_LOSSES,
    allocation,
    by_compute,
    by_price,
    by_size,
    excess,
    given,
    ladder,
    on_budgets,
    refused,
    seven,
    task,
)

from scalinglaws.course import check
from scalinglaws.course.exercises.kinds import Judged
from scalinglaws.fit import PowerLaw, fit_isoflop, fit_power_law

X = np.geomspace(1e8, 1e11, 6)
C, L = seven()
N, D, LOSS, SEED = on_budgets()
NARROW = (0.0, 0.003, 0.008, 0.015, 0.03)


def some_sizes() -> Any:
    keep = (SEED == 0) & (np.arange(len(N)) % 6 != 0)
    return fit_isoflop(N[keep], D[keep], LOSS[keep], bootstrap=400)


FAULTS: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "1.2": [
        (lambda: PowerLaw(15.0, 0.08), "the fit itself"),
        (by_compute, "another diet first"),
    ],
    "1.3": [
        (lambda: 0, "above 0"),
        (lambda: -1.2, "above 0"),
        (lambda: 0.9, "at the compute of this run"),
        (lambda: 1e6, "divide by the loss at another compute"),
    ],
    "2.3": [
        (lambda: PowerLaw(A=2.0, alpha=0.05), "the fit itself"),
        (lambda: fit_power_law(C, L), "has seen all"),
        (lambda: fit_power_law(C[:6], L[:6]), "leave out the next as well"),
        (lambda: fit_power_law(C[2:], L[2:]), "five largest"),
        (lambda: fit_power_law(C[:4], L[:4]), "other points"),
        (lambda: fit_power_law(C[:5], L[:5][::-1]), "other points"),
        (lambda: fit_power_law(C[:5] * PF_DAY, L[:5]), "other points"),
        (lambda: fit_power_law(C[:5], L[:5], floor=True), "has a floor"),
        (lambda: fit_power_law(C[:5], L[:5], floor=0.5), "has a floor"),
    ],
    "3.4": [
        (lambda: 0.6, "Hand over the fit"),
        (lambda: excess(0.6, x=EXAMPLES[1:]), "Fit the settled sizes"),
        (lambda: excess(0.6, x=EXAMPLES * 4), "Fit the settled sizes"),
        (excess, "the world with alpha = 1"),
        (
            lambda: fit_power_law(EXAMPLES, 0.565 + PowerLaw(7.0, 0.6)(EXAMPLES), floor=True),
            "floor=False",
        ),
        (lambda: excess(0.6, floor=0.565), "still hold the floor"),
        (lambda: excess(0.41), "is its alpha 1.5?"),
    ],
    "4.4": [
        (lambda: (ladder(*NARROW), None), "the first of the two things"),
        (lambda: fit_power_law(given("4.4")[0].x[:4], L[:4]), "same five widths"),
        (lambda: given("4.4")[0], "each width has its own rate"),
        (lambda: given("4.4")[1], "take that of width 8"),
        (lambda: ladder(0.02, 0.01, 0.0, 0.01, 0.02), "the smallest model must have the loss"),
    ],
    "5.4": [
        (lambda: 0.1, "fit itself"),
        (by_size, "own fit"),
        (lambda: by_size("with_head"), "add the embeddings"),
        (lambda: by_size("total", 1.1 * SIZE_LOSSES), "the same six"),
        (lambda: fit_power_law(np.geomspace(1e3, 1e5, 6), SIZE_LOSSES), "params_total"),
    ],
    "6.3": [
        (lambda: 0.49, "Hand over the fit"),
        (allocation, "runs of all seeds"),
        (lambda: allocation(budgets=4), "4 budgets, the chapter's 5"),
        (some_sizes, "choose by seed alone"),
        (lambda: allocation(seed=0, grow=3), "is N the column 'params'"),
    ],
    "8.4": [
        (lambda: 1.30, "chapter's forecast"),
        (lambda: 1.31, "was measured"),
        (lambda: 2.5, "far off"),
        (lambda: 0.3, "far off"),
    ],
    "12.4": [
        (lambda: 90, "between 0 and 1"),
        (lambda: -0.1, "between 0 and 1"),
        (lambda: 0.0, "no better"),
    ],
}


@pytest.mark.parametrize("exercise", FAULTS)
def test_each_fault_is_named(exercise: str) -> None:
    for make, saying in FAULTS[exercise]:
        refused(exercise, make(), *given(exercise), saying=saying)


def test_every_exercise_of_this_kind_is_here() -> None:
    assert [name for name in check.names() if isinstance(task(name), Judged)] == list(FAULTS)


def accepted(exercise: str, value: Any, *handed: Any) -> str:
    feedback = check.answer(exercise, value, *(handed or given(exercise)))
    assert feedback.ok
    return feedback.message


@pytest.mark.parametrize("alpha", [0.2, 0.03])
def test_another_diet_with_exponents_apart(alpha: float) -> None:
    message = accepted("1.2", by_compute(alpha, x=X * 2))
    assert "leaves out zero" in message and "your runs tell the two exponents apart" in message
    assert "intervals do not overlap" in message


@pytest.mark.parametrize("x", [X * 2, X[:5], np.append(X, 1e12)])
def test_another_diet_with_exponents_not_apart(x: np.ndarray) -> None:
    message = accepted("1.2", by_compute(x=x, seed=1))
    assert "holds zero" in message and "do not tell the two" in message


def test_another_diet_apart_although_the_intervals_overlap() -> None:
    """Two intervals that just overlap belong to a difference that is clearer than 95 %."""
    fit = by_compute()
    low, high = fit.interval("alpha")
    message = accepted("1.2", by_compute(fit.law.alpha + 0.85 * (high - low), x=X * 2))
    assert "leaves out zero" in message and "own intervals overlap" in message


def test_another_diet_with_the_same_draws_is_no_clearer() -> None:
    """Fits made with one seed share their noise; paired as they are, it would cancel."""
    fit = by_compute()
    low, high = fit.interval("alpha")
    near = by_compute(fit.law.alpha + 0.25 * (high - low), x=X * 2)
    difference = near.draws["alpha"] - fit.draws["alpha"]
    assert difference.quantile(0.025) > 0  # what subtracting row by row would say
    assert "do not tell the two" in accepted("1.2", near)


def test_size_without_reading() -> None:
    assert "25% above the line" in accepted("1.3", 1.25)


def test_hold_out_two() -> None:
    fit = fit_power_law(C[:5], L[:5])
    message = accepted("2.3", fit)
    assert f"second largest: {fit.predict(C[5], level=0.8)}" in message
    assert f"; largest: {fit.predict(C[6], level=0.8)}" in message
    assert message.count("hit by") == 2
    elsewhere = np.append(L[:5], (1.0, 3.0))
    assert accepted("2.3", fit, C, elsewhere).count("missed by") == 2


def test_the_interval_of_a_price_does_not_hang_on_the_seed_of_the_draws() -> None:
    again = fit_power_law(C * PF_DAY, L, seed=7)
    low, high = check.task("2.4", again).truth
    assert (low, high) != task("2.4").truth and low < by_price().law.inverse(1.5) < high
    assert "a factor of 2" in accepted("2.4", (low, high))
    low, high = task("2.4").truth
    for value, words in (
        ((high, low), "The lower end comes first"),
        ((low / 30, high * 30), "Too wide, by a factor of 11"),
        ((low * 1.25, high / 1.25), "Too narrow: it spans 37%"),
        ((low * 50, high * 50), "in the wrong place"),
    ):
        refused("2.4", value, *given("2.4"), saying=words)


@pytest.mark.parametrize(("exponent", "verdict"), [(0.6, "holds"), (0.4, "does not hold")])
def test_a_steeper_world(exponent: float, verdict: str) -> None:
    steep = excess(exponent, A=7.0 if exponent == 0.6 else 0.9)
    assert f"it {verdict} the 0.6" in accepted("3.4", steep)


def test_tuned_on_the_smallest() -> None:
    narrow = ladder(*NARROW)
    low, high = narrow.interval("alpha")
    message = accepted("4.4", narrow)
    assert f"between {low:.4f} and {high:.4f}" in message and "smaller" in message
    slight, strong = ladder(0, 0, 0, 0, 0.001), ladder(0, 0.05, 0.1, 0.15, 0.2)
    assert "the intervals overlap" in accepted("4.4", slight)
    assert "do not overlap" in accepted("4.4", strong)
    assert "larger" in accepted("4.4", ladder(0, 0, 0, 0, -0.001))


def test_size_by_another_count() -> None:
    assert "it comes out larger, and the intervals" in accepted("5.4", by_size("total"))


def test_other_dice() -> None:
    one, (wide,) = allocation(seed=0), given("6.3")
    low, high = wide.interval("a")
    message = accepted("6.3", one)
    assert f"a = {one.a:.4f}" in message
    assert ("lies inside the" in message) == (low <= one.a <= high)
    elsewhere = replace(wide, _theta=0 * wide._theta + one.a + 1)
    assert "lies outside the" in accepted("6.3", one, elsewhere)


def test_an_interval_of_a_change_says_whether_it_holds_zero() -> None:
    blocks, everything = given("7.4")
    assert "does not hold zero" in accepted("7.4", task("7.4").truth)
    change = everything + 0.09
    assert " It holds zero" in " " + accepted(
        "7.4", check.task("7.4", blocks, change).truth, blocks, change
    )


def test_one_budget_fewer() -> None:
    message = accepted("8.4", 1.29)
    assert "-0.8 %" in message and "1.5 % above" in message and "3.9 % holds" in message
    assert "does not hold" in accepted("8.4", 1.20)


@pytest.mark.parametrize(("value", "saying"), [(0.9, "With more"), (0.6, "With no more")])
def test_two_repairs_are_set_beside_each_alone(value: float, saying: str) -> None:
    assert saying in accepted("12.4", value)


@pytest.mark.parametrize("sd", [0.004, 0.0103, 0.0206])
def test_seeds_are_whole_and_enough(sd: float) -> None:
    """Also where another spread makes another number of seeds right."""
    seeds = check.task("4.3", sd).truth
    assert 2 * sd**2 / seeds <= 0.0025**2 < 2 * sd**2 / (seeds - 1)
    assert f"{2 * seeds} runs" in accepted("4.3", np.float64(seeds), sd)
    refused("4.3", seeds - 1, sd, saying="Round up")
