"""What to annotate next in a scan, and whether that is needed at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.candidates import Candidates
from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.expected_gain import (
    DRAW,
    ExpectedGainSettings,
    Query,
    expected_gain,
)
from fewslice.active_learning.next_slice.gain_model import shipped_gain_model
from fewslice.active_learning.next_slice.profiles import Annotated, measured_across, profiles
from fewslice.active_learning.next_slice.quality import (
    GOOD_ENOUGH,
    Quality,
    predicted_quality,
    stopping_sentence,
)
from fewslice.active_learning.strategies.registry import ALL_PLANES, STRATEGIES, find_strategy
from fewslice.annotation.annotation import (
    Annotation,
    SliceIndex,
    drawn_voxels,
    holds_structure,
    whole_places,
)
from fewslice.annotation.finding import find_annotation
from fewslice.annotation.planes import annotation_axis, plane_name
from fewslice.engines import Scan, SupportScan
from fewslice.errors import InputError, without
from fewslice.segmentation.posterior import Sampler, Sketches
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Geometry
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.exchanged import require_in_place
from fewslice.volumes.ignore_label import ignore_remarks, nothing_drawn, numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap
from fewslice.volumes.spacing import MISSING, spacing_origin, with_assumed_spacing
from fewslice.workflow.pool_rows import calling_classes
from fewslice.workflow.sampled import sampled, sampled_from_support, still_true
from fewslice.workflow.support import Pair, assumed_of, support_pairs, supported_annotation
from fewslice.workflow.volume_rows import volume_rows

DEFAULT = "expected-gain"


@dataclass(frozen=True)
class SuggestedSlice:
    """One slice worth a person's next minute.

    Attributes
    ----------
    axis, index : int
        Array axis and number of the slice.
    plane : str
        Name of its plane, such as "axial".
    kind : str
        "draw" (outline what is on it) or "present" (say whether the structure is on it at all).
    gain : float
        Expected rise in Dice for the default strategy; the strategy's own score for others.
    seconds : float
        Of a person's time, by `fewslice.active_learning.cost`.
    reason : str
        One sentence.
    """

    axis: int
    index: int
    plane: str
    kind: str
    gain: float
    seconds: float
    reason: str


@dataclass(frozen=True, eq=False)
class Suggestion:
    """What `suggest` returns.

    Attributes
    ----------
    slices : tuple of SuggestedSlice
        Best first.
    predicted_dice : float
        Median of the Dice to expect of the whole scan as it is now, mean over structures.
    predicted_dice_low : float
        Exceeded with a probability of 90 %.
    promised_dice : float
        At least as much. Who stops when it reaches their goal for the first time has reached it in
        about nine of ten cases: `may_stop` goes by it.
    axis : int
        Array axis across which `slice_dice` goes.
    slice_dice, slice_dice_low : ndarray
        The same of each slice across `axis`, float64 (n,); 1 where somebody spoke of it.
    remarks : tuple of str
        What was assumed to understand scan and labels, in sentences a person should read.
    """

    slices: tuple[SuggestedSlice, ...]
    predicted_dice: float
    predicted_dice_low: float
    promised_dice: float
    axis: int
    slice_dice: npt.NDArray[np.float64]
    slice_dice_low: npt.NDArray[np.float64]
    remarks: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What the predicted Dice means for a person who wants 0.90."""
        return self.sentence()

    def sentence(self, goal: float = GOOD_ENOUGH) -> str:
        """Return what the predicted Dice means: whether a person may stop."""
        return stopping_sentence(
            self.predicted_dice, self.predicted_dice_low, self.promised_dice, goal
        )

    def may_stop(self, goal: float = GOOD_ENOUGH) -> bool:
        """Whether a Dice of `goal` may be promised, as nine of ten such promises are kept."""
        return self.promised_dice >= goal


