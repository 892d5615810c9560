"""What engines answer, and what to draw next."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fewslice.server.models.base import Axis, Index, Model


class Place(Model):
    """A slice."""

    axis: Axis
    index: Index


class SegmentRequest(Model):
    """near: the slice in hand, whose neighbours are shown first."""

    near: Place | None = None


class StripSlice(Model):
    """What is known of a slice."""

    state: Literal["human", "accepted", "corrected", "absent", "present", "engine", "none"]
    predicted_dice: float | None
    suggested: bool


class Strip(Model):
    """One entry per slice across an axis."""

    axis: Axis
    slices: list[StripSlice]


class SuggestedSlice(Model):
    """A slice worth a person's next minute. seconds: what it will take."""

    axis: Axis
    index: Index
    plane: str = Field(examples=["axial"])
    kind: Literal["draw", "present"]
    gain: float | None
    seconds: float | None
    reason: str


class Suggestion(Model):
    """What to draw next. predicted_dice_low: exceeded with a probability of 90 %. may_stop: whether
    the answer is good enough by that. provisional: whether a ranking that knows all that is drawn
    is still under way; asked again, it comes.
    """

    slices: list[SuggestedSlice]
    predicted_dice: float | None
    predicted_dice_low: float | None
    may_stop: bool
    message: str
    provisional: bool
