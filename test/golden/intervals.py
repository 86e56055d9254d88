"""Reference values for intervals and tests in test/core/statistics, from NumPy, SciPy and statsmodels. Writes
intervals.json beside it. Resampled figures carry their number of resamples; the rest is exact."""

import itertools
import json
import pathlib

import numpy as np
import pandas as pd
import scipy
import statsmodels
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import optimize, stats
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20260107)


def distributions():
    z = [-6.5, -1, 0, 0.3, 1.96, 2.99, 3.01, 8, 20]
    p = [1e-12, 1e-6, 0.02, 0.3, 0.5, 0.975, 0.9999]
    df = [1, 2, 3, 7.5, 23, 44, 1000]
    shapes = [(0.5, 4), (7, 6), (12, 1), (1, 12), (0.3, 0.2), (400, 3.7), (2.5, 900)]
    return {
        "z": z, "tail": stats.norm.sf(z).tolist(),
        "p": p, "normal": stats.norm.ppf(p).tolist(),
        "df": df, "student": [stats.t.ppf(p, d).tolist() for d in df],
        "shapes": shapes, "beta": [stats.beta.ppf(p, a, b).tolist() for a, b in shapes],
        "x": [0.01, 0.2, 0.5, 0.9, 0.999],
        "beta_cdf": [stats.beta.cdf([0.01, 0.2, 0.5, 0.9, 0.999], a, b).tolist() for a, b in shapes],
    }


def clustered_share(patients):
    """Korn and Graubard's interval; the variance between patients is statsmodels' cluster-robust one of a mean."""
    sizes = rng.integers(1, 7, patients)
    rate = rng.beta(2, 1, patients)
    hits = [rng.binomial(n, r) for n, r in zip(sizes, rate)]
    y = np.concatenate([[1] * h + [0] * (n - h) for h, n in zip(hits, sizes)])
    group = np.repeat(np.arange(patients), sizes)
    fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": group})
    p, variance, n = float(fit.params[0]), float(fit.bse[0]) ** 2, len(y)
    effect = variance / (p * (1 - p) / (n - 1))
    ratio = stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, patients - 1)
    effective = n / max(1, effect) * ratio**2
    x = p * effective
    return {
        "hits": [int(h) for h in hits], "images": sizes.tolist(), "value": p, "variance": variance,
        "effective": effective,
        "low": stats.beta.ppf(0.025, x, effective - x + 1), "high": stats.beta.ppf(0.975, x + 1, effective - x),
    }


def exact_shares():
    counts = [(0, 12), (12, 12), (7, 12), (8, 12), (20, 20), (1, 45), (6, 6)]
    return [{"hits": k, "patients": n, "ends": list(proportion_confint(k, n, method="beta"))} for k, n in counts]


def clustered_auc(patients, images, mixed, skill):
    """Obuchowski's variance by brute force over all pairs, Newcombe's fifth interval by root finding."""
    patient = np.repeat(np.arange(patients), images)
    positive = (np.arange(patients * images) % 2 == 0) if mixed else patient % 2 == 0
    score = np.round(rng.normal(size=patients)[patient] + rng.normal(size=len(patient)) + skill * positive, 1)
    x, y = score[positive], score[~positive]
    won = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    auc, m, n = won.mean(), len(x), len(y)
    i10, i01 = len(set(patient[positive])), len(set(patient[~positive]))
    ids = range(patients)
    v10 = np.array([(won.mean(1)[patient[positive] == i] - auc).sum() for i in ids])
    v01 = np.array([(won.mean(0)[patient[~positive] == i] - auc).sum() for i in ids])
    s10, s01 = i10 / (i10 - 1) / m * (v10**2).sum(), i01 / (i01 - 1) / n * (v01**2).sum()
    s11 = patients / (patients - 1) * (v10 * v01).sum()
    variance = s10 / m + s01 / n + 2 * s11 / (m * n)
    star = (m + n) / 2 - 1
    model = lambda t: t * (1 - t) / (m * n) * (1 + star * (1 - t) / (2 - t) + star * t / (1 + t))
    ratio = 1 if images == 1 else stats.t.ppf(0.975, patients - 2) / stats.t.ppf(0.975, m + n - 2)
    factor = stats.norm.ppf(0.975) ** 2 * max(1, variance / model(auc)) * ratio**2
    gap = lambda t: (t - auc) ** 2 - factor * model(t)
    return {
        "score": score.tolist(), "positive": positive.tolist(), "patient": patient.tolist(),
        "auc": auc, "variance": variance,
        "low": optimize.brentq(gap, 1e-12, auc, xtol=1e-13), "high": optimize.brentq(gap, auc, 1 - 1e-12, xtol=1e-13),
    }


def hall(u, g, n):
    return np.sqrt(n) * (u + g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n))


