"""Values of other tools for one image, map and model that can be written down: python perturbed.py FILE

Run it once with quantus 0.6.0, captum 0.9.0 and torch, and once with xplique 1.4.0 and TensorFlow; each adds to FILE
(perturbed.json) the tools that it can import. The image of side S is 1 + 0.3 cos(0.9 i); the first class has the logit
w x − 1 with w = (sin(2.3 i + 1) + 2 bump) / 25, the second has 0, so that p is the logistic function of it; bump and the
map are those of maps.py. What explains a noisy copy is w x p (1 − p). Random numbers are those of `draw`, in place of
the tools' own.
"""
import json
import os
import sys

import numpy as np

S, PATCH, SETS, COPIES, RADIUS = 12, 3, 30, 6, 0.2
i = np.arange(S * S)
bump = np.exp(-((i // S - 5) ** 2 + (i % S - 6.5) ** 2) / 6)
a = (np.sin(1.7 * i + 0.3) + 1.5 * bump).astype(np.float32)
a = a / np.abs(a).max()
x = (1 + 0.3 * np.cos(0.9 * i)).astype(np.float32)
w = ((np.sin(2.3 * i + 1) + 2 * bump) / 25).astype(np.float32)


def draw(stream, n):
    """The first n numbers of a stream, uniform in 0 … 1."""
    k = np.arange(1, n + 1)
    return np.mod(np.sin(12.9898 * k + 78.233 * (stream + 1)) * 43758.5453, 1)


def sets_of_patches(size):
    """Partial Fisher–Yates, as `randomSets`: SETS sets of `size` patches, as masks of pixels."""
    count = (S // PATCH) ** 2
    numbers = iter(draw(size, SETS * size))
    patch = (i // S // PATCH) * (S // PATCH) + i % S // PATCH
    order, masks = list(range(count)), []
    for _ in range(SETS):
        for k in range(size):
            j = k + int(next(numbers) * (count - k))
            order[k], order[j] = order[j], order[k]
        masks.append(np.isin(patch, order[:size]))
    return masks


def copies():
    return [x + (RADIUS * (2 * draw(c, S * S) - 1)).astype(np.float32) for c in range(COPIES)]


def probability(images):
    return 1 / (1 + np.exp(1 - images.reshape(-1, S * S) @ w))


def explanation(images):
    flat = images.reshape(-1, S * S)
    p = probability(flat)[:, None]
    return (w * flat * p * (1 - p)).astype(np.float32)


def of_quantus():
    import quantus
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.from_numpy(w))

        def forward(self, images):
            z = images.reshape(-1, S * S) @ self.w - 1
            return torch.stack([z, torch.zeros_like(z)], 1)

    def each(values):
        """Hands out one after the other, whatever is asked for."""
        kept = iter(values)
        return lambda *_, **__: next(kept)

    image, attribution = x.reshape(1, 1, S, S), a.reshape(1, 1, S, S)
    given = dict(model=Model().eval(), y_batch=np.zeros(1, dtype=int), device="cpu")
    explain = lambda model, inputs, targets, **_: explanation(np.asarray(inputs)).reshape(-1, 1, S, S)
    plain = dict(normalise=False, abs=False, disable_warnings=True, return_aggregate=False)
    black = dict(perturb_baseline=0.0)

    def value(metric, on=attribution, softmax=True, **more):
        return np.asarray(metric(x_batch=image.copy(), a_batch=on.copy(), softmax=softmax, **given, **more)).ravel()

    def noisy(metric):
        from_noise = each([c.reshape(1, -1) for c in copies()])
        return float(value(metric(perturb_func=from_noise), on=explain(None, image, None), softmax=False, explain_func=explain)[0])

    chosen = each(np.flatnonzero(mask) for mask in sets_of_patches(4))
    own, np.random.choice = np.random.choice, chosen
    correlation = value(quantus.FaithfulnessCorrelation(nr_runs=SETS, subset_size=4 * PATCH * PATCH, **black, **plain))[0]
    np.random.choice = own
    draws = 3
    values = draw(S * S, draws * S * S).reshape(draws, S * S)
    step = [0]

    def random_value(arr, indices, **_):
        out = arr.copy()
        out[0, indices[0]] = 2 * values[step[0] % draws, indices[0]]
        step[0] += 1
        return out

    copying = dict(nr_samples=COPIES, **plain)
    relative = dict(nr_samples=COPIES, normalise=False, abs=False, disable_warnings=True, return_aggregate=False)
    mask = np.zeros((1, 1, S, S), dtype=bool)
    mask[..., 3:7, 3:7] = True
    from quantus.functions.complexity_func import discrete_entropy

    return quantus.__version__, {
        "deletion": value(quantus.PixelFlipping(features_in_step=S, **black, **plain)).tolist(),
        "aopc": value(quantus.RegionPerturbation(patch_size=PATCH, regions_evaluation=(S // PATCH) ** 2, **black, **plain)).tolist(),
        "faithfulness-correlation": float(correlation),
        "faithfulness-estimate": float(value(quantus.FaithfulnessEstimate(features_in_step=1, **black, **plain))[0]),
        "monotonicity-correlation": float(value(
            quantus.MonotonicityCorrelation(nr_samples=draws, features_in_step=1, perturb_func=random_value, **plain), on=np.abs(attribution))[0]),
        "max-sensitivity": noisy(lambda **o: quantus.MaxSensitivity(**o, **copying)),
        "avg-sensitivity": noisy(lambda **o: quantus.AvgSensitivity(**o, **copying)),
        "local-lipschitz": noisy(lambda **o: quantus.LocalLipschitzEstimate(**o, **copying)),
        "relative-input-stability": noisy(lambda **o: quantus.RelativeInputStability(**o, **relative)),
        "relative-output-stability": noisy(lambda **o: quantus.RelativeOutputStability(**o, **relative)),
        "top-k-intersection": float(value(quantus.TopKIntersection(k=20, **plain), s_batch=mask)[0]),
        "entropy of a histogram": float(discrete_entropy(a, x)),
    }


def of_captum():
    import captum
    import torch
    from captum.metrics import infidelity, sensitivity_max

    tensor = lambda values: torch.from_numpy(np.asarray(values, dtype=np.float32))
    forward = lambda images: torch.sigmoid(images.reshape(-1, S * S) @ tensor(w) - 1)
    # Images come alone, or in a tuple.
    explain = lambda images: (tensor(explanation((images[0] if isinstance(images, tuple) else images).numpy())),)
    masks = tensor(np.stack(sets_of_patches(4)))
    raw = infidelity(
        forward, lambda images: (masks, images * (1 - masks)), tensor(x[None]), tensor(a[None]), n_perturb_samples=SETS)
    largest = sensitivity_max(
        explain, tensor(x[None]), lambda _: tensor(np.stack(copies())), n_perturb_samples=COPIES)
    return captum.__version__, {"infidelity": float(raw), "max-sensitivity": float(largest)}


def of_xplique():
    from importlib.metadata import version

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    from xplique.metrics import AverageStability, Deletion, Insertion, MuFidelity

    flat = tf.keras.layers.Input((S, S, 1))
    z = tf.keras.layers.Dense(2)(tf.keras.layers.Flatten()(flat))
    model = tf.keras.Model(flat, z)
    model.layers[-1].set_weights([np.stack([w, 0 * w], 1), np.asarray([-1, 0], dtype=np.float32)])
    image, target = x.reshape(1, S, S, 1), np.asarray([[1, 0]], dtype=np.float32)
    attribution = a.reshape(1, S, S)
    curves = dict(steps=S, activation="softmax")
    fidelity = MuFidelity(model, image, target, grid_size=S // PATCH, nb_samples=SETS, activation="softmax")
    masks = tf.constant(np.stack(sets_of_patches(4)).reshape(1, SETS, S, S, 1), tf.float32)
    fidelity._perturb_samples = lambda inputs, _: (tf.reshape(inputs[:, None] * (1 - masks), (-1, S, S, 1)), 1 - masks)
    stability = AverageStability(model, image, target, nb_samples=COPIES)
    stability.noisy_masks = tf.constant(np.stack(copies()).reshape(COPIES, S, S, 1) - image)
    explain = lambda images, _: explanation(np.asarray(images)).reshape(-1, S, S)
    return version("xplique"), {
        "deletion": float(Deletion(model, image, target, **curves)(attribution)),
        "insertion": float(Insertion(model, image, target, **curves)(attribution)),
        "mufidelity": float(fidelity(attribution)),
        "average-stability": float(stability(explain)),
    }


file = sys.argv[1]
out = json.load(open(file)) if os.path.exists(file) else {}
for name, values in (("quantus", of_quantus), ("captum", of_captum), ("xplique", of_xplique)):
    try:
        version, found = values()
    except ImportError:
        continue
    out[name] = {"version": version, "values": found}
json.dump(out, open(file, "w"), indent=2)
