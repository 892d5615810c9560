import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewslice.evaluation.plots import (
    MOST_PANELS,
    bin_width,
    cost_figure,
    dice_figure,
    distance_figure,
    pooled_dice,
    write_plots,
)

ENGINES = ("auto", "interpolation")


def scores(structures: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "case": case,
                "structure": f"structure {number:02d}",
                "slices": slices,
                "engine": engine,
                "dice": number / structures,
                "seconds": 1.0 + slices,
                "peak_memory_mb": 10.0,
            }
            for case in "ab"
            for number in range(structures)
            for slices in (1, 3)
            for engine in ENGINES
        ]
    )


def distances() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "slices": [3, 3, 3, 3],
            "engine": ["auto"] * 4,
            "distance_slices": [1, 1, 2, 2],
            "distance_mm": [2.5, 2.5, 5.0, 5.0],
            "intersection": [5, 1, 2, 0],
            "predicted": [5, 5, 4, 6],
            "reference": [5, 3, 2, 0],
        }
    )


def test_dice_is_pooled_over_voxels() -> None:
    for column, places in (("distance_slices", [1, 2]), ("distance_mm", [2.5, 5])):
        width = bin_width(distances(), column)
        assert width == places[0]
        found, dice = pooled_dice(distances(), column, width)
        assert found == places
        assert dice == pytest.approx([12 / 18, 4 / 12])
    assert pooled_dice(distances().iloc[:0], "distance_mm", 2.5) == ([], [])


def test_different_spacings_are_put_together() -> None:
    several = distances()
    several["distance_mm"] = [2.5, 3, 5, 6]
    assert bin_width(several, "distance_mm") == 3
    assert pooled_dice(several, "distance_mm", 3)[0] == [2.75, 5.5]


def test_many_distances_are_put_together() -> None:
    many = pd.concat([distances()] * 15, ignore_index=True)
    many["distance_slices"] = np.arange(1, 61)
    assert bin_width(many, "distance_slices") == 3
    places, dice = pooled_dice(many, "distance_slices", 3)
    assert places == [2 + 3 * number for number in range(20)]
    assert all(0 <= value <= 1 for value in dice)


def test_one_panel_for_all_and_one_per_structure() -> None:
    figure = dice_figure(scores(3), ENGINES)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["all structures", "structure 00", "structure 01", "structure 02"]
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["1\nn=6", "3\nn=6"]
    assert len(dice_figure(scores(1), ENGINES).axes) == 1


@pytest.mark.slow
def test_of_many_structures_the_lowest_are_shown() -> None:
    figure = dice_figure(scores(40), ENGINES)
    assert len(figure.axes) == MOST_PANELS
    assert figure.axes[-1].get_title() == "structure 10"
    assert "11 lowest of 40" in str(figure.get_suptitle())


def test_panels_of_distance_and_cost() -> None:
    assert len(distance_figure(distances(), ENGINES).axes) == 2
    assert [axis.get_ylabel() for axis in cost_figure(scores(1), ENGINES).axes] == ["seconds", "MB"]


@pytest.mark.slow
def test_the_state_of_matplotlib_is_left_alone(tmp_path: Path) -> None:
    before = "matplotlib.pyplot" in sys.modules
    write_plots(tmp_path, scores(2), distances(), ENGINES)
    assert {path.name for path in tmp_path.iterdir()} == {"dice.png", "distance.png", "cost.png"}
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("auto", "interpolation", "random-walker", "network"), 1),
        (("auto", "nninteractive=http://127.0.0.1:1527", "universeg=weights/universeg_v1.pt"), 3),
    ],
)
def test_the_legend_has_room_for_long_names(names: tuple[str, ...], rows: int) -> None:
    figure = dice_figure(scores(1), names)
    figure.draw_without_rendering()
    legend = figure.legends[0]
    assert {each.get_text() for each in legend.get_texts()} == set(names)
    box, whole = legend.get_window_extent(), figure.bbox
    assert box.x0 >= whole.x0
    assert box.x1 <= whole.x1
    assert len({round(each.get_window_extent().y0) for each in legend.get_texts()}) == rows
