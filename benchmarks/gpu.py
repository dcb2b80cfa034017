"""The engine on a CUDA card: is it right, how fast is it, what does it need.

    python benchmarks/gpu.py --out FOLDER [--only right|speed|precision|streams] [--device cuda]
    python benchmarks/gpu.py --dry-run       every path on the CPU, with sizes that say nothing

Right: the same runs on the CPU and on the card, stacks against single runs, steps replayed and
launched, the same model measured on both, and a sweep that goes on where it was cut off. Streams:
what groups do at a time. Speed: tokens per second of stacks by width and size, with and without
replay, against the plain loop of the same shapes on the same card, and the share of the card's own
matrix products. Precision: float32 against TF32 and bfloat16, in seconds and in loss. Each table is
printed and written to the folder as soon as it is there.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from plain import plain_steps

from scalinglaws.learners import LSTMConfig, MLPConfig, TransformerConfig
from scalinglaws.text import Corpus, arithmetic
from scalinglaws.training import Run, evaluate, repeat, stack, sweep, train_together
from scalinglaws.training.card import own_stream
from scalinglaws.training.run import branches_of

BATCH = 4
TOLERANCE = 0.01
"""Nats: two devices round differently, and training carries that on from step to step."""


@dataclass(frozen=True)
class Plan:
    """Sizes of what is measured."""

    device: str
    seconds: float = 0.4
    widths: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024)
    sizes: Sequence[int] = (1, 4, 16, 64)
    wide: Sequence[int] = (128, 256, 512, 1024)
    tokens: int = 2**16
    square: int = 8192

    @property
    def card(self) -> bool:
        return self.device.startswith("cuda")


DRY = Plan("cpu", 0.01, (8,), (1, 2), (8,), 2**11, 64)


def letters(tokens: int = 2**21) -> Corpus:
    """Letters that depend on the two before them: something to learn, made in no time."""
    rng = np.random.default_rng(0)
    table = rng.integers(32, 128, size=(128, 8), dtype=np.uint8)
    draw, out = rng.integers(8, size=tokens), np.zeros(tokens, np.uint8)
    for i in range(1, tokens):
        out[i] = table[out[i - 1], draw[i]]
    held_out = max(2**14, tokens // 16)
    return Corpus("letters", out[:-held_out], out[-held_out:], vocab_size=128)


# ------------------------------------------------------------------------------------------- right


def cases(tokens: int) -> dict[str, list[Run]]:
    """Groups of every kind that the engine knows, but for dropout, which each device draws anew."""
    small, wide = TransformerConfig(width=16), TransformerConfig(width=64)
    return {
        "two budgets, two seeds": [
            Run(small, n, seed=seed) for n in (tokens // 2, tokens) for seed in (0, 1)
        ],
        "wide": [Run(wide, tokens)],
        "muon": [Run(small, tokens, optimizer="muon")],
        "decay and rations": [
            Run(small, tokens, weight_decay=0.5, unique_tokens=unique)
            for unique in (None, tokens // 4)
        ],
        "no shift": [Run(TransformerConfig(width=16, shift=False), tokens)],
        "MLP": repeat([Run(MLPConfig(width=32), tokens)], 2),
        "LSTM": repeat([Run(LSTMConfig(width=16), tokens // 4)], 2),
    }


def right(plan: Plan) -> pd.DataFrame:
    """Losses on the CPU and on the card, one row a comparison."""
    corpus, rows = letters(2**17 if plan.card else 2**15), []

    def compared(what: str, one: float, other: float, most: float = TOLERANCE) -> None:
        off = abs(one - other)
        rows.append({"compared": what, "a": one, "b": other, "apart": off, "right": off <= most})

    for name, runs in cases(plan.tokens).items():
        here = train_together(runs, corpus, device="cpu")
        there = train_together(runs, corpus, device=plan.device)
        for a, b in zip(here, there, strict=True):
            compared(f"CPU and card: {name}", a.loss, b.loss)
        compared(
            "one model, measured on both", here[0].loss, _measured(here[0].model, corpus, plan)
        )
    runs = repeat([Run(TransformerConfig(width=16), plan.tokens)], 4)
    together = train_together(runs, corpus, device=plan.device)
    alone = [train_together([run], corpus, device=plan.device)[0] for run in runs]
    for a, b in zip(together, alone, strict=True):
        compared("stack and single", a.loss, b.loss)
    with launched():
        usual = train_together(runs, corpus, device=plan.device)
    for a, b in zip(together, usual, strict=True):
        compared("replayed and launched", a.loss, b.loss)
    dropped = repeat([Run(TransformerConfig(width=16), plan.tokens, dropout=0.2)], 2)
    for a, b in zip(
        train_together(dropped, corpus, device="cpu"),
        train_together(dropped, corpus, device=plan.device),
        strict=True,
    ):
        compared("CPU and card: dropout, other draws", a.loss, b.loss, 0.1)
    sums = arithmetic.Addition(digits=2).corpus(train=2**10, val=2**8)
    model = TransformerConfig(width=16, context=sums.example_length - 1, vocab_size=sums.vocab_size)
    task = [Run(model, plan.tokens // 2)]
    a, b = (train_together(task, sums, device=device)[0] for device in ("cpu", plan.device))
    compared("CPU and card: a task of which only answers count", a.loss, b.loss, 2 * TOLERANCE)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs.sqlite"
        options = {"store": store, "device": plan.device, "progress": False}
        first = sweep(runs[:2], corpus, **options)
        second = sweep(runs, corpus, **options)
        for a, b in zip(first["loss"], second["loss"][:2], strict=True):
            compared("a sweep that goes on", a, b, 0.0)
    return pd.DataFrame(rows)


def _measured(model: Any, corpus: Corpus, plan: Plan) -> float:
    there = model.one(0).to(plan.device)
    return float(evaluate(there, corpus)[0][0])


@contextmanager
def launched() -> Iterator[None]:
    """Every step is launched in the usual way inside, none replayed."""
    from scalinglaws.training import card

    before, card.records = card.records, lambda device: False
    try:
        yield
    finally:
        card.records = before


# ------------------------------------------------------------------------------------------- speed


def wait(plan: Plan) -> None:
    if plan.card:
        torch.cuda.current_stream(plan.device).synchronize()


def rate_of(step: Callable[[], None], plan: Plan) -> float:
    """Steps per second, after those that prepare it."""
    for _ in range(6):
        step()
    wait(plan)
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < plan.seconds:
        for _ in range(10):
            step()
        wait(plan)
        count += 10
    return count / spent


def peak(plan: Plan, dtype: torch.dtype, tf32: bool = False) -> float:
    """FLOPs per second of a large square matrix product."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    a = torch.randn(plan.square, plan.square, device=plan.device, dtype=dtype)
    per_second = rate_of(lambda: a @ a, plan)
    torch.backends.cuda.matmul.allow_tf32 = False
    return 2 * plan.square**3 * per_second


