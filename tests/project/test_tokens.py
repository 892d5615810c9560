"""Tokens: random, of limited life, and worthless to who reads the database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fewslice.errors import NotFoundError
from fewslice.project.tokens import give_token, person_of_token, revoke_token
from tests.support.projects import SmallProject


def test_a_token_stands_for_a_person_until_it_expires(small: SmallProject) -> None:
    token = give_token(small.project, small.bob, timedelta(hours=2))
    small.clock.advance(hours=1, minutes=59)
    person = person_of_token(small.project, token)
    assert person is not None
    assert person.id == small.bob
    small.clock.advance(minutes=1)
    assert person_of_token(small.project, token) is None


def test_a_revoked_token_and_an_unknown_one_stand_for_nobody(small: SmallProject) -> None:
    kept, token = (give_token(small.project, small.ann) for _ in range(2))
    revoke_token(small.project, token)
    assert person_of_token(small.project, token) is None
    assert person_of_token(small.project, "") is None
    assert person_of_token(small.project, kept) is not None


def test_tokens_have_256_bits_and_are_not_in_the_database(small: SmallProject) -> None:
    token = give_token(small.project, small.ann)
    assert len(token) == 43  # 256 bits in base 64
    with small.project.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM tokens").all()
    assert len(rows) == 1
    assert token not in str(rows)


def test_expired_tokens_are_removed(small: SmallProject) -> None:
    give_token(small.project, small.ann, timedelta(seconds=1))
    small.clock.advance(seconds=2)
    give_token(small.project, small.ann)
    with small.project.engine.connect() as connection:
        assert len(connection.exec_driver_sql("SELECT * FROM tokens").all()) == 1


def test_nobody_gets_no_token(small: SmallProject) -> None:
    with pytest.raises(NotFoundError):
        give_token(small.project, 99)
