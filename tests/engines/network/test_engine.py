"""The network engine, with networks that answer their base or correct it anyhow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from fewslice.annotation.annotation import Annotation
from fewslice.engines import Prediction, Scan, SupportScan
from fewslice.engines.atlas.engine import NOT_HELD
from fewslice.engines.network.engine import (
    Network,
    as_prediction,
    completed_odds,
    known_odds,
    open_slices,
)
from fewslice.engines.network.features import SUREST, find_features
from fewslice.engines.network.inference import doubtful_odds
from fewslice.engines.network.inputs import own_memory
from fewslice.engines.predictions import joined
from fewslice.engines.random_walker.refinement import refined
from fewslice.errors import WeightsError
from fewslice.networks.inputs import HINTS
from fewslice.segmentation.assemble import assemble_labels
from fewslice.volumes.image import LabelArray
from fewslice.volumes.region import Region
from fewslice.volumes.working_grid import WorkingGrid
from tests.support.drawn_phantoms import SLICES, drawn, scan_of, three_voxels
from tests.support.known_features import random_features, untrained, weights_file
from tests.support.phantoms import Phantom, dice, two_organs
from tests.support.quick_features import QUICK


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """An engine that answers what its features say."""
    return Network(weights_file(tmp_path_factory.mktemp("plain")), QUICK, device="cpu")


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """An engine that corrects what its features say at random."""
    weights = weights_file(tmp_path_factory.mktemp("wild"), random=True)
    return Network(weights, QUICK, device="cpu")


def checked(prediction: Prediction, values: tuple[int, ...]) -> npt.NDArray[np.float32]:
    probability = prediction.probability.astype(np.float32)
    assert prediction.values == (0, *values)
    assert prediction.probability.dtype == np.float16
    assert probability.shape == (len(prediction.values), *prediction.region.shape)
    assert np.isfinite(probability).all()
    assert probability.min() >= 0
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=2e-3)
    return probability


def complete(engine: Network, phantom: Phantom, annotation: Annotation) -> LabelArray:
    prediction = engine.prepare(scan_of(phantom)).predict(annotation)
    checked(prediction, annotation.values)
    return assemble_labels(prediction, annotation)


@pytest.mark.slow
def test_untrained_it_answers_the_random_walk_of_its_features(plain: Network) -> None:
    phantom = two_organs()
    annotation = drawn(phantom)
    prediction = plain.prepare(scan_of(phantom)).predict(annotation)
    grid, features = find_features(scan_of(phantom), annotation, QUICK)
    assert prediction.region == grid.region
    coarse = as_prediction(known_odds(features), grid, 2, (1, 2))
    odds = np.exp(grid.up(np.moveaxis(known_odds(features), 0, 3)))  # (structure, i, j, k)
    np.testing.assert_allclose(coarse.probability[1:], odds / (1 + odds.sum(axis=0)), atol=1e-3)
    expected = refined(coarse, scan_of(phantom), annotation, grid)
    np.testing.assert_allclose(checked(prediction, (1, 2)), expected.probability, atol=1e-3)
    answer = assemble_labels(prediction, annotation)
    assert dice(answer, phantom.truth, 1) > 0.85
    assert dice(answer, phantom.truth, 2) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2)])
def test_nothing_is_mirrored_or_permuted(plain: Network, order: tuple[int, int, int]) -> None:
    phantom = two_organs()
    straight = complete(plain, phantom, drawn(phantom))
    spacing = (phantom.spacing[order[0]], phantom.spacing[order[1]], phantom.spacing[order[2]])
    turned = Phantom(
        np.flip(phantom.image.transpose(order), (0, 2)).copy(),
        np.flip(phantom.truth.transpose(order), (0, 2)).copy(),
        spacing,
    )
    axis = order.index(2)  # 0 or 2, so it is mirrored, too
    slices = tuple((axis, 21 - at) for _, at in reversed(SLICES))
    back = np.flip(complete(plain, turned, drawn(turned, slices)), (0, 2))
    back = back.transpose(np.argsort(order))
    assert dice(back, straight, 1) > 0.97
    assert dice(back, straight, 2) > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "wild"])
def test_hard_cases(name: str, request: pytest.FixtureRequest) -> None:
    engine: Network = request.getfixturevalue(name)
    phantom = two_organs()
    flat = Phantom(np.full_like(phantom.image, 7.0), phantom.truth, phantom.spacing)
    complete(engine, flat, drawn(phantom))
    tiny = Annotation(three_voxels(phantom), ((2, 8),))
    answer = complete(engine, phantom, tiny)
    assert (answer[:, :, 8] == tiny.labels[:, :, 8]).all()
    full = np.zeros_like(phantom.truth)
    full[:, :, 8] = full[:, :, 12] = 1
    complete(engine, phantom, Annotation(full, ((2, 8), (2, 12))))
    partial = drawn(phantom).labels.copy()
    partial[:, 17:, 10] = 255
    assert 255 not in complete(engine, phantom, Annotation(partial, SLICES))
    planes = drawn(phantom, ((0, 14), (0, 31), (1, 20), (2, 10)))
    complete(engine, phantom, planes)


@pytest.mark.parametrize("depth", [1, 2])
def test_scans_of_hardly_any_slices(wild: Network, depth: int) -> None:
    phantom = two_organs()
    part = slice(10, 10 + depth)
    thin = Phantom(phantom.image[:, :, part], phantom.truth[:, :, part], phantom.spacing)
    answer = complete(wild, thin, Annotation(thin.sparse(2, 0), ((2, 0),)))
    assert (answer[:, :, 0] == thin.truth[:, :, 0]).all()


def test_progress_only_grows_and_ends(wild: Network) -> None:
    phantom = two_organs()
    seen: list[float] = []
    wild.prepare(scan_of(phantom)).predict(drawn(phantom), seen.append)
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1
    assert seen[-1] == 1


def test_several_structures_are_answered_as_one_by_one() -> None:
    features, network = random_features(structures=3), untrained(random=True)
    with torch.no_grad():  # what only exists with several structures is not listened to
        network.decoder.hints.weight[:, HINTS.index("rivals")] = 0
    together = completed_odds(network, features)
    for number in range(3):
        one = slice(number, number + 1)
        seeds = np.where(features.seeds == number + 1, 1, np.minimum(features.seeds, 0))
        alone = replace(
            features,
            seeds=seeds,
            shape=features.shape[:, one],
            appearance=features.appearance[:, one],
            walk=features.walk[:, one],
            outlines=features.outlines[:, one],
            moves=features.moves[:, one],
            radii=features.radii[one],
        )
        np.testing.assert_allclose(
            completed_odds(network, alone)[:, 0], together[:, number], atol=1e-3
        )
    np.testing.assert_array_equal(completed_odds(untrained(), features), features.walk)


def test_without_weights_there_is_a_sentence(tmp_path: Path) -> None:
    phantom = two_organs()
    engine = Network(tmp_path / "none.safetensors")
    assert engine.uses_support
    with pytest.raises(WeightsError, match="cannot be read"):
        engine.prepare(scan_of(phantom))


def supported(phantom: Phantom, seed: int) -> SupportScan:
    other = two_organs(seed=seed)
    every = tuple((2, index) for index in range(other.truth.shape[2]))
    return SupportScan(
        Scan.from_spacing(other.image[None], other.spacing), Annotation(other.truth, every)
    )


def test_only_the_likest_support_scans_are_used(plain: Network) -> None:
    phantom = two_organs()
    support = [supported(phantom, seed) for seed in (1, 2, 3)]
    prepared = replace(plain, most_support=2).prepare(scan_of(phantom), support)
    assert len(prepared.support) == 2
    assert set(prepared.support) <= set(support)


@pytest.mark.slow
def test_support_changes_what_is_remembered_and_nothing_else(plain: Network, wild: Network) -> None:
    phantom = two_organs()
    support = [supported(phantom, seed) for seed in (1, 2)]
    for engine, same in ((plain, True), (wild, False)):
        alone = engine.prepare(scan_of(phantom)).completed(drawn(phantom))
        helped = engine.prepare(scan_of(phantom), support).completed(drawn(phantom))
        assert helped.region == alone.region
        assert np.array_equal(helped.probability, alone.probability) == same


@pytest.mark.slow
def test_structures_not_drawn_here_are_carried_over_beside_those_that_are(plain: Network) -> None:
    phantom = two_organs()
    labels = np.where(phantom.sparse(2, 6) == 1, 1, 0).astype(np.uint8)
    annotation = Annotation(labels, ((2, 6),)).with_values((1, 2))
    seen: list[float] = []
    prepared = plain.prepare(scan_of(phantom), [supported(phantom, 1)])
    prediction = prepared.predict(annotation, seen.append)
    checked(prediction, (1, 2))
    assert prediction.region == Region((0, 0, 0), (44, 40, 22))
    assert seen == sorted(seen)
    # With no support that holds it, it is nowhere, and a remark says why.
    alone = plain.prepare(scan_of(phantom)).predict(annotation)
    assert checked(alone, (1, 2))[2].max() == 0
    assert alone.remarks == (NOT_HELD,)
    assert dice(assemble_labels(alone, annotation), phantom.truth, 1) > 0.4


def test_a_prediction_by_hand() -> None:
    grid = WorkingGrid(Region((1, 0, 2), (3, 4, 5)), (2, 2, 3), (1.0, 1.0, 1.0))
    odds = np.full((3, 2, 2, 2), -40.0, dtype=np.float32)  # slice (k), structure, i, j
    odds[1, 0, 1] = np.log([1.0, 4.0])
    odds[2] = 50
    prediction = as_prediction(odds, grid, 2, (3, 7))
    assert prediction.region == grid.region
    probability = checked(prediction, (3, 7))
    # Two columns become four, at -1/4, 1/4, 3/4, 5/4: log-odds 0, 1/4 and 3/4 of log 4, and log 4.
    between = 4 ** np.array([0, 0.25, 0.75, 1])
    np.testing.assert_allclose(probability[1, 1, :, 1], between / (1 + between), atol=1e-3)
    assert (probability[0, :, :, 0] == 1).all()
    np.testing.assert_allclose(
        probability[:, :, :, 2], [[[0]]] * 1 + [[[0.5]]] * 2 + np.zeros((3, 2, 4)), atol=1e-3
    )


def test_joined_predictions_keep_their_odds() -> None:
    one = Prediction(
        Region((0, 0, 0), (2, 1, 1)),
        (0, 5),
        np.array([0.25, 0.8, 0.75, 0.2], dtype=np.float16).reshape(2, 2, 1, 1),
        ("first",),
    )
    other = Prediction(
        Region((1, 0, 0), (4, 1, 1)),
        (0, 2, 9),
        np.array([[0.5, 0.2, 1.0], [0.25, 0.0, 0.0], [0.25, 0.8, 0.0]], dtype=np.float16).reshape(
            3, 3, 1, 1
        ),
        ("second",),
    )
    both = joined(one, other, 0)
    assert both.region == Region((0, 0, 0), (4, 1, 1))
    assert both.remarks == ("first", "second")
    probability = checked(both, (2, 5, 9))[:, :, 0, 0].T
    np.testing.assert_allclose(probability[0], [0.25, 0, 0.75, 0], atol=1e-3)
    # Odds of 1/2 (label 2), 1/4 (5) and 1/2 (9) against the background.
    np.testing.assert_allclose(probability[1], np.array([4, 2, 1, 2]) / 9, atol=1e-3)
    np.testing.assert_allclose(probability[2], [0.2, 0, 0, 0.8], atol=1e-3)
    np.testing.assert_allclose(probability[3], [1, 0, 0, 0], atol=1e-3)


def test_joined_predictions_may_be_certain() -> None:
    region = Region((0, 0, 0), (1, 1, 1))
    sure = np.array([0.0, 1.0], dtype=np.float16).reshape(2, 1, 1, 1)
    both = joined(Prediction(region, (0, 1), sure), Prediction(region, (0, 2), sure), 0)
    np.testing.assert_allclose(checked(both, (1, 2))[:, 0, 0, 0], [0, 0.5, 0.5], atol=1e-3)


def test_beyond_several_drawn_slices_the_walk_counts_as_well_and_what_is_known_stays() -> None:
    features = random_features((9, 10, 12), positions=(1, 3, 4, 5))
    seeds = np.full_like(features.seeds, -1)
    seeds[1] = 0  # empty, and known in full
    seeds[3] = 2
    seeds[4, :2] = 1  # looked at in part
    seeds[5] = 1
    features = replace(features, seeds=seeds)
    assert open_slices(features).tolist() == [0, 2, 4, 6, 7, 8]
    network = untrained(random=True)
    found = completed_odds(network, features)
    for at in (0, 2, 4, 6, 7, 8):
        alone = doubtful_odds(network, own_memory(features), features, np.array([at]))[0]
        assert not np.allclose(alone, features.walk[at], atol=1e-3)
        expected = alone if 1 <= at <= 5 else (alone + features.walk[at]) / 2
        np.testing.assert_allclose(found[at], expected, atol=1e-4)
    assert (found[1] == -SUREST).all()
    assert (found[3, 0] == -SUREST).all()
    assert (found[3, 1] == SUREST).all()
    seeds[5] = -1  # around two drawn slices and a single one nothing is left to the walk
    found = completed_odds(network, features)
    (alone,) = doubtful_odds(network, own_memory(features), features, np.array([7]))
    np.testing.assert_allclose(found[7], alone, atol=1e-4)


def test_where_no_slice_shows_a_structure_the_walk_answers() -> None:
    features = random_features(positions=(4,))
    seeds = np.full_like(features.seeds, -1)
    seeds[4] = 0
    empty = replace(features, seeds=seeds)
    for nothing in (empty, replace(features, positions=())):
        assert open_slices(nothing).tolist() == []
    found = completed_odds(untrained(random=True), empty)
    open_ones = [0, 1, 2, 3, 5]
    np.testing.assert_array_equal(found[open_ones], features.walk[open_ones])
    seeds[4] = -1
    seeds[4, ::4, ::4] = 1  # a few dots are enough
    assert open_slices(empty).tolist() == [0, 1, 2, 3, 4, 5]


def test_weights_are_loaded_when_they_are_needed_first() -> None:
    prepared = Network(features=QUICK, device="cpu").prepare(scan_of(two_organs()))
    assert "network" not in vars(prepared)
    prepared.predict(drawn(two_organs()))
    assert vars(prepared)["network"] is prepared.network


@pytest.mark.slow
@pytest.mark.parametrize(("name", "known"), [("wild", 2), ("plain", 0)])
def test_planes_of_which_answers_are_kept_are_not_asked_again(
    name: str, known: int, request: pytest.FixtureRequest
) -> None:
    phantom = two_organs()
    annotation = drawn(phantom, ((0, 14), (0, 31), (2, 8), (2, 12)))  # axis 0 is the main one
    prepared = request.getfixturevalue(name).prepare(scan_of(phantom))
    at_once = prepared.predict(annotation)
    assert {one.axis for one in at_once.kept if not one.alone} == {0, 2}
    kept = [one for one in at_once.kept if one.alone or one.axis == known]
    found = prepared.predict_from(kept, annotation)
    assert [one.axis for one in found.kept] == [2 - known]
    assert found.region == at_once.region
    away = np.abs(checked(found, (1, 2)) - checked(at_once, (1, 2)))
    if known == 2:  # the same, but for rounding
        assert away.max() < 0.005
    else:  # averaged on the other plane's grid, and refined along it
        one, other = (assemble_labels(each, annotation) for each in (found, at_once))
        assert min(dice(one, other, value) for value in (1, 2)) > 0.98


@pytest.mark.slow
def test_where_all_planes_are_kept_they_are_asked_anew(wild: Network) -> None:
    phantom = two_organs()
    annotation = drawn(phantom, ((0, 14), (2, 12)))
    prepared = wild.prepare(scan_of(phantom))
    expected = prepared.predict(annotation)
    found = prepared.predict_from(expected.kept, annotation)
    np.testing.assert_array_equal(found.probability, expected.probability)


def test_of_one_plane_nothing_is_kept(plain: Network) -> None:
    phantom = two_organs()
    assert plain.prepare(scan_of(phantom)).predict(drawn(phantom)).kept == ()
