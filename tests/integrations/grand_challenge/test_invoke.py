"""The container that stays: health, one job after the other over a real socket, and failures."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from fewslice import Image, LabelMap
from fewslice.integrations.grand_challenge.algorithm import Algorithm, Folders
from fewslice.integrations.grand_challenge.invoke import server
from tests.support.grand_challenge_jobs import OBLIQUE, drawn_array, lay_out, scan_array


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "output").mkdir()
    there = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "model", tmp_path)
    with server(Algorithm.load(there), ("127.0.0.1", 0)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def asked(address: str, method: str) -> tuple[int, str]:
    request = urllib.request.Request(address, method=method)  # noqa: S310 - our own socket
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.load(answer)["message"]
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["message"]


@pytest.mark.slow
def test_one_job_after_the_other(address: str, tmp_path: Path) -> None:
    assert asked(f"{address}/health", "GET") == (200, "ready")
    status, message = asked(f"{address}/invoke", "POST")
    assert status == 422
    assert "inputs.json" in message
    volumes: dict[str, Image | LabelMap] = {
        "generic-medical-image": Image(scan_array(), OBLIQUE),
        "sparse-segmentation": LabelMap(drawn_array(), OBLIQUE),
    }
    for _ in range(2):
        lay_out(tmp_path / "input", volumes)
        assert asked(f"{address}/invoke", "POST") == (201, "done")
        written = sorted(each.name for each in (tmp_path / "output").rglob("*.*"))
        assert written == [
            "output.mha",
            "output.mha",
            "slice-confidence.json",
            "suggested-slices.json",
        ]
        shutil.rmtree(tmp_path / "input")
        shutil.rmtree(tmp_path / "output")
        (tmp_path / "output").mkdir()


def test_other_addresses(address: str) -> None:
    assert asked(f"{address}/", "GET")[0] == 404
    assert asked(f"{address}/health", "POST")[0] == 404


@pytest.mark.parametrize("length", ["-1", "many", "\u0661"])
def test_a_length_that_is_none(address: str, length: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /invoke HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode())
        assert b" 400 " in connection.recv(1000).split(b"\r\n")[0]
    assert asked(f"{address}/health", "GET") == (200, "ready")
