"""Auto: which mixture it chooses, what it says of it, and how it mixes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation, find_annotation
from fewslice.engines import Adapted, EngineOptions, options_of
from fewslice.engines.base import Prediction, Scan
from fewslice.engines.ensemble.engine import (
    BEYOND_TWO,
    CROSSING,
    MIXTURES,
    USUAL,
    WALKER,
    Auto,
    Mixture,
    along,
    best_mixture,
    mixed,
)
from fewslice.engines.network.engine import Network
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.errors import WriteError
from fewslice.networks.shipped import shipped_weights
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.region import Region
from tests.engines.network.test_features import QUICK
from tests.support.known_features import weights_file
from tests.support.phantoms import Phantom, two_organs


def annotation_of(phantom: Phantom, *indices: int) -> Annotation:
    labels = phantom.sparse(2, *indices)
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing))


def answer(phantom: Phantom, annotation: Annotation) -> Prediction:
    return Auto().prepare(Scan(phantom.image[None], phantom.spacing)).predict(annotation)


def test_mixtures_are_means_and_the_usual_one_comes_first() -> None:
    assert MIXTURES[0] == USUAL
    assert len(set(MIXTURES)) == len(MIXTURES)
    for each in (*MIXTURES, BEYOND_TWO, CROSSING, WALKER):
        assert each.interpolation + each.walker + each.network == pytest.approx(1)
    assert str(Mixture(0, 1, 0)) == "the random walker"
    assert str(Mixture(0.5, 0, 0.5)) == "interpolation (50 %) and the network (50 %)"
    assert all(each.walker > 0 for each in MIXTURES)
    thirds = Mixture(1 / 3, 1 / 3, 1 / 3)
    assert str(thirds) == "interpolation (33 %), the random walker (33 %) and the network (33 %)"
    # Lessons flatter the network.
    assert max(each.network for each in MIXTURES) == USUAL.network


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([[0.80, 0.80, 0.80, 0.80]] * 2, 0),  # a tie
        ([[0.80, 0.84, 0.80, 0.80]] * 2, 0),  # better, but not by the margin
        ([[0.80, 0.86, 0.90, 0.70]] * 2, 2),
        ([[0.80, 0.95, 0.80, 0.80], [0.80, 0.70, 0.80, 0.80]], 0),  # 0.825 on average
    ],
)
def test_another_mixture_must_win_clearly(scores: list[list[float]], chosen: int) -> None:
    assert best_mixture(np.array(scores), margin=0.05) == MIXTURES[chosen]


def test_few_slices_say_that_nothing_was_compared() -> None:
    phantom = two_organs()
    for slices, mixture in (((8, 10, 12), USUAL), ((10,), USUAL)):
        (remark,) = answer(phantom, annotation_of(phantom, *slices)).remarks
        assert remark.startswith(f"auto used {mixture}: fewer than four slices are drawn in one")


def test_two_slices_that_cross_are_left_to_the_random_walker() -> None:
    phantom = two_organs()
    annotation = Annotation(phantom.sparse(2, 10) | phantom.sparse(0, 14), ((0, 14), (2, 10)))
    found = answer(phantom, annotation)
    scan = Scan(phantom.image[None], phantom.spacing)
    walked = RandomWalker().prepare(scan).predict(annotation)
    np.testing.assert_array_equal(found.probability, walked.probability)
    (remark,) = found.remarks
    assert remark.startswith("auto used the random walker: slices of several planes")


def test_from_three_slices_that_cross_the_network_counts_a_quarter() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 8, 12) | phantom.sparse(0, 14)
    annotation = Annotation(labels, ((0, 14), (2, 8), (2, 12)))
    found = answer(phantom, annotation)
    scan = Scan(phantom.image[None], phantom.spacing)
    walked, network = (
        on_whole(engine.prepare(scan).predict(annotation), phantom.image.shape)
        for engine in (RandomWalker(), Network())
    )
    expected = 0.75 * walked + 0.25 * network
    np.testing.assert_allclose(on_whole(found, phantom.image.shape), expected, atol=2e-3)
    (remark,) = found.remarks
    assert remark.startswith("auto used the random walker (75 %) and the network (25 %): slices of")


def test_an_empty_slice_across_is_not_counted_as_drawn() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 10) | phantom.sparse(0, 14)
    annotation = Annotation(labels, ((0, 0), (0, 14), (2, 10)))
    (remark,) = answer(phantom, annotation).remarks
    assert remark.startswith("auto used the random walker: slices of several planes")


def on_whole(prediction: Prediction, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the probabilities of structures on the whole scan."""
    whole = np.zeros((len(prediction.values) - 1, *shape), dtype=np.float32)
    whole[(slice(None), *prediction.region.slices)] = prediction.probability[1:]
    return whole


def test_slices_that_cannot_be_left_out_say_so() -> None:
    phantom = two_organs()
    annotation = annotation_of(phantom, 6, 8, 10, 12)
    labels = annotation.labels.copy()
    labels[2:5, 2:5, 8] = 3
    (remark,) = answer(phantom, Annotation(labels, annotation.slices)).remarks
    assert "too few slices could be left out" in remark


