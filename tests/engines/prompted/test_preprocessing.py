from __future__ import annotations

from typing import Any

import pytest

from fewslice.engines.prompted.preprocessing import preprocessing_of
from fewslice.errors import codes_of


def given(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"preprocessing": {"_target_": "Compose", "transforms": list(steps)}}


WINDOW = {"a_min": -57, "a_max": 164, "b_min": 0.0, "b_max": 1.0, "clip": True}


def test_what_a_bundle_of_the_zoo_does() -> None:
    found, remarks = preprocessing_of(
        given(
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "monai.transforms.Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [1.5, 1.5, 2.0]},
            {"_target_": "ScaleIntensityRanged", "keys": "image", **WINDOW},
            {"_target_": "EnsureTyped", "keys": "image"},
        )
    )
    assert found == {
        "axes": "RAS",
        "spacing": [1.5, 1.5, 2.0],
        "intensity": {"kind": "window", "levels": [-57, 164]},
    }
    assert remarks == ()


@pytest.mark.parametrize(
    ("step", "intensity"),
    [
        ({"_target_": "NormalizeIntensityd"}, {"kind": "standardise"}),
        ({"_target_": "ScaleIntensityd"}, {"kind": "percentiles", "levels": [0, 100]}),
        (
            {
                "_target_": "ScaleIntensityRangePercentilesd",
                "lower": 5,
                "upper": 95,
                "b_min": 0,
                "b_max": 1,
                "clip": True,
            },
            {"kind": "percentiles", "levels": [5, 95]},
        ),
    ],
)
def test_ways_to_scale_intensities(step: dict[str, Any], intensity: dict[str, Any]) -> None:
    assert preprocessing_of(given(step)) == ({"intensity": intensity}, ())


@pytest.mark.parametrize(
    "step",
    [
        {"_target_": "NormalizeIntensityd", "nonzero": True},
        {"_target_": "ScaleIntensityd", "minv": -1},
        {"_target_": "ScaleIntensityRanged", **WINDOW, "b_min": -1.0},
        {"_target_": "ScaleIntensityRanged", **WINDOW, "clip": False},
        {"_target_": "ScaleIntensityRanged", **WINDOW, "a_min": "@low"},
        {"_target_": "Spacingd", "pixdim": "$[1, 1, 1]"},
        {"_target_": "Orientationd", "axcodes": "@axes"},
        {"_target_": "ResizeWithPadOrCropd"},
    ],
)
def test_what_is_not_done_is_told(step: dict[str, Any]) -> None:
    found, remarks = preprocessing_of(given(step))
    assert found == {}
    assert codes_of(remarks) == {"preprocessing-left-out"}
    assert step["_target_"].removesuffix("d") in remarks[0]


def test_no_preprocessing() -> None:
    assert preprocessing_of({}) == ({}, ())
    assert preprocessing_of({"preprocessing": "$x"}) == ({}, ())
