"""Auto: which mixture it chooses, what it says of it, and how it mixes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.annotation.annotation import Annotation
from fewslice.annotation.finding import find_annotation
from fewslice.engines import EngineOptions, options_of
from fewslice.engines.base import Prediction, Scan
from fewslice.engines.ensemble.engine import (
    BEYOND_TWO,
    USUAL,
    WALKER,
    Auto,
    Mixture,
    along,
    averaged,
)
from fewslice.engines.interpolation.end_caps import EndCapSettings
from fewslice.engines.interpolation.signed_distance import ShapePrior
from fewslice.engines.interpolation.slice_motion import find_motions
from fewslice.engines.interpolation.slice_shapes import slice_shapes
from fewslice.engines.network.engine import Network
from fewslice.engines.network.features import SliceFeatures
from fewslice.engines.network.planes import filled, fused, with_alone
from fewslice.volumes.geometry import Geometry
from tests.support.known_features import weights_file
from tests.support.phantoms import Phantom, two_organs
from tests.support.quick_features import QUICK


def annotation_of(phantom: Phantom, *indices: int) -> Annotation:
    labels = phantom.sparse(2, *indices)
    return find_annotation(labels, Geometry.from_spacing(labels.shape, phantom.spacing))


def answer(phantom: Phantom, annotation: Annotation) -> Prediction:
    return (
        Auto().prepare(Scan.from_spacing(phantom.image[None], phantom.spacing)).predict(annotation)
    )


def test_mixtures_are_means() -> None:
    for each in (USUAL, BEYOND_TWO, WALKER):
        assert each.interpolation + each.walker + each.network == pytest.approx(1)
    assert str(Mixture(0, 1, 0)) == "the random walker"
    assert str(Mixture(0.5, 0, 0.5)) == "interpolation (50 %) and the network (50 %)"
    thirds = Mixture(1 / 3, 1 / 3, 1 / 3)
    assert str(thirds) == "interpolation (33 %), the random walker (33 %) and the network (33 %)"


@pytest.mark.slow
def test_slices_of_several_planes_are_answered_along_each_of_them() -> None:
    phantom = two_organs()
    labels = phantom.sparse(2, 8, 12) | phantom.sparse(0, 14)
    annotation = Annotation(labels, ((0, 14), (2, 8), (2, 12)))
    network = Network().prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))
    along_main = network.along(annotation)
    along_other = network.along(annotation.seen_along(0))
    assert (along_main.axis, along_main.indices) == (2, (8, 12))
    assert (along_other.axis, along_other.indices) == (0, (14,))
    both = [
        replace(one, odds=averaged(one.features, one.odds, along(one.features)))
        for one in (along_main, along_other)
    ]
    shapes = slice_shapes(annotation, along_main.grid.region, phantom.spacing)
    motions = find_motions(network.scan, along_main.grid.region, shapes)
    weights = ShapePrior.on_grid(shapes, along_main.grid, 2, EndCapSettings(), motions).weights
    odds = fused(both, weights)
    plane, shares = weights.surest()
    if shares.any():
        kept = annotation.only(plane)
        alone = network.along(kept)
        mean = averaged(alone.features, alone.odds, along(alone.features))
        together = replace(both[0], odds=odds)
        odds = with_alone(together, replace(alone, odds=mean), shares, [0, 1])
    odds = filled(replace(both[0], odds=odds), both)
    expected = network.refined(odds, along_main.grid, annotation)
    found = answer(phantom, annotation)
    np.testing.assert_array_equal(found.probability, expected.probability)
    assert not found.remarks


@pytest.mark.slow
def test_an_empty_slice_across_is_no_plane_to_answer_along() -> None:
    phantom = two_organs()
    annotation = Annotation(phantom.sparse(2, 10), ((0, 0), (2, 10)))
    network = Network().prepare(Scan.from_spacing(phantom.image[None], phantom.spacing))
    (only,) = network.along_planes(annotation)
    assert only.axis == 2


@pytest.mark.slow
def test_given_seconds_it_asks_the_finetuned_network(tmp_path: Path) -> None:
    phantom = two_organs()
    scan = Scan.from_spacing(phantom.image[None], phantom.spacing)
    annotation = annotation_of(phantom, 5, 8, 11, 14)
    # Weights that have learned nothing, so that fine-tuning brings something.
    blank = Network(weights_file(tmp_path, random=True), QUICK, device="cpu")
    seen: list[float] = []
    asked = Auto(blank, seconds=600.0).prepare(scan)
    assert asked.finetuning is not None
    fewer = replace(asked.finetuning, steps=40, most_folds=2)  # enough to bring something
    found = replace(asked, finetuning=fewer).predict(annotation, seen.append)
    assert found.remarks[-1].startswith(
        "Fine-tuning raised Dice on annotated slices that were left"
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1
    unlike = Auto(blank).prepare(scan).predict(annotation)
    assert (unlike.probability != found.probability).any()


def test_it_fine_tunes_only_if_asked_to() -> None:
    assert Auto().finetuning is None
    asked = Auto(seconds=7.0)
    assert asked.finetuning is not None
    assert asked.finetuning.seconds == 7.0
    assert options_of(asked) == EngineOptions(None, 7.0)


def known(positions: tuple[int, ...], drawn: tuple[int, ...], slices: int = 10) -> SliceFeatures:
    """Return features of one structure on slices of 2 x 2, whose three answers are known.

    Interpolation is sure of the structure, the walk undecided (both by log-odds).
    """
    seeds = np.full((slices, 2, 2), -1)
    seeds[list(positions)] = 0
    seeds[list(drawn)] = 1
    odds = np.zeros((slices, 1, 2, 2), dtype=np.float32)
    return SliceFeatures(
        step=(1.0, 1.0, 1.0),
        origin=(0.0, 0.0, 0.0),
        images=odds,
        seeds=seeds,
        shape=odds + 12,
        appearance=odds,
        walk=odds,
        outlines=np.zeros((len(positions), 1, 2, 2), dtype=np.float32),
        positions=positions,
        moves=np.zeros((len(positions), 1, slices, 2), dtype=np.float32),
        radii=np.ones(1),
    )


def chances(odds: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-odds[:, 0, 0, 0])))


@pytest.mark.parametrize("drawn", [(3, 6), (3, 5, 6)])
def test_it_averages_slice_by_slice_by_hand(drawn: tuple[int, ...]) -> None:
    features = known(drawn, drawn)
    network = np.full((10, 1, 2, 2), np.log(1 / 3), dtype=np.float32)  # a quarter
    found = chances(averaged(features, network, along(features, Mixture(0.25, 0.25, 0.5))))
    inside = 0.25 * 1 + 0.25 * 0.5 + 0.5 * 0.25  # slices 3 to 6
    # Beyond two drawn slices interpolation and walk count .4, the network .2; else .2, .3 and .5.
    beyond = 0.4 + 0.2 + 0.05 if len(drawn) == 2 else 0.2 + 0.15 + 0.125
    np.testing.assert_allclose(found, [beyond] * 3 + [inside] * 4 + [beyond] * 3, atol=1e-4)


def test_around_a_single_slice_the_usual_mixture_answers_everywhere() -> None:
    features = known((0, 2), (2,), slices=5)
    network = np.full((5, 1, 2, 2), np.log(1 / 3), dtype=np.float32)
    # Two parts of 1, three of .5 and five of .25, of ten; slice 0, marked as empty, makes no
    # difference.
    np.testing.assert_allclose(
        chances(averaged(features, network, along(features))), 0.475, atol=1e-4
    )


def test_several_structures_stay_odds_against_the_background() -> None:
    features = known((1,), (1,), slices=3)
    two = replace(features, shape=np.zeros((3, 2, 2, 2), np.float32))
    two = replace(two, walk=two.shape, radii=np.ones(2))
    found = averaged(two, np.full((3, 2, 2, 2), np.log(2), np.float32), along(two))
    # Half of the weight says 1/3 for each class, half of it 2/5 for each structure.
    np.testing.assert_allclose(np.exp(found), (1 / 6 + 2 / 10) / (1 / 6 + 1 / 10), rtol=1e-4)


def test_one_plane_is_answered_without_a_remark() -> None:
    phantom = two_organs()
    assert answer(phantom, annotation_of(phantom, 6, 8, 10, 12)).remarks == ()
