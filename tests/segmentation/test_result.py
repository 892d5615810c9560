import numpy as np
import pytest

from fewslice import segment
from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction
from fewslice.segmentation.result import Segmentation
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelMap
from fewslice.volumes.region import Region
from tests.support.phantoms import two_organs


def result() -> Segmentation:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14)
    labels[:, :5, 10] = 255
    return segment(
        phantom.image, labels, spacing=phantom.spacing, engine="interpolation", annotated=[(2, 19)]
    )


def test_a_result_is_an_array_where_one_is_wanted() -> None:
    found = result()
    np.testing.assert_array_equal(np.asarray(found), found.labels.array)
    assert np.asarray(found).dtype == np.uint8
    assert np.asarray(found, dtype=np.int32).dtype == np.int32
    assert float((np.asarray(found) == 1).mean()) == float((found.labels.array == 1).mean())


def test_provenance_names_who_made_each_slice() -> None:
    found = result()
    human = [index for index, who in enumerate(found.provenance) if who == "human"]
    assert human == [6, 10, 14, 19]
    assert set(found.provenance) == {"human", "engine"}
    assert len(found.provenance) == 22


def test_confidence_is_one_where_drawn_and_lower_in_between() -> None:
    found = result()
    assert found.confidence.shape == (22,)
    assert found.confidence[6] == found.confidence[14] == found.confidence[19] == 1
    assert (found.confidence >= 0).all()
    assert (found.confidence <= 1).all()
    assert found.confidence[8] < found.confidence[7] < 1
    assert found.confidence[8] < found.confidence[9] < 1


def test_probability_is_whole_and_certain_where_known() -> None:
    found = result()
    probability = found.probability
    assert probability.shape == (3, *found.labels.array.shape)
    assert found.label_values == (0, 1, 2)
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=5e-3)
    np.testing.assert_array_equal(probability[1, :, :, 6], found.labels.array[:, :, 6] == 1)
    best = np.array(found.label_values)[probability.argmax(axis=0)]
    assert (best == found.labels.array).mean() > 0.9999


def test_uncertainty_is_zero_where_known_and_greatest_at_borders() -> None:
    found = result()
    uncertainty = found.uncertainty
    assert not uncertainty[:, :, 6].any()
    assert not uncertainty[:, 5:, 10].any()
    assert 0.5 < uncertainty.max() <= 1
    assert uncertainty[14, 17, 8] < uncertainty[:, :, 8].max()


def reaching(last: float) -> Segmentation:
    """Return what was answered on slices 3 to 6 of 10, of which 4 was drawn.

    Of two pixels one is the structure; its probability on slice 6 is given, on slice 3 it is 0.
    """
    labels = np.zeros((2, 1, 10), dtype=np.uint8)
    labels[0, 0, 4] = 1
    chance = np.zeros((2, 1, 4), dtype=np.float16)
    chance[0, 0, 1:] = 1, 0.9, last
    answer = labels.copy()
    answer[0, 0, 4:6] = 1
    answer[0, 0, 6] = last > 0.5
    region = Region((0, 0, 3), (2, 1, 7))
    prediction = Prediction(region, (0, 1), np.stack([1 - chance, chance]))
    geometry = Geometry.from_spacing(labels.shape, (1.0, 1.0, 1.0))
    annotation = Annotation(labels, ((2, 4),))
    return Segmentation(LabelMap(answer, geometry), annotation, prediction, "auto")


def test_beyond_the_last_slice_looked_at_an_answer_that_goes_on_is_in_doubt() -> None:
    """The box reaches two slices beyond the drawn one, so that doubt does two beyond the box."""
    found = reaching(0.9)
    # .9 fades to .6 and .3; sharpened .36 / .52 and .09 / .58, which would be missed.
    np.testing.assert_allclose(
        found.confidence[7:], [1 - 0.36 / 0.52, 1 - 0.09 / 0.58, 1], atol=1e-3
    )
    assert found.uncertainty[0, 0, 7] == pytest.approx(0.97095, abs=1e-3)  # entropy of .6, in bits
    assert found.uncertainty[0, 0, 8] == pytest.approx(0.88129, abs=1e-3)  # of .3
    assert not found.uncertainty[:, :, 9].any()
    assert found.uncertainty[1].max() < 1e-5
    # At the other end the structure had ended.
    assert (found.confidence[:3] == 1).all()
    assert found.uncertainty[:, :, :3].max() < 1e-5


def test_an_answer_that_has_ended_leaves_no_doubt_beyond() -> None:
    found = reaching(0.0)
    assert (found.confidence[7:] == 1).all()
    assert found.uncertainty[:, :, 7:].max() < 1e-5
