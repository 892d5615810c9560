"""Options that several commands have, each declared once; what differs is what its help says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fewslice.errors import InputError

if TYPE_CHECKING:
    from fewslice.volumes.segments import Segment
    from fewslice.volumes.spacing import Spacing

PATH = click.Path(path_type=Path)
POSITIVE = click.IntRange(min=1)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def support(text: str) -> Option:
    """Return --support: other scans with their labels, as `parse_pair` reads them."""
    return click.option(
        "--support",
        multiple=True,
        metavar="SCAN[+CHANNEL...]=LABELS",
        help=f"{text} Channels in files of their own are joined by +.",
    )


def named_slices(name: str, text: str) -> Option:
    """Return an option that names slices, as `parse_slices` reads them."""
    return click.option(name, multiple=True, metavar="PLANE:INDEX[,INDEX...]", help=text)


def strict() -> Option:
    """Return --strict."""
    return click.option(
        "--strict",
        is_flag=True,
        help="Take every 0 on every slice that holds a label as background, also where that looks "
        "like a slip, the rim of a brush, an oblique plane or a structure drawn elsewhere.",
    )


def ignore_label() -> Option:
    """Return --ignore-label."""
    return click.option(
        "--ignore-label",
        default="255",
        show_default=True,
        metavar="LABEL",
        callback=lambda context, option, text: parse_ignore_label(text),
        help='The label that means "not looked at"; none if 255 is a structure like others.',
    )


def parse_ignore_label(text: str) -> int | None:
    """Parse the label to ignore, a number or 'none'. Raises InputError."""
    if text.strip().lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f"Cannot read {text!r} as the label to ignore; write a number, or none."
        ) from None


def seed(text: str = "Breaks ties and drives random choices.") -> Option:
    """Return --seed."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help=text
    )


def largest_component() -> Option:
    """Return --largest-component."""
    return click.option(
        "--largest-component",
        is_flag=True,
        help="Keep only the largest component of each structure, and every component you drew on.",
    )


def scheduler(
    text: str = "Run on the Dask cluster of this scheduler, such as tcp://host:8786 or its file.",
) -> Option:
    """Return --scheduler."""
    return click.option("--scheduler", metavar="ADDRESS", help=text)


def workers(text: str) -> Option:
    """Return --workers."""
    return click.option("--workers", type=POSITIVE, help=text)


def dataset_part() -> Option:
    """Return --part."""
    return click.option(
        "--part", default="Ts", show_default=True, help="Part of the dataset: Ts for imagesTs."
    )


def plane(what: str) -> Option:
    """Return --plane. what: lies in it, such as "Plane of the first slice"."""
    return click.option(
        "--plane",
        default="auto",
        show_default=True,
        help=f"{what}: auto (across the coarsest spacing), axial, coronal, sagittal, or an array "
        "axis (0, 1, 2).",
    )


def most_cases() -> Option:
    """Return --cases."""
    return click.option("--cases", type=POSITIVE, help="Only the first N cases by name.")


def quiet(text: str = "Print nothing but errors.") -> Option:
    """Return --quiet."""
    return click.option("--quiet", is_flag=True, help=text)


def spacing(of: str = "the scan") -> Option:
    """Return --spacing. of: what it holds for."""
    return click.option(
        "--spacing",
        metavar="MM,MM,MM",
        callback=lambda context, option, text: None if text is None else parse_spacing(text),
        help=f"Spacing of {of} in mm, one number for each array axis, such as 0.7,0.7,5, in place "
        "of what the files say; fewslice info shows their order.",
    )


def channels() -> Option:
    """Return --channel and --alone, the arguments channels and alone."""
    channel = click.option(
        "--channel",
        "channels",
        multiple=True,
        type=PATH,
        metavar="FILE",
        help="Another channel of SCAN in a file or DICOM folder of its own, such as the PET of a "
        "CT; resampled to SCAN if it lies on another grid. May be repeated.",
    )
    added = alone("SCAN")

    def both(command: Callable[..., Any]) -> Callable[..., Any]:
        return channel(added(command))

    return both


def alone(of: str) -> Option:
    """Return --alone. of: which files it is about."""
    return click.option(
        "--alone",
        is_flag=True,
        help=f"Read {of} alone: CASE_0001 and so on, beside CASE_0000, are no channels of it.",
    )


