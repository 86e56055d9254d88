"""
Small networks of the zoo's kinds, with random weights, as test data: ONNX files, and what PyTorch in float64 gives for
them. Writes test/golden/zoo.

    npm run build
    pip install -r tools/zoo/requirements.txt
    python tools/zoo/small.py [--only PATTERN]

Grad-CAM, before ReLU, is PyTorch's at its tensor that has the values of the layer that the program takes; without `cam` there is none.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import tempfile
import warnings
import zlib
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch

from results import HERE, TARGET
from zoo import OPSETS, cam_of, exported, gradient_of, images, warm

OUT = HERE.parent.parent / "test" / "golden" / "zoo"
SIZE = 64
CLASSES = 3


def timm(name, **options):
    def make():
        import timm

        return timm.create_model(name, num_classes=CLASSES, **options)

    return make


def of(module, kind, **options):
    def make():
        import importlib

        return getattr(importlib.import_module(f"timm.models.{module}"), kind)(num_classes=CLASSES, **options)

    return make


def monai(kind, pooled=False, **options):
    def make():
        import monai.networks.nets as nets

        from networks import MeanOfPixels

        network = getattr(nets, kind)(spatial_dims=2, in_channels=3, **options)
        return MeanOfPixels(network) if pooled else network

    return make


# Name -> exporter, how it is made.
NETWORKS = {
    "vit": ("dynamo", timm("vit_tiny_patch16_224", img_size=SIZE, embed_dim=32, depth=2, num_heads=2)),
    "dinov3": ("dynamo", timm("vit_small_patch16_dinov3", img_size=SIZE, embed_dim=32, depth=2, num_heads=2)),
    "eva02": ("dynamo", timm("eva02_tiny_patch14_224", img_size=SIZE, patch_size=16, embed_dim=32, depth=2, num_heads=2)),
    "cait": ("legacy", timm("cait_xxs24_224", img_size=SIZE, embed_dim=24, depth=2, num_heads=3)),
    "xcit": ("dynamo", timm("xcit_nano_12_p8_224", img_size=SIZE, embed_dim=24, depth=2, num_heads=3)),
    "swin": (
        "dynamo",
        timm(
            "swin_tiny_patch4_window7_224",
            img_size=SIZE,
            window_size=4,
            embed_dim=16,
            depths=(1, 2),
            num_heads=(2, 4),
        ),
    ),
    "pvt": ("legacy", timm("pvt_v2_b0", embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1), num_heads=(1, 2, 3, 4))),
    "twins": (
        "legacy",
        timm(
            "twins_svt_small",
            img_size=SIZE,
            embed_dims=(8, 16, 24, 32),
            depths=(1, 1, 1, 1),
            num_heads=(1, 2, 2, 4),
            wss=[2, 2, 2, 2],
        ),
    ),
    "levit": (
        "legacy",
        timm("levit_128s", img_size=SIZE, embed_dim=(16, 24, 32), key_dim=8, num_heads=(2, 3, 4), depth=(1, 1, 1)),
    ),
    "davit": ("legacy", of("davit", "DaVit", depths=(1, 1, 1, 1), embed_dims=(4, 8, 12, 16), num_heads=(1, 1, 1, 2), window_size=2)),
    "gcvit": (
        "legacy",
        of("gcvit", "GlobalContextVit", img_size=SIZE, embed_dim=4, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 2), window_size=(4, 4, 4, 2)),
    ),
    "focalnet": ("legacy", of("focalnet", "FocalNet", embed_dim=4, depths=(1, 1, 1, 1))),
    "caformer": ("dynamo", of("metaformer", "MetaFormer", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32))),
    "edgenext": ("legacy", timm("edgenext_xx_small", dims=(8, 16, 24, 32), depths=(1, 1, 2, 1))),
    "convnextv2": ("legacy", timm("convnextv2_atto", depths=(1, 1, 2, 1), dims=(8, 16, 24, 32))),
    "mambaout": ("dynamo", timm("mambaout_femto", dims=(8, 16, 24, 32), depths=(1, 1, 1, 1))),
    "inception-next": ("legacy", timm("inception_next_atto", dims=(16, 24, 32, 32), depths=(1, 1, 1, 1))),
    "repvit": ("dynamo", timm("repvit_m0_9", embed_dim=(8, 16, 24, 32), depth=(1, 1, 1, 1))),
    "efficientnet": ("legacy", timm("test_efficientnet")),
    "monai-densenet": (
        "dynamo",
        monai("DenseNet", out_channels=CLASSES, init_features=8, growth_rate=4, block_config=(2, 2, 2)),
    ),
    "monai-unet": (
        "legacy",
        monai("UNet", pooled=True, out_channels=CLASSES, channels=(4, 8, 16), strides=(2, 2), num_res_units=1),
    ),
    "monai-attention-unet": (
        "dynamo",
        monai("AttentionUnet", pooled=True, out_channels=CLASSES, channels=(4, 8, 16), strides=(2, 2)),
    ),
}

def made(name):
    torch.manual_seed(zlib.crc32(name.encode()))
    network = NETWORKS[name][1]().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # Zeros, ones and layer scales of 1e-6 would leave whole branches untested.
            if parameter.numel() > 1 and float(parameter.std()) < 1e-4:
                parameter.add_(0.1 * torch.randn_like(parameter))
    warm(network, SIZE, 3)
    return network


def without_notes(file):
    """Leaves out where in PyTorch's code each node comes from, which takes more space than the weights."""
    import onnx

    model = onnx.load(file)
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        del graph.value_info[:]
        for thing in [graph, *graph.node, *getattr(graph, "input", []), *getattr(graph, "output", [])]:
            if hasattr(thing, "metadata_props"):
                del thing.metadata_props[:]
            if hasattr(thing, "doc_string"):
                thing.doc_string = ""
    for thing in graphs[0].initializer:
        del thing.metadata_props[:]
    del model.metadata_props[:]
    onnx.save(model, file)


