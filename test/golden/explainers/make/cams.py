"""Maps from a layer's activations: the Grad-CAM family, Score-CAM, Ablation-CAM, Eigen-CAM and Recipro-CAM.

`raw` is the map on the layer's grid as it is before ReLU and enlarging; `map` is ReLU(raw), bilinear without aligned
corners; hires-cam and recipro-cam keep their signs. Nothing is scaled to 0…1, though all the tools do so at the end: their
maps are taken before that.

On the ViT the layer is the first norm of the last block; its tokens without the class token are a grid, as by
reshape_transform of pytorch-grad-cam, and whatever changes the grid leaves the class token as it is.
"""
import contextlib
import io
import math
from importlib.metadata import version

import numpy as np
import pytorch_grad_cam
import torch
import torch.nn.functional as F
import torchcam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from common import Scored, Writer, gradient, load, read_index, relative, score
from networks import EARLIER

JACOBGIL = f"grad-cam {version('grad-cam')}"
TORCHCAM = f"torchcam {version('torchcam')}"


class Split:
    """A network cut behind one of its layers: x → activations → score of the target."""

    def __init__(self, model, cut, target, kind):
        self.layer = model.features[cut]
        self.scored = Scored(model, target, kind)
        self.before = model.features[:cut + 1] if cut >= 0 else model.features
        after = model.features[cut + 1:] if cut >= 0 else []
        self.after = lambda a: score(model.tail(after(a) if len(after) else a), target, kind)


class SplitTokens:
    """A ViT cut behind the first norm of its last block: x → the grid of tokens → score of the target."""

    def __init__(self, model, target, kind):
        self.model, self.block = model, model.blocks[-1]
        self.layer = self.block.n1
        self.scored = Scored(model, target, kind)
        self.target, self.kind = target, kind

    @staticmethod
    def grid(tokens):
        side = math.isqrt(tokens.shape[1] - 1)
        return tokens[:, 1:].reshape(len(tokens), side, side, -1).permute(0, 3, 1, 2)

    def before(self, x):
        kept = []
        handles = [self.block.register_forward_pre_hook(lambda _, given: kept.append(given[0])),
                   self.layer.register_forward_hook(lambda _, given, found: kept.append(found))]
        self.model(x)
        for handle in handles:
            handle.remove()
        self.input, tokens = kept
        self.token = tokens[:, :1]
        return self.grid(tokens)

    def after(self, a):
        tokens = torch.cat((self.token.expand(len(a), -1, -1), a.flatten(2).transpose(1, 2)), 1)
        x = self.input + self.block.attention(tokens)
        x = x + self.block.mlp(self.block.n2(x))
        return score(self.model.head(self.model.norm(x)[:, 0]), self.target, self.kind)


def split_of(name, model, cut, target, kind):
    return SplitTokens(model, target, kind) if name == "vit" else Split(model, cut, target, kind)


def enlarge(a, size):
    return F.interpolate(a, size, mode="bilinear", align_corners=False)


def total(a):
    return a.sum((2, 3), keepdim=True)


def grad_cam(a, g):
    return (g.mean((2, 3), keepdim=True) * a).sum(1, keepdim=True)


def grad_cam_plus_plus(a, g):
    """α = g² / (2g² + g³ ΣA), 0 where g = 0 and where the denominator is under 1e-7 of its maximum; w = Σ α g⁺."""
    denominator = 2 * g ** 2 + g ** 3 * total(a)
    small = denominator.abs() < 1e-7 * denominator.abs().max()
    alpha = torch.where(small, 0, g ** 2 / torch.where(small, 1, denominator))
    return (total(alpha * g.clamp(min=0)) * a).sum(1, keepdim=True)


def xgrad_cam(a, g):
    """w = Σ g A / ΣA; 0 where |ΣA| is at most 1e-7 Σ|A|."""
    vanishing = total(a).abs() <= 1e-7 * total(a.abs())
    w = torch.where(vanishing, 0, total(g * a) / torch.where(vanishing, 1, total(a)))
    return (w * a).sum(1, keepdim=True)


def hires_cam(a, g):
    return (g * a).sum(1, keepdim=True)


def layer_cam(a, g):
    return (g.clamp(min=0) * a).sum(1, keepdim=True)


def eigen_cam(a):
    """The first principal component of the positions' centred activations; the larger extreme is positive."""
    m = a[0].flatten(1).T
    m = m - m.mean(0)
    _, _, v = torch.linalg.svd(m, full_matrices=False)
    p = (m @ v[0]).view(1, 1, *a.shape[2:])
    return -p if -p.min() > p.max() else p


