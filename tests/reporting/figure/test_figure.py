"""The picture: readable, and written as a whole."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fewslice.errors import GeometryError, WriteError
from fewslice.reporting.figure.figure import draw_picture, make_figure
from fewslice.reporting.figure.scene import make_scene
from fewslice.segmentation.result import Segmentation
from fewslice.volumes import Geometry, Image, LabelMap
from fewslice.workflow.segment import segment

SHAPE = (20, 24, 16)


def boxes(shape: tuple[int, int, int], count: int) -> npt.NDArray[np.uint8]:
    """Return `count` boxes side by side along the first axis, in the middle of the others."""
    labels = np.zeros(shape, np.uint8)
    edges = np.linspace(1, shape[0] - 1, count + 1).astype(int)
    for value, (start, stop) in enumerate(itertools.pairwise(edges), 1):
        across = [slice(n // 4, n - n // 4) if n > 4 else slice(None) for n in shape[1:]]
        labels[(slice(start, stop), *across)] = value
    return labels


def segmented(
    dense: npt.NDArray[np.uint8],
    geometry: Geometry,
    indices: Sequence[int] = (8,),
    channels: int = 0,
) -> tuple[Image, Segmentation]:
    values = (
        dense * np.float32(10) + np.arange(dense.size, dtype=np.float32).reshape(dense.shape) % 7
    )
    image = Image(np.stack([values] * channels) if channels else values, geometry)
    sparse = np.zeros_like(dense)
    for index in indices:
        sparse[:, :, index] = dense[:, :, index]
    places = [(2, index) for index in indices]
    labels = LabelMap(sparse, geometry)
    return image, segment(image, labels, annotated=places, engine="interpolation")


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "spacing", "labels", "channels", "indices"),
    [
        (SHAPE, (1, 1, 1), 1, 0, (7, 9)),
        ((90, 24, 16), (1, 1, 1), 40, 0, (8,)),
        ((64, 64, 2), (1, 1, 1), 2, 0, (0,)),
        ((96, 96, 5), (0.7, 0.7, 5.0), 3, 2, (2,)),
        ((40, 30, 8), (0.012, 0.004, 0.12), 1, 0, (4,)),
        ((12, 12, 3), (1, 1, 1), 1, 0, (0, 1, 2)),
    ],
)
def test_texts_are_inside_and_do_not_overlap(
    *,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    labels: int,
    channels: int,
    indices: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    geometry = Geometry.from_spacing(shape, spacing)
    dense = boxes(shape, labels)
    image, segmentation = segmented(dense, geometry, indices, channels)
    figure = make_figure(make_scene(image, segmentation, LabelMap(dense, geometry), {1: "x" * 60}))
    drawn: list[tuple[str, Bbox]] = []
    draw = Text.draw

    def recorded(text: Text, renderer: Any) -> None:
        # The numbers in structures, which have a halo, may be as close as the structures.
        if text.get_text() and text.get_visible() and not text.get_path_effects():
            drawn.append((text.get_text(), text.get_window_extent(renderer).padded(-1)))
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", recorded)
    figure.savefig(io.BytesIO(), format="png")
    assert len(drawn) > 20
    for text, extent in drawn:
        assert 0 <= extent.x0 < extent.x1 <= 1500, text
        assert 0 <= extent.y0 < extent.y1 <= 1020, text
    for (one, a), (other, b) in itertools.combinations(drawn, 2):
        assert not a.overlaps(b), (one, other)


@pytest.mark.slow
def test_it_is_a_png_of_the_size_promised(tmp_path: Path) -> None:
    geometry = Geometry.from_spacing(SHAPE)
    dense = boxes(SHAPE, 2)
    image, segmentation = segmented(dense, geometry)
    path = tmp_path / "a.png"
    draw_picture(path, image, segmentation, reference=LabelMap(dense, geometry), names={1: "one"})
    assert png_size(path) == (1500, 1020)
    assert [item.name for item in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow
def test_oblique_scans_and_constant_images_can_be_drawn(tmp_path: Path) -> None:
    turn = np.radians(20)
    affine = np.diag([1.0, -2.0, 1.5, 1.0])
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    geometry = Geometry(SHAPE, affine)
    _, segmentation = segmented(boxes(SHAPE, 2), geometry)
    flat = Image(np.zeros(SHAPE, np.int16), geometry)
    draw_picture(tmp_path / "a.png", flat, segmentation)
    assert png_size(tmp_path / "a.png") == (1500, 1020)


def test_a_picture_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    image, segmentation = segmented(boxes(SHAPE, 1), Geometry.from_spacing(SHAPE))
    with pytest.raises(WriteError):
        draw_picture(tmp_path / "missing" / "a.png", image, segmentation)
    assert not list(tmp_path.iterdir())


def test_other_grids_are_refused(tmp_path: Path) -> None:
    image, segmentation = segmented(boxes(SHAPE, 1), Geometry.from_spacing(SHAPE))
    moved = LabelMap(boxes(SHAPE, 1), Geometry.from_spacing(SHAPE, (2, 1, 1)))
    with pytest.raises(GeometryError, match="spacing"):
        draw_picture(tmp_path / "a.png", image, segmentation, reference=moved)
