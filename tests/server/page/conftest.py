"""A browser, and projects to annotate in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.people import local_person
from fewslice.project.structures import Structure
from tests.support.annotation_page import SIZE, AnnotationPage, OpenPage, chromium, serving
from tests.support.new_projects import new_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHAPE = (30, 24, 20)
SPACING = (1.0, 1.25, 2.0)


# Not for the session: while Playwright is open its loop runs, and no other test can run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan in RAS order whose intensities rise along x, y and z."""
    x, y, z = np.indices(SHAPE)
    voxels = (10 * x + 5 * y + z).astype(np.int16)
    path = tmp_path_factory.mktemp("scans") / "ramp.nii.gz"
    nib.save(nib.Nifti1Image(voxels, np.diag([*SPACING, 1.0])), path)
    return path


@pytest.fixture
def project(tmp_path: Path, scan_file: Path) -> Project:
    """A project with one scan and two structures."""
    made = new_project(
        tmp_path / "project", name="Ramps", structures=[Structure(1, "one"), Structure(2, "two")]
    )
    add_scan(made, scan_file, by=local_person(made).id, name="ramp")
    return made


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page of a project that a server in this process serves."""
    with ExitStack() as stack:

        def opened(project: Project, *, webgl: bool = False, wait: bool = True) -> AnnotationPage:
            address = stack.enter_context(serving(project))
            context = browser.new_context(viewport=SIZE)
            stack.callback(context.close)
            return AnnotationPage.opened(context.new_page(), address, webgl=webgl, wait=wait)

        yield opened
