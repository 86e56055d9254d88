"""Values of Quantus for maps that can be written down: python maps.py > maps.json

Needs quantus 0.6.0. The map of side S is sin(1.7 i + 0.3) + 1.5 exp(−((y − 5)² + (x − 6.5)²) / 6), over its
largest magnitude; `positive` is its magnitude. The
mask has ones in rows and columns 3 to 6. Options: normalise=False, abs=False.
"""
import json
import warnings

import numpy as np
import quantus

warnings.filterwarnings("ignore")
S = 12
i = np.arange(S * S)
bump = np.exp(-((i // S - 5) ** 2 + (i % S - 6.5) ** 2) / 6)
a = (np.sin(1.7 * i + 0.3) + 1.5 * bump).astype(np.float32)
a = (a / np.abs(a).max()).reshape(1, 1, S, S)
mask = np.zeros((1, 1, S, S), dtype=bool)
mask[..., 3:7, 3:7] = True
x = np.ones((1, 1, S, S), dtype=np.float32)
y = np.zeros(1, dtype=int)
plain = dict(normalise=False, abs=False, disable_warnings=True)


def value(metric, attribution):
    found = metric(model=None, x_batch=x, y_batch=y, a_batch=attribution, s_batch=mask, device="cpu")
    return float(np.asarray(found).ravel()[0])


out = {"tool": "quantus", "version": quantus.__version__, "side": S, "values": {}}
for name, attribution in (("signed", a), ("positive", np.abs(a))):
    out["values"][name] = {
        "rank-accuracy": value(quantus.RelevanceRankAccuracy(**plain), attribution),
        "auc": value(quantus.AUC(**plain), attribution),
        "pointing-game": value(quantus.PointingGame(**plain), attribution),
        "relevance-mass": value(quantus.RelevanceMassAccuracy(**plain), attribution),
        "sparseness": value(quantus.Sparseness(**{**plain, "abs": True}), attribution),
        "entropy": value(quantus.Complexity(**{**plain, "abs": True}), attribution),
        "effective-complexity": value(quantus.EffectiveComplexity(**{**plain, "abs": True}), attribution),
    }
print(json.dumps(out, indent=2))
