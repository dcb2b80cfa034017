"""The classic mistakes: code in place of the reference, the questions lost, and what is said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A wrong solution."""

    what: str
    cells: dict[str, str]
    lost: frozenset[str]
    said: str


def mistake(what: str, cells: dict[str, str], lost: str, said: str) -> Mistake:
    return Mistake(what, cells, frozenset(lost.split()), said)


POWER_LAWS = (
    mistake(
        "the slope with its sign",
        {"q1": "def exponent(x, y):\n    return np.polyfit(np.log(x), np.log(y), 1)[0]"},
        "q1-test q8-value",
        "alpha is minus the slope",
    ),
    mistake(
        "a price without the floor",
        {"q2": "def price(loss, share, alpha, E=0.0):\n    return (1 - share) ** (-1 / alpha)"},
        "q2-test",
        "the floor is missing",
    ),
    mistake(
        "the scatter of one run for that of the mean",
        {
            "q3": "g = ladder.groupby('params').loss\n"
            "by_size = pd.DataFrame({'loss': g.mean(), 'error': g.std()}).reset_index()"
        },
        "q3-test",
        "The mean of four is surer",
    ),
    mistake(
        "no floor",
        {
            "q4": "fit = fit_power_law(by_size.params, by_size.loss)\n"
            "alpha, E = fit.law.alpha, fit.law.E"
        },
        "q4-test q5-test q6-test",
        "the floor is missing",
    ),
    mistake(
        "half of the reach",
        {"q7": "def half_way(A, alpha, E):\n    return (E / A) ** (1 / alpha)"},
        "q7-test",
        "turned over",
    ),
    mistake(
        "a cutoff that looks at its answer",
        {
            "q8": "def keep(table):\n"
            "    good = (table.warmup / table.steps < 0.25).to_numpy()\n"
            "    u, v = np.log(table.params), np.log(table.loss)\n"
            "    line = np.polyfit(u[good], v[good], 1)\n"
            "    return good & (abs(v - np.polyval(line, u)) < 0.012).to_numpy()\n"
            "counted = early[keep(early)]\n"
            "alpha_kept = exponent(counted.params, counted.loss)"
        },
        "q8-test q8-value",
        "your cutoff looks at its answer",
    ),
    mistake(
        "straight because not bent",
        {
            "q9": "def bend(x, y):\n"
            "    from scipy.stats import t\n"
            "    (q, *_), c = np.polyfit(np.log(x), np.log(y), 2, cov=True)\n"
            "    r = t.ppf(0.975, len(x) - 3) * c[0, 0] ** 0.5\n"
            "    return q, q - r, q + r\n"
            "verdicts = {}\n"
            "for name in ('amber', 'birch', 'cedar'):\n"
            "    q, low, high = bend(data[name].params, data[name].loss)\n"
            "    verdicts[name] = 'bent' if low > 0 or high < 0 else 'straight'"
        },
        "q9-verdicts",
        "no proof that there is none",
    ),
)

KAPLAN_AND_CHINCHILLA = (
    mistake(
        "the table counted twice",
        {
            "q1": "def count(width, depth, vocab):\n"
            "    blocks = 12 * depth * width**2\n"
            "    return blocks, blocks + 2 * vocab * width"
        },
        "q1-test q2-test q4-test q5-value q6-test",
        "the table is tied",
    ),
    mistake(
        "the way forward only",
        {
            "q2": "def flops(width, depth, vocab, tokens):\n"
            "    return 2 * count(width, depth, vocab)[1] * tokens"
        },
        "q2-test",
        "the way forward only",
    ),
    mistake(
        "the mean for the sum",
        {
            "q3": "def objective(theta, N, D, L):\n"
            "    a, b, e, al, be = theta\n"
            "    f = np.exp(a - al * np.log(N)) + np.exp(b - be * np.log(D)) + np.exp(e)\n"
            "    r = abs(np.log(f) - np.log(L))\n"
            "    return np.where(r <= 1e-3, r**2 / 2, 1e-3 * (r - 5e-4)).mean()"
        },
        "q3-test",
        "the mean for the sum",
    ),
    mistake(
        "the wrong convention of parameters",
        {
            "q4": "N = count(runs.width, runs.depth, vocab)[0]\n"
            "fit = fit_chinchilla(N, runs.tokens, runs.loss, bootstrap=100)\n"
            "law = {k: fit.value(k) for k in ('E', 'A', 'alpha', 'B', 'beta')}"
        },
        "q4-test q5-value",
        "the wrong convention",
    ),
    mistake(
        "the exponents exchanged",
        {
            "q5": "def best(C, E, A, alpha, B, beta):\n"
            "    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))\n"
            "    N = G * (C / 6) ** (alpha / (alpha + beta))\n"
            "    return N, C / 6 / N\n"
            "a_law = law['alpha'] / (law['alpha'] + law['beta'])"
        },
        "q5-test q5-value",
        "the exponents are exchanged",
    ),
    mistake(
        "the best of the sizes that were run",
        {
            "q6": "each = np.array(sorted(budgets.flops.unique()))\n"
            "minima = []\n"
            "for C in each:\n"
            "    part = budgets[budgets.flops == C]\n"
            "    n = count(part.width, part.depth, vocab)[1]\n"
            "    minima.append(float(n[part.loss.idxmin()]))\n"
            "a_valley = np.polyfit(np.log(each), np.log(minima), 1)[0]"
        },
        "q6-test q7-test",
        "the best of the sizes that were run",
    ),
    mistake(
        "the budget left in the other count",
        {
            "q7": "found = []\n"
            "for C, N in zip(each, minima):\n"
            "    part = budgets[budgets.flops == C]\n"
            "    b, n = count(part.width.to_numpy(), part.depth.to_numpy(), vocab)\n"
            "    o = np.argsort(n)\n"
            "    found.append(np.interp(math.log(N), np.log(n)[o], np.log(b)[o]))\n"
            "a_blocks = np.polyfit(np.log(each), found, 1)[0]"
        },
        "q7-test",
        "only the size was counted anew",
    ),
)

