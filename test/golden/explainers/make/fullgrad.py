"""FullGrad (Srinivas & Fleuret 2019) by the formula, on networks of convolutions, rectifiers and one dense layer.

map = |x ∂s/∂x| + Σ_l enlarge(Σ_c |b_l ∂s/∂z_l|), z_l what a convolution with bias or a batch normalisation gives, b_l its
bias: for a batch normalisation β − μγ/σ (that of the convolution into which an export folds it). Dense biases are a
number apart. Signed, all of it sums to a logit; a margin is curved, which leaves a gap. pytorch-grad-cam scales each channel to 0…1 and leaves dense biases out.
"""
import torch
import torch.nn.functional as F
from torch import nn

from common import Writer, load, score


def bias_of(layer):
    if isinstance(layer, nn.BatchNorm2d):
        return layer.bias - layer.running_mean * layer.weight / (layer.running_var + layer.eps).sqrt()
    return layer.bias


def fullgrad(model, x, target, kind):
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)) and m.bias is not None]
    outputs, handles = {}, []
    for layer in layers:
        handles.append(layer.register_forward_hook(lambda m, _, o: outputs.setdefault(m, o)))
    x = x.clone().requires_grad_()
    s = score(model(x), target, kind)
    for handle in handles:
        handle.remove()
    gradient, *by_layer = torch.autograd.grad(s.sum(), [x, *(outputs[m] for m in layers)])
    total = (x * gradient).abs().sum(1, keepdim=True).detach()
    signed, dense = float((x * gradient).sum()), 0.0
    for layer, g in zip(layers, by_layer):
        part = bias_of(layer).view(1, -1, *[1] * (g.ndim - 2)) * g
        signed += float(part.sum())
        if g.ndim == 2:
            dense += float(part.sum())
            continue
        total = total + F.interpolate(part.abs().sum(1, keepdim=True), x.shape[2:], mode="bilinear",
                                      align_corners=False).detach()
    return total, float(s), signed, dense


def main():
    with Writer("fullgrad.py") as w:
        for name in ("cnn", "densenet", "resnet"):
            model, x, targets = load(name)
            for kind in ("logit", "margin"):
                if kind == "margin" and name != "densenet":
                    continue
                found = [fullgrad(model, x[i:i + 1], t, kind) for i, t in enumerate(targets)]
                maps, scores, signed, dense = zip(*found)
                print(name, kind, scores, signed, dense)
                w.add(explainer="fullgrad", variant="", model=name, score=kind, by="formula", call="make/fullgrad.py",
                      map=w.save(f"{name}/fullgrad-{kind}", torch.cat(maps)),
                      values={"score": scores, "signedSum": signed, "dense": dense})


if __name__ == "__main__":
    main()
