"""Which support scans are chosen, by hand."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan, SupportScan
from fewslice.engines.atlas.selection import appearance_of, correlation, most_similar, similarity
from tests.support.phantoms import two_organs

RAMP = np.broadcast_to(np.arange(32.0), (16, 16, 32)).astype(np.float32)


def scan(*channels: npt.NDArray[np.float32]) -> Scan:
    return Scan.from_spacing(np.stack(channels), (1.0, 1.0, 1.0))


def support(
    image: npt.NDArray[np.float32], *indices: int, value: int = 1, first: int = 3
) -> SupportScan:
    """Return a scan with a square of a label on some slices across the last axis."""
    labels = np.zeros(image.shape, dtype=np.uint8)
    labels[first : first + 4, 3:7, list(indices)] = value
    return SupportScan(scan(image), Annotation(labels, tuple((2, index) for index in indices)))


def noisy(image: npt.NDArray[np.float32], amount: float, seed: int = 0) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0, amount, image.shape)
    return (image + noise).astype(np.float32)


def test_likeness_by_hand() -> None:
    ramp, same = appearance_of(scan(RAMP)), appearance_of(scan(RAMP * 100 - 1000))
    assert ramp.thumbnail.shape == (1, 16, 16, 16)
    # 32 positions onto 16 parts: each the mean of two neighbours, so again a ramp.
    steps = np.diff(ramp.thumbnail[0, 0, 0])
    assert steps[2:-2] == pytest.approx(steps[2], rel=1e-4)
    assert similarity(ramp, same) == pytest.approx(1, abs=1e-5)  # units do not matter
    # Turned round: thumbnails are opposite (-1), histograms the same (1), so the mean is 0.
    turned = appearance_of(scan(RAMP[..., ::-1]))
    assert correlation(ramp, turned) == pytest.approx(-1, abs=1e-5)
    assert similarity(ramp, turned) == pytest.approx(0, abs=1e-5)
    # Across: thumbnails have nothing in common (0). Of 32 values that fill 32 bins evenly there are
    # 16 left, each twice as often: histograms overlap by 16/32. The mean of 0 and 1/2 is 1/4.
    across = appearance_of(scan(np.repeat(RAMP[:, :, ::2].transpose(2, 0, 1), 2, axis=2)))
    assert correlation(ramp, across) == pytest.approx(0, abs=1e-5)
    assert similarity(ramp, across) == pytest.approx(0.25, abs=1e-5)


def test_a_channel_that_is_the_same_everywhere() -> None:
    flat, ramp = appearance_of(scan(np.full_like(RAMP, 7))), appearance_of(scan(RAMP))
    assert correlation(flat, flat) == 1
    assert similarity(flat, appearance_of(scan(np.full_like(RAMP, -3)))) == 1
    assert correlation(flat, ramp) == 0
    # Two channels: the mean of 1 and -1.
    both = appearance_of(scan(RAMP, RAMP))
    half = appearance_of(scan(RAMP, RAMP[..., ::-1]))
    assert correlation(both, half) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("shape", [(16, 16, 32), (5, 40, 3), (1, 1, 2), (130, 17, 200)])
def test_scans_of_any_size_can_be_compared(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = appearance_of(scan(image))
    assert found.thumbnail.shape == (1, 16, 16, 16)
    assert found.histogram.sum() == pytest.approx(1, abs=1e-5)
    assert similarity(found, found) == pytest.approx(1, abs=1e-4)


def test_the_likest_come_first_and_no_more_than_asked_for() -> None:
    away = [support(noisy(RAMP, amount, 1), 4) for amount in (40.0, 2.0, 12.0)]
    opposite = support(np.ascontiguousarray(RAMP[..., ::-1]), 4)
    given = [opposite, *away]
    chosen = most_similar(scan(RAMP), given, 3)
    assert [given.index(each) for each in chosen] == [2, 3, 1]
    assert most_similar(scan(RAMP), given, 9)[-1] is opposite
    assert most_similar(scan(RAMP), given, 0) == ()
    assert most_similar(scan(RAMP), [], 3) == ()


def test_of_the_same_scan_the_one_with_most_annotated_slices_stays() -> None:
    given = [support(RAMP, 4), support(RAMP, 4, 5)]
    assert most_similar(scan(RAMP), given, 5) == (given[1],)
    assert most_similar(scan(RAMP), given[::-1], 5) == (given[1],)
    # As many slices each: the first stays.
    equal = [support(RAMP, 4), support(RAMP, 9)]
    assert most_similar(scan(RAMP), equal, 5) == (equal[0],)


def test_on_a_tie_the_order_given_stays() -> None:
    square = np.zeros((16, 16, 16), dtype=np.float32)
    square[4:12, 4:12, 4:12] = 1
    left, right = square.copy(), square.copy()
    left[0], right[-1] = 1, 1  # mirror images, as like the square as one another
    given = [support(image, 4) for image in (right, left)]
    assert most_similar(scan(square), given, 2) == tuple(given)
    assert most_similar(scan(square), given[::-1], 2) == tuple(given[::-1])


def test_nearly_the_same_image_is_a_duplicate_only_with_the_same_labels() -> None:
    saved_again = noisy(RAMP, 0.01)
    original, copy = support(RAMP, 4, 8), support(saved_again, 4)
    assert most_similar(scan(RAMP), [copy, original], 5) == (original,)
    elsewhere = support(saved_again, 4, first=4)  # drawn otherwise on the slice both have
    assert set(most_similar(scan(RAMP), [elsewhere, original], 5)) == {elsewhere, original}
    another_value = support(saved_again, 4, value=2)
    assert len(most_similar(scan(RAMP), [another_value, original], 5)) == 2
    nothing_in_common = support(saved_again, 11)
    assert len(most_similar(scan(RAMP), [nothing_in_common, original], 5)) == 2


def test_different_scans_with_the_same_labels_are_all_kept() -> None:
    first, second = two_organs(noise=0.5, seed=1), two_organs(noise=0.5, seed=2)
    every = tuple((2, index) for index in range(22))
    given = [
        SupportScan(
            Scan.from_spacing(each.image[None], each.spacing), Annotation(each.truth, every)
        )
        for each in (first, second)
    ]
    assert len(most_similar(Scan.from_spacing(two_organs().image[None], (1, 1, 2)), given, 5)) == 2


def test_it_takes_little_time_and_changes_nothing() -> None:
    image = np.random.default_rng(0).normal(size=(128, 128, 128)).astype(np.float32)
    before = image.copy()
    given = [support(np.roll(image, shift), 4) for shift in range(4)]
    start = perf_counter()
    most_similar(scan(image), given, 2)
    assert perf_counter() - start < 2  # 0.02 s for each scan; much more on a busy machine
    np.testing.assert_array_equal(image, before)
