"""Training runs, alone and together: `scalinglaws.training`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from scalinglaws.learners import (
    BfloatTransformerConfig,
    Learner,
    LSTMConfig,
    NgramConfig,
    Transformer,
    TransformerConfig,
)
from scalinglaws.runs import COLUMNS, store
from scalinglaws.text import Corpus
from scalinglaws.training import default_lr
from scalinglaws.training.optim import Optimizer, orthogonalize
from scalinglaws.training.run import (
    Run,
    batch_sizes,
    data_order,
    lockstep,
    ration_of,
    reading_order,
    schedule,
    windows_in,
    workload,
)
from scalinglaws.training.stack import (
    Trained,
    evaluate,
    evaluate_ensemble,
    half_precision,
    one_thread,
    pick_device,
    token_losses,
    train,
    train_together,
)

TINY = TransformerConfig(width=8, context=8)


def unigram_entropy(tokens: np.ndarray) -> float:
    """The loss of the best model that ignores all context, in nats per token."""
    share = np.bincount(tokens) / tokens.size
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def measured_on(tokens: np.ndarray) -> Corpus:
    """A corpus with this validation part."""
    return Corpus("a part", np.zeros(100, np.uint8), tokens, 128)


def examples(count: int = 600, scored: tuple[bool, ...] | None = (False, False, True)) -> Corpus:
    """Three random letters and the one that follows the third in the alphabet."""
    rng = np.random.default_rng(0)
    letters = rng.integers(16, size=(count, 4), dtype=np.uint8)
    letters[:, 3] = (letters[:, 2] + 1) % 16
    train, val = letters[: count // 2].ravel(), letters[count // 2 :].ravel()
    return Corpus("successors", train, val, 16, example_length=4, scored=scored, best_loss=0.0)


@pytest.fixture(scope="module")
def few(corpus: Corpus) -> Corpus:
    """The same with fewer tokens to measure on, for where many runs are compared."""
    return Corpus("few", corpus.train, corpus.val[:2_001], 128)


@pytest.fixture(scope="module")
def trained(corpus: Corpus, short_run: Run) -> Trained:
    return train(short_run, corpus)


class TestRun:
    def test_steps_and_flops_follow_from_tokens(self) -> None:
        run = Run(TINY, tokens=10_000, batch=4)
        assert run.steps == math.ceil(10_000 / (4 * 8))
        assert run.flops == 10_000 * TINY.flops_per_token("total")

    def test_what_is_left_out_is_filled_in(self) -> None:
        run = Run(TINY, tokens=10_000)
        assert run.lr == default_lr(8)
        assert Run(TINY, tokens=10_000, lr=default_lr(8)) == run
        muon = Run(TINY, tokens=10_000, optimizer="muon")
        assert muon.lr == default_lr(8, "muon") != run.lr

    def test_another_model_takes_its_own_rate_when_asked_anew(self) -> None:
        wide = TransformerConfig(width=32, context=8)
        run = Run(TINY, tokens=10_000)
        assert replace(run, model=wide, lr=None) == Run(wide, tokens=10_000)
        assert replace(run, model=wide).lr == run.lr, "what is said is kept"

    def test_tokens_are_whole_contexts(self) -> None:
        run = Run(TINY, tokens=10_007)
        assert run.tokens == 10_000 and run == Run(TINY, tokens=10_000)
        assert batch_sizes(run).sum() * 8 == run.tokens
        assert run.flops == 10_000 * TINY.flops_per_token("total")

    def test_whole_numbers_may_be_written_as_floats_or_come_from_numpy(self) -> None:
        plain = Run(TINY, tokens=100_000, seed=3, batch=4, unique_tokens=1_000)
        same = Run(TINY, tokens=1e5, seed=np.int64(3), batch=np.int64(4), unique_tokens=1e3)
        assert same == plain and type(same.tokens) is type(same.seed) is int
        assert Run(TINY, tokens=np.float64(1e5), lr=np.float64(0.1)) == Run(TINY, 100_000, lr=0.1)

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
        with pytest.raises(ValueError, match="lr must be a finite number above 0"):
            Run(TINY, tokens=1_000, lr=lr)

    @pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "0.1", None])
    def test_the_cooldown_lies_between_0_and_1(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"cooldown (is a share|must be a (finite )?number)"):
            Run(TINY, tokens=1_000, cooldown=value)

    @pytest.mark.parametrize("value", [0.5, math.nan, "100", None, True])
    def test_the_warmup_is_a_whole_number_of_tokens(self, value: Any) -> None:
        assert Run(TINY, tokens=1_000, warmup=0).warmup == 0
        with pytest.raises(ValueError, match="warmup must be a whole number"):
            Run(TINY, tokens=1_000, warmup=value)
        with pytest.raises(ValueError, match="warmup must be at least 0"):
            Run(TINY, tokens=1_000, warmup=-1)

    @pytest.mark.parametrize(("batch", "least"), [(4, 32), (1, 8), (None, 128)])
    def test_one_step_must_fit_into_the_tokens(self, batch: int | None, least: int) -> None:
        assert Run(TINY, tokens=least, batch=batch).steps == 1
        with pytest.raises(ValueError, match=f"one step of {least}, got {least - 1}"):
            Run(TINY, tokens=least - 1, batch=batch)

    def test_one_context_must_fit_into_the_tokens(self) -> None:
        long = TransformerConfig(width=8, context=200)
        assert Run(long, tokens=200).steps == 1
        with pytest.raises(ValueError, match="one step of 200, got 199"):
            Run(long, tokens=199)

    def test_one_window_must_fit_into_the_unique_tokens(self) -> None:
        Run(TINY, tokens=1_000, unique_tokens=9)
        with pytest.raises(ValueError, match="more than one context of 8"):
            Run(TINY, tokens=1_000, unique_tokens=8)

    @pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", None, True])
    def test_the_decay_is_a_number_of_at_least_0(self, value: Any) -> None:
        assert Run(TINY, tokens=1_000, weight_decay=2).weight_decay == 2.0
        with pytest.raises(ValueError, match="weight_decay must be"):
            Run(TINY, tokens=1_000, weight_decay=value)

    @pytest.mark.parametrize("value", [-0.1, 1, math.nan, "0.1", None])
    def test_the_dropout_is_a_share_below_1(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"dropout (is a share|must be a)"):
            Run(TINY, tokens=1_000, dropout=value)

    @pytest.mark.parametrize("optimizer", ["sgd", None, "AdamW"])
    def test_other_optimisers_are_refused(self, optimizer: Any) -> None:
        with pytest.raises(ValueError, match="'adamw' or 'muon'"):
            Run(TINY, tokens=1_000, optimizer=optimizer)

    def test_a_number_is_no_model(self) -> None:
        with pytest.raises(TypeError, match=r"such as TransformerConfig\(width=16\), got int"):
            Run(8, tokens=1_000)


class TestBatchSizes:
    @pytest.mark.parametrize("batch", [None, 1, 5])
    @pytest.mark.parametrize("tokens", [128, 129, 1_000, 12_345, 300_007])
    @pytest.mark.parametrize("context", [8, 24, 100])
    def test_they_hold_the_tokens(self, context: int, tokens: int, batch: int | None) -> None:
        run = Run(TransformerConfig(width=8, context=context), tokens=max(tokens, 500), batch=batch)
        sizes = batch_sizes(run)
        assert sizes.sum() * context == run.tokens
        assert sizes.min() >= 1 and len(sizes) == run.steps

    @pytest.mark.parametrize("batch", [None, 3])
    def test_a_longer_run_begins_as_a_shorter_one_does(self, batch: int | None) -> None:
        long = batch_sizes(Run(TINY, tokens=2**21, batch=batch))
        for tokens in (128, 1_000, 2**18 - 8, 2**18, 2**18 + 8, 300_008, 2**20 + 1_000):
            short = batch_sizes(Run(TINY, tokens=tokens, batch=batch))
            assert np.array_equal(short[:-1], long[: len(short) - 1])
            assert short[-1] <= long[len(short) - 1], "the last step takes what is left"

    @pytest.mark.parametrize("context", [8, 32])
    def test_they_double_each_time_the_tokens_seen_grow_fourfold(self, context: int) -> None:
        config = TransformerConfig(width=8, context=context)
        sizes = batch_sizes(Run(config, tokens=2**22 + 2**18)) * context
        seen = np.cumsum(sizes) - sizes
        for least, most, size in [
            (0, 2**18, 128),
            (2**18, 2**20, 256),
            (2**20, 2**22, 512),
            (2**22, math.inf, 1024),
        ]:
            assert set(sizes[(seen >= least) & (seen < most)]) == {size}

    def test_a_step_holds_one_sequence_at_least(self) -> None:
        assert set(batch_sizes(Run(TransformerConfig(width=8, context=4_096), tokens=2**15))) == {1}

    def test_a_fixed_batch_is_kept_and_the_last_step_takes_the_rest(self) -> None:
        assert batch_sizes(Run(TINY, tokens=8 * 14, batch=4)).tolist() == [4, 4, 4, 2]
        assert batch_sizes(Run(TINY, tokens=8 * 12, batch=4)).tolist() == [4, 4, 4]
        assert set(batch_sizes(Run(TINY, tokens=2**20, batch=16))) == {16}


class TestSchedule:
    @pytest.mark.parametrize(
        ("warmup", "cooldown", "values"),
        [
            (0, 0, [0, 1, 1, 1, 1]),
            (400, 0, [0, 0.5, 1, 1, 1]),
            (0, 0.4, [0, 1, 1, 1, 0.5]),
            (400, 0.4, [0, 0.5, 1, 1, 0.5]),
            (10**9, 0.4, [0, 1 / 3, 2 / 3, 1, 0.5]),
            (10**9, 0, [0, 0.2, 0.4, 0.6, 0.8]),
            (400, 1, [0, 0.8, 0.6, 0.4, 0.2]),
        ],
    )
    def test_it_rises_stays_and_falls(
        self, warmup: int, cooldown: float, values: list[float]
    ) -> None:
        run = Run(TINY, tokens=1_000, warmup=warmup, cooldown=cooldown)
        got = schedule(np.array([0, 200, 400, 600, 800]), run)
        assert got == pytest.approx(np.array(values))

    @pytest.mark.parametrize("tokens", [128, 1_000, 10_000, 100_000])
    @pytest.mark.parametrize("warmup", [0, 2_048, 10**9])
    @pytest.mark.parametrize("cooldown", [0, 0.3, 1])
    def test_no_step_has_a_rate_of_zero_or_above_one(
        self, tokens: int, warmup: int, cooldown: float
    ) -> None:
        run = Run(TINY, tokens=tokens, warmup=warmup, cooldown=cooldown)
        sizes = batch_sizes(run)
        got = schedule((np.cumsum(sizes) - sizes / 2) * 8, run)
        assert got.min() > 0 and got.max() <= 1

    def test_before_its_cooldown_a_longer_run_has_the_rates_of_a_shorter_one(self) -> None:
        seen = np.arange(0, 7_000, 64)
        short, long = Run(TINY, tokens=10_000), Run(TINY, tokens=10**6, cooldown=0.1)
        assert np.array_equal(schedule(seen, short), schedule(seen, long))


def windows_of(corpus: Corpus, run: Run) -> np.ndarray:
    """The windows that a run may read."""
    windows = windows_in(corpus, "train", run.model.context)
    return windows.at(ration_of(len(windows.tokens), run)).tokens


class TestData:
    def test_each_epoch_holds_every_window_once_in_an_order_of_its_own(self) -> None:
        order = data_order(10, Run(TINY, tokens=1_000), 35)
        epochs = order[:30].reshape(3, 10)
        assert order.shape == (35,)
        assert np.array_equal(np.sort(epochs, axis=1), np.tile(np.arange(10), (3, 1)))
        assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
        assert len(set(order[30:].tolist())) == 5

    def test_the_seed_alone_sets_the_order(self) -> None:
        run = Run(TINY, tokens=1_000)
        order = data_order(100, run, 100)
        same = replace(run, tokens=2_000, lr=1.0, optimizer="muon", cooldown=0, unique_tokens=900)
        assert np.array_equal(data_order(100, same, 100), order)
        assert not np.array_equal(data_order(100, replace(run, seed=1), 100), order)

    def test_a_longer_run_reads_first_what_a_shorter_one_reads(self) -> None:
        run = Run(TINY, tokens=1_000)
        assert np.array_equal(data_order(10, run, 35)[:17], data_order(10, run, 17))

    def test_all_windows_are_read_unless_fewer_are_asked_for(self) -> None:
        tokens = np.arange(81, dtype=np.uint8)
        corpus = Corpus("numbers", tokens, tokens, 128)
        run = Run(TINY, tokens=1_000)
        assert windows_of(corpus, run)[:, 0].tolist() == list(range(0, 80, 8))
        few = windows_of(corpus, replace(run, unique_tokens=30))
        assert few.shape == (3, 9), "as many windows of 8 as make up 30 tokens"
        assert len({tuple(window) for window in few}) == 3
        assert windows_of(corpus, replace(run, unique_tokens=81)).shape == (10, 9)

    def test_a_ration_comes_from_all_over_the_corpus(self) -> None:
        tokens = np.arange(80_001) // 800  # a hundred "files" of a hundred windows
        corpus = Corpus("files", tokens.astype(np.uint8), tokens.astype(np.uint8), 128)
        run = Run(TINY, tokens=1_000, unique_tokens=8 * 300)
        first = windows_of(corpus, run)[:, 0]
        assert len(first) == 300 and len(np.unique(first)) > 85
        more = windows_of(corpus, replace(run, unique_tokens=8 * 600))[:, 0]
        assert np.array_equal(more[:300], first), "a larger ration holds the smaller one"
        assert not np.array_equal(windows_of(corpus, replace(run, seed=1))[:, 0], first)

    def test_of_examples_as_many_are_read_as_make_up_the_unique_tokens(self) -> None:
        config = TransformerConfig(width=8, context=3, vocab_size=16)
        run = Run(config, tokens=1_000, unique_tokens=30)
        assert windows_of(examples(), run).shape == (10, 4)

    @pytest.mark.parametrize("batch", [None, 3])
    def test_training_reads_the_windows_in_this_order(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, batch: int | None
    ) -> None:
        targets = record_of_training(monkeypatch)
        run = Run(TINY, tokens=2_000, batch=batch, unique_tokens=500)
        train(run, corpus)
        windows = windows_of(corpus, run)
        read = windows[data_order(len(windows), run, 2_000 // 8)]
        everything = windows_in(corpus, "train", 8).tokens
        numbers = reading_order(len(everything), run, 2_000 // 8)
        assert np.array_equal(everything[numbers], read)
        assert [len(t[0]) for t in targets] == batch_sizes(run).tolist()
        assert np.array_equal(torch.cat(targets, dim=1)[0].numpy(), read[:, 1:])


def record_of_training(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """A list that each training step from now on adds its targets (stack, batch, time) to."""
    targets: list[torch.Tensor] = []

    def recording(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            targets.append(wanted)
        return token_losses(logits, wanted)

    monkeypatch.setattr("scalinglaws.training.stack.token_losses", recording)
    return targets


class TestTokenLosses:
    def test_they_are_the_cross_entropy_of_torch(self) -> None:
        rng = torch.Generator().manual_seed(0)
        logits = 3 * torch.randn(2, 3, 5, 11, generator=rng)
        targets = torch.randint(11, (2, 3, 5), generator=rng)
        weight = torch.randn(2, 3, 5, generator=rng)  # an uneven gradient from above
        ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
        got = token_losses(ours, targets)
        expected = F.cross_entropy(theirs.flatten(0, 2), targets.flatten(), reduction="none")
        torch.testing.assert_close(got, expected.view_as(got))
        (got * weight).sum().backward()
        (expected.view_as(weight) * weight).sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad)

    def test_the_gradient_is_the_slope(self) -> None:
        rng = torch.Generator().manual_seed(0)
        logits = torch.randn(2, 3, 7, generator=rng, dtype=torch.float64, requires_grad=True)
        targets = torch.randint(7, (2, 3), generator=rng)
        assert torch.autograd.gradcheck(lambda x: token_losses(x, targets), (logits,))

    def test_a_second_backward_pass_gives_the_same_gradient(self) -> None:
        logits = torch.randn(4, 7, requires_grad=True)
        loss = token_losses(logits, torch.arange(4)).mean()
        (first,) = torch.autograd.grad(loss, logits, retain_graph=True)
        (second,) = torch.autograd.grad(loss, logits)
        assert torch.equal(first, second)

    def test_logits_far_apart_give_finite_losses_and_gradients(self) -> None:
        logits = torch.tensor([[1e4, -1e4, 0], [-1e4, -1e4, 1e4]], requires_grad=True)
        losses = token_losses(logits, torch.tensor([0, 1]))
        assert losses.tolist() == [0, 2e4]
        losses.sum().backward()
        assert logits.grad.tolist() == [[0, 0, 0], [0, -1, 1]]


class TestOptimizer:
    CONFIG = TransformerConfig(width=8, context=8, vocab_size=16)

    @pytest.fixture(autouse=True)
    def on_one_thread(self) -> Iterator[None]:
        with one_thread():
            yield

    def runs(self, rates: Sequence[float | None], optimizer: str = "adamw") -> list[Run]:
        return [Run(self.CONFIG, 1_000, lr=lr, optimizer=optimizer) for lr in rates]

    def gradients(self, model: Transformer, step: int) -> None:
        """Give every model of the stack the gradients of the same sequences."""
        rng = torch.Generator().manual_seed(step)
        tokens = torch.randint(16, (4, 9), generator=rng).expand(model.stack, 4, 9)
        losses = token_losses(model(tokens[..., :-1]), tokens[..., 1:]).mean(dim=(1, 2))
        losses.sum().backward()

    @pytest.mark.parametrize(("factor", "named"), [(1, None), (0.2, None), (3, None), (0.2, 0.01)])
    def test_it_is_the_adamw_of_torch(self, factor: float, named: float | None) -> None:
        ours, theirs = Transformer(self.CONFIG).double(), Transformer(self.CONFIG).double()
        mine = Optimizer(ours, [replace(self.runs([factor * default_lr(8)])[0], ends_lr=named)])
        ends = [theirs.embedding, theirs.position, theirs.head]
        rates = [factor * default_lr(8), named or factor * 0.03 * (32 / 8) ** 0.5]
        blocks = list(theirs.blocks.parameters())
        groups = [{"params": blocks}, {"params": ends}]
        reference = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), eps=1e-8, weight_decay=0)
        for step in range(50):
            multiplier = min(1, (step + 1) / 10, (50 - step) / 20)
            self.gradients(ours, step)
            mine.step(multiplier)
            for group, rate in zip(reference.param_groups, rates, strict=True):
                group["lr"] = multiplier * rate
            reference.zero_grad()
            self.gradients(theirs, step)
            reference.step()
        for name, weights in ours.named_parameters():
            torch.testing.assert_close(weights, theirs.get_parameter(name), rtol=1e-5, atol=1e-6)
        for name, start in Transformer(self.CONFIG).named_parameters():
            assert not torch.allclose(ours.get_parameter(name), start.double(), atol=1e-3)

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_the_decay_takes_its_part_of_blocks_and_head_alone(self, optimizer: str) -> None:
        plain = self.runs([0.01, 0.01], optimizer)
        decaying = [plain[0], replace(plain[1], weight_decay=0.5)]
        stacks = [Transformer(self.CONFIG, [0, 1]) for _ in range(2)]
        with torch.no_grad():
            for stack in stacks:
                for weights in (stack.head, *(block.way_out for block in stack.blocks)):
                    weights.fill_(0.3)
        before = {name: w.detach().clone() for name, w in stacks[0].named_parameters()}
        for stack, runs in zip(stacks, (plain, decaying), strict=True):
            self.gradients(stack, 0)
            Optimizer(stack, runs).step(0.8)
        for name, without in stacks[0].named_parameters():
            lost = (without - stacks[1].get_parameter(name)).detach()
            kept = name in ("embedding", "position")
            expected = 0.0 if kept else 0.8 * 0.01 * 0.5 * before[name][1]
            assert not lost[0].any(), "the other model of the stack"
            torch.testing.assert_close(
                lost[1], torch.as_tensor(expected).expand_as(lost[1]), atol=1e-6, rtol=1e-3
            )

    def test_it_is_the_decay_of_torch_s_adamw(self) -> None:
        ours, theirs = Transformer(self.CONFIG).double(), Transformer(self.CONFIG).double()
        mine = Optimizer(ours, [replace(self.runs([0.01])[0], weight_decay=3.0)])
        blocks = list(theirs.blocks.parameters())
        reference = torch.optim.AdamW(blocks, lr=0.01, betas=(0.9, 0.95), weight_decay=3.0)
        for step in range(3):
            for w, other in zip(ours.blocks.parameters(), blocks, strict=True):
                rng = torch.Generator().manual_seed(step)
                w.grad = torch.randn(w.shape, generator=rng, dtype=torch.float64)
                other.grad = w.grad.clone()
            for w in (ours.embedding, ours.position, ours.head):
                w.grad = torch.zeros_like(w)
            mine.step(1.0)
            reference.step()
        for w, other in zip(ours.blocks.parameters(), blocks, strict=True):
            torch.testing.assert_close(w, other, rtol=1e-6, atol=1e-8)

    def test_muon_steps_along_the_orthogonal_momentum(self) -> None:
        ours, theirs = Transformer(self.CONFIG), Transformer(self.CONFIG)
        mine = Optimizer(ours, self.runs([0.02], "muon"))
        pairs = list(zip(self.matrices(ours), self.matrices(theirs), strict=True))
        assert len(pairs) == 12 * self.CONFIG.depth
        means = [torch.zeros_like(matrix) for _, matrix in pairs]
        for step in range(5):
            self.gradients(ours, step)
            gradients = [g.clone() for g in self.matrices(ours, gradients=True)]
            mine.step(0.5)
            for (got, expected), mean, gradient in zip(pairs, means, gradients, strict=True):
                with torch.no_grad():
                    mean.copy_(0.95 * mean + 0.05 * gradient)
                    expected -= 0.5 * 0.02 * orthogonalize(0.05 * gradient + 0.95 * mean)
                torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)

    @staticmethod
    def matrices(model: Transformer, gradients: bool = False) -> list[torch.Tensor]:
        """The twelve square matrices of each block, as views."""
        ways = [(b.way_in, -1) for b in model.blocks] + [(b.way_out, -2) for b in model.blocks]
        return [
            matrix
            for weights, axis in ways
            for matrix in (weights.grad if gradients else weights.detach()).split(8, dim=axis)
        ]

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_each_model_of_a_stack_has_its_own_rate(self, optimizer: str) -> None:
        rates = [0.001, 0.02, 0.005]
        runs = self.runs(rates, optimizer)
        stack = Transformer(self.CONFIG, [0, 1, 2])
        alone = [stack.one(place) for place in range(3)]
        together = Optimizer(stack, runs)
        singles = [Optimizer(model, [run]) for model, run in zip(alone, runs, strict=True)]
        for step in range(10):
            for model, optim in [(stack, together), *zip(alone, singles, strict=True)]:
                self.gradients(model, step)
                optim.step(0.7)
        for name, weights in stack.named_parameters():
            separate = torch.cat([model.get_parameter(name) for model in alone])
            torch.testing.assert_close(weights, separate, rtol=1e-4, atol=1e-5)

    def test_a_step_forgets_the_gradients(self) -> None:
        model = Transformer(self.CONFIG)
        self.gradients(model, 0)
        Optimizer(model, self.runs([None])).step(1.0)
        assert all(weights.grad is None for weights in model.parameters())

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_a_copy_goes_on_by_itself(self, optimizer: str) -> None:
        model = Transformer(self.CONFIG)
        first = Optimizer(model, self.runs([None], optimizer))
        self.gradients(model, 0)
        first.step(1.0)
        twin, second = deepcopy((model, first))
        before = {name: weights.detach().clone() for name, weights in model.named_parameters()}
        for step in (1, 2):
            self.gradients(twin, step)
            second.step(1.0)
        for name, weights in model.named_parameters():
            assert torch.equal(weights, before[name])
            assert not torch.equal(weights, twin.get_parameter(name))
        for step in (1, 2):
            self.gradients(model, step)
            first.step(1.0)
        for name, weights in model.named_parameters():
            assert torch.equal(weights, twin.get_parameter(name)), "from the same state"


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

    def test_in_bfloat16_it_is_nearly_the_same(self) -> None:
        g = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        half = orthogonalize(g, half=True)
        assert half.dtype == torch.float32 and half.shape == g.shape
        torch.testing.assert_close(half, orthogonalize(g), rtol=0, atol=0.03)


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
        assert trained.curve_tokens[-1] == run.tokens
        assert np.all(np.diff(trained.curve_tokens) > 0)
        assert trained.curve_loss.shape == trained.curve_tokens.shape
        assert trained.curve_loss[0] == pytest.approx(math.log(128), abs=0.5)
        assert trained.curve_loss[-5:].mean() == pytest.approx(trained.loss, abs=0.3)

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_the_schedule_rules_every_learning_rate(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, optimizer: str
    ) -> None:
        monkeypatch.setattr("scalinglaws.training.run.schedule", lambda seen, run: 0 * seen)
        still = train(Run(TINY, tokens=2_000, optimizer=optimizer), corpus)
        for name, weights in Transformer(TINY).named_parameters():
            assert torch.equal(weights, still.model.get_parameter(name))

    def test_the_first_loss_is_that_of_guessing(self, corpus: Corpus) -> None:
        one_step = train(Run(TINY, tokens=128), corpus)
        assert one_step.status == "ok"
        assert one_step.curve_loss[0] == pytest.approx(math.log(128), rel=1e-5)

    def test_the_loss_is_measured_on_the_validation_part(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        loss, noise = evaluate(trained.model, corpus)
        assert (trained.loss, trained.loss_std) == (loss.item(), noise.item())

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
        monkeypatch.setattr(
            "scalinglaws.training.stack.evaluate", lambda *_: np.array([[math.inf], [math.nan]])
        )
        burst = train(Run(TINY, tokens=256), corpus)
        assert burst.status == "diverged" and math.isnan(burst.loss)

    def test_a_run_that_ends_worse_than_it_began_has_diverged_though_all_is_finite(
        self, corpus: Corpus
    ) -> None:
        burst = train(Run(TINY, tokens=8_000, lr=10.0), corpus)
        assert np.isfinite(burst.curve_loss).all() and burst.curve_loss[-1] > math.log(128)
        assert burst.status == "diverged" and math.isnan(burst.loss) and math.isnan(burst.loss_std)

    def test_a_run_that_learns_its_few_data_by_heart_has_not_diverged(self, corpus: Corpus) -> None:
        run = Run(TransformerConfig(width=16, context=8), tokens=40_000, unique_tokens=16)
        by_heart = train(run, corpus)
        assert by_heart.status == "ok"
        assert by_heart.curve_loss[-1] < 0.1 < math.log(128) < by_heart.loss

    def test_a_burst_run_stops_early(self, corpus: Corpus) -> None:
        burst = train(Run(TINY, tokens=100_000, lr=1e12), corpus)
        assert burst.curve_tokens[-1] < 20_000
        assert len(burst.curve_loss) == len(burst.curve_tokens)

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
        assert printed.out == "" and "FLOP" in printed.err and "100%" in printed.err

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

    def test_something_else_than_a_run_and_a_corpus_is_refused(self, corpus: Corpus) -> None:
        run = Run(TINY, tokens=1_000)
        for wrong, match in (
            (([run], corpus), r"run must be a Run, got list: for several runs there is sweep\(\)"),
            ((corpus, run), "run must be a Run, got Corpus"),
            ((run, "text"), "corpus must be a Corpus, got str"),
        ):
            for progress in (False, True):
                with pytest.raises(TypeError, match=match):
                    train(*wrong, progress=progress)

    def test_a_vocabulary_that_is_too_small_is_refused(self, corpus: Corpus) -> None:
        run = Run(replace(TINY, vocab_size=64), tokens=1_000)
        with pytest.raises(ValueError, match="vocab_size=128"):
            train(run, corpus)

    def test_more_unique_tokens_than_there_are_is_refused(self, corpus: Corpus) -> None:
        with pytest.raises(ValueError, match="sentences has only"):
            train(Run(TINY, tokens=1_000, unique_tokens=10**9), corpus)

    def test_examples_of_another_length_than_the_context_are_refused(self) -> None:
        run = Run(TransformerConfig(width=8, context=8, vocab_size=16), tokens=1_000)
        with pytest.raises(ValueError, match="context must be 3, not 8"):
            train(run, examples())

    def test_only_scored_tokens_count(self) -> None:
        run = Run(TransformerConfig(width=8, context=3, vocab_size=16), tokens=30_000)
        scored, all_ = train(run, examples()), train(run, examples(scored=None))
        # Of the three predicted letters two are random, and ln 16 each at best.
        assert scored.loss < 0.05
        assert scored.curve_loss[-1] < 0.05
        assert all_.loss > 2 / 3 * math.log(16)

    def test_a_corpus_shorter_than_the_context_is_refused(self) -> None:
        short = Corpus("short", np.zeros(8, np.uint8), np.zeros(100, np.uint8), 128)
        with pytest.raises(ValueError, match="train part of short is shorter than one context: 8"):
            train(Run(TINY, tokens=1_000), short)

    def test_a_failing_progress_function_is_not_hidden(self, corpus: Corpus) -> None:
        def fail(tokens: int, loss: float) -> None:
            raise RuntimeError("from the progress function")

        with pytest.raises(RuntimeError, match="from the progress function"):
            train(Run(TINY, tokens=1_000), corpus, progress=fail)


class TestTargets:
    """What is to be predicted in the place of each token, where it is not the token itself."""

    @staticmethod
    def corpus(shifted: int | None) -> Corpus:
        letters = np.random.default_rng(0).integers(16, size=6_000, dtype=np.uint8)
        parts = letters[:4_000], letters[4_000:]
        named = {}
        if shifted is not None:
            named = {
                f"{name}_targets": np.roll(part, shifted)
                for name, part in zip(("train", "val"), parts, strict=True)
            }
        return Corpus("letters", *parts, 16, **named)

    RUN = Run(TransformerConfig(8, context=8, vocab_size=16), tokens=16_000)

    def test_the_tokens_themselves_are_what_is_predicted_without_targets(self) -> None:
        assert same_to_the_bit(
            replace(train(self.RUN, self.corpus(0)), corpus=""),
            replace(train(self.RUN, self.corpus(None)), corpus=""),
        )

    def test_the_model_learns_them(self) -> None:
        """The token just read is easy to name, the one before it too; the next is not."""
        losses = [train(self.RUN, self.corpus(shifted)).loss for shifted in (0, 1, 2)]
        assert losses[0] > math.log(16) - 0.05
        assert losses[1] < 0.3
        counts = Run(NgramConfig(order=2, context=8, vocab_size=16), tokens=4_000)
        assert train(counts, self.corpus(1)).loss < 0.1

    def test_a_ration_and_a_stack_keep_tokens_and_targets_together(self) -> None:
        wanted = [replace(self.RUN, unique_tokens=2_000, seed=seed) for seed in (0, 1)]
        for got in train_together(wanted, self.corpus(1)):
            assert got.loss < 0.3


@pytest.fixture(scope="module")
def models(few: Corpus) -> list[Learner]:
    """A stack of two transformers, an LSTM and an n-gram."""
    stack = Transformer(TINY, [0, 1])
    with torch.no_grad():
        stack.head.normal_(generator=torch.Generator().manual_seed(0))
    lstm = train(Run(LSTMConfig(8, context=8), 2_000), few).model
    ngram = train(Run(NgramConfig(context=8), 2_000), few).model
    return [stack, lstm, ngram]


class TestEnsemble:
    def by_hand(self, models: list[Learner], corpus: Corpus, weights: list[float]) -> np.ndarray:
        windows = torch.from_numpy(corpus.windows("val", 8).astype(np.int64))
        p, shares = [], []
        for model, weight in zip(models, weights, strict=True):
            x = windows[:, :-1].expand(model.stack, -1, -1)
            p.append(model(x).double().softmax(-1))
            shares += [weight / model.stack] * model.stack
        mean = (torch.cat(p) * torch.tensor(shares)[:, None, None, None]).sum(0) / sum(weights)
        picked = mean.gather(-1, windows[:, 1:, None])[..., 0]
        return -picked.log().mean(1).detach().numpy()

    def test_its_loss_is_that_of_the_mean_of_the_probabilities(
        self, models: list[Learner], few: Corpus
    ) -> None:
        for weights in (None, [1.0, 2.0, 5.0]):
            expected = self.by_hand(models, few, weights or [2.0, 1.0, 1.0])
            loss, error = evaluate_ensemble(models, few, weights=weights)
            assert loss == pytest.approx(expected.mean(), rel=1e-5)
            assert error == pytest.approx(expected.std(ddof=1) / len(expected) ** 0.5, rel=1e-4)

    def test_of_one_model_it_is_the_model_s_own(self, models: list[Learner], few: Corpus) -> None:
        for model in models[1:]:
            loss, error = evaluate_ensemble(model, few)
            own, own_error = evaluate(model, few)
            assert (loss, error) == pytest.approx((own.item(), own_error.item()), rel=1e-6)
            assert evaluate_ensemble([model, model], few)[0] == pytest.approx(loss, rel=1e-6)

    def test_it_is_below_the_mean_of_the_losses(self, models: list[Learner], few: Corpus) -> None:
        loss, _ = evaluate_ensemble(models[0], few)
        assert loss < evaluate(models[0], few)[0].mean()

    def test_what_cannot_be_averaged_is_refused(self, models: list[Learner], few: Corpus) -> None:
        longer = Transformer(TransformerConfig(8, context=9))
        other = Transformer(TransformerConfig(8, context=8, vocab_size=130))
        for wrong, match in (
            ([], "models is empty"),
            ([models[0], longer], r"one context, got \[8, 9\]"),
            ([models[0], other], r"one vocab_size, got \[128, 130\]"),
        ):
            with pytest.raises(ValueError, match=match):
                evaluate_ensemble(wrong, few)
        for weights in ([1.0], [1.0, 2.0, -1.0], [1.0, 0.0, 1.0]):
            with pytest.raises(ValueError, match="weights must be"):
                evaluate_ensemble(models, few, weights=weights)


class TestEvaluate:
    def test_a_model_that_knows_nothing_has_the_loss_of_guessing(self, corpus: Corpus) -> None:
        loss, noise = evaluate(Transformer(TINY, [0, 1]), corpus)
        assert loss == pytest.approx([math.log(128)] * 2, rel=1e-6)
        assert noise == pytest.approx([0, 0], abs=1e-6)

    def test_it_is_the_mean_over_all_windows_if_there_are_few(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        tokens = corpus.val[: 8 * 40 + 1]
        windows = torch.tensor([tokens[8 * i : 8 * i + 9].tolist() for i in range(40)])
        logits = trained.model(windows[:, :-1])
        picked = logits.log_softmax(-1).gather(-1, windows[:, 1:, None]).squeeze(-1)
        per_window = -picked.double().mean(1)
        loss, noise = evaluate(trained.model, measured_on(tokens))
        assert loss.shape == noise.shape == (1,)
        assert loss.item() == pytest.approx(per_window.mean().item(), rel=1e-5)
        assert noise.item() == pytest.approx(per_window.std().item() / math.sqrt(40), rel=1e-4)

    def test_each_model_of_a_stack_has_the_loss_that_it_has_alone(
        self, corpus: Corpus, trained: Trained
    ) -> None:
        stack = Transformer(TINY, [0, 1, 2])
        with torch.no_grad():
            stack.head.normal_(generator=torch.Generator().manual_seed(0))
            for name, weights in stack.named_parameters():
                weights[1] = trained.model.get_parameter(name)[0]
        together = np.array(evaluate(stack, corpus))
        alone = np.array([evaluate(stack.one(place), corpus) for place in range(3)])
        assert together == pytest.approx(alone[:, :, 0].T, rel=1e-5)
        assert together[0, 1] == pytest.approx(trained.loss, rel=1e-5)

    def test_only_scored_tokens_are_measured(self) -> None:
        config = TransformerConfig(width=8, context=3, vocab_size=16)
        model = Transformer(config)
        with torch.no_grad():
            model.head.normal_(generator=torch.Generator().manual_seed(0))
        parts = [tuple(i == place for i in range(3)) for place in range(3)]
        each = [evaluate(model, examples(scored=scored))[0].item() for scored in parts]
        whole, _ = evaluate(model, examples(scored=None))
        assert whole.item() == pytest.approx(np.mean(each), rel=1e-5)
        assert len({round(value, 3) for value in each}) == 3

    def test_the_limit_bounds_the_windows_and_spreads_them(self, trained: Trained) -> None:
        halves = np.repeat(np.array([ord("t"), ord("q")], dtype=np.uint8), 8_000)
        first, _ = evaluate(trained.model, measured_on(halves[:8_000]))
        second, _ = evaluate(trained.model, measured_on(halves[8_000:]))
        both, _ = evaluate(trained.model, measured_on(halves), limit=80)
        assert min(first, second) + 0.1 < both < max(first, second) - 0.1

    def test_one_window_has_no_standard_error(self, corpus: Corpus, trained: Trained) -> None:
        loss, noise = evaluate(trained.model, measured_on(corpus.val[:9]))
        assert np.isfinite(loss).all() and np.isnan(noise).all()

    def test_too_few_tokens_are_refused(self, corpus: Corpus, trained: Trained) -> None:
        with pytest.raises(ValueError, match="val part of a part is shorter than one context: 8"):
            evaluate(trained.model, measured_on(corpus.val[:8]))


def same_to_the_bit(first: Trained, second: Trained) -> bool:
    return (
        first.run == second.run
        and first.status == second.status
        and np.array_equal([first.loss, first.loss_std], [second.loss, second.loss_std], True)
        and np.array_equal(first.curve_tokens, second.curve_tokens)
        and np.array_equal(first.curve_loss, second.curve_loss, equal_nan=True)
        and all(
            torch.equal(weights, second.model.get_parameter(name))
            for name, weights in first.model.named_parameters()
        )
    )


@pytest.mark.parametrize("progress", [5, 1, "yes", None])
def test_progress_that_is_neither_yes_nor_no_nor_a_function_is_refused(
    corpus: Corpus, progress: Any
) -> None:
    with pytest.raises(TypeError, match="progress must be True, False or a function"):
        train(Run(TINY, tokens=1_000), corpus, progress=progress)


class TestLockstep:
    """Runs that differ in seed, rate or data, computed as one stack."""

    @staticmethod
    def runs(tokens: int, optimizer: str = "adamw") -> list[Run]:
        first = Run(TINY, tokens=tokens, optimizer=optimizer)
        return [
            first,
            replace(first, seed=1),
            replace(first, lr=first.lr / 3),
            replace(first, unique_tokens=400, seed=2),
            replace(first, unique_tokens=1_000),
            replace(first, weight_decay=0.3),
        ]

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    @pytest.mark.parametrize(("tokens", "tolerance"), [(1_280, 1e-6), (12_800, 2e-4)])
    def test_each_has_the_loss_that_it_has_alone(
        self, few: Corpus, optimizer: str, tokens: int, tolerance: float
    ) -> None:
        runs = self.runs(tokens, optimizer)
        assert runs[0].steps == tokens / 128
        together = train_together(runs, few)
        alone = [train(run, few) for run in runs]
        assert [t.run for t in together] == runs
        for one, other in zip(together, alone, strict=True):
            assert one.status == other.status == "ok"
            assert one.loss == pytest.approx(other.loss, abs=tolerance)
            assert one.loss_std == pytest.approx(other.loss_std, abs=tolerance)
            assert np.array_equal(one.curve_tokens, other.curve_tokens)
            assert one.curve_loss == pytest.approx(other.curve_loss, abs=10 * tolerance)
        assert len({t.loss for t in together}) == len(runs), "and they do differ"

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_one_that_bursts_does_not_disturb_the_others(self, few: Corpus, optimizer: str) -> None:
        calm = self.runs(8_000, optimizer)[:3]
        burst = [calm[0], replace(calm[1], lr=1e12), calm[2]]
        expected, got = train_together(calm, few), train_together(burst, few)
        assert [t.status for t in got] == ["ok", "diverged", "ok"]
        assert math.isnan(got[1].loss) and not np.isfinite(got[1].curve_loss[-1])
        assert same_to_the_bit(got[0], expected[0]) and same_to_the_bit(got[2], expected[2])
        assert all(w.isfinite().all() for t in got[::2] for w in t.model.parameters())

    def test_a_stack_of_which_all_burst_stops_early(self, few: Corpus) -> None:
        runs = [Run(TINY, tokens=100_000, lr=1e12, seed=seed) for seed in range(2)]
        got = train_together(runs, few)
        assert [t.status for t in got] == ["diverged"] * 2
        assert got[0].curve_tokens[-1] < 20_000

    def test_a_stack_is_the_same_to_the_last_bit(self, few: Corpus) -> None:
        runs = self.runs(4_000) + self.runs(6_000)
        first, again = train_together(runs, few), train_together(runs, few)
        assert all(map(same_to_the_bit, first, again))

    def test_the_order_of_the_runs_makes_no_difference_but_rounding(self, few: Corpus) -> None:
        runs = self.runs(4_000)
        there = train_together(runs, few)
        back = train_together(runs[::-1], few)[::-1]
        assert [t.run for t in back] == runs
        assert [t.loss for t in back] == pytest.approx([t.loss for t in there], abs=1e-5)

    def test_no_two_runs_are_taken_for_one(self, few: Corpus) -> None:
        """Whatever field of `Run` tells two runs apart, each gets a result of its own."""
        first = Run(TINY, tokens=1_024, batch=8)
        others = {
            "model": replace(TINY, depth=1),
            "tokens": 2_048,
            "seed": 1,
            "batch": 16,
            "lr": 0.001,
            "optimizer": "muon",
            "warmup": 100,
            "cooldown": 0.5,
            "unique_tokens": 100,
            "weight_decay": 0.5,
            "dropout": 0.1,
            "ends_lr": 0.001,
        }
        assert set(others) == {field.name for field in fields(Run)}
        for name, value in others.items():
            pair = [first, replace(first, **{name: value})]
            groups = lockstep(pair)
            got = {t.run: t.loss for group in groups for t in train_together(group, few)}
            assert set(got) == set(pair), name
            for run in pair:
                assert got[run] == pytest.approx(train(run, few).loss, abs=1e-5), name
            assert got[pair[0]] != got[pair[1]], name


class TestBranching:
    """Runs that differ in tokens and cooldown, branched off one trunk."""

    GROUPS = (
        [Run(TINY, tokens=t) for t in (4_000, 8_000, 16_000)],
        [Run(TINY, tokens=t, optimizer="muon") for t in (4_000, 8_000)],
        [Run(TINY, tokens=6_000, cooldown=c) for c in (0.0, 0.3, 1.0)],
        [Run(TINY, tokens=t, cooldown=c) for t in (4_040, 6_160) for c in (0, 0.01, 0.5)],
        # The shortest two end before the warm-up does, so their rates rise faster.
        [Run(TINY, tokens=t) for t in (504, 2_000, 6_000, 9_000)],
        [Run(TINY, tokens=t, batch=7, warmup=0) for t in (1_000, 3_000)],
    )
    groups = pytest.mark.parametrize("group", GROUPS, ids=range(len(GROUPS)))

    @groups
    def test_each_has_the_result_that_it_has_alone(self, few: Corpus, group: list[Run]) -> None:
        for got in train_together(group, few):
            assert same_to_the_bit(got, train(got.run, few))

    def test_a_batch_that_grows_makes_no_difference(
        self, few: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Steps of 4 sequences up to 2,000 tokens and of 8 from there on."""

        def growing(run: Run) -> np.ndarray:
            first = min(run.tokens // 8, 252)
            more, left = divmod(run.tokens // 8 - first, 8)
            sizes = [4] * (first // 4) + [first % 4] + [8] * more + [left]
            return np.array([size for size in sizes if size])

        monkeypatch.setattr("scalinglaws.training.run.batch_sizes", growing)
        runs = [Run(TINY, tokens=tokens) for tokens in (1_000, 2_400, 4_000, 5_000)]
        for got in train_together(runs, few):
            assert same_to_the_bit(got, train(got.run, few))

    @groups
    def test_the_order_of_the_budgets_makes_no_difference(
        self, few: Corpus, group: list[Run]
    ) -> None:
        there, back = train_together(group, few), train_together(group[::-1], few)
        assert [t.run for t in back] == group[::-1]
        assert all(map(same_to_the_bit, there, back[::-1]))

    def test_stacks_branch_too(self, few: Corpus) -> None:
        lanes = TestLockstep.runs(4_000)[:3]
        runs = [replace(run, tokens=tokens) for tokens in (4_000, 6_000) for run in lanes]
        for got in train_together(runs, few):
            assert got.loss == pytest.approx(train(got.run, few).loss, abs=1e-5)

    def test_a_trunk_that_bursts_gives_diverged_runs(self, few: Corpus) -> None:
        runs = [Run(TINY, tokens=tokens, lr=1e12) for tokens in (4_000, 50_000)]
        got = train_together(runs, few)
        assert [t.status for t in got] == ["diverged"] * 2
        assert all(math.isnan(t.loss) for t in got)

    @groups
    def test_a_run_counts_its_whole_trunk(self, few: Corpus, group: list[Run]) -> None:
        for got in train_together(group, few):
            assert got.row()["flops"] == got.run.tokens * TINY.flops_per_token("total")
            assert got.row()["tokens"] == got.curve_tokens[-1] == got.run.tokens

    @groups
    @pytest.mark.parametrize("stack", [1, 2])
    def test_progress_and_workload_are_what_is_computed(
        self, few: Corpus, monkeypatch: pytest.MonkeyPatch, group: list[Run], stack: int
    ) -> None:
        runs = [replace(run, seed=seed) for run in group for seed in range(stack)]
        told: list[float] = []
        targets = record_of_training(monkeypatch)
        train_together(runs, few, progress=told.append)
        computed = sum(t.numel() for t in targets)
        assert sum(told) == computed * TINY.flops_per_token("total")
        assert workload(runs) == (computed / stack, len(targets))

    def test_a_trunk_is_computed_once(self) -> None:
        """Two runs of 3 and 6 thousand tokens share all steps before the first cooldown."""
        runs = [Run(TINY, tokens=3_000), Run(TINY, tokens=6_000)]
        trunk = int(3_000 * 0.7 / 128) * 128  # whole steps
        assert workload(runs)[0] == 3_000 + 6_000 - trunk
        assert workload(runs[:1]) == (3_000, runs[0].steps)

    def test_runs_without_a_common_trunk_share_nothing(self) -> None:
        runs = [Run(TINY, tokens=t, cooldown=1) for t in (3_000, 6_000)]
        assert workload(runs)[0] == 9_000


class TestGroups:
    RUNS = tuple(
        Run(TransformerConfig(width, context=8), tokens, seed=seed, lr=lr, optimizer=optimizer)
        for width in (8, 16)
        for tokens in (1_024, 2_048)
        for seed in range(3)
        for lr in (None, 0.001)
        for optimizer in ("adamw", "muon")
        if not (tokens == 2_048 and seed == 2)  # a seed with one budget alone
    )

    @pytest.mark.parametrize("most", [None, 1, 2, 5, 100])
    def test_every_run_is_in_one_group_that_can_be_trained(
        self, few: Corpus, most: int | None
    ) -> None:
        groups = lockstep(self.RUNS, most=most)
        assert Counter(run for group in groups for run in group) == Counter(self.RUNS)
        for group in groups:
            lanes = {(run.seed, run.lr) for run in group}
            assert 1 <= len(lanes) <= (most or 8)
            assert len({(run.model, run.optimizer) for run in group}) == 1
        if most in (None, 5):
            losses = {t.run: t.loss for group in groups for t in train_together(group, few)}
            assert set(losses) == set(self.RUNS)
            assert all(map(math.isfinite, losses.values()))

    def test_as_few_groups_as_can_be(self) -> None:
        """Two widths, two optimisers, and apart from the others the seed with one budget."""
        assert len(lockstep(self.RUNS, most=100)) == 2 * 2 * 2

    def test_groups_of_one_kind_are_of_like_size(self) -> None:
        runs = [Run(TINY, tokens=1_024, seed=seed) for seed in range(9)]
        assert sorted(map(len, lockstep(runs, most=4))) == [3, 3, 3]

    def test_wide_models_are_not_stacked_by_default(self) -> None:
        wide = [Run(TransformerConfig(256), tokens=1_024, seed=seed) for seed in range(3)]
        assert [len(group) for group in lockstep(wide)] == [1, 1, 1]

    def test_no_runs_make_no_groups(self) -> None:
        assert lockstep([]) == []

    @pytest.mark.parametrize("most", [0, -1])
    def test_a_group_holds_at_least_one_model(self, most: int) -> None:
        with pytest.raises(ValueError, match="most must be at least 1"):
            lockstep(self.RUNS, most=most)

    @pytest.mark.parametrize(
        "change",
        [
            {"model": replace(TINY, width=16)},
            {"model": replace(TINY, shift=False)},
            {"batch": 4},
            {"warmup": 100},
            {"optimizer": "muon"},
            {"dropout": 0.1},
            {"seed": 1, "tokens": 2_048},
            {"seed": 1, "cooldown": 0.1},
        ],
        ids=str,
    )
    def test_runs_that_do_not_fit_together_are_refused(
        self, few: Corpus, change: dict[str, Any]
    ) -> None:
        first = Run(TINY, tokens=1_024)
        with pytest.raises(ValueError, match=r"sort them with lockstep\(\) first"):
            train_together([first, replace(first, **change)], few)

    def test_no_runs_are_refused(self, few: Corpus) -> None:
        with pytest.raises(ValueError, match="cannot be trained together"):
            train_together([], few)

    def test_the_same_run_twice_is_refused(self, few: Corpus) -> None:
        run = Run(TINY, tokens=1_024)
        with pytest.raises(ValueError, match="the same run stands there twice"):
            train_together([run, replace(run, seed=1), run], few)
        for group in lockstep([run, run]):
            with pytest.raises(ValueError, match="the same run stands there twice"):
                train_together(group, few)

    def test_each_run_must_fit_the_corpus(self, few: Corpus) -> None:
        run = Run(TINY, tokens=1_024)
        with pytest.raises(ValueError, match="few has only"):
            train_together([run, replace(run, unique_tokens=10**9)], few)


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


class TestHalfPrecision:
    def test_is_off_on_a_cpu(self) -> None:
        with half_precision(torch.device("cpu"), TransformerConfig(512)):
            assert torch.ones(2, 2).matmul(torch.ones(2, 2)).dtype == torch.float32

    def test_is_on_in_training_for_a_learner_that_asks_for_it(self) -> None:
        config = BfloatTransformerConfig(8)
        for training, dtype in ((True, torch.bfloat16), (False, torch.float32)):
            with half_precision(torch.device("cpu"), config, training):
                assert torch.ones(2, 2).matmul(torch.ones(2, 2)).dtype == dtype

    @pytest.mark.parametrize("optimizer", ["adamw", "muon"])
    def test_a_run_in_it_ends_nearly_at_the_same_loss(
        self, corpus: Corpus, optimizer: Literal["adamw", "muon"]
    ) -> None:
        full = Run(TransformerConfig(16), tokens=8_192, optimizer=optimizer)
        half = replace(full, model=BfloatTransformerConfig(16))
        here, there = train(full, corpus), train(half, corpus)
        assert here.loss != there.loss == pytest.approx(here.loss, abs=0.02)
        assert there.loss == evaluate(there.model, corpus)[0][0]
        assert {w.dtype for w in there.model.parameters()} == {torch.float32}
        assert store.key(full, "c") != store.key(half, "c")
        assert there.row()["learner"] == "transformer in bfloat16"

    @pytest.mark.parametrize(
        ("width", "able", "on"), [(512, True, False), (1024, True, True), (1024, False, False)]
    )
    def test_is_for_wide_models_on_cards_that_have_it(
        self, monkeypatch: pytest.MonkeyPatch, width: int, able: bool, on: bool
    ) -> None:
        asked: list[bool] = []
        monkeypatch.setattr(
            torch.cuda, "get_device_capability", lambda device: (8, 0) if able else (7, 5)
        )
        monkeypatch.setattr(torch, "autocast", lambda *_, enabled, **__: asked.append(enabled))
        half_precision(torch.device("cuda"), TransformerConfig(width))
        assert asked == [on]

    def test_the_model_trains_in_it_to_nearly_the_same_losses(self) -> None:
        # The same casts as on a card, made on the CPU.
        model = Transformer(TransformerConfig(width=32), [0, 1])
        for w in (*(block.way_out for block in model.blocks), model.head):
            torch.nn.init.normal_(w, std=0.1)
        tokens = torch.randint(0, 128, (2, 4, 33), generator=torch.Generator().manual_seed(0))

        def gradients(half: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
            model.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                losses = token_losses(model(tokens[..., :-1]), tokens[..., 1:])
            losses.sum().backward()
            return losses.detach(), [w.grad.clone() for w in model.parameters()]

        (full, exact), (half, rough) = gradients(False), gradients(True)
        assert half.dtype == torch.float32
        assert not torch.equal(full, half)
        torch.testing.assert_close(half, full, atol=0.1, rtol=0.02)
        for a, b in zip(exact, rough, strict=True):
            assert b.dtype == torch.float32
            assert torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.999
