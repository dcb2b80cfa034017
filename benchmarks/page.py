"""Write the page "How fast, and how we know" from the tables of measurements.

    python benchmarks/page.py            write book/how-fast.md
    python benchmarks/page.py --check    say whether it is what the tables give

The tables of a card come from `make gpu`, one folder each under `results/`; those of processors
from `make bench`, in `results/cpu`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"
MEASURED = ("right", "speed", "streams", "precision")
"""What must be there of a card."""

PAGE = Path(__file__).parents[1] / "book" / "how-fast.md"


def table(rows: pd.DataFrame, columns: Mapping[str, tuple[str, Callable[[float], str]]]) -> str:
    """A Markdown table: `columns` gives each column's heading and how its values are written."""
    heads = [head for head, _ in columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|" + " ---: |" * len(heads)]
    for row in rows.to_dict("records"):
        cells = [write(row[name]) for name, (_, write) in columns.items()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def whole(value: float) -> str:
    return f"{value:,.0f}"


def short(value: float) -> str:
    return f"{value:.3g}"


def share(value: float) -> str:
    return f"{100 * value:.2g} %"


def tera(value: float) -> str:
    return f"{value:.2g}"


def trained(sweeps: pd.DataFrame) -> list[str]:
    """What was trained on a card, if that was written down."""
    return [
        "**What was trained on it?** Studies of this book, with eight groups at a time, processors "
        "busy with other work beside. A trunk that runs share is counted once. "
        "`scalinglaws/runs/data/PROVENANCE.md` says what each study is and in which precision.",
        table(
            sweeps.assign(speed=sweeps["flops"] / sweeps["seconds"] / 1e12),
            {
                "studies": ("studies", str),
                "runs": ("runs", whole),
                "flops": ("FLOPs", lambda value: f"{value:.1e}"),
                "seconds": ("seconds", whole),
                "speed": ("TFLOP/s", tera),
            },
        ).replace("| ---: |", "| :--- |", 1),
    ]


def card(folder: Path) -> list[str]:
    """The section on one card."""
    machine = (folder / "machine.txt").read_text(encoding="utf-8").strip()
    right, speed, streams, precision = (pd.read_csv(folder / f"{name}.csv") for name in MEASURED)
    dropout = right["compared"].str.contains("dropout")
    kinds = right["compared"].str.replace(r":.*", "", regex=True)
    kinds = kinds.mask(dropout, "dropout, each device with draws of its own")
    apart = right.assign(kind=kinds).groupby("kind", sort=False)["apart"].agg(["size", "max"])
    peaks = precision.drop_duplicates("way").set_index("way")["peak"]
    parts = [
        f"## A GPU: {folder.name.upper()}",
        f"Measured with `make gpu` on this machine: {machine}.",
        "**Is it right?** Losses of the same runs, trained or measured in two ways, in nats per "
        "token. Devices round differently, and training carries a difference on from step to "
        "step.",
        table(
            apart.reset_index(),
            {
                "kind": ("compared", str),
                "size": ("pairs", whole),
                "max": ("largest difference", lambda value: f"{value:.1g}"),
            },
        ).replace("| ---: |", "| :--- |", 1),
        "**How fast is a stack?** Tokens per second of stacks of equal transformers, four "
        "sequences of 32 tokens a step for each model. The plain loop is the one that one would "
        "write first (`benchmarks/plain.py`), with the same shapes on the same card. *Replay* is "
        "what recording a step once and replaying it gains over launching its kernels one by one. "
        "The peak is that of a large float32 matrix product on this card, "
        f"{short(peaks['float32'])} TFLOP/s. From width 1,024 on the engine computes in bfloat16 "
        "here, and the plain loop, which trains one model at a time, in float32.",
        table(
            speed,
            {
                "width": ("width", whole),
                "stack": ("models", whole),
                "plain, tokens/s": ("plain loop", whole),
                "tokens/s": ("stack", whole),
                "ratio": ("times plain", short),
                "replay gains": ("replay", short),
                "share of fp32 peak": ("of the peak", share),
            },
        ),
        "A single narrow model leaves nearly all of a card idle, whatever one does: its kernels "
        "are too small. So runs are stacked, and several stacks are trained at a time, each on a "
        "stream of its own. What that gives:",
        table(
            streams,
            {
                "width": ("width", whole),
                "stack": ("models", whole),
                "batch": ("sequences a step", whole),
                "groups at a time": ("stacks at a time", whole),
                "TFLOP/s": ("TFLOP/s in all", tera),
            },
        ),
        "**Which precision?** TFLOP/s of a single model in float32, with products in TF32, and in "
        "bfloat16, and the loss after 16,384 sequences of a made text whose entropy is not "
        "far below "
        "them, so that losses say little here. The peaks are "
        f"{short(peaks['float32'])}, {short(peaks['TF32'])} and {short(peaks['bfloat16'])} "
        "TFLOP/s. "
        "The engine takes bfloat16 from width 1,024 on where the card has it, by choice, and "
        "float32 below, so that losses can be set beside those of processors; `--tf32` of "
        "`studies/sweep.py` asks for TF32. It never takes float16.",
        table(
            precision,
            {
                "width": ("width", whole),
                "batch": ("sequences a step", whole),
                "way": ("products in", str),
                "TFLOP/s": ("TFLOP/s", short),
                "share": ("of its peak", share),
                "loss": ("loss", lambda value: "" if pd.isna(value) else f"{value:.4f}"),
            },
        ),
    ]
    if (folder / "sweeps.csv").exists():
        parts += trained(pd.read_csv(folder / "sweeps.csv"))
    return parts


def processors(folder: Path) -> list[str]:
    """The section on processors, of which only ratios mean something."""
    machine = (folder / "machine.txt").read_text(encoding="utf-8").strip()
    speed = pd.read_csv(folder / "throughput.csv")
    to_loss = pd.read_csv(folder / "to_loss.csv").sort_values("times sooner")
    loss = to_loss.iloc[-1]
    return [
        "## Two processor cores",
        f"Measured with `make bench` on this machine: {machine}. Such machines differ and drift, "
        "so only ratios are given, each of two things measured in turn.",
        table(
            speed,
            {
                "width": ("width", whole),
                "params": ("params", whole),
                "ratio, 1 thread": ("times plain, one thread", short),
                "ratio, machine": ("times plain, all cores", short),
                "share of peak": ("of the matrix-product peak", share),
            },
        ),
        "The limit of a stack is that peak: the wider the models, the more of it the plain loop "
        "uses by itself, and the less is left to gain.",
        "**How soon is a sweep there?** Thirty runs of six widths, five seeds each, by the plain "
        "loop with the best rate for each width, and a sweep of ours that ends at its losses or "
        "below. The start of its worker processes and the measuring of its losses are on its "
        f"clock, and neither is on that of the plain loop: {loss['times sooner']:.1f} times "
        f"sooner. Of that {loss['by the recipe']:.1f} times come from the recipe, which needs "
        f"fewer tokens for the same loss, and {loss['by the engine']:.1f} times from the engine.",
        "The model of width 64 takes most of that time. It is trained by Muon, in steps of "
        "16 sequences, with rates and a cooldown that were sought on other seeds than those "
        "compared; the others have the default settings."
        + "".join(
            " Its products are in bfloat16 (`BfloatTransformerConfig`), at half the time each on "
            "such a processor; its losses are measured in float32. All in float32 the sweep is "
            f"{row['times sooner']:.1f} times sooner."
            for _, row in to_loss[to_loss["precision"] == "float32"].iterrows()
            if loss["precision"] == "bfloat16"
        ),
    ]


def written() -> str:
    """The page."""
    parts = [
        "# How fast, and how we know",
        "The book trains hundreds of models while you look on, and a graphics card trains the "
        "large ones. This page has what was measured of it. It is written by "
        "`benchmarks/page.py` from tables that "
        "`make gpu` and `make bench` leave, and a test compares the two. A GPU needs nothing but "
        "to be there: `sweep` and `train` take it by themselves, and `device=` names another.",
    ]
    if (RESULTS / "cpu" / "throughput.csv").exists():
        parts += processors(RESULTS / "cpu")
    for folder in sorted(RESULTS.iterdir()):
        if all((folder / f"{name}.csv").exists() for name in MEASURED):
            parts += card(folder)
    parts += [
        "## Measure yours",
        "`make bench` takes about ten minutes on two cores that do nothing else. `make gpu` takes "
        "some two minutes of measurements on a large card, then trains what is left of the largest "
        "budgets (`MOST_FLOPS=1e14` leaves out the dearest), and `make gpu-chapters` runs every "
        "chapter on the card. `python benchmarks/gpu.py --dry-run` tries on the CPU all that "
        "needs no CUDA.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    if parser.parse_args().check:
        same = PAGE.read_text(encoding="utf-8") == written()
        print("the page is what the tables give" if same else "run benchmarks/page.py")
        return int(not same)
    PAGE.write_text(written(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
