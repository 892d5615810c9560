import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fewslice.errors import GeometryError, InputError
from fewslice.metrics.scores import Scores, default_tolerance, score, score_slices
from fewslice.metrics.surface import Spacing
from fewslice.typing import BoolArray

SHAPE = (6, 5, 4)
MASKS = hnp.arrays(np.bool_, SHAPE)
SPACINGS = st.tuples(*[st.floats(0.05, 5.0)] * 3)
UNIT = (1.0, 1.0, 1.0)

# The first example pays for heavy imports, and machines are busy: no deadline.
unhurried = settings(deadline=None, max_examples=60)


def same(one: Scores, other: Scores) -> bool:
    return dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other), rel=1e-6)


def cylinder(radius: float, shape: tuple[int, int, int] = (32, 32, 20)) -> BoolArray:
    i, j, k = np.indices(shape)
    inside = (i - 15.5) ** 2 + (j - 15.5) ** 2 < radius**2
    return np.asarray(inside & (k >= 3) & (k < 17))


@pytest.mark.slow
@unhurried
@given(MASKS, MASKS, SPACINGS)
def test_symmetric_and_in_range(prediction: BoolArray, reference: BoolArray, sp: Spacing) -> None:
    result = score(prediction, reference, sp)
    assert same(result, score(reference, prediction, sp))
    diagonal = math.hypot(*(n * step for n, step in zip(SHAPE, sp, strict=True)))
    assert 0 <= result.dice <= 1
    assert 0 <= result.surface_dice <= 1 + 1e-12
    assert 0 <= result.hd95 <= diagonal * (1 + 1e-12)
    assert 0 <= result.mean_surface_distance <= diagonal * (1 + 1e-12)


@pytest.mark.slow
@unhurried
@given(MASKS, SPACINGS)
def test_agreement_with_itself(mask: BoolArray, spacing: Spacing) -> None:
    assert score(mask, mask, spacing) == Scores(1, 0, 0, 1)


@pytest.mark.slow
@unhurried
@given(MASKS, MASKS, st.tuples(*[st.integers(0, 3)] * 3))
def test_translation_changes_nothing(
    prediction: BoolArray, reference: BoolArray, shift: tuple[int, int, int]
) -> None:
    spacing = (0.4, 1.0, 2.5)
    room = [(3, 3)] * 3
    one, other = np.pad(prediction, room), np.pad(reference, room)
    moved = np.roll(one, shift, axis=(0, 1, 2)), np.roll(other, shift, axis=(0, 1, 2))
    assert score(one, other, spacing) == score(*moved, spacing)


@pytest.mark.slow
@unhurried
@given(MASKS, MASKS, st.permutations(range(3)), st.sets(st.integers(0, 2)))
def test_permuted_and_flipped_axes_change_nothing(
    prediction: BoolArray, reference: BoolArray, order: list[int], flipped: set[int]
) -> None:
    spacing = (0.4, 1.1, 2.7)

    def turned(mask: BoolArray) -> BoolArray:
        return np.flip(mask.transpose(order), axis=tuple(flipped))

    i, j, k = order
    there = score(turned(prediction), turned(reference), (spacing[i], spacing[j], spacing[k]))
    assert same(there, score(prediction, reference, spacing))


@pytest.mark.slow
@unhurried
@given(MASKS, MASKS, st.integers(0, 2))
def test_nothing_skipped_is_the_whole_volume(
    prediction: BoolArray, reference: BoolArray, axis: int
) -> None:
    spacing = (0.4, 1.1, 2.7)
    assert score_slices(prediction, reference, spacing, axis, []) == score(
        prediction, reference, spacing
    )


@pytest.mark.slow
@unhurried
@given(MASKS, MASKS, st.sets(st.integers(0, 3), max_size=3))
def test_slices_symmetric_and_in_range(
    prediction: BoolArray, reference: BoolArray, skip: set[int]
) -> None:
    result = score_slices(prediction, reference, UNIT, 2, skip)
    assert same(result, score_slices(reference, prediction, UNIT, 2, skip))
    assert 0 <= result.dice <= 1
    assert 0 <= result.surface_dice <= 1 + 1e-12
    assert result.hd95 <= math.hypot(*SHAPE) * (1 + 1e-12)


def test_scores_of_a_known_error() -> None:
    # A cylinder drawn 2 mm too wide everywhere: surfaces 2 mm apart, none within 1 mm but the caps.
    result = score(cylinder(10), cylinder(8), UNIT, tolerance=1)
    assert all(type(value) is float for value in dataclasses.astuple(result))
    assert result.dice == pytest.approx(2 * 64 / (64 + 100), abs=0.02)
    assert result.hd95 == pytest.approx(2, abs=0.5)
    assert result.surface_dice < 0.6


