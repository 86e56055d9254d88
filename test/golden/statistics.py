"""Reference values for test/core/statistics, from NumPy, SciPy and scikit-learn. Writes statistics.json beside it."""

import itertools
import json
import pathlib

import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn import metrics

rng = np.random.default_rng(20240611)


def clusters(patients, methods):
    effect = rng.normal(size=(patients, 1))
    return np.round(effect + rng.normal(size=(patients, methods)) + 0.45 * np.arange(methods), 4)


def max_t(table):
    """All sign patterns by brute force, with the t statistic as written in textbooks."""
    n, k = table.shape
    pairs = list(itertools.combinations(range(k), 2))
    d = np.stack([table[:, a] - table[:, b] for a, b in pairs], 1)
    t = lambda x: x.mean(0) / (x.std(0, ddof=1) / np.sqrt(n))
    signs = np.array(list(itertools.product([1, -1], repeat=n)))
    largest = np.array([np.abs(t(d * s[:, None])).max() for s in signs])
    observed = t(d)
    p = [(largest >= abs(o) * (1 - 1e-10)).mean() for o in observed]
    single = [
        scipy.stats.permutation_test(
            (d[:, i],), lambda x, axis: x.mean(axis), permutation_type="samples", n_resamples=np.inf
        ).pvalue
        for i in range(1)
    ]
    return {"table": table.tolist(), "t": observed.tolist(), "p": p, "p_first_pair_alone": single[0]}


def bootstrap_t(values, resamples=200_000):
    n = len(values)
    mean, se = values.mean(), values.std(ddof=1) / np.sqrt(n)
    x = rng.choice(values, size=(resamples, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (x.mean(1) - mean) / (x.std(1, ddof=1) / np.sqrt(n))
    t = t[np.isfinite(t)]
    low, high = mean - np.quantile(t, 0.975) * se, mean - np.quantile(t, 0.025) * se
    return {"values": values.tolist(), "mean": mean, "low": low, "high": high, "resamples": resamples}


def binary(n):
    label = rng.integers(0, 2, n)
    p = np.round(1 / (1 + np.exp(-(1.2 * (label - 0.5) + rng.normal(size=n)))), 2)  # rounded: ties
    predicted = (p > 0.5).astype(int)
    bins = np.minimum((p * 10).astype(int), 9)
    ece = sum((bins == b).mean() * abs(p[bins == b].mean() - label[bins == b].mean()) for b in set(bins))
    return {
        "label": label.tolist(),
        "probability": p.tolist(),
        "accuracy": metrics.accuracy_score(label, predicted),
        "sensitivity": metrics.recall_score(label, predicted),
        "specificity": metrics.recall_score(label, predicted, pos_label=0),
        "auc": metrics.roc_auc_score(label, p),
        "brier": metrics.brier_score_loss(label, p),
        "ece": ece,
        "confusion": metrics.confusion_matrix(label, predicted).tolist(),
    }


def multiclass(n, k):
    label = rng.integers(0, k, n)
    z = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[label]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return {
        "label": label.tolist(),
        "probabilities": p.tolist(),
        "accuracy": metrics.accuracy_score(label, p.argmax(1)),
        "sensitivity": metrics.recall_score(label, p.argmax(1), average="macro"),
        "auc": metrics.roc_auc_score(label, p, multi_class="ovr", average="macro"),
        "brier": float(((p - np.eye(k)[label]) ** 2).sum(1).mean()),
        "confusion": metrics.confusion_matrix(label, p.argmax(1)).tolist(),
    }


x = np.round(rng.normal(size=23), 1)
y = np.round(0.5 * x + rng.normal(size=23), 1)
reference = {
    "made_with": {
        "script": "test/golden/statistics.py",
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    },
    "quantile": {"values": x.tolist(), "q": [0, 0.025, 0.3, 0.5, 0.95, 1],
                 "expected": np.quantile(x, [0, 0.025, 0.3, 0.5, 0.95, 1]).tolist()},
    "correlation": {"x": x.tolist(), "y": y.tolist(), "ranks": scipy.stats.rankdata(x).tolist(),
                    "pearson": scipy.stats.pearsonr(x, y)[0], "spearman": scipy.stats.spearmanr(x, y)[0]},
    "max_t": [max_t(clusters(10, 4)), max_t(clusters(12, 3))],
    "bootstrap_t": [bootstrap_t(np.round(rng.normal(size=20), 3)), bootstrap_t(np.round(rng.lognormal(size=45), 3))],
    "binary": binary(60),
    "multiclass": multiclass(70, 4),
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(reference, separators=(",", ":"), default=float) + "\n")
