"""Scans with their sparse labels: which go together, and which can be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError, ReadError, codes_of
from fewslice.io.scan_files import ScanFiles
from fewslice.io.write import write_image
from fewslice.training.inputs import pairs_in, usable_scans
from fewslice.volumes.image import Image, LabelMap
from fewslice.volumes.orientation import Turn
from tests.support.sparse_scans import files, pair


def test_nothing_annotated_at_all_is_refused() -> None:
    image, labels = pair(0)
    blank = labels.with_array(np.zeros_like(labels.array))
    with pytest.raises(InputError, match="no annotation to learn from"):
        usable_scans([(image, blank)], absent_unknown=False)
    with pytest.raises(InputError, match="no annotation to learn from"):
        usable_scans([], absent_unknown=False)


def test_scans_with_other_channels_than_the_first_are_left_out() -> None:
    image, labels = pair(0)
    two = Image(np.concatenate([image.channels, image.channels]), image.geometry)
    scans, skipped = usable_scans([(image, labels), (two, labels)], absent_unknown=False)
    assert [scan.name for scan in scans] == ["scan 1"]
    assert skipped == ("Left out scan 2: it has 2 channels, scan 1 has 1.",)


def test_what_was_assumed_of_a_scan_is_kept() -> None:
    image, labels = pair(0)
    turn = Turn((0, 1, 2), (False, False, True))
    other = LabelMap(turn.array(labels.array), turn.geometry(labels.geometry))
    scans, _ = usable_scans([(image, other)], absent_unknown=False)
    assert codes_of(scans[0].remarks) == {"labels-reordered"}
    assert np.array_equal(scans[0].channels[0], turn.array(image.array))


def test_what_was_looked_for_is_what_is_drawn_if_so_said() -> None:
    image, labels = pair(0)
    everything, _ = usable_scans([(image, labels)], absent_unknown=False)
    drawn, _ = usable_scans([(image, labels)], absent_unknown=True)
    assert everything[0].looked_for is None
    assert drawn[0].looked_for == (1, 2)


def test_all_channels_of_a_folder_are_learned_from(tmp_path: Path) -> None:
    images, labels = files(tmp_path, 1)
    write_image(images / "case0_0001.nii.gz", pair(1)[0])
    scans, skipped = usable_scans(pairs_in(images, labels), absent_unknown=False)
    assert skipped == ()
    assert np.array_equal(scans[0].channels[0], pair(0)[0].array)
    assert np.array_equal(scans[0].channels[1], pair(1)[0].array)


def test_folders_are_matched_by_name(tmp_path: Path) -> None:
    images, labels = files(tmp_path)
    assert pairs_in(images, labels) == [
        (
            ScanFiles(f"case{n}", (images / f"case{n}_0000.nii.gz",)),
            labels / f"case{n}.nii.gz",
        )
        for n in (0, 1)
    ]
    with pytest.raises(ReadError, match="is not a folder"):
        pairs_in(tmp_path / "none", labels)
    with pytest.raises(ReadError, match="has a scan of its name"):
        pairs_in(images, _renamed(labels))


def _renamed(folder: Path) -> Path:
    for path in folder.iterdir():
        path.rename(folder / f"other_{path.name}")
    return folder
