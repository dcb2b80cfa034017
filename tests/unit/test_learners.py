"""What every learner offers, and a new one in thirty lines: `scalinglaws.learners`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.utils.flop_counter import FlopCounterMode

from scalinglaws import runs
from scalinglaws.learners import (
    LSTM,
    Block,
    Counter,
    Learner,
    LearnerConfig,
    LSTMConfig,
    MLPConfig,
    NgramConfig,
    Transformer,
    TransformerConfig,
)
from scalinglaws.learners.ngram import Ngram
from scalinglaws.runs import store
from scalinglaws.text import Corpus
from scalinglaws.training import Run, evaluate, one_thread, sweep, train, train_together
from scalinglaws.training.run import lane_of, lockstep

# ------------------------------------------------------------- a new learner: config and model


@dataclass(frozen=True)
class LinearConfig(LearnerConfig):
    """The sum of a table of logits for each of the last `window` tokens."""

    kind: ClassVar[str] = "linear"

    window: int = 2
    context: int = 32
    vocab_size: int = 128

    def build(self, seeds: Sequence[int]) -> Linear:
        return Linear(self, len(seeds))

    def params(self, count: str = "total") -> int:
        return self.window * self.vocab_size**2

    def flops_per_token(self, count: str = "total") -> int:
        return 3 * self.window * self.vocab_size  # an addition forward, two backward


class Linear(Learner):
    def __init__(self, config: LinearConfig, stack: int) -> None:
        super().__init__(config, stack)
        size = config.vocab_size
        self.tables = nn.Parameter(torch.zeros(stack, config.window * size, size))

    def logits(self, tokens: Tensor, keep: Tensor | None) -> Tensor:
        size, total = self.config.vocab_size, 0
        for back in range(self.config.window):
            seen = F.one_hot(tokens[..., : tokens.shape[2] - back], size).to(self.tables)
            table = self.tables[:, back * size : (back + 1) * size]
            total = total + F.pad((seen.flatten(1, 2) @ table).view_as(seen), (0, 0, back, 0))
        return total if keep is None else total[:, :, keep]


class TestANewLearner:
    def test_it_trains_alone_and_in_a_sweep_with_others(
        self, corpus: Corpus, tmp_path: Path
    ) -> None:
        linear = Run(LinearConfig(context=8), tokens=8_000, lr=0.1)
        trained = train(linear, corpus)
        assert trained.status == "ok" and trained.loss < math.log(128) / 2
        others = [Run(TransformerConfig(8, context=8), 2_000), Run(NgramConfig(context=8), 2_000)]
        wanted = [linear, *others, replace(linear, seed=1)]
        table = sweep(wanted, corpus, workers=1, store=tmp_path / "s", progress=False)
        assert table["learner"].tolist() == ["linear", "transformer", "ngram", "linear"]
        assert table["loss"][0] == pytest.approx(trained.loss, abs=1e-5)
        assert table["window"].tolist() == [2, pd.NA, 8, 2]
        assert table["params_total"][0] == 2 * 128**2


# ---------------------------------------------------------------------- what all learners share

CONFIGS = [
    TransformerConfig(8, context=8, vocab_size=12),
    MLPConfig(8, context=8, window=3, embedding=4, vocab_size=12),
    MLPConfig(12, depth=2, context=8, window=9, embedding=3, vocab_size=12),
    LSTMConfig(6, context=8, vocab_size=12),
    LSTMConfig(4, depth=2, context=8, vocab_size=12),
    LinearConfig(context=8, vocab_size=12),
]
COUNTING = NgramConfig(order=4, context=8, vocab_size=12)
by_gradient = pytest.mark.parametrize("config", CONFIGS, ids=repr)
every = pytest.mark.parametrize("config", [*CONFIGS, COUNTING], ids=repr)


def some_tokens(config: LearnerConfig, stack: int, batch: int = 3, seed: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(config.vocab_size, (stack, batch, config.context), generator=rng)


def disturbed(config: LearnerConfig, stack: int = 3) -> Learner:
    """A stack in which no weight is zero, or one that has counted."""
    model = config.build(range(stack))
    if isinstance(model, Counter):
        read = some_tokens(config, stack, 200, seed=2)
        model.count(read, some_tokens(config, stack, 200, seed=3), None)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng)
    return model


@pytest.fixture(scope="module")
def chain() -> Corpus:
    """Twelve letters, each of which depends on the one before."""
    rng = np.random.default_rng(0)
    follow = rng.dirichlet(np.full(12, 0.2), size=12).cumsum(-1)
    tokens = np.zeros(22_000, dtype=np.uint8)
    for i, draw in enumerate(rng.random(tokens.size - 1), start=1):
        tokens[i] = min(np.searchsorted(follow[tokens[i - 1]], draw), 11)
    return Corpus("chain", tokens[:20_000], tokens[20_000:], 12)


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


class TestModels:
    @every
    def test_each_of_a_stack_computes_as_it_would_alone(self, config: LearnerConfig) -> None:
        stack, tokens = disturbed(config), some_tokens(config, 3)
        together = stack(tokens)
        assert together.shape == (*tokens.shape, config.vocab_size)
        for place in range(3):
            alone = stack.one(place)
            assert alone.stack == 1 and type(alone) is type(stack)
            torch.testing.assert_close(together[place], alone(tokens[place]), rtol=1e-5, atol=1e-5)

    @every
    def test_no_token_sees_a_later_one_and_it_sees_itself(self, config: LearnerConfig) -> None:
        stack, tokens = disturbed(config), some_tokens(config, 3)
        before = stack(tokens)
        for place in (0, 1, 4, 7):
            changed = tokens.clone()
            changed[..., place] = (changed[..., place] + 1) % config.vocab_size
            after = stack(changed)
            torch.testing.assert_close(after[:, :, :place], before[:, :, :place], rtol=0, atol=1e-5)
            moved = (after[:, :, place] - before[:, :, place]).abs().amax(dim=(1, 2))
            assert (moved > 1e-3).all(), "in every model of the stack"

    @every
    def test_a_beginning_has_the_logits_that_it_has_in_a_longer_text(
        self, config: LearnerConfig
    ) -> None:
        stack, tokens = disturbed(config), some_tokens(config, 3)
        whole = stack(tokens)
        for time in (1, 2, 5):
            part = stack(tokens[..., :time])
            torch.testing.assert_close(part, whole[:, :, :time], rtol=1e-5, atol=1e-5)

    @every
    def test_logits_may_be_limited_to_some_places(self, config: LearnerConfig) -> None:
        stack, tokens = disturbed(config), some_tokens(config, 3)
        keep = torch.arange(config.context) % 3 == 1
        torch.testing.assert_close(
            stack(tokens, keep), stack(tokens)[:, :, keep], rtol=1e-5, atol=1e-5
        )

    @every
    def test_tokens_that_do_not_fit_are_refused(self, config: LearnerConfig) -> None:
        stack, tokens = disturbed(config), some_tokens(config, 3)
        with pytest.raises(ValueError, match="the stack has 3 models, the tokens are for 2"):
            stack(tokens[:2])
        with pytest.raises(ValueError, match="sees 8 tokens at once, got 16"):
            stack(torch.cat([tokens, tokens], dim=2))
        with pytest.raises(ValueError, match="numbers from 0 to 11"):
            stack(tokens + 1)

    @by_gradient
    def test_the_seed_fixes_the_start_whatever_the_stack(self, config: LearnerConfig) -> None:
        before = torch.get_rng_state()
        stack, alone = config.build([5, 0, 5]), config.build([0])
        assert torch.equal(before, torch.get_rng_state())
        for name, weights in alone.named_parameters():
            assert torch.equal(stack.get_parameter(name)[1:2], weights)

    @by_gradient
    def test_at_the_start_every_token_is_equally_likely(self, config: LearnerConfig) -> None:
        logits = config.build([0])(some_tokens(config, 1))
        assert not logits.any()

    @by_gradient
    def test_the_loss_of_one_has_no_gradient_in_the_others(self, config: LearnerConfig) -> None:
        stack = disturbed(config)
        stack(some_tokens(config, 3))[1].square().sum().backward()
        for weights in stack.parameters():
            assert weights.grad[1].any()
            assert not weights.grad[0].any() and not weights.grad[2].any()

    @by_gradient
    def test_the_gradient_is_the_slope(self, config: LearnerConfig) -> None:
        model, tokens = disturbed(config, 1).double(), some_tokens(config, 1)
        rng = torch.Generator().manual_seed(3)

        def loss() -> Tensor:
            return F.cross_entropy(model(tokens).flatten(0, 2), tokens.flatten())

        loss().backward()
        for weights in model.parameters():
            along = torch.randn(weights.shape, generator=rng, dtype=torch.float64)
            with torch.no_grad():
                weights += 1e-6 * along
                above = loss()
                weights -= 2e-6 * along
                below = loss()
                weights += 1e-6 * along
            slope = (above - below) / 2e-6
            assert slope.item() == pytest.approx((weights.grad * along).sum().item(), rel=1e-4)

    @by_gradient
    def test_a_group_names_each_weight_once_and_muon_sees_views(
        self, config: LearnerConfig
    ) -> None:
        model = disturbed(config)
        groups = model.groups()
        named = [id(w) for group in groups for w in group.weights]
        assert sorted(named) == sorted(map(id, model.parameters()))
        for group in groups:
            for w in group.weights if group.matrices else ():
                seen = group.matrices(w.detach())
                assert seen.numel() == w.numel() and len(seen) == 3 and seen.dim() >= 3
                seen.zero_()
                assert not w.any()


class TestCounts:
    @by_gradient
    def test_the_parameters_are_those_of_the_model(self, config: LearnerConfig) -> None:
        model = config.build([0])
        assert config.params() == model.params() == sum(w.numel() for w in model.parameters())

    @pytest.mark.parametrize("config", CONFIGS[:-1], ids=repr)
    def test_head_and_embedding_make_the_difference(self, config: LearnerConfig) -> None:
        model = config.build([0])
        ends = [model.embedding]
        if isinstance(config, TransformerConfig):
            ends.append(model.position)
        with_head, total = config.params("with_head"), config.params("total")
        assert total - with_head == sum(w.numel() for w in ends)
        assert with_head - config.params("non_embedding") == model.head.numel()

    @pytest.mark.parametrize("config", CONFIGS[:-1], ids=repr)
    def test_flops_are_what_torch_counts(self, config: LearnerConfig) -> None:
        tokens = some_tokens(config, 2, 4)
        model = disturbed(config, 2)
        with warnings.catch_warnings():  # torch warns that it turns off what is not there
            warnings.simplefilter("ignore")
            # oneDNN's LSTM is one operation, which torch does not look into.
            with mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
                F.cross_entropy(model(tokens).flatten(0, 2), tokens.flatten()).backward()
        counted = counter.get_total_flops()
        if isinstance(config, LSTMConfig):
            # The state before the first token is no weight: torch leaves its gradient out.
            firsts = tokens.numel() // config.context
            counted += firsts * config.depth * 2 * 4 * config.width**2
        assert counted == tokens.numel() * config.flops_per_token("total")

    @pytest.mark.parametrize("config", CONFIGS[1:-1], ids=repr)
    def test_without_the_head_they_are_six_for_each_weight_of_the_layers(
        self, config: LearnerConfig
    ) -> None:
        head = config.params("with_head") - config.params("non_embedding")
        assert config.flops_per_token("with_head") == config.flops_per_token("total")
        assert config.flops_per_token("total") - config.flops_per_token("non_embedding") == 6 * head
        layers = config.flops_per_token("non_embedding") / 6
        assert 0.5 < layers / config.params("non_embedding") < 1, "all but the biases"

    @pytest.mark.parametrize("config", [*CONFIGS[:-1], COUNTING], ids=repr)
    def test_an_unknown_count_is_refused(self, config: Any) -> None:
        for act in (config.params, config.flops_per_token, disturbed(config).params):
            with pytest.raises(ValueError, match="non_embedding, with_head"):
                act("all")


class TestConfigs:
    @pytest.mark.parametrize("make", [MLPConfig, LSTMConfig, NgramConfig])
    @pytest.mark.parametrize("value", [0, -4, 2.5, "16", None, True])
    def test_a_size_that_is_no_whole_number_is_refused(self, make: Any, value: Any) -> None:
        first = {} if make is NgramConfig else {"width": 8}
        for field in fields(make):
            with pytest.raises(ValueError, match=f"{field.name} must be (a whole|at least 1)"):
                make(**first | {field.name: value})

    def test_numbers_from_numpy_are_taken_as_plain_ones(self) -> None:
        assert MLPConfig(np.int64(8)) == MLPConfig(8) and type(MLPConfig(np.int64(8)).width) is int

    def test_the_default_rates_pass_by_those_that_worked(self) -> None:
        for width, rate in {24: 0.010, 48: 0.006, 96: 0.0035, 128: 0.0028, 160: 0.0022}.items():
            assert LSTMConfig(width).default_lr() == pytest.approx(rate, rel=0.14)
        for width, rate in {20: 0.012, 36: 0.007, 64: 0.004, 96: 0.0028, 112: 0.0025}.items():
            assert LSTMConfig(width, depth=2).default_lr() == pytest.approx(rate, rel=0.14)
        for width, rate in {32: 0.018, 1024: 0.006}.items():
            assert MLPConfig(width).default_lr() == pytest.approx(rate, rel=0.02)
        assert Run(LSTMConfig(24), 1_000).lr == LSTMConfig(24).default_lr()

    def test_wide_models_are_stacked_less(self) -> None:
        for make in (TransformerConfig, MLPConfig, LSTMConfig):
            assert [make(width).lanes() for width in (8, 64, 512)] == [16, 4, 1]
            assert [make(width).lanes(card=True) for width in (8, 512)] == [64, 8]


class TestTraining:
    TOKENS = 4_000

    def run(self, config: LearnerConfig, **options: Any) -> Run:
        return Run(config, self.TOKENS, **options)

    @every
    def test_it_learns_the_same_to_the_last_bit(self, config: LearnerConfig, chain: Corpus) -> None:
        first, again = (train(self.run(config), chain) for _ in range(2))
        assert first.status == "ok" and 0 < first.loss < math.log(12) - 0.2
        assert (first.loss, first.loss_std) == (again.loss, again.loss_std)
        assert first.row() == again.row() | {"seconds": first.seconds}
        assert list(first.row()) == list(runs.COLUMNS)
        assert f"loss {first.loss:.3f}" in str(first) and not first.model.training

    @by_gradient
    def test_together_they_have_the_losses_that_they_have_alone(
        self, config: LearnerConfig, chain: Corpus
    ) -> None:
        lanes = [{}, {"seed": 1}, {"seed": 2, "weight_decay": 0.5}, {"unique_tokens": 2_000}]
        rest = {"dropout": 0.2, "tokens": 2_000}
        wanted = [replace(self.run(config), **rest | lane) for lane in lanes]
        assert len(lockstep(wanted)) == 1
        together = train_together(wanted, chain)
        for got in together:
            assert got.loss == pytest.approx(train(got.run, chain).loss, abs=2e-5)
        assert len({got.loss for got in together}) == len(wanted)

    @pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[2], CONFIGS[4]], ids=repr)
    def test_muon_trains_it_too(self, config: LearnerConfig, chain: Corpus) -> None:
        got = train(self.run(config, optimizer="muon"), chain)
        assert got.status == "ok" and got.loss < 2.3

    @every
    def test_more_tokens_give_a_lower_loss(self, config: LearnerConfig, chain: Corpus) -> None:
        losses = [train(Run(config, tokens), chain).loss for tokens in (500, 4_000)]
        assert losses[1] < losses[0] - 0.05


def test_at_the_start_an_lstm_forgets_little() -> None:
    for bias in LSTM(LSTMConfig(8, depth=2), [0, 1]).biases:
        # In the order of torch: input gate, forget gate, candidate, output gate.
        gates = bias.detach().sum(1).unflatten(1, (4, 8))
        assert gates.mean(2).tolist() == [[0, 1, 0, 0]] * 2


def test_another_block_can_be_put_into_the_transformer(chain: Corpus) -> None:
    """As the transformer's docstring says: a block, a model that names it, a config."""

    class Halved(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) / 2

    class Mine(Transformer):
        block = Halved

    @dataclass(frozen=True)
    class MineConfig(TransformerConfig):
        kind: ClassVar[str] = "halved"

        def build(self, seeds: Sequence[int]) -> Mine:
            return Mine(self, seeds)

    shape = {"width": 8, "context": 8, "vocab_size": 12}
    mine, theirs = Run(MineConfig(**shape), 2_000), Run(TransformerConfig(**shape), 2_000)
    assert train(mine, chain).loss != train(theirs, chain).loss
    assert store.key(mine, "c") != store.key(theirs, "c")
    assert train(mine, chain).row()["learner"] == "halved"


