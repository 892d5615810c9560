from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fewslice
from fewslice import Geometry, Image, LabelMap, read_image, read_labels, segment
from fewslice.engines import Engine, Interpolation
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.errors import GeometryError, InputError
from fewslice.example import labels_path, scan_path
from fewslice.segmentation.result import Segmentation
from fewslice.workflow.session import Session
from tests.support.phantoms import Phantom, dice, two_organs

AFFINE = np.array([[0, 0, -2.0, 30], [0, 1.0, 0, -5], [-1.0, 0, 0, 7], [0, 0, 0, 1]])


def test_arrays_and_images_give_the_same() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14)
    geometry = Geometry(phantom.image.shape, AFFINE)
    assert geometry.spacing == phantom.spacing
    plain = segment(phantom.image, labels, spacing=phantom.spacing, engine="interpolation")
    whole = segment(
        Image(phantom.image, geometry), LabelMap(labels, geometry), engine="interpolation"
    )
    mixed = segment(Image(phantom.image, geometry), labels, engine="interpolation")
    np.testing.assert_array_equal(plain.labels.array, whole.labels.array)
    np.testing.assert_array_equal(plain.labels.array, mixed.labels.array)
    np.testing.assert_array_equal(whole.labels.geometry.affine, AFFINE)
    assert plain.labels.geometry.spacing == phantom.spacing


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), engine=st.sampled_from(["interpolation", "random-walker"]))
def test_what_a_person_drew_comes_back_bit_for_bit(seed: int, engine: str) -> None:
    phantom = two_organs()
    rng = np.random.default_rng(seed)
    axis = int(rng.integers(3))
    indices = rng.choice(np.arange(4, 18), size=3, replace=False)
    labels = phantom.sparse(axis, *indices)
    named = [(axis, int(index)) for index in indices]
    scribbled = np.moveaxis(labels, axis, 0)
    scribbled[indices[0]][rng.random(scribbled.shape[1:]) < 0.3] = 255
    if not ((labels > 0) & (labels != 255)).any():
        return
    answer = segment(
        phantom.image, labels, spacing=phantom.spacing, annotated=named, engine=engine
    ).labels.array
    drawn, answered = np.moveaxis(labels, axis, 0), np.moveaxis(answer, axis, 0)
    for index in indices:
        known = drawn[index] != 255
        np.testing.assert_array_equal(answered[index][known], drawn[index][known])
    assert 255 not in answer


@pytest.mark.parametrize("dtype", [bool, np.int64, np.int16, np.float32, np.uint16])
def test_labels_of_any_whole_number_type(dtype: type) -> None:
    phantom = two_organs()
    labels = (phantom.sparse(2, 6, 10, 14) == 1).astype(dtype)
    answer = segment(phantom.image, labels, spacing=phantom.spacing, engine="interpolation")
    assert answer.labels.array.dtype in (np.uint8, np.uint16)
    assert dice(answer.labels.array, phantom.truth, 1) > 0.85


def test_large_label_values_survive() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14).astype(np.int32) * 32767
    answer = segment(phantom.image, labels, spacing=phantom.spacing, engine="interpolation")
    assert answer.label_values == (0, 32767, 65534)
    assert set(np.unique(answer.labels.array)) == {0, 32767, 65534}


def test_support_that_cannot_be_used_is_named() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14)
    answer = segment(
        phantom.image, labels, support=[(phantom.image, phantom.truth)], engine="random-walker"
    )
    assert "cannot learn from other scans" in answer.remarks[-1]


def test_a_spacing_that_cannot_be_trusted_is_said() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 10, 14)

    def remarks(**given: Any) -> tuple[str, ...]:
        return segment(phantom.image, labels, engine="interpolation", **given).remarks

    assert remarks(spacing=phantom.spacing) == ()
    assert remarks()[0].startswith("No spacing was given, so 1 mm is taken along every axis")
    metres = tuple(step * 1000 for step in phantom.spacing)
    assert "which no scan of a body is" in remarks(spacing=metres)[0]


