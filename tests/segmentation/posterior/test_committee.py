"""Which slices a committee's members are not shown."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.segmentation.posterior.committee import Committee
from fewslice.volumes.region import Region
from tests.support.small_organs import annotation_of, scan_of, small_organs


class Listening:
    """An engine that answers background and remembers what it was asked."""

    uses_support = False

    def __init__(self) -> None:
        self.asked: list[Annotation] = []

    def prepare(self, scan: Scan, support: tuple[SupportScan, ...] = ()) -> Listening:
        self.shape = scan.shape
        return self

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        self.asked.append(annotation)
        values = (0, *annotation.values)
        probability = np.zeros((len(values), *self.shape), dtype=np.float16)
        probability[0] = 1
        return Prediction(Region((0, 0, 0), self.shape), values, probability)


def contexts(annotation: Annotation, seed: int = 0, **settings: float) -> list[set[int]]:
    """Indices of the slices each member was not shown."""
    member = Listening()
    committee = Committee(engines=(Listening(),), member=member, **settings)  # type: ignore[arg-type]
    committee.samples(scan_of(small_organs()), annotation, seed)
    shown = [set(each.along(2)) for each in member.asked]
    for each in member.asked:
        assert each.drawn_values == annotation.drawn_values
        left_out = set(annotation.along(2)) - set(each.along(2))
        assert all(not each.labels[:, :, index].any() for index in left_out)
    return [set(annotation.along(2)) - each for each in shown]


def test_each_slice_is_left_out_once() -> None:
    left_out = contexts(annotation_of(small_organs(), 2, 4, 5, 6, 7))
    assert sorted(map(tuple, left_out)) == [(4,), (5,), (6,), (7,)]


def test_of_many_slices_several_are_left_out_at_a_time() -> None:
    annotation = annotation_of(small_organs(), 2, 2, 3, 4, 5, 6, 7, 8)
    left_out = contexts(annotation, contexts=3, share=0.3)
    assert [len(each) for each in left_out] == [2, 2, 2]  # 0.3 · 7, rounded down
    assert len(set.union(*left_out)) == 6
    assert left_out == contexts(annotation, contexts=3, share=0.3)
    orders = {tuple(map(tuple, contexts(annotation, seed, contexts=3))) for seed in range(6)}
    assert len(orders) > 1


def test_no_structure_is_forgotten() -> None:
    phantom = small_organs()
    labels = phantom.sparse(2, 4, 5, 6)
    labels[..., 4:6][labels[..., 4:6] == 2] = 0  # the second organ on slice 6 only
    annotation = Annotation(labels, ((2, 4), (2, 5), (2, 6)))
    assert sorted(map(tuple, contexts(annotation))) == [(4,), (5,)]


def test_slices_that_hold_nothing_are_always_shown() -> None:
    annotation = annotation_of(small_organs(), 2, 5, 6, named=((2, 0), (2, 10)))
    assert sorted(map(tuple, contexts(annotation))) == [(5,), (6,)]


def test_of_one_slice_nothing_can_be_left_out() -> None:
    assert contexts(annotation_of(small_organs(), 2, 5)) == []


@pytest.mark.parametrize(("drawn", "samples"), [((5,), 2), ((5, 6), 4), ((3, 4, 5, 6, 7), 6)])
def test_how_many_samples_there_are(drawn: tuple[int, ...], samples: int) -> None:
    committee = Committee(engines=(Interpolation(), Interpolation()))
    found = committee.samples(scan_of(small_organs()), annotation_of(small_organs(), 2, *drawn))
    assert len(found.probability) == samples
    np.testing.assert_array_equal(found.probability[0], found.probability[1])
