"""A server as people run it: it says where it is once it answers, and ends in order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from tests.support.served_projects import API, served_project

_LONGEST = 120  # seconds; the test fails rather than waits for ever


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_while_pages_listen(tmp_path: Path, how: signal.Signals) -> None:
    with served_project(tmp_path) as served:
        directory = served.project.directory
    command = [sys.executable, "-m", "fewslice", "serve", str(directory), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        assert httpx2.get(found[0] + API + "/healthz", timeout=_LONGEST).status_code == 200
        pages = [Page(found[0] + API + "/events") for _ in range(3)]
        process.send_signal(how)
        _, said = process.communicate(timeout=_LONGEST)
        for page in pages:
            page.join(_LONGEST)
    assert said == ""
    assert process.returncode in (0, -how)
    assert [page.ended for page in pages] == [True] * 3


class Page(Thread):
    """Listens to events, as an open page does. ended: whether the server closed in order."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._client = httpx2.Client(timeout=_LONGEST)
        self._stream = self._client.stream("GET", address)
        self._answer = self._stream.__enter__()
        self.ended = False
        self.start()

    def run(self) -> None:
        for _ in self._answer.iter_bytes():
            pass
        self._stream.__exit__(None, None, None)
        self._client.close()
        self.ended = True
