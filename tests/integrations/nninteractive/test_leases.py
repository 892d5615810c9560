"""Leases: few at a time, and a scene comes back after a pause of any length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fewslice.integrations.nninteractive.leases import (
    AtCapacityError,
    LeaseGoneError,
    Leases,
    LeaseSettings,
)
from fewslice.integrations.nninteractive.scene import Scene
from tests.support.grand_challenge_jobs import ball, scan_array


class Clock:
    """A clock that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_scene_comes_back_after_a_pause(tmp_path: Path) -> None:
    clock = Clock()
    leases = Leases(tmp_path, LeaseSettings(most=1, idle=600, alive=60), clock)
    token = leases.claim()
    with leases.work(token) as lease:
        lease.scene = Scene(scan_array()[None], None)
        lease.scene.lasso(ball()[:, :, 7:8] == 1, (0, 0, 7), True)
    clock.now = 50
    assert leases.seen(token) == 550  # a sign of life is no work
    clock.now = 700
    leases.sweep()
    other = leases.claim()  # there is room now
    with pytest.raises(AtCapacityError, match="1 people are at work"), leases.work(token):
        pass
    leases.release(other)
    with leases.work(token) as lease:
        assert lease.scene is not None
        assert np.array_equal(lease.scene.annotation.slices[2, 7], ball()[:, :, 7])
    leases.release(token)
    leases.release(token)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LeaseGoneError), leases.work(token):
        pass


@pytest.mark.parametrize("token", [None, "", "../../etc/passwd", "0" * 32])
def test_leases_that_nobody_has(tmp_path: Path, token: str | None) -> None:
    leases = Leases(tmp_path)
    with pytest.raises(LeaseGoneError):
        leases.seen(token)
    leases.release(token)