def bootstrap_max_t(table, resamples=100_000):
    n, k = table.shape
    d = np.stack([table[:, a] - table[:, b] for a, b in itertools.combinations(range(k), 2)], 1)
    u = lambda x, mean: (x.mean(-2) - mean) / x.std(-2, ddof=1)
    t, g = np.sqrt(n) * np.abs(u(d, 0)), stats.skew(d, axis=0)
    skewed = np.abs(hall(u(d, 0), g, n))
    largest, largest_skewed = [], []
    for _ in range(resamples // 1000):
        x = d[rng.integers(0, n, (1000, n))]
        v = u(x, d.mean(0))
        largest.append((np.sqrt(n) * np.abs(v)).max(1))
        largest_skewed.append(np.abs(hall(v, stats.skew(x, axis=1), n)).max(1))
    largest, largest_skewed = np.concatenate(largest), np.concatenate(largest_skewed)
    return {
        "table": table.tolist(), "resamples": resamples,
        "p": [(largest >= v).mean() for v in t], "p_skew": [(largest_skewed >= v).mean() for v in skewed],
        "reach": np.quantile(largest, 0.95),
    }


def ratio_bootstrap_t(patients, resamples=200_000):
    """Of the mean over images that are clustered in patients."""
    images = rng.integers(1, 6, patients)
    sums = np.round(images * 0.2 + 0.1 * images * rng.exponential(size=patients), 3)
    value = sums.sum() / images.sum()
    at = rng.integers(0, patients, (resamples, patients))
    s, w = sums[at], images[at]
    ratio = s.sum(1) / w.sum(1)
    se = lambda s, w, r: np.sqrt(((s - r * w) ** 2).sum(-1) * patients / (patients - 1)) / w.sum(-1)
    t = (ratio - value) / se(s, w, ratio[:, None])
    own = se(sums, images, value)
    return {
        "sums": sums.tolist(), "images": images.tolist(), "resamples": resamples,
        "low": value - np.quantile(t, 0.975) * own, "high": value - np.quantile(t, 0.025) * own,
    }


def detectable():
    """Differences in units of their standard deviation that a paired t test finds with power .8 (non-central t)."""
    cases = [(12, 1), (24, 6), (45, 15), (120, 3)]
    return [
        {"patients": n, "pairs": m,
         "effect": TTestPower().solve_power(nobs=n, alpha=0.05 / m, power=0.8, alternative="two-sided")}
        for n, m in cases
    ]


def across_seeds(seeds, patients):
    """Mean squares by statsmodels' analysis of variance."""
    values = np.round(0.4 + rng.normal(size=(seeds, 1)) * 0.2 + rng.normal(size=patients) * 0.5
                      + 0.3 * rng.normal(size=(seeds, patients)), 3)
    seed, patient = np.indices(values.shape)
    data = pd.DataFrame({"y": values.ravel(), "seed": seed.ravel(), "patient": patient.ravel()})
    squares = anova_lm(smf.ols("y ~ C(seed) + C(patient)", data).fit())["sum_sq"]
    s, p = values.shape
    of_seeds, of_patients = squares["C(seed)"] / (s - 1), squares["C(patient)"] / (p - 1)
    error = squares["Residual"] / (s - 1) / (p - 1)
    rest = max(0, of_patients - error)
    total = of_seeds + rest
    df = total**2 / (of_seeds**2 / (s - 1) + rest**2 / (p - 1))
    se, mean = np.sqrt(total / s / p), values.mean()
    return {"values": values.tolist(), "mean": mean, "df": df, "p": 2 * stats.t.sf(abs(mean / se), df),
            "low": mean - stats.t.ppf(0.975, df) * se, "high": mean + stats.t.ppf(0.975, df) * se}


adjusted = [0.01, 0.2, 0.04, 0.03, 0.04, 0.9]
skew = np.round(rng.lognormal(size=17), 3)
reference = {
    "made_with": {
        "script": "test/golden/intervals.py",
        "numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
    },
    "distributions": distributions(),
    "exact_shares": exact_shares(),
    "clustered_shares": [clustered_share(9), clustered_share(24)],
    "aucs": [clustered_auc(20, 1, False, 1), clustered_auc(14, 4, False, 1.5), clustered_auc(12, 3, True, 0.8)],
    "bootstrap_max_t": [
        bootstrap_max_t(np.round(rng.normal(size=(24, 4)) + [0, 0.2, 0.5, 0.9], 3)),
        bootstrap_max_t(np.round(np.column_stack([rng.lognormal(size=(15, 2)), np.full(15, 1.6)]), 3)),
    ],
    "ratio_bootstrap_t": ratio_bootstrap_t(18),
    "skewness": {"values": skew.tolist(), "expected": stats.skew(skew, bias=False)},
    "detectable": detectable(),
    "seeds": [across_seeds(5, 12), across_seeds(3, 20)],
    "holm": {"p": adjusted, "expected": multipletests(adjusted, method="holm")[1].tolist()},
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(reference, separators=(",", ":"), default=float) + "\n")
