"""Who works on a project, and how they log in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from fewslice.server.models.base import Model, Name, Role


class Credentials(Model):
    """Who logs in."""

    name: Name = Field(examples=["Ada"])
    password: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        examples=["correct horse battery staple"]
    )


class Person(Model):
    """Somebody who works on the project."""

    id: int
    name: str = Field(examples=["Ada"])
    role: Role


class LoggedIn(Model):
    """A new session. token: for programs, as `Authorization: Bearer`; browsers get a cookie."""

    token: str
    person: Person


class NewPerson(Model):
    """Somebody who may log in from now on."""

    name: Name
    password: Annotated[str, StringConstraints(min_length=8, max_length=1000)]
    role: Role = "annotator"