@pytest.mark.slow
def test_without_a_spacing_engines_go_by_the_image_and_volumes_do_not() -> None:
    """Every fourth slice across axis 1 of the bundled scan, which is isotropic."""
    image = read_image(scan_path()).array[:, ::4]
    truth = read_labels(labels_path()).array[:, ::4]
    sparse = np.zeros_like(truth)
    sparse[:, (8, 12)] = truth[:, (8, 12)]
    found = segment(image, sparse, engine="random-walker")
    ones = segment(image, sparse, spacing=(1, 1, 1), engine="random-walker")
    assert "slices across array axis 1 lie about" in found.remarks[1]
    assert (found.labels.array != ones.labels.array).any()
    assert found.labels.geometry.spacing == (1, 1, 1)
    again = segment(image, sparse, engine="random-walker", previous=found)
    np.testing.assert_array_equal(again.labels.array, found.labels.array)
    session = Session(image, sparse, engine="random-walker").segment()
    np.testing.assert_array_equal(session.labels.array, found.labels.array)
    assert session.remarks == found.remarks


@pytest.mark.slow
def test_the_bundled_scan() -> None:
    image, truth = read_image(scan_path()), read_labels(labels_path())
    sparse = np.zeros_like(truth.array)
    for index in (30, 42, 54):
        sparse[:, index] = truth.array[:, index]
    found = segment(image, truth.with_array(sparse))
    assert found.annotation.slices == ((1, 30), (1, 42), (1, 54))
    assert found.engine == "auto"
    between = slice(30, 55)
    for value in truth.values:
        if value != 1:  # the caudate nucleus is drawn loosely here
            assert dice(found.labels.array[:, between], truth.array[:, between], value) > 0.7
    np.testing.assert_array_equal(found.labels.geometry.affine, truth.geometry.affine)


