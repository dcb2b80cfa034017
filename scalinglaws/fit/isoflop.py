"""Approaches 1 and 2: where the loss is lowest for a budget, and how that place moves with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from ..laws import PowerLaw, Value, plain, positive
from .chinchilla import Optimum
from .result import Fitted, Prediction, checked_bootstrap, equally_long, tails

BUDGET_STEP = 0.1
"""Runs whose FLOPs differ by less than this share belong to one budget."""
SAME_END = 0.02
"""Curves whose ends differ by less than this (in ln C) end together: tokens are rounded, and the
last point of the longest would otherwise be a turn of its own."""


@dataclass(frozen=True, eq=False)
class AllocationFit(Fitted):
    """The best N and D of each budget, and the power laws N_opt = k_N C^a and D_opt = k_D C^b."""

    method: str
    """"isoflop" or "envelope"."""
    C: np.ndarray
    """The budgets in FLOPs, shape (budgets,)."""
    N: np.ndarray
    D: np.ndarray
    L: np.ndarray
    """The best parameters, tokens and loss of each."""
    a: float
    b: float
    log_k: tuple[float, float]
    """ln k_N and ln k_D."""
    draws: np.ndarray
    """Bootstrap draws of (ln k_N, a, ln k_D, b), shape (bootstrap, 4)."""
    minima: np.ndarray
    """Bootstrap draws of ln N at each budget, shape (bootstrap, budgets); NaN: no minimum."""
    curves: tuple[Parabola, ...]
    """The parabola of each budget (approach 2 only)."""
    refused: tuple[str, ...]
    """What was left out, and why."""
    status: str

    names = ("a", "b")

    def _draw(self, parameter: str) -> np.ndarray:
        places = {"k_N": 0, "a": 1, "k_D": 2, "b": 3}
        if parameter not in places:
            raise ValueError(f"parameter must be one of {', '.join(places)}; got {parameter!r}")
        column = self.draws[:, places[parameter]]
        return np.exp(column) if parameter.startswith("k") else column

    def value(self, parameter: str) -> float:
        """The fitted value of a, b, k_N or k_D."""
        if parameter.startswith("k"):
            return math.exp(self.log_k[parameter == "k_D"])
        return float(getattr(self, parameter))

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of (ln k_N, a, ln k_D, b) over the bootstrap draws, shape (4, 4)."""
        return np.cov(self.draws.T)

    @property
    def residuals(self) -> np.ndarray:
        """ln of each budget's best N, minus ln of the power law."""
        return np.log(self.N) - np.log(self.N_opt(self.C))

    def N_opt(self, C: ArrayLike) -> Value:
        """Compute-optimal number of parameters for C FLOPs."""
        return plain(np.exp(self.log_k[0] + self.a * np.log(positive(C, "C"))))

    def D_opt(self, C: ArrayLike) -> Value:
        """Compute-optimal number of tokens for C FLOPs."""
        return plain(np.exp(self.log_k[1] + self.b * np.log(positive(C, "C"))))

    def tokens_per_param(self, C: ArrayLike) -> Value:
        """D_opt / N_opt for C FLOPs."""
        return plain(np.asarray(self.D_opt(C)) / self.N_opt(C))

    def optimum(self, C: float, level: float = 0.95) -> Optimum:
        """The compute-optimal N, D and tokens per parameter for C FLOPs, with intervals."""
        (C,) = np.atleast_1d(positive(C, "C"))
        log_N = self.draws[:, 0] + self.draws[:, 1] * math.log(C)
        log_D = self.draws[:, 2] + self.draws[:, 3] * math.log(C)

        def around(value: Value, log_draws: np.ndarray) -> Prediction:
            low, high = np.exp(np.quantile(log_draws, tails(level)))
            return Prediction(float(value), float(low), float(high), level)

        return Optimum(
            C=float(C),
            N=around(self.N_opt(C), log_N),
            D=around(self.D_opt(C), log_D),
            tokens_per_param=around(self.tokens_per_param(C), log_D - log_N),
            L=None,
        )

    def as_law(self) -> PowerLaw:
        """N_opt as a power law of C (its alpha is minus a)."""
        return PowerLaw(math.exp(self.log_k[0]), -self.a)

    def __str__(self) -> str:
        head = f"N_opt = {math.exp(self.log_k[0]):.4g} C^{self.a:.4g}, "
        head += f"D_opt = {math.exp(self.log_k[1]):.4g} C^{self.b:.4g}"
        unit = "budgets" if self.method == "isoflop" else "sizes on the envelope"
        left = [f"  left out: {reason}" for reason in self.refused]
        return "\n".join(
            [head, f"  from {len(self.C)} {unit}, {self.status}", *self._lines(("a", "b")), *left]
        )


