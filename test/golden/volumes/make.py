"""Tiny NIfTI and MetaImage volumes, and what nibabel 5.4.2 reads of them: python make.py

Values are references: slices as radiologists look at them (rows to the back, columns to the left, from feet to head),
and the LPS place of three voxels of each file.
"""
import gzip, json, os, zlib
import numpy as np
import nibabel as nib

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = (5, 4, 3)
rng = np.random.default_rng(7)
hu = rng.integers(-1024, 1500, SHAPE).astype(np.int16)

straight = np.diag([0.75, 0.8, 2.5, 1.0]); straight[:3, 3] = [-10, 20, -300]
lps = np.diag([-0.75, -0.8, 2.5, 1.0]); lps[:3, 3] = [100, 120, -40]
# Sagittal storage: the first axis runs to the feet, the second to the front, the third to the left.
permuted = np.array([[0, 0, -2.0, 50], [0, 0.9, 0, -60], [-0.7, 0, 0, 70], [0, 0, 0, 1.0]])
a, b = np.deg2rad(17), np.deg2rad(-9)
turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
    [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
oblique = np.eye(4); oblique[:3, :3] = turn @ np.diag([0.7, -0.7, 3.0]); oblique[:3, 3] = [12.5, -3.25, 88]

def image(data, affine, two=False, sform=1, qform=1, slope=None, dtype=None, units="mm"):
    img = (nib.Nifti2Image if two else nib.Nifti1Image)(data, affine, dtype=dtype or data.dtype)
    img.set_sform(affine if sform else None, code=sform)
    img.set_qform(affine if qform else None, code=qform)
    if not sform and not qform:
        img.header["pixdim"][1:4] = np.abs(np.diag(affine)[:3])
    img.header.set_xyzt_units(xyz=units)
    if slope:
        img.header.set_slope_inter(*slope)
    return img

cases = {
    "straight.nii": image(hu, straight),
    "lps.nii.gz": image(hu, lps),
    "permuted.nii": image(hu, permuted),
    "oblique-qform.nii": image(hu, oblique, sform=0),
    "oblique-sform.nii": image(hu, oblique, qform=0),
    "nifti-2.nii.gz": image(hu, permuted, two=True),
    "float32.nii": image(hu.astype(np.float32) / 4, lps),
    "float64.nii": image(hu.astype(np.float64) / 8, lps),
    "uint8.nii": image((hu & 255).astype(np.uint8), straight),
    "int32.nii": image(hu.astype(np.int32), straight),
    "no-form.nii": image(hu, np.diag([0.75, 0.8, 2.5, 1.0]), sform=0, qform=0),
}
for name, img in cases.items():
    nib.save(img, os.path.join(HERE, name))

# Stored uint16 with slope 1 and intercept -1024, and a big-endian file, by hand: nibabel writes neither as such.
raw = bytearray(image((hu.astype(np.int32) + 1024).astype(np.uint16), lps).to_bytes())
raw[112:120] = np.array([1, -1024], "<f4").tobytes()
open(os.path.join(HERE, "scaled.nii"), "wb").write(bytes(raw))
big = nib.Nifti1Image(hu.astype(">i2"), permuted, nib.Nifti1Header(endianness=">"))
big.header.set_data_dtype(">i2"); big.set_sform(permuted, 1)
open(os.path.join(HERE, "big-endian.nii"), "wb").write(big.to_bytes())
cases["scaled.nii"] = cases["big-endian.nii"] = None
mask = (hu > 700).astype(np.uint8)
nib.save(image(mask, straight), os.path.join(HERE, "straight_mask.nii"))

references = {}
for name in cases:
    img = nib.load(os.path.join(HERE, name))
    canonical = nib.as_closest_canonical(img)
    data = np.asarray(canonical.dataobj, np.float64)
    # RAS+ to rows towards the back and columns towards the left.
    axial = [data[::-1, ::-1, k].T.tolist() for k in range(data.shape[2])]
    coronal = [data[::-1, j, ::-1].T.tolist() for j in range(data.shape[1] - 1, -1, -1)]
    sagittal = [data[i, ::-1, ::-1].T.tolist() for i in range(data.shape[0] - 1, -1, -1)]
    flip = np.diag([-1, -1, 1, 1])
    world = lambda r, c, k: (flip @ canonical.affine @ [data.shape[0] - 1 - c, data.shape[1] - 1 - r, k, 1])[:3].tolist()
    references[name] = {
        "axial": axial, "coronal": coronal, "sagittal": sagittal,
        "places": [[[r, c, k], world(r, c, k)] for r, c, k in [(0, 0, 0), (1, 2, 1), (data.shape[1] - 1, data.shape[0] - 1, data.shape[2] - 1)]],
    }
json.dump({"tool": f"nibabel {nib.__version__}", "files": references}, open(os.path.join(HERE, "references.json"), "w"))

# MetaImage, as ITK writes it: LPS, the matrix row by row holds each axis's direction.
head = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = {compressed}
TransformMatrix = 1 0 0 0 0 -1 0 1 0
Offset = -10 20 -30.5
CenterOfRotation = 0 0 0
AnatomicalOrientation = RSA
ElementSpacing = 0.7 0.8 2
DimSize = 5 4 3
ElementType = MET_SHORT
ElementDataFile = {data}
"""
voxels = hu.tobytes(order="F")
open(os.path.join(HERE, "local.mha"), "wb").write(head.format(compressed="False", data="LOCAL").encode() + voxels)
open(os.path.join(HERE, "zipped.mhd"), "w").write(head.format(compressed="True", data="zipped.zraw"))
open(os.path.join(HERE, "zipped.zraw"), "wb").write(zlib.compress(voxels))
json.dump(hu.tolist(), open(os.path.join(HERE, "metaimage.json"), "w"))
