import numpy as np
import pytest

from fewslice.active_learning.candidates import (
    Candidates,
    Place,
    descriptor,
    informative_points,
    scan_facts,
    slice_facts,
    stack,
)
from fewslice.errors import InputError

LOG2 = float(np.log(2))


def two_samples() -> np.ndarray:
    """One slice of 2 x 2 voxels, two samples that contradict each other at voxel (0, 1)."""
    structure = np.array([[[0.0, 1.0], [0.5, 0.0]], [[0.0, 0.0], [0.5, 0.0]]])
    return np.stack([1 - structure, structure], axis=1)


def test_row_of_a_slice_holds_sums_worked_by_hand() -> None:
    row = slice_facts(two_samples(), Place(3, 2, 7, 14.0, seconds=20, pixel_area=0.5))
    assert row.place.tolist() == [[3, 2, 7]]
    assert row.position.tolist() == [14.0]
    assert row.voxels.tolist() == [4]
    assert row.pixel_area.tolist() == [0.5]
    assert row.foreground[0] == pytest.approx(1.0)
    assert row.present[0] == pytest.approx(0.5)  # 0.5 : 0.5 goes to background
    assert row.entropy[0] == pytest.approx(2 * LOG2)
    assert row.mutual_information[0] == pytest.approx(LOG2)
    assert row.margin[0] == pytest.approx(2.0)
    assert row.variance[0] == pytest.approx(0.25)
    assert row.class_entropy[0] == pytest.approx([LOG2, LOG2])
    assert row.seconds.tolist() == [20]
    assert not row.annotated[0]
    assert row.points.shape == (1, 2, 2, 4)
    assert row.points[0, :, 1].tolist() == [[0, 1, 0.5, 0], [0, 0, 0.5, 0]]


def test_certain_slice_scores_nothing() -> None:
    certain = np.zeros((3, 2, 5, 4), dtype=np.float16)
    certain[:, 0] = 1
    row = slice_facts(certain, Place(0, 0, 0, 0.0))
    for name in ("foreground", "present", "entropy", "margin", "variance", "mutual_information"):
        assert getattr(row, name).tolist() == [0], name


def test_scores_do_not_depend_on_certain_voxels_being_left_out() -> None:
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(3), (4, 6, 5)).transpose(0, 3, 1, 2)
    whole = slice_facts(probability, Place(0, 0, 0, 0.0))
    framed = np.zeros((4, 3, 10, 9))
    framed[:, 0] = 1
    framed[:, :, 2:8, 2:7] = probability
    part = slice_facts(framed, Place(0, 0, 0, 0.0))
    for name in ("foreground", "present", "entropy", "margin", "variance", "mutual_information"):
        assert getattr(whole, name) == pytest.approx(getattr(part, name), rel=1e-5), name
    assert whole.class_entropy.sum(axis=1) == pytest.approx(whole.entropy, rel=1e-5)


def test_points_lie_where_samples_disagree_most_one_a_cell() -> None:
    probability = np.zeros((2, 2, 3, 16, 32))
    probability[:, 0] = 1
    probability[0, :, 1, 5, 21] = (0, 1)
    points = informative_points(probability)
    assert len(points) == 64
    assert [5, 21] in points.tolist()
    cells = {(row // 2, column // 4) for row, column in points.tolist()}
    assert len(cells) == 64


def test_small_slices_have_fewer_points() -> None:
    assert len(informative_points(np.ones((1, 1, 1, 3, 20)))) == 24


def test_descriptor_is_the_means_of_cells() -> None:
    image = np.arange(16.0).reshape(4, 4)
    probability = np.zeros((1, 2, 4, 4))
    probability[:, 0] = 1
    probability[0, :, :2, :2] = np.array([0, 1])[:, None, None]
    expected = [2.5, 4.5, 10.5, 12.5, 1, 0, 0, 0]
    assert descriptor(image, probability, cells=2) == pytest.approx(np.array(expected) / 2)


def test_descriptor_of_a_slice_smaller_than_its_grid() -> None:
    found = descriptor(np.array([[1.0, 2.0, 3.0]]), np.ones((1, 1, 1, 3)), cells=4)
    assert found.shape == (32,)
    assert np.isfinite(found).all()


def test_stack_keeps_order_and_takes_stacks() -> None:
    rows = [slice_facts(two_samples(), Place(0, 2, index, index * 1.5)) for index in range(3)]
    both = stack([stack(rows[:2]), rows[2]])
    assert len(both) == 3
    assert both.position.tolist() == [0, 1.5, 3]
    assert both.open.tolist() == [0, 1, 2]
    assert both.take([2, 0]).position.tolist() == [3, 0]


def test_stack_widens_missing_classes_and_points() -> None:
    small = slice_facts(two_samples(), Place(0, 2, 0, 0.0))
    large = slice_facts(np.full((2, 3, 4, 4), 1 / 3), Place(1, 2, 0, 0.0))
    both = stack([small, large])
    assert both.class_entropy.shape == (2, 3)
    assert both.class_entropy[0, 2] == 0
    assert both.points.shape == (2, 2, 3, 16)
    np.testing.assert_allclose(both.points.astype(float).sum(axis=2), 1, atol=1e-2)
    assert (both.points[0, :, 0, 4:] == 1).all()


def test_empty_pool_is_named() -> None:
    with pytest.raises(InputError, match="pool is empty"):
        stack([])


def test_different_numbers_of_features_are_named() -> None:
    one = slice_facts(two_samples(), Place(0, 2, 0, 0.0), features=(1.0,))
    other = slice_facts(two_samples(), Place(1, 2, 0, 0.0), features=(1.0, 2.0))
    with pytest.raises(InputError, match="different numbers of features"):
        stack([one, other])


def test_fewer_samples_are_repeated_in_turn() -> None:
    source = np.random.default_rng(0)
    many, few = source.dirichlet(np.ones(2), (5, 4, 4)), source.dirichlet(np.ones(2), (2, 4, 4))
    both = stack(
        slice_facts(np.moveaxis(samples, 3, 1), Place(scan, 2, 0, 0.0))
        for scan, samples in enumerate((many, few))
    )
    assert both.points.shape[1] == 5
    for sample in range(5):
        np.testing.assert_array_equal(both.points[1, sample], both.points[1, sample % 2])


def test_rows_of_a_scan_share_their_points() -> None:
    source = np.random.default_rng(0)
    volume = np.moveaxis(source.dirichlet(np.ones(2), (3, 4, 20, 20)), 4, 1)
    places = [Place(0, 1, index, 2.0 * index) for index in range(4)]
    rows = scan_facts(volume, places, [(float(index),) for index in range(4)])
    assert rows.place[:, 2].tolist() == [0, 1, 2, 3]
    assert rows.features.tolist() == [[0], [1], [2], [3]]
    points = informative_points(volume)
    expected = volume[:, :, 2, points[:, 0], points[:, 1]].astype(np.float16)
    np.testing.assert_array_equal(rows.points[2], expected)
    assert scan_facts(volume, places).features.shape == (4, 0)


def test_row_is_small() -> None:
    probability = np.full((8, 4, 64, 64), 0.25, dtype=np.float16)
    row: Candidates = slice_facts(probability, Place(0, 2, 0, 0.0), features=np.zeros(128))
    size = sum(getattr(row, name).nbytes for name in row.__dataclass_fields__)
    assert size < 8192
