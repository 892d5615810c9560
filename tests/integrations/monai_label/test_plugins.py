"""Every request of 3D Slicer's and OHIF's plugins, replayed over a real socket.

Sources: plugins/slicer/MONAILabel/MONAILabelLib/client.py and MONAILabel.py, and
plugins/ohifv3/extensions/monai-label/src/services/MonaiLabelClient.js with MonaiLabelPanel.tsx, in
github.com/Project-MONAI/MONAILabel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nrrd
import numpy as np
import pytest

from fewslice import LabelMap, read_image, write_labels
from fewslice.integrations.monai_label.routes import PREFIX
from fewslice.metrics.overlap import dice
from fewslice.project.drawings import drawing
from fewslice.project.scans import list_scans
from tests.support.command_line import truth
from tests.support.over_sockets import listening
from tests.support.served_projects import Served, working

pytestmark = pytest.mark.slow

VIEWER = "http://viewer.example"
LIMIT = "----------lImIt_of_THE_fIle_eW_$"


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (VIEWER,)


@dataclass(frozen=True)
class Asked:
    """A request as a plugin makes it. SCAN stands for the scan's name.

    fields, files: of a form. body: JSON. check: what has to hold for the reply.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    check: Callable[[httpx.Response], bool] = lambda reply: reply.status_code == 200

    def of(self, name: str) -> dict[str, str]:
        return {key: value.replace("SCAN", name) for key, value in self.query.items()}


def answers(*keys: str) -> Callable[[httpx.Response], bool]:
    return lambda reply: reply.status_code == 200 and set(keys) <= set(reply.json())


def fails(status: int) -> Callable[[httpx.Response], bool]:
    return lambda reply: reply.status_code == status and len(reply.json()["message"]) > 10


def holds_form(reply: httpx.Response) -> bool:
    kind = reply.headers["content-type"]
    return reply.status_code == 200 and kind.startswith("multipart/form-data; boundary=")


