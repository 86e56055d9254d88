"""What the scripts share: images, models, scores, and the index that they write."""
import json
import pathlib
import platform
from importlib.metadata import version

import numpy as np
import torch

from networks import NETWORKS

ROOT = pathlib.Path(__file__).resolve().parents[1]
torch.set_num_threads(1)


def image(rng, side):
    """A slice-like image [side, side]: an ellipse with blobs, smooth texture and noise, about mean 0 and deviation 1."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side - 0.5
    angle = rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    picture = 1.2 * ((u / rng.uniform(0.38, 0.46)) ** 2 + (v / rng.uniform(0.3, 0.4)) ** 2 < 1)
    for _ in range(6):
        cy, cx = rng.uniform(-0.3, 0.3, 2)
        size = rng.uniform(0.03, 0.12)
        picture = picture + rng.normal(0, 1.2) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * size ** 2))
    for _ in range(4):
        fy, fx = rng.uniform(1, 6, 2)
        picture = picture + 0.15 * np.sin(2 * np.pi * (fy * y + fx * x + rng.uniform()))
    picture = picture + rng.normal(0, 0.15, picture.shape)
    return (picture - 0.6) / 0.8


def images(seed, count, side):
    rng = np.random.default_rng(seed)
    return np.stack([image(rng, side) for _ in range(count)])[:, None].astype(np.float32)


def load(name, dtype=torch.float64):
    """A network with its stored weights, in evaluation mode, with the two images and the targets that the index has."""
    make, side = NETWORKS[name]
    model = make()
    entry = read_index()["models"][name]
    with np.load(ROOT / "make" / "weights" / f"{name}.npz") as weights:
        model.load_state_dict({k: torch.from_numpy(weights[k]) for k in weights.files})
    x = torch.from_numpy(np.load(ROOT / entry["images"])).to(dtype)
    return model.to(dtype).eval(), x, entry["targets"]


def score(logits, target, kind):
    """`logit`: z_t; `margin`: z_t − log Σ_{c≠t} exp z_c. Logits [n, classes] → [n]."""
    if kind == "logit":
        return logits[:, target]
    others = [c for c in range(logits.shape[1]) if c != target]
    return logits[:, target] - logits[:, others].logsumexp(1)


class Scored(torch.nn.Module):
    """The model with one output [n, 1], the score of a class; target 0 of other tools is then that score."""

    def __init__(self, model, target, kind):
        super().__init__()
        self.model, self.target, self.kind = model, target, kind

    def forward(self, x):
        return score(self.model(x), self.target, self.kind)[:, None]


def gradient(f, x):
    """d Σ f / d x, for f [n] of x."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x)[0]


def array(x):
    return np.ascontiguousarray(x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x)


def relative(a, b):
    a, b = array(a).astype(np.float64), array(b).astype(np.float64)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def read_index():
    path = ROOT / "index.json"
    return json.loads(path.read_text()) if path.exists() else {}


def rounded(value):
    """Numbers to ten digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def write_index(index):
    def short(value):
        return json.dumps(rounded(value), ensure_ascii=False)

    lines = ["{"]
    sections = list(index.items())
    for s, (key, value) in enumerate(sections):
        comma = "," if s < len(sections) - 1 else ""
        if isinstance(value, dict) and key == "models":
            body = [f"    {short(k)}: {short(v)}" for k, v in value.items()]
            lines += [f"  {short(key)}: {{", ",\n".join(body), f"  }}{comma}"]
        elif isinstance(value, list):
            lines += [f"  {short(key)}: [", ",\n".join(f"    {short(v)}" for v in value), f"  ]{comma}"]
        else:
            lines.append(f"  {short(key)}: {short(value)}{comma}")
    (ROOT / "index.json").write_text("\n".join(lines + ["}"]) + "\n")


def versions(*names):
    return {"python": platform.python_version(), **{n: version(n) for n in names}}


class Writer:
    """Replaces one script's entries in a list of the index: with Writer("cams.py") as w: w.add(…)."""

    def __init__(self, script, section="references"):
        self.script, self.section, self.entries = script, section, []

    def __enter__(self):
        return self

    def save(self, name, values, dtype=np.float32):
        """Stores an array as NAME.npy and gives the file's name."""
        values = array(values)
        assert np.isfinite(values).all(), name
        path = ROOT / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.ascontiguousarray(values.astype(dtype)))
        return path.relative_to(ROOT).as_posix()

    def add(self, **entry):
        self.entries.append({**entry, "script": self.script})

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        index = read_index()
        kept = [e for e in index.get(self.section, []) if e["script"] != self.script]
        index[self.section] = kept + self.entries
        write_index(index)
        print(self.script, len(self.entries), "entries")
