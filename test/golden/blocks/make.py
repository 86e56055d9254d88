"""Small networks in the style of the well-known families, with autograd's gradients.

Run with torch, torchvision, onnx and onnxscript installed: python make.py [NAME…], all by default. Writes input.npy, NAME.onnx, NAME.logits.npy,
NAME.gradient.npy and index.json here. Gradients are those of logit t of image i, t = targets[i], in float64.
"""
import json
import os
import platform
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(20)
torch.set_num_threads(1)


def bn(c):
    layer = nn.BatchNorm2d(c)
    layer.weight.data = torch.rand(c) + 0.5
    layer.bias.data = torch.randn(c) * 0.3
    layer.running_mean = torch.randn(c) * 0.2
    layer.running_var = torch.rand(c) + 0.5
    return layer


def cbr(i, o, k=3, s=1, g=1, act=nn.ReLU):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), bn(o), act())


class Head(nn.Module):
    def __init__(self, body, c, classes=3):
        super().__init__()
        self.body, self.fc = body, nn.Linear(c, classes)

    def forward(self, x):
        return self.fc(self.body(x).mean((2, 3)))


class Bottleneck(nn.Module):
    def __init__(self, i, m, o, s):
        super().__init__()
        self.a, self.b = cbr(i, m, 1), cbr(m, m, 3, s, g=2)
        self.c = nn.Sequential(nn.Conv2d(m, o, 1, bias=False), bn(o))
        self.d = nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), bn(o))

    def forward(self, x):
        return F.relu(self.c(self.b(self.a(x))) + self.d(x))


class DenseBlock(nn.Module):
    def __init__(self, c, growth, layers):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(bn(c + i * growth), nn.ReLU(), nn.Conv2d(c + i * growth, 2 * growth, 1, bias=False),
                          bn(2 * growth), nn.ReLU(), nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False))
            for i in range(layers))

    def forward(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


class SqueezeExcite(nn.Module):
    def __init__(self, c, gate):
        super().__init__()
        self.a, self.b, self.gate = nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1), gate

    def forward(self, x):
        return x * self.gate(self.b(F.relu(self.a(F.adaptive_avg_pool2d(x, 1)))))


class Inverted(nn.Module):
    def __init__(self, i, m, o, s, act, gate=None):
        super().__init__()
        self.a, self.b = cbr(i, m, 1, act=act), cbr(m, m, 3, s, m, act)
        self.se = SqueezeExcite(m, gate) if gate else nn.Identity()
        self.c = nn.Sequential(nn.Conv2d(m, o, 1, bias=False), bn(o))
        self.skip = s == 1 and i == o

    def forward(self, x):
        y = self.c(self.se(self.b(self.a(x))))
        return x + y if self.skip else y


