"""sform and qform: which is used, how ITK reads the file, and what is written for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK

from fewslice.errors import GeometryError, codes_of
from fewslice.io import read_image, read_labels, write_labels
from fewslice.io.nifti_forms import ITK
from fewslice.volumes import Geometry, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.volumes.orientation import Turn
from tests.support.volume_samples import oblique

SHAPE = (5, 6, 7)
DATA = np.arange(5 * 6 * 7, dtype=np.int16).reshape(SHAPE)
ONE = oblique((0.1, 0.2, 0.3), (1, 2, 3), (5, 6, 7))
OTHER = oblique((0.0, -0.2, 0.1), (1, 2, 3), (-50, 16, 27))
SHEARED = ONE + 0.2 * np.eye(4, k=1) * np.array([[1], [0], [0], [0]])
SPACED = ONE @ np.diag([1.0, 1, 1.5, 1])
Affine = npt.NDArray[np.float64]


def save(path: Path, sform: tuple[Affine, int], qform: tuple[Affine, int]) -> Path:
    image = nibabel.Nifti1Image(DATA, None)
    image.header.set_sform(sform[0], sform[1])
    image.header.set_qform(qform[0], qform[1])
    image.header["pixdim"][1:4] = [1, 2, 3]
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def itk_affine(path: Path) -> Affine:
    read = SimpleITK.ReadImage(str(path))
    steps = np.reshape(read.GetDirection(), (3, 3)) * np.array(read.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps, read.GetOrigin()
    return np.diag([-1.0, -1, 1, 1]) @ affine


def moved_voxels(one: Affine, other: Affine) -> float:
    return float(np.abs((np.linalg.inv(one) @ other - np.eye(4)) @ [4, 5, 6, 1]).max())


CODES = [(s, q) for s in range(5) for q in range(4)]


@pytest.mark.parametrize("sform", [ONE, SHEARED, SPACED], ids=["plain", "sheared", "spaced"])
@pytest.mark.parametrize("codes", CODES)
def test_what_itk_reads_is_known(tmp_path: Path, sform: Affine, codes: tuple[int, int]) -> None:
    path = save(tmp_path / "a.nii", (sform, codes[0]), (OTHER, codes[1]))
    image = read_image(path)
    np.testing.assert_allclose(image.geometry.affine, nibabel.load(path).affine, atol=1e-5)
    try:
        expected = itk_affine(path)
    except RuntimeError:  # ITK refuses an sform without right angles if it is alone
        assert image.stored is not None
        assert ITK not in image.stored.readings
        return
    stored = image.stored
    assert stored is not None
    itk = stored.reading(ITK, image.geometry) or image.geometry
    np.testing.assert_allclose(itk.affine, expected, atol=1e-4)
    differs = moved_voxels(image.geometry.affine, expected) > 0.02
    assert differs <= bool({"header-contradiction", "place-unknown"} & codes_of(image.remarks))


def test_forms_that_agree_leave_no_remark(tmp_path: Path) -> None:
    image = read_image(save(tmp_path / "a.nii", (ONE, 1), (ONE, 1)))
    assert image.remarks == ()
    assert image.stored is not None
    assert image.stored.readings == {}


def test_the_remark_says_which_form_is_used_and_how_far_apart_they_are(tmp_path: Path) -> None:
    shifted = ONE + 12 * np.eye(4, k=3) * np.array([[1], [0], [0], [0]])
    (remark,) = read_image(save(tmp_path / "a.nii", (ONE, 2), (shifted, 1))).remarks
    assert "The sform (code 2) and qform (code 1)" in remark
    assert "up to 12 mm apart; the sform is used" in remark


@pytest.mark.parametrize(
    ("sform", "qform"),
    [((ONE, 2), (OTHER, 1)), ((SHEARED, 4), (OTHER, 1)), ((SPACED, 2), (OTHER, 0)),
     ((ONE, 0), (OTHER, 0))],
    ids=["differ", "sheared", "spacing", "no codes"],
)  # fmt: skip
@pytest.mark.parametrize("written_by", ["nibabel", "itk .nii.gz", "itk .mha", "itk .nrrd"])
@pytest.mark.parametrize("out", [".nii.gz", ".nii", ".mha", ".nrrd"])
@pytest.mark.parametrize(
    "turn", [Turn((0, 1, 2), (False,) * 3), Turn((2, 0, 1), (True, False, True))]
)
def test_labels_by_any_program_come_back_right_for_every_program(  # noqa: PLR0917
    tmp_path: Path, sform: Any, qform: Any, written_by: str, out: str, turn: Turn
) -> None:
    scan = save(tmp_path / "scan.nii.gz", sform, qform)
    itk = written_by.startswith("itk")
    try:
        own = itk_affine(scan) if itk else nibabel.load(scan).affine
    except RuntimeError:
        pytest.skip("ITK does not read this scan")
    drawn = turn.array((DATA % 7 == 0).astype(np.uint8))
    place = turn.geometry(Geometry(SHAPE, own))
    labels = tmp_path / f"labels{written_by.removeprefix('itk ') if itk else '.nii.gz'}"
    write_labels(labels, LabelMap(drawn, place))
    image, found = on_one_grid(read_image(scan), read_labels(labels))
    assert np.array_equal(image.array % 7 == 0, found.array == 1)
    write_labels(tmp_path / f"out{out}", found)
    # A program that reads the scan one way reads the result the same way: voxel on voxel.
    theirs = turn.geometry(Geometry(SHAPE, itk_affine(scan)))
    assert moved_voxels(theirs.affine, itk_affine(tmp_path / f"out{out}")) < 0.02
    if out.startswith(".nii"):
        ours = turn.geometry(Geometry(SHAPE, nibabel.load(scan).affine))
        assert moved_voxels(ours.affine, nibabel.load(tmp_path / f"out{out}").affine) < 0.02


@pytest.mark.parametrize("broken", [np.zeros((4, 4)), np.diag([1.0, 0, 1, 1])])
def test_an_sform_that_is_no_grid_gives_way_to_the_qform(tmp_path: Path, broken: Affine) -> None:
    image = read_image(save(tmp_path / "a.nii", (broken, 1), (ONE, 1)))
    np.testing.assert_allclose(image.geometry.affine, ONE, atol=1e-5)
    assert "form-impossible" in codes_of(image.remarks)
    with pytest.raises(GeometryError):
        read_image(save(tmp_path / "b.nii", (broken, 1), (ONE, 0)))


def test_a_quaternion_that_is_no_rotation_gives_way_to_the_sform(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", (ONE, 1), (ONE, 1))
    raw = bytearray(path.read_bytes())
    raw[256:260] = np.float32(3).tobytes()  # quatern_b
    path.write_bytes(raw)
    image = read_image(path)
    np.testing.assert_allclose(image.geometry.affine, ONE, atol=1e-5)
    assert "form-impossible" in codes_of(image.remarks)


@pytest.mark.parametrize("code", [0, 1])
def test_negative_voxel_sizes_are_positive(tmp_path: Path, code: int) -> None:
    path = save(tmp_path / "a.nii", (ONE, 0), (np.diag([1.0, 2, 3, 1]), code))
    raw = bytearray(path.read_bytes())
    raw[80:84] = np.float32(-1).tobytes()  # pixdim[1]
    path.write_bytes(raw)
    image = read_image(path)
    assert image.geometry.spacing == (1, 2, 3)
    np.testing.assert_allclose(image.geometry.affine, nibabel.load(path).affine)
    assert "spacing-negative" in codes_of(image.remarks)
