"""Peers: what they are asked, by hand; the process they run in, with a stand-in; the tables."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewslice.evaluation.annotator import RevealedSlices, strided
from fewslice.evaluation.dataset import Structure, find_dataset
from fewslice.evaluation.settings import Settings
from fewslice.evaluation.task import Task, evaluate_case
from fewslice.volumes import Geometry, Image
from tests.support.datasets import write_dataset

accuracy = import_module("benchmarks.accuracy")
asking = import_module("benchmarks.peer_questions")
peers = import_module("benchmarks.peers")

STAND_IN = """
import sys
from pathlib import Path
import numpy as np
for line in sys.stdin:
    for path in Path(line.strip()).glob("*.npz"):
        question = np.load(path)
        drawn = question["seeds" if "seeds" in question else "labels"] == 1
        np.save(path.with_suffix(".npy"), np.broadcast_to(drawn.any(axis=0), drawn.shape))
    print("done", flush=True)
"""
"""A peer that copies what was drawn on any slice to all slices of the box."""


def box_task(drawn: tuple[int, ...] = (10, 20), empty: tuple[int, ...] = ()) -> Task:
    """A box of 10 x 20 voxels on slices 8 to 22 of axis 1, of 1 x 3 x 0.5 mm."""
    mask = np.zeros((40, 40, 60), dtype=np.bool_)
    mask[12:22, 8:23, 20:40] = True
    geometry = Geometry.from_spacing(mask.shape, (1.0, 3.0, 0.5))
    image = Image(np.arange(mask.size, dtype=np.float32).reshape(mask.shape), geometry)
    revealed = RevealedSlices(1, drawn, empty, (8, 22), 15)
    return Task("a", image, Structure("box", (1,)), mask, len(drawn), revealed)


def test_the_box_grows_by_35_percent_and_at_least_three_voxels() -> None:
    # 10, 11 and 20 voxels: 3.5, 3.85 and 7 rounded up.
    region = asking.grown_region(box_task(), "slices")
    assert (region.start, region.stop) == ((8, 6, 13), (26, 25, 47))
    one = asking.grown_region(box_task((15,)), "slices")
    assert (one.start[1], one.stop[1]) == (12, 19)


def test_the_box_of_one_slice_grows_across_with_its_longest_side() -> None:
    # Both sides are 10 mm long; 3.5 mm are two slices, so three count. Ten times as far apart in
    # the plane they are 100 mm: 35 mm are twelve slices of 3 mm.
    task = box_task((15,))
    assert asking.grown_region(task, "length").start[1] == 12
    wide = Geometry.from_spacing(task.mask.shape, (10.0, 3.0, 0.5))
    task = replace(task, image=Image(task.image.array, wide))
    region = asking.grown_region(task, "length")
    assert (region.start[1], region.stop[1]) == (3, 28)
    assert (region.start[0], region.stop[0]) == (8, 26)


def test_all_of_an_annotated_slice_is_a_seed() -> None:
    seeds = asking.seeds_of(box_task((10, 20), (24,)))
    assert np.flatnonzero(seeds.any(axis=(0, 2))).tolist() == [10, 20, 24]
    assert np.count_nonzero(seeds[:, 10] == 1) == np.count_nonzero(seeds[:, 20] == 1) == 200
    assert np.count_nonzero(seeds[:, 10] == 2) == 40 * 60 - 200
    assert (seeds[:, 24] == 2).all()


def test_closed_faces_leave_drawn_voxels_alone() -> None:
    seeds = np.zeros((3, 4, 3), dtype=np.uint8)
    seeds[1, 0, 1] = 1
    asking.close(seeds)
    assert seeds[1].tolist() == [[2, 1, 2], [2, 0, 2], [2, 0, 2], [2, 2, 2]]
    assert (seeds[[0, 2]] == 2).all()


def test_questions_have_slices_first_and_answers_go_back_to_the_scan() -> None:
    task = box_task()
    asked = list(asking.questions(task))
    assert [each.variant for each in asked if each.peer == asking.FILL] == [
        "cross, distances",
        "cross, dilations",
        "ball, distances",
        "ball, dilations",
    ]
    fill, grow = asked[0], asked[4]
    assert fill.arrays["labels"].shape == (13, 12, 22)  # slices 9 to 21, and a voxel around
    assert grow.variant == "slices, open"
    answer = np.zeros(grow.arrays["seeds"].shape, dtype=np.bool_)
    answer[1, 2, 3] = True  # the region begins at (8, 6, 13)
    assert np.argwhere(grow.whole(answer, task)).tolist() == [[10, 7, 16]]
    assert grow.arrays["image"][1, 2, 3] == task.image.array[10, 7, 16]


def test_growing_is_tried_on_every_channel() -> None:
    task = box_task()
    both = np.stack([task.image.array, -task.image.array])
    task = replace(task, image=Image(both, task.image.geometry))
    asked = [each for each in asking.questions(task) if each.peer == asking.GROW]
    assert [each.variant for each in asked[:2]] == [
        "slices, open, channel 0",
        "slices, open, channel 1",
    ]
    assert len(asked) == 8
    np.testing.assert_array_equal(asked[0].arrays["image"], -asked[1].arrays["image"])


@pytest.mark.slow
def test_the_tasks_are_those_of_evaluate(tmp_path: Path) -> None:
    dataset = find_dataset(write_dataset(tmp_path, annotated={"a": ["rod"], "b": ["ball", "rod"]}))
    settings = Settings(engines=("interpolation",), slices=(1, 3, 5), plane="axial")
    for case in dataset.cases:
        scored = evaluate_case(case, settings).scores
        tasks = list(peers.tasks_of(case, "axial"))
        assert [(each.structure, each.slices, each.drawn) for each in scored] == [
            (each.structure.name, each.count, len(each.revealed.drawn)) for each in tasks
        ]
        assert tasks[0].revealed == strided(tasks[0].mask, tasks[0].revealed.axis, 1)


@pytest.fixture
def one_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set `x` of one case, and a stand-in for the peers."""
    write_dataset(tmp_path / "data", ["a"], annotated={"a": ["rod"]})
    monkeypatch.setattr(peers, "SETS", {"x": accuracy.EvaluationSet("data", "axial")})
    monkeypatch.setattr(peers, "SLICES", (3,))
    monkeypatch.setattr(peers, "environment", lambda _: Path(sys.executable))
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN, encoding="utf-8")
    monkeypatch.setattr(peers, "PEER_SCRIPT", script)
    return tmp_path


