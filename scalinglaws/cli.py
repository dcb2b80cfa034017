"""The command line: `python -m scalinglaws fit RUNS.csv` and `python -m scalinglaws plan`.

Exit codes: 0 if an answer was given, 2 if the question or the table cannot be used, with one line
on stderr that says why.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from . import __version__
from .fit import AllocationFit, PowerLawFit
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
from .report import AXES, MAX_RUNS, METHODS, Report, Reports, analyse, odd_ratio, plan_json
from .runs import numbers
from .runs.columns import QUANTITIES, ROLES
from .runs.measured import Measurements
from .runs.read import measurements

_FIT_EXAMPLE = """\
examples:
  scalinglaws fit runs.csv --budget 1e21
  scalinglaws fit runs.csv --method isoflop --plot isoflop.png
  scalinglaws fit runs.csv --method power --x params --json
  scalinglaws fit runs.csv --by dataset --best-of lr
  scalinglaws fit log.jsonl --last

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


class Answer(NamedTuple):
    """What a command has to say: as text, as JSON, and what to warn of on stderr."""

    text: str
    found: dict[str, Any]
    warnings: tuple[str, ...]


# What the arguments mean


def _number(text: str) -> float:
    """A positive number, as in 1e21, 70B or 2T."""
    try:
        value = numbers.parse(text.strip()).value
    except numbers.Undecided:
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


def _unit(text: str) -> tuple[str, str]:
    role, equals, unit = (part.strip() for part in text.partition("="))
    if not equals or not unit or role.lower() not in QUANTITIES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not of the form ROLE=UNIT with ROLE one of {', '.join(QUANTITIES)}"
        )
    return role.lower(), unit


def _where(text: str) -> tuple[str, str]:
    column, equals, value = (part.strip().strip("'\"") for part in text.partition("="))
    if not equals or not column:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form COLUMN=VALUE")
    return column, value


def _parameters(text: str) -> ChinchillaLaw:
    parts = text.split(",")
    try:
        if len(parts) != 5:
            raise ValueError(f"five numbers are needed, got {len(parts)}")
        return ChinchillaLaw(*map(float, parts))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not E,A,alpha,B,beta: {error}") from None


# The parser


def _table_options(parser: argparse.ArgumentParser) -> None:
    _reading_options(parser.add_argument_group("how the table is read"))
    _choosing_options(parser.add_argument_group("which runs enter the fit"))
    _fit_options(parser.add_argument_group("how the law is fitted"))


def _reading_options(group: argparse._ArgumentGroup) -> None:
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
        "--unit",
        type=_unit,
        action="append",
        default=[],
        metavar="ROLE=UNIT",
        help="the unit of a column whose name does not say it: M, B, 1e6, PF-days, 1 (as it "
        "is); of a loss nats/token, bits/token, bits/byte, nats/byte or perplexity; repeatable",
    )
    group.add_argument(
        "--tokens-per-byte",
        type=_number,
        default=None,
        metavar="X",
        help="tokens that a byte (or character) makes on average, for a loss per byte",
    )
    group.add_argument(
        "--tokens-per-step",
        type=_number,
        default=None,
        metavar="X",
        help="makes tokens of a column of steps",
    )


def _choosing_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--where",
        type=_where,
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="only rows with this value; repeatable: values of one column add up, several "
        "columns must all agree",
    )
    group.add_argument(
        "--last", action="store_true", help="one row for each run, its last: no checkpoints"
    )
    group.add_argument(
        "--best-of",
        action="append",
        default=[],
        metavar="COLUMN",
        help="at each size and length only the best value of this column, such as a learning "
        "rate; repeatable for the best of several together",
    )
    group.add_argument(
        "--drop-worst",
        type=_whole(0),
        default=0,
        metavar="K",
        help="leave out the K highest losses (default 0)",
    )