@dataclass(frozen=True, eq=False)
class Parabola:
    """L = c0 + c1 t + c2 t^2 with t = ln N - center, fitted to the runs of one budget."""

    C: float
    N: np.ndarray
    L: np.ndarray
    D: np.ndarray
    coefficients: tuple[float, float, float]
    center: float

    def __call__(self, N: ArrayLike) -> Value:
        """L at N (same shape)."""
        t = np.log(positive(N, "N")) - self.center
        return plain(np.polynomial.polynomial.polyval(t, self.coefficients))

    @property
    def vertex(self) -> float:
        """The N of the minimum, or of the maximum of an inverted parabola."""
        _, c1, c2 = self.coefficients
        return math.exp(self.center - c1 / (2 * c2))


def _runs(
    params: ArrayLike, tokens: ArrayLike, loss: ArrayLike, flops: ArrayLike | None, k: float
) -> tuple[np.ndarray, ...]:
    """N, D, L and C as arrays. Raises ValueError if they are not equally long."""
    N, D, L = equally_long(params=params, tokens=tokens, loss=loss)
    C = k * N * D if flops is None else positive(flops, "flops")
    if C.shape != N.shape:
        raise ValueError(f"flops must hold one number for each of the {len(N)} runs")
    return N, D, L, C


def _mean_over_repeats(
    key: np.ndarray, *values: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The different keys, and the mean of each value over the rows that share one."""
    unique, place = np.unique(key, return_inverse=True)
    count = np.bincount(place.ravel())
    return unique, tuple(np.bincount(place.ravel(), v) / count for v in values)


def budgets_of(flops: ArrayLike) -> np.ndarray:
    """Number 0, 1, ... of the FLOP budget that each run belongs to, from small to large.

    Runs belong together if their FLOPs follow one another within 10 %. Raises ValueError if that
    chains runs together that lie more than 30 % apart: then they were not made on budgets.
    """
    C = np.log(positive(flops, "flops"))
    order = np.argsort(C, kind="stable")
    label = np.empty(len(C), dtype=int)
    label[order] = np.concatenate([[0], np.cumsum(np.diff(C[order]) > math.log1p(BUDGET_STEP))])
    for number in range(label.max() + 1):
        low, high = C[label == number].min(), C[label == number].max()
        if high - low > math.log(1.3):
            raise ValueError(
                f"the runs do not lie on separate FLOP budgets: from {math.exp(low):.3g} to "
                f"{math.exp(high):.3g} FLOPs there is no gap of 10 %. Use the envelope or the "
                "parametric fit, which need no budgets"
            )
    return label


def fit_isoflop(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike | None = None,
    k: float = 6.0,
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The minimum of a parabola at each FLOP budget (Hoffmann et al. 2022, approach 2).

    At each budget a parabola in ln N is fitted to the loss, seeds averaged first; its vertex is
    the best N, and a straight line in log-log through the vertices gives the exponents. A budget
    is refused, and `refused` says why, if it has fewer than 3 sizes, if its parabola opens
    downwards, or if the vertex lies outside its sizes.

    `flops` defaults to k N D. Intervals: a smooth surface through all runs stands in for the
    truth, noise of the size of the pooled residuals is added to it at the runs, and the procedure
    is repeated; by as much as it errs there, it may err here. Where the vertices scatter about the
    line by more than that explains, the draws are widened by as much. Raises ValueError on bad
    values, if the runs do not lie on budgets, and if fewer than 3 budgets are left.
    """
    rng = checked_bootstrap(bootstrap, seed)
    N, D, L, C = _runs(params, tokens, loss, flops, k)
    label = budgets_of(C)
    refused: list[str] = []
    kept: list[Parabola] = []
    residuals, freedom = 0.0, 0
    for number in range(label.max() + 1):
        here = label == number
        budget = math.exp(float(np.log(C[here]).mean()))
        sizes, (height, d) = _mean_over_repeats(N[here], L[here], np.log(D[here]))
        if len(sizes) < 3:
            refused.append(f"budget {budget:.3g}: only {len(sizes)} sizes, a parabola needs 3")
            continue
        center = float(np.log(sizes).mean())
        t = np.log(sizes) - center
        X = np.vander(t, 3, increasing=True)
        coefficients, *_ = np.linalg.lstsq(X, height, rcond=None)
        curve = Parabola(budget, sizes, height, np.exp(d), tuple(map(float, coefficients)), center)
        r = height - X @ coefficients
        if coefficients[2] <= 0:
            refused.append(f"budget {budget:.3g}: the parabola opens downwards")
        elif not sizes[0] <= curve.vertex <= sizes[-1]:
            refused.append(
                f"budget {budget:.3g}: the minimum at {curve.vertex:.3g} params lies outside the "
                f"sizes from {sizes[0]:.3g} to {sizes[-1]:.3g}"
            )
        else:
            kept.append(curve)
            # In shares of the loss, since noise goes with it.
            residuals += float(np.sum((r / height) ** 2))
            freedom += len(sizes) - 3
    if len(kept) < 3:
        raise ValueError(
            f"only {len(kept)} budgets have a minimum, and 3 are needed to fit a power law. "
            + (" ".join(f"{reason}." for reason in refused) or "Give runs at more budgets.")
        )
    if freedom == 0:
        raise ValueError(
            "every budget has exactly 3 sizes, so nothing is left to judge the noise by: give at "
            "least one budget a fourth size"
        )
    sigma = math.sqrt(residuals / freedom)
    noise = sigma * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))
    best = np.array([curve.vertex for curve in kept])
    log_C = np.log([curve.C for curve in kept])
    log_N = np.stack([_vertices(curve, noise, rng) for curve in kept], axis=1)
    tokens_at = np.array([float(_tokens(c, np.log([c.vertex]))[0]) for c in kept])
    point = np.concatenate([_lines(log_C, y[None])[0] for y in (np.log(best), tokens_at)])
    truths = _smooth_parabolas(kept)
    found = np.stack([_vertices(curve, noise, rng) for curve in truths], axis=1)
    truth = np.log([[curve.vertex for curve in truths]])
    draws = point + _both_lines(truths, log_C, truth) - _both_lines(truths, log_C, found)
    undecided = float(np.mean(np.isnan(draws).any(1)))
    draws = draws[~np.isnan(draws).any(1)]
    if len(draws) < 0.5 * bootstrap:
        raise ValueError(
            "the minima are lost in the noise: in most bootstrap draws fewer than 3 budgets keep "
            "one. Give more runs around each minimum"
        )
    draws = _widened(draws, point, log_C, np.log(best), log_N)
    return AllocationFit(
        method="isoflop",
        C=np.exp(log_C),
        N=best,
        D=np.exp(tokens_at),
        L=np.array([float(curve(curve.vertex)) for curve in kept]),
        a=float(point[1]),
        b=float(point[3]),
        log_k=(float(point[0]), float(point[2])),
        draws=draws,
        minima=log_N,
        curves=tuple(kept),
        refused=tuple(refused),
        status="converged" if undecided < 0.025 else "minima not identifiable",
    )


