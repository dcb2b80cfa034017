"""The one interval type of the package: a value, what it may be, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from . import _checks as checks


@dataclass(frozen=True)
class Estimate:
    """A value with an interval that should hold the truth in a share `level` of the cases.

    A value without an interval (that of a law somebody else published, say) has NaN at both ends.
    A value that a fit could not determine is NaN too, and prints as "not known from these runs".

    >>> loss = Estimate(3.12, 3.05, 3.19)  # nats per token
    >>> print(loss)
    3.12 (95% interval 3.05 to 3.19)
    >>> 3.1 in loss, 3.2 in loss
    (True, False)
    >>> Estimate(3.12).known
    False
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    level: float = 0.95
    n: int | None = None
    """For a share of independent trials: their number. Shares are printed in per cent."""

    @classmethod
    def unknown(cls, level: float = 0.95) -> Estimate:
        """What a fit that is no answer says of any quantity."""
        return cls(math.nan, level=level)

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not known from these runs"
        form = ".4g" if self.n is None else ".1%"
        told = f"{self.value:{form}}"
        if not self.known:
            return told
        low, high, trials = *ends(self.low, self.high), ""
        if self.n is not None:
            low, high, trials = f"{self.low:.1%}", f"{self.high:.1%}", f", n = {self.n:,}"
        return f"{told} ({self.level:.0%} interval {low} to {high}{trials})"


def ends(low: float, high: float) -> tuple[str, str]:
    """Both ends of an interval as texts: 4 digits, or as many, up to 8, as tell them apart.

    >>> ends(0.34781, 0.35), ends(0.34781, 0.347812)
    (('0.3478', '0.35'), ('0.34781', '0.347812'))
    """
    different = (d for d in range(4, 9) if f"{low:.{d}g}" != f"{high:.{d}g}")
    digits = next(different, 4)
    return f"{low:.{digits}g}", f"{high:.{digits}g}"


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """The share successes / n with Wilson's interval (Wilson 1927).

    Unlike the textbook interval it stays within 0 and 1 and has a width also at 0 of n, where it
    says how large the true share may still be. Raises ValueError unless 0 <= successes <= n, 1 <= n
    and 0 < level < 1.

    >>> print(wilson(0, 100))
    0.0% (95% interval 0.0% to 3.7%, n = 100)
    >>> print(wilson(90, 100, level=0.8))
    90.0% (80% interval 85.5% to 93.2%, n = 100)
    """
    from scipy.stats import binomtest

    successes, n = checks.whole(successes, "successes", -math.inf), checks.whole(n, "n", -math.inf)
    if not (n >= 1 and 0 <= successes <= n):
        raise ValueError(
            f"successes must lie from 0 to n, and n be at least 1; got {successes}/{n}"
        )
    level = checks.level(level)
    found = binomtest(successes, n).proportion_ci(level, method="wilson")
    return Estimate(successes / n, float(found.low), float(found.high), level, n)


def across(
    estimates: Mapping[str, Estimate] | Iterable[Estimate],
    *,
    level: float = 0.95,
    log: bool = False,
) -> Estimate:
    """One interval for what several methods found: doubt within each, and spread between them.

    The value is the mean of the m values. Its variance is W + (1 + 1/m) B: W the mean of the
    methods' own variances (an interval's half-width over its normal quantile, squared), B the
    variance of the values between the methods. These are Rubin's rules (Rubin 1987, "Multiple
    Imputation for Nonresponse in Surveys", section 3.1), with methods in the place of imputations.
    W is not divided by m, since methods that see the same runs err together. The interval reaches
    as far as both parts, each by its own quantile and added in squares: the normal one for W, and
    for B Student's t with m - 1 degrees of freedom (Rubin's single t for the sum held the truth in
    91 % of simulated cases with m = 3).

    What this trusts: the methods (or ranges, targets, ways of counting) are a fair sample of those
    that could have been chosen, and the truth lies off them by no more than they lie off one
    another. An error that all of them share does not show. With few methods t is wide, and rightly
    so: two say little about the spread of the rest. `log` does the same with logarithms, for
    numbers that differ by factors. Raises ValueError with fewer than two estimates, if one has no
    interval, and with `log` unless all are above 0.

    >>> from scalinglaws import Estimate
    >>> found = {"parabolas": Estimate(0.52, 0.50, 0.54), "envelope": Estimate(0.56, 0.52, 0.60),
    ...          "surface": Estimate(0.51, 0.50, 0.52)}
    >>> print(across(found))
    0.53 (95% interval 0.3959 to 0.6641)
    >>> print(across([Estimate(0.5, 0.4, 0.6), Estimate(0.5, 0.4, 0.6)]))
    0.5 (95% interval 0.4 to 0.6)
    """
    from scipy.stats import norm, t

    level = checks.level(level)
    found = list(estimates.values() if isinstance(estimates, Mapping) else estimates)
    if len(found) < 2:
        raise ValueError(f"a spread between methods needs 2 estimates or more, got {len(found)}")
    if not all(one.known and math.isfinite(one.value) for one in found):
        raise ValueError("every estimate needs a value and an interval")
    if log and not all(min(one.value, one.low, one.high) > 0 for one in found):
        raise ValueError("logarithms need values and intervals above 0")
    to, back = (math.log, math.exp) if log else (float, float)
    m = len(found)
    values = [to(one.value) for one in found]
    mean = sum(values) / m
    errors = [(to(one.high) - to(one.low)) / 2 / norm.ppf((1 + one.level) / 2) for one in found]
    within = sum(error**2 for error in errors) / m
    between = sum((value - mean) ** 2 for value in values) / (m - 1)
    upper = (1 + level) / 2
    reach = math.hypot(
        norm.ppf(upper) * math.sqrt(within),
        t.ppf(upper, m - 1) * math.sqrt((1 + 1 / m) * between),
    )
    return Estimate(back(mean), back(mean - reach), back(mean + reach), level)


def mean_of(values: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean of independent draws, with Student's t interval (Student 1908).

    `values`, of shape (draws,), are what was measured in each draw: another seed, another target,
    another world. The interval is in their unit and knows only what differs between the draws; it
    supposes that they scatter about normally. Raises ValueError unless there are at least two, all
    of them finite, and 0 < level < 1.

    >>> print(mean_of([0.60, 0.54, 0.57, 0.61]))
    0.58 (95% interval 0.5297 to 0.6303)
    """
    import numpy as np
    from scipy.stats import t

    given, level = np.asarray(values, dtype=float), checks.level(level)
    if given.ndim != 1 or given.size < 2 or not np.isfinite(given).all():
        raise ValueError(f"values must be at least two finite numbers, got {values!r}")
    mean = float(given.mean())
    wide = float(t.ppf((1 + level) / 2, given.size - 1) * given.std(ddof=1) / math.sqrt(given.size))
    return Estimate(mean, mean - wide, mean + wide, level)
