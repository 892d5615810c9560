"""Everything that is measured in an OCT and its labels, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fewslice.errors import InputError, Remark
from fewslice.io.oct.info import OctInfo, oct_info
from fewslice.reporting.oct.etdrs import EnFace, en_face, etdrs_sectors
from fewslice.reporting.oct.fluid import SectorMeasure, measure_sectors, volume_nl
from fewslice.reporting.oct.layers import Layer, measure_layer
from fewslice.typing import Int64Array
from fewslice.volumes.geometry import require_same_grid
from fewslice.volumes.image import Image, LabelMap

_DEPTH_WORLD = 1  # front to back


@dataclass(frozen=True, eq=False)
class OctMeasures:
    """What was measured in an OCT.

    Parameters
    ----------
    layers
        Surfaces and thickness of every structure in micrometres per A-scan, fluid as well.
    volumes_nl
        Nanolitres by label.
    view
        How the scan lies as it is seen from above.
    eye
        "R", "L", or "" if unknown.
    sectors
        (A-scan, B-scan): the ETDRS sector of each A-scan; None unless the fovea was given.
    by_sector
        What each structure measures in each of the nine sectors, by label.
    remarks
        What was assumed.
    """

    layers: tuple[Layer, ...]
    volumes_nl: dict[int, float]
    view: EnFace
    eye: str
    sectors: Int64Array | None = None
    by_sector: dict[int, tuple[SectorMeasure, ...]] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


def measure_oct(  # noqa: PLR0913 - one argument per thing a person can say
    scan: Image,
    labels: LabelMap,
    *,
    fovea: tuple[float, float] | None = None,
    eye: str = "",
    directions: str | None = None,
    info: OctInfo | None = None,
) -> OctMeasures:
    """Measure every structure of an OCT: its surfaces, thickness and volume.

    Parameters
    ----------
    scan, labels
        On one grid, axes A-scan, depth, B-scan.
    fovea
        Its B-scan and its A-scan, counted from 0, for measures by sector of the ETDRS grid (ETDRS
        report 10, 1991).
    eye
        "R" or "L", in place of what the file says.
    directions
        Where A-scans and B-scans run to in the patient, such as "L,I", in place of what the file
        says.
    info
        What the scan's file says, by default what came with it.

    Returns
    -------
    OctMeasures
        Micrometres and nanolitres by the scan's spacing; remarks say what was assumed.

    Raises
    ------
    GeometryError
        If scan and labels lie on different grids.
    InputError
        If no structure is labelled, or the fovea is given and lies outside of the scan, or the eye
        or the directions are unknown.
    """
    info = info or oct_info(scan)
    require_same_grid(scan.geometry, labels.geometry, "the scan", "the label map")
    if not labels.values:
        raise InputError("The label map holds no structure; expected labels from 1 on.")
    i, j, k = scan.geometry.spacing
    layers = tuple(measure_layer(labels.array, value, j) for value in labels.values)
    measures = OctMeasures(
        layers=layers,
        volumes_nl={each.value: volume_nl(each.thickness, (i, k)) for each in layers},
        view=EnFace((i, k), ("", "")),
        eye=eye or (info.laterality if info else ""),
        remarks=(
            *_spacing_remarks(scan, info),
            *(() if fovea is None else _direction_remarks(scan, info, directions)),
        ),
    )
    if fovea is None:
        return measures
    view = en_face(scan.geometry, directions)
    shape = labels.array.shape[0], labels.array.shape[2]
    sectors = etdrs_sectors(shape, view, (fovea[1], fovea[0]), measures.eye)
    by_sector = {
        each.value: measure_sectors(each.thickness, sectors, view.spacing) for each in layers
    }
    return replace(measures, view=view, sectors=sectors, by_sector=by_sector)


def _spacing_remarks(scan: Image, info: OctInfo | None) -> tuple[Remark, ...]:
    """Say what makes lengths doubtful, unless a person gave the spacing."""
    given = scan.stored is not None and scan.stored.geometry is not None
    if info is not None and info.spacing_guessed and not given:
        return (
            Remark(
                "oct-measures-by-guess",
                "The spacing of the scan is partly a guess, and so are all lengths and volumes: "
                "give the right one (--spacing).",
            ),
        )
    if info is None and scan.geometry.world_axes[1] != _DEPTH_WORLD:
        return (
            Remark(
                "oct-axes-assumed",
                "By the header the second axis does not run from front to back; it is taken for "
                "depth nevertheless, the first for A-scans and the third for B-scans.",
            ),
        )
    return ()


def _direction_remarks(
    scan: Image, info: OctInfo | None, directions: str | None
) -> tuple[Remark, ...]:
    """Say that nobody confirms where A-scans and B-scans run, if so."""
    if directions is not None or (info is not None and info.directions_known):
        return ()
    codes = scan.geometry.axis_codes
    return (
        Remark(
            "oct-directions-assumed",
            f"A-scans are taken to run to {codes[0]} and B-scans to {codes[2]} (R, L: the "
            "patient's right, left; S, I: up, down), which the file does not confirm; nasal, "
            "temporal, superior and inferior depend on it: check it (--directions).",
        ),
    )
