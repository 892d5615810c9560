"""Engines' answers are there again when a scan is opened."""

from __future__ import annotations

import numpy as np
import pytest

from fewslice.errors import InputError
from fewslice.project.answers import kept_answers, latest_answer, save_answer
from fewslice.project.saving import save_revision
from tests.support.command_line import SHAPE, truth
from tests.support.projects import SmallProject


def test_the_latest_answer_is_returned_whole(small: SmallProject) -> None:
    assert latest_answer(small.project, small.scan) is None
    save_answer(
        small.project, small.scan, labels=np.zeros(SHAPE, np.uint8), engine="a", revision=None
    )
    saved = save_revision(small.project, small.scan, small.ann, action="absent", axis=2, index=0)
    uncertainty = np.linspace(0, 1, truth().size, dtype=np.float32).reshape(SHAPE)
    number = save_answer(
        small.project,
        small.scan,
        labels=truth(),
        uncertainty=uncertainty,
        confidence={"dice": 0.9, "slices": [0.5, None]},
        engine="auto",
        revision=saved.revision.id,
    )
    answer = latest_answer(small.project, small.scan)
    assert answer is not None
    assert (answer.id, answer.engine, answer.revision) == (number, "auto", saved.revision.id)
    assert answer.confidence == {"dice": 0.9, "slices": [0.5, None]}
    np.testing.assert_array_equal(answer.labels, truth())
    assert answer.uncertainty is not None
    np.testing.assert_array_equal(answer.uncertainty, uncertainty.astype(np.float16))


def test_answers_that_are_kept_come_newest_first_and_once(small: SmallProject) -> None:
    numbers = [
        save_answer(
            small.project,
            small.scan,
            labels=np.full(SHAPE, value, np.uint8),
            uncertainty=np.zeros(SHAPE, np.float16),
            engine="a",
            revision=None,
        )
        for value in (1, 2, 1, 3)
    ]
    found = list(kept_answers(small.project, small.scan))
    assert [each.id for each in found] == [numbers[3], numbers[2], numbers[1]]
    assert [int(each.labels.max()) for each in found] == [3, 1, 2]
    assert {each.uncertainty for each in found} == {None}


def test_wide_labels_and_bytes_stay_as_they_are(small: SmallProject) -> None:
    labels = np.full(SHAPE, 300, np.uint16)
    doubt = np.full(SHAPE, 200, np.uint8)
    save_answer(
        small.project, small.scan, labels=labels, uncertainty=doubt, engine="a", revision=None
    )
    answer = latest_answer(small.project, small.scan)
    assert answer is not None
    assert answer.uncertainty is not None
    assert (answer.labels.dtype.name, answer.uncertainty.dtype.name) == ("uint16", "uint8")
    np.testing.assert_array_equal(answer.labels, labels)
    np.testing.assert_array_equal(answer.uncertainty, doubt)


def test_an_answer_of_another_shape_is_refused(small: SmallProject) -> None:
    with pytest.raises(InputError, match=r"The answer has shape \(2, 2, 2\)"):
        save_answer(
            small.project,
            small.scan,
            labels=np.zeros((2, 2, 2), np.uint8),
            engine="a",
            revision=None,
        )
    with pytest.raises(InputError, match="The uncertainty has shape"):
        save_answer(
            small.project,
            small.scan,
            labels=truth(),
            uncertainty=np.zeros((2, 2, 2), np.float16),
            engine="a",
            revision=None,
        )
