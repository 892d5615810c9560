from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.engines import Scan, UniverSeg
from fewslice.engines.universeg.engine import FILLED
from fewslice.errors import codes_of
from fewslice.volumes.image import LabelArray
from tests.support.engine_questions import supported
from tests.support.other_engines import mean_of_masks, random_universeg, save_universeg
from tests.support.phantoms import two_organs

SHAPE = (128, 128, 8)
SCAN = Scan.from_spacing(np.random.default_rng(0).random((1, *SHAPE), np.float32), (1, 1, 3))


@pytest.fixture(scope="module")
def voting(tmp_path_factory: pytest.TempPathFactory) -> UniverSeg:
    folder = tmp_path_factory.mktemp("universeg")
    return UniverSeg(save_universeg(folder / "a.pt", mean_of_masks()))


def bars(*slices: int) -> LabelArray:
    """Label 1 in the first rows of some slices, 10 more in each, and label 2 in some columns."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for number, at in enumerate(slices, start=1):
        labels[: 10 * number, :, at] = 1
        labels[40:, :30, at] = 2
    return labels


def test_probabilities_by_hand(voting: UniverSeg) -> None:
    annotation = Annotation(bars(2, 4), ((2, 2), (2, 4)))
    found = voting.prepare(SCAN).predict(annotation)
    assert found.values == (0, 1, 2)
    row = found.probability[:, :, 60, 3].astype(float)
    # Both slices show label 1 in the first ten rows: logits are 8 - 4 and, of label 2, 0 - 4.
    odds = np.exp([0, 4, -4])
    np.testing.assert_allclose(row[:, 5], odds / odds.sum(), atol=1e-3)
    odds = np.exp([0, 0, -4])  # one of two does in the next ten
    np.testing.assert_allclose(row[:, 15], odds / odds.sum(), atol=1e-3)
    odds = np.exp([0, -4, -4])
    np.testing.assert_allclose(row[:, 30], odds / odds.sum(), atol=1e-3)


def test_it_is_believed_only_near_what_was_drawn(voting: UniverSeg) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[60:64, 60:64, [3, 4]] = 1
    found = voting.prepare(SCAN).predict(Annotation(labels, ((2, 3), (2, 4))))
    # A side more on either side, and three voxels; across slices 1.5 radii, twice.
    assert found.region.start == (53, 53, 0)
    assert found.region.stop == (71, 71, 8)


@pytest.mark.slow
def test_along_several_planes_logits_are_averaged(voting: UniverSeg) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, :, 4] = 1
    labels[64, :64, :] = 1  # crosses it, and is structure on one half only
    labels[64, 64:, :] = 0
    found = voting.prepare(SCAN).predict(Annotation(labels, ((0, 64), (2, 4))))
    place = tuple(at - start for at, start in zip((10, 100, 2), found.region.start, strict=True))
    # Across axis 2 its example has the structure there (logit 4), across axis 0 it has not (-4).
    assert float(found.probability[(1, *place)]) == pytest.approx(0.5, abs=0.01)
    place = tuple(at - start for at, start in zip((10, 20, 2), found.region.start, strict=True))
    assert float(found.probability[(1, *place)]) == pytest.approx(1 / (1 + np.exp(-4)), abs=0.01)


@pytest.mark.slow
def test_support_is_an_example_and_what_nobody_shows_is_told(voting: UniverSeg) -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    blank = blank_annotation(np.zeros_like(phantom.truth), 2, (1, 2, 9))
    found = voting.prepare(scan, (supported(phantom),)).predict(blank)
    assert codes_of(found.remarks) == {"no-example"}
    assert found.region.shape == scan.shape
    assert found.probability[1].max() > 0.9
    assert not found.probability[3].any()


def test_slices_looked_at_in_part_are_told(voting: UniverSeg) -> None:
    labels = bars(2, 4)
    labels[:, 100:, 4] = 255
    found = voting.prepare(SCAN).predict(Annotation(labels, ((2, 2), (2, 4))))
    assert FILLED in found.remarks
    # The nearest known pixels of that row were drawn, so the row counts as drawn.
    assert found.probability[1, 5, 120, 3] > 0.95


def test_examples_are_limited(tmp_path: Path) -> None:
    engine = UniverSeg(save_universeg(tmp_path / "a.pt", mean_of_masks()), most_slices=1)
    found = engine.prepare(SCAN).predict(Annotation(bars(2, 4), ((2, 2), (2, 4))))
    assert found.probability[1, 15, 60, 3] > 0.95  # of the second slice alone


@pytest.mark.slow
def test_the_image_reaches_the_network_scaled(tmp_path: Path) -> None:
    engine = UniverSeg(save_universeg(tmp_path / "a.pt", random_universeg()))
    annotation = Annotation(bars(2, 4), ((2, 2), (2, 4)))
    answers = [
        engine.prepare(Scan(factor * SCAN.channels + offset, SCAN.geometry)).predict(annotation)
        for factor, offset in ((1, 0), (1000, -300))
    ]
    np.testing.assert_allclose(answers[0].probability, answers[1].probability, atol=1e-3)
    inverse = Scan(1 - SCAN.channels, SCAN.geometry)
    other = engine.prepare(inverse).predict(annotation).probability
    assert np.abs(other.astype(float) - answers[0].probability).max() > 3e-3
