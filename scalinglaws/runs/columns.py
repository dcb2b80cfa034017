"""Which column of a table plays which role, and in which unit its name says that it is.

Everything here is told by names alone: `recognised` finds the columns of a fit, `loss_measure` and
the units in a name say how to turn them into params, tokens, FLOPs and nats per token.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise

from . import numbers

ROLES = ("params", "tokens", "loss", "flops", "seed", "run", "status", "diverged")
QUANTITIES = ROLES[:4]
"""The roles that are numbers of a fit."""
PF_DAY = 1e15 * 86_400
"""FLOPs in a petaFLOP/s-day, the unit of Kaplan et al. (2020)."""

_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    # Each row of names is looked for only if nothing in the rows before it was found.
    "params": (
        ("params", "nparams", "numparams", "numberofparams", "parameters", "nparameters",
         "numparameters", "numberofparameters", "parametercount", "paramcount", "modelparams",
         "modelparameters", "modelsize", "size", "sizes", "modelsizes"),
        ("paramstotal", "totalparams", "totalparameters", "parameterstotal",
         "nonembeddingparams", "paramsnonembedding", "nonembeddingparameters",
         "parametersnonembedding", "paramsnoembedding", "nonembparams", "nnonembedding",
         "nnonemb", "activeparams", "activeparameters", "paramsactive", "parametersactive",
         "ntotal", "nactive", "scalingparams", "numscalingparams", "nscalingparams"),
    ),
    "tokens": (
        ("tokens", "ntokens", "dtokens", "numtokens", "numberoftokens", "trainingtokens",
         "traintokens", "tokenstrained", "tokensseen", "trainedtokens", "totaltokens",
         "tokencount", "datasetsize",
         "datasettokens", "trainingdata", "data", "datasize", "consumedtokens", "tokensconsumed",
         "tokensprocessed", "traintokensseen", "traintokensconsumed", "numinputtokensseen",
         "trainnuminputtokensseen", "totaltokensseen", "traintotaltokens"),
    ),
    "loss": (
        ("loss", "finalloss", "valloss", "validationloss", "evalloss", "testloss",
         "finalvalloss", "finalvalidationloss", "finalevalloss", "heldoutloss", "pretrainingloss",
         "crossentropy", "crossentropyloss", "valcrossentropy", "lossnats", "lossval",
         "validloss", "devloss", "evalcrossentropyloss", "valcrossentropyloss"),
        ("trainloss", "trainingloss", "finaltrainloss", "finaltrainingloss", "smoothedloss",
         "smoothedtrainloss", "losstrain", "traincrossentropyloss"),
    ),
    "flops": (
        ("flops", "flop", "compute", "trainingflop", "trainingflops", "trainflop",
         "trainflops", "totalflops", "totalflop", "trainingcompute", "traincompute", "budget",
         "computebudget", "flopsbudget", "flopbudget", "flopcount", "nflops", "totalflos",
         "traintotalflos", "pfdays", "pfday", "pfsdays", "petaflopdays", "petaflopsdays"),
    ),
    "seed": (("seed", "randomseed", "rngseed", "trainseed"),),
    "run": (("run", "runid", "runname"),),
    "status": (("status", "state", "outcome"), ("exitcode", "returncode")),
    "diverged": (("diverged", "isdiverged", "hasdiverged", "failed", "crashed"),),
}  # fmt: skip
_LETTER = {"params": "n", "tokens": "d", "loss": "l", "flops": "c"}
"""The letter of a quantity in papers. A small one may be something else (n seeds, l layers)."""
_WEAK = ("data", "trainingdata", "size", "sizes", "modelsize", "modelsizes", "budget")
"""Names that may stand above words, like those of data sets."""
_OTHER_LOSS = re.compile(
    r"(?:final)?(?:val|valid|validation|eval|test|dev|heldout|train|training)?(?:loss|crossentropy)?"
    r"(?:perplexity|ppl|bitspertoken|bpt|bitsperbyte|bpb|bitspercharacter|bitsperchar|bpc"
    r"|byteperplexity|wordperplexity|natsperbyte|natsperchar(?:acter)?)(?:loss)?"
)
"""A loss in another measure, looked for only if there is no loss."""
_WHICH = {"nonemb": "without embeddings", "noemb": "without embeddings", "total": "in total",
          "active": "active in a mixture of experts"}  # fmt: skip
_WORDS = {**numbers.WORDS, "mln": 1e6, "mil": 1e6, "mill": 1e6, "bln": 1e9, "bil": 1e9, "mrd": 1e9,
          "trn": 1e12, "tn": 1e12}  # fmt: skip
_WORD = r"pf-?_?days?|millions?|billions?|trillions?|thousands?|ml?n|mio|mil|bl?n|bil|mrd|tr?n"
_PART = r"emb|attn|attention|mlp|ffn|head|layer|router|adapter|lora|expert|\bbytes?\b|\b[kmgt]i?b\b"
"""In brackets or after "in": only a part of the parameters, or a size in bytes."""
_KIND = r"emb|\btotal\b|\bactive\b|\ball\b"
"""In brackets: which parameters are counted."""
_SECTION = (
    r"config|summary|throughput|perf|progress|trainer|model|optimi[sz]er|optim"
    r"|hyper_?param(?:eter)?s|hparams|args|arguments"
)
"""What Weights & Biases and others write before a name, with a dot or a slash."""
_MATTERS = re.compile(rf"(?i)per\b|/(?!s?-?.?days?|tok)|{_PART}|{_KIND}")
"""In brackets: what makes another quantity of it, like "tokens (per param)"."""
_NO_UNIT = re.compile(
    r"(?:non|total|active|all|train|val|test|eval|nats?|count|number|unique|seen|approx|est|model"
    r"|flops?|floating|tok|param|dense|n|d|c|l|#|6 ?nd|c ?= ?6 ?nd)\b.*|#|"
)
"""In brackets: nothing that would change the unit."""


@dataclass(frozen=True)
class Column:
    """The column of a role, and what turns its numbers into the unit of the role."""

    place: int
    name: str
    factor: float = 1.0
    measure: str = "nats/token"
    """For a loss, what its numbers are: see `loss_measure`."""
    unit_said: bool = False
    """Whether the name or the user says in which unit the numbers are."""


@dataclass(frozen=True)
class Recognised:
    """The columns of the roles that a table has, and what to say about the choice."""

    columns: Mapping[str, Column]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Unit:
    """A factor, and the unit's own text; `understood` is False for a unit that nobody knows."""

    factor: float = 1.0
    text: str = ""
    understood: bool = True


