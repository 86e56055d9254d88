"""Path methods by PAIR's saliency: blur integrated gradients, guided integrated gradients, XRAI; and XRAI's segments by
scikit-image.

`blur-ig`, variant `converged`: the same integral with edges repeated, in steps of Σ ∇f(x at the middle) · (x at the
step's start − x at its end), σ evenly from 0, which tends to f(x) − f(x blurred by the largest σ). 600 steps; 20,000 on
the ResNet, whose gradient jumps so often that 600 steps are still 0.6 % off.

`xrai`, variants `bilinear` and `converged`: PAIR's XRAI of a given attribution, the image enlarged bilinearly before it
is segmented. The attribution is PAIR's own, or integrated gradients from the image's lowest and highest value by the
formula, 100 Gauss-Legendre points each, averaged.
"""
from importlib.metadata import version
from unittest import mock

import numpy as np
import saliency.core as pair
import saliency.core.xrai as pair_xrai
import torch
from scipy.ndimage import gaussian_filter
from skimage.morphology import dilation, disk
from skimage.segmentation import felzenszwalb
from skimage.transform import resize

from common import ROOT, Writer, gradient, load, relative, score

# PAIR calls np.quantile's option by the name that it had before NumPy 2.4.
quantile = np.quantile
np.quantile = lambda *given, interpolation="linear", **options: quantile(*given, method=interpolation, **options)
PAIR = f"saliency {version('saliency')}"
SKIMAGE = f"scikit-image {version('scikit-image')}"
SCALES, SIGMA, SMALLEST = [2, 5, 10, 20, 50, 100], 0.8, 20


def caller(model, target, kind):
    """PAIR's interface: images [n, h, w, c] → gradients."""
    def call(batch, call_model_args=None, expected_keys=None):
        x = torch.from_numpy(np.asarray(batch)).permute(0, 3, 1, 2).to(next(model.parameters()).dtype)
        g = gradient(lambda v: score(model(v), target, kind), x)
        return {pair.INPUT_OUTPUT_GRADIENTS: g.permute(0, 2, 3, 1).numpy()}
    return call


def value(model, x, target, kind):
    with torch.no_grad():
        return float(score(model(torch.from_numpy(x)[None, None]), target, kind))


