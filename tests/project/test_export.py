"""What is exported is what was drawn, voxel for voxel, and says where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, WriteError
from fewslice.evaluation.dataset import find_dataset
from fewslice.io import read_image, read_labels
from fewslice.project.adding import add_scan
from fewslice.project.answers import save_answer
from fewslice.project.export import export_project
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan
from fewslice.project.structures import Structure, add_structure
from fewslice.typing import Float64Array
from tests.support.command_line import SHAPE, save, truth
from tests.support.projects import SmallProject, scan_file, slice_of


def draw(small: SmallProject, index: int, *corner: int, by: int | None = None) -> None:
    save_revision(
        small.project,
        small.scan,
        by or small.ann,
        action="draw",
        axis=2,
        index=index,
        labels=slice_of(index, *corner),
        tool="brush",
        active_seconds=7.5,
    )


def test_slices_people_drew_and_nnunets_ignore_label_elsewhere(
    small: SmallProject, tmp_path: Path
) -> None:
    labels = slice_of(6, 0, 0)
    labels[19] = 255
    save_revision(
        small.project, small.scan, small.ann, action="draw", axis=2, index=6, labels=labels
    )
    save_revision(small.project, small.scan, small.bob, action="absent", axis=0, index=0)
    exported = export_project(small.project, tmp_path / "out")
    assert (exported.cases, exported.ignore_label, exported.remarks) == (("scan",), 3, ())
    expected = np.full(SHAPE, 3, np.uint8)
    expected[:, :, 6] = np.where(labels == 255, 3, labels)
    expected[0] = 0  # drawn later, so it counts where both planes cross
    written = read_labels(tmp_path / "out/labelsTr/scan.nii.gz")
    np.testing.assert_array_equal(written.array, expected)
    image = read_image(tmp_path / "out/imagesTr/scan_0000.nii.gz")
    scan = read_image(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(image.array, scan.array)
    assert image.geometry.same_grid(scan.geometry)
    described = json.loads((tmp_path / "out/dataset.json").read_text())
    assert described["labels"] == {"background": 0, "ball": 1, "cube": 2, "ignore": 3}
    assert (described["numTraining"], described["file_ending"]) == (1, ".nii.gz")


def test_each_slice_says_who_drew_it_when_and_how(small: SmallProject, tmp_path: Path) -> None:
    draw(small, 6)
    export_project(small.project, tmp_path / "out")
    provenance = json.loads((tmp_path / "out/provenance/scan.json").read_text())
    assert provenance["slices"] == [
        {
            "axis": 2,
            "index": 6,
            "kind": "human",
            "person": "ann",
            "time": "2026-01-02T03:04:05+00:00",
            "tool": "brush",
            "active_seconds": 7.5,
            "revision": 1,
        }
    ]
    assert (provenance["engine"], provenance["consensus"]) == (None, None)
    assert provenance["files"] == ["scan.nii.gz"]


def test_all_is_the_answer_with_what_people_drew_over_it(
    small: SmallProject, tmp_path: Path
) -> None:
    draw(small, 6, 0, 0)
    save_answer(small.project, small.scan, labels=truth(), engine="auto", revision=1)
    exported = export_project(small.project, tmp_path / "out", "all")
    expected = truth()
    expected[0, 0, 6] = 2
    np.testing.assert_array_equal(
        read_labels(tmp_path / "out/labelsTr/scan.nii.gz").array, expected
    )
    assert exported.ignore_label is None
    assert "ignore" not in json.loads((tmp_path / "out/dataset.json").read_text())["labels"]
    provenance = json.loads((tmp_path / "out/provenance/scan.json").read_text())
    assert (provenance["engine"]["name"], provenance["engine"]["revision"]) == ("auto", 1)


def test_our_own_reader_of_nnunets_layout_finds_the_cases(
    small: SmallProject, tmp_path: Path
) -> None:
    draw(small, 6)
    export_project(small.project, tmp_path / "out")
    dataset = find_dataset(tmp_path / "out", part="Tr")
    assert [case.name for case in dataset.cases] == ["scan"]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "directions",
    [
        np.diag([1.0, 1.0, 1.0]),
        np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]),
        np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, -1]]),
    ],
    ids=["straight", "permuted and flipped", "oblique"],
)
def test_what_was_drawn_is_exported_voxel_for_voxel_on_any_grid(
    small: SmallProject, tmp_path: Path, directions: Float64Array, axis: int
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = directions * (0.7, 1.1, 2.5)
    affine[:3, 3] = (-30, 12, 5)
    path = save(
        tmp_path / "turned.nii.gz",
        np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16),
        affine,
    )
    scan = add_scan(small.project, path, by=small.ann)
    sides = [length for other, length in enumerate(SHAPE) if other != axis]
    labels = np.random.default_rng(axis).integers(0, 3, sides).astype(np.uint8)
    save_revision(
        small.project, scan.id, small.ann, action="draw", axis=axis, index=4, labels=labels
    )
    export_project(small.project, tmp_path / "out")
    written = read_labels(tmp_path / "out/labelsTr/turned.nii.gz")
    np.testing.assert_array_equal(np.take(written.array, 4, axis), labels)
    assert (np.delete(written.array, 4, axis) == 3).all()
    np.testing.assert_allclose(written.geometry.affine, affine, atol=1e-5)


def test_channels_are_files(small: SmallProject, tmp_path: Path) -> None:
    files = [scan_file(tmp_path / f"mr_{n:04d}.nii.gz") for n in range(2)]
    two = add_scan(small.project, files, by=small.ann)
    save_revision(small.project, two.id, small.ann, action="absent", axis=2, index=0)
    exported = export_project(small.project, tmp_path / "out")
    assert exported.cases == ("mr",)
    assert [each.code for each in exported.remarks] == ["nothing-to-export"]
    written = sorted(each.name for each in (tmp_path / "out/imagesTr").iterdir())
    assert written == ["mr_0000.nii.gz", "mr_0001.nii.gz"]
    described = json.loads((tmp_path / "out/dataset.json").read_text())
    assert described["channel_names"] == {"0": "channel 0", "1": "channel 1"}


def test_a_consensus_of_independent_people(small: SmallProject, tmp_path: Path) -> None:
    change_scan(small.project, small.scan, independent=True)
    draw(small, 6)
    draw(small, 6, 0, 0, by=small.bob)
    export_project(small.project, tmp_path / "newest")
    export_project(small.project, tmp_path / "together", consensus="majority")
    newest, together = (
        read_labels(tmp_path / name / "labelsTr/scan.nii.gz").array[:, :, 6]
        for name in ("newest", "together")
    )
    np.testing.assert_array_equal(newest, slice_of(6, 0, 0))
    expected = slice_of(6)
    expected[0, 0] = 3  # one against one: left open, so nnU-Net ignores it
    np.testing.assert_array_equal(together, expected)
    provenance = json.loads((tmp_path / "together/provenance/scan.json").read_text())
    assert provenance["consensus"] == {"method": "majority", "people": ["ann", "bob"]}
    assert [each["person"] for each in provenance["slices"]] == ["ann", "bob"]


def test_labels_with_gaps_are_kept_and_said(small: SmallProject, tmp_path: Path) -> None:
    add_structure(small.project, Structure(7, "rod"))
    draw(small, 6)
    exported = export_project(small.project, tmp_path / "out")
    assert exported.ignore_label == 8
    assert [each.code for each in exported.remarks] == ["label-gaps"]


def test_nothing_is_left_where_it_fails(small: SmallProject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing is drawn in the project yet"):
        export_project(small.project, tmp_path / "out")
    draw(small, 6)
    with pytest.raises(InputError, match="no export of 'some'"):
        export_project(small.project, tmp_path / "out", "some")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is there already and not empty"):
        export_project(small.project, tmp_path / "full")
    with pytest.raises(WriteError, match="cannot be written"):
        export_project(small.project, tmp_path / "full" / "mine.txt" / "out")
    (tmp_path / "scan.nii.gz").unlink()
    with pytest.raises(ReadError, match="is missing"):
        export_project(small.project, tmp_path / "out")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full", "project"]


def test_a_scan_that_is_missing_leaves_the_others_to_be_written(
    small: SmallProject, tmp_path: Path
) -> None:
    draw(small, 6)
    other = add_scan(small.project, scan_file(tmp_path / "other.nii.gz"), by=small.ann)
    save_revision(small.project, other.id, small.ann, action="absent", axis=2, index=0)
    (tmp_path / "scan.nii.gz").unlink()
    exported = export_project(small.project, tmp_path / "out")
    assert (exported.cases, exported.unreadable) == (("other",), ("scan",))
    (remark,) = exported.remarks
    assert remark.code == "scan-unreadable"
    assert remark.startswith("The scan 'scan' is left out: ")
    assert "scan.nii.gz is missing" in remark
    assert [each.name for each in (tmp_path / "out" / "labelsTr").iterdir()] == ["other.nii.gz"]
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["numTraining"] == 1
