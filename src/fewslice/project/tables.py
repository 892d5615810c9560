"""The tables of a project, one class each. What callers see are values, never these rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fewslice.project.database import UtcTime

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables. Constraints have names of their own, so that migrations find them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: UtcTime, Any: JSON}  # noqa: RUF012 - SQLAlchemy's own way


class SettingTable(Base):
    """What holds for the whole project, by name."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any]


class PersonTable(Base):
    """Who annotates. password: argon2 hash; None for the local user, who needs none."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str | None]
    role: Mapped[str]
    active: Mapped[bool]
    time: Mapped[datetime]


class TokenTable(Base):
    """A token that was given out; only its SHA-256 is kept."""

    __tablename__ = "tokens"
    hash: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    time: Mapped[datetime]
    until: Mapped[datetime]


class LoginTable(Base):
    """Failed logins since the last one that succeeded, by name and address."""

    __tablename__ = "logins"
    name: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    time: Mapped[datetime]


class StructureTable(Base):
    """A structure that can be drawn."""

    __tablename__ = "structures"
    value: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)
    colour: Mapped[str]
    locked: Mapped[bool]


class ScanTable(Base):
    """A scan. files: path, size and time of change of each; options: how they are read."""

    __tablename__ = "scans"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    files: Mapped[Any]
    options: Mapped[Any]
    hash: Mapped[str]
    shape: Mapped[Any]
    affine: Mapped[Any]
    spacing: Mapped[Any]
    modality: Mapped[str]
    channels: Mapped[int]
    status: Mapped[str]
    priority: Mapped[float]
    predicted_dice: Mapped[float | None]
    independent: Mapped[bool]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    time: Mapped[datetime]


class RevisionTable(Base):
    """One change of one slice; rows are added, never changed.

    lane: 0 where people share a scan, else the person who annotates it apart from the others.
    parent_id: what the person saw when it was made. replaced_id: the head it took the place of.
    shows_id: the revision whose content the slice has from now on; itself for what was drawn,
    another one after undo and where another person had drawn just that, None for an untouched
    slice. target_id: what is undone, redone or resolved. conflict_id: the head that stayed, if this
    one did not become the head.
    """

    __tablename__ = "revisions"
    __table_args__ = (
        UniqueConstraint("person_id", "client_key"),
        Index(None, "scan_id", "axis", "index", "lane"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"))
    axis: Mapped[int]
    index: Mapped[int]
    lane: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    action: Mapped[str]
    hash: Mapped[str | None]
    dtype: Mapped[str | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    replaced_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    shows_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    target_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    conflict_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    tool: Mapped[str]
    active_seconds: Mapped[float]
    client_key: Mapped[str | None]
    time: Mapped[datetime]


class HeadTable(Base):
    """The revision that holds on a slice now. It follows from the revisions; kept to find it."""

    __tablename__ = "heads"
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    axis: Mapped[int] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"))


class LeaseTable(Base):
    """Who has a scan open."""

    __tablename__ = "leases"
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    until: Mapped[datetime]


class ReviewTable(Base):
    """A scan was submitted, accepted or returned; rows are added, never changed."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    verdict: Mapped[str]
    remark: Mapped[str]
    time: Mapped[datetime]


class JobTable(Base):
    """Long work, waiting, under way or done."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    scan_id: Mapped[int | None] = mapped_column(ForeignKey("scans.id"))
    payload: Mapped[Any]
    state: Mapped[str] = mapped_column(index=True)
    fraction: Mapped[float]
    text: Mapped[str]
    result: Mapped[Any]
    worker: Mapped[str | None]
    cancelled: Mapped[bool]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    time: Mapped[datetime]
    heartbeat: Mapped[datetime | None]
    finished: Mapped[datetime | None]


class EventTable(Base):
    """What happened, for those who watch."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    scan_id: Mapped[int | None]
    job_id: Mapped[int | None]
    data: Mapped[Any]
    time: Mapped[datetime]


class AnswerTable(Base):
    """An engine's answer for a whole scan; its arrays lie beside the database. lane: as of
    revisions.
    """

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revisions.id"))
    engine: Mapped[str]
    labels: Mapped[Any]
    uncertainty: Mapped[Any]
    confidence: Mapped[Any]
    time: Mapped[datetime]
    lane: Mapped[int] = mapped_column(server_default="0")
