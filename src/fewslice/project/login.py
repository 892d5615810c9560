"""Checking passwords, more and more slowly for those who guess.

Failures are counted by name and address together, so that nobody can lock a person out from
elsewhere, and by address alone, so that one address cannot try one password on all names.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from fewslice.errors import AccessError
from fewslice.project.database import Project, reading, writing
from fewslice.project.people import Person, person_of
from fewslice.project.tables import LoginTable, PersonTable

ANYBODY = ""
"""Stands for all names of an address; no person has an empty name."""

_FREE = {False: 3, True: 20}  # failures without waiting: of one name, of a whole address
_LONGEST_WAIT = 15 * 60.0  # seconds
_FORGOTTEN = timedelta(days=1)
_LONGEST_NAME = 200
# The hash of a password that nobody has, to be compared where there is no such person.
_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$"
    "OE/WOANCT05Q0NVjX/Or3w$bmcE83eEXwQxxG5chrkwnylL/rT2GZBWiYkKXRskFRk"
)


def check_password(project: Project, name: str, password: str, address: str = "") -> Person:
    """Return the person who logs in.

    address: where the request comes from. Raises AccessError if name or password is wrong, the
    account is closed, or too many tries failed before; `wait` then says for how many seconds.
    """
    name = name.strip()[:_LONGEST_NAME] or "?"
    _require_patience(project, name, address)
    with reading(project) as session:
        row = session.scalar(select(PersonTable).where(PersonTable.name == name))
        hashed = None if row is None or not row.active else row.password
        person = None if row is None else person_of(row)
    if not _matches(hashed, password) or person is None:
        _count_failure(project, name, address)
        raise AccessError("The name or the password is wrong; try again.")
    with writing(project) as session:
        session.execute(
            delete(LoginTable).where(LoginTable.name == name, LoginTable.address == address)
        )
    return person


def _require_patience(project: Project, name: str, address: str) -> None:
    now = project.now()
    with reading(project) as session:
        waits = [_wait(session, each, address, now) for each in (name, ANYBODY)]
    if max(waits) > 0:
        raise AccessError(
            f"Too many logins failed; wait {max(waits):.0f} seconds and try again.", max(waits)
        )


def _wait(session: Session, name: str, address: str, now: datetime) -> float:
    row = session.get(LoginTable, (name, address))
    free = _FREE[name == ANYBODY]
    if row is None or row.failures < free:
        return 0.0
    seconds = min(2.0 ** min(row.failures - free, 30), _LONGEST_WAIT)
    return max(0.0, seconds - (now - row.time).total_seconds())


def _count_failure(project: Project, name: str, address: str) -> None:
    now = project.now()
    with writing(project) as session:
        session.execute(delete(LoginTable).where(LoginTable.time < now - _FORGOTTEN))
        for each in (name, ANYBODY):
            row = session.get(LoginTable, (each, address), with_for_update=True)
            if row is None:
                session.add(LoginTable(name=each, address=address, failures=1, time=now))
            else:
                row.failures += 1
                row.time = now


def _matches(hashed: str | None, password: str) -> bool:
    """Whether a password is right. It takes as long where there is no such person."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        right = PasswordHasher().verify(hashed or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and hashed is not None
