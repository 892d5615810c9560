"""The main job: from a scan and a few annotated slices to a segmentation of the volume."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain

from fewslice.annotation.annotation import (
    Annotation,
    SliceIndex,
    blank_annotation,
    holds_structure,
    whole_places,
)
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.phrases import counted
from fewslice.engines import (
    ENGINES,
    Engine,
    Progress,
    Scan,
    SupportScan,
    TrainedEngine,
    as_engine,
    engine_name,
    silent,
)
from fewslice.errors import InputError, Remark
from fewslice.segmentation.assemble import assemble_labels
from fewslice.segmentation.identity import answer_identity
from fewslice.segmentation.result import Segmentation
from fewslice.segmentation.update import Answered, answer_again
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.exchanged import require_in_place
from fewslice.volumes.geometry import require_same_grid
from fewslice.volumes.ignore_label import Numbering, ignore_remarks, nothing_drawn, numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap
from fewslice.volumes.segments import merged, names_of
from fewslice.volumes.spacing import spacing_origin, spacing_remarks, with_assumed_spacing
from fewslice.workflow.support import assumed_of, support_pairs, supported_annotation

Places = tuple[SliceIndex, ...]


def segment(  # noqa: PLR0913 - the signature is a fixed convention
    image: Image | AnyArray,
    labels: LabelMap | AnyArray | None = None,
    *,
    spacing: Sequence[float] | None = None,
    annotated: Sequence[tuple[int, int]] | None = None,
    support: Sequence[tuple[Image | AnyArray, LabelMap | AnyArray]] = (),
    engine: str | Engine = "auto",
    previous: Segmentation | None = None,
    progress: Progress | None = None,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
) -> Segmentation:
    """Segment a whole volume from its annotated slices, from other scans with labels, or both.

    Parameters
    ----------
    image
        An `Image`, or an array (i, j, k) or (channel, i, j, k) of any real dtype.
    labels
        Sparse labels of the same voxels, a `LabelMap` or an array of whole numbers: 0 background or
        not annotated, 1 to 65,535 structures, 255 (`ignore_label`) "not looked at" inside an
        annotated slice. A slice counts as annotated if it holds a label or is named in `annotated`.
        A label map may hold the voxels in another order or extent: the answer then has those of the
        label map, and slices count in it. None, or labels that are all 0, if nothing is annotated:
        that takes support, and an engine that uses it.
    spacing
        mm per array axis: of plain arrays, or in place of what the scan and its labels say
        themselves. Everything in mm and mL goes by it, also in reports; a result is written on the
        grid that the scan came on all the same. Support scans that say the same spacing as the
        scan does itself, or none, are taken to have it too. Where no spacing is known, volumes
        count a voxel as 1 mm wide; engines go by what the image says of its proportions.
    annotated
        (array axis, index) of slices to count as annotated. This is how "the structure is not on
        this slice" is said; across which axis the drawn slices lie follows from it as well.
    support
        Other scans with labels, on grids of their own; plain arrays are taken to lie as the image
        does. Their labels are answered as well. Labels that go from slice to slice without a gap
        are complete: all of that scan counts as annotated (see `fewslice.workflow.support`). An
        engine that cannot use support says so in `remarks`.
    engine
        A name as `fewslice.engines.find_engine` takes it, an engine with settings of your own,
        such as `fewslice.engines.Network(weights=...)`, or a model of your own task, from
        `load_model`: that one needs nothing drawn on the scan.
    previous
        An earlier segmentation of the same scan. Only what lies between the annotated slices
        around a change is then answered again, which is several times faster, unless the ends of
        structures depend on it (the first slices of a plane, and the outermost). That of another
        engine, or of the same with other settings or weights, is not used; nor is one of other
        voxels, or from other support scans.
    progress
        Called with the fraction done, 0 to 1.
    strict
        Take every 0 on every slice that holds a label as background. Otherwise only what seems to
        have been looked at is known, and `remarks` say where that is less: stray voxels, rims of a
        brush, structures drawn on different slices, planes oblique to the grid (see
        `fewslice.annotation.finding`). Slices named in `annotated` are always known in full.
    ignore_label
        The label that means "not looked at"; None if 255 is a structure like others.

    Returns
    -------
    Segmentation
        On the label map's grid and axes, or the scan's; what was drawn is in it bit for bit.

    Raises
    ------
    InputError
        If the inputs cannot be used, in one sentence that says what to do.
    GeometryError
        If scan and labels do not lie on one grid.
    """
    chosen = as_engine(engine)
    name = engine_name(chosen)
    scan, label_map = on_one_grid(image, labels, spacing)
    require_in_place(scan, label_map)
    doubts = spacing_remarks(scan, spacing_origin(scan))
    read_scan, scan = scan, with_assumed_spacing(scan)
    drawn_map, given = label_map, support_pairs(support, scan)
    # By the number that a model learned the structure 255 under, if it did.
    stand_in = getattr(chosen, "stand_in", None)
    maps = (label_map, *(labels for _, labels in given))
    numbers = numbering(ignore_label, *maps, stand_in=stand_in)
    label_map = numbers.inside(label_map)
    pairs = [(other, numbers.inside(labels)) for other, labels in given]
    doubts = (*doubts, *ignore_remarks(drawn_map, ignore_label))
    named = whole_places(annotated)
    others: tuple[SupportScan, ...] = ()
    if pairs and chosen.uses_support:
        annotation, others = supported_annotation(
            label_map, scan.geometry, named, pairs, strict=strict
        )
    elif isinstance(chosen, TrainedEngine):
        annotation = _for_trained(chosen, label_map, named, strict)
    elif holds_structure(label_map.array):
        annotation = find_annotation(label_map.array, scan.geometry, named, strict=strict)
    else:
        raise InputError(_nothing_to_go_by(name, chosen, len(pairs), label_map, numbers.ignored))
    if previous is not None:
        require_same_grid(
            previous.labels.geometry, label_map.geometry, "the previous segmentation", "the image"
        )
    rests_on = pairs if others else ()
    # Weights that cannot be read are the engine's to complain of, unless there is an answer to go
    # on from.
    identity = cache(
        lambda: answer_identity(chosen, read_scan, scan.geometry, rests_on, strict=strict)
    )
    prediction = answer_again(
        chosen,
        Scan.of(scan),
        annotation,
        None if previous is None else _earlier(previous, numbers, identity()),
        support=others,
        progress=progress or silent,
    )
    answer = drawn_map.with_array(numbers.outside(assemble_labels(prediction, annotation)))
    support_remarks = _remarks(name, annotation, len(pairs), len(others))
    read = [each.remarks for each in (scan, label_map, *(part for pair in pairs for part in pair))]
    remarks = (
        *chain(*read),
        *doubts,
        *annotation.remarks,
        *assumed_of(others),
        *prediction.remarks,
        *support_remarks,
    )
    segments = merged(
        drawn_map.segments,
        *(labels.segments for _, labels in given),
        getattr(chosen, "segments", ()),
    )
    told = numbers.told(remarks, names_of(segments))
    found = Segmentation(
        answer, annotation, prediction, name, told, len(others), numbers, identity()
    )
    return found.named(segments)


def _for_trained(
    engine: TrainedEngine, labels: LabelMap, named: Places, strict: bool
) -> Annotation:
    """Return what is drawn, if anything is, with the structures the engine knows beside it."""
    known = engine.values[1:]
    if named or holds_structure(labels.array):
        return find_annotation(labels.array, labels.geometry, named, known, strict=strict)
    return blank_annotation(labels.array, engine.axis(labels.geometry), known)


def _earlier(previous: Segmentation, numbers: Numbering, identity: str) -> Answered | None:
    """Return the earlier answer; None for a trained engine, to which a slice tells nothing new.

    Also None where that answer has another number for the structure 255, or is that of another
    engine, of other settings or weights, of another scan or from other support scans: a mixture
    would be nobody's answer.
    """
    if not identity or not numbers.fits(previous.numbering) or previous.identity != identity:
        return None
    return Answered(previous.annotation, previous.prediction)


def _remarks(engine: str, annotation: Annotation, given: int, used: int) -> tuple[str, ...]:
    """Say what a person should know of what the answer rests on."""
    remarks = []
    if given and not used:
        remarks.append(
            Remark(
                "support-unused",
                f"The engine {engine} cannot learn from other scans: the {given} given as support "
                "made no difference.",
            )
        )
    if annotation.blank:
        rests_on = counted(used, "support scan") if used else f"the {engine}"
        remarks.append(
            Remark(
                "nothing-drawn",
                f"Nothing is drawn on this scan: the answer rests on {rests_on} alone; look at it "
                "well.",
            )
        )
    return tuple(remarks)


def _nothing_to_go_by(
    engine: str, chosen: Engine, support: int, labels: LabelMap, ignored: int | None
) -> str:
    """Return the sentence for a scan on which nothing is drawn, with nothing else to go by."""
    advice = "outline the structure on at least one slice"
    able = [name for name, other in ENGINES.items() if other.uses_support]
    if chosen.uses_support:
        advice += ", or give support scans that hold it"
    elif support and able:
        advice += (
            f", or choose an engine that can do with support scans alone, as {engine} cannot: "
            f"{', '.join(able)}"
        )
    return nothing_drawn(labels.array, advice, ignored)
