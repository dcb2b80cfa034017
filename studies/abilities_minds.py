"""Stories about beliefs: ten seeds, two widths, plain and varied training, kind by kind.

    python studies/abilities_minds.py --dry-run             the same on tiny sizes, in a minute
    python studies/abilities_minds.py --workers 16          on the processors of one machine

One row is written for each model, test and kind of story, and one for each model, test and rule
(the share of stories in which the model answers as the rule does). "longer" gives the small width
four times the steps. The script may be stopped and started again with the same --out.

What was claimed before this was run (three seeds of widths 16 and 32 were known): of the models of
width 32 with plain stories, at least half get most stories of false belief wrong when the names are
new; and width 16 with four times the steps still gets fewer of the stories right in which another
person is asked about than width 32. Refuted if the Wilson interval of the share of such seeds lies
below one half; and if the 95 % interval of the difference (Welch) lies above 0.
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

from scalinglaws.course.beliefs import agreement, exams, taken_apart
from scalinglaws.course.growing import lanes
from scalinglaws.metrics import answers
from scalinglaws.text import FalseBelief
from scalinglaws.training import train_together

STORIES = FalseBelief(names=6, new_names=4, objects=4, places=5)
VARIED = FalseBelief(names=6, new_names=4, objects=4, places=5, varied=True)
STEPS = 1500
SEEDS = 10
COLUMNS = ("diet", "condition", "width", "steps", "seed", "test", "what", "name", "n", "per_cent")


@dataclass(frozen=True)
class Job:
    """Two seeds of one kind of training."""

    diet: str
    condition: str
    width: int
    first: int
    dry: bool = False

    @property
    def steps(self) -> int:
        """Training steps."""
        return 4 if self.dry else STEPS * (4 if self.condition == "longer" else 1)

    @property
    def cost(self) -> float:
        """In some unit of time."""
        return self.steps * (1 + (self.width / 16) ** 2)


def work(job: Job, device: str | None) -> list[dict[str, Any]]:
    """Train and mark the models of a job."""
    task = VARIED if job.diet == "varied" else STORIES
    runs = lanes(task, job.width, job.steps, SEEDS, shift=True)[job.first : job.first + 2]
    corpus = task.corpus(2_000 if job.dry else 96_000, 200)
    tests, rows = exams(STORIES), []
    for trained in train_together(runs, corpus, device=device):
        says = {name: answers(trained.model, STORIES, p)[0] for name, p in tests.items()}
        same = {
            "diet": job.diet, "condition": job.condition, "width": job.width, "steps": job.steps,
            "seed": trained.run.seed,
        }  # fmt: skip
        apart = taken_apart(STORIES, tests, {"model": says})
        for (test, kind), row in apart.iterrows():
            found = {"n": int(row["n"]), "per_cent": round(float(row["model"]), 2)}
            rows.append(same | {"test": test, "what": "right", "name": kind} | found)
        for test, prompts in tests.items():
            likeness = agreement(STORIES, prompts, {"model": says[test]}).loc["model"]
            for rule, share in likeness.items():
                found = {"n": len(prompts), "per_cent": round(float(share), 2)}
                rows.append(same | {"test": test, "what": "agrees", "name": rule} | found)
    return rows


def jobs(dry: bool) -> Iterator[Job]:
    """All jobs, the most wanted first."""
    seeds = range(0, 2 if dry else SEEDS, 2)
    for diet, condition, width in (
        ("plain", "steps", 32), ("varied", "steps", 32), ("plain", "steps", 16),
        ("plain", "longer", 16),
    ):  # fmt: skip
        for first in seeds if condition == "steps" else list(seeds)[:2]:
            yield Job(diet, condition, 8 if dry else width, first, dry)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("abilities-minds.csv"))
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="on a CPU")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, to see that it works")
    options = parser.parse_args()
    done: set[tuple[str, str, int, int]] = set()
    if options.out.exists():
        with options.out.open(newline="") as file:
            done = {
                (r["diet"], r["condition"], int(r["width"]), int(r["seed"]))
                for r in csv.DictReader(file)
            }
    left = [
        job
        for job in jobs(options.dry_run)
        if (job.diet, job.condition, job.width, job.first) not in done
    ]
    start = time.perf_counter()

    def keep(job: Job, rows: list[dict[str, Any]]) -> None:
        new = not options.out.exists()
        with options.out.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
        print(f"{time.perf_counter() - start:4.0f} s: {job}", flush=True)

    print(f"{len(left)} groups of runs to do", flush=True)
    if options.device != "cpu" or options.workers == 1:
        for job in left:
            keep(job, work(job, options.device))
        return
    left.sort(key=lambda job: job.cost, reverse=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        tasks = {pool.submit(work, job, "cpu"): job for job in left}
        for task in as_completed(tasks):
            keep(tasks[task], task.result())


if __name__ == "__main__":
    main()
