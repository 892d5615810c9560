"""A project with the bundled scan, for a first try."""

from __future__ import annotations

from pathlib import Path

from fewslice import example
from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.opening import create_project
from fewslice.project.people import local_person
from fewslice.project.structures import Structure


def create_example(directory: Path) -> Project:
    """Make a project with a copy of the bundled scan and its four structures, nothing drawn.

    Raises InputError if the folder holds something, and WriteError if it cannot be written.
    """
    structures = [Structure(value, name) for value, name in example.label_names().items()]
    project = create_project(directory, name="Example", structures=structures)
    add_scan(
        project,
        example.scan_path(),
        by=local_person(project).id,
        name="deep grey matter (Colin27)",
        copy=True,
    )
    return project
