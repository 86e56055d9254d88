"""
What is done with results whatever the framework: ct-xai-bench's of each exported file beside the framework's, and a process
of its own for each network.
"""

import json
import os
import subprocess
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TARGET = 1
BASELINE = -1.0
SECONDS = 420
# A gradient that is off by more may lie at a kink.
WRONG = 1e-3


def relative(a, b):
    return float(np.linalg.norm(a.astype(np.float64) - b) / max(np.linalg.norm(b), 1e-30))


def share(a, b):
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))


def first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{type(error).__name__}: {lines[0]}"[:200]


def float32_errors(single, double, lift):
    """How far the framework's own (scores, gradient, differences) in float32 are from those in float64."""
    return {
        "score": share(single[0], double[0]),
        "gradient": relative(single[1], double[1]),
        "difference": float(abs(single[2][lift] / double[2][lift] - 1)),
    }


def compare(folder, files, image, reference, layout="NCHW"):
    """
    What compare.js makes of exported files, name -> (file, opset), and how far it is from the framework in float64: by
    the same names. And how far the framework's gradient moves at nearby images, where one is off.
    image: [rows, columns, channels]. reference: scores [classes], gradient like the image, the class `lift` and its
    `difference`, and functions: `nearby()`, and `cam_error(values, slopes)` of [pixels, channels].
    """
    rows, columns, channels = image.shape
    np.ascontiguousarray(image, np.float32).tofile(folder / "image")
    job = {"image": str(folder / "image"), "rows": rows, "columns": columns, "channels": channels, "layout": layout}
    job |= {"classes": len(reference["scores"]), "target": TARGET}
    job["deeplift"] = {"class": reference["lift"], "baseline": BASELINE}
    job["exports"] = [{"model": str(file), "prefix": str(folder / name)} for name, (file, _) in files.items()]
    (folder / "job.json").write_text(json.dumps(job))
    command = ["node", str(HERE / "compare.js"), str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    compared, nearby = {}, None
    for name, (file, opset) in files.items():
        written = folder / f"{name}.json"
        if not written.exists():
            compared[name] = {"error": (done.stderr.strip().splitlines() or ["it ended"])[-1]}
            continue
        found = compared[name] = json.loads(written.read_text())
        found |= {"opset": opset, "megabytes": Path(file).stat().st_size / 1e6}
        if "error" in found:
            continue
        read = lambda key: np.fromfile(folder / f"{name}.{key}", np.float32)
        found["score_error"] = share(read("scores"), reference["scores"])
        if found.get("gradient"):
            found["gradient_error"] = relative(read("gradient").reshape(image.shape), reference["gradient"])
            if found["gradient_error"] > WRONG and nearby is None:
                nearby = reference["nearby"]()
        if "sum" in found["deeplift"]:
            found["deeplift"]["error"] = float(abs(found["deeplift"]["sum"] / reference["difference"] - 1))
        if "shape" in found:
            values, slopes = (read(key).reshape(-1, found["shape"][-1]) for key in ("activations", "slopes"))
            found["cam_error"] = reference["cam_error"](values, slopes)
    return compared, nearby


def in_child(name, file, run):
    """Runs one network in a process of its own, so that its memory is given back, and writes its results."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            warnings.simplefilter("ignore")
            start = time.time()
            with open(file.with_suffix(".log"), "w") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                try:
                    result = run(name)
                except Exception as error:
                    traceback.print_exc()
                    result = {"name": name, "failed": first_line(error)}
            result["seconds"] = time.time() - start
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(result, indent=1))
            partial.rename(file)
            code = 0
        finally:
            os._exit(code)
    os.waitpid(child, 0)


def run_all(names, folder, again, run):
    """Runs networks one at a time, but not those that have results, unless `again`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = folder / f"{name.replace('/', '--')}.json"
        if file.exists() and not again:
            continue
        in_child(name, file, run)
        print(name, "done" if file.exists() else "ended without a result", flush=True)
