"""Scenes on disk: the same after a restart, and never answered from if damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.integrations.nninteractive.keeping import Kept, SceneStore
from fewslice.integrations.nninteractive.scene import Scene
from tests.support.grand_challenge_jobs import ball, scan_array

BALL = ball() == 1
TOKEN = "0" * 32


def drawn() -> Scene:
    scene = Scene(scan_array()[None], (1.0, 1.0, 2.0))
    scene.lasso(BALL[:, :, 3:4], (0, 0, 3), True)
    scene.box(((4, 15), (7, 20), (7, 8)), True)
    return scene


def test_a_scene_comes_back_as_it_was(tmp_path: Path) -> None:
    scene = drawn()
    scene.finished = (BALL * 7).astype(np.uint8)
    SceneStore(tmp_path).save(TOKEN, Kept("person 3", scene))
    kept = SceneStore(tmp_path).load(TOKEN)
    assert kept is not None
    assert kept.owner == "person 3"
    back = kept.scene
    assert back is not None
    assert np.array_equal(back.image.array, scene.image.array)
    assert np.allclose(back.image.geometry.spacing, (1.0, 1.0, 2.0))
    assert np.array_equal(back.finished, scene.finished)
    assert len(back.states) == 3
    assert set(back.annotation.slices) == {(2, 3), (2, 7)}
    assert np.array_equal(back.annotation.slices[2, 3], BALL[:, :, 3])
    assert back.annotation.guessed == {(2, 7)}
    assert back.undo()
    assert set(back.annotation.slices) == {(2, 3)}


def test_only_what_is_new_is_written(tmp_path: Path) -> None:
    store, scene = SceneStore(tmp_path), drawn()
    store.save(TOKEN, Kept("", scene))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / TOKEN).iterdir()}
    scene.point((2, 3, 9), False)
    store.save(TOKEN, Kept("", scene))
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / TOKEN).iterdir()}
    assert len(after) == len(before) + 1  # the slice that was clicked
    assert {name for name in before if before[name] != after[name]} == {"scene.json"}
    scene.reset()
    store.save(TOKEN, Kept("", scene))
    assert len(list((tmp_path / TOKEN).iterdir())) == 4  # scan, target, finished, scene.json


@pytest.mark.parametrize("name", ["scan", "1.array", "scene.json"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    SceneStore(tmp_path).save(TOKEN, Kept("", drawn()))
    path = tmp_path / TOKEN / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"damaged; connect again"):
        SceneStore(tmp_path).load(TOKEN)


def test_what_nobody_comes_back_for_is_forgotten(tmp_path: Path) -> None:
    SceneStore(tmp_path).save(TOKEN, Kept("", drawn()))
    os.utime(tmp_path / TOKEN / "scene.json", (0, 0))
    assert SceneStore(tmp_path).load(TOKEN) is None
    assert list(tmp_path.iterdir()) == []
