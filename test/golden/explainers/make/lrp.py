"""Layer-wise relevance propagation by zennit: Gradient attributor, seed 1 at the target's logit.

Convolutions take the batch normalisation behind them into their weights beforehand, as the ONNX files have it. What is
left (before a convolution, in DenseNets) is a linear layer of its own under ε, or passes relevance on as zennit's
composites do (`bn-pass`). Residual additions share relevance out. zennit does not see products of two tensors, and takes
their gradients: gates (EfficientNet) get a module whose rule gives all relevance to the signal (Arras et al. 2019), and the
sum without it is printed. LayerNorm and softmax (ConvNeXt, ViT) have no rule in zennit either: only the sums that come out
are printed. All rules are linear in the relevance: for
R_out = score, multiply by `values.score`. A variant is stored only where float32 gives it to 1e-4.
"""
from importlib.metadata import version

import torch
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import (EpsilonAlpha2Beta1, EpsilonGammaBox, EpsilonPlus, EpsilonPlusFlat, LayerMapComposite,
                               layer_map_base)
from zennit.layer import Sum
from zennit.rules import Epsilon
from zennit.types import BatchNorm, Linear

from common import Writer, load, relative
from networks import Add, SqueezeExcite

ZENNIT = f"zennit {version('zennit')}"
LOW, HIGH = -3.0, 4.0


class Shared(nn.Module):
    """Addition as zennit's Sum, which its composites give the norm rule."""

    def __init__(self):
        super().__init__()
        self.sum = Sum()

    def forward(self, a, b):
        return self.sum(torch.stack((a, b), -1))


class ToSignal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gate):
        ctx.save_for_backward(gate)
        return x * gate

    @staticmethod
    def backward(ctx, relevance):
        return relevance, torch.zeros_like(ctx.saved_tensors[0])


class Gated(nn.Module):
    """x · gate(x), all relevance to x."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def forward(self, x):
        return ToSignal.apply(x, self.gate(x))


def fold(model, gates=True):
    """Convolution and batch normalisation next to each other in one Sequential become one convolution."""
    for module in list(model.modules()):
        for key, child in list(module.named_children()):
            if isinstance(child, Add):
                setattr(module, key, Shared())
            if gates and isinstance(child, SqueezeExcite):
                setattr(module, key, Gated(child.gate))
        if not isinstance(module, nn.Sequential):
            continue
        for first, second in zip(range(len(module)), range(1, len(module))):
            conv, norm = module[first], module[second]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                bias = 0 if conv.bias is None else conv.bias
                conv.bias = nn.Parameter((bias - norm.running_mean) * scale + norm.bias)
                conv.weight = nn.Parameter(conv.weight * scale[:, None, None, None])
                module[second] = nn.Identity()
    return model


def epsilon(size, layer_map=()):
    return LayerMapComposite(list(layer_map) + layer_map_base(1e-6) + [(Linear, Epsilon(epsilon=size))])


#: variant → composite for a list of further layer rules, which go first
COMPOSITES = {
    "epsilon-plus-flat": lambda rules: EpsilonPlusFlat(layer_map=rules),
    "epsilon-plus": lambda rules: EpsilonPlus(layer_map=rules),
    "epsilon": lambda rules: epsilon(1e-6, rules),
    "epsilon-0.1": lambda rules: epsilon(0.1, rules),
    "epsilon-gamma-box": lambda rules: EpsilonGammaBox(
        low=torch.tensor(LOW), high=torch.tensor(HIGH), layer_map=rules),
    "alpha2-beta1": lambda rules: EpsilonAlpha2Beta1(layer_map=rules),
}
PARAMETERS = {"epsilon-plus-flat": {"epsilon": 1e-6}, "epsilon-plus": {"epsilon": 1e-6}, "epsilon": {"epsilon": 1e-6},
              "epsilon-0.1": {"epsilon": 0.1}, "alpha2-beta1": {"epsilon": 1e-6},
              "epsilon-gamma-box": {"epsilon": 1e-6, "gamma": 0.25, "low": LOW, "high": HIGH}}


def relevances(name, composite, dtype, rules, gates=True):
    """Maps of both images, their scores, and Σ R at the outputs of the rectifiers on the main path."""
    model, x, targets = load(name, dtype)
    model = fold(model, gates)
    maps, scores, sums = [], [], {}
    for i, t in enumerate(targets):
        outputs, handles = {}, []
        with COMPOSITES[composite](rules).context(model) as modified:
            for k, module in enumerate(modified.features if isinstance(modified.features, nn.Sequential) else ()):
                if isinstance(module, nn.ReLU):
                    handles.append(module.register_forward_hook(
                        lambda _m, _i, o, k=k: outputs.setdefault(f"/features/features.{k}/Relu_output_0", o)))
            v = x[i:i + 1].clone().requires_grad_()
            y = modified(v)
            found = torch.autograd.grad(y, [v, *outputs.values()], torch.eye(y.shape[1], dtype=dtype)[[t]])
        for handle in handles:
            handle.remove()
        maps.append(found[0])
        scores.append(float(y[0, t]))
        for key, relevance in zip(outputs, found[1:]):
            sums.setdefault(key, []).append(float(relevance.sum()))
    return torch.cat(maps).detach(), scores, sums


def by_attributor(name, composite):
    """The same as zennit's documentation does it: canonizer and Gradient attributor."""
    model, x, targets = load(name)
    maps = []
    for i, t in enumerate(targets):
        made = COMPOSITES[composite]([])
        made.canonizers = [SequentialMergeBatchNorm()]
        with Gradient(model, made) as attributor:
            maps.append(attributor(x[i:i + 1], torch.eye(2, dtype=x.dtype)[[t]])[1])
    return torch.cat(maps)


def main():
    with Writer("lrp.py") as w:
        for name in ("convnext", "vit", "efficientnet"):
            for composite in COMPOSITES:
                maps, scores, _ = relevances(name, composite, torch.float64, [], gates=False)
                print("as zennit is:", name, composite, maps.sum((1, 2, 3)).tolist(), "for 1")
        for name in ("cnn", "densenet", "resnet", "efficientnet"):
            kinds = {"": [(BatchNorm, Epsilon(1e-6))]}
            if name == "densenet":
                kinds["bn-pass"] = []
            for composite in COMPOSITES:
                for suffix, rules in kinds.items():
                    maps, scores, sums = relevances(name, composite, torch.float64, rules)
                    rough, _, _ = relevances(name, composite, torch.float32, rules)
                    label = "-".join(filter(None, (composite, suffix)))
                    unstable = relative(rough, maps)
                    more = {}
                    if name == "cnn":
                        more["attributorRelativeL2"] = relative(by_attributor(name, composite), maps)
                    print(name, label, f"{unstable:.1e}", maps.sum((1, 2, 3)).tolist(), scores, more)
                    if unstable > 1e-4:
                        continue
                    w.add(explainer="lrp", variant=label, model=name, score="logit", by=ZENNIT, **more,
                          call="Gradient(model, composite)(x, eye[target])", parameters=PARAMETERS[composite],
                          map=w.save(f"{name}/lrp-{label}", maps),
                          values={"score": scores, "sum": maps.sum((1, 2, 3)).tolist()}, layerSums=sums)


if __name__ == "__main__":
    main()
