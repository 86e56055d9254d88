"""
Recomputes truth.csv of `ct-xai phantom --model …` from the exported pairs, with another reader (nibabel or pydicom),
another resampling (PyTorch) and plain ONNX Runtime, and says how far the effects are apart.

  ct-xai phantom --out DIR --model models/phantom-cnn
  python tools/phantom-truth.py DIR models/phantom-cnn

Needs numpy, pandas, pyyaml, torch, onnxruntime, and nibabel or pydicom. For models whose card has a window in HU and
stretches images to its size.
"""

import sys
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pandas as pd
import torch
import yaml


def read(path):
    """HU, rows × columns."""
    if path.suffix == ".dcm":
        import pydicom

        file = pydicom.dcmread(path)
        return file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
    import nibabel

    # NIfTI's first axis runs along a row of the picture.
    return np.squeeze(nibabel.load(path).get_fdata()).T


class Model:
    def __init__(self, folder):
        self.card = yaml.safe_load((folder / "model.yaml").read_text())
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(folder / self.card["file"]), options, ["CPUExecutionProvider"])

    def log_odds(self, hu, positive):
        size = self.card["input"]["size"]
        low, high = self.card["intensity"]["window"]
        image = torch.from_numpy(hu)[None, None]
        small = torch.nn.functional.interpolate(image, (size, size), mode="bilinear", antialias=True)
        feed = ((small - low) / (high - low)).clip(0, 1).float().numpy()
        (scores,) = self.session.run(None, {self.session.get_inputs()[0].name: feed})
        z = scores.reshape(-1).astype(float)
        rest = np.delete(z, positive)
        return z[positive] - np.logaddexp.reduce(rest)


def without(whole, files, off):
    """The image without some factors: the file that says so, or else put together pixel by pixel."""
    if not off:
        return whole
    for names, file in files.items():
        if set(names) == set(off):
            return read(file)
    image = whole.copy()
    left = set(off)
    for names, file in sorted(files.items(), key=lambda item: -len(item[0])):
        if not set(names) <= left:
            continue
        left -= set(names)
        other = read(file)
        image[other != whole] = other[other != whole]
    assert not left
    return image


def shapley(value, players):
    n = len(players)
    effects = {}
    for player in players:
        others = [p for p in players if p != player]
        effects[player] = sum(
            factorial(k) * factorial(n - k - 1) / factorial(n) * (value(set(s) | {player}) - value(set(s)))
            for k in range(n)
            for s in combinations(others, k)
        )
    return effects


def main(folder, models):
    pairs = pd.read_csv(folder / "pairs.csv", keep_default_na=False)
    truth = pd.read_csv(folder / "truth.csv")
    for path in models:
        model = Model(path)
        worst, count, largest = 0.0, 0, 0.0
        told = truth[truth["model"] == model.card.get("id", path.name)]
        for sample, rows in told.groupby("sample"):
            its = pairs[pairs["image"].str.startswith(f"images/{sample}.")]
            whole = read(folder / its.iloc[0]["image"])
            files = {
                tuple(r["factor"].split("+")): folder / r["without"]
                for _, r in its.iterrows()
                if r["without"] and r["role"] != "placebo"
            }
            names = sorted({n for key in files for n in key})
            positive = model.card["classes"].index(rows.iloc[0]["class"])
            known = {}

            def value(on):
                """Factors of truth.csv may be several together."""
                shown = frozenset(n for group in on for n in group.split("+"))
                if shown not in known:
                    off = [n for n in names if n not in shown]
                    known[shown] = model.log_odds(without(whole, files, off), positive)
                return known[shown]

            effects = shapley(value, list(rows["factor"]))
            for _, row in rows.iterrows():
                worst = max(worst, abs(effects[row["factor"]] - row["effect"]))
                largest = max(largest, abs(row["effect"]))
                count += 1
        print(f"{path.name}: {count} effects of up to {largest:.3f} log-odds; largest difference {worst:.2e}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), [Path(p) for p in sys.argv[2:]])
