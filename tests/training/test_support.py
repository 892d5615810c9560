"""Scans a model brings along: completed, cut out, kept in a file, asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations, product

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, as_half
from fewslice.errors import WeightsError
from fewslice.metrics.overlap import dice
from fewslice.training import support as support_module
from fewslice.training.choice import Choice
from fewslice.training.scan import TaskScan
from fewslice.training.support import (
    ModelSupport,
    from_bytes,
    kept_scans,
    mean_of,
    to_bytes,
    unanswered,
)
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.memo import Memo
from fewslice.volumes.orientation import Turn
from fewslice.volumes.region import Region
from tests.support.kept_scans import kept, phantom_scan
from tests.support.phantoms import two_organs


@pytest.mark.slow
def test_labels_are_completed_and_what_was_drawn_stays() -> None:
    truth = two_organs(seed=0).truth
    scan = phantom_scan(0, 8, 10, 13)
    (found,) = kept_scans([scan])
    assert found.axis == 2
    low = np.rint(np.linalg.inv(scan.geometry.affine) @ found.geometry.affine[:, 3])[:3].astype(int)
    part = tuple(slice(a, a + n) for a, n in zip(low, found.labels.shape, strict=True))
    assert np.array_equal(found.channels, scan.channels[(slice(None), *part)])
    drawn = scan.annotation.labels[part]
    for index in (8, 10, 13):
        at = index - int(low[2])
        assert np.array_equal(found.labels[:, :, at], drawn[:, :, at])
    for value in (1, 2):
        assert dice(found.labels == value, truth[part] == value) > 0.8


@pytest.mark.slow
def test_kept_scans_answer_another_one_on_which_nothing_is_drawn() -> None:
    support = ModelSupport(
        kept_scans([phantom_scan(0, 8, 10, 13), phantom_scan(1, 8, 10, 13)]), Choice("support")
    )
    other = two_organs(seed=2)
    geometry = Geometry.from_spacing(other.image.shape, other.spacing)
    scan = Scan(other.image[None], geometry)
    found = support.answer(scan, unanswered(scan, 2, (1, 2)))
    answer = np.zeros(other.truth.shape, int)
    best = found.probability.astype(np.float32).argmax(axis=0)
    answer[found.region.slices] = np.array(found.values)[best]
    assert dice(answer == 1, other.truth == 1) > 0.7


@dataclass
class Looking:
    """An engine that remembers what it sees, and answers a part of it by its first channel."""

    seen: list[tuple[Scan, Sequence[SupportScan]]] = field(default_factory=list)
    told: list[Annotation] = field(default_factory=list)

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> Looking:
        self.seen.append((scan, support))
        return self

    def predict(self, annotation: Annotation, progress: Progress) -> Prediction:
        self.told.append(annotation)
        box = Region((1, 0, 2), (4, 5, 6))
        chance = np.abs(self.seen[-1][0].channels[0])[box.slices] / 10
        return Prediction(box, (0, 4), as_half(np.stack([1 - chance, chance])))


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Looking:
    engine = Looking()
    monkeypatch.setattr(support_module, "composed", lambda _: engine)
    return engine


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_engines_see_every_way_to_store_a_scan_alike(
    axes: tuple[int, int, int], looking: Looking
) -> None:
    one, support = kept(5, 6, 7), ModelSupport((kept(4, 5, 6),), Choice("support"))
    scan, drawn = Scan(one.channels, one.geometry), Annotation(one.labels, ((2, 2),))
    usual = support.answer(scan, drawn)
    for i, j, k in product((False, True), repeat=3):
        turn = Turn(axes, (i, j, k))
        stored = Scan(turn.view(scan.channels), turn.geometry(scan.geometry))
        found = support.answer(stored, drawn.turned(turn))
        assert np.array_equal(found.probability, turn.array(usual.probability))
        assert found.region == turn.region(usual.region, scan.shape)
        (first, first_support), (last, last_support) = looking.seen[0], looking.seen[-1]
        assert np.array_equal(last.channels, first.channels)
        assert last.channels.strides == first.channels.strides
        assert last.spacing == first.spacing
        assert np.array_equal(looking.told[-1].labels, one.labels)
        assert looking.told[-1].slices == drawn.slices
        assert np.array_equal(last_support[0].scan.channels, first_support[0].scan.channels)


def test_a_session_shows_engines_the_same_turned_scan_again(looking: Looking) -> None:
    one, support = kept(5, 6, 7), ModelSupport((kept(4, 5, 6),), Choice("support"))
    turn = Turn((1, 0, 2), (True, False, False))
    channels = turn.array(one.channels)
    scan = Scan(channels, turn.geometry(one.geometry), Memo(channels))
    drawn = Annotation(turn.array(one.labels), ((2, 2),))
    for _ in range(2):
        support.answer(scan, drawn)
    (first, _), (again, _) = looking.seen
    assert first is again
    assert first.memo is not None
    assert scan.memo is not None
    assert scan.memo.nbytes == channels.nbytes  # nothing was found out about it
    support.answer(Scan(channels, scan.geometry), drawn)
    assert looking.seen[-1][0].memo is None


@pytest.mark.slow
def test_kept_scans_answer_the_same_however_a_scan_is_stored() -> None:
    support = ModelSupport(kept_scans([phantom_scan(0, 8, 10, 13)]), Choice("support"))
    scan = phantom_scan(2, 9).scan
    usual = support.answer(scan, unanswered(scan, 2, (1, 2)))
    turn = Turn((2, 0, 1), (True, True, False))
    stored = Scan(turn.view(scan.channels), turn.geometry(scan.geometry))
    found = support.answer(stored, unanswered(stored, 0, (1, 2)))
    assert found.region == turn.region(usual.region, scan.shape)
    assert np.array_equal(found.probability, turn.array(usual.probability))


def test_scans_without_a_structure_are_not_kept() -> None:
    scan = phantom_scan(0, 8)
    empty = np.zeros_like(scan.annotation.labels)
    none = TaskScan("b", scan.scan, find_annotation(empty, scan.geometry, [(2, 3)], (1,)))
    assert kept_scans([none]) == ()


def test_a_scan_comes_back_from_its_file_as_it_was() -> None:
    one, other = kept(5, 6, 7), kept(4, 5, 6)
    again = from_bytes(to_bytes([one, other]))
    assert len(again) == 2
    for before, after in zip((one, other), again, strict=True):
        assert np.array_equal(before.channels, after.channels)
        assert np.array_equal(before.labels, after.labels)
        assert np.array_equal(before.geometry.affine, after.geometry.affine)
        assert before.axis == after.axis


def test_a_damaged_file_is_one_sentence() -> None:
    data = to_bytes([kept(5, 6, 7)])
    with pytest.raises(WeightsError, match="support scans of the model are damaged"):
        from_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="support scans of the model are damaged"):
        from_bytes(b"")


def test_kept_scans_are_turned_with_all_their_slices_annotated() -> None:
    one = kept(5, 6, 7)
    like = Turn((2, 0, 1), (False, True, False)).geometry(one.geometry)
    found = one.turned(like)
    assert found.scan.shape == (7, 5, 6)
    assert found.annotation.axis == 0  # which was the last
    assert len(found.annotation.slices) == 7
    # (1:3, 1:4, 2) becomes (2, reversed 1:3, 1:4) of 7 x 5 x 6.
    assert set(zip(*np.nonzero(found.annotation.labels), strict=True)) == {
        (2, j, k) for j in (2, 3) for k in (1, 2, 3)
    }


def test_a_part_is_known_again_in_its_scan_however_that_is_stored() -> None:
    scan, other = phantom_scan(0, 8, 10, 13), phantom_scan(1, 8, 10, 13)
    (part,) = kept_scans([scan])
    assert part.part_of(scan.scan)
    assert not part.part_of(other.scan)  # on the same grid
    turn = Turn((2, 0, 1), (False, True, False))
    turned = Scan(turn.array(scan.channels), turn.geometry(scan.geometry))
    assert part.part_of(turned)
    region = Region((0, 0, 1), scan.geometry.shape)  # a slice shorter
    assert not part.part_of(scan.scan.cropped(region))


@pytest.mark.slow
def test_support_without_a_scan_is_what_the_others_are() -> None:
    scans = [phantom_scan(seed, 8, 10, 13) for seed in range(2)]
    support = ModelSupport(kept_scans(scans), Choice("support"))
    left = support.without(scans[0].scan)
    assert left is not None
    assert left.scans == support.scans[1:]
    assert left.without(scans[1].scan) is None
    both = support.without(phantom_scan(2, 8).scan)
    assert both is not None
    assert both.scans == support.scans


def test_the_mean_of_two_answers_counts_what_one_does_not_know_as_half() -> None:
    def answer(start: int, stop: int, values: tuple[int, ...], rows: list[float]) -> Prediction:
        region = Region((0, 0, start), (1, 1, stop))
        probability = np.array(rows, np.float16).reshape(len(values), 1, 1, stop - start)
        return Prediction(region, values, probability)

    one = answer(0, 2, (0, 4), [0.5, 0.25, 0.5, 0.75])
    other = answer(1, 3, (0, 7), [0.5, 0.0, 0.5, 1.0])
    found = mean_of(one, other, 2)
    assert found.values == (0, 4, 7)
    assert found.region == Region((0, 0, 0), (1, 1, 3))
    # Where only one of them looked, the other is sure of background.
    expected = [[0.75, 0.375, 0.5], [0.25, 0.375, 0.0], [0.0, 0.25, 0.5]]
    assert found.probability[:, 0, 0].tolist() == expected
