"""From a few annotated slices to a whole volume: few-shot segmentation of CT, OCT and MRI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fewslice._version import __version__

if TYPE_CHECKING:
    from fewslice.errors import FewsliceError
    from fewslice.io import DicomOutput, read_image, read_labels, write_image, write_labels
    from fewslice.io.dicomweb.server import DicomWebServer
    from fewslice.io.oct.info import oct_info
    from fewslice.reporting.oct.measures import measure_oct
    from fewslice.segmentation.result import Segmentation
    from fewslice.training.store import load_model
    from fewslice.volumes import Geometry, Image, LabelMap
    from fewslice.workflow.rank_pool import rank_pool
    from fewslice.workflow.segment import segment
    from fewslice.workflow.session import Session
    from fewslice.workflow.suggest import Suggestion, suggest
    from fewslice.workflow.train import train

# Where each public name lives; looked up when it is first asked for, so that importing fewslice
# (and `fewslice --help`) loads nothing.
_HOME = {
    "DicomOutput": "fewslice.io",
    "DicomWebServer": "fewslice.io.dicomweb.server",
    "FewsliceError": "fewslice.errors",
    "Geometry": "fewslice.volumes",
    "Image": "fewslice.volumes",
    "LabelMap": "fewslice.volumes",
    "Segmentation": "fewslice.segmentation.result",
    "Session": "fewslice.workflow.session",
    "Suggestion": "fewslice.workflow.suggest",
    "load_model": "fewslice.training.store",
    "measure_oct": "fewslice.reporting.oct.measures",
    "oct_info": "fewslice.io.oct.info",
    "rank_pool": "fewslice.workflow.rank_pool",
    "read_image": "fewslice.io",
    "read_labels": "fewslice.io",
    "train": "fewslice.workflow.train",
    "segment": "fewslice.workflow.segment",
    "suggest": "fewslice.workflow.suggest",
    "write_image": "fewslice.io",
    "write_labels": "fewslice.io",
}

__all__ = [
    "DicomOutput",
    "DicomWebServer",
    "FewsliceError",
    "Geometry",
    "Image",
    "LabelMap",
    "Segmentation",
    "Session",
    "Suggestion",
    "__version__",
    "load_model",
    "measure_oct",
    "oct_info",
    "rank_pool",
    "read_image",
    "read_labels",
    "segment",
    "suggest",
    "train",
    "write_image",
    "write_labels",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fewslice' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
