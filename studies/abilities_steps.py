"""Steps, programs and translation over size: every mark, nine widths, five seeds.

    python studies/abilities_steps.py --dry-run             the same on tiny sizes, in a minute
    python studies/abilities_steps.py --workers 16          on the processors of one machine
    python studies/abilities_steps.py --device cuda         on a GPU, one group after the other

All widths get the same number of steps ("steps"); small ones also four times as many ("longer"),
so that what they lack can be told from what they did not have the time to learn. One row is
written for each run and, of a model that knows two formats, for each format. The script may be
stopped at any time and started again with the same --out.

What was claimed before this was run (a few widths of programs and translation had been tried with
three seeds, and of the chains it was known that steps hurt at widths 4 and 8 and help from 12 on;
nothing was known of the format "targets"):

- At width 24, being asked for the steps without reading them back ("targets" minus "direct")
  brings less than half of what the steps bring ("steps" minus "direct"). Refuted if the 95 %
  interval over seeds of the first minus half of the second lies above 0; open if it holds 0.
- Translation with 30 pairs and mostly text of one language grows rather than jumps: the largest
  share of the fall of its log loss within one doubling of width, for each seed, has a 95 %
  interval below one half. Refuted if it lies above one half; open if it holds one half.
- Four times the steps do not close the gap between small and large: for steps, programs and
  translation each, width 8 after "longer" stays below width 24 after "steps" in exact match.
  Refuted for an ability if the 95 % interval of the difference (Welch) lies above 0.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from scalinglaws.learners import TransformerConfig
from scalinglaws.metrics import answers, log_probabilities, marks, tries
from scalinglaws.text import Programs, RunningProduct, Task, Translation
from scalinglaws.training import Run, Trained, train_together

WIDTHS = (4, 8, 12, 16, 20, 24, 32, 40, 48)
SMALL = (4, 8, 12, 16)
SEEDS = 5
EXAM = 500
TRIES = (1, 2, 4, 8, 16, 32, 64)
COLUMNS = (
    "ability", "condition", "width", "params", "params_with_head", "steps", "flops", "seed",
    "loss", "format", "exact_match", "token_accuracy", "edit_distance", "log_loss", "brier",
    "answer_probability", *(f"picked_{k}" for k in TRIES), "oracle_64", "passes_but_wrong",
    "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Ability:
    """A task and the number of steps at which all widths are compared."""

    task: Task
    steps: int


ABILITIES: dict[str, Ability] = {
    "steps": Ability(RunningProduct(), 600),
    "targets": Ability(RunningProduct(formats=("direct", "targets")), 600),
    "programs": Ability(Programs(), 1000),
    **{
        f"translation-{pairs}-{alone:g}": Ability(Translation(pairs, alone), 600)
        for pairs, alone in ((15, 0), (15, 0.8), (30, 0), (30, 0.5), (30, 0.8), (60, 0), (60, 0.8))
    },
}


def of_formats(trained: Trained, task: RunningProduct) -> Iterator[dict[str, Any]]:
    """Marks of the whole product, by format, on the same held-out orders."""
    orders = task.exam(2 * EXAM)
    truth = task.products(orders)[:, -1]
    for name in task.formats:
        examples, start = task.written(name, orders), task.prompt_length
        log_p = log_probabilities(trained.model, examples, start)[0]
        if name == "steps":  # what it writes is read back
            written = answers(trained.model, task, examples[:, :start])[0]
        else:
            written = log_p.argmax(-1)
        place = 0 if name == "direct" else -1
        yield {
            "format": name,
            "exact_match": (task.answered(name, written) == truth).mean(),
            "log_loss": -log_p[np.arange(len(orders)), place, truth].mean(),
        }


def of_programs(trained: Trained, task: Programs, exam: np.ndarray) -> Iterator[dict[str, Any]]:
    """The greedy answer, and the first of k tries at temperature 0.8 that passes the test."""
    prompts, program = exam[:, : task.prompt_length], exam[:, task.prompt_length :]
    greedy = answers(trained.model, task, prompts)[0]
    drawn = tries(trained.model, task, prompts, max(TRIES), temperature=0.8)
    passes, right = task.passes(prompts, drawn), task.same(drawn, program)
    found = {"exact_match": task.same(greedy, program).mean(), "format": "program"}
    for k in TRIES:
        picked = right[np.arange(len(right)), passes[:, :k].argmax(1)] & passes[:, :k].any(1)
        found[f"picked_{k}"] = picked.mean()
    found["oracle_64"] = right.any(1).mean()
    found["passes_but_wrong"] = (passes & ~right).sum() / max(1, passes.sum())
    log_p = log_probabilities(trained.model, exam, task.prompt_length)[0]
    of_right = np.take_along_axis(log_p, program[..., None].astype(int), -1)[..., 0]
    found["log_loss"] = -of_right.mean()
    found["token_accuracy"] = (greedy == program).mean()
    found["answer_probability"] = np.exp(of_right.sum(1)).mean()
    yield found


def marked(trained: Trained, task: Task, exam: np.ndarray) -> Iterator[dict[str, Any]]:
    """All marks of one model, each the mean over the exam."""
    if isinstance(task, RunningProduct):
        yield from of_formats(trained, task)
    elif isinstance(task, Programs):
        yield from of_programs(trained, task, exam)
    else:
        found = marks(trained.model, task, exam).means()
        yield {"format": "B to A", **{name: float(mean[0]) for name, mean in found.items()}}


@dataclass(frozen=True)
class Job:
    """The seeds of one width of one ability, trained as one stack."""

    name: str
    condition: str
    width: int
    dry: bool = False

    @property
    def steps(self) -> int:
        """Training steps."""
        steps = ABILITIES[self.name].steps * (4 if self.condition == "longer" else 1)
        return 4 if self.dry else steps

    def run(self, seed: int) -> Run:
        """The run of one seed."""
        task = ABILITIES[self.name].task
        model = TransformerConfig(
            self.width, heads=4 if self.width > 4 else 2, context=task.example_length - 1,
            vocab_size=len(task.vocabulary), shift=False,
        )  # fmt: skip
        return Run(
            model, 64 * self.steps * model.context, seed, batch=64, optimizer="muon", cooldown=0.3
        )

    @property
    def cost(self) -> float:
        """About how long it takes, in some unit."""
        return self.steps * 4e-3 + SEEDS * self.run(0).flops / 2e10


def work(job: Job, device: str | None) -> list[dict[str, Any]]:
    """Train and mark the runs of a job."""
    start, task = time.perf_counter(), ABILITIES[job.name].task
    corpus = task.corpus(64 * job.steps, EXAM)
    exam = corpus.val.reshape(-1, task.example_length)
    rows = []
    for trained in train_together([job.run(s) for s in range(SEEDS)], corpus, device=device):
        run = trained.run
        for found in marked(trained, task, exam):
            rows.append({
                "ability": job.name, "condition": job.condition, "width": job.width,
                "params": run.model.params("non_embedding"),
                "params_with_head": run.model.params("with_head"),
                "steps": run.steps, "flops": run.flops, "seed": run.seed, "loss": trained.loss,
                **found,
            })  # fmt: skip
    seconds = (time.perf_counter() - start) / SEEDS
    return [row | {"seconds": round(seconds, 2)} for row in rows]


def jobs(names: list[str], dry: bool) -> Iterator[Job]:
    """All jobs."""
    for name in names:
        for width in (4, 8) if dry else WIDTHS:
            yield Job(name, "steps", width, dry)
        if name in ("steps", "programs", "translation-30-0.8"):
            for width in (4,) if dry else SMALL:
                yield Job(name, "longer", width, dry)


def known(out: Path) -> set[tuple[str, str, int]]:
    """The jobs whose rows the file holds."""
    if not out.exists():
        return set()
    with out.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(row["ability"], row["condition"], int(row["width"])) for row in rows}


def keep(out: Path, rows: list[dict[str, Any]]) -> None:
    """Append rows to the file."""
    new = not out.exists()
    with out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ABILITIES, help="only these abilities")
    parser.add_argument("--out", type=Path, default=Path("abilities-steps.csv"))
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="on a CPU")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, to see that it works")
    options = parser.parse_args()
    done = known(options.out)
    left = [
        job
        for job in jobs(list(options.only or ABILITIES), options.dry_run)
        if (job.name, job.condition, job.width) not in done
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
