"""A server as people run it: a process of its own, found by the address that it prints."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support.served_projects import API


@dataclass(frozen=True)
class RunningServer:
    """A server and a client of it."""

    process: subprocess.Popen[str]
    client: httpx2.Client

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def running_server(directory: Path, *options: str, works: bool = True) -> Iterator[RunningServer]:
    """Run `fewslice serve` on any free port. works: whether it does jobs, which takes longer."""
    start = ["fewslice", "serve"] if works else ["tests.support.idle_server"]
    command = [sys.executable, "-m", *start, str(directory), "--port", "0", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            found = re.search(r"http://\S+", line)
            assert found is not None, line
            headers = {"X-Fewslice": "1"}
            with httpx2.Client(base_url=found[0] + API, headers=headers, timeout=120) as client:
                yield RunningServer(process, client)
        finally:
            if process.poll() is None:
                process.terminate()
