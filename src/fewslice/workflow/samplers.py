"""Where the posterior samples of a pool's scans come from: engines that learn from other scans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fewslice.assembly.posterior import Samples
from fewslice.assembly.posterior.samples import as_samples
from fewslice.engines import Scan, find_engine
from fewslice.errors import InputError
from fewslice.slices.annotation import find_annotation
from fewslice.volumes import Image, LabelMap, read_image, read_labels
from fewslice.workflow.grids import on_one_grid
from fewslice.workflow.suggest import default_sampler
from fewslice.workflow.supporting import support_pairs, supported_annotation

_MEMBERS = 4
"""Parts of the support scans that the engine is asked with, at most."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EngineSampler:
    """A committee of contexts: one engine, asked with all support scans and with parts of them.

    support: paths of scans with their labels, at least two. engine: one that uses support. Scans
    of which slices are annotated are answered from these as `fewslice.suggest` does, if there is
    no support.
    """

    support: Pairs = ()
    engine: str = "auto"

    def __call__(self, image: Image, labels: LabelMap | None, seed: int) -> Samples:
        """Return the samples of a scan. Raises InputError if there is nothing to answer from."""
        image, drawn = on_one_grid(image, labels)
        scan = Scan(image.channels, image.geometry.spacing)
        if not self.support:
            if labels is None:
                raise InputError(
                    "Nothing is annotated on the scan, and there are no support scans to answer "
                    "from; give some."
                )
            annotation = find_annotation(drawn.array, image.geometry)
            return default_sampler().samples(scan, annotation, seed)
        pairs = support_pairs(read_support(self.support), image)
        annotation, others = supported_annotation(drawn, image.geometry, (), pairs)
        engine = find_engine(self.engine)
        parts = [others, *(others[at::_MEMBERS] for at in range(min(_MEMBERS, len(others))))]
        if len(others) == 1:
            raise InputError("One support scan makes no committee; give at least two.")
        answers = [engine.prepare(scan, part).predict(annotation) for part in parts]
        return as_samples(
            [each for each in answers if each.values == answers[0].values], annotation
        )


@lru_cache(maxsize=1)  # a worker answers for many scans from the same support
def read_support(support: Pairs) -> list[tuple[Image, LabelMap]]:
    """Read scans with their labels."""
    return [(read_image(Path(scan)), read_labels(Path(labels))) for scan, labels in support]
