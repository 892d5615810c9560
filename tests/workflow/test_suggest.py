"""`fewslice.suggest`: which slices next, and whether that is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import fewslice
from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.expected_gain import ExpectedGainSettings
from fewslice.active_learning.strategies.registry import ALL_PLANES, STRATEGIES
from fewslice.annotation.annotation import Annotation
from fewslice.engines import Scan
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.engine import Interpolation
from fewslice.errors import GeometryError, InputError
from fewslice.segmentation.posterior import Ensemble, Samples
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.workflow.suggest import DEFAULT, Suggestion, suggest
from tests.support.phantoms import Phantom
from tests.support.small_organs import small_organs, turned

AXIS = 2
PHANTOM = small_organs()
SPARSE = PHANTOM.sparse(AXIS, 4, 6)

OUTLINES = Ensemble((Interpolation(), Interpolation(EndCapSettings(per_gap=0.4, per_radius=0.8))))
"""Samples from outlines alone: quick, and the same however a scan is stored."""


class Counting:
    """A sampler that counts how often it is asked."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        self.seeds.append(seed)
        return OUTLINES.samples(scan, annotation, seed)


def query(labels: Any = SPARSE, image: Any = PHANTOM.image, **options: Any) -> Suggestion:
    """Ask, and check what holds for every answer."""
    given: dict[str, Any] = {"spacing": PHANTOM.spacing, "sampler": OUTLINES} | options
    if isinstance(image, Image):
        del given["spacing"]
    found = suggest(image, labels, **given)
    assert len(found.slices) <= given.get("count", 1)
    places = [(each.axis, each.index) for each in found.slices]
    assert len(set(places)) == len(places)
    shape = (image.geometry.shape if isinstance(image, Image) else image.shape)[-3:]
    for each in found.slices:
        assert type(each.axis) is int
        assert type(each.index) is int
        assert each.kind in ("draw", "present")
        assert each.plane in ("axial", "coronal", "sagittal")
        assert 0 <= each.index < shape[each.axis]
        assert np.isfinite(each.gain)
        assert each.seconds > 0
        assert each.reason.endswith(".")
    assert 0 <= found.predicted_dice_low <= found.predicted_dice <= 1
    assert type(found.predicted_dice) is type(found.predicted_dice_low) is float
    assert len(found.slice_dice) == len(found.slice_dice_low) == shape[found.axis]
    assert (found.slice_dice_low <= found.slice_dice).all()
    assert ((found.slice_dice_low >= 0) & (found.slice_dice <= 1)).all()
    return found


def places(found: Suggestion) -> list[tuple[str, int, int]]:
    return [(each.kind, each.axis, each.index) for each in found.slices]


def test_lengths_are_in_voxels_where_nobody_knows_the_spacing() -> None:
    settings = ExpectedGainSettings(questions=False, planes=False)
    for spacing, unit in ((PHANTOM.spacing, " mm from"), (None, " from")):
        found = query(spacing=spacing, settings=settings)
        (one,) = found.slices
        away = min(abs(one.index - drawn) for drawn in (4, 6))
        voxels = "1 voxel" if away == 1 else f"{away} voxels"
        length = voxels if spacing is None else f"{away * spacing[AXIS]:.1f}"
        assert one.reason.startswith(f"It is {length}{unit} the nearest slice looked at")


def test_as_people_call_it() -> None:
    found = fewslice.suggest(PHANTOM.image, SPARSE, spacing=PHANTOM.spacing, count=2)
    assert len(found.slices) == 2
    assert found.axis == AXIS
    assert found.slice_dice[[4, 6]].tolist() == [1.0, 1.0]
    assert (found.slice_dice[[3, 5, 7]] < 1).all()
    assert found.message == found.sentence(0.9)
    assert found.message.startswith(f"Expected Dice {found.predicted_dice:.2f}, at least 0.")
    assert found.predicted_dice_low <= found.promised_dice <= found.predicted_dice
    assert found.may_stop(found.promised_dice)
    assert not found.may_stop(found.promised_dice + 0.001)


