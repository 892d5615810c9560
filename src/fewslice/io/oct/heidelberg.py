"""Heidelberg Spectralis: .vol, .xml with pictures, and .e2e, through eyepy."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import numpy as np

from fewslice.errors import ReadError, Remark
from fewslice.io.library_errors import BoundedReader, damage_named, quiet_logger
from fewslice.io.oct.info import COMPUTED, ESTIMATED, STORED, OctInfo, OctVolume
from fewslice.io.oct.raster import image_of, raster_step
from fewslice.io.pictures import require_sound
from fewslice.typing import Float64Array
from fewslice.volumes.image import Array, Image

_HEAD = 4096  # bytes within which an XML export names itself
_NO_RASTER = (2, 5)  # scan patterns: circle, star
_MM_PER_DEGREE = 0.2896  # of the fundus of an eye of average length (as HEYEX and eyepy have it)
_EYES = {"OD": "R", "OS": "L"}
_LOCALIZER = 33620481  # kind of the picture of the fundus in .e2e
_NOTHING = 1e38  # above it: no voxel


def is_export(path: Path) -> bool:
    """Whether an .xml file is an export of HEYEX."""
    with path.open("rb") as stream:
        return b"<HEDX>" in stream.read(_HEAD)


def find_vol(path: Path) -> tuple[OctVolume, ...]:
    """Return the volume of a .vol file. Raises ReadError."""
    return (OctVolume(f"volume of {path.name}", partial(_read_vol, path)),)


def find_xml(path: Path) -> tuple[OctVolume, ...]:
    """Return the volumes of an .xml export, one a series with B-scans. Raises ReadError."""
    with damage_named(path):
        body = _tree(path).getroot()[0]
        series = body.findall("./Patient/Study/Series")
        counts = [len(each.findall(".//ImageType[Type='OCT']..")) for each in series]
    return tuple(
        OctVolume(
            f"series {series[number].findtext('ID', '?')}, {count} B-scans",
            partial(_read_xml, path, number),
        )
        for number, count in enumerate(counts)
        if count
    )


def find_e2e(path: Path) -> tuple[OctVolume, ...]:
    """Return the volumes of an .e2e file, one a series with B-scans. Raises ReadError."""
    with _eyepy(path) as io:
        reader = io.HeE2eReader(path)
    found = []
    for number, series in enumerate(reader.series):
        count = sum(_has_bscan(each) for each in series.slices.values())
        if count:
            text = f"series {series.id}, {count} B-scans"
            found.append(OctVolume(text, partial(_read_e2e, path, number)))
    return tuple(found)


def _read_vol(path: Path) -> Image:
    with _eyepy(path) as io:
        reader = io.HeVolReader(path)
        parsed = reader.parsed_file
        if parsed.scan_pattern in _NO_RASTER:
            raise ReadError(
                f"{path} is a circular or radial scan; expected a raster of parallel B-scans: "
                "export a volume scan."
            )
        raw = np.stack([each.data for each in parsed.bscans])
        array, remarks = _grey_values(raw)
        return _image(path, "Heidelberg .vol", array, reader, (STORED, remarks))


def _grey_values(raw: Array) -> tuple[Array, tuple[Remark, ...]]:
    """Return what HEYEX shows; some writers of .vol store grey values in place of reflectivities.

    raw: float32, reflectivities from 0 to 1, and the largest number of the type where a B-scan
    that was moved into place has no voxels.
    """
    from eyepy.core.utils import from_vol_intensity

    highest = float(raw[raw < _NOTHING].max(initial=0))
    if highest <= 1:
        return np.asarray(from_vol_intensity(np.array(raw))), ()
    grey = np.clip(np.rint(np.where(raw < _NOTHING, raw, 0)), 0, 255).astype(np.uint8)
    sentence = (
        f"Voxels reach to {highest:.4g}, where .vol has reflectivities from 0 to 1; they are taken "
        "for grey values as they are."
    )
    return grey, (Remark("oct-grey-values", sentence),)


def _read_xml(path: Path, number: int) -> Image:
    """Read one series: eyepy would take the B-scans of all of them for one volume."""
    with _eyepy(path) as io, TemporaryDirectory(prefix="fewslice-") as folder:
        tree = _tree(path)
        body = tree.getroot()[0]
        every = body.findall("./Patient/Study/Series")
        for study in body.findall("./Patient/Study"):
            for series in study.findall("Series"):
                if series is not every[number]:
                    study.remove(series)
        for name in every[number].iterfind(".//ExamURL"):
            picture = path.parent / (name.text or "").split("\\")[-1]
            if picture.is_file():  # eyepy says which one is missing
                require_sound(picture)
        alone = Path(folder) / "series.xml"
        tree.write(alone, encoding="utf-8")
        reader = copy.copy(io.HeXmlReader(alone))
        reader.path = path  # pictures lie beside the export
        return _image(path, "Heidelberg .xml", reader.volume.data, reader, (COMPUTED, ()))


def _tree(path: Path) -> ElementTree.ElementTree[ElementTree.Element]:
    with path.open(encoding="utf-8", errors="replace") as stream:  # names in other encodings
        return ElementTree.parse(stream)  # noqa: S314 - expat limits what entities grow to


def _image(
    path: Path,
    device: str,
    array: Array,
    reader: Any,
    told: tuple[str, tuple[Remark, ...]],
) -> Image:
    """Return what a reader of eyepy found as an image.

    array: (B-scan, depth, A-scan). told: where the distance of B-scans comes from, and remarks.
    """
    meta, localizer = reader.meta, reader.localizer
    positions = _positions(meta["bscan_meta"], 1.0)
    across = float(meta["scale_z"])
    if not across > 0:  # a single B-scan has no neighbour
        across = raster_step(positions) or float(meta["scale_x"])
    info = OctInfo(
        device=device,
        laterality=_EYES.get(str(meta["laterality"]).strip("\0 "), ""),
        spacing_from=(STORED, STORED, told[0]),
        directions_known=True,
        positions=positions,
        fundus=np.asarray(localizer.data, dtype=np.uint8),
        fundus_spacing=(float(localizer.scale_y), float(localizer.scale_x)),
        remarks=told[1],
    )
    spacing = float(meta["scale_x"]), float(meta["scale_y"]), across
    return image_of(path, np.asarray(array).transpose(2, 1, 0), spacing, info)


def _read_e2e(path: Path, number: int) -> Image:
    """Read one series; positions are stored as angles, which makes lengths a guess."""
    with _eyepy(path) as io, io.HeE2eReader(path) as reader:
        reader.file_object.close()
        reader.file_object = BoundedReader(path)  # which is closed with the reader
        series = reader.series[number]
        order = sorted(each for each in series.slices if _has_bscan(series.slices[each]))
        slices = [series.slices[each] for each in order]
        metas = [each.get_meta() for each in slices]
        if metas[0]["scan_pattern"] in _NO_RASTER:
            raise ReadError(
                f"{path} holds a circular or radial scan as series {series.id}; expected a raster "
                "of parallel B-scans: choose another volume (--series)."
            )
        array = _displayed(np.stack([each.get_bscan() for each in slices]))
        fundus = _e2e_fundus(series)
        laterality = _e2e_laterality(series)
    positions = _positions(metas, _MM_PER_DEGREE)
    length = float(np.linalg.norm(positions[0, 1] - positions[0, 0]))
    along = length / max(int(metas[0]["imgSizeWidth"]) or array.shape[2], 1)
    across = raster_step(positions) or along
    remark = Remark(
        "oct-spacing-estimated",
        "The file stores angles across the fundus; lengths there are those of an eye of average "
        "length (0.2896 mm a degree) and may be off by a tenth: give measured ones with --spacing.",
    )
    info = OctInfo(
        device="Heidelberg .e2e",
        laterality=laterality,
        spacing_from=(ESTIMATED, STORED, ESTIMATED),
        directions_known=True,
        positions=positions,
        fundus=fundus,
        remarks=(remark,),
    )
    spacing = along, float(metas[0]["scale_y"]), across
    return image_of(path, array.transpose(2, 1, 0), spacing, info)


def _has_bscan(one: Any) -> bool:
    from eyepy.io.he.e2e_format import TypesEnum

    return TypesEnum.bscanmeta in one.folders and TypesEnum.image in one.folders


def _e2e_laterality(series: Any) -> str:
    """Return the eye, "" if it is not told."""
    from eyepy.io.he.e2e_format import TypesEnum

    told = [int(each.data.laterality) for each in series.folders.get(TypesEnum.laterality, [])]
    return {ord("R"): "R", ord("L"): "L"}.get(told[0], "") if told else ""


def _e2e_fundus(series: Any) -> Array | None:
    """Return the fundus image of a series, None if it has none."""
    from eyepy.io.he.e2e_format import TypesEnum

    for folder in series.folders.get(TypesEnum.image, []):
        if folder.data.type == _LOCALIZER:
            return np.asarray(folder.data.data, dtype=np.uint8)
    return None


def _displayed(reflectivity: Array) -> Array:
    """Return the grey values with which HEYEX shows reflectivities."""
    from eyepy.core.utils import from_e2e_intensity

    return np.asarray(from_e2e_intensity(np.array(reflectivity, dtype=np.float32)))


def _positions(metas: Any, scale: float) -> Float64Array:
    """Return where B-scans start and end, in mm. scale: mm per stored unit."""
    ends = [(meta["start_pos"], meta["end_pos"]) for meta in metas]
    return np.array(ends, dtype=np.float64).reshape(-1, 2, 2) * scale


@contextmanager
def _eyepy(path: Path) -> Iterator[Any]:
    """Give eyepy's readers, name the damage they find, and keep them from printing."""
    try:
        from eyepy import io
    except ImportError as error:
        raise ReadError(
            f"{path} needs eyepy, which is not installed; install it with: "
            'python -m pip install "fewslice[oct]".'
        ) from error
    from construct import ConstructError
    from PIL.Image import DecompressionBombError

    kinds = (ConstructError, DecompressionBombError)
    with quiet_logger("eyepy"), quiet_logger("tifffile"), damage_named(path, *kinds):
        yield io
