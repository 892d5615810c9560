"""Who works on a project: names, roles and passwords.

Without accounts there is one local user, who may do everything; with accounts everybody logs in.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from fewslice.errors import InputError, NotFoundError
from fewslice.project.database import Project, reading, writing
from fewslice.project.tables import PersonTable, TokenTable

ADMIN, ANNOTATOR, REVIEWER = "admin", "annotator", "reviewer"
ROLES = (ADMIN, ANNOTATOR, REVIEWER)
LOCAL = "local"
"""Name of the one user of a project without accounts."""

_SHORTEST = 8
_LONGEST = 1024


@dataclass(frozen=True)
class Person:
    """Somebody who annotates. role: one of `ROLES`. account: whether there is a password."""

    id: int
    name: str
    role: str
    account: bool
    active: bool


def add_person(project: Project, name: str, password: str | None, role: str = ANNOTATOR) -> Person:
    """Add a person.

    password: at least 8 characters; None for somebody who cannot log in, such as the author of
    imported labels. Raises InputError if the name is taken or something cannot be used.
    """
    name = name.strip()
    if not name or len(name) > 200:
        raise InputError("The name of a person has 1 to 200 characters; give another one.")
    if role not in ROLES:
        raise InputError(f"There is no role '{role}'; expected {', '.join(ROLES)}.")
    hashed = None if password is None else hashed_password(password)
    with writing(project) as session:
        if session.scalar(select(PersonTable.id).where(PersonTable.name == name)) is not None:
            raise InputError(f"There is a person '{name}' already; give another name.")
        row = PersonTable(name=name, password=hashed, role=role, active=True, time=project.now())
        session.add(row)
        session.flush()
        if _has_admin_gone(session):
            raise InputError(
                f"'{name}' would be the first who can log in, as {role}; add an admin first."
            )
        return person_of(row)


def list_people(project: Project) -> list[Person]:
    """Return everybody, in the order in which they were added."""
    with reading(project) as session:
        rows = session.scalars(select(PersonTable).order_by(PersonTable.id))
        return [person_of(row) for row in rows]


def get_person(project: Project, person_id: int) -> Person:
    """Return a person. Raises NotFoundError."""
    with reading(project) as session:
        return person_of(found_person(session, person_id))


def find_person(project: Project, name: str) -> Person | None:
    """Return the person of that name, or None."""
    with reading(project) as session:
        row = session.scalar(select(PersonTable).where(PersonTable.name == name.strip()))
        return None if row is None else person_of(row)


def change_person(
    project: Project,
    person_id: int,
    *,
    role: str | None = None,
    password: str | None = None,
    active: bool | None = None,
) -> Person:
    """Give a person another role or password, or close the account; None leaves it as it is.

    The last active admin stays one, since nobody else could undo that.
    """
    if role is not None and role not in ROLES:
        raise InputError(f"There is no role '{role}'; expected {', '.join(ROLES)}.")
    hashed = None if password is None else hashed_password(password)
    with writing(project) as session:
        row = found_person(session, person_id)
        row.role = row.role if role is None else role
        row.password = row.password if hashed is None else hashed
        row.active = row.active if active is None else active
        session.flush()
        if _has_admin_gone(session):
            raise InputError(f"'{row.name}' is the only admin; make somebody else admin before.")
        if hashed is not None or not row.active:
            session.execute(delete(TokenTable).where(TokenTable.person_id == person_id))
        return person_of(row)


def has_accounts(project: Project) -> bool:
    """Whether people have to log in."""
    with reading(project) as session:
        return session.scalar(_with_password()) is not None


def local_person(project: Project) -> Person:
    """Return the one user of a project without accounts, who may do everything."""
    found = find_person(project, LOCAL)
    return found or add_person(project, LOCAL, None, ADMIN)


def found_person(session: Session, person_id: int) -> PersonTable:
    """Return the row of a person. Raises NotFoundError."""
    row = session.get(PersonTable, person_id)
    if row is None:
        raise NotFoundError(f"There is no person {person_id} in the project.")
    return row


def _with_password() -> Select[int]:
    return select(PersonTable.id).where(PersonTable.password.is_not(None)).limit(1)


def _has_admin_gone(session: Session) -> bool:
    """Whether there are accounts, but none of an active admin."""
    admins = _with_password().where(PersonTable.role == ADMIN, PersonTable.active)
    return session.scalar(_with_password()) is not None and session.scalar(admins) is None


def hashed_password(password: str) -> str:
    """Return the argon2 hash of a password. Raises InputError if it is too short."""
    from argon2 import PasswordHasher

    if not _SHORTEST <= len(password) <= _LONGEST:
        raise InputError(
            f"The password has {len(password)} characters; expected at least {_SHORTEST}."
        )
    return PasswordHasher().hash(password)


def person_of(row: PersonTable) -> Person:
    """Return a row as a value."""
    return Person(row.id, row.name, row.role, row.password is not None, row.active)
