"""Relevance through the attention of the ViT, by the formulas.

Chefer et al. 2021 (Generic Attention-model Explainability): R ← R + E_heads[(A ⊙ ∂s/∂A)⁺] R from the first block to the
last, R = I at first; the class token's row. Abnar & Zuidema 2020, rollout: the product of the rows' normalised
½ E_heads[A] + ½ I, last block leftmost; the class token's row; blind to the class.
`raw` is the row on the patches' grid, without the token itself; `map` is bilinear.
"""
import torch
import torch.nn.functional as F

from common import Writer, load, read_index, score

NAME = "vit"


def attentions(model, x):
    """Logits and the attention matrices [1, heads, tokens, tokens] of all blocks, with their graph."""
    logits = model(x)
    return logits, [block.attention.kept for block in model.blocks]


def relevance(matrices, gradients):
    r = torch.eye(matrices[0].shape[-1], dtype=matrices[0].dtype)
    for a, g in zip(matrices, gradients):
        r = r + (a * g).clamp(min=0).mean(1)[0] @ r
    return r


def rollout(matrices):
    r = torch.eye(matrices[0].shape[-1], dtype=matrices[0].dtype)
    for a in matrices:
        mixed = a.mean(1)[0] / 2 + torch.eye(a.shape[-1], dtype=a.dtype) / 2
        r = (mixed / mixed.sum(1, keepdim=True)) @ r
    return r


def grid(row):
    side = int(len(row) ** 0.5)
    return row.view(1, 1, side, side)


def main():
    model, x, targets = load(NAME)
    side = read_index()["models"][NAME]["side"]
    tensors = [f"/blocks/blocks.{i}/attention/Softmax_output_0" for i in range(len(model.blocks))]
    with Writer("attention.py") as w:
        for kind in ("logit", "margin"):
            found = {"attention-relevance": [], "attention-relevance-mean": [], "attention-rollout": []}
            for i, t in enumerate(targets):
                logits, matrices = attentions(model, x[i:i + 1])
                gradients = torch.autograd.grad(score(logits, t, kind).sum(), matrices)
                r = relevance([a.detach() for a in matrices], gradients)
                found["attention-relevance"].append(grid(r[0, 1:]))
                found["attention-relevance-mean"].append(grid(r[:, 1:].mean(0)))
                found["attention-rollout"].append(grid(rollout([a.detach() for a in matrices])[0, 1:]))
            for label, raw in found.items():
                if label == "attention-rollout" and kind == "margin":
                    continue
                raw = torch.cat(raw)
                explainer, variant = (label.removesuffix("-mean"), "mean-row") if label.endswith("mean") else (label, "")
                enlarged = F.interpolate(raw, (side, side), mode="bilinear", align_corners=False)
                w.add(explainer=explainer, variant=variant, model=NAME, score=kind, by="formula", call="make/attention.py",
                      layers=tensors, signed=True, raw=w.save(f"{NAME}/{label}-{kind}-raw", raw),
                      map=w.save(f"{NAME}/{label}-{kind}", enlarged))


if __name__ == "__main__":
    main()
