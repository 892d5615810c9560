"""Test-time augmentation: the same annotation in the scan seen differently.

Wang et al., Neurocomputing 2019: the spread of answers over random transformations of the input is
an estimate of what the data leave open. Here intensities are changed (blur, noise, bias field,
curves that keep their order) and the outlines stay exactly where they were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Engine, Scan
from fewslice.engines.random_walker.engine import RandomWalker
from fewslice.segmentation.posterior.samples import Samples, as_samples
from fewslice.volumes.intensity_range import width_between
from fewslice.volumes.region import bounding_region

_LOW, _HIGH = 2.0, 98.0


@dataclass(frozen=True)
class Augmentation:
    """Answer in the scan as it is, then in changed copies of it.

    count: of changed copies. noise: standard deviation, as a share of the range of intensities
    around what was drawn (2nd to 98th percentile). gamma: the logarithm of the power intensities
    are raised to is drawn from a normal distribution of this width. blur: the largest standard
    deviation in voxels, drawn uniformly.
    """

    engine: Engine = field(default_factory=RandomWalker)
    count: int = 5
    noise: float = 0.08
    gamma: float = 0.3
    blur: float = 0.8

    def samples(self, scan: Scan, annotation: Annotation, seed: int = 0) -> Samples:
        """Return the answer in the scan and in each changed copy."""
        rng = np.random.default_rng(seed)
        near = bounding_region(annotation.labels > 0).slices
        answers = [self.engine.prepare(scan).predict(annotation)]
        for _ in range(self.count):
            changed = np.stack(
                [self._changed(channel, channel[near], rng) for channel in scan.channels]
            )
            copy = replace(scan, channels=changed, cropped_from=None)
            answers.append(self.engine.prepare(copy).predict(annotation))
        return as_samples(answers, annotation)

    def _changed(
        self,
        channel: npt.NDArray[np.generic],
        near: npt.NDArray[np.generic],
        rng: np.random.Generator,
    ) -> npt.NDArray[np.float32]:
        from scipy import ndimage

        low, high = np.percentile(near.astype(np.float32), [_LOW, _HIGH])
        width = width_between(low, high, near)
        values = (channel.astype(np.float32) - np.float32(low)) / np.float32(width)
        power = float(np.exp(rng.normal(0.0, self.gamma)))
        # Signed, so that the order of intensities outside of the range stays as it is.
        values = np.sign(values) * np.abs(values) ** power
        values = ndimage.gaussian_filter(values, rng.uniform(0.0, self.blur))
        values += rng.normal(0.0, self.noise, size=values.shape)
        return np.asarray(values * width + low, dtype=np.float32)
