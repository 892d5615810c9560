"""What people draw comes back voxel for voxel, once, and never at another's cost."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from starlette.testclient import TestClient

from fewslice.project.drawings import drawing
from fewslice.server.arrays import pack
from tests.support.command_line import truth
from tests.support.sent_arrays import array_of
from tests.support.served_projects import API, Served, with_accounts

URL = "/scans/1/slices"


@pytest.mark.parametrize(("axis", "index"), [(0, 4), (1, 8), (2, 6)])
def test_a_slice_comes_back_and_lies_in_the_scans_own_axes(
    served: Served, axis: int, index: int
) -> None:
    # The scan's first axis runs to the left: its slice n is the page's slice 19 - n.
    own = {0: 19 - index, 1: index, 2: index}[axis]
    theirs = np.asarray(truth().take(own, axis=axis))
    page = theirs if axis == 0 else theirs[::-1]
    saved = served.put(np.ascontiguousarray(page), axis, index)
    assert saved.status_code == 200
    assert saved.json() == {"revision": 1, "head": 1, "conflict": None}
    found = served.get(f"{URL}/{axis}/{index}")
    np.testing.assert_array_equal(array_of(found), page)
    assert found.headers["x-revision"] == "1"
    kept = drawing(served.project, 1).drawing
    assert kept.places == ((axis, own),)
    np.testing.assert_array_equal(kept.slices[0].labels, theirs)


def test_what_was_drawn_is_listed_with_who_and_how(served: Served) -> None:
    served.put(served.page(6), X_Tool="brush", X_Active_Seconds="12.5")
    served.put(served.page(7), index=7, X_Action="accept")
    served.put(served.page(8), axis=2, index=8, X_Action="correct")
    served.post(f"{URL}/0/1/mark", {"mark": "absent"})
    served.post(f"{URL}/0/2/mark", {"mark": "present"})
    listed = served.get(URL).json()
    assert [(each["axis"], each["index"], each["kind"], each["person"]) for each in listed] == [
        (0, 1, "absent", "local"),
        (0, 2, "present", "local"),
        (2, 6, "human", "local"),
        (2, 7, "accepted", "local"),
        (2, 8, "corrected", "local"),
    ]
    first = served.get("/scans/1/history", params={"axis": 2, "index": 6}).json()
    assert [(each["tool"], each["active_seconds"]) for each in first] == [("brush", 12.5)]
    assert len(served.get("/scans/1/history").json()) == 5
    one = served.get("/scans/1").json()
    assert (one["annotated_slices"], one["status"]) == (4, "in_progress")
    progress = served.get("/project").json()["progress"]
    assert (progress["annotated_slices"], progress["accepted_slices"]) == (4, 1)
    assert progress["seconds"] == 12.5
    assert progress["scans"] == {"in_progress": 1}


def test_a_stroke_that_is_sent_again_is_stored_once(served: Served) -> None:
    first = served.put(served.page(6), X_Client_Key="stroke-1").json()
    again = served.put(served.page(6), X_Client_Key="stroke-1").json()
    assert first == again
    assert len(served.get("/scans/1/history").json()) == 1
    other = served.put(served.page(5), X_Client_Key="stroke-1")
    assert other.status_code == 409
    assert "names another change" in other.json()["message"]


def test_what_does_not_fit_is_refused_in_a_sentence(served: Served) -> None:
    page = served.page(6)
    far = served.put(page, index=12)
    assert (far.status_code, far.json()["message"]) == (
        422,
        "There is no slice 12 across axis 2 in a scan of (20, 18, 12) voxels; axes are 0, 1 and "
        "2, and slices count from 0.",
    )
    turned = served.put(np.ascontiguousarray(page.T))
    assert turned.status_code == 422
    assert "shape (18, 20); expected (20, 18)" in turned.json()["message"]
    strange = served.put(np.full_like(page, 9))
    assert strange.status_code == 422
    assert "label 9 is no structure" in strange.json()["message"]
    wide = served.put(np.full(page.shape, 256, dtype=np.uint16))
    assert wide.json()["message"] == "Labels are 0 to 255; index the structures anew."
    for headers in ({"X-Parent": "x"}, {"X-Action": "erase"}, {"X-Active-Seconds": "nan"}):
        assert served.put(page, headers=headers).status_code == 422
    assert served.put(page, X_Parent="77").status_code == 404
    assert served.get("/scans/7/slices").status_code == 404
    assert served.get(f"{URL}/2/6").status_code == 404
    assert served.get("/scans/1/history").json() == []


def test_a_body_that_is_no_array_is_refused(served: Served) -> None:
    client: TestClient = served.client
    path = f"{API}{URL}/2/6"
    packed = pack(served.page(6))
    bomb = zlib.compress(bytes(50_000_000), 9)
    for body, headers in (
        (b"", packed.headers),
        (b"nonsense", packed.headers),
        (packed.body, {}),
        (packed.body[:-3], packed.headers),
        (bomb, packed.headers),
    ):
        found = client.put(path, content=body, headers=headers)
        assert found.status_code == 422
        assert set(found.json()) == {"message"}


def test_people_who_annotate_apart_see_their_own_slices(served: Served) -> None:
    people = with_accounts(served)
    admin, ann = people["admin"], people["annotator"]
    changed = served.client.patch(f"{API}/scans/1", json={"independent": True}, headers=admin)
    assert changed.json()["independent"]
    served.put(served.page(6), headers=admin)
    assert served.put(served.page(5), headers=ann).json()["conflict"] is None
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6", headers=admin)), served.page(6))
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6", headers=ann)), served.page(5))
    number = served.get("/me", headers=admin).json()["id"]
    theirs = {"params": {"annotator": number}}
    refused = served.get(f"{URL}/2/6", headers=ann, **theirs)
    assert refused.status_code == 403
    shown = served.get(f"{URL}/2/6", headers=people["reviewer"], **theirs)
    np.testing.assert_array_equal(array_of(shown), served.page(6))
    agreed = served.get("/agreement/1", headers=admin).json()
    (pair,) = agreed["pairs"]
    assert {pair["first"], pair["second"]} == {"admin", "annotator"}
    mine, other = served.page(6) == 1, served.page(5) == 1
    expected = 2 * (mine & other).sum() / (mine.sum() + other.sum())
    assert pair["slices"][0]["dice"] == pytest.approx(expected)
    assert [each["dice"] for each in pair["structures"]] == [pytest.approx(expected), None]
