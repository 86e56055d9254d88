"""Gradients and sums of gradients: saliency, input × gradient, integrated gradients, SmoothGrad and its kin, expected
gradients. All by Captum in float64; the draws are arrays, put in the place of Captum's random numbers.
"""
from unittest import mock

import captum
import numpy as np
import torch
from captum.attr import GradientShap, InputXGradient, IntegratedGradients, NoiseTunnel, Saliency

from common import Scored, Writer, gradient, images, load, read_index, relative, score
from networks import NETWORKS

DRAWS, SIGMA = 8, 0.3
REFERENCES, SHAP_DRAWS = 6, 12
CAPTUM = f"captum {captum.__version__}"


def each(x, targets, kind, model, attribute):
    """attribute(scored model, image i) for every image, one at a time."""
    return torch.cat([attribute(Scored(model, targets[i], kind), x[i:i + 1]) for i in range(len(x))]).detach()


def smoothed(kind, noise):
    def attribute(f, v):
        drawn = torch.from_numpy(noise).to(v.dtype)
        with mock.patch("torch.normal", lambda *_: drawn):
            return NoiseTunnel(Saliency(f)).attribute(v, nt_type=kind, nt_samples=len(noise), stdevs=SIGMA, target=0,
                                                      abs=False)
    return attribute


def by_formula(kind, noise):
    def attribute(f, v):
        g = gradient(lambda u: f(u)[:, 0], v + torch.from_numpy(noise).to(v.dtype))
        mean, square = g.mean(0, keepdim=True), (g ** 2).mean(0, keepdim=True)
        return {"smoothgrad": mean, "smoothgrad_sq": square, "vargrad": square - mean ** 2}[kind]
    return attribute


def expected(f, v, references, chosen, alphas):
    """Mean over draws j of (x − r_j) ∇f(r_j + α_j (x − r_j)), by Captum with its random numbers replaced."""
    with mock.patch("numpy.random.choice", lambda *_, **__: chosen), \
            mock.patch("numpy.random.uniform", lambda *_, **__: alphas):
        return GradientShap(f).attribute(v, references, n_samples=len(chosen), stdevs=0.0, target=0)


def expected_formula(f, v, references, chosen, alphas):
    r, a = references[chosen], torch.from_numpy(alphas).to(v.dtype)[:, None, None, None]
    return ((v - r) * gradient(lambda u: f(u)[:, 0], r + a * (v - r))).mean(0, keepdim=True)


def main():
    index = read_index()["models"]
    with Writer("gradients.py") as w:
        noise, references = {}, {}
        for side in (32, 64):
            noise[side] = (np.random.default_rng(side).normal(0, SIGMA, (DRAWS, 1, side, side))).astype(np.float32)
            references[side] = images(900 + side, REFERENCES, side)
            w.save(f"draws/noise-{side}", noise[side])
            w.save(f"draws/references-{side}", references[side])
        rng = np.random.default_rng(7)
        chosen = rng.integers(0, REFERENCES, SHAP_DRAWS)
        alphas = rng.permutation((np.arange(SHAP_DRAWS) + rng.uniform(size=SHAP_DRAWS)) / SHAP_DRAWS)
        chosen_file = w.save("draws/chosen", chosen, np.int32)
        alpha_file = w.save("draws/alphas", alphas, np.float64)

        for name, (_, side) in NETWORKS.items():
            model, x, targets = load(name)
            for kind in ("logit", "margin"):
                small = kind == "margin" and name not in ("cnn", "densenet")

                def put(explainer, call, attribute, variant="", **more):
                    values = each(x, targets, kind, model, attribute)
                    label = "-".join(filter(None, (explainer, variant, kind)))
                    w.add(explainer=explainer, variant=variant, model=name, score=kind, by=CAPTUM, call=call,
                          map=w.save(f"{name}/{label}", values), **more)
                    return values

                if kind == "logit":
                    put("saliency", "Saliency(f).attribute(x, target, abs=True)",
                        lambda f, v: Saliency(f).attribute(v, target=0))
                    w.add(explainer="saliency", variant="signed", model=name, score=kind, by="torch autograd",
                          call="Saliency(f).attribute(x, target, abs=False) gives the gradient",
                          map=index[name]["gradient-logit"])
                    put("input-x-gradient", "InputXGradient(f).attribute(x, target)",
                        lambda f, v: InputXGradient(f).attribute(v, target=0), baseline="zero")
                put("integrated-gradients",
                    "IntegratedGradients(f).attribute(x, 0, target, n_steps=50, method='gausslegendre')",
                    lambda f, v: IntegratedGradients(f).attribute(v, 0 * v, target=0, n_steps=50),
                    baseline="zero", parameters={"steps": 50, "rule": "gauss-legendre"})
                if small:
                    continue
                for nt, explainer in (("smoothgrad", "smoothgrad"), ("smoothgrad_sq", "smoothgrad-squared"),
                                      ("vargrad", "vargrad")):
                    formula = each(x, targets, kind, model, by_formula(nt, noise[side]))
                    mine = each(x, targets, kind, model, smoothed(nt, noise[side]))
                    put(explainer, f"NoiseTunnel(Saliency(f)).attribute(x, nt_type='{nt}', abs=False, target)",
                        smoothed(nt, noise[side]), draws={"noise": f"draws/noise-{side}.npy"},
                        parameters={"draws": DRAWS, "sigma": SIGMA, "signed": True},
                        formulaRelativeL2=relative(formula, mine))
                r = torch.from_numpy(references[side]).to(x.dtype)
                mine = put("expected-gradients", "GradientShap(f).attribute(x, references, n_samples, stdevs=0, target)",
                           lambda f, v: expected(f, v, r, chosen, alphas), parameters={"draws": SHAP_DRAWS},
                           draws={"references": f"draws/references-{side}.npy", "chosen": chosen_file,
                                  "alphas": alpha_file})
                gap = relative(mine, each(x, targets, kind, model,
                                          lambda f, v: expected_formula(f, v, r, chosen, alphas)))
                w.entries[-1]["formulaRelativeL2"] = gap


if __name__ == "__main__":
    main()
