"""FullGrad (Srinivas & Fleuret 2019) by the formula.

map = |x ∂s/∂x| + Σ_l enlarge(Σ_c |b_l ∂s/∂z_l|), z_l what a convolution with bias or a batch normalisation gives, b_l its
bias: for a batch normalisation β − μγ/σ (that of the convolution into which an export folds it). Dense biases are a
number apart, and so are those of tokens, of positions, and of a layer behind a global pool. Signed, all of it sums to a
logit where the network is made of linear layers and rectifiers; a margin, SiLU, GELU and LayerNorm leave a gap.
pytorch-grad-cam scales each channel to 0…1 and leaves dense biases out.
"""
import torch
import torch.nn.functional as F
from torch import nn

from common import Writer, load, score
from networks import ChannelNorm


def bias_of(layer):
    if isinstance(layer, nn.BatchNorm2d):
        return layer.bias - layer.running_mean * layer.weight / (layer.running_var + layer.eps).sqrt()
    return layer.bias


def fullgrad(model, x, target, kind):
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, nn.LayerNorm)
    layers = [m for m in model.modules() if isinstance(m, kinds) and m.bias is not None]
    outputs, handles = {}, []
    for layer in layers:
        handles.append(layer.register_forward_hook(lambda m, _, o: outputs.setdefault(m, o)))
    positions = getattr(model, "place", None)
    if positions is not None:
        handles.append(model.blocks.register_forward_pre_hook(lambda m, given: outputs.setdefault(m, given[0])))
    x = x.clone().requires_grad_()
    s = score(model(x), target, kind)
    for handle in handles:
        handle.remove()
    placed = [] if positions is None else [model.blocks]
    gradient, *by_layer = torch.autograd.grad(s.sum(), [x, *(outputs[m] for m in [*layers, *placed])])
    total = (x * gradient).abs().sum(1, keepdim=True).detach()
    signed, dense = float((x * gradient).sum()), 0.0
    for layer, g in zip([*layers, *placed], by_layer):
        if layer in placed:
            part = positions * g
        elif isinstance(layer, (nn.Linear, nn.LayerNorm)) and not isinstance(layer, ChannelNorm):
            part = layer.bias * g
            part = part.permute(0, 3, 1, 2) if g.ndim == 4 else part
        else:
            part = bias_of(layer).view(1, -1, 1, 1) * g
        signed += float(part.detach().sum())
        if part.ndim != 4 or part.shape[2:] == (1, 1):
            dense += float(part.detach().sum())
            continue
        total = total + F.interpolate(part.abs().sum(1, keepdim=True), x.shape[2:], mode="bilinear",
                                      align_corners=False).detach()
    return total, float(s), signed, dense


def main():
    with Writer("fullgrad.py") as w:
        for name in ("cnn", "densenet", "resnet", "efficientnet", "convnext", "vit"):
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
