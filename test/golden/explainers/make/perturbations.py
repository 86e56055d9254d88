"""Explainers that only ask for scores, on fixed designs: RISE, KernelSHAP, Shapley and Owen values, segment ablation,
HSIC and Sobol indices. Images are blended with a baseline of 0: x ⊙ m. Masks are kept as bytes; a mask is byte / 255.

Where a tool can be given the same game it confirms the formula: shap's exact KernelExplainer and its Partition explainer,
Captum's ShapleyValueSampling (its permutations replaced) and FeatureAblation.
"""
import itertools
import math
from unittest import mock

import captum
import numpy as np
import shap
import torch
from captum.attr import FeatureAblation, ShapleyValueSampling
from scipy.stats import qmc
from skimage.segmentation import slic

from common import Scored, Writer, load, relative, score

CAPTUM, SHAP = f"captum {captum.__version__}", f"shap {shap.__version__}"
SIDE, MASKS, CELL = 32, 64, 8


def scores_of(model, x, masks, target, kind):
    """Scores of x ⊙ mask; masks [n, h, w] in 0…1."""
    with torch.no_grad():
        m = torch.from_numpy(np.asarray(masks, np.float64))[:, None]
        return torch.cat([score(model(x * part), target, kind) for part in m.split(256)]).numpy()


def rise_masks(rng):
    """Grids of 5 × 5 coins enlarged bilinearly by cells of 8 pixels, shifted by up to a cell, cut to the image."""
    grids = (rng.uniform(size=(MASKS, 1, 5, 5)) < 0.5).astype(np.float64)
    size = 5 * CELL
    large = torch.nn.functional.interpolate(torch.from_numpy(grids), (size, size), mode="bilinear", align_corners=False)
    shifts = rng.integers(0, CELL, (MASKS, 2))
    cut = [m[0, a:a + SIDE, b:b + SIDE].numpy() for m, (a, b) in zip(large, shifts)]
    return np.round(np.stack(cut) * 255).astype(np.uint8)


def rise(w, name, kind, masks, file):
    model, x, targets = load(name)
    m = masks / 255.0
    found = {"": [], "covariance": [], "plain": [], "normalised": []}
    for i, t in enumerate(targets):
        f = scores_of(model, x[i:i + 1], m, t, kind)
        centred = m - m.mean(0)
        covariance = ((f - f.mean())[:, None, None] * centred).sum(0) / (len(m) - 1)
        found[""].append(covariance / m.var(0, ddof=1))
        found["covariance"].append(covariance)
        found["plain"].append((f[:, None, None] * m).sum(0) / (len(m) * 0.5))
        found["normalised"].append((f[:, None, None] * m).sum(0) / m.sum(0))
    calls = {"": "Σ(f − f̄)(M − M̄) / ((N − 1) Var M), sample variance at each pixel",
             "covariance": "Σ(f − f̄)(M − M̄) / (N − 1)", "plain": "Σ f M / (N p), p = 0.5", "normalised": "Σ f M / Σ M"}
    for variant, maps in found.items():
        label = "-".join(filter(None, ("rise", variant, kind)))
        w.add(explainer="rise", variant=variant, model=name, score=kind, by="formula", call=calls[variant],
              baseline="zero", draws={"masks": file}, parameters={"masks": MASKS},
              map=w.save(f"{name}/{label}", np.stack(maps)[:, None]))


def kernel_weight(size, count):
    return (count - 1) / (math.comb(count, size) * size * (count - size))


def constrained(z, y, weights, full, empty):
    """Weighted least squares of y − empty on coalitions z under Σφ = full − empty, by eliminating the last player."""
    z = z.astype(np.float64)
    a = z[:, :-1] - z[:, -1:]
    b = y - empty - z[:, -1] * (full - empty)
    head = np.linalg.solve(a.T @ (weights[:, None] * a), a.T @ (weights * b))
    return np.append(head, full - empty - head.sum())