# Names


def bare(name: str) -> str:
    """A column's name without unit, case, spaces and underscores, and without a prefix of wandb."""
    name = re.sub(rf"(?i)^(?:{_SECTION})[./](.*?)(?:\.value)?$", r"\1", name)
    name = re.sub(r"(?i)(?:excl\w*|without|w/o|no|minus)[\s._-]*emb\w*", "non embedding", name)
    name = re.sub(r"(?i)(?:incl\w*|with|plus)[\s._-]*emb\w*", "total", name)
    # A unit in brackets goes; a ratio, like "tokens (per param)", is another quantity and stays.
    name = re.sub(r"[(\[](.*?)[)\]]", lambda m: m[0] if _MATTERS.search(m[1]) else " ", name)
    name = re.sub(rf"(?i)[\s_]+in[\s_]+(?!.*(?:{_PART})).*$", "", name)
    name = re.sub(rf"(?i)[\s_]+(?:{_WORD}|[MBT])$", "", name)
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _bare_flops(name: str) -> str:
    """The same for FLOPs, without what says in which unit they are."""
    text = re.sub(r"(?:exa|zetta|yotta|^[ezy])(flops?)$", r"\1", bare(name))
    return re.sub(r"^(total|train|training)[kmgtp](flops?)$", r"\1\2", text)


