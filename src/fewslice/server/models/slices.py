"""What is drawn on slices, and its history."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fewslice.server.models.base import Axis, ClientKey, Identifier, Index, Model


class DrawnSlice(Model):
    """One slice somebody spoke of."""

    axis: Axis
    index: Index
    kind: Literal["human", "accepted", "corrected", "absent", "present"]
    person: str
    time: str
    revision: int


class Conflict(Model):
    """Another person's newer state of a slice, beside which a stroke was stored."""

    revision: int
    person: str
    time: str


class Saved(Model):
    """A slice that is stored for good. conflict: not None if somebody else was faster."""

    revision: int
    head: int = Field(description="The revision that holds on the slice now.")
    conflict: Conflict | None


class Resolution(Model):
    """Which of two revisions of a slice counts. keep: whether that one does, or the head."""

    revision: Identifier
    keep: bool


class Mark(Model):
    """What was said of a slice without drawing on it."""

    mark: Literal["absent", "present", "erase"]
    parent: Identifier | None = None
    client_key: ClientKey | None = None
    active_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0


class Step(Model):
    """What undo or redo did; all None if there was nothing to do."""

    revision: int | None
    axis: int | None = None
    index: int | None = None


class HistoryEntry(Model):
    """One revision."""

    revision: int
    axis: Axis
    index: Index
    action: str = Field(examples=["draw"])
    kind: str | None = Field(description="What the slice is after it.", examples=["human"])
    tool: str
    person: str
    time: str
    parent: int | None
    active_seconds: float


class OpenConflict(HistoryEntry):
    """A change that waits for a choice. conflict: what holds on its slice instead."""

    conflict: Conflict
