"""Letters with a known entropy rate: `scalinglaws.text.markov`."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from scipy.stats import entropy

from scalinglaws.text import Markov


class TestMarkov:
    def test_two_letters_by_hand(self) -> None:
        language = Markov(letters=2, order=1, concentration=1.0)
        a, b = language.table[0, 1], language.table[1, 0]
        share = np.array([b, a]) / (a + b)
        assert language.stationary == pytest.approx(share)
        rate = share[0] * entropy([a, 1 - a]) + share[1] * entropy([b, 1 - b])
        assert language.entropy_rate == pytest.approx(rate)
        assert language.conditional_entropies == pytest.approx([entropy(share), rate])

    def test_the_stationary_shares_against_an_eigenvector(self) -> None:
        language = Markov(letters=4, order=2)
        step = np.zeros((16, 16))
        for a, b, c in itertools.product(range(4), repeat=3):
            step[4 * a + b, 4 * b + c] = language.table[a, b, c]
        values, vectors = np.linalg.eig(step.T)
        vector = np.real(vectors[:, np.argmax(np.real(values))])
        assert language.stationary.ravel() == pytest.approx(vector / vector.sum(), abs=1e-9)
        rows = [entropy(row) for row in language.table.reshape(16, 4)]
        assert language.entropy_rate == pytest.approx(language.stationary.ravel() @ rows)

    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_a_long_text_agrees(self, order: int) -> None:
        language = Markov(letters=10, order=order)
        text = language.make(300_000, seed=0)
        losses = language.surprisal(text)
        assert losses.shape == (300_000 - order,)
        blocks = losses[: 1000 * (len(losses) // 1000)].reshape(-1, 1000).mean(axis=1)
        error = blocks.std() / np.sqrt(len(blocks))
        assert losses.mean() == pytest.approx(language.entropy_rate, abs=4.5 * error)
        assert error < 0.01

        counts = np.zeros((10,) * (order + 1))
        np.add.at(counts, tuple(text[i : len(text) - order + i] for i in range(order + 1)), 1)
        shares = counts / counts.sum()
        assert shares.sum(axis=-1) == pytest.approx(language.stationary, abs=0.01)
        frequent = counts.sum(axis=-1) > 2000
        rows = (counts / counts.sum(axis=-1, keepdims=True).clip(1))[frequent]
        assert rows == pytest.approx(language.table[frequent], abs=0.05)
        assert frequent.any()

    def test_entropy_of_short_blocks(self) -> None:
        language = Markov(letters=6, order=3)
        text = language.make(300_000, seed=1)
        before = 0.0
        for known in range(3):
            windows = np.lib.stride_tricks.sliding_window_view(text, known + 1)
            counts = np.bincount(windows @ 6 ** np.arange(known + 1))
            block = entropy(counts / counts.sum())
            assert language.conditional_entropies[known] == pytest.approx(block - before, abs=0.01)
            before = block

    def test_a_short_context_costs(self) -> None:
        language = Markov(order=3, letters=6)
        known = language.conditional_entropies
        assert (np.diff(known) < 0).all()
        assert language.best_loss(1) == known[1]
        assert language.best_loss(4) == pytest.approx((known[1] + known[2] + 2 * known[3]) / 4)
        assert language.best_loss(10_000) == pytest.approx(language.entropy_rate, abs=1e-3)
        with pytest.raises(ValueError, match="context must be at least 1"):
            language.best_loss(0)

    def test_windows_score_the_best_loss(self) -> None:
        """Bayes on windows that show the model nothing before their first letter."""
        language = Markov(letters=5, order=2)
        text = language.make(200_000, seed=2)
        windows = text[: 4 * 50_000].reshape(-1, 4)
        pairs = language.stationary / language.stationary.sum(axis=1, keepdims=True)
        losses = -np.log(
            np.stack(
                [
                    pairs[windows[:, 0], windows[:, 1]],
                    language.table[windows[:, 0], windows[:, 1], windows[:, 2]],
                    language.table[windows[:, 1], windows[:, 2], windows[:, 3]],
                ]
            )
        )
        assert losses.mean() == pytest.approx(language.best_loss(3), abs=0.01)

    def test_the_seeds_decide(self) -> None:
        language = Markov()
        assert np.array_equal(language.make(500, 1), Markov().make(500, 1))
        assert np.array_equal(language.make(100, 1), language.make(500, 1)[:100])
        assert not np.array_equal(language.make(500, 1), language.make(500, 2))
        assert not np.array_equal(language.table, Markov(seed=1).table)

    def test_text_survives_the_round_trip(self) -> None:
        language = Markov()
        text = language.make(5000, seed=0)
        assert text.dtype == np.uint8 and set(language.render(text)) <= set(
            "abcdefghijklmnopqrstuvwxyz "
        )
        for piece in np.split(text, 100):
            assert np.array_equal(language.encode(language.render(piece)), piece)

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_very_short_texts(self, n: int) -> None:
        assert Markov(order=3, letters=4).make(n, seed=0).shape == (n,)

    def test_a_corpus(self) -> None:
        language = Markov()
        corpus = language.corpus(3000, 1000, seed=1)
        assert (corpus.train.size, corpus.val.size, corpus.vocab_size) == (3000, 1000, 27)
        assert corpus.example_length is None and corpus.scored is None
        assert corpus.best_loss == language.entropy_rate
        assert language.corpus(10, 10, context=8).best_loss == language.best_loss(8)
        assert not np.array_equal(corpus.train[:1000], corpus.val)
        assert np.array_equal(language.corpus(9000, 1000, seed=1).val, corpus.val)

    def test_a_million_tokens_take_a_moment(self) -> None:
        start = time.process_time()
        Markov(order=3).make(1_000_000, seed=0)
        assert time.process_time() - start < 3

    @pytest.mark.parametrize(
        ("arguments", "saying"),
        [
            ({"letters": 28}, "letters must lie from 2 to 27"),
            ({"order": 0}, "order must lie from 1"),
            ({"order": 5}, "14,348,907|387,420,489"),
            ({"concentration": 0}, "concentration must be"),
        ],
    )
    def test_bad_arguments(self, arguments: dict, saying: str) -> None:
        with pytest.raises(ValueError, match=saying):
            Markov(**arguments)

    def test_strange_texts(self) -> None:
        with pytest.raises(ValueError, match="more than 2 tokens"):
            Markov().surprisal(np.array([1, 2]))
        with pytest.raises(ValueError, match="from 0 to 26"):
            Markov().surprisal(np.array([1, 2, 27]))
