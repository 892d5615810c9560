"""What a DICOM header says of a patient, script included, reaches neither pages nor logs."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.project.adding import add_scan
from tests.support.dicom_samples import write_series
from tests.support.served_projects import API, Served

SCRIPT = "<script>alert('x')</script>"
SAID: dict[str, Any] = {
    "PatientName": f"Doe^{SCRIPT}",
    "PatientID": "id-of-Doe",
    "SeriesDescription": f"axial {SCRIPT}",
    "StudyDescription": f"brain {SCRIPT}",
    "InstitutionName": "St. Nowhere",
}
SECRETS = (b"Doe", b"script", b"id-of", b"Nowhere")


def test_nothing_of_a_patient_leaves_the_header(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    volume = np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)
    folder = write_series(tmp_path / "series", volume, **SAID)
    number = add_scan(served.project, folder, by=1).id
    assert number == 2
    paths = [
        path.replace("{scan}", str(number))
        for path, methods in served.client.get(f"{API}/openapi.json").json()["paths"].items()
        if "get" in methods and not path.endswith("/events")
    ]
    asked = [path for path in paths if "{" not in path]
    assert f"{API}/scans/{number}/image" in asked
    for path in asked:
        params = {"axis": 2} if path.endswith("/strip") else {}
        if path.endswith("/suggestion"):
            params["wait"] = 0
        answer = served.client.get(path, params=params)
        body = answer.content
        if path.endswith("/image"):
            body = gzip.decompress(body)
        assert not [each for each in SECRETS if each in body], path
    moved = folder.rename(tmp_path / "elsewhere")
    missing = served.get(f"/scans/{number}/image?channel=0")
    assert missing.status_code == 200  # from the cache
    (served.project.directory / "cache").rename(tmp_path / "cache")
    missing = served.get(f"/scans/{number}/image")
    assert missing.status_code == 422
    assert not [each for each in SECRETS if each in missing.content]
    for file in moved.iterdir():
        file.write_bytes(file.read_bytes()[:600])
    database = b"".join(path.read_bytes() for path in served.project.directory.glob("project.db*"))
    for said in (caplog.text.encode(), database):
        assert not [each for each in SECRETS if each in said]