def save(name, values):
    np.save(OUT / name, np.ascontiguousarray(values, np.float32))
    return name


def one(name, both):
    exporter = NETWORKS[name][0]
    network = made(name)
    file = str(OUT / f"{name}.onnx")
    exported(network, both[:1], exporter, file)
    without_notes(file)
    network = network.double()
    scores, gradient = gradient_of(network, both[:1].double())
    with torch.no_grad():
        all_scores = network(both.double())
    entry = {
        "file": f"{name}.onnx",
        "exporter": exporter,
        "opset": OPSETS[exporter],
        "scores": all_scores.tolist(),
        "gradient": save(f"{name}.gradient.npy", gradient[0].numpy()),
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        both[0].permute(1, 2, 0).contiguous().numpy().tofile(folder / "image")
        job = {"image": str(folder / "image"), "rows": SIZE, "columns": SIZE, "channels": 3, "classes": CLASSES}
        job |= {"target": TARGET, "deeplift": {"class": 0, "baseline": -1.0}}
        job["exports"] = [{"model": str(OUT / f"{name}.onnx"), "prefix": str(folder / "out")}]
        (folder / "job.json").write_text(json.dumps(job))
        subprocess.run(["node", str(HERE / "compare.js"), str(folder / "job.json")], check=True)
        found = json.loads((folder / "out.json").read_text())
        print(name, {k: found[k] for k in ("error", "shape", "spatial", "limitations") if k in found}, flush=True)
        if "shape" in found:
            values = np.fromfile(folder / "out.activations", np.float32).reshape(-1, found["shape"][-1])
            cam = cam_of(network, both[:1].double(), values)
            # Of several tensors with these values, one that leads nowhere tells nothing.
            if cam is not None and cam[0].any():
                entry["cam"] = save(f"{name}.cam.npy", cam[0])
                entry["grid"] = found["shape"][1:-1]
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="names to make again, such as 'monai-*'")
    given = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    index = json.loads((OUT / "index.json").read_text()) if (OUT / "index.json").exists() else {"networks": {}}
    torch.manual_seed(1)
    both = images(2, SIZE, 3)
    save("images.npy", both.numpy())
    index["made with"] = {"torch": torch.__version__}
    index["class"] = TARGET
    warnings.simplefilter("ignore")
    for name in fnmatch.filter(NETWORKS, given.only):
        index["networks"][name] = one(name, both)
        (OUT / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
