"""The main job on real labelled scans; skipped where they are not there.

The least Dice asked for are the figures that were measured before the engines were written (see
docs/results/benchmarks.md), not what the engines reach.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice import Image, LabelMap, read_image, read_labels, segment
from fewslice.annotation.annotation import on_slice
from fewslice.evaluation.annotator import strided
from fewslice.metrics.scores import score_slices

DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the labelled scans are not here"),
]


def case(folder: str, name: str, labels: str = "labelsTs") -> tuple[Image, LabelMap]:
    place = DATA / folder
    return (
        read_image(place / "imagesTs" / f"{name}_0000.nii.gz"),
        read_labels(place / labels / f"{name}.nii.gz"),
    )


def dice_on_the_rest(image: Image, truth: npt.NDArray[np.bool_], axis: int, engine: str) -> float:
    revealed = strided(truth, axis, 3)
    found = segment(
        image, revealed.sparse_labels(truth), annotated=revealed.annotated, engine=engine
    )
    for index in revealed.drawn:
        place = on_slice(axis, index)
        np.testing.assert_array_equal(found.labels.array[place] == 1, truth[place])
    return score_slices(
        found.labels.array == 1,
        truth,
        image.geometry.spacing,
        axis,
        [index for _, index in revealed.annotated],
    ).dice


STRUCTURES = {
    "spleen": ("Dataset103_SpleenCT", "spleen2", 1, 2, 0.741),
    "retinal fluid": ("Dataset104_RetinaFluidOCT", "train001", 1, 2, 0.686),
    "posterior hippocampus": ("Dataset004_Hippocampus", "hippocampus_020", 2, 1, 0.728),
    "left ventricle": ("Dataset102_CardiacCineMRI", "patient001_frame01", 3, 2, 0.697),
}


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("engine", ["random-walker", "auto"])
def test_three_slices_complete_a_real_structure(structure: str, engine: str) -> None:
    folder, name, label, axis, least = STRUCTURES[structure]
    image, labels = case(folder, name)
    assert dice_on_the_rest(image, labels.array == label, axis, engine) > least


def test_real_scribbles_do_nearly_as_well_as_outlines() -> None:
    image, outlines = case("Dataset102_CardiacCineMRI", "patient001_frame01")
    _, scribbles = case("Dataset102_CardiacCineMRI", "patient001_frame01", "scribblesTs")
    drawn = [2, 4, 7]
    rest = [index for index in range(image.geometry.shape[2]) if index not in drawn]

    def mean_dice(source: npt.NDArray[Any]) -> float:
        sparse = np.zeros_like(source)
        sparse[:, :, drawn] = source[:, :, drawn]
        found = segment(image, sparse, annotated=[(2, index) for index in drawn])
        answer, truth = found.labels.array[:, :, rest], outlines.array[:, :, rest]
        return float(
            np.mean(
                [
                    2
                    * ((answer == v) & (truth == v)).sum()
                    / ((answer == v).sum() + (truth == v).sum())
                    for v in (1, 2, 3)
                ]
            )
        )

    assert 255 in np.unique(scribbles.array)
    assert mean_dice(scribbles.array) > 0.85 * mean_dice(outlines.array)
