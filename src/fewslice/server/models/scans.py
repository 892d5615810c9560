"""Scans as the page sees them, and what can be changed of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fewslice.server.models.base import Axis, Model, Text


class Lease(Model):
    """Who has a scan open, and until when (ISO 8601)."""

    person: str
    until: str
    mine: bool


class LeaseRequest(Model):
    """force: take the scan over from whoever has it open."""

    force: bool = False


class Preset(Model):
    """A window of intensities with a name."""

    name: str = Field(examples=["abdomen"])
    low: float
    high: float


class Window(Model):
    """Which intensities are shown black and white."""

    low: float
    high: float
    presets: list[Preset]


class Scan(Model):
    """A scan as the page sees it: axes, shape and spacing (mm) turned to RAS."""

    id: int
    name: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    spacing_known: bool = Field(description="False where 1 mm stands for one that nobody knows.")
    status: str = Field(examples=["in_progress"])
    priority: float
    independent: bool = Field(description="Whether people annotate it apart from each other.")
    modality: str | None
    channels: int
    plane: Axis = Field(description="The axis across which people draw unless they choose.")
    predicted_dice: float | None
    lease: Lease | None
    annotated_slices: int
    window: Window | None = Field(description="None until somebody asked for the scan itself.")
    remark: str | None = Field(default=None, description="Of the reviewer who gave it back.")


class ScanChange(Model):
    """What is wanted of a scan; None leaves it as it is. independent: whether people annotate it
    apart from each other, to be compared; only before anything is drawn.
    """

    priority: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    independent: bool | None = None


class ReviewRequest(Model):
    """remark: for whoever annotated the scan."""

    remark: Text = ""
