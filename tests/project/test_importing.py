"""Labels from elsewhere become slices that somebody drew, in their right place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import GeometryError, InputError
from fewslice.project.conflicts import open_conflicts
from fewslice.project.drawings import drawing
from fewslice.project.importing import import_labels
from fewslice.project.revisions import history, slice_head
from fewslice.project.saving import save_revision
from fewslice.project.structures import list_structures
from tests.support.command_line import AFFINE, DRAWN, SHAPE, save, truth
from tests.support.projects import SmallProject, slice_of


def sparse() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    labels = np.zeros(SHAPE, np.uint8)
    for index in DRAWN:
        labels[:, :, index] = truth()[:, :, index]
    return labels


def test_annotated_slices_of_sparse_labels(small: SmallProject, tmp_path: Path) -> None:
    path = save(tmp_path / "labels.nii.gz", sparse())
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert imported.slices == tuple((2, index) for index in DRAWN)
    assert (imported.added, imported.conflicts) == ((), ())
    drawn = drawing(small.project, small.scan)
    np.testing.assert_array_equal(drawn.drawing.labels(), sparse())
    assert {(each.kind, each.tool) for each in drawn.origins.values()} == {("human", "import")}


def test_labels_in_another_order_come_to_their_place(small: SmallProject, tmp_path: Path) -> None:
    labels = np.flip(sparse().transpose(2, 0, 1), 1)
    affine = AFFINE[:, [2, 0, 1, 3]].copy()
    affine[:, 3] += affine[:, 1] * (SHAPE[0] - 1)
    affine[:3, 1] *= -1
    path = save(tmp_path / "labels.nii.gz", labels, affine)
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert imported.slices == tuple((2, index) for index in DRAWN)
    np.testing.assert_array_equal(drawing(small.project, small.scan).drawing.labels(), sparse())
    (remark,) = imported.remarks
    assert remark.code == "labels-reordered"
    assert "the result" not in remark


@pytest.mark.parametrize("complete", [False, True])
def test_padded_and_cropped_labels_come_to_their_place(
    small: SmallProject, tmp_path: Path, complete: bool
) -> None:
    """Cropped by 2 voxels before and 1 slice behind, padded by 3 voxels behind."""
    cut = np.pad(sparse()[2:, :, :-1], ((0, 0), (0, 3), (0, 0)))
    affine = AFFINE.copy()
    affine[:3, 3] = AFFINE[:3, :3] @ (2, 0, 0)
    path = save(tmp_path / "labels.nii.gz", cut, affine)
    imported = import_labels(small.project, small.scan, path, small.ann, complete=complete)
    drawn = drawing(small.project, small.scan).drawing
    expected = sparse()
    if complete:
        assert imported.slices == tuple((2, index) for index in range(SHAPE[2] - 1))
        expected[:2, :, :-1] = 255
    np.testing.assert_array_equal(drawn.labels(), expected)


def test_complete_labels_say_of_every_slice_what_is_on_it(
    small: SmallProject, tmp_path: Path
) -> None:
    path = save(tmp_path / "labels.nii.gz", truth())
    imported = import_labels(small.project, small.scan, path, small.ann, complete=True)
    assert imported.slices == tuple((2, index) for index in range(SHAPE[2]))
    drawn = drawing(small.project, small.scan).drawing
    assert len(drawn.places) == SHAPE[2]
    np.testing.assert_array_equal(drawn.labels(), truth())


def test_structures_that_are_missing_are_added(small: SmallProject, tmp_path: Path) -> None:
    path = save(tmp_path / "labels.nii.gz", sparse() * 9)
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert [(each.value, each.name) for each in imported.added] == [(9, "structure 9")]
    assert [each.value for each in list_structures(small.project)] == [1, 2, 9]


def test_255_beside_high_labels_is_remarked(small: SmallProject, tmp_path: Path) -> None:
    labels = np.where(sparse() == 1, 254, 0).astype(np.uint8)
    labels[0, 0, DRAWN[0]] = 255
    path = save(tmp_path / "labels.nii.gz", labels)
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert "255-may-be-a-structure" in {each.code for each in imported.remarks}
    assert not any("--ignore-label" in each for each in imported.remarks)


def test_what_another_person_drew_stays(small: SmallProject, tmp_path: Path) -> None:
    save_revision(
        small.project,
        small.scan,
        small.bob,
        action="draw",
        axis=2,
        index=6,
        labels=slice_of(6, 0, 0),
    )
    path = save(tmp_path / "labels.nii.gz", sparse())
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert [each.place for each in imported.conflicts] == [(2, 6)]
    assert drawing(small.project, small.scan).origins[2, 6].person == "bob"


@pytest.mark.parametrize("action", ["draw", "accept", "correct"])
@pytest.mark.parametrize("strict", [False, True])
def test_what_holds_already_stays_whose_it_is(
    small: SmallProject, tmp_path: Path, action: str, strict: bool
) -> None:
    save_revision(
        small.project, small.scan, small.ann, action=action, axis=2, index=6, labels=slice_of(6)
    )
    before = drawing(small.project, small.scan).origins[2, 6]
    path = save(tmp_path / "labels.nii.gz", sparse())
    for person in (small.bob, small.ann):
        imported = import_labels(small.project, small.scan, path, person, strict=strict)
        assert (2, 6) in imported.unchanged
        assert imported.conflicts == ()
    assert imported.unchanged == imported.slices
    origins = drawing(small.project, small.scan).origins
    assert origins[2, 6] == before
    others = {place: origin.person for place, origin in origins.items() if place != (2, 6)}
    assert set(others.values()) == {"bob"}


def test_an_older_state_does_not_take_back_what_was_drawn_since(
    small: SmallProject, tmp_path: Path
) -> None:
    """Somebody imports labels, goes on drawing in the page, and imports them again with a slice."""
    path = save(tmp_path / "labels.nii.gz", sparse())
    import_labels(small.project, small.scan, path, small.ann)
    head = slice_head(small.project, small.scan, (2, 6))
    assert head is not None
    newer = slice_of(6, 0, 0)
    save_revision(
        small.project,
        small.scan,
        small.ann,
        action="draw",
        axis=2,
        index=6,
        labels=newer,
        parent=head.id,
    )
    more = sparse()
    more[:, :, 4] = truth()[:, :, 4]
    path = save(tmp_path / "more.nii.gz", more)
    for _ in range(2):
        imported = import_labels(small.project, small.scan, path, small.ann)
        assert [each.place for each in imported.conflicts] == [(2, 6)]
        assert len(open_conflicts(small.project, small.scan)) == 1
    expected = more.copy()
    expected[:, :, 6] = newer
    np.testing.assert_array_equal(drawing(small.project, small.scan).drawing.labels(), expected)


def test_what_was_drawn_further_elsewhere_takes_its_place(
    small: SmallProject, tmp_path: Path
) -> None:
    for corner in (0, 1):
        labels = sparse()
        labels[0, corner, 6] = 1
        imported = import_labels(
            small.project, small.scan, save(tmp_path / "labels.nii.gz", labels), small.ann
        )
        assert imported.conflicts == ()
    np.testing.assert_array_equal(drawing(small.project, small.scan).drawing.labels(), labels)


def test_an_empty_slice_that_was_said_to_be_empty_stays_so(
    small: SmallProject, tmp_path: Path
) -> None:
    save_revision(small.project, small.scan, small.bob, action="absent", axis=2, index=0)
    path = save(tmp_path / "labels.nii.gz", truth())
    imported = import_labels(small.project, small.scan, path, small.ann, complete=True)
    assert (imported.conflicts, imported.unchanged) == ((), ((2, 0),))
    assert drawing(small.project, small.scan).origins[2, 0].kind == "absent"


def test_what_a_later_slice_covers_comes_back_as_it_was_shown(
    small: SmallProject, tmp_path: Path
) -> None:
    """Ann's axial slice and Bob's sagittal one disagree in a voxel, where the later one counts."""
    axial, sagittal = slice_of(6), truth()[10].copy()
    sagittal[9, 6] = 2
    for by, place, labels in ((small.ann, (2, 6), axial), (small.bob, (0, 10), sagittal)):
        save_revision(
            small.project,
            small.scan,
            by,
            action="draw",
            axis=place[0],
            index=place[1],
            labels=labels,
        )
    shown = drawing(small.project, small.scan).drawing.labels()
    assert shown[10, 9, 6] == 2 != axial[10, 9]
    imported = import_labels(
        small.project, small.scan, save(tmp_path / "labels.nii.gz", shown), small.bob
    )
    assert imported.unchanged == imported.slices == ((0, 10), (2, 6))
    revisions = [each.action for each in history(small.project, small.scan)]
    assert revisions == ["draw", "draw"]


def test_what_came_as_it_holds_stays_known_on_a_slice_that_changes(
    small: SmallProject, tmp_path: Path
) -> None:
    """A file leaves in doubt whether the ball was looked for beside the cube; the project knows."""
    before = sparse()
    before[12:17, 2:7, 4:6] = 2
    for index in (*DRAWN, 4, 5):
        save_revision(
            small.project,
            small.scan,
            small.ann,
            action="draw",
            axis=2,
            index=index,
            labels=before[:, :, index],
        )
    after = before.copy()
    after[0, 0, 4] = 2
    path = save(tmp_path / "labels.nii.gz", after)
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert "drawn-on-other-slices" in {each.code for each in imported.remarks}
    assert set(imported.slices) - set(imported.unchanged) == {(2, 4)}
    np.testing.assert_array_equal(drawing(small.project, small.scan).drawing.labels(), after)


def test_zeros_in_doubt_are_not_background(small: SmallProject, tmp_path: Path) -> None:
    """The ball on three slices and the cube on one beside: nobody looked for both everywhere."""
    labels = sparse()
    labels[12:17, 2:7, 4] = 2
    labels[12:17, 2:7, 5] = 2
    path = save(tmp_path / "labels.nii.gz", labels)
    imported = import_labels(small.project, small.scan, path, small.ann)
    assert imported.remarks != ()
    strict = import_labels(small.project, small.scan, path, small.ann, strict=True)
    assert set(imported.slices) <= set(strict.slices)
    drawn = drawing(small.project, small.scan).drawing
    np.testing.assert_array_equal(drawn.labels(), labels)


@pytest.mark.parametrize(
    ("labels", "error", "sentence"),
    [
        (np.zeros(SHAPE, np.uint8), InputError, "holds no annotated slice"),
        (sparse().astype(np.uint16) * 300, InputError, "label 300; expected at most 254"),
        (np.ones((40, 40, 40), np.uint8), GeometryError, "drawn voxels beyond"),
    ],
)
def test_what_does_not_fit_is_refused(
    small: SmallProject,
    tmp_path: Path,
    labels: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]],
    error: type[Exception],
    sentence: str,
) -> None:
    path = save(tmp_path / "labels.nii.gz", labels)
    with pytest.raises(error, match=sentence):
        import_labels(small.project, small.scan, path, small.ann)
    assert drawing(small.project, small.scan).revision is None
