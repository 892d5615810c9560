"""Views: right side up for every orientation, and where the slices are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from fewslice.annotation.annotation import on_slice
from fewslice.reporting.figure.views import View, best_cut, field_of_view
from fewslice.volumes import Geometry
from fewslice.volumes.region import Region
from fewslice.workflow.segment import segment

SIGNED_PERMUTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def oriented(order: Sequence[int], signs: Sequence[int]) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * (1.0 + axis)
    return Geometry((4, 5, 6), affine)


@pytest.mark.parametrize(("order", "signs"), SIGNED_PERMUTATIONS)
def test_views_show_right_front_and_head_at_the_left_and_top(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    geometry = oriented(order, signs)
    places = np.moveaxis(np.indices(geometry.shape), 0, -1)
    world = places @ geometry.affine[:3, :3].T + geometry.affine[:3, 3]
    box = Region((1, 0, 2), (4, 5, 6))
    for axis in range(3):
        view = View(geometry, box, axis, 3)
        across, down = sorted({0, 1, 2} - {geometry.world_axes[axis]})
        shown_across, shown_down = view.of(world[..., across]), view.of(world[..., down])
        assert (np.diff(shown_across, axis=1) < 0).all()  # R to L, or A to P
        assert (np.diff(shown_down, axis=0) < 0).all()  # A to P, or S to I
        assert view.letters(view.across)[0] == "RAS"[across]
        assert view.letters(view.down)[0] == "RAS"[down]


@pytest.mark.parametrize(("order", "signs"), SIGNED_PERMUTATIONS[::5])
def test_lines_lie_on_the_slices_they_stand_for(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    geometry = oriented(order, signs)
    box = Region((1, 0, 2), (4, 5, 6))
    view = View(geometry, box, 0, 2)
    for axis in (1, 2):
        marked = np.zeros(geometry.shape)
        marked[on_slice(axis, 3)] = 1
        shown = np.asarray(view.of(marked).max(axis=0 if axis == view.across else 1))
        pixel = view.position(axis, 3) / geometry.spacing[axis]
        assert shown[int(pixel)]
        assert pixel % 1 == pytest.approx(0.5)


def test_the_view_is_stretched_only_if_it_would_be_a_thread() -> None:
    box = Region((0, 0, 0), (100, 100, 2))
    geometry = Geometry.from_spacing((100, 100, 2))
    assert View(geometry, box, 2, 0).stretch == (1.0, 1.0)
    assert View(geometry, box, 0, 0).stretch == (1.0, 20.0)


def test_the_cut_is_predicted_where_possible() -> None:
    labels = np.zeros((20, 24, 16), np.uint8)
    labels[1:19, 6:18, 7:10] = 1
    image = labels * np.float32(10) + np.indices(labels.shape)[0] % 7
    segmentation = segment(
        image, labels, annotated=[(2, 7), (2, 8), (2, 9)], engine="interpolation"
    )
    box = field_of_view(segmentation.labels.array != 0, segmentation.labels.geometry)
    assert segmentation.provenance[best_cut(segmentation, box, 2)] == "engine"


def test_the_margin_is_smaller_where_the_structures_are_thin() -> None:
    found = np.zeros((40, 40, 40), bool)
    found[10:30, 10:14, 20:22] = True
    box = field_of_view(found, Geometry.from_spacing(found.shape, (1.0, 1.0, 2.0)))
    assert box.start == (3, 6, 18)  # 7, 4 and 4 mm
    assert box.stop == (37, 18, 24)
