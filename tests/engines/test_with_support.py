from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Network, Scan, SupportScan
from fewslice.engines import with_support as beside
from fewslice.engines.atlas.engine import carried_over
from fewslice.engines.base import Prediction, Progress
from fewslice.engines.predictions import seen_in
from fewslice.engines.with_support import foretold, trusted, vote_shares, with_support
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes import Geometry, Image
from fewslice.volumes.image import remembering
from fewslice.volumes.region import Region
from tests.support.known_features import weights_file
from tests.support.phantoms import Phantom, dice, two_organs


def square(*slices: int) -> Annotation:
    labels = np.zeros((10, 10, 12), dtype=np.uint8)
    for index in slices:
        labels[2:8, 2:8, index] = 1
    return Annotation(labels, tuple((2, index) for index in slices))


def test_the_vote_counts_more_the_farther_a_slice_is() -> None:
    radius = np.sqrt(36 / np.pi)  # 36 voxels of 1 mm²
    shares = vote_shares(square(4), (1.0, 1.0, 2.0), 12)
    assert shares[4] == 0
    assert shares[6] == pytest.approx(4 / (4 + radius / 2))
    assert shares[0] == pytest.approx(8 / (8 + radius / 2))
    np.testing.assert_allclose(vote_shares(square(4), (1.0, 1.0, 2.0), 5, 3), shares[3:8])


def test_between_annotated_slices_the_vote_counts_half() -> None:
    radius = np.sqrt(36 / np.pi)
    shares = vote_shares(square(2, 8), (1.0, 1.0, 1.0), 12)
    assert shares[5] == pytest.approx(0.5 * 3 / (3 + radius / 2))
    assert shares[11] == pytest.approx(3 / (3 + radius / 2))
    assert (shares[[2, 8]] == 0).all()


def said(*rows: slice) -> Prediction:
    """A vote for one structure in these rows, 10 columns and 12 slices, over half of the slices."""
    probability = np.zeros((2, 10, 10, 6), dtype=np.float16)
    for place in rows:
        probability[1, place, 2:8] = 0.75
    probability[0] = 1 - probability[1]
    return Prediction(Region((0, 0, 0), (10, 10, 6)), (0, 1), probability)


def test_a_vote_is_compared_with_what_is_drawn() -> None:
    # 36 voxels drawn a slice. All of them said on slice 4, none on slice 8, which is not reached:
    # 2 * 36 / (36 + 36 + 36) = 2/3. Three of six rows said: 2 * 18 / (36 + 18) = 2/3.
    assert foretold(said(slice(2, 8)), square(4)) == pytest.approx([1])
    assert foretold(said(slice(2, 8)), square(4, 8)) == pytest.approx([2 / 3])
    assert foretold(said(slice(2, 5)), square(4)) == pytest.approx([2 / 3])
    assert foretold(said(), square(4)) == pytest.approx([0])


def test_slices_of_all_planes_are_compared() -> None:
    labels = np.zeros((10, 10, 12), dtype=np.uint8)
    labels[2:8, 5, 1:5] = 1  # 24 voxels in another plane than the main one, which is empty
    annotation = Annotation(labels, ((1, 5), (2, 11)), main_axis=2)
    # Said there: rows 2 to 7 of slices 0 to 5, 36 voxels, of which 24 are drawn: 48 / 60.
    assert foretold(said(slice(2, 8)), annotation) == pytest.approx([0.8])
    empty = Annotation(np.zeros_like(labels), ((2, 11),))
    assert foretold(said(slice(2, 8)), empty) == pytest.approx([1])


def test_what_was_not_looked_at_is_not_held_against_a_vote() -> None:
    annotation = square(4)
    annotation.labels[:2, :, 4] = 255
    assert foretold(said(slice(0, 8)), annotation) == pytest.approx([1])


def test_a_vote_that_foretells_nothing_counts_for_less() -> None:
    dice = np.array([0, 0.15, 0.3, 0.9], dtype=np.float32)
    np.testing.assert_allclose(trusted(dice), [0, 0.5, 1, 1])


