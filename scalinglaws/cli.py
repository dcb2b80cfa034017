"""The command line: `python -m scalinglaws fit RUNS.csv` and `python -m scalinglaws plan`.

Exit codes: 0 if an answer was given, 2 if the question or the table cannot be used, with one line
on stderr that says why.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from . import __version__
from .fit import AllocationFit
from .laws import ChinchillaLaw
from .plan import (
    PUBLISHED,
    Assumptions,
    Plan,
    Source,
    compute_optimal,
    flops_of,
    outside,
    reaching,
    with_inference,
)
from .report import AXES, MAX_RUNS, METHODS, analyse, plan_json
from .runs.read import ROLES, measurements

_FIT_EXAMPLE = """\
examples:
  scalinglaws fit runs.csv --budget 1e21
  scalinglaws fit runs.csv --method isoflop --plot isoflop.png
  scalinglaws fit runs.csv --method power --x params --json

The table is a CSV file with one run per row and the columns params, tokens and loss (nats per
token), optionally flops, seed and status. Many other names are recognised, and it is said which
were; one of params, tokens and flops may be missing. `python -m scalinglaws` is the same command.
"""
_PLAN_EXAMPLE = """\
examples:
  scalinglaws plan --law chinchilla-refit --flops 5.76e23
  scalinglaws plan --law chinchilla-refit --flops 1e22 --inference-tokens 2T
  scalinglaws plan --from runs.csv --gpu-hours 10000
  scalinglaws plan --parameters 1.8,480,0.35,2100,0.37 --loss 2.2

