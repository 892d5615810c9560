"""A real DICOMweb server, for as long as tests need it: Orthanc, with storage of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from fewslice.io.dicomweb.server import DicomWebServer

USER, PASSWORD = "tester", "only-for-tests"  # of a server that only tests reach

_PLUGIN = "libOrthancDicomWeb.so"
_PLACES = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins")
_TRIES = 200
_PAUSE = 0.05  # seconds


@dataclass(frozen=True)
class Orthanc:
    """A running server. root: where its own interface begins, beside DICOMweb."""

    root: str

    @property
    def url(self) -> str:
        return f"{self.root}/dicom-web"

    @property
    def server(self) -> DicomWebServer:
        return DicomWebServer(self.url, login=f"{USER}:{PASSWORD}", timeout=20)

    def tags(self, uid: str) -> dict[str, Any]:
        """Return what Orthanc itself reads in an instance, by keyword."""
        (found,) = self._ask("post", "/tools/lookup", data=uid)
        tags: dict[str, Any] = self._ask("get", f"/instances/{found['ID']}/simplified-tags")
        return tags

    def study_of(self, uid: str) -> str:
        """Return under which of its studies Orthanc filed an instance."""
        (found,) = self._ask("post", "/tools/lookup", data=uid)
        return str(self._ask("get", f"/instances/{found['ID']}/study")["ID"])

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        answer = requests.request(
            method, self.root + path, auth=(USER, PASSWORD), timeout=20, **given
        )
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start Orthanc on a free port of this computer, with its storage in a folder, and stop it."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")
    plugin = next((Path(p, _PLUGIN) for p in _PLACES if Path(p, _PLUGIN).exists()), None)
    if program is None or plugin is None:
        pytest.skip("Orthanc or its DICOMweb plugin is not installed; make orthanc installs both.")
    port = _free_port()
    settings = {
        "Name": "fewslice tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, str(configuration)], stdout=log, stderr=log)
    try:
        orthanc = Orthanc(f"http://127.0.0.1:{port}")
        _wait_for(orthanc, process, folder / "log")
        yield orthanc
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(orthanc: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_TRIES):
        if process.poll() is not None:
            break
        try:
            requests.get(orthanc.root, auth=(USER, PASSWORD), timeout=20)
        except requests.ConnectionError:
            time.sleep(_PAUSE)
            continue
        return
    pytest.fail(f"Orthanc did not start: {log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
