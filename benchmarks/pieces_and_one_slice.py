"""Structures of several pieces, and what one drawn slice is good for, before and after a change.

    python -m benchmarks.pieces_and_one_slice --data DIR --out FILE.csv [--slices 1,3,5]
    python -m benchmarks.pieces_and_one_slice --compare BEFORE.csv AFTER.csv

Training scans only, so that rules may be chosen by it. Structures of several pieces are unions of
labels (vertebrae, ribs, kidneys) or come in pieces (discs, lesions, ventricles). Air is not
labelled in the CT scans: what is darker than `_AIR` inside the body is the truth there. Dice on
strided slices that were not drawn, in the plane in which people draw the structure.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import displaced
from benchmarks.accuracy import markdown
from benchmarks.held_out import Structure
from fewslice.annotation.planes import plane_axis
from fewslice.batch.jobs import Job, stream
from fewslice.engines import ENGINES, Scan
from fewslice.io import read_image, read_labels
from fewslice.pretraining.tasks.sources import data_image
from fewslice.typing import BoolArray
from fewslice.volumes.geometry import Geometry, inplane_axes

PIECES, ONE_PIECE = "pieces", "one piece"
_NAMES = ("interpolation", "random-walker", "auto")
_AIR = -400  # HU
_LEAST_AIR = 1e4  # mm³ of the air spaces that are completed
_KEY = ["kind", "set", "structure", "slices"]


@dataclass(frozen=True)
class Source:
    """Structures of one data set: name -> labels to unite. plane: in which people draw them.

    scans: at most so many, evenly spread. channels: None for all.
    """

    kind: str
    folder: str
    structures: dict[str, tuple[int, ...]]
    plane: str = "auto"
    scans: int = 1


_VERTEBRAE = tuple(range(26, 34))
SOURCES = (
    Source(PIECES, "Dataset108_TorsoCT", {"vertebrae": _VERTEBRAE}, "sagittal"),
    Source(
        PIECES,
        "Dataset108_TorsoCT",
        {
            "ribs": (*range(98, 104), *range(110, 116)),
            "kidneys": (2, 3),
            "back muscles": (86, 87),
            "hip bones": (77, 78),
            "adrenal glands": (8, 9),
            "iliac vessels": (65, 66, 67, 68),
        },
        "axial",
    ),
    Source(PIECES, "Dataset115_AbdomenMRI", {"discs": (20,), "vertebrae": (19,)}, "sagittal"),
    Source(PIECES, "Dataset115_AbdomenMRI", {"kidneys": (2, 3), "bowel": (13, 14)}, "axial"),
    Source(PIECES, "Dataset116_MSLesionMRI", {"lesions": (1,)}, "axial", 3),
    Source(PIECES, "Dataset113_FetalBrainMRI", {"ventricles": (2,)}, "axial", 3),
    Source(PIECES, "Dataset113_FetalBrainMRI", {"deep grey matter": (6,)}, "coronal", 3),
    Source(PIECES, "Dataset101_HeadNeckCT", {"parotids": (3, 4)}, "axial", 6),
    Source(
        PIECES,
        "Dataset105_BrainAtlasMRI",
        {"hippocampi": (37, 38), "caudates and putamina": (71, 72, 73, 74)},
        "coronal",
    ),
    Source(PIECES, "Dataset114_AorticDissectionCT", {"branches": (3, 4, 5)}, "axial"),
    Source(PIECES, "Dataset114_AorticDissectionCT", {"true lumen": (1,)}, "axial"),
    Source(
        ONE_PIECE,
        "Dataset108_TorsoCT",
        {
            "left lung": (10, 11),
            "right lung": (14,),
            "bladder": (21,),
            "liver": (5,),
            "spleen": (1,),
            "stomach": (6,),
            "aorta": (52,),
            "vena cava": (63,),
            "duodenum": (19,),
            "iliopsoas": (88,),
        },
        "axial",
    ),
    Source(ONE_PIECE, "Dataset115_AbdomenMRI", {"liver": (5,)}, "coronal"),
    Source(ONE_PIECE, "Dataset114_AorticDissectionCT", {"false lumen": (2,), "heart": (9,)}),
    Source(ONE_PIECE, "Dataset101_HeadNeckCT", {"mandible": (5,), "cord": (2,)}, "axial", 3),
    Source(ONE_PIECE, "Dataset110_SarcomaMRI", {"tumour": (1,)}, scans=6),
    Source(ONE_PIECE, "Dataset111_SarcomaPETCT", {"tumour": (1,)}, scans=3),
    Source(ONE_PIECE, "Dataset112_SarcomaPET", {"tumour": (1,)}, scans=6),
    Source(ONE_PIECE, "Dataset004_Hippocampus", {"hippocampus": (1, 2)}, "coronal", 6),
    Source(ONE_PIECE, "Dataset109_SpinalCordMRI", {"cord": (1,)}, scans=3),
)


def structures(data: Path, made_up: int) -> Iterator[tuple[str, Structure]]:
    """Yield kind and structure: of the sources, air in CT scans, and made-up layers and fluid."""
    for source in SOURCES:
        yield from ((source.kind, one) for one in _of_source(source, data))
    for folder, scans in (("Dataset101_HeadNeckCT", 6), ("Dataset114_AorticDissectionCT", 1)):
        yield from ((ONE_PIECE, one) for one in _air_spaces(data / folder, scans))
    for number, (kind, scan, mask, axis) in enumerate(displaced.tasks(made_up)):
        yield ONE_PIECE, Structure(f"made-up {kind}", str(number), scan, mask, axis)


def _of_source(source: Source, data: Path) -> Iterator[Structure]:
    for file in _spread_out(data / source.folder, source.scans):
        labels = read_labels(file)
        scan, axis = _scan(file, labels.geometry), plane_axis(labels.geometry, source.plane)
        for name, values in source.structures.items():
            mask = np.isin(labels.array, values)
            if mask.any():
                case = file.name.removesuffix(".nii.gz")
                yield Structure(source.folder[7:], f"{name} ({case})", scan, mask, axis)


def _spread_out(folder: Path, count: int) -> list[Path]:
    files = sorted((folder / "labelsTr").glob("*.nii.gz"))
    return files[:: max(1, len(files) // count)][:count]


def _scan(file: Path, geometry: Geometry) -> Scan:
    return Scan.from_spacing(read_image(data_image(file)).channels, geometry.spacing)


def _air_spaces(folder: Path, scans: int) -> Iterator[Structure]:
    """Yield the large spaces of air inside the body: airways and lungs."""
    from scipy import ndimage

    for file in _spread_out(folder, scans):
        geometry = read_labels(file).geometry
        scan, axis = _scan(file, geometry), plane_axis(geometry, "axial")
        body = np.moveaxis(scan.channels[0] > _AIR, axis, 0)
        filled = np.stack([ndimage.binary_fill_holes(one) for one in body])
        inside = ndimage.binary_opening(np.moveaxis(filled & ~body, 0, axis))
        spaces, count = ndimage.label(inside)
        sizes = np.bincount(spaces.ravel())[1:] * np.prod(geometry.spacing)
        for number in np.flatnonzero(sizes >= _LEAST_AIR)[:count]:
            case = file.name.removesuffix(".nii.gz")
            mask: BoolArray = spaces == number + 1
            yield Structure(f"{folder.name[7:]}, air", f"air {number} ({case})", scan, mask, axis)


def measure(
    kind: str, structure: Structure, counts: Sequence[int], names: Sequence[str]
) -> list[list[object]]:
    """Return rows (kind, set, structure, slices, engine, Dice)."""
    held = int(structure.mask.any(axis=inplane_axes(structure.axis)).sum())
    rows: list[list[object]] = []
    for count in counts:
        if 2 * count > held:
            continue
        annotation = displaced.drawn(structure.mask, structure.axis, count)
        for name in names:
            answer = ENGINES[name].prepare(structure.scan).predict(annotation)
            score = displaced.dice(answer, structure.mask, annotation)
            rows.append([kind, structure.of, structure.name, count, name, round(score, 4)])
    return rows


def compared(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Return Markdown: means of sets, then every structure, before and after."""
    both = before.merge(after, on=[*_KEY, "engine"], suffixes=(" before", " after"))
    both["what"] = both["structure"].str.replace(r" \(.*", "", regex=True)
    both.loc[both["set"].str.contains("made-up|air"), "what"] = ""
    tables = []
    for by in (["kind", "slices"], ["kind", "set", "what", "slices"]):
        rows = [_row(list(map(str, keys)), part) for keys, part in both.groupby(by, sort=False)]
        head = [f"{name}, {when}" for name in _NAMES for when in ("before", "after")]
        tables.append(markdown([*by, "tasks", *head], rows))
    return "\n\n".join(tables)


