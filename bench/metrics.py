"""Quantus' side of bench/metrics.js, which calls it: python bench/metrics.py FOLDER/MODEL

Needs quantus 0.6.0, torch and onnx. Reads MODEL.json, MODEL.image and MODEL.attribution, runs the same ONNX file as a
PyTorch module, and prints {metric: {passes, seconds}} for all images. A backward pass counts as one.
"""
import json
import sys
import time
import warnings

import numpy as np
import onnx
import quantus
import torch
import torch.nn.functional as F
from onnx import numpy_helper

warnings.filterwarnings("ignore")
# Quantus 0.6 calls it by the name that it had before NumPy 2.4.
np.trapz = np.trapezoid
where = sys.argv[1]
given = json.load(open(f"{where}.json"))
size, patch, n = given["size"], given["patch"], len(given["classes"])
torch.set_num_threads(given["threads"])
read = lambda what: np.fromfile(f"{where}.{what}", dtype=np.float32).reshape(n, 1, size, size)
x, a = read("image"), read("attribution")
y = np.asarray(given["classes"])
passes = 0


class Network(torch.nn.Module):
    """The operators of the networks that are compared."""

    def __init__(self, file):
        super().__init__()
        graph = onnx.load(file).graph
        self.nodes = [
            (node.op_type, list(node.input), node.output[0], {v.name: onnx.helper.get_attribute_value(v) for v in node.attribute})
            for node in graph.node
        ]
        self.constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        # Quantus asks a module for its device.
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.input, self.output = graph.input[0].name, graph.output[0].name

    def forward(self, image):
        global passes
        passes += len(image)
        known = {**self.constants, self.input: image}
        for op, names, out, o in self.nodes:
            v = [known[name] for name in names if name]
            if op == "Conv":
                top, left, bottom, right = o.get("pads", [0] * 4)
                assert (top, left) == (bottom, right)
                r = F.conv2d(v[0], v[1], v[2] if len(v) > 2 else None, o.get("strides", [1, 1]), [top, left], 1, o.get("group", 1))
            elif op == "BatchNormalization":
                r = F.batch_norm(v[0], v[3], v[4], v[1], v[2], False, 0, o.get("epsilon", 1e-5))
            elif op in ("MaxPool", "AveragePool"):
                pool = F.max_pool2d if op == "MaxPool" else F.avg_pool2d
                r = pool(v[0], o["kernel_shape"], o.get("strides", [1, 1]), o.get("pads", [0] * 4)[:2])
            elif op == "Gemm":
                r = F.linear(v[0], v[1] if o.get("transB", 0) else v[1].T, v[2] if len(v) > 2 else None)
            elif op == "MatMul":
                r = v[0] @ v[1]
            elif op == "Add":
                r = v[0] + v[1]
            elif op == "Concat":
                r = torch.cat(v, o["axis"])
            elif op == "GlobalAveragePool":
                r = v[0].mean((2, 3), keepdim=True)
            elif op == "Flatten":
                r = v[0].flatten(1)
            elif op == "Relu":
                r = F.relu(v[0])
            elif op == "Identity":
                r = v[0]
            else:
                raise NotImplementedError(op)
            known[out] = r
        return known[self.output]


def saliency(model, inputs, targets, **_):
    global passes
    image = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
    logits = model(image)
    own = logits[torch.arange(len(image)), torch.as_tensor(targets)]
    (gradient,) = torch.autograd.grad((2 * own - logits.sum(1)).sum() if logits.shape[1] == 2 else own.sum(), image)
    passes += len(image)
    return gradient.abs().numpy()


model = Network(given["file"]).eval()
quiet = dict(disable_warnings=True, display_progressbar=False, normalise=False, abs=False)
pixels = patch * patch
black = dict(perturb_baseline="black")
noise = dict(nr_samples=given["copies"], lower_bound=0.02)
METRICS = {
    "deletion": lambda: quantus.PixelFlipping(features_in_step=given["pixelsPerStep"], **black, **quiet),
    "aopc": lambda: quantus.RegionPerturbation(patch_size=8, regions_evaluation=given["regions"], **black, **quiet),
    "irof": lambda: quantus.IROF(segmentation_method="slic", return_aggregate=False, **quiet),
    "road": lambda: quantus.ROAD(noise=0.01, percentages=list(range(10, 100, 10)), **quiet),
    "faithfulness-correlation": lambda: quantus.FaithfulnessCorrelation(
        nr_runs=given["subsets"], subset_size=size * size // 10, return_aggregate=False, **black, **quiet),
    "faithfulness-estimate": lambda: quantus.FaithfulnessEstimate(features_in_step=pixels, **black, **quiet),
    "monotonicity": lambda: quantus.Monotonicity(features_in_step=pixels, **black, **quiet),
    "monotonicity-correlation": lambda: quantus.MonotonicityCorrelation(
        nr_samples=given["draws"], features_in_step=pixels, **quiet),
    "infidelity": lambda: quantus.Infidelity(
        perturb_patch_sizes=[patch], n_perturb_samples=given["repeats"], **black, **quiet),
    "max-sensitivity": lambda: quantus.MaxSensitivity(**noise, **quiet),
    "avg-sensitivity": lambda: quantus.AvgSensitivity(**noise, **quiet),
    "local-lipschitz": lambda: quantus.LocalLipschitzEstimate(nr_samples=given["copies"], **quiet),
}

with torch.no_grad():
    model(torch.from_numpy(x))
found = {}
now = time.process_time if given["clock"] == "cpu" else time.perf_counter
for name, make in METRICS.items():
    metric = make()
    before, start = passes, now()
    metric(model=model, x_batch=x, y_batch=y, a_batch=a, explain_func=saliency, softmax=True, device="cpu", batch_size=n)
    found[name] = {"passes": passes - before, "seconds": now() - start}
print(json.dumps(found))
