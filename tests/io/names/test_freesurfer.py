"""Colour tables behind the voxels of .mgz files, written byte by byte as FreeSurfer does."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer.io import write_annot
from nibabel.freesurfer.mghformat import MGHImage

from fewslice.io.names.find import read_names
from fewslice.io.names.freesurfer import embedded_table
from fewslice.io.read import read_labels
from fewslice.volumes.segments import Segment

HIPPOCAMPUS = Segment(17, "Left-Hippocampus", (220 / 255, 216 / 255, 20 / 255))


def text(value: str) -> bytes:
    return struct.pack(">i", len(value) + 1) + value.encode() + b"\0"


def entry(name: str, *colour: int) -> bytes:
    return text(name) + struct.pack(">4i", *colour, 0)


def table(version: int) -> bytes:
    named = {0: ("Unknown", 0, 0, 0), 17: ("Left-Hippocampus", 220, 216, 20)}
    if version == 2:
        rows = b"".join(struct.pack(">i", n) + entry(*named[n]) for n in named)
        return struct.pack(">3i", 1, -2, 18) + text("LUT.txt") + struct.pack(">i", 2) + rows
    rows = b"".join(entry(*named.get(n, ("", 0, 0, 0))) for n in range(18))
    return struct.pack(">2i", 1, 18) + text("LUT.txt") + rows


def labels_file(path: Path, behind: bytes) -> Path:
    array = np.zeros((4, 3, 2), np.int32)
    array[1] = 17
    nibabel.save(MGHImage(array, np.eye(4)), path)
    content = path.read_bytes()
    packed = content[:2] == b"\x1f\x8b"
    whole = (gzip.decompress(content) if packed else content) + behind
    path.write_bytes(gzip.compress(whole) if packed else whole)
    return path


@pytest.mark.parametrize("suffix", [".mgz", ".mgh"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_table_behind_the_voxels(tmp_path: Path, suffix: str, version: int) -> None:
    history = struct.pack(">iq", 3, 5) + b"made\0"  # a tag of another kind, with its length
    path = labels_file(tmp_path / f"aseg{suffix}", history + table(version))
    assert embedded_table(path) == (HIPPOCAMPUS,)
    assert read_labels(path).segments == (HIPPOCAMPUS,)
    assert read_names(path) == (HIPPOCAMPUS,)


@pytest.mark.parametrize("behind", [b"", table(2)[:60], struct.pack(">i", 20) + b"x" * 40])
def test_without_a_whole_table_nothing_is_named(tmp_path: Path, behind: bytes) -> None:
    path = labels_file(tmp_path / "aseg.mgz", behind)
    assert embedded_table(path) == ()
    assert read_labels(path).values == (17,)


def test_an_annotation_of_a_surface(tmp_path: Path) -> None:
    path = tmp_path / "lh.aparc.annot"
    colours = np.array([[25, 5, 25, 0, 0], [220, 216, 20, 0, 0]])
    write_annot(path, np.array([0, 1, 1]), colours, ["unknown", "insula"], fill_ctab=True)
    assert read_names(path) == (Segment(1, "insula", (220 / 255, 216 / 255, 20 / 255)),)
