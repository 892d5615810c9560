"""Long work, trained models, and which scan to open next."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from fewslice.server.models.base import Model


class JobStarted(Model):
    """The job that was put in line."""

    job: int


class Job(Model):
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


class NextScan(Model):
    """The scan to open next. None: all are done, or open elsewhere."""

    scan: int | None
    name: str | None
    reason: str


class TrainRequest(Model):
    """seconds: how long to train; None for five minutes."""

    seconds: Annotated[float, Field(ge=1, le=86_400)] | None = None


class ModelVersion(Model):
    """A trained model. score, before: Dice on held-out slices of it and of the one before it."""

    version: int
    promoted: bool
    score: float | None
    before: float | None
    slices: int
    scans: int
    verdict: str
