"""Maps of other tools on networks that the tests do not have, for compare.js: README.md.

    python references.py FOLDER [networks …]

Weights are random; batch statistics are those of some images, and logits have mean 0 and deviation 2 on them. All maps
are made in float64, one network at a time, and stored in float32. Layers of CAM methods have a few cells at least.
"""
import contextlib
import io
import json
import pathlib
import sys
import warnings

import captum.attr as attr
import numpy as np
import onnx
import onnxruntime
import pytorch_grad_cam
import saliency.core as pair
import timm
import torch
import torchcam
import torchvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision import models

torch.set_num_threads(1)
warnings.simplefilter("ignore")
# PAIR calls np.quantile's option by the name that it had before NumPy 2.4.
quantile = np.quantile
np.quantile = lambda *given, interpolation="linear", **options: quantile(*given, method=interpolation, **options)


def monai(name, *given, **options):
    from monai.networks import nets
    return getattr(nets, name)(*given, **options)


def by_timm(name, **options):
    return lambda: timm.create_model(name, pretrained=False, num_classes=4, **options)


def module(name):
    return lambda model: model.get_submodule(name)


class SqueezeNet(nn.Module):
    """torchvision's, with a dense layer."""

    def __init__(self):
        super().__init__()
        made = models.squeezenet1_1(num_classes=24)
        self.features, self.conv, self.relu, self.head = made.features, made.classifier[1], nn.ReLU(), nn.Linear(24, 4)

    def forward(self, x):
        return self.head(self.relu(self.conv(self.features(x))).mean((2, 3)))


class XrayDenseNet(nn.Module):
    """TorchXRayVision's network with its last ReLU as a module, which hooks of other tools see."""

    def __init__(self):
        super().__init__()
        from torchxrayvision.models import DenseNet
        made = DenseNet(growth_rate=8, block_config=(2, 2, 2), num_init_features=16, num_classes=14, in_channels=1,
                        apply_sigmoid=False)
        self.features, self.relu, self.classifier = made.features, nn.ReLU(), made.classifier

    def forward(self, x):
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


class Encoder(nn.Module):
    """The encoder of a U-Net, and a dense layer."""

    def __init__(self):
        super().__init__()
        from segmentation_models_pytorch.encoders import get_encoder
        self.encoder = get_encoder("resnet18", in_channels=1, depth=4, weights=None)
        self.head = nn.Linear(self.encoder.out_channels[-1], 3)

    def forward(self, x):
        return self.head(self.encoder(x)[-1].mean((2, 3)))


#: name → (constructor, (channels, rows, columns), layer of CAM methods)
NETWORKS = {
    "mobilenet-v3-small": (lambda: models.mobilenet_v3_small(num_classes=5), (3, 64, 48), lambda m: m.features[3]),
    "regnet-y-400mf": (lambda: models.regnet_y_400mf(num_classes=4), (3, 64, 48), lambda m: m.trunk_output.block2),
    "googlenet": (lambda: models.googlenet(num_classes=4, aux_logits=False, init_weights=False), (3, 64, 48),
                  lambda m: m.inception4a),
    "swin": (lambda: models.SwinTransformer([4, 4], 24, [2, 2], [2, 4], [4, 4], num_classes=5), (3, 64, 48),
             lambda m: m.norm),
    "monai-densenet": (lambda: monai("DenseNet", 2, 1, 3, init_features=16, growth_rate=8, block_config=(2, 3, 2)),
                       (1, 64, 48), lambda m: m.features),
    "monai-classifier": (lambda: monai("Classifier", (1, 64, 48), 4, (8, 16, 24), (2, 2, 2)), (1, 64, 48),
                         lambda m: m.net),
    "torchxrayvision-densenet": (XrayDenseNet, (1, 64, 64), lambda m: m.relu),
    "unet-encoder": (Encoder, (1, 48, 64), lambda m: m.encoder.layer3),
    "squeezenet": (SqueezeNet, (3, 64, 96), module("features.7")),
    "shufflenet": (lambda: models.shufflenet_v2_x0_5(num_classes=4), (3, 64, 96), module("stage4.0.branch2.2")),
    "mnasnet": (lambda: models.mnasnet0_5(num_classes=4), (3, 64, 96), module("layers.12.0.layers.2")),
    "ghostnet": (by_timm("ghostnet_050"), (3, 64, 96), module("blocks.7.0.ghost1")),
    "mobilevit": (by_timm("mobilevit_xs"), (3, 64, 96), module("stages.4.0.conv1_1x1")),
    "convmixer": (lambda: timm.models.convmixer.ConvMixer(48, 4, kernel_size=7, patch_size=8, num_classes=4), (3, 64, 96),
                  module("blocks")),
    "coatnet": (by_timm("coatnet_pico_rw_224", img_size=(64, 96)), (3, 64, 96), module("stages.3.blocks.0.norm1.norm")),
    "maxvit": (by_timm("maxvit_pico_rw_256", img_size=(128, 128)), (3, 128, 128), module("norm")),
    "efficientformer": (by_timm("efficientformer_l1"), (3, 224, 224), module("stages.3.blocks.2")),
    "efficientnetv2": (by_timm("tf_efficientnetv2_b0"), (3, 64, 96), module("blocks.4")),
    "edgenext": (by_timm("edgenext_xx_small"), (3, 64, 96), module("stages.3.downsample.0")),
    "rexnet": (by_timm("rexnet_100"), (3, 64, 96), module("features.10")),
    "fastvit": (by_timm("fastvit_t8"), (3, 64, 96), module("stages.2")),
    "starnet": (by_timm("starnet_s1"), (3, 64, 96), module("stages.2")),
    "skresnet": (by_timm("skresnet18"), (3, 64, 96), module("layer3")),
    "resnest": (by_timm("resnest14d"), (3, 64, 96), module("layer4.0.act2")),
    "hrnet": (by_timm("hrnet_w18_small"), (3, 64, 96), module("downsamp_modules.1.2")),
    "monai-efficientnet": (lambda: monai("EfficientNetBN", "efficientnet-b0", False, spatial_dims=2, in_channels=1,
                                         num_classes=4), (1, 64, 96), module("_blocks.5.10")),
    "byobnet": (by_timm("test_byobnet"), (3, 64, 96), module("stages.2")),
    "lcnet": (by_timm("lcnet_050", in_chans=1), (1, 64, 96), module("blocks.3")),
    "resnet": (by_timm("test_resnet"), (3, 96, 64), module("layer3")),
    "nfnet": (by_timm("test_nfnet"), (3, 64, 96), module("stages.2")),
    "efficientnet-ln": (by_timm("test_efficientnet_ln"), (3, 64, 96), module("blocks.3")),
    "convnextv2": (by_timm("test_convnext2"), (3, 64, 96), module("stages.2")),
    "mobilenetv4": (by_timm("mobilenetv4_conv_small"), (3, 64, 96), module("blocks.2")),
    "inception-next": (by_timm("inception_next_atto"), (3, 64, 96), module("stages.2")),
    "repvit": (by_timm("repvit_m0_9"), (3, 64, 96), module("stages.2")),
    "vovnet": (by_timm("ese_vovnet19b_dw"), (3, 64, 96), module("stages.2")),
}