@pytest.mark.parametrize(("rows", "halfway"), [(slice(2, 8), True), (slice(8, 10), False)])
def test_a_vote_that_is_wrong_where_slices_are_drawn_is_not_heard(
    rows: slice, halfway: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "carried_over", lambda *_: said(rows))
    scan = Scan.from_spacing(np.zeros((1, 10, 10, 12)), (1, 1, 1))
    support = (SupportScan(scan, square(4)),)
    nothing = np.zeros((2, 10, 10, 12), dtype=np.float16)
    nothing[0] = 1
    found = Prediction(Region((0, 0, 0), (10, 10, 12)), (0, 1), nothing)
    mean = with_support(found, scan, support, square(4))
    share = vote_shares(square(4), (1, 1, 1), 12)[1]
    assert mean.probability[1, 5, 5, 1] == pytest.approx(0.75 * share if halfway else 0, abs=1e-3)
    assert mean.probability[1, 9, 5, 1] == 0
    np.testing.assert_allclose(mean.probability.sum(axis=0, dtype=np.float32), 1, atol=2e-3)


@pytest.mark.slow
def test_a_scan_done_before_helps_beyond_a_single_slice(tmp_path: Path) -> None:
    """In noise, where nobody can see in the images how far the structure goes on."""
    phantom, before = (two_organs(noise=0.25, seed=seed) for seed in (0, 1))
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = SupportScan(
        Scan.from_spacing(before.image[None], before.spacing),
        Annotation(before.truth, tuple((2, index) for index in range(22))),
    )
    engine = Network(weights=weights_file(tmp_path))
    annotation = Annotation(phantom.sparse(2, 6), ((2, 6),))
    alone = engine.prepare(scan)
    helped = engine.prepare(scan, [support])
    found = alone.predict(annotation)
    assert with_support(found, scan, (), annotation) is found
    before_help = assemble_labels(found, annotation)
    after = assemble_labels(helped.predict(annotation), annotation)
    for value in annotation.values:
        assert dice(after, phantom.truth, value) > dice(before_help, phantom.truth, value) + 0.05
    np.testing.assert_array_equal(after[..., 6], phantom.truth[..., 6])


def whole_support(phantom: Phantom) -> SupportScan:
    return SupportScan(
        Scan.from_spacing(phantom.image[None], phantom.spacing),
        Annotation(phantom.truth, tuple((2, index) for index in range(22))),
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """What support scans were asked for, and how large the scan was, each time."""
    found: list[tuple[int, ...]] = []

    def ask(
        scan: Scan,
        support: tuple[SupportScan, ...],
        values: tuple[int, ...],
        axis: int,
        progress: Progress,
    ) -> Prediction:
        found.append(scan.shape)
        return carried_over(scan, support, values, axis, progress)

    monkeypatch.setattr(beside, "carried_over", ask)
    return found


@pytest.mark.slow
def test_a_scan_that_remembers_asks_once_whatever_is_drawn(asked: list[tuple[int, ...]]) -> None:
    phantom = two_organs(seed=0)
    geometry = Geometry.from_spacing(phantom.image.shape, phantom.spacing)
    scan = Scan.of(remembering(Image(phantom.image, geometry)))
    support = (whole_support(two_organs(seed=1)),)

    def answer(support: tuple[SupportScan, ...], *drawn: int, of: Scan = scan) -> Prediction:
        annotation = Annotation(phantom.sparse(2, *drawn), tuple((2, index) for index in drawn))
        found = Prediction(
            Region((0, 0, 0), (1, 1, 1)), (0, 1, 2), np.eye(3)[0].reshape(3, 1, 1, 1)
        )
        return with_support(found, of, support, annotation)

    first = answer(support, 8)
    answer(support, 8, 11)
    again = answer((whole_support(two_organs(seed=1)),), 8)  # the same scan, read once more
    assert asked == [scan.shape]
    np.testing.assert_array_equal(first.probability, again.probability)
    answer((whole_support(two_organs(seed=2)),), 8)
    assert len(asked) == 2
    forgetful = answer(support, 8, of=Scan.of(Image(phantom.image, geometry)))
    assert len(asked) == 3
    np.testing.assert_array_equal(first.probability, forgetful.probability)


@pytest.mark.slow
def test_a_part_of_a_scan_is_seen_as_part_of_the_whole(asked: list[tuple[int, ...]]) -> None:
    phantom = two_organs(seed=0)
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = (whole_support(two_organs(seed=1)),)
    whole = carried_over(scan, support, (1, 2), 2)
    box = Region.slab(2, 4, 12, scan.shape)
    inner = Region((2, 0, 1), (30, 20, 8))
    part = scan.cropped(box).cropped(inner)
    assert part.whole == (scan, Region((2, 0, 5), (30, 20, 12)))
    found = beside.said_by_support(part, support, (1, 2), 2)
    assert asked == [scan.shape]
    wanted = seen_in(whole, part.whole[1])
    assert found.region == wanted.region
    np.testing.assert_array_equal(found.probability, wanted.probability)
