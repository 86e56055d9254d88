"""Small networks, with random weights, whose layer for class activation maps is not simply before a global pool.

Made with torch 2.15.0, timm 1.0.31, onnx 1.23.2; the ViT's map with pytorch-grad-cam 1.5.7 (GradCAM at the last block's
first norm, tokens as a grid by its reshape_transform, target: the logit of class 1, before ReLU and enlarging).

    python make.py          # writes *.onnx, vit.image.npy and vit.grad-cam.npy beside this file
"""
import pathlib
import sys
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings('ignore')
FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
FOLDER = FOLDER if FOLDER.is_dir() else FOLDER.parent


def initialised(model):
    """Weights that differ enough for layers to follow their input, and warmed statistics."""
    torch.manual_seed(1)
    for m in model.modules():
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, std=1.2 / m.in_features**0.5)
            if m.bias is not None:
                nn.init.normal_(m.bias, std=0.1)
    for name, p in model.named_parameters():
        if 'ls' in name or 'gamma' in name or 'layer_scale' in name:
            nn.init.constant_(p, 0.5)
    return model.eval()


def export(name, model, size):
    image = torch.randn(1, 1, size, size)
    axes = {'image': {0: 'n'}, 'scores': {0: 'n'}}
    torch.onnx.export(initialised(model), image, str(FOLDER / f'{name}.onnx'), input_names=['image'],
                      output_names=['scores'], dynamic_axes=axes, opset_version=17, dynamo=False)
    return model


class Pooled(nn.Module):
    """Two convolutions with ReLU, a way of pooling, a linear layer."""

    def __init__(self, pool, features=6):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 5, 2, 2), nn.ReLU(), nn.Conv2d(6, 6, 3, 1, 1), nn.ReLU())
        self.pool = pool
        self.head = nn.Linear(features, 2)

    def forward(self, x):
        return self.head(self.pool(self.body(x)))


class ByPixel(nn.Module):
    """Scores of every pixel, pooled: multiple instances."""

    def __init__(self, pool):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 5, 2, 2), nn.ReLU(), nn.Conv2d(6, 2, 1))
        self.pool = pool

    def forward(self, x):
        return self.pool(self.body(x))


class Attended(nn.Module):
    """Multiple instances pooled by gated attention (Ilse et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 5, 2, 2), nn.ReLU(), nn.Conv2d(6, 6, 3, 2, 1), nn.ReLU())
        self.gate = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        instances = self.body(x).flatten(2).transpose(1, 2)
        weights = torch.softmax(self.gate(instances), 1)
        return self.head((weights * instances).sum(1))


def gem(y):
    return y.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)


def bilinear(y):
    flat = y.flatten(2)
    return (flat @ flat.transpose(1, 2) / flat.shape[2]).flatten(1)


class Call(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, y):
        return self.f(y)


def transformers():
    from timm.models.efficientformer import EfficientFormer
    from timm.models.hiera import Hiera
    from timm.models.pvt_v2 import PyramidVisionTransformerV2
    from timm.models.twins import Twins
    from timm.models.vision_transformer import VisionTransformer

    vit = VisionTransformer(img_size=32, patch_size=8, in_chans=1, num_classes=2, embed_dim=24, depth=3, num_heads=3,
                            mlp_ratio=2)
    grad_cam(export('vit', vit, 32))
    export('vit-registers', VisionTransformer(img_size=32, patch_size=8, in_chans=1, num_classes=2, embed_dim=12, depth=2,
                                              num_heads=2, mlp_ratio=1, reg_tokens=3, global_pool='avg'), 32)
    export('pvt', PyramidVisionTransformerV2(in_chans=1, num_classes=2, depths=(1, 1, 1, 1), embed_dims=(8, 8, 12, 16),
                                             num_heads=(1, 1, 2, 2), sr_ratios=(8, 4, 2, 1), mlp_ratios=(1, 1, 1, 1)), 128)
    export('twins', Twins(img_size=128, in_chans=1, num_classes=2, embed_dims=(8, 8, 12, 16), num_heads=(1, 1, 2, 2),
                          mlp_ratios=(1, 1, 1, 1), depths=(1, 1, 1, 1), sr_ratios=(8, 4, 2, 1)), 128)
    export('hiera', Hiera(img_size=(64, 64), in_chans=1, num_classes=2, embed_dim=8, num_heads=1, stages=(1, 1, 1),
                          mlp_ratio=1, q_pool=2, mask_unit_size=(4, 4)), 64)
    export('efficientformer', EfficientFormer(depths=(1, 1, 1, 1), embed_dims=(8, 8, 8, 16), in_chans=1, num_classes=2,
                                              num_vit=1, mlp_ratios=1), 224)


def grad_cam(vit):
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.manual_seed(3)
    image = torch.randn(1, 1, 32, 32)
    grid = lambda t: t[:, 1:].reshape(1, 4, 4, -1).permute(0, 3, 1, 2)
    layer = vit.blocks[-1].norm1
    cam = GradCAM(vit, [layer], reshape_transform=grid)
    targets = [ClassifierOutputTarget(1)]
    cam(image, targets)
    held = cam.activations_and_grads
    found = cam.get_cam_image(image, layer, targets, held.activations[0].numpy(), held.gradients[0].numpy())
    np.save(FOLDER / 'vit.image.npy', image.numpy().transpose(0, 2, 3, 1))
    np.save(FOLDER / 'vit.grad-cam.npy', np.asarray(found, np.float32)[0])


export('gem', Pooled(Call(gem)), 32)
export('bilinear', Pooled(Call(bilinear), 36), 32)
export('log-sum-exp', ByPixel(Call(lambda y: torch.log(torch.exp(3 * y).mean((2, 3))) / 3)), 32)
export('top-k', ByPixel(Call(lambda y: y.flatten(2).topk(8, 2).values.mean(2))), 32)
export('attention-pool', Attended(), 32)
transformers()