BAD: dict[str, tuple[Callable[[Phantom], tuple[Any, Any]], str]] = {
    "NaN": (lambda p: (p.image * np.nan, p.sparse(2, 9)), "no voxel with a finite value"),
    "shape": (lambda p: (p.image[:-1], p.sparse(2, 9)), r"shape \(44, 40, 22\), but the image \("),
    "two axes": (lambda p: (p.image[0], p.sparse(2, 9)), "2 axes"),
    "flat labels": (lambda p: (p.image, p.truth[0]), "label map has 2 axes"),
    "half labels": (lambda p: (p.image, p.sparse(2, 9) * 0.5), "not a whole number"),
    "negative": (lambda p: (p.image, -p.sparse(2, 9).astype(int)), "0 to 65,535"),
    "complex": (lambda p: (p.image * 1j, p.sparse(2, 9)), "complex"),
    "text": (lambda p: (p.image, p.sparse(2, 9).astype(str)), "whole numbers"),
    "empty": (lambda p: (p.image, p.sparse(2)), "no annotated slice"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_arrays_get_one_sentence(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises((InputError, GeometryError), match=message):
        segment(*make(two_organs()))


@pytest.mark.parametrize("spacing", [(1, 1), (1, 1, 0), (1, -1, 1), (1, 1, float("nan"))])
def test_bad_spacing_is_refused(spacing: tuple[float, ...]) -> None:
    phantom = two_organs()
    with pytest.raises(GeometryError, match="spacing"):
        segment(phantom.image, phantom.sparse(2, 9), spacing=spacing)


@pytest.mark.slow
def test_a_given_spacing_takes_the_place_of_the_scans_own() -> None:
    """A scan and labels that lost their spacing are answered as those that kept it."""
    phantom = two_organs()
    right, wrong = Geometry(phantom.image.shape, AFFINE), AFFINE.copy()
    wrong[:3, :3] /= phantom.spacing
    labels = phantom.sparse(2, 6, 10, 14)

    def answer(affine: Any, **given: Any) -> Segmentation:
        grid = Geometry(phantom.image.shape, affine)
        image = Image(phantom.image, grid)
        return segment(image, LabelMap(labels, grid), engine="random-walker", **given)

    kept, ones = answer(AFFINE), answer(wrong)
    found = answer(wrong, spacing=phantom.spacing)
    np.testing.assert_array_equal(found.labels.array, kept.labels.array)
    assert (ones.labels.array != kept.labels.array).any()
    np.testing.assert_allclose(found.labels.geometry.affine, right.affine)
    assert "given, 1, 1, 2 mm, is used in place of the scan's own, 1, 1, 1 mm" in found.remarks[0]


def test_a_given_spacing_also_holds_for_labels_of_another() -> None:
    phantom = two_organs()
    shape = phantom.image.shape
    image = Image(phantom.image, Geometry.from_spacing(shape, (1, 1, 2)))
    labels = LabelMap(phantom.sparse(2, 9), Geometry.from_spacing(shape))
    with pytest.raises(GeometryError, match="spacing: 1, 1, 2 mm against 1, 1, 1 mm"):
        segment(image, labels, engine="interpolation")
    found = segment(image, labels, spacing=(1, 1, 2), engine="interpolation")
    assert found.labels.geometry.spacing == (1, 1, 2)


def test_unknown_engine_and_slice() -> None:
    phantom = two_organs()
    with pytest.raises(InputError, match="choose one of auto"):
        segment(phantom.image, phantom.sparse(2, 9), engine="magic")
    with pytest.raises(InputError, match="slices 0 to 21"):
        segment(phantom.image, phantom.sparse(2, 9), annotated=[(2, 22)])


@pytest.mark.parametrize("many", [False, True], ids=["none", "two"])
def test_slices_may_be_named_in_an_array(many: bool) -> None:
    phantom = two_organs()
    empty: Any = np.array([[2, 0], [2, -1]] if many else np.empty((0, 2), int))
    found = segment(phantom.image, phantom.sparse(2, 9), annotated=empty, engine=Interpolation())
    assert found.annotation.slices == (((2, 0), (2, 9), (2, 21)) if many else ((2, 9),))


def test_the_public_names_exist() -> None:
    for name in fewslice.__all__:
        assert getattr(fewslice, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        _ = fewslice.segmnt


@pytest.mark.slow
def test_one_more_slice_is_answered_around_it_alone() -> None:
    phantom = two_organs()
    first = segment(phantom.image, phantom.sparse(2, 6, 10, 14), spacing=phantom.spacing)
    labels = phantom.sparse(2, 6, 8, 10, 14)
    second = segment(phantom.image, labels, spacing=phantom.spacing, previous=first)
    np.testing.assert_array_equal(second.labels.array[..., 8], phantom.truth[..., 8])
    np.testing.assert_array_equal(second.labels.array[..., 11:], first.labels.array[..., 11:])
    np.testing.assert_array_equal(second.labels.array[..., :6], first.labels.array[..., :6])
    assert dice(second.labels.array, phantom.truth, 1) >= dice(first.labels.array, phantom.truth, 1)


def test_a_previous_segmentation_of_another_grid_is_refused() -> None:
    phantom = two_organs()
    first = segment(
        phantom.image, phantom.sparse(2, 8), spacing=phantom.spacing, engine="interpolation"
    )
    with pytest.raises(GeometryError, match="previous segmentation"):
        segment(phantom.image[:-1], phantom.sparse(2, 8)[:-1], previous=first)


@pytest.mark.slow
def test_what_another_engine_said_along_planes_is_not_gone_on_from() -> None:
    phantom = two_organs()
    labels = np.maximum(phantom.sparse(0, 14, 31), phantom.sparse(2, 12))
    first = segment(phantom.image, labels, spacing=phantom.spacing, engine="network")
    assert {one.axis for one in first.prediction.kept} == {0, 2}
    forgotten = replace(first, prediction=replace(first.prediction, kept=()))
    more = np.maximum(labels, phantom.sparse(2, 8))

    def again(engine: str, previous: Segmentation) -> Any:
        found = segment(
            phantom.image, more, spacing=phantom.spacing, engine=engine, previous=previous
        )
        return found.prediction.probability

    np.testing.assert_array_equal(again("auto", first), again("auto", forgotten))
    assert (again("network", first) != again("network", forgotten)).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    ["random-walker", Interpolation(EndCapSettings(per_gap_otherwise=0.2, doubt=9.0))],
    ids=["engine", "settings"],
)
def test_the_answer_of_another_engine_is_not_taken_for_ones_own(other: str | Engine) -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 6, 14)

    def answered(engine: str | Engine, previous: Segmentation | None = None) -> Any:
        return segment(
            phantom.image, labels, spacing=phantom.spacing, engine=engine, previous=previous
        )

    first = answered("interpolation")
    alone = answered(other)
    again = answered(other, first)
    assert (alone.prediction.probability.shape != first.prediction.probability.shape) or (
        alone.prediction.probability != first.prediction.probability
    ).any()
    np.testing.assert_array_equal(again.probability, alone.probability)
    assert answered("interpolation", first).prediction is first.prediction