@pytest.mark.slow
def test_answers_are_scored_on_slices_not_drawn_and_never_asked_twice(one_set: Path) -> None:
    # The rod is alike on slices 1 to 11, of which 3, 6 and 9 are drawn. The box to fill has slices
    # 2 to 10: six of the eight scored slices are answered, so Dice is 2 * 6 / (6 + 8).
    choice = accuracy.Choice(sets=("x",))
    peers.run_peers(one_set, one_set, choice)
    found = pd.read_csv(one_set / "peers.csv")
    assert list(found.columns) == peers.COLUMNS
    assert len(found) == 8
    filled = found[found["engine"] == asking.FILL]
    np.testing.assert_allclose(filled["dice"], 12 / 14)
    np.testing.assert_allclose(filled["dice_extent"], 12 / 14)
    peers.PEER_SCRIPT.write_text("raise SystemExit(3)\n", encoding="utf-8")
    peers.run_peers(one_set, one_set, choice)
    pd.testing.assert_frame_equal(pd.read_csv(one_set / "peers.csv"), found)


@pytest.mark.slow
def test_a_process_that_ends_early_is_an_error(one_set: Path) -> None:
    peers.PEER_SCRIPT.write_text("input()\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="ended early"):
        peers.run_peers(one_set, one_set, accuracy.Choice(sets=("x",)))
    assert len(pd.read_csv(one_set / "peers.csv")) == 0


def scores() -> pd.DataFrame:
    """Two structures of case a and one of case b; one variant of filling, two of growing."""
    rows = [
        ("a", "ball", {"auto": 0.70, "fill": 0.20, "grow x": 0.40, "grow y": 0.80}),
        ("a", "rod", {"auto": 0.90, "fill": 0.20, "grow x": 0.40, "grow y": 0.75}),
        ("b", "rod", {"auto": 0.60, "fill": 0.63, "grow x": 0.90, "grow y": 0.60}),
    ]
    names = {"fill": asking.FILL, "grow": asking.GROW}
    return pd.DataFrame(
        [
            ("s", case, structure, 3, names.get(peer, peer), variant, dice, dice)
            for case, structure, each in rows
            for key, dice in each.items()
            for peer, _, variant in [key.partition(" ")]
        ],
        columns=peers.COLUMNS,
    )


def test_the_variant_with_the_best_mean_counts() -> None:
    # Means of growing: x .567, y .717. Auto .733; filling .343.
    table = peers.means_table(peers.best_variants(scores())).splitlines()
    assert table[2:] == ["| s | 3 | 3 | 0.343 | 0.717 | 0.733 | yes | y |"]
    lower = scores()
    lower.loc[lower["engine"] == "auto", "dice"] -= 0.02  # .713
    assert "| 0.713 | **no** | y |" in peers.means_table(peers.best_variants(lower))


def test_falls_are_counted_by_case_and_by_structure() -> None:
    # Case a is .80 against .775. Case b is .03 below filling, and as growing.
    report = peers.report(scores())
    assert "more than 0.02 below a peer 1 times on 2 cases" in report
    assert "2 times on 3 single structures" in report
    assert report.splitlines()[-1] == (f"| s | b | 3 | {asking.FILL} | 0.630 | 0.600 | 0.030 |")


def test_only_tasks_with_both_answers_are_compared(tmp_path: Path) -> None:
    everything = scores().assign(set="103")
    mine = everything["engine"] == "auto"
    everything[~mine].to_csv(tmp_path / "peers.csv", index=False)
    where = accuracy.folder(tmp_path / "auto", "103", "strided")
    where.mkdir(parents=True)
    known = everything[mine & (everything["case"] == "a")].drop(columns=["set", "variant"])
    known.to_csv(where / "scores.csv", index=False)
    found = peers.all_scores(tmp_path, tmp_path / "auto")
    assert set(found["case"]) == {"a"}
    assert found.groupby("engine").size().to_dict() == {"auto": 2, asking.FILL: 2, asking.GROW: 4}
