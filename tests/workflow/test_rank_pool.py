"""Pools: streamed, ranked by hand-worked uncertainty, on a cluster as in one process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.active_learning.strategies.registry import STRATEGIES
from fewslice.errors import InputError
from fewslice.io import read_labels
from fewslice.io.folder import find_scans
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.orientation import Turn
from fewslice.volumes.segments import named_segments
from fewslice.workflow.pool_rows import PoolScan, RowSettings, scan_rows
from fewslice.workflow.rank_pool import PoolRanking, rank_pool
from fewslice.workflow.suggest import default_sampler
from tests.support.dask_cluster import dask_cluster
from tests.support.job_functions import calls
from tests.support.phantoms import two_organs
from tests.support.random_models import SCAN, random_model
from tests.support.scan_pools import (
    GEOMETRY,
    SHAPE,
    Counting,
    Unsure,
    WrongShape,
    scan_array,
    write_drawn,
    write_scan,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans a, b, c, d: the later, the brighter; nobody can read c."""
    place = tmp_path_factory.mktemp("pool")
    for number, name in enumerate("abcd"):
        write_scan(place, name, number)
    (place / "c_0000.nii.gz").write_bytes(b"nothing")
    return place


def ranked(pool: Any, **options: Any) -> PoolRanking:
    settings: dict[str, Any] = {"strategy": "bald", "workers": 1} | options
    return rank_pool(pool, sampler=Unsure(), **settings)


def places(ranking: PoolRanking) -> list[tuple[str, int | None, int | None]]:
    return [(item.case, item.axis, item.index) for item in ranking.items]


def test_the_brightest_scan_first_and_the_widest_slice_of_it(folder: Path) -> None:
    found = ranked(find_scans(folder), count=3)
    assert places(found)[0] == ("d", 2, 3)
    assert {item.case for item in found.items} == {"d"}
    assert {item.index for item in found.items} == {2, 3, 4}
    # two samples 0.5 ± 0.4: BALD = ln 2 - H(0.1) a voxel
    bald = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    voxels = int((scan_array(0)[:, :, 3] > 0).sum())
    assert found.items[0].score == pytest.approx(voxels * bald, rel=1e-4)
    assert (found.scans, found.slices, found.open) == (3, 21, 21)
    assert found.message == "The best of the pool of 3 scans (1 more could not be used), first " \
        "things first."  # fmt: skip


def test_a_scan_that_cannot_be_read_is_skipped_and_named(folder: Path) -> None:
    found = ranked(find_scans(folder), count=100)
    assert [skipped.case for skipped in found.skipped] == ["c"]
    assert "c_0000.nii.gz" in found.skipped[0].sentence
    assert found.skipped[0].trace is None
    assert {item.case for item in found.items} == {"a", "b", "d"}
    assert len(found.items) == 21
    assert "21, not 100" in found.message


def test_annotated_slices_are_not_asked(folder: Path, tmp_path: Path) -> None:
    labels = {"d": write_drawn(tmp_path, "d", 2, 3)}
    found = ranked(find_scans(folder), count=100, labels=labels)
    assert ("d", 2, 3) not in places(found)
    assert len(found.items) == found.open == 19
    assert places(found)[0] == ("d", 2, 4)


def test_everything_annotated() -> None:
    whole = np.ones(SHAPE, dtype=np.uint8)
    found = ranked([scan_array(0)], labels={"0": whole})
    assert found.items == ()
    assert found.message == (
        "Everything in the pool of 1 scan is annotated: there is nothing left to ask."
    )


def test_scans(folder: Path) -> None:
    found = ranked(find_scans(folder), count=5, what="scans")
    assert places(found) == [("d", None, None), ("b", None, None), ("a", None, None)]
    assert found.items[0].seconds > 7 * 15


