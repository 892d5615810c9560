"""The files that a measured OCT leaves: tables, maps seen from above, and the same for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fewslice.errors import WriteError
from fewslice.io import atomic_path, write_image
from fewslice.reporting.oct.etdrs import SECTORS
from fewslice.reporting.oct.layers import Layer
from fewslice.reporting.oct.measures import OctMeasures
from fewslice.typing import Float64Array
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Array, Image

_SURFACES, _MEASURES, _SECTORS = "surfaces.csv", "measures.json", "sectors.csv"
_SURFACE_HEAD = ("label", "b_scan", "a_scan", "top_um", "bottom_um", "thickness_um")
_SECTOR_HEAD = ("label", "sector", "volume_nl", "mean_thickness_um", "covered")
_DPI = 150


def write_measures(folder: Path, measures: OctMeasures, geometry: Geometry) -> tuple[Path, ...]:
    """Write everything into a folder, which is made if it is not there, and return the files.

    geometry: of the scan. Raises WriteError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"{folder} cannot be made ({error.strerror or error}); choose another folder."
        ) from error
    _write_table(
        folder / _SURFACES, _SURFACE_HEAD, (row for each in measures.layers for row in _rows(each))
    )
    with atomic_path(folder / _MEASURES) as temporary:
        text = json.dumps(_as_dict(measures), indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    if measures.by_sector:
        _write_table(folder / _SECTORS, _SECTOR_HEAD, _sector_rows(measures))
    for layer in measures.layers:
        volume, picture = _maps(folder, layer)
        write_image(volume, thickness_image(layer, geometry))
        _write_picture(picture, layer, measures, geometry)
    return files_of(folder, measures)


def files_of(folder: Path, measures: OctMeasures) -> tuple[Path, ...]:
    """Return the files that `write_measures` writes."""
    tables = [_SURFACES, _MEASURES, *([_SECTORS] if measures.by_sector else [])]
    maps = [path for layer in measures.layers for path in _maps(folder, layer)]
    return (*(folder / name for name in tables), *maps)


def _maps(folder: Path, layer: Layer) -> tuple[Path, Path]:
    name = f"thickness-{layer.value}"
    return folder / f"{name}.nii.gz", folder / f"{name}.png"


def thickness_image(layer: Layer, geometry: Geometry) -> Image:
    """Return the map of a layer's thickness in micrometres as a slice of one voxel of depth.

    geometry: of the scan, on whose uppermost voxels the map lies.
    """
    i, _, k = geometry.shape
    array = layer.thickness[:, np.newaxis, :].astype(np.float32)
    return Image(array, Geometry((i, 1, k), geometry.affine))


def as_seen(array: Array, codes: tuple[str, str]) -> Array:
    """Return a map (A-scan, B-scan) as rows and columns of a fundus image.

    codes: the patient's directions in which A-scans and B-scans follow each other. The patient's
    left comes to lie on the right, and the head on top.
    """
    along, across = codes
    picture = array.T if along in ("R", "L") else array
    rows, columns = (across, along) if along in ("R", "L") else (along, across)
    picture = picture[::-1] if rows == "S" else picture
    return picture[:, ::-1] if columns == "R" else picture


def _rows(layer: Layer) -> Iterable[Sequence[object]]:
    """Yield a row for every A-scan that holds the layer."""
    for b_scan, a_scan in np.argwhere(np.isfinite(layer.top.T)).tolist():
        at = a_scan, b_scan
        heights = layer.top[at], layer.bottom[at], layer.thickness[at]
        yield layer.value, b_scan, a_scan, *(f"{each:.3f}" for each in heights)


def _sector_rows(measures: OctMeasures) -> Iterable[Sequence[object]]:
    for value, sectors in measures.by_sector.items():
        for each in sectors:
            mean = "" if each.thickness_um is None else f"{each.thickness_um:.3f}"
            yield value, each.sector, f"{each.volume_nl:.6g}", mean, f"{each.covered:.3f}"


def _write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)


def _as_dict(measures: OctMeasures) -> dict[str, Any]:
    return {
        "eye": measures.eye,
        "a_scans_run_to": measures.view.directions[0],
        "b_scans_run_to": measures.view.directions[1],
        "spacing_mm": list(measures.view.spacing),
        "structures": [
            {
                "label": each.value,
                "volume_nl": measures.volumes_nl[each.value],
                "mean_thickness_um": _mean(each.thickness[np.isfinite(each.top)]),
                "sectors": [asdict(one) for one in measures.by_sector.get(each.value, ())],
            }
            for each in measures.layers
        ],
        "remarks": [{"code": each.code, "sentence": str(each)} for each in measures.remarks],
    }


def _mean(thickness: Float64Array) -> float | None:
    return float(thickness.mean()) if thickness.size else None


def _write_picture(path: Path, layer: Layer, measures: OctMeasures, geometry: Geometry) -> None:
    """Draw a map in millimetres as a fundus image lies, with the ETDRS grid if there is one."""
    from matplotlib.figure import Figure

    codes = geometry.axis_codes[0], geometry.axis_codes[2]
    if measures.sectors is not None:
        codes = measures.view.directions
    picture = as_seen(layer.thickness, codes)
    i, k = measures.view.spacing
    high, wide = (k, i) if codes[0] in ("R", "L") else (i, k)
    extent = (0.0, wide * picture.shape[1], high * picture.shape[0], 0.0)
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(picture, extent=extent, interpolation="nearest", cmap="viridis")
    if measures.sectors is not None:
        seen = as_seen(measures.sectors, codes)
        for number in SECTORS:
            inside = (seen == number).astype(float)
            if 0 < inside.sum() < inside.size and min(inside.shape) > 1:
                axes.contour(
                    inside,
                    levels=[0.5],
                    colors="white",
                    linewidths=0.6,
                    extent=extent,
                    origin="upper",
                )
    axes.set_title(f"Label {layer.value}: thickness, eye {measures.eye or 'unknown'}")
    axes.set_xlabel("mm, to the patient's left")
    axes.set_ylabel("mm, to the feet")
    figure.colorbar(shown, ax=axes, label="µm")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)
