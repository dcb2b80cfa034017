"""Facts of every rarity: `scalinglaws.text.known_entropy`.

What is said to be exact is held against hand calculations, sums over all cases and simulations.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.stats import entropy, multinomial

from scalinglaws.text import KnownEntropy, zipf


def letter_losses(language: KnownEntropy, counts: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """True loss on each fact of a learner that has seen letters so often.

    `counts` has shape (..., keys, values) and `truth`, the right values, (..., keys).
    """
    wrong = language.noise / language.values
    right = language.right
    belief = (right / wrong) ** (counts - counts.max(axis=-1, keepdims=True)).astype(float)
    belief /= belief.sum(axis=-1, keepdims=True)
    predicted = wrong + (right - wrong) * belief
    actual = np.where(np.arange(language.values) == truth[..., None], right, wrong)
    return -(actual * np.log(predicted)).sum(axis=-1)


class TestZipf:
    def test_ratios_are_a_power_of_the_rank(self) -> None:
        p = zipf(100, 0.5)
        assert p.sum() == pytest.approx(1)
        assert p[3] / p[0] == pytest.approx(1 / 8) and p[99] / p[24] == pytest.approx(1 / 8)


class TestKnownEntropy:
    def test_the_entropy_of_the_recipe(self) -> None:
        """16 values and 10 % noise, drawn from all values: 0.565 nats."""
        right = 0.9 + 0.1 / 16
        by_hand = -right * log(right) - 15 * (0.1 / 16) * log(0.1 / 16)
        assert KnownEntropy().best_loss == pytest.approx(by_hand)
        assert round(by_hand, 3) == 0.565

    def test_without_noise_nothing_is_uncertain(self) -> None:
        language = KnownEntropy(noise=0)
        assert language.best_loss == 0 and language.learning_curve.tolist() == [log(16)]
        assert language.check(language.make(500, seed=0)).all()

    def test_letters_have_the_stated_entropy(self) -> None:
        language = KnownEntropy(keys=50, values=5, noise=0.4)
        examples = language.make(200_000, seed=0)
        right = language.check(examples)
        share = language.right
        assert share == pytest.approx(0.6 + 0.4 / 5)
        assert right.mean() == pytest.approx(share, abs=0.005)
        losses = np.where(right, -log(share), -log(0.4 / 5))
        assert losses.mean() == pytest.approx(language.best_loss, abs=4.5 * losses.std() / 447)
        wrong = examples[~right, -1]
        truth = language.solve(examples[~right, : language.prompt_length])[:, 0]
        offsets = np.bincount((wrong.astype(int) - truth) % 5, minlength=5)
        assert offsets[0] == 0 and offsets[1:] / len(wrong) == pytest.approx(0.25, abs=0.01)

    def test_facts_come_up_with_their_frequencies(self) -> None:
        language = KnownEntropy(keys=8, alpha=1.0, base=2)
        examples = language.make(100_000, seed=1)
        keys = [language.render(row).split("=")[0] for row in examples[:3]]
        assert all(len(key) == 3 and set(key) <= {"0", "1"} for key in keys)
        numbers = examples[:, :3] @ np.array([4, 2, 1])
        shares = np.bincount(numbers, minlength=8) / len(examples)
        assert shares[language.numbers] == pytest.approx(language.frequencies, abs=0.007)
        assert entropy(shares) == pytest.approx(language.key_entropy, abs=0.02)

    @pytest.mark.parametrize("values", [2, 3])
    @pytest.mark.parametrize("noise", [0.05, 0.45])
    def test_the_learning_curve_against_all_sequences(self, values: int, noise: float) -> None:
        language = KnownEntropy(values=values, noise=noise)
        for seen in range(6):
            total = 0.0
            for letters in itertools.product(range(values), repeat=seen):
                counts = np.bincount(letters, minlength=values)[None]
                wrong = noise / values
                likelihood = language.right ** counts[0, 0] * wrong ** (seen - counts[0, 0])
                total += likelihood * letter_losses(language, counts, np.array([0]))[0]
            assert language.learning_curve[seen] + language.best_loss == pytest.approx(total)

    def test_the_first_sighting_by_hand(self) -> None:
        language = KnownEntropy(values=7, noise=0.2)
        curve = language.learning_curve
        assert curve[0] + language.best_loss == pytest.approx(log(7))
        assert (np.diff(curve) < 0).all()

    def test_nothing_is_left_to_learn(self) -> None:
        cases = [(values, noise, 1e-8) for values in (2, 5, 16, 26) for noise in (0.1, 0.3)]
        for values, noise, left in [*cases, (2, 0.49, 1e-5), (26, 0.49, 1e-5)]:
            curve = KnownEntropy(values=values, noise=noise).learning_curve
            assert curve.min() >= 0, (values, noise)
            assert curve.sum() == pytest.approx(log(values), abs=left), (values, noise)
            assert curve[-1] < left, (values, noise)  # the last step goes down to nothing

    def test_missing_mass_by_hand(self) -> None:
        language = KnownEntropy(keys=3, alpha=1.0)
        p = np.array([36, 9, 4]) / 49
        for examples in (0, 1, 2, 50):
            by_hand = sum(q * (1 - q) ** examples for q in p)
            assert language.missing_mass(examples) == pytest.approx(by_hand)

    def test_without_noise_the_loss_is_the_missing_mass(self) -> None:
        language = KnownEntropy(keys=500, noise=0)
        examples = np.array([[0, 1], [30, 4000]])
        expected = log(16) * language.missing_mass(examples)
        assert language.expected_loss(examples) == pytest.approx(expected)
        assert expected.shape == (2, 2)

    @pytest.mark.parametrize("examples", [10, 300])
    @pytest.mark.parametrize("noise", [0.1, 0.4])
    def test_expected_loss_against_simulated_learners(self, examples: int, noise: float) -> None:
        language = KnownEntropy(keys=60, alpha=0.5, values=4, noise=noise)
        rng = np.random.default_rng(0)
        repeats = 3000
        truth = rng.integers(0, 4, (repeats, 60))
        seen = multinomial(examples, language.frequencies).rvs(repeats, random_state=rng)
        wrong = noise / 4
        chances = np.where(np.arange(4) == truth[..., None], language.right, wrong)
        losses = letter_losses(language, rng.multinomial(seen, chances), truth)
        losses = losses @ language.frequencies
        error = losses.std() / np.sqrt(repeats)
        assert float(language.expected_loss(examples)) == pytest.approx(
            losses.mean(), abs=4 * error
        )
        assert error < 0.01

    def test_a_learner_that_reads_examples(self) -> None:
        """The same through `make` and the tokens: what a model would be given."""
        language = KnownEntropy(keys=200, values=8, noise=0.2, base=6)
        losses = []
        for seed in range(60):
            examples = language.make(400, seed).astype(int)
            numbers = examples[:, :3] @ np.array([36, 6, 1])
            ranks = language.numbers.argsort()[numbers]
            counts = np.zeros((200, 8), dtype=int)
            np.add.at(counts, (ranks, examples[:, -1] - 6), 1)
            losses.append(letter_losses(language, counts, language.facts) @ language.frequencies)
        error = np.std(losses) / np.sqrt(60)
        assert float(language.expected_loss(400)) == pytest.approx(np.mean(losses), abs=4 * error)

    @pytest.mark.parametrize("alpha", [0.5, 1.0])
    def test_many_facts_show_the_asymptotic_exponents(self, alpha: float) -> None:
        language = KnownEntropy(keys=1_000_000, alpha=alpha)
        examples = np.array([1e4, 1e5])
        excess = language.expected_loss(examples) - language.best_loss
        slope = -np.diff(np.log(excess))[0] / log(10)
        assert language.data_exponent == pytest.approx(alpha / (1 + alpha))
        assert slope == pytest.approx(language.data_exponent, abs=0.02)
        excess = language.loss_of_table(np.array([100, 1000])) - language.best_loss
        slope = -np.diff(np.log(excess))[0] / log(10)
        assert slope == pytest.approx(language.size_exponent, abs=0.03)

    def test_few_facts_run_out(self) -> None:
        """With a thousand facts the loss falls much faster than the exponent says."""
        language = KnownEntropy(keys=1000)
        excess = language.expected_loss(np.array([1e4, 1e5])) - language.best_loss
        assert -np.diff(np.log(excess))[0] / log(10) > 2 * language.data_exponent

    def test_the_loss_of_a_table_by_hand(self) -> None:
        language = KnownEntropy(keys=3, alpha=1.0)
        gain = log(16) - language.best_loss
        losses = language.loss_of_table([0, 1, 2, 3])
        assert losses == pytest.approx(language.best_loss + gain * np.array([49, 13, 4, 0]) / 49)
        for facts in (-1, 4, 1.5):
            with pytest.raises(ValueError, match="from 0 to 3"):
                language.loss_of_table(facts)

    def test_chance_is_the_most_frequent_value(self) -> None:
        language = KnownEntropy(keys=30, values=3, noise=0)
        letters = language.make(50_000, seed=0)[:, -1]
        assert language.chance == pytest.approx(np.bincount(letters).max() / 50_000, abs=0.01)

    def test_the_truth_is_accepted_and_the_rest_rejected(self) -> None:
        language = KnownEntropy()
        prompts = language.make(300, seed=0)[:, : language.prompt_length]
        right = np.concatenate([prompts, language.solve(prompts)], axis=1)
        assert language.check(right).all() and (language.token_accuracy(right) == 1).all()
        for value in range(16):
            wrong = right.copy()
            wrong[:, -1] = language.base + value
            assert np.array_equal(language.check(wrong), wrong[:, -1] == right[:, -1])

    def test_text_survives_the_round_trip(self) -> None:
        for language in (KnownEntropy(), KnownEntropy(base=36, values=26, keys=2000)):
            for row in language.make(50, seed=0):
                assert np.array_equal(language.encode(language.render(row)), row)

    def test_the_seeds_decide(self) -> None:
        language = KnownEntropy(keys=500)
        assert np.array_equal(language.make(50, 1), replace(language).make(50, 1))
        assert not np.array_equal(language.make(50, 1), language.make(50, 2))
        other = replace(language, seed=1)
        assert not np.array_equal(language.facts, other.facts)
        assert not np.array_equal(language.numbers, other.numbers)

    def test_a_corpus(self) -> None:
        language = KnownEntropy(keys=100)
        corpus = language.corpus(2000, 500)
        assert corpus.best_loss == language.best_loss
        assert corpus.example_length == language.example_length == 4
        assert corpus.scored == (False, False, True)
        train, val = (part.reshape(-1, 4) for part in (corpus.train, corpus.val))
        assert language.check(train).mean() == pytest.approx(language.right, abs=0.03)
        keys = [{row.tobytes() for row in part[:, :2]} for part in (train, val)]
        assert len(keys[0] & keys[1]) > 40, "the same facts are measured"
        assert (train[:500] != val).any(axis=1).mean() > 0.5, "drawn independently"
        longer = language.corpus(5000, 500)
        assert np.array_equal(longer.train[: corpus.train.size], corpus.train)

    def test_a_million_tokens_take_a_moment(self) -> None:
        start = time.process_time()
        KnownEntropy(keys=1_000_000).corpus(125_000, 1000)
        assert time.process_time() - start < 3

    def test_unknown_keys(self) -> None:
        with pytest.raises(ValueError, match="a number below 50"):
            KnownEntropy(keys=50).solve(KnownEntropy(keys=50).encode("50="))

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"keys": 1}, "keys must lie from 2"),
            ({"alpha": 0}, "alpha must be at least 0.01"),
            ({"values": 27}, "values must lie from 2 to 26"),
            ({"noise": 0.5}, "noise must be at least 0 and below 0.5"),
            ({"noise": float("nan")}, "noise must be"),
            ({"base": 1}, "base must lie from 2"),
            ({"seed": -1}, "seed must be"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            KnownEntropy(**arguments)

    def test_fewer_than_no_examples(self) -> None:
        with pytest.raises(ValueError, match="at least 0"):
            KnownEntropy().expected_loss([10, -1])
