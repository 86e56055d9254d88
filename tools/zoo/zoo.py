"""
Exports networks with random weights by both exporters of PyTorch, and compares ct-xai-bench with PyTorch: scores, the
gradient of a class's logit with respect to the image, the class activation map, and the sum of DeepLIFT's map. Writes
docs/zoo.md.

    npm run build
    pip install -r tools/zoo/requirements.txt
    python tools/zoo/zoo.py [--only PATTERN] [--results FOLDER] [--page-only] [--again]

Each network has a file of results, and one that is there is not run again. Networks run one at a time, each in a
process of its own. Rows of networks without a file of results stay in the page as they are.
"""

import argparse
import fnmatch
import os
import sys
import tempfile
import zlib
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

sys.path.insert(0, str(Path(__file__).parent))
from networks import NETWORKS
from page import write_page
from results import BASELINE, HERE, TARGET, compare, first_line, float32_errors, relative, run_all

OPSETS = {"dynamo": 18, "legacy": 17}
PACKAGES = ("torch", "torchvision", "timm", "monai", "torchxrayvision", "segmentation-models-pytorch", "onnx", "onnxscript")


def made(name):
    """The network in float32 with random weights, none of them at the value that initialisation leaves all alike."""
    make, size, channels = NETWORKS[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    network = make().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # Zeros, ones and layer scales of 1e-6 would leave whole branches untested.
            if parameter.numel() > 1 and float(parameter.std()) < 1e-4:
                parameter.add_(0.1 * torch.randn_like(parameter))
    warm(network, size, channels)
    return network, size, channels


def warm(network, size, channels):
    """Batch statistics of a few random images."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for _ in range(3):
            network(images(4, size, channels))
    network.eval()


def images(count, size, channels):
    """Smooth textures with noise."""
    axis = torch.linspace(0, 1, size)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    found = torch.empty(count, channels, size, size)
    for i in range(count):
        for c in range(channels):
            a, b, p = torch.rand(3) * 12
            found[i, c] = torch.sin(a * rows + p) * torch.cos(b * columns + p) + 0.3 * torch.randn(size, size)
    return found


@contextmanager
def in_order(network):
    """
    Within, gradients reach normalisations in the ordinary order of memory: with batch statistics fixed, PyTorch 2.15 on
    a CPU reads [1, c, h, w] that lies in memory as [1, h, w, c], as behind `flatten(2).transpose(1, 2)`, in the wrong
    order, and gives another gradient than that of its scores.
    """

    def ordered(module, given, found):
        if found.requires_grad:
            found.register_hook(lambda slope: slope.contiguous())

    kind = nn.modules.batchnorm._NormBase
    handles = [m.register_forward_hook(ordered) for m in network.modules() if isinstance(m, kind)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def gradient_of(network, image):
    image = image.clone().requires_grad_()
    with in_order(network):
        scores = network(image)
    (gradient,) = torch.autograd.grad(scores[0, TARGET], image)
    return scores.detach(), gradient


def by_differences(network, image, gradient, step=1e-5):
    """How far the score's slope along the gradient, by a central difference, is from the gradient's size."""
    size = gradient.norm()
    step *= image.norm()
    with torch.no_grad():
        above, below = (network(image + sign * step * gradient / size)[0, TARGET] for sign in (1, -1))
    return float(abs((above - below) / (2 * step * size) - 1))


def at_nearby_images(network, image, gradient):
    """How far the gradient moves, at most, when the image changes by as little as float32 rounds: far at a kink."""
    moves = [gradient_of(network, image + 1e-7 * torch.randn_like(image))[1] for _ in range(4)]
    return max(relative(moved.numpy(), gradient) for moved in moves)


class Kept(TorchFunctionMode):
    """Every tensor of a certain number of elements that PyTorch computes."""

    def __init__(self, elements):
        super().__init__()
        self.elements = elements
        self.found = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor) and tensor.numel() == self.elements and tensor.requires_grad:
                self.found.append(tensor)
        return result


def cam_error(network, image, activations, slopes):
    """Grad-CAM at the tensor that has our layer's values: the difference as a share of the largest value."""
    channels = activations.shape[-1]
    ours = np.maximum(0, (activations.reshape(-1, channels) * slopes.reshape(-1, channels).mean(0)).sum(1))
    found = cam_of(network, image, activations)
    if found is None:
        return None
    theirs, size = np.maximum(0, found[0]), found[1]
    if theirs.max() == 0:
        return 0.0 if ours.max() < 1e-6 * size else float("inf")
    return float(np.abs(ours - theirs).max() / theirs.max())


def cam_of(network, image, activations):
    """PyTorch's Grad-CAM before ReLU at its tensor with these values, [pixels], and the largest sum of its terms' sizes."""
    channels = activations.shape[-1]
    best = None
    wanted = activations.reshape(-1, channels)
    for extra in (0, 1, 2, 5):
        pixels = wanted.shape[0] + extra
        with in_order(network), Kept(pixels * channels) as kept:
            scores = network(image.clone().requires_grad_())
        for tensor in kept.found:
            for arranged in arrangements(tensor, pixels, channels):
                values = arranged(tensor)[extra:].detach().numpy()
                off = relative(values, wanted)
                if best is None or off < best[0]:
                    best = (off, tensor, arranged, extra, scores)
        if best is not None and best[0] < 1e-2:
            break
    if best is None or best[0] > 1e-2:
        return None
    off, tensor, arranged, extra, scores = best
    (slope,) = torch.autograd.grad(scores[0, TARGET], tensor)
    values, slope = arranged(tensor)[extra:].detach().numpy(), arranged(slope)[extra:].numpy()
    terms = values * slope.mean(0)
    return terms.sum(1), np.abs(terms).sum(1).max()


def arrangements(tensor, pixels, channels):
    """Ways to read a tensor as [pixels, channels]."""
    shape = [d for d in tensor.shape if d != 1]
    if not shape:
        return []
    found = []
    if shape[-1] == channels:
        found.append(lambda t: t.reshape(pixels, channels))
    if shape[0] == channels:
        found.append(lambda t: t.reshape(channels, pixels).T)
    return found


def exported(network, image, exporter, file):
    options = {"input_names": ["image"], "output_names": ["scores"], "opset_version": OPSETS[exporter]}
    if exporter == "legacy":
        axes = {"image": {0: "batch"}, "scores": {0: "batch"}}
        torch.onnx.export(network, (image,), file, dynamo=False, dynamic_axes=axes, **options)
    else:
        shapes = ({0: torch.export.Dim.DYNAMIC},)
        two = torch.cat([image, image])
        torch.onnx.export(network, (two,), file, dynamo=True, dynamic_shapes=shapes, verbose=False, external_data=False, **options)


def run(name):
    """The results of one network, as written."""
    network, size, channels = made(name)
    image = images(1, size, channels)
    scores32, gradient32 = gradient_of(network, image)
    with torch.no_grad():
        differences32 = (scores32 - network(torch.full_like(image, BASELINE)))[0].numpy()
    result = {
        "name": name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "size": size,
        "channels": channels,
        "versions": {package: version(package) for package in PACKAGES},
        "exports": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = {}
        for exporter, opset in OPSETS.items():
            file = folder / f"{exporter}.onnx"
            try:
                exported(network, image, exporter, str(file))
                files[exporter] = (file, opset)
            except Exception as error:
                result["exports"][exporter] = {"export_error": first_line(error)}
        network = network.double()
        image64 = image.double()
        scores, gradient = gradient_of(network, image64)
        result["difference_error"] = by_differences(network, image64, gradient)
        scores, gradient = scores.numpy(), gradient.numpy()
        with torch.no_grad():
            differences = (scores - network(torch.full_like(image64, BASELINE)).numpy())[0]
        lift = int(np.abs(differences).argmax())
        result["gradient_size"] = float(np.abs(gradient).max())
        single = (scores32.numpy(), gradient32.numpy(), differences32)
        result["torch32"] = float32_errors(single, (scores, gradient, differences), lift)
        reference = {
            "scores": scores[0],
            "gradient": gradient[0].transpose(1, 2, 0),
            "lift": lift,
            "difference": differences[lift],
            "nearby": lambda: at_nearby_images(network, image64, gradient),
            "cam_error": lambda values, slopes: cam_error(network, image64, values, slopes),
        }
        compared, nearby = compare(folder, files, image[0].permute(1, 2, 0).numpy(), reference)
        result["exports"] |= compared
        if nearby is not None:
            result["nearby"] = nearby
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="names to run, such as 'timm/vit*'")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where results are kept")
    parser.add_argument("--page-only", action="store_true", help="write docs/zoo.md from the results that are there")
    parser.add_argument("--again", action="store_true", help="run networks that have results, too")
    given = parser.parse_args()
    if not given.page_only:
        import timm, torchvision  # noqa: F401 (read once, before the processes part)

        run_all(fnmatch.filter(NETWORKS, given.only), given.results, given.again, run)
    write_page(given.results, HERE.parent.parent / "docs" / "zoo.md")


if __name__ == "__main__":
    main()
