"""Half-precision exports of the small networks in ../explainers, and what PyTorch computes of their rounded weights.

    python make.py

`NAME.onnx`: model.half() by the TorchScript exporter, input and output in float16 too, batch normalisation not folded.
`NAME-float32.onnx`: the same file with every tensor and type in float32, the values as they are.
`NAME.logits.npy` and `NAME.gradient.npy`, of the explained logit: made in float64 from the weights as float16 has them, stored
in float32.
"""
import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "explainers" / "make"))
from common import load, versions  # noqa: E402
from models import export  # noqa: E402

warnings.simplefilter("ignore")


HALF, SINGLE = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT


def in_single(model):
    def tensor(t):
        if t.data_type == HALF:
            t.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t).astype(np.float32), t.name))

    for t in model.graph.initializer:
        tensor(t)
    for node in model.graph.node:
        for a in node.attribute:
            if a.type == onnx.AttributeProto.TENSOR:
                tensor(a.t)
            elif a.name == "to" and a.i == HALF:
                a.i = SINGLE
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = SINGLE
    onnx.checker.check_model(model)
    return model


def main():
    about = {"versions": versions("torch", "onnx", "numpy"), "models": {}}
    for name in ("cnn", "efficientnet", "vit"):
        model, x, targets = load(name, torch.float16)
        path = str(HERE / f"{name}.onnx")
        export(model, path, x, training=torch.onnx.TrainingMode.PRESERVE)
        stored = onnx.load(path)
        onnx.save(in_single(onnx.load(path)), str(HERE / f"{name}-float32.onnx"))
        model, x = model.double(), load(name)[1].requires_grad_()
        logits = model(x)
        gradient, = torch.autograd.grad(logits[range(len(targets)), targets].sum(), x)
        np.save(HERE / f"{name}.logits.npy", logits.detach().numpy().astype(np.float32))
        np.save(HERE / f"{name}.gradient.npy", gradient.numpy().astype(np.float32))
        kinds = sorted({onnx.TensorProto.DataType.Name(t.data_type) for t in stored.graph.initializer})
        about["models"][name] = kinds
        print(name, kinds, len(stored.graph.node))
    (HERE / "index.json").write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
