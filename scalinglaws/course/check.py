"""Instant feedback on the exercises.

`answer("1.1", 4.2, ...)` says whether 4.2 is right and, if it is not, which step probably went
wrong. Where an exercise is about the reader's own runs, the right answer is worked out from them,
so they are handed over as well.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np

from ..fit import AllocationFit, PowerLawFit, fit_isoflop
from ..laws import CHINCHILLA, CHINCHILLA_REFIT
from ..learners.transformer import ModelConfig
from ..text.languages import KnownEntropy


@dataclass(frozen=True)
class Feedback:
    """Whether an answer is right, and what to look at if it is not."""

    exercise: str
    ok: bool | None
    """None as long as there is no answer."""
    message: str

    def __str__(self) -> str:
        mark = {True: "Right", False: "Not yet", None: "Open"}[self.ok]
        return textwrap.fill(f"{self.exercise} {mark}. {self.message}", 74)

    __repr__ = __str__


_checks: dict[str, Callable[..., tuple[bool, str]]] = {}


def answer(exercise: str, value: Any, *given: Any) -> Feedback:
    """Feedback on `value` as the answer to an exercise; `given` is what the exercise names.

    `None` counts as not answered yet. Raises KeyError for an exercise that does not exist, and
    TypeError if what the exercise needs was not handed over.
    """
    if exercise not in _checks:
        raise KeyError(f"there is no exercise {exercise!r}; there are {', '.join(sorted(_checks))}")
    if value is None:
        return Feedback(exercise, None, "Put your answer in place of None and run the cell again.")
    needed = list(signature(_checks[exercise]).parameters)[1:]
    if len(given) != len(needed):
        raise TypeError(
            f"exercise {exercise} needs {', '.join(needed) or 'nothing'} besides the answer, "
            f"got {len(given)} things: hand over what its cell names"
        )
    ok, message = _checks[exercise](value, *given)
    return Feedback(exercise, ok, message)


def _exercise(name: str) -> Callable:
    def register(check: Callable[..., tuple[bool, str]]) -> Callable[..., tuple[bool, str]]:
        _checks[name] = check
        return check

    return register


def _number(
    value: Any, truth: float, right: str, slips: list[tuple[float, str]], tolerance: float = 0.02
) -> tuple[bool, str]:
    """Compare a number with the truth, and with the results of the likely slips."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."

    def near(target: float) -> bool:
        return math.isclose(value, target, rel_tol=tolerance)

    if near(truth):
        return True, right
    for wrong, hint in slips:
        if near(wrong):
            return False, hint
    side = "large" if value > truth else "small"
    factor = value / truth if truth else math.inf
    if factor > 0 and not 0.1 < factor < 10:
        return False, f"Too {side} by more than a factor of ten: check exponents and units."
    return False, f"Too {side}."


