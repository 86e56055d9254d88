"""Tiny DICOM files of every kind, and what pydicom 3.0.2 reads of them: python make.py

Needs pydicom, pylibjpeg with its openjpeg and libjpeg plug-ins, pyjpegls, python-gdcm, highdicom, Pillow, scikit-image.
Patients, dates and places are invented. `references.json` holds Hounsfield units by pydicom's apply_modality_lut, and
masks as highdicom wrote them or scikit-image's polygon2mask fills them.
"""
import io, json, os, shutil, warnings
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut
from pydicom.sequence import Sequence
from pydicom.uid import (CTImageStorage, DeflatedExplicitVRLittleEndian, EnhancedCTImageStorage, ExplicitVRBigEndian,
                         ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless,
                         MRImageStorage, RLELossless,
                         SecondaryCaptureImageStorage)

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
ROWS, COLUMNS = 10, 12
rng = np.random.default_rng(11)
UID = "1.2.826.0.1.3680043.10.99999."


def pixels(k=0):
    """Smooth with some noise, -1024 to about 1400 HU."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    values = 300 * np.sin(x / 3 + k) + 500 * np.cos(y / 4 - k) + 20 * rng.standard_normal((ROWS, COLUMNS)) - 200
    return np.clip(np.round(values), -1024, 3071).astype(np.int32)


def base(number=1, series="1", sop=CTImageStorage, syntax=ExplicitVRLittleEndian, patient="SECRET-4711"):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop
    meta.MediaStorageSOPInstanceUID = f"{UID}{series}.{number}"
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = UID + "900", f"{UID}{series}"
    ds.FrameOfReferenceUID = UID + "901"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Doe^Jane", patient, "19700102"
    ds.PatientSex, ds.PatientAge, ds.InstitutionName = "F", "054Y", "General Hospital"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName = "20240102", "101500", "A17", "House^Gregory"
    ds.StudyID, ds.SeriesNumber = "1", 1
    ds.Modality, ds.Manufacturer, ds.ConvolutionKernel, ds.KVP = "CT", "Maker", "B41s", "120"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber, ds.SliceThickness = number, "2.5"
    ds.PixelSpacing, ds.ImageOrientationPatient = ["0.8", "0.7"], ["1", "0", "0", "0", "1", "0"]
    ds.ImagePositionPatient = ["-10", "-20", str(5 + 2.5 * number)]
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "1", "-1024", "HU"
    return ds


def store(ds, values, signed=False, allocated=16, stored=12):
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = allocated, stored, stored - 1, int(signed)
    dtype = {8: "u1", 16: "<i2" if signed else "<u2", 32: "<i4" if signed else "<u4"}[allocated]
    ds.PixelData = np.ascontiguousarray(values.astype(dtype)).tobytes()
    ds["PixelData"].VR = "OB" if allocated == 8 else "OW"
    return ds


def save(ds, name):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    big = ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    pydicom.dcmwrite(path, ds, enforce_file_format=True, **({"little_endian": False, "implicit_vr": False} if big else {}))
    return path


def gdcm_as(path, out, syntax):
    import gdcm
    reader = gdcm.ImageReader(); reader.SetFileName(path); assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax)); change.SetInput(reader.GetImage()); assert change.Change()
    writer = gdcm.ImageWriter(); writer.SetFileName(out); writer.SetFile(reader.GetFile()); writer.SetImage(change.GetOutput())
    assert writer.Write()


for name in os.listdir(HERE):
    if os.path.isdir(os.path.join(HERE, name)):
        shutil.rmtree(os.path.join(HERE, name))

hu = pixels()
unsigned = store(base(), hu + 1024)

# Transfer syntaxes, one picture.
plain = save(unsigned, "syntax/explicit.dcm")
for name, syntax in [("implicit", ImplicitVRLittleEndian), ("deflated", DeflatedExplicitVRLittleEndian)]:
    ds = store(base(syntax=syntax), hu + 1024); save(ds, f"syntax/{name}.dcm")
big = store(base(syntax=ExplicitVRBigEndian), hu + 1024)
big.PixelData = (hu + 1024).astype(">u2").tobytes()
save(big, "syntax/big-endian.dcm")
for name, syntax in [("rle", RLELossless), ("jpeg-ls", JPEGLSLossless)]:
    ds = store(base(), hu + 1024); ds.compress(syntax, generate_instance_uid=False); save(ds, f"syntax/{name}.dcm")
import gdcm
gdcm_as(plain, os.path.join(HERE, "syntax/jpeg-lossless-sv1.dcm"), gdcm.TransferSyntax.JPEGLosslessProcess14_1)
gdcm_as(plain, os.path.join(HERE, "syntax/jpeg-2000.dcm"), gdcm.TransferSyntax.JPEG2000Lossless)
gdcm_as(plain, os.path.join(HERE, "syntax/jpeg-lossless.dcm"), gdcm.TransferSyntax.JPEGLosslessProcess14)
eight = store(base(syntax=JPEGBaseline8Bit), np.clip((hu + 1024) / 10, 0, 255), allocated=8, stored=8)
eight.RescaleSlope = "10"
buffer = io.BytesIO(); Image.fromarray(np.clip((hu + 1024) / 10, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=95)
eight.PixelData = encapsulate([buffer.getvalue()]); eight["PixelData"].is_undefined_length = True
save(eight, "syntax/jpeg-baseline.dcm")

# Numbers.
signed = store(base(), hu, signed=True, stored=16); signed.RescaleIntercept = "0"
save(signed, "numbers/signed-16.dcm")
twelve = store(base(), np.where(hu < 0, hu + 4096, hu), stored=12); twelve.PixelRepresentation = 1; twelve.RescaleIntercept = "0"
save(twelve, "numbers/signed-12.dcm")
half = store(base(), (hu + 1024) * 2, stored=16); half.RescaleSlope = "0.5"
save(half, "numbers/slope.dcm")
eight = store(base(), np.clip((hu + 1024) / 10, 0, 255), allocated=8, stored=8); eight.RescaleSlope = "10"
save(eight, "numbers/bytes.dcm")
inverted = store(base(), hu + 1024); inverted.PhotometricInterpretation = "MONOCHROME1"
save(inverted, "numbers/monochrome1.dcm")
padded = store(base(), np.where(np.mgrid[0:ROWS, 0:COLUMNS][1] < 2, -2000, hu + 1024), signed=True, stored=16)
padded.add_new(0x00280120, "SS", -2000)
save(padded, "numbers/padded.dcm")

# Headers as they come.
raw = open(plain, "rb").read()
os.makedirs(os.path.join(HERE, "headers"))
write = lambda name, data: open(os.path.join(HERE, "headers", name), "wb").write(data)
write("no-preamble.dcm", raw[128 + 4 + 12 + int.from_bytes(raw[140:144], "little"):])
implicit = open(os.path.join(HERE, "syntax/implicit.dcm"), "rb").read()
write("implicit-no-meta.dcm", implicit[128 + 4 + 12 + int.from_bytes(implicit[140:144], "little"):])
write("says-explicit-is-implicit.dcm", raw[:144 + int.from_bytes(raw[140:144], "little")] + implicit[144 + int.from_bytes(implicit[140:144], "little"):])
private = store(base(), hu + 1024); private.private_block(0x0029, "MAKER", create=True).add_new(1, "OB", b"x" * 60000)
save(private, "headers/long-header.dcm")
no_scale = store(base(), hu + 1024); del no_scale.RescaleSlope, no_scale.RescaleIntercept, no_scale.RescaleType
save(no_scale, "headers/no-rescale.dcm")

# Several frames in one file: plain, compressed in fragments, and enhanced.
frames = np.stack([pixels(k) for k in range(4)])
multi = store(base(series="20"), frames + 1024); multi.NumberOfFrames = 4
save(multi, "frames/multi-frame.dcm")
rle = store(base(series="21"), frames + 1024); rle.NumberOfFrames = 4
rle.compress(RLELossless, generate_instance_uid=False); save(rle, "frames/rle.dcm")
cut = store(base(series="22"), frames + 1024); cut.NumberOfFrames = 4
cut.compress(JPEGLSLossless, generate_instance_uid=False)
from pydicom.encaps import generate_frames
parts = list(generate_frames(cut.PixelData, number_of_frames=4))
cut.PixelData = encapsulate(parts, fragments_per_frame=2, has_bot=True); save(cut, "frames/fragments.dcm")

enhanced = store(base(series="23", sop=EnhancedCTImageStorage), frames + 1024)
enhanced.NumberOfFrames = 4
for tag in ["PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept", "RescaleType", "SliceThickness"]:
    delattr(enhanced, tag)
def seq(**values):
    d = Dataset()
    for k, v in values.items(): setattr(d, k, v)
    return Sequence([d])
shared = Dataset()
shared.PlaneOrientationSequence = seq(ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"])
shared.PixelMeasuresSequence = seq(PixelSpacing=["0.5", "0.6"], SliceThickness="1.25")
enhanced.SharedFunctionalGroupsSequence = Sequence([shared])
groups = []
for k in range(4):
    g = Dataset()
    g.PlanePositionSequence = seq(ImagePositionPatient=[str(10 - 3.5 * k), "2", "3"])
    g.PixelValueTransformationSequence = seq(RescaleSlope="2" if k == 3 else "1", RescaleIntercept="-1024", RescaleType="HU")
    groups.append(g)
enhanced.PerFrameFunctionalGroupsSequence = Sequence(groups)
save(enhanced, "frames/enhanced.dcm")

# A study as an archive gives it: names in no order, folders called like the patient, what is no image between them.
study = []
for n in [4, 1, 3, 2, 6]:
    ds = store(base(n, series="30"), pixels(n) + 1024)
    save(ds, f"study/Doe Jane/SECRET-4711/IM{(7 * n) % 10:04d}"); study.append(ds)
scout = store(base(1, series="31"), hu + 1024); scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
save(scout, "study/Doe Jane/scout.dcm")
capture = store(base(1, series="32", sop=SecondaryCaptureImageStorage), hu + 1024); capture.Modality = "CT"
save(capture, "study/Doe Jane/dose-report.dcm")
mr = store(base(1, series="33", sop=MRImageStorage), hu + 1024); mr.Modality = "MR"
save(mr, "study/Doe Jane/mr.dcm")
other = store(base(1, series="34", patient="7"), pixels(9) + 1024); other.PatientName, other.StudyInstanceUID = "Roe^Richard", UID + "902"
save(other, "study/7/IM1")
report = base(1, series="35", sop="1.2.840.10008.5.1.4.1.1.88.11"); report.Modality = "SR"
for tag in ["Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"]: delattr(report, tag)
save(report, "study/report")
open(os.path.join(HERE, "study/broken.dcm"), "wb").write(raw[:300])
open(os.path.join(HERE, "study/cut.dcm"), "wb").write(raw[:-40])
open(os.path.join(HERE, "study/notes"), "w").write("not DICOM")

# Outlines on the study: a segmentation of two segments, and a structure set with a hole.
import highdicom as hd
from highdicom.sr.coding import CodedConcept
ordered = sorted(study, key=lambda d: d.InstanceNumber)
masks = np.zeros((len(ordered), ROWS, COLUMNS, 2), bool)
masks[1, 2:5, 3:9, 0] = True; masks[2, 3:6, 4:7, 0] = True; masks[1:4, 6:9, 1:11, 1] = True
def segment(number, label, category, meaning):
    return hd.seg.SegmentDescription(number, label, CodedConcept(*category), CodedConcept(*meaning),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL)
seg = hd.seg.Segmentation(ordered, masks, hd.seg.SegmentationTypeValues.BINARY,
    [segment(1, "Consolidation", ("49755003", "SCT", "Morphologically Altered Structure"), ("9656002", "SCT", "Consolidation")),
     segment(2, "Lung", ("123037004", "SCT", "Anatomical Structure"), ("39607008", "SCT", "Lung"))],
    UID + "40", 40, UID + "40.1", 1, "Maker", "Model", "1", "1", omit_empty_frames=True)
seg.ContentCreatorName = "House^Gregory"
save(seg, "study/outlines/seg.dcm")

rt = base(1, series="41", sop="1.2.840.10008.5.1.4.1.1.481.3"); rt.Modality = "RTSTRUCT"
for tag in ["Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"]: delattr(rt, tag)
def place(ds, r, c):
    p, s = [float(v) for v in ds.ImagePositionPatient], [float(v) for v in ds.PixelSpacing]
    return [p[0] + c * s[1], p[1] + r * s[0], p[2]]
outer = [(1.3, 1.2), (1.1, 9.7), (8.2, 9.9), (8.4, 1.6)]; hole = [(3.4, 3.3), (3.2, 6.6), (6.1, 6.7), (6.3, 3.1)]
roi = Dataset(); roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "lesion", UID + "901"
rt.StructureSetROISequence = Sequence([roi])
contours = []
for slice_, polygon in [(ordered[0], outer), (ordered[0], hole), (ordered[3], hole)]:
    c = Dataset(); c.ContourGeometricType, c.NumberOfContourPoints = "CLOSED_PLANAR", len(polygon)
    c.ContourData = [f"{v:.6g}" for point in polygon for v in place(slice_, *point)]
    if slice_ is ordered[0]:
        c.ContourImageSequence = seq(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=slice_.SOPInstanceUID)
    contours.append(c)
item = Dataset(); item.ReferencedROINumber = 1; item.ContourSequence = Sequence(contours)
rt.ROIContourSequence = Sequence([item])
save(rt, "study/outlines/structures.dcm")

from skimage.draw import polygon2mask
fill = lambda polygon: polygon2mask((ROWS, COLUMNS), polygon)
structure_masks = {ordered[0].SOPInstanceUID: (fill(outer) ^ fill(hole)), ordered[3].SOPInstanceUID: fill(hole)}

# What pydicom reads.
files = {}
for folder, _, names in os.walk(HERE):
    for name in names:
        path = os.path.join(folder, name)
        key = os.path.relpath(path, HERE)
        if not key.startswith(("syntax", "numbers", "headers", "frames", "study")) or key in ("study/notes",): continue
        try:
            ds = pydicom.dcmread(path, force=True)
            if "TransferSyntaxUID" not in ds.file_meta:
                ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if ds.is_implicit_VR else ExplicitVRLittleEndian
            if key == "headers/says-explicit-is-implicit.dcm":
                ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            if ds.get("Modality") != "CT" or key in ("headers/no-rescale.dcm", "study/broken.dcm", "study/cut.dcm"): continue
            values = ds.pixel_array
        except Exception as error:
            print(key, error); continue
        values = values[None] if values.ndim == 2 else values
        def frame(k):
            if "PerFrameFunctionalGroupsSequence" in ds:
                t = ds.PerFrameFunctionalGroupsSequence[k].PixelValueTransformationSequence[0]
                return apply_modality_lut(values[k], t)
            return apply_modality_lut(values[k], ds)
        files[key] = [np.asarray(frame(k), float).tolist() for k in range(len(values))]
json.dump({
    "tool": f"pydicom {pydicom.__version__}", "files": files,
    "segmentation": {ds.SOPInstanceUID: masks[i, :, :, 0].astype(int).tolist() for i, ds in enumerate(ordered)},
    "lung": {ds.SOPInstanceUID: masks[i, :, :, 1].astype(int).tolist() for i, ds in enumerate(ordered)},
    "structures": {uid: m.astype(int).tolist() for uid, m in structure_masks.items()},
    "instances": {os.path.basename(k): pydicom.dcmread(os.path.join(HERE, k)).SOPInstanceUID for k in files if "IM0" in k},
}, open(os.path.join(HERE, "references.json"), "w"))