def shapley(game, count):
    """Exact, by all coalitions; game: [n, count] of 0 and 1 → values."""
    every = np.array(list(itertools.product((0, 1), repeat=count)))
    value = {tuple(z): v for z, v in zip(every, game(every))}
    phi = np.zeros(count)
    for z in every:
        k = int(z.sum())
        for j in np.flatnonzero(z == 0):
            phi[j] += (value[tuple(z + np.eye(count, dtype=int)[j])] - value[tuple(z)]) / (
                count * math.comb(count - 1, k))
    return phi


def spread(phi, labels):
    return phi[labels]


def coalitions(rng, count, pairs):
    """Pairs of a coalition and its complement, sizes by Shapley's kernel."""
    sizes = np.arange(1, count)
    p = np.array([kernel_weight(s, count) * math.comb(count, s) for s in sizes])
    z = np.zeros((pairs, count), np.uint8)
    for row, size in zip(z, rng.choice(sizes, pairs, p=p / p.sum())):
        row[rng.choice(count, size, replace=False)] = 1
    return np.stack((z, 1 - z), 1).reshape(-1, count)


def games(w, name, kind, rng):
    model, x, targets = load(name)
    labels, designs, found = [], [], {k: [] for k in ("kernel", "exact", "ablation", "sampling")}
    ends, tool = [], {"kernel": [], "ablation": [], "sampling": []}
    orders = np.stack([rng.permutation(8) for _ in range(12)])
    for i, t in enumerate(targets):
        v, f = x[i:i + 1], Scored(model, t, kind)
        fine = slic(v[0, 0].numpy(), n_segments=16, compactness=0.1, channel_axis=None, start_label=0)
        coarse = slic(v[0, 0].numpy(), n_segments=8, compactness=0.3, channel_axis=None, start_label=0)
        coarse = np.minimum(coarse, 7)
        assert coarse.max() == 7 and len(np.unique(fine)) == fine.max() + 1
        labels.append((fine, coarse))
        empty, full = scores_of(model, v, [np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE))], t, kind)
        ends.append((float(full), float(empty)))

        count = fine.max() + 1
        z = coalitions(rng, count, count + 24)
        designs.append(z)
        phi = constrained(z, scores_of(model, v, z[:, fine], t, kind), np.ones(len(z)), full, empty)
        found["kernel"].append(spread(phi, fine))

        game = lambda z: scores_of(model, v, np.asarray(z)[:, coarse], t, kind)
        exact = shapley(game, 8)
        found["exact"].append(spread(exact, coarse))
        kernel = shap.KernelExplainer(game, np.zeros((1, 8)))
        tool["kernel"].append(relative(kernel.shap_values(np.ones((1, 8)), nsamples=1000, l1_reg=0, silent=True)[0], exact))

        single = np.array([full - game(1 - np.eye(8, dtype=int)[[j]])[0] for j in range(8)])
        found["ablation"].append(spread(single, coarse))
        segments = torch.from_numpy(coarse.astype(np.int64))[None, None]
        captums = FeatureAblation(f).attribute(v, 0 * v, target=0, feature_mask=segments)[0, 0]
        tool["ablation"].append(relative(captums, found["ablation"][-1]))

        marginal = np.zeros(8)
        for order in orders:
            steps = np.concatenate((np.zeros((1, 8)), np.cumsum(np.eye(8)[order], 0))).astype(int)
            marginal[order] += np.diff(game(steps)) / len(orders)
        found["sampling"].append(spread(marginal, coarse))
        sampler = ShapleyValueSampling(f)
        sampler.permutation_generator = lambda *_: iter([list(o) for o in orders])
        with mock.patch("torch.manual_seed"):
            captums = sampler.attribute(v, 0 * v, target=0, feature_mask=segments, n_samples=len(orders))[0, 0]
        tool["sampling"].append(relative(captums, found["sampling"][-1]))
    print(name, kind, tool, [d.shape for d in designs], [l[1].max() + 1 for l in labels])

    values = {"full": [e[0] for e in ends], "empty": [e[1] for e in ends]}
    fine = w.save(f"{name}/segments-fine", np.stack([l[0] for l in labels]), np.uint8)
    coarse = w.save(f"{name}/segments-coarse", np.stack([l[1] for l in labels]), np.uint8)
    drawn = {f"coalitions{i}": w.save(f"{name}/coalitions-{i}", d, np.uint8) for i, d in enumerate(designs)}
    order_file = w.save(f"{name}/orders", orders, np.uint8)
    common = {"model": name, "score": kind, "baseline": "zero", "values": values}

    def put(explainer, variant, by, call, key, draws, **more):
        label = "-".join(filter(None, (explainer, variant, kind)))
        w.add(explainer=explainer, variant=variant, by=by, call=call, draws=draws, **more, **common,
              map=w.save(f"{name}/{label}", np.stack(found[key])[:, None]))

    put("kernel-shap", "", "formula", "make/perturbations.py, constrained: equal weights, Σφ = full − empty", "kernel",
        {"segments": fine, **drawn})
    put("kernel-shap", "exact", SHAP, "KernelExplainer(f, 0).shap_values(1, l1_reg=0), all coalitions", "exact",
        {"segments": coarse}, formulaRelativeL2=max(tool["kernel"]))
    put("segment-ablation", "", CAPTUM, "FeatureAblation(f).attribute(x, 0, feature_mask)", "ablation",
        {"segments": coarse}, formulaRelativeL2=max(tool["ablation"]))
    put("shapley-sampling", "", CAPTUM, "ShapleyValueSampling(f).attribute(x, 0, feature_mask)", "sampling",
        {"segments": coarse, "orders": order_file}, formulaRelativeL2=max(tool["sampling"]))