EMERGENCE_AND_MARKS = (
    mistake(
        "the textbook interval",
        {
            "q1": "def wilson(right, n):\n"
            "    p = right / n\n"
            "    r = 1.96 * (p * (1 - p) / n) ** 0.5\n"
            "    return p - r, p + r"
        },
        "q1-test",
        "the textbook interval",
    ),
    mistake(
        "one over p",
        {"q2": "def enough(p, chance=0.95):\n    return math.ceil(1 / p)"},
        "q2-test",
        "one right answer is expected",
    ),
    mistake(
        "questions for independent draws",
        {
            "q4": "n, k = exam.questions.sum(), exam.right.sum()\n"
            "p = k / n\n"
            "r = 1.96 * (p * (1 - p) / n) ** 0.5\n"
            "mean_share = (p, p - r, p + r)"
        },
        "q4-test",
        "taken for independent",
    ),
    mistake(
        "one seed for a jump",
        {
            "q5": "def learned(table):\n"
            "    one = table[table.seed == 0].sort_values('params')\n"
            "    return (one.score > 0.5).astype(float).to_numpy()\n"
            "def threshold(table):\n"
            "    one = table[table.seed == 0].sort_values('params')\n"
            "    i = int(np.argmax(one.score.to_numpy() > 0.5))\n"
            "    pair = slice(i - 1, i + 1)\n"
            "    u = np.log(one.params.to_numpy())\n"
            "    return float(np.exp(np.interp(0.5, one.score.to_numpy()[pair], u[pair])))\n"
            "turn = threshold(lottery)"
        },
        "q5-test q5-value",
        "your jump comes from one seed",
    ),
    mistake(
        "a jump because exact match jumps",
        {
            "q7": "def sharpness(x, m):\n"
            "    m = np.asarray(m, float)\n"
            "    return abs(np.diff(m)).max() / np.ptp(m)\n"
            "verdicts = {'maple': 'model', 'olive': 'model'}"
        },
        "q7-test q7-verdicts",
        "The strict score made the jump",
    ),
    mistake(
        "the observed share in 1 - (1 - p)^k",
        {"q8": "def pass_at(k, n, c):\n    return 1 - (1 - c / n) ** k"},
        "q8-test",
        "too low on average",
    ),
    mistake(
        "the plain total",
        {"q9": "balanced = stories.right.sum() / stories.n.sum()"},
        "q9-test",
        "the frequent kinds decide",
    ),
)

WALLS_AND_PLANNING = (
    mistake(
        "the first reading counted as a repetition",
        {
            "q1": "def worth(unique, epochs, R_star):\n"
            "    return unique + unique * R_star * (1 - np.exp(-epochs / R_star))"
        },
        "q1-test q2-test",
        "the ration is worth itself",
    ),
    mistake(
        "repetitions for epochs",
        {"q3": "def last_epoch(share, R_star):\n    return R_star * math.log(1 / share)"},
        "q3-test",
        "the first reading is an epoch too",
    ),
    mistake(
        "two FLOPs for six",
        {
            "q4": "def bill(N, D, dollars_per_hour, peak_flops, utilisation, watts):\n"
            "    h = 2 * N * D / (peak_flops * utilisation) / 3600\n"
            "    return h, h * dollars_per_hour, h * watts / 1000"
        },
        "q4-test",
        "the way forward only",
    ),
    mistake(
        "nobody uses it",
        {
            "q5": "def cheapest(loss, served, E, A, alpha, B, beta):\n"
            "    s = 1 + alpha / beta\n"
            "    N = (A * s / (loss - E)) ** (1 / alpha)\n"
            "    return N, (B / (loss - E - A * N**-alpha)) ** (1 / beta)"
        },
        "q5-test",
        "the best model for training alone",
    ),
    mistake(
        "one seed for an idea",
        {
            "q6": "def multiplier(C):\n"
            "    one, lines = idea[idea.seed == 0], {}\n"
            "    for r in ('base', 'idea'):\n"
            "        p = one[one.recipe == r]\n"
            "        lines[r] = np.polyfit(np.log(p.flops), np.log(p.loss), 1)\n"
            "    y = np.polyval(lines['idea'], math.log(C))\n"
            "    return math.exp((y - lines['base'][1]) / lines['base'][0]) / C\n"
            "M_near, M_far = multiplier(1e18), multiplier(1e21)"
        },
        "q6-test",
        "one seed",
    ),
    mistake(
        "a score without the width",
        {
            "q7": "def interval_score(low, high, came_out, level=0.8):\n"
            "    return 2 / (1 - level) * max(low - came_out, came_out - high, 0.0)"
        },
        "q7-test",
        "the width is missing",
    ),
    mistake(
        "the middle of each range",
        {
            "q9": "y = text['start'] + (text['stock'] - text['used']) / text['growth']\n"
            "years = [y, y, y]"
        },
        "q9-test",
        "the doubt left out",
    ),
)

MISTAKES = {
    "power-laws": POWER_LAWS,
    "kaplan-and-chinchilla": KAPLAN_AND_CHINCHILLA,
    "emergence-and-marks": EMERGENCE_AND_MARKS,
    "walls-and-planning": WALLS_AND_PLANNING,
}
