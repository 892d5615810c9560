from __future__ import annotations

import math

import numpy as np
import pytest

from fewslice.engines import Scan
from fewslice.engines.logits import ABSENT, fused, one_channel, scaled_to_unit
from fewslice.errors import InputError, codes_of
from fewslice.volumes.region import Region

REGION = Region((1, 2, 3), (2, 3, 5))  # two voxels along k


def logits(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(1, 1, 2)


def test_one_structure_gets_the_logistic_function_of_its_logit() -> None:
    found = fused(REGION, 2, {7: logits(0.0, math.log(3))})
    assert found.values == (0, 7)
    assert found.probability[:, 0, 0].tolist() == [[0.5, 0.25], [0.5, 0.75]]


def test_of_several_structures_the_highest_logit_wins() -> None:
    found = fused(REGION, 2, {4: logits(math.log(2), ABSENT), 9: logits(math.log(5), -math.inf)})
    assert found.probability[:, 0, 0, 0].astype(float) == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert found.probability[:, 0, 0, 1].tolist() == [1, 0, 0]


def test_the_surest_logits_stay_finite() -> None:
    found = fused(REGION, 0, {1: logits(1e9, -1e9), 2: logits(40.0, -40.0)})
    assert found.probability[:, 0, 0, 0].tolist() == [0, 0.5, 0.5]
    assert found.probability[:, 0, 0, 1].tolist() == [1, 0, 0]


def test_one_channel_of_several_is_told() -> None:
    scan = Scan.from_spacing(np.arange(8.0).reshape(2, 1, 2, 2), (1, 1, 1))
    found, remarks = one_channel(scan, 1)
    assert found.ravel().tolist() == [4, 5, 6, 7]
    assert codes_of(remarks) == {"one-channel"}
    assert one_channel(Scan(scan.channels[:1], scan.geometry), 0)[1] == ()
    with pytest.raises(InputError, match=r"has 2 channels, and none of number 2; .* from 0 to 1"):
        one_channel(scan, 2)


def test_intensities_between_two_percentiles_become_0_to_1() -> None:
    channel = np.arange(101, dtype=np.float32)
    found = scaled_to_unit(channel, 10, 60)
    assert found[[0, 10, 35, 60, 100]].tolist() == [0, 0, 0.5, 1, 1]
    assert not scaled_to_unit(np.full(5, 3.0, dtype=np.float32)).any()
