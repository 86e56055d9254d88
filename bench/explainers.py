"""Time of Captum's explainers on DenseNet-121 at the settings of ours, as JSON for bench/explainers.js.

    python bench/explainers.py captum.json [methods …]        # pip install captum torchvision

One image of 224 × 224 pixels, one channel, random weights, two threads; medians of three runs after one that warms up,
or one run where there are more than 300 passes.
"""
import json
import statistics
import sys
import time

import captum
import torch
import torchvision
from captum import attr

torch.set_num_threads(2)
torch.manual_seed(0)
model = torchvision.models.densenet121(weights=None, num_classes=2)
model.features.conv0 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
for module in model.modules():
    if isinstance(module, torch.nn.ReLU):
        module.inplace = False
model.eval()
x = torch.rand(1, 1, 224, 224) - 0.5
b = torch.full_like(x, -0.5)
rows, columns = torch.meshgrid(torch.arange(224) // 32, torch.arange(224) // 32, indexing="ij")
segments = (rows * 7 + columns)[None, None]  # 49, as SLIC's 50
AT_ONCE = 8
layer = model.features


METHODS = {
    "saliency": (2, lambda: attr.Saliency(model).attribute(x, target=0)),
    "input-x-gradient": (2, lambda: attr.InputXGradient(model).attribute(x, target=0)),
    "integrated-gradients": (102, lambda: attr.IntegratedGradients(model).attribute(
        x, baselines=b, target=0, n_steps=50, internal_batch_size=AT_ONCE)),
    "smoothgrad": (100, lambda: attr.NoiseTunnel(attr.Saliency(model)).attribute(
        x, nt_samples=50, nt_samples_batch_size=AT_ONCE, stdevs=0.15, target=0)),
    "grad-cam": (2, lambda: attr.LayerGradCam(model, layer).attribute(x, target=0)),
    "guided-backprop": (2, lambda: attr.GuidedBackprop(model).attribute(x, target=0)),
    "deconvnet": (2, lambda: attr.Deconvolution(model).attribute(x, target=0)),
    "guided-grad-cam": (4, lambda: attr.GuidedGradCam(model, layer).attribute(x, target=0)),
    "deeplift": (3, lambda: attr.DeepLift(model).attribute(x, baselines=b, target=0)),
    "segment-ablation": (50, lambda: attr.FeatureAblation(model).attribute(
        x, baselines=b, target=0, feature_mask=segments, perturbations_per_eval=AT_ONCE)),
    "occlusion": (730, lambda: attr.Occlusion(model).attribute(
        x, (1, 16, 16), strides=(1, 8, 8), baselines=b, target=0, perturbations_per_eval=AT_ONCE)),
    "shapley-sampling": (1227, lambda: attr.ShapleyValueSampling(model).attribute(
        x, baselines=b, target=0, feature_mask=segments, n_samples=25, perturbations_per_eval=AT_ONCE)),
    "lime": (1000, lambda: attr.Lime(model).attribute(
        x, baselines=b, target=0, feature_mask=segments, n_samples=1000, perturbations_per_eval=AT_ONCE)),
    "kernel-shap": (2150, lambda: attr.KernelShap(model).attribute(
        x, baselines=b, target=0, feature_mask=segments, n_samples=2150, perturbations_per_eval=AT_ONCE)),
}
# GradientShap is left out: it makes all its 200 points at once, which does not fit into memory.

found = {}
for name in sys.argv[2:] or METHODS:
    passes, explain = METHODS[name]
    times = []
    for _ in range(1 if passes > 300 else 4):
        start = time.perf_counter()
        try:
            explain()
        except Exception as error:  # noqa: BLE001 - what Captum cannot do is said and left out
            print(name, "cannot:", str(error)[:100])
            break
        times.append(1000 * (time.perf_counter() - start))
    if times:
        found[name] = statistics.median(times[1:] or times)
        print(f"{name}: {found[name]:.0f} ms")
with open(sys.argv[1], "w") as file:
    json.dump(found, file, indent=1)
print("captum", captum.__version__, "torch", torch.__version__)
