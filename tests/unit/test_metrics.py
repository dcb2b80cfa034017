"""Marks of answers, against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from scalinglaws.learners import Transformer, TransformerConfig
from scalinglaws.metrics import (
    answer_probability,
    answers,
    brier,
    crossing,
    edit_distance,
    exact_match,
    graded,
    log_loss,
    log_probabilities,
    marks,
    sample,
    sharpness,
    token_accuracy,
    wilson,
)
from scalinglaws.text import Addition, Composition, Corpus
from scalinglaws.training import Run, train


def letters(*words: str) -> np.ndarray:
    return np.array([[ord(c) for c in word] for word in words], dtype=np.uint8)


class TestWilson:
    # z = 1.959964; the centre is (k + z^2 / 2) / (n + z^2).
    @pytest.mark.parametrize(
        ("k", "n", "low", "high"),
        [
            (0, 10, 0.0, 0.27753),
            (10, 10, 0.72247, 1.0),
            (5, 10, 0.23659, 0.76341),
            (1, 1000, 0.000177, 0.005642),
        ],
    )
    def test_cases_by_hand(self, k: int, n: int, low: float, high: float) -> None:
        share = wilson(k, n)
        z2, p = 1.959963985**2, k / n
        center = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * p * (1 - p) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
        assert share.low == pytest.approx(center - half, abs=1e-9)
        assert share.high == pytest.approx(center + half, abs=1e-9)
        assert (share.low, share.high) == pytest.approx((low, high), abs=2e-5)
        assert share.value in share

    def test_covers_the_truth_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(0)
        for p in (0.01, 0.2, 0.7):
            counts = rng.binomial(200, p, 2000)
            kinds, times = np.unique(counts, return_counts=True)
            held = np.average([p in wilson(int(k), 200) for k in kinds], weights=times)
            assert 0.92 < held < 0.985

    def test_none_of_many_is_not_nothing(self) -> None:
        assert 0.01 < wilson(0, 100).high < 0.05
        assert "n = 100" in str(wilson(0, 100))

    @pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0), (1.5, 3), (True, 2)])
    def test_bad_counts(self, k: object, n: object) -> None:
        with pytest.raises(ValueError, match="successes"):
            wilson(k, n)

    @pytest.mark.parametrize("level", [0, 1, 95, math.nan, "much"])
    def test_bad_levels(self, level: object) -> None:
        with pytest.raises(ValueError, match="level"):
            wilson(1, 2, level)


class TestTokens:
    def test_by_hand(self) -> None:
        written, right = letters("abcd", "abxd", "bcda"), letters("abcd", "abcd", "abcd")
        assert exact_match(written, right).tolist() == [True, False, False]
        assert token_accuracy(written, right).tolist() == [1.0, 0.75, 0.0]
        assert edit_distance(written, right).tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("a", "b", "distance"),
        [
            ("kitten", "sittin", 2),
            ("sunday", "satday", 2),
            ("abcdef", "fedcba", 6),
            ("aaaaaa", "bbbbbb", 6),
            ("abcabc", "bcabca", 2),
        ],
    )
    def test_edit_distances_known(self, a: str, b: str, distance: int) -> None:
        assert edit_distance(letters(a), letters(b)).tolist() == [distance]

    def test_the_edit_distance_is_a_distance(self) -> None:
        rng = np.random.default_rng(0)
        a, b, c = rng.integers(0, 3, (3, 200, 5))
        ab, ba, bc, ac = (edit_distance(*p) for p in ((a, b), (b, a), (b, c), (a, c)))
        assert (ab == ba).all() and (ac <= ab + bc).all()
        assert ((ab == 0) == exact_match(a, b)).all()
        assert (ab <= (a != b).sum(1)).all()

    def test_stacks_share_the_right_answers(self) -> None:
        right = letters("ab", "cd")
        written = np.stack([right, letters("ab", "xx")])
        assert exact_match(written, right).tolist() == [[True, True], [True, False]]
        assert edit_distance(written, right).tolist() == [[0, 0], [0, 2]]

    def test_shapes_that_do_not_fit(self) -> None:
        for mark in (exact_match, token_accuracy, edit_distance):
            with pytest.raises(ValueError, match="shapes"):
                mark(letters("ab"), letters("abc"))
            with pytest.raises(ValueError, match="shapes"):
                mark([1, 2], [1, 2])


class TestProbabilities:
    log_p = np.log([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]])  # one example of two tokens

    def test_by_hand(self) -> None:
        right = [[0, 1]]
        assert log_loss(self.log_p, right) == pytest.approx([-(math.log(0.5) + math.log(0.8)) / 2])
        assert answer_probability(self.log_p, right) == pytest.approx([0.4])
        first, second = 0.25 + 0.0625 + 0.0625, 0.01 + 0.04 + 0.01
        assert brier(self.log_p, right) == pytest.approx([(first + second) / 2])

    def test_an_even_guess_and_certainty(self) -> None:
        even = np.full((1, 3, 10), -math.log(10))
        assert brier(even, [[1, 2, 3]]) == pytest.approx([0.9])
        assert log_loss(even, [[1, 2, 3]]) == pytest.approx([math.log(10)])
        sure = np.log(np.array([[[1 - 2e-12, 1e-12, 1e-12]]]))
        assert brier(sure, [[0]]) == pytest.approx([0], abs=1e-9)
        assert brier(sure, [[1]]) == pytest.approx([2])

    def test_shapes_that_do_not_fit(self) -> None:
        for mark in (log_loss, brier, answer_probability):
            with pytest.raises(ValueError, match="shapes"):
                mark(self.log_p, [[0, 1, 2]])


@pytest.fixture(scope="module")
def writer(corpus: Corpus, short_run: Run) -> Transformer:
    return train(short_run, corpus).model


class TestSample:
    def test_it_goes_on_from_the_prompt_and_depends_on_the_seed_alone(
        self, writer: Transformer
    ) -> None:
        text = sample(writer, "the ", 50)
        assert text.startswith("the ") and len(text) == 54
        assert sample(writer, "the ", 50) == text
        assert sample(writer, "the ", 50, seed=1) != text

    def test_no_tokens_leave_the_prompt(self, writer: Transformer) -> None:
        assert sample(writer, "the ", 0) == "the "

    def test_a_prompt_may_be_longer_than_the_context(self, writer: Transformer) -> None:
        assert len(sample(writer, "the cat sat on the mat", 5)) == 22 + 5

    def test_a_low_temperature_writes_the_likeliest_text_and_a_high_one_anything(
        self, writer: Transformer
    ) -> None:
        cold = {sample(writer, "the cat ", 8, temperature=1e-4, seed=s) for s in range(5)}
        assert len(cold) == 1
        hot = sample(writer, "the cat ", 200, temperature=1e4)
        assert len(set(hot)) > 60

    @pytest.mark.parametrize("temperature", [0, -1, math.nan])
    def test_the_temperature_must_be_above_zero(
        self, writer: Transformer, temperature: float
    ) -> None:
        with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
            sample(writer, temperature=temperature)

    def test_an_empty_prompt_and_a_negative_length_are_refused(self, writer: Transformer) -> None:
        with pytest.raises(ValueError, match="prompt must hold"):
            sample(writer, "")
        with pytest.raises(ValueError, match="tokens must be at least 0"):
            sample(writer, tokens=-1)

    def test_a_stack_of_several_is_refused(self) -> None:
        with pytest.raises(ValueError, match="the stack has 2 models"):
            sample(Transformer(TransformerConfig(8), [0, 1]))


@pytest.fixture(scope="module")
def task() -> Addition:
    return Addition(digits=2)


@pytest.fixture(scope="module")
def stack(task: Addition) -> Transformer:
    model = Transformer(
        TransformerConfig(8, context=task.example_length - 1, vocab_size=len(task.vocabulary)),
        [0, 1],
    )
    torch.manual_seed(0)
    torch.nn.init.normal_(model.head, std=0.5)
    return model


class TestModels:
    def test_greedy_answers_follow_the_likeliest_token(
        self, stack: Transformer, task: Addition
    ) -> None:
        prompts = task.make(300, 0)[:, : task.prompt_length]
        written = answers(stack, task, prompts)
        assert written.shape == (2, 300, task.example_length - task.prompt_length)
        whole = np.concatenate([prompts, written[1]], axis=1)
        log_p = log_probabilities(stack.one(1), whole, task.prompt_length)[0]
        assert (log_p.argmax(-1) == written[1]).all()

    def test_probabilities_sum_to_one_and_give_the_loss(
        self, stack: Transformer, task: Addition
    ) -> None:
        examples = task.make(50, 1)
        log_p = log_probabilities(stack, examples, task.prompt_length)
        assert np.exp(log_p).sum(-1) == pytest.approx(1)
        x = torch.from_numpy(examples.astype(np.int64))
        logits = stack.one(0)(x[:, :-1])[:, task.prompt_length - 1 :]
        expected = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), x[:, task.prompt_length :].flatten()
        )
        found = log_loss(log_p, examples[:, task.prompt_length :])[0].mean()
        assert found == pytest.approx(expected.item(), rel=1e-5)

    def test_draws_have_the_model_s_probabilities(self, stack: Transformer, task: Addition) -> None:
        prompt = task.make(1, 2)[:, : task.prompt_length]
        many = answers(stack, task, np.repeat(prompt, 4000, axis=0), temperature=1.0, seed=3)
        example = np.concatenate([prompt, many[0, :1]], axis=1)
        p = np.exp(log_probabilities(stack, example, task.prompt_length)[0, 0, 0])
        found = np.bincount(many[0, :, 0], minlength=len(p)) / 4000
        assert found == pytest.approx(p, abs=0.03)

    def test_draws_are_set_by_the_seed(self, stack: Transformer, task: Addition) -> None:
        prompts = task.make(20, 2)[:, : task.prompt_length]
        first, again, other = (
            answers(stack, task, prompts, temperature=1.0, seed=seed) for seed in (0, 0, 1)
        )
        assert (first == again).all() and (first != other).any()

    def test_marks_agree_with_their_parts(self, stack: Transformer, task: Addition) -> None:
        examples = task.make(40, 3)
        found = marks(stack, task, examples)
        written = answers(stack, task, examples[:, : task.prompt_length])
        assert (
            found.exact_match[0]
            == task.check(np.concatenate([examples[:, : task.prompt_length], written[0]], axis=1))
        ).all()
        assert set(found.means()) == {
            "exact_match",
            "token_accuracy",
            "edit_distance",
            "log_loss",
            "brier",
            "answer_probability",
        }
        assert found.means()["brier"].shape == (2,)
        assert found.share(1).n == 40

    def test_a_model_that_knows_is_marked_perfect(self) -> None:
        # A stand-in that looks the right token up, with working before the answer.
        task = Composition(length=3, steps=True)
        examples = task.make(30, 0)

        class Knows:
            stack = 1
            config = TransformerConfig(
                8, context=task.example_length - 1, vocab_size=len(task.vocabulary)
            )
            device = torch.device("cpu")

            def __call__(self, tokens: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
                prompts = tokens[0, :, : task.prompt_length].numpy()
                whole = np.concatenate([prompts, task.solve(prompts)], axis=1)
                next_ = torch.from_numpy(whole[:, 1 : tokens.shape[2] + 1].astype(np.int64))[
                    :, keep
                ]
                return 50.0 * torch.nn.functional.one_hot(next_, len(task.vocabulary))[None].float()

        found = marks(Knows(), task, examples)
        assert found.exact_match.all() and (found.edit_distance == 0).all()
        assert found.log_loss == pytest.approx(0, abs=1e-12)
        assert found.answer_probability == pytest.approx(1)

    def test_prompts_too_long(self, stack: Transformer, task: Addition) -> None:
        with pytest.raises(ValueError, match="context"):
            answers(stack, task, np.zeros((1, 40), np.uint8))

    def test_bad_temperatures_and_places(self, stack: Transformer, task: Addition) -> None:
        examples = task.make(1, 0)
        with pytest.raises(ValueError, match="temperature"):
            answers(stack, task, examples[:, : task.prompt_length], temperature=-1)
        with pytest.raises(ValueError, match="given"):
            log_probabilities(stack, examples, 0)
        with pytest.raises(ValueError, match="whole numbers"):
            answers(stack, task, np.zeros((0, 3), np.uint8))
        with pytest.raises(ValueError, match="examples of"):
            marks(stack, task, examples[:, :-1])


class TestGraded:
    def test_one_token_after_the_other(self) -> None:
        p = np.array([[[0.7, 0.3], [0.4, 0.6]], [[0.2, 0.8], [0.5, 0.5]]])[None]
        right = np.array([[0, 0], [1, 0]])
        found = graded(np.log(p), right)
        assert found.exact_match.tolist() == [[False, True]]
        assert found.token_accuracy.tolist() == [[0.5, 1.0]]
        assert found.edit_distance.tolist() == [[0.5, 0.0]]
        assert found.answer_probability == pytest.approx(np.array([[0.28, 0.4]]))
        assert found.log_loss == pytest.approx(-np.log([[0.28, 0.4]]) / 2)
        assert found.brier == pytest.approx(brier(np.log(p), right))

    def test_what_does_not_count_is_left_out(self) -> None:
        p = np.full((1, 3, 2, 4), 0.25)
        counted = np.array([[True, False], [False, False], [True, True]])
        found = graded(np.log(p), np.zeros((3, 2), int), counted)
        assert found.exact_match.shape == (1, 2)
        assert found.answer_probability == pytest.approx(np.array([[0.25, 0.0625]]))

    def test_what_does_not_fit_is_refused(self) -> None:
        log_p, right = np.log(np.full((1, 3, 2, 4), 0.25)), np.zeros((3, 2), int)
        with pytest.raises(ValueError, match="no token to be marked"):
            graded(log_p, right, np.zeros((3, 2), bool))
        with pytest.raises(ValueError, match="counted must be of shape"):
            graded(log_p, right, np.ones(2, bool))


class TestSharpness:
    def test_a_step_and_a_line(self) -> None:
        x = np.geomspace(1, 16, 33)
        assert sharpness(x, x > 4.1) == pytest.approx(1)
        assert sharpness(x, np.log(x)) == pytest.approx(1 / 4)
        assert sharpness(x, -3 * np.log(x)) == pytest.approx(1 / 4)

    def test_a_coarse_ladder_hides_a_step(self) -> None:
        assert sharpness([1, 8], [0, 1]) == pytest.approx(1 / 3)

    def test_no_change(self) -> None:
        assert np.isnan(sharpness([1, 2, 4], [1, 1, 1]))

    @pytest.mark.parametrize("x", [[1, 1.5], [2, 1, 8], [0, 1, 2], [1, 2]])
    def test_what_has_no_doubling_is_refused(self, x: list[float]) -> None:
        with pytest.raises(ValueError, match=r"above 0|of one shape"):
            sharpness(x, [0.0] * (len(x) + (x == [1, 2])))


class TestCrossing:
    def test_between_two_points(self) -> None:
        assert crossing([1, 4, 16], [0, 0.25, 0.75]) == pytest.approx(8)
        assert crossing([1, 4], [0.6, 0.7]) == 1
        assert crossing([1, 4], [0.1, 0.2]) == np.inf

    def test_shapes_must_fit(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            crossing([1, 2], [1])
