"""Many runs: on all cores of the machine, with a progress bar that counts FLOPs."""

from __future__ import annotations

import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pandas as pd
from tqdm import tqdm

from .corpora import Corpus
from .train import Run, Trained, pick_device, train


def repeat(runs: Iterable[Run], seeds: int) -> list[Run]:
    """Each run once with every seed from 0 to `seeds` - 1."""
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    return [replace(run, seed=seed) for run in runs for seed in range(seeds)]


def sweep(
    runs: Iterable[Run],
    corpus: Corpus,
    *,
    workers: int | None = None,
    device: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train every run and return the table of runs, one row each, in the order given.

    On a CPU the runs are shared out among `workers` processes of one thread each (by default one
    per core; the largest runs start first), and a run's result does not depend on how many there
    are. On a GPU they follow one another in this process. A run that fails or diverges has its
    reason in `status` and NaN as `loss`; the others go on.

    A script that calls this needs the usual `if __name__ == "__main__":` around the call, since
    the worker processes import the script.
    """
    runs = list(runs)
    if not runs:
        raise ValueError("runs is empty: there is nothing to train")
    for run in runs:
        if not isinstance(run, Run):
            raise TypeError(f"runs must hold Run objects, got {type(run).__name__}")
    if len(set(runs)) < len(runs):
        raise ValueError("the same run stands in runs twice: give each its own seed")
    if workers is None:
        workers = _cores()
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    workers = min(workers, len(runs))
    total = sum(run.flops for run in runs)
    with tqdm(
        total=total, unit="FLOP", unit_scale=True, desc=f"{len(runs)} runs", disable=not progress
    ) as bar:
        if pick_device(device).type != "cpu" or workers == 1:
            rows = [_in_this_process(run, corpus, device, bar) for run in runs]
        else:
            rows = _in_processes(runs, corpus, workers, bar)
        bar.update(total - bar.n)
    return pd.DataFrame(rows)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _row(run: Run, corpus: Corpus, device: str | None, progress: Any) -> dict[str, Any]:
    """The row of one run; an exception becomes a row with its reason."""
    try:
        return train(run, corpus, device=device, progress=progress).row()
    except Exception as error:
        failed = Trained(
            run=run,
            model=None,
            loss=float("nan"),
            loss_std=float("nan"),
            curve_tokens=None,
            curve_loss=None,
            status=f"failed: {type(error).__name__}: {error}",
            seconds=float("nan"),
            device=str(device or "cpu"),
            corpus=corpus.fingerprint,
        )
        return failed.row()


def _in_this_process(run: Run, corpus: Corpus, device: str | None, bar: tqdm) -> dict[str, Any]:
    before, per_token = bar.n, run.model.flops_per_token("total")
    try:
        return _row(
            run,
            corpus,
            device,
            lambda tokens, loss: bar.update(before + tokens * per_token - bar.n),
        )
    finally:
        bar.update(before + run.flops - bar.n)


def _in_processes(
    runs: Sequence[Run], corpus: Corpus, workers: int, bar: tqdm
) -> list[dict[str, Any]]:
    # "spawn", because forking a process that has used torch's threads can hang it.
    context = multiprocessing.get_context("spawn")
    done = context.Value("d", 0.0)
    # Workers end as soon as the other end of this pipe closes: at an interrupt, or with this
    # process however it ends. Otherwise they would train on where nobody waits for them.
    lifeline, held = context.Pipe(duplex=False)
    rows: dict[int, dict[str, Any]] = {}
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(corpus, done, lifeline)
    ) as pool:
        try:
            order = sorted(range(len(runs)), key=lambda i: -runs[i].flops)
            waiting: dict[Future, int] = {pool.submit(_work, runs[i]): i for i in order}
            while waiting:
                finished, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in finished:
                    rows[waiting.pop(future)] = future.result()
                bar.update(int(done.value) - bar.n)
        except BaseException:
            held.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    held.close()
    lifeline.close()
    return [rows[i] for i in range(len(runs))]


_worker: dict[str, Any] = {}


def _start_worker(
    corpus: Corpus, done: Any, lifeline: multiprocessing.connection.Connection
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that waits
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _worker.update(corpus=corpus, done=done)


def _end_with(lifeline: multiprocessing.connection.Connection) -> None:
    multiprocessing.connection.wait([lifeline])
    os._exit(1)


def _work(run: Run) -> dict[str, Any]:
    per_token, seen = run.model.flops_per_token("total"), 0

    def progress(tokens: int, loss: float) -> None:
        nonlocal seen
        with _worker["done"].get_lock():
            _worker["done"].value += (tokens - seen) * per_token
        seen = tokens

    return _row(run, _worker["corpus"], "cpu", progress)
