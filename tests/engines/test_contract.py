"""What every engine must do, whatever it is: one suite over `ENGINES`."""

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from fewslice.annotation.annotation import Annotation, blank_annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import ENGINES, Engine, Finetuned, Scan, SupportScan, find_engine
from fewslice.errors import InputError
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelArray
from tests.support.phantoms import Phantom, dice, two_organs
from tests.support.stand_in_engine import Voting

AXIS = 2
DRAWN = (6, 10, 14)
# Fine-tuning ends after a step, not after so many seconds: it repeats itself, and is quick.
TESTED: dict[str, Engine] = ENGINES | {"finetuned": Finetuned(seconds=600, steps=1, most_folds=2)}
SUPPORT_ONLY = {"atlas": TESTED.pop("atlas")}
"""Engines that nothing drawn on the scan tells anything: they are tested with support only."""
LEARNERS: dict[str, Engine] = {
    **{name: engine for name, engine in TESTED.items() if engine.uses_support},
    **SUPPORT_ONLY,
    "voting": Voting(),
}
"""Engines that learn from support, and one that is so simple that these tests must be right."""


QUICK = {"interpolation", "random-walker", "voting"}


def slow_but_for_the_quick(engines: dict[str, Engine]) -> list[ParameterSet]:
    return [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in sorted(engines)
    ]


@pytest.fixture(params=slow_but_for_the_quick(TESTED), scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    return TESTED[request.param]


@pytest.fixture(params=slow_but_for_the_quick(LEARNERS))
def learner(request: pytest.FixtureRequest) -> Engine:
    return LEARNERS[request.param]


def annotate(
    phantom: Phantom, labels: LabelArray, named: tuple[tuple[int, int], ...] = ()
) -> Annotation:
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing), named)


def complete(
    engine: Engine, phantom: Phantom, labels: LabelArray, named: tuple[tuple[int, int], ...] = ()
) -> LabelArray:
    annotation = annotate(phantom, labels, named)
    prediction = engine.prepare(Scan.from_spacing(phantom.image[None], phantom.spacing)).predict(
        annotation
    )
    probability = prediction.probability.astype(np.float32)
    assert np.isfinite(probability).all()
    assert probability.min() >= 0
    assert probability.max() <= 1
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=0.01 * len(probability))
    assert prediction.values == (0, *annotation.values)
    assert all(
        0 <= a < b <= n
        for a, b, n in zip(
            prediction.region.start, prediction.region.stop, labels.shape, strict=True
        )
    )
    return assemble_labels(prediction, annotation)


@pytest.fixture(scope="module")
def plain(engine: Engine) -> LabelArray:
    """The answer to the plainest question, which several tests compare with."""
    phantom = two_organs()
    return complete(engine, phantom, phantom.sparse(AXIS, *DRAWN))


def test_completes_two_organs(plain: LabelArray) -> None:
    phantom = two_organs()
    assert dice(plain, phantom.truth, 1) > 0.85
    assert dice(plain, phantom.truth, 2) > 0.85


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
    phantom = two_organs()
    turned = Phantom(
        np.flip(phantom.image.transpose(permutation), (0, 2)).copy(),
        np.flip(phantom.truth.transpose(permutation), (0, 2)).copy(),
        tuple(phantom.spacing[axis] for axis in permutation),  # type: ignore[arg-type]
    )
    axis = permutation.index(AXIS)
    length = turned.truth.shape[axis]
    indices = [length - 1 - index if axis in (0, 2) else index for index in DRAWN]
    answer = complete(engine, turned, turned.sparse(axis, *indices))
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


def test_not_looked_at_is_never_background(engine: Engine) -> None:
    phantom = two_organs()
    labels = phantom.sparse(AXIS, *DRAWN)
    hidden = np.zeros(labels.shape, dtype=bool)
    hidden[:, 17:, 10] = True  # the upper half of both organs on the middle slice
    labels[hidden] = 255
    answer = complete(engine, phantom, labels)
    truth = phantom.truth
    assert 255 not in answer
    assert (answer[hidden] == truth[hidden])[truth[hidden] > 0].mean() > 0.8


def test_scribbles_are_enough_to_answer(engine: Engine) -> None:
    phantom = two_organs()
    labels = np.full(phantom.truth.shape, 255, dtype=np.uint8)
    for index in DRAWN:
        labels[::4, ::4, index] = phantom.truth[::4, ::4, index]
    answer = complete(engine, phantom, labels)
    assert dice(answer, phantom.truth, 1) > 0.7
    assert dice(answer, phantom.truth, 2) > 0.7