class TestDropout:
    CONFIG = CONFIGS[0]

    def test_it_is_off_where_the_loss_is_measured(self, chain: Corpus) -> None:
        got = train(Run(self.CONFIG, 2_000, dropout=0.5), chain)
        loss, _ = evaluate(got.model, chain)
        assert loss.item() == got.loss == evaluate(deepcopy(got.model).train(), chain)[0].item()

    @by_gradient
    def test_it_changes_the_training_and_the_seed_changes_it(
        self, config: LearnerConfig, chain: Corpus
    ) -> None:
        first = [Run(config, 2_000, dropout=dropout) for dropout in (0.0, 0.1, 0.5)]
        losses = {train(run, chain).loss for run in first}
        assert len(losses) == (1 if config.kind == "linear" else 3)

    def test_a_share_is_dropped_and_the_mean_stays(self) -> None:
        from scalinglaws.learners.base import Masks

        masks = Masks(0.25, [0, 1, 0], torch.device("cpu"))
        masks.begin(7)
        once, more = masks(torch.ones(3, 40_000)), masks(torch.ones(3, 40_000))
        assert once.unique().tolist() == [0.0, pytest.approx(4 / 3)]
        assert (once == 0).float().mean(1).tolist() == pytest.approx([0.25] * 3, abs=0.01)
        assert torch.equal(once[0], once[2]) and not torch.equal(once[0], once[1])
        assert not torch.equal(once, more), "each layer has masks of its own"
        masks.begin(8)
        assert not torch.equal(masks(torch.ones(3, 40_000)), once), "and each step"
        masks.begin(7)
        assert torch.equal(masks(torch.ones(3, 40_000)), once)

    def test_a_branch_drops_what_the_run_alone_drops(self, chain: Corpus) -> None:
        wanted = [Run(self.CONFIG, tokens, dropout=0.3, warmup=0) for tokens in (1_000, 2_000)]
        for got in train_together(wanted, chain):
            assert got.loss == train(got.run, chain).loss