def _capital(name: str) -> bool:
    """Whether a column that is named by a letter has the capital of the papers."""
    return next((c.isupper() for c in name if c.isalpha()), False)


def claims(
    role: str, names: Sequence[str], wordy: Set[int] = frozenset()
) -> tuple[list[int], list[int]]:
    """Which columns claim a role, and which would have if those had not.

    wordy: the places of columns that hold words. Such a column is no quantity if its name may mean
    something else ("data", a letter), or if there is another.
    """
    known = [_bare_flops(name) if role == "flops" else bare(name) for name in names]
    if role in QUANTITIES:
        weak = (*_WEAK, *_LETTER.values())
        known = ["" if i in wordy and name in weak else name for i, name in enumerate(known)]
    rows = [[i for i, name in enumerate(known) if name in wanted] for wanted in _NAMES[role]]
    letters = [i for i, name in enumerate(known) if name == _LETTER.get(role)]
    capitals = [i for i in letters if _capital(names[i])]
    if rows[0]:
        # A capital beside the full name may be either; a small letter is likely something else.
        found = sorted(rows[0] + capitals)
        rows = [found, *rows[1:], [i for i in letters if i not in capitals]]
    elif any(rows):
        rows = [*rows, letters]
    else:
        rows = [capitals, [i for i in letters if i not in capitals]]
    found, other = next((row for row in rows if row), []), list[int]()
    for row in rows:
        other += row if row is not found else []
    if not found and role == "loss":
        found = [i for i, name in enumerate(known) if _OTHER_LOSS.fullmatch(name)]
    if len(found) > 1 and role in QUANTITIES:
        found = [i for i in found if i not in wordy] or found
    return found, other


def roles_in(names: Sequence[str]) -> int:
    """How many of params, tokens, loss and FLOPs a row of names has."""
    return sum(1 for role in QUANTITIES if claims(role, names)[0])


# Units


def _units_in(name: str, role: str) -> list[str]:
    """What in a column's name may be a unit: in brackets, after "in", or at the end."""
    units: list[str] = re.findall(r"[(\[](.*?)[)\]]", name)
    units += re.findall(r"(?i)[\s_]in[\s_]+(.*)$", name)
    units += re.findall(rf"(?i)[\s_]({_WORD})$", name)
    units += re.findall(r"(?i)[\s_]([MBT])$", name) if role != "loss" else []
    if role == "flops":
        lower = name.lower()
        units += [name] if unit_of(name, role).factor == PF_DAY else []
        units += re.findall(r"(?:^|[^a-z])((?:exa|zetta|yotta|[ezy])flops?)(?:$|[^a-z])", lower)
        units += re.findall(r"(?:total|train|training)[\s_]*([kmgtp]flops?)(?:$|[^a-z])", lower)
    return [unit for unit in units if unit.strip()]


def unit_of(text: str, role: str) -> Unit:
    """The unit that a text like "M", "billions", "PF-days" or "10^6" stands for.

    Raises ValueError for "10e6", which people write for 10^6 and for 10 million alike.
    """
    raw = text.strip()
    text = re.sub(r"[\s_]+", " ", raw.lower()).strip()
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    text = re.sub(r"\^\{(\d+)\}", r"^\1", text)
    if re.fullmatch(r"(pf(lop(s|/s)?)?|petaflops?(/s)?)[- /]?days?", text):
        return Unit(PF_DAY, raw)
    if re.match(r"(?:[x×*·] ?)?10 ?e\+?\d", text):
        raise ValueError(f"the unit {raw!r} may mean 10^n or 10 times that: write 1e6, say, or M")
    if match := re.fullmatch(r"(?:[x×*·] ?)?(?:1e\+?(\d+)|10 ?(?:\^|\*\*) ?(\d+))(?: \w+)?", text):
        return Unit(10.0 ** int(match[1] or match[2]), raw)
    if match := re.fullmatch(r"1?((?:[,. ]?000)+)'?s?", text):
        return Unit(10.0 ** match[1].count("0"), raw)
    first = text.split()[0].rstrip(".") if text.split() else ""
    if first in _WORDS:
        return Unit(_WORDS[first], raw)
    flops = re.fullmatch(r"([kmgtpezy]|kilo|mega|giga|tera|peta|exa|zetta|yotta)flops?", text)
    if flops and role == "flops":
        return Unit({**numbers.PREFIX, **_WORDS}[flops[1]], raw)
    if first in ("k", "m", "b", "g", "t") or (role == "flops" and first in ("p", "e", "z", "y")):
        return Unit(numbers.PREFIX[first], raw)
    return Unit(1.0, raw, understood=bool(_NO_UNIT.fullmatch(text)) or first == "1")


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def scale(name: str, role: str) -> Unit:
    """The unit that a column's name asks for."""
    found = [unit_of(unit, role) for unit in _units_in(name, role)]
    return next((unit for unit in found if unit.factor != 1), next(iter(found), Unit()))


