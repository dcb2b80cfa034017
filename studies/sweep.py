"""Train the reference sweep, or as much of it as is still missing in the store.

    python studies/sweep.py --dry-run         what there is to do, and about how long it takes
    python studies/sweep.py                   all studies, one after the other
    python studies/sweep.py --study isoflop --most-flops 1e11
    python studies/sweep.py --sealed          the largest runs, which enter no fit
    python studies/sweep.py --write-text text.npz        the text of this machine, for another
    python studies/sweep.py --text text.npz --together   all runs at once, as suits a GPU

The store keeps each run as soon as it is finished, so the script may be stopped at any time and
started again. `python studies/export.py` writes what is in the store into the package.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from scalinglaws.runs import store as stores
from scalinglaws.text import Corpus, corpora, python_source
from scalinglaws.training import Run, cost, sweep
from studies import SEALED, STUDIES, Study

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / "_reference" / "reference.sqlite"
STAGES = (1e11, 3e13, float("inf"))
"""Within a study, runs of up to so many FLOPs come first: a part of the store is of use too."""


def stages(
    study: Study, most_flops: float, bounds: Sequence[float] = STAGES
) -> Iterator[list[Run]]:
    """The runs of a study in the order of training: the cheap ones, then the others."""
    least = 0.0
    for most in bounds:
        runs = [run for run in study.runs if least < run.flops <= min(most, most_flops)]
        least = most
        if runs:
            yield runs


def together(studies: Mapping[str, Study]) -> dict[str, Study]:
    """All runs on one corpus as one study, named after its parts."""
    parts: dict[str, list[str]] = {}
    for name, study in studies.items():
        parts.setdefault(study.corpus().fingerprint, []).append(name)
    return {
        ", ".join(names): Study(
            [run for name in names for run in studies[name].runs],
            "together",
            studies[names[0]].corpus,
        )
        for names in parts.values()
    }


def missing(study: Study, runs: Sequence[Run], store: Path) -> list[Run]:
    """Those of the runs that the store does not hold."""
    if not store.exists():
        return list(runs)
    known, corpus = stores.finished(store), study.corpus().fingerprint
    return [run for run in runs if stores.key(run, corpus) not in known]


def write_text(path: Path) -> None:
    """Keep the tokens of `python_source`, which differ where other packages are installed."""
    corpus = python_source()
    if path.suffix != ".npz":
        path = Path(f"{path}.npz")
    np.savez_compressed(path, train=corpus.train, val=corpus.val)
    print(f"{path}: {corpus.fingerprint}")


def read_text(path: Path) -> None:
    """From now on, `python_source` returns the tokens of such a file. Raises SystemExit."""
    try:
        with np.load(path) as kept:
            corpus = Corpus("python source", kept["train"], kept["val"], vocab_size=128)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadZipFile) as error:
        sys.exit(f"{path} is no file that --write-text wrote: {error}")
    corpora._python_source = lambda: corpus
    print(f"{path}: {corpus.fingerprint}")


def main() -> None:
    everything = STUDIES | SEALED
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", nargs="+", choices=everything, help="only these studies")
    parser.add_argument("--sealed", action="store_true", help="the sealed runs too, or alone")
    parser.add_argument("--most-flops", type=float, default=float("inf"), help="of a single run")
    parser.add_argument("--workers", type=int, help="processes; by default one per core")
    parser.add_argument("--store", type=Path, default=STORE, help="file that keeps the runs")
    parser.add_argument("--device", help="cuda or cpu; by default a GPU if there is one")
    parser.add_argument("--text", type=Path, help="read the source of Python from this file")
    parser.add_argument("--write-text", type=Path, help="write that file and end")
    parser.add_argument("--together", action="store_true", help="all runs in one sweep")
    parser.add_argument("--tf32", action="store_true", help="products in TF32 on cards that can")
    parser.add_argument("--dry-run", action="store_true", help="train nothing, say what it takes")
    options = parser.parse_args()
    if options.write_text:
        write_text(options.write_text)
        return
    names = options.study or ([] if options.sealed else list(STUDIES))
    names += [name for name in SEALED if options.sealed and name not in names]
    if not options.most_flops > 0 or math.isnan(options.most_flops):
        parser.error("--most-flops must be above 0")
    if not options.dry_run:
        options.store.parent.mkdir(parents=True, exist_ok=True)

    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    if options.text:
        read_text(options.text)
    studies = {name: everything[name] for name in names}
    if options.together:
        studies = together(studies)
    total = 0.0
    for name, study in studies.items():
        for runs in stages(study, options.most_flops, STAGES[-1:] if options.together else STAGES):
            left = missing(study, runs, options.store)
            flops, seconds = cost(left)
            total += seconds
            print(
                f"{name:16} {len(runs):4} runs, {len(left):4} missing, {flops:8.2g} FLOPs, "
                f"about {seconds / 60:5.1f} min on one core",
                flush=True,
            )
            if left and not options.dry_run:
                sweep(
                    left,
                    study.corpus,
                    store=options.store,
                    workers=options.workers,
                    device=options.device,
                )
    if options.dry_run:
        print(f"{'in all':16} about {total / 60:.0f} min on one core")


if __name__ == "__main__":
    main()
