"""
docs/zoo.md from the files of results. Rows of networks that have no results here are kept as the page has them, and all
figures are counted from the rows.
"""

import json
import re

import keras_networks
import networks
from results import WRONG

NETWORKS = {**networks.NETWORKS, **keras_networks.NETWORKS}
SUM = 1e-4
HEAD = "| Network | Exporter | Opset | Scores | Gradient | CAM layer | CAM | DeepLIFT | Remark |"
NAME, EXPORTER, OPSET, SCORES, GRADIENT, LAYER, CAM, LIFT, REMARK = range(9)
UNEXPORTED = "not exported: "
REFUSED = "refused: "


def write_page(results, file):
    found = [json.loads(f.read_text()) for f in sorted(results.glob("*.json"))]
    known = {r["name"]: r for r in found if r["name"] in NETWORKS}
    failed = [r for r in known.values() if "failed" in r]
    old = file.read_text().splitlines() if file.exists() else []
    kept = [cells for cells in map(cells_of, old) if cells and name_of(cells) in NETWORKS and name_of(cells) not in known]
    new = [row(r, e, x) for r in known.values() if "failed" not in r for e, x in r["exports"].items()]
    rows = sorted(kept + new, key=lambda cells: (cells[NAME], cells[EXPORTER]))
    versions = versions_of(old)
    for r in known.values():
        versions |= r.get("versions", {})
    ran = {name_of(cells) for cells in rows}
    missing = sorted(set(NETWORKS) - ran - {r["name"] for r in failed})
    per_name = {name: sum(name_of(cells) == name for cells in rows) for name in ran}
    single = sum(count == 1 for count in per_name.values())
    unexported = [cells for cells in rows if cells[REMARK].startswith(UNEXPORTED)]
    refused = [cells for cells in rows if cells[REMARK].startswith(REFUSED)]
    lines = [
        "# Networks compared with PyTorch and Keras",
        "",
        "Written by `tools/zoo` ([how, and what the errors are](../tools/zoo/README.md)): networks with random weights, exported",
        "by both exporters of PyTorch, beside PyTorch in float64; and networks of Keras, exported as ONNX (by tf2onnx) and as",
        ".keras, beside Keras in float64.",
        "",
        f"{len(ran)} of {len(NETWORKS)} networks were run, in {len(rows)} exports"
        + (f", {single} of them by one exporter alone:" if single else ":"),
        "",
        f"- {len(rows) - len(refused) - len(unexported)} were opened, {len(refused)} refused, and {len(unexported)} could not be exported;",
        f"- scores: {within(errors(rows, SCORES))};",
        f"- gradients: {within(errors(rows, GRADIENT))};",
        f"- Grad-CAM: {within(errors(rows, CAM))};",
        f"- DeepLIFT: {sums(rows)}.",
        "",
        VERSIONS + ", ".join(f"{package} {version}" for package, version in versions.items()) + ".",
        "",
        HEAD,
        "|---|---|---|---|---|---|---|---|---|",
        *["| " + " | ".join(cells) + " |" for cells in rows],
        "",
    ]
    if failed:
        lines += ["## Networks that PyTorch or Keras could not make or run", ""]
        lines += [f"- {r['name']}: {plain(r['failed'])}" for r in failed] + [""]
    if missing:
        lines += ["## Not run", "", "No results yet: " + ", ".join(missing) + ".", ""]
    file.write_text("\n".join(lines))


VERSIONS = "Versions: "


def versions_of(page):
    """Package -> version, as a page says them."""
    said = next((line for line in page if line.startswith(VERSIONS)), VERSIONS)
    return dict(re.findall(r"(\S+) (\S+?)(?:,|\.$)", said[len(VERSIONS) :]))


def cells_of(line):
    """The cells of a line of the page's table; none of another line."""
    if not line.startswith("| ") or line == HEAD:
        return None
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    return cells if len(cells) == len(range(9)) else None


def name_of(cells):
    return cells[NAME].split(",")[0]


def errors(rows, column):
    return [float(cells[column]) for cells in rows if re.fullmatch(r"\d.*", cells[column])]


def sums(rows):
    """What became of DeepLIFT's sums, the packages' networks counted apart."""
    found = within(errors(rows, LIFT), SUM, "0.01 %")
    for package in ("torchvision", "timm", "keras"):
        ours = [cells for cells in rows if cells[NAME].startswith(package)]
        wrong = {name_of(cells) for cells in ours if any(error > SUM for error in errors([cells], LIFT))}
        right = {name_of(cells) for cells in ours if errors([cells], LIFT)} - wrong
        found += f"; {package}: right on {len(right)} networks, wrong on {len(wrong)}"
    refused = sorted({name_of(cells) for cells in rows if cells[LIFT] == "refused"})
    return f"{found}; refused: {', '.join(refused) or 'none'}"


def within(errors, limit=WRONG, said="0.1 %"):
    if not errors:
        return "none compared"
    ordered = sorted(errors)
    good = sum(e <= limit for e in errors)
    return f"{good} of {len(errors)} within {said}, the median error {shown(ordered[len(ordered) // 2])}, the largest {shown(ordered[-1])}"


def row(result, exporter, x):
    name = f"{result['name']}, {result['size']}²"
    empty = [""] * 5
    if "export_error" in x:
        return [name, exporter, "", *empty, UNEXPORTED + plain(x["export_error"])]
    if "error" in x:
        return [name, exporter, str(x.get("opset", "")), *empty, REFUSED + plain(x["error"])]
    layer = f"`{x['camLayer']}`" if x.get("camLayer") else "none"
    lift = x["deeplift"]
    sum_error = shown(lift["error"]) if "sum" in lift else "refused" if "error" in lift else ""
    cells = [name, exporter, str(x["opset"]), shown(x["score_error"]), shown(x.get("gradient_error")), layer]
    return [*cells, shown(x.get("cam_error")), sum_error, remark(result, x)]


def remark(result, x):
    said = []
    framework = "Keras" if result["name"].startswith("keras/") else "PyTorch"
    if x.get("gradient_error", 0) > WRONG:
        said.append(f"{framework}'s own float32 gradient is off by {shown(result['torch32']['gradient'])}")
        if "nearby" in result:
            said.append(f"its float64 gradient moves by {shown(result['nearby'])} when the image changes by 1e-7")
    if "sum" in x["deeplift"] and x["deeplift"]["error"] > SUM:
        said.append(f"{framework}'s own float32 difference is off by {shown(result['torch32'].get('difference'))}")
        if x["deeplift"].get("gap", 1) <= SUM:
            said.append(f"the sum is {shown(x['deeplift']['gap'])} from the difference of the scores as ONNX Runtime has them")
    if result.get("difference_error", 0) > WRONG:
        said.append(f"a difference of {framework}'s scores is {shown(result['difference_error'])} from its gradient")
    if x.get("gradientError"):
        said.append(plain(x["gradientError"]))
    said += [plain(f"no {what}: {why}") for what, why in x.get("limitations", {}).items() if what == "gradients"]
    if "error" in x["deeplift"] and "sum" not in x["deeplift"]:
        said.append(plain(f"DeepLIFT: {x['deeplift']['error']}"))
    if not x.get("camLayer") and x.get("noCamLayer"):
        said.append(plain(f"no CAM layer: {x['noCamLayer']}"))
    if "shape" in x and x.get("cam_error") is None:
        said.append(f"CAM tensor not found in {framework}")
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
    text = re.sub(r"\S*/(?:(?:dynamo|legacy|network)\.(?:onnx|keras)): ", "", text.replace("\n", " ")).replace("|", "\\|")
    return text[:160].rstrip(". ")
