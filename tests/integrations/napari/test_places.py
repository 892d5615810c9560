"""The slice in sight, and going to another one, whichever way a layer lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from napari.layers import Image

from fewslice.errors import InputError
from fewslice.integrations.napari.places import current_place, jump

if TYPE_CHECKING:
    from napari.components import ViewerModel

VOXELS = np.zeros((4, 5, 6))
FLIPPED = np.diag([-2.0, 1.0, -3.0, 1.0])
PLACED: dict[str, dict[str, Any]] = {
    "plain": {},
    "moved": {"scale": (2, 1, 0.5), "translate": (-7, 3, 1)},
    "flipped": {"affine": FLIPPED},
    "micrometres": {"scale": (2, 1, 0.5), "units": ("um",) * 3},
}


EXCHANGED = np.array([[0, 0, 2.0, 0], [0, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("placed", PLACED.values(), ids=PLACED)
@pytest.mark.parametrize("place", [(0, 3), (1, 0), (2, 4)])
def test_where_one_jumps_one_is(
    viewer: ViewerModel, placed: dict[str, Any], place: tuple[int, int]
) -> None:
    layer = viewer.add_layer(Image(VOXELS, **placed))
    jump(viewer, layer, place)
    assert viewer.dims.not_displayed == (place[0],)
    assert current_place(viewer, layer) == place


def test_a_slice_of_a_flipped_layer_is_where_its_voxels_are(viewer: ViewerModel) -> None:
    layer = viewer.add_layer(Image(VOXELS, affine=FLIPPED))
    jump(viewer, layer, (0, 3))
    assert viewer.dims.point[0] == -6
    shown = layer.get_value((-6, 0, 0), world=True)
    assert shown == 0


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")
@pytest.mark.parametrize("place", [(0, 3), (1, 0), (2, 4)])
def test_of_an_oblique_layer_it_is_the_slice_that_napari_draws(
    viewer: ViewerModel, place: tuple[int, int]
) -> None:
    voxels = np.arange(120).reshape(4, 5, 6)
    layer = viewer.add_layer(Image(voxels, rotate=(10, 20, 30), scale=(3, 1, 2)))
    jump(viewer, layer, place)
    assert current_place(viewer, layer) == place
    np.testing.assert_array_equal(layer._slice.image.raw, voxels.take(place[1], axis=place[0]))


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing:UserWarning")
def test_where_napari_cannot_show_slices_that_is_said(viewer: ViewerModel) -> None:
    layer = viewer.add_layer(Image(VOXELS, affine=EXCHANGED, name="turned"))
    with pytest.raises(InputError, match="'turned' are exchanged by its affine"):
        jump(viewer, layer, (0, 3))


def test_beside_a_film_the_last_three_axes_count(viewer: ViewerModel) -> None:
    viewer.add_layer(Image(np.zeros((3, 4, 5, 6))))
    layer = viewer.add_layer(Image(VOXELS))
    jump(viewer, layer, (2, 4))
    assert current_place(viewer, layer) == (2, 4)
    assert viewer.dims.order == (0, 3, 1, 2)


def test_in_three_dimensions_there_is_no_slice(viewer: ViewerModel) -> None:
    layer = viewer.add_layer(Image(VOXELS))
    viewer.dims.ndisplay = 3
    with pytest.raises(InputError, match="shows the volume in 3D"):
        current_place(viewer, layer)
    jump(viewer, layer, (1, 2))
    assert current_place(viewer, layer) == (1, 2)


def test_beside_the_layer_there_is_no_slice(viewer: ViewerModel) -> None:
    layer = viewer.add_layer(Image(VOXELS, name="small"))
    viewer.add_layer(Image(np.zeros((40, 5, 6))))
    viewer.dims.set_point(0, 20)
    with pytest.raises(InputError, match="a place beside the layer 'small'"):
        current_place(viewer, layer)
