"""SCAN=LABELS."""

from pathlib import Path

import pytest

from fewslice.cli.pairs import parse_pair
from fewslice.errors import InputError


def test_a_pair() -> None:
    assert parse_pair("a/scan.nii.gz=b/labels.nrrd") == (
        Path("a/scan.nii.gz"),
        Path("b/labels.nrrd"),
    )


def test_only_the_first_sign_parts_them() -> None:
    assert parse_pair("scan=labels=2.mha") == (Path("scan"), Path("labels=2.mha"))


@pytest.mark.parametrize(
    ("scan", "labels"),
    [("a=1.nii", "b.nii"), ("a.nii", "b=1.nii"), ("a=1.nii", "b=1=2.nii"), ("x=y/a.nii", "b.nii")],
)
def test_paths_may_hold_the_sign_if_they_exist(tmp_path: Path, scan: str, labels: str) -> None:
    for name in (scan, labels):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = parse_pair(f"{tmp_path / scan}={tmp_path / labels}")
    assert found == (tmp_path / scan, tmp_path / labels)


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