MEASURES = ("nats/token", "perplexity", "bits/token", "bits/byte", "nats/byte")
"""What the numbers of a loss may be; per byte goes for characters too."""


def loss_measure(name: str) -> str:
    """What the numbers in a column of losses are, by its name: one of `MEASURES`.

    Raises ValueError where the name speaks of something that cannot be turned into nats per token.
    """
    text = re.sub(r"[\s_./-]+", " ", name.lower())
    if re.search(r"\blog ?(perplexity|ppl)\b", text):
        return "nats/token"
    per_byte = re.search(
        r"\b(bpb|bpc|per (byte|char\w*)|byte|char\w*)\b|\b(bits|nats) (byte|char)", text
    )
    word = re.search(r"\bword\b", text)
    if re.search(r"perplex|\bppl\b", text):
        if word:
            raise ValueError(f"column {name!r} is per word: it is not in nats per token, and how "
                             "many tokens a word makes is not known")  # fmt: skip
        return "perplexity per byte" if per_byte else "perplexity"
    if per_byte:
        return "nats/byte" if "nat" in text else "bits/byte"
    if re.search(r"\bbits? (per |/ ?)?tok|\bbpt\b", text) or "bitspertoken" in text:
        return "bits/token"
    if re.search(r"\bbits?\b|%", text):
        raise ValueError(
            f"column {name!r} is not in nats per token. If these are bits per token, say so with "
            "--unit loss=bits/token (in Python units={'loss': 'bits/token'}): they are converted"
        )
    return "nats/token"


def _stated_measure(text: str) -> str:
    """The measure of a loss as a user states it."""
    plain = re.sub(r"\s+|_", " ", text.strip().lower())
    plain = re.sub(r" ?(?:/| per ) ?", "/", plain)
    plain = {"nats": "nats/token", "ppl": "perplexity", "bpb": "bits/byte", "bpc": "bits/byte",
             "bits/char": "bits/byte", "bits/character": "bits/byte", "bpt": "bits/token",
             "nats/char": "nats/byte", "nats/character": "nats/byte"}.get(plain, plain)  # fmt: skip
    if plain not in MEASURES:
        raise ValueError(f"the unit of a loss must be one of {', '.join(MEASURES)}; got {text!r}")
    return plain