def _smooth(N: np.ndarray, C: np.ndarray, L: np.ndarray) -> np.ndarray:
    """ln L at the runs (ln N, ln C) by a smooth surface through all of them, shape (runs,).

    A polynomial of the total degree that Akaike's corrected criterion finds best. As the truth of
    simulated runs it is better than curves fitted to a few runs each: these carry the noise of
    the measurement, and noise added to noise overstates the scatter of minima.
    """
    x, y = ((v - v.mean()) / max(np.ptp(v) / 2, 1e-9) for v in (N, C))
    best, least = L, math.inf
    for degree in range(2, 7):
        powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        if len(L) < len(powers) + 4:
            break
        X = np.column_stack([x**i * y**j for i, j in powers])
        smooth = X @ np.linalg.lstsq(X, L, rcond=None)[0]
        score = _akaike(float(np.sum((L - smooth) ** 2)), len(L), len(powers))
        if score < least:
            best, least = smooth, score
    return best


def _akaike(squares: float, points: int, used: int) -> float:
    """Akaike's criterion, corrected for few points, of a least-squares fit."""
    correction = 2 * used * points / max(1, points - used - 1)
    return points * math.log(max(squares, 1e-30) / points) + correction


def _smooth_parabolas(curves: list[Parabola]) -> list[Parabola]:
    """The parabolas of a smooth surface at the same runs; the given ones where it has no minima."""
    counts = [len(curve.N) for curve in curves]
    L = _smooth(
        np.log(np.concatenate([curve.N for curve in curves])),
        np.repeat(np.log([curve.C for curve in curves]), counts),
        np.log(np.concatenate([curve.L for curve in curves])),
    )
    made = []
    for curve, part in zip(curves, np.split(np.exp(L), np.cumsum(counts)[:-1]), strict=True):
        t = np.log(curve.N) - curve.center
        fitted = np.linalg.lstsq(np.vander(t, 3, increasing=True), part, rcond=None)[0]
        smooth = replace(curve, L=part, coefficients=tuple(map(float, fitted)))
        if fitted[2] <= 0 or not curve.N[0] <= smooth.vertex <= curve.N[-1]:
            return curves
        made.append(smooth)
    return made


