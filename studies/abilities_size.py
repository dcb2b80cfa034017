"""How abilities come with size: every mark, on a fine ladder of widths, with many seeds.

    python studies/abilities_size.py --dry-run             the same on tiny sizes, in a minute
    python studies/abilities_size.py --workers 16          on the processors of one machine
    python studies/abilities_size.py --device cuda         on a GPU, one group after the other
    python studies/abilities_size.py --only addition list-256

Each ability is trained at the same number of steps for all widths ("steps"), at half as many
("half"), and with the same FLOPs for all widths ("compute"): those of the width `SAME_COMPUTE`
after the full number of steps. One row is written for each run as soon as its group is finished;
the script may be stopped at any time and started again with the same --out.

What was claimed before this was run (two seeds of three widths of three abilities had been tried,
to choose the numbers of steps; no sharpness had been computed):

- For addition, repetition, few-shot learning and translation each: over size, the log loss is
  sharper than that of the sharpest of the three lists learnt by heart. S is
  `metrics.sharpness` over the parameters of the blocks, one value for each seed. Held if the 95 %
  interval of the difference of the two means (Welch) lies above 0 at equal steps and at equal
  compute; failed if it lies below 0 at either; else open.
- For the same four and the lists: S of exact match exceeds S of log loss, by the 95 % interval of
  the mean of the differences over seeds at equal steps.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scalinglaws.learners import TransformerConfig
from scalinglaws.metrics import graded, log_probabilities, marks
from scalinglaws.text import Addition, Cipher, Corpus, FewShot, Induction, Memorise, Task
from scalinglaws.training import Run, Trained, train_together

WIDTHS = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48)
SAME_COMPUTE = 24
SEEDS = 8
ITEMS = 500
"""Questions of each exam; of a list to be learnt by heart, all that there are."""
CONDITIONS = ("steps", "half", "compute")
MARKS = (
    "exact_match", "token_accuracy", "edit_distance", "log_loss", "brier", "answer_probability",
)  # fmt: skip
COLUMNS = (
    "ability", "condition", "width", "params", "params_with_head", "steps", "flops", "seed",
    "loss", *MARKS, "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Ability:
    """A task, how it is trained, and at how many steps all widths are compared."""

    task: Task
    steps: int
    batch: int = 64
    optimizer: Literal["adamw", "muon"] = "muon"
    shift: bool = False
    examples: int = 100_000
    exam: int = ITEMS

    def model(self, width: int) -> TransformerConfig:
        """The model of a width: two blocks of two heads."""
        return TransformerConfig(
            width,
            heads=2,
            context=self.task.example_length - 1,
            vocab_size=len(self.task.vocabulary),
            shift=self.shift,
        )

    def run(self, width: int, condition: str, seed: int) -> Run:
        """A run at the steps of all widths, or at as many as cost what SAME_COMPUTE's do."""
        model, steps = self.model(width), self.steps
        if condition == "half":
            steps = steps // 2
        elif condition == "compute":
            usual = self.model(SAME_COMPUTE).flops_per_token()
            steps = max(1, round(steps * usual / model.flops_per_token()))
        tokens = steps * self.batch * model.context
        return Run(model, tokens, seed, batch=self.batch, optimizer=self.optimizer, cooldown=0.1)

    def corpus(self) -> Corpus:
        """What it trains on, and the exam."""
        if isinstance(self.task, Memorise):
            return self.task.corpus(40 * self.task.keys, self.task.keys)
        return self.task.corpus(self.examples, max(2_000, self.exam))

    def marked(self, trained: Trained, exam: np.ndarray) -> dict[str, float]:
        """All marks of one model, each the mean over the exam."""
        task = self.task
        if isinstance(task, FewShot):  # labels that follow from the pairs shown
            log_p = log_probabilities(trained.model, exam, 1)[:, :, ::2]
            found = graded(log_p, task.labels_in(exam), task.determined(exam))
        else:
            found = marks(trained.model, task, exam)
        return {name: float(mean[0]) for name, mean in found.means().items()}


def rote(keys: int) -> Ability:
    """A list of so many names, each with a random number of ten digits, to be learnt by heart."""
    return Ability(
        Memorise(keys=keys, digits=10),
        steps=keys + 4,
        optimizer="adamw",
        shift=True,
        exam=keys,
    )


