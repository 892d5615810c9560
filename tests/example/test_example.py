from typing import Any

import nibabel as nib
import numpy as np

from fewslice import example


def load(path: Any) -> Any:
    return nib.load(path)


def test_labels_lie_on_the_grid_of_the_scan() -> None:
    scan, labels = load(example.scan_path()), load(example.labels_path())
    assert scan.shape == labels.shape == (54, 84, 70)
    np.testing.assert_array_equal(scan.affine, labels.affine)
    assert scan.get_data_dtype() == labels.get_data_dtype() == np.uint8


def test_every_label_has_a_name_and_many_voxels() -> None:
    labels = np.asanyarray(load(example.labels_path()).dataobj)
    values, counts = np.unique(labels, return_counts=True)
    names = example.label_names()
    assert list(values) == [0, *names]
    assert list(names) == [1, 2, 3, 4]
    assert counts.min() > 5000


def test_structures_lie_where_they_do_in_mni_space() -> None:
    # Left is negative x in RAS+; the centres are those of any MNI atlas to within a few mm.
    labels = load(example.labels_path())
    array = np.asanyarray(labels.dataobj)
    expected = {1: (-12, 11, 9), 2: (-24, 4, 2), 3: (-11, -18, 8), 4: (-25, -21, -10)}
    for value, centre in expected.items():
        voxel = np.argwhere(array == value).mean(axis=0)
        np.testing.assert_allclose(labels.affine[:3] @ [*voxel, 1], centre, atol=3)


def test_structures_are_grey_matter() -> None:
    # Darker than white matter, brighter than fluid: the labels lie on the scan they belong to.
    scan = np.asanyarray(load(example.scan_path()).dataobj)
    labels = np.asanyarray(load(example.labels_path()).dataobj)
    white = np.percentile(scan, 95)
    for value in example.label_names():
        assert 0.6 * white < np.median(scan[labels == value]) < 0.95 * white


def test_licence_and_origin_are_beside_it_and_all_is_small() -> None:
    folder = example.scan_path().parent
    assert "BSD-3-clause" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "Colin27" in (folder / "README.md").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) < 2_000_000