def _fit_options(group: argparse._ArgumentGroup) -> None:
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
    _fit_parser(
        commands.add_parser(
            "fit",
            help="fit a law to a table of runs",
            epilog=_FIT_EXAMPLE,
            description="Fit a scaling law to a table of runs, with 95 % intervals.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
    )
    _plan_parser(
        commands.add_parser(
            "plan",
            help="what to train with a budget, or for a loss",
            epilog=_PLAN_EXAMPLE,
            description="What to train with a budget, or for a loss, and what it costs.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
    )
    return parser


def _fit_parser(fit: argparse.ArgumentParser) -> None:
    fit.add_argument(
        "runs",
        metavar="RUNS.csv",
        nargs="+",
        help="the table of runs (CSV, JSON, JSON lines or parquet), or several files of them",
    )
    fit.add_argument(
        "--method",
        choices=METHODS,
        default="parametric",
        help="parametric: L(N, D) = E + A/N^alpha + B/D^beta, approach 3 of Hoffmann "
        "et al. 2022 (default); isoflop: approach 2; best-run: approach 1; envelope: our variant "
        "of approach 1, with one point for each size; "
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
    fit.add_argument(
        "--by",
        default=None,
        metavar="COLUMN",
        help="fit each value of this column by itself, such as several data sets, side by side",
    )
    fit.add_argument("--plot", metavar="FILE.png", help="draw the fit (png, svg or pdf)")
    fit.add_argument("--json", action="store_true", help="print JSON and nothing else")
    _table_options(fit)
    fit.set_defaults(run=_fit)


def _plan_parser(plan: argparse.ArgumentParser) -> None:
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
    _cost_options(plan.add_argument_group("assumptions about the machine"))
    _table_options(plan)
    plan.set_defaults(run=_plan)


def _cost_options(costs: argparse._ArgumentGroup) -> None:
    usual = Assumptions()
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


# The commands


@contextmanager
def _patience(what: str) -> Iterator[None]:
    """Says on the terminal that it is still at work, with the seconds, if `what` takes longer.

    The line goes to stderr and is wiped at the end. Where stderr is no terminal nothing is said,
    so that logs and pipes stay as they are.
    """
    if not sys.stderr.isatty():
        yield
        return
    start, done = time.monotonic(), threading.Event()

    def say() -> None:
        while not done.wait(_EVERY):
            line = f"{what}: {time.monotonic() - start:.0f} s"
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    watcher = threading.Thread(target=say, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        if time.monotonic() - start > _EVERY:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


_EVERY = 1.0
"""Seconds between two signs of life."""


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


def _runs(args: argparse.Namespace, table: str | list[str], by: str | None = None) -> Measurements:
    """The runs that enter a fit."""
    where: dict[str, list[str | float]] = {}
    for column, value in args.where:
        where.setdefault(column, []).append(value)
    return measurements(
        table,
        drop_worst=args.drop_worst,
        columns=dict(args.column),
        units=dict(args.unit),
        tokens_per_byte=args.tokens_per_byte,
        tokens_per_step=args.tokens_per_step,
        where=where,
        by=by,
        best_of=args.best_of,
        last=args.last,
    )


def _fit(args: argparse.Namespace) -> Answer:
    if args.method != "power":
        for name in ("x", "floor"):
            if getattr(args, name) is not None:
                raise ValueError(f"--{name} goes with --method power only")
    if args.plot and args.by is not None:
        raise ValueError("--plot draws one fit: choose one with --where in place of --by")
    path = _checked_figure(args.plot) if args.plot else None
    runs = _runs(args, args.runs, args.by)
    with _patience(_work(runs, args)):
        report: Report | Reports = analyse(
            runs,
            args.method,
            by=args.by,
            x=args.x or "flops",
            floor="auto" if args.floor is None else args.floor,
            huber=args.huber,
            k=args.k or 6.0,
            bootstrap=args.bootstrap,
            seed=args.seed,
            budgets=args.budget,
            max_runs=args.max_runs,
        )
    if path is not None and isinstance(report, Report):
        _draw(report, path)
    named = args.runs[0] if len(args.runs) == 1 else args.runs
    found = {"input": named, "version": __version__, **report.as_json()}
    return Answer(str(report), found, report.warnings)


def _work(runs: Measurements, args: argparse.Namespace) -> str:
    """What a fit is about to do, in a few words."""
    return (
        f"fitting {len(runs)} runs ({args.method}), with {args.bootstrap} draws for the intervals"
    )


def _draw(report: Report, path: Path) -> None:
    """Write the figure of a fit to a file."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = report.figure()
    try:
        figure.savefig(path)
    except OSError as error:
        raise ValueError(f"the figure cannot be written: {error}") from None
    finally:
        plt.close(figure)


class _Law(NamedTuple):
    """The law behind a plan, and what is known of it."""

    source: Source
    name: str
    formula: str
    k: float | None
    notes: list[str]
    warnings: tuple[str, ...]


def _law(args: argparse.Namespace) -> _Law:
    """The law that was named, given, or is to be fitted to a table."""
    if args.table is not None:
        runs = _runs(args, args.table)
        with _patience(_work(runs, args)):
            report = analyse(
                runs, args.method, huber=args.huber, k=args.k or 6.0,
                bootstrap=args.bootstrap, seed=args.seed, max_runs=args.max_runs,
            )  # fmt: skip
        source = report.fit
        assert not isinstance(source, PowerLawFit), "power is no choice of --method here"
        name, formula = f"{args.method} fit to {args.table}", str(source).splitlines()[0]
        return _Law(source, name, formula, None, list(report.notes), report.warnings)
    if args.law is not None:
        known = PUBLISHED[args.law]
        return _Law(known.law, known.source, str(known.law), args.k, [], ())
    notes = ["how far these parameters reach beyond the runs behind them is not known"]
    law = args.parameters
    return _Law(law, "parameters as given", str(law), args.k, notes, ())


def _plan(args: argparse.Namespace) -> Answer:
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
    law = _law(args)
    notes = law.notes
    plan = _planned(law.source, flops, args.loss, args.inference_tokens, law.k)
    if args.law is not None:
        known = PUBLISHED[args.law]
        notes += outside("params", plan.params.value, known.params)
        notes += outside("tokens", plan.tokens.value, known.tokens)
    far = tuple(note for note in plan.notes if note != plan.doubt)
    if args.table is not None:
        far += odd_ratio(plan)
    plan = replace(plan.priced(assumed), notes=(*plan.notes, *notes))
    lines = [f"{law.name}: {law.formula}", *str(plan).splitlines()]
    found = {"law": law.formula, "source": law.name, "version": __version__, **plan_json(plan)}
    found["warnings"] = list(law.warnings + far)
    return Answer("\n".join(lines), found, law.warnings + far)


def _planned(
    source: Source, flops: float | None, loss: float | None, served: float, k: float | None
) -> Plan:
    if served:
        return with_inference(source, served, flops=flops, loss=loss, k=k)
    if loss is not None:
        return reaching(source, loss, k=k)
    if isinstance(source, AllocationFit) and k is not None:
        raise ValueError("--k belongs to a law L(N, D)")
    assert flops is not None, "the parser asks for one of the goals"
    return compute_optimal(source, flops, k=k)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (default: that of the process) and return its exit code."""
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        answer: Answer = args.run(args)
    except (ValueError, OSError, OverflowError, MemoryError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        print(f"scalinglaws {args.command}: error: {line}", file=sys.stderr)
        return 2
    for warning in answer.warnings:
        if not args.json and f"note: {warning}" in answer.text:
            continue
        print(f"warning: {warning}", file=sys.stderr)
    try:
        if args.json:
            print(json.dumps(answer.found, indent=2, allow_nan=False, ensure_ascii=False))
        else:
            print(answer.text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
