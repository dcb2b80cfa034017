"""The truth of a bet: the large runs, the best of them, and the seal around them."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import _checks as checks
from ...training import Run, sweep
from .setting import TIERS, Setting, at_target, canonical, check_run, described, digest, run_from

VARIANTS: tuple[dict[str, Any], ...] = (
    {"optimizer": "muon"},
    {"cooldown": 0.6},
    {"lr": 2.0},
    {"lr": 0.5},
    {"depth": 3},
)
"""What is tried on the best width, each by itself and then all that helped together. `lr` is a
factor on the default rate."""


@dataclass(frozen=True)
class Truth:
    """Losses of runs at the target, and what makes their hash impossible to guess."""

    setting: str
    """The id of the setting."""
    salt: str
    seed: int
    """The seed of every run at the target. It stays secret until the bet is over."""
    runs: tuple[Run, ...]
    losses: tuple[float, ...]
    """In nats per token; that of a run that diverged is that of an even guess."""

    @property
    def best(self) -> tuple[Run, float]:
        """The best configuration that is known, and its loss."""
        at = min(range(len(self.losses)), key=self.losses.__getitem__)
        return self.runs[at], self.losses[at]

    @property
    def plain(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "setting": self.setting,
            "salt": self.salt,
            "seed": self.seed,
            "runs": [described(run) for run in self.runs],
            "losses": list(self.losses),
        }

    @property
    def digest(self) -> str:
        """The hash that students get beforehand: it binds the instructor and says nothing."""
        return digest(self.plain)

    @classmethod
    def from_plain(cls, told: Any) -> Truth:
        """The truth that `plain` wrote. Raises ValueError for anything else."""
        try:
            runs = tuple(run_from(run) for run in told["runs"])
            losses = tuple(checks.real(loss, "a loss") for loss in told["losses"])
            if len(runs) != len(losses) or not runs:
                raise ValueError("as many losses as runs are needed")
            return cls(told["setting"], told["salt"], checks.seed(told["seed"]), runs, losses)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no truth of a bet ({error})") from None


def outcomes(
    setting: Setting, runs: Sequence[Run], seed: int, store: Path, **how: Any
) -> list[float | None]:
    """The losses of these runs with the secret seed; None for one that could not be trained.

    Those in the store are not trained again. `how` goes to `sweep`: workers, device, progress.
    """
    asked = [replace(run, seed=seed) for run in runs]
    for run in asked:
        check_run(setting, run)
    table = sweep(list(dict.fromkeys(asked)), setting.corpus(), store=store, **how)
    even = math.log(len(setting.language.vocabulary))
    found: dict[Run, float | None] = {}
    for run, loss, status in zip(dict.fromkeys(asked), table["loss"], table["status"], strict=True):
        diverged = None if str(status).startswith("failed") else even
        found[run] = float(loss) if math.isfinite(loss) else diverged
    return [found[run] for run in asked]


def _all_of(
    setting: Setting, runs: Sequence[Run], seed: int, store: Path, how: dict[str, Any]
) -> list[float]:
    losses = [loss for loss in outcomes(setting, runs, seed, store, **how) if loss is not None]
    if len(losses) < len(runs):
        raise RuntimeError("a run was not trained to its end: give the command again")
    return losses


def train_truth(setting: Setting, seed: int, salt: str, store: Path, **how: Any) -> Truth:
    """Look for the best configuration at the target, and keep what every run came to.

    First a ladder of widths; then, at the best of them, the usual dials one by one; then all that
    helped together. It can be cut off at any time and goes on where it was: each finished run is
    in `store`. `how` goes to `sweep`. Raises RuntimeError if a run could not be trained.
    """
    ladder = [at_target(setting, width) for width in TIERS[setting.tier].widths]
    ladder = [run for run in ladder if run.tokens <= setting.train_tokens]
    losses = _all_of(setting, ladder, seed, store, how)
    best = min(zip(losses, ladder, strict=True), key=lambda pair: pair[0])
    tried = [_with(setting, best[1], variant) for variant in VARIANTS]
    changed = _all_of(setting, tried, seed, store, how)
    helped: dict[str, Any] = {}
    for loss, variant in sorted(zip(changed, VARIANTS, strict=True), key=lambda pair: pair[0]):
        if loss < best[0]:
            helped = {**variant, **helped}  # of two rates the better one
    runs, found = [*ladder, *tried], [*losses, *changed]
    together = _with(setting, best[1], helped)
    if together not in runs:
        runs.append(together)
        found += _all_of(setting, [together], seed, store, how)
    return Truth(setting.id, salt, seed, tuple(runs), tuple(found))


def _with(setting: Setting, run: Run, variant: dict[str, Any]) -> Run:
    """The run with a dial turned, and as many tokens as the target pays for."""
    rest = dict(variant)
    depth = rest.pop("depth", 2)
    factor = rest.pop("lr", 1.0)
    made = at_target(setting, run.model.shape()["width"], depth, **rest)
    return made if factor == 1 else replace(made, lr=made.lr * factor if made.lr else None)


# -------------------------------------------------------------------------------------------- seal


def seal(truth: Truth) -> str:
    """The truth as letters that nobody reads by accident. It is a seal and no lock.

    The way to open it stands in this file, for anybody who wants to.
    """
    data = zlib.compress(canonical(truth.plain).encode(), 9)
    return base64.b64encode(_veiled(data, truth.setting)).decode()


def unseal(text: str, setting: Setting) -> Truth:
    """Open a seal, and compare with the hash that the setting names.

    Raises ValueError if the text is damaged, or is not the truth that was sealed. `outcome` does
    this for a bet that has a commitment, and for no other.
    """
    try:
        data = _veiled(base64.b64decode("".join(text.split()), validate=True), setting.id)
        reader = zlib.decompressobj()
        plain = reader.decompress(data, 5_000_000)
        if not reader.eof:
            raise ValueError("cut off")
        truth = Truth.from_plain(json.loads(plain))
    except (ValueError, zlib.error):
        raise ValueError(
            f"this is not the sealed truth of the bet {setting.id}, or it is damaged"
        ) from None
    check_truth(truth, setting)
    return truth


def check_truth(truth: Truth, setting: Setting) -> None:
    """Raise ValueError unless this is the truth to which the setting was bound beforehand."""
    if truth.setting != setting.id or truth.digest != setting.truth:
        raise ValueError(
            "this truth is not the one whose hash was handed out with the bet: it was changed "
            "afterwards, or belongs to another bet"
        )


def _veiled(data: bytes, name: str) -> bytes:
    """The bytes under a veil that depends on the bet's name alone; twice gives them back."""
    veil = hashlib.shake_256(f"open me only after your bet: {name}".encode()).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, veil, strict=True))