def converged_blur(model, x, target, kind, largest, steps):
    """x [h, w]; the map and f(x) − f(x blurred by `largest` pixels)."""
    def blurred(sigma):
        return gaussian_filter(x, sigma, mode="nearest") if sigma > 0 else x
    call = caller(model, target, kind)
    edges = np.linspace(0, largest, steps + 1)
    total = np.zeros_like(x)
    for part in np.array_split(np.arange(steps), -(-steps // 250)):
        middle = np.stack([blurred((edges[k] + edges[k + 1]) / 2) for k in part])
        g = call(middle[..., None])[pair.INPUT_OUTPUT_GRADIENTS][..., 0]
        total += (g * np.stack([blurred(edges[k]) - blurred(edges[k + 1]) for k in part])).sum(0)
    return total, value(model, x, target, kind) - value(model, blurred(largest), target, kind)


def masks_of(labels, radius):
    """One mask for each segment of each label map, dilated by a disk."""
    return [dilation(plane == l, footprint=disk(radius)) for plane in labels for l in range(plane.max() + 1)]


def blur_ig(w, name, kind):
    model, x, targets = load(name)
    planes = x[:, 0].numpy()
    largest, steps = 6, 30
    maps = [pair.BlurIG().GetMask(planes[i][:, :, None], caller(model, t, kind), max_sigma=largest, steps=steps,
                                  grad_step=0.01, batch_size=1)[:, :, 0] for i, t in enumerate(targets)]
    w.add(explainer="blur-ig", variant="", model=name, score=kind, by=PAIR,
          call="BlurIG().GetMask(x, f, max_sigma, steps, grad_step, batch_size=1): zeros beyond the edges",
          parameters={"maxSigma": largest, "steps": steps, "gradStep": 0.01, "border": "zero", "truncate": 4},
          map=w.save(f"{name}/blur-ig-{kind}", np.stack(maps)[:, None]))
    steps = 20_000 if name == "resnet" else 600
    maps, differences = zip(*(converged_blur(model, planes[i], t, kind, largest, steps) for i, t in enumerate(targets)))
    print(name, kind, [float(m.sum()) for m in maps], differences)
    w.add(explainer="blur-ig", variant="converged", model=name, score=kind, by="formula", call="make/paths.py",
          parameters={"maxSigma": largest, "steps": steps, "border": "nearest", "truncate": 4},
          map=w.save(f"{name}/blur-ig-converged-{kind}", np.stack(maps)[:, None]),
          values={"sum": [float(m.sum()) for m in maps], "difference": list(differences)})


def guided_ig(w, name, kind):
    options = {"x_steps": 40, "fraction": 0.25, "max_dist": 0.05}
    found = {}
    for dtype in (torch.float64, torch.float32):
        model, x, targets = load(name, dtype)
        found[dtype] = np.stack([
            pair.GuidedIG().GetMask(x[i, 0].numpy().astype(np.float64)[:, :, None], caller(model, t, kind),
                                    x_baseline=np.zeros((*x.shape[2:], 1)), **options)[:, :, 0]
            for i, t in enumerate(targets)])
    maps, rough = found[torch.float64], found[torch.float32]
    model, x, targets = load(name)
    differences = [value(model, x[i, 0].numpy(), t, kind) - value(model, 0 * x[i, 0].numpy(), t, kind)
                   for i, t in enumerate(targets)]
    print(name, kind, "guided, float32:", relative(rough, maps), maps.sum((1, 2)), differences)
    if relative(rough, maps) < 1e-4:
        w.add(explainer="guided-ig", variant="", model=name, score=kind, by=PAIR, baseline="zero",
              call="GuidedIG().GetMask(x, f, x_baseline, x_steps, fraction, max_dist)",
              parameters={"steps": 40, "fraction": 0.25, "maxDistance": 0.05},
              map=w.save(f"{name}/guided-ig-{kind}", maps[:, None]),
              values={"sum": maps.sum((1, 2)).tolist(), "difference": differences})


def bilinear(image, value_range, resize_shape=None):
    """PAIR's _normalize_image with a bilinear enlargement in the place of a cubic one that reads zeros past the edge."""
    low, high = value_range
    unit = (image - image.min()) / (image.max() - image.min()) * (high - low) + low
    return resize(unit, resize_shape, order=1, mode="edge", preserve_range=True, anti_aliasing=True)


def xrai(w):
    model, x, targets = load("cnn")
    planes = x[:, 0].numpy()
    labels = []
    for plane in planes:
        scaled = 2 * (plane - plane.min()) / (plane.max() - plane.min()) - 1
        labels.append([felzenszwalb(scaled, scale=s, sigma=SIGMA, min_size=SMALLEST) for s in SCALES])
    labels = np.array(labels)
    print("segments", labels.max((2, 3)) + 1)
    file = w.save("cnn/felzenszwalb", labels, np.uint8)
    w.add(explainer="felzenszwalb", variant="", model="cnn", score="logit", by=SKIMAGE, draws={"labels": file},
          call="felzenszwalb(image scaled to −1…1, scale, sigma, min_size), labels [image, scale, h, w]",
          parameters={"scales": SCALES, "sigma": SIGMA, "minSize": SMALLEST})
    base = np.load(ROOT / "cnn/integrated-gradients-logit.npy")[:, 0].astype(np.float64)
    parameters = pair.XRAIParameters()
    maps = [pair.XRAI().GetMask(planes[i][:, :, None], None, segments=masks_of(labels[i], 2),
                                base_attribution=base[i][:, :, None], extra_parameters=parameters)
            for i in range(2)]
    w.add(explainer="xrai", variant="given", model="cnn", score="logit", by=PAIR,
          call="XRAI().GetMask(x, f, segments, base_attribution): the labels' segments dilated by a disk, in order",
          draws={"labels": file, "attribution": "cnn/integrated-gradients-logit.npy"},
          parameters={"dilation": 2, "minPixels": 50}, map=w.save("cnn/xrai-given", np.stack(maps)[:, None]))
    parameters.return_ig_attributions = True
    found = [pair.XRAI().GetMaskWithDetails(planes[i][:, :, None], caller(model, t, "logit"), batch_size=20,
                                            extra_parameters=parameters) for i, t in enumerate(targets)]
    w.add(explainer="xrai", variant="", model="cnn", score="logit", by=PAIR,
          call="XRAI().GetMask(x, f): segments at 224 × 224, integrated gradients from two baselines",
          parameters={"steps": 100, "baselines": ["minimum", "maximum"], "dilation": 5, "minPixels": 50},
          draws={"attribution": w.save("cnn/xrai-attribution",
                                       np.stack([np.mean(f.ig_attribution, 0)[..., 0] for f in found])[:, None])},
          map=w.save("cnn/xrai-logit", np.stack([f.attribution_mask for f in found])[:, None]))
    given = np.load(ROOT / "cnn/xrai-attribution.npy")[:, 0].astype(np.float64)
    with mock.patch.object(pair_xrai, "_normalize_image", bilinear):
        maps = [pair.XRAI().GetMask(planes[i][:, :, None], None, base_attribution=given[i][:, :, None])
                for i in range(2)]
    cubic = [f.attribution_mask for f in found]
    w.add(explainer="xrai", variant="bilinear", model="cnn", score="logit", by=PAIR,
          call="XRAI().GetMask(x, f, base_attribution), the image enlarged bilinearly before it is segmented",
          parameters={"dilation": 5, "minPixels": 50}, draws={"attribution": "cnn/xrai-attribution.npy"},
          map=w.save("cnn/xrai-bilinear-logit", np.stack(maps)[:, None]),
          values={"fromCubic": [relative(m, c) for m, c in zip(maps, cubic)]},
          note="the segments, and with them the map, hang on how the image is enlarged")


def between_extremes(model, plane, target, kind):
    """Integrated gradients of plane [h, w] from its lowest and from its highest value, averaged."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    total = np.zeros_like(plane)
    for end in (plane.min(), plane.max()):
        path = end + ((nodes + 1) / 2)[:, None, None] * (plane - end)
        g = caller(model, target, kind)(path[..., None])[pair.INPUT_OUTPUT_GRADIENTS][..., 0]
        total += (plane - end) * np.tensordot(weights / 2, g, 1) / 2
    return total


def xrai_of_formula(w, name, kind):
    model, x, targets = load(name)
    planes = x[:, 0].numpy()
    given = np.stack([between_extremes(model, planes[i], t, kind) for i, t in enumerate(targets)])
    with mock.patch.object(pair_xrai, "_normalize_image", bilinear):
        maps = [pair.XRAI().GetMask(planes[i][:, :, None], None, base_attribution=given[i][:, :, None])
                for i in range(2)]
    w.add(explainer="xrai", variant="converged", model=name, score=kind, by=PAIR,
          call="XRAI().GetMask(x, f, base_attribution), the image enlarged bilinearly before it is segmented",
          parameters={"steps": 100, "baselines": ["minimum", "maximum"], "dilation": 5, "minPixels": 50},
          draws={"attribution": w.save(f"{name}/xrai-attribution", given[:, None])},
          map=w.save(f"{name}/xrai-converged-{kind}", np.stack(maps)[:, None]))


def main():
    with Writer("paths.py") as w:
        for name in ("cnn", "densenet", "efficientnet", "resnet", "vit"):
            blur_ig(w, name, "logit")
            guided_ig(w, name, "logit")
        blur_ig(w, "convnext", "margin")
        guided_ig(w, "convnext", "margin")
        xrai(w)
        for name in ("densenet", "resnet", "efficientnet", "convnext", "vit"):
            xrai_of_formula(w, name, "margin" if name == "convnext" else "logit")


if __name__ == "__main__":
    main()
