"""Writing programs: from a few inputs with their outputs to code that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from .. import _checks as checks
from .task import DIGITS, Task, Vocabulary, generator, require

_STATEMENTS = (
    "s+1", "s+2", "s+3", "s+5", "s+o", "s-o", "o-s", "o", "max(s,o)", "min(s,o)",
    "2s", "3s", "9-s", "s*o", "|s-o|", "s+2o",
)  # fmt: skip


def _run(statement: np.ndarray, s: np.ndarray, o: np.ndarray) -> np.ndarray:
    """What a statement makes of its register s and the register before it, o. All of one shape."""
    every = (
        s + 1, s + 2, s + 3, s + 5, s + o, s - o, o - s, o, np.maximum(s, o), np.minimum(s, o),
        2 * s, 3 * s, 9 - s, s * o, np.abs(s - o), s + 2 * o,
    )  # fmt: skip
    return np.choose(statement, every) % 10


@dataclass(frozen=True)
class Programs(Task):
    """Programs for a machine with three registers, to be found from examples of what they do.

    The registers a, b and c hold one digit each. A program is three statements; the first sets a,
    the second b, the third c. A statement is one of sixteen, made of the register that it sets,
    s, and the register before it, o (c for a, a for b, b for c, with its new value if it was set
    already); results are taken modulo 10. The prompt shows `shown` inputs with their outputs,
    six digits each, and "=". The model writes the program.

    There are 4,096 programs. Some do the same on all 1,000 inputs, which leaves 4,078 functions.
    A fifth of the functions, drawn by `seed`, is for validation: no program for one of them is
    in training. A program that a model wrote need not be the one that was drawn. `passes` runs
    it on the inputs shown, which a user could do as well; `check` runs both on all inputs, which
    tells the truth.

    >>> task = Programs()
    >>> program = task.encode(" s+3 s+o o")
    >>> print(task.listing(program))
    a = a + 3
    b = b + a
    c = b
    >>> task.run(program, np.array([[1, 2, 3], [9, 0, 0]])).tolist()
    [[4, 6, 6], [2, 2, 2]]
    """

    shown: int = 4
    seed: int = 0

    VAL_SHARE: ClassVar[float] = 0.2

    def __post_init__(self) -> None:
        checks.field(self, "shown", checks.whole, 1, 30)
        checks.field(self, "seed", checks.seed)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((*DIGITS, "=", *(f" {text}" for text in _STATEMENTS)))

    @property
    def prompt_length(self) -> int:
        return 6 * self.shown + 1

    @property
    def example_length(self) -> int:
        return self.prompt_length + 3

    @property
    def chance(self) -> float:
        """Rate at which a program drawn at random does the same as the one asked for."""
        return float(np.mean(np.bincount(self._functions)[self._functions])) / len(self._outputs)

    @cached_property
    def _programs(self) -> np.ndarray:
        """All programs, as numbers of statements, (4096, 3)."""
        return np.stack(np.unravel_index(np.arange(16**3), (16, 16, 16)), axis=1)

    @cached_property
    def _outputs(self) -> np.ndarray:
        """Each program's output on every input, as numbers of three digits, (4096, 1000)."""
        inputs = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=1)
        outputs = self._executed(self._programs[:, None], inputs[None])
        return (outputs @ np.array([100, 10, 1])).astype(np.int16)

    @cached_property
    def _functions(self) -> np.ndarray:
        """The number of each program's function: programs that always agree share it. (4096,)."""
        seen: dict[bytes, int] = {}
        return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in self._outputs])

    @cached_property
    def _is_val_program(self) -> np.ndarray:
        """Whether each program's function is for validation, (4096,)."""
        functions = int(self._functions.max()) + 1
        order = generator(self.seed).permutation(functions)
        return np.isin(self._functions, order[: round(self.VAL_SHARE * functions)])

    @staticmethod
    def _executed(programs: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Registers after the statements; programs (..., 3), inputs (..., 3), to be broadcast."""
        registers = list(np.moveaxis(np.broadcast_arrays(programs, inputs)[1], -1, 0))
        for i in range(3):
            registers[i] = _run(programs[..., i], registers[i], registers[i - 1])
        return np.stack(registers, axis=-1)

    def run(self, program: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """What one program makes of inputs: tokens (3,) and registers (n, 3), to (n, 3).

        Raises ValueError if a token is no statement.
        """
        numbers = self._numbers(np.atleast_2d(program))
        require(numbers.min(axis=1) >= 0, "a program is three statements")
        return self._executed(numbers, np.asarray(inputs))

    def listing(self, program: np.ndarray) -> str:
        """A program as three lines of code; what is no statement is shown as it was written."""
        lines = []
        for i, token in enumerate(np.asarray(program).tolist()):
            text = self.vocabulary.symbols[token].strip()
            if token > 10:
                text = text.replace("s", "abc"[i]).replace("o", "abc"[i - 1])
                for sign in "+-*":
                    text = text.replace(sign, f" {sign} ")
            lines.append(f"{'abc'[i]} = {text}")
        return "\n".join(lines)

    def pairs(self, prompt: np.ndarray) -> str:
        """The inputs and outputs of one prompt: "123>436 987>054"."""
        digits = "".join(map(str, np.asarray(prompt)[:-1].tolist()))
        return " ".join(
            f"{digits[i : i + 3]}>{digits[i + 3 : i + 6]}" for i in range(0, len(digits), 6)
        )

    def _numbers(self, written: np.ndarray) -> np.ndarray:
        """The statements that were written, numbered from 0; -1 for a token that is none."""
        return np.maximum(np.asarray(written).astype(int) - 11, -1)

    def _places(self, written: np.ndarray) -> np.ndarray:
        """The number of each program of shape (..., 3), -1 for what is no program. (...,)."""
        numbers = self._numbers(written)
        return np.where((numbers >= 0).all(-1), numbers @ np.array([256, 16, 1]), -1)

    def _shown(self, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and outputs of each prompt as numbers of three digits, (n, shown) each."""
        digits = prompts[:, :-1].reshape(len(prompts), self.shown, 2, 3).astype(int)
        require((digits < 10).all(axis=(1, 2, 3)), "registers hold one digit each")
        numbers = digits @ np.array([100, 10, 1])
        return numbers[..., 0], numbers[..., 1]

    def passes(self, prompts: np.ndarray, written: np.ndarray) -> np.ndarray:
        """Whether programs give the outputs shown: the test that a user can run.

        prompts (n, prompt_length); written (n, 3), or (n, k, 3) for several programs to each
        prompt. Returns bool, (n,) or (n, k). What is no program does not pass.
        """
        inputs, outputs = self._shown(self._checked(prompts, self.prompt_length))
        places = self._places(written)
        if places.ndim == 2:
            inputs, outputs = inputs[:, None], outputs[:, None]
        return (places >= 0) & (self._outputs[places[..., None], inputs] == outputs).all(-1)

    def same(self, written: np.ndarray, program: np.ndarray) -> np.ndarray:
        """Whether programs do the same as the one asked for on all 1,000 inputs: the truth.

        written (n, 3) or (n, k, 3), program (n, 3). Returns bool, (n,) or (n, k).
        """
        places, truth = self._places(written), self._places(program)
        if places.ndim == 2:
            truth = truth[:, None]
        return (places >= 0) & (self._functions[places] == self._functions[truth])

    def consistent(self, prompts: np.ndarray) -> np.ndarray:
        """Which of all programs give the outputs shown, found by running all. (n, 4096), bool."""
        inputs, outputs = self._shown(self._checked(prompts, self.prompt_length))
        return np.all(self._outputs[:, inputs] == outputs, axis=-1).T

    def ceiling(self, prompts: np.ndarray, program: np.ndarray) -> np.ndarray:
        """How often the best guess is right, for whoever knows all programs that pass.

        The best guess is the function that most of them share; several may tie. prompts (n,
        prompt_length), program (n, 3), what was asked for. Returns the chance of each, (n,).
        """
        shares = []
        for fits, place in zip(self.consistent(prompts), self._places(program), strict=True):
            found, count = np.unique(self._functions[fits], return_counts=True)
            best = found[count == count.max()]
            shares.append((self._functions[place] in best) / len(best))
        return np.array(shares)

    def check(self, tokens: np.ndarray) -> np.ndarray:
        """Whether each example ends in a program that gives the outputs shown. Shape (n,)."""
        tokens = self._checked(tokens, self.example_length)
        return self.passes(tokens[:, : self.prompt_length], tokens[:, self.prompt_length :])

    def make(self, n: int, seed: int) -> np.ndarray:
        """`n` random examples of any programs, a uint8 array of shape (n, example_length)."""
        every = np.ones(len(self._programs), dtype=bool)
        return self._drawn(checks.whole(n, "n", 1), generator(seed), every)

    def _part(self, n: int, is_val: bool, seed: int) -> np.ndarray:
        return self._drawn(n, generator(seed, int(is_val)), self._is_val_program == is_val)

    def _drawn(self, n: int, rng: np.random.Generator, allowed: np.ndarray) -> np.ndarray:
        """Examples of programs that are allowed, with different inputs in each prompt."""
        chosen = rng.choice(np.flatnonzero(allowed), n)
        inputs = rng.integers(0, 1000, (n, self.shown))
        while True:
            ordered = np.sort(inputs, axis=1)
            twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
            if not twice.any():
                break
            inputs[twice] = rng.integers(0, 1000, (int(twice.sum()), self.shown))
        outputs = self._outputs[chosen[:, None], inputs].astype(int)
        digits = np.stack([inputs, outputs], axis=2)[..., None] // np.array([100, 10, 1]) % 10
        return np.concatenate(
            [digits.reshape(n, -1), np.full((n, 1), 10), 11 + self._programs[chosen]], axis=1
        ).astype(np.uint8)

    def _prompts(self, n: int, rng: np.random.Generator) -> np.ndarray:
        every = np.ones(len(self._programs), dtype=bool)
        return self._drawn(n, rng, every)[:, : self.prompt_length]

    def _answers(self, prompts: np.ndarray) -> np.ndarray:
        """The first of all programs that gives the outputs shown."""
        fits = self.consistent(prompts)
        require(fits.any(axis=1), "no program gives these outputs")
        return 11 + self._programs[fits.argmax(axis=1)]
