"""What a table of runs calls for before a law is fitted to all of it.

Sizes that nobody trains (a unit that was not said), experiments of several kinds in one table,
runs at several learning rates, checkpoints of one run: each is a `Doubt` that names the mend.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import fdtrc

from .columns import bare
from .files import listed, texts

TUNED = re.compile(
    r"(?:peak|max|base|init|initial|optim|optimizer|train)*"
    r"(?:lr|learningrate|batch|batchsize|globalbatchsize|bs|tokensperbatch|wd|weightdecay|warmup"
    r"|warmupsteps|warmupratio|dropout|beta1|beta2|adambeta1|adambeta2|eps|momentum|cooldown"
    r"|decay|schedule|initstd|gradclip|clip)"
)
"""Names of columns that people tune: of several values at one size and length the best counts."""
_RATE = re.compile(r"lr\d*|lrs|eta|learningrates?")
"""A word in the names of learning rates, whatever else they say: muon_lr, log2_lr, lr_max, eta."""
_RUN_COLUMN = frozenset(
    ("run", "runs", "id", "ids", "experiment", "experiments", "exp", "job", "jobs", "trial",
     "trials", "uuid", "hash", "group", "file", "path", "checkpoint", "ckpt")
)  # fmt: skip
"""Words in names of columns that name runs."""
_PROGRESS = frozenset(
    ("step", "steps", "globalstep", "iter", "iters", "iteration", "iterations", "epoch", "epochs",
     "time", "walltime", "runtime", "timestamp", "datetime", "second", "seconds", "hour", "hours",
     "minute", "minutes", "date", "created", "progress")
)  # fmt: skip
"""Words in names of columns that say how far a training had come, or when it was."""
_SIZE_COLUMN = frozenset(
    ("model", "models", "size", "sizes", "scale", "config", "name", "preset", "tier", "budget")
)
"""Words in names of columns that name the size of a run."""
_SIZE_TEXT = re.compile(
    r"(?i)(?:^|.*[^a-z])(?:\d+(?:\.\d+)?\s?[kmbt]|x*[sl]|m|nano|micro|tiny|mini|little|small|medium"
    r"|mid|middle|base|large|big|huge|giant|low|high|short|long)(?:[^a-z].*|$)"
)
"""Texts that name a size."""
RATIO = (1e-2, 1e5)
"""Tokens per parameter: outside of these, runs are so unusual that it is said."""
_IMPOSSIBLE_RATIO = (1e-4, 1e6)
_LEAST_TOKENS, _LEAST_PARAMS = 2e4, 100.0
_FAR = 300.0
"""Sizes apart by this factor from those of all other rows are likely in another unit."""
_GAPS = {"params": 100.0, "tokens": 1e4, "flops": 1e5}
"""Between two sizes of one table there is seldom such a factor without another size."""
_STEP, _FEW_ROWS = 250.0, 9
"""A few tokens beyond a gap of this factor, twice any other in ln, are likely in thousands."""
_KNOWN = {"params": (1e4, 1e14), "tokens": (1e6, 1e15), "flops": (1e12, 1e30)}
_UNITS = {"params": {"k": 1e3, "M": 1e6, "B": 1e9},
          "tokens": {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12},
          "flops": {"TFLOPs": 1e12, "PFLOPs": 1e15, "EFLOPs": 1e18, "PF-days": 8.64e19,
                    "ZFLOPs": 1e21, "GFLOPs": 1e9}}  # fmt: skip
_CURVE = 15
"""Runs that share all settings but the tokens are likely one curve if they are as many as this."""
_EVEN = 5
"""As many are if their lengths lie at equal distances, as those in a log do and of runs seldom."""
_SWEEP = 0.25
"""By how much ln D of the runs of one sweep may differ where they did not end alike."""
_SEEDS = 0.05
"""Losses at equal sizes that differ by more than this share differ by more than the seed."""


@dataclass(frozen=True)
class Doubt:
    """A reason not to trust a fit to these runs, and what to do about it."""

    kind: str
    """"units", "mixed", "tuned", "repeats" or "checkpoints"."""
    text: str
    fatal: bool = False
    """Whether an answer would be wrong for certain, so that none should be given."""


@dataclass(frozen=True, eq=False)
class Sizes:
    """Params, tokens and FLOPs of runs where they are known, and which of them was derived."""

    params: np.ndarray | None
    tokens: np.ndarray | None
    flops: np.ndarray | None
    derived: str | None
    scales: Mapping[str, float] = field(default_factory=dict)
    """What the unit in its column's name has multiplied each by, where there is one."""

    @property
    def known(self) -> dict[str, np.ndarray]:
        """Those that are there."""
        found = {"params": self.params, "tokens": self.tokens, "flops": self.flops}
        return {name: values for name, values in found.items() if values is not None}

    @property
    def given(self) -> dict[str, np.ndarray]:
        """Those that the table has."""
        return {name: v for name, v in self.known.items() if name != self.derived}