def owen(game, cells):
    """Owen values of a tree that halves a square of cells, rows first; every context on or off with weight ½."""
    phi = np.zeros(cells * cells)
    index = np.arange(cells * cells).reshape(cells, cells)
    needed, memo = [], {}

    def value(z):
        return memo[z.tobytes()]

    def walk(block, contexts, visit):
        visit(block, contexts)
        if block.size == 1:
            return
        axis = 0 if block.shape[0] >= block.shape[1] else 1
        first, second = np.split(block, 2, axis)
        for own, other in ((first, second), (second, first)):
            on = [z.copy() for z in contexts]
            for z in on:
                z[other.ravel()] = 1
            walk(own, [*contexts, *on], visit)

    def ask(block, contexts):
        if block.size == 1:
            for z in contexts:
                needed.extend((z, np.where(np.arange(len(z)) == block.item(), 1, z).astype(np.uint8)))

    def sum_up(block, contexts):
        if block.size == 1:
            j = block.item()
            phi[j] = np.mean([value(np.where(np.arange(len(z)) == j, 1, z).astype(np.uint8)) - value(z)
                              for z in contexts])

    start = [np.zeros(cells * cells, np.uint8)]
    walk(index, start, ask)
    every = np.unique(np.array(needed), axis=0)
    memo = {z.tobytes(): v for z, v in zip(every, game(every))}
    walk(index, start, sum_up)
    return phi


def partition(w, name, kind):
    """Owen values of 4 × 4 cells of 8 × 8 pixels: exact, and by shap's Partition explainer on the same tree."""
    model, x, targets = load(name)
    maps, gaps, ends = [], [], []
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] // CELL
    labels = rows * 4 + columns
    for i, t in enumerate(targets):
        game = lambda z: scores_of(model, x[i:i + 1], np.asarray(z)[:, labels], t, kind)
        phi = owen(game, 4)
        maps.append(spread(phi, labels))
        ends.append([float(v) for v in game(np.stack((np.ones(16), np.zeros(16))).astype(int))])
        masker = shap.maskers.Image(np.zeros((4, 4, 1)), (4, 4, 1))
        explainer = shap.explainers.Partition(lambda z: game(np.round(z).astype(int).reshape(len(z), 16)), masker)
        values = explainer(np.ones((1, 4, 4, 1)), max_evals=5000, fixed_context=None, silent=True).values
        gaps.append(relative(np.asarray(values).reshape(4, 4).ravel(), phi))
    print(name, kind, "owen by shap", gaps)
    w.add(explainer="partition-shap", variant="cells", model=name, score=kind, baseline="zero",
          by=SHAP if max(gaps) < 1e-5 else "formula", call="make/perturbations.py, owen: 4 × 4 cells, all contexts",
          **({"formulaRelativeL2": max(gaps)} if max(gaps) < 1e-5 else {}), parameters={"cells": 4},
          map=w.save(f"{name}/partition-shap-cells-{kind}", np.stack(maps)[:, None]),
          values={"full": [e[0] for e in ends], "empty": [e[1] for e in ends]})


