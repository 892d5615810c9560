import numpy as np

from fewslice.engines.random_walker.appearance import (
    AppearanceSettings,
    LearningTask,
    appearance_log_odds,
    background_band,
    local_features,
)


def striped() -> tuple[np.ndarray, np.ndarray]:
    """Bright above, dark below, on three slices; the middle one is annotated."""
    image = np.zeros((1, 30, 30, 3), dtype=np.float32)
    image[:, :15] = 1.0
    seeds = np.full((30, 30, 3), -1)
    seeds[:, :, 1] = 0
    seeds[:15, :, 1] = 1
    return image, seeds


def ask(image: np.ndarray, seeds: np.ndarray, classes: int = 2) -> np.ndarray:
    everywhere = np.ones(seeds.shape, dtype=bool)
    task = LearningTask(local_features(image, 2), seeds, seeds == 0, everywhere)
    return appearance_log_odds(task, classes, AppearanceSettings())


def test_looks_are_recognised_on_other_slices() -> None:
    log = ask(*striped())
    assert (log[1, 2:12] > log[0, 2:12] + 2).all()
    assert (log[0, 18:28] > log[1, 18:28] + 2).all()
    assert log.max() == 0
    assert log.min() >= -4


def test_nothing_is_learned_from_one_class_or_too_few_voxels() -> None:
    image, seeds = striped()
    assert not ask(image, np.where(seeds == 1, -1, seeds)).any()
    few = np.where(seeds == 1, -1, seeds)
    few[0, :4, 1] = 1
    assert not ask(image, few).any()


def test_a_class_without_examples_counts_as_average() -> None:
    log = ask(*striped(), classes=3)
    # Likelier than the class that does not fit, less likely than the one that does.
    assert (log[2, 2:12] < log[1, 2:12]).all()
    assert (log[2, 2:12] > log[0, 2:12]).all()


def test_features_stay_within_the_slice() -> None:
    image = np.zeros((1, 9, 9, 3), dtype=np.float32)
    image[..., 1] = np.random.default_rng(0).random((9, 9))
    features = local_features(image, 2)
    assert features.shape == (6, 9, 9, 3)
    assert not features[..., 0].any()
    assert not features[..., 2].any()


def test_the_band_is_around_the_structure_on_its_slices() -> None:
    seeds = np.full((40, 40, 3), -1)
    seeds[:, :, 1] = 0
    seeds[18:22, 18:22, 1] = 1
    band = background_band(seeds, 2, (1.0, 1.0, 1.0), width=6.0)
    assert band[12, 19, 1]
    assert not band[11, 19, 1]
    assert not band[19, 19, 1]
    assert not band[:, :, [0, 2]].any()
