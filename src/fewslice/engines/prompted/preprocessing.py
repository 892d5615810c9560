"""What a MONAI bundle's preprocessing says of spacing, axes and intensities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fewslice.errors import Remark

Said = dict[str, Any]
"""Fields of a `Description`."""

_HARMLESS = (
    "LoadImage",
    "EnsureChannelFirst",
    "EnsureType",
    "ToTensor",
    "ToDevice",
    "CropForeground",
)
"""What is done here anyway, or changes nothing that the network sees."""


def preprocessing_of(inference: Mapping[str, Any]) -> tuple[Said, tuple[str, ...]]:
    """Return what an inference configuration says, and a remark on transforms not done here.

    Values that are expressions ($ or @) count as not done.
    """
    given = inference.get("preprocessing")
    steps = given.get("transforms", []) if isinstance(given, Mapping) else []
    found: Said = {}
    left_out = []
    for step in steps:
        name = str(step.get("_target_", "")).rpartition(".")[2].removesuffix("d")
        said = _TRANSFORMS[name](step) if name in _TRANSFORMS else None
        if said is None and name not in _HARMLESS:
            left_out.append(name)
        found |= said or {}
    if not left_out:
        return found, ()
    remark = Remark(
        "preprocessing-left-out",
        f"Of the bundle's preprocessing {', '.join(left_out)} is not done here; see whether the "
        "network needs it.",
    )
    return found, (remark,)


def _spacing(step: Mapping[str, Any]) -> Said | None:
    return {"spacing": list(step["pixdim"])} if _are_numbers(step.get("pixdim")) else None


def _orientation(step: Mapping[str, Any]) -> Said | None:
    axes = step.get("axcodes")
    return {"axes": axes} if isinstance(axes, str) and axes[:1] not in {"$", "@"} else None


def _window(step: Mapping[str, Any]) -> Said | None:
    return _to_unit("window", [step.get("a_min"), step.get("a_max")], step)


def _percentiles(step: Mapping[str, Any]) -> Said | None:
    return _to_unit("percentiles", [step.get("lower"), step.get("upper")], step)


def _to_unit(kind: str, levels: list[Any], step: Mapping[str, Any]) -> Said | None:
    """Return two levels that become 0 and 1, clipped; nothing else is done here."""
    clipped = (step.get("b_min"), step.get("b_max"), step.get("clip")) == (0, 1, True)
    if not (clipped and _are_numbers(levels)):
        return None
    return {"intensity": {"kind": kind, "levels": levels}}


def _whole_range(step: Mapping[str, Any]) -> Said | None:
    if {"minv", "maxv", "factor"} & set(step):
        return None
    return {"intensity": {"kind": "percentiles", "levels": [0, 100]}}


def _standardised(step: Mapping[str, Any]) -> Said | None:
    if {"subtrahend", "divisor"} & set(step) or step.get("nonzero"):
        return None
    return {"intensity": {"kind": "standardise"}}


def _are_numbers(values: Any) -> bool:
    is_list = isinstance(values, Sequence) and not isinstance(values, str)
    return is_list and all(isinstance(each, int | float) for each in values)


_TRANSFORMS: dict[str, Callable[[Mapping[str, Any]], Said | None]] = {
    "Spacing": _spacing,
    "Orientation": _orientation,
    "ScaleIntensityRange": _window,
    "ScaleIntensityRangePercentiles": _percentiles,
    "ScaleIntensity": _whole_range,
    "NormalizeIntensity": _standardised,
}