def hsic(w, name, kind, grids, file):
    """tr(K H L H) / (n − 1)², K = ½ − (m − m′)² of a cell, L Gaussian of the scores, its SD the median |y − y′|."""
    model, x, targets = load(name)
    n, maps, widths = len(grids), [], []
    masks = grids.repeat(4, 1).repeat(4, 2)
    centre = np.eye(n) - 1 / n
    for i, t in enumerate(targets):
        y = scores_of(model, x[i:i + 1], masks, t, kind)
        distance = np.abs(y[:, None] - y)
        width = np.median(distance[np.triu_indices(n, 1)])
        outputs = centre @ np.exp(-distance ** 2 / (2 * width ** 2)) @ centre
        cells = grids.reshape(n, -1).astype(np.float64)
        maps.append(np.array([((0.5 - (c[:, None] - c) ** 2) * outputs).sum() for c in cells.T]) / (n - 1) ** 2)
        widths.append(float(width))
    raw = np.stack(maps).reshape(-1, 1, 8, 8)
    w.add(explainer="hsic", variant="", model=name, score=kind, by="formula", call=hsic.__doc__, baseline="zero",
          draws={"masks": file}, parameters={"cells": 8, "masks": n}, raw=w.save(f"{name}/hsic-{kind}-raw", raw),
          map=w.save(f"{name}/hsic-{kind}", raw.repeat(4, 2).repeat(4, 3)), values={"width": widths}, signed=True)


def sobol(w, name, kind, a, b, files):
    """Total index of a cell by Jansen: Σ (f(A) − f(A with the cell of B))² / (2 N Var f(A)), variance over N."""
    model, x, targets = load(name)
    maps = []
    enlarge = lambda m: m.reshape(-1, 4, 4).repeat(CELL, 1).repeat(CELL, 2)
    for i, t in enumerate(targets):
        fa = scores_of(model, x[i:i + 1], enlarge(a), t, kind)
        total = []
        for j in range(16):
            c = a.copy()
            c[:, j] = b[:, j]
            total.append(((fa - scores_of(model, x[i:i + 1], enlarge(c), t, kind)) ** 2).mean() / (2 * fa.var()))
        maps.append(np.array(total))
    raw = np.stack(maps).reshape(-1, 1, 4, 4)
    w.add(explainer="sobol", variant="", model=name, score=kind, by="formula", call=sobol.__doc__, baseline="zero",
          draws=files, parameters={"cells": 4, "samples": len(a)}, raw=w.save(f"{name}/sobol-{kind}-raw", raw),
          map=w.save(f"{name}/sobol-{kind}", raw.repeat(CELL, 2).repeat(CELL, 3)), signed=True)


def main():
    rng = np.random.default_rng(11)
    with Writer("perturbations.py") as w:
        masks = rise_masks(rng)
        rise_file = w.save("draws/rise-masks", masks, np.uint8)
        grids = (qmc.Sobol(64, seed=11).random(128) > 0.5).astype(np.uint8).reshape(-1, 8, 8)
        grid_file = w.save("draws/hsic-masks", grids, np.uint8)
        points = np.round(qmc.Sobol(32, seed=12).random(32) * 255) / 255
        a, b = points[:, :16], points[:, 16:]
        files = {"a": w.save("draws/sobol-a", a * 255, np.uint8), "b": w.save("draws/sobol-b", b * 255, np.uint8)}
        for name in ("densenet", "vit", "resnet", "efficientnet", "convnext"):
            for kind in ("logit", "margin") if name in ("densenet", "vit") else ("margin",):
                rise(w, name, kind, masks, rise_file)
                hsic(w, name, kind, grids, grid_file)
                sobol(w, name, kind, a, b, files)
            games(w, name, "margin", rng)
            partition(w, name, "margin")


if __name__ == "__main__":
    main()
