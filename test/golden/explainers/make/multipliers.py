"""DeepLIFT's multipliers in plain PyTorch, for image and baseline as the two rows of one batch.

Rescale for what acts on single values (Shrikumar et al. 2017, equation 14; the derivative where inputs differ by less
than 1e-6 · max(1, |x|)); for maxima the cross-maximum, summed over overlapping windows; for a product of two the means of
both factors; quotients as Quotient says. Softmax is exp(x − log Σ exp x); layer normalisation is d / √(mean d² + ε),
d = x − mean x; SiLU and GELU are functions of one value. Σ map = f(x) − f(b).
"""
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode


def halves(x):
    return x.chunk(2)


def both(x):
    return torch.cat((x, x))


class Rescale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, f, slope):
        y = f(x)
        a, b = halves(x)
        c, d = halves(y)
        near = (a - b).abs() < 1e-6 * a.abs().clamp(min=1)
        ctx.save_for_backward(both(torch.where(near, slope(a), (c - d) / torch.where(near, 1, a - b))))
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None, None


class Maximum(torch.autograd.Function):
    """Max pooling over windows of [2n, c, h, w]."""

    @staticmethod
    def forward(ctx, x, kernel, stride, padding, ceil):
        y, where = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)
        ctx.save_for_backward(x, y, where)
        return y

    @staticmethod
    def backward(ctx, g):
        x, y, where = ctx.saved_tensors
        a, b = halves(x)
        c, d = halves(y)
        high = torch.maximum(c, d)
        at, reference = halves(where)
        g, _ = halves(g)
        out = torch.zeros_like(a).flatten(2)
        out.scatter_add_(2, at.flatten(2), (g * (high - d)).flatten(2))
        out.scatter_add_(2, reference.flatten(2), (g * (c - high)).flatten(2))
        near = (a - b).abs() < 1e-6 * a.abs().clamp(min=1)
        m = torch.where(near, 0, out.view_as(a) / torch.where(near, 1, a - b))
        plain = torch.zeros_like(a).flatten(2).scatter_add_(2, at.flatten(2), g.flatten(2)).view_as(a)
        return both(torch.where(near, plain, m)), None, None, None, None


class Product(torch.autograd.Function):
    """A bilinear operation: multiply(a, b)."""

    @staticmethod
    def forward(ctx, a, b, multiply):
        ctx.save_for_backward(a, b)
        ctx.multiply = multiply
        return multiply(a, b)

    @staticmethod
    def backward(ctx, g):
        a, b = (both(sum(halves(v)) / 2).requires_grad_() for v in ctx.saved_tensors)
        with torch.enable_grad():
            return (*torch.autograd.grad(ctx.multiply(a, b), (a, b), g), None)


class Quotient(torch.autograd.Function):
    """a / b: (b + b′) / (b² + b′²) for a, −(y b′ + y′ b) / (b² + b′²) for b; exact, and of the size of y where b′ is nearly 0."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a / b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        (one, other), (y, z) = halves(b), halves(a / b)
        squares = both(one ** 2 + other ** 2)
        divisor = -g * both(y * other + z * one) / squares
        return (g * both(one + other) / squares).sum_to_size(a.shape), divisor.sum_to_size(b.shape)


def rescaled(f):
    def slope(x):
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(f(x).sum(), x)[0]
    return lambda x: Rescale.apply(x, f, slope)


square, root, exponential = rescaled(lambda x: x * x), rescaled(torch.sqrt), rescaled(torch.exp)


def softmax(x, dim):
    top = both(torch.maximum(*halves(x.detach().amax(dim, keepdim=True))))
    total = exponential(x - top).sum(dim, keepdim=True)
    return exponential(x - (rescaled(torch.log)(total) + top))


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    d = x - x.mean(-1, keepdim=True)
    return Quotient.apply(d, root(square(d).mean(-1, keepdim=True) + eps)) * weight + bias


class Multipliers(TorchFunctionMode):
    """Inside it, networks on [image; baseline] have multipliers in the place of gradients."""

    single = {F.relu: torch.relu, F.silu: F.silu, F.gelu: F.gelu, torch.sigmoid: torch.sigmoid,
              F.sigmoid: torch.sigmoid, torch.Tensor.sigmoid: torch.sigmoid, F.hardswish: F.hardswish,
              F.hardsigmoid: F.hardsigmoid}

    def __torch_function__(self, f, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            if f in self.single:
                return rescaled(self.single[f])(args[0])
            if f in (F.max_pool2d, torch.max_pool2d) or getattr(f, "__name__", "") in ("boolean_dispatch", "max_pool2d"):
                return Maximum.apply(args[0], kwargs.get("kernel_size", args[1] if len(args) > 1 else None),
                                     kwargs.get("stride", args[2] if len(args) > 2 else None), kwargs.get("padding", 0),
                                     kwargs.get("ceil_mode", False))
            if f is torch.Tensor.softmax:
                return softmax(args[0], args[1])
            if f is F.layer_norm:
                return layer_norm(*args, **kwargs)
            if getattr(f, "__name__", "") in ("matmul", "__matmul__", "__rmatmul__"):
                return Product.apply(args[0], args[1], torch.matmul)
            if getattr(f, "__name__", "") in ("mul", "__mul__") and all(
                    isinstance(a, torch.Tensor) and not isinstance(a, torch.nn.Parameter) for a in args):
                return Product.apply(args[0], args[1], torch.mul)
            if f is torch.Tensor.logsumexp:
                e = exponential(args[0])
                return rescaled(torch.log)(e.sum(args[1]))
            return f(*args, **kwargs)


def deeplift(f, x, b):
    """Multipliers × (x − b) for f: [n, …] → [n], one image x and baseline b [1, …]; the map and f(x) − f(b)."""
    rows = torch.cat((x, b)).requires_grad_()
    with Multipliers():
        y = f(rows)
    m = torch.autograd.grad(y.sum(), rows)[0][:1]
    return m * (x - b), float(y[0] - y[1])
