"""What nnInteractive's clients send besides arrays, checked; see `_protocol.py` of theirs."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, StrictInt, ValidationError

from fewslice.errors import InputError
from fewslice.typing import BoolArray

META = "X-Meta"


def _whole(value: object) -> object:
    """Return the voxel that a place between voxels belongs to: napari sends its own coordinates."""
    is_number = isinstance(value, float) and abs(value) < 1e9
    return round(value) if isinstance(value, float) and is_number else value


Voxel = Annotated[int, BeforeValidator(_whole), Field(ge=-1_000_000, le=1_000_000)]
Model = TypeVar("Model", bound=BaseModel)


class Buffer(BaseModel):
    """What the client keeps the object in."""

    shape: list[Annotated[StrictInt, Field(gt=0, le=100_000)]] = Field(min_length=2, max_length=3)
    dtype: str


class Point(BaseModel):
    """A click."""

    coordinates: list[Voxel] = Field(min_length=3, max_length=3)
    include_interaction: bool
    run_prediction: bool = True


class Box(BaseModel):
    """A box; each pair is first and stop along an axis."""

    bbox_coords: list[list[Voxel]] = Field(min_length=3, max_length=3)
    include_interaction: bool
    run_prediction: bool = True


class Mask(BaseModel):
    """What goes along with the voxels of a scribble or lasso."""

    include_interaction: bool
    run_prediction: bool = True
    interaction_bbox: list[list[int]] | None = None


class Start(BaseModel):
    """What goes along with a mask to start from."""

    run_prediction: bool = False


class SentImage(BaseModel):
    """What goes along with an image."""

    image_properties: dict[str, Any] | None = None


def parsed(kind: type[Model], meta: str | None) -> Model:
    """Return the header X-Meta as what it should be. Raises InputError."""
    try:
        return kind.model_validate_json(meta or "{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"The header {META} is not what the protocol asks for: {where}: {first['msg']}."
        ) from None


def spacing_of(properties: dict[str, Any]) -> list[float] | None:
    """Return mm per array axis, where the client says them. Raises InputError."""
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


def start_of(box: list[list[int]] | None, mask: BoolArray) -> list[int]:
    """Return the first voxel of a mask that covers only a box of the image; raises InputError."""
    if box is None:
        return [0, 0, 0]
    if len(box) != 3 or any(len(pair) != 2 for pair in box):
        raise InputError("interaction_bbox needs three pairs of first and stop.")
    if [stop - first for first, stop in box] != list(mask.shape):
        raise InputError(f"The mask has shape {mask.shape}, which is not that of its box {box}.")
    return [first for first, _ in box]