def stacked(runs: list[Run], corpus: Corpus, plan: Plan) -> Any:
    """A stack in training, with steps enough for any measurement."""
    return stack._Stack(
        runs, branches_of(runs), corpus, torch.device(plan.device), progress=None, curve=None
    )


def stepping(trained: Any, size: int) -> Callable[[], None]:
    """One step of a stack; it begins anew where its data end."""

    def step() -> None:
        if trained.sequences + size > trained.order.shape[1]:
            trained.sequences = 0
            if trained.card is not None:
                trained.card.sequence.zero_()
                trained.card.step.zero_()
        trained._step(size, 0.1)

    return step


def speed(plan: Plan) -> pd.DataFrame:
    """One row for each width and stack size."""
    corpus, rows = letters(2**17), []
    matmul = peak(plan, torch.float32)
    for width in plan.widths:
        model = TransformerConfig(width=width)
        plain = rate_of(plain_steps(model, corpus, BATCH, plan.device), plan) * BATCH * 32
        for size in plan.sizes:
            if size > max(1, model.lanes(card=True)):
                continue
            runs = [Run(model, 2**16, seed=seed, batch=BATCH) for seed in range(size)]
            if plan.card:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(plan.device)
            with own_stream(torch.device(plan.device)):
                ours = rate_of(stepping(stacked(runs, corpus, plan), BATCH), plan)
                with launched():
                    usual = rate_of(stepping(stacked(runs, corpus, plan), BATCH), plan)
            tokens = size * BATCH * 32
            rows.append(
                {
                    "width": width,
                    "stack": size,
                    "plain, tokens/s": plain,
                    "tokens/s": ours * tokens,
                    "ratio": ours * tokens / plain,
                    "replay gains": ours / usual,
                    "ms a step": 1e3 / ours,
                    "share of fp32 peak": ours * tokens * model.flops_per_token() / matmul,
                    "GB": torch.cuda.max_memory_allocated(plan.device) / 1e9
                    if plan.card
                    else np.nan,
                }
            )
            _show(rows)
    return pd.DataFrame(rows)


