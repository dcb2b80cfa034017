"""Many runs: on all cores, on a GPU or on a cluster, each kept as soon as it is finished.

The pool of workers is this module's own, since what a killed worker had finished must survive:
loky, which would restart workers, gives back nothing of a task that did not end.
"""

from __future__ import annotations

import math
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sqlite3
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from .. import __version__
from .. import _checks as checks
from ..runs import store as stores
from ..runs import table as tables
from ..text.corpora import Corpus
from .card import free_memory
from .run import Run, budget_of, lockstep, row_of, workload
from .stack import EVALUATION_TOKENS, Trained, one_thread, pick_device, train_together

Row = dict[str, Any]
Group = list[Run]
Keep = Callable[[Sequence[Run], Sequence[Row]], None]
Report = Callable[[float], None]
Each = Callable[[Trained], None]

_TRIES = 3
"""How many worker processes may die before they begin with a group until the sweep gives up."""

_SECONDS_PER_STEP = 1e-3
"""What a step costs on one CPU thread beside its tokens (`LearnerConfig.seconds_per_token`)."""

_CROWDED = "failed: OutOfMemoryError"
"""How the status of a run begins for which a card had no room."""

_AT_ONCE = 8
"""Groups trained at a time on a CUDA card, each on a stream of its own: on an H100 eight do 1.1 to
1.4 times as much as four."""

_WORTH_IT = 0.98
"""Groups are cut further only for a gain of more than 2 %."""


class WrongCorpus(RuntimeError):
    """A worker's corpus function returned other tokens than that of the process that asked."""


def repeat(runs: Iterable[Run], seeds: int) -> list[Run]:
    """Each run once with every seed from 0 to `seeds` - 1.

    Raises TypeError if `runs` holds anything but runs, ValueError if `seeds` is no whole number of
    at least 1.

    >>> from scalinglaws import Run, TransformerConfig
    >>> runs = [Run(TransformerConfig(width), tokens=4_096) for width in (8, 16)]
    >>> [(run.model.width, run.seed) for run in repeat(runs, 2)]
    [(8, 0), (8, 1), (16, 0), (16, 1)]
    """
    seeds = checks.whole(seeds, "seeds", 1)
    return [replace(run, seed=seed) for run in _runs_in(runs) for seed in range(seeds)]


