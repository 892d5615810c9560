"""What the API takes and gives as JSON. Arrays travel apart, see `fewslice.server.arrays`.

Places are of the page: axes and slices of the scan turned to RAS, see `fewslice.server.ras`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Axis = Annotated[int, Field(ge=0, le=2, description="Axis of the scan turned to RAS.")]
Index = Annotated[int, Field(ge=0, le=100_000, description="Slice, from 0.")]
Value = Annotated[int, Field(ge=1, le=254, description="Label of a structure.")]
Identifier = Annotated[int, Field(ge=1, le=2**53)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$"),
]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
ClientKey = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]*$")]
Role = Literal["admin", "annotator", "reviewer"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_Model):
    """What went wrong, in one sentence."""

    message: str = Field(examples=["There is no scan 7 in this project; see GET /api/v1/scans."])


class Credentials(_Model):
    """Who logs in."""

    name: Name = Field(examples=["Ada"])
    password: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        examples=["correct horse battery staple"]
    )


class Person(_Model):
    """Somebody who works on the project."""

    id: int
    name: str = Field(examples=["Ada"])
    role: Role


class LoggedIn(_Model):
    """A new session. token: for programs, as `Authorization: Bearer`; browsers get a cookie."""

    token: str
    person: Person


class Structure(_Model):
    """A structure that is outlined."""

    value: Value = Field(examples=[1])
    name: Name = Field(examples=["liver"])
    colour: Colour = Field(examples=["#e6194b"])
    locked: bool = False


class StructureChange(_Model):
    """What a structure is from now on called, and how it is shown."""

    name: Name = Field(examples=["liver"])
    colour: Colour = Field(examples=["#e6194b"])
    locked: bool = False


class NewStructure(_Model):
    """A further structure. Without value and colour it gets the next free ones."""

    name: Name = Field(examples=["spleen"])
    value: Value | None = None
    colour: Colour | None = None
    locked: bool = False


class CurvePoint(_Model):
    """One trained version: Dice on held-out slices against how much was annotated."""

    version: int
    slices: int
    scans: int
    dice: float | None


class Progress(_Model):
    """How far the project is. seconds: of people's active time."""

    scans: dict[str, int] = Field(examples=[{"new": 3, "in_progress": 1, "accepted": 2}])
    annotated_slices: int
    accepted_slices: int
    seconds: float
    curve: list[CurvePoint]
    predicted_dice: float | None = Field(description="Mean of the scans that were answered.")


class ProjectInfo(_Model):
    """The project."""

    name: str
    structures: list[Structure]
    version: str = Field(description="Of fewslice.", examples=["0.1.0"])
    accounts: bool = Field(description="Whether people have to log in.")
    progress: Progress


class Lease(_Model):
    """Who has a scan open, and until when (ISO 8601)."""

    person: str
    until: str
    mine: bool


class LeaseRequest(_Model):
    """force: take the scan over from whoever has it open."""

    force: bool = False


class Preset(_Model):
    """A window of intensities with a name."""

    name: str = Field(examples=["abdomen"])
    low: float
    high: float


class Window(_Model):
    """Which intensities are shown black and white."""

    low: float
    high: float
    presets: list[Preset]


class Scan(_Model):
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


class DrawnSlice(_Model):
    """One slice somebody spoke of."""

    axis: Axis
    index: Index
    kind: Literal["human", "accepted", "corrected", "absent", "present"]
    person: str
    time: str
    revision: int


class Conflict(_Model):
    """Another person's newer state of a slice, beside which a stroke was stored."""

    revision: int
    person: str
    time: str


class Saved(_Model):
    """A slice that is stored for good. conflict: not None if somebody else was faster."""

    revision: int
    head: int = Field(description="The revision that holds on the slice now.")
    conflict: Conflict | None


class Resolution(_Model):
    """Which of two revisions of a slice counts. keep: whether that one does, or the head."""

    revision: Identifier
    keep: bool


class Mark(_Model):
    """What was said of a slice without drawing on it."""

    mark: Literal["absent", "present", "erase"]
    parent: Identifier | None = None
    client_key: ClientKey | None = None
    active_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0


class Step(_Model):
    """What undo or redo did; all None if there was nothing to do."""

    revision: int | None
    axis: int | None = None
    index: int | None = None


class HistoryEntry(_Model):
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


class Place(_Model):
    """A slice."""

    axis: Axis
    index: Index


class SegmentRequest(_Model):
    """near: the slice in hand, whose neighbours are shown first."""

    near: Place | None = None


class JobStarted(_Model):
    """The job that was put in line."""

    job: int


class Job(_Model):
    """Long work. state: queued, running, finished, failed, cancelled or interrupted."""

    id: int
    kind: str = Field(examples=["segment"])
    scan: int | None
    state: str = Field(examples=["running"])
    progress: float
    text: str
    message: str | None = Field(description="Why it failed, in one sentence.")
    result: dict[str, Any] | None
    by: str | None


class StripSlice(_Model):
    """What is known of a slice."""

    state: Literal["human", "accepted", "corrected", "absent", "present", "engine", "none"]
    predicted_dice: float | None
    suggested: bool


class Strip(_Model):
    """One entry per slice across an axis."""

    axis: Axis
    slices: list[StripSlice]


class SuggestedSlice(_Model):
    """A slice worth a person's next minute. seconds: what it will take."""

    axis: Axis
    index: Index
    plane: str = Field(examples=["axial"])
    kind: Literal["draw", "present"]
    gain: float | None
    seconds: float | None
    reason: str


class Suggestion(_Model):
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


class NextScan(_Model):
    """The scan to open next. None: all are done, or open elsewhere."""

    scan: int | None
    name: str | None
    reason: str


class ScanChange(_Model):
    """What is wanted of a scan; None leaves it as it is. independent: whether people annotate it
    apart from each other, to be compared; only before anything is drawn.
    """

    priority: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    independent: bool | None = None


class ReviewRequest(_Model):
    """remark: for whoever annotated the scan."""

    remark: Text = ""


class TrainRequest(_Model):
    """seconds: how long to train; None for five minutes."""

    seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None


class ModelVersion(_Model):
    """A trained model. score, before: Dice on held-out slices of it and of the one before it."""

    version: int
    promoted: bool
    score: float | None
    before: float | None
    slices: int
    scans: int
    verdict: str


class StructureAgreement(_Model):
    """How well two people agree on a structure. tolerance: of the surface Dice in mm."""

    value: int
    name: str
    dice: float | None
    surface_dice: float | None
    tolerance: float


class SliceAgreement(_Model):
    """How well two people agree on a slice, all structures together."""

    axis: Axis
    index: Index
    dice: float


class PairAgreement(_Model):
    """How well two people agree on the slices that both drew. slices: worst first."""

    first: str
    second: str
    structures: list[StructureAgreement]
    slices: list[SliceAgreement]


class Agreement(_Model):
    """How well the people agree who annotated a scan independently."""

    scan: int
    pairs: list[PairAgreement]


class NewPerson(_Model):
    """Somebody who may log in from now on."""

    name: Name
    password: Annotated[str, StringConstraints(min_length=8, max_length=1000)]
    role: Role = "annotator"


class Health(_Model):
    """Whether the server works."""

    status: Literal["ok"]
    version: str
