"""Captum's metrics of explanations on fixed draws: max-sensitivity of saliency and input × gradient under given noise, and
infidelity of the gradient under the same noise, as Yeh et al. 2019 define it and with the best scale.
"""
import captum
import numpy as np
import torch
from captum.attr import InputXGradient, Saliency
from captum.metrics import infidelity, sensitivity_max

from common import ROOT, Scored, Writer, load

CAPTUM = f"captum {captum.__version__}"


def main():
    with Writer("metrics.py", "metrics") as w:
        for name in ("densenet", "resnet", "convnext"):
            model, x, targets = load(name)
            file = f"draws/noise-{x.shape[-1]}.npy"
            noise = torch.from_numpy(np.load(ROOT / file)).to(x.dtype)
            for kind in ("logit", "margin"):
                common = {"model": name, "score": kind, "by": CAPTUM, "draws": {"noise": file}}
                functions = [Scored(model, t, kind) for t in targets]
                for explainer, attribute in (("saliency", Saliency), ("input-x-gradient", InputXGradient)):
                    values = [float(sensitivity_max(
                        attribute(f).attribute, x[i:i + 1], lambda v: v + noise, n_perturb_samples=len(noise), target=0))
                        for i, f in enumerate(functions)]
                    w.add(metric="max-sensitivity", explainer=explainer, values=values, **common,
                          call="sensitivity_max(attribute, x, x + noise): max ‖a(x + δ) − a(x)‖ / ‖a(x)‖")
                for normalised in (False, True):
                    values = []
                    for i, f in enumerate(functions):
                        v = x[i:i + 1]
                        # The map in Captum's sense multiplies the perturbation: a gradient, not gradient × input.
                        a = Saliency(f).attribute(v, target=0, abs=False)
                        values.append(float(infidelity(
                            lambda u: f(u)[:, 0], lambda u: (noise, u - noise), v, a, n_perturb_samples=len(noise),
                            normalize=normalised)))
                    w.add(metric="infidelity", variant="scaled" if normalised else "", explainer="saliency signed",
                          values=values, **common,
                          call=f"infidelity(f, δ, x, gradient, normalize={normalised}): E (δ·a − (f(x) − f(x − δ)))²")


if __name__ == "__main__":
    main()