# Units


def units(
    sizes: Sizes, stated: Set[str], rows: np.ndarray | None = None, place: str = "row"
) -> Iterator[Doubt]:
    """Sizes that look like another unit. `stated`: of which the user has said the unit.

    What is stated is believed, and the others are doubted where their unit would mend it.
    rows: where each run stood, and `place` what such a number is called.
    """
    wrong = _wrong_sizes(sizes, stated)
    if wrong:
        fatal, what = wrong
        if not stated & sizes.given.keys() or next(_mends(sizes, stated), None):
            yield Doubt("units", f"{what}. {_mend(sizes, stated)}", fatal)
        return
    found = _wrong_rows(sizes)
    if found:
        fatal, wrong_rows, what = found
        at = np.flatnonzero(wrong_rows) if rows is None else rows[wrong_rows]
        about = _apart_in(sizes, wrong_rows)
        unsaid = [name for name in about if name not in stated]
        say = " ".join(f"--unit {name}=1" for name in unsaid or about)
        python = ", ".join(f"{name!r}: '1'" for name in unsaid or about)
        yield Doubt(
            "units",
            f"{int(wrong_rows.sum())} of {len(wrong_rows)} runs ({listed(place, at)}) have "
            f"{what}: their sizes look like another unit than those of the others. Bring all rows "
            f"to one unit, or leave these out. If they are right as they are, say so: {say} "
            f"(in Python units={{{python}}})",
            fatal and bool(unsaid),
        )
        return
    what = _thousandfold(sizes)
    if what and (not stated & sizes.given.keys() or next(_mends(sizes, stated), None)):
        yield Doubt("units", f"{what}. {_mend(sizes, stated)}")


def _apart_in(sizes: Sizes, odd: np.ndarray) -> list[str]:
    """In which sizes of the table a few rows lie far from all others; all where it is in none."""
    apart = []
    for name, values in sizes.given.items():
        these, others = values[odd], values[~odd]
        if these.max() * _STEP < others.min() or others.max() * _STEP < these.min():
            apart.append(name)
    return apart or list(sizes.given)


def _wrong_rows(sizes: Sizes) -> tuple[bool, np.ndarray, str] | None:
    """Some rows with sizes that go with none of the others: if for certain, which, and how."""
    N, D, C = sizes.params, sizes.tokens, sizes.flops
    for top, bottom, (low, high), what in (
        (D, N, _IMPOSSIBLE_RATIO, "tokens per parameter"),
        (C, None if N is None or D is None else N * D, (0.02, 2000), "FLOPs per N D"),
    ):
        if top is None or bottom is None:
            continue
        logs = np.log(top / bottom)
        odd = _apart(logs, np.log(low), np.log(high))
        if odd is not None:
            shown = np.exp(logs[odd][0])
            return True, odd, f"{shown:.3g} {what}, the others {np.exp(np.median(logs)):.3g}"
    for name, values in sizes.given.items():
        logs = np.sort(np.log(values))
        gap = int(np.diff(logs).argmax()) if len(logs) > 1 else 0
        wide = float(np.exp(logs[gap + 1] - logs[gap])) if len(logs) > 1 else 1.0
        if wide > _GAPS[name]:
            below = np.log(values) <= logs[gap]
            odd = below if below.mean() <= 0.5 else ~below
            least, most = np.exp(logs[gap]), np.exp(logs[gap + 1])
            what = f"{name} beyond a gap from {least:.3g} to {most:.3g} in which there are none"
            return wide > 20 * _GAPS[name], odd, what
    return _thousandfold_rows(sizes)


def _thousandfold_rows(sizes: Sizes) -> tuple[bool, np.ndarray, str] | None:
    """A few rows whose tokens stand alone, a thousandfold off, though their models do not."""
    N, D = sizes.params, sizes.given.get("tokens")
    if N is None or D is None or len(D) < _FEW_ROWS:
        return None
    logs = np.sort(np.log(D))
    gaps = np.diff(logs)
    at = int(gaps.argmax())
    below = np.log(D) <= logs[at]
    odd = below if below.mean() <= 0.5 else ~below
    usual = np.delete(gaps, at).max()
    inside = (N[odd] >= N[~odd].min()) & (N[odd] <= N[~odd].max())
    if gaps[at] < np.log(_STEP) or usual > gaps[at] / 2 or odd.mean() > 0.3 or not inside.all():
        return None
    least, most = np.exp(logs[at]), np.exp(logs[at + 1])
    return False, odd, f"tokens beyond a gap from {least:.3g} to {most:.3g} in which there are none"


