import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines.random_walker.engine import run_lengths


def test_runs_are_measured_along_each_axis_in_mm() -> None:
    labels = np.zeros((20, 30, 5), dtype=np.uint8)
    labels[2:18, 10:13, 2] = 1  # 16 long, 3 thick
    labels[5:9, 20:26, 2] = 2  # 4 by 6
    runs = run_lengths(Annotation(labels, ((2, 2),)), (0.5, 2.0, 9.0))
    # The shortest along axis 0 is that of the second structure, along axis 1 of the first.
    assert runs == pytest.approx((2.0, 6.0, np.inf))