def dicom() -> Option:
    """Return --series and --fill-gaps, which say how a DICOM folder is meant."""
    series = click.option(
        "--series",
        metavar="NUMBER|UID",
        help="Which volume of a DICOM folder that holds several: its number in the list that is "
        "printed without this option, or the UID of its series or the end of it.",
    )
    fill_gaps = click.option(
        "--fill-gaps",
        is_flag=True,
        help="Interpolate the scan where slices of a DICOM series are missing (never its labels).",
    )

    def both(command: Callable[..., Any]) -> Callable[..., Any]:
        return series(fill_gaps(command))

    return both


def source() -> Option:
    """Return --source, of results in DICOM."""
    return click.option(
        "--source",
        type=PATH,
        metavar="SERIES",
        help="DICOM series that a .dcm output belongs to, if SCAN is a copy of it in another "
        "format.  [default: SCAN]",
    )


def dicom_details() -> Option:
    """Return --dicom-type and --anonymise, of results in DICOM."""
    from fewslice.io.dicom.derived import KINDS

    kind = click.option(
        "--dicom-type",
        type=click.Choice(KINDS),
        help="What a .dcm output is: a DICOM SEG (binary or labelmap) or an RTSTRUCT.  "
        "[default: rtstruct if its name ends with rtstruct.dcm, else binary]",
    )
    anonymise = click.option(
        "--anonymise",
        is_flag=True,
        help="Leave patient and study out of a .dcm output, but for unique identifiers.",
    )

    def both(command: Callable[..., Any]) -> Callable[..., Any]:
        return kind(anonymise(command))

    return both


def require_no_dicom(**given: object) -> None:
    """Raise InputError if an option of results in DICOM is given for others; by its name."""
    for name, value in given.items():
        if value:
            raise InputError(
                f"--{name.replace('_', '-')} is for results in DICOM; end the output with .dcm, or "
                "leave it out."
            )


def names() -> Option:
    """Return --names and --name, the arguments names_file and names."""
    file = click.option(
        "--names",
        "names_file",
        type=PATH,
        metavar="FILE",
        help="File that names the structures: an ITK-SNAP label description, a colour table of "
        "FreeSurfer or 3D Slicer, or a dataset.json.  [default: one beside the labels, if any]",
    )
    single = click.option(
        "--name",
        "names",
        multiple=True,
        metavar="LABEL=NAME",
        help="Name of a structure, such as 1=Liver. May be repeated.",
    )

    def both(command: Callable[..., Any]) -> Callable[..., Any]:
        return file(single(command))

    return both


def segments_given(
    file: Path | None, texts: Sequence[str], known: Sequence[Segment] = ()
) -> tuple[Segment, ...]:
    """Return the structures that --names and --name name. known: those of the labels themselves,
    whose colours stay. Raises InputError or ReadError.
    """
    from fewslice.io.names.find import read_names
    from fewslice.volumes.segments import merged, renamed

    own = {each.value: each for each in merged(() if file is None else read_names(file), known)}
    names = parse_names(texts)
    return renamed(own.values(), names) if file is not None or names else ()


def parse_names(texts: Sequence[str]) -> dict[int, str]:
    """Parse names of structures such as '1=Liver'. Raises InputError."""
    names = {}
    for text in texts:
        label, _, name = text.partition("=")
        if not label.strip().isdecimal() or not name.strip():
            raise InputError(
                f"Cannot read {text!r} as the name of a structure; write its label, = and the "
                "name, such as 1=Liver."
            )
        names[int(label)] = name.strip()
    return names


def parse_spacing(text: str) -> Spacing:
    """Parse a spacing such as '0.7,0.7,5'. Raises InputError."""
    try:
        i, j, k = (float(part) for part in text.split(","))
    except ValueError:
        i = j = k = math.nan
    if not all(math.isfinite(step) and step > 0 for step in (i, j, k)):
        raise InputError(
            f"Cannot read {text!r} as a spacing; write three positive numbers in mm with commas, "
            "one for each array axis, such as 0.7,0.7,5."
        )
    return i, j, k


def as_json(text: str) -> Option:
    """Return --json, the argument as_json."""
    return click.option("--json", "as_json", is_flag=True, help=text)
