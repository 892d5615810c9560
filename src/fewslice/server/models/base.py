"""What models consist of, and those that belong to no single route."""

from __future__ import annotations

from typing import Annotated, Literal

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


class Model(BaseModel):
    """A model that takes no keys it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Model):
    """What went wrong, in one sentence."""

    message: str = Field(examples=["There is no scan 7 in this project; see GET /api/v1/scans."])


class Health(Model):
    """Whether the server works."""

    status: Literal["ok"]
    version: str
