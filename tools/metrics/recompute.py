"""Makes metrics of a run again from its maps, with NumPy, Pillow, SciPy and onnxruntime, by their definitions alone.

    MODEL=net.onnx DATA=folder IMAGES=ct MASKS=infection npx ct-xai run tools/metrics/suite.yaml --out RUN
    MODEL=net.onnx DATA=folder IMAGES=ct MASKS=infection python tools/metrics/recompute.py RUN

Prints the largest difference of each metric. Tried with numpy 2.4.6, onnxruntime 1.32.0, scipy 1.17.1 and pillow 13.0.0.
Metrics that draw are left out, and so are maps with ties where their order counts (`monotonicity`).
"""
import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from scipy.ndimage import label
from scipy.stats import rankdata

SIDE = 224
N = SIDE * SIDE
run = Path(sys.argv[1])
data = Path(os.environ["DATA"])
session = onnxruntime.InferenceSession(os.environ["MODEL"])
entry = session.get_inputs()[0].name


def margin(images):
    batches = [images[i : i + 8, None].astype(np.float32) for i in range(0, len(images), 8)]
    logits = np.concatenate([session.run(None, {entry: b})[0] for b in batches]).astype(float)
    return logits[:, 1] - logits[:, 0]


def probability(images):
    return 1 / (1 + np.exp(-margin(images)))


def along(start, end, pixels, counts):
    """Images whose first `counts` pixels are those of `end`."""
    images = np.repeat(start.reshape(1, N), len(counts), 0)
    for image, count in zip(images, counts):
        image[pixels[:count]] = end.ravel()[pixels[:count]]
    return images.reshape(-1, SIDE, SIDE)


def area(start, end, pixels, counts):
    return np.trapezoid(probability(along(start, end, pixels, counts)), np.array(counts) / N)


def blocks(side):
    """Pixels of each square patch, row by row."""
    k = SIDE // side
    return np.arange(N).reshape(k, side, k, side).transpose(0, 2, 1, 3).reshape(k * k, side * side)


def body_of(image, mask):
    """All but the air that touches the border; the mask belongs to it."""
    air, _ = label(image <= 0.05)
    border = set(np.r_[air[0], air[-1], air[:, 0], air[:, -1]]) - {0}
    return ~np.isin(air, list(border)) | mask


def recompute(a, image, mask, regional):
    """Values of a map by the metric's name."""
    empty = np.zeros_like(image)
    flat, inside = a.ravel(), mask.ravel()
    order = np.argsort(-flat, kind="stable")
    yield "deletion", area(image, empty, order, [round(k * N / 20) for k in range(21)])

    patches = blocks(16)
    first = np.argsort(-flat[patches].mean(1), kind="stable")
    counts = [256 * round(k * 196 / 14) for k in range(15)]
    most, least = (area(image, empty, patches[o].ravel(), counts) for o in (first, first[::-1]))
    yield "srg", least - most

    patches = blocks(32)
    # A regional map shows its region's effect on each of its pixels.
    given = flat[patches].mean(1) if regional else flat[patches].sum(1)
    without = np.repeat(image.reshape(1, N), len(patches) + 1, 0)
    for i, patch in enumerate(patches):
        without[i + 1, patch] = 0
    scores = margin(without.reshape(-1, SIDE, SIDE))
    drops = scores[0] - scores[1:]
    yield "faithfulness-estimate", np.corrcoef(given, drops)[0, 1]
    small = lambda v: np.abs(v) <= 0.01 * np.abs(v).max()
    yield "non-sensitivity", np.mean(small(given) != small(drops))
    put = [p for p in np.argsort(given) if np.any(image.ravel()[patches[p]] != 0)]
    if len(set(given[put])) == len(put):
        rising = margin(along(empty, image, patches[put].ravel(), [patches.shape[1] * k for k in range(len(put) + 1)]))
        yield "monotonicity", np.mean(np.diff(rising, 2) > 0)

    shown = (a - a.min()) / (a.max() - a.min())
    before, after = probability(np.array([image, shown * image]))
    yield "average-drop", max(0, before - after) / before
    yield "average-gain", max(0, after - before) / (1 - before)
    whole, nothing = margin(np.array([image, empty]))
    yield "completeness", abs(a.sum() - (whole - nothing)) / abs(whole - nothing)

    body = body_of(image, mask).ravel()
    keys = np.round(flat / np.abs(flat).max() * 65536)
    ranks, hits = rankdata(keys[body]), inside[body]
    n_in, n_out = hits.sum(), (~hits).sum()
    yield "auc", (ranks[hits].sum() - n_in * (n_in + 1) / 2) / (n_in * n_out)
    positive = np.maximum(flat, 0)
    if positive.any():
        yield "relevance-mass", positive[inside].sum() / positive.sum()
    yield "pointing-game", inside[keys == keys.max()].mean()
    size = np.abs(flat)
    if (flat < 0).any() and (flat > 0).any():
        right = (inside & (flat > 0)) | (~inside & (flat < 0))
        yield "dual-polarity-precision", size[body & right].sum() / size[body].sum()

    ascending = np.sort(size)
    yield "sparseness", 2 * np.sum(np.arange(1, N + 1) * ascending) / (N * size.sum()) - (N + 1) / N
    share = size[size > 0] / size.sum()
    yield "entropy", -np.sum(share * np.log(share))
    yield "effective-complexity", np.mean(size > 0.01 * size.max())


rows = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
values = {(r["sample"], r["method"], r["metric"]): r["value"] for r in rows if r["kind"] == "score" and r["status"] == "ok"}
differences = defaultdict(list)
for sample, method in sorted({key[:2] for key in values if "shuffled" not in key[1]}):
    files = (run / "attributions" / "network" / method).glob(f"{Path(sample).stem}-*.npy")
    a = np.load(next(f for f in files if f.name.count(".") == 1)).astype(float)
    grey = Image.open(data / os.environ["IMAGES"] / sample).convert("L")
    image = np.asarray(grey.resize((SIDE, SIDE), Image.BILINEAR)) / 255
    outline = np.asarray(Image.open(data / os.environ["MASKS"] / sample).convert("L")) > 0
    mask = np.asarray(Image.fromarray(outline.astype(np.float32)).resize((SIDE, SIDE), Image.BILINEAR)) >= 0.5
    for metric, value in recompute(a, image, mask, method == "occlusion"):
        own = values.get((sample, method, metric))
        if own is not None:
            differences[metric].append(abs(own - value))
for metric, found in differences.items():
    print(f"{metric:26}{len(found):4} values, largest difference {max(found):.1e}")
