"""Labels and probabilities as a DICOM object of the kind that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fewslice.errors import InputError
from fewslice.io.dicom import rtstruct_write, segmentation_write
from fewslice.io.dicom.derived import DicomOutput
from fewslice.io.dicom.source import find_source, require_dicom
from fewslice.volumes.image import Image, LabelMap


def write(path: Path, named: Path, labels: LabelMap, given: DicomOutput) -> None:
    """Write labels. named: what a person calls the file, which may still have another name."""
    source = find_source(require_dicom(given.source, named), labels.geometry, given.series)
    given = replace(given, kind=given.kind_for(named))
    writer = rtstruct_write if given.kind == "rtstruct" else segmentation_write
    writer.write(path, labels, source, given)


def write_fractional(
    path: Path, named: Path, probability: Image, values: Sequence[int], given: DicomOutput
) -> None:
    """Write probabilities. values: the structure of each channel. named: as in `write`."""
    if len(probability.channels) != len(values):
        raise InputError(
            f"There are probabilities of {len(probability.channels)} structures for {len(values)} "
            "labels; give one for each, without the background."
        )
    source = find_source(require_dicom(given.source, named), probability.geometry, given.series)
    segmentation_write.write_fractional(path, probability, values, source, given)
