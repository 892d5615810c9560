"""Scan and label map on one grid: the label map's, voxel-exact, with a remark, or refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import GeometryError, codes_of
from fewslice.volumes import Geometry, Image, LabelMap, StoredGeometry
from fewslice.volumes.orientation import Turn
from fewslice.volumes.pairing import paired
from fewslice.volumes.pairing_remarks import Names
from fewslice.volumes.respacing import own_geometry, respaced
from tests.support.volume_samples import AFFINES

SHAPE = (5, 6, 7)
VOXELS = np.arange(5 * 6 * 7, dtype=np.int16).reshape(SHAPE)
TURNS = [
    Turn((i, j, k), (a, b, c))
    for i, j, k in permutations((0, 1, 2))
    for a, b, c in product((False, True), repeat=3)
]
Affine = npt.NDArray[np.float64]


def scan(affine: Affine, stored: StoredGeometry | None = None) -> Image:
    return Image(VOXELS, Geometry(SHAPE, affine), stored)


def drawn(affine: Affine) -> LabelMap:
    """Return labels on the voxels of the scan that are multiples of 5: a pattern without symmetry.

    Each label is 1 plus the value of its voxel modulo 250.
    """
    labels = np.where(VOXELS % 5 == 0, VOXELS % 250 + 1, 0).astype(np.uint8)
    return LabelMap(labels, Geometry(SHAPE, affine))


def turned(labels: LabelMap, turn: Turn) -> LabelMap:
    return LabelMap(turn.array(labels.array), turn.geometry(labels.geometry))


def require_matching(image: Image, labels: LabelMap) -> None:
    """Check that every label still lies on the voxel that it was drawn on."""
    expected = np.where(image.array % 5 == 0, image.array % 250 + 1, 0)
    assert np.array_equal(labels.array, expected)
    assert image.geometry.same_grid(labels.geometry)


def pair(image: Image, labels: LabelMap) -> tuple[Image, LabelMap]:
    return paired(image, labels, None, Names())


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_all_48_orders_are_understood_and_keep_the_label_maps_grid(affine: Affine) -> None:
    for turn in TURNS:
        labels = turned(drawn(affine), turn)
        image, found = pair(scan(affine), labels)
        require_matching(image, found)
        assert np.array_equal(found.array, labels.array)
        assert np.array_equal(found.geometry.affine, labels.geometry.affine)
        assert codes_of(found.remarks) == (set() if turn == TURNS[0] else {"labels-reordered"})


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES.keys())
def test_parts_in_another_order_are_understood(affine: Affine) -> None:
    whole = drawn(affine)
    inside = (slice(1, 4), slice(0, 6), slice(2, 7))
    part = LabelMap(whole.array[inside], whole.geometry.cropped((1, 0, 2), (4, 6, 7)))
    for turn in TURNS:
        image, found = pair(scan(affine), turned(part, turn))
        require_matching(image, found)
        assert sorted(found.geometry.shape) == [3, 5, 6]
        assert "labels-extent" in codes_of(found.remarks)


def test_beyond_the_scan_it_is_as_dark_as_it_gets() -> None:
    whole = drawn(AFFINES["oblique"])
    padded = np.pad(whole.array, ((2, 1), (0, 0), (0, 3)))
    labels = LabelMap(padded, whole.geometry.cropped((-2, 0, 0), (6, 6, 10)))
    image, found = pair(scan(AFFINES["oblique"]), labels)
    assert np.array_equal(image.array[2:7, :, :7], VOXELS)
    assert image.array.sum() == VOXELS.sum()  # the lowest value is 0
    assert codes_of(found.remarks) == {"labels-extent"}


def test_what_is_drawn_beyond_the_scan_belongs_to_another_one() -> None:
    whole = drawn(np.eye(4))
    array = np.pad(whole.array, ((0, 1), (0, 0), (0, 0)))
    array[5, 0, 0] = 1
    labels = LabelMap(array, Geometry((6, 6, 7), np.eye(4)))
    with pytest.raises(GeometryError, match="1 drawn voxels beyond the image"):
        pair(scan(np.eye(4)), labels)
    array[5, 0, 0] = 255  # that is nothing drawn
    pair(scan(np.eye(4)), labels)


@pytest.mark.parametrize("voxels", [0.03, 0.4])
def test_rounded_headers_are_taken_voxel_by_voxel(voxels: float) -> None:
    affine = AFFINES["anisotropic"].copy()
    affine[0, 3] += voxels * 0.5
    image, found = pair(scan(AFFINES["anisotropic"]), drawn(affine))
    require_matching(image, found)
    assert np.array_equal(found.geometry.affine, affine)
    assert codes_of(found.remarks) == ({"labels-rounded"} if voxels > 0.1 else set())


def test_a_shift_by_whole_voxels_is_no_crop() -> None:
    with pytest.raises(GeometryError, match=r"copy the header of the image .* do not resample"):
        pair(scan(np.eye(4)), drawn(np.eye(4) + 2 * np.eye(4, k=3)))


@pytest.mark.parametrize("turn", [TURNS[0], TURNS[1], TURNS[13], TURNS[47]])
def test_channels_are_put_in_order_as_well(turn: Turn) -> None:
    both = Image(np.stack([VOXELS, -VOXELS]), Geometry(SHAPE, AFFINES["oblique"]))
    image, found = pair(both, turned(drawn(AFFINES["oblique"]), turn))
    require_matching(Image(image.array[0], image.geometry), found)
    assert np.array_equal(image.array[0], -image.array[1])


def sheared(step: tuple[float, float, float]) -> Affine:
    affine = AFFINES["flipped"].copy()
    affine[:3, 2] = step
    return affine


@pytest.mark.parametrize("turn", [TURNS[0], TURNS[1], TURNS[3], TURNS[20]])
@pytest.mark.parametrize("length", ["between planes", "between corners"])
@pytest.mark.parametrize("tilted", ["scan", "labels"])
def test_the_tilt_of_a_gantry_may_be_in_one_header_only(
    turn: Turn, length: str, tilted: str
) -> None:
    # Slices are 2 mm apart and each is shifted by 1.5 mm: their corners are 2.5 mm apart.
    tilt, straight = sheared((0, 1.5, 2)), sheared((0, 0, 2 if length == "between planes" else 2.5))
    mine, theirs = (tilt, straight) if tilted == "scan" else (straight, tilt)
    labels = turned(drawn(theirs), turn)
    image, found = pair(scan(mine), labels)
    require_matching(image, found)
    assert "gantry-tilt" in codes_of(found.remarks)
    assert np.array_equal(found.geometry.affine, labels.geometry.affine)


def test_a_tilt_is_no_excuse_for_another_distance() -> None:
    with pytest.raises(GeometryError):
        pair(scan(sheared((0, 1.5, 2))), drawn(sheared((0, 0, 3.5))))


MIRRORED = np.diag([-1.0, 1, 1, 1]) + 4 * np.eye(4, k=3) * np.array([[1], [0], [0], [0]])
ELSEWHERE = np.diag([1.0, 1, 1, 1]) + 90 * np.eye(4, k=3)


def with_readings(first: Affine, second: Affine) -> Image:
    forms = {"sform": Geometry(SHAPE, first), "qform": Geometry(SHAPE, second)}
    return scan(first, StoredGeometry("test", {}, readings={**forms, "itk": forms["qform"]}))


@pytest.mark.parametrize("turn", TURNS[::5])
def test_labels_may_fit_any_reading_of_the_scan(turn: Turn) -> None:
    image = with_readings(np.eye(4), ELSEWHERE)
    placed, found = pair(image, turned(drawn(ELSEWHERE), turn))
    require_matching(placed, found)
    assert "other-form" in codes_of(found.remarks)
    # What is written says all that the scan says: the labels as each of its readings has them.
    assert found.geometry.same_grid(turn.geometry(Geometry(SHAPE, np.eye(4))))
    assert found.stored is not None
    itk = found.stored.reading("itk", found.geometry)
    assert itk is not None
    assert itk.same_grid(turn.geometry(Geometry(SHAPE, ELSEWHERE)))


def test_readings_that_mirror_each_other_are_not_guessed_at() -> None:
    image = with_readings(MIRRORED, np.eye(4))
    with pytest.raises(GeometryError, match="fits the image in 2 ways"):
        pair(image, drawn(np.eye(4)))
    placed, found = pair(image, drawn(MIRRORED))  # as the header in use says: no doubt
    require_matching(placed, found)
    assert found.remarks == ()


def test_a_given_spacing_follows_its_axis() -> None:
    turn = Turn((2, 0, 1), (True, False, False))
    image = respaced(scan(np.eye(4)), (2, 3, 4))
    for spacing in ((2, 3, 4), None):
        placed, found = paired(image, turned(drawn(np.eye(4)), turn), spacing, Names())
        require_matching(placed, found)
        assert found.geometry.spacing == (4, 2, 3)
        assert own_geometry(found).spacing == (1, 1, 1)


def test_labels_made_on_a_scan_of_a_given_spacing_fit_it() -> None:
    image = respaced(scan(np.eye(4)), (1, 1, 9))
    labels = LabelMap(drawn(np.eye(4)).array, image.geometry)
    placed, found = pair(image, labels)
    require_matching(placed, found)
    assert found is labels
    assert placed is image


def test_a_given_spacing_may_be_all_that_both_have_in_common() -> None:
    labels = drawn(np.diag([1.0, 1, 3, 1]))
    placed, found = paired(scan(np.eye(4)), labels, (1, 1, 3), Names())
    require_matching(placed, found)
    assert placed.geometry.spacing == (1, 1, 3)


NOWHERE = StoredGeometry("test", {}, spacing_known=False, placed=False)


def test_a_label_map_without_a_place_is_taken_as_an_array_is() -> None:
    labels = LabelMap(drawn(np.eye(4)).array, Geometry(SHAPE, np.eye(4)), NOWHERE)
    image, found = pair(scan(AFFINES["oblique"]), labels)
    require_matching(image, found)
    assert np.array_equal(found.geometry.affine, AFFINES["oblique"])
    assert codes_of(found.remarks) == {"labels-by-shape"}


def test_a_scan_without_a_place_takes_that_of_its_labels() -> None:
    image, found = pair(scan(np.eye(4), NOWHERE), drawn(AFFINES["oblique"]))
    require_matching(image, found)
    assert np.array_equal(found.geometry.affine, AFFINES["oblique"])
    assert codes_of(found.remarks) == {"labels-by-shape"}


UPRIGHT = Geometry(SHAPE, np.eye(4))


@pytest.mark.parametrize("scan_placed", [True, False])
@pytest.mark.parametrize("labels_placed", [True, False])
@pytest.mark.parametrize(("first", "stop"), [(0, 4), (2, 6), (-1, 7)])
def test_a_crop_needs_both_places(
    scan_placed: bool, labels_placed: bool, first: int, stop: int
) -> None:
    # Both begin at 0, or so their headers say: a made-up place says nothing of the first slice.
    geometry = UPRIGHT.cropped((0, 0, first), (5, 6, stop))
    labels = LabelMap(np.zeros(geometry.shape, np.uint8), geometry)
    labels = labels if labels_placed else replace(labels, stored=NOWHERE)
    image = scan(np.eye(4), None if scan_placed else NOWHERE)
    if scan_placed and labels_placed:
        assert codes_of(pair(image, labels)[1].remarks) == {"labels-extent"}
        return
    depth = stop - first
    with pytest.raises(GeometryError) as caught:
        pair(image, labels)
    assert str(caught.value) == (
        f"The label map has 5x6x{depth} voxels, the image has 5x6x7, and not both say where they "
        "lie; expected the same shape then: give labels of all of the image, or files that say so."
    )


def test_headers_that_contradict_themselves_make_up_no_crop() -> None:
    readings = {"upright": UPRIGHT, "itk": Geometry(SHAPE, ELSEWHERE)}
    image = scan(np.eye(4), replace(NOWHERE, readings=readings))
    geometry = UPRIGHT.cropped((0, 0, 2), (5, 6, 6))
    labels = LabelMap(np.zeros(geometry.shape, np.uint8), geometry, replace(NOWHERE))
    with pytest.raises(GeometryError, match="not both say where they lie"):
        pair(image, labels)


def test_what_is_stored_as_far_as_it_is_drawn_lies_where_the_scan_is_shown() -> None:
    readings = {"upright": Geometry(SHAPE, ELSEWHERE), "itk": UPRIGHT}
    image = scan(ELSEWHERE, replace(NOWHERE, readings=readings))
    whole = drawn(np.eye(4)).array.copy()
    whole[..., :2], whole[..., 6:] = 0, 0
    part = LabelMap(
        whole[..., 2:6],
        UPRIGHT.cropped((0, 0, 2), (5, 6, 6)),
        StoredGeometry("itk", {}, whole=False),
    )
    placed, found = pair(image, part)
    assert np.array_equal(found.array, whole)
    assert np.array_equal(placed.array, VOXELS)


def test_axes_in_another_order_are_told_of() -> None:
    labels = LabelMap(np.ones((7, 6, 5), np.uint8), Geometry((7, 6, 5), np.eye(4)), NOWHERE)
    with pytest.raises(GeometryError, match="bring the axes of one into the order of the other"):
        pair(scan(np.eye(4), NOWHERE), labels)


def test_another_shape_or_spacing_is_no_array() -> None:
    other = LabelMap(np.ones((6, 5, 7), np.uint8), Geometry((6, 5, 7), np.eye(4)), NOWHERE)
    with pytest.raises(GeometryError):
        pair(scan(AFFINES["oblique"]), other)
    spaced = replace(NOWHERE, spacing_known=True)
    with pytest.raises(GeometryError):
        pair(scan(np.eye(4), spaced), drawn(np.diag([1.0, 1, 3, 1]) + np.eye(4, k=3) * 40))