def suggest(  # noqa: PLR0913 - the signature is a fixed convention
    image: Image | AnyArray,
    labels: LabelMap | AnyArray | None = None,
    *,
    spacing: Sequence[float] | None = None,
    annotated: Sequence[SliceIndex] | None = None,
    support: Sequence[tuple[Image | AnyArray, LabelMap | AnyArray]] = (),
    count: int = 1,
    strategy: str | None = None,
    seed: int = 0,
    present: Sequence[SliceIndex] = (),
    sampler: Sampler | None = None,
    settings: ExpectedGainSettings | None = None,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
    answer: Segmentation | None = None,
) -> Suggestion:
    """Say which slices of a scan are worth annotating next, and how good its answer is by now.

    Parameters
    ----------
    image, labels, spacing, annotated, support, strict, ignore_label
        As in `fewslice.segment`.
    count
        How many slices; fewer come back if there is nothing left to ask.
    strategy
        A name in `fewslice.active_learning.strategies.registry.STRATEGIES`; None or "default" is
        expected gain.
    seed
        Breaks ties and drives what is random; the same seed gives the same answer.
    present
        (array axis, index) of slices that a person said do hold the structure, though they did not
        draw them: the answer "yes" to a question of kind "present". For a "no", name the slice in
        `annotated`.
    sampler
        Where posterior samples come from; default: a committee of contexts.
    settings
        Of expected gain.
    answer
        What `fewslice.segment` said of this scan and this drawing with the engine `auto`: the Dice
        to expect is told from it. Without one, or where it is of something else, a coarse answer is
        made.

    Returns
    -------
    Suggestion
        Slices, best first; the Dice to expect, and the Dice exceeded with a probability of 90 %.

    Raises
    ------
    InputError, GeometryError
        In one sentence that says what to do.
    """
    if count < 1:
        raise InputError(f"The number of slices to suggest is {count}; it must be at least 1.")
    if seed < 0:
        raise InputError(f"The seed is {seed}; it must be 0 or more.")
    name = DEFAULT if strategy is None or strategy == "default" else strategy
    find_strategy(name)
    scan, label_map = on_one_grid(image, labels, spacing)
    require_in_place(scan, label_map)
    scan = with_assumed_spacing(scan)
    pairs = support_pairs(support, scan)
    numbers = numbering(ignore_label, label_map, *(drawn for _, drawn in pairs))
    annotation, others = _annotation(
        scan,
        numbers.inside(label_map),
        whole_places(annotated),
        [(other, numbers.inside(drawn)) for other, drawn in pairs],
        strict=strict,
        ignored=numbers.ignored,
    )
    holding = _checked(present, scan)
    if annotation.values == annotation.drawn_values:
        known_answer = None if others else still_true(answer, annotation, scan)
        asked = sampler or default_sampler()
        samples, told = sampled(Scan.of(scan), annotation, asked, seed, known_answer)
    else:
        samples, told = sampled_from_support(Scan.of(scan), annotation, others)
    known = Annotated(annotation.labels, _spoken_of(annotation), holding, annotation.axis)
    found = profiles(
        samples.by_axes,
        samples.values,
        samples.region.start,
        known,
        scan.geometry.spacing,
        samples.grid,
    )
    found = replace(found, spacing_known=spacing_origin(scan) != MISSING)
    rng = np.random.default_rng(seed)
    gain_model = (settings and settings.gain_model) or shipped_gain_model()
    if name == DEFAULT:
        queries = expected_gain(found, gain_model, count, rng, settings)
    else:
        cost = settings.cost if settings else CostModel()
        fine = samples.native(annotation)
        queries = _ranked(
            name, volume_rows(scan, fine, found, name == ALL_PLANES, cost), count, rng
        )
        called = [numbers.called(value, label_map.names) for value in samples.values]
        queries = tuple(
            replace(query, reason=calling_classes(query.reason, called)) for query in queries
        )
    main = main_axis(annotation, scan.geometry)
    turned = replace(known, main=main)
    measured = measured_across(found, samples.values, turned, scan.geometry.spacing)
    quality = predicted_quality(measured, told, gain_model)
    suggestion = _suggestion(scan, queries, quality, main)
    read = (*scan.remarks, *label_map.remarks, *ignore_remarks(label_map, ignore_label))
    said = numbers.told((*annotation.remarks, *assumed_of(others)), label_map.names)
    # What structures are called makes no difference here.
    return replace(suggestion, remarks=without((*read, *said), "names-unclear"))