def to_nats(measure: str, tokens_per_byte: float | None, name: str) -> tuple[float, bool, str]:
    """How a measure becomes nats per token: a factor, whether a logarithm comes first, a sentence.

    Raises ValueError for a loss per byte if nobody says how many tokens a byte makes.
    """
    if tokens_per_byte is not None and measure in ("nats/token", "perplexity", "bits/token"):
        raise ValueError(
            f"tokens per byte are given, but column {name!r} is taken as {measure}: if it is a "
            "loss per byte, say so with --unit loss=bits/byte or nats/byte (in Python "
            "units={'loss': 'bits/byte'}), or leave them out"
        )
    if measure == "nats/token":
        return 1.0, False, ""
    if measure == "perplexity":
        return 1.0, True, f"column {name!r} is a perplexity: its logarithm is the loss"
    if measure == "bits/token":
        return (
            math.log(2),
            False,
            f"column {name!r} is in bits per token: times ln 2 it is the loss",
        )
    if tokens_per_byte is None:
        raise ValueError(
            f"column {name!r} is a loss per byte or character. Nats per token need the tokens that "
            "a byte makes on average: --tokens-per-byte 0.25, say (in Python tokens_per_byte=0.25)"
        )
    log = measure == "perplexity per byte"
    factor = (math.log(2) if measure.startswith("bits") else 1.0) / tokens_per_byte
    return factor, log, (
        f"column {name!r} is a loss per byte or character: with {tokens_per_byte:g} tokens for "
        "each it was turned into nats per token"
    )  # fmt: skip


# Roles


def recognised(
    names: Sequence[str],
    columns: Mapping[str, str | None] | None = None,
    units: Mapping[str, str] | None = None,
    wordy: Set[int] = frozenset(),
) -> Recognised:
    """The column of each role. Raises ValueError where two claim the same.

    columns: which column a role has, by name; None for none. units: the unit of a role's column
    where its name does not say it. wordy: the places of columns that hold words.
    """
    columns = _checked(columns or {}, "columns")
    stated = _checked(units or {}, "units")
    used: dict[str, Column] = {}
    notes: list[str] = []
    for role in ROLES:
        asked = role in columns
        if asked and columns[role] is None:
            continue
        found, other = (
            (_named(names, role, columns[role]), []) if asked else _claimed(names, role, wordy)
        )
        if not found:
            continue
        (place,) = found
        if taken := next((r for r, column in used.items() if column.place == place), None):
            raise ValueError(f"column {names[place]!r} is asked to be both {taken} and {role}")
        used[role], unit = _column(place, names[place], role, stated.get(role))
        if asked or role not in ("seed", "run", "diverged"):
            notes += _about(used[role], role, unit, [names[i] for i in other])
    if unused := set(stated) - set(used):
        raise ValueError(f"there is a unit for {min(unused)}, but no column for it")
    return Recognised(used, tuple(notes))


def _checked(given: Mapping[str, str | None], what: str) -> Mapping[str, str | None]:
    """What a user says about roles. Raises ValueError on other roles, and on what is no text."""
    if not isinstance(given, Mapping):
        raise ValueError(
            f"{what} must map roles to texts, as in {{'loss': 'val_loss'}}, got {given!r}"
        )
    if unknown := {str(role) for role in given} - set(ROLES if what == "columns" else QUANTITIES):
        raise ValueError(f"there is no role {min(unknown)!r}; there are {', '.join(ROLES)}")
    for role, text in given.items():
        if not isinstance(text, str) and (text is not None or what == "units"):
            raise ValueError(f"{what} must map {role!r} to a text, got {text!r}")
    return given


def _named(names: Sequence[str], role: str, name: str | None) -> list[int]:
    """The column that a user named for a role."""
    assert name is not None
    found = [i for i, n in enumerate(names) if n == name.strip()]
    if not found:
        shown = ", ".join(map(repr, names))
        raise ValueError(f"there is no column {name!r} for {role}; there are {shown}")
    return _only_one(found, names, role)


def _claimed(names: Sequence[str], role: str, wordy: Set[int]) -> tuple[list[int], list[int]]:
    """The column that a role has by its name (none or one), and those that it has not."""
    found, other = claims(role, names, wordy)
    exact = [i for i in found if names[i].lower() == role]
    if len(found) > 1 and len(exact) == 1 and role in ("seed", "run", "status"):
        found = exact
    return _only_one(found, names, role), other


def _only_one(found: list[int], names: Sequence[str], role: str) -> list[int]:
    if len(found) > 1:
        both = " and ".join(repr(names[i]) for i in found)
        raise ValueError(
            f"columns {both} both claim to be {role}. Rename or remove one, or say which (in "
            f"Python columns={{{role!r}: {names[found[0]]!r}}}, on the command line "
            f"--column {role}={names[found[0]]!r})"
        )
    return found