def test_saying_where_it_is_not_ends_the_structure(engine: Engine) -> None:
    phantom = two_organs()
    named = ((AXIS, 2), (AXIS, 18))
    answer = complete(engine, phantom, phantom.sparse(AXIS, *DRAWN), named)
    assert not answer[:, :, 2].any()
    assert not answer[:, :, 18].any()
    assert not answer[:, :, 20].any()


def crossed(phantom: Phantom) -> tuple[LabelArray, tuple[tuple[int, int], ...]]:
    """Return the plainest drawing and two slices that cross it, one through each organ."""
    labels, places = phantom.sparse(AXIS, *DRAWN), ((0, 14), (0, 31))
    for place in places:
        extra = phantom.sparse(*place)
        labels[extra > 0] = extra[extra > 0]
    return labels, (*places, *((AXIS, index) for index in DRAWN))


def test_slices_of_another_plane_make_it_no_worse(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    answer = complete(engine, phantom, *crossed(phantom))
    for value in (1, 2):
        assert dice(answer, phantom.truth, value) > dice(plain, phantom.truth, value) - 0.01


def test_crossing_slices_are_neither_mirrored_nor_permuted(engine: Engine) -> None:
    phantom, order = two_organs(), (2, 0, 1)
    labels, places = crossed(phantom)
    expected = complete(engine, phantom, labels, places)
    turned = Phantom(
        np.flip(phantom.image.transpose(order), 1).copy(),
        np.flip(phantom.truth.transpose(order), 1).copy(),
        tuple(phantom.spacing[axis] for axis in order),  # type: ignore[arg-type]
    )
    length = phantom.truth.shape[0]  # now along axis 1, and the other way round
    moved = tuple(
        (order.index(axis), length - 1 - index if axis == 0 else index) for axis, index in places
    )
    answer = complete(engine, turned, np.flip(labels.transpose(order), 1).copy(), moved)
    back = np.flip(answer, 1).transpose(np.argsort(order))
    for value in (1, 2):
        assert dice(back, expected, value) > 0.97


def test_slices_of_three_planes_work_together(engine: Engine) -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 10) + np.zeros_like(phantom.truth)
    for axis, index in ((0, 14), (0, 31), (1, 20)):
        extra = phantom.sparse(axis, index)
        labels[extra > 0] = extra[extra > 0]
    named = ((0, 14), (0, 31), (1, 20), (2, 10))
    answer = complete(engine, phantom, labels, named)
    assert dice(answer, phantom.truth, 1) > 0.8
    assert dice(answer, phantom.truth, 2) > 0.8


def test_most_slices_named_empty_in_another_plane_than_the_drawn_one(engine: Engine) -> None:
    phantom = two_organs()
    named = ((2, 0), (2, 1), (2, 21), (0, 14))
    answer = complete(engine, phantom, phantom.sparse(0, 14), named)
    assert (answer[14] == phantom.truth[14]).all()
    assert not answer[:, :, [0, 1, 21]].any()
    assert dice(answer, phantom.truth, 1) > 0.6


@pytest.mark.parametrize("index", [0, 21])
def test_one_slice_at_the_edge_of_the_scan(engine: Engine, index: int) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[10:20, 10:20, index] = 1
    assert (complete(engine, phantom, labels)[:, :, index] == labels[:, :, index]).all()


def test_a_constant_image(engine: Engine) -> None:
    phantom = two_organs()
    flat = Phantom(np.full_like(phantom.image, 7.0), phantom.truth, phantom.spacing)
    assert dice(complete(engine, flat, phantom.sparse(AXIS, *DRAWN)), phantom.truth, 1) > 0.75


def test_a_structure_of_three_voxels(engine: Engine) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[20, 20:23, 8] = 3
    answer = complete(engine, phantom, labels)
    assert (answer[:, :, 8] == labels[:, :, 8]).all()
    assert (answer == 3).sum() < 500


def test_a_structure_that_fills_the_slice(engine: Engine) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[:, :, 8] = labels[:, :, 12] = 1
    answer = complete(engine, phantom, labels)
    assert (answer[:, :, 10] == 1).mean() > 0.9


@pytest.mark.parametrize("depth", [1, 2])
def test_a_volume_of_hardly_any_slices(engine: Engine, depth: int) -> None:
    phantom = two_organs()
    thin = Phantom(
        phantom.image[:, :, 9 : 9 + depth], phantom.truth[:, :, 9 : 9 + depth], phantom.spacing
    )
    answer = complete(engine, thin, thin.sparse(AXIS, 0), ((AXIS, 0),))
    assert (answer[:, :, 0] == thin.truth[:, :, 0]).all()
    assert dice(answer, thin.truth, 1) > 0.9


