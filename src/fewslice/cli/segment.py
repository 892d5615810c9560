"""`fewslice segment`: from a scan and a few annotated slices to a segmentation on disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from fewslice.assembly.segmentation import Segmentation
from fewslice.engines import ENGINES, Progress, find_engine
from fewslice.errors import InputError
from fewslice.slices.planes import parse_slices
from fewslice.volumes import (
    Image,
    atomic_path,
    read_image,
    read_labels,
    require_writable,
    write_image,
    write_labels,
)
from fewslice.volumes.formats import suffix_of
from fewslice.workflow.report import Report, make_report, report_text, write_report
from fewslice.workflow.segment import segment

FILE = click.Path(path_type=Path)
_DETACHED = (".mhd", ".nhdr")  # header and voxels in two files: written in place, not moved


@dataclass(frozen=True)
class Request:
    """The options of `fewslice segment`, as given."""

    scan: Path
    labels: Path
    output: Path
    annotated: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    engine: str = "auto"
    uncertainty: Path | None = None
    report: Path | None = None
    picture: Path | None = None
    quiet: bool = False
    as_json: bool = False

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files to write, the labels first."""
        extra = (self.uncertainty, self.report, self.picture)
        return (self.output, *(path for path in extra if path is not None))


@click.command("segment")
@click.argument("scan", type=FILE)
@click.option("--labels", type=FILE, required=True, help="Label map with a few annotated slices.")
@click.option("-o", "--output", type=FILE, required=True, help="Label map to write.")
@click.option("--engine", default="auto", show_default=True, help=f"One of {', '.join(ENGINES)}.")
@click.option(
    "--annotated",
    multiple=True,
    metavar="PLANE:INDEX[,INDEX...]",
    help="Slices, counted from 0, that were annotated although nothing is drawn on them (or in "
    "another plane than it seems), such as axial:3,50. May be repeated.",
)
@click.option(
    "--support",
    multiple=True,
    metavar="SCAN=LABELS",
    help="Another scan with its labels, for engines that can learn from it. May be repeated.",
)
@click.option("--uncertainty", type=FILE, help="Volume to write: 0 sure to 1 a guess, per voxel.")
@click.option("--report", type=FILE, help="JSON file to write: volumes, confidence per slice.")
@click.option("--picture", type=FILE, help="PNG file to write, for a quick look.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, not as text.")
def segment_command(**given: Any) -> None:
    """Segment SCAN from the annotated slices in a sparse label map.

    SCAN is a NIfTI, MetaImage, NRRD or DICOM file, or a folder with a DICOM series. The label map
    lies on the same grid: 0 background, 1 and up the structures, 255 "not looked at". A slice
    counts as annotated if something is drawn on it. What was drawn is never changed.
    """
    request = Request(**given)
    support = [_pair(text) for text in request.support]
    _check_outputs(request, support)
    find_engine(request.engine)
    image = read_image(request.scan)
    segmentation, seconds = _segment(request, image, support)
    inputs = {
        "scan": str(request.scan),
        "labels": str(request.labels),
        "support": [[str(scan), str(labels)] for scan, labels in support],
    }
    report = make_report(segmentation, inputs, seconds)
    write_outputs(request, image, segmentation, report)
    if request.as_json:
        click.echo(report_text(report), nl=False)
    elif not request.quiet:
        for line in summary(report, request.outputs):
            click.echo(line)


def write_outputs(
    request: Request, image: Image, segmentation: Segmentation, report: Report
) -> None:
    """Write all outputs; if one of them fails, none is put in its place.

    Each is written beside its place first, then all are moved there, the labels last. Volumes of
    two files (.mhd, .nhdr) cannot be moved and are written once all others are complete.
    """
    labels = segmentation.labels
    with ExitStack() as stack:
        places = {path: _staged(stack, path) for path in request.outputs}
        if request.report is not None:
            write_report(places[request.report], report)
        if request.picture is not None:
            from fewslice.workflow.picture import draw_picture

            draw_picture(places[request.picture], image, segmentation)
        writers = {}
        if request.uncertainty is not None:
            uncertainty = Image(segmentation.uncertainty, labels.geometry, labels.stored)
            writers[request.uncertainty] = lambda path: write_image(path, uncertainty)
        writers[request.output] = lambda path: write_labels(path, labels)
        for path in sorted(writers, key=lambda path: suffix_of(path) in _DETACHED):
            writers[path](places[path])


