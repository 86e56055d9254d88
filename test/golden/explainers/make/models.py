"""Writes the images, the networks (weights and ONNX), their logits, input gradients and CAM layers; starts index.json.

The exporter folds batch normalisation into convolutions, as exports usually have it. Everything but the weights is
computed in float64 and stored in float32.
"""
import numpy as np
import onnx
import onnxruntime
import torch

from common import ROOT, Writer, array, gradient, images, load, read_index, relative, score, versions, write_index
from networks import EARLIER, NETWORKS, warm

SEED = {"cnn": 1, "densenet": 2, "resnet": 3, "efficientnet": 4, "convnext": 5, "vit": 6}
#: Explained classes, by image: positive and negative logits, likely and unlikely classes.
TARGETS = {"cnn": [1, 0], "densenet": [0, 2], "resnet": [0, 2], "efficientnet": [2, 0], "convnext": [0, 2],
           "vit": [0, 1]}


def export(model, path, x, **more):
    torch.onnx.export(model, x, path, opset_version=17, input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, dynamo=False, **more)
    stored = onnx.load(path)
    del stored.graph.value_info[:]
    for node in stored.graph.node:
        node.doc_string = ""
    onnx.save(stored, path)


def tensor_named(path, x, wanted):
    """The tensor of the ONNX file whose value is `wanted`; the last one if several are the same."""
    model = onnx.load(path)
    names = [o for n in model.graph.node for o in n.output]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    values = onnxruntime.InferenceSession(model.SerializeToString()).run(names, {"image": x})
    close = [n for n, v in zip(names, values) if v.shape == wanted.shape and relative(v, wanted) < 1e-5]
    return close[-1]


def make(name):
    build, side = NETWORKS[name]
    torch.manual_seed(SEED[name])
    model = warm(build(), torch.from_numpy(images(100 + SEED[name], 128, side)))
    (ROOT / "make" / "weights").mkdir(exist_ok=True)
    np.savez(ROOT / "make" / "weights" / f"{name}.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
    x = np.load(ROOT / f"images-{side}.npy")
    path = str(ROOT / f"{name}.onnx")
    export(model, path, torch.from_numpy(x))
    targets = TARGETS[name]
    entry = {"file": f"{name}.onnx", "images": f"images-{side}.npy", "side": side,
             "classes": model(torch.from_numpy(x)).shape[1], "targets": targets}
    if name == "vit":
        kept = []
        handle = model.blocks[-1].n1.register_forward_hook(lambda _, given, found: kept.append(found.detach().numpy()))
        model(torch.from_numpy(x))
        handle.remove()
        entry["layer"] = tensor_named(path, x, kept[0])
    else:
        with torch.no_grad():
            entry["layer"] = tensor_named(path, x, model.features(torch.from_numpy(x)).numpy())
            earlier = model.features[:EARLIER[name] + 1](torch.from_numpy(x)).numpy()
            entry["earlierLayer"] = tensor_named(path, x, earlier)
    return entry


def measure(name, w):
    """Logits, input gradients and, at the CAM layer, activations and gradients, of both scores."""
    model, x, targets = load(name)
    entry = read_index()["models"][name]
    with torch.no_grad():
        entry["logits"] = w.save(f"{name}/logits", model(x))
    session = onnxruntime.InferenceSession(str(ROOT / entry["file"]))
    ours = session.run(None, {"image": x.numpy().astype(np.float32)})[0]
    assert np.abs(ours - array(model(x))).max() < 1e-4, name
    for kind in ("logit", "margin"):
        of = lambda i, images: score(model(images), targets[i], kind)
        g = torch.cat([gradient(lambda v: of(i, v), x[i:i + 1]) for i in range(len(x))])
        entry[f"gradient-{kind}"] = w.save(f"{name}/gradient-{kind}", g)
        single, xs, _ = load(name, torch.float32)
        g32 = torch.cat([gradient(lambda v: score(single(v), targets[i], kind), xs[i:i + 1]) for i in range(len(x))])
        entry[f"gradient-{kind}-float32"] = relative(g32, g)
        if name == "vit":
            continue
        a = model.features(x)
        ga = torch.cat([gradient(lambda v: score(model.tail(v), targets[i], kind), a[i:i + 1]) for i in range(len(x))])
        entry["activations"] = w.save(f"{name}/activations", a)
        entry[f"layer-gradient-{kind}"] = w.save(f"{name}/layer-gradient-{kind}", ga)
    return entry


def main():
    for side in (32, 64):
        np.save(ROOT / f"images-{side}.npy", images(side, 2, side))
    index = {
        "about": "Reference values for explainers; README.md says what the fields mean.",
        "versions": versions("torch", "onnx", "onnxruntime", "numpy", "captum", "grad-cam", "torchcam", "saliency",
                             "zennit", "shap", "scipy", "scikit-image"),
        "models": {},
        "references": read_index().get("references", []),
        "metrics": read_index().get("metrics", []),
    }
    for name in NETWORKS:
        index["models"][name] = make(name)
    write_index(index)
    with Writer("models.py") as w:
        for name in NETWORKS:
            index["models"][name] = measure(name, w)
            e = index["models"][name]
            print(name, np.load(ROOT / e["logits"]).round(2).tolist(), e["targets"], e.get("layer"),
                  e["gradient-logit-float32"])
        write_index(index)


if __name__ == "__main__":
    main()
