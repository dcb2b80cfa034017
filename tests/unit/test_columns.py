"""Which column plays which role, and units in names: `scalinglaws.runs.columns`."""

from __future__ import annotations

import math

import pytest

from scalinglaws.runs import columns
from scalinglaws.runs.columns import PF_DAY, recognised

BASE = ["params", "tokens", "loss"]


def role(names: list[str], wanted: str) -> str | None:
    found = recognised(names).columns.get(wanted)
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["params (embedding)", "total_params"], "params", "total_params"),
        (["params_in_embedding", "total_params"], "params", "total_params"),
        (["params (embedding)", "N"], "params", "N"),
        (["params (attention)", "params (non-embedding)"], "params", "params (non-embedding)"),
        (["params (without embeddings)", "params (embeddings)"], "params",
         "params (without embeddings)"),
        (["params w/o emb", "embedding params"], "params", "params w/o emb"),
        (["params", "params (total)"], "params", "params"),
        (["n", "total_params"], "params", "total_params"),
        (["n", "params"], "params", "params"),
        (["n", "N"], "params", "N"),
        (["n"], "params", "n"),
        (["L", "train_loss"], "loss", "train_loss"),
        (["l", "loss"], "loss", "loss"),
        (["L"], "loss", "L"),
        (["L", "val_ppl"], "loss", "L"),
        (["val_ppl", "train_loss"], "loss", "train_loss"),
        (["val_ppl"], "loss", "val_ppl"),
        (["d", "tokens_seen"], "tokens", "tokens_seen"),
        (["c", "total_flops"], "flops", "total_flops"),
        (["size (MB)"], "params", None),
        (["model_size_mb"], "params", None),
        (["size in GB", "size (M)"], "params", "size (M)"),
        (["Model Size (bytes)"], "params", None),
        (["config.n_params", "config.lr"], "params", "config.n_params"),
        (["summary.val/loss", "train/loss"], "loss", "summary.val/loss"),
        (["total_gflops", "TFLOPs"], "flops", "total_gflops"),
        (["total_flos"], "flops", "total_flos"),
        (["throughput/total_gflops"], "flops", "throughput/total_gflops"),
        (["throughput/total_tokens", "trainer.num_train_steps"], "tokens",
         "throughput/total_tokens"),
    ],
)  # fmt: skip
def test_the_right_column_has_the_role(names: list[str], wanted: str, found: str | None) -> None:
    assert role(names, wanted) == found


@pytest.mark.parametrize("names", [["params", "N"], ["loss", "L"], ["val_loss", "test_loss"],
                                   ["params (total)", "params (non-embedding)"]])  # fmt: skip
def test_two_that_may_be_meant_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="both claim to be"):
        recognised(names)


@pytest.mark.parametrize(
    ("name", "wanted", "factor"),
    [
        ("params (M)", "params", 1e6),
        ("params (mln)", "params", 1e6),
        ("params (mil.)", "params", 1e6),
        ("params_mln", "params", 1e6),
        ("tokens (bln)", "tokens", 1e9),
        ("tokens (x10^6)", "tokens", 1e6),
        ("tokens (× 10⁹)", "tokens", 1e9),
        ("tokens (10^{9})", "tokens", 1e9),
        ("tokens (1e9)", "tokens", 1e9),
        ("tokens (1,000,000s)", "tokens", 1e6),
        ("tokens (000s)", "tokens", 1e3),
        ("tokens_in_billions", "tokens", 1e9),
        ("total_gflops", "flops", 1e9),
        ("train_pflops", "flops", 1e15),
        ("throughput/total_gflops", "flops", 1e9),
        ("compute (ZFLOPs)", "flops", 1e21),
        ("compute (PF-days)", "flops", PF_DAY),
        ("compute (TFLOPs)", "flops", 1e12),
        ("params (non-embedding)", "params", 1.0),
        ("params", "params", 1.0),
    ],
)
def test_units_in_names(name: str, wanted: str, factor: float) -> None:
    found = recognised([name]).columns[wanted]
    assert found.factor == factor


def test_a_unit_that_may_mean_two_things_is_refused() -> None:
    with pytest.raises(ValueError, match="10e6"):
        recognised(["tokens (10e6)"])


def test_a_unit_that_nobody_knows_is_named() -> None:
    notes = recognised(["params (furlongs)", "tokens"]).notes
    assert any("'furlongs'" in note and "no unit known" in note for note in notes)
    assert not any("no unit" in note for note in recognised(["params (non-embedding)"]).notes)


