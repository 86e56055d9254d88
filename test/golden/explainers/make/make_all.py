"""Writes all reference values anew, one script after the other: the models first, since the others read them."""
import pathlib
import subprocess
import sys

SCRIPTS = ["models.py", "gradients.py", "backward_rules.py", "cams.py", "lrp.py", "attention_lrp.py", "attention.py", "fullgrad.py",
           "perturbations.py", "paths.py", "metrics.py"]

for script in SCRIPTS:
    subprocess.run([sys.executable, "-W", "ignore", str(pathlib.Path(__file__).with_name(script))], check=True)