def sweep(
    runs: Iterable[Run],
    corpus: Corpus | Callable[[], Corpus],
    *,
    store: str | Path | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    device: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train every run and return the table of runs, one row each, in the order given.

    The columns are those of `scalinglaws.runs.COLUMNS`: `params` counts blocks and output head,
    `loss` is in nats per token.

    Runs that can be are trained together (see `lockstep`), the largest groups first. On a CPU the
    groups are shared out among `workers` processes of one thread each, by default one per core;
    on a GPU a few of them are trained at a time, in threads of this process, and a stack for which
    its memory does not suffice is halved until it does. How runs are grouped depends on the number
    of workers and on what is left to do, and changes a loss by no more than rounding does. The
    progress bar counts the FLOPs that are really computed: those of a shared trunk once.

    `corpus` is a `Corpus`, or a function without arguments that returns one, such as
    `python_source`. Workers elsewhere call the function themselves, which spares sending them the
    tokens; so do workers here, except on Linux, where sending is quicker.

    `store` is the path of a file (made if it is missing) in which each run is kept as soon as it
    is finished (with an `executor`, as soon as its group is); called again, `sweep` trains only
    what is missing there. A run that diverged is finished too; one that failed is tried again. If
    the file cannot be written, say because the disk is full, a warning says so once, the sweep
    goes on, and the rows are tried again together with each later one.
    `scalinglaws.runs.store.load` reads the whole file.

    A run that fails or diverges has its reason in `status` and NaN as `loss`; the others go on. If
    all fail, a warning gives the reason of the first. A worker that the system kills costs the
    unfinished runs of its group alone. Ctrl-C stops all workers.

    `executor` trains the groups elsewhere: anything with the `submit` of
    `concurrent.futures.Executor`, such as `dask.distributed.Client(...).get_executor()`. Tell
    `workers` how many it has, so that there are enough groups. Give `corpus` as a function; a
    worker where it returns other tokens than here ends the sweep with `WrongCorpus`. Each worker
    takes its own GPU if it has one, unless `device` says otherwise. Only this process writes to
    the store. For Slurm, let `submit` of a thread pool wait for a job of `submitit`:

        class Slurm(ThreadPoolExecutor):
            def submit(self, task, *args):
                return super().submit(lambda: slurm.submit(task, *args).result())

        slurm = submitit.AutoExecutor("logs")
        slurm.update_parameters(timeout_min=60, cpus_per_task=1)
        with Slurm(100) as executor:
            sweep(runs, python_source, executor=executor, workers=100, store="runs.sqlite")

    A script that calls this without an `executor` needs the usual `if __name__ == "__main__":`
    around the call, since the worker processes import the script.

    >>> from scalinglaws import Run, TransformerConfig, from_documents, repeat
    >>> notes = from_documents({f"note {i}": f"This is note {i}." for i in range(100)}, "notes")
    >>> runs = repeat([Run(TransformerConfig(width=8), tokens=4_096)], 2)
    >>> table = sweep(runs, notes, workers=1, progress=False)
    >>> table[["params", "tokens", "seed", "status"]].values.tolist()
    [[2560, 4096, 0, 'ok'], [2560, 4096, 1, 'ok']]
    >>> bool((table["loss"] < np.log(128)).all())  # guessing among 128 characters
    True
    """
    runs = _checked(runs)
    workers = None if workers is None else checks.whole(workers, "workers", 1)
    store = None if store is None else Path(store).expanduser()
    on_card = executor is None and pick_device(device).type != "cpu"
    here = corpus() if callable(corpus) else corpus
    if not isinstance(here, Corpus):
        raise TypeError(f"corpus must be a Corpus or return one, got {type(here).__name__}")

    kept = _Kept(runs, here.fingerprint, store)
    missing = [run for run in runs if run not in kept.rows]
    if not missing:
        return kept.table()
    if on_card:
        groups = _cut_for_card(missing)
    elif executor is not None and workers is None:
        groups = lockstep(missing)
    else:
        groups = _share_out(missing, workers or _cores())
    groups.sort(key=_seconds, reverse=True)

    total = sum(map(_flops, groups))
    title = f"{len(missing)} runs" if len(missing) == len(runs) else f"{len(missing)} missing runs"
    with tqdm(total=total, unit="FLOP", unit_scale=True, desc=title, disable=not progress) as bar:

        def report(done: float) -> None:
            if (more := int(min(done, total)) - bar.n) > 0:
                bar.update(more)

        if executor is not None:
            _on_executor(groups, corpus, here.fingerprint, executor, device, kept.add, report)
        elif on_card:
            _on_card(groups, here, device, kept.add, report)
        elif min(workers or _cores(), len(groups)) == 1:
            _in_this_process(groups, here, device, kept.add, report)
        else:
            # Receiving the tokens is quicker than reading them anew, but each spawned worker would
            # keep this process waiting until it has loaded torch and received them.
            called = callable(corpus) and _start_method() == "spawn" and _importable(corpus)
            sent = corpus if called else here
            _in_processes(groups, sent, here.fingerprint, workers or _cores(), kept.add, report)
        report(total)
    reasons = [row["status"] for row in kept.rows.values()]
    if reasons and all(reason.startswith("failed") for reason in reasons):
        warnings.warn(
            f"no run of this sweep was trained. The first of {len(reasons)} {reasons[0]}",
            stacklevel=2,
        )
    return kept.table()


def cost(runs: Iterable[Run]) -> tuple[int, float]:
    """FLOPs that a sweep of these runs computes, shared trunks counted once, and about how many
    seconds one CPU thread needs to train and measure them."""
    groups = lockstep(_runs_in(runs))
    return sum(map(_flops, groups)), sum(map(_seconds, groups))


def _runs_in(runs: Iterable[Run]) -> list[Run]:
    if isinstance(runs, Run):
        raise TypeError("runs must be a list of Run objects, got a single Run: write [run]")
    if not isinstance(runs, Iterable):
        raise TypeError(f"runs must be a list of Run objects, got {type(runs).__name__}")
    runs = list(runs)
    for run in runs:
        if not isinstance(run, Run):
            raise TypeError(f"runs must hold Run objects, got {type(run).__name__}")
    return runs


def _checked(runs: Iterable[Run]) -> list[Run]:
    runs = _runs_in(runs)
    if not runs:
        raise ValueError("runs is empty: there is nothing to train")
    if len(set(runs)) < len(runs):
        raise ValueError("the same run stands in runs twice: give each its own seed")
    return runs


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Kept:
    """The rows so far, in memory and, if there is one, in the store."""

    def __init__(self, runs: list[Run], corpus: str, path: str | Path | None) -> None:
        self.runs, self.path = runs, path
        self.rows: dict[Run, Row] = {}
        self.unwritten: list[stores.Entry] = []
        self.made = self.warned = False
        if path is None:
            return
        try:
            stores.create(path)
        except FileNotFoundError:
            raise
        except (sqlite3.Error, OSError) as error:  # no room for a new store
            self._warn(error)
            return
        self.made = True
        known = stores.finished(path)
        self.rows = {run: known[key] for run in runs if (key := stores.key(run, corpus)) in known}
        older = {row["version"] for row in self.rows.values()} - {__version__}
        if older:
            warnings.warn(
                f"the store {path} holds runs of this sweep that were trained by scalinglaws "
                f"{', '.join(sorted(older))}, and this is {__version__}: they are taken as they "
                "are (column 'version' tells which)",
                stacklevel=3,
            )

    def add(self, runs: Sequence[Run], rows: Sequence[Row]) -> None:
        """Take up these rows, but for runs that have one already."""
        new = {run: row for run, row in zip(runs, rows, strict=True) if run not in self.rows}
        self.rows |= new
        if self.path is None or not new:
            return
        self.unwritten += [stores.entry(run, row) for run, row in new.items()]
        try:
            if not self.made:
                stores.create(self.path)
                self.made = True
            stores.write(self.path, self.unwritten)
        except (sqlite3.Error, OSError, stores.StoreError) as error:
            self._warn(error)
        else:
            self.unwritten.clear()

    def _warn(self, error: Exception) -> None:
        if not self.warned:
            warnings.warn(
                f"the store {self.path} could not be written ({error}). The sweep goes on, tries "
                "again with each group of runs that ends, and returns every row in any case",
                stacklevel=2,
            )
        self.warned = True

    def table(self) -> pd.DataFrame:
        return tables.table_of(self.rows[run] for run in self.runs)


def _budgets(group: Group) -> frozenset[tuple[int, float]]:
    return frozenset(map(budget_of, group))


def _lanes(group: Group) -> int:
    """How many models of a group are trained side by side."""
    return len(group) // len(_budgets(group))


@lru_cache(maxsize=4096)
def _workload(run: Run, budgets: frozenset[tuple[int, float]]) -> tuple[int, int]:
    return workload([replace(run, tokens=tokens, cooldown=share) for tokens, share in budgets])


def _amount(group: Group) -> tuple[int, int]:
    """Tokens and steps of each model of the group (what differs in it makes no difference)."""
    alike = replace(group[0], seed=0, lr=None, ends_lr=None, unique_tokens=None, weight_decay=0.0)
    return _workload(alike, _budgets(group))


def _flops(group: Group) -> int:
    """FLOPs that training the group takes; less than its runs' sum where they share a trunk."""
    tokens, _ = _amount(group)
    return _lanes(group) * tokens * group[0].model.flops_per_token("total")


def _seconds(group: Group) -> float:
    """About how long one CPU thread takes to train and measure the group."""
    tokens, steps = _amount(group)
    # To measure is a forward pass, a third of a step.
    read = tokens + len(_budgets(group)) * EVALUATION_TOKENS / 3
    per_token = group[0].model.seconds_per_token()
    return _SECONDS_PER_STEP * steps + _lanes(group) * read * per_token


def _share_out(runs: list[Run], workers: int) -> list[Group]:
    """Groups with which so many workers are done soonest.

    Larger groups are quicker, but leave workers idle at the end. So the largest are tried first,
    then all cut into more and more pieces; the best of these is then improved by cutting what
    the last worker to be done has.
    """
    best = lockstep(runs)
    soonest, share = _makespan(best, workers), sum(map(_seconds, best)) / workers
    if _WORTH_IT * soonest < share:  # no worker waits long
        return best
    for pieces in (1, 2, 3, 4, 6):
        groups = []
        for stack in lockstep(runs, most=len(runs)):
            usual = _lanes(lockstep(stack)[0])
            wanted = _lanes(stack) / math.ceil(_seconds(stack) / (share / pieces))
            groups += lockstep(stack, most=min(usual, max(1, math.ceil(wanted))))
        if (end := _makespan(groups, workers)) < _WORTH_IT * soonest:
            best, soonest = groups, end
    improved = True
    while improved:
        improved = False
        for group in _last_to_end(best, workers):
            others = [other for other in best if other is not group]
            for most in range(_lanes(group) - 1, 0, -1):
                groups = others + lockstep(group, most=most)
                if (end := _makespan(groups, workers)) < _WORTH_IT * soonest:
                    best, soonest, improved = groups, end, True
            if improved:
                break
    return best


def _loads(groups: list[Group], workers: int) -> list[tuple[float, list[Group]]]:
    """Seconds and groups of each worker, if each always takes the largest group that is left."""
    loads: list[tuple[float, list[Group]]] = [(0.0, []) for _ in range(workers)]
    for group in sorted(groups, key=_seconds, reverse=True):
        number = min(range(workers), key=lambda i: loads[i][0])
        seconds, taken = loads[number]
        loads[number] = seconds + _seconds(group), [*taken, group]
    return loads


def _makespan(groups: list[Group], workers: int) -> float:
    """Seconds until the last worker is done."""
    return max(seconds for seconds, _ in _loads(groups, workers))


def _last_to_end(groups: list[Group], workers: int) -> list[Group]:
    """The groups of the worker that is done last."""
    return max(_loads(groups, workers), key=lambda load: load[0])[1]


def _cut_for_card(runs: list[Run]) -> list[Group]:
    """Groups for a GPU: it has room for many models at once, for fewer if they are wide."""
    return [
        part
        for group in lockstep(runs, most=len(runs))
        for part in lockstep(group, most=group[0].model.lanes(card=True))
    ]


def _train_group(
    group: Group, corpus: Corpus, device: str | None, report: Report, each: Each
) -> list[Row]:
    """The rows of a group; an exception becomes the row of the run that it came from."""
    try:
        trained = train_together(group, corpus, device=device, progress=report, each=each)
    except _Stop:
        raise
    except Exception as error:
        if len(group) == 1:
            return [_failed(group[0], corpus.fingerprint, device, _reason(error))]
        full = isinstance(error, torch.cuda.OutOfMemoryError)
    else:
        return [t.row() for t in trained]
    if full:
        free_memory()  # what the attempt held, in pieces that may not fit its halves
    # One of them spoilt it for all (or together they were too large): look for it in halves.
    lanes = _lanes(group)
    parts = (
        lockstep(group, most=math.ceil(lanes / 2))
        if lanes > 1
        else [group[: len(group) // 2], group[len(group) // 2 :]]
    )
    rows = {
        run: row
        for part in parts
        for run, row in zip(part, _train_group(part, corpus, device, report, each), strict=True)
    }
    return [rows[run] for run in group]


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _failed(run: Run, corpus: str, device: str | None, reason: str) -> Row:
    return row_of(run, corpus, f"failed: {reason}", device=device or "unknown")


class _Stop(Exception):
    """Raised in a thread that trains when the sweep is cut off."""


def _on_card(
    groups: list[Group], corpus: Corpus, device: str | None, keep: Keep, report: Report
) -> None:
    """Train on a card, some groups at a time: a stack alone leaves most of a card idle."""
    place = pick_device(device)
    device = place.type if device is None else device
    at_once = _AT_ONCE if place.type == "cuda" else 1
    done, lock, stopped = [0.0] * len(groups), threading.Lock(), threading.Event()
    crowded: list[Run] = []

    def work(number: int) -> None:
        most = _flops(groups[number])

        def count(flops: float) -> None:
            if stopped.is_set():
                raise _Stop
            with lock:
                done[number] = min(done[number] + flops, most)
                report(sum(done))

        def each(trained: Trained) -> None:
            with lock:
                keep([trained.run], [trained.row()])

        rows = _train_group(groups[number], corpus, device, count, each)
        with lock:
            for run, row in zip(groups[number], rows, strict=True):
                if row["status"].startswith(_CROWDED):
                    crowded.append(run)
                else:
                    keep([run], [row])
            done[number] = most
            report(sum(done))

    with one_thread(), ThreadPoolExecutor(at_once) as pool:
        try:
            futures = [pool.submit(work, number) for number in range(len(groups))]
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    free_memory()
    for run in crowded:  # alone it may fit
        keep([run], _train_group([run], corpus, device, lambda flops: None, lambda trained: None))


def _in_this_process(
    groups: list[Group], corpus: Corpus, device: str | None, keep: Keep, report: Report
) -> None:
    device = pick_device(device).type if device is None else device
    before = 0.0
    for group in groups:
        seen, most = 0.0, _flops(group)

        def count(flops: float, before: float = before, most: float = most) -> None:
            nonlocal seen
            seen += flops
            report(before + min(seen, most))

        def each(trained: Trained) -> None:
            keep([trained.run], [trained.row()])

        keep(group, _train_group(group, corpus, device, count, each))
        before += most
        report(before)


def _start_method() -> str:
    """How worker processes start: never as forks of this one, whose torch may have threads.

    On Linux they are forks of a server that has imported this package and done nothing else. It
    starts with the first sweep, ends with this process, and spares later sweeps the wait.
    """
    return "forkserver" if sys.platform == "linux" else "spawn"


def _in_processes(
    groups: list[Group],
    corpus: Corpus | Callable[[], Corpus],
    fingerprint: str,
    workers: int,
    keep: Keep,
    report: Report,
) -> None:
    queue, over = deque(range(len(groups))), 0
    with _Team(groups, corpus, fingerprint, keep) as team:
        for worker in range(min(workers, len(groups))):
            team.hire(worker)
            team.give(worker, queue.popleft())
        while team.running:
            for worker, number, future in team.ended():
                if team.lost_before_it_began(worker, number, future):
                    queue.appendleft(number)
                else:
                    keep(groups[number], team.outcome(number, future))
                    over += _flops(groups[number])
                if queue:
                    team.give(worker, queue.popleft())
            report(over + team.flops_under_way())


class _Team:
    """Worker processes of one thread each, and which group each of them has.

    Leaving the `with` statement ends them, after an error at once; what was ready then is kept.
    """

    def __init__(
        self,
        groups: list[Group],
        corpus: Corpus | Callable[[], Corpus],
        fingerprint: str,
        keep: Keep,
    ) -> None:
        self.groups, self.corpus, self.fingerprint, self.keep = groups, corpus, fingerprint, keep
        self.context = multiprocessing.get_context(_start_method())
        if isinstance(self.context, multiprocessing.context.ForkServerContext):
            self.context.set_forkserver_preload([__name__])
        # Each place is written by the one worker that has the group: no lock it could die with.
        self.flops = self.context.RawArray("d", len(groups))
        self.begun = self.context.RawArray("b", len(groups))
        # Workers end as soon as the other end of this pipe closes: at an interrupt, or with this
        # process however it ends. Otherwise they would train on where nobody waits for them.
        self.lifeline, self.held = self.context.Pipe(duplex=False)
        self.mail: list[multiprocessing.connection.Connection] = []
        self.pools: dict[int, ProcessPoolExecutor] = {}
        self.running: dict[Future, tuple[int, int]] = {}
        """Which worker has which group."""
        self.stillborn = [0] * len(groups)

    def __enter__(self) -> _Team:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.held.close()
        for pool in self.pools.values():
            pool.shutdown(wait=kind is None, cancel_futures=kind is not None)
        if kind is not None:
            self._take_in()
            had = {future: self.groups[number] for future, (_, number) in self.running.items()}
            _rescue(had, self.keep)
            return
        self.held.close()
        self.lifeline.close()

    def hire(self, worker: int) -> None:
        """Put a new process in this place.

        Each is a pool of its own, so that a worker that is killed takes no other with it; and each
        has its own pipe, through which it sends what is finished before its group is.
        """
        letters, sender = self.context.Pipe(duplex=False)
        self.mail.append(letters)
        told = (self.corpus, self.fingerprint, self.flops, self.begun, self.lifeline, sender)
        self.pools[worker] = ProcessPoolExecutor(
            1,
            mp_context=self.context,
            initializer=_start_worker,
            initargs=(*told, dict(os.environ)),
        )

    def give(self, worker: int, number: int) -> None:
        """Let this worker train this group."""
        try:
            future = self.pools[worker].submit(_work, number, self.groups[number])
        except (ConnectionError, EOFError) as error:  # it died while the corpus was sent to it
            future = Future()
            future.set_exception(BrokenExecutor(_reason(error)))
        self.running[future] = worker, number

    def ended(self) -> Iterator[tuple[int, int, Future]]:
        """Worker, group and future of those that ended, after waiting for some a little while."""
        ended, _ = wait(self.running, timeout=0.2, return_when=FIRST_COMPLETED)
        self._take_in()
        for future in ended:
            yield *self.running.pop(future), future

    def lost_before_it_began(self, worker: int, number: int, future: Future) -> bool:
        """Whether the worker died before it began with the group; a dead worker is replaced.

        Raises RuntimeError if that happened to this group too often.
        """
        error = future.exception()
        if not isinstance(error, BrokenExecutor):
            return False
        self.pools[worker].shutdown()
        self.hire(worker)
        if self.begun[number]:
            return False
        self.stillborn[number] += 1
        if self.stillborn[number] == _TRIES:
            raise RuntimeError(
                "the worker processes die before they begin. A script that calls "
                'sweep() needs `if __name__ == "__main__":` around the call; with '
                "workers=1 everything runs in this process"
            ) from error
        return True

    def outcome(self, number: int, future: Future) -> list[Row]:
        """The rows of a group that ended."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            error = BrokenExecutor("the worker process was killed; out of memory?")
        return _outcome(future, error, self.groups[number], self.fingerprint, "cpu")

    def flops_under_way(self) -> float:
        """FLOPs done in the groups that are being trained."""
        return sum(min(self.flops[n], _flops(self.groups[n])) for _, n in self.running.values())

    def _take_in(self) -> None:
        """Keep what the workers finished before their group is."""
        for letters in list(self.mail):
            try:
                while letters.poll():
                    run, row = letters.recv()
                    self.keep([run], [row])
            except (EOFError, OSError):  # of a worker that was killed
                self.mail.remove(letters)


def _on_executor(
    groups: list[Group],
    corpus: Corpus | Callable[[], Corpus],
    fingerprint: str,
    executor: Executor,
    device: str | None,
    keep: Keep,
    report: Report,
) -> None:
    running: dict[Future, Group] = {}
    over = 0
    try:
        for group in groups:
            try:
                future = executor.submit(_train_away, group, corpus, fingerprint, device)
            except BrokenExecutor as error:
                future = Future()
                future.set_exception(error)
            if not isinstance(future, Future):
                raise TypeError(
                    "executor.submit must return a concurrent.futures.Future, got "
                    f"{type(future).__name__}"
                )
            running[future] = group
        while running:
            ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in ended:
                group = running.pop(future)
                failure = CancelledError() if future.cancelled() else future.exception()
                keep(group, _outcome(future, failure, group, fingerprint, device))
                over += _flops(group)
            report(over)
    except BaseException:
        for future in running:
            future.cancel()
        _rescue(running, keep)
        raise


def _outcome(
    future: Future,
    error: BaseException | None,
    group: Group,
    fingerprint: str,
    device: str | None,
) -> list[Row]:
    """The rows that a worker returned, or those that say why there are none."""
    if isinstance(error, WrongCorpus):
        raise error
    if error is None:
        return future.result()
    return [_failed(run, fingerprint, device, _reason(error)) for run in group]


def _rescue(running: dict[Future, Group], keep: Keep) -> None:
    """Keep what was ready when the sweep was cut off."""
    for future, group in running.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            keep(group, future.result())


_corpora: dict[str, Corpus] = {}


def _train_away(
    group: Group,
    corpus: Corpus | Callable[[], Corpus],
    fingerprint: str,
    device: str | None,
    report: Report = lambda flops: None,
    each: Each = lambda trained: None,
) -> list[Row]:
    """What a worker does, wherever it is."""
    if isinstance(corpus, Corpus):
        return _train_group(group, corpus, device or pick_device().type, report, each)
    got = _corpora.get(fingerprint)
    if got is None:
        got = corpus()
        if got.fingerprint != fingerprint:
            raise WrongCorpus(
                f"on a worker the corpus has the fingerprint {got.fingerprint}, and "
                f"{fingerprint} on the machine that started the sweep: install the same versions "
                "of the packages that it is read from, or give sweep() the Corpus itself"
            )
        _corpora.clear()
        _corpora[fingerprint] = got
    return _train_group(group, got, device or pick_device().type, report, each)


def _importable(function: Callable[[], Corpus]) -> bool:
    """Can a new process find this function? Not if a notebook or another function made it."""
    try:
        return b"__main__" not in pickle.dumps(function)
    except Exception:
        return False


_worker: dict[str, Any] = {}


def _start_worker(
    corpus: Corpus | Callable[[], Corpus],
    fingerprint: str,
    flops: Any,
    begun: Any,
    lifeline: multiprocessing.connection.Connection,
    sender: multiprocessing.connection.Connection,
    environment: dict[str, str],
) -> None:
    os.environ.clear()  # a server's fork has the variables of when the server was started
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that waits
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _worker.update(corpus=corpus, fingerprint=fingerprint, flops=flops, begun=begun, sender=sender)


def _end_with(lifeline: multiprocessing.connection.Connection) -> None:
    multiprocessing.connection.wait([lifeline])
    os._exit(1)


def _work(number: int, group: Group) -> list[Row]:
    _worker["begun"][number] = 1

    def report(flops: float) -> None:
        _worker["flops"][number] += flops

    def each(trained: Trained) -> None:
        _worker["sender"].send((trained.run, trained.row()))

    return _train_away(group, _worker["corpus"], _worker["fingerprint"], "cpu", report, each)
