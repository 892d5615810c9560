"""How well our own engines must answer: a fair Dice on phantoms, one suite over `ENGINES`."""

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from fewslice.annotation.annotation import blank_annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import Engine, Scan
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import LabelArray
from tests.support.engine_questions import (
    AXIS,
    DRAWN,
    LEARNERS,
    QUICK,
    TESTED,
    annotate,
    complete,
    crossed,
    in_three_planes,
    partly_hidden,
    scribbled,
    supported,
)
from tests.support.phantoms import Phantom, dice, two_organs


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


@pytest.fixture(scope="module")
def plain(engine: Engine) -> LabelArray:
    """The answer to the plainest question, which several tests compare with."""
    phantom = two_organs()
    return complete(engine, phantom, phantom.sparse(AXIS, *DRAWN))


def test_completes_two_organs(plain: LabelArray) -> None:
    phantom = two_organs()
    assert dice(plain, phantom.truth, 1) > 0.85
    assert dice(plain, phantom.truth, 2) > 0.85


def test_not_looked_at_is_never_background(engine: Engine) -> None:
    phantom = two_organs()
    labels, hidden = partly_hidden(phantom)
    answer, truth = complete(engine, phantom, labels), phantom.truth
    assert (answer[hidden] == truth[hidden])[truth[hidden] > 0].mean() > 0.8


def test_scribbles_are_enough_to_answer(engine: Engine) -> None:
    phantom = two_organs()
    answer = complete(engine, phantom, scribbled(phantom))
    assert dice(answer, phantom.truth, 1) > 0.7
    assert dice(answer, phantom.truth, 2) > 0.7


def test_clicks_beside_drawn_slices_change_little(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    index = 12  # between two drawn slices
    labels = phantom.sparse(AXIS, *DRAWN)
    on_it = phantom.truth[..., index]
    labels[..., index] = 255
    labels[0, 0, index] = 0
    for value in (1, 2):
        rows, columns = np.nonzero(on_it == value)
        labels[rows[len(rows) // 2], columns[len(rows) // 2], index] = value
    answer = complete(engine, phantom, labels, ((AXIS, index),))
    for value in (1, 2):
        assert dice(answer, phantom.truth, value) > dice(plain, phantom.truth, value) - 0.02


def test_saying_where_it_is_not_ends_the_structure(engine: Engine) -> None:
    phantom = two_organs()
    named = ((AXIS, 2), (AXIS, 18))
    answer = complete(engine, phantom, phantom.sparse(AXIS, *DRAWN), named)
    assert not answer[:, :, 20].any()


def test_slices_of_another_plane_make_it_no_worse(engine: Engine, plain: LabelArray) -> None:
    phantom = two_organs()
    answer = complete(engine, phantom, *crossed(phantom))
    for value in (1, 2):
        assert dice(answer, phantom.truth, value) > dice(plain, phantom.truth, value) - 0.01


def test_slices_of_three_planes_work_together(engine: Engine) -> None:
    phantom = two_organs()
    answer = complete(engine, phantom, *in_three_planes(phantom))
    assert dice(answer, phantom.truth, 1) > 0.8
    assert dice(answer, phantom.truth, 2) > 0.8


def test_most_slices_named_empty_in_another_plane_than_the_drawn_one(engine: Engine) -> None:
    phantom = two_organs()
    named = ((2, 0), (2, 1), (2, 21), (0, 14))
    answer = complete(engine, phantom, phantom.sparse(0, 14), named)
    assert dice(answer, phantom.truth, 1) > 0.6


def test_a_constant_image(engine: Engine) -> None:
    phantom = two_organs()
    flat = Phantom(np.full_like(phantom.image, 7.0), phantom.truth, phantom.spacing)
    assert dice(complete(engine, flat, phantom.sparse(AXIS, *DRAWN)), phantom.truth, 1) > 0.75


def test_a_structure_of_three_voxels_does_not_spread(engine: Engine) -> None:
    phantom = two_organs()
    labels = np.zeros_like(phantom.truth)
    labels[20, 20:23, 8] = 3
    assert (complete(engine, phantom, labels) == 3).sum() < 500


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
    assert dice(answer, thin.truth, 1) > 0.9


@pytest.mark.slow
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
    assert (answer[:, :, 3] == truth[:, :, 3]).mean() > 0.9


def test_several_channels(engine: Engine) -> None:
    phantom = two_organs()
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    noise = np.random.default_rng(3).normal(size=phantom.image.shape).astype(np.float32)
    scan = Scan.from_spacing(np.stack([noise, phantom.image]), phantom.spacing)
    answer = assemble_labels(engine.prepare(scan).predict(annotation), annotation)
    assert dice(answer, phantom.truth, 1) > 0.85


def test_support_does_no_harm(engine: Engine) -> None:
    phantom, other = two_organs(), two_organs(seed=7)
    support = supported(other)
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    annotation = annotate(phantom, phantom.sparse(AXIS, *DRAWN))
    prediction = engine.prepare(scan, (support,)).predict(annotation)
    answer = assemble_labels(prediction, annotation)
    assert dice(answer, phantom.truth, 1) > 0.85
    assert dice(answer, phantom.truth, 2) > 0.85


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