def test_scans_in_memory_and_paths(folder: Path) -> None:
    def pool() -> Iterator[Any]:
        yield scan_array(0)
        yield Image(scan_array(5), GEOMETRY)
        yield PoolScan("mine", scan_array(2))
        yield folder / "b_0000.nii.gz"
        yield str(folder / "c_0000.nii.gz")

    found = ranked(pool(), count=4, what="scans")
    assert [item.case for item in found.items] == ["1", "mine", "b", "0"]
    assert [skipped.case for skipped in found.skipped] == ["c"]


def test_the_axis_and_the_features_of_the_sampler_hold(tmp_path: Path) -> None:
    rows = scan_rows(3, PoolScan("x", scan_array(1)), Counting(tmp_path), RowSettings())
    assert rows.place.tolist() == [[3, 0, index] for index in range(SHAPE[0])]
    assert rows.features.shape == (SHAPE[0], 3)
    assert rows.points.shape[:3] == (SHAPE[0], 2, 2)


def test_planes_of_three_axes() -> None:
    image = Image(scan_array(1), GEOMETRY)
    rows = scan_rows(0, PoolScan("x", image), Unsure(), RowSettings(all_planes=True))
    assert np.bincount(rows.place[:, 1]).tolist() == list(SHAPE)
    across = [rows.entropy[rows.place[:, 1] == axis].sum() for axis in range(3)]
    assert across == pytest.approx([across[0]] * 3)
    assert rows.pixel_area[rows.place[:, 1] == 0][0] == 3
    found = ranked([image], strategy="plane-of-maximum-uncertainty", count=2)
    assert len(found.items) == 2


def test_planes_of_three_axes_of_a_sampler_with_features_of_one(tmp_path: Path) -> None:
    rows = scan_rows(
        0, PoolScan("x", scan_array(1)), Counting(tmp_path), RowSettings(all_planes=True)
    )
    assert np.bincount(rows.place[:, 1]).tolist() == list(SHAPE)
    assert rows.place[0, 1] == 0  # those of the sampler's axis come first


def test_the_default_asks_a_slice_of_every_scan_before_a_second_of_any(
    folder: Path, tmp_path: Path
) -> None:
    labels = {"d": write_drawn(tmp_path, "d", 2, 3)}
    found = ranked(find_scans(folder), strategy="default", count=3, labels=labels)
    assert found.strategy == "spread"
    assert {item.case for item in found.items[:2]} == {"a", "b"}


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["default", *STRATEGIES])
def test_every_strategy_repeats_itself(strategy: str) -> None:
    pool = [scan_array(number) for number in range(3)]
    first, again = (ranked(pool, strategy=strategy, count=4, seed=7) for _ in range(2))
    assert first == again
    assert len(first.items) == 4


