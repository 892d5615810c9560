import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior, softmax
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid

SPACING = (1.0, 1.0, 4.0)


def square(labels: npt.NDArray[np.uint8], index: int, half: int, value: int = 1) -> None:
    labels[15 - half : 16 + half, 15 - half : 16 + half, index] = value


def prior_of(
    labels: npt.NDArray[np.uint8], slices: tuple[tuple[int, int], ...]
) -> tuple[ShapePrior, int]:
    annotation = Annotation(labels, slices)
    region = Region((0, 0, 0), labels.shape)
    grid = WorkingGrid(region, region.shape, SPACING)
    shapes = slice_shapes(annotation, region, SPACING)
    return ShapePrior.on_grid(shapes, grid, 2, EndCapSettings()), labels.shape[2]


def widths(labels: npt.NDArray[np.uint8], slices: tuple[tuple[int, int], ...]) -> list[int]:
    """Width of structure 1 along the middle row of each slice, by the outlines alone."""
    prior, depth = prior_of(labels, slices)
    answers = [prior.log_odds(at) for at in range(depth)]
    return [int((odds.argmax(axis=0)[15] == 1).sum()) for odds in answers]


def test_outlines_are_interpolated_halfway() -> None:
    labels = np.zeros((31, 31, 5), dtype=np.uint8)
    square(labels, 0, half=4)
    square(labels, 4, half=8)
    # Signed distances change linearly, so half widths are 4, 5, 6, 7, 8.
    assert widths(labels, ((2, 0), (2, 4))) == [9, 11, 13, 15, 17]


def test_outlines_move_with_their_middle() -> None:
    """A bar 5 wide that moves 16 rows in 4 slices: without moving nothing would be between."""
    labels = np.zeros((31, 31, 5), dtype=np.uint8)
    labels[5:10, 13:18, 0] = 1
    labels[21:26, 13:18, 4] = 1
    prior, _ = prior_of(labels, ((2, 0), (2, 4)))
    for at in range(5):
        found = prior.log_odds(at).argmax(axis=0) == 1
        assert np.flatnonzero(found.any(axis=1)).tolist() == list(range(5 + 4 * at, 10 + 4 * at))
        assert np.flatnonzero(found.any(axis=0)).tolist() == list(range(13, 18))


def test_outlines_move_by_mm_on_a_coarser_grid_and_across_any_axis() -> None:
    labels = np.zeros((5, 32, 40), dtype=np.uint8)
    labels[0, 4:12, 4:12] = 1
    labels[4, 20:28, 28:36] = 1
    annotation = Annotation(labels, ((0, 0), (0, 4)))
    region = Region((0, 0, 0), labels.shape)
    spacing = (4.0, 1.0, 0.5)
    grid = WorkingGrid(region, (5, 16, 40), spacing)  # every other row, all columns
    shapes = slice_shapes(annotation, region, spacing)
    found = ShapePrior.on_grid(shapes, grid, 0, EndCapSettings()).log_odds(2).argmax(axis=0) == 1
    assert np.flatnonzero(found.any(axis=1)).tolist() == [6, 7, 8, 9]  # rows 12 to 19
    assert np.flatnonzero(found.any(axis=0)).tolist() == list(range(16, 24))


def test_a_single_slice_tapers_in_mm_and_ends() -> None:
    labels = np.zeros((31, 31, 21), dtype=np.uint8)
    square(labels, 10, half=8)
    found = widths(labels, ((2, 10),))
    # Area 17 x 17 mm², so the circle's radius is 9.59 mm and the cap 14.4 mm: it ends between
    # three slices (12 mm) and four (16 mm) away.
    assert found[10] == 17
    assert found[13] > 0
    assert found[14] == 0
    assert found[7] > 0
    assert found[6] == 0
    assert found[10:14] == sorted(found[10:14], reverse=True)


def test_beyond_the_last_slice_the_cap_is_a_fraction_of_the_gap() -> None:
    labels = np.zeros((31, 31, 30), dtype=np.uint8)
    for index in (10, 14, 18):
        square(labels, index, half=8)
    found = widths(labels, ((2, 10), (2, 14), (2, 18)))
    assert found[21] == 0  # 0.75 x 16 mm is 12 mm, three slices
    assert found[20] > 0
    assert found[7] == 0
    assert found[8] > 0


def test_towards_an_empty_slice_it_ends_there() -> None:
    labels = np.zeros((31, 31, 12), dtype=np.uint8)
    square(labels, 2, half=8)
    found = widths(labels, ((2, 2), (2, 8)))
    assert found[2] == 17
    assert found[7] > 0
    assert found[8:] == [0, 0, 0, 0]


def test_labels_share_the_space_between_them() -> None:
    labels = np.zeros((31, 31, 5), dtype=np.uint8)
    labels[5:15, 5:25, 0] = labels[5:15, 5:25, 4] = 1
    labels[15:25, 5:25, 0] = labels[15:25, 5:25, 4] = 2
    prior, _ = prior_of(labels, ((2, 0), (2, 4)))
    np.testing.assert_array_equal(prior.log_odds(2).argmax(axis=0), labels[:, :, 0])