def _both_lines(curves: list[Parabola], log_C: np.ndarray, log_N: np.ndarray) -> np.ndarray:
    """Intercept and slope of ln N and of ln D against ln C, for minima ln N (rows, curves)."""
    log_D = np.stack([_tokens(curve, log_N[:, i]) for i, curve in enumerate(curves)], axis=1)
    return np.column_stack([_lines(log_C, log_N), _lines(log_C, log_D)])


def _vertices(curve: Parabola, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """ln N of the minimum for each draw of the noise; NaN where there is none among the sizes."""
    t = np.log(curve.N) - curve.center
    X = np.vander(t, 3, increasing=True)
    mean = X @ curve.coefficients
    drawn = mean * (1 + noise[:, None] * rng.standard_normal((len(noise), len(t))))
    c = drawn @ np.linalg.pinv(X).T
    with np.errstate(all="ignore"):
        vertex = -c[:, 1] / (2 * c[:, 2])
    lost = (c[:, 2] <= 0) | (vertex < t[0]) | (vertex > t[-1])
    return np.where(lost, np.nan, vertex + curve.center)


def _tokens(curve: Parabola, log_N: np.ndarray) -> np.ndarray:
    """ln D at these sizes of a budget, between and beyond those that were trained."""
    x, y = np.log(curve.N), np.log(curve.D)
    inside = np.interp(log_N, x, y)
    left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    inside = np.where(log_N < x[0], y[0] + left * (log_N - x[0]), inside)
    return np.where(log_N > x[-1], y[-1] + right * (log_N - x[-1]), inside)


def _lines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Intercept and slope of y against x for each row; NaN are left out, 3 points are needed."""
    seen = ~np.isnan(x + y)
    count = seen.sum(1)
    x, y = np.where(seen, x, 0.0), np.where(seen, y, 0.0)
    with np.errstate(all="ignore"):
        mean_x, mean_y = x.sum(1) / count, y.sum(1) / count
        dx = np.where(seen, x - mean_x[:, None], 0.0)
        slope = (dx * y).sum(1) / (dx**2).sum(1)
    slope = np.where(count >= 3, slope, np.nan)
    return np.column_stack([mean_y - slope * mean_x, slope])


def _widened(
    draws: np.ndarray,
    point: np.ndarray,
    log_C: np.ndarray,
    log_N: np.ndarray,
    minima: np.ndarray,
) -> np.ndarray:
    """The draws, widened where the minima miss the line by more than 95 % of noise would."""
    low, high = np.nanquantile(minima, (0.159, 0.841), axis=0)
    variance = ((high - low) / 2) ** 2
    residual = log_N - point[0] - point[1] * log_C
    freedom = len(log_C) - 2
    with np.errstate(all="ignore"):
        surplus = float(np.sum(residual**2 / variance))
    usual = float(chi2.ppf(0.95, freedom))
    if not math.isfinite(surplus) or surplus <= usual:
        return draws
    return point + (draws - point) * math.sqrt(surplus / usual)


def fit_envelope(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    flops: ArrayLike | None = None,
    k: float = 6.0,
    bootstrap: int = 4000,
    seed: int = 0,
) -> AllocationFit:
    """The lower envelope of the training curves (Hoffmann et al. 2022, approach 1).

    The runs of one size, seeds averaged, make a curve of loss against FLOPs, smoothed by a
    polynomial in log-log of the degree, up to 6, that Akaike's criterion finds best for all. Each
    size that takes its turn as the lowest, between a smaller and a larger one, gives one point:
    its N, and the middle (in log C) of the stretch on which it is best. A straight line in log-log
    through these points gives a and b. A size whose stretch is cut off by the end of a curve is
    refused, and `refused` says so.

    Intervals: a smooth surface through all runs stands in for the truth, noise of the size of the
    pooled residuals is added to it at the runs, and the envelope is found again; by as much as it
    errs there, it may err here. Where the points scatter about the line by more than that
    explains, the draws are widened by as much. Raises ValueError on bad values, if there are not
    enough points to judge the noise by, and if fewer than 3 sizes are left.
    """
    rng = checked_bootstrap(bootstrap, seed)
    N, D, L, C = _runs(params, tokens, loss, flops, k)
    refused: list[str] = []
    measured: list[tuple[float, np.ndarray, np.ndarray, np.ndarray]] = []
    for size in np.unique(N):
        here = size == N
        d, (c, log_L) = _mean_over_repeats(np.log(D[here]), np.log(C[here]), np.log(L[here]))
        if len(d) < 2:
            refused.append(f"{size:.3g} params: one point is no curve")
        else:
            measured.append((math.log(size), c, d, log_L))
    if len(measured) < 5:
        raise ValueError(
            f"the envelope needs curves (runs with two or more token counts) of at least 5 sizes, "
            f"got {len(measured)}"
        )
    curves = _smoothed(measured)
    freedom = sum(curve.freedom for curve in curves)
    sigma = math.sqrt(sum(curve.squares for curve in curves) / freedom)
    grid = np.linspace(min(c.C[0] for c in curves), max(c.C[-1] for c in curves), 400)
    turns = _Turns(curves, grid)
    middles, cut = turns.middles(np.stack([curve.smooth(grid) for curve in curves])[None])
    middle = middles[0]
    for number in np.flatnonzero(cut[0]):
        at_end = number in (0, len(curves) - 1)
        reason = "its turn is cut off by the end of a neighbour's curve"
        refused.append(
            f"{math.exp(curves[number].N):.3g} params: "
            + ("the last size on its side" if at_end else reason)
        )
    kept = np.flatnonzero(~np.isnan(middle))
    if len(kept) < 3:
        raise ValueError(
            f"only {len(kept)} sizes take their turn on the envelope between two others, and 3 "
            "are needed to fit a power law. " + " ".join(f"{reason}." for reason in refused)
        )
    n = np.array([curves[i].N for i in kept])
    d = np.array([float(np.interp(middle[i], curves[i].C, curves[i].D)) for i in kept])
    best = np.array([float(curves[i].smooth(middle[[i]])[0]) for i in kept])
    noise = sigma * np.sqrt(freedom / rng.chisquare(freedom, bootstrap))
    truths = _smooth_curves(measured, curves)
    true_middle = turns.middles(np.stack([curve.smooth(grid) for curve in truths])[None])[0]
    if np.isnan(true_middle[0, kept]).any():
        truths, true_middle = curves, middles
    drawn = np.concatenate(
        [
            turns.middles(np.stack([curve.drawn(grid, part, rng) for curve in truths], axis=1))[0]
            for part in np.array_split(noise, max(1, bootstrap // 100))
        ]
    )
    sizes = np.array([curve.N for curve in curves])
    both = np.concatenate([_lines(middle[kept], y[None])[0] for y in (n, d)])

    def lines(middles: np.ndarray) -> np.ndarray:
        tokens = [np.interp(middles[:, i], c.C, c.D) for i, c in enumerate(curves)]
        return np.column_stack(
            [_lines(middles, sizes[None]), _lines(middles, np.stack(tokens, axis=1))]
        )

    draws = both + lines(true_middle) - lines(drawn)
    undecided = float(np.mean(np.isnan(draws).any(1)))
    draws = draws[~np.isnan(draws).any(1)]
    if len(draws) < 0.5 * bootstrap:
        raise ValueError(
            "the envelope is lost in the noise: in most bootstrap draws fewer than 3 sizes take "
            "their turn. Give longer or more curves"
        )
    # As if N were what is uncertain.
    shifted = n + (drawn[:, kept] - true_middle[0, kept]) * both[1]
    draws = _widened(draws, both, middle[kept], n, shifted)
    return AllocationFit(
        method="envelope",
        C=np.exp(middle[kept]),
        N=np.exp(n),
        D=np.exp(d),
        L=np.exp(best),
        a=float(both[1]),
        b=float(both[3]),
        log_k=(float(both[0]), float(both[2])),
        draws=draws,
        minima=shifted,
        curves=(),
        refused=tuple(refused),
        status="converged" if undecided < 0.025 else "envelope not identifiable",
    )


def _smoothed(measured: list[tuple[float, np.ndarray, np.ndarray, np.ndarray]]) -> list[_Curve]:
    """Curves of one degree: that with the least corrected Akaike criterion over all of them."""
    points = sum(len(c) for _, c, _, _ in measured)
    best, least = None, math.inf
    for degree in range(1, 7):
        curves = [_Curve(*values, degree) for values in measured]
        freedom = sum(curve.freedom for curve in curves)
        if freedom < 2:
            continue
        squares = sum(curve.squares for curve in curves)
        if (score := _akaike(squares, points, points - freedom + 1)) < least:
            best, least = curves, score
    if best is None:
        raise ValueError("the curves have too few points to judge their noise by: give more each")
    return best


def _smooth_curves(
    measured: list[tuple[float, np.ndarray, np.ndarray, np.ndarray]], curves: list[_Curve]
) -> list[_Curve]:
    """The curves of a smooth surface through all runs, smoothed like the given ones."""
    counts = [len(c) for _, c, _, _ in measured]
    L = _smooth(
        np.repeat([N for N, *_ in measured], counts),
        np.concatenate([C for _, C, _, _ in measured]),
        np.concatenate([L for *_, L in measured]),
    )
    return [
        _Curve(N, C, D, part, curve.degree)
        for (N, C, D, _), part, curve in zip(
            measured, np.split(L, np.cumsum(counts)[:-1]), curves, strict=True
        )
    ]


class _Curve:
    """The smoothed training curve of one size: ln L against ln C."""

    def __init__(self, N: float, C: np.ndarray, D: np.ndarray, L: np.ndarray, degree: int) -> None:
        self.N, self.C, self.D = N, C, D
        degree = min(degree, max(1, len(C) // 2))
        self.center, self.reach = (C[0] + C[-1]) / 2, max(C[-1] - C[0], 1e-9) / 2
        self.degree = degree
        X = self._powers(C)
        self.solve = np.linalg.pinv(X)
        self.mean = X @ (self.solve @ L)
        self.squares = float(np.sum((L - self.mean) ** 2))
        self.freedom = len(C) - degree - 1
        self.coefficients = self.solve @ L

    def _powers(self, at: np.ndarray) -> np.ndarray:
        t = (at - self.center) / self.reach
        return np.vander(t, self.degree + 1, increasing=True)

    def smooth(self, grid: np.ndarray) -> np.ndarray:
        """ln L on the grid; NaN beyond the ends of the curve."""
        value = self._powers(grid) @ self.coefficients
        return np.where(self.covers(grid), value, np.nan)

    def covers(self, grid: np.ndarray) -> np.ndarray:
        return (grid >= self.C[0] - SAME_END) & (grid <= self.C[-1] + SAME_END)

    def drawn(self, grid: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The curve measured anew, once for each size of the noise, shape (draws, grid)."""
        again = self.mean + noise[:, None] * rng.standard_normal((len(noise), len(self.mean)))
        value = (again @ self.solve.T) @ self._powers(grid).T
        return np.where(self.covers(grid), value, np.nan)


class _Turns:
    """Where each curve takes its turn as the lowest."""

    def __init__(self, curves: list[_Curve], grid: np.ndarray) -> None:
        self.grid = grid
        covered = np.stack([curve.covers(grid) for curve in curves])
        between = np.zeros_like(covered)
        between[1:-1] = covered[:-2] & covered[2:]
        # What was measured ends there: a turn that lasts so long is cut off.
        between[:, 1:-1] &= between[:, :-2] & between[:, 2:]
        between[:, [0, -1]] = False
        self.covered, self.between = covered, between

    def middles(self, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ln C in the middle of each curve's turn, and whether the turn is cut off.

        height: ln L, shape (draws, sizes, grid); both results have shape (draws, sizes). A turn
        that is cut off by the end of one of the two neighbouring curves does not count: its
        middle is NaN, as is that of a curve without a turn.
        """
        filled = np.where(np.isnan(height), np.inf, height)
        winner = filled.argmin(1)
        found = np.full(height.shape[:2], np.nan)
        cut = np.zeros(height.shape[:2], dtype=bool)
        any_curve = self.covered.any(0)
        for number in range(height.shape[1]):
            won = (winner == number) & any_curve
            cut[:, number] = (won & ~self.between[number]).any(1)
            count = won.sum(1)
            whole = ~cut[:, number] & (count > 0)
            with np.errstate(all="ignore"):
                found[:, number] = np.where(whole, won @ self.grid / count, np.nan)
        return found, cut
