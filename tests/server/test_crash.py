"""A server that is killed at any moment has kept whatever it acknowledged."""

from __future__ import annotations

import random
import time
import zlib
from pathlib import Path
from threading import Thread

import httpx2
import numpy as np
import pytest

from fewslice.project.opening import open_project
from fewslice.project.revisions import history, revision_labels
from fewslice.server.arrays import pack
from tests.support.running_server import RunningServer, running_server
from tests.support.served_projects import served_project

SAVES, CRASHES = 200, 4
SHAPE = (20, 18)


def labels_of(number: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return labels that only this save has."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 3, SHAPE, dtype=np.uint8)


def save(server: RunningServer, number: int) -> int | None:
    """Save a slice, and return its revision if that was acknowledged."""
    packed = pack(labels_of(number))
    headers = {**packed.headers, "X-Client-Key": f"save-{number}"}
    url = f"/scans/1/slices/2/{number % 12}"
    try:
        answer = server.client.put(url, content=packed.body, headers=headers)
    except httpx2.TransportError:
        return None
    assert answer.status_code == 200, answer.text
    return int(answer.json()["revision"])


@pytest.mark.slow
def test_every_acknowledged_slice_survives_kills_and_none_is_half_written(tmp_path: Path) -> None:
    with served_project(tmp_path) as served:
        directory = served.project.directory
    rng = random.Random(19)  # noqa: S311 - moments, not secrets
    acknowledged: dict[int, int] = {}
    number = 0
    for crash in range(CRASHES):
        last = SAVES * (crash + 1) // CRASHES
        with running_server(directory, works=False) as server:
            delay = rng.uniform(0.0, 0.02)
            kill_at = rng.randrange(number + 10, last - 5)
            while number < last:
                if number == kill_at:
                    killer = Thread(target=_kill_soon, args=(server, delay))
                    killer.start()
                revision = save(server, number)
                if revision is None:
                    break
                acknowledged[number] = revision
                number += 1
            if number >= kill_at:
                killer.join()
    with running_server(directory, works=False) as server:
        while number < SAVES:
            revision = save(server, number)
            assert revision is not None
            acknowledged[number] = revision
            number += 1
        found = server.client.get("/scans/1/revisions/1")
        assert zlib.decompress(found.content) == labels_of(0).tobytes()
    project = open_project(directory)
    kept = {each.id: each for each in history(project, 1)}
    assert len(acknowledged) == SAVES
    for each, revision in acknowledged.items():
        assert kept[revision].client_key == f"save-{each}"
        stored = revision_labels(project, kept[revision])
        assert stored is not None
        np.testing.assert_array_equal(stored[::-1], labels_of(each))  # x runs to the left
    for each_kept in kept.values():  # also those whose acknowledgement was lost on the way
        assert revision_labels(project, each_kept) is not None


def _kill_soon(server: RunningServer, delay: float) -> None:
    time.sleep(delay)
    server.kill()