def right_gradient(_, given, found):
    """The gradient of PyTorch 2.15.0's batch normalisation in evaluation is wrong where it comes in transposed."""
    if found.requires_grad:
        found.register_hook(lambda g: g.contiguous())



def pictures(seed, count, channels, rows, columns):
    """Ellipses with blobs and noise, each channel its own."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    y, x = (y + 0.5) / rows - 0.5, (x + 0.5) / columns - 0.5
    out = np.empty((count, channels, rows, columns), np.float32)
    for plane in out.reshape(-1, rows, columns):
        made = 1.2 * ((x / rng.uniform(0.35, 0.47)) ** 2 + (y / rng.uniform(0.3, 0.45)) ** 2 < 1)
        for _ in range(7):
            (cy, cx), size = rng.uniform(-0.4, 0.4, 2), rng.uniform(0.03, 0.12)
            made = made + rng.normal() * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size ** 2))
        plane[:] = (made + rng.normal(0, 0.2, made.shape) - 0.5) / 0.8
    return out


def warm(model, images):
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.weight.data = torch.rand(module.weight.shape, generator=generator) * 0.8 + 0.6
            module.bias.data = torch.randn(module.bias.shape, generator=generator) * 0.25
        if hasattr(module, "inplace"):
            module.inplace = False
    with torch.no_grad():
        model.train()
        for module in model.modules():
            if isinstance(module, (nn.Dropout, torchvision.ops.StochasticDepth)):
                module.eval()
        model(images)
        head = [m for m in model.eval().modules() if isinstance(m, nn.Linear)][-1]
        head.weight.data *= (2 / model(images).std(0))[:, None]
        if head.bias is not None:
            head.bias.data -= model(images).mean(0)
    return model


def layer_names(path, x, wanted):
    """The tensors of the ONNX file whose value is `wanted`."""
    stored = onnx.load(path)
    names = [o for n in stored.graph.node for o in n.output]
    del stored.graph.output[:]
    stored.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    values = onnxruntime.InferenceSession(stored.SerializeToString()).run(names, {"image": x})
    near = 1e-4 * np.abs(wanted).max()
    return [n for n, v in zip(names, values) if v.shape == wanted.shape and np.abs(v - wanted).max() <= near]


def maps(model, layer, x, target, tokens):
    """Yields (explainer, preset or '', whether on the layer's grid, a function that makes the map)."""
    zero, (channels, rows, columns) = torch.zeros_like(x), x.shape[1:]

    def captum(method, *given, **options):
        return getattr(attr, method)(model, *given).attribute(x.clone(), target=target, **options).detach().numpy()[0]

    def jacobgil(method):
        kept = []
        reshape = (lambda t: t.permute(0, 3, 1, 2)) if tokens else None
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()), getattr(
                pytorch_grad_cam, method)(model, [layer], reshape_transform=reshape) as cam:
            get = cam.get_cam_image
            cam.get_cam_image = lambda *a: kept.append(get(*a)) or kept[-1]
            cam(input_tensor=x.clone(), targets=[ClassifierOutputTarget(target)])
        return kept[0][0]

    def torch_cam(method):
        with getattr(torchcam.methods, method)(model, target_layer=layer, input_shape=tuple(x.shape[1:])) as cam:
            return cam(class_idx=target, scores=model(x), normalized=False)[0][0].detach().numpy()

    def call(batch, call_model_args=None, expected_keys=None):
        v = torch.from_numpy(np.asarray(batch)).permute(0, 3, 1, 2).double().requires_grad_()
        g = torch.autograd.grad(model(v)[:, target].sum(), v)[0]
        return {pair.INPUT_OUTPUT_GRADIENTS: g.permute(0, 2, 3, 1).numpy()}

    image = x[0].permute(1, 2, 0).numpy()
    yield "saliency", "captum", False, lambda: abs(captum("Saliency").sum(0)) if channels == 1 else abs(
        attr.Saliency(model).attribute(x.clone(), target=target, abs=False).numpy()[0].sum(0))
    yield "input-x-gradient", "captum", False, lambda: captum("InputXGradient").sum(0)
    yield "integrated-gradients", "captum", False, lambda: captum("IntegratedGradients", internal_batch_size=10).sum(0)
    yield "guided-backprop", "captum", False, lambda: captum("GuidedBackprop").sum(0)
    yield "deconvnet", "captum", False, lambda: captum("Deconvolution").sum(0)
    yield "deeplift", "captum", False, lambda: captum("DeepLift", baselines=zero).sum(0)
    yield "occlusion", "captum", False, lambda: captum(
        "Occlusion", sliding_window_shapes=(channels, 16, 16), strides=(channels, 8, 8), baselines=0,
        perturbations_per_eval=16).mean(0)
    yield "blur-ig", "pair", False, lambda: pair.BlurIG().GetMask(
        image, call, max_sigma=50, steps=100, grad_step=0.01, batch_size=1).sum(-1)
    yield "guided-ig", "pair", False, lambda: pair.GuidedIG().GetMask(
        image, call, x_baseline=0 * image, x_steps=200, fraction=0.25, max_dist=0.02).sum(-1)
    for explainer, method in (("grad-cam", "GradCAM"), ("grad-cam-plus-plus", "GradCAMPlusPlus"),
                              ("xgrad-cam", "XGradCAM"), ("hires-cam", "HiResCAM"), ("layer-cam", "LayerCAM"),
                              ("eigen-cam", "EigenCAM")):
        yield explainer, "", True, lambda method=method: jacobgil(method)
    if not tokens:
        yield "ablation-cam", "", True, lambda: jacobgil("AblationCAM")
        yield "score-cam", "torch-cam", True, lambda: torch_cam("ScoreCAM")
        yield "grad-cam", "captum", False, lambda: attr.LayerAttribution.interpolate(
            attr.LayerGradCam(model, layer).attribute(x.clone(), target=target), (rows, columns)).detach().numpy()[0, 0]
        yield "guided-grad-cam", "captum", False, lambda: captum("GuidedGradCam", layer).sum(0)


