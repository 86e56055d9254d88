"""Six small classifiers in the style of the well-known families. Random weights; statistics warmed by `warm`.

Rectifiers, pooling and additions are modules of their own, each used once, since hooks of other tools see modules only.
Each network has `features` (its output is the layer that CAM methods take), and `tail` from there to the logits.
"""
import math

import torch
from torch import nn


class Add(nn.Module):
    """a + b, as a module."""

    def forward(self, a, b):
        return a + b


def bn(c):
    layer = nn.BatchNorm2d(c)
    nn.init.uniform_(layer.weight, 0.6, 1.4)
    nn.init.normal_(layer.bias, 0, 0.25)
    return layer


def conv(i, o, k=3, s=1, groups=1, bias=True):
    layer = nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=bias)
    nn.init.kaiming_normal_(layer.weight)
    if bias:
        nn.init.normal_(layer.bias, 0, 0.1)
    return layer


class GlobalPool(nn.Module):
    """The mean over positions, [n, c, h, w] → [n, c]."""

    def __init__(self):
        super().__init__()
        self.pool, self.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()

    def forward(self, x):
        return self.flat(self.pool(x))


class Network(nn.Module):
    def __init__(self, features, tail):
        super().__init__()
        self.features, self.tail = features, tail

    def forward(self, x):
        return self.tail(self.features(x))


def cnn(classes=2):
    features = nn.Sequential(
        conv(1, 8), nn.ReLU(), nn.MaxPool2d(2),
        conv(8, 12, bias=False), bn(12), nn.ReLU(), nn.MaxPool2d(2),
        conv(12, 16), nn.ReLU(), conv(16, 20), nn.ReLU())
    return Network(features, nn.Sequential(GlobalPool(), nn.Linear(20, classes)))


class DenseLayer(nn.Module):
    def __init__(self, c, growth):
        super().__init__()
        self.body = nn.Sequential(bn(c), nn.ReLU(), conv(c, 2 * growth, 1, bias=False),
                                  bn(2 * growth), nn.ReLU(), conv(2 * growth, growth, bias=False))

    def forward(self, x):
        return torch.cat((x, self.body(x)), 1)


def densenet(classes=3):
    features = nn.Sequential(
        conv(1, 12, bias=False), bn(12), nn.ReLU(), nn.MaxPool2d(2),
        DenseLayer(12, 6), DenseLayer(18, 6),
        bn(24), nn.ReLU(), conv(24, 12, 1, bias=False), nn.AvgPool2d(2),
        DenseLayer(12, 6), DenseLayer(18, 6),
        bn(24), nn.ReLU())
    return Network(features, nn.Sequential(GlobalPool(), nn.Linear(24, classes)))


class Residual(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.body = nn.Sequential(conv(i, o, 3, s, bias=False), bn(o), nn.ReLU(), conv(o, o, bias=False), bn(o))
        self.skip = nn.Identity() if s == 1 and i == o else nn.Sequential(conv(i, o, 1, s, bias=False), bn(o))
        self.add, self.relu = Add(), nn.ReLU()

    def forward(self, x):
        return self.relu(self.add(self.body(x), self.skip(x)))


def resnet(classes=3):
    features = nn.Sequential(conv(1, 12, bias=False), bn(12), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                             Residual(12, 12, 1), Residual(12, 20, 2))
    return Network(features, nn.Sequential(GlobalPool(), nn.Linear(20, classes)))


class SqueezeExcite(nn.Module):
    def __init__(self, c, squeezed):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(c, squeezed, 1), nn.SiLU(), conv(squeezed, c, 1),
                                  nn.Sigmoid())

    def forward(self, x):
        return x * self.gate(x)


class Inverted(nn.Module):
    def __init__(self, i, m, o, s):
        super().__init__()
        self.body = nn.Sequential(conv(i, m, 1, bias=False), bn(m), nn.SiLU(),
                                  conv(m, m, 3, s, groups=m, bias=False), bn(m), nn.SiLU(),
                                  SqueezeExcite(m, 4), conv(m, o, 1, bias=False), bn(o))
        self.add = Add() if s == 1 and i == o else None

    def forward(self, x):
        y = self.body(x)
        return self.add(x, y) if self.add else y


