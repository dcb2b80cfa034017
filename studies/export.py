"""Write the reference sweep's store into the package, with a note on where it comes from.

    python studies/export.py

A study that is not finished is exported as far as it goes. Failed runs are left out; diverged
ones are results and stay. Needs the same corpora as the runs had: the versions of the packages
whose source they read are taken from there. Of a study of which the store holds less than
the package, the rows of the package stay: so a study can be added with a store of its own.
"""

from __future__ import annotations

import argparse
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sweep import ROOT, STORE

from scalinglaws import runs as tables
from scalinglaws.runs import store as stores
from scalinglaws.runs.table import FORMERLY
from scalinglaws.text import Corpus
from studies import ELSEWHERE, SEALED, STUDIES, Study

DATA = ROOT / "scalinglaws" / "runs" / "data"
DECIMALS = {"loss": 6, "loss_std": 6, "seconds": 3}
"""What is kept of the numbers that were measured: far more than their noise leaves certain."""


def collect(
    studies: Mapping[str, Study], finished: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """The table of the studies' runs that are among the store's finished ones, in their order."""
    names, rows = [], []
    for name, study in studies.items():
        fingerprint = study.corpus().fingerprint
        for run in study.runs:
            row = finished.get(stores.key(run, fingerprint))
            if row is not None:
                names.append(name)
                rows.append(row)
    table = tables.table_of(rows).round(DECIMALS)
    table.insert(0, "study", names)
    return table


def beside(new: pd.DataFrame, path: Path, studies: Mapping[str, Study]) -> pd.DataFrame:
    """The new rows, and those in the file of studies of which it has more, in the studies' order.

    Columns that the file is too old to have are left out where no new row departs from them.
    """
    if not path.exists():
        return new
    standing = tables.read_table(path)
    more = standing["study"].value_counts().gt(new["study"].value_counts(), fill_value=0)
    kept = standing[standing["study"].isin(set(studies) & set(more[more].index))]
    if kept.empty:
        return new
    new = new[~new["study"].isin(kept["study"])]
    for name in set(new.columns) - set(kept.columns):
        usual = FORMERLY[name]
        if new[name].isna().all() if usual is None else new[name].eq(usual).all():
            new = new.drop(columns=name)
        else:
            kept = kept.assign(**{name: usual})
    both = pd.concat([kept, new], ignore_index=True) if len(new) else kept
    place = both["study"].map({name: i for i, name in enumerate(studies)})
    return both.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def days_of(note: Path, written: list[str]) -> tuple[str, str]:
    """First and last day of training: those in the store and those that the note names."""
    said = note.read_text(encoding="utf-8") if note.exists() else ""
    days = sorted(written + re.findall(r"\d{4}-\d\d-\d\d", said.partition("(UTC)")[0]))
    return days[0], days[-1]


def provenance(table: pd.DataFrame, corpora: Mapping[str, Corpus], days: tuple[str, str]) -> str:
    """What the page says about the rows: `corpora` by study, first and last day of training."""
    about = STUDIES | SEALED
    lines = [
        "# Where the runs come from",
        "",
        "Written by `studies/export.py` with the tables beside it. All rows were trained by "
        f"`studies/sweep.py` from {days[0]} to {days[1]} (UTC), with scalinglaws "
        f"{', '.join(sorted(set(table['version'])))} ({platform.machine()}); on a cpu with one "
        "thread to a process, on cuda in groups side by side. The column `seconds` was taken on a "
        "machine with other work to do and is no benchmark.",
        "",
        "| study | runs | of | FLOPs from | to | device | corpus | what it is |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in table.groupby("study", sort=False):
        lines.append(
            f"| {name} | {len(rows)} | {len(about[name].runs)} | {rows['flops'].min():.1e} | "
            f"{rows['flops'].max():.1e} | {', '.join(sorted(set(rows['device'])))} | "
            f"{corpora[name].fingerprint} | {about[name].about} |"
        )
    lines += [
        "",
        "`sealed`, `preregistered`, `preregistered-far` and `isoflop-far` stand in tables of their "
        "names, the studies of chapter 13 in `ideas.csv`, that of chapter 14 in `wall.csv`, all "
        "else in `reference.csv`. The column `device` says where the products of float32 were "
        "rounded to TF32.",
        "",
    ]
    lines += ["## The corpora", ""]
    for corpus in dict.fromkeys(corpora.values()):
        lines.append(
            f"`{corpus.fingerprint}` is {corpus.name}: {corpus.train.size:,} tokens to train on, "
            f"{corpus.val.size:,} to measure on."
        )
        if corpus.sources:
            versions = ", ".join(f"{s.name} {s.version}" for s in corpus.sources)
            lines.append(
                f"It was read from {versions}. `requirements.txt` pins these packages; with "
                "other versions, or another Python, the fingerprint changes, and so do the losses."
            )
        lines.append("")
    lines += [
        "## How to train a row again",
        "",
        "A whole study, in an environment made by `make venv`:",
        "",
        "    python studies/sweep.py --study NAME --store again.sqlite",
        "",
        "A single row, with `corpus` the study's corpus (`python_source()`, or `known_entropy()` "
        "of `studies/studies.py`):",
        "",
        '    row = scalinglaws.runs.reference("NAME").iloc[0]',
        "    trained = scalinglaws.training.train(studies.run_of(row, corpus), corpus)",
        "",
        "`tests/unit/test_reference.py` does so for a few cheap rows, and asks for the same loss "
        "to a thousandth of a nat where the corpus is the same, and to a tenth where it is not.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=STORE, help="file that keeps the runs")
    parser.add_argument("--to", type=Path, default=DATA, help="folder to write to")
    options = parser.parse_args()
    if not options.store.exists():
        print(f"there is no store {options.store}: nothing was trained, so nothing is exported")
        return
    finished = stores.finished(options.store)
    files: dict[str, dict[str, Study]] = {"reference.csv": {}}
    for name, study in (STUDIES | SEALED).items():
        own = f"{name}.csv" if name in SEALED else ELSEWHERE.get(name, "reference.csv")
        files.setdefault(own, {})[name] = study
    parts = {
        file: beside(collect(studies, finished), options.to / file, studies)
        for file, studies in files.items()
    }
    options.to.mkdir(exist_ok=True)
    for file, table in parts.items():
        if table.empty:
            print(f"{file}: no run yet, not written")
            continue
        tables.write_table(table, options.to / file)
        size = (options.to / file).stat().st_size
        print(f"{file}: {len(table)} runs, {size / 1e3:.0f} kB")
        for name, rows in table.groupby("study", sort=False):
            print(f"  {name:16} {len(rows):4} of {len((STUDIES | SEALED)[name].runs)}")
    full = [table for table in parts.values() if not table.empty]
    if not full:
        print("no run of the store belongs to a study on the texts of this machine")
        return
    table = pd.concat(full)
    corpora = {name: (STUDIES | SEALED)[name].corpus() for name in table["study"].unique()}
    # A store of sealed runs alone, in a folder without the others, writes a note on them alone.
    name = "PROVENANCE" if not parts["reference.csv"].empty else "-".join(corpora)
    path = options.to / f"{name}.md"
    days = days_of(path, [e.written[:10] for e in stores.entries(options.store)])
    path.write_text(provenance(table, corpora, days), encoding="utf-8")


if __name__ == "__main__":
    main()
