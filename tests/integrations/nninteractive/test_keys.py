"""Keys: the server's own, or those of a project's people."""

from __future__ import annotations

from pathlib import Path

import pytest

from fewslice.integrations.nninteractive.keys import Keys, KeyWrongError
from fewslice.project.people import add_person, change_person
from fewslice.project.tokens import give_token
from tests.support.new_projects import new_project


def test_a_key_of_the_servers_own() -> None:
    assert Keys().owner(None) == ""
    assert Keys("sesame").owner("sesame") == ""
    for wrong in (None, "", "Sesame", "sésame"):
        with pytest.raises(KeyWrongError):
            Keys("sesame").owner(wrong)


def test_people_of_a_project(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", name="Balls", structures=[])
    keys = Keys(project=project)
    assert keys.owner(None) == ""  # nobody has to log in yet
    admin = add_person(project, "ann", "correct horse", "admin")
    bob = add_person(project, "bob", "battery staple", "annotator")
    key = give_token(project, bob.id)
    assert keys.owner(key) == f"person {bob.id}"
    for wrong in (None, "", key[:-1], "sesame"):
        with pytest.raises(KeyWrongError, match="person key"):
            keys.owner(wrong)
    change_person(project, bob.id, active=False)
    with pytest.raises(KeyWrongError):
        keys.owner(key)
    assert keys.owner(give_token(project, admin.id)) == f"person {admin.id}"
    project.engine.dispose()
