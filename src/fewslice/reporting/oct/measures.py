"""Everything that is measured in an OCT and its labels, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from fewslice.errors import InputError, Remark
from fewslice.io.oct.info import OctInfo
from fewslice.reporting.oct.etdrs import EnFace, en_face, etdrs_sectors
from fewslice.reporting.oct.fluid import SectorMeasure, measure_sectors, volume_nl
from fewslice.reporting.oct.layers import Layer, measure_layer
from fewslice.typing import Int64Array
from fewslice.volumes.image import Image, LabelMap

_DEPTH_WORLD = 1  # front to back


@dataclass(frozen=True)
class Place:
    """What a person says of an OCT in place of its file; all may be left out.

    fovea: B-scan and A-scan, counted from 0. eye: "R" or "L". directions: where A-scans and B-scans
    run, such as "L,I".
    """

    fovea: tuple[float, float] | None = None
    eye: str = ""
    directions: str | None = None


@dataclass(frozen=True, eq=False)
class OctMeasures:
    """What was measured; `layers` holds every structure, fluid as well.

    volumes_nl, by_sector: by label. sectors: (A-scan, B-scan), None unless the fovea is known.
    """

    layers: tuple[Layer, ...]
    volumes_nl: dict[int, float]
    view: EnFace
    eye: str
    sectors: Int64Array | None = None
    by_sector: dict[int, tuple[SectorMeasure, ...]] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


def measure_oct(
    scan: Image, labels: LabelMap, info: OctInfo | None = None, place: Place | None = None
) -> OctMeasures:
    """Measure every structure of an OCT.

    Parameters
    ----------
    scan, labels
        On one grid, axes A-scan, depth, B-scan.
    info
        What the scan's file says; None if it came from no OCT device.
    place
        What a person says of it, which comes first.

    Returns
    -------
    OctMeasures
        Micrometres and nanolitres by the scan's spacing; remarks say what was assumed.

    Raises
    ------
    InputError
        If no structure is labelled, or the fovea is given and the eye or the directions are
        unknown.
    """
    place = place or Place()
    if not labels.values:
        raise InputError("The label map holds no structure; expected labels from 1 on.")
    i, j, k = labels.geometry.spacing
    layers = tuple(measure_layer(labels.array, value, j) for value in labels.values)
    volumes = {each.value: volume_nl(each.thickness, (i, k)) for each in layers}
    eye = place.eye or (info.laterality if info else "")
    view = EnFace((i, k), ("", ""))
    sectors, by_sector = None, {}
    if place.fovea is not None:
        view = en_face(scan.geometry, place.directions)
        row, column = place.fovea
        sectors = etdrs_sectors(
            (labels.array.shape[0], labels.array.shape[2]), view, (column, row), eye
        )
        by_sector = {
            each.value: measure_sectors(each.thickness, sectors, view.spacing) for each in layers
        }
    remarks = _remarks(scan, info, place)
    return OctMeasures(layers, volumes, view, eye, sectors, by_sector, remarks)


def _remarks(scan: Image, info: OctInfo | None, place: Place) -> tuple[Remark, ...]:
    found = []
    if info is not None and info.spacing_guessed and scan.stored and not scan.stored.geometry:
        found.append(
            Remark(
                "oct-measures-by-guess",
                "The spacing of the scan is partly a guess, and so are all lengths and volumes: "
                "give the right one (--spacing).",
            )
        )
    if info is None and scan.geometry.world_axes[1] != _DEPTH_WORLD:
        found.append(
            Remark(
                "oct-axes-assumed",
                "By the header the second axis does not run from front to back; it is taken for "
                "depth nevertheless, the first for A-scans and the third for B-scans.",
            )
        )
    known = info is not None and info.directions_known
    if place.fovea is not None and not known and place.directions is None:
        codes = scan.geometry.axis_codes
        found.append(
            Remark(
                "oct-directions-assumed",
                f"A-scans are taken to run to {codes[0]} and B-scans to {codes[2]} (R, L: the "
                "patient's right, left; S, I: up, down), which the file does not confirm; nasal, "
                "temporal, superior and inferior depend on it: check it (--directions).",
            )
        )
    return tuple(found)