@pytest.mark.slow
def test_the_answer_at_hand_is_judged_and_no_other() -> None:
    found = fewslice.segment(PHANTOM.image, SPARSE, spacing=PHANTOM.spacing)
    plain = query()
    given = query(answer=found)
    # The grid of so small a scan is its own: a coarse answer says what the whole one does.
    assert given.predicted_dice == pytest.approx(plain.predicted_dice, abs=5e-3)
    less_sure = 0.45 + found.prediction.probability / 10
    doubtful = replace(found.prediction, probability=less_sure.astype(np.float16))
    assert query(answer=replace(found, prediction=doubtful)).predicted_dice < (
        given.predicted_dice - 0.01
    )
    # Of another drawing, and by another engine, it tells nothing.
    other = fewslice.segment(PHANTOM.image, PHANTOM.sparse(AXIS, 5), spacing=PHANTOM.spacing)
    assert query(answer=other).predicted_dice == plain.predicted_dice
    assert query(answer=replace(found, engine="network")).predicted_dice == plain.predicted_dice
    # Nor of another scan.
    brighter = PHANTOM.image + 1
    assert query(image=brighter, answer=found).predicted_dice == (
        query(image=brighter).predicted_dice
    )


def test_one_slice_is_suggested_unless_more_are_wanted() -> None:
    assert len(query().slices) == 1


@pytest.mark.slow
def test_the_best_come_first_and_fewer_are_the_first_of_more() -> None:
    more = places(query(count=5))
    assert places(query(count=2)) == more[:2]
    assert places(query(count=5)) == more


def test_slices_may_be_named_in_arrays() -> None:
    named = {"annotated": [(AXIS, 0), (AXIS, 9)], "present": [(AXIS, 7)]}
    arrays = {name: np.array(given) for name, given in named.items()}
    assert places(query(**arrays, count=5)) == places(query(**named, count=5))


