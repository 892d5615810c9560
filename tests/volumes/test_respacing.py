"""A spacing given in place of a file's own: seen by whoever measures, never written."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from fewslice import Geometry, Image, LabelMap, read_image, read_labels, write_image, write_labels
from fewslice.volumes.respacing import on_own_grid, own_geometry, respaced
from fewslice.volumes.spacing import HEADER, MISSING, spacing_origin
from tests.support.volume_samples import AFFINES

SHAPE = (5, 6, 7)
ARRAY = np.arange(210, dtype=np.uint8).reshape(SHAPE)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd", ".nhdr"])
@pytest.mark.parametrize("name", sorted(AFFINES))
def test_writing_repeats_the_header_of_the_file(tmp_path: Path, suffix: str, name: str) -> None:
    path, copy = tmp_path / f"scan{suffix}", tmp_path / "out" / f"scan{suffix}"
    copy.parent.mkdir()
    write_image(path, Image(ARRAY, Geometry(SHAPE, AFFINES[name])))
    volume = respaced(read_labels(path), (0.5, 0.6, 7))
    assert volume.geometry.spacing == pytest.approx((0.5, 0.6, 7))
    write_labels(copy, volume)
    before, after = read_image(path), read_image(copy)
    np.testing.assert_array_equal(after.geometry.affine, before.geometry.affine)
    if suffix == ".nii":
        assert path.read_bytes() == copy.read_bytes()


def test_a_grid_in_memory_is_remembered_as_well(tmp_path: Path) -> None:
    own = Geometry(SHAPE, AFFINES["oblique"])
    volume = respaced(respaced(LabelMap(ARRAY, own), (3, 3, 3)), (2, 2, 2))
    assert own_geometry(volume) is own
    assert on_own_grid(volume).geometry is own
    write_labels(tmp_path / "out.nrrd", volume)
    assert read_labels(tmp_path / "out.nrrd").geometry.same_grid(own)


def test_a_rounded_spacing_is_the_scans_own() -> None:
    own = Geometry.from_spacing(SHAPE, (0.33333, 1, 2))
    assert respaced(Image(ARRAY, own), (0.3333, 1, 2)).geometry is own
    assert respaced(Image(ARRAY, own), (0.34, 1, 2)).geometry.spacing == (0.34, 1, 2)


def test_files_that_store_no_spacing_say_so(tmp_path: Path) -> None:
    data = ARRAY.T.tobytes()
    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 5 6 7\nencoding: raw\n"
    (tmp_path / "plain.nrrd").write_bytes(f"{header}\n".encode() + data)
    (tmp_path / "said.nrrd").write_bytes(f"{header}spacings: 1 1 1\n\n".encode() + data)
    fields = "ObjectType = Image\nNDims = 3\nDimSize = 5 6 7\nElementType = MET_UCHAR\n"
    end = "ElementDataFile = LOCAL\n"
    (tmp_path / "plain.mha").write_bytes(f"{fields}{end}".encode() + data)
    (tmp_path / "said.mha").write_bytes(f"{fields}ElementSpacing = 1 1 1\n{end}".encode() + data)
    nibabel.save(nibabel.Nifti1Image(ARRAY, None), tmp_path / "plain.nii")
    nibabel.save(nibabel.Nifti1Image(ARRAY, np.eye(4)), tmp_path / "said.nii")
    for suffix in ("nrrd", "mha", "nii"):
        assert spacing_origin(read_image(tmp_path / f"plain.{suffix}")) == MISSING
        assert spacing_origin(read_image(tmp_path / f"said.{suffix}")) == HEADER