From a table the answers have 95 % intervals. GPU-hours, energy and money follow from the
assumptions, which are printed with the answer.
"""


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def _number(text: str) -> float:
    """A positive number, as in 1e21, 70B or 2T."""
    match = re.fullmatch(r"\s*([\d.]+(?:[eE][+-]?\d+)?)\s*([kKmMbBtT]?)\s*", text)
    scale = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
    try:
        value = float(match[1]) * scale[match[2].lower()] if match else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number such as 1e21 or 70B")
    return value


def _whole(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return value

    return read


def _floor(text: str) -> str | float:
    if text in ("auto", "none"):
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto, none nor a loss")
    return value


def _column(text: str) -> tuple[str, str | None]:
    role, equals, name = text.partition("=")
    role = role.strip().lower()
    if not equals or not name.strip() or role not in ROLES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form ROLE=NAME with ROLE one of {', '.join(ROLES)}"
        )
    name = name.strip().strip("'\"")
    return role, None if name.lower() == "none" else name


def _parameters(text: str) -> ChinchillaLaw:
    parts = text.split(",")
    try:
        if len(parts) != 5:
            raise ValueError(f"five numbers are needed, got {len(parts)}")
        return ChinchillaLaw(*map(float, parts))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not E,A,alpha,B,beta: {error}") from None


def _table_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the table and the fit")
    group.add_argument(
        "--column",
        type=_column,
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="which column is the ROLE (params, tokens, loss, flops, seed, run, "
        "status, diverged); NAME none ignores it; repeatable",
    )
    group.add_argument(
        "--drop-worst",
        type=_whole(0),
        default=0,
        metavar="K",
        help="leave out the K highest losses (default 0)",
    )
    group.add_argument(
        "--bootstrap",
        type=_whole(100),
        default=4000,
        metavar="N",
        help="draws behind the 95 %% intervals (default 4000)",
    )
    group.add_argument("--seed", type=_whole(0), default=0, help="of the draws (default 0)")
    group.add_argument(
        "--huber",
        type=_number,
        default=1e-3,
        metavar="DELTA",
        help="delta of Huber's loss on log L, parametric only (default 1e-3)",
    )
    group.add_argument(
        "--k",
        type=_number,
        default=None,
        metavar="K",
        help="FLOPs per parameter and token, C = K N D (default 6)",
    )
    group.add_argument("--max-runs", type=_whole(10), default=MAX_RUNS, metavar="N",
                       help=f"thin more runs than this at random (default {MAX_RUNS})")  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scalinglaws",
        description="Fit scaling laws to your own runs, and plan with them.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"scalinglaws {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="{fit,plan}", required=True, parser_class=_Parser
    )
    raw = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}

    fit = commands.add_parser(
        "fit", help="fit a law to a table of runs", epilog=_FIT_EXAMPLE,
        description="Fit a scaling law to a table of runs, with 95 % intervals.", **raw,
    )  # fmt: skip
    fit.add_argument("runs", metavar="RUNS.csv", help="the table of runs")
    fit.add_argument(
        "--method",
        choices=METHODS,
        default="parametric",
        help="parametric: L(N, D) = E + A/N^alpha + B/D^beta, approach 3 of Hoffmann "
        "et al. 2022 (default); isoflop: approach 2; envelope: approach 1; "
        "power: the loss against one quantity",
    )
    fit.add_argument(
        "--x", choices=AXES, default=None, help="power only: the quantity (default flops)"
    )
    fit.add_argument(
        "--floor",
        type=_floor,
        default=None,
        metavar="auto|none|LOSS",
        help="power only: fit a floor if the runs can tell it (auto, default), none, "
        "or hold it at a loss",
    )
    fit.add_argument(
        "--budget",
        type=_number,
        action="append",
        default=[],
        metavar="FLOPS",
        help="answer for this budget: the best split, or with power the loss; repeatable",
    )
    fit.add_argument("--plot", metavar="FILE.png", help="draw the fit (png, svg or pdf)")
    fit.add_argument("--json", action="store_true", help="print JSON and nothing else")
    _table_options(fit)
    fit.set_defaults(run=_fit)

    plan = commands.add_parser(
        "plan", help="what to train with a budget, or for a loss", epilog=_PLAN_EXAMPLE,
        description="What to train with a budget, or for a loss, and what it costs.", **raw,
    )  # fmt: skip
    source = plan.add_argument_group("the law (one of these)").add_mutually_exclusive_group(
        required=True
    )
    source.add_argument("--law", choices=sorted(PUBLISHED), help="a published law")
    source.add_argument("--from", dest="table", metavar="RUNS.csv", help="fit it to this table")
    source.add_argument(
        "--parameters",
        type=_parameters,
        metavar="E,A,alpha,B,beta",
        help="the parameters of L(N, D) = E + A/N^alpha + B/D^beta",
    )
    goal = plan.add_argument_group("the goal (one of these)").add_mutually_exclusive_group(
        required=True
    )
    goal.add_argument("--flops", type=_number, help="training FLOPs")
    goal.add_argument("--loss", type=_number, help="the loss to reach, nats per token")
    goal.add_argument("--gpu-hours", type=_number, help="training time on one GPU")
    goal.add_argument("--money", type=_number, help="for training; needs --price and --price-date")
    plan.add_argument(
        "--inference-tokens",
        type=_number,
        default=0.0,
        metavar="TOKENS",
        help="tokens to be served: reach the same loss with the fewest FLOPs of "
        "training and inference together (Sardana et al. 2023)",
    )
    plan.add_argument(
        "--method",
        choices=METHODS[:3],
        default="parametric",
        help="of the fit, with --from (default parametric)",
    )
    plan.add_argument("--json", action="store_true", help="print JSON and nothing else")
    usual = Assumptions()
    costs = plan.add_argument_group("assumptions about the machine")
    costs.add_argument(
        "--peak-flops",
        type=_number,
        default=usual.peak_flops,
        help="FLOP/s of one GPU (default 989.4e12: H100 SXM, bf16, not sparse)",
    )
    costs.add_argument(
        "--utilisation",
        type=_number,
        default=usual.utilisation,
        help="share of the peak that is reached (default 0.4; Llama 3 405B: 0.38 to 0.43)",
    )
    costs.add_argument(
        "--watts",
        type=_number,
        default=usual.watts_per_gpu,
        help="per GPU, with server, network and cooling (default 1700)",
    )
    costs.add_argument("--price", type=_number, default=None, help="of one GPU-hour; no default")
    costs.add_argument(
        "--price-date", default=None, metavar="YYYY-MM", help="when that was the price"
    )
    costs.add_argument(
        "--carbon", type=_number, default=None, metavar="KG", help="kg CO2e per kWh; no default"
    )
    _table_options(plan)
    plan.set_defaults(run=_plan)
    return parser


def _checked_figure(name: str) -> Path:
    path = Path(name)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"--plot makes .png, .svg or .pdf files, not {path.name!r}")
    folder = path.parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder} for the figure")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise ValueError(f"the figure cannot be written to {path}")
    return path


def _fit(args: argparse.Namespace) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    if args.method != "power":
        for name in ("x", "floor"):
            if getattr(args, name) is not None:
                raise ValueError(f"--{name} goes with --method power only")
    path = _checked_figure(args.plot) if args.plot else None
    runs = measurements(args.runs, drop_worst=args.drop_worst, columns=dict(args.column))
    report = analyse(
        runs,
        args.method,
        x=args.x or "flops",
        floor="auto" if args.floor is None else args.floor,
        huber=args.huber,
        k=args.k or 6.0,
        bootstrap=args.bootstrap,
        seed=args.seed,
        budgets=args.budget,
        max_runs=args.max_runs,
    )
    if path is not None:
        import matplotlib.pyplot as plt

        figure = report.figure()
        try:
            figure.savefig(path)
        except OSError as error:
            raise ValueError(f"the figure cannot be written: {error}") from None
        finally:
            plt.close(figure)
    found = {"input": args.runs, "version": __version__, **report.as_json()}
    return str(report), found, report.warnings


def _plan(args: argparse.Namespace) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    assumed = Assumptions(
        peak_flops=args.peak_flops,
        utilisation=args.utilisation,
        watts_per_gpu=args.watts,
        price_per_gpu_hour=args.price,
        price_date=args.price_date,
        carbon_per_kwh=args.carbon,
    )
    flops = args.flops
    if args.gpu_hours is not None or args.money is not None:
        flops = flops_of(assumed, gpu_hours=args.gpu_hours, money=args.money)
    source: Source
    notes: list[str] = []
    warnings: tuple[str, ...] = ()
    k = args.k
    if args.table is not None:
        runs = measurements(args.table, drop_worst=args.drop_worst, columns=dict(args.column))
        report = analyse(
            runs, args.method, huber=args.huber, k=k or 6.0, bootstrap=args.bootstrap,
            seed=args.seed, max_runs=args.max_runs,
        )  # fmt: skip
        source, name, k = report.fit, f"{args.method} fit to {args.table}", None
        notes += report.notes
        warnings = report.warnings
        formula = str(source).splitlines()[0]
    elif args.law is not None:
        source = PUBLISHED[args.law].law
        name, formula = PUBLISHED[args.law].source, str(source)
    else:
        source, name, formula = args.parameters, "parameters as given", str(args.parameters)
        notes.append("how far these parameters reach beyond the runs behind them is not known")
    plan = _planned(source, flops, args.loss, args.inference_tokens, k)
    if args.law is not None:
        known = PUBLISHED[args.law]
        notes += outside("params", plan.params.value, known.params)
        notes += outside("tokens", plan.tokens.value, known.tokens)
    far = tuple(note for note in plan.notes if note != plan.doubt)
    plan = replace(plan.priced(assumed), notes=(*plan.notes, *notes))
    lines = [f"{name}: {formula}", *str(plan).splitlines()]
    found = {"law": formula, "source": name, "version": __version__, **plan_json(plan)}
    found["warnings"] = list(warnings + far)
    return "\n".join(lines), found, warnings + far


def _planned(
    source: Source, flops: float | None, loss: float | None, served: float, k: float | None
) -> Plan:
    if served:
        return with_inference(source, served, flops=flops, loss=loss, k=k)
    if loss is not None:
        return reaching(source, loss, k=k)
    if isinstance(source, AllocationFit) and k is not None:
        raise ValueError("--k belongs to a law L(N, D)")
    return compute_optimal(source, flops, k=k)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (default: that of the process) and return its exit code."""
    import matplotlib

    matplotlib.use("Agg")
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        text, found, warnings = args.run(args)
    except (ValueError, OSError, OverflowError, MemoryError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        print(f"scalinglaws {args.command}: error: {line}", file=sys.stderr)
        return 2
    for warning in warnings:
        if not args.json and f"note: {warning}" in text:
            continue
        print(f"warning: {warning}", file=sys.stderr)
    try:
        if args.json:
            print(json.dumps(found, indent=2, allow_nan=False, ensure_ascii=False))
        else:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
