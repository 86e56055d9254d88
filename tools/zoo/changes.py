"""
Compares, on networks of the zoo, scores where only what changed is computed with those of whole images, and prints the
table of docs/changes.md.

    npm run build
    pip install -r tools/zoo/requirements.txt
    python tools/zoo/changes.py [--only PATTERN …]
"""

import argparse
import fnmatch
import json
import os
import subprocess
import tempfile
import warnings
from pathlib import Path

from networks import NETWORKS
from results import HERE, SECONDS, first_line
from zoo import exported, images, made


def one(name):
    """What changes.js found, as a row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        network, size, channels = made(name)
        image = images(1, size, channels)
        try:
            exported(network, image, "legacy", str(file))
        except Exception:
            exported(network, image, "dynamo", str(file))
        classes = network(image).shape[1]
        asked = [str(file), str(classes), str(size), str(channels)]
        done = subprocess.run(["node", str(HERE / "changes.js"), *asked], capture_output=True, text=True, timeout=SECONDS)
        lines = done.stdout.strip().splitlines()
        if not lines:
            return f"ended: {(done.stderr.strip().splitlines() or ['no output'])[-1]}", ""
        found = json.loads(lines[-1])
        if "error" not in found:
            return f"computed whole: {found['reason']}", ""
        if "faster" in found:
            pays = f"{found['faster']:.1f} times as fast"
        else:
            pays = "computed whole: " + found["reason"]
        error = "not a number" if found["error"] is None else f"{found['error']:.0e}" if found["error"] else "0"
        return pays, error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=["*"], help="names to run, such as 'timm/res*'")
    given = parser.parse_args()
    print("| Network | Windows of 16 pixels | Largest difference |\n|---|---|---|", flush=True)
    for name in sorted({name for pattern in given.only for name in fnmatch.filter(NETWORKS, pattern)}):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # a process of its own, so that its memory is given back
            try:
                warnings.simplefilter("ignore")
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                pays, error = one(name)
            except Exception as problem:
                pays, error = f"not run: {first_line(problem)}", ""
            _, size, _ = NETWORKS[name]
            os.write(writer, f"| {name}, {size}² | {pays} | {error} |\n".encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader) as line:
            print(line.read(), end="", flush=True)


if __name__ == "__main__":
    main()
