"""`fewslice segment`: from a scan and a few annotated slices to a segmentation on disk."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fewslice.annotation.planes import parse_slices
from fewslice.cli import options
from fewslice.cli.pairs import parse_pair
from fewslice.cli.progress import progress_bar
from fewslice.cli.scan_input import ScanInput
from fewslice.cli.summary import summary
from fewslice.engines import (
    ENGINES,
    OTHER_ENGINES,
    Engine,
    EngineOptions,
    find_engine,
    options_of,
)
from fewslice.errors import InputError, codes_of
from fewslice.io import DicomOutput
from fewslice.io.dicom.derived import DicomKind
from fewslice.io.formats import DICOM_LABELS, suffix_of
from fewslice.io.scan_files import ScanFiles, read_pair
from fewslice.reporting.outputs import Outputs, check_outputs, with_source, write_outputs
from fewslice.reporting.report import make_report, report_text
from fewslice.segmentation.cleaned import cleaned
from fewslice.segmentation.result import Segmentation
from fewslice.training.store import load_model
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.spacing import Spacing
from fewslice.workflow.segment import segment


@dataclass(frozen=True)
class Request:
    """The options of `fewslice segment`, as given."""

    scan: Path
    output: Path
    labels: Path | None = None
    annotated: tuple[str, ...] = ()
    strict: bool = False
    ignore_label: int | None = 255
    spacing: Spacing | None = None
    series: str | None = None
    fill_gaps: bool = False
    channels: tuple[Path, ...] = ()
    alone: bool = False
    support: tuple[str, ...] = ()
    engine: str = "auto"
    model: Path | None = None
    weights: Path | None = None
    seconds: float | None = None
    server: str | None = None
    uncertainty: Path | None = None
    report: Path | None = None
    picture: Path | None = None
    probability: Path | None = None
    source: Path | None = None
    names: tuple[str, ...] = ()
    names_file: Path | None = None
    dicom_type: DicomKind | None = None
    anonymise: bool = False
    largest_component: bool = False
    quiet: bool = False
    as_json: bool = False

    @property
    def outputs(self) -> Outputs:
        """The files to write."""
        dicom = DicomOutput(self.source or self.scan, {}, self.dicom_type, self.anonymise)
        _require_use(self)
        return Outputs(
            self.output, self.uncertainty, self.report, self.picture, self.probability, dicom
        )

    @property
    def chosen_engine(self) -> Engine:
        """The engine with its options, or the model. Raises InputError if they do not fit."""
        if self.model is not None:
            _require_model_alone(self)
            return load_model(self.model)
        options = EngineOptions(self.weights, self.seconds, self.server)
        return find_engine(self.engine, options)

    @property
    def own_files(self) -> ScanInput:
        """What is given of the scan to segment."""
        return ScanInput(
            self.scan,
            self.labels,
            self.spacing,
            self.series,
            self.fill_gaps,
            self.channels,
            self.alone,
        )

    @property
    def pairs(self) -> list[tuple[ScanFiles, Path]]:
        """The other scans, each with its labels."""
        return [parse_pair(text, alone=self.alone) for text in self.support]

    @property
    def inputs(self) -> list[Path]:
        """The files and folders to read."""
        others = [
            path
            for path in (self.labels, self.weights, self.model, self.names_file)
            if path is not None
        ]
        support = [path for scan, labels in self.pairs for path in (*scan.paths, labels)]
        return [*self.own_files.files.paths, *others, *support]


@click.command("segment")
@click.argument("scan", type=options.PATH)
@click.option(
    "--labels",
    type=options.PATH,
    help="Label map with a few annotated slices; optional with --support or --model.",
)
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    required=True,
    help="Label map to write; .dcm for a DICOM SEG, rtstruct.dcm for outlines.",
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    help=f"One of {', '.join(ENGINES)}; or of others, with --weights or --server: "
    f"{', '.join(OTHER_ENGINES)}. NAME=FILE and NAME=ADDRESS say both at once.",
)
@options.named_slices(
    "--annotated",
    "Slices, counted from 0, to treat as annotated although nothing is drawn on them, such as "
    "axial:3,50. Also settles the plane of what is drawn. May be repeated.",
)
@options.strict()
@options.ignore_label()
@options.spacing("SCAN and its labels")
@options.channels()
@options.dicom()
@options.support(
    "Another scan with its labels, on a grid of their own, for engines that learn from examples. "
    "May be repeated.",
)
@click.option(
    "--model",
    type=options.PATH,
    metavar="FOLDER",
    help="Model of your own task, from fewslice train; it takes the place of an engine and needs "
    "no annotated slice.",
)
@click.option(
    "--weights",
    type=options.PATH,
    help="Network weights to use instead of the shipped ones (.safetensors), from fewslice adapt "
    "or pretrain, for the engines network, finetuned and auto; or a network of others, for "
    "universeg, torchscript and monai-bundle (a folder).",
)
@click.option(
    "--seconds",
    type=float,
    help="Seconds of fine-tuning on what is drawn, for the engines finetuned  [default: "
    f"{options_of(ENGINES['finetuned']).seconds:g}] and auto, which fine-tunes only if asked to.",
)
@click.option(
    "--server",
    metavar="ADDRESS",
    help="Server that the engine nninteractive asks, such as http://127.0.0.1:1527; the scan is "
    "sent there. Its key is read from NN_INTERACTIVE_API_KEY.",
)
@click.option(
    "--uncertainty",
    type=options.PATH,
    help="Uncertainty map to write: 0 (certain) to 1 (a guess) per voxel.",
)
@click.option(
    "--probability",
    type=options.PATH,
    help="Probability of each structure to write, one a channel; .dcm for a fractional DICOM SEG.",
)
@click.option(
    "--report", type=options.PATH, help="JSON report to write: volumes, confidence per slice."
)
@click.option("--picture", type=options.PATH, help="PNG picture to write, for a quick look.")
@options.names()
@options.source()
@options.dicom_details()
@options.largest_component()
@options.quiet()
@options.as_json("Print the report as JSON, not as text.")
def segment_command(**given: Any) -> None:
    """Segment SCAN from the annotated slices in a sparse label map.

    SCAN is a NIfTI, MetaImage, NRRD or DICOM file, or a folder with a DICOM series. The label map
    lies on the same grid: 0 background, 1 and up the structures, 255 "not looked at". A slice
    counts as annotated if something is drawn on it. Your drawing is never changed.

    Labelled scans given with --support help engines that learn from them; with those, or with a
    model (--model), SCAN needs no annotation of its own.

    Ctrl-C during fine-tuning stops it early and uses the best state so far.
    """
    run_request(Request(**given))


def run_request(request: Request, named: Mapping[str, Any] | None = None) -> None:
    """Segment, write and print what was asked for. Raises what the readers and engines do.

    named: what the report calls the scan and its labels, where that is not their path.
    """
    support, outputs = request.pairs, request.outputs
    if request.model is None and request.labels is None and not support:
        raise InputError(
            "There is nothing to go by; give a label map with annotated slices (--labels LABELS), "
            "or other scans with labels (--support SCAN=LABELS)."
        )
    check_outputs(outputs, request.inputs)
    options.segments_given(request.names_file, request.names)  # refuse before the long work
    engine = request.chosen_engine
    image, labels = request.own_files.read()
    outputs = with_source(outputs, image)
    segmentation, seconds = _segment(request, engine, (image, labels), support)
    segmentation = segmentation.named(
        options.segments_given(request.names_file, request.names, segmentation.labels.segments)
    )
    inputs: dict[str, Any] = {
        "scan": str(request.scan),
        "labels": None if request.labels is None else str(request.labels),
        "support": [[str(scan), str(labels)] for scan, labels in support],
        **(named or {}),
    }
    channels = request.channels
    if "siblings-taken" in codes_of(image.remarks):
        channels = request.own_files.files.beside.files
    if channels:
        inputs["channels"] = [str(path) for path in channels]
    if request.model is not None:
        inputs["model"] = str(request.model)
    report = make_report(segmentation, inputs, seconds, options_of(engine))
    write_outputs(outputs, image, segmentation, report)
    if request.as_json:
        click.echo(report_text(report), nl=False)
    elif not request.quiet:
        for line in summary(report, outputs.paths):
            click.echo(line)


def _require_model_alone(request: Request) -> None:
    """Raise InputError if options are given that a model has no use for."""
    given = {
        "--support": bool(request.support),
        "--engine": request.engine != "auto",
        "--weights": request.weights is not None,
        "--seconds": request.seconds is not None,
    }
    for option, used in given.items():
        if used:
            raise InputError(f"A model answers without {option}; leave out {option} or --model.")


def _require_use(request: Request) -> None:
    """Raise InputError if options of DICOM are given for outputs that are none."""
    outputs = (request.output, request.probability)
    if any(path is not None and suffix_of(path) == DICOM_LABELS for path in outputs):
        return
    options.require_no_dicom(
        source=request.source, dicom_type=request.dicom_type, anonymise=request.anonymise
    )


def _segment(
    request: Request,
    engine: Engine,
    scan: tuple[Image, LabelMap | None],
    support: Sequence[tuple[ScanFiles, Path]],
) -> tuple[Segmentation, float]:
    image, labels = scan
    annotated = [
        place for text in request.annotated for place in parse_slices(image.geometry, text)
    ]
    others = [read_pair(scan, drawn) for scan, drawn in support]
    with progress_bar(request.quiet) as progress:
        start = time.perf_counter()
        segmentation = segment(
            image,
            labels,
            annotated=annotated,
            support=others,
            engine=engine,
            progress=progress,
            strict=request.strict,
            ignore_label=request.ignore_label,
        )
        if request.largest_component:
            segmentation = cleaned(segmentation)
        return segmentation, time.perf_counter() - start
