"""Scans: read once, recognised by what is in them, never changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ConflictError, InputError, NotFoundError, ReadError
from fewslice.io import read_image, write_image
from fewslice.project.adding import add_scan
from fewslice.project.saving import save_revision
from fewslice.project.scans import (
    change_scan,
    find_scan,
    get_scan,
    list_scans,
    move_scan,
    read_scan,
)
from fewslice.volumes import Geometry, Image
from tests.support.command_line import AFFINE, SHAPE
from tests.support.projects import SmallProject


def test_a_scan_says_what_it_is(small: SmallProject, tmp_path: Path) -> None:
    scan = get_scan(small.project, small.scan)
    assert (scan.name, scan.shape, scan.spacing) == ("scan", SHAPE, (1.0, 1.0, 2.5))
    assert (scan.status, scan.channels, scan.modality, scan.lease) == ("new", 1, "", None)
    assert scan.paths == (tmp_path / "scan.nii.gz",)
    np.testing.assert_array_equal(scan.affine, AFFINE)
    np.testing.assert_array_equal(
        read_scan(small.project, small.scan).array, read_image(tmp_path / "scan.nii.gz").array
    )


def test_a_changed_file_is_refused_and_a_touched_one_is_not(
    small: SmallProject, tmp_path: Path
) -> None:
    path = tmp_path / "scan.nii.gz"
    os.utime(path, (1, 1))
    read_scan(small.project, small.scan)
    content = path.read_bytes()
    path.write_bytes(content + b"x")
    with pytest.raises(ReadError, match="has changed since it was added to the project"):
        read_scan(small.project, small.scan)
    path.unlink()
    with pytest.raises(ReadError, match="is missing; expected the scan as it was added"):
        read_scan(small.project, small.scan)
    path.write_bytes(content)
    read_scan(small.project, small.scan)


def test_the_voxels_of_a_header_count_as_its_content(small: SmallProject, tmp_path: Path) -> None:
    image = read_image(tmp_path / "scan.nii.gz")
    write_image(tmp_path / "split.mhd", image)
    scan = add_scan(small.project, tmp_path / "split.mhd", by=small.ann, copy=True)
    np.testing.assert_array_equal(read_scan(small.project, scan.id).array, image.array)
    (raw,) = scan.paths[0].parent.glob("*raw")
    raw.write_bytes(b"\1" + raw.read_bytes()[1:])  # it was 0
    with pytest.raises(ReadError, match="has changed"):
        read_scan(small.project, scan.id)


def test_a_scan_that_lies_elsewhere_now(small: SmallProject, tmp_path: Path) -> None:
    shutil.move(tmp_path / "scan.nii.gz", tmp_path / "there.nii.gz")
    move_scan(small.project, small.scan, [tmp_path / "there.nii.gz"])
    assert read_scan(small.project, small.scan).array.shape == SHAPE
    other = tmp_path / "other.nii.gz"
    write_image(other, Image(np.zeros(SHAPE, np.uint8), Geometry(SHAPE, AFFINE)))
    with pytest.raises(InputError, match="does not hold the scan 'scan' as it was added"):
        move_scan(small.project, small.scan, [other])


def test_scans_of_higher_priority_come_first(small: SmallProject, tmp_path: Path) -> None:
    second = add_scan(small.project, tmp_path / "scan.nii.gz", by=small.ann, name="second")
    assert [each.id for each in list_scans(small.project)] == [small.scan, second.id]
    changed = change_scan(small.project, second.id, priority=2.0, predicted_dice=0.75)
    assert changed.predicted_dice == 0.75
    assert [each.id for each in list_scans(small.project)] == [second.id, small.scan]


def test_a_scan_is_found_by_name_or_number(small: SmallProject) -> None:
    assert find_scan(small.project, "scan").id == small.scan
    assert find_scan(small.project, str(small.scan)).id == small.scan
    with pytest.raises(NotFoundError, match="There is no scan 'other'"):
        find_scan(small.project, "other")
    with pytest.raises(NotFoundError, match="There is no scan 77"):
        find_scan(small.project, "77")


def test_people_annotate_independently_from_the_beginning_or_not(small: SmallProject) -> None:
    assert change_scan(small.project, small.scan, independent=True).independent
    save_revision(small.project, small.scan, small.ann, action="absent", axis=2, index=0)
    with pytest.raises(ConflictError, match="has drawn slices already"):
        change_scan(small.project, small.scan, independent=False)