# ------------------------------------------------------------------------------------ the n-gram


def counted(config: NgramConfig, windows: Sequence[Sequence[int]]) -> Ngram:
    read = torch.tensor(windows)[None]
    model = config.build([0])
    model.count(read[..., :-1], read[..., 1:], None)
    return model


class TestNgram:
    def test_a_bigram_by_hand(self) -> None:
        """Windows abab and acac, with a = 0, b = 1, c = 2: ab and ac twice, ba and ca once.

        Nothing came three times, so half of each count is taken.
        """
        config = NgramConfig(order=2, context=3, vocab_size=3)
        model = counted(config, [[0, 1, 0, 1], [0, 2, 0, 2]])
        # Below, b and c came after one token, a after two: 4, of which .5, .5 and 1 are taken.
        passed = (0.5 + 0.5 + 1) / 4
        below = {0: 1 / 4, 1: 0.5 / 4, 2: 0.5 / 4}
        below = {w: p + passed / 3 for w, p in below.items()}
        after_a = [2 / 4 * below[0], 1 / 4 + 2 / 4 * below[1], 1 / 4 + 2 / 4 * below[2]]
        after_b = [0.5 / 1 + 0.5 * below[0], 0.5 * below[1], 0.5 * below[2]]
        got = model(torch.tensor([[[0, 1]]])).exp()[0, 0]
        assert got[0].tolist() == pytest.approx(after_a)
        assert got[1].tolist() == pytest.approx(after_b)

    def test_at_the_beginning_of_a_window_the_shorter_order_is_the_highest(self) -> None:
        windows = [[0, 1, 2, 0], [1, 2, 1, 2], [0, 2, 2, 1]]
        long = counted(NgramConfig(order=3, context=3, vocab_size=3), windows)
        short = counted(NgramConfig(order=2, context=3, vocab_size=3), windows)
        # The first token is predicted from by pairs: how often each came, not after how many.
        raw, pairs = long.orders[0][1].as_highest, short.orders[0][1].as_highest
        assert np.array_equal(raw.discounted, pairs.discounted)
        text = torch.tensor([[[0, 1, 2]]])
        assert long(text)[0, 0, 0].tolist() != long(text)[0, 0, 2].tolist()

    def test_the_discounts_are_those_of_chen_and_goodman(self) -> None:
        from scalinglaws.learners.ngram import _discounts

        counts = np.repeat([1, 2, 3, 4, 9], [100, 40, 20, 10, 5])
        y = 100 / (100 + 2 * 40)
        expected = [1 - 2 * y * 40 / 100, 2 - 3 * y * 20 / 40, 3 - 4 * y * 10 / 20]
        assert _discounts(counts) == pytest.approx(expected)
        assert _discounts(np.array([1, 1, 2])) == (0.5, 1.0, 1.5)

    def test_it_agrees_with_a_plain_count_of_everything(self) -> None:
        """The same formulas, written with dictionaries and recursion."""
        config = NgramConfig(order=4, context=6, vocab_size=4)
        rng = np.random.default_rng(0)
        windows = rng.choice(4, p=[0.5, 0.3, 0.15, 0.05], size=(60, 7))
        model, plain = counted(config, windows.tolist()), Plain(windows.tolist(), config)
        texts = rng.integers(4, size=(20, 6))
        got = model(torch.from_numpy(texts)[None]).exp()[0].numpy()
        for text, of_text in zip(texts.tolist(), got, strict=True):
            for place in range(6):
                history = tuple(text[max(0, place - 2) : place + 1])
                expected = [plain.p(w, history, highest=True) for w in range(4)]
                assert of_text[place] == pytest.approx(expected, rel=1e-9)

    @pytest.mark.parametrize("order", [1, 2, 5, 9])
    def test_probabilities_sum_to_one_also_after_what_was_never_met(self, order: int) -> None:
        config = NgramConfig(order=order, context=8, vocab_size=12)
        p = disturbed(config)(some_tokens(config, 3, 50)).exp()
        assert p.min() > 0
        torch.testing.assert_close(p.sum(-1), torch.ones_like(p[..., 0]), rtol=0, atol=1e-12)

    def test_only_places_that_are_scored_are_counted(self) -> None:
        config = NgramConfig(order=3, context=3, vocab_size=5)
        read, targets = some_tokens(config, 1, 50), some_tokens(config, 1, 50, seed=5)
        keep = torch.tensor([False, True, True])
        one, other = config.build([0]), config.build([0])
        one.count(read, targets, keep)
        targets[..., 0] = 4 - targets[..., 0]
        other.count(read, targets, keep)
        assert torch.equal(one(read), other(read))
        other.count(read, targets, None)
        assert not torch.equal(one(read), other(read))

    def test_its_parameters_are_the_counts_that_it_stores(self) -> None:
        model = counted(NgramConfig(order=2, context=3, vocab_size=3), [[0, 1, 0, 1], [0, 2, 0, 2]])
        # a b, a c, b a, c a once each; a, b, c twice each.
        assert model.params() == model.params("with_head") == 4 + 2 * 3
        with pytest.raises(ValueError, match="as many parameters as it met different n-grams"):
            NgramConfig().params()
        with pytest.raises(ValueError, match="has counted nothing yet"):
            NgramConfig().build([0]).params()

    def test_reading_again_changes_nothing(self, chain: Corpus) -> None:
        once = Run(COUNTING, tokens=2_000, unique_tokens=2_000)
        first, again = train(once, chain), train(replace(once, tokens=6_000), chain)
        assert first.loss == again.loss and first.row()["params"] == again.row()["params"]
        assert again.row()["flops"] == 6_000 * 4

    def test_what_concerns_gradients_is_refused_and_empty_in_the_table(self, chain: Corpus) -> None:
        for name, value in {
            "lr": 0.1,
            "batch": 4,
            "optimizer": "muon",
            "weight_decay": 0.1,
            "dropout": 0.1,
            "ends_lr": 0.1,
        }.items():
            with pytest.raises(ValueError, match=f"ngram learns by counting.*leave out {name}"):
                Run(COUNTING, 2_000, **{name: value})
        run = Run(COUNTING, 2_000)
        row = train(run, chain).row()
        empty = ["width", "depth", "heads", "shift", "lr", "ends_lr", "batch", "warmup", "cooldown"]
        assert all(row[name] is None for name in [*empty, "weight_decay", "dropout", "optimizer"])
        assert run.lr is None and run.steps == 0

    def test_its_progress_is_told_once(self, chain: Corpus) -> None:
        told: list[tuple[int, float]] = []
        train(Run(COUNTING, 2_000), chain, progress=lambda *entry: told.append(entry))
        ((tokens, loss),) = told
        assert tokens == 2_000 and math.isnan(loss)

    @pytest.mark.parametrize("fit", [1, 2, 3])
    def test_strings_too_long_for_an_integer_are_counted_alike(
        self, monkeypatch: pytest.MonkeyPatch, fit: int
    ) -> None:
        from scalinglaws.learners import ngram

        config = NgramConfig(order=5, context=6, vocab_size=4)
        rng = np.random.default_rng(1)
        windows = rng.choice(4, p=[0.5, 0.3, 0.15, 0.05], size=(80, 7)).tolist()
        texts = torch.from_numpy(rng.integers(4, size=(1, 30, 6)))
        packed = counted(config, windows)(texts)
        monkeypatch.setattr(ngram, "_fit", lambda vocab_size, room: fit)
        numbered = counted(config, windows)
        assert torch.equal(numbered(texts), packed)
        assert numbered.params() == counted(config, windows).params()

    def test_more_than_can_be_numbered_or_the_context_is_refused(self) -> None:
        NgramConfig(order=13, vocab_size=128)
        with pytest.raises(ValueError, match="the order may be at most 13"):
            NgramConfig(order=14, vocab_size=128)
        with pytest.raises(ValueError, match="order must be at most 5"):
            NgramConfig(order=9, context=4)


