"""Write down the forecasts of runs that have not been trained.

    python studies/preregister.py             write the file and print its SHA-256
    python studies/preregister.py --check     print by how much a new calculation differs from it
    python studies/preregister.py --study preregistered-far      the same for the second set

Deterministic: it reads the shipped runs, `reference("isoflop")` and `sealed()`, and nothing else.
What it does and why stands in `preregistration.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sweep import ROOT

from scalinglaws.course import bets
from scalinglaws.runs import reference, sealed
from studies import SEALED

DATA = ROOT / "scalinglaws" / "runs" / "data"
WINNER = ("joined", "... of 3 budgets")
DIGITS = 4


def claims(prefix: str, budget: str) -> dict[str, dict[str, str]]:
    """What is claimed of the runs, and what would refute it."""
    return {
        f"{prefix}-band": {
            "claim": "The joined law on three budgets, with the band of its own record, holds "
            "every registered run.",
            "refuted if": "the loss of any trained registered run lies outside that forecast's "
            "95 % interval",
        },
        f"{prefix}-form": {
            "claim": f"At {budget} FLOPs the joined law on three budgets misses by less than the "
            "surface on all runs and by less than the frontier of five budgets.",
            "refuted if": f"over the trained runs of {budget} FLOPs, two at least, the root mean "
            "square of ln(measured / forecast) of either rival is as small or smaller",
        },
        f"{prefix}-climb": {
            "claim": f"The same law misses by less at {budget} FLOPs if it may read the six opened "
            "runs of 2.6e13 FLOPs too.",
            "refuted if": f"over the trained runs of {budget} FLOPs, two at least, its root mean "
            "square of ln(measured / forecast) with the opened runs is as large or larger than "
            "without",
        },
    }


CLAIMS = {
    "preregistered": claims("8.sealed", "8e13"),
    "preregistered-far": claims("8.far", "1e15"),
}


def targets(study: str) -> pd.DataFrame:
    """The runs that the forecasts are for, in the order of training."""
    runs = SEALED[study].runs
    return pd.DataFrame(
        {
            "order": range(1, len(runs) + 1),
            "budget": [float(f"{run.flops:.1e}") for run in runs],
            "width": [run.model.width for run in runs],
            "params": [run.model.params("with_head") for run in runs],
            "tokens": [run.tokens for run in runs],
            "flops": [run.flops for run in runs],
        }
    )


def rows(
    at: pd.DataFrame, names: tuple[str, str, str], factor: np.ndarray, value: Any, half: Any
) -> Iterator[dict[str, Any]]:
    """A row for each run, of a forecast with its half width in per cent (of logarithms)."""
    by, diet, band = names
    for i, run in enumerate(at.to_dict("records")):
        ends = [float(value[i] * np.exp(side * half[i] / 100)) for side in (0, -1, 1)]
        value_low_high = [round(end, DIGITS) for end in ends]
        yield {
            **run,
            "by": by,
            "fitted to": diet,
            "factor": round(float(factor[i]), 2),
            "band": band,
            **dict(zip(("value", "low", "high"), value_low_high, strict=True)),
        }


def forecasts(study: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All forecasts, and the parameters of the bands."""
    at, ours = targets(study), bets.prepared(reference("isoflop"))
    opened = bets.prepared(pd.concat([reference("isoflop"), sealed()], ignore_index=True))
    factor = (at["flops"] / ours["budget"].max()).to_numpy()
    table, bands, done = bets.race(ours), {}, []
    for (shape, diet), forecaster in bets.entrants().items():
        record = table[(table["shape"] == shape) & (table["diet"] == diet)]
        band = bets.fit_band(record["miss"], record["factor"], record["threshold"])
        bands[f"{shape}, {diet}"] = {
            "noise": round(band.noise, DIGITS),
            "drift": round(band.drift, DIGITS),
            "thresholds": band.thresholds,
        }
        value = forecaster(ours)(at)
        done += rows(at, (shape, diet, "record"), factor, value, band.half(factor))
        if (shape, diet) != WINNER:
            continue
        plain = bets.resampled_half(bets.near_best(ours, 3), at, 200)
        done += rows(at, (shape, diet, "resampling"), factor, value, plain)
        wedge = (record["miss"].abs() / np.log(record["factor"])).quantile(0.95)
        bands["wedge of the first edition"] = {"q": round(float(wedge), DIGITS)}
        done += rows(at, (shape, diet, "wedge"), factor, value, wedge * np.log(factor))
        above = at[at["flops"] > opened["budget"].max()]
        near = (above["flops"] / opened["budget"].max()).to_numpy()
        names = (shape, "... of 3 budgets, the opened runs too", "record")
        done += rows(above, names, near, forecaster(opened)(above), band.half(near))
    return done, bands


def content(study: str) -> dict[str, Any]:
    """All that the file holds."""
    done, bands = forecasts(study)
    return {
        "about": "Forecasts of runs that had not been trained when this file was committed. See "
        "studies/preregistration.md.",
        "primary": {"by": WINNER[0], "fitted to": WINNER[1], "band": "record"},
        "claims": CLAIMS[study],
        "bands": bands,
        "forecasts": done,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--study", choices=CLAIMS, default="preregistered", help="which runs")
    parser.add_argument("--force", action="store_true", help="overwrite forecasts that stand")
    options = parser.parse_args()
    file = DATA / f"{options.study}.json"
    if file.exists() and not (options.check or options.force):
        parser.error(f"{file.name} is registered: --check compares, --force writes it anew")
    made = content(options.study)
    if options.check:
        kept = pd.DataFrame(json.loads(file.read_text(encoding="utf-8"))["forecasts"])
        again = pd.DataFrame(made["forecasts"])
        off = (again[["value", "low", "high"]] / kept[["value", "low", "high"]] - 1).abs()
        print(f"{len(kept)} forecasts, the largest difference is {off.to_numpy().max():.1e}")
    else:
        file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(hashlib.sha256(file.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