def _column(place: int, name: str, role: str, stated: str | None) -> tuple[Column, Unit]:
    """The column of a role with its unit, as its name or the user states it."""
    if role == "loss":
        measure = loss_measure(name) if stated is None else _stated_measure(stated)
        return Column(place, name, measure=measure), Unit()
    if role not in QUANTITIES:
        return Column(place, name), Unit()
    unit = scale(name, role) if stated is None else unit_of(stated, role)
    if stated is not None and not unit.understood:
        raise ValueError(
            f"the unit {stated!r} of {role} is not known: write M, 1e6 or billions, say"
        )
    said = stated is not None or unit.factor != 1
    return Column(place, name, unit.factor, unit_said=said), unit


def _about(column: Column, role: str, unit: Unit, other: Sequence[str]) -> list[str]:
    """What to say about the choice of a column."""
    notes: list[str] = []
    if column.name != role or column.factor != 1:
        note = f"column {column.name!r} was taken as {role}"
        if column.factor != 1:
            note += f", in units of {column.factor:.4g} ({unit.text})"
        notes.append(note)
    if not unit.understood:
        notes.append(f"{unit.text!r} in the name of column {column.name!r} is no unit known here "
                     "and was ignored")  # fmt: skip
    text = bare(column.name)
    if role == "params":
        counted = next((said for key, said in _WHICH.items() if key in text), None)
        if counted:
            notes.append(f"parameters are counted {counted}; so is everything fitted to them")
    if role == "loss" and "train" in text and "pretrain" not in text:
        notes.append("the loss is a training loss: it may lie below that on unseen text")
    notes += [
        f"column {name!r} was not used, since {column.name!r} is the {role}" for name in other
    ]
    return notes


# Wide tables


def wide_heads(names: Sequence[str]) -> list[tuple[float, str]] | None:
    """The numbers that head the columns of a wide table, each with its role where it is said.

    In a wide table the first column holds the sizes of the rows, the names of the others are
    sizes too, as in "params \\ tokens, 1B, 2B, 4B", and the cells are losses. None if the names
    are not like that: three or more rising or falling numbers after a first that is none.
    """
    first, *rest = names
    if len(rest) < 3 or numbers.number_like(first):
        return None
    heads = [head_number(name) for name in rest]
    values = [value for value, _ in heads]
    steps = [b - a for a, b in pairwise(values)]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        return heads
    return None


def head_number(name: str) -> tuple[float, str]:
    """The number in "C = 1e18", "1e18 FLOPs", "loss @ 2B tokens", and the role it is said to have.

    NaN where there is none, "" where its role is not said.
    """
    text = re.sub(
        r"(?i)^(?:val(?:idation)?[\s_]*)?(?:loss)?[\s_]*(?:@|at\b)[\s_]*", "", name.strip()
    )
    role = quantity_in(text)
    text = re.sub(r"(?i)^[a-z_ ]*=\s*", "", text)
    text = re.sub(
        r"(?i)\s*\b(?:training )?(?:tokens?|toks?|flops?|params?|parameters?)\b\s*$", "", text
    )
    try:
        return numbers.parse(text, False).value, role
    except numbers.Undecided:
        return math.nan, role


def quantity_in(text: str) -> str:
    """Which of params, tokens and FLOPs a short text speaks of; "" for none or several."""
    words = re.findall(r"[A-Za-z]+", re.sub(r"(?<=\d)\s*[kKmMbBgGtT]\b|e\+?\d+", " ", text))
    found = {role for role in ("params", "tokens", "flops") for word in words
             if claims(role, [word])[0]}  # fmt: skip
    found |= {"params" for word in words if word.lower() in ("param", "parameter")}
    found |= {"tokens" for word in words if word.lower() in ("token", "tok", "toks")}
    return found.pop() if len(found) == 1 else ""
