"""Another spacing in place of a scan's own, without losing the grid that it came on.

Whoever measures sees the spacing that was given; whoever writes a file repeats the scan's own grid,
so that a result lies on its scan in every program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from fewslice.volumes.geometry import Geometry
from fewslice.volumes.image import Image, LabelMap, StoredGeometry

Volume = TypeVar("Volume", Image, LabelMap)

_SAME = 1e-3  # people round: such a spacing is taken for the scan's own


def respaced(volume: Volume, spacing: Sequence[float]) -> Volume:
    """Return a scan or label map with the spacing that a person gave in place of its own.

    Parameters
    ----------
    volume
        It remembers its own grid, which is what `fewslice.write_labels` writes.
    spacing
        mm per array axis.

    Returns
    -------
    Image or LabelMap
        With another geometry; the voxels are the same.

    Raises
    ------
    GeometryError
        Unless the spacing is three positive numbers.
    """
    own = own_geometry(volume)
    given = own.with_spacing(spacing)
    geometry = own if np.allclose(given.spacing, own.spacing, rtol=_SAME, atol=0) else given
    stored = replace(volume.stored or StoredGeometry("array", {}), geometry=own)
    return replace(volume, geometry=geometry, stored=stored)


def own_geometry(volume: Image | LabelMap) -> Geometry:
    """Return the grid that a volume came on, whatever spacing was given since."""
    stored = volume.stored
    return volume.geometry if stored is None or stored.geometry is None else stored.geometry


def on_own_grid(volume: Volume) -> Volume:
    """Return a volume on the grid that it came on."""
    return replace(volume, geometry=own_geometry(volume))