@pytest.mark.slow
def test_a_cluster_gives_the_same(folder: Path, tmp_path: Path) -> None:
    """Scans are read by workers, once each."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    scans = find_scans(folder)
    settings: dict[str, Any] = {"count": 9, "strategy": "batch-bald"}
    alone = rank_pool(scans, sampler=Counting(here), workers=1, **settings)
    with dask_cluster(tmp_path) as two:
        found = rank_pool(scans, sampler=Counting(there), scheduler=two.address, **settings)
        in_memory = rank_pool(
            (Image(scan_array(number), GEOMETRY) for number in (0, 1, 3)),
            sampler=Unsure(),
            strategy="bald",
            scheduler=two.address,
        )
    assert found == alone
    assert calls(there) == calls(here) == {"1": 1, "2": 1, "4": 1}
    assert in_memory.items[0].case == "2"


def test_a_sampler_that_answers_from_drawn_slices_is_asked_with_those(tmp_path: Path) -> None:
    phantom = two_organs(seed=5)
    geometry = GEOMETRY.from_spacing(phantom.truth.shape, phantom.spacing)
    drawn = LabelMap(phantom.sparse(2, 6, 14), geometry)
    scan = PoolScan("x", Image(phantom.image, geometry), drawn)
    labelled = scan_rows(0, scan, default_sampler(), RowSettings())
    assert labelled.annotated.nonzero()[0].tolist() == [6, 14]
    assert len(labelled) == 22


def test_a_model_or_a_sampler_but_not_both() -> None:
    with pytest.raises(InputError, match="by a model or by a sampler; give one"):
        rank_pool([scan_array(0)])
    with pytest.raises(InputError, match="give one of the two"):
        rank_pool([scan_array(0)], "model", sampler=Unsure())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "number of slices to suggest is 0"),
        ({"what": "voxels"}, "Cannot rank 'voxels'"),
        ({"strategy": "magic"}, "no strategy 'magic'"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ranked([scan_array(0)], **options)


def test_pools_of_nothing(folder: Path) -> None:
    with pytest.raises(InputError, match="The pool is empty; give at least one scan"):
        ranked([])
    with pytest.raises(InputError, match="None of the 1 scan of the pool can be used; the first"):
        ranked([folder / "c_0000.nii.gz"])
    with pytest.raises(InputError, match=r"\(2, 2, 30, 3, 3\) for the region .* \(10, 12, 7\)"):
        rank_pool([scan_array(0)], sampler=WrongShape(), workers=1)


def test_labels_that_do_not_fit_skip_their_scan(folder: Path) -> None:
    labels = {"a": np.ones((2, 2, 2), np.uint8)}
    found = ranked(find_scans(folder), labels=labels)
    assert [skipped.case for skipped in found.skipped] == ["a", "c"]
    assert "The label map of a has shape" in found.skipped[0].sentence
    assert replace(found, skipped=()).scans == 2


def test_labels_in_another_order_are_said(tmp_path: Path) -> None:
    write_scan(tmp_path / "scans", "a", 0)
    drawn = read_labels(write_drawn(tmp_path, "drawn", 2))
    turn = Turn((2, 0, 1), (True, False, True))
    other = LabelMap(turn.array(drawn.array), turn.geometry(drawn.geometry))
    found = ranked(find_scans(tmp_path / "scans"), count=100, labels={"a": other})
    assert set(found.remarks) == {"a"}
    assert "in another order" in found.remarks["a"][0]
    # The order of the labels: of 10 x 12 x 7 voxels, 12 slices lie across the third axis there.
    assert {(item.axis, item.index) for item in found.items} == {(2, n) for n in range(12)}
    assert ranked(find_scans(tmp_path / "scans")).remarks == {}


def test_several_paths_are_one_scan(tmp_path: Path) -> None:
    paths = [write_scan(tmp_path, "a", 0), write_scan(tmp_path, "b", 1)]
    found = ranked([paths, paths[1]], count=100)
    assert found.scans == 2
    assert {item.case for item in found.items} == {"a", "b"}


def test_reasons_call_structures_by_label_and_name() -> None:
    model = random_model()
    named = replace(model, stand_in=7, segments=named_segments({4: "liver", 255: "front"}))
    scan = Image(SCAN.channels[0], SCAN.geometry)
    found = rank_pool([scan], named, count=9, strategy="clasp-pe", workers=1)
    called = {item.reason.split(" is unsure")[0] for item in found.items}
    assert called <= {
        "The prediction",
        "The prediction of structure 4 (liver)",
        "The prediction of structure 255 (front)",
    }
    assert len(called) == 3


def test_what_is_doubtful_of_labels_can_be_overruled() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:8, 3:9, (1, 5)] = 1
    labels[0, 0, 3] = 1
    pool = [Image(scan_array(0), GEOMETRY)]
    found = ranked(pool, labels={"0": labels}, count=9)
    assert "Label 1 has only 1 voxel on axial 3" in found.remarks["0"][0]
    assert 3 in {item.index for item in found.items}
    strict = ranked(pool, labels={"0": labels}, count=9, strict=True)
    assert strict.remarks == {}
    assert 3 not in {item.index for item in strict.items}
