"""Label fusion: what is fused, from whom, where, and that moved labels come back to their place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan, SupportScan
from fewslice.engines.atlas.alignment import AtlasSettings, filled_in
from fewslice.engines.atlas.label_fusion import FusedLabels, _agreement, fuse_labels
from tests.support.phantoms import Phantom, dice, two_organs

QUICK = AtlasSettings(iterations=(5, 5))


def every_slice(length: int, step: int = 1, axis: int = 2) -> tuple[tuple[int, int], ...]:
    return tuple((axis, at) for at in range(0, length, step))


def support_of(
    phantom: Phantom, *, step: int = 1, values: tuple[int, ...] = (1, 2), by: int = 0
) -> SupportScan:
    """Return a phantom moved by voxels along the first axis, annotated on each n-th slice."""
    truth = np.where(np.isin(phantom.truth, values), phantom.truth, 0).astype(np.uint8)
    slices = every_slice(truth.shape[2], step)
    labels = np.zeros_like(truth)
    for _, at in slices:
        labels[..., at] = truth[..., at]
    image = np.roll(phantom.image, by, axis=0)
    labels = np.roll(labels, by, axis=0)
    return SupportScan(Scan.from_spacing(image[None], phantom.spacing), Annotation(labels, slices))


def scan_of(phantom: Phantom) -> Scan:
    return Scan.from_spacing(phantom.image[None], phantom.spacing)


def labels_of(
    fused_labels: tuple[FusedLabels, ...], shape: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    labels = np.zeros(shape, dtype=np.uint8)
    for fused in fused_labels:
        for value, coarse in zip(fused.values, fused.probability, strict=True):
            probability = fused.grid.up(coarse)
            assert np.isfinite(probability).all()
            assert 0 <= probability.min() <= probability.max() <= 1
            labels[fused.grid.region.slices][probability > 0.5] = value
    return labels


@pytest.mark.parametrize("by", [0, 6])
def test_labels_come_back_to_their_place(by: int) -> None:
    phantom = two_organs()
    fused_labels = fuse_labels(
        scan_of(phantom), [support_of(two_organs(seed=4), by=by)], (1, 2), settings=QUICK
    )
    labels = labels_of(fused_labels, (44, 40, 22))
    assert dice(labels, phantom.truth, 1) > 0.93
    assert dice(labels, phantom.truth, 2) > 0.93


def test_support_of_another_size_and_spacing() -> None:
    phantom, fine = two_organs(), two_organs(seed=4)
    image = np.repeat(fine.image, 2, axis=2)[4:, :, 6:]
    truth = np.repeat(fine.truth, 2, axis=2)[4:, :, 6:]
    other = SupportScan(
        Scan.from_spacing(image[None], (1.0, 1.0, 1.0)),
        Annotation(truth, every_slice(truth.shape[2])),
    )
    labels = labels_of(fuse_labels(scan_of(phantom), [other], (1, 2), settings=QUICK), (44, 40, 22))
    assert dice(labels, phantom.truth, 1) > 0.88
    assert dice(labels, phantom.truth, 2) > 0.88


@pytest.mark.slow
def test_sparse_support_is_completed_first() -> None:
    phantom = two_organs()
    fused_labels = fuse_labels(
        scan_of(phantom), [support_of(two_organs(seed=4), step=4)], (1, 2), settings=QUICK
    )
    labels = labels_of(fused_labels, (44, 40, 22))
    assert dice(labels, phantom.truth, 1) > 0.8
    assert dice(labels, phantom.truth, 2) > 0.8


@pytest.mark.slow
def test_a_support_scan_votes_on_what_it_holds_only() -> None:
    phantom = two_organs()
    support = [
        support_of(two_organs(seed=4), values=(1,)),
        support_of(two_organs(seed=5)),
        support_of(two_organs(seed=6), values=(1,)),
    ]
    fused_labels = fuse_labels(scan_of(phantom), support, (1, 2, 9), settings=QUICK)
    said = {
        value: (voters, agreement)
        for fused in fused_labels
        for value, voters, agreement in zip(
            fused.values, fused.voters, fused.agreement, strict=True
        )
    }
    assert {value: voters for value, (voters, _) in said.items()} == {1: 3, 2: 1}
    assert said[1][1] > 0.9
    # Two of three know nothing of label 2, and do not speak against it.
    assert dice(labels_of(fused_labels, (44, 40, 22)), phantom.truth, 2) > 0.93


@pytest.mark.slow
def test_what_nobody_looked_at_has_no_say() -> None:
    phantom = two_organs()
    support = support_of(phantom)
    labels = support.annotation.labels.copy()
    labels[:14][labels[:14] == 1] = 255  # half of the first organ was not looked at
    (atlas,) = [filled_in(replace(support, annotation=Annotation(labels, every_slice(22))), (1, 2))]
    assert atlas is not None
    assert (atlas.labels[:14] == -1).sum() == (labels == 255).sum() > 0
    assert atlas.held == (0, 1)
    half = replace(support, annotation=Annotation(labels, every_slice(22)))
    fused_labels = fuse_labels(
        scan_of(phantom), [half, support_of(two_organs(seed=4))], (1, 2), settings=QUICK
    )
    assert dice(labels_of(fused_labels, (44, 40, 22)), phantom.truth, 1) > 0.93


@pytest.mark.slow
def test_who_does_not_look_alike_has_no_vote() -> None:
    phantom = two_organs()
    noise = np.random.default_rng(99).normal(size=phantom.image.shape).astype(np.float32)
    unlike = SupportScan(
        Scan.from_spacing(noise[None], phantom.spacing), Annotation(phantom.truth, every_slice(22))
    )
    assert fuse_labels(scan_of(phantom), [unlike], (1, 2), settings=QUICK) == ()
    fused_labels = fuse_labels(
        scan_of(phantom), [unlike, support_of(phantom)], (1, 2), settings=QUICK
    )
    assert {count for fused in fused_labels for count in fused.voters} == {1}


@pytest.mark.parametrize("constant", [0.0, -1000.0])
def test_without_contrast_nothing_is_said(constant: float) -> None:
    phantom = two_organs()
    flat = Scan.from_spacing(np.full((1, 44, 40, 22), constant), phantom.spacing)
    support = SupportScan(flat, Annotation(phantom.truth, every_slice(22)))
    assert fuse_labels(flat, [support_of(phantom)], (1, 2), settings=QUICK) == ()
    assert fuse_labels(scan_of(phantom), [support], (1, 2), settings=QUICK) == ()
    assert fuse_labels(flat, [support], (1, 2), settings=QUICK) == ()


def test_without_support_nothing_is_said() -> None:
    seen: list[float] = []
    assert fuse_labels(scan_of(two_organs()), (), (1,), seen.append) == ()
    assert fuse_labels(scan_of(two_organs()), [support_of(two_organs())], (9,), seen.append) == ()
    assert seen == [1.0, 1.0]


def test_a_few_slices_are_a_scan() -> None:
    phantom = two_organs()
    thin = Scan.from_spacing(phantom.image[None, :, :, 9:11], phantom.spacing)
    fused_labels = fuse_labels(thin, [support_of(phantom)], (1, 2), settings=QUICK)
    labels_of(fused_labels, (44, 40, 2))


@pytest.mark.slow
def test_the_same_every_time_and_progress_grows() -> None:
    phantom = two_organs()
    support = [support_of(two_organs(seed=seed), by=seed) for seed in (1, 2)]
    seen: list[float] = []
    one = fuse_labels(scan_of(phantom), support, (1, 2), seen.append, QUICK)
    other = fuse_labels(scan_of(phantom), support, (1, 2), settings=QUICK)
    for mine, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine.probability, again.probability)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(set(seen)) >= 5


def test_agreement_by_hand() -> None:
    warped = [
        np.array([1, 1, 0, 0], dtype=np.float32),
        np.array([0, 1, 1, 0], dtype=np.float32),
    ]
    mean = np.array([0.5, 1, 0.5, 0], dtype=np.float32)
    # Each shares 1.5 of 2 + 2 with the mean.
    assert _agreement(warped, mean) == pytest.approx(0.75)
    assert _agreement([np.zeros(4, dtype=np.float32)], np.zeros(4, dtype=np.float32)) == 0
    assert _agreement([], mean) == 0