def test_given_seconds_it_asks_the_network_adapted(tmp_path: Path) -> None:
    phantom = two_organs()
    scan = Scan(phantom.image[None], phantom.spacing)
    annotation = annotation_of(phantom, 5, 8, 11, 14)
    path = tmp_path / "adapted.safetensors"
    # Weights that have learned nothing, so that adapting brings something.
    blank = Network(weights_file(tmp_path, random=True), QUICK, device="cpu")
    seen: list[float] = []
    adapting = Auto(blank, seconds=600.0, save_to=path)
    found = adapting.prepare(scan).predict(annotation, seen.append)
    assert found.remarks[-1].startswith("Adapting raised Dice on annotated slices that were left")
    assert found.remarks[-1].endswith(f"The state is in {path}.")
    assert seen == sorted(seen)
    assert seen[-1] == 1
    read = Auto(replace(blank, weights=path)).prepare(scan).predict(annotation)
    np.testing.assert_array_equal(read.probability, found.probability)
    assert read.remarks == found.remarks[:-1]
    unlike = Auto(blank).prepare(scan).predict(annotation)
    assert (unlike.probability != found.probability).any()


def test_it_adapts_only_if_asked_to(tmp_path: Path) -> None:
    assert Auto().adapting is None
    for asked in (Auto(seconds=7.0), Auto(save_to=tmp_path / "mine.safetensors")):
        assert asked.adapting is not None
        assert asked.adapting.seconds == (asked.seconds or Adapted().seconds)
        assert asked.adapting.save_to == asked.save_to
        assert options_of(asked) == EngineOptions(None, asked.adapting.seconds, asked.save_to)
    with pytest.raises(WriteError, match="comes with fewslice and is never changed"):
        Auto(save_to=shipped_weights()[0])


def test_misleading_intensities_make_it_lean_on_the_outlines() -> None:
    phantom = two_organs(noise=0.05)
    every_other = np.arange(phantom.image.shape[2]) % 2 == 1
    inverted = np.where(every_other, 1 - phantom.image, phantom.image)
    annotation = annotation_of(phantom, 3, 6, 9, 12, 15, 18)
    clear = answer(phantom, annotation)
    misleading = Phantom(inverted, phantom.truth, phantom.spacing)
    misled = answer(misleading, annotation)
    assert chosen(clear) == str(USUAL)
    assert "interpolation" in chosen(misled)
    again = answer(misleading, annotation)
    assert again.remarks == misled.remarks
    np.testing.assert_array_equal(again.probability, misled.probability)


def chosen(prediction: Prediction) -> str:
    used, compared = prediction.remarks[0].split(" between the annotated slices: ")
    assert compared.startswith("on 2 of them left out, Dice was ")
    return used.removeprefix("auto used ")


def constant(region: Region, foreground: float) -> Prediction:
    probability = np.empty((2, *region.shape), dtype=np.float16)
    probability[0], probability[1] = 1 - foreground, foreground
    return Prediction(region, (0, 1), probability)


@pytest.mark.parametrize("slices", [(3, 6), (3, 5, 6)])
def test_it_mixes_slice_by_slice_by_hand(slices: tuple[int, ...]) -> None:
    labels = np.zeros((6, 6, 10), dtype=np.uint8)
    labels[2:4, 2:4, list(slices)] = 1
    annotation = Annotation(labels, tuple((2, index) for index in slices))
    answers = (
        constant(Region((0, 0, 0), (6, 6, 8)), 1.0),
        constant(Region((2, 2, 2), (4, 4, 9)), 0.5),
        constant(Region((1, 0, 0), (6, 6, 10)), 0.25),
    )
    found = mixed(answers, 2, along(annotation, Mixture(0.25, 0.25, 0.5)))
    assert found.region == Region((0, 0, 0), (6, 6, 10))
    assert found.values == (0, 1)
    inside = 0.25 * 1 + 0.25 * 0.5 + 0.5 * 0.25  # slices 3 to 6
    # Around its region an engine is sure of background.
    if len(slices) == 2:  # beyond them interpolation and walker count .4, the network .2
        middle = [0.45, 0.45, 0.65, *[inside] * 4, 0.65, 0.25, 0.05]
        corner = [0.4, 0.4, 0.4, *[0.25] * 4, 0.4, 0, 0]
    else:  # interpolation counts .2, the walker .3 and the network .5
        middle = [0.325, 0.325, 0.475, *[inside] * 4, 0.475, 0.275, 0.125]
        corner = [0.2, 0.2, 0.2, *[0.25] * 4, 0.2, 0, 0]
    np.testing.assert_allclose(found.probability[1, 2, 2], middle, atol=1e-3)
    np.testing.assert_allclose(found.probability[1, 0, 0], corner, atol=1e-3)
    np.testing.assert_allclose(found.probability.sum(axis=0), np.ones((6, 6, 10)), atol=1e-3)
    assert (answers[0].probability[1] == 1).all()


def test_around_a_single_slice_the_usual_mixture_answers_everywhere() -> None:
    labels = np.zeros((4, 4, 5), dtype=np.uint8)
    labels[1:3, 1:3, 2] = 1
    region = Region((0, 0, 0), (4, 4, 5))
    answers = (constant(region, 1.0), constant(region, 0.5), constant(region, 0.25))
    found = mixed(answers, 2, along(Annotation(labels, ((2, 0), (2, 2))), USUAL))
    # Two parts of 1, three of .5 and five of .25, of ten; slice 0, marked as empty, makes no
    # difference.
    np.testing.assert_allclose(found.probability[1], 0.475, atol=1e-3)