class Plain:
    """Modified interpolated Kneser-Ney from the definitions, for small texts."""

    def __init__(self, windows: list[list[int]], config: NgramConfig) -> None:
        from scalinglaws.learners.ngram import _discounts

        self.v = config.vocab_size
        self.came: dict[tuple, int] = {}
        self.before: dict[tuple, set] = {}
        for window in windows:
            for end in range(1, len(window)):
                for n in range(1, min(config.order, end + 1) + 1):
                    gram = tuple(window[end - n + 1 : end + 1])
                    self.came[gram] = self.came.get(gram, 0) + 1
                    start = end - n
                    self.before.setdefault(gram, set()).add(window[start] if start >= 0 else -1)
        self.tables = {}
        for n in range(1, config.order + 1):
            for highest in (True, False):
                counts = {
                    gram: times if highest else len(self.before[gram])
                    for gram, times in self.came.items()
                    if len(gram) == n
                }
                self.tables[n, highest] = counts, _discounts(np.array([*counts.values()]))

    def p(self, w: int, history: tuple, highest: bool) -> float:
        counts, discounts = self.tables[len(history) + 1, highest]
        after = {gram[-1]: c for gram, c in counts.items() if gram[:-1] == history}
        lower = self.p(w, history[1:], False) if history else 1 / self.v
        if not after:
            return lower
        taken = {token: discounts[min(c, 3) - 1] for token, c in after.items()}
        own = after.get(w, 0) - taken.get(w, 0)
        return (own + sum(taken.values()) * lower) / sum(after.values())


def test_each_learner_has_a_kind_of_its_own() -> None:
    kinds = [c.kind for c in (TransformerConfig, MLPConfig, LSTMConfig, NgramConfig)]
    assert kinds == ["transformer", "mlp", "lstm", "ngram"]
    same = [Run(c, 1_000, lr=0.01) for c in (MLPConfig(8), LSTMConfig(8))]
    assert len({store.key(run, "c") for run in same}) == 2
    assert lane_of(same[0]) == lane_of(same[1])