def ablation_cam(a, after):
    """w_k = f − f with channel k at 0."""
    ablated = a * (1 - torch.eye(a.shape[1], dtype=a.dtype))[:, :, None, None]
    return ((after(a) - after(ablated))[None, :, None, None] * a).sum(1, keepdim=True)


def score_cam(split, x, a, softmax):
    """Masks are channels scaled to 0…1, then enlarged; w = softmax of their scores, or score − f(0). Constant: w = 0."""
    low, high = a.amin((2, 3), keepdim=True), a.amax((2, 3), keepdim=True)
    constant = (high == low)[0, :, 0, 0]
    masks = enlarge((a - low) / torch.where(high == low, 1, high - low), x.shape[2:])[0][:, None]
    with torch.no_grad():
        s = split.scored(x * masks)[:, 0]
        w = torch.softmax(s.masked_fill(constant, -torch.inf), 0) if softmax else s - split.scored(0 * x)[:, 0]
    w = torch.where(constant, 0, w)
    return (w[None, :, None, None] * a).sum(1, keepdim=True), int(constant.sum())


def recipro_cam(a, after, gaussian):
    """The score with the activations of one cell only, or weighted by a 3 × 3 Gaussian (sum 1) around it."""
    h, w = a.shape[2:]
    cells = torch.eye(h * w, dtype=a.dtype).view(h * w, 1, h, w)
    if gaussian:
        kernel = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=a.dtype)[None, None] / 16
        cells = F.conv2d(cells, kernel, padding=1)
    with torch.no_grad():
        return after(cells * a).view(1, 1, h, w)


def by_jacobgil(kind, split, x):
    """The tool's map on the layer's grid, before ReLU and scaling."""
    kept = []
    reshape = getattr(split, "grid", None)
    with contextlib.redirect_stderr(io.StringIO()), getattr(pytorch_grad_cam, kind)(
            split.scored, [split.layer], reshape_transform=reshape) as cam:
        get = cam.get_cam_image

        def keep(*arguments):
            kept.append(get(*arguments))
            return kept[-1]

        cam.get_cam_image = keep
        cam(input_tensor=x.clone(), targets=[ClassifierOutputTarget(0)])
    return torch.from_numpy(np.asarray(kept[0], np.float64))[:, None]


def by_torchcam(kind, split, x):
    """The tool's map on the layer's grid, after ReLU, before scaling."""
    with getattr(torchcam.methods, kind)(split.scored, target_layer=split.layer, input_shape=tuple(x.shape[1:])) as cam:
        return cam(class_idx=0, scores=split.scored(x), normalized=False)[0][:, None].detach()


def relu(a):
    return a.clamp(min=0)


#: explainer → (formula of activations and gradients, class of the tool)
GRADIENT_CAMS = {"grad-cam": (grad_cam, "GradCAM"), "grad-cam-plus-plus": (grad_cam_plus_plus, "GradCAMPlusPlus"),
                 "xgrad-cam": (xgrad_cam, "XGradCAM"), "hires-cam": (hires_cam, "HiResCAM"),
                 "layer-cam": (layer_cam, "LayerCAM")}
SIGNED = ("hires-cam", "recipro-cam")
CALLS = {e: f"{tool}(f, [layer])(x, targets), the map of get_cam_image" for e, (_, tool) in GRADIENT_CAMS.items()} | {
    "ablation-cam": "AblationCAM(f, [layer])(x, targets), the map of get_cam_image",
    "eigen-cam": "EigenCAM(f, [layer])(x, targets), the map of get_cam_image, its sign by the larger extreme",
    "score-cam": "ScoreCAM(f, layer)(class_idx, scores, normalized=False), compared after ReLU",
}


def maps_of(name, cut, kind, dtype):
    """(explainer, variant) → formula maps and the tool's, both images; and the scores."""
    model, x, targets = load(name, dtype)
    out, scores = {}, []

    def put(key, own, tool=None):
        out.setdefault(key, ([], []))
        out[key][0].append(own.detach())
        out[key][1].append(tool)

    for i, t in enumerate(targets):
        v, split = x[i:i + 1], split_of(name, model, cut, t, kind)
        tokens = isinstance(split, SplitTokens)
        with torch.no_grad():
            a = split.before(v)
            scores.append(float(split.scored(v)))
        g = gradient(split.after, a)
        for explainer, (formula, tool) in GRADIENT_CAMS.items():
            put((explainer, ""), formula(a, g), by_jacobgil(tool, split, v))
        put(("ablation-cam", ""), ablation_cam(a, split.after), None if tokens else by_jacobgil("AblationCAM", split, v))
        put(("eigen-cam", ""), eigen_cam(a), by_jacobgil("EigenCAM", split, v))
        softmaxed, constant = score_cam(split, v, a, True)
        assert constant == 0, "torchcam gives constant channels a weight"
        put(("score-cam", ""), softmaxed, None if tokens else by_torchcam("ScoreCAM", split, v))
        put(("score-cam", "raw"), score_cam(split, v, a, False)[0])
        put(("recipro-cam", ""), recipro_cam(a, split.after, False))
        put(("recipro-cam", "gaussian"), recipro_cam(a, split.after, True))
    return out, scores


