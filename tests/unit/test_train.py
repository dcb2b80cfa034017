"""One training run: `scalinglaws.train`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from scalinglaws.corpora import Corpus
from scalinglaws.model import ModelConfig, Transformer
from scalinglaws.runs import COLUMNS
from scalinglaws.train import (
    Run,
    Trained,
    batches,
    default_batch,
    default_lr,
    evaluate,
    one_thread,
    orthogonalize,
    pick_device,
    sample,
    schedule,
    train,
)

TINY = ModelConfig(width=8, context=8)


def unigram_entropy(tokens: np.ndarray) -> float:
    """The loss of the best model that ignores all context, in nats per token."""
    share = np.bincount(tokens) / tokens.size
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


@pytest.fixture(scope="module")
def trained(corpus: Corpus, short_run: Run) -> Trained:
    return train(short_run, corpus)


class TestRun:
    def test_steps_and_flops_follow_from_tokens(self) -> None:
        run = Run(TINY, tokens=10_000, batch=4)
        assert run.steps == 10_000 // (4 * 8)
        assert run.flops == 10_000 * TINY.flops_per_token("total")

    def test_what_is_left_out_is_filled_in(self) -> None:
        run = Run(TINY, tokens=10_000)
        assert run.batch == default_batch(10_000, 8) == 16
        assert run.lr == default_lr(8)
        assert Run(TINY, tokens=10_000, batch=16, lr=default_lr(8)) == run

    def test_whole_numbers_may_be_written_as_floats_or_come_from_numpy(self) -> None:
        plain = Run(TINY, tokens=100_000, seed=3, batch=4, unique_tokens=1_000)
        same = Run(TINY, tokens=1e5, seed=np.int64(3), batch=np.int64(4), unique_tokens=1e3)
        assert same == plain and type(same.tokens) is type(same.seed) is int
        assert Run(TINY, tokens=np.float64(1e5), lr=np.float64(0.1)) == Run(TINY, 100_000, lr=0.1)

    @pytest.mark.parametrize(
        ("tokens", "context", "per_step"),
        [(1_000, 32, 128), (2**18, 32, 128), (2**20, 32, 256), (2**24, 32, 1024), (2**18, 8, 128)],
    )
    def test_steps_grow_with_the_root_of_a_long_run(
        self, tokens: int, context: int, per_step: int
    ) -> None:
        assert default_batch(tokens, context) * context == per_step

    def test_a_step_holds_one_sequence_at_least(self) -> None:
        assert default_batch(1_000, 4_096) == 1

    def test_wider_models_learn_more_slowly(self) -> None:
        for optimizer in ("adamw", "muon"):
            rates = [default_lr(width, optimizer) for width in (8, 16, 32, 64, 128)]
            assert rates == sorted(rates, reverse=True)

    @pytest.mark.parametrize("value", [1.5, "1000", None, math.nan, math.inf, True])
    def test_tokens_must_be_a_whole_number(self, value: Any) -> None:
        with pytest.raises(ValueError, match="tokens must be a whole number"):
            Run(TINY, tokens=value)

    @pytest.mark.parametrize("name", ["batch", "unique_tokens"])
    @pytest.mark.parametrize("value", [1.5, "4", math.nan, True])
    def test_counts_must_be_whole_numbers(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            Run(TINY, tokens=1_000, **{name: value})

    @pytest.mark.parametrize("name", ["tokens", "batch", "unique_tokens"])
    @pytest.mark.parametrize("value", [0, -1])
    def test_counts_start_at_one(self, name: str, value: int) -> None:
        with pytest.raises(ValueError, match=f"{name} must be at least 1"):
            Run(TINY, **{"tokens": 1_000} | {name: value})

    @pytest.mark.parametrize("seed", [-1, 1.0, None, "0", True])
    def test_the_seed_must_be_a_whole_number(self, seed: Any) -> None:
        with pytest.raises(ValueError, match="seed must be a whole number"):
            Run(TINY, tokens=1_000, seed=seed)

    @pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf, "0.1", True])
    def test_the_rate_must_be_a_positive_number(self, lr: Any) -> None:
        with pytest.raises(ValueError, match=r"lr must be a (positive )?number"):
            Run(TINY, tokens=1_000, lr=lr)

    @pytest.mark.parametrize("name", ["warmup", "cooldown"])
    @pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "0.1", None])
    def test_shares_lie_between_0_and_1(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{name} (is a share|must be a number)"):
            Run(TINY, tokens=1_000, **{name: value})

    def test_warmup_and_cooldown_may_meet_but_not_overlap(self) -> None:
        Run(TINY, tokens=1_000, warmup=0.7, cooldown=0.3)
        with pytest.raises(ValueError, match="overlap"):
            Run(TINY, tokens=1_000, warmup=0.8, cooldown=0.3)

    def test_one_step_must_fit_into_the_tokens(self) -> None:
        Run(TINY, tokens=32, batch=4)
        with pytest.raises(ValueError, match="4 sequences of 8 are 32, got 31"):
            Run(TINY, tokens=31, batch=4)

    def test_one_window_must_fit_into_the_unique_tokens(self) -> None:
        Run(TINY, tokens=1_000, unique_tokens=9)
        with pytest.raises(ValueError, match="more than one context of 8"):
            Run(TINY, tokens=1_000, unique_tokens=8)

    @pytest.mark.parametrize("optimizer", ["sgd", None, "AdamW"])
    def test_other_optimisers_are_refused(self, optimizer: Any) -> None:
        with pytest.raises(ValueError, match="'adamw' or 'muon'"):
            Run(TINY, tokens=1_000, optimizer=optimizer)

    def test_a_number_is_no_model(self) -> None:
        with pytest.raises(TypeError, match="must be a ModelConfig, got int"):
            Run(8, tokens=1_000)


class TestSchedule:
    @pytest.mark.parametrize(
        ("steps", "warmup", "cooldown", "values"),
        [
            (4, 0, 0, [1, 1, 1, 1]),
            (4, 0.5, 0, [1 / 2, 1, 1, 1]),
            (4, 0, 0.5, [1, 1, 1, 1 / 2]),
            (5, 0.4, 0.6, [1 / 2, 1, 1, 2 / 3, 1 / 3]),
            (3, 1, 0, [1 / 3, 2 / 3, 1]),
            (3, 0, 1, [1, 2 / 3, 1 / 3]),
            (1, 0.5, 0.5, [1]),
        ],
    )
    def test_it_rises_stays_and_falls(
        self, steps: int, warmup: float, cooldown: float, values: list[float]
    ) -> None:
        got = [schedule(step, steps, warmup, cooldown) for step in range(steps)]
        assert got == pytest.approx(values)

    @pytest.mark.parametrize("steps", [1, 2, 7, 100, 1_001])
    def test_it_never_reaches_zero_or_passes_one(self, steps: int) -> None:
        got = [schedule(step, steps, 0.02, 0.3) for step in range(steps)]
        assert min(got) > 0 and max(got) <= 1


class TestBatches:
    @staticmethod
    def windows(tokens: np.ndarray, run: Run) -> list[tuple[int, ...]]:
        """Every sequence that the run trains on, in order."""
        return [tuple(row) for batch in batches(tokens, run) for row in batch.tolist()]

    def test_each_epoch_holds_every_window_once(self) -> None:
        tokens = np.arange(81, dtype=np.uint8)  # ten windows of 8 tokens and the one after
        run = Run(TINY, tokens=8 * 35, batch=5)
        seen = self.windows(tokens, run)
        assert len(seen) == 35
        expected = {tuple(range(start, start + 9)) for start in range(0, 80, 8)}
        epochs = [seen[start : start + 10] for start in (0, 10, 20)]
        assert all(set(epoch) == expected for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) == 3, "each epoch has an order of its own"
        assert len(set(seen[30:])) == 5

    def test_a_batch_that_spans_two_epochs_keeps_the_rule(self) -> None:
        seen = self.windows(np.arange(81, dtype=np.uint8), Run(TINY, tokens=8 * 30, batch=3))
        counts = [seen[: 3 * step] for step in range(1, 11)]
        for so_far in counts:
            times = [so_far.count(window) for window in set(so_far)]
            assert max(times) - (min(times) if len(times) == 10 else 0) <= 1

    def test_batches_hold_the_context_and_the_token_to_predict(self) -> None:
        run = Run(TINY, tokens=320, batch=4)
        made = list(batches(np.arange(100, dtype=np.uint8), run))
        assert len(made) == run.steps == 10
        assert all(batch.shape == (4, 9) and batch.dtype == torch.int64 for batch in made)

    def test_no_token_beyond_the_unique_ones_is_used(self) -> None:
        run = Run(TINY, tokens=8 * 50, batch=5, unique_tokens=30)
        seen = np.unique(self.windows(np.arange(200, dtype=np.uint8), run))
        assert seen.tolist() == list(range(25)), "three windows of 8, and the token after"

    def test_the_seed_alone_sets_the_order(self) -> None:
        tokens = np.arange(200, dtype=np.uint8)
        run = Run(TINY, tokens=160, batch=5)
        assert self.windows(tokens, run) == self.windows(tokens, run)
        other = self.windows(tokens, replace(run, seed=1))
        assert self.windows(tokens, run) != other

    def test_more_unique_tokens_than_there_are_is_refused(self) -> None:
        run = Run(TINY, tokens=1_000, unique_tokens=201)
        with pytest.raises(ValueError, match="unique_tokens is 201, but the corpus has only 200"):
            list(batches(np.zeros(200, dtype=np.uint8), run))


class TestOrthogonalize:
    def test_singular_values_come_close_to_one(self) -> None:
        stack = torch.randn(3, 12, 32, 32, generator=torch.Generator().manual_seed(0))
        values = torch.linalg.svdvals(orthogonalize(stack))
        assert values.shape == (3, 12, 32)
        # The smallest of a random matrix start near 0 and are still on their way.
        assert values.max() < 1.25
        assert values.quantile(0.1) > 0.6
        assert values.median() == pytest.approx(0.95, abs=0.25)

    def test_a_matrix_with_like_singular_values_stays_within_the_known_range(self) -> None:
        rng = torch.Generator().manual_seed(0)
        u, _, v = torch.linalg.svd(torch.randn(5, 16, 16, generator=rng))
        spread = u * torch.linspace(0.2, 1, 16) @ v
        values = torch.linalg.svdvals(orthogonalize(spread))
        assert values.min() > 0.65 and values.max() < 1.25

    def test_the_size_of_the_gradient_does_not_matter(self) -> None:
        g = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(orthogonalize(1e4 * g), orthogonalize(g), rtol=1e-3, atol=1e-3)

    def test_each_matrix_of_a_stack_is_treated_alone(self) -> None:
        stack = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
        alone = torch.stack([orthogonalize(g) for g in stack])
        torch.testing.assert_close(orthogonalize(stack), alone, rtol=1e-3, atol=1e-4)

    def test_it_keeps_the_singular_directions(self) -> None:
        g = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
        u, _, v = torch.linalg.svd(g)
        turned = u.T @ orthogonalize(g) @ v.T
        off = turned - torch.diag(turned.diagonal())
        assert off.abs().max() < 1e-3 and (turned.diagonal() > 0).all()

    def test_no_gradient_gives_no_update(self) -> None:
        assert not orthogonalize(torch.zeros(2, 8, 8)).any()


class TestTrain:
    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    @pytest.mark.parametrize("shifted", [True, False])
    def test_the_model_learns_more_than_how_often_each_letter_comes(
        self, corpus: Corpus, optimizer: str, shifted: bool
    ) -> None:
        model = replace(TINY, shift=shifted)
        got = train(Run(model, tokens=20_000, optimizer=optimizer), corpus)
        assert got.status == "ok"
        assert got.loss < unigram_entropy(corpus.val) / 2 < math.log(128) / 2
        assert 0 < got.loss_std < 0.1

    def test_longer_training_gives_a_lower_loss(self, corpus: Corpus, trained: Trained) -> None:
        shorter = train(replace(trained.run, tokens=2_000), corpus)
        assert trained.loss < shorter.loss - 3 * (trained.loss_std + shorter.loss_std)

    def test_a_run_is_the_same_to_the_last_bit(self, corpus: Corpus, trained: Trained) -> None:
        again = train(trained.run, corpus)
        assert again.loss == trained.loss and again.loss_std == trained.loss_std
        assert np.array_equal(again.curve_loss, trained.curve_loss)
        for name, weights in trained.model.named_parameters():
            assert torch.equal(weights, again.model.get_parameter(name))

    def test_the_number_of_threads_makes_no_difference(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        before = torch.get_num_threads()
        torch.set_num_threads(3 - min(before, 2))
        try:
            assert train(trained.run, corpus).loss == trained.loss
        finally:
            torch.set_num_threads(before)

    def test_another_seed_gives_another_run(self, corpus: Corpus, trained: Trained) -> None:
        assert train(replace(trained.run, seed=1), corpus).loss != trained.loss

    def test_the_generator_of_torch_is_left_alone(self, corpus: Corpus, short_run: Run) -> None:
        before = torch.get_rng_state()
        train(replace(short_run, tokens=1_000), corpus)
        assert torch.equal(before, torch.get_rng_state())

    def test_the_curve_covers_the_run(self, trained: Trained) -> None:
        run = trained.run
        assert trained.curve_tokens[-1] == run.steps * run.batch * run.model.context
        assert np.all(np.diff(trained.curve_tokens) > 0)
        assert trained.curve_loss.shape == trained.curve_tokens.shape
        assert trained.curve_loss[0] == pytest.approx(math.log(128), abs=0.5)
        assert trained.curve_loss[-5:].mean() == pytest.approx(trained.loss, abs=0.3)

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_the_schedule_rules_every_learning_rate(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, optimizer: str
    ) -> None:
        monkeypatch.setattr("scalinglaws.train.schedule", lambda *_: 0.0)
        still = train(Run(TINY, tokens=2_000, optimizer=optimizer), corpus)
        for name, weights in Transformer(TINY, seed=0).named_parameters():
            assert torch.equal(weights, still.model.get_parameter(name))

    def test_the_first_loss_is_that_of_guessing(self, corpus: Corpus) -> None:
        one_step = train(Run(TINY, tokens=128), corpus)
        assert one_step.curve_loss[0] == pytest.approx(math.log(128), rel=1e-5)

    def test_the_loss_is_measured_on_the_validation_part(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        assert (trained.loss, trained.loss_std) == evaluate(trained.model, corpus.val)

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_a_run_that_bursts_has_no_loss(self, corpus: Corpus, optimizer: str) -> None:
        burst = train(Run(TINY, tokens=8_000, lr=1e12, optimizer=optimizer), corpus)
        assert burst.status == "diverged"
        assert math.isnan(burst.loss) and math.isnan(burst.loss_std)
        assert str(burst).endswith("diverged") and "nan" not in str(burst)
        assert burst.row()["status"] == "diverged" and math.isnan(burst.row()["loss"])

    def test_a_loss_that_is_infinite_only_in_validation_is_no_loss_either(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("scalinglaws.train.evaluate", lambda *_: (math.inf, math.nan))
        burst = train(Run(TINY, tokens=256), corpus)
        assert burst.status == "diverged" and math.isnan(burst.loss)

    def test_a_burst_run_stops_early(self, corpus: Corpus) -> None:
        burst = train(Run(TINY, tokens=100_000, lr=1e12), corpus)
        assert burst.curve_tokens[-1] < 20_000

    def test_progress_is_told_about_a_hundred_times(self, corpus: Corpus) -> None:
        told: list[tuple[int, float]] = []
        got = train(Run(TINY, tokens=40_000), corpus, progress=lambda *entry: told.append(entry))
        assert told == list(zip(got.curve_tokens, got.curve_loss, strict=True))
        assert 95 <= len(told) <= 110

    def test_the_bar_ends_at_the_flops_of_the_run(
        self, corpus: Corpus, trained: Trained, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shown = train(trained.run, corpus, progress=True)
        assert shown.loss == trained.loss
        printed = capsys.readouterr()
        assert printed.out == "" and "FLOP" in printed.err

    def test_nothing_is_shown_unless_asked(
        self, corpus: Corpus, capsys: pytest.CaptureFixture[str]
    ) -> None:
        train(Run(TINY, tokens=1_000), corpus)
        printed = capsys.readouterr()
        assert printed.out == printed.err == ""

    def test_the_model_is_ready_to_use(self, trained: Trained) -> None:
        assert not trained.model.training
        assert all(
            not p.requires_grad and p.device.type == "cpu" for p in trained.model.parameters()
        )

    def test_the_row_has_the_columns_of_the_table(self, corpus: Corpus, trained: Trained) -> None:
        row = trained.row()
        assert list(row) == list(COLUMNS)
        assert row["params"] == TINY.params("with_head")
        assert row["params_non_embedding"] == TINY.params("non_embedding")
        assert row["params_total"] == TINY.params("total")
        assert row["flops"] == trained.run.flops
        assert row["loss"] == trained.loss and row["loss_std"] == trained.loss_std
        assert row["corpus"] == corpus.fingerprint
        assert row["unique_tokens"] is None and row["device"] == "cpu"
        assert row["seconds"] > 0

    def test_it_can_be_read(self, trained: Trained) -> None:
        assert f"loss {trained.loss:.3f}" in str(trained)

    def test_a_vocabulary_that_is_too_small_is_refused(self, corpus: Corpus) -> None:
        run = Run(replace(TINY, vocab_size=64), tokens=1_000)
        with pytest.raises(ValueError, match="vocab_size=128"):
            train(run, corpus)

    def test_more_unique_tokens_than_there_are_is_refused(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="sentences has only"):
            train(Run(TINY, tokens=1_000, unique_tokens=10**9), corpus)

    def test_a_corpus_shorter_than_the_context_is_refused(self) -> None:
        short = Corpus("short", np.zeros(8, np.uint8), np.zeros(100, np.uint8), 128)
        with pytest.raises(ValueError, match="shorter than one context of 8"):
            train(Run(TINY, tokens=1_000), short)

    def test_a_failing_progress_function_is_not_hidden(self, corpus: Corpus) -> None:
        def fail(tokens: int, loss: float) -> None:
            raise RuntimeError("from the progress function")

        with pytest.raises(RuntimeError, match="from the progress function"):
            train(Run(TINY, tokens=1_000), corpus, progress=fail)


class TestEvaluate:
    def test_a_model_that_knows_nothing_has_the_loss_of_guessing(self, corpus: Corpus) -> None:
        loss, noise = evaluate(Transformer(TINY), corpus.val)
        assert loss == pytest.approx(math.log(128), rel=1e-6)
        assert noise == pytest.approx(0, abs=1e-6)

    def test_it_is_the_mean_over_all_windows_if_there_are_few(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        tokens = corpus.val[: 8 * 40 + 1]
        windows = torch.tensor([tokens[8 * i : 8 * i + 9].tolist() for i in range(40)])
        logits = trained.model(windows[:, :-1])
        picked = logits.log_softmax(-1).gather(-1, windows[:, 1:, None]).squeeze(-1)
        per_window = -picked.double().mean(1)
        loss, noise = evaluate(trained.model, tokens)
        assert loss == pytest.approx(per_window.mean().item(), rel=1e-5)
        assert noise == pytest.approx(per_window.std().item() / math.sqrt(40), rel=1e-4)

    def test_the_limit_bounds_the_windows_and_spreads_them(self, trained: Trained) -> None:
        halves = np.repeat(np.array([ord("t"), ord("q")], dtype=np.uint8), 8_000)
        first, _ = evaluate(trained.model, halves[:8_000])
        second, _ = evaluate(trained.model, halves[8_000:])
        both, _ = evaluate(trained.model, halves, limit=80)
        assert min(first, second) + 0.1 < both < max(first, second) - 0.1

    def test_one_window_has_no_standard_error(self, corpus: Corpus, trained: Trained) -> None:
        loss, noise = evaluate(trained.model, corpus.val[:9])
        assert math.isfinite(loss) and math.isnan(noise)

    def test_too_few_tokens_are_refused(self, corpus: Corpus, trained: Trained) -> None:
        with pytest.raises(ValueError, match="more than 8 tokens, got 8"):
            evaluate(trained.model, corpus.val[:8])


class TestDevice:
    def test_by_default_it_is_a_card_if_there_is_one(self) -> None:
        assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")

    def test_the_one_named_is_taken(self) -> None:
        assert pick_device("cpu") == torch.device("cpu")

    @pytest.mark.parametrize("device", ["abacus", "", "cuda:99"])
    def test_one_that_is_not_there_is_refused(self, device: str) -> None:
        with pytest.raises(ValueError, match="cannot be used on this machine"):
            pick_device(device)

    def test_training_refuses_it_too(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="say 'cpu'"):
            train(Run(TINY, tokens=1_000), corpus, device="cuda:99")


class TestThreads:
    def test_as_many_as_before_are_left_even_after_an_error(self) -> None:
        before = torch.get_num_threads()
        with pytest.raises(KeyError), one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == before


class TestSample:
    def test_it_goes_on_from_the_prompt_and_depends_on_the_seed_alone(
        self, trained: Trained
    ) -> None:
        text = sample(trained.model, "the ", 50)
        assert text.startswith("the ") and len(text) == 54
        assert sample(trained.model, "the ", 50) == text
        assert sample(trained.model, "the ", 50, seed=1) != text

    def test_no_tokens_leave_the_prompt(self, trained: Trained) -> None:
        assert sample(trained.model, "the ", 0) == "the "

    def test_a_prompt_may_be_longer_than_the_context(self, trained: Trained) -> None:
        assert len(sample(trained.model, "the cat sat on the mat", 5)) == 22 + 5

    def test_a_low_temperature_writes_the_likeliest_text_and_a_high_one_anything(
        self, trained: Trained
    ) -> None:
        cold = {sample(trained.model, "the cat ", 8, temperature=1e-4, seed=s) for s in range(5)}
        assert len(cold) == 1
        hot = sample(trained.model, "the cat ", 200, temperature=1e4)
        assert len(set(hot)) > 60

    @pytest.mark.parametrize("temperature", [0, -1, math.nan])
    def test_the_temperature_must_be_above_zero(self, trained: Trained, temperature: float) -> None:
        with pytest.raises(ValueError, match="temperature must be above 0"):
            sample(trained.model, temperature=temperature)

    def test_an_empty_prompt_and_a_negative_length_are_refused(self, trained: Trained) -> None:
        with pytest.raises(ValueError, match="prompt must hold"):
            sample(trained.model, "")
        with pytest.raises(ValueError, match="tokens must be at least 0"):
            sample(trained.model, tokens=-1)
