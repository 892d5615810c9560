"""What holds for a whole project, by name."""

from __future__ import annotations

from typing import Any

from fewslice.project.database import Project, reading, writing
from fewslice.project.tables import SettingTable


def project_name(project: Project) -> str:
    """Return what people call the project."""
    return str(get_setting(project, "name"))


def get_setting(project: Project, key: str) -> Any:
    """Return a setting, or None."""
    with reading(project) as session:
        row = session.get(SettingTable, key)
        return None if row is None else row.value


def set_setting(project: Project, key: str, value: Any) -> None:
    """Keep a setting. value: anything that JSON can say."""
    with writing(project) as session:
        session.merge(SettingTable(key=key, value=value))
