"""Whether a scan's spacing can be trusted: where it came from, and whether the image agrees.

Most methods here measure in mm, so a wrong spacing is expensive, and headers are often wrong:
exports from viewers, stacks of PNG files and OCT come with ones or with axes swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.errors import Remark
from fewslice.volumes.correlation_length import (
    correlation_lengths,
    disagreement,
    estimated_spacing,
)
from fewslice.volumes.image import Image
from fewslice.volumes.respacing import own_geometry

Array = npt.NDArray[Any]
Spacing = tuple[float, float, float]

GIVEN, HEADER, GUESSED, MISSING = "given", "header", "guessed", "missing"
ORIGINS = {
    GIVEN: "as given",
    HEADER: "from the file's header",
    GUESSED: "not stored in full, guessed from the device's usual one",
    MISSING: "not stored, taken as 1 mm",
}
"""Where a spacing came from, and how people are told."""

# The smallest scans are OCT of 3 x 3 x 2 mm, so a longest side below 2 mm means a wrong unit; no
# table moves a body by more than about 2 m, so 3 m does as well.
SHORTEST_MM = 2.0
LONGEST_MM = 3000.0

# Anatomy is not isotropic: a leg is three times as long as wide at every scale, and correct headers
# differ from the image by up to a factor of about 4 (`benchmarks/spacing.py`).
CONTRADICTION = 4.0

# Isotropic scans look up to twice as coarse along one axis as along the others, since anatomy is
# not isotropic (`benchmarks/spacing_worth.py`): only beyond that can an estimate be believed.
SURELY_COARSER = 2.5


def spacing_origin(scan: Image) -> str:
    """Return where the spacing of a scan comes from.

    Parameters
    ----------
    scan
        As it was read, or as `fewslice.volumes.coerce.on_one_grid` makes it.

    Returns
    -------
    str
        GIVEN by the person, HEADER of a file, GUESSED (the device's usual one), or MISSING (taken
        as 1 mm).
    """
    if scan.stored is None or scan.stored.geometry is not None:
        return GIVEN
    if scan.stored.spacing_guessed:
        return GUESSED
    return HEADER if scan.stored.spacing_known else MISSING


def spacing_remarks(scan: Image, origin: str) -> tuple[Remark, ...]:
    """Say what makes the spacing of a scan doubtful.

    Parameters
    ----------
    scan
        With the spacing to judge, in mm per array axis.
    origin
        GIVEN, HEADER, GUESSED or MISSING.

    Returns
    -------
    tuple of str
        One sentence for each finding: what was found, and what to do. Empty if all is well.
    """
    spacing = scan.geometry.spacing
    if origin == MISSING:
        return _missing_remarks(scan)
    found = (
        _override_remark(scan),
        _origin_remark(spacing, origin),
        _extent_remark(spacing, scan.geometry.shape),
        _image_remark(spacing, scan.channels[0]),
    )
    return tuple(remark for remark in found if isinstance(remark, Remark))


def assumed_spacing(array: Array) -> Spacing:
    """Return the spacing to go by where none is known, relative to a pixel.

    Parameters
    ----------
    array
        Intensities (i, j, k).

    Returns
    -------
    tuple of float
        Ones; but where the image itself says that slices across one axis lie much further apart
        than pixels do, that distance along it.
    """
    estimate = estimated_spacing(array)
    if estimate is None:
        return (1.0, 1.0, 1.0)
    axis = int(np.argmax(estimate))
    apart = estimate[axis] / float(np.sqrt(np.delete(estimate, axis).prod()))
    i, j, k = (apart if at == axis and apart > SURELY_COARSER else 1.0 for at in range(3))
    return i, j, k


def with_assumed_spacing(scan: Image) -> Image:
    """Return a scan as engines should see it: where its spacing is not known, with an assumed one.

    Parameters
    ----------
    scan
        As it was read, or as `fewslice.volumes.coerce.on_one_grid` makes it.

    Returns
    -------
    Image
        The scan itself where its spacing is known. The assumption is about proportions alone, so
        nothing that is told in mm or mL may rest on it.
    """
    if spacing_origin(scan) != MISSING:
        return scan
    return replace(scan, geometry=scan.geometry.with_spacing(assumed_spacing(scan.channels[0])))


def _missing_remarks(scan: Image) -> tuple[Remark, ...]:
    missing = Remark(
        "spacing-missing",
        "No spacing was given, so 1 mm is taken along every axis; give the right one as spacing "
        "(--spacing), in mm per array axis.",
    )
    assumed = assumed_spacing(scan.channels[0])
    axis = int(np.argmax(assumed))
    if assumed[axis] == 1:
        return (missing,)
    by_image = Remark(
        "spacing-assumed",
        f"By the image, slices across array axis {axis} lie about {assumed[axis]:.1f} times as far "
        "apart as pixels; engines go by that, but lengths and volumes that are told do not.",
    )
    return missing, by_image


def _override_remark(scan: Image) -> str:
    used, own = scan.geometry.spacing, own_geometry(scan).spacing
    if used == own or (scan.stored is not None and not scan.stored.spacing_known):
        return ""
    return Remark(
        "spacing-overridden",
        f"The spacing that was given, {_text(used)} mm, is used in place of the scan's own, "
        f"{_text(own)} mm.",
    )


def _origin_remark(spacing: Spacing, origin: str) -> str:
    if origin == HEADER and np.allclose(spacing, 1.0, rtol=1e-6):
        return Remark(
            "spacing-all-ones",
            "The file's header says 1 mm along every axis, which is often a placeholder; check it, "
            "and give the right one (--spacing) if it is wrong.",
        )
    if origin == GUESSED:
        return Remark(
            "spacing-guessed",
            f"The file does not store the whole spacing; {spacing[0]:.4g}, {spacing[1]:.4g}, "
            f"{spacing[2]:.4g} mm is the device's usual one: give the right one (--spacing).",
        )
    return ""


def _extent_remark(spacing: Spacing, shape: tuple[int, int, int]) -> str:
    extent = float(np.max(np.multiply(spacing, shape)))
    if SHORTEST_MM <= extent <= LONGEST_MM:
        return ""
    return Remark(
        "spacing-implausible",
        f"By its spacing the scan is {extent:.4g} mm long, which no scan of a body is; check that "
        "the spacing is in mm, and give the right one (--spacing).",
    )


def _image_remark(spacing: Spacing, array: Array) -> str:
    lengths = correlation_lengths(array)
    if lengths is None:
        return ""
    factor, axis = disagreement(spacing, lengths)
    if factor <= CONTRADICTION:
        return ""
    mm = lengths * spacing
    others = np.delete(mm, axis)
    longer = "more slowly" if mm[axis] > others.mean() else "faster"
    return Remark(
        "spacing-contradicted",
        f"Intensities change {factor:.0f} times {longer} per mm along array axis {axis} than along "
        f"the others, so the spacing ({_text(spacing)} mm) may be wrong or in the wrong order; "
        "check it, and give the right one (--spacing) if so.",
    )


def _text(spacing: Sequence[float]) -> str:
    return ", ".join(f"{step:.4g}" for step in spacing)
