"""Who has a scan open."""

from __future__ import annotations

import pytest

from fewslice.errors import ConflictError
from fewslice.project.events import watch
from fewslice.project.leases import release, renew, take
from fewslice.project.scans import change_scan, get_scan
from tests.support.projects import SmallProject


def holder(small: SmallProject) -> str | None:
    lease = get_scan(small.project, small.scan).lease
    return None if lease is None else lease.person


def test_a_scan_is_open_for_one_person(small: SmallProject) -> None:
    assert holder(small) is None
    lease = take(small.project, small.scan, small.ann)
    assert (holder(small), get_scan(small.project, small.scan).lease) == ("ann", lease)
    with pytest.raises(ConflictError, match=r"ann has the scan 'scan' open until 03:09 UTC"):
        take(small.project, small.scan, small.bob)
    assert holder(small) == "ann"


def test_it_can_be_taken_over_and_the_first_one_notices(small: SmallProject) -> None:
    take(small.project, small.scan, small.ann)
    take(small.project, small.scan, small.bob, force=True)
    assert holder(small) == "bob"
    with pytest.raises(ConflictError, match="bob has the scan"):
        renew(small.project, small.scan, small.ann)
    release(small.project, small.scan, small.ann)  # no longer hers to close
    assert holder(small) == "bob"


def test_it_runs_out_unless_it_is_renewed(small: SmallProject) -> None:
    take(small.project, small.scan, small.ann)
    small.clock.advance(minutes=4)
    renew(small.project, small.scan, small.ann)
    small.clock.advance(minutes=4)
    assert holder(small) == "ann"
    small.clock.advance(minutes=1)
    assert holder(small) is None
    take(small.project, small.scan, small.bob)
    assert holder(small) == "bob"


def test_closing_opens_it_for_others(small: SmallProject) -> None:
    take(small.project, small.scan, small.ann)
    release(small.project, small.scan, small.ann)
    take(small.project, small.scan, small.bob)
    assert holder(small) == "bob"


def test_independent_people_keep_nobody_away(small: SmallProject) -> None:
    change_scan(small.project, small.scan, independent=True)
    take(small.project, small.scan, small.ann)
    take(small.project, small.scan, small.bob)
    assert holder(small) == "bob"


def test_who_watches_hears_of_changes_and_not_of_renewals(small: SmallProject) -> None:
    take(small.project, small.scan, small.ann)
    renew(small.project, small.scan, small.ann)
    take(small.project, small.scan, small.bob, force=True)
    release(small.project, small.scan, small.bob)
    told = [each.data["person"] for each in watch(small.project, 0) if each.kind == "lease"]
    assert told == ["ann", "bob", None]
