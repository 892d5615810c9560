import numpy as np
import pytest
from skimage.segmentation import random_walker

from fewslice.engines.random_walker.graph import edge_weights, laplacian, walk


def test_the_laplacian_of_three_voxels_in_a_row() -> None:
    features = np.array([0.0, 1.0, 1.0], dtype=np.float32).reshape(1, 3, 1, 1)
    weights = edge_weights(features, (1.0, 1.0, 1.0))
    graph = laplacian(weights, (3, 1, 1)).toarray()
    weak = np.exp(-1.0)
    expected = [[weak, -weak, 0], [-weak, weak + 1, -1], [0, -1, 1]]
    np.testing.assert_allclose(graph, expected, atol=1e-5)


def test_long_edges_are_weaker() -> None:
    weights = edge_weights(np.zeros((1, 2, 2, 2), dtype=np.float32), (1.0, 2.0, 4.0))
    assert [float(each.ravel()[0]) for each in weights] == pytest.approx([1, 0.5, 0.25], rel=1e-4)


def test_a_walk_between_two_seeds_is_linear() -> None:
    seeds = np.array([0, -1, -1, -1, 1])
    features = np.zeros((1, 5, 1, 1), dtype=np.float32)
    graph = laplacian(edge_weights(features, (1.0, 1.0, 1.0)), (5, 1, 1))
    prior = np.full((2, 5), 0.5, dtype=np.float32)
    (chance,) = walk(graph, seeds, prior, np.zeros(5, dtype=np.float32))
    np.testing.assert_allclose(chance, [0, 0.25, 0.5, 0.75, 1], atol=1e-4)


def test_a_strong_pull_returns_the_prior() -> None:
    seeds = np.array([0, -1, -1, -1, 1])
    graph = laplacian(
        edge_weights(np.zeros((1, 5, 1, 1), dtype=np.float32), (1.0, 1.0, 1.0)), (5, 1, 1)
    )
    prior = np.array([[0.9, 0.8, 0.3, 0.6, 0.1], [0.1, 0.2, 0.7, 0.4, 0.9]], dtype=np.float32)
    (chance,) = walk(graph, seeds, prior, np.full(5, 1e6, dtype=np.float32))
    np.testing.assert_allclose(chance, [0, 0.2, 0.7, 0.4, 1], atol=1e-4)


def test_without_a_prior_it_is_the_random_walker_of_scikit_image() -> None:
    rng = np.random.default_rng(0)
    shape = (9, 8, 7)
    data = rng.random(shape)
    labels = np.zeros(shape, dtype=int)
    labels[0], labels[-1], labels[4, 0, 0] = 1, 2, 3
    beta = 50.0
    expected = random_walker(data, labels, beta=beta, mode="bf", return_full_prob=True)
    features = (data * np.sqrt(beta / (10 * data.std())))[None].astype(np.float32)
    graph = laplacian(edge_weights(features, (1.0, 1.0, 1.0)), shape)
    prior = np.full((3, data.size), 1 / 3, dtype=np.float32)
    chances = walk(graph, labels.ravel() - 1, prior, np.zeros(data.size, dtype=np.float32))
    for number, chance in enumerate(chances, start=1):
        np.testing.assert_allclose(chance.reshape(shape), expected[number], atol=2e-3)


def test_nothing_unknown_needs_no_walk() -> None:
    graph = laplacian(
        edge_weights(np.zeros((1, 2, 1, 1), dtype=np.float32), (1.0, 1.0, 1.0)), (2, 1, 1)
    )
    (chance,) = walk(
        graph, np.array([1, 0]), np.zeros((2, 2), dtype=np.float32), np.zeros(2, dtype=np.float32)
    )
    np.testing.assert_array_equal(chance, [1, 0])
