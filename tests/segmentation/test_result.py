import numpy as np

from fewslice import segment
from fewslice.segmentation.result import Segmentation
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