def precision(plan: Plan) -> pd.DataFrame:
    """Seconds and losses in float32, TF32 and bfloat16, one row for each width and way."""
    corpus, rows = letters(2**19 if plan.card else 2**15), []
    peaks = {
        "float32": peak(plan, torch.float32),
        "TF32": peak(plan, torch.float32, tf32=True),
        "bfloat16": peak(plan, torch.bfloat16),
    }
    before = stack.half_precision
    for width in plan.wide:
        for batch in (32, 64):
            run = Run(TransformerConfig(width=width), 8 * plan.tokens, batch=batch)
            for way, most in peaks.items():
                torch.backends.cuda.matmul.allow_tf32 = way == "TF32"
                stack.half_precision = _always(way == "bfloat16")
                with own_stream(torch.device(plan.device)):
                    steps = rate_of(stepping(stacked([run], corpus, plan), batch), plan)
                loss = np.nan
                if batch == 32:
                    loss = train_together([run], corpus, device=plan.device)[0].loss
                flops = steps * batch * 32 * run.model.flops_per_token()
                rows.append(
                    {
                        "width": width,
                        "batch": batch,
                        "way": way,
                        "TFLOP/s": flops / 1e12,
                        "peak": most / 1e12,
                        "share": flops / most,
                        "loss": loss,
                    }
                )
                _show(rows)
    torch.backends.cuda.matmul.allow_tf32 = False
    stack.half_precision = before
    return pd.DataFrame(rows)


def _always(enabled: bool) -> Callable[..., torch.autocast]:
    def chosen(device: torch.device, config: object, training: bool = True) -> torch.autocast:
        return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)

    return chosen


def streams(plan: Plan) -> pd.DataFrame:
    """How much more groups do together than one after another, one row for each number of them."""
    corpus, rows = letters(2**17), []
    for width, size, batch in ((16, 3, 4), (64, 3, 16), (256, 1, 32)):
        model = TransformerConfig(width=width if plan.card else 8)
        for together in (1, 2, 4, 8):
            runs = [Run(model, 2**16, seed=seed, batch=batch) for seed in range(size)]
            rates: list[float] = []
            ready = threading.Barrier(together)

            def work(
                runs: list[Run] = runs,
                batch: int = batch,
                rates: list[float] = rates,
                ready: threading.Barrier = ready,
            ) -> None:
                with own_stream(torch.device(plan.device)):
                    step = stepping(stacked(runs, corpus, plan), batch)
                    for _ in range(6):
                        step()
                    wait(plan)
                    ready.wait()
                    rates.append(rate_of(step, plan))

            threads = [threading.Thread(target=work) for _ in range(together)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            flops = sum(rates) * size * batch * 32 * model.flops_per_token()
            rows.append(
                {
                    "width": width,
                    "stack": size,
                    "batch": batch,
                    "groups at a time": together,
                    "steps/s of each": float(np.mean(rates)),
                    "TFLOP/s": flops / 1e12,
                }
            )
            _show(rows)
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------------------ report


def _show(rows: list[dict[str, Any]]) -> None:
    text = pd.DataFrame(rows[-1:]).to_string(index=False, float_format="{:,.4g}".format)
    print(text if len(rows) == 1 else text.splitlines()[1], flush=True)


def described(plan: Plan) -> str:
    """The machine in words."""
    words = [platform.machine(), platform.system(), f"Python {platform.python_version()}"]
    words.append(f"torch {torch.__version__}")
    if plan.card:
        card = torch.cuda.get_device_properties(plan.device)
        words.append(
            f"{card.name}, {card.total_memory / 2**30:.0f} GiB, sm_{card.major}{card.minor}"
        )
    return ", ".join(words)


PARTS: dict[str, Callable[[Plan], pd.DataFrame]] = {
    "right": right,
    "streams": streams,
    "speed": speed,
    "precision": precision,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:1")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="a measurement")
    parser.add_argument("--out", type=Path, help="write the tables into this folder as well")
    parser.add_argument("--dry-run", action="store_true", help="every path, on the CPU")
    options = parser.parse_args(arguments)
    if not 0 < options.seconds < math.inf:
        parser.error("--seconds must be above 0")
    if not options.dry_run:
        try:
            torch.empty(1, device=options.device)
        except (RuntimeError, AssertionError) as error:
            why = str(error).splitlines()[0]
            parser.error(f"no card as {options.device} ({why}); --dry-run tries all on the CPU")
    plan = DRY if options.dry_run else replace(Plan(options.device), seconds=options.seconds)
    if options.dry_run:
        stack.on_card = lambda device: True
    print(described(plan))
    if options.out:
        said = options.out / "machine.txt"
        try:
            options.out.mkdir(parents=True, exist_ok=True)
            if said.exists() and said.read_text(encoding="utf-8").strip() != described(plan):
                parser.error(f"{options.out} holds tables of another machine: name a new folder")
            said.write_text(described(plan) + "\n", encoding="utf-8")
        except OSError as error:
            parser.error(f"--out {options.out}: {error}")
    wrong = 0
    for name in options.only:
        start = time.perf_counter()
        table = PARTS[name](plan)
        print(f"\n{name} ({time.perf_counter() - start:.0f} s)")
        print(table.to_string(index=False, float_format="{:,.4g}".format), flush=True)
        if options.out:
            table.to_csv(options.out / f"{name}.csv", index=False, float_format="%.5g")
        if name == "right":
            wrong = int((~table["right"]).sum())
    if wrong:
        print(f"{wrong} comparisons are further apart than they may be", file=sys.stderr)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
