"""What was changed can be taken back, and whoever is slower loses nothing."""

from __future__ import annotations

import numpy as np

from tests.support.sent_arrays import array_of
from tests.support.served_projects import Served, with_accounts

URL = "/scans/1/slices"


def test_undo_and_redo(served: Served) -> None:
    served.put(served.page(6))
    served.put(served.page(5), X_Parent="1")
    assert served.post("/scans/1/undo").json() == {"revision": 3, "axis": 2, "index": 6}
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6")), served.page(6))
    assert served.post("/scans/1/redo").json() == {"revision": 4, "axis": 2, "index": 6}
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6")), served.page(5))
    served.post("/scans/1/undo")
    served.post("/scans/1/undo")
    assert served.get(f"{URL}/2/6").status_code == 404
    assert served.post("/scans/1/undo").json()["revision"] is None


def test_whoever_is_slower_loses_nothing(served: Served) -> None:
    people = with_accounts(served)
    ann, bob = people["annotator"], people["admin"]
    served.put(served.page(6), headers=ann)
    late = served.put(served.page(5), headers=bob).json()
    assert late["head"] == 1
    assert (late["conflict"]["revision"], late["conflict"]["person"]) == (1, "annotator")
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6", headers=ann)), served.page(6))
    (open_one,) = served.get("/scans/1/conflicts", headers=ann).json()
    assert (open_one["revision"], open_one["conflict"]["revision"]) == (2, 1)
    np.testing.assert_array_equal(
        array_of(served.get("/scans/1/revisions/2", headers=ann)), served.page(5)
    )
    chosen = served.post("/scans/1/conflicts", {"revision": 2, "keep": True}, headers=ann)
    assert chosen.json()["head"] == 3
    np.testing.assert_array_equal(array_of(served.get(f"{URL}/2/6", headers=ann)), served.page(5))
    assert served.get("/scans/1/conflicts", headers=ann).json() == []
