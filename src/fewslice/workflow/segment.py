"""The main job: from a scan and a few annotated slices to a segmentation of the volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fewslice.assembly.assemble import assemble_labels
from fewslice.assembly.segmentation import Segmentation
from fewslice.engines import Progress, Scan, find_engine, silent
from fewslice.errors import InputError
from fewslice.slices.annotation import find_annotation
from fewslice.volumes.geometry import Geometry, require_same_grid
from fewslice.volumes.image import Image, LabelMap, as_label_array, require_finite

AnyArray = npt.NDArray[Any]


def segment(  # noqa: PLR0913 - the signature is a fixed convention
    image: Image | AnyArray,
    labels: LabelMap | AnyArray,
    *,
    spacing: Sequence[float] | None = None,
    annotated: Sequence[tuple[int, int]] | None = None,
    support: Sequence[tuple[Image | AnyArray, LabelMap | AnyArray]] = (),
    engine: str = "auto",
    progress: Progress | None = None,
) -> Segmentation:
    """Segment a whole volume from its annotated slices.

    image: an `Image`, or an array (i, j, k) or (channel, i, j, k) of any real dtype.
    labels: sparse labels on the same grid, a `LabelMap` or an array of whole numbers: 0 background
    or not annotated, 1 to 65,535 structures, 255 "not looked at" inside an annotated slice. A
    slice counts as annotated if it holds a label or is named in `annotated`.
    spacing: mm per array axis, for plain arrays (default 1, 1, 1).
    annotated: (array axis, index) of slices to count as annotated: this is how "the structure is
    not on this slice" is said; across which axis the drawn slices lie follows from it as well.
    support: other scans with labels; an engine that cannot use them says so in `remarks`.
    engine: a name in `fewslice.engines.ENGINES`. progress: called with the fraction done.

    Returns a `Segmentation` on the input's grid and axes. Raises InputError or GeometryError, each
    with one sentence that says what to do.
    """
    chosen = find_engine(engine)
    scan_image, label_map = _on_one_grid(image, labels, spacing)
    annotation = find_annotation(label_map.array, scan_image.geometry, annotated or ())
    others = [_on_one_grid(*pair, None) for pair in support]
    scan = Scan(scan_image.channels, scan_image.geometry.spacing)
    prediction = chosen.prepare(scan).predict(annotation, progress or silent)
    remarks = prediction.remarks
    if others and not chosen.uses_support:
        remarks += (
            f"The engine {engine} cannot learn from other scans: the {len(others)} given as "
            "support made no difference.",
        )
    answer = label_map.with_array(assemble_labels(prediction, annotation))
    return Segmentation(answer, annotation, prediction, engine, remarks)


def _on_one_grid(
    image: Image | AnyArray, labels: LabelMap | AnyArray, spacing: Sequence[float] | None
) -> tuple[Image, LabelMap]:
    """Give both a geometry, and raise GeometryError or InputError unless they fit together."""
    geometry = _geometry(image, labels, spacing)
    if not isinstance(image, Image):
        image = Image(np.asarray(image), geometry)
    if not isinstance(labels, LabelMap):
        array = as_label_array(np.asarray(labels))
        if array.ndim != 3:
            raise InputError(
                f"The label map has {array.ndim} axes (shape {array.shape}); expected three."
            )
        labels = LabelMap(array, Geometry(array.shape, geometry.affine))
    require_finite(image.array)
    require_same_grid(image.geometry, labels.geometry, "the image", "the label map")
    return image, labels


def _geometry(
    image: Image | AnyArray, labels: LabelMap | AnyArray, spacing: Sequence[float] | None
) -> Geometry:
    """Return the geometry of whichever has one, or one made from the spacing."""
    known = [each.geometry for each in (image, labels) if isinstance(each, Image | LabelMap)]
    if not known:
        array = np.asarray(image)
        if array.ndim not in (3, 4):
            raise InputError(
                f"The image has {array.ndim} axes (shape {array.shape}); expected three, or four "
                "with channels first."
            )
        return Geometry.from_spacing(
            array.shape[-3:], (1.0, 1.0, 1.0) if spacing is None else spacing
        )
    if spacing is not None and not np.allclose(spacing, known[0].spacing, rtol=1e-3):
        raise InputError(
            f"The spacing given is {tuple(spacing)} mm, but the scan's own is "
            f"{known[0].spacing} mm; leave spacing out."
        )
    return known[0]
