"""What is drawn on the screen is what is exported, voxel for voxel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.path import Path as Outline

from fewslice.project.adding import add_scan
from fewslice.project.database import Project
from fewslice.project.export import export_project
from fewslice.project.people import local_person
from fewslice.project.structures import Structure
from tests.support.annotation_page import AnnotationPage, Grid, OpenPage, Point
from tests.support.new_projects import new_project

pytestmark = pytest.mark.slow

Labels = npt.NDArray[np.uint8]
SHAPE = (26, 22, 18)
SPACING = (1.0, 1.25, 2.0)
IGNORE = 3  # nnU-Net's label of what nobody looked at: the highest
LARGER = 3  # steps
RADIUS = 0.5 * 1.14**17  # mm; the page's first brush is of step 14, 2.5 voxels of 1.25 mm
_TURN = np.deg2rad(20)
_OBLIQUE = np.array(
    [[np.cos(_TURN), -np.sin(_TURN), 0], [np.sin(_TURN), np.cos(_TURN), 0], [0, 0, 1]]
)

# Which way the axes of the file run, how the whole is turned, and how many channels it has.
FILES = {
    "as the page has it": ("RAS", np.eye(3), 1),
    "flipped": ("LPI", np.eye(3), 1),
    "permuted and flipped, two channels": ("SLA", np.eye(3), 2),
    "oblique": ("PIR", _OBLIQUE, 1),
}


def write_scan(path: Path, order: str, turn: npt.NDArray[np.float64], seed: int = 0) -> Path:
    """Write noise, its axes in an order such as LPI."""
    voxels = np.random.default_rng(seed).integers(0, 200, SHAPE).astype(np.int16)
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(SPACING)
    ras = nib.Nifti1Image(voxels, affine)
    wanted = nib.orientations.axcodes2ornt(tuple(order))
    nib.save(ras.as_reoriented(nib.orientations.ornt_transform(ras_order(), wanted)), path)
    return path


def ras_order() -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = nib.orientations.axcodes2ornt(("R", "A", "S"))
    return found


def exported_in_ras(project: Project, out: Path) -> Labels:
    """What is exported, in the page's axes: by way of nibabel and not of fewslice."""
    exported = export_project(project, out)
    assert exported.ignore_label == IGNORE
    image = nib.as_closest_canonical(nib.load(out / "labelsTr" / f"{exported.cases[0]}.nii.gz"))
    return np.asarray(image.dataobj).astype(np.uint8)


def centres(grid: Grid) -> npt.NDArray[np.float64]:
    return np.moveaxis(np.indices(grid.shape).astype(np.float64), 0, -1)


def brushed(grid: Grid, points: Sequence[Point]) -> npt.NDArray[np.bool_]:
    """The voxels no further than the brush's radius from the pen's way, in mm."""
    spacing = np.array(grid.spacing)
    there = centres(grid) * spacing
    found = np.zeros(grid.shape, bool)
    for start, stop in pairwise(points):
        a, b = np.array(start) * spacing, np.array(stop) * spacing
        along = np.clip((there - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        found |= np.linalg.norm(there - a - along[..., None] * (b - a), axis=-1) <= RADIUS
    return found


def enclosed(grid: Grid, points: Sequence[Point]) -> npt.NDArray[np.bool_]:
    """The voxels whose centres lie inside of an outline."""
    inside = Outline([*points, points[0]], closed=True).contains_points(
        centres(grid).reshape(-1, 2)
    )
    return np.asarray(inside).reshape(grid.shape)


def brush(page: AnnotationPage, grid: Grid) -> Labels:
    page.press("b", "1")
    way = page.stroke(grid, [at(grid, 0.3, 0.3), at(grid, 0.5, 0.62), at(grid, 0.7, 0.4)])
    return np.where(brushed(grid, way), 1, 0).astype(np.uint8)


def contour_with_hole(page: AnnotationPage, grid: Grid) -> Labels:
    page.press("c", "2")
    corners = [(0.15, 0.2), (0.8, 0.14), (0.86, 0.8), (0.3, 0.9)]
    outer = page.stroke(grid, [at(grid, *corner) for corner in corners])
    page.press("x")
    hole = page.stroke(
        grid, [at(grid, 0.4, 0.4), at(grid, 0.7, 0.42), at(grid, 0.66, 0.7), at(grid, 0.42, 0.62)]
    )
    page.press("x")
    return np.where(enclosed(grid, outer) & ~enclosed(grid, hole), 2, 0).astype(np.uint8)


def polygon_and_eraser(page: AnnotationPage, grid: Grid) -> Labels:
    page.press("p", "1")
    corners = page.click(grid, at(grid, 0.2, 0.2), at(grid, 0.82, 0.25), at(grid, 0.55, 0.85))
    page.page.locator("#stage").press("Shift+Enter")
    page.press("e")
    erased = page.stroke(grid, [at(grid, 0.5, 0.1), at(grid, 0.5, 0.3)])
    return np.where(enclosed(grid, corners) & ~brushed(grid, erased), 1, 0).astype(np.uint8)


def at(grid: Grid, a: float, b: float) -> Point:
    """A place in the slice as a part of its length."""
    return a * (grid.shape[0] - 1), b * (grid.shape[1] - 1)


TOOLS: dict[int, Callable[[AnnotationPage, Grid], Labels]] = {
    0: polygon_and_eraser,
    1: contour_with_hole,
    2: brush,
}


@pytest.mark.parametrize("name", FILES)
def test_every_plane_is_exported_as_it_was_drawn(
    name: str, tmp_path: Path, open_page: OpenPage
) -> None:
    order, turn, channels = FILES[name]
    paths = [
        write_scan(tmp_path / f"{number}.nii.gz", order, turn, number) for number in range(channels)
    ]
    structures = [Structure(1, "one"), Structure(2, "two")]
    project = new_project(tmp_path / "project", name="Exact", structures=structures)
    add_scan(project, paths, by=local_person(project).id, name="scan")
    page = open_page(project)
    page.press(*["]"] * LARGER)
    expected = np.full(SHAPE, IGNORE, np.uint8)
    for axis, plane in enumerate(("sagittal", "coronal", "axial")):
        grid, index = Grid.across(axis, SHAPE, SPACING), SHAPE[axis] // 3
        page.plane(plane)
        page.go_to(index)
        drawn = TOOLS[axis](page, grid)
        assert len(np.unique(drawn)) > 1, "a test that draws nothing"
        expected[(slice(None),) * axis + (index,)] = drawn  # where planes cross, the last counts
    page.wait_saved()
    np.testing.assert_array_equal(exported_in_ras(project, tmp_path / "out"), expected)
    assert page.complaints == []