def summary(report: Report, written: Sequence[Path]) -> Iterator[str]:
    """Yield lines for people: what was used, found, worth a look, and written."""
    drawn = _slices([(item.plane, item.index) for item in report.annotated if item.drawn])
    empty = _slices([(item.plane, item.index) for item in report.annotated if not item.drawn])
    yield f"Annotated   {drawn}{f'; nothing there: {empty}' if empty else ''}"
    yield f"Engine      {report.engine} ({report.seconds:.1f} s)"
    for remark in report.remarks:
        yield f"            {remark}"
    for label in report.labels:
        yield f"Label {label.value:<5} {label.ml:.4g} ml ({label.voxels} voxels)"
    unsure = report.least_sure()
    if unsure:
        low, high = (f"{f(item.confidence for item in unsure):.2f}" for f in (min, max))
        where = _slices([(report.plane, item.index) for item in unsure])
        span = low if low == high else f"{low} to {high}"
        yield f"Check       You may want to check {where}: confidence {span}."
    for number, path in enumerate(written):
        yield f"{'' if number else 'Written':<11} {path}"


def progress_bar(quiet: bool) -> Any:
    """Return a context manager that yields a `Progress` shown on standard error."""

    @contextmanager
    def showing() -> Iterator[Progress]:
        from tqdm import tqdm

        style = "{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
        # None: no bar where standard error is no terminal, so that logs stay readable.
        with tqdm(
            total=1.0,
            desc="Segmenting",
            bar_format=style,
            leave=False,
            disable=True if quiet else None,
        ) as bar:
            yield lambda fraction: _advance(bar, fraction)

    return showing()


def _advance(bar: Any, fraction: float) -> None:
    bar.update(max(0.0, min(1.0, fraction) - bar.n))


def _segment(
    request: Request, image: Image, support: Sequence[tuple[Path, Path]]
) -> tuple[Segmentation, float]:
    annotated = [
        place for text in request.annotated for place in parse_slices(image.geometry, text)
    ]
    labels = read_labels(request.labels)
    others = [(read_image(scan), read_labels(drawn)) for scan, drawn in support]
    with progress_bar(request.quiet) as progress:
        start = time.perf_counter()
        segmentation = segment(
            image,
            labels,
            annotated=annotated,
            support=others,
            engine=request.engine,
            progress=progress,
        )
        return segmentation, time.perf_counter() - start


def _pair(text: str) -> tuple[Path, Path]:
    scan, equals, labels = text.partition("=")
    if not (scan and equals and labels):
        raise InputError(f"Cannot read {text!r} as a scan with labels; write SCAN=LABELS.")
    return Path(scan), Path(labels)


def _check_outputs(request: Request, support: Sequence[tuple[Path, Path]]) -> None:
    """Raise unless every output can be written and none would replace an input or another one."""
    require_writable(request.output)
    if request.uncertainty is not None:
        require_writable(request.uncertainty)
    if request.report is not None:
        require_writable(request.report, (".json",))
    if request.picture is not None:
        require_writable(request.picture, (".png",))
    inputs = (request.scan, request.labels, *(path for pair in support for path in pair))
    for number, output in enumerate(request.outputs):
        if any(_same_file(output, other) for other in inputs):
            raise InputError(
                f"The output {output} is an input as well, which is never changed; choose another "
                "name."
            )
        if any(_same_file(output, other) for other in request.outputs[:number]):
            raise InputError(f"The output {output} is given twice; choose different names.")


def _same_file(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def _staged(stack: ExitStack, path: Path) -> Path:
    """Return where to write `path` now; leaving the stack moves it to its place."""
    if suffix_of(path) in _DETACHED:
        return path
    return stack.enter_context(atomic_path(path))


def _slices(places: Sequence[tuple[str, int]]) -> str:
    """Return slices as text, such as 'axial 3-7, 12; coronal 40'."""
    planes = dict.fromkeys(plane for plane, _ in places)
    return "; ".join(
        f"{plane} {_ranges([index for other, index in places if other == plane])}"
        for plane in planes
    )


def _ranges(indices: Sequence[int]) -> str:
    breaks = [0, *(n for n, (a, b) in enumerate(pairwise(indices), 1) if b != a + 1), len(indices)]
    runs = [indices[start:stop] for start, stop in pairwise(breaks)]
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(str(index) for index in run)
        for run in runs
    )
