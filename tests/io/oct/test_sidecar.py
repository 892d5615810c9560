"""What is known of a scan comes back from beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import ReadError, Remark
from fewslice.io import read_image, write_image
from fewslice.io.oct.info import OctInfo
from fewslice.io.oct.sidecar import find_info, write_info
from fewslice.volumes import Geometry, Image
from tests.support.dicom_samples import write_slice

INFO = OctInfo(
    device="Heidelberg .vol",
    laterality="L",
    spacing_from=("stored", "nominal", "computed"),
    directions_known=True,
    positions=np.arange(12.0).reshape(3, 2, 2),
    fundus=np.arange(20, dtype=np.uint8).reshape(4, 5),
    fundus_spacing=(0.01, 0.02),
    motion=np.array([[0, 1], [2, -3], [0, 0]]),
    remarks=(Remark("some-code", "A sentence."),),
)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    image = Image(np.ones((3, 4, 5), np.uint8), Geometry.from_spacing((3, 4, 5)))
    write_image(tmp_path / "scan.nii.gz", image)
    return tmp_path / "scan.nii.gz"


def test_everything_comes_back(scan: Path) -> None:
    names = [path.name for path in write_info(scan, INFO)]
    assert names == ["scan.oct.json", "scan.fundus.png"]
    found = find_info(scan, read_image(scan))
    assert found is not None
    for name in ("device", "laterality", "spacing_from", "directions_known", "fundus_spacing"):
        assert getattr(found, name) == getattr(INFO, name)
    for name in ("positions", "fundus", "motion"):
        assert np.array_equal(getattr(found, name), getattr(INFO, name))
    assert [(each.code, str(each)) for each in found.remarks] == [("some-code", "A sentence.")]


def test_what_is_unknown_stays_unknown(scan: Path) -> None:
    assert len(write_info(scan, OctInfo("Zeiss .img", "", ("nominal",) * 3))) == 1
    found = find_info(scan, read_image(scan))
    assert found is not None
    assert (found.positions, found.fundus, found.fundus_spacing, found.motion) == (None,) * 4


def test_a_scan_with_nothing_beside_it_is_no_oct(scan: Path) -> None:
    assert find_info(scan, read_image(scan)) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spacing_from": [1]}'])
def test_a_damaged_file_is_refused(scan: Path, text: str) -> None:
    scan.with_name("scan.oct.json").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=r"scan\.oct\.json is damaged"):
        find_info(scan, read_image(scan))


def dicom_info(path: Path) -> OctInfo | None:
    image = Image(np.ones((3, 4, 5), np.uint8), Geometry.from_spacing((3, 4, 5)))
    return find_info(path, image)


@pytest.mark.parametrize("tag", ["ImageLaterality", "Laterality"])
def test_dicom_says_which_eye(tmp_path: Path, tag: str) -> None:
    write_slice(tmp_path / "a.dcm", np.zeros((4, 5), np.int16), Modality="OPT", **{tag: "L"})
    for path in (tmp_path, tmp_path / "a.dcm"):
        info = dicom_info(path)
        assert info is not None
        assert (info.device, info.laterality) == ("DICOM", "L")


def test_dicom_says_it_of_all_frames(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    anatomy, groups = Dataset(), Dataset()
    anatomy.FrameLaterality = "R"
    groups.FrameAnatomySequence = [anatomy]
    pixels = np.zeros((4, 5), np.int16)
    tags = {"Modality": "OPT", "SharedFunctionalGroupsSequence": [groups]}
    info = dicom_info(write_slice(tmp_path / "a.dcm", pixels, **tags))
    assert info is not None
    assert info.laterality == "R"


def test_other_dicom_is_no_oct(tmp_path: Path) -> None:
    assert dicom_info(write_slice(tmp_path / "a.dcm", np.zeros((4, 5), np.int16))) is None
