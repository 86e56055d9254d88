"""Reads the test files that pydicom and nibabel bring along, and writes what is in them for compare-readers.js.

    python references.py OUT

Needs pydicom and nibabel; pylibjpeg, pylibjpeg-libjpeg, pylibjpeg-openjpeg and pyjpegls for the compressed files.
OUT/references.json lists the files; OUT/<n>.f64 has the stored values (DICOM, frames in the file's order) or the scaled
values (NIfTI, first axis fastest) as float64, little end first.
"""

import json
import os
import sys
import warnings

import nibabel
import numpy as np
import pydicom
from pydicom.pixels import pixel_array

warnings.simplefilter("ignore")
OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
LISTED = []


def add(library, root, path, read):
    entry = {"library": library, "file": os.path.relpath(path, root).replace(os.sep, "/"), "path": path}
    try:
        facts, values = read(path)
        entry.update(facts)
        name = f"{len(LISTED)}.f64"
        np.ascontiguousarray(values, dtype="<f8").tofile(os.path.join(OUT, name))
        entry["values"] = name
    except Exception as error:  # what a library cannot read is a row of the table
        entry["error"] = " ".join(str(error).split())[:160]
    LISTED.append(entry)


def dicom_facts(path):
    data = pydicom.dcmread(path, force=True)
    if "PixelData" not in data:
        raise ValueError("no pixels")
    syntax = data.file_meta.get("TransferSyntaxUID", None)
    facts = {
        "what": " ".join(str(v) for v in (data.get("Modality", ""), data.PhotometricInterpretation) if v),
        "encoding": syntax.name if syntax else "not said",
        "samples": int(data.SamplesPerPixel),
        "modality": str(data.get("Modality", "")),
        "slope": float(data.RescaleSlope) if "RescaleSlope" in data else None,
        "intercept": float(data.RescaleIntercept) if "RescaleIntercept" in data else None,
    }
    values = pixel_array(data, raw=True) if syntax else data.pixel_array
    if facts["samples"] == 1 and values.ndim == 2:
        values = values[None]
    return facts, values


def nifti_facts(path):
    image = nibabel.load(path)
    values = np.asarray(image.dataobj, dtype=np.float64)
    facts = {
        "what": f"{type(image).__name__}, {image.get_data_dtype()}",
        "encoding": "×".join(str(n) for n in image.shape),
        "shape": list(image.shape),
        "affine": image.affine.tolist(),
    }
    return facts, values.ravel(order="F")


def walk(root):
    for folder, folders, files in sorted(os.walk(root)):
        folders.sort()
        for name in sorted(files):
            yield os.path.join(folder, name)


dicom_root = os.path.join(os.path.dirname(pydicom.__file__), "data")
for path in walk(dicom_root):
    with open(path, "rb") as file:
        head = file.read(132)
    # Files without a preamble are told by their names.
    if head[128:132] == b"DICM" or path.endswith(".dcm"):
        add("pydicom", dicom_root, path, dicom_facts)

nifti_root = os.path.join(os.path.dirname(nibabel.__file__), "tests", "data")
for path in walk(nifti_root):
    if path.endswith((".nii", ".nii.gz")):
        add("nibabel", nifti_root, path, nifti_facts)

with open(os.path.join(OUT, "references.json"), "w", encoding="utf-8") as file:
    json.dump({"pydicom": pydicom.__version__, "nibabel": nibabel.__version__, "files": LISTED}, file)