def test_whatever_was_annotated_is_not_asked_again() -> None:
    every = query(annotated=[(AXIS, 0), (AXIS, 9)], present=[(AXIS, 7)], count=20)
    found = places(every)
    assert not {("draw", AXIS, at) for at in (0, 4, 6, 9)} & set(found)
    asked = {index for kind, _, index in found if kind == "present"}
    assert asked <= {1, 2, 3, 8}  # 7 is answered, and 9 is known to be beyond the end
    assert len({(axis, index) for _, axis, index in found}) == len(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", *STRATEGIES])
def test_every_strategy(name: str) -> None:
    found = query(strategy=name, count=3, seed=3)
    assert len(found.slices) == 3
    assert not {("draw", AXIS, 4), ("draw", AXIS, 6)} & set(places(found))
    assert places(found) == places(query(strategy=name, count=3, seed=3))
    if name not in ("default", DEFAULT, ALL_PLANES):  # which look at all planes
        assert {axis for _, axis, _ in places(found)} == {AXIS}
        assert {kind for kind, _, _ in places(found)} == {"draw"}


def test_none_is_the_default_strategy() -> None:
    assert places(query(strategy=None)) == places(query(strategy="default"))


@pytest.mark.slow
def test_the_seed_reaches_the_sampler_and_what_is_random() -> None:
    sampler = Counting()
    firsts = {places(query(sampler=sampler, strategy="random", seed=seed))[0] for seed in range(5)}
    assert sampler.seeds == list(range(5))
    assert len(firsts) > 1


def test_a_plane_of_maximum_uncertainty_may_lie_across_any_axis() -> None:
    found = query(strategy="plane-of-maximum-uncertainty", count=30)
    assert {axis for _, axis, _ in places(found)} == {0, 1, 2}


def test_questions_and_planes_can_be_left_out() -> None:
    drawing = ExpectedGainSettings(questions=False, planes=False)
    found = places(query(settings=drawing, count=12))
    assert {(kind, axis) for kind, axis, _ in found} == {("draw", AXIS)}
    crossing = places(query(settings=ExpectedGainSettings(questions=False), count=12))
    assert {axis for _, axis, _ in crossing} == {0, 1, 2}


@pytest.mark.parametrize("name", ["default", "entropy"])
def test_the_stated_cost_is_what_counts(name: str) -> None:
    slow = ExpectedGainSettings(CostModel(slice=100.0, millimetre=0.0), questions=False)
    assert [each.seconds for each in query(strategy=name, settings=slow).slices] == [100.0]


@pytest.mark.parametrize(
    ("permutation", "flipped"),
    [((2, 0, 1), ()), ((1, 0, 2), (0,)), ((0, 1, 2), (2,)), ((1, 2, 0), (0, 1, 2))],
)
def test_suggestions_turn_with_the_scan(
    permutation: tuple[int, int, int], flipped: tuple[int, ...]
) -> None:
    """In which order a file stores its axes is no reason to ask for another slice."""
    plain = query(count=4)
    phantom = turned(PHANTOM, permutation, flipped)

    def place(axis: int, index: int) -> tuple[int, int]:
        new = permutation.index(axis)
        return new, phantom.truth.shape[new] - 1 - index if new in flipped else index

    labels = phantom.sparse(*zip_axis([place(AXIS, at) for at in (4, 6)]))
    found = query(labels, phantom.image, spacing=phantom.spacing, count=4)
    assert places(found) == [(kind, *place(axis, index)) for kind, axis, index in places(plain)]
    assert [each.gain for each in found.slices] == pytest.approx(
        [each.gain for each in plain.slices], rel=0.05, abs=1e-3
    )
    assert found.predicted_dice == pytest.approx(plain.predicted_dice, abs=0.01)
    assert found.predicted_dice_low == pytest.approx(plain.predicted_dice_low, abs=0.01)


def zip_axis(slices: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """(axis, index, index, ...) as `Phantom.sparse` takes it."""
    return (slices[0][0], *(index for _, index in slices))


@pytest.mark.slow
def test_images_and_label_maps_know_their_planes() -> None:
    # The array's last axis runs from left to right.
    affine = np.array([[0, 0, 4, 0], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1]], dtype=float)
    geometry = Geometry(PHANTOM.image.shape, affine)
    image = Image(PHANTOM.image, geometry)
    found = query(LabelMap(SPARSE, geometry), image, count=8)
    names = {0: "coronal", 1: "axial", 2: "sagittal"}
    assert all(each.plane == names[each.axis] for each in found.slices)
    plain = query(count=8)
    assert places(found) == places(plain)


def test_channels_and_whole_numbers() -> None:
    grey = (PHANTOM.image * 100).astype(np.int16)
    for name in ("default", "core-set"):
        found = query(image=np.stack([grey, -grey]), strategy=name, count=2)
        assert len(found.slices) == 2


@pytest.mark.slow
def test_answers_to_questions_change_what_is_asked() -> None:
    # Questions come first, however little they promise.
    settings = ExpectedGainSettings(
        CostModel(slice=1e6), planes=False, question_gain=0.0, likely_no=0.0
    )
    before = query(settings=settings, count=1)
    (question,) = before.slices
    assert question.kind == "present"
    place = (question.axis, question.index)
    yes = query(settings=settings, present=[place], count=15)
    no = query(settings=settings, annotated=[place], count=15)
    for found in (yes, no):
        assert ("present", *place) not in places(found)
    assert ("draw", *place) in places(yes)  # known to hold it, but not drawn
    assert ("draw", *place) not in places(no)
    beyond = range(place[1], 11) if place[1] > 6 else range(place[1] + 1)
    assert not {index for kind, axis, index in places(no) if axis == AXIS} & set(beyond)


@pytest.mark.slow
def test_everything_annotated_leaves_nothing_to_ask() -> None:
    every = [(AXIS, index) for index in range(PHANTOM.truth.shape[AXIS])]
    for name in ("default", "entropy", "plane-of-maximum-uncertainty"):
        found = query(PHANTOM.truth, annotated=every, strategy=name, count=3)
        assert found.slices == ()
        assert (found.predicted_dice, found.predicted_dice_low) == (1.0, 1.0)
        assert found.may_stop(1.0)
        assert (found.slice_dice == 1).all()


def test_a_good_answer_is_expected_to_be_better_than_a_poor_one() -> None:
    one = query(PHANTOM.sparse(AXIS, 5))
    many = query(PHANTOM.sparse(AXIS, 2, 3, 4, 5, 6, 7, 8), annotated=[(AXIS, 1), (AXIS, 9)])
    assert many.predicted_dice > one.predicted_dice
    assert many.predicted_dice_low > one.predicted_dice_low


@pytest.mark.slow
def test_two_planes_partial_slices_and_large_labels() -> None:
    labels = SPARSE.astype(np.uint16) * 300
    labels[8] = PHANTOM.truth[8].astype(np.uint16) * 300
    labels[:, 12:, 6] = 255
    found = query(labels, count=15)
    assert not {("draw", 0, 8), ("draw", AXIS, 4), ("draw", AXIS, 6)} & set(places(found))


def test_one_drawn_slice_at_the_edge() -> None:
    cut = Phantom(PHANTOM.image[..., 5:], PHANTOM.truth[..., 5:], PHANTOM.spacing)
    found = query(cut.sparse(AXIS, 0), cut.image, count=9)
    assert all(index > 0 for _, axis, index in places(found) if axis == AXIS)


def test_a_scan_of_two_slices() -> None:
    cut = Phantom(PHANTOM.image[..., 5:7], PHANTOM.truth[..., 5:7], PHANTOM.spacing)
    query(cut.sparse(AXIS, 0), cut.image, annotated=[(AXIS, 0)], count=3)


@pytest.mark.parametrize("axis", [0, 2])
def test_a_scan_of_one_slice(axis: int) -> None:
    place: tuple[Any, ...] = (slice(8, 9),) if axis == 0 else (..., slice(5, 6))
    cut = Phantom(PHANTOM.image[place], PHANTOM.truth[place], PHANTOM.spacing)
    found = query(cut.sparse(axis, 0), cut.image, annotated=[(axis, 0)], count=3)
    assert (found.slices, found.predicted_dice_low) == ((), 1.0)  # it is drawn
    if axis == 0:
        query(cut.sparse(2, 4), cut.image, annotated=[(2, 4)], count=3)


def test_from_other_scans_alone() -> None:
    other = small_organs(noise=0.2)
    found = query(None, support=[(other.image, other.truth)], sampler=None, count=2)
    assert len(found.slices) == 2
    # The organs are on slices 2 to 8; beyond an end one may be asked for.
    for each in found.slices:
        beyond = each.kind == "present"
        assert each.axis != AXIS or 2 - beyond <= each.index <= 8 + beyond


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": np.zeros_like(SPARSE)}, "holds no annotated slice .* outline the structure"),
        ({"labels": np.full_like(SPARSE, 255)}, "holds no annotated slice"),
        ({"labels": None}, "holds no annotated slice"),
        ({"count": 0}, "The number of slices to suggest is 0; it must be at least 1"),
        ({"count": -2}, "The number of slices to suggest is -2"),
        ({"strategy": "magic"}, "There is no strategy 'magic'; choose one of random, strided"),
        ({"seed": -1}, "The seed is -1; it must be 0 or more"),
        ({"present": [(AXIS, 11)]}, r"Slice 11 across array axis 2 was said to hold .* count from"),
        ({"present": [(3, 0)]}, "Slice 0 across array axis 3 was said to hold the structure"),
        ({"annotated": [(AXIS, 11)]}, "Slice 11 of the axial plane .* does not exist"),
        ({"labels": SPARSE.astype(float) + 0.5}, "not a whole number"),
        ({"image": PHANTOM.image[0]}, "has 2 axes"),
        ({"image": np.full_like(PHANTOM.image, np.nan)}, "finite|NaN|nan"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        query(**options)
    annotated = str(caught.value)
    assert "\n" not in annotated
    assert annotated.endswith(".")


def test_a_label_map_of_another_scan() -> None:
    with pytest.raises(GeometryError):
        query(SPARSE[:-1])


def test_a_yes_may_be_counted_from_the_end() -> None:
    last = PHANTOM.truth.shape[AXIS]
    near, far = ([(AXIS, 8)], [(AXIS, 8 - last)])
    assert places(query(present=near, count=5)) == places(query(present=far, count=5))


def test_what_was_assumed_of_labels_is_said_with_the_numbers_of_a_person() -> None:
    drawn = SPARSE.astype(np.uint8)
    drawn[drawn == drawn.max()] = 255
    place = tuple(np.argwhere(drawn[:, :, 6] == 0)[0])
    drawn[(*place, 5)] = 255  # a slip between the two slices
    found = query(drawn, ignore_label=None)
    assert "Label 255 has only 1 voxel on axial 5" in " ".join(found.remarks)
    assert not query(drawn, ignore_label=None, strict=True).remarks
