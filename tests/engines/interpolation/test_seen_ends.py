"""Ends of a structure of which a slice or a few close ones are drawn, as images show them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.field_of_view import field_of_view
from fewslice.engines.interpolation.seen_ends import (
    DEFAULT,
    FEATURES,
    DrawnStructure,
    chance,
    seen_ends,
)
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.image import UNKNOWN
from fewslice.volumes.memo import Memo
from tests.support.rods import DRAWN, SPACING, drawn, rod, scan_of, seen


def ends_of(
    image: npt.NDArray[np.float32], annotation: Annotation, step: float = SPACING[2]
) -> dict[tuple[int, bool], float]:
    spacing = (*SPACING[:2], step)
    region = field_of_view(annotation, spacing, 0.35, 1.0)
    return dict(seen_ends(scan_of(image, spacing), annotation, region))


def test_a_rod_is_followed_to_where_it_ends() -> None:
    mask = rod(18, 23)
    found = ends_of(seen(mask), drawn(mask, DRAWN))
    # Slices 18, 19 and 21 to 23 hold it: two and three of 6 mm each, and half a slice.
    assert found == {(0, False): 15.0, (0, True): 21.0}


def test_a_mirrored_scan_has_mirrored_ends() -> None:
    mask = rod(18, 23)
    image = seen(mask)
    straight = ends_of(image, drawn(mask, DRAWN))
    turned = ends_of(image[..., ::-1].copy(), drawn(mask[..., ::-1].copy(), 59 - DRAWN))
    assert turned == {(0, True): straight[0, False], (0, False): straight[0, True]}


def test_axes_in_another_order_change_nothing() -> None:
    mask = rod(18, 23)
    annotation = drawn(mask, DRAWN)
    turned = Annotation(annotation.labels.transpose(2, 0, 1).copy(), ((0, DRAWN),))
    scan = Scan.from_spacing(seen(mask).transpose(2, 0, 1)[None].copy(), (6.0, 1.0, 1.0))
    region = field_of_view(turned, scan.spacing, 0.35, 1.0)
    assert dict(seen_ends(scan, turned, region)) == ends_of(seen(mask), annotation)


def test_what_is_not_to_be_seen_is_not_followed_as_far() -> None:
    mask = rod(0, 59)
    visible = ends_of(seen(mask), drawn(mask, DRAWN))
    hidden = ends_of(seen(np.zeros_like(mask)), drawn(mask, DRAWN))
    assert all(visible[side] > 1.5 * hidden[side] for side in visible)


def test_contrast_and_its_sign_do_not_matter() -> None:
    mask = rod(18, 23)
    image = seen(mask)
    bright = ends_of(image, drawn(mask, DRAWN))
    assert ends_of(1000 - 50 * image, drawn(mask, DRAWN)) == pytest.approx(bright)


def test_it_ends_with_the_scan() -> None:
    mask = rod(0, 22, slices=23)
    found = ends_of(seen(mask), drawn(mask, DRAWN))
    assert found[0, True] == (22 - DRAWN + 0.5) * SPACING[2]


def test_ends_are_told_from_the_outermost_of_several_slices() -> None:
    mask = rod(16, 24)
    alone = ends_of(seen(mask), drawn(mask, DRAWN))
    assert alone == {(0, False): 27.0, (0, True): 27.0}
    both = ends_of(seen(mask), drawn(mask, DRAWN, DRAWN + 1))
    assert both == {(0, False): 27.0, (0, True): 21.0}


def test_a_slice_that_shows_another_structure_only_is_an_end_that_was_seen() -> None:
    mask = rod(18, 23)
    labels = drawn(mask, DRAWN).labels.copy()
    labels[30:34, 30:34, 25] = 2
    found = ends_of(seen(mask), Annotation(labels, ((2, DRAWN), (2, 25))))
    assert set(found) == {(0, False), (1, True)}


def test_evenly_spread_slices_tell_ends_themselves() -> None:
    mask = rod(14, 26)
    assert not ends_of(seen(mask), drawn(mask, 17, DRAWN, 23))
    assert not ends_of(seen(mask), drawn(mask, 18, DRAWN, 22))  # slices as thick as the rod
    assert set(ends_of(seen(mask), drawn(mask, 15, DRAWN, 23))) == {(0, False), (0, True)}


def test_slices_drawn_one_after_the_other_do_not_tell_ends() -> None:
    mask = rod(14, 26)
    for count in (2, 3, 4):
        annotation = drawn(mask, *range(DRAWN, DRAWN + count))
        assert set(ends_of(seen(mask), annotation, step=2.0)) == {(0, False), (0, True)}


def test_neighbours_as_far_apart_as_the_rod_is_wide_may_be_all_that_there_are() -> None:
    mask = rod(DRAWN, DRAWN + 3)
    for count in (3, 4):
        assert not ends_of(seen(mask), drawn(mask, *range(DRAWN, DRAWN + count)))


def test_a_slice_that_shows_nothing_is_an_end_that_was_seen() -> None:
    mask = rod(18, 23)
    found = ends_of(seen(mask), drawn(mask, 5, DRAWN))
    assert set(found) == {(0, True)}


def test_slices_of_another_plane_show_ends_better() -> None:
    mask = rod(18, 23)
    labels = drawn(mask, DRAWN).labels.copy()
    labels[20] |= mask[20]
    assert not ends_of(seen(mask), Annotation(labels, ((0, 20), (2, DRAWN))))


def test_a_slice_known_in_part_outlines_nothing() -> None:
    mask = rod(18, 23)
    labels = drawn(mask, DRAWN).labels.copy()
    labels[30:, :, DRAWN] = UNKNOWN
    assert not ends_of(seen(mask), Annotation(labels, ((2, DRAWN),)))


def test_pieces_are_left_to_themselves() -> None:
    mask = rod(18, 23)
    mask |= np.roll(mask, (12, 12), axis=(0, 1))
    assert not ends_of(seen(mask), drawn(mask, DRAWN))


def test_each_structure_has_ends_of_its_own() -> None:
    long, short = rod(18, 23), np.roll(rod(19, 21), (12, 12), axis=(0, 1))
    labels = drawn(long, DRAWN).labels.copy()
    labels[short & (np.arange(60) == DRAWN)] = 2
    image = seen(long) + 2 * short.astype(np.float32)
    found = ends_of(image, Annotation(labels, ((2, DRAWN),)))
    assert (found[0, True], found[1, True]) == (21.0, 9.0)


def test_a_few_pixels_tell_nothing() -> None:
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[10, 10] = True
    annotation = drawn(mask, 10)
    region = field_of_view(annotation, SPACING, 0.35, 1.0)
    (shape,) = slice_shapes(annotation, region, SPACING)
    assert DrawnStructure.of(scan_of(seen(mask)), region, shape, 0) is None


def test_what_is_seen_on_the_first_slice_aside() -> None:
    """Where nothing changes from slice to slice every feature can be worked out by hand."""
    mask = rod(0, 59)
    image = np.asarray(mask, dtype=np.float32)
    annotation = drawn(mask, DRAWN)
    region = field_of_view(annotation, SPACING, 0.35, 1.0)
    (shape,) = slice_shapes(annotation, region, SPACING)
    found = DrawnStructure.of(scan_of(image), region, shape, 0)
    assert found is not None
    row = dict(zip(FEATURES, next(found.outlook(6.0, above=True)), strict=True))
    radius = math.sqrt(np.count_nonzero(mask[..., DRAWN]) / math.pi)
    assert row["distance"] == pytest.approx(6 / radius)
    assert row["log distance"] == row["log step"] == pytest.approx(math.log(6 / radius))
    assert row["drift"] == pytest.approx(0, abs=0.02)
    assert row["log area"] == pytest.approx(0, abs=0.05)
    assert row["told apart"] == pytest.approx(1, abs=0.02)
    assert row["told apart less"] == pytest.approx(0, abs=0.02)
    assert row["contrast"] > 1.5


def test_chances_fall_with_distance_and_with_drift() -> None:
    near = np.array([math.log(0.5), 0.5, math.log(0.2), 0.1, 0.0, 1.0, 0.9, 0.0])
    far, drifted = near.copy(), near.copy()
    far[:2] = math.log(4), 4
    drifted[3] = 4
    assert chance(near) > DEFAULT.sure > max(chance(far), chance(drifted))


def test_a_slice_that_is_almost_blank_tells_nothing() -> None:
    """Its neighbours are off by millions of its standard deviations, which may not overflow."""
    mask = rod(0, 59)
    image = 1e5 * seen(mask)
    image[..., DRAWN] = 0.1
    image[:20, :, DRAWN] += 1e-6
    assert ends_of(image, drawn(mask, DRAWN)) == {(0, False): 3.0, (0, True): 3.0}


def test_no_end_is_looked_for_farther_than_asked() -> None:
    mask = rod(0, 59)
    annotation = drawn(mask, DRAWN)
    region = field_of_view(annotation, SPACING, 0.35, 1.0)
    (shape,) = slice_shapes(annotation, region, SPACING)
    found = DrawnStructure.of(scan_of(seen(mask)), region, shape, 0)
    assert found is not None
    assert len(list(found.outlook(5.2, above=True))) == 5  # of 5.9 mm, slices of 6 mm


def test_what_was_found_is_kept_for_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from fewslice.engines.interpolation import demons

    mask = rod(18, 23)
    image = seen(mask)[None]
    scan = Scan(image, scan_of(image[0]).geometry, memo=Memo(image))
    annotation = drawn(mask, DRAWN)
    region = field_of_view(annotation, SPACING, 0.35, 1.0)
    first = seen_ends(scan, annotation, region)
    monkeypatch.setattr(demons, "displacements", None)  # nobody asks it again
    assert seen_ends(scan, annotation, region) == first
