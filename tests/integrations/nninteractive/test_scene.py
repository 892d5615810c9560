"""What interactions say of slices, and what is answered from them."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.integrations.nninteractive.scene import Scene, changed
from fewslice.metrics.overlap import dice
from tests.support.grand_challenge_jobs import ball, scan_array

BALL = ball() == 1


@pytest.fixture
def scene() -> Scene:
    return Scene(scan_array()[None], (1.0, 1.0, 2.0))


def test_a_lasso_is_the_outline_of_its_slice(scene: Scene) -> None:
    scene.lasso(BALL[:, :, 7:8], (0, 0, 7), True)
    (place,) = scene.annotation.slices
    assert place == (2, 7)
    assert np.array_equal(scene.annotation.slices[place], BALL[:, :, 7])


def test_a_part_of_the_image_is_enough(scene: Scene) -> None:
    scene.lasso(BALL[3:16, 5:22, 7:8], (3, 5, 7), True)
    assert np.array_equal(scene.annotation.slices[2, 7] == 1, BALL[:, :, 7])


def test_a_lasso_across_another_axis(scene: Scene) -> None:
    scene.lasso(BALL[9:10], (9, 0, 0), True)
    assert np.array_equal(scene.annotation.slices[0, 9], BALL[9])


def test_a_box_becomes_an_outline(scene: Scene) -> None:
    scene.box(((4, 15), (7, 20), (7, 8)), True)
    assert dice(scene.annotation.slices[2, 7] == 1, BALL[:, :, 7]) > 0.9
    assert scene.annotation.guessed == {(2, 7)}
    scene.lasso(BALL[:, :, 7:8], (0, 0, 7), True)  # a person knows better
    assert np.array_equal(scene.annotation.slices[2, 7], BALL[:, :, 7])
    assert scene.annotation.guessed == frozenset()


def test_a_box_in_space_says_where_the_object_ends(scene: Scene) -> None:
    scene.box(((4, 15), (7, 20), (3, 12)), True)
    assert set(scene.annotation.slices) == {(2, 7), (2, 2), (2, 12)}
    assert not scene.annotation.slices[2, 2].any()


def test_a_click_that_says_no(scene: Scene) -> None:
    scene.point((2, 3, 7), False)
    labels = scene.annotation.slices[2, 7]
    assert labels[2, 3] == 0
    assert np.count_nonzero(labels == 0) == 13  # a dot of radius 2
    assert np.count_nonzero(labels == 255) == labels.size - 13
    assert scene.predict() is None  # nothing shows the object yet


@pytest.mark.slow
def test_lassos_are_completed_and_taken_back(scene: Scene) -> None:
    for index in (4, 7, 10):
        scene.lasso(BALL[:, :, index : index + 1], (0, 0, index), True)
    box = scene.predict()
    assert dice(scene.target, BALL) > 0.9
    assert box == changed(np.zeros_like(BALL), scene.target)
    before = scene.target
    scene.scribble(np.ones((2, 3, 1), bool), (17, 20, 12), False)
    scene.predict()
    assert not scene.target[17:19, 20:23, 12].any()
    assert scene.undo()
    assert np.array_equal(scene.target, before)
    scene.reset()
    assert not scene.undo()
    assert not scene.target.any()


@pytest.mark.slow
def test_a_click_is_enough_for_a_first_answer(scene: Scene) -> None:
    scene.point((9, 13, 7), True)
    scene.predict()
    assert scene.target[9, 13, 7]
    assert dice(scene.target, BALL) > 0.6


@pytest.mark.slow
def test_a_mask_to_start_from_stays_where_nothing_is_said(scene: Scene) -> None:
    start = BALL.copy()
    start[:, :, 9:] = False  # somebody forgot the upper part
    scene.start_from(start)
    assert np.array_equal(scene.target, start)
    assert scene.predict() is None
    scene.lasso(BALL[:, :, 10:11], (0, 0, 10), True)
    scene.predict()
    assert np.array_equal(scene.target[:, :, :7], start[:, :, :7])
    assert np.array_equal(scene.target[:, :, 10], BALL[:, :, 10])
    assert dice(scene.target, BALL) > dice(start, BALL)
    assert scene.undo()
    assert np.array_equal(scene.target, start)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda s: s.point((20, 0, 0), True), "lies outside of the image"),
        (lambda s: s.point((-1, 0, 0), True), "lies outside of the image"),
        (lambda s: s.box(((30, 40), (0, 2), (0, 1)), True), "holds no voxel of the image"),
        (lambda s: s.box(((5, 5), (0, 2), (0, 1)), True), "holds no voxel of the image"),
        (lambda s: s.scribble(np.zeros((2, 2, 1), bool), (0, 0, 0), True), "is empty"),
        (lambda s: s.lasso(np.ones((2, 2, 1), bool), (19, 0, 0), True), "does not lie in"),
        (lambda s: s.start_from(np.ones((2, 2, 1), bool)), "expected"),
    ],
)
def test_what_does_not_fit_changes_nothing(scene: Scene, said: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        said(scene)  # type: ignore[operator]
    assert scene.annotation.slices == {}


def test_what_is_no_image() -> None:
    with pytest.raises(InputError, match="expected"):
        Scene(np.zeros((3, 4)), None)
    with pytest.raises(InputError, match="expected"):
        Scene(np.zeros((1, 0, 3, 4)), None)


def test_where_something_changed() -> None:
    before = np.zeros((4, 5, 6), bool)
    after = before.copy()
    after[1:3, 2, 3:6] = True
    assert changed(before, after) == ((1, 3), (2, 3), (3, 6))
    assert changed(after, after) is None


def finished_ball(scene: Scene) -> np.ndarray:
    """Answer the ball, begin another object, and return what was answered."""
    for index in (5, 7, 9):
        scene.lasso(BALL[:, :, index : index + 1], (0, 0, index), True)
    scene.predict()
    ball = scene.target
    scene.reset()
    assert ball.any()
    return ball


@pytest.mark.slow
def test_the_next_object_takes_nothing_of_a_finished_one(scene: Scene) -> None:
    ball = finished_ball(scene)
    assert not scene.target.any()
    beside = np.zeros_like(BALL)
    beside[12:20, 4:22] = True  # begins within the ball and reaches beyond it
    assert ball[beside].mean() < 0.5
    assert (ball & beside).any()
    for index in (5, 9):
        scene.lasso(beside[:, :, index : index + 1], (0, 0, index), True)
    scene.predict()
    assert scene.target.any()
    assert not (scene.target & ball).any()


@pytest.mark.slow
def test_a_finished_object_is_free_again_once_it_is_marked(scene: Scene) -> None:
    """Clients say "begin this object anew" in the same words as "next object"."""
    ball = finished_ball(scene)
    scene.lasso(BALL[:, :, 7:8], (0, 0, 7), True)
    assert not scene.finished.any()
    scene.predict()
    assert scene.target[:, :, 7].any()
    scene.reset()
    scene.start_from(ball)
    assert np.array_equal(scene.target, ball)


def test_only_so_many_steps_can_be_taken_back(scene: Scene) -> None:
    for index in range(25):
        scene.point((2, 3, index % 16), False)
    assert sum(scene.undo() for _ in range(30)) == 20
