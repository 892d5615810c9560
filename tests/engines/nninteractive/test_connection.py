"""Servers that do not do what is asked of them, and a client that is not there."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from fewslice.engines.nninteractive.connection import connected
from fewslice.errors import InputError, ServerError
from fewslice.integrations.nninteractive import lease_routes
from tests.support.other_engines import nninteractive_server


def test_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nnInteractive.inference.remote", None)
    with (
        pytest.raises(InputError, match=r'run pip install "fewslice\[nninteractive\]"'),
        connected("http://127.0.0.1:1527", 1),
    ):
        pass


@pytest.mark.slow
def test_a_server_that_takes_no_lassos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lease_routes._CAPABILITIES["supported_interactions"], "lasso", False)
    with nninteractive_server(tmp_path) as address:
        for _ in range(3):  # of two sessions, so that each was given back
            with pytest.raises(ServerError, match="takes no lassos"), connected(address, 60):
                pass


@pytest.mark.slow
def test_a_server_that_does_not_answer() -> None:
    over = Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            over.wait()

    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            with (
                pytest.raises(ServerError, match=r"did not answer in time \(ReadTimeout\)"),
                connected(f"http://127.0.0.1:{server.server_port}", 0.05),
            ):
                pass
        finally:
            over.set()
            server.shutdown()
            thread.join()
