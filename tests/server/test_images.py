"""The scan as the page loads it: the same voxels, at the same place in the patient."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.server.images import ImageCache, WindowFacts, window_facts, write_ras_nifti
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image

# Axis 0 to the feet, axis 1 to the left, axis 2 to the front, 2 x 3 x 1 mm.
AFFINE = np.array([[0, -3.0, 0, 50], [0, 0, 1.0, -7], [-2.0, 0, 0, 90], [0, 0, 0, 1]])


def image(array: Array) -> Image:
    return Image(array, Geometry(array.shape[-3:], AFFINE))


@pytest.mark.parametrize(
    ("dtype", "highest", "stored"),
    [
        (np.uint8, 255, np.int16),
        (np.int16, 32767, np.int16),
        (np.uint16, 32767, np.int16),
        (np.uint16, 32768, np.float32),
        (np.int32, -40000, np.float32),
        (np.float64, 0.5, np.float32),
    ],
)
def test_the_file_holds_the_scans_voxels_at_their_place(
    tmp_path: Path, dtype: type[np.generic], highest: float, stored: type[np.generic]
) -> None:
    array = np.arange(60).astype(dtype).reshape(3, 4, 5)
    array[1, 2, 3] = highest
    path = tmp_path / "scan.nii.gz"
    write_ras_nifti(path, image(array), 0)
    found = nib.Nifti1Image.from_filename(path)
    assert found.get_data_dtype() == stored
    assert nib.orientations.aff2axcodes(found.affine) == ("R", "A", "S")
    page = np.asarray(found.dataobj)
    assert page.shape == (4, 5, 3)
    # Voxel (0, 1, 2) of the scan lies at (50 - 3, -7 + 2, 90) in the patient.
    place = np.linalg.inv(found.affine) @ [47, -5, 90, 1]
    assert page[tuple(place[:3].round().astype(int))] == array[0, 1, 2]
    np.testing.assert_array_equal(page, np.flip(array.transpose(1, 2, 0), (0, 2)))


def test_a_channel_is_made_once_and_another_one_apart(tmp_path: Path) -> None:
    array = np.stack([np.zeros((2, 2, 2), np.int16), np.ones((2, 2, 2), np.int16)])
    reads = []

    def read() -> Image:
        reads.append(1)
        return image(array)

    cache = ImageCache(tmp_path / "cache")
    first = cache.nifti("abc", 1, None, read)
    assert cache.nifti("abc", 1, None, read) == first
    assert len(reads) == 1
    assert np.asarray(nib.Nifti1Image.from_filename(first).dataobj).min() == 1
    with pytest.raises(InputError, match="no channel 2 in this scan; it has 2"):
        cache.nifti("abc", 2, None, read)


def test_the_window_comes_with_the_image_that_was_read(tmp_path: Path) -> None:
    ramp = image(np.arange(1000).astype(np.int16).reshape(10, 10, 10))
    cache = ImageCache(tmp_path / "cache")
    cache.nifti("abc", 0, "CT", lambda: ramp)
    assert cache.known_window("abc") == window_facts(ramp, "CT")


def test_windows() -> None:
    ramp = image(np.linspace(0, 100, 1000, dtype=np.float32).reshape(10, 10, 10))
    found = window_facts(ramp, None)
    assert (found.low, found.high) == pytest.approx((1, 99))
    assert [name for name, *_ in found.presets] == ["automatic"]
    ct = window_facts(ramp, "CT")
    assert (ct.low, ct.high) == (-160, 240)
    assert ("lung", -1350, 150) in ct.presets
    flat = window_facts(image(np.full((2, 2, 2), 7, np.uint8)), None)
    assert (flat.low, flat.high) == (6, 8)


def test_a_window_is_remembered_and_made_anew_if_its_file_is_damaged(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path / "cache")
    ramp = image(np.arange(8, dtype=np.uint8).reshape(2, 2, 2))
    assert cache.known_window("abc") is None
    made = cache.window("abc", "CT", lambda: ramp)
    assert cache.known_window("abc") == made == WindowFacts(-160, 240, made.presets)
    (file,) = (tmp_path / "cache").glob("abc-window*")
    file.write_text("[1, 2]")
    assert cache.window("abc", "CT", lambda: ramp) == made
