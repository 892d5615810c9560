from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Network, Scan, SupportScan
from fewslice.engines.with_support import vote_shares, with_support
from fewslice.segmentation.assemble import assemble_labels
from tests.support.known_features import weights_file
from tests.support.phantoms import dice, two_organs


def square(*slices: int) -> Annotation:
    labels = np.zeros((10, 10, 12), dtype=np.uint8)
    for index in slices:
        labels[2:8, 2:8, index] = 1
    return Annotation(labels, tuple((2, index) for index in slices))


def test_the_vote_counts_more_the_farther_a_slice_is() -> None:
    radius = np.sqrt(36 / np.pi)  # 36 voxels of 1 mm²
    shares = vote_shares(square(4), (1.0, 1.0, 2.0), 12)
    assert shares[4] == 0
    assert shares[6] == pytest.approx(4 / (4 + radius / 2))
    assert shares[0] == pytest.approx(8 / (8 + radius / 2))
    np.testing.assert_allclose(vote_shares(square(4), (1.0, 1.0, 2.0), 5, 3), shares[3:8])


def test_between_annotated_slices_the_vote_counts_half() -> None:
    radius = np.sqrt(36 / np.pi)
    shares = vote_shares(square(2, 8), (1.0, 1.0, 1.0), 12)
    assert shares[5] == pytest.approx(0.5 * 3 / (3 + radius / 2))
    assert shares[11] == pytest.approx(3 / (3 + radius / 2))
    assert (shares[[2, 8]] == 0).all()


@pytest.mark.slow
def test_a_scan_done_before_helps_beyond_a_single_slice(tmp_path: Path) -> None:
    phantom, before = two_organs(seed=0), two_organs(seed=1)
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = SupportScan(
        Scan.from_spacing(before.image[None], before.spacing),
        Annotation(before.truth, tuple((2, index) for index in range(22))),
    )
    engine = Network(weights=weights_file(tmp_path))
    annotation = Annotation(phantom.sparse(2, 5), ((2, 5),))
    alone = engine.prepare(scan)
    helped = engine.prepare(scan, [support])
    found = alone.predict(annotation)
    assert with_support(found, scan, (), annotation) is found
    before_help = assemble_labels(found, annotation)
    after = assemble_labels(helped.predict(annotation), annotation)
    for value in annotation.values:
        assert dice(after, phantom.truth, value) > dice(before_help, phantom.truth, value) + 0.05
    np.testing.assert_array_equal(after[..., 5], phantom.truth[..., 5])
