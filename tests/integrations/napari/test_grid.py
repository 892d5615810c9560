"""Layers of any plugin as scans and label maps."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels

from fewslice.errors import InputError, codes_of
from fewslice.integrations.napari.grid import (
    geometry_of,
    image_of,
    label_map_of,
    require_volume,
    same_place,
    transform_of,
)
from fewslice.integrations.napari.opening import read_layers
from fewslice.volumes.spacing import MISSING, spacing_origin
from tests.support.napari_layers import TURNED, drawn_layer, scan_layer

MM = ("mm",) * 3
VOXELS = np.arange(24.0).reshape(2, 3, 4)


def affine_of(**placed: Any) -> Any:
    geometry, _, said = geometry_of(Image(VOXELS, **placed))
    assert not said
    return geometry.affine


def test_the_axes_of_the_world_run_to_head_back_and_left() -> None:
    expected = [[0, 0, -1, -30], [0, -1, 0, -20], [2, 0, 0, 10], [0, 0, 0, 1]]
    found = affine_of(scale=(2, 1, 1), translate=(10, 20, 30), units=MM)
    np.testing.assert_allclose(found, expected)


def test_a_flipped_axis_runs_the_other_way() -> None:
    found = affine_of(affine=np.diag([-2.0, 1, 1, 1]), units=MM)
    np.testing.assert_allclose(found, [[0, 0, -1, 0], [0, -1, 0, 0], [-2, 0, 0, 0], [0, 0, 0, 1]])


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")
def test_exchanged_axes_are_seen() -> None:
    exchanged = np.array([[0, 0, 5.0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    found = affine_of(affine=exchanged, units=MM)
    np.testing.assert_allclose(found, [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1]])


def test_units_become_mm() -> None:
    geometry, _, _ = geometry_of(Image(VOXELS, scale=(500.0, 20.0, 10.0), units=("um", "um", "um")))
    assert geometry.spacing == pytest.approx((0.5, 0.02, 0.01))


def test_a_scale_without_a_unit_is_taken_as_mm_and_said() -> None:
    geometry, stored, said = geometry_of(Image(VOXELS, scale=(2, 1, 1)))
    assert geometry.spacing == (2, 1, 1)
    assert codes_of(said) == {"layer-without-unit"}
    assert stored is None


def test_no_scale_at_all_is_no_spacing() -> None:
    assert spacing_origin(image_of((Image(VOXELS),))) == MISSING


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (Image(np.zeros((2, 3, 4, 5)), name="film"), "'film' has 4 axes .2x3x4x5.; expected three"),
        (Image(np.zeros((3, 4)), name="photo"), "'photo' is a single picture .3x4.; expected a vo"),
        (Image(np.zeros((2, 3, 4, 3)), rgb=True, name="colours"), "'colours' is in colour"),
    ],
)
def test_what_is_no_volume_gets_one_sentence(layer: Image, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        require_volume(layer)


def test_a_pyramid_stands_for_its_finest_level() -> None:
    pyramid = Image([VOXELS, VOXELS[:, ::2, ::2]], multiscale=True, scale=(2, 1, 1), units=MM)
    image = image_of((pyramid,))
    np.testing.assert_array_equal(image.array, VOXELS)
    assert image.geometry.spacing == (2, 1, 1)


def test_an_array_on_disk_is_loaded() -> None:
    image = image_of((Image(da.from_array(VOXELS, chunks=1), units=MM),))
    assert isinstance(image.array, np.ndarray)
    np.testing.assert_array_equal(image.array, VOXELS)


def test_layers_of_one_place_are_channels() -> None:
    placed = {"scale": (2, 1, 1), "units": MM}
    image = image_of((Image(VOXELS, **placed), Image(VOXELS + 100, **placed)))
    np.testing.assert_array_equal(image.array, [VOXELS, VOXELS + 100])


def test_layers_of_two_places_are_no_channels() -> None:
    with pytest.raises(InputError, match=r"'b' and 'a' do not have the same voxels"):
        image_of((Image(VOXELS, name="b"), Image(VOXELS, translate=(1, 0, 0), name="a")))


def test_millimetres_and_micrometres_are_one_place() -> None:
    mine = Image(VOXELS, scale=(2, 1, 1), units=MM)
    other = Image(VOXELS, scale=(2000, 1000, 1000), units=("um",) * 3)
    assert same_place(mine, other)
    assert not same_place(mine, Image(VOXELS, scale=(2, 1, 1.01), units=MM))


def test_labels_on_the_layer_of_an_oblique_scan_lie_on_the_scan(tmp_path: Any) -> None:
    from fewslice.io import write_image
    from fewslice.volumes import Geometry
    from fewslice.volumes import Image as Scan

    turn = np.radians(20)
    affine = TURNED.copy()
    rotation = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    affine[:2, :2] = rotation @ affine[:2, :2]
    path = tmp_path / "scan.nii.gz"
    write_image(path, Scan(np.zeros((4, 3, 2), np.uint8), Geometry((4, 3, 2), affine)))
    ((voxels, attributes, _),) = read_layers(str(path))
    scan = Image(voxels, **attributes)
    drawn = Labels(np.zeros(voxels.shape, np.uint8), **transform_of(scan))
    image, labels = image_of((scan,)), label_map_of(drawn, scan)
    assert labels.geometry.differences(image.geometry) == ()
    assert sorted(labels.geometry.spacing) == pytest.approx([2, 3, 5])
    assert abs(labels.geometry.affine[0, 1]) > 0.1  # its angles are there


def test_a_layer_that_was_moved_since_lies_where_it_is_now(nifti: Any) -> None:
    ((voxels, attributes, _),) = read_layers(str(nifti))
    scan = Image(voxels, **attributes)
    scan.scale = (1.0, 1.0, 1.0)
    assert geometry_of(scan)[0].spacing == (1, 1, 1)


def test_labels_and_what_is_drawn_come_as_they_are() -> None:
    layer = drawn_layer()
    labels = label_map_of(layer, scan_layer())
    np.testing.assert_array_equal(labels.array, layer.data)
    assert labels.geometry.spacing == (2, 1, 1)
