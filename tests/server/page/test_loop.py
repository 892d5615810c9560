"""The whole loop on the bundled scan, as a person lives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from skimage.measure import find_contours

from fewslice import example
from fewslice.annotation.annotation import on_slice
from fewslice.project.adding import add_scan
from fewslice.project.answers import latest_answer
from fewslice.project.database import Project
from fewslice.project.export import export_project
from fewslice.project.people import local_person
from fewslice.project.scans import list_scans
from fewslice.workflow.project_example import create_example
from tests.support.annotation_page import LONG, SIZE, AnnotationPage, Grid, served_by_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

CORONAL, SLICE = 1, 38
Labels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def two_scans(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The bundled project, and the same head again: noisier, and mirrored in its file."""
    folder = tmp_path_factory.mktemp("loop")
    project = create_example(folder / "project")
    image = nib.load(example.scan_path())
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    second = nib.Nifti1Image(np.rint(image.get_fdata() + noise).astype(np.int16), image.affine)
    flip = np.array([[0, -1], [1, 1], [2, 1]])
    nib.save(second.as_reoriented(flip), folder / "second.nii.gz")
    add_scan(project, folder / "second.nii.gz", by=local_person(project).id, name="second head")
    return project


def truth() -> Labels:
    image = nib.as_closest_canonical(nib.load(example.labels_path()))
    return np.asarray(image.dataobj).astype(np.uint8)


def outline(page: AnnotationPage, grid: Grid, labels: Labels) -> None:
    """Draw every structure of a slice with the contour tool, as a person would."""
    page.press("c")
    for number in range(1, 5):
        page.press(str(number))
        for contour in find_contours(np.pad(labels == number, 1).astype(float), 0.5):
            page.stroke(grid, [(a - 1, b - 1) for a, b in contour])


def test_the_whole_loop(  # noqa: PLR0915 - one story, told in order
    two_scans: Project, browser: Browser, tmp_path: Path
) -> None:
    labels = truth()
    coronal = Grid.across(CORONAL, labels.shape, (1.0, 1.0, 1.0))
    with served_by_command(two_scans.directory) as address:
        context = browser.new_context(viewport=SIZE)
        page = AnnotationPage.opened(context.new_page(), address)

        # Outline one slice, press one key, see the volume.
        page.go_to(SLICE)
        outline(page, coronal, labels[:, SLICE])
        page.wait_saved()
        page.photograph("1-drawn")
        page.press("s")
        page.page.locator("#segment", has_text="Cancel").wait_for()
        page.wait_segmented()
        page.page.locator("#next .say", has_text="Draw").wait_for(timeout=LONG)
        page.photograph("2-segmented")

        # Go where the program asks, correct it, and accept a slice that is right.
        page.press("g")
        assert page.shown("slice-state") == "The engine's answer"
        page.photograph("3-asked-for")
        page.press("r")
        assert "not saved yet" in page.shown("slice-state")
        page.press("b", "3", "Enter")
        page.press("Enter")
        page.wait_saved()
        page.photograph("4-corrected")
        assert page.shown("slice-state") == "Corrected"
        page.plane("coronal")
        page.go_to(SLICE + 6)
        page.press("a")
        page.wait_saved()
        assert page.shown("slice-state") == "Accepted"
        answered = latest_answer(two_scans, 1)
        assert answered is not None
        assert page.hatched_pixels() == 0
        assert page.page.locator("#stage canvas.engine").is_hidden()
        page.press("u")
        page.photograph("5-accepted-with-uncertainty")
        page.press("u")

        # Accept the scan; the next one starts with a result although nothing is drawn on it.
        page.page.locator("#accept-scan").click()
        page.page.locator("#open-next").wait_for()
        assert "second head" in page.shown("next")
        page.press("g")
        page.page.locator("#where strong", has_text="second head").wait_for()
        page.press("s")
        page.page.locator("#slice-state", has_text="The engine's answer").wait_for(timeout=LONG)
        page.photograph("6-second-scan")
        assert page.complaints == []
        context.close()

    first, second = list_scans(two_scans)
    assert (first.status, second.status) == ("accepted", "new")
    second_answer = latest_answer(two_scans, second.id)
    assert second_answer is not None
    assert len(np.unique(second_answer.labels)) == 5

    exported = export_project(two_scans, tmp_path / "out").folder
    out = np.asarray(nib.load(exported / "labelsTr" / f"{first.name}.nii.gz").dataobj)
    provenance = json.loads((exported / "provenance" / f"{first.name}.json").read_text())
    kinds = {each["kind"]: (each["axis"], each["index"]) for each in provenance["slices"]}
    assert sorted(kinds) == ["accepted", "corrected", "human"]
    assert len(provenance["slices"]) == 3
    assert kinds["human"] == (CORONAL, SLICE)
    # What was corrected later in a plane that crosses these slices counts where they cross.
    for index, expected in ((SLICE, labels), (SLICE + 6, answered.labels)):
        elsewhere = np.ones(out.shape, bool)
        elsewhere[on_slice(*kinds["corrected"])] = False
        here = elsewhere[:, index]
        assert here.mean() > 0.9
        np.testing.assert_array_equal(out[:, index][here], expected[:, index][here])
