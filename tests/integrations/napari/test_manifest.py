"""napari finds what the manifest names, and every format that is read."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import pytest
from npe2 import PluginManifest

from fewslice.io.dicom.files import DICOM_SUFFIXES
from fewslice.io.formats import LABEL_SUFFIXES, READ_SUFFIXES

MANIFEST = Path(str(files("fewslice.integrations.napari").joinpath("napari.yaml")))
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_all_that_is_named_is_there() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == "fewslice"


def test_the_package_points_to_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["napari.manifest"]["fewslice"].partition(":")
    assert str(files(module).joinpath(name)) == str(MANIFEST)


def test_every_format_is_offered() -> None:
    contributions = PluginManifest.from_file(MANIFEST).contributions
    (reader,), (writer,) = contributions.readers, contributions.writers
    for suffix in (*READ_SUFFIXES, *DICOM_SUFFIXES):
        assert any(fnmatch(f"a{suffix}", each) for each in reader.filename_patterns), suffix
    assert set(writer.filename_extensions) == set(LABEL_SUFFIXES)


def test_the_panel_is_in_the_menu_of_segmentation() -> None:
    from napari._app_model.constants._menus import is_menu_contributable

    contributions = PluginManifest.from_file(MANIFEST).contributions
    ((menu, items),) = contributions.menus.items()
    assert is_menu_contributable(menu)  # napari leaves others out, without a word
    assert menu == "napari/layers/segment"
    assert [item.command for item in items] == [contributions.widgets[0].command]
