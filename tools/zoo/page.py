"""docs/zoo.md from the files of results."""

import json
import re
from importlib.metadata import version

from networks import NETWORKS

WRONG = 1e-3
SUM = 1e-4
EXPORTERS = ("dynamo", "legacy")
PACKAGES = ("torch", "torchvision", "timm", "monai", "torchxrayvision", "segmentation-models-pytorch", "onnx", "onnxscript")


def write_page(results, file):
    found = [json.loads(f.read_text()) for f in sorted(results.glob("*.json"))]
    known = [r for r in found if r["name"] in NETWORKS]
    ran = [r for r in known if "failed" not in r]
    failed = [r for r in known if "failed" in r]
    missing = sorted(set(NETWORKS) - {r["name"] for r in known})
    exports = [(r, e, r["exports"][e]) for r in ran for e in EXPORTERS if e in r["exports"]]
    single = [r for r in ran if len(r["exports"]) < len(EXPORTERS)]
    opened = [(r, e, x) for r, e, x in exports if "score_error" in x]
    with_gradient = [x for _, _, x in opened if "gradient_error" in x]
    with_cam = [x for _, _, x in opened if x.get("cam_error") is not None]
    refused = [x for _, _, x in exports if "error" in x]
    unexported = [x for _, _, x in exports if "export_error" in x]
    lines = [
        "# Networks compared with PyTorch",
        "",
        "Written by `tools/zoo` ([how, and what the errors are](../tools/zoo/README.md)): networks with random weights, exported",
        "by both exporters of PyTorch, beside PyTorch in float64.",
        "",
        f"{len(ran)} of {len(NETWORKS)} networks were run, in {len(exports)} exports"
        + (f", {len(single)} of them by one exporter alone:" if single else ":"),
        "",
        f"- {len(opened)} were opened, {len(refused)} refused, and {len(unexported)} could not be exported;",
        f"- scores: {within(opened_of(opened, 'score_error'))};",
        f"- gradients: {within([x['gradient_error'] for x in with_gradient])};",
        f"- Grad-CAM: {within([x['cam_error'] for x in with_cam])};",
        f"- DeepLIFT: {sums(opened)}.",
        "",
        "Versions: " + ", ".join(f"{p} {version_of(p)}" for p in PACKAGES) + ".",
        "",
        "| Network | Exporter | Opset | Scores | Gradient | CAM layer | CAM | DeepLIFT | Remark |",
        "|---|---|---|---|---|---|---|---|---|",
        *[row(*export) for export in exports],
        "",
    ]
    if failed:
        lines += ["## Networks that PyTorch could not make or run", ""]
        lines += [f"- {r['name']}: {plain(r['failed'])}" for r in failed] + [""]
    if missing:
        lines += ["## Not run", "", "No results yet: " + ", ".join(missing) + ".", ""]
    lines += ["Keras networks are not part of the zoo yet.", ""]
    file.write_text("\n".join(lines))


def opened_of(opened, key):
    return [x[key] for _, _, x in opened]


def sums(opened):
    """What became of DeepLIFT's sums, networks of torchvision and timm counted apart."""
    accepted = [(r["name"], x["deeplift"]["error"]) for r, _, x in opened if "sum" in x["deeplift"]]
    refused = {r["name"] for r, _, x in opened if "sum" not in x["deeplift"]}
    found = within([e for _, e in accepted], SUM, "0.01 %")
    for package in ("torchvision", "timm"):
        wrong = {name for name, e in accepted if e > SUM and name.startswith(package)}
        right = {name for name, _ in accepted if name.startswith(package)} - wrong
        found += f"; {package}: right on {len(right)} networks, wrong on {len(wrong)}"
    return f"{found}; refused: {', '.join(sorted(refused)) or 'none'}"


def within(errors, limit=WRONG, said="0.1 %"):
    if not errors:
        return "none compared"
    ordered = sorted(errors)
    good = sum(e <= limit for e in errors)
    return f"{good} of {len(errors)} within {said}, the median error {shown(ordered[len(ordered) // 2])}, the largest {shown(ordered[-1])}"


def row(result, exporter, x):
    name = f"{result['name']}, {result['size']}²"
    if "export_error" in x:
        return f"| {name} | {exporter} | | | | | | | not exported: {plain(x['export_error'])} |"
    if "error" in x:
        return f"| {name} | {exporter} | {x.get('opset', '')} | | | | | | refused: {plain(x['error'])} |"
    layer = f"`{x['camLayer']}`" if x.get("camLayer") else "none"
    cells = [name, exporter, str(x["opset"]), shown(x["score_error"]), shown(x.get("gradient_error")), layer]
    lift = shown(x["deeplift"]["error"]) if "sum" in x["deeplift"] else "refused"
    return "| " + " | ".join([*cells, shown(x.get("cam_error")), lift, remark(result, x)]) + " |"


def remark(result, x):
    said = []
    torch32 = result["torch32"]["gradient"]
    if x.get("gradient_error", 0) > WRONG:
        said.append(f"PyTorch's own float32 gradient is off by {shown(torch32)}")
        if "nearby" in result:
            said.append(f"its float64 gradient moves by {shown(result['nearby'])} when the image changes by 1e-7")
    if "sum" in x["deeplift"] and x["deeplift"]["error"] > SUM:
        said.append(f"PyTorch's own float32 difference is off by {shown(result['torch32'].get('difference'))}")
        if x["deeplift"].get("gap", 1) <= SUM:
            said.append(f"the sum is {shown(x['deeplift']['gap'])} from the difference of the scores as ONNX Runtime has them")
    if result.get("difference_error", 0) > WRONG:
        said.append(f"a difference of PyTorch's scores is {shown(result['difference_error'])} from its gradient")
    if x.get("gradientError"):
        said.append(plain(x["gradientError"]))
    said += [plain(f"no {what}: {why}") for what, why in x.get("limitations", {}).items() if what == "gradients"]
    if "sum" not in x["deeplift"]:
        said.append(plain(f"DeepLIFT: {x['deeplift']['error']}"))
    if not x.get("camLayer") and x.get("noCamLayer"):
        said.append(plain(f"no CAM layer: {x['noCamLayer']}"))
    if "shape" in x and x.get("cam_error") is None:
        said.append("CAM tensor not found in PyTorch")
    # Random weights may give any range of scores.
    said += [plain(w) for w in x.get("warnings") or [] if not w.startswith("The card says")]
    if x.get("note"):
        said.append(plain(x["note"]))
    return "; ".join(said)


def shown(value):
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-")


def plain(text):
    # Exporters colour their messages.
    text = re.sub(r"\x1b\[\d+m", "", text)
    text = re.sub(r"\S*/(dynamo|legacy)\.onnx: ", "", text.replace("\n", " ")).replace("|", "\\|")
    return text[:160].rstrip(". ")


def version_of(package):
    try:
        return version(package)
    except Exception:
        return "(not installed)"
