import numpy as np
import pytest

from fewslice.annotation.planes import annotation_axis, parse_slices, plane_axis, plane_name
from fewslice.errors import InputError
from fewslice.volumes.geometry import Geometry


def lps_axial_first() -> Geometry:
    """Array axis 0 runs feet to head, 1 to the back, 2 to the left: (z, -y, -x)."""
    affine = np.array([[0, 0, -1, 0], [0, -1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]], dtype=float)
    return Geometry((10, 20, 30), affine)


def test_planes_follow_the_patient_not_the_array() -> None:
    geometry = lps_axial_first()
    assert [plane_name(geometry, axis) for axis in range(3)] == ["axial", "coronal", "sagittal"]
    assert plane_axis(geometry, "axial") == 0
    assert plane_axis(geometry, "Coronal") == 1
    assert plane_axis(geometry, "sagittal") == 2
    assert plane_axis(geometry, "2") == 2


@pytest.mark.parametrize(
    ("shape", "spacing", "axis"),
    [
        ((50, 50, 20), (0.8, 0.8, 5.0), 2),
        ((50, 20, 50), (0.8, 5.0, 0.8), 1),
        ((60, 60, 40), (5.4, 5.4, 3.0), 2),  # square pixels coarser than the slice step
        ((36, 48, 40), (1.0, 1.0, 1.0), 1),  # isotropic: the axis with most slices
        ((36, 48, 40), (1.0, 1.0000001, 1.0), 1),
        ((512, 512, 11), (1.0, 1.0, 1.0), 2),  # a slab of few B-scans: across
        ((11, 512, 300), (1.0, 1.0, 1.0), 0),
        ((48, 40, 10), (1.0, 1.0, 1.0), 2),  # a quarter is a slab, more is none
        ((48, 40, 11), (1.0, 1.0, 1.0), 0),
    ],
)
def test_people_draw_across_the_coarsest_spacing(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], axis: int
) -> None:
    assert annotation_axis(Geometry.from_spacing(shape, spacing)) == axis
    assert plane_axis(Geometry.from_spacing(shape, spacing), "auto") == axis


def test_slices_are_parsed() -> None:
    assert parse_slices(lps_axial_first(), "axial:1,4-6") == ((0, 1), (0, 4), (0, 5), (0, 6))
    assert parse_slices(lps_axial_first(), "2: 7") == ((2, 7),)


@pytest.mark.parametrize("text", ["axial", "axial:", "axial:x", "axial:1,,2"])
def test_text_that_is_no_slices_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="PLANE:INDEX"):
        parse_slices(lps_axial_first(), text)


def test_unknown_plane_lists_the_planes() -> None:
    with pytest.raises(InputError, match="axial, coronal, sagittal"):
        parse_slices(lps_axial_first(), "frontal:3")
