import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fewslice.errors import GeometryError, InputError, ReadError
from fewslice.evaluation.dataset import (
    CaseFiles,
    Dataset,
    Structure,
    find_dataset,
    read_case,
    remarks_on,
)
from fewslice.io import read_image, read_labels, write_image, write_labels
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.datasets import SHAPE, labels_of, write_case, write_dataset


def describe(folder: Path, **entries: Any) -> None:
    (folder / "dataset.json").write_text(json.dumps(entries), encoding="utf-8")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "Dataset900_Tiny")


def names(dataset: Dataset) -> list[str]:
    return [case.name for case in dataset.cases]


def test_cases_and_structures_are_found(tiny: Path) -> None:
    dataset = find_dataset(tiny)
    assert (dataset.name, dataset.part, names(dataset)) == ("Dataset900_Tiny", "Ts", ["a", "b"])
    case = dataset.cases[0]
    assert case.structures == (Structure("ball", (1,)), Structure("rod", (2,)))
    image, labels = read_case(case)
    assert image.array.shape == SHAPE
    np.testing.assert_array_equal(labels.array, labels_of(0))
    assert all(case.knows(structure) for structure in case.structures)


def test_only_the_first_cases(tiny: Path) -> None:
    assert names(find_dataset(tiny, most=1)) == ["a"]


def test_channels_become_a_leading_axis(tmp_path: Path) -> None:
    case = find_dataset(write_dataset(tmp_path, ["two"], channels=2)).cases[0]
    image, _ = read_case(case)
    assert image.array.shape == (2, *SHAPE)
    single, _ = read_case(find_dataset(write_dataset(tmp_path / "other", ["two"])).cases[0])
    np.testing.assert_array_equal(image.array[0], single.array)


def test_channels_are_chosen_in_the_order_asked_for(tmp_path: Path) -> None:
    dataset = find_dataset(write_dataset(tmp_path, ["three"], channels=3))
    whole, labels = read_case(dataset.cases[0])
    chosen, same = read_case(dataset.with_channels((2, 0)).cases[0])
    np.testing.assert_array_equal(chosen.array, whole.array[[2, 0]])
    np.testing.assert_array_equal(same.array, labels.array)
    alone, _ = read_case(dataset.with_channels((1,)).cases[0])
    np.testing.assert_array_equal(alone.array, whole.array[1])


@pytest.mark.parametrize(
    ("channels", "there"), [(1, "only channel 0"), (3, "only channels 0 to 2")]
)
def test_a_channel_that_a_case_lacks_is_named(tmp_path: Path, channels: int, there: str) -> None:
    dataset = find_dataset(write_dataset(tmp_path, ["a"], channels=channels))
    with pytest.raises(InputError, match=f"no channel 3 of a, which has {there}; name"):
        dataset.with_channels((0, 3))


def test_other_suffixes_and_parts(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    write_case(tmp_path, "c", part="Tr")
    image, labels = read_case(find_dataset(tmp_path, "Tr").cases[0])
    for kind, written in (("images", "c_0000"), ("labels", "c")):
        (tmp_path / f"{kind}Tr" / f"{written}.nii.gz").unlink()
    write_image(tmp_path / "imagesTr" / "c_0000.mha", image)
    write_image(tmp_path / "labelsTr" / "c.nrrd", Image(labels.array, labels.geometry))
    again = read_case(find_dataset(tmp_path, "Tr").cases[0])
    np.testing.assert_array_equal(again[0].array, image.array)
    np.testing.assert_array_equal(again[1].array, labels.array)


def test_a_structure_not_outlined_in_a_case_is_unknown(tiny: Path) -> None:
    describe(tiny, labels={"background": 0, "ball": 1, "rod": 2}, annotated={"a": ["rod"]})
    first, second = find_dataset(tiny).cases
    ball, rod = first.structures_in(labels_of())
    assert not first.knows(ball)
    assert first.knows(rod)
    assert not second.knows(rod)


def test_labels_as_text_are_the_values_present(tiny: Path) -> None:
    describe(tiny, labels="AAL, 116 regions")
    found = find_dataset(tiny).cases[0].structures_in(labels_of())
    assert found == (Structure("1", (1,)), Structure("2", (2,)))


def test_a_region_of_several_values_and_the_older_order(tiny: Path) -> None:
    describe(tiny, labels={"background": 0, "both": [1, 2]})
    (both,) = find_dataset(tiny).cases[0].structures_in(labels_of())
    np.testing.assert_array_equal(both.mask(labels_of()), labels_of() > 0)
    describe(tiny, labels={"0": "background", "2": "rod"})
    assert find_dataset(tiny).cases[0].structures == (Structure("rod", (2,)),)


def test_missing_files_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"dataset\.json cannot be read .*nnU-Net"):
        find_dataset(tmp_path)
    with pytest.raises(ReadError, match=r"labelsTr is not a folder.*--part"):
        find_dataset(tiny, "Tr")
    (tiny / "imagesTs" / "b_0000.nii.gz").unlink()
    with pytest.raises(ReadError, match="no image b_0000"):
        find_dataset(tiny)


