from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from fewslice.engines.base import Scan
from fewslice.pretraining.generators.labelled_volume import LabelledVolume


def test_all_labels_are_outlined_unless_said_otherwise() -> None:
    scan = Scan.from_spacing(np.zeros((1, 2, 2, 2), dtype=np.float32), (1.0, 1.0, 1.0))
    volume = LabelledVolume(scan, np.zeros((2, 2, 2), dtype=np.uint16), "empty")

    assert volume.known is None
    with pytest.raises(FrozenInstanceError):
        volume.name = "other"  # type: ignore[misc]
