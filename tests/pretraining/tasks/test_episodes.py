"""Episodes: everything in them belongs together and follows from their number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.known_features import TINY, untrained
from tests.support.pretraining_tasks import bank_of, task

from fewslice.engines.network.augment import Turn
from fewslice.engines.network.inputs import places
from fewslice.errors import InputError
from fewslice.networks.inputs import HINTS, NOWHERE, OTHER_SCAN, SAME_SCAN
from fewslice.pretraining.tasks.bank import Bank
from fewslice.pretraining.tasks.episodes import (
    Episode,
    EpisodeSettings,
    _aligned_memory,
    _open,
    _targets,
    sample_episode,
)
from fewslice.pretraining.tasks.tasks import Task

CALM = EpisodeSettings(others=0, others_only=0, drop=0, remap=0, targets=4)
ALONE = replace(CALM, others_only=1.0)
BESIDE = replace(CALM, others=1.0)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Three scans of the same two structures, and one of another."""
    tasks = [task(number, group="made/0/1,2") for number in range(3)]
    return bank_of(tmp_path_factory.mktemp("bank"), [*tasks, task(3, 1, group="made/0/7")])


def tensors(episode: Episode) -> list[torch.Tensor]:
    inputs = episode.inputs
    found = [inputs.images, inputs.hints, inputs.base, inputs.place, episode.truth]
    for part in inputs.memory:
        found += [part.images, part.masks, part.place, part.frame]
    return found