ABILITIES: dict[str, Ability] = {
    "list-128": rote(128),
    "list-256": rote(256),
    "list-512": rote(512),
    "addition": Ability(Addition(digits=3), steps=800),
    "repetition": Ability(
        Induction(shortest=4, longest=8, symbols=16, length=21), steps=200, batch=32
    ),
    "few-shot": Ability(FewShot(), steps=400, shift=True),
    "translation": Ability(Cipher(), steps=100),
}


@dataclass(frozen=True)
class Job:
    """The seeds of one width of one ability, trained as one stack."""

    name: str
    condition: str
    width: int
    seeds: tuple[int, ...]
    small: bool = False

    @property
    def ability(self) -> Ability:
        """What is trained; much less of it in a dry run."""
        full = ABILITIES[self.name]
        return replace(full, steps=4, examples=2_000, exam=64) if self.small else full

    @property
    def cost(self) -> float:
        """About how long it takes, in some unit."""
        run = self.ability.run(self.width, self.condition, 0)
        return run.steps * 1e-3 + len(self.seeds) * run.flops / 2e10


def work(job: Job, device: str | None) -> list[dict[str, Any]]:
    """Train and mark the runs of a job: one row each."""
    ability, start = job.ability, time.perf_counter()
    corpus = ability.corpus()
    exam = corpus.val.reshape(-1, ability.task.example_length)[: ability.exam]
    runs = [ability.run(job.width, job.condition, seed) for seed in job.seeds]
    rows = []
    for trained in train_together(runs, corpus, device=device):
        run = trained.run
        rows.append({
            "ability": job.name, "condition": job.condition, "width": job.width,
            "params": run.model.params("non_embedding"),
            "params_with_head": run.model.params("with_head"),
            "steps": run.steps, "flops": run.flops, "seed": run.seed, "loss": trained.loss,
            **ability.marked(trained, exam),
        })  # fmt: skip
    seconds = (time.perf_counter() - start) / len(rows)
    return [row | {"seconds": round(seconds, 2)} for row in rows]


def jobs(names: list[str], small: bool, lanes: int) -> Iterator[Job]:
    """All jobs; no stack has more than `lanes` seeds."""
    widths, seeds = ((4, 8), 2) if small else (WIDTHS, SEEDS)
    for name in names:
        for condition in CONDITIONS:
            for width in widths:
                if condition == "compute" and width == SAME_COMPUTE:
                    continue  # the same runs as at equal steps
                for first in range(0, seeds, lanes):
                    part = tuple(range(first, min(first + lanes, seeds)))
                    yield Job(name, condition, width, part, small)


def known(out: Path) -> set[tuple[str, str, int, int]]:
    """The runs that the file holds."""
    if not out.exists():
        return set()
    with out.open(newline="") as file:
        return {
            (row["ability"], row["condition"], int(row["width"]), int(row["seed"]))
            for row in csv.DictReader(file)
        }


def keep(out: Path, rows: list[dict[str, Any]]) -> None:
    """Append rows to the file."""
    new = not out.exists()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        for row in rows:
            short = {
                k: f"{v:.5g}" if isinstance(v, float) and k != "flops" else v
                for k, v in row.items()
            }
            writer.writerow(short)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ABILITIES, help="only these abilities")
    parser.add_argument("--out", type=Path, default=Path("abilities-size.csv"))
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="on a CPU")
    parser.add_argument("--lanes", type=int, default=4, help="seeds trained as one stack")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, to see that it works")
    options = parser.parse_args()
    done = known(options.out)
    left = [
        job
        for job in jobs(list(options.only or ABILITIES), options.dry_run, options.lanes)
        if any((job.name, job.condition, job.width, seed) not in done for seed in job.seeds)
    ]
    left.sort(key=lambda job: job.cost, reverse=True)
    total, start, past = sum(job.cost for job in left), time.perf_counter(), 0.0
    print(f"{len(left)} groups of runs to do, about {total / 60:.0f} min on one core", flush=True)

    def finished(job: Job, rows: list[dict[str, Any]]) -> None:
        nonlocal past
        past += job.cost
        keep(options.out, rows)
        print(
            f"{past / total:5.0%} after {time.perf_counter() - start:4.0f} s: {job.name} "
            f"{job.condition} {job.width}",
            flush=True,
        )

    if options.device != "cpu" or options.workers == 1:
        for job in left:
            finished(job, work(job, options.device))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        tasks = {pool.submit(work, job, "cpu"): job for job in left}
        for task in as_completed(tasks):
            finished(tasks[task], task.result())


if __name__ == "__main__":
    main()
