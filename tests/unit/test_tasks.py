"""What holds for every task: `scalinglaws.text.task`.

What a task calls right is checked in the tests of its own file, against a second account of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from marking import answers_of, prompts_of, rate

from scalinglaws.text import (
    Addition,
    Cipher,
    Composition,
    FalseBelief,
    Induction,
    KnownEntropy,
    Memorise,
    ModularArithmetic,
    ShortSums,
    Task,
    Translation,
    Vocabulary,
)

ALL = [
    Addition(),
    Addition(digits=5, reverse=False),
    Addition(digits=4, scratchpad=True),
    Addition(digits=1, reverse=False, scratchpad=True),
    ModularArithmetic(),
    ModularArithmetic(13, "subtract"),
    ModularArithmetic(12, "multiply", train_share=0.3, seed=4),
    ModularArithmetic(13, "divide"),
    Composition(),
    Composition("S4", length=5, steps=True),
    Composition("S5", length=3),
    Composition("C7", length=6, steps=True),
    Induction(),
    Induction(shortest=2, longest=20, symbols=52, length=64),
    Induction(period=5),
    Memorise(),
    Memorise(keys=1000, digits=3, seed=5),
    Cipher(),
    Cipher(nouns=3, verbs=2, adjectives=2, clauses=3),
    FalseBelief(),
    FalseBelief(names=3, new_names=2, objects=1, places=3),
    ShortSums(),
    ShortSums(digits=5, known=3, anywhere=True),
    ShortSums(digits=4, known=2, reverse=False, scratchpad=True),
    Translation(),
    Translation(pairs=20, alone=0, nouns=5, adjectives=4, verbs=3, seed=2),
]


def every_task(law: Callable[[Any, Task], None]) -> Callable[[Any], None]:
    """Hold a law for each task, and name all tasks that break it."""

    def test(self: Any) -> None:
        broken = {}
        for task in ALL:
            try:
                law(self, task)
            except AssertionError as error:
                broken[str(task)] = str(error)
        assert not broken

    return test


def test_a_broken_law_names_the_tasks() -> None:
    @every_task
    def no_steps(self: Any, task: Task) -> None:
        assert not getattr(task, "steps", False)

    with pytest.raises(AssertionError, match=r"Composition\(group='S4'.*Composition\(group='C7'"):
        no_steps(None)


class TestEveryTask:
    @every_task
    def test_examples_are_bytes_of_the_stated_length(self, task: Task) -> None:
        examples = task.make(100, seed=0)
        assert examples.shape == (100, task.example_length) and examples.dtype == np.uint8
        assert examples.max() < len(task.vocabulary)
        assert 1 <= task.answer_length <= task.example_length - task.prompt_length

    @every_task
    def test_the_seed_alone_decides(self, task: Task) -> None:
        examples = task.make(200, seed=3)
        assert np.array_equal(examples, replace(task).make(200, seed=3))
        assert not np.array_equal(examples, task.make(200, seed=4))

    @every_task
    def test_text_survives_the_round_trip(self, task: Task) -> None:
        for example in task.make(50, seed=1):
            for piece in (example, example[task.prompt_length :]):
                back = task.encode(task.render(piece))
                assert back.dtype == np.uint8 and np.array_equal(back, piece)

    @every_task
    def test_any_order_of_tokens_can_be_read_back(self, task: Task) -> None:
        rng = np.random.default_rng(0)
        for _ in range(20):
            tokens = rng.integers(0, len(task.vocabulary), 40)
            assert np.array_equal(task.encode(task.render(tokens)), tokens)

    @every_task
    def test_the_truth_is_accepted(self, task: Task) -> None:
        examples = task.make(500, seed=2)
        assert task.check(examples).all() and task.check(examples[0]).shape == (1,)
        assert (task.token_accuracy(examples) == 1).all()
        solved = task.solve(prompts_of(task, examples))
        assert np.array_equal(solved, examples[:, task.prompt_length :])

    @every_task
    def test_any_wrong_token_in_the_answer_is_rejected(self, task: Task) -> None:
        truth = task.make(200, seed=5)
        scored = task.example_length - task.prompt_length
        for place in range(task.prompt_length, task.example_length):
            for step in {1, len(task.vocabulary) - 1}:
                wrong = truth.copy()
                wrong[:, place] = (wrong[:, place].astype(int) + step) % len(task.vocabulary)
                is_answer = place >= task.example_length - task.answer_length
                assert (task.check(wrong) == (not is_answer)).all()
                assert task.token_accuracy(wrong) == pytest.approx(1 - 1 / scored)

    @every_task
    def test_only_the_continuation_counts(self, task: Task) -> None:
        assert len(task.scored) == task.example_length - 1
        predicted = np.arange(1, task.example_length)
        assert task.scored == tuple((predicted >= task.prompt_length).tolist())

    @every_task
    def test_shortcuts_score_what_they_are_said_to(self, task: Task) -> None:
        n = 40_000
        examples = task.make(n, seed=6)
        for name, share in task.shortcuts.items():
            error = 4.5 * np.sqrt(share * (1 - share) / n)
            assert rate(task, name, examples) == pytest.approx(share, abs=error + 1e-12)

    @every_task
    def test_the_best_blind_guess_scores_chance(self, task: Task) -> None:
        n = 40_000
        answers = Counter(map(bytes, answers_of(task, task.make(n, seed=7))))
        ((_, best),) = answers.most_common(1)
        mean = task.chance * n
        # The most frequent answer of many equally likely ones lies a few errors above; one that
        # comes up less often than this says little.
        seen = max(mean, 200)
        assert best < seen + 5 * np.sqrt(seen)
        if mean > 200:
            assert best > mean - 4 * np.sqrt(mean)

    @every_task
    def test_a_corpus_holds_whole_examples(self, task: Task) -> None:
        corpus = task.corpus(300, 100, seed=1)
        assert corpus.train.size == 300 * task.example_length
        assert corpus.val.size == 100 * task.example_length
        assert task.check(corpus.train.reshape(300, -1)).all()
        assert task.check(corpus.val.reshape(100, -1)).all()
        assert corpus.vocab_size == len(corpus.vocabulary) == len(task.vocabulary)
        assert (corpus.example_length, corpus.scored) == (task.example_length, task.scored)
        assert corpus.best_loss == 0
        assert corpus == task.corpus(300, 100, seed=1) != task.corpus(300, 100, seed=2)

    @every_task
    def test_no_prompt_is_in_both_parts(self, task: Task) -> None:
        corpus = task.corpus(8_000, 2_000)
        train, val = (
            {row.tobytes() for row in prompts_of(task, part)} for part in (corpus.train, corpus.val)
        )
        if task.held_out:
            assert not train & val
        else:
            assert val <= train

    @every_task
    def test_a_longer_corpus_begins_with_the_shorter(self, task: Task) -> None:
        short, long = task.corpus(5_000, 500, seed=3), task.corpus(9_000, 500, seed=3)
        assert np.array_equal(short.train, long.train[: short.train.size])
        assert np.array_equal(short.val, long.val)

    @every_task
    def test_a_million_tokens_take_a_moment(self, task: Task) -> None:
        start = time.process_time()
        task.corpus(1_000_000 // task.example_length, 100)
        assert time.process_time() - start < 3

    @pytest.mark.parametrize("n", [0, -1, 2.5, True, "many"])
    def test_a_number_of_examples_is_asked_for(self, n: object) -> None:
        with pytest.raises(ValueError, match="n must be"):
            Addition().make(n, seed=0)
        with pytest.raises(ValueError, match="val must be"):
            Addition().corpus(10, n)

    @pytest.mark.parametrize("seed", [-1, 0.5, None, True])
    def test_a_seed_is_asked_for(self, seed: object) -> None:
        with pytest.raises(ValueError, match="seed must be"):
            Addition().make(1, seed)

    def test_what_is_no_example_is_refused(self) -> None:
        task = Addition()
        with pytest.raises(ValueError, match=r"shape \(n, 12\) here, got \(1, 8\)"):
            task.check(task.make(1, 0)[:, :8])
        with pytest.raises(ValueError, match="from 0 to 11"):
            task.check(np.full((1, 12), 12))
        with pytest.raises(ValueError, match="whole numbers"):
            task.check(np.zeros((1, 12)))
        with pytest.raises(ValueError, match="no shortcut 'luck' here; known: 'no carry'"):
            task.shortcut("luck", task.make(1, 0)[:, :8])

    def test_too_small_a_task_says_so(self) -> None:
        task = Composition("C2", length=2)
        refusals = 0
        for seed in range(8):  # each of the four prompts is for validation one time in ten
            try:
                corpus = task.corpus(10, 10, seed)
            except RuntimeError as error:
                assert "part: make the task bigger" in str(error)
                refusals += 1
            else:
                train, val = (prompts_of(task, part) for part in (corpus.train, corpus.val))
                assert not set(map(bytes, train)) & set(map(bytes, val))
        assert 1 < refusals < 8


@dataclass(frozen=True)
class RunningSum(Task):
    """Digits and the last digit of their sum: "472=3", which is predicted on the way, too.

    After each digit stands the sum so far: the targets are ".413=3", where "." is never asked for.
    """

    digits: int = 3
    most: int = 9

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(tuple("0123456789="))

    @property
    def prompt_length(self) -> int:
        return self.digits + 1

    @property
    def example_length(self) -> int:
        return self.digits + 2

    @property
    def chance(self) -> float:
        return 0.1

    @property
    def scored(self) -> tuple[bool, ...]:
        return (True,) * (self.example_length - 1)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        prompts = rng.integers(0, 10, (n, self.prompt_length))
        prompts[:, -1] = 10
        return prompts

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        return prompts[:, :-1].sum(axis=1, keepdims=True, dtype=int) % 10

    def _targets(self, examples: np.ndarray) -> np.ndarray:
        targets = examples.astype(int)
        targets[:, 1:-1] = targets[:, :-2].cumsum(axis=1) % (self.most + 1)
        return targets


class TestOtherTargets:
    def test_they_stand_where_the_next_token_would(self) -> None:
        task = RunningSum()
        corpus = task.corpus(200, 50)
        for part in ("train", "val"):
            windows, targets = corpus.windows(part, 4), corpus.targets(part, 4)
            assert targets.shape == windows.shape and targets.dtype == np.uint8
            for read, wanted in zip(windows[:, :-1], targets[:, 1:], strict=True):
                *digits, equals = task.render(read)
                sums = [sum(map(int, digits[: i + 1])) % 10 for i in range(3)]
                assert equals == "=" and wanted.tolist() == [*sums, sums[-1]]
        assert corpus.scored == (True,) * 4

    def test_the_examples_stay_what_they_are(self) -> None:
        task = RunningSum()
        assert task.check(task.corpus(200, 50).train.reshape(200, -1)).all()
        assert task.render(task.solve(task.encode("472="))[0]) == "3"

    def test_other_targets_are_another_corpus(self) -> None:
        assert RunningSum().corpus(200, 50) == RunningSum().corpus(200, 50)
        assert RunningSum().corpus(200, 50) != RunningSum(most=1).corpus(200, 50)

    @every_task
    def test_all_shipped_tasks_predict_the_next_token(self, task: Task) -> None:
        corpus = task.corpus(50, 20)
        assert corpus.targets("train", task.example_length - 1) is None

    def test_targets_are_tokens_in_the_places_of_the_examples(self) -> None:
        with pytest.raises(ValueError, match="go from 0 to 10"):
            RunningSum(most=30).corpus(200, 50)

        class TooShort(RunningSum):
            def _targets(self, examples: np.ndarray) -> np.ndarray:
                return examples[:, 1:]

        with pytest.raises(ValueError, match=r"shape \(n, 5\) here, got \(200, 4\)"):
            TooShort().corpus(200, 50)


class TestFields:
    def test_numbers_of_other_kinds_become_plain_ones(self) -> None:
        task = Memorise(keys=np.int64(20), seed=np.uint8(3))
        assert str(task) == str(Memorise(keys=20, seed=3)) and type(task.seed) is int
        language = KnownEntropy(noise=np.float32(0.25))
        assert type(language.noise) is float and language == KnownEntropy(noise=0.25)


class TestVocabulary:
    def test_a_token_is_a_byte(self) -> None:
        assert len(Vocabulary(tuple(map(str, range(256))))) == 256
        with pytest.raises(ValueError, match="has 257: ask for fewer"):
            Vocabulary(tuple(map(str, range(257))))

    @pytest.mark.parametrize("symbols", [("a", "a"), ("a", " a"), ("a", "")])
    def test_texts_must_differ(self, symbols: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="a text of its own"):
            Vocabulary(symbols)

    def test_the_longest_text_wins(self) -> None:
        assert Vocabulary(("1", "11", "+")).encode("11+1").tolist() == [1, 2, 0]

    def test_strange_text_is_refused(self) -> None:
        with pytest.raises(ValueError, match="begins 'x=4'"):
            Addition().encode("12x=4")
        with pytest.raises(TypeError, match="got int"):
            Addition().encode(12)

    @pytest.mark.parametrize("tokens", [[[1, 2]], [12], [-1]])
    def test_strange_tokens_are_refused(self, tokens: list) -> None:
        with pytest.raises(ValueError, match="render takes"):
            Addition().render(np.array(tokens))
