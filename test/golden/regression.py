"""Writes regression.json: weighted ridge and lasso by scikit-learn. Usage: python regression.py"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import Lasso, Ridge

rng = np.random.default_rng(3)
n, p = 24, 5
X = rng.integers(0, 2, (n, p)).astype(float)
y = np.round(X @ np.array([1.2, -0.7, 0, 0.3, 0]) + 0.2 * rng.normal(size=n), 6)
w = np.round(rng.uniform(0.05, 1, n), 6)


def fitted(model, alpha):
    model.fit(X, y, sample_weight=w)
    return dict(
        alpha=alpha,
        coefficients=model.coef_.tolist(),
        intercept=float(model.intercept_),
        r2=float(model.score(X, y, sample_weight=w)),
    )


out = dict(
    tool=f"scikit-learn {sklearn.__version__}",
    script="regression.py",
    design=X.astype(int).tolist(),
    targets=y.tolist(),
    weights=w.tolist(),
    ridge=[fitted(Ridge(alpha=a), a) for a in (0.01, 1, 5)],
    lasso=[fitted(Lasso(alpha=a, tol=1e-12, max_iter=100_000), a) for a in (0.001, 0.01, 0.1)],
)
pathlib.Path(__file__).with_name("regression.json").write_text(json.dumps(out, indent=1))
