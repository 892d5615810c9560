"""What can be drawn in a project: label values with a name, a colour and a lock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from fewslice.errors import InputError, NotFoundError
from fewslice.project.database import Project, reading, writing
from fewslice.project.tables import StructureTable
from fewslice.volumes.colours import structure_colour

MAX_STRUCTURES = 254
"""Labels travel as one byte; 0 is background and 255 means "not looked at"."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Structure:
    """One structure.

    value: its label, 1 to 254. name: for people. colour: "#rrggbb"; "" for one that goes well with
    the others. locked: whether it is finished and must not be painted over.
    """

    value: int
    name: str
    colour: str = ""
    locked: bool = False


def list_structures(project: Project) -> list[Structure]:
    """Return all structures by value."""
    with reading(project) as session:
        rows = session.scalars(select(StructureTable).order_by(StructureTable.value))
        return [Structure(row.value, row.name, row.colour, row.locked) for row in rows]


def add_structure(project: Project, structure: Structure) -> Structure:
    """Add a structure and return it with its colour.

    Raises InputError if its value or name is taken or cannot be used.
    """
    with writing(project) as session:
        return put_structure(session, structure)


def put_structure(session: Session, structure: Structure) -> Structure:
    """Add a structure within a transaction, as `add_structure` does."""
    structure = _checked(structure)
    _require_free(structure, list(session.scalars(select(StructureTable))))
    if session.get(StructureTable, structure.value) is not None:
        raise InputError(
            f"There is a structure with label {structure.value} already; choose another label."
        )
    session.add(StructureTable(**vars(structure)))
    session.flush()
    return structure


def change_structure(project: Project, structure: Structure) -> Structure:
    """Give the structure of that value another name, colour or lock.

    Raises NotFoundError if there is none, and InputError as `add_structure` does.
    """
    structure = _checked(structure)
    with writing(project) as session:
        row = session.get(StructureTable, structure.value)
        if row is None:
            raise NotFoundError(
                f"There is no structure with label {structure.value}; add it first."
            )
        _require_free(structure, list(session.scalars(select(StructureTable))))
        row.name, row.colour, row.locked = structure.name, structure.colour, structure.locked
    return structure


def free_value(project: Project) -> int:
    """Return the lowest label that no structure has. Raises InputError if all are taken."""
    taken = {each.value for each in list_structures(project)}
    for value in range(1, MAX_STRUCTURES + 1):
        if value not in taken:
            return value
    raise InputError(
        f"The project has {MAX_STRUCTURES} structures, which is the most there can be; make "
        "another project for further ones."
    )


def _checked(structure: Structure) -> Structure:
    if not 1 <= structure.value <= MAX_STRUCTURES:
        raise InputError(
            f"The label {structure.value} cannot be used; expected 1 to {MAX_STRUCTURES} (0 is "
            "background, 255 means not looked at)."
        )
    name = structure.name.strip()
    if not name:
        raise InputError(f"The structure with label {structure.value} has no name; give it one.")
    colour = structure.colour.lower() or _hex(structure_colour(structure.value - 1))
    if not _COLOUR.fullmatch(colour):
        raise InputError(
            f"The colour '{structure.colour}' cannot be understood; expected one such as '#e6194b'."
        )
    return replace(structure, name=name, colour=colour)


def _require_free(structure: Structure, rows: Sequence[StructureTable]) -> None:
    for row in rows:
        if row.name == structure.name and row.value != structure.value:
            raise InputError(
                f"The structure '{structure.name}' is there already, with label {row.value}; "
                "choose another name."
            )


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
