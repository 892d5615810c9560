"""`fewslice demo`: a first try on the scan that comes with the package."""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from fewslice import example
from fewslice.annotation.annotation import SliceIndex, on_slice
from fewslice.annotation.planes import plane_axis, plane_name
from fewslice.cli import options
from fewslice.cli.progress import progress_bar
from fewslice.errors import WriteError
from fewslice.evaluation.annotator import strided
from fewslice.io import atomic_path, read_image, read_labels, require_writable, write_labels
from fewslice.metrics.overlap import dice
from fewslice.reporting.figure.figure import draw_picture
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Image, LabelMap
from fewslice.workflow.segment import segment

_DRAWN = 5


@dataclass(frozen=True)
class DemoFiles:
    """The files in the folder of the demo."""

    folder: Path

    @property
    def scan(self) -> Path:
        """A copy of the scan."""
        return self.folder / "scan.nii.gz"

    @property
    def annotated(self) -> Path:
        """The sparse labels: what a person would have drawn."""
        return self.folder / "annotated.nii.gz"

    @property
    def reference(self) -> Path:
        """The labels on every slice."""
        return self.folder / "reference.nii.gz"

    @property
    def result(self) -> Path:
        """What fewslice made of the annotated slices."""
        return self.folder / "result.nii.gz"

    @property
    def picture(self) -> Path:
        """A quick look at the result."""
        return self.folder / "result.png"


@click.command("demo")
@click.option(
    "-o",
    "--output",
    type=options.PATH,
    default=Path("demo"),
    show_default=True,
    help="Folder for the files; created if missing.",
)
@options.quiet("Show no progress bar.")
def demo_command(output: Path, quiet: bool) -> None:
    """Segment four structures of the bundled MRI from five annotated sagittal slices.

    Prints how well the result agrees with the reference on all voxels that were not annotated, and
    writes the scan, the annotated slices, the result and a picture to a folder.
    """
    files = _prepared(DemoFiles(output))
    image, reference = read_image(files.scan), read_labels(files.reference)
    places = parallel_slices(reference)
    sparse = reference.with_array(only_slices(reference, places))
    _write_drawing(files.annotated, sparse)
    with progress_bar(quiet) as progress:
        start = time.perf_counter()
        segmentation = segment(image, sparse, progress=progress)
        seconds = time.perf_counter() - start
    names = example.label_names()
    write_labels(files.result, segmentation.labels)
    draw_picture(files.picture, image, segmentation, reference=reference, names=names)
    _tell(files, image, segmentation, reference, seconds)


def parallel_slices(reference: LabelMap) -> tuple[SliceIndex, ...]:
    """Return sagittal slices spread evenly over all structures, as a person would draw on them."""
    axis = plane_axis(reference.geometry, "sagittal")
    return strided(reference.array != 0, axis, _DRAWN).annotated


def only_slices(labels: LabelMap, places: tuple[SliceIndex, ...]) -> np.ndarray:
    """Return a label array that holds these slices of the labels and 0 elsewhere."""
    sparse = np.zeros_like(labels.array)
    for place in places:
        sparse[on_slice(*place)] = labels.array[on_slice(*place)]
    return sparse


def _prepared(files: DemoFiles) -> DemoFiles:
    """Make the folder with a copy of the scan and its reference."""
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"The folder {files.folder} cannot be made ({error.strerror}); choose another one."
        ) from error
    require_writable(files.picture, (".png",))
    require_writable(files.result)
    for source, target in (
        (example.scan_path(), files.scan),
        (example.labels_path(), files.reference),
    ):
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
    return files


def _write_drawing(path: Path, sparse: LabelMap) -> None:
    """Write the annotated slices, unless somebody has drawn on in that file since."""
    if path.exists() and not np.array_equal(read_labels(path).array, sparse.array):
        raise WriteError(
            f"{path} holds other annotated slices than the demo's, and what a person drew is never "
            "changed; move it away or choose another folder with -o."
        )
    write_labels(path, sparse)


def _tell(
    files: DemoFiles, image: Image, segmentation: Segmentation, reference: LabelMap, seconds: float
) -> None:
    places = segmentation.annotation.slices
    plane = plane_name(image.geometry, segmentation.annotation.axis)
    slices = ", ".join(str(index) for _, index in places)
    click.echo(
        f"Segmented a brain MRI from {len(places)} annotated slices ({plane} {slices}) "
        f"in {seconds:.1f} s."
    )
    for remark in segmentation.remarks:
        click.echo(remark)
    click.echo("Dice against the reference, on all voxels outside of these slices:")
    left = ~segmentation.annotation.known()
    for value, name in example.label_names().items():
        found = segmentation.labels.array[left] == value
        click.echo(f"  {name:<22} {dice(found, reference.array[left] == value):.3f}")
    click.echo(f"Picture: {files.picture}")
    command = [
        *("fewslice", "segment", str(files.scan), "--labels", str(files.annotated)),
        *("-o", str(files.folder / "mine.nii.gz"), "--picture", str(files.folder / "mine.png")),
    ]
    click.echo("The same by hand, after drawing more slices in any tool if you like:")
    click.echo(f"  {shlex.join(command)}")
