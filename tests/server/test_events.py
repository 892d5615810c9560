"""Events: in order, once each, also for a page that was away for a while."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest

from fewslice.server import events
from fewslice.server.events import Event, Hub


def heard(hub: Hub, after: int, count: int) -> list[Event]:
    async def listen() -> list[Event]:
        found: list[Event] = []
        async for event in hub.listen(after):
            found.append(event)
            if len(found) == count:
                break
        return found

    return asyncio.run(asyncio.wait_for(listen(), 10))


def test_what_was_missed_comes_first_then_what_happens() -> None:
    hub = Hub()
    for number in range(3):
        hub.publish("job", job=number)
    later = Thread(target=lambda: hub.publish("slices", axis=2))
    later.start()
    found = heard(hub, 1, 3)
    later.join()
    assert [(each.number, each.kind) for each in found] == [(2, "job"), (3, "job"), (4, "slices")]
    assert found[0].data == {"job": 1}


def test_listening_ends_with_the_server() -> None:
    hub = Hub()

    async def listen() -> int:
        count = 0
        async for _ in hub.listen(0):
            count += 1
            hub.close()
        return count

    hub.publish("job")
    assert asyncio.run(asyncio.wait_for(listen(), 10)) == 1


def test_an_identifier_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_KEPT", 2)
    hub = Hub()
    assert hub.after(hub.identifier(Event(0, "job", {}))) == 0
    for number in range(4):
        hub.publish("job", job=number)
    kept = [hub.after(hub.identifier(Event(number, "job", {}))) for number in range(6)]
    assert kept == [None, None, 2, 3, 4, None]
    assert hub.after("other-3") is None
    assert Hub().after(hub.identifier(Event(3, "job", {}))) is None


@pytest.mark.parametrize("text", ["", "-", "nonsense", "9", "x-y-z"])
def test_a_foreign_identifier_means_that_all_is_lost(text: str) -> None:
    assert Hub().after(text) is None