def _apart(logs: np.ndarray, low: float, high: float) -> np.ndarray | None:
    """Which few lie outside of low to high and far from all others; None if there are none."""
    for odd in (logs < low, logs > high):
        if 0 < odd.sum() < len(odd):
            low_side = odd[logs.argmin()]
            below, above = (odd, ~odd) if low_side else (~odd, odd)
            near = logs[below].max(), logs[above].min()
            if near[1] - near[0] > np.log(_FAR):
                return np.asarray(odd)
    return None


def _thousandfold(sizes: Sizes) -> str:
    """What looks like thousands of params or of tokens; "" where nothing does."""
    N, D = sizes.params, sizes.tokens
    if N is None or D is None or sizes.scales.keys() >= {"params", "tokens"}:
        return ""
    if sizes.derived not in (None, "flops"):
        return ""
    ratio, size, length = (float(np.median(v)) for v in (D / N, N, D))
    many = ratio > 3000 and size < 2e7 and length > 5e8
    few = ratio < 0.049 and size > 1e7 and length < 1e9
    if many or few:
        return (
            f"{ratio:.3g} tokens per parameter in the median, at {size:.3g} params and "
            f"{length:.3g} tokens, are unusual"
        )
    return ""


def _wrong_sizes(sizes: Sizes, stated: Set[str] = frozenset()) -> tuple[bool, str] | None:
    """Whether the sizes are impossible (True) or only unusual (False), and how.

    A quantity whose unit is stated may be as small as it is.
    """
    N, D, C = sizes.params, sizes.tokens, sizes.flops
    for name, least in (("params", _LEAST_PARAMS), ("tokens", _LEAST_TOKENS)):
        values = sizes.given.get(name)
        if values is not None and values.max() < least and name not in stated:
            return True, f"all {name} are below {least:g}"
    if N is None or D is None or C is None:
        return None
    ratio = float(np.median(D / N))
    usual = float(np.median(C / (N * D)))
    if not _IMPOSSIBLE_RATIO[0] <= ratio <= _IMPOSSIBLE_RATIO[1]:
        return True, f"{ratio:.3g} tokens per parameter in the median: nobody trains so"
    if sizes.derived is None and not 0.02 <= usual <= 2000:
        return (
            True,
            f"the FLOPs are {usual:.3g} N D in the median, where training takes about 6 N D",
        )
    if not RATIO[0] <= ratio <= RATIO[1]:
        return False, f"{ratio:.3g} tokens per parameter in the median are far from usual training"
    if sizes.derived is None and not 1 <= usual <= 60:
        return (
            False,
            f"the FLOPs are {usual:.3g} N D in the median, where training takes about 6 N D",
        )
    return None


def _mend(sizes: Sizes, stated: Set[str]) -> str:
    """Which unit would make the sizes those of language models."""
    best = min(_mends(sizes, stated), default=None)
    changed = best[1] if best else {}
    first = next(iter(changed), next((n for n in sizes.given if n not in stated), "params"))
    trust = (
        f"If they are right as they are, say so: --unit {first}=1 "
        f"(in Python units={{{first!r}: '1'}})"
    )
    if max(float(values.max()) for values in sizes.given.values()) < 100:
        trust = f"If they are logarithms, give the numbers themselves. {trust}"
    if not changed:
        return f"Check the units of params, tokens and FLOPs. {trust}"
    if set(changed.values()) == {"1"}:
        return (
            f"It would fit if {first} were not in the unit of the column's name: --unit {first}=1"
        )
    said = " and ".join(
        f"{name} are in {unit} (--unit {name}={unit}, or '{name} ({unit})' as the column's name)"
        for name, unit in changed.items()
    )
    return f"It would fit if {said}. {trust}"


def _mends(
    sizes: Sizes, stated: Set[str] = frozenset()
) -> Iterator[tuple[tuple[int, bool, float, float], dict[str, str]]]:
    """One or two units that would make all sizes plausible, and what speaks against them.

    That is how many they are, whether the models would be tiny, how unusual the sizes would be, and
    how large the units are. What is stated stays.
    """
    given = sizes.given
    middle = {name: float(np.median(values)) for name, values in given.items()}
    options: list[list[tuple[str, str, float]]] = []
    for name in given:
        named = sizes.scales.get(name, 1.0)
        units = [("1", 1.0)] if named != 1 else list(_UNITS[name].items())
        units = [] if name in stated else units
        options.append([(name, "", 1.0), *((name, unit, f / named) for unit, f in units)])
    for choice in product(*options):
        changed = {name: unit for name, unit, _ in choice if unit}
        if 1 <= len(changed) <= 2:
            made = {name: middle[name] * factor for name, _, factor in choice}
            distance = _distance(made)
            if distance is not None:
                size = sum(abs(float(np.log(factor))) for _, _, factor in choice)
                tiny = made.get("params", 1e9) < 1e6 or made.get("tokens", 1e9) < 1e7
                yield (len(changed), tiny, round(distance, 6), size), changed


