"""Exercises about the reader's own result: what is accepted, and what is said to each fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answering import (
    BASE_L,
    BETTER_PLAN,
    EXAMPLES,
    FEW,
    MINE,
    PF_DAY,
    PLAN,
    PREDICTED,
    by_compute,
    by_price,
    differences,
    excess,
    given,
    refused,
    seven,
    task,
)

from scalinglaws.course import check
from scalinglaws.course.bets import prepared
from scalinglaws.course.exercises.chapter_02 import doubt_of_a_bend
from scalinglaws.course.exercises.chapter_06 import doubt_of_a_plan
from scalinglaws.course.exercises.kinds import Judged
from scalinglaws.course.wager import Range
from scalinglaws.estimate import Estimate
from scalinglaws.fit import PowerLaw, fit_power_law
from scalinglaws.learners import TransformerConfig
from scalinglaws.runs import reference

X = np.geomspace(1e8, 1e11, 6)
C, L = seven()
OUTSIDE = differences((0.0105, 0.0167), (0.0052, 0.0114), (0.0125, 0.0216))
LETTER = """The two ladders differ in more than the architecture: one has a learning rate tuned at
its largest width, the other its published settings. I ask for a scan of the rate at every width
for both, with the optimum inside, for several seeds, and for an interval of the difference."""


RUNS = prepared(reference("isoflop"))
OWN = float(RUNS.query("budget == 4e11 and width == 48")["loss"].mean())


def bought(runs: pd.DataFrame, seed: int, budgets: int) -> pd.DataFrame:
    """So many of the largest budgets, once."""
    largest = np.unique(runs["budget"])[-budgets:]
    return runs[(runs["seed"] == seed) & runs["budget"].isin(largest)]


FAULTS: dict[str, list[tuple[Callable[[], Any], str]]] = {
    "1.2": [
        (lambda: PowerLaw(15.0, 0.08), "the fit itself"),
        (by_compute, "another diet first"),
        (lambda: by_compute(x=X * np.linspace(0.2, 0.4, 6)), "same number of tokens per parameter"),
    ],
    "1.3": [
        (lambda: 1.9, "the dictionary"),
        (lambda: {"a": 1.9}, "the dictionary"),
        (lambda: {16: 1.95, 64: float("nan")}, "between 0 and"),
        (lambda: {16: 1.95, 64: 5.2}, "between 0 and"),
        (lambda: {16: 1.95, 24: 1.86}, "wider than 32 as well"),
        (lambda: {48: 1.92, 64: 2.0}, "narrower than 32 as well"),
        (lambda: {16: 1.95, 48: 1.8}, "at the edge, width 48"),
        (lambda: {16: 1.8, 48: 1.9}, "at the edge, width 16"),
        (lambda: {28: 1.852, 36: 1.855}, "width 28 costs 0.1% more and width 36"),
        (lambda: {24: 1.853, 48: 1.92}, "A wall is missing: width 24 costs 0.2% more, less"),
        (lambda: {16: 1.95, 36: 1.86}, "A wall is missing: width 36 costs 0.5% more, less"),
    ],
    "2.3": [
        (lambda: 48, "a list of widths"),
        (lambda: [8, 16, 4], "a list of widths"),
        (lambda: [8, 16, 30], "multiples of 4"),
        (lambda: [8, 16, 68], "multiples of 4"),
        (lambda: [8] * 12 + [20] * 12 + [32], "25 runs, more than 24"),
        (lambda: [8, 8, 32, 32], "needs a third"),
        (lambda: [8, 20, 64], "too dear"),
        (lambda: [8, 12, 16, 20, 24, 32] * 3, "1.00 times their doubt: 0.7 can be had"),
    ],
    "2.5": [
        (lambda: 0.143, "between quotes"),
        (lambda: "It is not a power law.", "five or six sentences"),
    ],
    "3.3": [
        (lambda: 0.4, "Hand over the fit"),
        (lambda: excess(x=FEW[1:]), "No size may be left out"),
        (lambda: excess(x=FEW * 4), "No size may be left out"),
        (
            lambda: fit_power_law(FEW, 0.565 + PowerLaw(50.0, 0.4)(FEW), floor=True),
            "fit without one",
        ),
        (lambda: fit_power_law(FEW, excess().y, floor=0.1), "fit without one"),
        (lambda: excess(above=MINE.best_loss), "still hold the floor"),
        (lambda: excess(2.0, above=0.001, scale=4.0), "still hold the floor"),
    ],
    "3.4": [
        (lambda: 3, "a pair of numbers"),
        (lambda: (0, 11), "None of the 28 analyses keeps these"),
        (lambda: (EXAMPLES[4], EXAMPLES[10]), "0.420 to 0.470, does not hold 0.500"),
        (lambda: (EXAMPLES[0], EXAMPLES[10]), "a narrower one does too"),
        (lambda: (EXAMPLES[2], EXAMPLES[8]), "a narrower one does too"),
    ],
    "4.4": [
        (lambda: 0.01, "three differences"),
        (lambda: OUTSIDE[:2], "three differences"),
        (lambda: [each.value for each in OUTSIDE], "three differences"),
        (lambda: [*OUTSIDE[:2], Estimate(0.02)], "no interval"),
    ],
    "4.5": [
        (lambda: 3, "between triple quotes"),
        (lambda: " ".join(LETTER.split()[:39]), "a few sentences more"),
        (
            lambda: "Unfortunately they do not demonstrate it on several seeds. " * 5,
            "what else differs",
        ),
        (lambda: "The learning rate was set for one of the two alone. " * 5, "Which runs"),
    ],
    "5.4": [
        (lambda: {2: 1.9, 4: 1.8}, "three or more"),
        (lambda: {2: 1.9, "4": 1.8, 8: 1.85}, "three or more"),
        (lambda: {2: 1.9, 4: float("nan"), 8: 1.85}, "failed or diverged"),
        (lambda: {2: 2.4, 4: 2.3, 8: 2.35}, "width 48 on"),
        (lambda: {2: 1.95, 4: 1.85, 8: 1.75}, "more often"),
        (lambda: {4: 1.78, 8: 1.8, 16: 1.9}, "begin with 2"),
    ],
    "5.5": [
        (lambda: 0.06, "between triple quotes"),
        (lambda: "The slope is one at a finite amount of text.", "a few sentences more"),
        (lambda: "This is a bold claim and nobody should believe it. " * 5, "too little of"),
        (lambda: "Every model has read the same few tokens, which is bad. " * 5, "Which runs"),
    ],
    "6.3": [
        (lambda: 0.49, "a plan as in the chapter"),
        (lambda: {"1e9": (8, 16)}, "a plan as in the chapter"),
        (lambda: {1e9: (8, 16.5)}, "a plan as in the chapter"),
        (lambda: {1e9: (8, 18)}, "multiples of 4"),
        (lambda: {**PLAN, 1e8: (4, 8, 12)}, "from 1e+09 to 4e+10 FLOPs"),
        (lambda: {C: 40 * widths for C, widths in PLAN.items()}, "more than 100"),
        (lambda: {1e9: (4, 8, 12)}, "Approach 2 refuses it: "),
        (lambda: {C: 3 * widths for C, widths in PLAN.items()}, "times its interval: too dear"),
        (lambda: PLAN, "times its interval: 0.7 can be had"),
    ],
    "6.5": [
        (lambda: 1.0, "Write your judgement"),
        (lambda: "The optimiser stopped early.", "Write five or six sentences"),
    ],
    "7.4": [
        (lambda: "counting", "tuple of the four"),
        (lambda: ("counting", "warm-up"), "once"),
        (lambda: ("counting", "warm-up", "cooldown", "rate and batch"), "looks largest"),
        (lambda: ("warm-up", "counting", "cooldown", "rate and batch"), "there is one with less"),
    ],
    "7.5": [
        (lambda: 0.5, "between quotes"),
        (lambda: "It depends on the order.", "five or six sentences"),
    ],
    "8.2": [
        (lambda: 3.0, "a function"),
        (lambda: lambda runs, seed: runs.iloc[:0], "it failed"),
        (lambda: lambda runs, seed: runs, "at most ten"),
        (lambda: lambda runs, seed: bought(runs, seed, 3).iloc[::2], "Where is the form"),
    ],
    "8.3": [
        (lambda: 1.7, "five numbers"),
        (lambda: (48, 1.6, 1.5, 1.7), "five numbers"),
        (lambda: (8, 1.6, 1.5, 1.7, 1.65), "from 24 to 96"),
        (lambda: (48, 1.6, 1.7, 1.5, 1.65), "low < value < high"),
        (lambda: (48, 1.6, 1.5, 1.7, 2.0), "check the FLOPs"),
        (lambda: (48, OWN, OWN - 0.1, OWN + 0.1, OWN), "afterwards"),
    ],
    "9.3": [
        (lambda: 0.8, "a pair of numbers"),
        (lambda: (0.9, 0.7), "lower end comes first"),
        (lambda: (0.2, 0.9), "dare more"),
    ],
    "9.5": [
        (lambda: 1, "Write your judgement"),
        (lambda: "It jumps.", "Write five or six sentences"),
    ],
    "10.5": [
        (lambda: 1, "Write your judgement"),
        (lambda: "It is a mirage.", "Write five or six sentences"),
    ],
    "11.3": [
        (lambda: "much", "one finite number"),
        (lambda: 140, "between -100 and 100"),
        (lambda: 0.31, "give points"),
    ],
    "11.5": [
        (lambda: 1.0, "between quotes"),
        (lambda: "Steps are not reasons.", "five or six sentences"),
    ],
    "12.3": [
        (lambda: 140, "between 0 and 100"),
        (lambda: 0.36, "give per cent"),
    ],
    "12.4": [
        (lambda: 90, "between 0 and 1"),
        (lambda: -0.1, "between 0 and 1"),
        (lambda: 0.0, "no better"),
    ],
    "12.5": [
        (lambda: 1.0, "between quotes"),
        (lambda: "It has no mind.", "five or six sentences"),
    ],
    "13.3": [
        (lambda: 1.74, "four numbers"),
        (lambda: (0.1, 1.74, 2.1), "four numbers"),
        (lambda: (0.9, 1.74, 2.1, 3), "from 0.02 to 0.5"),
        (lambda: (0.1, 1.74, 2.1, 0.5), "of 1 or more"),
        (lambda: (0.1, 1.3, 2.1, 3), "not that of 2^16"),
        (lambda: (0.1, 1.74, 1.75, 3), "handed to train"),
    ],
    "13.4": [
        (lambda: 2.5, "as text"),
        (lambda: "I would bet on it.", "five or six sentences"),
    ],
    "14.3": [
        (lambda: "low", "one finite number"),
        (lambda: 0.02, "mean loss"),
        (lambda: 2.4, "worse than the best stop"),
        (lambda: 2.33, "0.02 can be had"),
    ],
    "14.4": [
        (lambda: 5, "as text"),
        (lambda: "Both exaggerate.", "five or six sentences"),
    ],
    "16.3": [
        (lambda: 1.9, "four numbers"),
        (lambda: (1.9, 1.8, 2.0), "four numbers"),
        (lambda: (1.9, 1.8, 2.0, float("nan")), "four numbers"),
        (lambda: (2.1, 1.8, 2.0, 1.9), "must hold the value"),
        (lambda: (1.9, 1.8, 2.0, 19.0), "in nats per token"),
        (lambda: (1.9, 1.0, 2.8, 1.9), "cannot fail"),
    ],
    "16.4": [
        (lambda: 5, "as text"),
        (lambda: "It was a good bet.", "five or six sentences"),
    ],
    "15.4": [
        (lambda: {"luck": Range(1, 2)}, "No input is called 'luck': they are power, data"),
        (lambda: {"data": (1e27, 1e28)}, "must be a range"),
        (lambda: {"data": Range(1e30, 1e31)}, "power 100%, data 0%. Data should be first"),
    ],
    "15.5": [
        (lambda: 26, "between quotes"),
        (lambda: "It is a good line.", "five or six sentences"),
    ],
}


@pytest.mark.parametrize("exercise", FAULTS)
def test_each_fault_is_named(exercise: str) -> None:
    for make, saying in FAULTS[exercise]:
        refused(exercise, make(), *given(exercise), saying=saying)


def test_every_exercise_of_this_kind_is_here() -> None:
    assert {name for name in check.names() if isinstance(task(name), Judged)} == {*FAULTS}


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


def test_the_same_bill_for_other_sizes() -> None:
    message = accepted("1.3", {16: 1.95, 24: 1.865, 64: 2.0})
    assert "at width 32; width 16 costs 5.4 % more, width 64 costs 8.1 % more" in message
    assert "at width 24" in accepted("1.3", {16: 1.95, 24: 1.84, 64: 2.0, 32: 1.9})


def test_the_ladder_that_sees_a_bend() -> None:
    """The doubt is that of least squares: it is the scatter of the bend over simulated ladders."""
    (flops,) = given("2.3")
    message = accepted("2.3", [8] * 7 + [16] * 6 + [48])
    assert "costs 0.99 times" in message and "for 0.65 times their doubt." in message
    u = np.log(flops) - np.log(flops).mean()
    noise = 0.006 * np.random.default_rng(0).standard_normal((len(u), 4000))
    bends = -2 * np.log(10) * np.polyfit(u, noise, 2)[0]
    assert doubt_of_a_bend(flops) == pytest.approx(bends.std(), rel=0.05)


def test_a_judgement_is_told_what_it_leaves_out() -> None:
    words = "The runs show that loss falls over one decade, and the scatter is not known. " * 3
    message = accepted("2.5", words)
    assert "2 of 6" in message and "a run held out" in message and "the range" not in message
    more = "A floor fits as well, R^2 says little, there is no interval, and no run was held out."
    assert "6 of 6 points. Now compare" in accepted("2.5", words + more)


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


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (None, "should be a KnownEntropy"),
        (replace(MINE, alpha=0.05), "alpha from 0.1 to 1.2"),
        (replace(MINE, alpha=1.3), "alpha from 0.1 to 1.2"),
        (replace(MINE, keys=1_296), "from 1,297 to 40,000 keys"),
        (replace(MINE, keys=40_001), "from 1,297 to 40,000 keys"),
        (replace(MINE, base=10), "base 36"),
        (replace(MINE, seed=60), "above 60"),
    ],
)
def test_a_world_that_will_not_do(world: Any, words: str) -> None:
    refused("3.3", excess(), world, PREDICTED, saying=words)


@pytest.mark.parametrize("predicted", [None, "0.4", PREDICTED + 0.031, PREDICTED - 0.031, np.nan])
def test_a_prediction_that_is_not_that_of_the_theory(predicted: Any) -> None:
    refused("3.3", excess(), MINE, predicted, saying="Predict with ideal_slope")


def test_the_prediction_is_that_of_the_chapter() -> None:
    ideal = MINE.expected_loss(FEW / 14.68) - MINE.best_loss
    theory = fit_power_law(FEW, ideal, bootstrap=100).law.alpha
    assert pytest.approx(theory, abs=5e-4) == PREDICTED


@pytest.mark.parametrize(
    ("beta", "scatter", "outcome"),
    [
        (PREDICTED, 0.03, "the theory held"),
        (PREDICTED + 0.04, 0.03, "the theory held"),
        (PREDICTED - 0.04, 0.03, "the theory held"),
        (PREDICTED + 0.1, 0.01, "the theory failed"),
        (PREDICTED - 0.1, 0.01, "the theory failed"),
        (PREDICTED + 0.08, 0.15, "the matter is open"),
        (PREDICTED - 0.06, 0.1, "the matter is open"),
    ],
)
def test_a_third_round(beta: float, scatter: float, outcome: str) -> None:
    fit = excess(beta, scatter=scatter)
    low, high = fit.interval("alpha")
    message = accepted("3.3", fit)
    assert f"by the rule {outcome} here" in message
    assert f"measured {fit.law.alpha:.3f} ({low:.3f} to {high:.3f})" in message
    assert f"predicted {PREDICTED:.3f} and" in message


def test_the_best_forgery() -> None:
    message = accepted("3.4", (EXAMPLES[1], EXAMPLES[9]))
    assert "from 2,896 to 46,341 examples" in message and "0.500 (0.470 to 0.530)" in message
    assert "One of 3 analyses" in message


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (None, "five rows"),
        ("losses", "five rows"),
        (BASE_L[:, :3], "five rows"),
        (BASE_L.T, "five rows"),
        (np.where(np.nanmax(BASE_L) == BASE_L, np.nan, BASE_L), "failed or diverged"),
        (np.where(np.nanmax(BASE_L) == BASE_L, 4.86, BASE_L), "failed or diverged"),
        (BASE_L.copy(), "no dial was turned"),
        (BASE_L.tolist(), "no dial was turned"),
    ],
)
def test_losses_of_a_dial_that_will_not_do(losses: Any, words: str) -> None:
    refused("4.4", OUTSIDE, BASE_L, losses, saying=words)


INSIDE, EDGE = (-0.0049, 0.0049), (0.0049, 0.009)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (OUTSIDE, "It moves the exponent."),
        (differences(*3 * [(-0.02, -0.0051)]), "It moves the exponent."),
        (differences(*3 * [INSIDE]), "It does not."),
        ([*OUTSIDE[:2], *differences(EDGE)], "Open."),
        ([*OUTSIDE[:2], *differences(INSIDE)], "Open."),
        (differences(INSIDE, (-0.0051, 0.001), INSIDE), "Open."),
        (differences(INSIDE, INSIDE, (0.001, 0.0051)), "Open."),
        (differences(*3 * [(-0.009, -0.0049)]), "Open."),
    ],
)
def test_a_dial_of_your_own(found: list[Estimate], verdict: str) -> None:
    message = accepted("4.4", found)
    assert message.endswith(f" {verdict} Was its rate inside a scan?")
    for each in found:
        assert f"{each.value:+.4f} ({each.low:+.4f} to {each.high:+.4f})" in message


@pytest.mark.parametrize(
    "letter",
    [
        LETTER,
        "Neither ladder was tuned as the other was. More seeds are needed. " * 4,
        "One of the two was UNTUNED at the small end, so I ask for scans. " * 4,
    ],
)
def test_a_letter_of_a_referee(letter: str) -> None:
    assert accepted("4.5", letter) == "Compare with the model answer."


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ({2: 1.85, 4: 1.78, 8: 1.90}, "1.750, inside and the joint law said 1.800, inside"),
        ({8: 1.90, 2: 1.80, 4: 1.85}, "1.750, inside and the joint law said 1.800, inside"),
        ({2: 1.85, 4: 1.74, 8: 1.73}, "1.750, inside and the joint law said 1.800, outside"),
    ],
)
def test_the_next_ration(losses: dict[int, float], words: str) -> None:
    message = accepted("5.4", losses)
    assert f"at {min(losses.values()):.3f}" in message and words in message


def test_an_exponent_for_the_board() -> None:
    text = "All four models read one small corpus, too few tokens for the largest of them. "
    assert accepted("5.5", text * 3 + "Hold one out.") == "Compare with the model answer."


def test_a_plan_that_pins_the_exponent_down() -> None:
    assert "for 0.60 times its interval." in accepted("6.3", BETTER_PLAN)
    assert "for 0.60 times its interval." in accepted(
        "6.3", {C: np.array(widths) for C, widths in BETTER_PLAN.items()}
    )


def test_the_plan_is_priced_as_the_models_are() -> None:
    model = TransformerConfig(width=24)
    plan = {C: (8, 16, 24, 32, 48) for C in (1e10, 2e10, 4e10)}
    assert model.params("with_head") == 24 * 24**2 + 128 * 24
    assert model.flops_per_token() == 6 * model.params("with_head") + 768 * 24
    assert doubt_of_a_plan(plan)[0] == pytest.approx(3.5e11)


def test_a_judgement_of_a_published_fit() -> None:
    text = "I would ask whether the optimiser arrived and how the interval was resampled. " * 5
    assert "2 of 6 points; not named: which runs" in accepted("6.5", text)


def test_another_order_of_the_same_steps() -> None:
    best = ("warm-up", "cooldown", "counting", "rate and batch")
    assert "by -0.060 here, and by -0.200" in accepted("7.4", best)
    assert "The runs are the same" in accepted("7.4", ["cooldown", "warm-up", *best[2:]])


def test_a_judgement_of_one_walk_is_told_what_it_leaves_out() -> None:
    words = "The shares hold for one sequence of mending, and the seeds say nothing of that. " * 4
    message = accepted("7.5", words)
    assert "1 of 6" in message and "the order of the steps" in message
    more = "In another order, over larger budgets, by another method, with the head counted, an "
    assert "6 of 6 points. Now compare" in accepted("7.5", words + more + "imitation may differ.")


def test_a_better_shopping_list() -> None:
    message = accepted("8.2", lambda runs, seed: bought(runs, seed, 2))
    assert "It costs 8.7" in message and "top three by 0.76 %" in message


def test_a_run_of_ones_own() -> None:
    message = accepted("8.3", (48, 1.01 * OWN, 0.97 * OWN, 1.05 * OWN, OWN))
    assert "1.0 % below" in message and "4.0 % holds it" in message
    assert "does not hold" in accepted("8.3", (48, 1.01 * OWN, 1.005 * OWN, 1.02 * OWN, OWN))
    assert "holds it" in accepted("8.3", (40, 1.01 * OWN, 0.97 * OWN, 1.05 * OWN, OWN))


def test_depth_and_steps_are_set_side_by_side() -> None:
    assert "+40.0 points at four layers and +30.0 at two, more" in accepted("11.3", 40)
    assert "at two, less" in accepted("11.3", -2.5)


@pytest.mark.parametrize(("value", "place"), [(36, "within"), (60, "within"), (30, "outside")])
def test_another_seed_is_held_against_the_others(value: float, place: str) -> None:
    assert f"lies {place} the range of the other seeds, 36 to 96 %" in accepted("12.3", value)


def test_judgements_of_steps_and_minds() -> None:
    words = "The number by itself says little, and I should like to see a good deal more. " * 4
    assert "0 of 6" in accepted("11.5", words) and "0 of 6" in accepted("12.5", words)
    steps = "Supervision, compute, size, tries, whether they are used, what was held out."
    assert "6 of 6 points. Now compare" in accepted("11.5", words + steps)
    minds = "False belief, a rule, new names, training, seeds and control stories count."
    assert "6 of 6 points. Now compare" in accepted("12.5", words + minds)


@pytest.mark.parametrize(("value", "saying"), [(0.9, "With more"), (0.6, "With no more")])
def test_two_repairs_are_set_beside_each_alone(value: float, saying: str) -> None:
    assert saying in accepted("12.4", value)


def test_a_cure_is_set_beside_the_best_stop() -> None:
    assert "by 0.040 nats" in accepted("14.3", 2.30)


def test_a_judgement_of_the_wall_is_told_what_it_weighs() -> None:
    words = "The gain is measured against the best stop and moves the wall by some years only. " * 4
    message = accepted("14.4", words)
    assert "2 of 6" in message and "who taught the writer" in message


@pytest.mark.parametrize(
    ("measured", "saying"),
    [
        (1.95, "your interval holds it, and stretched by 2.8 it does."),
        (2.1, "your interval does not hold it, and stretched by 2.8 it does."),
        (1.5, "your interval does not hold it, and stretched by 2.8 it does not."),
    ],
)
def test_a_last_bet_is_told_how_far_off_it_was(measured: float, saying: str) -> None:
    assert saying in accepted("16.3", (1.9, 1.8, 2.0, measured))


def test_a_verdict_on_the_bet_is_told_what_it_weighs() -> None:
    words = "On loss it was good, at small sizes, unless two budgets came out above the band. " * 4
    message = accepted("16.4", words)
    assert "3 of 6" in message and "the other side" in message


@pytest.mark.parametrize("sd", [0.004, 0.0103, 0.0206])
def test_seeds_are_whole_and_enough(sd: float) -> None:
    """Also where another spread makes another number of seeds right."""
    seeds = check.task("4.3", sd).truth
    assert 2 * sd**2 / seeds <= 0.0025**2 < 2 * sd**2 / (seeds - 1)
    assert f"{2 * seeds} runs" in accepted("4.3", np.float64(seeds), sd)
    refused("4.3", seeds - 1, sd, saying="Round up")


def test_dirt_of_ones_own_is_priced_in_text() -> None:
    assert "a factor of" in accepted("13.3", (0.1, 1.74, 1.95, 3))
    assert "more than" in accepted("13.3", (0.5, 1.74, 3.2, 3))


def test_a_judgement_of_a_trick() -> None:
    words = "I ask for several seeds and several budgets before anything else is said of it. " * 4
    message = accepted("13.4", words)
    assert "2 of 6" in message and "the slope" in message
    more = "The baseline is not tuned; the slope decides over nine decades; else I refuse."
    assert "6 of 6 points" in accepted("13.4", words + more)


def test_a_bet_on_another_rule() -> None:
    assert "holds the answer, 0.800" in accepted("9.3", (0.7, 0.9))
    assert "0.800, lies above your interval" in accepted("9.3", (0.3, 0.5))
    assert "0.800, lies below" in accepted("9.3", (0.85, 0.9))
    refused("9.3", (0.7, 0.9), None, saying="run the cell again")


def test_judgements_of_a_jump() -> None:
    text = "There is one run of each size, and a gap without a model before the last one. " * 4
    assert "2 of 6 points" in accepted("9.5", text)
    text = "I ask for a second seed and for something learned by heart, to compare with it. " * 4
    assert "2 of 6 points" in accepted("10.5", text)


def test_a_future_in_which_data_binds_first() -> None:
    message = accepted("15.4", {"data": Range(1e26, 1e27)})
    assert "power 0%, data 100%" in message and "with 1 range changed" in message


def test_a_judgement_of_a_threshold() -> None:
    words = "Compute is known before a model exists, and it goes with what a model costs. " * 4
    message = accepted("15.5", words)
    assert "1 of 5" in message and "whether it can be checked" in message
