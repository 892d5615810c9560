"""Labels are saved with the header of the scan they were drawn on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image, Labels

from fewslice import read_labels
from fewslice.errors import InputError
from fewslice.integrations.napari.grid import transform_of
from fewslice.integrations.napari.opening import read_layers
from fewslice.integrations.napari.origin import KEY
from fewslice.integrations.napari.saving import write_layer
from tests.support.napari_layers import TURNED


def drawn_on(path: Path, *, known: bool = True) -> Labels:
    """A layer on which one voxel of a scan is drawn: the one that is stored at [3, 0, 1]."""
    ((voxels, attributes, _),) = read_layers(str(path))
    scan = Image(voxels, **attributes)
    labels = np.zeros(voxels.shape, np.uint16)
    labels[1, 0, 0] = 4
    metadata = {KEY: attributes["metadata"][KEY]} if known else {}
    return Labels(labels, metadata=metadata, **transform_of(scan))


def saved(layer: Labels, path: Path) -> Any:
    data, attributes, _ = layer.as_layer_data_tuple()
    assert write_layer(str(path), data, attributes) == [str(path)]
    return nib.load(path)


def test_a_file_has_the_header_and_order_of_the_scan(nifti: Path, tmp_path: Path) -> None:
    file = saved(drawn_on(nifti), tmp_path / "drawn.nii.gz")
    scan: Any = nib.load(nifti)
    np.testing.assert_array_equal(file.affine, scan.affine)
    np.testing.assert_allclose(file.affine, TURNED)
    for key in ("sform_code", "qform_code", "xyzt_units"):
        assert file.header[key] == scan.header[key]
    expected = np.zeros((4, 3, 2))
    expected[3, 0, 1] = 4
    np.testing.assert_array_equal(np.asarray(file.dataobj), expected)


def test_a_layer_that_knows_no_file_lies_where_it_lies(nifti: Path, tmp_path: Path) -> None:
    file = saved(drawn_on(nifti, known=False), tmp_path / "drawn.nii.gz")
    data = np.asarray(file.dataobj)
    (voxel,) = np.argwhere(data == 4)
    np.testing.assert_allclose((file.affine @ [*voxel, 1])[:3], (TURNED @ [3, 0, 1, 1])[:3])


def test_a_moved_layer_is_saved_where_it_is_now(nifti: Path, tmp_path: Path) -> None:
    layer = drawn_on(nifti)
    layer.translate = np.add(layer.translate, (1, 0, 0))
    file = saved(layer, tmp_path / "drawn.nii.gz")
    (voxel,) = np.argwhere(np.asarray(file.dataobj) == 4)
    expected = np.add((TURNED @ [3, 0, 1, 1])[:3], (0, 0, 1))
    np.testing.assert_allclose((file.affine @ [*voxel, 1])[:3], expected, atol=1e-5)


def test_every_format_can_be_read_again(nifti: Path, tmp_path: Path) -> None:
    for suffix in (".nii", ".mha", ".nrrd", ".seg.nrrd"):
        path = tmp_path / f"drawn{suffix}"
        data, attributes, _ = drawn_on(nifti).as_layer_data_tuple()
        write_layer(str(path), data, attributes)
        assert read_labels(path).array.max() == 4


def test_a_film_of_labels_is_one_sentence(tmp_path: Path) -> None:
    layer = Labels(np.zeros((2, 3, 4, 5), np.uint8), name="film")
    data, attributes, _ = layer.as_layer_data_tuple()
    with pytest.raises(InputError, match="'film' has 4 axes"):
        write_layer(str(tmp_path / "film.nii.gz"), data, attributes)
