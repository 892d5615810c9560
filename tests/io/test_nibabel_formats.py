"""MGH, Analyze and NIfTI pairs, as nibabel writes them."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage

from fewslice.errors import ReadError, codes_of
from fewslice.io import read_image, read_labels, write_labels
from fewslice.volumes.spacing import HEADER, spacing_origin
from tests.support.volume_samples import oblique

DATA = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)


@pytest.mark.parametrize("suffix", [".mgz", ".mgh", ".MGZ"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_mgh_comes_back(tmp_path: Path, suffix: str, dtype: type) -> None:
    path = tmp_path / f"a{suffix.lower()}"
    nibabel.save(MGHImage(DATA.astype(dtype), oblique()), path)
    read = read_image(path.rename(tmp_path / f"b{suffix}"))
    assert read.array.dtype == dtype
    assert read.array.dtype.isnative
    assert np.array_equal(read.array, DATA.astype(dtype))
    np.testing.assert_allclose(read.geometry.affine, oblique(), atol=1e-4)
    assert spacing_origin(read) == HEADER
    assert read.remarks == ()


def test_labels_of_freesurfer_are_written_elsewhere(tmp_path: Path) -> None:
    nibabel.save(MGHImage((DATA * 10).astype(np.int32), oblique()), tmp_path / "a.mgz")
    labels = read_labels(tmp_path / "a.mgz")
    write_labels(tmp_path / "b.nii.gz", labels)
    again = read_labels(tmp_path / "b.nii.gz")
    assert np.array_equal(again.array, DATA * 10)
    assert again.geometry.same_grid(labels.geometry)


def test_frames_are_channels(tmp_path: Path) -> None:
    both = np.stack([DATA, DATA + 1], axis=-1).astype(np.int32)
    nibabel.save(MGHImage(both, oblique()), tmp_path / "a.mgz")
    assert np.array_equal(read_image(tmp_path / "a.mgz").array, np.stack([DATA, DATA + 1]))


@pytest.mark.parametrize(("suffix", "packed"), [(".mgz", False), (".mgh", True)])
def test_names_that_mislead_are_said(tmp_path: Path, suffix: str, packed: bool) -> None:
    nibabel.save(MGHImage(DATA.astype(np.int32), oblique()), tmp_path / "plain.mgh")
    raw = (tmp_path / "plain.mgh").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(gzip.compress(raw) if packed else raw)
    read = read_image(tmp_path / f"a{suffix}")
    assert np.array_equal(read.array, DATA)
    assert codes_of(read.remarks) == {"name-misleads"}


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_a_nifti_pair_keeps_its_geometry(tmp_path: Path, name: str) -> None:
    nibabel.save(nibabel.Nifti1Pair(DATA, oblique()), tmp_path / "a.img")
    read = read_image(tmp_path / name)
    assert np.array_equal(read.array, DATA)
    np.testing.assert_allclose(read.geometry.affine, oblique(), atol=1e-5)
    assert read.remarks == ()


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_analyze_does_not_say_which_side_is_left(tmp_path: Path, name: str) -> None:
    affine = np.diag([-1.0, 2, 3, 1])
    image = nibabel.AnalyzeImage(DATA, None)
    image.header.set_zooms((1, 2, 3))
    nibabel.save(image, tmp_path / "a.img")
    read = read_image(tmp_path / name)
    assert np.array_equal(read.array, DATA)
    np.testing.assert_allclose(read.geometry.affine[:3, :3], affine[:3, :3])
    assert codes_of(read.remarks) == {"sides-unknown"}


def test_one_of_two_files_is_missing(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(DATA, oblique()), tmp_path / "a.img")
    (tmp_path / "a.img").unlink()
    with pytest.raises(ReadError, match=r"a\.img is missing"):
        read_image(tmp_path / "a.hdr")


@pytest.mark.parametrize("name", ["a.mgz", "a.mgh", "a.img"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, name: str, part: float) -> None:
    path = tmp_path / name
    kind = nibabel.Nifti1Pair if name.endswith(".img") else MGHImage
    nibabel.save(kind(DATA.astype(np.int32), oblique()), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ReadError, match=name):
        read_image(path)


@pytest.mark.slow
def test_what_is_behind_the_voxels_of_a_packed_file_has_an_end(tmp_path: Path) -> None:
    from fewslice.io.library_errors import LONGEST_TAIL

    for suffix, made in ((".mgz", nibabel.MGHImage), (".nii.gz", nibabel.Nifti1Image)):
        path = tmp_path / f"a{suffix}"
        made(np.ones((2, 3, 4), np.int16), np.eye(4)).to_filename(path)
        whole = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(whole + bytes(LONGEST_TAIL)))
        assert read_image(path).array.shape == (2, 3, 4)
        path.write_bytes(gzip.compress(whole + bytes(LONGEST_TAIL + (2 << 20))))
        with pytest.raises(ReadError, match="goes on for more than 64 MB behind the voxels"):
            read_image(path)
