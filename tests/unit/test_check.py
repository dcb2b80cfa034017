"""Feedback on the exercises of chapter 1, and what holds for all: `scalinglaws.course.check`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalinglaws.course import check
from scalinglaws.fit import PowerLaw, PowerLawFit, fit_power_law
from scalinglaws.learners import ModelConfig

X = np.geomspace(1e8, 1e11, 6)
ALPHA = 0.08
WIDTH, DIET = 64, 20.0
NONSENSE = pytest.mark.parametrize(
    "value", ["4.2", "much", math.nan, math.inf, -math.inf, True, [4.2], {}, 1j, np.ones(3), ...]
)


def fitted(alpha: float = ALPHA, x: np.ndarray = X, seed: int = 0) -> PowerLawFit:
    y = PowerLaw(15.0, alpha)(x) * np.exp(
        0.004 * np.random.default_rng(seed).standard_normal(len(x))
    )
    return fit_power_law(x, y)


@pytest.fixture(scope="module")
def fit() -> PowerLawFit:
    return fitted()


class TestAnswer:
    @pytest.mark.parametrize("exercise", ["1.1", "1.2", "1.3"])
    def test_none_is_no_answer_yet(self, exercise: str) -> None:
        feedback = check.answer(exercise, None)
        assert feedback.ok is None
        assert str(feedback).startswith(f"{exercise} Open. ")

    def test_what_is_shown_says_how_it_stands(self) -> None:
        assert str(check.Feedback("1.1", True, "So it is.")) == "1.1 Right. So it is."
        assert repr(check.Feedback("1.1", False, "Too large.")) == "1.1 Not yet. Too large."

    @pytest.mark.parametrize("exercise", ["9.9", "", 1.1, None])
    def test_an_exercise_that_does_not_exist_is_refused(self, exercise: Any) -> None:
        with pytest.raises(KeyError, match=r"there is no exercise .*1\.1, 1\.2"):
            check.answer(exercise, 1.0)

    def test_what_the_exercise_needs_must_be_handed_over(self) -> None:
        with pytest.raises(TypeError):
            check.answer("1.1", 4.2)

    def test_nothing_is_printed(self, fit: PowerLawFit, capsys: pytest.CaptureFixture[str]) -> None:
        check.answer("1.1", 4.2, fit)
        assert capsys.readouterr() == ("", "")


class TestLossDownATenth:
    @pytest.fixture(scope="class")
    @classmethod
    def alpha(cls) -> float:
        return fitted().law.alpha

    def test_right(self, fit: PowerLawFit, alpha: float) -> None:
        assert check.answer("1.1", (1 / 0.9) ** (1 / alpha), fit).ok
        assert check.answer("1.1", fit.law.factor_to_divide(1 / 0.9), fit).ok
        assert check.answer("1.1", np.float32((1 / 0.9) ** (1 / alpha)), fit).ok

    def test_two_digits_are_enough(self, fit: PowerLawFit) -> None:
        assert check.answer("1.1", float(f"{fit.law.factor_to_divide(1 / 0.9):.2g}"), fit).ok

    @pytest.mark.parametrize(
        ("slip", "hint"),
        [
            (lambda a: 10 ** (1 / a), "divides the loss by ten"),
            (lambda a: 1.1 ** (1 / a), "dividing by 1/0.9, not by 1.1"),
            (lambda a: (1 / 0.9) ** a, "wrong way up"),
            (lambda a: 0.9 ** (1 / a), "below 1"),
            (lambda a: (1 / 0.9) ** (1 / a) * 100, "Too large by more than a factor of ten"),
            (lambda a: (1 / 0.9) ** (1 / a) / 100, "Too small by more than a factor of ten"),
            (lambda a: (1 / 0.9) ** (1 / a) * 1.5, "Too large."),
            (lambda a: -1.0, "Too small."),
            (lambda a: 0, "Too small."),
        ],
    )
    def test_each_slip_has_its_hint(
        self, fit: PowerLawFit, alpha: float, slip: Any, hint: str
    ) -> None:
        feedback = check.answer("1.1", slip(alpha), fit)
        assert feedback.ok is False and hint in feedback.message

    @NONSENSE
    def test_nonsense(self, fit: PowerLawFit, value: Any) -> None:
        feedback = check.answer("1.1", value, fit)
        assert feedback.ok is False and "one finite number" in feedback.message


class TestCostOfABiggerModel:
    CONFIG = ModelConfig(width=WIDTH)
    PER_TOKEN = CONFIG.flops_per_token("total")
    TOKENS = DIET * CONFIG.params("with_head")

    @pytest.mark.parametrize("value", [TOKENS * PER_TOKEN, int(TOKENS * PER_TOKEN)])
    def test_right(self, value: float) -> None:
        assert check.answer("1.2", value, WIDTH, DIET).ok

    @pytest.mark.parametrize(
        ("value", "hint"),
        [
            (TOKENS * CONFIG.flops_per_token("with_head"), "left out the attention"),
            (DIET * CONFIG.params("total") * PER_TOKEN, "without embeddings"),
            (PER_TOKEN, "cost of one token"),
            (TOKENS * PER_TOKEN / 3, "forward pass alone"),
            (TOKENS * PER_TOKEN * 1.2, "Too large."),
            (TOKENS * PER_TOKEN * 1e3, "factor of ten"),
        ],
    )
    def test_each_slip_has_its_hint(self, value: float, hint: str) -> None:
        feedback = check.answer("1.2", value, WIDTH, DIET)
        assert feedback.ok is False and hint in feedback.message

    @NONSENSE
    def test_nonsense(self, value: Any) -> None:
        assert check.answer("1.2", value, WIDTH, DIET).ok is False


class TestAnotherDiet:
    @pytest.mark.parametrize("alpha", [0.2, 0.03])
    def test_exponents_apart(self, fit: PowerLawFit, alpha: float) -> None:
        feedback = check.answer("1.3", fitted(alpha, x=X * 2), fit)
        assert feedback.ok and "do not overlap" in feedback.message
        assert "tell the two exponents apart" in feedback.message

    @pytest.mark.parametrize("x", [X * 2, X[:5], np.append(X, 1e12)])
    def test_exponents_not_apart(self, fit: PowerLawFit, x: np.ndarray) -> None:
        feedback = check.answer("1.3", fitted(x=x, seed=1), fit)
        assert feedback.ok and "they overlap" in feedback.message
        assert "do not tell" in feedback.message

    def test_the_runs_of_the_chapter_are_noticed(self, fit: PowerLawFit) -> None:
        feedback = check.answer("1.3", fitted(), fit)
        assert feedback.ok is False and "another diet first" in feedback.message

    @pytest.mark.parametrize("value", [0.08, "0.08", PowerLaw(15.0, 0.08), [1, 2]])
    def test_nonsense(self, fit: PowerLawFit, value: Any) -> None:
        feedback = check.answer("1.3", value, fit)
        assert feedback.ok is False and "the fit itself" in feedback.message


class TestSizeWithoutReading:
    def test_above_the_line_is_what_one_expects(self, fit: PowerLawFit) -> None:
        feedback = check.answer("1.4", 1.25, fit)
        assert feedback.ok and "25%" in feedback.message

    @pytest.mark.parametrize(
        ("value", "hint"),
        [
            (0, "above 0"),
            (-1.2, "above 0"),
            (0.9, "at the compute of this run"),
            (1e6, "divide by the loss at another compute"),
        ],
    )
    def test_each_slip_has_its_hint(self, fit: PowerLawFit, value: float, hint: str) -> None:
        feedback = check.answer("1.4", value, fit)
        assert feedback.ok is False and hint in feedback.message

    @NONSENSE
    def test_nonsense(self, fit: PowerLawFit, value: Any) -> None:
        assert check.answer("1.4", value, fit).ok is False


def test_what_an_exercise_needs_is_named() -> None:
    with pytest.raises(TypeError, match=r"exercise 1\.1 needs fit besides the answer"):
        check.answer("1.1", 3.0)