@pytest.mark.parametrize(
    ("name", "said"), [("train_loss", True), ("pretraining_loss", False), ("val_loss", False)]
)
def test_a_training_loss_is_called_one(name: str, said: bool) -> None:
    notes = recognised(["params", "tokens", name]).notes
    assert any("is a training loss" in note for note in notes) == said


def test_units_that_the_user_states() -> None:
    found = recognised(BASE, units={"params": "M", "tokens": "1e9", "loss": "bits/token"}).columns
    assert [found[role].factor for role in ("params", "tokens")] == [1e6, 1e9]
    assert found["loss"].measure == "bits/token"
    assert recognised(["params (M)"], units={"params": "1"}).columns["params"].factor == 1
    for units, message in (
        ({"params": "furlongs"}, "is not known"),
        ({"loss": "dollars"}, "must be one of"),
        ({"seed": "M"}, "no role 'seed'"),
        ({"flops": "M"}, "no column for it"),
        ({"params": 6}, "to a text"),
    ):
        with pytest.raises(ValueError, match=message):
            recognised(BASE, units=units)  # type: ignore[arg-type]


MEASURES = {
    "loss": "nats/token", "val_loss": "nats/token", "Loss (nats/token)": "nats/token",
    "log perplexity": "nats/token", "val_ppl": "perplexity", "Perplexity": "perplexity",
    "loss (ppl)": "perplexity", "eval/perplexity": "perplexity", "bits per token": "bits/token",
    "loss (bits/token)": "bits/token", "loss_bits_per_token": "bits/token", "val_bpt": "bits/token",
    "bpb": "bits/byte", "bits_per_byte": "bits/byte", "val/bpb": "bits/byte", "bpc": "bits/byte",
    "bits per character": "bits/byte", "loss (bits/char)": "bits/byte",
    "loss (nats per byte)": "nats/byte", "byte_perplexity": "perplexity per byte",
}  # fmt: skip


@pytest.mark.parametrize(("name", "measure"), MEASURES.items())
def test_what_a_loss_is_measured_in(name: str, measure: str) -> None:
    assert columns.loss_measure(name) == measure


@pytest.mark.parametrize("name", ["word_perplexity", "loss (bits)", "loss (%)"])
def test_a_loss_that_cannot_be_converted_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not in nats per token"):
        columns.loss_measure(name)


def test_how_a_measure_becomes_nats_per_token() -> None:
    def nats(measure: str, value: float, per_byte: float | None = None) -> float:
        factor, log, _ = columns.to_nats(measure, per_byte, "x")
        return (math.log(value) if log else value) * factor

    assert nats("perplexity", math.exp(3.1)) == pytest.approx(3.1)
    assert nats("bits/token", 4.0) == pytest.approx(4 * 0.6931471805599453)
    # One token is four bytes: a token costs four times the bits of a byte.
    assert nats("bits/byte", 1.0, 0.25) == pytest.approx(4 * 0.6931471805599453)
    assert nats("nats/byte", 0.7, 0.25) == pytest.approx(2.8)
    assert nats("perplexity per byte", math.exp(0.7), 0.25) == pytest.approx(2.8)
    with pytest.raises(ValueError, match="--tokens-per-byte"):
        nats("bits/byte", 1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": 2}, "must map 'loss' to a text, got 2"),
        ("loss", "must map roles to texts"),
        ({"size": "N"}, "no role 'size'"),
        ({1: "N"}, "no role '1'"),
    ],
)
def test_what_is_said_about_columns_is_checked(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recognised(BASE, given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("1e18", 1e18, ""),
        ("1e18 FLOPs", 1e18, "flops"),
        ("C=1e18", 1e18, "flops"),
        ("D = 2B", 2e9, "tokens"),
        ("2B tokens", 2e9, "tokens"),
        ("loss @ 2B tokens", 2e9, "tokens"),
        ("70M params", 70e6, "params"),
    ],
)
def test_the_head_of_a_wide_column(name: str, value: float, said: str) -> None:
    assert columns.head_number(name) == (value, said)


def test_a_headerless_table_is_not_wide() -> None:
    assert columns.wide_heads(["1e6", "2e9", "3e9", "4e9"]) is None
    assert columns.wide_heads(["params", "3.1", "2.9", "3.5"]) is None
    assert columns.wide_heads(["params", "1B", "2B"]) is None
    assert columns.wide_heads(["", "1B", "2B", "4B"]) is not None
