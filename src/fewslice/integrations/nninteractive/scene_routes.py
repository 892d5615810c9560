"""What is said on a scene: an image, interactions of every kind, undo, answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from fewslice.errors import InputError
from fewslice.integrations.nninteractive.lease_routes import Asking, Client
from fewslice.integrations.nninteractive.requests import (
    META,
    Box,
    Buffer,
    Mask,
    Point,
    SentImage,
    Start,
    parsed,
    spacing_of,
    start_of,
)
from fewslice.integrations.nninteractive.scene import Scene, changed
from fewslice.integrations.nninteractive.wire import pack, unpack
from fewslice.typing import BoolArray

_OCTETS = "application/octet-stream"
_DTYPES = ("bool", "uint8", "uint16", "int16", "int32", "float32")

Meta = Annotated[str | None, Header(alias=META)]
router = APIRouter()


@router.post("/set_image")
async def set_image(request: Request, client: Client, meta: Meta = None) -> dict[str, Any]:
    """Take an image, on which nothing is said yet."""
    given = parsed(SentImage, meta)
    body = await request.body()

    def take() -> dict[str, Any]:
        with client.work() as lease:
            channels = unpack(body)
            lease.scene = Scene(channels, spacing_of(given.image_properties or {}))
            return {"original_image_shape": list(channels.shape)}

    return await run_in_threadpool(take)


@router.post("/set_target_buffer")
def set_target_buffer(buffer: Buffer, client: Client) -> dict[str, str]:
    """Hear what the client keeps the object in; it has to fit the image."""
    with client.work() as lease:
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


@router.post("/set_do_autozoom")
def set_do_autozoom(client: Client) -> dict[str, str]:
    """Do nothing: our engines see the whole region anyway."""
    with client.work():
        return {}


@router.post("/reset_interactions")
def reset_interactions(client: Client) -> dict[str, str]:
    """Begin another object."""
    with client.work() as lease:
        if lease.scene is not None:
            lease.scene.reset()
    return {}


@router.post("/undo")
def undo(client: Client) -> Response:
    """Take the last interaction back."""
    with client.work() as lease:
        scene = _there(lease.scene)
        before, undone = scene.target, scene.undo()
        return _reply(before, scene.target, undone)


@router.post("/predict")
def predict(client: Client) -> Response:
    """Answer from all that was said."""
    return _answered(client, lambda _: None, True)


@router.post("/add_point_interaction")
def add_point(point: Point, client: Client) -> Response:
    """Take a click."""
    return _answered(
        client,
        lambda scene: scene.point(point.coordinates, point.include_interaction),
        point.run_prediction,
    )


@router.post("/add_bbox_interaction")
def add_box(box: Box, client: Client) -> Response:
    """Take a box."""
    return _answered(
        client,
        lambda scene: scene.box(box.bbox_coords, box.include_interaction),
        box.run_prediction,
    )


@router.post("/add_scribble_interaction")
async def add_scribble(request: Request, client: Client, meta: Meta = None) -> Response:
    """Take a scribble."""
    return await _marked(request, client, meta, Scene.scribble)


@router.post("/add_lasso_interaction")
async def add_lasso(request: Request, client: Client, meta: Meta = None) -> Response:
    """Take a lasso, filled."""
    return await _marked(request, client, meta, Scene.lasso)


@router.post("/add_initial_seg_interaction")
async def add_initial_seg(request: Request, client: Client, meta: Meta = None) -> Response:
    """Take a mask as the object so far."""
    given = parsed(Start, meta)
    body = await request.body()
    return await run_in_threadpool(
        _answered, client, lambda scene: scene.start_from(unpack(body) != 0), given.run_prediction
    )


async def _marked(
    request: Request,
    client: Asking,
    meta: str | None,
    say: Callable[[Scene, BoolArray, list[int], bool], None],
) -> Response:
    given = parsed(Mask, meta)
    body = await request.body()

    def change(scene: Scene) -> None:
        mask = unpack(body) != 0
        say(scene, mask, start_of(given.interaction_bbox, mask), given.include_interaction)

    return await run_in_threadpool(_answered, client, change, given.run_prediction)


def _answered(client: Asking, change: Callable[[Scene], None], predict: bool) -> Response:
    """Change a scene and, if asked to, answer: what changed of the object goes back."""
    with client.work() as lease:
        scene = _there(lease.scene)
        before = scene.target
        change(scene)
        if predict:
            scene.predict()
        return _reply(before, scene.target, predict)


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
    return Response(body, media_type=_OCTETS, headers={META: json.dumps(said)})
