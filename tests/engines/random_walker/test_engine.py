import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.random_walker.engine import RandomWalker, WalkerSettings, run_lengths
from tests.support.phantoms import two_organs


def test_runs_are_measured_along_each_axis_in_mm() -> None:
    labels = np.zeros((20, 30, 5), dtype=np.uint8)
    labels[2:18, 10:13, 2] = 1  # 16 long, 3 thick
    labels[5:9, 20:26, 2] = 2  # 4 by 6
    runs = run_lengths(Annotation(labels, ((2, 2),)), (0.5, 2.0, 9.0))
    # The shortest along axis 0 is that of the second structure, along axis 1 of the first.
    assert runs == pytest.approx((2.0, 6.0, np.inf))


def test_without_refinement_only_boundaries_differ() -> None:
    phantom = two_organs()
    annotation = Annotation(phantom.sparse(2, 6, 14), ((2, 6), (2, 14)))
    scan = Scan(phantom.image[None], phantom.spacing)
    fine, coarse = (
        RandomWalker(WalkerSettings(most_voxels=4000, refine=refine)).prepare(scan)
        for refine in (True, False)
    )
    refined, plain = fine.predict(annotation), coarse.predict(annotation)
    assert refined.region == plain.region
    changed = (refined.probability != plain.probability).any(axis=0)
    assert 0 < changed.mean() < 0.5
    # Both agree where the coarse answer is sure.
    sure = plain.probability.max(axis=0) > 0.99
    same = refined.probability.argmax(axis=0) == plain.probability.argmax(axis=0)
    assert same[sure].mean() > 0.99
