"""Writes captum.json: Captum's LIME and occlusion defaults on a formula. Usage: python captum.py

f(x) = (3 sin(w.x), 0), w_i = cos(0.7 i) / 4, x_i = sin(i + 0.5), i row by row.
"""
import json
import pathlib

import captum
import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnLasso
from captum.attr import Lime, Occlusion
from captum.attr._core.lime import default_perturb_func

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def problem(height, width):
    i = torch.arange(height * width, dtype=torch.float64)
    image = torch.sin(i + 0.5).reshape(1, 1, height, width)
    weights = torch.cos(0.7 * i) / 4

    def model(x):
        u = 3 * torch.sin(x.reshape(x.shape[0], -1) @ weights)
        return torch.stack([u, torch.zeros_like(u)], 1)

    return model, image


def lime():
    model, image = problem(8, 8)
    y, x = np.mgrid[0:8, 0:8]
    mask = torch.tensor((y // 2) * 4 + x // 2)[None, None]
    design = []

    def perturb(*args, **kwargs):
        row = default_perturb_func(*args, **kwargs)
        design.append(row.flatten().tolist())
        return row

    # Captum's default surrogate, run to convergence.
    lasso = SkLearnLasso(alpha=0.01, tol=1e-12, max_iter=1_000_000)
    explainer = Lime(model, interpretable_model=lasso, perturb_func=perturb)
    torch.set_default_dtype(torch.float32)
    kept = explainer.attribute(image, target=0, feature_mask=mask, return_input_shape=False)
    torch.set_default_dtype(torch.float64)
    return dict(height=8, width=8, segments=16, design=design, coefficients=kept.flatten().tolist())


def occlusion(height, width, window, stride):
    model, image = problem(height, width)
    shape, step = (1, window, window), (1, stride, stride)
    values = Occlusion(model).attribute(image, target=0, sliding_window_shapes=shape, strides=step)
    return dict(height=height, width=width, window=window, stride=stride, values=values.flatten().tolist())


out = dict(
    tool=f"captum {captum.__version__}, torch {torch.__version__.split('+')[0]}",
    script="captum.py",
    formula="f(x) = (3 sin(w.x), 0), w_i = cos(0.7 i) / 4, x_i = sin(i + 0.5), baseline 0",
    lime=lime(),
    occlusion=[occlusion(13, 11, 4, 3), occlusion(9, 16, 5, 2)],
)
pathlib.Path(__file__).with_name("captum.json").write_text(json.dumps(out))
