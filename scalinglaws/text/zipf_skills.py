"""Many small skills of every rarity, of which each is learnt or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .known_entropy import zipf
from .task import (
    Task,
    Vocabulary,
    digits_of,
    generator,
    number_from,
)


@dataclass(frozen=True)
class ZipfSkills(Task):
    """Many small skills, some needed often and most rarely: "[17]0110=1".

    An example names a skill, shows some bits and asks for the value of that skill's own random
    function of them. The skill of rank k comes up with probability proportional to
    k^-(1 + alpha). A function is a random table of as many ones as zeros, or, with `parity`, the
    parity of so many of the bits (the multitask sparse parity of Michaud et al. 2023). If a skill
    is either mastered or a coin toss, the loss is what `loss_after_skills` says, a sum over skills
    not yet mastered. All inputs of a skill may come up in both parts of a corpus: of D examples a
    skill gets D * p(k), against 2^bits inputs.
    """

    skills: int = 100
    alpha: float = 0.5
    bits: int = 4
    parity: int | None = None
    seed: int = 0

    held_out: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checks.field(self, "skills", checks.whole, 2, 253)
        checks.field(self, "alpha", checks.within, 0.01, 10)
        checks.field(self, "bits", checks.whole, 1, 16)
        if self.parity is not None:
            checks.field(self, "parity", checks.whole, 1, self.bits)
        checks.field(self, "seed", checks.seed)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(("0", "1", "=", *(f"[{k}]" for k in range(1, self.skills + 1))))

    @property
    def prompt_length(self) -> int:
        return self.bits + 2

    @property
    def example_length(self) -> int:
        return self.bits + 3

    @cached_property
    def frequencies(self) -> np.ndarray:
        """Probability of each skill, the most frequent first. Shape (skills,)."""
        return zipf(self.skills, self.alpha)

    @cached_property
    def table(self) -> np.ndarray:
        """Value of each skill for each input, read as a binary number. Shape (skills, 2^bits)."""
        rng = generator(self.seed)
        inputs = 2**self.bits
        if self.parity is None:
            balanced = np.arange(inputs, dtype=np.uint8) % 2
            return rng.permuted(np.tile(balanced, (self.skills, 1)), axis=1)
        chosen = rng.random((self.skills, self.bits)).argsort(axis=1) < self.parity
        bits = digits_of(np.arange(inputs), 2, self.bits)
        return (chosen.astype(int) @ bits.T % 2).astype(np.uint8)

    @property
    def chance(self) -> float:
        return 0.5

    @property
    def size_exponent(self) -> float:
        """Exponent of the loss with the number of skills mastered, if there are many: alpha."""
        return self.alpha

    @property
    def data_exponent(self) -> float:
        """Exponent of the loss with the number of examples: alpha / (1 + alpha).

        If a skill needs a fixed number of examples of its own; true of infinitely many skills.
        """
        return self.alpha / (1 + self.alpha)

    def loss_after_skills(self, mastered: np.ndarray | int) -> np.ndarray:
        """Loss in nats if the so many most frequent skills are mastered. Exact; same shape.

        Raises ValueError if `mastered` is not from 0 to `skills`.
        """
        n = np.asarray(mastered)
        if not np.issubdtype(n.dtype, np.integer) or ((n < 0) | (n > self.skills)).any():
            raise ValueError(f"mastered must be whole numbers from 0 to {self.skills}: {n}")
        return math.log(2) * np.append(self.frequencies[::-1].cumsum()[::-1], 0.0)[n]

    def loss_after_examples(self, examples: np.ndarray | float, needed: int = 1) -> np.ndarray:
        """Expected loss in nats if a skill is mastered once seen `needed` times. Exact.

        `examples` may be an array, and the result has its shape. Raises ValueError if it holds
        anything but whole numbers of at least 0.
        """
        from scipy.stats import binom  # here, because scipy.stats takes a while to load

        examples = np.asarray(examples, dtype=float)
        if not ((examples >= 0) & (examples == np.floor(examples))).all():
            raise ValueError(f"examples must be whole numbers of at least 0, got {examples}")
        unmastered = binom.cdf(
            checks.whole(needed, "needed", 1) - 1, examples[..., None], self.frequencies
        )
        return math.log(2) * unmastered @ self.frequencies

    def skill_of(self, tokens: np.ndarray) -> np.ndarray:
        """Rank of each example's skill, from 1. Takes examples or prompts; shape (n,)."""
        return np.atleast_2d(np.asarray(tokens))[:, 0].astype(int) - 2

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        skill = rng.choice(self.skills, n, p=self.frequencies)[:, None]
        bits = rng.integers(0, 2, (n, self.bits))
        return np.concatenate([skill + 3, bits, np.full((n, 1), 2)], axis=1)

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        skill, bits = self.skill_of(prompts) - 1, prompts[:, 1:-1]
        if (skill < 0).any() or (bits > 1).any():
            raise ValueError("a prompt is a skill, bits and '='")
        return self.table[skill, number_from(bits, 2)][:, None]
