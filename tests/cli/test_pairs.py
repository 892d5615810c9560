"""SCAN=LABELS."""

from pathlib import Path

import pytest

from fewslice.cli.pairs import parse_pair
from fewslice.errors import InputError


def parted(text: str) -> tuple[list[str], str]:
    scan, labels = parse_pair(text)
    return [str(path) for path in scan.images], str(labels)


def test_a_pair() -> None:
    assert parted("a/scan.nii.gz=b/labels.nrrd") == (["a/scan.nii.gz"], "b/labels.nrrd")
    scan, _ = parse_pair("a/CASE_0000.nii.gz=b/labels.nrrd")
    assert (scan.name, scan.siblings) == ("CASE", True)
    assert not parse_pair("a/CASE_0000.nii.gz=b/labels.nrrd", alone=True)[0].siblings


def test_only_the_first_sign_parts_them() -> None:
    assert parted("scan=labels=2.mha") == (["scan"], "labels=2.mha")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_channels_are_joined_by_plus_signs(place: Path) -> None:
    touch("ct.nii", "pet.nii", "mr.nii", "labels.nii", "a+b=c/ct+1.nii", "d+e.nii")
    assert parted("ct.nii+pet.nii+mr.nii=labels.nii") == (
        ["ct.nii", "pet.nii", "mr.nii"],
        "labels.nii",
    )
    # Paths that hold both signs themselves
    assert parted("a+b=c/ct+1.nii+d+e.nii=labels.nii") == (
        ["a+b=c/ct+1.nii", "d+e.nii"],
        "labels.nii",
    )
    assert parted("d+e.nii=a+b=c/ct+1.nii") == (["d+e.nii"], "a+b=c/ct+1.nii")


def test_two_ways_to_part_channels_are_refused(place: Path) -> None:
    touch("d", "e.nii", "d+e.nii", "labels.nii")
    with pytest.raises(InputError, match=r"holds no '=' and no '\+'"):
        parse_pair("d+e.nii=labels.nii")


def test_a_missing_channel_is_the_one_that_is_missed(place: Path) -> None:
    touch("ct.nii", "labels.nii")
    assert parted("ct.nii+pet.nii=labels.nii")[0] == ["ct.nii", "pet.nii"]
    assert parted("ct+1.nii=labels.nii")[0] == ["ct+1.nii"]


@pytest.mark.parametrize(
    ("scan", "labels"),
    [("a=1.nii", "b.nii"), ("a.nii", "b=1.nii"), ("a=1.nii", "b=1=2.nii"), ("x=y/a.nii", "b.nii")],
)
def test_paths_may_hold_the_sign_if_they_exist(tmp_path: Path, scan: str, labels: str) -> None:
    for name in (scan, labels):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = parted(f"{tmp_path / scan}={tmp_path / labels}")
    assert found == ([str(tmp_path / scan)], str(tmp_path / labels))


def test_two_ways_to_part_existing_paths_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b=c", "a=b", "c"):
        Path(name).touch()
    with pytest.raises(InputError, match="rename one of the files"):
        parse_pair("a=b=c")


@pytest.mark.parametrize("text", ["", "=", "scan", "scan=", "=labels"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="as a scan with labels; write SCAN=LABELS") as caught:
        parse_pair(text)
    assert repr(text) in str(caught.value)