def test_forty_labels_share_the_space(engine: Engine) -> None:
    shape = (32, 20, 7)
    truth = np.zeros(shape, dtype=np.uint16)
    for number in range(40):
        row, column = divmod(number, 5)
        truth[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] = 300 + number
    image = truth.astype(np.float32) % 7
    labels = np.zeros_like(truth)
    labels[:, :, 1] = truth[:, :, 1]
    labels[:, :, 5] = truth[:, :, 5]
    geometry = Geometry.from_spacing(shape)
    annotation = find_annotation(labels, geometry, ((2, 1), (2, 5)))
    prediction = engine.prepare(Scan.from_spacing(image[None], geometry.spacing)).predict(
        annotation
    )
    answer = assemble_labels(prediction, annotation)
    assert answer.dtype == np.uint16
    assert (answer[:, :, 3] == truth[:, :, 3]).mean() > 0.9


def test_several_channels(engine: Engine) -> None:
    phantom = two_organs()
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    noise = np.random.default_rng(3).normal(size=phantom.image.shape).astype(np.float32)
    scan = Scan.from_spacing(np.stack([noise, phantom.image]), phantom.spacing)
    answer = assemble_labels(engine.prepare(scan).predict(annotation), annotation)
    assert dice(answer, phantom.truth, 1) > 0.85


def supported(phantom: Phantom) -> SupportScan:
    """Return a phantom as a support scan on which every slice is annotated."""
    every = tuple((AXIS, index) for index in range(phantom.truth.shape[AXIS]))
    return SupportScan(
        Scan.from_spacing(phantom.image[None], phantom.spacing),
        annotate(phantom, phantom.truth, every),
    )


def test_support_is_accepted_and_never_changed(engine: Engine) -> None:
    phantom, other = two_organs(), two_organs(seed=7)
    support = supported(other)
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    prediction = engine.prepare(scan, (support,)).predict(annotation)
    answer = assemble_labels(prediction, annotation)
    assert dice(answer, phantom.truth, 1) > 0.85
    assert dice(answer, phantom.truth, 2) > 0.85
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


def test_support_alone_is_enough_to_answer(learner: Engine) -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = tuple(supported(two_organs(seed=seed)) for seed in (7, 8, 9))
    blank = blank_annotation(np.zeros_like(phantom.truth), AXIS, (1, 2))
    prepared = learner.prepare(scan, support)
    prediction = prepared.predict(blank)
    assert prediction.values == (0, 1, 2)
    answer = assemble_labels(prediction, blank)
    # The network has never seen such blobs: it must find them, not outline them to the voxel.
    assert dice(answer, phantom.truth, 1) > 0.5
    assert dice(answer, phantom.truth, 2) > 0.5
    np.testing.assert_array_equal(prepared.predict(blank).probability, prediction.probability)


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


def test_labels_that_only_support_holds_are_answered(learner: Engine) -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    support = tuple(supported(two_organs(seed=seed)) for seed in (7, 8, 9))
    geometry = Geometry.from_spacing(phantom.truth.shape, phantom.spacing)
    drawn = np.where(phantom.sparse(AXIS, 4) == 1, 1, 0).astype(np.uint8)
    annotation = find_annotation(drawn, geometry, extra_values=(1, 2))
    assert annotation.values == (1, 2)
    prediction = learner.prepare(scan, support).predict(annotation)
    assert prediction.values == (0, 1, 2)
    assert dice(assemble_labels(prediction, annotation), phantom.truth, 2) > 0.5


def test_progress_only_grows(engine: Engine) -> None:
    phantom = two_organs()
    seen: list[float] = []
    engine.prepare(Scan.from_spacing(phantom.image[None], phantom.spacing)).predict(
        annotate(phantom, phantom.sparse(AXIS, *DRAWN)), seen.append
    )
    assert seen == sorted(seen)
    assert seen[0] >= 0
    assert seen[-1] <= 1


@pytest.mark.parametrize("name", sorted(SUPPORT_ONLY))
def test_an_engine_that_needs_support_says_so(name: str) -> None:
    phantom = two_organs()
    with pytest.raises(InputError, match=f"The engine {name} answers from support scans alone"):
        SUPPORT_ONLY[name].prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))


def test_an_engine_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(InputError, match="auto, interpolation, random-walker"):
        find_engine("magic")
