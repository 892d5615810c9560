"""What an evaluation is asked to do, checked before any work starts."""

from __future__ import annotations

from dataclasses import dataclass

from fewslice.annotation.planes import plane_axis
from fewslice.engines import find_engine
from fewslice.errors import InputError
from fewslice.evaluation.annotator import annotator
from fewslice.evaluation.support import SupportFrom
from fewslice.volumes.geometry import Geometry
from fewslice.volumes.spacing import Spacing


@dataclass(frozen=True)
class Settings:
    """How to evaluate. Everything here changes the numbers.

    engines: as `fewslice.engines.find_engine` takes them. slices: how many slices the annotator
    reveals; 0, for nothing but support, only goes with support and with an engine that uses it.
    plane: as `plane_axis` takes it. annotator: a name in `ANNOTATORS`. seed: of the random
    annotator. support: which other scans engines are given with all their labels. spacing: mm per
    array axis of all scans, in place of what their files say. channels: those of every scan that
    engines see, counted from 0; None for all.

    Raises InputError for names that do not exist, for too few slices and for nothing to do.
    """

    engines: tuple[str, ...] = ("auto", "interpolation", "random-walker", "network")
    slices: tuple[int, ...] = (1, 3, 5, 8)
    plane: str = "auto"
    annotator: str = "strided"
    seed: int = 0
    support: SupportFrom | None = None
    spacing: Spacing | None = None
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.engines or not self.slices:
            raise InputError(
                "There is nothing to evaluate; name at least one engine and one number of slices."
            )
        able = [name for name in self.engines if find_engine(name).uses_support]
        if min(self.slices) < (0 if self.support else 1):
            raise InputError(
                f"{min(self.slices)} slices cannot be annotated; at least 1 must be, or 0 with "
                "support scans."
            )
        if 0 in self.slices and not able:
            raise InputError(
                "Without an annotated slice an engine must learn from support scans, which none of "
                f"{', '.join(self.engines)} can; add 1 to the numbers of slices, or another engine."
            )
        annotator(self.annotator)
        plane_axis(Geometry.from_spacing((1, 1, 1)), self.plane)


def parse_numbers(text: str) -> tuple[int, ...]:
    """Parse numbers of slices such as '1,3,5'; repeated ones count once. Raises InputError."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",") if part.strip()))
    except ValueError:
        raise InputError(
            f"Cannot read {text!r} as numbers of slices; write them with commas, such as 1,3,5."
        ) from None


def parse_channels(text: str) -> tuple[int, ...]:
    """Parse numbers of channels such as '0,1'; repeated ones count once. Raises InputError."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise InputError(
            f"Cannot read {text!r} as channels; write their numbers from 0 on with commas, such "
            "as 0,1."
        )
    return tuple(dict.fromkeys(map(int, parts)))


def parse_names(text: str) -> tuple[str, ...]:
    """Parse names such as 'auto,interpolation'; repeated ones count once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
