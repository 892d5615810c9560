from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.engines.prompted.description import Description
from fewslice.engines.prompted.network import PromptedNetwork
from fewslice.engines.prompted.prepared import PreparedPrompted, geometry_along, input_of
from fewslice.errors import codes_of
from fewslice.volumes.geometry import Geometry

SHAPE = (12, 10, 8)


class Seen:
    """Keeps what it is asked, and answers with one of its channels."""

    def __init__(self, channel: int = 0) -> None:
        self.channel = channel
        self.asked: list[Tensor] = []

    def __call__(self, patch: Tensor) -> Tensor:
        self.asked.append(patch.clone())
        return patch[:, self.channel : self.channel + 1]


def prepared(
    seen: Seen, description: Description, geometry: Geometry | None = None
) -> PreparedPrompted:
    geometry = geometry or Geometry.from_spacing(SHAPE, (1, 1, 2))
    image = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE) / np.float32(960)
    return PreparedPrompted(image, geometry, PromptedNetwork(seen, description, "a.pt", "cpu"))


def drawing() -> Annotation:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[3:6, 4:7, 2] = labels[3:6, 4:7, 4] = 5
    labels[0, 0, 4] = 255
    return Annotation(labels, ((2, 2), (2, 4)))


def test_channels_come_in_the_networks_order() -> None:
    description = Description(2, ("outside", "image", "inside"), (2, 3))
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    inside, outside = image == 1, image > 3
    found = input_of(description, image, inside, outside, (2, 3))
    assert found.shape == (1, 3, 2, 3)
    assert found[0, 1].tolist() == image[0].tolist()
    assert found[0, 2].tolist() == [[0, 1, 0], [0, 0, 0]]
    assert found[0, 0].tolist() == [[0, 0, 0], [0, 1, 1]]


def test_on_a_coarser_grid_no_drawn_slice_is_lost() -> None:
    description = Description(3, ("image", "inside", "outside"), (8, 8, 8))
    image = np.zeros((1, 4, 2, 2), dtype=np.float32)
    inside, outside = np.zeros(image.shape, bool), np.zeros(image.shape, bool)
    inside[0, 1, :, 0], outside[0, 1, :, 1] = True, True
    _, inner, outer = input_of(description, image, inside, outside, (2, 2, 2))[0]
    assert inner[0].tolist() == [[1, 0], [1, 0]]
    assert outer[0].tolist() == [[0, 1], [0, 1]]
    assert not inner[1].any()
    _, inner, _ = input_of(description, image, inside, outside, (8, 2, 2))[0]
    assert inner[:, 0, 0].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]  # on a finer one it is copied


@pytest.mark.slow
def test_a_volume_is_shown_with_what_was_drawn_where_it_was() -> None:
    seen = Seen(channel=1)
    description = Description(3, ("image", "inside", "outside"), SHAPE)
    found = prepared(seen, description).predict(drawing())
    (asked,) = seen.asked
    assert asked.shape == (1, 3, *SHAPE)
    np.testing.assert_array_equal(asked[0, 1], drawing().labels == 5)
    outside = np.zeros(SHAPE, dtype=bool)
    outside[:, :, [2, 4]] = drawing().labels[:, :, [2, 4]] == 0
    np.testing.assert_array_equal(asked[0, 2], outside)
    # It answers with the drawing as logits: 1 where there is any, else 0.
    assert found.probability[1, 4, 5, 2] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)
    assert found.probability[1, 4, 5, 3] == 0.5


@pytest.mark.slow
def test_a_volume_is_turned_and_resampled_as_the_network_expects() -> None:
    affine = np.diag([-1.0, 2.0, 1.0, 1.0])[:, [1, 0, 2, 3]]  # axes grow to A and L, 2 and 1 mm
    geometry = Geometry(SHAPE, affine)
    assert geometry.axis_codes == ("A", "L", "S")
    seen = Seen()
    description = Description(3, ("image", "inside"), (10, 24, 4), spacing=(1, 1, 2), axes="RAS")
    found = prepared(seen, description, geometry).predict(drawing())
    (asked,) = seen.asked
    assert asked.shape == (1, 2, 10, 24, 4)
    image = np.arange(np.prod(SHAPE)).reshape(SHAPE) / np.prod(SHAPE)
    there = image.transpose(1, 0, 2)[::-1]  # to R, A, S
    there = (there[..., ::2] + there[..., 1::2]) / 2
    np.testing.assert_allclose(asked[0, 0, :, 11:13].mean(1), there[:, 5:7].mean(1), atol=1e-5)
    # The answer is the image itself, and lies where the image does again.
    logit = np.log(found.probability[1] / found.probability[0].astype(np.float32))
    np.testing.assert_allclose(logit[2:-2, :, 2:-2], image[2:-2, :, 2:-2], atol=6e-3)


@pytest.mark.slow
def test_slices_are_asked_one_by_one_with_interpolated_outlines() -> None:
    seen = Seen(channel=1)
    found = prepared(seen, Description(2, ("image", "inside"), (12, 10))).predict(drawing())
    shown = [np.asarray(each[0, 1]) for each in seen.asked]
    assert {each.shape for each in shown} == {(12, 10)}
    square = drawing().labels[:, :, 2] == 5
    assert sum(np.array_equal(each, square) for each in shown) >= 3  # drawn, drawn, and between
    assert all(each.any() for each in shown)
    assert found.probability[1, 4, 5, 3] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-3)
    assert found.probability[1, 0, 0, 3] == 0.5


def test_what_is_not_drawn_is_not_answered() -> None:
    seen = Seen()
    blank = blank_annotation(np.zeros(SHAPE, dtype=np.uint8), 2, (1, 3))
    found = prepared(seen, Description(2, ("image", "inside"), (12, 10))).predict(blank)
    assert not seen.asked
    assert found.values == (0, 1, 3)
    assert (found.probability[0] == 1).all()
    assert codes_of(found.remarks) == {"no-example"}


def test_directions_by_letters() -> None:
    assert geometry_along("LSA").axis_codes == ("L", "S", "A")
    columns = geometry_along("PIR").affine[:3, :3].T.tolist()
    assert columns == [[0, -1, 0], [0, 0, -1], [1, 0, 0]]