def _suggestion(scan: Image, queries: Sequence[Query], quality: Quality, axis: int) -> Suggestion:
    slices = tuple(
        SuggestedSlice(
            query.axis,
            query.index,
            plane_name(scan.geometry, query.axis),
            query.kind,
            query.gain,
            query.seconds,
            query.reason,
        )
        for query in queries
    )
    return Suggestion(
        slices,
        quality.dice,
        quality.low,
        quality.promised,
        axis,
        quality.slices,
        quality.slices_low,
    )


def _checked(present: Sequence[SliceIndex], scan: Image) -> tuple[SliceIndex, ...]:
    checked = []
    for axis, index in whole_places(present):
        length = scan.geometry.shape[axis] if axis in (0, 1, 2) else 0
        if not -length <= index < length:
            raise InputError(
                f"Slice {index} across array axis {axis} was said to hold the structure, but does "
                f"not exist in a scan of {scan.geometry.shape} voxels; count from 0."
            )
        checked.append((axis, index % length))
    return tuple(checked)


def _annotation(  # noqa: PLR0913 - what `suggest` was given
    scan: Image,
    labels: LabelMap,
    named: tuple[SliceIndex, ...],
    pairs: Sequence[Pair],
    *,
    strict: bool,
    ignored: int | None,
) -> tuple[Annotation, tuple[SupportScan, ...]]:
    if pairs:
        return supported_annotation(labels, scan.geometry, named, pairs, strict=strict)
    if not holds_structure(labels.array):
        advice = (
            "there is nothing to judge other slices by: outline the structure on any one slice "
            "first, or give other scans with labels as support"
        )
        raise InputError(nothing_drawn(labels.array, advice, ignored))
    return find_annotation(labels.array, scan.geometry, named, strict=strict), ()


def _spoken_of(annotation: Annotation) -> tuple[SliceIndex, ...]:
    """Return the slices not to ask for: those annotated, and those in the middle of planes."""
    if not annotation.planes:
        return annotation.slices
    middles = set()
    for plane in annotation.planes:
        voxels = plane.voxels(annotation.labels.shape)
        drawn = voxels[drawn_voxels(annotation.labels[tuple(voxels.T)])]
        middles.add((annotation.axis, round(float(drawn[:, annotation.axis].mean()))))
    return tuple(sorted({*annotation.whole_slices, *middles}))


def main_axis(annotation: Annotation, geometry: Geometry) -> int:
    """Return the axis most slices are annotated across; of several as many, where people draw.

    Else it would turn as soon as a slice of each plane is drawn, and with it what counts as an end
    of the structure. What predicts Dice was fitted so.
    """
    most = len(annotation.along(annotation.axis))
    axis = annotation_axis(geometry)
    return axis if most and len(annotation.along(axis)) == most else annotation.axis


def default_sampler() -> Sketches:
    """Return the committee that suggestions are made from: as quick as it can be and still tell."""
    return Sketches()


def _ranked(name: str, rows: Candidates, count: int, rng: np.random.Generator) -> tuple[Query, ...]:
    ranking = STRATEGIES[name].rank(rows, count, rng)
    return tuple(
        Query(
            int(rows.place[row, 1]),
            int(rows.place[row, 2]),
            DRAW,
            float(score),
            float(rows.seconds[row]),
            reason,
        )
        for row, score, reason in zip(ranking.chosen, ranking.score, ranking.reason, strict=True)
    )
