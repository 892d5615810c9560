"""Structures: values, names, colours and locks."""

from __future__ import annotations

import pytest

from fewslice.errors import InputError, NotFoundError
from fewslice.project import structures
from fewslice.project.structures import (
    Structure,
    add_structure,
    change_structure,
    free_value,
    list_structures,
)
from tests.support.projects import STRUCTURES, SmallProject


def test_a_structure_gets_a_colour_of_its_own(small: SmallProject) -> None:
    added = add_structure(small.project, Structure(3, " rod "))
    assert added == Structure(3, "rod", "#d6f62d")  # the third of those chosen for figures
    assert list_structures(small.project) == [*STRUCTURES, added]


def test_name_colour_and_lock_change_but_not_the_value(small: SmallProject) -> None:
    changed = change_structure(small.project, Structure(2, "die", "#ABCDEF", locked=True))
    assert list_structures(small.project) == [STRUCTURES[0], changed]
    assert changed.colour == "#abcdef"
    with pytest.raises(NotFoundError, match="no structure with label 9"):
        change_structure(small.project, Structure(9, "die"))


def test_the_lowest_free_value_is_given(small: SmallProject) -> None:
    add_structure(small.project, Structure(4, "rod"))
    assert free_value(small.project) == 3


def test_there_is_an_end_to_free_values(
    small: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert structures.MAX_STRUCTURES == 254
    monkeypatch.setattr(structures, "MAX_STRUCTURES", 2)
    with pytest.raises(InputError, match="has 2 structures, which is the most"):
        free_value(small.project)


@pytest.mark.parametrize(
    ("structure", "sentence"),
    [
        (Structure(0, "x"), "label 0 cannot be used; expected 1 to 254"),
        (Structure(255, "x"), "label 255 cannot be used"),
        (Structure(3, " "), "has no name"),
        (Structure(3, "ball"), "'ball' is there already, with label 1"),
        (Structure(2, "new"), "structure with label 2 already"),
        (Structure(3, "x", "red"), "colour 'red' cannot be understood"),
    ],
)
def test_what_cannot_be_is_refused(
    small: SmallProject, structure: Structure, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        add_structure(small.project, structure)
    assert list_structures(small.project) == list(STRUCTURES)