class Shuffle(nn.Module):
    def __init__(self, c):
        super().__init__()
        h = c // 2
        self.a = nn.Sequential(cbr(h, h, 1), nn.Conv2d(h, h, 3, padding=1, groups=h), cbr(h, h, 1))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        y = torch.cat((a, self.a(b)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class ConvNeXt(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dw, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c, 1e-6)
        self.a, self.b = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.scale = nn.Parameter(torch.rand(c, 1, 1))

    def forward(self, x):
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        return x + self.scale * self.b(F.gelu(self.a(y))).permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self, c, heads, tokens=None):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.bias = nn.Parameter(torch.randn(heads, tokens, tokens)) if tokens else None

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if self.bias is None:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = ((q * (c // self.heads) ** -0.5) @ k.transpose(-2, -1) + self.bias).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, c))


class ViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.patch = nn.Conv2d(3, c, 4, 4)
        self.token, self.place = nn.Parameter(torch.randn(1, 1, c)), nn.Parameter(torch.randn(1, 17, c) * 0.1)
        self.n1, self.n2, self.att = nn.LayerNorm(c), nn.LayerNorm(c), Attention(c, 2)
        self.mlp = nn.Sequential(nn.Linear(c, 2 * c), nn.GELU(), nn.Linear(2 * c, c))
        self.head = nn.Linear(c, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.place
        x = x + self.att(self.n1(x))
        return self.head((x + self.mlp(self.n2(x)))[:, 0])


class Swin(nn.Module):
    """A shifted-window block on 8 × 8 tokens in windows of 4 × 4, then patch merging."""

    def __init__(self, c):
        super().__init__()
        self.patch, self.n1, self.att = nn.Conv2d(3, c, 2, 2), nn.LayerNorm(c), Attention(c, 2, 16)
        self.n2, self.merge, self.head = nn.LayerNorm(4 * c), nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, 3)

    def forward(self, x):
        x = self.patch(x).permute(0, 2, 3, 1)
        n, h, w, c = x.shape
        y = torch.roll(self.n1(x), (-2, -2), (1, 2))
        y = y.view(n, h // 4, 4, w // 4, 4, c).transpose(2, 3).reshape(-1, 16, c)
        y = self.att(y).view(n, h // 4, w // 4, 4, 4, c).transpose(2, 3).reshape(n, h, w, c)
        x = x + torch.roll(y, (2, 2), (1, 2))
        x = torch.cat((x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]), -1)
        return self.head(self.merge(self.n2(x)).mean((1, 2)))


class Inception(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.a, self.b, self.c, self.d = cbr(i, 4, 1), cbr(i, 4), cbr(i, 4, 1), cbr(i, 4, 1)

    def forward(self, x):
        pooled = F.max_pool2d(x, 3, 1, 1)
        averaged = F.avg_pool2d(x, 3, 1, 1)
        return torch.cat((self.a(x), self.b(x), self.c(pooled), self.d(averaged)), 1)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = cbr(3, 8, act=nn.LeakyReLU), cbr(8, 16, act=nn.ELU), cbr(24, 8, act=nn.Mish)
        self.up, self.norm = nn.ConvTranspose2d(8, 8, 2, 2), nn.GroupNorm(2, 8)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        up = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        c = self.norm(self.c(torch.cat((a, up), 1)))
        small = F.interpolate(c, size=(11, 13), mode="bicubic")
        return torch.tanh(self.up(F.avg_pool2d(c, 3, 2, ceil_mode=True))) + F.interpolate(small, size=(16, 16))


class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 5, 2, 2), nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
        self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(72, 12), nn.ReLU6(), nn.Linear(12, 3))

    def forward(self, x):
        x = F.local_response_norm(F.relu(self.a(x)), 5, 0.5)
        x = F.softplus(self.b(F.max_pool2d(x, 3, 2)))
        return self.fc(F.adaptive_max_pool2d(x, 3))


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(8)
        self.inorm, self.unshuffle = nn.InstanceNorm2d(8, affine=True), nn.PixelUnshuffle(2)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x):
        x = self.shuffle(self.unshuffle(self.b(self.inorm(self.a(x)))))
        x = F.pad(x, (1, 2, 0, 1), "replicate")
        return x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-3) + F.normalize(x, dim=1).clamp(-0.9, 0.9)


class Deformable(nn.Module):
    """Offsets and a mask that follow from the image, as in DCNv2."""

    def __init__(self):
        super().__init__()
        self.a, self.shift, self.conv = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 54, 3, padding=1), None
        self.weight = nn.Parameter(torch.randn(8, 2, 3, 3) * 0.3)

    def forward(self, x):
        x = torch.tanh(self.a(x))
        shift = self.shift(x)
        return torchvision.ops.deform_conv2d(x, shift[:, :36], self.weight, None, padding=1,
                                             mask=torch.sigmoid(shift[:, 36:]))


class Transformer(nn.Module):
    """A spatial transformer that moves the image by a net of its own."""

    def __init__(self, mode, padding):
        super().__init__()
        self.mode, self.padding = mode, padding
        self.a, self.theta = nn.Conv2d(3, 4, 3, 2), nn.Linear(4, 6)
        self.b = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        theta = self.theta(torch.tanh(self.a(x)).mean((2, 3))).view(-1, 2, 3) + torch.eye(2, 3)[None].to(x)
        grid = F.affine_grid(theta, (x.shape[0], 3, 12, 10), align_corners=False)
        return torch.tanh(self.b(F.grid_sample(x, grid, mode=self.mode, padding_mode=self.padding, align_corners=False)))


class Regions(nn.Module):
    """Fixed regions of every image, whose samples depend on their sizes."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        x = torch.tanh(self.a(x))
        n = x.shape[0]
        image = torch.arange(n, dtype=x.dtype)[:, None]
        boxes = torch.tensor([[1.5, 2.0, 9.0, 14.0]], dtype=x.dtype).expand(n, 4)
        return torchvision.ops.roi_align(x, torch.cat((image, boxes), 1), 3, 1.0, -1, True)


class Lists(nn.Module):
    """Lists of tensors, taken apart and put together again: sequences in the scripted export."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 9, 3), nn.Conv2d(9, 8, 1)

    def forward(self, x):
        a, b, c = torch.split(self.a(x), [2, 3, 4], dim=1)
        rows = list(torch.unbind(c, 2))
        parts = [a * 2.0, torch.tanh(b)]
        parts.append(torch.stack([rows[0], rows[3], rows[-1] * rows[1]], 2).mean(2, keepdim=True).expand_as(c))
        return self.b(torch.cat(parts, 1))


class Spectrum(nn.Module):
    """A filter in the frequency domain, as in GFNet."""

    def __init__(self):
        super().__init__()
        self.a, self.weight = nn.Conv2d(3, 8, 3, padding=1), nn.Parameter(torch.randn(8, 16, 9, 2) * 0.5)

    def forward(self, x):
        f = torch.view_as_real(torch.fft.rfft2(torch.tanh(self.a(x)), norm="ortho"))
        w = self.weight
        real, imaginary = f[..., 0] * w[..., 0] - f[..., 1] * w[..., 1], f[..., 0] * w[..., 1] + f[..., 1] * w[..., 0]
        return torch.sqrt(real * real + imaginary * imaginary + 1e-2)


class SpectrumFilter(Spectrum):
    """The same, and back into the image."""

    def forward(self, x):
        f = torch.fft.rfft2(torch.tanh(self.a(x)), norm="ortho") * torch.view_as_complex(self.weight)
        return torch.tanh(torch.fft.irfft2(f, s=(16, 16), norm="ortho"))


class Folded(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(27, 27), nn.Conv2d(3, 8, 1)

    def forward(self, x):
        patches = F.unfold(x, 3, padding=1, stride=2)
        y = torch.tanh(self.a(patches.transpose(1, 2))).transpose(1, 2)
        return self.b(F.fold(y, (16, 16), 3, padding=1, stride=2))


class Grouped(nn.Module):
    """Heads of queries that share keys and values, rotary places; causal, or with a mask of the brighter tokens."""

    def __init__(self, causal):
        super().__init__()
        self.causal = causal
        self.patch, self.q, self.kv = nn.Conv2d(3, 16, 4, 4), nn.Linear(16, 16), nn.Linear(16, 16)
        angle = torch.arange(16.0)[:, None] * torch.tensor([1.0, 0.3])
        self.register_buffer("cos", torch.cat((angle.cos(), angle.cos()), 1))
        self.register_buffer("sin", torch.cat((angle.sin(), angle.sin()), 1))

    def turned(self, x):
        a, b = x.chunk(2, -1)
        return x * self.cos + torch.cat((-b, a), -1) * self.sin

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        n = x.shape[0]
        q = self.turned(self.q(x).view(n, 16, 4, 4).transpose(1, 2))
        k, v = self.kv(x).view(n, 16, 4, 4).transpose(1, 2).chunk(2, 1)
        k = self.turned(k)
        bright = x.mean(2)
        mask = None if self.causal else (bright >= bright.mean(1, keepdim=True))[:, None, None, :]
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self.causal, enable_gqa=True)
        return y.transpose(1, 2).reshape(n, 16, 16).transpose(1, 2)[..., None]


stem = lambda o, act=nn.ReLU: cbr(3, o, 3, 2, act=act)
FAMILIES = {
    "resnet": (Head(nn.Sequential(stem(8), nn.MaxPool2d(3, 2, 1), Bottleneck(8, 8, 16, 2)), 16), "torchscript", 17),
    "densenet": (Head(nn.Sequential(stem(8), DenseBlock(8, 4, 3), bn(20), nn.ReLU(), nn.Conv2d(20, 16, 1),
                                    nn.AvgPool2d(2), DenseBlock(16, 4, 2), bn(24), nn.ReLU()), 24), "torchscript", 11),
    "densenet-blocked": (Head(nn.Sequential(cbr(3, 16), nn.MaxPool2d(3, 2, 1), DenseBlock(16, 16, 2)), 48), "dynamo", 18),
    "mobilenet-v2": (Head(nn.Sequential(stem(8, nn.ReLU6), Inverted(8, 16, 8, 1, nn.ReLU6),
                                        Inverted(8, 16, 12, 2, nn.ReLU6)), 12), "torchscript", 9),
    "mobilenet-v3": (Head(nn.Sequential(stem(8, nn.Hardswish), Inverted(8, 16, 8, 1, nn.Hardswish, nn.Hardsigmoid())),
                          8), "dynamo", 18),
    "efficientnet": (Head(nn.Sequential(stem(16, nn.SiLU), Inverted(16, 32, 16, 1, nn.SiLU, nn.Sigmoid()),
                                        Inverted(16, 32, 16, 2, nn.SiLU)), 16), "torchscript", 13),
    "shufflenet": (Head(nn.Sequential(stem(16), nn.MaxPool2d(3, 2, 1), Shuffle(16), Shuffle(16)), 16), "dynamo", 20),
    "convnext": (Head(nn.Sequential(nn.Conv2d(3, 8, 4, 4), ConvNeXt(8)), 8), "dynamo", 18),
    "convnext-torchscript": (Head(nn.Sequential(nn.Conv2d(3, 8, 4, 4), ConvNeXt(8)), 8), "torchscript", 17),
    "vit": (ViT(8), "dynamo", 18),
    "vit-torchscript": (ViT(8), "torchscript", 14),
    "swin": (Swin(8), "torchscript", 17),
    "swin-dynamo": (Swin(8), "dynamo", 18),
    "inception": (Head(nn.Sequential(stem(8), Inception(8), Inception(16)), 16), "torchscript", 17),
    "unet": (Head(UNet(), 8), "torchscript", 16),
    "alexnet": (AlexNet(), "dynamo", 18),
    "norms": (Head(Norms(), 8), "torchscript", 18),
    "deformable": (Head(Deformable(), 8), "torchscript", 19),
    "transformer-cubic": (Head(Transformer("bicubic", "reflection"), 8), "torchscript", 20),
    "transformer-linear": (Head(Transformer("bilinear", "reflection"), 8), "dynamo", 20),
    "regions": (Head(Regions(), 8), "torchscript", 17),
    "lists": (torch.jit.script(Head(Lists(), 8)), "torchscript", 17),
    "lists-dynamo": (Head(Lists(), 8), "dynamo", 18),
    "spectrum": (Head(Spectrum(), 8), "dynamo", 20),
    "spectrum-filter": (Head(SpectrumFilter(), 8), "dynamo", 20),
    "folded": (Head(Folded(), 8), "torchscript", 18),
    "grouped-causal": (Head(Grouped(True), 16), "dynamo", 23),
    "grouped-masked": (Head(Grouped(False), 16), "dynamo", 23),
}


@torch.onnx.symbolic_helper.parse_args("v", "v", "v", "v", "v", *["i"] * 8, "b")
def deform_conv(g, x, weight, offset, mask, bias, sy, sx, py, px, dy, dx, groups, shifts, use_mask):
    """torchvision has no symbolic of its own for it."""
    return g.op("DeformConv", x, weight, offset, bias, mask, strides_i=[sy, sx], pads_i=[py, px, py, px],
                dilations_i=[dy, dx], group_i=groups, offset_group_i=shifts)


torch.onnx.register_custom_op_symbolic("torchvision::deform_conv2d", deform_conv, 19)


def export(model, name, exporter, opset):
    path = os.path.join(HERE, name + ".onnx")
    x = torch.rand(2, 3, 16, 16)
    if exporter == "torchscript":
        torch.onnx.export(model, x, path, opset_version=opset, input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, dynamo=False)
    else:
        torch.onnx.export(model, (x,), path, opset_version=opset, input_names=["image"], output_names=["logits"],
                          dynamic_shapes=({0: torch.export.Dim("n")},), dynamo=True, external_data=False)
    stored = onnx.load(path)
    for node in stored.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del stored.graph.value_info[:]
    del stored.metadata_props[:]
    onnx.save(stored, path)
    return next(o.version for o in stored.opset_import if o.domain == "")


def main():
    names = sys.argv[1:] or list(FAMILIES)
    made = os.path.join(HERE, "index.json")
    models = []
    if sys.argv[1:]:
        with open(made) as f:
            models = [m for m in json.load(f)["models"] if m["name"] not in names]
    x = torch.from_numpy(np.random.default_rng(20).random((2, 3, 16, 16), np.float32) * 2 - 1)
    np.save(os.path.join(HERE, "input.npy"), x.numpy())
    for name in names:
        model, exporter, opset = FAMILIES[name]
        model.eval()
        opset = export(model, name, exporter, opset)
        exact = model.double()
        xd = x.double().requires_grad_()
        y = exact(xd)
        targets = [0, 2]
        sum(y[i, t] for i, t in enumerate(targets)).backward()
        gradient = xd.grad.numpy().astype(np.float32)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-6, name
        np.save(os.path.join(HERE, f"{name}.logits.npy"), y.detach().numpy().astype(np.float32))
        np.save(os.path.join(HERE, f"{name}.gradient.npy"), gradient)
        models.append({"name": name, "exporter": exporter, "opset": opset, "targets": targets})
    index = {
        "madeBy": "make.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__,
                     "numpy": np.__version__},
        "seed": 20,
        "input": "input.npy: uniform in -1…1, numpy default_rng(20); [2, 3, 16, 16], NCHW",
        "gradient": "d logits[i, targets[i]] / d input of image i, autograd in float64, stored as float32",
        "models": models,
    }
    with open(made, "w") as f:
        json.dump(index, f, indent=2, ensure_ascii=False)
        f.write("\n")


main()
