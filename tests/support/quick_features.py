"""Settings for features of a scan on a grid so coarse that tests are fast."""

from __future__ import annotations

from fewslice.engines.network.features import FeatureSettings
from fewslice.engines.random_walker.appearance import AppearanceSettings
from fewslice.engines.random_walker.engine import WalkerSettings

QUICK = FeatureSettings(
    most_voxels=20_000,
    sketch=WalkerSettings(
        radius_in_voxels=9.0,
        most_voxels=8_000,
        appearance=AppearanceSettings(trees=10, samples=1000),
    ),
)
