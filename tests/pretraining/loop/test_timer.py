"""The clock of a training: seconds of before, and the part that was work."""

from __future__ import annotations

import time

from fewslice.pretraining.loop.timer import Clock


def test_seconds_of_an_earlier_run_count() -> None:
    clock = Clock()
    clock.start(1000.0)
    assert 1000 <= clock.seconds() < 1060


def test_work_is_counted_since_the_last_time() -> None:
    clock = Clock()
    clock.start(0.0)
    with clock.busy():
        time.sleep(0.05)
    assert 0.3 < clock.busy_since_last_time() <= 1
    time.sleep(0.01)
    assert clock.busy_since_last_time() == 0
