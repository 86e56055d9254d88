"""The other side of bench/peers/run.js, which calls it: python bench/peers/peers.py FOLDER

PyTorch with Captum, lime and Quantus on the network, image, map and counts that run.js left in FOLDER. The weights of the
ONNX file go into torchvision's DenseNet-121, and the logits are compared. Prints one JSON object: for each task its
passes (a backward pass counts as one) and seconds, or why it was not run.
"""
import json
import sys
import time
import warnings

import numpy as np
import onnx
import torch
import torchvision
from captum import attr
from onnx import numpy_helper

warnings.filterwarnings("ignore")
# Quantus 0.6 calls it by the name that it had before NumPy 2.4.
np.trapz = np.trapezoid
where = sys.argv[1]
given = json.load(open(f"{where}/settings.json"))
size, at_once = given["size"], 8
torch.set_num_threads(given["threads"])
read = lambda name: np.fromfile(f"{where}/{name}", dtype=np.float32).reshape(1, 1, size, size)
x, a = torch.from_numpy(read("image")), read("attribution")
baseline = torch.full_like(x, given["baseline"])
passes = 0


def network(file):
    """torchvision's DenseNet-121 with the parameters of an ONNX file whose layers come in the same order."""
    graph = onnx.load(file).graph
    constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    nodes = [n for n in graph.node if n.op_type in ("Conv", "BatchNormalization", "Gemm")]
    model = torchvision.models.densenet121(weights=None, num_classes=2)
    model.features.conv0 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    kinds = {torch.nn.Conv2d: "Conv", torch.nn.BatchNorm2d: "BatchNormalization", torch.nn.Linear: "Gemm"}
    modules = [m for m in model.modules() if type(m) in kinds]
    # Defined last but run first: the layer that was replaced keeps its place.
    assert len(nodes) == len(modules), (len(nodes), len(modules))
    for node, module in zip(nodes, modules):
        assert kinds[type(module)] == node.op_type
        values = [constants[name] for name in node.input[1:]]
        with torch.no_grad():
            if node.op_type == "Gemm":
                module.weight.copy_(values[0] if values[0].shape == module.weight.shape else values[0].T)
                module.bias.copy_(values[1])
            elif node.op_type == "Conv":
                module.weight.copy_(values[0])
            else:
                module.weight.copy_(values[0]), module.bias.copy_(values[1])
                module.running_mean.copy_(values[2]), module.running_var.copy_(values[3])
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-5
    return model.eval()


model = network(f"{where}/model.onnx")
with torch.no_grad():
    logits = model(x)[0].numpy()
apart = float(np.abs(logits - np.array(given["logits"])).max())
assert apart < 1e-3 * max(1, float(np.abs(logits).max())), f"the logits differ by {apart}"
model.register_forward_pre_hook(lambda _, inputs: globals().update(passes=passes + len(inputs[0])))
target = given["class"]
found = {}


def task(name, work, backward=0):
    global passes
    passes = 0
    start = time.perf_counter()
    try:
        value = work()
        found[name] = {"passes": passes + backward, "seconds": time.perf_counter() - start}
        if isinstance(value, float):
            found[name]["value"] = value
    except ModuleNotFoundError as error:
        found[name] = {"why": f"{error.name} is not installed"}
    print(name, found[name], file=sys.stderr)


def forward(images):
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(at_once)])


def lime():
    from lime import lime_image

    side = size // given["cells"]
    cells = (np.arange(size)[:, None] // side) * given["cells"] + np.arange(size)[None, :] // side

    def probabilities(images):
        return torch.softmax(forward(torch.from_numpy(images[..., :1].astype(np.float32)).permute(0, 3, 1, 2)), 1).numpy()

    lime_image.LimeImageExplainer(random_state=0).explain_instance(
        np.repeat(x[0, 0].numpy()[..., None], 3, 2).astype(np.double), probabilities, labels=(target,), hide_color=given["baseline"],
        top_labels=None, num_samples=given["samples"], batch_size=at_once, segmentation_fn=lambda _: cells)


def deletion():
    import quantus

    metric = quantus.PixelFlipping(
        features_in_step=size * size // given["steps"], perturb_baseline=given["baseline"], return_auc_per_sample=True,
        disable_warnings=True, display_progressbar=False)
    with torch.no_grad():
        return float(np.ravel(metric(model=model, x_batch=x.numpy(), y_batch=np.array([target]), a_batch=a, softmax=True))[0])


warm = model(x.clone().requires_grad_())[0, target]
warm.backward()
steps, window, stride = given["integration"], given["window"], given["stride"]
task("integrated-gradients", lambda: attr.IntegratedGradients(model).attribute(
    x, baselines=baseline, target=target, n_steps=steps, internal_batch_size=at_once), steps)
task("occlusion", lambda: attr.Occlusion(model).attribute(
    x, (1, window, window), strides=(1, stride, stride), baselines=baseline, target=target, perturbations_per_eval=at_once))
task("lime", lime)
task("deletion", deletion)
print(json.dumps(found))
