"""`fewslice segment`: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

from fewslice.cli.main import run
from fewslice.engines import ENGINES
from fewslice.errors import WriteError
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.reporting import outputs as writing
from fewslice.volumes.segments import Segment
from tests.support.command_line import AFFINE, DRAWN, SHAPE, refused, save, truth
from tests.support.stand_in_engine import Voting


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    return save(tmp_path / "scan.nii.gz", (100 * truth() + noise).astype(np.float32))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    sparse = np.zeros(SHAPE, np.uint8)
    sparse[..., DRAWN] = truth()[..., DRAWN]
    return save(tmp_path / "labels.nii.gz", sparse)


@pytest.fixture
def basic(scan: Path, labels: Path) -> list[str]:
    return ["segment", str(scan), "--labels", str(labels), "--engine", "interpolation"]


@pytest.mark.slow
def test_it_writes_everything_asked_for(
    basic: list[str], labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, unsure = tmp_path / "out.nii.gz", tmp_path / "unsure.mha"
    report, picture = tmp_path / "report.json", tmp_path / "picture.png"
    extra = ["--uncertainty", str(unsure), "--report", str(report), "--picture", str(picture)]
    code = run([*basic, "-o", str(out), *extra, "--annotated", "axial:0,11"])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    result, drawn = read_labels(out), read_labels(labels)
    assert np.array_equal(result.array[..., DRAWN], drawn.array[..., DRAWN])
    assert np.array_equal(result.geometry.affine, AFFINE)
    assert (result.array[..., 5] == 1).any()
    assert read_image(unsure).array.max() <= 1
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(report.read_text())
    assert [item["index"] for item in found["annotated"]] == [0, 3, 6, 9, 11]
    assert found["labels"][0]["voxels"] == int((result.array == 1).sum())
    assert "axial 3, 6, 9; nothing there: axial 0, 11" in shown.out
    assert "interpolation" in shown.out
    assert "You may want to check axial" in shown.out
    for path in (out, unsure, report, picture):
        assert str(path) in shown.out


def test_names_of_structures_go_from_labels_to_result(basic: list[str], tmp_path: Path) -> None:
    drawn = read_labels(tmp_path / "labels.nii.gz")
    named = replace(drawn, segments=(Segment(1, "Spleen", (0.5, 0.25, 1.0)),))
    write_labels(tmp_path / "labels.seg.nrrd", named)
    given = [*basic[:3], str(tmp_path / "labels.seg.nrrd"), *basic[4:]]
    assert run([*given, "-o", str(tmp_path / "out.seg.nrrd"), "--quiet"]) == 0
    result = read_labels(tmp_path / "out.seg.nrrd")
    assert [(each.value, each.name, each.colour) for each in result.segments] == [
        (1, "Spleen", (0.5, 0.25, 1.0))
    ]
    assert np.array_equal(result.array[..., DRAWN], drawn.array[..., DRAWN])
    with pytest.raises(WriteError, match="suffix that can be written"):
        write_image(tmp_path / "unsure.seg.nrrd", read_image(tmp_path / "scan.nii.gz"))


def test_detached_formats_keep_header_and_voxels_together(basic: list[str], tmp_path: Path) -> None:
    out, unsure = tmp_path / "out.mhd", tmp_path / "unsure.nhdr"
    assert run([*basic, "-o", str(out), "--uncertainty", str(unsure), "--quiet"]) == 0
    assert read_labels(out).values == (1,)
    assert read_image(unsure).array.shape == SHAPE


def test_only_the_largest_piece_may_be_kept(
    basic: list[str], labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sparse = np.asarray(nib.load(labels).dataobj).astype(np.uint8)
    sparse[17:20, 15:18, 3] = 1  # reaches into slices on which nobody drew, and stays
    save(labels, sparse)
    plain, tidy = tmp_path / "plain.nii.gz", tmp_path / "tidy.nii.gz"
    assert run([*basic, "-o", str(plain), "--quiet"]) == 0
    assert run([*basic, "-o", str(tidy), "--largest-component", "--json"]) == 0
    remarks = json.loads(capsys.readouterr().out)["remarks"]
    before, after = read_labels(plain).array, read_labels(tidy).array
    removed = int((before != after).sum())
    assert remarks[-1].startswith(f"{removed} voxel")
    assert not after[before == 0].any()
    assert np.array_equal(after[..., DRAWN], sparse[..., DRAWN])


def test_json_and_quiet(
    basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.nii.gz")
    assert run([*basic, "-o", out, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["engine"] == "interpolation"
    assert run([*basic, "-o", out, "--quiet"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_support_that_is_not_used_is_said(
    basic: list[str], scan: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.nii.gz")
    assert run([*basic, "-o", out, "--support", f"{scan}={labels}"]) == 0
    assert "cannot learn from other scans" in capsys.readouterr().out


def test_support_alone_is_enough_for_an_engine_that_learns_from_it(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "voting", Voting())
    whole = save(tmp_path / "whole.nii.gz", truth())
    flipped = np.diag([1.0, -1.0, -1.0, 1.0]) @ AFFINE
    other = save(tmp_path / "other.nii.gz", (100 * truth()).astype(np.int16)[::-1], flipped)
    others = save(tmp_path / "others.nii.gz", truth()[::-1], flipped)
    out, report = tmp_path / "out.nii.gz", tmp_path / "report.json"
    arguments = ["segment", str(scan), "-o", str(out), "--engine", "voting"]
    support = ["--support", f"{scan}={whole}", "--support", f"{other}={others}"]
    assert run([*arguments, *support, "--report", str(report)]) == 0
    shown = capsys.readouterr().out
    assert "Annotated   none" in shown
    assert "Support     2 other scans learned from" in shown
    assert "rests on 2 support scans alone" in shown
    found, reference = read_labels(out).array == 1, truth() == 1
    assert 2 * (found & reference).sum() / (found.sum() + reference.sum()) > 0.8
    assert np.array_equal(read_labels(out).geometry.affine, AFFINE)
    written = json.loads(report.read_text())
    assert written["inputs"] == {
        "scan": str(scan),
        "labels": None,
        "support": [[str(scan), str(whole)], [str(other), str(others)]],
    }
    empty = save(tmp_path / "empty.nii.gz", np.zeros(SHAPE, np.uint8))
    again = tmp_path / "again.nii.gz"
    arguments = ["segment", str(scan), "--labels", str(empty), "-o", str(again)]
    assert run([*arguments, "--engine", "voting", *support, "--quiet"]) == 0
    assert np.array_equal(read_labels(again).array == 1, found)


def test_without_labels_and_without_support_there_is_nothing_to_go_by(
    scan: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["segment", str(scan), "-o", str(tmp_path / "out.nii.gz")]
    assert "give a label map" in refused(arguments, capsys)
    support = ["--support", f"{scan}={labels}", "--engine", "interpolation"]
    assert "no annotated slice" in refused([*arguments, *support], capsys)
    assert not (tmp_path / "out.nii.gz").exists()


def test_auto_is_the_default_engine(
    basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*basic[:4], "-o", str(tmp_path / "out.nii.gz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "auto"


BAD_SCANS = {
    "missing": "does not exist",
    "garbage": "",
    "truncated": "",
    "empty": "is empty",
    "nan": "no voxel with a finite value",
    "zero spacing": "spacing",
    "singular": "singular",
}


def bad_scan(kind: str, path: Path) -> None:
    """Write a scan that is broken in one way."""
    array = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    if kind == "nan":
        array[:] = np.nan
    image = nib.Nifti1Image(array, AFFINE)
    if kind in ("zero spacing", "singular"):
        broken = AFFINE.copy()
        broken[:3, 1] = 0 if kind == "zero spacing" else broken[:3, 0]
        for number, name in enumerate(("srow_x", "srow_y", "srow_z")):
            image.header[name] = broken[number]
        image.header["qform_code"], image.header["sform_code"] = 0, 1
        image.header["pixdim"][2] = np.linalg.norm(broken[:3, 1])
        data = image.header.binaryblock + bytes(4) + array.tobytes(order="F")
        path.write_bytes(gzip.compress(data))
        return
    if kind == "missing":
        return
    nib.save(image, path)
    whole = path.read_bytes()
    if kind == "garbage":
        path.write_bytes(bytes(range(256)) * 20)
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("kind", BAD_SCANS)
def test_bad_scans_are_refused(
    kind: str, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, out = tmp_path / "bad.nii.gz", tmp_path / "out.nii.gz"
    bad_scan(kind, scan)
    out.write_bytes(b"precious")
    before = sorted(tmp_path.iterdir())
    said = refused(["segment", str(scan), "--labels", str(labels), "-o", str(out)], capsys)
    assert BAD_SCANS[kind] in said
    assert "bad.nii.gz" in said
    assert out.read_bytes() == b"precious"
    assert sorted(tmp_path.iterdir()) == before


BAD_LABELS: dict[str, tuple[str, ...]] = {
    "spacing": ("spacing: 1, 1, 2.5 mm against 1, 1, 3 mm",),
    "moved": ("origin: 0, 0, 0 mm against 5, 0, 0 mm",),
    "turned": ("direction: LAS", "against RAS"),
    "beyond": ("voxels beyond the image",),
    "nothing": ("no annotated slice",),
    "only 255": ("no annotated slice",),
    "fractions": ("0.5", "not a whole number"),
    "channels": ("2 channels",),
    "negative": ("-1",),
}


def bad_labels(kind: str, path: Path) -> None:
    """Write labels that do not fit the scan in one way."""
    array: npt.NDArray[np.generic] = truth()
    affine = AFFINE.copy()
    if kind == "spacing":
        affine[2, 2] = 3
    elif kind == "moved":
        affine[0, 3] = 5
    elif kind == "turned":
        affine[0, 0] = 1
    elif kind == "beyond":
        array = np.concatenate([truth(), truth()], axis=0)
    elif kind == "nothing":
        array = np.zeros_like(truth())
    elif kind == "only 255":
        array = truth() * np.uint8(255)
    elif kind == "fractions":
        array = truth().astype(np.float32) * np.float32(0.5)
    elif kind == "channels":
        array = np.stack([truth(), truth()], axis=-1)
    elif kind == "negative":
        array = -truth().astype(np.int16)
    save(path, array, affine)


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_refused(
    kind: str, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, out = tmp_path / "bad.nii.gz", tmp_path / "out.nii.gz"
    bad_labels(kind, labels)
    said = refused(["segment", str(scan), "--labels", str(labels), "-o", str(out)], capsys)
    for part in BAD_LABELS[kind]:
        assert part in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--engine", "magic"], "choose one of auto, interpolation, random-walker"),
        (["--annotated", "diagonal:3"], "choose axial, coronal, sagittal"),
        (["--annotated", "axial:12"], "slices 0 to 11"),
        (["--annotated", "axial"], "PLANE:INDEX"),
        (["--annotated", "axial:x"], "PLANE:INDEX"),
        (["--support", "alone.nii.gz"], "SCAN=LABELS"),
        (["--support", "no.nii.gz=none.nii.gz"], "does not exist"),
        (["--report", "{folder}/report.txt"], "expected .json"),
        (["--picture", "{folder}/picture.jpg"], "expected .png"),
        (["--uncertainty", "{folder}/map.tif"], "expected .nii.gz"),
        (["--report", "{folder}/none/report.json"], "does not exist"),
        (["--uncertainty", "{folder}/out.nii.gz"], "given twice"),
        (["-o", "{folder}/none/out.nii.gz"], "does not exist"),
        (["-o", "{folder}"], "suffix"),
        (["-o", "{folder}/scan.nii.gz"], "never changed"),
        (["-o", "{folder}/labels.nii.gz"], "never changed"),
        (["-o", "{folder}/link.nii.gz"], "never changed"),
        (["-o", "{folder}/hard.nii.gz"], "never changed"),
        (["--uncertainty", "{folder}/../{name}/scan.nii.gz"], "never changed"),
        (["--support", "{folder}/out.nii.gz={folder}/labels.nii.gz"], "never changed"),
    ],
)
def test_bad_options_are_refused_and_change_nothing(
    extra: list[str],
    said: str,
    basic: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "link.nii.gz").symlink_to(tmp_path / "labels.nii.gz")
    os.link(tmp_path / "labels.nii.gz", tmp_path / "hard.nii.gz")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    filled = [text.format(folder=tmp_path, name=tmp_path.name) for text in extra]
    out = ["-o", str(tmp_path / "out.nii.gz")]
    assert said in refused([*basic, *out, *filled], capsys)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_outputs_are_checked_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["segment", "no.nii", "--labels", "none.nii", "-o", str(tmp_path / "a" / "b.nii")]
    assert "b.nii cannot be written" in refused(arguments, capsys)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--probability", "p.seg.nrrd"),
        ("--probability", "p.json"),
        ("--uncertainty", "u.seg.nrrd"),
        ("--uncertainty", "u.dcm"),
        ("--report", "r.nii"),
        ("--picture", "p.nii"),
    ],
)
def test_names_of_outputs_are_checked_before_anything_is_read(
    option: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    basic = ["segment", "no.nii", "--labels", "none.nii", "-o", str(tmp_path / "a.nii")]
    path = tmp_path / name
    assert f"{path} does not end with a suffix" in refused([*basic, option, str(path)], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["write_labels", "write_image", "write_report"])
@pytest.mark.parametrize(
    "names", [("out.nii.gz", "map.mha"), ("out.mhd", "map.nii"), ("out.nii", "map.nhdr")]
)
def test_a_failure_while_writing_leaves_every_output_as_it_was(
    *,
    broken: str,
    names: tuple[str, str],
    basic: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WriteError("The disk is full.")

    outputs = [tmp_path / name for name in (*names, "a.json", "a.png")]
    for path in outputs:
        path.write_bytes(b"old")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(writing, broken, fail)
    flags = ("-o", "--uncertainty", "--report", "--picture")
    options = [text for pair in zip(flags, map(str, outputs), strict=True) for text in pair]
    assert "The disk is full." in refused([*basic, *options], capsys)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_a_process_says_one_line_and_ends_with_code_2(labels: Path, tmp_path: Path) -> None:
    scan = tmp_path / "bad.nii.gz"
    bad_scan("truncated", scan)
    out = tmp_path / "out.nii.gz"
    done = subprocess.run(
        [sys.executable, "-m", "fewslice", "segment", scan, "--labels", labels, "-o", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("fewslice: ")
    assert done.stderr.count("\n") == 1
    assert not out.exists()
