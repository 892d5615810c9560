"""The routes of nnInteractive's remote protocol, over our own scenes.

Its clients (napari, 3D Slicer, MITK, ITK-SNAP) find here what they find at nnInteractive's server:
the same addresses, headers and status codes. Errors are ``{"detail": sentence}``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StrictInt, ValidationError

from fewslice._version import __version__
from fewslice.errors import FewsliceError, InputError
from fewslice.integrations.nninteractive.leases import (
    AtCapacityError,
    LeaseGoneError,
    Leases,
    LeaseSettings,
)
from fewslice.integrations.nninteractive.scene import Scene, changed
from fewslice.integrations.nninteractive.wire import pack, unpack
from fewslice.server.run import run_until_ended
from fewslice.typing import BoolArray

PORT = 1527
_META = "X-Meta"
_OCTETS = "application/octet-stream"
_SWEEP = 15.0  # seconds between looks for those who pause
_DTYPES = ("bool", "uint8", "uint16", "int16", "int32", "float32")
_PROTOCOL = "2.6.0"  # of nnInteractive, whose clients compare versions
_CAPABILITIES: dict[str, Any] = {
    "supported_interactions": {
        "scribble": True,
        "lasso": True,
        "points": True,
        "bbox2d": True,
        "bbox3d": True,
    },
    "channel_mapping": {
        "prev_seg": 0,
        "bbox2d": [1, 2],
        "bbox3d": [1, 2],
        "lasso": [1, 2],
        "points": [3, 4],
        "scribble": [5, 6],
    },
    "num_interaction_channels": 7,
    "supports_initial_label": True,
    "supports_zero_shot_label_refinement": True,
    "supports_undo": True,
    "preferred_scribble_thickness": [2, 2, 2],
    "interaction_decay": 1.0,
    "patch_size": None,
    "do_autozoom": False,
    "inference_session_version": _PROTOCOL,
    "license": "Apache-2.0",
    "server": f"fewslice {__version__}",
}

Token = Annotated[str | None, Header(alias="X-Lease-Token")]
Meta = Annotated[str | None, Header(alias=_META)]
Model = TypeVar("Model", bound=BaseModel)


class _Buffer(BaseModel):
    shape: list[Annotated[StrictInt, Field(gt=0, le=100_000)]] = Field(min_length=2, max_length=3)
    dtype: str


class _Point(BaseModel):
    coordinates: list[int] = Field(min_length=3, max_length=3)
    include_interaction: bool
    run_prediction: bool = True


class _Box(BaseModel):
    bbox_coords: list[list[int]] = Field(min_length=3, max_length=3)
    include_interaction: bool
    run_prediction: bool = True


class _Mask(BaseModel):
    include_interaction: bool
    run_prediction: bool = True
    interaction_bbox: list[list[int]] | None = None


class _Start(BaseModel):
    run_prediction: bool = False


class _Image(BaseModel):
    image_properties: dict[str, Any] | None = None


def create_app(
    folder: Path, settings: LeaseSettings | None = None, key: str | None = None
) -> FastAPI:
    """Return the application.

    folder: where scenes of those who pause are kept. key: what clients must send as
    ``Authorization: Bearer KEY``; None where nobody else reaches the server.
    """
    leases = Leases(folder, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(_SWEEP)
                await run_in_threadpool(leases.sweep)

        task = asyncio.create_task(sweep())
        yield
        task.cancel()

    def allowed(authorization: Annotated[str | None, Header()] = None) -> None:
        given = (authorization or "").encode()
        if key is not None and not hmac.compare_digest(given, f"Bearer {key}".encode()):
            raise HTTPException(401, "The key is missing or wrong; give the server's key.")

    app = FastAPI(
        title="fewslice for nnInteractive's clients", version=__version__, lifespan=lifespan
    )
    _add_errors(app)
    _add_leases(app, leases, Depends(allowed))
    _add_scene(app, leases, Depends(allowed))
    return app


def _add_errors(app: FastAPI) -> None:
    codes: dict[type[FewsliceError], int] = {LeaseGoneError: 410, AtCapacityError: 503}

    def sentence(status: int, error: object) -> JSONResponse:
        return JSONResponse({"detail": " ".join(str(error).split())}, status)

    @app.exception_handler(FewsliceError)
    def ours(_: Request, error: FewsliceError) -> JSONResponse:
        return sentence(codes.get(type(error), 400), error)

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return sentence(
            400, f"The request is not what the protocol asks for: {where}: {first['msg']}."
        )


def _add_leases(app: FastAPI, leases: Leases, allowed: Any) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/capabilities", dependencies=[allowed])
    def capabilities() -> dict[str, Any]:
        return _CAPABILITIES

    @app.post("/claim", dependencies=[allowed])
    def claim() -> dict[str, Any]:
        return {
            "lease_token": leases.claim(),
            "idle_timeout_seconds": leases.settings.idle,
            "liveness_timeout_seconds": leases.settings.alive,
            "max_sessions": leases.settings.most,
        }

    @app.post("/release", dependencies=[allowed])
    def release(token: Token = None) -> dict[str, bool]:
        leases.release(token)
        return {"released": True}

    @app.post("/heartbeat", dependencies=[allowed])
    def heartbeat(token: Token = None) -> dict[str, float]:
        return {"remaining_seconds": leases.seen(token)}

    @app.get("/lease_status", dependencies=[allowed])
    def lease_status(token: Token = None) -> dict[str, float]:
        return {
            "remaining_seconds": leases.remaining(token),
            "idle_timeout_seconds": leases.settings.idle,
        }


def _add_scene(app: FastAPI, leases: Leases, allowed: Any) -> None:
    def answered(token: str | None, change: Callable[[Scene], None], predict: bool) -> Response:
        """Change a scene and, if asked to, answer: what changed of the object goes back."""
        with leases.work(token) as lease:
            scene = _there(lease.scene)
            before = scene.target
            change(scene)
            if predict:
                scene.predict()
            return _reply(before, scene.target, predict)

    @app.post("/set_image", dependencies=[allowed])
    async def set_image(request: Request, token: Token = None, meta: Meta = None) -> dict[str, Any]:
        given = _parsed(_Image, meta)
        body = await request.body()

        def take() -> dict[str, Any]:
            with leases.work(token) as lease:
                channels = unpack(body)
                lease.scene = Scene(channels, _spacing(given.image_properties or {}))
                return {"original_image_shape": list(channels.shape)}

        return await run_in_threadpool(take)

    @app.post("/set_target_buffer", dependencies=[allowed])
    def set_target_buffer(buffer: _Buffer, token: Token = None) -> dict[str, str]:
        with leases.work(token) as lease:
            if buffer.dtype not in _DTYPES:
                raise InputError(
                    f"The buffer's dtype is {buffer.dtype!r}; send one of {', '.join(_DTYPES)}."
                )
            if lease.scene is not None and tuple(buffer.shape) != lease.scene.shape:
                raise InputError(
                    f"The buffer has shape {buffer.shape}; expected {list(lease.scene.shape)}, the "
                    "image's."
                )
        return {}

    @app.post("/set_do_autozoom", dependencies=[allowed])
    def set_do_autozoom(token: Token = None) -> dict[str, str]:
        with leases.work(token):
            return {}  # our engines see the whole region anyway

    @app.post("/reset_interactions", dependencies=[allowed])
    def reset_interactions(token: Token = None) -> dict[str, str]:
        with leases.work(token) as lease:
            if lease.scene is not None:
                lease.scene.reset()
        return {}

    @app.post("/undo", dependencies=[allowed])
    def undo(token: Token = None) -> Response:
        with leases.work(token) as lease:
            scene = _there(lease.scene)
            before, undone = scene.target, scene.undo()
            return _reply(before, scene.target, undone)

    @app.post("/predict", dependencies=[allowed])
    def predict(token: Token = None) -> Response:
        return answered(token, lambda _: None, True)

    @app.post("/add_point_interaction", dependencies=[allowed])
    def add_point(point: _Point, token: Token = None) -> Response:
        return answered(
            token,
            lambda scene: scene.point(point.coordinates, point.include_interaction),
            point.run_prediction,
        )

    @app.post("/add_bbox_interaction", dependencies=[allowed])
    def add_bbox(box: _Box, token: Token = None) -> Response:
        return answered(
            token,
            lambda scene: scene.box(box.bbox_coords, box.include_interaction),
            box.run_prediction,
        )

    def masked(name: str) -> None:
        @app.post(f"/add_{name}_interaction", dependencies=[allowed], name=name)
        async def add_mask(request: Request, token: Token = None, meta: Meta = None) -> Response:
            given = _parsed(_Mask, meta)
            body = await request.body()

            def change(scene: Scene) -> None:
                mask = unpack(body) != 0
                start = _start(given.interaction_bbox, mask)
                said = scene.lasso if name == "lasso" else scene.scribble
                said(mask, start, given.include_interaction)

            return await run_in_threadpool(answered, token, change, given.run_prediction)

    masked("scribble")
    masked("lasso")

    @app.post("/add_initial_seg_interaction", dependencies=[allowed])
    async def add_initial_seg(request: Request, token: Token = None, meta: Meta = None) -> Response:
        given = _parsed(_Start, meta)
        body = await request.body()
        return await run_in_threadpool(
            answered, token, lambda scene: scene.start_from(unpack(body) != 0), given.run_prediction
        )


def _there(scene: Scene | None) -> Scene:
    if scene is None:
        raise InputError(
            "There is no image yet; send one (set_image) before saying something of it."
        )
    return scene


def _reply(before: BoolArray, after: BoolArray, ran: bool) -> Response:
    """Return what changed of the object, and where, as the client pastes it into its buffer."""
    box = changed(before, after) if ran else None
    said: dict[str, Any] = {"ran_prediction": ran, "bbox": box}
    body = b""
    if box is not None:
        part = after[tuple(slice(*ends) for ends in box)].astype(np.uint8)
        said |= {"dtype": "uint8", "shape": part.shape}
        body = pack(part)
    return Response(body, media_type=_OCTETS, headers={_META: json.dumps(said)})


def _parsed(kind: type[Model], meta: str | None) -> Model:
    try:
        return kind.model_validate_json(meta or "{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The header {_META} is not what the protocol asks for: {where}: {first['msg']}."
        ) from None


def _spacing(properties: dict[str, Any]) -> list[float] | None:
    """Return mm per array axis, where the client says them."""
    given = properties.get("spacing")
    if given is None:
        return None
    try:
        spacing = [float(each) for each in given]
    except (TypeError, ValueError):
        spacing = []
    if len(spacing) != 3 or not all(0 < each < 1e6 for each in spacing):
        raise InputError(f"The spacing is {given!r}; send three lengths in mm, or none.")
    return spacing


def _start(box: list[list[int]] | None, mask: BoolArray) -> list[int]:
    """Return the first voxel of a mask that covers only a box of the image."""
    if box is None:
        return [0, 0, 0]
    if len(box) != 3 or any(len(pair) != 2 for pair in box):
        raise InputError("interaction_bbox needs three pairs of first and stop.")
    if [stop - first for first, stop in box] != list(mask.shape):
        raise InputError(f"The mask has shape {mask.shape}, which is not that of its box {box}.")
    return [first for first, _ in box]


def serve(
    listening: socket.socket, *, key: str | None, ready: Callable[[], None] = lambda: None
) -> None:
    """Answer clients until the process is ended; scenes of those who pause last as long.

    ready: is called once it answers.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="fewslice-scenes-") as folder:
        app = create_app(Path(folder), key=key)
        run_until_ended(app, listening, ready=ready)
