"""The list of scans, their voxels, and their way to the reviewer and back."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np

from fewslice.project.adding import add_scan
from tests.support.command_line import save
from tests.support.served_projects import Served, with_accounts


def test_a_scan_is_shown_as_the_page_sees_it(served: Served) -> None:
    (listed,) = served.get("/scans").json()
    assert listed["window"] is None  # no scan is read for the list
    found = served.get("/scans/1").json()
    assert served.get("/scans").json() == [found]
    assert found == {**listed, "window": found["window"]}
    assert (found["name"], found["shape"], found["spacing"]) == ("scan", [20, 18, 12], [1, 1, 2.5])
    assert (found["plane"], found["channels"], found["modality"]) == (2, 1, None)
    assert (found["status"], found["annotated_slices"], found["lease"]) == ("new", 0, None)
    assert found["window"]["presets"][0]["name"] == "automatic"
    assert 0 < found["window"]["low"] < found["window"]["high"]


def test_the_image_is_the_scan_turned_to_ras(served: Served, tmp_path: Path) -> None:
    found = served.get("/scans/1/image")
    assert found.status_code == 200
    path = tmp_path / "image.nii"
    path.write_bytes(gzip.decompress(found.content))
    image = nib.Nifti1Image.from_filename(path)
    array = np.asarray(image.dataobj)
    assert nib.orientations.aff2axcodes(image.affine) == ("R", "A", "S")
    original = nib.Nifti1Image.from_filename(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(array, np.asarray(original.dataobj)[::-1])
    assert array[19, 3, 2] == 30 * 3 + 600 * 2  # outside of the ball, at the scan's (0, 3, 2)
    tag = found.headers["etag"]
    again = served.get("/scans/1/image", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    unpacked = served.get("/scans/1/image", params={"form": "nii"})  # by the client, on its way
    assert unpacked.headers["content-encoding"] == "gzip"
    assert unpacked.content == gzip.decompress(found.content)
    assert unpacked.headers["x-size"] == str(352 + 2 * array.size)
    plain = {"Accept-Encoding": "identity"}
    packed = served.get("/scans/1/image", params={"form": "nii"}, headers=plain)
    assert packed.content == found.content
    assert served.get("/scans/1/image", params={"channel": 1}).status_code == 422
    assert served.get("/scans/2/image").status_code == 404


def test_a_scan_whose_file_is_gone_is_listed_and_says_so(served: Served, tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").unlink()
    (found,) = served.get("/scans").json()
    assert found["window"] is None
    image = served.get("/scans/1/image")
    assert image.status_code == 422
    assert "is missing; expected the scan as it was added" in image.json()["message"]


def test_one_person_has_a_scan_open_at_a_time(served: Served) -> None:
    people = with_accounts(served)
    ann, bob = people["annotator"], people["reviewer"]
    mine = served.post("/scans/1/lease", headers=ann).json()
    assert (mine["person"], mine["mine"]) == ("annotator", True)
    refused = served.post("/scans/1/lease", headers=bob)
    assert refused.status_code == 409
    assert refused.json()["message"].startswith("annotator has the scan 'scan' open until")
    assert not served.get("/scans/1", headers=bob).json()["lease"]["mine"]
    assert served.client.delete("/api/v1/scans/1/lease", headers=bob).status_code == 204
    assert served.get("/scans/1", headers=bob).json()["lease"]["person"] == "annotator"
    taken = served.post("/scans/1/lease", {"force": True}, headers=bob)
    assert taken.json()["person"] == "reviewer"
    assert served.client.delete("/api/v1/scans/1/lease", headers=bob).status_code == 204
    assert served.get("/scans/1", headers=ann).json()["lease"] is None


def test_a_scan_goes_to_the_reviewer_and_back(served: Served) -> None:
    people = with_accounts(served)
    ann, eve = people["annotator"], people["reviewer"]
    served.put(served.page(6), headers=ann)
    assert served.post("/scans/1/submit", headers=ann).json()["status"] == "submitted"
    assert served.get("/queue", headers=ann).json()["scan"] is None
    waiting = served.get("/queue", headers=eve).json()
    assert (waiting["scan"], waiting["reason"]) == (1, "It waits for review.")
    back = served.post("/scans/1/return", {"remark": "Slice 7 is missing."}, headers=eve).json()
    assert (back["status"], back["remark"]) == ("returned", "Slice 7 is missing.")
    again = served.get("/queue", headers=ann).json()
    assert (again["scan"], again["reason"]) == (1, "A reviewer returned it.")
    served.post("/scans/1/submit", headers=ann)
    assert served.post("/scans/1/accept", headers=eve).json()["status"] == "accepted"
    assert served.post("/scans/1/accept", headers=eve).status_code == 409


def test_a_scan_is_not_accepted_while_two_versions_wait_for_a_choice(served: Served) -> None:
    people = with_accounts(served)
    ann, eve = people["annotator"], people["reviewer"]
    for axis, index, labels in ((2, 6, served.page(6)), (0, 3, np.zeros((18, 12), np.uint8))):
        served.put(labels, axis, index, headers=ann)
        labels[0, 0] = 2
        assert served.put(labels, axis, index, headers=eve).json()["conflict"] is not None
    for step, by in (("submit", ann), ("accept", eve)):
        refused = served.post(f"/scans/1/{step}", headers=by)
        assert (refused.status_code, refused.json()["message"]) == (
            409,
            "The scan 'scan' has two versions of sagittal 4; axial 7; choose on its page which "
            "counts before it is handed in or accepted.",
        )
    assert served.get("/scans/1", headers=ann).json()["status"] == "in_progress"
    for each in served.get("/scans/1/conflicts", headers=ann).json():
        chosen = {"revision": each["revision"], "keep": False}
        served.post("/scans/1/conflicts", chosen, headers=ann)
    assert served.post("/scans/1/accept", headers=eve).json()["status"] == "accepted"


def test_urgent_scans_come_first(served: Served, tmp_path: Path) -> None:
    other = save(tmp_path / "other.nii.gz", np.zeros((4, 5, 6), dtype=np.int16))
    number = add_scan(served.project, other, by=1).id
    assert served.get("/queue").json()["scan"] == 1
    changed = served.client.patch(f"/api/v1/scans/{number}", json={"priority": 2}).json()
    assert changed["priority"] == 2
    assert [each["id"] for each in served.get("/scans").json()] == [number, 1]
    found = served.get("/queue").json()
    assert (found["scan"], found["name"], found["reason"]) == (
        number,
        "other",
        "It was given priority.",
    )
    assert served.get("/queue", params={"current": number}).json()["scan"] == 1


def test_a_scan_with_script_in_its_name_travels_as_text(served: Served, tmp_path: Path) -> None:
    other = save(tmp_path / "other.nii.gz", np.zeros((4, 5, 6), dtype=np.int16))
    name = "<img src=x onerror=alert(1)>"
    add_scan(served.project, other, by=1, name=name)
    found = served.get("/scans")
    assert found.headers["content-type"] == "application/json"
    assert found.json()[1]["name"] == name
