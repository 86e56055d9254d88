"""Deletion and insertion curves of tiny-densenet in float64, to tell rounding from error: writes curves.json beside it.

Run in the folder that holds golden.json. The float32 curves there differ from these by up to 8e-6.
"""

import json
import pathlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

case = json.load(open("golden.json"))["cases"]["tiny-densenet"]
model = onnx.load("tiny-densenet.onnx")
weights = {i.name: torch.tensor(numpy_helper.to_array(i).copy()) for i in model.graph.initializer}


def logits(x):
    v = {k: w.double() if w.is_floating_point() else w for k, w in weights.items()}
    v[model.graph.input[0].name] = torch.tensor(x).double()
    for n in model.graph.node:
        a = {t.name: onnx.helper.get_attribute_value(t) for t in n.attribute}
        i = [v[k] if k else None for k in n.input]
        pads = a.get("pads", [0, 0])[:2]
        if n.op_type == "Conv":
            o = F.conv2d(i[0], i[1], *i[2:], stride=a.get("strides", 1), padding=pads, groups=a.get("group", 1))
        elif n.op_type == "Relu":
            o = F.relu(i[0])
        elif n.op_type == "BatchNormalization":
            o = F.batch_norm(i[0], i[3], i[4], i[1], i[2], False, 0, a.get("epsilon", 1e-5))
        elif n.op_type == "MaxPool":
            o = F.max_pool2d(i[0], a["kernel_shape"], a["strides"], pads)
        elif n.op_type == "AveragePool":
            o = F.avg_pool2d(i[0], a["kernel_shape"], a["strides"], pads)
        elif n.op_type == "Concat":
            o = torch.cat(i, a["axis"])
        elif n.op_type == "Pad":
            p = [int(t) for t in i[1]]
            o = F.pad(i[0], [p[3], p[7], p[2], p[6]])
        elif n.op_type == "ReduceMean":
            o = i[0].mean(tuple(a["axes"]), keepdim=bool(a.get("keepdims", 1)))
        elif n.op_type == "Constant":
            o = torch.tensor(numpy_helper.to_array(a["value"]).copy())
        elif n.op_type == "Gemm":
            o = i[0] @ (i[1].T if a.get("transB") else i[1]) + i[2]
        else:
            raise ValueError(n.op_type)
        v[n.output[0]] = o
    return v[model.graph.output[0].name].numpy()


def curve(order, start, end, step, target):
    states = np.repeat(start[None], len(order) // step + 1, 0)
    for k, state in enumerate(states):
        state[order[: k * step]] = end[order[: k * step]]
    z = logits(states.reshape(-1, 1, 64, 64))
    e = np.exp(z - z.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True))[:, target]


images = np.load(case["input"]).reshape(4, -1)
starts = np.load(case["deletion_insertion"]["insertion_start"]).reshape(4, -1)
maps = np.load(case["deletion_insertion"]["attribution_file"]).reshape(4, -1)
step = case["deletion_insertion"]["pixels_per_step"]
out = {"made_with": {"script": "test/golden/curves.py", "torch": torch.__version__, "type": "float64"}}
out |= {"deletion": [], "insertion": []}
for x, s, a, t in zip(images, starts, maps, case["targets"]):
    order = np.argsort(-a, kind="stable")
    out["deletion"].append(curve(order, x, np.zeros_like(x), step, t).tolist())
    out["insertion"].append(curve(order, s, x, step, t).tolist())
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
