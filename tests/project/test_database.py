"""Failures of the database are said in one sentence, and nothing strange gets in."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from fewslice.errors import InputError, WriteError
from fewslice.project.database import reading, writing
from fewslice.project.events import watch
from fewslice.project.people import add_person, list_people
from fewslice.project.revisions import history
from fewslice.project.saving import save_revision
from fewslice.project.scans import get_scan
from tests.support.projects import SmallProject


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_numbers_that_no_database_can_hold_are_refused(small: SmallProject, number: int) -> None:
    with pytest.raises(InputError):
        get_scan(small.project, number)
    for person, parent in ((small.ann, number), (number, None)):
        with pytest.raises(InputError):
            save_revision(
                small.project,
                small.scan,
                person,
                action="absent",
                axis=2,
                index=0,
                parent=parent,
            )
    with suppress(InputError):  # PostgreSQL does not even compare them
        assert watch(small.project, number) == []
    assert history(small.project, small.scan) == []


def test_texts_with_characters_that_are_none_are_refused_or_kept_whole(
    small: SmallProject,
) -> None:
    with pytest.raises(InputError, match="characters that are none"):
        add_person(small.project, "half \ud800", None)
    try:
        assert add_person(small.project, "nul \0 in it", None).name == "nul \0 in it"
    except InputError as error:
        assert "characters that are none" in str(error)  # noqa: PT017 - PostgreSQL keeps no NUL
        assert [each.name for each in list_people(small.project)] == ["ann", "bob"]


def test_a_transaction_that_fails_changes_nothing(small: SmallProject) -> None:
    def fail() -> None:
        with writing(small.project) as session:
            session.execute(text("UPDATE people SET name = 'eve' WHERE name = 'ann'"))
            raise KeyError("ours")

    with pytest.raises(KeyError):
        fail()
    assert [each.name for each in list_people(small.project)] == ["ann", "bob"]


def test_mistakes_of_ours_are_not_taken_for_failures_of_the_database(small: SmallProject) -> None:
    def run(statement: str) -> None:
        with writing(small.project) as session:
            session.execute(text(statement))

    with pytest.raises(IntegrityError):
        run("INSERT INTO settings (key, value) VALUES ('name', '1')")
    with pytest.raises((ProgrammingError, WriteError)):
        run("SELECT nonsense FROM nowhere")


def test_reading_sees_one_state(small: SmallProject) -> None:
    with reading(small.project) as session:
        names = text("SELECT count(*) FROM people")
        before = session.scalar(names)
        add_person(small.project, "late", None)
        assert session.scalar(names) == before == 2
    assert len(list_people(small.project)) == 3
