"""Which label means "not looked at"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from fewslice.errors import InputError, Remark
from fewslice.volumes import Geometry, LabelMap
from fewslice.volumes.ignore_label import Numbering, ignore_remarks, nothing_drawn, numbering
from fewslice.volumes.segments import named_segments


def labels_of(*values: int, dtype: npt.DTypeLike = np.uint8) -> LabelMap:
    array = np.zeros((2, 2, 8), dtype=dtype)
    array[0, 0, : len(values)] = values
    return LabelMap(array, Geometry.from_spacing(array.shape))


def there(labels: npt.NDArray[np.unsignedinteger]) -> list[int]:
    return [int(value) for value in labels[0, 0] if value]


def test_255_is_ignored_unless_said_otherwise() -> None:
    labels = labels_of(1, 255)
    usual = numbering(255, labels)
    assert usual == Numbering()
    assert usual.inside(labels) is labels
    assert usual.outside(labels.array) is labels.array


def test_255_as_a_structure_goes_by_a_free_number_and_comes_back() -> None:
    labels = labels_of(1, 255, 3)
    numbers = numbering(None, labels)
    assert numbers == Numbering(None, 254)
    inside = numbers.inside(labels).array
    assert there(inside) == [1, 254, 3]
    assert there(labels.array) == [1, 255, 3]
    assert there(numbers.outside(inside)) == [1, 255, 3]
    assert (numbers.value(254), numbers.value(3)) == (255, 3)


def test_beside_254_the_free_number_is_256_and_needs_two_bytes() -> None:
    labels = labels_of(254, 255)
    inside = numbering(None, labels).inside(labels).array
    assert there(inside) == [254, 256]
    assert inside.dtype == np.uint16


def test_another_label_can_be_the_one_ignored() -> None:
    labels = labels_of(1, 4, 255)
    numbers = numbering(4, labels)
    inside = numbers.inside(labels).array
    assert there(inside) == [1, 255, 254]
    assert there(numbers.outside(np.array([[[1, 254]]], dtype=np.uint8))) == [1, 255]


def test_all_maps_that_are_used_together_are_numbered_alike() -> None:
    assert numbering(None, labels_of(1), labels_of(255, 254)).stand_in == 256


def test_without_a_free_neighbour_255_is_refused() -> None:
    labels = labels_of(254, 255, 256, dtype=np.uint16)
    with pytest.raises(InputError, match="254, 255 and 256"):
        numbering(None, labels)
    assert numbering(255, labels) == Numbering()


@pytest.mark.parametrize("wrong", [0, -3, 65_536])
def test_what_is_no_label_cannot_be_ignored(wrong: int) -> None:
    with pytest.raises(InputError, match="from 1 to 65,535"):
        numbering(wrong, labels_of(1))


@pytest.mark.parametrize("values", [(254, 255), (251, 252, 255), (17, 254, 255)])
def test_255_beside_labels_of_a_long_table_is_remarked(values: tuple[int, ...]) -> None:
    (remark,) = ignore_remarks(labels_of(*values), 255)
    assert remark.code == "255-may-be-a-structure"
    assert "--ignore-label none" in remark


@pytest.mark.parametrize("values", [(1, 255), (251, 252), (1, 2, 201, 255), (255,)])
def test_255_beside_other_labels_is_what_it_is(values: tuple[int, ...]) -> None:
    assert ignore_remarks(labels_of(*values), 255) == ()


def test_255_with_a_name_is_remarked_where_it_is_drawn() -> None:
    named = named_segments({1: "liver", 255: "spleen"})
    labels = replace(labels_of(1, 255), segments=named)
    (remark,) = ignore_remarks(labels, 255)
    assert remark.code == "255-may-be-a-structure"
    assert "255 and call it 'spleen'" in remark
    assert "--ignore-label none" in remark
    assert ignore_remarks(labels, None) == ()
    assert ignore_remarks(replace(labels_of(1), segments=named), 255) == ()


def test_a_mask_of_0_and_255_is_told_what_to_do() -> None:
    assert nothing_drawn(labels_of().array) == (
        "The label map holds no annotated slice (every voxel is 0); outline the structure on at "
        "least one slice."
    )
    sentence = nothing_drawn(labels_of(255).array)
    assert "every voxel is 0 or 255" in sentence
    assert "--ignore-label none" in sentence
    assert "write it as 1" in sentence


def test_nothing_is_said_of_255_where_another_label_is_ignored() -> None:
    assert ignore_remarks(labels_of(254, 255), None) == ()


def test_remarks_have_the_numbers_and_names_of_a_person() -> None:
    numbers = numbering(None, labels_of(1, 254, 255))
    assert numbers.stand_in == 256
    said = numbers.told((Remark("a", "Labels {} and {}.", (256, 1)), "Plain."), {255: "front"})
    assert said == ("Labels 255 (front) and 1.", "Plain.")
