"""Make the bundled example from the Debian package ``mricron-data``.

    python scripts/make_example.py --package mricron-data_1.2.20211006+dfsg-4_all.deb

It cuts the left deep grey matter out of one man's T1-weighted MRI scan (Colin27) and out of the
labels drawn on that scan (AAL), and writes scan.nii.gz, labels.nii.gz and labels.json. The same
package gives the same bytes. Where the data come from: src/fewslice/example/README.md.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.uint8]
Affine = npt.NDArray[np.float64]

TEMPLATES = "./usr/share/mricron/templates/"
# Of the uncompressed files: a rebuilt package may compress them differently.
SHA256 = {
    "ch2.nii.gz": "707a360b809ba937f6c007231bcf7dc6e2d33657497b254414c9894b6efa5f8c",
    "aal.nii.gz": "2926fcc98efc709f77c8cca2f9c1d797eba3e9a1b222a8e0cfa70ab131394c80",
}

# The left side only: the crop ends at the midline, so that the unlabelled right twins of these
# structures, which look the same, stay outside.
CROP = (slice(40, 94), slice(76, 160), slice(36, 106))
STRUCTURES = {
    71: "left caudate nucleus",
    73: "left putamen",
    77: "left thalamus",
    37: "left hippocampus",
}
MNI_SPACE = 4  # the NIfTI code for "coordinates are MNI 152", as in the source files


def main() -> None:
    """Read the package, cut out the example and write it."""
    parser = argparse.ArgumentParser(description="Make the bundled example.")
    parser.add_argument("--package", type=Path, required=True, help="the .deb file of mricron-data")
    default = Path(__file__).resolve().parents[1] / "src" / "fewslice" / "example"
    parser.add_argument("--out", type=Path, default=default, help="folder to write to")
    options = parser.parse_args()

    files = read_templates(options.package)
    scan, affine = load(files["ch2.nii.gz"])
    atlas, atlas_affine = load(files["aal.nii.gz"])
    if scan.shape != atlas.shape or not np.array_equal(affine, atlas_affine):
        raise SystemExit("The scan and the labels of the package do not lie on the same grid.")

    labels = relabel(atlas)
    require_inside(labels)
    shifted = shift_origin(affine)
    require_same_place(affine, shifted)
    write(options.out / "scan.nii.gz", scan[CROP], shifted, "Colin27 T1, cropped")
    write(options.out / "labels.nii.gz", labels[CROP], shifted, "AAL, cropped and relabelled")
    names = {str(value): name for value, name in enumerate(STRUCTURES.values(), start=1)}
    (options.out / "labels.json").write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    for name in ("scan.nii.gz", "labels.nii.gz", "labels.json"):
        print(f"{options.out / name}: {(options.out / name).stat().st_size} bytes")


def read_templates(package: Path) -> dict[str, bytes]:
    """Return the uncompressed NIfTI files of the package by name; stop if they are others."""
    archive = io.BytesIO(read_member(package, "data.tar.xz"))
    found = {}
    with tarfile.open(fileobj=archive, mode="r:xz") as tar:
        for name, expected in SHA256.items():
            stored = tar.extractfile(TEMPLATES + name)
            if stored is None:
                raise SystemExit(f"{TEMPLATES}{name} is no file in {package}.")
            found[name] = gzip.decompress(stored.read())
            if hashlib.sha256(found[name]).hexdigest() != expected:
                raise SystemExit(f"{name} in {package} is not the file this script was made for.")
    return found


def read_member(package: Path, name: str) -> bytes:
    """Return one member of a .deb file, which is a Unix ar archive."""
    with package.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise SystemExit(f"{package} is no Debian package.")
        while header := file.read(60):
            member, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
            content = file.read(size + size % 2)  # members start at even offsets
            if member == name:
                return content[:size]
    raise SystemExit(f"{package} has no {name}.")


def load(content: bytes) -> tuple[Array, Affine]:
    """Return voxels and affine of an uncompressed uint8 NIfTI file."""
    image: Any = nib.Nifti1Image.from_bytes(content)
    array = np.asanyarray(image.dataobj)
    if array.dtype != np.uint8:
        raise SystemExit(f"The package holds {array.dtype} voxels; expected uint8.")
    return array, np.asarray(image.affine, dtype=np.float64)


def relabel(atlas: Array) -> Array:
    """Number the chosen structures 1, 2, ... and drop all others."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(STRUCTURES)] = np.arange(1, len(STRUCTURES) + 1)
    return table[atlas]


def require_inside(labels: Array) -> None:
    """Stop if the crop cuts a structure off."""
    if np.count_nonzero(labels) != np.count_nonzero(labels[CROP]):
        raise SystemExit("The crop cuts off a part of a structure.")


def shift_origin(affine: Affine) -> Affine:
    """Return the affine of the crop: its first voxel keeps its place in mm."""
    start = [axis.start for axis in CROP]
    shifted = affine.copy()
    shifted[:3, 3] = affine[:3, :3] @ start + affine[:3, 3]
    return shifted


def require_same_place(affine: Affine, shifted: Affine) -> None:
    """Stop if the crop's last voxel is at another place in mm than in the whole scan."""
    whole = [axis.stop - 1 for axis in CROP]
    cropped = [axis.stop - 1 - axis.start for axis in CROP]
    if not np.allclose(affine @ [*whole, 1], shifted @ [*cropped, 1]):
        raise SystemExit("The crop moved in space.")


def write(path: Path, array: Array, affine: Affine, description: str) -> None:
    """Write a NIfTI file, compressed without name and time so that its bytes are always equal."""
    image: Any = nib.Nifti1Image(np.ascontiguousarray(array), affine)
    image.set_sform(affine, code=MNI_SPACE)
    image.set_qform(affine, code=MNI_SPACE)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed,
    ):
        packed.write(image.to_bytes())


if __name__ == "__main__":
    main()
