"""What every engine must do, however well it answers: one suite over all of them.

How well our own engines answer is in `test_fair_answers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewslice.annotation.finding import find_annotation
from fewslice.engines import (
    OTHER_ENGINES,
    Engine,
    Scan,
    find_engine,
)
from fewslice.errors import InputError
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelArray
from tests.support.engine_questions import (
    AXIS,
    DRAWN,
    LEARNERS,
    QUICK,
    SUPPORT_ONLY,
    TESTED,
    annotate,
    clicked_across,
    complete,
    crossed,
    in_three_planes,
    partly_hidden,
    scribbled,
    supported,
    turned,
)
from tests.support.other_engines import OTHER_LEARNERS, OTHERS
from tests.support.phantoms import Phantom, dice, two_organs

ALL = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in sorted([*TESTED, *OTHERS])
]


@pytest.fixture(params=ALL, scope="module")
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    with ExitStack() as opened:
        made = OTHERS.get(request.param)
        folder = tmp_path_factory.mktemp("engine")
        yield TESTED[request.param] if made is None else made(folder, opened)


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in sorted([*LEARNERS, *OTHER_LEARNERS])
    ]
)
def learner(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    made = OTHER_LEARNERS.get(request.param)
    return LEARNERS[request.param] if made is None else made(tmp_path, ExitStack())


@pytest.fixture(scope="module")
def followed(engine: Engine) -> tuple[LabelArray, list[float]]:
    """The answer to the plainest question, and the progress that was told meanwhile."""
    phantom = two_organs()
    seen: list[float] = []
    return complete(engine, phantom, phantom.sparse(AXIS, *DRAWN), progress=seen.append), seen


@pytest.fixture(scope="module")
def plain(followed: tuple[LabelArray, list[float]]) -> LabelArray:
    """The answer to the plainest question, which several tests compare with."""
    return followed[0]


def test_both_organs_are_answered_beyond_the_drawn_slices(plain: LabelArray) -> None:
    between = plain[..., 12]
    assert {1, 2} <= set(np.unique(between).tolist())


@pytest.mark.slow
def test_predicting_changes_nothing_and_repeats_itself(engine: Engine) -> None:
    phantom = two_organs()
    image, labels = phantom.image.copy(), phantom.sparse(AXIS, *DRAWN)
    prepared = engine.prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))
    first = prepared.predict(annotate(phantom, labels))
    prepared.predict(annotate(phantom, phantom.sparse(AXIS, 9)))
    again = prepared.predict(annotate(phantom, labels))
    np.testing.assert_array_equal(first.probability, again.probability)
    np.testing.assert_array_equal(phantom.image, image)
    np.testing.assert_array_equal(labels, phantom.sparse(AXIS, *DRAWN))


@pytest.mark.parametrize("permutation", [(2, 0, 1), (1, 0, 2), (0, 2, 1)])
def test_nothing_is_mirrored_or_permuted(
    engine: Engine, plain: LabelArray, permutation: tuple[int, int, int]
) -> None:
    there = turned(two_organs(), permutation, (0, 2))
    axis = permutation.index(AXIS)
    length = there.truth.shape[axis]
    indices = [length - 1 - index if axis in (0, 2) else index for index in DRAWN]
    answer = complete(engine, there, there.sparse(axis, *indices))
    back = np.flip(answer, (0, 2)).transpose(np.argsort(permutation))
    for value in (1, 2):
        assert dice(back, plain, value) > 0.97


def test_units_of_length_do_not_matter(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    # A power of two, so that rounding is the same and the answer must be, to the last voxel.
    metres = Phantom(phantom.image, phantom.truth, (2**-10, 2**-10, 2**-9))
    labels = phantom.sparse(AXIS, *DRAWN)
    np.testing.assert_array_equal(plain, complete(engine, metres, labels))


def test_units_of_intensity_do_not_matter(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    hounsfield = Phantom(phantom.image * 1000 - 1000, phantom.truth, phantom.spacing)
    labels = phantom.sparse(AXIS, *DRAWN)
    assert (plain != complete(engine, hounsfield, labels)).mean() < 1e-3


def test_intensities_may_be_tiny(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    # Diffusion in m²/s is about 1e-9, and this is less. A power of two, as above.
    small = Phantom(np.ldexp(phantom.image, -96), phantom.truth, phantom.spacing)
    labels = phantom.sparse(AXIS, *DRAWN)
    np.testing.assert_array_equal(plain, complete(engine, small, labels))


def test_what_was_not_looked_at_is_answered(engine: Engine) -> None:
    phantom = two_organs()
    labels, hidden = partly_hidden(phantom)
    answer = complete(engine, phantom, labels)
    assert set(np.unique(answer[hidden]).tolist()) <= {0, 1, 2}


def test_scribbles_are_kept(engine: Engine) -> None:
    phantom = two_organs()
    labels = scribbled(phantom)
    answer = complete(engine, phantom, labels)
    np.testing.assert_array_equal(answer[labels != 255], labels[labels != 255])


def test_slices_named_empty_stay_empty(engine: Engine) -> None:
    phantom = two_organs()
    named = ((AXIS, 2), (AXIS, 18))
    answer = complete(engine, phantom, phantom.sparse(AXIS, *DRAWN), named)
    assert not answer[:, :, [2, 18]].any()


@pytest.mark.slow
def test_crossing_slices_are_neither_mirrored_nor_permuted(engine: Engine) -> None:
    phantom, order = two_organs(), (2, 0, 1)
    labels, places = crossed(phantom)
    expected = complete(engine, phantom, labels, places)
    there = turned(phantom, order, (1,))
    length = phantom.truth.shape[0]  # now along axis 1, and the other way round
    moved = tuple(
        (order.index(axis), length - 1 - index if axis == 0 else index) for axis, index in places
    )
    answer = complete(engine, there, np.flip(labels.transpose(order), 1).copy(), moved)
    back = np.flip(answer, 1).transpose(np.argsort(order))
    for value in (1, 2):
        assert dice(back, expected, value) > 0.97


def test_slices_of_three_planes_are_all_kept(engine: Engine) -> None:
    phantom = two_organs()
    answer = complete(engine, phantom, *in_three_planes(phantom))
    for place in ((0, 14), (0, 31), (1, 20), (2, 10)):
        np.testing.assert_array_equal(
            answer.take(place[1], place[0]), phantom.truth.take(place[1], place[0])
        )


def test_a_click_in_another_plane_than_the_drawn_slice(engine: Engine) -> None:
    phantom = two_organs()
    labels, clicked = clicked_across(phantom)
    answer = complete(engine, phantom, labels, ((AXIS, 10), (1, clicked[1])))
    assert (answer[:, :, 10] == phantom.truth[:, :, 10]).all()
    assert answer[clicked] == phantom.truth[clicked] != 0


def test_most_slices_named_empty_in_another_plane_than_the_drawn_one(engine: Engine) -> None:
    phantom = two_organs()
    named = ((2, 0), (2, 1), (2, 21), (0, 14))
    answer = complete(engine, phantom, phantom.sparse(0, 14), named)
    assert (answer[14] == phantom.truth[14]).all()
    assert not answer[:, :, [0, 1, 21]].any()


@pytest.mark.parametrize("index", [0, 21])
def test_one_slice_at_the_edge_of_the_scan(engine: Engine, index: int) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[10:20, 10:20, index] = 1
    assert (complete(engine, phantom, labels)[:, :, index] == labels[:, :, index]).all()


def test_a_constant_image(engine: Engine) -> None:
    phantom = two_organs()
    flat = Phantom(np.full_like(phantom.image, 7.0), phantom.truth, phantom.spacing)
    assert complete(engine, flat, flat.sparse(AXIS, *DRAWN)).any()


def test_a_structure_of_three_voxels(engine: Engine) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[20, 20:23, 8] = 3
    assert (complete(engine, phantom, labels)[:, :, 8] == labels[:, :, 8]).all()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_volume_of_hardly_any_slices(engine: Engine, depth: int) -> None:
    phantom = two_organs()
    thin = Phantom(
        phantom.image[:, :, 9 : 9 + depth], phantom.truth[:, :, 9 : 9 + depth], phantom.spacing
    )
    answer = complete(engine, thin, thin.sparse(AXIS, 0), ((AXIS, 0),))
    assert (answer[:, :, 0] == thin.truth[:, :, 0]).all()


def test_labels_beyond_255(engine: Engine) -> None:
    phantom = two_organs()
    labels = phantom.sparse(AXIS, *DRAWN).astype(np.uint16) * 300
    answer = complete(engine, phantom, labels)
    assert answer.dtype == np.uint16
    assert set(np.unique(answer).tolist()) == {0, 300, 600}


def test_several_channels(engine: Engine) -> None:
    phantom = two_organs()
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    noise = np.random.default_rng(3).normal(size=phantom.image.shape).astype(np.float32)
    scan = Scan.from_spacing(np.stack([noise, phantom.image]), phantom.spacing)
    prediction = engine.prepare(scan).predict(annotation)
    assert np.isfinite(prediction.probability).all()
    answer = assemble_labels(prediction, annotation)
    assert set(np.unique(answer).tolist()) == {0, 1, 2}


def test_support_is_accepted_and_never_changed(engine: Engine) -> None:
    phantom, other = two_organs(), two_organs(seed=7)
    support = supported(other)
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    prediction = engine.prepare(scan, (support,)).predict(annotation)
    assert prediction.values == (0, 1, 2)
    untouched = two_organs(seed=7)
    np.testing.assert_array_equal(other.image, untouched.image)
    np.testing.assert_array_equal(other.truth, untouched.truth)


def test_support_makes_no_difference_to_engines_that_do_not_use_it(engine: Engine) -> None:
    if engine.uses_support:
        pytest.skip("it uses support")
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    with_support = engine.prepare(scan, (supported(two_organs(seed=7)),)).predict(annotation)
    np.testing.assert_array_equal(
        with_support.probability, engine.prepare(scan).predict(annotation).probability
    )


def test_with_support_a_scan_may_hold_nothing_but_slices_named_empty(learner: Engine) -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = tuple(supported(two_organs(seed=seed)) for seed in (7, 8, 9))
    geometry = Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    empty = find_annotation(np.zeros_like(phantom.truth), geometry, ((AXIS, 1),), (1, 2))
    prediction = learner.prepare(scan, support).predict(empty)
    answer = assemble_labels(prediction, empty)
    assert prediction.values == (0, 1, 2)
    assert not answer[:, :, 1].any()
    assert answer.any()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["atlas", "network"])  # what others ask about support
def test_intensities_of_support_may_be_tiny(name: str) -> None:
    def answer(power: int) -> LabelArray:
        phantom, other = (
            replace(each, image=np.ldexp(each.image, power))
            for each in (two_organs(), two_organs(seed=7))
        )
        scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
        annotation = annotate(phantom, phantom.sparse(AXIS, 10))
        prediction = LEARNERS[name].prepare(scan, (supported(other),)).predict(annotation)
        return assemble_labels(prediction, annotation)

    np.testing.assert_array_equal(answer(-96), answer(0))


def test_progress_only_grows(followed: tuple[LabelArray, list[float]]) -> None:
    _, seen = followed
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] <= 1


@pytest.mark.parametrize("name", sorted(SUPPORT_ONLY))
def test_an_engine_that_needs_support_says_so(name: str) -> None:
    phantom = two_organs()
    with pytest.raises(InputError, match=f"The engine {name} answers from support scans alone"):
        SUPPORT_ONLY[name].prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))


@pytest.mark.parametrize("name", OTHER_ENGINES)
def test_an_engine_of_others_says_what_it_needs(name: str) -> None:
    phantom = two_organs()
    with pytest.raises(InputError, match=f"The engine {name} needs .* give "):
        OTHER_ENGINES[name].prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))


def test_an_engine_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(InputError, match=r"auto, interpolation, random-walker.*monai-bundle"):
        find_engine("magic")
