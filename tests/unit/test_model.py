"""The transformer and the counts of its size and cost: `scalinglaws.learners`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from scalinglaws.learners import Transformer, TransformerConfig, norm, shift
from scalinglaws.learners.transformer import attention

CONFIGS = [
    TransformerConfig(width=8, context=8),
    TransformerConfig(width=16),
    TransformerConfig(width=32, depth=3, heads=4, context=16, vocab_size=50),
    TransformerConfig(width=64, depth=1, context=8, shift=False),
    TransformerConfig(width=20, depth=5, context=3, vocab_size=7),
    TransformerConfig(width=4, heads=4, context=6, vocab_size=9),
]
configs = pytest.mark.parametrize("config", CONFIGS, ids=str)


def disturbed(config: TransformerConfig, seeds: int | Sequence[int] = 0) -> Transformer:
    """A stack in which no weight is zero, as after some training."""
    model = Transformer(config, seeds)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng)
    return model


def some_tokens(config: TransformerConfig, batch: int = 3, time: int | None = None) -> torch.Tensor:
    return tokens_of_a_stack(config, 1, batch, time)[0]


def tokens_of_a_stack(
    config: TransformerConfig, stack: int, batch: int = 3, time: int | None = None
) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.randint(config.vocab_size, (stack, batch, time or config.context), generator=rng)


class TestConfig:
    @configs
    def test_counts_agree_with_the_parameters_of_the_model(self, config: TransformerConfig) -> None:
        model = Transformer(config)
        blocks = sum(weights.numel() for weights in model.blocks.parameters())
        assert len(model.blocks) == config.depth
        assert config.params("non_embedding") == blocks
        assert config.params("with_head") == blocks + model.head.numel()
        everything = sum(parameter.numel() for parameter in model.parameters())
        assert config.params("total") == config.params() == everything

    @configs
    def test_flops_agree_with_what_torch_counts(self, config: TransformerConfig) -> None:
        tokens = some_tokens(config, batch=4)
        model = Transformer(config)
        with FlopCounterMode(display=False) as counter:
            F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        assert counter.get_total_flops() == tokens.numel() * config.flops_per_token("total")

    @configs
    def test_a_stack_is_that_many_models(self, config: TransformerConfig) -> None:
        sizes = [p.numel() for p in Transformer(config, [3, 1, 4]).parameters()]
        assert sum(sizes) == 3 * config.params()

    @pytest.mark.parametrize("stack", [2, 3])
    def test_a_stack_costs_that_many_times_the_flops(self, stack: int) -> None:
        config = CONFIGS[1]
        tokens = tokens_of_a_stack(config, stack, batch=4)
        model = Transformer(config, range(stack))
        with FlopCounterMode(display=False) as counter:
            F.cross_entropy(model(tokens).flatten(0, 2), tokens.flatten()).backward()
        assert counter.get_total_flops() == tokens.numel() * config.flops_per_token("total")

    @configs
    def test_flops_without_attention_are_six_per_parameter(self, config: TransformerConfig) -> None:
        assert config.flops_per_token("with_head") == 6 * config.params("with_head")
        assert config.flops_per_token("non_embedding") == 6 * config.params("non_embedding")

    def test_by_default_there_is_a_head_for_each_16_channels_and_at_least_two(self) -> None:
        heads = {width: TransformerConfig(width).heads for width in (4, 8, 16, 32, 48, 64, 96, 256)}
        assert heads == {4: 2, 8: 2, 16: 2, 32: 2, 48: 3, 64: 4, 96: 6, 256: 16}

    @pytest.mark.parametrize("width", range(4, 200, 4))
    def test_the_default_number_of_heads_always_divides_the_width(self, width: int) -> None:
        assert width % TransformerConfig(width).heads == 0

    def test_another_width_takes_its_own_default_heads_when_asked_anew(self) -> None:
        narrow = TransformerConfig(width=32)
        assert replace(narrow, width=96, heads=None) == TransformerConfig(width=96)
        assert replace(narrow, width=96).heads == narrow.heads == 2, "what is said is kept"

    def test_numbers_from_numpy_are_taken_as_plain_ones(self) -> None:
        config = TransformerConfig(width=np.int64(16), depth=np.int32(2), heads=np.int64(4))
        assert config == TransformerConfig(width=16, depth=2, heads=4)
        assert type(config.width) is type(config.depth) is type(config.heads) is int

    @pytest.mark.parametrize("name", ["width", "depth", "context", "vocab_size"])
    @pytest.mark.parametrize("value", [0, -4, 16.0, "16", None, True, float("nan")])
    def test_a_size_that_is_no_whole_number_is_refused(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=f"{name} must be (a whole number|at least 1)"):
            TransformerConfig(**{"width": 16} | {name: value})

    def test_a_width_that_cannot_be_halved_is_refused(self) -> None:
        with pytest.raises(ValueError, match="multiple of 2, got 17"):
            TransformerConfig(17)

    @pytest.mark.parametrize("heads", [0, -2, 3, 32, 2.0, "2", True])
    def test_heads_that_do_not_divide_the_width_are_refused(self, heads: Any) -> None:
        with pytest.raises(ValueError, match="heads must divide width"):
            TransformerConfig(16, heads=heads)

    @pytest.mark.parametrize("count", ["all", None, ""])
    def test_an_unknown_count_is_refused(self, count: Any) -> None:
        with pytest.raises(ValueError, match="non_embedding, with_head"):
            TransformerConfig(16).params(count)
        with pytest.raises(ValueError, match="non_embedding, with_head"):
            TransformerConfig(16).flops_per_token(count)


class TestTransformer:
    @configs
    def test_at_the_start_every_token_is_equally_likely(self, config: TransformerConfig) -> None:
        tokens = some_tokens(config)
        loss = F.cross_entropy(Transformer(config)(tokens).flatten(0, 1), tokens.flatten())
        assert loss.item() == pytest.approx(math.log(config.vocab_size), rel=1e-6)

    @configs
    def test_the_start_does_not_stop_the_learning(self, config: TransformerConfig) -> None:
        tokens = some_tokens(config)
        model = Transformer(config)
        F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        assert model.head.grad.abs().max() > 0

    def test_the_seed_fixes_the_weights(self) -> None:
        first, again, other = (Transformer(CONFIGS[0], seed) for seed in (3, 3, 4))
        for name, weights in first.named_parameters():
            assert torch.equal(weights, again.get_parameter(name))
        assert not torch.equal(first.embedding, other.embedding)

    def test_the_seed_leaves_the_generator_of_torch_alone(self) -> None:
        before = torch.get_rng_state()
        Transformer(CONFIGS[0], [1, 2])
        assert torch.equal(before, torch.get_rng_state())

    @configs
    @pytest.mark.parametrize("time", [1, 2, 3])
    def test_short_texts_give_logits_for_every_token(
        self, config: TransformerConfig, time: int
    ) -> None:
        logits = disturbed(config)(some_tokens(config, batch=2, time=time))
        assert logits.shape == (2, time, config.vocab_size)
        assert logits.isfinite().all()

    @pytest.mark.parametrize("shifted", [True, False])
    @pytest.mark.parametrize("time", [1, 2, 3, 8])
    def test_no_token_sees_a_later_one(self, shifted: bool, time: int) -> None:
        config = TransformerConfig(width=16, depth=3, context=8, shift=shifted)
        model = disturbed(config)
        tokens = some_tokens(config, time=time)
        before = model(tokens)
        for place in range(time):
            changed = tokens.clone()
            changed[:, place] = (changed[:, place] + 1) % config.vocab_size
            after = model(changed)
            torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-5)
            assert not torch.allclose(after[:, place], before[:, place], atol=1e-3)

    @pytest.mark.parametrize("time", [1, 2, 3, 8])
    def test_no_token_of_a_stack_sees_a_later_one(self, time: int) -> None:
        config = TransformerConfig(width=16, depth=2, context=8)
        model = disturbed(config, [0, 1, 2])
        tokens = tokens_of_a_stack(config, 3, time=time)
        before = model(tokens)
        for place in range(time):
            changed = tokens.clone()
            changed[..., place] = (changed[..., place] + 1) % config.vocab_size
            after = model(changed)
            torch.testing.assert_close(after[:, :, :place], before[:, :, :place], rtol=0, atol=1e-5)
            moved = (after[:, :, place] - before[:, :, place]).abs().amax(dim=(1, 2))
            assert (moved > 1e-3).all(), "in every model of the stack"

    @pytest.mark.parametrize("shifted", [True, False])
    def test_the_last_token_sees_the_first(self, shifted: bool) -> None:
        config = TransformerConfig(width=16, context=8, shift=shifted)
        model, tokens = disturbed(config), some_tokens(config)
        changed = tokens.clone()
        changed[:, 0] = (changed[:, 0] + 1) % config.vocab_size
        assert (model(changed)[:, -1] - model(tokens)[:, -1]).abs().max() > 1e-3

    @pytest.mark.parametrize("shifted", [True, False])
    def test_a_beginning_gives_the_same_logits_alone_as_in_a_longer_text(
        self, shifted: bool
    ) -> None:
        config = TransformerConfig(width=16, context=8, shift=shifted)
        model, tokens = disturbed(config), some_tokens(config)
        whole = model(tokens)
        for time in range(1, 9):
            part = model(tokens[:, :time])
            torch.testing.assert_close(part, whole[:, :time], rtol=1e-5, atol=1e-4)

    def test_texts_of_a_batch_do_not_mix(self) -> None:
        model, tokens = disturbed(CONFIGS[1]), some_tokens(CONFIGS[1], batch=4)
        alone = torch.cat([model(text[None]) for text in tokens])
        torch.testing.assert_close(model(tokens), alone, rtol=1e-5, atol=1e-4)

    def test_the_shift_moves_a_quarter_by_one_and_a_quarter_by_two(self) -> None:
        x = torch.arange(1, 5).float()[None, :, None].repeat(1, 1, 8)
        moved = shift(x)[0].tolist()
        assert moved == [
            [1, 1, 1, 1, 0, 0, 0, 0],
            [2, 2, 2, 2, 1, 1, 0, 0],
            [3, 3, 3, 3, 2, 2, 1, 1],
            [4, 4, 4, 4, 3, 3, 2, 2],
        ]

    def test_attention_is_that_of_torch(self) -> None:
        rng = torch.Generator().manual_seed(0)
        qkv = 2 * torch.randn(2, 5, 3, 3, 4, generator=rng)  # texts, time, q k v, heads, channels
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        expected = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        torch.testing.assert_close(attention(qkv), expected.transpose(1, 2).flatten(2))

    def test_the_norm_centres_and_scales_each_token(self) -> None:
        x = norm(torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(0)) * 7 + 3)
        torch.testing.assert_close(x.mean(-1), torch.zeros(3, 5), rtol=0, atol=1e-5)
        torch.testing.assert_close(x.var(-1, correction=0), torch.ones(3, 5), rtol=1e-3, atol=0)

    def test_more_tokens_than_the_context_are_refused(self) -> None:
        with pytest.raises(ValueError, match="sees 8 tokens at once, got 9"):
            Transformer(TransformerConfig(8, context=8))(torch.zeros(1, 9, dtype=torch.long))

    @pytest.mark.parametrize("shape", [(), (8,), (1, 1, 1, 8)])
    def test_tokens_with_other_axes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="axes"):
            Transformer(CONFIGS[0])(torch.zeros(shape, dtype=torch.long))

    @pytest.mark.parametrize("stack", [1, 2])
    @pytest.mark.parametrize("token", [-1, 128])
    def test_tokens_that_do_not_exist_are_refused(self, stack: int, token: int) -> None:
        tokens = torch.zeros(stack, 2, 8, dtype=torch.long)
        tokens[0, 1, 3] = token
        with pytest.raises(ValueError, match="numbers from 0 to 127"):
            Transformer(CONFIGS[0], range(stack))(tokens)


class TestStack:
    @configs
    def test_each_model_starts_as_it_would_alone(self, config: TransformerConfig) -> None:
        stack = Transformer(config, [5, 0, 5])
        assert stack.stack == 3
        for place, seed in enumerate([5, 0, 5]):
            alone = Transformer(config, seed)
            for name, weights in alone.named_parameters():
                assert torch.equal(stack.get_parameter(name)[place : place + 1], weights)

    @configs
    def test_each_model_computes_as_it_would_alone(self, config: TransformerConfig) -> None:
        stack = disturbed(config, [0, 1, 2])
        tokens = tokens_of_a_stack(config, 3)
        together = stack(tokens)
        assert together.shape == (*tokens.shape, config.vocab_size)
        for place in range(3):
            alone = stack.one(place)
            assert alone.stack == 1
            torch.testing.assert_close(together[place], alone(tokens[place]), rtol=1e-5, atol=1e-4)

    def test_one_of_a_stack_is_a_copy(self) -> None:
        stack = disturbed(CONFIGS[1], [0, 1])
        alone = stack.one(1)
        before = stack.head.detach().clone()
        with torch.no_grad():
            alone.head.zero_()
        assert torch.equal(stack.head, before)
        assert torch.equal(alone.embedding[0], stack.embedding[1])

    @configs
    def test_the_tokens_of_one_model_leave_the_others_alone(
        self, config: TransformerConfig
    ) -> None:
        stack = disturbed(config, [0, 1, 2])
        tokens = tokens_of_a_stack(config, 3)
        changed = tokens.clone()
        changed[1] = (changed[1] + 1) % config.vocab_size
        before, after = stack(tokens), stack(changed)
        assert torch.equal(after[0], before[0]) and torch.equal(after[2], before[2])
        assert not torch.allclose(after[1], before[1], atol=1e-3)

    @configs
    def test_the_loss_of_one_model_has_no_gradient_in_the_others(
        self, config: TransformerConfig
    ) -> None:
        stack = disturbed(config, [0, 1, 2])
        stack(tokens_of_a_stack(config, 3))[1].square().sum().backward()
        for weights in stack.parameters():
            assert weights.grad[1].any()
            assert not weights.grad[0].any() and not weights.grad[2].any()

    def test_a_model_that_is_no_number_any_more_leaves_the_others_alone(self) -> None:
        stack = disturbed(CONFIGS[1], [0, 1, 2])
        tokens = tokens_of_a_stack(CONFIGS[1], 3)
        before = stack(tokens).detach()
        with torch.no_grad():
            for weights in stack.parameters():
                weights[1] = math.nan
        after = stack(tokens)
        assert after[1].isnan().all()
        assert torch.equal(after[0], before[0]) and torch.equal(after[2], before[2])

    @configs
    def test_logits_may_be_limited_to_some_places(self, config: TransformerConfig) -> None:
        stack = disturbed(config, [0, 1])
        tokens = tokens_of_a_stack(config, 2)
        keep = torch.arange(config.context) % 2 == 1
        some, whole = stack(tokens, keep), stack(tokens)
        assert some.shape == (2, 3, int(keep.sum()), config.vocab_size)
        torch.testing.assert_close(some, whole[:, :, keep], rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(
            stack.one(0)(tokens[0], keep), whole[0, :, keep], rtol=1e-5, atol=1e-4
        )

    def test_tokens_for_another_number_of_models_are_refused(self) -> None:
        stack = Transformer(CONFIGS[0], [0, 1])
        with pytest.raises(ValueError, match="has 2 models, the tokens are for 3"):
            stack(tokens_of_a_stack(CONFIGS[0], 3))
        with pytest.raises(ValueError, match="has 2 models, the tokens are for 1"):
            stack(some_tokens(CONFIGS[0]))