def main(folder, *chosen):
    for name, (build, size, layer_of) in NETWORKS.items():
        if chosen and name not in chosen:
            continue
        root = pathlib.Path(folder) / name
        root.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(11)
        model = warm(build(), torch.from_numpy(pictures(1, 24, *size)))
        x, path, kept = pictures(77, 1, *size), str(root / "model.onnx"), []
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(model, torch.from_numpy(x), path, opset_version=17, input_names=["image"], dynamo=False,
                              output_names=["logits"], dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}})
        handle = layer_of(model).register_forward_hook(lambda _, given, found: kept.append(found.detach().numpy()))
        logits = model(torch.from_numpy(x)).detach().numpy()[0]
        handle.remove()
        found, target = {}, int(logits.argmax())
        model = model.double()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.register_forward_hook(right_gradient)
        for explainer, preset, coarse, make in maps(
                model, layer_of(model), torch.from_numpy(x).double(), target, name == "swin"):
            key = f"{explainer} {preset}".strip()
            try:
                made = np.asarray(make(), np.float64)
                found[key] = {"explainer": explainer, "preset": preset, "coarse": coarse, "map": made.ravel().tolist()}
            except Exception as error:  # noqa: BLE001 - what a tool cannot do is said and left out
                print(name, key, "cannot:", str(error).splitlines()[0][:90])
        about = {"size": size, "classes": len(logits), "target": target, "image": x.ravel().tolist(),
                 "layers": layer_names(path, x, kept[0]), "references": list(found.values())}
        (root / "references.json").write_text(json.dumps(about))
        print(name, len(found), "maps", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
