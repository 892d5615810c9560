"""Tokens that stand for a person who logged in: 256 random bits, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete

from fewslice.project.database import Project, reading, writing
from fewslice.project.people import Person, found_person, person_of
from fewslice.project.tables import PersonTable, TokenTable

LIFETIME = timedelta(days=30)


def give_token(project: Project, person_id: int, lifetime: timedelta = LIFETIME) -> str:
    """Return a new token of a person; it is not kept anywhere else."""
    token = secrets.token_urlsafe(32)
    now = project.now()
    with writing(project) as session:
        found_person(session, person_id)
        session.execute(delete(TokenTable).where(TokenTable.until <= now))
        session.add(
            TokenTable(hash=_hash(token), person_id=person_id, time=now, until=now + lifetime)
        )
    return token


def person_of_token(project: Project, token: str) -> Person | None:
    """Return whose token it is; None if it is unknown or expired, or the account closed."""
    with reading(project) as session:
        row = session.get(TokenTable, _hash(token))
        if row is None or row.until <= project.now():
            return None
        person = session.get(PersonTable, row.person_id)
        return person_of(person) if person is not None and person.active else None


def revoke_token(project: Project, token: str) -> None:
    """Make a token worthless, as logging out does. An unknown one is worthless already."""
    with writing(project) as session:
        session.execute(delete(TokenTable).where(TokenTable.hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