ALL = ("name", "version", "labels", "models", "trainers", "strategies", "scoring", "datastore")
NOTED = json.dumps({"client_id": "reader-1"})
DRAWN = json.dumps({"label_info": [{"name": "cube", "idx": 1}, {"name": "ball", "idx": 2}]})
SUBMITTED = json.dumps(json.loads(DRAWN) | json.loads(NOTED))
NRRD = json.dumps({"result_extension": ".nrrd", "client_id": "reader-1"})
SLICER = [
    Asked("GET", "/info/", check=answers(*ALL)),
    Asked("GET", "/auth/", check=answers("enabled")),
    Asked("GET", "/auth/token/valid", check=answers("username")),
    Asked("POST", "/activelearning/queue", body={"client_id": "a"}, check=answers("id", "path")),
    Asked("POST", "/activelearning/first", body={"client_id": "a"}, check=answers("id")),
    Asked("POST", "/activelearning/random", check=answers("id", "checksum")),
    Asked("GET", "/datastore/image", {"image": "SCAN"}),
    Asked("HEAD", "/datastore/image", {"image": "SCAN"}),
    Asked("GET", "/datastore/image/info", {"image": "SCAN"}, check=answers("name", "shape")),
    Asked("GET", "/datastore/", {"output": "all"}, check=answers("objects")),
    Asked("GET", "/datastore/", {"output": "stats"}, check=answers("total", "completed")),
    Asked("GET", "/datastore/", check=answers("total", "completed")),
    # deprecated, and what the plugin asks all the same
    Asked("PUT", "/datastore/", {"image": "old"}, fields={"params": NOTED}, files={"file": "scan"}),
    Asked("PUT", "/datastore/image", {"image": "new"}, files={"file": "scan"}),
    Asked("PUT", "/session/", fields={"client_id": "a"}, files={"files": "scan"}),
    Asked("GET", "/session/old", check=answers("image")),
    Asked("GET", "/session/old", {"image": "true"}),
    Asked("DELETE", "/session/old", check=answers("image")),
    Asked("GET", "/session/nobody", check=fails(404)),
    Asked(
        "PUT",
        "/datastore/label",
        {"image": "SCAN", "tag": "final"},
        fields={"params": DRAWN},
        files={"label": "label"},
        check=answers("image", "label"),
    ),
    # what Submit Label sends: no tag, which means final
    Asked(
        "PUT",
        "/datastore/label",
        {"image": "SCAN"},
        fields={"params": SUBMITTED},
        files={"label": "label"},
        check=lambda reply: reply.json().keys() == {"image", "label"},
    ),
    Asked("PUT", "/datastore/updatelabelinfo", {"label": "SCAN", "tag": "final"}),
    Asked("PUT", "/datastore/label/info", {"label": "SCAN", "tag": "final"}),
    Asked("GET", "/datastore/label", {"label": "SCAN", "tag": "final"}),
    Asked("HEAD", "/datastore/label", {"image": "SCAN", "tag": "final"}),
    Asked("GET", "/datastore/label/info", {"label": "SCAN", "tag": "final"}),
    Asked("POST", "/infer/fewslice", {"image": "SCAN"}, fields={"params": NRRD}, check=holds_form),
    Asked(
        "POST",
        "/infer/interpolation",
        {"image": "SCAN"},
        fields={"params": DRAWN},
        files={"label": "label"},
        check=holds_form,
    ),
    # of a session 3D Slicer names its own volume, which is no scan of the project
    Asked("POST", "/infer/random-walker", {"image": "MRHead", "session_id": "SCAN"}),
    Asked("POST", "/infer/interpolation", {"image": "SCAN", "output": "json"}),
    Asked("POST", "/infer/interpolation", {"image": "SCAN", "output": "image"}),
    Asked(
        "POST", "/infer/interpolation", {"image": "SCAN", "output": "dicom_seg"}, check=fails(422)
    ),
    Asked("POST", "/infer/interpolation", {"image": "SCAN", "output": "mesh"}, check=fails(422)),
    Asked("POST", "/infer/wsi/tumor", {"image": "SCAN"}, body={"level": 0}, check=fails(422)),
    Asked("POST", "/infer/trained", {"image": "SCAN"}, check=fails(422)),  # nothing is trained yet
    Asked("POST", "/infer/other", {"image": "SCAN"}, check=fails(404)),
    Asked("POST", "/infer/fewslice", {"image": "nobody"}, check=fails(404)),
    Asked("POST", "/activelearning/entropy", check=fails(404)),  # asks a trained model
    Asked("POST", "/scoring/", body={}, check=answers("id", "status")),
    Asked("POST", "/scoring/ranking", body={}, check=answers("id", "status")),
    Asked("POST", "/scoring/other", body={}, check=fails(404)),
    Asked("GET", "/scoring/", check=answers("status")),
    Asked("DELETE", "/scoring/"),
    Asked("POST", "/batch/infer/fewslice", {"images": "labeled"}, check=answers("images")),
    Asked("POST", "/batch/infer/fewslice", {"images": "some"}, check=fails(422)),
    Asked("DELETE", "/batch/infer"),
    Asked("GET", "/train/", {"check_if_running": "true"}, check=fails(404)),
    Asked("GET", "/train/"),
    Asked("GET", "/logs/"),
    Asked("GET", "/logs/", {"lines": "100"}),
    Asked("GET", "/datastore/dataset"),
    Asked("GET", "/model/info/trained", check=fails(404)),
    Asked("GET", "/model/trained", check=fails(404)),
    Asked("GET", "/proxy/dicom/qido/studies", check=fails(404)),
    Asked("DELETE", "/datastore/", {"id": "SCAN"}, check=fails(422)),
    Asked("DELETE", "/datastore/label", {"id": "SCAN", "tag": "final"}, check=fails(422)),
]


def form(fields: dict[str, str], files: dict[str, Path]) -> bytes:
    """Return a form as 3D Slicer's plugin writes it."""
    body = b""
    for name, value in fields.items():
        head = f'--{LIMIT}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        body += f"{head}{value}\r\n".encode()
    for name, path in files.items():
        head = f'--{LIMIT}\r\nContent-Disposition: form-data; name="{name}"; filename="{path}"\r\n'
        body += f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()
        body += path.read_bytes() + b"\r\n"
    return body + f"--{LIMIT}--\r\n\r\n".encode()


def ask(client: httpx.Client, asked: Asked, name: str, paths: dict[str, Path]) -> httpx.Response:
    options: dict[str, Any] = {"params": asked.of(name)}
    if asked.fields or asked.files:
        chosen = {key: paths[value] for key, value in asked.files.items()}
        options["content"] = form(asked.fields, chosen)
        options["headers"] = {"content-type": f"multipart/form-data; boundary={LIMIT}"}
    elif asked.body is not None:
        options["json"] = asked.body
    return client.request(asked.method, PREFIX + asked.path, **options)


