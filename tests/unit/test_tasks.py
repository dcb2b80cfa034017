"""Tasks with a known right answer: `scalinglaws.text`.

What a task calls right is checked against a second account of it that reads the rendered text.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scalinglaws.text import (
    Addition,
    Cipher,
    Composition,
    FalseBelief,
    Induction,
    Memorise,
    ModularArithmetic,
    Task,
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
]
every_task = pytest.mark.parametrize("task", ALL, ids=str)


def prompts_of(task: Task, tokens: np.ndarray) -> np.ndarray:
    return tokens.reshape(-1, task.example_length)[:, : task.prompt_length]


def answers_of(task: Task, examples: np.ndarray) -> np.ndarray:
    return examples[:, -task.answer_length :]


def rate(task: Task, name: str, examples: np.ndarray) -> float:
    """Measured exact-match rate of a shortcut."""
    return hits(task, name, examples).mean()


def hits(task: Task, name: str, examples: np.ndarray) -> np.ndarray:
    given = task.shortcut(name, prompts_of(task, examples))
    assert given.dtype == np.uint8
    return (given == answers_of(task, examples)).all(axis=1)


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
        n = 100_000
        answers = answers_of(task, task.make(n, seed=7))
        best = np.unique(answers, axis=0, return_counts=True)[1].max()
        mean = task.chance * n
        if mean > 500:  # else the most frequent answer of a sample says little
            # The most frequent answer of many equally likely ones lies a few errors above.
            assert mean - 4 * np.sqrt(mean) < best < mean + 5 * np.sqrt(mean)
        else:
            assert best < 900

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
        corpus = task.corpus(20_000, 5_000)
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
        start = time.perf_counter()
        task.corpus(1_000_000 // task.example_length, 100)
        assert time.perf_counter() - start < 3

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
        for seed in range(20):  # each of the four prompts is for validation one time in ten
            try:
                corpus = task.corpus(10, 10, seed)
            except RuntimeError as error:
                assert "part: make the task bigger" in str(error)
                refusals += 1
            else:
                train, val = (prompts_of(task, part) for part in (corpus.train, corpus.val))
                assert not set(map(bytes, train)) & set(map(bytes, val))
        assert 5 < refusals < 20


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


class TestAddition:
    @pytest.mark.parametrize("reverse", [True, False])
    @pytest.mark.parametrize("digits", [1, 3, 12])
    def test_sums_are_right(self, digits: int, reverse: bool) -> None:
        task = Addition(digits, reverse)
        for example in task.make(300, seed=0):
            a, b, total = re.split(r"[+=]", task.render(example))
            assert len(a) == len(b) == digits and len(total) == digits + 1
            assert int(a) + int(b) == int(total[::-1] if reverse else total)

    def test_the_scratchpad_carries(self) -> None:
        task = Addition(3, scratchpad=True)
        solved = task.solve(task.encode("347+285="))
        assert task.render(solved[0]) == "12,13,06:2360"
        solved = Addition(3, reverse=False, scratchpad=True).solve(task.encode("999+001="))
        assert task.render(solved[0]) == "10,10,10:1000"

    def test_chance_is_the_most_frequent_sum(self) -> None:
        sums = Counter(a + b for a in range(100) for b in range(100))
        assert Addition(2).chance == pytest.approx(max(sums.values()) / 10_000)

    def test_forgetting_to_carry(self) -> None:
        right = sum(
            a % 10 + b % 10 < 10 and a // 10 + b // 10 < 10
            for a, b in itertools.product(range(100), repeat=2)
        )
        assert Addition(2).shortcuts["no carry"] == pytest.approx(right / 10_000)

    def test_a_prompt_needs_two_numbers(self) -> None:
        task = Addition(2)
        with pytest.raises(ValueError, match="example 0: both numbers"):
            task.solve(task.encode("1=+34="))


class TestModularArithmetic:
    @pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide"])
    def test_results_are_right(self, operation: str) -> None:
        task = ModularArithmetic(13, operation)
        for example in np.concatenate(task.split()):
            a, sign, b, _, c = task.render(example).split()
            expected = f"{c} * {b} - {a}" if sign == "/" else f"{a} {sign} {b} - {c}"
            assert eval(expected) % 13 == 0

    @pytest.mark.parametrize("operation", ["add", "divide"])
    def test_the_split_is_a_partition(self, operation: str) -> None:
        task = ModularArithmetic(11, operation, train_share=0.3)
        pairs = 11 * (10 if operation == "divide" else 11)
        train, val = task.split()
        assert len(train) == round(0.3 * pairs) and len(train) + len(val) == pairs
        assert len(np.unique(np.concatenate([train, val]), axis=0)) == pairs
        for corpus in (task.corpus(), task.corpus(seed=8)):
            for part, rows in ((corpus.train, train), (corpus.val, val)):
                assert np.array_equal(
                    np.unique(part.reshape(-1, 5), axis=0), np.unique(rows, axis=0)
                )
                assert part.size == rows.size
        assert task.corpus() != task.corpus(seed=8)

    def test_the_tasks_own_seed_draws_the_split(self) -> None:
        splits = [ModularArithmetic(11, seed=seed).split()[0] for seed in (0, 0, 1)]
        assert np.array_equal(splits[0], splits[1])
        assert not np.array_equal(splits[0], splits[2])

    def test_several_passes(self) -> None:
        task = ModularArithmetic(5, train_share=0.4)
        counts = np.unique(task.corpus(25).train.reshape(-1, 5), axis=0, return_counts=True)[1]
        assert sorted(counts) == [2] * 5 + [3] * 5

    @pytest.mark.parametrize("operation", ["add", "multiply", "divide"])
    def test_chance_is_the_most_frequent_result(self, operation: str) -> None:
        task = ModularArithmetic(7, operation)
        results = Counter(np.concatenate(task.split())[:, -1].tolist())
        assert task.chance == pytest.approx(max(results.values()) / results.total())

    def test_division_by_zero(self) -> None:
        task = ModularArithmetic(7, "divide")
        with pytest.raises(ValueError, match="division by 0"):
            task.solve(task.encode("3 / 0 ="))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"modulus": 1}, "modulus must lie from 2"),
            ({"modulus": 300}, "to 254, got 300"),
            ({"operation": "power"}, "operation must be one of add"),
            ({"operation": "divide", "modulus": 91}, "91 is not prime"),
            ({"train_share": 1.0}, "below 1"),
            ({"train_share": 0.0}, "leaves one part"),
            ({"train_share": "half"}, "must be a number"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            ModularArithmetic(**arguments)


class TestComposition:
    @pytest.mark.parametrize("group", ["S2", "S3", "S4", "S5"])
    def test_products_move_things_from_left_to_right(self, group: str) -> None:
        direct, stepwise = Composition(group, 6), Composition(group, 6, steps=True)
        examples = direct.make(200, seed=0)
        steps = stepwise.make(200, seed=0)
        for example, worked in zip(examples, steps, strict=True):
            *moves, _, answer = direct.render(example).split()
            things, partial = list("12345")[: len(moves[0])], []
            for move in moves:
                things = [things[int(place) - 1] for place in move]
                partial.append("".join(things))
            assert answer == partial[-1]
            assert stepwise.render(worked).split("= ")[1].split() == partial[1:]

    def test_cyclic_groups_add(self) -> None:
        task = Composition("C10", 4, steps=True)
        assert task.render(task.solve(task.encode("7 8 9 5 ="))[0]) == "5 4 9"

    @pytest.mark.parametrize("group", ["S3", "S4", "C9"])
    def test_the_table_is_a_group(self, group: str) -> None:
        table = Composition(group).table
        size = len(table)
        everything = np.arange(size)
        assert np.array_equal(table[0], everything) and np.array_equal(table[:, 0], everything)
        assert all(np.array_equal(np.sort(row), everything) for row in (*table, *table.T))
        a, b, c = np.random.default_rng(0).integers(0, size, (3, 500))
        assert np.array_equal(table[table[a, b], c], table[a, table[b, c]])

    @pytest.mark.parametrize("group", ["S6", "C1", "C201", "A5", "S", 3])
    def test_unknown_groups(self, group: object) -> None:
        with pytest.raises(ValueError, match="one of S2 to S5 or C2 to C200"):
            Composition(group)


class TestInduction:
    def test_runs_repeat_with_every_period(self) -> None:
        task = Induction()
        periods = Counter()
        for example in task.make(4500, seed=0):
            text = task.render(example)
            period = text.index(text[0], 1)
            assert len(set(text[:period])) == period
            assert all(text[i] == text[i - period] for i in range(period, len(text)))
            periods[period] += 1
        assert set(periods) == set(range(4, 13))
        assert all(abs(count - 500) < 110 for count in periods.values())

    def test_the_prompt_shows_the_period_and_no_more(self) -> None:
        task = Induction(shortest=12)
        prompts = prompts_of(task, task.make(100, seed=0))
        assert (prompts[:, 0] == prompts[:, -1]).all()
        assert all(len(set(row)) == 12 for row in prompts.tolist())

    def test_a_fixed_period_falls_to_the_shortcut(self) -> None:
        assert Induction(period=7).shortcuts == {"fixed distance": 1.0}
        assert Induction(4, 12).shortcuts["fixed distance"] == pytest.approx(3 / 9)
        assert Induction(7, 12).shortcuts["fixed distance"] == pytest.approx(1 / 6)

    @pytest.mark.parametrize(("shortest", "longest", "length"), [(2, 3, 6), (2, 4, 6), (3, 4, 9)])
    def test_chance_against_all_examples(self, shortest: int, longest: int, length: int) -> None:
        task = Induction(shortest, longest, symbols=4, length=length)
        shares: Counter = Counter()
        for period in range(shortest, longest + 1):
            runs = list(itertools.permutations(range(4), period))
            for run in runs:
                text = (run * length)[:length]
                share = 1 / len(runs) / (longest - shortest + 1)
                shares[text[task.prompt_length :]] += share
        assert task.chance == pytest.approx(max(shares.values()))

    def test_a_prompt_without_a_period(self) -> None:
        task = Induction(2, 3, symbols=5, length=6)
        with pytest.raises(ValueError, match="no period shows"):
            task.solve(task.encode("abcd"))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"longest": 27}, "longest must lie from 2 to 26"),
            ({"shortest": 13}, "shortest must lie from 2 to 12"),
            ({"length": 13}, "length must lie from 14"),
            ({"period": 3}, "period must lie from 4 to 12"),
            ({"period": "fixed"}, "period must be a whole number"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            Induction(**arguments)


class TestMemorise:
    def test_a_key_keeps_its_number(self) -> None:
        task = Memorise(keys=700, digits=4)
        facts = dict(task.render(row).split("=") for row in task.make(5000, seed=0))
        assert len(facts) == 700
        assert all(
            facts[key] == number
            for key, number in (task.render(row).split("=") for row in task.make(5000, seed=1))
        )

    def test_the_tasks_own_seed_draws_the_table(self) -> None:
        keys = Memorise(seed=0).make(10, seed=0)
        assert not Memorise(seed=1).check(keys).any()

    def test_numbers_are_those_of_the_table(self) -> None:
        task = Memorise(keys=30, digits=3)
        for row in task.make(30, seed=0):
            key, number = task.render(row).split("=")
            place = "abcdefghijklmnopqrstuvwxyz".index
            digits = task.table[26 * place(key[0]) + place(key[1])]
            assert number == "".join(map(str, digits))
        assert len(np.unique(task.table, axis=0)) > 20

    def test_one_pass_shows_each_key_once(self) -> None:
        task = Memorise(keys=256)
        corpus = task.corpus(1024, 256)
        assert len(np.unique(corpus.val.reshape(256, -1), axis=0)) == 256
        counts = np.unique(corpus.train.reshape(1024, -1), axis=0, return_counts=True)[1]
        assert counts.tolist() == [4] * 256

    def test_chance_counts_equal_numbers(self) -> None:
        task = Memorise(keys=50, digits=1)
        numbers = Counter(task.table[:, 0].tolist())
        assert task.chance == max(numbers.values()) / 50

    def test_unknown_keys(self) -> None:
        task = Memorise(keys=20)
        with pytest.raises(ValueError, match="no such key"):
            task.solve(task.encode("z="))
        with pytest.raises(ValueError, match="written in letters"):
            task.solve(task.encode("1="))


class TestCipher:
    def test_a_second_translator_agrees(self) -> None:
        task = Cipher(clauses=2)
        vocabulary = [word.strip() for word in task.vocabulary.symbols]
        nouns = set(vocabulary[: task.nouns])
        joint = vocabulary[task._words - 1]
        for example in task.make(300, seed=0):
            source, target = task.render(example).split(" = ")
            translated = []
            for clause in source.split(f" {joint} "):
                words = clause.split()
                if words[0] in nouns:
                    subject, verb, adjective, thing = words
                    order = [subject, thing, adjective, verb]
                else:
                    adjective, subject, verb, thing = words
                    order = [subject, adjective, thing, verb]
                translated.append(" ".join(task.dictionary[word] for word in order))
            assert target == f" {task.dictionary[joint]} ".join(translated)

    def test_the_languages_share_no_word(self) -> None:
        words = Cipher(nouns=60, verbs=30, adjectives=30).dictionary
        assert len(words) == len(set(words.values())) == 121
        assert not set(words) & set(words.values())

    def test_the_seed_draws_the_words(self) -> None:
        assert Cipher(seed=0).dictionary == Cipher(seed=0).dictionary != Cipher(seed=1).dictionary

    def test_word_by_word_gets_a_quarter_of_the_tokens(self) -> None:
        task = Cipher()
        examples = task.make(20_000, seed=1)
        examples[:, task.prompt_length :] = task.shortcut(
            "word by word", prompts_of(task, examples)
        )
        assert not task.check(examples).any()
        assert task.token_accuracy(examples).mean() == pytest.approx(0.25, abs=0.01)

    def test_chance_against_all_sentences(self) -> None:
        task = Cipher(nouns=2, verbs=1, adjectives=2)
        answers = np.unique(answers_of(task, task.make(4000, seed=0)), axis=0)
        assert task.chance == pytest.approx(1 / len(answers))

    def test_only_the_first_language_is_translated(self) -> None:
        task = Cipher(nouns=2, verbs=1, adjectives=1)
        backwards = task.make(1, seed=0)[:, ::-1][:, : task.prompt_length]
        with pytest.raises(ValueError, match="first language"):
            task.solve(backwards)

    def test_too_many_words(self) -> None:
        with pytest.raises(ValueError, match="more than the 126 words"):
            Cipher(nouns=100, verbs=20, adjectives=7)


def believed(story: str) -> str:
    """The answer to a story, from its text alone."""
    *told, question = re.split(r"(?<=[.?]) ", story.rsplit("?", 1)[0] + "?")
    people = told[0].removesuffix(" are here.").split()
    first = now = re.search(r"in (the \w+)\.", told[1])[1]
    belief = dict.fromkeys(people, first)
    away = set()
    for sentence in told[2:]:
        who, does, *rest = sentence.removesuffix(".").split()
        match does:
            case "leaves":
                away.add(who)
            case "returns":
                away.discard(who)
            case "moves":
                now = " ".join(rest[-2:])
                belief |= {person: now for person in people if person not in away}
            case "tells":
                belief[rest[0]] = belief[who]
    if asked := re.match(r"Where will (\w+) look", question):
        return belief[asked[1]]
    return first if question.startswith("Where was") else now


class TestFalseBelief:
    task = FalseBelief()
    stories = task.make(20_000, seed=0)

    def test_a_story(self) -> None:
        story = (
            "Ben Anna Cleo are here. Cleo puts the ball in the box. Anna leaves for the yard. "
            "Ben moves it to the jar. Cleo hums a song. Anna returns from the yard. "
        )
        for question, answer in (
            ("Where will Anna look?", "the box"),
            ("Where will Ben look?", "the jar"),
            ("Where will Cleo look?", "the jar"),
            ("Where is the ball now?", "the jar"),
            ("Where was the ball first?", "the box"),
        ):
            assert (
                self.task.render(self.task.solve(self.task.encode(story + question))[0]) == answer
            )
            assert believed(f"{story}{question} ") == answer

    @pytest.mark.parametrize("probe", [None, *FalseBelief.PROBES])
    def test_a_second_reader_agrees(self, probe: str | None) -> None:
        stories = self.stories[:1500] if probe is None else self.task.probe(probe, 500, seed=1)
        for tokens in stories:
            story = self.task.render(tokens)
            assert story.rsplit("? ", 1)[1] == believed(story)

    def test_kinds_come_in_the_stated_shares(self) -> None:
        kinds = self.task.kinds(self.stories)
        assert sum(FalseBelief.SHARES.values()) == pytest.approx(1)
        for kind, share in FalseBelief.SHARES.items():
            assert (kinds == kind).mean() == pytest.approx(share, abs=0.015)

    @pytest.mark.parametrize("name", FalseBelief().shortcuts)
    def test_a_shortcut_solves_some_kinds_and_fails_at_the_others(self, name: str) -> None:
        right = hits(self.task, name, self.stories)
        kinds = self.task.kinds(self.stories)
        solved = [kind for kind in FalseBelief.SHARES if right[kinds == kind].all()]
        failed = [kind for kind in FalseBelief.SHARES if not right[kinds == kind].any()]
        assert len(solved) + len(failed) == len(FalseBelief.SHARES)
        share = sum(FalseBelief.SHARES[kind] for kind in solved)
        assert self.task.shortcuts[name] == pytest.approx(share) and failed

    def test_first_and_last_place_split_the_stories(self) -> None:
        first, last = (hits(self.task, f"{x} place", self.stories) for x in ("first", "last"))
        assert (first != last).all()
        assert self.task.shortcuts["first place"] == self.task.shortcuts["last place"] == 0.5

    def test_the_same_events_come_with_different_answers(self) -> None:
        """Neither which sentences a story has nor its kind of question gives the answer away."""
        kinds = self.task.kinds(self.stories)
        prompts = prompts_of(self.task, self.stories)
        events = prompts[:, 12:27:4]
        will_look = self.task.encode(" will look")[0]
        for first, last in (("false", "other"), ("false", "true"), ("memory", "reality")):
            a, b = (
                {row.tobytes() for row in np.sort(events[kinds == kind], axis=1)}
                for kind in (first, last)
            )
            assert a & b
        asks_will = prompts[:, 28] == will_look
        assert asks_will[np.isin(kinds, ["false", "true", "other", "told"])].all()
        assert not asks_will[np.isin(kinds, ["memory", "reality"])].any()

    @pytest.mark.parametrize("part", ["train", "val"])
    def test_new_names_stay_in_the_background(self, part: str) -> None:
        corpus = self.task.corpus(5000, 1000)
        prompts = prompts_of(self.task, getattr(corpus, part))
        new = [self.task.encode(name)[0] for name in ("Ines", "Jon", "Kaya", "Leo")]
        goes_or_moves = self.task.encode(" leaves for moves it to returns from")
        asked = prompts[:, 29][prompts[:, 28] == self.task.encode(" will")[0]]
        assert np.isin(prompts[:, :3], new).any(), "they are there,"
        assert not np.isin(asked, new).any(), "not asked about,"
        for at in range(11, 27, 4):
            acting = np.isin(prompts[:, at + 1], goes_or_moves)
            assert not np.isin(prompts[acting, at], new).any(), "and neither leave nor move things"
        probe = self.task.probe("new names", 500, seed=0)
        left = self.task.encode(" leaves for")[0]
        leavers = probe[:, 11:27:4][probe[:, 12:27:4] == left]
        assert np.isin(leavers, new).all()

    def test_probes_are_new(self) -> None:
        word = self.task.vocabulary.number
        verbs = {
            probe: self.task.probe(probe, 2000, seed=0)[:, 12:27:4] for probe in FalseBelief.PROBES
        }
        moves = {name: (v == word[" moves it to"]).sum(axis=1) for name, v in verbs.items()}
        assert (moves["two moves"] == 2).all() and (moves["told later"] == 1).all()
        assert (verbs["told later"][:, 3] == word[" tells"]).all()
        kinds = self.task.kinds(self.stories)
        told = self.stories[kinds == "told"][:, 12:27:4]
        assert (told[:, 2] == word[" tells"]).all() and (told[:, 3] != word[" tells"]).all()
        assert ((self.stories[:, 12:27:4] == word[" moves it to"]).sum(axis=1) == 1).all()

    @pytest.mark.parametrize("probe", FalseBelief.PROBES)
    def test_shortcuts_on_probes(self, probe: str) -> None:
        stories = self.task.probe(probe, 40_000, seed=2)
        for name, share in self.task.probe_shares(probe).items():
            assert rate(self.task, name, stories) == pytest.approx(share, abs=0.012)

    def test_three_answers_of_two_moves_are_equally_frequent(self) -> None:
        stories = self.task.probe("two moves", 9000, seed=0)
        first = hits(self.task, "first place", stories)
        last = hits(self.task, "last place", stories)
        assert not (first & last).any()
        assert (~first & ~last).mean() == pytest.approx(1 / 3, abs=0.02)

    def test_probes_are_determined_by_seed(self) -> None:
        a, b, c = (self.task.probe("two moves", 20, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(a, b) and not np.array_equal(a, c)

    def test_unknown_probe(self) -> None:
        with pytest.raises(ValueError, match="probe must be one of new names, two moves"):
            self.task.probe("three moves", 1, seed=0)
        with pytest.raises(ValueError, match="probe must be"):
            self.task.probe_shares("")

    def test_strangers_are_refused(self) -> None:
        story = self.task.render(prompts_of(self.task, self.stories)[0])
        names = re.findall("Anna|Ben|Cleo|Dan|Eva|Finn|Gita|Hugo|Ines|Jon|Kaya|Leo", story)
        absent = next(x for x in ("Anna", "Ben", "Cleo", "Dan") if x not in names)
        changed = re.sub(r"\w+ (leaves|moves)", rf"{absent} \1", story)
        with pytest.raises(ValueError, match="one of the three people"):
            self.task.solve(self.task.encode(changed))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"names": 2}, "names must lie from 3"),
            ({"names": 10, "new_names": 8}, "may be 16 together"),
            ({"places": 2}, "places must lie from 3"),
            ({"objects": 0}, "objects must lie from 1"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            FalseBelief(**arguments)
