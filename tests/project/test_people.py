"""People, their roles, and who may log in."""

from __future__ import annotations

import pytest

from fewslice.errors import InputError, NotFoundError
from fewslice.project.people import (
    add_person,
    change_person,
    find_person,
    get_person,
    has_accounts,
    list_people,
    local_person,
)
from fewslice.project.tokens import give_token, person_of_token
from tests.support.projects import SmallProject

PASSWORD = "correct horse"  # noqa: S105


def test_without_accounts_there_is_one_local_admin(small: SmallProject) -> None:
    assert not has_accounts(small.project)
    local = local_person(small.project)
    assert (local.name, local.role, local.account) == ("local", "admin", False)
    assert local_person(small.project) == local


def test_the_first_account_is_an_admins_and_one_stays(small: SmallProject) -> None:
    with pytest.raises(InputError, match="would be the first who can log in, as annotator"):
        add_person(small.project, "cat", PASSWORD)
    admin = add_person(small.project, "cat", PASSWORD, "admin")
    assert has_accounts(small.project)
    for change in ({"role": "reviewer"}, {"active": False}):
        with pytest.raises(InputError, match="'cat' is the only admin"):
            change_person(small.project, admin.id, **change)
    assert get_person(small.project, admin.id) == admin
    add_person(small.project, "dan", PASSWORD, "admin")
    assert change_person(small.project, admin.id, role="reviewer").role == "reviewer"


def test_a_closed_account_or_a_new_password_ends_what_was_given_out(small: SmallProject) -> None:
    add_person(small.project, "root", PASSWORD, "admin")
    person = add_person(small.project, "cat", PASSWORD)
    for change in ({"password": "another one"}, {"active": False}):
        token = give_token(small.project, person.id)
        assert person_of_token(small.project, token) is not None
        change_person(small.project, person.id, **change)
        assert person_of_token(small.project, token) is None


def test_passwords_are_hashed_with_argon2(small: SmallProject) -> None:
    add_person(small.project, "cat", PASSWORD, "admin")
    with small.project.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT password FROM people WHERE name = 'cat'")
        (stored,) = rows.scalars()
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("name", "password", "role", "sentence"),
    [
        ("ann", None, "annotator", "There is a person 'ann' already"),
        (" ", None, "annotator", "1 to 200 characters"),
        ("x" * 201, None, "annotator", "1 to 200 characters"),
        ("cat", None, "king", "There is no role 'king'"),
        ("cat", "1234567", "admin", "has 7 characters; expected at least 8"),
    ],
)
def test_what_cannot_be_is_refused(
    small: SmallProject, name: str, password: str | None, role: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        add_person(small.project, name, password, role)
    assert [each.name for each in list_people(small.project)] == ["ann", "bob"]


def test_who_is_not_there_is_not_found(small: SmallProject) -> None:
    assert find_person(small.project, "cat") is None
    with pytest.raises(NotFoundError, match="no person 99"):
        get_person(small.project, 99)
    with pytest.raises(InputError, match="no role 'king'"):
        change_person(small.project, small.ann, role="king")
