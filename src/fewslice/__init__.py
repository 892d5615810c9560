"""From a few annotated slices to a whole volume: few-shot segmentation of CT, OCT and MRI."""

from fewslice._version import __version__

__all__ = ["__version__"]
