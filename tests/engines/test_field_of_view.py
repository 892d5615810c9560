import numpy as np

from fewslice.annotation.annotation import Annotation
from fewslice.engines.field_of_view import drawn_region, field_of_view
from fewslice.volumes.region import Region

SPACING = (1.0, 1.0, 2.0)


def test_the_box_has_a_margin_in_the_slices_and_across_them() -> None:
    labels = np.zeros((60, 60, 40), dtype=np.uint8)
    labels[20:30, 20:40, 10] = labels[20:30, 20:40, 14] = 1
    box = field_of_view(Annotation(labels, ((2, 10), (2, 14))), SPACING, inplane=0.5, reach=1.0)
    # In the slices half of 10 and of 20 voxels, and three more; across, 1.5 radii of
    # sqrt(10 x 20) / 2 mm are 10.6 mm, more than the gap of 8 mm: six slices, and one more.
    assert box == Region((12, 7, 3), (38, 53, 22))


def test_a_slice_looked_at_in_part_needs_all_that_was_looked_at() -> None:
    labels = np.full((60, 60, 40), 255, dtype=np.uint8)
    labels[28:32, 28:32, 10] = 1
    labels[20, 20:40, 10] = 0  # background, scribbled
    labels[45, 20:40, 10] = 0
    box = field_of_view(Annotation(labels, ((2, 10),)), SPACING, inplane=0.0, reach=1.0)
    assert box.start[0] <= 20
    assert box.stop[0] > 45
    assert box.start[1] <= 20
    assert box.stop[1] >= 40


def test_it_stays_within_the_volume() -> None:
    labels = np.zeros((6, 7, 3), dtype=np.uint8)
    labels[:, :, 1] = 1
    box = field_of_view(Annotation(labels, ((2, 1),)), SPACING, inplane=2.0, reach=5.0)
    assert box == Region((0, 0, 0), (6, 7, 3))


def test_what_is_drawn_on_slices_of_any_axis_is_in_one_box() -> None:
    labels = np.zeros((9, 8, 7), dtype=np.uint8)
    labels[2:4, 1, 3] = 5
    labels[6, 4:6, 2] = 255
    labels[6, 6, 5] = 1
    annotation = Annotation(labels, ((0, 6), (2, 0), (2, 3)))
    assert drawn_region(annotation) == Region((2, 1, 3), (7, 7, 6))


def test_three_planes_show_where_a_structure_ends() -> None:
    labels = np.zeros((100, 100, 100), dtype=np.uint8)
    labels[48:52, 20:60, 40] = labels[48:52, 40, 20:60] = labels[50, 20:60, 20:60] = 1
    drawn = ((0, 50), (1, 40), (2, 40))
    box = field_of_view(Annotation(labels, drawn), (1.0, 1.0, 1.0), inplane=0.35, reach=1.0)
    # Across the first axis 1.5 radii of 20 mm are expected, and .7 of 4 voxels are enough.
    assert (box.start[0], box.stop[0]) == (48 - 4, 52 + 4)
    assert (box.start[1], box.stop[1]) == (20 - 15, 60 + 15)  # 1.5 radii of sqrt(4 x 40) / 2
    two = field_of_view(Annotation(labels, drawn[:2]), (1.0, 1.0, 1.0), inplane=0.35, reach=1.0)
    assert (two.start[0], two.stop[0]) == (48 - 31, 52 + 31)


def test_a_layer_is_looked_for_through_the_whole_scan() -> None:
    labels = np.zeros((40, 60, 30), dtype=np.uint8)
    labels[18:21, :, 25] = 1  # three rows of forty, over all columns
    box = field_of_view(Annotation(labels, ((2, 25),)), SPACING, inplane=0.35, reach=1.0)
    assert (box.start[2], box.stop[2]) == (0, 30)
    labels[18:21, 0, 25] = 0  # it ends before the border
    box = field_of_view(Annotation(labels, ((2, 25),)), SPACING, inplane=0.35, reach=1.0)
    # 1.5 radii of sqrt(3 x 59) / 2 mm are 10 mm: five slices, and one more.
    assert (box.start[2], box.stop[2]) == (25 - 6, 30)