def _distance(middle: Mapping[str, float]) -> float | None:
    """How far sizes are from 20 tokens per parameter, in ln; None if they cannot be."""
    N, D, C = (middle.get(name) for name in _KNOWN)
    if C is not None and N is None and D is not None:
        N = C / (6 * D)
    if C is not None and D is None and N is not None:
        D = C / (6 * N)
    full = {"params": N, "tokens": D, "flops": C}
    for name, (low, high) in _KNOWN.items():
        value = full[name]
        if value is not None and not low <= value <= high:
            return None
    if N is None or D is None:
        return 0.0
    if not 0.1 <= D / N <= 1e4 or (C is not None and not 1 <= C / (N * D) <= 60):
        return None
    return abs(float(np.log(D / N / 20)))


# Other columns


@dataclass(frozen=True, eq=False)
class Levels:
    """A column without a role as the number 0, 1, ... of each row's value."""

    name: str
    codes: np.ndarray
    values: np.ndarray
    """The different values, as texts."""
    text: bool
    """Whether most of them are no numbers."""

    @property
    def tuned(self) -> bool:
        """Whether people tune this, so that the best of several values counts."""
        words = _words(re.sub(r"(?i)learning[\s_.-]*rate", "lr", self.name))
        if "eta" in words and not (self.numbers < 1).all():
            return False  # the hours that are left
        return bool(TUNED.fullmatch(bare(self.name))) or any(map(_RATE.fullmatch, words))

    @property
    def numbers(self) -> np.ndarray:
        """The different values as numbers, NaN where they are none."""
        return pd.to_numeric(pd.Series(self.values), errors="coerce").to_numpy(dtype=float)

    @property
    def of_runs(self) -> bool:
        """Whether the name says that the values are those of runs."""
        return not _RUN_COLUMN.isdisjoint(_words(self.name))

    @property
    def progress(self) -> bool:
        """Whether the name says how far a training had come, or when it was."""
        words = _words(self.name)
        return not _PROGRESS.isdisjoint(words) or words in (["percent"], ["percent", "done"])

    @property
    def of_size(self) -> bool:
        """Whether these are names for sizes: numbers, texts like "70M" or "tiny", "d12", "d24"."""
        if not self.text or not _SIZE_COLUMN.isdisjoint(_words(self.name)):
            return True
        if all(map(_SIZE_TEXT.match, self.values)):
            return True
        return len({re.sub(r"[\d.]+", "#", value) for value in self.values}) == 1

    def varied_at(self, place: np.ndarray) -> bool:
        """Whether it has several values at most of the places that have several runs."""
        each = pd.Series(self.codes).groupby(place)
        several = each.nunique()[each.size() > 1] > 1
        return bool(len(several)) and bool(several.mean() > 0.5)

    @property
    def setting(self) -> bool:
        """Whether rows that differ in it are of different runs: it is tuned, or texts recur."""
        return self.tuned or (self.text and len(self.values) <= len(self.codes) / 2)