def fused_layer_cam(w, name, entry):
    """Layer-CAM of two layers by torchcam: tanh(2 · min–max) of each map, enlarged to the finer grid, their maximum."""
    model, x, targets = load(name)
    maps = []
    for i, t in enumerate(targets):
        split = Split(model, -1, t, "logit")
        layers = [model.features[EARLIER[name]], split.layer]
        v = x[i:i + 1]
        with torchcam.methods.LayerCAM(split.scored, target_layer=layers, input_shape=tuple(v.shape[1:])) as cam:
            maps.append(cam.fuse_cams(cam(class_idx=0, scores=split.scored(v)))[:, None].detach())
    w.add(explainer="layer-cam", variant="fused", model=name, score="logit", by=TORCHCAM,
          call="cam = LayerCAM(f, layers); cam.fuse_cams(cam(class_idx, scores))",
          layers=[entry["earlierLayer"], entry["layer"]], raw=w.save(f"{name}/layer-cam-fused-logit-raw", torch.cat(maps)))


def tool_says(explainer, own, tool, scores):
    """`by` and the tool's distance: its name where it is right, else `formula` and why it errs."""
    if tool[0] is None:
        return {"by": "formula"}
    own, tool = torch.cat(own), torch.cat(tool)
    if explainer == "score-cam":
        own = relu(own)
    if explainer == "eigen-cam":
        tool = torch.stack([t if relative(t, o) < 1 else -t for t, o in zip(tool, own)])
    distance = [relative(tool[i], own[i]) for i in range(len(own))]
    by = TORCHCAM if explainer == "score-cam" else JACOBGIL
    if max(distance) < 2e-5:
        return {"by": by, "formulaRelativeL2": max(distance)}
    because = {
        "grad-cam-plus-plus": "the denominator gets + 1e-6 whatever its size, so small gradients give other weights",
        "ablation-cam": "weights are divided by the score, which turns them round where it is negative; where the layer's "
                        "minimum is not 0, channels are set to the minimum − 1e7 instead of 0",
    }[explainer]
    says = {"by": "formula", "tool": {"by": by, "relativeL2": distance, "because": because}}
    if explainer == "ablation-cam":
        says["tool"]["timesScoreRelativeL2"] = [relative(tool[i] * scores[i], own[i]) for i in range(len(own))]
    return says


def main():
    index = read_index()["models"]
    with Writer("cams.py") as w:
        for name in (*EARLIER, "vit"):
            size = [index[name]["side"]] * 2
            for kind, place in (("logit", ""), ("logit", "earlier"), ("margin", "")):
                if (kind == "margin" and name in ("cnn", "resnet")) or (place and name == "vit"):
                    continue
                cut = EARLIER[name] if place else -1
                maps, scores = maps_of(name, cut, kind, torch.float64)
                rough, _ = maps_of(name, cut, kind, torch.float32)
                for (explainer, variant), (own, tool) in maps.items():
                    raw = torch.cat(own)
                    says = tool_says(explainer, own, tool, scores)
                    # Ill-conditioned maps are no reference for float32.
                    unstable = relative(torch.cat(rough[(explainer, variant)][0]), raw)
                    label = "-".join(filter(None, (explainer, variant, place, kind)))
                    print(name, label, says, f"{unstable:.1e}")
                    if unstable > 5e-5:
                        continue
                    called = CALLS[explainer] if "tool" in says or says["by"] != "formula" else "make/cams.py"
                    entry = dict(explainer=explainer, variant="-".join(filter(None, (variant, place))), model=name,
                                 score=kind, **says, call=called,
                                 layer=index[name]["earlierLayer" if place else "layer"],
                                 raw=w.save(f"{name}/{label}-raw", raw), signed=explainer in SIGNED)
                    if kind == "logit" and not place:
                        final = raw if explainer in SIGNED else relu(raw)
                        entry["map"] = w.save(f"{name}/{label}", enlarge(final, size))
                    w.add(**entry)
            if name != "vit":
                fused_layer_cam(w, name, index[name])


if __name__ == "__main__":
    main()