def test_every_request_of_3d_slicers_plugin(served: Served, tmp_path: Path) -> None:
    middle = truth().shape[2] // 2
    labels = np.zeros_like(truth())
    labels[..., middle] = 2 * (truth()[..., middle] == 1)  # the second segment is called ball
    label = tmp_path / "label.nrrd"
    write_labels(label, LabelMap(labels, read_image(served.scan.paths[0]).geometry))
    paths = {"scan": served.scan.paths[0], "label": label}
    with (
        listening(served.app, lifespan="off") as address,
        httpx.Client(base_url=address, timeout=900) as client,
        working(served),
    ):
        for asked in SLICER:
            reply = ask(client, asked, served.scan.name, paths)
            assert asked.check(reply), (asked.method, asked.path, reply.status_code, reply.text)
    (drawn,) = drawing(served.project, served.scan.id).drawing.slices
    assert drawn.place == (2, middle)
    assert np.array_equal(drawn.labels == 1, truth()[..., middle] == 1)
    names = {"old", "new", served.scan.name}  # what the session sent is there already
    assert {row.name for row in list_scans(served.project)} == names


def as_ohif_reads(reply: httpx.Response) -> tuple[dict[str, Any], bytes]:
    """Return parameters and voxels as OHIF's panel takes them out of the reply: as text."""
    limit = reply.headers["content-type"].split("boundary=")[1]
    text = reply.content.decode("utf-8", errors="replace")
    parts = [part for part in text.split(f"--{limit}") if part.strip()]
    first = next(part for part in parts if "Content-Type: application/json" in part)
    second = next(part for part in parts if "Content-Type: application/octet-stream" in part)
    params = json.loads(first[first.index("{") : first.rindex("}") + 1])
    binary = second.split("\r\n\r\n")[1]
    voxels = binary[: binary.rindex("\r\n")]
    return params, bytes(ord(each) & 0xFF for each in voxels)


def test_every_request_of_ohifs_plugin(served: Served, tmp_path: Path) -> None:
    name, three = served.scan.name, [4, 6, 8]
    sparse = np.zeros_like(truth(), dtype=np.uint16)
    sparse[..., three] = truth()[..., three]
    voxels = sparse.tobytes(order="F")
    wanted = {"result_extension": ".nrrd", "result_dtype": "uint16", "result_compress": False}
    with (
        listening(served.app, lifespan="off") as address,
        httpx.Client(base_url=address + PREFIX, timeout=900, headers={"Origin": VIEWER}) as client,
        working(served),
    ):
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        allowed = client.options("/activelearning/random", headers=asked)  # browsers ask first
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == VIEWER
        info = client.get("/info/").json()
        assert info["labels"] == ["background", "ball", "cube"]  # OHIF drops the first
        sample = client.post("/activelearning/random", json={}).json()
        assert sample["id"] == name
        saved = client.put(
            "/datastore/label",
            params={"image": name},
            data={"params": json.dumps({"label_info": []})},
            files={"label": ("label.bin", voxels, "application/octet-stream")},
        )
        assert saved.json() == {"image": name, "label": name}
        reply = client.post(
            "/infer/fewslice",
            params={"image": name, "output": "all"},
            data={"params": json.dumps(wanted | {"restore_label_idx": False})},
            headers={"accept": "application/json, multipart/form-data"},
        )
        assert reply.headers["access-control-allow-origin"] == VIEWER
        params, file = as_ohif_reads(reply)
        alone = client.post(
            "/infer/fewslice",
            params={"image": name, "output": "image"},
            data={"params": json.dumps(wanted)},
        )
        # what the newest extension asks for, and reads as bytes
        newest = client.post(
            "/infer/fewslice",
            params={"image": name, "output": "image"},
            data={"params": json.dumps(wanted | {"result_dtype": "uint8"})},
        )
        assert not client.get("/train/", params={"check_if_running": "true"}).is_success
        assert client.delete("/train/").json() == {}
    voxels_alone = -2 * truth().size  # before them stands when the file was written
    assert alone.content[voxels_alone:] == file[voxels_alone:]
    (tmp_path / "newest.nrrd").write_bytes(newest.content)
    (tmp_path / "answer.nrrd").write_bytes(file)
    array, header = nrrd.read(str(tmp_path / "answer.nrrd"))
    assert header["encoding"] == "raw"
    assert array.dtype == np.uint16
    bytes_, _ = nrrd.read(str(tmp_path / "newest.nrrd"))
    assert bytes_.dtype == np.uint8
    assert np.array_equal(bytes_, array)
    assert np.array_equal(array[..., three], truth()[..., three])
    assert dice(array == 1, truth() == 1) > 0.8
    label, *centre = (int(each) for each in params["centroids"]["ball"])
    assert label == 1
    assert np.allclose(centre, np.argwhere(truth() == 1).mean(axis=0), atol=1.5)
    assert len(file) < 2 * array.size + 1000  # two bytes a voxel, and a header
