"""The files that a segmentation leaves: checked before the work, written all or none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from fewslice.errors import InputError
from fewslice.io import (
    DicomOutput,
    atomic_path,
    require_writable,
    write_image,
    write_labels,
    write_probability,
)
from fewslice.io.dicom.source import find_source, require_dicom
from fewslice.io.formats import BY_SUFFIX, DICOM_LABELS, VOLUME_SUFFIXES, WRITTEN_LABELS, suffix_of
from fewslice.reporting.report import Report, write_report
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.respacing import own_geometry


@dataclass(frozen=True)
class Outputs:
    """Where to write what; all but the labels may be left out.

    dicom: what files that end with .dcm say besides their voxels.
    """

    labels: Path
    uncertainty: Path | None = None
    report: Path | None = None
    picture: Path | None = None
    probability: Path | None = None
    dicom: DicomOutput = field(default_factory=DicomOutput)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files to write, the labels first."""
        extra = (self.probability, self.uncertainty, self.report, self.picture)
        return (self.labels, *(path for path in extra if path is not None))


def check_outputs(outputs: Outputs, inputs: Sequence[Path]) -> None:
    """Raise unless every output can be written and none would replace an input or another one."""
    probabilities = (*VOLUME_SUFFIXES, DICOM_LABELS)
    known = (outputs.labels, WRITTEN_LABELS), (outputs.probability, probabilities)
    for path, suffixes in known:
        if path is not None:
            require_writable(path, suffixes)
            if suffix_of(path) == DICOM_LABELS:
                require_dicom(outputs.dicom.source, path)
    if outputs.uncertainty is not None:
        require_writable(outputs.uncertainty, VOLUME_SUFFIXES)
    if outputs.report is not None:
        require_writable(outputs.report, (".json",))
    if outputs.picture is not None:
        require_writable(outputs.picture, (".png",))
    require_no_inputs(outputs.paths, inputs)


def with_source(outputs: Outputs, image: Image) -> Outputs:
    """Return outputs that belong to the very series a scan was read from, of several in a folder.

    Raises GeometryError if the series named for outputs in DICOM is not that of the scan.
    """
    stored = image.stored
    if stored is not None and stored.kind == "dicom" and outputs.dicom.series is None:
        dicom = replace(outputs.dicom, series=stored.fields.get("series"))
        outputs = replace(outputs, dicom=dicom)
    paths = (outputs.labels, outputs.probability)
    if outputs.dicom.source is not None and any(
        path is not None and suffix_of(path) == DICOM_LABELS for path in paths
    ):
        find_source(outputs.dicom.source, own_geometry(image), outputs.dicom.series)
    return outputs


def require_no_inputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Raise InputError if a file to write is an input, or is given twice."""
    for number, output in enumerate(outputs):
        if any(_same_file(output, other) for other in inputs):
            raise InputError(
                f"The output {output} is an input as well, which is never changed; choose another "
                "name."
            )
        if any(_same_file(output, other) for other in outputs[:number]):
            raise InputError(f"The output {output} is given twice; choose different names.")


def write_outputs(
    outputs: Outputs, image: Image, segmentation: Segmentation, report: Report
) -> None:
    """Write all outputs; if one of them fails, none is put in its place.

    Each is written beside its place first, then all are moved there, the labels last. Volumes of
    two files (.mhd, .nhdr) cannot be moved and are written once all others are complete.
    """
    labels = segmentation.labels
    with ExitStack() as stack:
        places = {path: _staged(stack, path) for path in outputs.paths}
        if outputs.report is not None:
            write_report(places[outputs.report], report)
        if outputs.picture is not None:
            from fewslice.reporting.figure.figure import draw_picture

            draw_picture(places[outputs.picture], image, segmentation, names=labels.names)
        writers = {}
        if outputs.uncertainty is not None:
            uncertainty = Image(segmentation.uncertainty, labels.geometry, labels.stored)
            writers[outputs.uncertainty] = lambda path: write_image(path, uncertainty)
        if outputs.probability is not None:
            values = segmentation.label_values[1:]
            given = Image(segmentation.probability[1:], labels.geometry, labels.stored)
            writers[outputs.probability] = lambda path: write_probability(
                path, given, values, dicom=_named(outputs.dicom, outputs.probability, labels)
            )
        writers[outputs.labels] = lambda path: write_labels(
            path, labels, dicom=_named(outputs.dicom, outputs.labels, labels)
        )
        for path in sorted(writers, key=_is_detached):
            writers[path](places[path])


def _named(dicom: DicomOutput, path: Path | None, labels: LabelMap) -> DicomOutput:
    """Settle what the name of a file decides, and name what the labels' own file named."""
    kind = dicom.kind_for(path) if path is not None else dicom.kind
    colours = {**labels.colours, **dicom.colours}
    return replace(dicom, kind=kind, names={**labels.names, **dicom.names}, colours=colours)


def _is_detached(path: Path) -> bool:
    """Whether header and voxels are two files, which are written in place and not moved."""
    known = BY_SUFFIX.get(suffix_of(path))
    return known is not None and known.detached


def _staged(stack: ExitStack, path: Path) -> Path:
    """Return where to write `path` now; leaving the stack moves it to its place."""
    if _is_detached(path):
        return path
    return stack.enter_context(atomic_path(path))


def _same_file(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False