def test_agreeing_annotated_slices_do_not_flatter() -> None:
    # The prediction copies the reference in the annotated slices and is too wide elsewhere.
    reference, prediction = cylinder(8), cylinder(11)
    annotated = [3, 8, 12, 16]
    prediction[:, :, annotated] = reference[:, :, annotated]
    whole = score(prediction, reference, UNIT)
    kept = score_slices(prediction, reference, UNIT, 2, annotated)
    assert kept.dice < whole.dice
    assert kept.surface_dice < whole.surface_dice
    assert kept.mean_surface_distance > whole.mean_surface_distance


def test_errors_in_skipped_slices_do_not_count() -> None:
    # Wrong only in the slices that are skipped and not even near to a kept one.
    reference = cylinder(8)
    prediction = reference.copy()
    prediction[:, :, 9:12] = cylinder(12)[:, :, 9:12]
    skip = range(8, 13)
    assert score(prediction, reference, UNIT).dice < 0.95
    assert score_slices(prediction, reference, UNIT, 2, skip) == Scores(1, 0, 0, 1)


def test_skipped_slices_do_not_bring_others_nearer() -> None:
    # One slab in slice 2, the other in slice 12. Deleting 3 to 11 would leave them one apart.
    one, other = (np.zeros((20, 20, 16), dtype=bool) for _ in range(2))
    one[:, :, 2], other[:, :, 12] = True, True
    result = score_slices(one, other, (1.0, 1.0, 3.0), 2, range(3, 12))
    # The near faces are 9 slices from the other slab and lie half in skipped slices, the far ones
    # are 10 slices from it and count in full: (27 / 2 + 30) / 1.5 mm.
    assert result.hd95 == pytest.approx(30)
    assert result.mean_surface_distance == pytest.approx(29)


def test_empty_masks_on_slices() -> None:
    nothing = np.zeros((8, 8, 8), dtype=bool)
    one = nothing.copy()
    one[2:5, 2:5, 1:3] = True
    diagonal = math.hypot(8, 8, 8)
    assert score(one, nothing, UNIT) == Scores(0, diagonal, diagonal, 0)
    assert score(nothing, nothing, UNIT) == Scores(1, 0, 0, 1)
    assert score_slices(nothing, nothing, UNIT, 2, [0]) == Scores(1, 0, 0, 1)
    assert score_slices(one, nothing, UNIT, 2, [5]) == Scores(0, diagonal, diagonal, 0)
    # The structure lies in skipped slices only, and so far in them that no element is shared.
    assert score_slices(one, nothing, UNIT, 2, [0, 1, 2, 3]) == Scores(1, 0, 0, 1)


def test_prediction_only_in_the_annotated_slice() -> None:
    # Nothing was propagated: Dice 0 on the kept slices, while distances stay those of the surfaces.
    reference = cylinder(8)
    prediction = np.zeros_like(reference)
    prediction[:, :, 10] = reference[:, :, 10]
    result = score_slices(prediction, reference, UNIT, 2, [10])
    assert result.dice == 0
    assert 5 < result.hd95 <= 8
    assert result.surface_dice < 0.5


@pytest.mark.parametrize("spacing", list(itertools.permutations([0.7, 0.9, 5.0])))
def test_default_tolerance_is_the_middle_spacing(spacing: Spacing) -> None:
    assert default_tolerance(spacing) == 0.9
    slab = np.zeros((10, 10, 10), dtype=bool)
    slab[4:6] = True
    shifted = np.roll(slab, 1, axis=0)
    assert score(slab, shifted, spacing) == score(slab, shifted, spacing, tolerance=0.9)


GOOD = np.zeros((3, 3, 3), dtype=bool)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prediction": GOOD.astype(np.uint8)}, InputError, "uint8"),
        ({"reference": GOOD[1:]}, InputError, "shapes"),
        ({"prediction": GOOD[0], "reference": GOOD[0]}, InputError, "three axes"),
        ({"spacing": (1.0, 0.0, 1.0)}, GeometryError, "spacing"),
        ({"spacing": (1.0, 1.0)}, GeometryError, "spacing"),
        ({"tolerance": -1.0}, InputError, "tolerance"),
        ({"tolerance": math.nan}, InputError, "tolerance"),
        ({"axis": 3}, InputError, "axis"),
        ({"skip": [3]}, InputError, "Slice 3"),
        ({"skip": [-1]}, InputError, "Slice -1"),
        ({"skip": [0, 1, 2]}, InputError, "All 3 slices"),
    ],
)
def test_wrong_input_is_named(change: Any, error: type[Exception], message: str) -> None:
    arguments: Any = {
        "prediction": GOOD,
        "reference": GOOD,
        "spacing": UNIT,
        "axis": 0,
        "skip": [1],
    }
    with pytest.raises(error, match=message):
        score_slices(**{**arguments, **change})
