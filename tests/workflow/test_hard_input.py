"""Scans and labels that are hard to do anything with: an answer or one sentence, never nonsense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fewslice import segment, suggest
from fewslice.engines import Engine, Network
from fewslice.errors import InputError
from tests.support.engine_questions import TESTED
from tests.support.other_engines import OTHERS

SHAPE = (20, 18, 9)


@dataclass
class Given:
    """What is handed to `segment`."""

    image: npt.NDArray[Any]
    labels: npt.NDArray[np.uint8] | None
    others: dict[str, Any] = field(default_factory=dict)


def noise(shape: tuple[int, int, int] = SHAPE) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def square(
    *indices: int, place: slice = slice(5, 12), shape: tuple[int, int, int] = SHAPE
) -> npt.NDArray[np.uint8]:
    labels = np.zeros(shape, np.uint8)
    labels[place, place, list(indices)] = 1
    return labels


def scribble() -> npt.NDArray[np.uint8]:
    labels = np.full(SHAPE, 255, np.uint8)
    labels[8:10, 8:10, 4] = 1
    return labels


def apart() -> npt.NDArray[np.uint8]:
    labels = square(1, 7)
    labels[14:18, 2:6, [2, 4]] = 2
    return labels


def three_planes() -> npt.NDArray[np.uint8]:
    labels = square(4)
    labels[8, 4:13, 2:7] = labels[4:13, 9, 2:7] = 1
    return labels


whole = slice(0, 20)
EVERY = tuple((2, index) for index in range(9))
HARD: dict[str, Callable[[], Given]] = {
    "constant image": lambda: Given(np.full(SHAPE, 3.0), square(1, 3, 5, 7)),
    "a channel that is constant": lambda: Given(
        np.stack([noise(), 0 * noise()]), square(1, 3, 5, 7)
    ),
    "whole numbers, huge": lambda: Given((noise() * 1e15).astype(np.int64), square(1, 3, 5, 7)),
    "three voxels": lambda: Given(noise(), square(2, 4, 6, place=slice(8, 9))),
    "fills every slice": lambda: Given(noise(), square(1, 3, 5, 7, place=whole)),
    "first slice": lambda: Given(noise(), square(0)),
    "last slice": lambda: Given(noise(), square(8)),
    "two slices": lambda: Given(
        noise()[..., :2], square(0, shape=(20, 18, 2)), {"annotated": [(2, 0)]}
    ),
    "nothing left to do": lambda: Given(noise(), square(*range(9)), {"annotated": EVERY}),
    "scribble without background": lambda: Given(noise(), scribble()),
    "structures on different slices": lambda: Given(noise(), apart()),
    "three planes": lambda: Given(noise(), three_planes(), {"annotated": [(2, 4), (0, 8), (1, 9)]}),
    "one voxel wide": lambda: Given(
        noise()[:1],
        square(2, 4, 6, shape=(1, 18, 9), place=slice(0, 7)),
        {"annotated": [(2, 2), (2, 4), (2, 6)]},
    ),
    "27 voxels": lambda: Given(
        noise()[:3, :3, :3], square(1, shape=(3, 3, 3), place=slice(1, 2)), {"annotated": [(2, 1)]}
    ),
    "flat voxels": lambda: Given(noise(), square(1, 3, 5, 7), {"spacing": (0.003, 0.01, 50)}),
    "support that is constant": lambda: Given(
        noise(), square(4), {"support": [(0 * noise(), square(*range(9)))]}
    ),
    "support with another label": lambda: Given(
        noise(), square(1, 3, 5, 7), {"support": [(noise(), 7 * square(*range(2, 7)))]}
    ),
}


@pytest.fixture(params=[*TESTED, *OTHERS], scope="module")
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Engine]]:
    """An engine by its name."""
    with ExitStack() as opened:
        made = OTHERS.get(request.param)
        folder = tmp_path_factory.mktemp("engine")
        yield request.param, TESTED[request.param] if made is None else made(folder, opened)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_hard_input_is_answered(engine: tuple[str, Engine], name: str) -> None:
    given = HARD[name]()
    assert given.labels is not None
    found = segment(given.image, given.labels, engine=engine[1], **given.others)
    assert found.engine == engine[0]
    probability = found.prediction.probability.astype(np.float32)
    np.testing.assert_allclose(probability.sum(axis=0), 1, atol=0.01)
    assert probability.min() >= 0
    assert np.isfinite(found.uncertainty).all()
    assert np.isfinite(found.confidence).all()
    drawn = (given.labels != 0) & (given.labels != 255)
    np.testing.assert_array_equal(found.labels.array[drawn], given.labels[drawn])
    assert (found.labels.array != 255).all()


@pytest.mark.parametrize("engine", TESTED)
def test_without_anything_drawn_every_engine_refuses(engine: str) -> None:
    for labels in (np.zeros(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8)):
        with pytest.raises(InputError, match="no annotated slice"):
            segment(noise(), labels, engine=TESTED[engine])


@pytest.mark.slow
@pytest.mark.parametrize("engine", [name for name in TESTED if TESTED[name].uses_support])
def test_hard_support_alone_is_answered(engine: str) -> None:
    good = (noise(), square(*range(2, 7)))
    for image, support in (
        (0 * noise(), good),
        (noise()[:2, :2, :2], good),
        (noise(), (noise(), square(4, place=slice(5, 6)))),
        (noise(), (noise((5, 40, 3)), square(1, shape=(5, 40, 3), place=slice(1, 4)))),
    ):
        found = segment(image, support=[support], engine=TESTED[engine])
        assert np.isfinite(found.uncertainty).all()
        assert set(np.unique(found.labels.array)) <= {0, 1}


def test_intensities_beyond_32_bits_are_refused() -> None:
    with pytest.raises(InputError, match="The image holds no voxel with a finite value up to 1e30"):
        segment(noise().astype(np.float64) * 1e200, square(4))


@pytest.mark.parametrize(
    ("engine", "sentence"),
    [
        (None, "The engine is None; expected a name"),
        (Network, "The engine is the class Network; expected a name"),
        (Path("model"), r"an engine such as fewslice.engines.Network\(\), or a model"),
    ],
    ids=["none", "class", "path"],
)
def test_what_is_no_engine_is_refused(engine: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        segment(noise(), square(1), engine=engine)


@pytest.mark.parametrize("support", [[noise()], (noise(), square(1))], ids=["scan", "one pair"])
def test_support_is_a_list_of_pairs(support: Any) -> None:
    with pytest.raises(InputError, match=r"such as support=\[\(scan, labels\)\]"):
        segment(noise(), square(1), support=support)


def test_the_ignored_label_is_named_where_nothing_else_is_drawn() -> None:
    sentence = 'every voxel is 0 or 1, and 1 was said to mean "not looked at"'
    for ask in (segment, suggest):
        with pytest.raises(InputError, match=sentence):
            ask(noise(), square(1), ignore_label=1)


@pytest.mark.parametrize("ask", [segment, suggest])
def test_a_scan_and_labels_in_each_others_place_are_refused(ask: Callable[..., Any]) -> None:
    grey = (np.arange(20 * 18 * 9).reshape(SHAPE) % 200).astype(np.uint8)
    with pytest.raises(InputError, match="the other way round"):
        ask(square(1), grey)