def test_a_gap_between_channels_is_named(tmp_path: Path) -> None:
    write_dataset(tmp_path, ["a"], channels=3)
    (tmp_path / "imagesTs" / "a_0001.nii.gz").unlink()
    with pytest.raises(ReadError, match="no image a_0001"):
        find_dataset(tmp_path)


def test_an_empty_part_is_refused(tiny: Path) -> None:
    for path in (tiny / "labelsTs").iterdir():
        path.unlink()
    with pytest.raises(ReadError, match="labelsTs holds no label map"):
        find_dataset(tiny)


def test_labels_twice_are_refused(tiny: Path) -> None:
    (tiny / "labelsTs" / "a.mha").touch()
    with pytest.raises(InputError, match="labels of a twice"):
        find_dataset(tiny)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "no JSON object"),
        ('{"labels": [1, 2]}', "labels in .* cannot be understood"),
        ('{"labels": {"ball": null}}', "labels in .* cannot be understood"),
        ('{"labels": {"ball": 1}, "annotated": ["a"]}', "'annotated' in .* cannot be understood"),
        ('{"labels": {"ball": 1}, "annotated": {"a": ["bal"]}}', "lists 'bal'"),
    ],
)
def test_a_wrong_description_is_refused(tiny: Path, content: str, message: str) -> None:
    (tiny / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=message):
        find_dataset(tiny)


def test_an_image_on_another_grid_is_refused(tiny: Path) -> None:
    other = Geometry.from_spacing(SHAPE, (1, 1, 3))
    write_image(tiny / "imagesTs" / "a_0000.nii.gz", Image(np.zeros(SHAPE, np.float32), other))
    with pytest.raises(GeometryError, match="do not lie on the same grid"):
        read_case(find_dataset(tiny).cases[0])


def test_files_of_other_names_and_formats(tmp_path: Path) -> None:
    write_dataset(tmp_path, ["a", "b", "c"], channels=2)
    images, labels = tmp_path / "imagesTs", tmp_path / "labelsTs"
    (images / "a_0001.nii.gz").rename(images / "a_0001.NII.GZ")
    (labels / "a.nii.gz").rename(labels / "a_0000.NII.GZ")
    write_labels(labels / "b.seg.nrrd", read_labels(labels / "b.nii.gz"))
    (labels / "b.nii.gz").unlink()
    (images / "c_0000.nii.gz").rename(images / "c.nii.gz")
    (images / "c_0001.nii.gz").unlink()
    a, b, c = find_dataset(tmp_path).cases
    assert [case.name for case in (a, b, c)] == ["a", "b", "c"]
    for case, channels in ((a, 2), (b, 2), (c, 1)):
        image, drawn = read_case(case)
        assert len(image.channels) == channels
        assert drawn.array.shape == SHAPE


def test_channels_on_other_grids_come_onto_that_of_the_first(tmp_path: Path) -> None:
    write_dataset(tmp_path, ["a"], channels=2)
    path = tmp_path / "imagesTs" / "a_0001.nii.gz"
    whole = read_image(path)
    affine = whole.geometry.affine @ np.diag([2.0, 2.0, 1.0, 1.0])
    coarse = np.ascontiguousarray(whole.array[::2, ::2])
    write_image(path, Image(coarse, Geometry(coarse.shape, affine)))
    image, labels = read_case(find_dataset(tmp_path).cases[0])
    assert image.array.shape == (2, *SHAPE)
    assert image.geometry.same_grid(labels.geometry)
    np.testing.assert_allclose(image.array[1][::2, ::2], coarse, rtol=1e-6)
    alone, labels = read_case(find_dataset(tmp_path).with_channels((1,)).cases[0])
    assert alone.geometry.same_grid(labels.geometry)
    np.testing.assert_array_equal(alone.array[0], image.array[1])


def test_labels_of_the_same_voxels_in_another_order_are_understood_and_said(
    tmp_path: Path,
) -> None:
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    labels = (image > 20).astype(np.uint8)
    right_to_left = np.diag([-1.0, 1, 1, 1])
    right_to_left[0, 3] = 1
    case = CaseFiles("a", (tmp_path / "a_0000.nii.gz",), tmp_path / "a.nii.gz")
    write_image(case.images[0], Image(image, Geometry(image.shape, np.eye(4))))
    write_labels(case.labels, LabelMap(labels[::-1].copy(), Geometry(image.shape, right_to_left)))
    found, drawn = read_case(case)
    np.testing.assert_array_equal(found.array, image[::-1])
    np.testing.assert_array_equal(drawn.array, labels[::-1])
    assert [remark.code for remark in found.remarks] == ["labels-reordered"]
    assert "another order" in remarks_on([case])["a"]
