"""An earlier answer is gone on from only where scan and support scans are still the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fewslice import Segmentation, Session, segment
from fewslice.volumes.checksum import checksum
from tests.support.phantoms import two_organs

PHANTOM = two_organs()
LABELS = PHANTOM.sparse(2, 6, 14)


def answered(
    image: Any = PHANTOM.image, labels: Any = LABELS, engine: str = "random-walker", **options: Any
) -> Segmentation:
    return segment(image, labels, engine=engine, **{"spacing": PHANTOM.spacing, **options})


@pytest.mark.slow
def test_an_answer_of_other_voxels_is_not_mixed_in() -> None:
    first, other = answered(), two_organs(noise=0.4, seed=3).image
    again, alone = answered(other, previous=first), answered(other)
    assert (first.probability != alone.probability).any()
    np.testing.assert_array_equal(again.probability, alone.probability)


@pytest.mark.slow
def test_an_array_written_over_since_is_another_scan() -> None:
    image = PHANTOM.image.copy()
    first = answered(image)
    image[...] = two_organs(noise=0.4, seed=3).image
    np.testing.assert_array_equal(
        answered(image, previous=first).probability, answered(image).probability
    )


def test_the_same_voxels_in_another_array_are_the_same_scan() -> None:
    first = answered()
    assert answered(PHANTOM.image.copy(), previous=first).prediction is first.prediction


def test_a_spacing_that_was_assumed_is_not_one_that_was_given() -> None:
    image, labels = PHANTOM.image[:, ::4], LABELS[:, ::4]
    first = answered(image, labels, spacing=None)
    ones = answered(image, labels, spacing=(1, 1, 1))
    again = answered(image, labels, spacing=(1, 1, 1), previous=first)
    assert again.labels.geometry.spacing == first.labels.geometry.spacing
    assert again.prediction is not first.prediction
    np.testing.assert_array_equal(again.probability, ones.probability)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["voxels", "labels", "fewer", "strict"])
def test_an_answer_from_other_support_is_not_mixed_in(change: str) -> None:
    other = two_organs(seed=1)
    pair = (other.image, other.truth)
    first = answered(engine="atlas", support=[pair, pair])
    assert answered(engine="atlas", support=[pair, pair], previous=first).prediction is (
        first.prediction
    )
    changes: dict[str, dict[str, Any]] = {
        "voxels": {"support": [pair, (two_organs(seed=2).image, other.truth)]},
        "labels": {"support": [pair, (other.image, np.where(other.truth == 2, 0, other.truth))]},
        "fewer": {"support": [pair]},
        "strict": {"support": [pair, pair], "strict": True},
    }
    changed = changes[change]
    again = answered(engine="atlas", previous=first, **changed)
    assert again.prediction is not first.prediction
    np.testing.assert_array_equal(
        again.probability, answered(engine="atlas", **changed).probability
    )


def test_support_that_an_engine_cannot_use_makes_no_difference() -> None:
    first = answered()
    other = two_organs(seed=1)
    again = answered(support=[(other.image, other.truth)], previous=first)
    assert again.prediction is first.prediction


def test_a_session_looks_at_its_scan_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []

    def counted(array: Any) -> str:
        looked.append(array)
        return checksum(array)

    monkeypatch.setattr("fewslice.volumes.checksum.checksum", counted)
    mine = Session(PHANTOM.image, LABELS, spacing=PHANTOM.spacing, engine="interpolation")
    first = mine.segment()
    assert mine.segment().prediction is first.prediction
    mine.draw(2, 10, PHANTOM.truth[..., 10])
    mine.segment()
    assert len(looked) == 1
