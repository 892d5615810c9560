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


@pytest.mark.parametrize("text", ["", "=", "scan", "scan=", "=labels"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="as a scan with labels; write SCAN=LABELS") as caught:
        parse_pair(text)
    assert repr(text) in str(caught.value)