@pytest.mark.parametrize("part", ["train", "validation"])
def test_an_episode_follows_from_its_number(tmp_path: Path, part: str) -> None:
    usual = replace(EpisodeSettings(), side=16, others=0.4, others_only=0.4)
    bank = bank_of(tmp_path, [task(number, group="made/0/1,2") for number in range(3)], part)
    for number in range(6):
        one, again = (tensors(sample_episode(bank, number, usual, part)) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    if part == "train":
        other = tensors(sample_episode(bank, 5, replace(usual, seed=1), part))
        assert [a.shape for a in one] != [a.shape for a in other] or not torch.equal(
            one[0], other[0]
        )


def test_inputs_and_truth_are_aligned_whichever_way_they_are_turned(bank: Bank) -> None:
    network = untrained()
    for number in range(12):
        episode = sample_episode(bank, number, replace(CALM, side=16), "train")
        slices, height, width = episode.truth.shape
        assert max(height, width) <= 16
        assert slices == 4
        assert episode.truth.dtype == torch.int64
        # The image says the class, and so does the walk, from which an untrained network answers.
        middle = episode.inputs.images[:, 0, 1]
        np.testing.assert_allclose(middle, 0.25 * episode.truth, atol=1e-3)
        with torch.inference_mode():
            answer = network(episode.inputs).argmax(dim=1)
        assert torch.equal(answer, episode.truth)
        (own,) = episode.inputs.memory
        inside = own.masks[:, :, 0]
        known = sum((at + 1) * inside[:, at] for at in range(inside.shape[1]))
        np.testing.assert_allclose(own.images[:, 0, 1], 0.25 * known, atol=1e-3)
        assert set(own.frame.tolist()) <= {SAME_SCAN, NOWHERE}
        assert episode.kind == "made"


def test_annotated_slices_have_the_place_of_what_lies_there(bank: Bank) -> None:
    # Slices are 3 mm apart, pixels 1 mm² (0.5 x 2): next to each other they are 3 pixels apart.
    for number in range(8):
        episode = sample_episode(bank, number, replace(CALM, targets=6), "train")
        (own,) = episode.inputs.memory
        across = torch.cat([episode.inputs.place[:, 2], own.place[:, 2]]).sort().values
        np.testing.assert_allclose(across.diff(), 3.0, rtol=1e-5)  # four open, two annotated
        assert (episode.inputs.place[:, :2] == own.place[0, :2]).all()


def test_only_other_scans_when_asked_for(bank: Bank) -> None:
    seen = 0
    for number in range(12):
        episode = sample_episode(bank, number, ALONE, "train")
        structures = episode.inputs.base.shape[1]
        if structures == 1:  # the one without another scan like it keeps its own slices
            assert len(episode.inputs.memory) == 1
            continue
        seen += 1
        features = episode.inputs.hints[:, :, HINTS.index("features present")]
        assert not features.any()
        assert not episode.inputs.base.any()
        assert len(episode.inputs.memory) == 2
        for part in episode.inputs.memory:
            assert set(part.frame.tolist()) <= {OTHER_SCAN, NOWHERE}
    assert seen > 5


def test_other_scans_beside_the_own_slices(bank: Bank) -> None:
    helped = [sample_episode(bank, number, BESIDE, "train") for number in range(10)]
    for episode in helped:
        structures = episode.inputs.base.shape[1]
        assert len(episode.inputs.memory) == (3 if structures == 2 else 1)
        assert (episode.inputs.hints[:, :, HINTS.index("features present")] == 1).all()
        for part in episode.inputs.memory:
            assert part.masks.shape[1] == structures
    few = sample_episode(bank, 0, replace(BESIDE, most_others=1), "train")
    assert len(few.inputs.memory) <= 2
    # With no chance of others there are none, whatever the group.
    assert len(sample_episode(bank, 0, CALM, "train").inputs.memory) == 1


def test_helping_scans_are_turned_as_the_task_is() -> None:
    mine, other = task(0), task(1)
    for seed in range(16):
        turn = Turn.sample(np.random.default_rng(seed))
        target = replace(mine, features=turn.apply(mine.features, mine.truth)[0])
        features, truth = turn.apply(other.features, other.truth)
        memory = _aligned_memory(
            replace(other, features=features, truth=truth),
            target,
            OTHER_SCAN,
            CALM,
            np.random.default_rng(seed),
        )
        assert set(memory.place[:, 2].tolist()) <= set(
            places(features, np.arange(6))[:, 2].tolist()
        )
        for image, mask in zip(memory.images, memory.masks, strict=True):
            known = mask[0, 0] + 2 * mask[1, 0]
            np.testing.assert_allclose(image[0, 1], 0.25 * known, atol=1e-3)


def marked(number: int) -> Task:
    """Return a task of which the slices grow brighter along all axes, and hold 1 in one corner."""
    made = task(number, 1, group="made/0/1")
    ramp = np.indices(made.truth.shape).sum(axis=0) / 60
    truth = np.zeros_like(made.truth)
    truth[:2, :5, :5] = 1
    features = replace(made.features, images=ramp[:, None].astype(np.float32))
    return replace(made, features=features, truth=truth)


def test_helping_scans_run_the_same_way_as_the_task(tmp_path: Path) -> None:
    bank = bank_of(tmp_path, [marked(number) for number in range(2)])
    for number in range(24):
        episode = sample_episode(bank, number, replace(ALONE, targets=6), "train")
        target = episode.inputs.images[:, 0, 1]
        (memory,) = episode.inputs.memory
        slope = [memory.images[:, 0, 1].diff(dim=axis).mean() for axis in (1, 2)]
        expected = [target.diff(dim=axis).mean() for axis in (1, 2)]
        np.testing.assert_allclose(slope, expected, rtol=1e-2)
        # The same place in mm is equally bright: the marks are at the same place in both scans.
        for place, image in zip(memory.place, memory.images[:, 0, 1], strict=True):
            same = (episode.inputs.place[:, 2] - place[2]).abs() < 1e-3
            if same.any():
                np.testing.assert_allclose(target[same][0], image, atol=1e-2)


def test_tasks_without_a_group_have_no_helpers(tmp_path: Path) -> None:
    bank = bank_of(tmp_path, [task(number) for number in range(3)])
    for number in range(4):
        episode = sample_episode(bank, number, replace(BESIDE, others_only=1.0), "train")
        assert len(episode.inputs.memory) == 1
        assert episode.inputs.base.any()


def test_a_helper_whose_structure_the_grid_missed_shows_its_own_slices() -> None:
    other = task(1)
    missed = replace(other, truth=np.zeros_like(other.truth))
    for seed in range(6):
        memory = _aligned_memory(missed, task(0), NOWHERE, CALM, np.random.default_rng(seed))
        assert len(memory.images) == 2


def test_validation_is_not_augmented_and_cycles_through_tasks(tmp_path: Path) -> None:
    tasks = [replace(task(number), kind=kind) for number, kind in enumerate("aab")]
    bank = bank_of(tmp_path, tasks, "validation")
    wild = EpisodeSettings(drop=1.0, remap=1.0, others=1.0, validation_targets=3)
    episodes = [sample_episode(bank, number, wild, "validation") for number in range(6)]
    assert [episode.kind for episode in episodes] == list("ababab")
    assert torch.equal(episodes[0].inputs.images, episodes[4].inputs.images)
    assert not torch.equal(episodes[0].truth, episodes[2].truth)
    assert torch.equal(episodes[1].truth, episodes[3].truth)
    for number, at in ((0, 0), (1, 2), (2, 1)):
        made = tasks[at]
        # Slices 0, 2, 3 and 5 are open; three spread over them are 0, 3 (1.5 is rounded up) and 5.
        picked = [0, 3, 5]
        episode = episodes[number]
        np.testing.assert_array_equal(episode.truth, made.truth[picked])
        np.testing.assert_allclose(episode.inputs.images[:, 0, 1], made.features.images[picked, 0])
        np.testing.assert_allclose(episode.inputs.base, made.features.walk[picked])
        assert len(episode.inputs.memory) == 1
    cut = sample_episode(bank, 0, replace(wild, side=8), "validation")
    assert cut.truth.shape[1:] == (16, 16)


def test_a_bank_without_tasks_for_a_part_is_a_sentence(bank: Bank) -> None:
    with pytest.raises(InputError, match="holds no task for validation; ask for some"):
        sample_episode(bank, 0, CALM, "validation")


def test_kinds_are_weighted(tmp_path: Path) -> None:
    tasks = [replace(task(number), kind=kind) for number, kind in enumerate("aaab")]
    bank = bank_of(tmp_path, tasks)
    never = replace(CALM, kinds=(("b", 0.0),))
    assert {sample_episode(bank, n, never, "train").kind for n in range(20)} == {"a"}
    often = replace(CALM, kinds=(("b", 27.0),))  # 27 of b against 3 of a
    drawn = [sample_episode(bank, number, often, "train").kind for number in range(40)]
    assert drawn.count("b") > 28


def test_slices_with_something_to_answer_come_first() -> None:
    made = task(0)  # the structures are on 1 to 4, of which 1 and 4 are annotated
    assert _open(made).tolist() == [0, 2, 3, 5]
    known = replace(made, truth=np.where(np.arange(6)[:, None, None] == 5, -1, made.truth))
    assert _open(known).tolist() == [0, 2, 3]
    all_known = replace(
        made, features=replace(made.features, seeds=np.zeros_like(made.features.seeds))
    )
    assert _open(all_known).tolist() == list(range(6))
    counts = np.zeros(6, dtype=int)
    for seed in range(200):
        (at,) = _targets(made, 1, np.random.default_rng(seed))
        counts[at] += 1
    assert counts[[1, 4]].sum() == 0
    assert counts[[2, 3]].sum() > 3 * counts[[0, 5]].sum()
    assert _targets(made, 9, np.random.default_rng(0)).tolist() == [0, 2, 3, 5]


def test_slices_on_which_one_may_go_on_too_far_count_as_much() -> None:
    made = task(0)
    walk = made.features.walk.copy()
    walk[0], walk[5] = -6.0, 0.0  # slice 5 holds nothing, but the walk goes on there
    tempting = replace(made, features=replace(made.features, walk=walk))
    drawn = [int(_targets(tempting, 1, np.random.default_rng(n))[0]) for n in range(400)]
    expected = {0: 0.3 / 3.3, 2: 1 / 3.3, 3: 1 / 3.3, 5: 1 / 3.3}
    for at, share in expected.items():
        assert drawn.count(at) / 400 == pytest.approx(share, abs=0.08)


def test_dropped_features_and_changed_intensities(bank: Bank) -> None:
    dropped = sample_episode(bank, 1, replace(CALM, drop=1.0), "train")
    assert not dropped.inputs.base.any()
    for name in ("walk", "outlines", "appearance"):
        assert not dropped.inputs.hints[:, :, HINTS.index(name)].any()
    calm = sample_episode(bank, 1, CALM, "train")
    changed = sample_episode(bank, 1, replace(CALM, remap=1.0), "train")
    assert set(changed.truth.flatten().tolist()) == set(calm.truth.flatten().tolist())
    channels = {sample_episode(bank, n, CALM, "train").inputs.images.shape[1] for n in range(40)}
    assert channels == {1, 2}


def test_a_network_learns_from_episodes_of_every_kind(bank: Bank) -> None:
    network = untrained(random=True).train()
    assert len(HINTS) == TINY.hints
    usual = replace(EpisodeSettings(), side=16, others=0.4, others_only=0.4)
    for number in range(5):
        episode = sample_episode(bank, number, usual, "train")
        logits = network(episode.inputs)
        assert logits.shape[0] == len(episode.truth)
        assert logits.shape[2:] == episode.truth.shape[1:]
        assert torch.isfinite(logits).all()
