"""What happened, in order, and nothing missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fewslice.project.events import forget_events, latest_event, publish, watch
from tests.support.projects import SmallProject


def test_a_watcher_goes_on_where_it_stopped(small: SmallProject) -> None:
    start = latest_event(small.project)
    for number in range(3):
        publish(small.project, "slices", scan_id=small.scan, data={"index": number})
    first, second = watch(small.project, start, most=2)
    assert (first.data, second.data) == ({"index": 0}, {"index": 1})
    (third,) = watch(small.project, second.id)
    assert (third.kind, third.scan_id, third.data) == ("slices", small.scan, {"index": 2})
    assert third.time == small.clock.time
    assert watch(small.project, third.id) == []
    assert latest_event(small.project) == third.id


def test_no_event_appears_behind_one_that_was_seen(small: SmallProject) -> None:
    seen: list[int] = []
    start = latest_event(small.project)
    with ThreadPoolExecutor(4) as pool:
        said = [pool.submit(publish, small.project, "x", data={"n": n}) for n in range(40)]
        while len(seen) < 40:
            seen += [each.id for each in watch(small.project, seen[-1] if seen else start)]
            if all(each.done() for each in said):
                seen += [each.id for each in watch(small.project, seen[-1] if seen else start)]
                break
    assert len(seen) == 40
    assert seen == sorted(seen)


def test_old_events_are_forgotten_and_numbers_go_on(small: SmallProject) -> None:
    publish(small.project, "old")
    publish(small.project, "newest")
    last = latest_event(small.project)
    small.clock.advance(days=2)
    forget_events(small.project)
    assert [each.kind for each in watch(small.project, 0)] == ["newest"]
    publish(small.project, "next")
    assert latest_event(small.project) > last