@_exercise("1.1")
def _loss_down_a_tenth(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    alpha = fit.law.alpha
    return _number(
        value,
        (1 / 0.9) ** (1 / alpha),
        "Each further tenth costs this factor again.",
        [
            (10 ** (1 / alpha), "That divides the loss by ten; a tenth off leaves 0.9 of it."),
            (1.1 ** (1 / alpha), "Close, but a tenth off means dividing by 1/0.9, not by 1.1."),
            ((1 / 0.9) ** alpha, "The exponent stands the wrong way up: solve for C, not for L."),
            (0.9 ** (1 / alpha), "That is below 1, so it is less compute: turn it over."),
        ],
    )


@_exercise("1.2")
def _cost_of_a_bigger_model(value: Any, width: int, tokens_per_param: float) -> tuple[bool, str]:
    config = ModelConfig(width=width)
    tokens = tokens_per_param * config.params("with_head")
    return _number(
        value,
        tokens * config.flops_per_token("total"),
        "Twice the width costs well over ten times as much, since N and D both grow.",
        [
            (
                tokens * config.flops_per_token("with_head"),
                "You left out the attention scores: use flops_per_token('total').",
            ),
            (
                tokens_per_param * config.params("total") * config.flops_per_token("total"),
                "The ladder counts tokens per parameter of blocks and head, without embeddings.",
            ),
            (config.flops_per_token("total"), "That is the cost of one token: multiply by D."),
            (
                tokens * config.flops_per_token("total") / 3,
                "That is the forward pass alone; the backward pass costs twice as much again.",
            ),
        ],
        tolerance=0.005,
    )


@_exercise("1.3")
def _another_diet(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, as fit_power_law returns it."
    if len(value.x) == len(fit.x) and abs(value.x / fit.x - 1).max() < 1e-6:
        return False, "These are the runs from the chapter: give the models another diet first."
    low, high = value.interval("alpha")
    base_low, base_high = fit.interval("alpha")
    apart = low > base_high or high < base_low
    verdict = (
        "so your runs tell the two exponents apart."
        if apart
        else "so your runs do not tell the two exponents apart."
    )
    return True, (
        f"Your diet gives alpha between {low:.3f} and {high:.3f}, the chapter's between "
        f"{base_low:.3f} and {base_high:.3f}: they {'do not overlap' if apart else 'overlap'}, "
        + verdict
    )


@_exercise("1.4")
def _size_without_reading(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."
    if value <= 0:
        return False, "A loss divided by a loss is above 0."
    if value > math.log(128) / fit.law(1e15):
        return False, "No trained model is that bad: did you divide by the loss at another compute?"
    if value < 1:
        return False, (
            "Below the line with so little to read would be a surprise: the line must be taken "
            "at the compute of this run, starved.run.flops, not at that of the bigger model."
        )
    return True, f"The starved model lies {value - 1:.0%} above the line: size alone is waste."


@_exercise("2.1")
def _exponent_of_two_points(value: Any) -> tuple[bool, str]:
    fall, growth = 4.0 / 3.6, 8.0
    alpha = math.log(fall) / math.log(growth)
    return _number(
        value,
        alpha,
        "Two points fix the line, and leave nothing to judge it by.",
        [
            (-alpha, "The slope is negative, but in L = A x^-alpha the minus is already written."),
            (1 / alpha, "That is 1 / alpha: the logarithm of the factor in x belongs below."),
            (math.log(fall) / growth, "Divide by the logarithm of 8, not by 8."),
            (
                (4.0 - 3.6) / math.log(growth),
                "A power law is about factors: take the ratio 4.0 / 3.6, not the difference.",
            ),
            (
                math.log10(fall) / math.log(growth),
                "The two logarithms have different bases; any base will do, but the same one.",
            ),
            (
                math.log(fall) / math.log10(growth),
                "The two logarithms have different bases; any base will do, but the same one.",
            ),
        ],
    )


@_exercise("2.2")
def _where_the_slope_is_halved(value: Any) -> tuple[bool, str]:
    E, A, alpha = 1.69, 406.4, 0.34
    return _number(
        value,
        (A / E) ** (1 / alpha),
        "There the part above the floor is as large as the floor itself.",
        [
            (
                (2 * A / E) ** (1 / alpha),
                "There the part above the floor is half the floor; the slope asks for half of L.",
            ),
            (
                (A / (2 * E)) ** (1 / alpha),
                "There L is three times the floor: solve L - E = L / 2 for L first.",
            ),
            (A ** (1 / alpha), "There the part above the floor is 1; where does it equal E?"),
            ((A / E) ** alpha, "The exponent stands the wrong way up: solve for N, not for L."),
            (A / E, "That is N^alpha: take the root, by raising it to the power 1 / alpha."),
            (2 ** (1 / alpha), "That factor in N halves the part above the floor, not the slope."),
        ],
        tolerance=0.05,
    )


@_exercise("2.3")
def _hold_out_two(value: Any, C: Any, L: Any) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, as fit_power_law returns it."

    def made_from(x: Any, y: Any) -> bool:
        return len(value.x) == len(x) and all(
            math.isclose(a, b, rel_tol=1e-6)
            for a, b in [*zip(value.x, x, strict=True), *zip(value.y, y, strict=True)]
        )

    if made_from(C, L):
        return False, "This fit has seen all the models: leave out the two largest."
    if made_from(C[:-1], L[:-1]):
        return False, "That holds out one model, as the chapter does; leave out the next as well."
    if made_from(C[2:], L[2:]):
        return False, "These are the five largest: hold out the large ones, not the small ones."
    if not made_from(C[:-2], L[:-2]):
        return False, "This fit was made from other points: take C and L without the last two."
    if value.has_floor:
        return False, "This fit has a floor: the exercise asks for a straight line."
    told = []
    for name, x, y in (("second largest", C[-2], L[-2]), ("largest", C[-1], L[-1])):
        forecast = value.predict(float(x), level=0.8)
        told.append(f"{name}: {forecast}, {'hit' if y in forecast else 'missed'} by {y:.4g}")
    return True, "The forecasts for the two that it has not seen: " + "; ".join(told) + "."


@_exercise("2.4")
def _interval_of_a_price(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        return False, "The answer is a pair of numbers, (low, high)."
    if not (0 < low < math.inf and 0 < high < math.inf):
        return False, "Both ends must be finite numbers of FLOPs above 0."

    A, alpha, E = fit.draws.to_numpy().T
    price = ((1.5 - E) / A) ** (-1 / alpha)
    (A_low, A_high), (slow, fast) = fit.interval("A"), fit.interval("alpha")

    def near(ends: tuple[float, float]) -> bool:
        a, b = (math.log(end) for end in ends)
        slack = 0.1 * (b - a)
        return abs(math.log(low) - a) < slack and abs(math.log(high) - b) < slack

    right = tuple(float(end) for end in np.quantile(price, (0.025, 0.975)))
    if near(right):
        factor = high / low
        return True, f"The ends differ by a factor of {factor:.2g}: that is what the runs tell."
    if low >= high:
        return False, "The lower end comes first, and must lie below the upper one."
    best = fit.law
    slips = [
        (
            ((1.5 / A_low) ** (-1 / fast), (1.5 / A_high) ** (-1 / slow)),
            "You combined the ends of two intervals; A and alpha go together, draw by draw.",
        ),
        (
            ((1.5 / best.A) ** (-1 / fast), (1.5 / best.A) ** (-1 / slow)),
            "You held A at its best value; each draw brings an A of its own.",
        ),
        (
            tuple(np.quantile(price, (0.1, 0.9))),
            "That is the 80% interval: cut 2.5 % off at each end, not 10 %.",
        ),
        (
            tuple(np.quantile(price, (0.05, 0.95))),
            "That is the 90% interval: cut 2.5 % off at each end, not 5 %.",
        ),
        (
            tuple(end / 8.64e19 for end in right),
            "That is in PF-days: the question asks for FLOPs.",
        ),
    ]
    for ends, hint in slips:
        if near(ends):
            return False, hint
    wide = math.log(high / low) / math.log(right[1] / right[0])
    if wide > 1.1:
        return False, f"Too wide, by a factor of {wide:.2g} in orders of magnitude."
    if wide < 0.9:
        return False, f"Too narrow: it spans {wide:.0%} of the orders of magnitude that it should."
    return False, "As wide as it should be, but in the wrong place: check the formula and units."


@_exercise("3.1")
def _zipf_from_the_law(value: Any) -> tuple[bool, str]:
    beta = 0.25
    return _number(
        value,
        beta / (1 - beta),
        "The frequencies fall as rank^-4/3: a world in which rare facts matter much.",
        [
            (beta, "That would be the exponent in size; in examples it is alpha / (1 + alpha)."),
            (beta / (1 + beta), "You went from alpha to beta once more: solve for alpha."),
            ((1 - beta) / beta, "That is 1 / alpha: turn it over."),
            (1 / (1 - beta), "That is 1 + alpha, the power of the rank: take off the 1."),
        ],
    )


@_exercise("3.2")
def _price_of_dimension(value: Any) -> tuple[bool, str]:
    d, less = 8, 10
    return _number(
        value,
        less ** (d / 4),
        "Each further tenth of the error costs this factor again.",
        [
            (less ** (d / 2), "That is the nearest neighbour; straight pieces have 4 / d."),
            (less ** (4 / d), "The exponent stands the wrong way up: solve for D, not for L."),
            (less ** (1 / d), "That is how much finer a grid is with ten times the examples."),
            (float(less**d), "That makes the distance h ten times smaller, which is far more."),
            (2 ** (d / 4), "That halves the squared error; it should fall to a tenth."),
        ],
    )


@_exercise("3.3")
def _how_far_is_the_end(value: Any, D: Any) -> tuple[bool, str]:
    world = KnownEntropy(keys=10_000, alpha=0.7, base=36)
    D = np.asarray(D, dtype=float)
    losses = world.expected_loss(D)

    def exponent(y: np.ndarray, x: np.ndarray = D) -> float:
        return -float(np.polyfit(np.log(x), np.log(y), 1)[0])

    excess = losses - world.best_loss
    truth, endless = exponent(excess), world.data_exponent
    later = exponent(world.expected_loss(15 * D) - world.best_loss)
    wide = KnownEntropy(keys=10_000, alpha=1.0, base=36)
    other = exponent(wide.expected_loss(D) - wide.best_loss)
    return _number(
        value,
        truth,
        f"The end of the world accounts for {truth - endless:.3f} of the exponent.",
        [
            (endless, "That is the exponent of endless facts: fit the loss of the ideal learner."),
            (exponent(losses), "Subtract the floor, world.best_loss, before you fit."),
            (later, "These are the transformers' numbers of examples: divide them by 15."),
            (other, "That is the world with alpha = 1: take worlds[0.7]."),
            (-truth, "The slope is negative, but in L = A x^-beta the minus is already written."),
        ],
        tolerance=0.005,
    )


@_exercise("3.4")
def _a_steeper_world(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, as fit_power_law returns it."
    if len(value.x) != len(fit.x) or not np.allclose(value.x, fit.x):
        return False, "Fit the settled sizes, D_live[settled], as the chapter does."
    if np.allclose(value.y, fit.y):
        return False, "This is the world with alpha = 1: run study in the steeper one."
    if value.has_floor:
        return False, "Subtract the known floor and fit without one: floor=False."
    if value.y.min() > fit.y.max():
        return False, "These losses still hold the floor: subtract best_loss before you fit."
    if value.y.min() > fit.y.min():
        return False, (
            "With a larger alpha less is left to learn than in the world with alpha = 1; yours "
            "has more left: is its alpha 1.5?"
        )
    low, high = value.interval("alpha")
    theory = 1.5 / 2.5
    verdict = "holds" if low <= theory <= high else "does not hold"
    return True, (
        f"The exponent is {value.law.alpha:.3f}, with an interval from {low:.3f} to {high:.3f}: it "
        f"{verdict} the {theory:.1f} of the theory."
    )


@_exercise("4.1")
def _bits_per_byte(value: Any) -> tuple[bool, str]:
    loss, per_token = 2.9, 4.2
    bits = loss / math.log(2)
    return _number(
        value,
        bits / per_token,
        "In this unit models with different tokens can be compared, on the same text.",
        [
            (bits, "Those are bits per token; a token stands for 4.2 bytes."),
            (loss / per_token, "Those are nats per byte: one bit is ln 2 nats."),
            (bits * per_token, "A token is more than a byte, so a byte takes fewer bits: divide."),
            (
                loss * math.log(2) / per_token,
                "There are more bits than nats, as a bit is the smaller unit: divide by ln 2.",
            ),
            (loss / math.log(10) / per_token, "A bit is ln 2 nats; you divided by ln 10."),
        ],
        tolerance=0.01,
    )


@_exercise("4.2")
def _where_blocks_are_most(value: Any) -> tuple[bool, str]:
    return _number(
        value,
        96.0,
        "Below this width, leave head and attention out only if you must.",
        [
            (48.0, "You left out the head or the attention: both count, and cost the same here."),
            (
                160 / 3,
                "The other parts are a tenth of all FLOPs, not a tenth of those of the blocks: "
                "solve 1 / (1 + r) = 0.9 for r.",
            ),
            (
                320 / 3,
                "The other parts are a tenth of all FLOPs, so a ninth of those of the blocks: "
                "solve 1 / (1 + r) = 0.9 for r.",
            ),
            (192.0, "Count the blocks once more: depth is 2, so V / 12nd is 128 / 24d."),
            (32 / 27, "There the blocks make up a tenth; they should make up nine."),
        ],
        tolerance=0.01,
    )


@_exercise("4.3")
def _seeds_for_a_difference(value: Any, sd: float) -> tuple[bool, str]:
    exact = 2 * (sd / 0.0025) ** 2
    seeds = math.ceil(exact)
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."
    if value == seeds:
        return True, f"That makes {2 * seeds} runs for one comparison of two recipes."
    if math.isclose(value, exact, rel_tol=0.005) or value == math.floor(exact):
        return False, "Nearly: seeds come whole, and one too few does not reach the goal. Round up."
    slips = [
        (exact / 2, "Both means scatter: the variance of a difference is the sum of the two."),
        (exact / 4, "The standard error should be half of the difference, 0.0025 nats."),
        (exact / 8, "The standard error should be half the difference; and both means scatter."),
        (2 * exact, "That counts the seeds of both recipes together: how many does each need?"),
        (math.sqrt(exact), "That is the root of it: the error falls with the root of n."),
        (2 * sd / 0.0025, "The error falls with the root of n: the ratio must be squared."),
    ]
    for wrong, hint in slips:
        if math.isclose(value, wrong, rel_tol=0.005) or value == math.ceil(wrong):
            return False, hint
    return False, f"Too {'many' if value > seeds else 'few'}."


@_exercise("4.4")
def _tuned_on_the_smallest(
    value: Any, by_rule: PowerLawFit, fixed: PowerLawFit
) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, the first of the two things ladder returns."
    if len(value.x) != len(by_rule.x) or not np.allclose(value.x, by_rule.x):
        return False, "The ladder should have the same five widths as the other two."
    if np.allclose(value.y, by_rule.y):
        return False, "This is the ladder in which each width has its own rate."
    if np.allclose(value.y, fixed.y):
        return False, "This is the ladder at the rate of width 32: take that of width 8."
    if not math.isclose(value.y[0], by_rule.y[0]):
        return False, (
            "At the rate that the rule gives to width 8, the smallest model must have the loss "
            "that it has in the rule's ladder; yours has another."
        )
    low, high = value.interval("alpha")
    rule_low, rule_high = by_rule.interval("alpha")
    overlap = low <= rule_high and rule_low <= high
    side = "smaller" if value.law.alpha < by_rule.law.alpha else "larger"
    return True, (
        f"alpha lies between {low:.4f} and {high:.4f}, by the rule between {rule_low:.4f} and "
        f"{rule_high:.4f}: it comes out {side}, and the intervals "
        f"{'overlap' if overlap else 'do not overlap'}."
    )


@_exercise("5.1")
def _five_per_cent_by_size(value: Any) -> tuple[bool, str]:
    alpha, left = 0.076, 0.95
    return _number(
        value,
        left ** (-1 / alpha),
        "About twice the size for a twentieth of the loss.",
        [
            (0.05 ** (-1 / alpha), "That leaves 5 % of the loss; taking 5 % off leaves 95 %."),
            (left ** (1 / alpha), "That is below 1, so it is a smaller model: turn it over."),
            (left**-alpha, "The exponent stands the wrong way up: solve for N, not for L."),
            (1.05 ** (1 / alpha), "Close, but 5 % off means dividing by 1/0.95, not by 1.05."),
            (left ** (-1 / 0.095), "That is the exponent of data; the question is about size."),
            (left ** (-1 / 0.050), "That is the exponent of compute; the question is about size."),
        ],
        tolerance=0.01,
    )


@_exercise("5.2")
def _text_for_a_larger_model(value: Any) -> tuple[bool, str]:
    alpha_N, alpha_D = 0.076, 0.103
    return _number(
        value,
        100 ** (alpha_N / alpha_D),
        "Less than the factor in size: by this law data may grow more slowly than models.",
        [
            (100 ** (alpha_N / 0.095), "That mixes two fits: take alpha_D from the joint one."),
            (100 ** (alpha_D / alpha_N), "The ratio stands the wrong way up: D goes as N^(aN/aD)."),
            (
                100**alpha_N,
                "The excess depends on N^(alpha_N / alpha_D) / D, not on N^alpha_N / D.",
            ),
            (8 ** (alpha_N / alpha_D), "That is for a model eight times larger; here it is 100."),
            (100.0, "In proportion would keep D / N; the excess asks for less than that."),
        ],
    )


@_exercise("5.3")
def _a_sensitive_crossing(value: Any) -> tuple[bool, str]:
    D_c, D_at_one, growth, alpha_D = 5.4e13, 2e10, 0.27, 0.095

    def crossing(scale: float, alpha: float) -> float:
        gap = math.log(scale) - alpha_D * math.log(D_c / D_at_one)
        return gap / (alpha - growth * alpha_D)

    u = crossing(2.57, 0.048)
    return _number(
        value,
        math.exp(u),
        "GPT-3 itself was trained with 3,640 PF-days, so the crossing was near.",
        [
            (u, "That is ln C: take the exponential."),
            (u / math.log(10), "That is the logarithm of C to base 10: raise 10 to it."),
            (
                math.exp(crossing(3.1e8**0.050, 0.050)),
                "That is the crossing of the chapter: put the line of GPT-3 in its place.",
            ),
            (math.exp(u) * 8.64e19, "That is in FLOPs: the question asks for PF-days."),
        ],
        tolerance=0.03,
    )


@_exercise("5.4")
def _size_by_another_count(value: Any, fit: PowerLawFit) -> tuple[bool, str]:
    if not isinstance(value, PowerLawFit):
        return False, "Hand over the fit itself, as fit_power_law returns it."
    if len(value.y) != len(fit.y) or not np.allclose(np.sort(value.y), np.sort(fit.y)):
        return False, "The losses should be the same six, each model's after all its tokens."
    sizes, blocks = np.sort(value.x), np.sort(fit.x)
    if np.allclose(sizes, blocks):
        return False, "This is the chapter's own fit: count the other parameters as well."
    widths = np.sqrt(blocks / 24)  # two layers of twelve d x d matrices
    if np.allclose(sizes, blocks + 128 * widths):
        return False, "That counts blocks and head; add the embeddings, as params_total does."
    if not np.allclose(sizes, blocks + (128 + 128 + 32) * widths):
        return False, "These are not the models' parameters: take the column params_total."
    low, high = value.interval("alpha")
    other_low, other_high = fit.interval("alpha")
    overlap = low <= other_high and other_low <= high
    side = "larger" if value.law.alpha > fit.law.alpha else "smaller"
    return True, (
        f"With all parameters alpha lies between {low:.3f} and {high:.3f}, with the blocks alone "
        f"between {other_low:.3f} and {other_high:.3f}: it comes out {side}, and the intervals "
        f"{'overlap' if overlap else 'do not overlap'}."
    )


@_exercise("6.1")
def _share_of_a_budget(value: Any) -> tuple[bool, str]:
    alpha, beta, factor = 0.40, 0.30, 100.0
    return _number(
        value,
        factor ** (beta / (alpha + beta)),
        "The tokens grow by the rest of the factor, and so by more.",
        [
            (
                factor ** (alpha / (alpha + beta)),
                "That is the factor of the tokens: a = beta / (alpha + beta), b is the other.",
            ),
            (factor**0.5, "That would hold if alpha and beta were equal."),
            (beta / (alpha + beta), "That is the exponent a: raise 100 to this power."),
            (factor**beta, "beta says how loss falls with tokens; a = beta / (alpha + beta)."),
            (factor**alpha, "alpha says how loss falls with size; a = beta / (alpha + beta)."),
            (10 ** (beta / (alpha + beta)), "That is for ten times the budget, not a hundred."),
        ],
    )


@_exercise("6.2")
def _discount(value: Any) -> tuple[bool, str]:
    law, N, D = CHINCHILLA_REFIT, 175e9, 300e9
    cost, needed = 6 * N * D, law.flops_for(law(N, D))
    return _number(
        value,
        needed / cost,
        "The rest went into size that had too little to read.",
        [
            (cost / needed, "That is how many times too dear it was: turn it over."),
            (1 - needed / cost, "That is the share that was wasted; asked is the one needed."),
            (
                CHINCHILLA.flops_for(CHINCHILLA(N, D)) / cost,
                "Those are the constants as first printed: take laws.CHINCHILLA_REFIT.",
            ),
            (
                needed / (6 * 280e9 * 300e9),
                "That is the share of Gopher's cost: divide by GPT-3's.",
            ),
            (
                law.flops_for(law(280e9, 300e9)) / (6 * 280e9 * 300e9),
                "That is Gopher's discount, as in the chapter; take GPT-3's 175 billion.",
            ),
            (needed / (N * D), "The cost is 6 N D: a factor of 6 is missing."),
        ],
        tolerance=0.01,
    )


@_exercise("6.3")
def _other_dice(value: Any, wide: AllocationFit) -> tuple[bool, str]:
    if not isinstance(value, AllocationFit) or value.method != "isoflop":
        return False, "Hand over the fit itself, as fit_isoflop returns it."
    same_budgets = len(value.C) == len(wide.C) and np.allclose(value.C, wide.C, rtol=0.05)
    if not same_budgets:
        return False, (
            f"This fit has {len(value.C)} budgets, the chapter's {len(wide.C)}: take all "
            "reference runs with seed 0, and hand flops=one['flops'] to the fit."
        )
    if any(len(a.N) != len(b.N) for a, b in zip(value.curves, wide.curves, strict=True)):
        return False, "Some budgets have other sizes than in the chapter: choose by seed alone."
    if not np.allclose(value.N, wide.N, rtol=0.3):
        return False, "The best sizes are far off: is N the column 'params'?"
    if np.allclose(value.L, wide.L, rtol=1e-9):
        return False, "These are the runs of all seeds: keep those with seed 0 alone."
    low, high = wide.interval("a")
    own_low, own_high = value.interval("a")
    inside = "inside" if low <= value.a <= high else "outside"
    return True, (
        f"a = {value.a:.4f} ({own_low:.4f} to {own_high:.4f}) from one seed lies {inside} the "
        f"interval of all seeds, {low:.4f} to {high:.4f}."
    )


@_exercise("6.4")
def _off_centre(value: Any) -> tuple[bool, str]:
    law = CHINCHILLA_REFIT

    def factor(low: float, high: float) -> float:
        C = np.repeat(np.geomspace(6e18, 3e21, 9), 8)
        N = law.N_opt(C) * np.tile(np.geomspace(low, high, 8), 9)
        D = C / (6 * N)
        return fit_isoflop(N, D, law(N, D), bootstrap=100).N_opt(1e21) / law.N_opt(1e21)

    off = factor(1 / 2, 32)
    return _number(
        value,
        off,
        f"Too large by {off - 1:.1%} at every budget, so a is right and the advice is not.",
        [
            (1 / off, "Turn it over: the fitted size, divided by the true one."),
            (off - 1, "That is how far it is off; give the ratio of fitted to true."),
            (factor(1 / 8, 8), "Those sizes are centred; take half to 32 times the best."),
            (factor(1 / 32, 2), "You went to the other side: half to 32 times the best."),
        ],
        tolerance=0.004,
    )


@_exercise("7.1")
def _two_budgets_later(value: Any) -> tuple[bool, str]:
    return _number(
        value,
        10_000 ** (0.73 - 0.50),
        "And it reads less text by the same factor, as both spend the same budget.",
        [
            (10_000 ** (0.50 - 0.73), "That is below 1: divide the first model by the second."),
            (10_000**0.73, "That is how much the first model grew; divide by the second's growth."),
            (10_000**0.50, "That is how much the second model grew; the ratio is asked."),
            (0.73 / 0.50, "That is the ratio of the exponents: raise 10,000 to each first."),
            (10 ** (0.73 - 0.50), "That is for ten times the budget, not 10,000 times."),
        ],
    )


@_exercise("7.2")
def _half_a_table(value: Any) -> tuple[bool, str]:
    growth = 47491
    N = growth**1.5
    return _number(
        value,
        N,
        "Below that size most of a model is table, and the count of the blocks misleads most.",
        [
            (2 * N, "That is the total: asked is N, the blocks alone."),
            (growth ** (2 / 3), "N^(2/3) = 47491: raise to the power 3/2, not 2/3."),
            (growth**3, "N / N^(1/3) is N^(2/3), not N^(1/3)."),
            (growth**2, "N / N^(1/3) is N^(2/3), not N^(1/2)."),
            ((growth / 2) ** 1.5, "There the tables are twice the blocks: half means as many."),
            ((2 * growth) ** 1.5, "There the tables are half of the blocks, a third of the model."),
            (growth, "That is N^(2/3): raise it to the power 3/2."),
        ],
    )


@_exercise("7.3")
def _all_warm_up(value: Any) -> tuple[bool, str]:
    steps, sequences, context, diet = 3000, 512, 1024, 20
    tokens = steps * sequences * context
    return _number(
        value,
        tokens / diet,
        "A smaller model on this diet never reaches its full rate.",
        [
            (tokens, "That is the warm-up in tokens; each parameter comes with 20 of them."),
            (tokens * diet, "The run has 20 N tokens, so divide by 20."),
            (steps * sequences / diet, "Those are sequences: each has 1,024 tokens."),
            (steps * context / diet, "A step has 512 sequences, not one."),
            (sequences * context / diet, "That is a single step; the warm-up has 3,000."),
        ],
    )


@_exercise("7.4")
def _paired(value: Any, blocks: Any, everything: Any) -> tuple[bool, str]:
    try:
        low, high = (float(end) for end in value)
    except (TypeError, ValueError):
        return False, "The answer is a pair of numbers, (low, high)."
    if not (math.isfinite(low) and math.isfinite(high)):
        return False, "Both ends must be finite numbers."
    first, then = (np.asarray(a, dtype=float) for a in (blocks, everything))

    def ends(change: np.ndarray, share: float = 0.95) -> tuple[float, float]:
        a, b = np.quantile(change[1:], ((1 - share) / 2, (1 + share) / 2))
        return float(a), float(b)

    truth = ends(then - first)
    (a_low, a_high), (b_low, b_high) = ends(first), ends(then)
    unpaired = b_low - a_high, b_high - a_low
    slack = 0.05 * (truth[1] - truth[0])

    def near(pair: tuple[float, float]) -> bool:
        return abs(low - pair[0]) <= slack and abs(high - pair[1]) <= slack

    if near(truth):
        factor = (unpaired[1] - unpaired[0]) / (truth[1] - truth[0])
        certain = "does not hold" if truth[0] * truth[1] > 0 else "holds"
        return True, (
            f"It {certain} zero. From the ends of the two intervals it would be {factor:.2g} "
            "times as wide."
        )
    slips = [
        ((-truth[1], -truth[0]), "The sign is turned: from the blocks to all parameters."),
        ((truth[1], truth[0]), "The lower end comes first."),
        (unpaired, "Those are the ends of two intervals subtracted: subtract draw by draw."),
        ((b_low - a_low, b_high - a_high), "Subtract draw by draw, then take the quantiles."),
        (ends(then - first, 0.8), "That is the 80% interval: cut off 2.5 % at each end."),
        (ends(then - first, 0.9), "That is the 90% interval: cut off 2.5 % at each end."),
        ((a_low, a_high), "That is the exponent with the blocks counted; asked is the change."),
        ((b_low, b_high), "That is the exponent with all counted; asked is the change."),
    ]
    for pair, hint in slips:
        if near(pair):
            return False, hint
    return False, "Take everything - blocks, leave out entry 0, and take its quantiles."


@_exercise("8.1")
def _how_far_to_bet(value: Any, q: float) -> tuple[bool, str]:
    half = 5.0
    return _number(
        value,
        math.exp(half / q),
        "Halve the tolerance and the factor becomes its square root.",
        [
            (half / q, "That is ln f: take the exponential."),
            (10 ** (half / q), "q is per e-fold, so the base is e, not 10."),
            (math.exp(2 * half / q), "± 5 % is the half width, as q is: do not double it."),
            (math.exp(half / 2 / q), "± 5 % is the half width, as q is: do not halve it."),
            (math.exp(half / 100 / q), "q is in per cent, so take 5 and not 0.05."),
            (math.exp(q / half), "The fraction stands the wrong way up: solve q ln f = 5."),
        ],
    )


@_exercise("8.2")
def _cost_of_lower_rungs(value: Any) -> tuple[bool, str]:
    step, rungs, lower = 2.5, 10, 7
    share = (step**lower - 1) / (step**rungs - 1)
    return _number(
        value,
        share,
        "The thresholds of the race cost no more than that.",
        [
            (100 * share, "That is in per cent: give the share, between 0 and 1."),
            (1 - share, "That is what the three largest cost."),
            (lower / rungs, "That counts runs: weigh each by its FLOPs."),
            (
                (step**lower - 1) / (step**rungs - step**lower),
                "That is the ratio to the three largest: the share is of all ten.",
            ),
        ],
        tolerance=0.01,
    )


@_exercise("8.3")
def _two_penalties(value: Any) -> tuple[bool, str]:
    E, s, d, gamma = 0.9, 0.4, 0.4, 0.5
    loss = E + (s ** (1 / gamma) + d ** (1 / gamma)) ** gamma
    return _number(
        value,
        loss,
        "Less than the sum of the penalties, and more than the larger of them.",
        [
            (E + s + d, "That is gamma = 1, the surface."),
            (loss - E, "That is the part above the floor: add E."),
            (E + max(s, d), "That is the limit of gamma going to 0, or one penalty taken away."),
            (
                E + (s**gamma + d**gamma) ** (1 / gamma),
                "Inside stands 1 / gamma, outside gamma: you have them the other way round.",
            ),
            (E + s**2 + d**2, "The power around the sum is missing."),
            (loss - (E + s), "That is the gain; the answer is the loss before it."),
        ],
        tolerance=0.002,
    )


@_exercise("8.4")
def _one_budget_fewer(value: Any, forecast: float, measured: float, q: float) -> tuple[bool, str]:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."
    if math.isclose(value, forecast, rel_tol=1e-6):
        return False, "This is the chapter's forecast: leave out the runs of the top budget first."
    if math.isclose(value, measured, rel_tol=1e-6):
        return False, "This is what was measured: the forecast is asked for."
    if not 0.8 < value / forecast < 1.25:
        return False, "No forecast of the best model from these runs lies as far off as that."
    half = q * math.log(2.6e13 / 1e12)
    off = 100 * math.log(measured / value)
    holds = "holds" if abs(off) <= half else "does not hold"
    return True, (
        f"One budget fewer moves the forecast by {100 * math.log(value / forecast):+.1f} %. The "
        f"measured loss lies {abs(off):.1f} % {'above' if off > 0 else 'below'} it, and the "
        f"interval of ± {half:.1f} % {holds} it."
    )


@_exercise("9.1")
def _two_digits_unknown(value: Any) -> tuple[bool, str]:
    guess = math.log(10)
    return _number(
        value,
        2 * guess / 5,
        "Its exact match is one in a hundred, for the same reason.",
        [
            (2 * guess, "That is the loss of the whole answer: divide by its five digits."),
            (2 * guess / 4, "A sum of two four-digit numbers is written with five digits."),
            (3 * guess / 5, "Those are the digits it knows; they cost nothing."),
            (2 * math.log2(10) / 5, "That is in bits: take the natural logarithm."),
            (2 / 5, "That counts the unknown digits in units of ln 10: multiply."),
            (0.01, "That is its exact match: the loss is asked for."),
        ],
        tolerance=0.005,
    )


@_exercise("9.2")
def _questions_without_a_right_answer(value: Any) -> tuple[bool, str]:
    z, share = 1.959964, 0.001
    near, message = _number(
        value,
        z**2 * (1 / share - 1),
        "",
        [
            (3 / share, "That is the rule of three, from another interval. Use Wilson's."),
            (1 / share, "At that n one right answer is expected; its absence proves little."),
            (1.644854**2 * (1 / share - 1), "That is a one-sided 95 %: take z = 1.96."),
            (z * (1 / share - 1), "z stands squared in Wilson's interval."),
            (z**2 * (100 / share - 1), "0.1 % is 0.001."),
        ],
        tolerance=0.0005,
    )
    if not near:
        return False, message
    if value == 3838:
        return True, "With fewer questions, nothing right is no proof of inability."
    return False, "Near: asked is the smallest whole n whose upper end lies under 0.1 %."


@_exercise("9.3")
def _size_that_passes_half(value: Any) -> tuple[bool, str]:
    way = (50 - 11.9) / (55.5 - 11.9)
    return _number(
        value,
        6.7 * (13 / 6.7) ** way,
        "The two sizes around it are a factor of 1.9 apart, and so is the honest answer.",
        [
            (6.7 + 6.3 * way, "That is a straight line in the size: take logarithms first."),
            (6.7 * (13 / 6.7) ** (1 - way), "You went from the far end: start at 6.7 billion."),
            (6.7e9 * (13 / 6.7) ** way, "Right, but give it in billions."),
            ((6.7 * 13) ** 0.5, "That is half-way between the sizes, not where half is right."),
            (6.7 * 10 ** (way * math.log(13 / 6.7)), "Natural logarithm, but a power of ten."),
        ],
        tolerance=0.005,
    )


@_exercise("9.4")
def _five_seeds_agree(value: Any) -> tuple[bool, str]:
    p, n = 0.6, 5
    return _number(
        value,
        p**n + (1 - p) ** n,
        "So at such a size most sets of five seeds contain both kinds.",
        [
            (p**n, "They also agree if none of them finds it."),
            ((1 - p) ** n, "They also agree if all of them find it."),
            (1 - p**n - (1 - p) ** n, "That is how likely they are to disagree."),
            (1 - (1 - p) ** n, "That is how likely at least one finds it."),
            (p**n * (1 - p) ** n, "Either all or none: add the two chances."),
        ],
    )


@_exercise("10.1")
def _enough_questions(value: Any) -> tuple[bool, str]:
    rate, sure = 1e-3, 0.95
    truth = math.log(1 - sure) / math.log(1 - rate)
    return _number(
        value,
        truth,
        "Three divided by the rate is a good rule of thumb.",
        [
            (1 / rate, "With 1,000 questions all are wrong more than a third of the time."),
            (
                math.log(sure) / math.log(1 - rate),
                "That leaves 95 % for no right answer at all: set 0.999^n to 0.05.",
            ),
            (sure / rate, "Hits do not add up like that: some exams have two, others none."),
            (math.log10(1 - sure) / math.log(1 - rate), "Take the same logarithm twice."),
        ],
        tolerance=0.005,
    )


@_exercise("10.2")
def _how_sharp_a_power(value: Any) -> tuple[bool, str]:
    return _number(
        value,
        0.25,
        "A quarter at most, for answers of any length.",
        [
            (0.5, "That is exp(-s/2) at the best place: subtract exp(-s) there."),
            (1 / math.e, "That is the slope at s = 1, per factor of e: a doubling is a step."),
            (
                math.log(2) / math.e,
                "That takes the steepest slope for a whole doubling: maximise the difference.",
            ),
            (
                math.exp(-0.5) - math.exp(-1),
                "That is the rise from s = 1: maximise over s = L c / N.",
            ),
            (2 * math.log(2), "That is the best s; asked is the rise there."),
        ],
        tolerance=0.005,
    )


@_exercise("10.3")
def _as_if_fewer(value: Any, em: float, p: float) -> tuple[bool, str]:
    return _number(
        value,
        math.log(em) / math.log(p),
        "So many independent tokens would explain both marks.",
        [
            (math.log(p) / math.log(em), "Upside down: solve p^n = em for n."),
            (10, "That is how many there are; here it is how many would explain em."),
            (em / p, "A power, not a product: take logarithms of both."),
            (math.log(em / p), "Divide the logarithms, not the numbers."),
        ],
    )


@_exercise("10.4")
def _another_scale(value: Any, steps: Any, losses: Any) -> tuple[bool, str]:
    u, loss = np.log2(np.asarray(steps, dtype=float)), np.asarray(losses, dtype=float)

    def sharpness(m: np.ndarray) -> float:
        start = np.linspace(u[0], u[-1] - 1, 400)
        step = np.interp(start + 1, u, m) - np.interp(start, u, m)
        return float(np.abs(step).max() / np.ptp(m))

    own, log = sharpness(loss), sharpness(np.log(loss))
    return _number(
        value,
        log,
        f"The loss itself has {own:.2f}: the scale is part of the mark.",
        [
            (own, "That is the loss itself: take its logarithm first."),
            (sharpness(np.exp(-loss)), "That is exp(-loss), a probability: take np.log(loss)."),
        ],
        tolerance=0.01,
    )


@_exercise("11.1")
def _an_honest_pass_at_4(value: Any) -> tuple[bool, str]:
    none = math.comb(7, 4) / math.comb(10, 4)
    return _number(
        value,
        1 - none,
        "Averaged over all ways to draw four of the ten, so nothing depends on their order.",
        [
            (1 - 0.7**4, "That draws with replacement: a try cannot be drawn twice."),
            (none, "That is the share of draws without a right answer."),
            (0.3, "That is pass@1."),
            (100 * (1 - none), "That is in per cent: give a number between 0 and 1."),
        ],
        tolerance=0.002,
    )


@_exercise("11.2")
def _the_oracle_and_the_guesser(value: Any) -> tuple[bool, str]:
    tries = math.log(0.05) / math.log(5 / 6)
    return _number(
        value,
        math.ceil(tries),
        "So many throws of a die look like a model that is right 95 times in 100.",
        [
            (tries, "Tries are whole: round up."),
            (math.floor(tries), "One try fewer than needed: round up."),
            (math.log(0.05) / math.log(1 / 6), "A throw misses with 5/6, not with 1/6."),
            (6 * 0.95, "The chances of several throws do not add up: they may hit twice."),
        ],
        tolerance=1e-3,
    )


@_exercise("11.3")
def _a_leaky_check(value: Any) -> tuple[bool, str]:
    right, leak = 0.3, 1 / 9
    passes = right + (1 - right) * leak
    return _number(
        value,
        right / passes,
        "Asking longer does not help: this is where the check levels off.",
        [
            (passes, "That is how often a try passes: how many of those are right?"),
            (1 - right / passes, "That is how often the answer that passes is wrong."),
            (1 - leak, "That is how often a wrong try is stopped: weigh it by how many are wrong."),
            (
                right / (right + leak),
                "The leak lets through a ninth of the wrong tries, not of all.",
            ),
            (100 * right / passes, "That is in per cent: give a number between 0 and 1."),
        ],
        tolerance=0.003,
    )


@_exercise("11.4")
def _when_to_buy_the_larger_model(value: Any) -> tuple[bool, str]:
    small, large = (
        20 * ModelConfig(width, context=20, vocab_size=14).flops_per_token() / 3
        for width in (8, 32)
    )
    examples, tries = 19_200, 32
    saved = tries * small - large
    questions = 3 * examples * (large - small) / saved
    return _number(
        value,
        questions,
        "From there on the larger model is the cheaper one, whatever else it does better.",
        [
            (questions / 3, "Training on an example costs three passes forward, not one."),
            (3 * examples * large / saved, "The smaller model had to be trained as well."),
            (
                3 * examples * (large - small) / (tries * small),
                "The larger model has to answer too: subtract its pass from what is saved.",
            ),
            (1 / questions, "That is the wrong way up: FLOPs by FLOPs per question."),
            (
                3 * examples * (large - small) / (tries * large - large),
                "It is the smaller model that is asked 32 times.",
            ),
        ],
    )


@_exercise("12.1")
def _luck_in_four_columns(value: Any) -> tuple[bool, str]:
    start, passed = 0.45, 0.1
    return _number(
        value,
        start * passed**3,
        "About one sum in two thousand: a test of that size holds one.",
        [
            (100 * start * passed**3, "That is in per cent: give the share, between 0 and 1."),
            (passed**4, "The lowest column starts the carry: it needs 10 or more, not a nine."),
            (start * passed**4, "Three columns hand the carry on: the lowest one starts it."),
            (
                start**4,
                "That is four columns that each carry by themselves; in a chain three add "
                "up to nine.",
            ),
            (0.55 * passed**3, "0.55 is the share of columns that do not carry."),
            (0.5 * passed**3, "Not half: count the pairs of digits that add up to 10 or more."),
        ],
    )


@_exercise("12.2")
def _right_for_no_reason(value: Any) -> tuple[bool, str]:
    return _number(
        value,
        (1e5 + 1) / 2e5,
        "Writing zero everywhere earns that much, whatever the sum.",
        [
            (100 * (1e5 + 1) / 2e5, "That is in per cent: give the share, between 0 and 1."),
            (0.55, "That is one column alone; a carry may come into it from the right."),
            (0.45, "That is the share of columns that carry; asked is no carry, out of all five."),
            (0.1, "The sixth digit is only ever 0 or 1: it is not one of ten."),
            (0.55**5, "The lower columns may carry, as long as the highest does not."),
        ],
        tolerance=0.005,
    )


@_exercise("12.3")
def _how_perfect_is_perfect(value: Any) -> tuple[bool, str]:
    z, p = 1.96, 0.001
    return _number(
        value,
        z**2 * (1 / p - 1),
        "Nearly four thousand sums without a slip, and only about this distribution.",
        [
            (z * (1 / p - 1), "z enters squared."),
            (z / p, "z enters squared."),
            (3 / p, "That is the rule of three, from another interval; take the one given."),
            (z**2 * 99, "That is one in a hundred: p is 0.001."),
            (z**2, "Solve z^2 / (n + z^2) = 0.001 for n."),
        ],
        tolerance=0.002,
    )


@_exercise("12.4")
def _two_repairs_at_once(value: Any, working: float, anywhere: float) -> tuple[bool, str]:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return False, f"The answer is one finite number, not {value!r}."
    if not 0 <= value <= 1:
        return False, "A share lies between 0 and 1: give the share, not the percentage."
    if value < working + 0.1:
        return False, (
            "That is no better than working alone: the task must have anywhere=True and "
            "scratchpad=True, and its own model's answers are to be marked by that task."
        )
    return True, (
        f"Both repairs give {value:.0%}, working alone {working:.0%}, any place alone "
        f"{anywhere:.0%}. With {'more' if value > anywhere else 'no more'} than variety alone "
        "gave, mind the spread over seeds before you credit the working."
    )
