"""The project: its structures, and how far it is."""

from __future__ import annotations

from pydantic import Field

from fewslice.server.models.base import Colour, Model, Name, Value


class Structure(Model):
    """A structure that is outlined."""

    value: Value = Field(examples=[1])
    name: Name = Field(examples=["liver"])
    colour: Colour = Field(examples=["#e6194b"])
    locked: bool = False


class StructureChange(Model):
    """What a structure is from now on called, and how it is shown."""

    name: Name = Field(examples=["liver"])
    colour: Colour = Field(examples=["#e6194b"])
    locked: bool = False


class NewStructure(Model):
    """A further structure. Without value and colour it gets the next free ones."""

    name: Name = Field(examples=["spleen"])
    value: Value | None = None
    colour: Colour | None = None
    locked: bool = False


class CurvePoint(Model):
    """One trained version: Dice on held-out slices against how much was annotated."""

    version: int
    slices: int
    scans: int
    dice: float | None


class Progress(Model):
    """How far the project is. seconds: of people's active time."""

    scans: dict[str, int] = Field(examples=[{"new": 3, "in_progress": 1, "accepted": 2}])
    annotated_slices: int
    accepted_slices: int
    seconds: float
    curve: list[CurvePoint]
    predicted_dice: float | None = Field(description="Mean of the scans that were answered.")


class ProjectInfo(Model):
    """The project."""

    name: str
    structures: list[Structure]
    version: str = Field(description="Of fewslice.", examples=["0.1.0"])
    accounts: bool = Field(description="Whether people have to log in.")
    progress: Progress
