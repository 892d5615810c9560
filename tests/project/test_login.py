"""Passwords, and how guessing becomes slow."""

from __future__ import annotations

import argon2
import pytest

from fewslice.errors import AccessError
from fewslice.project import login, people
from fewslice.project.login import check_password
from fewslice.project.people import add_person, change_person
from tests.support.passwords import DEAR
from tests.support.projects import SmallProject

PASSWORD = "correct horse"  # noqa: S105


@pytest.fixture
def known(small: SmallProject) -> SmallProject:
    add_person(small.project, "root", PASSWORD, "admin")
    add_person(small.project, "cat", PASSWORD)
    return small


def wait(known: SmallProject, name: str, given: str = "wrong") -> float:
    """Log in from address a, expect to be refused, and return how long to wait."""
    with pytest.raises(AccessError) as caught:
        check_password(known.project, name, given, "a")
    return caught.value.wait


def test_the_right_password_is_right(known: SmallProject) -> None:
    assert check_password(known.project, " cat ", PASSWORD).name == "cat"


@pytest.mark.slow
def test_it_is_hashed_as_argon2_advises_and_that_of_nobody_takes_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(argon2, "PasswordHasher", DEAR)
    kept = people.hashed_password(PASSWORD)
    advised = argon2.profiles.RFC_9106_LOW_MEMORY
    assert argon2.extract_parameters(kept) == advised
    assert argon2.extract_parameters(login._NOBODYS) == advised
    assert login._matches(kept, PASSWORD)
    assert not login._matches(kept, PASSWORD.upper())


@pytest.mark.slow
def test_who_is_unknown_or_closed_or_has_no_password_is_refused_alike(
    known: SmallProject,
) -> None:
    closed = add_person(known.project, "dan", PASSWORD)
    change_person(known.project, closed.id, active=False)
    for name in ("dan", "nobody", "ann", ""):
        with pytest.raises(AccessError, match="name or the password is wrong"):
            check_password(known.project, name, PASSWORD)


def test_waiting_doubles_with_every_failure_and_ends_with_success(known: SmallProject) -> None:
    waits: list[float] = []
    for _ in range(6):
        assert wait(known, "cat") == 0.0
        waits.append(wait(known, "cat") if len(waits) >= 2 else 0.0)
        known.clock.advance(seconds=waits[-1])
    assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0]
    check_password(known.project, "cat", PASSWORD, "a")
    assert wait(known, "cat") == 0.0
    assert wait(known, "cat") == 0.0


def test_the_right_password_has_to_wait_too(known: SmallProject) -> None:
    for _ in range(3):
        wait(known, "cat")
    with pytest.raises(AccessError, match="Too many logins failed; wait 1 seconds"):
        check_password(known.project, "cat", PASSWORD, "a")


def test_nobody_is_locked_out_from_another_address(known: SmallProject) -> None:
    for _ in range(3):
        wait(known, "cat")
    assert check_password(known.project, "cat", PASSWORD, "b").name == "cat"


def test_one_address_does_not_try_all_names(
    known: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "_matches", lambda hashed, password: False)
    for number in range(20):
        assert wait(known, f"guess {number}") == 0.0
    assert wait(known, "cat", PASSWORD) == 1.0


def test_the_wait_has_an_end_and_failures_are_forgotten(known: SmallProject) -> None:
    for _ in range(14):
        wait(known, "cat")
        known.clock.advance(hours=1)
    assert wait(known, "cat") == 0.0
    assert wait(known, "cat") == 15 * 60
    known.clock.advance(days=2)
    wait(known, "dog")
    assert check_password(known.project, "cat", PASSWORD, "a").name == "cat"
