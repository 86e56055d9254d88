"""Other backward rules: guided backpropagation, deconvnet, guided Grad-CAM and DeepLIFT.

Captum's DeepLift is asked for one image at a time (in a batch its max pooling falls back to the first image's
gradient), only where its hooks see every nonlinearity and windows do not overlap, and with a copy between a ReLU and the
max pooling behind it: without one, both hooks hang on one tensor, and ReLU's multipliers are taken from the plain
gradient of the pooling.
"""
import captum
import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import DeepLift, Deconvolution, GuidedBackprop, GuidedGradCam

from common import ROOT, Scored, Writer, gradient, load, read_index, relative, score
from multipliers import deeplift
from networks import NETWORKS, Network

CAPTUM = f"captum {captum.__version__}"
RECTIFIED = ("cnn", "densenet", "resnet")


class Guided(torch.autograd.Function):
    """ReLU whose backward pass is g [x > 0] [g > 0], or g [g > 0] for deconvnet."""

    @staticmethod
    def forward(ctx, x, deconvolve):
        ctx.save_for_backward(x > 0)
        ctx.deconvolve = deconvolve
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        return g.clamp(min=0) * (1 if ctx.deconvolve else ctx.saved_tensors[0]), None


class GuidedReLU(torch.nn.Module):
    def __init__(self, deconvolve):
        super().__init__()
        self.deconvolve = deconvolve

    def forward(self, x):
        return Guided.apply(x, self.deconvolve)


def with_rectifiers(name, deconvolve):
    model, _, _ = load(name)
    for module in list(model.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, torch.nn.ReLU):
                setattr(module, key, GuidedReLU(deconvolve))
    return model


def rectified(w, name, kind):
    model, x, targets = load(name)
    for explainer, attribute, deconvolve in (("guided-backprop", GuidedBackprop, False),
                                             ("deconvnet", Deconvolution, True)):
        own = with_rectifiers(name, deconvolve)
        maps, formula = [], []
        for i, t in enumerate(targets):
            v = x[i:i + 1]
            maps.append(attribute(Scored(model, t, kind)).attribute(v.clone(), target=0))
            formula.append(gradient(lambda u: score(own(u), t, kind), v))
        maps, formula = torch.cat(maps), torch.cat(formula)
        w.add(explainer=explainer, variant="", model=name, score=kind, by=CAPTUM,
              call=f"{attribute.__name__}(f).attribute(x, target)", map=w.save(f"{name}/{explainer}-{kind}", maps),
              formulaRelativeL2=relative(formula, maps))

    maps, smooth = [], []
    for i, t in enumerate(targets):
        v = x[i:i + 1]
        f = Scored(model, t, kind)
        maps.append(GuidedGradCam(f, model.features).attribute(v.clone(), target=0))
        a = model.features(v)
        weights = gradient(lambda u: score(model.tail(u), t, kind), a).mean((2, 3), keepdim=True)
        cam = (weights * a).sum(1, keepdim=True).clamp(min=0)
        guided = GuidedBackprop(f).attribute(v.clone(), target=0)
        smooth.append(guided * F.interpolate(cam, v.shape[2:], mode="bilinear", align_corners=False))
    layer = read_index()["models"][name]["layer"]
    w.add(explainer="guided-grad-cam", variant="nearest", model=name, score=kind, by=CAPTUM, layer=layer,
          call="GuidedGradCam(f, model.features).attribute(x, target, interpolate_mode='nearest')",
          map=w.save(f"{name}/guided-grad-cam-nearest-{kind}", torch.cat(maps)))
    w.add(explainer="guided-grad-cam", variant="bilinear", model=name, score=kind, by="formula", layer=layer,
          call="Captum's guided backpropagation ⊙ bilinear(ReLU(Grad-CAM))",
          map=w.save(f"{name}/guided-grad-cam-bilinear-{kind}", torch.cat(smooth)))


class Copy(torch.nn.Module):
    def forward(self, x):
        return x.clone()


def apart(model):
    """The same network with a copy before each max pooling."""
    layers = []
    for layer in model.features:
        layers += [Copy(), layer] if isinstance(layer, torch.nn.MaxPool2d) else [layer]
    return Network(torch.nn.Sequential(*layers), model.tail)


def captum_deeplift(model, x, targets, kind):
    return torch.cat([DeepLift(Scored(model, t, kind)).attribute(x[i:i + 1].clone(), 0 * x[i:i + 1], target=0)
                      for i, t in enumerate(targets)]).detach()


def deeplifts(w, name, kind):
    """The formula for all networks; Captum where it can follow; and how far Captum is as it comes."""
    model, x, targets = load(name)
    own, sums, differences = [], [], []
    for i, t in enumerate(targets):
        v = x[i:i + 1]
        f = Scored(model, t, kind)
        a, difference = deeplift(lambda u: f(u)[:, 0], v, torch.zeros_like(v))
        own.append(a)
        sums.append(float(a.sum()))
        differences.append(difference)
    own = torch.cat(own).detach()
    entry = {"by": "formula", "call": "make/multipliers.py"}
    linear_score = kind == "logit" or name == "cnn"
    if name in ("cnn", "densenet") and linear_score:
        maps = captum_deeplift(apart(model), x, targets, kind)
        entry = {"by": CAPTUM, "formulaRelativeL2": relative(own, maps),
                 "call": "DeepLift(f).attribute(x, 0, target), an image at a time, a copy before each max pooling"}
        own = maps
    if name in ("cnn", "resnet") and linear_score:
        because = "max pooling follows a ReLU: both hooks hang on one tensor, and the ReLU gets plain gradients"
        if name == "resnet":
            because = "overlapping windows overwrite each other's relevance; a copy before the pooling, as above"
        tool = captum_deeplift(model if name == "cnn" else apart(model), x, targets, kind)
        entry["tool"] = {"by": CAPTUM, "relativeL2": [relative(tool[i], own[i]) for i in range(len(x))],
                         "sum": [float(m.sum()) for m in tool], "because": because}
    w.add(explainer="deeplift", variant="", model=name, score=kind, baseline="zero", **entry,
          map=w.save(f"{name}/deeplift-{kind}", own), values={"sum": sums, "difference": differences})
    print(name, kind, sums, differences, entry)


def background(w, name):
    """DeepLIFT averaged over several baselines: `draws/references-*`."""
    model, x, targets = load(name)
    file = f"draws/references-{x.shape[-1]}.npy"
    references = torch.from_numpy(np.load(ROOT / file)).to(x.dtype)
    maps, differences = [], []
    for i, t in enumerate(targets):
        f = Scored(model, t, "logit")
        each = [deeplift(lambda u: f(u)[:, 0], x[i:i + 1], references[r:r + 1]) for r in range(len(references))]
        maps.append(torch.stack([m for m, _ in each]).mean(0))
        differences.append(float(np.mean([d for _, d in each])))
    maps = torch.cat(maps).detach()
    w.add(explainer="deeplift", variant="background", model=name, score="logit", by="formula",
          call="make/multipliers.py, the mean over baselines", draws={"references": file},
          map=w.save(f"{name}/deeplift-background-logit", maps),
          values={"sum": maps.sum((1, 2, 3)).tolist(), "difference": differences})


def main():
    with Writer("backward_rules.py") as w:
        for name in NETWORKS:
            for kind in ("logit", "margin"):
                if name in RECTIFIED:
                    rectified(w, name, kind)
                deeplifts(w, name, kind)
        background(w, "cnn")
        background(w, "efficientnet")


if __name__ == "__main__":
    main()
