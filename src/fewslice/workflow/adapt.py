"""Fine-tuning the shipped network on what is drawn on one scan, to use it on the next ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fewslice.annotation.annotation import SliceIndex
from fewslice.annotation.finding import find_annotation
from fewslice.engines import EngineOptions, Finetuned, Network, Progress, Scan, silent
from fewslice.errors import WriteError
from fewslice.io import require_writable
from fewslice.networks.shipped import shipped_weights
from fewslice.volumes.coerce import AnyArray, on_one_grid
from fewslice.volumes.ignore_label import ignore_remarks, numbering
from fewslice.volumes.image import UNKNOWN, Image, LabelMap


@dataclass(frozen=True)
class AdaptOutcome:
    """What came of `adapt`.

    weights: the file that was written. steps: of fine-tuning that were kept; 0 if it did not help,
    and the file holds the weights as they were. before, after: Dice on annotated slices that were
    left out; NaN if there were too few. remark: one sentence. assumed: how the labels were
    understood, where that is not plain.
    """

    weights: Path
    steps: int
    before: float
    after: float
    remark: str
    assumed: tuple[str, ...] = ()


def adapt(  # noqa: PLR0913 - as `segment`, whose arguments these are
    image: Image | AnyArray,
    labels: LabelMap | AnyArray,
    output: Path,
    *,
    spacing: Sequence[float] | None = None,
    annotated: Sequence[SliceIndex] = (),
    options: EngineOptions | None = None,
    progress: Progress = silent,
    strict: bool = False,
    ignore_label: int | None = UNKNOWN,
) -> AdaptOutcome:
    """Fine-tune the network on the annotated slices of a scan, and write its weights.

    Parameters
    ----------
    image, labels, spacing, annotated, strict, ignore_label
        As in `fewslice.segment`.
    output
        File of weights to write (.safetensors), for ``segment --weights`` and
        `fewslice.engines.Network`; never the one that comes with fewslice.
    options
        weights: what to begin with. seconds: of fine-tuning, 30 by default.
    progress
        Called with the fraction done, 0 to 1.

    Raises
    ------
    InputError, WriteError
        In one sentence that says what to do.
    """
    from fewslice.engines.network.finetuned_engine import finetuning_remark
    from fewslice.networks.weights import save_weights

    _require_own(output)
    chosen = options or EngineOptions()
    seconds = Finetuned().seconds if chosen.seconds is None else chosen.seconds
    scan, label_map = on_one_grid(image, labels, spacing)
    numbers = numbering(ignore_label, label_map)
    drawn = numbers.inside(label_map)
    annotation = find_annotation(drawn.array, scan.geometry, annotated, strict=strict)
    prepared = Finetuned(Network(chosen.weights), seconds).prepare(Scan.of(scan))
    found = prepared.finetune(annotation, progress)
    facts = {
        "finetuned steps": str(found.steps),
        "finetuned dice": f"{found.after:.4f}",
        "dice before": f"{found.before:.4f}",
    }
    save_weights(output, found.network, found.network.settings, facts)
    remark = finetuning_remark(found)
    told = numbers.told(annotation.remarks, label_map.names)
    assumed = (*ignore_remarks(label_map, ignore_label), *told)
    return AdaptOutcome(output, found.steps, found.before, found.after, remark, assumed)


def _require_own(output: Path) -> None:
    """Raise WriteError if weights cannot be written there, or are those of fewslice."""
    require_writable(output, (".safetensors",))
    if output.resolve() == shipped_weights()[0].resolve():
        raise WriteError(
            f"{output} is the file of weights that comes with fewslice and is never changed; save "
            "what was learned in a file of another name."
        )