def efficientnet(classes=3):
    features = nn.Sequential(conv(1, 12, 3, 2, bias=False), bn(12), nn.SiLU(), Inverted(12, 24, 12, 1),
                             Inverted(12, 24, 16, 2), conv(16, 24, 1, bias=False), bn(24), nn.SiLU())
    return Network(features, nn.Sequential(GlobalPool(), nn.Linear(24, classes)))


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of [n, c, h, w]."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Next(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c, 1e-6)
        self.wide, self.gelu, self.narrow = nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)
        self.scale = nn.Parameter(torch.rand(c) + 0.5)
        self.add = Add()

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return self.add(x, (self.scale * self.narrow(self.gelu(self.wide(y)))).permute(0, 3, 1, 2))


def convnext(classes=3):
    features = nn.Sequential(nn.Conv2d(1, 12, 4, 4), ChannelNorm(12, 1e-6), Next(12), Next(12))
    return Network(features, nn.Sequential(GlobalPool(), nn.LayerNorm(12, 1e-6), nn.Linear(12, classes)))


class Attention(nn.Module):
    """softmax(QKᵀ/√d)V; `kept` holds the last attention matrices, [n, heads, tokens, tokens], with their graph."""

    def __init__(self, c, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.kept = None

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        a = ((q @ k.transpose(-2, -1)) / math.sqrt(c // self.heads)).softmax(-1)
        self.kept = a
        return self.out((a @ v).transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.n1, self.attention, self.n2 = nn.LayerNorm(c), Attention(c, heads), nn.LayerNorm(c)
        self.mlp = nn.Sequential(nn.Linear(c, 2 * c), nn.GELU(), nn.Linear(2 * c, c))

    def forward(self, x):
        x = x + self.attention(self.n1(x))
        return x + self.mlp(self.n2(x))


class ViT(nn.Module):
    """Patches of 4 × 4, a class token in front; the head reads the class token."""

    def __init__(self, side=32, c=24, heads=3, depth=3, classes=3):
        super().__init__()
        tokens = (side // 4) ** 2 + 1
        self.patch = nn.Conv2d(1, c, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, c) * 0.5)
        self.place = nn.Parameter(torch.randn(1, tokens, c) * 0.3)
        self.blocks = nn.Sequential(*(Block(c, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(c), nn.Linear(c, classes)

    def features(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.place
        return self.norm(self.blocks(x))[:, 0]

    def forward(self, x):
        return self.head(self.features(x))


def vit():
    model = ViT()
    for block in model.blocks:
        block.attention.qkv.weight.data *= 2.5
        block.attention.out.weight.data *= 2
    return model


#: name → (constructor, side of the images)
NETWORKS = {"cnn": (cnn, 64), "densenet": (densenet, 32), "resnet": (resnet, 32),
            "efficientnet": (efficientnet, 32), "convnext": (convnext, 32), "vit": (vit, 32)}

#: Where in `features` a second, earlier layer for CAM methods ends; some of its values are negative where no ReLU is near.
EARLIER = {"cnn": 8, "densenet": 9, "resnet": 4, "efficientnet": 3, "convnext": 2}


def last_linear(model):
    return [m for m in model.modules() if isinstance(m, nn.Linear)][-1]


def warm(model, images):
    """Batch norm's statistics from `images`, then a head whose logits have mean 0 and standard deviation 2 on them."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
    with torch.no_grad():
        model.train()(images)
        model.eval()
        head, seen = last_linear(model), []
        handle = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        model(images)
        handle.remove()
        deviation = seen[0].std(0)
        head.weight.data = torch.randn_like(head.weight) / (deviation + 0.2 * deviation.mean())
        logits = seen[0] @ head.weight.T
        head.weight.data *= 2 / logits.std(0)[:, None]
        head.bias.data = -(seen[0] @ head.weight.T).mean(0)
    return model
