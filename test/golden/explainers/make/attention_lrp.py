"""LRP through attention and layer normalisation (AttnLRP, Achtibat et al. 2024) by lxt and zennit.

lxt.explicit gives softmax, products, normalisations and sums their rules; a composite of zennit those of convolutions and
dense layers. The networks are those of networks.py, written with lxt's functions. `halves`: products give half to
each factor (AttnLRP); `values`: the attention matrix is a constant and all goes to the values (CP-LRP, Ali et al. 2022),
as lxt.efficient does it for torchvision's ViT. Seed 1 at the target's logit.
"""
import math
from importlib.metadata import version

import torch
from lxt.explicit import functional as lf
from torch import nn
from zennit.composites import LayerMapComposite, layer_map_base
from zennit.rules import Gamma, Pass
from zennit.types import Convolution, Linear

from common import Writer, load, relative
from lrp import COMPOSITES, PARAMETERS
from networks import Add, Attention, Block, ChannelNorm, Next, ViT

BY = f"lxt {version('lxt')}, zennit {version('zennit')}"
EPSILON = 1e-6
GAMMA, DENSE_GAMMA = 0.25, 0.05

ALL = {**COMPOSITES,
       "gamma": lambda rules: LayerMapComposite(
           rules + layer_map_base(EPSILON) + [(Convolution, Gamma(GAMMA)), (Linear, Gamma(DENSE_GAMMA))])}


class Norm(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return lf.layer_norm(x, self.norm.weight, self.norm.bias, self.norm.eps)


class ByChannels(Norm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Shared(nn.Module):
    def forward(self, a, b):
        return lf.add2(a, b, epsilon=EPSILON)


def next_forward(self, x):
    y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
    return self.add(x, lf.mul2(self.narrow(self.gelu(self.wide(y))), self.scale).permute(0, 3, 1, 2))


def attention_forward(self, x):
    n, t, c = x.shape
    q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
    products = lf.matmul(q, k.transpose(-2, -1), epsilon=EPSILON)
    a = lf.softmax(lf.mul2(products, 1 / math.sqrt(c // self.heads)), -1)
    if self.values:
        # x ↦ ax is a dense layer whose weights are a.
        y = lf.linear_epsilon(v.transpose(-2, -1), a.detach(), epsilon=EPSILON).transpose(-2, -1)
    else:
        y = lf.matmul(a, v, epsilon=EPSILON)
    return self.out(y.transpose(1, 2).reshape(n, t, c))


def block_forward(self, x):
    x = lf.add2(x, self.attention(self.n1(x)), epsilon=EPSILON)
    return lf.add2(x, self.mlp(self.n2(x)), epsilon=EPSILON)


def features_forward(self, x):
    x = self.patch(x).flatten(2).transpose(1, 2)
    x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1)
    x = lf.add2(x, self.place.expand(x.shape[0], -1, -1), epsilon=EPSILON)
    return self.norm(self.blocks(x))[:, 0]


def per_matrix(linear_epsilon):
    """lxt's function takes one matrix of weights: here, one for each image and head."""
    def applied(x, weight, epsilon):
        rows = [[linear_epsilon(x[i, h], weight[i, h], None, epsilon) for h in range(x.shape[1])]
                for i in range(x.shape[0])]
        return torch.stack([torch.stack(row) for row in rows])
    return applied


lf.linear_epsilon = per_matrix(lf.linear_epsilon)


def with_rules(model, values):
    """The network with lxt's functions in the place of its own."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    for module in list(model.modules()):
        for kind, forward in ((Next, next_forward), (Attention, attention_forward), (Block, block_forward)):
            if isinstance(module, kind):
                module.forward = forward.__get__(module)
        if isinstance(module, Attention):
            module.values = values
        for key, child in list(module.named_children()):
            if isinstance(child, ChannelNorm):
                setattr(module, key, ByChannels(child))
            elif isinstance(child, nn.LayerNorm):
                setattr(module, key, Norm(child))
            elif isinstance(child, Add):
                setattr(module, key, Shared())
    if isinstance(model, ViT):
        model.features = features_forward.__get__(model)
    return model


def relevances(name, composite, dtype, values):
    """Maps of both images, their scores, and Σ R at the outputs of the layers that `places` names."""
    model, x, targets = load(name, dtype)
    plain = model(x)
    model = with_rules(model, values)
    assert (model(x) - plain).abs().max() < (1e-9 if dtype is torch.float64 else 1e-4)
    maps, scores, sums = [], [], {}
    for i, t in enumerate(targets):
        outputs, handles = {}, []
        with ALL[composite]([(nn.GELU, Pass())]).context(model) as modified:
            for tensor, module in places(name, model).items():
                handles.append(module.register_forward_hook(
                    lambda _m, _i, o, tensor=tensor: outputs.setdefault(tensor, o)))
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


def places(name, model):
    """Modules through whose outputs all relevance passes, by the tensor of the ONNX file."""
    if name == "vit":
        return {"/patch/Conv_output_0": model.patch, "/norm/LayerNormalization_output_0": model.norm}
    return {"/features/features.0/Conv_output_0": model.features[0],
            "/tail/tail.1/LayerNormalization_output_0": model.tail[1]}


def main():
    with Writer("attention_lrp.py") as w:
        for name in ("convnext", "vit"):
            for composite in ALL:
                both = name == "vit" and composite in ("epsilon-plus-flat", "epsilon", "gamma")
                for values in (False, True) if both else (False,):
                    maps, scores, sums = relevances(name, composite, torch.float64, values)
                    rough, _, _ = relevances(name, composite, torch.float32, values)
                    unstable = relative(rough, maps)
                    label = composite + ("-values" if values else "")
                    print(name, label, f"{unstable:.1e}", maps.sum((1, 2, 3)).tolist(), scores, sums)
                    if unstable > 1e-4:
                        continue
                    parameters = {**PARAMETERS.get(composite, {"gamma": GAMMA, "denseGamma": DENSE_GAMMA}),
                                  **({"attention": "values"} if values else {})}
                    w.add(explainer="lrp", variant=label, model=name, score="logit", by=BY,
                          call="torch.autograd.grad(model(x), x, eye[target]) with lxt.explicit.functional and a composite",
                          parameters=parameters, map=w.save(f"{name}/lrp-{label}", maps),
                          values={"score": scores, "sum": maps.sum((1, 2, 3)).tolist()}, layerSums=sums)


if __name__ == "__main__":
    main()