def _row(keys: list[str], part: pd.DataFrame) -> list[str]:
    means = []
    for name in _NAMES:
        chosen = part[part["engine"] == name]
        means += [f"{chosen[f'Dice {when}'].mean():.3f}" for when in ("before", "after")]
    return [*keys, str(part.groupby(["set", "structure"]).ngroups), *means]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, help="a CSV file to write")
    parser.add_argument("--slices", default="1,3,5")
    parser.add_argument("--engines", default=",".join(_NAMES))
    parser.add_argument("--made-up", type=int, default=8, help="volumes of either kind")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    options = parser.parse_args()
    if options.compare is not None:
        print(compared(*(pd.read_csv(file) for file in options.compare)))
        return
    if options.data is None or options.out is None:
        parser.error("Give --data and --out, or --compare.")
    counts = [int(count) for count in options.slices.split(",")]
    names = options.engines.split(",")
    tasks = enumerate(structures(options.data, options.made_up))
    jobs = (Job(f"{at}", (kind, one, counts, names)) for at, (kind, one) in tasks)
    rows = _rows(measure, jobs)
    found = pd.DataFrame(rows, columns=[*_KEY, "engine", "Dice"])
    found.sort_values([*_KEY, "engine"]).to_csv(options.out, index=False)


def _rows(function: Callable[..., list[list[object]]], jobs: Iterator[Job]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for outcome in tqdm(stream(function, jobs), unit="structure"):
        if outcome.failure is not None:
            raise SystemExit(f"{outcome.failure}\n{outcome.trace or ''}")
        rows += outcome.result
    return rows


if __name__ == "__main__":
    main()
