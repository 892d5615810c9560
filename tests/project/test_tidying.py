"""Only what nobody can ask for is removed."""

from __future__ import annotations

import os

import numpy as np

from fewslice.project.answers import latest_answer, save_answer
from fewslice.project.drawings import drawing
from fewslice.project.saving import save_revision
from fewslice.project.tidying import tidy
from fewslice.project.undo import redo, undo
from tests.support.command_line import SHAPE, truth
from tests.support.projects import SmallProject, slice_of


def test_old_answers_go_and_everything_drawn_stays(small: SmallProject) -> None:
    for labels in (np.zeros(SHAPE, np.uint8), truth()):
        save_answer(small.project, small.scan, labels=labels, engine="a", revision=None)
    save_revision(
        small.project, small.scan, small.ann, action="draw", axis=2, index=6, labels=slice_of(6)
    )
    undo(small.project, small.scan, small.ann)
    files = list((small.project.directory / "voxels").glob("*/*"))
    assert len(files) == 3
    assert tidy(small.project) == 0  # young files may belong to what is being saved
    for path in files:
        os.utime(path, (1, 1))
    assert tidy(small.project) == 1
    answer = latest_answer(small.project, small.scan)
    assert answer is not None
    np.testing.assert_array_equal(answer.labels, truth())
    redo(small.project, small.scan, small.ann)
    np.testing.assert_array_equal(
        drawing(small.project, small.scan).drawing.slices[0].labels, slice_of(6)
    )