def test_log_odds_are_surer_near_an_annotated_slice() -> None:
    labels = np.zeros((31, 31, 9), dtype=np.uint8)
    square(labels, 0, half=8)
    square(labels, 8, half=8)
    prior, _ = prior_of(labels, ((2, 0), (2, 8)))
    inside = [float(softmax(prior.log_odds(at))[1, 15, 15]) for at in (0, 2, 4)]
    assert inside == sorted(inside, reverse=True)
    assert inside[2] > 0.5


def test_a_crossing_plane_corrects_the_taper() -> None:
    labels = np.zeros((31, 31, 21), dtype=np.uint8)
    square(labels, 10, half=8)
    alone = widths(labels, ((2, 10),))
    # Seen from the side, the structure is far longer than the taper of one slice.
    labels[7:24, 15, 2:19] = 1
    together = widths(labels, ((1, 15), (2, 10)))
    assert alone[17] == 0
    assert together[17] >= 15


def test_radii_are_those_of_the_inscribed_circle() -> None:
    labels = np.zeros((31, 31, 3), dtype=np.uint8)
    square(labels, 1, half=5)
    (shape,) = slice_shapes(Annotation(labels, ((2, 1),)), Region((0, 0, 0), labels.shape), SPACING)
    assert shape.radii == pytest.approx([6.0])  # from the centre to the first voxel outside
    assert shape.area == pytest.approx([121.0])


def test_doubt_is_whole_beyond_the_only_slice() -> None:
    labels = np.zeros((31, 31, 9), dtype=np.uint8)
    square(labels, 4, half=8)
    prior, _ = prior_of(labels, ((2, 4),))
    assert prior.doubt()[0, 0, 0, [0, 3, 4, 5, 8]].tolist() == [1, 1, 0, 1, 1]


def test_there_is_no_doubt_where_slices_were_spread_over_a_structure() -> None:
    labels = np.zeros((31, 31, 30), dtype=np.uint8)
    for index in (10, 14, 18):
        square(labels, index, half=8)
    prior, _ = prior_of(labels, ((2, 10), (2, 14), (2, 18)))
    assert prior.doubt()[0, 0, 0, [0, 12, 29]].tolist() == [0, 0, 0]


def test_doubt_falls_where_the_last_outline_is_small() -> None:
    """3 mm for every mm where it is as wide as any, at most 2; half as wide it is 3 / 32."""
    labels = np.zeros((31, 31, 20), dtype=np.uint8)
    square(labels, 8, half=8)
    labels[11:20, 11:19, 10] = 1  # 72 of 289 mm²
    prior, _ = prior_of(labels, ((2, 8), (2, 10)))
    doubt = prior.doubt()[0, 0, 0]
    assert doubt[0] == 1
    assert doubt[9] == 0
    assert doubt[15] == pytest.approx(3 / 2 * (72 / 289) ** 2.5)


def test_doubt_of_several_planes_is_averaged_and_less_where_they_foretell_one_another() -> None:
    labels = np.zeros((31, 31, 21), dtype=np.uint8)
    square(labels, 10, half=8)
    labels[7:24, 15, 2:19] = 1
    prior, _ = prior_of(labels, ((1, 15), (2, 10)))
    foretold = {plane: float(prior.weights.agreement[plane][0]) for plane in (1, 2)}
    assert 0.5 < min(foretold.values()) < 1
    doubt = prior.doubt()[0]
    assert doubt.shape == (1, 31, 21)
    # 5 mm from the slice of axis 1, 16 mm from that of axis 2; both count from a step (1 and 4 mm)
    # on. Across axis 2 the structure runs on for 68 mm, four times as far as across axis 1, of
    # which a factor of 3 makes no difference.
    far = {1: 1 / (5 + 1) ** 2, 2: (4 / 3 / (16 + 4)) ** 2}
    expected = sum(far[plane] * (1 - foretold[plane]) for plane in far) / sum(far.values())
    assert doubt[0, 20, 14] == pytest.approx(expected, rel=1e-5)
    # On a drawn slice its own plane has no doubt.
    far[1] = 1.0
    assert doubt[0, 15, 14] == pytest.approx(
        far[2] * (1 - foretold[2]) / sum(far.values()), rel=1e-5
    )


def test_of_several_planes_each_foretells_the_others_from_its_own_slices() -> None:
    """The slice across axis 2 is a square of 17 pixels, with a cap of 14 mm, on 4 mm a slice."""
    labels = np.zeros((31, 31, 21), dtype=np.uint8)
    square(labels, 10, half=8)
    labels[7:24, 15, 10] = 1
    labels[15, 15, 9:12] = 1
    prior, _ = prior_of(labels, ((1, 15), (2, 10)))
    # Of the little that the other plane shows it makes much more.
    assert prior.weights.agreement[2][0] < 0.4
