"""What is bet on: a language, what may be trained on it, and how much of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ...learners.transformer import TransformerConfig
from ...text.corpora import Corpus
from ...text.invented import Invented
from ...training import Run
from .. import assignment

DEEPEST = 12
SEEDS = 1000
"""Each student has so many seeds of their own."""


@dataclass(frozen=True)
class Tier:
    """How large a bet is. The numbers of FLOPs are middles: a setting departs from them by 15 %."""

    budget: float
    target: float
    widths: tuple[int, ...]
    """Widths of the runs with which the search for the best configuration begins."""
    tokens: int
    contexts: tuple[int, ...] = (24, 32, 40)


TIERS = {
    "tiny": Tier(3e6, 1.2e8, (4, 8), 2**15, (16,)),
    "small": Tier(1e10, 4e11, (16, 24, 32, 48), 2**23),
    "standard": Tier(1e12, 4e13, (48, 64, 96, 128), 2**27),
    "large": Tier(3e13, 1.2e15, (128, 192, 256, 384), 2**29),
}
"""tiny is for tests and tells nothing; small takes minutes, standard hours, large a GPU."""


@dataclass(frozen=True)
class Setting:
    """All that a student may know of a bet, and has to.

    FLOPs are those of training with attention and head, embeddings free (`Run.flops`).
    """

    tier: str
    language: Invented
    context: int
    shift: bool
    train_tokens: int
    val_tokens: int
    budget: int
    """FLOPs that a student may spend."""
    target: int
    """FLOPs of the run that is bet on: 30 to 54 times the budget."""
    widest: int
    fingerprint: str
    """Of the corpus: another machine has to make the same."""
    level: float = 0.8
    """The share of intervals that should hold the outcome."""
    truth: str = ""
    """The salted hash of the truth (`Truth.digest`); empty before it was trained."""

    @property
    def id(self) -> str:
        """Twelve digits that differ where anything but the truth differs."""
        return digest({**asdict(self), "truth": ""})[:12]

    @property
    def factor(self) -> float:
        """How many times larger than the whole budget the run is that is bet on."""
        return self.target / self.budget

    def model(self, width: int, depth: int = 2) -> TransformerConfig:
        """The model of this size, for this language. Raises ValueError as `TransformerConfig`."""
        return TransformerConfig(
            width,
            depth,
            context=self.context,
            vocab_size=len(self.language.vocabulary),
            shift=self.shift,
        )

    def corpus(self) -> Corpus:
        """The text, made on first use. Raises RuntimeError if another came out than elsewhere."""
        return _corpus(self.language, self.train_tokens, self.val_tokens, self.fingerprint)

    def __str__(self) -> str:
        return (
            f"the bet {self.id}, tier {self.tier}: {self.budget:.3g} FLOPs to spend, "
            f"a run of {self.target:.3g} FLOPs to foretell ({self.factor:.0f} times as many)"
        )


@lru_cache(maxsize=2)
def _corpus(language: Invented, train: int, val: int, fingerprint: str) -> Corpus:
    made = language.corpus(train, val)
    if fingerprint and made.fingerprint != fingerprint:
        raise RuntimeError(
            f"the text made here has the fingerprint {made.fingerprint}, and that of the bet is "
            f"{fingerprint}: losses would not be comparable. Install the version of scalinglaws "
            "that the bet was made with, and tell your instructor"
        )
    return made


def draw(tier: str, seed: int) -> Setting:
    """The setting that a secret seed stands for; it cannot be worked out without the seed.

    Raises ValueError if there is no such tier.
    """
    if tier not in TIERS:
        raise ValueError(f"there is no tier {tier!r}; there are {', '.join(TIERS)}")
    size = TIERS[tier]
    rng = np.random.default_rng([seed, 1])
    language = Invented(
        words=int(rng.integers(300, 600) if tier == "tiny" else rng.integers(3000, 9000)),
        alpha=round(float(rng.uniform(0.02, 0.3)), 3),
        habit=round(float(rng.uniform(0.55, 0.85)), 3),
        followers=int(rng.integers(4, 13)),
        consonants=int(rng.integers(12, 18)),
        vowels=int(rng.integers(4, 7)),
        seed=int(rng.integers(2**62)),
    )
    context = int(rng.choice(size.contexts))
    val_tokens = 2**12 if tier == "tiny" else 2**17
    return Setting(
        tier=tier,
        language=language,
        context=context,
        shift=True,  # without it tiny models learn late and at once, and no law reaches there
        train_tokens=size.tokens,
        val_tokens=val_tokens,
        budget=_two_digits(size.budget * rng.uniform(0.87, 1.15)),
        target=_two_digits(size.target * rng.uniform(0.87, 1.15)),
        widest=4 * max(size.widths),
        fingerprint=language.corpus(size.tokens, val_tokens).fingerprint,
    )


def _two_digits(number: float) -> int:
    return int(float(f"{number:.1e}"))


def packed(setting: Setting) -> str:
    """The setting as one string of letters, as a notebook holds it."""
    return assignment.pack({"bet": asdict(setting)})


def unpacked(text: str) -> Setting:
    """The setting that `packed` made `text` of. Raises ValueError if it is none, or damaged."""
    data = assignment.unpack(text)
    try:
        told = data["bet"]
        return Setting(**{**told, "language": Invented(**told["language"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"this string holds no bet that this version knows ({error})") from None


# ------------------------------------------------------------------------------------------- runs


def first_seed(setting: Setting, student: str) -> int:
    """The first of the seeds that are this student's own in this bet.

    Two students' runs of one configuration differ by their seeds, so that nobody's losses are
    anybody else's.
    """
    told = hashlib.sha256(f"{setting.id}/{student}".encode()).digest()
    return int.from_bytes(told[:5], "big") * SEEDS


def described(run: Run) -> dict[str, Any]:
    """All that determines a run, for JSON."""
    return asdict(run)


def run_from(told: Any) -> Run:
    """The run that `described` described. Raises ValueError for anything else."""
    try:
        run = Run(**{**told, "model": TransformerConfig(**told["model"])})
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"no run: {error}") from None
    if described(run) != told:
        raise ValueError("no run as the engine writes it down")
    return run


def at_target(setting: Setting, width: int, depth: int = 2, **rest: Any) -> Run:
    """The run of this size that reads as many tokens as the target pays for."""
    model = setting.model(width, depth)
    return Run(model, tokens=int(setting.target // model.flops_per_token("total")), **rest)


def check_run(setting: Setting, run: Run) -> None:
    """Raise ValueError unless the run is one of this bet: its model, its text, read once."""
    if not isinstance(run, Run):
        raise ValueError(f"a run is made by bet.run(...), got {type(run).__name__}")
    model = run.model
    right = isinstance(model, TransformerConfig) and model == setting.model(
        model.width, model.depth
    )
    if not right:
        raise ValueError(
            f"the models of this bet are transformers with a context of {setting.context} and "
            f"the usual number of heads: make runs by bet.run(width, tokens)"
        )
    assert isinstance(model, TransformerConfig)
    if model.width > setting.widest or model.depth > DEEPEST:
        raise ValueError(
            f"models of this bet have a width up to {setting.widest} and a depth up to {DEEPEST}, "
            f"got {model.width} and {model.depth}"
        )
    least, most = max(1, 128 // setting.context), 2**17 // setting.context
    if run.batch is not None and not least <= run.batch <= most:
        raise ValueError(f"a batch has {least} to {most} sequences here, got {run.batch}")
    if run.unique_tokens is not None or run.tokens > setting.train_tokens:
        raise ValueError(
            f"every token is read once, and there are {setting.train_tokens:,} of them; the run "
            f"asks for {run.tokens:,}. Take a wider model"
        )


def digest(told: Any) -> str:
    """SHA-256 of a value in the one JSON that it has, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def canonical(told: Any) -> str:
    """A value as JSON, the same for equal values. Raises ValueError for a number not finite."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