def levels_of(others: pd.DataFrame) -> tuple[Levels, ...]:
    """The columns that have more than one value, and not one for each row."""
    found = []
    for place, name in enumerate(others.columns):
        codes, values = pd.factorize(texts(others.iloc[:, place]))
        if 2 <= len(values) <= max(50, len(others) // 3) and list(others.columns).count(name) == 1:
            text = pd.to_numeric(pd.Series(values), errors="coerce").isna().mean() > 0.5
            found.append(Levels(str(name), codes, np.asarray(values), bool(text)))
    return tuple(found)


def _words(name: str) -> list[str]:
    """The words of a column's name, in small letters: those of "trainStep_2" are train and step."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _passed_over(each: Levels, place: np.ndarray) -> bool:
    """Whether a column tells progress; epochs that differ at one size and length are a setting."""
    if not each.progress:
        return False
    return _PROGRESS.isdisjoint({"epoch", "epochs"} & set(_words(each.name))) or not (
        each.varied_at(place)
    )


# Several runs at one place


def cells(sizes: Sizes, near: float = 0.02) -> np.ndarray:
    """Number 0, 1, ... of each run's place: equal params and, within 2 %, equal tokens.

    near: by how much ln D may differ at one place.
    """
    first, *rest = list(sizes.known.values())[:2]
    place = np.unique(np.round(np.log(first), 6), return_inverse=True)[1].ravel()
    if not rest:
        return place
    second = np.log(rest[0])
    order = np.lexsort((second, place))
    label = np.empty(len(place), dtype=int)
    number, start, last = -1, -np.inf, -1
    for i in order:
        if place[i] != last or second[i] > start + near:
            number, start, last = number + 1, second[i], place[i]
        label[i] = number
    return label


def cells_for(sizes: Sizes, codes: np.ndarray) -> tuple[np.ndarray, float]:
    """The places at which most have several values of a setting, and how near lengths are there.

    Runs of one sweep seldom end after just as many tokens: where 2 % tell all of them apart, 25 %
    may not.
    """
    for near in (0.02, _SWEEP):
        place = cells(sizes, near)
        if (pd.Series(codes).groupby(place).nunique() > 1).mean() > 0.5:
            return place, near
    return cells(sizes), 0.02


def tuned(loss: np.ndarray, sizes: Sizes, others: Sequence[Levels]) -> Iterator[Doubt]:
    """Columns of settings with several values at one place: a law through all of them is wrong."""
    for name, codes in ((each.name, each.codes) for each in others if each.tuned):
        place, near = cells_for(sizes, codes)
        table = pd.DataFrame({"place": place, "level": codes, "loss": loss})
        best = table.groupby(["place", "level"])["loss"].mean().groupby("place")
        several = best.count() > 1
        if not several.any():
            yield from _cut_short(loss, sizes, name, codes)
            continue
        partial = several.mean() <= 0.5
        spread = float((best.max() / best.min())[several].median() - 1)
        if spread < (0.01 if partial else 0.003) or several.sum() < 3:
            continue
        alone = not partial and not any(each.tuned and each.name != name and each.varied_at(place)
                        for each in others)  # fmt: skip
        if alone and _by_chance(loss, sizes, place, codes) > 1e-3:
            continue
        if partial:
            yield Doubt(
                "tuned",
                f"column {name!r} has several values at {int(several.sum())} of {len(several)} "
                f"sizes and lengths, and the losses there differ by {100 * spread:.2g} % in the "
                "median: badly set runs stand there beside runs of one setting elsewhere. "
                f"--best-of {_quoted(name)} keeps the best at each size and length (in Python "
                f"best_of={name!r})",
            )
            continue
        yield Doubt(
            "tuned",
            f"column {name!r} has {best.count().max():.0f} values at equal sizes"
            f"{' and lengths that nearly agree' if near > 0.02 else ''}, and the losses "
            f"there differ by {100 * spread:.2g} % in the median: a law through all of them is one "
            f"of badly set runs. --best-of {_quoted(name)} keeps the best at each size and length "
            f"(in Python best_of={name!r})",
        )


def _by_chance(loss: np.ndarray, sizes: Sizes, place: np.ndarray, codes: np.ndarray) -> float:
    """How likely noise alone differs as much between the settings at equal places; 0 if not known.

    By an F test of an effect of each setting that may change with the sizes, within the places.
    Where so many do not leave enough to judge by, the effects are taken for the same everywhere.
    """
    known = np.log(np.column_stack(list(sizes.known.values())[:2]))
    y = np.log(loss)
    alike = int(place.max()) + 1
    dummies = (codes[:, None] == np.unique(codes)[None, 1:]).astype(float)
    slopes = [dummies * (u - u.mean())[:, None] for u in known.T]
    for columns in (np.column_stack([dummies, *slopes]), dummies):
        inner = np.column_stack([columns, y])
        frame = pd.DataFrame(inner)
        within = (frame - frame.groupby(place).transform("mean")).to_numpy()
        rest, rank = _squares(within[:, :-1], within[:, -1])
        free = len(y) - alike - rank
        if rank and free >= max(5, rank / 2):
            whole = float(np.sum(within[:, -1] ** 2))
            F = ((whole - rest) / rank) / max(rest / free, 1e-30)
            return float(fdtrc(rank, free, F))
    return 0.0


def _cut_short(loss: np.ndarray, sizes: Sizes, name: str, codes: np.ndarray) -> Iterator[Doubt]:
    """A sweep whose runs of one size all ended at other lengths, as where bad ones were stopped."""
    known = list(sizes.known.values())[:2]
    if len(known) < 2 or np.bincount(codes).min() < 3 or len(np.unique(codes)) > len(loss) // 4:
        return
    per_size = pd.Series(codes).groupby(np.round(np.log(known[0]), 6)).nunique()
    if (per_size > 1).mean() <= 0.5:
        return
    scatter = _scatter(np.log(loss), np.log(np.column_stack(known)), codes)
    if scatter is None:
        return
    within, between, chance = scatter
    if within > 0.8 * between or between < 0.01 or chance > 1e-5:
        return
    yield Doubt(
        "tuned",
        f"column {name!r} has {per_size.median():.0f} values at each size in the median, each at "
        f"another length, and explains much of the scatter ({100 * between:.2g} % without, "
        f"{100 * within:.2g} % with it): runs with bad settings, perhaps stopped early, stand "
        "beside good ones, and no length has several to choose from. Keep those of the best "
        f"setting at each size, by hand or --where {_quoted(name)}=...",
    )


def repeats(
    loss: np.ndarray,
    sizes: Sizes,
    others: Sequence[Levels],
    seeds: tuple[str, np.ndarray] | None = None,
) -> Iterator[Doubt]:
    """Losses at equal sizes that differ by more than seeds do: something else was varied.

    seeds: the column of seeds, and the number of each run's seed.
    """
    place = cells(sizes)
    each = pd.Series(loss).groupby(place)
    spread = (each.max() / each.min() - 1)[each.count() > 1]
    if not len(spread) or spread.median() <= _SEEDS:
        return
    left = {}
    for one in others:
        within = pd.Series(loss).groupby([place, one.codes])
        rest = (within.max() / within.min() - 1).median()
        if len(one.values) <= len(loss) / 2 and not _passed_over(one, place):
            left[one.name] = float(rest)
    varied = sorted(
        (name for name in left if left[name] < spread.median() / 2), key=left.__getitem__
    )
    mend = "; no column tells what that is, so add one, or leave out what does not belong"
    if (
        seeds
        and not varied
        and not pd.DataFrame({"at": place, "seed": seeds[1]}).duplicated().any()
    ):
        yield Doubt(
            "repeats",
            f"at equal sizes the losses differ by {100 * spread.median():.0f} % in the median, "
            f"more than seeds usually make them, and only column {seeds[0]!r} differs there: if "
            "nothing else was varied, this is the noise of training, which the intervals hold; "
            "else leave out what does not belong",
        )
        return
    if varied:
        shown = ", ".join(map(repr, varied[:3]))
        name = _quoted(varied[0])
        first = next(one for one in others if one.name == varied[0])
        mend = f", perhaps {shown}: keep one value, --where {name}=..."
        if _names_runs(first, sizes):
            mend = (
                f", and column {varied[0]!r} names the runs: leave out what does not belong, or "
                f"keep the best at each size and length, --best-of {name} (in Python "
                f"best_of={varied[0]!r})"
            )
        elif _can_be_fitted(first, sizes):
            mend += (
                f", or fit each by itself, --by {name} (in Python analyse(runs, by={varied[0]!r}))"
            )
    yield Doubt(
        "repeats",
        f"at equal sizes the losses differ by {100 * spread.median():.0f} % in the median, more "
        f"than seeds make them: something else was varied{mend}",
    )


def mixed(loss: np.ndarray, sizes: Sizes, others: Sequence[Levels]) -> Iterator[Doubt]:
    """The column, if any, that explains most of what a smooth surface leaves of the losses."""
    found: list[tuple[float, float, float, Levels]] = []
    place = cells(sizes)
    known = list(sizes.known.values())
    logs = np.log(np.column_stack(known[:2]))
    for each in others:
        count = np.bincount(each.codes)
        if (count >= 3).sum() < 2 or len(count) > max(2, len(loss) // 4):
            continue
        if (
            each.tuned
            or _passed_over(each, place)
            or (each.of_size and any(_ordered(each.codes, values) for values in known))
        ):
            continue
        kept = (count >= 3)[each.codes]
        scatter = _scatter(np.log(loss)[kept], logs[kept], each.codes[kept])
        if scatter is not None:
            found.append((*scatter, each))
    if not found:
        return
    within, between, chance, each = min(found, key=lambda one: one[0])
    if within > 0.6 * between or between < 0.002 or chance > (1e-5 if len(loss) > 20 else 1e-3):
        return
    shown = ", ".join(each.values[:4]) + (", ..." if len(each.values) > 4 else "")
    if _names_runs(each, sizes):
        yield Doubt(
            "checkpoints",
            f"column {each.name!r} ({shown}) explains most of the scatter and seems to name the "
            "runs: all rows with one value have one size. Rows of one run err together; say that "
            f"it names them, --column run={_quoted(each.name)} (in Python columns={{'run': "
            f"{each.name!r}}}), and of checkpoints keep the last of each run with --last",
        )
        return
    alone = _quoted(f"{each.name}={each.values[0]}")
    mend = (
        f"fit each by itself, --by {_quoted(each.name)} (in Python analyse(runs, "
        f"by={each.name!r})), or one alone, --where {alone}"
        if _can_be_fitted(each, sizes)
        else "and none of them has runs enough for a law of its own: add runs of one value"
    )
    yield Doubt(
        "mixed",
        f"column {each.name!r} ({shown}) explains most of the scatter: at equal sizes the losses "
        f"differ by {100 * between:.2g} % with all its values together and by {100 * within:.2g} % "
        f"within each. One law for all describes none of them: {mend}",
    )


def _per_level(each: Levels, values: np.ndarray) -> np.ndarray:
    """How many different values the rows of each level have, shape (levels,)."""
    return np.asarray(pd.Series(np.round(np.log(values), 6)).groupby(each.codes).nunique())


def _names_runs(each: Levels, sizes: Sizes) -> bool:
    """Whether a column names runs: the rows of each value have one size, and several lengths."""
    if sizes.params is None or sizes.derived == "params":
        return each.of_runs
    several = np.bincount(each.codes) > 1
    one_size = bool((_per_level(each, sizes.params) == 1).all())
    return one_size and bool(several.any()) and len(several) > len(np.unique(sizes.params)) / 2


def _can_be_fitted(each: Levels, sizes: Sizes) -> bool:
    """Whether two values or more have runs enough for some law: 4 places, and 3 sizes if known."""
    places = np.asarray(pd.Series(cells(sizes)).groupby(each.codes).nunique())
    enough = places >= 4
    if sizes.params is not None and len(np.unique(sizes.params)) > 2:
        enough &= _per_level(each, sizes.params) >= 3
    return int(enough.sum()) >= 2


def _ordered(levels: np.ndarray, values: np.ndarray) -> bool:
    """Whether the levels are ranges of the values: a name for size, no other experiment."""
    table = pd.DataFrame({"level": levels, "value": np.round(np.log(values), 6)})
    per_value = table.groupby("value")["level"]
    if (per_value.nunique() > 1).any():
        return False
    along = per_value.first().to_numpy()
    return int((np.diff(along) != 0).sum()) == len(np.unique(along)) - 1


def _scatter(
    y: np.ndarray, logs: np.ndarray, levels: np.ndarray
) -> tuple[float, float, float] | None:
    """RMS of y about a smooth surface with and without one offset a level; how likely by chance.

    The surface is a polynomial in the logs of the degree that Akaike's corrected criterion finds
    best with the offsets. None if there are too few runs.
    """
    spread = np.maximum(np.ptp(logs, axis=0) / 2, 1e-9)
    x = (logs - logs.mean(0)) / spread
    dummies = (levels[:, None] == np.unique(levels)[None, 1:]).astype(float)
    best: tuple[float, float, float, int, int] | None = None
    for degree in range(1, 5):
        powers: list[tuple[int, ...]] = [
            (i, j) for i in range(degree + 1) for j in range(degree + 1 - i)
        ]
        if x.shape[1] == 1:
            powers = [(i,) for i in range(degree + 1)]
        base = np.column_stack([np.prod(x ** np.array(power), axis=1) for power in powers])
        outer, p = _squares(base, y)
        inner, q = _squares(np.column_stack([base, dummies]), y)
        if q == p or len(y) < q + 5:
            continue
        score = len(y) * np.log(max(inner, 1e-30) / len(y)) + 2 * q * len(y) / (len(y) - q - 1)
        if best is None or score < best[0]:
            best = float(score), inner, outer, int(p), int(q)
    if best is None:
        return None
    _, inner, outer, p, q = best
    free = len(y) - q
    F = ((outer - inner) / (q - p)) / max(inner / free, 1e-30)
    chance = float(fdtrc(q - p, free, F))
    return float(np.sqrt(inner / free)), float(np.sqrt(outer / (len(y) - p))), chance


def _squares(X: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """The least sum of squares of y about the columns of X, and the rank of X."""
    values, vectors = np.linalg.eigh(X.T @ X)
    kept = values > 1e-10 * values[-1]
    V = vectors[:, kept]
    coefficients = V @ (V.T @ (X.T @ y) / values[kept])
    return float(np.sum((y - X @ coefficients) ** 2)), int(kept.sum())


# Several rows of one run


def _on_budgets(sizes: Sizes) -> bool:
    """Whether many runs share each of a few budgets of FLOPs."""
    if sizes.flops is None:
        return False
    logs = np.sort(np.log(sizes.flops))
    ends = np.diff(logs) > 0.1
    if not 0 < ends.sum() < len(logs) / 4:
        return False
    low, high = logs[np.r_[True, ends]], logs[np.r_[ends, True]]
    count = np.diff(np.flatnonzero(np.r_[True, ends, True]))
    return bool(count[high - low < 0.25].sum() > len(logs) / 2)


def checkpoints(
    sizes: Sizes,
    run: np.ndarray | None,
    others: Sequence[Levels],
    steps: bool,
    shared: bool = False,
) -> Iterator[Doubt]:
    """Whether rows are checkpoints on the way of a run, whose losses are not those of its end.

    shared: the table names runs, and some of several sizes alike, as a numbering of repeats does.
    """
    key = list(sizes.known.values())
    if sizes.tokens is None and sizes.flops is None:
        return
    length = sizes.tokens if sizes.tokens is not None else sizes.flops
    name = ""
    if run is None:
        name = (
            ". If a column names the runs, say which: --column run='its name' (in Python "
            "columns={'run': 'its name'})"
        )
        same = [key[0]] if sizes.params is not None else []
        same += [each.codes for each in others if each.setting]
        # Losses against one quantity: a log has as many rows as this at equal distances.
        if sizes.params is None and not steps and (same or len(key[0]) < _CURVE):
            return
        if not same:
            same = [np.zeros(len(key[0]), dtype=int)]
        run = np.unique(np.column_stack(same), axis=0, return_inverse=True)[1].ravel()
        even = length is not None and _evenly_spaced(run, length)
        if sizes.params is None and not (steps or even):
            return
        # Runs that end at budgets are as many; of one training at even distances FLOPs derived
        # from its tokens lie on budgets too.
        if not steps and _on_budgets(sizes) and not (even and sizes.derived == "flops"):
            return
        enough = 3 if steps else _EVEN if even else _CURVE
    else:
        enough = 2
        if shared:
            name = (
                ". If the column of runs only numbers repeats, say that it names none: --column "
                "run=none (in Python columns={'run': None})"
            )
    table = pd.DataFrame({"run": run, "length": length})
    rows = float(table.groupby("run")["length"].nunique().median())
    if rows < enough:
        return
    if len(np.unique(run)) == 1:
        yield Doubt(
            "checkpoints",
            f"these {len(run)} rows look like checkpoints of one training: their errors go "
            "together, so that the intervals are too narrow, and their losses are not those of "
            "runs that end there with a schedule of their own. A law of training wants runs of "
            f"several lengths, the last row of each (--last; in Python last=True){name}",
        )
        return
    yield Doubt(
        "checkpoints",
        f"a run has {rows:g} rows in the median. If these are checkpoints of one training, their "
        "losses are not those of runs that end there with a schedule of their own: --last keeps "
        f"the last row of each run (in Python last=True); the envelope method may use all{name}",
    )


def _evenly_spaced(run: np.ndarray, length: np.ndarray) -> bool:
    """Whether the lengths of most runs that have several lie at equal distances."""
    even = []
    for _, each in pd.Series(length).groupby(run):
        steps = np.diff(np.unique(each))
        if len(steps) >= _EVEN - 1:
            even.append(float(steps.max()) < 1.05 * float(steps.min()))
    return bool(even) and float(np.mean(even)) > 0.5


def one_course(length: np.ndarray) -> bool:
    """Whether rising lengths may be those of one log, whose distances grow steadily or not at all.

    Programs log at equal distances, at powers, or at powers first and equal distances then; the
    last may come early. In all of these no ratio of neighbours exceeds the one before it.
    """
    if len(length) < 4 or length[0] < 0:
        return True
    positive = length[length > 0]
    steps, ratios = np.diff(positive)[:-1], np.diff(np.log(positive))[:-1]
    return bool(
        (steps[1:] >= 0.9 * steps[:-1]).all() and (ratios[1:] <= 1.1 * ratios[:-1] + 0.01).all()
    )


def lengths_of_sizes(sizes: Sizes) -> float:
    """How many lengths a size has in the median; 0 where sizes or lengths are not known."""
    if sizes.params is None or sizes.tokens is None:
        return 0.0
    table = pd.DataFrame({"size": np.round(np.log(sizes.params), 6), "length": sizes.tokens})
    return float(table.groupby("size")["length"].nunique().median())


def inseparable(sizes: Sizes) -> float:
    """The correlation of ln N and ln D where it is so near 1 or -1 that neither's worth is told.

    Near -1 all runs have one budget N D. 0 otherwise.
    """
    if sizes.params is None or sizes.tokens is None:
        return 0.0
    logs = np.log([sizes.params, sizes.tokens])
    if (np.ptp(logs, axis=1) == 0).any():
        return 0.0
    correlation = float(np.corrcoef(logs)[0, 1])
    return correlation if abs(correlation) > 0.98 else 0.0


def _quoted(text: str) -> str:
    return f"'{text}'" if re.search(r"[^\w./=-]", text) else text
